//! An erofs → a tree: anybody's image, of this program, of erofs-utils or of an attacker.
//!
//! Read is what this program writes and what `mkfs.erofs` writes without compression, in chunks or not. Other ways of
//! compression are refused by name.

use std::io;
use std::io::Read;

use super::COMPATIBLE;
use super::COMPRESSION;
use super::FORMAT;
use super::MAGIC;
use super::SLOT;
use super::SUPERBLOCK;
use super::ZERO_PADDING;
use super::attributes::HEADER;
use super::attributes::NAMES;
use super::attributes::PREFIXES;
use super::attributes::UNIT;
use super::crc32c;
use super::directory::ENTRY;
use super::metadata::BIG_EXTENTS;
use super::metadata::BLOCK_COUNT;
use super::metadata::ENTRY_FIRST;
use super::metadata::ENTRY_OTHER;
use super::metadata::ENTRY_PLAIN;
use super::metadata::EXTENDED;
use super::metadata::INDEX_HEADER;
use super::metadata::INODE;
use crate::cancel::Cancel;
use crate::image::Error;
use crate::image::source::Numbers;
use crate::image::source::Pieces;
use crate::image::source::Reading;
use crate::image::source::Source;
use crate::image::source::device;
use crate::image::source::wrong;
use crate::image::walk;
use crate::image::walk::FileSystem;
use crate::image::walk::Found;
use crate::tree::Blob;
use crate::tree::Content;
use crate::tree::Keep;
use crate::tree::Kind;
use crate::tree::PATH_MAX;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::tree::Xattrs;

/// `feature_incompat`: files may be stored in chunks.
const CHUNKS: u32 = 0x4;
/// Of a file in chunks: entries of eight bytes name them, not of four; the bits that say how large they are.
const CHUNK_ENTRIES: u16 = 0x20;
const CHUNK_BITS: u16 = 0x1f;
/// A chunk that is a hole.
const HOLE: u32 = u32::MAX;
/// The short inode, which has no time of its own.
const SHORT_INODE: usize = 32;
/// Linux decodes no larger extent (`Z_EROFS_PCLUSTER_MAX_DSIZE`), of no more bytes (`Z_EROFS_PCLUSTER_MAX_SIZE`).
const EXTENT_MAX: u64 = 12 << 20;
const PACKED_MAX: usize = 1 << 20;

/// Reads the tree of an image of `size` bytes. `keep` is given each file's bytes and how many there are; a file with
/// several names is read once.
///
/// # Errors
/// Not an erofs, one with features that are not read (named), damaged, more than `reading` allows, or `keep` failed.
pub fn read(image: &dyn Blob, size: u64, reading: &Reading, keep: &mut Keep<'_>) -> Result<Tree, Error> {
    let failed = |source| Error::Image { format: FORMAT, path: TreePath::root(), source };
    let mut image = Image::open(Source { blob: image, size }).map_err(failed)?;
    walk::tree(FORMAT, &mut image, reading, keep)
}

/// An inode and where what belongs to it lies.
struct Node {
    stat: Stat,
    /// The type of `st_mode`.
    kind: u32,
    size: u64,
    layout: Layout,
    /// The first block, the way chunks are named, or a device.
    data: u32,
    /// The first byte behind the inode and its attributes.
    behind: u64,
}

/// How an inode's data lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Plain,
    Compressed,
    Inline,
    Chunks,
}

struct Image<'a> {
    source: Source<'a>,
    block_log: u32,
    root: u64,
    /// Where inodes and shared attributes are counted from, in bytes.
    inodes: u64,
    attributes: u64,
    epoch: i64,
    /// Compressed data ends with its last block.
    padded: bool,
}

impl<'a> Image<'a> {
    fn open(source: Source<'a>) -> io::Result<Self> {
        let head = source.bytes(SUPERBLOCK as u64, 128)?;
        if head.u32(0) != MAGIC {
            return Err(wrong("it is no erofs"));
        }
        let block_log = u32::from(head[12]);
        if !(9..=16).contains(&block_log) || head[90] != 0 {
            return Err(wrong("its blocks are of no size that Linux takes"));
        }
        let features = head.u32(80);
        let foreign = features & !(ZERO_PADDING | COMPRESSION | CHUNKS);
        if foreign != 0 {
            return Err(wrong(format!(
                "it uses features (0x{foreign:x}) that this program does not read: \
                 unpack it with `fsck.erofs --extract=DIR` and take the directory"
            )));
        }
        if head.u32(8) & COMPATIBLE & 1 != 0 {
            let size = (1_usize << block_log).saturating_sub(SUPERBLOCK).max(128);
            let mut bytes = source.bytes(SUPERBLOCK as u64, size)?;
            let said = bytes.u32(4);
            bytes[4..8].fill(0);
            if crc32c(&bytes) != said {
                return Err(wrong("its superblock is damaged: the checksum differs"));
            }
        }
        let place = |at: usize| u64::from(head.u32(at)) << block_log;
        let epoch = i64::try_from(head.u64(24)).unwrap_or(i64::MAX);
        let (inodes, attributes, root) = (place(40), place(44), u64::from(head.u16(14)));
        Ok(Self { source, block_log, root, inodes, attributes, epoch, padded: features & ZERO_PADDING != 0 })
    }

    const fn block(&self) -> u64 {
        1 << self.block_log
    }

    fn node(&self, number: u64) -> io::Result<Node> {
        let nowhere = || wrong("an inode lies nowhere");
        let at = number.checked_mul(SLOT as u64).and_then(|at| at.checked_add(self.inodes)).ok_or_else(nowhere)?;
        let mut head = self.source.bytes(at, SHORT_INODE)?;
        let format = head.u16(0);
        let layout = match format >> 1 & 7 {
            0 => Layout::Plain,
            1 => Layout::Compressed,
            2 => Layout::Inline,
            4 => Layout::Chunks,
            _ => {
                return Err(wrong(
                    "it is compressed in a way that this program does not read: \
                     unpack it with `fsck.erofs --extract=DIR` and take the directory",
                ));
            }
        };
        let extended = format & EXTENDED != 0;
        let size = if extended { INODE } else { SHORT_INODE };
        head = self.source.bytes(at, size)?;
        let units = u64::from(head.u16(2));
        let attributes = if units == 0 { 0 } else { HEADER as u64 + (units - 1) * UNIT as u64 };
        let mode = u32::from(head.u16(4));
        let (length, uid, gid, mtime) = if extended {
            let mtime = i64::try_from(head.u64(32)).map_err(|_| wrong("a time is out of range"))?;
            (head.u64(8), head.u32(24), head.u32(28), mtime)
        } else {
            (u64::from(head.u32(8)), u32::from(head.u16(24)), u32::from(head.u16(26)), self.epoch)
        };
        let start = at + size as u64;
        let xattrs = self.xattrs(start, attributes)?;
        let kind = mode & 0o170_000;
        // Linux gives every link this mode, whatever is stored.
        let mode = if kind == 0o120_000 { 0o777 } else { mode & 0o7777 };
        let stat = Stat { mode, uid, gid, mtime, xattrs };
        Ok(Node { stat, kind, size: length, layout, data: head.u32(16), behind: start + attributes })
    }

    /// The attributes behind an inode, and those that it shares.
    fn xattrs(&self, at: u64, size: u64) -> io::Result<Xattrs> {
        let mut xattrs = Xattrs::new();
        if size == 0 {
            return Ok(xattrs);
        }
        let over = || wrong("its extended attributes end within one");
        // At most 65,535 units of four bytes.
        let body = self.source.bytes(at, size as usize)?;
        let shared = usize::from(body[UNIT]);
        let own = body.get(HEADER + shared * UNIT..).ok_or_else(over)?;
        for number in 0..shared {
            let place = self.attributes + u64::from(body.u32(HEADER + number * UNIT)) * UNIT as u64;
            let head = self.source.bytes(place, UNIT)?;
            let length = UNIT + usize::from(head[0]) + usize::from(head.u16(2));
            let (name, value, _) = attribute(&self.source.bytes(place, length)?).ok_or_else(over)??;
            xattrs.insert(name, value);
        }
        let mut rest = own;
        // What is left of less than an entry is padding, and so is an entry without a name.
        while rest.len() >= UNIT && rest[..UNIT] != [0; UNIT] {
            let (name, value, length) = attribute(rest).ok_or_else(over)??;
            xattrs.insert(name, value);
            rest = rest.get(length.next_multiple_of(UNIT)..).unwrap_or_default();
        }
        Ok(xattrs)
    }

    fn target(&self, node: &Node) -> io::Result<Vec<u8>> {
        if node.size == 0 || node.size >= PATH_MAX as u64 {
            return Err(wrong("a link's target is empty or too long"));
        }
        let mut target = Vec::new();
        self.bytes(node, &Cancel::default(), &mut |bytes| bytes.read_to_end(&mut target).map(drop))?;
        Ok(target)
    }

    /// Hands on the bytes of an inode.
    fn bytes(
        &self,
        node: &Node,
        cancel: &Cancel,
        take: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        if node.layout == Layout::Compressed {
            let mut index = Index::open(self, node)?;
            return take(&mut Pieces::new(node.size, cancel, || index.extent()));
        }
        let mut number = 0;
        let next = || {
            number += 1;
            self.stored(node, number - 1)
        };
        take(&mut Pieces::new(node.size, cancel, next))
    }

    /// A block of an inode that is not compressed, without what lies behind the inode's end.
    fn stored(&self, node: &Node, number: u64) -> io::Result<Vec<u8>> {
        let nowhere = || wrong("a block lies nowhere");
        let begin = number << self.block_log;
        let count = node.size.saturating_sub(begin).min(self.block()) as usize;
        let last = begin + self.block() >= node.size;
        let place = match node.layout {
            Layout::Inline if last => Some(node.behind),
            Layout::Chunks => match self.chunk(node, number)? {
                Some(block) => Some(block << self.block_log),
                None => return Ok(vec![0; count]),
            },
            _ => (u64::from(node.data) << self.block_log).checked_add(begin),
        };
        self.source.bytes(place.ok_or_else(nowhere)?, count)
    }

    /// The block of the image in which a block of a file in chunks lies; `None`: in a hole.
    fn chunk(&self, node: &Node, number: u64) -> io::Result<Option<u64>> {
        let format = (node.data & 0xffff) as u16;
        if format & !(CHUNK_BITS | CHUNK_ENTRIES) != 0 {
            return Err(wrong("chunks are named in a way that this program does not read"));
        }
        let bits = u32::from(format & CHUNK_BITS);
        let (chunk, within) = (number >> bits, number & ((1 << bits) - 1));
        let unit = if format & CHUNK_ENTRIES == 0 { 4 } else { 8 };
        let place = node.behind.next_multiple_of(unit) + chunk * unit;
        let entry = self.source.bytes(place, unit as usize)?;
        if unit == 8 && entry.u16(2) != 0 {
            return Err(wrong("chunks lie on another device"));
        }
        let block = if unit == 8 { entry.u32(4) } else { entry.u32(0) };
        Ok((block != HOLE).then_some(u64::from(block) + within))
    }
}

impl FileSystem for Image<'_> {
    type Listing = Node;
    type File = Node;

    fn root(&self) -> u64 {
        self.root
    }

    fn inode(&mut self, number: u64) -> io::Result<(Stat, Found<Node, Node>)> {
        let node = self.node(number)?;
        let (stat, size, (major, minor)) = (node.stat.clone(), node.size, device(node.data));
        let found = match node.kind {
            0o010_000 => Found::Other(Kind::Fifo),
            0o020_000 => Found::Other(Kind::CharDevice { major, minor }),
            0o040_000 => Found::Directory(node),
            0o060_000 => Found::Other(Kind::BlockDevice { major, minor }),
            0o100_000 => Found::File(node, size),
            0o120_000 => Found::Other(Kind::Symlink(self.target(&node)?)),
            _ => return Err(wrong("it is of a kind that no image of ours has, such as a socket")),
        };
        Ok((stat, found))
    }

    /// The names of a directory with the numbers of their inodes; not more than `most`.
    fn names(&mut self, node: &Node, reading: &Reading, most: usize) -> io::Result<Vec<(Vec<u8>, u64)>> {
        if node.layout == Layout::Compressed {
            return Err(wrong("a directory is compressed"));
        }
        let mut names = Vec::new();
        for number in 0..node.size.div_ceil(self.block()) {
            reading.cancel.check().map_err(io::Error::other)?;
            let block = self.stored(node, number)?;
            let over = || wrong("a block of names ends within one");
            if block.len() < ENTRY {
                return Err(over());
            }
            let count = usize::from(block.u16(8)) / ENTRY;
            if count == 0 || count * ENTRY > block.len() {
                return Err(over());
            }
            for entry in 0..count {
                let start = usize::from(block.u16(entry * ENTRY + 8));
                let end = if entry + 1 < count { usize::from(block.u16((entry + 1) * ENTRY + 8)) } else { block.len() };
                let name = block.get(start..end).ok_or_else(over)?;
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                if !matches!(name, b"." | b"..") {
                    if names.len() >= most {
                        return Err(wrong(walk::TOO_MANY));
                    }
                    names.push((name.to_vec(), block.u64(entry * ENTRY)));
                }
            }
        }
        Ok(names)
    }

    fn file(&mut self, node: &Node, reading: &Reading, keep: &mut Keep<'_>) -> io::Result<Content> {
        let mut content = None;
        self.bytes(node, &reading.cancel, &mut |bytes| {
            content = Some(keep(bytes, node.size)?);
            Ok(())
        })?;
        Ok(content.expect("it was kept"))
    }
}

/// An attribute with its length, padding not counted; `None`: it ends too early.
fn attribute(bytes: &[u8]) -> Option<io::Result<(Vec<u8>, Vec<u8>, usize)>> {
    let head = bytes.get(..UNIT)?;
    let (length, size) = (usize::from(head[0]), usize::from(head.u16(2)));
    let (name, value) = (bytes.get(UNIT..UNIT + length)?, bytes.get(UNIT + length..UNIT + length + size)?);
    let beginning = NAMES.iter().chain(&PREFIXES).find(|(number, _)| *number == head[1]);
    Some(match beginning {
        Some((_, beginning)) => Ok(([*beginning, name].concat(), value.to_vec(), UNIT + length + size)),
        None => Err(wrong("the name of an extended attribute has an unknown beginning")),
    })
}

/// The extents of a compressed file, one after the other.
struct Index<'a> {
    image: &'a Image<'a>,
    size: u64,
    /// Where its entries are.
    entries: u64,
    count: u64,
    next: u64,
}

impl<'a> Index<'a> {
    fn open(image: &'a Image<'a>, node: &Node) -> io::Result<Self> {
        let at = node.behind.next_multiple_of(8);
        let head = image.source.bytes(at, INDEX_HEADER)?;
        // LZ4 alone, in extents of any size; an entry stands for a block.
        if head.u16(4) & !BIG_EXTENTS != 0 || head[6] != 0 || head[7] != 0 || !image.padded {
            return Err(wrong(
                "it is compressed in a way that this program does not read: \
                 unpack it with `fsck.erofs --extract=DIR` and take the directory",
            ));
        }
        let count = node.size.div_ceil(image.block());
        Ok(Self { image, size: node.size, entries: at + INDEX_HEADER as u64, count, next: 0 })
    }

    /// An entry: its kind, the bytes of its block before an extent begins, and what it says.
    fn entry(&self, number: u64) -> io::Result<(u16, u64, u32)> {
        let entry = self.image.source.bytes(self.entries + number * 8, 8)?;
        let offset = u64::from(entry.u16(2));
        if offset >= self.image.block() {
            return Err(wrong("the index of a compressed file is wrong"));
        }
        Ok((entry.u16(0), offset, entry.u32(4)))
    }

    /// The bytes of the next extent; none at the end.
    fn extent(&mut self) -> io::Result<Vec<u8>> {
        if self.next >= self.count {
            return Ok(Vec::new());
        }
        let (log, block) = (self.image.block_log, self.image.block());
        let odd = || wrong("the index of a compressed file is wrong");
        let (kind, offset, start) = self.entry(self.next)?;
        let begin = (self.next << log) + offset;
        let first = self.next;
        // The extent reaches to where the next one begins.
        let mut end = self.size;
        let mut blocks = 1;
        loop {
            self.next += 1;
            if self.next >= self.count {
                break;
            }
            let (kind, offset, said) = self.entry(self.next)?;
            if kind == ENTRY_OTHER {
                let said = (said & 0xffff) as u16;
                if self.next == first + 1 && said & BLOCK_COUNT != 0 {
                    blocks = usize::from(said & !BLOCK_COUNT);
                }
                if (self.next << log) - begin > EXTENT_MAX {
                    return Err(odd());
                }
                continue;
            }
            end = (self.next << log) + offset;
            break;
        }
        let length = end.checked_sub(begin).filter(|length| (1..=EXTENT_MAX).contains(length)).ok_or_else(odd)?;
        let (place, length) = (u64::from(start) << log, length as usize);
        match kind {
            ENTRY_PLAIN if length as u64 <= block => self.image.source.bytes(place, length),
            ENTRY_FIRST if blocks * block as usize <= PACKED_MAX => {
                let packed = self.image.source.bytes(place, blocks * block as usize)?;
                let zeros = packed.iter().take_while(|byte| **byte == 0).count();
                let limit = i32::try_from(length).map_err(|_| odd())?;
                let bytes = lz4::block::decompress(&packed[zeros..], Some(limit))?;
                if bytes.len() == length { Ok(bytes) } else { Err(odd()) }
            }
            _ => Err(odd()),
        }
    }
}
