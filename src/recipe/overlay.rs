//! Overlay entries, and the files that they take from beside the recipe.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::OverlayEntry;
use super::OverlayKind;
use super::file;
use super::grammar;
use super::meaning::Checker;
use super::raw;
use super::raw::At;
use super::raw::Text;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::TreePath;

/// The most files below one `source`: more are better off in a package.
const FILES_MAX: usize = 100_000;

/// One entry.
pub(super) fn entry(checker: &mut Checker<'_>, raw: &At<raw::Overlay>) -> Option<OverlayEntry> {
    let entry = &raw.value;
    let path = path(checker, &entry.path);
    let kind = kind(checker, raw);
    let mode = checker.option("overlay.mode", entry.mode.as_ref(), grammar::mode);
    let user = checker.option("overlay.user", entry.user.as_ref(), grammar::owner);
    let group = checker.option("overlay.group", entry.group.as_ref(), grammar::owner);
    let (path, kind) = (path?, kind?);
    let no_mode = match &kind {
        OverlayKind::Symlink(_) => Some("a symbolic link has no mode of its own"),
        OverlayKind::Remove => Some("what is removed has no mode"),
        OverlayKind::Source(files) if files[0].1.is_directory() => {
            Some("the files of a directory have modes of their own, by whether they are executable")
        }
        _ => None,
    };
    if let (Some(mode), Some(reason)) = (&entry.mode, no_mode) {
        checker.report(mode, format!("`overlay.mode` means nothing here: {reason}"), None);
    }
    let whole = match &kind {
        OverlayKind::Source(files) => files[0].1.is_directory(),
        OverlayKind::Directory => true,
        _ => false,
    };
    if path.is_root() && !whole {
        checker.report(&entry.path, "only a directory can be at `/`".to_owned(), None);
    }
    Some(OverlayEntry { path, kind, mode: mode?, user: user?, group: group? })
}

fn path(checker: &mut Checker<'_>, text: &Text) -> Option<TreePath> {
    checker.get("overlay.path", text, |text| {
        if !text.starts_with('/') || text.chars().any(char::is_control) {
            return Err("use an absolute path in the root".to_owned());
        }
        TreePath::new(text).map_err(|error| error.to_string())
    })
}

fn kind(checker: &mut Checker<'_>, raw: &At<raw::Overlay>) -> Option<OverlayKind> {
    let entry = &raw.value;
    let flag = |flag: &Option<At<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
    let given = [
        entry.content.is_some(),
        entry.source.is_some(),
        entry.symlink.is_some(),
        flag(&entry.directory),
        flag(&entry.remove),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let help = "give one of `content`, `source`, `symlink`, `directory = true`, `remove = true`";
        let message = "an overlay entry puts exactly one thing in place".to_owned();
        checker.report(&entry.path, message, Some(help.to_owned()));
        return None;
    }
    if let Some(content) = &entry.content {
        return Some(OverlayKind::Content(content.value.clone().into_bytes()));
    }
    if let Some(target) = &entry.symlink {
        return checker.get("overlay.symlink", target, grammar::link_target).map(OverlayKind::Symlink);
    }
    if let Some(source) = &entry.source {
        let real = checker.locate(source)?;
        return match read(&real) {
            Ok(files) => Some(OverlayKind::Source(files)),
            Err((path, error)) => {
                let below = path.strip_prefix(&real).map(|path| path.display().to_string()).unwrap_or_default();
                let what = if below.is_empty() { source.value.clone() } else { format!("{}/{below}", source.value) };
                checker.report(source, format!("cannot read `{}`: {error}", what.escape_debug()), None);
                None
            }
        };
    }
    Some(if flag(&entry.remove) { OverlayKind::Remove } else { OverlayKind::Directory })
}

pub(super) type Failure = (std::path::PathBuf, io::Error);

/// A file or directory as inodes, itself first, parents before what is in them, names sorted bytewise.
pub(super) fn read(root: &Path) -> Result<Vec<(TreePath, Inode)>, Failure> {
    let mut files = Vec::new();
    let mut todo = vec![(TreePath::root(), root.to_owned())];
    while let Some((path, real)) = todo.pop() {
        let at = |error: io::Error| (real.clone(), error);
        if files.len() >= FILES_MAX {
            return Err(at(io::Error::other(format!("more than {FILES_MAX} files; make a package of them"))));
        }
        let metadata = fs::symlink_metadata(&real).map_err(at)?;
        let inode = if metadata.is_dir() {
            for name in names(&real).map_err(at)?.iter().rev() {
                let below = path.join(name.as_bytes()).map_err(|error| at(io::Error::other(error)))?;
                todo.push((below, real.join(name)));
            }
            Inode::directory(0o755)
        } else if metadata.is_symlink() {
            Inode::symlink(fs::read_link(&real).map_err(at)?.as_os_str().as_bytes())
        } else {
            let (content, executable) = file::read(&real).map_err(at)?;
            Inode { kind: Kind::File(content), stat: Stat::new(if executable { 0o755 } else { 0o644 }) }
        };
        files.push((path, inode));
    }
    // The walk is depth first; a tree's own order is bytewise over whole paths.
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub(super) fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names =
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
