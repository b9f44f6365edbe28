//! A tree as a newc archive: the initramfs, and the output format `newc`.
//!
//! Inodes are numbered in the order of paths. The format has no place for extended attributes, for files of 4 GiB,
//! nor for times outside 32 bits: these are errors.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use super::Error;
use crate::format::newc::Error as NewcError;
use crate::format::newc::Header;
use crate::format::newc::Writer;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
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
    use std::io::Read as _;

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
}
