//! Simple commands: what is assigned, what is called (POSIX 2.9.1).

use std::rc::Rc;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::ast::Assigned;
use super::ast::Assignment;
use super::ast::Redirect;
use super::ast::Word;
use super::names;
use super::state::Defined;
use super::state::Frame;
use super::state::Temporary;
use super::value::Table;
use super::value::Words;

impl Shell<'_> {
    pub(super) fn simple(
        &mut self,
        assignments: &[Assignment],
        words: &[Word],
        redirects: &[Redirect],
        tested: bool,
    ) -> Run<i32> {
        self.state.substitution = None;
        let fields = self.fields(words)?;
        if self.state.options.xtrace {
            self.trace(assignments, &fields)?;
        }
        let special = fields.first().is_some_and(|name| !self.is_bash() && names::special(name).is_some());
        // Without a command bash assigns first, and redirects for nothing.
        if self.is_bash() && fields.is_empty() && !assignments.is_empty() && !redirects.is_empty() {
            let status = self.assigned(assignments, &fields, tested)?;
            let redirected = self.redirect(redirects)?;
            let failed = redirected.is_err();
            let (Ok(saved) | Err(saved)) = redirected;
            self.restore(saved);
            self.state.last = Some(self.keep(Vec::new())?);
            return Ok(if failed { 1 } else { status });
        }
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
        // `exec` without a command keeps its redirections.
        if matches!(super::path::behind_command(&fields), [only] if only == b"exec") && result.is_ok() {
            return result;
        }
        self.restore(saved);
        result
    }

    fn trace(&mut self, assignments: &[Assignment], fields: &[Vec<u8>]) -> Run<()> {
        let head = self.shared(b"PS4");
        let head = head.as_deref().unwrap_or_default();
        self.spend(fields.iter().map(|field| 2 * field.len() + 1).sum())?;
        let trace = if self.is_bash() {
            // What only people read need not be the same to the byte.
            let read = !self.tells_people();
            let shown: Vec<Option<Vec<u8>>> = fields.iter().map(|field| super::quote::traced(field)).collect();
            if read && (!assignments.is_empty() || self.state.subshells > 0 || shown.iter().any(Option::is_none)) {
                self.lacks("the trace of `set -x` that a script reads");
            }
            shown.into_iter().zip(fields).map(|(shown, field)| shown.unwrap_or_else(|| field.clone())).collect()
        } else {
            fields.to_vec()
        };
        let trace = [head, trace.join(&b' ').as_slice(), b"\n"].concat();
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
        let start = self.state.temporaries.len();
        let made = self.make_temporaries(assignments);
        let result = if made.is_ok() { self.call(fields, tested, true) } else { made.map(|()| 0) };
        while self.state.temporaries.len() > start {
            let temporary = self.state.temporaries.pop().expect("there is one");
            if !temporary.gone {
                self.put_back(&temporary.name, temporary.before)?;
            }
        }
        result
    }

    /// Makes assignments for the time of a command.
    fn make_temporaries(&mut self, assignments: &[Assignment]) -> Run<()> {
        for assignment in assignments {
            let name = assignment.name.as_slice();
            // bash says so, and runs the command all the same.
            if self.is_bash() && self.is_fixed(name) && !self.state.options.errexit {
                self.complain(&[name, b": readonly variable"].concat())?;
                continue;
            }
            let before = self.state.variables.get(name).cloned();
            let depth = self.state.frames.len();
            self.spend(64 + name.len())?;
            self.state.temporaries.push(Temporary { name: name.into(), depth, before, gone: false });
            self.assign_one(assignment)?;
            self.change(name, |variable| variable.exported = true)?;
        }
        Ok(())
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
        let line = self.state.line;
        let frame =
            Frame { function: name.into(), file: Rc::clone(&defined.file), line, hidden: Some(Table::default()) };
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
        if self.is_bash() && matches!(result, Ok(_) | Err(Interrupt::Return(_))) {
            self.state.line = line;
        }
        let inside = self.state.frames.iter().any(|frame| frame.hidden.is_some());
        self.state.abandoned = !inside && matches!(result, Err(Interrupt::Discard));
        match result {
            Err(Interrupt::Return(status)) => Ok(status),
            other => other,
        }
    }
}
