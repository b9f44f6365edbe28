//! An image that was written before, of whose bytes the next one of its kind is made where they are the same.

use std::fmt;
use std::sync::Arc;

use crate::tree::Blob;
use crate::tree::Content;
use crate::tree::Layout;
use crate::tree::Tree;
use crate::tree::TreePath;

/// A tar or an image, and where the files lie in it. It was written by the same program with the same options, and is as
/// it was written: what is taken from it is not looked at again.
#[derive(Clone)]
#[non_exhaustive]
pub struct Former {
    /// Its bytes.
    pub image: Arc<dyn Blob>,
    /// Where its files lie.
    pub layout: Layout,
}

impl fmt::Debug for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Former").finish_non_exhaustive()
    }
}

impl Former {
    /// Takes the caller's word for it.
    #[must_use]
    pub fn new(image: Arc<dyn Blob>, layout: Layout) -> Self {
        Self { image, layout }
    }

    /// Of a tar: the same tree with the bytes of its files where they lie in the tar, as far as they do.
    #[must_use]
    pub fn within(&self, tree: &Tree) -> Tree {
        let mut within = tree.clone();
        let place = |(path, _, inode): (&TreePath, _, &crate::tree::Inode)| {
            let content = inode.content()?;
            let start = self.layout.get(content.sha256())?.start;
            let content = Content::from_blob(Arc::clone(&self.image), start, content.size(), *content.sha256());
            Some((path.clone(), content))
        };
        let contents: Vec<(TreePath, Content)> = tree.iter().filter_map(place).collect();
        for (path, content) in contents {
            if let Some(inode) = within.get_mut(&path) {
                inode.kind = crate::tree::Kind::File(content);
            }
        }
        within
    }
}
