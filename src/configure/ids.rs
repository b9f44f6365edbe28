//! The numbers of users and groups: read from a tree's own passwd(5) and group(5).

use super::Ids;
use crate::tree::Error;
use crate::tree::Tree;

/// All users and groups that a tree has.
pub(super) fn read(tree: &Tree) -> Result<Ids, Error> {
    let table = |path: &str| -> Result<_, Error> {
        let text = tree.read(path)?.unwrap_or_default();
        let parse = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            Some((name, fields.nth(1)?.parse().ok()?))
        };
        Ok(String::from_utf8_lossy(&text).lines().filter_map(parse).collect())
    };
    Ok(Ids { users: table("etc/passwd")?, groups: table("etc/group")? })
}
