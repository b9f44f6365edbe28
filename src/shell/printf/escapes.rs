//! Escapes in texts, as `echo`, `printf` and their kin know them.

use crate::format::escape;
use crate::shell::quote::number;

/// dash's `echo`: `-n` is the only option, escapes always count.
#[must_use]
pub(crate) fn dash_echo(arguments: &[Vec<u8>]) -> Vec<u8> {
    let (newline, words) = match arguments.split_first() {
        Some((first, rest)) if first == b"-n" => (false, rest),
        _ => (true, arguments),
    };
    let (mut text, stopped) = escapes(&words.join(&b' '), Escapes::DashArgument);
    if newline && !stopped {
        text.push(b'\n');
    }
    text
}

/// Where escapes stand: that decides which there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// The format of dash's printf.
    DashFormat,
    /// An argument of `%b`, or of dash's echo.
    DashArgument,
    /// The format of coreutils' printf.
    Format,
    /// An argument of its `%b`.
    Argument,
    /// `echo -e`.
    Echo,
}

/// Replaces backslash escapes. The flag: `\c` was met.
#[must_use]
pub(crate) fn escapes(text: &[u8], place: Escapes) -> (Vec<u8>, bool) {
    use Escapes::Argument;
    use Escapes::DashArgument;
    use Escapes::DashFormat;
    use Escapes::Echo;
    use Escapes::Format;

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
        let here = rest;
        rest = tail;
        if let Some(byte) = escape::letter(letter) {
            out.push(byte);
            continue;
        }
        match (letter, place) {
            (b'e', _) => out.push(27),
            (b'\\', _) | (b'"', DashFormat | Format | Argument) | (b'\'', DashFormat) => out.push(letter),
            (b'c', DashArgument | Format | Argument | Echo) => return (out, true),
            (b'x', Format | Argument | Echo) if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                rest = number(&mut out, rest, 16, 2);
            }
            // A zero before the digits is none of them.
            (b'0', DashArgument | Argument | Echo) => rest = number(&mut out, rest, 8, 3),
            (b'0'..=b'7', _) => rest = number(&mut out, here, 8, 3),
            _ => out.extend([b'\\', letter]),
        }
    }
    (out, false)
}
