//! A directory of the store, by handle.
//!
//! Opened once, never through a link, and used by nothing but its handle from then on: whatever is put in its place
//! meanwhile, nothing is read, written or removed anywhere else.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::fail;
use crate::host::StoreError;
use crate::host::fault::at;

/// Nobody else's business: others who could write here could put what they like in place of what is kept.
const OWN: Mode = Mode::RWXU;

/// A directory of ours.
#[derive(Debug)]
pub(super) struct Place {
    handle: OwnedFd,
    /// For words only.
    path: PathBuf,
}

/// What lies under a name.
pub(super) enum Found {
    Nothing,
    File(File),
    /// A link, a pipe, a directory: never made here.
    Odd,
}

impl Place {
    /// The store's own directory, made if need be.
    pub(super) fn root(path: &Path) -> Result<Self, StoreError> {
        at("create").map_err(fail("create", path))?;
        match fs::DirBuilder::new().recursive(true).mode(OWN.bits()).create(path) {
            // What else it may be shows when it is opened.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail("create", path)(error)),
            _ => {}
        }
        Self::opened(rustix::fs::open(path, flags(), Mode::empty()), path.to_owned())
    }

    /// The store's own directory; `None`: there is none.
    pub(super) fn existing(path: &Path) -> Result<Option<Self>, StoreError> {
        match rustix::fs::open(path, flags(), Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            opened => Self::opened(opened, path.to_owned()).map(Some),
        }
    }

    /// A directory below; `None`: there is none.
    pub(super) fn open(&self, name: &str) -> Result<Option<Self>, StoreError> {
        match rustix::fs::openat(&self.handle, name, flags(), Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            opened => Self::opened(opened, self.path.join(name)).map(Some),
        }
    }

    /// A directory below, made if need be.
    pub(super) fn make(&self, name: &str) -> Result<Self, StoreError> {
        if let Some(there) = self.open(name)? {
            return Ok(there);
        }
        let path = self.path.join(name);
        at("create").map_err(fail("create", &path))?;
        match rustix::fs::mkdirat(&self.handle, name, OWN) {
            // Another build makes it too.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(fail("create", &path)(error.into())),
        }
        self.synchronise()?;
        self.open(name)?.ok_or_else(|| fail("open", &path)(io::ErrorKind::NotFound.into()))
    }

    fn opened(opened: Result<OwnedFd, Errno>, path: PathBuf) -> Result<Self, StoreError> {
        let unusable = |reason: String| Err(StoreError::Unusable { path: path.clone(), reason });
        let handle = match opened {
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                return unusable("is a link, or no directory: move it away, or name the directory itself".to_owned());
            }
            opened => opened.map_err(|error| fail("open", &path)(error.into()))?,
        };
        let stat = rustix::fs::fstat(&handle).map_err(|error| fail("open", &path)(error.into()))?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return unusable("belongs to somebody else: take another directory, or make it yours".to_owned());
        }
        let mode = Mode::from_raw_mode(stat.st_mode);
        if mode.intersects(Mode::WGRP | Mode::WOTH) {
            return unusable("can be written by others: `chmod go-w` it, or take another directory".to_owned());
        }
        Ok(Self { handle, path })
    }

    /// The path of a name, for words.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file to read; never through a link, and never waiting for the other end of a pipe.
    pub(super) fn find(&self, name: &str) -> Result<Found, StoreError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        at("open").map_err(fail("open", &self.path(name)))?;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => return Ok(Found::Odd),
            opened => File::from(opened.map_err(|error| fail("open", &self.path(name))(error.into()))?),
        };
        let metadata = file.metadata().map_err(fail("open", &self.path(name)))?;
        Ok(if metadata.is_file() { Found::File(file) } else { Found::Odd })
    }

    /// Opens a file of the store's own to lock, made if need be.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, StoreError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        at("open").map_err(fail("open", &self.path(name)))?;
        match rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ISDIR) => {
                let reason = "is a link, or no file: remove it".to_owned();
                Err(StoreError::Unusable { path: self.path(name), reason })
            }
            opened => opened.map(File::from).map_err(|error| fail("open", &self.path(name))(error.into())),
        }
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.handle)? {
                let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
                // The store makes no other names; what has one is not looked at.
                names.extend(name.into_string().ok().filter(|name| name != "." && name != ".."));
            }
            names.sort();
            Ok(names)
        };
        list().map_err(fail("list", &self.path))
    }

    /// What is known of a name; `None`: nothing is there.
    pub(super) fn stat(&self, name: &str) -> Option<Stat> {
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        (FileType::from_raw_mode(stat.st_mode) != FileType::Directory).then_some(stat)
    }

    /// Removes a file, or an empty directory, if there is one.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let removed = match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR),
            removed => removed,
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(fail("remove", &self.path(name))(error.into())),
        }
    }

    /// Removes all files.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.names()?.iter().try_for_each(|name| self.remove(name))
    }

    /// Moves a file, in place of what has the name there.
    pub(super) fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, name, &to.handle, new)?)
    }

    /// Brings names to the disk.
    pub(super) fn synchronise(&self) -> Result<(), StoreError> {
        at("synchronise").and_then(|()| Ok(rustix::fs::fsync(&self.handle)?)).map_err(fail("write", &self.path))
    }
}

const fn flags() -> OFlags {
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC)
}

/// An unfinished file; goes with its owner, unless it is made real.
pub(super) struct Temporary {
    file: File,
    entry: Entry,
}

/// The name of an unfinished file.
struct Entry {
    place: Arc<Place>,
    name: String,
}

/// How long a file is sure to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Of the machine: then it may be gone, or not whole.
    Crash,
    /// By somebody: it is on the disk, and its name as well.
    Removed,
}

impl Temporary {
    /// A new file that nobody else has a name for.
    pub(super) fn new(place: &Arc<Place>) -> Result<Self, StoreError> {
        let make = || -> io::Result<Self> {
            at("create")?;
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let name = format!("{:032x}", u128::from_ne_bytes(random));
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&place.handle, &name, flags, Mode::RUSR | Mode::WUSR)?;
            Ok(Self { file: file.into(), entry: Entry { place: Arc::clone(place), name } })
        };
        make().map_err(fail("create a file in", &place.path))
    }

    /// Makes it real: read-only, under its name.
    pub(super) fn persist(self, to: &Place, name: &str, until: Until) -> Result<File, StoreError> {
        let Self { file, mut entry } = self;
        let real = || -> io::Result<()> {
            at("write")?;
            rustix::fs::fchmod(&file, Mode::RUSR | Mode::RGRP | Mode::ROTH)?;
            if until == Until::Removed {
                at("synchronise")?;
                file.sync_all()?;
            }
            at("rename")?;
            entry.place.rename(&entry.name, to, name)
        };
        real().map_err(fail("write", &to.path(name)))?;
        entry.name.clear();
        if until == Until::Removed {
            to.synchronise()?;
        }
        Ok(file)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = rustix::fs::unlinkat(&self.place.handle, &self.name, AtFlags::empty());
        }
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
