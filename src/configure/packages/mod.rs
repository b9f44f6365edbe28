//! Programs of single packages that scripts call. What is here is owed: each file knows one source package by name.

mod apache;
mod catalogs;
mod daemons;
mod emacsen;
mod keys;
pub(super) mod own;
mod plugins;
mod postgresql;
mod security;

use crate::utilities::Family;

/// The families.
pub(super) const FAMILIES: &[Family] = &[
    apache::COMMANDS,
    catalogs::COMMANDS,
    daemons::COMMANDS,
    emacsen::COMMANDS,
    keys::COMMANDS,
    plugins::COMMANDS,
    postgresql::COMMANDS,
    security::COMMANDS,
];
