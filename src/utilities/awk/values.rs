//! awk's values: texts, numbers, and input that may be both.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::dialect::Dialect;
use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;
use crate::shell::printf::Directive;
use crate::shell::printf::number_length;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;

/// What a text takes beside its bytes.
const OVERHEAD: usize = 80;

/// A text whose memory is claimed. A copy is the same one.
#[derive(Clone)]
pub(super) struct Text(Rc<Claimed>);

struct Claimed {
    bytes: Box<[u8]>,
    _held: Held,
}

impl Text {
    pub(super) fn new(bytes: &[u8], budget: &Budget) -> Result<Self, Spent> {
        budget.made(bytes.len())?;
        let held = budget.hold(bytes.len().saturating_add(OVERHEAD))?;
        Ok(Self(Rc::new(Claimed { bytes: bytes.into(), _held: held })))
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self).fmt(f)
    }
}

/// A value.
#[derive(Debug, Clone, Default)]
pub(super) enum Value {
    /// Never set: empty and zero.
    #[default]
    Unset,
    /// A number.
    Number(f64),
    /// A text.
    Text(Text),
    /// Input that looks like a number.
    Both(Text, f64),
}

impl Value {
    /// What was read: a number when it looks like one.
    pub(super) fn input(text: Text) -> Self {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12);
        let from = text.iter().take_while(|byte| blank(byte)).count();
        let to = text.iter().rposition(|byte| !blank(byte)).map_or(from, |last| last + 1);
        match leading(&text[from..to.max(from)]) {
            Some((number, length)) if length == to - from && number.is_finite() => Self::Both(text, number),
            _ => Self::Text(text),
        }
    }

    pub(super) const fn truth(value: bool) -> Self {
        Self::Number(if value { 1.0 } else { 0.0 })
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Unset => false,
            Self::Number(number) | Self::Both(_, number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
        }
    }

    /// The number that it is, or that it begins with.
    ///
    /// # Errors
    /// [`Fault::Gap`] for what only some awks take for a number: `0x1f`, `inf`, `nan`.
    pub(super) fn number(&self, dialect: Dialect) -> Result<f64, Fault> {
        match self {
            Self::Unset => Ok(0.0),
            Self::Number(number) | Self::Both(_, number) => Ok(*number),
            Self::Text(text) => {
                let text = text.trim_ascii_start();
                if dialect != Dialect::Gawk && is_odd(text) {
                    return Err(Fault::gap("a text that only some awks take for a number"));
                }
                Ok(leading(text).map_or(0.0, |(number, _)| number))
            }
        }
    }
}

/// Whether C's strtod(3) takes for a number what POSIX does not.
fn is_odd(text: &[u8]) -> bool {
    let text = match text {
        [b'-' | b'+', rest @ ..] => rest,
        rest => rest,
    };
    let begins = |name: &[u8]| text.len() >= name.len() && text[..name.len()].eq_ignore_ascii_case(name);
    begins(b"inf") || begins(b"nan") || (begins(b"0x") && text.get(2).is_some_and(u8::is_ascii_hexdigit))
}

/// The number that a text begins with, and its length.
fn leading(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let length = number_length(&text[sign..]);
    if length == 0 {
        return None;
    }
    let digits = std::str::from_utf8(&text[sign..sign + length]).ok()?;
    let number: f64 = digits.parse().ok()?;
    Some((if text.first() == Some(&b'-') { -number } else { number }, sign + length))
}

/// A number as a text: whole as `%d`, another by a format.
///
/// # Errors
/// [`Fault::Gap`] where awks differ: whole numbers beyond 31 bits, and what is none.
pub(super) fn number_text(number: f64, format: &[u8], dialect: Dialect, budget: &Budget) -> Result<Buffer, Fault> {
    let mut made = Buffer::new(budget)?;
    if !number.is_finite() {
        return Err(Fault::gap("an infinite number, which awks show differently"));
    }
    if number.fract() == 0.0 {
        if number.abs() < 2_147_483_648.0 || (dialect == Dialect::Gawk && number.abs() < 9e15) {
            made.extend(to_integer(number).to_string().as_bytes())?;
            return Ok(made);
        }
        return Err(Fault::gap("a whole number beyond 31 bits, which awks show differently"));
    }
    if format == b"%.6g" {
        Directive::default().float(b'g', number, &mut made)?;
        return Ok(made);
    }
    let values = [Value::Number(number)];
    super::format::format(format, &values, dialect, budget)
}

/// Cut to a whole number, and to the range of one.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is wanted")]
pub(super) const fn to_integer(number: f64) -> i64 {
    number as i64
}

/// The number of a field.
pub(super) fn to_index(number: f64) -> Result<usize, Fault> {
    let index = usize::try_from(to_integer(number)).ok().filter(|index| *index < 1 << 31);
    index.ok_or_else(|| Fault::Failed(2, "attempt to access a field that cannot be".into()))
}

pub(super) fn calculate(operator: u8, left: f64, right: f64, dialect: Dialect) -> Result<f64, Fault> {
    Ok(match operator {
        b'+' => left + right,
        b'-' => left - right,
        b'*' => left * right,
        b'/' | b'%' if right == 0.0 => {
            return Err(match dialect {
                Dialect::Gawk => Fault::Failed(2, "division by zero".into()),
                _ => Fault::gap("a division by zero, which only some awks take for an error"),
            });
        }
        b'/' => left / right,
        b'%' => left % right,
        _ => left.powf(right),
    })
}

/// As numbers when both are, as texts otherwise.
pub(super) fn compare(
    left: &Value,
    right: &Value,
    text: impl Fn(&Value) -> Result<Text, Fault>,
) -> Result<Ordering, Fault> {
    let number = |value: &Value| match value {
        Value::Unset => Some(0.0),
        Value::Number(number) | Value::Both(_, number) => Some(*number),
        Value::Text(_) => None,
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => Ok(left.partial_cmp(&right).unwrap_or(Ordering::Equal)),
        _ => Ok(text(left)?.cmp(&text(right)?)),
    }
}

/// The part of a text from a place on, counted from 1, as gawk has it: fractions are cut off, and what is before the
/// text begins where it does, with all its length.
pub(super) fn counted(text: &[u8], from: f64, length: Option<f64>) -> &[u8] {
    let from = to_integer(from.trunc()).max(1) - 1;
    let from = usize::try_from(from).unwrap_or(0).min(text.len());
    let length = length.map_or(usize::MAX, |length| usize::try_from(to_integer(length.trunc()).max(0)).unwrap_or(0));
    &text[from..from.saturating_add(length).min(text.len())]
}

/// The same as POSIX has it: what is rounded is rounded to even, as C's does, and of what is before the text nothing is
/// left.
pub(super) fn substring(text: &[u8], from: f64, length: Option<f64>) -> &[u8] {
    let from = from.round_ties_even();
    let end = length.map_or(f64::INFINITY, |length| from + length.round_ties_even());
    let place = |number: f64| usize::try_from(to_integer(number - 1.0).max(0)).unwrap_or(0).min(text.len());
    let (from, end) = (place(from), if end.is_nan() { 0 } else { place(end) });
    &text[from..end.max(from)]
}

/// `&` of a replacement is what matched, `\&` a plain one.
pub(super) fn insert(replacement: &[u8], matched: &[u8], made: &mut Buffer) -> Result<(), Spent> {
    let mut rest = replacement;
    while let [byte, tail @ ..] = rest {
        match (byte, tail) {
            (b'\\', [next @ (b'&' | b'\\'), after @ ..]) => {
                made.push(*next)?;
                rest = after;
            }
            (b'&', _) => {
                made.extend(matched)?;
                rest = tail;
            }
            _ => {
                made.push(*byte)?;
                rest = tail;
            }
        }
    }
    Ok(())
}

/// An associative array.
pub(super) struct Array {
    pub(super) map: BTreeMap<Box<[u8]>, Value>,
    held: Held,
    budget: Budget,
}

/// What an element takes beside its key's bytes.
const ELEMENT: usize = 120;

impl Array {
    pub(super) fn new(budget: &Budget) -> Result<Self, Spent> {
        Ok(Self { map: BTreeMap::new(), held: budget.hold(0)?, budget: budget.clone() })
    }

    pub(super) fn set(&mut self, key: &[u8], value: Value) -> Result<(), Spent> {
        if let Some(slot) = self.map.get_mut(key) {
            *slot = value;
            return Ok(());
        }
        self.budget.made(key.len() + ELEMENT)?;
        self.held.grow(key.len() + ELEMENT)?;
        self.map.insert(key.into(), value);
        Ok(())
    }

    /// An element; one that is read is there from then on.
    pub(super) fn get(&mut self, key: &[u8]) -> Result<Value, Spent> {
        if let Some(value) = self.map.get(key) {
            return Ok(value.clone());
        }
        self.set(key, Value::Unset)?;
        Ok(Value::Unset)
    }

    pub(super) fn clear(&mut self) -> Result<(), Spent> {
        self.map.clear();
        self.held.resize(0)
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("elements", &self.map.len()).finish_non_exhaustive()
    }
}
