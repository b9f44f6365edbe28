//! A Raspberry Pi 4: what its own loader takes by TFTP instead of from a card.
//!
//! The loader in the board's EEPROM boots from a server that says `Raspberry Pi Boot` in DHCP option 43. It asks for
//! fixed names, in a directory of its serial number's first and without one then. Here each board has a directory that
//! is called after its hardware address, and dnsmasq takes that for the root of what such a machine asks for
//! (`tftp-unique-root` in dnsmasq(8)). Boards of the table alone: there is no directory for others.

use std::collections::BTreeMap;

use crate::head::Error;
use crate::head::Files;
use crate::head::Input;
use crate::head::boot;
use crate::head::boot::MENUS;
use crate::head::kernel;
use crate::recipe::RASPBERRY_PI;
use crate::tree::Content;
use crate::tree::Tree;

/// Where a generation has its boards' directories, and a menu links to those of generations in use.
pub const DIRECTORY: &str = "pi";
/// Where a generation has what all boards load, below [`DIRECTORY`].
const FIRMWARE: &str = "firmware";
/// What the firmware goes by.
const CONFIG: &str = "config.txt";
/// The kernel's arguments.
pub const ARGUMENTS: &str = "cmdline.txt";
/// The second stage of 4B, 400 and CM4, and what belongs to it: the name that it is asked for by, and where Debian keeps it.
const SECOND_STAGE: [(&str, &str); 2] =
    [("start4.elf", "usr/lib/raspi-firmware/start4.elf"), ("fixup4.dat", "usr/lib/raspi-firmware/fixup4.dat")];

/// The files of an image that a board loads before its kernel, by name: the second stage and the device trees of all
/// boards of the 4 family that the kernel of this version knows.
///
/// # Errors
/// The second stage or the 4B's device tree is missing.
pub fn raspberry_pi(tree: &Tree, kernel: &str) -> Result<BTreeMap<String, Content>, Error> {
    let mut files = BTreeMap::new();
    for (name, path) in SECOND_STAGE {
        let content = tree.lookup(path).and_then(|(_, inode)| inode.content());
        files.insert(name.to_owned(), content.ok_or(Error::Loader { path, package: RASPBERRY_PI })?.clone());
    }
    if let Some((place, _)) = tree.lookup(format!("usr/lib/linux-image-{kernel}/broadcom")) {
        files.extend(tree.children(&place).filter_map(|(path, inode)| {
            let name = String::from_utf8(path.name().to_vec()).ok()?;
            is_device_tree(&name).then(|| Some((name, inode.content()?.clone())))?
        }));
    }
    let path = "usr/lib/linux-image-VERSION/broadcom/bcm2711-rpi-4-b.dtb";
    let found = files.contains_key("bcm2711-rpi-4-b.dtb");
    if found { Ok(files) } else { Err(Error::Loader { path, package: "linux-image-arm64" }) }
}

/// A generation's files for its boards: what all load, and a directory of each card with what is its own and links to
/// the rest. Returns the entries of menus.
pub(super) fn generation(files: &mut Files, input: &Input<'_>) -> Result<BTreeMap<String, String>, Error> {
    let mut entries = BTreeMap::new();
    let directory = format!("{}/{DIRECTORY}", input.boot_directory());
    for (name, content) in &input.raspberry_pi {
        files.content(&format!("{directory}/{FIRMWARE}/{name}"), content.clone())?;
    }
    let nodes = input.recipe.own_nodes().filter(|_| !input.raspberry_pi.is_empty());
    for node in nodes {
        let arguments = kernel::arguments(input, Some(node))?.join(" ");
        // The loader does not add by which card it came, as others do.
        for card in node.macs().map(|mac| boot::mac(mac, "-")) {
            let own = format!("{directory}/{card}");
            files.text(&format!("{own}/{CONFIG}"), &config(&input.recipe.generated()))?;
            let text = format!("{arguments} BOOTIF=01-{card}\n");
            files.text(&format!("{own}/{ARGUMENTS}"), &text)?;
            let names = input.raspberry_pi.keys().map(String::as_str).chain(["vmlinuz", "initrd.img"]);
            for name in names {
                let target = target(name).expect("only such are taken");
                files.symlink(&format!("{own}/{name}"), &target)?;
            }
            entries.insert(format!("{DIRECTORY}/{card}"), text);
        }
    }
    Ok(entries)
}

/// `config.txt`, as Debian's `raspi-firmware` writes it for a kernel that is not the board's maker's: with a serial
/// console, and the device tree as the kernel names it.
fn config(generated: &str) -> String {
    format!(
        "# {generated}\narm_64bit=1\nenable_uart=1\nupstream_kernel=1\nkernel=vmlinuz\n\
         initramfs initrd.img followkernel\n"
    )
}

/// Where a link of a card's directory leads; `None`: none is called so.
fn target(name: &str) -> Option<String> {
    match name {
        "vmlinuz" | "initrd.img" => Some(format!("../../{name}")),
        _ if is_firmware(name) => Some(format!("../{FIRMWARE}/{name}")),
        _ => None,
    }
}

/// Where the link of a path below a generation's [`DIRECTORY`] leads, which is in a card's directory; `None`: there is no
/// link of this name.
#[must_use]
pub fn raspberry_pi_link(path: &str) -> Option<String> {
    let (card, name) = path.strip_prefix(DIRECTORY)?.strip_prefix('/')?.split_once('/')?;
    boot::is_card(card).then(|| target(name))?
}

/// Whether a generation has a file or a link of this path below [`DIRECTORY`].
pub(super) fn is_of_generation(path: &str) -> bool {
    match path.split_once('/') {
        Some((FIRMWARE, name)) => is_firmware(name),
        Some((card, name)) => boot::is_card(card) && ([CONFIG, ARGUMENTS].contains(&name) || target(name).is_some()),
        None => false,
    }
}

/// The card that a path of a menu is for.
#[must_use]
pub fn card_of(path: &str) -> Option<&str> {
    path.strip_prefix(DIRECTORY)?.strip_prefix('/').filter(|card| boot::is_card(card))
}

/// Where a link in the TFTP directory leads that is called after a card.
#[must_use]
pub fn link_of_card(card: &str) -> String {
    format!("{MENUS}/menu/{DIRECTORY}/{card}")
}

fn is_firmware(name: &str) -> bool {
    SECOND_STAGE.iter().any(|(stage, _)| *stage == name) || is_device_tree(name)
}

/// The device tree of a board of the 4 family, by its chip.
fn is_device_tree(name: &str) -> bool {
    let board = name.strip_prefix("bcm2711-").and_then(|name| name.strip_suffix(".dtb"));
    board.is_some_and(|board| board.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}
