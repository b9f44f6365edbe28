//! Tries one way through a program after the other: what a back-reference takes depends on the way.

use super::compile::Program;
use super::compile::Step;
use super::parse::Atom;
use super::search::holds;
use super::search::takes;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::utilities::buffer::Kept;

const NONE: usize = usize::MAX;
/// Steps between two charges.
const CHARGE: usize = 64;

enum Todo {
    Go { step: usize, place: usize },
    Restore { slot: usize, before: usize },
}

/// The leftmost longest match, as places of its groups.
pub(super) fn find(program: &Program, text: &[u8], from: usize, budget: &Budget) -> Result<Option<Vec<usize>>, Spent> {
    let mut stack = Kept::new(budget)?;
    for start in from..=text.len() {
        if program.anchored && start > 0 {
            break;
        }
        budget.tried(1)?;
        if let (Some(first), Some(&byte)) = (&program.first, text.get(start))
            && !first[usize::from(byte)]
        {
            continue;
        }
        if let Some(found) = at(program, text, start, &mut stack, budget)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn at(
    program: &Program,
    text: &[u8],
    start: usize,
    stack: &mut Kept<Todo>,
    budget: &Budget,
) -> Result<Option<Vec<usize>>, Spent> {
    let marks = program.groups * 2;
    let mut saves = vec![NONE; marks + program.marks];
    saves[0] = start;
    let mut best: Option<Vec<usize>> = None;
    let mut work = 0;
    stack.truncate(0);
    stack.push(Todo::Go { step: 0, place: start })?;
    while let Some(todo) = stack.pop() {
        let (mut step, mut place) = match todo {
            Todo::Restore { slot, before } => {
                saves[slot] = before;
                continue;
            }
            Todo::Go { step, place } => (step, place),
        };
        loop {
            work += 1;
            if work == CHARGE {
                budget.tried(work)?;
                work = 0;
            }
            match &program.steps[step] {
                Step::Match => {
                    if best.as_ref().is_none_or(|best| place > best[1]) {
                        let mut found = saves[..marks].to_vec();
                        found[1] = place;
                        best = Some(found);
                    }
                    // No other way takes more than all.
                    if place == text.len() {
                        return Ok(best);
                    }
                    break;
                }
                Step::Split(first, second) => {
                    stack.push(Todo::Go { step: *second, place })?;
                    step = *first;
                }
                Step::Jump(target) => step = *target,
                Step::Save(slot) => {
                    stack.push(Todo::Restore { slot: *slot, before: saves[*slot] })?;
                    saves[*slot] = place;
                    step += 1;
                }
                Step::Mark(mark) => {
                    let slot = marks + mark;
                    stack.push(Todo::Restore { slot, before: saves[slot] })?;
                    saves[slot] = place;
                    step += 1;
                }
                Step::Progress(mark) if saves[marks + mark] == place => break,
                Step::Progress(_) => step += 1,
                Step::Atom(Atom::Reference(group)) => {
                    let Some(length) = repeated(program, text, place, &saves[group * 2..], budget)? else { break };
                    place += length;
                    step += 1;
                }
                Step::Atom(atom) => match holds(program, atom, text, place) {
                    Some(true) => step += 1,
                    Some(false) => break,
                    None if text.get(place).is_some_and(|&byte| takes(program, atom, byte)) => {
                        place += 1;
                        step += 1;
                    }
                    None => break,
                },
            }
        }
    }
    budget.tried(work)?;
    Ok(best)
}

/// The length of what a group took, where the same is here again.
fn repeated(
    program: &Program,
    text: &[u8],
    place: usize,
    group: &[usize],
    budget: &Budget,
) -> Result<Option<usize>, Spent> {
    let (from, to) = (group[0], group[1]);
    if from == NONE || to == NONE {
        return Ok(None);
    }
    budget.read(to - from)?;
    let (own, rest) = (&text[from..to], &text[place..]);
    let same = match program.flags.ignore_case {
        true => rest.len() >= own.len() && rest[..own.len()].eq_ignore_ascii_case(own),
        false => rest.starts_with(own),
    };
    Ok(same.then_some(to - from))
}
