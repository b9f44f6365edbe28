//! A store and a network in memory: for one build, for tests, and for who keeps nothing on a disk.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::Response;
use super::Store;
use super::StoreError;
use super::StoreWriter;
use super::StoredBlob;
use super::Transport;
use super::TransportError;
use crate::digest::Sha256;

/// Kind and key → record.
type Records = BTreeMap<(String, String), Vec<u8>>;

/// All that a build keeps, as long as this lives. A cache of a whole root takes about as much memory as the root's .debs
/// and files have bytes together.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    blobs: BTreeMap<Sha256, Arc<Vec<u8>>>,
    records: Records,
    signed: Records,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        // Each change is one call: whoever panicked has left nothing half done.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let bytes = self.kept(|kept| kept.blobs.get(sha256).cloned());
        Ok(bytes.map(|bytes| StoredBlob { sha256: *sha256, size: bytes.len() as u64, blob: bytes }))
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(Writer { store: self.clone(), bytes: Vec::new() }))
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept(|kept| kept.records.get(&(kind.to_owned(), key.to_owned())).cloned()))
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.kept(|kept| kept.records.insert((kind.to_owned(), key.to_owned()), bytes.to_vec()));
        Ok(())
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept(|kept| kept.signed.get(&(kind.to_owned(), key.to_owned())).cloned()))
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.kept(|kept| kept.signed.insert((kind.to_owned(), key.to_owned()), bytes.to_vec()));
        Ok(())
    }
}

struct Writer {
    store: MemoryStore,
    bytes: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.extend(buffer);
        Ok(buffer.len())
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
        let blob = Arc::new(self.bytes);
        self.store.kept(|kept| kept.blobs.insert(sha256, Arc::clone(&blob)));
        Ok(StoredBlob { sha256, size, blob })
    }
}

/// A network in memory: for tests, and for who has an archive's files already. It remembers what was asked for.
#[derive(Debug, Default)]
pub struct MemoryTransport {
    state: Mutex<Served>,
}

#[derive(Debug, Default)]
struct Served {
    files: BTreeMap<String, Vec<u8>>,
    /// URL → how many bytes each of the next answers has before it breaks off.
    breaks: BTreeMap<String, Vec<usize>>,
    requests: Vec<(String, u64)>,
}

impl MemoryTransport {
    /// Serves nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves files below a base URL.
    #[must_use]
    pub fn serve(self, base: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        for (path, bytes) in files {
            self.put(&format!("{base}/{path}"), bytes);
        }
        self
    }

    /// Serves one file from now on, in place of an earlier one.
    pub fn put(&self, url: &str, bytes: impl Into<Vec<u8>>) {
        self.state().files.insert(url.to_owned(), bytes.into());
    }

    /// Serves a file no more.
    pub fn remove(&self, url: &str) {
        self.state().files.remove(url);
    }

    /// Lets the next answer for this URL that has no such order yet break off after so many bytes.
    pub fn break_off(&self, url: &str, after: usize) {
        self.state().breaks.entry(url.to_owned()).or_default().push(after);
    }

    /// What was asked for since the last call: URLs with offsets.
    pub fn take_requests(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.state().requests)
    }

    fn state(&self) -> MutexGuard<'_, Served> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for MemoryTransport {
    fn get(&self, url: &str, offset: u64) -> Result<Response, TransportError> {
        let mut state = self.state();
        state.requests.push((url.to_owned(), offset));
        let file = state.files.get(url).cloned().ok_or(TransportError::NotFound)?;
        let length = Some(file.len() as u64);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(rest) = file.get(start..) else { return Err(TransportError::Status(416)) };
        let orders = state.breaks.get_mut(url).filter(|orders| !orders.is_empty());
        let body: Box<dyn Read + Send> = match orders.map(|orders| orders.remove(0)) {
            Some(after) => Box::new(io::Cursor::new(rest[..after.min(rest.len())].to_vec()).chain(Broken)),
            None => Box::new(io::Cursor::new(rest.to_vec())),
        };
        Ok(Response { body, offset, length })
    }
}

/// A connection that is gone.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_written() {
        let store = MemoryStore::new();
        let mut writer = store.writer().expect("memory");
        writer.write_all(b"bytes").expect("memory");
        let blob = writer.commit(Some((Sha256::of(b"bytes"), 5))).expect("as expected");
        let other = store.clone();
        let found = other.get(&blob.sha256).expect("memory").expect("it is there");
        let mut bytes = [0; 9];
        assert_eq!(found.blob.read_at(&mut bytes, 1).expect("memory"), 4);
        assert_eq!(&bytes[..4], b"ytes");
        let mut writer = store.writer().expect("memory");
        writer.write_all(b"others").expect("memory");
        assert!(matches!(writer.commit(Some((blob.sha256, 5))), Err(StoreError::Mismatch { .. })));
        assert!(store.get(&Sha256::of(b"others")).expect("memory").is_none(), "nothing is kept");
        store.set_record("kind", "key", b"1").expect("memory");
        assert_eq!(store.record("kind", "key").expect("memory"), Some(b"1".to_vec()));
        assert_eq!(store.signed("kind", "key").expect("memory"), None, "texts that prove themselves are others");
    }
}
