//! D-Bus: the machine's id, dbus-uuidgen(1).

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;
use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("dbus-send", send), ("dbus-uuidgen", uuidgen)],
    own: &[Own {
        left: &[gone(
            "/var/lib/dbus/machine-id",
            "a copy of the machine id, where it is no link",
            "none: D-Bus reads `/etc/machine-id`",
        )],
        ..NOTHING
    }],
    ..Package::of("dbus")
};

/// `dbus-send …`: no bus runs where an image is made.
fn send(call: &mut Call<'_, '_>) -> Done {
    let bus = if call.args.iter().any(|word| word == b"--system") { "system" } else { "session" };
    call.err(&format!("Failed to open connection to \"{bus}\" message bus"))?;
    Ok(1)
}

/// The machine's id is each node's own.
fn uuidgen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [ensure] if ensure.starts_with(b"--ensure") => later::leave_to_first_boot(call),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}
