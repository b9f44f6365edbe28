//! Two images → what differs, and what in the build made it differ.
//!
//! Needs no image: a tree's text names every path, a manifest says which part of the build a path is from, and the
//! packages of both sides say whether that part had the same input. What cannot be known from these is not guessed:
//! then the cause is [`Cause::Unknown`].
//!
//! [`words`] is the text for terminals, [`sheet`] what people read as Markdown or HTML, [`changelog`] the entries between
//! two versions.

pub mod changelog;
mod sheet;
mod words;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::digest::Sha256;
use crate::manifest::Manifest;
use crate::manifest::Origin;
use crate::manifest::PackageRecord;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::tree::Entry;
use crate::tree::ParseError;
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
    /// Path → the part of the build it is from.
    pub origins: BTreeMap<String, Origin>,
    /// What its manifest says of the build; without one no cause is known.
    pub build: Option<Build>,
}

/// What stands before the name of a package that kernel modules are built with: it is in no root.
const BUILDERS: &str = "modules/";

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

/// A side that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tree's text.
    #[error("cannot read the tree's text")]
    Tree(#[from] ParseError),
    /// There is nothing that both sides have.
    #[error("cannot compare: one side has no tree, the other no packages; give two outputs, two trees or two locks")]
    Nothing,
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
        let of_package = |each: &PackageRecord| {
            let facts = Facts {
                version: each.version.clone(),
                source_version: each.source_version.clone(),
                sha256: Some(each.sha256),
                installed_size: Some(each.installed_size),
            };
            ((each.name.clone(), each.architecture.clone()), facts)
        };
        let builders = manifest.builders.iter().map(|each| {
            let ((name, architecture), facts) = of_package(each);
            ((format!("{BUILDERS}{name}"), architecture), Facts { installed_size: None, ..facts })
        });
        let of_origin = |(origin, paths): (&Origin, &BTreeSet<String>)| {
            let origin = origin.clone();
            paths.iter().map(move |path| (path.clone(), origin.clone())).collect::<Vec<_>>()
        };
        let outputs = manifest.outputs.iter();
        let outputs = outputs.filter_map(|output| Some((output.path().to_owned(), output.content()?.1))).collect();
        Self {
            form: "manifest",
            tree: None,
            digest: Some(manifest.tree),
            packages: Some(manifest.packages.iter().map(of_package).chain(builders).collect()),
            origins: manifest.files.iter().flat_map(of_origin).collect(),
            build: Some(Build { builder: None, recipe: None, epoch: manifest.epoch, outputs }),
        }
    }

    /// A side known by its lock: its packages.
    #[must_use]
    pub fn of_lock(lock: &Lock) -> Self {
        let of_package = |each: &LockedPackage, name: String| {
            let facts = Facts {
                version: each.version.clone(),
                source_version: String::new(),
                sha256: Some(each.sha256),
                installed_size: None,
            };
            ((name, each.architecture.clone()), facts)
        };
        let packages = lock.packages.iter().map(|each| of_package(each, each.name.clone()));
        let builders = lock.builders.iter().map(|each| of_package(each, format!("{BUILDERS}{}", each.name)));
        // Of several images each package is named with its image.
        let of_images = lock.images.iter().flat_map(|image| {
            let builders = image.builders.iter().map(|each| (BUILDERS, each));
            let all = image.packages.iter().map(|each| ("", each)).chain(builders);
            all.map(move |(kind, each)| of_package(each, format!("{}/{kind}{}", image.name, each.name)))
        });
        let packages = packages.chain(builders).chain(of_images).collect();
        Self { form: "lock", packages: Some(packages), ..Self::default() }
    }

    fn summary(&self) -> Summary {
        let sizes = |tree: &Vec<Entry>| tree.iter().filter_map(|entry| entry.size.parse::<u64>().ok()).sum();
        Summary {
            form: self.form,
            tree: self.digest,
            packages: self.packages.as_ref().map(|all| all.keys().filter(|(name, _)| !name.contains(BUILDERS)).count()),
            paths: self.tree.as_ref().map(Vec::len),
            bytes: self.tree.as_ref().map(sizes),
            outputs: self.build.as_ref().map(|build| build.outputs.clone()).unwrap_or_default(),
        }
    }
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// The first side as a whole.
    pub before: Summary,
    /// The second.
    pub after: Summary,
    /// Packages, by name and architecture.
    pub packages: Vec<PackageChange>,
    /// Paths, in the order of the tree.
    pub paths: Vec<PathChange>,
}

/// A side as a whole, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// What it is: `output`, `tar`, `squashfs` …
    pub form: &'static str,
    /// The tree digest.
    pub tree: Option<Sha256>,
    /// How many packages it has.
    pub packages: Option<usize>,
    /// How many paths.
    pub paths: Option<usize>,
    /// The bytes of its files, unpacked.
    pub bytes: Option<u64>,
    /// File of the output → its bytes.
    pub outputs: BTreeMap<String, u64>,
}

/// A package that is not the same on both sides. With one version on both, its .deb has other bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct PackageChange {
    /// Name.
    pub name: String,
    /// Architecture.
    pub architecture: String,
    /// Version on the first side, if it is there.
    pub before: Option<String>,
    /// Version on the second side, if it is there.
    pub after: Option<String>,
    /// Unpacked on the first side, in KiB, as the package says.
    pub size_before: Option<u64>,
    /// Unpacked on the second side.
    pub size_after: Option<u64>,
    /// The versions of its source on both sides.
    #[serde(skip)]
    pub sources: (String, String),
    /// The entries of its changelog from the one version to the other, newest first, where the image has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changelog: Vec<String>,
}

/// A path that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathChange {
    /// Escaped, as in the tree's text.
    pub path: String,
    /// In which ways.
    pub changes: Vec<Change>,
    /// What made it so.
    pub cause: Cause,
}

/// One way in which a path differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// It is on the second side only.
    Added,
    /// It is on the first side only.
    Removed,
    /// One of its attributes.
    Changed {
        /// `type`, `mode`, `owner`, `size`, `time`, `content`, `target`, `device`, `link` or `attributes`.
        what: &'static str,
        /// On the first side.
        before: String,
        /// On the second side.
        after: String,
    },
}

/// The part of the build that made a difference. Sorted: what needs no look first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Another version of the package that ships it, or other bytes of the same.
    Package {
        /// Its name.
        name: String,
        /// Version on the first side, if it is there.
        before: Option<String>,
        /// Version on the second side, if it is there.
        after: Option<String>,
    },
    /// A stage had other packages to work on.
    Packages {
        /// Which stage: `unpack`, `configure`.
        stage: String,
    },
    /// The overlay and the nodes of the recipe.
    Overlay,
    /// The newest time that the images may have differs, and nothing else of the path.
    Epoch,
    /// The packages are the same, and another version of imgbuild has built them.
    Builder {
        /// On the first side.
        before: String,
        /// On the second side.
        after: String,
    },
    /// The packages are the same, and the recipes differ.
    Recipe,
    /// The packages are the same; whether recipe or program are, no provenance says.
    Unexplained {
        /// The stage, or the package that ships it.
        part: String,
    },
    /// Packages, recipe and program are the same: the build is not reproducible.
    NotReproducible {
        /// The stage, or the package that ships it.
        part: String,
    },
    /// One side has no manifest, or its manifest does not name the path.
    Unknown,
}

/// Compares two sides, as far as both are known.
///
/// # Errors
/// They have nothing in common that could be compared.
pub fn compare(before: &Side, after: &Side) -> Result<Comparison, Error> {
    let packages = match (&before.packages, &after.packages) {
        (Some(before), Some(after)) => Some(changed_packages(before, after)),
        _ => None,
    };
    let paths = match (&before.tree, &after.tree) {
        (Some(before), Some(after)) => Some(changed_paths(before, after)),
        _ => None,
    };
    if packages.is_none() && paths.is_none() {
        return Err(Error::Nothing);
    }
    let packages = packages.unwrap_or_default();
    let with_cause = |(path, changes): (String, Vec<Change>)| {
        let cause = cause(before, after, &packages, &path, &changes);
        PathChange { path, changes, cause }
    };
    let paths = paths.unwrap_or_default().into_iter().map(with_cause).collect();
    Ok(Comparison { before: before.summary(), after: after.summary(), packages, paths })
}

fn changed_packages(before: &BTreeMap<PackageKey, Facts>, after: &BTreeMap<PackageKey, Facts>) -> Vec<PackageChange> {
    let keys: BTreeSet<&PackageKey> = before.keys().chain(after.keys()).collect();
    let is_other = |key: &&PackageKey| match (before.get(*key), after.get(*key)) {
        (Some(before), Some(after)) => {
            let others = before.sha256.zip(after.sha256).is_some_and(|(before, after)| before != after);
            before.version != after.version || others
        }
        _ => true,
    };
    let change = |key: &PackageKey| {
        let (before, after) = (before.get(key), after.get(key));
        let version = |facts: Option<&Facts>| facts.map(|facts| facts.version.clone());
        let source = |facts: Option<&Facts>| facts.map(|facts| facts.source_version.clone()).unwrap_or_default();
        PackageChange {
            name: key.0.clone(),
            architecture: key.1.clone(),
            before: version(before),
            after: version(after),
            size_before: before.and_then(|facts| facts.installed_size),
            size_after: after.and_then(|facts| facts.installed_size),
            sources: (source(before), source(after)),
            changelog: Vec::new(),
        }
    };
    keys.into_iter().filter(is_other).map(change).collect()
}

fn changed_paths(before: &[Entry], after: &[Entry]) -> Vec<(String, Vec<Change>)> {
    let before: BTreeMap<&str, &Entry> = before.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let after: BTreeMap<&str, &Entry> = after.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let paths: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let changes = |path: &str| match (before.get(path), after.get(path)) {
        (Some(before), Some(after)) => differences(before, after),
        (Some(_), None) => vec![Change::Removed],
        (None, _) => vec![Change::Added],
    };
    paths.into_iter().map(|path| (path.to_owned(), changes(path))).filter(|(_, changes)| !changes.is_empty()).collect()
}

fn differences(before: &Entry, after: &Entry) -> Vec<Change> {
    if before.kind != after.kind {
        let (before, after) = (kind(before.kind).to_owned(), kind(after.kind).to_owned());
        return vec![Change::Changed { what: "type", before, after }];
    }
    let what = match before.kind {
        'f' => "content",
        'l' => "target",
        'h' => "link",
        _ => "device",
    };
    let fields = [
        ("mode", before.mode.clone(), after.mode.clone()),
        ("owner", before.owner.clone(), after.owner.clone()),
        ("size", before.size.clone(), after.size.clone()),
        ("time", before.mtime.clone(), after.mtime.clone()),
        (what, before.what.clone(), after.what.clone()),
        ("attributes", before.xattrs.join(" "), after.xattrs.join(" ")),
    ];
    let differs = |(what, before, after)| (before != after).then_some(Change::Changed { what, before, after });
    fields.into_iter().filter_map(differs).collect()
}

const fn kind(letter: char) -> &'static str {
    match letter {
        'd' => "directory",
        'f' => "file",
        'l' => "symbolic link",
        'h' => "hard link",
        'c' => "character device",
        'b' => "block device",
        'p' => "named pipe",
        _ => "unknown",
    }
}

/// A stage that has touched the path on either side made the difference; else the package that ships it.
fn cause(before: &Side, after: &Side, packages: &[PackageChange], path: &str, changes: &[Change]) -> Cause {
    let (Some(one), Some(other)) = (&before.build, &after.build) else { return Cause::Unknown };
    let origins: Vec<&Origin> = [after, before].iter().filter_map(|side| side.origins.get(path)).collect();
    let stage = origins.iter().find_map(|origin| match origin {
        Origin::Stage(stage) => Some(stage.clone()),
        Origin::Package(_) => None,
    });
    let name = origins.iter().find_map(|origin| match origin {
        Origin::Package(name) => Some(name.clone()),
        Origin::Stage(_) => None,
    });
    if stage.as_deref() == Some("overlay") {
        return Cause::Overlay;
    }
    if let Some(change) = name.as_ref().and_then(|name| packages.iter().find(|change| change.name == *name))
        && stage.is_none()
    {
        let PackageChange { name, before, after, .. } = change.clone();
        return Cause::Package { name, before, after };
    }
    let only_time = !changes.is_empty() && changes.iter().all(Change::is_time);
    if only_time && one.epoch != other.epoch {
        return Cause::Epoch;
    }
    match (stage, name) {
        (Some(stage), _) if !packages.is_empty() => Cause::Packages { stage },
        (Some(part), _) | (None, Some(part)) => match (one, other) {
            (Build { builder: Some(before), .. }, Build { builder: Some(after), .. }) if before != after => {
                Cause::Builder { before: before.clone(), after: after.clone() }
            }
            (Build { recipe: Some(before), .. }, Build { recipe: Some(after), .. }) if before != after => Cause::Recipe,
            (Build { recipe: Some(_), .. }, Build { recipe: Some(_), .. }) if packages.is_empty() => {
                Cause::NotReproducible { part }
            }
            _ => Cause::Unexplained { part },
        },
        (None, None) => Cause::Unknown,
    }
}

impl Change {
    /// Whether it is of the time alone.
    const fn is_time(&self) -> bool {
        matches!(self, Self::Changed { what, .. } if matches!(what.as_bytes(), b"time"))
    }
}

impl PathChange {
    /// Whether it differs by its time alone.
    #[must_use]
    pub fn is_time(&self) -> bool {
        !self.changes.is_empty() && self.changes.iter().all(Change::is_time)
    }
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.packages.is_empty() && self.paths.is_empty()
    }
}

#[cfg(test)]
mod tests;
