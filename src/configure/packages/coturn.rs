//! Coturn: its database is made by another program.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("coturn", "its database is made by another program")], ..Package::of("coturn") };
