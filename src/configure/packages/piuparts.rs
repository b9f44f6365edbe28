//! Piuparts: makes a key for ssh.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("piuparts-slave", "its script makes a key for ssh")], ..Package::of("piuparts") };
