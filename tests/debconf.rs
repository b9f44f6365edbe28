//! debconf, ucf and their kin beside the real ones: scripts of packages made for it, run by each in the same root.
//!
//! Each directory of `tests/debconf` is a package: `postinst`, and where it needs them `templates`, `config`, and
//! `selections`, which are set first. What the scripts print, and what they leave in `/etc`, in ucf's records and in
//! debconf's database, must be equal.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::configure::tools::debconf;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use imgbuild::tree::parse_dump;

use crate::reference;
use crate::switched_on;

const SCRIPTS: [&str; 3] = ["templates", "config", "postinst"];
/// What scripts may change.
const CHANGED: [&str; 4] = ["etc", "var/cache/debconf", "var/lib/ucf", "usr/lib/locale"];
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LC_ALL", "C.UTF-8"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("DPKG_ROOT", ""),
];

/// What a script printed, how it ended, and what it left: path → kind, mode, owner, content.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    said: String,
    status: i32,
    left: BTreeMap<String, String>,
}

#[expect(clippy::disallowed_methods, reason = "cases are files, so that a new one needs no new build")]
fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debconf");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    cases
}

fn name_of(case: &Path) -> String {
    case.file_name().expect("a name").to_str().expect("ASCII").to_owned()
}

/// The scripts of a case that it has, with the path that they have in a root.
fn files_of(case: &Path) -> Vec<(String, Vec<u8>)> {
    let name = name_of(case);
    let file = |member: &&str| {
        let text = std::fs::read(case.join(member)).ok()?;
        Some((format!("var/lib/dpkg/info/{name}.{member}"), text))
    };
    SCRIPTS.iter().filter_map(file).collect()
}

/// Without what was before the last change.
fn left(tree: &Tree) -> BTreeMap<String, String> {
    let entries = parse_dump(&dump(tree)).expect("our own text");
    let is_old = |path: &str| path.ends_with("-old") || path.ends_with(".pwd.lock");
    let changed = entries.into_iter().filter(|entry| {
        CHANGED.iter().any(|directory| entry.path.starts_with(&format!("/{directory}/"))) && !is_old(&entry.path)
    });
    changed.map(|entry| (entry.path, format!("{} {} {} {}", entry.kind, entry.mode, entry.owner, entry.what))).collect()
}

fn ours(mut tree: Tree, case: &Path, selections: Option<&[u8]>) -> (Result, Tree) {
    let path = format!("/var/lib/dpkg/info/{}.postinst", name_of(case));
    let files = files_of(case);
    for (path, text) in &files {
        tree.write(path, 0o755, text.as_slice()).expect("the root has the directory");
    }
    let mut world = machine(tree, "amd64", 1_000_000_000);
    if let Some(selections) = selections {
        world.tree().write("tmp/selections", 0o644, selections).expect("the root has the directory");
        let mut shell = Shell::new(&mut world, "selections", &ENVIRONMENT);
        let outcome = shell.run_script(b"debconf-set-selections /tmp/selections", &[], &[]).expect("no limit");
        assert_eq!(outcome.status, 0, "{}", String::from_utf8_lossy(&outcome.output));
    }
    let text = &files.last().expect("a postinst").1;
    let mut shell = Shell::new(&mut world, "postinst", &ENVIRONMENT);
    shell.state.name = path.into_bytes().into();
    let options: &[Vec<u8>] = if text.starts_with(b"#!/bin/sh -e") { &[b"-e".to_vec()] } else { &[] };
    let outcome = shell.run_script(text, options, &[b"configure".to_vec(), Vec::new()]).expect("no limit");
    debconf::save(&mut world).expect("the tree takes it");
    let mut said = String::from_utf8(outcome.output).expect("text").replace(" \n", "\n");
    world.gaps.iter().for_each(|gap| said += &format!("{gap}\n"));
    let tree = world.into_tree();
    (Result { said, status: ending(outcome.status), left: left(&tree) }, tree)
}

#[expect(clippy::disallowed_methods, reason = "the real tools are the oracle")]
fn sh(script: &str, arguments: &[&Path]) -> (String, i32) {
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {script}"), "sh"])
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .expect("sh is there");
    (String::from_utf8(output.stdout).expect("text"), output.status.code().unwrap_or(-1))
}

/// A frontend that dies of a bad template ends with whatever perl's errno is, or with 128 when its script noticed
/// first: only whether it went well says something. What scripts see of statuses, they print.
fn ending(status: i32) -> i32 {
    status.min(2)
}

/// The real tools, in a root that is put back afterwards.
fn theirs(root: &Path, case: &Path, selections: Option<&[u8]>) -> (Result, Tree) {
    for (path, text) in files_of(case) {
        std::fs::write(root.join(&path), text).expect("written");
        let (said, status) = sh("chmod 755 \"$1\"", &[&root.join(path)]);
        assert_eq!(status, 0, "{said}");
    }
    if let Some(selections) = selections {
        std::fs::write(root.join("tmp/selections"), selections).expect("written");
        let (said, status) = sh("chroot \"$1\" debconf-set-selections /tmp/selections", &[root]);
        assert_eq!(status, 0, "{said}");
    }
    let path = format!("/var/lib/dpkg/info/{}.postinst", name_of(case));
    let (said, status) = sh("chroot \"$1\" \"$2\" configure ''", &[root, Path::new(&path)]);
    let status = ending(status);
    // Perl's releases differ in the blank before a line's end.
    let said = without_addresses(said).replace(" \n", "\n");
    let mut tree = Tree::new();
    for directory in CHANGED {
        let part = reference::read(&root.join(directory));
        tree.make_directories(directory, 0o755).expect("new");
        for (path, _, inode) in part.iter().filter(|(path, ..)| !path.is_root()) {
            let place = format!("{directory}/{path}", path = String::from_utf8_lossy(path.as_bytes()));
            tree.put(place, inode.clone()).expect("new");
        }
    }
    for (path, _) in files_of(case) {
        std::fs::remove_file(root.join(path)).expect("it was written");
    }
    (Result { said, status, left: left(&tree) }, tree)
}

/// Perl names a file by the address of its handle.
fn without_addresses(mut said: String) -> String {
    while let Some(start) = said.find("FileHandle=GLOB(0x") {
        let end = said[start..].find(')').map_or(said.len(), |end| start + end + 1);
        said.replace_range(start..end, "FileHandle");
    }
    said
}

/// Puts what scripts change back as it was; `away` keeps it.
fn put_back(root: &Path, away: &Path) {
    for directory in CHANGED {
        let script = "rm -rf \"$1/$3\" && cp -a \"$2/$3\" \"$1/$3\"";
        let (said, status) = sh(script, &[root, away, Path::new(directory)]);
        assert_eq!(status, 0, "{said}");
    }
}

fn difference(case: &Path, ours: &(Result, Tree), theirs: &(Result, Tree)) -> Option<String> {
    if ours.0 == theirs.0 {
        return None;
    }
    let mut text = format!("== {}\n", case.display());
    if (&ours.0.said, ours.0.status) != (&theirs.0.said, theirs.0.status) {
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        let (mine, other) = (lines(&ours.0.said), lines(&theirs.0.said));
        text += &format!("status {} and {}\n", ours.0.status, theirs.0.status);
        let same = mine.iter().zip(&other).take_while(|(mine, other)| mine == other).count();
        mine[same..].iter().take(6).for_each(|line| text += &format!("  ours:   {line}\n"));
        other[same..].iter().take(6).for_each(|line| text += &format!("  theirs: {line}\n"));
    }
    let paths: std::collections::BTreeSet<&String> = ours.0.left.keys().chain(theirs.0.left.keys()).collect();
    for path in paths.into_iter().filter(|path| ours.0.left.get(*path) != theirs.0.left.get(*path)) {
        text += &format!("{path}\n  ours:   {:?}\n  theirs: {:?}\n", ours.0.left.get(path), theirs.0.left.get(path));
        let lines = |tree: &Tree| {
            let bytes = tree.read(path).expect("readable").unwrap_or_default();
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let (mine, other) = (lines(&ours.1), lines(&theirs.1));
        mine.iter()
            .filter(|line| !other.contains(line))
            .take(8)
            .for_each(|line| text += &format!("    ours:   {line}\n"));
        other
            .iter()
            .filter(|line| !mine.contains(line))
            .take(8)
            .for_each(|line| text += &format!("    theirs: {line}\n"));
    }
    Some(text)
}

/// All cases in a root of a suite.
fn compare(suite: &str) {
    let root = reference::root_with(&format!("reference-debconf-{suite}"), suite, "ucf,debconf-utils,locales");
    let away = root.with_extension("away");
    if !away.exists() {
        for directory in CHANGED {
            let script = "mkdir -p \"$2/$3\" && rmdir \"$2/$3\" && cp -a \"$1/$3\" \"$2/$3\"";
            let (said, status) = sh(script, &[&root, &away, Path::new(directory)]);
            assert_eq!(status, 0, "{said}");
        }
    }
    put_back(&root, &away);
    let before = reference::read(&root);
    let mut differences = Vec::new();
    for case in cases() {
        let selections = std::fs::read(case.join("selections")).ok();
        let theirs = theirs(&root, &case, selections.as_deref());
        put_back(&root, &away);
        let ours = ours(before.clone(), &case, selections.as_deref());
        differences.extend(difference(&case, &ours, &theirs));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn switched(test: &str) -> bool {
    ["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_PEERS"]
        .into_iter()
        .all(|switch| switched_on(switch, test))
}

#[test]
fn debconf_and_ucf_beside_those_of_trixie() {
    if switched("debconf_and_ucf_beside_those_of_trixie") {
        compare("trixie");
    }
}

#[test]
fn debconf_and_ucf_beside_those_of_bookworm() {
    if switched("debconf_and_ucf_beside_those_of_bookworm") {
        compare("bookworm");
    }
}
