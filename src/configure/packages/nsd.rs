//! NSD: keys and certificates of its control channel.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "nsd",
        units: &["nsd.service"],
        files: &[
            file("/etc/nsd/nsd_server.key", "root:root", 0o640, "key 3072"),
            file("/etc/nsd/nsd_server.pem", "root:root", 0o640, "certificate /etc/nsd/nsd_server.key 7200 nsd"),
            file("/etc/nsd/nsd_control.key", "root:root", 0o640, "key 3072"),
            file(
                "/etc/nsd/nsd_control.pem",
                "root:root",
                0o640,
                "openssl req -new -batch -sha256 -key \"$(at /etc/nsd/nsd_control.key)\" -subj /CN=nsd-control | \
                     openssl x509 -req -sha256 -days 7200 -CA \"$(at /etc/nsd/nsd_server.pem)\" \
                     -CAkey \"$(at /etc/nsd/nsd_server.key)\" -set_serial \"0x1$(draw a-f0-9 15)\" -out \"$new\" \
                     2>/dev/null",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("nsd")
};
