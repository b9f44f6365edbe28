//! A POSIX shell over the tree: scripts are read and followed, nothing is run.
//!
//! [`parse`] makes commands of bytes, [`expand`] makes fields of words, [`execute`] follows the commands;
//! what they ask of the world, other programs too, is in [`system`]. Where POSIX leaves something open, dash decides: it is
//! Debian's `/bin/sh`. A script of the interpreter bash is followed by bash's rules ([`Dialect`]); what only bash has
//! is in files of its own: [`extended`] its grammar, [`conditional`] `[[ ]]`, [`arrays`], [`declare`], [`braces`],
//! [`modify`] `${x//…}`, [`bash`] its builtins and variables.
//! Text: POSIX.1-2024, Shell Command Language; dash(1); bash(1).
//!
//! It is synchronous and has no processes: a pipeline's parts run one after the other with a buffer between,
//! a subshell is a copy of [`State`]. What that cannot express (background jobs, other processes) is a
//! [`Gap`], and work, memory and time are charged to the [`Budget`](crate::budget::Budget).

mod additions;
pub mod arithmetic;
mod arrays;
pub mod ast;
mod bash;
mod braces;
mod builtins;
mod compound;
mod conditional;
mod declare;
mod execute;
mod expand;
mod extended;
mod getopts;
mod modify;
mod names;
mod options;
mod parameters;
pub mod parse;
mod pathnames;
pub mod pattern;
pub mod printf;
mod process;
mod quote;
mod read;
pub mod reader;
mod redirect;
mod signals;
pub mod stream;
pub mod system;
mod test;
mod token;
pub mod value;
mod variable;
mod word;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::budget::Spent;
use crate::format::shown::shown;
use ast::Function;
use stream::Descriptor;
use stream::Stream;
use system::Gap;
use system::System;
use value::Positional;
use value::Table;
use value::Value;
use value::Words;

pub use options::Options;
pub(crate) use redirect::inherit_group;
pub use variable::Variable;

/// Whose rules are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Debian's `/bin/sh`.
    #[default]
    Dash,
    /// bash(1), when it is called by that name.
    Bash,
}

impl Dialect {
    /// The program's name, as reports have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dash => "sh",
            Self::Bash => "bash",
        }
    }
}

/// What a `#!` line that names a shell asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// Which shell.
    pub dialect: Dialect,
    /// Words with options of `set`.
    pub options: Vec<Vec<u8>>,
}

impl Interpreter {
    /// What the first line of a file asks for; `None` for another interpreter.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        let mut words = line.strip_prefix(b"#!")?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut program = words.next()?;
        if program == b"/usr/bin/env" || program == b"/bin/env" {
            program = words.next()?;
        }
        let dialect = match program.rsplit(|&byte| byte == b'/').next()? {
            b"sh" | b"dash" => Dialect::Dash,
            b"bash" => Dialect::Bash,
            _ => return None,
        };
        Some(Self { dialect, options: words.map(<[u8]>::to_vec).collect() })
    }
}

/// Why a script stops in the middle of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupt {
    /// `break n`.
    Break(u32),
    /// `continue n`.
    Continue(u32),
    /// `return` from a function or a sourced file.
    Return(i32),
    /// `exit`, `set -e`, or an error that ends the shell.
    Exit(i32),
    /// An error after which bash goes on with the next line.
    Discard,
    /// A signal whose default is the end.
    Signal(i32),
    /// The budget is spent: nothing may go on.
    Limit(Spent),
}

impl From<Spent> for Interrupt {
    fn from(spent: Spent) -> Self {
        Self::Limit(spent)
    }
}

/// The result of a step of a script.
pub type Run<T> = Result<T, Interrupt>;

/// One function call, or a file that bash reads in.
#[derive(Debug, Clone)]
struct Frame {
    /// The function; `source` for a file.
    function: Rc<[u8]>,
    /// The file in which it stands.
    file: Rc<[u8]>,
    /// Where it was called.
    line: u32,
    /// What `local` hides. A file has no variables of its own.
    hidden: Option<Table<Option<Variable>>>,
}

/// A function, and the file in which it stands.
#[derive(Debug, Clone)]
struct Defined {
    function: Rc<Function>,
    file: Rc<[u8]>,
}

/// What a process has of its own. A subshell works on a copy.
#[derive(Debug, Clone)]
pub struct State {
    /// Variables by name.
    pub variables: Table<Variable>,
    /// `$1`, `$2`, …
    pub positional: Positional,
    /// `$0`.
    pub name: Rc<[u8]>,
    /// `set`'s options, and `shopt`'s.
    pub options: Options,
    /// The current directory, absolute.
    pub directory: Vec<u8>,
    /// Bits that new files do not get.
    pub umask: u32,
    /// Open descriptors.
    pub descriptors: BTreeMap<u32, Descriptor>,
    dialect: Dialect,
    functions: Table<Defined>,
    aliases: Table<Value>,
    traps: Table<Value>,
    frames: Vec<Rc<Frame>>,
    /// `$?`
    status: i32,
    /// bash's `PIPESTATUS`.
    statuses: Rc<[i32]>,
    /// bash's `$_`.
    last: Option<Value>,
    /// bash's `pushd`: the directories below the current one.
    directories: Rc<Vec<Vec<u8>>>,
    line: u32,
    /// The file being read, when it is not the script itself.
    source: Option<Rc<str>>,
    loops: u32,
    substitution: Option<i32>,
    getopts: getopts::Place,
    /// How many subshells this one is inside of.
    subshells: u32,
    /// A trap's action runs: what `exit` without a number gives.
    trapped: Option<i32>,
}

/// A shell at work.
#[derive(Debug)]
pub struct Shell<'w> {
    /// What it works on.
    pub system: &'w mut System,
    /// What it has of its own.
    pub state: State,
    /// What the script is called in reports.
    script: String,
    depth: u32,
    /// The line at which a script ended that took the place of this one.
    ended: Option<u32>,
    /// A signal that this process was sent and has not acted on.
    pending: Option<i32>,
    /// Values of arrays on their way to `declare`.
    arrays: Vec<arrays::Given>,
    /// Descriptors that `<(…)` opened for the commands that run.
    processes: Vec<u32>,
    /// bash's version, once it was asked for.
    version: Option<Rc<[u8]>>,
}

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to its standard output and error.
    pub output: Vec<u8>,
    /// The line of its last command.
    pub line: u32,
}

impl<'w> Shell<'w> {
    /// A shell with an environment, in `/`, with empty input and one buffer for output and errors. It follows dash's
    /// rules, until [`Shell::speak`] says otherwise.
    #[must_use]
    pub fn new(system: &'w mut System, script: &str, environment: &[(&str, &str)]) -> Self {
        let output = Stream::output().descriptor();
        let state = State {
            variables: Table::default(),
            positional: Positional::default(),
            name: script.as_bytes().into(),
            options: Options::default(),
            directory: b"/".to_vec(),
            umask: 0o022,
            descriptors: BTreeMap::from([(0, Stream::Null.descriptor()), (1, Rc::clone(&output)), (2, output)]),
            dialect: Dialect::Dash,
            functions: Table::default(),
            aliases: Table::default(),
            traps: Table::default(),
            frames: Vec::new(),
            status: 0,
            statuses: Rc::new([0]),
            last: None,
            directories: Rc::default(),
            line: 1,
            source: None,
            loops: 0,
            substitution: None,
            getopts: getopts::Place::default(),
            subshells: 0,
            trapped: None,
        };
        let script = script.to_owned();
        let mut shell = Self {
            system,
            state,
            script,
            depth: 0,
            ended: None,
            pending: None,
            arrays: Vec::new(),
            processes: Vec::new(),
            version: None,
        };
        // Where the budget is spent already, the script ends at its first step.
        let _ = environment.iter().try_for_each(|(name, value)| shell.export(name.as_bytes(), value.as_bytes()));
        let _ = shell.begin();
        shell
    }

    /// Follows another shell's rules from now on.
    #[must_use]
    pub const fn speak(mut self, dialect: Dialect) -> Self {
        self.state.dialect = dialect;
        self
    }

    /// The variables that a shell sets when it begins.
    fn begin(&mut self) -> Run<()> {
        let own = [("IFS", " \t\n"), ("OPTIND", "1"), ("PS1", "# "), ("PS2", "> "), ("PS4", "+ "), ("PPID", "1")];
        for (name, value) in own {
            let value = Value::new(&self.system.budget, value.into())?;
            self.state.variables.insert(&self.system.budget, name.as_bytes(), Variable::of(value))?;
        }
        let directory = self.state.directory.clone();
        self.export(b"PWD", &directory)
    }

    /// Runs a whole script with its `set` options and arguments, and its exit trap.
    ///
    /// # Errors
    /// Only [`Interrupt::Limit`].
    pub fn run_script(&mut self, text: &[u8], options: &[Vec<u8>], arguments: &[Vec<u8>]) -> Run<Outcome> {
        self.state.positional = Words::copy(&self.system.budget, arguments)?.into();
        let result = self.start(options).and_then(|()| self.run_text(text, 1, false));
        let status = self.finish(result)?;
        let output = match self.state.descriptors.get(&1) {
            Some(stream) => stream::take_output(stream).map_or_else(Vec::new, value::Buffer::into_bytes),
            None => Vec::new(),
        };
        Ok(Outcome { status, output, line: self.ended.unwrap_or(self.state.line) })
    }

    /// The line of the command that ran last.
    #[must_use]
    pub const fn line(&self) -> u32 {
        match self.ended {
            Some(line) => line,
            None => self.state.line,
        }
    }

    /// Ends a process: turns what stopped it into a status, after its exit trap.
    fn finish(&mut self, result: Run<i32>) -> Run<i32> {
        let mut status = match result {
            Ok(status) | Err(Interrupt::Exit(status) | Interrupt::Return(status)) => status,
            Err(Interrupt::Break(_) | Interrupt::Continue(_)) => self.state.status,
            Err(Interrupt::Discard) => 1,
            // dash dies of it, bash has its exit trap first.
            Err(Interrupt::Signal(number)) if self.is_bash() => 128 + number,
            Err(Interrupt::Signal(number)) => return Ok(128 + number),
            Err(limit @ Interrupt::Limit(_)) => return Err(limit),
        };
        if let Some(action) = self.state.traps.remove(&self.system.budget, b"EXIT")? {
            self.state.status = status;
            self.state.loops = 0;
            match self.deeper(|shell| shell.act(&action, status)) {
                Err(Interrupt::Exit(other) | Interrupt::Return(other)) => status = other,
                Err(limit @ Interrupt::Limit(_)) => return Err(limit),
                Err(Interrupt::Signal(number)) => status = 128 + number,
                _ => {}
            }
        }
        Ok(status)
    }

    const fn is_bash(&self) -> bool {
        matches!(self.state.dialect, Dialect::Bash)
    }

    /// Records that the model lacks something; the script goes on, the build will not.
    pub fn gap(&mut self, command: &[u8], what: impl Into<String>) {
        let script = self.state.source.as_deref().unwrap_or(&self.script).to_owned();
        let gap = Gap {
            package: self.system.package.clone(),
            script,
            line: self.state.line,
            command: shown(command),
            what: shown(&what.into()),
        };
        if !self.system.gaps.contains(&gap) {
            self.system.gaps.push(gap);
        }
    }

    /// Runs a program of the system beside this one.
    ///
    /// # Errors
    /// What stops the whole script.
    pub fn program(&mut self, words: &[Vec<u8>]) -> Run<i32> {
        let userland = self.system.userland;
        userland.run(self, words)
    }

    /// Runs a builtin by its name, for a program that is the same.
    ///
    /// # Errors
    /// What stops the script.
    pub fn builtin(&mut self, words: &[Vec<u8>]) -> Run<i32> {
        self.call(words, true, false)
    }

    fn step(&self) -> Run<()> {
        Ok(self.system.budget.step()?)
    }

    /// Charges a step that makes so many bytes.
    pub(super) fn spend(&self, bytes: usize) -> Run<()> {
        self.system.budget.step()?;
        Ok(self.system.budget.made(bytes)?)
    }

    /// Goes one level deeper for the time of `inner`.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        if self.depth >= self.system.bounds.depth {
            return Err(Spent::Depth.into());
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    // --- messages --------------------------------------------------------------------------------------------

    /// Writes to a descriptor; a closed one is an error status, not an end.
    pub(super) fn write(&mut self, descriptor: u32, bytes: &[u8]) -> Run<bool> {
        let Some(stream) = self.state.descriptors.get(&descriptor).cloned() else { return Ok(false) };
        self.spend(bytes.len())?;
        match stream::write(self.system, &stream, bytes) {
            Ok(()) => Ok(true),
            Err(stream::StreamError::Direction) => Ok(false),
            Err(stream::StreamError::Spent(spent)) => Err(spent.into()),
            Err(_) => Err(Spent::Output.into()),
        }
    }

    /// Writes to standard error.
    ///
    /// # Errors
    /// Too much output.
    pub fn print_error(&mut self, text: &[u8]) -> Run<()> {
        self.write(2, text).map(drop)
    }

    /// Writes a message of the shell itself, in dash's form.
    fn complain(&mut self, message: &[u8]) -> Run<()> {
        let word = if self.is_bash() { "line " } else { "" };
        let head = format!("{}: {word}{}: ", String::from_utf8_lossy(&self.state.name), self.state.line);
        self.write(2, &[head.as_bytes(), message, b"\n"].concat()).map(drop)
    }

    /// An error that ends dash with status 2; bash gives up what it read, and goes on with the next line.
    fn fatal<T>(&mut self, message: &[u8]) -> Run<T> {
        self.complain(message)?;
        Err(if self.is_bash() { Interrupt::Discard } else { Interrupt::Exit(2) })
    }

    /// An error of a special builtin: dash ends with status 2, bash's builtin fails with status 1.
    fn refuse(&mut self, message: &[u8]) -> Run<i32> {
        self.complain(message)?;
        if self.is_bash() { Ok(1) } else { Err(Interrupt::Exit(2)) }
    }

    /// What bash has and the model has not.
    fn lacks(&mut self, what: impl Into<String>) {
        self.gap(b"bash", what);
    }
}

#[cfg(test)]
mod tests;
