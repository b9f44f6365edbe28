//! pkcs11-proxy: the key that its daemon and its clients share.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "pkcs11-daemon",
        units: &["pkcs11-daemon.service"],
        files: &[file(
            "/var/lib/pkcs11-daemon/softhsm2.psk",
            "root:root",
            0o600,
            "{ printf softhsm2:; draw 0-9a-f 32; echo; } >\"$new\"",
        )],
        ..NOTHING
    }],
    ..Package::of("pkcs11-proxy")
};
