//! tmate's server: its host keys, whose fingerprints its script prints.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("tmate-ssh-server", "its script makes the machine's host keys and prints their fingerprints")],
    ..Package::of("tmate-ssh-server")
};
