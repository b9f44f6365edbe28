//! systemd: what it gives each machine.

use super::own::NOTHING;
use super::own::Own;
use super::own::emptied;
use super::own::gone;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("loginctl", loginctl)],
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

/// `loginctl …`: nobody is logged in, and nothing that would know.
fn loginctl(call: &mut Call<'_, '_>) -> Done {
    call.err("Failed to connect to system scope bus via local transport: No such file or directory")?;
    Ok(1)
}
