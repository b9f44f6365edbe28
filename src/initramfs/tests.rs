use super::*;
use crate::digest::Sha256;
use crate::testing::kernel_module;

/// A busybox that is nothing but its tables: applets of `/bin`, among them what the lint wants.
fn busybox() -> Vec<u8> {
    let mut names: Vec<String> = ["[", "[[", "cat", "mkdir", "mount", "run-init", "sh", "sha256sum", "sleep", "wget"]
        .map(str::to_owned)
        .to_vec();
    names.extend((0..20).map(|number| format!("x{}", char::from(b'a' + number))));
    names.sort();
    let place = |name: &String| if name == "[" || name == "wget" { 3 } else { 1 };
    let mut bytes = b"\x7fNOELF\0".to_vec();
    bytes.extend(names.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()));
    bytes.extend(b"\0\xff");
    bytes.extend(names.chunks(2).map(|pair| place(&pair[0]) | pair.get(1).map_or(0, place) << 4));
    bytes.extend(b"\xff");
    bytes
}

const FUNCTIONS: &str = "auto_add_modules()\n{\n\tbase)\n\t\tmodules=\"$modules ext4 gone\"\n\t;;\n\tnet)\n\
                         \t\tmodules=\"$modules =drivers/net/ethernet\"\n\t;;\n}\n\
                         hidden_dep_add_modules()\n{\n\tcase \"$module\" in\n\text4)\n\t\techo crc32c\n\t\t;;\n\tesac\n}\n";

/// A root that has just enough.
fn root() -> Tree {
    let mut tree = Tree::new();
    for name in ["bin", "lib", "sbin"] {
        tree.make_directories(format!("usr/{name}"), 0o755).expect("a fresh tree takes it");
        tree.symlink(name, format!("usr/{name}")).expect("a fresh tree takes it");
    }
    let mut put = |path: &str, mode: u32, bytes: &[u8]| {
        let path = tree.write(path, mode, bytes).expect("a fresh tree takes it");
        tree.get_mut(&path).expect("just written").stat.mtime = 2_000_000_000;
    };
    for path in ["bin/kmod", "bin/udevadm", "sbin/blkid", "sbin/mount.nfs"] {
        put(path, 0o755, path.as_bytes());
    }
    for path in ["klibc/bin/ipconfig", "klibc/bin/nfsmount", "klibc/bin/cat", "klibc/bin/kinit", "klibc-abc.so"] {
        put(&format!("usr/lib/{path}"), 0o755, path.as_bytes());
    }
    for path in ["systemd/systemd-udevd", "udev/ata_id", "udev/scsi_id"] {
        put(&format!("usr/lib/{path}"), 0o755, path.as_bytes());
    }
    put("usr/bin/busybox", 0o755, &busybox());
    put("usr/lib/udev/rules.d/60-block.rules", 0o644, b"package");
    put("etc/udev/rules.d/60-block.rules", 0o644, b"own");
    put("etc/udev/rules.d/70-mine.rules", 0o644, b"mine");
    for hook in ["kmod", "udev", "zz-busybox", "klibc-utils", "resume"] {
        put(&format!("{SHARE}/hooks/{hook}"), 0o755, b"");
    }
    put(&format!("{SHARE}/hook-functions"), 0o644, FUNCTIONS.as_bytes());
    put(&format!("{SHARE}/init"), 0o755, b"#!/bin/sh\n");
    put(&format!("{SHARE}/scripts/functions"), 0o644, b"");
    put(&format!("{SHARE}/scripts/nfs"), 0o644, b"");
    put(&format!("{SHARE}/scripts/init-top/udev"), 0o755, b"PREREQS=\"\"\nprereqs");
    put(&format!("{SHARE}/scripts/init-top/a"), 0o755, b"PREREQ=\"udev\"\nprereqs");
    put(&format!("{ETC}/initramfs.conf"), 0o644, b"MODULES=most\nBUSYBOX=auto\n");
    put(&format!("{ETC}/modules"), 0o644, b"# none\nlate option=1\n");
    put("var/lib/dpkg/status", 0o644, b"Package: kmod\nVersion: 34.2-2\n");
    let mut module = |path: &str, info: &[&str], needs: &[&str]| {
        let name = path.rsplit('/').next().expect("a path has a name").trim_end_matches(".ko");
        put(&format!("usr/lib/modules/6.1/{path}"), 0o644, &kernel_module(info, &[&format!("{name}_do")], needs));
    };
    module("kernel/fs/ext4.ko", &[], &["printk"]);
    module("kernel/crypto/crc32c.ko", &[], &[]);
    module(
        "kernel/drivers/net/ethernet/e1000.ko",
        &["softdep=pre: helper", "firmware=nic/*.bin", "firmware=not.bin"],
        &["mii_do"],
    );
    module("kernel/drivers/net/mii.ko", &[], &[]);
    module("kernel/lib/helper.ko", &[], &[]);
    module("kernel/late.ko", &[], &[]);
    module("kernel/unwanted.ko", &[], &[]);
    for name in ["lockd", "loop", "nfs", "nfsv3", "nfsv4", "overlay", "squashfs", "sunrpc", "grace"] {
        module(&format!("kernel/fs/{name}.ko"), &[], &[]);
    }
    put("usr/lib/modules/6.1/modules.builtin", 0o644, b"kernel/net/af_packet.ko\n");
    put("usr/lib/firmware/nic/one.bin.xz", 0o644, b"1");
    put("usr/lib/firmware/nic/two.bin", 0o644, b"2");
    for name in ["modprobe", "rmmod"] {
        tree.symlink(format!("usr/sbin/{name}"), "../bin/kmod").expect("a fresh tree takes it");
    }
    tree
}

fn options() -> Options {
    Options::new("amd64", 1_000_000_000)
}

fn assemble(root: &Tree, options: &Options) -> Result<Initramfs, Error> {
    let version = options.version(root)?;
    let modules = Modules::read(root, &version, 2).expect("a good kernel");
    assemble_with(root, &modules, &version, options)
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
    let hooks = ["lvm2", "mdadm", "btrfs", "cryptroot", "cryptgnupg", "plymouth", "intel_microcode", "sg3-utils"];
    for hook in hooks {
        root.write(format!("{SHARE}/hooks/{hook}"), 0o755, "").expect("it can be written");
    }
    for script in ["local-block/mdadm", "local-top/cryptroot", "init-premount/plymouth", "init-premount/kept"] {
        root.write(format!("{SHARE}/scripts/{script}"), 0o755, "PREREQ=\"mdadm\"\nprereqs").expect("it can be written");
    }
    let made = assemble(&root, &options()).expect("nodes need none of them");
    let mut left: Vec<&str> = made.report.unneeded_hooks.iter().map(|(hook, _)| hook.as_str()).collect();
    left.sort_unstable();
    assert_eq!(left, ["btrfs", "cryptgnupg", "cryptroot", "intel_microcode", "lvm2", "mdadm", "plymouth", "sg3-utils"]);
    for script in ["local-block/mdadm", "local-top/cryptroot", "init-premount/plymouth"] {
        assert!(made.tree.lookup(format!("scripts/{script}")).is_none(), "{script}");
    }
    assert!(made.tree.lookup("scripts/init-premount/kept").is_some());
    assert!(!text(&made.tree, "scripts/init-premount/ORDER").contains("plymouth"));
    let told = made.report.told();
    let line = "the initramfs goes without `btrfs`, `lvm2`, `mdadm`, `sg3-utils`: the root is on no disk of the node's";
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
