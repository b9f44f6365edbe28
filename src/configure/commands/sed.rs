//! sed(1), GNU's: addresses, all of POSIX's commands, `-i`, `-E`, `-n`, `-s`, `-z`.

use std::collections::BTreeSet;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::regex::Regex;
use super::regex::Syntax;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("sed", sed)];

/// Rounds of one script on one text: a loop that never ends is stopped.
const STEPS_MAX: usize = 5_000_000;

const LONG: &[(&str, u8)] = &[
    ("quiet", b'n'),
    ("silent", b'n'),
    ("expression", b'e'),
    ("file", b'f'),
    ("in-place", b'i'),
    ("regexp-extended", b'E'),
    ("separate", b's'),
    ("null-data", b'z'),
    ("follow-symlinks", b'L'),
    ("unbuffered", b'u'),
    ("posix", b'p'),
];

#[derive(Debug)]
enum Address {
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
struct Instruction {
    first: Option<Address>,
    second: Option<Address>,
    negated: bool,
    action: Action,
}

#[derive(Debug)]
enum Action {
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
struct Substitution {
    pattern: Option<Regex>,
    replacement: Vec<Piece>,
    global: bool,
    nth: usize,
    print: bool,
    file: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
    Case(u8),
}

fn sed(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ne:f:i::Erszup", LONG)?;
    let mut operands = given.operands.clone();
    let mut script = Vec::new();
    for (letter, value) in &given.all {
        let text = match letter {
            b'e' => value.clone(),
            b'f' => {
                let mut text = call.read(value)?;
                if text.last() == Some(&b'\n') {
                    text.pop();
                }
                text
            }
            _ => continue,
        };
        if !script.is_empty() {
            script.push(b'\n');
        }
        script.extend(text);
    }
    if !given.has(b'e') && !given.has(b'f') {
        if operands.is_empty() {
            return Err(Fault::failed("no script"));
        }
        script = operands.remove(0);
    }
    let syntax = if given.has(b'E') || given.has(b'r') { Syntax::Extended } else { Syntax::Basic };
    let mut reader = Reader { text: &script, position: 0, syntax, quiet: given.has(b'n') };
    let program = reader.program()?;
    let quiet = reader.quiet;
    let separator = if given.has(b'z') { 0 } else { b'\n' };
    if !given.has(b'i') {
        let mut inputs = Vec::new();
        let mut status = 0;
        if operands.is_empty() {
            inputs.push(call.input()?);
        }
        for path in &operands {
            match call.read(path) {
                Ok(bytes) => inputs.push(bytes),
                Err(Fault::Failed(_, message)) => {
                    call.err(&format!("can't read {message}"))?;
                    status = 2;
                }
                Err(other) => return Err(other),
            }
        }
        let groups = if given.has(b's') { inputs.into_iter().map(|input| vec![input]).collect() } else { vec![inputs] };
        for inputs in groups {
            let mut editor = Editor::new(&program, quiet, separator, inputs);
            let code = editor.run(call)?;
            call.out(&editor.output)?;
            if code != 0 {
                return Ok(code);
            }
        }
        return Ok(status);
    }
    in_place(call, &given, &program, quiet, separator, &operands)
}

fn in_place(
    call: &mut Call<'_, '_>,
    given: &super::Given,
    program: &[Instruction],
    quiet: bool,
    separator: u8,
    paths: &[Vec<u8>],
) -> Done {
    let mut status = 0;
    for path in paths {
        let bytes = match call.read(path) {
            Ok(bytes) => bytes,
            Err(Fault::Failed(_, message)) => {
                call.err(&format!("can't read {message}"))?;
                status = 4;
                continue;
            }
            Err(other) => return Err(other),
        };
        let mut editor = Editor::new(program, quiet, separator, vec![bytes.clone()]);
        let code = editor.run(call)?;
        // sed writes a new file and renames it: a link is replaced by a file, owner and mode are kept.
        let place = call.resolve(path, given.has(b'L'))?;
        let Some(inode) = call.look(path, true) else { continue };
        let (mut new, mut old) = (inode.clone(), inode);
        new.kind = crate::tree::Kind::File(crate::tree::Content::from_bytes(std::mem::take(&mut editor.output)));
        if let Some(suffix) = given.value(b'i').filter(|suffix| !suffix.is_empty()) {
            if suffix.contains(&b'*') {
                return Err(Fault::gap("-i with a pattern for the copy"));
            }
            let backup = call.resolve(&[path.as_slice(), suffix].concat(), false)?;
            old.kind = crate::tree::Kind::File(crate::tree::Content::from_bytes(bytes));
            let time = old.stat.mtime;
            call.create(&backup, old)?;
            if let Some(inode) = call.tree().get_mut(&backup) {
                inode.stat.mtime = time;
            }
        }
        let group = new.stat.gid;
        call.create(&place, new)?;
        if let Some(inode) = call.tree().get_mut(&place) {
            inode.stat.gid = group;
        }
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(status)
}

/// The state of one run.
struct Editor<'p> {
    program: &'p [Instruction],
    quiet: bool,
    separator: u8,
    lines: std::vec::IntoIter<(Vec<u8>, bool)>,
    pattern: Vec<u8>,
    terminated: bool,
    hold: Vec<u8>,
    number: usize,
    /// For each instruction with two addresses: where the range ends, once it has begun.
    ranges: Vec<Option<usize>>,
    appended: Vec<Vec<u8>>,
    replaced: bool,
    last_regex: Option<Regex>,
    output: Vec<u8>,
    /// Files that `w` has begun anew.
    written: BTreeSet<Vec<u8>>,
    steps: usize,
}

/// What an instruction says of the way on.
enum Way {
    On,
    To(usize),
    /// End the cycle; whether to print first; whether to read a new line.
    Cycle(bool, bool),
    Quit(i32, bool),
}

impl<'p> Editor<'p> {
    fn new(program: &'p [Instruction], quiet: bool, separator: u8, inputs: Vec<Vec<u8>>) -> Self {
        let mut lines = Vec::new();
        for input in inputs {
            let mut rest = input.as_slice();
            while !rest.is_empty() {
                let (line, terminated, after) = match memchr::memchr(separator, rest) {
                    Some(end) => (&rest[..end], true, &rest[end + 1..]),
                    None => (rest, false, &rest[rest.len()..]),
                };
                lines.push((line.to_vec(), terminated));
                rest = after;
            }
        }
        // A file without a last newline in the middle gets one.
        let count = lines.len();
        lines.iter_mut().take(count.saturating_sub(1)).for_each(|line| line.1 = true);
        Self {
            program,
            quiet,
            separator,
            lines: lines.into_iter(),
            pattern: Vec::new(),
            terminated: true,
            hold: Vec::new(),
            number: 0,
            ranges: vec![None; program.len()],
            appended: Vec::new(),
            replaced: false,
            last_regex: None,
            output: Vec::new(),
            written: BTreeSet::new(),
            steps: 0,
        }
    }

    fn read_line(&mut self) -> Option<Vec<u8>> {
        let (line, terminated) = self.lines.next()?;
        self.number += 1;
        self.terminated = terminated;
        Some(line)
    }

    fn is_last(&self) -> bool {
        self.lines.len() == 0
    }

    fn print(&mut self, text: &[u8]) {
        self.output.extend_from_slice(text);
        if self.terminated {
            self.output.push(self.separator);
        }
    }

    fn flush(&mut self) {
        for text in std::mem::take(&mut self.appended) {
            if !self.output.is_empty() && self.output.last() != Some(&self.separator) {
                self.output.push(self.separator);
            }
            self.output.extend(text);
        }
    }

    fn run(&mut self, call: &mut Call<'_, '_>) -> Done {
        let mut fresh = true;
        loop {
            if fresh {
                let Some(line) = self.read_line() else { return Ok(0) };
                self.pattern = line;
                self.replaced = false;
            }
            let (print, quit, again) = match self.cycle(call)? {
                Way::Quit(code, print) => (print, Some(code), true),
                Way::Cycle(print, new) => (print, None, new),
                Way::On | Way::To(_) => (true, None, true),
            };
            if print && !self.quiet {
                let text = self.pattern.clone();
                self.print(&text);
            }
            self.flush();
            if let Some(code) = quit {
                return Ok(code);
            }
            fresh = again;
        }
    }

    fn cycle(&mut self, call: &mut Call<'_, '_>) -> Result<Way, Fault> {
        let mut at = 0;
        while let Some(instruction) = self.program.get(at) {
            self.steps += 1;
            call.shell.spend(0)?;
            if self.steps > STEPS_MAX || self.pattern.len() > call.shell.world.limits.bytes {
                return Err(Fault::gap("a script that does not end"));
            }
            let selected = self.selects(at, instruction)? != instruction.negated;
            at += 1;
            if !selected {
                if let Action::Block(end) = instruction.action {
                    at = end;
                }
                continue;
            }
            match self.act(call, instruction, at - 1)? {
                Way::On => {}
                Way::To(target) => at = target,
                way => return Ok(way),
            }
        }
        Ok(Way::On)
    }

    fn matches(&mut self, regex: Option<&Regex>) -> Result<bool, Fault> {
        let regex = match regex {
            Some(regex) => {
                self.last_regex = Some(regex.clone());
                regex
            }
            None => self.last_regex.as_ref().ok_or_else(|| Fault::failed("no previous regular expression"))?,
        };
        regex.is_match(&self.pattern)
    }

    fn address(&mut self, address: &Address) -> Result<bool, Fault> {
        Ok(match address {
            Address::Line(line) => self.number == *line,
            Address::Step(first, step) if *step == 0 => self.number == *first,
            Address::Step(first, step) => self.number >= *first && (self.number - first).is_multiple_of(*step),
            Address::Last => self.is_last(),
            Address::Match(regex) => self.matches(regex.as_ref())?,
            Address::Plus(_) | Address::Multiple(_) => false,
        })
    }

    fn selects(&mut self, index: usize, instruction: &Instruction) -> Result<bool, Fault> {
        let Some(first) = &instruction.first else { return Ok(true) };
        let Some(second) = &instruction.second else { return self.address(first) };
        if let Some(end) = self.ranges[index] {
            let ends = match second {
                Address::Match(regex) => self.matches(regex.as_ref())?,
                Address::Last => self.is_last(),
                _ => self.number >= end,
            };
            if ends {
                self.ranges[index] = None;
                // A line number that was passed long ago ends the range before this line.
                return Ok(!matches!(second, Address::Line(line) if self.number > *line));
            }
            return Ok(true);
        }
        // `0,/re/` begins before the first line, so that the expression may end it there.
        let zero = matches!(first, Address::Line(0));
        if zero {
            let Address::Match(regex) = second else { return Err(Fault::failed("invalid usage of line address 0")) };
            if self.number != 1 {
                return Ok(false);
            }
            if !self.matches(regex.as_ref())? {
                self.ranges[index] = Some(usize::MAX);
            }
            return Ok(true);
        }
        if !self.address(first)? {
            return Ok(false);
        }
        self.ranges[index] = match second {
            Address::Line(line) => (*line > self.number).then_some(*line),
            Address::Plus(count) => (*count > 0).then_some(self.number + count),
            Address::Multiple(step) => {
                (*step > 0 && !self.number.is_multiple_of(*step)).then(|| self.number.div_ceil(*step) * step)
            }
            Address::Last => (!self.is_last()).then_some(usize::MAX),
            Address::Match(_) | Address::Step(..) => Some(usize::MAX),
        };
        Ok(true)
    }

    fn act(&mut self, call: &mut Call<'_, '_>, instruction: &Instruction, index: usize) -> Result<Way, Fault> {
        let first_line = |text: &[u8]| memchr::memchr(b'\n', text);
        match &instruction.action {
            Action::Block(_) | Action::End | Action::Label(_) => {}
            Action::Append(text) => self.appended.push(text.clone()),
            Action::Insert(text) => self.output.extend_from_slice(text),
            Action::Change(text) => {
                let in_range = self.ranges[index].is_some() && !instruction.negated;
                if !in_range {
                    self.output.extend_from_slice(text);
                }
                return Ok(Way::Cycle(false, true));
            }
            Action::Branch(label, wanted) => {
                let go = wanted.is_none_or(|wanted| self.replaced == wanted);
                if wanted.is_some() {
                    self.replaced = false;
                }
                if go {
                    return Ok(Way::To(target(self.program, label)?));
                }
            }
            Action::Delete => return Ok(Way::Cycle(false, true)),
            Action::DeleteFirst => match first_line(&self.pattern) {
                Some(end) => {
                    self.pattern.drain(..=end);
                    return Ok(Way::Cycle(false, false));
                }
                None => return Ok(Way::Cycle(false, true)),
            },
            Action::Print => {
                let text = self.pattern.clone();
                self.print(&text);
            }
            Action::PrintFirst => {
                let text = self.pattern[..first_line(&self.pattern).unwrap_or(self.pattern.len())].to_vec();
                self.print(&text);
            }
            Action::Hold => self.hold.clone_from(&self.pattern),
            Action::HoldAppend => self.hold = [self.hold.as_slice(), &self.pattern].join(&b'\n'),
            Action::Get => self.pattern.clone_from(&self.hold),
            Action::GetAppend => self.pattern = [self.pattern.as_slice(), &self.hold].join(&b'\n'),
            Action::Exchange => std::mem::swap(&mut self.pattern, &mut self.hold),
            Action::Next => {
                if self.is_last() {
                    return Ok(Way::Quit(0, true));
                }
                if !self.quiet {
                    let text = self.pattern.clone();
                    self.print(&text);
                }
                self.flush();
                self.pattern = self.read_line().unwrap_or_default();
            }
            Action::NextAppend => {
                if self.is_last() {
                    return Ok(Way::Quit(0, true));
                }
                self.flush();
                let line = self.read_line().unwrap_or_default();
                self.pattern.push(b'\n');
                self.pattern.extend(line);
            }
            Action::Number => self.output.extend(format!("{}\n", self.number).into_bytes()),
            Action::Quit(code, print) => return Ok(Way::Quit(*code, *print)),
            Action::Read(path) => {
                // A file that is not there is read as empty.
                let path = path.clone();
                match call.read(&path) {
                    Ok(bytes) => self.appended.push(bytes),
                    Err(Fault::Failed(..)) => {}
                    Err(other) => return Err(other),
                }
            }
            Action::Write(path) => self.write(call, path)?,
            Action::Substitute(substitution) => self.substitute(call, substitution)?,
            Action::Translate(table) => self.pattern.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]),
        }
        Ok(Way::On)
    }

    fn write(&mut self, call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
        match path {
            b"/dev/stdout" => {
                let text = self.pattern.clone();
                self.print(&text);
                Ok(())
            }
            b"/dev/null" => Ok(()),
            _ => {
                let mut bytes = match call.read(path) {
                    Ok(bytes) if self.written.contains(path) => bytes,
                    Ok(_) | Err(Fault::Failed(..)) => Vec::new(),
                    Err(other) => return Err(other),
                };
                self.written.insert(path.to_vec());
                bytes.extend_from_slice(&self.pattern);
                bytes.push(self.separator);
                call.write(path, 0o666, bytes)
            }
        }
    }

    fn substitute(&mut self, call: &mut Call<'_, '_>, substitution: &Substitution) -> Result<(), Fault> {
        if let Some(regex) = &substitution.pattern {
            self.last_regex = Some(regex.clone());
        }
        let Some(regex) = self.last_regex.clone() else { return Err(Fault::failed("no previous regular expression")) };
        let text = std::mem::take(&mut self.pattern);
        let (mut made, mut from, mut count, mut changed) = (Vec::new(), 0, 0, false);
        let mut copied = 0;
        while from <= text.len() {
            // Every search begins anew on the whole text.
            call.shell.world.look_at(text.len());
            call.shell.spend(0)?;
            let Some(groups) = regex.find(&text, from)? else { break };
            let (begin, end) = groups[0].unwrap_or_default();
            // An empty match right behind the last one is none.
            let adjacent = begin == end && begin == copied && count > 0 && begin > 0;
            if !adjacent {
                count += 1;
                if count >= substitution.nth {
                    made.extend_from_slice(&text[copied..begin]);
                    expand(&substitution.replacement, &text, &groups, &mut made);
                    copied = end;
                    changed = true;
                    if !substitution.global {
                        break;
                    }
                }
            }
            from = if end > begin { end } else { end + 1 };
        }
        made.extend_from_slice(&text[copied..]);
        self.pattern = made;
        if changed {
            self.replaced = true;
            if substitution.print {
                let text = self.pattern.clone();
                self.print(&text);
            }
            if let Some(path) = &substitution.file {
                self.write(call, path)?;
            }
        }
        Ok(())
    }
}

fn target(program: &[Instruction], label: &[u8]) -> Result<usize, Fault> {
    if label.is_empty() {
        return Ok(program.len());
    }
    let found =
        program.iter().rposition(|instruction| matches!(&instruction.action, Action::Label(name) if name == label));
    found.ok_or_else(|| Fault::failed(format!("can't find label for jump to `{}'", super::show(label))))
}

fn expand(replacement: &[Piece], text: &[u8], groups: &super::regex::Groups, made: &mut Vec<u8>) {
    let (mut lasting, mut once) = (b'E', None);
    for piece in replacement {
        let bytes = match piece {
            Piece::Case(letter @ (b'u' | b'l')) => {
                once = Some(*letter);
                continue;
            }
            Piece::Case(letter) => {
                lasting = *letter;
                continue;
            }
            Piece::Text(bytes) => bytes.as_slice(),
            Piece::Group(group) => match groups.get(*group).copied().flatten() {
                Some((from, to)) => &text[from..to],
                None => b"",
            },
        };
        for &byte in bytes {
            let byte = match once.take().unwrap_or(lasting) {
                b'U' | b'u' => byte.to_ascii_uppercase(),
                b'L' | b'l' => byte.to_ascii_lowercase(),
                _ => byte,
            };
            made.push(byte);
        }
    }
}

/// Reads a script.
struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    syntax: Syntax,
    quiet: bool,
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

    fn program(&mut self) -> Result<Vec<Instruction>, Fault> {
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
