//! The proof that packages are an archive's: its signed Release, kept so that anyone can check it again, offline.

use std::collections::BTreeMap;

use crate::archive::Allowance;
use crate::archive::At;
use crate::archive::Error;
use crate::archive::Expected;
use crate::archive::Release;
use crate::archive::VerifiedRelease;
use crate::archive::VerifyError;
use crate::archive::verify_release;
use crate::digest::Digest;
use crate::format::signed::FramingError;
use crate::format::signed::Signed;
use crate::host::Trust;
use crate::limits::Limits;

/// The signed Release of one source, and the indices it vouches for that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The source's name.
    pub name: String,
    /// The suite asked for.
    pub suite: String,
    /// The Release's `Date`, seconds since 1970.
    pub date: i64,
    /// Whether it had expired and that was overlooked: a snapshot, or offline.
    pub waived: bool,
    /// Fingerprints of the keys that signed.
    pub signers: Vec<String>,
    /// Path below the suite's directory → digest of the index file as it lies there, by the hash that the Release names
    /// it by.
    pub indices: BTreeMap<String, Digest>,
    /// InRelease as served; Release where the signature is in a file of its own.
    pub text: Vec<u8>,
    /// Release.gpg, in that case.
    pub signature: Option<Vec<u8>>,
}

/// Proves again, without network and clock, that a trusted key signed for these indices: the keys are judged at
/// the Release's own date. What the archive is let off by name is not in the proof but the caller's to say. Returns the
/// Release.
///
/// # Errors
/// The signature does not count, or the Release is another suite's, of another date, or does not name an index.
pub fn verify_proof(
    trust: &dyn Trust,
    keyring: &[u8],
    allow: &[Allowance],
    proof: &Proof,
    limits: &Limits,
) -> Result<Release, Error> {
    proved(trust, keyring, allow, proof, limits).map(|verified| verified.release().clone())
}

/// The same, with the fingerprints of the keys that really signed, whatever the proof says of them.
pub(super) fn proved(
    trust: &dyn Trust,
    keyring: &[u8],
    allow: &[Allowance],
    proof: &Proof,
    limits: &Limits,
) -> Result<VerifiedRelease, Error> {
    let archive = || proof.name.clone();
    let path = || if proof.signature.is_some() { "Release.gpg" } else { "InRelease" }.to_owned();
    let served = Served { text: proof.text.clone(), signature: proof.signature.clone() };
    let signed = served.signed().map_err(|source| Error::Framing { archive: archive(), path: path(), source })?;
    let expected = Expected { keyring, suite: &proof.suite, at: At::Own, allow, limits: *limits };
    let verified = verify_release(trust, &signed, &expected).map_err(|error| match error {
        VerifyError::Signature(source) => Error::Signature { archive: archive(), path: path(), source },
        VerifyError::Release(source) => Error::Release { archive: archive(), source },
    })?;
    for (path, digest) in &proof.indices {
        if verified.release().file(path).is_none_or(|file| file.digest != *digest) {
            let reason = format!("it does not vouch for index `{path}` with {} {digest}", digest.algorithm());
            return Err(Error::Proof { archive: archive(), reason });
        }
    }
    let wrong = |reason: &str| Err(Error::Proof { archive: archive(), reason: reason.to_owned() });
    if verified.release().date != proof.date {
        return wrong("it is of another date than it says");
    }
    // Others may have signed as well: a keyring grows.
    if !proof.signers.iter().all(|signer| verified.signers().contains(signer)) {
        return wrong("it names a key that has not signed");
    }
    if proof.waived && verified.release().valid_until.is_none() {
        return wrong("it says that its expiry was overlooked, and it never expires");
    }
    Ok(verified)
}

/// A Release as it came, not yet judged.
pub(super) struct Served {
    pub(super) text: Vec<u8>,
    pub(super) signature: Option<Vec<u8>>,
}

impl Served {
    /// What is said to be signed in it.
    pub(super) fn signed(&self) -> Result<Signed, FramingError> {
        match &self.signature {
            None => Signed::inline(&self.text),
            Some(signature) => Signed::detached(&self.text, signature),
        }
    }

    /// For a record of the store: the length of the text, the text, the signature if there is one.
    pub(super) fn to_bytes(text: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
        let length = text.len() as u64;
        [&length.to_be_bytes()[..], text, signature.unwrap_or_default()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (text, signature) = rest.split_at_checked(length)?;
        let signature = (!signature.is_empty()).then(|| signature.to_vec());
        Some(Self { text: text.to_vec(), signature })
    }
}
