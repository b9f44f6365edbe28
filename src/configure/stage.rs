//! The stage itself: one way or the other through the scripts, and then what both have in common.

use std::collections::BTreeSet;

use super::Configured;
use super::Error;
use super::Method;
use super::Options;
use super::PackageReport;
use super::first_boot;
use super::ids;
use super::made;
use super::native;
use super::normalize;
use super::own;
use super::sandbox;
use super::tools::debconf;
use crate::host::Host;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Root;

/// Configures all packages of `root`.
///
/// # Errors
/// A script that fails, or that cannot be followed.
pub fn configure(host: &Host, root: Root, options: &Options) -> Result<Configured, Error> {
    let Root { mut tree, packages, .. } = root;
    let mut options = options.clone();
    options.packages = first_boot::treatments(&packages, &options)?;
    first_boot::check(&packages, &options)?;
    let policy = Policy::put(&mut tree).map_err(Error::Tree)?;
    let (mut tree, report) = match options.method {
        Method::Native => {
            let brought = of_the_kernel(&tree);
            let mut followed = native::configure(host, tree, &packages, &options, false)?;
            let made: Vec<TreePath> = of_the_kernel(&followed.tree).difference(&brought).cloned().collect();
            made.iter().for_each(|path| followed.tree.remove_all(path));
            if !followed.failures.is_empty() {
                return Err(Error::Native(followed.failures));
            }
            options.packages = followed.treated;
            (followed.tree, followed.report)
        }
        Method::Sandbox => {
            let tree = sandbox::configure(host, tree, &packages, None, &options)?;
            (tree, sandbox::report(&packages, &options)?)
        }
    };
    let options = &options;
    policy.take_away(&mut tree).map_err(Error::Tree)?;
    let unasked = debconf::unasked(&tree, &packages, &options.packages, &options.debconf).map_err(Error::Tree)?;
    if !unasked.is_empty() {
        return Err(Error::Unasked(unasked));
    }
    first_boot::leave(&mut tree, &packages, options)?;
    own::leave_to_nodes(&mut tree, &packages, options)?;
    made::leave_to_nodes(&mut tree, &packages, options)?;
    ids::renumber(&mut tree, &options.ids)?;
    normalize::normalize(&mut tree, options.epoch)?;
    let ids = ids::read(&tree).map_err(Error::Tree)?;
    Ok(Configured { tree, packages, report, ids })
}

/// Says of each package how the native way would configure it, whether or not it can.
///
/// # Errors
/// The tree is not what unpacking leaves.
pub fn survey(host: &Host, root: Root, options: &Options) -> Result<Vec<PackageReport>, Error> {
    let Root { mut tree, packages, .. } = root;
    Policy::put(&mut tree).map_err(Error::Tree)?;
    let mut options = options.clone();
    options.packages = first_boot::treatments(&packages, &options)?;
    Ok(native::configure(host, tree, &packages, &options, true)?.report)
}

/// What lies where a running system has file systems of its kernel's. What scripts make there is gone with the machine that
/// they run on, and is in no image; what packages bring is.
fn of_the_kernel(tree: &Tree) -> BTreeSet<TreePath> {
    let places = ["dev", "proc", "sys"].map(TreePath::literal);
    places.iter().flat_map(|place| tree.below(place).map(|(path, _)| path.clone())).collect()
}

/// `/usr/sbin/policy-rc.d`, which is there while an image is made, in both ways: scripts ask it, and what it denies
/// they leave out.
struct Policy(Option<Inode>);

impl Policy {
    const PATH: &str = "usr/sbin/policy-rc.d";

    fn put(tree: &mut Tree) -> Result<Self, tree::Error> {
        let before = tree.get(&TreePath::literal(Self::PATH)).cloned();
        if tree.lookup("usr/sbin").is_some() {
            tree.put(Self::PATH, Inode::file(0o755, "#!/bin/sh\nexit 101\n"))?;
        }
        Ok(Self(before))
    }

    fn take_away(self, tree: &mut Tree) -> Result<(), tree::Error> {
        tree.remove_all(&TreePath::literal(Self::PATH));
        self.0.map_or(Ok(()), |inode| tree.put(Self::PATH, inode).map(drop))
    }
}
