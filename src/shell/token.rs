//! Bytes → tokens (POSIX 2.3), with aliases (2.3.1) and the texts of here-documents (2.7.4).

use std::cell::OnceCell;
use std::rc::Rc;

use super::Dialect;
use super::ast::Part;
use super::ast::Target;
use super::ast::Word;
use super::reader::Parser;
use super::reader::PendingHere;
use super::reader::SyntaxError;
use super::reader::Token;
use super::reader::plain;

const OPERATORS: [&str; 17] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "(", ")"];

/// Those that only bash has; they come first.
const OF_BASH: [&str; 6] = [";;&", ";&", "<<<", "&>>", "&>", "|&"];

/// What a token takes as a part of a command, beside its bytes.
const TOKEN: usize = 160;

impl Parser {
    pub(super) fn peek(&mut self) -> Result<&Token, SyntaxError> {
        if self.ahead.is_none() {
            let token = self.token()?;
            self.ahead = Some(token);
        }
        Ok(self.ahead.as_ref().expect("it was just filled"))
    }

    pub(super) fn take(&mut self) -> Result<Token, SyntaxError> {
        self.peek()?;
        Ok(self.ahead.take().expect("it was just filled"))
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        let start = self.position;
        let token = self.next_token()?;
        self.pay(self.position.saturating_sub(start))?;
        Ok(token)
    }

    /// Charges for a piece of text that became a part of a command.
    pub(super) fn pay(&mut self, bytes: usize) -> Result<(), SyntaxError> {
        self.budget.made(bytes + 16)?;
        self.held.grow(bytes + TOKEN)?;
        Ok(())
    }

    fn next_token(&mut self) -> Result<Token, SyntaxError> {
        self.blanks();
        self.ahead_line = self.line;
        let rest = &self.source[self.position..];
        let Some(&first) = rest.first() else {
            self.here_documents()?;
            return Ok(Token::End);
        };
        if first == b'\n' {
            self.position += 1;
            self.line += 1;
            self.here_documents()?;
            return Ok(Token::Newline);
        }
        let bash = self.is_bash();
        let process = bash && matches!(rest, [b'<' | b'>', b'(', ..]);
        let own = if bash { &OF_BASH[..] } else { &[] };
        let known = own.iter().chain(&OPERATORS).find(|operator| rest.starts_with(operator.as_bytes()));
        if let Some(operator) = known.filter(|_| !process) {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        // In dash a descriptor is one digit.
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=if bash { 3 } else { 1 }).contains(&digits) && matches!(rest.get(digits), Some(b'<' | b'>')) {
            let number = rest[..digits].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
            self.position += digits;
            return Ok(Token::Number(number));
        }
        let line = self.line;
        let word = if bash { self.bash_word() } else { self.word() };
        self.ahead_line = line;
        word.map(Token::Word)
    }

    pub(super) fn blanks(&mut self) {
        loop {
            match &self.source[self.position..] {
                [b' ' | b'\t', ..] => self.position += 1,
                [b'\\', b'\n', ..] => {
                    self.position += 2;
                    self.line += 1;
                }
                [b'#', rest @ ..] => self.position += 1 + memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
                _ => return,
            }
        }
    }

    // --- here-documents --------------------------------------------------------------------------------------

    pub(super) fn here_document(&mut self, word: &Word, strip_tabs: bool) -> Result<Target, SyntaxError> {
        let mut delimiter = Vec::new();
        let quoted = word.0.iter().any(|part| !matches!(part, Part::Plain(_)));
        flatten(&word.0, &mut delimiter).ok_or_else(|| self.error("here-document delimiter with an expansion"))?;
        let text = Rc::new(OnceCell::new());
        self.here.push(PendingHere { delimiter, quoted, strip_tabs, text: Rc::clone(&text) });
        Ok(Target::HereDocument(text))
    }

    fn here_documents(&mut self) -> Result<(), SyntaxError> {
        for pending in std::mem::take(&mut self.here) {
            let text = self.here_text(&pending)?;
            let line = self.line;
            let parts = if pending.quoted {
                vec![Part::Quoted(text)]
            } else {
                let lines = u32::try_from(memchr::memchr_iter(b'\n', &text).count()).unwrap_or(u32::MAX);
                let mut inner = self.sub_parser(&text, line.saturating_sub(lines + 1))?;
                let parts = inner.here_parts()?;
                self.adopt(inner)?;
                parts
            };
            pending.text.set(parts).expect("each here-document is read once");
        }
        Ok(())
    }

    /// The lines up to the delimiter. Without one the text ends with the script, as in dash.
    fn here_text(&mut self, pending: &PendingHere) -> Result<Vec<u8>, SyntaxError> {
        let mut text = Vec::new();
        let mut continued = false;
        let start = self.position;
        while self.position < self.source.len() {
            let rest = &self.source[self.position..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let mut line = &rest[..length];
            self.position = (self.position + length + 1).min(self.source.len());
            self.line += 1;
            // What goes on from the line before does not begin.
            if pending.strip_tabs && !continued {
                let tabs = line.iter().take_while(|&&byte| byte == b'\t').count();
                line = &line[tabs..];
            }
            if line == pending.delimiter && !continued {
                break;
            }
            // A backslash before the newline joins lines in an unquoted text, so the next line is no delimiter.
            continued = !pending.quoted && line.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1;
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        self.pay(self.position - start)?;
        Ok(text)
    }

    // --- aliases ---------------------------------------------------------------------------------------------

    /// Replaces an alias at a command's beginning by its text, unless that text is being read.
    pub(super) fn expand_alias(&mut self) -> Result<(), SyntaxError> {
        if self.aliases.is_empty() {
            return Ok(());
        }
        while let Token::Word(word) = self.peek()? {
            let Some(name) = plain(word).map(<[u8]>::to_vec) else { return Ok(()) };
            let left = self.source.len() - self.position;
            self.expanding.retain(|(_, end)| *end < left);
            let known = self.aliases.get(&name).filter(|_| !self.expanding.iter().any(|(alias, _)| *alias == name));
            let Some(text) = known.cloned() else { return Ok(()) };
            if self.is_bash() && memchr::memmem::find(&text, b"<<").is_some() {
                return Err(self.error("an alias with a here-document is not followed"));
            }
            // What is behind it moves; what was read already is dropped.
            self.budget.step()?;
            self.budget.read(left)?;
            self.pay(text.len())?;
            self.expanding.push((name, left));
            self.source.splice(..self.position, text.iter().copied().chain([b' ']));
            self.position = 0;
            self.ahead = None;
        }
        Ok(())
    }

    /// Whether the text of an alias ended before this word with a blank: then the word can be an alias, too.
    pub(super) fn follows_alias(&mut self) -> bool {
        if self.expanding.is_empty() || self.ahead.is_some() || !self.is_bash() {
            return false;
        }
        self.blanks();
        let left = self.source.len() - self.position;
        let ends = self.expanding.iter().any(|(_, end)| *end >= left);
        let blank = self.expanding.iter().rev().find(|(_, end)| *end >= left).is_some_and(|(name, _)| {
            self.aliases.get(name).is_some_and(|text| matches!(text.last(), Some(b' ' | b'\t')))
        });
        if ends {
            self.expanding.retain(|(_, end)| *end < left);
        }
        blank
    }

    pub(super) const fn is_bash(&self) -> bool {
        matches!(self.manner.dialect, Dialect::Bash)
    }
}

fn flatten(parts: &[Part], text: &mut Vec<u8>) -> Option<()> {
    for part in parts {
        match part {
            Part::Plain(bytes) | Part::Quoted(bytes) | Part::Tilde(bytes) => text.extend_from_slice(bytes),
            Part::Double(parts) => flatten(parts, text)?,
            _ => return None,
        }
    }
    Some(())
}
