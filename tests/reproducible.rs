//! Two builds of one lock give the same bytes, though everything around them is different.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::digest::Sha256;

const IMGBUILD: &str = env!("CARGO_BIN_EXE_imgbuild");

/// The files of a directory by path, with their digests.
#[expect(clippy::disallowed_methods, reason = "what is found is sorted")]
fn digests(directory: &Path) -> BTreeMap<PathBuf, Sha256> {
    let mut found = BTreeMap::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).expect("an output can be listed") {
            let path = entry.expect("an output can be listed").path();
            let metadata = fs::symlink_metadata(&path).expect("just listed");
            if metadata.is_dir() {
                todo.push(path);
                continue;
            }
            let digest = if metadata.is_symlink() {
                Sha256::of(fs::read_link(&path).expect("a link").as_os_str().as_encoded_bytes())
            } else {
                Sha256::of_reader(&mut fs::File::open(&path).expect("readable")).expect("readable").0
            };
            found.insert(path.strip_prefix(directory).expect("listed below it").to_owned(), digest);
        }
    }
    found
}

/// A user of this machine who has a range of subordinate ids; `.ci/run` makes one.
fn other_user() -> String {
    let table = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let user = table.lines().find_map(|line| line.split(':').next()).unwrap_or_default();
    assert!(!user.is_empty(), "no user has a range in /etc/subuid: add one, for example with `useradd -m builder`");
    user.to_owned()
}

#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn run(program: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(program).args(arguments).current_dir(directory).output().expect("it can be started");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{words}", output.status);
}

/// Another directory, user, home, time zone, language, umask, cache, number of threads, and a clock 400 days on.
#[test]
fn a_lock_gives_the_same_bytes_in_another_world() {
    let name = "a_lock_gives_the_same_bytes_in_another_world";
    if !crate::switched_on("IMGBUILD_TEST_MIRROR", name) || !crate::switched_on("IMGBUILD_TEST_ROOT", name) {
        return;
    }
    let one = tempfile::tempdir().expect("a temporary directory");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let recipe_text = recipe.to_str().expect("UTF-8");
    run(IMGBUILD, &[recipe_text, "-o", "out", "--cache", "cache", "-q"], one.path());
    let first = digests(&one.path().join("out"));
    assert!(first.len() > 20, "the output is whole: {first:?}");

    let two = tempfile::tempdir().expect("a temporary directory");
    for (from, to) in [
        (recipe.clone(), "diskless-node.toml"),
        (one.path().join("out/diskless-node.lock"), "diskless-node.lock"),
        (PathBuf::from(IMGBUILD), "imgbuild"),
    ] {
        fs::copy(from, two.path().join(to)).expect("copies");
    }
    let user = other_user();
    run("chown", &["-R", &user, "."], two.path());
    let tree = first[Path::new("tree.txt")];
    let command = format!(
        "cd {} && umask 077 && mkdir home && export HOME=$PWD/home TZ=Pacific/Kiritimati LANG=tr_TR.UTF-8 && exec \
         faketime '+400 days' ./imgbuild diskless-node.toml -o elsewhere/out --cache other --jobs 1 -q --expect {tree}",
        two.path().display()
    );
    run("su", &[&user, "-s", "/bin/sh", "-c", &command], two.path());
    assert_eq!(first, digests(&two.path().join("elsewhere/out")));
}
