//! One recipe, one command: from signed Debian packages to a booting diskless cluster.
//!
//! ```text
//! recipe ─▶ archive ─▶ solve ─▶ fetch ─▶ unpack ─▶ configure ─▶ overlay ─▶ initramfs ─▶ image ─▶ manifest
//!  TOML    verified    exact    blobs    Tree       Tree         Tree       Tree        bytes    digest
//!          Index       set                                                 head files
//! ```
//!
//! Every arrow is a plain function on plain values; [`pipeline::build`] is the only one that calls two stages.
//! Modules, highest first; each may use only what stands below it, and `tests/layers.rs` keeps it so:
//!
//! | module | what it is |
//! |---|---|
//! | `cli` | with the feature of its name: arguments → request; terminal reporter; errors → words and exit codes |
//! | [`pipeline`], [`error`] | the whole way, and everything that can go wrong on it |
//! | [`archive`] … [`report`] | the stages: one verb each, values in and out; a stage never calls another |
//! | [`host`] | the outside world as traits: network, store, trust, sandbox, reporter, clock |
//! | [`utilities`], [`shell`] | POSIX's and GNU's tools on a tree; the shell's language, dash's and bash's, and one process |
//! | [`recipe`], [`deb`], [`tree`], [`kernel`] | what is asked for, and the nouns of Debian and of file systems |
//! | [`format`](mod@format), [`digest`], [`limits`], [`budget`], [`cancel`] | bytes ⇄ records, the one hash, how much is taken from outside, what following scripts may cost, and whether to go on |
//! | `testing` | fixtures made in code, with the feature `testing` |
//!
//! # Invariants
//!
//! * No byte is parsed as an archive before its size and SHA-256 follow from a good signature.
//! * Only [`host`] opens sockets, starts processes or touches the cache; only `cli` reads arguments, environment
//!   and terminal. The library is synchronous: async tools call it in their blocking pool.
//! * Nothing of the host reaches an output: no clock, name, path, user, locale, umask, thread count or mirror.
//! * Names inside images are bytes; a [`tree::TreePath`] cannot leave its tree, and links are resolved in the model.
//! * Bytes from outside never panic, never loop and never use unbounded memory.

pub mod error;
pub mod pipeline;

pub mod archive;
pub mod solve;
pub mod fetch;
pub mod unpack;
pub mod configure;
pub mod modules;
pub mod overlay;
pub mod initramfs;
pub mod head;
pub mod lint;
pub mod boot;
pub mod image;
pub mod manifest;
pub mod compare;
pub mod report;

pub mod host;
// What follows scripts may be another with every version: it is nobody's interface, and tests look inside.
#[cfg(feature = "testing")]
pub mod utilities;
#[cfg(not(feature = "testing"))]
#[expect(unreachable_pub, reason = "reachable with the feature `testing`")]
mod utilities;
#[cfg(feature = "testing")]
pub mod shell;
#[cfg(not(feature = "testing"))]
#[expect(unreachable_pub, reason = "reachable with the feature `testing`")]
mod shell;
pub mod recipe;
pub mod deb;
pub mod tree;
pub mod kernel;
pub mod format;
pub mod digest;
pub mod budget;
pub mod cancel;
pub mod limits;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "testing")]
pub mod testing;

/// What the documents show of the library compiles.
#[cfg(all(doctest, feature = "http", feature = "openpgp"))]
#[doc = include_str!("../doc/library.md")]
struct Shown;
