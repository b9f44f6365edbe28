//! The boot interface: up since the initramfs, carries the root, and nobody on the node may touch it.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;
use crate::recipe::Diskless;
use crate::recipe::Recipe;

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, diskless: &Diskless) -> Result<(), Error> {
    let (generated, interface) = (recipe.generated(), &diskless.interface);
    // Neither `auto` nor `dhcp`: configured again, it would drop the root in the middle of the boot.
    let interfaces = format!(
        "# {generated}\n\
         # {interface} is up since the initramfs and carries the root: it is never brought up or down here.\n\
         auto lo\niface lo inet loopback\n\niface {interface} inet manual\n"
    );
    layer.file("/etc/network/interfaces", 0o644, interfaces)?;
    // At power off `ifdown -a` takes away the network under a root that is still in use: the stop job hangs.
    let no_stop = format!("# {generated}\n# The root is on the network until the end.\n[Service]\nExecStop=\n");
    units::extend(layer, "networking.service", "50-imgbuild", &no_stop)?;
    // For who enables networkd for other interfaces: this one is not its business.
    let mut names = vec![interface.as_str()];
    if !diskless.is_card() {
        names.extend([diskless.below()].into_iter().chain(diskless.cards()));
        names.dedup();
    }
    let unmanaged = format!("# {generated}\n[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n", names.join(" "));
    if units::real_name(layer, "systemd-networkd.service").is_some() {
        layer.file("/etc/systemd/network/00-imgbuild.network", 0o644, unmanaged)?;
    }
    Ok(())
}
