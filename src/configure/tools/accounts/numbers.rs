//! Which number a new account gets.
//!
//! Whoever has a number in the lock ([`Ids`]) gets that one at once, so scripts see the
//! number that the image will have; and nobody else gets it, though its owner comes later or no more. Without a
//! lock the numbers are those that the real programs give.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::defaults::Defaults;
use super::files::Table;

/// Numbers of daemons (Policy 9.2.2), whichever program and file of settings gives them out.
const SYSTEM: RangeInclusive<u32> = 100..=999;

/// System users and groups by name. Kept in the lock, so that an added package moves nobody's number: a root
/// that is shared over NFS outlives its image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ids {
    /// User name → uid.
    pub users: BTreeMap<String, u32>,
    /// Group name → gid.
    pub groups: BTreeMap<String, u32>,
}

/// The numbers of one file, as the account of one name sees them.
#[derive(Debug)]
pub(super) struct Numbers {
    used: BTreeSet<u32>,
    /// What the lock has for others.
    kept: BTreeSet<u32>,
    /// What the lock has for this name.
    own: Option<u32>,
}

impl Numbers {
    pub(super) fn new(table: &Table, lock: &BTreeMap<String, u32>, name: &[u8]) -> Self {
        let own = std::str::from_utf8(name).ok().and_then(|name| lock.get(name).copied());
        let kept = lock.values().copied().filter(|number| Some(*number) != own).collect();
        Self { used: table.numbers(), kept, own }
    }

    /// Whether an account of this name may get the number, unasked.
    pub(super) fn is_free(&self, number: u32) -> bool {
        !self.used.contains(&number) && !self.kept.contains(&number)
    }

    /// The lock's number of this name, unless somebody has it or it is of another kind than what is asked for.
    pub(super) fn own(&self, range: &RangeInclusive<u32>) -> Option<u32> {
        let is_system = |number: &u32| SYSTEM.contains(number) && range.end() <= SYSTEM.end();
        self.own.filter(|number| !self.used.contains(number) && (range.contains(number) || is_system(number)))
    }

    /// The lowest free number, as adduser takes it.
    pub(super) fn lowest(&self, range: RangeInclusive<u32>) -> Option<u32> {
        self.own(&range).or_else(|| range.into_iter().find(|number| self.is_free(*number)))
    }

    /// The number that useradd and groupadd take: for a system account the next below the lowest in use, for
    /// another the next above the highest; from the other end of the range when there is none.
    pub(super) fn next(&self, range: &RangeInclusive<u32>, system: bool, preferred: Option<u32>) -> Option<u32> {
        let (low, high) = (*range.start(), *range.end());
        let preferred = preferred.filter(|number| range.contains(number) && self.is_free(*number));
        if let Some(number) = self.own(range).or(preferred) {
            return Some(number);
        }
        if low > high {
            return None;
        }
        let mut inside = self.used.range(range.clone());
        if system {
            let below = inside.next().map_or(Some(high), |lowest| lowest.checked_sub(1));
            let down = |from: u32| (low..=from).rev().find(|number| self.is_free(*number));
            below.and_then(down).or_else(|| down(high))
        } else {
            let above = inside.next_back().map_or(low, |highest| highest + 1);
            let up = |from: u32| (from..=high).find(|number| self.is_free(*number));
            up(above).or_else(|| up(low))
        }
    }
}

/// The range of uids (`kind` is `UID`) or gids (`GID`) that login.defs(5) gives.
pub(super) fn range(defaults: &Defaults, kind: &str, system: bool) -> RangeInclusive<u32> {
    let lowest = defaults.number(&format!("{kind}_MIN"), 1000);
    if system {
        let high = defaults.number(&format!("SYS_{kind}_MAX"), lowest.saturating_sub(1));
        defaults.number(&format!("SYS_{kind}_MIN"), 101)..=high
    } else {
        lowest..=defaults.number(&format!("{kind}_MAX"), 60_000)
    }
}
