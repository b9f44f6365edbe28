//! Certmonger: its local authority is each machine's own.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("certmonger", "its local authority is each machine's own")], ..Package::of("certmonger") };
