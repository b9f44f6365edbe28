//! ircd-hybrid: a key, its certificate and a group.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "ircd-hybrid",
        units: &["ircd-hybrid.service"],
        files: &[
            file("/etc/ircd-hybrid/key/ircd.key", "irc:irc", 0o600, "key 2048"),
            file("/etc/ircd-hybrid/key/ircd.pem", "irc:irc", 0o644, "certificate /etc/ircd-hybrid/key/ircd.key 365"),
            file(
                "/etc/ircd-hybrid/key/dhparam.pem",
                "root:root",
                0o644,
                "openssl genpkey -quiet -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out \"$new\"",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("ircd-hybrid")
};
