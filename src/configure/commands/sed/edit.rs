//! Instructions, followed on lines.

use std::collections::BTreeSet;

use super::parse::Action;
use super::parse::Address;
use super::parse::Instruction;
use super::parse::Piece;
use super::parse::Substitution;
use crate::configure::commands::Call;
use crate::configure::commands::Done;
use crate::configure::commands::Fault;
use crate::configure::commands::regex::Groups;
use crate::configure::commands::regex::Regex;
use crate::configure::commands::show;

/// Rounds of one script on one text: a loop that never ends is stopped.
const STEPS_MAX: usize = 5_000_000;

/// The state of one run.
pub(super) struct Editor<'p> {
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
    pub(super) output: Vec<u8>,
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
    pub(super) fn new(program: &'p [Instruction], quiet: bool, separator: u8, inputs: Vec<Vec<u8>>) -> Self {
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

    pub(super) fn run(&mut self, call: &mut Call<'_, '_>) -> Done {
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
            call.shell.world.budget.read(text.len())?;
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
    found.ok_or_else(|| Fault::failed(format!("can't find label for jump to `{}'", show(label))))
}

fn expand(replacement: &[Piece], text: &[u8], groups: &Groups, made: &mut Vec<u8>) {
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
