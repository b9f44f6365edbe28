//! expr(1), coreutils'. An argument that is not reached is read and not computed: `1 | ( 1 / 0 )`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::regex::Regex;
use super::regex::Syntax;
use super::show;
use crate::budget::Spent;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("expr", expr)];

/// Operators by how weakly they bind.
const LEVELS: [&[&[u8]]; 5] =
    [&[b"|"], &[b"&"], &[b"<", b"<=", b"=", b"==", b"!=", b">=", b">"], &[b"+", b"-"], &[b"*", b"/", b"%"]];
/// Parentheses and prefixes inside each other.
const DEPTH_MAX: u32 = 100;

fn expr(call: &mut Call<'_, '_>) -> Done {
    let args = call.args.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(call.args);
    if args.is_empty() {
        return Err(Fault::Failed(2, "missing operand".into()));
    }
    let mut reader = Reader { call, words: args, position: 0, depth: 0 };
    let value = reader.level(0, true)?;
    if let Some(word) = args.get(reader.position) {
        return Err(Fault::Failed(2, format!("syntax error: unexpected argument '{}'", show(word))));
    }
    reader.call.out([value.as_slice(), b"\n"].concat())?;
    Ok(i32::from(is_null(&value)))
}

/// A whole number, however long: `true` when it begins with a minus, and its digits without zeros before them.
fn integer(text: &[u8]) -> Option<(bool, &[u8])> {
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    Some((negative && zeros < digits.len(), &digits[zeros..]))
}

fn number(text: &[u8]) -> Result<i128, Fault> {
    let (negative, digits) = integer(text).ok_or_else(|| Fault::Failed(2, "non-integer argument".into()))?;
    let value = digits.iter().try_fold(0i128, |sum, digit| sum.checked_mul(10)?.checked_add(i128::from(digit - b'0')));
    let value = value.ok_or_else(|| Fault::gap("a number beyond 128 bits"))?;
    Ok(if negative { -value } else { value })
}

fn is_null(value: &[u8]) -> bool {
    value.is_empty() || integer(value).is_some_and(|(_, digits)| digits.is_empty())
}

struct Reader<'a, 'c, 's, 'w> {
    call: &'c mut Call<'s, 'w>,
    words: &'a [Vec<u8>],
    position: usize,
    depth: u32,
}

impl Reader<'_, '_, '_, '_> {
    fn next(&mut self) -> Result<Vec<u8>, Fault> {
        let Some(word) = self.words.get(self.position) else {
            let after = self.position.checked_sub(1).map_or_else(String::new, |last| show(&self.words[last]));
            return Err(Fault::Failed(2, format!("syntax error: missing argument after '{after}'")));
        };
        self.position += 1;
        self.call.shell.spend(word.len())?;
        Ok(word.clone())
    }

    /// Reads what binds at least as strongly; `counts`: whether it is computed too.
    fn level(&mut self, level: usize, counts: bool) -> Result<Vec<u8>, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.matching(counts) };
        let mut left = self.level(level + 1, counts)?;
        while let Some(operator) = self.words.get(self.position).filter(|word| operators.contains(&word.as_slice())) {
            let operator = operator.clone();
            self.position += 1;
            let short = match operator.as_slice() {
                b"|" => !is_null(&left),
                b"&" => is_null(&left),
                _ => false,
            };
            let right = self.level(level + 1, counts && !short)?;
            if counts {
                left = apply(left, &operator, right)?;
            }
        }
        Ok(left)
    }

    fn matching(&mut self, counts: bool) -> Result<Vec<u8>, Fault> {
        let mut left = self.primary(counts)?;
        while self.words.get(self.position).is_some_and(|word| word == b":") {
            self.position += 1;
            let pattern = self.primary(counts)?;
            if counts {
                left = self.matched(&left, &pattern)?;
            }
        }
        Ok(left)
    }

    fn primary(&mut self, counts: bool) -> Result<Vec<u8>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Spent::Depth.into());
        }
        let word = self.next()?;
        let value = match word.as_slice() {
            b"(" => {
                let value = self.level(0, counts)?;
                match self.words.get(self.position) {
                    Some(word) if word == b")" => self.position += 1,
                    Some(word) => {
                        let what = format!("syntax error: expecting ')' instead of '{}'", show(word));
                        return Err(Fault::Failed(2, what));
                    }
                    None => {
                        let last = show(&self.words[self.position - 1]);
                        return Err(Fault::Failed(2, format!("syntax error: expecting ')' after '{last}'")));
                    }
                }
                value
            }
            b")" => return Err(Fault::Failed(2, "syntax error: unexpected ')'".into())),
            b"+" => self.next()?,
            b"length" => self.primary(counts)?.len().to_string().into_bytes(),
            b"match" => {
                let text = self.primary(counts)?;
                let pattern = self.primary(counts)?;
                if counts { self.matched(&text, &pattern)? } else { Vec::new() }
            }
            b"substr" => {
                let (text, from, length) = (self.primary(counts)?, self.primary(counts)?, self.primary(counts)?);
                substring(&text, &from, &length)
            }
            b"index" => {
                let (text, set) = (self.primary(counts)?, self.primary(counts)?);
                self.call.shell.system.budget.tried(text.len())?;
                let mut wanted = [false; 256];
                set.iter().for_each(|byte| wanted[usize::from(*byte)] = true);
                let place = text.iter().position(|byte| wanted[usize::from(*byte)]);
                place.map_or(0, |place| place + 1).to_string().into_bytes()
            }
            _ => word,
        };
        self.depth -= 1;
        Ok(value)
    }

    /// What matches from the beginning on: the first group, or the length.
    fn matched(&self, text: &[u8], pattern: &[u8]) -> Result<Vec<u8>, Fault> {
        let budget = self.call.shell.system.budget.clone();
        let refused = |fault| match fault {
            Fault::Failed(_, message) => Fault::Failed(2, message),
            other => other,
        };
        // The place where it begins is the matcher's to hold: `^` before it would bind to its first branch only.
        let regex = Regex::new(pattern, Syntax::Grep, false, &budget).map_err(refused)?;
        let grouped = regex.groups() > 0;
        let groups = regex.find_at_start(text)?;
        Ok(match groups {
            Some(groups) if grouped => {
                groups.get(1).copied().flatten().map_or(Vec::new(), |(from, to)| text[from..to].to_vec())
            }
            Some(groups) => groups[0].map_or(0, |(from, to)| to - from).to_string().into_bytes(),
            None if grouped => Vec::new(),
            None => b"0".to_vec(),
        })
    }
}

/// From a place counted from 1, so many bytes; nothing when either is no number above zero.
fn substring(text: &[u8], from: &[u8], length: &[u8]) -> Vec<u8> {
    let count = |text: &[u8]| match integer(text) {
        Some((false, digits)) => {
            digits.iter().fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
        }
        _ => 0,
    };
    let (from, length) = (count(from), count(length));
    let Some(start) = from.checked_sub(1).filter(|start| *start < text.len()) else { return Vec::new() };
    text[start..start.saturating_add(length).min(text.len())].to_vec()
}

fn apply(left: Vec<u8>, operator: &[u8], right: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let truth = |value: bool| if value { b"1".to_vec() } else { b"0".to_vec() };
    let order = || match (integer(&left), integer(&right)) {
        (Some((negative, a)), Some((other, b))) => {
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            match (negative, other) {
                (true, false) => std::cmp::Ordering::Less,
                (false, true) => std::cmp::Ordering::Greater,
                (true, true) => order.reverse(),
                (false, false) => order,
            }
        }
        _ => left.cmp(&right),
    };
    Ok(match operator {
        b"|" if !is_null(&left) => left,
        b"|" if !is_null(&right) => right,
        b"|" => b"0".to_vec(),
        b"&" if is_null(&left) || is_null(&right) => b"0".to_vec(),
        b"&" => left,
        b"<" => truth(order().is_lt()),
        b"<=" => truth(order().is_le()),
        b"=" | b"==" => truth(order().is_eq()),
        b"!=" => truth(order().is_ne()),
        b">=" => truth(order().is_ge()),
        b">" => truth(order().is_gt()),
        _ => {
            let (left, right) = (number(&left)?, number(&right)?);
            let value = match operator {
                b"+" => left.checked_add(right),
                b"-" => left.checked_sub(right),
                b"*" => left.checked_mul(right),
                _ if right == 0 => return Err(Fault::Failed(2, "division by zero".into())),
                b"/" => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            value.ok_or_else(|| Fault::gap("a number beyond 128 bits"))?.to_string().into_bytes()
        }
    })
}
