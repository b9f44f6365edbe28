//! X2Go: the database of a node's sessions, x2godbadmin(8).

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

const DIRECTORY: &str = "/var/lib/x2go";
const SESSIONS: &str = "/var/lib/x2go/x2go_sessions";

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("x2godbadmin", x2godbadmin)],
    own: &[Own {
        package: "x2goserver",
        units: &["x2goserver.service"],
        files: &[file(
            SESSIONS,
            "root:x2gouser",
            0o660,
            "x2godbadmin --createdb >/dev/null && mv /var/lib/x2go/x2go_sessions \"$new\"",
        )],
        ..NOTHING
    }],
    ..Package::of("x2goserver")
};

/// `x2godbadmin --createdb`, of SQLite: the directory is its own, too.
fn x2godbadmin(call: &mut Call<'_, '_>) -> Done {
    if call.args != [b"--createdb"] {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let steps: [&[&str]; 5] = [
        &["chmod", "0770", DIRECTORY],
        &["chown", "root:x2gouser", DIRECTORY],
        // The other of the two packages whose scripts call this finds it there; it goes with what is each node's own.
        &["touch", SESSIONS],
        &["chown", "root:x2gouser", SESSIONS],
        &["chmod", "0660", SESSIONS],
    ];
    for words in steps {
        let status = call.run(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())?;
        if status != 0 {
            return Ok(status);
        }
    }
    leave_to_first_boot(call)
}
