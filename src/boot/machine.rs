//! A node as QEMU starts it: qemu(1).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Options;
use crate::head::Machine;
use crate::host::lab::LOOP;
use crate::host::lab::Need;

/// What a node starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
}

/// Who executes a node's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// QEMU itself: ten to twenty times slower, and the same everywhere.
    Emulated,
    /// The processor, through KVM.
    Kvm,
}

/// OVMF's code, and the variables that each node gets a copy of.
const OVMF: (&str, &str) = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd");
/// A unit of systemd's that answers on the second serial line as soon as there are file systems.
const UNIT: &str = "[Unit]
Description=Answer questions on the second serial line
DefaultDependencies=no
[Service]
Type=exec
ImportCredential=probe.sh
ExecStart=/bin/sh ${CREDENTIALS_DIRECTORY}/probe.sh
StandardInput=null
";
const WANTS: &str = "[Unit]\nWants=probe.service\n";

/// What a node needs on this machine.
pub(super) fn needs(options: &Options) -> Vec<Need> {
    let mut needs = vec![
        Need { file: "unshare", package: "util-linux" },
        Need { file: "ip", package: "iproute2" },
        Need { file: "qemu-system-x86_64", package: "qemu-system-x86" },
        Need { file: "/usr/lib/ipxe/qemu/pxe-virtio.rom", package: "ipxe-qemu" },
    ];
    needs.push(match options.firmware {
        Firmware::Bios => Need { file: "/usr/share/seabios/bios-256k.bin", package: "seabios" },
        Firmware::Uefi => Need { file: OVMF.0, package: "ovmf" },
    });
    needs
}

/// The command that is a node; paths are the head's.
pub(super) fn command(options: &Options, machine: &Machine, tap: &str, console: &str, probe: &str) -> Vec<String> {
    let name = machine.names.first().map_or("node", String::as_str);
    let mut words = vec!["qemu-system-x86_64".to_owned()];
    let mut add = |option: &str, value: &str| words.extend([option.to_owned(), value.to_owned()]);
    add("-name", name);
    match options.accelerator {
        Accelerator::Emulated => add("-accel", "tcg,thread=multi"),
        Accelerator::Kvm => {
            add("-accel", "kvm");
            add("-cpu", "host");
        }
    }
    add("-m", &options.memory.to_string());
    add("-display", "none");
    add("-vga", "none");
    // Without it a new machine waits for its first random bytes for minutes.
    add("-device", "virtio-rng-pci");
    add("-netdev", &format!("tap,id=n,ifname={tap},script=no,downscript=no"));
    add("-device", &format!("virtio-net-pci,netdev=n,mac={}", machine.mac));
    add("-boot", "n");
    add("-chardev", &format!("file,id=s0,path={console}"));
    add("-serial", "chardev:s0");
    if options.probe {
        add("-chardev", &format!("socket,id=s1,path=/lab/{probe},server=on,wait=off"));
        add("-serial", "chardev:s1");
        let credentials = [
            ("probe.sh", LOOP),
            ("systemd.extra-unit.probe.service", UNIT),
            ("systemd.unit-dropin.local-fs.target", WANTS),
        ];
        for (name, text) in credentials {
            let value = STANDARD.encode(text);
            add("-smbios", &format!("type=11,value=io.systemd.credential.binary:{name}={value}"));
        }
    }
    if options.firmware == Firmware::Uefi {
        add("-machine", "q35");
        add("-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", OVMF.0));
        add("-drive", &format!("if=pflash,format=raw,unit=1,snapshot=on,file={}", OVMF.1));
    }
    words.extend(["-nodefaults".to_owned(), "-no-reboot".to_owned()]);
    words
}

/// What the initramfs says when it was asked to stop at its beginning (initramfs-tools(7), `break=`).
pub(super) const TRIAL_SAYS: &str = "(initramfs)";

/// A machine that only goes so far.
pub(super) fn trial(output: &Path) -> Vec<String> {
    let file = |name: &str| output.join("boot").join(name).to_string_lossy().into_owned();
    let words = [
        "qemu-system-x86_64",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-m",
        "512",
        "-display",
        "none",
        "-nodefaults",
        "-no-reboot",
        "-serial",
        "stdio",
        "-append",
        "console=ttyS0 break=top panic=1",
        "-kernel",
    ];
    let words = words.into_iter().map(str::to_owned);
    words.chain([file("vmlinuz"), "-initrd".to_owned(), file("initrd.img")]).collect()
}

/// Whether KVM is worth a try: software that calls itself KVM without a processor's help gets stuck before the kernel
/// has come up.
pub(super) fn may_have_kvm(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm") && Path::new("/dev/kvm").exists()
}
