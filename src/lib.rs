//! One recipe, one command: from signed Debian packages to a booting diskless cluster.
//!
//! ```text
//! recipe ─▶ archive ─▶ solve ─▶ fetch ─▶ unpack ─▶ configure ─▶ overlay ─▶ initramfs ─▶ image ─▶ manifest
//!  TOML    verified    exact    blobs    Tree       Tree         Tree       Tree        bytes    digest
//!          Index       set                                                 head files
//! ```

#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod pipeline;

pub mod archive;
pub mod compare;
pub mod configure;
pub mod fetch;
pub mod head;
pub mod image;
pub mod initramfs;
pub mod manifest;
pub mod overlay;
pub mod solve;
pub mod unpack;

pub mod deb;
pub mod digest;
pub mod format;
pub mod host;
pub mod kernel;
pub mod recipe;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tree;
