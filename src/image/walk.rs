//! A file system in an image → a tree: the way from the root through all directories, which no format has for itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;

use super::Error;
use super::source::Left;
use super::source::Reading;
use super::source::wrong;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Keep;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// An image as a format knows it. Inodes are known by a number of the format's.
pub(super) trait FileSystem {
    /// Where the names of a directory lie.
    type Listing;
    /// Where the bytes of a file lie.
    type File;

    /// The inode of the root.
    fn root(&self) -> u64;

    /// What an inode is.
    fn inode(&mut self, number: u64) -> io::Result<(Stat, Found<Self::Listing, Self::File>)>;

    /// The names in a directory, each with the number of its inode; `most` of them, or it is an error.
    fn names(&mut self, listing: &Self::Listing, reading: &Reading, most: usize) -> io::Result<Vec<(Vec<u8>, u64)>>;

    /// Hands on the bytes of a file.
    fn file(&mut self, file: &Self::File, reading: &Reading, keep: &mut Keep<'_>) -> io::Result<Content>;
}

/// An inode's kind, with what its kind needs.
pub(super) enum Found<Listing, File> {
    Directory(Listing),
    /// With its bytes.
    File(File, u64),
    Other(Kind),
}

/// What an image says when it has more.
pub(super) const TOO_MANY: &str = "it has more paths than any root has";

/// Reads the whole tree. A file with several names is read once; a directory has one.
pub(super) fn tree(
    format: &'static str,
    system: &mut impl FileSystem,
    reading: &Reading,
    keep: &mut Keep<'_>,
) -> Result<Tree, Error> {
    let failed = |path: &TreePath| {
        let path = path.clone();
        move |source| Error::Image { format, path, source }
    };
    let odd = |path: &TreePath, why: &dyn ToString| failed(path)(wrong(why.to_string()));
    let (mut tree, mut left) = (Tree::new(), Left(reading.bytes));
    let mut first: BTreeMap<u64, TreePath> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut todo = vec![(TreePath::root(), system.root())];
    while let Some((parent, number)) = todo.pop() {
        let (stat, found) = system.inode(number).map_err(failed(&parent))?;
        let Found::Directory(listing) = found else { return Err(odd(&parent, &"it is no directory")) };
        if !seen.insert(number) {
            return Err(odd(&parent, &"a directory lies in two places"));
        }
        tree.get_mut(&parent).expect("its parent has inserted it").stat = stat;
        let most = reading.paths.saturating_sub(tree.len());
        for (name, number) in system.names(&listing, reading, most).map_err(failed(&parent))? {
            reading.cancel.check()?;
            let path = parent.join(&name).map_err(|error| odd(&parent, &error))?;
            if let Some(original) = first.get(&number) {
                tree.link(original, path.clone()).map_err(|error| odd(&path, &error))?;
                continue;
            }
            let (stat, found) = system.inode(number).map_err(failed(&path))?;
            let kind = match found {
                Found::Directory(_) => Kind::Directory,
                Found::File(file, size) => {
                    left.take(size).map_err(failed(&path))?;
                    Kind::File(system.file(&file, reading, keep).map_err(failed(&path))?)
                }
                Found::Other(kind) => kind,
            };
            if kind == Kind::Directory {
                todo.push((path.clone(), number));
            } else {
                first.insert(number, path.clone());
            }
            tree.insert(path.clone(), Inode { kind, stat }).map_err(|error| odd(&path, &error))?;
        }
    }
    Ok(tree)
}
