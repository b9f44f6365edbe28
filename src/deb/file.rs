//! A .deb file: its control files in memory, its data as a stream of tar entries (deb(5)).
//!
//! Read in one pass, after size and SHA-256 of the whole file were found right. dpkg trusts its archives; here
//! what dpkg would silently pass over (garbage after a stream, a second `control` or `data.tar`) is an error.

use std::collections::BTreeMap;
use std::io;
use std::io::BufReader;
use std::io::Read;

use super::ControlError;
use super::Package;
use super::PackageError;
use super::Stanza;
use crate::digest::Sha256;
use crate::format::ar;
use crate::format::compress;
use crate::format::compress::Compression;
use crate::format::compress::Decoder;
use crate::format::tar;
use crate::format::tar::Dialect;
use crate::format::tar::EntryKind;
use crate::limits::Limits;

/// In which compressions dpkg reads the members (deb(5)).
const CONTROL_KINDS: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];
const DATA_KINDS: [Compression; 6] =
    [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2, Compression::Lzma];

/// The longest name of a control file, below dpkg's own limit.
const CONTROL_NAME_MAX: usize = 50;

/// A .deb, its control files read, its data about to be.
#[derive(Debug)]
pub struct DebFile<'a> {
    /// The text of `control`, one stanza.
    pub control: String,
    /// The other control files by name: scripts, `md5sums`, `conffiles`, `triggers`, `templates` …
    pub members: BTreeMap<String, ControlFile>,
    /// The entries of `data.tar`. Only when they are read to their end is it known that the file is whole.
    pub data: tar::Reader<Data<'a>>,
}

/// The stream of `data.tar`.
pub type Data<'a> = Decoder<'a>;

/// One control file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFile {
    /// The low twelve bits of its mode.
    pub mode: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A file that is no .deb, or one that is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The outer archive.
    #[error("cannot read the members of the .deb")]
    Ar(#[from] ar::Error),
    /// The members are not those of a .deb of format 2.
    #[error("{0}")]
    Format(String),
    /// A member's compressed stream.
    #[error("cannot decompress `{member}`")]
    Decompress {
        /// `control.tar.xz`
        member: String,
        /// Why.
        source: io::Error,
    },
    /// `control.tar`
    #[error("cannot read `control.tar`")]
    ControlTar(#[source] tar::Error),
    /// A control file that may not be there, or not so.
    #[error("control file `{name}` is not accepted: {reason}")]
    ControlFile {
        /// As in the archive, escaped.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// `control` is no control data.
    #[error("the control file is malformed")]
    Control(#[from] ControlError),
    /// `control` describes no package.
    #[error(transparent)]
    Package(#[from] PackageError),
}

impl<'a> DebFile<'a> {
    /// Reads up to the beginning of the data. `threads` may help with large data of several xz blocks.
    ///
    /// # Errors
    /// This is no .deb of format 2, or one that is not accepted.
    pub fn read(input: impl Read + Send + 'a, threads: u32, limits: &Limits) -> Result<Self, Error> {
        let mut archive = ar::Reader::new(input)?;
        check_version(&mut archive)?;
        let kind = find(&mut archive, "control.tar", &CONTROL_KINDS)?;
        let member = format!("control.tar{}", kind.suffix());
        let decoder = compress::decoder(
            kind,
            BufReader::new(&mut archive),
            compress::Allowance::within("limit `control`", limits.control, limits),
        )
        .map_err(|source| Error::Decompress { member, source })?;
        let mut members = control_files(decoder, limits)?;
        let control = members.remove("control").ok_or_else(|| Error::Format("there is no file `control`".into()))?;
        // Old packages have names of people in Latin-1, and dpkg looks at no byte of them.
        let control = String::from_utf8(control.bytes)
            .unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect());
        let installed =
            Stanza::parse_within(control.as_bytes(), limits)?.get("Installed-Size").and_then(|size| size.parse().ok());

        let kind = find(&mut archive, "data.tar", &DATA_KINDS)?;
        let within = compress::Allowance { threads, ..data_limits(installed, limits) };
        let decoder = compress::decoder(kind, BufReader::with_capacity(64 << 10, LastMember(archive)), within)
            .map_err(|source| Error::Decompress { member: format!("data.tar{}", kind.suffix()), source })?;
        let data = tar::Reader::new(decoder, Dialect::Deb, limits.entries);
        let data = data.entries_are("entries").names_of(limits.name);
        Ok(Self { control, members, data })
    }

    /// The package that the control file describes; size and digest are the whole file's.
    ///
    /// # Errors
    /// It describes none.
    pub fn package(&self, size: u64, sha256: Sha256) -> Result<Package, Error> {
        Ok(Package::from_control(&Stanza::accepted(self.control.as_bytes())?, size, sha256)?)
    }
}

/// At most this many bytes come out of the data of a package of `installed` KiB, if it says so.
fn data_limits(installed: Option<u64>, limits: &Limits) -> compress::Allowance {
    let installed = installed.filter(|installed| *installed > 0);
    let grown = installed
        .map(|installed| installed.saturating_mul(1024).saturating_mul(limits.growth).saturating_add(limits.small));
    match grown.filter(|grown| *grown < limits.data) {
        Some(grown) => compress::Allowance::within("limits `growth` and `small`", grown, limits),
        None => compress::Allowance::within("limit `data`", limits.data, limits),
    }
}

/// The first member: `2.0`, or a later minor number with lines after it.
fn check_version(archive: &mut ar::Reader<impl Read>) -> Result<(), Error> {
    let no_deb = |reason: &str| Err(Error::Format(reason.into()));
    match archive.next_member()? {
        Some(member) if member.name == "debian-binary" && member.size <= 1024 => {}
        _ => return no_deb("this is no .deb: its first member is not `debian-binary`"),
    }
    let mut version = Vec::new();
    archive.read_to_end(&mut version).map_err(ar::Error::from)?;
    let line = version.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match line.strip_prefix(b"2.") {
        Some(minor) if !minor.is_empty() && minor.iter().all(u8::is_ascii_digit) && version.ends_with(b"\n") => Ok(()),
        _ => no_deb("this .deb is not of format 2"),
    }
}

/// Goes to the member of this name with any ending of a compression; only `_…` may come before it.
fn find(archive: &mut ar::Reader<impl Read>, name: &str, kinds: &[Compression]) -> Result<Compression, Error> {
    loop {
        let Some(member) = archive.next_member()? else {
            return Err(Error::Format(format!("the .deb has no member `{name}`")));
        };
        if member.name.starts_with('_') {
            continue;
        }
        let suffix = member.name.strip_prefix(name);
        let kind = kinds.iter().copied().find(|kind| suffix == Some(kind.suffix()));
        return kind
            .ok_or_else(|| Error::Format(format!("member `{}` of the .deb where `{name}` is expected", member.name)));
    }
}

fn control_files(decoder: Decoder<'_>, limits: &Limits) -> Result<BTreeMap<String, ControlFile>, Error> {
    let reader = tar::Reader::new(decoder, Dialect::Deb, limits.control_files);
    let mut reader = reader.entries_are("control-files").names_of(limits.name);
    let mut files = BTreeMap::new();
    while let Some(header) = reader.next_entry().map_err(Error::ControlTar)? {
        if header.kind == EntryKind::Directory && matches!(header.path.as_slice(), b"./" | b"." | b"./.") {
            continue;
        }
        let refuse = |reason| Error::ControlFile { name: header.path.escape_ascii().to_string(), reason };
        let name = control_name(&header.path).map_err(refuse)?;
        if header.kind != EntryKind::File {
            return Err(refuse("it is no regular file"));
        }
        if header.size > limits.control_file {
            return Err(refuse("it is larger than the limit `control-file`"));
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| Error::ControlTar(error.into()))?;
        // Of a large image these are the most that is held.
        bytes.shrink_to_fit();
        if files.insert(name, ControlFile { mode: header.mode, bytes }).is_some() {
            return Err(refuse("it comes twice"));
        }
    }
    Ok(files)
}

/// The name as it will stand after `/var/lib/dpkg/info/PACKAGE.`: a plain word, and none that is dpkg's own.
fn control_name(path: &[u8]) -> Result<String, &'static str> {
    let name = path.strip_prefix(b"./").unwrap_or(path);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    match name {
        b"list" => Err("dpkg itself writes a file of this name"),
        _ if name.is_empty() || name.len() > CONTROL_NAME_MAX => Err("the name is empty or too long"),
        _ if !name.iter().all(plain) => Err("the name is no plain word"),
        _ => Ok(String::from_utf8_lossy(name).into_owned()),
    }
}

/// The bytes of the current member, after which nothing that counts may come: further members are for others to use
/// and are passed over (deb(5)), but what a .deb is made of comes once, or tools would disagree about its content.
struct LastMember<R>(ar::Reader<R>);

impl<R: Read> Read for LastMember<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        while let Some(member) = self.0.next_member().map_err(io::Error::other)? {
            if ["debian-binary", "control.tar", "data.tar"].iter().any(|own| member.name.starts_with(own)) {
                let text = format!("member `{}` after `data.tar`", member.name);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        Ok(0)
    }
}
