//! Where each path of a tree comes from: the package that ships it, or the stage that last changed it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;

/// A part of the build that puts paths into a tree. Written `package:NAME` or by the stage's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// A package ships the path, and nothing has changed it since.
    Package(String),
    /// The stage that made or last changed it: `unpack` (dpkg's database), `configure`, `modules`
    /// (built outside), `overlay`.
    Stage(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "package:{name}"),
            Self::Stage(stage) => f.write_str(stage),
        }
    }
}

impl FromStr for Origin {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text
            .strip_prefix("package:")
            .map_or_else(|| Self::Stage(text.to_owned()), |name| Self::Package(name.to_owned())))
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or_else(|never| match never {}))
    }
}

/// The origins of a tree while it is built.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    paths: BTreeMap<TreePath, Origin>,
}

impl Origins {
    /// The origins of a tree just unpacked: what packages ship is theirs, by the last that ships it; the rest is
    /// dpkg's own.
    #[must_use]
    pub fn unpacked(tree: &Tree, packages: &[Installed]) -> Self {
        let mut shipped: BTreeMap<TreePath, &str> = BTreeMap::new();
        for package in packages {
            for file in &package.files {
                // A package may ship `/bin/sh` into a tree where `/bin` is a link. What is not there was excluded.
                let Ok(path) = tree.resolve(file, false) else { continue };
                match tree.get(&path) {
                    // dpkg leaves a directory as the first package made it; a file is the last one's.
                    Some(inode) if inode.is_directory() => drop(shipped.entry(path).or_insert(&package.name)),
                    Some(_) => drop(shipped.insert(path, &package.name)),
                    None => {}
                }
            }
        }
        let origin = |path| match shipped.get(path) {
            Some(&name) => Origin::Package(name.to_owned()),
            None => Origin::Stage("unpack".to_owned()),
        };
        Self { paths: tree.iter().map(|(path, ..)| (path.clone(), origin(path))).collect() }
    }

    /// Notes that a stage has made `after` of `before`. Times do not count: the last steps set them everywhere.
    pub fn changed(&mut self, stage: &str, before: &Tree, after: &Tree) {
        self.paths.retain(|path, _| after.get(path).is_some());
        for (path, _, inode) in after.iter() {
            if !before.get(path).is_some_and(|former| is_same(former, inode)) {
                self.paths.insert(path.clone(), Origin::Stage(stage.to_owned()));
            }
        }
    }

    /// The origin of each path, in bytewise order of paths.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Origin> {
        self.paths.values()
    }

    /// The origins of the paths of a tree, in bytewise order; `None`: there are more or fewer.
    pub(crate) fn of_tree(tree: &Tree, origins: Vec<Origin>) -> Option<Self> {
        (origins.len() == tree.len())
            .then(|| Self { paths: tree.iter().map(|(path, ..)| path.clone()).zip(origins).collect() })
    }

    /// The package that ships a path as it is.
    #[must_use]
    pub fn package(&self, path: &TreePath) -> Option<&str> {
        match self.paths.get(path) {
            Some(Origin::Package(name)) => Some(name),
            _ => None,
        }
    }

    /// As the manifest holds them: paths escaped as in the tree's text.
    #[must_use]
    pub fn files(&self) -> BTreeMap<Origin, BTreeSet<String>> {
        let mut files: BTreeMap<Origin, BTreeSet<String>> = BTreeMap::new();
        for (path, origin) in &self.paths {
            files.entry(origin.clone()).or_default().insert(path.to_string());
        }
        files
    }
}

fn is_same(a: &Inode, b: &Inode) -> bool {
    let (x, y) = (&a.stat, &b.stat);
    a.kind == b.kind && (x.mode, x.uid, x.gid, &x.xattrs) == (y.mode, y.uid, y.gid, &y.xattrs)
}
