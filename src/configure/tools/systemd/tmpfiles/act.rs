//! What each type of line does to the tree.

use super::super::unit::words;
use super::acl;
use super::line::Item;
use super::line::Permissions;
use crate::configure::tools::later;
use crate::format::glob::Style;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::show;

/// Alternatives that braces may expand to; real lines have two or three.
const ALTERNATIVES_MAX: usize = 1000;

pub(super) fn create(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    match item.kind {
        b'd' | b'D' | b'v' | b'q' | b'Q' => directory(call, path, item),
        b'f' => file(call, path, item),
        b'p' => special(call, path, item, Kind::Fifo),
        b'c' | b'b' => device(call, path, item),
        b'L' => symlink(call, path, item),
        b'C' => copy(call, path, item),
        _ => {
            let mut result = Ok(());
            for place in glob(call, path)? {
                let done = safe(call, &place).and_then(|()| change(call, &place, item));
                result = result.and(done);
            }
            result
        }
    }
}

/// What a pattern matched: one line of the kinds that only change.
fn change(call: &mut Call<'_, '_>, place: &TreePath, item: &Item) -> Result<(), Fault> {
    let deep = matches!(item.kind, b'Z' | b'T' | b'A');
    let mut all = vec![place.clone()];
    if deep {
        all.extend(call.tree().below(place).map(|(path, _)| path.clone()));
    }
    match item.kind {
        b'w' => write(call, place, item),
        b'e' => {
            if call.tree().get(place).is_some_and(Inode::is_directory) {
                adjust(call, place, &item.permissions, false);
            }
            Ok(())
        }
        b'z' | b'Z' | b'm' => {
            for place in all {
                adjust(call, &place, &item.permissions, false);
            }
            Ok(())
        }
        b'a' | b'A' => {
            for place in all {
                if let (Some(change), Some(inode)) = (&item.acl, call.tree().get_mut(&place)) {
                    change.apply(inode);
                }
            }
            Ok(())
        }
        b't' | b'T' => {
            let text = item.argument.as_deref().unwrap_or_default();
            let mut result = Ok(());
            for word in words(text) {
                let wrong = || Fault::failed(format!("Malformed xattr assignment '{}'.", show(&word)));
                let equals = memchr::memchr(b'=', &word).ok_or_else(wrong)?;
                let (name, value) = (&word[..equals], &word[equals + 1..]);
                for place in &all {
                    let Some(inode) = call.tree().get_mut(place) else { continue };
                    // xattr(7): users' attributes are for files and directories only.
                    if name.starts_with(b"user.") && !matches!(inode.kind, Kind::File(_) | Kind::Directory) {
                        let message = format!("Setting extended attribute {} on /{place} failed.", show(&word));
                        result = result.and(Err(Fault::failed(message)));
                        continue;
                    }
                    inode.stat.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
            result
        }
        // File attributes (chattr) are of one file system; an image carries none. The rest is for cleaning.
        _ => Ok(()),
    }
}

pub(super) fn remove(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    match item.kind {
        b'D' => {
            let Ok(place) = call.resolve(path, false) else { return Ok(()) };
            if call.tree().get(&place).is_some_and(Inode::is_directory) {
                call.tree().clear(&place);
            }
            Ok(())
        }
        b'r' => glob(call, path)?.iter().try_for_each(|place| Ok(call.tree().remove(place)?)),
        b'R' => {
            glob(call, path)?.iter().for_each(|place| call.tree().remove_all(place));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Where the path lies, with its missing parents made.
fn place(call: &mut Call<'_, '_>, path: &[u8]) -> Result<TreePath, Fault> {
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
    for count in 1..names.len() {
        let parent = [b"/", names[..count].join(&b'/').as_slice()].concat();
        let place = call.resolve(&parent, true)?;
        if call.tree().get(&place).is_none() {
            call.create(&place, Inode::directory(0o755))?;
            if let Some(inode) = call.tree().get_mut(&place) {
                // The group is inherited from a directory with the setgid bit, the bit is not.
                inode.stat.mode = 0o755;
            }
        }
    }
    let place = call.resolve(path, false)?;
    safe(call, &place.parent().unwrap_or_default())?;
    Ok(place)
}

/// Whoever may change a directory must not choose what root changes below it: on the way down, the owner may change
/// only from root to another.
fn safe(call: &mut Call<'_, '_>, place: &TreePath) -> Result<(), Fault> {
    let mut here = place.clone();
    while let Some(parent) = here.parent() {
        let owner = |call: &mut Call<'_, '_>, path: &TreePath| call.tree().get(path).map(|inode| inode.stat.uid);
        let (above, below) = (owner(call, &parent).unwrap_or(0), owner(call, &here).unwrap_or(0));
        if above != 0 && above != below {
            return Err(Fault::failed(format!("Detected unsafe path transition /{parent} -> /{here}.")));
        }
        here = parent;
    }
    Ok(())
}

/// Clears the way for something of another kind: with `=` for whatever is made, with `+` for what is no directory
/// or file.
fn clear_way(call: &mut Call<'_, '_>, place: &TreePath, item: &Item, force: bool, fits: fn(&Kind) -> bool) {
    let wrong = call.tree().get(place).is_some_and(|inode| !fits(&inode.kind));
    if wrong && (item.replace || force) {
        call.tree().remove_all(place);
    }
}

fn directory(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    let place = place(call, path)?;
    clear_way(call, &place, item, false, |kind| matches!(kind, Kind::Directory));
    let new = match call.tree().get(&place).map(Inode::is_directory) {
        None => {
            call.create(&place, Inode::directory(item.permissions.mode.unwrap_or(0o755)))?;
            true
        }
        Some(true) => false,
        Some(false) => {
            return Err(Fault::failed(format!("\"{}\" already exists and is not a directory.", show(path))));
        }
    };
    adjust(call, &place, &item.permissions, new);
    Ok(())
}

fn file(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    let place = place(call, path)?;
    clear_way(call, &place, item, false, |kind| matches!(kind, Kind::File(_)));
    let text = item.argument.clone().unwrap_or_default();
    let clock = call.shell.system.clock;
    let new = match call.tree().get_mut(&place) {
        None => {
            call.create(&place, Inode::file(item.permissions.mode.unwrap_or(0o644), text))?;
            true
        }
        Some(Inode { kind: Kind::File(content), stat }) => {
            if item.force {
                *content = Content::from_bytes(text);
                stat.mtime = clock;
            }
            false
        }
        Some(_) => return Err(Fault::failed(format!("{} exists and is not a regular file.", show(path)))),
    };
    adjust(call, &place, &item.permissions, new);
    Ok(())
}

/// `w`: what is there is overwritten, with `+` added to; links are followed.
fn write(call: &mut Call<'_, '_>, place: &TreePath, item: &Item) -> Result<(), Fault> {
    let path = [b"/", place.as_bytes()].concat();
    let mut bytes = if item.force { call.read(&path)? } else { Vec::new() };
    bytes.extend(item.argument.as_deref().unwrap_or_default());
    call.write(&path, 0o644, bytes)?;
    let place = call.resolve(&path, true)?;
    adjust(call, &place, &item.permissions, false);
    Ok(())
}

fn device(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    let text = item.argument.as_deref().unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().ok();
    let pair = std::str::from_utf8(text).ok().and_then(|text| text.split_once(':'));
    let numbers = pair.and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
    let (major, minor) =
        numbers.ok_or_else(|| Fault::failed(format!("Can't parse device file major/minor '{}'.", show(text))))?;
    let kind = if item.kind == b'c' { Kind::CharDevice { major, minor } } else { Kind::BlockDevice { major, minor } };
    special(call, path, item, kind)
}

/// A pipe or device. Something else in its place stays, or goes with `+`.
fn special(call: &mut Call<'_, '_>, path: &[u8], item: &Item, kind: Kind) -> Result<(), Fault> {
    let place = place(call, path)?;
    let there = call.tree().get(&place).map(|inode| inode.kind.clone());
    let new = match there {
        Some(now) if now == kind => false,
        Some(_) if !item.force && !item.replace => {
            return Err(Fault::failed(format!("{} is not what it shall be.", show(path))));
        }
        _ => {
            call.tree().remove_all(&place);
            let stat = crate::tree::Stat::new(item.permissions.mode.unwrap_or(0o644));
            call.create(&place, Inode { kind, stat })?;
            true
        }
    };
    adjust(call, &place, &item.permissions, new);
    Ok(())
}

fn symlink(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    let target = item.argument.clone().unwrap_or_default();
    if item.only_with_target && call.look(&target, true).is_none() {
        return Ok(());
    }
    let place = place(call, path)?;
    clear_way(call, &place, item, item.force, |kind| matches!(kind, Kind::Symlink(_)));
    let new = match call.tree().get(&place).map(|inode| inode.kind.clone()) {
        Some(Kind::Symlink(now)) if now == target || !item.force => false,
        // What the administrator has there stays.
        Some(kind) if !matches!(kind, Kind::Symlink(_)) => return Ok(()),
        _ => {
            call.create(&place, Inode::symlink(target))?;
            true
        }
    };
    adjust(call, &place, &item.permissions, new);
    Ok(())
}

/// A file or a tree, unless something is there already; an empty directory is nothing.
fn copy(call: &mut Call<'_, '_>, path: &[u8], item: &Item) -> Result<(), Fault> {
    let source = item.argument.clone().unwrap_or_default();
    let from = call.resolve(&source, true).ok();
    let Some((from, top)) = from.and_then(|from| Some((from.clone(), call.tree().get(&from).cloned()?))) else {
        // What the node's kernel or devices say is copied at its boot, by this very line.
        if call.shell.system.machine(&source).is_some() {
            later::leave_to_first_boot(call)?;
        }
        return Ok(());
    };
    let to = place(call, path)?;
    let filled = call.tree().below(&to).next().is_some();
    let new = match call.tree().get(&to).map(Inode::is_directory) {
        None => true,
        Some(true) => top.is_directory() && (!filled || item.force),
        Some(false) => false,
    };
    if to.starts_with(&from) && top.is_directory() {
        return Err(Fault::failed(format!("Failed to copy files to {}: it is inside.", show(path))));
    }
    if new {
        let below: Vec<(TreePath, Inode)> =
            call.tree().below(&from).map(|(path, inode)| (path.clone(), inode.clone())).collect();
        for (path, mut inode) in std::iter::once((from.clone(), top)).chain(below) {
            let target = to.join(&path.as_bytes()[from.as_bytes().len()..])?;
            inode.stat.uid = item.permissions.uid.unwrap_or(inode.stat.uid);
            inode.stat.gid = item.permissions.gid.unwrap_or(inode.stat.gid);
            if call.tree().get(&target).is_none() || inode.is_directory() {
                call.tree().insert(target, inode)?;
            }
        }
    }
    adjust(call, &to, &item.permissions, new);
    Ok(())
}

/// Mode and owner as the line says; both stay where it says nothing.
fn adjust(call: &mut Call<'_, '_>, place: &TreePath, permissions: &Permissions, new: bool) {
    let Some(inode) = call.tree().get_mut(place) else { return };
    if let Some(uid) = permissions.uid.filter(|_| new || !permissions.uid_only_new) {
        inode.stat.uid = uid;
    }
    if let Some(gid) = permissions.gid.filter(|_| new || !permissions.gid_only_new) {
        inode.stat.gid = gid;
    }
    let symlink = matches!(inode.kind, Kind::Symlink(_));
    let Some(mut mode) = permissions.mode.filter(|_| !symlink && (new || !permissions.mode_only_new)) else { return };
    if permissions.masked {
        for bits in [0o111, 0o222, 0o444] {
            if inode.stat.mode & bits == 0 {
                mode &= !bits;
            }
        }
        if !inode.is_directory() {
            mode &= 0o777;
        }
    }
    if mode != inode.stat.mode {
        acl::set_mode(inode, mode);
    }
}

/// What a pattern matches, glob(7) with braces; a hidden name only where the pattern has its dot. Links in the
/// last place are not followed.
fn glob(call: &mut Call<'_, '_>, pattern: &[u8]) -> Result<Vec<TreePath>, Fault> {
    let mut found = Vec::new();
    let mut alternatives = vec![pattern.to_vec()];
    let mut count = 0;
    while let Some(pattern) = alternatives.pop() {
        count += 1;
        if count > ALTERNATIVES_MAX {
            return Err(Fault::gap("a pattern with so many braces"));
        }
        match braces(&pattern) {
            Some(more) => alternatives.extend(more.into_iter().rev()),
            None => {
                let plain: Vec<(u8, bool)> = pattern.iter().map(|&byte| (byte, false)).collect();
                let matching =
                    call.shell.walk(TreePath::root(), &plain, Style { caret: true, ..Style::default() }, false)?;
                found.extend(matching.into_iter().map(|(_, place)| place));
            }
        }
    }
    Ok(found)
}

/// The alternatives of the first braces of a pattern; `None` when it has none.
fn braces(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let open = memchr::memchr(b'{', pattern)?;
    let (mut depth, mut start, mut parts) = (0, open + 1, Vec::new());
    for (index, &byte) in pattern.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 1 => {
                parts.push(&pattern[start..index]);
                start = index + 1;
            }
            b'}' if depth == 1 => {
                parts.push(&pattern[start..index]);
                let whole = |part: &&[u8]| [&pattern[..open], part, &pattern[index + 1..]].concat();
                return Some(parts.iter().map(whole).collect());
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_alternatives() {
        let words =
            |pattern: &str| braces(pattern.as_bytes()).map(|all| all.iter().map(|word| show(word)).collect::<Vec<_>>());
        assert_eq!(words("/a/{b,c{d,e}}/f"), Some(vec!["/a/b/f".into(), "/a/c{d,e}/f".into()]));
        assert_eq!((words("/a"), words("/a{b")), (None, None));
    }
}
