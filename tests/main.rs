//! All integration tests in one binary, one module per stage.
//!
//! What needs more than this crate stands behind a switch in the environment, and says so when it is skipped:
//! `IMGBUILD_TEST_MIRROR=1` a real Debian mirror, `IMGBUILD_TEST_ROOT=1` root, `IMGBUILD_TEST_PEERS=1` dpkg,
//! mmdebstrap and the like, `IMGBUILD_TEST_BOOT=1` QEMU. `IMGBUILD_TEST_FAULTS=1` tries every fault and kills 500 builds,
//! where otherwise some are tried. `.ci/run` sets them all. `IMGBUILD_TEST_FIGURES=1` prints seconds and sizes of
//! boots, and proves nothing. `IMGBUILD_TEST_CASES` and `IMGBUILD_TEST_ANSWERS` are files of scripts and what becomes
//! of them: see `casebook`.

mod accepted;
mod accounts;
mod allowed;
#[cfg(feature = "http")]
mod archive;
mod base;
mod bombs;
mod boot;
#[cfg(all(feature = "http", target_os = "linux"))]
mod bounds;
mod caches;
mod casebook;
mod cases;
#[cfg(feature = "http")]
mod ci;
mod cli;
mod closed;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod cluster;
mod compare;
mod deb;
mod deb_file;
mod debconf;
#[cfg(feature = "sandbox")]
mod dhcp;
mod dialects;
mod faults;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod edit;
mod examples;
mod figures;

mod formats;
mod further;
mod generated;
mod generations;
mod head;
mod image;
mod images;

/// Whether a switch is set; says aloud when it is not.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its switch and says that it skips")]
pub(crate) fn switched_on(switch: &str, test: &str) -> bool {
    let on = std::env::var_os(switch).is_some_and(|value| value == "1");
    if !on {
        eprintln!("skipped: {test} (set {switch}=1 to run it)");
    }
    on
}

/// The directory of the test vectors of other projects: data under other licences, which is no part of this
/// repository. It lies beside it, or where `IMGBUILD_TEST_VECTORS` says; it is said aloud when it is not there.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its switch and says that it skips")]
pub(crate) fn vectors(test: &str) -> Option<std::path::PathBuf> {
    let beside = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    let directory = std::env::var_os("IMGBUILD_TEST_VECTORS").map_or_else(beside, std::path::PathBuf::from);
    if !directory.is_dir() {
        eprintln!("skipped: {test} (no test vectors in `{}`; see IMGBUILD_TEST_VECTORS)", directory.display());
        return None;
    }
    Some(directory)
}

mod hostile;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod hpc;
mod indices;
mod initramfs;
#[cfg(feature = "http")]
mod interrupted;
#[cfg(feature = "http")]
mod http;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod install;
#[cfg(feature = "http")]
mod kept;
mod kernel;
mod layers;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod link;
#[cfg(feature = "http")]
mod limits;
mod locks;
mod made;
mod manifest;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod misspelt;
#[cfg(feature = "sign")]
mod modules;
#[cfg(feature = "sandbox")]
mod native;
mod nodes;
mod order;
#[cfg(feature = "http")]
mod private;
mod outputs;
mod proof;
mod publish;
mod raspberry;
mod reference;
#[cfg(feature = "http")]
mod registry;
mod release;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "sandbox")]
mod report;
mod reproducible;
mod rooms;
mod sandbox;
#[cfg(feature = "sandbox")]
mod scale;
mod secrets;
mod services;
#[cfg(feature = "http")]
mod several;
mod shared_head;
mod site;
#[cfg(feature = "http")]
mod shown;
mod shell;
mod solve;
mod sources;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod standby;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod stick;
mod store;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod suites;
mod unpack;
#[cfg(all(feature = "http", feature = "sandbox"))]
mod unreachable;
mod vendors;
