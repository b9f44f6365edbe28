//! Errors → words, hints and exit codes.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::outside;
use crate::error::Error;
use crate::error::FAILED;
use crate::error::PublishError;
pub(super) use crate::error::USAGE;
use crate::error::causes;
use crate::error::told;
use crate::format::oci::Reference;
use crate::format::shown;
use crate::host::SandboxError;
use crate::host::TransportError;
use crate::host::files;
use crate::host::lab;
use crate::host::redacted;
use crate::host::registry::RegistryError;
use crate::manifest;
use crate::pipeline::MANIFEST;
use crate::recipe;
use crate::recipe::LockError;

/// A bug of this program.
pub(super) const BUG: u8 = 4;
/// Added to the number of a signal, as shells do.
pub(super) const SIGNAL: u8 = 128;

/// Why a command did not end well.
#[derive(Debug)]
pub(super) enum Failure {
    /// The library says so.
    Library(Error),
    /// What was typed makes no sense.
    Usage(String),
    /// A file of the command's own.
    File {
        /// Attempted: `write`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was compared differs; how is on standard output.
    Different,
    /// There is no sandbox to examine, or it could not be.
    Sandbox(SandboxError),
    /// Ways out of the sandbox that are open.
    Open(Vec<String>),
    /// What builds need is not here; standard output says what.
    Lacks,
    /// Some of several recipes; why is told already.
    Several {
        /// The worst of their exit codes.
        code: u8,
        /// Their files.
        failed: Vec<PathBuf>,
        /// How many recipes there were.
        all: usize,
    },
    /// Standard output cannot be written.
    Stdout(io::Error),
    /// By the signal of this number.
    Interrupted(u8),
    /// A panic; its message is out already.
    Bug,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Library(error.into())
    }
}

impl Failure {
    /// Whether the reader of our output has had enough, as `head` does.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The one table of exit codes.
pub(super) fn exit_code(failure: &Failure) -> u8 {
    match failure {
        Failure::Bug => BUG,
        Failure::Interrupted(number) => SIGNAL + number,
        Failure::Usage(_) => USAGE,
        Failure::Several { code, .. } => *code,
        Failure::Library(error) => error.exit_code(),
        Failure::Sandbox(_)
        | Failure::Open(_)
        | Failure::Lacks
        | Failure::File { .. }
        | Failure::Stdout(_)
        | Failure::Different => FAILED,
    }
}

/// The last words of a command, or of one of several recipes: what happened, why, and what to do.
pub(super) fn describe(recipe: Option<&Path>, failure: &Failure) -> String {
    let (message, help) = (message(failure), hint(failure));
    let help = help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
    // Words of packages, mirrors and recipes may be in it.
    let recipe = recipe.map(|recipe| format!("`{}`: ", recipe.display())).unwrap_or_default();
    shown::lines(&format!("imgbuild: {recipe}{message}{help}")).into_owned()
}

/// What happened, with all its causes.
pub(super) fn message(failure: &Failure) -> String {
    match failure {
        Failure::Usage(message) => message.clone(),
        Failure::File { action, path, source } => format!("cannot {action} `{}`: {source}", path.display()),
        Failure::Stdout(error) => format!("cannot write to standard output: {error}"),
        Failure::Different => "they differ".to_owned(),
        Failure::Several { failed, all, .. } => {
            let names: Vec<String> = failed.iter().map(|recipe| format!("`{}`", recipe.display())).collect();
            format!("{} of {all} recipes failed: {}", failed.len(), names.join(", "))
        }
        Failure::Sandbox(error) => format!("cannot examine the sandbox: {error}"),
        Failure::Lacks => "something that builds need lacks here".to_owned(),
        Failure::Open(ways) => format!("the sandbox does not hold: {}", ways.join("; ")),
        Failure::Bug => "this is a bug of imgbuild; the lines above say where".to_owned(),
        // Each problem has its own place and lines.
        Failure::Library(Error::Recipe(recipe::Error::Invalid(problems))) => {
            let number = problems.len();
            let mut text = format!("the recipe has {number} problem{}", if number == 1 { "" } else { "s" });
            for problem in problems {
                write!(text, "\n\n{problem}").expect("writing to a String succeeds");
            }
            text
        }
        Failure::Interrupted(_) => "interrupted".to_owned(),
        Failure::Library(error) => told(error),
    }
}

/// A path as it is typed in a shell.
pub(super) fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%=".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { lab::quote(&text) }
}

/// How to look at an output that nobody expected: beside the one that is there, if there is one.
fn unexpected(aside: &Path) -> String {
    let (before, aside) = (aside.with_extension(""), typed(aside));
    if before.is_dir() {
        return format!("`imgbuild compare {} {aside}` says what differs, and why", typed(&before));
    }
    format!(
        "`imgbuild report {aside}` shows what is in it; where you have the output that is expected, `imgbuild compare` says \
         what differs, and why"
    )
}

/// What to do about packages of a recipe that its lock has not: a new one is locked, a wrong word corrected.
fn lacking(lacks: &[(String, Option<String>)]) -> String {
    let names: Vec<&str> = lacks.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!(
        "`imgbuild lock RECIPE --update {}` takes what it lacks into the lock, and moves only what must",
        names.join(" ")
    );
    for (name, meant) in lacks {
        if let Some(meant) = meant {
            write!(text, "; did you mean `{meant}`, which it has, by `{name}`?").expect("writing to a String succeeds");
        }
    }
    text + "\n  `imgbuild add PACKAGE` changes recipe and lock together"
}

/// What helps where a recipe cannot be read.
fn no_recipe(path: &Path, source: &io::Error) -> String {
    let beside = beside(path, |directory| outside::files_in(directory, "toml"));
    beside
        .filter(|_| source.kind() == io::ErrorKind::NotFound)
        .unwrap_or_else(|| "`imgbuild init` writes a recipe to start from".to_owned())
}

/// The name in a directory that is spelled most like one that is not there.
fn beside(path: &Path, names: impl Fn(&Path) -> Result<Vec<PathBuf>, Failure>) -> Option<String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = names(directory).unwrap_or_default();
    let meant = recipe::nearest(path.file_name()?.to_str()?, names.iter().filter_map(|name| name.to_str()))?;
    // An extension that both have makes no names alike.
    let (found, stem) = (Path::new(meant), |name: &Path| name.file_stem()?.to_str().map(str::to_owned));
    let is_alike = found.extension() != path.extension() || recipe::nearest(&stem(path)?, [&*stem(found)?]).is_some();
    is_alike.then(|| format!("did you mean `{}`?", path.with_file_name(meant).display()))
}

/// What helps where a path is not there that reads like what a registry has.
fn in_registry(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let name = text.strip_prefix("oci:").unwrap_or(text).trim_start_matches('/');
    let has_tag = || name.rsplit_once('/').is_some_and(|(_, last)| last.contains([':', '@']));
    if text.starts_with(['/', '.']) || !(text.starts_with("oci:") || has_tag()) {
        return None;
    }
    let name = if name.parse::<Reference>().is_ok() { name } else { "REGISTRY/NAME:TAG" };
    Some(format!(
        "what a registry has is `oci://{name}` for `imgbuild publish`, and `imgbuild pull {name} DIR` fetches it"
    ))
}

/// What helps where something that was named cannot be read.
fn unread(path: &Path, source: &io::Error) -> Option<String> {
    const OUTPUT: &str = "an output is a directory with `manifest.json`, as `imgbuild build` leaves it";
    let is_lock = path.extension().is_some_and(|extension| extension == "lock");
    match source.kind() {
        // The directory is there, and something else.
        io::ErrorKind::NotFound if path.ends_with(MANIFEST) && path.parent().is_some_and(Path::exists) => {
            Some(OUTPUT.to_owned())
        }
        io::ErrorKind::NotFound => beside(path, outside::names_in).or_else(|| in_registry(path)),
        // Above a path that cannot be there something else may be no directory.
        io::ErrorKind::NotADirectory if !path.is_file() => None,
        io::ErrorKind::NotADirectory if is_lock => {
            Some(format!("{OUTPUT}; `imgbuild verify --lock {}` proves a lock", typed(path)))
        }
        io::ErrorKind::NotADirectory => Some(OUTPUT.to_owned()),
        _ => None,
    }
}

/// What helps where a `manifest.json` is none of an output.
fn foreign(what: &str) -> String {
    let output = "give the directory of an output, as `imgbuild build` leaves it";
    if what == manifest::CONTAINER {
        return format!(
            "{output}; `skopeo copy dir:DIR oci:LAYOUT` makes an OCI layout of a container image, which `imgbuild \
             compare` reads"
        );
    }
    output.to_owned()
}

/// What helps where a lock is of another suite.
fn other_suite(suite: &str) -> String {
    let meant = suite_meant(suite).map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
    format!("{meant}It has nothing of the suite `{suite}`: move it with `imgbuild lock RECIPE --update`, or remove it")
}

/// What to do about it, where that is known.
pub(super) fn hint(failure: &Failure) -> Option<String> {
    let Failure::Library(error) = failure else {
        return matches!(failure, Failure::Bug).then(|| "please report it, with the recipe and its lock".to_owned());
    };
    let text = match error {
        Error::Recipe(recipe::Error::Read { path, source }) => return Some(no_recipe(path, source)),
        Error::Read { path, source } => return unread(path, source),
        Error::Manifest { source: manifest::Error::Foreign(what), .. } => return Some(foreign(what)),
        Error::Lock(LockError::Stale { suite: Some(suite), .. }) => return Some(other_suite(suite)),
        Error::Lock(LockError::Stale { lacks, .. }) if !lacks.is_empty() => return Some(lacking(lacks)),
        Error::Lock(LockError::Stale { .. }) => "move it with `imgbuild lock RECIPE --update`, or remove it",
        Error::Lock(LockError::Missing { .. }) => "make it with `imgbuild lock RECIPE`",
        Error::Lock(LockError::Invalid { .. } | LockError::Syntax(_)) => {
            "take it back from where recipes are kept; or remove it, and make it anew with `imgbuild lock RECIPE`"
        }
        Error::LockMisfit(_) | Error::LockedSource(_) | Error::LockBroken(_) => {
            "take the lock back from where recipes are kept; or move it with `imgbuild lock RECIPE --update`"
        }
        Error::Unproved(_) => {
            "go online, or name a mirror or a copy of the snapshot archive that has it; `--trust-lock` goes on without \
             proof, and the manifest says so"
        }
        Error::Modules(error) if matches!(**error, crate::modules::Error::Unavailable { .. }) => {
            "build where the sandbox runs, as `imgbuild doctor` says, on a machine of the image's architecture: with a \
             store that both share (`--store`) and one IMGBUILD_CACHE_KEY what it has built is had here as well"
        }
        Error::Builders(_) => {
            "the archives must have the headers of exactly the kernel that is in the image: `imgbuild lock RECIPE --update` \
             takes the newest of both"
        }
        Error::Unexpected { aside, .. } => return Some(unexpected(aside)),
        Error::Publish(error) if matches!(**error, PublishError::Unknown(_)) => {
            "look whether they are up; `--force` goes on, and keeps what the NFS server says is in use"
        }
        Error::Unverified { .. } | Error::Manifest { .. } => {
            "nothing of it was used; build it again, or take it again from where it was built"
        }
        Error::Publish(error) if matches!(**error, PublishError::Unsigned { .. }) => "nothing of it was used",
        Error::Archive(error) if matches!(**error, crate::archive::Error::Keyring { .. }) => {
            "`signed-by` names a file with the public key of who runs the archive"
        }
        error if wants_a_login(error) => {
            "IMGBUILD_AUTH_FILE names a file of logins in the form of apt_auth.conf(5): for https, or with `http://` before \
             the machine's name"
        }
        error if caused(error, |cause| matches!(cause, TransportError::Offline)) => {
            "go on once without `--offline`, or name the cache that has it with `--cache`"
        }
        Error::Archive(error) if no_mirror(error).is_some() => return no_mirror(error),
        Error::Archive(error) if unknown_suite(error).is_some() => return unknown_suite(error),
        Error::Archive(error) if unknown_component(error).is_some() => return unknown_component(error),
        Error::Registry(registry) if registry.is_retryable() => {
            // What was attempted names it by its URL.
            let plain =
                if registry.to_string().contains("https://") { " One without TLS wants `--plain-http`." } else { "" };
            return Some(format!(
                "does a registry answer there, and is the reference right (`REGISTRY/NAME:TAG`)?{plain} Otherwise try again \
                 later: what is there already is not sent again"
            ));
        }
        Error::Registry(registry) if is_no_registry(registry) => {
            "is it a registry that answers there, and is the reference right (`REGISTRY/NAME:TAG`)?"
        }
        Error::Registry(registry) if matches!(**registry, RegistryError::Digest { .. }) => {
            "nothing of it was used; push it again from where it was built"
        }
        error if further(error).is_some() => return further(error).map(str::to_owned),
        error if error.is_retryable() => "try again later, or with another `--mirror`; what came is in the cache",
        error if error.is_integrity() => {
            "nothing of it was used; try another `--mirror`, and if that fails too, ask who runs the archive"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Whether a transport's error of this kind is behind one.
fn caused(error: &Error, is_it: impl Fn(&TransportError) -> bool) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<TransportError>().is_some_and(&is_it))
}

/// Whether a server answered that it wants a login, or another one.
fn wants_a_login(error: &Error) -> bool {
    caused(error, |cause| matches!(cause, TransportError::Status(401 | 403)))
}

/// Whether what answers may be something else than a registry. One that wants a login is one.
const fn is_no_registry(error: &RegistryError) -> bool {
    match error {
        RegistryError::Refused { status, .. } => !matches!(*status, 401 | 403 | 413 | 429),
        RegistryError::Answer { .. } => true,
        _ => false,
    }
}

/// Every name that Debian's archives still have a suite by.
const SUITES: [&str; 12] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "experimental",
];

/// The first of them are called by these numbers as well, and no archive knows them so.
const NUMBERS: [&str; 5] = ["10", "11", "12", "13", "14"];

/// The suite that was probably meant by a name that is none.
fn suite_meant(suite: &str) -> Option<&'static str> {
    let number = suite.strip_prefix("debian").unwrap_or(suite).trim_start_matches('-');
    let numbered = NUMBERS.iter().position(|known| *known == number).map(|at| SUITES[at]);
    // Pockets are called after it, and are in `pockets`.
    let of_pocket = || suite.split_once('-').and_then(|(suite, _)| SUITES.into_iter().find(|known| *known == suite));
    numbered.or_else(|| recipe::nearest(suite, SUITES)).or_else(of_pocket).filter(|meant| *meant != suite)
}

/// Who names the mirrors of Debian.
const NAMED: &str = "`--mirror`, `mirror` in `[debian]` or IMGBUILD_MIRROR";

/// The first file that an archive of Debian's could not give: its path, its URL, and why.
fn not_given(error: &crate::archive::Error) -> Option<(&str, &str, &TransportError)> {
    use crate::archive::Error as Archive;
    use crate::host::download::DownloadError;

    let Archive::Download { archive, path, source: DownloadError::Transport { url, source } } = error else {
        return None;
    };
    (!archive.contains("://")).then_some((path, url, source))
}

/// What helps where there is nothing of Debian's at the place that is said to be a mirror.
fn no_mirror(error: &crate::archive::Error) -> Option<String> {
    let (path, url, source) = not_given(error)?;
    let base = url.strip_suffix(path)?.trim_end_matches('/');
    if let Some(directory) = files::path_of(base).filter(|directory| !directory.is_dir()) {
        return Some(format!("there is no directory `{}`: look at {NAMED}", directory.display()));
    }
    let is_refused = matches!(source, TransportError::Status(status) if !matches!(*status, 401 | 403));
    (is_refused && !source.is_retryable())
        .then(|| format!("is there a mirror of Debian's at <{}>? Look at {NAMED}", redacted(base)))
}

/// What helps where a mirror of Debian's answers and has no such suite.
fn unknown_suite(error: &crate::archive::Error) -> Option<String> {
    let (path, url, source) = not_given(error)?;
    let suite = path.strip_prefix("dists/")?.split('/').next()?;
    if !matches!(source, TransportError::NotFound) {
        return None;
    }
    Some(match suite_meant(suite) {
        Some(meant) => format!("there is no suite `{suite}` on that mirror: did you mean `{meant}`?"),
        None if SUITES.contains(&suite) => {
            let base = url.strip_suffix(path).unwrap_or(url).trim_end_matches('/');
            format!(
                "there is no suite `{suite}` on that mirror: is there one of Debian's at <{}> (look at {NAMED})? Else look \
                 at `suite` and `pockets` in `[debian]`",
                redacted(base)
            )
        }
        None => format!("there is no suite `{suite}` on that mirror: look at `suite` and `pockets` in `[debian]`"),
    })
}

/// What helps where an archive has no such component.
fn unknown_component(error: &crate::archive::Error) -> Option<String> {
    use crate::archive::Error as Archive;
    use crate::archive::ReleaseError as Release;

    let Archive::Release { archive, source: Release::Component { wanted, found } } = error else { return None };
    let table = if archive.contains("://") { "its `[[archive]]`" } else { "`[debian]`" };
    let meant = recipe::nearest(wanted, found.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    Some(format!("look at `components` in {table}{meant}"))
}

/// What helps with an archive of the recipe's that is not Debian's, where no other mirror can.
fn further(error: &Error) -> Option<&'static str> {
    use crate::archive::Error as Archive;
    use crate::archive::ReleaseError as Release;

    // Those of Debian have plain names; the others are named by URL and suite.
    let is_further = |name: Option<&str>| name.is_some_and(|name| name.contains("://"));
    let archive = match error {
        Error::Archive(archive) if is_further(archive.archive()) => archive,
        Error::Fetch(fetch) if is_further(fetch.archive()) => {
            let later = "try again later; what came is in the cache. If it stays so, ask who runs the archive";
            return (fetch.is_retryable() || fetch.is_integrity()).then_some(later);
        }
        _ => return None,
    };
    Some(match &**archive {
        Archive::Signature { .. } => {
            "is the key that `signed-by` of its `[[archive]]` names the one that who runs it signs with today?"
        }
        Archive::Release { source: Release::SuiteMismatch { .. }, .. } => {
            "if it is the archive you mean, write `allow = [\"suite-mismatch\"]` in its `[[archive]]`"
        }
        Archive::Release { source: Release::Field { field: "Date", .. }, .. } => {
            "if it never has a date, write `allow = [\"no-date\"]` in its `[[archive]]`"
        }
        Archive::Release { source: Release::Stale { .. }, .. }
        | Archive::Release { source: Release::Field { field: "Valid-Until", .. }, .. } => {
            "if it is no longer kept up, write `allow = [\"expired\"]` in its `[[archive]]`"
        }
        Archive::Release { source: Release::Missing(_) | Release::Architecture { .. }, .. } => {
            "look at `components` of its `[[archive]]`, and whether it has packages for this architecture"
        }
        Archive::Download { .. } if !error.is_retryable() && !error.is_integrity() => {
            "look at `url` and `suite` of its `[[archive]]`; a flat repository has a suite that ends in a slash, \
             such as `./`"
        }
        error if error.is_retryable() => "try again later; what came is in the cache",
        error if error.is_integrity() => "nothing of it was used; ask who runs the archive",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Error as Archive;
    use crate::archive::ReleaseError;
    use crate::host::TransportError;
    use crate::host::download::DownloadError;

    /// Another mirror helps with Debian's archive, and never with one that has a single address.
    #[test]
    fn advice_fits_the_archive() {
        let further = "https://packages.example.org/x tools";
        let said = |error: Archive| hint(&Failure::Library(error.into())).unwrap_or_default();
        let release = |archive: &str, source| Archive::Release { archive: archive.to_owned(), source };
        let download = |archive: &str, source| Archive::Download {
            archive: archive.to_owned(),
            path: "InRelease".to_owned(),
            source: DownloadError::Transport { url: String::new(), source },
        };
        let network = || TransportError::Network("refused".to_owned());
        assert!(said(release("debian", ReleaseError::NoStrongHash)).contains("--mirror"));
        assert!(said(download("debian", network())).contains("--mirror"));
        let suite = |suite: &str| Archive::Download {
            archive: "debian".to_owned(),
            path: format!("dists/{suite}/Release.gpg"),
            source: DownloadError::Transport { url: String::new(), source: TransportError::NotFound },
        };
        assert!(said(suite("trixi")).ends_with("did you mean `trixie`?"));
        assert!(said(suite("trixie")).ends_with("in `[debian]`"));
        for (number, meant) in [("13", "trixie"), ("debian-12", "bookworm"), ("bookworm-backport", "bookworm")] {
            assert!(said(suite(number)).ends_with(&format!("did you mean `{meant}`?")), "{number}");
        }
        let at = |url: &str, source| Archive::Download {
            archive: "debian".to_owned(),
            path: "dists/trixie/InRelease".to_owned(),
            source: DownloadError::Transport { url: format!("{url}/dists/trixie/InRelease"), source },
        };
        let none = said(at("file:///nonexistent%20place", TransportError::NotFound));
        assert!(none.starts_with("there is no directory `/nonexistent place`: look at `--mirror`"), "{none}");
        let (url, http) = ("http://deb.example.org/debain", "<http://deb.example.org/debain>");
        for source in [TransportError::Status(400), TransportError::NotFound] {
            let said = said(at(url, source));
            assert!(said.contains(http) && said.contains("look at `--mirror`") || said.contains("Look at"), "{said}");
        }
        assert!(said(at(url, TransportError::Status(503))).contains("try again later"));
        assert!(said(at(url, TransportError::Offline)).contains("`--offline`"));
        let mismatch = || ReleaseError::SuiteMismatch { wanted: "a".into(), suite: "b".into(), codename: "c".into() };
        for (error, advice) in [
            (release(further, ReleaseError::NoStrongHash), "ask who runs the archive"),
            (release(further, mismatch()), "allow = [\"suite-mismatch\"]"),
            (release(further, ReleaseError::Field { field: "Date", reason: String::new() }), "allow = [\"no-date\"]"),
            (release(further, ReleaseError::Stale { until: 0, now: 1 }), "allow = [\"expired\"]"),
            (release(further, ReleaseError::Missing(String::new())), "`components`"),
            (download(further, TransportError::NotFound), "flat repository"),
            (download(further, network()), "try again later"),
        ] {
            let said = said(error);
            assert!(said.contains(advice) && !said.contains("--mirror"), "{advice}: {said}");
        }
    }

    #[test]
    fn what_is_typed_can_be_typed() {
        assert_eq!(typed(Path::new("build/a-b_1.2")), "build/a-b_1.2");
        assert_eq!(typed(Path::new("it's here")), r"'it'\''s here'");
        let place = tempfile::tempdir().expect("the tests can write");
        let aside = place.path().join("my out.unexpected");
        let quoted = |path: &Path| format!("'{}'", path.display());
        assert!(unexpected(&aside).starts_with(&format!("`imgbuild report {}`", quoted(&aside))), "nothing was there");
        std::fs::create_dir(place.path().join("my out")).expect("made");
        let before = place.path().join("my out");
        assert!(unexpected(&aside).contains(&format!("compare {} {}`", quoted(&before), quoted(&aside))));
    }

    #[test]
    fn what_a_registry_has_is_no_path() {
        for text in ["registry.example.org/x/y:1", "oci:registry.example.org/x/y:1", "oci:/registry.example.org/x/y"] {
            let said = in_registry(Path::new(text)).unwrap_or_default();
            assert!(said.contains("`oci://registry.example.org/x/y"), "{text}: {said}");
        }
        for text in ["HOST/name:tag", "oci:x/y:1", "oci://x"] {
            let said = in_registry(Path::new(text)).unwrap_or_default();
            assert!(said.contains("`oci://REGISTRY/NAME:TAG`"), "{text}: {said}");
        }
        for text in ["build/cluster", "build.old/cluster", "../x", "/a/b:c"] {
            assert_eq!(in_registry(Path::new(text)), None, "{text}");
        }
        let refused = |status| {
            let (action, words) = ("send it".to_owned(), String::new());
            let error = RegistryError::Refused { action, status, words };
            hint(&Failure::Library(error.into())).unwrap_or_default()
        };
        for (status, has_hint) in [(404, true), (405, true), (400, true), (501, true), (401, false)] {
            let said = refused(status);
            assert_eq!(said.contains("is the reference right"), has_hint, "{status}: {said}");
            assert!(!said.contains("--mirror"), "{said}");
        }
    }
}
