//! OpenLDAP's server: its first configuration has a password that its script draws, and lies in a database that only
//! its own program writes.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("slapd", "its directory and the password of its administrator are each machine's own")],
    ..Package::of("openldap")
};
