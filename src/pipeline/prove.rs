//! Whether a lock's packages are what its archives signed for: the whole chain again, from key to .deb.
//!
//! ```text
//! key ─▶ InRelease ─▶ digest of the index ─▶ stanza ─▶ digest of the .deb ─▶ its control file
//!        in the lock    in the lock       in the index   in the lock         where the store has it
//! ```
//!
//! Nothing is asked of a network that the store has: the indices are there since the lock was made. Where they are
//! not, they come by their digests from a mirror or from the snapshot archive, which keeps them for ever.

use std::path::PathBuf;
use std::sync::Arc;

use super::Mirrors;
use super::choose;
use super::sources;
use crate::archive;
use crate::archive::Index;
use crate::archive::Proof;
use crate::deb::Package;
use crate::deb::file::DebFile;
use crate::error::Error;
use crate::host::Host;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::recipe::Recipe;
use crate::tree::Content;

/// What was proved of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The signed Releases, in the lock's order.
    pub sources: Vec<Proof>,
    /// Packages that follow from them.
    pub packages: usize,
    /// Packages of the recipe's own, which no archive vouches for.
    pub own: usize,
    /// Of the packages that follow, those whose .deb is in the store and is what it should be.
    pub debs: usize,
}

/// Proves a lock. Keys are judged at the date of what they signed. `recipe` says whose keys count for archives other
/// than Debian's own.
///
/// # Errors
/// A link of the chain does not hold, or an index is neither in the store nor on a mirror.
pub fn prove(host: &Host, recipe: Option<&Recipe>, mirrors: &Mirrors, lock: &Lock) -> Result<Proved, Error> {
    let all = || lock.packages.iter().chain(&lock.loaders);
    let own = all().filter(|package| package.source.is_none()).count();
    let mut proved = Proved { sources: Vec::new(), packages: 0, own, debs: 0 };
    for locked in &lock.sources {
        let source = sources::of_lock(recipe, mirrors, locked)?;
        // One at a time: an index is large.
        let index = archive::reopen(host, &source, &choose::proof(locked))?;
        for package in all().filter(|package| package.source.as_ref() == Some(&locked.name)) {
            let signed = find(&index, &locked.name, package)?;
            proved.packages += 1;
            proved.debs += usize::from(is_as_described(host, signed)?);
        }
        proved.sources.extend(index.proofs().iter().cloned());
    }
    Ok(proved)
}

/// The package of the index that a lock's claims to be.
fn find<'a>(index: &'a Index, archive: &str, locked: &LockedPackage) -> Result<&'a Package, Error> {
    let unproven = |reason: String| archive::Error::Unproven {
        archive: archive.to_owned(),
        package: format!("{} {}", locked.name, locked.version),
        reason,
    };
    let named = index.named(&locked.name).iter().map(|&id| index.package(id));
    let mut same = named
        .filter(|package| package.version.as_str() == locked.version && package.architecture == locked.architecture);
    let package = same.next().ok_or_else(|| unproven("its indices have no such version".to_owned()))?;
    if (package.sha256, package.size) != (locked.sha256, locked.size) {
        let reason = format!("its SHA-256 is {} there and {} in the lock", package.sha256, locked.sha256);
        return Err(unproven(reason).into());
    }
    if package.filename != locked.filename {
        return Err(unproven(format!("its file is `{}` there", package.filename)).into());
    }
    Ok(package)
}

/// Whether the store has the .deb; what it has must be the package of the index.
fn is_as_described(host: &Host, package: &Package) -> Result<bool, Error> {
    let Some(stored) = host.store.get(&package.sha256)? else { return Ok(false) };
    let failed = |source| Error::Local { path: PathBuf::from(&package.filename), source };
    let content = Content::from_blob(Arc::clone(&stored.blob), 0, stored.size, stored.sha256);
    let file = DebFile::read_within(content.reader(), 1, &host.limits).map_err(failed)?;
    let described = file.package(stored.size, stored.sha256).map_err(failed)?;
    package.check_control(&described).map_err(|source| failed(source.into()))?;
    Ok(true)
}
