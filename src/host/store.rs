//! The store on disk: blobs by SHA-256 and small records, shared by every build of a user.
//!
//! ```text
//! sha256/ab/cdef…   blobs, read-only; their name is their content
//! incoming/         blobs and records being written; a rename makes them real
//! records/KIND/KEY  small values, each with its own checksum
//! lock              held shared by every build, exclusively by who cleans up
//! ```
//!
//! Everything in it can be made again, so nothing in it is trusted: a blob is hashed on every use, a record carries
//! its checksum, and what fails is put aside and reported as absent. A crash leaves at most files in `incoming`.

use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use tempfile::NamedTempFile;

use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::StoreWriter;
use crate::host::StoredBlob;
use crate::host::fault::Faulty;
use crate::host::fault::at;
use crate::tree::Blob;

/// Large enough that a system call costs nothing, small enough for many threads.
const BUFFER: usize = 256 << 10;

/// First line of a record; the next is the SHA-256 of what follows it.
const RECORD_HEADER: &str = "imgbuild record 1\n";

/// A record is a date, a Release file, a cached list: more is a mistake.
const RECORD_MAX: u64 = 64 << 20;

/// A [`Store`] in a directory. Open it once per build; any number of processes and threads may share it.
pub struct DirStore {
    root: PathBuf,
    /// Holds the shared lock for as long as the store is open.
    lock: Mutex<File>,
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What [`DirStore::prune`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Blobs removed.
    pub blobs: u64,
    /// Bytes they had.
    pub freed: u64,
    /// Bytes of the blobs that are left.
    pub kept: u64,
}

impl DirStore {
    /// Opens the store in `root`, making it if need be. What an interrupted build left behind is removed when no
    /// other build has the store open.
    ///
    /// # Errors
    /// The directory cannot be made, read or locked.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        for directory in ["sha256", "incoming", "records", "damaged"] {
            let path = root.join(directory);
            at("create").and_then(|()| fs::create_dir_all(&path)).map_err(fail("create", &path))?;
        }
        let path = root.join("lock");
        let lock = at("open").and_then(|()| OpenOptions::new().create(true).truncate(false).write(true).open(&path));
        let lock = lock.map_err(fail("open", &path))?;
        // Alone in the store: whatever lies in `incoming` has no writer any more.
        if lock.try_lock().is_ok() {
            remove_files(&root.join("incoming"))?;
            lock.unlock().map_err(fail("unlock", &path))?;
        }
        lock.lock_shared().map_err(fail("lock", &path))?;
        Ok(Self { root, lock: Mutex::new(lock) })
    }

    /// Removes the blobs used longest ago until at most `max_bytes` are left, and what was put aside as damaged.
    /// A build that runs meanwhile keeps the blobs it has open and fetches the others again.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn prune(&self, max_bytes: u64) -> Result<Pruned, StoreError> {
        remove_files(&self.root.join("damaged"))?;
        let mut blobs = Vec::new();
        for directory in sorted_entries(&self.root.join("sha256"))? {
            for path in sorted_entries(&directory)? {
                // Another build may prune too.
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                let used = metadata.modified().map_err(fail("read", &path))?;
                blobs.push((used, metadata.len(), path));
            }
        }
        blobs.sort();
        let mut pruned = Pruned { kept: blobs.iter().map(|(_, size, _)| size).sum(), ..Pruned::default() };
        for (_, size, path) in blobs {
            if pruned.kept <= max_bytes {
                break;
            }
            remove_file(&path)?;
            pruned.kept -= size;
            pruned.freed += size;
            pruned.blobs += 1;
        }
        Ok(pruned)
    }

    fn record_path(&self, kind: &str, key: &str) -> Result<PathBuf, StoreError> {
        let path = self.root.join("records").join(kind).join(key);
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let good = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed);
        if good(kind) && good(key) {
            return Ok(path);
        }
        Err(fail("name", &path)(io::Error::new(io::ErrorKind::InvalidInput, "a record is named in [a-z0-9._-]")))
    }

    fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        let incoming = self.root.join("incoming");
        let made = at("create").and_then(|()| tempfile::Builder::new().prefix("").tempfile_in(&incoming));
        made.map_err(fail("create a file in", &incoming))
    }

    /// Puts a damaged file where nothing looks for it, for whoever wants to know what happened.
    fn put_aside(&self, path: &Path) {
        let aside = self.root.join("damaged").join(path.file_name().unwrap_or_default());
        // Should even this fail, the bytes are still not used: every use hashes them.
        if fs::rename(path, &aside).is_err() {
            let _ = fs::remove_file(path);
        }
    }
}

impl Store for DirStore {
    fn get(&self, sha256: &Sha256) -> Result<Option<StoredBlob>, StoreError> {
        let path = blob_path(&self.root, sha256);
        let Some(file) = open_if_present(&path)? else { return Ok(None) };
        // A disk that cannot read the blob back is as good as one that changed it.
        let Ok((found, size)) = hash(&file) else {
            self.put_aside(&path);
            return Ok(None);
        };
        if found != *sha256 {
            self.put_aside(&path);
            return Ok(None);
        }
        // The time of the last use, for `prune`; a store one may only read works without.
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let _ = rustix::fs::futimens(&file, &rustix::fs::Timestamps { last_access: now, last_modification: now });
        Ok(Some(StoredBlob { sha256: *sha256, size, blob: Arc::new(FileBlob(file)) }))
    }

    fn writer(&self) -> Result<Box<dyn StoreWriter>, StoreError> {
        let temporary = self.temporary()?;
        let root = self.root.clone();
        Ok(Box::new(Writer { root, output: HashWriter::new(Faulty(temporary)) }))
    }

    fn record(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.record_path(kind, key)?;
        let Some(file) = open_if_present(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(RECORD_MAX).read_to_end(&mut bytes).map_err(fail("read", &path))?;
        let value = checked_record(&bytes);
        if value.is_none() {
            self.put_aside(&path);
        }
        Ok(value.map(<[u8]>::to_vec))
    }

    fn set_record(&self, kind: &str, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.record_path(kind, key)?;
        let mut temporary = Faulty(self.temporary()?);
        let header = format!("{RECORD_HEADER}{}\n", Sha256::of(bytes));
        temporary.write_all(header.as_bytes()).map_err(fail("write", &path))?;
        temporary.write_all(bytes).map_err(fail("write", &path))?;
        persist(temporary.0, &path)?;
        Ok(())
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

/// The value of a record, if the record is whole.
fn checked_record(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(RECORD_HEADER.as_bytes())?;
    let (digest, value) = rest.split_at_checked(64)?;
    let value = value.strip_prefix(b"\n")?;
    let digest: Sha256 = std::str::from_utf8(digest).ok()?.parse().ok()?;
    (Sha256::of(value) == digest).then_some(value)
}

/// A blob on its way into the store.
struct Writer {
    root: PathBuf,
    output: HashWriter<Faulty<NamedTempFile>>,
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
        let (sha256, size, Faulty(temporary)) = self.output.finish();
        if let Some((expected, expected_size)) = expected
            && (expected, expected_size) != (sha256, size)
        {
            return Err(StoreError::Mismatch { expected, expected_size, sha256, size });
        }
        // The very file that was hashed is handed out: nothing is opened by name again.
        let file = persist(temporary, &blob_path(&self.root, &sha256))?;
        Ok(StoredBlob { sha256, size, blob: Arc::new(FileBlob(file)) })
    }
}

fn blob_path(root: &Path, sha256: &Sha256) -> PathBuf {
    let name = sha256.to_string();
    let (directory, file) = name.split_at(2);
    root.join("sha256").join(directory).join(file)
}

/// Makes a written file real: on disk, read-only, under its name, and the name on disk too.
fn persist(temporary: NamedTempFile, path: &Path) -> Result<File, StoreError> {
    let parent = path.parent().expect("every path of the store has a parent");
    let file = temporary.as_file();
    let read_only = fs::Permissions::from_mode(0o444);
    at("write").and_then(|()| file.set_permissions(read_only)).map_err(fail("write", path))?;
    at("synchronise").and_then(|()| file.sync_all()).map_err(fail("write", path))?;
    if !parent.is_dir() {
        at("create").and_then(|()| fs::create_dir_all(parent)).map_err(fail("create", parent))?;
        sync_directory(parent.parent().expect("the parent lies in the store"))?;
    }
    at("rename").map_err(fail("write", path))?;
    let file = temporary.persist(path).map_err(|error| fail("write", path)(error.error))?;
    sync_directory(parent)?;
    Ok(file)
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synchronised = at("synchronise").and_then(|()| File::open(path)).and_then(|directory| directory.sync_all());
    synchronised.map_err(fail("write", path))
}

/// A blob of the store, by an open file: it may be removed from the store meanwhile.
struct FileBlob(File);

impl Blob for FileBlob {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

/// Hashes a whole file.
fn hash(file: &File) -> io::Result<(Sha256, u64)> {
    let mut hashing = HashWriter::new(io::sink());
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = file.read_at(&mut buffer, hashing.size())?;
        if count == 0 {
            let (sha256, size, _) = hashing.finish();
            return Ok((sha256, size));
        }
        hashing.write_all(&buffer[..count])?;
    }
}

fn open_if_present(path: &Path) -> Result<Option<File>, StoreError> {
    // Never through a symbolic link, and never waiting for the other end of a pipe.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    match at("open").and_then(|()| options.read(true).custom_flags(flags.bits().cast_signed()).open(path)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail("open", path)(error)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the entries are sorted here")]
fn sorted_entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(directory).map_err(fail("list", directory))?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(fail("list", directory))?;
    paths.sort();
    Ok(paths)
}

fn remove_files(directory: &Path) -> Result<(), StoreError> {
    sorted_entries(directory)?.iter().try_for_each(|path| remove_file(path))
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail("remove", path)(error)),
        _ => Ok(()),
    }
}

fn fail(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
