//! Inn2: its history of articles is made by its own program.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("inn2", "its history of articles is made by its own program")], ..Package::of("inn2") };
