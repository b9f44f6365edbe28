//! Follows commands. When a failure ends the script (`set -e`) is dash's rule: a simple command, a pipeline or a
//! subshell that fails where nothing tests it. `tested` carries that "where" inwards, through functions too. bash has
//! the same rule, and `(( ))` and `[[ ]]` beside.

use std::rc::Rc;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::Variable;
use super::ast::Arm;
use super::ast::Assigned;
use super::ast::Assignment;
use super::ast::Command;
use super::ast::Connector;
use super::ast::Part;
use super::ast::Redirect;
use super::ast::Then;
use super::ast::Word;
use super::names;
use super::options;
use super::reader::Manner;
use super::reader::Parser;
use super::state::Defined;
use super::state::Frame;
use super::stream;
use super::stream::Stream;
use super::value::Table;
use super::value::Value;
use super::value::Words;

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
                let manner = Manner { dialect: shell.state.dialect, groups: shell.state.options.extglob };
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
                let result = self.simple(assignments, words, redirects, tested);
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
            Command::Function(name, body) => self.define(name, Rc::clone(body)),
            Command::Redirected(line, inner, redirects) => self.redirected(*line, inner, redirects, tested),
            Command::Arithmetic(line, expression) => {
                self.state.line = *line;
                self.step()?;
                self.arithmetic_status(expression)
            }
            Command::ArithmeticFor { line, clauses, body } => {
                self.state.line = *line;
                self.arithmetic_for(clauses, body, tested)
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

    fn arithmetic_for(&mut self, clauses: &[Vec<Part>; 3], body: &Command, tested: bool) -> Run<i32> {
        let [first, condition, next] = clauses;
        self.clause(first)?;
        let mut status = 0;
        // A condition that is not written holds.
        while condition.is_empty() || self.clause(condition)? != 0 {
            match self.round(|shell| shell.run(body, tested))? {
                Ok(last) => status = last,
                Err(()) => return Ok(0),
            }
            self.clause(next)?;
        }
        Ok(status)
    }

    /// Runs `body` on a copy of this process.
    pub(super) fn subshell(&mut self, body: impl FnOnce(&mut Self) -> Run<i32>) -> Run<i32> {
        // What is copied; tables and values are shared.
        self.spend(self.state.directory.len() + 16 * (self.state.descriptors.len() + self.state.frames.len()))?;
        let saved = self.state.clone();
        let processes = self.processes.len();
        // What is ignored stays so.
        if !self.state.traps.is_empty() {
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

    fn pipeline(&mut self, commands: &[Command], tested: bool) -> Run<i32> {
        let mut input: Option<Value> = None;
        let mut statuses = Vec::new();
        let listed = options::asks_for_names(commands).filter(|_| self.is_bash());
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
                match command {
                    _ if index == 0 && listed.is_some() => shell.list_names(listed.unwrap_or_default()),
                    // bash asks only how the whole pipeline ended.
                    Command::Simple { .. } | Command::Subshell(_) if shell.is_bash() => {
                        shell.run_unchecked(command, tested)
                    }
                    _ => shell.run(command, tested),
                }
            })?;
            input = captured.and_then(|stream| stream::take_output(&stream)).map(Value::from);
            statuses.push(status);
        }
        let last = statuses.last().copied().unwrap_or(0);
        let failed = statuses.iter().rev().find(|status| **status != 0).copied().unwrap_or(0);
        self.state.statuses = statuses.into();
        // A subshell in parentheses that is the last is asked for as one, besides.
        if self.is_bash() && !tested && last != 0 && matches!(commands.last(), Some(Command::Subshell(_))) {
            self.failed(last)?;
        }
        Ok(if self.state.options.pipefail { failed } else { last })
    }

    // --- simple commands -------------------------------------------------------------------------------------

    fn simple(&mut self, assignments: &[Assignment], words: &[Word], redirects: &[Redirect], tested: bool) -> Run<i32> {
        self.state.substitution = None;
        let fields = self.fields(words)?;
        if self.state.options.xtrace {
            self.trace(&fields)?;
        }
        let special = fields.first().is_some_and(|name| !self.is_bash() && names::special(name).is_some());
        let saved = match self.redirect(redirects)? {
            Ok(saved) => saved,
            Err(saved) => {
                self.restore(saved);
                if let Some(word) = fields.last().filter(|_| self.is_bash()) {
                    self.state.last = Some(self.keep(word.clone())?);
                }
                return match special {
                    true => Err(Interrupt::Exit(2)),
                    false => Ok(if self.is_bash() { 1 } else { 2 }),
                };
            }
        };
        let result = self.assigned(assignments, &fields, tested);
        // An assignment to what may not be changed ends the line, and is no last command.
        if self.is_bash() && !matches!(result, Err(Interrupt::Discard)) {
            self.state.last = Some(self.keep(fields.last().cloned().unwrap_or_default())?);
        }
        if names::is_bare_exec(&fields) && result.is_ok() {
            return result;
        }
        self.restore(saved);
        result
    }

    fn trace(&mut self, fields: &[Vec<u8>]) -> Run<()> {
        let head = self.shared(b"PS4");
        let head = head.as_deref().unwrap_or_default();
        self.spend(fields.iter().map(|field| field.len() + 1).sum())?;
        let trace = [head, fields.join(&b' ').as_slice(), b"\n"].concat();
        self.write(2, &trace).map(drop)
    }

    fn assign_one(&mut self, assignment: &Assignment) -> Run<()> {
        match assignment {
            Assignment { name, subscript: None, append: false, value: Assigned::Text(word) } => {
                let value = self.text(&word.0, false)?;
                self.assign(name, value)
            }
            other => self.assign_compound(other),
        }
    }

    /// Makes the assignments, for good or for the time of the command, and runs it.
    fn assigned(&mut self, assignments: &[Assignment], fields: &[Vec<u8>], tested: bool) -> Run<i32> {
        let lasting = fields.first().is_none_or(|name| {
            !self.is_bash() && names::special(name).is_some() && !self.state.functions.contains(name)
        });
        if lasting {
            for assignment in assignments {
                self.assign_one(assignment)?;
                // The program that takes this one's place gets it.
                if fields.len() > 1 && fields[0] == b"exec" {
                    self.change(&assignment.name, |variable| variable.exported = true)?;
                }
            }
            return match fields {
                [] => Ok(self.state.substitution.unwrap_or(0)),
                fields => self.call(fields, tested, true),
            };
        }
        let mut before: Vec<(&[u8], Option<Variable>)> = Vec::new();
        for assignment in assignments {
            before.push((&assignment.name, self.state.variables.get(&assignment.name).cloned()));
            self.assign_one(assignment)?;
            self.change(&assignment.name, |variable| variable.exported = true)?;
        }
        let result = self.call(fields, tested, true);
        for (name, variable) in before.into_iter().rev() {
            self.put_back(name, variable)?;
        }
        result
    }

    /// Runs a command by its name: special builtin, function, builtin, or a program of the system; bash looks for a
    /// function first.
    pub(super) fn call(&mut self, fields: &[Vec<u8>], tested: bool, functions: bool) -> Run<i32> {
        let (name, arguments) = fields.split_first().expect("the caller looked");
        let special = names::special(name).filter(|_| !(self.is_bash() && functions));
        if let Some(builtin) = special {
            return builtin(self, arguments, tested);
        }
        if functions && let Some(defined) = self.state.functions.get(name).cloned() {
            return self.function(name, &defined, arguments, tested);
        }
        if let Some(builtin) = names::find(name, self.state.dialect) {
            return self.survived(|shell| builtin(shell, arguments, tested));
        }
        self.deeper(|shell| shell.program(fields))
    }

    /// Runs what an error does not end the shell in: in dash a builtin that is not special, or one behind `command`.
    pub(super) fn survived(&mut self, run: impl FnOnce(&mut Self) -> Run<i32>) -> Run<i32> {
        let before = std::mem::take(&mut self.failed_fatally);
        let result = run(self);
        let fatal = std::mem::replace(&mut self.failed_fatally, before);
        match result {
            Err(Interrupt::Exit(status)) if fatal && !self.is_bash() => Ok(status),
            other => other,
        }
    }

    fn function(&mut self, name: &[u8], defined: &Defined, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
        let arguments = Words::copy(&self.system.budget, arguments)?.into();
        let positional = std::mem::replace(&mut self.state.positional, arguments);
        let loops = std::mem::take(&mut self.state.loops);
        let getopts = self.state.getopts;
        if !self.is_bash() {
            self.state.getopts = super::state::Place::default();
        }
        let frame = Frame {
            function: name.into(),
            file: Rc::clone(&defined.file),
            line: self.state.line,
            hidden: Some(Table::default()),
        };
        self.state.frames.push(Rc::new(frame));
        let result = self.deeper(|shell| shell.run(&defined.function.body, tested));
        (self.state.loops, self.state.positional) = (loops, positional);
        if let Some(hidden) = self.state.frames.pop().and_then(|frame| frame.hidden.clone()) {
            for (name, variable) in hidden.iter() {
                self.put_back(name, variable.clone())?;
            }
            if self.is_bash() && hidden.contains(b"OPTIND") {
                self.begin_getopts()?;
            }
        }
        if !self.is_bash() {
            self.state.getopts = getopts;
        }
        let inside = self.state.frames.iter().any(|frame| frame.hidden.is_some());
        self.state.abandoned = !inside && matches!(result, Err(Interrupt::Discard));
        match result {
            Err(Interrupt::Return(status)) => Ok(status),
            other => other,
        }
    }
}
