//! What is a node's own and must outlast its boots and its root's generations: it lies on the head.
//!
//! Each node mounts a directory that is exported to its address alone, at `/var/lib/imgbuild`. A unit and no line of
//! fstab: what node this is, and whether its root is in memory and shall outlive the head, is known at boot only.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Head;
use crate::recipe::NODE_ARGUMENT;
use crate::recipe::Recipe;

const UNIT: &str = "/etc/systemd/system/var-lib-imgbuild.mount";

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, head: Option<&Head>) -> Result<(), Error> {
    // What is written on one of two heads would not be on the other when nodes come over.
    let one = head.filter(|head| head.standby.is_none());
    let Some(head) = one.filter(|_| layer.exists("/usr/sbin/mount.nfs4")) else { return Ok(()) };
    // Version 4 has its locks in the protocol: databases lie there. It asks for no other service of the node's.
    let text = format!(
        "# {}\n[Unit]\nDescription=Keep this node's own state on the head\n\
         # What takes its root into memory goes on without a head.\n\
         ConditionPathExists=!/run/initramfs/imgbuild/ram\n\
         # A machine in no table has none there.\nConditionKernelCommandLine={}\n\n[Mount]\nWhat={}:{}/state/%H\n\
         Where=/var/lib/imgbuild\nType=nfs4\nOptions=vers=4.1,hard,noatime,nosuid,nodev\n",
        recipe.generated(),
        NODE_ARGUMENT.trim_end_matches('='),
        head.address,
        head.export
    );
    layer.directory("/var/lib/imgbuild", 0o755)?;
    layer.file(UNIT, 0o644, text)
}
