//! Home directories: made, filled from `/etc/skel`, moved, given to another number.

use crate::tree::Inode;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Fault;

/// Who owns a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Makes a home and what is missing above it (root's, 0755).
///
/// # Errors
/// Something on the way is no directory.
pub(super) fn make(call: &mut Call<'_, '_>, home: &[u8], owner: Owner, mode: u32) -> Result<TreePath, Fault> {
    let mut path = Vec::new();
    let mut place = TreePath::root();
    for name in home.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
        path.extend([b"/", name].concat());
        place = call.resolve(&path, true)?;
        if call.tree().get(&place).is_none() {
            call.create(&place, Inode::directory(0o755))?;
        }
    }
    if let Some(inode) = call.tree().get_mut(&place) {
        (inode.stat.uid, inode.stat.gid, inode.stat.mode) = (owner.uid, owner.gid, mode);
    }
    Ok(place)
}

/// Copies what lies in a skeleton directory and is not refused by name; the copies are the owner's.
///
/// # Errors
/// Something is in the way.
pub(super) fn fill(
    call: &mut Call<'_, '_>,
    skeleton: &[u8],
    home: &TreePath,
    owner: Owner,
    refuse: fn(&[u8]) -> bool,
) -> Result<(), Fault> {
    let Some(from) = call.tree().lookup(skeleton).map(|(path, _)| path) else { return Ok(()) };
    if home.starts_with(&from) {
        return Err(Fault::failed("the home directory lies in the skeleton directory"));
    }
    let copied: Vec<(TreePath, Inode)> =
        call.tree().below(&from).map(|(path, inode)| (path.clone(), inode.clone())).collect();
    for (path, mut inode) in copied {
        if refuse(path.as_bytes()) {
            continue;
        }
        call.shell.spend(path.as_bytes().len())?;
        let place = home.join(&path.as_bytes()[from.as_bytes().len()..])?;
        (inode.stat.uid, inode.stat.gid) = (owner.uid, owner.gid);
        inode.stat.xattrs.clear();
        inode.stat.mtime = call.shell.system.clock;
        call.tree().insert(place, inode)?;
    }
    Ok(())
}

/// Gives what lies in a home and belongs to `from` to `to`: owner and group, each for itself.
///
/// # Errors
/// The budget is spent.
pub(super) fn give(call: &mut Call<'_, '_>, home: &[u8], from: Owner, to: Owner) -> Result<(), Fault> {
    let Some((top, _)) = call.tree().lookup(home) else { return Ok(()) };
    if top.is_root() {
        return Ok(());
    }
    let inside: Vec<TreePath> = call.tree().below(&top).map(|(path, _)| path.clone()).collect();
    call.shell.spend(inside.len().saturating_mul(16))?;
    for path in inside.iter().chain([&top]) {
        let Some(inode) = call.tree().get_mut(path) else { continue };
        if inode.stat.uid == from.uid {
            inode.stat.uid = to.uid;
        }
        if inode.stat.gid == from.gid {
            inode.stat.gid = to.gid;
        }
    }
    Ok(())
}

/// Removes a home with all in it, where it is one.
pub(super) fn remove(call: &mut Call<'_, '_>, home: &[u8]) {
    let found = call.tree().lookup(home).filter(|(_, inode)| inode.is_directory()).map(|(path, _)| path);
    if let Some(path) = found.filter(|path| !path.is_root()) {
        call.tree().remove_all(&path);
    }
}
