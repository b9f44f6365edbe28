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
    ("make-ssl-cert", make_ssl_cert),
    ("mariadb-install-db", later::leave_to_first_boot),
    ("mungekey", later::leave_to_first_boot),
    // MariaDB's in bookworm.
    ("mysql_install_db", later::leave_to_first_boot),
    ("pg_createcluster", later::leave_to_first_boot),
    ("ssh-keygen", later::leave_to_first_boot),
];

/// The machine's id is each node's own.
fn dbus_uuidgen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [ensure] if ensure.starts_with(b"--ensure") => later::leave_to_first_boot(call),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// The certificate that stands for one until there is a real one has a private key.
fn make_ssl_cert(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [what] if what == b"generate-default-snakeoil" => later::leave_to_first_boot(call),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}
