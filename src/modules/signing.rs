//! Signatures under kernel modules, as `scripts/sign-file` of the kernel makes them: a CMS (RFC 5652) over the module's
//! bytes, without attributes and certificates, then twelve bytes that tell of it, then a line by which the kernel knows
//! that there is one (`include/linux/module_signature.h`, `Documentation/admin-guide/module-signing.rst`).
//!
//! It is made here and not by that program: the key never meets what foreign sources have built, and no sandbox is
//! needed. SHA-256 and RSA, which every kernel that wants signatures knows; PKCS #1 v1.5 gives the same bytes each time.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::KeyPair as _;
use ring::signature::RSA_PKCS1_SHA256;
use ring::signature::RsaKeyPair;

use super::der::BIT_STRING;
use super::der::CONTEXT_0;
use super::der::INTEGER;
use super::der::OCTET_STRING;
use super::der::SEQUENCE;
use super::der::SET;
use super::der::Values;
use super::der::value;
use crate::digest::Sha256;
use crate::host::signing::from_pem;

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.1
const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.1.1, with its NULL
const RSA: [u8; 15] = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// 2.16.840.1.101.3.4.2.1
const SHA256: [u8; 13] = [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// The version 1.
const ONE: [u8; 3] = [0x02, 0x01, 0x01];
/// `struct module_signature` but for its length: the kind is PKCS #7, which says the rest itself.
const TOLD: [u8; 8] = [0, 0, 2, 0, 0, 0, 0, 0];
/// The last bytes of a signed module.
const MARK: &[u8] = b"~Module signature appended~\n";

/// Why nothing can be signed. No word of the files is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is none.
    #[error("`module-signing.key` is no RSA key in PEM that is not encrypted: {0}")]
    Key(String),
    /// The certificate is none.
    #[error("`module-signing.certificate` is no X.509 certificate of an RSA key, in PEM or DER")]
    Certificate,
    /// They do not belong together.
    #[error("`module-signing.certificate` is of another key than `module-signing.key`")]
    Pair,
}

/// A key with its certificate.
pub struct ModuleKey {
    pair: RsaKeyPair,
    /// By which the kernel finds the certificate: issuer and serial number.
    signer: Vec<u8>,
    certificate: Sha256,
}

impl fmt::Debug for ModuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModuleKey").field(&self.certificate).finish()
    }
}

impl ModuleKey {
    /// Reads a private key in PEM (PKCS #8 or PKCS #1) and its certificate in PEM or DER.
    ///
    /// # Errors
    /// One of them is none, or they are not of each other.
    pub fn new(key: &[u8], certificate: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(key).map_err(|_| KeyError::Key("it is no text".to_owned()))?;
        let rejected = |error: ring::error::KeyRejected| KeyError::Key(error.to_string());
        let pair = match (from_pem(text, "PRIVATE KEY"), from_pem(text, "RSA PRIVATE KEY")) {
            (Ok(der), _) => RsaKeyPair::from_pkcs8(&der).map_err(rejected)?,
            (_, Ok(der)) => RsaKeyPair::from_der(&der).map_err(rejected)?,
            (Err(reason), _) => return Err(KeyError::Key(reason)),
        };
        let pem = std::str::from_utf8(certificate).ok().and_then(|text| from_pem(text, "CERTIFICATE").ok());
        let der = pem.as_deref().unwrap_or(certificate);
        let (signer, public) = named(der).ok_or(KeyError::Certificate)?;
        if public != pair.public_key().as_ref() {
            return Err(KeyError::Pair);
        }
        Ok(Self { signer, certificate: Sha256::of(der), pair })
    }

    /// The SHA-256 of the certificate in DER.
    #[must_use]
    pub const fn certificate(&self) -> &Sha256 {
        &self.certificate
    }

    /// The module with its signature.
    #[must_use]
    pub fn signed(&self, module: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let made = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), module, &mut signature);
        made.expect("the key was checked, and the place has its length");
        let signature = value(OCTET_STRING, &[&signature]);
        let info = value(SEQUENCE, &[&ONE, &self.signer, &SHA256, &RSA, &signature]);
        let (algorithms, content, infos) = (value(SET, &[&SHA256]), value(SEQUENCE, &[&DATA]), value(SET, &[&info]));
        let data = value(CONTEXT_0, &[&value(SEQUENCE, &[&ONE, &algorithms, &content, &infos])]);
        let cms = value(SEQUENCE, &[&SIGNED_DATA, &data]);
        let length = u32::try_from(cms.len()).expect("a signature has a few hundred bytes").to_be_bytes();
        [module, &cms, &TOLD, &length, MARK].concat()
    }
}

/// What names a certificate (IssuerAndSerialNumber, RFC 5652, 10.2.4), and its RSA key (RFC 5280, 4.1).
fn named(certificate: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut outer = Values(Values(certificate).tagged(SEQUENCE)?.body);
    let mut fields = Values(outer.tagged(SEQUENCE)?.body);
    // Its version, which the first one does not have.
    fields.tagged(CONTEXT_0);
    let serial = fields.tagged(INTEGER)?.whole;
    fields.tagged(SEQUENCE)?;
    let issuer = fields.tagged(SEQUENCE)?.whole;
    // Until when, and whose.
    fields.tagged(SEQUENCE)?;
    fields.tagged(SEQUENCE)?;
    let mut key = Values(fields.tagged(SEQUENCE)?.body);
    let public = key.clone().next().filter(|kind| kind.whole == RSA).and_then(|_| {
        key.next()?;
        key.tagged(BIT_STRING)?.body.strip_prefix(&[0])
    });
    Some((value(SEQUENCE, &[issuer, serial]), public?.to_vec()))
}

#[cfg(test)]
mod tests;
