//! expr(1).

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::regex::Regex;
use super::regex::Syntax;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("expr", expr)];

const LEVELS: [&[&[u8]]; 5] =
    [&[b"|"], &[b"&"], &[b"<", b"<=", b"=", b"==", b"!=", b">=", b">"], &[b"+", b"-"], &[b"*", b"/", b"%"]];

fn expr(call: &mut Call<'_, '_>) -> Done {
    let args = call.args.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(call.args);
    let mut reader = Reader { words: args, position: 0, depth: 0 };
    let value = reader.level(0)?;
    if reader.position < args.len() {
        return Err(wrong());
    }
    call.out([value.as_slice(), b"\n"].concat())?;
    Ok(i32::from(is_null(&value)))
}

fn wrong() -> Fault {
    Fault::Failed(2, "syntax error".into())
}

fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

fn is_null(value: &[u8]) -> bool {
    value.is_empty() || number(value) == Some(0)
}

struct Reader<'a> {
    words: &'a [Vec<u8>],
    position: usize,
    depth: u32,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Vec<u8>, Fault> {
        let word = self.words.get(self.position).cloned().ok_or_else(wrong)?;
        self.position += 1;
        Ok(word)
    }

    fn level(&mut self, level: usize) -> Result<Vec<u8>, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.matching() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.words.get(self.position).filter(|word| operators.contains(&word.as_slice())) {
            let operator = operator.clone();
            self.position += 1;
            let right = self.level(level + 1)?;
            left = apply(&left, &operator, &right)?;
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<Vec<u8>, Fault> {
        let mut left = self.primary()?;
        while self.words.get(self.position).is_some_and(|word| word == b":") {
            self.position += 1;
            let pattern = self.primary()?;
            left = matched(&left, &pattern)?;
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<Vec<u8>, Fault> {
        self.depth += 1;
        if self.depth > 100 {
            return Err(wrong());
        }
        let word = self.next()?;
        let value = match word.as_slice() {
            b"(" => {
                let value = self.level(0)?;
                if self.next()? != b")" {
                    return Err(wrong());
                }
                value
            }
            b"+" if self.position < self.words.len() => self.next()?,
            b"length" if self.position < self.words.len() => self.primary()?.len().to_string().into_bytes(),
            b"match" if self.position + 1 < self.words.len() => {
                let text = self.primary()?;
                let pattern = self.primary()?;
                matched(&text, &pattern)?
            }
            b"substr" if self.position + 2 < self.words.len() => {
                let (text, from, length) = (self.primary()?, self.primary()?, self.primary()?);
                let place = |text: &[u8]| number(text).and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
                let (from, length) = (place(&from), place(&length));
                let start = from.wrapping_sub(1).min(text.len());
                if from == 0 {
                    Vec::new()
                } else {
                    text[start..(start + length.min(text.len())).min(text.len())].to_vec()
                }
            }
            b"index" if self.position + 1 < self.words.len() => {
                let (text, set) = (self.primary()?, self.primary()?);
                text.iter().position(|byte| set.contains(byte)).map_or(0, |place| place + 1).to_string().into_bytes()
            }
            _ => word,
        };
        self.depth -= 1;
        Ok(value)
    }
}

fn matched(text: &[u8], pattern: &[u8]) -> Result<Vec<u8>, Fault> {
    let groups = Regex::new(&[b"^", pattern].concat(), Syntax::Basic, false)?.find(text, 0)?;
    let has_group = memchr::memmem::find(pattern, b"\\(").is_some();
    Ok(match groups {
        Some(groups) if has_group => {
            groups.get(1).copied().flatten().map_or(Vec::new(), |(from, to)| text[from..to].to_vec())
        }
        Some(groups) => groups[0].map_or(0, |(from, to)| to - from).to_string().into_bytes(),
        None if has_group => Vec::new(),
        None => b"0".to_vec(),
    })
}

fn apply(left: &[u8], operator: &[u8], right: &[u8]) -> Result<Vec<u8>, Fault> {
    let truth = |value: bool| if value { b"1".to_vec() } else { b"0".to_vec() };
    let order = match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    };
    Ok(match operator {
        b"|" if !is_null(left) => left.to_vec(),
        b"|" if !is_null(right) => right.to_vec(),
        b"|" => b"0".to_vec(),
        b"&" if is_null(left) || is_null(right) => b"0".to_vec(),
        b"&" => left.to_vec(),
        b"<" => truth(order.is_lt()),
        b"<=" => truth(order.is_le()),
        b"=" | b"==" => truth(order.is_eq()),
        b"!=" => truth(order.is_ne()),
        b">=" => truth(order.is_ge()),
        b">" => truth(order.is_gt()),
        _ => {
            let plain = || Fault::Failed(2, "non-integer argument".into());
            let (left, right) = (number(left).ok_or_else(plain)?, number(right).ok_or_else(plain)?);
            let value = match operator {
                b"+" => left.checked_add(right),
                b"-" => left.checked_sub(right),
                b"*" => left.checked_mul(right),
                _ if right == 0 => return Err(Fault::Failed(2, "division by zero".into())),
                b"/" => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            value.ok_or_else(|| Fault::Failed(2, "number too large".into()))?.to_string().into_bytes()
        }
    })
}
