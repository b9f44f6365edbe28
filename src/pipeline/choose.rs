//! Which packages: from the lock, or from the verified index by the solver; and back into a lock.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::Moved;
use super::Request;
use super::prove;
use super::prove::Locked;
use super::shared::Shared;
use super::shared::Wanted;
use super::sources;
use super::stage;
use super::workshop;
use crate::archive;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::archive::Proof;
use crate::archive::Source;
use crate::configure::Ids;
use crate::deb::Package;
use crate::deb::Version;
use crate::deb::file::DebFile;
use crate::error::Error;
use crate::fetch;
use crate::fetch::Deb;
use crate::head;
use crate::host::Host;
use crate::host::Stage;
use crate::recipe::LocalFile;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::recipe::LockedSource;
use crate::recipe::PackageRequest;
use crate::recipe::Recipe;
use crate::solve;
use crate::solve::Solution;
use crate::solve::Wish;
use crate::tree::Content;

/// The packages of a build.
#[derive(Debug)]
pub struct Chosen {
    /// Where they come from.
    pub sources: Vec<Source>,
    /// The root's packages, by name and architecture.
    pub packages: Vec<Package>,
    /// Why each of them is there, in words and in the same order.
    pub reasons: Vec<String>,
    /// The packages that only boot loaders for the head are taken from.
    pub loaders: Vec<Package>,
    /// What the kernel modules of the image are built with; `None`: it has none that are built.
    pub workshop: Option<Box<Self>>,
    /// What vouches for them.
    pub proofs: Vec<Proof>,
    /// Whether nothing proves the packages: no index of the lock could be had, and it is trusted by request.
    pub unproved: bool,
    /// Whether no more is known of the packages than a lock says: their names, versions, digests and places.
    pub bare: bool,
    /// What the solver knows of its choice; `None` with a lock, and in a build, which lets go of it.
    pub solved: Option<(Arc<Index>, Solution)>,
}

impl Chosen {
    /// Lets go of all other packages that there are: an index of Debian takes 80 MB.
    fn without_index(self) -> Self {
        let workshop = self.workshop.map(|workshop| Box::new(workshop.without_index()));
        Self { workshop, solved: None, ..self }
    }

    /// The name of the archive that one of its packages is from.
    pub(super) fn archive(&self, package: &Package) -> Option<String> {
        package.archive.map(|position| self.sources[position].name.clone())
    }
}

/// The packages of each image, all from one set of indices, for who builds of them.
pub(super) fn choose(host: &Host, images: &[Request<'_>]) -> Result<Vec<Chosen>, Error> {
    Ok(explained(host, images)?.into_iter().map(Chosen::without_index).collect())
}

/// The same with what the solver knows of its choice.
pub(super) fn explained(host: &Host, images: &[Request<'_>]) -> Result<Vec<Chosen>, Error> {
    // Those of one recipe see the same state in any case.
    let own = Shared::default();
    let chosen = images.iter().map(|request| {
        let sources = sources::sources(request.recipe, request.mirrors, request.lock)?;
        match request.lock {
            Some(lock) => locked(host, request, sources, lock),
            None => solved(host, request, sources, request.shared.unwrap_or(&own)),
        }
        .and_then(|chosen| workshop::check_apart(request.recipe, &chosen).map(|()| chosen))
    });
    chosen.collect()
}

/// The packages of a lock, which is proved before any of them is looked at.
fn locked(host: &Host, request: &Request<'_>, sources: Vec<Source>, lock: &Lock) -> Result<Chosen, Error> {
    let Locked { proofs, reasons } = prove::locked(host, request, &sources, lock)?;
    // Where it was recalled that the lock is proved, the recipe's own .debs are not in the store yet.
    for file in own_debs(request.recipe) {
        local(host, file)?;
    }
    let position = |name: &str| sources.iter().position(|source| source.name == name);
    let package = |locked: &LockedPackage| bare_package(locked, locked.source.as_deref().and_then(position));
    let packages = lock.packages.iter().map(package).collect();
    let loaders = lock.loaders.iter().map(package).collect();
    let unproved = reasons.is_none();
    let untold = |packages: &[LockedPackage]| vec![UNPROVED.to_owned(); packages.len()];
    let (reasons, of_builders) = reasons.unwrap_or_else(|| (untold(&lock.packages), untold(&lock.builders)));
    let workshop = (!request.recipe.kernel_modules.is_empty()).then(|| {
        Box::new(Chosen {
            sources: sources.clone(),
            packages: lock.builders.iter().map(package).collect(),
            reasons: of_builders,
            loaders: Vec::new(),
            workshop: None,
            proofs: proofs.clone(),
            unproved,
            bare: true,
            solved: None,
        })
    });
    Ok(Chosen { sources, packages, reasons, loaders, workshop, proofs, unproved, bare: true, solved: None })
}

/// In place of a reason that would follow from indices.
const UNPROVED: &str = "the lock says so, unproved";

/// The proof that a lock keeps of one of its sources.
pub(super) fn proof(locked: &LockedSource) -> Proof {
    Proof {
        name: locked.name.clone(),
        suite: locked.suite.clone(),
        date: locked.date,
        waived: locked.waived,
        signers: locked.signers.clone(),
        indices: locked.indices.clone(),
        text: locked.text().unwrap_or_default(),
        signature: locked.signature().map(Option::unwrap_or_default),
    }
}

/// A package as far as a lock knows it: enough to fetch it.
pub(super) fn bare_package(locked: &LockedPackage, archive: Option<usize>) -> Package {
    let version: Version = locked.version.parse().expect("a lock is checked when it is read");
    Package {
        filename: locked.filename.clone(),
        size: locked.size,
        sha256: locked.sha256,
        archive,
        ..Package::bare(&locked.name, version, &locked.architecture)
    }
}

/// The packages that the solver chooses from what the archives offer now.
fn solved(host: &Host, asked: &Request<'_>, sources: Vec<Source>, shared: &Shared) -> Result<Chosen, Error> {
    let recipe = asked.recipe;
    let wanted = Wanted { sources: sources.clone(), state: Err(asked.archive) };
    let open = || stage(host, Stage::Index, || Ok(archive::open(host, &sources, &asked.archive)?));
    let mut index = shared.index(wanted, open)?;
    let mut request = request(host, recipe, &mut index)?;
    request.keep = asked.moved.map(|moved| kept(&index, moved)).unwrap_or_default();
    let solution = stage(host, Stage::Solve, || {
        let solution = solve::solve_unless(&index, &request, &host.cancel());
        solution.map_err(|error| with_components(host, &sources, error).into())
    })?;
    let mut packages: Vec<Package> = solution.ids().map(|id| index.package(id).clone()).collect();
    let mut loaders = loaders(&index, &request, recipe)?;
    fetch::identify(host, &sources, &mut packages)?;
    fetch::identify(host, &sources, &mut loaders)?;
    let workshop = workshop::recipe(recipe, &packages)?;
    let workshop = workshop.map(|recipe| Ok::<_, Error>(Box::new(builders(host, asked, &recipe, &sources, &index)?)));
    let workshop = workshop.transpose()?;
    let proofs = index.proofs().to_vec();
    let reasons = solution.packages.iter().map(|selected| selected.why.words(&index)).collect();
    let solved = Some((index, solution));
    Ok(Chosen { sources, packages, reasons, loaders, workshop, proofs, unproved: false, bare: false, solved })
}

/// The packages that kernel modules are built with: those of `recipe`, which asks for nothing else.
fn builders(
    host: &Host,
    asked: &Request<'_>,
    recipe: &Recipe,
    sources: &[Source],
    index: &Arc<Index>,
) -> Result<Chosen, Error> {
    let mut index = Arc::clone(index);
    let mut request = request(host, recipe, &mut index)?;
    let moved = |moved: Moved<'_>| kept(&index, Moved { lock: &moved.lock.of_builders(), ..moved });
    request.keep = asked.moved.map(moved).unwrap_or_default();
    let solution = stage(host, Stage::Solve, || {
        let solution = solve::solve_unless(&index, &request, &host.cancel());
        solution.map_err(|error| Error::Builders(Box::new(with_components(host, sources, error))))
    })?;
    let mut packages: Vec<Package> = solution.ids().map(|id| index.package(id).clone()).collect();
    fetch::identify(host, sources, &mut packages)?;
    let reasons = solution.packages.iter().map(|selected| selected.why.words(&index)).collect();
    Ok(Chosen {
        sources: sources.to_vec(),
        packages,
        reasons,
        loaders: Vec::new(),
        workshop: None,
        proofs: index.proofs().to_vec(),
        unproved: false,
        bare: false,
        solved: Some((index, solution)),
    })
}

/// What a recipe asks of the solver. Its own .debs are added to the index, which is nobody else's then.
pub(super) fn request(host: &Host, recipe: &Recipe, index: &mut Arc<Index>) -> Result<solve::Request, Error> {
    let mut wishes = Vec::new();
    for request in &recipe.packages {
        wishes.push(match request {
            PackageRequest::Named { name, architecture, version, release } => Wish::Named {
                name: name.clone(),
                architecture: architecture.clone(),
                version: version.clone(),
                release: release.clone(),
            },
            PackageRequest::Local(file) => Wish::Local(Arc::make_mut(index).add_local(local(host, file)?)),
        });
    }
    let mut request = solve::Request::new(&recipe.debian.architecture);
    request.wishes = wishes;
    request.base = recipe.install.base;
    request.recommends = recipe.install.recommends;
    request.pins = recipe.pins.clone();
    request.steps = host.limits.steps;
    Ok(request)
}

fn own_debs(recipe: &Recipe) -> impl Iterator<Item = &LocalFile> {
    recipe.packages.iter().chain(&recipe.kernel_modules).filter_map(|request| match request {
        PackageRequest::Local(file) => Some(file),
        PackageRequest::Named { .. } => None,
    })
}

/// Says of unknown names in which component of Debian's they are, when it is one that the recipe does not use.
fn with_components(host: &Host, sources: &[Source], error: solve::Error) -> solve::Error {
    let solve::Error::Unknown(mut wishes) = error else { return error };
    let names: BTreeSet<&str> =
        wishes.iter().filter(|wish| wish.existing.is_empty()).map(|wish| wish.name.as_str()).collect();
    let suite = sources.iter().find(|source| source.base).filter(|_| !names.is_empty());
    let found = suite.map(|source| archive::elsewhere(host, source, &names)).unwrap_or_default();
    for wish in &mut wishes {
        wish.component = found.get(&wish.name).cloned();
    }
    solve::Error::Unknown(wishes)
}

/// The packages that stay as they are while others of their lock move.
fn kept(index: &Index, moved: Moved<'_>) -> BTreeSet<PackageId> {
    if moved.packages.is_empty() {
        return BTreeSet::new();
    }
    let stays = |locked: &&LockedPackage| !moved.packages.contains(&locked.name);
    let ids = |locked: &LockedPackage| {
        let same = |id: &PackageId| {
            let package = index.package(*id);
            let same = package.sha512.is_some() && package.version.as_str() == locked.version;
            (same || package.sha256 == locked.sha256) && package.architecture == locked.architecture
        };
        index.named(&locked.name).iter().copied().filter(same).collect::<Vec<_>>()
    };
    moved.lock.packages.iter().filter(stays).flat_map(ids).collect()
}

/// A .deb of the user's own, put into the store and described by its own control file.
fn local(host: &Host, file: &LocalFile) -> Result<Package, Error> {
    let path = || file.path.clone();
    let mut writer = host.cancel().writer(host.store.writer()?);
    io::copy(&mut file.content.reader(), &mut writer).map_err(|source| Error::Read { path: path(), source })?;
    let (sha256, size) = (*file.content.sha256(), file.content.size());
    writer.into_inner().commit(Some((sha256, size)))?;
    let deb = DebFile::read(file.content.reader(), 1, &host.limits);
    let deb = deb.map_err(|source| Error::Local { path: path(), source })?;
    let package = deb.package(size, sha256).map_err(|source| Error::Local { path: path(), source })?;
    Ok(Package { filename: file.path.display().to_string(), ..package })
}

/// The preferred version of each package that the head's boot loaders are taken from. Nothing of them is installed,
/// so what they depend on does not matter.
pub(super) fn loaders(index: &Index, request: &solve::Request, recipe: &Recipe) -> Result<Vec<Package>, Error> {
    let Some(head) = &recipe.head else { return Ok(Vec::new()) };
    let preferred = |name: &&str| {
        let preferred = solve::preferred(index, request, name);
        preferred.map(|id| index.package(id).clone()).ok_or_else(|| Error::Loader((*name).to_owned()))
    };
    head::loader_packages(&recipe.debian.architecture, head.boot).iter().map(preferred).collect()
}

/// Fetches the root's packages, and gives them in the order in which they are unpacked and configured.
pub(super) fn fetch(host: &Host, architecture: &str, chosen: &Chosen) -> Result<Vec<Deb>, Error> {
    let debs = fetch_described(host, chosen, &chosen.packages)?;
    let index = Index::from_packages(debs.iter().map(|deb| deb.package.clone()).collect());
    let order = solve::order(&index, &Solution::all(&index, architecture))?;
    let mut by_id: BTreeMap<PackageId, Deb> = index.ids().zip(debs).collect();
    Ok(order.into_iter().filter_map(|id| by_id.remove(&id)).collect())
}

/// Fetches packages. What a lock does not know of them (relations, sizes, sources) is read from the .debs.
pub(super) fn fetch_described(host: &Host, chosen: &Chosen, packages: &[Package]) -> Result<Vec<Deb>, Error> {
    let mut debs = fetch::fetch(host, &chosen.sources, &packages.iter().collect::<Vec<_>>())?;
    if chosen.bare {
        let cancel = host.cancel();
        for deb in &mut debs {
            cancel.check()?;
            deb.package = described(host, deb)?;
        }
    }
    Ok(debs)
}

/// What a .deb's own control file says of it, with where it was from.
fn described(host: &Host, deb: &Deb) -> Result<Package, Error> {
    let known = &deb.package;
    let content = Content::from_blob(Arc::clone(&deb.blob.blob), 0, deb.blob.size, deb.blob.sha256);
    let failed = |source| Error::Local { path: PathBuf::from(&known.filename), source };
    let file = DebFile::read(content.reader(), 1, &host.limits).map_err(failed)?;
    let package = file.package(known.size, known.sha256).map_err(failed)?;
    known.check_identity(&package).map_err(|source| failed(source.into()))?;
    Ok(Package { filename: known.filename.clone(), archive: known.archive, ..package })
}

/// The lock of what was chosen.
pub(super) fn lock(request: &Request<'_>, chosen: &Chosen, epoch: i64, ids: &Ids) -> Lock {
    if let Some(lock) = request.lock {
        let mut lock = lock.clone();
        if !chosen.unproved {
            // They follow from the packages; what a lock says of them is for reading only.
            let reasons = chosen.reasons.iter();
            lock.packages.iter_mut().zip(reasons).for_each(|(package, reason)| package.reason.clone_from(reason));
            let reasons = chosen.workshop.iter().flat_map(|workshop| &workshop.reasons);
            lock.builders.iter_mut().zip(reasons).for_each(|(package, reason)| package.reason.clone_from(reason));
        }
        return lock;
    }
    let package = |(package, reason): (&Package, &String)| LockedPackage {
        name: package.name.clone(),
        version: package.version.to_string(),
        architecture: package.architecture.clone(),
        source: package.archive.map(|position| chosen.sources[position].name.clone()),
        filename: package.filename.clone(),
        size: package.size,
        sha256: package.sha256,
        reason: reason.clone(),
    };
    let no_reason = String::new();
    let source = |proof: &Proof| {
        let signature = proof.signature.as_deref();
        let mut locked = LockedSource::new(&proof.name, &proof.suite, proof.date, &proof.text, signature);
        locked.waived = proof.waived;
        locked.signers.clone_from(&proof.signers);
        locked.indices.clone_from(&proof.indices);
        locked
    };
    Lock {
        epoch,
        users: ids.users.clone(),
        groups: ids.groups.clone(),
        packages: chosen.packages.iter().zip(&chosen.reasons).map(package).collect(),
        loaders: chosen.loaders.iter().map(|loader| package((loader, &no_reason))).collect(),
        builders: chosen.workshop.iter().flat_map(|all| all.packages.iter().zip(&all.reasons)).map(package).collect(),
        sources: chosen.proofs.iter().map(source).collect(),
        ..Lock::new(request.recipe)
    }
}
