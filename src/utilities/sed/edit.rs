//! Instructions, followed on lines.

use std::collections::BTreeMap;

use super::input::Input;
use super::manner::Manner;
use super::output::Output;
use super::parse::Action;
use super::parse::Address;
use super::parse::Instruction;
use crate::budget::Budget;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::buffer::Kept;
use crate::utilities::regex::Regex;

/// The state of one run.
pub(super) struct Editor<'p> {
    pub(super) program: &'p [Instruction],
    pub(super) manner: Manner,
    pub(super) input: Input<'p>,
    pub(super) output: Output,
    pub(super) pattern: Buffer,
    /// What a substitution makes, before it takes the pattern's place.
    pub(super) spare: Buffer,
    /// The line had its end.
    pub(super) whole: bool,
    hold: Buffer,
    /// What is held had its end.
    hold_whole: bool,
    /// `H` met a line without its end.
    hold_mixed: bool,
    /// Of each instruction with two addresses.
    ranges: Kept<Range>,
    appended: Kept<Appended>,
    pub(super) replaced: bool,
    pub(super) last_regex: Option<Regex>,
    /// Files that `R` reads line by line.
    readers: BTreeMap<Vec<u8>, (Buffer, usize)>,
    /// `q` or `Q` ended it.
    pub(super) quit: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    Inactive,
    /// Until a line's number, which an expression has none of.
    Active(u64),
    Closed,
}

/// What comes at the end of a cycle.
enum Appended {
    Text(usize),
    File(Vec<u8>),
    Line(Buffer, bool),
}

/// What an instruction says of the way on.
enum Way {
    On,
    To(usize),
    /// End the cycle; whether to print first; whether to read a new line.
    Cycle(bool, bool),
    Quit(i32, bool),
}

/// What an instruction costs beside what it does, in things tried.
const INSTRUCTION: usize = 8;

impl<'p> Editor<'p> {
    pub(super) fn new(
        program: &'p [Instruction],
        manner: Manner,
        input: Input<'p>,
        output: Output,
        budget: &Budget,
    ) -> Result<Self, Fault> {
        let mut ranges = Kept::new(budget)?;
        for _ in program {
            ranges.push(Range::Inactive)?;
        }
        Ok(Self {
            program,
            manner,
            input,
            output,
            pattern: Buffer::new(budget)?,
            spare: Buffer::new(budget)?,
            whole: true,
            hold: Buffer::new(budget)?,
            hold_whole: true,
            hold_mixed: false,
            ranges,
            appended: Kept::new(budget)?,
            replaced: false,
            last_regex: None,
            readers: BTreeMap::new(),
            quit: false,
        })
    }

    /// Reads the next line behind what the pattern space has.
    fn read_line(&mut self, call: &mut Call<'_, '_>) -> Result<bool, Fault> {
        let Some(whole) = self.input.read(call, &mut self.pattern)? else { return Ok(false) };
        self.whole = whole;
        if std::mem::take(&mut self.input.fresh) {
            // A file for itself: nothing of the one before counts.
            self.hold.clear();
            (self.hold_whole, self.hold_mixed) = (true, false);
            for (range, instruction) in self.ranges.iter_mut().zip(self.program) {
                let zero = matches!(instruction.first, Some(Address::Line(0)));
                *range = if zero { Range::Active(u64::MAX) } else { Range::Inactive };
            }
        }
        Ok(true)
    }

    pub(super) fn print(&mut self, call: &mut Call<'_, '_>, path: Option<&[u8]>) -> Result<(), Fault> {
        self.output.line(call, path, &self.pattern, self.whole, self.manner.separator)
    }

    /// Writes what was to come behind the line.
    fn flush(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        let separator = self.manner.separator;
        // The line before has its end then, whatever comes: of a file that is not there it is nothing.
        if !self.appended.is_empty() {
            self.output.text(call, b"", separator)?;
        }
        for index in 0..self.appended.len() {
            match &self.appended[index] {
                Appended::Text(at) => {
                    if let Action::Append(text) = &self.program[*at].action {
                        self.output.text(call, text, separator)?;
                    }
                }
                Appended::File(path) => match call.read(path) {
                    Ok(bytes) => self.output.text(call, &bytes, separator)?,
                    Err(Fault::Failed(..)) => {}
                    Err(other) => return Err(other),
                },
                Appended::Line(line, whole) => {
                    self.output.text(call, line, separator)?;
                    if *whole {
                        self.output.text(call, &[separator], separator)?;
                    }
                }
            }
        }
        self.appended.truncate(0);
        Ok(())
    }

    pub(super) fn run(&mut self, call: &mut Call<'_, '_>) -> Done {
        let mut fresh = true;
        loop {
            call.shell.system.budget.step()?;
            if fresh {
                self.pattern.clear();
                if !self.read_line(call)? {
                    return Ok(0);
                }
                self.replaced = false;
            }
            let (print, quit, again) = match self.cycle(call)? {
                Way::Quit(code, print) => (print, Some(code), true),
                Way::Cycle(print, new) => (print, None, new),
                Way::On | Way::To(_) => (true, None, true),
            };
            if print && !self.manner.quiet {
                self.print(call, None)?;
            }
            self.flush(call)?;
            if let Some(code) = quit {
                return Ok(code);
            }
            fresh = again;
        }
    }

    fn cycle(&mut self, call: &mut Call<'_, '_>) -> Result<Way, Fault> {
        let program = self.program;
        let mut at = 0;
        while let Some(instruction) = program.get(at) {
            call.shell.system.budget.tried(INSTRUCTION)?;
            let selected = self.selects(call, at, instruction)? != instruction.negated;
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
        if let Some(regex) = regex {
            self.last_regex = Some(regex.clone());
        }
        let none = || Fault::failed("-e expression #1, char 0: no previous regular expression");
        self.last_regex.as_ref().ok_or_else(none)?.is_match(&self.pattern)
    }

    fn address(&mut self, call: &mut Call<'_, '_>, address: &Address) -> Result<bool, Fault> {
        let number = self.input.number;
        Ok(match address {
            Address::Line(line) => number == *line,
            Address::Step(first, 0) => number == *first,
            Address::Step(first, step) => number >= *first && (number - first).is_multiple_of(*step),
            Address::Last => self.input.is_last(call)?,
            Address::Match(regex) => self.matches(regex.as_ref())?,
            Address::Plus(_) | Address::Multiple(_) => false,
        })
    }

    /// Whether an instruction's addresses select the line. A range that a number begins does so at any line behind it,
    /// where the instruction was not come to before, but once only.
    fn selects(&mut self, call: &mut Call<'_, '_>, index: usize, instruction: &Instruction) -> Result<bool, Fault> {
        let Some(first) = &instruction.first else { return Ok(true) };
        let Some(second) = &instruction.second else { return self.address(call, first) };
        let number = self.input.number;
        let end = match self.ranges[index] {
            Range::Active(end) => end,
            state => {
                let begins = match first {
                    Address::Line(line) => state != Range::Closed && number >= *line,
                    first => self.address(call, first)?,
                };
                if !begins {
                    return Ok(false);
                }
                let end = match second {
                    Address::Line(line) => *line,
                    Address::Plus(count) => number.saturating_add(*count),
                    Address::Multiple(0) => number,
                    // The next multiple, where this is one too.
                    Address::Multiple(step) => (number / step).saturating_add(1).saturating_mul(*step),
                    _ => u64::MAX,
                };
                let last = matches!(second, Address::Last) && self.input.is_last(call)?;
                let over = number >= end || last;
                self.ranges[index] = if over { Range::Closed } else { Range::Active(end) };
                let behind = matches!(second, Address::Line(line) if number > *line);
                return Ok(!behind || self.address(call, first)?);
            }
        };
        let (ends, selected) = match second {
            Address::Line(line) => (number >= *line, number <= *line),
            Address::Plus(_) | Address::Multiple(_) => (number >= end, true),
            second => (self.address(call, second)?, true),
        };
        if ends {
            self.ranges[index] = Range::Closed;
        }
        Ok(selected)
    }

    /// Writes the text of an `i` or a `c`, which ends as lines do; that of an `a` always ends with a newline.
    fn given(&mut self, call: &mut Call<'_, '_>, text: &[u8]) -> Result<(), Fault> {
        let separator = self.manner.separator;
        let line = text.strip_suffix(b"\n").unwrap_or(text);
        self.output.text(call, line, separator)?;
        if line.len() < text.len() {
            self.output.text(call, &[separator], separator)?;
        }
        Ok(())
    }

    fn act(&mut self, call: &mut Call<'_, '_>, instruction: &'p Instruction, index: usize) -> Result<Way, Fault> {
        let separator = self.manner.separator;
        match &instruction.action {
            Action::Block(_) | Action::End | Action::Label => {}
            Action::Append(_) => self.appended.push(Appended::Text(index))?,
            Action::Insert(text) => self.given(call, text)?,
            Action::Change(text) => {
                if !matches!(self.ranges[index], Range::Active(_)) || instruction.negated {
                    self.given(call, text)?;
                }
                return Ok(Way::Cycle(false, true));
            }
            Action::Branch(target, wanted) => return Ok(self.branch(*target, *wanted)),
            Action::Delete => return Ok(Way::Cycle(false, true)),
            Action::DeleteFirst => return self.delete_first(),
            Action::Print => self.print(call, None)?,
            Action::PrintFirst => self.print_first(call, None)?,
            Action::Hold => self.hold()?,
            Action::HoldAppend => self.hold_append()?,
            Action::Get => self.get()?,
            Action::GetAppend => self.get_append()?,
            Action::Exchange => self.exchange(),
            Action::Next => return self.next(call, false),
            Action::NextAppend => return self.next(call, true),
            Action::Number => {
                let mut line = self.input.number.to_string().into_bytes();
                line.push(separator);
                self.output.text(call, &line, separator)?;
            }
            Action::Name => {
                let name = [self.input.name.as_slice(), &[separator]].concat();
                self.output.text(call, &name, separator)?;
            }
            Action::List(width) => {
                let width = width.unwrap_or(self.manner.width);
                self.spare.clear();
                listed(&self.pattern, width, &mut self.spare)?;
                self.spare.push(separator)?;
                self.output.text(call, &self.spare, separator)?;
            }
            Action::Quit(code, print) => {
                self.quit = true;
                // The last line gets its end, whether or not it had one.
                self.whole = true;
                return Ok(Way::Quit(*code, *print));
            }
            Action::Read(path) => self.appended.push(Appended::File(path.clone()))?,
            Action::ReadLine(path) => self.read_other(call, path)?,
            Action::Write(path) => self.print(call, Some(path))?,
            Action::WriteFirst(path) => self.print_first(call, Some(path))?,
            Action::Empty => self.pattern.clear(),
            Action::Substitute(substitution) => self.substitute(call, substitution)?,
            Action::Translate(table) => {
                call.shell.system.budget.made(self.pattern.len())?;
                self.pattern.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
            }
        }
        Ok(Way::On)
    }

    /// `b`, `t` and `T`: what is wanted is that something was replaced, or that nothing was.
    fn branch(&mut self, target: usize, wanted: Option<bool>) -> Way {
        let go = wanted.is_none_or(|wanted| self.replaced == wanted);
        if wanted.is_some() {
            self.replaced = false;
        }
        if go { Way::To(target) } else { Way::On }
    }

    /// `D`: of one line all, of several the first, and then on without reading another.
    fn delete_first(&mut self) -> Result<Way, Fault> {
        let Some(end) = memchr::memchr(self.manner.separator, &self.pattern) else {
            return Ok(Way::Cycle(false, true));
        };
        self.spare.set(&self.pattern[end + 1..])?;
        std::mem::swap(&mut self.spare, &mut self.pattern);
        Ok(Way::Cycle(false, false))
    }

    fn hold(&mut self) -> Result<(), Fault> {
        self.hold.set(&self.pattern)?;
        (self.hold_whole, self.hold_mixed) = (self.whole, false);
        Ok(())
    }

    fn hold_append(&mut self) -> Result<(), Fault> {
        self.hold_mixed |= !self.whole;
        self.hold_whole = self.whole;
        self.hold.push(self.manner.separator)?;
        Ok(self.hold.extend(&self.pattern)?)
    }

    fn get(&mut self) -> Result<(), Fault> {
        self.pattern.set(&self.hold)?;
        self.whole = self.hold_whole;
        Ok(())
    }

    fn get_append(&mut self) -> Result<(), Fault> {
        if self.hold_mixed {
            return Err(Fault::gap("`G` of what `H` has put behind a line without its end"));
        }
        self.whole = self.hold_whole;
        self.pattern.push(self.manner.separator)?;
        Ok(self.pattern.extend(&self.hold)?)
    }

    fn exchange(&mut self) {
        std::mem::swap(&mut self.pattern, &mut self.hold);
        std::mem::swap(&mut self.whole, &mut self.hold_whole);
        self.hold_mixed = false;
    }

    /// `n`, which prints the line before it reads the next, and `N`, which puts the next behind it.
    fn next(&mut self, call: &mut Call<'_, '_>, append: bool) -> Result<Way, Fault> {
        if self.input.is_last(call)? {
            return Ok(Way::Cycle(true, true));
        }
        if !append && !self.manner.quiet {
            self.print(call, None)?;
        }
        self.flush(call)?;
        if append {
            self.pattern.push(self.manner.separator)?;
        } else {
            self.pattern.clear();
        }
        self.read_line(call)?;
        Ok(Way::On)
    }

    fn print_first(&mut self, call: &mut Call<'_, '_>, path: Option<&[u8]>) -> Result<(), Fault> {
        let separator = self.manner.separator;
        let end = memchr::memchr(separator, &self.pattern);
        // Of several lines the first has an end, of one it is the line's own.
        let (end, whole) = end.map_or((self.pattern.len(), self.whole), |end| (end, true));
        self.output.line(call, path, &self.pattern[..end], whole, separator)
    }

    /// `R`: the next line of a file.
    fn read_other(&mut self, call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
        let budget = call.shell.system.budget.clone();
        if !self.readers.contains_key(path) {
            let bytes = match call.read(path) {
                Ok(bytes) => bytes,
                Err(Fault::Failed(..)) => Vec::new(),
                Err(other) => return Err(other),
            };
            self.readers.insert(path.to_vec(), (Buffer::of(&budget, bytes)?, 0));
        }
        let Some((text, position)) = self.readers.get_mut(path) else { return Ok(()) };
        let rest = &text[*position..];
        if rest.is_empty() {
            return Ok(());
        }
        let end = memchr::memchr(self.manner.separator, rest);
        let mut line = Buffer::new(&budget)?;
        line.extend(&rest[..end.unwrap_or(rest.len())])?;
        *position += line.len() + usize::from(end.is_some());
        Ok(self.appended.push(Appended::Line(line, end.is_some()))?)
    }
}

/// The unambiguous form of `l`, in lines of a width.
fn listed(text: &[u8], width: usize, made: &mut Buffer) -> Result<(), Fault> {
    // GNU's `l 1` breaks before each, and `l 0` never.
    let mut column = 0;
    for &byte in text {
        let shown: Vec<u8> = match byte {
            b'\\' => b"\\\\".to_vec(),
            7 => b"\\a".to_vec(),
            8 => b"\\b".to_vec(),
            12 => b"\\f".to_vec(),
            b'\n' => b"\\n".to_vec(),
            b'\r' => b"\\r".to_vec(),
            b'\t' => b"\\t".to_vec(),
            11 => b"\\v".to_vec(),
            b' '..=b'~' => vec![byte],
            _ => format!("\\{byte:03o}").into_bytes(),
        };
        if width > 0 && column + shown.len() > width - 1 {
            made.extend(b"\\\n")?;
            column = 0;
        }
        column += shown.len();
        made.extend(&shown)?;
    }
    Ok(made.push(b'$')?)
}
