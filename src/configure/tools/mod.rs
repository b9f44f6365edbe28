//! Debian's own commands, and those of the base system that know of accounts, services and modules: each by its manual
//! page, as a [`Command`](crate::utilities::Command) beside the [`utilities`](crate::utilities).
//!
//! * A program whose work is done once at the end (`ldconfig`) calls [`later::defer`]; a generator looks for it.
//! * One that makes what is a node's own (a key, an id) calls [`later::leave_to_first_boot`].
//! * What a tool remembers from call to call it keeps with the system, by
//!   [`System::kept`](crate::shell::system::System::kept).

pub(super) mod accounts;
mod alternatives;
mod capabilities;
pub(super) mod certificates;
pub mod debconf;
pub(super) mod dpkg;
pub(super) mod draws;
mod generated;
mod kernel;
pub(super) mod later;
mod locale;
mod scripts;
mod system;
mod systemd;
mod vendor;

use crate::utilities::Family;

/// The families.
pub(super) const FAMILIES: &[Family] = &[
    accounts::COMMANDS,
    alternatives::COMMANDS,
    capabilities::COMMANDS,
    debconf::COMMANDS,
    dpkg::COMMANDS,
    draws::COMMANDS,
    generated::COMMANDS,
    kernel::COMMANDS,
    locale::COMMANDS,
    scripts::COMMANDS,
    system::COMMANDS,
    systemd::COMMANDS,
    vendor::COMMANDS,
];
