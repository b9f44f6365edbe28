//! The pen of this stage: writes into the tree, keeps away from what the recipe itself has put there.

use std::collections::BTreeSet;

use crate::configure::own;
use crate::configure::own::Leaving;
use crate::overlay::Error;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// A tree that is being written over.
pub(super) struct Layer<'t> {
    /// The tree, to look at.
    pub(super) tree: &'t mut Tree,
    /// What the recipe has put at these paths stays.
    kept: BTreeSet<TreePath>,
    /// What the recipe has removed stays away, with everything below.
    removed: BTreeSet<TreePath>,
    /// The modification time of everything written.
    time: i64,
}

impl<'t> Layer<'t> {
    pub(super) fn new(tree: &'t mut Tree) -> Self {
        let time = tree.iter().map(|(_, _, inode)| inode.stat.mtime).max().unwrap_or(0);
        Self { tree, kept: BTreeSet::new(), removed: BTreeSet::new(), time }
    }

    /// The time of the newest file that was in the tree before.
    pub(super) const fn time(&self) -> i64 {
        self.time
    }

    // --- for the recipe's own entries ----------------------------------------------------------------------------

    /// Puts an entry of the recipe in place; nothing generated replaces it.
    pub(super) fn put_own(&mut self, path: &TreePath, inode: Inode) -> Result<(), Error> {
        let placed = self.put_anyway(path, inode)?;
        self.removed.retain(|gone| !placed.starts_with(gone));
        self.kept.insert(placed);
        Ok(())
    }

    /// Removes what lies at a path, for good.
    pub(super) fn remove_own(&mut self, path: &TreePath) -> Result<(), Error> {
        let found = self.tree.resolve(path.as_bytes(), false).ok().filter(|path| self.tree.get(path).is_some());
        let found = found.ok_or_else(|| Error::NothingToRemove(path.to_string()))?;
        self.tree.remove_all(&found);
        self.kept.retain(|kept| !kept.starts_with(&found));
        self.removed.insert(found);
        Ok(())
    }

    // --- for generated files -------------------------------------------------------------------------------------

    /// Writes a file of root's.
    pub(super) fn file(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.put(path, Inode::file(mode, text))
    }

    /// Makes a symbolic link.
    pub(super) fn symlink(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.put(path, Inode::symlink(target))
    }

    /// Makes a directory of root's where there is none.
    pub(super) fn directory(&mut self, path: &str, mode: u32) -> Result<(), Error> {
        match self.tree.lookup(path) {
            Some((_, inode)) if inode.is_directory() => Ok(()),
            _ => self.put(path, Inode::directory(mode)),
        }
    }

    /// Removes what lies at a path, if anything does, with what is below.
    pub(super) fn remove(&mut self, path: &str) {
        if let Ok(path) = self.tree.resolve(path, false)
            && !self.kept.iter().any(|kept| kept.starts_with(&path))
        {
            self.tree.remove_all(&path);
        }
    }

    /// Removes what is each machine's own.
    pub(super) fn leave_out(&mut self) {
        for row in own::rows() {
            for path in row.places(self.tree) {
                // A link holds the place of what a node makes.
                match row.leaving {
                    Leaving::Gone
                        if self.tree.get(&path).is_some_and(|inode| matches!(inode.kind, Kind::Symlink(_))) => {}
                    Leaving::Gone => self.remove(&path.to_string()),
                    Leaving::Cleared => {
                        let inside: Vec<String> = self.tree.children(&path).map(|(path, _)| path.to_string()).collect();
                        inside.iter().for_each(|path| self.remove(path));
                    }
                    // Configure has done it, and the machine's id has a place of its own below.
                    Leaving::Emptied | Leaving::Blanked => {}
                }
            }
        }
    }

    /// Whether something lies at a path, links followed.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.tree.lookup(path).is_some()
    }

    /// Whether the recipe itself has put something at a path, or removed it.
    pub(super) fn is_own(&self, path: &str) -> bool {
        let Ok(path) = self.tree.resolve(path, false) else { return false };
        self.kept.contains(&path) || self.removed.iter().any(|gone| path.starts_with(gone))
    }

    /// The text of a file; empty when there is none. Bytes that are not UTF-8 are replaced: what is looked for in
    /// it is ASCII.
    pub(super) fn text(&self, path: &str) -> Result<String, Error> {
        let bytes = self.tree.read(path).map_err(|source| Error::Place { path: path.to_owned(), source })?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    fn put(&mut self, path: &str, inode: Inode) -> Result<(), Error> {
        let wanted =
            TreePath::new(path).map_err(|source| Error::Place { path: path.to_owned(), source: source.into() })?;
        let real = self.tree.resolve(wanted.as_bytes(), false).unwrap_or_else(|_| wanted.clone());
        if self.kept.contains(&real) || self.removed.iter().any(|gone| real.starts_with(gone)) {
            return Ok(());
        }
        self.put_anyway(&wanted, inode)?;
        Ok(())
    }

    fn put_anyway(&mut self, path: &TreePath, mut inode: Inode) -> Result<TreePath, Error> {
        inode.stat.mtime = self.time;
        let before = self.tree.len();
        let existed = self.tree.resolve(path.as_bytes(), false).is_ok_and(|path| self.tree.get(&path).is_some());
        let placed =
            self.tree.put(path.as_bytes(), inode).map_err(|source| Error::Place { path: path.to_string(), source })?;
        if self.tree.len() > before + usize::from(!existed) {
            self.date_new_parents(&placed);
        }
        Ok(placed)
    }

    /// Parents that were made on the way have the time 0 until here.
    fn date_new_parents(&mut self, path: &TreePath) {
        let mut here = path.parent();
        while let Some(path) = here {
            if let Some(inode) = self.tree.get_mut(&path)
                && inode.stat.mtime == 0
            {
                inode.stat.mtime = self.time;
            }
            here = path.parent();
        }
    }
}
