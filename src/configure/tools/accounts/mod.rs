//! Users and groups: the programs of shadow-utils, Debian's adduser, and systemd-sysusers.
//!
//! * [`files`]: passwd(5), group(5) and their kin. * [`numbers`]: who gets which. * [`defaults`]: login.defs(5),
//!   adduser.conf(5). * [`users`], [`groups`], [`passwords`], [`subids`]: shadow-utils. * [`request`], [`adduser`], [`deluser`]:
//!   Debian's. * [`sysusers`], [`allocate`]: systemd's. * [`homes`]: the directories.

mod words;
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
