//! awk's values: texts, numbers, and input that may be both.

use std::cmp::Ordering;

use super::super::Fault;
use super::parse::number_length;
use crate::configure::shell::printf;

/// A value.
#[derive(Debug, Clone, Default)]
pub(super) enum Value {
    /// Never set: empty and zero.
    #[default]
    Unset,
    /// A number.
    Number(f64),
    /// A text.
    Text(Vec<u8>),
    /// Input that looks like a number.
    Both(Vec<u8>, f64),
}

impl Value {
    pub(super) fn input(text: &[u8]) -> Self {
        let trimmed = text.trim_ascii();
        match leading(trimmed) {
            Some((number, length)) if length == trimmed.len() => Self::Both(text.to_vec(), number),
            _ => Self::Text(text.to_vec()),
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

    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Unset => 0.0,
            Self::Number(number) | Self::Both(_, number) => *number,
            Self::Text(text) => leading(text.trim_ascii_start()).map_or(0.0, |(number, _)| number),
        }
    }

    pub(super) fn text(&self) -> Vec<u8> {
        match self {
            Self::Unset => Vec::new(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) | Self::Both(text, _) => text.clone(),
        }
    }

    /// As numbers when both are, as texts otherwise.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        if matches!(self, Self::Text(_)) || matches!(other, Self::Text(_)) {
            return self.text().cmp(&other.text());
        }
        self.number().partial_cmp(&other.number()).unwrap_or(Ordering::Equal)
    }
}

/// The number that a text begins with, and its length.
fn leading(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let length = number_length(&text[sign..]);
    let digits = std::str::from_utf8(&text[sign..sign + length]).ok()?;
    let number: f64 = digits.parse().ok()?;
    Some((if text.first() == Some(&b'-') { -number } else { number }, sign + length))
}

/// A whole number as `%d`, another as `%.6g`.
fn number_text(number: f64) -> Vec<u8> {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return to_integer(number).to_string().into_bytes();
    }
    let digits = usize::try_from(5 - to_integer(number.abs().log10().floor())).unwrap_or(0).min(20);
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.as_bytes().to_vec()
}

/// Cut to a whole number, and to the range of one.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what awk's does")]
pub(super) const fn to_integer(number: f64) -> i64 {
    number as i64
}

/// The number of a field.
pub(super) fn to_index(number: f64) -> Result<usize, Fault> {
    let index = usize::try_from(to_integer(number)).ok().filter(|index| *index < 100_000);
    index.ok_or_else(|| Fault::Failed(2, "attempt to access a field that cannot be".into()))
}

pub(super) fn calculate(operator: &str, left: f64, right: f64) -> Result<f64, Fault> {
    Ok(match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" | "%" if right == 0.0 => return Err(Fault::Failed(2, "division by zero".into())),
        "/" => left / right,
        "%" => left % right,
        _ => left.powf(right),
    })
}

pub(super) fn substring(text: &[u8], from: f64, length: Option<f64>) -> Vec<u8> {
    let end = length.map_or(f64::MAX, |length| from + length);
    let place = |number: f64| usize::try_from(to_integer(number - 1.0).max(0)).unwrap_or(0).min(text.len());
    let (from, end) = (place(from), place(end));
    text[from..end.max(from)].to_vec()
}

/// `&` of a replacement is what matched, `\&` a plain one.
pub(super) fn insert(replacement: &[u8], matched: &[u8], made: &mut Vec<u8>) {
    let mut rest = replacement.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'\\', Some(&next @ (b'&' | b'\\'))) => {
                made.push(next);
                rest.next();
            }
            (b'&', _) => made.extend_from_slice(matched),
            _ => made.push(byte),
        }
    }
}

pub(super) fn split_on<'t>(text: &'t [u8], separator: &[u8]) -> Vec<&'t [u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(place) = memchr::memmem::find(rest, separator) {
        parts.push(&rest[..place]);
        rest = &rest[place + separator.len()..];
    }
    parts.push(rest);
    parts
}

/// The escapes of a text given on the command line.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    printf::unescape(text, false).0
}

/// `printf`: whole numbers and texts.
pub(super) fn format(format: &[u8], values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut arguments = Vec::new();
    let mut rest = format;
    while let Some(percent) = memchr::memchr(b'%', rest) {
        rest = &rest[percent + 1..];
        let flags = rest.iter().take_while(|byte| b"-+ #0123456789.".contains(byte)).count();
        let letter = rest.get(flags).copied();
        rest = &rest[(flags + 1).min(rest.len())..];
        let value = values.get(arguments.len()).cloned().unwrap_or_default();
        match letter {
            Some(b'%') => {}
            Some(b's') => arguments.push(value.text()),
            Some(b'd' | b'i' | b'o' | b'x' | b'X' | b'u') => {
                arguments.push(to_integer(value.number()).to_string().into_bytes());
            }
            Some(b'c') => arguments.push(match value {
                Value::Number(number) => vec![to_integer(number).to_le_bytes()[0]],
                other => other.text(),
            }),
            _ => return Err(Fault::gap(format!("printf %{}", letter.map_or(' ', char::from)))),
        }
    }
    // The escapes of the format were read with the program: protect what looks like one now.
    let protected: Vec<u8> =
        format.iter().flat_map(|&byte| if byte == b'\\' { vec![b'\\', b'\\'] } else { vec![byte] }).collect();
    let count = arguments.len().max(1);
    arguments.truncate(count);
    Ok(printf::format_all(&protected, &arguments, 1 << 20).text)
}
