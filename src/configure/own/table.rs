//! What is each machine's own, in one table: this stage takes it out, [`overlay`](crate::overlay) keeps it out,
//! [`lint`](crate::lint) looks for it, and doc/configure.md shows it.

use crate::configure::packages;
use crate::configure::packages::own::Kindred;
use crate::configure::packages::own::Left;
use crate::configure::packages::own::Own;
use crate::format::glob::Paths;
use crate::tree::Tree;
use crate::tree::TreePath;

pub use crate::configure::packages::own::Leaving;

/// A path that no two machines may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The source package that it is known of.
    pub source: &'static str,
    /// Where it lies; `*` may stand for a part of the last name.
    pub path: &'static str,
    /// What an image has there.
    pub leaving: Leaving,
    /// Why it is in no image.
    pub why: &'static str,
    /// Who makes it on a node.
    pub by: &'static str,
    /// Whether a recipe may bring it: `/usr/lib/imgbuild/own` leaves what is there.
    pub yields: bool,
}

impl Kindred {
    const fn why(self) -> &'static str {
        match self {
            Self::Names => "one name per machine",
            Self::Secrets => "a secret that scripts draw, or what goes with it",
        }
    }

    const fn by(self) -> &'static str {
        match self {
            Self::Names => "`imgbuild-names.service`, of the machine's id: the same at each boot",
            Self::Secrets => "`imgbuild-secrets.service`",
        }
    }
}

/// All rows, by source package.
pub fn rows() -> impl Iterator<Item = Row> {
    packages::ALL.iter().flat_map(|package| package.own.iter().flat_map(|own| of(package.source, own)))
}

fn of(source: &'static str, own: &'static Own) -> impl Iterator<Item = Row> {
    let made = move |path, leaving| Row { source, path, leaving, why: own.kind.why(), by: own.kind.by(), yields: true };
    let texts = own.texts.iter().map(move |text| made(text.path, Leaving::Blanked));
    let files = own.files.iter().map(move |file| made(file.path, Leaving::Gone));
    let left = own.left.iter().map(move |left| {
        let Left { path, leaving, why, by } = *left;
        Row { source, path, leaving, why, by, yields: false }
    });
    texts.chain(files).chain(left)
}

impl Row {
    /// Where it lies in a tree, links to its directory followed.
    #[must_use]
    pub fn places(&self, tree: &Tree) -> Vec<TreePath> {
        let Some((directory, name)) = self.path.rsplit_once('/') else { return Vec::new() };
        let Ok(directory) = tree.resolve(directory, true) else { return Vec::new() };
        let names = Paths::new(name);
        tree.children(&directory).filter(|(path, _)| names.fit(&[path.name()])).map(|(path, _)| path.clone()).collect()
    }
}
