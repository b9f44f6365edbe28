//! One side of a comparison, from whatever is known of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Summary;
use super::short;
use crate::deb::date;
use crate::digest::Sha256;
use crate::manifest::Manifest;
use crate::manifest::Origin;
use crate::manifest::OutputRecord;
use crate::manifest::PackageRecord;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::tree::Entry;
use crate::tree::Tree;
use crate::tree::dump;
use crate::tree::parse_dump;

/// One of the two.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// What it is, in a word or two: `output`, `tar`, `squashfs` …
    pub form: &'static str,
    /// The lines of `tree.txt`.
    pub tree: Option<Vec<Entry>>,
    /// The tree digest.
    pub digest: Option<Sha256>,
    /// Package, with its architecture → what is known of it.
    pub packages: Option<BTreeMap<PackageKey, Facts>>,
    /// What decides it beside packages, by name: `architecture`, `epoch`, `user sshd` …
    pub values: BTreeMap<String, String>,
    /// Path → the part of the build it is from.
    pub origins: BTreeMap<String, Origin>,
    /// What its manifest says of the build; without one no cause is known.
    pub build: Option<Build>,
    /// The paths of the output, which are more than its root.
    pub files: Option<BTreeMap<String, OutputRecord>>,
    /// Of several images each; then there are neither tree nor packages beside them.
    pub images: BTreeMap<String, Self>,
}

/// What stands before the name of a package that kernel modules are built with: it is in no root.
const BUILDERS: &str = "modules/";
/// Likewise, of one that only boot loaders for the head are taken from.
pub(super) const LOADERS: &str = "loaders/";
/// The form of a lock.
pub(super) const LOCK: &str = "lock";

/// Name and architecture.
pub type PackageKey = (String, String);

/// A package of one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// The version of its source, which its changelog names.
    pub source_version: String,
    /// Of the .deb, where a manifest or a lock says it.
    pub sha256: Option<Sha256>,
    /// Unpacked, in KiB, as the package says.
    pub installed_size: Option<u64>,
}

/// What a manifest, and the provenance beside it, say of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// The version of imgbuild.
    pub builder: Option<String>,
    /// The digest of the recipe.
    pub recipe: Option<String>,
    /// No time of the image is later, in seconds since 1970.
    pub epoch: i64,
    /// File of the output → its bytes.
    pub outputs: BTreeMap<String, u64>,
}

impl Side {
    /// A side known by its tree, and more if there is a manifest.
    ///
    /// # Errors
    /// `tree` is not the text of a tree.
    pub fn of_output(tree: &str, manifest: Option<&Manifest>) -> Result<Self, Error> {
        let mut side = manifest.map(Self::of_manifest).unwrap_or_default();
        side.tree = Some(parse_dump(tree)?);
        side.digest = Some(Sha256::of(tree.as_bytes()));
        side.form = if manifest.is_some() { "output" } else { "tree" };
        Ok(side)
    }

    /// A side known by its tree alone, read from an image of this form.
    #[must_use]
    pub fn of_tree(tree: &Tree, form: &'static str) -> Self {
        Self { form, ..Self::of_output(&dump(tree), None).expect("our own text") }
    }

    /// A side known by its manifest.
    #[must_use]
    pub fn of_manifest(manifest: &Manifest) -> Self {
        let records = &manifest.outputs;
        let image = |(name, tree): (&String, &Sha256)| {
            let files = records.iter().filter_map(|record| record.below(&format!("{name}/")));
            let side = Self { form: "manifest", digest: Some(*tree), files: Some(by_path(files)), ..Self::default() };
            (name.clone(), side)
        };
        let of_images = |path: &str| manifest.images.contains_key(path.split('/').next().unwrap_or_default());
        let outputs =
            records.iter().filter_map(|output| Some((output.path().to_owned(), output.content()?.1))).collect();
        Self {
            form: "manifest",
            tree: None,
            digest: Some(manifest.tree),
            packages: manifest.images.is_empty().then(|| packages_of(manifest)),
            values: values_of(manifest),
            origins: manifest.files.iter().flat_map(of_origin).collect(),
            build: Some(Build { builder: None, recipe: None, epoch: manifest.epoch, outputs }),
            files: Some(by_path(records.iter().filter(|record| !of_images(record.path())).cloned())),
            images: manifest.images.iter().map(image).collect(),
        }
    }

    /// A side known by its lock: its packages, and whatever else of it decides an image.
    #[must_use]
    pub fn of_lock(lock: &Lock) -> Self {
        let mut values = BTreeMap::from([
            ("architecture".to_owned(), lock.architecture.clone()),
            ("epoch".to_owned(), date::iso(lock.epoch)),
            ("recipe".to_owned(), lock.recipe.name.clone()),
            ("what the recipe asks for".to_owned(), short(&lock.recipe.selection)),
        ]);
        for source in &lock.sources {
            let waived = if source.waived { ", though it had expired" } else { "" };
            let (date, signers) = (date::iso(source.date), source.signers.join(", "));
            let text = format!("{} of {date}, {} signed by {signers}{waived}", source.suite, short(&source.release));
            values.insert(format!("source {}", source.name), text);
        }
        for (kind, numbers) in [("user", &lock.users), ("group", &lock.groups)] {
            values.extend(numbers.iter().map(|(name, number)| (format!("{kind} {name}"), number.to_string())));
        }
        let named = |kind: &'static str, all: &[LockedPackage]| -> Vec<(PackageKey, Facts)> {
            all.iter().map(|each| locked(each, format!("{kind}{}", each.name))).collect()
        };
        let packages = [named("", &lock.packages), named(LOADERS, &lock.loaders), named(BUILDERS, &lock.builders)];
        let images =
            lock.each().into_iter().filter_map(|(name, image)| Some((name?.to_owned(), Self::of_lock(&image))));
        let images: BTreeMap<String, Self> = images.collect();
        let packages = images.is_empty().then(|| packages.into_iter().flatten().collect());
        Self { form: LOCK, packages, values, images, ..Self::default() }
    }

    pub(super) fn summary(&self) -> Summary {
        let sizes = |tree: &Vec<Entry>| tree.iter().filter_map(|entry| entry.size.parse::<u64>().ok()).sum();
        Summary {
            form: self.form,
            tree: self.digest,
            packages: self.packages.as_ref().map(|all| all.keys().filter(|(name, _)| !is_outside(name)).count()),
            paths: self.tree.as_ref().map(Vec::len),
            bytes: self.tree.as_ref().map(sizes),
            outputs: self.build.as_ref().map(|build| build.outputs.clone()).unwrap_or_default(),
        }
    }
}

/// Whether a package is in no root.
fn is_outside(name: &str) -> bool {
    name.starts_with(BUILDERS) || name.starts_with(LOADERS)
}

fn by_path(records: impl Iterator<Item = OutputRecord>) -> BTreeMap<String, OutputRecord> {
    records.map(|record| (record.path().to_owned(), record)).collect()
}

fn packages_of(manifest: &Manifest) -> BTreeMap<PackageKey, Facts> {
    let recorded = |kind: &'static str, all: &[PackageRecord]| -> Vec<(PackageKey, Facts)> {
        let record = |each: &PackageRecord| {
            let facts = Facts {
                version: each.version.clone(),
                source_version: each.source_version.clone(),
                sha256: Some(each.sha256),
                installed_size: kind.is_empty().then_some(each.installed_size),
            };
            ((format!("{kind}{}", each.name), each.architecture.clone()), facts)
        };
        all.iter().map(record).collect()
    };
    let all = [
        recorded("", &manifest.packages),
        recorded(LOADERS, &manifest.loaders),
        recorded(BUILDERS, &manifest.builders),
    ];
    all.into_iter().flatten().collect()
}

fn locked(each: &LockedPackage, name: String) -> (PackageKey, Facts) {
    let facts = Facts { version: each.version.clone(), sha256: Some(each.sha256), ..Facts::default() };
    ((name, each.architecture.clone()), facts)
}

fn values_of(manifest: &Manifest) -> BTreeMap<String, String> {
    let proof = manifest.unproved.clone().unwrap_or_else(|| "proved".to_owned());
    let values = [
        ("architecture", manifest.architecture.clone()),
        ("epoch", date::iso(manifest.epoch)),
        ("lock", proof),
        ("recipe", manifest.name.clone()),
        ("suite", manifest.suite.clone()),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

fn of_origin((origin, paths): (&Origin, &BTreeSet<String>)) -> Vec<(String, Origin)> {
    paths.iter().map(|path| (path.clone(), origin.clone())).collect()
}
