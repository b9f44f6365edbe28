//! cpio archives in the "newc" form: what Linux unpacks as its initramfs.
//!
//! Rules: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst` and its reader
//! `init/initramfs.c`: magic `070701`, thirteen fields of eight hexadecimal digits, name and data padded to four
//! bytes, `TRAILER!!!` at the end. Names of one inode number are hard links; the data comes with the last of them,
//! as GNU cpio writes it.

use std::io;
use std::io::Read;
use std::io::Write;

use super::read_body;

const MAGIC: &[u8] = b"070701";
const TRAILER: &[u8] = b"TRAILER!!!";
/// Magic and thirteen fields.
const HEADER: usize = 110;
/// GNU cpio fills archives up to blocks of this size.
const BLOCK: u64 = 512;
/// The kernel skips longer names and link targets (`PATH_MAX`), which would lose them in silence.
const NAME_MAX: u32 = 4096;
/// The bits of a mode that say the type, and what they say of a symbolic link.
const TYPE: u32 = 0o170_000;
const SYMLINK: u32 = 0o120_000;

/// One entry without its data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Relative, without a leading `./`; the root itself is `.`.
    pub name: Vec<u8>,
    /// Inode number: equal for hard links, different for all else.
    pub inode: u32,
    /// File type and permissions, as `st_mode`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of hard links.
    pub links: u32,
    /// Seconds since 1970.
    pub mtime: u32,
    /// Bytes that follow: a file's content or a symbolic link's target.
    pub size: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
}

/// An archive that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The underlying stream.
    #[error("cannot read or write the cpio stream")]
    Io(#[from] io::Error),
    /// An entry breaks a rule.
    #[error("cpio entry `{name}`: {reason}")]
    Invalid {
        /// Its name, escaped.
        name: String,
        /// Which rule.
        reason: &'static str,
    },
}

/// Writes an archive; the same entries give the same bytes.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Starts an archive.
    pub const fn new(inner: W) -> Self {
        Self { inner, written: 0 }
    }

    /// Writes one entry; `body` must yield exactly `header.size` bytes.
    ///
    /// # Errors
    /// The stream, a body of another size, or a name that the kernel would not take as one.
    pub fn append(&mut self, header: &Header, body: &mut dyn Read) -> Result<(), Error> {
        if header.name == TRAILER {
            return Err(invalid(&header.name, "this name ends an archive"));
        }
        if header.mode & TYPE == SYMLINK && header.size > NAME_MAX {
            return Err(invalid(&header.name, "the target of the link is too long for the kernel"));
        }
        self.header(header)?;
        let copied = io::copy(&mut body.take(u64::from(header.size) + 1), &mut self.inner)?;
        if copied != u64::from(header.size) {
            return Err(invalid(&header.name, "its data is not of the size it is said to have"));
        }
        self.written += copied;
        self.pad(4)
    }

    /// Ends the archive, fills it up to a block, and returns the inner writer.
    ///
    /// # Errors
    /// The stream.
    pub fn finish(mut self) -> Result<W, Error> {
        self.header(&Header { name: TRAILER.to_vec(), links: 1, ..Header::default() })?;
        self.pad(BLOCK)?;
        Ok(self.inner)
    }

    fn header(&mut self, header: &Header) -> Result<(), Error> {
        let name_size = u32::try_from(header.name.len() + 1).unwrap_or(u32::MAX);
        if name_size > NAME_MAX {
            return Err(invalid(&header.name, "the name is too long for the kernel"));
        }
        if header.name.is_empty() || header.name.contains(&0) {
            return Err(invalid(&header.name, "an empty name, or one with a NUL byte"));
        }
        let fields = [
            header.inode,
            header.mode,
            header.uid,
            header.gid,
            header.links,
            header.mtime,
            header.size,
            0,
            0,
            header.device.0,
            header.device.1,
            name_size,
            0,
        ];
        let mut bytes = MAGIC.to_vec();
        for field in fields {
            write!(bytes, "{field:08x}").expect("writing to memory succeeds");
        }
        bytes.extend_from_slice(&header.name);
        bytes.push(0);
        self.inner.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        self.pad(4)
    }

    fn pad(&mut self, block: u64) -> Result<(), Error> {
        let count = (block - self.written % block) % block;
        io::copy(&mut io::repeat(0).take(count), &mut self.inner)?;
        self.written += count;
        Ok(())
    }
}

/// Reads an archive, strictly. [`Reader::next_entry`] gives a header; then the reader yields that entry's data.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    position: u64,
    left: u64,
}

impl<R: Read> Reader<R> {
    /// Reads one archive; what follows its trailer is not looked at.
    pub const fn new(inner: R) -> Self {
        Self { inner, position: 0, left: 0 }
    }

    /// Skips what is left of the current entry and reads the next header; `None` at the trailer.
    ///
    /// # Errors
    /// The stream, or not such an archive.
    pub fn next_entry(&mut self) -> Result<Option<Header>, Error> {
        io::copy(self, &mut io::sink())?;
        self.skip_padding()?;
        let mut bytes = [0; HEADER];
        self.exact(&mut bytes)?;
        if !bytes.starts_with(MAGIC) {
            return Err(invalid(b"", "the magic number is not 070701"));
        }
        let mut fields = [0u32; 13];
        for (field, digits) in fields.iter_mut().zip(bytes[MAGIC.len()..].chunks_exact(8)) {
            *field = hexadecimal(digits).ok_or_else(|| invalid(b"", "a field is not hexadecimal"))?;
        }
        let [inode, mode, uid, gid, links, mtime, size, _, _, major, minor, name_size, _] = fields;
        if name_size == 0 || name_size > NAME_MAX {
            return Err(invalid(b"", "a name that is empty or too long"));
        }
        let mut name = vec![0; name_size as usize];
        self.exact(&mut name)?;
        if name.pop() != Some(0) || name.is_empty() || name.contains(&0) {
            return Err(invalid(&name, "the name does not end with its only NUL byte"));
        }
        self.skip_padding()?;
        if name == TRAILER {
            return Ok(None);
        }
        self.left = u64::from(size);
        Ok(Some(Header { name, inode, mode, uid, gid, links, mtime, size, device: (major, minor) }))
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(buffer)?;
        self.position += buffer.len() as u64;
        Ok(())
    }

    fn skip_padding(&mut self) -> Result<(), Error> {
        let mut padding = [0; 4];
        let count = (4 - self.position % 4) % 4;
        self.exact(&mut padding[..usize::try_from(count).expect("below four")])
    }
}

impl<R: Read> Read for Reader<R> {
    /// The current entry's data; a cut archive is an error, not an end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_body(&mut self.inner, &mut self.left, buffer, "the cpio archive ends within an entry")?;
        self.position += count as u64;
        Ok(count)
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

fn invalid(name: &[u8], reason: &'static str) -> Error {
    Error::Invalid { name: name.escape_ascii().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<(Header, &'static [u8])> {
        let entry = |name: &str, inode, mode, size| Header {
            name: name.into(),
            inode,
            mode,
            links: 1,
            mtime: 7,
            size,
            ..Header::default()
        };
        vec![
            (entry(".", 1, 0o40755, 0), b""),
            (entry("init", 2, 0o100755, 5), b"hello"),
            (entry("link", 3, 0o120777, 4), b"init"),
        ]
    }

    fn archive() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (header, body) in entries() {
            writer.append(&header, &mut &body[..]).expect("memory takes it");
        }
        writer.finish().expect("memory takes it")
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = archive();
        assert_eq!(bytes.len() % 512, 0);
        let mut reader = Reader::new(bytes.as_slice());
        for (header, body) in entries() {
            assert_eq!(reader.next_entry().expect("our own archive"), Some(header));
            let mut read = Vec::new();
            reader.read_to_end(&mut read).expect("our own archive");
            assert_eq!(read, body);
        }
        assert_eq!(reader.next_entry().expect("our own archive"), None);
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = archive();
        let last = bytes.iter().rposition(|&byte| byte == b'!').expect("the trailer") + 1;
        for end in 0..last {
            let mut reader = Reader::new(&bytes[..end]);
            let result = loop {
                match reader.next_entry() {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            assert!(result.is_err(), "cut at {end}");
        }
    }

    #[test]
    fn names_the_kernel_would_not_take_are_refused() {
        let long = "x".repeat(4096);
        for name in ["TRAILER!!!", "", "a\0b", &long] {
            let header = Header { name: name.into(), ..Header::default() };
            assert!(Writer::new(Vec::new()).append(&header, &mut io::empty()).is_err(), "{name}");
        }
        let link = Header { name: b"x".to_vec(), mode: SYMLINK | 0o777, size: 4097, ..Header::default() };
        assert!(Writer::new(Vec::new()).append(&link, &mut io::repeat(b't')).is_err(), "a long target");
        let short = Header { name: b"x".to_vec(), size: 2, ..Header::default() };
        assert!(Writer::new(Vec::new()).append(&short, &mut &b"1"[..]).is_err());
    }
}
