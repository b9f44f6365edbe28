//! A script → instructions.

mod substitution;

use std::collections::BTreeMap;

use crate::budget::Budget;
use crate::utilities::Fault;
use crate::utilities::regex::Flags;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;
use crate::utilities::show;

#[derive(Debug)]
pub(super) enum Address {
    Line(u64),
    Step(u64, u64),
    Last,
    Match(Option<Regex>),
    /// `+N`, only as the second.
    Plus(u64),
    /// `~N`, only as the second.
    Multiple(u64),
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
    /// Behind which the block ends.
    Block(usize),
    End,
    Label,
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Change(Vec<u8>),
    /// Where to; `Some`: only when a substitution was made, or was not.
    Branch(usize, Option<bool>),
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
    Name,
    List(Option<usize>),
    Quit(i32, bool),
    Read(Vec<u8>),
    ReadLine(Vec<u8>),
    Write(Vec<u8>),
    WriteFirst(Vec<u8>),
    Empty,
    Substitute(Box<Substitution>),
    Translate(Box<[u8; 256]>),
}

#[derive(Debug)]
pub(super) struct Substitution {
    pub(super) pattern: Option<Regex>,
    pub(super) replacement: Vec<Piece>,
    /// The highest group that the replacement refers to.
    pub(super) most: usize,
    pub(super) global: bool,
    pub(super) nth: u64,
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
    text: &'a [u8],
    position: usize,
    syntax: Syntax,
    /// What ends a line: where `^` and `$` match with `M`.
    separator: u8,
    budget: &'a Budget,
    pub(super) quiet: bool,
    /// Where labels stand.
    labels: BTreeMap<Vec<u8>, usize>,
    /// Instructions that go to one.
    jumps: Vec<(usize, Vec<u8>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8], syntax: Syntax, separator: u8, budget: &'a Budget) -> Self {
        Self { text, position: 0, syntax, separator, budget, quiet: false, labels: BTreeMap::new(), jumps: Vec::new() }
    }
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

    /// Reads all instructions; those before an error are there.
    pub(super) fn program(&mut self, program: &mut Vec<Instruction>) -> Result<(), Fault> {
        if self.text.starts_with(b"#n\n") || self.text == b"#n" {
            self.quiet = true;
        }
        let mut open = Vec::new();
        loop {
            self.budget.step()?;
            while self.peek().is_some_and(|byte| byte == b';' || byte.is_ascii_whitespace()) {
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
            let instruction = self.instruction(program.len())?;
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
            return Err(Fault::failed("-e expression #1, char 0: unmatched `{'"));
        }
        let end = program.len();
        for (index, label) in std::mem::take(&mut self.jumps) {
            let place = if label.is_empty() { Some(end) } else { self.labels.get(&label).copied() };
            let place =
                place.ok_or_else(|| Fault::Failed(4, format!("can't find label for jump to `{}'", show(&label))))?;
            if let Action::Branch(target, _) = &mut program[index].action {
                *target = place;
            }
        }
        Ok(())
    }

    fn instruction(&mut self, index: usize) -> Result<Instruction, Fault> {
        let first = self.address()?;
        if matches!(first, Some(Address::Plus(_) | Address::Multiple(_))) {
            return Err(self.error("invalid usage of +N or ~N as first address"));
        }
        let mut second = None;
        self.skip_blanks();
        if first.is_some() && self.peek() == Some(b',') {
            self.position += 1;
            self.skip_blanks();
            second = Some(self.address()?.ok_or_else(|| self.error("unexpected `,'"))?);
        }
        // `0,/re/` begins before the first line, so that the expression may end it there.
        if matches!(first, Some(Address::Line(0))) && !matches!(second, Some(Address::Match(_))) {
            return Err(self.error("invalid usage of line address 0"));
        }
        let mut negated = false;
        self.skip_blanks();
        while self.peek() == Some(b'!') {
            if negated {
                return Err(self.error("multiple `!'s"));
            }
            negated = true;
            self.position += 1;
            self.skip_blanks();
        }
        let addressed = first.is_some();
        let action = self.action(index, addressed)?;
        if second.is_some() && matches!(action, Action::Quit(..)) {
            return Err(self.error("command only uses one address"));
        }
        Ok(Instruction { first, second, negated, action })
    }

    fn number(&mut self) -> u64 {
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.position += 1;
        }
        value
    }

    fn address(&mut self) -> Result<Option<Address>, Fault> {
        Ok(Some(match self.peek() {
            Some(b'0'..=b'9') => {
                let line = self.number();
                self.skip_blanks();
                if self.peek() == Some(b'~') {
                    self.position += 1;
                    self.skip_blanks();
                    Address::Step(line, self.number())
                } else {
                    Address::Line(line)
                }
            }
            Some(b'$') => {
                self.position += 1;
                Address::Last
            }
            Some(b'+') => {
                self.position += 1;
                Address::Plus(self.number())
            }
            Some(b'~') => {
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
        let pattern = self.delimited(delimiter, true, "unterminated address regex")?;
        let mut flags = Flags::default();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'I') => flags.ignore_case = true,
                Some(b'M') => flags.multiline = Some(self.separator),
                _ => break,
            }
            self.position += 1;
        }
        Ok(Address::Match(self.regex(&pattern, flags)?))
    }

    fn regex(&self, pattern: &[u8], flags: Flags) -> Result<Option<Regex>, Fault> {
        if pattern.is_empty() {
            if flags.ignore_case || flags.multiline.is_some() {
                return Err(self.error("cannot specify modifiers on empty regexp"));
            }
            return Ok(None);
        }
        match Regex::with(pattern, self.syntax, flags, self.budget) {
            Err(Fault::Failed(_, message)) => Err(self.error(&message)),
            other => other.map(Some),
        }
    }

    /// Reads up to a delimiter, which `\delimiter` is plainly. In an expression brackets hide the delimiter, and what
    /// GNU's escapes name takes their place before it is read as one.
    fn delimited(&mut self, delimiter: u8, expression: bool, unterminated: &str) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        let mut bracket = false;
        if matches!(delimiter, b'\n' | b'\\') {
            return Err(self.error(unterminated));
        }
        loop {
            self.budget.tried(1)?;
            let byte = self.next().ok_or_else(|| self.error(unterminated))?;
            match byte {
                b'\\' if bracket => match (self.peek(), self.special()) {
                    (Some(b'n'), _) => {
                        self.position += 1;
                        text.push(b'\n');
                    }
                    (_, Some((made, length))) => {
                        text.push(made);
                        self.position += length;
                    }
                    _ => text.push(byte),
                },
                b'\\' => {
                    let next = self.peek().ok_or_else(|| self.error(unterminated))?;
                    if let Some((made, length)) = self.special().filter(|_| expression && next != delimiter) {
                        text.push(made);
                        self.position += length;
                        continue;
                    }
                    self.position += 1;
                    match next {
                        _ if next == delimiter => text.push(next),
                        b'n' if expression => text.push(b'\n'),
                        _ => text.extend([b'\\', next]),
                    }
                }
                _ if byte == delimiter && !bracket => return Ok(text),
                b'\n' if expression => return Err(self.error(unterminated)),
                b'[' if expression && !bracket => {
                    bracket = true;
                    text.push(byte);
                    if self.peek() == Some(b'^') {
                        text.extend(self.next());
                    }
                    // A bracket right behind the opening one is a member.
                    if self.peek() == Some(b']') {
                        text.extend(self.next());
                    }
                }
                b'[' if bracket && matches!(self.peek(), Some(b':' | b'.' | b'=')) => {
                    text.push(byte);
                    let rest = &self.text[self.position..];
                    let end = memchr::memmem::find(&rest[1..], &[rest[0], b']']);
                    let end = end.ok_or_else(|| self.error(unterminated))?;
                    text.extend_from_slice(&rest[..end + 3]);
                    self.position += end + 3;
                }
                b']' if bracket => {
                    bracket = false;
                    text.push(byte);
                }
                _ => text.push(byte),
            }
        }
    }

    /// GNU's escape behind a backslash, and its length: `\t`, `\x41`, `\o101`, `\d065`, `\cA`.
    fn special(&self) -> Option<(u8, usize)> {
        let rest = &self.text[self.position..];
        let letter = *rest.first()?;
        let numbered = |base: u32, digits: usize| {
            let value = |byte: &u8| char::from(*byte).to_digit(base);
            let found: Vec<u32> = rest[1..].iter().take(digits).map_while(value).collect();
            let value = found.iter().fold(0, |sum, digit| sum * base + digit);
            (!found.is_empty()).then(|| (value.to_le_bytes()[0], 1 + found.len()))
        };
        match letter {
            b'a' => Some((7, 1)),
            b'f' => Some((12, 1)),
            b'r' => Some((b'\r', 1)),
            b't' => Some((b'\t', 1)),
            b'v' => Some((11, 1)),
            b'c' => rest.get(1).filter(|&&byte| byte != b'\\').map(|byte| (byte.to_ascii_uppercase() ^ 0x40, 2)),
            b'd' => numbered(10, 3),
            b'o' => numbered(8, 3),
            b'x' => numbered(16, 2),
            _ => None,
        }
    }

    fn action(&mut self, index: usize, addressed: bool) -> Result<Action, Fault> {
        let letter = self.next().ok_or_else(|| self.error("missing command"))?;
        let action = match letter {
            b'{' => return Ok(Action::Block(0)),
            b'}' if addressed => return Err(self.error("} doesn't want any addresses")),
            b'}' => Action::End,
            b':' => {
                if addressed {
                    return Err(self.error(": doesn't want any addresses"));
                }
                let label = self.word();
                if label.is_empty() {
                    return Err(self.error("\":\" lacks a label"));
                }
                self.labels.insert(label, index);
                // What stands behind a label is a command of its own.
                return Ok(Action::Label);
            }
            b'a' => return self.text_argument().map(Action::Append),
            b'i' => return self.text_argument().map(Action::Insert),
            b'c' => return self.text_argument().map(Action::Change),
            b'b' | b't' | b'T' => {
                let label = self.word();
                self.jumps.push((index, label));
                Action::Branch(0, [(b't', true), (b'T', false)].iter().find(|way| way.0 == letter).map(|way| way.1))
            }
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
            b'F' => Action::Name,
            b'z' => Action::Empty,
            b'l' | b'q' | b'Q' => {
                self.skip_blanks();
                let given = self.peek().is_some_and(|byte| byte.is_ascii_digit());
                let number = self.number();
                match letter {
                    b'l' => Action::List(given.then_some(usize::try_from(number).unwrap_or(usize::MAX))),
                    _ => Action::Quit(i32::from(number.to_le_bytes()[0]), letter == b'q'),
                }
            }
            b'r' => return self.file_name().map(Action::Read),
            b'R' => return self.file_name().map(Action::ReadLine),
            b'w' => return self.file_name().map(Action::Write),
            b'W' => return self.file_name().map(Action::WriteFirst),
            b's' => self.substitution()?,
            b'y' => self.translation()?,
            b'e' | b'v' => return Err(Fault::gap(format!("command `{}`", char::from(letter)))),
            _ => return Err(self.error(&format!("unknown command: `{}'", char::from(letter)))),
        };
        self.skip_blanks();
        match self.peek() {
            None | Some(b'\n' | b';' | b'}' | b'#') => Ok(action),
            _ => Err(self.error("extra characters after command")),
        }
    }

    /// A label, which a blank or a semicolon ends.
    fn word(&mut self) -> Vec<u8> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b';' | b'}' | b'#')) {
            self.position += 1;
        }
        self.text[start..self.position].to_vec()
    }

    fn file_name(&mut self) -> Result<Vec<u8>, Fault> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.position += 1;
        }
        if start == self.position {
            return Err(self.error("missing filename in r/R/w/W commands"));
        }
        Ok(self.text[start..self.position].to_vec())
    }

    /// The text of `a`, `i`, `c`: behind `\` and a newline, or GNU's on the same line, where a `\` keeps the blanks
    /// behind it. Behind a `\` that ends the program it is nothing at all: `$a\` gives the last line its newline.
    fn text_argument(&mut self) -> Result<Vec<u8>, Fault> {
        self.skip_blanks();
        match self.peek() {
            None => return Err(self.error("expected \\ after `a', `c' or `i'")),
            Some(b'\\') => {
                self.position += 1;
                let start = self.position;
                self.skip_blanks();
                match self.peek() {
                    Some(b'\n') => self.position += 1,
                    Some(_) => self.position = start,
                    None => return Ok(Vec::new()),
                }
            }
            Some(_) => {}
        }
        let mut text = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'\n' => break,
                b'\\' => match self.special() {
                    Some((made, length)) => {
                        text.push(made);
                        self.position += length;
                    }
                    None => text.extend(self.next().map(|next| if next == b'n' { b'\n' } else { next })),
                },
                _ => text.push(byte),
            }
        }
        text.push(b'\n');
        Ok(text)
    }
}
