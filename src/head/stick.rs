//! A disk that nodes boot from where they cannot boot from the network: what is on it.
//!
//! ```text
//! EFI/BOOT/BOOTX64.EFI     shim, by the name that firmware looks for on a removable disk (UEFI 2.10, 3.5.1.1)
//! EFI/BOOT/grubx64.efi     Debian's GRUB for disks, which shim starts
//! EFI/debian/grub.cfg      where that GRUB looks
//! imgbuild/                kernel and initramfs
//! node.cfg                 whose stick it is, for who wants to say it
//! ```
//!
//! One stick is for all nodes of an image. GRUB takes the node that `node.cfg` names; else the one that has one of the cards
//! which the firmware shows, of which GRUB tells the address when it gives it another one of its own, and sends nothing; else
//! it waits for a choice. It never boots as a node by default: two machines with one address are worse than none.

use std::fmt::Write as _;

use crate::head::Error;
use crate::head::Files;
use crate::head::Input;
use crate::head::boot;
use crate::head::kernel;
use crate::recipe::Node;
use crate::tree::Tree;

/// The boot loaders of an architecture: where Debian keeps each, and where it lies on the stick.
struct Loaders {
    architecture: &'static str,
    shim: (&'static str, &'static str),
    grub: (&'static str, &'static str),
}

const LOADERS: [Loaders; 2] = [
    Loaders {
        architecture: "amd64",
        shim: ("usr/lib/shim/shimx64.efi.signed", "/EFI/BOOT/BOOTX64.EFI"),
        grub: ("usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "/EFI/BOOT/grubx64.efi"),
    },
    Loaders {
        architecture: "arm64",
        shim: ("usr/lib/shim/shimaa64.efi.signed", "/EFI/BOOT/BOOTAA64.EFI"),
        grub: ("usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed", "/EFI/BOOT/grubaa64.efi"),
    },
];

/// The directory that Debian's signed GRUB has built in for its configuration.
const CONFIGURATION: &str = "/EFI/debian/grub.cfg";
/// What users may write.
const NODE: &str = "/node.cfg";
/// So many cards are looked at.
const CARDS: usize = 8;
/// An address that no network has (RFC 5737), which nothing is sent from.
const UNUSED: &str = "192.0.2.1";

/// The files of an image's stick: what its nodes boot from one, with addresses from the table. Neither the generation nor
/// the role of `input` is looked at.
///
/// # Errors
/// A boot loader is not in its package, there is none for the architecture, or nodes have no root.
pub fn stick(input: &Input<'_>) -> Result<Tree, Error> {
    let architecture = &input.recipe.debian.architecture;
    let known = LOADERS.iter().find(|loaders| loaders.architecture == architecture);
    let loaders = known.ok_or_else(|| Error::NoStick(architecture.clone()))?;
    let mut files = Files(Tree::new());
    for ((path, place), package) in [(loaders.shim, "shim-signed"), (loaders.grub, grub_package(architecture))] {
        let found = input.loaders.lookup(path).and_then(|(_, inode)| inode.content());
        files.content(place, found.ok_or(Error::Loader { path, package })?.clone())?;
    }
    files.content("/imgbuild/vmlinuz", input.kernel.clone())?;
    files.content("/imgbuild/initrd.img", input.initramfs.clone())?;
    files.text(CONFIGURATION, &configuration(input)?)?;
    files.text(NODE, &node_file(&input.recipe.generated()))?;
    Ok(files.0)
}

fn grub_package(architecture: &str) -> &'static str {
    if architecture == "arm64" { "grub-efi-arm64-signed" } else { "grub-efi-amd64-signed" }
}

fn node_file(generated: &str) -> String {
    format!(
        "# {generated} But for this one: name the node here whose stick this is, where its\n\
         # firmware does not show GRUB its cards.\n\
         # set node=NAME\n"
    )
}

/// What GRUB shall do.
fn configuration(input: &Input<'_>) -> Result<String, Error> {
    let nodes: Vec<&Node> = input.recipe.own_nodes().collect();
    let mut text = format!("# {}\n{}", input.recipe.generated(), choice(&nodes));
    let mut entry = |title: &str, id: &str, arguments: &[String]| {
        write!(
            text,
            "menuentry '{title}' --id {id} {{\n  linux /imgbuild/vmlinuz {}\n  initrd /imgbuild/initrd.img\n}}\n",
            arguments.join(" ")
        )
        .expect("writing to a String succeeds");
    };
    for node in &nodes {
        let arguments = kernel::static_arguments(input, node)?;
        for mac in node.macs() {
            let card = boot::mac(mac, "-");
            let with_card = [arguments.clone(), vec![format!("BOOTIF=01-{card}")]].concat();
            let title = format!("{} ({}) by {}", node.name, node.address, boot::mac(mac, ":"));
            entry(&title, &format!("card-{card}"), &with_card);
        }
    }
    match kernel::arguments(input, None) {
        // Machines in no table cannot boot, and nobody has asked for it.
        Err(Error::NoImage(_)) => {}
        arguments => entry("another machine, by DHCP", "other", &arguments?),
    }
    Ok(text)
}

/// Which entry is the default, if any is: `default` is only ever set to one that is there, for GRUB takes the first one
/// for another.
fn choice(nodes: &[&Node]) -> String {
    let mut text = "set timeout=-1\nfunction pick {\n".to_owned();
    let mut line = |words: &str, card: &str| {
        writeln!(text, "  if [ \"$1\" = \"{words}\" ]; then set default=card-{card}; set timeout=3; fi")
            .expect("writing to a String succeeds");
    };
    for node in nodes {
        line(&node.name, &boot::mac(node.mac, "-"));
        node.macs().for_each(|mac| line(&boot::mac(mac, ":"), &boot::mac(mac, "-")));
    }
    text.push_str("  true\n}\n");
    // Each card is asked for when the one before is there: what there is not is said on the screen.
    let mut end = String::new();
    for card in 0..CARDS {
        write!(text, "if net_add_addr card{card} efinet{card} {UNUSED}; then\npick \"$net_card{card}_mac\"\n")
            .expect("writing to a String succeeds");
        end.push_str("fi\n");
    }
    text.push_str(&end);
    write!(
        text,
        "if [ -s {NODE} ]; then source {NODE}; fi\n\
         if [ -n \"$node\" ]; then\n  set timeout=-1\n  pick \"$node\"\n  \
         if [ \"$timeout\" = \"-1\" ]; then echo \"{NODE}: there is no node $node here\"; sleep 5; fi\nfi\n"
    )
    .expect("writing to a String succeeds");
    text
}
