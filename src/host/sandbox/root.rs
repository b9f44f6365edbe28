//! A tar stream into an empty directory, and a directory into a tar stream, by descriptors alone.
//!
//! The way in takes what this program sends itself; the way out reads what foreign scripts have left, and
//! follows no link of theirs: each directory is opened from the root with `openat2(2)`, nothing on the way may be
//! a symbolic link or another mount.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::Uid;
use rustix::fs::XattrFlags;

use crate::format::tar::Dialect;
use crate::format::tar::EntryKind;
use crate::format::tar::Header;
use crate::format::tar::Reader;
use crate::format::tar::Writer;

/// More paths than any root has, each way.
const ENTRIES_MAX: u64 = 4_000_000;
/// How much is moved at once.
const BUFFER: usize = 256 << 10;
/// All attributes of one file, as Linux limits their list.
const XATTR_MAX: usize = 64 << 10;

/// Lays out a stream below `root`.
pub(super) fn extract(root: BorrowedFd<'_>, stream: &mut dyn Read) -> io::Result<()> {
    let mut reader = Reader::new(BufReader::with_capacity(BUFFER, stream), Dialect::Pax, ENTRIES_MAX);
    // A directory's time is set when nothing is put into it any more.
    let mut directories: Vec<(Vec<u8>, i64)> = Vec::new();
    while let Some(header) = reader.next_entry().map_err(io::Error::other)? {
        let path = normal(&header.path);
        let (parent, name) = split(&path);
        let parent = open_directory(root, parent)?;
        make(root, &parent, name, &header, &mut reader)
            .map_err(|error| io::Error::other(format!("`{}`: {error}", path.escape_ascii())))?;
        if header.kind == EntryKind::Directory {
            directories.push((path, header.mtime));
        }
    }
    for (path, mtime) in directories.iter().rev() {
        rustix::fs::futimens(open_directory(root, path)?, &times(*mtime))?;
    }
    Ok(())
}

/// Without `./` and slashes at the end.
fn normal(path: &[u8]) -> Vec<u8> {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    if &path[..end] == b"." { Vec::new() } else { path[..end].to_vec() }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|&byte| byte == b'/').map_or((&[], path), |cut| (&path[..cut], &path[cut + 1..]))
}

fn open_directory(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    Ok(rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)?)
}

fn times(mtime: i64) -> Timestamps {
    let time = Timespec { tv_sec: mtime, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

fn make(root: BorrowedFd<'_>, parent: &OwnedFd, name: &[u8], header: &Header, body: &mut dyn Read) -> io::Result<()> {
    let private = Mode::from_raw_mode(0o600);
    match header.kind {
        EntryKind::Directory => {
            if !name.is_empty() {
                rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700))?;
            }
            let name = if name.is_empty() { b"." } else { name };
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            set_attributes(&rustix::fs::openat(parent, name, flags, Mode::empty())?, header)
        }
        EntryKind::File => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::openat(parent, name, flags, private)?);
            io::copy(body, &mut file)?;
            set_attributes(&file, header)?;
            Ok(rustix::fs::futimens(&file, &times(header.mtime))?)
        }
        EntryKind::HardLink => {
            let original = normal(&header.link);
            let (directory, original) = split(&original);
            let directory = open_directory(root, directory)?;
            Ok(rustix::fs::linkat(directory, original, parent, name, AtFlags::empty())?)
        }
        EntryKind::Symlink | EntryKind::Fifo => {
            if header.kind == EntryKind::Symlink {
                rustix::fs::symlinkat(header.link.as_slice(), parent, name)?;
            } else {
                rustix::fs::mknodat(parent, name, FileType::Fifo, Mode::from_raw_mode(header.mode), 0)?;
            }
            rustix::fs::chownat(parent, name, uid(header), gid(header), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(rustix::fs::utimensat(parent, name, &times(header.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
        }
        EntryKind::CharDevice | EntryKind::BlockDevice => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "a device cannot be made in a sandbox"))
        }
    }
}

fn uid(header: &Header) -> Option<Uid> {
    Some(Uid::from_raw(header.uid))
}

fn gid(header: &Header) -> Option<Gid> {
    Some(Gid::from_raw(header.gid))
}

/// Owner first: a change of owner clears setuid bits and capabilities.
fn set_attributes(file: &impl AsFd, header: &Header) -> io::Result<()> {
    rustix::fs::fchown(file, uid(header), gid(header))?;
    for (name, value) in &header.xattrs {
        rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(header.mode))?;
    Ok(())
}

/// Writes everything below `root` as a stream, itself first.
pub(super) fn pack(root: BorrowedFd<'_>, stream: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(BufWriter::with_capacity(BUFFER, stream));
    let mut seen: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let top = open_directory(root, b"")?;
    append(&mut writer, b"./".to_vec(), EntryKind::Directory, &top, &[], &mut io::empty())?;
    let mut waiting: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(directory) = waiting.pop() {
        let opened = open_directory(root, &directory)?;
        for name in names(&opened)? {
            let path = if directory.is_empty() { name.clone() } else { [directory.as_slice(), &name].join(&b'/') };
            let packed = pack_one(&mut writer, &opened, &name, &path, &mut seen);
            if packed.map_err(|error| io::Error::other(format!("`/{}`: {error}", path.escape_ascii())))? {
                waiting.push(path);
            }
        }
    }
    writer.finish().map_err(io::Error::other)?.flush()
}

/// The names in a directory, sorted: the disk's order says nothing.
fn names(directory: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

type Packer<'a> = Writer<BufWriter<&'a mut dyn Write>>;

/// Packs one name; returns whether it is a directory.
fn pack_one(
    writer: &mut Packer<'_>,
    parent: &OwnedFd,
    name: &[u8],
    path: &[u8],
    seen: &mut BTreeMap<(u64, u64), Vec<u8>>,
) -> io::Result<bool> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let stored = [b"./", path].concat();
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::Directory && stat.st_nlink > 1 {
        if let Some(first) = seen.get(&(stat.st_dev, stat.st_ino)) {
            let header = header(&stat, stored, EntryKind::HardLink, first.clone(), BTreeMap::new());
            writer.append(&header, &mut io::empty()).map_err(io::Error::other)?;
            return Ok(false);
        }
        seen.insert((stat.st_dev, stat.st_ino), stored.clone());
    }
    match kind {
        FileType::Directory => {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(parent, name, flags, Mode::empty())?;
            let stored = [stored.as_slice(), b"/"].concat();
            append(writer, stored, EntryKind::Directory, &opened, &[], &mut io::empty())?;
            return Ok(true);
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(parent, name, flags, Mode::empty())?;
            let mut body = File::from(opened.try_clone()?);
            append(writer, stored, EntryKind::File, &opened, &[], &mut body)?;
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(parent, name, Vec::new())?.into_bytes();
            let header = header(&stat, stored, EntryKind::Symlink, target, BTreeMap::new());
            writer.append(&header, &mut io::empty()).map_err(io::Error::other)?;
        }
        FileType::Fifo => {
            let header = header(&stat, stored, EntryKind::Fifo, Vec::new(), BTreeMap::new());
            writer.append(&header, &mut io::empty()).map_err(io::Error::other)?;
        }
        FileType::CharacterDevice => {
            let header = header(&stat, stored, EntryKind::CharDevice, Vec::new(), BTreeMap::new());
            writer.append(&header, &mut io::empty()).map_err(io::Error::other)?;
        }
        FileType::BlockDevice => {
            let header = header(&stat, stored, EntryKind::BlockDevice, Vec::new(), BTreeMap::new());
            writer.append(&header, &mut io::empty()).map_err(io::Error::other)?;
        }
        // A socket lives as long as who listens on it: nobody does any more.
        FileType::Socket | FileType::Unknown => {}
    }
    Ok(false)
}

/// Packs an open file or directory with its extended attributes.
fn append(
    writer: &mut Packer<'_>,
    stored: Vec<u8>,
    kind: EntryKind,
    opened: &OwnedFd,
    link: &[u8],
    body: &mut dyn Read,
) -> io::Result<()> {
    let stat = rustix::fs::fstat(opened)?;
    let header = header(&stat, stored, kind, link.to_vec(), xattrs(opened)?);
    writer.append(&header, body).map(drop).map_err(io::Error::other)
}

fn header(
    stat: &rustix::fs::Stat,
    path: Vec<u8>,
    kind: EntryKind,
    link: Vec<u8>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
) -> Header {
    let device = match kind {
        EntryKind::CharDevice | EntryKind::BlockDevice => {
            (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev))
        }
        _ => (0, 0),
    };
    Header {
        path,
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: if kind == EntryKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 },
        mtime: stat.st_mtime.max(0),
        link,
        device,
        xattrs,
    }
}

/// The attributes that belong to an image. A label of the host's security module, or whatever else the host's
/// kernel adds, does not.
fn xattrs(opened: &OwnedFd) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut list = vec![0; XATTR_MAX];
    let length = match rustix::fs::flistxattr(opened, list.as_mut_slice()) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut xattrs = BTreeMap::new();
    for name in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let known: [&[u8]; 3] = [b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default"];
        if !known.contains(&name) && !name.starts_with(b"user.") {
            continue;
        }
        let mut value = vec![0; XATTR_MAX];
        let length = rustix::fs::fgetxattr(opened, std::ffi::OsStr::from_bytes(name), value.as_mut_slice())?;
        value.truncate(length);
        xattrs.insert(name.to_vec(), value);
    }
    Ok(xattrs)
}
