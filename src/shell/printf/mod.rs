//! `printf` and `echo`: one implementation of escapes and formats for the builtins and for coreutils' programs.

mod directive;
mod escapes;

use super::Run;
use super::Shell;
use super::quote;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::budget::kept::Buffer;

pub(crate) use directive::Directive;
pub(crate) use escapes::Escapes;
pub(crate) use escapes::dash_echo;
pub(crate) use escapes::escapes;

/// The builtin.
pub(super) fn printf(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == b"--" => rest,
        Some((first, _)) if first.len() > 1 && first[0] == b'-' => {
            let message = [b"printf: Illegal option ", &first[..2]].concat();
            return shell.usage(&message);
        }
        _ => arguments,
    };
    let Some((format, arguments)) = arguments.split_first() else {
        return shell.usage(b"printf: usage: printf format [arg ...]");
    };
    let budget = shell.system.budget.clone();
    let tool =
        if shell.is_bash() { Tool::Bash { now: shell.system.clock, narrow: !shell.has_utf8() } } else { Tool::Dash };
    let printed = format_all(format, arguments, tool, &budget)?;
    // What is wrong is said at once, what is printed comes when it is done.
    let mut status = 0;
    for problem in &printed.problems {
        if let Some(what) = problem.gap(tool) {
            shell.gap(b"printf", what);
            return Ok(2);
        }
        let (text, code) = problem.words(tool);
        shell.complain(&[b"printf: ", text.as_slice()].concat())?;
        status = status.max(code);
    }
    Ok(status | shell.print(&printed.text)?)
}

/// Whose `printf` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// dash's builtin.
    Dash,
    /// bash's, at that time.
    Bash {
        /// Seconds since 1970.
        now: i64,
        /// The locale has no letters but ASCII's.
        narrow: bool,
    },
    /// coreutils' program.
    Coreutils,
}

/// What a format made.
#[derive(Debug)]
pub(crate) struct Printed {
    /// The text, up to the problem if it is one that ends the output.
    pub(crate) text: Buffer,
    /// What was wrong.
    pub(crate) problems: Vec<Problem>,
    /// Arguments that the format did not ask for.
    pub(crate) excess: Option<Vec<u8>>,
}

/// What can be wrong with a format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// An argument that is not a number.
    Number(Vec<u8>),
    /// An argument that goes on behind its number.
    Rest(Vec<u8>),
    /// A number beyond 64 bits.
    Range(Vec<u8>),
    /// A directive that is not known.
    Directive(Vec<u8>),
    /// A percent sign at the end.
    Missing,
    /// A width or precision beyond C's `int`.
    Wide,
    /// What is not followed.
    Lacking(String),
}

impl Problem {
    /// What of it is not followed.
    fn gap(&self, tool: Tool) -> Option<String> {
        let bash = matches!(tool, Tool::Bash { .. });
        match self {
            Self::Lacking(what) => Some(what.clone()),
            Self::Wide if bash => Some("so large a width".into()),
            Self::Directive(text) => {
                let letter = text.last().filter(|letter| b"aA".contains(letter) || (bash && b"nQ".contains(letter)))?;
                Some(format!("the directive `%{}`", char::from(*letter)))
            }
            _ => None,
        }
    }

    /// The words of a tool, and its status.
    #[must_use]
    pub(crate) fn words(&self, tool: Tool) -> (Vec<u8>, i32) {
        if matches!(tool, Tool::Bash { .. }) {
            return self.words_of_bash();
        }
        let dash = tool == Tool::Dash;
        let named = |text: &[u8], words: &str| match dash {
            true => [text, b": ", words.as_bytes()].concat(),
            false => [b"'", text, b"': ", words.as_bytes()].concat(),
        };
        match self {
            Self::Number(text) if dash => (named(text, "expected numeric value"), 1),
            Self::Number(text) => (named(text, "expected a numeric value"), 1),
            Self::Rest(text) if dash => (named(text, "not completely converted"), 1),
            Self::Rest(text) => (named(text, "value not completely converted"), 1),
            Self::Range(text) => (named(text, "Numerical result out of range"), 1),
            Self::Directive(text) if dash => ([text, &b": invalid directive"[..]].concat(), 2),
            Self::Directive(text) => ([text, &b": invalid conversion specification"[..]].concat(), 1),
            Self::Missing if dash => (b"missing format character".to_vec(), 2),
            Self::Missing => (b"%: invalid conversion specification".to_vec(), 1),
            Self::Wide if dash => (b"xvsnprintf failed".to_vec(), 2),
            Self::Wide => (b"write error: Value too large for defined data type".to_vec(), 1),
            Self::Lacking(what) => (what.clone().into_bytes(), 2),
        }
    }

    fn words_of_bash(&self) -> (Vec<u8>, i32) {
        match self {
            Self::Number(text) | Self::Rest(text) => ([text, &b": invalid number"[..]].concat(), 1),
            // What is too large is only warned of.
            Self::Range(text) => ([b"warning: ", text.as_slice(), b": Numerical result out of range"].concat(), 0),
            Self::Directive(text) => {
                let letter = text.last().copied().unwrap_or_default();
                ([b"`", [letter].as_slice(), b"': invalid format character"].concat(), 1)
            }
            Self::Missing => (b"`%': missing format character".to_vec(), 1),
            Self::Wide => (b"a width that is too large".to_vec(), 1),
            Self::Lacking(what) => (what.clone().into_bytes(), 2),
        }
    }
}

/// Formats arguments, the format again and again until all are used.
///
/// # Errors
/// The budget is spent.
pub(crate) fn format_all(format: &[u8], arguments: &[Vec<u8>], tool: Tool, budget: &Budget) -> Result<Printed, Spent> {
    let mut printer = Printer { text: Buffer::new(budget)?, arguments, used: 0, problems: Vec::new(), tool };
    loop {
        budget.step()?;
        budget.read(format.len())?;
        let before = printer.used;
        let going = printer.once(format)?;
        if !going || printer.used == before || printer.used >= arguments.len() {
            let excess = arguments.get(printer.used).filter(|_| going).cloned();
            return Ok(Printed { text: printer.text, problems: printer.problems, excess });
        }
    }
}

struct Printer<'a> {
    text: Buffer,
    arguments: &'a [Vec<u8>],
    used: usize,
    problems: Vec<Problem>,
    tool: Tool,
}

impl Printer<'_> {
    fn argument(&mut self) -> Option<Vec<u8>> {
        let argument = self.arguments.get(self.used).cloned();
        self.used += 1;
        argument
    }

    /// A number as strtoimax(3) reads it: of any base, and what it cannot read is said.
    fn number(&mut self, signed: bool) -> i64 {
        let Some(text) = self.argument() else { return 0 };
        if let [b'\'' | b'"', rest @ ..] = text.as_slice() {
            return rest.first().map_or(0, |byte| i64::from(*byte));
        }
        if text.is_empty() {
            return 0;
        }
        let trimmed = text.trim_ascii_start();
        let (negative, digits) = match trimmed {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let is_hex = matches!(digits, [b'0', b'x' | b'X', next, ..] if next.is_ascii_hexdigit());
        let (base, digits) = match digits {
            [_, _, rest @ ..] if is_hex => (16, rest),
            [b'0', ..] => (8, digits),
            _ => (10, digits),
        };
        let length = digits.iter().take_while(|byte| char::from(**byte).is_digit(base)).count();
        let mut value = Some(0u64);
        for byte in &digits[..length] {
            let digit = char::from(*byte).to_digit(base).unwrap_or(0);
            value = value.and_then(|value| value.checked_mul(u64::from(base))?.checked_add(u64::from(digit)));
        }
        if length == 0 {
            self.problems.push(Problem::Number(text.clone()));
            return 0;
        }
        let value = match (value, negative, signed) {
            (Some(value), true, true) if value > 1 << 63 => None,
            (Some(value), false, true) if value >= 1 << 63 => None,
            (Some(value), true, _) => Some(value.wrapping_neg().cast_signed()),
            (Some(value), false, _) => Some(value.cast_signed()),
            (None, ..) => None,
        };
        let value = value.unwrap_or_else(|| {
            self.problems.push(Problem::Range(text.clone()));
            match (signed, negative) {
                (true, true) => i64::MIN,
                (true, false) => i64::MAX,
                (false, _) => -1,
            }
        });
        if length < digits.len() {
            self.problems.push(Problem::Rest(text.clone()));
        }
        value
    }

    /// A number as strtod(3) reads it.
    fn float(&mut self) -> f64 {
        let Some(text) = self.argument() else { return 0.0 };
        if let [b'\'' | b'"', rest @ ..] = text.as_slice() {
            return rest.first().map_or(0.0, |byte| f64::from(*byte));
        }
        let trimmed = text.trim_ascii_start();
        let (sign, digits) = match trimmed {
            [b'-', rest @ ..] => (-1.0, rest),
            [b'+', rest @ ..] => (1.0, rest),
            rest => (1.0, rest),
        };
        let named = |name: &[u8]| digits.len() >= name.len() && digits[..name.len()].eq_ignore_ascii_case(name);
        let (value, length) = if named(b"infinity") {
            (f64::INFINITY, 8)
        } else if named(b"inf") {
            (f64::INFINITY, 3)
        } else if named(b"nan") {
            (f64::NAN, 3)
        } else if matches!(digits, [b'0', b'x' | b'X', next, ..] if next.is_ascii_hexdigit()) {
            let length = digits[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let value = digits[2..2 + length]
                .iter()
                .fold(0.0, |sum, byte| sum * 16.0 + f64::from(char::from(*byte).to_digit(16).unwrap_or(0)));
            (value, 2 + length)
        } else {
            let length = number_length(digits);
            let number = std::str::from_utf8(&digits[..length]).ok().and_then(|text| text.parse().ok());
            (number.unwrap_or(0.0), if number.is_some() { length } else { 0 })
        };
        if length == 0 && !text.is_empty() {
            self.problems.push(Problem::Number(text.clone()));
        } else if length < digits.len() {
            self.problems.push(Problem::Rest(text.clone()));
        }
        sign * value
    }

    /// The escapes of a format; `false` when `\c` ends the output.
    fn plain(&mut self, text: &[u8]) -> Result<bool, Spent> {
        let (text, stopped) = match self.tool {
            Tool::Dash => escapes(text, Escapes::DashFormat),
            Tool::Bash { narrow, .. } => quote::ansi(text, quote::Escapes::Format, narrow),
            Tool::Coreutils => escapes(text, Escapes::Format),
        };
        self.text.extend(&text)?;
        Ok(!stopped)
    }

    /// One pass over the format; `false` when the output ends here.
    fn once(&mut self, format: &[u8]) -> Result<bool, Spent> {
        let mut rest = format;
        while let Some(percent) = memchr::memchr(b'%', rest) {
            if !self.plain(&rest[..percent])? {
                return Ok(false);
            }
            let start = rest;
            rest = &rest[percent + 1..];
            if let [b'%', tail @ ..] = rest {
                self.text.push(b'%')?;
                rest = tail;
                continue;
            }
            let mut directive = Directive::default();
            let Some(after) = self.flags(&mut directive, rest) else {
                self.problems.push(Problem::Wide);
                return Ok(false);
            };
            rest = after;
            if let (Tool::Bash { now, .. }, [b'(', tail @ ..]) = (self.tool, rest) {
                let Some(tail) = self.time(&directive, tail, now)? else { return Ok(false) };
                rest = tail;
                continue;
            }
            if self.tool != Tool::Dash {
                rest = &rest[rest.iter().take_while(|byte| b"hlLjzt".contains(byte)).count()..];
            }
            let Some((&letter, tail)) = rest.split_first() else {
                self.problems.push(Problem::Missing);
                return Ok(false);
            };
            rest = tail;
            let written = &start[percent..start.len() - rest.len()];
            if !self.directive(&directive, letter, written)? {
                return Ok(false);
            }
        }
        self.plain(rest)
    }

    /// Reads flags, width and precision; `None` when one is beyond C's `int`.
    fn flags<'f>(&mut self, directive: &mut Directive, format: &'f [u8]) -> Option<&'f [u8]> {
        let mut rest = format;
        while let [flag, tail @ ..] = rest
            && directive.flag(*flag)
        {
            rest = tail;
        }
        let width;
        (width, rest) = self.size(rest)?;
        directive.left |= width < 0;
        directive.width = usize::try_from(width.unsigned_abs()).ok()?;
        if let [b'.', tail @ ..] = rest {
            let precision;
            (precision, rest) = self.size(tail)?;
            // One below zero is none.
            directive.precision = usize::try_from(precision).ok();
        }
        Some(rest)
    }

    fn size<'f>(&mut self, format: &'f [u8]) -> Option<(i64, &'f [u8])> {
        let most = i64::from(i32::MAX);
        if let [b'*', rest @ ..] = format {
            let value = self.number(true);
            if self.tool == Tool::Dash && value == i64::MAX {
                // What is beyond all numbers is the largest one, and that is -1 as an `int`.
                return Some((-1, rest));
            }
            return (-most..most).contains(&value).then_some((value, rest));
        }
        let length = format.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = format[..length]
            .iter()
            .try_fold(0i64, |value, digit| value.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
        (value < most).then_some((value, &format[length..]))
    }

    /// bash's `%(format)T`, behind its bracket: a time of seconds, or without an argument the one that is.
    fn time<'f>(&mut self, directive: &Directive, format: &'f [u8], now: i64) -> Result<Option<&'f [u8]>, Spent> {
        let end = memchr::memmem::find(format, b")T").filter(|end| !format[..*end].contains(&b'('));
        let Some(end) = end else {
            self.problems.push(Problem::Lacking("a bracket behind `%`".into()));
            return Ok(None);
        };
        let seconds = match self.arguments.get(self.used).map(Vec::as_slice) {
            None | Some(b"-1" | b"-2") => {
                self.used += 1;
                now
            }
            Some(_) => self.number(true),
        };
        let Some(mut text) = shown_time(&format[..end], seconds) else {
            let what = format!("the time format `{}`", crate::tree::escape(&format[..end]));
            self.problems.push(Problem::Lacking(what));
            return Ok(None);
        };
        text.truncate(directive.precision.unwrap_or(usize::MAX));
        directive.pad(text.as_bytes(), &mut self.text)?;
        Ok(Some(&format[end + 2..]))
    }

    fn directive(&mut self, directive: &Directive, letter: u8, written: &[u8]) -> Result<bool, Spent> {
        match letter {
            b's' | b'b' => {
                let argument = self.argument().unwrap_or_default();
                let (mut text, stopped) = match (letter, self.tool) {
                    (b'b', Tool::Dash) => escapes(&argument, Escapes::DashArgument),
                    (b'b', Tool::Bash { narrow, .. }) => quote::ansi(&argument, quote::Escapes::Argument, narrow),
                    (b'b', Tool::Coreutils) => escapes(&argument, Escapes::Argument),
                    _ => (argument, false),
                };
                // dash pads what is shown, and cuts nothing of a `%b`.
                if letter == b's' || self.tool != Tool::Dash {
                    text.truncate(directive.precision.unwrap_or(usize::MAX));
                }
                directive.pad(&text, &mut self.text)?;
                return Ok(!stopped);
            }
            b'q' if matches!(self.tool, Tool::Bash { .. }) => {
                let argument = self.argument().unwrap_or_default();
                let Some(mut text) = quote::backslashed(&argument) else {
                    self.problems.push(Problem::Lacking("`%q` of what is no ASCII".into()));
                    return Ok(false);
                };
                text.truncate(directive.precision.unwrap_or(usize::MAX));
                directive.pad(&text, &mut self.text)?;
            }
            b'c' => {
                let argument = self.argument().unwrap_or_default();
                let byte = argument.first().copied();
                match (byte, self.tool) {
                    (Some(byte), _) => directive.pad(&[byte], &mut self.text)?,
                    (None, _) => directive.pad(&[0], &mut self.text)?,
                }
            }
            b'd' | b'i' => {
                let value = self.number(true);
                directive.integer(letter, value, &mut self.text)?;
            }
            b'u' | b'o' | b'x' | b'X' => {
                let value = self.number(false);
                directive.integer(letter, value, &mut self.text)?;
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
                let value = self.float();
                directive.float(letter, value, &mut self.text)?;
            }
            _ => {
                self.problems.push(Problem::Directive(written.to_vec()));
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A time in UTC as strftime(3) shows it in the C locale; `None` for a directive that is not known here.
fn shown_time(format: &[u8], seconds: i64) -> Option<String> {
    // Nothing is asked for: the time of day.
    let format = if format.is_empty() { "%H:%M:%S" } else { std::str::from_utf8(format).ok()? };
    let mut known = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            known.push(letter);
            continue;
        }
        match letters.next()? {
            's' => known += &seconds.to_string(),
            'z' => known += "+0000",
            'Z' => known += "UTC",
            'n' => known.push('\n'),
            't' => known.push('\t'),
            letter if "aAbBdDeFHIjklmMpPRSTuwyY%".contains(letter) => known.extend(['%', letter]),
            _ => return None,
        }
    }
    Some(crate::deb::date::civil(seconds)?.strftime(&known).to_string())
}

/// The length of the decimal number that a text begins with.
pub(crate) fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut length = whole;
    if text.get(length) == Some(&b'.') {
        let fraction = digits(length + 1);
        if whole + fraction == 0 {
            return 0;
        }
        length += 1 + fraction;
    }
    if length > 0 && matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        let exponent = if length + 1 + sign <= text.len() { digits(length + 1 + sign) } else { 0 };
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: &str, arguments: &[&str], tool: Tool) -> Printed {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect();
        format_all(format.as_bytes(), &arguments, tool, &Budget::default()).expect("little is made")
    }

    #[test]
    fn formats() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("%s\\n", &["a", "b"], "a\nb\n"),
            ("%5s|%-5s|", &["a", "b"], "    a|b    |"),
            ("%03d %x %o %X", &["7", "255", "8", "255"], "007 ff 10 FF"),
            ("%b", &["a\\tb\\0101\\101"], "a\tbAA"),
            ("%.2s", &["abc"], "ab"),
            ("%c", &["xyz"], "x"),
            ("no args", &["x"], "no args"),
            ("%s-%s ", &["a", "b", "c"], "a-b c- "),
            ("%%", &[], "%"),
            ("\\101\\x", &[], "A\\x"),
            ("%d", &["'A"], "65"),
            ("%b tail", &["a\\cb"], "a"),
            ("%d %d %d %d", &["-1", "+2", "0x1F", "010"], "-1 2 31 8"),
            ("%u %x", &["-1", "-255"], "18446744073709551615 ffffffffffffff01"),
            ("%d", &["9223372036854775808"], "9223372036854775807"),
            ("%e|%f|%g", &["1.5", "2", "1e10"], "1.500000e+00|2.000000|1e+10"),
            ("%*d|%-*d|%.*s|%*d|", &["5", "42", "5", "42", "2", "abc", "-3", "1"], "   42|42   |ab|1  |"),
            ("%05d|%+d|% d|%#x|%#o", &["42", "42", "42", "255", "8"], "00042|+42| 42|0xff|010"),
            ("%.3d|%8.3d|%-8.3d|%08.3d|%.0d|", &["5", "5", "5", "5", "0"], "005|     005|005     |     005||"),
            ("%g %g %g %g", &["100000", "1000000", "0.0001", "0.00001"], "100000 1e+06 0.0001 1e-05"),
            ("%05g|%+g|%#g|%#.0f|%08.2f", &["1.5", "1.5", "1", "1", "-2.5"], "001.5|+1.5|1.00000|1.|-0002.50"),
            ("%g %f %e", &["inf", "nan", "-inf"], "inf nan -inf"),
            ("%.3g %.0e %.15g %.0f", &["1234", "15", "0.1", "2.5"], "1.23e+03 2e+01 0.1 2"),
            ("%.1200f", &["0"], &format!("0.{}", "0".repeat(1200))),
        ];
        for (format, arguments, wanted) in cases {
            let printed = printed(format, arguments, Tool::Dash);
            assert_eq!(String::from_utf8_lossy(&printed.text), *wanted, "{format}");
        }
        let printed = printed("%5000s", &["x"], Tool::Dash);
        assert_eq!(printed.text.len(), 5000);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases: &[(&str, &[&str], &str, Problem)] = &[
            ("%d", &["-1x"], "-1", Problem::Rest(b"-1x".to_vec())),
            ("%d", &["abc"], "0", Problem::Number(b"abc".to_vec())),
            ("%d", &["08"], "0", Problem::Rest(b"08".to_vec())),
            ("%d", &["5 "], "5", Problem::Rest(b"5 ".to_vec())),
            ("%u", &["99999999999999999999"], "18446744073709551615", Problem::Range(b"99999999999999999999".to_vec())),
            ("a%z", &[], "a", Problem::Directive(b"%z".to_vec())),
            ("a%5%", &[], "a", Problem::Directive(b"%5%".to_vec())),
            ("a%", &[], "a", Problem::Missing),
            ("%5000000000s", &["x"], "", Problem::Wide),
            ("%*d", &["99999999999", "1"], "", Problem::Wide),
        ];
        for (format, arguments, wanted, problem) in cases {
            let printed = printed(format, arguments, Tool::Dash);
            assert_eq!(String::from_utf8_lossy(&printed.text), *wanted, "{format}");
            assert_eq!(printed.problems.first(), Some(problem), "{format}");
        }
        let big = format_all(b"%2000000000s", &[], Tool::Dash, &Budget::default());
        assert_eq!(big.map(drop), Err(Spent::Memory));
    }

    #[test]
    fn coreutils_has_more() {
        let text = |format: &str, arguments: &[&str]| {
            String::from_utf8_lossy(&printed(format, arguments, Tool::Coreutils).text).into_owned()
        };
        assert_eq!(text("\\x41\\e\\q\\cx", &[]), "A\u{1b}\\q");
        assert_eq!(text("\\0101\\101|%b", &["\\0101\\101"]), "\u{8}1A|AA");
        assert_eq!(text("%ld", &["3"]), "3");
    }

    #[test]
    fn echoes_as_dash() {
        let echo = |words: &[&str]| dash_echo(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(echo(&["-n", "a\\tb"]), b"a\tb");
        assert_eq!(echo(&["-e", "a"]), b"-e a\n");
        assert_eq!(echo(&["a\\cb"]), b"a");
        assert_eq!(echo(&["\\060", "\\1", "\\101"]), b"0 \x01 A\n");
    }
}
