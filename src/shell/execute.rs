//! Follows commands. When a failure ends the script (`set -e`) is dash's rule: a simple command, a pipeline or a
//! subshell that fails where nothing tests it. `tested` carries that "where" inwards, through functions too. bash has
//! the same rule, and `(( ))` and `[[ ]]` beside.

use std::rc::Rc;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::ast::Arm;
use super::ast::Command;
use super::ast::Connector;
use super::ast::Part;
use super::ast::Redirect;
use super::ast::Then;
use super::ast::Word;
use super::jobs;
use super::options;
use super::reader::Manner;
use super::reader::Parser;
use super::state::Defined;
use super::stream;
use super::stream::Stream;
use super::value::Table;
use super::value::Value;

/// Whether a command that fails where nothing tests it sets off `-e` and the trap ERR.
const fn is_checked(command: &Command) -> bool {
    matches!(
        command,
        Command::Simple { .. }
            | Command::Pipeline(_)
            | Command::Subshell(_)
            | Command::Arithmetic(..)
            | Command::Conditional(..)
    )
}

impl Shell<'_> {
    /// Runs a text in this very process, command by command.
    pub fn run_text(&mut self, text: &[u8], line: u32, tested: bool) -> Run<i32> {
        self.deeper(|shell| {
            let mut parser = Parser::new(text, line, Manner::default(), &shell.system.budget)?;
            let mut status = 0;
            loop {
                let bash = shell.is_bash();
                let manner = shell.manner();
                let expands = !bash || shell.state.options.expand_aliases;
                let aliases = if expands { shell.state.aliases.clone() } else { Table::default() };
                match parser.next(&aliases, manner) {
                    Ok(Some(command)) if shell.state.options.noexec => drop(command),
                    Ok(Some(command)) => {
                        status = match shell.run(&command, tested) {
                            // The rest of the line is given up, and no more.
                            Err(Interrupt::Discard) if shell.state.subshells == 0 => {
                                shell.state.status = 1;
                                1
                            }
                            other => other?,
                        }
                    }
                    Ok(None) => return Ok(status),
                    Err(error) => {
                        if let Some(spent) = error.spent {
                            return Err(spent.into());
                        }
                        shell.state.line = error.line;
                        shell.gap(shell.state.dialect.name().as_bytes(), error.message.clone());
                        shell.complain(error.message.as_bytes())?;
                        return Err(Interrupt::Exit(2));
                    }
                }
            }
        })
    }

    /// Runs one command; its status is `$?` afterwards.
    pub(super) fn run(&mut self, command: &Command, tested: bool) -> Run<i32> {
        // `set -n` counts from the next command on, in the same line too.
        if self.state.options.noexec {
            return Ok(0);
        }
        let status = self.run_unchecked(command, tested)?;
        if is_checked(command) && !tested && status != 0 {
            self.failed(status)?;
        }
        Ok(status)
    }

    /// The same, and nobody asks how it ended.
    fn run_unchecked(&mut self, command: &Command, tested: bool) -> Run<i32> {
        let status = self.evaluate(command, tested)?;
        self.state.status = status;
        let is_one = is_checked(command) && !matches!(command, Command::Pipeline(_));
        if is_one && self.is_bash() && *self.state.statuses != [status] {
            self.state.statuses = Rc::new([status]);
        }
        if self.pending.is_some() {
            self.take_signal()?;
        }
        Ok(status)
    }

    /// A command failed where nothing tests it.
    fn failed(&mut self, status: i32) -> Run<()> {
        self.error_trap(status)?;
        if self.state.options.errexit { Err(Interrupt::Exit(status)) } else { Ok(()) }
    }

    fn evaluate(&mut self, command: &Command, tested: bool) -> Run<i32> {
        match command {
            Command::Simple { line, assignments, words, redirects } => {
                self.state.line = *line;
                self.step()?;
                let (processes, arrays) = (self.processes.len(), self.arrays.len());
                let condition = std::mem::replace(&mut self.condition, tested);
                let result = self.simple(assignments, words, redirects, tested);
                self.condition = condition;
                self.close_processes(processes);
                self.arrays.truncate(arrays);
                result
            }
            Command::Pipeline(commands) => self.pipeline(commands, tested),
            // To bash `!` tests only the command itself, unless `-e` is set: then all in it, too.
            Command::Not(inner) if self.is_bash() => {
                let tested = tested || self.state.options.errexit;
                Ok(i32::from(self.run_unchecked(inner, tested)? == 0))
            }
            Command::Not(inner) => Ok(i32::from(self.run(inner, true)? == 0)),
            Command::AndOr(first, rest) => self.and_or(first, rest, tested),
            Command::Sequence(commands) => {
                let mut status = 0;
                for command in commands {
                    status = self.run(command, tested)?;
                }
                Ok(status)
            }
            Command::Background(line, inner) => self.background(*line, inner),
            Command::Subshell(body) => self.subshell(|shell| {
                shell.leave_loops();
                shell.run(body, tested)
            }),
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
            Command::Function(name, body) => self.define(name, Rc::clone(body)),
            Command::Redirected(line, inner, redirects) => self.redirected(*line, inner, redirects, tested),
            Command::Arithmetic(line, expression) => {
                self.state.line = *line;
                self.step()?;
                self.arithmetic_status(expression)
            }
            Command::ArithmeticFor { line, clauses, body } => {
                self.state.line = *line;
                self.arithmetic_for(*line, clauses, body, tested)
            }
            Command::Conditional(line, condition) => {
                self.state.line = *line;
                self.step()?;
                self.conditional(condition)
            }
            Command::Time(portable, inner) => {
                let status = self.run(inner, tested)?;
                // The only time there is stands still.
                let zeros: &[u8] = if *portable {
                    b"real 0.00\nuser 0.00\nsys 0.00\n"
                } else {
                    b"\nreal\t0m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\n"
                };
                self.write(2, zeros)?;
                Ok(status)
            }
        }
    }

    fn define(&mut self, name: &[u8], function: Rc<super::ast::Function>) -> Run<i32> {
        let defined = Defined { function, file: self.file() };
        self.state.functions.insert(&self.system.budget, name, defined)?;
        Ok(0)
    }

    fn redirected(&mut self, line: u32, inner: &Command, redirects: &[Redirect], tested: bool) -> Run<i32> {
        if line > 0 {
            self.state.line = line;
        }
        let processes = self.processes.len();
        let (saved, result) = match self.redirect(redirects)? {
            Ok(saved) => (saved, self.run(inner, tested)),
            Err(saved) => {
                let status = if self.is_bash() { 1 } else { 2 };
                self.state.status = status;
                let result = if tested { Ok(()) } else { self.failed(status) };
                (saved, result.map(|()| status))
            }
        };
        self.restore(saved);
        self.close_processes(processes);
        result
    }

    /// Closes what `<(…)` opened for a command.
    fn close_processes(&mut self, from: usize) {
        for number in self.processes.drain(from..) {
            self.state.descriptors.remove(&number);
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

    fn case_clause(&mut self, word: &Word, arms: &[Arm], tested: bool) -> Run<i32> {
        let text = self.text(&word.0, false)?;
        let text = self.keep(text)?;
        let (mut status, mut falls) = (0, false);
        for arm in arms {
            if !falls && !self.matches_any(&arm.patterns, &text)? {
                continue;
            }
            status = self.run(&arm.body, tested)?;
            match arm.then {
                Then::Leave => return Ok(status),
                Then::Fall => falls = true,
                Then::Match => falls = false,
            }
        }
        Ok(status)
    }

    fn matches_any(&mut self, patterns: &[Word], text: &[u8]) -> Run<bool> {
        for pattern in patterns {
            let pattern = self.pattern(pattern)?;
            if pattern.matches(text, &self.system.budget)? {
                return Ok(true);
            }
        }
        Ok(false)
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
            Err(Interrupt::Continue(1)) => {
                self.state.status = 0;
                Ok(Ok(0))
            }
            Err(Interrupt::Continue(more)) => Err(Interrupt::Continue(more - 1)),
            Err(other) => Err(other),
        }
    }

    fn for_clause(&mut self, name: &[u8], words: Option<&[Word]>, body: &Command, tested: bool) -> Run<i32> {
        let (fields, positional) = match words {
            Some(words) => (Some(self.fields(words)?), None),
            None => (None, Some(self.state.positional.clone())),
        };
        let values = fields.as_deref().or(positional.as_deref()).unwrap_or_default();
        let mut status = 0;
        for value in values {
            self.assign(name, value.clone())?;
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

    /// The value of an expression of bash's, as a status; an error is status 1, and no more.
    fn arithmetic_status(&mut self, expression: &[Part]) -> Run<i32> {
        match self.clause(expression) {
            Ok(value) => Ok(i32::from(value == 0)),
            Err(Interrupt::Discard) => Ok(1),
            Err(other) => Err(other),
        }
    }

    fn clause(&mut self, expression: &[Part]) -> Run<i64> {
        let text = self.text(expression, true)?;
        self.arithmetic(&text)
    }

    fn arithmetic_for(&mut self, line: u32, clauses: &[Vec<Part>; 3], body: &Command, tested: bool) -> Run<i32> {
        let [first, condition, next] = clauses;
        self.clause(first)?;
        let mut status = 0;
        // A condition that is not written holds.
        let is_blank = |part: &Part| matches!(part, Part::Plain(text) if text.iter().all(u8::is_ascii_whitespace));
        let always = condition.iter().all(is_blank);
        loop {
            self.state.line = line;
            if !always && self.clause(condition)? == 0 {
                return Ok(status);
            }
            match self.round(|shell| shell.run(body, tested))? {
                Ok(last) => status = last,
                Err(()) => return Ok(0),
            }
            self.state.line = line;
            self.clause(next)?;
        }
    }

    /// Runs `body` on a copy of this process.
    pub(super) fn subshell(&mut self, body: impl FnOnce(&mut Self) -> Run<i32>) -> Run<i32> {
        // What is copied; tables and values are shared.
        self.spend(self.state.directory.len() + 16 * (self.state.descriptors.len() + self.state.frames.len()))?;
        let saved = self.state.clone();
        let processes = self.processes.len();
        self.state.jobs = self.state.jobs.of_subshell();
        // What is ignored stays so.
        if !self.state.traps.is_empty() {
            if self.is_bash() && self.state.inherited.is_empty() {
                self.state.inherited = self.state.traps.clone();
            }
            let keeps_errors = self.is_bash() && self.state.options.errtrace;
            let traps = self.state.traps.own(&self.system.budget)?;
            traps.retain(|name, action| action.is_empty() && **name != *b"EXIT" || keeps_errors && **name == *b"ERR");
        }
        self.state.subshells += 1;
        let result = self.deeper(|shell| {
            let result = body(shell);
            shell.finish(result)
        });
        self.state = saved;
        self.processes.truncate(processes);
        // That is all that a process can say of its end.
        result.map(|status| status & 0xff)
    }

    /// `command &`
    fn background(&mut self, line: u32, command: &Command) -> Run<i32> {
        self.state.line = line;
        if jobs::begins_with_sleep(command) {
            let process = self.new_process();
            self.state.jobs.sleep(process, line);
            return Ok(0);
        }
        self.gap(b"&", "a background job");
        self.subshell(|shell| shell.run(command, true))?;
        Ok(0)
    }

    /// What sleeps now will wake up.
    pub(super) fn wake_jobs(&mut self) {
        let here = self.state.line;
        for line in self.state.jobs.wake() {
            self.state.line = line;
            self.gap(b"&", "a background job that is not killed in its sleep");
        }
        self.state.line = here;
    }

    /// In a subshell of bash's no loop goes on that is outside of it.
    const fn leave_loops(&mut self) {
        if self.is_bash() {
            self.state.loops = 0;
        }
    }

    fn pipeline(&mut self, commands: &[Command], tested: bool) -> Run<i32> {
        let mut input: Option<Value> = None;
        let mut statuses = Vec::new();
        let listed = options::asks_for_names(commands).filter(|_| self.is_bash());
        let mut line = self.state.line;
        for (index, command) in commands.iter().enumerate() {
            let output = (index + 1 < commands.len()).then(|| Stream::output().descriptor());
            let captured = output.clone();
            let bytes = input.take();
            let status = self.subshell(|shell| {
                if let Some(bytes) = bytes {
                    shell.state.descriptors.insert(0, Stream::input(bytes).descriptor());
                }
                if let Some(output) = output {
                    shell.state.descriptors.insert(1, output);
                }
                shell.leave_loops();
                let result = match command {
                    _ if index == 0 && listed.is_some() => shell.list_names(listed.unwrap_or_default()),
                    // bash asks only how the whole pipeline ended.
                    Command::Simple { .. } | Command::Subshell(_) if shell.is_bash() => {
                        shell.run_unchecked(command, tested)
                    }
                    _ => shell.run(command, tested),
                };
                line = shell.state.line;
                result
            })?;
            input = captured.and_then(|stream| stream::take_output(&stream)).map(Value::from);
            statuses.push(status);
        }
        let last = statuses.last().copied().unwrap_or(0);
        let failed = statuses.iter().rev().find(|status| **status != 0).copied().unwrap_or(0);
        self.state.statuses = statuses.into();
        if self.is_bash() {
            self.state.line = line;
        }
        // A subshell in parentheses that is the last is asked for as one, besides.
        if self.is_bash() && !tested && last != 0 && matches!(commands.last(), Some(Command::Subshell(_))) {
            self.failed(last)?;
        }
        Ok(if self.state.options.pipefail { failed } else { last })
    }
}
