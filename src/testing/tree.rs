//! Builds trees in memory.

use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Builds one tree. Missing parents are made (0755); owners are root until [`TreeBuilder::owner`] says else.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    tree: Tree,
    stat: Stat,
}

impl TreeBuilder {
    /// An empty root.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The owner of all that is added from here on.
    #[must_use]
    pub const fn owner(mut self, uid: u32, gid: u32) -> Self {
        (self.stat.uid, self.stat.gid) = (uid, gid);
        self
    }

    /// The time of all that is added from here on.
    #[must_use]
    pub const fn mtime(mut self, mtime: i64) -> Self {
        self.stat.mtime = mtime;
        self
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> Self {
        self.put(path, Inode::directory(mode))
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.put(path, Inode::file(mode, bytes))
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.put(path, Inode::symlink(target))
    }

    /// Adds a character device.
    #[must_use]
    pub fn device(self, path: &str, mode: u32, major: u32, minor: u32) -> Self {
        self.put(path, Inode { kind: Kind::CharDevice { major, minor }, stat: Stat::new(mode) })
    }

    /// Adds a hard link to a path added before.
    ///
    /// # Panics
    /// It was not.
    #[must_use]
    pub fn hard_link(mut self, path: &str, target: &str) -> Self {
        self.tree.link(&TreePath::literal(target), TreePath::literal(path)).expect("the target was added before");
        self
    }

    /// Gives what was added at `path` an extended attribute.
    ///
    /// # Panics
    /// Nothing was.
    #[must_use]
    pub fn xattr(mut self, path: &str, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let inode = self.tree.get_mut(&TreePath::literal(path)).expect("the path was added before");
        inode.stat.xattrs.insert(name.into(), value.into());
        self
    }

    /// The tree.
    #[must_use]
    pub fn build(self) -> Tree {
        self.tree
    }

    fn put(mut self, path: &str, inode: Inode) -> Self {
        let stat = Stat { mode: inode.stat.mode, ..self.stat.clone() };
        self.tree.put(path, Inode { stat, ..inode }).expect("a path that a tree can hold");
        self
    }
}
