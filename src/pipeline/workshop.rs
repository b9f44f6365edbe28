//! The system that an image's kernel modules are built in: which packages, and what they have built before.
//!
//! It is chosen after the image, for exactly the kernels that are there, from the same indices, and stands in the same lock.
//! As an installed system is, its modules are remembered by the digest of everything that decides them, without a
//! signature: then nothing of it is fetched, and nothing runs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use super::Chosen;
use super::Request;
use super::installed;
use super::installed::Memory;
use super::stage;
use crate::configure::Ids;
use crate::configure::Method;
use crate::deb::Package;
use crate::digest::Sha256;
use crate::error::Error;
use crate::host::Host;
use crate::host::Stage;
use crate::manifest::ModuleRecord;
use crate::manifest::PackageRecord;
use crate::modules;
use crate::modules::Built;
use crate::recipe::Access;
use crate::recipe::Base;
use crate::recipe::Configure;
use crate::recipe::Install;
use crate::recipe::Otherwise;
use crate::recipe::PackageRequest;
use crate::recipe::Recipe;
use crate::recipe::Treatment;
use crate::tree::Content;
use crate::tree::Tree;
use crate::tree::TreePath;

/// The kind of the records of modules that were built; the number changes with how they are.
const RECORD: &str = "modules-1";
/// What sources of modules may count on beside their own dependencies, as on a machine whose administrator uses dkms.
const TOOLS: [&str; 4] = ["dkms", "gcc", "libc6-dev", "make"];
/// Nobody reads there.
const UNREAD: [&str; 4] = ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"];

/// The modules of an image, and what they are made of.
#[derive(Debug)]
pub(super) struct Made {
    built: Vec<Built>,
    /// The digest of everything that decides them.
    inputs: Sha256,
    /// The packages of the system that they were built in.
    pub(super) builders: Vec<PackageRecord>,
    /// For the manifest.
    pub(super) records: Vec<ModuleRecord>,
}

/// As the store has them.
#[derive(Serialize, Deserialize)]
struct Record {
    builders: Vec<PackageRecord>,
    /// All bytes, one module after the other.
    blob: Sha256,
    modules: Vec<Stored>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    kernel: String,
    file: String,
    module: String,
    version: String,
    package: String,
    sha256: Sha256,
    size: u64,
}

/// The kernels among packages, by their versions.
fn kernels(packages: &[Package]) -> BTreeMap<String, &Package> {
    let version = |package: &Package| {
        let version = package.name.strip_prefix("linux-image-")?;
        // What is not signed by Debian is the same kernel, and debugging symbols are none.
        let version = version.strip_suffix("-unsigned").unwrap_or(version);
        let is_one = version.starts_with(|first: char| first.is_ascii_digit()) && !version.ends_with("-dbg");
        is_one.then(|| version.to_owned())
    };
    packages.iter().filter_map(|package| Some((version(package)?, package))).collect()
}

/// What is asked for to build the kernel modules of an image of these packages, as a recipe by itself; `None`: it builds
/// none.
pub(super) fn recipe(recipe: &Recipe, packages: &[Package]) -> Result<Option<Recipe>, Error> {
    if recipe.kernel_modules.is_empty() {
        return Ok(None);
    }
    let kernels = kernels(packages);
    if kernels.is_empty() {
        return Err(modules::Error::NoKernel.into());
    }
    let named = |name: String, version: Option<String>| PackageRequest::Named {
        name,
        architecture: None,
        version,
        release: None,
    };
    let headers = |(kernel, image): (&String, &&Package)| {
        named(format!("linux-headers-{kernel}"), Some(image.version.as_str().to_owned()))
    };
    let mut wishes = recipe.kernel_modules.clone();
    wishes.extend(kernels.iter().map(headers));
    wishes.extend(TOOLS.map(|name| named(name.to_owned(), None)));
    Ok(Some(Recipe {
        image: None,
        images: Vec::new(),
        packages: wishes,
        install: Install {
            base: Base::Required,
            recommends: false,
            exclude: UNREAD.map(str::to_owned).into(),
            include: Vec::new(),
        },
        overlay: Vec::new(),
        site: Vec::new(),
        // Whatever of it cannot be followed may run: it is in no image.
        configure: Configure { otherwise: Otherwise::Sandbox, ..Configure::default() },
        kernel_modules: Vec::new(),
        module_signing: None,
        access: Access::default(),
        diskless: None,
        head: None,
        nodes: Vec::new(),
        ..recipe.clone()
    }))
}

/// The packages whose modules a recipe asks for, of those that were chosen to build them.
fn wanted(recipe: &Recipe, builders: &[Package]) -> BTreeSet<String> {
    let name = |request: &PackageRequest| match request {
        PackageRequest::Named { name, .. } => Some(name.clone()),
        PackageRequest::Local(file) => {
            let path = file.path.display().to_string();
            let is_it = |package: &&Package| package.archive.is_none() && package.filename == path;
            builders.iter().find(is_it).map(|package| package.name.clone())
        }
    };
    recipe.kernel_modules.iter().filter_map(name).collect()
}

/// That no package whose modules are built outside is in the image as well.
pub(super) fn check_apart(recipe: &Recipe, chosen: &Chosen) -> Result<(), Error> {
    let Some(workshop) = &chosen.workshop else { return Ok(()) };
    let wanted = wanted(recipe, &workshop.packages);
    let mut packages = chosen.packages.iter().zip(&chosen.reasons);
    match packages.find(|(package, _)| wanted.contains(&package.name)) {
        Some((package, reason)) => {
            Err(modules::Error::InImage { package: package.name.clone(), reason: reason.clone() }.into())
        }
        None => Ok(()),
    }
}

/// Before the work: that modules can be had, and signed if they are to be.
pub(super) fn check(host: &Host, requests: &[Request<'_>], chosen: &[Chosen], memory: &Memory) -> Result<(), Error> {
    for (request, chosen) in requests.iter().zip(chosen) {
        let Some(workshop) = &chosen.workshop else { continue };
        Signing::of(request.recipe)?;
        if recall(host, request, &inputs(request, workshop), workshop, memory)?.is_none() {
            let obstacle = modules::obstacle(host, &request.recipe.debian.architecture);
            obstacle.map_or(Ok(()), |reason| Err(modules::Error::Unavailable { reason }))?;
        }
    }
    Ok(())
}

/// The modules of an image, signed if they are to be: remembered, or built.
pub(super) fn made(
    host: &Host,
    request: &Request<'_>,
    chosen: &mut Chosen,
    memory: &Memory,
) -> Result<Option<Made>, Error> {
    let Some(workshop) = chosen.workshop.take() else { return Ok(None) };
    let inputs = inputs(request, &workshop);
    let mut made = match recall(host, request, &inputs, &workshop, memory)? {
        Some(made) => made,
        None => {
            let key = key(host, request, &inputs, &workshop);
            let made = build(host, request, &chosen.packages, *workshop, inputs)?;
            if let Some(key) = key {
                super::noted(host.reporter.as_ref(), &host.cancel(), remember(host, &key, &made))?;
            }
            made
        }
    };
    if let Some(signing) = Signing::of(request.recipe)? {
        for module in &mut made.built {
            module.content = signing.signed(&module.content)?;
        }
    }
    Ok(Some(made))
}

fn build(
    host: &Host,
    request: &Request<'_>,
    image: &[Package],
    workshop: Chosen,
    inputs: Sha256,
) -> Result<Made, Error> {
    let wanted = wanted(request.recipe, &workshop.packages);
    let kernels: Vec<String> = kernels(image).into_keys().collect();
    let mut recipe = recipe(request.recipe, image)?.expect("a workshop was chosen for it");
    // Their scripts would call dkms, which the build itself does.
    let calls = workshop.packages.iter().map(|package| &package.name);
    let calls = calls.filter(|name| name.ends_with("-dkms") || wanted.contains(*name));
    recipe.configure.packages = calls.map(|name| (name.clone(), Treatment::Skip)).collect();
    let inner =
        Request { recipe: &recipe, lock: None, moved: None, method: Method::Native, keep: None, ..request.clone() };
    let installed = super::install(host, &inner, workshop, &Ids::default(), &Memory::default())?.installed;
    let job = modules::Job { system: &installed.tree, packages: &wanted, kernels: &kernels, epoch: installed.epoch };
    let package = |path: &TreePath| installed.origins.package(path).map(str::to_owned);
    let built = stage(host, Stage::Modules, || Ok(modules::build(host, &job, &package)?))?;
    Ok(Made { built, inputs, builders: installed.packages, records: Vec::new() })
}

impl Made {
    /// Puts the modules into the image, and notes where.
    pub(super) fn install(&mut self, host: &Host, recipe: &Recipe, tree: &mut Tree, epoch: i64) -> Result<(), Error> {
        let paths = modules::install(host, tree, &self.built, epoch)?;
        let signer = Signing::of(recipe)?.map(|signing| signing.certificate());
        let versions: BTreeMap<&str, &str> =
            self.builders.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
        let record = |(module, path): (&Built, TreePath)| ModuleRecord {
            path: path.to_string(),
            kernel: module.kernel.clone(),
            module: module.module.clone(),
            module_version: module.version.clone(),
            package: module.package.clone(),
            package_version: versions.get(module.package.as_str()).copied().unwrap_or_default().to_owned(),
            inputs: self.inputs,
            certificate: signer,
        };
        self.records = self.built.iter().zip(paths).map(record).collect();
        Ok(())
    }
}

/// The digest of everything that decides what is built, but for the program.
fn inputs(request: &Request<'_>, workshop: &Chosen) -> Sha256 {
    let package = |package: &Package| (package.name.clone(), package.architecture.clone(), package.sha256);
    let packages: Vec<_> = workshop.packages.iter().map(package).collect();
    // Which of them must build something.
    let wanted = wanted(request.recipe, &workshop.packages);
    Sha256::of(&serde_json::to_vec(&(RECORD, packages, wanted)).expect("plain data has a JSON form"))
}

/// By what they are found again; `None`: they are not.
fn key(host: &Host, request: &Request<'_>, inputs: &Sha256, workshop: &Chosen) -> Option<String> {
    let keep = request.keep.filter(|_| !workshop.unproved)?;
    // Older archives may date the same packages otherwise, and why each is there is told as well.
    let newest = workshop.proofs.iter().map(|proof| proof.date).max();
    let all = (keep.program, inputs, newest, &workshop.reasons, format!("{:?}", host.limits));
    Some(Sha256::of(&serde_json::to_vec(&all).expect("plain data has a JSON form")).to_string())
}

/// What was built of the same before. `--again` recalls none.
fn recall(
    host: &Host,
    request: &Request<'_>,
    inputs: &Sha256,
    workshop: &Chosen,
    memory: &Memory,
) -> Result<Option<Made>, Error> {
    if !installed::is_recalled(request, memory) {
        return Ok(None);
    }
    let Some(key) = key(host, request, inputs, workshop) else { return Ok(None) };
    let record = host.store.record(RECORD, &key)?;
    let Some(record) = record.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok()) else { return Ok(None) };
    let Some(stored) = host.store.get(&record.blob)? else { return Ok(None) };
    let mut start = 0;
    let module = |each: Stored| {
        let content = Content::from_blob(Arc::clone(&stored.blob), start, each.size, each.sha256);
        start += each.size;
        let Stored { kernel, file, module, version, package, .. } = each;
        Built { kernel, file, module, version, package, content }
    };
    let built = record.modules.into_iter().map(module).collect();
    Ok(Some(Made { built, inputs: *inputs, builders: record.builders, records: Vec::new() }))
}

/// Remembers modules, as they are without a signature.
fn remember(host: &Host, key: &str, made: &Made) -> Result<(), Error> {
    let failed = |source| Error::Read { path: "the cache".into(), source };
    let mut writer = host.store.writer()?;
    for module in &made.built {
        std::io::copy(&mut module.content.reader(), &mut writer).map_err(failed)?;
    }
    writer.flush().map_err(failed)?;
    let blob = writer.commit(None)?.sha256;
    let stored = |module: &Built| Stored {
        kernel: module.kernel.clone(),
        file: module.file.clone(),
        module: module.module.clone(),
        version: module.version.clone(),
        package: module.package.clone(),
        sha256: *module.content.sha256(),
        size: module.content.size(),
    };
    let record = Record { builders: made.builders.clone(), blob, modules: made.built.iter().map(stored).collect() };
    let bytes = serde_json::to_vec(&record).expect("plain data has a JSON form");
    Ok(host.store.set_record(RECORD, key, &bytes)?)
}

/// Whose signature modules get.
#[cfg(feature = "sign")]
struct Signing(modules::ModuleKey);

/// A library without signatures signs nothing.
#[cfg(not(feature = "sign"))]
enum Signing {}

impl Signing {
    /// The key of a recipe, read now; `None`: its modules are not signed.
    #[cfg(feature = "sign")]
    fn of(recipe: &Recipe) -> Result<Option<Self>, Error> {
        let Some(signing) = &recipe.module_signing else { return Ok(None) };
        let key = signing.read_key(&recipe.directory).map_err(modules::Error::Key)?;
        let certificate = signing.certificate.content.to_vec().map_err(modules::Error::Key)?;
        let key = modules::ModuleKey::new(&key, &certificate).map_err(modules::Error::Sign)?;
        Ok(Some(Self(key)))
    }

    #[cfg(not(feature = "sign"))]
    fn of(recipe: &Recipe) -> Result<Option<Self>, Error> {
        recipe.module_signing.as_ref().map_or(Ok(None), |_| Err(modules::Error::Unsigned.into()))
    }

    #[cfg(feature = "sign")]
    fn signed(&self, module: &Content) -> Result<Content, Error> {
        let bytes = module.to_vec().map_err(|source| Error::Read { path: "the cache".into(), source })?;
        Ok(Content::from_bytes(self.0.signed(&bytes)))
    }

    #[cfg(feature = "sign")]
    const fn certificate(&self) -> Sha256 {
        *self.0.certificate()
    }

    #[cfg(not(feature = "sign"))]
    fn signed(&self, _: &Content) -> Result<Content, Error> {
        match *self {}
    }

    #[cfg(not(feature = "sign"))]
    const fn certificate(&self) -> Sha256 {
        match *self {}
    }
}
