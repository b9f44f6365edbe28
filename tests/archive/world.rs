//! An archive in memory, to open.

use std::path::Path;
use std::sync::Arc;

use imgbuild::archive;
use imgbuild::archive::Error;
use imgbuild::archive::Index;
use imgbuild::archive::Options;
use imgbuild::archive::Source;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::Transport;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::store::DirStore;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MemoryTransport;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;

pub(super) const BASE: &str = "http://example.org/debian";
pub(super) const RELEASE: &str = "http://example.org/debian/dists/test/InRelease";
pub(super) const DAY: i64 = 24 * 3600;

/// An archive in memory, a store on disk, and a clock.
pub(super) struct World {
    pub(super) transport: Arc<MemoryTransport>,
    pub(super) cache: tempfile::TempDir,
    pub(super) source: Source,
    pub(super) now: i64,
}

impl World {
    pub(super) fn new(archive: &ArchiveBuilder) -> Self {
        let transport = Arc::new(MemoryTransport::new().serve(BASE, archive.build()));
        let cache = tempfile::tempdir().expect("a temporary directory");
        let source = Source {
            name: "test".to_owned(),
            mirrors: vec![BASE.to_owned()],
            suite: "test".to_owned(),
            components: vec!["main".to_owned()],
            architectures: vec!["amd64".to_owned()],
            keyring: TestKey::trusted().certificate(),
            base: true,
            ..Source::default()
        };
        Self { transport, cache, source, now: ARCHIVE_DATE + DAY }
    }

    /// The archive of [`simple`] whose InRelease is these bytes.
    pub(super) fn with_release(bytes: impl Into<Vec<u8>>) -> Self {
        let world = Self::new(&simple());
        world.transport.put(RELEASE, bytes);
        world
    }

    pub(super) fn host(&self) -> Host {
        Host {
            transport: Arc::clone(&self.transport) as Arc<dyn Transport>,
            store: Arc::new(DirStore::open(self.cache.path()).expect("a store")),
            trust: Arc::new(OpenPgp::default()),
            sandbox: Arc::new(host::NoSandbox),
            reporter: Arc::new(host::Silent),
            now: self.now,
            jobs: 2,
            pauses: host::Pauses::default(),
            limits: imgbuild::limits::Limits::default(),
        }
    }

    pub(super) fn open(&self) -> Result<Index, Error> {
        archive::open(&self.host(), std::slice::from_ref(&self.source), &Options::default())
    }

    /// Opens what must not open, and looks that nothing of it was kept.
    pub(super) fn refused(&self) -> Error {
        let error = self.open().expect_err("it must be refused");
        assert_eq!(files_below(&self.cache.path().join("sha256")), 0, "something was kept after: {error}");
        assert_eq!(files_below(&self.cache.path().join("incoming")), 0);
        assert_eq!(files_below(&self.cache.path().join("records/release")), 0, "remembered after: {error}");
        error
    }
}

#[expect(clippy::disallowed_methods, reason = "only counted")]
pub(super) fn files_below(path: &Path) -> usize {
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("listed").path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

pub(super) fn deb(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0-1", "amd64").field("Priority", "optional")
}

pub(super) fn simple() -> ArchiveBuilder {
    ArchiveBuilder::new("test")
        .package(&deb("hello"))
        .package(&deb("world").field("Provides", "mail (= 1), mail, post"))
}

pub(super) fn signed(text: &str) -> String {
    TestKey::trusted().inline(text, Signing::at(ARCHIVE_DATE))
}
