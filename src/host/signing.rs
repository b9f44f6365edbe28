//! Keys that outputs are signed with: Ed25519 (RFC 8032), in PEM as OpenSSL writes them (RFC 8410).
//!
//! ```sh
//! openssl genpkey -algorithm ed25519 -out builder.pem
//! openssl pkey -in builder.pem -pubout -out builder.pub.pem
//! ```
//!
//! The arithmetic is `ring`'s, which TLS brings along anyway.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::ED25519;
use ring::signature::Ed25519KeyPair;
use ring::signature::KeyPair as _;
use ring::signature::UnparsedPublicKey;

use super::Signer;
use super::Verifier;
use crate::digest::Sha256;

/// The longest file that is read as a key; one has 120 bytes.
pub const KEY_MAX: u64 = 16 << 10;

/// What stands before the 32 bytes of a public key: a SEQUENCE of the algorithm's identifier 1.3.101.112 and a BIT
/// STRING (RFC 8410, 4).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A text that holds no key of the kind wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no Ed25519 {wanted} key in PEM: {reason}")]
pub struct KeyError {
    wanted: &'static str,
    reason: String,
}

/// A secret key.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.key_id()).finish()
    }
}

impl SigningKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`: PKCS #8, not encrypted.
    ///
    /// # Errors
    /// It is none, or of another algorithm.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let wrong = |reason: String| KeyError { wanted: "private", reason };
        let der = from_pem(text, "PRIVATE KEY").map_err(wrong)?;
        // OpenSSL leaves the public half out, which is then computed.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        pair.map(Self).map_err(|error| wrong(error.to_string()))
    }

    /// The key that its signatures are checked with.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        let bytes = self.0.public_key().as_ref().try_into();
        VerifyingKey(bytes.expect("an Ed25519 public key has 32 bytes"))
    }
}

impl Signer for SigningKey {
    fn key_id(&self) -> String {
        self.public().key_id()
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// It is none, or of another algorithm.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let wrong = |reason: String| KeyError { wanted: "public", reason };
        let der = from_pem(text, "PUBLIC KEY").map_err(wrong)?;
        let key = der.strip_prefix(&PUBLIC_PREFIX).and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| wrong("it is of another algorithm".to_owned()))
    }

    /// As [`VerifyingKey::from_pem`] reads it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let der = [&PUBLIC_PREFIX[..], &self.0].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    }

    /// What names the key beside a signature: the SHA-256 of its DER form.
    #[must_use]
    pub fn key_id(&self) -> String {
        Sha256::of(&[&PUBLIC_PREFIX[..], &self.0].concat()).to_string()
    }

    /// Whether `signature` is this key's over `bytes`.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

impl Verifier for VerifyingKey {
    fn key_id(&self) -> String {
        Self::key_id(self)
    }

    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Self::verifies(self, bytes, signature)
    }
}

/// The bytes of the one PEM block of this label (RFC 7468).
pub(crate) fn from_pem(text: &str, label: &str) -> Result<Vec<u8>, String> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = text.trim().strip_prefix(begin.as_str()).and_then(|rest| rest.strip_suffix(end.as_str()));
    let body = body.ok_or_else(|| format!("it is not one block `{begin}`"))?;
    BASE64.decode(body.split_ascii_whitespace().collect::<String>()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first test vector of RFC 8032, 7.1, in the form of RFC 8410.
    const SECRET: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_vector_of_the_standard() {
        let key = SigningKey::from_pem(SECRET).expect("a key");
        let hexadecimal: String = key.public().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hexadecimal, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature = key.sign(b"");
        assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert!(key.public().verifies(b"", &signature));
        assert!(!key.public().verifies(b"x", &signature));
        assert!(!key.public().verifies(b"", &signature[..63]));
        assert_eq!(VerifyingKey::from_pem(&key.public().to_pem()), Ok(key.public()));
    }

    #[test]
    fn what_is_no_key() {
        let public = SigningKey::from_pem(SECRET).expect("a key").public().to_pem();
        for text in ["", "x", &public, &SECRET.replace("MC4C", "MC4D"), &SECRET.replace("PRIVATE", "RSA PRIVATE")] {
            assert!(SigningKey::from_pem(text).is_err(), "{text}");
        }
        for text in ["", SECRET, &public.replace("MCow", "MCox"), &format!("{public}{public}")] {
            assert!(VerifyingKey::from_pem(text).is_err(), "{text}");
        }
    }
}
