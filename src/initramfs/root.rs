//! The root that an initramfs is made of, which notes what of it was looked at: another root that would have answered
//! every question alike gives the same initramfs, and most changes of a root are to what nobody asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::Inode;
use super::Tree;
use super::TreePath;
use crate::digest::Sha256;
use crate::format::glob::fits;
use crate::kernel;
use crate::kernel::Kmod;
use crate::tree;

/// One thing that was asked of a root. Of a file the answer is all that a tree says of it, its content's digest too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Question {
    /// Where a path leads, and what lies there.
    Lookup(String),
    /// The same of the last name itself, be it a link.
    Link(String),
    /// The names in a directory that fit a pattern.
    Names(String, String),
    /// Everything below a directory.
    Below(String),
    /// The version of the kmod that is installed.
    Kmod,
    /// All of it.
    Whole,
}

/// What was asked of a root, to ask it of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Questions(BTreeSet<Question>);

/// A root that is asked.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    tree: &'a Tree,
    asked: RefCell<Questions>,
}

impl Questions {
    /// The digest of all questions with the answers of a root.
    pub(crate) fn answers(&self, root: &Tree) -> Sha256 {
        let mut text = String::new();
        for question in &self.0 {
            writeln!(text, "{question:?}").expect("a text");
            question.answer(root, &mut text);
        }
        Sha256::of(text.as_bytes())
    }
}

impl Question {
    fn answer(&self, root: &Tree, text: &mut String) {
        let mut line = |path: &TreePath, inode: &Inode| {
            tree::describe(inode, text);
            writeln!(text, "{path}").expect("a text");
        };
        match self {
            Self::Lookup(path) => root.lookup(path).iter().for_each(|(path, inode)| line(path, inode)),
            Self::Link(path) => link(root, path).iter().for_each(|(path, inode)| line(path, inode)),
            Self::Below(path) => {
                let Some((path, inode)) = root.lookup(path) else { return };
                line(&path, inode);
                root.below(&path).for_each(|(path, inode)| line(path, inode));
            }
            Self::Names(directory, pattern) => {
                names(root, directory, pattern).for_each(|path| writeln!(text, "{path}").expect("a text"));
            }
            Self::Kmod => writeln!(text, "{:?}", Kmod::of(root)).expect("a text"),
            Self::Whole => text.push_str(&tree::dump(root)),
        }
    }
}

fn link<'a>(root: &'a Tree, path: &str) -> Option<(TreePath, &'a Inode)> {
    let path = root.resolve(path, false).ok()?;
    let inode = root.get(&path)?;
    Some((path, inode))
}

fn names<'a>(root: &'a Tree, directory: &str, pattern: &str) -> impl Iterator<Item = &'a TreePath> {
    let directory = root.lookup(directory).map(|(path, _)| path);
    let entries = directory.into_iter().flat_map(|directory| root.children(&directory).collect::<Vec<_>>());
    entries.map(|(path, _)| path).filter(move |path| fits(pattern.as_bytes(), path.name()))
}

impl<'a> Root<'a> {
    pub(crate) const fn new(tree: &'a Tree) -> Self {
        Self { tree, asked: RefCell::new(Questions(BTreeSet::new())) }
    }

    /// What was asked so far.
    pub(crate) fn asked(self) -> Questions {
        self.asked.into_inner()
    }

    fn note(&self, question: Question) {
        self.asked.borrow_mut().0.insert(question);
    }

    /// As [`Tree::lookup`].
    pub(super) fn lookup(&self, path: impl AsRef<[u8]>) -> Option<(TreePath, &'a Inode)> {
        let text = String::from_utf8(path.as_ref().to_vec());
        self.note(text.map_or(Question::Whole, Question::Lookup));
        self.tree.lookup(path)
    }

    /// As [`Tree::read`].
    pub(super) fn read(&self, path: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        self.lookup(&path);
        Ok(self.tree.read(path)?)
    }

    /// What a path is that may be a link itself.
    pub(super) fn link(&self, path: &str) -> Option<&'a Inode> {
        self.note(Question::Link(path.to_owned()));
        link(self.tree, path).map(|(_, inode)| inode)
    }

    /// The paths in a directory whose names fit a pattern, in order; none when there is no such directory.
    pub(super) fn names(&self, directory: &str, pattern: &str) -> Vec<&'a TreePath> {
        self.note(Question::Names(directory.to_owned(), pattern.to_owned()));
        names(self.tree, directory, pattern).collect()
    }

    /// Where a directory really is, and everything below it; `None`: nothing lies there.
    pub(super) fn below(
        &self,
        directory: &str,
    ) -> Option<(TreePath, impl Iterator<Item = (&'a TreePath, &'a Inode)> + use<'a>)> {
        self.note(Question::Below(directory.to_owned()));
        let (directory, _) = self.tree.lookup(directory)?;
        let below = self.tree.below(&directory).collect::<Vec<_>>();
        Some((directory, below.into_iter()))
    }

    /// What lies at a path that [`Root::names`] gave, and all below it.
    pub(super) fn tree(&self, path: &'a TreePath) -> impl Iterator<Item = (&'a TreePath, &'a Inode)> + use<'a> {
        match String::from_utf8(path.as_bytes().to_vec()) {
            Ok(path) => [Question::Link(path.clone()), Question::Below(path)].into_iter().for_each(|it| self.note(it)),
            Err(_) => self.note(Question::Whole),
        }
        let itself = self.tree.get(path).map(|inode| (path, inode));
        itself.into_iter().chain(self.tree.below(path).collect::<Vec<_>>())
    }

    /// The tree, for who reads its kernels and nothing else.
    pub(super) fn kernels(&self) -> &'a Tree {
        kernel::DIRECTORIES.iter().for_each(|directory| self.note(Question::Below((*directory).to_owned())));
        self.tree
    }

    /// The version of its kmod.
    pub(super) fn kmod(&self) -> Option<Kmod> {
        self.note(Question::Kmod);
        Kmod::of(self.tree)
    }
}
