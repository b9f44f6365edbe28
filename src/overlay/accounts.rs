//! Names and numbers of the image's own users and groups, from its `/etc/passwd` and `/etc/group` (passwd(5)).

use std::collections::BTreeMap;

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::tree::TreePath;

/// Who is known in the image.
pub(super) struct Accounts {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl Accounts {
    pub(super) fn read(layer: &Layer<'_>) -> Result<Self, Error> {
        Ok(Self { users: table(&layer.text("/etc/passwd")?), groups: table(&layer.text("/etc/group")?) })
    }

    /// The number of a user, given by name or number; root when nothing is said.
    pub(super) fn uid(&self, path: &TreePath, user: Option<&str>) -> Result<u32, Error> {
        number(&self.users, path, user, "/etc/passwd")
    }

    /// The number of a group, given by name or number; root's when nothing is said.
    pub(super) fn gid(&self, path: &TreePath, group: Option<&str>) -> Result<u32, Error> {
        number(&self.groups, path, group, "/etc/group")
    }

    /// The name of a user, or its number: for people to read.
    pub(super) fn user_name(&self, uid: u32) -> String {
        name(&self.users, uid)
    }

    /// The name of a group, or its number.
    pub(super) fn group_name(&self, gid: u32) -> String {
        name(&self.groups, gid)
    }
}

/// Name → number, the first and third field; lines of another form are none of ours.
fn table(text: &str) -> BTreeMap<String, u32> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let number = fields.nth(1)?.parse().ok()?;
        Some((name, number))
    };
    text.lines().filter_map(entry).collect()
}

fn number(
    table: &BTreeMap<String, u32>,
    path: &TreePath,
    name: Option<&str>,
    file: &'static str,
) -> Result<u32, Error> {
    let Some(name) = name else { return Ok(0) };
    let known = name.parse().ok().or_else(|| table.get(name).copied());
    known.ok_or_else(|| Error::Owner { path: path.to_string(), name: name.to_owned(), file })
}

fn name(table: &BTreeMap<String, u32>, number: u32) -> String {
    let found = table.iter().find(|(_, known)| **known == number);
    found.map_or_else(|| number.to_string(), |(name, _)| name.clone())
}
