//! What scripts add to the tree counts as memory for as long as it is there: bytes with the content that has them,
//! names by how many inodes were made.

use std::io;

use super::system::System;
use crate::budget::Held;
use crate::budget::Spent;
use crate::digest::Sha256;
use crate::tree::Blob;
use crate::tree::Content;
use crate::tree::TreePath;

/// What an inode and its name take beside the name's bytes, measured with empty files.
const INODE: usize = 256;

/// Bytes in memory with the claim for them.
struct Kept {
    bytes: Vec<u8>,
    _held: Held,
}

impl Blob for Kept {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.bytes.read_at(buffer, offset)
    }
}

impl System {
    /// Bytes that a script made, as content of a file.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn content(&self, bytes: Vec<u8>) -> Result<Content, Spent> {
        self.budget.read(bytes.len())?;
        let held = self.budget.hold(bytes.len())?;
        let (sha256, size) = (Sha256::of(&bytes), bytes.len() as u64);
        Ok(Content::from_blob(std::sync::Arc::new(Kept { bytes, _held: held }), 0, size, sha256))
    }

    /// Claims room for a new name. It is not given back when the name goes: the tree keeps the inode's place.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn make_room(&mut self, place: &TreePath) -> Result<(), Spent> {
        self.budget.tried(8)?;
        self.names.grow(INODE + place.as_bytes().len())
    }
}
