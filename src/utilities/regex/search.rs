//! Follows all ways through a program at once, byte by byte.

use super::compile::Program;
use super::compile::Step;
use super::parse::Atom;
use super::parse::Boundary;
use crate::budget::Budget;
use crate::budget::Spent;

const NONE: usize = usize::MAX;

/// What a search needs, kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    now: Ways,
    then: Ways,
    stack: Vec<Todo>,
    saves: Vec<usize>,
}

/// The ways that are open at one place of the text: the better first, each at another step.
#[derive(Debug, Default)]
struct Ways {
    steps: Vec<usize>,
    /// For each step where it stands in `steps`, if that place says so.
    places: Vec<u32>,
    saves: Vec<usize>,
}

#[derive(Debug)]
enum Todo {
    Go(usize),
    Restore(usize, usize),
}

impl Ways {
    fn clear(&mut self, steps: usize) {
        self.steps.clear();
        self.saves.clear();
        if self.places.len() != steps {
            self.places = vec![0; steps];
        }
    }

    /// Whether a step is new here; takes it in.
    fn insert(&mut self, step: usize, saves: &[usize]) -> bool {
        let place = self.places[step] as usize;
        if self.steps.get(place) == Some(&step) {
            return false;
        }
        self.places[step] = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.steps.push(step);
        self.saves.extend_from_slice(saves);
        true
    }
}

/// The leftmost longest match, as places of its groups; with `any` only whether there is one.
pub(super) fn find(
    program: &Program,
    text: &[u8],
    from: usize,
    any: bool,
    scratch: &mut Scratch,
    budget: &Budget,
) -> Result<Option<Vec<usize>>, Spent> {
    let slots = program.groups * 2;
    let Scratch { now, then, stack, saves } = scratch;
    let mut best: Option<Vec<usize>> = None;
    let mut place = from;
    now.clear(program.steps.len());
    then.clear(program.steps.len());
    loop {
        if now.steps.is_empty() {
            if best.is_some() || (program.anchored && place > 0) {
                return Ok(best);
            }
            match next_start(program, text, place, budget)? {
                Some(start) => place = start,
                None => return Ok(None),
            }
        }
        let mut work = 1;
        if best.is_none() && (!program.anchored || place == 0) {
            saves.clear();
            saves.resize(slots, NONE);
            saves[0] = place;
            work += follow(program, text, place, 0, now, saves, stack);
        }
        for index in 0..now.steps.len() {
            let own = &now.saves[index * slots..(index + 1) * slots];
            // A way that began later than a match is none.
            if best.as_ref().is_some_and(|best| own[0] > best[0]) {
                break;
            }
            let step = now.steps[index];
            match &program.steps[step] {
                Step::Match => {
                    let longer = best.as_ref().is_none_or(|best| own[0] < best[0] || place > best[1]);
                    if longer {
                        let mut own = own.to_vec();
                        own[1] = place;
                        best = Some(own);
                    }
                    if any {
                        return Ok(best);
                    }
                }
                Step::Atom(atom) if text.get(place).is_some_and(|&byte| takes(program, atom, byte)) => {
                    saves.clear();
                    saves.extend_from_slice(own);
                    work += follow(program, text, place + 1, step + 1, then, saves, stack);
                }
                _ => {}
            }
        }
        // To copy what is saved costs as much as to follow.
        budget.tried((work + now.steps.len()) * (2 + slots / 4))?;
        std::mem::swap(now, then);
        then.clear(program.steps.len());
        if place >= text.len() {
            return Ok(best);
        }
        place += 1;
    }
}

/// The next place where a match can begin.
fn next_start(program: &Program, text: &[u8], place: usize, budget: &Budget) -> Result<Option<usize>, Spent> {
    let Some(first) = &program.first else { return Ok(Some(place)) };
    let rest = &text[place..];
    let found = match program.first_byte {
        Some(byte) => memchr::memchr(byte, rest),
        None => rest.iter().position(|&byte| first[usize::from(byte)]),
    };
    budget.read(found.unwrap_or(rest.len()))?;
    Ok(found.map(|found| place + found))
}

/// Takes in all steps that are reached from one without taking a byte; says how many it went through.
fn follow(
    program: &Program,
    text: &[u8],
    place: usize,
    step: usize,
    ways: &mut Ways,
    saves: &mut [usize],
    stack: &mut Vec<Todo>,
) -> usize {
    let mut work = 0;
    stack.push(Todo::Go(step));
    while let Some(todo) = stack.pop() {
        let mut at = match todo {
            Todo::Restore(slot, before) => {
                saves[slot] = before;
                continue;
            }
            Todo::Go(at) => at,
        };
        loop {
            work += 1;
            if !ways.insert(at, saves) {
                break;
            }
            match &program.steps[at] {
                Step::Split(first, second) => {
                    stack.push(Todo::Go(*second));
                    at = *first;
                }
                Step::Jump(target) => at = *target,
                Step::Save(slot) => {
                    stack.push(Todo::Restore(*slot, saves[*slot]));
                    saves[*slot] = place;
                    at += 1;
                }
                Step::Mark(_) | Step::Progress(_) => at += 1,
                Step::Atom(atom) => match holds(program, atom, text, place) {
                    Some(true) => at += 1,
                    _ => break,
                },
                Step::Match => break,
            }
        }
    }
    work
}

/// Whether an atom takes this byte.
pub(super) fn takes(program: &Program, atom: &Atom, byte: u8) -> bool {
    match atom {
        Atom::Byte(own) => byte == *own || (program.flags.ignore_case && byte.eq_ignore_ascii_case(own)),
        Atom::Any => program.flags.multiline != Some(byte),
        Atom::Set(set) => set[usize::from(byte)],
        _ => false,
    }
}

/// Whether an atom that takes nothing holds here; `None` for one that takes something.
pub(super) fn holds(program: &Program, atom: &Atom, text: &[u8], place: usize) -> Option<bool> {
    let newline = |byte: Option<&u8>| program.flags.multiline.is_some() && byte.copied() == program.flags.multiline;
    Some(match atom {
        Atom::LineStart => place == 0 || newline(text.get(place - 1)),
        Atom::LineEnd => place == text.len() || newline(text.get(place)),
        Atom::TextStart => place == 0,
        Atom::TextEnd => place == text.len(),
        Atom::Word(boundary) => {
            let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            let before = place > 0 && word(text.get(place - 1));
            let after = word(text.get(place));
            match boundary {
                Boundary::Start => !before && after,
                Boundary::End => before && !after,
                Boundary::Either => before != after,
                Boundary::Neither => before == after,
                Boundary::NoneBefore => !before,
                Boundary::NoneAfter => !after,
            }
        }
        Atom::Byte(_) | Atom::Any | Atom::Set(_) | Atom::Reference(_) => return None,
    })
}
