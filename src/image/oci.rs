//! A tree as the layers of a container image.
//!
//! A source package with much in the root has a layer of its own; all others go into a few layers by the digest of their
//! names. So a package that is updated moves one layer, whichever others there are. What no package ships as it is (what
//! was configured, dpkg's database, the overlay) is the last layer, and so are all directories with their times: those of
//! the layers below have none, or a directory that many packages share would move them all. Each file is in one layer, and
//! no layer takes away what one below has: there are no whiteouts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Write;

use super::Error;
use crate::digest::Sha256;
use crate::tree;
use crate::tree::InodeId;
use crate::tree::Tree;
use crate::tree::TreePath;

/// From so many bytes on a source package has a layer of its own …
const OWN_MIN: u64 = 4 << 20;
/// … the largest so many of them: what images are unpacked onto takes 127 layers.
const OWN_MAX: usize = 48;
/// The layers of all others.
const SHARED: usize = 16;

/// A part of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer<'a> {
    /// The source packages whose files are in it, by name; none: it is the last one.
    pub sources: BTreeSet<&'a str>,
    /// What of the tree is in it, but for the directories above.
    paths: BTreeSet<&'a TreePath>,
}

/// The layers of a tree, lowest first. `source`: the source package that ships a path as it is.
#[must_use]
pub fn layers<'a>(tree: &'a Tree, source: &dyn Fn(&TreePath) -> Option<&'a str>) -> Vec<Layer<'a>> {
    // All names of a file are in one layer.
    let mut sources: BTreeMap<InodeId, Option<&str>> = BTreeMap::new();
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for (path, id, inode) in tree.iter().filter(|(.., inode)| !inode.is_directory()) {
        let found = source(path);
        match sources.entry(id) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(found);
                if let Some(name) = found {
                    *sizes.entry(name).or_default() += inode.content().map_or(0, tree::Content::size);
                }
            }
            std::collections::btree_map::Entry::Occupied(mut entry) if *entry.get() != found => {
                entry.insert(None);
            }
            std::collections::btree_map::Entry::Occupied(_) => {}
        }
    }
    let mut large: Vec<(&str, u64)> = sizes.into_iter().filter(|(_, size)| *size >= OWN_MIN).collect();
    large.sort_by(|(one, small), (other, big)| (big, one).cmp(&(small, other)));
    large.truncate(OWN_MAX);
    let large: BTreeSet<&str> = large.into_iter().map(|(name, _)| name).collect();
    let mut layers: BTreeMap<Place<'_>, Layer<'_>> = BTreeMap::new();
    for (path, id, inode) in tree.iter() {
        let source = sources.get(&id).copied().flatten().filter(|_| !inode.is_directory());
        let place = match source {
            Some(name) if large.contains(name) => Place::Own(name),
            Some(name) => Place::Shared(bucket(name)),
            None => Place::Last,
        };
        let empty = || Layer { sources: BTreeSet::new(), paths: BTreeSet::new() };
        let layer = layers.entry(place).or_insert_with(empty);
        layer.sources.extend(source);
        layer.paths.insert(path);
    }
    layers.into_values().collect()
}

/// Where a path goes, in the order of the layers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Own(&'a str),
    Shared(usize),
    Last,
}

fn bucket(source: &str) -> usize {
    let digest = Sha256::of(source.as_bytes()).to_string();
    usize::from_str_radix(&digest[..2], 16).expect("digits") % SHARED
}

/// Writes a layer as tar.
///
/// # Errors
/// As [`write_tar`](super::write_tar).
pub fn write_layer(tree: &Tree, layer: &Layer<'_>, output: impl Write) -> Result<(), Error> {
    if layer.sources.is_empty() {
        let own = |path: &TreePath, stat: &tree::Stat| layer.paths.contains(path).then_some(stat.mtime);
        return tree::tar::write_some(tree, output, &own).map(drop).map_err(Error::Tar);
    }
    let mut above: BTreeSet<TreePath> = BTreeSet::new();
    for path in &layer.paths {
        let mut parent = path.parent();
        while let Some(path) = parent.filter(|path| !above.contains(path)) {
            parent = path.parent();
            above.insert(path);
        }
    }
    let time = |path: &TreePath, stat: &tree::Stat| {
        if layer.paths.contains(path) { Some(stat.mtime) } else { above.contains(path).then_some(0) }
    };
    tree::tar::write_some(tree, output, &time).map(drop).map_err(Error::Tar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;

    /// A tree of packages with so many bytes each, and what is no package's.
    fn tree(packages: &[(&str, usize)]) -> Tree {
        let mut tree = Tree::new();
        for (name, size) in packages {
            let text: Vec<u8> = name.bytes().cycle().take(*size).collect();
            tree.write(format!("usr/share/{name}/file"), 0o644, text).expect("new");
            tree.symlink(format!("usr/bin/{name}"), format!("../share/{name}/file")).expect("new");
        }
        tree.write("etc/passwd", 0o644, "root").expect("new");
        tree.make_directories("srv/empty", 0o700).expect("new");
        for path in tree.iter().map(|(path, ..)| path.clone()).collect::<Vec<_>>() {
            tree.get_mut(&path).expect("there").stat.mtime = 1_000_000;
        }
        tree
    }

    /// The source of a path: what stands after `bin` or `share`.
    fn source(path: &TreePath) -> Option<&'static str> {
        const NAMES: [&str; 5] = ["large", "bash", "coreutils", "dash", "grep"];
        let text = path.to_string();
        let name = text.strip_prefix("/usr/share/").or_else(|| text.strip_prefix("/usr/bin/"))?;
        NAMES.into_iter().find(|source| name.split('/').next() == Some(source))
    }

    fn written(tree: &Tree) -> Vec<Vec<u8>> {
        let write = |layer: &Layer<'_>| {
            let mut bytes = Vec::new();
            write_layer(tree, layer, &mut bytes).expect("memory takes it");
            bytes
        };
        layers(tree, &|path| source(path)).iter().map(write).collect()
    }

    fn back(layers: &[Vec<u8>]) -> Tree {
        let mut tree = Tree::new();
        for layer in layers {
            let mut keep = |bytes: &mut dyn std::io::Read, _: u64| {
                let mut kept = Vec::new();
                bytes.read_to_end(&mut kept)?;
                Ok(Content::from_bytes(kept))
            };
            tree::tar::read_layer(&mut tree, layer.as_slice(), &mut keep).expect("a layer");
        }
        tree
    }

    const PACKAGES: [(&str, usize); 4] = [("bash", 300), ("coreutils", 200), ("dash", 100), ("large", 5 << 20)];

    #[test]
    fn the_layers_make_the_tree() {
        let mut tree = tree(&PACKAGES);
        let (one, other) = (TreePath::literal("usr/share/bash/file"), TreePath::literal("usr/share/bash/again"));
        tree.link(&one, other).expect("a file");
        // Names of two packages, and one of none.
        tree.link(&TreePath::literal("usr/share/dash/file"), TreePath::literal("srv/dash")).expect("a file");
        let layers = written(&tree);
        assert_eq!(tree::dump(&back(&layers)), tree::dump(&tree));
        assert_eq!(written(&tree), layers, "the same bytes");
    }

    #[test]
    fn an_update_moves_its_own_layer_and_the_last() {
        let before = written(&tree(&PACKAGES));
        let different = |after: &Tree| {
            let after = written(after);
            assert_eq!(after.len(), before.len());
            before.iter().zip(&after).filter(|(one, other)| one != other).count()
        };
        let mut changed = tree(&PACKAGES);
        changed.write("usr/share/large/file", 0o644, vec![1; 5 << 20]).expect("there");
        // Directories have other times then.
        changed.get_mut(&TreePath::literal("usr/share")).expect("there").stat.mtime = 2_000_000;
        assert_eq!(different(&changed), 2);
        let mut added = PACKAGES.to_vec();
        added.push(("grep", 10));
        let after = written(&tree(&added));
        let kept = before.iter().filter(|layer| after.contains(layer)).count();
        assert!(kept >= before.len() - 2, "{kept} of {}", before.len());
    }

    #[test]
    fn there_are_never_too_many() {
        let names: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
        let mut tree = Tree::new();
        for name in &names {
            tree.write(format!("{name}/x"), 0o644, vec![0; 4 << 20]).expect("new");
        }
        let source = |path: &TreePath| {
            let text = path.to_string();
            names.iter().find(|name| text.split('/').nth(1) == Some(name.as_str())).map(String::as_str)
        };
        let layers = layers(&tree, &source);
        assert_eq!(layers.len(), OWN_MAX + SHARED + 1);
        let sources: usize = layers.iter().map(|layer| layer.sources.len()).sum();
        assert_eq!(sources, 300, "each is in one layer");
    }
}
