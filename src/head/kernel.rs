//! The kernel's command line: where the root is, and what the initramfs shall do about it.

use std::net::Ipv4Addr;

use crate::head::Error;
use crate::head::Input;
use crate::head::web;
use crate::recipe::Node;
use crate::recipe::RootMode;
use crate::recipe::grammar;

/// Another server that has the image.
pub(super) const SOURCE: &str = "imgbuild.source=";

/// The arguments for a node, or for a machine that is in no table; without `BOOTIF`, which the boot loader adds. The
/// recipe's grammar keeps out what a boot loader would read in its own way.
pub(super) fn arguments(input: &Input<'_>, node: Option<&Node>) -> Result<Vec<String>, Error> {
    with_address(input, node, "dhcp".to_owned())
}

/// As [`arguments`], with an address from the table instead of one that is asked for: as the kernel's `nfsroot.txt` has it.
/// Which card it is for is left open: `BOOTIF` says it, whatever the card is called.
pub(super) fn static_arguments(input: &Input<'_>, node: &Node) -> Result<Vec<String>, Error> {
    let head = input.head;
    let own = |(base, length): (Ipv4Addr, u8)| node.address.to_bits() & grammar::mask(length) == base.to_bits();
    let further = head.networks.iter().find(|network| own(network.network));
    let ((_, length), options) =
        further.map_or((head.network, &head.options), |network| (network.network, &network.options));
    // What DHCP would say where the recipe says nothing.
    let router = options.router.unwrap_or(head.address);
    let dns = options.dns.first().copied().unwrap_or(head.address);
    let mask = Ipv4Addr::from_bits(grammar::mask(length));
    let ip = format!("{}::{router}:{mask}:{}::none:{dns}", node.address, node.name);
    with_address(input, Some(node), ip)
}

fn with_address(input: &Input<'_>, node: Option<&Node>, ip: String) -> Result<Vec<String>, Error> {
    let mut arguments = root(input, node)?;
    arguments.push(format!("ip={ip}"));
    // Without it the initramfs' udev renames the card, and the interface the recipe names does not exist.
    if input.diskless.interface.starts_with("eth") {
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
