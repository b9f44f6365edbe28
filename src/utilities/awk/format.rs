//! awk's `printf`.

use super::dialect::Dialect;
use super::values::Value;
use super::values::number_text;
use super::values::to_integer;
use crate::budget::Budget;
use crate::shell::printf::Directive;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;

/// Formats values.
///
/// # Errors
/// The budget is spent, values are missing, or awks differ in what it means.
pub(super) fn format(format: &[u8], values: &[Value], dialect: Dialect, budget: &Budget) -> Result<Buffer, Fault> {
    let mut made = Buffer::new(budget)?;
    let mut values = values.iter();
    let mut next =
        || values.next().ok_or_else(|| Fault::Failed(2, "not enough arguments to satisfy format string".into()));
    let mut rest = format;
    while let Some(percent) = memchr::memchr(b'%', rest) {
        made.extend(&rest[..percent])?;
        rest = &rest[percent + 1..];
        if let [b'%', tail @ ..] = rest {
            made.push(b'%')?;
            rest = tail;
            continue;
        }
        let mut directive = Directive::default();
        while let [flag, tail @ ..] = rest
            && directive.flag(*flag)
        {
            rest = tail;
        }
        let mut size = |rest: &mut &[u8]| -> Result<i64, Fault> {
            if let [b'*', tail @ ..] = *rest {
                *rest = tail;
                return Ok(to_integer(next()?.number(dialect)?).clamp(-(1 << 31), 1 << 31));
            }
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let value = rest[..length].iter().fold(0i64, |value, digit| {
                value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(1 << 31)
            });
            *rest = &rest[length..];
            Ok(value)
        };
        let width = size(&mut rest)?;
        directive.left |= width < 0;
        directive.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        if let [b'.', tail @ ..] = rest {
            rest = tail;
            directive.precision = usize::try_from(size(&mut rest)?).ok();
        }
        let Some((&letter, tail)) = rest.split_first() else { return Err(Fault::gap("printf with a `%` at the end")) };
        rest = tail;
        match letter {
            b's' => {
                let text = plain(next()?, dialect, budget)?;
                let shown = &text[..directive.precision.unwrap_or(usize::MAX).min(text.len())];
                directive.pad(shown, &mut made)?;
            }
            b'c' => match next()? {
                Value::Number(number) | Value::Both(_, number) => {
                    directive.pad(&[to_integer(*number).to_le_bytes()[0]], &mut made)?;
                }
                Value::Unset => return Err(Fault::gap("printf %c of nothing")),
                // An empty text has its end for a first byte.
                Value::Text(text) => directive.pad(&[text.first().copied().unwrap_or(0)], &mut made)?,
            },
            b'd' | b'i' | b'o' | b'x' | b'X' | b'u' => {
                let number = next()?.number(dialect)?.trunc();
                let most = if dialect == Dialect::Gawk { 9e15 } else { 2_147_483_648.0 };
                let signed = matches!(letter, b'd' | b'i');
                if number.is_nan() || number.abs() >= most || (number < 0.0 && !signed) {
                    return Err(Fault::gap(format!("printf %{} of {number}", char::from(letter))));
                }
                directive.integer(letter, to_integer(number), &mut made)?;
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
                let number = next()?.number(dialect)?;
                if !number.is_finite() {
                    return Err(Fault::gap("printf of an infinite number"));
                }
                directive.float(letter, number, &mut made)?;
            }
            letter => return Err(Fault::gap(format!("printf %{}", char::from(letter)))),
        }
    }
    made.extend(rest)?;
    Ok(made)
}

fn plain(value: &Value, dialect: Dialect, budget: &Budget) -> Result<Buffer, Fault> {
    let mut made = Buffer::new(budget)?;
    match value {
        Value::Unset => {}
        Value::Text(text) | Value::Both(text, _) => made.extend(text)?,
        Value::Number(number) => return number_text(*number, b"%.6g", dialect, budget),
    }
    Ok(made)
}
