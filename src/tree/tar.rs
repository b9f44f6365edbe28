//! A tree as a tar stream, and back: the output format `tar`, and the way into and out of the sandbox.
//!
//! Entries are in the tree's order, named `./path`, directories with a slash at their end; a hard link follows the
//! first of its names. Owners are numbers only. The same tree gives the same bytes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::io::Write;

use super::Inode;
use super::InodeId;
use super::Keep;
use super::Kind;
use super::Layout;
use super::Place;
use super::Stat;
use super::Tree;
use super::TreePath;
use crate::format::tar::Dialect;
use crate::format::tar::EntryKind;
use crate::format::tar::Error as TarError;
use crate::format::tar::Header;
use crate::format::tar::Reader;
use crate::format::tar::Writer;

/// More paths than any root has; a stream with more is refused.
const ENTRIES_MAX: u64 = 4_000_000;

/// A tree that cannot be written as tar, or a stream that is no tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The archive itself.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// An entry that no tree can hold.
    #[error(transparent)]
    Tree(#[from] super::Error),
    /// A file's bytes could not be kept.
    #[error("cannot keep the content of `{path}`")]
    Keep {
        /// Whose.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
}

/// Writes a tree, and returns where its files lie.
///
/// # Errors
/// The stream, a file's bytes, or a time before 1970.
pub fn write(tree: &Tree, output: impl Write) -> Result<Layout, Error> {
    write_some(tree, output, &|_, stat| Some(stat.mtime))
}

/// Writes a part of a tree. `time` gives each path the time that it is written with; `None`: it is left out. Of a file
/// with several names all must be in the part, or none.
///
/// # Errors
/// As [`write()`].
pub fn write_some(
    tree: &Tree,
    output: impl Write,
    time: &dyn Fn(&TreePath, &Stat) -> Option<i64>,
) -> Result<Layout, Error> {
    let mut writer = Writer::new(output);
    let mut layout = Layout::default();
    let mut first: BTreeMap<InodeId, &TreePath> = BTreeMap::new();
    for (path, id, inode) in tree.iter() {
        let Some(mtime) = time(path, &inode.stat) else { continue };
        let mut header = Header { mtime, ..header(path, inode) };
        if let Some(original) = first.get(&id) {
            header.kind = EntryKind::HardLink;
            header.size = 0;
            header.link = stored(original);
            header.xattrs = BTreeMap::new();
        } else if tree.links(id) > 1 {
            first.insert(id, path);
        }
        match inode.content() {
            Some(content) if header.kind == EntryKind::File => {
                let start = writer.append(&header, &mut content.reader())?;
                layout.put(*content.sha256(), Place { start, parts: Vec::new() });
            }
            _ => {
                writer.append(&header, &mut io::empty())?;
            }
        }
    }
    writer.finish()?;
    Ok(layout)
}

/// Reads a tree. `keep` is given each file's bytes (and how many) and says where they lie from then on.
///
/// Made for streams of hostile origin: names that leave the tree, entries below links, and links to what is not
/// there are errors. A missing parent directory is one too, except for the root.
///
/// # Errors
/// Not an archive, not a tree, or `keep` failed.
pub fn read(input: impl Read, keep: &mut Keep<'_>) -> Result<Tree, Error> {
    let mut reader = Reader::new(input, Dialect::Pax, ENTRIES_MAX);
    let mut tree = Tree::new();
    while let Some(header) = reader.next_entry()? {
        let path = TreePath::new(&header.path).map_err(super::Error::from)?;
        put(&mut tree, path, header, &mut reader, keep)?;
    }
    Ok(tree)
}

/// Reads a layer of an image onto the tree of the layers below it, as the OCI image specification says (`layer.md`):
/// `.wh.NAME` takes a name of theirs away, `.wh..wh..opq` all that they have in a directory; and a name that comes again
/// replaces theirs. Parent directories that nobody names are made.
///
/// # Errors
/// As [`read`].
pub fn read_layer(tree: &mut Tree, input: impl Read, keep: &mut Keep<'_>) -> Result<(), Error> {
    let mut reader = Reader::new(input, Dialect::Pax, ENTRIES_MAX);
    let mut own: BTreeSet<TreePath> = BTreeSet::new();
    while let Some(header) = reader.next_entry()? {
        let path = TreePath::new(&header.path).map_err(super::Error::from)?;
        let parent = path.parent().unwrap_or_default();
        if path.name() == OPAQUE {
            let below: Vec<TreePath> = tree.below(&parent).map(|(path, _)| path.clone()).collect();
            // From the end: what is in a directory before the directory, which stays when something of this layer is.
            below.iter().rev().filter(|path| !own.contains(*path)).for_each(|path| drop(tree.remove(path)));
            continue;
        }
        if let Some(name) = path.name().strip_prefix(GONE) {
            let gone = parent.join(name).map_err(super::Error::from)?;
            if !own.contains(&gone) {
                tree.remove_all(&gone);
            }
            continue;
        }
        if tree.get(&parent).is_none() {
            tree.make_directories(parent.as_bytes(), 0o755)?;
        }
        let is_directory = header.kind == EntryKind::Directory;
        if tree.get(&path).is_some_and(|old| !(old.is_directory() && is_directory)) {
            tree.remove_all(&path);
        }
        put(tree, path.clone(), header, &mut reader, keep)?;
        own.insert(path);
    }
    Ok(())
}

/// What marks a name as gone, and a directory as without those of the layers below.
const GONE: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Puts an entry into a tree, and its bytes where they are kept.
fn put<R: Read>(
    tree: &mut Tree,
    path: TreePath,
    header: Header,
    reader: &mut Reader<R>,
    keep: &mut Keep<'_>,
) -> Result<(), Error> {
    let kind = match header.kind {
        EntryKind::HardLink => {
            let original = TreePath::new(&header.link).map_err(super::Error::from)?;
            return Ok(tree.link(&original, path)?);
        }
        EntryKind::File => {
            let content = keep(reader, header.size);
            Kind::File(content.map_err(|source| Error::Keep { path: path.clone(), source })?)
        }
        EntryKind::Directory => Kind::Directory,
        EntryKind::Symlink => Kind::Symlink(header.link),
        EntryKind::CharDevice => Kind::CharDevice { major: header.device.0, minor: header.device.1 },
        EntryKind::BlockDevice => Kind::BlockDevice { major: header.device.0, minor: header.device.1 },
        EntryKind::Fifo => Kind::Fifo,
    };
    let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { header.mode };
    let stat = Stat { mode, uid: header.uid, gid: header.gid, mtime: header.mtime, xattrs: header.xattrs };
    tree.insert(path, Inode { kind, stat })?;
    Ok(())
}

fn header(path: &TreePath, inode: &Inode) -> Header {
    let (kind, size, link, device) = match &inode.kind {
        Kind::Directory => (EntryKind::Directory, 0, Vec::new(), (0, 0)),
        Kind::File(content) => (EntryKind::File, content.size(), Vec::new(), (0, 0)),
        Kind::Symlink(target) => (EntryKind::Symlink, 0, target.clone(), (0, 0)),
        Kind::CharDevice { major, minor } => (EntryKind::CharDevice, 0, Vec::new(), (*major, *minor)),
        Kind::BlockDevice { major, minor } => (EntryKind::BlockDevice, 0, Vec::new(), (*major, *minor)),
        Kind::Fifo => (EntryKind::Fifo, 0, Vec::new(), (0, 0)),
    };
    let mut name = stored(path);
    if kind == EntryKind::Directory && !path.is_root() {
        name.push(b'/');
    }
    let stat = &inode.stat;
    Header {
        path: name,
        kind,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        size,
        mtime: stat.mtime,
        link,
        device,
        xattrs: stat.xattrs.clone(),
    }
}

/// As archives of Debian roots name it: `./etc/motd`.
fn stored(path: &TreePath) -> Vec<u8> {
    [b"./", path.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;
    use crate::tree::dump;

    fn keep(reader: &mut dyn Read, _: u64) -> io::Result<Content> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    }

    #[test]
    fn a_tree_survives() {
        let mut tree = Tree::new();
        tree.write("usr/bin/perl", 0o755, "perl").expect("new");
        tree.link(&TreePath::literal("usr/bin/perl"), TreePath::literal("usr/bin/perl5")).expect("a file");
        tree.symlink("bin", "usr/bin").expect("new");
        tree.put("dev/null", Inode { kind: Kind::CharDevice { major: 1, minor: 3 }, stat: Stat::new(0o666) })
            .expect("new");
        tree.write("x".repeat(200), 0o4755, "long").expect("new");
        let stat = &mut tree.get_mut(&TreePath::literal("usr/bin/perl")).expect("there").stat;
        stat.xattrs.insert(b"security.capability".to_vec(), vec![1, 0, 10]);
        stat.uid = 12;
        let mut bytes = Vec::new();
        write(&tree, &mut bytes).expect("memory takes it");
        let back = read(bytes.as_slice(), &mut keep).expect("our own stream");
        assert_eq!(dump(&back), dump(&tree));
    }

    #[test]
    fn what_leaves_the_tree_is_refused() {
        let file = |path: &str| {
            let inode = Inode::file(0o644, "x");
            let mut header = header(&TreePath::literal("x"), &inode);
            header.path = path.into();
            let mut writer = Writer::new(Vec::new());
            let mut link = header.clone();
            (link.path, link.kind, link.size, link.link) = (b"./link".to_vec(), EntryKind::Symlink, 0, b"/".to_vec());
            writer.append(&link, &mut io::empty()).expect("memory takes it");
            writer.append(&header, &mut &b"x"[..]).expect("memory takes it");
            writer.finish().expect("memory takes it")
        };
        assert!(read(file("./ok").as_slice(), &mut keep).is_ok());
        for path in ["../evil", "./a/../../evil", "./link/evil", "./missing/file"] {
            assert!(read(file(path).as_slice(), &mut keep).is_err(), "{path}");
        }
    }

    #[test]
    fn layers_add_replace_and_take_away() {
        use EntryKind::Directory;
        use EntryKind::File;
        use EntryKind::Symlink;
        let layer = |entries: &[(&str, EntryKind, &str)]| {
            let mut writer = Writer::new(Vec::new());
            for (path, kind, text) in entries {
                let mut header = header(&TreePath::literal("x"), &Inode::file(0o644, *text));
                (header.path, header.kind) = (path.as_bytes().to_vec(), *kind);
                if *kind != File {
                    (header.size, header.link) = (0, text.as_bytes().to_vec());
                }
                writer.append(&header, &mut if *kind == File { text.as_bytes() } else { b"" }).expect("memory");
            }
            writer.finish().expect("memory takes it")
        };
        let layers = [
            layer(&[
                ("etc/a", File, "1"),
                ("etc/b", File, "1"),
                ("opt/x/y", File, "1"),
                ("opt/x/z", File, "1"),
                ("d", File, "1"),
            ]),
            layer(&[
                ("etc/.wh.a", File, ""),
                ("opt/x/y", File, "2"),
                ("opt/x/.wh..wh..opq", File, ""),
                ("d", Directory, ""),
            ]),
            layer(&[("etc", Symlink, "usr/etc"), ("d/e", File, "3"), (".wh.nothing", File, "")]),
        ];
        let mut tree = Tree::new();
        layers.iter().for_each(|layer| read_layer(&mut tree, layer.as_slice(), &mut keep).expect("a layer"));
        let paths: Vec<String> = tree.iter().map(|(path, ..)| path.to_string()).collect();
        assert_eq!(paths, ["/", "/d", "/d/e", "/etc", "/opt", "/opt/x", "/opt/x/y"]);
        assert_eq!(tree.read("opt/x/y").expect("memory reads"), Some(b"2".to_vec()));
        // Through a link of a layer below there is no way out.
        assert!(read_layer(&mut tree, layer(&[("etc/evil", File, "x")]).as_slice(), &mut keep).is_err());
    }
}
