//! Pollen: its certificate is each machine's own.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("pollen", "its certificate is each machine's own")], ..Package::of("pollen") };
