//! The native way beside the sandbox: one lock, two trees, equal path by path but for a list with reasons.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::tar;

use crate::allowed::assert_only_allowed;
use crate::switched_on;

const IMGBUILD: &str = env!("CARGO_BIN_EXE_imgbuild");

/// Builds a recipe of `recipes/` as `way` configures; uses the lock that lies beside it.
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn build(recipe: &Path, way: &str, output: &Path) -> Tree {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native-cache");
    let mut command = Command::new(IMGBUILD);
    command.arg(recipe).arg("-o").arg(output).arg("--cache").arg(cache).args(["--configure", way, "-q"]);
    let ran = command.output().expect("the program starts");
    assert!(ran.status.success(), "{way}: {}\n{}", ran.status, String::from_utf8_lossy(&ran.stderr));
    let file = File::open(output.join("root.tar")).expect("the output is whole");
    let mut keep = |reader: &mut dyn std::io::Read, _| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    };
    tar::read(BufReader::new(file), &mut keep).expect("a tree")
}

/// Configures one lock both ways. `allowed`: the differences that are meant.
fn prove(name: &str, allowed: &str) {
    let test = format!("{name}_is_the_same_both_ways");
    if !switched_on("IMGBUILD_TEST_MIRROR", &test) || !switched_on("IMGBUILD_TEST_ROOT", &test) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let recipe = directory.path().join(format!("{name}.toml"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("recipes/{name}.toml"));
    std::fs::copy(source, &recipe).expect("copies");
    let theirs = build(&recipe, "sandbox", &directory.path().join("sandbox"));
    let lock = format!("{name}.lock");
    std::fs::copy(directory.path().join("sandbox").join(&lock), directory.path().join(&lock)).expect("copies");
    let ours = build(&recipe, "native", &directory.path().join("native"));
    assert_only_allowed(&ours, &theirs, allowed);
}

#[test]
fn minimal_is_the_same_both_ways() {
    prove("minimal", include_str!("peers/native-minimal.allow"));
}

#[test]
fn diskless_node_is_the_same_both_ways() {
    prove("diskless-node", include_str!("peers/native-diskless-node.allow"));
}
