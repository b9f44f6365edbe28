//! One directive of `printf`: how a number or a text is written.

use crate::budget::Spent;
use crate::budget::kept::Buffer;

/// How a value is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directive {
    pub(crate) left: bool,
    pub(crate) zero: bool,
    pub(crate) plus: bool,
    pub(crate) space: bool,
    pub(crate) alternate: bool,
    pub(crate) width: usize,
    pub(crate) precision: Option<usize>,
}

impl Directive {
    /// Takes a flag; whether it is one.
    pub(crate) const fn flag(&mut self, byte: u8) -> bool {
        match byte {
            b'-' => self.left = true,
            b'0' => self.zero = true,
            b'+' => self.plus = true,
            b' ' => self.space = true,
            b'#' => self.alternate = true,
            _ => return false,
        }
        true
    }

    /// Puts blanks before a text or behind it.
    pub(crate) fn pad(&self, text: &[u8], made: &mut Buffer) -> Result<(), Spent> {
        let blanks = self.width.saturating_sub(text.len());
        if !self.left {
            made.repeat(b' ', blanks)?;
        }
        made.extend(text)?;
        if self.left { made.repeat(b' ', blanks) } else { Ok(()) }
    }

    /// Puts a sign or prefix and zeros before digits.
    pub(super) fn digits(&self, prefix: &str, digits: &str, zeros: usize, made: &mut Buffer) -> Result<(), Spent> {
        let length = prefix.len().saturating_add(digits.len()).saturating_add(zeros);
        let blanks = self.width.saturating_sub(length);
        if !self.left {
            made.repeat(b' ', blanks)?;
        }
        made.extend(prefix.as_bytes())?;
        made.repeat(b'0', zeros)?;
        made.extend(digits.as_bytes())?;
        if self.left { made.repeat(b' ', blanks) } else { Ok(()) }
    }

    pub(super) const fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// `%d`, `%u`, `%o`, `%x`, `%X`.
    pub(crate) fn integer(&self, letter: u8, value: i64, made: &mut Buffer) -> Result<(), Spent> {
        let bits = value.cast_unsigned();
        let (mut prefix, mut digits) = match letter {
            b'd' | b'i' => (self.sign(value < 0), value.unsigned_abs().to_string()),
            b'o' => ("", format!("{bits:o}")),
            b'x' => (if self.alternate && bits != 0 { "0x" } else { "" }, format!("{bits:x}")),
            b'X' => (if self.alternate && bits != 0 { "0X" } else { "" }, format!("{bits:X}")),
            _ => ("", bits.to_string()),
        };
        if self.precision == Some(0) && bits == 0 {
            digits.clear();
        }
        let mut zeros = self.precision.unwrap_or(1).saturating_sub(digits.len());
        if letter == b'o' && self.alternate && zeros == 0 && !digits.starts_with('0') {
            prefix = "0";
        }
        if self.zero && !self.left && self.precision.is_none() {
            zeros = zeros.max(self.width.saturating_sub(digits.len() + prefix.len()));
        }
        self.digits(prefix, &digits, zeros, made)
    }

    /// `%e`, `%f`, `%g` and their capitals.
    pub(crate) fn float(&self, letter: u8, value: f64, made: &mut Buffer) -> Result<(), Spent> {
        let sign = self.sign(value.is_sign_negative() && !value.is_nan());
        let sign = if value.is_nan() && value.is_sign_negative() { "-" } else { sign };
        let upper = letter.is_ascii_uppercase();
        let number = value.abs();
        if !number.is_finite() {
            let text = if number.is_nan() { "nan" } else { "inf" };
            let text = [sign, text].concat();
            return self.pad(if upper { text.to_ascii_uppercase() } else { text }.as_bytes(), made);
        }
        // More digits than these are zeros: no number of 64 bits has them.
        let wanted = self.precision.unwrap_or(6);
        let most = wanted.min(1100);
        let text = match letter.to_ascii_lowercase() {
            b'e' => exponential(number, most, wanted - most),
            b'f' => {
                let mut text = format!("{number:.most$}");
                if wanted > most {
                    // They are put behind by the budget's leave.
                    let zeros = wanted - most;
                    let mut whole = made.beside()?;
                    whole.extend(text.as_bytes())?;
                    whole.repeat(b'0', zeros)?;
                    text = String::from_utf8_lossy(&whole).into_owned();
                }
                text
            }
            _ => general(number, wanted.clamp(1, 1100), self.alternate),
        };
        let text = match self.alternate && !text.contains('.') {
            true => match text.find('e') {
                Some(place) => [&text[..place], ".", &text[place..]].concat(),
                None => text + ".",
            },
            false => text,
        };
        let text = if upper { text.to_ascii_uppercase() } else { text };
        let zeros = match self.zero && !self.left {
            true => self.width.saturating_sub(sign.len() + text.len()),
            false => 0,
        };
        self.digits(sign, &text, zeros, made)
    }
}

/// C's `%e`: an exponent with a sign and at least two digits.
fn exponential(number: f64, digits: usize, zeros: usize) -> String {
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}{}e{sign}{exponent:0>2}", "0".repeat(zeros.min(1 << 16)))
}

/// C's `%g`: as short as the digits allow.
fn general(number: f64, digits: usize, alternate: bool) -> String {
    let text = format!("{number:.*e}", digits - 1);
    let exponent: i64 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let short = |text: &str| match alternate || !text.contains('.') {
        true => text.to_owned(),
        false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    let most = i64::try_from(digits).unwrap_or(i64::MAX);
    if (-4..most).contains(&exponent) {
        let places = usize::try_from(most - 1 - exponent).unwrap_or(0);
        return short(&format!("{number:.places$}"));
    }
    let text = exponential(number, digits - 1, 0);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
    format!("{}e{exponent}", short(mantissa))
}
