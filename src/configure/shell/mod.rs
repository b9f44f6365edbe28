//! A POSIX shell over the tree: scripts are read and followed, nothing is run.
//!
//! [`parse`] makes commands of bytes, [`expand`] makes fields of words, [`execute`] follows the commands;
//! what they call is in [`commands`](super::commands). Where POSIX leaves something open, dash decides: it is
//! Debian's `/bin/sh`. Text: POSIX.1-2024, Shell Command Language; dash(1).
//!
//! It is synchronous and has no processes: a pipeline's parts run one after the other with a buffer between,
//! a subshell is a copy of [`State`]. What that cannot express (background jobs, signals) is a
//! [`Gap`], and work, memory and time are charged to the [`Budget`](crate::budget::Budget).

pub mod arithmetic;
pub mod ast;
mod builtins;
mod execute;
mod expand;
pub mod parse;
pub mod pattern;
pub mod printf;
mod read;
mod redirect;
pub mod stream;
mod test;
mod word;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::world::Gap;
use super::world::World;
use crate::budget::Spent;
use ast::Command;
use stream::Descriptor;
use stream::Stream;

pub(crate) use redirect::inherit_group;

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

/// A variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// `None`: it has attributes but no value.
    pub value: Option<Vec<u8>>,
    /// In the environment of commands.
    pub exported: bool,
    /// May not be changed.
    pub readonly: bool,
}

/// The letters of `set`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `-e`
    pub errexit: bool,
    /// `-u`
    pub nounset: bool,
    /// `-f`
    pub noglob: bool,
    /// `-C`
    pub noclobber: bool,
    /// `-a`
    pub allexport: bool,
    /// `-x`
    pub xtrace: bool,
    /// `-n`
    pub noexec: bool,
    /// `-v`
    pub verbose: bool,
    /// `-o pipefail`: not in dash, but scripts of bash set it.
    pub pipefail: bool,
}

/// What a process has of its own. A subshell works on a copy.
#[derive(Debug, Clone)]
pub struct State {
    /// Variables by name.
    pub variables: BTreeMap<Vec<u8>, Variable>,
    /// `$1`, `$2`, …
    pub positional: Vec<Vec<u8>>,
    /// `$0`.
    pub name: Vec<u8>,
    /// `set`'s options.
    pub options: Options,
    /// The current directory, absolute.
    pub directory: Vec<u8>,
    /// Bits that new files do not get.
    pub umask: u32,
    /// Open descriptors.
    pub descriptors: BTreeMap<u32, Descriptor>,
    functions: BTreeMap<Vec<u8>, Rc<Command>>,
    aliases: parse::Aliases,
    traps: BTreeMap<Vec<u8>, Vec<u8>>,
    /// One frame per function call: what `local` hides.
    locals: Vec<Vec<(Vec<u8>, Option<Variable>)>>,
    /// `$?`
    status: i32,
    line: u32,
    /// The file being read, when it is not the script itself.
    source: Option<String>,
    loops: u32,
    substitution: Option<i32>,
    getopts: usize,
    subshell: bool,
}

/// A shell at work.
#[derive(Debug)]
pub struct Shell<'w> {
    /// What it works on.
    pub world: &'w mut World,
    /// What it has of its own.
    pub state: State,
    /// What the script is called in reports.
    script: String,
    depth: u32,
    /// The line at which a script ended that took the place of this one.
    ended: Option<u32>,
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
    /// A shell with an environment, in `/`, with empty input and one buffer for output and errors.
    #[must_use]
    pub fn new(world: &'w mut World, script: &str, environment: &[(&str, &str)]) -> Self {
        let output = Stream::Output(Vec::new()).descriptor();
        let exported = |value: &str| Variable { value: Some(value.into()), exported: true, readonly: false };
        let mut variables: BTreeMap<Vec<u8>, Variable> =
            environment.iter().map(|(name, value)| (name.as_bytes().to_vec(), exported(value))).collect();
        let own = [("IFS", " \t\n"), ("OPTIND", "1"), ("PS1", "# "), ("PS2", "> "), ("PS4", "+ "), ("PPID", "1")];
        for (name, value) in own {
            variables.insert(name.into(), Variable { value: Some(value.into()), ..Variable::default() });
        }
        variables.insert(b"PWD".to_vec(), exported("/"));
        let state = State {
            variables,
            positional: Vec::new(),
            name: script.as_bytes().to_vec(),
            options: Options::default(),
            directory: b"/".to_vec(),
            umask: 0o022,
            descriptors: BTreeMap::from([(0, Stream::Null.descriptor()), (1, Rc::clone(&output)), (2, output)]),
            functions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            traps: BTreeMap::new(),
            locals: Vec::new(),
            status: 0,
            line: 1,
            source: None,
            loops: 0,
            substitution: None,
            getopts: 0,
            subshell: false,
        };
        Self { world, state, script: script.to_owned(), depth: 0, ended: None }
    }

    /// Runs a whole script with its `set` options and arguments, and its exit trap.
    ///
    /// # Errors
    /// Only [`Interrupt::Limit`].
    pub fn run_script(&mut self, text: &[u8], options: &[Vec<u8>], arguments: &[Vec<u8>]) -> Run<Outcome> {
        self.state.positional = arguments.to_vec();
        let result = options
            .iter()
            .try_for_each(|option| builtins::set_options(self, option))
            .and_then(|()| self.run_text(text, 1, false));
        let status = self.finish(result)?;
        let output = match self.state.descriptors.get(&1).map(|stream| stream.take_output()) {
            Some(Some(output)) => output,
            _ => Vec::new(),
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
            Err(limit @ Interrupt::Limit(_)) => return Err(limit),
        };
        if let Some(action) = self.state.traps.remove(&b"EXIT"[..]) {
            self.state.status = status;
            match self.run_text(&action, self.state.line, false) {
                Err(Interrupt::Exit(other)) => status = other,
                Err(limit @ Interrupt::Limit(_)) => return Err(limit),
                _ => {}
            }
        }
        Ok(status)
    }

    /// Records that the model lacks something; the script goes on, the build will not.
    pub fn gap(&mut self, command: &[u8], what: impl Into<String>) {
        let script = self.state.source.clone().unwrap_or_else(|| self.script.clone());
        let gap = Gap {
            package: self.world.package.clone(),
            script,
            line: self.state.line,
            command: String::from_utf8_lossy(command).into_owned(),
            what: what.into(),
        };
        if !self.world.gaps.contains(&gap) {
            self.world.gaps.push(gap);
        }
    }

    /// Runs a builtin by its name, for a program that is the same.
    ///
    /// # Errors
    /// What stops the script.
    pub fn builtin(&mut self, words: &[Vec<u8>]) -> Run<i32> {
        self.call(words, true, false)
    }

    fn step(&self) -> Run<()> {
        Ok(self.world.budget.step()?)
    }

    /// Charges a step that makes so many bytes.
    pub(super) fn spend(&self, bytes: usize) -> Run<()> {
        self.world.budget.step()?;
        Ok(self.world.budget.made(bytes)?)
    }

    /// Goes one level deeper for the time of `inner`.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        if self.depth >= self.world.limits.depth {
            return Err(Spent::Depth.into());
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    // --- variables -------------------------------------------------------------------------------------------

    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        self.state.variables.get(name)?.value.as_deref()
    }

    /// Gives a variable a value.
    ///
    /// # Errors
    /// It is read-only: the shell ends with status 2, as dash does.
    pub fn assign(&mut self, name: &[u8], value: Vec<u8>) -> Run<()> {
        let allexport = self.state.options.allexport;
        let variable = self.state.variables.entry(name.to_vec()).or_default();
        if variable.readonly {
            return self.fatal(&[name, b": is read only"].concat());
        }
        variable.value = Some(value);
        variable.exported |= allexport;
        if name == b"OPTIND" {
            self.state.getopts = 0;
        }
        Ok(())
    }

    /// The environment that commands see.
    pub fn environment(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let exported = |(name, variable): (&'_ Vec<u8>, &'_ Variable)| variable.exported && !name.is_empty();
        self.state
            .variables
            .iter()
            .filter(move |pair| exported(*pair))
            .filter_map(|(name, variable)| variable.value.as_deref().map(|value| (name.as_slice(), value)))
    }

    // --- messages --------------------------------------------------------------------------------------------

    /// Writes to a descriptor; a closed one is an error status, not an end.
    pub(super) fn write(&mut self, descriptor: u32, bytes: &[u8]) -> Run<bool> {
        let Some(stream) = self.state.descriptors.get(&descriptor).cloned() else { return Ok(false) };
        self.spend(bytes.len())?;
        match stream::write(self.world, &stream, bytes) {
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
        let head = format!("{}: {}: ", String::from_utf8_lossy(&self.state.name), self.state.line);
        self.write(2, &[head.as_bytes(), message, b"\n"].concat()).map(drop)
    }

    /// An error that ends the shell with status 2.
    fn fatal<T>(&mut self, message: &[u8]) -> Run<T> {
        self.complain(message)?;
        Err(Interrupt::Exit(2))
    }
}

/// Taking what was captured.
trait TakeOutput {
    fn take_output(&self) -> Option<Vec<u8>>;
}

impl TakeOutput for Descriptor {
    fn take_output(&self) -> Option<Vec<u8>> {
        match &mut *self.borrow_mut() {
            Stream::Output(bytes) => Some(std::mem::take(bytes)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
