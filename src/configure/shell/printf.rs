//! `printf` and `echo`: one implementation of escapes and formats for the builtins and for coreutils' programs.

use super::Run;
use super::Shell;

/// dash's `echo`: `-n` is the only option, escapes always count.
#[must_use]
pub fn dash_echo(arguments: &[Vec<u8>]) -> Vec<u8> {
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
pub fn unescape(text: &[u8], zero: bool) -> (Vec<u8>, bool) {
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
            b'0'..=b'7' if !zero || letter == b'0' => {
                let digits = if zero { rest } else { &text[text.len() - rest.len() - 1..] };
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
pub fn quote(value: &[u8]) -> Vec<u8> {
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

/// The builtin.
pub(super) fn printf(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let Some((format, arguments)) = arguments.split_first() else {
        return shell.usage(b"printf: usage: printf format [arg ...]");
    };
    let printed = format_all(format, arguments, shell.world.limits.bytes);
    shell.write(1, &printed.text)?;
    match printed.problem {
        None => Ok(0),
        Some(Problem::Number(text)) => {
            shell.complain(&[b"printf: ", text.as_slice(), b": expected numeric value"].concat())?;
            Ok(1)
        }
        Some(Problem::Directive(letter)) => {
            shell.gap(b"printf", format!("unknown directive `%{}`", char::from(letter)));
            Ok(2)
        }
    }
}

/// What a format made.
#[derive(Debug)]
pub struct Printed {
    /// The text, up to the problem if it is a directive.
    pub text: Vec<u8>,
    /// The first thing that was wrong.
    pub problem: Option<Problem>,
}

/// What can be wrong with a format.
#[derive(Debug)]
pub enum Problem {
    /// An argument that is not a number.
    Number(Vec<u8>),
    /// A directive that is not known.
    Directive(u8),
}

/// Formats arguments, the format again and again until all are used.
#[must_use]
pub fn format_all(format: &[u8], arguments: &[Vec<u8>], limit: usize) -> Printed {
    let mut printer = Printer { text: Vec::new(), arguments, used: 0, problem: None };
    loop {
        let before = printer.used;
        let going = printer.once(format);
        if !going || printer.used == before || printer.used >= arguments.len() || printer.text.len() > limit {
            return Printed { text: printer.text, problem: printer.problem };
        }
    }
}

struct Printer<'a> {
    text: Vec<u8>,
    arguments: &'a [Vec<u8>],
    used: usize,
    problem: Option<Problem>,
}

#[derive(Default)]
struct Directive {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Printer<'_> {
    fn argument(&mut self) -> Option<Vec<u8>> {
        let argument = self.arguments.get(self.used).cloned();
        self.used += 1;
        argument
    }

    fn number(&mut self) -> i64 {
        let Some(text) = self.argument() else { return 0 };
        if let [b'\'' | b'"', byte, ..] = text.as_slice() {
            return i64::from(*byte);
        }
        let trimmed = std::str::from_utf8(&text).unwrap_or("x").trim_start();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => i64::from_str_radix(hex, 16),
            None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
            None => digits.parse(),
        };
        match parsed {
            Ok(value) if negative => value.wrapping_neg(),
            Ok(value) => value,
            Err(_) => {
                self.problem.get_or_insert(Problem::Number(text.clone()));
                let length = digits.bytes().take_while(u8::is_ascii_digit).count();
                digits[..length].parse().unwrap_or(0)
            }
        }
    }

    /// One pass over the format; `false` when the output ends here.
    fn once(&mut self, format: &[u8]) -> bool {
        let mut rest = format;
        while let Some(percent) = memchr::memchr(b'%', rest) {
            self.text.extend(unescape(&rest[..percent], false).0);
            rest = &rest[percent + 1..];
            let mut directive = Directive::default();
            rest = self.flags(&mut directive, rest);
            let Some((&letter, tail)) = rest.split_first() else {
                self.text.push(b'%');
                return true;
            };
            rest = tail;
            if !self.directive(&directive, letter) {
                return false;
            }
        }
        self.text.extend(unescape(rest, false).0);
        true
    }

    fn flags<'f>(&mut self, directive: &mut Directive, format: &'f [u8]) -> &'f [u8] {
        let mut rest = format;
        loop {
            match rest.first() {
                Some(b'-') => directive.left = true,
                Some(b'0') => directive.zero = true,
                Some(b'+') => directive.plus = true,
                Some(b' ') => directive.space = true,
                Some(b'#') => directive.alternate = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        (directive.width, rest) = self.size(rest);
        if let [b'.', tail @ ..] = rest {
            let precision;
            (precision, rest) = self.size(tail);
            directive.precision = Some(precision);
        }
        rest
    }

    /// A width or precision; more than a page is nobody's wish.
    fn size<'f>(&mut self, format: &'f [u8]) -> (usize, &'f [u8]) {
        if let [b'*', rest @ ..] = format {
            return (usize::try_from(self.number()).unwrap_or(0).min(4096), rest);
        }
        let length = format.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value =
            format[..length].iter().fold(0usize, |value, digit| (value * 10 + usize::from(digit - b'0')).min(4096));
        (value, &format[length..])
    }

    fn directive(&mut self, directive: &Directive, letter: u8) -> bool {
        match letter {
            b'%' => self.text.push(b'%'),
            b's' | b'b' => {
                let argument = self.argument().unwrap_or_default();
                let (mut text, stopped) = if letter == b'b' { unescape(&argument, true) } else { (argument, false) };
                text.truncate(directive.precision.unwrap_or(usize::MAX));
                self.pad(directive, &text);
                return !stopped;
            }
            b'c' => {
                let argument = self.argument().unwrap_or_default();
                self.pad(directive, &argument[..argument.len().min(1)]);
            }
            b'd' | b'i' => {
                let value = self.number();
                let sign = match value {
                    ..0 => "-",
                    _ if directive.plus => "+",
                    _ if directive.space => " ",
                    _ => "",
                };
                self.digits(directive, sign, &value.unsigned_abs().to_string());
            }
            b'u' | b'o' | b'x' | b'X' => {
                let value = self.number().cast_unsigned();
                let (prefix, digits) = match letter {
                    b'u' => ("", value.to_string()),
                    b'o' => (if directive.alternate { "0" } else { "" }, format!("{value:o}")),
                    b'x' => (if directive.alternate && value != 0 { "0x" } else { "" }, format!("{value:x}")),
                    _ => (if directive.alternate && value != 0 { "0X" } else { "" }, format!("{value:X}")),
                };
                self.digits(directive, prefix, &digits);
            }
            _ => {
                self.problem = Some(Problem::Directive(letter));
                return false;
            }
        }
        true
    }

    fn digits(&mut self, directive: &Directive, prefix: &str, digits: &str) {
        let precision = directive.precision.unwrap_or(1);
        let mut zeros = precision.saturating_sub(digits.len());
        if directive.zero && !directive.left && directive.precision.is_none() {
            zeros = zeros.max(directive.width.saturating_sub(digits.len() + prefix.len()));
        }
        let text = [prefix, &"0".repeat(zeros), digits].concat();
        self.pad(directive, text.as_bytes());
    }

    fn pad(&mut self, directive: &Directive, text: &[u8]) {
        let blanks = vec![b' '; directive.width.saturating_sub(text.len())];
        let (before, after) = if directive.left { (&[][..], &blanks[..]) } else { (&blanks[..], &[][..]) };
        self.text.extend([before, text, after].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let cases: [(&str, &[&str], &str); 12] = [
            ("%s\\n", &["a", "b"], "a\nb\n"),
            ("%5s|%-5s|", &["a", "b"], "    a|b    |"),
            ("%03d %x %o %X", &["7", "255", "8", "255"], "007 ff 10 FF"),
            ("%b", &["a\\tb\\0101"], "a\tbA"),
            ("%.2s", &["abc"], "ab"),
            ("%c", &["xyz"], "x"),
            ("no args", &["x"], "no args"),
            ("%s-%s ", &["a", "b", "c"], "a-b c- "),
            ("%%", &[], "%"),
            ("\\101\\x", &[], "A\\x"),
            ("%d", &["'A"], "65"),
            ("%b tail", &["a\\cb"], "a"),
        ];
        for (format, arguments, wanted) in cases {
            let arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect();
            let printed = format_all(format.as_bytes(), &arguments, 1000);
            assert_eq!(String::from_utf8_lossy(&printed.text), wanted, "{format}");
        }
    }

    #[test]
    fn echoes_as_dash() {
        let echo = |words: &[&str]| dash_echo(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(echo(&["-n", "a\\tb"]), b"a\tb");
        assert_eq!(echo(&["-e", "a"]), b"-e a\n");
        assert_eq!(echo(&["a\\cb"]), b"a");
        assert_eq!(echo(&["\\060", "\\1"]), b"0 \\1\n");
    }
}
