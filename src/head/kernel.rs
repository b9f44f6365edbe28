//! The kernel's command line: where the root is, and what the initramfs shall do about it.

use std::net::Ipv4Addr;

use crate::head::Error;
use crate::head::Input;
use crate::head::web;
use crate::recipe::NetworkOptions;
use crate::recipe::Node;
use crate::recipe::RootMode;
use crate::recipe::grammar;

/// The kernel argument that says by which VLAN a node boots: `NAME:BELOW:NUMBER` follows.
pub const VLAN: &str = "imgbuild.vlan=";
/// Another server that has the image.
pub(super) const SOURCE: &str = "imgbuild.source=";

/// The arguments for a node, or for a machine that is in no table; without `BOOTIF`, which the boot loader adds. The
/// recipe's grammar keeps out what a boot loader would read in its own way.
pub(super) fn arguments(input: &Input<'_>, node: Option<&Node>) -> Result<Vec<String>, Error> {
    let interface = &input.diskless.interface;
    with_address(
        input,
        node,
        if input.diskless.is_card() { "dhcp".to_owned() } else { format!(":::::{interface}:dhcp") },
    )
}

/// As [`arguments`], with an address from the table instead of one that is asked for: as the kernel's `nfsroot.txt` has it.
/// Which card it is for is left open: `BOOTIF` says it, whatever the card is called.
pub(super) fn static_arguments(input: &Input<'_>, node: &Node) -> Result<Vec<String>, Error> {
    let (length, options) = network(input, Some(node));
    // What DHCP would say where the recipe says nothing.
    let router = options.router.unwrap_or(input.head.address);
    let dns = options.dns.first().copied().unwrap_or(input.head.address);
    let mask = Ipv4Addr::from_bits(grammar::mask(length));
    let made = if input.diskless.is_card() { "" } else { input.diskless.interface.as_str() };
    let ip = format!("{}::{router}:{mask}:{}:{made}:none:{dns}", node.address, node.name);
    with_address(input, Some(node), ip)
}

/// The network that a node is in, of which machines in no table are in the head's: its prefix's length, and what is told of
/// it.
fn network<'a>(input: &'a Input<'_>, node: Option<&Node>) -> (u8, &'a NetworkOptions) {
    let head = input.head;
    let has =
        |(base, length): (Ipv4Addr, u8), node: &Node| node.address.to_bits() & grammar::mask(length) == base.to_bits();
    let further = head.networks.iter().find(|network| node.is_some_and(|node| has(network.network, node)));
    further.map_or((head.network.1, &head.options), |network| (network.network.1, &network.options))
}

/// What the initramfs makes the boot interface of (`scripts/init-premount/imgbuild-link`); nothing, where it is a card.
fn link(input: &Input<'_>, node: Option<&Node>) -> Vec<String> {
    let diskless = input.diskless;
    let bond = diskless.bond.as_ref().map(|bond| {
        let (name, cards, mode) = (diskless.below(), bond.members.join(","), bond.mode.name());
        // Without it no bond sees that a link is gone.
        format!("imgbuild.bond={name}:{cards}:mode={mode},miimon=100")
    });
    let vlan = diskless.vlan().map(|(below, number)| format!("{VLAN}{}:{below}:{number}", diskless.interface));
    let mtu = network(input, node).1.mtu.filter(|_| !diskless.is_card()).map(|mtu| format!("imgbuild.mtu={mtu}"));
    bond.into_iter().chain(vlan).chain(mtu).collect()
}

fn with_address(input: &Input<'_>, node: Option<&Node>, ip: String) -> Result<Vec<String>, Error> {
    let mut arguments = root(input, node)?;
    arguments.push(format!("ip={ip}"));
    arguments.extend(link(input, node));
    // Without it the initramfs' udev renames the card, and the interface the recipe names does not exist.
    if input.diskless.cards().iter().any(|card| card.starts_with("eth")) {
        arguments.push("net.ifnames=0".to_owned());
    }
    // A node whose root cannot be mounted tries again from the start instead of waiting for a keyboard.
    arguments.push("panic=60".to_owned());
    // What a node is stands in what it boots with and not in its image, which so is the same whoever else there is.
    if let Some(node) = node {
        arguments.push(format!("{}{}", crate::recipe::NODE_ARGUMENT, node.name));
        arguments.extend(node.services.iter().map(|service| format!("{}{service}", crate::recipe::SERVICE_ARGUMENT)));
    }
    let own = node.map(|node| node.kernel_arguments.as_slice()).unwrap_or_default();
    arguments.extend(input.diskless.kernel_arguments.iter().chain(own).cloned());
    Ok(arguments)
}

fn root(input: &Input<'_>, node: Option<&Node>) -> Result<Vec<String>, Error> {
    let (address, directory) = (input.head.address, input.root_directory());
    let words = match input.recipe.root_mode(node, input.diskless) {
        // klibc's nfsmount speaks version 3 alone and takes an option it does not know for an error, tried again 180
        // times: these two are all that may stand here.
        RootMode::Nfs => format!("root=/dev/nfs nfsroot={address}:{directory}/root,nfsvers=3,tcp rw"),
        RootMode::Overlay => {
            let options = "vers=4.1,hard,noatime";
            format!("boot=imgbuild imgbuild.root=nfs:{address}:{directory}/root imgbuild.opts={options} ro")
        }
        RootMode::Ram => {
            let who = || Error::NoImage(node.map_or("unknown machines".to_owned(), |node| format!("`{}`", node.name)));
            let image = input.image.as_ref().ok_or_else(who)?;
            // The sum is in the initramfs, which is loaded with these words and is of the same generation.
            let (port, name, id) = (web::PORT, input.recipe.cluster(), &input.root);
            let sources = input.diskless.sources.iter().map(|url| format!(" {SOURCE}{url}")).collect::<String>();
            format!("boot=imgbuild imgbuild.root=ram:http://{address}:{port}/{name}/{id}/{}{sources} ro", image.name)
        }
    };
    Ok(words.split(' ').map(str::to_owned).collect())
}
