//! Escapes in texts, as `echo`, `printf` and their kin know them, and texts quoted so that a shell reads them back.

/// dash's `echo`: `-n` is the only option, escapes always count.
#[must_use]
pub(crate) fn dash_echo(arguments: &[Vec<u8>]) -> Vec<u8> {
    let (newline, words) = match arguments.split_first() {
        Some((first, rest)) if first == b"-n" => (false, rest),
        _ => (true, arguments),
    };
    let (mut text, stopped) = unescape(&words.join(&b' '), true);
    if newline && !stopped {
        text.push(b'\n');
    }
    text
}

/// Replaces backslash escapes; octal numbers begin with `0` when `zero` (echo, `%b`). The flag: `\c` was met.
#[must_use]
pub(crate) fn unescape(text: &[u8], zero: bool) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((&letter, tail)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        rest = tail;
        match letter {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'e' => out.push(27),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' => out.push(b'\\'),
            b'"' | b'\'' if !zero => out.push(letter),
            b'c' if zero => return (out, true),
            b'0'..=b'7' => {
                let digits = if zero && letter == b'0' { rest } else { &text[text.len() - rest.len() - 1..] };
                let length = digits.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
                let value = digits[..length].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                out.push(value.to_le_bytes()[0]);
                rest = &digits[length..];
            }
            _ => out.extend([b'\\', letter]),
        }
    }
    (out, false)
}

/// A value in single quotes, as dash prints it.
#[must_use]
pub(crate) fn quote(value: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in value {
        if byte == b'\'' {
            quoted.extend(b"'\"'\"'");
        } else {
            quoted.push(byte);
        }
    }
    quoted.push(b'\'');
    quoted
}

/// Where coreutils' escapes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// printf's format.
    Format,
    /// An argument of `%b`.
    Argument,
    /// `echo -e`.
    Echo,
}

/// Replaces coreutils' escapes: beside dash's `\e`, `\xHH`, and `\c` everywhere. The flag: `\c` was met.
pub(crate) fn escapes(text: &[u8], place: Escapes) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((&letter, tail)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        rest = tail;
        let number = |digits: &[u8], most: usize, base: u32| {
            let found: Vec<u32> = digits.iter().take(most).map_while(|byte| char::from(*byte).to_digit(base)).collect();
            let value = found.iter().fold(0u32, |value, digit| value * base + digit);
            (value.to_le_bytes()[0], found.len())
        };
        match letter {
            b'c' => return (out, true),
            b'e' => out.push(27),
            b'"' if place != Escapes::Echo => out.push(b'"'),
            b'x' => match number(rest, 2, 16) {
                (_, 0) => out.extend(b"\\x"),
                (value, length) => {
                    out.push(value);
                    rest = &rest[length..];
                }
            },
            b'0'..=b'7' => {
                let zero = letter == b'0' && place != Escapes::Format;
                let digits = if zero { rest } else { &text[text.len() - rest.len() - 1..] };
                let (value, length) = number(digits, 3, 8);
                out.push(value);
                rest = &digits[length..];
            }
            _ => {
                let (plain, _) = unescape(&[b'\\', letter], true);
                out.extend(plain);
            }
        }
    }
    (out, false)
}
