//! The TFTP directory: boot loaders, what they are told, kernel and initramfs.
//!
//! pxelinux reads `pxelinux.cfg/01-MAC`, then `default`. GRUB reads `grub/grub.cfg`, which takes `nodes/MAC.cfg`,
//! else `nodes/default.cfg`.

use crate::head::Error;
use crate::head::Files;
use crate::head::Input;
use crate::head::kernel;
use crate::recipe::Node;

/// A boot loader's file: where Debian keeps it, and the name it is asked for by.
pub(super) struct Loader {
    pub(super) package: &'static str,
    path: &'static str,
    name: &'static str,
}

/// A kind of firmware, and what it loads.
pub(super) struct Firmware {
    /// Names it to dnsmasq; `None`: every client that is of no other kind.
    pub(super) tag: Option<&'static str>,
    /// What such a client calls itself in DHCP option 93 (RFC 4578 and IANA's list after it).
    pub(super) client_architectures: &'static [u16],
    /// The file it loads first.
    pub(super) boot_file: &'static str,
}

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

/// The loaders for nodes of an architecture.
pub(super) fn loaders(architecture: &str) -> &'static [Loader] {
    match architecture {
        "amd64" => BIOS_AND_UEFI,
        "i386" => BIOS,
        "arm64" => UEFI_ARM64,
        _ => &[],
    }
}

/// The kinds of firmware that nodes of an architecture have.
pub(super) fn firmware(architecture: &str) -> &'static [Firmware] {
    // Among several boot files dnsmasq prefers a tagged one: BIOS has the untagged line, as in the classic.
    const BIOS: Firmware = Firmware { tag: None, client_architectures: &[], boot_file: "pxelinux.0" };
    const UEFI: Firmware = Firmware { tag: Some("efi64"), client_architectures: &[7, 9], boot_file: "shimx64.efi" };
    const ARM64: Firmware = Firmware { tag: Some("efiarm64"), client_architectures: &[11], boot_file: "shimaa64.efi" };
    match architecture {
        "amd64" => &[BIOS, UEFI],
        "i386" => &[BIOS],
        "arm64" => &[ARM64],
        _ => &[],
    }
}

pub(super) fn assemble(files: &mut Files, input: &Input<'_>) -> Result<(), Error> {
    let (tftp, name) = (&input.head.tftp, &input.recipe.name);
    files.content(&format!("{tftp}/{name}/vmlinuz"), input.kernel.clone())?;
    files.content(&format!("{tftp}/{name}/initrd.img"), input.initramfs.clone())?;
    let architecture = &input.recipe.debian.architecture;
    for loader in loaders(architecture) {
        let found = input.loaders.lookup(loader.path).and_then(|(_, inode)| inode.content());
        let content = found.ok_or(Error::Loader { path: loader.path, package: loader.package })?;
        files.content(&format!("{tftp}/{}", loader.name), content.clone())?;
    }
    for firmware in firmware(architecture) {
        match firmware.tag {
            None => pxelinux(files, input)?,
            Some(_) => grub(files, input)?,
        }
    }
    Ok(())
}

fn pxelinux(files: &mut Files, input: &Input<'_>) -> Result<(), Error> {
    let directory = format!("{}/pxelinux.cfg", input.head.tftp);
    files.text(&format!("{directory}/default"), &pxelinux_config(input, None)?)?;
    for node in &input.recipe.nodes {
        // pxelinux asks in lower case, with the hardware type (1: Ethernet) in front.
        let file = format!("01-{}", mac(node, "-"));
        files.text(&format!("{directory}/{file}"), &pxelinux_config(input, Some(node))?)?;
        // For people: pxelinux itself never asks for a name.
        for name in [&node.name].into_iter().chain(&node.aliases) {
            files.symlink(&format!("{directory}/{name}"), &file)?;
        }
    }
    Ok(())
}

fn pxelinux_config(input: &Input<'_>, node: Option<&Node>) -> Result<String, Error> {
    let name = &input.recipe.name;
    // SYSAPPEND 2 adds BOOTIF=, by which the initramfs knows which of several cards it was booted from.
    Ok(format!(
        "# {}\nDEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL {name}/vmlinuz\n  \
         APPEND initrd={name}/initrd.img {}\n  SYSAPPEND 2\n",
        input.recipe.generated(),
        kernel::arguments(input, node)?.join(" ")
    ))
}

fn grub(files: &mut Files, input: &Input<'_>) -> Result<(), Error> {
    let directory = format!("{}/grub", input.head.tftp);
    // `-s` opens the file; `-e` would list a directory, which TFTP cannot.
    let config = format!(
        "# {}\nset default=0\nset timeout=3\n\
         if [ -s \"$prefix/nodes/$net_default_mac.cfg\" ]; then\n  source \"$prefix/nodes/$net_default_mac.cfg\"\n\
         else\n  source \"$prefix/nodes/default.cfg\"\nfi\n",
        input.recipe.generated()
    );
    files.text(&format!("{directory}/grub.cfg"), &config)?;
    files.text(&format!("{directory}/nodes/default.cfg"), &grub_entry(input, None)?)?;
    for node in &input.recipe.nodes {
        // As `$net_default_mac` reads: lower case, with colons.
        files.text(&format!("{directory}/nodes/{}.cfg", mac(node, ":")), &grub_entry(input, Some(node))?)?;
    }
    Ok(())
}

fn grub_entry(input: &Input<'_>, node: Option<&Node>) -> Result<String, Error> {
    let name = &input.recipe.name;
    let title = node.map_or(name.clone(), |node| format!("{name} on {}", node.name));
    Ok(format!(
        "# {}\nmenuentry '{title}' {{\n  linux /{name}/vmlinuz {} BOOTIF=01-$net_default_mac\n  \
         initrd /{name}/initrd.img\n}}\n",
        input.recipe.generated(),
        kernel::arguments(input, node)?.join(" ")
    ))
}

/// A node's hardware address, in lower case.
pub(super) fn mac(node: &Node, separator: &str) -> String {
    node.mac.map(|byte| format!("{byte:02x}")).join(separator)
}
