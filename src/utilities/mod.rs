//! The commands that scripts call, by name. Each is written by its manual page and acts on the
//! [`World`](super::world::World) alone; what it does not know it refuses, so nothing is skipped in silence.
//!
//! # Adding a command
//!
//! 1. Write `fn name(call: &mut Call<'_, '_>) -> Done` in the file of its family (a new family is a new file).
//!    * `call.args` are the arguments, `call.name` the name. Read options with [`Call::options`], which refuses
//!      unknown ones as a gap; [`Call::input`] is standard input, [`Call::out`] and [`Call::err`] write.
//!    * `call.tree()` is the tree; make a path absolute with [`Call::absolute`] before it is looked up.
//!      `call.shell` has variables (`db_get` sets `RET`), `call.shell.world` the clock, the debconf answers, …
//!    * Return `Ok(status)`. With `?`: [`Fault::Gap`] (a recorded gap: the build will fail; say what is missing),
//!      [`Fault::Failed`] (a message on standard error and a status), and tree errors, which become messages.
//!    * Run another command with [`Call::run`].
//! 2. Name it in the family's `COMMANDS` table, and the family in [`FAMILIES`].
//! 3. A program whose work is done once at the end (`ldconfig`) calls [`Call::defer`]; a generator looks into
//!    `World::deferred`.
//! 4. One that makes what is a node's own (a key, an id) calls [`Call::leave_to_first_boot`].

mod accounts;
mod alternatives;
mod apache;
mod awk;
mod basic;
mod buffer;
mod capabilities;
mod clock;
mod copy;
mod cut;
mod daemons;
pub mod debconf;
mod differ;
mod dpkg;
mod expr;
mod files;
mod find;
mod generated;
mod getopt;
mod grep;
#[cfg(test)]
mod honoured;
mod interpreters;
mod kernel;
mod locale;
mod options;
mod paths;
mod per_node;
mod permissions;
mod postgresql;
mod programs;
mod regex;
mod scripts;
mod sed;
mod sort;
mod sums;
mod system;
mod systemd;
mod temporary;
mod text;
mod tr;
mod uniq;
mod versions;

pub use options::Given;

use super::shell::Dialect;
use super::shell::Interpreter;
use super::shell::Interrupt;
use super::shell::Run;
use super::shell::Shell;
use super::shell::stream;
use super::world;
use crate::budget::Spent;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// A command.
pub type Command = fn(&mut Call<'_, '_>) -> Done;

/// What a command returns: its exit status.
pub type Done = Result<i32, Fault>;

/// All commands by family. The first with a name has it.
const FAMILIES: &[&[(&str, Command)]] = &[
    accounts::COMMANDS,
    alternatives::COMMANDS,
    apache::COMMANDS,
    awk::COMMANDS,
    basic::COMMANDS,
    capabilities::COMMANDS,
    clock::COMMANDS,
    copy::COMMANDS,
    cut::COMMANDS,
    daemons::COMMANDS,
    debconf::COMMANDS,
    differ::COMMANDS,
    dpkg::COMMANDS,
    expr::COMMANDS,
    files::COMMANDS,
    find::COMMANDS,
    generated::COMMANDS,
    getopt::COMMANDS,
    grep::COMMANDS,
    interpreters::COMMANDS,
    kernel::COMMANDS,
    locale::COMMANDS,
    paths::COMMANDS,
    per_node::COMMANDS,
    permissions::COMMANDS,
    postgresql::COMMANDS,
    programs::COMMANDS,
    scripts::COMMANDS,
    sed::COMMANDS,
    sort::COMMANDS,
    sums::COMMANDS,
    system::COMMANDS,
    systemd::COMMANDS,
    temporary::COMMANDS,
    text::COMMANDS,
    tr::COMMANDS,
    uniq::COMMANDS,
];

/// Where programs lie: a command called by its path is known by its name there.
const DIRECTORIES: [&[u8]; 11] = [
    b"/bin",
    b"/sbin",
    b"/usr/bin",
    b"/usr/sbin",
    b"/usr/local/bin",
    b"/usr/local/sbin",
    b"/lib/systemd",
    b"/usr/lib/systemd",
    b"/usr/share/debconf",
    b"/usr/share/postgresql-common",
    b"/usr/lib/dpkg",
];

/// Programs that scripts call without asking first, and go on without: a security module's. Where one is not in the
/// tree it is not found, as it would not be on the machine; where it is, it is a gap like every other.
const OPTIONAL: &[&[u8]] = &[b"aa-enabled", b"aa-status", b"restorecon", b"selinuxenabled"];

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
        Self::Failed(1, format!("{}: {error}", world::reason(&error)))
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
    /// The process that calls, with its world.
    pub shell: &'s mut Shell<'w>,
    /// The command's name, without directories.
    pub name: &'s [u8],
    /// Its arguments.
    pub args: &'s [Vec<u8>],
}

impl Call<'_, '_> {
    /// The tree.
    pub fn tree(&mut self) -> &mut Tree {
        self.shell.world.tree()
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
        let refused = |error| Fault::failed(format!("cannot access '{shown}': {}", world::reason(&error)));
        self.tree().resolve(absolute, follow).map_err(refused)
    }

    /// The inode at a path, `None` when nothing is there.
    pub fn look(&mut self, path: &[u8], follow: bool) -> Option<Inode> {
        self.shell.look(path, follow)
    }

    /// The bytes of a file, or of standard input for `-`.
    ///
    /// # Errors
    /// `path: reason`, status 1.
    pub fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, Fault> {
        match path {
            b"-" | b"/dev/stdin" => return self.input(),
            b"/dev/null" => return Ok(Vec::new()),
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
        let place = match self.tree().resolve(&absolute, true) {
            Ok(place) if !path.is_empty() => place,
            Ok(_) => return Err(refused("No such file or directory")),
            Err(error) => return Err(refused(world::reason(&error))),
        };
        let limit = self.shell.world.limits.bytes as u64;
        match self.tree().get(&place).map(|inode| &inode.kind) {
            None => Err(refused("No such file or directory")),
            Some(Kind::Directory) => Err(refused("Is a directory")),
            Some(Kind::File(content)) if content.size() > limit => {
                Err(Fault::gap(format!("reads the large file {}", show(path))))
            }
            Some(Kind::File(content)) => {
                let bytes = content.to_vec().map_err(|_| refused("Input/output error"))?;
                self.shell.world.budget.read(bytes.len())?;
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
        if path == b"/dev/null" {
            return Ok(());
        }
        let place = self.resolve(path, true)?;
        let (clock, mode) = (self.shell.world.clock, mode & !self.shell.state.umask);
        let shown = show(path);
        let made = self.shell.world.content(bytes)?;
        let tree = self.tree();
        if let Some(inode) = tree.get_mut(&place) {
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

    /// Puts something new at a place: its time is the clock's, its group the directory's where that has the
    /// setgid bit.
    ///
    /// # Errors
    /// The directory is missing, or something is in the way.
    pub fn create(&mut self, place: &TreePath, mut inode: Inode) -> Result<(), Fault> {
        if let Some(user) = &self.shell.world.acting {
            return Err(Fault::gap(format!("makes {place} as user {}", user.name)));
        }
        inode.stat.mtime = self.shell.world.clock;
        self.shell.world.make_room(place)?;
        let tree = self.tree();
        super::shell::inherit_group(tree, place, &mut inode);
        let refused = |error| Fault::failed(format!("cannot create '{place}': {}", world::reason(&error)));
        tree.insert(place.clone(), inode).map(drop).map_err(refused)
    }

    /// All of standard input.
    ///
    /// # Errors
    /// It is closed or open for writing.
    pub fn input(&mut self) -> Result<Vec<u8>, Fault> {
        let Some(descriptor) = self.shell.state.descriptors.get(&0).cloned() else {
            return Err(Fault::failed("-: Bad file descriptor"));
        };
        self.all_of(&descriptor)
    }

    fn all_of(&mut self, descriptor: &stream::Descriptor) -> Result<Vec<u8>, Fault> {
        stream::read_all(self.shell.world, descriptor).map_err(|error| match error {
            stream::StreamError::Spent(spent) => spent.into(),
            other => Fault::failed(format!("-: {other}")),
        })
    }

    /// Leaves of standard input what a command did not use of the `total` bytes that it got: of a pipe, and of a file
    /// whose place the program does not put back (`seeks`), what lies behind the block that it read last.
    pub(in crate::configure) fn give_back(&self, total: usize, used: usize, block: usize, seeks: bool) {
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
    fn text(&mut self, path: &[u8]) -> Result<buffer::Buffer, Fault> {
        let bytes = self.read(path)?;
        Ok(buffer::Buffer::of(&self.shell.world.budget, bytes)?)
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

    /// Writes to standard output.
    ///
    /// # Errors
    /// Too much output, or a closed descriptor.
    pub fn out(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Fault> {
        match self.shell.write(1, bytes.as_ref())? {
            true => Ok(()),
            false => Err(Fault::failed("write error: Bad file descriptor")),
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

    /// Runs another command, found as the shell finds one that is no function or builtin.
    ///
    /// # Errors
    /// Only what stops the whole script.
    pub fn run(&mut self, words: &[Vec<u8>]) -> Done {
        Ok(run(self.shell, words)?)
    }

    /// Notes that this program was called; its work is done once, when all packages are configured.
    ///
    /// # Errors
    /// None; the signature is a command's.
    pub fn defer(&mut self) -> Done {
        let called = self.called();
        self.shell.world.deferred.insert(called);
        Ok(0)
    }

    /// Notes that this program was called; what it makes is each node's own, and made on its first boot.
    ///
    /// # Errors
    /// None; the signature is a command's.
    pub fn leave_to_first_boot(&mut self) -> Done {
        let called = self.called();
        self.shell.world.first_boot.insert(called);
        Ok(0)
    }

    fn called(&self) -> world::Deferred {
        let words = [self.name.to_vec()].into_iter().chain(self.args.iter().cloned()).collect();
        world::Deferred { package: self.shell.world.package.clone(), words }
    }
}

/// A name for a message.
#[must_use]
pub fn show(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// The command that has this name.
#[must_use]
pub fn find(name: &[u8]) -> Option<Command> {
    let name = interpreters::unversioned(std::str::from_utf8(name).ok()?);
    FAMILIES.iter().flat_map(|family| family.iter()).find(|(known, _)| *known == name).map(|(_, command)| *command)
}

/// Runs a command that is no function or builtin of the shell.
pub(super) fn run(shell: &mut Shell<'_>, words: &[Vec<u8>]) -> Run<i32> {
    let Some((path, args)) = words.split_first() else { return Ok(0) };
    match known(path) {
        Some(command) => finish(shell, command, base_name(path), args),
        None => program(shell, path, args),
    }
}

/// The command that a name, or a path where programs lie, stands for.
fn known(path: &[u8]) -> Option<Command> {
    let directory = path.iter().rposition(|&byte| byte == b'/').map(|slash| &path[..slash]);
    if directory.is_some_and(|directory| !holds_programs(directory)) { None } else { find(base_name(path)) }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// Whether a program called by a path below this directory is the one of that name that is known here.
fn holds_programs(directory: &[u8]) -> bool {
    // glib's own programs lie below the architecture's directory.
    DIRECTORIES.contains(&directory) || (directory.starts_with(b"/usr/lib/") && directory.ends_with(b"/glib-2.0"))
}

fn finish(shell: &mut Shell<'_>, command: Command, name: &[u8], args: &[Vec<u8>]) -> Run<i32> {
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

/// A program of the tree that is no command of ours: a shell script is interpreted, anything else is a gap.
fn program(shell: &mut Shell<'_>, path: &[u8], args: &[Vec<u8>]) -> Run<i32> {
    let Some(found) = shell.find_program(path) else {
        if !OPTIONAL.contains(&path) {
            shell.gap(path, "unknown command");
        }
        let line = [&*shell.state.name, b": ", path, b": not found\n"].concat();
        shell.write(2, &line)?;
        return Ok(127);
    };
    let absolute = shell.absolute(&found);
    let head = match shell.world.tree().lookup(&absolute).and_then(|(_, inode)| inode.content().cloned()) {
        Some(content) => first_line(&content),
        None => Vec::new(),
    };
    match interpreter(&head) {
        Some(interpreter) => shell.run_file(&found, args, &interpreter),
        None => {
            shell.gap(path, "unknown command: a program of the package that is no shell script");
            Ok(126)
        }
    }
}

fn first_line(content: &crate::tree::Content) -> Vec<u8> {
    use std::io::Read as _;
    let mut head = Vec::new();
    // An unreadable file has no interpreter; what reads it for its own sake reports why.
    if content.reader().take(256).read_to_end(&mut head).is_err() {
        head.clear();
    }
    head.truncate(memchr::memchr(b'\n', &head).unwrap_or(head.len()));
    head
}

/// What a `#!` line that names a shell asks for; `None` for another interpreter.
#[must_use]
pub(super) fn interpreter(line: &[u8]) -> Option<Interpreter> {
    let mut words = line.strip_prefix(b"#!")?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut program = words.next()?;
    if program == b"/usr/bin/env" || program == b"/bin/env" {
        program = words.next()?;
    }
    let dialect = match base_name(program) {
        b"sh" | b"dash" => Dialect::Dash,
        b"bash" => Dialect::Bash,
        _ => return None,
    };
    Some(Interpreter { dialect, options: words.map(<[u8]>::to_vec).collect() })
}

/// Matches a text against an extended regular expression: what each group matched, the whole first. The inner error:
/// it is none.
pub(super) fn matches_expression(
    shell: &mut Shell<'_>,
    expression: &[u8],
    text: &[u8],
    ignore_case: bool,
) -> Run<Result<Option<Vec<Vec<u8>>>, String>> {
    let found = regex::Regex::new(expression, regex::Syntax::Extended, ignore_case, &shell.world.budget)
        .and_then(|expression| expression.find(text, 0));
    match found {
        Ok(groups) => {
            let bytes =
                |group: &Option<(usize, usize)>| group.map_or_else(Vec::new, |(from, to)| text[from..to].to_vec());
            Ok(Ok(groups.map(|groups| groups.iter().map(bytes).collect())))
        }
        Err(Fault::Interrupt(interrupt)) => Err(interrupt),
        Err(Fault::Failed(_, message)) => Ok(Err(message)),
        Err(Fault::Gap(what)) => {
            shell.gap(b"=~", what);
            Ok(Ok(None))
        }
    }
}
