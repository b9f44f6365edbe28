//! All that a shell asks of the world: the tree, a clock that stands still, and a budget; the programs beside it are
//! the [`userland`](super::userland)'s. Nothing else.
//!
//! What processes share is here; what each has of its own (variables, directory, descriptors) is
//! [`State`](super::State). A file that is open for writing is held back here, and put into the tree when
//! somebody looks at the tree: a loop of `echo` into a file must not hash the file for every line. A file that is open
//! outlives its names.

use std::any::Any;
use std::any::TypeId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::rc::Rc;
use std::rc::Weak;

use super::acting::Acting;
use super::stream::StreamError;
use super::value::Buffer;
use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;
use crate::limits;
use crate::limits::count;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

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

/// How large one thing of a script may be; what all of them cost is the [`Budget`]'s.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one stream or file written.
    pub bytes: usize,
    /// Function calls, sourced files and substitutions inside each other.
    pub depth: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::within(&limits::Limits::DEFAULT)
    }
}

impl Bounds {
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

/// A file that a process has open. Its bytes stay as long as this, whatever becomes of its names.
#[derive(Debug, Clone)]
pub struct OpenFile {
    pub(crate) id: InodeId,
    _pin: Rc<()>,
}

/// What is known of an open file beside the tree.
#[derive(Debug)]
struct Pinned {
    /// By whom it is open.
    users: Weak<()>,
    /// What it was when the tree was last looked at: all that is left when its last name goes.
    content: Option<Content>,
}

/// What was before a command ran as another user.
#[derive(Debug)]
pub(crate) struct Before {
    tree: Tree,
    user: Option<Acting>,
}

/// What scripts had done at some time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    tree: Tree,
    drawn: BTreeSet<(String, Vec<u8>)>,
    temporary: u64,
}

/// The system that scripts and commands act on.
#[derive(Debug)]
pub struct System {
    tree: Tree,
    /// Files that were written to since the tree was last looked at.
    written: BTreeMap<InodeId, Buffer>,
    pinned: BTreeMap<InodeId, Pinned>,
    /// Seconds since 1970: the only time there is.
    pub clock: i64,
    /// What `uname` says.
    pub uname: Uname,
    /// Debian's name of the architecture.
    pub architecture: String,
    /// The package whose script runs.
    pub package: String,
    /// Whether a node is known to make what the package draws of random numbers: then its scripts get a stand-in.
    pub draws: bool,
    /// Packages that were given one, and where they drew.
    pub drawn: BTreeSet<(String, Vec<u8>)>,
    /// The user that a command runs as, when it is not root.
    pub acting: Option<Acting>,
    /// What the model could not do.
    pub gaps: Vec<Gap>,
    /// What programs keep for as long as the system runs, each its own kind.
    kept: BTreeMap<TypeId, Box<dyn Any>>,
    /// How large one thing may be.
    pub bounds: Bounds,
    /// What all that scripts do is charged to.
    pub budget: Budget,
    /// For the names that scripts made.
    pub(crate) names: Held,
    temporary: u64,
}

impl System {
    /// A system around a tree.
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
            written: BTreeMap::new(),
            pinned: BTreeMap::new(),
            clock,
            // A release that every libc and package accepts; the node's own kernel is not running here.
            uname: Uname { node: "localhost".into(), release: "6.12.0".into(), machine: machine.into() },
            architecture: architecture.into(),
            package: String::new(),
            draws: false,
            drawn: BTreeSet::new(),
            acting: None,
            gaps: Vec::new(),
            kept: BTreeMap::new(),
            bounds: Bounds::default(),
            budget,
            temporary: 0,
        }
    }

    /// What programs keep here of this kind: debconf its questions, the account tools their numbers.
    pub fn kept<T: Any + Default>(&mut self) -> &mut T {
        let kept = self.kept.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        kept.downcast_mut().expect("it is kept under its own type")
    }

    /// Charges another budget from now on.
    pub fn spend_from(&mut self, budget: Budget) {
        self.names = budget.nothing_held();
        self.budget = budget;
    }

    /// The tree, with everything that was written in it.
    pub fn tree(&mut self) -> &mut Tree {
        while let Some((id, buffer)) = self.written.pop_first() {
            // Nobody can be told here that the budget is spent: the next charge says so.
            let content = self.content(buffer.into_bytes()).unwrap_or_else(|_| Content::from_bytes(Vec::new()));
            let clock = self.clock;
            if let Some(inode) = self.tree.live_mut(id) {
                inode.kind = Kind::File(content);
                inode.stat.mtime = clock;
            } else if let Some(pinned) = self.pinned.get_mut(&id) {
                pinned.content = Some(content);
            }
        }
        let tree = &self.tree;
        self.pinned.retain(|id, pinned| {
            if let Some(inode) = tree.live(*id) {
                pinned.content = inode.content().cloned();
            }
            pinned.users.strong_count() > 0
        });
        let _ = self.budget.tried(self.pinned.len());
        &mut self.tree
    }

    /// What scripts have done so far, to come back to; what programs keep here is theirs to copy.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        Snapshot { tree: self.tree().clone(), drawn: self.drawn.clone(), temporary: self.temporary }
    }

    /// Comes back to what was there then.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        self.replace_tree(snapshot.tree.clone());
        self.drawn.clone_from(&snapshot.drawn);
        self.temporary = snapshot.temporary;
        self.gaps.clear();
    }

    /// Goes on with another tree. No script runs.
    pub(crate) fn replace_tree(&mut self, tree: Tree) {
        self.written.clear();
        self.pinned.clear();
        self.tree = tree;
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

    /// The files that are open.
    pub(super) fn open_files(&self) -> BTreeSet<InodeId> {
        let open = self.pinned.iter().filter(|(_, pinned)| pinned.users.strong_count() > 0);
        open.map(|(&id, _)| id).collect()
    }

    /// Opens a file.
    pub(crate) fn open_file(&mut self, id: InodeId) -> OpenFile {
        let content = self.tree.live(id).and_then(|inode| inode.content().cloned());
        let pinned = self.pinned.entry(id).or_insert_with(|| Pinned { users: Weak::new(), content });
        let pin = pinned.users.upgrade().unwrap_or_default();
        pinned.users = Rc::downgrade(&pin);
        OpenFile { id, _pin: pin }
    }

    fn present(&self, id: InodeId) -> Option<&Content> {
        match self.tree.live(id) {
            Some(inode) => inode.content(),
            None => self.pinned.get(&id)?.content.as_ref(),
        }
    }

    /// How many bytes an open file has.
    pub(crate) fn file_size(&self, file: &OpenFile) -> usize {
        self.size_of(file.id)
    }

    /// The same of any file.
    pub(crate) fn size_of(&self, id: InodeId) -> usize {
        let size = || self.present(id).map_or(0, Content::size);
        self.written.get(&id).map_or_else(|| count(size()), |buffer| buffer.len())
    }

    /// The bytes of an open file from `position` on: no more than `count`, and up to and with the first `end`.
    pub(crate) fn read_file(
        &self,
        file: &OpenFile,
        position: usize,
        count: usize,
        end: Option<u8>,
    ) -> Result<Vec<u8>, StreamError> {
        let length = |bytes: &[u8]| end.and_then(|end| memchr::memchr(end, bytes)).map(|place| place + 1);
        if let Some(buffer) = self.written.get(&file.id) {
            let rest = buffer.get(position..).unwrap_or_default();
            let rest = &rest[..rest.len().min(count)];
            let rest = &rest[..length(rest).unwrap_or(rest.len())];
            self.budget.made(rest.len())?;
            return Ok(rest.to_vec());
        }
        if self.tree.live(file.id).is_some_and(Inode::is_directory) {
            return Err(StreamError::Directory);
        }
        let Some(content) = self.present(file.id) else { return Ok(Vec::new()) };
        let mut reader = content.reader_at(position as u64);
        let mut bytes = Vec::new();
        // A line is looked for in pieces: what lies behind it is not read.
        let mut piece = vec![0; if end.is_some() { 4096 } else { 64 << 10 }];
        while bytes.len() < count {
            let want = piece.len().min(count - bytes.len());
            let read = reader.read(&mut piece[..want])?;
            self.budget.read(read)?;
            let taken = length(&piece[..read]);
            bytes.extend_from_slice(&piece[..taken.unwrap_or(read)]);
            if bytes.len() > self.bounds.bytes {
                return Err(Spent::Output.into());
            }
            if taken.is_some() || read == 0 {
                break;
            }
        }
        self.budget.made(bytes.len())?;
        Ok(bytes)
    }

    /// Empties a file.
    pub(crate) fn truncate(&mut self, file: &OpenFile) {
        self.written.insert(file.id, Buffer::default());
    }

    /// Writes into a file at `position`, or at its end; returns the position behind. A file whose last name is
    /// gone keeps the bytes for who has it open.
    pub(crate) fn write_file(
        &mut self,
        file: &OpenFile,
        position: Option<usize>,
        bytes: &[u8],
    ) -> Result<usize, StreamError> {
        if !self.written.contains_key(&file.id) {
            let mut buffer = Buffer::default();
            if let Some(content) = self.present(file.id) {
                if content.size() > self.bounds.bytes as u64 {
                    return Err(Spent::Output.into());
                }
                self.budget.read(usize::try_from(content.size()).unwrap_or(usize::MAX))?;
                buffer.extend(&self.budget, &content.to_vec()?)?;
            }
            self.written.insert(file.id, buffer);
        }
        let buffer = self.written.get_mut(&file.id).expect("it was just put there");
        let start = position.unwrap_or(buffer.len());
        let end = start.saturating_add(bytes.len());
        if end > self.bounds.bytes {
            return Err(Spent::Output.into());
        }
        while buffer.len() < start {
            let zeros = (start - buffer.len()).min(4096);
            buffer.extend(&self.budget, &[0; 4096][..zeros])?;
        }
        let over = bytes.len().min(buffer.len() - start);
        buffer.bytes_mut()[start..start + over].copy_from_slice(&bytes[..over]);
        buffer.extend(&self.budget, &bytes[over..])?;
        Ok(end)
    }

    /// Runs something as another user, with root's rights again when it has ended. A gap is given where it did what
    /// the user may not.
    pub(crate) fn acting_as(&mut self, user: Acting) -> Before {
        let tree = self.tree().clone();
        Before { tree, user: self.acting.replace(user) }
    }

    /// Ends what [`System::acting_as`] began; gives what the user could not have done.
    pub(crate) fn acted(&mut self, before: Before) -> Option<String> {
        let Before { tree, user } = before;
        let acting = std::mem::replace(&mut self.acting, user)?;
        let open = self.open_files();
        let place = acting.could_not(&tree, self.tree(), |id| open.contains(&id))?.clone();
        Some(format!("changes {place} as user {}, who may not", acting.name))
    }

    /// Whether whoever runs may do this (of `rwx`: 4, 2, 1) with what is at a place.
    pub(crate) fn may(&mut self, place: &TreePath, wanted: u32) -> bool {
        let Some(user) = self.acting.clone() else { return true };
        let tree = self.tree();
        user.reaches(tree, place) && tree.get(place).is_none_or(|inode| user.has(&inode.stat, wanted))
    }

    /// Gives something new at a place its owner: whoever runs.
    ///
    /// # Errors
    /// What the kernel says where they may not put it there.
    pub(crate) fn own(&mut self, place: &TreePath, inode: &mut Inode) -> Result<(), &'static str> {
        let acting = self.acting.clone();
        let tree = self.tree();
        if let Some(user) = acting {
            if !user.may_add(tree, place) {
                return Err("Permission denied");
            }
            (inode.stat.uid, inode.stat.gid) = (user.uid, user.gid);
        }
        // In a directory with the setgid bit what is new has the directory's group, and a new directory the bit.
        let above = place.parent().and_then(|parent| tree.get(&parent));
        if let Some(above) = above.filter(|above| above.stat.mode & 0o2000 != 0) {
            inode.stat.gid = above.stat.gid;
            if inode.is_directory() {
                inode.stat.mode |= 0o2000;
            }
        }
        Ok(())
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
