//! Bdii: draws passwords.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("bdii", "its script draws passwords")], ..Package::of("bdii") };
