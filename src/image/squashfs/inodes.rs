//! Inodes and directories.
//!
//! Numbers are given directory by directory in the order of paths, so that the entries of one directory, which are
//! stored as differences of 16 bits, have numbers near each other. Records are written from the last directory to the
//! first: a directory's entries say where the inodes are, and its own inode says where the entries are.

use std::collections::BTreeMap;
use std::io;

use super::attributes::Attributes;
use super::data::Data;
use super::data::Stored;
use super::failed;
use super::metadata::BLOCK;
use super::metadata::Position;
use super::metadata::Stream;
use super::pack::Packer;
use super::unsupported;
use crate::image::Error;
use crate::image::device;
use crate::image::layout::Directory;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::PATH_MAX;
use crate::tree::Tree;
use crate::tree::TreePath;

/// The numbers of the basic kinds; an extended inode's is higher by [`EXTENDED`].
pub(super) mod kind {
    pub(in crate::image::squashfs) const DIRECTORY: u16 = 1;
    pub(in crate::image::squashfs) const FILE: u16 = 2;
    pub(in crate::image::squashfs) const SYMLINK: u16 = 3;
    pub(in crate::image::squashfs) const BLOCK_DEVICE: u16 = 4;
    pub(in crate::image::squashfs) const CHAR_DEVICE: u16 = 5;
    pub(in crate::image::squashfs) const FIFO: u16 = 6;
}
/// Extended inodes have what the basic ones have no room for.
pub(super) const EXTENDED: u16 = 7;
/// No fragment, no extended attributes.
const NONE: u32 = u32::MAX;
/// Entries under one header of a directory.
const RUN_MAX: usize = 256;
/// Linux counts `.` and `..` with three bytes in a directory's size.
const DOTS: u32 = 3;

/// Refuses what squashfs has no room for, but for attributes and owners.
///
/// # Errors
/// There is such an inode.
pub(super) fn check(tree: &Tree) -> Result<(), Error> {
    for (path, _, inode) in tree.iter() {
        let reason = match &inode.kind {
            _ if u32::try_from(inode.stat.mtime).is_err() => "its time does not fit 32 bits",
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor }
                if device(*major, *minor).is_none() =>
            {
                "its device number is too large"
            }
            Kind::Symlink(target) if target.is_empty() || target.len() >= PATH_MAX => "its target is empty or too long",
            _ => continue,
        };
        return Err(unsupported(path, reason));
    }
    Ok(())
}

/// The finished tables.
#[derive(Debug)]
pub(super) struct Inodes {
    /// The inode table, compressed.
    pub(super) inodes: Vec<u8>,
    /// The directory table, compressed.
    pub(super) directories: Vec<u8>,
    /// Where the inode of each number is, 64 bits each.
    pub(super) references: Vec<u8>,
    /// Where the root's inode is.
    pub(super) root: u64,
    /// How many.
    pub(super) count: u32,
}

impl Inodes {
    /// Makes the tables.
    ///
    /// # Errors
    /// A property of an inode that squashfs has no room for.
    pub(super) fn new<'a>(
        tree: &'a Tree,
        directories: &[Directory<'a>],
        data: &'a Data,
        attributes: &'a Attributes<'a>,
        owners: &'a [u32],
        packer: Packer,
    ) -> Result<Self, Error> {
        let mut writer = Writer {
            tree,
            data,
            attributes,
            owners,
            numbers: numbers(tree, directories),
            positions: BTreeMap::new(),
            inodes: Stream::new(packer),
            listings: Stream::new(packer),
        };
        for directory in directories.iter().rev() {
            for (_, id) in &directory.entries {
                if !tree.inode(*id).is_directory() && !writer.positions.contains_key(id) {
                    writer.file(*id)?;
                }
            }
            writer.directory(directory)?;
        }
        let root = writer.positions[&directories[0].id].reference();
        let count = u32::try_from(writer.numbers.len()).expect("fewer than 2^32 inodes");
        let mut references = vec![0; writer.numbers.len() * 8];
        for (id, number) in &writer.numbers {
            let at = (*number as usize - 1) * 8;
            references[at..at + 8].copy_from_slice(&writer.positions[id].reference().to_le_bytes());
        }
        let (inodes, directories) =
            (writer.inodes.finish().map_err(failed)?, writer.listings.finish().map_err(failed)?);
        Ok(Self { inodes, directories, references, root, count })
    }
}

fn numbers(tree: &Tree, directories: &[Directory<'_>]) -> BTreeMap<InodeId, u32> {
    let mut numbers = BTreeMap::new();
    let root = tree.id(&TreePath::root());
    for id in
        root.into_iter().chain(directories.iter().flat_map(|directory| directory.entries.iter().map(|(_, id)| *id)))
    {
        let next = u32::try_from(numbers.len() + 1).expect("fewer than 2^32 inodes");
        numbers.entry(id).or_insert(next);
    }
    numbers
}

struct Writer<'a> {
    tree: &'a Tree,
    data: &'a Data,
    attributes: &'a Attributes<'a>,
    owners: &'a [u32],
    numbers: BTreeMap<InodeId, u32>,
    positions: BTreeMap<InodeId, Position>,
    inodes: Stream,
    listings: Stream,
}

impl Writer<'_> {
    /// Writes the inode of anything but a directory.
    fn file(&mut self, id: InodeId) -> Result<(), Error> {
        let inode = self.tree.inode(id);
        let links = self.tree.links(id);
        let xattrs = self.attributes.number(inode);
        let mut body = Vec::new();
        let kind = match &inode.kind {
            Kind::Directory => return Ok(()),
            Kind::File(content) => file_body(&mut body, content, self.data.stored(content), links, xattrs),
            Kind::Symlink(target) => {
                put(&mut body, &[links, target.len() as u32]);
                body.extend(target);
                special(&mut body, kind::SYMLINK, xattrs)
            }
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                put(&mut body, &[links, device(*major, *minor).expect("it was checked")]);
                let block = matches!(inode.kind, Kind::BlockDevice { .. });
                special(&mut body, if block { kind::BLOCK_DEVICE } else { kind::CHAR_DEVICE }, xattrs)
            }
            Kind::Fifo => {
                put(&mut body, &[links]);
                special(&mut body, kind::FIFO, xattrs)
            }
        };
        self.inode(id, kind, &body)
    }

    /// Writes a directory's entries, and then its inode.
    fn directory(&mut self, directory: &Directory<'_>) -> Result<(), Error> {
        let (position, before) = (self.listings.position(), self.listings.length());
        let index = self.listing(directory).map_err(failed)?;
        let size = u32::try_from(self.listings.length() - before).ok().and_then(|size| size.checked_add(DOTS));
        let size = size.ok_or_else(|| unsupported(directory.path, "it has too many entries"))?;
        // The root has no parent; squashfs-tools name the number after the last.
        let root = directory.path.is_root();
        let parent = if root { self.numbers.len() as u32 + 1 } else { self.numbers[&directory.parent] };
        let xattrs = self.attributes.number(self.tree.inode(directory.id));
        let mut body = Vec::new();
        let kind = match u16::try_from(size) {
            Ok(size) if index.is_empty() && xattrs.is_none() => {
                put(&mut body, &[position.block, directory.links()]);
                body.extend([size.to_le_bytes(), position.offset.to_le_bytes()].concat());
                put(&mut body, &[parent]);
                kind::DIRECTORY
            }
            _ => {
                put(&mut body, &[directory.links(), size, position.block, parent]);
                // Linux reads the count with 16 bits; names beyond the last are found by reading on from there.
                let index = &index[..index.len().min(usize::from(u16::MAX))];
                body.extend([(index.len() as u16).to_le_bytes(), position.offset.to_le_bytes()].concat());
                put(&mut body, &[xattrs.unwrap_or(NONE)]);
                for (at, block, name) in index {
                    put(&mut body, &[*at, *block, name.len() as u32 - 1]);
                    body.extend(*name);
                }
                kind::DIRECTORY + EXTENDED
            }
        };
        self.inode(directory.id, kind, &body)
    }

    /// Writes the entries of a directory. Returns its index: the first header in each piece but the first, by its
    /// place in the listing, the piece, and the first name below it.
    fn listing<'d>(&mut self, directory: &Directory<'d>) -> io::Result<Vec<(u32, u32, &'d [u8])>> {
        let before = self.listings.length();
        let mut index = Vec::new();
        let mut indexed = before / BLOCK as u64;
        let mut rest = directory.entries.as_slice();
        while let Some((first, id)) = rest.first() {
            let (block, base) = (self.positions[id].block, self.numbers[id]);
            let start = self.listings.length();
            if start / BLOCK as u64 != indexed {
                indexed = start / BLOCK as u64;
                index.push(((start - before) as u32, self.listings.position().block, *first));
            }
            let mut run = Vec::new();
            let mut count = 0;
            for (name, id) in rest.iter().take(RUN_MAX) {
                let position = self.positions[id];
                let Ok(difference) = i16::try_from(i64::from(self.numbers[id]) - i64::from(base)) else { break };
                // A header at the beginning of each piece, for the index.
                let crossed = (start + 12 + run.len() as u64) / BLOCK as u64 != indexed;
                if position.block != block || (crossed && count > 0) {
                    break;
                }
                let kind = basic_kind(self.tree.inode(*id));
                let length = u16::try_from(name.len() - 1).expect("a name has at most 255 bytes");
                run.extend([position.offset.to_le_bytes(), difference.to_le_bytes()].concat());
                run.extend([kind.to_le_bytes(), length.to_le_bytes()].concat());
                run.extend(*name);
                count += 1;
            }
            let mut header = Vec::new();
            put(&mut header, &[count as u32 - 1, block, base]);
            self.listings.write(&header)?;
            self.listings.write(&run)?;
            rest = &rest[count..];
        }
        Ok(index)
    }

    /// Writes an inode: what all kinds have, and then `body`.
    fn inode(&mut self, id: InodeId, kind: u16, body: &[u8]) -> Result<(), Error> {
        let stat = &self.tree.inode(id).stat;
        let mtime = u32::try_from(stat.mtime).expect("it was checked");
        let owner = |id: u32| self.owners.binary_search(&id).expect("all owners are in the table") as u16;
        let mut record = Vec::with_capacity(16 + body.len());
        for half in [kind, (stat.mode & 0o7777) as u16, owner(stat.uid), owner(stat.gid)] {
            record.extend(half.to_le_bytes());
        }
        put(&mut record, &[mtime, self.numbers[&id]]);
        record.extend(body);
        self.positions.insert(id, self.inodes.position());
        self.inodes.write(&record).map_err(failed)
    }
}

/// The body of a regular file's inode; returns its kind.
fn file_body(body: &mut Vec<u8>, content: &Content, stored: &Stored, links: u32, xattrs: Option<u32>) -> u16 {
    let (fragment, offset) = stored.fragment.unwrap_or((NONE, 0));
    let kind = match (u32::try_from(stored.start), u32::try_from(content.size())) {
        (Ok(start), Ok(size)) if links == 1 && xattrs.is_none() && stored.holes == 0 => {
            put(body, &[start, fragment, offset, size]);
            kind::FILE
        }
        _ => {
            for long in [stored.start, content.size(), stored.holes] {
                body.extend(long.to_le_bytes());
            }
            put(body, &[links, fragment, offset, xattrs.unwrap_or(NONE)]);
            kind::FILE + EXTENDED
        }
    };
    put(body, &stored.blocks);
    kind
}

/// Ends the body of a link, device or pipe; returns its kind.
fn special(body: &mut Vec<u8>, kind: u16, xattrs: Option<u32>) -> u16 {
    let Some(number) = xattrs else { return kind };
    put(body, &[number]);
    kind + EXTENDED
}

const fn basic_kind(inode: &Inode) -> u16 {
    match inode.kind {
        Kind::Directory => kind::DIRECTORY,
        Kind::File(_) => kind::FILE,
        Kind::Symlink(_) => kind::SYMLINK,
        Kind::BlockDevice { .. } => kind::BLOCK_DEVICE,
        Kind::CharDevice { .. } => kind::CHAR_DEVICE,
        Kind::Fifo => kind::FIFO,
    }
}

fn put(bytes: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
}
