//! The whole way, from a recipe to published outputs. The only room that calls more than one stage.

mod boot;
mod choose;
mod forms;
mod installed;
mod kept;
mod kinds;
mod layers;
mod outputs;
mod prove;
mod shared;
mod sources;
mod output;
mod workshop;
pub mod publish;
pub mod registry;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::archive;
use crate::cancel::Cancel;
use crate::configure;
use crate::configure::Ids;
use crate::configure::PackageReport;
use crate::deb::Package;
use crate::digest::Sha256;
use crate::error::Error;
use crate::error::told;
use crate::host::Event;
use crate::host::Host;
use crate::host::Reporter;
use crate::host::Signer;
use crate::host::Stage;
use crate::host::Work;
use crate::host::claim;
use crate::lint;
use crate::manifest;
use crate::manifest::Manifest;
use crate::manifest::Origins;
use crate::manifest::OutputRecord;
use crate::manifest::PackageRecord;
use crate::overlay;
use crate::recipe;
use crate::recipe::Base;
use crate::recipe::Lock;
use crate::recipe::Recipe;
use crate::tree;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack;
use crate::unpack::Root;

use installed::Installed;
use installed::Memory;
use kept::Previous;
use outputs::Outputs;
use outputs::Published;

pub use choose::Chosen;
pub use forms::Form;
#[cfg(feature = "cli")]
pub(crate) use output::MANIFEST;
pub use output::Output;
pub use output::check_directory;
pub use prove::Proved;
pub use prove::prove;
pub use shared::Shared;
pub use sources::Mirrors;

/// What to build, and from where.
#[derive(Clone)]
pub struct Request<'a> {
    /// What is asked for.
    pub recipe: &'a Recipe,
    /// Exactly which packages; without one they are chosen afresh.
    pub lock: Option<&'a Lock>,
    /// Whether a lock counts for which no index can be had, so that nothing proves it. The manifest says so.
    pub trust_lock: bool,
    /// The lock that is moved on, when there is no `lock`: accounts keep the numbers they have in it.
    pub moved: Option<Moved<'a>>,
    /// Where Debian's packages may come from. Reaches no output.
    pub mirrors: &'a Mirrors,
    /// How strictly archives are judged.
    pub archive: archive::Options,
    /// How packages are configured.
    pub method: configure::Method,
    /// The tree digest that must come out.
    pub expect: Option<Sha256>,
    /// Who signs the output's provenance; nobody: it has none.
    pub signer: Option<&'a dyn Signer>,
    /// Whether an output stays that is there already and would come out again; without this all is built.
    pub keep: Option<Keep<'a>>,
    /// What other builds before this one have read of archives.
    pub shared: Option<&'a Shared>,
}

/// When an output stays as it is.
#[derive(Debug, Clone, Copy)]
pub struct Keep<'a> {
    /// Tells the building program from every other one, and from other versions of itself: another may build otherwise.
    pub program: &'a str,
    /// What is looked at before.
    pub after: Look,
}

/// What an output is known by to be as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// How its files look; bytes only where that is not as it was.
    #[default]
    Outside,
    /// Every byte.
    Inside,
    /// Nothing is enough: all is built, and remembered for the next time.
    Nothing,
}

impl<'a> Request<'a> {
    /// A build of `recipe` from `mirrors` with nothing special about it.
    #[must_use]
    pub fn new(recipe: &'a Recipe, mirrors: &'a Mirrors) -> Self {
        Self {
            recipe,
            lock: None,
            trust_lock: false,
            moved: None,
            mirrors,
            archive: archive::Options::default(),
            method: configure::Method::default(),
            expect: None,
            signer: None,
            keep: None,
            shared: None,
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("recipe", &self.recipe.name)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A lock on its way to what the archives offer now.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// As it was.
    pub lock: &'a Lock,
    /// The packages whose versions may move; none: all.
    pub packages: &'a [String],
}

/// What a build left.
#[derive(Debug)]
pub struct Built {
    /// The files, relative to the output directory.
    pub outputs: Vec<OutputRecord>,
    /// The image's identity; of several that of all of them.
    pub tree_digest: Sha256,
    /// Of several images the identity of each.
    pub images: BTreeMap<String, Sha256>,
    /// What was chosen.
    pub lock: Lock,
    /// Whether it was there already ([`Request::keep`]), and nothing was written.
    pub kept: bool,
}

/// The nodes' root, as it is written.
#[derive(Debug)]
struct Image {
    /// Of several.
    name: Option<String>,
    tree: Tree,
    digest: Sha256,
    system: System,
    /// The kernel modules that were built for it.
    modules: Option<workshop::Made>,
}

/// What a recipe's packages make of an empty tree.
#[derive(Debug)]
struct System {
    chosen: Chosen,
    installed: Installed,
    lock: Lock,
}

/// Builds a recipe and publishes the outputs as `directory`.
///
/// # Errors
/// The first stage that cannot do its part; then `directory` is as it was. [`Error::Unexpected`] says where the output
/// lies that nobody expected.
pub fn build(host: &Host, request: &Request<'_>, directory: &Path) -> Result<Built, Error> {
    cancellable(&host.cancel(), || Memory::with(|memory| build_all(host, request, directory, memory)))
}

fn build_all(host: &Host, request: &Request<'_>, directory: &Path, memory: &Memory) -> Result<Built, Error> {
    let recipe = request.recipe;
    let parts = Parts::of(request)?;
    let requests = parts.requests(request);
    let chosen = choose::choose(host, &requests)?;
    let inputs = kept::inputs(host, request, &chosen);
    if let Some(built) = inputs.map(|inputs| kept::find(host, request, &inputs, directory)).transpose()?.flatten() {
        return Ok(built);
    }
    workshop::check(host, &requests, &chosen, memory)?;
    let images = assemble_all(host, &requests, chosen, memory)?;
    let digests: BTreeMap<String, Sha256> =
        images.iter().filter_map(|image| Some((image.name.clone()?, image.digest))).collect();
    let tree = match images.as_slice() {
        [only] if only.name.is_none() => tree::dump(&only.tree),
        _ => digests.iter().map(|(name, digest)| format!("{digest}  {name}/tree.txt\n")).collect(),
    };
    let tree_digest = Sha256::of(tree.as_bytes());
    // What nobody expected is kept aside, or nobody could say in what it differs.
    let refused = request.expect.filter(|expected| *expected != tree_digest);
    let aside = aside(directory);
    // It shares no file with one that is as it should be.
    let previous = refused.is_none().then(|| Previous::open(host, request, directory)).flatten();
    let mut outputs = Outputs::new(host, request, if refused.is_some() { &aside } else { directory }, previous)?;
    let loaders = boot::Loaders::of(host, &requests, &images)?;
    let mut boots = Vec::new();
    for (request, image) in requests.iter().zip(&images) {
        boots.push(boot::write_image(host, request.recipe, image, &loaders, &mut outputs)?);
    }
    outputs.of_image(None)?;
    boot::heads(host, &requests, &images, &boots, &loaders, &mut outputs)?;
    let lock = whole_lock(recipe, images.iter().map(|image| image.system.lock.clone()).collect());
    let mut manifest = whole_manifest(recipe, &images, &lock, (tree_digest, digests.clone()), &loaders.packages);
    if let ([Some((boot, _))], true) = (boots.as_slice(), digests.is_empty()) {
        manifest.initramfs = Some(boot.made.record.clone());
    }
    let image = match images.as_slice() {
        [only] if only.name.is_none() => Some(&only.tree),
        _ => None,
    };
    let Published { outputs, parts, seen } = outputs.publish(request, (&tree, image), &lock, manifest)?;
    if let Some(expected) = refused {
        return Err(Error::Unexpected { expected, found: tree_digest, aside });
    }
    if let (Some(inputs), Some((seen, directory))) = (inputs, seen) {
        kept::remember(host, &inputs, (&directory, &seen), (&outputs, parts))?;
    }
    host.store.settle();
    Ok(Built { outputs, tree_digest, images: digests, lock, kept: false })
}

/// Where an output goes that is not the one that was expected: beside where it would have been.
fn aside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".unexpected");
    directory.with_file_name(name)
}

/// A root in memory, with what is known of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assembled {
    /// Which of several images it is.
    pub name: Option<String>,
    /// Everything that nodes see.
    pub tree: Tree,
    /// Its identity.
    pub digest: Sha256,
    /// What was chosen.
    pub lock: Lock,
    /// What is inside and why. It names no outputs: there are none.
    pub manifest: Manifest,
}

/// Makes the root of each image of a recipe, of most recipes one, and writes nothing but what the store keeps: no output
/// directory, no initramfs, no head. With [`image`](crate::image) a tree becomes an image of any kind.
///
/// # Errors
/// The first stage that cannot do its part.
pub fn assemble(host: &Host, request: &Request<'_>) -> Result<Vec<Assembled>, Error> {
    // Whoever takes the trees reads them at any time: nothing of them is to be looked for in the store then.
    let request = &Request { keep: None, ..request.clone() };
    cancellable(&host.cancel(), || {
        let parts = Parts::of(request)?;
        let requests = parts.requests(request);
        let chosen = choose::choose(host, &requests)?;
        workshop::check(host, &requests, &chosen, &Memory::default())?;
        let images = assemble_all(host, &requests, chosen, &Memory::default())?;
        let finish = |(request, image): (&Request<'_>, Image)| {
            let manifest = manifest(request.recipe, &image, &[]);
            Assembled { name: image.name, tree: image.tree, digest: image.digest, lock: image.system.lock, manifest }
        };
        Ok(requests.iter().zip(images).map(finish).collect())
    })
}

/// The locks of each image, which requests for one image borrow.
struct Parts {
    locks: Vec<Option<Lock>>,
    moved: Vec<Option<Lock>>,
}

impl Parts {
    fn of(request: &Request<'_>) -> Result<Self, Error> {
        let (mut locks, mut moved) = (Vec::new(), Vec::new());
        for recipe in request.recipe.each() {
            let runs = request.method == configure::Method::Sandbox || recipe.configure.runs();
            if runs && recipe.install.base == Base::Nothing {
                return Err(configure::Error::NoBase.into());
            }
            let missing = || Error::LockMisfit(format!("it has no image `{}`", recipe.image.as_deref().unwrap_or("")));
            locks.push(request.lock.map(|lock| lock.of(recipe).ok_or_else(missing)).transpose()?);
            moved.push(request.moved.and_then(|moved| moved.lock.of(recipe)));
        }
        Ok(Self { locks, moved })
    }

    /// The request for each image.
    fn requests<'a>(&'a self, request: &Request<'a>) -> Vec<Request<'a>> {
        let locks = self.locks.iter().zip(&self.moved);
        let one = |(recipe, (lock, moved)): (&'a Recipe, (&'a Option<Lock>, &'a Option<Lock>))| {
            let moved = request.moved.zip(moved.as_ref()).map(|(all, lock)| Moved { lock, packages: all.packages });
            Request { recipe, lock: lock.as_ref(), moved, ..request.clone() }
        };
        request.recipe.each().iter().zip(locks).map(one).collect()
    }
}

/// The roots of all images. An account that several have has one number in all of them.
fn assemble_all(
    host: &Host,
    requests: &[Request<'_>],
    chosen: Vec<Chosen>,
    memory: &Memory,
) -> Result<Vec<Image>, Error> {
    let systems = install_all(host, requests, chosen, memory)?;
    requests.iter().zip(systems).map(|(request, system)| assemble_one(host, request, system, memory)).collect()
}

/// The systems of all images, without what is no package's.
fn install_all(
    host: &Host,
    requests: &[Request<'_>],
    chosen: Vec<Chosen>,
    memory: &Memory,
) -> Result<Vec<System>, Error> {
    let (mut systems, mut ids) = (Vec::new(), Ids::default());
    for (request, chosen) in requests.iter().zip(chosen) {
        let system = install(host, request, chosen, &ids, memory)?;
        ids.users.extend(system.installed.ids.users.clone());
        ids.groups.extend(system.installed.ids.groups.clone());
        systems.push(system);
    }
    Ok(systems)
}

fn whole_lock(recipe: &Recipe, locks: Vec<Lock>) -> Lock {
    match <[Lock; 1]>::try_from(locks) {
        Ok([only]) if recipe.images.is_empty() => only,
        Ok(only) => Lock::of_images(recipe, only.into()),
        Err(locks) => Lock::of_images(recipe, locks),
    }
}

/// What is inside of the whole output: of several images each says it itself.
fn whole_manifest(
    recipe: &Recipe,
    images: &[Image],
    lock: &Lock,
    (tree, digests): (Sha256, BTreeMap<String, Sha256>),
    loaders: &[Package],
) -> Manifest {
    let first = images.first().expect("a recipe has an image");
    let mut manifest = manifest(recipe, first, loaders);
    if digests.is_empty() {
        return manifest;
    }
    (manifest.tree, manifest.images, manifest.epoch) = (tree, digests, lock.epoch);
    manifest.lock = Sha256::of(lock.to_text().as_bytes());
    manifest.packages.clear();
    manifest.files.clear();
    manifest.builders.clear();
    manifest.modules.clear();
    manifest.findings.clear();
    for (recipe, image) in recipe.each().iter().zip(images) {
        let of_it = self::manifest(recipe, image, &[]);
        let name = image.name.as_deref().unwrap_or_default();
        manifest.findings.extend(of_it.findings.iter().map(|finding| format!("image {name}: {finding}")));
        manifest.unproved = manifest.unproved.or(of_it.unproved);
    }
    manifest
}

/// Chooses the packages of a recipe, and numbers for their accounts, as a build would.
///
/// # Errors
/// As [`build`], up to the stage that configures.
pub fn lock(host: &Host, request: &Request<'_>) -> Result<Lock, Error> {
    let parts = Parts::of(request)?;
    let requests = parts.requests(request);
    let locked = |memory: &Memory| {
        let chosen = choose::choose(host, &requests)?;
        let systems = install_all(host, &requests, chosen, memory)?;
        let lock = whole_lock(request.recipe, systems.into_iter().map(|system| system.lock).collect());
        host.store.settle();
        Ok(lock)
    };
    cancellable(&host.cancel(), || Memory::with(locked))
}

/// Chooses the packages of each image of a recipe and says why, without fetching them.
///
/// # Errors
/// The archives cannot be used, or there is no such set.
pub fn choose(host: &Host, request: &Request<'_>) -> Result<Vec<Chosen>, Error> {
    cancellable(&host.cancel(), || {
        let parts = Parts::of(request)?;
        choose::explained(host, &parts.requests(request))
    })
}

/// Says of each package of a recipe's images how it would be configured without running its scripts.
///
/// # Errors
/// As [`build`], up to the stage that unpacks.
pub fn survey(host: &Host, request: &Request<'_>) -> Result<Vec<Vec<PackageReport>>, Error> {
    cancellable(&host.cancel(), || {
        let parts = Parts::of(request)?;
        let requests = parts.requests(request);
        let reports = requests.iter().zip(choose::choose(host, &requests)?).map(|(request, chosen)| {
            let (_, root) = unpacked(host, request, &chosen)?;
            let options = configure_options(request, epoch(root.newest, &chosen), &Ids::default());
            stage(host, Stage::Configure, || Ok(configure::survey(host, root, &options)?))
        });
        reports.collect()
    })
}

/// Fetch and unpack: the packages as their .debs describe them, and their files.
fn unpacked(host: &Host, request: &Request<'_>, chosen: &Chosen) -> Result<(Vec<Package>, Root), Error> {
    host.cancel().check()?;
    let debs = choose::fetch(host, &request.recipe.debian.architecture, chosen)?;
    let options = unpack::Options {
        exclude: request.recipe.install.exclude.clone(),
        include: request.recipe.install.include.clone(),
        architecture: request.recipe.debian.architecture.clone(),
    };
    host.cancel().check()?;
    let configured = configure_options(request, 0, &Ids::default());
    let mut before = |tree: &mut Tree, installed: &[unpack::Installed], next: &unpack::Installed| {
        Ok(configure::divert(host, tree, installed, next, &configured)?)
    };
    let root = unpack::unpack(host, &debs, &options, &mut before)?;
    Ok((debs.into_iter().map(|deb| deb.package).collect(), root))
}

/// From the chosen packages to an installed system.
fn install(host: &Host, request: &Request<'_>, chosen: Chosen, known: &Ids, memory: &Memory) -> Result<System, Error> {
    let mut options = configure_options(request, 0, known);
    let key = installed::key(host, request, &chosen, &options);
    // Older archives may date the same packages otherwise.
    let fits = |installed: &Installed| installed.epoch == epoch(installed.newest, &chosen);
    let recall = |key| Ok::<_, Error>(installed::recall(host, request, key, memory)?.filter(fits));
    let mut recalled = key.as_ref().map(recall).transpose()?.flatten();
    let mut claim = None;
    if let (None, Some(key)) = (&recalled, key.filter(|_| installed::is_recalled(request, memory))) {
        claim = Some(claim::wait(host, Work::Install, &key)?);
        recalled = recall(&key)?;
    }
    let installed = match recalled {
        Some(installed) => installed,
        None => {
            let (packages, root) = unpacked(host, request, &chosen)?;
            options.epoch = epoch(root.newest, &chosen);
            check_epoch(request, options.epoch)?;
            let installed = configured(host, &chosen, &packages, root, &options)?;
            if let Some(key) = key {
                noted(host.reporter.as_ref(), &host.cancel(), installed::remember(host, &key, &installed))?;
            }
            installed
        }
    };
    drop(claim);
    check_epoch(request, installed.epoch)?;
    check_accounts(request, &installed.ids)?;
    let lock = choose::lock(request, &chosen, installed.epoch, &installed.ids);
    Ok(System { chosen, installed, lock })
}

/// Configure, and what is to be said of it.
fn configured(
    host: &Host,
    chosen: &Chosen,
    packages: &[Package],
    root: Root,
    options: &configure::Options,
) -> Result<Installed, Error> {
    let (newest, unpacked) = (root.newest, root.tree.clone());
    let mut origins = Origins::unpacked(&root.tree, &root.packages);
    let configured = stage(host, Stage::Configure, || Ok(configure::configure(host, root, options)?))?;
    origins.changed("configure", &unpacked, &configured.tree);
    let reasons = chosen.packages.iter().zip(&chosen.reasons);
    let reasons: BTreeMap<(&str, &str), &String> =
        reasons.map(|(package, reason)| ((package.name.as_str(), package.architecture.as_str()), reason)).collect();
    let record = |package: &Package| {
        let reason = reasons.get(&(package.name.as_str(), package.architecture.as_str()));
        let reason = reason.map_or_else(String::new, |reason| (*reason).clone());
        PackageRecord::new(package, chosen.archive(package), reason)
    };
    let mut packages: Vec<PackageRecord> = packages.iter().map(record).collect();
    manifest::record_configuration(&mut packages, &configured.report);
    let (tree, ids, epoch) = (configured.tree, configured.ids, options.epoch);
    Ok(Installed { tree, ids, origins, packages, newest, epoch })
}

fn check_epoch(request: &Request<'_>, epoch: i64) -> Result<(), Error> {
    match request.lock.filter(|lock| lock.epoch != epoch) {
        Some(lock) => Err(Error::LockBroken(format!("its epoch is {}, and its packages' is {epoch}", lock.epoch))),
        None => Ok(()),
    }
}

/// From an installed system to the nodes' root.
fn assemble_one(host: &Host, request: &Request<'_>, mut system: System, memory: &Memory) -> Result<Image, Error> {
    let recipe = request.recipe;
    let epoch = system.lock.epoch;
    let mut modules = workshop::made(host, request, &mut system.chosen, memory)?;
    if let Some(modules) = &mut modules {
        let mut with = system.installed.tree.clone();
        modules.install(host, recipe, &mut with, epoch)?;
        system.installed.origins.changed("modules", &system.installed.tree, &with);
        system.installed.tree = with;
    }
    let mut tree = system.installed.tree.clone();
    stage(host, Stage::Overlay, || Ok(overlay::apply(&mut tree, recipe)?))?;
    clamp(&mut tree, epoch);
    system.installed.origins.changed("overlay", &system.installed.tree, &tree);
    let digest = tree::digest(&tree);
    Ok(Image { name: recipe.image.clone(), tree, digest, system, modules })
}

/// What is inside and why; the outputs are added when they are written.
fn manifest(recipe: &Recipe, image: &Image, loaders: &[Package]) -> Manifest {
    let system = &image.system;
    let (name, debian) = (recipe.name.clone(), &recipe.debian);
    let lock = Sha256::of(system.lock.to_text().as_bytes());
    let (architecture, suite) = (debian.architecture.clone(), debian.suite.clone());
    let mut manifest = Manifest::new(name, architecture, suite, image.digest, system.lock.epoch, lock);
    manifest.unproved = system.chosen.unproved.then(|| manifest::UNPROVED.to_owned());
    manifest.packages.clone_from(&system.installed.packages);
    for package in loaders {
        let reason = "holds a boot loader for the head".to_owned();
        manifest.loaders.push(PackageRecord::new(package, system.chosen.archive(package), reason));
    }
    manifest.files = system.installed.origins.files();
    if let Some(modules) = &image.modules {
        manifest.builders.clone_from(&modules.builders);
        manifest.modules.clone_from(&modules.records);
    }
    if recipe.head.is_some() {
        manifest.findings = lint::root(&image.tree);
    }
    manifest
}

/// `known`: accounts of the recipe's other images.
fn configure_options(request: &Request<'_>, epoch: i64, known: &Ids) -> configure::Options {
    let recipe = request.recipe;
    let lock = request.lock.or(request.moved.map(|moved| moved.lock));
    let mut ids = lock.map_or_else(Ids::default, |lock| Ids { users: lock.users.clone(), groups: lock.groups.clone() });
    if request.lock.is_none() {
        ids.users.extend(known.users.clone());
        ids.groups.extend(known.groups.clone());
    }
    configure::Options {
        method: request.method,
        packages: recipe.configure.packages.clone(),
        otherwise: recipe.configure.otherwise,
        debconf: recipe.configure.debconf.clone(),
        architecture: recipe.debian.architecture.clone(),
        epoch,
        shared: recipe.shares_a_root(),
        baseless: recipe.install.base == Base::Nothing,
        ids,
    }
}

/// The source date epoch: the newest time inside the packages, so that neither the day of the build nor a new date
/// of the mirror changes the image. None that an archive has signed for is newer than its Release; so a clock that was
/// wrong where somebody made a .deb of their own dates no image either.
fn epoch(newest: i64, chosen: &Chosen) -> i64 {
    let signed = chosen.proofs.iter().map(|proof| proof.date).max().unwrap_or(newest);
    newest.min(signed).max(0)
}

/// Whether users and groups have numbers of Debian's, and are those that the lock is for.
fn check_accounts(request: &Request<'_>, ids: &Ids) -> Result<(), Error> {
    for (kind, numbers) in [("user", &ids.users), ("group", &ids.groups)] {
        recipe::check_ids(kind, numbers).map_err(Error::Accounts)?;
    }
    let recipe = request.recipe;
    // What is left for the first boot, or skipped, makes no accounts, and neither may other answers.
    let configure = &recipe.configure;
    let treated = !configure.packages.is_empty() || configure.otherwise.treatment().is_some();
    if treated || !configure.debconf.is_empty() {
        return Ok(());
    }
    let Some(lock) = request.lock else { return Ok(()) };
    for (kind, locked, made) in [("user", &lock.users, &ids.users), ("group", &lock.groups, &ids.groups)] {
        if let Some(name) = locked.keys().find(|name| !made.contains_key(*name)) {
            return Err(Error::LockMisfit(format!("it has {kind} `{}`, which no package makes", name.escape_debug())));
        }
    }
    Ok(())
}

/// What the overlay made is no newer than the packages.
fn clamp(tree: &mut Tree, epoch: i64) {
    let newer: Vec<TreePath> =
        tree.iter().filter(|(_, _, inode)| inode.stat.mtime > epoch).map(|(path, ..)| path.clone()).collect();
    for path in newer {
        tree.get_mut(&path).expect("it was just listed").stat.mtime = epoch;
    }
}

/// What is noted for the next build only saves that one time: this one goes on where it cannot be.
fn noted<E: Into<Error>>(reporter: &dyn Reporter, cancel: &Cancel, done: Result<(), E>) -> Result<(), Error> {
    let Err(error) = done.map_err(Into::into) else { return Ok(()) };
    if error.is_cancelled() || cancel.is_cancelled() {
        return Err(error);
    }
    let message = format!("the next build cannot start from this one: {}", told(&error));
    reporter.event(&Event::Warning { message: &message });
    Ok(())
}

/// Does work that somebody may end. Whatever error a stage has then, for one that was cut short may look damaged:
/// the caller is told that it was cancelled.
fn cancellable<T>(cancel: &Cancel, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    work().map_err(|error| if error.is_cancelled() || cancel.is_cancelled() { Error::Cancelled } else { error })
}

/// Tells when a stage begins and ends, and stops before one when the build was cancelled.
fn stage<T>(host: &Host, stage: Stage, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    host.cancel().check()?;
    host.reporter.event(&Event::StageStarted { stage, total: None });
    let done = work()?;
    host.reporter.event(&Event::StageFinished { stage });
    Ok(done)
}
