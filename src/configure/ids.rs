//! The numbers of users and groups: read from a tree's own passwd(5) and group(5), and changed throughout a tree.
//!
//! Programs take the next free number, so which one depends on what else is installed and in which order. Whoever
//! has a number in the lock gets it back here: in the account files, on every inode, in every access control list.
//! The native way has given most of them already when the accounts were made.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error as ConfigureError;
use super::Ids;
use crate::tree::Error;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Numbers that scripts may give out (Policy 9.2.2); taken from the top, as systemd-sysusers does.
const SYSTEM: std::ops::RangeInclusive<u32> = 100..=999;

/// From where numbers are given out: for daemons, for people, and for people on systems that need more.
const RANGES: [std::ops::RangeInclusive<u32>; 3] = [SYSTEM, 1000..=59_999, 65_536..=4_294_967_293];

/// In an access control list: an entry for a user, and one for a group, that it names.
const ACL_USER: u16 = 0x02;
const ACL_GROUP: u16 = 0x08;

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

/// Gives everyone whose number is in `wanted` that number.
pub(super) fn renumber(tree: &mut Tree, wanted: &Ids) -> Result<(), ConfigureError> {
    let now = read(tree).map_err(ConfigureError::Tree)?;
    check("user", &now.users, &wanted.users)?;
    check("group", &now.groups, &wanted.groups)?;
    let users = moves(&now.users, &wanted.users);
    let groups = moves(&now.groups, &wanted.groups);
    give(tree, &users, &groups).map_err(ConfigureError::Tree)
}

/// A lock gives numbers to those who would else take the next free one, and from where they take it: it makes no
/// daemon of a user, and moves nobody whose number is the same on every Debian.
fn check(
    kind: &'static str,
    now: &BTreeMap<String, u32>,
    wanted: &BTreeMap<String, u32>,
) -> Result<(), ConfigureError> {
    let range = |number: u32| RANGES.iter().position(|range| range.contains(&number));
    for (name, &number) in now {
        let Some(&wanted) = wanted.get(name).filter(|&&wanted| wanted != number) else { continue };
        if range(number).is_none() || range(number) != range(wanted) {
            return Err(ConfigureError::Number { kind, name: name.clone(), number: wanted, made: number });
        }
    }
    Ok(())
}

fn give(tree: &mut Tree, users: &BTreeMap<u32, u32>, groups: &BTreeMap<u32, u32>) -> Result<(), Error> {
    if users.is_empty() && groups.is_empty() {
        return Ok(());
    }
    edit_accounts(tree, "etc/passwd", &[(2, users), (3, groups)])?;
    edit_accounts(tree, "etc/group", &[(2, groups)])?;
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    let mut done = BTreeSet::new();
    for path in paths {
        let id = tree.id(&path).expect("it was just listed");
        if !done.insert(id) {
            continue;
        }
        let stat = &mut tree.get_mut(&path).expect("it was just listed").stat;
        stat.uid = *users.get(&stat.uid).unwrap_or(&stat.uid);
        stat.gid = *groups.get(&stat.gid).unwrap_or(&stat.gid);
        for (name, value) in &mut stat.xattrs {
            if name.starts_with(b"system.posix_acl_") {
                edit_acl(value, users, groups);
            }
        }
    }
    Ok(())
}

/// Old number → new number. Who is in the way of someone with a number in the table moves to a free one.
fn moves(now: &BTreeMap<String, u32>, wanted: &BTreeMap<String, u32>) -> BTreeMap<u32, u32> {
    let mut taken: BTreeSet<u32> = wanted.values().copied().collect();
    let mut moves = BTreeMap::new();
    for (name, &old) in now {
        if let Some(&new) = wanted.get(name).filter(|&&new| new != old) {
            moves.insert(old, new);
        }
    }
    let free: Vec<(&String, u32)> =
        now.iter().filter(|(name, _)| !wanted.contains_key(*name)).map(|(name, &old)| (name, old)).collect();
    let crowded: Vec<u32> = free.iter().map(|(_, old)| *old).filter(|old| taken.contains(old)).collect();
    taken.extend(free.iter().map(|(_, old)| *old));
    for old in crowded {
        let Some(new) = SYSTEM.rev().find(|number| !taken.contains(number)) else { continue };
        taken.insert(new);
        moves.insert(old, new);
    }
    moves
}

/// Changes numbers in the named fields of every line.
fn edit_accounts(tree: &mut Tree, path: &str, fields: &[(usize, &BTreeMap<u32, u32>)]) -> Result<(), Error> {
    let Some(text) = tree.read(path)? else { return Ok(()) };
    let line = |line: &[u8]| {
        let mut words: Vec<Vec<u8>> = line.split(|&byte| byte == b':').map(<[u8]>::to_vec).collect();
        for (field, moves) in fields {
            let number = words.get(*field).and_then(|word| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
            if let Some(new) = number.and_then(|number| moves.get(&number)) {
                words[*field] = new.to_string().into_bytes();
            }
        }
        words.join(&b':')
    };
    let new = text.split(|&byte| byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n');
    let path = tree.resolve(path, true)?;
    let inode = tree.get_mut(&path).expect("it was just read");
    inode.kind = crate::tree::Kind::File(crate::tree::Content::from_bytes(new));
    Ok(())
}

/// An access control list as the kernel gives it: a version, then entries of tag, permissions and id.
fn edit_acl(value: &mut [u8], users: &BTreeMap<u32, u32>, groups: &BTreeMap<u32, u32>) {
    let Some(entries) = value.get_mut(4..) else { return };
    for entry in entries.chunks_exact_mut(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        let moves = match tag {
            ACL_USER => users,
            ACL_GROUP => groups,
            _ => continue,
        };
        if let Some(new) = moves.get(&id) {
            entry[4..].copy_from_slice(&new.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_gets_the_number_of_the_lock() {
        let mut tree = Tree::new();
        let passwd =
            "root:x:0:0::/root:/bin/sh\na:x:100:101::/:/bin/sh\nb:x:101:102::/:/bin/sh\nc:x:102:0::/:/bin/sh\n";
        tree.write("etc/passwd", 0o644, passwd).expect("new");
        tree.write("etc/group", 0o644, "root:x:0:\nga:x:101:b\ngb:x:102:\n").expect("new");
        for (name, uid, gid) in [("a", 100, 101), ("b", 101, 102), ("c", 102, 0)] {
            tree.write(name, 0o644, "").expect("new");
            let stat = &mut tree.get_mut(&TreePath::literal(name)).expect("there").stat;
            (stat.uid, stat.gid) = (uid, gid);
        }
        tree.link(&TreePath::literal("a"), TreePath::literal("hard")).expect("a file");
        let acl = [2, 0, 0, 0, 2, 0, 7, 0, 100, 0, 0, 0, 8, 0, 5, 0, 102, 0, 0, 0];
        let stat = &mut tree.get_mut(&TreePath::literal("c")).expect("there").stat;
        stat.xattrs.insert(b"system.posix_acl_access".to_vec(), acl.to_vec());
        // a and b change places with each other and with c, who is in nobody's table and has to go.
        let table = |pairs: &[(&str, u32)]| pairs.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
        let wanted = Ids { users: table(&[("a", 101), ("b", 102), ("gone", 100)]), groups: table(&[("gb", 300)]) };
        renumber(&mut tree, &wanted).expect("memory reads");
        let passwd = tree.read("etc/passwd").expect("readable").expect("there");
        let passwd = String::from_utf8(passwd).expect("text");
        assert!(
            passwd.contains("\na:x:101:101:") && passwd.contains("\nb:x:102:300:") && passwd.contains("\nc:x:999:0:"),
            "{passwd}"
        );
        let owner = |name: &str| {
            let stat = &tree.get(&TreePath::literal(name)).expect("there").stat;
            (stat.uid, stat.gid)
        };
        assert_eq!((owner("a"), owner("hard"), owner("b"), owner("c")), ((101, 101), (101, 101), (102, 300), (999, 0)));
        let acl = &tree.get(&TreePath::literal("c")).expect("there").stat.xattrs[&b"system.posix_acl_access"[..]];
        assert_eq!((acl[8], u16::from_le_bytes([acl[16], acl[17]])), (101, 300));
    }

    #[test]
    fn nobody_gets_a_number_of_another_kind() {
        let lines = [("daemon", 1), ("sshd", 100), ("me", 1000), ("ceph", 64_045), ("nobody", 65_534)];
        let passwd: String = lines.iter().map(|(name, uid)| format!("{name}:x:{uid}:0::/:/bin/sh\n")).collect();
        let moved = |name: &str, number: u32| {
            let mut tree = Tree::new();
            tree.write("etc/passwd", 0o644, passwd.as_str()).expect("new");
            let wanted = Ids { users: [(name.to_owned(), number)].into(), groups: BTreeMap::new() };
            renumber(&mut tree, &wanted).map(|()| read(&tree).expect("readable").users[name])
        };
        for (name, number) in [("daemon", 1), ("sshd", 999), ("sshd", 100), ("me", 59_999), ("ceph", 64_045)] {
            assert_eq!(moved(name, number).expect(name), number);
        }
        for (name, number) in [
            ("daemon", 2),
            ("daemon", 100),
            ("sshd", 99),
            ("sshd", 1000),
            ("sshd", 60_000),
            ("me", 999),
            ("me", 70_000),
            ("ceph", 64_046),
            ("nobody", 1000),
        ] {
            let error = moved(name, number).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(&number.to_string()), "{error}");
        }
    }
}
