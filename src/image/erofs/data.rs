//! The bytes of files: extents that are compressed, or blocks as they are.
//!
//! Files are cut into extents of 128 KiB, each compressed by itself and padded to whole blocks in front. An extent
//! that this makes no smaller is stored as it is; so is a file none of whose extents is, and a small one when it is
//! smaller with its end behind its inode. Extents are read in the order of paths, compressed in batches on several
//! threads, and written in the order in which they were read. A file that an image of before has is copied from there as
//! it lies there, and neither read nor compressed.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;

use lz4::block::CompressionMode;

use super::BLOCK;
use super::Compression;
use super::Image;
use super::Options;
use super::attributes::Attributes;
use super::failed;
use super::metadata;
use crate::digest::Sha256;
use crate::image::Error;
use crate::image::parallel;
use crate::tree::Content;
use crate::tree::Layout;
use crate::tree::Place;
use crate::tree::Tree;
use crate::tree::TreePath;

/// The blocks of an extent before compression. More pad less and compress a little better, and make a random read
/// cost more; a node keeps as many pages for each of its processors.
pub(super) const EXTENT_BLOCKS: u16 = 32;
const EXTENT: usize = EXTENT_BLOCKS as usize * BLOCK;
/// LZ4's strength: `lz4hc`'s default, at the knee of its curve.
pub(super) const LEVEL: i32 = 9;
/// Extents per thread that wait to be compressed: enough to keep all threads busy, and 2 MiB of memory each.
const BATCH: usize = 16;

/// Where a file's bytes lie.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    pub(super) extents: Vec<Extent>,
    /// The bytes after the last whole block stand behind the inode.
    pub(super) inline: bool,
    /// They might.
    alone: bool,
}

/// Up to [`EXTENT_BLOCKS`] blocks of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Its first block in the image.
    pub(super) start: u32,
    /// The number of its blocks in the image when it is compressed.
    pub(super) packed: Option<u16>,
}

impl Stored {
    /// Whether any extent is compressed.
    pub(super) fn compressed(&self) -> bool {
        self.extents.iter().any(|extent| extent.packed.is_some())
    }
}

/// All that was written.
#[derive(Debug, Default)]
pub(super) struct Data {
    files: BTreeMap<Sha256, Stored>,
}

impl Data {
    /// Writes the content of all files.
    ///
    /// # Errors
    /// The output, or a file's bytes.
    pub(super) fn write(
        tree: &Tree,
        attributes: &Attributes,
        options: &Options,
        image: &mut Image<'_>,
    ) -> Result<Self, Error> {
        let room = room(tree, attributes);
        let mut writer = Writer { data: Self::default(), options, image, pending: Vec::new() };
        for (path, _, inode) in tree.iter() {
            if let Some(content) = inode.content().filter(|content| content.size() > 0) {
                writer.file(path, content, room[content.sha256()])?;
            }
        }
        writer.flush()?;
        Ok(writer.data)
    }

    /// The same for the next image: of each file whether it is inline, and might be, and the blocks of each extent, 0 for
    /// one that is not compressed.
    pub(super) fn layout(&self) -> Layout {
        let mut layout = Layout::default();
        for (content, stored) in &self.files {
            let start = stored.extents.first().map_or(0, |extent| u64::from(extent.start) * BLOCK as u64);
            let kind = u32::from(stored.inline) | u32::from(stored.alone) << 1;
            let packed = stored.extents.iter().map(|extent| extent.packed.map_or(0, u32::from));
            layout.put(*content, Place { start, parts: std::iter::once(kind).chain(packed).collect() });
        }
        layout
    }

    /// Where the bytes of a file of this tree lie; an empty one has none.
    pub(super) fn stored(&self, content: &Content) -> &Stored {
        static EMPTY: Stored = Stored { extents: Vec::new(), inline: false, alone: false };
        self.files.get(content.sha256()).unwrap_or(&EMPTY)
    }
}

/// How many bytes fit behind each inode of a content: equal files are stored once, and their inodes may have different
/// attributes.
fn room(tree: &Tree, attributes: &Attributes) -> BTreeMap<Sha256, usize> {
    let mut room = BTreeMap::new();
    for (_, _, inode) in tree.iter() {
        if let Some(content) = inode.content() {
            let left = BLOCK.saturating_sub(metadata::INODE + attributes.body(inode).len());
            let least = room.entry(*content.sha256()).or_insert(left);
            *least = left.min(*least);
        }
    }
    room
}

/// An extent that waits to be compressed.
struct Piece {
    bytes: Vec<u8>,
    file: Sha256,
    /// It is a whole file, and its last bytes may stand behind the inode.
    alone: bool,
}

struct Writer<'a, 'b> {
    data: Data,
    options: &'a Options,
    image: &'a mut Image<'b>,
    pending: Vec<Piece>,
}

impl Writer<'_, '_> {
    fn file(&mut self, path: &TreePath, content: &Content, room: usize) -> Result<(), Error> {
        let file = *content.sha256();
        if self.data.files.contains_key(&file) {
            return Ok(());
        }
        let end = (content.size() % BLOCK as u64) as usize;
        let alone = content.size() <= EXTENT as u64 && end > 0 && end <= room;
        if self.copied(path, content, alone)? {
            return Ok(());
        }
        self.data.files.insert(file, Stored { alone, ..Stored::default() });
        let mut reader = content.reader();
        let mut left = content.size();
        while left > 0 {
            let size = left.min(EXTENT as u64);
            let mut bytes = vec![0; size as usize];
            reader.read_exact(&mut bytes).map_err(|source| Error::Read { path: path.clone(), source })?;
            left -= size;
            self.pending.push(Piece { bytes, file, alone });
            if self.pending.len() == BATCH * self.options.jobs.max(1) {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Takes a file from the image before, if it has it in the form that it would have here.
    fn copied(&mut self, path: &TreePath, content: &Content, alone: bool) -> Result<bool, Error> {
        let Some(former) = &self.options.former else { return Ok(false) };
        let Some((kind, packed, start)) = former.layout.get(content.sha256()).and_then(|place| {
            let (kind, packed) = place.parts.split_first()?;
            Some((*kind, packed, place.start))
        }) else {
            return Ok(false);
        };
        let extents = content.size().div_ceil(EXTENT as u64);
        if (kind & 2 != 0) != alone || packed.len() as u64 != extents {
            return Ok(false);
        }
        // Extents are in the order of paths.
        self.flush()?;
        let mut stored = Stored { alone, inline: kind & 1 != 0, ..Stored::default() };
        let (mut at, mut left) = (start, content.size());
        for &blocks in packed {
            let plain = left.min(EXTENT as u64);
            left -= plain;
            let whole = if stored.inline { plain / BLOCK as u64 } else { plain.div_ceil(BLOCK as u64) };
            let length = (if blocks == 0 { whole } else { u64::from(blocks) }) * BLOCK as u64;
            let bytes = Content::from_blob(Arc::clone(&former.image), at, length, *content.sha256()).to_vec();
            let bytes = bytes.map_err(|source| Error::Read { path: path.clone(), source })?;
            let packed = u16::try_from(blocks).ok().filter(|blocks| *blocks > 0);
            stored.extents.push(Extent { start: self.image.append(&bytes)?, packed });
            at += length;
        }
        self.data.files.insert(*content.sha256(), stored);
        Ok(true)
    }

    /// Compresses and writes what waits.
    fn flush(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        let Options { compression, jobs, cancel, .. } = self.options;
        let packed = parallel::map(*jobs, cancel, &pending, &|piece| pack(*compression, piece))?;
        for (piece, packed) in pending.iter().zip(packed) {
            let packed = packed.map_err(failed)?;
            let stored = self.data.files.get_mut(&piece.file).expect("a file is known before its extents");
            let start = match &packed {
                Some(packed) => self.image.append_to_end(packed)?,
                None if piece.alone => {
                    stored.inline = true;
                    self.image.append(&piece.bytes[..piece.bytes.len() / BLOCK * BLOCK])?
                }
                None => self.image.append(&piece.bytes)?,
            };
            let packed = packed.map(|packed| packed.len().div_ceil(BLOCK) as u16);
            stored.extents.push(Extent { start, packed });
        }
        Ok(())
    }
}

/// Compresses an extent; `None` when it is better stored as it is.
fn pack(compression: Compression, piece: &Piece) -> io::Result<Option<Vec<u8>>> {
    let Compression::Lz4 { level } = compression else { return Ok(None) };
    let length = piece.bytes.len();
    // A block is the least that an extent takes.
    if length <= BLOCK {
        return Ok(None);
    }
    let packed = lz4::block::compress(&piece.bytes, Some(CompressionMode::HIGHCOMPRESSION(level)), false)?;
    let plain = if piece.alone { length } else { length.next_multiple_of(BLOCK) };
    let index = if piece.alone { metadata::index_size(length as u64) } else { 0 };
    Ok((packed.len().next_multiple_of(BLOCK) + index < plain).then_some(packed))
}
