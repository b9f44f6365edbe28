//! Reading.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

use tar::EntryType;

use super::BLOCK;
use super::Dialect;
use super::EntryKind;
use super::Error;
use super::Header;
use super::is_device;
use super::padding;
use crate::format::read_body;

/// Reads an archive. [`Reader::next_entry`] gives a header; then the reader yields that entry's bytes.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    dialect: Dialect,
    /// Bytes left of the current body, and of its padding.
    left: u64,
    padding: u64,
    entry: u64,
    entries_max: u64,
    /// What `entries_max` is called among the limits; nothing: it is none of them.
    entries_name: &'static str,
    extension_max: u64,
}

impl<R: Read> Reader<R> {
    /// Reads an archive of at most `entries_max` entries.
    pub const fn new(inner: R, dialect: Dialect, entries_max: u64) -> Self {
        let extension_max = super::EXTENSION_MAX;
        Self { inner, dialect, left: 0, padding: 0, entry: 0, entries_max, entries_name: "", extension_max }
    }

    /// Says what the limit of entries is called.
    #[must_use]
    pub fn entries_are(self, name: &'static str) -> Self {
        Self { entries_name: name, ..self }
    }

    /// Takes names and pax headers of at most so many bytes.
    #[must_use]
    pub fn names_of(self, bytes: u64) -> Self {
        Self { extension_max: bytes, ..self }
    }

    /// Skips what is left of the current entry and reads the next header; `None` at the end.
    ///
    /// # Errors
    /// The stream, or an archive that is not accepted. Nothing but zeros may follow the end.
    pub fn next_entry(&mut self) -> Result<Option<Header>, Error> {
        let mut long_path = None;
        let mut long_link = None;
        let mut pax: Option<BTreeMap<Vec<u8>, Vec<u8>>> = None;
        loop {
            self.skip_body()?;
            let Some(header) = self.header()? else {
                if long_path.is_some() || long_link.is_some() || pax.is_some() {
                    return Err(self.invalid("an extension header without its entry"));
                }
                return Ok(None);
            };
            match header.entry_type() {
                EntryType::GNULongName if long_path.is_none() => long_path = Some(self.long_name(&header)?),
                EntryType::GNULongLink if long_link.is_none() => long_link = Some(self.long_name(&header)?),
                EntryType::XHeader if self.dialect == Dialect::Pax && pax.is_none() => {
                    pax = Some(self.pax_records(&header)?);
                }
                EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader
                    if self.dialect == Dialect::Pax || !header.entry_type().is_pax_local_extensions() =>
                {
                    return Err(self.invalid("two extension headers of one kind before one entry"));
                }
                _ => return self.entry(&header, long_path, long_link, pax.unwrap_or_default()).map(Some),
            }
        }
    }

    /// Reads the next header block; `None` at the end-of-archive marker or a clean end of the stream.
    fn header(&mut self) -> Result<Option<tar::Header>, Error> {
        let mut header = tar::Header::new_old();
        let got = read_full(&mut self.inner, header.as_mut_bytes())?;
        if got == 0 || (got == BLOCK && header.as_bytes().iter().all(|&byte| byte == 0)) {
            return self.only_zeros().map(|()| None);
        }
        self.entry += 1;
        if got < BLOCK {
            return Err(self.invalid("the archive ends within a header"));
        }
        if self.entry > self.entries_max {
            let limit = match self.entries_name {
                "" => String::new(),
                name => format!(" (limit `{name}`)"),
            };
            return Err(self.invalid(format!("more than the allowed {} entries{limit}", self.entries_max)));
        }
        if !has_checksum(&header) {
            return Err(self.invalid("the header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn entry(
        &mut self,
        header: &tar::Header,
        long_path: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
        mut pax: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<Header, Error> {
        let twice = |key: &[u8], long: &Option<Vec<u8>>| pax.contains_key(key) && long.is_some();
        if twice(b"path", &long_path) || twice(b"linkpath", &long_link) {
            return Err(self.invalid("a GNU and a pax header both name it"));
        }
        let path = pax.remove(&b"path"[..]).or(long_path).unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = self.kind(header, &path)?;
        let raw = header.as_old();
        let mut field = |name: &str, raw: &[u8]| {
            let plain = number(raw).ok_or_else(|| format!("the {name} is no number that is accepted"))?;
            let Some(text) = pax.remove(name.as_bytes()) else { return Ok(plain) };
            // Times have fractions, which nobody keeps.
            let point = text.iter().position(|&byte| byte == b'.' && name == "mtime").unwrap_or(text.len());
            let fraction = text.get(point + 1..).unwrap_or(b"0");
            let value = decimal(&text[..point]).filter(|_| decimal(fraction).is_some());
            let value = value.ok_or_else(|| format!("pax `{name}` is no number"))?;
            // Readers differ in which of two sizes they believe, and so in where the next entry starts.
            if name == "size" && value != plain && (plain != 0 || value < 1 << 33) {
                return Err("the header and its pax header give two sizes".to_owned());
            }
            Ok(value)
        };
        // Who names no owner may leave the fields empty, as cargo-deb does: dpkg, tar and libarchive read 0.
        let owner = |raw: &[u8; 8]| if *raw == [0; 8] { *b"0000000\0" } else { *raw };
        let fields = (|| -> Result<_, String> {
            let size = field("size", &raw.size)?;
            let uid = u32::try_from(field("uid", &owner(&raw.uid))?).map_err(|_| "the uid is too big")?;
            let gid = u32::try_from(field("gid", &owner(&raw.gid))?).map_err(|_| "the gid is too big")?;
            let mtime = i64::try_from(field("mtime", &raw.mtime)?).map_err(|_| "the mtime is too big")?;
            let mode = number(&raw.mode).filter(|mode| *mode <= 0o7_777_777).ok_or("the mode is no number")?;
            let mode = mode as u32 & 0o7777;
            Ok((size, uid, gid, mtime, mode))
        })();
        let (size, uid, gid, mtime, mode) = fields.map_err(|reason| self.invalid(reason))?;
        if size != 0 && kind != EntryKind::File {
            return Err(self.invalid("data on an entry that is no file"));
        }
        let device = self.device(header, kind)?;
        let link = pax.remove(&b"linkpath"[..]).or(long_link);
        let link = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        if path.is_empty() || path.contains(&0) || link.contains(&0) {
            return Err(self.invalid("an empty name, or one with a NUL byte"));
        }
        let is_link = matches!(kind, EntryKind::HardLink | EntryKind::Symlink);
        if is_link == link.is_empty() {
            return Err(self.invalid("a link without a target, or a target without a link"));
        }
        let xattrs = self.xattrs(pax)?;
        self.left = size;
        self.padding = padding(size);
        Ok(Header { path, kind, mode, uid, gid, size, mtime, link, device, xattrs })
    }

    fn kind(&self, header: &tar::Header, path: &[u8]) -> Result<EntryKind, Error> {
        Ok(match header.entry_type() {
            // v7 archives mark a directory by the slash at its end: of its whole name, not of what of a long one fits
            // into the header.
            EntryType::Regular if path.ends_with(b"/") => EntryKind::Directory,
            EntryType::Regular => EntryKind::File,
            EntryType::Link => EntryKind::HardLink,
            EntryType::Symlink => EntryKind::Symlink,
            EntryType::Char => EntryKind::CharDevice,
            EntryType::Block => EntryKind::BlockDevice,
            EntryType::Directory => EntryKind::Directory,
            EntryType::Fifo => EntryKind::Fifo,
            other => {
                let letter = printable(other.as_byte());
                return Err(self.invalid(format!("entries of type `{letter}` are not accepted")));
            }
        })
    }

    fn device(&self, header: &tar::Header, kind: EntryKind) -> Result<(u32, u32), Error> {
        if !matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice) {
            return Ok((0, 0));
        }
        let fields = match (header.as_ustar(), header.as_gnu()) {
            (Some(ustar), _) => Some((&ustar.dev_major, &ustar.dev_minor)),
            (None, Some(gnu)) => Some((&gnu.dev_major, &gnu.dev_minor)),
            (None, None) => None,
        };
        let part = |field: &[u8]| u32::try_from(number(field)?).ok();
        let device = fields.and_then(|(major, minor)| part(major).zip(part(minor)));
        let device = device.ok_or_else(|| self.invalid("a device without numbers"))?;
        if is_device(device) { Ok(device) } else { Err(self.invalid("a device with numbers that there are not")) }
    }

    /// What is left of the pax records: extended attributes, and times that nobody keeps.
    fn xattrs(&self, pax: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
        let mut xattrs = BTreeMap::new();
        for (key, value) in pax {
            match key.strip_prefix(b"SCHILY.xattr.") {
                Some(name) if !name.is_empty() => {
                    xattrs.insert(name.to_vec(), value);
                }
                _ if key == b"atime" || key == b"ctime" => {}
                _ => return Err(self.invalid(format!("pax record `{}` is not accepted", key.escape_ascii()))),
            }
        }
        Ok(xattrs)
    }

    /// The body of a GNU `L` or `K` entry: a name with a NUL at its end.
    fn long_name(&mut self, header: &tar::Header) -> Result<Vec<u8>, Error> {
        let mut name = self.extension(header)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(self.invalid("a long name does not end with its only NUL byte"));
        }
        Ok(name)
    }

    /// The records `length key=value\n` of a pax header; a key must not come twice.
    fn pax_records(&mut self, header: &tar::Header) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
        let body = self.extension(header)?;
        let mut rest = body.as_slice();
        let mut records = BTreeMap::new();
        while !rest.is_empty() {
            let (key, value, after) = pax_record(rest).ok_or_else(|| self.invalid("a malformed pax record"))?;
            if records.insert(key.to_vec(), value.to_vec()).is_some() {
                return Err(self.invalid("a pax record comes twice"));
            }
            rest = after;
        }
        Ok(records)
    }

    fn extension(&mut self, header: &tar::Header) -> Result<Vec<u8>, Error> {
        let size = number(&header.as_old().size).ok_or_else(|| self.invalid("the size is no number"))?;
        if size > self.extension_max {
            return Err(
                self.invalid(format!("an extension header of more than {} bytes (limit `name`)", self.extension_max))
            );
        }
        (self.left, self.padding) = (size, padding(size));
        let mut body = Vec::new();
        self.read_to_end(&mut body)?;
        Ok(body)
    }

    fn skip_body(&mut self) -> Result<(), Error> {
        io::copy(self, &mut io::sink())?;
        let skipped = io::copy(&mut (&mut self.inner).take(self.padding), &mut io::sink())?;
        if skipped < self.padding {
            return Err(self.invalid("the archive ends within an entry"));
        }
        self.padding = 0;
        Ok(())
    }

    fn only_zeros(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 4096];
        loop {
            match self.inner.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) if buffer[..count].iter().all(|&byte| byte == 0) => {}
                Ok(_) => return Err(self.invalid("data after the end of the archive")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::Invalid { entry: self.entry, reason: reason.into() }
    }
}

/// Whether something begins as an archive does: with a header, or with the zeros that end one.
#[must_use]
pub fn begins(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..BLOCK) else { return false };
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    has_checksum(&header) || block.iter().all(|&byte| byte == 0)
}

fn has_checksum(header: &tar::Header) -> bool {
    let blank = |(at, &byte): (usize, &u8)| u32::from(if (148..156).contains(&at) { b' ' } else { byte });
    let sum: u32 = header.as_bytes().iter().enumerate().map(blank).sum();
    number(&header.as_old().cksum) == Some(u64::from(sum))
}

impl<R: Read> Read for Reader<R> {
    /// The current entry's bytes; a truncated archive is an error, not an end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_body(&mut self.inner, &mut self.left, buffer, "the tar archive ends within an entry")
    }
}

fn printable(byte: u8) -> String {
    byte.escape_ascii().to_string()
}

/// A numeric field: octal digits, before them spaces, after them spaces and NULs; or GNU's base 256, where the first
/// byte is 0x80 and the rest a big-endian number. Negative numbers (0xff) are none.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, binary @ ..] = field {
        let (high, low) = binary.split_at(binary.len() - binary.len().min(8));
        let value = low.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        return high.iter().all(|&byte| byte == 0).then_some(value);
    }
    let text = field.trim_ascii_start();
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    if digits.is_empty() || digits.iter().any(|&digit| digit > b'7') || rest.iter().any(|byte| !b" \0".contains(byte)) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

/// A decimal number of at most 64 bits, digits only.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The first record: key, value, and what follows it.
fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(8).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
