//! The examples do what they say, and a crate outside builds an image. `cargo test` builds them; `cargo test --test main` alone does not, and says so.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::switched_on;

#[test]
#[expect(clippy::disallowed_methods, reason = "the programs are what is tested")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn examples_run() {
    let own = std::env::current_exe().expect("this program has a path");
    let examples = own.parent().and_then(Path::parent).expect("cargo's directories").join("examples");
    for (name, wanted) in [
        ("in_memory", "of 1 packages: "),
        ("own_store", "built twice, fetched once: "),
        ("squashfs", "5 paths: "),
        ("initramfs", "kernel 6.1, "),
        ("cancelled", "cancelled: nothing is left"),
        ("release", "signed by "),
    ] {
        let program = examples.join(name);
        if !program.exists() {
            eprintln!("skipped: example {name} (plain `cargo test` builds it)");
            continue;
        }
        let output = Command::new(&program).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains(wanted), "{name}: {said}{failed}");
    }
}

/// All of a program that builds an image in memory; the archive is made here, so that no network is needed.
const PROGRAM: &str = r#"
use imgbuild::host::{Host, MemoryStore};
use imgbuild::pipeline::{self, Mirrors, Request};
use imgbuild::testing::{ARCHIVE_DATE, ArchiveBuilder, DebBuilder, MemoryTransport};
use std::{error::Error, fs, io::Cursor, path::Path, sync::Arc};

fn main() -> Result<(), Box<dyn Error>> {
    let archive = ArchiveBuilder::new("test").package(&DebBuilder::new("hello", "1.0-1", "amd64"));
    fs::write("archive.pgp", archive.keyring())?;
    let text = "name = 'small'\npackages = ['hello']\n[debian]\nsuite = 'test'\npockets = []\n\
                signed-by = 'archive.pgp'\n[install]\nbase = 'nothing'\n";
    let recipe = imgbuild::recipe::parse(text, Path::new("."))?;
    let transport = MemoryTransport::new().serve("http://deb.example.org", archive.build());
    let host = Host { now: ARCHIVE_DATE + 1, ..Host::new(Arc::new(transport), Arc::new(MemoryStore::new())) };
    let mirrors = Mirrors { debian: vec!["http://deb.example.org".into()], ..Mirrors::default() };
    let root = pipeline::assemble(&host, &Request::new(&recipe, &mirrors))?.remove(0);
    let mut image = Cursor::new(Vec::new());
    imgbuild::image::write_squashfs(&root.tree, &Default::default(), &mut image)?;
    println!("{} bytes of {}", image.get_ref().len(), root.digest);
    Ok(())
}
"#;

/// A crate that has nothing of this one's but what it asks for.
#[test]
#[expect(clippy::disallowed_methods, reason = "cargo is what is asked, as anybody asks it")]
fn a_crate_outside_builds_an_image() {
    if !switched_on("IMGBUILD_TEST_CRATE", "a_crate_outside_builds_an_image") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().expect("a directory");
    let own = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    // With these profiles, what cargo has compiled for the tests is not compiled again.
    let profiles = own.split_once("[profile.dev]").and_then(|(_, rest)| rest.split_once("[profile.release]"));
    let (profiles, _) = profiles.expect("it has both");
    let manifest = format!(
        "[package]\nname = \"outside\"\nedition = \"2024\"\n[dependencies]\n\
         imgbuild = {{ path = {root:?}, default-features = false, features = [\"testing\"] }}\n[profile.dev]{profiles}"
    );
    fs::write(place.path().join("Cargo.toml"), manifest).expect("written");
    fs::create_dir(place.path().join("src")).expect("made");
    fs::write(place.path().join("src/main.rs"), PROGRAM).expect("written");
    fs::copy(root.join("Cargo.lock"), place.path().join("Cargo.lock")).expect("copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's directories");
    let mut cargo = Command::new(env!("CARGO"));
    // rustup's compiler obeys the `rust-toolchain.toml` of the crate that it is started for, where nobody has said which:
    // `cargo test` does, and whoever starts this program without it does not.
    if let Some(toolchain) = option_env!("RUSTUP_TOOLCHAIN") {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    cargo.args(["run", "--quiet", "--offline"]).env("CARGO_TARGET_DIR", target).current_dir(place.path());
    let output = cargo.output().expect("cargo starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains(" bytes of "), "{said}{failed}");
    assert!(PROGRAM.lines().filter(|line| !line.is_empty()).count() <= 25, "it stays short");
}
