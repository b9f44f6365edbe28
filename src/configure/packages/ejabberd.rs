//! ejabberd: a certificate of its own.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "ejabberd",
        units: &["ejabberd.service"],
        files: &[file("/etc/ejabberd/ejabberd.pem", "root:ejabberd", 0o640, "key_and_certificate 365")],
        ..NOTHING
    }],
    ..Package::of("ejabberd")
};
