//! PostSRSd: the secret that addresses are signed with.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "postsrsd",
        units: &["postsrsd.service"],
        files: &[file("/etc/postsrsd.secret", "root:root", 0o600, "head -c 24 /dev/urandom | base64 -w0 >\"$new\"")],
        ..NOTHING
    }],
    ..Package::of("postsrsd")
};
