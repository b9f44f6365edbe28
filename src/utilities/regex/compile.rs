//! A tree → a program: a list of steps.

use super::Flags;
use super::parse::Atom;
use super::parse::Boundary;
use super::parse::Node;
use super::parse::Parsed;
use crate::utilities::Fault;

/// A program longer than this comes from no real expression, but from `\{1000\}` in `\{1000\}`.
const PROGRAM_MAX: usize = 100_000;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Atom(Atom),
    /// Try the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    /// Remember where a loop's round begins.
    Mark(usize),
    /// Go on only when the round has taken something.
    Progress(usize),
    Match,
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// With the whole match.
    pub(super) groups: usize,
    /// Loops that remember where a round began; only with references.
    pub(super) marks: usize,
    pub(super) references: bool,
    pub(super) flags: Flags,
    /// The bytes that a match can begin with; `None` when it can be empty or begins with a condition.
    pub(super) first: Option<Box<[bool; 256]>>,
    /// The one byte of `first`, when it is one.
    pub(super) first_byte: Option<u8>,
    /// Every match has these bytes somewhere.
    pub(super) needed: Vec<u8>,
    /// It matches at the beginning of the text or not at all.
    pub(super) anchored: bool,
}

impl Program {
    /// The memory that it takes, with the lists of a search.
    pub(super) fn bytes(&self) -> usize {
        let sets = self.steps.iter().filter(|step| matches!(step, Step::Atom(Atom::Set(_)))).count();
        let lists = 2 * (8 + self.groups * 16) + 24;
        512 + self.steps.len() * (size_of::<Step>() + lists) + sets * 272
    }
}

pub(super) fn compile(parsed: &Parsed, flags: Flags, word: bool) -> Result<Program, Fault> {
    let mut emitter = Emitter { steps: Vec::new(), marks: 0, references: parsed.references };
    if word {
        emitter.steps.push(Step::Atom(Atom::Word(Boundary::NoneBefore)));
    }
    emitter.emit(&parsed.node)?;
    if word {
        emitter.steps.push(Step::Atom(Atom::Word(Boundary::NoneAfter)));
    }
    emitter.steps.push(Step::Match);
    let steps = emitter.steps;
    let first = first_bytes(&steps, flags);
    let first_byte = first.as_ref().and_then(|set| {
        let mut bytes = (0..=255u8).filter(|&byte| set[usize::from(byte)]);
        bytes.next().filter(|_| bytes.next().is_none())
    });
    let start = match &parsed.node {
        Node::Sequence(nodes) => nodes.first(),
        node => Some(node),
    };
    let anchored = match start {
        Some(Node::Atom(Atom::LineStart)) => flags.multiline.is_none(),
        Some(Node::Atom(Atom::TextStart)) => true,
        _ => false,
    };
    Ok(Program {
        groups: parsed.groups + 1,
        marks: emitter.marks,
        references: parsed.references,
        flags,
        first,
        first_byte,
        needed: if flags.ignore_case { Vec::new() } else { needed(&parsed.node) },
        anchored,
        steps,
    })
}

/// The longest run of plain bytes that stands in every match.
fn needed(node: &Node) -> Vec<u8> {
    let nodes = match node {
        Node::Sequence(nodes) => nodes.as_slice(),
        node => std::slice::from_ref(node),
    };
    let (mut best, mut run) = (Vec::new(), Vec::new());
    for node in nodes {
        if let Node::Atom(Atom::Byte(byte)) = node {
            run.push(*byte);
            continue;
        }
        if run.len() > best.len() {
            best = std::mem::take(&mut run);
        }
        run.clear();
    }
    if run.len() > best.len() { run } else { best }
}

/// What the first byte of a match can be.
fn first_bytes(steps: &[Step], flags: Flags) -> Option<Box<[bool; 256]>> {
    let mut set = Box::new([false; 256]);
    let mut seen = vec![false; steps.len()];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        match &steps[at] {
            Step::Split(first, second) => open.extend([*first, *second]),
            Step::Jump(target) => open.push(*target),
            Step::Save(_) | Step::Mark(_) | Step::Progress(_) => open.push(at + 1),
            Step::Atom(Atom::Byte(byte)) => {
                set[usize::from(*byte)] = true;
                if flags.ignore_case {
                    set[usize::from(byte.to_ascii_lowercase())] = true;
                    set[usize::from(byte.to_ascii_uppercase())] = true;
                }
            }
            Step::Atom(Atom::Set(bytes)) => set.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to |= from),
            Step::Atom(Atom::Any) => set.iter_mut().for_each(|bit| *bit = true),
            Step::Atom(_) | Step::Match => return None,
        }
    }
    Some(set)
}

struct Emitter {
    steps: Vec<Step>,
    marks: usize,
    references: bool,
}

impl Emitter {
    fn emit(&mut self, node: &Node) -> Result<(), Fault> {
        if self.steps.len() > PROGRAM_MAX {
            return Err(Fault::gap("a regular expression that is too large"));
        }
        match node {
            Node::Atom(atom) => self.steps.push(Step::Atom(atom.clone())),
            Node::Group(group, inner) => {
                self.steps.push(Step::Save(group * 2));
                self.emit(inner)?;
                self.steps.push(Step::Save(group * 2 + 1));
            }
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.emit(node))?,
            Node::Either(nodes) => {
                let mut jumps = Vec::new();
                for (index, node) in nodes.iter().enumerate() {
                    let split = self.steps.len();
                    let last = index + 1 == nodes.len();
                    if !last {
                        self.steps.push(Step::Split(split + 1, 0));
                    }
                    self.emit(node)?;
                    if !last {
                        jumps.push(self.steps.len());
                        self.steps.push(Step::Jump(0));
                        self.steps[split] = Step::Split(split + 1, self.steps.len());
                    }
                }
                let end = self.steps.len();
                jumps.into_iter().for_each(|jump| self.steps[jump] = Step::Jump(end));
            }
            Node::Repeat(inner, low, high) => self.repeat(inner, *low, *high)?,
        }
        Ok(())
    }

    fn repeat(&mut self, inner: &Node, low: usize, high: Option<usize>) -> Result<(), Fault> {
        // Nothing, again and again, makes no longer program: it is nothing once.
        let empty = |emitter: &mut Self| -> Result<bool, Fault> {
            let before = emitter.steps.len();
            emitter.emit(inner)?;
            Ok(emitter.steps.len() == before)
        };
        for _ in 0..low {
            if empty(self)? {
                return Ok(());
            }
        }
        match high {
            None => {
                let split = self.steps.len();
                self.steps.push(Step::Split(split + 1, 0));
                let mark = self.marks;
                if self.references {
                    self.marks += 1;
                    self.steps.push(Step::Mark(mark));
                }
                self.emit(inner)?;
                if self.references {
                    self.steps.push(Step::Progress(mark));
                }
                self.steps.push(Step::Jump(split));
                self.steps[split] = Step::Split(split + 1, self.steps.len());
            }
            Some(high) => {
                let mut splits = Vec::new();
                for _ in low..high {
                    splits.push(self.steps.len());
                    self.steps.push(Step::Split(self.steps.len() + 1, 0));
                    self.emit(inner)?;
                }
                let end = self.steps.len();
                splits.into_iter().for_each(|split| self.steps[split] = Step::Split(split + 1, end));
            }
        }
        Ok(())
    }
}
