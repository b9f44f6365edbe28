//! Work that scripts start and that is done once, at the end, on the whole tree: caches and indices made of what
//! all packages brought.

pub(super) mod ldconfig;
pub(super) mod pam;

use std::collections::BTreeSet;

use super::Error;
use super::tools::debconf;
use super::tools::later::Later;
use crate::host::Host;
use crate::kernel;
use crate::kernel::Kmod;
use crate::shell::system::System;

/// Makes what the scripts' programs would have made of the whole tree.
///
/// # Errors
/// A file of the tree cannot be read or written, or is not what it should be.
pub(super) fn run(host: &Host, system: &mut System) -> Result<(), Error> {
    let called = system.kept::<Later>().deferred.clone();
    if called.iter().any(|deferred| deferred.words[0] == b"depmod") {
        depmod(host, system)?;
    }
    let mut pam = false;
    let (mut enabled, mut disabled) = (BTreeSet::new(), BTreeSet::new());
    for deferred in called.iter().filter(|deferred| deferred.words[0] == b"pam-auth-update") {
        pam = true;
        let mut list = None;
        for word in &deferred.words[1..] {
            match word.as_slice() {
                b"--enable" => list = Some(&mut enabled),
                b"--disable" | b"--remove" => list = Some(&mut disabled),
                word if word.starts_with(b"--") => list = None,
                word => drop(list.as_mut().map(|list| list.insert(String::from_utf8_lossy(word).into_owned()))),
            }
        }
    }
    if pam {
        let choice = pam::run(system.tree(), &enabled, &disabled).map_err(Error::Tree)?;
        choice.map_or(Ok(()), |choice| record_profiles(system, &choice)).map_err(Error::Tree)?;
    }
    ldconfig::run(system.tree()).map_err(Error::Tree)
}

/// pam-auth-update(8) keeps its choice in debconf's database.
fn record_profiles(system: &mut System, choice: &pam::Choice) -> Result<(), crate::tree::Error> {
    debconf::record(system, "libpam-runtime/override", "false", &[])?;
    let offered = [("profile_names", choice.names.as_str()), ("profiles", choice.titles.as_str())];
    debconf::record(system, "libpam-runtime/profiles", &choice.enabled, &offered)
}

/// The indices of all kernels' modules. What is read of the modules is kept in the host's store.
fn depmod(host: &Host, system: &mut System) -> Result<(), Error> {
    let clock = system.clock;
    let tree = system.tree();
    // A kernel package brings kmod; where it does not, nobody reads the indices.
    let Some(kmod) = Kmod::of(tree) else { return Ok(()) };
    for version in kernel::versions(tree) {
        let modules = host.kernel_modules(tree, &version);
        let written = modules.and_then(|modules| modules.write_indices(tree, kmod, clock));
        written.map_err(|source| Error::Kernel { version, source })?;
    }
    Ok(())
}
