//! Two images → what differs, and what in the build made it differ.
//!
//! Needs no image: a tree's text names every path, a manifest says which part of the build a path is from, and the
//! packages of both sides say whether that part had the same input. What cannot be known from these is not guessed:
//! then the cause is [`Cause::Unknown`].
//!
//! [`words`] is the text for terminals, [`sheet`] what people read as Markdown or HTML, [`changelog`] the entries between
//! two versions.

pub mod changelog;
mod files;
mod sheet;
mod side;
mod words;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub use files::FileChange;
pub use files::changed as changed_files;
use serde::Serialize;
pub use side::Build;
pub use side::Facts;
use side::LOADERS;
use side::LOCK;
pub use side::PackageKey;
pub use side::Side;

use crate::digest::Sha256;
use crate::manifest::Origin;
use crate::manifest::OutputRecord;
use crate::tree::Entry;
use crate::tree::ParseError;

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
    /// One has several images, and of the other nobody knows which of them it is.
    #[error("cannot compare: one side has several images; give one of them, `DIR/NAME`, with a name of {0}")]
    Several(String),
}

/// So much of a digest tells it from others.
fn short(digest: &Sha256) -> String {
    digest.to_string()[..16].to_owned()
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// The first side as a whole.
    pub before: Summary,
    /// The second.
    pub after: Summary,
    /// What both sides have, so that it was compared: `values`, `packages`, `paths`, `files`.
    pub compared: Vec<&'static str>,
    /// What decides an image beside its packages, by name.
    pub values: Vec<ValueChange>,
    /// Packages, by name and architecture.
    pub packages: Vec<PackageChange>,
    /// Paths, in the order of the tree.
    pub paths: Vec<PathChange>,
    /// Files of the output beside its root, without those that follow from what is told already.
    pub files: Vec<FileChange>,
    /// Of several images each, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageChange>,
}

/// A value of the whole that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// `architecture`, `epoch`, `user sshd` …
    pub name: String,
    /// On the first side, if it is there.
    pub before: Option<String>,
    /// On the second.
    pub after: Option<String>,
}

/// One of several images; one without a name is the only one of its side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ImageChange {
    /// It is on the second side only.
    Added {
        /// Its name.
        name: String,
    },
    /// It is on the first side only.
    Removed {
        /// Its name.
        name: String,
    },
    /// It is on both.
    Compared {
        /// Its name.
        name: String,
        /// What differs, if anything.
        comparison: Box<Comparison>,
    },
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
/// They have nothing in common that could be compared, or only one has several images.
pub fn compare(before: &Side, after: &Side) -> Result<Comparison, Error> {
    let whole = (before.summary(), after.summary());
    let mut found = Comparison { before: whole.0, after: whole.1, ..Comparison::default() };
    found.images = changed_images(before, after)?;
    if before.images.is_empty() != after.images.is_empty() {
        return Ok(found);
    }
    if let Some((before, after)) = before.packages.as_ref().zip(after.packages.as_ref()) {
        found.compared.push("packages");
        found.packages = changed_packages(before, after);
    }
    if let Some((one, other)) = before.tree.as_ref().zip(after.tree.as_ref()) {
        found.compared.push("paths");
        let with_cause = |(path, changes): (String, Vec<Change>)| {
            let cause = cause(before, after, &found.packages, &path, &changes);
            PathChange { path, changes, cause }
        };
        found.paths = changed_paths(one, other).into_iter().map(with_cause).collect();
    }
    // Of several images it is that of a list of theirs.
    let trees = before.digest.zip(after.digest).filter(|_| before.images.is_empty());
    if found.compared.is_empty() && found.images.is_empty() && trees.is_none() {
        return Err(Error::Nothing);
    }
    let has_paths = found.compared.contains(&"paths");
    found.values = changed_values(before, after, has_paths);
    if before.values.keys().any(|name| after.values.contains_key(name)) {
        found.compared.insert(0, "values");
    }
    let is_other_tree = trees.is_some_and(|(before, after)| before != after);
    if is_other_tree && !has_paths {
        let (before, after) = (before.digest.map(|tree| short(&tree)), after.digest.map(|tree| short(&tree)));
        found.values.push(ValueChange { name: "tree".to_owned(), before, after });
    }
    if let Some((one, other)) = before.files.as_ref().zip(after.files.as_ref()) {
        found.compared.push("files");
        let is_other = found.images.iter().any(|image| !image.is_same());
        let told = (is_other || is_other_tree, is_other || !found.packages.is_empty(), !found.values.is_empty());
        // A manifest by itself does not name itself.
        let is_known = |record: &&OutputRecord| before.form == after.form || !files::is_own(record.path());
        let [one, other] = [one, other].map(|files| files.values().filter(is_known));
        found.files = files::beside(files::changed(one, other), told);
    }
    Ok(found)
}

/// Image by image of the same name.
fn changed_images(before: &Side, after: &Side) -> Result<Vec<ImageChange>, Error> {
    let only = [(String::new(), Side::default())].into();
    let images = match (before.images.is_empty(), after.images.is_empty()) {
        (true, true) => return Ok(Vec::new()),
        (false, false) => (&before.images, &after.images),
        (is_one, _) => {
            let (one, several) = if is_one { (before, after) } else { (after, before) };
            // Of an output that has had one image, and of its lock, all images are told; a tree by itself may be any.
            if one.build.is_none() && one.form != LOCK {
                let names: Vec<&str> = several.images.keys().map(String::as_str).collect();
                return Err(Error::Several(names.join(", ")));
            }
            if is_one { (&only, &after.images) } else { (&before.images, &only) }
        }
    };
    let names: BTreeSet<&String> = images.0.keys().chain(images.1.keys()).collect();
    let change = |name: &String| {
        let name = name.clone();
        Ok(match (images.0.get(&name), images.1.get(&name)) {
            (Some(before), Some(after)) => {
                ImageChange::Compared { name, comparison: Box::new(compare(before, after)?) }
            }
            (Some(_), None) => ImageChange::Removed { name },
            (None, _) => ImageChange::Added { name },
        })
    };
    names.into_iter().map(change).collect()
}

/// Values that differ. A lock has all that decides an image, so what only one of two has differs as well.
fn changed_values(before: &Side, after: &Side, has_paths: bool) -> Vec<ValueChange> {
    let are_locks = before.form == LOCK && after.form == LOCK;
    let names: BTreeSet<&String> = before.values.keys().chain(after.values.keys()).collect();
    let change = |name: &String| {
        let (before, after) = (before.values.get(name), after.values.get(name));
        let is_told = before != after && (are_locks || before.is_some() && after.is_some());
        // The times of paths tell it.
        let is_told = is_told && !(has_paths && name == "epoch");
        is_told.then(|| ValueChange { name: name.clone(), before: before.cloned(), after: after.cloned() })
    };
    names.into_iter().filter_map(change).collect()
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
    // What is in no root makes none other.
    let has_others = packages.iter().any(|change| !change.name.starts_with(LOADERS));
    match (stage, name) {
        (Some(stage), _) if has_others => Cause::Packages { stage },
        (Some(part), _) | (None, Some(part)) => match (one, other) {
            (Build { builder: Some(before), .. }, Build { builder: Some(after), .. }) if before != after => {
                Cause::Builder { before: before.clone(), after: after.clone() }
            }
            (Build { recipe: Some(before), .. }, Build { recipe: Some(after), .. }) if before != after => Cause::Recipe,
            (Build { recipe: Some(_), .. }, Build { recipe: Some(_), .. }) if !has_others => {
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

impl ImageChange {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        let (Self::Added { name } | Self::Removed { name } | Self::Compared { name, .. }) = self;
        name
    }

    /// Whether it is on both sides, and nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Compared { comparison, .. } if comparison.is_same())
    }
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let Self { values, packages, paths, files, images, .. } = self;
        let is_same = values.is_empty() && packages.is_empty() && paths.is_empty() && files.is_empty();
        is_same && images.iter().all(ImageChange::is_same)
    }

    /// That less was compared than both are, where one side has no paths and nothing that stands for all of them.
    #[must_use]
    pub fn caveat(&self) -> Option<String> {
        let of_image = |image: &ImageChange| match image {
            ImageChange::Compared { comparison, .. } => comparison.caveat(),
            _ => None,
        };
        let of_images = self.images.iter().find_map(of_image);
        let (before, after) = (&self.before, &self.after);
        let has_both = before.tree.is_some() && after.tree.is_some();
        // Two locks are compared whole.
        if has_both || before.form == after.form || !self.compared.contains(&"packages") {
            return of_images;
        }
        let more = if self.compared.contains(&"values") { ", architecture, epoch and the recipe's name" } else { "" };
        let without = if before.tree.is_none() { before.form } else { after.form };
        Some(format!("Only packages{more} were compared; a {without} has no paths."))
    }
}

#[cfg(test)]
mod tests;
