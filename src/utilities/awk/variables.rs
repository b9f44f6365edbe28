//! Variables of an awk program, its own and those that awk knows.

use std::cell::RefCell;
use std::rc::Rc;

use super::ast::Expression;
use super::ast::Name;
use super::run::Machine;
use super::run::Slot;
use super::run::special;
use super::values;
use super::values::Array;
use super::values::Text;
use super::values::Value;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;

impl<'c, 's, 'w> Machine<'c, 's, 'w> {
    pub(super) fn slot(&mut self, name: Name) -> &mut Slot {
        match name {
            Name::Global(index) => &mut self.globals[index],
            Name::Local(index) => {
                let frame = self.frames.last_mut();
                frame.and_then(|frame| frame.get_mut(index)).expect("a function has its parameters")
            }
        }
    }

    pub(super) fn value(&mut self, name: Name) -> Result<Value, Fault> {
        if name == Name::Global(special("NF")) {
            self.split_record()?;
            return Ok(Value::Number(self.fields.as_ref().map_or(0, |fields| fields.len()) as f64));
        }
        match self.slot(name) {
            Slot::Value(value) => Ok(value.clone()),
            Slot::Array(_) => Err(Fault::gap("an array where a value is needed")),
        }
    }

    pub(super) fn set(&mut self, name: Name, value: Value) -> Result<(), Fault> {
        if name == Name::Global(special("NF")) {
            let count = values::to_index(value.number(self.dialect)?)?;
            self.resize_fields(count)?;
            return self.join_fields();
        }
        match self.slot(name) {
            Slot::Value(slot) => *slot = value,
            Slot::Array(_) => return Err(Fault::gap("a value where an array is needed")),
        }
        Ok(())
    }

    /// The array of a name; what was nothing yet becomes one.
    pub(super) fn array(&mut self, name: Name) -> Result<Rc<RefCell<Array>>, Fault> {
        let budget = self.budget.clone();
        let slot = self.slot(name);
        match slot {
            Slot::Array(array) => Ok(Rc::clone(array)),
            Slot::Value(Value::Unset) => {
                let array = Rc::new(RefCell::new(Array::new(&budget)?));
                *slot = Slot::Array(Rc::clone(&array));
                Ok(array)
            }
            Slot::Value(_) => Err(Fault::gap("a value where an array is needed")),
        }
    }

    pub(super) fn is_array(&mut self, name: Name) -> bool {
        matches!(self.slot(name), Slot::Array(_))
    }

    pub(super) fn special_text(&mut self, name: &str) -> Result<Text, Fault> {
        let value = self.value(Name::Global(special(name)))?;
        self.text(&value)
    }

    /// A value as a text; numbers by CONVFMT.
    pub(super) fn text(&mut self, value: &Value) -> Result<Text, Fault> {
        match value {
            Value::Text(text) | Value::Both(text, _) => Ok(text.clone()),
            Value::Unset => Ok(Text::new(b"", &self.budget)?),
            Value::Number(_) => self.text_by(value, "CONVFMT"),
        }
    }

    pub(super) fn text_by(&mut self, value: &Value, format: &str) -> Result<Text, Fault> {
        let Value::Number(number) = value else { return self.text(value) };
        let format = match &self.globals[special(format)] {
            Slot::Value(Value::Text(text) | Value::Both(text, _)) => text.clone(),
            _ => return Err(Fault::gap("a number as the format of numbers")),
        };
        let made = values::number_text(*number, &format, self.dialect, &self.budget)?;
        Ok(Text::new(&made, &self.budget)?)
    }

    pub(super) fn key(&mut self, index: &'c [Expression]) -> Result<Text, Fault> {
        if let [only] = index {
            let value = self.evaluate(only)?;
            return self.text(&value);
        }
        let mut key = Buffer::new(&self.budget)?;
        let between = self.special_text("SUBSEP")?;
        for (place, part) in index.iter().enumerate() {
            if place > 0 {
                key.extend(&between)?;
            }
            let value = self.evaluate(part)?;
            key.extend(&self.text(&value)?)?;
        }
        if *self.special_text("SUBSEP")? != *between {
            return Err(Fault::gap("an index that sets SUBSEP"));
        }
        Ok(Text::new(&key, &self.budget)?)
    }
}
