//! The bytes of files: whole blocks, and fragment blocks that hold several small files.
//!
//! A file of less than a block lies in a fragment; the last block of a larger one is a short block of its own. A block
//! of zeros is a hole. Blocks are read in the order of paths, compressed in batches on several threads, and written in
//! the order in which they were read. The blocks of a file that an image of before has are copied from there.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;

use super::BLOCK;
use super::Options;
use super::failed;
use super::pack::Packer;
use super::unsupported;
use crate::digest::Sha256;
use crate::image::Error;
use crate::image::Output;
use crate::image::parallel;
use crate::tree::Content;
use crate::tree::Layout;
use crate::tree::Place;
use crate::tree::Tree;
use crate::tree::TreePath;

/// In a block's size: it is stored as it is.
const STORED: u32 = 1 << 24;
/// Blocks per thread that wait to be compressed: enough to keep all threads busy, and 2 MiB of memory each.
const BATCH: usize = 16;

/// Where a file's bytes lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    /// The first block's place in the image.
    pub(super) start: u64,
    /// The size of each block in the image, as inodes say it; 0 for a hole.
    pub(super) blocks: Vec<u32>,
    /// The fragment block, by number, and the place in it.
    pub(super) fragment: Option<(u32, u32)>,
    /// Bytes of holes.
    pub(super) holes: u64,
}

/// All that was written.
#[derive(Debug)]
pub(super) struct Data {
    files: BTreeMap<Sha256, Stored>,
    /// Place and size of each fragment block.
    pub(super) fragments: Vec<(u64, u32)>,
    /// The first byte after the data.
    pub(super) end: u64,
}

impl Data {
    /// Writes the content of all files, from `start` on.
    ///
    /// # Errors
    /// The output, or a file's bytes.
    pub(super) fn write(
        tree: &Tree,
        packer: Packer,
        options: &Options,
        start: u64,
        output: &mut dyn Output,
    ) -> Result<Self, Error> {
        let data = Self { files: BTreeMap::new(), fragments: Vec::new(), end: start };
        let mut writer = Writer { data, packer, options, output, pending: Vec::new(), fragment: Vec::new(), number: 0 };
        for (path, _, inode) in tree.iter() {
            if let Some(content) = inode.content().filter(|content| content.size() > 0) {
                writer.file(path, content)?;
            }
        }
        writer.end_fragment()?;
        writer.flush()?;
        Ok(writer.data)
    }

    /// The same for the next image: of each file without a fragment the size of each block, as inodes say it.
    pub(super) fn layout(&self) -> Layout {
        let mut layout = Layout::default();
        for (content, stored) in self.files.iter().filter(|(_, stored)| stored.fragment.is_none()) {
            layout.put(*content, Place { start: stored.start, parts: stored.blocks.clone() });
        }
        layout
    }

    /// Where the bytes of a file of this tree lie; an empty one has none.
    pub(super) fn stored(&self, content: &Content) -> &Stored {
        static EMPTY: Stored = Stored { start: 0, blocks: Vec::new(), fragment: None, holes: 0 };
        self.files.get(content.sha256()).unwrap_or(&EMPTY)
    }

    /// The records of the fragment table.
    pub(super) fn fragment_records(&self) -> Vec<u8> {
        let record = |(start, size): &(u64, u32)| [start.to_le_bytes(), u64::from(*size).to_le_bytes()].concat();
        self.fragments.iter().flat_map(record).collect()
    }
}

/// Whose a block is.
#[derive(Debug)]
enum Owner {
    File(Sha256),
    Fragment,
}

struct Writer<'a> {
    data: Data,
    packer: Packer,
    options: &'a Options,
    output: &'a mut dyn Output,
    /// Blocks that wait to be compressed; a hole has no bytes.
    pending: Vec<(Vec<u8>, Owner)>,
    /// The fragment block that is being filled, and its number.
    fragment: Vec<u8>,
    number: u32,
}

impl Writer<'_> {
    fn file(&mut self, path: &TreePath, content: &Content) -> Result<(), Error> {
        let sha256 = *content.sha256();
        if self.data.files.contains_key(&sha256) {
            return Ok(());
        }
        let read = |source: io::Error| Error::Read { path: path.clone(), source };
        let mut reader = content.reader();
        let mut stored = Stored::default();
        if content.size() < BLOCK as u64 {
            let size = content.size() as usize;
            if self.fragment.len() + size > BLOCK {
                self.end_fragment()?;
            }
            stored.fragment = Some((self.number, self.fragment.len() as u32));
            reader.read_to_end(&mut self.fragment).map_err(read)?;
            self.data.files.insert(sha256, stored);
            return Ok(());
        }
        if self.copied(path, content)? {
            return Ok(());
        }
        self.data.files.insert(sha256, stored);
        let mut left = content.size();
        while left > 0 {
            let size = left.min(BLOCK as u64);
            let mut block = vec![0; size as usize];
            reader.read_exact(&mut block).map_err(read)?;
            left -= size;
            if block.iter().all(|&byte| byte == 0) {
                self.stored_mut(&sha256).holes += size;
                block.clear();
            }
            self.add(block, Owner::File(sha256))?;
        }
        // The size of each block stands in the inode, and Linux reads the list with 32-bit counts.
        if content.size().div_ceil(BLOCK as u64) > u64::from(u32::MAX) {
            return Err(unsupported(path, "it is too large"));
        }
        Ok(())
    }

    /// Takes the blocks of a file from the image before, if it has them.
    fn copied(&mut self, path: &TreePath, content: &Content) -> Result<bool, Error> {
        let Some(former) = &self.options.former else { return Ok(false) };
        let place = former.layout.get(content.sha256());
        let count = content.size().div_ceil(BLOCK as u64);
        let Some(place) = place.filter(|place| place.parts.len() as u64 == count) else { return Ok(false) };
        // Blocks are in the order of paths.
        self.flush()?;
        let mut stored = Stored { start: self.data.end, blocks: place.parts.clone(), ..Stored::default() };
        let (mut at, mut left) = (place.start, content.size());
        for size in &place.parts {
            let plain = left.min(BLOCK as u64);
            left -= plain;
            let length = u64::from(size & !STORED);
            if length == 0 {
                stored.holes += plain;
            }
            let bytes = Content::from_blob(Arc::clone(&former.image), at, length, *content.sha256()).to_vec();
            let bytes = bytes.map_err(|source| Error::Read { path: path.clone(), source })?;
            self.output.write_all(&bytes).map_err(failed)?;
            at += length;
        }
        self.data.end += at - place.start;
        self.data.files.insert(*content.sha256(), stored);
        Ok(true)
    }

    fn end_fragment(&mut self) -> Result<(), Error> {
        if self.fragment.is_empty() {
            return Ok(());
        }
        self.number += 1;
        let fragment = std::mem::take(&mut self.fragment);
        self.add(fragment, Owner::Fragment)
    }

    fn add(&mut self, block: Vec<u8>, owner: Owner) -> Result<(), Error> {
        self.pending.push((block, owner));
        if self.pending.len() == BATCH * self.options.jobs.max(1) { self.flush() } else { Ok(()) }
    }

    fn stored_mut(&mut self, sha256: &Sha256) -> &mut Stored {
        self.data.files.get_mut(sha256).expect("a file is known before its blocks")
    }

    /// Compresses and writes what waits.
    fn flush(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        let packer = self.packer;
        let packed =
            parallel::map(self.options.jobs, &self.options.cancel, &pending, &|(block, _)| packer.pack(block))?;
        for ((block, owner), packed) in pending.iter().zip(packed) {
            let packed = packed.map_err(failed)?;
            let (mark, bytes) = packed.as_deref().map_or((STORED, block.as_slice()), |packed| (0, packed));
            let size = if bytes.is_empty() { 0 } else { bytes.len() as u32 | mark };
            let start = self.data.end;
            self.output.write_all(bytes).map_err(failed)?;
            self.data.end += bytes.len() as u64;
            match owner {
                Owner::Fragment => self.data.fragments.push((start, size)),
                Owner::File(sha256) => {
                    let stored = self.stored_mut(sha256);
                    if stored.blocks.is_empty() {
                        stored.start = start;
                    }
                    stored.blocks.push(size);
                }
            }
        }
        Ok(())
    }
}
