//! Openguides: its database is made by its own program.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("openguides", "its database is made by its own program")], ..Package::of("openguides") };
