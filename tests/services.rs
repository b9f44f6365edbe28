//! Units, init scripts and volatile files: our commands beside the real ones, on the same starting tree.
//!
//! The real ones run in a root of the suite, below an overlay that is thrown away afterwards.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::dump;

use crate::reference;
use crate::switched_on;

const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC0"),
    ("DPKG_ROOT", ""),
    ("DPKG_MAINTSCRIPT_PACKAGE", "some"),
];

/// What is compared: nothing else is changed by these programs.
const COMPARED: [&str; 4] = ["etc", "home", "srv", "var"];

/// A root of a suite with what a script of ours does to it on top.
struct Overlay {
    mounted: PathBuf,
    _directory: tempfile::TempDir,
}

impl Overlay {
    #[expect(clippy::disallowed_methods, reason = "the oracle needs its own root")]
    fn new(suite: &str, setup: &str) -> Self {
        let lower = reference::root(suite);
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let part = |name: &str| {
            let path = directory.path().join(name);
            fs::create_dir(&path).expect("new");
            path
        };
        let (upper, work, mounted) = (part("upper"), part("work"), part("mounted"));
        let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        let status = Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(&mounted).status();
        assert!(status.expect("mount starts").success(), "an overlay can be mounted");
        let overlay = Self { mounted, _directory: directory };
        overlay.run(setup);
        overlay
    }

    /// What a script writes to standard output.
    #[expect(clippy::disallowed_methods, reason = "the oracle runs in its own root")]
    fn run(&self, script: &str) -> String {
        fs::write(self.mounted.join("tmp/script"), script).expect("written");
        let mut command = Command::new("chroot");
        // Without /proc systemd's programs refuse to work.
        let with_proc = "mount -t proc proc /proc; sh /tmp/script; umount /proc";
        command.arg(&self.mounted).args(["sh", "-c", with_proc]).env_clear().envs(ENVIRONMENT.iter().copied());
        let output = command.output().expect("chroot starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn tree(&self) -> Tree {
        let mut tree = reference::read(&self.mounted);
        add_attributes(&self.mounted, &mut tree);
        tree
    }
}

impl Drop for Overlay {
    #[expect(clippy::disallowed_methods, reason = "the oracle had its own root")]
    fn drop(&mut self) {
        // A program of a script may still be on its way out.
        let status = Command::new("umount").args(["--recursive", "--lazy"]).arg(&self.mounted).status();
        assert!(status.is_ok_and(|status| status.success()), "the overlay can be unmounted");
    }
}

/// Extended attributes of what is compared.
fn add_attributes(directory: &Path, tree: &mut Tree) {
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).filter(compared).collect();
    for path in paths {
        let place = directory.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        let mut list = [0; 4096];
        let length = rustix::fs::llistxattr(&place, &mut list[..]).expect("attributes can be listed");
        for name in list[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let mut value = [0; 4096];
            let length = rustix::fs::lgetxattr(&place, name, &mut value[..]).expect("an attribute can be read");
            let inode = tree.get_mut(&path).expect("it was just listed");
            inode.stat.xattrs.insert(name.to_vec(), value[..length].to_vec());
        }
    }
}

fn compared(path: &TreePath) -> bool {
    COMPARED.iter().any(|top| path.starts_with(&TreePath::literal(top)))
}

/// The lines of a tree that are compared, without times.
fn lines(mut tree: Tree) -> Vec<String> {
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).filter(compared).collect();
    for path in &paths {
        tree.get_mut(path).expect("it was just listed").stat.mtime = 0;
    }
    let top = |line: &&str| {
        let path = line.rsplit(' ').next().unwrap_or_default();
        COMPARED.iter().any(|top| path.split('/').nth(1) == Some(top))
    };
    dump(&tree).lines().filter(top).map(str::to_owned).collect()
}

/// Runs a script here and there; what differs.
fn differences(suite: &str, setup: &str, script: &str) -> Vec<String> {
    let overlay = Overlay::new(suite, setup);
    let mut world = machine(overlay.tree(), "amd64", 0);
    let mut shell = Shell::new(&mut world, "script", ENVIRONMENT);
    let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("within limits");
    let mut found: Vec<String> = world.gaps.iter().map(|gap| format!("gap: {gap}")).collect();
    let ours = String::from_utf8_lossy(&outcome.output).into_owned();
    let theirs = overlay.run(script);
    let mut pair = |ours: Vec<String>, theirs: Vec<String>| {
        found.extend(ours.iter().filter(|line| !theirs.contains(line)).map(|line| format!("only ours: {line}")));
        found.extend(theirs.iter().filter(|line| !ours.contains(line)).map(|line| format!("only theirs: {line}")));
    };
    pair(ours.lines().map(str::to_owned).collect(), theirs.lines().map(str::to_owned).collect());
    pair(lines(world.into_tree()), lines(overlay.tree()));
    found
}

/// Runs the scripts of a file, each on a fresh root.
fn compare(setup: &str, scripts: &str) {
    let (before, scripts) = scripts.split_once("\n-----\n").expect("a first part");
    for suite in ["trixie", "bookworm"] {
        for script in scripts.split("\n-----\n") {
            let found = differences(suite, setup, &format!("{before}\n{script}"));
            assert!(found.is_empty(), "{suite}: {script}\n{}", found.join("\n"));
        }
    }
}

fn switched_on_for(name: &str) -> bool {
    switched_on("IMGBUILD_TEST_ROOT", name) && switched_on("IMGBUILD_TEST_PEERS", name)
}

#[test]
fn volatile_files_are_made_as_systemd_makes_them() {
    if switched_on_for("volatile_files_are_made_as_systemd_makes_them") {
        compare(include_str!("services/volatile.sh"), include_str!("services/tmpfiles.sh"));
    }
}

#[test]
fn services_are_enabled_as_the_real_programs_enable_them() {
    if switched_on_for("services_are_enabled_as_the_real_programs_enable_them") {
        compare(include_str!("services/units.sh"), include_str!("services/services.sh"));
    }
}
