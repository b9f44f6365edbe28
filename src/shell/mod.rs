//! A POSIX shell over the tree: scripts are read and followed, nothing is run.
//!
//! [`parse`] makes commands of what [`reader`] reads, [`expand`] makes fields of words, [`execute`] follows the
//! commands; [`names`] are the tables of builtins. What they ask of the world is in [`system`], other programs in
//! [`userland`]. Where POSIX leaves something open, dash decides: it is Debian's `/bin/sh`. A script of the interpreter
//! bash is followed by bash's rules ([`Dialect`]); what only bash has is in files of its own: [`extended`] its grammar,
//! [`conditional`] `[[ ]]`, [`arrays`], [`declare`], [`braces`], [`modify`] `${x//…}`, [`bash`] its builtins and
//! variables, [`quote`] its quotes.
//! Text: POSIX.1-2024, Shell Command Language; dash(1); bash(1).
//!
//! It is synchronous and has no processes: a pipeline's parts run one after the other with a buffer between,
//! a subshell is a copy of [`State`]. What that cannot express (background jobs, other processes) is a
//! [`Gap`], and work, memory and time are charged to the [`Budget`](crate::budget::Budget).

pub mod acting;
mod additions;
pub mod arithmetic;
mod array;
mod arrays;
mod assign;
pub mod ast;
mod bash;
mod braces;
mod builtins;
mod compound;
mod conditional;
mod dash_test;
mod declare;
mod execute;
mod expand;
mod extended;
mod getopts;
mod jobs;
pub(crate) mod machine;
mod modify;
mod names;
mod options;
mod parameters;
pub mod parse;
pub(crate) mod path;
mod pathnames;
pub mod printf;
mod process;
mod quote;
mod read;
pub mod reader;
mod redirect;
mod signals;
mod simple;
mod state;
pub mod stream;
mod switches;
pub mod system;
mod terms;
mod test;
mod tilde;
mod token;
mod umask;
pub mod userland;
pub mod value;
mod variable;
mod word;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::budget::Spent;
use crate::format::shown::shown;
use stream::Stream;
use system::Gap;
use system::System;
use value::Positional;
use value::Table;
use value::Value;
use value::Words;

pub use state::State;
pub use switches::Options;
pub(crate) use terms::Death;
pub use terms::Dialect;
pub use terms::Interpreter;
pub use terms::Interrupt;
pub use terms::Origin;
pub use terms::Run;
pub use variable::Variable;

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
    /// An error, and no `exit`, is what ends the shell.
    failed_fatally: bool,
    /// `test` is coreutils' program, and no builtin.
    pub(crate) tests_as_program: bool,
    /// How the process ended that ended last.
    pub(crate) death: Death,
    /// `command -p`: programs are looked for where the system has them.
    ignores_path: bool,
    /// The output that people read, and no script.
    log: stream::Descriptor,
    /// Values of arrays on their way to `declare`.
    arrays: Vec<array::Given>,
    /// Descriptors that `<(…)` opened for the commands that run.
    processes: Vec<u32>,
    /// A command runs whose failure is tested.
    condition: bool,
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
            jobs: jobs::Jobs::default(),
            positional: Positional::default(),
            name: script.as_bytes().into(),
            options: Options::default(),
            directory: b"/".to_vec(),
            umask: 0o022,
            descriptors: BTreeMap::from([
                (0, Stream::Null.descriptor()),
                (1, Rc::clone(&output)),
                (2, Rc::clone(&output)),
            ]),
            dialect: Dialect::Dash,
            functions: Table::default(),
            aliases: Table::default(),
            traps: Table::default(),
            inherited: Table::default(),
            temporaries: Vec::new(),
            frames: Vec::new(),
            origin: Origin::File,
            abandoned: false,
            status: 0,
            statuses: Rc::new([]),
            last: None,
            directories: Rc::default(),
            line: 1,
            source: None,
            loops: 0,
            substitution: None,
            getopts: state::Place::default(),
            subshells: 0,
            process: signals::FIRST,
            replaced: false,
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
            failed_fatally: false,
            tests_as_program: false,
            ignores_path: false,
            log: output,
            death: Death::None,
            arrays: Vec::new(),
            processes: Vec::new(),
            condition: false,
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
        let own = [("IFS", " \t\n"), ("OPTIND", "1"), ("PS1", "# "), ("PS2", "> "), ("PS4", "+ ")];
        for (name, value) in own {
            let value = Value::new(&self.system.budget, value.into())?;
            self.state.variables.insert(&self.system.budget, name.as_bytes(), Variable::of(value))?;
        }
        let parent = self.parent().to_string();
        let parent = Value::new(&self.system.budget, parent.into())?;
        self.state.variables.insert(&self.system.budget, b"PPID", Variable::of(parent))?;
        if self.is_bash() {
            // The environment does not change what bash says of itself.
            for name in [&b"EUID"[..], b"UID", b"BASH_VERSINFO"] {
                self.remove_variable(name)?;
            }
        }
        // Where it is it knows from its parent, or asks.
        if self.variable(b"PWD") != Some(&self.state.directory) {
            let directory = self.state.directory.clone();
            if let Ok(place) = self.system.tree().resolve(&directory, true) {
                self.state.directory = [b"/", place.as_bytes()].concat();
            }
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

    /// Whether standard output is what only people read.
    pub(crate) fn prints_to_people(&self) -> bool {
        self.state.descriptors.get(&1).is_some_and(|output| Rc::ptr_eq(output, &self.log))
    }

    /// Whether nobody will see what is written to standard output.
    pub(crate) fn is_silent(&self) -> bool {
        self.state.descriptors.get(&1).is_none_or(|stream| matches!(&*stream.borrow(), Stream::Null))
    }

    /// Whether standard error is what only people read.
    fn tells_people(&self) -> bool {
        self.state.descriptors.get(&2).is_some_and(|output| Rc::ptr_eq(output, &self.log))
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
        self.failed_fatally = false;
        if self.death != Death::None {
            self.death = Death::Inside;
        }
        let mut status = match result {
            Ok(status) | Err(Interrupt::Exit(status) | Interrupt::Return(status)) => status,
            Err(Interrupt::Break(_) | Interrupt::Continue(_)) => self.state.status,
            Err(Interrupt::Discard) => 1,
            // dash dies of it, bash has its exit trap first.
            Err(Interrupt::Signal(number)) if self.is_bash() => 128 + number,
            Err(Interrupt::Signal(number)) => {
                self.death = Death::Own(number);
                return Ok(128 + number);
            }
            Err(limit @ Interrupt::Limit(_)) => return Err(limit),
        };
        if let Some(action) = self.state.traps.remove(&self.system.budget, b"EXIT")? {
            self.state.status = status;
            self.state.loops = 0;
            match self.deeper(|shell| shell.act(&action, status, Some(status))) {
                Err(Interrupt::Exit(other) | Interrupt::Return(other)) => status = other,
                Err(limit @ Interrupt::Limit(_)) => return Err(limit),
                Err(Interrupt::Signal(number)) => status = 128 + number,
                _ => {}
            }
        }
        self.wake_jobs();
        Ok(status)
    }

    pub(crate) const fn is_bash(&self) -> bool {
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
        self.failed_fatally = true;
        Err(if self.is_bash() { Interrupt::Discard } else { Interrupt::Exit(2) })
    }

    /// An error of a special builtin: dash ends with status 2, bash's builtin fails with status 1.
    fn refuse(&mut self, message: &[u8]) -> Run<i32> {
        self.complain(message)?;
        self.failed_fatally = true;
        if self.is_bash() { Ok(1) } else { Err(Interrupt::Exit(2)) }
    }

    /// How texts are read here.
    fn manner(&self) -> reader::Manner {
        let narrow = self.is_bash() && !self.has_utf8();
        reader::Manner { dialect: self.state.dialect, groups: self.state.options.extglob, narrow }
    }

    /// What bash has and the model has not.
    fn lacks(&mut self, what: impl Into<String>) {
        self.gap(b"bash", what);
    }
}

#[cfg(test)]
mod tests;
