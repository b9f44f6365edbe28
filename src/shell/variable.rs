//! Variables: their values, their attributes, and what they become when they are assigned.

use std::rc::Rc;

use super::array::Array;
use super::value::Value;
use crate::budget::Budget;
use crate::budget::Spent;

/// A variable.
#[derive(Debug, Clone, Default)]
pub struct Variable {
    /// `None`: it has attributes but no value, or is an array.
    pub(super) value: Option<Value>,
    /// In the environment of commands.
    pub exported: bool,
    /// May not be changed.
    pub readonly: bool,
    /// What bash does to what is assigned.
    pub(super) form: Form,
    /// bash's arrays.
    pub(super) array: Option<Rc<Array>>,
}

/// bash's attributes that change what is assigned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Itself.
    #[default]
    Text,
    /// `-i`: its value as an expression.
    Integer,
    /// `-u`
    Upper,
    /// `-l`
    Lower,
}

impl Variable {
    /// A variable of the shell.
    #[must_use]
    pub fn of(value: Value) -> Self {
        Self { value: Some(value), ..Self::default() }
    }

    /// Its value; of an array the element 0.
    #[must_use]
    pub fn text(&self) -> Option<&Value> {
        match &self.array {
            Some(array) => array.get(b"0"),
            None => self.value.as_ref(),
        }
    }

    /// Gives it a value; of an array the element 0.
    pub(super) fn set(&mut self, budget: &Budget, value: Value) -> Result<(), Spent> {
        match &mut self.array {
            Some(array) => Array::own(array, budget)?.set(budget, b"0", value),
            None => {
                self.value = Some(value);
                Ok(())
            }
        }
    }

    /// Makes it an array, its value the first element; one without elements is there, but unset.
    pub(super) fn become_array(&mut self, budget: &Budget, associative: bool) -> Result<&mut Array, Spent> {
        let array = match &mut self.array {
            Some(array) => array,
            empty => {
                let mut new = Array::new(budget, associative)?;
                if let Some(value) = self.value.take() {
                    new.set(budget, b"0", value)?;
                }
                empty.insert(Rc::new(new))
            }
        };
        Array::own(array, budget)
    }

    /// Takes its value away, its attributes stay.
    pub(super) fn clear(&mut self) {
        (self.value, self.array) = (None, None);
    }
}
