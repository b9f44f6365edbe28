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

/// A user without any right, in a place where no further namespace can be made, with an empty environment and what
/// was fetched before: system calls say that one program ran, and that nobody was asked anything.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn nothing_is_executed_and_nobody_is_asked() {
    let test = "nothing_is_executed_and_nobody_is_asked";
    if !switched_on("IMGBUILD_TEST_MIRROR", test) || !switched_on("IMGBUILD_TEST_ROOT", test) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    std::fs::copy(recipe, place.path().join("node.toml")).expect("copies");
    std::fs::copy(IMGBUILD, place.path().join("imgbuild")).expect("copies");
    let run = |words: &str| {
        let output = Command::new("sh").args(["-ec", words]).current_dir(place.path()).output().expect("sh starts");
        assert!(output.status.success(), "{words}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    };
    run("./imgbuild node.toml -o first --cache cache --configure native -q && chown -R 65534:65534 .");
    run("exec setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user sh -ec '
             echo 0 > /proc/sys/user/max_user_namespaces
             exec env -i /usr/bin/strace -f -qq --seccomp-bpf -o trace \\
                 -e trace=execve,execveat,fork,vfork,clone,clone3,socket,connect,unshare,setns,chroot,mount,ptrace \\
                 ./imgbuild node.toml -o second --cache cache --configure native --offline -q'");
    let trace = std::fs::read_to_string(place.path().join("trace")).expect("strace wrote it");
    let calls: Vec<&str> = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim()).collect();
    let programs = calls.iter().filter(|call| call.starts_with("exec")).count();
    assert_eq!(programs, 1, "only imgbuild itself: {calls:?}");
    let is_thread = |call: &str| {
        call.contains("CLONE_THREAD") || call.starts_with("exec") || call.starts_with("<...") || call.starts_with("+++")
    };
    let others: Vec<&&str> = calls.iter().filter(|call| !is_thread(call)).collect();
    assert!(others.is_empty(), "threads, and nothing else: {others:?}");
    run("cmp first/root.tar second/root.tar && cmp first/boot/initrd.img second/boot/initrd.img");
}
