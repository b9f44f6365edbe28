//! The store on disk: blobs by SHA-256 and small records, shared by every build of a user.
//!
//! ```text
//! sha256/ab/cdef…   blobs, read-only; their name is their content
//! incoming/         blobs and records being written; a rename makes them real
//! claims/           empty files that are locked by who makes something, for others to wait
//! records/KIND/KEY  small values, each with its seal, or with a checksum where it is signed
//! lock              held shared by every build, exclusively by who cleans up
//! ```
//!
//! Everything in it can be made again, so nothing in it is trusted: a blob is hashed on every use, a record counts
//! only with the seal of this store's key, and what fails is reported as absent. So nothing of it is brought to the disk
//! before its time: a crash of the program leaves at most files in `incoming`, and one of the machine some that are not
//! whole, which are made again. Only what is signed, the newest Release of each archive, has to last: an older one must
//! not count again. Its directories are ours alone, opened once and never through a link ([`place`]).

mod key;
mod place;
mod prune;
#[cfg(feature = "remote")]
pub mod remote;

use std::fmt;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

pub use key::RecordKey;
pub use prune::Bounds;
pub use prune::Pruned;

use crate::cancel::Cancel;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::host::Claim;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::StoreWriter;
use crate::host::StoredBlob;
use crate::host::Work;
use crate::host::fault::Faulty;
use place::Found;
use place::Place;
use place::Temporary;
use place::Until;

/// Large enough that a system call costs nothing, small enough for many threads.
const BUFFER: usize = 256 << 10;

/// First line of a record; the next 32 bytes are the seal, or the SHA-256, of what follows them.
const RECORD_HEADER: &[u8] = b"imgbuild record 2\n";

/// A record is a Release file, a cached list: more is a mistake.
const RECORD_MAX: u64 = 64 << 20;

/// A [`Store`] in a directory. Open it once per build; any number of processes and threads may share it.
pub struct DirStore {
    sha256: Arc<Place>,
    incoming: Arc<Place>,
    records: Place,
    damaged: Place,
    claims: Place,
    key: RecordKey,
    /// Holds the shared lock for as long as the store is open.
    lock: Mutex<File>,
    root: Place,
    cancel: Cancel,
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore").field("root", &self.root).finish_non_exhaustive()
    }
}

impl DirStore {
    /// Opens the store in `root`, making it if need be. What an interrupted build left behind is removed when no
    /// other build has the store open. Records are sealed by a key that goes with this value, so none outlasts it:
    /// see [`DirStore::sealed_by`].
    ///
    /// # Errors
    /// A directory of it cannot be made or read, is a link, is somebody else's, can be written by others or holds other
    /// things; or the store cannot be locked.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = Place::root(root.as_ref())?;
        holds_a_store(&root)?;
        let [sha256, incoming] = [root.make("sha256")?, root.make("incoming")?].map(Arc::new);
        let (records, damaged, claims) = (root.make("records")?, root.make("damaged")?, root.make("claims")?);
        let path = root.path("lock");
        let lock = root.lock_file("lock")?;
        // Alone in the store: whatever lies in `incoming` has no writer any more.
        if lock.try_lock().is_ok() {
            incoming.clear()?;
            lock.unlock().map_err(fail("unlock", &path))?;
        }
        lock.lock_shared().map_err(fail("lock", &path))?;
        let (key, cancel) = (RecordKey::ephemeral()?, Cancel::default());
        Ok(Self { sha256, incoming, records, damaged, claims, key, lock: Mutex::new(lock), root, cancel })
    }

    /// Whether there is a store in `root`, for who only looks: `false` where nothing is, or an empty directory.
    ///
    /// # Errors
    /// As [`DirStore::open`].
    pub fn is_in(root: impl AsRef<Path>) -> Result<bool, StoreError> {
        Place::existing(root.as_ref())?.map_or(Ok(false), |root| holds_a_store(&root))
    }

    /// The same store with records that outlast it: those that were sealed by this key count, and no others. Whoever
    /// has the key can write records; it lies outside the store, and is not restored or shared with it.
    #[must_use]
    pub fn sealed_by(mut self, key: RecordKey) -> Self {
        self.key = key;
        self
    }

    /// Stops hashing and waiting for the disk when this says so.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// A record's value, if `fits` takes what stands before it for its own.
    fn read(
        &self,
        kind: &str,
        key: &str,
        fits: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.check_name(kind, key)?;
        let Some(place) = self.records.open(kind)? else { return Ok(None) };
        let Found::File(file) = place.find(key)? else { return Ok(None) };
        let mut bytes = Vec::new();
        (&file).take(RECORD_MAX).read_to_end(&mut bytes).map_err(fail("read", &place.path(key)))?;
        used(&file);
        // One that does not count may be another key's own. It stays until it is written again.
        Ok(checked_record(&bytes, fits).map(<[u8]>::to_vec))
    }

    /// The value of a record that this store's key has sealed, wherever it was kept.
    #[cfg(feature = "remote")]
    fn opened<'a>(&self, kind: &str, key: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        checked_record(bytes, |seal, value| self.key.fits(seal, kind, key, value))
    }

    /// A record with its seal.
    #[cfg(feature = "remote")]
    fn sealed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.record(kind, key)?;
        Ok(value.map(|value| [RECORD_HEADER, &self.key.seal(kind, key, &value), &value].concat()))
    }

    fn write(&self, kind: &str, key: &str, seal: &[u8; 32], bytes: &[u8], until: Until) -> Result<(), StoreError> {
        self.check_name(kind, key)?;
        let place = self.records.make(kind)?;
        let mut temporary = Faulty(Temporary::new(&self.incoming)?);
        for part in [RECORD_HEADER, seal, bytes] {
            temporary.write_all(part).map_err(fail("write", &place.path(key)))?;
        }
        temporary.0.persist(&place, key, until).map(drop)
    }

    fn check_name(&self, kind: &str, key: &str) -> Result<(), StoreError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let good = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed);
        if good(kind) && good(key) {
            return Ok(());
        }
        let wrong = io::Error::new(io::ErrorKind::InvalidInput, "a record is named in [a-z0-9._-]");
        Err(fail("name", &self.records.path(kind).join(key))(wrong))
    }

    /// Puts a damaged file where nothing looks for it, for whoever wants to know what happened.
    fn put_aside(&self, place: &Place, name: &str) {
        // Should even this fail, the bytes are still not used: every use hashes them.
        if place.rename(name, &self.damaged, name).is_err() {
            let _ = place.remove(name);
        }
    }
}

impl Store for DirStore {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let (shard, name) = blob_name(sha256);
        let Some(shard) = self.sha256.open(&shard)? else { return Ok(None) };
        let file = match shard.find(&name)? {
            Found::Nothing => return Ok(None),
            Found::File(file) => Some(file),
            Found::Odd => None,
        };
        // A disk that cannot read the blob back is as good as one that changed it.
        let hashed = file.map(|file| (hash(&file, &self.cancel), file));
        self.cancel.check().map_err(|cancelled| fail("read", &shard.path(&name))(cancelled.into()))?;
        let whole = hashed.and_then(|(hashed, file)| Some((hashed.ok()?, file)));
        let whole = whole.filter(|((found, _), _)| found == sha256);
        let Some(((_, size), file)) = whole else {
            self.put_aside(&shard, &name);
            return Ok(None);
        };
        used(&file);
        Ok(Some(StoredBlob { sha256: *sha256, size, blob: Arc::new(file) }))
    }

    fn unverified(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let (shard, name) = blob_name(sha256);
        let Some(shard) = self.sha256.open(&shard)? else { return Ok(None) };
        let Found::File(file) = shard.find(&name)? else { return Ok(None) };
        let size = file.metadata().map_err(fail("read", &shard.path(&name)))?.len();
        used(&file);
        Ok(Some(StoredBlob { sha256: *sha256, size, blob: Arc::new(file) }))
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        let file = Faulty(Temporary::new(&self.incoming)?);
        let output = HashWriter::new(BufWriter::with_capacity(BUFFER, file));
        Ok(Box::new(Writer { sha256: Arc::clone(&self.sha256), cancel: self.cancel.clone(), output }))
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(kind, key, |seal, value| self.key.fits(seal, kind, key, value))
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(kind, key, &self.key.seal(kind, key, bytes), bytes, Until::Crash)
    }

    fn signed(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(kind, key, |sum, value| Sha256::of(value).as_bytes() == sum)
    }

    fn set_signed(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(kind, key, Sha256::of(bytes).as_bytes(), bytes, Until::Removed)
    }

    fn claim(&self, work: Work, of: &Sha256) -> Option<Claim> {
        // Few files, so that none is ever to be removed; who waits for nothing because of that waits a moment.
        let (shard, _) = blob_name(of);
        let Ok(file) = self.claims.lock_file(&format!("{}-{shard}", work.name())) else {
            return Some(Claim::default());
        };
        match file.try_lock() {
            Ok(()) => Some(Claim::of(file)),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(_)) => Some(Claim::default()),
        }
    }
}

impl Drop for DirStore {
    fn drop(&mut self) {
        // Closing the file would unlock it too; a forked child that still has it open would not.
        if let Ok(lock) = self.lock.get_mut() {
            let _ = lock.unlock();
        }
    }
}

/// Whether a directory has a store in it, or is empty; one with other things in it is somebody's own.
fn holds_a_store(root: &Place) -> Result<bool, StoreError> {
    let names = root.names()?;
    let is_one = names.iter().any(|name| name == "sha256");
    // A file system of its own has this one.
    if is_one || names.iter().all(|name| name == "lost+found") {
        return Ok(is_one);
    }
    let reason = "holds other things than a cache: name another directory, or an empty one".to_owned();
    Err(StoreError::Unusable { path: root.path(""), reason })
}

/// The value of a record, if the record is whole and `fits` (seal, value) says that it counts.
fn checked_record(bytes: &[u8], fits: impl FnOnce(&[u8], &[u8]) -> bool) -> Option<&[u8]> {
    let (seal, value) = bytes.strip_prefix(RECORD_HEADER)?.split_at_checked(32)?;
    fits(seal, value).then_some(value)
}

/// A blob on its way into the store.
struct Writer {
    sha256: Arc<Place>,
    cancel: Cancel,
    /// Most files are smaller than a system call is worth.
    output: HashWriter<BufWriter<Faulty<Temporary>>>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl StoreWriter for Writer {
    fn commit(self: Box<Self>, expected: Option<(Sha256, u64)>) -> Result<StoredBlob, StoreError> {
        let (sha256, size, output) = self.output.finish();
        if let Some((expected, expected_size)) = expected
            && (expected, expected_size) != (sha256, size)
        {
            return Err(StoreError::Mismatch { expected, expected_size, sha256, size });
        }
        let (shard, name) = blob_name(&sha256);
        self.cancel.check().map_err(|cancelled| fail("write", &self.sha256.path(&name))(cancelled.into()))?;
        let written = output.into_inner().map_err(|error| fail("write", &self.sha256.path(&name))(error.into_error()));
        // The very file that was hashed is handed out: nothing is opened by name again.
        let file = written?.0.persist(&self.sha256.make(&shard)?, &name, Until::Crash)?;
        Ok(StoredBlob { sha256, size, blob: Arc::new(file) })
    }
}

/// Notes the time of the last use, for `prune`; a store one may only read works without.
fn used(file: &File) {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let _ = rustix::fs::futimens(file, &rustix::fs::Timestamps { last_access: now, last_modification: now });
}

/// The directory that a blob lies in, and its name there.
fn blob_name(sha256: &Sha256) -> (String, String) {
    let mut shard = sha256.to_string();
    let name = shard.split_off(2);
    (shard, name)
}

/// Hashes a whole file.
fn hash(file: &File, cancel: &Cancel) -> io::Result<(Sha256, u64)> {
    let mut hashing = HashWriter::new(io::sink());
    let mut buffer = vec![0; BUFFER];
    loop {
        cancel.check()?;
        let count = file.read_at(&mut buffer, hashing.size())?;
        if count == 0 {
            let (sha256, size, _) = hashing.finish();
            return Ok((sha256, size));
        }
        hashing.write_all(&buffer[..count])?;
    }
}

fn fail(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
