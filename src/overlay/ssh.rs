//! ssh host keys: none in the image (`Layer::leave_out`); each node makes its own on first boot.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;
use crate::recipe::Head;

const MAKE_KEYS: &str = include_str!("node/ssh-host-keys");
const UNIT: &str = include_str!("node/imgbuild-ssh-host-keys.service");
const SSHD_CONFIG: &str = include_str!("node/sshd.conf");

pub(super) fn apply(layer: &mut Layer<'_>, head: Option<&Head>) -> Result<(), Error> {
    if !layer.exists("/usr/sbin/sshd") {
        return Ok(());
    }
    layer.file("/usr/lib/imgbuild/ssh-host-keys", 0o755, MAKE_KEYS)?;
    layer.file("/etc/ssh/sshd_config.d/50-imgbuild.conf", 0o644, SSHD_CONFIG)?;
    layer.file("/etc/systemd/system/imgbuild-ssh-host-keys.service", 0o644, UNIT)?;
    layer.directory("/var/lib/imgbuild", 0o755)?;
    if let Some((head, standby)) = head.and_then(|head| Some((head, head.standby.as_ref()?)))
        && layer.exists("/usr/sbin/mount.nfs")
    {
        // By the addresses that stay with the heads, so that both have a copy.
        let lines = [standby.head_own_address, standby.own_address].map(|own| format!("{own}:{}/state\n", head.export));
        layer.file("/usr/lib/imgbuild/heads", 0o644, lines.concat())?;
    }
    units::enable(layer, "imgbuild-ssh-host-keys.service")
}
