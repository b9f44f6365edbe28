//! Kerberos: a host has its keys from its realm.

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        left: &[gone("/etc/krb5.keytab", "the host's keys in its realm", "you: each host has its own from the KDC")],
        ..NOTHING
    }],
    ..Package::of("krb5")
};
