//! Indices that are made for a whole tree, beside what this machine's own programs make of its own files.

use std::path::Path;
use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::shell::system::System;
use imgbuild::tree::Tree;

use crate::switched_on;

/// A tree with the files of a directory of this machine, at the same place.
fn tree_of(directory: &str) -> Tree {
    let mut tree = Tree::new();
    for name in names(Path::new(directory)) {
        let bytes = std::fs::read(Path::new(directory).join(&name)).expect("it was just listed");
        tree.write(format!("{directory}/{name}"), 0o644, bytes).expect("new");
    }
    tree.write("var/lib/dpkg/status", 0o644, "Package: shared-mime-info\nVersion: 0-1\n\n").expect("new");
    tree
}

#[expect(clippy::disallowed_methods, reason = "the order does not matter to a tree")]
fn names(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).expect("it is there").map(|entry| entry.expect("it can be listed"));
    let files = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect()
}

fn follow(tree: Tree, script: &str) -> System {
    let mut system = machine(tree, "amd64", 0);
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    assert_eq!(outcome.expect("no limit is met").status, 0, "{script}");
    assert_eq!(system.gaps, [], "{script}");
    system
}

#[expect(clippy::disallowed_methods, reason = "the peer runs as users run it")]
fn peer(program: &str, directory: &Path) {
    let ran = Command::new(program).arg(directory).output().expect("the peer is installed");
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn schemas_are_those_of_glib_compile_schemas() {
    let source = "/usr/share/glib-2.0/schemas";
    if !switched_on("IMGBUILD_TEST_PEERS", "schemas_are_those_of_glib_compile_schemas") || !Path::new(source).exists() {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    for name in names(Path::new(source)) {
        std::fs::copy(Path::new(source).join(&name), directory.path().join(&name)).expect("copied");
    }
    peer("glib-compile-schemas", directory.path());
    let mut system = follow(tree_of(source), "glib-compile-schemas /usr/share/glib-2.0/schemas");
    let own = system.tree().read(format!("{source}/gschemas.compiled")).expect("memory");
    let theirs = std::fs::read(directory.path().join("gschemas.compiled")).ok();
    assert!(own == theirs, "{} files", names(Path::new(source)).len());
}

#[test]
fn types_are_those_of_update_mime_database() {
    let source = "/usr/share/mime/packages";
    if !switched_on("IMGBUILD_TEST_PEERS", "types_are_those_of_update_mime_database") || !Path::new(source).exists() {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let packages = directory.path().join("packages");
    std::fs::create_dir(&packages).expect("made");
    for name in names(Path::new(source)) {
        std::fs::copy(Path::new(source).join(&name), packages.join(&name)).expect("copied");
    }
    peer("update-mime-database", directory.path());
    let mut system = follow(tree_of(source), "update-mime-database /usr/share/mime");
    let files: Vec<(String, Vec<u8>)> = system
        .tree()
        .iter()
        .filter_map(|(path, _, inode)| Some((path.to_string(), inode.content()?.to_vec().expect("memory"))))
        .collect();
    let made = files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix("/usr/share/mime/")?, bytes)));
    let mut count = 0;
    for (path, bytes) in made.filter(|(path, _)| *path != "version") {
        let theirs = std::fs::read(directory.path().join(path)).unwrap_or_else(|_| panic!("only here: {path}"));
        assert!(*bytes == theirs, "{path}");
        count += 1;
    }
    assert!(count > 100, "{count} files");
}
