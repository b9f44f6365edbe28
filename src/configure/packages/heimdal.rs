//! Heimdal's KDC: the master key.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("heimdal-kdc", "its script draws the realm's master key")], ..Package::of("heimdal") };
