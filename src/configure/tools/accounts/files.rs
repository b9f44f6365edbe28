//! The account files as shadow-utils keeps them: passwd(5), group(5), shadow(5), gshadow(5), subuid(5), subgid(5).
//!
//! What is not changed stays as it was written, line by line. A new line goes to the end, but before the lines
//! `+…` and `-…` of NIS. Copies of the last state (`passwd-`) and the lock are not made: no image keeps them.

use std::collections::BTreeSet;

use crate::utilities::Call;
use crate::utilities::Fault;

/// The fields of a line.
pub(super) type Entry = Vec<Vec<u8>>;

/// A field by number, where passwd(5) and group(5) have the same meaning.
pub(super) const PASSWORD: usize = 1;
/// uid or gid.
pub(super) const NUMBER: usize = 2;
/// The primary group of a user.
pub(super) const GID: usize = 3;
/// The comment of a user.
pub(super) const COMMENT: usize = 4;
/// The home of a user.
pub(super) const HOME: usize = 5;
/// The shell of a user.
pub(super) const SHELL: usize = 6;
/// The members of a group, in group(5) and gshadow(5).
pub(super) const MEMBERS: usize = 3;
/// The administrators of a group in gshadow(5).
pub(super) const ADMINISTRATORS: usize = 2;
/// The day of the last password change in shadow(5); the five fields behind it are ages as well.
pub(super) const LAST_CHANGE: usize = 2;

/// One of the files.
#[derive(Debug)]
pub(super) struct Table {
    path: &'static str,
    /// Its mode when it is made.
    mode: u32,
    lines: Vec<Line>,
    exists: bool,
    changed: bool,
}

#[derive(Debug)]
enum Line {
    Entry(Entry),
    /// Not of the file's form; kept.
    Other(Vec<u8>),
}

impl Table {
    fn read(call: &mut Call<'_, '_>, path: &'static str, fields: &[usize], mode: u32) -> Result<Self, Fault> {
        let exists = call.look(path.as_bytes(), true).is_some();
        let text = if exists { call.read(path.as_bytes())? } else { Vec::new() };
        let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        // A look-up walks the lines, and a command may look up each of them.
        call.shell.spend(text.len().saturating_add(lines.len().saturating_mul(lines.len())))?;
        let line = |line: &[u8]| {
            let entry: Entry = line.split(|&byte| byte == b':').map(<[u8]>::to_vec).collect();
            let nis = line.first().is_none_or(|first| b"+-#".contains(first));
            if nis || entry[0].is_empty() || !fields.contains(&entry.len()) {
                Line::Other(line.to_vec())
            } else {
                Line::Entry(entry)
            }
        };
        Ok(Self { path, mode, lines: lines.into_iter().map(line).collect(), exists, changed: false })
    }

    pub(super) fn passwd(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/passwd", &[7], 0o644)
    }

    pub(super) fn group(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/group", &[4], 0o644)
    }

    pub(super) fn shadow(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/shadow", &[9], 0o400)
    }

    pub(super) fn gshadow(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/gshadow", &[4], 0o400)
    }

    pub(super) fn subuid(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/subuid", &[3], 0o644)
    }

    pub(super) fn subgid(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Self::read(call, "/etc/subgid", &[3], 0o644)
    }

    pub(super) const fn exists(&self) -> bool {
        self.exists
    }

    /// Lines that are no entries, but for those of NIS and comments.
    pub(super) fn malformed(&self) -> usize {
        let malformed = |line: &&Line| match line {
            Line::Entry(_) => false,
            Line::Other(text) => text.first().is_none_or(|first| !b"+-#".contains(first)),
        };
        self.lines.iter().filter(malformed).count()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Other(_) => None,
        })
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries().find(|entry| entry[0] == name)
    }

    /// The first entry with this uid or gid.
    pub(super) fn by_number(&self, number: u32) -> Option<&Entry> {
        self.entries().find(|entry| self::number(entry, NUMBER) == Some(number))
    }

    /// The entry of this name, to change it.
    pub(super) fn change(&mut self, name: &[u8]) -> Option<&mut Entry> {
        self.changeable().find(|entry| entry[0] == name)
    }

    /// All entries, to change them.
    pub(super) fn changeable(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.changed = true;
        self.lines.iter_mut().filter_map(|line| match line {
            Line::Entry(entry) => Some(entry),
            Line::Other(_) => None,
        })
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let nis = |line: &Line| matches!(line, Line::Other(text) if matches!(text.first(), Some(b'+' | b'-')));
        let place = self.lines.iter().position(nis).unwrap_or(self.lines.len());
        self.lines.insert(place, Line::Entry(entry));
        (self.exists, self.changed) = (true, true);
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        self.retain(|entry| entry[0] != name);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let before = self.lines.len();
        self.lines.retain(|line| match line {
            Line::Entry(entry) => keep(entry),
            Line::Other(_) => true,
        });
        self.changed |= before != self.lines.len();
    }

    /// All uids or gids in use.
    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        self.entries().filter_map(|entry| number(entry, NUMBER)).collect()
    }

    pub(super) fn write(&self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        if !self.changed || !self.exists {
            return Ok(());
        }
        let mut text = Vec::new();
        for line in &self.lines {
            match line {
                Line::Entry(entry) => text.extend(entry.join(&b':')),
                Line::Other(line) => text.extend(line),
            }
            text.push(b'\n');
        }
        call.shell.spend(text.len())?;
        call.write(self.path.as_bytes(), self.mode, text)
    }
}

/// The four files that every account is in. `shadow` and `gshadow` may not exist: passwords are in the others then.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) passwd: Table,
    pub(super) group: Table,
    pub(super) shadow: Table,
    pub(super) gshadow: Table,
}

impl Accounts {
    /// The files of a system that has users and groups.
    ///
    /// # Errors
    /// It has none: base-passwd makes the first.
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        let accounts = Self::read_any(call)?;
        for table in [&accounts.passwd, &accounts.group] {
            if !table.exists() {
                return Err(Fault::failed(format!("cannot open {}", table.path)));
            }
        }
        Ok(accounts)
    }

    /// The files, which may all be missing.
    pub(super) fn read_any(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        Ok(Self {
            passwd: Table::passwd(call)?,
            group: Table::group(call)?,
            shadow: Table::shadow(call)?,
            gshadow: Table::gshadow(call)?,
        })
    }

    /// Counts looking up so many names.
    pub(super) fn spend(&self, call: &Call<'_, '_>, names: usize) -> Result<(), Fault> {
        let lines = self.passwd.lines.len() + self.group.lines.len();
        call.shell.spend(names.saturating_mul(lines))?;
        Ok(())
    }

    pub(super) fn write(&self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        [&self.passwd, &self.group, &self.shadow, &self.gshadow].into_iter().try_for_each(|table| table.write(call))
    }

    /// The gid of a group that is given by name or number.
    pub(super) fn gid(&self, group: &[u8]) -> Option<u32> {
        match parse(group) {
            Some(gid) => self.group.by_number(gid).map(|_| gid),
            None => self.group.get(group).and_then(|entry| number(entry, NUMBER)),
        }
    }

    /// The name of a group that is given by name or number.
    pub(super) fn group_name(&self, group: &[u8]) -> Option<Vec<u8>> {
        let entry = match parse(group) {
            Some(gid) => self.group.by_number(gid),
            None => self.group.get(group),
        };
        entry.map(|entry| entry[0].clone())
    }

    /// Adds a group with the password `!`, in gshadow where that exists.
    pub(super) fn add_group(&mut self, name: &[u8], gid: u32, password: &[u8]) {
        self.group.add(entry(&[name, b"x", gid.to_string().as_bytes(), b""]));
        if self.gshadow.exists() {
            self.gshadow.add(entry(&[name, password, b"", b""]));
        }
    }

    pub(super) fn remove_group(&mut self, name: &[u8]) {
        self.group.remove(name);
        self.gshadow.remove(name);
    }

    /// Makes a user a member of a group, behind those it has.
    pub(super) fn add_member(&mut self, group: &[u8], user: &[u8]) {
        self.edit_members(group, |members| {
            if !members.iter().any(|member| member == user) {
                members.push(user.to_vec());
            }
        });
    }

    pub(super) fn remove_member(&mut self, group: &[u8], user: &[u8]) {
        self.edit_members(group, |members| members.retain(|member| member != user));
    }

    /// Changes the members of a group in both files; a group that keeps its members is not touched.
    pub(super) fn edit_members(&mut self, group: &[u8], edit: impl Fn(&mut Vec<Vec<u8>>)) {
        for table in [&mut self.group, &mut self.gshadow] {
            let Some(old) = table.get(group).map(|entry| list(&entry[MEMBERS])) else { continue };
            let mut new = old.clone();
            edit(&mut new);
            if let Some(entry) = (new != old).then(|| table.change(group)).flatten() {
                entry[MEMBERS] = new.join(&b',');
            }
        }
    }
}

/// A line of these fields.
pub(super) fn entry(fields: &[&[u8]]) -> Entry {
    fields.iter().map(|field| field.to_vec()).collect()
}

/// A number in a field.
pub(super) fn number(entry: &Entry, field: usize) -> Option<u32> {
    parse(entry.get(field)?)
}

/// A uid or gid.
pub(super) fn parse(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok().filter(|number| *number != u32::MAX)
}

/// The names in a field that are parted by commas.
pub(super) fn list(field: &[u8]) -> Vec<Vec<u8>> {
    field.split(|&byte| byte == b',').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
}
