use std::sync::Arc;

use super::*;
use crate::digest::Sha256;
use crate::host::MemoryStore;
use crate::host::OfflineTransport;
use crate::testing::bootable_root as root;

fn options() -> Options {
    Options::new("amd64", 1_000_000_000)
}

fn host() -> Host {
    Host::new(Arc::new(OfflineTransport), Arc::new(MemoryStore::new()))
}

fn assemble(root: &Tree, options: &Options) -> Result<Initramfs, Error> {
    assemble_asking(&host(), &Root::new(root), options)
}

/// Roots in which one thing is another, for each path of a root: it is gone, has another mode or time, or other bytes, or
/// something new lies beside it.
fn changed_roots(root: &Tree) -> Vec<(String, Tree)> {
    let mut found = Vec::new();
    for (path, _, inode) in root.iter().filter(|(path, ..)| !path.is_root()) {
        let mut change = |what: &str, change: &dyn Fn(&mut Tree)| {
            let mut tree = root.clone();
            change(&mut tree);
            found.push((format!("{path}: {what}"), tree));
        };
        change("gone", &|tree| tree.remove_all(path));
        change("mode", &|tree| tree.get_mut(path).expect("it is there").stat.mode ^= 0o011);
        change("time", &|tree| tree.get_mut(path).expect("it is there").stat.mtime += 1);
        if let Some(content) = inode.content() {
            let bytes = [content.to_vec().expect("in memory"), b"\n# more\n".to_vec()].concat();
            change("bytes", &|tree| {
                tree.get_mut(path).expect("it is there").kind = Kind::File(tree::Content::from_bytes(bytes.clone()));
            });
        }
        for end in ["-new", ".conf", ".new.so.conf", ".so.9", ".link"] {
            let beside = TreePath::new([path.as_bytes(), end.as_bytes()].concat()).expect("a path");
            change(end, &|tree| drop(tree.insert(beside.clone(), Inode::file(0o755, "new\n"))));
        }
    }
    found
}

#[test]
fn who_answers_alike_gives_the_same_initramfs() {
    let (root, options) = (root(), options());
    let asking = Root::new(&root);
    let made = assemble_asking(&host(), &asking, &options).expect("a good root");
    let asked = asking.asked();
    let (answers, digest, told) = (asked.answers(&root), tree::digest(&made.tree), made.report);
    let (mut alike, mut others) = (0, 0);
    for (what, changed) in changed_roots(&root) {
        if asked.answers(&changed) != answers {
            others += 1;
            continue;
        }
        alike += 1;
        let made = assemble(&changed, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((tree::digest(&made.tree), &made.report), (digest, &told), "{what}");
    }
    assert!(alike > 100 && others > 100, "{alike} alike, {others} others");
}

#[test]
fn what_an_initramfs_does_not_hold_is_not_asked_for() {
    let (root, options) = (root(), options());
    let asking = Root::new(&root);
    assemble_asking(&host(), &asking, &options).expect("a good root");
    let asked = asking.asked();
    let with = |path: &str| {
        let mut changed = root.clone();
        changed.make_directories(path.rsplit_once('/').expect("a parent").0, 0o755).expect("it can be made");
        changed.write(path, 0o644, "options e1000 x=1\n").expect("it can be written");
        asked.answers(&changed) == asked.answers(&root)
    };
    assert!(with("/etc/issue.net") && with("/srv/data") && with("/usr/share/doc/x/copyright") && with("/etc/fstab"));
    assert!(!with("/etc/modprobe.d/mine.conf") && !with("/etc/initramfs-tools/scripts/init-top/mine"));
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.read(path).expect("readable").unwrap_or_else(|| panic!("{path} is there"))).expect("a text")
}

#[test]
fn holds_what_a_node_needs() {
    let made = assemble(&root(), &options()).expect("a good root");
    let names = ["crc32c", "e1000", "ext4", "grace", "helper", "late", "lockd", "loop", "mii", "nfs", "nfsv3", "nfsv4"];
    let mut modules = made.report.modules.clone();
    modules.sort();
    assert_eq!(modules[..names.len()], names);
    assert!(!modules.contains(&"unwanted".to_owned()));
    assert_eq!(made.report.missing_firmware, [("e1000".to_owned(), "not.bin".to_owned())]);
    for path in ["usr/lib/firmware/nic/one.bin.xz", "lib/firmware/nic/two.bin", "bin/sh", "bin/nfsmount", "etc/fstab"] {
        assert!(made.tree.lookup(path).is_some(), "{path}");
    }
    assert!(made.tree.lookup("bin/kinit").is_none(), "klibc's init is not for an initramfs");
    assert_eq!(text(&made.tree, "conf/initramfs.conf"), "MODULES=netboot\nBUSYBOX=auto\nBOOT=nfs\n");
    assert_eq!(text(&made.tree, "conf/modules"), "late option=1\n");
    assert_eq!(text(&made.tree, "usr/lib/udev/rules.d/60-block.rules"), "own");
    assert_eq!(text(&made.tree, "usr/lib/udev/rules.d/70-mine.rules"), "mine");
    let order = text(&made.tree, "scripts/init-top/ORDER");
    assert!(order.starts_with("/scripts/init-top/udev \"$@\"\n[ -e /conf/param.conf ]"), "{order}");
    assert!(text(&made.tree, "lib/modules/6.1/modules.dep").contains("e1000.ko: kernel/drivers/net/mii.ko\n"));
    let shell = made.tree.id(&TreePath::literal("usr/bin/sh")).expect("busybox has a shell");
    assert!(made.tree.links(shell) > 20, "one busybox under all names");
    for (path, _, inode) in made.tree.iter() {
        assert!(inode.stat.mtime <= 1_000_000_000 && (inode.stat.uid, inode.stat.gid) == (0, 0), "{path}");
    }
}

#[test]
fn the_same_root_gives_the_same_tree() {
    let trees = [1, 7].map(|jobs| {
        let modules = Modules::read(&root(), "6.1", jobs).expect("a good kernel");
        assemble_with(&root(), &modules, "6.1", &options()).expect("a good root").tree
    });
    assert_eq!(tree::digest(&trees[0]), tree::digest(&trees[1]));
}

#[test]
fn a_list_is_taken_as_names_and_patterns() {
    let mut options = options();
    options.modules = recipe::Modules::List(vec!["e1*".into(), "kernel/crypto/*".into()]);
    let made = assemble(&root(), &options).expect("a good root");
    assert!(!made.report.modules.contains(&"ext4".to_owned()));
    assert!(["e1000", "mii", "crc32c", "nfs"].iter().all(|name| made.report.modules.iter().any(|made| made == name)));
    options.modules = recipe::Modules::List(vec!["e1000".into(), "none*".into(), "nor".into()]);
    match assemble(&root(), &options) {
        Err(Error::Missing(what)) => assert_eq!(what.len(), 2, "{what:?}"),
        other => panic!("{other:?}"),
    }
    options.modules = recipe::Modules::List(vec!["crc32c".into()]);
    assert!(matches!(assemble(&root(), &options), Err(Error::Lint(_))), "no driver for a card");
}

#[test]
fn the_image_that_it_was_built_with_is_the_one_it_boots() {
    assert!(assemble(&root(), &options()).expect("a good root").tree.lookup("/conf/imgbuild.image").is_none());
    let mut options = options();
    options.image = Some((Sha256::of(b""), 7));
    let made = assemble(&root(), &options).expect("a good root");
    assert_eq!(text(&made.tree, "/conf/imgbuild.image"), format!("{} 7\n", Sha256::of(b"")));
}

#[test]
fn an_unknown_hook_is_named_with_its_package() {
    let mut root = root();
    root.write(format!("{SHARE}/hooks/site"), 0o755, "").expect("it can be written");
    root.write("var/lib/dpkg/info/a.list", 0o644, "/.\n").expect("it can be written");
    let list = format!("/.\n/{SHARE}/hooks/site\n");
    root.write("var/lib/dpkg/info/site-initramfs.list", 0o644, list).expect("it can be written");
    match assemble(&root, &options()) {
        Err(Error::UnknownHook { hook, package }) => {
            assert_eq!((hook.as_str(), package.as_str()), ("site", "site-initramfs"));
        }
        other => panic!("{other:?}"),
    }
    let mut options = options();
    options.skip_hooks.insert("site".into());
    assert_eq!(assemble(&root, &options).expect("it was allowed").report.skipped_hooks, ["site"]);
}

/// As lvm2, mdadm, cryptsetup-initramfs, btrfs-progs, plymouth, intel-microcode and sg3-utils-udev have them.
#[test]
fn c7_what_a_network_root_does_without_is_left_out_and_told() {
    let mut root = root();
    let hooks = [
        "lvm2",
        "mdadm",
        "btrfs",
        "cryptroot",
        "cryptgnupg",
        "plymouth",
        "intel_microcode",
        "sg3-utils",
        "raspi-firmware-fsck",
    ];
    for hook in hooks {
        root.write(format!("{SHARE}/hooks/{hook}"), 0o755, "").expect("it can be written");
    }
    for script in ["local-block/mdadm", "local-top/cryptroot", "init-premount/plymouth", "init-premount/kept"] {
        root.write(format!("{SHARE}/scripts/{script}"), 0o755, "PREREQ=\"mdadm\"\nprereqs").expect("it can be written");
    }
    let made = assemble(&root, &options()).expect("nodes need none of them");
    let mut left: Vec<&str> = made.report.unneeded_hooks.iter().map(|(hook, _)| hook.as_str()).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        [
            "btrfs",
            "cryptgnupg",
            "cryptroot",
            "intel_microcode",
            "lvm2",
            "mdadm",
            "plymouth",
            "raspi-firmware-fsck",
            "sg3-utils"
        ]
    );
    for script in ["local-block/mdadm", "local-top/cryptroot", "init-premount/plymouth"] {
        assert!(made.tree.lookup(format!("scripts/{script}")).is_none(), "{script}");
    }
    assert!(made.tree.lookup("scripts/init-premount/kept").is_some());
    assert!(!text(&made.tree, "scripts/init-premount/ORDER").contains("plymouth"));
    let told = made.report.told();
    let line = "the initramfs goes without `btrfs`, `lvm2`, `mdadm`, `raspi-firmware-fsck`, `sg3-utils`: the root is on no disk of the node's";
    assert!(told.iter().any(|told| told.starts_with(line)), "{line}\n{told:#?}");
}

#[test]
fn c8_firmware_that_is_not_there_is_one_line() {
    let made = assemble(&root(), &options()).expect("a good root");
    let of_firmware = |told: &String| told.contains("firmware");
    let told: Vec<String> = made.report.told().into_iter().filter(of_firmware).collect();
    let [line] = told.as_slice() else { panic!("{told:#?}") };
    assert!(line.starts_with("the root has no firmware for e1000: nodes with such cards need packages"), "{line}");
    let mut whole = root();
    whole.write("usr/lib/firmware/not.bin", 0o644, "").expect("it can be written");
    let made = assemble(&whole, &options()).expect("a good root");
    assert!(!made.report.told().iter().any(of_firmware) && made.report.missing_firmware.is_empty());
}

#[test]
fn what_is_missing_is_listed_with_its_package() {
    let mut root = root();
    for path in ["usr/bin/busybox", "usr/share/initramfs-tools/hooks/zz-busybox", "usr/lib/udev/ata_id"] {
        root.remove(&TreePath::literal(path)).expect("it is there");
    }
    root.remove(&TreePath::literal("usr/lib/modules/6.1/kernel/fs/nfsv4.ko")).expect("it is there");
    match assemble(&root, &options()) {
        Err(Error::Missing(what)) => assert_eq!(what, ["module `nfsv4` of kernel `6.1`"]),
        other => panic!("{other:?}"),
    }
    root.write("usr/lib/modules/6.1/modules.builtin", 0o644, "kernel/net/af_packet.ko\nkernel/fs/nfsv4.ko\n")
        .expect("it can be written");
    match assemble(&root, &options()) {
        Err(Error::Missing(what)) => {
            assert_eq!(what, ["`/usr/bin/busybox` (package `busybox`)", "`/usr/lib/udev/ata_id`"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(assemble(&Tree::new(), &options()), Err(Error::NoKernel)));
}

#[test]
fn settings_that_change_the_content_are_refused() {
    let mut root = root();
    root.write(format!("{ETC}/conf.d/local"), 0o644, "KEYMAP=y\n").expect("it can be written");
    assert!(matches!(assemble(&root, &options()), Err(Error::Setting { .. })));
    root.write(format!("{ETC}/conf.d/local"), 0o644, "DEVICE=eth0\n").expect("it can be written");
    let made = assemble(&root, &options()).expect("the setting is one of boot time");
    assert_eq!(text(&made.tree, "conf/conf.d/local"), "DEVICE=eth0\n");
}

/// What makes a VLAN or a bond is in the initramfs of who boots by one, and in no other.
#[test]
fn what_makes_the_boot_interface_is_there_when_it_is_no_card() {
    let has = |made: &Initramfs, name: &str| made.report.modules.iter().any(|module| module == name);
    let script = "scripts/init-premount/imgbuild-link";
    let made = assemble(&root(), &options()).expect("a good root");
    assert!(made.tree.lookup(script).is_none() && !has(&made, "8021q") && !has(&made, "bonding"));
    let mut options = options();
    options.links = vec!["8021q", "bonding"];
    let made = assemble(&root(), &options).expect("a good root");
    assert!(has(&made, "8021q") && has(&made, "bonding") && has(&made, "tls"));
    assert_eq!(made.tree.lookup(script).expect("it is there").1.stat.mode, 0o755);
    assert!(text(&made.tree, "scripts/init-premount/ORDER").starts_with(&format!("/{script} \"$@\"\n")));
    // A kernel without them boots no node.
    let mut root = root();
    root.remove(&TreePath::literal("usr/lib/modules/6.1/kernel/net/8021q/8021q.ko")).expect("it is there");
    let error = assemble(&root, &options).expect_err("there is no such module").to_string();
    assert!(error.contains("module `8021q` of kernel `6.1`"), "{error}");
}

/// A script the real shell would refuse must not get into an image: see also `tests/initramfs.rs`.
#[test]
fn the_own_boot_script_keeps_to_its_rules() {
    let made = assemble(&root(), &options()).expect("a good root");
    let script = text(&made.tree, "scripts/imgbuild");
    assert!(script.contains("mountroot()") && script.contains("/run/initramfs/imgbuild"));
    assert!(!script.contains("mount.nfs"), "the kernel mounts, no helper");
    assert!(text(&made.tree, "scripts/nfs-bottom/ORDER").starts_with("/scripts/nfs-bottom/imgbuild \"$@\"\n"));
    let words = made.tree.lookup("scripts/nfs-bottom/imgbuild").expect("it is there").1;
    assert_eq!(words.stat.mode, 0o755);
}
