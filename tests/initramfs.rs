//! The initramfs against what the suite's own mkinitramfs makes of the same root.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::format::glob::fits as matches;
use imgbuild::initramfs;
use imgbuild::kernel;
use imgbuild::kernel::Modules;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;

use crate::reference;
use crate::switched_on;

/// Asks for the modules of our root modes, as an administrator would.
const HOOK: &str = "#!/bin/sh
case \"$1\" in prereqs) echo; exit 0 ;; esac
. /usr/share/initramfs-tools/hook-functions
manual_add_modules af_packet auth_rpcgss dns_resolver erofs grace lockd loop nfs nfs_acl nfsv2 nfsv3 nfsv4
manual_add_modules overlay squashfs sunrpc
";

#[expect(clippy::disallowed_methods, reason = "the reference is what another program makes")]
fn run(root: &Path, command: &str) {
    let status = Command::new("chroot").arg(root).args(["sh", "-ec", command]).status().expect("chroot starts");
    assert!(status.success(), "{command}");
}

/// mkinitramfs in the root, unpacked.
fn theirs(root: &Path, version: &str) -> Tree {
    let unpacked = root.join("tmp/peer/unpacked");
    if !unpacked.exists() {
        run(root, "rm -rf /tmp/peer; mkdir -p /tmp/peer; cp -a /etc/initramfs-tools /tmp/peer/conf");
        fs::write(root.join("tmp/peer/conf/hooks/imgbuild"), HOOK).expect("the hook can be written");
        let settings = "sed -i 's/^MODULES=.*/MODULES=netboot/' initramfs.conf; echo BOOT=nfs >>initramfs.conf";
        let make = "SOURCE_DATE_EPOCH=1757635200 mkinitramfs -d /tmp/peer/conf -o /tmp/peer/image";
        run(root, &format!("cd /tmp/peer/conf; chmod 0755 hooks/imgbuild; {settings}; {make} {version}"));
        run(root, "unmkinitramfs /tmp/peer/image /tmp/peer/new; mv /tmp/peer/new /tmp/peer/unpacked");
    }
    reference::read(&unpacked)
}

/// What is compared of each path: kind, mode, and content or target.
fn facts(tree: &Tree) -> BTreeMap<String, String> {
    let fact = |kind: &Kind, mode: u32| match kind {
        Kind::Directory => format!("directory {mode:04o}"),
        Kind::File(content) => format!("file {mode:04o} {} {}", content.size(), content.sha256()),
        Kind::Symlink(target) => format!("link {}", String::from_utf8_lossy(target)),
        other => format!("{other:?} {mode:04o}"),
    };
    tree.iter().map(|(path, _, inode)| (path.to_string(), fact(&inode.kind, inode.stat.mode))).collect()
}

/// Differences as lines: `-PATH` only theirs, `+PATH` only ours, `~PATH` in both and not the same.
fn differences(ours: &Tree, theirs: &Tree) -> Vec<String> {
    let (ours, theirs) = (facts(ours), facts(theirs));
    let mut lines: Vec<String> =
        theirs.keys().filter(|path| !ours.contains_key(*path)).map(|path| format!("-{path}")).collect();
    for (path, fact) in &ours {
        match theirs.get(path) {
            None => lines.push(format!("+{path}")),
            Some(other) if other != fact => lines.push(format!("~{path} ours {fact} theirs {other}")),
            Some(_) => {}
        }
    }
    lines
}

fn compare(suite: &str) {
    let directory = reference::root(suite);
    let root = reference::read(&directory);
    let version = kernel::newest(&root).expect("the root has a kernel");
    let modules = Modules::read(&root, &version, 2).expect("every module is readable");
    let options = initramfs::Options::new("amd64", 1_757_635_200);
    let ours = initramfs::assemble_with(&root, &modules, &version, &options).expect("the root has all that is needed");
    let theirs = theirs(&directory, &version);
    let allowed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/peers/mkinitramfs-{suite}.allow"));
    let allowed = fs::read_to_string(allowed).expect("the list of allowed differences is in the repository");
    let allowed: Vec<&str> = allowed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let found = differences(&ours.tree, &theirs);
    let path = |line: &str| line.split(' ').next().unwrap_or(line).to_owned();
    let fits = |line: &str| allowed.iter().any(|pattern| matches(pattern.as_bytes(), path(line).as_bytes()));
    let unexpected: Vec<&String> = found.iter().filter(|line| !fits(line)).collect();
    assert!(unexpected.is_empty(), "{suite}: {} differences:\n{unexpected:#?}", unexpected.len());
    for pattern in allowed {
        let used = found.iter().any(|line| matches(pattern.as_bytes(), path(line).as_bytes()));
        assert!(used, "{suite}: `{pattern}` is no difference any more: take it off the list");
    }
}

#[test]
fn the_files_are_those_of_mkinitramfs() {
    if switched_on("IMGBUILD_TEST_PEERS", "the_files_are_those_of_mkinitramfs") {
        compare("trixie");
        compare("bookworm");
    }
}
