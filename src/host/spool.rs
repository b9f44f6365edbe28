//! File content that is on its way from one place to another: too much for memory, not worth the store.

use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::digest::HashWriter;
use crate::format::shown::without_place;
use crate::tree::Blob;
use crate::tree::Content;

/// An unnamed file that lasts as long as content in it does.
#[derive(Debug)]
pub struct Spool {
    blob: Arc<File>,
    output: BufWriter<File>,
    end: u64,
}

impl Spool {
    /// On the file system of a directory.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(without_place)?;
        let output = BufWriter::with_capacity(1 << 20, file.try_clone()?);
        Ok(Self { blob: Arc::new(file), output, end: 0 })
    }

    /// Keeps all that a reader gives. It can be read after [`Spool::finish`].
    ///
    /// # Errors
    /// The reader's, or the disk is full.
    pub fn keep(&mut self, bytes: &mut dyn Read) -> io::Result<Content> {
        let mut hashing = HashWriter::new(&mut self.output);
        io::copy(bytes, &mut hashing)?;
        let (sha256, size, _) = hashing.finish();
        let start = self.end;
        self.end += size;
        let blob: Arc<dyn Blob> = self.blob.clone();
        Ok(Content::from_blob(blob, start, size, sha256))
    }

    /// Everything is there.
    ///
    /// # Errors
    /// The disk is full.
    pub fn finish(mut self) -> io::Result<()> {
        self.output.flush()
    }
}
