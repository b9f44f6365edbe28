//! coreutils' programs that make, move and remove names: `mv`, `rm`, `ln`, `mkdir`, `rmdir`, `touch`.
//!
//! Paths mean what path_resolution(7) says: a slash at the end asks for a directory, the last link is followed only
//! by who opens a file, and a link that leads nowhere is there all the same.

mod directories;

use std::collections::BTreeSet;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::call::charge_below;
use super::show;
use crate::shell::system::reason;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use directories::mkdir;
use directories::rmdir;

pub(super) use directories::make_parents;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("ln", ln), ("mkdir", mkdir), ("mv", mv), ("rm", rm), ("rmdir", rmdir), ("touch", touch), ("unlink", unlink)];

/// A path without the slashes at its end, and whether there were any.
pub(super) fn without_slashes(path: &[u8]) -> (&[u8], bool) {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(path.len().min(1), |last| last + 1);
    (&path[..end], end < path.len())
}

/// The last name of a path, slashes behind it passed over.
pub(super) fn last_name(path: &[u8]) -> &[u8] {
    without_slashes(path).0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// Where something new that is no directory would lie: its last component is not followed, and a slash behind it is
/// an error where no directory is.
///
/// # Errors
/// The tree's: no such directory, or none that the slash asks for.
pub(super) fn place_of(call: &mut Call<'_, '_>, path: &[u8]) -> Result<TreePath, tree::Error> {
    let absolute = call.absolute(path);
    let (plain, slash) = without_slashes(&absolute);
    if !slash {
        return call.tree().resolve(plain, false);
    }
    let place = call.tree().resolve(&absolute, true)?;
    if call.tree().get(&place).is_some() { Ok(place) } else { Err(tree::Error::NotDirectory(place)) }
}

/// Where each operand goes: into a directory, or to the one name that is last.
pub(super) fn destinations(
    call: &mut Call<'_, '_>,
    given: &Given,
    follow: bool,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let into = |directory: &[u8], source: &[u8]| {
        let name = without_slashes(source).0.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let (directory, _) = without_slashes(directory);
        if directory == b"/" { [directory, name].concat() } else { [directory, name].join(&b'/') }
    };
    let mut operands = given.operands.clone();
    if let Some(directory) = given.value(b't') {
        if !call.look(directory, true).is_some_and(|inode| inode.is_directory()) {
            return Err(Fault::failed(format!("target directory '{}': Not a directory", show(directory))));
        }
        if operands.is_empty() {
            return Err(Fault::failed("missing file operand"));
        }
        return Ok(operands.into_iter().map(|source| (source.clone(), into(directory, &source))).collect());
    }
    let Some(last) = operands.pop() else { return Err(Fault::failed("missing file operand")) };
    if operands.is_empty() {
        return Err(Fault::failed(format!("missing destination file operand after '{}'", show(&last))));
    }
    if given.has(b'T') && operands.len() > 1 {
        return Err(Fault::failed(format!("extra operand '{}'", show(&last))));
    }
    let directory =
        !given.has(b'T') && call.look(&last, follow || last.ends_with(b"/")).is_some_and(|inode| inode.is_directory());
    if !directory && operands.len() > 1 {
        return Err(Fault::failed(format!("target '{}' is not a directory", show(&last))));
    }
    let target = |source: Vec<u8>| {
        let to = if directory { into(&last, &source) } else { last.clone() };
        (source, to)
    };
    Ok(operands.into_iter().map(target).collect())
}

/// Runs over all operands, saying what fails and going on, as coreutils do.
pub(super) fn each<T>(
    call: &mut Call<'_, '_>,
    items: Vec<T>,
    mut act: impl FnMut(&mut Call<'_, '_>, T) -> Result<(), Fault>,
) -> Done {
    let mut status = 0;
    for item in items {
        call.shell.system.budget.step()?;
        match act(call, item) {
            Ok(()) => {}
            Err(Fault::Failed(code, message)) => {
                call.err(&message)?;
                status = code;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(status)
}

/// What one call has made: it does not overwrite that with another operand of the same name.
#[derive(Debug, Default)]
pub(super) struct Made(BTreeSet<TreePath>);

impl Made {
    /// Notes a name, or refuses one that was noted before.
    pub(super) fn note(&mut self, place: &TreePath, from: &[u8], to: &[u8]) -> Result<(), Fault> {
        if self.0.insert(place.clone()) {
            return Ok(());
        }
        Err(Fault::failed(format!("will not overwrite just-created '{}' with '{}'", show(to), show(from))))
    }
}

/// Keeps what lies at a place as `NAME~`, for `-b`: the simple form, which is GNU's where no numbered one exists. What
/// `-v` says of it comes back.
pub(super) fn back_up(call: &mut Call<'_, '_>, place: &TreePath, to: &[u8]) -> Result<String, Fault> {
    if call.tree().get(place).is_none() {
        return Ok(String::new());
    }
    if to.ends_with(b".") || to.ends_with(b"/") {
        return Err(Fault::gap(format!("the backup of {}", show(to))));
    }
    let numbered = [place.as_bytes(), b".~1~"].concat();
    if call.shell.variable(b"VERSION_CONTROL").is_some() || call.tree().get(&TreePath::new(numbered)?).is_some() {
        return Err(Fault::gap("numbered backups"));
    }
    let aside = TreePath::new([place.as_bytes(), b"~"].concat())?;
    call.tree().rename(place, &aside)?;
    Ok(format!(" (backup: '{}~')", show(to)))
}

/// What is kept is not replaced, so there is nothing to back up.
pub(super) fn backup_or_keep(given: &Given) -> Result<(), Fault> {
    match given.has(b'b') && given.last_of(b"fin") == Some(b'n') {
        true => Err(Fault::failed("options --backup and --no-clobber are mutually exclusive")),
        false => Ok(()),
    }
}

// --- mv ------------------------------------------------------------------------------------------------------

const MV_LONG: &[(&str, u8)] = &[
    ("force", b'f'),
    ("interactive", b'i'),
    ("no-clobber", b'n'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("verbose", b'v'),
    ("update", b'u'),
];

fn mv(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("bfnTt:vuiZ", MV_LONG)?;
    if backup_or_keep(&given).is_err() && !given.has(b'T') && !given.has(b't') && given.operands.len() == 2 {
        return Err(Fault::gap("-b with -n, upon which the name is given before it is refused, or not"));
    }
    backup_or_keep(&given)?;
    let pairs = destinations(call, &given, true)?;
    let mut made = Made::default();
    each(call, pairs, |call, (from, to)| move_one(call, &given, &from, &to, &mut made))
}

fn move_one(call: &mut Call<'_, '_>, given: &Given, from: &[u8], to: &[u8], made: &mut Made) -> Result<(), Fault> {
    let refused = |error| Fault::failed(format!("cannot move '{}' to '{}': {}", show(from), show(to), reason(&error)));
    let (plain, slash) = without_slashes(from);
    let missing = || Fault::failed(format!("cannot stat '{}': No such file or directory", show(from)));
    let keep = given.last_of(b"fin") == Some(b'n');
    if keep {
        let odd = |path: &[u8]| without_slashes(path).1 || matches!(last_name(path), b"." | b"..");
        let there = call.look(without_slashes(to).0, false).is_some();
        if there && (odd(from) || odd(to)) {
            return Err(Fault::gap("-n with a path that ends in a slash, `.` or `..`"));
        }
        if there && call.look(from, false).is_some() {
            return Ok(());
        }
    }
    call.look(from, false).ok_or_else(missing)?;
    if matches!(last_name(from), b"." | b"..") {
        return Err(Fault::failed(format!("cannot move '{}' to '{}': Device or resource busy", show(from), show(to))));
    }
    let source = call.look(plain, false).ok_or_else(missing)?;
    let absolute = call.absolute(plain);
    let place = call.tree().resolve(&absolute, false).map_err(refused)?;
    let target = if source.is_directory() {
        let absolute = call.absolute(without_slashes(to).0);
        call.tree().resolve(&absolute, false)
    } else {
        place_of(call, to)
    };
    let target = target.map_err(refused)?;
    let old = call.tree().get(&target).cloned();
    if without_slashes(to).1 && old.as_ref().is_some_and(|old| !old.is_directory()) {
        return Err(refused(tree::Error::NotDirectory(target)));
    }
    if let Some(old) = &old {
        if given.last_of(b"fin") == Some(b'i') {
            return Err(Fault::gap("-i: asks before it overwrites"));
        }
        if given.has(b'u') && old.stat.mtime >= source.stat.mtime {
            return Ok(());
        }
    }
    if place == target || call.tree().id(&place) == call.tree().id(&target) {
        if given.has(b'b') {
            return Err(Fault::gap(format!("a backup of {}, which is moved over itself", show(to))));
        }
        return Err(Fault::failed(format!("'{}' and '{}' are the same file", show(from), show(to))));
    }
    // A link that is moved onto what it leads to.
    if matches!(source.kind, Kind::Symlink(_)) && old.as_ref().is_some_and(|old| !matches!(old.kind, Kind::Symlink(_)))
    {
        let behind = call.tree().resolve([b"/", place.as_bytes()].concat(), true).ok();
        if behind.is_some_and(|behind| call.tree().id(&behind) == call.tree().id(&target)) {
            if given.has(b'b') || call.tree().id(&target).is_some_and(|id| call.tree().links(id) > 1) {
                return Err(Fault::gap(format!("moves the link {} onto what it leads to", show(from))));
            }
            return Err(Fault::failed(format!("'{}' and '{}' are the same file", show(from), show(to))));
        }
    }
    if source.is_directory() && target.starts_with(&place) {
        if given.has(b'b') && old.is_some() {
            return Err(Fault::gap(format!("a backup of {} in a directory that is moved into itself", show(to))));
        }
        return Err(Fault::failed(format!("cannot move '{}' to a subdirectory of itself, '{}'", show(from), show(to))));
    }
    made.note(&target, from, to)?;
    let backup = if given.has(b'b') { back_up(call, &target, to)? } else { String::new() };
    // Only now, as with the real one, which leaves the backup behind.
    if slash && !source.is_directory() {
        return Err(refused(tree::Error::NotDirectory(place)));
    }
    charge_below(call, &place)?;
    call.tree().rename(&place, &target).map_err(refused)?;
    if given.has(b'v') {
        call.out(format!("renamed '{}' -> '{}'{backup}\n", show(from), show(to)))?;
    }
    Ok(())
}

// --- rm ------------------------------------------------------------------------------------------------------

fn rm(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("recursive", b'r'),
        ("force", b'f'),
        ("dir", b'd'),
        ("verbose", b'v'),
        ("one-file-system", b'x'),
        ("preserve-root", b'x'),
    ];
    let given = call.options("rRfdvxiI", &long)?;
    if given.operands.is_empty() && !given.has(b'f') {
        return Err(Fault::failed("missing operand"));
    }
    if matches!(given.last_of(b"fiI"), Some(b'i' | b'I')) {
        return Err(Fault::gap("-i, -I: asks before it removes"));
    }
    each(call, given.operands.clone(), |call, path| remove_one(call, &given, &path))
}

fn remove_one(call: &mut Call<'_, '_>, given: &Given, path: &[u8]) -> Result<(), Fault> {
    let (recursive, force) = (given.has(b'r') || given.has(b'R'), given.has(b'f'));
    let refused = |why: &str| Fault::failed(format!("cannot remove '{}': {why}", show(path)));
    let absent = |why: &str| if force { Ok(()) } else { Err(refused(why)) };
    if path.is_empty() {
        return absent("No such file or directory");
    }
    let absolute = call.absolute(path);
    if matches!(last_name(path), b"." | b"..") {
        return match call.tree().resolve(&absolute, true) {
            Err(error @ tree::Error::Loop(_)) => Err(refused(reason(&error))),
            Err(error) => absent(reason(&error)),
            Ok(_) => Err(Fault::failed(format!("refusing to remove '.' or '..' directory: skipping '{}'", show(path)))),
        };
    }
    let (plain, slash) = without_slashes(&absolute);
    let place = match call.tree().resolve(plain, false) {
        Ok(place) => place,
        Err(error @ (tree::Error::NotFound(_) | tree::Error::NotDirectory(_))) => return absent(reason(&error)),
        Err(error) => return Err(refused(reason(&error))),
    };
    if place.is_root() {
        return Err(refused("it is dangerous to operate recursively on '/'"));
    }
    let Some(inode) = call.tree().get(&place).cloned() else { return absent("No such file or directory") };
    if slash && !inode.is_directory() {
        return match call.tree().resolve(&absolute, true) {
            // The directory behind the link is emptied, and neither of the two can go by this name.
            Ok(directory) if recursive && call.tree().get(&directory).is_some() => {
                charge_below(call, &directory)?;
                call.tree().clear(&directory);
                absent("Not a directory")
            }
            Ok(directory) if call.tree().get(&directory).is_some() => Err(refused("Is a directory")),
            Ok(_) => absent("No such file or directory"),
            Err(error) => absent(reason(&error)),
        };
    }
    if given.has(b'v') {
        removed_words(call, &place, path, inode.is_directory() && recursive)?;
    }
    match inode.is_directory() {
        true if recursive => {
            charge_below(call, &place)?;
            call.tree().remove_all(&place);
        }
        true if !given.has(b'd') => return Err(refused("Is a directory")),
        _ => call.tree().remove(&place).map_err(|error| refused(reason(&error)))?,
    }
    Ok(())
}

/// What `-v` says of a path and of all below it, children first.
fn removed_words(call: &mut Call<'_, '_>, place: &TreePath, path: &[u8], recursive: bool) -> Result<(), Fault> {
    let tree = call.tree();
    let mut lines = Vec::new();
    let line = |name: &[u8], inode: &Inode| {
        let what = if inode.is_directory() { "removed directory" } else { "removed" };
        format!("{what} '{}'\n", show(name))
    };
    if recursive && tree.below(place).next().is_some() {
        // In which order a directory is read is not known here.
        if tree.children(place).count() > 1 || tree.below(place).count() > 1 {
            return Err(Fault::gap("-v: in which order a directory's entries are removed"));
        }
        for (below, inode) in tree.below(place) {
            lines.push(line(&[path, &below.as_bytes()[place.as_bytes().len()..]].concat(), inode));
        }
    }
    let inode = tree.get(place).expect("the caller looked");
    lines.push(line(path, inode));
    call.out(lines.concat())
}

fn unlink(call: &mut Call<'_, '_>) -> Done {
    let [path] = call.args else { return Err(Fault::failed("one operand is needed")) };
    let refused = |why: &str| Fault::failed(format!("cannot unlink '{}': {why}", show(path)));
    let place = place_of(call, path).map_err(|error| refused(reason(&error)))?;
    match call.tree().get(&place).map(Inode::is_directory) {
        None => Err(refused("No such file or directory")),
        Some(true) => Err(refused("Is a directory")),
        Some(false) => call.tree().remove(&place).map(|()| 0).map_err(|error| refused(reason(&error))),
    }
}

// --- ln ------------------------------------------------------------------------------------------------------

const LN_LONG: &[(&str, u8)] = &[
    ("backup", b'b'),
    ("symbolic", b's'),
    ("force", b'f'),
    ("logical", b'L'),
    ("physical", b'P'),
    ("no-dereference", b'n'),
    ("relative", b'r'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("verbose", b'v'),
];

fn ln(call: &mut Call<'_, '_>) -> Done {
    let mut given = call.options("bsfnrt:TvLP", LN_LONG)?;
    if given.operands.len() == 1 && !given.has(b't') && !given.has(b'T') {
        given.all.push((b't', b".".to_vec()));
    }
    let pairs = destinations(call, &given, !given.has(b'n'))?;
    let mut made = Made::default();
    each(call, pairs, |call, (from, to)| link_one(call, &given, &from, &to, &mut made))
}

fn link_one(call: &mut Call<'_, '_>, given: &Given, from: &[u8], to: &[u8], made: &mut Made) -> Result<(), Fault> {
    let symbolic = given.has(b's');
    let what = if symbolic { "symbolic" } else { "hard" };
    let refused = |why: &str| Fault::failed(format!("failed to create {what} link '{}': {why}", show(to)));
    let source = match symbolic {
        true => None,
        false => {
            let follow = given.last_of(b"LP") == Some(b'L');
            let missing = || Fault::failed(format!("failed to access '{}': No such file or directory", show(from)));
            let inode = call.look(from, follow).ok_or_else(missing)?;
            if inode.is_directory() {
                return Err(Fault::failed(format!("{}: hard link not allowed for directory", show(from))));
            }
            Some(call.resolve(from, follow)?)
        }
    };
    let place = place_of(call, to).map_err(|error| refused(reason(&error)))?;
    let there = call.tree().id(&place);
    let (force, backup) = (given.has(b'f'), given.has(b'b'));
    if let Some(there) = there {
        if call.tree().inode(there).is_directory() {
            return Err(Fault::failed(format!("{}: cannot overwrite directory", show(to))));
        }
        if !force && !backup {
            return Err(refused("File exists"));
        }
        let absolute = call.absolute(from);
        let named = call.tree().resolve(&absolute, symbolic).ok();
        if symbolic && (from != to || backup) && named.as_ref() == Some(&place) {
            return Err(Fault::gap(format!("a link {} to itself by another name, or with a backup", show(to))));
        }
        let same = named.is_some_and(|named| call.tree().id(&named) == Some(there) && (named == place || !symbolic));
        if same && source.as_ref().is_none_or(|source| *source == place || call.tree().links(there) == 1) {
            return Err(Fault::failed(format!("'{}' and '{}' are the same file", show(from), show(to))));
        }
    }
    made.note(&place, from, to)?;
    if backup && !back_up(call, &place, to)?.is_empty() && given.has(b'v') {
        return Err(Fault::gap("-v with a backup"));
    }
    let mut shown = from.to_vec();
    match source {
        Some(source) => call.tree().link(&source, place.clone()).map_err(|error| refused(reason(&error)))?,
        None => {
            if given.has(b'r') {
                shown = relative_target(call, from, &place)?;
            }
            call.create(&place, Inode::symlink(shown.clone()))?;
        }
    }
    if given.has(b'v') {
        let arrow = if symbolic { "->" } else { "=>" };
        call.out(format!("'{}' {arrow} '{}'\n", show(to), show(&shown)))?;
    }
    Ok(())
}

fn relative_target(call: &mut Call<'_, '_>, from: &[u8], link: &TreePath) -> Result<Vec<u8>, Fault> {
    let target = call.resolve(from, true)?;
    Ok(relative_path(&target, &link.parent().unwrap_or_default()))
}

/// The way from a directory to a path.
pub(super) fn relative_path(target: &TreePath, directory: &TreePath) -> Vec<u8> {
    let (to, from): (Vec<_>, Vec<_>) = (target.components().collect(), directory.components().collect());
    let common = to.iter().zip(&from).take_while(|(to, from)| to == from).count();
    let names: Vec<&[u8]> =
        from[common..].iter().map(|_| b"..".as_slice()).chain(to[common..].iter().copied()).collect();
    if names.is_empty() { b".".to_vec() } else { names.join(&b'/') }
}

// --- touch ---------------------------------------------------------------------------------------------------

fn touch(call: &mut Call<'_, '_>) -> Done {
    let long = [("no-create", b'c'), ("reference", b'r'), ("date", b'd'), ("no-dereference", b'h'), ("time", b'T')];
    let given = call.options("acfmhr:d:t:T:", &long)?;
    let mut access_only = given.has(b'a') && !given.has(b'm');
    match given.value(b'T') {
        None | Some(b"mtime" | b"modify") => {}
        Some(b"atime" | b"access" | b"use") => access_only = !given.has(b'm'),
        Some(other) => return Err(Fault::failed(format!("invalid argument '{}' for '--time'", show(other)))),
    }
    let time = match (given.value(b'r'), given.value(b'd'), given.value(b't')) {
        (Some(_), Some(_), _) => return Err(Fault::gap("-r and -d together")),
        (Some(path), ..) => {
            let missing =
                || Fault::failed(format!("failed to get attributes of '{}': No such file or directory", show(path)));
            call.look(path, !given.has(b'h')).ok_or_else(missing)?.stat.mtime
        }
        (_, Some(date), _) => super::clock::parse(date, call.shell.system.clock)?,
        (_, _, Some(_)) => return Err(Fault::gap("-t")),
        _ => call.shell.system.clock,
    };
    if given.operands.is_empty() {
        return Err(Fault::failed("missing file operand"));
    }
    let (quiet, follow) = (given.has(b'c'), !given.has(b'h'));
    each(call, given.operands, |call, path| {
        let refused = |error| Fault::failed(format!("cannot touch '{}': {}", show(&path), reason(&error)));
        let absolute = call.absolute(&path);
        if call.shell.system.is_null(&absolute) {
            return Ok(());
        }
        let place = match call.tree().resolve(&absolute, follow) {
            Ok(place) => place,
            Err(tree::Error::NotFound(_)) if quiet => return Ok(()),
            Err(error) => return Err(refused(error)),
        };
        if call.tree().get(&place).is_none() {
            if quiet {
                return Ok(());
            }
            if path.is_empty() || path.ends_with(b"/") || !follow {
                return Err(refused(tree::Error::NotFound(place)));
            }
            let mode = 0o666 & !call.shell.state.umask;
            call.create(&place, Inode::file(mode, Vec::new()))?;
        }
        if let Some(inode) = call.tree().get_mut(&place).filter(|_| !access_only) {
            inode.stat.mtime = time;
        }
        Ok(())
    })
}
