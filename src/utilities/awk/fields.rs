//! The record and its fields: each is made of the other when somebody asks.

use super::ast::Expression;
use super::dialect::Dialect;
use super::run::EXPRESSIONS_MAX;
use super::run::Machine;
use super::values;
use super::values::Text;
use super::values::Value;
use crate::budget::Budget;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::buffer::Kept;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;

impl<'c, 's, 'w> Machine<'c, 's, 'w> {
    pub(super) fn record(&self) -> Text {
        self.record.clone()
    }

    pub(super) fn set_record(&mut self, record: Text) -> Result<(), Fault> {
        self.separator = self.special_text("FS")?;
        self.paragraph = self.special_text("RS")?.is_empty();
        self.record = record;
        self.fields = None;
        Ok(())
    }

    pub(super) fn split_record(&mut self) -> Result<(), Fault> {
        if self.fields.is_some() {
            return Ok(());
        }
        let (record, separator) = (self.record.clone(), self.separator.clone());
        if self.paragraph && &*separator != b" " && record.contains(&b'\n') && self.dialect != Dialect::Mawk {
            return Err(Fault::gap("fields of paragraphs, which awks separate differently"));
        }
        let mut fields = Kept::new(&self.budget)?;
        self.split(&record, &separator, &mut |part, budget| Ok(fields.push(Value::input(Text::new(part, budget)?))?))?;
        self.fields = Some(fields);
        Ok(())
    }

    /// Takes a text apart.
    pub(super) fn split(
        &mut self,
        text: &[u8],
        separator: &[u8],
        part: &mut dyn FnMut(&[u8], &Budget) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let budget = self.budget.clone();
        if text.is_empty() {
            return Ok(());
        }
        budget.read(text.len())?;
        match separator {
            b" " => {
                let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
                text.split(blank).filter(|field| !field.is_empty()).try_for_each(|field| part(field, &budget))
            }
            [] => text.iter().try_for_each(|byte| part(&[*byte], &budget)),
            // One byte is itself, whatever it means in an expression.
            [byte] if *byte != b'\\' => text.split(|other| other == byte).try_for_each(|field| part(field, &budget)),
            _ => {
                let regex = self.regex(separator)?;
                let (mut from, mut at) = (0, 0);
                while let Some(groups) = regex.find(text, at)? {
                    let (begin, end) = groups[0].unwrap_or_default();
                    // What matches nothing separates nothing.
                    if begin == end {
                        at = end + 1;
                        if at > text.len() {
                            break;
                        }
                        continue;
                    }
                    part(&text[from..begin], &budget)?;
                    (from, at) = (end, end);
                }
                part(&text[from..], &budget)
            }
        }
    }

    pub(super) fn regex(&mut self, pattern: &[u8]) -> Result<Regex, Fault> {
        if let Some(regex) = self.expressions.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = match self.dialect {
            Dialect::Mawk => {
                let pattern = as_mawk(pattern);
                self.budget.made(pattern.len())?;
                if super::dialect::has_empty_group(&pattern) {
                    return Err(Fault::gap("an expression with an empty group, which mawk does not take"));
                }
                if Regex::repeats_repetitions(&pattern, Syntax::Awk)? && !super::dialect::is_newer(self.call)? {
                    let what = "an expression that repeats what may begin with nothing, in which older mawks are wrong";
                    return Err(Fault::gap(what));
                }
                Regex::new(&pattern, Syntax::Awk, false, &self.budget)?
            }
            Dialect::Gawk | Dialect::Unknown => Regex::new(pattern, Syntax::Awk, false, &self.budget)?,
        };
        if self.expressions.len() >= EXPRESSIONS_MAX {
            self.expressions.clear();
        }
        self.expressions.insert(pattern.to_vec(), regex.clone());
        Ok(regex)
    }

    pub(super) fn field(&mut self, index: usize) -> Result<Value, Fault> {
        if index == 0 {
            return Ok(Value::input(self.record.clone()));
        }
        self.split_record()?;
        // A field that is not there is empty, and no number.
        match self.fields.as_ref().and_then(|fields| fields.get(index - 1)) {
            Some(field) => Ok(field.clone()),
            None => Ok(Value::Text(Text::new(b"", &self.budget)?)),
        }
    }

    pub(super) fn resize_fields(&mut self, count: usize) -> Result<(), Fault> {
        self.split_record()?;
        let Some(fields) = &mut self.fields else { return Ok(()) };
        fields.truncate(count);
        let empty = Text::new(b"", &self.budget)?;
        while fields.len() < count {
            fields.push(Value::Text(empty.clone()))?;
        }
        Ok(())
    }

    pub(super) fn join_fields(&mut self) -> Result<(), Fault> {
        let between = self.special_text("OFS")?;
        let mut record = Buffer::new(&self.budget)?;
        for index in 0..self.fields.as_ref().map_or(0, |fields| fields.len()) {
            if index > 0 {
                record.extend(&between)?;
            }
            let value = self.fields.as_ref().map(|fields| fields[index].clone()).unwrap_or_default();
            record.extend(&self.text(&value)?)?;
        }
        self.record = Text::new(&record, &self.budget)?;
        Ok(())
    }

    pub(super) fn store(&mut self, target: &'c Expression, value: Value) -> Result<(), Fault> {
        match target {
            Expression::Variable(name) => self.set(*name, value),
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                Ok(array.borrow_mut().set(&key, value)?)
            }
            Expression::Field(index) => {
                let written = matches!(**index, Expression::Number(_));
                let index = values::to_index(self.evaluate(index)?.number(self.dialect)?)?;
                if index == 0 && !written && self.dialect != Dialect::Gawk {
                    return Err(Fault::gap(
                        "an assignment to `$` of an expression that is zero, which mawk does in its own way",
                    ));
                }
                if index == 0 {
                    let text = self.text(&value)?;
                    return self.set_record(text);
                }
                self.split_record()?;
                if self.fields.as_ref().is_none_or(|fields| fields.len() < index) {
                    self.resize_fields(index)?;
                }
                let value = match value {
                    Value::Number(_) => Value::input(self.text(&value)?),
                    value => value,
                };
                if let Some(fields) = &mut self.fields {
                    fields[index - 1] = value;
                }
                self.join_fields()
            }
            Expression::Group(inner) => self.store(inner, value),
            _ => Err(Fault::gap("an assignment to a value")),
        }
    }
}

/// To mawk an escape that only others know is its letter.
fn as_mawk(pattern: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.first().copied().filter(|_| byte == b'\\');
        if escaped.is_none_or(|letter| !b"<>yBwWsS`'".contains(&letter)) {
            plain.push(byte);
        }
        plain.extend(escaped);
        rest = &behind[usize::from(escaped.is_some())..];
    }
    plain
}
