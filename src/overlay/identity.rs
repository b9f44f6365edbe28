//! Who a node is: its name by its address, and a machine id of its own.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;

const WHEREAMI: &str = include_str!("node/whereami");
const HOSTNAME_UNIT: &str = include_str!("node/imgbuild-hostname.service");
const MACHINE_ID: &str = include_str!("node/machine-id");

pub(super) fn apply(layer: &mut Layer<'_>) -> Result<(), Error> {
    layer.file("/usr/bin/whereami", 0o755, WHEREAMI)?;
    layer.file("/etc/systemd/system/imgbuild-hostname.service", 0o644, HOSTNAME_UNIT)?;
    units::enable(layer, "imgbuild-hostname.service")?;

    // Empty, not missing: a missing one is a first boot to systemd, which would write its presets into the shared
    // /etc and ask questions on the console; and the id of each node is bound over this file.
    layer.file("/etc/machine-id", 0o444, "")?;
    if layer.exists("/var/lib/dbus") {
        layer.symlink("/var/lib/dbus/machine-id", "/etc/machine-id")?;
    }
    // Among the initramfs' scripts, as on any Debian system: imgbuild's own initramfs and one that mkinitramfs
    // makes from this root both take it from here.
    layer.file("/etc/initramfs-tools/scripts/init-bottom/imgbuild-machine-id", 0o755, MACHINE_ID)
}
