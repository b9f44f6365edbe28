//! What may be installed: from the key over the signed Release and its indices to the [`Index`].
//!
//! ```text
//! key ─▶ InRelease ─▶ Packages ─▶ Package
//!  verify    release     mirror      index
//! ```
//!
//! No byte is decompressed or parsed before its size and digest follow from a good signature; before that only the
//! clear-sign frame and OpenPGP packets are read. The order of the sources is the order of preference: of one
//! version offered twice the earlier source's is taken.
//!
//! <https://wiki.debian.org/DebianRepository/Format>

mod index;
mod keys;
mod mirror;
mod proof;
mod release;
mod scan;
mod verify;

use std::time::Duration;

use crate::cancel;
use crate::deb::PackageError;
use crate::host::Event;
use crate::host::Host;
use crate::host::StoreError;
use crate::host::TrustError;
use crate::host::download;
use crate::host::download::DownloadError;
use crate::host::in_parallel;

use mirror::VerifiedRelease;
use mirror::WantedIndex;

pub use index::Index;
pub use index::PackageId;
pub use keys::debian_keyring;
pub use proof::Proof;
pub use proof::verify_proof;
pub use release::Release;
pub use release::ReleaseError;
pub use release::ReleaseFile;
pub use verify::Clearsigned;
pub use verify::FramingError;
pub use verify::split;

/// One suite of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Names the archive in messages and in the lock, and tells it from others of the same suite; the same for all
    /// its mirrors.
    pub name: String,
    /// Base URLs, the preferred first.
    pub mirrors: Vec<String>,
    /// Suite or codename: `trixie`, `trixie-security`.
    pub suite: String,
    /// Components: `main`.
    pub components: Vec<String>,
    /// Machine architectures: `amd64`. `all` comes with them.
    pub architectures: Vec<String>,
    /// The OpenPGP certificates that count for it, armored or not.
    pub keyring: Vec<u8>,
    /// A frozen copy: may be older than what was seen before, does not expire, and its keys are judged at its date.
    pub snapshot: bool,
    /// When not empty, only packages whose names match one of these globs (`*` and `?`) come from it.
    pub allow: Vec<String>,
}

/// How strictly archives are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// Take a Release that is older than one seen before.
    pub allow_older: bool,
}

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source itself makes no sense.
    #[error("archive `{archive}`: {reason}")]
    Source {
        /// Its name.
        archive: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of it does not come.
    #[error("archive `{archive}`: cannot get `{path}`")]
    Download {
        /// Its name.
        archive: String,
        /// Below the mirror's base URL.
        path: String,
        /// Why.
        source: DownloadError,
    },
    /// The mirror's index is not the one that the mirror's signed Release names, and stayed so.
    #[error(
        "archive `{archive}`: `{path}` is not the one that the signed Release names: the mirror is being updated, or \
         out of date (try again in some minutes, or another mirror)"
    )]
    OutOfSync {
        /// Its name.
        archive: String,
        /// Below the mirror's base URL.
        path: String,
        /// What came instead.
        source: DownloadError,
    },
    /// The signed file is not one signed message.
    #[error("archive `{archive}`: `{path}` is not a signed message and nothing else")]
    Framing {
        /// Its name.
        archive: String,
        /// Below the mirror's base URL.
        path: String,
        /// Why.
        source: FramingError,
    },
    /// The signature does not count.
    #[error("archive `{archive}`: the signature of `{path}` does not count")]
    Signature {
        /// Its name.
        archive: String,
        /// Below the mirror's base URL.
        path: String,
        /// Why.
        source: TrustError,
    },
    /// The signed Release does not count.
    #[error("archive `{archive}`: its Release file cannot be used")]
    Release {
        /// Its name.
        archive: String,
        /// Why.
        source: ReleaseError,
    },
    /// A signed index cannot be used.
    #[error("archive `{archive}`: index `{path}` cannot be used")]
    Index {
        /// Its name.
        archive: String,
        /// Below the suite's directory.
        path: String,
        /// Why.
        source: IndexError,
    },
    /// A proof says otherwise than what was signed.
    #[error("archive `{archive}`: its proof does not hold: {reason}")]
    Proof {
        /// Its name.
        archive: String,
        /// Why.
        reason: String,
    },
    /// What is said to be a package of it is not.
    #[error("archive `{archive}`: package `{package}` does not follow from it: {reason}")]
    Unproven {
        /// Its name.
        archive: String,
        /// Name and version.
        package: String,
        /// Why.
        reason: String,
    },
    /// The cache failed.
    #[error("cannot use the cache")]
    Store(#[source] StoreError),
}

/// Why a signed index cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It does not decompress.
    #[error("it cannot be decompressed")]
    Compression(#[source] std::io::Error),
    /// Decompressed, it is not what the Release says.
    #[error("decompressed, it is not what the Release names: {0}")]
    Mismatch(String),
    /// It is larger, or there are more packages, than a limit lets in.
    #[error("it has more than the limit `{limit}` lets in ({max})")]
    Limit {
        /// Its name.
        limit: &'static str,
        /// What it is.
        max: u64,
    },
    /// It is no list of packages.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Counted from 1, where the stanza begins.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A stanza of it describes no package.
    #[error("a stanza describes no package")]
    Package(#[source] PackageError),
    /// One version with two digests.
    #[error("it has `{package}` {version} twice, with different digests")]
    Conflict {
        /// Name and architecture.
        package: String,
        /// Version.
        version: String,
    },
}

impl Error {
    /// Whether a later try may succeed without anything being changed here.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Download { source, .. } => source.is_retryable(),
            Self::OutOfSync { .. } => true,
            _ => false,
        }
    }

    /// Whether bytes came that are not what a trusted key signed, or not any more.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        match self {
            Self::Download { source, .. } | Self::OutOfSync { source, .. } => source.is_integrity(),
            Self::Framing { .. }
            | Self::Signature { .. }
            | Self::Release { .. }
            | Self::Index { .. }
            | Self::Proof { .. }
            | Self::Unproven { .. } => true,
            Self::Source { .. } | Self::Store(_) => false,
        }
    }

    /// Whether the reporter ended it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        cancel::is_cancelled(self)
    }
}

/// Gets and verifies what the sources hold. What the store has is not fetched again; without a network the newest
/// state the store knows is used.
///
/// # Errors
/// A source cannot be reached, does not verify, or contradicts itself.
pub fn open(host: &Host, sources: &[Source], options: &Options) -> Result<Index, Error> {
    let releases = in_parallel(sources.len(), sources, |source| mirror::release(host, source, options));
    let mut releases = releases.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut pauses = SYNC_PAUSES.into_iter();
    loop {
        let error = match read_indices(host, sources, &releases) {
            Err(error @ Error::OutOfSync { .. }) => error,
            other => return other,
        };
        // The same Release again would want the same indices again.
        let mut changed = false;
        while !changed {
            let Some(pause) = pauses.next() else { return Err(error) };
            let message = format!("{error}; looking for a new Release in {} s", pause.as_secs());
            host.reporter.event(&Event::Warning { message: &message });
            changed = renew(host, sources, options, &mut releases, pause)?;
        }
    }
}

/// Pauses before the Releases are asked for again when an index is not the one that they name: a mirror without
/// by-hash in the middle of an update. Its Release comes last, often within seconds; a build should not wait longer.
const SYNC_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Asks for the Releases again; returns whether any is another one.
fn renew(
    host: &Host,
    sources: &[Source],
    options: &Options,
    releases: &mut [VerifiedRelease],
    pause: Duration,
) -> Result<bool, Error> {
    download::pause(host, pause).map_err(|source| {
        let archive = sources.first().map_or_else(String::new, |source| source.name.clone());
        Error::Download { archive, path: "InRelease".to_owned(), source }
    })?;
    let mut changed = false;
    for (source, release) in sources.iter().zip(releases) {
        let now = mirror::release(host, source, options)?;
        changed |= now.proof.text != release.proof.text;
        *release = now;
    }
    Ok(changed)
}

/// The indices that the sources want of their Releases. All are of these Releases, or it is an error.
fn read_indices(host: &Host, sources: &[Source], releases: &[VerifiedRelease]) -> Result<Index, Error> {
    let mut wanted = Vec::new();
    for (archive, (source, release)) in sources.iter().zip(releases).enumerate() {
        wanted.extend(release.indices(source)?.into_iter().map(|index| (archive, source, release, index)));
    }
    let texts = in_parallel(wanted.len(), &wanted, |(_, source, release, index)| {
        mirror::index_text(host, source, release, index)
    });
    let mut parts = Vec::new();
    for ((archive, source, _, index), text) in wanted.iter().zip(texts) {
        parts.push(index::Part { archive: *archive, source, path: &index.path, text: text? });
    }
    let proofs = mirror::proofs(releases, wanted.iter().map(|(archive, _, _, index)| (*archive, index)));
    Index::from_parts(parts, proofs, host.jobs, &host.limits)
}

/// Opens again what proofs vouch for, one for each source, without asking what is newest: signatures are judged at
/// their own dates, indices are those of the proofs' digests, from the store or else from the mirrors. A source without
/// components takes the indices that its proof names; of others it must name all that the source wants, and no more.
///
/// # Errors
/// A proof does not prove itself, or an index does not come.
pub fn reopen(host: &Host, sources: &[Source], proofs: &[Proof]) -> Result<Index, Error> {
    let mut releases = Vec::new();
    for (source, proof) in sources.iter().zip(proofs) {
        let (release, signers) = proof::proved(host.trust.as_ref(), &source.keyring, proof, &host.limits)?;
        releases.push(VerifiedRelease { release, proof: Proof { signers, ..proof.clone() } });
    }
    let mut wanted = Vec::new();
    for (archive, (source, release)) in sources.iter().zip(&releases).enumerate() {
        let indices = release.proved_indices()?;
        if !source.components.is_empty() {
            check_indices(source, &release.indices(source)?, &indices)?;
        }
        wanted.extend(indices.into_iter().map(|index| (archive, source, release, index)));
    }
    let texts = in_parallel(wanted.len(), &wanted, |(_, source, release, index)| {
        mirror::index_text(host, source, release, index)
    });
    let mut parts = Vec::new();
    for ((archive, source, _, index), text) in wanted.iter().zip(texts) {
        parts.push(index::Part { archive: *archive, source, path: &index.path, text: text? });
    }
    let proofs = releases.iter().map(|release| release.proof.clone()).collect();
    Index::from_parts(parts, proofs, host.jobs, &host.limits)
}

/// Whether a proof names the indices that its source wants, in whatever compression.
fn check_indices(source: &Source, wanted: &[WantedIndex], proved: &[WantedIndex]) -> Result<(), Error> {
    let paths = |indices: &[WantedIndex]| {
        let mut paths: Vec<String> = indices.iter().map(|index| index.path.clone()).collect();
        paths.sort();
        paths
    };
    if paths(wanted) == paths(proved) {
        return Ok(());
    }
    let reason = "it does not name the indices that its source has, each once".to_owned();
    Err(Error::Proof { archive: source.name.clone(), reason })
}
