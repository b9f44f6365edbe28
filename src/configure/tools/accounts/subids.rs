//! Ranges of subordinate ids: subuid(5), subgid(5), login.defs(5), usermod(8).

use super::defaults::Defaults;
use super::files::Entry;
use super::files::Table;
use super::files::entry;
use super::files::parse;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::show;

/// Gives a user the first free range of the size that login.defs says, where the file exists. As useradd does, the
/// file is put in the order of its ranges.
///
/// Returns whether there was room.
pub(super) fn add(table: &mut Table, defaults: &Defaults, kind: &str, user: &[u8]) -> bool {
    let count = u64::from(defaults.number(&format!("SUB_{kind}_COUNT"), 65_536));
    let low = u64::from(defaults.number(&format!("SUB_{kind}_MIN"), 100_000));
    let high = u64::from(defaults.number(&format!("SUB_{kind}_MAX"), 600_100_000));
    if !table.exists() || count == 0 {
        return true;
    }
    let mut ranges: Vec<(u64, u64)> = table.entries().filter_map(range).collect();
    ranges.sort_unstable();
    let mut start = low;
    for (first, length) in ranges {
        if first.min(high + 1) >= start + count {
            break;
        }
        start = start.max(first + length);
    }
    if start + count > high + 1 {
        return false;
    }
    table.add(entry(&[user, start.to_string().as_bytes(), count.to_string().as_bytes()]));
    true
}

fn range(entry: &Entry) -> Option<(u64, u64)> {
    Some((u64::from(parse(&entry[1])?), u64::from(parse(&entry[2])?)))
}

/// What usermod is to add and take away: each from the first id to the last, in the order in which it does so, which is
/// that of the command line backwards.
#[derive(Debug)]
pub(super) struct Change {
    kind: &'static str,
    add: Vec<(u64, u64)>,
    remove: Vec<(u64, u64)>,
}

impl Change {
    /// Those of uids (`-v`, `-V`) or of gids (`-w`, `-W`).
    ///
    /// # Errors
    /// One is no range.
    pub(super) fn read(given: &Given, kind: &'static str) -> Result<Self, Fault> {
        let letters = if kind == "UID" { [b'v', b'V'] } else { [b'w', b'W'] };
        let read = |letter| {
            let mut ranges = given.values(letter).map(|text| ends(text, kind)).collect::<Result<Vec<_>, _>>()?;
            ranges.reverse();
            Ok::<_, Fault>(ranges)
        };
        Ok(Self { kind, add: read(letters[0])?, remove: read(letters[1])? })
    }

    /// # Errors
    /// There is no file of ranges, or they are named by numbers of users.
    pub(super) fn check(&self, table: &Table) -> Result<(), Fault> {
        if self.add.is_empty() && self.remove.is_empty() {
            return Ok(());
        }
        if !table.exists() {
            let (file, flags) = if self.kind == "UID" { ("subuid", "-v or -V") } else { ("subgid", "-w or -W") };
            let message = format!("/etc/{file} does not exist, you cannot use the flags {flags}");
            return Err(Fault::Failed(2, message));
        }
        if table.entries().any(|entry| parse(&entry[0]).is_some()) {
            return Err(Fault::gap("ranges of subordinate ids whose user is a number"));
        }
        Ok(())
    }

    pub(super) fn apply(&self, table: &mut Table, user: &[u8]) {
        for ends in &self.remove {
            take(table, user, *ends);
        }
        for (first, last) in &self.add {
            if !has(table, user, *first, *last) {
                table.add(line(user, *first, *last));
            }
        }
    }
}

/// `FIRST-LAST`
fn ends(text: &[u8], kind: &str) -> Result<(u64, u64), Fault> {
    let invalid = || {
        let message = format!("invalid subordinate {} range '{}'", kind.to_lowercase(), show(text));
        Fault::Failed(3, message)
    };
    let number = |digits: &[u8]| {
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(invalid());
        }
        // The last of them, which nobody has, ends the range of all.
        let known = show(digits).parse::<u64>().ok().filter(|number| *number <= u64::from(u32::MAX));
        known.ok_or_else(|| Fault::gap(format!("the range `{}`", show(text))))
    };
    let dash = memchr::memchr(b'-', text).ok_or_else(invalid)?;
    let (first, last) = (number(&text[..dash])?, number(&text[dash + 1..])?);
    if first > last { Err(invalid()) } else { Ok((first, last)) }
}

fn line(user: &[u8], first: u64, last: u64) -> Entry {
    entry(&[user, first.to_string().as_bytes(), (last - first + 1).to_string().as_bytes()])
}

/// First and last id of a user's line.
fn of_user(entry: &Entry, user: &[u8]) -> Option<(u64, u64)> {
    let (first, count) = range(entry).filter(|_| entry[0] == user)?;
    Some((first, first + count.checked_sub(1)?))
}

/// Whether a user's ranges cover another.
fn has(table: &Table, user: &[u8], mut first: u64, last: u64) -> bool {
    while let Some((_, end)) =
        table.entries().filter_map(|entry| of_user(entry, user)).find(|(start, end)| (*start..=*end).contains(&first))
    {
        if end >= last {
            return true;
        }
        first = end + 1;
    }
    false
}

/// Takes a range out of those of a user; what is left behind it in the middle of one goes to the end of the file.
fn take(table: &mut Table, user: &[u8], (first, last): (u64, u64)) {
    let touched = |entry: &Entry| of_user(entry, user).filter(|(start, end)| *start <= last && first <= *end);
    if !table.entries().any(|entry| touched(entry).is_some()) {
        return;
    }
    table.retain(|entry| touched(entry).is_none_or(|(start, end)| start < first || last < end));
    let mut behind = Vec::new();
    for entry in table.changeable() {
        match touched(entry) {
            Some((start, end)) if start < first => {
                *entry = line(user, start, first - 1);
                if last < end {
                    behind.push(line(user, last + 1, end));
                }
            }
            Some((_, end)) => *entry = line(user, last + 1, end),
            None => {}
        }
    }
    behind.into_iter().for_each(|entry| table.add(entry));
}
