//! The chosen packages: each .deb in the store, its size and digest as the verified index says.
//!
//! Stands between solve and unpack. Nothing is parsed here; a .deb that the store has is hashed again and not
//! fetched again.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::archive::Source;
use crate::cancel;
use crate::deb::Package;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::host::StoreError;
use crate::host::StoredBlob;
use crate::host::download::DownloadError;
use crate::host::download::Mirrors;
use crate::host::download::Wanted;
use crate::host::download::download;
use crate::host::in_parallel;

/// The stage's name in events; its unit is bytes.
const STAGE: Stage = Stage::Download;

/// Downloads wait for the network, not for a processor: so many at once for each thread of the host.
const CONNECTIONS_PER_JOB: usize = 4;

/// No mirror minds so many; more bring nothing.
const CONNECTIONS_MAX: usize = 16;

/// Snapshot archives refuse who asks for more at once.
const SNAPSHOT_CONNECTIONS: usize = 2;

/// A package and its .deb.
#[derive(Debug, Clone)]
pub struct Deb {
    /// As the index describes it.
    pub package: Package,
    /// The whole file, of the index's size and digest.
    pub blob: StoredBlob,
}

/// Why a package did not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No mirror has it, or not as signed for.
    #[error("cannot get package `{package}`")]
    Download {
        /// Name and version.
        package: String,
        /// The name of the archive that it is from.
        archive: String,
        /// Why.
        source: DownloadError,
    },
    /// A .deb of the user's own that was not put into the store.
    #[error("package `{package}` is from no archive, and the cache does not have it")]
    Missing {
        /// Name and version.
        package: String,
    },
    /// The cache failed.
    #[error("cannot read package `{package}` from the cache")]
    Store {
        /// Name and version.
        package: String,
        /// Why.
        source: StoreError,
    },
}

impl Error {
    /// Whether a later try may succeed without anything being changed here.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Download { source, .. } if source.is_retryable())
    }

    /// Whether bytes came that are not those signed for.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Download { source, .. } if source.is_integrity())
    }

    /// The name of the archive it is about, where it is about one.
    #[must_use]
    pub fn archive(&self) -> Option<&str> {
        match self {
            Self::Download { archive, .. } => Some(archive),
            _ => None,
        }
    }

    /// Whether the reporter ended it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        cancel::is_cancelled(self)
    }
}

/// Gets every package's .deb, in the order of the packages. `sources` are those the index was opened with; each
/// package is looked for on all mirrors of its own source. Those from no source must be in the store already.
///
/// # Errors
/// A package did not come; the others are in the store all the same.
pub fn fetch(host: &Host, sources: &[Source], packages: &[&Package]) -> Result<Vec<Deb>, Error> {
    let total = packages.iter().map(|package| package.size).sum();
    host.reporter.event(&Event::StageStarted { stage: STAGE, total: Some(total) });
    let mirrors: Vec<Mirrors> = sources.iter().map(|source| Mirrors::new(&source.mirrors)).collect();
    let failed = AtomicBool::new(false);
    let results = in_parallel(connections(host, sources, packages), &largest_first(packages), |&at| {
        // Once one has failed, whatever else comes is of no use.
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let result = get(host, sources, &mirrors, packages[at]);
        if result.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        Some((at, result))
    });
    let mut results: Vec<(usize, Result<Deb, Error>)> = results.into_iter().flatten().collect();
    results.sort_by_key(|(at, _)| *at);
    let debs = results.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>()?;
    host.reporter.event(&Event::StageFinished { stage: STAGE });
    Ok(debs)
}

fn get(host: &Host, sources: &[Source], mirrors: &[Mirrors], package: &Package) -> Result<Deb, Error> {
    let name = || format!("{} {}", package.name, package.version);
    let archive = || {
        let source = package.archive.and_then(|archive| sources.get(archive));
        source.map_or_else(String::new, |source| source.name.clone())
    };
    let Some(mirrors) = package.archive.and_then(|archive| mirrors.get(archive)) else {
        let blob = host.store.get(&package.sha256).map_err(|source| Error::Store { package: name(), source })?;
        let blob = blob.ok_or_else(|| Error::Missing { package: name() })?;
        host.reporter.event(&Event::StageProgress { stage: STAGE, done: package.size });
        return Ok(Deb { package: package.clone(), blob });
    };
    let paths = [package.filename.clone()];
    let wanted = Wanted { mirrors, paths: &paths, digest: package.digest(), size: package.size, stage: STAGE };
    let blob =
        download(host, &wanted).map_err(|source| Error::Download { package: name(), archive: archive(), source })?;
    Ok(Deb { package: Package { sha256: blob.sha256, ..package.clone() }, blob })
}

/// Gives the packages whose index names them by SHA-512 alone the SHA-256 by which everything else knows a .deb: they
/// are fetched now.
///
/// # Errors
/// As [`fetch`].
pub fn identify(host: &Host, sources: &[Source], packages: &mut [Package]) -> Result<(), Error> {
    let unknown: Vec<usize> = (0..packages.len()).filter(|&at| packages[at].sha512.is_some()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let debs = fetch(host, sources, &unknown.iter().map(|&at| &packages[at]).collect::<Vec<_>>())?;
    for (at, deb) in unknown.into_iter().zip(debs) {
        packages[at] = deb.package;
    }
    Ok(())
}

fn connections(host: &Host, sources: &[Source], packages: &[&Package]) -> usize {
    let from_snapshot = |package: &&Package| {
        package.archive.and_then(|archive| sources.get(archive)).is_some_and(|source| source.snapshot)
    };
    if packages.iter().any(from_snapshot) {
        return SNAPSHOT_CONNECTIONS;
    }
    (host.jobs * CONNECTIONS_PER_JOB).clamp(CONNECTIONS_PER_JOB, CONNECTIONS_MAX)
}

/// Positions of the packages. The kernel begun last would be waited for alone.
fn largest_first(packages: &[&Package]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(packages[at].size));
    order
}
