//! Firebird4.0: asks the server's own programs.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[
        ("firebird4.0-common", "its script asks the server's own programs"),
        ("firebird4.0-server", "its script asks the server's own programs, and makes a database of passwords"),
    ],
    ..Package::of("firebird4.0")
};
