//! Errors → words, hints and exit codes.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::outside;
use crate::error::Error;
use crate::error::FAILED;
use crate::error::PublishError;
pub(super) use crate::error::USAGE;
use crate::format::shown;
use crate::host::SandboxError;
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
        Failure::Library(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                write!(text, ": {error}").expect("writing to a String succeeds");
                cause = error.source();
            }
            text
        }
    }
}

/// How to look at an output that nobody expected: beside the one that is there, if there is one.
fn unexpected(aside: &Path) -> String {
    let before = aside.with_extension("");
    let before = if before.is_dir() { before.display().to_string() } else { "OTHER".to_owned() };
    format!("`imgbuild compare {before} {}` says what differs, and why", aside.display())
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
    Some(format!("did you mean `{}`?", path.with_file_name(meant).display()))
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
        io::ErrorKind::NotFound => beside(path, outside::names_in),
        // Above a path that cannot be there something else may be no directory.
        io::ErrorKind::NotADirectory if !path.is_file() => None,
        io::ErrorKind::NotADirectory if is_lock => {
            Some(format!("{OUTPUT}; `imgbuild verify --lock {}` proves a lock", path.display()))
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
    let meant = recipe::nearest(suite, SUITES).filter(|meant| *meant != suite);
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
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
        Error::Archive(error) if unknown_suite(error).is_some() => return unknown_suite(error),
        Error::Archive(error) if unknown_component(error).is_some() => return unknown_component(error),
        Error::Registry(registry) if registry.is_retryable() => {
            "does a registry answer there, and is the reference right (`REGISTRY/NAME:TAG`)? Otherwise try again later: what \
             is there already is not sent again"
        }
        Error::Registry(registry) if matches!(**registry, crate::host::registry::RegistryError::Digest { .. }) => {
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

/// Whether a server answered that it wants a login, or another one.
fn wants_a_login(error: &Error) -> bool {
    use crate::host::TransportError;

    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes
        .filter_map(|cause| cause.downcast_ref::<TransportError>())
        .any(|cause| matches!(cause, TransportError::Status(401 | 403)))
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

/// What helps where a mirror of Debian's answers and has no such suite.
fn unknown_suite(error: &crate::archive::Error) -> Option<String> {
    use crate::archive::Error as Archive;
    use crate::host::TransportError;
    use crate::host::download::DownloadError;

    let Archive::Download { archive, path, source: DownloadError::Transport { source, .. } } = error else {
        return None;
    };
    let suite = path.strip_prefix("dists/")?.split('/').next()?;
    if !matches!(source, TransportError::NotFound) || archive.contains("://") {
        return None;
    }
    let meant = recipe::nearest(suite, SUITES).filter(|meant| *meant != suite);
    Some(match meant {
        Some(meant) => format!("there is no suite `{suite}` on that mirror: did you mean `{meant}`?"),
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
}
