//! OpenIKED: the gateway's pair of keys.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "openiked",
        units: &["openiked.service"],
        files: &[
            file(
                "/etc/iked/private/local.key",
                "root:root",
                0o600,
                "openssl ecparam -genkey -name prime256v1 -noout -out \"$new\"",
            ),
            file(
                "/etc/iked/local.pub",
                "root:root",
                0o644,
                "openssl ec -in \"$(at /etc/iked/private/local.key)\" -pubout -out \"$new\" 2>/dev/null",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("openiked")
};
