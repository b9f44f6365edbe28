//! ar archives, as a .deb is one: read strictly, member by member (deb(5), ar(5)).
//!
//! The crate `ar` writes them in tests; for reading it is too kind: it takes GNU and BSD long names, signs and
//! blanks for numbers and any byte for padding, all of which dpkg refuses since CVE-2020-27350.

use std::io;
use std::io::Read;

use super::read_body;

/// What every archive starts with.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";

/// An archive that is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The underlying stream.
    #[error("cannot read the ar archive")]
    Io(#[from] io::Error),
    /// The first eight bytes are others.
    #[error("this is no ar archive")]
    Magic,
    /// The archive breaks a rule.
    #[error("ar member {member}: {reason}")]
    Invalid {
        /// Counted from 1.
        member: u64,
        /// Which rule.
        reason: &'static str,
    },
}

/// One member without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Printable ASCII, without the slash that some writers put at its end.
    pub name: String,
    /// How many bytes follow.
    pub size: u64,
}

/// Reads an archive. [`Reader::next_member`] gives a header; then the reader yields that member's bytes.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    member: u64,
    /// Bytes left of the current member, and whether a byte of padding follows.
    left: u64,
    padded: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the magic number.
    ///
    /// # Errors
    /// The stream, or this is no archive.
    pub fn new(mut inner: R) -> Result<Self, Error> {
        let mut magic = [0; 8];
        match inner.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { inner, member: 0, left: 0, padded: false }),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
            _ => Err(Error::Magic),
        }
    }

    /// Skips what is left of the current member and reads the next header; `None` at the end.
    ///
    /// # Errors
    /// The stream, or an archive that is not accepted.
    pub fn next_member(&mut self) -> Result<Option<Member>, Error> {
        self.skip()?;
        self.member += 1;
        let mut header = [0; 60];
        if !self.fill(&mut header)? {
            return Ok(None);
        }
        if !header.ends_with(b"`\n") {
            return Err(self.invalid("the header does not end with its magic bytes"));
        }
        let name = name(&header[..16]).ok_or_else(|| self.invalid("the name is malformed"))?;
        let size = number(&header[48..58], 10).ok_or_else(|| self.invalid("the size is no decimal number"))?;
        // Nobody uses these, but what is no number here was not written by an archiver.
        for (field, radix) in
            [(&header[16..28], 10), (&header[28..34], 10), (&header[34..40], 10), (&header[40..48], 8)]
        {
            if number(field, radix).is_none() {
                return Err(self.invalid("the time, owner or mode is no number"));
            }
        }
        (self.left, self.padded) = (size, size % 2 == 1);
        Ok(Some(Member { name, size }))
    }

    fn skip(&mut self) -> Result<(), Error> {
        io::copy(self, &mut io::sink())?;
        if std::mem::take(&mut self.padded) {
            let mut padding = [0];
            if !self.fill(&mut padding)? || padding != *b"\n" {
                return Err(self.invalid("the padding after it is missing or no newline"));
            }
        }
        Ok(())
    }

    /// Fills `buffer`; `false` when the stream is at its end before the first byte.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(self.invalid("the archive ends within a header")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    const fn invalid(&self, reason: &'static str) -> Error {
        Error::Invalid { member: self.member, reason }
    }
}

impl<R: Read> Read for Reader<R> {
    /// The current member's bytes; a truncated archive is an error, not an end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_body(&mut self.inner, &mut self.left, buffer, "the ar archive ends within a member")
    }
}

/// A name of printable characters, blanks after it; GNU's special names (`/`, `//`, `/12`) are none.
fn name(field: &[u8]) -> Option<String> {
    let name = field.trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let valid = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/');
    valid.then(|| String::from_utf8_lossy(name).into_owned())
}

/// Digits from the first byte on, then spaces to the end.
fn number(field: &[u8], radix: u32) -> Option<u64> {
    let digits = field.iter().position(|&byte| byte == b' ').unwrap_or(field.len());
    let (digits, rest) = field.split_at(digits);
    if digits.is_empty() || rest.iter().any(|&byte| byte != b' ') {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = (digit as char).to_digit(radix)?;
        number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut reader = Reader::new(bytes)?;
        let mut members = Vec::new();
        while let Some(member) = reader.next_member()? {
            let mut body = Vec::new();
            reader.read_to_end(&mut body)?;
            assert_eq!(body.len() as u64, member.size);
            members.push((member.name, body));
        }
        Ok(members)
    }

    fn archive() -> Vec<u8> {
        let mut builder = ar::Builder::new(Vec::new());
        for (name, body) in [("debian-binary", &b"2.0\n"[..]), ("odd", b"123"), ("empty", b"")] {
            let header = ar::Header::new(name.into(), body.len() as u64);
            builder.append(&header, body).expect("memory takes it");
        }
        builder.into_inner().expect("memory takes it")
    }

    #[test]
    fn members_of_the_ar_crate() {
        let members = read(&archive()).expect("a good archive");
        let wanted = [("debian-binary", &b"2.0\n"[..]), ("odd", b"123"), ("empty", b"")];
        assert_eq!(members.len(), wanted.len());
        for ((name, body), (wanted_name, wanted_body)) in members.iter().zip(wanted) {
            assert_eq!((name.as_str(), body.as_slice()), (wanted_name, wanted_body));
        }
        assert!(read(MAGIC).expect("an empty archive").is_empty());
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = archive();
        let whole: Vec<usize> = (0..bytes.len()).filter(|&length| read(&bytes[..length]).is_ok()).collect();
        // Ends of members are the only places where an archive may end.
        assert_eq!(whole, [8, 72, 136]);
    }

    #[test]
    fn case_50_headers_that_are_refused() {
        // `debian-binary` is the first header: name at 8, time at 24, mode at 48, size at 56, magic at 66.
        for (what, at, text) in [
            ("GNU name table", 8, "//              "),
            ("GNU long name", 8, "/0              "),
            ("BSD name", 8, "#1/20 x         "),
            ("empty name", 8, "                "),
            ("slash in the name", 8, "a/b             "),
            ("NUL in the name", 8, "a\0              "),
            ("space in the name", 8, "a b             "),
            ("hexadecimal size", 56, "0x10      "),
            ("negative size", 56, "-60       "),
            ("signed size", 56, "+4        "),
            ("blank size", 56, "          "),
            ("size after a blank", 56, " 4        "),
            ("unterminated size", 56, "4 4       "),
            ("NUL in the size", 56, "4\0        "),
            ("huge size", 56, "9999999999"),
            ("junk time", 24, "now         "),
            ("decimal mode", 48, "100888  "),
            ("other magic", 66, "'\n"),
        ] {
            let mut bytes = archive();
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
            assert!(read(&bytes).is_err(), "{what}");
        }
        let mut padding = archive();
        padding[72 + 60 + 3] = 0;
        assert!(read(&padding).is_err(), "NUL as padding");
        assert!(matches!(read(b"!<thin>\n"), Err(Error::Magic)), "thin archive");
        assert!(matches!(read(b"!<arc"), Err(Error::Magic)));
    }
}
