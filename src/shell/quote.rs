//! Quotes of bash: `$'…'`, and values quoted so that bash reads them back.

use crate::format::escape;

/// Whose escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `$'…'`
    Quotes,
    /// `echo -e`
    Echo,
    /// The format of printf.
    Format,
    /// What its `%b` takes.
    Argument,
}

/// Replaces escapes of ANSI C; the flag: `\c` ended the output.
/// `narrow`: the locale knows no letters but ASCII's; `\u` of others stays, in bash's own spelling.
pub(super) fn ansi(text: &[u8], whose: Escapes, narrow: bool) -> (Vec<u8>, bool) {
    let written = matches!(whose, Escapes::Quotes | Escapes::Format);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let Some((&letter, tail)) = rest.split_first().filter(|_| *byte == b'\\') else {
            out.push(*byte);
            continue;
        };
        rest = tail;
        if let Some(byte) = escape::letter(letter) {
            out.push(byte);
            continue;
        }
        match letter {
            b'e' | b'E' => out.push(27),
            b'\\' => out.push(b'\\'),
            b'\'' | b'"' | b'?' if written => out.push(letter),
            b'c' if !written => return (out, true),
            b'c' if !rest.is_empty() && whose == Escapes::Quotes => {
                out.push(rest[0] & 0x1f);
                rest = &rest[1..];
            }
            b'0' if !written => rest = number(&mut out, rest, 8, 3),
            b'0'..=b'7' if whose != Escapes::Echo => {
                rest = number(&mut out, &text[text.len() - rest.len() - 1..], 8, 3);
            }
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => rest = number(&mut out, rest, 16, 2),
            b'u' | b'U' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                let most = if letter == b'u' { 4 } else { 8 };
                let length = rest.iter().take(most).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let digits = std::str::from_utf8(&rest[..length]).expect("they are digits");
                let value = u32::from_str_radix(digits, 16).expect("at most eight digits");
                let letter = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend(
                    match value {
                        0x80..=0xffff if narrow => format!("\\u{value:04X}"),
                        0x1_0000.. if narrow => format!("\\U{value:08X}"),
                        _ => letter.to_string(),
                    }
                    .into_bytes(),
                );
                rest = &rest[length..];
            }
            _ => out.extend([b'\\', letter]),
        }
        // A NUL ends the text.
        if whose == Escapes::Quotes && out.last() == Some(&0) {
            out.pop();
            break;
        }
    }
    (out, false)
}

/// Takes the digits of a number that names a byte, at most so many, and returns what follows.
pub(super) fn number<'t>(out: &mut Vec<u8>, digits: &'t [u8], radix: u32, most: usize) -> &'t [u8] {
    let length = digits.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let value = digits[..length]
        .iter()
        .fold(0u32, |value, digit| value * radix + char::from(*digit).to_digit(radix).unwrap_or(0));
    out.push(value.to_le_bytes()[0]);
    &digits[length..]
}

/// A value in double quotes, as `declare -p` has it; `None` when it needs escapes.
pub(super) fn double_quoted(value: &[u8]) -> Option<Vec<u8>> {
    if !value.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\n') || value.contains(&b'\n') {
        return None;
    }
    let mut quoted = vec![b'"'];
    for &byte in value {
        if matches!(byte, b'"' | b'\\' | b'$' | b'`') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    Some(quoted)
}

/// A word as the trace of bash's `set -x` has it; `None` when its form depends on the locale.
pub(super) fn traced(word: &[u8]) -> Option<Vec<u8>> {
    if !word.is_ascii() || word.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n' && *byte != b'\t') {
        return None;
    }
    let begins = |place: usize, with: &[u8]| place == 0 || with.contains(&word[place - 1]);
    let special = word.is_empty()
        || word.iter().enumerate().any(|(place, byte)| match byte {
            b'#' => place == 0,
            b'~' => begins(place, b":="),
            _ => b" \t\n!\"$&'()*;<>?[\\]^`{|}".contains(byte),
        });
    Some(if special { single_quoted(word) } else { word.to_vec() })
}

/// A value as bash's `printf %q` has it; `None` when it is no ASCII, whose form depends on the locale.
pub(super) fn backslashed(value: &[u8]) -> Option<Vec<u8>> {
    if !value.is_ascii() {
        return None;
    }
    if value.is_empty() {
        return Some(b"''".to_vec());
    }
    let mut out = Vec::new();
    if !value.iter().any(u8::is_ascii_control) {
        for (place, &byte) in value.iter().enumerate() {
            let begins = |with: &[u8]| place == 0 || with.contains(&value[place - 1]);
            let quoted = match byte {
                b'#' => place == 0,
                b'~' => begins(b":="),
                _ => b" !\"$&'()*,;<>?[\\]^`{|}".contains(&byte),
            };
            if quoted {
                out.push(b'\\');
            }
            out.push(byte);
        }
        return Some(out);
    }
    out.extend(b"$'");
    for &byte in value {
        match byte {
            0x1b => out.extend(b"\\E"),
            b'\\' | b'\'' => out.extend([b'\\', byte]),
            7..=13 => out.extend([b'\\', b"abtnvfr"[usize::from(byte - 7)]]),
            byte if byte.is_ascii_control() => out.extend(format!("\\{byte:03o}").into_bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'\'');
    Some(out)
}

/// A value in single quotes, as bash's `trap` and `${x@Q}` have it.
pub(super) fn single_quoted(value: &[u8]) -> Vec<u8> {
    in_quotes(value, b"'\\''")
}

/// A value in single quotes, as dash prints it.
pub(super) fn dash_quoted(value: &[u8]) -> Vec<u8> {
    in_quotes(value, b"'\"'\"'")
}

/// A value in single quotes; `quote` is how one stands among them.
fn in_quotes(value: &[u8], quote: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(quote).as_slice(), b"'"].concat()
}

/// A value as bash's `set` prints it; `None` when it needs escapes.
pub(super) fn listed(value: &[u8]) -> Option<Vec<u8>> {
    let counts = |(place, byte): (usize, &u8)| match byte {
        b'~' => place == 0 || matches!(value[place - 1], b'=' | b':'),
        b'#' => place == 0,
        _ => b" '\"\\|&;()<>!{}*[?]^$`".contains(byte),
    };
    if !value.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return None;
    }
    Some(if value.iter().enumerate().any(counts) { single_quoted(value) } else { value.to_vec() })
}

/// `${x@Q}`; `None` when it needs escapes.
pub(super) fn quoted(value: &[u8]) -> Option<Vec<u8>> {
    value.iter().all(|byte| (b' '..0x7f).contains(byte)).then(|| single_quoted(value))
}
