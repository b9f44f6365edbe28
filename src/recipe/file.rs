//! Files that a recipe names: read once, when the recipe is loaded.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::digest::Sha256;
use crate::tree::Blob;
use crate::tree::Content;

/// Up to this size a file is held in memory.
const MEMORY_MAX: u64 = 1 << 20;

/// A file that the recipe names: a keyring, a .deb.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalFile {
    /// As the recipe names it, relative to the recipe's directory.
    pub path: PathBuf,
    /// Its bytes.
    pub content: Content,
}

/// Reads a regular file: small ones into memory, big ones by reference. Returns its content and whether its owner
/// may execute it.
pub(crate) fn read(path: &Path) -> io::Result<(Content, bool)> {
    let mut file = open(path)?;
    let stamp = Stamp::of(&file)?;
    let executable = file.metadata()?.mode() & 0o100 != 0;
    if stamp.size <= MEMORY_MAX {
        let mut bytes = Vec::new();
        (&file).take(MEMORY_MAX + 1).read_to_end(&mut bytes)?;
        stamp.check(&file)?;
        return Ok((Content::from_bytes(bytes), executable));
    }
    let (sha256, size) = Sha256::of_reader(&mut file)?;
    stamp.check(&file)?;
    Ok((Content::from_blob(Arc::new(LocalBlob { file, stamp }), 0, size, sha256), executable))
}

/// Opens what may be a regular file. Without `NONBLOCK` a named pipe would wait for a writer for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of open(2) is an int");
    File::options().read(true).custom_flags(flags).open(path)
}

/// A big file of the recipe's, read again when it is needed.
struct LocalBlob {
    file: File,
    stamp: Stamp,
}

impl Blob for LocalBlob {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = FileExt::read_at(&self.file, buffer, offset)?;
        // The digest was taken when the recipe was loaded: other bytes must not go by its name.
        self.stamp.check(&self.file)?;
        Ok(count)
    }
}

/// What changes when somebody writes to a file.
#[derive(PartialEq)]
struct Stamp {
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Self { size: metadata.len(), changed: (metadata.ctime(), metadata.ctime_nsec()) })
    }

    fn check(&self, file: &File) -> io::Result<()> {
        if Self::of(file)? == *self {
            return Ok(());
        }
        Err(io::Error::other("it was changed while it was read; start again"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn small_and_big_files_read_as_themselves() {
        let directory = tempfile::tempdir().expect("the tests can write");
        for size in [0, 5, MEMORY_MAX as usize, MEMORY_MAX as usize + 1] {
            let path = directory.path().join("file");
            let bytes = vec![b'x'; size];
            fs::write(&path, &bytes).expect("written");
            let (content, executable) = read(&path).expect("readable");
            assert_eq!(content, Content::from_bytes(bytes.clone()), "{size}");
            assert_eq!(content.to_vec().expect("readable again"), bytes, "{size}");
            assert!(!executable);
        }
        assert!(read(directory.path()).is_err(), "a directory is no file");
    }

    #[test]
    fn a_big_file_that_changes_is_an_error() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let path = directory.path().join("file");
        fs::write(&path, vec![b'x'; MEMORY_MAX as usize + 1]).expect("written");
        let (content, _) = read(&path).expect("readable");
        fs::write(&path, "short").expect("written");
        assert!(content.to_vec().is_err());
    }
}
