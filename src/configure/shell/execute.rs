//! Follows commands. When a failure ends the script (`set -e`) is dash's rule: a simple command, a pipeline or a
//! subshell that fails where nothing tests it. `tested` carries that "where" inwards, through functions too.

use std::rc::Rc;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::TakeOutput;
use super::Variable;
use super::ast::Command;
use super::ast::Connector;
use super::ast::Redirect;
use super::ast::Word;
use super::builtins;
use super::parse::Parser;
use super::stream::Stream;
use crate::configure::commands;

impl Shell<'_> {
    /// Runs a text in this very process, command by command.
    pub fn run_text(&mut self, text: &[u8], line: u32, tested: bool) -> Run<i32> {
        self.deeper(|shell| {
            let mut parser = Parser::new(text, line);
            let mut status = 0;
            loop {
                match parser.next(&shell.state.aliases) {
                    Ok(Some(command)) if shell.state.options.noexec => drop(command),
                    Ok(Some(command)) => status = shell.run(&command, tested)?,
                    Ok(None) => return Ok(status),
                    Err(error) => {
                        shell.state.line = error.line;
                        shell.gap(b"sh", error.message.clone());
                        return shell.fatal(error.message.as_bytes());
                    }
                }
            }
        })
    }

    /// Runs one command; its status is `$?` afterwards.
    pub(super) fn run(&mut self, command: &Command, tested: bool) -> Run<i32> {
        let status = self.evaluate(command, tested)?;
        self.state.status = status;
        let checked = matches!(command, Command::Simple { .. } | Command::Pipeline(_) | Command::Subshell(_));
        if checked && self.state.options.errexit && !tested && status != 0 {
            return Err(Interrupt::Exit(status));
        }
        Ok(status)
    }

    fn evaluate(&mut self, command: &Command, tested: bool) -> Run<i32> {
        match command {
            Command::Simple { line, assignments, words, redirects } => {
                self.state.line = *line;
                self.step()?;
                self.simple(assignments, words, redirects, tested)
            }
            Command::Pipeline(commands) => self.pipeline(commands, tested),
            Command::Not(inner) => Ok(i32::from(self.run(inner, true)? == 0)),
            Command::AndOr(first, rest) => self.and_or(first, rest, tested),
            Command::Sequence(commands) => {
                let mut status = 0;
                for command in commands {
                    status = self.run(command, tested)?;
                }
                Ok(status)
            }
            Command::Background(line, inner) => {
                self.state.line = *line;
                self.gap(b"&", "a background job");
                self.subshell(|shell| shell.run(inner, true))?;
                Ok(0)
            }
            Command::Subshell(body) => self.subshell(|shell| shell.run(body, tested)),
            Command::If(arms, otherwise) => self.if_clause(arms, otherwise.as_deref(), tested),
            Command::For { line, name, words, body } => {
                self.state.line = *line;
                self.for_clause(name, words.as_deref(), body, tested)
            }
            Command::Loop(wanted, condition, body) => self.loop_clause(*wanted, condition, body, tested),
            Command::Case { line, word, arms } => {
                self.state.line = *line;
                self.case_clause(word, arms, tested)
            }
            Command::Function(name, body) => {
                self.state.functions.insert(name.clone(), Rc::clone(body));
                Ok(0)
            }
            Command::Redirected(line, inner, redirects) => {
                self.state.line = *line;
                let (saved, result) = match self.redirect(redirects)? {
                    Ok(saved) => (saved, self.run(inner, tested)),
                    Err(saved) => (saved, Ok(2)),
                };
                self.restore(saved);
                result
            }
        }
    }

    fn and_or(&mut self, first: &Command, rest: &[(Connector, Command)], tested: bool) -> Run<i32> {
        let mut status = self.run(first, true)?;
        for (index, (connector, command)) in rest.iter().enumerate() {
            let wanted = (*connector == Connector::And) == (status == 0);
            if wanted {
                status = self.run(command, tested || index + 1 < rest.len())?;
            }
        }
        Ok(status)
    }

    fn if_clause(&mut self, arms: &[(Command, Command)], otherwise: Option<&Command>, tested: bool) -> Run<i32> {
        for (condition, body) in arms {
            if self.run(condition, true)? == 0 {
                return self.run(body, tested);
            }
        }
        otherwise.map_or(Ok(0), |body| self.run(body, tested))
    }

    fn case_clause(&mut self, word: &Word, arms: &[(Vec<Word>, Command)], tested: bool) -> Run<i32> {
        let text = self.text(&word.0, false)?;
        for (patterns, body) in arms {
            for pattern in patterns {
                if self.pattern(pattern)?.matches(&text) {
                    return self.run(body, tested);
                }
            }
        }
        Ok(0)
    }

    /// One round of a loop: `Some` status to stop with.
    fn round(&mut self, body: impl FnOnce(&mut Self) -> Run<i32>) -> Run<Result<i32, ()>> {
        self.step()?;
        self.state.loops += 1;
        let result = body(self);
        self.state.loops -= 1;
        match result {
            Ok(status) => Ok(Ok(status)),
            Err(Interrupt::Break(1)) => Ok(Err(())),
            Err(Interrupt::Break(more)) => Err(Interrupt::Break(more - 1)),
            Err(Interrupt::Continue(1)) => Ok(Ok(0)),
            Err(Interrupt::Continue(more)) => Err(Interrupt::Continue(more - 1)),
            Err(other) => Err(other),
        }
    }

    fn for_clause(&mut self, name: &[u8], words: Option<&[Word]>, body: &Command, tested: bool) -> Run<i32> {
        let values = match words {
            Some(words) => self.fields(words)?,
            None => self.state.positional.clone(),
        };
        let mut status = 0;
        for value in values {
            self.assign(name, value)?;
            match self.round(|shell| shell.run(body, tested))? {
                Ok(last) => status = last,
                Err(()) => return Ok(0),
            }
        }
        Ok(status)
    }

    fn loop_clause(&mut self, wanted: bool, condition: &Command, body: &Command, tested: bool) -> Run<i32> {
        let mut status = 0;
        loop {
            let mut ended = false;
            let round = self.round(|shell| {
                if (shell.run(condition, true)? == 0) != wanted {
                    ended = true;
                    return Ok(status);
                }
                shell.run(body, tested)
            })?;
            match round {
                Ok(last) => status = last,
                Err(()) => return Ok(0),
            }
            if ended {
                return Ok(status);
            }
        }
    }

    /// Runs `body` on a copy of this process.
    pub(super) fn subshell(&mut self, body: impl FnOnce(&mut Self) -> Run<i32>) -> Run<i32> {
        let saved = self.state.clone();
        self.state.traps.clear();
        self.state.subshell = true;
        let result = self.deeper(|shell| {
            let result = body(shell);
            shell.finish(result)
        });
        self.state = saved;
        result
    }

    fn pipeline(&mut self, commands: &[Command], tested: bool) -> Run<i32> {
        let mut input: Option<Vec<u8>> = None;
        let (mut status, mut failed) = (0, 0);
        for (index, command) in commands.iter().enumerate() {
            let output = (index + 1 < commands.len()).then(|| Stream::Output(Vec::new()).descriptor());
            let captured = output.clone();
            let bytes = input.take();
            status = self.subshell(|shell| {
                if let Some(bytes) = bytes {
                    shell.state.descriptors.insert(0, Stream::input(bytes).descriptor());
                }
                if let Some(output) = output {
                    shell.state.descriptors.insert(1, output);
                }
                shell.run(command, tested)
            })?;
            input = captured.and_then(|stream| stream.take_output());
            failed = if status == 0 { failed } else { status };
        }
        Ok(if self.state.options.pipefail { failed } else { status })
    }

    // --- simple commands -------------------------------------------------------------------------------------

    fn simple(
        &mut self,
        assignments: &[(Vec<u8>, Word)],
        words: &[Word],
        redirects: &[Redirect],
        tested: bool,
    ) -> Run<i32> {
        self.state.substitution = None;
        let fields = self.fields(words)?;
        if self.state.options.xtrace {
            let trace = [b"+ ", fields.join(&b' ').as_slice(), b"\n"].concat();
            self.write(2, &trace)?;
        }
        let special = fields.first().and_then(|name| builtins::special(name));
        let saved = match self.redirect(redirects)? {
            Ok(saved) => saved,
            Err(saved) => {
                self.restore(saved);
                return if special.is_some() { Err(Interrupt::Exit(2)) } else { Ok(2) };
            }
        };
        let result = self.assigned(assignments, &fields, tested);
        // `exec` without a command keeps its redirections.
        if fields.first().is_some_and(|name| name == b"exec") && fields.len() == 1 && result.is_ok() {
            return result;
        }
        self.restore(saved);
        result
    }

    /// Makes the assignments, for good or for the time of the command, and runs it.
    fn assigned(&mut self, assignments: &[(Vec<u8>, Word)], fields: &[Vec<u8>], tested: bool) -> Run<i32> {
        let Some(name) = fields.first() else {
            for (name, word) in assignments {
                let value = self.text(&word.0, false)?;
                self.assign(name, value)?;
            }
            return Ok(self.state.substitution.unwrap_or(0));
        };
        if builtins::special(name).is_some() && !self.state.functions.contains_key(name) {
            for (name, word) in assignments {
                let value = self.text(&word.0, false)?;
                self.assign(name, value)?;
            }
            return self.call(fields, tested, true);
        }
        let mut before: Vec<(Vec<u8>, Option<Variable>)> = Vec::new();
        for (name, word) in assignments {
            let value = self.text(&word.0, false)?;
            before.push((name.clone(), self.state.variables.get(name).cloned()));
            self.assign(name, value)?;
            self.state.variables.entry(name.clone()).or_default().exported = true;
        }
        let result = self.call(fields, tested, true);
        for (name, variable) in before.into_iter().rev() {
            match variable {
                Some(variable) => self.state.variables.insert(name, variable),
                None => self.state.variables.remove(&name),
            };
        }
        result
    }

    /// Runs a command by its name: special builtin, function, builtin, or one of [`commands`].
    pub(super) fn call(&mut self, fields: &[Vec<u8>], tested: bool, functions: bool) -> Run<i32> {
        let (name, arguments) = fields.split_first().expect("the caller looked");
        if let Some(builtin) = builtins::special(name) {
            return builtin(self, arguments, tested);
        }
        if functions && let Some(body) = self.state.functions.get(name).cloned() {
            return self.function(&body, arguments, tested);
        }
        if let Some(builtin) = builtins::regular(name) {
            return builtin(self, arguments, tested);
        }
        self.deeper(|shell| commands::run(shell, fields))
    }

    fn function(&mut self, body: &Command, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
        let positional = std::mem::replace(&mut self.state.positional, arguments.to_vec());
        let loops = std::mem::take(&mut self.state.loops);
        self.state.locals.push(Vec::new());
        let result = self.deeper(|shell| shell.run(body, tested));
        for (name, variable) in self.state.locals.pop().unwrap_or_default().into_iter().rev() {
            match variable {
                Some(variable) => self.state.variables.insert(name, variable),
                None => self.state.variables.remove(&name),
            };
        }
        self.state.loops = loops;
        self.state.positional = positional;
        match result {
            Err(Interrupt::Return(status)) => Ok(status),
            other => other,
        }
    }

    /// Runs a script as a process of its own: exported variables, open descriptors, and nothing else is handed
    /// on. `options` are its `set` letters.
    pub fn run_process(&mut self, text: &[u8], name: &[u8], arguments: &[Vec<u8>], options: &[Vec<u8>]) -> Run<i32> {
        self.process(text, name, arguments, options, &mut 0)
    }

    /// As [`Self::run_process`]; `line` becomes the one that ran last.
    fn process(
        &mut self,
        text: &[u8],
        name: &[u8],
        arguments: &[Vec<u8>],
        options: &[Vec<u8>],
        line: &mut u32,
    ) -> Run<i32> {
        self.subshell(|shell| {
            let state = &mut shell.state;
            state
                .variables
                .retain(|name, variable| variable.exported || matches!(name.as_slice(), b"OPTIND" | b"PPID"));
            state.variables.insert(b"IFS".to_vec(), Variable { value: Some(b" \t\n".to_vec()), ..Variable::default() });
            state.functions.clear();
            state.aliases.clear();
            state.locals.clear();
            state.loops = 0;
            state.subshell = false;
            state.options = super::Options::default();
            state.positional = arguments.to_vec();
            state.name = name.to_vec();
            for option in options {
                builtins::set_options(shell, option)?;
            }
            let result = shell.run_text(text, 1, false);
            *line = shell.state.line;
            result
        })
    }

    /// Runs a package's script in the place of the one that runs now: `exec` of a program that runs scripts. It has
    /// its own name in reports.
    ///
    /// # Errors
    /// A limit.
    pub(in crate::configure) fn run_maintainer(
        &mut self,
        script: &str,
        text: &[u8],
        path: &[u8],
        arguments: &[Vec<u8>],
        options: &[Vec<u8>],
    ) -> Run<i32> {
        let source = self.state.source.take();
        let before = std::mem::replace(&mut self.script, script.to_owned());
        let mut line = self.state.line;
        let result = self.process(text, path, arguments, options, &mut line);
        self.ended = Some(line);
        self.script = before;
        self.state.source = source;
        result
    }

    /// Reads a file of the tree as part of this script, or of a process of its own, for the report's sake under
    /// its own name.
    pub(super) fn within<T>(&mut self, source: &[u8], inner: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let before = self.state.source.replace(crate::tree::escape(source));
        let line = self.state.line;
        let result = inner(self);
        self.state.source = before;
        self.state.line = line;
        result
    }

    /// Runs a shell script of the tree as a process.
    pub fn run_file(&mut self, path: &[u8], arguments: &[Vec<u8>], options: &[Vec<u8>]) -> Run<i32> {
        let absolute = self.absolute(path);
        let Ok(Some(text)) = self.world.tree().read(&absolute) else {
            self.complain(&[path, b": not found"].concat())?;
            return Ok(127);
        };
        self.within(path, |shell| shell.run_process(&text, path, arguments, options))
    }
}
