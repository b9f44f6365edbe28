//! The native way beside the sandbox: one lock, two trees, equal path by path but for a list with reasons.

use std::fs::File;
use std::io::BufReader;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use imgbuild::format::compress;
use imgbuild::format::newc;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::tar;

use crate::allowed::assert_only_allowed;
use crate::allowed::text;
use crate::switched_on;

const IMGBUILD: &str = env!("CARGO_BIN_EXE_imgbuild");

/// Why the mirror's archive for a recipe cannot be used at all: mirrors that keep few architectures up to date show
/// others as they once were, under a Release that is of today.
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn unusable(recipe: &Path) -> Option<String> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native-cache");
    let mut command = Command::new(IMGBUILD);
    let ran = command.arg("show").arg(recipe).arg("--cache").arg(cache).output().expect("the program starts");
    (ran.status.code() == Some(3)).then(|| String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// Builds a recipe as `way` configures; uses the lock that lies beside it.
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

/// The example for another architecture, on this machine: nothing of it could run here.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn foreign(architecture: &str, machine: u16) {
    let test = format!("diskless_node_for_{architecture}");
    if !switched_on("IMGBUILD_TEST_MIRROR", &test) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let example = std::fs::read_to_string(example).expect("the example is there");
    let write = |name: &str, architecture: &str| {
        let recipe = example.replace("linux-image-amd64", &format!("linux-image-{architecture}"));
        let recipe = recipe.replace("architecture = \"amd64\"", &format!("architecture = \"{architecture}\""));
        let path = directory.path().join(name);
        std::fs::write(&path, recipe).expect("written");
        path
    };
    let (own, amd64) = (write("own.toml", architecture), write("amd64.toml", "amd64"));
    if let Some(why) = unusable(&own) {
        eprintln!("skipped: {test}: this machine's mirror does not keep {architecture} in order: {why}");
        return;
    }
    let tree = build(&own, "native", &directory.path().join("own"));
    assert_machine(tree_files(&tree), machine);
    let initramfs = std::fs::read(directory.path().join("own/boot/initrd.img")).expect("it was built");
    assert_machine(initramfs_files(&initramfs), machine);
    assert!(tree.lookup("/etc/ld.so.cache").is_some());
    // What scripts make of accounts, alternatives, units and configuration does not depend on the machine.
    let other = build(&amd64, "native", &directory.path().join("amd64"));
    for path in ["etc/passwd", "etc/group", "etc/shells", "etc/subuid"] {
        assert_eq!(text(&tree, path), text(&other, path), "{path}");
    }
    for below in ["etc/alternatives", "etc/systemd", "etc/rc2.d", "etc/default", "etc/pam.d", "var/lib/systemd"] {
        assert_eq!(described_below(&tree, below), described_below(&other, below), "{below}");
    }
}

/// Every ELF file is for this machine (`e_machine`, elf(5)). Files by name, with their first bytes.
fn assert_machine(files: Vec<(String, Vec<u8>)>, machine: u16) {
    let elf: Vec<_> = files.iter().filter(|(_, head)| head.len() >= 20 && head.starts_with(b"\x7fELF")).collect();
    assert!(elf.len() > 10, "{} ELF files", elf.len());
    for (name, head) in elf {
        assert_eq!(u16::from_le_bytes([head[18], head[19]]), machine, "{name}");
    }
}

fn tree_files(tree: &Tree) -> Vec<(String, Vec<u8>)> {
    let head = |content: &Content| {
        let mut head = Vec::new();
        content.reader().take(20).read_to_end(&mut head).expect("it is in memory");
        head
    };
    tree.iter().filter_map(|(path, _, inode)| Some((path.to_string(), head(inode.content()?)))).collect()
}

/// Files of an initramfs, the compressed modules among them as they are when they are loaded.
fn initramfs_files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let plain = |bytes: &[u8]| {
        let mut plain = Vec::new();
        let limits = compress::Allowance::new(1 << 30);
        let decoder = compress::decoder(compress::sniff(bytes), bytes, limits).expect("a known format");
        let mut decoder = decoder;
        decoder.read_to_end(&mut plain).expect("it was written whole");
        plain
    };
    let archive = plain(bytes);
    let mut reader = newc::Reader::new(archive.as_slice());
    let mut files = Vec::new();
    while let Some(header) = reader.next_entry().expect("our own archive") {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).expect("our own archive");
        let name = String::from_utf8_lossy(&header.name).into_owned();
        files.push((name.clone(), if name.ends_with(".ko.xz") { plain(&body) } else { body }));
    }
    files
}

fn described_below(tree: &Tree, directory: &str) -> Vec<String> {
    let Some((directory, _)) = tree.lookup(directory) else { return Vec::new() };
    let dump = imgbuild::tree::dump(tree);
    let entries = imgbuild::tree::parse_dump(&dump).expect("our own text");
    let inside = format!("{directory}/");
    let lines = entries.into_iter().filter(|entry| entry.path.starts_with(&inside));
    lines.map(|entry| format!("{} {} {} {} {}", entry.path, entry.kind, entry.mode, entry.owner, entry.what)).collect()
}

/// Configures one lock both ways. `allowed`: the differences that are meant.
fn prove(source: &str, allowed: &str) {
    let name = Path::new(source).file_stem().and_then(|stem| stem.to_str()).expect("a recipe's name");
    let test = format!("{name}_is_the_same_both_ways");
    if !switched_on("IMGBUILD_TEST_MIRROR", &test) || !switched_on("IMGBUILD_TEST_ROOT", &test) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let recipe = directory.path().join(format!("{name}.toml"));
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(source), &recipe).expect("copies");
    let (ours, theirs) = both(&recipe);
    assert_only_allowed(&ours, &theirs, allowed);
}

/// The native tree and the sandbox's of one lock, which comes to lie beside the recipe.
fn both(recipe: &Path) -> (Tree, Tree) {
    let directory = recipe.parent().expect("it lies in a directory");
    let theirs = build(recipe, "sandbox", &directory.join("sandbox"));
    let lock = recipe.with_extension("lock");
    std::fs::copy(directory.join("sandbox").join(lock.file_name().expect("a name")), &lock).expect("copies");
    (build(recipe, "native", &directory.join("native")), theirs)
}

#[test]
fn minimal_is_the_same_both_ways() {
    prove("recipes/minimal.toml", include_str!("peers/native-minimal.allow"));
}

#[test]
fn bookworm_is_the_same_both_ways() {
    prove("recipes/bookworm.toml", include_str!("peers/native-bookworm.allow"));
}

#[test]
fn hpc_is_the_same_both_ways() {
    prove("tests/recipes/hpc.toml", include_str!("peers/native-hpc.allow"));
}

#[test]
fn diskless_node_is_the_same_both_ways() {
    prove("recipes/diskless-node.toml", include_str!("peers/native-diskless-node.allow"));
}

#[test]
fn scripts_in_bash_are_the_same_both_ways() {
    prove("tests/recipes/bash.toml", include_str!("peers/native-bash.allow"));
}

#[test]
fn what_was_followed_last_is_the_same_both_ways() {
    prove("tests/recipes/followed.toml", include_str!("peers/native-followed.allow"));
}

/// Vendors' packages, made for the tests, on a real minimal root: the same files, and the same words of each script.
#[test]
fn vendors_are_the_same_both_ways() {
    let test = "vendors_are_the_same_both_ways";
    if !switched_on("IMGBUILD_TEST_MIRROR", test) || !switched_on("IMGBUILD_TEST_ROOT", test) {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let packages = crate::vendors::packages(directory.path());
    let minimal = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/minimal.toml"));
    let list = packages.iter().map(|path| format!("\"{path}\", ")).collect::<String>();
    let recipe = directory.path().join("minimal.toml");
    let changed = minimal.expect("the example is there").replace("\"apt\",", &list);
    std::fs::write(&recipe, changed).expect("written");
    let (ours, theirs) = both(&recipe);
    assert_only_allowed(&ours, &theirs, "");
    assert!(!text(&ours, "usr/lib/said/toolkit").is_empty(), "the scripts said something");
}

/// A user without any right, in a place where no further namespace can be made, with an empty environment and what
/// was fetched before: system calls say that one program ran, and that nobody was asked anything.
#[test]
fn nothing_is_executed_and_nobody_is_asked() {
    let test = "nothing_is_executed_and_nobody_is_asked";
    if !switched_on("IMGBUILD_TEST_MIRROR", test) || !switched_on("IMGBUILD_TEST_ROOT", test) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    std::fs::copy(IMGBUILD, place.path().join("imgbuild")).expect("copies");
    for source in
        ["recipes/minimal.toml", "recipes/bookworm.toml", "recipes/diskless-node.toml", "tests/recipes/hpc.toml"]
    {
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(source), place.path().join("recipe.toml"))
            .expect("copies");
        traced(source, place.path());
    }
}

/// Builds `recipe.toml` once to fill the cache, and again under strace, as a user without any right.
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn traced(source: &str, place: &Path) {
    let run = |words: &str| {
        let output = Command::new("sh").args(["-ec", words]).current_dir(place).output().expect("sh starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{source}: {words}: {}\n{said}", output.status);
    };
    // The cache of the recipe before belongs to nobody by now.
    run("rm -rf first second trace; chown -R 0:0 .");
    run("./imgbuild recipe.toml -o first --cache cache --configure native -q && chown -R 65534:65534 .");
    run("exec setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user sh -ec '
             echo 0 > /proc/sys/user/max_user_namespaces
             exec env -i /usr/bin/strace -f -qq --seccomp-bpf -o trace \\
                 -e trace=execve,execveat,fork,vfork,clone,clone3,socket,connect,unshare,setns,chroot,mount,ptrace \\
                 ./imgbuild recipe.toml -o second --cache cache --configure native --offline -q'");
    let trace = std::fs::read_to_string(place.join("trace")).expect("strace wrote it");
    let calls: Vec<&str> = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim()).collect();
    let programs = calls.iter().filter(|call| call.starts_with("exec")).count();
    assert_eq!(programs, 1, "{source}: only imgbuild itself: {calls:?}");
    let is_thread = |call: &str| {
        call.contains("CLONE_THREAD") || call.starts_with("exec") || call.starts_with("<...") || call.starts_with("+++")
    };
    let others: Vec<&&str> = calls.iter().filter(|call| !is_thread(call)).collect();
    assert!(others.is_empty(), "{source}: threads, and nothing else: {others:?}");
    run("diff -r first second");
}

#[test]
fn diskless_node_for_arm64() {
    foreign("arm64", 183);
}

#[test]
fn diskless_node_for_riscv64() {
    foreign("riscv64", 243);
}
