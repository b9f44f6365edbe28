//! The key that seals the records of a store: who has it can make the store say anything but bytes of a digest.
//!
//! It lies outside the store, where nobody but its user can read it, so a store that was restored, shared or written
//! to by others has no record that counts.

use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;

use super::fail;
use crate::format::shown::without_place;
use crate::host::StoreError;

/// Bytes of a key, and of a seal.
const LENGTH: usize = 32;

/// A key that seals records (HMAC-SHA-256).
#[derive(Clone)]
pub struct RecordKey([u8; LENGTH]);

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey(…)")
    }
}

impl RecordKey {
    /// A key that the caller keeps.
    #[must_use]
    pub const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key that follows from a secret of several machines, which then take each other's records for their own.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self(mac.chain_update(b"imgbuild shared key of records").finalize().into_bytes().into())
    }

    /// A key that goes with its owner: no record of an earlier store counts, and none of this one will.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn ephemeral() -> Result<Self, StoreError> {
        let mut bytes = [0; LENGTH];
        let filled = getrandom::fill(&mut bytes);
        filled.map_err(|error| fail("make", Path::new("a key"))(io::Error::other(error)))?;
        Ok(Self(bytes))
    }

    /// The key in the file at `path`, which is made, with mode 0600, where there is none. Of several that make it at
    /// once one is first, and all take that one's.
    ///
    /// # Errors
    /// It can be neither read nor made, or others own it or may read it.
    pub fn kept_at(path: &Path) -> Result<Self, StoreError> {
        if let Some(key) = Self::read(path)? {
            return Ok(key);
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(fail("create", directory))?;
        let new = Self::ephemeral()?;
        let file = tempfile::Builder::new().tempfile_in(directory).map_err(without_place);
        let mut file = file.map_err(fail("create a file in", directory))?;
        file.write_all(&new.0).map_err(without_place).map_err(fail("write", path))?;
        file.as_file().sync_all().map_err(fail("write", path))?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(fail("write", path)(error.error));
            }
            _ => {}
        }
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(fail("write", path))?;
        Self::read(path)?.ok_or_else(|| fail("read", path)(io::ErrorKind::NotFound.into()))
    }

    fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let mut file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(fail("open", path))?,
        };
        let unusable = |reason: &str| {
            let reason = format!("{reason}: remove it, and a new key is made");
            Err(StoreError::Unusable { path: path.to_owned(), reason })
        };
        let metadata = file.metadata().map_err(fail("read", path))?;
        if !metadata.is_file() {
            return unusable("is no file");
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return unusable("is somebody else's");
        }
        if metadata.mode() & 0o077 != 0 {
            return unusable("can be read by others, who could make the cache say anything");
        }
        let mut bytes = Vec::new();
        (&mut file).take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(fail("read", path))?;
        match bytes.try_into() {
            Ok(bytes) => Ok(Some(Self(bytes))),
            Err(_) => unusable("is no key"),
        }
    }

    /// The seal of a record: it covers kind and name too, so that no record can stand for another.
    pub(super) fn seal(&self, kind: &str, name: &str, bytes: &[u8]) -> [u8; LENGTH] {
        self.mac(kind, name, bytes).finalize().into_bytes().into()
    }

    /// Whether a seal is that of this record.
    pub(super) fn fits(&self, seal: &[u8], kind: &str, name: &str, bytes: &[u8]) -> bool {
        self.mac(kind, name, bytes).verify_slice(seal).is_ok()
    }

    fn mac(&self, kind: &str, name: &str, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        // Neither has a NUL, so the parts cannot be shifted against each other.
        for part in [b"imgbuild record 2", kind.as_bytes(), name.as_bytes()] {
            mac.update(part);
            mac.update(b"\0");
        }
        mac.update(bytes);
        mac
    }
}
