//! A store and a transport of one's own: blobs as files of a directory, and an archive that comes from wherever this
//! program has it. `cargo run --features testing --example own_store`

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::io::Cursor;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use imgbuild::digest::Sha256;
use imgbuild::host::Host;
use imgbuild::host::Response;
use imgbuild::host::Store;
use imgbuild::host::StoreError;
use imgbuild::host::StoreWriter;
use imgbuild::host::StoredBlob;
use imgbuild::host::Transport;
use imgbuild::host::TransportError;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;

const RECIPE: &str = r#"
name = "small"
packages = ["hello"]
[debian]
suite = "test"
pockets = []
signed-by = "archive.pgp"
[install]
base = "essential"
"#;

/// Files by path. Whatever fetches is to say whether another try may help, and nothing more: size and digest of what
/// comes are checked by who asked.
struct Files(BTreeMap<String, Vec<u8>>);

impl Transport for Files {
    fn get(&self, url: &str, _: u64) -> Result<Response, TransportError> {
        let path = url.strip_prefix("files:///archive/").ok_or_else(|| TransportError::Url(url.to_owned()))?;
        let bytes = self.0.get(path).ok_or(TransportError::NotFound)?.clone();
        // From the beginning, whatever was asked for: that is allowed.
        Ok(Response { length: Some(bytes.len() as u64), offset: 0, body: Box::new(Cursor::new(bytes)) })
    }
}

/// Blobs as files that are called as their digests. It remembers nothing else, so that each build does all its work.
#[derive(Clone)]
struct Directory(PathBuf);

impl Directory {
    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> StoreError {
        let path = self.0.clone();
        move |source| StoreError::Io { action, path: path.clone(), source }
    }
}

impl Store for Directory {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        match fs::read(self.0.join(sha256.to_string())) {
            // A file that somebody has changed is none of this digest.
            Ok(bytes) if Sha256::of(&bytes) != *sha256 => Ok(None),
            Ok(bytes) => Ok(Some(StoredBlob { sha256: *sha256, size: bytes.len() as u64, blob: Arc::new(bytes) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read")(error)),
        }
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(Writer { store: self.clone(), bytes: Vec::new() }))
    }

    fn record(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn set_record(&self, _: &str, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn signed(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn set_signed(&self, _: &str, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Writer {
    store: Directory,
    bytes: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StoreWriter for Writer {
    fn commit(self: Box<Self>, expected: Option<(Sha256, u64)>) -> Result<StoredBlob, StoreError> {
        let (sha256, size) = (Sha256::of(&self.bytes), self.bytes.len() as u64);
        if let Some((expected, expected_size)) = expected.filter(|expected| *expected != (sha256, size)) {
            return Err(StoreError::Mismatch { expected, expected_size, sha256, size });
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.store.0).map_err(self.store.failed("write"))?;
        file.write_all(&self.bytes).map_err(self.store.failed("write"))?;
        // Whole under its name, or not there.
        let kept = file.persist(self.store.0.join(sha256.to_string()));
        kept.map_err(|error| self.store.failed("rename")(error.error))?;
        Ok(StoredBlob { sha256, size, blob: Arc::new(self.bytes) })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let hello = DebBuilder::new("hello", "1.0-1", "amd64").file("usr/bin/hello", 0o755, "#!/bin/sh\necho hello\n");
    let archive = ArchiveBuilder::new("test").package(&hello);
    let place = tempfile::tempdir()?;
    fs::write(place.path().join("archive.pgp"), archive.keyring())?;
    let blobs = place.path().join("blobs");
    fs::create_dir(&blobs)?;

    let recipe = recipe::parse(RECIPE, place.path())?;
    let mirrors = Mirrors { debian: vec!["files:///archive".to_owned()], ..Mirrors::default() };
    let build = |files| {
        let host = Host::new(Arc::new(Files(files)), Arc::new(Directory(blobs.clone())));
        let host = Host { now: ARCHIVE_DATE + 1, ..host };
        pipeline::assemble(&host, &Request::new(&recipe, &mirrors)).map(|mut roots| roots.remove(0).digest)
    };
    let digest = build(archive.build())?;
    // What is in the store is not fetched again: without the package in the archive the image is the same.
    let rest = archive.build().into_iter().filter(|(path, _)| !path.ends_with(".deb")).collect();
    assert_eq!(build(rest)?, digest);
    println!("built twice, fetched once: {digest}");
    Ok(())
}
