//! Scripts that run as processes of their own, or are read in as a part of this one.

use std::rc::Rc;

use super::Interpreter;
use super::Origin;
use super::Run;
use super::Shell;
use super::stream;
use super::value::Table;
use super::value::Words;

impl Shell<'_> {
    /// The file whose commands run, as bash's `BASH_SOURCE` has it of a function.
    pub(super) fn file(&self) -> Rc<[u8]> {
        match (self.state.frames.last(), self.state.origin) {
            (Some(frame), _) => Rc::clone(&frame.file),
            (None, Origin::File) => Rc::clone(&self.state.name),
            (None, Origin::Words) => b"environment".as_slice().into(),
            (None, Origin::Input) => b"main".as_slice().into(),
        }
    }

    /// Runs a script as a process of its own: exported variables, open descriptors, and nothing else is handed
    /// on.
    pub fn run_process(
        &mut self,
        text: &[u8],
        name: &[u8],
        arguments: &[Vec<u8>],
        interpreter: &Interpreter,
        origin: Origin,
    ) -> Run<i32> {
        self.process(text, name, arguments, interpreter, origin, &mut 0)
    }

    /// As [`Self::run_process`]; `line` becomes the one that ran last.
    fn process(
        &mut self,
        text: &[u8],
        name: &[u8],
        arguments: &[Vec<u8>],
        interpreter: &Interpreter,
        origin: Origin,
        line: &mut u32,
    ) -> Run<i32> {
        self.subshell(|shell| {
            let arguments = Words::copy(&shell.system.budget, arguments)?;
            shell.become_process();
            let budget = &shell.system.budget;
            budget.tried(shell.state.variables.len())?;
            let state = &mut shell.state;
            state.dialect = interpreter.dialect;
            state.variables.own(budget)?.retain(|_, variable| variable.exported && variable.array.is_none());
            state.functions = Table::default();
            state.aliases = Table::default();
            state.frames = Vec::new();
            state.inherited = Table::default();
            state.temporaries = Vec::new();
            state.origin = origin;
            state.abandoned = false;
            state.loops = 0;
            state.subshells = 0;
            state.options = super::Options::default();
            state.positional = arguments.into();
            state.name = name.into();
            state.trapped = None;
            let result = shell.begin().and_then(|()| shell.start(&interpreter.options));
            let result = result.and_then(|()| shell.run_text(text, 1, false));
            *line = shell.state.line;
            result
        })
    }

    /// Runs a package's script in the place of the one that runs now: `exec` of a program that runs scripts. It has
    /// its own name in reports.
    ///
    /// # Errors
    /// A limit.
    pub(crate) fn run_maintainer(
        &mut self,
        script: &str,
        text: &[u8],
        path: &[u8],
        arguments: &[Vec<u8>],
        interpreter: &Interpreter,
    ) -> Run<i32> {
        let source = self.state.source.take();
        let before = std::mem::replace(&mut self.script, script.to_owned());
        let mut line = self.state.line;
        let result = self.process(text, path, arguments, interpreter, Origin::File, &mut line);
        self.ended = Some(line);
        self.script = before;
        self.state.source = source;
        result
    }

    /// Reads a file of the tree as part of this script, or of a process of its own, for the report's sake under
    /// its own name.
    pub(super) fn within<T>(&mut self, source: &[u8], inner: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let before = self.state.source.replace(crate::tree::escape(source).into());
        let line = self.state.line;
        let result = inner(self);
        self.state.source = before;
        self.state.line = line;
        result
    }

    /// Runs a shell script of the tree as a process.
    pub fn run_file(&mut self, path: &[u8], arguments: &[Vec<u8>], interpreter: &Interpreter) -> Run<i32> {
        let absolute = self.absolute(path);
        let Some(text) = self.script(&absolute)? else {
            self.complain(&[path, b": not found"].concat())?;
            return Ok(127);
        };
        self.within(path, |shell| shell.run_process(&text, path, arguments, interpreter, Origin::File))
    }

    /// The text of a script of the tree.
    pub(super) fn script(&mut self, path: &[u8]) -> Run<Option<Vec<u8>>> {
        if let Some(number) = path.strip_prefix(b"/dev/fd/")
            && let Some(number) = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok())
            && let Some(descriptor) = self.state.descriptors.get(&number).cloned()
        {
            return Ok(stream::read_all(self.system, &descriptor).ok());
        }
        if self.system.is_null(path) {
            return Ok(Some(Vec::new()));
        }
        let limit = self.system.bounds.bytes as u64;
        let size = self.system.tree().lookup(path).and_then(|(_, inode)| inode.content()).map(|content| content.size());
        match size {
            None => Ok(None),
            Some(size) if size > limit => Err(crate::budget::Spent::Output.into()),
            Some(_) => {
                let text = self.system.tree().read(path).ok().flatten();
                self.spend(text.as_ref().map_or(0, Vec::len))?;
                Ok(text)
            }
        }
    }
}
