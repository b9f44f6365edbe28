//! The initramfs under a real kernel in QEMU.
//!
//! Emulated (TCG) on purpose: kernel-based machines of build hosts differ in what they can do, and fail late.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use imgbuild::format::compress;
use imgbuild::format::compress::Compression;
use imgbuild::image;
use imgbuild::initramfs;
use imgbuild::initramfs::Initramfs;
use imgbuild::kernel;

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

/// Boots and returns the console's lines up to the one with `wanted`.
#[expect(clippy::disallowed_methods, reason = "a machine is another program, and its console is read beside it")]
fn console(kernel: &Path, initrd: &Path, arguments: &str, wanted: &str) -> Vec<String> {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-nographic", "-no-reboot", "-nodefaults"]);
    command.args(["-serial", "stdio", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd).arg("-append").arg(arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("qemu starts");
    let mut machine = Machine(child);
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
    panic!("`{wanted}` does not come on the console:\n{tail}");
}

fn boot(suite: &str, arguments: &str, wanted: &str) -> Vec<String> {
    let directory = reference::root(suite);
    let root = reference::read(&directory);
    let version = kernel::newest(&root).expect("the root has a kernel");
    let mut options = initramfs::Options::new("amd64", 1_757_635_200);
    options.jobs = 2;
    let made = initramfs::assemble(&root, &options).expect("the root has all that is needed");
    let initrd = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("initrd-{suite}-{}", std::process::id()));
    write(&made, &initrd);
    let lines = console(&directory.join(format!("boot/vmlinuz-{version}")), &initrd, arguments, wanted);
    fs::remove_file(initrd).expect("the file is ours");
    lines
}

/// `init`, udev with the card's driver, and klibc's DHCP client against QEMU's own server.
#[test]
fn a_node_gets_as_far_as_its_address() {
    if switched_on("IMGBUILD_TEST_BOOT", "a_node_gets_as_far_as_its_address") {
        let arguments = "console=ttyS0 panic=1 root=/dev/nfs nfsroot=10.0.2.2:/none ip=dhcp";
        let lines = boot("trixie", arguments, "complete (dhcp from");
        assert!(lines.iter().any(|line| line.contains("Run /init as init process")), "{lines:#?}");
    }
}

/// Our own script: reads its arguments, asks for an address, tries as often as it is told, says what it wanted and
/// got, and restarts the machine.
#[test]
fn the_own_script_says_what_it_wanted() {
    if switched_on("IMGBUILD_TEST_BOOT", "the_own_script_says_what_it_wanted") {
        let arguments = "console=ttyS0 panic=1 boot=imgbuild imgbuild.tries=2 ip=dhcp imgbuild.sha256=00 \
                         imgbuild.root=ram:http://10.0.2.2:9/root.erofs";
        let lines = boot("trixie", arguments, "Rebooting automatically due to panic= boot argument");
        let said = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(said("image wanted http://10.0.2.2:9/root.erofs got 0 bytes"), "{lines:#?}");
        assert!(said("cannot fetch http://10.0.2.2:9/root.erofs in 2 attempts"), "{lines:#?}");
    }
}
