//! Control data in the deb822 form: stanzas of fields (Policy 5.1, deb822(5)).
//!
//! Strict, because apt, dpkg and we must read the same meaning from the same signed bytes: a doubled field, a
//! line of blanks or a comment is an error here, not a choice. What a person wrote by hand may have comments;
//! [`plain`] takes them out first.

use std::borrow::Cow;
use std::collections::BTreeSet;

use memchr::memchr;
use memchr::memchr2;

use crate::limits::Limits;
use crate::limits::count;

/// One stanza: its fields in order, borrowed from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza<'a> {
    text: &'a str,
    fields: Vec<Field<'a>>,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// As written; compares without case.
    pub name: &'a str,
    /// Without the blanks around it and the final newline; continuation lines are kept verbatim, with their
    /// newline and leading space.
    pub value: &'a str,
}

/// A text that is no control data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ControlError {
    /// Counted from 1 in the text given.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl<'a> Stanza<'a> {
    /// Reads a text of exactly one stanza.
    ///
    /// # Errors
    /// The text is no control data, empty, or has a second stanza.
    pub fn parse(text: &'a [u8]) -> Result<Self, ControlError> {
        Self::parse_within(text, &Limits::DEFAULT)
    }

    /// As [`Stanza::parse`], within other limits of lines, stanzas and fields.
    ///
    /// # Errors
    /// As [`Stanza::parse`].
    pub fn parse_within(text: &'a [u8], limits: &Limits) -> Result<Self, ControlError> {
        let mut stanzas = stanzas_within(text, limits);
        let first = stanzas.next().unwrap_or(Err(ControlError { line: 1, reason: "there is no field" }))?;
        match stanzas.next() {
            None => Ok(first),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(ControlError { line: stanzas.first_line, reason: "there is a second stanza" }),
        }
    }

    /// Reads again what was accepted before: whatever limits it was within then, it has no others now.
    ///
    /// # Errors
    /// As [`Stanza::parse`], which cannot happen then.
    pub fn accepted(text: &'a [u8]) -> Result<Self, ControlError> {
        Self::parse_within(text, &UNBOUNDED)
    }

    /// The value of a field, its name compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// All fields in the order of the text.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The stanza's own text, with the final newline where the text has one.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }
}

/// The stanzas of a text, one after the other; ends after the first error.
#[must_use]
pub const fn stanzas(text: &[u8]) -> Stanzas<'_> {
    Stanzas { rest: text, line: 1, first_line: 1, count: 0, limits: Limits::DEFAULT }
}

/// As [`stanzas`], within other limits of lines, stanzas and fields.
#[must_use]
pub const fn stanzas_within<'a>(text: &'a [u8], limits: &Limits) -> Stanzas<'a> {
    Stanzas { rest: text, line: 1, first_line: 1, count: 0, limits: *limits }
}

/// The stanzas of what is kept already: of dpkg's database, which is made of what was accepted, or of a control file,
/// whose size was limited when it was read.
#[must_use]
pub const fn kept(text: &[u8]) -> Stanzas<'_> {
    Stanzas { rest: text, line: 1, first_line: 1, count: 0, limits: UNBOUNDED }
}

/// Nothing is too long.
const UNBOUNDED: Limits =
    Limits { line: u64::MAX, stanza: u64::MAX, packages: u64::MAX, fields: u64::MAX, ..Limits::DEFAULT };

/// The iterator of [`stanzas`].
#[derive(Debug, Clone)]
pub struct Stanzas<'a> {
    rest: &'a [u8],
    /// Number of the first line of `rest`.
    line: usize,
    /// Number of the first line of the stanza that was yielded last.
    first_line: usize,
    count: u64,
    limits: Limits,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Result<Stanza<'a>, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = self.rest.iter().position(|&byte| byte != b'\n').unwrap_or(self.rest.len());
        self.rest = &self.rest[blank..];
        self.line += blank;
        if self.rest.is_empty() {
            return None;
        }
        self.first_line = self.line;
        let stanza = self.stanza();
        if stanza.is_err() {
            self.rest = &[];
        }
        Some(stanza)
    }
}

impl<'a> Stanzas<'a> {
    fn stanza(&mut self) -> Result<Stanza<'a>, ControlError> {
        self.count += 1;
        if self.count > self.limits.packages {
            return Err(ControlError { line: self.line, reason: "there are more stanzas than the limit `packages`" });
        }
        let (length, lines) = self.measure()?;
        let (bytes, rest) = self.rest.split_at(length);
        let text = std::str::from_utf8(bytes).map_err(|error| ControlError {
            line: self.line + count_lines(&bytes[..error.valid_up_to()]),
            reason: "the text is not UTF-8",
        })?;
        if let Some(at) = memchr2(0, b'\r', bytes) {
            let reason = if bytes[at] == 0 { "there is a NUL byte" } else { "there is a carriage return" };
            return Err(ControlError { line: self.line + count_lines(&bytes[..at]), reason });
        }
        let fields = fields(text, self.line, count(self.limits.fields))?;
        self.rest = rest;
        self.line += lines;
        Ok(Stanza { text, fields })
    }

    /// The length of the stanza that starts here, and its number of lines.
    fn measure(&self) -> Result<(usize, usize), ControlError> {
        let (line_max, stanza_max) = (count(self.limits.line), count(self.limits.stanza));
        let mut length = 0;
        let mut lines = 0;
        loop {
            let rest = &self.rest[length..];
            let end = memchr(b'\n', &rest[..rest.len().min(line_max.saturating_add(1))]);
            if end.is_none() && rest.len() > line_max {
                return Err(ControlError { line: self.line + lines, reason: "it is longer than the limit `line`" });
            }
            length += end.map_or(rest.len(), |end| end + 1);
            lines += 1;
            if length > stanza_max {
                return Err(ControlError { line: self.first_line, reason: "it is longer than the limit `stanza`" });
            }
            if matches!(self.rest.get(length), None | Some(b'\n')) {
                return Ok((length, lines));
            }
        }
    }
}

fn fields(text: &str, first_line: usize, max: usize) -> Result<Vec<Field<'_>>, ControlError> {
    let mut fields: Vec<Field<'_>> = Vec::with_capacity(24);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut rest = text;
    let mut line = first_line;
    while !rest.is_empty() {
        let error = |reason| ControlError { line, reason };
        let colon = name_length(rest.as_bytes()).map_err(error)?;
        let name = &rest[..colon];
        let (value, lines) = value_length(&rest.as_bytes()[colon + 1..])
            .map_err(|(offset, reason)| ControlError { line: line + offset, reason })?;
        // Most stanzas are so short that looking at all fields is the fastest.
        let is_doubled = if fields.len() < 64 {
            fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
        } else {
            if seen.is_empty() {
                seen.extend(fields.iter().map(|field| field.name.to_ascii_lowercase()));
            }
            !seen.insert(name.to_ascii_lowercase())
        };
        if is_doubled {
            return Err(error("the field is there twice"));
        }
        if fields.len() == max {
            return Err(error("the stanza has more fields than the limit `fields`"));
        }
        let (this, next) = rest.split_at(colon + 1 + value);
        fields.push(Field {
            name,
            value: this[colon + 1..].trim_start_matches(BLANK).trim_end_matches(BLANK_OR_NEWLINE),
        });
        rest = next;
        line += lines;
    }
    Ok(fields)
}

/// What deb822(5) ignores around a value.
const BLANK: [char; 2] = [' ', '\t'];
const BLANK_OR_NEWLINE: [char; 3] = [' ', '\t', '\n'];

/// The length of the field name at the start of a line.
fn name_length(line: &[u8]) -> Result<usize, &'static str> {
    match line.first() {
        Some(b' ' | b'\t') => return Err("a continuation line has no field before it, or the line is blank"),
        Some(b'#') => return Err("a comment is not allowed here"),
        Some(b'-') => return Err("a field name starts with a hyphen"),
        _ => {}
    }
    let end = line.iter().position(|&byte| byte == b':' || !byte.is_ascii_graphic()).unwrap_or(line.len());
    match line.get(end) {
        Some(b':') if end == 0 => Err("a field name is empty"),
        Some(b':') => Ok(end),
        Some(b'\n') | None => Err("the line has no colon"),
        Some(_) => Err("a character that is not allowed in a field name"),
    }
}

/// The length of a value with its continuation lines and newlines, and its number of lines; or in which of its
/// lines an error is.
fn value_length(text: &[u8]) -> Result<(usize, usize), (usize, &'static str)> {
    let mut length = 0;
    let mut lines = 0;
    loop {
        let rest = &text[length..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        // A line of blanks separates stanzas for some readers and continues the value for others.
        if lines > 0 && rest[..end].iter().all(|byte| b" \t".contains(byte)) {
            return Err((lines, "the line is blank; an empty line of a value is written ` .`"));
        }
        length += (end + 1).min(rest.len());
        lines += 1;
        if !matches!(text.get(length), Some(b' ' | b'\t')) {
            return Ok((length, lines));
        }
    }
}

fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// Brings control data written by hand (apt's sources, `debian/control`) into the strict form: comment lines
/// are left out and lines of blanks made empty. Line numbers in later errors count the lines that are left.
#[must_use]
pub fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    let is_blank = |line: &[u8]| line.iter().all(|byte| b" \t\r\n".contains(byte));
    let is_strict = |line: &[u8]| !line.starts_with(b"#") && (!is_blank(line) || line == b"\n");
    if text.split_inclusive(|&byte| byte == b'\n').all(is_strict) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#")) {
        plain.extend_from_slice(if is_blank(line) { b"\n" } else { line });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: impl AsRef<[u8]>) -> ControlError {
        stanzas(text.as_ref()).find_map(Result::err).expect("the text is refused")
    }

    #[test]
    fn fields_and_stanzas() {
        let text =
            b"\n\nPackage: a\nDepends:b,\n c\nEmpty:\nDescription: short \n long\n .\n  longer  \n\n\nPackage:\tb";
        let all: Vec<_> = stanzas(text).collect::<Result<_, _>>().expect("good control data");
        let pairs =
            |stanza: &Stanza<'_>| stanza.fields().iter().map(|f| format!("{}={}", f.name, f.value)).collect::<Vec<_>>();
        assert_eq!(all.len(), 2);
        assert_eq!(
            pairs(&all[0]),
            ["Package=a", "Depends=b,\n c", "Empty=", "Description=short \n long\n .\n  longer"]
        );
        assert_eq!(pairs(&all[1]), ["Package=b"]);
        assert_eq!(all[0].get("package"), Some("a"));
        assert_eq!(all[0].get("Pack"), None);
        assert!(all[0].text().starts_with("Package: a\n") && all[0].text().ends_with("longer  \n"));
        assert_eq!(all[1].text(), "Package:\tb");
    }

    #[test]
    fn one_stanza_only() {
        assert!(Stanza::parse(b"A: 1\n\n\n").is_ok());
        assert_eq!(Stanza::parse(b"").expect_err("empty").reason, "there is no field");
        assert_eq!(Stanza::parse(b"A: 1\n\nB: 2\n").expect_err("two").line, 3);
    }

    #[test]
    fn case_44_what_is_refused_and_where() {
        for (text, line, reason) in [
            ("A: 1\nA: 2\n", 2, "twice"),
            ("A: 1\na: 2\n", 2, "twice"),
            ("A: 1\nB\n", 2, "no colon"),
            (": 1\n", 1, "empty"),
            ("A : 1\n", 1, "field name"),
            ("-A: 1\n", 1, "hyphen"),
            ("A: 1\n#B: 2\n", 2, "comment"),
            (" A: 1\n", 1, "continuation"),
            ("A: 1\n \nB: 2\n", 2, "blank"),
            ("A: 1\n b\n\t \n", 3, "blank"),
            ("A: 1\n\nB: 1\n\n x\n", 5, "continuation"),
            ("A: 1\r\n", 1, "carriage"),
            ("A: 1\nB: \0\n", 2, "NUL"),
            ("A: 1\n\u{e9}: 2\n", 2, "field name"),
        ] {
            let error = error_of(text);
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.reason.contains(reason), "{text:?}: {error}");
        }
        assert_eq!(error_of(b"A: 1\nB: \xff\n").line, 2);
    }

    #[test]
    fn case_44_limits() {
        let line = |length| format!("A: {}\n", "x".repeat(length - 3));
        let (line_max, fields_max) = (count(Limits::DEFAULT.line), count(Limits::DEFAULT.fields));
        assert!(stanzas(line(line_max).as_bytes()).all(|stanza| stanza.is_ok()));
        assert!(error_of(line(line_max + 1)).reason.contains("limit `line`"));
        let stanza: String = (0..5).map(|n| format!("A{n}: {}\n", "x".repeat(line_max - 4))).collect();
        assert!(error_of(stanza).reason.contains("limit `stanza`"));
        let fields: String = (0..=fields_max).map(|n| format!("A{n}: 1\n")).collect();
        assert!(error_of(fields).reason.contains("limit `fields`"));
        let within = Limits { line: 10, ..Limits::DEFAULT };
        assert!(Stanza::parse_within(line(10).as_bytes(), &within).is_ok());
        assert!(Stanza::parse_within(line(11).as_bytes(), &within).is_err());
    }

    #[test]
    fn comments_are_taken_out_of_what_is_written_by_hand() {
        let text = b"# one\nA: 1\n# two\n  2\n \t\n# three\nB: 1";
        assert_eq!(plain(text).as_ref(), b"A: 1\n  2\n\nB: 1");
        assert!(matches!(plain(b"A: 1\n\nB: 2\n"), Cow::Borrowed(_)));
    }
}
