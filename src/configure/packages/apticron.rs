//! Apticron: draws the time at which it calls.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("apticron", "its script draws the time at which it calls")], ..Package::of("apticron") };
