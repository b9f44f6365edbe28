//! Text that somebody signed with OpenPGP, and its signatures, before anybody has verified them.
//!
//! The clear-sign frame (RFC 9580, section 7) is taken apart here and nowhere else, and only what lies inside the
//! signature is handed on: nothing that a mirror can add around it is ever read as a Release file. CVE-2011-1829,
//! CVE-2013-1051 and CVE-2015-0840 were about frames read twice with two meanings. What a signature is over is not the
//! text as it is read ([`Signed::hashed`]); that both belong to one value is why nobody can mix them up.

use std::borrow::Cow;

const BEGIN_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// The headers RFC 9580 and its forerunners know before a message or a signature. They are not signed, so they
/// must not be able to carry anything.
const HEADERS: [&str; 4] = ["Hash", "Charset", "Comment", "Version"];

/// A file that is no signed message, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FramingError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// A text with signatures that are said to be over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    text: Vec<u8>,
    signature: Vec<u8>,
    /// Whether text and signature came in one file, where a text signature is over lines in a form of their own.
    inline: bool,
}

impl Signed {
    /// Takes a clear-signed message (`InRelease`) apart.
    ///
    /// # Errors
    /// It is no such message, or there is anything else in the file but blank space after it.
    pub fn inline(bytes: &[u8]) -> Result<Self, FramingError> {
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
        Ok(Self { text, signature, inline: true })
    }

    /// A text with its signature in a file of its own (`Release` and `Release.gpg`).
    ///
    /// # Errors
    /// The signature's file is something else.
    pub fn detached(text: &[u8], signature: &[u8]) -> Result<Self, FramingError> {
        // Binary signatures exist (Debian bug 921685); the packet parser takes nothing but signatures from them.
        let signature = if signature.first().is_some_and(|byte| byte & 0x80 != 0) {
            signature.to_vec()
        } else {
            Lines { rest: signature, number: 0 }.signatures_alone()?
        };
        Ok(Self { text: text.to_vec(), signature, inline: false })
    }

    /// What is said to be signed: of a message, dashes unescaped, without blanks at the ends of lines, lines ending in
    /// LF. Until [`Trust::verify`](crate::host::Trust::verify) has said so, it is anybody's.
    #[must_use]
    pub fn unverified_text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes that the signatures are over: of a message, lines ending in CR LF, none after the last (RFC 9580, 7.2).
    #[must_use]
    pub fn hashed(&self) -> Cow<'_, [u8]> {
        if !self.inline {
            return Cow::Borrowed(&self.text);
        }
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let mut hashed = Vec::with_capacity(text.len() + text.len() / 32);
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if number > 0 {
                hashed.extend_from_slice(b"\r\n");
            }
            hashed.extend_from_slice(line);
        }
        Cow::Owned(hashed)
    }

    /// The signatures, armored or binary.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
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
