//! A tree as squashfs 4.0, as Linux mounts it; the output format `squashfs`.
//!
//! In the order of the image: the superblock; file data in blocks of 128 KiB, files smaller than that together in
//! fragment blocks, equal files once; then inodes, directories (with indices, so that a name among 100,000 is found
//! without reading all), fragments, the inode of each number (so that NFS can export the image), user and group ids,
//! and extended attributes. Inode numbers, order and padding follow from the tree alone, and each block is compressed
//! by itself, so neither the time nor the number of threads shows.
//!
//! What squashfs cannot carry: extended attributes outside `user.`, `trusted.` and `security.` (so no POSIX ACL),
//! times outside 32 bits, device numbers beyond Linux's 12 and 20 bits, and more than 65,535 different owners.
//!
//! * [`data`]: the blocks of files. * [`metadata`]: what is compressed in pieces of 8 KiB. * [`attributes`]: the table
//!   of extended attributes. * [`inodes`]: inodes and directories.
//!
//! Format: <https://docs.kernel.org/filesystems/squashfs.html> and `fs/squashfs/squashfs_fs.h` of Linux.

mod attributes;
mod data;
mod inodes;
mod metadata;
mod pack;
mod read;

use std::collections::BTreeSet;
use std::io;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;

use super::Error;
use super::Former;
use super::Output;
use super::Xattrs;
use super::layout;
use crate::cancel::Cancel;
use crate::format::compress::Compression;
use crate::tree::Layout;
use crate::tree::Tree;
use crate::tree::TreePath;
use attributes::Attributes;
use data::Data;
use inodes::Inodes;
use pack::Packer;

pub use read::read;

const FORMAT: &str = "squashfs";

/// How a squashfs is written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How blocks are compressed; every kernel of Debian reads all of these.
    pub compression: Compression,
    /// The compressor's level, in its own counting; `None`: a good one for what is written once and read often.
    pub level: Option<u32>,
    /// Whether extended attributes that squashfs cannot carry may be left out. The others are always kept.
    pub xattrs: Xattrs,
    /// The time of the image itself, seconds since 1970.
    pub epoch: i64,
    /// Threads that compress; changes nothing but the time it takes.
    pub jobs: usize,
    /// Asked before each block is compressed. Who gives up in between needs an output that does.
    pub cancel: Cancel,
    /// An image that was written with the same compression: blocks that are in it are not compressed again.
    pub former: Option<Former>,
}

impl Default for Options {
    /// zstd, nothing lost, of the year 1970, on one thread.
    fn default() -> Self {
        Self {
            compression: Compression::Zstd,
            level: None,
            xattrs: Xattrs::Refused,
            epoch: 0,
            jobs: 1,
            cancel: Cancel::default(),
            former: None,
        }
    }
}

/// The bytes of a data block: squashfs-tools' default, at which a random read still costs little.
const BLOCK: usize = 128 << 10;
/// `BLOCK` as a power of two.
const BLOCK_LOG: u16 = BLOCK.trailing_zeros() as u16;
/// Ends the image, so that a loop device with sectors of 4 KiB has no partial one.
const PADDING: u64 = 4096;
const MAGIC: u32 = 0x7371_7368;
const SUPERBLOCK: u64 = 96;
/// A table or fragment that is not there.
const NONE: u64 = u64::MAX;

/// `flags` of the superblock.
mod flag {
    pub(super) const UNCOMPRESSED_INODES: u16 = 0x1;
    pub(super) const UNCOMPRESSED_DATA: u16 = 0x2;
    pub(super) const UNCOMPRESSED_FRAGMENTS: u16 = 0x8;
    pub(super) const NO_FRAGMENTS: u16 = 0x10;
    pub(super) const DUPLICATES: u16 = 0x40;
    pub(super) const EXPORTABLE: u16 = 0x80;
    pub(super) const UNCOMPRESSED_XATTRS: u16 = 0x100;
    pub(super) const NO_XATTRS: u16 = 0x200;
    pub(super) const UNCOMPRESSED_IDS: u16 = 0x800;
}

/// Writes a tree from the beginning of `output`, which is empty. Returns where the files of a block and more lie.
///
/// # Errors
/// The output, a file's bytes, or something that squashfs cannot carry.
pub fn write(tree: &Tree, options: &Options, mut output: impl Write + Seek) -> Result<Layout, Error> {
    write_image(tree, options, &mut output)
}

fn write_image(tree: &Tree, options: &Options, output: &mut dyn Output) -> Result<Layout, Error> {
    let epoch = u32::try_from(options.epoch)
        .map_err(|_| unsupported(&TreePath::root(), "the time of the image does not fit 32 bits"))?;
    let packer = Packer::new(options.compression, options.level);
    // All that the format may refuse is known before the long work.
    inodes::check(tree)?;
    let attributes = Attributes::new(tree, options.xattrs)?;
    let owners = owners(tree)?;
    output.seek(SeekFrom::Start(SUPERBLOCK)).map_err(failed)?;
    let data = Data::write(tree, packer, options, SUPERBLOCK, output)?;
    let directories = layout::directories(tree);
    let inodes = Inodes::new(tree, &directories, &data, &attributes, &owners, packer)?;

    let mut image = Image { output, packer, at: data.end };
    let inode_table = image.append(&inodes.inodes)?;
    let directory_table = image.append(&inodes.directories)?;
    let fragment_table = image.table(&data.fragment_records())?;
    let export_table = image.table(&inodes.references)?;
    let owners: Vec<u8> = owners.iter().flat_map(|id| id.to_le_bytes()).collect();
    let id_table = image.table(&owners)?;
    let xattr_table = image.attributes(&attributes)?;
    let end = image.at;
    let padding = end.next_multiple_of(PADDING) - end;
    image.append(&vec![0; usize::try_from(padding).expect("less than a block")])?;

    let mut flags = flag::DUPLICATES | flag::EXPORTABLE;
    if options.compression == Compression::None {
        flags |= flag::UNCOMPRESSED_INODES | flag::UNCOMPRESSED_DATA | flag::UNCOMPRESSED_FRAGMENTS;
        flags |= flag::UNCOMPRESSED_XATTRS | flag::UNCOMPRESSED_IDS;
    }
    flags |= if data.fragments.is_empty() { flag::NO_FRAGMENTS } else { 0 };
    flags |= if xattr_table == NONE { flag::NO_XATTRS } else { 0 };
    let mut superblock = Vec::with_capacity(96);
    for word in [MAGIC, inodes.count, epoch, BLOCK as u32, data.fragments.len() as u32] {
        superblock.extend(word.to_le_bytes());
    }
    let ids = u16::try_from(owners.len() / 4).expect("it was checked");
    for half in [packer.id(), BLOCK_LOG, flags, ids, 4, 0] {
        superblock.extend(half.to_le_bytes());
    }
    let tables = [id_table, xattr_table, inode_table, directory_table, fragment_table, export_table];
    for long in [inodes.root, end].into_iter().chain(tables) {
        superblock.extend(long.to_le_bytes());
    }
    output.seek(SeekFrom::Start(0)).map_err(failed)?;
    output.write_all(&superblock).map_err(failed)?;
    output.flush().map_err(failed)?;
    Ok(data.layout())
}

/// The end of the image while it grows.
struct Image<'a> {
    output: &'a mut dyn Output,
    packer: Packer,
    at: u64,
}

impl Image<'_> {
    /// Writes bytes and returns where they begin.
    fn append(&mut self, bytes: &[u8]) -> Result<u64, Error> {
        let start = self.at;
        self.output.write_all(bytes).map_err(failed)?;
        self.at += bytes.len() as u64;
        Ok(start)
    }

    /// Writes a table of records, then the positions of its pieces; returns where these begin.
    fn table(&mut self, records: &[u8]) -> Result<u64, Error> {
        let mut positions = Vec::new();
        for piece in records.chunks(metadata::BLOCK) {
            positions.extend(self.at.to_le_bytes());
            self.append(&metadata::block(self.packer, piece).map_err(failed)?)?;
        }
        self.append(&positions)
    }

    /// Writes the extended attributes; returns where their table begins, or [`NONE`].
    fn attributes(&mut self, attributes: &Attributes<'_>) -> Result<u64, Error> {
        if attributes.is_empty() {
            return Ok(NONE);
        }
        let (values, sets) = attributes.encode(self.packer).map_err(failed)?;
        let values = self.append(&values)?;
        let mut positions = Vec::new();
        for piece in sets.chunks(metadata::BLOCK) {
            positions.extend(self.at.to_le_bytes());
            self.append(&metadata::block(self.packer, piece).map_err(failed)?)?;
        }
        let table = self.append(&values.to_le_bytes())?;
        self.append(&attributes.len().to_le_bytes())?;
        self.append(&0_u32.to_le_bytes())?;
        self.append(&positions)?;
        Ok(table)
    }
}

/// All user and group ids, in order; inodes name them by position.
fn owners(tree: &Tree) -> Result<Vec<u32>, Error> {
    let ids: BTreeSet<u32> = tree.iter().flat_map(|(_, _, inode)| [inode.stat.uid, inode.stat.gid]).collect();
    if ids.len() > usize::from(u16::MAX) {
        return Err(unsupported(&TreePath::root(), "the tree has more than 65,535 different users and groups"));
    }
    Ok(ids.into_iter().collect())
}

fn unsupported(path: &TreePath, reason: &str) -> Error {
    Error::Unsupported { format: FORMAT, path: path.clone(), reason: reason.to_owned() }
}

fn failed(source: io::Error) -> Error {
    Error::Write { format: FORMAT, source }
}

#[cfg(test)]
mod tests;
