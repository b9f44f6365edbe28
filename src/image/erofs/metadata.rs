//! Inodes, and what stands behind each: its extended attributes; then the index of its extents, or the end of its data.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use super::BLOCK;
use super::Image;
use super::SLOT;
use super::attributes;
use super::attributes::Attributes;
use super::data::Data;
use super::data::EXTENT_BLOCKS;
use super::data::Stored;
use super::directory;
use super::failed;
use super::place::Places;
use super::unsupported;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::image::Error;
use crate::image::device;
use crate::image::layout::Directory;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::PATH_MAX;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Bytes of an inode of the kind that has a time of its own.
pub(super) const INODE: usize = 64;
/// `i_format`: an inode of that kind; how its data lies.
pub(super) const EXTENDED: u16 = 1;
const PLAIN: u16 = 0 << 1;
const COMPRESSED: u16 = 1 << 1;
const INLINE: u16 = 2 << 1;
/// Before an index: what it is, and eight bytes that mean nothing.
pub(super) const INDEX_HEADER: usize = 16;
/// Extents may have more than one block.
pub(super) const BIG_EXTENTS: u16 = 2;
/// What an entry of an index is: a block as it is, the first of an extent, or one after it.
pub(super) const ENTRY_PLAIN: u16 = 0;
pub(super) const ENTRY_FIRST: u16 = 1;
pub(super) const ENTRY_OTHER: u16 = 2;
/// In the second entry of an extent: the number of its blocks in the image follows.
pub(super) const BLOCK_COUNT: u16 = 1 << 11;
/// How much metadata is gathered before it is written.
const GATHER: usize = 1 << 20;

/// The bytes of the index of a file of `size` bytes.
pub(super) fn index_size(size: u64) -> usize {
    INDEX_HEADER + 8 * size.div_ceil(BLOCK as u64) as usize
}

/// Refuses what erofs has no room for.
///
/// # Errors
/// There is such an inode.
pub(super) fn check(tree: &Tree) -> Result<(), Error> {
    for (path, _, inode) in tree.iter() {
        match &inode.kind {
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor }
                if device(*major, *minor).is_none() =>
            {
                return Err(unsupported(path, "its device number is too large"));
            }
            Kind::Symlink(target) if target.is_empty() || target.len() >= PATH_MAX => {
                return Err(unsupported(path, "its target is empty or too long"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// All inodes of a tree with their places.
pub(super) struct Metadata<'a> {
    tree: &'a Tree,
    data: &'a Data,
    attributes: &'a Attributes,
    directories: BTreeMap<InodeId, &'a Directory<'a>>,
    /// In the order in which they were placed.
    records: Vec<Record>,
    numbers: BTreeMap<InodeId, u64>,
}

struct Record {
    id: InodeId,
    /// In the metadata area.
    place: u64,
    /// The first of the blocks of a directory or a link's target.
    start: u32,
}

impl<'a> Metadata<'a> {
    /// Gives each inode its place: the root first, for its number has 16 bits only, then directory by directory.
    pub(super) fn place(
        tree: &'a Tree,
        directories: &'a [Directory<'a>],
        data: &'a Data,
        attributes: &'a Attributes,
    ) -> Self {
        let by_id = directories.iter().map(|directory| (directory.id, directory)).collect();
        let (records, numbers) = (Vec::new(), BTreeMap::new());
        let mut metadata = Self { tree, data, attributes, directories: by_id, records, numbers };
        let mut places = Places::new();
        let root = directories.first().map(|directory| directory.id);
        let ids = directories.iter().flat_map(|directory| directory.entries.iter().map(|(_, id)| *id));
        for id in root.into_iter().chain(ids) {
            if !metadata.numbers.contains_key(&id) {
                let place = places.take(metadata.size(id));
                metadata.records.push(Record { id, place, start: 0 });
                metadata.numbers.insert(id, place / SLOT as u64);
            }
        }
        metadata
    }

    /// The number of inodes.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The number of the root.
    pub(super) fn root(&self) -> u16 {
        let root = self.records.first().map_or(0, |record| record.place / SLOT as u64);
        u16::try_from(root).expect("the root is placed first")
    }

    /// Writes the blocks of directories, and of links whose target has no room behind the inode.
    ///
    /// # Errors
    /// The output.
    pub(super) fn write_blocks(&mut self, image: &mut Image<'_>) -> Result<(), Error> {
        for position in 0..self.records.len() {
            let id = self.records[position].id;
            let inode = self.tree.inode(id);
            let mut start = None;
            match &inode.kind {
                Kind::Directory => {
                    let mut blocks = directory::blocks(self.directories[&id]);
                    let inline = blocks.last().is_some_and(|last| self.fits(inode, directory::size(last)));
                    blocks.truncate(blocks.len() - usize::from(inline));
                    for names in &blocks {
                        let block = image.append(&self.names(names))?;
                        start.get_or_insert(block);
                    }
                }
                Kind::Symlink(target) if !self.fits(inode, target.len()) => start = Some(image.append(target)?),
                _ => {}
            }
            self.records[position].start = start.unwrap_or(0);
        }
        Ok(())
    }

    /// Writes the metadata area; returns its digest.
    ///
    /// # Errors
    /// The output, or the bytes of a file.
    pub(super) fn write(&self, image: &mut Image<'_>) -> Result<Sha256, Error> {
        let mut hash = HashWriter::new(io::sink());
        let (mut area, mut begin) = (Vec::new(), 0);
        let mut order: Vec<(u32, &Record)> = (1..).zip(&self.records).collect();
        order.sort_unstable_by_key(|(_, record)| record.place);
        for (number, record) in order {
            area.resize((record.place - begin) as usize, 0);
            self.record(number, record, &mut area)?;
            if area.len() >= GATHER {
                let rest = area.split_off(area.len() / BLOCK * BLOCK);
                hash.write_all(&area).map_err(failed)?;
                image.append(&area)?;
                begin += area.len() as u64;
                area = rest;
            }
        }
        hash.write_all(&area).map_err(failed)?;
        image.append(&area)?;
        Ok(hash.finish().0)
    }

    /// An inode and what stands behind it.
    fn record(&self, number: u32, record: &Record, area: &mut Vec<u8>) -> Result<(), Error> {
        let inode = self.tree.inode(record.id);
        let body = self.attributes.body(inode);
        let shape = self.shape(record, inode);
        let stat = &inode.stat;
        for half in [shape.format | EXTENDED, attributes::units(&body), shape.kind | (stat.mode & 0o7777) as u16, 0] {
            area.extend(half.to_le_bytes());
        }
        area.extend(shape.size.to_le_bytes());
        for word in [shape.data, number, stat.uid, stat.gid] {
            area.extend(word.to_le_bytes());
        }
        area.extend(stat.mtime.to_le_bytes());
        area.extend([[0; 4], shape.links.to_le_bytes()].concat());
        area.extend([0; 16]);
        area.extend(body);
        match &inode.kind {
            Kind::File(content) if shape.format == COMPRESSED => index(self.data.stored(content), content.size(), area),
            Kind::File(content) if shape.format == INLINE => {
                let failed = |source| Error::Read { path: self.path(record.id), source };
                // Only files of up to an extent are stored in this way.
                let bytes = content.to_vec().map_err(failed)?;
                area.extend(&bytes[bytes.len() / BLOCK * BLOCK..]);
            }
            Kind::Symlink(target) if shape.format == INLINE => area.extend(target),
            Kind::Directory if shape.format == INLINE => {
                let blocks = directory::blocks(self.directories[&record.id]);
                area.extend(blocks.last().map(|names| self.names(names)).unwrap_or_default());
            }
            _ => {}
        }
        Ok(())
    }

    fn shape(&self, record: &Record, inode: &Inode) -> Shape {
        let links = self.tree.links(record.id);
        let inline = |size: usize| if self.fits(inode, size) { INLINE } else { PLAIN };
        match &inode.kind {
            Kind::Directory => {
                let directory = self.directories[&record.id];
                let blocks = directory::blocks(directory);
                let last = blocks.last().map_or(0, |names| directory::size(names));
                let size = ((blocks.len() - 1) * BLOCK + last) as u64;
                Shape { kind: 0o040_000, format: inline(last), size, data: record.start, links: directory.links() }
            }
            Kind::File(content) => {
                let stored = self.data.stored(content);
                let first = stored.extents.first().map_or(0, |extent| extent.start);
                let blocks = |(size, extent): (u32, &super::data::Extent)| extent.packed.map_or(size, u32::from);
                let (format, data) = match (stored.compressed(), stored.inline) {
                    (true, _) => (COMPRESSED, lengths(stored, content.size()).zip(&stored.extents).map(blocks).sum()),
                    (false, true) => (INLINE, first),
                    (false, false) => (PLAIN, first),
                };
                Shape { kind: 0o100_000, format, size: content.size(), data, links }
            }
            Kind::Symlink(target) => {
                let size = target.len() as u64;
                Shape { kind: 0o120_000, format: inline(target.len()), size, data: record.start, links }
            }
            Kind::CharDevice { major, minor } => special(0o020_000, device(*major, *minor), links),
            Kind::BlockDevice { major, minor } => special(0o060_000, device(*major, *minor), links),
            Kind::Fifo => special(0o010_000, None, links),
        }
    }

    /// The bytes of an inode with all that stands behind it.
    fn size(&self, id: InodeId) -> usize {
        let inode = self.tree.inode(id);
        let head = INODE + self.attributes.body(inode).len();
        let inline = |size: usize| if self.fits(inode, size) { size } else { 0 };
        head + match &inode.kind {
            Kind::Directory => {
                let blocks = directory::blocks(self.directories[&id]);
                inline(blocks.last().map_or(0, |names| directory::size(names)))
            }
            Kind::File(content) => match self.data.stored(content) {
                stored if stored.compressed() => head.next_multiple_of(8) - head + index_size(content.size()),
                stored if stored.inline => (content.size() % BLOCK as u64) as usize,
                _ => 0,
            },
            Kind::Symlink(target) => inline(target.len()),
            _ => 0,
        }
    }

    /// Whether `size` bytes have room behind an inode, in the same block.
    fn fits(&self, inode: &Inode, size: usize) -> bool {
        INODE + self.attributes.body(inode).len() + size <= BLOCK
    }

    fn names(&self, names: &[(&[u8], InodeId)]) -> Vec<u8> {
        directory::encode(names, &|id| (self.numbers[&id], file_type(&self.tree.inode(id).kind)))
    }

    /// A path of an inode, to name it in an error.
    fn path(&self, id: InodeId) -> TreePath {
        self.tree.iter().find(|(_, other, _)| *other == id).map_or_else(TreePath::root, |(path, ..)| path.clone())
    }
}

/// What an inode says of its data.
struct Shape {
    kind: u16,
    format: u16,
    size: u64,
    /// The first block, the number of compressed blocks, or the device.
    data: u32,
    links: u32,
}

fn special(kind: u16, device: Option<u32>, links: u32) -> Shape {
    Shape { kind, format: PLAIN, size: 0, data: device.unwrap_or(0), links }
}

/// The kind of file that stands beside a name.
const fn file_type(kind: &Kind) -> u8 {
    match kind {
        Kind::File(_) => 1,
        Kind::Directory => 2,
        Kind::CharDevice { .. } => 3,
        Kind::BlockDevice { .. } => 4,
        Kind::Fifo => 5,
        Kind::Symlink(_) => 7,
    }
}

/// The blocks of each extent before compression.
fn lengths(stored: &Stored, size: u64) -> impl Iterator<Item = u32> {
    let blocks = size.div_ceil(BLOCK as u64);
    let left = move |number: u64| blocks - number * u64::from(EXTENT_BLOCKS);
    (0..stored.extents.len() as u64).map(move |number| left(number).min(u64::from(EXTENT_BLOCKS)) as u32)
}

/// The index of a compressed file: an entry of eight bytes for each of its blocks.
fn index(stored: &Stored, size: u64, area: &mut Vec<u8>) {
    area.resize(area.len().next_multiple_of(8), 0);
    // No data behind the index; LZ4 in both kinds of extents; entries for blocks of 4 KiB.
    area.extend([0; 4]);
    area.extend(BIG_EXTENTS.to_le_bytes());
    area.extend([0; INDEX_HEADER - 6]);
    let mut entry = |kind: u16, data: u32| {
        area.extend([kind.to_le_bytes(), [0; 2]].concat());
        area.extend(data.to_le_bytes());
    };
    for (length, extent) in lengths(stored, size).zip(&stored.extents) {
        let Some(packed) = extent.packed else {
            (0..length).for_each(|block| entry(ENTRY_PLAIN, extent.start + block));
            continue;
        };
        entry(ENTRY_FIRST, extent.start);
        for block in 1..length {
            // How far it is to the first block, and to the next extent.
            let back = if block == 1 { u32::from(packed | BLOCK_COUNT) } else { block };
            entry(ENTRY_OTHER, back | (length - block) << 16);
        }
    }
}
