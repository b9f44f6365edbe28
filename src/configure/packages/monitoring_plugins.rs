//! Plugins of Nagios, of which scripts ask one.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        // No process of Nagios is found.
        ("check_nagios", |call| call.out("NAGIOS CRITICAL: Could not locate a running Nagios process!\n").map(|()| 2)),
    ],
    directories: &["/usr/lib/nagios/plugins"],
    ..Package::of("monitoring-plugins")
};
