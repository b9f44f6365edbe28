//! The canonical text of a tree, and the tree digest made from it.
//!
//! One line per path, sorted bytewise by path:
//!
//! ```text
//! d 0755 0:0 - 1757635200 - /etc
//! f 0644 0:0 12 1757635200 <sha256> /etc/motd
//! l 0777 0:0 - 1757635200 usr/bin /bin
//! c 0666 0:0 - 0 1,3 /dev/null
//! h - - - - /bin/gunzip /bin/uncompress
//! ```
//!
//! Fields: kind, mode, uid:gid, size, mtime, what (digest, link target, device, or the first path of a hard
//! link), extended attributes as `name=hex` when there are any, path. Words are escaped as
//! [`escape`](super::escape) does, so a line splits at spaces and nothing in a name can imitate a line.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Content;
use super::Inode;
use super::InodeId;
use super::Kind;
use super::Stat;
use super::Tree;
use super::TreePath;
use super::escape;
use super::unescape;
use crate::digest::Sha256;

/// Returns the canonical text of a tree.
#[must_use]
pub fn dump(tree: &Tree) -> String {
    let mut text = String::with_capacity(tree.len() * 128);
    let mut first: BTreeMap<InodeId, &TreePath> = BTreeMap::new();
    for (path, id, inode) in tree.iter() {
        if tree.links(id) > 1 {
            if let Some(original) = first.get(&id) {
                writeln!(text, "h - - - - {original} {path}").expect("writing to a String succeeds");
                continue;
            }
            first.insert(id, path);
        }
        describe(inode, &mut text);
        writeln!(text, "{path}").expect("writing to a String succeeds");
    }
    text
}

/// Adds the fields of an inode's line, all but its path; a space follows each.
pub(crate) fn describe(inode: &Inode, text: &mut String) {
    let (letter, size, what) = match &inode.kind {
        Kind::Directory => ('d', String::from("-"), String::from("-")),
        Kind::File(content) => ('f', content.size().to_string(), content.sha256().to_string()),
        Kind::Symlink(target) => ('l', String::from("-"), escape(target)),
        Kind::CharDevice { major, minor } => ('c', String::from("-"), format!("{major},{minor}")),
        Kind::BlockDevice { major, minor } => ('b', String::from("-"), format!("{major},{minor}")),
        Kind::Fifo => ('p', String::from("-"), String::from("-")),
    };
    let stat = &inode.stat;
    write!(text, "{letter} {:04o} {}:{} {size} {} {what} ", stat.mode, stat.uid, stat.gid, stat.mtime)
        .expect("writing to a String succeeds");
    for (name, value) in &stat.xattrs {
        write!(text, "{}=", escape(name)).expect("writing to a String succeeds");
        value.iter().for_each(|byte| write!(text, "{byte:02x}").expect("writing to a String succeeds"));
        text.push(' ');
    }
}

/// The tree digest: the SHA-256 of [`dump`]. Two trees with one digest are the same image.
#[must_use]
pub fn digest(tree: &Tree) -> Sha256 {
    Sha256::of(dump(tree).as_bytes())
}

/// One line of a dump, for comparing without the tree: the path and the rest, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Escaped absolute path.
    pub path: String,
    /// `d`, `f`, `l`, `c`, `b`, `p`, or `h`.
    pub kind: char,
    /// Octal mode, or `-`.
    pub mode: String,
    /// `uid:gid`, or `-`.
    pub owner: String,
    /// Bytes, or `-`.
    pub size: String,
    /// Seconds, or `-`.
    pub mtime: String,
    /// Digest, target, device, first path, or `-`.
    pub what: String,
    /// `name=hex` words.
    pub xattrs: Vec<String>,
}

/// A text that is not a dump.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the tree text does not have the form `kind mode uid:gid size mtime what [xattr…] path`")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
}

/// The content of each regular file, in the order of their lines in [`dump`]: once for all hard links.
pub(crate) fn contents(tree: &Tree) -> impl Iterator<Item = &Content> {
    let mut seen = BTreeSet::new();
    tree.iter()
        .filter(move |(_, id, _)| tree.links(*id) == 1 || seen.insert(*id))
        .filter_map(|(.., inode)| inode.content())
}

/// Makes the tree that a canonical text is of. `content` is asked for the bytes of each regular file by digest and size,
/// in the order of the lines.
///
/// # Errors
/// A line is not of the form that [`dump`] writes, is out of order, or has no content.
pub fn restore(text: &str, mut content: impl FnMut(&Sha256, u64) -> Option<Content>) -> Result<Tree, ParseError> {
    let mut tree = Tree::new();
    for (index, entry) in parse_dump(text)?.into_iter().enumerate() {
        let placed = TreePath::new(unescape(&entry.path).unwrap_or_default()).ok().and_then(|path| {
            if entry.kind == 'h' {
                return tree.link(&TreePath::new(unescape(&entry.what)?).ok()?, path).ok();
            }
            let inode = entry.inode(&mut content)?;
            tree.insert(path, inode).ok().map(drop)
        });
        placed.ok_or(ParseError { line: index + 1 })?;
    }
    Ok(tree)
}

impl Entry {
    /// The inode of a line that is no hard link.
    fn inode(&self, content: &mut impl FnMut(&Sha256, u64) -> Option<Content>) -> Option<Inode> {
        let device = || {
            let (major, minor) = self.what.split_once(',')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        };
        let kind = match self.kind {
            'd' => Kind::Directory,
            'f' => Kind::File(content(&self.what.parse().ok()?, self.size.parse().ok()?)?),
            'l' => Kind::Symlink(unescape(&self.what)?),
            'c' => device().map(|(major, minor)| Kind::CharDevice { major, minor })?,
            'b' => device().map(|(major, minor)| Kind::BlockDevice { major, minor })?,
            'p' => Kind::Fifo,
            _ => return None,
        };
        let (uid, gid) = self.owner.split_once(':')?;
        let xattr = |word: &String| {
            let (name, value) = word.split_once('=')?;
            let byte = |at| u8::from_str_radix(value.get(at..at + 2)?, 16).ok();
            let value: Option<Vec<u8>> = (0..value.len()).step_by(2).map(byte).collect();
            Some((unescape(name)?, value?))
        };
        let stat = Stat {
            mode: u32::from_str_radix(&self.mode, 8).ok()?,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            mtime: self.mtime.parse().ok()?,
            xattrs: self.xattrs.iter().map(xattr).collect::<Option<_>>()?,
        };
        Some(Inode { kind, stat })
    }
}

/// Reads the canonical text back into its lines.
///
/// # Errors
/// A line is not of the form that [`dump`] writes.
pub fn parse_dump(text: &str) -> Result<Vec<Entry>, ParseError> {
    let parse = |(index, line): (usize, &str)| {
        let error = ParseError { line: index + 1 };
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, mode, owner, size, mtime, what, xattrs @ .., path] = words.as_slice() else { return Err(error) };
        let mut letters = kind.chars();
        let (Some(kind), None) = (letters.next(), letters.next()) else { return Err(error) };
        if !path.starts_with('/') || !"dflcbph".contains(kind) {
            return Err(error);
        }
        Ok(Entry {
            path: (*path).to_owned(),
            kind,
            mode: (*mode).to_owned(),
            owner: (*owner).to_owned(),
            size: (*size).to_owned(),
            mtime: (*mtime).to_owned(),
            what: (*what).to_owned(),
            xattrs: xattrs.iter().map(|word| (*word).to_owned()).collect(),
        })
    };
    text.lines().enumerate().map(parse).collect()
}
