//! Varnish: the secret of its console.

use super::own::File;
use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[
        // At boot systemd-tmpfiles would put an id there, on a shared root one for all nodes.
        Own {
            package: "varnish",
            units: &["varnish.service"],
            files: &[File {
                held: true,
                ..file("/etc/varnish/secret", "root:root", 0o600, "cat /proc/sys/kernel/random/uuid >\"$new\"")
            }],
            ..NOTHING
        },
    ],
    ..Package::of("varnish")
};
