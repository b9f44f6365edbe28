//! partimage's server: a key and its certificate.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::own::gone;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "partimage-server",
        units: &["partimaged.service"],
        files: &[
            file("/etc/partimaged/partimaged.key", "partimag:partimag", 0o600, "key 2048"),
            file(
                "/etc/partimaged/partimaged.cert",
                "partimag:partimag",
                0o600,
                "certificate /etc/partimaged/partimaged.key 30",
            ),
        ],
        left: &[gone("/etc/partimaged/partimaged.rand", "what OpenSSL has drawn from", "openssl, where it wants one")],
        ..NOTHING
    }],
    ..Package::of("partimage")
};
