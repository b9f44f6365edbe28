//! Access control lists as the kernel keeps them: acl(5), and `linux/posix_acl_xattr.h` for the bytes.

use std::collections::BTreeMap;

use super::super::unit::lives_in_lib;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::utilities::Call;
use crate::utilities::permissions;

const ACCESS: &[u8] = b"system.posix_acl_access";
const DEFAULT: &[u8] = b"system.posix_acl_default";

const VERSION: u32 = 2;

/// Tags in the order in which entries stand.
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The id of an entry that names nobody.
const NOBODY: u32 = u32::MAX;

/// Tag and id → permission bits. Sorted as the kernel wants it.
type List = BTreeMap<(u16, u32), u16>;

/// One entry of a line's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u16,
    id: u32,
    bits: u16,
    /// `X`: may execute where anybody may, and on directories.
    conditional: bool,
}

/// What an `a` line does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Change {
    access: Vec<Entry>,
    default: Vec<Entry>,
    /// Entries are added to those there are.
    add: bool,
}

impl Change {
    /// `None` when it is no list of entries, or names someone who is not there.
    pub(super) fn parse(call: &mut Call<'_, '_>, text: &[u8], add: bool) -> Option<Self> {
        if lives_in_lib(call) && text.contains(&b'X') {
            // That systemd does not know it yet.
            return None;
        }
        let mut change = Self { add, ..Self::default() };
        for entry in text.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let stripped = entry.strip_prefix(b"default:").or_else(|| entry.strip_prefix(b"d:"));
            match stripped {
                Some(entry) => change.default.push(parse(call, entry)?),
                None => change.access.push(parse(call, entry)?),
            }
        }
        Some(change)
    }

    /// Applies it to an inode; the mode follows the list. A symbolic link has none.
    pub(super) fn apply(&self, inode: &mut Inode) {
        if matches!(inode.kind, Kind::Symlink(_)) {
            return;
        }
        let directory = inode.is_directory();
        if !self.access.is_empty() {
            let list = self.merged(inode, ACCESS, &self.access, directory);
            inode.stat.mode = mode_of(&list, inode.stat.mode);
            // Three entries say nothing that the mode does not say.
            match list.len() {
                3 => drop(inode.stat.xattrs.remove(ACCESS)),
                _ => drop(inode.stat.xattrs.insert(ACCESS.to_vec(), encode(&list))),
            }
        }
        if directory && !self.default.is_empty() {
            let list = self.merged(inode, DEFAULT, &self.default, directory);
            inode.stat.xattrs.insert(DEFAULT.to_vec(), encode(&list));
        }
    }

    /// The new list: the entries (with `+` over those there are), a mask where somebody is named, and the three of
    /// the mode where they are missing.
    fn merged(&self, inode: &Inode, name: &[u8], entries: &[Entry], directory: bool) -> List {
        let now = match inode.stat.xattrs.get(name) {
            Some(value) => decode(value),
            None if name == ACCESS => base(inode.stat.mode),
            None => List::new(),
        };
        let executable = directory || now.values().any(|bits| bits & 1 != 0);
        let mut list = if self.add { now } else { List::new() };
        for entry in entries {
            let bits = if entry.conditional && executable { entry.bits | 1 } else { entry.bits };
            list.insert((entry.tag, entry.id), bits);
        }
        let named = list.keys().any(|(tag, _)| matches!(*tag, USER | GROUP));
        if named && !list.contains_key(&(MASK, NOBODY)) {
            list.insert((MASK, NOBODY), mask(&list));
        }
        // Only now, as systemd: what is missing does not widen the mask.
        for (key, bits) in base(inode.stat.mode) {
            list.entry(key).or_insert(bits);
        }
        list
    }
}

/// `tag:name:rwx`, the tag also by its first letter.
fn parse(call: &mut Call<'_, '_>, text: &[u8]) -> Option<Entry> {
    let fields: Vec<&[u8]> = text.split(|&byte| byte == b':').map(<[u8]>::trim_ascii).collect();
    let (tag, name, letters) = match fields.as_slice() {
        [tag, name, letters] => (*tag, *name, *letters),
        // Mask and others name nobody, so their second field may be left out.
        [tag, letters] => (*tag, &b""[..], *letters),
        _ => return None,
    };
    let (tag, id) = match (tag, name) {
        (b"user" | b"u", b"") => (USER_OBJ, NOBODY),
        (b"user" | b"u", name) => (USER, permissions::user(call, name).ok()?),
        (b"group" | b"g", b"") => (GROUP_OBJ, NOBODY),
        (b"group" | b"g", name) => (GROUP, permissions::group(call, name).ok()?),
        (b"mask" | b"m", b"") => (MASK, NOBODY),
        (b"other" | b"o", b"") => (OTHER, NOBODY),
        _ => return None,
    };
    let mut entry = Entry { tag, id, bits: 0, conditional: false };
    for letter in letters {
        match letter {
            b'r' => entry.bits |= 4,
            b'w' => entry.bits |= 2,
            b'x' => entry.bits |= 1,
            b'X' => entry.conditional = true,
            b'-' => {}
            _ => return None,
        }
    }
    Some(entry)
}

/// The three entries that every mode is.
fn base(mode: u32) -> List {
    let bits = |shift: u32| u16::try_from(mode >> shift & 7).unwrap_or_default();
    BTreeMap::from([((USER_OBJ, NOBODY), bits(6)), ((GROUP_OBJ, NOBODY), bits(3)), ((OTHER, NOBODY), bits(0))])
}

/// What anybody of those has whom the mask bounds.
fn mask(list: &List) -> u16 {
    list.iter().filter(|((tag, _), _)| matches!(*tag, USER | GROUP_OBJ | GROUP)).fold(0, |all, (_, bits)| all | bits)
}

/// The mode that a list gives: the group's bits are the mask's where there is one.
fn mode_of(list: &List, mode: u32) -> u32 {
    let bits = |tag| list.get(&(tag, NOBODY)).copied().map(u32::from);
    let group = bits(MASK).or_else(|| bits(GROUP_OBJ)).unwrap_or_default();
    (mode & 0o7000) | bits(USER_OBJ).unwrap_or_default() << 6 | group << 3 | bits(OTHER).unwrap_or_default()
}

/// chmod(2) on what has a list: its entries follow the mode.
pub(super) fn set_mode(inode: &mut Inode, mode: u32) {
    inode.stat.mode = mode;
    let Some(value) = inode.stat.xattrs.get(ACCESS) else { return };
    let mut list = decode(value);
    let group = if list.contains_key(&(MASK, NOBODY)) { MASK } else { GROUP_OBJ };
    for ((tag, id), bits) in base(mode) {
        list.insert((if tag == GROUP_OBJ { group } else { tag }, id), bits);
    }
    inode.stat.xattrs.insert(ACCESS.to_vec(), encode(&list));
}

fn encode(list: &List) -> Vec<u8> {
    let mut out = VERSION.to_le_bytes().to_vec();
    for (&(tag, id), bits) in list {
        out.extend(tag.to_le_bytes());
        out.extend(bits.to_le_bytes());
        out.extend(id.to_le_bytes());
    }
    out
}

fn decode(value: &[u8]) -> List {
    let entries = value.get(4..).unwrap_or_default().chunks_exact(8);
    let entry = |entry: &[u8]| {
        let short = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        ((short(0), id), short(2))
    };
    entries.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: u32, bits: u16) -> Entry {
        Entry { tag: GROUP, id, bits, conditional: false }
    }

    #[test]
    fn the_mode_and_the_list_go_together() {
        let mut inode = Inode::directory(0o2755);
        let change = Change { access: vec![group(4, 7)], default: vec![group(4, 5)], add: true };
        change.apply(&mut inode);
        // u::rwx g::r-x g:4:rwx m::rwx o::r-x
        assert_eq!(inode.stat.mode, 0o2775);
        let access = decode(&inode.stat.xattrs[ACCESS]);
        assert_eq!(access[&(GROUP, 4)], 7);
        assert_eq!((access[&(MASK, NOBODY)], access[&(GROUP_OBJ, NOBODY)], access.len()), (7, 5, 5));
        // The default list takes what it lacks from the mode, whose group bits are the mask by now.
        let default = decode(&inode.stat.xattrs[DEFAULT]);
        assert_eq!((default[&(GROUP_OBJ, NOBODY)], default[&(MASK, NOBODY)]), (7, 5));
        assert_eq!(inode.stat.xattrs[ACCESS][..12], [2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255]);
        set_mode(&mut inode, 0o700);
        let access = decode(&inode.stat.xattrs[ACCESS]);
        assert_eq!((access[&(MASK, NOBODY)], access[&(GROUP, 4)], access[&(OTHER, NOBODY)]), (0, 7, 0));
    }

    #[test]
    fn what_a_mode_says_needs_no_list() {
        let mut inode = Inode::file(0o644, "");
        let entry = Entry { tag: GROUP_OBJ, id: NOBODY, bits: 6, conditional: false };
        Change { access: vec![entry], ..Change::default() }.apply(&mut inode);
        assert_eq!((inode.stat.mode, inode.stat.xattrs.len()), (0o664, 0));
    }
}
