//! Pacemaker: the key of its remote nodes.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "pacemaker-common",
        units: &["pacemaker.service", "pacemaker_remote.service"],
        files: &[file("/etc/pacemaker/authkey", "root:haclient", 0o640, "head -c 4096 /dev/urandom >\"$new\"")],
        ..NOTHING
    }],
    ..Package::of("pacemaker")
};
