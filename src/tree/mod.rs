//! The root tree in memory: path → inode, with file content held by reference.
//!
//! Owners, devices, setuid bits and capabilities are data here, so a tree needs no privilege on the host and
//! symbolic links are resolved inside the model, never by the host. Every walk is in bytewise order of paths.
//!
//! * [`TreePath`]: a name that cannot leave the tree. * [`Inode`]: kind and attributes. * [`Content`]: bytes by
//!   digest. * [`dump`]: the canonical text, whose SHA-256 is the identity of an image.

mod content;
mod dump;
mod layout;
mod path;
pub mod tar;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

pub use content::Blob;
pub use content::Content;
pub use content::Keep;
pub use content::Reader;
pub use dump::Entry;
pub use dump::ParseError;
pub(crate) use dump::contents;
pub(crate) use dump::describe;
pub use dump::digest;
pub use dump::dump;
pub use dump::parse_dump;
pub use dump::restore;
pub use layout::Layout;
pub(crate) use layout::Place;
pub use path::NAME_MAX;
pub use path::PATH_MAX;
pub use path::PathError;
pub use path::TreePath;
pub use path::escape;
pub use path::unescape;

/// What an inode is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with its target, as written.
    Symlink(Vec<u8>),
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// Extended attributes by full name (`security.capability`).
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// The attributes that every kind has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stat {
    /// Permission bits, setuid, setgid and sticky: the low twelve bits of `st_mode`. 0777 for symbolic links.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

impl Stat {
    /// Owned by root, without extended attributes, of the year 1970.
    #[must_use]
    pub fn new(mode: u32) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// One inode: what it is and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inode {
    /// Kind, with what belongs to it.
    pub kind: Kind,
    /// Attributes.
    pub stat: Stat,
}

impl Inode {
    /// A directory owned by root.
    #[must_use]
    pub fn directory(mode: u32) -> Self {
        Self { kind: Kind::Directory, stat: Stat::new(mode) }
    }

    /// A file owned by root with these bytes.
    #[must_use]
    pub fn file(mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind: Kind::File(Content::from_bytes(bytes)), stat: Stat::new(mode) }
    }

    /// A symbolic link owned by root.
    #[must_use]
    pub fn symlink(target: impl Into<Vec<u8>>) -> Self {
        Self { kind: Kind::Symlink(target.into()), stat: Stat::new(0o777) }
    }

    /// Whether this is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory)
    }

    /// The content of a regular file.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }
}

/// Names an inode of one tree; two paths with one id are hard links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(u32);

impl InodeId {
    /// A number that no other inode of the tree has.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// An edit that the tree refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that cannot be in a tree.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Nothing lies at the path.
    #[error("`{0}` does not exist")]
    NotFound(TreePath),
    /// A directory is needed.
    #[error("`{0}` is not a directory")]
    NotDirectory(TreePath),
    /// A directory where something else is needed.
    #[error("`{0}` is a directory")]
    IsDirectory(TreePath),
    /// A directory with something in it cannot be removed or replaced.
    #[error("directory `{0}` is not empty")]
    NotEmpty(TreePath),
    /// More than 40 symbolic links on one path, as Linux's limit.
    #[error("too many symbolic links at `{0}`")]
    Loop(TreePath),
    /// A file's bytes could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Where.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
}

/// Symbolic links followed on one path before it counts as a loop; Linux's `MAXSYMLINKS`.
const SYMLINK_MAX: usize = 40;

/// A root tree.
///
/// Invariants: the root is a directory; the parent of every path is a directory; a directory has one name.
#[derive(Debug, Clone)]
pub struct Tree {
    paths: BTreeMap<TreePath, InodeId>,
    /// Each with the number of its names. Clones of a tree share what neither changes.
    inodes: Vec<Option<(Arc<Inode>, u32)>>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// An empty tree: a root directory, mode 0755.
    #[must_use]
    pub fn new() -> Self {
        let root = (Arc::new(Inode::directory(0o755)), 1);
        Self { paths: BTreeMap::from([(TreePath::root(), InodeId(0))]), inodes: vec![Some(root)] }
    }

    // --- looking ---------------------------------------------------------------------------------------------

    /// The inode at exactly this path; symbolic links are not followed.
    #[must_use]
    pub fn get(&self, path: &TreePath) -> Option<&Inode> {
        self.id(path).map(|id| self.inode(id))
    }

    /// As [`Tree::get`], to change attributes or content in place (of all hard links at once).
    ///
    /// Turning a directory with entries into something else breaks the tree's invariant: do not.
    pub fn get_mut(&mut self, path: &TreePath) -> Option<&mut Inode> {
        let id = self.id(path)?;
        Some(Arc::make_mut(&mut self.inodes[id.0 as usize].as_mut().expect("a path names a live inode").0))
    }

    /// The id at exactly this path.
    #[must_use]
    pub fn id(&self, path: &TreePath) -> Option<InodeId> {
        self.paths.get(path).copied()
    }

    /// The inode of an id.
    #[must_use]
    pub fn inode(&self, id: InodeId) -> &Inode {
        &self.inodes[id.0 as usize].as_ref().expect("an id of this tree").0
    }

    /// As [`Tree::inode`], to be put into a tree again.
    #[must_use]
    pub(crate) fn shared(&self, id: InodeId) -> Arc<Inode> {
        Arc::clone(&self.inodes[id.0 as usize].as_ref().expect("an id of this tree").0)
    }

    /// The inode of an id that may be gone, as an open file's whose last name was removed.
    #[must_use]
    pub fn live(&self, id: InodeId) -> Option<&Inode> {
        self.inodes[id.0 as usize].as_ref().map(|(inode, _)| &**inode)
    }

    /// As [`Tree::live`], to change it in place; a directory must stay one.
    pub fn live_mut(&mut self, id: InodeId) -> Option<&mut Inode> {
        self.inodes[id.0 as usize].as_mut().map(|(inode, _)| Arc::make_mut(inode))
    }

    /// The number of names of an inode; 1 for a directory.
    #[must_use]
    pub fn links(&self, id: InodeId) -> u32 {
        self.inodes[id.0 as usize].as_ref().expect("an id of this tree").1
    }

    /// The number of paths, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// The number of inodes that were ever made; those that are gone take a place too.
    #[must_use]
    pub fn inodes_made(&self) -> usize {
        self.inodes.len()
    }

    /// Whether nothing lies below the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// All paths with their inodes, bytewise; parents before what is in them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&TreePath, InodeId, &Inode)> {
        self.paths.iter().map(|(path, &id)| (path, id, self.inode(id)))
    }

    /// All paths strictly below `directory`, in bytewise order.
    pub fn below(&self, directory: &TreePath) -> impl DoubleEndedIterator<Item = (&TreePath, &Inode)> {
        let (low, high) = if directory.is_root() {
            (Bound::Excluded(Vec::new()), Bound::Unbounded)
        } else {
            // `/` is followed by `0` in ASCII, so these bounds hold exactly the paths with the prefix `dir/`.
            let bound = |end: u8| [directory.as_bytes(), &[end]].concat();
            (Bound::Included(bound(b'/')), Bound::Excluded(bound(b'/' + 1)))
        };
        let as_slice = |bound: &Bound<Vec<u8>>| match bound {
            Bound::Included(bytes) => Bound::Included(bytes.clone().into_boxed_slice()),
            Bound::Excluded(bytes) => Bound::Excluded(bytes.clone().into_boxed_slice()),
            Bound::Unbounded => Bound::Unbounded,
        };
        let (low, high) = (as_slice(&low), as_slice(&high));
        let range = (low.as_ref().map(AsRef::as_ref), high.as_ref().map(AsRef::as_ref));
        self.paths.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>(range).map(|(path, &id)| (path, self.inode(id)))
    }

    /// The entries of `directory`, in bytewise order.
    pub fn children(&self, directory: &TreePath) -> impl Iterator<Item = (&TreePath, &Inode)> {
        let mut prefix = directory.as_bytes().to_vec();
        if !directory.is_root() {
            prefix.push(b'/');
        }
        let from = |bytes: &[u8]| self.paths.range::<[u8], _>((Bound::Included(bytes), Bound::Unbounded));
        let mut entries = from(&prefix);
        std::iter::from_fn(move || {
            loop {
                let (path, &id) = entries.next()?;
                let name = path.as_bytes().strip_prefix(prefix.as_slice())?;
                match memchr::memchr(b'/', name) {
                    None if name.is_empty() => {}
                    None => return Some((path, self.inode(id))),
                    // What lies below an entry is passed over as a whole: `/` is followed by `0` in ASCII.
                    Some(slash) => entries = from(&[prefix.as_slice(), &name[..slash], b"0"].concat()),
                }
            }
        })
    }

    /// Resolves `path` as `chroot` would: symbolic links in parents are followed inside the tree, `..` is
    /// applied after them, and `..` at the root stays there. The last component is followed when `follow`, or when a
    /// slash or `/.` stands behind it, which only a directory may have; it need not exist. A missing parent is
    /// [`Error::NotFound`]. The rules are path_resolution(7)'s.
    ///
    /// # Errors
    /// No such directory, not a directory, too many links, or an impossible name.
    pub fn resolve(&self, path: impl AsRef<[u8]>, follow: bool) -> Result<TreePath, Error> {
        let path = path.as_ref();
        let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
        let dot = path[..end].ends_with(b"/.");
        let must_be_directory = dot || path.ends_with(b"/");
        let place = self.resolve_last(path, follow || must_be_directory)?;
        match self.get(&place) {
            Some(inode) if must_be_directory && !inode.is_directory() => Err(Error::NotDirectory(place)),
            // A slash is allowed behind a directory that is yet to be made; a name in it is not.
            None if dot => Err(Error::NotFound(place)),
            _ => Ok(place),
        }
    }

    fn resolve_last(&self, path: &[u8], follow: bool) -> Result<TreePath, Error> {
        // What lies in a directory of the tree has directories above it, none of them a link: no step is needed. Step
        // by step a path costs the square of its depth, and who makes packages may make deep ones.
        if let Ok(plain) = TreePath::new(path) {
            let is_link = matches!(self.get(&plain), Some(Inode { kind: Kind::Symlink(_), .. }));
            let in_directory =
                |path: &TreePath| path.parent().is_none_or(|parent| self.get(&parent).is_some_and(Inode::is_directory));
            if !(is_link && follow) && in_directory(&plain) {
                return Ok(plain);
            }
        }
        let mut todo: Vec<Vec<u8>> = split_reversed(path);
        let mut here = TreePath::root();
        let mut followed = 0;
        while let Some(name) = todo.pop() {
            if name == b".." {
                here = here.parent().unwrap_or_default();
                continue;
            }
            let next = here.join(&name)?;
            match self.get(&next).map(|inode| &inode.kind) {
                Some(Kind::Symlink(target)) if follow || !todo.is_empty() => {
                    followed += 1;
                    if followed > SYMLINK_MAX {
                        return Err(Error::Loop(next));
                    }
                    if target.starts_with(b"/") {
                        here = TreePath::root();
                    }
                    todo.extend(split_reversed(target));
                }
                Some(Kind::Directory) => here = next,
                Some(_) if todo.is_empty() => here = next,
                Some(_) => return Err(Error::NotDirectory(next)),
                None if todo.is_empty() => here = next,
                None => return Err(Error::NotFound(next)),
            }
        }
        Ok(here)
    }

    /// The inode that `path` leads to, all symbolic links followed; `None` when nothing lies there.
    #[must_use]
    pub fn lookup(&self, path: impl AsRef<[u8]>) -> Option<(TreePath, &Inode)> {
        let path = self.resolve(path, true).ok()?;
        let inode = self.get(&path)?;
        Some((path, inode))
    }

    /// The bytes of the regular file that `path` leads to; `None` when there is none.
    ///
    /// # Errors
    /// The file is there and its bytes cannot be read.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let Some((path, inode)) = self.lookup(path) else { return Ok(None) };
        let Some(content) = inode.content() else { return Ok(None) };
        content.to_vec().map(Some).map_err(|source| Error::Read { path, source })
    }

    // --- editing ---------------------------------------------------------------------------------------------

    /// Puts a new inode at exactly this path. What lay there is replaced, as `rename` would: a directory only
    /// by a directory (its entries stay), anything else by anything but a directory.
    ///
    /// # Errors
    /// The parent is missing or no directory; a directory would replace something else, or the reverse.
    pub fn insert(&mut self, path: TreePath, inode: impl Into<Arc<Inode>>) -> Result<InodeId, Error> {
        let inode = inode.into();
        if let Some(old) = self.get(&path) {
            match (old.is_directory(), inode.is_directory()) {
                (true, true) => {
                    let id = self.id(&path).expect("it was just found");
                    self.inodes[id.0 as usize] = Some((inode, 1));
                    return Ok(id);
                }
                (true, false) => return Err(Error::IsDirectory(path)),
                (false, true) => return Err(Error::NotDirectory(path)),
                (false, false) => self.unlink(&path),
            }
        } else {
            self.check_parent(&path)?;
        }
        let id = InodeId(u32::try_from(self.inodes.len()).expect("fewer than 2^32 inodes"));
        self.inodes.push(Some((inode, 1)));
        self.paths.insert(path, id);
        Ok(id)
    }

    /// Makes `new` a hard link to `existing`. What lay at `new` is replaced.
    ///
    /// # Errors
    /// `existing` is missing or a directory; `new` cannot be there.
    pub fn link(&mut self, existing: &TreePath, new: TreePath) -> Result<(), Error> {
        let id = self.id(existing).ok_or_else(|| Error::NotFound(existing.clone()))?;
        if self.inode(id).is_directory() {
            return Err(Error::IsDirectory(existing.clone()));
        }
        match self.id(&new) {
            Some(old) if old == id => return Ok(()),
            Some(old) if self.inode(old).is_directory() => return Err(Error::IsDirectory(new)),
            Some(_) => self.unlink(&new),
            None => self.check_parent(&new)?,
        }
        self.inodes[id.0 as usize].as_mut().expect("a path names a live inode").1 += 1;
        self.paths.insert(new, id);
        Ok(())
    }

    /// Removes one name.
    ///
    /// # Errors
    /// It is missing, the root, or a directory with entries.
    pub fn remove(&mut self, path: &TreePath) -> Result<(), Error> {
        let inode = self.get(path).ok_or_else(|| Error::NotFound(path.clone()))?;
        if inode.is_directory() && (path.is_root() || self.below(path).next().is_some()) {
            return Err(Error::NotEmpty(path.clone()));
        }
        self.unlink(path);
        Ok(())
    }

    /// Removes a name and everything below it. Missing is fine; the root itself stays.
    pub fn remove_all(&mut self, path: &TreePath) {
        self.clear(path);
        if !path.is_root() && self.paths.contains_key(path) {
            self.unlink(path);
        }
    }

    /// Removes everything below a directory.
    pub fn clear(&mut self, directory: &TreePath) {
        let below: Vec<TreePath> = self.below(directory).map(|(path, _)| path.clone()).collect();
        below.iter().for_each(|path| self.unlink(path));
    }

    /// Moves a name, and what is below it, as `rename(2)`.
    ///
    /// # Errors
    /// `from` is missing; `to` has no parent, lies below `from`, or is of a kind that may not be replaced.
    pub fn rename(&mut self, from: &TreePath, to: &TreePath) -> Result<(), Error> {
        let id = self.id(from).ok_or_else(|| Error::NotFound(from.clone()))?;
        if from == to || self.id(to) == Some(id) {
            return Ok(());
        }
        if to.starts_with(from) {
            return Err(Error::NotDirectory(to.clone()));
        }
        let directory = self.inode(id).is_directory();
        match self.get(to).map(Inode::is_directory) {
            Some(true) if !directory => return Err(Error::IsDirectory(to.clone())),
            Some(false) if directory => return Err(Error::NotDirectory(to.clone())),
            Some(_) => self.remove(to)?,
            None => self.check_parent(to)?,
        }
        let moved: Vec<TreePath> = self.below(from).map(|(path, _)| path.clone()).collect();
        for path in moved.iter().chain([from]) {
            let id = self.paths.remove(path).expect("it was just listed");
            let target = to.join(&path.as_bytes()[from.as_bytes().len()..])?;
            self.paths.insert(target, id);
        }
        Ok(())
    }

    /// Makes a directory and its missing parents, owned by root, `mode` for each new one; symbolic links to
    /// directories are followed. Returns where it really lies.
    ///
    /// # Errors
    /// Something on the way is no directory.
    pub fn make_directories(&mut self, path: impl AsRef<[u8]>, mode: u32) -> Result<TreePath, Error> {
        let mut here = TreePath::root();
        for name in split_reversed(path.as_ref()).into_iter().rev() {
            let next = self.resolve([here.as_bytes(), &name].join(&b'/'), true)?;
            match self.get(&next) {
                Some(inode) if inode.is_directory() => {}
                Some(_) => return Err(Error::NotDirectory(next)),
                None => {
                    self.insert(next.clone(), Inode::directory(mode))?;
                }
            }
            here = next;
        }
        Ok(here)
    }

    /// Writes a file at `path` with root's ownership, making missing parents (0755) and following symbolic links
    /// in parents. A file already there is replaced, attributes too. Returns where it really lies.
    ///
    /// # Errors
    /// A parent is no directory, or a directory lies there.
    pub fn write(&mut self, path: impl AsRef<[u8]>, mode: u32, bytes: impl Into<Vec<u8>>) -> Result<TreePath, Error> {
        self.put(path, Inode::file(mode, bytes))
    }

    /// As [`Tree::write`], for a symbolic link.
    ///
    /// # Errors
    /// A parent is no directory, or a directory lies there.
    pub fn symlink(&mut self, path: impl AsRef<[u8]>, target: impl Into<Vec<u8>>) -> Result<TreePath, Error> {
        self.put(path, Inode::symlink(target))
    }

    /// Puts an inode at `path`, making missing parents (0755) and following symbolic links in parents.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn put(&mut self, path: impl AsRef<[u8]>, inode: Inode) -> Result<TreePath, Error> {
        let path = path.as_ref();
        let trimmed = path.strip_suffix(b"/").unwrap_or(path);
        let cut = trimmed.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        self.make_directories(&trimmed[..cut], 0o755)?;
        let path = self.resolve(trimmed, false)?;
        self.insert(path.clone(), inode)?;
        Ok(path)
    }

    fn check_parent(&self, path: &TreePath) -> Result<(), Error> {
        let parent = path.parent().ok_or_else(|| Error::IsDirectory(path.clone()))?;
        match self.get(&parent) {
            Some(inode) if inode.is_directory() => Ok(()),
            Some(_) => Err(Error::NotDirectory(parent)),
            None => Err(Error::NotFound(parent)),
        }
    }

    fn unlink(&mut self, path: &TreePath) {
        let id = self.paths.remove(path).expect("the caller looked");
        let slot = &mut self.inodes[id.0 as usize];
        let links = &mut slot.as_mut().expect("a path names a live inode").1;
        *links -= 1;
        if *links == 0 {
            *slot = None;
        }
    }
}

/// The components of a path, last first, without empty ones and `.`; `..` stays.
fn split_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests;
