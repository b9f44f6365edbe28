//! Ranges of subordinate ids for new users: subuid(5), subgid(5), login.defs(5).

use super::defaults::Defaults;
use super::files::Entry;
use super::files::Table;
use super::files::entry;
use super::files::parse;

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
