//! From bytes a mirror served to text that a trusted key signed.
//!
//! The clear-sign frame (RFC 9580, section 7) is taken apart here and nowhere else, and only what lies inside the
//! signature is handed on: nothing that a mirror can add around it is ever read as a Release file. CVE-2011-1829,
//! CVE-2013-1051 and CVE-2015-0840 were about frames read twice with two meanings.

use crate::host::Trust;
use crate::host::TrustError;

const BEGIN_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// The headers RFC 9580 and its forerunners know before a message or a signature. They are not signed, so they
/// must not be able to carry anything.
const HEADERS: [&str; 4] = ["Hash", "Charset", "Comment", "Version"];

/// A file that is no clear-signed message, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FramingError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// The parts of a clear-signed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearsigned {
    /// What the signature says, dashes unescaped, without blanks at the ends of lines, lines ending in LF.
    pub text: Vec<u8>,
    /// The armored signatures.
    pub signature: Vec<u8>,
}

/// Why signed text does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum VerifyError {
    /// The frame is not what it must be.
    #[error("not a signed message and nothing else")]
    Framing(#[source] FramingError),
    /// The signature does not count.
    #[error("no signature that counts")]
    Signature(#[source] TrustError),
}

/// Takes a clear-signed message apart.
///
/// # Errors
/// It is no such message, or there is anything else in the file but blank space after it.
pub fn split(bytes: &[u8]) -> Result<Clearsigned, FramingError> {
    if bytes.trim_ascii_start().starts_with(b"<") {
        let reason = "a web page: does the network want a login, or is the mirror's address wrong?";
        return Err(FramingError { line: 1, reason });
    }
    let mut lines = Lines { rest: bytes, number: 0 };
    if lines.next() != Some(BEGIN_MESSAGE) {
        return lines.fail("it does not begin with a signed message");
    }
    lines.headers()?;
    let text = lines.text()?;
    let signature = lines.signatures()?;
    Ok(Clearsigned { text, signature })
}

/// Checks a clear-signed message and returns its text and the fingerprints of who signed it.
///
/// # Errors
/// The frame or the signature does not count.
pub(super) fn verify_inline(
    trust: &dyn Trust,
    bytes: &[u8],
    keyring: &[u8],
    at: impl FnOnce(&[u8]) -> i64,
) -> Result<(Vec<u8>, Vec<String>), VerifyError> {
    let Clearsigned { text, signature } = split(bytes).map_err(VerifyError::Framing)?;
    let signers = trust.verify(&canonical(&text), &signature, keyring, at(&text)).map_err(VerifyError::Signature)?;
    Ok((text, signers))
}

/// Checks a text with its signature in a file of its own (Release and Release.gpg).
///
/// # Errors
/// The signature file is something else, or does not count.
pub(super) fn verify_detached(
    trust: &dyn Trust,
    text: &[u8],
    signature: &[u8],
    keyring: &[u8],
    at: i64,
) -> Result<Vec<String>, VerifyError> {
    // Binary signatures exist (Debian bug 921685); the packet parser takes nothing but signatures from them.
    let signature = if signature.first().is_some_and(|byte| byte & 0x80 != 0) {
        signature.to_vec()
    } else {
        Lines { rest: signature, number: 0 }.signatures_alone().map_err(VerifyError::Framing)?
    };
    trust.verify(text, &signature, keyring, at).map_err(VerifyError::Signature)
}

/// What is hashed for a text signature: lines ending in CR LF, none after the last (RFC 9580, 7.2).
fn canonical(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut canonical = Vec::with_capacity(text.len() + text.len() / 32);
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if number > 0 {
            canonical.extend_from_slice(b"\r\n");
        }
        canonical.extend_from_slice(line);
    }
    canonical
}

/// The lines of a file, without their ends and the blanks before them, which no text signature covers.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, FramingError> {
        Err(FramingError { line: self.number.max(1), reason })
    }

    fn peek(&self) -> Option<&'a [u8]> {
        Self { rest: self.rest, number: 0 }.next()
    }

    /// Armor headers up to the blank line.
    fn headers(&mut self) -> Result<(), FramingError> {
        loop {
            let Some(line) = self.next() else { return self.fail("it ends within the armor headers") };
            if line.is_empty() {
                return Ok(());
            }
            let text = std::str::from_utf8(line).unwrap_or_default();
            let known = text.split_once(": ").is_some_and(|(name, _)| HEADERS.contains(&name));
            if !known || text.chars().any(char::is_control) {
                return self.fail("not an armor header, and no blank line before the text");
            }
        }
    }

    /// The signed text, up to the signature's first line, which stays.
    fn text(&mut self) -> Result<Vec<u8>, FramingError> {
        let mut text = Vec::with_capacity(self.rest.len());
        loop {
            if self.peek() == Some(BEGIN_SIGNATURE) {
                return Ok(text);
            }
            let Some(line) = self.next() else { return self.fail("there is no signature") };
            let line = match line {
                [b'-', b' ', line @ ..] => line,
                // Left over when the blank after an escaping dash ends the line.
                [b'-'] | [b'-', ..] => return self.fail("an unescaped dash in the signed text"),
                line => line,
            };
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }

    /// One or more armored signatures and nothing after them; returns them without headers and blanks.
    fn signatures(&mut self) -> Result<Vec<u8>, FramingError> {
        let mut signatures = Vec::new();
        while self.peek() == Some(BEGIN_SIGNATURE) {
            self.next();
            self.headers()?;
            signatures.extend([BEGIN_SIGNATURE, b"\n\n"].concat());
            self.armor_body(&mut signatures)?;
        }
        if !self.rest.trim_ascii().is_empty() {
            self.next();
            return self.fail("something else after the signature");
        }
        Ok(signatures)
    }

    fn signatures_alone(&mut self) -> Result<Vec<u8>, FramingError> {
        if self.peek() != Some(BEGIN_SIGNATURE) {
            return self.fail("it does not begin with a signature");
        }
        self.signatures()
    }

    fn armor_body(&mut self, armor: &mut Vec<u8>) -> Result<(), FramingError> {
        loop {
            match self.next() {
                None => return self.fail("the signature is not closed"),
                Some(line) => {
                    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
                    if line != END_SIGNATURE && (line.is_empty() || !line.iter().all(base64)) {
                        return self.fail("something else within the signature");
                    }
                    armor.extend_from_slice(line);
                    armor.push(b'\n');
                    if line == END_SIGNATURE {
                        return Ok(());
                    }
                }
            }
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = memchr::memchr(b'\n', self.rest);
        let (line, rest) = end.map_or((self.rest, &[][..]), |end| (&self.rest[..end], &self.rest[end + 1..]));
        self.rest = rest;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let length = line.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
        Some(&line[..length])
    }
}
