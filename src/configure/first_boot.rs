//! Packages that are left to the first boot, by the recipe or because only a machine can configure them: unpacked in the image, configured by a unit on the node.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Options;
use super::packages;
use super::sequence::hindered;
use super::status;
use super::tools::dpkg::database::State;
use crate::recipe::Treatment;
use crate::tree::Tree;
use crate::unpack::Installed;

const PROGRAM: &str = include_str!("node/first-boot");
const UNIT: &str = include_str!("node/imgbuild-first-boot.service");

/// Who starts it on the node, and who does it, each with where it may lie.
const DOERS: [(&str, &[&str]); 2] =
    [("systemd", &["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]), ("dpkg", &["/usr/bin/dpkg"])];

/// How packages are treated, those that only a machine can configure with them and what needs those, unless the recipe says
/// otherwise.
///
/// # Errors
/// A package's control file is malformed.
pub(super) fn treatments(packages: &[Installed], options: &Options) -> Result<BTreeMap<String, Treatment>, Error> {
    let mut all = options.packages.clone();
    for package in packages.iter().filter(|package| packages::first_boot(&package.name).is_some()) {
        all.entry(package.name.clone()).or_insert(Treatment::FirstBoot);
    }
    while let further = further(packages, &all)?
        && !further.is_empty()
    {
        all.extend(further.into_keys().map(|name| (name, Treatment::FirstBoot)));
    }
    Ok(all)
}

/// Packages that no treatment is known of, and that need one which is left to the first boot: each with that one.
pub(super) fn further(
    packages: &[Installed],
    known: &BTreeMap<String, Treatment>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut hindered = needing(packages, known)?;
    hindered.retain(|name, _| !known.contains_key(name));
    Ok(hindered)
}

/// Packages that need one which is left to the first boot, each with that one.
fn needing(packages: &[Installed], known: &BTreeMap<String, Treatment>) -> Result<BTreeMap<String, String>, Error> {
    let names = packages.iter().map(|package| package.name.as_str());
    let left: BTreeSet<&str> = names.filter(|name| known.get(*name) == Some(&Treatment::FirstBoot)).collect();
    if left.is_empty() {
        return Ok(BTreeMap::new());
    }
    let hindered = hindered(packages, &left).map_err(Error::Control)?;
    Ok(hindered.into_iter().map(|(name, cause)| (name.to_owned(), cause.to_owned())).collect())
}

/// Why packages are treated otherwise than others, when no script of theirs was tried.
pub(super) fn reasons(packages: &[Installed], options: &Options) -> Result<BTreeMap<String, String>, Error> {
    let needing = needing(packages, &options.packages)?;
    let reason = |(name, treatment): (&String, &Treatment)| {
        let why = match packages::first_boot(name).filter(|_| *treatment == Treatment::FirstBoot) {
            Some(known) => known.to_owned(),
            None if *treatment == Treatment::FirstBoot => {
                needing.get(name).map_or_else(|| RECIPE.to_owned(), |cause| needs(cause))
            }
            None => RECIPE.to_owned(),
        };
        (name.clone(), why)
    };
    Ok(options.packages.iter().map(reason).collect())
}

/// Why it is treated so when nothing else is known.
const RECIPE: &str = "the recipe says so";

/// Why a package is left that needs another one.
pub(super) fn needs(cause: &str) -> String {
    format!("it needs `{cause}`, which is left to the first boot")
}

/// Whether the nodes can do it, each for itself.
///
/// # Errors
/// [`Error::SharedFirstBoot`] where they share one root, and something is left to them.
pub(super) fn check(packages: &[Installed], options: &Options) -> Result<(), Error> {
    let left: Vec<String> = left(packages, options).iter().map(|package| package.info_name()).collect();
    if !options.shared || left.is_empty() {
        return Ok(());
    }
    let instead = if options.baseless { "`skip`" } else { "`sandbox` or `skip`" };
    Err(Error::SharedFirstBoot { packages: left.join(", "), instead })
}

fn left<'a>(packages: &'a [Installed], options: &Options) -> Vec<&'a Installed> {
    packages.iter().filter(|package| options.packages.get(&package.name) == Some(&Treatment::FirstBoot)).collect()
}

/// Leaves the scripts of the packages that are treated so to the first boot. Nothing happens without such packages.
///
/// # Errors
/// [`Error::NoFirstBoot`] in a tree without systemd or dpkg.
pub(super) fn leave(tree: &mut Tree, packages: &[Installed], options: &Options) -> Result<(), Error> {
    check(packages, options)?;
    let left = left(packages, options);
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = left.iter().map(|package| package.info_name()).collect();
    for (lacks, paths) in DOERS {
        if paths.iter().all(|path| tree.lookup(path).is_none()) {
            return Err(Error::NoFirstBoot { packages: names.join(", "), lacks });
        }
    }
    let mut database = status::read(tree)?;
    database.set_all(State::Installed);
    left.iter().for_each(|package| database.set(package, State::Unpacked));
    status::write(tree, &database)?;
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
