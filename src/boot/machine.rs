//! A node as QEMU starts it: qemu(1).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Options;
use crate::head::Machine;
use crate::host::lab::Need;
use crate::host::lab::answering;

/// What a node starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS; where machines have none, such as for arm64, this is UEFI all the same.
    Bios,
    /// OVMF, or AAVMF for arm64.
    Uefi,
}

/// Who executes a node's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accelerator {
    /// QEMU itself: ten to twenty times slower, and the same everywhere.
    Emulated,
    /// The processor, through KVM.
    Kvm,
}

/// What nodes of an architecture are, in QEMU.
#[derive(Debug)]
pub(super) struct Board {
    /// Debian's names of the architectures.
    architectures: &'static [&'static str],
    /// QEMU for it.
    emulator: Need,
    /// What is said of every such node.
    options: &'static [(&'static str, &'static str)],
    /// BIOS, and the network card's own firmware, which is an iPXE. `None`: there is no BIOS.
    bios: Option<[Need; 2]>,
    /// Firmware, and the variables that each node gets a copy of.
    uefi: (Need, &'static str),
    /// What is said of the network card then: the firmware drives it and has a PXE of its own, as machines have.
    uefi_card: &'static str,
    /// The machine that has it.
    uefi_machine: &'static str,
    /// The argument by which the kernel speaks on the first serial line.
    pub(super) console: &'static str,
    /// What gives the node its second serial line, and the line's name there.
    second: (&'static str, &'static str, &'static str),
    /// Whether this program knows how to try KVM for it.
    may_have_kvm: bool,
}

const BOARDS: &[Board] = &[
    Board {
        architectures: &["amd64", "i386"],
        emulator: Need { file: "qemu-system-x86_64", package: "qemu-system-x86" },
        options: &[("-vga", "none"), ("-boot", "n")],
        bios: Some([
            Need { file: "/usr/share/seabios/bios-256k.bin", package: "seabios" },
            Need { file: "/usr/lib/ipxe/qemu/pxe-virtio.rom", package: "ipxe-qemu" },
        ]),
        uefi: (Need { file: "/usr/share/OVMF/OVMF_CODE_4M.fd", package: "ovmf" }, "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        uefi_card: ",romfile=",
        uefi_machine: "q35",
        console: "console=ttyS0",
        second: ("-serial", "chardev:s1", "/dev/ttyS1"),
        may_have_kvm: true,
    },
    // The firmware boots what has an index. A newer processor than this one takes longer to emulate.
    Board {
        architectures: &["arm64"],
        emulator: Need { file: "qemu-system-aarch64", package: "qemu-system-arm" },
        options: &[("-cpu", "cortex-a57")],
        bios: None,
        uefi: (
            Need { file: "/usr/share/AAVMF/AAVMF_CODE.fd", package: "qemu-efi-aarch64" },
            "/usr/share/AAVMF/AAVMF_VARS.fd",
        ),
        uefi_card: ",romfile=,bootindex=0",
        uefi_machine: "virt",
        console: "console=ttyAMA0",
        second: ("-device", "pci-serial,chardev=s1", "/dev/ttyS0"),
        may_have_kvm: false,
    },
];

/// The one for nodes of an architecture.
pub(super) fn board(architecture: &str) -> Option<&'static Board> {
    BOARDS.iter().find(|board| board.architectures.contains(&architecture))
}

/// All architectures that there is one for.
pub(super) fn architectures() -> Vec<&'static str> {
    BOARDS.iter().flat_map(|board| board.architectures.iter().copied()).collect()
}

/// What a node is connected to; paths are the head's.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// Its port on the network.
    pub(super) tap: &'a str,
    /// What it says on its first serial line.
    pub(super) console: &'a str,
    /// Where it is asked.
    pub(super) probe: &'a str,
    /// The disk in its USB port, which it starts from.
    pub(super) stick: Option<&'a str>,
}

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
/// The units by which a node takes its files from the head, and what makes them no part of a boot.
const SITE: [&str; 2] = ["imgbuild-site.service", "imgbuild-site.timer"];
const NO_SITE: &str = "[Unit]\n# This head has no NFS server.\nConditionPathExists=!/\n";

impl Board {
    /// What is asked for, or what there is.
    fn firmware(&self, options: &Options) -> Firmware {
        if self.bios.is_none() || options.stick { Firmware::Uefi } else { options.firmware }
    }

    /// What a node needs on this machine.
    pub(super) fn needs(&self, options: &Options) -> Vec<Need> {
        let mut needs = vec![
            Need { file: "unshare", package: "util-linux" },
            Need { file: "ip", package: "iproute2" },
            self.emulator,
        ];
        match self.firmware(options) {
            Firmware::Bios => needs.extend(self.bios.into_iter().flatten()),
            Firmware::Uefi => needs.push(self.uefi.0),
        }
        needs
    }

    /// The command that is a node. `site` says whether the head has what nodes take while they run.
    pub(super) fn command(&self, options: &Options, machine: &Machine, places: &Places<'_>, site: bool) -> Vec<String> {
        let name = machine.names.first().map_or("node", String::as_str);
        let mut words = vec![self.emulator.file.to_owned()];
        let mut add = |option: &str, value: &str| words.extend([option.to_owned(), value.to_owned()]);
        add("-name", name);
        match options.accelerator {
            Accelerator::Emulated => add("-accel", "tcg"),
            Accelerator::Kvm => {
                add("-accel", "kvm");
                add("-cpu", "host");
            }
        }
        self.options.iter().for_each(|(option, value)| add(option, value));
        add("-m", &options.memory.to_string());
        add("-display", "none");
        // Without it a new machine waits for its first random bytes for minutes.
        add("-device", "virtio-rng-pci");
        add("-netdev", &format!("tap,id=n,ifname={},script=no,downscript=no", places.tap));
        let card = match (self.firmware(options), places.stick) {
            (Firmware::Uefi, None) => self.uefi_card,
            // Second, so that nothing is started from it: firmware sets up what it may start from, and GRUB sees it.
            (Firmware::Uefi, Some(_)) => ",romfile=,bootindex=1",
            (Firmware::Bios, _) => "",
        };
        add("-device", &format!("virtio-net-pci,netdev=n,mac={}{card}", machine.mac));
        if let Some(stick) = places.stick {
            add("-device", "qemu-xhci");
            // What is written to it is forgotten.
            add("-drive", &format!("if=none,id=stick,format=raw,snapshot=on,file={stick}"));
            add("-device", "usb-storage,drive=stick,bootindex=0");
        }
        add("-chardev", &format!("file,id=s0,path={}", places.console));
        add("-serial", "chardev:s0");
        let mut credentials = Vec::new();
        if options.probe {
            let (option, value, line) = self.second;
            add("-chardev", &format!("socket,id=s1,path={},server=on,wait=off", places.probe));
            add(option, value);
            credentials.extend([
                ("probe.sh".to_owned(), answering(line)),
                ("systemd.extra-unit.probe.service".to_owned(), UNIT.to_owned()),
                ("systemd.unit-dropin.local-fs.target".to_owned(), WANTS.to_owned()),
            ]);
        }
        if !site {
            credentials.extend(SITE.map(|unit| (format!("systemd.unit-dropin.{unit}"), NO_SITE.to_owned())));
        }
        for (name, text) in credentials {
            let value = STANDARD.encode(text);
            add("-smbios", &format!("type=11,value=io.systemd.credential.binary:{name}={value}"));
        }
        if self.firmware(options) == Firmware::Uefi {
            add("-machine", self.uefi_machine);
            add("-drive", &format!("if=pflash,format=raw,unit=0,readonly=on,file={}", self.uefi.0.file));
            add("-drive", &format!("if=pflash,format=raw,unit=1,snapshot=on,file={}", self.uefi.1));
        }
        words.extend(["-nodefaults".to_owned(), "-no-reboot".to_owned()]);
        words
    }

    /// Whether KVM is worth a try: software that calls itself KVM without a processor's help gets stuck before the
    /// kernel has come up.
    pub(super) fn may_have_kvm(&self, cpuinfo: &str) -> bool {
        let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
        let helps = flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm");
        self.may_have_kvm && helps && Path::new("/dev/kvm").exists()
    }
}

/// What the initramfs says when it was asked to stop at its beginning (initramfs-tools(7), `break=`).
pub(super) const TRIAL_SAYS: &str = "(initramfs)";

/// A machine that only goes so far, with the kernel and initramfs of this directory.
pub(super) fn trial(boot: &Path) -> Vec<String> {
    let file = |name: &str| boot.join(name).to_string_lossy().into_owned();
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places<'_> = Places { tap: "tap0", console: "/lab/console", probe: "/lab/probe", stick: None };

    /// A node with a stick starts from that: its card comes second, so that firmware shows it to GRUB.
    #[test]
    fn a_stick_is_what_a_node_starts_from() {
        let places = Places { stick: Some("/output/boot/stick.img"), ..PLACES };
        let options = Options { stick: true, ..Options::default() };
        for architecture in ["amd64", "arm64"] {
            let words = board(architecture).expect("it is known").command(&options, &Machine::default(), &places, true);
            let first = words.iter().find(|word| word.ends_with("bootindex=0")).expect("something is first");
            assert_eq!(first, "usb-storage,drive=stick,bootindex=0", "{architecture}");
            let second = words.iter().find(|word| word.ends_with("bootindex=1")).expect("something is second");
            assert!(second.starts_with("virtio-net-pci,"), "{architecture}: {second}");
            let has = |text: &str| words.iter().any(|word| word.contains(text));
            assert!(has("if=pflash") && has(",file=/output/boot/stick.img") && has(",romfile="), "{words:?}");
        }
    }

    /// What a node without an NFS server at its head is told about the units that would want one; nothing else is other.
    #[test]
    fn a_head_without_nfs_has_no_site() {
        let board = board("amd64").expect("it is known");
        let node = Machine { names: vec!["dizzy".to_owned()], ..Machine::default() };
        let words = |site| board.command(&Options::default(), &node, &PLACES, site);
        let (with, without) = (words(true), words(false));
        let only: Vec<&String> = without.iter().filter(|word| !with.contains(word)).collect();
        let unit = |word: &str| {
            let rest = word.strip_prefix("type=11,value=io.systemd.credential.binary:systemd.unit-dropin.")?;
            let (unit, text) = rest.split_once('=')?;
            Some((unit.to_owned(), String::from_utf8(STANDARD.decode(text).ok()?).ok()?))
        };
        let told: Vec<(String, String)> = only.iter().filter_map(|word| unit(word)).collect();
        assert_eq!(told, SITE.map(|unit| (unit.to_owned(), NO_SITE.to_owned())));
        assert!(!with.iter().any(|word| word == "-smbios"));
    }
}
