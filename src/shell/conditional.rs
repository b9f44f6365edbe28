//! bash's `[[ ]]` (bash(1), CONDITIONAL EXPRESSIONS): nothing is split, `==` matches a pattern, `=~` a regular
//! expression.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::ast::Condition;
use super::ast::Word;
use super::test;
use crate::format::glob::Style;

pub(super) const fn is_unary(word: &[u8]) -> bool {
    test::is_unary(word) || matches!(word, b"-a" | b"-v" | b"-o" | b"-N" | b"-R")
}

pub(super) fn is_binary(word: &[u8]) -> bool {
    let all: [&[u8]; 15] =
        [b"=", b"==", b"!=", b"=~", b"<", b">", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot", b"-ef"];
    all.contains(&word)
}

impl Shell<'_> {
    /// The status of `[[ ]]`.
    pub(super) fn conditional(&mut self, condition: &Condition) -> Run<i32> {
        match self.holds(condition) {
            Ok(value) => Ok(i32::from(!value)),
            // Nothing else in a condition returns: the regular expression is none.
            Err(Interrupt::Return(status)) => Ok(status),
            Err(other) => Err(other),
        }
    }

    fn holds(&mut self, condition: &Condition) -> Run<bool> {
        self.step()?;
        match condition {
            Condition::Word(word) => Ok(!self.text(&word.0, false)?.is_empty()),
            Condition::Unary(operator, word) => {
                let text = self.text(&word.0, false)?;
                match test::unary(self, operator, &text) {
                    Ok(value) => Ok(value),
                    Err(message) => {
                        self.complain(&message)?;
                        Ok(false)
                    }
                }
            }
            Condition::Binary(left, operator, right) => self.compares(left, operator, right),
            Condition::Not(inner) => Ok(!self.holds(inner)?),
            Condition::And(left, right) => Ok(self.holds(left)? && self.holds(right)?),
            Condition::Or(left, right) => Ok(self.holds(left)? || self.holds(right)?),
        }
    }

    fn compares(&mut self, left: &Word, operator: &[u8], right: &Word) -> Run<bool> {
        let text = self.text(&left.0, false)?;
        match operator {
            b"=" | b"==" | b"!=" => {
                let style = Style { groups: true, ..self.style() };
                let pattern = self.styled_pattern(right, style)?;
                Ok(pattern.matches(&text, &self.system.budget)? == (operator != b"!="))
            }
            b"=~" => self.matches_expression(&text, right),
            b"-eq" | b"-ne" | b"-lt" | b"-le" | b"-gt" | b"-ge" => {
                let other = self.text(&right.0, false)?;
                // An expression that is none is equal to nothing, nor less or more.
                let values = self.arithmetic(&text).and_then(|left| Ok((left, self.arithmetic(&other)?)));
                let (left, right) = match values {
                    Err(Interrupt::Discard) => return Ok(false),
                    values => values?,
                };
                Ok(match operator {
                    b"-eq" => left == right,
                    b"-ne" => left != right,
                    b"-lt" => left < right,
                    b"-le" => left <= right,
                    b"-gt" => left > right,
                    _ => left >= right,
                })
            }
            _ => {
                let other = self.text(&right.0, false)?;
                match test::binary(self, &text, operator, &other) {
                    Ok(value) => Ok(value),
                    Err(message) => {
                        self.complain(&message)?;
                        Ok(false)
                    }
                }
            }
        }
    }

    /// `=~`: what is quoted is itself; the groups become `BASH_REMATCH`.
    fn matches_expression(&mut self, text: &[u8], right: &Word) -> Run<bool> {
        let mut expression = Vec::new();
        let mut bracket = false;
        for (byte, quoted) in self.marked(&right.0)? {
            // Inside brackets a backslash is a letter.
            match byte {
                b'[' if !quoted => bracket = true,
                b']' if !quoted => bracket = false,
                _ => {}
            }
            if quoted && !bracket && b".[]*^$+?(){}|\\".contains(&byte) {
                expression.push(b'\\');
            }
            expression.push(byte);
        }
        self.spend(text.len() + expression.len())?;
        let fold = self.state.options.nocasematch;
        match self.matched(&expression, text, fold)? {
            Ok(groups) => {
                let found = groups.is_some();
                self.remember(groups.unwrap_or_default())?;
                Ok(found)
            }
            Err(message) => {
                self.complain(message.as_bytes())?;
                Err(Interrupt::Return(2))
            }
        }
    }

    fn remember(&mut self, groups: Vec<Vec<u8>>) -> Run<()> {
        self.remove_variable(b"BASH_REMATCH")?;
        self.array_mut(b"BASH_REMATCH", false)?;
        for (number, group) in groups.into_iter().enumerate() {
            self.assign_element(b"BASH_REMATCH", number.to_string().as_bytes(), false, group)?;
        }
        Ok(())
    }
}
