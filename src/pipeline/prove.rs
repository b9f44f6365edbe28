//! Whether a lock's packages are what its archives signed for, and what its recipe asks for.
//!
//! ```text
//! key ─▶ InRelease ─▶ digest of the index ─▶ stanza ─▶ digest of the .deb ─▶ its control file
//!        in the lock    in the lock       in the index   in the lock         where the store has it
//! ```
//!
//! A lock is a file that anybody may have written, so a build from one goes the whole chain again, before anything of a
//! .deb is decompressed. Nothing is asked of a network that the store has: the indices are there since the lock was
//! made. Where they are not, they come by their digests from a mirror or from the snapshot archive, which keeps them for
//! ever. What was proved is remembered in a record of the store, under the digest of all that it depends on.
//!
//! What contradicts what was signed is [`Error::LockBroken`] or the archive's error; what contradicts the recipe is
//! [`Error::LockMisfit`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::Mirrors;
use super::Request;
use super::cancellable;
use super::choose;
use super::shared::Wanted;
use super::sources;
use super::stage;
use super::workshop;
use crate::archive;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::archive::Proof;
use crate::archive::Source;
use crate::deb::Package;
use crate::deb::file::DebFile;
use crate::digest::Sha256;
use crate::error::Error;
use crate::fetch;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::recipe::Recipe;
use crate::solve;
use crate::solve::Misfit;
use crate::tree::Content;

/// The kind of the records of what was proved; the number changes with what is judged.
const RECORD: &str = "proved-2";

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

/// Proves a lock, remembering and recalling nothing. Keys are judged at the date of what they signed. `recipe` says
/// whose keys count for archives other than Debian's own, and what is asked for; without it only what was signed is
/// judged.
///
/// # Errors
/// A link of the chain does not hold, the lock is not what the recipe asks for, or an index is neither in the store nor
/// on a mirror.
pub fn prove(host: &Host, recipe: Option<&Recipe>, mirrors: &Mirrors, lock: &Lock) -> Result<Proved, Error> {
    cancellable(&host.cancel(), || prove_all(host, recipe, mirrors, lock))
}

fn prove_all(host: &Host, recipe: Option<&Recipe>, mirrors: &Mirrors, lock: &Lock) -> Result<Proved, Error> {
    if let Some(recipe) = recipe {
        check_recipe(recipe, lock)?;
    }
    let mut whole: Option<Proved> = None;
    for (name, lock) in lock.each() {
        let of_it = |recipe: &&Recipe| recipe.image.as_deref() == name;
        let recipe = recipe.and_then(|recipe| recipe.each().iter().find(of_it));
        let proved = prove_image(host, recipe, mirrors, &lock)?;
        whole = Some(match whole {
            None => proved,
            Some(known) => Proved {
                sources: known.sources,
                packages: known.packages + proved.packages,
                own: known.own + proved.own,
                debs: known.debs + proved.debs,
            },
        });
    }
    Ok(whole.expect("a lock has a part"))
}

fn prove_image(host: &Host, recipe: Option<&Recipe>, mirrors: &Mirrors, lock: &Lock) -> Result<Proved, Error> {
    let cancel = host.cancel();
    let chain: Vec<Source> = match recipe {
        Some(recipe) => {
            check_recipe(recipe, lock)?;
            sources::sources(recipe, mirrors, Some(lock))?
        }
        None => lock.sources.iter().map(|locked| sources::of_lock(mirrors, locked)).collect::<Result<_, _>>()?,
    };
    let proofs = proofs(host, &chain, lock)?;
    let index = archive::reopen(host, &chain, &proofs).map_err(unproved)?;
    let sources = index.proofs().to_vec();
    let signed = match recipe {
        Some(recipe) => judge(host, recipe, &chain, lock, Arc::new(index))?.0,
        None => alone(host, &chain, lock, &index)?,
    };
    let mut debs = 0;
    for package in &signed {
        cancel.check()?;
        debs += usize::from(is_as_described(host, package)?);
    }
    let own = lock.packages.iter().chain(&lock.builders).filter(|package| package.source.is_none()).count();
    Ok(Proved { sources, packages: signed.len(), own, debs })
}

/// Why each of the root's packages is there, and each of those that kernel modules are built with, in the lock's order.
pub(super) type Reasons = (Vec<String>, Vec<String>);

/// What a build from a lock knows of it.
pub(super) struct Locked {
    pub(super) proofs: Vec<Proof>,
    /// Why each package is there; `None`: it could not be proved, and is trusted by request.
    pub(super) reasons: Option<Reasons>,
}

/// Proves the lock of a request, or recalls that it was proved.
pub(super) fn locked(host: &Host, request: &Request<'_>, sources: &[Source], lock: &Lock) -> Result<Locked, Error> {
    let recipe = request.recipe;
    check_recipe(recipe, lock)?;
    let proofs = proofs(host, sources, lock)?;
    let key = fingerprint(recipe, sources, lock).to_string();
    let known = host.store.record(RECORD, &key)?.and_then(|bytes| serde_json::from_slice::<Reasons>(&bytes).ok());
    let fits = |(root, builders): &Reasons| root.len() == lock.packages.len() && builders.len() == lock.builders.len();
    if let Some(reasons) = known.filter(fits) {
        return Ok(Locked { proofs, reasons: Some(reasons) });
    }
    let open = || stage(host, Stage::Index, || archive::reopen(host, sources, &proofs).map_err(unproved));
    let wanted = || Wanted { sources: sources.to_vec(), state: Ok(proofs.clone()) };
    let index = match request.shared {
        Some(shared) => shared.index(wanted(), open),
        None => open().map(Arc::new),
    };
    let index = match index {
        Err(error @ Error::Unproved(_)) if request.trust_lock => {
            let message = format!("{error}: it is trusted, as asked for, and so is everything in it");
            host.reporter.event(&Event::Warning { message: &message });
            return Ok(Locked { proofs, reasons: None });
        }
        index => index?,
    };
    let (_, reasons) = judge(host, recipe, sources, lock, index)?;
    let bytes = serde_json::to_vec(&reasons).expect("a list of texts has a JSON form");
    host.store.set_record(RECORD, &key, &bytes)?;
    Ok(Locked { proofs, reasons: Some(reasons) })
}

/// The digest of all that decides whether a lock is proved.
fn fingerprint(recipe: &Recipe, sources: &[Source], lock: &Lock) -> Sha256 {
    let source = |source: &Source| {
        let keyring = Sha256::of(&source.keyring);
        let from = (source.name.clone(), source.suite.clone(), source.components.clone());
        (from, keyring, source.packages.clone(), source.allow.clone())
    };
    let sources: Vec<_> = sources.iter().map(source).collect();
    let all = (env!("CARGO_PKG_VERSION"), recipe.selection, &recipe.debian.architecture, sources, lock.to_text());
    Sha256::of(&serde_json::to_vec(&all).expect("plain data has a JSON form"))
}

fn misfit(reason: impl Into<String>) -> Error {
    Error::LockMisfit(reason.into())
}

/// What can be told from recipe and lock alone.
fn check_recipe(recipe: &Recipe, lock: &Lock) -> Result<(), Error> {
    if lock.is_stale(recipe) || lock.recipe.name != recipe.name {
        return Err(misfit("it was made for another recipe, or for what the recipe was before"));
    }
    if lock.architecture != recipe.debian.architecture {
        return Err(misfit(format!("it is for {}, the recipe for {}", lock.architecture, recipe.debian.architecture)));
    }
    Ok(())
}

/// The proofs of a lock's sources, which must be the recipe's and prove themselves.
fn proofs(host: &Host, sources: &[Source], lock: &Lock) -> Result<Vec<Proof>, Error> {
    let names = |name: &str| sources.iter().any(|source| source.name == name);
    if let Some(strange) = lock.sources.iter().find(|locked| !names(&locked.name)) {
        return Err(Error::LockedSource(strange.name.clone()));
    }
    if !lock.sources.iter().map(|locked| &locked.name).eq(sources.iter().map(|source| &source.name)) {
        return Err(misfit("its sources are not the recipe's archives and pockets, each once and in their order"));
    }
    let proofs: Vec<Proof> = lock.sources.iter().map(choose::proof).collect();
    for (source, proof) in sources.iter().zip(&proofs) {
        archive::verify_proof(host.trust.as_ref(), &source.keyring, &source.allow, proof, &host.limits)?;
        if source.suite != proof.suite {
            let reason =
                format!("source `{}` has suite `{}` there, in the recipe `{}`", source.name, proof.suite, source.suite);
            return Err(misfit(reason));
        }
    }
    Ok(proofs)
}

/// An index that cannot be had leaves a lock unproved; one that is wrong is an error of its own.
fn unproved(error: archive::Error) -> Error {
    match error {
        error if error.is_cancelled() => error.into(),
        archive::Error::Download { .. } | archive::Error::OutOfSync { .. } => Error::Unproved(Box::new(error)),
        error => error.into(),
    }
}

/// Judges a lock by its recipe and by what was signed. Returns the packages that follow from the archives, and the
/// reasons for the packages.
fn judge(
    host: &Host,
    recipe: &Recipe,
    sources: &[Source],
    lock: &Lock,
    index: Arc<Index>,
) -> Result<(Vec<Package>, Reasons), Error> {
    let root: Vec<Package> = lock.packages.iter().map(|locked| choose::bare_package(locked, None)).collect();
    let workshop = workshop::recipe(recipe, &root)?;
    if workshop.is_none() && !lock.builders.is_empty() {
        return Err(misfit("it has packages that kernel modules are built with, and the recipe builds none"));
    }
    let builders = workshop.map(|recipe| judge_root(host, &recipe, sources, &lock.of_builders(), Arc::clone(&index)));
    let (of_builders, builder_reasons) = builders.transpose()?.unwrap_or_default();
    let (mut signed, reasons) = judge_root(host, recipe, sources, lock, index)?;
    signed.extend(of_builders);
    Ok((signed, (reasons, builder_reasons)))
}

/// Judges the packages of a root, and the boot loaders.
fn judge_root(
    host: &Host,
    recipe: &Recipe,
    sources: &[Source],
    lock: &Lock,
    mut index: Arc<Index>,
) -> Result<(Vec<Package>, Vec<String>), Error> {
    let asked = choose::request(host, recipe, &mut index)?;
    let mut ids = Vec::new();
    for locked in &lock.packages {
        ids.push(match &locked.source {
            Some(source) => find(host, sources, &index, source, locked)?,
            None => own(&index, locked)?,
        });
    }
    let loaders = choose::loaders(&index, &asked, recipe)?;
    let mut signed: Vec<Package> = Vec::new();
    for locked in &lock.loaders {
        let source = locked.source.as_ref().ok_or_else(|| misfit(no_own(locked)))?;
        signed.push(proved(&index, find(host, sources, &index, source, locked)?, locked));
    }
    if !loaders.iter().map(Package::digest).eq(signed.iter().map(Package::digest)) {
        let wanted: Vec<String> = loaders.iter().map(|loader| format!("{} {}", loader.name, loader.version)).collect();
        let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
        return Err(misfit(format!("its loaders are not those that the recipe's head needs: {wanted}")));
    }
    let chosen: BTreeSet<PackageId> = ids.iter().copied().collect();
    let solution = solve::judge(&index, &asked, &chosen).map_err(not_a_set)?;
    let reasons: BTreeMap<PackageId, String> =
        solution.packages.iter().map(|selected| (selected.id, selected.why.words(&index))).collect();
    let reasons = ids.iter().map(|id| reasons[id].clone()).collect();
    let root = ids.iter().zip(&lock.packages).map(|(&id, locked)| proved(&index, id, locked));
    signed.extend(root.filter(|package| package.archive.is_some()));
    Ok((signed, reasons))
}

/// Judges a lock without its recipe: that its packages were signed for and, if all were, that they fit together.
fn alone(host: &Host, sources: &[Source], lock: &Lock, index: &Index) -> Result<Vec<Package>, Error> {
    let find_all = |packages: &[LockedPackage]| -> Result<Vec<(PackageId, Package)>, Error> {
        let of_archives = packages.iter().filter_map(|locked| Some((locked.source.as_ref()?, locked)));
        let find = |(source, locked): (&String, &LockedPackage)| {
            let id = find(host, sources, index, source, locked)?;
            Ok((id, proved(index, id, locked)))
        };
        of_archives.map(find).collect()
    };
    let (packages, builders) = (find_all(&lock.packages)?, find_all(&lock.builders)?);
    for (found, locked) in [(&packages, &lock.packages), (&builders, &lock.builders)] {
        if found.len() == locked.len() {
            let chosen = found.iter().map(|(id, _)| *id).collect();
            solve::fit_together(index, &lock.architecture, &chosen).map_err(not_a_set)?;
        }
    }
    let loaders = find_all(&lock.loaders)?;
    Ok(packages.into_iter().chain(loaders).chain(builders).map(|(_, package)| package).collect())
}

/// A package whose SHA-256 was found to be the lock's.
fn proved(index: &Index, id: PackageId, locked: &LockedPackage) -> Package {
    Package { sha256: locked.sha256, ..index.package(id).clone() }
}

fn not_a_set(wrong: Misfit) -> Error {
    if wrong.is_of_request() { misfit(wrong.to_string()) } else { Error::LockBroken(wrong.to_string()) }
}

/// The package of the index that a lock's claims to be.
fn find(
    host: &Host,
    sources: &[Source],
    index: &Index,
    source: &str,
    locked: &LockedPackage,
) -> Result<PackageId, Error> {
    let unproven = |reason: String| archive::Error::Unproven {
        archive: source.to_owned(),
        package: format!("{} {}", locked.name, locked.version),
        reason,
    };
    let position = index.proofs().iter().position(|proof| proof.name == source);
    let is_it = |package: &Package| {
        package.archive == position
            && package.version.as_str() == locked.version
            && package.architecture == locked.architecture
    };
    let named = index.named(&locked.name).iter().copied();
    let id = named.filter(|&id| index.fault(id).is_none() && is_it(index.package(id))).min();
    let id = id.ok_or_else(|| unproven("its indices have no such version".to_owned()))?;
    // What its index names by SHA-512 alone has a SHA-256 when it is there.
    let mut package = [index.package(id).clone()];
    fetch::identify(host, sources, &mut package)?;
    let [package] = package;
    if (package.sha256, package.size) != (locked.sha256, locked.size) {
        let reason = format!(
            "it has SHA-256 {} and {} bytes there, {} and {} in the lock",
            package.sha256, package.size, locked.sha256, locked.size
        );
        return Err(unproven(reason).into());
    }
    if package.filename != locked.filename {
        return Err(unproven(format!("its file is `{}` there", package.filename)).into());
    }
    Ok(id)
}

/// The .deb of the recipe's own that a lock's package without a source must be, in all that the lock says of it.
fn own(index: &Index, locked: &LockedPackage) -> Result<PackageId, Error> {
    let is_it = |package: &Package| {
        package.archive.is_none()
            && package.version.as_str() == locked.version
            && package.architecture == locked.architecture
            && (package.size, package.sha256) == (locked.size, locked.sha256)
            && package.filename == locked.filename
    };
    let found = index.named(&locked.name).iter().copied().find(|&id| is_it(index.package(id)));
    found.ok_or_else(|| misfit(no_own(locked)))
}

fn no_own(locked: &LockedPackage) -> String {
    format!("package `{} {}` is from no archive, and is no .deb of the recipe's", locked.name, locked.version)
}

/// Whether the store has the .deb; what it has must be the package of the index.
fn is_as_described(host: &Host, package: &Package) -> Result<bool, Error> {
    let Some(stored) = host.store.get(&package.sha256)? else { return Ok(false) };
    let failed = |source| Error::Local { path: PathBuf::from(&package.filename), source };
    let content = Content::from_blob(Arc::clone(&stored.blob), 0, stored.size, stored.sha256);
    let file = DebFile::read(content.reader(), 1, &host.limits).map_err(failed)?;
    let described = file.package(stored.size, stored.sha256).map_err(failed)?;
    package.check_control(&described).map_err(|source| failed(source.into()))?;
    Ok(true)
}
