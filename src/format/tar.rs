//! tar archives, entry by entry: read strictly, written in one canonical way.
//!
//! The crate `tar` reads and writes the 512-byte headers; the framing is here, because what a .deb may hold is
//! far less than what a tar archive may: dpkg knows v7, ustar and GNU long names, and refuses every pax header.
//! Refusing them, sparse files and unknown types too takes away the whole class of attacks that make two readers
//! see two archives. Formats: POSIX.1-2017 pax(1), and the GNU tar manual, "Basic Tar Format".

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;

use tar::EntryType;

/// Archives are made of blocks of this many bytes.
const BLOCK: usize = 512;
/// GNU tar writes, and reads, in records of 20 blocks.
const RECORD: u64 = 20 * BLOCK as u64;
/// The longest GNU long name and pax header that is read: a path, and 64 KiB for attributes.
const EXTENSION_MAX: u64 = 128 << 10;

/// Which archives are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// What dpkg accepts: v7, ustar, GNU long names and links.
    Deb,
    /// And pax headers, as [`Writer`] and GNU tar write them for extended attributes and long values.
    Pax,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntryKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// One entry without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As stored: `./etc/motd`, `./etc/`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The low twelve bits of the mode.
    pub mode: u32,
    /// Owner, by number.
    pub uid: u32,
    /// Group, by number.
    pub gid: u32,
    /// Bytes that follow; 0 for everything but a file.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Target of a link, as stored.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// An archive that is not accepted, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The underlying stream.
    #[error("cannot read or write the tar stream")]
    Io(#[from] io::Error),
    /// The archive breaks a rule.
    #[error("tar entry {entry}: {reason}")]
    Invalid {
        /// Counted from 1.
        entry: u64,
        /// Which rule.
        reason: String,
    },
}

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
}

impl<R: Read> Reader<R> {
    /// Reads an archive of at most `entries_max` entries.
    pub const fn new(inner: R, dialect: Dialect, entries_max: u64) -> Self {
        Self { inner, dialect, left: 0, padding: 0, entry: 0, entries_max }
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
            return Err(self.invalid(format!("more than the allowed {} entries", self.entries_max)));
        }
        let sum: u32 = header
            .as_bytes()
            .iter()
            .enumerate()
            .map(|(at, &byte)| u32::from(if (148..156).contains(&at) { b' ' } else { byte }))
            .sum();
        if header.cksum().ok() != Some(sum) {
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
        let kind = self.kind(header)?;
        let mut number = |name: &str, plain: io::Result<u64>| match pax.remove(name.as_bytes()) {
            Some(text) => decimal(&text).ok_or_else(|| format!("pax `{name}` is no number")),
            None => plain.map_err(|_| format!("the {name} is no number")),
        };
        let fields = (|| -> Result<_, String> {
            let size = number("size", header.size())?;
            let uid = u32::try_from(number("uid", header.uid())?).map_err(|_| "the uid is too big")?;
            let gid = u32::try_from(number("gid", header.gid())?).map_err(|_| "the gid is too big")?;
            let mtime = i64::try_from(number("mtime", header.mtime())?).map_err(|_| "the mtime is too big")?;
            let mode = header.mode().map_err(|_| "the mode is no number")?;
            Ok((size, uid, gid, mtime, mode))
        })();
        let (size, uid, gid, mtime, mode) = fields.map_err(|reason| self.invalid(reason))?;
        if size != 0 && kind != EntryKind::File {
            return Err(self.invalid("data on an entry that is no file"));
        }
        let device = self.device(header, kind)?;
        let path = pax.remove(&b"path"[..]).or(long_path).unwrap_or_else(|| header.path_bytes().into_owned());
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
        Ok(Header { path, kind, mode: mode & 0o7777, uid, gid, size, mtime, link, device, xattrs })
    }

    fn kind(&self, header: &tar::Header) -> Result<EntryKind, Error> {
        Ok(match header.entry_type() {
            // v7 archives mark a directory by the slash at its end.
            EntryType::Regular if header.path_bytes().ends_with(b"/") => EntryKind::Directory,
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
        let part = |part: io::Result<Option<u32>>| part.ok().flatten();
        part(header.device_major())
            .zip(part(header.device_minor()))
            .ok_or_else(|| self.invalid("a device without numbers"))
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
        let size = header.size().map_err(|_| self.invalid("the size is no number"))?;
        if size > EXTENSION_MAX {
            return Err(self.invalid(format!("an extension header of more than {EXTENSION_MAX} bytes")));
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

impl<R: Read> Read for Reader<R> {
    /// The current entry's bytes; a truncated archive is an error, not an end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..want])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the tar archive ends within an entry"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn printable(byte: u8) -> String {
    byte.escape_ascii().to_string()
}

const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// A decimal number with an optional fraction, which is dropped: pax times.
fn decimal(text: &[u8]) -> Option<u64> {
    let whole = text.split(|&byte| byte == b'.').next()?;
    if whole.is_empty() || !whole.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(whole).ok()?.parse().ok()
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

/// Writes an archive: GNU headers with numeric owners only, long names as GNU `L` and `K` entries, and a pax
/// header before an entry with extended attributes. The same entries give the same bytes.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    written: u64,
    entry: u64,
}

impl<W: Write> Writer<W> {
    /// Starts an archive.
    pub const fn new(inner: W) -> Self {
        Self { inner, written: 0, entry: 0 }
    }

    /// Writes one entry; `body` must yield exactly `header.size` bytes.
    ///
    /// # Errors
    /// The stream, a body of another size, or a value tar has no place for.
    pub fn append(&mut self, header: &Header, body: &mut dyn Read) -> Result<(), Error> {
        self.entry += 1;
        if !header.xattrs.is_empty() {
            let mut records = Vec::new();
            for (name, value) in &header.xattrs {
                records.extend(make_pax_record(&[b"SCHILY.xattr.", name.as_slice()].concat(), value));
            }
            self.extension(EntryType::XHeader, b"./@PaxHeader", &records)?;
        }
        let mut raw = tar::Header::new_gnu();
        raw.set_entry_type(match header.kind {
            EntryKind::File => EntryType::Regular,
            EntryKind::HardLink => EntryType::Link,
            EntryKind::Symlink => EntryType::Symlink,
            EntryKind::CharDevice => EntryType::Char,
            EntryKind::BlockDevice => EntryType::Block,
            EntryKind::Directory => EntryType::Directory,
            EntryKind::Fifo => EntryType::Fifo,
        });
        raw.set_mode(header.mode);
        raw.set_uid(u64::from(header.uid));
        raw.set_gid(u64::from(header.gid));
        raw.set_size(header.size);
        raw.set_mtime(u64::try_from(header.mtime).map_err(|_| self.invalid("a time before 1970"))?);
        if matches!(header.kind, EntryKind::CharDevice | EntryKind::BlockDevice) {
            raw.set_device_major(header.device.0)?;
            raw.set_device_minor(header.device.1)?;
        }
        if header.link.len() > 100 {
            self.extension(EntryType::GNULongLink, b"././@LongLink", &[header.link.as_slice(), b"\0"].concat())?;
        }
        if header.path.len() > 100 {
            self.extension(EntryType::GNULongName, b"././@LongLink", &[header.path.as_slice(), b"\0"].concat())?;
        }
        let gnu = raw.as_gnu_mut().expect("it was made as a GNU header");
        fill(&mut gnu.name, &header.path);
        fill(&mut gnu.linkname, &header.link);
        raw.set_cksum();
        self.write(raw.as_bytes())?;
        let copied = io::copy(&mut body.take(header.size.saturating_add(1)), &mut self.inner)?;
        if copied != header.size {
            return Err(self.invalid(format!("{copied} bytes where the header says {}", header.size)));
        }
        self.written += copied;
        self.pad(padding(copied))
    }

    /// Writes the end-of-archive marker, filled up to a record as GNU tar does, and returns the inner writer.
    ///
    /// # Errors
    /// The stream.
    pub fn finish(mut self) -> Result<W, Error> {
        self.pad(2 * BLOCK as u64)?;
        self.pad((RECORD - self.written % RECORD) % RECORD)?;
        Ok(self.inner)
    }

    fn extension(&mut self, kind: EntryType, name: &[u8], body: &[u8]) -> Result<(), Error> {
        let mut raw = if kind.is_pax_local_extensions() { tar::Header::new_ustar() } else { tar::Header::new_gnu() };
        raw.set_entry_type(kind);
        raw.set_mode(0o644);
        raw.set_uid(0);
        raw.set_gid(0);
        raw.set_mtime(0);
        raw.set_size(body.len() as u64);
        fill(&mut raw.as_old_mut().name, name);
        raw.set_cksum();
        self.write(raw.as_bytes())?;
        self.write(body)?;
        self.pad(padding(body.len() as u64))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn pad(&mut self, count: u64) -> Result<(), Error> {
        io::copy(&mut io::repeat(0).take(count), &mut self.inner)?;
        self.written += count;
        Ok(())
    }

    fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::Invalid { entry: self.entry, reason: reason.into() }
    }
}

/// Copies as much of `name` as the field holds; longer names were written before as an extension.
fn fill(field: &mut [u8; 100], name: &[u8]) {
    let count = name.len().min(field.len());
    field[..count].copy_from_slice(&name[..count]);
}

/// A record whose length counts its own digits.
fn make_pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(path: &str, kind: EntryKind) -> Header {
        Header {
            path: path.into(),
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 7,
            link: Vec::new(),
            device: (0, 0),
            xattrs: BTreeMap::new(),
        }
    }

    fn entries() -> Vec<(Header, Vec<u8>)> {
        let mut file = header("./etc/motd", EntryKind::File);
        (file.size, file.uid, file.mode) = (5, 70_000_000, 0o4755);
        file.xattrs.insert(b"security.capability".to_vec(), b"\x01\n\x00=\xff".to_vec());
        let mut link = header(&format!("./{}", "long/".repeat(50)), EntryKind::Symlink);
        link.link = "target/".repeat(40).into();
        let mut device = header("./dev/null", EntryKind::CharDevice);
        device.device = (1, 3);
        vec![
            (header("./", EntryKind::Directory), Vec::new()),
            (file, b"hello".to_vec()),
            (link, Vec::new()),
            (device, Vec::new()),
        ]
    }

    fn archive(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (header, body) in entries {
            writer.append(header, &mut body.as_slice()).expect("memory takes it");
        }
        writer.finish().expect("memory takes it")
    }

    fn read(bytes: &[u8], dialect: Dialect) -> Result<Vec<(Header, Vec<u8>)>, Error> {
        let mut reader = Reader::new(bytes, dialect, 100);
        let mut found = Vec::new();
        while let Some(header) = reader.next_entry()? {
            let mut body = Vec::new();
            reader.read_to_end(&mut body)?;
            found.push((header, body));
        }
        Ok(found)
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = archive(&entries());
        assert_eq!(bytes.len() as u64 % RECORD, 0);
        assert_eq!(read(&bytes, Dialect::Pax).expect("our own archive"), entries());
    }

    #[test]
    fn pax_is_refused_in_a_deb() {
        let error = read(&archive(&entries()), Dialect::Deb).expect_err("it has a pax header");
        assert!(error.to_string().contains("type `x`"), "{error}");
    }

    #[test]
    fn damage_is_refused() {
        let plain =
            archive(&[(header("./a", EntryKind::Directory), Vec::new()), (header("./b", EntryKind::Fifo), Vec::new())]);
        let changed = |at: usize, value: u8| {
            let mut bytes = plain.clone();
            bytes[at] = value;
            bytes
        };
        assert!(read(&changed(0, b'x'), Dialect::Deb).is_err(), "checksum");
        assert!(read(&changed(9000, 1), Dialect::Deb).is_err(), "data after the end");
        assert!(read(&plain[..700], Dialect::Deb).is_err(), "cut header");
        assert_eq!(read(&plain[..1024], Dialect::Deb).expect("a clean end").len(), 2);
        assert!(Reader::new(plain.as_slice(), Dialect::Deb, 1).next_entry().is_ok());
        let mut one = Reader::new(plain.as_slice(), Dialect::Deb, 1);
        assert!(one.next_entry().is_ok() && one.next_entry().is_err(), "too many entries");
    }

    #[test]
    fn a_dangling_long_name_is_refused() {
        let mut writer = Writer::new(Vec::new());
        writer.extension(EntryType::GNULongName, b"././@LongLink", b"name\0").expect("memory takes it");
        let bytes = writer.finish().expect("memory takes it");
        assert!(read(&bytes, Dialect::Deb).is_err());
    }
}
