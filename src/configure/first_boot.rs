//! Packages that are left to the first boot, by the recipe or because only a machine can configure them: unpacked in the image, configured by a unit on the node.

use std::collections::BTreeMap;

use super::Error;
use super::Options;
use super::packages;
use super::status::set_unpacked;
use crate::recipe::Treatment;
use crate::tree::Tree;
use crate::unpack::Installed;

const PROGRAM: &str = include_str!("node/first-boot");
const UNIT: &str = include_str!("node/imgbuild-first-boot.service");

/// How packages are treated, those that only a machine can configure with them, unless the recipe says otherwise.
pub(super) fn treatments(packages: &[Installed], options: &Options) -> BTreeMap<String, Treatment> {
    let mut all = options.packages.clone();
    for package in packages.iter().filter(|package| packages::first_boot(&package.name).is_some()) {
        all.entry(package.name.clone()).or_insert(Treatment::FirstBoot);
    }
    all
}

/// Why a package is treated otherwise than others, when no script of its was tried.
pub(super) fn reason(package: &str, treatment: Treatment) -> String {
    let known = packages::first_boot(package).filter(|_| treatment == Treatment::FirstBoot);
    known.unwrap_or("the recipe says so").to_owned()
}

/// Whether the nodes can do it, each for itself.
///
/// # Errors
/// [`Error::SharedFirstBoot`] where they share one root, and something is left to them.
pub(super) fn check(packages: &[Installed], options: &Options) -> Result<(), Error> {
    let left: Vec<String> = left(packages, options).iter().map(|package| package.info_name()).collect();
    if options.shared && !left.is_empty() { Err(Error::SharedFirstBoot(left.join(", "))) } else { Ok(()) }
}

fn left<'a>(packages: &'a [Installed], options: &Options) -> Vec<&'a Installed> {
    packages.iter().filter(|package| options.packages.get(&package.name) == Some(&Treatment::FirstBoot)).collect()
}

/// Leaves the scripts of the packages that are treated so to the first boot. Nothing happens without such packages.
///
/// # Errors
/// [`Error::NoFirstBoot`] in a tree without systemd.
pub(super) fn leave(tree: &mut Tree, packages: &[Installed], options: &Options) -> Result<(), Error> {
    check(packages, options)?;
    let left = left(packages, options);
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = left.iter().map(|package| package.info_name()).collect();
    if tree.lookup("/usr/lib/systemd/systemd").or_else(|| tree.lookup("/lib/systemd/systemd")).is_none() {
        return Err(Error::NoFirstBoot(names.join(", ")));
    }
    set_unpacked(tree, &left)?;
    let put = |tree: &mut Tree| -> Result<(), crate::tree::Error> {
        tree.make_directories("usr/lib/imgbuild", 0o755)?;
        tree.write("usr/lib/imgbuild/first-boot", 0o755, PROGRAM)?;
        let wants = tree.make_directories("etc/systemd/system/multi-user.target.wants", 0o755)?;
        let unit = "etc/systemd/system/imgbuild-first-boot.service";
        tree.write(unit, 0o644, UNIT.replace("@PACKAGES@", &names.join(" ")))?;
        tree.symlink([wants.as_bytes(), b"/imgbuild-first-boot.service"].concat(), format!("/{unit}"))?;
        Ok(())
    };
    put(tree).map_err(Error::Tree)
}
