//! Everything a maintainer script can reach: the tree, a clock that stands still, and a budget. Nothing else.
//!
//! What processes share is here; what each has of its own (variables, directory, descriptors) is
//! [`State`](super::shell::State). A file that is open for writing is held back here, and put into the tree when
//! somebody looks at the tree: a loop of `echo` into a file must not hash the file for every line.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Ids;
use super::commands;
use crate::budget::Budget;
use crate::budget::Held;
use crate::limits;
use crate::limits::count;
use crate::tree::Content;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::Tree;

/// Something that a script needs and the model does not have. Recorded even where the script would go on
/// (`|| true`): a build that met one fails, and names them all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{package}: {script}, line {line}: `{command}`: {what}")]
pub struct Gap {
    /// The package whose script it is.
    pub package: String,
    /// `postinst`, or the path of a file that it reads.
    pub script: String,
    /// Counted from 1.
    pub line: u32,
    /// The command's name.
    pub command: String,
    /// What is missing.
    pub what: String,
}

/// A program whose work is not done where it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deferred {
    /// The package that called it.
    pub package: String,
    /// Its name and arguments.
    pub words: Vec<Vec<u8>>,
}

/// A user that a command runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its own group's number.
    pub gid: u32,
}

/// How large one thing of a script may be; what all of them cost is the [`Budget`]'s.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one stream or file written.
    pub bytes: usize,
    /// Function calls, sourced files and substitutions inside each other.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self::within(&limits::Limits::DEFAULT)
    }
}

impl Limits {
    /// What these limits say of one script.
    #[must_use]
    pub fn within(limits: &limits::Limits) -> Self {
        Self { bytes: count(limits.script_output), depth: u32::try_from(limits.script_depth).unwrap_or(u32::MAX) }
    }
}

/// What `uname` says. A script runs "on" the machine that the image is for.
#[derive(Debug, Clone)]
pub struct Uname {
    /// `-n`.
    pub node: String,
    /// `-r`.
    pub release: String,
    /// `-m`.
    pub machine: String,
}

/// The world that scripts and commands act on.
#[derive(Debug)]
pub struct World {
    tree: Tree,
    open: BTreeMap<InodeId, Vec<u8>>,
    /// Seconds since 1970: the only time there is.
    pub clock: i64,
    /// What `uname` says.
    pub uname: Uname,
    /// Debian's name of the architecture.
    pub architecture: String,
    /// Numbers that users and groups have in the lock: whoever is made gets them.
    pub ids: Ids,
    /// The package whose script runs.
    pub package: String,
    /// The user that a command runs as, when it is not root.
    pub acting: Option<Acting>,
    /// What the model could not do.
    pub gaps: Vec<Gap>,
    /// Programs that were called for work which is done once at the end.
    pub deferred: BTreeSet<Deferred>,
    /// Programs that were called for what is never in an image: each node does it on its first boot.
    pub first_boot: BTreeSet<Deferred>,
    /// Triggers that scripts activated by name.
    pub triggers: BTreeSet<Vec<u8>>,
    /// Answers to debconf's questions.
    pub debconf: commands::debconf::State,
    /// How large one thing may be.
    pub limits: Limits,
    /// What all that scripts do is charged to.
    pub budget: Budget,
    /// For the names that scripts made.
    pub(super) names: Held,
    temporary: u64,
}

impl World {
    /// A world around a tree.
    #[must_use]
    pub fn new(tree: Tree, architecture: &str, clock: i64) -> Self {
        let machine = match architecture {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            "i386" => "i686",
            "armhf" | "armel" => "armv7l",
            "ppc64el" => "ppc64le",
            other => other,
        };
        let budget = Budget::default();
        Self {
            tree,
            names: budget.nothing_held(),
            open: BTreeMap::new(),
            clock,
            // A release that every libc and package accepts; the node's own kernel is not running here.
            uname: Uname { node: "localhost".into(), release: "6.12.0".into(), machine: machine.into() },
            architecture: architecture.into(),
            ids: Ids::default(),
            package: String::new(),
            acting: None,
            gaps: Vec::new(),
            deferred: BTreeSet::new(),
            first_boot: BTreeSet::new(),
            triggers: BTreeSet::new(),
            debconf: commands::debconf::State::default(),
            limits: Limits::default(),
            budget,
            temporary: 0,
        }
    }

    /// Charges another budget from now on.
    pub fn spend_from(&mut self, budget: Budget) {
        self.names = budget.nothing_held();
        self.budget = budget;
    }

    /// The tree, with everything that was written in it.
    pub fn tree(&mut self) -> &mut Tree {
        while let Some((id, bytes)) = self.open.pop_first() {
            // Hashed now, but nobody can be told here: the next charge says so.
            let _ = self.budget.read(bytes.len());
            let clock = self.clock;
            if let Some(inode) = self.tree.live_mut(id) {
                inode.kind = Kind::File(Content::from_bytes(bytes));
                inode.stat.mtime = clock;
            }
        }
        &mut self.tree
    }

    /// The tree, at the end.
    #[must_use]
    pub fn into_tree(mut self) -> Tree {
        std::mem::take(self.tree())
    }

    /// A number that no earlier call gave: `mktemp` and process ids are made of it, the same in every build.
    pub const fn fresh_number(&mut self) -> u64 {
        self.temporary += 1;
        self.temporary
    }

    /// The bytes of an open file; `None` when it is none.
    pub(super) fn file_bytes(&self, id: InodeId) -> Option<std::io::Result<Vec<u8>>> {
        if let Some(bytes) = self.open.get(&id) {
            return Some(Ok(bytes.clone()));
        }
        self.tree.live(id)?.content().map(Content::to_vec)
    }

    /// Empties a file.
    pub(super) fn truncate(&mut self, id: InodeId) {
        self.open.insert(id, Vec::new());
    }

    /// Writes into a file at `position`, or at its end; returns the position behind. A file whose last name is
    /// gone takes the bytes and loses them.
    pub(super) fn write_file(&mut self, id: InodeId, position: Option<usize>, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.open.contains_key(&id) {
            let now = self.file_bytes(id).unwrap_or_else(|| Ok(Vec::new()))?;
            self.open.insert(id, now);
        }
        let file = self.open.get_mut(&id).expect("it was just put there");
        let start = position.unwrap_or(file.len());
        let end = start.saturating_add(bytes.len());
        if end > self.limits.bytes {
            return Err(std::io::Error::other("the file grows beyond the limit for scripts"));
        }
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(bytes);
        Ok(end)
    }
}

/// The words of `strerror(3)` for a refused edit, as scripts' messages have them.
#[must_use]
pub const fn reason(error: &crate::tree::Error) -> &'static str {
    use crate::tree::Error;
    match error {
        Error::Path(_) => "File name too long",
        Error::NotFound(_) => "No such file or directory",
        Error::NotDirectory(_) => "Not a directory",
        Error::IsDirectory(_) => "Is a directory",
        Error::NotEmpty(_) => "Directory not empty",
        Error::Loop(_) => "Too many levels of symbolic links",
        Error::Read { .. } => "Input/output error",
    }
}
