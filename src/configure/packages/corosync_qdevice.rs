//! Corosync-qdevice: its key and certificates are each machine's own.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("corosync-qnetd", "its key and certificates are each machine's own")],
    ..Package::of("corosync-qdevice")
};
