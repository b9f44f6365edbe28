//! The kernel's command line: where the root is, and what the initramfs shall do about it.

use crate::head::Error;
use crate::head::Input;
use crate::recipe::Node;
use crate::recipe::RootMode;

/// The arguments for a node, or for a machine that is in no table; without `BOOTIF`, which the boot loader adds. The
/// recipe's grammar keeps out what a boot loader would read in its own way.
pub(super) fn arguments(input: &Input<'_>, node: Option<&Node>) -> Result<Vec<String>, Error> {
    let mut arguments = root(input, node)?;
    arguments.push("ip=dhcp".to_owned());
    // Without it the initramfs' udev renames the card, and the interface the recipe names does not exist.
    if input.diskless.interface.starts_with("eth") {
        arguments.push("net.ifnames=0".to_owned());
    }
    // A node whose root cannot be mounted tries again from the start instead of waiting for a keyboard.
    arguments.push("panic=60".to_owned());
    let own = node.map(|node| node.kernel_arguments.as_slice()).unwrap_or_default();
    arguments.extend(input.diskless.kernel_arguments.iter().chain(own).cloned());
    Ok(arguments)
}

fn root(input: &Input<'_>, node: Option<&Node>) -> Result<Vec<String>, Error> {
    let (address, export) = (input.head.address, &input.head.export);
    let words = match input.recipe.root_mode(node, input.diskless) {
        // klibc's nfsmount speaks version 3 alone and takes an option it does not know for an error, tried again 180
        // times: these two are all that may stand here.
        RootMode::Nfs => format!("root=/dev/nfs nfsroot={address}:{export},nfsvers=3,tcp rw"),
        RootMode::Overlay => {
            format!("boot=imgbuild imgbuild.root=nfs:{address}:{export} imgbuild.opts=vers=4.1,hard,noatime ro")
        }
        RootMode::Ram => {
            let who = || Error::NoImage(node.map_or("unknown machines".to_owned(), |node| format!("`{}`", node.name)));
            let image = input.image.as_ref().ok_or_else(who)?;
            let (place, sha256) = (format!("{}/{}", image_directory(input), image.name), &image.sha256);
            format!("boot=imgbuild imgbuild.root=ram:nfs:{address}:{place} imgbuild.sha256={sha256} ro")
        }
    };
    Ok(words.split(' ').map(str::to_owned).collect())
}

/// Where the head keeps the root as one file: beside the other, exported by itself.
pub(super) fn image_directory(input: &Input<'_>) -> String {
    format!("{}-image", input.head.export)
}
