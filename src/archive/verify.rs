//! From a file that a mirror served to a [`VerifiedRelease`]: signature, dates and suite, in one step.
//!
//! There is no other way to one, and nothing of the archive stage reads a Release that is none: who embeds this crate
//! cannot verify one text and read another.

use crate::archive::Release;
use crate::archive::ReleaseError;
use crate::archive::release::unverified_date;
use crate::format::signed::Signed;
use crate::host::Trust;
use crate::host::TrustError;
use crate::limits::Limits;

/// A check of the Release that one archive is let off by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Allowance {
    /// Suite and codename are missing, or others than asked for.
    SuiteMismatch,
    /// `Date` is missing or in a form that is none: when it was signed counts.
    NoDate,
    /// `Valid-Until` has passed, or is in a form that is none.
    Expired,
}

/// What a Release must be to count.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The OpenPGP certificates that count, armored or not.
    pub keyring: &'a [u8],
    /// The suite asked for; of a flat repository its directory, with the slash at its end, which names no suite.
    pub suite: &'a str,
    /// By which clock it is judged.
    pub at: At,
    /// What it is let off.
    pub allow: &'a [Allowance],
    /// Within which its text is read.
    pub limits: Limits,
}

/// By which clock a Release is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// This time, in seconds since 1970: keys and `Valid-Until` must be good then, and keys at the Release's own date
    /// too. What is proved from a lock is judged at that date, for ever after: what does not count then counts never.
    Now(i64),
    /// The same, but that it expired is overlooked.
    Kept(i64),
    /// Keys at the Release's own date, `Valid-Until` overlooked, and nothing from after this time: a frozen copy.
    Frozen(i64),
    /// Keys at the Release's own date, and no clock at all: what was judged before is proved again.
    Own,
}

/// A Release that a trusted key signed and that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRelease {
    release: Release,
    text: Vec<u8>,
    signers: Vec<String>,
    waived: Option<i64>,
}

impl VerifiedRelease {
    /// What it says.
    #[must_use]
    pub const fn release(&self) -> &Release {
        &self.release
    }

    /// The text that was signed, without any frame.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Fingerprints of the keys that signed, sorted.
    #[must_use]
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// The `Valid-Until` that had passed and was overlooked.
    #[must_use]
    pub const fn waived(&self) -> Option<i64> {
        self.waived
    }
}

/// Why a signed file does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature does not count.
    #[error("no signature that counts")]
    Signature(#[source] TrustError),
    /// What was signed does not count.
    #[error("what was signed cannot be used")]
    Release(#[source] ReleaseError),
}

/// Verifies a Release: whose key signed it, when, for which suite, and until when.
///
/// That it is not older than one seen before is not known here; [`open`](crate::archive::open) looks at that too.
///
/// # Errors
/// One of these does not hold.
pub fn verify_release(
    trust: &dyn Trust,
    signed: &Signed,
    expected: &Expected<'_>,
) -> Result<VerifiedRelease, VerifyError> {
    let text = signed.unverified_text();
    // Without a date it is judged at when it was signed, which the signature vouches for.
    let own = unverified_date(text, &expected.limits);
    let at = match expected.at {
        At::Now(now) | At::Kept(now) => vec![Some(now), own],
        At::Frozen(_) | At::Own => vec![own],
    };
    let signatures = trust.verify(signed, expected.keyring, &at).map_err(VerifyError::Signature)?;
    let wrong = VerifyError::Release;
    let allowed = |what| expected.allow.contains(&what);
    let undated = allowed(Allowance::NoDate).then_some(signatures.made);
    let endless = allowed(Allowance::Expired);
    let release = Release::read(text, &expected.limits, undated, endless).map_err(wrong)?;
    if !allowed(Allowance::SuiteMismatch) {
        release.check_suite(expected.suite).map_err(wrong)?;
    }
    let (now, overlooked) = match expected.at {
        At::Now(now) => (Some(now), endless),
        At::Kept(now) | At::Frozen(now) => (Some(now), true),
        At::Own => (None, true),
    };
    let waived = match now.map_or(Ok(()), |now| release.check_time(now)) {
        Err(ReleaseError::Stale { until, .. }) if overlooked => Some(until),
        other => other.map(|()| None).map_err(wrong)?,
    };
    Ok(VerifiedRelease { release, text: text.to_vec(), signers: signatures.signers, waived })
}
