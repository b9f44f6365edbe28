//! The example's cluster of another suite or architecture, really booted. What it needs is in `cluster`.

use std::fmt::Write as _;
use std::path::Path;

use imgbuild::boot::Firmware;
use imgbuild::host::lab;

use crate::cluster::Booted;
use crate::cluster::TUMBLER;
use crate::cluster::boots;
use crate::cluster::is_a_node;
use crate::cluster::shared_root;

/// Answers on the second serial line where systemd is too old to take that from the firmware's tables.
const UNIT: &str = "[Unit]
Description=Answer questions on the second serial line
DefaultDependencies=no
[Service]
ExecStart=/bin/sh /usr/local/lib/probe.sh
StandardInput=null
";

/// The same as part of a recipe.
fn probe() -> String {
    let mut text = String::new();
    let answers = lab::answering("/dev/ttyS1");
    for (path, content) in [("/etc/systemd/system/probe.service", UNIT), ("/usr/local/lib/probe.sh", &answers)] {
        write!(text, "[[overlay]]\npath = \"{path}\"\ncontent = '''\n{content}'''\n\n").expect("it is a String");
    }
    let wants = "/etc/systemd/system/local-fs.target.wants/probe.service";
    write!(text, "[[overlay]]\npath = \"{wants}\"\nsymlink = \"../probe.service\"\n\n").expect("it is a String");
    text
}

#[test]
fn bookworm_boots() {
    let probe = probe() + "[diskless]\n";
    // Its boot files from the classic server, which the other boots do not have.
    let changes = [
        ("suite = \"trixie\" ", "suite = \"bookworm\" "),
        ("[diskless]\n", probe.as_str()),
        ("name = \"scoop\"", "name = \"scoop\"\ntftp-server = \"tftpd-hpa\""),
    ];
    boots("bookworm_boots", &changes, shared_root);
}

/// By UEFI with Debian's signed shim and GRUB, on a processor that is emulated.
#[test]
fn arm64_boots() {
    let changes = [
        ("\"linux-image-amd64\"", "\"linux-image-arm64\""),
        ("architecture = \"amd64\"", "architecture = \"arm64\""),
        ("console=ttyS0,115200", "console=ttyAMA0,115200"),
        ("    \"mariadb-server\",", "    #"),
        ("services = [\"mariadb\"]\n", ""),
    ];
    boots("arm64_boots", &changes, arm64);
}

fn arm64(output: &Path, place: &Path) {
    let mut booted = Booted::with(output, place.join("lab"), 1024, Firmware::Uefi);
    let (node, address) = TUMBLER;
    booted.power_on(&[node]);
    let machine = booted.ask(node, "uname -m; ls -d /sys/firmware/efi; grep -o 'BOOT_IMAGE=/[a-z-]*/' /proc/cmdline");
    assert_eq!(machine, "aarch64\n/sys/firmware/efi\nBOOT_IMAGE=/diskless-node/");
    is_a_node(&mut booted, node, address);
    // A getty first asks the terminal how large it is, and waits for an answer: systemd is done before the prompt is there.
    let prompt = "tumbler login:";
    booted.says(node, prompt, |console| console.contains(prompt).then_some(()));
    booted.power_off(&[node]);
    booted.finish();
}
