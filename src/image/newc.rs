//! A tree as a newc archive: the initramfs, and the output format `newc`; and an initramfs as a tree.
//!
//! Inodes are numbered in the order of paths. The format has no place for extended attributes, for files of 4 GiB,
//! nor for times outside 32 bits: these are errors.

use std::collections::BTreeMap;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::io::Write;

use super::Error;
use super::Reading;
use super::source::Left;
use crate::format::compress;
use crate::format::compress::Allowance;
use crate::format::newc::Error as NewcError;
use crate::format::newc::Header;
use crate::format::newc::Reader;
use crate::format::newc::Writer;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Keep;
use crate::tree::Kind;
use crate::tree::PATH_MAX;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

const FORMAT: &str = "newc";

/// What becomes of extended attributes that a format cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Xattrs {
    /// A tree that has some is refused.
    Refused,
    /// They are left out, as the recipe says by name; those that the format can carry are kept.
    Dropped,
}

/// Writes a tree.
///
/// # Errors
/// The stream, or something that newc cannot carry.
pub fn write(tree: &Tree, xattrs: Xattrs, output: impl Write) -> Result<(), Error> {
    let mut writer = Writer::new(output);
    let mut names_left: BTreeMap<InodeId, u32> = BTreeMap::new();
    let mut numbers: BTreeMap<InodeId, u32> = BTreeMap::new();
    for (path, id, inode) in tree.iter() {
        let next = u32::try_from(numbers.len() + 1).expect("fewer than 2^32 inodes");
        let number = *numbers.entry(id).or_insert(next);
        if !inode.stat.xattrs.is_empty() && xattrs == Xattrs::Refused {
            return Err(unsupported(path, "extended attributes"));
        }
        let left = names_left.entry(id).or_insert_with(|| tree.links(id));
        *left -= 1;
        let mut header = header(path, inode, number, tree.links(id))?;
        let result = match &inode.kind {
            Kind::File(content) if *left == 0 => {
                header.size =
                    u32::try_from(content.size()).map_err(|_| unsupported(path, "a file of 4 GiB or more"))?;
                writer.append(&header, &mut content.reader())
            }
            Kind::Symlink(target) => {
                header.size = u32::try_from(target.len()).map_err(|_| unsupported(path, "its target is too long"))?;
                writer.append(&header, &mut target.as_slice())
            }
            _ => writer.append(&header, &mut io::empty()),
        };
        result.map_err(|error| failed(path, error))?;
    }
    writer.finish().map(drop).map_err(|error| failed(&TreePath::root(), error))
}

fn header(path: &TreePath, inode: &Inode, number: u32, links: u32) -> Result<Header, Error> {
    let (kind, device) = match inode.kind {
        Kind::Fifo => (0o010_000, (0, 0)),
        Kind::CharDevice { major, minor } => (0o020_000, (major, minor)),
        Kind::Directory => (0o040_000, (0, 0)),
        Kind::BlockDevice { major, minor } => (0o060_000, (major, minor)),
        Kind::File(_) => (0o100_000, (0, 0)),
        Kind::Symlink(_) => (0o120_000, (0, 0)),
    };
    let stat = &inode.stat;
    Ok(Header {
        name: if path.is_root() { b".".to_vec() } else { path.as_bytes().to_vec() },
        inode: number,
        mode: kind | stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        links,
        mtime: u32::try_from(stat.mtime).map_err(|_| unsupported(path, "its time does not fit 32 bits"))?,
        size: 0,
        device,
    })
}

/// Reads the tree of an initramfs: archives one after the other, each compressed or not, with zeros between them. A name
/// that comes again replaces what was there, and a directory stays; both as in the kernel (`init/initramfs.c`). `keep`
/// is given each file's bytes and how many there are.
///
/// # Errors
/// Not such archives, a name that leaves the tree, more than `reading` allows, or `keep` failed.
pub fn read(mut input: impl BufRead + Send, reading: &Reading, keep: &mut Keep<'_>) -> Result<Tree, Error> {
    let failed = |source: io::Error| damaged(&TreePath::root(), NewcError::Io(source));
    let (mut tree, mut left) = (Tree::new(), Left(reading.bytes));
    loop {
        let start = input.fill_buf().map_err(failed)?;
        let zeros = start.iter().take_while(|byte| **byte == 0).count();
        if start.is_empty() {
            return Ok(tree);
        }
        if zeros > 0 {
            input.consume(zeros);
            continue;
        }
        match compress::sniff(start) {
            compress::Compression::None => archive(&mut Reader::new(&mut input), &mut tree, reading, &mut left, keep)?,
            // What is compressed comes last: several of them are one after the other inside.
            kind => {
                let allowance = Allowance::within("", reading.bytes, &reading.limits);
                let allowance = Allowance { small: reading.bytes, ..allowance };
                let mut inner = io::BufReader::new(compress::decoder(kind, &mut input, allowance).map_err(failed)?);
                while !inner.fill_buf().map_err(failed)?.is_empty() {
                    let zeros = inner.buffer().iter().take_while(|byte| **byte == 0).count();
                    inner.consume(zeros);
                    if zeros == 0 {
                        archive(&mut Reader::new(&mut inner), &mut tree, reading, &mut left, keep)?;
                    }
                }
            }
        }
    }
}

/// Reads one archive into a tree.
fn archive(
    reader: &mut Reader<impl Read>,
    tree: &mut Tree,
    reading: &Reading,
    left: &mut Left,
    keep: &mut Keep<'_>,
) -> Result<(), Error> {
    let mut first: BTreeMap<u32, TreePath> = BTreeMap::new();
    while let Some(header) = reader.next_entry().map_err(|error| damaged(&TreePath::root(), error))? {
        reading.cancel.check()?;
        let path = TreePath::new(&header.name);
        let path = path.map_err(|error| damaged(&TreePath::root(), NewcError::Io(io::Error::other(error))))?;
        let failed = |source: io::Error| damaged(&path, NewcError::Io(source));
        let stat = Stat {
            uid: header.uid,
            gid: header.gid,
            mtime: i64::from(header.mtime),
            ..Stat::new(if header.mode & TYPE == SYMLINK { 0o777 } else { header.mode & 0o7777 })
        };
        left.take(u64::from(header.size)).map_err(failed)?;
        let (major, minor) = header.device;
        let kind = match header.mode & TYPE {
            0o010_000 => Kind::Fifo,
            0o020_000 => Kind::CharDevice { major, minor },
            0o040_000 => Kind::Directory,
            0o060_000 => Kind::BlockDevice { major, minor },
            0o100_000 => {
                Kind::File(keep(&mut reading.cancel.reader(&mut *reader), u64::from(header.size)).map_err(failed)?)
            }
            SYMLINK if header.size as usize > PATH_MAX => {
                return Err(failed(io::Error::other("its target is too long")));
            }
            SYMLINK => {
                let mut target = Vec::new();
                reader.read_to_end(&mut target).map_err(failed)?;
                Kind::Symlink(target)
            }
            _ => return Err(failed(io::Error::other("it is of a kind that no image of ours has, such as a socket"))),
        };
        if tree.len() >= reading.paths {
            return Err(failed(io::Error::other("there are more paths than any root has")));
        }
        if path.is_root() || (kind == Kind::Directory && tree.get(&path).is_some_and(Inode::is_directory)) {
            tree.get_mut(&path).expect("it is there").stat = stat;
            continue;
        }
        let shared = header.links > 1 && kind != Kind::Directory;
        let put = |error: crate::tree::Error| failed(io::Error::other(error));
        let original = first.get(&header.inode).filter(|_| shared);
        if let Some(original) = original.filter(|original| **original != path && tree.get(original).is_some()) {
            // The data comes with the last of an inode's names.
            if header.size > 0 {
                *tree.get_mut(original).expect("it was looked for") = Inode { kind, stat };
            }
            tree.remove_all(&path);
            tree.link(original, path.clone()).map_err(put)?;
            continue;
        }
        tree.remove_all(&path);
        tree.insert(path.clone(), Inode { kind, stat }).map_err(put)?;
        if shared {
            first.insert(header.inode, path);
        }
    }
    Ok(())
}

/// The bits of a mode that say the type, and what they say of a symbolic link.
const TYPE: u32 = 0o170_000;
const SYMLINK: u32 = 0o120_000;

fn damaged(path: &TreePath, error: NewcError) -> Error {
    let source = match error {
        NewcError::Io(source) => source,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    };
    Error::Image { format: FORMAT, path: path.clone(), source }
}

fn unsupported(path: &TreePath, reason: &str) -> Error {
    Error::Unsupported { format: FORMAT, path: path.clone(), reason: reason.to_owned() }
}

fn failed(path: &TreePath, error: NewcError) -> Error {
    match error {
        NewcError::Io(source) => Error::Write { format: FORMAT, source },
        other => unsupported(path, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::newc::Reader;
    use crate::tree::Content;

    #[test]
    fn the_last_hard_link_has_the_data() {
        let mut tree = Tree::new();
        tree.write("a", 0o644, "data").expect("new");
        tree.link(&TreePath::literal("a"), TreePath::literal("z")).expect("a file");
        let mut bytes = Vec::new();
        write(&tree, Xattrs::Refused, &mut bytes).expect("memory takes it");
        let mut reader = Reader::new(bytes.as_slice());
        let mut found = Vec::new();
        while let Some(header) = reader.next_entry().expect("our own archive") {
            let mut body = String::new();
            reader.read_to_string(&mut body).expect("text");
            found.push((String::from_utf8(header.name).expect("text"), header.inode, header.links, body));
        }
        let wanted = [(".", 1, 1, ""), ("a", 2, 2, ""), ("z", 2, 2, "data")];
        assert_eq!(found, wanted.map(|(name, inode, links, body)| (name.to_owned(), inode, links, body.to_owned())));
    }

    #[test]
    fn extended_attributes_are_not_lost_in_silence() {
        let mut tree = Tree::new();
        tree.write("a", 0o644, "").expect("new");
        let stat = &mut tree.get_mut(&TreePath::literal("a")).expect("there").stat;
        stat.xattrs.insert(b"user.x".to_vec(), Vec::new());
        assert!(matches!(write(&tree, Xattrs::Refused, io::sink()), Err(Error::Unsupported { .. })));
        assert!(write(&tree, Xattrs::Dropped, io::sink()).is_ok());
    }

    fn back(image: &[u8]) -> Result<Tree, Error> {
        let limits = crate::limits::Limits::default();
        let reading = Reading::within(&limits, image.len() as u64, &crate::cancel::Cancel::default());
        read(image, &reading, &mut |bytes, _| {
            let mut kept = Vec::new();
            bytes.read_to_end(&mut kept)?;
            Ok(Content::from_bytes(kept))
        })
    }

    #[test]
    fn an_initramfs_of_several_archives_reads_back() {
        let tree = |path: &str, text: &str| {
            let mut tree = Tree::new();
            tree.write(path, 0o644, text).expect("new");
            tree.write("etc/same", 0o600, text).expect("new");
            tree.link(&TreePath::literal(path), TreePath::literal("zz")).expect("a file");
            tree
        };
        let (first, second) = (tree("etc/first", "1"), tree("etc/second", "2"));
        let mut image = Vec::new();
        write(&first, Xattrs::Refused, &mut image).expect("memory takes it");
        let mut encoder = compress::encoder(compress::Compression::Zstd, 1, image).expect("zstd is built in");
        write(&second, Xattrs::Refused, &mut encoder).expect("memory takes it");
        let found = back(&encoder.finish().expect("memory takes it")).expect("our own archives");
        let mut wanted = second;
        wanted.write("etc/first", 0o644, "1").expect("new");
        assert_eq!(crate::tree::dump(&found), crate::tree::dump(&wanted));
        assert!(back(b"no archive").is_err());
    }

    #[test]
    fn a_hostile_initramfs_is_an_error() {
        let entry = |name: &str, inode: u32, mode: u32, links: u32, body: &[u8]| {
            let header = Header {
                name: name.into(),
                inode,
                mode,
                links,
                size: u32::try_from(body.len()).expect("short"),
                ..Header::default()
            };
            (header, body.to_vec())
        };
        let archive = |entries: &[(Header, Vec<u8>)]| {
            let mut writer = Writer::new(Vec::new());
            entries.iter().for_each(|(header, body)| writer.append(header, &mut &body[..]).expect("memory takes it"));
            writer.finish().expect("memory takes it")
        };
        for name in ["../evil", "link/evil", "missing/file"] {
            let entries = [entry("link", 1, 0o120_777, 1, b"/"), entry(name, 2, 0o100_644, 1, b"x")];
            assert!(back(&archive(&entries)).is_err(), "{name}");
        }
        // A second name of an inode whose first one is replaced in between, and one that takes its directory away.
        let file = |name: &str, inode, body| entry(name, inode, 0o100_644, 2, body);
        let entries = [file("a", 1, b""), file("a", 2, b"other"), file("b", 1, b"data"), file("b", 1, b"data")];
        assert!(back(&archive(&entries)).is_ok());
        let entries = [entry("d", 9, 0o40_755, 2, b""), file("d/a", 1, b""), file("d", 1, b"x")];
        assert!(back(&archive(&entries)).is_err());
    }
}
