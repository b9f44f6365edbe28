//! Schleuder: its key, certificate and database are each machine's own.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("schleuder", "its key, certificate and database are each machine's own")],
    ..Package::of("schleuder")
};
