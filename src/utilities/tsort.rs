//! tsort(1), coreutils'.

use std::collections::BTreeMap;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("tsort", tsort)];

/// A name, what comes behind it, the last relation first, and how many come before it.
#[derive(Debug, Default)]
struct Item<'t> {
    name: &'t [u8],
    behind: Vec<usize>,
    before: usize,
    printed: bool,
    /// Where a circle that is looked for leads on.
    link: Option<usize>,
}

fn tsort(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(&[])?;
    let path = match given.operands.as_slice() {
        [] => b"-".as_slice(),
        [path] => path,
        [_, extra, ..] => return Err(Fault::failed(format!("extra operand '{}'", show(extra)))),
    };
    let text = call.text(path)?;
    let budget = call.shell.system.budget.clone();
    let mut held = budget.hold(0)?;
    let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut first = None;
    for word in text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|word| !word.is_empty()) {
        budget.step()?;
        let place = match places.get(word) {
            Some(place) => *place,
            None => {
                held.grow(160)?;
                places.insert(word, items.len());
                items.push(Item { name: word, ..Item::default() });
                items.len() - 1
            }
        };
        match first.take() {
            None => first = Some(place),
            Some(before) if before != place => {
                held.grow(16)?;
                items[before].behind.push(place);
                items[place].before += 1;
            }
            Some(_) => {}
        }
    }
    if first.is_some() {
        return Err(Fault::failed(format!("{}: input contains an odd number of tokens", show(path))));
    }
    let sorted: Vec<usize> = places.values().copied().collect();
    let mut status = 0;
    call.printing(|call, out| {
        let mut left = items.len();
        while left > 0 {
            budget.tried(sorted.len())?;
            let mut queue: std::collections::VecDeque<usize> =
                sorted.iter().copied().filter(|&place| items[place].before == 0 && !items[place].printed).collect();
            while let Some(place) = queue.pop_front() {
                budget.step()?;
                out.all(call, &[items[place].name, b"\n"])?;
                items[place].printed = true;
                left -= 1;
                let behind = std::mem::take(&mut items[place].behind);
                for &next in behind.iter().rev() {
                    budget.tried(1)?;
                    items[next].before -= 1;
                    if items[next].before == 0 {
                        queue.push_back(next);
                    }
                }
            }
            if left > 0 {
                status = 1;
                out.flush(call)?;
                call.err(&format!("{}: input contains a loop:", show(path)))?;
                break_circle(call, &sorted, &mut items)?;
            }
        }
        Ok(status)
    })
}

/// Finds a circle, says what is in it, and takes one relation out.
fn break_circle(call: &mut Call<'_, '_>, sorted: &[usize], items: &mut [Item<'_>]) -> Result<(), Fault> {
    let mut circle = None;
    loop {
        for &place in sorted {
            call.shell.system.budget.tried(1 + items[place].behind.len())?;
            if items[place].before == 0 {
                continue;
            }
            let Some(head) = circle else {
                circle = Some(place);
                continue;
            };
            let Some(index) = items[place].behind.iter().rposition(|&next| next == head) else { continue };
            if items[place].link.is_none() {
                items[place].link = Some(head);
                circle = Some(place);
                continue;
            }
            let mut at = Some(head);
            let mut found = false;
            while let Some(own) = at {
                let next = items[own].link;
                if !found {
                    let name = show(items[own].name);
                    call.err(&name)?;
                }
                if own == place && !found {
                    found = true;
                    items[head].before -= 1;
                    items[place].behind.remove(index);
                }
                items[own].link = None;
                at = next;
            }
            return Ok(());
        }
        if circle.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn what_comes_first_is_first() {
        says(&[
            ("printf 'a b\\nb c\\nd d\\n' | tsort", "a\nd\nb\nc\n", 0),
            ("printf 'x c x b x a\\n' | tsort", "x\na\nb\nc\n", 0),
            ("tsort </dev/null", "", 0),
            ("printf 'a b c' | tsort", "", 1),
            ("printf 'a b b a' | tsort", "a\nb\n", 1),
            ("printf 't b t s s t' | tsort 2>&1", "tsort: -: input contains a loop:\ntsort: s\ntsort: t\ns\nt\nb\n", 1),
            ("tsort a b", "", 1),
        ]);
    }
}
