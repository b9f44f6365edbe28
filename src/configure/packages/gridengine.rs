//! Grid Engine: its master's spool.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("gridengine-master", "its spool is made by its own program, with the machine's name")],
    ..Package::of("gridengine")
};
