//! A world to build in: a recipe, an archive, a store; and what is asserted when a build is refused.

use imgbuild::archive;
use imgbuild::archive::ReleaseError;
use imgbuild::configure;
use imgbuild::configure::Method;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::TransportError;
use imgbuild::host::TrustError;
use imgbuild::host::download::DownloadError;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::store::DirStore;
use imgbuild::host::store::RecordKey;
use imgbuild::limits::Limits;
use imgbuild::pipeline;
use imgbuild::pipeline::Built;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::MemoryTransport;
use imgbuild::testing::signer::TestKey;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::hostile::simple;

pub(super) const BASE: &str = "http://mirror.example.org/debian";
pub(super) const DAY: i64 = 24 * 3600;
/// Of the records of these worlds' stores.
pub(crate) const KEY: RecordKey = RecordKey::new([42; 32]);

/// A recipe, an archive in memory, a store and a place for the output.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) transport: Arc<MemoryTransport>,
    pub(crate) now: i64,
    /// Where the archive is asked for.
    pub(crate) mirror: String,
    pub(crate) method: Method,
    pub(crate) limits: Limits,
    /// Everything that was signed for: nothing else may get into the store.
    pub(crate) signed: BTreeSet<Sha256>,
}

/// A directory that goes with its owner, or somebody else's.
pub(crate) enum Place {
    Own(tempfile::TempDir),
    Given(PathBuf),
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Own(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }
}

impl World {
    /// Serves this archive to a recipe that asks for `hello`.
    pub(crate) fn new(archive: &ArchiveBuilder) -> Self {
        Self::at(archive, Place::Own(tempfile::tempdir().expect("a temporary directory")))
    }

    /// The same in a certain place.
    pub(crate) fn at(archive: &ArchiveBuilder, place: Place) -> Self {
        let recipe = "name = \"small\"\npackages = [\"hello\"]\n[debian]\nsuite = \"test\"\npockets = []\n\
                      signed-by = \"keys.asc\"\n[install]\nbase = \"essential\"\n";
        put(&place.path().join("small.toml"), recipe.as_ref());
        let world = Self {
            place,
            transport: Arc::new(MemoryTransport::new()),
            now: ARCHIVE_DATE + DAY,
            mirror: BASE.to_owned(),
            method: Method::Native,
            limits: Limits::default(),
            signed: signed_for(archive),
        };
        world.serve(archive);
        world.trust(&[TestKey::trusted()]);
        world
    }

    /// The archive of [`simple`] with another InRelease.
    pub(super) fn with_release(text: impl Into<Vec<u8>>) -> Self {
        let world = Self::new(&simple());
        world.transport.put(&format!("{BASE}/dists/test/InRelease"), text);
        world
    }

    pub(crate) fn trust(&self, keys: &[TestKey]) {
        let keyring = keys.iter().map(TestKey::certificate).collect::<Vec<_>>().concat();
        put(&self.place.path().join("keys.asc"), keyring.as_ref());
    }

    pub(crate) fn serve(&self, archive: &ArchiveBuilder) {
        for (path, bytes) in archive.build() {
            self.transport.put(&format!("{BASE}/{path}"), bytes);
        }
    }

    /// Serves a further archive, whose keyring lies beside the recipe as `further.asc`.
    pub(crate) fn serve_at(&self, base: &str, archive: &ArchiveBuilder) {
        for (path, bytes) in archive.build() {
            self.transport.put(&format!("{base}/{path}"), bytes);
        }
        fs::write(self.place.path().join("further.asc"), archive.keyring()).expect("written");
    }

    /// Adds lines to the recipe.
    pub(crate) fn recipe(self, lines: &str) -> Self {
        let path = self.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(path, text + lines).expect("written");
        self
    }

    pub(crate) fn host(&self) -> Result<Host, host::StoreError> {
        Ok(Host {
            transport: Arc::clone(&self.transport) as Arc<dyn host::Transport>,
            store: Arc::new(DirStore::open(self.place.path().join("cache"))?.sealed_by(KEY)),
            trust: Arc::new(OpenPgp { limits: self.limits }),
            sandbox: Arc::new(host::NoSandbox),
            reporter: Arc::new(host::Silent),
            now: self.now,
            jobs: 2,
            pauses: host::Pauses::default(),
            limits: self.limits,
        })
    }

    pub(crate) fn build(&self) -> Result<Built, Error> {
        self.build_on(&self.host()?, "out")
    }

    pub(crate) fn build_on(&self, host: &Host, output: &str) -> Result<Built, Error> {
        let recipe = recipe::load(&self.place.path().join("small.toml"))?;
        let mirrors = Mirrors { debian: vec![self.mirror.clone()], ..Mirrors::default() };
        let request = Request { method: self.method, ..Request::new(&recipe, &mirrors) };
        pipeline::build(host, &request, &self.place.path().join(output))
    }

    /// Builds what must not be built: the error is of this class and gives this exit code, there is no output, and
    /// nothing of it is in the store.
    pub(crate) fn refused(&self, name: &str, wanted: &str, code: u8) -> Error {
        self.refused_by(&self.host().expect("a store"), name, wanted, code)
    }

    /// The same with another host.
    pub(crate) fn refused_by(&self, host: &Host, name: &str, wanted: &str, code: u8) -> Error {
        let before = self.kept();
        let Err(error) = self.build_on(host, "out") else { panic!("{name}: it was built") };
        self.assert_refused(&error, name, wanted, code, &before);
        // What was decoded is remembered; whether it may be unpacked is judged every time.
        if wanted == "unpack" && self.has_decoded() {
            let before = self.kept();
            let again = self.build_on(host, "out").expect_err(name);
            self.assert_refused(&again, &format!("{name}, the second time"), wanted, code, &before);
        }
        error
    }

    /// Class, exit code, no output, and beside what was kept `before` nothing in the store that was not signed for.
    pub(crate) fn assert_refused(&self, error: &Error, name: &str, wanted: &str, code: u8, before: &[PathBuf]) {
        let text = chain(error);
        assert_eq!(class(error), wanted, "{name}: {text}");
        assert_eq!(error.exit_code(), code, "{name}: {text}");
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{name}: {text:?}");
        let left = names(self.place.path());
        assert_eq!(left, ["cache", "keys.asc", "small.toml"], "{name}: something was left");
        let cache = self.place.path().join("cache");
        for directory in ["incoming", "damaged"] {
            assert_eq!(files(&cache.join(directory)), Vec::<PathBuf>::new(), "{name}: something in {directory}");
        }
        let mut new = self.kept();
        new.retain(|path| !before.contains(path));
        // What is signed for may stay: the Release, before a file is not what it names, and files that are. A Release
        // that does not count itself leaves nothing.
        if !OF_THE_RELEASE.iter().any(|kind| wanted == format!("archive {kind}")) {
            new.retain(|path| !self.was_signed_for(path));
        }
        assert_eq!(new, Vec::<PathBuf>::new(), "{name}: something of it is in the store");
    }

    /// The blobs and records of the store.
    fn kept(&self) -> Vec<PathBuf> {
        let cache = self.place.path().join("cache");
        [files(&cache.join("sha256")), files(&cache.join("records"))].concat()
    }

    fn was_signed_for(&self, path: &Path) -> bool {
        let parent = path.parent().and_then(Path::file_name).expect("below").to_string_lossy().into_owned();
        let name = path.file_name().expect("named").to_string_lossy();
        match (parent + &*name).parse() {
            // The members of a .deb that could be decoded to its end are kept beside the record of it.
            Ok(digest) => self.signed.contains(&digest) || self.has_decoded(),
            Err(_) => ["newest", "release", "unpacked-1", "proved-2"]
                .iter()
                .any(|kind| path.parent().is_some_and(|parent| parent.ends_with(kind))),
        }
    }

    fn has_decoded(&self) -> bool {
        !files(&self.place.path().join("cache/records/unpacked-1")).is_empty()
    }
}

/// The kinds of error of a Release that does not count.
const OF_THE_RELEASE: [&str; 13] = [
    "Framing",
    "Malformed",
    "Bad",
    "UnknownKey",
    "Expired",
    "Weak",
    "Syntax",
    "NoStrongHash",
    "Conflict",
    "SuiteMismatch",
    "Stale",
    "Future",
    "Rollback",
];

/// The digests of all that an archive signs for.
fn signed_for(archive: &ArchiveBuilder) -> BTreeSet<Sha256> {
    let release = archive.release();
    let named = release.split_whitespace().filter_map(|word| word.parse().ok());
    named.chain(archive.build().values().map(|bytes| Sha256::of(bytes))).collect()
}

/// An ordinary request.
pub(crate) fn request<'a>(recipe: &'a recipe::Recipe, mirrors: &'a Mirrors) -> Request<'a> {
    Request { method: Method::Native, ..Request::new(recipe, mirrors) }
}

/// The stage and the kind of an error.
pub(crate) fn class(error: &Error) -> String {
    let trust = |source: &TrustError| match source {
        TrustError::Malformed(_) => "Malformed",
        TrustError::Bad(_) => "Bad",
        TrustError::UnknownKey(_) => "UnknownKey",
        TrustError::Expired { .. } => "Expired",
        TrustError::Weak { .. } => "Weak",
        _ => "Other",
    };
    let release = |source: &ReleaseError| match source {
        ReleaseError::Syntax(_) | ReleaseError::Field { .. } => "Syntax",
        ReleaseError::NoStrongHash => "NoStrongHash",
        ReleaseError::Conflict(_) => "Conflict",
        ReleaseError::SuiteMismatch { .. } => "SuiteMismatch",
        ReleaseError::Stale { .. } => "Stale",
        ReleaseError::Future { .. } => "Future",
        ReleaseError::Rollback { .. } => "Rollback",
        _ => "Missing",
    };
    let download = |source: &DownloadError| match source {
        DownloadError::TooBig { .. } => "TooBig",
        DownloadError::Mismatch { .. } => "Mismatch",
        DownloadError::Body { .. } => "Broken",
        DownloadError::Transport { source, .. } => match source {
            TransportError::Network(_) => "Network",
            TransportError::Status(_) => "Status",
            TransportError::Protocol(_) => "Protocol",
            TransportError::Redirect(_) => "Redirect",
            TransportError::Tls(_) => "Tls",
            _ => "Transport",
        },
        _ => "Other",
    };
    match error {
        Error::Archive(error) => match &**error {
            archive::Error::Framing { .. } => "archive Framing".to_owned(),
            archive::Error::Signature { source, .. } => format!("archive {}", trust(source)),
            archive::Error::Keyring { .. } => "archive Keyring".to_owned(),
            archive::Error::Release { source, .. } => format!("archive {}", release(source)),
            archive::Error::Download { source, .. } | archive::Error::OutOfSync { source, .. } => {
                format!("archive {}", download(source))
            }
            archive::Error::Index { .. } => "archive Index".to_owned(),
            archive::Error::Unproven { .. } => "archive Unproven".to_owned(),
            archive::Error::Proof { .. } => "archive Proof".to_owned(),
            other => format!("archive {other:?}"),
        },
        Error::Fetch(error) => match &**error {
            imgbuild::fetch::Error::Download { source, .. } => format!("fetch {}", download(source)),
            other => format!("fetch {other:?}"),
        },
        Error::Lock(_) => "lock".to_owned(),
        Error::LockMisfit(_) | Error::LockedSource(_) => "lock misfit".to_owned(),
        Error::LockBroken(_) => "lock broken".to_owned(),
        Error::Unproved(_) => "lock unproved".to_owned(),
        Error::Solve(_) => "solve".to_owned(),
        Error::Unpack(_) => "unpack".to_owned(),
        Error::Recipe(_) => "recipe".to_owned(),
        Error::Image(_) => "image".to_owned(),
        Error::Output(_) => "output".to_owned(),
        Error::Store(_) => "store".to_owned(),
        Error::Configure(error) => match error {
            configure::Error::Native(_) => "configure Native".to_owned(),
            configure::Error::Scripts { .. } => "configure Scripts".to_owned(),
            configure::Error::LeftBehind { .. } => "configure LeftBehind".to_owned(),
            configure::Error::Sandbox(host::SandboxError::Limit(_)) => "configure Limit".to_owned(),
            configure::Error::Sandbox(host::SandboxError::Unavailable(_)) => "configure Unavailable".to_owned(),
            other => format!("configure {other:?}"),
        },
        other => format!("{other:?}"),
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The names in a directory, sorted; none when there is none.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let below = |name: String| {
        let path = directory.join(name);
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if is_directory { files(&path) } else { vec![path] }
    };
    names(directory).into_iter().flat_map(below).collect()
}

/// Writes a file that is not so yet: what other builds read meanwhile stays as it is.
fn put(path: &Path, bytes: &[u8]) {
    if fs::read(path).ok().as_deref() != Some(bytes) {
        fs::write(path, bytes).expect("written");
    }
}
