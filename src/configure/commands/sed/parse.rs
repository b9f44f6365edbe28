//! A script → instructions.

use crate::configure::commands::Fault;
use crate::configure::commands::regex::Regex;
use crate::configure::commands::regex::Syntax;

#[derive(Debug)]
pub(super) enum Address {
    Line(usize),
    Step(usize, usize),
    Last,
    Match(Option<Regex>),
    /// `+N`, only as the second.
    Plus(usize),
    /// `~N`, only as the second.
    Multiple(usize),
}

#[derive(Debug)]
pub(super) struct Instruction {
    pub(super) first: Option<Address>,
    pub(super) second: Option<Address>,
    pub(super) negated: bool,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Block(usize),
    End,
    Label(Vec<u8>),
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    Branch(Vec<u8>, Option<bool>),
    Delete,
    DeleteFirst,
    Print,
    PrintFirst,
    Hold,
    HoldAppend,
    Get,
    GetAppend,
    Exchange,
    Next,
    NextAppend,
    Number,
    Quit(i32, bool),
    Read(Vec<u8>),
    Write(Vec<u8>),
    Substitute(Box<Substitution>),
    Translate(Box<[u8; 256]>),
}

#[derive(Debug)]
pub(super) struct Substitution {
    pub(super) pattern: Option<Regex>,
    pub(super) replacement: Vec<Piece>,
    pub(super) global: bool,
    pub(super) nth: usize,
    pub(super) print: bool,
    pub(super) file: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Group(usize),
    Case(u8),
}

/// Reads a script.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) position: usize,
    pub(super) syntax: Syntax,
    pub(super) quiet: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.position += 1;
        }
    }

    fn error(&self, what: &str) -> Fault {
        Fault::failed(format!("-e expression #1, char {}: {what}", self.position))
    }

    pub(super) fn program(&mut self) -> Result<Vec<Instruction>, Fault> {
        if self.text.starts_with(b"#n\n") || self.text == b"#n" {
            self.quiet = true;
        }
        let (mut program, mut open) = (Vec::new(), Vec::new());
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b';')) {
                self.position += 1;
            }
            match self.peek() {
                None => break,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.position += 1;
                    }
                    continue;
                }
                _ => {}
            }
            let instruction = self.instruction()?;
            match &instruction.action {
                Action::Block(_) => open.push(program.len()),
                Action::End => {
                    let begin: usize = open.pop().ok_or_else(|| self.error("unexpected `}'"))?;
                    let end = program.len() + 1;
                    let block: &mut Instruction = &mut program[begin];
                    block.action = Action::Block(end);
                }
                _ => {}
            }
            program.push(instruction);
        }
        if !open.is_empty() {
            return Err(self.error("unmatched `{'"));
        }
        Ok(program)
    }

    fn instruction(&mut self) -> Result<Instruction, Fault> {
        let first = self.address(false)?;
        let mut second = None;
        self.skip_blanks();
        if first.is_some() && self.peek() == Some(b',') {
            self.position += 1;
            self.skip_blanks();
            second = Some(self.address(true)?.ok_or_else(|| self.error("unexpected `,'"))?);
        }
        let mut negated = false;
        self.skip_blanks();
        while self.peek() == Some(b'!') {
            negated = true;
            self.position += 1;
            self.skip_blanks();
        }
        let action = self.action()?;
        Ok(Instruction { first, second, negated, action })
    }

    fn number(&mut self) -> usize {
        let mut value = 0usize;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            self.position += 1;
        }
        value
    }

    fn address(&mut self, second: bool) -> Result<Option<Address>, Fault> {
        Ok(Some(match self.peek() {
            Some(b'0'..=b'9') => {
                let line = self.number();
                if self.peek() == Some(b'~') {
                    self.position += 1;
                    Address::Step(line, self.number())
                } else {
                    Address::Line(line)
                }
            }
            Some(b'$') => {
                self.position += 1;
                Address::Last
            }
            Some(b'+') if second => {
                self.position += 1;
                Address::Plus(self.number())
            }
            Some(b'~') if second => {
                self.position += 1;
                Address::Multiple(self.number())
            }
            Some(b'/') => {
                self.position += 1;
                self.match_address(b'/')?
            }
            Some(b'\\') => {
                self.position += 1;
                let delimiter = self.next().ok_or_else(|| self.error("unterminated address regex"))?;
                self.match_address(delimiter)?
            }
            _ => return Ok(None),
        }))
    }

    fn match_address(&mut self, delimiter: u8) -> Result<Address, Fault> {
        let pattern = self.delimited(delimiter, true)?;
        let mut ignore_case = false;
        while let Some(flag @ (b'I' | b'M')) = self.peek() {
            if flag == b'M' {
                return Err(Fault::gap("the M modifier"));
            }
            ignore_case = true;
            self.position += 1;
        }
        Ok(Address::Match(self.regex(&pattern, ignore_case)?))
    }

    fn regex(&self, pattern: &[u8], ignore_case: bool) -> Result<Option<Regex>, Fault> {
        if pattern.is_empty() {
            return Ok(None);
        }
        Regex::new(pattern, self.syntax, ignore_case).map(Some)
    }

    /// Reads up to a delimiter; `\delimiter` is the plain byte. In an expression brackets hide the delimiter.
    fn delimited(&mut self, delimiter: u8, expression: bool) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        let mut bracket = 0;
        loop {
            let byte = self.next().ok_or_else(|| self.error("unterminated `s' command or address"))?;
            match byte {
                b'\\' if bracket == 0 => {
                    let next = self.next().ok_or_else(|| self.error("unterminated `s' command or address"))?;
                    if next == delimiter {
                        text.push(next);
                    } else if next == b'n' && expression {
                        text.push(b'\n');
                    } else {
                        text.extend([b'\\', next]);
                    }
                }
                b'\\' if expression && self.peek() == Some(b'n') => {
                    self.position += 1;
                    text.push(b'\n');
                }
                _ if byte == delimiter && bracket == 0 => return Ok(text),
                b'[' if expression && bracket == 0 => {
                    // A bracket right behind the opening one is a member.
                    bracket = text.len() + 1;
                    text.push(byte);
                    if self.peek() == Some(b'^') {
                        text.extend(self.next());
                        bracket = text.len();
                    }
                    if self.peek() == Some(b']') {
                        text.extend(self.next());
                    }
                }
                b'[' if bracket > 0 && self.peek() == Some(b':') => {
                    text.push(byte);
                    let rest = &self.text[self.position..];
                    let end =
                        memchr::memmem::find(rest, b":]").ok_or_else(|| self.error("unterminated `s' command"))?;
                    text.extend_from_slice(&rest[..end + 2]);
                    self.position += end + 2;
                }
                b']' if bracket > 0 => {
                    bracket = 0;
                    text.push(byte);
                }
                b'\n' if bracket > 0 && expression => return Err(self.error("unterminated `s' command or address")),
                _ => text.push(byte),
            }
        }
    }

    fn action(&mut self) -> Result<Action, Fault> {
        let letter = self.next().ok_or_else(|| self.error("missing command"))?;
        let action = match letter {
            b'{' => return Ok(Action::Block(0)),
            b'}' => Action::End,
            b':' => return Ok(Action::Label(self.word())),
            b'a' => return self.text_argument().map(Action::Append),
            b'i' => return self.text_argument().map(Action::Insert),
            b'c' => return self.text_argument().map(Action::Change),
            b'b' => return Ok(Action::Branch(self.word(), None)),
            b't' => return Ok(Action::Branch(self.word(), Some(true))),
            b'T' => return Ok(Action::Branch(self.word(), Some(false))),
            b'd' => Action::Delete,
            b'D' => Action::DeleteFirst,
            b'p' => Action::Print,
            b'P' => Action::PrintFirst,
            b'h' => Action::Hold,
            b'H' => Action::HoldAppend,
            b'g' => Action::Get,
            b'G' => Action::GetAppend,
            b'x' => Action::Exchange,
            b'n' => Action::Next,
            b'N' => Action::NextAppend,
            b'=' => Action::Number,
            b'q' | b'Q' => {
                self.skip_blanks();
                Action::Quit(i32::try_from(self.number()).unwrap_or(0), letter == b'q')
            }
            b'r' => return Ok(Action::Read(self.rest_of_line())),
            b'w' => return Ok(Action::Write(self.rest_of_line())),
            b's' => self.substitution()?,
            b'y' => self.translation()?,
            _ => return Err(Fault::gap(format!("command `{}`", char::from(letter)))),
        };
        self.skip_blanks();
        match self.peek() {
            None | Some(b'\n' | b';' | b'}' | b'#') => Ok(action),
            _ => Err(self.error("extra characters after command")),
        }
    }

    fn word(&mut self) -> Vec<u8> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|byte| !matches!(byte, b'\n' | b';' | b'}')) {
            self.position += 1;
        }
        self.text[start..self.position].trim_ascii_end().to_vec()
    }

    fn rest_of_line(&mut self) -> Vec<u8> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.position += 1;
        }
        self.text[start..self.position].to_vec()
    }

    /// The text of `a`, `i`, `c`: behind `\` and a newline, or GNU's on the same line. Behind a `\` that ends the
    /// program it is nothing at all: `$a\` gives the last line its newline.
    fn text_argument(&mut self) -> Result<Vec<u8>, Fault> {
        self.skip_blanks();
        if self.peek() == Some(b'\\') {
            self.position += 1;
            self.skip_blanks();
            match self.peek() {
                Some(b'\n') => self.position += 1,
                Some(_) => {}
                None => return Ok(Vec::new()),
            }
        }
        let mut text = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'\n' => break,
                b'\\' => match self.next() {
                    Some(b't') => text.push(b'\t'),
                    Some(next) => text.push(next),
                    None => {}
                },
                _ => text.push(byte),
            }
        }
        if text.is_empty() {
            return Err(self.error("expected \\ after `a', `c' or `i'"));
        }
        text.push(b'\n');
        Ok(text)
    }

    fn substitution(&mut self) -> Result<Action, Fault> {
        let delimiter = self.next().ok_or_else(|| self.error("unterminated `s' command"))?;
        let pattern = self.delimited(delimiter, true)?;
        let replacement = self.replacement(delimiter)?;
        let mut substitution =
            Substitution { pattern: None, replacement, global: false, nth: 1, print: false, file: None };
        let mut ignore_case = false;
        loop {
            match self.peek() {
                Some(b'g') => substitution.global = true,
                Some(b'p') => substitution.print = true,
                Some(b'i' | b'I') => ignore_case = true,
                Some(b'1'..=b'9') => {
                    substitution.nth = self.number();
                    continue;
                }
                Some(b'w') => {
                    self.position += 1;
                    substitution.file = Some(self.rest_of_line());
                    break;
                }
                Some(letter @ (b'e' | b'm' | b'M')) => {
                    return Err(Fault::gap(format!("flag `{}` of the s command", char::from(letter))));
                }
                _ => break,
            }
            self.position += 1;
        }
        substitution.pattern = self.regex(&pattern, ignore_case)?;
        Ok(Action::Substitute(Box::new(substitution)))
    }

    fn replacement(&mut self, delimiter: u8) -> Result<Vec<Piece>, Fault> {
        let (mut pieces, mut text) = (Vec::new(), Vec::new());
        loop {
            let byte = self.next().ok_or_else(|| self.error("unterminated `s' command"))?;
            let piece = match byte {
                _ if byte == delimiter => {
                    pieces.push(Piece::Text(text));
                    return Ok(pieces);
                }
                b'&' => Piece::Group(0),
                b'\\' => match self.next() {
                    Some(digit @ b'0'..=b'9') => Piece::Group(usize::from(digit - b'0')),
                    Some(letter @ (b'U' | b'L' | b'E' | b'u' | b'l')) => Piece::Case(letter),
                    Some(b'n') if delimiter != b'n' => {
                        text.push(b'\n');
                        continue;
                    }
                    Some(b't') if delimiter != b't' => {
                        text.push(b'\t');
                        continue;
                    }
                    Some(next) => {
                        text.push(next);
                        continue;
                    }
                    None => return Err(self.error("unterminated `s' command")),
                },
                _ => {
                    text.push(byte);
                    continue;
                }
            };
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
        }
    }

    fn translation(&mut self) -> Result<Action, Fault> {
        let delimiter = self.next().ok_or_else(|| self.error("unterminated `y' command"))?;
        let unescape = |text: Vec<u8>| {
            let mut out = Vec::new();
            let mut bytes = text.into_iter();
            while let Some(byte) = bytes.next() {
                match byte {
                    b'\\' => match bytes.next() {
                        Some(b'n') => out.push(b'\n'),
                        Some(b't') => out.push(b'\t'),
                        Some(b'\\') => out.push(b'\\'),
                        Some(next) => out.extend([b'\\', next]),
                        None => out.push(b'\\'),
                    },
                    _ => out.push(byte),
                }
            }
            out
        };
        let from = unescape(self.delimited(delimiter, false)?);
        let to = unescape(self.delimited(delimiter, false)?);
        if from.len() != to.len() {
            return Err(self.error("strings for `y' command are different lengths"));
        }
        let mut table = Box::new([0; 256]);
        (0..=255u8).for_each(|byte| table[usize::from(byte)] = byte);
        from.iter().zip(to).for_each(|(&from, to)| table[usize::from(from)] = to);
        Ok(Action::Translate(table))
    }
}
