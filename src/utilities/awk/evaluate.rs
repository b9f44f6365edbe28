//! Follows expressions.

use std::cell::RefCell;
use std::rc::Rc;

use super::ast;
use super::ast::Expression;
use super::io::Source;
use super::run::Machine;
use super::run::Slot;
use super::run::Way;
use super::values;
use super::values::Array;
use super::values::Text;
use super::values::Value;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::regex::Regex;

impl<'c, 's, 'w> Machine<'c, 's, 'w> {
    pub(super) fn evaluate(&mut self, expression: &'c Expression) -> Result<Value, Fault> {
        self.deeper()?;
        let value = self.expression(expression);
        self.depth -= 1;
        value
    }

    pub(super) fn number(&mut self, expression: &'c Expression) -> Result<f64, Fault> {
        self.evaluate(expression)?.number(self.dialect)
    }

    pub(super) fn expression(&mut self, expression: &'c Expression) -> Result<Value, Fault> {
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(text) => Value::Text(Text::new(text, &self.budget)?),
            Expression::Regex(pattern) => {
                let regex = self.regex(pattern)?;
                Value::truth(regex.is_match(&self.record)?)
            }
            Expression::Variable(name) => self.value(*name)?,
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                array.borrow_mut().get(&key)?
            }
            Expression::Field(index) => {
                let index = values::to_index(self.number(index)?)?;
                self.field(index)?
            }
            Expression::Group(inner) => self.evaluate(inner)?,
            Expression::Assign(target, operator, right) => self.assign(target, *operator, right)?,
            Expression::Step(target, before, by) => {
                let old = self.number(target)?;
                self.store(target, Value::Number(old + by))?;
                Value::Number(if *before { old + by } else { old })
            }
            Expression::Chain(first, list) => {
                let mut sum = self.number(first)?;
                for (operator, item) in list {
                    let right = self.number(item)?;
                    sum = values::calculate(*operator, sum, right, self.dialect)?;
                }
                Value::Number(sum)
            }
            Expression::Power(left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Value::Number(left.powf(right))
            }
            Expression::Compare(operator, left, right) => self.compare(operator, left, right)?,
            Expression::Match(left, list) => self.matches(left, list)?,
            Expression::All(list) => {
                for item in list {
                    if !self.evaluate(item)?.is_true() {
                        return Ok(Value::truth(false));
                    }
                }
                Value::truth(true)
            }
            Expression::Any(list) => {
                for item in list {
                    if self.evaluate(item)?.is_true() {
                        return Ok(Value::truth(true));
                    }
                }
                Value::truth(false)
            }
            Expression::Unary(b'!', inner) => Value::truth(!self.evaluate(inner)?.is_true()),
            Expression::Unary(b'-', inner) => Value::Number(-self.number(inner)?),
            Expression::Unary(_, inner) => Value::Number(self.number(inner)?),
            Expression::Choose(condition, yes, no) => {
                let chosen = if self.evaluate(condition)?.is_true() { yes } else { no };
                self.evaluate(chosen)?
            }
            Expression::Concatenate(list) => self.concatenate(list)?,
            Expression::In(index, array) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                let found = array.borrow().map.contains_key(&*key);
                Value::truth(found)
            }
            Expression::Call(name, arguments) => self.builtin(name, arguments)?,
            Expression::Own(number, arguments) => self.own(*number, arguments)?,
            Expression::Getline(target, source) => self.getline(target.as_deref(), source)?,
        })
    }

    #[inline(never)]
    fn assign(&mut self, target: &'c Expression, operator: Option<u8>, right: &'c Expression) -> Result<Value, Fault> {
        let right = self.evaluate(right)?;
        let value = match operator {
            Some(operator) => {
                let left = self.number(target)?;
                Value::Number(values::calculate(operator, left, right.number(self.dialect)?, self.dialect)?)
            }
            None => right,
        };
        self.store(target, value.clone())?;
        Ok(value)
    }

    #[inline(never)]
    fn concatenate(&mut self, list: &'c [Expression]) -> Result<Value, Fault> {
        let mut made = Buffer::new(&self.budget)?;
        for item in list {
            let value = self.evaluate(item)?;
            made.extend(&self.text(&value)?)?;
        }
        Ok(Value::Text(Text::new(&made, &self.budget)?))
    }

    #[inline(never)]
    fn compare(&mut self, operator: &str, left: &'c Expression, right: &'c Expression) -> Result<Value, Fault> {
        let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
        let cell = RefCell::new(&mut *self);
        let order = values::compare(&left, &right, |value| cell.borrow_mut().text(value))?;
        if let (Value::Text(left), Value::Text(right)) = (&left, &right) {
            self.budget.read(left.len().min(right.len()))?;
        }
        Ok(Value::truth(match operator {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    #[inline(never)]
    pub(super) fn matches(&mut self, left: &'c Expression, list: &'c [(bool, Expression)]) -> Result<Value, Fault> {
        let mut value = self.evaluate(left)?;
        for (wanted, pattern) in list {
            let text = self.text(&value)?;
            let regex = self.pattern(pattern)?;
            value = Value::truth(regex.is_match(&text)? == *wanted);
        }
        Ok(value)
    }

    /// A regular expression: written as one, or a text that is one.
    pub(super) fn pattern(&mut self, expression: &'c Expression) -> Result<Regex, Fault> {
        if let Expression::Regex(pattern) = expression {
            return self.regex(pattern);
        }
        let value = self.evaluate(expression)?;
        let pattern = self.text(&value)?;
        self.regex(&pattern)
    }

    #[inline(never)]
    pub(super) fn own(&mut self, number: usize, arguments: &'c [Expression]) -> Result<Value, Fault> {
        let program = self.program;
        let function = program.functions.get(number).ok_or_else(|| Fault::gap("a function that is none"))?;
        if arguments.len() > function.parameters {
            return Err(Fault::gap("more arguments than a function has parameters"));
        }
        let mut frame = Vec::new();
        for index in 0..function.parameters {
            let slot = match (arguments.get(index), function.arrays[index]) {
                (Some(Expression::Variable(name)), true) => Slot::Array(self.array(*name)?),
                (Some(_), true) => return Err(Fault::gap("a value where a function needs an array")),
                (None, true) => Slot::Array(Rc::new(RefCell::new(Array::new(&self.budget)?))),
                (Some(argument), false) => Slot::Value(self.evaluate(argument)?),
                (None, false) => Slot::Value(Value::Unset),
            };
            frame.push(slot);
        }
        self.frames.push(frame);
        let way = self.execute(&function.body);
        self.frames.pop();
        match way? {
            Way::Return(value) => Ok(value),
            Way::Exit | Way::Next | Way::NextFile => Err(Fault::gap("`exit` or `next` in a function")),
            _ => Ok(Value::default()),
        }
    }

    /// `getline` in all its forms: 1, at the end 0, and -1 when it cannot be read.
    #[inline(never)]
    fn getline(&mut self, target: Option<&'c Expression>, source: &'c ast::Source) -> Result<Value, Fault> {
        let record = match source {
            ast::Source::Main => {
                let Some(record) = self.read_main()? else { return Ok(Value::Number(0.0)) };
                self.count("NR")?;
                self.count("FNR")?;
                record
            }
            ast::Source::File(path) | ast::Source::Command(path) => {
                let value = self.evaluate(path)?;
                let name = self.text(&value)?;
                let command = matches!(source, ast::Source::Command(_));
                match self.read_other(if command { Source::Command } else { Source::File }, &name)? {
                    Some(Some(record)) => {
                        if command {
                            self.count("NR")?;
                        }
                        record
                    }
                    Some(None) => return Ok(Value::Number(0.0)),
                    None => return Ok(Value::Number(-1.0)),
                }
            }
        };
        match target {
            Some(target) => self.store(target, Value::input(record))?,
            None => self.set_record(record)?,
        }
        Ok(Value::Number(1.0))
    }
}
