//! systemd: what it gives each machine.

use super::own::NOTHING;
use super::own::Own;
use super::own::emptied;
use super::own::gone;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        left: &[
            emptied(
                "/etc/machine-id",
                "one id per machine; empty means: not yet given",
                "systemd; a diskless node takes it from its hardware address",
            ),
            gone("/var/lib/systemd/random-seed", "a known seed is none", "systemd"),
            gone("/var/lib/systemd/credential.secret", "encrypts a machine's credentials", "systemd"),
        ],
        ..NOTHING
    }],
    ..Package::of("systemd")
};
