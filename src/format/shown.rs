//! What comes from outside, as people may see it.
//!
//! A terminal obeys what is printed on it: an escape sequence changes its title or its colours, a carriage return
//! covers what stands in the line, a mark of bidirectional writing turns it round. So whatever is not the program's own
//! goes through [`Shown`] on its way into a message, and everything that is printed goes through [`lines`] or [`json`]
//! on its way out.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::io;

/// An error of the file system without the name of the temporary file that it was met at: nobody has asked for that one,
/// and it is gone.
pub(crate) fn without_place(error: io::Error) -> io::Error {
    // `tempfile` has put it there, and gives what was there before as text alone.
    let text = error.get_ref().map(ToString::to_string);
    match text.as_deref().and_then(|text| text.rsplit_once(" at path \"")) {
        Some((cause, _)) => io::Error::new(error.kind(), cause.to_owned()),
        None => error,
    }
}

/// Text or bytes from outside in one line: what a terminal would obey stands there as `\n`, `\u{1b}` or `\xff`.
/// A backslash stays one: this is for reading, not for reading back.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

impl<'a> Shown<'a> {
    /// Shows these.
    #[must_use]
    pub fn new(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(bytes.as_ref())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for letter in chunk.valid().chars() {
                if is_obeyed(letter) {
                    write!(f, "{}", letter.escape_default())?;
                } else {
                    f.write_char(letter)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Text or bytes from outside as a line of text; see [`Shown`].
#[must_use]
pub fn shown(bytes: &(impl AsRef<[u8]> + ?Sized)) -> String {
    Shown::new(bytes).to_string()
}

/// Whether a terminal or a reader of text does something else with a letter than to show it: controls of ASCII and of
/// Latin-1, ends of lines and paragraphs, marks of bidirectional writing.
#[must_use]
pub const fn is_obeyed(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// The last wall before a terminal: lines stay lines, and everything else that is obeyed is escaped.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|letter| letter != '\n' && is_obeyed(letter)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(shown).collect::<Vec<_>>().join("\n"))
}

/// The last wall for JSON, which escapes the controls of ASCII by itself: the other letters that are obeyed become
/// escapes of the same value. Outside of strings JSON has none of them.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    let hidden = |letter: char| letter > '~' && is_obeyed(letter);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if hidden(letter) {
            // All of them are below U+10000: one unit of UTF-16.
            write!(escaped, "\\u{:04x}", u32::from(letter)).expect("writing to a String succeeds");
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_is_nobodys_business() {
        let error = tempfile::Builder::new().tempfile_in("/nonexistent/x").expect_err("there is no such directory");
        let error = without_place(error);
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(without_place(io::Error::from_raw_os_error(28)).raw_os_error(), Some(28));
    }

    #[test]
    fn nothing_that_is_obeyed_gets_out() {
        let cases = [
            (&b"plain \\ \xc3\xbc \xe2\x82\xac"[..], "plain \\ \u{fc} \u{20ac}"),
            (b"\x1b]0;y\x07\0", "\\u{1b}]0;y\\u{7}\\u{0}"),
            (b"a\r\n\tb\x7f", "a\\r\\n\\tb\\u{7f}"),
            (b"\xc2\x9b31m \xe2\x80\xae \xe2\x81\xa7", "\\u{9b}31m \\u{202e} \\u{2067}"),
            (b"\x9b\xff\xe2\x80", "\\x9b\\xff\\xe2\\x80"),
            (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(shown(bytes), wanted);
            assert!(!shown(bytes).contains(is_obeyed));
        }
        for letter in ('\0'..='\u{ffff}').filter(|letter| letter.is_control()) {
            assert!(is_obeyed(letter), "{letter:?}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert!(matches!(lines("a\nb\n"), Cow::Borrowed("a\nb\n")));
        assert_eq!(lines("a\x1b\nb\r\n\n"), "a\\u{1b}\nb\\r\n\n");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "a\u{202e}": "\x1b \u{9b} \u{7f} \u{feff} \u{fc} \n" });
        let text = serde_json::to_string(&value).expect("a value has a JSON form");
        let walled = json(&text);
        assert!(!walled.contains(is_obeyed), "{walled}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&walled).expect("still JSON"), value);
    }
}
