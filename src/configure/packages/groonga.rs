//! Groonga: its database.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("groonga-server-common", "its database is made by its own program")],
    ..Package::of("groonga")
};
