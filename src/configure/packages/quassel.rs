//! Quassel's core: a certificate of its own.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "quassel-core",
        units: &["quasselcore.service"],
        files: &[file("/var/lib/quassel/quasselCert.pem", "quasselcore:quassel", 0o640, "key_and_certificate 680")],
        ..NOTHING
    }],
    ..Package::of("quassel")
};
