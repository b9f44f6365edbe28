//! A squashfs → a tree: anybody's image, of this program, of squashfs-tools or of an attacker.
//!
//! Nothing is taken whole but what is small: metadata is decoded piece by piece as inodes and listings ask for it, and
//! files are handed on as a stream.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::sync::Arc;

use super::FORMAT;
use super::MAGIC;
use super::NONE;
use super::SUPERBLOCK;
use super::inodes::EXTENDED;
use super::inodes::kind;
use super::metadata::BLOCK;
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

/// The largest block that Linux takes.
const BLOCK_MAX: usize = 1 << 20;
/// Decoded pieces of metadata that are kept: listings and inodes are read in turn.
const KEPT: usize = 64;
/// The bit that says of a block of data that it is stored as it is, and of a piece of metadata.
const PLAIN_DATA: u32 = 1 << 24;
const PLAIN_PIECE: u16 = 1 << 15;
/// A value that lies elsewhere, once for several inodes.
const ELSEWHERE: u16 = 1 << 8;
/// Linux takes no larger value (`XATTR_SIZE_MAX`), and not more names than fit into as many bytes (`XATTR_LIST_MAX`).
const VALUE_MAX: u32 = 1 << 16;

/// Reads the tree of an image of `size` bytes. `keep` is given each file's bytes and how many there are; a file with
/// several names is read once.
///
/// # Errors
/// Not a squashfs 4.0, compressed with lzo or lzma, damaged, more than `reading` allows, or `keep` failed.
pub fn read(image: &dyn Blob, size: u64, reading: &Reading, keep: &mut Keep<'_>) -> Result<Tree, Error> {
    let failed = |source| Error::Image { format: FORMAT, path: TreePath::root(), source };
    let mut image = Image::open(Source { blob: image, size }).map_err(failed)?;
    walk::tree(FORMAT, &mut image, reading, keep)
}

/// Where a directory's entries lie.
struct Listing {
    block: u32,
    offset: u16,
    /// As Linux counts it, three bytes too many.
    size: u32,
}

/// Where a file's bytes lie.
struct File {
    size: u64,
    start: u64,
    /// The number of its fragment and the place therein.
    fragment: Option<(u32, u32)>,
    /// What the inode says of each block, in bytes of the metadata.
    blocks: Cursor,
    count: u64,
}

/// A place in a stream of metadata: a piece by its place in the image, and a byte of what it decodes to.
#[derive(Clone, Copy)]
struct Cursor {
    piece: u64,
    offset: usize,
}

struct Image<'a> {
    source: Source<'a>,
    compressor: u16,
    block: usize,
    root: u64,
    owners: Vec<u32>,
    inodes: u64,
    directories: u64,
    fragments: (u64, u32),
    /// Where values begin, where the records of the sets are named, and how many there are.
    attributes: Option<(u64, u64, u32)>,
    /// Decoded pieces by their place, each with that of the next.
    kept: BTreeMap<u64, (Arc<Vec<u8>>, u64)>,
    /// The last fragment block, by its place.
    fragment: Option<(u64, Arc<Vec<u8>>)>,
}

impl<'a> Image<'a> {
    fn open(source: Source<'a>) -> io::Result<Self> {
        let head = source.bytes(0, SUPERBLOCK as usize)?;
        if head.u32(0) != MAGIC || (head.u16(28), head.u16(30)) != (4, 0) {
            return Err(wrong("it is no squashfs 4.0"));
        }
        let block = head.u32(12) as usize;
        if !(4096..=BLOCK_MAX).contains(&block) || !block.is_power_of_two() {
            return Err(wrong("its blocks are of no size that Linux takes"));
        }
        let compressor = head.u16(20);
        if let Some(name) = [(2, "lzma"), (3, "lzo")].iter().find(|(number, _)| *number == compressor) {
            return Err(wrong(format!("it is compressed with {}, which this program does not read", name.1)));
        }
        let mut image = Self {
            compressor,
            block,
            root: head.u64(32),
            owners: Vec::new(),
            inodes: head.u64(64),
            directories: head.u64(72),
            fragments: (head.u64(80), head.u32(16)),
            attributes: None,
            kept: BTreeMap::new(),
            fragment: None,
            source,
        };
        let count = usize::from(head.u16(26));
        image.owners = (0..count)
            .map(|number| image.record(head.u64(48), number as u64, 4).map(|id| id.u32(0)))
            .collect::<io::Result<_>>()?;
        let table = head.u64(56);
        if table != NONE {
            let record = image.source.bytes(table, 16)?;
            image.attributes = Some((record.u64(0), table + 16, record.u32(8)));
        }
        Ok(image)
    }

    /// A record of a table whose pieces are named one after another at `positions`; `size` divides a piece.
    fn record(&mut self, positions: u64, number: u64, size: usize) -> io::Result<Vec<u8>> {
        let at = number * size as u64;
        let position = at / BLOCK as u64 * 8;
        let piece = positions.checked_add(position).ok_or_else(|| wrong("a table lies nowhere"))?;
        let piece = self.source.bytes(piece, 8)?.u64(0);
        self.take(&mut Cursor { piece, offset: (at % BLOCK as u64) as usize }, size)
    }

    /// Bytes of metadata from a place on, which moves behind them.
    fn take(&mut self, cursor: &mut Cursor, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count.min(BLOCK));
        while bytes.len() < count {
            let (piece, next) = self.piece(cursor.piece)?;
            let rest = piece.get(cursor.offset..).unwrap_or_default();
            if rest.is_empty() {
                // Only a whole piece is followed by another.
                if piece.len() < BLOCK || cursor.offset > BLOCK {
                    return Err(wrong("its metadata ends within a record"));
                }
                *cursor = Cursor { piece: next, offset: 0 };
                continue;
            }
            let part = rest.len().min(count - bytes.len());
            bytes.extend(&rest[..part]);
            cursor.offset += part;
        }
        Ok(bytes)
    }

    /// A decoded piece of metadata, and where the next one lies.
    fn piece(&mut self, at: u64) -> io::Result<(Arc<Vec<u8>>, u64)> {
        if let Some(kept) = self.kept.get(&at) {
            return Ok(kept.clone());
        }
        let head = self.source.bytes(at, 2)?.u16(0);
        let size = usize::from(head & !PLAIN_PIECE);
        if size == 0 || size > BLOCK {
            return Err(wrong("a piece of its metadata is of no size that Linux takes"));
        }
        let stored = self.source.bytes(at + 2, size)?;
        let bytes = if head & PLAIN_PIECE == 0 { unpack(self.compressor, &stored, BLOCK)? } else { stored };
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        let kept = (Arc::new(bytes), at + 2 + size as u64);
        self.kept.insert(at, kept.clone());
        Ok(kept)
    }

    /// A set of extended attributes by its number.
    fn set(&mut self, number: u32) -> io::Result<Xattrs> {
        let (values, records, _) = self
            .attributes
            .filter(|(_, _, count)| number < *count)
            .ok_or_else(|| wrong("extended attributes are in no table"))?;
        let record = self.record(records, u64::from(number), 16)?;
        let place = |reference: u64| {
            let piece = values.checked_add(reference >> 16).ok_or_else(|| wrong("an attribute lies nowhere"))?;
            Ok::<_, io::Error>(Cursor { piece, offset: (reference & 0xffff) as usize })
        };
        let mut at = place(record.u64(0))?;
        let mut xattrs = Xattrs::new();
        if record.u32(8) > VALUE_MAX {
            return Err(wrong("an inode has more extended attributes than Linux takes"));
        }
        let mut total = 0;
        for _ in 0..record.u32(8) {
            let head = self.take(&mut at, 4)?;
            let name = self.take(&mut at, usize::from(head.u16(2)))?;
            let prefix = super::attributes::PREFIXES.get(usize::from(head.u16(0) & !ELSEWHERE));
            let prefix = prefix.ok_or_else(|| wrong("the name of an extended attribute has an unknown beginning"))?;
            let mut size = self.take(&mut at, 4)?.u32(0);
            let mut elsewhere = at;
            if head.u16(0) & ELSEWHERE != 0 {
                elsewhere = place(self.take(&mut at, 8)?.u64(0))?;
                size = self.take(&mut elsewhere, 4)?.u32(0);
            }
            total += size.min(VALUE_MAX + 1) + 256;
            if size > VALUE_MAX || total > VALUE_MAX * 4 {
                return Err(wrong("an inode has larger extended attributes than Linux takes"));
            }
            let value = self.take(&mut elsewhere, size as usize)?;
            if head.u16(0) & ELSEWHERE == 0 {
                at = elsewhere;
            }
            xattrs.insert([*prefix, name.as_slice()].concat(), value);
        }
        Ok(xattrs)
    }

    /// The end of a file.
    fn fragment(&mut self, file: &File) -> io::Result<Vec<u8>> {
        let Some((number, offset)) = file.fragment else { return Ok(Vec::new()) };
        if number >= self.fragments.1 {
            return Err(wrong("a fragment is in no table"));
        }
        let record = self.record(self.fragments.0, u64::from(number), 16)?;
        let (at, said) = (record.u64(0), record.u32(8));
        let bytes = match &self.fragment {
            Some((place, bytes)) if *place == at => Arc::clone(bytes),
            _ => {
                let size = (said & !PLAIN_DATA) as usize;
                if size > self.block {
                    return Err(wrong("a fragment is larger than the image's blocks"));
                }
                let stored = self.source.bytes(at, size)?;
                let bytes = if said & PLAIN_DATA == 0 { unpack(self.compressor, &stored, self.block)? } else { stored };
                let bytes = Arc::new(bytes);
                self.fragment = Some((at, Arc::clone(&bytes)));
                bytes
            }
        };
        let (start, size) = (offset as usize, (file.size % self.block as u64) as usize);
        let end = bytes.get(start..).and_then(|rest| rest.get(..size));
        Ok(end.ok_or_else(|| wrong("a file's end lies outside its fragment"))?.to_vec())
    }
}

impl FileSystem for Image<'_> {
    type Listing = Listing;
    type File = File;

    fn root(&self) -> u64 {
        self.root
    }

    /// An inode by its reference: a piece of the inode table, and a byte therein.
    fn inode(&mut self, reference: u64) -> io::Result<(Stat, Found<Listing, File>)> {
        let piece = self.inodes.checked_add(reference >> 16).ok_or_else(|| wrong("an inode lies nowhere"))?;
        let mut at = Cursor { piece, offset: (reference & 0xffff) as usize };
        let head = self.take(&mut at, 16)?;
        let owner = |at: usize| {
            self.owners.get(usize::from(head.u16(at))).copied().ok_or_else(|| wrong("an owner is in no table"))
        };
        let (uid, gid) = (owner(4)?, owner(6)?);
        let (number, mtime) = (head.u16(0), i64::from(head.u32(8)));
        let (basic, extended) = if number > EXTENDED { (number - EXTENDED, true) } else { (number, false) };
        let mut set = None;
        let found = match basic {
            kind::DIRECTORY if extended => {
                let body = self.take(&mut at, 24)?;
                set = Some(body.u32(20));
                Found::Directory(Listing { size: body.u32(4), block: body.u32(8), offset: body.u16(18) })
            }
            kind::DIRECTORY => {
                let body = self.take(&mut at, 16)?;
                let size = u32::from(body.u16(8));
                Found::Directory(Listing { block: body.u32(0), size, offset: body.u16(10) })
            }
            kind::FILE => {
                let body = self.take(&mut at, if extended { 40 } else { 16 })?;
                let (start, size, fragment, offset) = if extended {
                    set = Some(body.u32(36));
                    (body.u64(0), body.u64(8), body.u32(28), body.u32(32))
                } else {
                    (u64::from(body.u32(0)), u64::from(body.u32(12)), body.u32(4), body.u32(8))
                };
                let fragment = (fragment != u32::MAX).then_some((fragment, offset));
                let block = self.block as u64;
                let count = if fragment.is_some() { size / block } else { size.div_ceil(block) };
                Found::File(File { size, start, fragment, blocks: at, count }, size)
            }
            kind::SYMLINK => {
                let size = self.take(&mut at, 8)?.u32(4) as usize;
                if size == 0 || size >= PATH_MAX {
                    return Err(wrong("a link's target is empty or too long"));
                }
                let target = self.take(&mut at, size)?;
                set = if extended { Some(self.take(&mut at, 4)?.u32(0)) } else { None };
                Found::Other(Kind::Symlink(target))
            }
            kind::BLOCK_DEVICE | kind::CHAR_DEVICE => {
                let (major, minor) = device(self.take(&mut at, 8)?.u32(4));
                set = if extended { Some(self.take(&mut at, 4)?.u32(0)) } else { None };
                let is_block = basic == kind::BLOCK_DEVICE;
                Found::Other(if is_block {
                    Kind::BlockDevice { major, minor }
                } else {
                    Kind::CharDevice { major, minor }
                })
            }
            kind::FIFO => {
                self.take(&mut at, 4)?;
                set = if extended { Some(self.take(&mut at, 4)?.u32(0)) } else { None };
                Found::Other(Kind::Fifo)
            }
            _ => return Err(wrong("an inode is of a kind that no image of ours has, such as a socket")),
        };
        let xattrs = match set.filter(|set| *set != u32::MAX) {
            Some(set) => self.set(set)?,
            None => Xattrs::new(),
        };
        // Linux gives every link this mode, whatever is stored.
        let mode = if basic == kind::SYMLINK { 0o777 } else { u32::from(head.u16(2)) & 0o7777 };
        Ok((Stat { mode, uid, gid, mtime, xattrs }, found))
    }

    /// The names of a directory, each with the reference of its inode; not more than `most`.
    fn names(&mut self, listing: &Listing, _: &Reading, most: usize) -> io::Result<Vec<(Vec<u8>, u64)>> {
        let piece = self.directories.checked_add(u64::from(listing.block));
        let piece = piece.ok_or_else(|| wrong("a directory lies nowhere"))?;
        let mut at = Cursor { piece, offset: usize::from(listing.offset) };
        let mut left = u64::from(listing.size.saturating_sub(3));
        let mut names = Vec::new();
        let over = || wrong("a directory ends within an entry");
        while left > 0 {
            let head = self.take(&mut at, 12)?;
            left = left.checked_sub(12).ok_or_else(over)?;
            for _ in 0..=head.u32(0).min(256) {
                let entry = self.take(&mut at, 8)?;
                let length = usize::from(entry.u16(6)) + 1;
                left = left.checked_sub(8 + length as u64).ok_or_else(over)?;
                if names.len() >= most {
                    return Err(wrong(walk::TOO_MANY));
                }
                names.push((self.take(&mut at, length)?, u64::from(head.u32(4)) << 16 | u64::from(entry.u16(0))));
            }
        }
        Ok(names)
    }

    fn file(&mut self, file: &File, reading: &Reading, keep: &mut Keep<'_>) -> io::Result<Content> {
        let (mut at, mut place, mut number) = (file.blocks, file.start, 0);
        let block = self.block as u64;
        let mut next = || {
            if number == file.count {
                number += 1;
                return self.fragment(file);
            }
            let wanted = (file.size - number * block).min(block) as usize;
            number += 1;
            let said = self.take(&mut at, 4)?.u32(0);
            let size = (said & !PLAIN_DATA) as usize;
            if size > self.block {
                return Err(wrong("a block is larger than the image's blocks"));
            }
            // A hole.
            if size == 0 {
                return Ok(vec![0; wanted]);
            }
            let stored = self.source.bytes(place, size)?;
            place += size as u64;
            let bytes = if said & PLAIN_DATA == 0 { unpack(self.compressor, &stored, self.block)? } else { stored };
            if bytes.len() == wanted { Ok(bytes) } else { Err(wrong("a block has not the bytes that its file has")) }
        };
        keep(&mut Pieces::new(file.size, &reading.cancel, &mut next), file.size)
    }
}

/// Decodes what [`super::pack::Packer`] or squashfs-tools have packed: at most `most` bytes.
fn unpack(compressor: u16, stored: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    match compressor {
        1 => flate2::read::ZlibDecoder::new(stored).take(limit).read_to_end(&mut bytes)?,
        4 => {
            // Linux needs no more than a window of one block.
            let stream = xz2::stream::Stream::new_stream_decoder(64 << 20, 0)?;
            xz2::read::XzDecoder::new_stream(stored, stream).take(limit).read_to_end(&mut bytes)?
        }
        5 => {
            bytes = lz4::block::decompress(stored, i32::try_from(most).ok())?;
            bytes.len()
        }
        6 => {
            bytes = zstd::bulk::decompress(stored, most)?;
            bytes.len()
        }
        _ => return Err(wrong("it is compressed in a way that no kernel knows")),
    };
    if bytes.len() > most { Err(wrong("a block decodes to more than a block")) } else { Ok(bytes) }
}
