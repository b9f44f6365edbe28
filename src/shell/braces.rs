//! bash's brace expansion (bash(1), Brace Expansion): before all others, on the text of a word alone.

use super::Run;
use super::Shell;
use super::ast::Part;
use super::ast::Word;
use super::reader::is_name;

/// A word as it is looked through: a byte that may be a brace, or a piece that never is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    Byte(u8),
    /// By its place in the word.
    Part(usize),
}

/// Braces in braces. Nobody writes more than three.
const DEPTH_MAX: u32 = 30;

impl Shell<'_> {
    /// The words that a word with braces becomes; `None` when there is nothing to do.
    pub(super) fn braces(&mut self, word: &Word) -> Run<Option<Vec<Word>>> {
        let is_open = |part: &Part| matches!(part, Part::Plain(text) if text.contains(&b'{'));
        if !self.is_bash() || !self.state.options.braces || !word.0.iter().any(is_open) {
            return Ok(None);
        }
        let mut atoms = Vec::new();
        for (index, part) in word.0.iter().enumerate() {
            match part {
                Part::Plain(text) => atoms.extend(text.iter().map(|&byte| Atom::Byte(byte))),
                _ => atoms.push(Atom::Part(index)),
            }
        }
        self.spend(atoms.len())?;
        let all = self.alternatives(&atoms, 0)?;
        // A range from small letters to capitals has what is between them, which bash reads as quotes.
        let strange = |atom: &Atom| matches!(atom, Atom::Byte(b'['..=b'`')) && !atoms.contains(atom);
        if all.iter().flatten().any(strange) {
            self.lacks("a range in braces from small letters to capitals");
        }
        let mut words = Vec::new();
        for atoms in all {
            let mut parts = self.joined_parts(word, &atoms)?;
            super::tilde::leading(&mut parts);
            // An empty one without quotes is no word.
            if !parts.is_empty() {
                words.push(Word(parts));
            }
        }
        Ok(Some(words))
    }

    fn joined_parts(&self, word: &Word, atoms: &[Atom]) -> Run<Vec<Part>> {
        self.spend(atoms.len() * 2)?;
        let mut parts = Vec::new();
        let mut text = Vec::new();
        for atom in atoms {
            match atom {
                Atom::Byte(byte) => match parts.last_mut() {
                    // `$x{1,2}` is `$x1 $x2`, for braces are only text.
                    Some(Part::Parameter(parameter))
                        if text.is_empty()
                            && !parameter.braced
                            && is_name(&parameter.name)
                            && (byte.is_ascii_alphanumeric() || *byte == b'_') =>
                    {
                        parameter.name.push(*byte);
                    }
                    _ => text.push(*byte),
                },
                Atom::Part(index) => {
                    if !text.is_empty() {
                        parts.push(Part::Plain(std::mem::take(&mut text)));
                    }
                    parts.push(word.0[*index].clone());
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Plain(text));
        }
        Ok(parts)
    }

    /// All that a text with braces stands for.
    fn alternatives(&self, atoms: &[Atom], depth: u32) -> Run<Vec<Vec<Atom>>> {
        let Some((open, close, inner)) = (depth < DEPTH_MAX).then(|| group(atoms)).flatten() else {
            self.spend(atoms.len() * 8)?;
            return Ok(vec![atoms.to_vec()]);
        };
        let middle: Vec<Vec<Atom>> = match inner {
            Inner::List(items) => {
                let mut all = Vec::new();
                for item in items {
                    all.extend(self.alternatives(item, depth + 1)?);
                }
                all
            }
            Inner::Range(range) => {
                let mut all = Vec::new();
                for value in range {
                    self.spend(32)?;
                    all.push(value.into_iter().map(Atom::Byte).collect());
                    if all.len() > self.system.bounds.bytes / 64 {
                        return Err(crate::budget::Spent::Output.into());
                    }
                }
                all
            }
        };
        let rest = self.alternatives(&atoms[close + 1..], depth)?;
        let each: usize = open + middle.iter().chain(&rest).map(Vec::len).max().unwrap_or(0);
        let _room = self.system.budget.hold(middle.len().saturating_mul(rest.len()).saturating_mul(24 + each * 24))?;
        let mut all = Vec::new();
        for part in &middle {
            for rest in &rest {
                self.spend((open + part.len() + rest.len()) * 8)?;
                all.push([&atoms[..open], part, rest].concat());
            }
        }
        Ok(all)
    }
}

enum Inner<'a> {
    List(Vec<&'a [Atom]>),
    Range(Box<dyn Iterator<Item = Vec<u8>>>),
}

/// The first group that counts: where its braces are, and what is in it.
fn group(atoms: &[Atom]) -> Option<(usize, usize, Inner<'_>)> {
    let mut from = 0;
    loop {
        let open = from + atoms[from..].iter().position(|atom| *atom == Atom::Byte(b'{'))?;
        if let Some((close, commas)) = closing(atoms, open) {
            let body = &atoms[open + 1..close];
            if !commas.is_empty() {
                let ends: Vec<usize> = commas.iter().copied().chain([close]).collect();
                let mut start = open + 1;
                let items = ends.into_iter().map(|end| {
                    let item = &atoms[start..end];
                    start = end + 1;
                    item
                });
                return Some((open, close, Inner::List(items.collect())));
            }
            if let Some(range) = range(body) {
                return Some((open, close, Inner::Range(range)));
            }
        }
        from = open + 1;
    }
}

/// The brace that closes the one at `open`, and the commas between at their level.
fn closing(atoms: &[Atom], open: usize) -> Option<(usize, Vec<usize>)> {
    let (mut depth, mut commas) = (0, Vec::new());
    for (index, atom) in atoms.iter().enumerate().skip(open + 1) {
        match atom {
            Atom::Byte(b'{') => depth += 1,
            Atom::Byte(b'}') if depth == 0 => return Some((index, commas)),
            Atom::Byte(b'}') => depth -= 1,
            Atom::Byte(b',') if depth == 0 => commas.push(index),
            _ => {}
        }
    }
    None
}

/// `1..9`, `a..e`, and with a step behind another `..`.
fn range(body: &[Atom]) -> Option<Box<dyn Iterator<Item = Vec<u8>>>> {
    let text: Option<Vec<u8>> =
        body.iter().map(|atom| if let Atom::Byte(byte) = atom { Some(*byte) } else { None }).collect();
    let text = String::from_utf8(text?).ok()?;
    let pieces: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match pieces.as_slice() {
        [first, last] => (*first, *last, 1),
        [first, last, step] => (*first, *last, step.parse::<i64>().ok()?),
        _ => return None,
    };
    let step = step.unsigned_abs().max(1);
    if let (Ok(from), Ok(to)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let padded =
            |text: &str| text.trim_start_matches('-').starts_with('0') && text.trim_start_matches('-').len() > 1;
        let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
        return Some(Box::new(steps(from, to, step).map(move |number| format!("{number:0width$}").into_bytes())));
    }
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    };
    let (from, to) = (letter(first)?, letter(last)?);
    let numbers = steps(i64::from(from), i64::from(to), step);
    Some(Box::new(numbers.map(|number| vec![u8::try_from(number).expect("between two letters")])))
}

fn steps(from: i64, to: i64, step: u64) -> impl Iterator<Item = i64> {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let now = next?;
        let after = if from <= to { now.checked_add_unsigned(step) } else { now.checked_sub_unsigned(step) };
        next = after.filter(|after| if from <= to { *after <= to } else { *after >= to });
        Some(now)
    })
}
