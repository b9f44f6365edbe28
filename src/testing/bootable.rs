//! A root that an initramfs can be made of.

use super::module::kernel_module;
use crate::tree::Tree;

/// A root with just enough for an initramfs: kernel 6.1 with a few modules, initramfs-tools, klibc, busybox, udev. Nothing of
/// it runs.
///
/// # Panics
/// Never: the tree is fresh.
#[must_use]
pub fn bootable_root() -> Tree {
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
        put(&format!("usr/share/initramfs-tools/hooks/{hook}"), 0o755, b"");
    }
    put("usr/share/initramfs-tools/hook-functions", 0o644, FUNCTIONS.as_bytes());
    put("usr/share/initramfs-tools/init", 0o755, b"#!/bin/sh\n");
    put("usr/share/initramfs-tools/scripts/functions", 0o644, b"");
    put("usr/share/initramfs-tools/scripts/nfs", 0o644, b"");
    put("usr/share/initramfs-tools/scripts/init-top/udev", 0o755, b"PREREQS=\"\"\nprereqs");
    put("usr/share/initramfs-tools/scripts/init-top/a", 0o755, b"PREREQ=\"udev\"\nprereqs");
    put("etc/initramfs-tools/initramfs.conf", 0o644, b"MODULES=most\nBUSYBOX=auto\n");
    put("etc/initramfs-tools/modules", 0o644, b"# none\nlate option=1\n");
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
    module("kernel/net/8021q/8021q.ko", &[], &[]);
    module("kernel/drivers/net/bonding/bonding.ko", &[], &["tls_do"]);
    module("kernel/net/tls.ko", &[], &[]);
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

/// A busybox that is nothing but its tables: applets of `/bin`, among them what the lint wants.
fn busybox() -> Vec<u8> {
    let mut names: Vec<String> =
        ["[", "[[", "cat", "ip", "mkdir", "mount", "run-init", "sh", "sha256sum", "sleep", "tr", "wget"]
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
