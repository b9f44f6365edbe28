//! Variables of a shell: read, assigned, handed on.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::value::Value;
use super::variable::Form;
use super::variable::Variable;

impl Shell<'_> {
    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        self.state.variables.get(name)?.text().map(|value| &**value)
    }

    /// The value of a variable, to keep.
    pub(super) fn shared(&self, name: &[u8]) -> Option<Value> {
        self.state.variables.get(name)?.text().cloned()
    }

    /// Keeps bytes as a value.
    pub(super) fn keep(&self, bytes: Vec<u8>) -> Run<Value> {
        Ok(Value::new(&self.system.budget, bytes)?)
    }

    /// Gives a variable a value.
    ///
    /// # Errors
    /// It is read-only: dash ends with status 2, bash gives up the line.
    pub fn assign(&mut self, name: &[u8], value: Vec<u8>) -> Run<()> {
        let value = self.keep(value)?;
        self.assign_value(name, value)
    }

    /// As [`Shell::assign`], for what is kept already.
    pub(super) fn assign_value(&mut self, name: &[u8], value: Value) -> Run<()> {
        let form = self.state.variables.get(name).map_or(Form::Text, |known| known.form);
        if self.is_fixed(name) {
            return self.is_readonly(name);
        }
        self.means_more(name);
        let value = self.formed(form, value)?;
        let allexport = self.state.options.allexport;
        let budget = &self.system.budget;
        budget.read(name.len())?;
        let variables = self.state.variables.own(budget)?;
        let variable = match variables.get_mut(name) {
            Some(variable) => variable,
            None => variables.entry(name.into()).or_default(),
        };
        variable.set(budget, value)?;
        variable.exported |= allexport;
        if name == b"OPTIND" {
            self.begin_getopts()?;
        }
        Ok(())
    }

    /// What a variable of this form becomes.
    pub(super) fn formed(&mut self, form: Form, value: Value) -> Run<Value> {
        match form {
            Form::Text => Ok(value),
            Form::Integer => {
                let number = self.arithmetic(&value)?;
                self.keep(number.to_string().into_bytes())
            }
            Form::Upper => self.keep(value.to_ascii_uppercase()),
            Form::Lower => self.keep(value.to_ascii_lowercase()),
        }
    }

    /// Says that a variable may not be changed, and gives up.
    pub(super) fn is_readonly<T>(&mut self, name: &[u8]) -> Run<T> {
        let what: &[u8] = if self.is_bash() { b": readonly variable" } else { b": is read only" };
        self.reported(&[name, what].concat())
    }

    /// What bash says looking at `set -e` then, wherever that is: within a condition, too.
    pub(super) fn reported<T>(&mut self, message: &[u8]) -> Run<T> {
        if self.is_bash() && self.state.options.errexit {
            self.complain(message)?;
            return Err(Interrupt::Exit(if self.state.status == 0 { 1 } else { self.state.status }));
        }
        self.fatal(message)
    }

    /// Whether a variable may not be changed: it was said so, or it is one that bash keeps for itself.
    pub(super) fn is_fixed(&self, name: &[u8]) -> bool {
        let own: [&[u8]; 6] = [b"BASHOPTS", b"BASH_VERSINFO", b"EUID", b"PPID", b"SHELLOPTS", b"UID"];
        self.is_bash() && own.contains(&name) || self.state.variables.get(name).is_some_and(|known| known.readonly)
    }

    /// Says so when an assignment means something to bash that is not followed (bash(1), Shell Variables).
    pub(super) fn means_more(&mut self, name: &[u8]) {
        const MORE: [&[u8]; 23] = [
            b"BASHPID",
            b"BASH_ALIASES",
            b"BASH_ARGV0",
            b"BASH_CMDS",
            b"BASH_COMMAND",
            b"BASH_COMPAT",
            b"BASH_ENV",
            b"BASH_SUBSHELL",
            b"BASH_XTRACEFD",
            b"DIRSTACK",
            b"EPOCHREALTIME",
            b"EPOCHSECONDS",
            b"EXECIGNORE",
            b"FUNCNAME",
            b"FUNCNEST",
            b"GLOBIGNORE",
            b"GLOBSORT",
            b"GROUPS",
            b"HISTCMD",
            b"LINENO",
            b"POSIXLY_CORRECT",
            b"RANDOM",
            b"SRANDOM",
        ];
        if self.is_bash() && name.first().is_some_and(u8::is_ascii_uppercase) && MORE.contains(&name) {
            self.lacks(format!("an assignment to `{}`", String::from_utf8_lossy(name)));
        }
    }

    /// Changes a variable's attributes; makes it when there is none.
    pub(super) fn change(&mut self, name: &[u8], change: impl FnOnce(&mut Variable)) -> Run<()> {
        self.system.budget.read(name.len())?;
        change(self.state.variables.own(&self.system.budget)?.entry(name.into()).or_default());
        Ok(())
    }

    /// Takes a variable away.
    pub(super) fn remove_variable(&mut self, name: &[u8]) -> Run<()> {
        self.state.variables.remove(&self.system.budget, name)?;
        Ok(())
    }

    /// bash's `unset`: what a command was given for its time is gone, and so is a variable of a function that called
    /// this one; what they hid is there again. A function's own variable is its own still.
    pub(super) fn unset_bash(&mut self, name: &[u8]) -> Run<()> {
        if let Some(place) = self.visible_temporary(name) {
            let temporary = &mut self.state.temporaries[place];
            temporary.gone = true;
            let before = temporary.before.take();
            return self.put_back(name, before);
        }
        let frames = &self.state.frames;
        let own = frames.iter().rposition(|frame| frame.hidden.is_some());
        let hiding = frames.iter().rposition(|frame| frame.hides(name));
        let Some(place) = hiding.filter(|place| own != Some(*place)) else { return self.remove_variable(name) };
        let mut frame = (*self.state.frames[place]).clone();
        let before = match &mut frame.hidden {
            Some(hidden) => hidden.remove(&self.system.budget, name)?,
            None => None,
        };
        self.state.frames[place] = std::rc::Rc::new(frame);
        self.put_back(name, before.flatten())
    }

    /// Which of [`State::temporaries`](super::State) a name means now.
    pub(super) fn visible_temporary(&self, name: &[u8]) -> Option<usize> {
        let all = &self.state.temporaries;
        let place = all.iter().rposition(|temporary| !temporary.gone && *temporary.name == *name)?;
        let above = self.state.frames.get(all[place].depth..).unwrap_or_default();
        (!above.iter().any(|frame| frame.hides(name))).then_some(place)
    }

    /// Puts back what a variable was.
    pub(super) fn put_back(&mut self, name: &[u8], variable: Option<Variable>) -> Run<()> {
        match variable {
            Some(variable) => self.state.variables.insert(&self.system.budget, name, variable)?,
            None => self.state.variables.remove(&self.system.budget, name)?,
        };
        Ok(())
    }

    /// Gives a variable of the environment a value, read-only or not: what a program does to its own environment
    /// before it runs another one.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn export(&mut self, name: &[u8], value: &[u8]) -> Run<()> {
        let value = self.keep(value.to_vec())?;
        let variable = Variable { exported: true, ..Variable::of(value) };
        self.state.variables.insert(&self.system.budget, name, variable)?;
        Ok(())
    }

    /// The environment that commands see. Arrays are never in it.
    pub fn environment(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.state
            .variables
            .iter()
            .filter(|(name, variable)| variable.exported && variable.array.is_none() && !name.is_empty())
            .filter_map(|(name, variable)| variable.text().map(|value| (name, &**value)))
    }

    /// The separators of fields.
    pub(super) fn separators(&self) -> Value {
        match self.shared(b"IFS") {
            Some(separators) => separators,
            None => super::value::Buffer::fixed(b" \t\n").into(),
        }
    }

    /// What stops bash's `set -u`, and dash's.
    pub(super) fn unbound<T>(&mut self, name: &[u8]) -> Run<T> {
        let what: &[u8] = if self.is_bash() { b": unbound variable" } else { b": parameter not set" };
        self.complain(&[name, what].concat())?;
        Err(Interrupt::Exit(self.unset_status()))
    }

    /// How a shell ends that misses a variable; of bash's `-c` as if it was no command.
    pub(super) const fn unset_status(&self) -> i32 {
        match self.state.origin {
            _ if !self.is_bash() => 2,
            super::Origin::Words if self.state.subshells == 0 => 127,
            _ => 1,
        }
    }
}
