//! A tree as a directory of the host's file system, and back.
//!
//! The destination is fresh and only we write below it, and the parent of every path is a directory we made, so
//! no link is ever followed. Owners, devices and some attributes need privilege: with [`Owners::Kept`] a refusal
//! is an error, never a quiet change. What is read may be anybody's, and is opened by handles below it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::Uid;
use rustix::fs::XattrFlags;

use super::Error;
use crate::cancel::Cancel;
use crate::host::Dir;
use crate::host::beneath::Status;
use crate::host::fault::Faulty;
use crate::host::fault::at;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Keep;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// What becomes of owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Every owner as in the tree; needs privilege unless they are the caller's own.
    Kept,
    /// Everything belongs to who writes it: for files that somebody will copy into place.
    Dropped,
}

/// Writes `tree` into `destination`, a directory that exists and is empty.
///
/// # Errors
/// The file system refuses something (the message names the path, and what would help), or it was cancelled.
pub fn write(tree: &Tree, destination: &Path, owners: Owners, cancel: &Cancel) -> Result<(), Error> {
    write_beside(tree, destination, owners, &|_| None, cancel)
}

/// As [`write()`]; a file that `elsewhere` knows gets a further name instead of being written again, with the mode, owner
/// and time that it has there, if the file system has such links.
pub(crate) fn write_beside<'a>(
    tree: &Tree,
    destination: &Path,
    owners: Owners,
    elsewhere: &dyn Fn(&Inode) -> Option<&'a Path>,
    cancel: &Cancel,
) -> Result<(), Error> {
    let mut first: BTreeMap<InodeId, PathBuf> = BTreeMap::new();
    let mut directories: Vec<(PathBuf, &Stat)> = Vec::new();
    for (path, id, inode) in tree.iter() {
        let on_host = destination.join(OsStr::from_bytes(path.as_bytes()));
        let failed = |action| move |source: io::Error| Error::Directory { action, path: path.clone(), source };
        cancel.check()?;
        if let Some(original) = first.get(&id) {
            fs::hard_link(original, &on_host).map_err(failed("link"))?;
            continue;
        }
        match &inode.kind {
            // Searchable while it is filled; its own mode and time come when nothing is added any more.
            Kind::Directory => {
                if !path.is_root() {
                    at("make").and_then(|()| fs::create_dir(&on_host)).map_err(failed("make"))?;
                }
                directories.push((on_host, &inode.stat));
                continue;
            }
            Kind::File(_) if elsewhere(inode).is_some_and(|there| fs::hard_link(there, &on_host).is_ok()) => {
                first.insert(id, on_host);
                continue;
            }
            Kind::File(content) => {
                let mut file = at("create").and_then(|()| new_file(&on_host)).map(Faulty).map_err(failed("create"))?;
                io::copy(&mut cancel.reader(content.reader()), &mut file).map_err(failed("write"))?;
            }
            Kind::Symlink(target) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(target), &on_host).map_err(failed("make"))?;
            }
            Kind::CharDevice { major, minor } => {
                make_node(&on_host, FileType::CharacterDevice, *major, *minor).map_err(failed("make device"))?;
            }
            Kind::BlockDevice { major, minor } => {
                make_node(&on_host, FileType::BlockDevice, *major, *minor).map_err(failed("make device"))?;
            }
            Kind::Fifo => make_node(&on_host, FileType::Fifo, 0, 0).map_err(failed("make"))?,
        }
        let is_link = matches!(inode.kind, Kind::Symlink(_));
        set_attributes(&on_host, &inode.stat, is_link, owners).map_err(failed("set owner, mode or time of"))?;
        if tree.links(id) > 1 {
            first.insert(id, on_host);
        }
    }
    for (on_host, stat) in directories.iter().rev() {
        cancel.check()?;
        set_attributes(on_host, stat, false, owners).map_err(|source| Error::Directory {
            action: "set owner, mode or time of",
            path: relative(on_host, destination),
            source,
        })?;
    }
    Ok(())
}

/// Reads a directory back into a tree: of one that [`write()`] has made with [`Owners::Kept`], the same one. `keep` gets
/// the bytes of each file; a file with several names is read once.
///
/// # Errors
/// Something cannot be read or is a socket, there are more than `paths_max` paths, or it was cancelled.
pub fn read(directory: &Dir, paths_max: usize, keep: &mut Keep<'_>, cancel: &Cancel) -> Result<Tree, Error> {
    let mut tree = Tree::new();
    let mut first: BTreeMap<(u64, u64), TreePath> = BTreeMap::new();
    let mut todo = vec![TreePath::root()];
    while let Some(parent) = todo.pop() {
        let failed = |path: &TreePath| {
            let path = path.clone();
            move |source: io::Error| Error::Directory { action: "read", path, source }
        };
        // From the top each time: as many handles as a path is deep could be more than there are.
        let here = directory.dir(on_disk(&parent)).map_err(failed(&parent))?;
        let stat = |path: &TreePath, status: &Status| -> io::Result<Stat> {
            let xattrs =
                here.attributes(if *path == parent { OsStr::new("") } else { OsStr::from_bytes(path.name()) })?;
            let (mode, uid, gid, mtime) = (status.mode, status.uid, status.gid, status.mtime);
            Ok(Stat { mode, uid, gid, mtime, xattrs: xattrs.into_iter().collect() })
        };
        if parent.is_root() {
            let status = here.status("").map_err(failed(&parent))?;
            let stat = stat(&parent, &status).map_err(failed(&parent))?;
            tree.get_mut(&parent).expect("every tree has a root").stat = stat;
        }
        for name in here.names().map_err(failed(&parent))? {
            cancel.check()?;
            let path = parent.join(name.as_bytes()).map_err(|error| failed(&parent)(io::Error::other(error)))?;
            if tree.len() >= paths_max {
                return Err(Error::TooMany(paths_max));
            }
            let status = here.status(&name).map_err(failed(&path))?;
            let is_shared = status.links > 1 && status.kind != FileType::Directory;
            if let Some(original) = first.get(&status.inode).filter(|_| is_shared) {
                tree.link(original, path.clone()).map_err(|error| failed(&path)(io::Error::other(error)))?;
                continue;
            }
            let kind = match status.kind {
                FileType::Directory => {
                    todo.push(path.clone());
                    Kind::Directory
                }
                FileType::RegularFile => {
                    let mut file = cancel.reader(here.file(&name).map_err(failed(&path))?);
                    Kind::File(keep(&mut file, status.size).map_err(failed(&path))?)
                }
                FileType::Symlink => Kind::Symlink(here.target(&name).map_err(failed(&path))?),
                FileType::CharacterDevice => Kind::CharDevice { major: status.device.0, minor: status.device.1 },
                FileType::BlockDevice => Kind::BlockDevice { major: status.device.0, minor: status.device.1 },
                FileType::Fifo => Kind::Fifo,
                _ => return Err(Error::Kind(path)),
            };
            let stat = stat(&path, &status).map_err(failed(&path))?;
            let inode = Inode { kind, stat };
            tree.insert(path.clone(), inode).map_err(|error| failed(&path)(io::Error::other(error)))?;
            if is_shared {
                first.insert(status.inode, path);
            }
        }
    }
    Ok(tree)
}

fn on_disk(path: &TreePath) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

fn relative(on_host: &Path, destination: &Path) -> TreePath {
    let rest = on_host.strip_prefix(destination).unwrap_or(on_host);
    TreePath::new(rest.as_os_str().as_bytes()).unwrap_or_default()
}

fn new_file(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn make_node(path: &Path, kind: FileType, major: u32, minor: u32) -> io::Result<()> {
    let device = rustix::fs::makedev(major, minor);
    Ok(rustix::fs::mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device)?)
}

/// Owner first, then mode (a change of owner clears setuid bits), then attributes (a change of owner clears
/// capabilities), then time.
fn set_attributes(path: &Path, stat: &Stat, is_link: bool, owners: Owners) -> io::Result<()> {
    if owners == Owners::Kept {
        let (uid, gid) = (Uid::from_raw(stat.uid), Gid::from_raw(stat.gid));
        rustix::fs::chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    if !is_link {
        rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(stat.mode), AtFlags::empty())?;
    }
    for (name, value) in &stat.xattrs {
        let name = CString::new(name.as_slice())?;
        rustix::fs::lsetxattr(path, &name, value, XattrFlags::empty())?;
    }
    let time = Timespec { tv_sec: stat.mtime, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::digest::Sha256;

    #[test]
    fn what_is_elsewhere_gets_another_name() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (there, gone) = (place.path().join("there"), place.path().join("gone"));
        fs::write(&there, "kernel").expect("ours");
        let mut tree = Tree::new();
        for name in ["kernel", "initrd", "own"] {
            tree.write(name, 0o644, name).expect("new");
        }
        let path = |path: &str| TreePath::new(path).expect("a path");
        tree.link(&path("kernel"), path("same")).expect("new");
        let destination = place.path().join("written");
        fs::create_dir(&destination).expect("ours");
        let elsewhere = |inode: &Inode| match &inode.kind {
            Kind::File(content) if *content.sha256() == Sha256::of(b"kernel") => Some(there.as_path()),
            Kind::File(content) if *content.sha256() == Sha256::of(b"initrd") => Some(gone.as_path()),
            _ => None,
        };
        write_beside(&tree, &destination, Owners::Dropped, &elsewhere, &Cancel::default()).expect("written");
        let inode = |path: &Path| fs::metadata(path).expect("it is there").ino();
        assert_eq!([inode(&destination.join("kernel")), inode(&destination.join("same"))], [inode(&there); 2]);
        for name in ["initrd", "own"] {
            assert_eq!(fs::read_to_string(destination.join(name)).expect("written"), name);
        }
    }
}
