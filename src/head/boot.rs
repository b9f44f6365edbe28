//! The TFTP directory: boot loaders, what they are told, kernel and initramfs.
//!
//! pxelinux reads `pxelinux.cfg/01-MAC`, then `default`. GRUB reads `grub/grub.cfg`, which takes `nodes/01-MAC.cfg`,
//! else `nodes/default.cfg`. iPXE is given `imgbuild.ipxe`, which takes `ipxe.cfg/01-MAC`, else `ipxe.cfg/default`. All
//! three directories are links to a menu made of the entries of one or two generations. Every generation has the
//! entries for every loader, so that the head may change its loader, and each generation follow.

use std::collections::BTreeMap;

use crate::head::Error;
use crate::head::Files;
use crate::head::Input;
use crate::head::cluster::Cluster;
use crate::head::cluster::RECORD;
use crate::head::kernel;
use crate::head::menu::MENU;
use crate::head::menu::Menu;
use crate::head::menu::MenuFile;
use crate::head::menu::Offered;
use crate::head::menu::menus;
use crate::head::raspberry;
use crate::recipe::BootMode;
use crate::recipe::Node;
use crate::recipe::grammar;

/// A boot loader's file: where Debian keeps it, and the name it is asked for by.
pub(super) struct Loader {
    pub(super) package: &'static str,
    path: &'static str,
    name: &'static str,
}

/// The tag of machines with a BIOS.
const BIOS_TAG: &str = "bios";

/// A kind of firmware, and what it loads.
pub(super) struct Firmware {
    /// Names it to dnsmasq.
    pub(super) tag: &'static str,
    /// What such a client calls itself in DHCP option 93 (RFC 4578 and IANA's list after it).
    pub(super) client_architectures: &'static [u16],
    /// Names its HTTP boot to dnsmasq, and what such a client calls itself (UEFI 2.10, 24.7).
    pub(super) http: Option<(&'static str, u16)>,
    /// The file it loads first.
    boot_file: &'static str,
    /// The same with iPXE.
    ipxe: &'static str,
}

impl Firmware {
    /// Whether it is the one that machines have which do not say what they have.
    pub(super) fn is_bios(&self) -> bool {
        self.tag == BIOS_TAG
    }

    /// The file it loads first.
    pub(super) const fn boot_file(&self, boot: BootMode) -> &'static str {
        match boot {
            BootMode::Pxe => self.boot_file,
            BootMode::Ipxe => self.ipxe,
        }
    }
}

/// What iPXE is given to begin with.
pub(super) const IPXE_SCRIPT: &str = "imgbuild.ipxe";

const fn loader(package: &'static str, path: &'static str, name: &'static str) -> Loader {
    Loader { package, path, name }
}

// pxelinux needs ldlinux.c32 of its own version beside it since 5.00. shim asks for the second stage by a fixed name
// in its own directory, and Debian signs a GRUB whose prefix is /grub for the network.
const BIOS: &[Loader] = &[
    loader("pxelinux", "usr/lib/PXELINUX/pxelinux.0", "pxelinux.0"),
    loader("syslinux-common", "usr/lib/syslinux/modules/bios/ldlinux.c32", "ldlinux.c32"),
];
const BIOS_AND_UEFI: &[Loader] = &[
    loader("pxelinux", "usr/lib/PXELINUX/pxelinux.0", "pxelinux.0"),
    loader("syslinux-common", "usr/lib/syslinux/modules/bios/ldlinux.c32", "ldlinux.c32"),
    loader("shim-signed", "usr/lib/shim/shimx64.efi.signed", "shimx64.efi"),
    loader("grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "grubx64.efi"),
];
const UEFI_ARM64: &[Loader] = &[
    loader("shim-signed", "usr/lib/shim/shimaa64.efi.signed", "shimaa64.efi"),
    loader("grub-efi-arm64-signed", "usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed", "grubaa64.efi"),
];

// These two go on with the card as the firmware has set it up, by its own driver: no other is needed. On arm64 only
// the one with drivers is there.
const IPXE_BIOS: &[Loader] = &[loader("ipxe", "usr/lib/ipxe/undionly.kpxe", "undionly.kpxe")];
const IPXE_BIOS_AND_UEFI: &[Loader] = &[
    loader("ipxe", "usr/lib/ipxe/undionly.kpxe", "undionly.kpxe"),
    loader("ipxe", "usr/lib/ipxe/snponly.efi", "snponly.efi"),
];
const IPXE_ARM64: &[Loader] = &[loader("ipxe", "usr/lib/ipxe/ipxe-arm64.efi", "ipxe-arm64.efi")];

/// The loaders for nodes of an architecture. With iPXE the others are there as well, for machines that it does not run
/// on.
pub(super) fn loaders(architecture: &str, boot: BootMode) -> impl Iterator<Item = &'static Loader> {
    let (pxe, ipxe) = match architecture {
        "amd64" => (BIOS_AND_UEFI, IPXE_BIOS_AND_UEFI),
        "i386" => (BIOS, IPXE_BIOS),
        "arm64" => (UEFI_ARM64, IPXE_ARM64),
        _ => (&[][..], &[][..]),
    };
    pxe.iter().chain(if boot == BootMode::Ipxe { ipxe } else { &[] })
}

/// Whether any head has this file in its TFTP directory itself.
pub(super) fn is_loader(name: &str) -> bool {
    let all = [BIOS_AND_UEFI, UEFI_ARM64, IPXE_BIOS_AND_UEFI, IPXE_ARM64];
    name == IPXE_SCRIPT || all.iter().any(|loaders| loaders.iter().any(|loader| loader.name == name))
}

/// The kinds of firmware that nodes of an architecture have.
pub(super) fn firmware(architecture: &str) -> &'static [Firmware] {
    const BIOS: Firmware = Firmware {
        tag: BIOS_TAG,
        client_architectures: &[0],
        http: None,
        boot_file: "pxelinux.0",
        ipxe: "undionly.kpxe",
    };
    const UEFI: Firmware = Firmware {
        tag: "efi64",
        client_architectures: &[7, 9],
        http: Some(("http64", 16)),
        boot_file: "shimx64.efi",
        ipxe: "snponly.efi",
    };
    const ARM64: Firmware = Firmware {
        tag: "efiarm64",
        client_architectures: &[11],
        http: Some(("httparm64", 19)),
        boot_file: "shimaa64.efi",
        ipxe: "ipxe-arm64.efi",
    };
    match architecture {
        "amd64" => &[BIOS, UEFI],
        "i386" => &[BIOS],
        "arm64" => &[ARM64],
        _ => &[],
    }
}

pub(super) fn assemble(files: &mut Files, images: &[Input<'_>], clusters: &[Cluster]) -> Result<(), Error> {
    let mut entries = Vec::new();
    for (input, cluster) in images.iter().zip(clusters) {
        loaders_of(files, input)?;
        entries.push(generation(files, input, cluster)?);
    }
    menu(files, images, &entries)
}

/// The boot loaders of an image's nodes. Images of one architecture have the same.
fn loaders_of(files: &mut Files, input: &Input<'_>) -> Result<(), Error> {
    let architecture = &input.recipe.debian.architecture;
    for loader in loaders(architecture, input.head.boot) {
        let found = input.loaders.lookup(loader.path).and_then(|(_, inode)| inode.content());
        let content = found.ok_or(Error::Loader { path: loader.path, package: loader.package })?;
        files.content(&format!("{}/{}", input.head.tftp, loader.name), content.clone())?;
    }
    if input.head.boot == BootMode::Ipxe && !firmware(architecture).is_empty() {
        files.text(&format!("{}/{IPXE_SCRIPT}", input.head.tftp), &ipxe_script(&input.recipe.generated()))?;
    }
    Ok(())
}

/// The files of a generation; returns its entries of menus.
fn generation(files: &mut Files, input: &Input<'_>, cluster: &Cluster) -> Result<BTreeMap<String, String>, Error> {
    let directory = input.boot_directory();
    files.content(&format!("{directory}/vmlinuz"), input.kernel.clone())?;
    files.content(&format!("{directory}/initrd.img"), input.initramfs.clone())?;
    // The same on both of two heads.
    files.text(&format!("{directory}/{RECORD}"), &Cluster { role: None, ..cluster.clone() }.to_json())?;
    let mut entries = BTreeMap::new();
    entries.extend(raspberry::generation(files, input)?);
    for kind in Loads::all(&input.recipe.debian.architecture) {
        for (name, text) in kind.entries(input)? {
            let path = format!("{}/{name}", kind.directory());
            files.text(&format!("{directory}/{path}"), &text)?;
            entries.insert(path, text);
        }
        if kind == Loads::Pxelinux {
            aliases(files, input, &format!("{directory}/{}", kind.directory()))?;
        }
    }
    Ok(entries)
}

/// The menu of a head that has these generations alone, and the links by which loaders find it: all of it is changed by
/// one rename when `menu` leads elsewhere.
fn menu(files: &mut Files, images: &[Input<'_>], entries: &[BTreeMap<String, String>]) -> Result<(), Error> {
    let first = images.first().expect("a recipe has an image");
    let (tftp, generated) = (&first.head.tftp, first.recipe.generated());
    let offered =
        |input: &Input<'_>| (input.recipe.cluster(), Offered { now: input.generation.clone(), previous: None });
    let menu = Menu { clusters: images.iter().map(offered).collect(), machines: first.recipe.cluster() };
    let own = format!("{tftp}/{MENUS}/{}", menu.directory());
    files.text(&format!("{own}/{MENU}"), &menu.to_json())?;
    let names: Vec<String> = images.iter().map(|input| input.recipe.cluster()).collect();
    let clusters = images.iter().zip(&names).zip(entries);
    let clusters = clusters.map(|((input, name), entries)| (name.as_str(), (input.generation.as_str(), entries), None));
    for (path, file) in menus(&generated, clusters, &menu.machines) {
        let own = format!("{own}/{path}");
        match file {
            MenuFile::Text(text) => files.text(&own, &text)?,
            MenuFile::Link(target) => files.symlink(&own, &target)?,
        }
        if let Some(card) = raspberry::card_of(&path) {
            files.symlink(&format!("{tftp}/{card}"), &raspberry::link_of_card(card))?;
        }
    }
    files.symlink(&format!("{tftp}/{MENUS}/menu"), &menu.directory())?;
    let mut kinds: Vec<Loads> = images.iter().flat_map(|input| Loads::all(&input.recipe.debian.architecture)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let directory = kind.menu();
        files.symlink(&format!("{tftp}/{directory}"), &format!("{MENUS}/menu/{directory}"))?;
        if kind == Loads::Pxelinux {
            images.iter().try_for_each(|input| aliases(files, input, &format!("{own}/{directory}")))?;
        }
    }
    Ok(())
}

/// Where menus lie below the TFTP directory, for all clusters at once.
pub const MENUS: &str = "imgbuild";

/// The nodes' names beside their hardware addresses. For people: pxelinux itself never asks for a name.
fn aliases(files: &mut Files, input: &Input<'_>, directory: &str) -> Result<(), Error> {
    for node in input.recipe.own_nodes() {
        let target = format!("01-{}", mac(node.mac, "-"));
        for alias in [&node.name].into_iter().chain(&node.aliases) {
            files.symlink(&format!("{directory}/{alias}"), &target)?;
        }
    }
    Ok(())
}

/// The loaders that have a menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loads {
    Pxelinux,
    Grub,
    Ipxe,
}

impl Loads {
    /// Those of an architecture's kinds of firmware.
    fn all(architecture: &str) -> Vec<Self> {
        let of = |firmware: &Firmware| if firmware.is_bios() { Self::Pxelinux } else { Self::Grub };
        let mut all: Vec<Self> = firmware(architecture).iter().map(of).collect();
        if !all.is_empty() {
            all.push(Self::Ipxe);
        }
        all
    }

    /// Where a generation's entries for it lie, below the generation.
    const fn directory(self) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux",
            Self::Grub => "grub",
            Self::Ipxe => "ipxe",
        }
    }

    /// Where it looks for its menu, below the TFTP directory.
    const fn menu(self) -> &'static str {
        match self {
            Self::Pxelinux => "pxelinux.cfg",
            Self::Grub => "grub",
            Self::Ipxe => "ipxe.cfg",
        }
    }

    /// The entry of each node, by the name that the loader asks for it by, and of machines in no table.
    fn entries(self, input: &Input<'_>) -> Result<Vec<(String, String)>, Error> {
        let entry = |node: Option<&Node>| match self {
            Self::Pxelinux => pxelinux_entry(input, node),
            Self::Grub => grub_entry(input, node),
            Self::Ipxe => ipxe_entry(input, node),
        };
        let mut entries = vec![("default".to_owned(), entry(None)?)];
        for node in input.recipe.own_nodes() {
            let entry = entry(Some(node))?;
            // pxelinux asks in lower case, with the hardware type (1: Ethernet) in front. The others do what they are
            // told.
            entries.extend(node.macs().map(|card| (format!("01-{}", mac(card, "-")), entry.clone())));
        }
        Ok(entries)
    }
}

fn pxelinux_entry(input: &Input<'_>, node: Option<&Node>) -> Result<String, Error> {
    let directory = input.below_tftp();
    // SYSAPPEND 2 adds BOOTIF=, by which the initramfs knows which of several cards it was booted from.
    Ok(format!(
        "  KERNEL {directory}/vmlinuz\n  APPEND initrd={directory}/initrd.img {}\n  SYSAPPEND 2\n",
        kernel::arguments(input, node)?.join(" ")
    ))
}

fn grub_entry(input: &Input<'_>, node: Option<&Node>) -> Result<String, Error> {
    let directory = format!("/{}", input.below_tftp());
    Ok(format!(
        "  linux {directory}/vmlinuz {} BOOTIF=01-$net_default_mac\n  initrd {directory}/initrd.img\n",
        kernel::arguments(input, node)?.join(" ")
    ))
}

/// What the card that iPXE was booted from is called: in lower case, with dashes.
const IPXE_MAC: &str = "01-${netX/mac:hexhyp}";

fn ipxe_entry(input: &Input<'_>, node: Option<&Node>) -> Result<String, Error> {
    let directory = format!("/{}", input.below_tftp());
    // Under UEFI the kernel asks for its initramfs by the name in `initrd=`; elsewhere nobody reads the word.
    Ok(format!(
        "kernel {directory}/vmlinuz initrd=initrd.img {} BOOTIF={IPXE_MAC} || goto failed\n\
         initrd {directory}/initrd.img || goto failed\nboot\n",
        kernel::arguments(input, node)?.join(" ")
    ))
}

/// Takes the machine's own menu, else that of strangers. Paths are on the server that this came from. A machine that
/// gets neither begins anew, since the next answer may be another one.
fn ipxe_script(generated: &str) -> String {
    format!(
        "#!ipxe\n# {generated}\n\
         imgfetch --name menu /ipxe.cfg/{IPXE_MAC} || imgfetch --name menu /ipxe.cfg/default || goto failed\n\
         imgexec menu ||\n\
         :failed\necho imgbuild: cannot boot from ${{cwuri}}: the next attempt is in 10 seconds\nsleep 10\nreboot\n"
    )
}

/// Whether a loader knows a card by this name: its hardware address in lower case, with dashes.
pub(super) fn is_card(name: &str) -> bool {
    grammar::mac(name).is_ok_and(|read| mac(read, "-") == name)
}

/// A hardware address in lower case.
pub(super) fn mac(mac: [u8; 6], separator: &str) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(separator)
}
