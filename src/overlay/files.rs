//! The recipe's own files: content, sources, links, directories and removals, with owner and mode as data.

use crate::overlay::Error;
use crate::overlay::accounts::Accounts;
use crate::overlay::layer::Layer;
use crate::recipe::OverlayEntry;
use crate::recipe::OverlayKind;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;

/// Applies the entries in their order: a later one sees what an earlier one did, `/etc/passwd` included.
pub(super) fn apply(layer: &mut Layer<'_>, entries: &[OverlayEntry]) -> Result<(), Error> {
    entries.iter().try_for_each(|entry| match &entry.kind {
        OverlayKind::Content(bytes) => place(layer, entry, &entry.path, Inode::file(0o644, bytes.clone())),
        OverlayKind::Symlink(target) => place(layer, entry, &entry.path, Inode::symlink(target.as_bytes())),
        OverlayKind::Directory => directory(layer, entry),
        OverlayKind::Source(files) => source(layer, entry, files),
        OverlayKind::Remove => layer.remove_own(&entry.path),
    })
}

fn source(layer: &mut Layer<'_>, entry: &OverlayEntry, files: &[(TreePath, Inode)]) -> Result<(), Error> {
    files.iter().try_for_each(|(relative, inode)| {
        let path = entry
            .path
            .join(relative.as_bytes())
            .map_err(|source| Error::Place { path: entry.path.to_string(), source: source.into() })?;
        // Directories of a source are the way to its files: one that is there, directly or through the merged
        // /usr, stays what it is.
        if inode.is_directory() && layer.tree.lookup(path.as_bytes()).is_some_and(|(_, there)| there.is_directory()) {
            return Ok(());
        }
        place(layer, entry, &path, inode.clone())
    })
}

fn directory(layer: &mut Layer<'_>, entry: &OverlayEntry) -> Result<(), Error> {
    let existing = layer.tree.resolve(entry.path.as_bytes(), false).ok().and_then(|path| layer.tree.get(&path));
    let inode = match existing {
        Some(Inode { kind: Kind::Symlink(target), .. }) => {
            return Err(Error::DirectoryOverLink {
                path: entry.path.to_string(),
                target: String::from_utf8_lossy(target).into_owned(),
            });
        }
        // As dpkg does: a directory that is there keeps what the recipe does not name.
        Some(inode) if inode.is_directory() => inode.clone(),
        _ => Inode::directory(0o755),
    };
    place(layer, entry, &entry.path, inode)
}

fn place(layer: &mut Layer<'_>, entry: &OverlayEntry, path: &TreePath, mut inode: Inode) -> Result<(), Error> {
    let accounts = Accounts::read(layer)?;
    if entry.user.is_some() {
        inode.stat.uid = accounts.uid(path, entry.user.as_deref())?;
    }
    if entry.group.is_some() {
        inode.stat.gid = accounts.gid(path, entry.group.as_deref())?;
    }
    if let Some(mode) = entry.mode {
        inode.stat.mode = mode_of(&inode, mode, entry);
    }
    layer.put_own(path, inode)
}

/// The recipe's mode, as it fits the kind: a link has none of its own, and a directory of a source that is given
/// a file's mode can be searched by whoever may read it.
fn mode_of(inode: &Inode, mode: u32, entry: &OverlayEntry) -> u32 {
    match (&inode.kind, &entry.kind) {
        (Kind::Symlink(_), _) => inode.stat.mode,
        (Kind::Directory, OverlayKind::Source(_)) => mode | (mode & 0o444) >> 2,
        _ => mode,
    }
}
