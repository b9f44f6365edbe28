//! SHA-256 and SHA-512 values and readers that check what flows through them.
//!
//! SHA-256 is the one hash of the crate: the archive's indices name files by it, the store is addressed by it, and the
//! tree digest is made of it. Archives that name files by SHA-512 alone are as safe; there a [`Digest`] is either.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;
use std::str::FromStr;

use sha2::Digest as _;

/// A SHA-256 value. Can only be made by hashing bytes or from 64 hexadecimal digits; this crate reads its own back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns the digest and the length of everything `reader` yields.
    ///
    /// # Errors
    /// The reader's own.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<(Self, u64)> {
        let mut hashing = HashWriter::new(io::sink());
        let size = io::copy(reader, &mut hashing)?;
        Ok((hashing.finish().0, size))
    }

    /// A digest of which only the bytes are known.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// The text is not as many hexadecimal digits as the hash has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a {hash}: {digits} hexadecimal digits are wanted", .text.escape_debug())]
pub struct ParseError {
    text: String,
    hash: &'static str,
    digits: usize,
}

/// Digits of either case: the value, not its spelling, is compared.
fn parse<const N: usize>(text: &str, hash: &'static str) -> Result<[u8; N], ParseError> {
    let error = || ParseError { text: text.chars().take(80).collect(), hash, digits: 2 * N };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(error());
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |digit: u8| (digit as char).to_digit(16).ok_or_else(error);
        *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
    }
    Ok(bytes)
}

impl FromStr for Sha256 {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "SHA-256").map(Self)
    }
}

/// A SHA-512 value. Can only be made by hashing bytes or from 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha512([u8; 64]);

impl Sha512 {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha512::digest(bytes).into())
    }

    /// Returns the digest of everything `reader` yields.
    ///
    /// # Errors
    /// The reader's own.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<Self> {
        let mut state = Sha512State::default();
        io::copy(reader, &mut state)?;
        Ok(state.finish())
    }
}

/// Hashes what is written to it.
#[derive(Debug, Clone, Default)]
pub struct Sha512State(sha2::Sha512);

impl Sha512State {
    /// The digest of all that was written.
    #[must_use]
    pub fn finish(self) -> Sha512 {
        Sha512(self.0.finalize().into())
    }
}

impl Write for Sha512State {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha512({self})")
    }
}

impl FromStr for Sha512 {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "SHA-512").map(Self)
    }
}

/// How an archive names the bytes of a file: by either of the hashes that are still safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Digest {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digest {
    /// As Release files and directories of `by-hash` call it.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA256",
            Self::Sha512(_) => "SHA512",
        }
    }

    /// Whether these bytes have it.
    #[must_use]
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha256(digest) => Sha256::of(bytes) == *digest,
            Self::Sha512(digest) => Sha512::of(bytes) == *digest,
        }
    }
}

impl From<Sha256> for Digest {
    fn from(digest: Sha256) -> Self {
        Self::Sha256(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.fmt(f),
            Self::Sha512(digest) => digest.fmt(f),
        }
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    /// The number of digits tells which hash it is of.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() == 128 { text.parse().map(Self::Sha512) } else { text.parse().map(Self::Sha256) }
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The MD5 of everything `reader` yields, lower case hexadecimal. Not for trust: dpkg's and ucf's databases name
/// configuration files by it.
///
/// # Errors
/// The reader's own.
pub fn md5_of_reader(reader: &mut dyn Read) -> io::Result<String> {
    let mut state = md5::Md5::default();
    io::copy(reader, &mut state)?;
    Ok(md5::Digest::finalize(state).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Hashes and counts what is written through it.
pub struct HashWriter<W> {
    inner: W,
    state: sha2::Sha256,
    size: u64,
}

impl<W: Write> HashWriter<W> {
    /// Starts a new hash over what will be written to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, state: sha2::Sha256::new(), size: 0 }
    }

    /// The bytes accepted so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the digest, the number of bytes, and the inner writer.
    pub fn finish(self) -> (Sha256, u64, W) {
        (Sha256(self.state.finalize().into()), self.size, self.inner)
    }
}

impl<W> fmt::Debug for HashWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashWriter").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<W: Write> Write for HashWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.state.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that fails as soon as more than `limit` bytes come: the guard before everything from outside.
#[derive(Debug)]
pub struct LimitReader<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R: Read> LimitReader<R> {
    /// Lets at most `limit` bytes through; the next byte is an error of kind [`io::ErrorKind::FileTooLarge`].
    pub const fn new(inner: R, limit: u64) -> Self {
        Self { inner, left: limit, limit }
    }
}

impl<R: Read> Read for LimitReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // One byte more than is left is asked for, so that an input of exactly `limit` bytes ends normally.
        let want = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..want])?;
        if count as u64 > self.left {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("more than the allowed {} bytes", self.limit),
            ));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_agree() {
        let digest = Sha256::of(b"");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        for bad in ["", "e3", &text[1..], &format!("{text}0"), &text.replace('e', "g")] {
            assert!(bad.parse::<Sha256>().is_err(), "{bad}");
        }
        // A lock's text is from outside, and the message goes to a terminal.
        let error = "\u{1b}[2J".parse::<Sha256>().expect_err("no digits").to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
    }

    #[test]
    fn either_digest_is_told_by_its_length() {
        let text = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                    2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        assert_eq!(Sha512::of(b"abc").to_string(), text);
        assert_eq!(Sha512::of_reader(&mut &b"abc"[..]).expect("memory reads"), Sha512::of(b"abc"));
        let digest: Digest = text.to_uppercase().parse().expect("a digest");
        assert!(digest.is_of(b"abc") && !digest.is_of(b"abd") && digest.algorithm() == "SHA512");
        let short: Digest = Sha256::of(b"abc").to_string().parse().expect("a digest");
        assert_eq!(short, Sha256::of(b"abc").into());
        for bad in ["", &text[..127], &text.replace('d', "x")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn md5_is_md5() {
        let md5 = md5_of_reader(&mut &b"abc"[..]).expect("memory reads");
        assert_eq!(md5, "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn the_limit_is_exact() {
        let read = |limit| LimitReader::new(&b"12345"[..], limit).read_to_end(&mut Vec::new());
        assert_eq!(read(5).expect("five bytes fit"), 5);
        assert_eq!(read(4).expect_err("one too many").kind(), io::ErrorKind::FileTooLarge);
    }
}
