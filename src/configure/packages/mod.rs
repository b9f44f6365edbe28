//! Programs of single packages that scripts call. What is here is owed: each file knows one source package by name.

mod apache;
mod catalogs;
mod daemons;
mod desktop;
mod emacsen;
mod keys;
pub(super) mod own;
mod mime;
mod plugins;
mod postgresql;
mod registries;
pub(super) mod rewritten;
mod schemas;
mod security;
mod web;

use crate::utilities::Family;

/// The families.
pub(super) const FAMILIES: &[Family] = &[
    apache::COMMANDS,
    catalogs::COMMANDS,
    daemons::COMMANDS,
    desktop::COMMANDS,
    emacsen::COMMANDS,
    keys::COMMANDS,
    mime::COMMANDS,
    plugins::COMMANDS,
    postgresql::COMMANDS,
    registries::COMMANDS,
    schemas::COMMANDS,
    security::COMMANDS,
    web::COMMANDS,
];
