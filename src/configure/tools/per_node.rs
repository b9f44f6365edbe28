//! Programs that make what is never in an image, because it is each node's own: ids, keys, databases.

use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("dbus-uuidgen", dbus_uuidgen),
    ("mariadb-install-db", later::leave_to_first_boot),
    ("mungekey", later::leave_to_first_boot),
    // MariaDB's in bookworm.
    ("mysql_install_db", later::leave_to_first_boot),
    ("pg_createcluster", later::leave_to_first_boot),
];

/// The machine's id is each node's own.
fn dbus_uuidgen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [ensure] if ensure.starts_with(b"--ensure") => later::leave_to_first_boot(call),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}
