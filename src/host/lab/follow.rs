//! Files that grow, read line by line: a machine's console, a service's log.

use std::fs::File;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::path::PathBuf;

/// As much is read at once.
const PIECE: u64 = 1 << 20;
/// A line that gets longer is one line already.
const LINE_MAX: usize = 16 << 10;

/// A file that others write to.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    at: u64,
    rest: Vec<u8>,
}

impl Follow {
    /// From its beginning; it need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, at: 0, rest: Vec::new() }
    }

    /// The lines that are whole since this was asked last, at most about a mebibyte of them, [`printable`].
    pub fn lines(&mut self) -> Vec<String> {
        // A file that cannot be read now may be later, and holds no line until then.
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        if file.seek(SeekFrom::Start(self.at)).is_err() {
            return Vec::new();
        }
        let before = self.rest.len();
        let _ = file.take(PIECE).read_to_end(&mut self.rest);
        self.at += (self.rest.len() - before) as u64;
        let mut lines = Vec::new();
        let mut start = 0;
        for (position, byte) in self.rest.iter().enumerate() {
            if *byte == b'\n' || position - start >= LINE_MAX {
                lines.push(printable(&self.rest[start..position]));
                start = position + usize::from(*byte == b'\n');
            }
        }
        self.rest.drain(..start);
        lines
    }
}

/// A line as it may be put on anybody's terminal: control sequences (ECMA-48) and control characters are left out.
#[must_use]
pub fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut letters = text.chars().peekable();
    let mut shown = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.next() {
                // CSI: parameters, then one letter that ends it.
                Some('[') => while letters.next().is_some_and(|letter| !('@'..='~').contains(&letter)) {},
                // OSC, DCS and their like: a text up to BEL or ESC \.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(letter) = letters.next() {
                        if letter == '\u{7}' || (letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => shown.push(' '),
            letter if letter.is_control() => {}
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_are_shown_without_their_controls() {
        for (line, shown) in [
            (&b"[\x1b[0;32m  OK  \x1b[0m] Started\r"[..], "[  OK  ] Started"),
            (b"\x1b]0;title\x07x\x1b]8;;u\x1b\\y", "xy"),
            (b"\x1b[2J\x1b[01;01H\x00a\x08b", "ab"),
            (b"open \x1b[", "open "),
            (b"open \x1b]", "open "),
            (b"\xff", "\u{fffd}"),
        ] {
            assert_eq!(printable(line), shown);
        }
    }

    #[test]
    fn lines_come_when_they_are_whole() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let path = directory.path().join("console");
        let mut follow = Follow::new(path.clone());
        assert!(follow.lines().is_empty());
        std::fs::write(&path, "one\ntw").expect("written");
        assert_eq!(follow.lines(), ["one"]);
        std::fs::write(&path, format!("one\ntwo\n{}", "x".repeat(LINE_MAX + 1))).expect("written");
        assert_eq!(follow.lines(), ["two".to_owned(), "x".repeat(LINE_MAX)]);
        assert!(follow.lines().is_empty());
    }
}
