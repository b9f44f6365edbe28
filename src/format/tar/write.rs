//! Writing.

use std::io;
use std::io::Read;
use std::io::Write;

use tar::EntryType;

use super::BLOCK;
use super::EXTENSION_MAX;
use super::EntryKind;
use super::Error;
use super::Header;
use super::is_device;
use super::padding;

/// GNU tar writes, and reads, in records of 20 blocks.
pub(super) const RECORD: u64 = 20 * BLOCK as u64;
/// So much of a body is read at once: a call of the system for each file of most, and few for the others.
const BUFFER: usize = 128 << 10;
/// The bytes of a name that a header holds.
const NAME_MAX: usize = 100;

/// Writes an archive: GNU headers with numeric owners only and long names as GNU `L` and `K` entries. Before an entry
/// with extended attributes stands a pax header, which then has the long names too: readers fell over both kinds before
/// one entry. The same entries give the same bytes.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    written: u64,
    entry: u64,
    /// Bytes of a body on their way.
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Starts an archive.
    pub const fn new(inner: W) -> Self {
        Self { inner, written: 0, entry: 0, buffer: Vec::new() }
    }

    /// Writes one entry, and returns where its body begins; `body` must yield exactly `header.size` bytes.
    ///
    /// # Errors
    /// The stream, a body of another size, or a value tar has no place for.
    pub fn append(&mut self, header: &Header, body: &mut dyn Read) -> Result<u64, Error> {
        self.entry += 1;
        self.check(header)?;
        self.long_values(header)?;
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
            if !is_device(header.device) {
                return Err(self.invalid("a device with numbers that there are not"));
            }
            raw.set_device_major(header.device.0)?;
            raw.set_device_minor(header.device.1)?;
        }
        let gnu = raw.as_gnu_mut().expect("it was made as a GNU header");
        fill(&mut gnu.name, &header.path);
        fill(&mut gnu.linkname, &header.link);
        raw.set_cksum();
        self.write(raw.as_bytes())?;
        let start = self.written;
        let copied = self.copy(&mut body.take(header.size.saturating_add(1)))?;
        if copied != header.size {
            return Err(self.invalid(format!("{copied} bytes where the header says {}", header.size)));
        }
        self.written += copied;
        self.pad(padding(copied))?;
        Ok(start)
    }

    /// As `io::copy`, in larger steps.
    fn copy(&mut self, body: &mut dyn Read) -> io::Result<u64> {
        self.buffer.resize(BUFFER, 0);
        let mut copied = 0;
        loop {
            let count = match body.read(&mut self.buffer) {
                Ok(0) => return Ok(copied),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            self.inner.write_all(&self.buffer[..count])?;
            copied += count as u64;
        }
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

    /// Refuses what a reader would not read back as it is.
    fn check(&self, header: &Header) -> Result<(), Error> {
        let is_link = matches!(header.kind, EntryKind::HardLink | EntryKind::Symlink);
        let reason = if header.path.is_empty() || header.path.contains(&0) || header.link.contains(&0) {
            "an empty name, or one with a NUL byte"
        } else if header.kind == EntryKind::File && header.path.ends_with(b"/") {
            "a file with a directory's name"
        } else if is_link == header.link.is_empty() {
            "a link without a target, or a target without a link"
        } else if header.size != 0 && header.kind != EntryKind::File {
            "data on an entry that is no file"
        } else if header.mode > 0o7777 {
            "a mode of more than twelve bits"
        } else if header.xattrs.keys().any(|name| name.is_empty() || name.contains(&b'=')) {
            "an extended attribute whose name is empty or has an equals sign"
        } else {
            return Ok(());
        };
        Err(self.invalid(reason))
    }

    /// What the header has no place for.
    fn long_values(&mut self, header: &Header) -> Result<(), Error> {
        let is_long = |name: &[u8]| name.len() > NAME_MAX;
        let (path, link) = (header.path.as_slice(), header.link.as_slice());
        if header.xattrs.is_empty() {
            if is_long(link) {
                self.extension(EntryType::GNULongLink, b"././@LongLink", &[link, b"\0"].concat())?;
            }
            if is_long(path) {
                self.extension(EntryType::GNULongName, b"././@LongLink", &[path, b"\0"].concat())?;
            }
            return Ok(());
        }
        let mut records = Vec::new();
        for (key, value) in [(&b"linkpath"[..], link), (b"path", path)] {
            if is_long(value) {
                records.extend(make_pax_record(key, value));
            }
        }
        for (name, value) in &header.xattrs {
            records.extend(make_pax_record(&[b"SCHILY.xattr.", name.as_slice()].concat(), value));
        }
        self.extension(EntryType::XHeader, b"./@PaxHeader", &records)
    }

    pub(super) fn extension(&mut self, kind: EntryType, name: &[u8], body: &[u8]) -> Result<(), Error> {
        if body.len() as u64 > EXTENSION_MAX {
            return Err(self.invalid("names or extended attributes that are too long"));
        }
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
fn fill(field: &mut [u8; NAME_MAX], name: &[u8]) {
    let count = name.len().min(field.len());
    field[..count].copy_from_slice(&name[..count]);
}

/// A record whose length counts its own digits.
pub(super) fn make_pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}
