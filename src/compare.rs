//! Two images → what differs, and what in the build made it differ.
//!
//! Reads what a build leaves (`tree.txt`, `manifest.json`, the lock) and needs no image: the tree's text names
//! every path, the manifest says which part of the build a path is from, and the packages of both sides say
//! whether that part had the same input.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::manifest::Manifest;
use crate::manifest::Origin;
use crate::recipe::Lock;
use crate::tree::Entry;
use crate::tree::ParseError;
use crate::tree::parse_dump;

/// How many paths of one cause the words name; the data names all.
const PATHS_TOLD: usize = 40;

/// One of the two.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The lines of `tree.txt`.
    pub tree: Option<Vec<Entry>>,
    /// Package, with its architecture → version.
    pub packages: Option<BTreeMap<PackageKey, String>>,
    /// Path → the part of the build it is from.
    pub origins: BTreeMap<String, Origin>,
}

/// Name and architecture.
pub type PackageKey = (String, String);

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
        Ok(side)
    }

    /// A side known by its manifest.
    #[must_use]
    pub fn of_manifest(manifest: &Manifest) -> Self {
        let key = |name: &str, architecture: &str| (name.to_owned(), architecture.to_owned());
        let packages = manifest.packages.iter();
        let of_origin = |(origin, paths): (&Origin, &BTreeSet<String>)| {
            let origin = origin.clone();
            paths.iter().map(move |path| (path.clone(), origin.clone())).collect::<Vec<_>>()
        };
        Self {
            tree: None,
            packages: Some(packages.map(|each| (key(&each.name, &each.architecture), each.version.clone())).collect()),
            origins: manifest.files.iter().flat_map(of_origin).collect(),
        }
    }

    /// A side known by its lock: its packages.
    #[must_use]
    pub fn of_lock(lock: &Lock) -> Self {
        let key = |each: &crate::recipe::LockedPackage| (each.name.clone(), each.architecture.clone());
        let packages = lock.packages.iter().map(|each| (key(each), each.version.clone()));
        // Of several images each package is named with its image.
        let of_images = lock.images.iter().flat_map(|image| {
            image.packages.iter().map(move |each| {
                let (name, architecture) = key(each);
                ((format!("{}/{name}", image.name), architecture), each.version.clone())
            })
        });
        let packages = packages.chain(of_images).collect();
        Self { packages: Some(packages), ..Self::default() }
    }
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// Packages, by name and architecture.
    pub packages: Vec<PackageChange>,
    /// Paths, in the order of the tree.
    pub paths: Vec<PathChange>,
}

/// A package that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageChange {
    /// Name.
    pub name: String,
    /// Architecture.
    pub architecture: String,
    /// Version on the first side, if it is there.
    pub before: Option<String>,
    /// Version on the second side, if it is there.
    pub after: Option<String>,
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
pub enum Cause {
    /// Another version of the package that ships it.
    Package(PackageChange),
    /// A stage had other packages to work on.
    Packages {
        /// Which stage: `unpack`, `configure`, `overlay`.
        stage: String,
    },
    /// A stage did something else with the same packages: the recipe differs, or the build is not reproducible.
    Stage {
        /// Which stage.
        stage: String,
    },
    /// The same version of the package that ships it, and yet another result: the build is not reproducible.
    SamePackage {
        /// Its name.
        name: String,
    },
    /// Neither side says where the path is from.
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
        let cause = cause(before, after, &packages, &path);
        PathChange { path, changes, cause }
    };
    let paths = paths.unwrap_or_default().into_iter().map(with_cause).collect();
    Ok(Comparison { packages, paths })
}

fn changed_packages(before: &BTreeMap<PackageKey, String>, after: &BTreeMap<PackageKey, String>) -> Vec<PackageChange> {
    let keys: BTreeSet<&PackageKey> = before.keys().chain(after.keys()).collect();
    let change = |key: &PackageKey| PackageChange {
        name: key.0.clone(),
        architecture: key.1.clone(),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
    };
    keys.into_iter().map(change).filter(|change| change.before != change.after).collect()
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
fn cause(before: &Side, after: &Side, packages: &[PackageChange], path: &str) -> Cause {
    let origins: Vec<&Origin> = [after, before].iter().filter_map(|side| side.origins.get(path)).collect();
    let stage = origins.iter().find_map(|origin| match origin {
        Origin::Stage(stage) => Some(stage.clone()),
        Origin::Package(_) => None,
    });
    let names = || {
        origins.iter().filter_map(|origin| match origin {
            Origin::Package(name) => Some(name),
            Origin::Stage(_) => None,
        })
    };
    let changed = || names().find_map(|name| packages.iter().find(|change| change.name == *name));
    match stage {
        // The overlay's own rules decide, whatever lies below.
        Some(stage) if stage == "overlay" || packages.is_empty() => Cause::Stage { stage },
        Some(stage) => Cause::Packages { stage },
        None => match (changed(), names().next()) {
            (Some(change), _) => Cause::Package(change.clone()),
            (None, Some(name)) => Cause::SamePackage { name: name.clone() },
            (None, None) => Cause::Unknown,
        },
    }
}

impl Comparison {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.packages.is_empty() && self.paths.is_empty()
    }
}

impl fmt::Display for Comparison {
    /// The packages, then the paths by cause, in lines; nothing when nothing differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.packages {
            writeln!(f, "{change}")?;
        }
        let mut by_cause: BTreeMap<&Cause, Vec<&PathChange>> = BTreeMap::new();
        for change in &self.paths {
            by_cause.entry(&change.cause).or_default().push(change);
        }
        for (cause, changes) in by_cause {
            let paths = if changes.len() == 1 { "path" } else { "paths" };
            writeln!(f, "\n{} {paths}: {cause}", changes.len())?;
            changes.iter().take(PATHS_TOLD).try_for_each(|change| writeln!(f, "  {change}"))?;
            if changes.len() > PATHS_TOLD {
                writeln!(f, "  … and {} more", changes.len() - PATHS_TOLD)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, architecture, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "~ {name}:{architecture} {before} → {after}"),
            (Some(before), None) => write!(f, "- {name}:{architecture} {before}"),
            (None, Some(after)) => write!(f, "+ {name}:{architecture} {after}"),
            (None, None) => write!(f, "  {name}:{architecture}"),
        }
    }
}

impl fmt::Display for PathChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.changes.as_slice() {
            [Change::Added] => write!(f, "+ {}", self.path),
            [Change::Removed] => write!(f, "- {}", self.path),
            changes => {
                write!(f, "~ {}", self.path)?;
                changes.iter().try_for_each(|change| write!(f, "  {change}"))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            // Digests tell people nothing; the data has them.
            Self::Changed { what: "content", .. } => f.write_str("content"),
            Self::Changed { what, before, after } => write!(f, "{what} {before} → {after}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(change) => write!(f, "the package {change}"),
            Self::Packages { stage } => write!(f, "{stage}, which had other packages to work on"),
            Self::Stage { stage } if stage == "overlay" => f.write_str("the recipe's overlay and nodes"),
            Self::Stage { stage } => write!(f, "{stage}, with the same packages: the recipe, or not reproducible"),
            Self::SamePackage { name } => write!(f, "the same version of package {name}: not reproducible"),
            Self::Unknown => f.write_str("no manifest says where they are from"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(packages: &[(&str, &str)], lines: &str, origins: &[(&str, &str)]) -> Side {
        let key = |name: &str| (name.to_owned(), "amd64".to_owned());
        Side {
            tree: Some(parse_dump(lines).expect("the text of a tree")),
            packages: Some(packages.iter().map(|&(name, version)| (key(name), version.to_owned())).collect()),
            origins: origins
                .iter()
                .map(|&(path, origin)| (path.to_owned(), origin.parse().unwrap_or(Origin::Stage(String::new()))))
                .collect(),
        }
    }

    const FILE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn each_difference_has_its_cause() {
        let origins = [
            ("/usr/bin/a", "package:a"),
            ("/usr/bin/b", "package:b"),
            ("/etc/motd", "overlay"),
            ("/etc/ld.so.cache", "configure"),
            ("/gone", "package:gone"),
        ];
        let line = |path: &str, size: u32| format!("f 0644 0:0 {size} 7 {FILE} {path}\n");
        let text = |size, more: &str| {
            let paths = ["/etc/ld.so.cache", "/etc/motd", "/usr/bin/a", "/usr/bin/b"];
            paths.map(|path| line(path, size)).concat() + more
        };
        let before = side(&[("a", "1"), ("b", "1"), ("gone", "1")], &text(1, &line("/gone", 1)), &origins);
        let after = side(&[("a", "2"), ("b", "1"), ("new", "1")], &text(2, &line("/new", 1)), &origins);
        let found = compare(&before, &after).expect("comparable");
        assert_eq!(
            found.to_string(),
            "~ a:amd64 1 → 2\n- gone:amd64 1\n+ new:amd64 1\n\
             \n1 path: the package ~ a:amd64 1 → 2\n  ~ /usr/bin/a  size 1 → 2\n\
             \n1 path: the package - gone:amd64 1\n  - /gone\n\
             \n1 path: configure, which had other packages to work on\n  ~ /etc/ld.so.cache  size 1 → 2\n\
             \n1 path: the recipe's overlay and nodes\n  ~ /etc/motd  size 1 → 2\n\
             \n1 path: the same version of package b: not reproducible\n  ~ /usr/bin/b  size 1 → 2\n\
             \n1 path: no manifest says where they are from\n  + /new\n"
        );
        let json = serde_json::to_value(&found).expect("plain data");
        assert_eq!(json["paths"][0]["cause"]["kind"], "packages");
        assert_eq!(json["paths"][0]["changes"][0]["what"], "size");
    }

    #[test]
    fn the_same_is_the_same() {
        let one = side(&[("a", "1")], &format!("f 0644 0:0 1 7 {FILE} /a\n"), &[]);
        let found = compare(&one, &one).expect("comparable");
        assert!(found.is_same());
        assert_eq!(found.to_string(), "");
        assert!(matches!(compare(&one, &Side::default()), Err(Error::Nothing)));
    }

    #[test]
    fn kinds_and_attributes() {
        let one = side(&[], "l 0777 0:0 - 7 bin /a\nc 0600 0:5 - 7 1,3 /b\nf 0755 0:0 0 7 x user.a=00 /c\n", &[]);
        let two = side(&[], "d 0755 0:0 - 7 - /a\nc 0600 0:5 - 7 1,5 /b\nf 4755 0:0 0 7 y user.a=01 /c\n", &[]);
        let shown: Vec<String> =
            compare(&one, &two).expect("comparable").paths.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "~ /a  type symbolic link → directory",
                "~ /b  device 1,3 → 1,5",
                "~ /c  mode 0755 → 4755  content  attributes user.a=00 → user.a=01",
            ]
        );
    }
}
