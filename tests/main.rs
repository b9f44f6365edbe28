//! All integration tests in one binary, one module per stage.
//!
//! What needs more than this crate stands behind a switch in the environment, and says so when it is skipped:
//! `IMGBUILD_TEST_MIRROR=1` a real Debian mirror, `IMGBUILD_TEST_ROOT=1` root, `IMGBUILD_TEST_PEERS=1` dpkg,
//! mmdebstrap and the like, `IMGBUILD_TEST_BOOT=1` QEMU. `.ci/run` sets them all.

mod accounts;
mod allowed;
#[cfg(feature = "http")]
mod archive;
mod boot;
mod cli;
mod deb;
mod deb_file;
mod formats;
mod head;
mod image;

/// Whether a switch is set; says aloud when it is not.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its switch and says that it skips")]
pub(crate) fn switched_on(switch: &str, test: &str) -> bool {
    let on = std::env::var_os(switch).is_some_and(|value| value == "1");
    if !on {
        eprintln!("skipped: {test} (set {switch}=1 to run it)");
    }
    on
}

mod initramfs;
#[cfg(feature = "http")]
mod http;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod install;
mod kernel;
mod layers;
mod manifest;
#[cfg(feature = "sandbox")]
mod native;
mod reference;
#[cfg(feature = "sandbox")]
mod reproducible;
mod sandbox;
mod services;
mod shell;
mod solve;
mod store;
mod unpack;
