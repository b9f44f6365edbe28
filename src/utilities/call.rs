//! One call of a utility: what it is given, what it can reach, and how it ends.

use crate::budget::Spent;
use crate::budget::kept::Buffer;
use crate::shell::Interrupt;
use crate::shell::Run;
use crate::shell::Shell;
use crate::shell::stream;
use crate::shell::system;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// A command.
pub type Command = fn(&mut Call<'_, '_>) -> Done;

/// What a command returns: its exit status.
pub type Done = Result<i32, Fault>;

/// A family's commands, by name.
pub type Family = &'static [(&'static str, Command)];

/// Why a command does not come to an ordinary end.
#[derive(Debug)]
pub enum Fault {
    /// The model lacks something: recorded, and the build will fail.
    Gap(String),
    /// It failed as the real one would: message and status.
    Failed(i32, String),
    /// A limit, or the script ends.
    Interrupt(Interrupt),
}

impl Fault {
    /// Failed with status 1, as most programs do.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(1, message.into())
    }

    /// Something that the model does not have.
    #[must_use]
    pub fn gap(what: impl Into<String>) -> Self {
        Self::Gap(what.into())
    }
}

impl From<Interrupt> for Fault {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupt(interrupt)
    }
}

impl From<Spent> for Fault {
    fn from(spent: Spent) -> Self {
        Self::Interrupt(spent.into())
    }
}

impl From<crate::tree::Error> for Fault {
    fn from(error: crate::tree::Error) -> Self {
        Self::Failed(1, format!("{}: {error}", system::reason(&error)))
    }
}

impl From<crate::tree::PathError> for Fault {
    fn from(error: crate::tree::PathError) -> Self {
        crate::tree::Error::Path(error).into()
    }
}

/// One call of a command.
#[derive(Debug)]
pub struct Call<'s, 'w> {
    /// The process that calls, with its system.
    pub shell: &'s mut Shell<'w>,
    /// The command's name, without directories.
    pub name: &'s [u8],
    /// Its arguments.
    pub args: &'s [Vec<u8>],
}

impl Call<'_, '_> {
    /// The tree.
    pub fn tree(&mut self) -> &mut Tree {
        self.shell.system.tree()
    }

    /// A path as the calling process means it, absolute.
    #[must_use]
    pub fn absolute(&self, path: &[u8]) -> Vec<u8> {
        self.shell.absolute(path)
    }

    /// Where a path really lies; it need not exist, its directory must.
    ///
    /// # Errors
    /// `cannot access 'path': reason`, status 1.
    pub fn resolve(&mut self, path: &[u8], follow: bool) -> Result<TreePath, Fault> {
        let absolute = self.absolute(path);
        if path.is_empty() {
            return Err(Fault::failed("cannot access '': No such file or directory"));
        }
        let shown = show(path);
        let refused = |error| Fault::failed(format!("cannot access '{shown}': {}", system::reason(&error)));
        self.tree().resolve(absolute, follow).map_err(refused)
    }

    /// The inode at a path, `None` when nothing is there.
    pub fn look(&mut self, path: &[u8], follow: bool) -> Option<Inode> {
        self.shell.look(path, follow)
    }

    /// Whether what is in a directory is known: what a running machine has in /proc and /sys is not.
    ///
    /// # Errors
    /// A gap: it is not.
    pub fn can_list(&mut self, path: &[u8]) -> Result<(), Fault> {
        let absolute = self.absolute(path);
        self.shell.system.list_of(&absolute).map_or(Ok(()), |what| Err(Fault::Gap(what)))
    }

    /// The bytes of a file, or of standard input for `-`.
    ///
    /// # Errors
    /// `path: reason`, status 1.
    pub fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, Fault> {
        match path {
            b"-" | b"/dev/stdin" => return self.input(),
            _ if path.starts_with(b"/dev/fd/") => {
                let number = std::str::from_utf8(&path[8..]).ok().and_then(|number| number.parse().ok());
                let descriptor = number.and_then(|number: u32| self.shell.state.descriptors.get(&number).cloned());
                if let Some(descriptor) = descriptor {
                    return self.all_of(&descriptor);
                }
            }
            _ => {}
        }
        let refused = |why: &str| Fault::failed(format!("{}: {why}", show(path)));
        let absolute = self.absolute(path);
        if self.shell.system.is_null(&absolute) {
            return Ok(Vec::new());
        }
        if let Some(answer) = self.shell.system.machine(&absolute) {
            return answer.map_err(Fault::Gap);
        }
        let place = match self.tree().resolve(&absolute, true) {
            Ok(place) if !path.is_empty() => place,
            Ok(_) => return Err(refused("No such file or directory")),
            Err(error) => return Err(refused(system::reason(&error))),
        };
        let limit = self.shell.system.bounds.bytes as u64;
        if !self.shell.system.may(&place, 4) {
            return Err(refused("Permission denied"));
        }
        match self.tree().get(&place).map(|inode| &inode.kind) {
            None => Err(refused("No such file or directory")),
            Some(Kind::Directory) => Err(refused("Is a directory")),
            Some(Kind::File(content)) if content.size() > limit => {
                Err(Fault::gap(format!("reads the large file {}", show(path))))
            }
            Some(Kind::File(content)) => {
                let bytes = content.to_vec().map_err(|_| refused("Input/output error"))?;
                self.shell.system.budget.read(bytes.len())?;
                Ok(bytes)
            }
            Some(_) => Err(Fault::gap(format!("reads the device {}", show(path)))),
        }
    }

    /// Writes a file as a process does that opens it: what is there keeps owner and mode, what is new gets
    /// `mode` less the umask.
    ///
    /// # Errors
    /// `path: reason`, status 1.
    pub fn write(&mut self, path: &[u8], mode: u32, bytes: Vec<u8>) -> Result<(), Fault> {
        let absolute = self.absolute(path);
        if self.shell.system.is_null(&absolute) {
            return Ok(());
        }
        let place = self.resolve(path, true)?;
        let (clock, mode) = (self.shell.system.clock, mode & !self.shell.state.umask);
        let shown = show(path);
        let made = self.shell.system.content(bytes)?;
        if self.tree().id(&place).is_some() && !self.shell.system.may(&place, 2) {
            return Err(Fault::failed(format!("{shown}: Permission denied")));
        }
        if let Some(inode) = self.tree().get_mut(&place) {
            match &mut inode.kind {
                Kind::File(content) => *content = made,
                Kind::Directory => {
                    return Err(Fault::failed(format!("cannot create regular file '{shown}': Is a directory")));
                }
                _ => return Err(Fault::gap(format!("writes to the device {shown}"))),
            }
            inode.stat.mtime = clock;
            return Ok(());
        }
        self.create(&place, Inode { kind: Kind::File(made), stat: Stat::new(mode) })
    }

    /// Puts something new at a place: its time is the clock's, its owner who runs, its group the directory's where that
    /// has the setgid bit.
    ///
    /// # Errors
    /// The directory is missing, something is in the way, or who runs may not.
    pub fn create(&mut self, place: &TreePath, mut inode: Inode) -> Result<(), Fault> {
        inode.stat.mtime = self.shell.system.clock;
        self.shell.system.make_room(place)?;
        let refused = |why: &str| Fault::failed(format!("cannot create '{place}': {why}"));
        self.shell.system.own(place, &mut inode).map_err(refused)?;
        self.tree().insert(place.clone(), inode).map(drop).map_err(|error| refused(system::reason(&error)))
    }

    /// All of standard input.
    ///
    /// # Errors
    /// It is closed or open for writing.
    pub fn input(&mut self) -> Result<Vec<u8>, Fault> {
        let Some(descriptor) = self.shell.state.descriptors.get(&0).cloned() else {
            return Err(Fault::Failed(self.trouble(), "-: Bad file descriptor".into()));
        };
        self.all_of(&descriptor)
    }

    fn all_of(&mut self, descriptor: &stream::Descriptor) -> Result<Vec<u8>, Fault> {
        let trouble = self.trouble();
        stream::read_all(self.shell.system, descriptor).map_err(|error| match error {
            stream::StreamError::Spent(spent) => spent.into(),
            other => Fault::Failed(trouble, format!("-: {other}")),
        })
    }

    /// Leaves of standard input what a command did not use of the `total` bytes that it got: of a pipe, and of a file
    /// whose place the program does not put back (`seeks`), what lies behind the block that it read last.
    pub(crate) fn give_back(&self, total: usize, used: usize, block: usize, seeks: bool) {
        let Some(descriptor) = self.shell.state.descriptors.get(&0) else { return };
        let blocks = used.div_ceil(block).saturating_mul(block).clamp(used, total.max(used));
        match &mut *descriptor.borrow_mut() {
            stream::Stream::File { position, .. } => *position -= total - if seeks { used } else { blocks },
            stream::Stream::Input { position, .. } => *position -= total - blocks,
            _ => {}
        }
    }

    /// The bytes of a file, or of standard input for `-`, with their memory claimed.
    ///
    /// # Errors
    /// As [`Call::read`].
    pub(super) fn text(&mut self, path: &[u8]) -> Result<Buffer, Fault> {
        let bytes = self.read(path)?;
        Ok(Buffer::of(&self.shell.system.budget, bytes)?)
    }

    /// The bytes of each named file one after the other, of standard input without names.
    ///
    /// # Errors
    /// As [`Call::read`].
    pub fn read_all(&mut self, paths: &[Vec<u8>]) -> Result<Vec<u8>, Fault> {
        if paths.is_empty() {
            return self.input();
        }
        let mut all = Vec::new();
        for path in paths {
            all.extend(self.read(path)?);
        }
        Ok(all)
    }

    /// The regular file that is read by this name, `-` for standard input: which, how long, and from where on.
    pub(super) fn read_file(&mut self, path: &[u8]) -> Option<(InodeId, usize, usize)> {
        if path == b"-" {
            let descriptor = self.shell.state.descriptors.get(&0)?;
            let stream::Stream::File { file, position, .. } = &*descriptor.borrow() else { return None };
            return Some((file.id, self.shell.system.file_size(file), *position));
        }
        let place = self.resolve(path, true).ok()?;
        let id = self.tree().id(&place).filter(|_| self.look(path, true).is_some_and(|it| it.content().is_some()))?;
        Some((id, self.shell.system.size_of(id), 0))
    }

    /// The regular file that standard output goes to: which, and the place of the next byte, `None` at its end.
    pub(super) fn written_file(&self) -> Option<(InodeId, Option<usize>)> {
        let descriptor = self.shell.state.descriptors.get(&1)?;
        match &*descriptor.borrow() {
            stream::Stream::File { file, append, position, .. } => Some((file.id, (!append).then_some(*position))),
            _ => None,
        }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// Too much output, or a closed descriptor.
    pub fn out(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Fault> {
        let bytes = bytes.as_ref();
        if bytes.is_empty() || self.shell.write(1, bytes)? {
            return Ok(());
        }
        Err(Fault::Failed(self.trouble(), "write error: Bad file descriptor".into()))
    }

    /// The status with which a program says that it cannot read or write at all.
    fn trouble(&self) -> i32 {
        match self.name {
            b"awk" | b"egrep" | b"fgrep" | b"gawk" | b"grep" | b"ls" | b"mawk" | b"sort" | b"zgrep" => 2,
            b"expr" | b"tty" => 3,
            b"sed" => 4,
            b"env" => 125,
            _ => 1,
        }
    }

    /// Writes `name: message` to standard error.
    ///
    /// # Errors
    /// Too much output.
    pub fn err(&mut self, message: &str) -> Result<(), Fault> {
        let line = [self.name, b": ", message.as_bytes(), b"\n"].concat();
        self.shell.write(2, &line)?;
        Ok(())
    }

    /// The words of a call without `--debug`, where standard error leads nowhere: all that it does is to say more there.
    pub(super) fn without_debug(&self) -> Vec<Vec<u8>> {
        let silent = match self.shell.state.descriptors.get(&2) {
            Some(descriptor) => matches!(*descriptor.borrow(), stream::Stream::Null),
            None => true,
        };
        let options = self.args.iter().position(|word| word == b"--").unwrap_or(self.args.len());
        let kept = |(place, word): (usize, &Vec<u8>)| !silent || place >= options || word != b"--debug";
        self.args.iter().enumerate().filter(|it| kept(*it)).map(|(_, word)| word.clone()).collect()
    }

    /// Which coreutils the tree has.
    ///
    /// # Errors
    /// Only what stops the whole script.
    pub(super) fn release(&mut self) -> Result<Release, Fault> {
        Ok(Release(match self.shell.installed_numbers(b"coreutils")?[..] {
            [first, second, ..] => Some((first, second)),
            _ => None,
        }))
    }

    /// Runs another command, found as the shell finds one that is no function or builtin.
    ///
    /// # Errors
    /// Only what stops the whole script.
    pub fn run(&mut self, words: &[Vec<u8>]) -> Done {
        Ok(self.shell.program(words)?)
    }
}

/// A release of coreutils, by the first two numbers of its version; none is known of a tree without it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release(Option<(u32, u32)>);

impl Release {
    /// Whether it has what came with a release.
    ///
    /// # Errors
    /// [`Fault::Gap`] where it is not known: `what` is what differs.
    pub(super) fn since(self, first: (u32, u32), what: &str) -> Result<bool, Fault> {
        let release = self.0.ok_or_else(|| Fault::gap(format!("{what} where no coreutils is installed")))?;
        Ok(release >= first)
    }

    /// The same, where no coreutils is an old one.
    pub(super) fn is_since(self, first: (u32, u32)) -> bool {
        self.0.is_some_and(|release| release >= first)
    }
}

/// Charges for all that lies below a place, before something is done with each of it.
pub(super) fn charge_below(call: &mut Call<'_, '_>, place: &TreePath) -> Result<(), Fault> {
    let budget = call.shell.system.budget.clone();
    for _ in call.tree().below(place) {
        budget.step()?;
    }
    Ok(())
}

/// A name for a message.
#[must_use]
pub fn show(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Runs one command, and says what its fault is as the program does.
///
/// # Errors
/// What stops the whole script.
pub fn finish(shell: &mut Shell<'_>, command: Command, name: &[u8], args: &[Vec<u8>]) -> Run<i32> {
    let mut call = Call { shell, name, args };
    match command(&mut call) {
        Ok(status) => Ok(status),
        Err(Fault::Interrupt(interrupt)) => Err(interrupt),
        Err(Fault::Failed(status, message)) => {
            let line = [name, b": ", message.as_bytes(), b"\n"].concat();
            shell.write(2, &line)?;
            Ok(status)
        }
        Err(Fault::Gap(what)) => {
            shell.gap(name, what);
            Ok(2)
        }
    }
}
