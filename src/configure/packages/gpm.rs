//! Gpm: asks whether the machine has a mouse.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("gpm", "its script asks whether the machine has a mouse")], ..Package::of("gpm") };
