//! The functions that awk knows.

use super::ast::Expression;
use super::dialect::Dialect;
use super::run::Machine;
use super::values;
use super::values::Text;
use super::values::Value;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;

impl<'c> Machine<'c, '_, '_> {
    fn argument(&mut self, arguments: &'c [Expression], index: usize) -> Result<Text, Fault> {
        match arguments.get(index) {
            Some(argument) => {
                let value = self.evaluate(argument)?;
                self.text(&value)
            }
            None => Ok(self.record()),
        }
    }

    #[inline(never)]
    pub(super) fn builtin(&mut self, name: &str, arguments: &'c [Expression]) -> Result<Value, Fault> {
        Ok(match name {
            "int" => Value::Number(self.number(&arguments[0])?.trunc()),
            "exp" => Value::Number(self.number(&arguments[0])?.exp()),
            "sin" => Value::Number(self.number(&arguments[0])?.sin()),
            "cos" => Value::Number(self.number(&arguments[0])?.cos()),
            "sqrt" | "log" => {
                let number = self.number(&arguments[0])?;
                if number < 0.0 {
                    return Err(Fault::gap(format!("{name} of a number below zero")));
                }
                Value::Number(if name == "log" { number.ln() } else { number.sqrt() })
            }
            "atan2" => Value::Number(self.number(&arguments[0])?.atan2(self.number(&arguments[1])?)),
            "length" => self.length(arguments)?,
            "tolower" => self.letters(arguments, <[u8]>::make_ascii_lowercase)?,
            "toupper" => self.letters(arguments, <[u8]>::make_ascii_uppercase)?,
            "index" => {
                let (whole, part) = (self.argument(arguments, 0)?, self.argument(arguments, 1)?);
                self.budget.read(whole.len())?;
                if part.is_empty() {
                    return Err(Fault::gap("the place of nothing, which awks do not agree in"));
                }
                Value::Number(memchr::memmem::find(&whole, &part).map_or(0.0, |place| place as f64 + 1.0))
            }
            "substr" => self.substr(arguments)?,
            "sprintf" => {
                let made = self.format(arguments)?;
                Value::Text(Text::new(&made, &self.budget)?)
            }
            "split" => self.split_into(arguments)?,
            "match" => {
                let whole = self.argument(arguments, 0)?;
                let found = self.pattern(&arguments[1])?.find(&whole, 0)?.and_then(|groups| groups[0]);
                let (start, length) = found.map_or((0.0, -1.0), |(from, to)| (from as f64 + 1.0, (to - from) as f64));
                self.set_number("RSTART", start);
                self.set_number("RLENGTH", length);
                Value::Number(start)
            }
            "sub" | "gsub" => self.replace(name == "gsub", arguments)?,
            "close" => {
                let name = self.argument(arguments, 0)?;
                Value::Number(f64::from(self.close(&name)?))
            }
            "fflush" => {
                self.flush()?;
                Value::Number(0.0)
            }
            "system" => {
                let command = self.argument(arguments, 0)?;
                Value::Number(f64::from(self.system(&command)?))
            }
            _ => return Err(Fault::gap(format!("function {name}"))),
        })
    }

    fn letters(&mut self, arguments: &'c [Expression], change: fn(&mut [u8])) -> Result<Value, Fault> {
        let text = self.argument(arguments, 0)?;
        let mut made = Buffer::new(&self.budget)?;
        made.extend(&text)?;
        change(&mut made);
        Ok(Value::Text(Text::new(&made, &self.budget)?))
    }

    fn substr(&mut self, arguments: &'c [Expression]) -> Result<Value, Fault> {
        let whole = self.argument(arguments, 0)?;
        let from = self.number(&arguments[1])?;
        let length = arguments.get(2).map(|length| self.number(length)).transpose()?;
        let part = values::counted(&whole, from, length);
        let agreed =
            (from > -1.0 || length.is_none() || whole.is_empty()) && part == values::substring(&whole, from, length);
        if self.dialect != Dialect::Gawk && !agreed {
            let what = "`substr` from before the text, or with fractions, which mawks have each their own way";
            return Err(Fault::gap(what));
        }
        Ok(Value::Text(Text::new(part, &self.budget)?))
    }

    fn length(&mut self, arguments: &'c [Expression]) -> Result<Value, Fault> {
        if let Some(Expression::Variable(name)) = arguments.first()
            && self.is_array(*name)
        {
            let array = self.array(*name)?;
            let count = array.borrow().map.len();
            return Ok(Value::Number(count as f64));
        }
        Ok(Value::Number(self.argument(arguments, 0)?.len() as f64))
    }

    fn split_into(&mut self, arguments: &'c [Expression]) -> Result<Value, Fault> {
        let whole = self.argument(arguments, 0)?;
        let Some(Expression::Variable(name)) = arguments.get(1) else { return Err(Fault::gap("split into no array")) };
        let separator = match arguments.get(2) {
            // A blank between slashes is one blank, not a run of them.
            Some(Expression::Regex(pattern)) if **pattern == *b" " => Text::new(b"[ ]", &self.budget)?,
            Some(Expression::Regex(pattern)) if pattern.len() == 1 && **pattern != *b"\\" => {
                let literal = !b".[]()*+?{}|^$".contains(&pattern[0]);
                if !literal {
                    return Err(Fault::gap("an expression of one operator"));
                }
                Text::new(pattern, &self.budget)?
            }
            Some(Expression::Regex(pattern)) => Text::new(pattern, &self.budget)?,
            Some(other) => {
                let value = self.evaluate(other)?;
                self.text(&value)?
            }
            None => self.special_text("FS")?,
        };
        let array = self.array(*name)?;
        array.borrow_mut().clear()?;
        let mut count = 0usize;
        self.split(&whole, &separator, &mut |part, budget| {
            count += 1;
            let value = Value::input(Text::new(part, budget)?);
            Ok(array.borrow_mut().set(count.to_string().as_bytes(), value)?)
        })?;
        Ok(Value::Number(count as f64))
    }

    fn replace(&mut self, global: bool, arguments: &'c [Expression]) -> Result<Value, Fault> {
        let regex = self.pattern(&arguments[0])?;
        let replacement = self.argument(arguments, 1)?;
        // mawk and gawk do not agree in more than one backslash before an ampersand.
        if self.dialect == Dialect::Unknown && memchr::memmem::find(&replacement, b"\\\\").is_some() {
            return Err(Fault::gap("two backslashes in a replacement, which awks read differently"));
        }
        let text = self.argument(&arguments[..arguments.len().min(3)], 2)?;
        let mut made = Buffer::new(&self.budget)?;
        let (mut copied, mut at, mut count, mut before) = (0, 0, 0.0, None);
        while at <= text.len() {
            let Some(groups) = regex.find(&text, at)? else { break };
            let (begin, end) = groups[0].unwrap_or_default();
            // Directly behind a match nothing is no further one.
            if begin < end || before != Some(begin) {
                before = Some(end);
                made.extend(&text[copied..begin])?;
                values::insert(&replacement, &text[begin..end], &mut made)?;
                count += 1.0;
                copied = end;
                if !global {
                    break;
                }
            }
            at = if end > begin { end } else { end + 1 };
        }
        if count > 0.0 {
            made.extend(&text[copied..])?;
            let value = Value::Text(Text::new(&made, &self.budget)?);
            match arguments.get(2) {
                Some(target @ (Expression::Variable(_) | Expression::Element(..) | Expression::Field(_))) => {
                    self.store(target, value)?;
                }
                Some(Expression::Group(_)) | None => {
                    let text = self.text(&value)?;
                    if arguments.len() > 2 {
                        return Err(Fault::gap("a replacement in a value"));
                    }
                    self.set_record(text)?;
                }
                Some(_) => return Err(Fault::gap("a replacement in a value")),
            }
        }
        Ok(Value::Number(count))
    }
}
