//! The recipe's layer over a configured tree: own files, and what makes of a root a diskless node.
//!
//! Stands after configure and before initramfs. Each part is named by what it changes in the image and can be read
//! alone. The recipe's own files come first and win: what the recipe names, no later part writes or removes.

mod access;
mod accounts;
mod apt;
mod layer;
mod units;

mod files;

mod database;
mod fstab;
mod hosts;
mod identity;
mod masks;
mod network;
mod services;
mod site;
mod state;
mod ssh;
mod syslog;
mod time;
mod volatile;

use crate::overlay::layer::Layer;
use crate::recipe::Diskless;
use crate::recipe::Recipe;
use crate::recipe::RootMode;
use crate::tree;
use crate::tree::Tree;

/// Why the layer cannot be put over the tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tree refuses the edit.
    #[error("cannot place `{path}` in the image")]
    Place {
        /// Where.
        path: String,
        /// Why.
        source: tree::Error,
    },
    /// An owner or group is a name that the image does not know.
    #[error(
        "cannot give `{path}` to `{name}`: the image's {file} has no such name; install the package that makes it, or write its number"
    )]
    Owner {
        /// Of which entry.
        path: String,
        /// The name.
        name: String,
        /// `/etc/passwd` or `/etc/group`.
        file: &'static str,
    },
    /// A directory would hide a symbolic link, such as `/bin` of the merged `/usr`.
    #[error(
        "cannot make `{path}` a directory: it is a symbolic link to `{target}`; put the entry there, or remove the link first"
    )]
    DirectoryOverLink {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A removal that removes nothing.
    #[error("cannot remove `{0}`: nothing lies there; correct the path or drop the overlay entry")]
    NothingToRemove(String),
    /// A tmpfs where none may be.
    #[error("cannot mount a tmpfs on `{path}`: {reason}; drop it from the recipe's [diskless] tmpfs")]
    MountPoint {
        /// Where.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// A node names a service that the image does not have.
    #[error("cannot restrict service `{service}` of node `{node}`: the image has no such unit{}", suggestion(.near))]
    NoSuchUnit {
        /// As the recipe names it.
        service: String,
        /// The node.
        node: String,
        /// Units with a like name.
        near: Vec<String>,
    },
    /// Somebody shall log in, and nothing is there that lets anybody in.
    #[error(
        "cannot let in who has `ssh-keys`: the image has no ssh server; add package `openssh-server` or drop the keys"
    )]
    NoSshServer,
    /// Files of `[[site]]` shall come by TLS, and nothing is there that fetches them.
    #[error(
        "cannot take the head's files by TLS: the image has no curl; add package `curl`, or drop `site-ca` of the `[head]`"
    )]
    NoCurl,
    /// Logs are to be sent, and nothing is there to send them.
    #[error("cannot send logs to {0}: the image has no syslog-ng; add package `syslog-ng-core` or drop `syslog`")]
    NoSyslog(String),
}

fn suggestion(units: &[String]) -> String {
    if units.is_empty() {
        return "; install the package that has it, or correct the name".to_owned();
    }
    format!("; did you mean {}?", units.iter().map(|unit| format!("`{unit}`")).collect::<Vec<_>>().join(" or "))
}

/// Puts the recipe's own files, and the diskless node's, into the tree.
///
/// Everything written gets the time of the newest file that was there, so the layer itself brings in no date.
///
/// # Errors
/// [`Error`]; the tree is then half edited and of no use.
pub fn apply(tree: &mut Tree, recipe: &Recipe) -> Result<(), Error> {
    let mut layer = Layer::new(tree);
    files::apply(&mut layer, &recipe.overlay)?;
    access::apply(&mut layer, recipe)?;
    apt::apply(&mut layer, recipe)?;
    if let Some(diskless) = &recipe.diskless {
        make_diskless(&mut layer, recipe, diskless)?;
    }
    Ok(())
}

fn make_diskless(layer: &mut Layer<'_>, recipe: &Recipe, diskless: &Diskless) -> Result<(), Error> {
    let modes = recipe.own_nodes().map(|node| recipe.root_mode(Some(node), diskless));
    let shared = modes.chain([diskless.root]).any(|mode| mode == RootMode::Nfs);
    let head = recipe.head.as_ref();

    layer.leave_out();
    hosts::apply(layer, recipe, diskless)?;
    network::apply(layer, recipe, diskless)?;
    identity::apply(layer)?;
    masks::apply(layer)?;
    ssh::apply(layer, head)?;
    database::apply(layer)?;
    state::apply(layer, recipe, head)?;
    site::apply(layer, recipe, head)?;
    syslog::apply(layer, recipe, diskless)?;
    time::apply(layer, recipe, head)?;
    services::apply(layer, recipe)?;
    // These two look at what lies in the tree, so they come after everything that puts something there.
    let mounts = fstab::apply(layer, recipe, diskless, shared)?;
    volatile::apply(layer, recipe, &mounts)
}

#[cfg(test)]
mod tests;
