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
//! A suite lies in `dists/SUITE/` with an index for each component and architecture; a flat repository has one index
//! beside its Release, in the directory that stands in place of the suite and ends in a slash.
//!
//! <https://wiki.debian.org/DebianRepository/Format>

mod index;
mod keys;
mod mirror;
mod proof;
mod release;
mod scan;
mod verify;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel;
use crate::host::Event;
use crate::host::Host;
use crate::host::Reporter;
use crate::host::StoreError;
use crate::host::TransportError;
use crate::host::TrustError;
use crate::host::download;
use crate::host::download::DownloadError;
use crate::host::in_parallel;

use mirror::Opened;
use mirror::ReadIndex;
use mirror::WantedIndex;

pub use crate::format::signed::FramingError;
pub use crate::format::signed::Signed;
pub use index::Defect;
pub use index::Index;
pub use index::Origin;
pub use index::PackageId;
pub use index::TextError;
pub use keys::debian_keyring;
pub use proof::Proof;
pub use proof::verify_proof;
pub use release::Release;
pub use release::ReleaseError;
pub use release::ReleaseFile;
pub use verify::Allowance;
pub use verify::At;
pub use verify::Expected;
pub use verify::VerifiedRelease;
pub use verify::VerifyError;
pub use verify::verify_release;

/// One suite of one archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Names the archive in messages and in the lock, and tells it from others of the same suite; the same for all
    /// its mirrors.
    pub name: String,
    /// Base URLs, the preferred first.
    pub mirrors: Vec<String>,
    /// Suite or codename: `trixie`, `trixie-security`. Of a flat repository its directory below the base, with a slash
    /// at its end: `./`, `amd64/`.
    pub suite: String,
    /// Components: `main`. A flat repository has none.
    pub components: Vec<String>,
    /// Machine architectures: `amd64`, and those of multiarch beside it. `all` comes with them. None: every one.
    pub architectures: Vec<String>,
    /// The OpenPGP certificates that count for it, armored or not.
    pub keyring: Vec<u8>,
    /// Where the keyring is from, for messages; empty for a built-in one.
    pub keyring_file: String,
    /// A frozen copy: may be older than what was seen before, does not expire, and its keys are judged at its date.
    pub snapshot: bool,
    /// Whether it is Debian's own. What it says is essential or required is the base; what others say of that does not
    /// count, and their packages replace none of the base unless the recipe says so.
    pub base: bool,
    /// The pocket of Debian's that it is: `backports`.
    pub pocket: Option<String>,
    /// When not empty, only packages whose names match one of these globs (`*` and `?`) come from it; and those may
    /// replace Debian's.
    pub packages: Vec<String>,
    /// Checks that its Release is let off.
    pub allow: Vec<Allowance>,
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
         out of date"
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
    /// Its keyring is none.
    #[error("archive `{archive}`: `{file}` is no keyring")]
    Keyring {
        /// Its name.
        archive: String,
        /// Where it is from.
        file: String,
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
            // What is wrong is what was asked for.
            Self::Release { source: ReleaseError::Component { .. }, .. } => false,
            Self::Framing { .. }
            | Self::Signature { .. }
            | Self::Keyring { .. }
            | Self::Release { .. }
            | Self::Index { .. }
            | Self::Proof { .. }
            | Self::Unproven { .. } => true,
            Self::Source { .. } | Self::Store(_) => false,
        }
    }

    /// The archive's name, where it is about one.
    #[must_use]
    pub fn archive(&self) -> Option<&str> {
        match self {
            Self::Source { archive, .. }
            | Self::Download { archive, .. }
            | Self::OutOfSync { archive, .. }
            | Self::Framing { archive, .. }
            | Self::Signature { archive, .. }
            | Self::Keyring { archive, .. }
            | Self::Release { archive, .. }
            | Self::Index { archive, .. }
            | Self::Proof { archive, .. }
            | Self::Unproven { archive, .. } => Some(archive),
            Self::Store(_) => None,
        }
    }

    /// Whether no mirror has the file.
    const fn is_not_found(&self) -> bool {
        let (Self::Download { source, .. } | Self::OutOfSync { source, .. }) = self else { return false };
        matches!(source, DownloadError::Transport { source: TransportError::NotFound, .. })
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
    let mut pauses = host.pauses.releases.iter();
    loop {
        let error = match read_indices(host, sources, &releases) {
            Err(error @ Error::OutOfSync { .. }) => error,
            other => return other,
        };
        // The same Release again would want the same indices again.
        let mut changed = false;
        while !changed {
            let Some(&pause) = pauses.next() else { return Err(error) };
            let message = format!("{error}; looking for a new Release in {} s", pause.as_secs_f64());
            host.reporter.event(&Event::Warning { message: &message });
            changed = renew(host, sources, options, &mut releases, pause)?;
        }
    }
}

/// Asks for the Releases again; returns whether any is another one.
fn renew(
    host: &Host,
    sources: &[Source],
    options: &Options,
    releases: &mut [Opened],
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
fn read_indices(host: &Host, sources: &[Source], releases: &[Opened]) -> Result<Index, Error> {
    let mut wanted = Vec::new();
    for (archive, (source, release)) in sources.iter().zip(releases).enumerate() {
        wanted.extend(release.indices(source)?.into_iter().map(|index| (archive, index)));
    }
    take_up(host, sources, releases, wanted)
}

/// Reads indices, each of the source and Release at its position.
fn take_up(
    host: &Host,
    sources: &[Source],
    releases: &[Opened],
    wanted: Vec<(usize, WantedIndex)>,
) -> Result<Index, Error> {
    let read = in_parallel(wanted.len(), &wanted, |(archive, index)| {
        mirror::index_text(host, &sources[*archive], &releases[*archive], index)
    });
    let (mut parts, mut from) = (Vec::new(), Vec::new());
    for ((archive, index), read) in wanted.iter().zip(read) {
        let ReadIndex { text, from: form } = read?;
        parts.push(index::Part { archive: *archive, source: &sources[*archive], path: &index.path, text });
        from.push((*archive, form));
    }
    let proofs = mirror::proofs(releases, from.iter().map(|(archive, form)| (*archive, form)));
    let origins = sources.iter().zip(releases).map(|(source, opened)| Origin::of(source, &opened.verified)).collect();
    let index = Index::from_parts(parts, origins, proofs, host.jobs, &host.limits)?;
    tell_defects(host, sources, &index);
    Ok(index)
}

/// Says once of each archive how many of its stanzas are left out.
fn tell_defects(host: &Host, sources: &[Source], index: &Index) {
    for (archive, source) in sources.iter().enumerate() {
        let mut defects = index.defects().iter().filter(|defect| defect.archive == archive);
        let Some(first) = defects.next() else { continue };
        let more = match defects.count() {
            0 => String::new(),
            count => format!(", and {count} more"),
        };
        let name = &source.name;
        let message = format!("archive `{name}`: a stanza describes no package and is left out: {first}{more}");
        host.reporter.event(&Event::Warning { message: &message });
    }
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
        let verified = proof::proved(host.trust.as_ref(), &source.keyring, &source.allow, proof, &host.limits)?;
        let proof = Proof { signers: verified.signers().to_vec(), ..proof.clone() };
        releases.push(Opened { verified, proof });
    }
    let mut wanted = Vec::new();
    for (archive, (source, release)) in sources.iter().zip(&releases).enumerate() {
        let indices = release.proved_indices()?;
        if !source.components.is_empty() || source.flat().is_some() {
            check_indices(source, &release.indices(source)?, &indices)?;
        }
        wanted.extend(indices.into_iter().map(|index| (archive, index)));
    }
    take_up(host, sources, &releases, wanted)
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

/// In which components of a source, other than those it is asked for, there are packages of these names: name →
/// component. For hints alone: what does not come is passed over, and the network is asked for nothing that the store
/// has.
#[must_use]
pub fn elsewhere(host: &Host, source: &Source, names: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let quiet = Host { reporter: Arc::new(Quiet(Arc::clone(&host.reporter))), ..host.clone() };
    let Ok(opened) = mirror::release(&quiet, source, &Options { allow_older: true }) else { return found };
    let others = opened.verified.release().components.iter().filter(|name| !source.components.contains(name));
    for component in others {
        let of = |architecture: &String| opened.index(&format!("{component}/binary-{architecture}/Packages"));
        let wanted: Vec<_> = source.architectures.iter().filter_map(of).map(|index| (0, index)).collect();
        let Ok(index) = take_up(&quiet, std::slice::from_ref(source), std::slice::from_ref(&opened), wanted) else {
            continue;
        };
        for name in names.iter().filter(|name| !index.named(name).is_empty()) {
            found.entry((*name).to_owned()).or_insert_with(|| component.clone());
        }
    }
    found
}

/// Passes on whether the build was cancelled, and no event.
struct Quiet(Arc<dyn Reporter>);

impl Reporter for Quiet {
    fn event(&self, _: &Event<'_>) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
