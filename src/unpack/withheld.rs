//! Files of packages that are not there yet: a preinst runs before its package is unpacked (Policy 6.6, step 5).
//!
//! Packages are merged into the tree all at once, because who has which path is decided there. What belongs to a package
//! whose preinst is still to run is taken out again, and laid by dpkg's rules when it has run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Error;
use super::Installed;
use super::overrides::Overrides;
use crate::tree;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// What was taken out and not laid yet, by the packages' names in `info/`. A clone shares it.
#[derive(Debug, Default, Clone)]
pub struct Withheld(BTreeMap<String, Arc<[Member]>>);

#[derive(Debug)]
struct Member {
    path: TreePath,
    inode: Arc<Inode>,
    /// The member before it that is the same file.
    twin: Option<usize>,
    is_conffile: bool,
}

/// Whose a path is: of those that have it in their list, who comes first.
struct Owner {
    position: usize,
    /// All that have it are to wait.
    waits: bool,
    is_conffile: bool,
}

impl Withheld {
    /// Takes out of a tree what only the packages named in `waiting` bring. `packages` are all that it has, in the order
    /// they were unpacked.
    ///
    /// # Errors
    /// The diversions in the tree are malformed.
    pub fn take(tree: &mut Tree, packages: &[Installed], waiting: &BTreeSet<String>) -> Result<Self, Error> {
        if waiting.is_empty() {
            return Ok(Self::default());
        }
        let owners = owners(tree, packages, waiting)?;
        let mut withheld: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        let mut twins: BTreeMap<(usize, InodeId), usize> = BTreeMap::new();
        let mut taken = Vec::new();
        for (path, owner) in owners.iter().filter(|(_, owner)| owner.waits) {
            let id = tree.id(path).expect("its owner was found by it");
            let members = withheld.entry(packages[owner.position].info_name()).or_default();
            let twin = twins.get(&(owner.position, id)).copied();
            twins.entry((owner.position, id)).or_insert(members.len());
            let (path, inode) = (path.clone(), tree.shared(id));
            taken.push(path.clone());
            members.push(Member { path, inode, twin, is_conffile: owner.is_conffile });
        }
        // From the leaves on. A directory in which something else lies stays, and is found there later.
        for path in taken.iter().rev() {
            match tree.remove(path) {
                Ok(()) | Err(tree::Error::NotEmpty(_)) => {}
                Err(other) => return Err(Error::Tree(other)),
            }
        }
        Ok(Self(withheld.into_iter().map(|(package, members)| (package, members.into())).collect()))
    }

    /// Lays a package's files: a directory that is there stays, as it is or behind a link; a configuration file that is
    /// there is the administrator's, or the preinst's; anything else is replaced, and has the owner and mode that
    /// `dpkg-statoverride` gave it.
    ///
    /// # Errors
    /// A directory lies where a file is to be, or the database is malformed.
    pub fn lay(&mut self, tree: &mut Tree, package: &str) -> Result<(), Error> {
        let Some(members) = self.0.remove(package) else { return Ok(()) };
        let overrides = Overrides::read(tree)?;
        let mut places: Vec<Option<TreePath>> = Vec::new();
        for member in members.iter() {
            let name = member.path.as_bytes();
            if let Some(parent) = member.path.parent() {
                tree.make_directories(parent.as_bytes(), 0o755).map_err(Error::Tree)?;
            }
            let place = tree.resolve(name, false).map_err(Error::Tree)?;
            let there = tree.get(&place).map(Inode::is_directory);
            let leads_to_directory = || tree.lookup(name).is_some_and(|(_, inode)| inode.is_directory());
            let stays = match &member.inode.kind {
                Kind::Directory => leads_to_directory(),
                Kind::Symlink(_) if there == Some(true) => true,
                _ => member.is_conffile && there.is_some(),
            };
            if !stays {
                match member.twin.and_then(|twin| places[twin].clone()) {
                    Some(twin) => tree.link(&twin, place.clone()).map_err(Error::Tree)?,
                    None => {
                        let mut inode = Arc::clone(&member.inode);
                        if let Some(stat) = overrides.stat(&[b"/", name].concat()) {
                            let inode = Arc::make_mut(&mut inode);
                            (inode.stat.uid, inode.stat.gid, inode.stat.mode) = (stat.uid, stat.gid, stat.mode);
                        }
                        tree.insert(place.clone(), inode).map(drop).map_err(Error::Tree)?;
                    }
                }
            }
            places.push(Some(place).filter(|_| !stays));
        }
        Ok(())
    }

    /// Puts a package's files below a directory, from where something else lays them; returns the paths of its
    /// configuration files, or `None` where it has no files.
    ///
    /// # Errors
    /// The directory is none.
    pub fn put_below(&self, tree: &mut Tree, package: &str, directory: &str) -> Result<Option<Vec<TreePath>>, Error> {
        let Some(members) = self.0.get(package) else { return Ok(None) };
        let mut places: Vec<TreePath> = Vec::new();
        for member in members.iter() {
            let name = [directory.as_bytes(), b"/", member.path.as_bytes()].concat();
            let place = match member.twin {
                None => tree.put(&name, Inode::clone(&member.inode)),
                Some(twin) => TreePath::new(&name)
                    .map_err(tree::Error::from)
                    .and_then(|path| tree.put(&name, Inode::clone(&member.inode)).map(|_| path))
                    .and_then(|path| tree.link(&places[twin], path.clone()).map(|()| path)),
            };
            places.push(place.map_err(Error::Tree)?);
        }
        let conffiles = members.iter().filter(|member| member.is_conffile).map(|member| member.path.clone());
        Ok(Some(conffiles.collect()))
    }
}

/// Everything that waiting packages have in their lists and that is there, and whose it is.
fn owners(tree: &Tree, packages: &[Installed], waiting: &BTreeSet<String>) -> Result<BTreeMap<TreePath, Owner>, Error> {
    let overrides = Overrides::read(tree)?;
    let places = |package: &Installed| -> Vec<(TreePath, bool)> {
        let place = |file: &Vec<u8>| {
            let name = match overrides.diversion(file) {
                Some(diversion) if diversion.package.as_ref() != Some(&package.name) => &diversion.to,
                _ => file,
            };
            let path = tree.resolve(name, false).ok()?;
            let is_conffile = package.conffiles.iter().any(|conffile| conffile.path == *file);
            tree.get(&path).filter(|_| !path.is_root()).is_some().then_some((path, is_conffile))
        };
        package.files.iter().filter_map(place).collect()
    };
    let waits: Vec<bool> = packages.iter().map(|package| waiting.contains(&package.info_name())).collect();
    let mut owners = BTreeMap::new();
    for (position, package) in packages.iter().enumerate().filter(|(position, _)| waits[*position]) {
        for (path, is_conffile) in places(package) {
            owners.entry(path).or_insert(Owner { position, waits: true, is_conffile });
        }
    }
    for package in packages.iter().zip(&waits).filter_map(|(package, waits)| (!waits).then_some(package)) {
        for (path, _) in places(package) {
            if let Some(owner) = owners.get_mut(&path) {
                owner.waits = false;
            }
        }
    }
    Ok(owners)
}
