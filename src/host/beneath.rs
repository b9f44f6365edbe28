//! What lies below one directory, and nothing else: opened by handles, and no link is followed on the way.
//!
//! For directories that others have filled. A name is resolved by the kernel below the handle (openat2(2) with
//! `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`), or component by component where there is no such call, so neither a
//! link nor a rename at the same moment leads out of it. Whoever names the directory itself may use links.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::fault::Faulty;
use super::fault::at;

/// What unfinished files are called until they are whole.
const PREFIX: &str = ".imgbuild-";

/// A directory that is open.
#[derive(Debug)]
pub struct Dir {
    handle: OwnedFd,
    /// For messages, and for what is written by paths where nobody else writes.
    path: PathBuf,
}

/// What lies at a path; of a link, the link itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Directory, regular file, link …
    pub kind: FileType,
    /// The twelve bits of permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// When bytes of it were last written, or what a user made of that: seconds since 1970.
    pub mtime: i64,
    /// Nanoseconds since then.
    pub mtime_nanoseconds: i64,
    /// The file system and the number of the inode on it.
    pub inode: (u64, u64),
    /// What a device is of.
    pub device: (u32, u32),
    /// Names that the inode has.
    pub links: u64,
    /// When the kernel last changed anything of it: seconds since 1970, nanoseconds.
    pub changed: (i64, i64),
}

impl Status {
    /// What stays as it is while an inode gets and loses names, and nobody writes to it.
    pub(crate) const fn content(&self) -> ((u64, u64), u64, (i64, i64)) {
        (self.inode, self.size, (self.mtime, self.mtime_nanoseconds))
    }
}

impl Dir {
    /// Opens a directory, wherever its path leads.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory below.
    ///
    /// # Errors
    /// There is none, a link is on the way, or the path leads out.
    pub fn dir(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let handle = self.open_below(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Self { handle, path: self.path.join(path) })
    }

    /// The same, which need not be there.
    ///
    /// # Errors
    /// As [`Dir::dir`], but for one that is not there.
    pub fn dir_if_any(&self, path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        if_any(self.dir(path))
    }

    /// Opens a regular file below. Nothing else is opened: a device may do things then, and a pipe may wait.
    ///
    /// # Errors
    /// There is none, it is of another kind, a link is on the way, or the path leads out.
    pub fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let irregular = || io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        if self.status(path)?.kind != FileType::RegularFile {
            return Err(irregular());
        }
        let file = File::from(self.open_below(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?);
        // It may be another one by now.
        if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
    }

    /// The bytes of a file below, which need not be there.
    ///
    /// # Errors
    /// As [`Dir::file`], or it has more than `max` bytes.
    pub fn read_if_any(&self, path: impl AsRef<Path>, max: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = if_any(self.file(path))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {max} bytes")));
        }
        Ok(Some(bytes))
    }

    /// What lies below at a path.
    ///
    /// # Errors
    /// Nothing, a link is on the way, or the path leads out.
    pub fn status(&self, path: impl AsRef<Path>) -> io::Result<Status> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() {
            return status(&rustix::fs::fstat(&self.handle)?);
        }
        let (parent, name) = self.parent(path)?;
        status(&rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The same, which need not be there.
    ///
    /// # Errors
    /// As [`Dir::status`], but for what is not there.
    pub fn status_if_any(&self, path: impl AsRef<Path>) -> io::Result<Option<Status>> {
        if_any(self.status(path))
    }

    /// What a link below leads to, in its own words.
    ///
    /// # Errors
    /// It is none, or as [`Dir::status`].
    pub fn target(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let (parent, name) = self.parent(path.as_ref())?;
        Ok(rustix::fs::readlinkat(&parent, name, Vec::new())?.into_bytes())
    }

    /// The names in the directory itself, sorted.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// The extended attributes that are an image's to say, by name: not what a security module of this machine adds.
    ///
    /// # Errors
    /// They cannot be read, or as [`Dir::status`].
    #[cfg(target_os = "linux")]
    pub fn attributes(&self, path: impl AsRef<Path>) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        use std::os::fd::AsRawFd as _;
        let path = path.as_ref();
        let (parent, name) = match path.as_os_str().is_empty() {
            true => (self.handle.try_clone()?, OsStr::new(".")),
            false => self.parent(path)?,
        };
        // There is no call for the attributes of a name below a handle; this is the same by another path.
        let mut here = format!("/proc/self/fd/{}/", parent.as_raw_fd()).into_bytes();
        here.extend_from_slice(name.as_bytes());
        let here = Path::new(OsStr::from_bytes(&here));
        let mut list = vec![0; 64 << 10];
        let length = match rustix::fs::llistxattr(here, list.as_mut_slice()) {
            Err(Errno::NOTSUP) => 0,
            length => length?,
        };
        let mut found = Vec::new();
        for name in list[..length].split(|byte| *byte == 0).filter(|name| is_of_images(name)) {
            let mut value = vec![0; 64 << 10];
            let length = rustix::fs::lgetxattr(here, name, value.as_mut_slice())?;
            value.truncate(length);
            found.push((name.to_vec(), value));
        }
        Ok(found)
    }

    /// The extended attributes: this system is not asked for any.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "on Linux it may fail")]
    pub fn attributes(&self, _: impl AsRef<Path>) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        Ok(Vec::new())
    }

    /// Opens a directory below, after making it and those that lead to it where they are not there.
    ///
    /// # Errors
    /// A link or something else is on the way, the path leads out, or the disk.
    pub fn make_dir(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let mut here = Self { handle: self.handle.try_clone()?, path: self.path.clone() };
        for name in components(path)? {
            at("make")?;
            match rustix::fs::mkdirat(&here.handle, name, Mode::from_raw_mode(0o755)) {
                // Whoever runs this may have a umask; what servers give to everybody must not depend on it.
                Ok(()) => rustix::fs::chmodat(&here.handle, name, Mode::from_raw_mode(0o755), AtFlags::empty())?,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            here = here.dir(name)?;
        }
        Ok(here)
    }

    /// Puts a file that everybody may read in place, whole or not at all; its directory must be there.
    ///
    /// # Errors
    /// A directory lies there, a link is on the way, the path leads out, or the disk.
    pub fn replace(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        let mut hidden = OsString::from(PREFIX);
        hidden.push(name);
        // What a crash has left of it.
        remove_at(&parent, &hidden)?;
        let put = || {
            at("create")?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&parent, &hidden, flags, Mode::from_raw_mode(0o600))?;
            let mut file = Faulty(File::from(file));
            file.write_all(bytes)?;
            rustix::fs::fchmod(&file.0, Mode::from_raw_mode(0o644))?;
            at("synchronise")?;
            file.0.sync_all()?;
            at("publish")?;
            Ok(rustix::fs::renameat(&parent, &hidden, &parent, name)?)
        };
        put().inspect_err(|_: &io::Error| drop(remove_at(&parent, &hidden)))?;
        File::from(parent).sync_all()
    }

    /// Makes a link, in place of an earlier link or file.
    ///
    /// # Errors
    /// As [`Dir::replace`].
    pub fn link(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> io::Result<()> {
        let (parent, name) = self.parent(path.as_ref())?;
        let mut hidden = OsString::from(PREFIX);
        hidden.push(name);
        remove_at(&parent, &hidden)?;
        at("create")?;
        rustix::fs::symlinkat(target.as_ref(), &parent, &hidden)?;
        at("publish")?;
        rustix::fs::renameat(&parent, &hidden, &parent, name)?;
        File::from(parent).sync_all()
    }

    /// Removes a file or link below, which need not be there.
    ///
    /// # Errors
    /// It is a directory, a link is on the way, or the disk.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let Some((parent, name)) = if_any(self.parent(path.as_ref()))? else { return Ok(()) };
        remove_at(&parent, name)
    }

    /// Brings names in the directory itself to the disk.
    ///
    /// # Errors
    /// The disk.
    pub fn synchronise(&self) -> io::Result<()> {
        at("synchronise")?;
        File::from(self.handle.try_clone()?).sync_all()
    }

    /// The directory itself as a file: to be locked by flock(2).
    ///
    /// # Errors
    /// There are too many handles.
    pub fn lock_handle(&self) -> io::Result<File> {
        // A lock belongs to what was opened, and a copy of the handle is the same opening.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.handle, c".", flags, Mode::empty())?))
    }

    /// The directory that a path's last name is in, and that name.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let mut names = components(path)?;
        let name = names.pop().ok_or(Errno::INVAL)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.open_below(parent, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?, name))
    }

    fn open_below(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let names = components(path)?;
        if names.is_empty() {
            return self.handle.try_clone();
        }
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.handle, path, flags, mode, resolve) {
                // Kernels before 5.6, and filters of containers that do not know the call.
                Err(Errno::NOSYS | Errno::PERM) => {}
                opened => return opened.map_err(without_links),
            }
        }
        self.open_by_steps(&names, flags, mode).map_err(without_links)
    }

    /// The same for kernels that resolve no whole path beneath a handle.
    fn open_by_steps(&self, names: &[&OsStr], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let (last, directories) = names.split_last().ok_or(Errno::INVAL)?;
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut here = None;
        for name in directories {
            let from = here.as_ref().map_or(self.handle.as_fd(), |handle: &OwnedFd| handle.as_fd());
            here = Some(rustix::fs::openat(from, *name, step, Mode::empty())?);
        }
        let from = here.as_ref().map_or(self.handle.as_fd(), |handle: &OwnedFd| handle.as_fd());
        rustix::fs::openat(from, *last, flags, mode)
    }
}

/// What is not there is no error.
fn if_any<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// The names in a path that leads down and nowhere else.
fn components(path: &Path) -> io::Result<Vec<&OsStr>> {
    let name = |component| match component {
        Component::Normal(name) => Ok(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of its directory")),
    };
    path.components().map(name).collect()
}

/// The kernel's words are of too many links.
fn without_links(errno: Errno) -> io::Error {
    match errno {
        Errno::LOOP => {
            io::Error::new(io::ErrorKind::InvalidInput, "a symbolic link is on the way, and none is followed")
        }
        errno => errno.into(),
    }
}

fn remove_at(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(target_os = "linux")]
fn is_of_images(name: &[u8]) -> bool {
    name == b"security.capability"
        || [&b"user."[..], b"trusted.", b"system.posix_acl_"].iter().any(|prefix| name.starts_with(prefix))
}

#[expect(clippy::unnecessary_cast, clippy::unnecessary_wraps, reason = "the types are each system's own")]
fn status(stat: &rustix::fs::Stat) -> io::Result<Status> {
    let device = stat.st_rdev as rustix::fs::Dev;
    Ok(Status {
        kind: FileType::from_raw_mode(stat.st_mode),
        mode: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: stat.st_size as u64,
        mtime: stat.st_mtime as i64,
        mtime_nanoseconds: stat.st_mtime_nsec as i64,
        inode: (stat.st_dev as u64, stat.st_ino as u64),
        device: (rustix::fs::major(device), rustix::fs::minor(device)),
        links: stat.st_nlink as u64,
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn place() -> (tempfile::TempDir, Dir) {
        let place = tempfile::tempdir().expect("the tests can write");
        fs::create_dir_all(place.path().join("root/a/b")).expect("made");
        fs::write(place.path().join("root/a/b/file"), "inside").expect("written");
        fs::write(place.path().join("outside"), "outside").expect("written");
        for (target, link) in [("b", "a/link"), ("../..", "a/up"), ("/etc", "etc"), ("file", "a/b/last")] {
            symlink(target, place.path().join("root").join(link)).expect("made");
        }
        let dir = Dir::open(&place.path().join("root")).expect("there");
        (place, dir)
    }

    /// What must not be reached, by name.
    const OUT: [&str; 9] = [
        "../outside",
        "/etc/passwd",
        "a/../../outside",
        "a/link/file",
        "a/up/outside",
        "etc/passwd",
        "a/b/last",
        "..",
        "etc",
    ];

    #[test]
    fn nothing_leads_out() {
        let (_place, dir) = place();
        assert_eq!(dir.read_if_any("a/b/file", 6).expect("there").as_deref(), Some(&b"inside"[..]));
        assert!(dir.read_if_any("a/b/file", 5).is_err(), "it is longer");
        assert_eq!(dir.read_if_any("a/none", 6).expect("none"), None);
        for path in OUT {
            assert!(dir.file(path).is_err(), "{path} was opened");
            assert!(dir.dir(path).is_err(), "{path} was opened");
            let names = components(Path::new(path));
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            assert!(
                names.is_err() || dir.open_by_steps(&names.expect("names"), flags, Mode::empty()).is_err(),
                "{path}"
            );
        }
        let names = components(Path::new("a/b/file")).expect("names");
        dir.open_by_steps(&names, OFlags::RDONLY, Mode::empty()).expect("there");
        assert_eq!(dir.dir("a").expect("there").names().expect("readable"), ["b", "link", "up"]);
        assert_eq!(dir.target("a/up").expect("a link"), b"../..");
        assert_eq!(dir.status("etc").expect("a link").kind, FileType::Symlink);
    }

    #[test]
    fn nothing_is_written_outside() {
        let (place, dir) = place();
        for path in ["../new", "/etc/new", "a/link/new", "a/up/new", "etc/new"] {
            assert!(dir.replace(path, b"x").is_err(), "{path} was written");
            assert!(dir.link("x", path).is_err(), "{path} was made");
            assert!(dir.make_dir(path).is_err(), "{path} was made");
        }
        assert!(dir.make_dir("etc").is_err() && dir.make_dir("a/b/file/c").is_err());
        dir.make_dir("a/c/d").expect("made").replace("file", b"new").expect("written");
        // A link is replaced, not followed.
        dir.replace("a/b/last", b"last").expect("written");
        assert_eq!(fs::read(place.path().join("root/a/b/file")).expect("there"), b"inside");
        assert_eq!(dir.status("a/b/last").expect("there").kind, FileType::RegularFile);
        assert_eq!(dir.dir("a/c/d").expect("there").names().expect("readable"), ["file"], "nothing unfinished");
        assert_eq!(dir.status("a/c/d/file").expect("there").mode, 0o644);
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let (place, dir) = place();
        let pipe = place.path().join("root/pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).expect("made");
        assert!(dir.file("pipe").is_err() && dir.file("a").is_err());
    }
}
