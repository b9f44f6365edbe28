//! The initramfs under a real kernel in QEMU.
//!
//! Emulated (TCG) on purpose: kernel-based machines of build hosts differ in what they can do, and fail late.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use imgbuild::digest::Sha256;
use imgbuild::format::compress;
use imgbuild::format::compress::Compression;
use imgbuild::image;
use imgbuild::initramfs;
use imgbuild::initramfs::Initramfs;
use imgbuild::kernel;
use imgbuild::kernel::Modules;

use crate::reference;
use crate::switched_on;

/// A machine is 10 to 20 times slower than metal here, and shares the host.
const PATIENCE: Duration = Duration::from_secs(900);

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes the initramfs as the kernel takes it: newc, then zstd.
fn write(made: &Initramfs, path: &Path) {
    let file = fs::File::create(path).expect("the file can be made");
    let mut encoder = compress::encoder(Compression::Zstd, 2, file).expect("zstd is built in");
    image::write_newc(&made.tree, image::Xattrs::Refused, &mut encoder).expect("the tree fits into newc");
    encoder.finish().expect("the stream ends").flush().expect("the file is written");
}

/// The head of a boot: NFS of all versions and HTTP from one directory, in namespaces that end with the machine.
/// QEMU's user network leads the node's 10.0.2.2 to their loopback.
const HEAD: &str = r#"
ip link set lo up
for directory in /run /var/lib/nfs /var/log; do mount -t tmpfs tmpfs "$directory"; done
mkdir -p /run/ganesha /run/rpcbind /var/lib/nfs/ganesha /var/log/ganesha
cat >/run/ganesha.conf <<EOF
NFS_CORE_PARAM { mount_path_pseudo = true; Protocols = 3,4; MNT_Port = 20048; }
NFSV4 { Graceless = true; RecoveryBackend = fs; Only_Numeric_Owners = true; }
EXPORT { Export_Id = 1; Path = $EXPORT; Pseudo = /export; Access_Type = RW; Squash = No_Root_Squash;
         SecType = sys; FSAL { Name = VFS; } }
EOF
rpcbind -w
ganesha.nfsd -f /run/ganesha.conf -L /run/ganesha.log -p /run/ganesha.pid
busybox httpd -p 127.0.0.1:8067 -h "$EXPORT"
exec qemu-system-x86_64 "$@"
"#;

/// Boots with a directory on the head and returns the console's lines up to the one with `wanted`.
#[expect(clippy::disallowed_methods, reason = "a machine is another program, and its console is read beside it")]
fn console(export: &Path, kernel: &Path, initrd: &Path, arguments: &str, wanted: &str) -> Vec<String> {
    let mut command = Command::new("unshare");
    command.args(["-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-ec", HEAD, "head"]);
    command.args(["-accel", "tcg", "-m", "1024", "-nographic", "-no-reboot", "-nodefaults"]);
    command.args(["-serial", "stdio", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd).arg("-append").arg(arguments);
    command.env("EXPORT", export).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut machine = Machine(command.spawn().expect("the head and qemu start"));
    let output = machine.0.stdout.take().expect("it is piped");
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        let found = line.contains(wanted);
        seen.push(line);
        if found {
            return seen;
        }
    }
    let tail = seen[seen.len().saturating_sub(60)..].join("\n");
    panic!("`{wanted}` does not come on the console with `{arguments}`:\n{tail}");
}

/// The first program of a node's root in these tests: says where it runs, whether it can write, and ends.
const INIT: &str = r#"#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
exec >/dev/console 2>&1
echo "NODE-ROOT $(grep ' / ' /proc/mounts | cut -d ' ' -f 1-3)"
touch /written && echo "NODE-WRITES"
grep imgbuild /proc/mounts
echo "NODE-END"
sleep 1
poweroff -f
"#;

/// Makes what lies on the head: a root with busybox alone, and images of it.
const EXPORT: &str = r#"
mkdir -p $1/bin $1/sbin $1/dev $1/proc $1/sys $1/run $1/tmp $1/etc
cp $2/usr/bin/busybox $1/bin/busybox
for library in $(chroot $2 ldd /usr/bin/busybox | grep -o '/lib[^ ]*'); do
    mkdir -p $1${library%/*}
    cp -L $2$library $1$library
done
for name in sh cut grep mount poweroff sleep touch; do ln -s busybox $1/bin/$name; done
printf %s "$3" >$1/sbin/init
chmod 0755 $1/sbin/init
mkdir $1/../other
echo other >$1/../other/root.sqsh
mksquashfs $1 $1/../root.sqsh -quiet -no-progress
mkfs.erofs $1/../root.erofs $1
"#;

#[expect(clippy::disallowed_methods, reason = "the images are made by other programs")]
fn head(suite: &str) -> PathBuf {
    let export = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{}", std::process::id()));
    let status = Command::new("sh")
        .args(["-ec", EXPORT, "head"])
        .args([export.join("root").as_path(), reference::root(suite).as_path()])
        .arg(INIT)
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("a shell starts").success(), "the head's directory is made");
    export
}

fn sum(path: &Path) -> String {
    Sha256::of(&fs::read(path).expect("the image can be read")).to_string()
}

/// Boots an initramfs of the suite once for each pair of arguments and the line to wait for.
fn boot(suite: &str, boots: &dyn Fn(&Path) -> Vec<(String, &'static str)>) -> Vec<Vec<String>> {
    let directory = reference::root(suite);
    let root = reference::read(&directory);
    let version = kernel::newest(&root).expect("the root has a kernel");
    let modules = Modules::read(&root, &version, 2).expect("every module is readable");
    let options = initramfs::Options::new("amd64", 1_757_635_200);
    let made = initramfs::assemble_with(&root, &modules, &version, &options).expect("the root has all that is needed");
    let export = head(suite);
    let initrd = export.join("initrd");
    write(&made, &initrd);
    let kernel = directory.join(format!("boot/vmlinuz-{version}"));
    // On a busy host the emulated timer may be too slow for the kernel's test of it.
    let seen = boots(&export).into_iter().map(|(arguments, wanted)| {
        console(&export, &kernel, &initrd, &format!("console=ttyS0 no_timer_check panic=1 ip=dhcp {arguments}"), wanted)
    });
    let seen = seen.collect();
    fs::remove_dir_all(export).expect("the directory is ours");
    seen
}

fn said(lines: &[String], text: &str) {
    assert!(lines.iter().any(|line| line.contains(text)), "`{text}` is not in\n{}", lines.join("\n"));
}

/// What boots of whole clusters have not: an overlay by NFS 3, an image from the third of several servers, and an erofs that
/// is read by NFS. As far as the root's own init, which writes to it.
#[test]
fn nodes_boot_in_further_root_modes() {
    if !switched_on("IMGBUILD_TEST_BOOT", "nodes_boot_in_further_root_modes") {
        return;
    }
    let ram = "boot=imgbuild imgbuild.tries=2 imgbuild.root=ram:";
    let seen = boot("trixie", &|export| {
        let (squashfs, erofs) = (sum(&export.join("root.sqsh")), sum(&export.join("root.erofs")));
        let overlay = "boot=imgbuild imgbuild.root=nfs:10.0.2.2:/export/root";
        vec![
            (format!("{overlay} imgbuild.opts=vers=3,hard"), "NODE-END"),
            (
                // Of these servers one is dead, one has another file there, and one is right; the head is dead as well.
                format!(
                    "{ram}http://10.0.2.2:9/root.sqsh imgbuild.sha256={squashfs} imgbuild.source=http://10.0.2.2:9 \
                     imgbuild.source=http://10.0.2.2:8067/other imgbuild.source=http://10.0.2.2:8067"
                ),
                "NODE-END",
            ),
            (format!("{ram}nfs:10.0.2.2:/export/root.erofs imgbuild.sha256={erofs}"), "NODE-END"),
        ]
    });
    said(&seen[0], "complete (dhcp from 10.0.2.2)");
    for lines in &seen {
        said(lines, "NODE-ROOT overlay / overlay");
        said(lines, "NODE-WRITES");
    }
    said(&seen[0], "10.0.2.2:/export/root /run/initramfs/imgbuild/lower nfs ro");
    said(&seen[1], "imgbuild: image from http://10.0.2.2:8067/root.sqsh");
    said(&seen[1], "/run/initramfs/imgbuild/lower squashfs ro");
    said(&seen[2], "/run/initramfs/imgbuild/lower erofs ro");
}
