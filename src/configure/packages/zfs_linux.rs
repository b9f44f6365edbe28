//! zfs-linux: the host's id, which a pool remembers of its last host, zgenhostid(8).

use super::own::Kindred::Names;
use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("zgenhostid", zgenhostid)],
    own: &[Own {
        package: "zfsutils-linux",
        kind: Names,
        units: &["zfs-load-module.service", "zfs-import-cache.service", "zfs-import-scan.service"],
        files: &[file(
            "/etc/hostid",
            "root:root",
            0o644,
            "id=$(id_for zfs) && zgenhostid -o \"$new\" \"$(echo \"$id\" | head -c 8)\"",
        )],
        ..NOTHING
    }],
    ..Package::of("zfs-linux")
};

/// `zgenhostid`: four random bytes.
fn zgenhostid(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [] => {
            permitted(call)?;
            leave(call, b"/etc/hostid", 0o644)
        }
        _ => Err(Fault::gap("anything but drawing the host's id")),
    }
}
