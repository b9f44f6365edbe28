//! `numfmt --format`: a directive of printf's with text around it.

use super::super::Fault;
use super::super::show;
use super::WIDEST;
use super::plain;

/// What stands around a number, and how it is shown.
#[derive(Debug, Default)]
pub(super) struct Format {
    pub(super) before: Vec<u8>,
    pub(super) behind: Vec<u8>,
    /// So wide at least; 0 where it is as wide as what was read.
    pub(super) width: usize,
    pub(super) left: bool,
    pub(super) zeros: usize,
    pub(super) places: Option<usize>,
}

impl Format {
    /// Reads `--format`.
    pub(super) fn read(text: &[u8]) -> Result<Self, Fault> {
        let shown = show(text);
        let Some(start) = text.iter().position(|&byte| byte == b'%') else {
            return Err(Fault::failed(format!("format '{shown}' has no % directive")));
        };
        let mut format = Self { before: text[..start].to_vec(), ..Self::default() };
        let mut rest = &text[start + 1..];
        if rest.first() == Some(&b'%') {
            return Err(Fault::gap("a format with `%%`"));
        }
        let mut zero = false;
        while let Some((flag @ (b' ' | b'\'' | b'0'), tail)) = rest.split_first() {
            zero |= *flag == b'0';
            rest = tail;
        }
        // strtol takes a sign.
        let (sign, digits) = match rest.split_first() {
            Some((sign @ (b'-' | b'+'), tail)) if tail.first().is_some_and(u8::is_ascii_digit) => (*sign, tail),
            _ => (b'+', rest),
        };
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length > 0 {
            rest = &digits[length..];
            let overflow = || Fault::failed(format!("invalid format '{shown}' (width overflow)"));
            let width = plain(&digits[..length]).filter(|&width| i64::try_from(width).is_ok()).ok_or_else(overflow)?;
            let width = usize::try_from(width).ok().filter(|&width| width < WIDEST);
            let width = width.ok_or_else(|| Fault::gap("so wide a format"))?;
            if zero && sign == b'+' {
                format.zeros = width;
            } else {
                (format.width, format.left) = (width, sign == b'-');
            }
        }
        if rest.is_empty() {
            return Err(Fault::failed(format!("format '{shown}' ends in %")));
        }
        if let Some((b'.', tail)) = rest.split_first() {
            let length = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let wrong = || Fault::failed(format!("invalid precision in format '{shown}'"));
            if matches!(tail.first(), Some(b' ' | b'\t' | b'+' | b'-')) {
                return Err(wrong());
            }
            let places = if length == 0 { 0 } else { plain(&tail[..length]).ok_or_else(wrong)? };
            let places = usize::try_from(places).ok().filter(|&places| places < WIDEST);
            format.places = Some(places.ok_or_else(|| Fault::gap("so many digits"))?);
            rest = &tail[length..];
        }
        let Some((b'f', behind)) = rest.split_first() else {
            let way = "directive must be %[0]['][-][N][.][N]f";
            return Err(Fault::failed(format!("invalid format '{shown}', {way}")));
        };
        if behind.windows(2).any(|pair| pair == b"%%") {
            return Err(Fault::gap("a format with `%%`"));
        }
        if behind.contains(&b'%') {
            return Err(Fault::failed(format!("format '{shown}' has too many % directives")));
        }
        format.behind = behind.to_vec();
        Ok(format)
    }
}
