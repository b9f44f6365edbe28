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
        let (readonly, form) =
            self.state.variables.get(name).map_or((false, Form::Text), |known| (known.readonly, known.form));
        if readonly {
            return self.is_readonly(name);
        }
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
        // bash looks at `set -e` where it says this, wherever that is: within a condition, too.
        if self.is_bash() && self.state.options.errexit {
            self.complain(&[name, what].concat())?;
            return Err(Interrupt::Exit(if self.state.status == 0 { 1 } else { self.state.status }));
        }
        self.fatal(&[name, what].concat())
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
        Err(Interrupt::Exit(if self.is_bash() { 1 } else { 2 }))
    }
}
