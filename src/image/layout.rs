//! A tree by its directories, the way a file system on disk is laid out.

use std::collections::BTreeMap;

use crate::tree::InodeId;
use crate::tree::Tree;
use crate::tree::TreePath;

/// One directory and what is in it.
#[derive(Debug)]
pub(super) struct Directory<'a> {
    pub(super) path: &'a TreePath,
    pub(super) id: InodeId,
    /// The directory above; the root's is the root.
    pub(super) parent: InodeId,
    /// Names, bytewise.
    pub(super) entries: Vec<(&'a [u8], InodeId)>,
    /// How many of the entries are directories.
    pub(super) subdirectories: u32,
}

impl Directory<'_> {
    /// The number of names as `st_nlink` counts them: its own, its `.`, and each subdirectory's `..`.
    pub(super) const fn links(&self) -> u32 {
        2 + self.subdirectories
    }
}

/// All directories of a tree in the order of paths: every directory before those below it.
pub(super) fn directories(tree: &Tree) -> Vec<Directory<'_>> {
    let mut found: Vec<Directory<'_>> = Vec::new();
    let mut positions: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (path, id, inode) in tree.iter() {
        let bytes = path.as_bytes();
        let parent = if path.is_root() {
            id
        } else {
            let cut = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            let parent = &mut found[positions[&bytes[..cut]]];
            parent.entries.push((path.name(), id));
            parent.subdirectories += u32::from(inode.is_directory());
            parent.id
        };
        if inode.is_directory() {
            positions.insert(bytes, found.len());
            found.push(Directory { path, id, parent, entries: Vec::new(), subdirectories: 0 });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_bytewise_order_and_parents_first() {
        let mut tree = Tree::new();
        for path in ["a/x", "a-b", "a/b/c", "B"] {
            tree.write(path, 0o644, "").expect("new");
        }
        let found = directories(&tree);
        let names = |directory: &Directory<'_>| {
            directory.entries.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [vec!["B", "a", "a-b"], vec!["b", "x"], vec!["c"]]);
        assert_eq!(found.iter().map(Directory::links).collect::<Vec<_>>(), [3, 3, 2]);
        assert_eq!((found[0].parent, found[2].parent), (found[0].id, found[1].id));
    }
}
