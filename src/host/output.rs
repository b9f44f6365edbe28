//! Outputs appear whole, by one rename, or not at all.
//!
//! A build writes into a hidden directory beside the wanted one. [`Staging::publish`] brings every byte to the disk
//! and then swaps the two names in one step, so whoever looks sees the old output or the new one. A failed build
//! leaves the old output untouched; what a killed one leaves is removed by the next build in the same place.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::fault::at;
use crate::cancel::Cancel;
use crate::format::shown;

/// How the names of unfinished outputs begin.
const PREFIX: &str = ".imgbuild-";
/// What an earlier output has in it; a directory without these is somebody's own and is not replaced.
const MARKS: [&str; 2] = ["manifest.json", "tree.txt"];
/// From so many files on, the whole file system is synchronised at once: one call per file would take longer than
/// writing them did.
#[cfg(target_os = "linux")]
const SYNC_EACH_MAX: usize = 1000;

/// Why an output cannot appear.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The path names no directory that could be made.
    #[error("`{}` cannot be an output directory: {reason}", path.display())]
    Place {
        /// As given.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// Attempted: `make`, `synchronise`, `publish` …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An output that is being written. Dropping it removes what was written.
#[derive(Debug)]
pub struct Staging {
    /// What will appear.
    target: PathBuf,
    /// Where it is written meanwhile.
    path: PathBuf,
    /// Whether it takes the place of whatever is there, and not of an earlier output alone.
    replaces: bool,
    /// Open as long as the build lives, and locked: so others know that `path` is no left-over.
    _lock: File,
    cancel: Cancel,
}

impl Staging {
    /// Starts an output that will appear at `target`, and removes what killed builds left beside it.
    ///
    /// # Errors
    /// `target` is not a place for an output (the root, a symbolic link, a file, a directory with other things in
    /// it), or nothing can be written beside it.
    pub fn new(target: &Path) -> Result<Self, OutputError> {
        check_place(target)?;
        let parent = parent(target);
        at("make").and_then(|()| fs::create_dir_all(parent)).map_err(failed("make", parent))?;
        Self::start(target, parent, false)
    }

    /// Starts a directory that will appear at `target`, in place of whatever is there, and is written in another
    /// directory of the same file system: one that nobody else writes in. Both must be there.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn replacing(target: &Path, workshop: &Path) -> Result<Self, OutputError> {
        Self::start(target, workshop, true)
    }

    fn start(target: &Path, parent: &Path, replaces: bool) -> Result<Self, OutputError> {
        sweep(parent);
        // Between the making of a directory and its lock another build's sweep may take it away: then once more.
        for _ in 0..100 {
            let mut hidden = tempfile::Builder::new();
            let made = hidden.prefix(PREFIX).permissions(Permissions::from_mode(0o777));
            let made = at("write in").and_then(|()| made.tempdir_in(parent).map_err(shown::without_place));
            let path = made.map_err(failed("write in", parent))?.keep();
            if let Some(lock) = lock(&path) {
                let cancel = Cancel::default();
                return Ok(Self { target: target.to_owned(), path, replaces, _lock: lock, cancel });
            }
        }
        Err(failed("lock an output in", parent)(io::ErrorKind::ResourceBusy.into()))
    }

    /// Lets nothing appear when this says so.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// The directory to write into.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the output appear, in place of an earlier one. When this returns, everything is on the disk.
    ///
    /// # Errors
    /// The file system, or it was cancelled; what was there before stays.
    pub fn publish(self) -> Result<(), OutputError> {
        synchronise(&self.path, &self.cancel)?;
        // From here on it is done rather than cancelled.
        self.cancel.check().map_err(|cancelled| failed("publish", &self.target)(cancelled.into()))?;
        if !self.replaces {
            check_place(&self.target)?;
        }
        swap(&self.path, &self.target)?;
        let parent = parent(&self.target);
        let synchronised = at("synchronise").and_then(|()| File::open(parent)).and_then(|parent| parent.sync_all());
        synchronised.map_err(failed("synchronise", parent))
        // Dropping `self` now removes the earlier output, which the swap has put under our hidden name.
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nobody is left to tell when this fails; the next build's sweep tries again.
        let _ = remove(&self.path);
    }
}

/// Whether an output may appear, and replace what is, at `target`; to be asked before the work for it is done.
///
/// # Errors
/// As [`Staging::new`].
pub fn check_place(target: &Path) -> Result<(), OutputError> {
    let refuse = |reason| Err(OutputError::Place { path: target.to_owned(), reason });
    if !matches!(target.components().next_back(), Some(Component::Normal(_))) {
        return refuse("its last part is no name; name a directory to be made");
    }
    let metadata = match fs::symlink_metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", target)(error)),
    };
    if metadata.is_symlink() {
        return refuse("it is a symbolic link; name the directory itself");
    }
    if !metadata.is_dir() {
        return refuse("it is no directory; name another or remove it");
    }
    let names = names(target).map_err(failed("read", target))?;
    let ours = MARKS.iter().all(|mark| names.iter().any(|name| name == mark));
    if !ours && !names.is_empty() {
        return refuse("it holds other things than an earlier output; name another or empty it");
    }
    Ok(())
}

/// Puts `new` at `target` in one step; an earlier output is then at `new`.
fn swap(new: &Path, target: &Path) -> Result<(), OutputError> {
    at("publish").map_err(failed("publish", target))?;
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::CWD;
        use rustix::fs::RenameFlags;
        use rustix::io::Errno;
        let exchange = |flags| rustix::fs::renameat_with(CWD, new, CWD, target, flags);
        let done = match exchange(RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => exchange(RenameFlags::EXCHANGE),
            done => done,
        };
        match done {
            // File systems without these flags (some network and FUSE ones) say so; then the classic way.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(|errno| failed("publish", target)(errno.into())),
        }
    }
    // `rename` replaces an empty directory only. An earlier output first goes aside; a kill between the two leaves
    // none, but never half of one.
    let aside = new.with_extension("old");
    let moved = match fs::rename(target, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        done => done.map(|()| true).map_err(failed("publish", target))?,
    };
    let done = fs::rename(new, target);
    // The earlier output goes, or comes back; should even that fail, the first error is the one to tell.
    let _ = match done {
        _ if !moved => Ok(()),
        Ok(()) => remove(&aside),
        Err(_) => fs::rename(&aside, target),
    };
    done.map_err(failed("publish", target))
}

/// Brings everything below `root`, and `root` itself, to the disk.
fn synchronise(root: &Path, cancel: &Cancel) -> Result<(), OutputError> {
    let mut found = Vec::new();
    walk(root, &mut |path, metadata| {
        if metadata.is_file() || metadata.is_dir() {
            found.push(path.to_owned());
        }
        Ok(())
    })?;
    #[cfg(target_os = "linux")]
    if found.len() > SYNC_EACH_MAX {
        let directory = at("open").and_then(|()| File::open(root)).map_err(failed("open", root))?;
        return rustix::fs::syncfs(directory).map_err(|errno| failed("synchronise", root)(errno.into()));
    }
    // Entries of a directory were found after it: backwards, a directory follows what is in it.
    for path in found.iter().rev() {
        match at("synchronise")
            .and_then(|()| Ok(cancel.check()?))
            .and_then(|()| File::open(path))
            .and_then(|file| file.sync_all())
        {
            // A file of the image that not even its owner may read; its directory carries it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            done => done.map_err(failed("synchronise", path))?,
        }
    }
    Ok(())
}

/// Removes what killed builds left in `parent`: hidden directories that nobody holds a lock on.
fn sweep(parent: &Path) {
    let left = names(parent).unwrap_or_default();
    for name in left.iter().filter(|name| name.as_bytes().starts_with(PREFIX.as_bytes())) {
        let path = parent.join(name);
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        if let Some(_lock) = is_directory.then(|| lock(&path)).flatten() {
            // What cannot be removed, such as another user's, stays; it does no harm to this build.
            let _ = remove(&path);
        }
    }
}

/// Locks a directory; `None` when another process has it or it went away meanwhile.
fn lock(path: &Path) -> Option<File> {
    let directory = File::open(path).ok()?;
    rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
    let (held, there) = (directory.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    ((held.dev(), held.ino()) == (there.dev(), there.ino())).then_some(directory)
}

/// Removes a tree, also one whose directories are not writable, as those of an image may be.
fn remove(root: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(root) {
        // Somebody's file that was in the place of a directory.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return fs::remove_file(root),
        removed => removed,
    };
    // Modes are no hindrance to root, whom another may want to lead elsewhere by a link in what is left.
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    if removed.is_ok() || is_root || fs::symlink_metadata(root).is_err() {
        return removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) });
    }
    // A mode that cannot be changed shows in the removal.
    let _ = walk(root, &mut |path, metadata| {
        if metadata.is_dir() {
            let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
        }
        Ok(())
    });
    fs::remove_dir_all(root)
}

/// Calls `visit` for `root` and everything below, a directory before it is read. Links are not followed.
fn walk(
    root: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
        visit(&path, &metadata)?;
        if metadata.is_dir() {
            todo.extend(names(&path).map_err(failed("read", &path))?.iter().map(|name| path.join(name)));
        }
    }
    Ok(())
}

/// The names in a directory, sorted.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names =
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// The directory that holds `target`.
fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent.as_os_str() != OsStr::new("") => parent,
        _ => Path::new("."),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory to play in, and an output in it.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("the tests can write");
        let target = directory.path().join("deep/er/out");
        (directory, target)
    }

    fn build(target: &Path, text: &str) {
        let staging = Staging::new(target).expect("a good place");
        for mark in MARKS {
            fs::write(staging.path().join(mark), text).expect("written");
        }
        fs::create_dir(staging.path().join("root")).expect("made");
        fs::write(staging.path().join("root/file"), text).expect("written");
        staging.publish().expect("published");
    }

    fn left(target: &Path) -> Vec<OsString> {
        names(parent(target)).expect("readable")
    }

    #[test]
    fn an_output_appears_and_replaces_an_earlier_one() {
        let (_directory, target) = place();
        for text in ["one", "two"] {
            build(&target, text);
            assert_eq!(fs::read_to_string(target.join("root/file")).expect("there"), text);
            assert_eq!(left(&target), ["out"]);
        }
    }

    #[test]
    fn a_directory_is_replaced_whatever_it_holds() {
        let (directory, target) = place();
        fs::create_dir_all(target.join("somebody's")).expect("made");
        let write = |text: &str| {
            let staging = Staging::replacing(&target, directory.path()).expect("a good place");
            fs::write(staging.path().join("file"), text).expect("written");
            staging.publish().expect("published");
            assert_eq!(names(&target).expect("readable"), ["file"]);
            assert_eq!(names(directory.path()).expect("readable"), ["deep"], "nothing is left of the earlier one");
        };
        write("one");
        fs::remove_dir_all(&target).expect("ours");
        std::os::unix::fs::symlink("/etc", &target).expect("made");
        write("two");
        fs::remove_dir_all(&target).expect("ours");
        fs::write(&target, "a file").expect("written");
        write("three");
        assert!(Path::new("/etc/passwd").exists(), "a link is not followed");
    }

    #[test]
    fn a_failed_build_leaves_the_old_output_and_nothing_else() {
        let (_directory, target) = place();
        build(&target, "old");
        let staging = Staging::new(&target).expect("a good place");
        fs::write(staging.path().join("half"), "x").expect("written");
        let locked = staging.path().join("locked/below");
        fs::create_dir_all(&locked).expect("made");
        fs::set_permissions(parent(&locked), Permissions::from_mode(0o000)).expect("ours");
        drop(staging);
        assert_eq!(left(&target), ["out"]);
        assert_eq!(fs::read_to_string(target.join("root/file")).expect("there"), "old");
    }

    #[test]
    fn what_a_killed_build_left_goes_and_a_living_one_stays() {
        let (_directory, target) = place();
        let living = Staging::new(&target).expect("a good place");
        fs::create_dir(parent(&target).join(".imgbuild-killed")).expect("made");
        fs::write(parent(&target).join(".imgbuild-killed/half"), "x").expect("written");
        let second = Staging::new(&target).expect("a good place");
        assert_ne!(living.path(), second.path());
        assert!(living.path().is_dir(), "a living build's directory was taken away");
        assert_eq!(left(&target).len(), 2);
    }

    #[test]
    fn what_is_no_output_is_never_replaced() {
        let (directory, target) = place();
        let refused = |path: &Path| {
            assert!(matches!(Staging::new(path), Err(OutputError::Place { .. })), "{}", path.display());
        };
        fs::create_dir_all(&target).expect("made");
        drop(Staging::new(&target).expect("an empty directory is fine"));
        fs::write(target.join("letter"), "dear").expect("written");
        refused(&target);
        refused(&target.join("letter"));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &link).expect("made");
        refused(&link);
        for bad in ["/", "..", ".", ""] {
            refused(Path::new(bad));
        }
    }
}
