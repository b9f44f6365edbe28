//! What stands behind `s` and `y`.

use super::Action;
use super::Piece;
use super::Reader;
use super::Substitution;
use crate::utilities::Fault;
use crate::utilities::regex::Flags;

impl Reader<'_> {
    pub(super) fn substitution(&mut self) -> Result<Action, Fault> {
        const UNTERMINATED: &str = "unterminated `s' command";
        let delimiter = self.next().ok_or_else(|| self.error(UNTERMINATED))?;
        let pattern = self.delimited(delimiter, true, UNTERMINATED)?;
        let replacement = self.replacement(delimiter)?;
        let group = |piece: &Piece| if let Piece::Group(group) = piece { *group } else { 0 };
        let most = replacement.iter().map(group).max().unwrap_or(0);
        let mut made =
            Substitution { pattern: None, replacement, most, global: false, nth: 0, print: false, file: None };
        let mut flags = Flags::default();
        loop {
            match self.peek() {
                Some(b'g') if made.global => return Err(self.error("multiple `g' options to `s' command")),
                Some(b'g') => made.global = true,
                Some(b'p') if made.print => return Err(self.error("multiple `p' options to `s' command")),
                Some(b'p') => made.print = true,
                Some(b'i' | b'I') => flags.ignore_case = true,
                Some(b'm' | b'M') => flags.multiline = Some(self.separator),
                Some(b'0'..=b'9') => {
                    if made.nth > 0 {
                        return Err(self.error("multiple number options to `s' command"));
                    }
                    made.nth = self.number();
                    if made.nth == 0 {
                        return Err(self.error("number option to `s' command may not be zero"));
                    }
                    continue;
                }
                Some(b'w') => {
                    self.position += 1;
                    made.file = Some(self.file_name()?);
                    break;
                }
                Some(b'e') => return Err(Fault::gap("flag `e` of the s command")),
                // Blanks may stand among the flags.
                Some(b' ' | b'\t' | b'\r') => {}
                None | Some(b'\n' | b';' | b'}' | b'#') => break,
                Some(_) => return Err(self.error("unknown option to `s'")),
            }
            self.position += 1;
        }
        made.nth = made.nth.max(1);
        made.pattern = self.regex(&pattern, flags)?;
        if made.pattern.as_ref().is_some_and(|regex| regex.groups() < most) {
            return Err(self.error(&format!("invalid reference \\{most} on `s' command's RHS")));
        }
        Ok(Action::Substitute(Box::new(made)))
    }

    pub(super) fn replacement(&mut self, delimiter: u8) -> Result<Vec<Piece>, Fault> {
        let (mut pieces, mut text) = (Vec::new(), Vec::new());
        loop {
            self.budget.tried(1)?;
            let byte = self.next().ok_or_else(|| self.error("unterminated `s' command"))?;
            let piece = match byte {
                _ if byte == delimiter => break,
                b'&' => Piece::Group(0),
                b'\\' => {
                    if let Some((made, length)) = self.special().filter(|_| self.peek() != Some(delimiter)) {
                        text.push(made);
                        self.position += length;
                        continue;
                    }
                    match self.next() {
                        Some(next) if next == delimiter => {
                            text.push(next);
                            continue;
                        }
                        Some(digit @ b'0'..=b'9') => Piece::Group(usize::from(digit - b'0')),
                        Some(letter @ (b'U' | b'L' | b'E' | b'u' | b'l')) => Piece::Case(letter),
                        Some(next) => {
                            text.push(if next == b'n' { b'\n' } else { next });
                            continue;
                        }
                        None => return Err(self.error("unterminated `s' command")),
                    }
                }
                _ => {
                    text.push(byte);
                    continue;
                }
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(piece);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(pieces)
    }

    pub(super) fn translation(&mut self) -> Result<Action, Fault> {
        const UNTERMINATED: &str = "unterminated `y' command";
        let delimiter = self.next().ok_or_else(|| self.error(UNTERMINATED))?;
        let from = self.delimited(delimiter, false, UNTERMINATED)?;
        let to = self.delimited(delimiter, false, UNTERMINATED)?;
        let (from, to) = (self.unescaped(&from), self.unescaped(&to));
        if from.len() != to.len() {
            return Err(self.error("strings for `y' command are different lengths"));
        }
        let mut table = Box::new([0; 256]);
        (0..=255u8).for_each(|byte| table[usize::from(byte)] = byte);
        let mut seen = [false; 256];
        for (&from, to) in from.iter().zip(to) {
            // What is named twice becomes what it was first said to.
            if !std::mem::replace(&mut seen[usize::from(from)], true) {
                table[usize::from(from)] = to;
            }
        }
        Ok(Action::Translate(table))
    }

    /// The strings of `y`: `\\`, `\n` and GNU's escapes, and no other.
    fn unescaped(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = text;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            if *byte != b'\\' {
                out.push(*byte);
                continue;
            }
            let inner = Reader::new(rest, self.syntax, self.separator, self.budget);
            if let Some((made, length)) = inner.special() {
                out.push(made);
                rest = &rest[length..];
                continue;
            }
            match rest.split_first() {
                Some((&next, tail)) => {
                    out.push(if next == b'n' { b'\n' } else { next });
                    rest = tail;
                }
                None => out.push(b'\\'),
            }
        }
        out
    }
}
