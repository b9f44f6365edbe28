//! The host as the command line, the environment and the system say it is: cache, mirrors, clock, threads.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::Common;
use super::cache;
use super::limits;
use super::print;
use super::settings::CacheSettings;
use super::settings::Settings;
use super::signals::Signals;
use super::terminal::Terminal;
use super::words;
use super::words::Failure;
use crate::archive;
use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::host::Event;
use crate::host::Host;
use crate::host::NoSandbox;
use crate::host::OfflineTransport;
use crate::host::Reporter;
use crate::host::Sandbox;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::Transport;
use crate::host::apt;
use crate::host::credentials::Credentials;
use crate::host::credentials::CredentialsError;
use crate::host::files::WithFiles;
use crate::host::http;
use crate::host::http::HttpTransport;
use crate::host::logins::Logins;
use crate::host::openpgp::OpenPgp;
#[cfg(not(feature = "remote"))]
use crate::host::redacted;
use crate::host::store::DirStore;
use crate::host::store::RecordKey;
use crate::limits::Limits;
use crate::pipeline::Mirrors;
use crate::recipe;
use crate::recipe::Lock;
use crate::recipe::LockError;
use crate::recipe::Recipe;

/// Used when nobody names another.
const MIRROR: &str = "http://ftp.debian.org/debian";
/// Likewise, for the archive of all that Debian ever published.
const SNAPSHOT: &str = "http://snapshot-cloudflare.debian.org/archive";
/// Characters of a secret that several machines share: half of them would do if all were drawn at random.
const SECRET_MIN: usize = 32;

/// The host of a build.
pub(super) fn host(common: &Common, signals: &Signals) -> Result<Host, Failure> {
    let reporter = Arc::new(Terminal::new(common, signals));
    let limits = limits::of(&common.limit)?;
    let transport: Arc<dyn Transport> = if common.offline {
        Arc::new(OfflineTransport)
    } else {
        let transport = HttpTransport::new(http::Options::within(&limits));
        let transport = transport.map_err(|error| Failure::Usage(format!("cannot use the network: {error}")))?;
        Arc::new(transport.with(credentials()?).cancelled_by(reporter.clone()))
    };
    let transport = Arc::new(WithFiles(transport));
    let cancel = signals.cancel();
    let settings = settings()?.cache;
    let directory = cache_directory(common.cache.as_deref(), &settings)?;
    let store = store(&directory, Some(reporter.as_ref()))?.cancelled_by(&cancel);
    let url = common.store.as_ref().or(settings.store.as_ref()).filter(|_| !common.offline);
    let store = match url {
        Some(url) => shared(store, url, &limits, reporter.clone())?,
        None => Arc::new(store),
    };
    let host = Host::new(transport, store);
    Ok(Host {
        trust: Arc::new(OpenPgp { limits }),
        sandbox: sandbox(&limits, &cancel),
        reporter,
        jobs: common.jobs.map_or(host.jobs, usize::from),
        limits,
        ..host
    })
}

/// Logins for private archives: of the variable `IMGBUILD_AUTH`, then of the file that `IMGBUILD_AUTH_FILE` names or
/// else of the one that is this user's.
pub(super) fn credentials() -> Result<Credentials, Failure> {
    let wrong = |error: CredentialsError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::Usage(format!("{error}{cause}"))
    };
    let named = variable("IMGBUILD_AUTH").map(|text| Credentials::parse(&text.to_string_lossy(), "IMGBUILD_AUTH"));
    let named = named.transpose().map_err(wrong)?.unwrap_or_default();
    let usual = || below("XDG_CONFIG_HOME", ".config", "imgbuild/auth.conf").filter(|path| path.exists());
    let file = variable("IMGBUILD_AUTH_FILE").map(PathBuf::from).or_else(usual);
    let kept = file.map(|path| Credentials::read(&path)).transpose().map_err(wrong)?.unwrap_or_default();
    Ok(named.and(kept))
}

/// The network without the logins of archives, which are none of a registry's.
pub(super) fn network(limits: &Limits, reporter: Arc<dyn Reporter>) -> Result<HttpTransport, Failure> {
    let transport = HttpTransport::new(http::Options::within(limits));
    let transport = transport.map_err(|error| Failure::Usage(format!("cannot use the network: {error}")))?;
    Ok(transport.cancelled_by(reporter))
}

/// Logins for registries: of the file that `REGISTRY_AUTH_FILE` names, or else of podman's own and of Docker's.
pub(super) fn logins() -> Result<Logins, Failure> {
    if let Some(file) = variable("REGISTRY_AUTH_FILE") {
        return Ok(Logins::default().read(Path::new(&file))?);
    }
    let docker = variable("DOCKER_CONFIG").map(|directory| PathBuf::from(directory).join("config.json"));
    let docker = docker.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".docker/config.json")));
    let runtime = variable("XDG_RUNTIME_DIR").map(|directory| PathBuf::from(directory).join("containers/auth.json"));
    let files = runtime.into_iter().chain(below("XDG_CONFIG_HOME", ".config", "containers/auth.json")).chain(docker);
    Ok(files.filter(|file| file.is_absolute()).try_fold(Logins::default(), |logins, file| logins.read(&file))?)
}

#[cfg(feature = "sandbox")]
fn sandbox(limits: &Limits, cancel: &Cancel) -> Arc<dyn Sandbox> {
    match std::env::current_exe() {
        Ok(program) => Arc::new(crate::host::sandbox::Namespaces::new(program).within(limits).cancelled_by(cancel)),
        Err(_) => Arc::new(NoSandbox),
    }
}

#[cfg(not(feature = "sandbox"))]
fn sandbox(_: &Limits, _: &Cancel) -> Arc<dyn Sandbox> {
    Arc::new(NoSandbox)
}

/// The kind of the records of which program a file is.
const PROGRAM: &str = "program-1";

/// Tells this program from all others, on every machine: its version, and the digest of its file. Reading a hundred
/// megabytes would take longer than all the rest where nothing has changed, so the digest is remembered by how the file
/// looks.
pub(super) fn program(store: &dyn Store) -> Option<String> {
    let file = std::fs::File::open(std::env::current_exe().ok()?).ok()?;
    let about = file.metadata().ok()?;
    let changed = (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
    let looks = format!("{:?} {} {changed:?}", (about.dev(), about.ino()), about.len());
    let key = Sha256::of(looks.as_bytes()).to_string();
    let known = store.record(PROGRAM, &key).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let digest = match known {
        Some(digest) => digest,
        None => {
            let digest = Sha256::of_reader(&mut std::io::BufReader::new(file)).ok()?.0.to_string();
            // Should it not be remembered, it is read again.
            let _ = store.set_record(PROGRAM, &key, digest.as_bytes());
            digest
        }
    };
    Some(format!("{} {digest}", env!("CARGO_PKG_VERSION")))
}

/// A variable of the environment; an empty one counts as none.
#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The settings of this user.
pub(super) fn settings() -> Result<Settings, Failure> {
    let named = variable("IMGBUILD_CONFIG_FILE").map(PathBuf::from);
    let file = named.or_else(|| below("XDG_CONFIG_HOME", ".config", "imgbuild/config.toml"));
    file.map_or_else(|| Ok(Settings::default()), |file| Settings::read(&file))
}

/// The cache in a directory. `reporter` hears why its records will not outlast it.
pub(super) fn store(directory: &Path, reporter: Option<&dyn Reporter>) -> Result<DirStore, Failure> {
    let store = DirStore::open(directory)?;
    Ok(match key_of_records(reporter)? {
        Some(key) => store.sealed_by(key),
        None => store,
    })
}

/// The cache with the store at a URL behind it.
#[cfg(feature = "remote")]
fn shared(store: DirStore, url: &str, limits: &Limits, reporter: Arc<Terminal>) -> Result<Arc<dyn Store>, Failure> {
    use crate::host::store::remote::RemoteStore;

    let option = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?.to_ascii_lowercase();
        let is_one = ["aws_", "google_", "azure_"].iter().any(|prefix| name.starts_with(prefix));
        Some((name, value.into_string().ok()?)).filter(|_| is_one)
    };
    let options: Vec<(String, String)> = std::env::vars_os().filter_map(option).collect();
    let opened = RemoteStore::open(store, url, &options, limits.data, reporter);
    Ok(Arc::new(opened.map_err(|error| Failure::Usage(error.to_string()))?))
}

#[cfg(not(feature = "remote"))]
fn shared(_: DirStore, url: &str, _: &Limits, _: Arc<Terminal>) -> Result<Arc<dyn Store>, Failure> {
    Err(Failure::Usage(format!(
        "`{}` cannot be used: this program was built without the feature `remote`",
        redacted(url)
    )))
}

/// After a build that has built something: the cache becomes as large again as the settings say, and no larger.
pub(super) fn bound_cache(common: &Common, reporter: &dyn Reporter) -> Result<(), Failure> {
    let settings = settings()?.cache;
    let store = store(&cache_directory(common.cache.as_deref(), &settings)?, None)?;
    let pruned = cache::locked(&store).and_then(|keep| Ok(cache::prune(&store, &settings, keep)?));
    match pruned {
        Ok(_) => {}
        // The image is there all the same.
        Err(error) => {
            let message = format!("the cache could not be made smaller: {}", words::message(&error));
            reporter.event(&Event::Warning { message: &message });
        }
    }
    Ok(())
}

/// The names of files in a directory that have this extension, sorted.
pub(super) fn files_in(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found = names_in(directory)?;
    found.retain(|name| name.extension().is_some_and(|of_it| of_it == extension));
    Ok(found)
}

/// All names in a directory, sorted.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub(super) fn names_in(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| Failure::File { action: "list", path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        found.push(PathBuf::from(entry.map_err(failed)?.file_name()));
    }
    found.sort();
    Ok(found)
}

/// The key of the cache's records: of the secret that `IMGBUILD_CACHE_KEY` has, or else the user's own. That one lies where this user's other programs keep their state, and not in the cache,
/// which may be restored or shared. `None`: there is no such place, and nothing is remembered.
fn key_of_records(reporter: Option<&dyn Reporter>) -> Result<Option<RecordKey>, Failure> {
    if let Some(secret) = variable("IMGBUILD_CACHE_KEY") {
        // Whoever guesses it makes the cache say anything.
        if secret.len() < SECRET_MIN {
            let words = format!("IMGBUILD_CACHE_KEY is no secret: it has less than {SECRET_MIN} characters");
            return Err(Failure::Usage(words));
        }
        return Ok(Some(RecordKey::from_secret(secret.as_encoded_bytes())));
    }
    let Some(path) = below("XDG_STATE_HOME", ".local/state", "imgbuild/cache.key") else { return Ok(None) };
    match RecordKey::kept_at(&path) {
        Ok(key) => Ok(Some(key)),
        Err(error @ StoreError::Unusable { .. }) => Err(error.into()),
        // A home that is none, as of daemons and in containers.
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let message = format!("{error}{cause}: what this build decodes, the next one decodes again");
            if let Some(reporter) = reporter {
                reporter.event(&Event::Warning { message: &message });
            }
            Ok(None)
        }
    }
}

/// A path below a directory of the XDG base directory specification.
fn below(variable_name: &str, usual: &str, path: &str) -> Option<PathBuf> {
    // The specification says that relative ones are to be ignored.
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable_name).or_else(|| absolute("HOME").map(|home| home.join(usual)));
    base.map(|base| base.join(path))
}

/// The public key of whoever calls, of the kinds that ssh(1) has by default, without the name that it may have.
pub(super) fn ssh_key() -> Option<String> {
    let home = PathBuf::from(variable("HOME")?);
    let lines = ["id_ed25519", "id_ecdsa", "id_rsa"].into_iter().filter_map(|name| {
        let text = std::fs::read_to_string(home.join(".ssh").join(name).with_extension("pub")).ok()?;
        let key = recipe::check_ssh_key(text.lines().next()?).ok()?;
        Some(key.split(' ').take(2).collect::<Vec<_>>().join(" "))
    });
    lines.into_iter().next()
}

/// Where the cache is: as asked for, as `IMGBUILD_CACHE` or the settings say, else where the XDG base directory
/// specification does.
pub(super) fn cache_directory(asked: Option<&Path>, settings: &CacheSettings) -> Result<PathBuf, Failure> {
    let named = asked.map(Path::to_owned).or_else(|| variable("IMGBUILD_CACHE").map(PathBuf::from));
    if let Some(directory) = named.or_else(|| settings.directory.clone()) {
        return Ok(directory);
    }
    below("XDG_CACHE_HOME", ".cache", "imgbuild").ok_or_else(|| {
        Failure::Usage(
            "there is no HOME to keep a cache in; name a directory with `--cache` or IMGBUILD_CACHE".to_owned(),
        )
    })
}

/// Where Debian's packages come from: the first of option, recipe, environment, the host's own apt and the built-in
/// mirror that says anything.
pub(super) fn mirrors(asked: &[String], recipe: Option<&Recipe>) -> Result<Mirrors, Failure> {
    let environment = |name: &str| -> Result<Vec<String>, Failure> {
        let Some(value) = variable(name) else { return Ok(Vec::new()) };
        let value = value.to_string_lossy();
        let wrong = |error| Failure::Usage(format!("{name} cannot be used: {error}"));
        value.split_whitespace().map(|url| recipe::check_mirror(url).map_err(wrong)).collect()
    };
    let wrong = |error| Failure::Usage(format!("`--mirror` cannot be used: {error}"));
    let asked: Vec<String> =
        asked.iter().map(|url| recipe::check_mirror(url).map_err(wrong)).collect::<Result<_, _>>()?;
    let (debian, security) = (environment("IMGBUILD_MIRROR")?, environment("IMGBUILD_SECURITY_MIRROR")?);
    let apt = apt::mirrors(Path::new("/"));
    let ways = [
        beside(asked),
        beside(recipe.and_then(|recipe| recipe.debian.mirror.clone()).into_iter().collect()),
        if security.is_empty() { beside(debian) } else { Mirrors { debian, security, ..Mirrors::default() } },
        Mirrors { debian: apt.debian, security: apt.security, ..Mirrors::default() },
        beside(vec![MIRROR.to_owned()]),
    ];
    let first = |of: fn(&Mirrors) -> &Vec<String>| {
        ways.iter().map(of).find(|list| !list.is_empty()).cloned().unwrap_or_default()
    };
    let mut snapshot = environment("IMGBUILD_SNAPSHOT_MIRROR")?;
    if snapshot.is_empty() {
        snapshot.push(SNAPSHOT.to_owned());
    }
    Ok(Mirrors { debian: first(|way| &way.debian), security: first(|way| &way.security), snapshot })
}

/// Mirrors of Debian with the security mirrors that lie beside them.
fn beside(debian: Vec<String>) -> Mirrors {
    let sibling = |url: &String| url.strip_suffix("/debian").map(|parent| format!("{parent}/debian-security"));
    Mirrors { security: debian.iter().filter_map(sibling).collect(), debian, ..Mirrors::default() }
}

/// How strictly archives are judged.
pub(super) const fn archive_options(common: &Common) -> archive::Options {
    archive::Options { allow_older: common.allow_older }
}

/// The lock beside the recipe: used where it lies, and an error when it is stale.
pub(super) fn lock(common: &Common, recipe: &Recipe, path: &Path) -> Result<Option<Lock>, Failure> {
    let lock = Lock::read(path)?;
    match &lock {
        None if common.locked => Err(LockError::Missing { path: path.to_owned() }.into()),
        Some(lock) if lock.is_stale(recipe) => Err(lock.stale(path, recipe).into()),
        _ => Ok(lock),
    }
}

/// Prints which files there are now, one a line; with `--quiet` nobody wants to know.
pub(super) fn written(common: &Common, paths: &[&Path]) -> Result<(), Failure> {
    if common.quiet {
        return Ok(());
    }
    print(&paths.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}

/// Where a recipe's lock lies: not where the recipe itself does.
pub(super) fn lock_path(recipe_path: &Path, recipe: &Recipe) -> Result<PathBuf, Failure> {
    let lock = recipe_path.with_file_name(format!("{}.lock", recipe.name));
    if lock != recipe_path {
        return Ok(lock);
    }
    Err(Failure::Usage(format!(
        "recipe `{0}` lies where its own lock would: call it `{1}.toml`",
        recipe_path.display(),
        recipe.name
    )))
}
