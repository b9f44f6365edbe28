//! The files of units and init scripts, as all of these programs look at them.

use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Fault;

/// Counts a step of work that grows with what unit files say.
pub(super) fn spend(call: &Call<'_, '_>) -> Result<(), Fault> {
    Ok(call.shell.system.budget.step()?)
}

/// Where a symbolic link leads, as written; `None` when there is none.
pub(super) fn target(call: &mut Call<'_, '_>, path: &[u8]) -> Option<Vec<u8>> {
    match call.look(path, false)?.kind {
        Kind::Symlink(target) => Some(target),
        _ => None,
    }
}

/// Whether a regular file lies there, links followed.
pub(super) fn is_file(call: &mut Call<'_, '_>, path: &[u8]) -> bool {
    call.look(path, true).is_some_and(|inode| matches!(inode.kind, Kind::File(_)))
}

/// Whether something executable lies there.
pub(super) fn is_program(call: &mut Call<'_, '_>, path: &[u8]) -> bool {
    call.look(path, true).is_some_and(|inode| !inode.is_directory() && inode.stat.mode & 0o111 != 0)
}

/// The names in a directory, bytewise; none when there is no directory.
pub(super) fn names(call: &mut Call<'_, '_>, directory: &[u8]) -> Vec<Vec<u8>> {
    let Ok(place) = call.resolve(directory, true) else { return Vec::new() };
    call.tree().children(&place).map(|(path, _)| path.name().to_vec()).collect()
}

/// Makes a symbolic link where nothing is, and the directories above it, as systemctl does: whatever the umask.
pub(super) fn make_link(call: &mut Call<'_, '_>, link: &[u8], to: &[u8]) -> Result<(), Fault> {
    call.tree().make_directories(parent(link), 0o755)?;
    let place = call.resolve(link, false)?;
    call.create(&place, Inode::symlink(to))
}

/// The directories above a file of the helper's own, as its `make_path` makes them.
pub(super) fn make_parent(call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
    let mode = 0o777 & !call.shell.state.umask;
    call.tree().make_directories(parent(path), mode)?;
    Ok(())
}

fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]
}

/// Removes one name that is no directory; whether there was one.
pub(super) fn unlink(call: &mut Call<'_, '_>, path: &[u8]) -> Result<bool, Fault> {
    let Ok(place) = call.resolve(path, false) else { return Ok(false) };
    let there = call.tree().get(&place).is_some_and(|inode| !inode.is_directory());
    if there {
        call.tree().remove(&place)?;
    }
    Ok(there)
}

/// Removes a directory if nothing is in it, then those above it below `top`.
pub(super) fn remove_empty(call: &mut Call<'_, '_>, directory: &[u8], top: &[u8]) -> Result<(), Fault> {
    let Ok(mut place) = call.resolve(directory, true) else { return Ok(()) };
    let top = call.resolve(top, true)?;
    while place != top && place.starts_with(&top) && call.tree().get(&place).is_some_and(Inode::is_directory) {
        if call.tree().below(&place).next().is_some() {
            break;
        }
        call.tree().remove(&place)?;
        place = place.parent().unwrap_or_default();
    }
    Ok(())
}

/// Whether two paths are one place, whichever links lead there.
pub(super) fn same_place(call: &mut Call<'_, '_>, a: &[u8], b: &[u8]) -> bool {
    let place = |call: &mut Call<'_, '_>, path: &[u8]| -> Option<TreePath> { call.tree().resolve(path, true).ok() };
    a == b || place(call, a).is_some_and(|a| place(call, b) == Some(a))
}

/// The last name of a path.
pub(super) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}
