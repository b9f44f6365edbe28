//! Users and groups: the programs of shadow-utils, Debian's adduser, and systemd-sysusers.
//!
//! * [`files`]: passwd(5), group(5) and their kin. * [`numbers`]: who gets which. * [`defaults`]: login.defs(5),
//!   adduser.conf(5). * [`users`], [`groups`], [`passwords`], [`subids`]: shadow-utils. * [`request`], [`adduser`], [`deluser`]:
//!   Debian's. * [`sysusers`], [`allocate`]: systemd's. * [`homes`]: the directories.

mod adduser;
mod allocate;
mod defaults;
mod deluser;
mod files;
mod groups;
mod homes;
mod numbers;
mod passwords;
mod request;
mod subids;
mod sysusers;
mod users;

#[cfg(test)]
mod tests;

use crate::utilities::Command;
use crate::utilities::Fault;
use crate::utilities::show;

pub use numbers::Ids;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("addgroup", adduser::add),
    ("adduser", adduser::add),
    ("chage", passwords::chage),
    ("chfn", passwords::chfn),
    ("chsh", passwords::chsh),
    ("delgroup", deluser::delete),
    ("deluser", deluser::delete),
    ("gpasswd", groups::gpasswd),
    ("groupadd", groups::groupadd),
    ("groupdel", groups::groupdel),
    ("groupmod", groups::groupmod),
    ("grpck", passwords::check),
    ("grpconv", passwords::conceal),
    ("grpunconv", passwords::reveal),
    ("passwd", passwords::passwd),
    ("pwck", passwords::check),
    ("pwconv", passwords::conceal),
    ("pwunconv", passwords::reveal),
    ("systemd-sysusers", sysusers::sysusers),
    ("useradd", users::useradd),
    ("userdel", users::userdel),
    ("usermod", users::usermod),
];

/// Refuses a name that Debian's shadow-utils refuses: it would not come out of the files as it went in.
fn account_name(name: &[u8], what: &str, lenient: bool, status: i32) -> Result<(), Fault> {
    let never = |byte: &u8| byte.is_ascii_control() || byte.is_ascii_whitespace() || b":,/".contains(byte);
    let number = name.iter().all(u8::is_ascii_digit);
    let dots = name == b"." || name == b"..";
    if name.is_empty() || name.iter().any(never) || (!lenient && (b"-+~".contains(&name[0]) || number || dots)) {
        return Err(Fault::Failed(status, format!("invalid {what} name '{}'", show(name))));
    }
    Ok(())
}

/// Refuses a field that would become two, or two lines.
fn no_colon(field: &[u8]) -> Result<(), Fault> {
    if field.iter().any(|byte| b":\n".contains(byte)) {
        return Err(Fault::Failed(3, format!("invalid field '{}'", show(field))));
    }
    Ok(())
}
