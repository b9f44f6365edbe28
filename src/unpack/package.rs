//! One .deb → its control files and its members, with all file content in the store.
//!
//! The content of all files of a package is one blob; a record says for each member what it is and where in the
//! blob its bytes lie. A second build reads the record and decodes nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use super::Error;
use super::Installed;
use super::database::check_triggers;
use super::database::parse_conffiles;
use crate::deb::file::DebFile;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::fetch::Deb;
use crate::format::tar::EntryKind;
use crate::format::tar::Header;
use crate::host::Host;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::StoredBlob;
use crate::host::Work;
use crate::host::claim;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::TreePath;
use crate::tree::escape;

/// The kind of our records; the number changes with their form.
const RECORD: &str = "unpacked-1";

/// A package read, nothing of it in a tree yet.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// Without `files`; `conffiles` without digests.
    pub(super) installed: Installed,
    /// In the order of the archive; every path once.
    pub(super) members: Vec<Member>,
}

/// One member of `data.tar`.
#[derive(Debug)]
pub(super) struct Member {
    /// Absolute, as `.list` has it: `/usr/bin/x`, `/.`
    pub(super) path: Vec<u8>,
    pub(super) kind: MemberKind,
    pub(super) stat: Stat,
}

#[derive(Debug)]
pub(super) enum MemberKind {
    Inode(Kind),
    /// The position of the member that has the content: always a regular file before this one.
    HardLink(usize),
}

impl Member {
    /// Whether paths below this one may lead to other members.
    pub(super) const fn is_passage(&self) -> bool {
        matches!(self.kind, MemberKind::Inode(Kind::Directory | Kind::Symlink(_)))
    }
}

/// What the store remembers of a package's data.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) blob: Sha256,
    entries: Vec<Entry>,
}

impl Record {
    /// Where in the blob the bytes of each regular file begin.
    pub(super) fn files(&self) -> impl Iterator<Item = (Sha256, u64)> {
        self.entries.iter().filter_map(|entry| Some((entry.sha256?, entry.offset)))
    }
}

/// A member as archive and record have it: the checked name, the header, where the content is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    #[serde(with = "bytes")]
    path: Vec<u8>,
    #[serde(with = "kinds")]
    kind: EntryKind,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: i64,
    #[serde(with = "bytes")]
    link: Vec<u8>,
    device: (u32, u32),
    offset: u64,
    size: u64,
    /// Of a regular file.
    sha256: Option<Sha256>,
}

/// Reads a .deb. `None`: somebody else decodes it right now, and whoever is not `patient` does something else meanwhile.
pub(super) fn unpack(host: &Host, deb: &Deb, patient: bool) -> Result<Option<Unpacked>, Error> {
    let package = &deb.package.name;
    let whole = Content::from_blob(Arc::clone(&deb.blob.blob), 0, deb.blob.size, deb.blob.sha256);
    let failed = |source| Error::Deb { package: package.clone(), source };
    let file = DebFile::read(whole.reader(), 1, &host.limits).map_err(failed)?;
    // What was resolved is what is installed: the control file may not say otherwise than the index.
    let described = file.package(deb.blob.size, deb.blob.sha256).map_err(failed)?;
    deb.package.check_control(&described).map_err(|source| failed(source.into()))?;
    let members: BTreeMap<String, (u32, Vec<u8>)> =
        file.members.into_iter().map(|(name, file)| (name, (file.mode, file.bytes))).collect();
    let conffiles = match members.get("conffiles") {
        Some((_, text)) => {
            parse_conffiles(text).map_err(|reason| Error::Control { package: package.clone(), reason })?
        }
        None => Vec::new(),
    };
    if let Some((_, text)) = members.get("triggers") {
        check_triggers(text).map_err(|reason| Error::Control { package: package.clone(), reason })?;
    }
    let (entries, blob) = match recall(host, deb)? {
        Some(known) => known,
        None => {
            let claim = match host.store.claim(Work::Unpack, &deb.blob.sha256) {
                None if !patient => return Ok(None),
                None => claim::wait(host, Work::Unpack, &deb.blob.sha256)?,
                Some(claim) => claim,
            };
            let made = recall(host, deb)?.map_or_else(|| decode(host, deb, file.data), Ok);
            drop(claim);
            made?
        }
    };
    let installed = Installed {
        name: package.clone(),
        version: deb.package.version.clone(),
        architecture: deb.package.architecture.clone(),
        multi_arch: deb.package.multi_arch,
        control: file.control,
        members,
        files: Vec::new(),
        conffiles,
        sha256: deb.blob.sha256,
    };
    Ok(Some(Unpacked { installed, members: arrange(package, entries, &blob)? }))
}

/// What an earlier build has decoded, if record and blob are both still there.
fn recall(host: &Host, deb: &Deb) -> Result<Option<(Vec<Entry>, StoredBlob)>, Error> {
    let failed = |source| Error::Store { package: deb.package.name.clone(), source };
    let record = remembered(host.store.as_ref(), &deb.blob.sha256).map_err(failed)?;
    let Some(Record { blob, entries }) = record else { return Ok(None) };
    let Some(blob) = host.store.get(&blob).map_err(failed)? else { return Ok(None) };
    let inside = |entry: &Entry| entry.offset.checked_add(entry.size).is_some_and(|end| end <= blob.size);
    Ok(entries.iter().all(inside).then_some((entries, blob)))
}

/// The record of a package's data. One that this program cannot read is none: it is made again.
pub(super) fn remembered(store: &dyn Store, deb: &Sha256) -> Result<Option<Record>, StoreError> {
    let bytes = store.record(RECORD, &deb.to_string())?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The blob of such a record, without the rest of it, which takes most of the time.
#[cfg(feature = "cli")]
pub(super) fn remembered_blob(store: &dyn Store, deb: &Sha256) -> Result<Option<Sha256>, StoreError> {
    #[derive(Deserialize)]
    struct Part {
        blob: Sha256,
    }
    let bytes = store.record(RECORD, &deb.to_string())?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice::<Part>(&bytes).ok()).map(|part| part.blob))
}

/// Decodes the data into the store and hashes every file on the way.
fn decode<R: Read>(
    host: &Host,
    deb: &Deb,
    mut data: crate::format::tar::Reader<R>,
) -> Result<(Vec<Entry>, StoredBlob), Error> {
    let package = &deb.package.name;
    let store_failed = |source| Error::Store { package: package.clone(), source };
    let mut writer = host.cancel().writer(host.store.writer().map_err(store_failed)?);
    let mut entries: Vec<Entry> = Vec::new();
    let mut offset = 0;
    while let Some(header) = data.next_entry().map_err(|source| Error::Tar { package: package.clone(), source })? {
        let path = checked_path(&header.path).map_err(|reason| member_error(package, &header.path, reason))?;
        let mut sha256 = None;
        if header.kind == EntryKind::File {
            let mut hashing = HashWriter::new(&mut writer);
            io::copy(&mut data, &mut hashing).map_err(|source| Error::Read { package: package.clone(), source })?;
            sha256 = Some(hashing.finish().0);
        }
        entries.push(entry(path, &header, offset, sha256));
        offset += header.size;
    }
    let blob = writer.into_inner().commit(None).map_err(store_failed)?;
    let record = Record { blob: blob.sha256, entries };
    let bytes = serde_json::to_vec(&record).expect("a record has a JSON form");
    host.store.set_record(RECORD, &deb.blob.sha256.to_string(), &bytes).map_err(store_failed)?;
    Ok((record.entries, blob))
}

fn entry(path: Vec<u8>, header: &Header, offset: u64, sha256: Option<Sha256>) -> Entry {
    Entry {
        path,
        kind: header.kind,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        mtime: header.mtime,
        link: header.link.clone(),
        device: header.device,
        offset,
        size: header.size,
        sha256,
    }
}

fn member_error(package: &str, path: &[u8], reason: impl Into<String>) -> Error {
    Error::Clash { package: package.to_owned(), path: escape(path), reason: reason.into() }
}

/// The absolute name of a member named `./usr/bin/x` (or `usr/bin/x`); `/.` for the root.
///
/// dpkg takes what comes, even `..`; no package has ever needed what is refused here.
fn checked_path(name: &[u8]) -> Result<Vec<u8>, String> {
    if name.starts_with(b"/") {
        return Err("an absolute name".into());
    }
    // `.list` and `md5sums` have one name per line.
    if name.contains(&b'\n') {
        return Err("a newline in a name".into());
    }
    let path = TreePath::new(name).map_err(|source| source.to_string())?;
    if path.is_root() {
        return Ok(b"/.".to_vec());
    }
    let plain = name.strip_prefix(b"./").unwrap_or(name);
    if plain.strip_suffix(b"/").unwrap_or(plain) != path.as_bytes() {
        return Err("a name that is not in its plain form".into());
    }
    Ok([b"/", path.as_bytes()].concat())
}

/// Entries → members: every path once, links to members before them, nothing through a link or a file.
///
/// Symbolic links come last, as dpkg makes them: nothing else of the package can meet them.
fn arrange(package: &str, mut entries: Vec<Entry>, blob: &StoredBlob) -> Result<Vec<Member>, Error> {
    let is_link = |entry: &Entry| entry.kind == EntryKind::Symlink;
    let links: BTreeSet<Vec<u8>> =
        entries.iter().filter(|entry| is_link(entry)).map(|entry| entry.path.clone()).collect();
    entries.sort_by_key(is_link);
    let mut members: Vec<Member> = Vec::with_capacity(entries.len());
    let mut by_path: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut linked: Vec<usize> = Vec::new();
    for entry in entries {
        let error = |reason: &str| member_error(package, &entry.path, reason);
        check_ancestors(&entry.path, &links, &by_path, &members).map_err(error)?;
        let kind = if entry.kind == EntryKind::HardLink {
            let target = link_target(&entry, &by_path, &members).map_err(|reason| error(&reason))?;
            linked.push(target);
            MemberKind::HardLink(target)
        } else {
            MemberKind::Inode(inode_kind(&entry, blob).map_err(error)?)
        };
        if entry.path == b"/." && !matches!(kind, MemberKind::Inode(Kind::Directory)) {
            return Err(error("the root is no directory"));
        }
        let mode = if entry.kind == EntryKind::Symlink { 0o777 } else { entry.mode };
        let stat = Stat { mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime, ..Stat::default() };
        let member = Member { path: entry.path.clone(), kind, stat };
        match by_path.get(&entry.path) {
            None => {
                by_path.insert(entry.path, members.len());
                members.push(member);
            }
            Some(&first) if !is_same_kind(&members[first], &member) || linked.contains(&first) => {
                return Err(error("it comes a second time, as something else"));
            }
            // A directory that exists stays as it is; of anything else the last one counts.
            Some(&first) if !matches!(member.kind, MemberKind::Inode(Kind::Directory)) => members[first] = member,
            Some(_) => {}
        }
    }
    Ok(members)
}

fn is_same_kind(a: &Member, b: &Member) -> bool {
    match (&a.kind, &b.kind) {
        (MemberKind::Inode(a), MemberKind::Inode(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        (MemberKind::HardLink(_), MemberKind::HardLink(_)) => true,
        _ => false,
    }
}

/// What lies above a member must be a directory where the package itself says what it is: a link that a package
/// makes and writes through leads where its file list does not say.
fn check_ancestors(
    path: &[u8],
    links: &BTreeSet<Vec<u8>>,
    by_path: &BTreeMap<Vec<u8>, usize>,
    members: &[Member],
) -> Result<(), &'static str> {
    let slashes = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
    for (cut, _) in slashes {
        if links.contains(&path[..cut]) {
            return Err("it goes through a link of the same package");
        }
        match by_path.get(&path[..cut]).map(|&position| &members[position].kind) {
            None | Some(MemberKind::Inode(Kind::Directory)) => {}
            Some(_) => return Err("its parent is no directory"),
        }
    }
    Ok(())
}

fn link_target(entry: &Entry, by_path: &BTreeMap<Vec<u8>, usize>, members: &[Member]) -> Result<usize, String> {
    let target = checked_path(&entry.link).map_err(|reason| format!("a hard link to {reason}"))?;
    let position = by_path.get(&target).copied().ok_or("a hard link to what has not come before")?;
    match &members[position].kind {
        _ if target == entry.path => Err("a hard link to itself".into()),
        MemberKind::Inode(Kind::File(_)) => Ok(position),
        MemberKind::HardLink(first) => Ok(*first),
        MemberKind::Inode(_) => Err("a hard link to what is no regular file".into()),
    }
}

fn inode_kind(entry: &Entry, blob: &StoredBlob) -> Result<Kind, &'static str> {
    let (major, minor) = entry.device;
    Ok(match entry.kind {
        EntryKind::Directory => Kind::Directory,
        EntryKind::File => {
            let sha256 = entry.sha256.ok_or("a file without a digest")?;
            Kind::File(Content::from_blob(Arc::clone(&blob.blob), entry.offset, entry.size, sha256))
        }
        EntryKind::Symlink => Kind::Symlink(entry.link.clone()),
        EntryKind::CharDevice => Kind::CharDevice { major, minor },
        EntryKind::BlockDevice => Kind::BlockDevice { major, minor },
        EntryKind::Fifo => Kind::Fifo,
        EntryKind::HardLink => unreachable!("hard links are told apart before"),
    })
}

/// Names as one printable word each.
mod bytes {
    use serde::Deserialize as _;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error as _;

    use crate::tree::escape;
    use crate::tree::unescape;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        unescape(&text).ok_or_else(|| D::Error::custom("not an escaped name"))
    }
}

/// Kinds as the letters of `ls -l`, `h` for a hard link.
mod kinds {
    use serde::Deserialize as _;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error as _;

    use crate::format::tar::EntryKind;

    const LETTERS: [(char, EntryKind); 7] = [
        ('f', EntryKind::File),
        ('d', EntryKind::Directory),
        ('l', EntryKind::Symlink),
        ('h', EntryKind::HardLink),
        ('c', EntryKind::CharDevice),
        ('b', EntryKind::BlockDevice),
        ('p', EntryKind::Fifo),
    ];

    pub(super) fn serialize<S: Serializer>(kind: &EntryKind, serializer: S) -> Result<S::Ok, S::Error> {
        let letter = LETTERS.iter().find(|(_, known)| known == kind).expect("every kind has a letter").0;
        serializer.serialize_char(letter)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EntryKind, D::Error> {
        let letter = char::deserialize(deserializer)?;
        let known = LETTERS.iter().find(|(known, _)| *known == letter);
        known.map(|(_, kind)| *kind).ok_or_else(|| D::Error::custom("not a kind"))
    }
}
