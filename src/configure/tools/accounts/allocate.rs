//! Numbers and lines of the accounts that sysusers.d(5) asks for, by systemd's rules.
//!
//! Groups come first, then users with the groups of their names. A number is, in this order: the one that the line
//! gives, the lock's, the owner of the line's path, the same as that of the group (or user) of the name, the next
//! lower one that is free, from 999 down. What is found for a uid must not be another's gid, and the reverse. Lines
//! are written in that order; shadow(5) says `!*`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::Ids;
use super::defaults::Defaults;
use super::files::Accounts;
use super::files::LAST_CHANGE;
use super::files::NUMBER;
use super::files::entry;
use super::files::number;
use super::passwords::day;
use super::sysusers::Item;
use super::sysusers::Plan;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// A password that no login fits, of an account that is locked as well.
const LOCKED: &[u8] = b"!*";

/// What systemd takes numbers from when neither a line `r` nor login.defs(5) says.
const SYSTEM: RangeInclusive<u32> = 1..=999;

/// What programs give daemons (Policy 9.2.2).
const DAEMONS: RangeInclusive<u32> = 100..=999;

/// The names and numbers of one kind.
#[derive(Debug, Default)]
struct Known {
    names: BTreeMap<Vec<u8>, u32>,
    numbers: BTreeMap<u32, Vec<u8>>,
    /// What the lock has.
    lock: BTreeMap<String, u32>,
    kept: BTreeMap<u32, Vec<u8>>,
}

impl Known {
    fn new(table: &super::files::Table, lock: &BTreeMap<String, u32>) -> Self {
        let mut known = Self { lock: lock.clone(), ..Self::default() };
        known.kept = lock.iter().map(|(name, number)| (*number, name.clone().into_bytes())).collect();
        table.entries().filter_map(|line| Some((&line[0], number(line, NUMBER)?))).for_each(|(name, number)| {
            known.add(name, number);
        });
        known
    }

    fn add(&mut self, name: &[u8], number: u32) {
        self.names.insert(name.to_vec(), number);
        self.numbers.insert(number, name.to_vec());
    }

    /// The lock's number of a name, if nobody has it and it is one that these ranges, or others for daemons, give out.
    fn own(&self, name: &[u8], ranges: &[RangeInclusive<u32>]) -> Option<u32> {
        let number = self.lock.get(std::str::from_utf8(name).ok()?).copied()?;
        let is_given_out = DAEMONS.contains(&number) || ranges.iter().any(|range| range.contains(&number));
        (is_given_out && !self.numbers.contains_key(&number)).then_some(number)
    }

    /// Whether the lock keeps a number for another name.
    fn is_kept(&self, number: u32, name: &[u8]) -> bool {
        self.kept.get(&number).is_some_and(|other| other != name)
    }

    fn is_anothers(&self, number: u32, name: &[u8]) -> bool {
        self.numbers.get(&number).is_some_and(|other| other != name)
    }
}

struct Run<'p> {
    accounts: Accounts,
    users: Known,
    groups: Known,
    ranges: Vec<RangeInclusive<u32>>,
    /// The number that was looked at last.
    search: Option<u32>,
    /// Groups made by lines of their own.
    made: BTreeSet<&'p [u8]>,
}

/// Makes what is missing.
///
/// # Errors
/// No number is free.
pub(super) fn allocate(call: &mut Call<'_, '_>, plan: &Plan) -> Done {
    let accounts = Accounts::read_any(call)?;
    let ids = call.shell.system.kept::<Ids>();
    let (users, groups) = (Known::new(&accounts.passwd, &ids.users), Known::new(&accounts.group, &ids.groups));
    let ranges = if plan.ranges.is_empty() { vec![system_range(call)?] } else { plan.ranges.clone() };
    let mut run = Run { accounts, users, groups, ranges, search: None, made: BTreeSet::new() };
    for item in &plan.groups.all {
        run.accounts.spend(call, 1)?;
        let there = run.groups.names.contains_key(&item.name);
        match run.group(call, item) {
            Ok(_) if there => {}
            Ok(_) => drop(run.made.insert(&item.name)),
            Err(why) => call.err(&why)?,
        }
    }
    for item in &plan.users.all {
        run.accounts.spend(call, 1)?;
        if let Err(why) = run.user(call, item) {
            call.err(&why)?;
        }
    }
    let mut members: BTreeMap<&[u8], BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (group, user) in &plan.members {
        members.entry(group).or_default().insert(user.clone());
    }
    for (group, users) in members {
        run.accounts.spend(call, 1)?;
        run.accounts.edit_members(group, |old| {
            let known: BTreeSet<Vec<u8>> = old.iter().cloned().collect();
            if !users.is_subset(&known) {
                *old = known.union(&users).cloned().collect();
            }
        });
    }
    run.accounts.write(call)?;
    Ok(0)
}

/// Since systemd 246 the range of login.defs(5).
fn system_range(call: &mut Call<'_, '_>) -> Result<RangeInclusive<u32>, Fault> {
    let defaults = Defaults::login(call)?;
    Ok(defaults.number("SYS_UID_MIN", *SYSTEM.start())..=defaults.number("SYS_UID_MAX", *SYSTEM.end()))
}

impl Run<'_> {
    /// Makes a group, unless it is there. Returns its gid.
    fn group(&mut self, call: &mut Call<'_, '_>, item: &Item) -> Result<u32, String> {
        if let Some(gid) = self.groups.names.get(&item.name) {
            return Ok(*gid);
        }
        let given = item.gid.filter(|gid| {
            !self.groups.numbers.contains_key(gid) && (item.strict || !self.users.is_anothers(*gid, &item.name))
        });
        if let Some(gid) = item.gid.filter(|_| item.strict) {
            // The group of this number is there, whatever its name.
            return match given {
                None => Ok(gid),
                Some(_) => Err(format!("Failed to create {}: please create GID {gid}", show(&item.name))),
            };
        }
        let own = given.or_else(|| self.groups.own(&item.name, &self.ranges));
        let same = own.or_else(|| item.uid.filter(|uid| self.gid_is_free(*uid, &item.name)));
        let found = same.or_else(|| {
            let gid = self.owner(call, item)?.1;
            self.gid_is_free(gid, &item.name).then_some(gid)
        });
        let gid = match found {
            Some(gid) => gid,
            None => self
                .search(|run, gid| run.gid_is_free(gid, &item.name))
                .ok_or_else(|| format!("No free group ID available for {}.", show(&item.name)))?,
        };
        self.groups.add(&item.name, gid);
        // Where there is no gshadow yet, systemd-sysusers makes it.
        let shadowed = self.accounts.gshadow.exists();
        self.accounts.add_group(&item.name, gid, LOCKED);
        if !shadowed {
            self.accounts.gshadow.add(entry(&[&item.name, LOCKED, b"", b""]));
        }
        Ok(gid)
    }

    fn user(&mut self, call: &mut Call<'_, '_>, item: &Item) -> Result<(), String> {
        // With a group that was asked for by itself, the uid of the line counts as it is.
        let queued = item.gid.is_none() && self.made.contains(item.name.as_slice());
        let strict = item.strict || item.group_name.is_some() || queued;
        let gid = match &item.group_name {
            Some(name) => {
                let missing = || format!("Group {} not found.", show(name));
                *self.groups.names.get(name).ok_or_else(missing)?
            }
            None => self.group(call, item)?,
        };
        if self.users.names.contains_key(&item.name) {
            return Ok(());
        }
        let given = item.uid.filter(|uid| {
            !self.users.numbers.contains_key(uid) && (strict || !self.groups.is_anothers(*uid, &item.name))
        });
        let own = given.or_else(|| self.users.own(&item.name, &self.ranges));
        let found = own.or_else(|| {
            let uid = self.owner(call, item)?.0;
            self.uid_is_free(uid, &item.name).then_some(uid)
        });
        let same = found.or_else(|| Some(gid).filter(|gid| self.uid_is_free(*gid, &item.name)));
        let uid = match same {
            Some(uid) => uid,
            None => self
                .search(|run, uid| run.uid_is_free(uid, &item.name))
                .ok_or_else(|| format!("No free user ID available for {}.", show(&item.name)))?,
        };
        self.users.add(&item.name, uid);
        self.write_user(call, item, uid, gid);
        Ok(())
    }

    fn gid_is_free(&self, gid: u32, name: &[u8]) -> bool {
        !self.groups.numbers.contains_key(&gid) && !self.groups.is_kept(gid, name) && !self.users.is_anothers(gid, name)
    }

    fn uid_is_free(&self, uid: u32, name: &[u8]) -> bool {
        !self.users.numbers.contains_key(&uid) && !self.users.is_kept(uid, name) && !self.groups.is_anothers(uid, name)
    }

    /// Uid and gid of the file at the item's path, if they are in the range.
    fn owner(&self, call: &mut Call<'_, '_>, item: &Item) -> Option<(u32, u32)> {
        let stat = call.look(item.path.as_deref()?, true)?.stat;
        let inside = |number: u32| number > 0 && self.ranges.iter().any(|range| range.contains(&number));
        (inside(stat.uid) && inside(stat.gid)).then_some((stat.uid, stat.gid))
    }

    /// The next number below the last one that a test lets pass; what was passed over stays so.
    fn search(&mut self, free: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        loop {
            let below = |range: &RangeInclusive<u32>| match self.search {
                None => Some(*range.end()),
                Some(last) if last <= *range.start() => None,
                Some(last) => Some((*range.end()).min(last - 1)),
            };
            let next = self.ranges.iter().filter_map(below).max()?;
            self.search = Some(next);
            if free(self, next) {
                return Some(next);
            }
        }
    }

    fn write_user(&mut self, call: &Call<'_, '_>, item: &Item, uid: u32, gid: u32) {
        let (uid_text, gid_text) = (uid.to_string(), gid.to_string());
        let home = item.home.as_deref().unwrap_or(b"/");
        let usual: &[u8] = if uid == 0 { b"/bin/bash" } else { b"/usr/sbin/nologin" };
        let shell = item.shell.as_deref().unwrap_or(usual);
        let (name, description) = (item.name.as_slice(), item.description.as_slice());
        self.accounts.passwd.add(entry(&[
            name,
            b"x",
            uid_text.as_bytes(),
            gid_text.as_bytes(),
            description,
            home,
            shell,
        ]));
        let today = day(call);
        if let Some(line) =
            self.accounts.shadow.get(name).is_some().then(|| self.accounts.shadow.change(name)).flatten()
        {
            line[LAST_CHANGE] = today;
            return;
        }
        let password = if name == b"root" { b"!unprovisioned" } else { LOCKED };
        let expire: &[u8] = if item.locked { b"1" } else { b"" };
        self.accounts.shadow.add(entry(&[name, password, &today, b"", b"", b"", b"", expire, b""]));
    }
}
