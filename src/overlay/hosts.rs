//! `/etc/hosts`, `/etc/resolv.conf`, and no `/etc/hostname`.

use std::fmt::Write as _;

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Diskless;
use crate::recipe::Recipe;

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, diskless: &Diskless) -> Result<(), Error> {
    // A static name beats what DHCP and whereami say, and would be the same on every node.
    layer.remove("/etc/hostname");
    layer.file("/etc/hosts", 0o644, recipe.hosts())?;
    layer.file("/etc/resolv.conf", 0o644, resolv_conf(recipe, diskless))
}

/// What the initramfs learns from DHCP stays in the initramfs, so the root has its own.
fn resolv_conf(recipe: &Recipe, diskless: &Diskless) -> String {
    let mut text = format!("# {}\n", recipe.generated());
    if let Some(domain) = &diskless.domain {
        writeln!(text, "search {domain}").expect("writing to a String succeeds");
    }
    let head = recipe.head.as_ref().map(|head| head.address);
    let head = if diskless.nameservers.is_empty() { head } else { None };
    for server in diskless.nameservers.iter().copied().chain(head) {
        writeln!(text, "nameserver {server}").expect("writing to a String succeeds");
    }
    text
}
