//! File content by reference: what it is (digest, size) and where its bytes lie.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::digest::Sha256;

/// Bytes that can be read at any offset and that never change: a file of the store, or memory.
pub trait Blob: Send + Sync {
    /// Reads at `offset`; 0 at the end. Short reads are allowed.
    ///
    /// # Errors
    /// The medium's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// What takes the bytes of a file that is read, and how many there are, and says where they lie from then on.
pub type Keep<'a> = dyn FnMut(&mut dyn Read, u64) -> io::Result<Content> + 'a;

/// An open file: it may lose its name meanwhile.
impl Blob for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

impl Blob for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let count = buffer.len().min(self.len() - start);
        buffer[..count].copy_from_slice(&self[start..start + count]);
        Ok(count)
    }
}

/// The content of a regular file: a range of a [`Blob`] with the digest of that range.
///
/// Equal when digest and size are equal, wherever the bytes lie.
#[derive(Clone)]
pub struct Content {
    sha256: Sha256,
    size: u64,
    blob: Arc<dyn Blob>,
    offset: u64,
}

impl Content {
    /// Content in memory, for what the program makes itself.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { sha256: Sha256::of(&bytes), size: bytes.len() as u64, blob: Arc::new(bytes), offset: 0 }
    }

    /// Content that is a range of a blob. The caller has hashed exactly this range.
    #[must_use]
    pub fn from_blob(blob: Arc<dyn Blob>, offset: u64, size: u64, sha256: Sha256) -> Self {
        Self { sha256, size, blob, offset }
    }

    /// The digest of the bytes.
    #[must_use]
    pub const fn sha256(&self) -> &Sha256 {
        &self.sha256
    }

    /// The number of bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Reads the content from its beginning.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        self.reader_at(0)
    }

    /// Reads the content from a position on; nothing when that is behind its end.
    #[must_use]
    pub fn reader_at(&self, position: u64) -> Reader<'_> {
        Reader { content: self, position: position.min(self.size) }
    }

    /// The whole content in memory. For files whose size the caller knows to be small, or has checked.
    ///
    /// # Errors
    /// The medium's.
    pub fn to_vec(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0).min(1 << 20));
        self.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256 && self.size == other.size
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes, {})", self.size, self.sha256)
    }
}

/// Reads one content; yields exactly its size or an error.
#[derive(Debug)]
pub struct Reader<'a> {
    content: &'a Content,
    position: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.content.size - self.position;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = self.content.blob.read_at(&mut buffer[..want], self.content.offset + self.position)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "file content is shorter than its recorded size"));
        }
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_as_itself() {
        let content = Content::from_blob(Arc::new(b"abcdef".to_vec()), 2, 3, Sha256::of(b"cde"));
        assert_eq!(content.to_vec().expect("memory reads"), b"cde");
        assert_eq!(content, Content::from_bytes("cde"));
    }

    #[test]
    fn a_short_blob_is_an_error() {
        let content = Content::from_blob(Arc::new(b"ab".to_vec()), 0, 3, Sha256::of(b"abc"));
        assert_eq!(content.to_vec().expect_err("a byte is missing").kind(), io::ErrorKind::UnexpectedEof);
    }
}
