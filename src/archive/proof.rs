//! The proof that packages are an archive's: its signed Release, kept so that anyone can check it again, offline.

use std::collections::BTreeMap;

use crate::archive::Error;
use crate::archive::Release;
use crate::archive::release::unverified_date;
use crate::archive::verify::VerifyError;
use crate::archive::verify::verify_detached;
use crate::archive::verify::verify_inline;
use crate::digest::Sha256;
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
    /// Path below the suite's directory → SHA-256 of the index file as it lies there.
    pub indices: BTreeMap<String, Sha256>,
    /// InRelease as served; Release where the signature is in a file of its own.
    pub text: Vec<u8>,
    /// Release.gpg, in that case.
    pub signature: Option<Vec<u8>>,
}

/// Proves again, without network and clock, that a trusted key signed for these indices: the keys are judged at
/// the Release's own date. Returns the Release.
///
/// # Errors
/// The signature does not count, or the Release is another suite's, of another date, or does not name an index.
pub fn verify_proof(trust: &dyn Trust, keyring: &[u8], proof: &Proof, limits: &Limits) -> Result<Release, Error> {
    proved(trust, keyring, proof, limits).map(|(release, _)| release)
}

/// The same, with the fingerprints of the keys that really signed, whatever the proof says of them.
pub(super) fn proved(
    trust: &dyn Trust,
    keyring: &[u8],
    proof: &Proof,
    limits: &Limits,
) -> Result<(Release, Vec<String>), Error> {
    let archive = || proof.name.clone();
    let path = || if proof.signature.is_some() { "Release.gpg" } else { "InRelease" }.to_owned();
    let signed = Signed { text: proof.text.clone(), signature: proof.signature.clone() };
    let (text, signers) = signed.verify(trust, keyring, None, limits).map_err(|error| match error {
        VerifyError::Framing(source) => Error::Framing { archive: archive(), path: path(), source },
        VerifyError::Signature(source) => Error::Signature { archive: archive(), path: path(), source },
    })?;
    let wrong = |source| Error::Release { archive: archive(), source };
    let release = Release::parse_within(&text, limits).map_err(wrong)?;
    release.check_suite(&proof.suite).map_err(wrong)?;
    for (path, sha256) in &proof.indices {
        if release.file(path).is_none_or(|file| file.sha256 != *sha256) {
            let reason = format!("it does not vouch for index `{path}` with SHA-256 {sha256}");
            return Err(Error::Proof { archive: archive(), reason });
        }
    }
    let wrong = |reason: &str| Err(Error::Proof { archive: archive(), reason: reason.to_owned() });
    if release.date != proof.date {
        return wrong("it is of another date than it says");
    }
    // Others may have signed as well: a keyring grows.
    if !proof.signers.iter().all(|signer| signers.contains(signer)) {
        return wrong("it names a key that has not signed");
    }
    if proof.waived && release.valid_until.is_none() {
        return wrong("it says that its expiry was overlooked, and it never expires");
    }
    Ok((release, signers))
}

/// A Release as it came, not yet judged.
pub(super) struct Signed {
    pub(super) text: Vec<u8>,
    pub(super) signature: Option<Vec<u8>>,
}

impl Signed {
    /// The signed text and who signed it. Without a time the keys are judged at the text's own date.
    pub(super) fn verify(
        &self,
        trust: &dyn Trust,
        keyring: &[u8],
        at: Option<i64>,
        limits: &Limits,
    ) -> Result<(Vec<u8>, Vec<String>), VerifyError> {
        // A text without a date is judged at the beginning of time, when no key was valid.
        let at = |text: &[u8]| at.or_else(|| unverified_date(text, limits)).unwrap_or(0);
        match &self.signature {
            None => verify_inline(trust, &self.text, keyring, at),
            Some(signature) => {
                let signers = verify_detached(trust, &self.text, signature, keyring, at(&self.text))?;
                Ok((self.text.clone(), signers))
            }
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
