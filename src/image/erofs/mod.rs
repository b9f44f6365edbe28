//! A tree as erofs, as Linux mounts it; the output format `erofs`.
//!
//! In the order of the image, in blocks of 4 KiB: the superblock; the data of files, compressed with LZ4 in extents of
//! up to 128 KiB, equal files once; the blocks of directories; extended attributes that several inodes share; and the
//! metadata: each inode with its own attributes, and behind them the index of its extents, or the end of an
//! uncompressed file, a directory or a link's target where that fits. LZ4 is what the kernels of bookworm and trixie
//! both read fast.
//!
//! Places follow from the tree alone, so neither the time nor the number of threads shows. The file system's UUID is
//! a digest of all metadata: two heads that export the same image give the same NFS file handles, and images in which
//! a handle would mean something else have different ones.
//!
//! What erofs cannot carry: extended attributes outside `user.`, `trusted.`, `security.` and POSIX ACLs, or of 64 KiB;
//! device numbers beyond Linux's 12 and 20 bits; an image of 16 TiB.
//!
//! * [`data`]: the extents of files. * [`attributes`]: shared and own attributes. * [`place`]: where inodes lie.
//!   * [`metadata`]: inodes. * [`directory`]: blocks of names.
//!
//! Format: <https://docs.kernel.org/filesystems/erofs.html> and `fs/erofs/erofs_fs.h` of Linux.

mod attributes;
mod data;
mod directory;
mod metadata;
mod place;
mod read;

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
use crate::digest::Sha256;
use crate::tree;
use crate::tree::Layout;
use crate::tree::Tree;
use crate::tree::TreePath;
use attributes::Attributes;
use data::Data;
use metadata::Metadata;

pub use read::read;

const FORMAT: &str = "erofs";

/// How an erofs is written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How files are compressed.
    pub compression: Compression,
    /// Whether extended attributes that erofs cannot carry may be left out. The others are always kept.
    pub xattrs: Xattrs,
    /// The time of the image itself, seconds since 1970.
    pub epoch: i64,
    /// Threads that compress; changes nothing but the time it takes.
    pub jobs: usize,
    /// Asked before each block is compressed. Who gives up in between needs an output that does.
    pub cancel: Cancel,
    /// An image that was written with the same compression: what is in it is not compressed again.
    pub former: Option<Former>,
}

impl Default for Options {
    /// LZ4, nothing lost, of the year 1970, on one thread.
    fn default() -> Self {
        let compression = Compression::Lz4 { level: data::LEVEL };
        Self { compression, xattrs: Xattrs::Refused, epoch: 0, jobs: 1, cancel: Cancel::default(), former: None }
    }
}

/// How the data of files is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all: every file can be mapped as it is.
    None,
    /// LZ4, with the strength that `lz4` counts from 1 to 12.
    Lz4 {
        /// From 1 to 12.
        level: i32,
    },
}

/// The bytes of a block: the one size that every kernel and every page size from 4 KiB on reads.
const BLOCK: usize = 4096;
const BLOCK_LOG: u8 = BLOCK.trailing_zeros() as u8;
/// The bytes by which inodes are numbered.
const SLOT: usize = 32;
const SUPERBLOCK: usize = 1024;
const MAGIC: u32 = 0xE0F5_E1E2;

/// `feature_compat`: the superblock has a checksum; inodes have the time of modification.
const COMPATIBLE: u32 = 0x1 | 0x2;
/// `feature_incompat`: compressed data ends with its last block; the superblock is followed by what LZ4 needs.
const ZERO_PADDING: u32 = 0x1;
const COMPRESSION: u32 = 0x2;

/// Writes a tree from the beginning of `output`, which is empty. Returns where the files lie.
///
/// # Errors
/// The output, a file's bytes, or something that erofs cannot carry.
pub fn write(tree: &Tree, options: &Options, mut output: impl Write + Seek) -> Result<Layout, Error> {
    write_image(tree, options, &mut output)
}

fn write_image(tree: &Tree, options: &Options, output: &mut dyn Output) -> Result<Layout, Error> {
    let mut image = Image { output, block: 1 };
    // All that the format may refuse is known before the long work.
    let attributes = Attributes::new(tree, options.xattrs)?;
    metadata::check(tree)?;
    image.output.seek(SeekFrom::Start(BLOCK as u64)).map_err(failed)?;
    let data = Data::write(tree, &attributes, options, &mut image)?;
    let directories = layout::directories(tree);
    let mut metadata = Metadata::place(tree, &directories, &data, &attributes);
    metadata.write_blocks(&mut image)?;
    let xattr_block = image.append(attributes.shared())?;
    let meta_block = image.block;
    let digest = metadata.write(&mut image)?;

    let root = metadata.root();
    let place = Superblock { root, inodes: metadata.len(), blocks: image.block, meta_block, xattr_block };
    let identity = Sha256::of(&[tree::digest(tree).as_bytes().as_slice(), digest.as_bytes()].concat());
    let superblock = superblock(&place, options, &identity);
    image.output.seek(SeekFrom::Start(0)).map_err(failed)?;
    image.output.write_all(&superblock).map_err(failed)?;
    image.output.flush().map_err(failed)?;
    Ok(data.layout())
}

/// The end of the image while it grows.
struct Image<'a> {
    output: &'a mut dyn Output,
    /// The next block.
    block: u32,
}

impl Image<'_> {
    /// Writes bytes, and zeros up to the end of a block; returns the first block.
    fn append(&mut self, bytes: &[u8]) -> Result<u32, Error> {
        self.write(bytes, bytes.len().next_multiple_of(BLOCK) - bytes.len(), 0)
    }

    /// As [`Image::append`], with the zeros before the bytes.
    fn append_to_end(&mut self, bytes: &[u8]) -> Result<u32, Error> {
        self.write(bytes, 0, bytes.len().next_multiple_of(BLOCK) - bytes.len())
    }

    fn write(&mut self, bytes: &[u8], after: usize, before: usize) -> Result<u32, Error> {
        let start = self.block;
        let blocks = u32::try_from((before + bytes.len() + after) / BLOCK).ok();
        self.block = blocks
            .and_then(|blocks| start.checked_add(blocks))
            .ok_or_else(|| unsupported(&TreePath::root(), "the image reaches 16 TiB"))?;
        for part in [&[0; BLOCK][..before], bytes, &[0; BLOCK][..after]] {
            self.output.write_all(part).map_err(failed)?;
        }
        Ok(start)
    }
}

/// What the superblock says of the image.
struct Superblock {
    root: u16,
    inodes: u64,
    blocks: u32,
    meta_block: u32,
    xattr_block: u32,
}

/// The first block of the image.
fn superblock(place: &Superblock, options: &Options, identity: &Sha256) -> Vec<u8> {
    let compressed = options.compression != Compression::None;
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&identity.as_bytes()[..16]);
    // RFC 9562, version 8: made of a digest, of our own kind.
    uuid[6] = uuid[6] & 0x0F | 0x80;
    uuid[8] = uuid[8] & 0x3F | 0x80;

    let mut block = vec![0; BLOCK];
    let mut put = |offset: usize, bytes: &[u8]| {
        block[SUPERBLOCK + offset..SUPERBLOCK + offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &MAGIC.to_le_bytes());
    put(8, &COMPATIBLE.to_le_bytes());
    put(12, &[BLOCK_LOG]);
    put(14, &place.root.to_le_bytes());
    put(16, &place.inodes.to_le_bytes());
    put(24, &options.epoch.to_le_bytes());
    put(36, &place.blocks.to_le_bytes());
    put(40, &place.meta_block.to_le_bytes());
    put(44, &place.xattr_block.to_le_bytes());
    put(48, &uuid);
    if compressed {
        put(80, &(ZERO_PADDING | COMPRESSION).to_le_bytes());
        // One algorithm, LZ4; behind the superblock the size of what is said of it, its window and the most blocks of
        // an extent.
        put(84, &1_u16.to_le_bytes());
        put(128, &14_u16.to_le_bytes());
        put(130, &u16::MAX.to_le_bytes());
        put(132, &data::EXTENT_BLOCKS.to_le_bytes());
    }
    let checksum = crc32c(&block[SUPERBLOCK..]);
    block[SUPERBLOCK + 4..SUPERBLOCK + 8].copy_from_slice(&checksum.to_le_bytes());
    block
}

/// CRC-32C as Linux counts it: from all ones, not inverted at the end.
fn crc32c(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |state, &byte| {
        (0..8).fold(state ^ u32::from(byte), |state, _| state >> 1 ^ (0x82F6_3B78 & 0_u32.wrapping_sub(state & 1)))
    })
}

fn unsupported(path: &TreePath, reason: &str) -> Error {
    Error::Unsupported { format: FORMAT, path: path.clone(), reason: reason.to_owned() }
}

fn failed(source: io::Error) -> Error {
    Error::Write { format: FORMAT, source }
}

#[cfg(test)]
mod tests;
