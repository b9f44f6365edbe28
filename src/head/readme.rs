//! What to do with the head's files, in words.

use crate::head::Input;
use crate::head::boot;
use crate::head::kernel;

pub(super) fn readme(input: &Input<'_>) -> String {
    let (head, name) = (input.head, &input.recipe.name);
    let (tftp, export, interface) = (&head.tftp, &head.export, &head.interface);
    let loaders = if boot::loaders(&input.recipe.debian.architecture).is_empty() {
        format!(
            "\nThere is no boot loader for {} among these files: give the nodes one that\n\
             loads {tftp}/{name}/vmlinuz and initrd.img.\n",
            input.recipe.debian.architecture
        )
    } else {
        String::new()
    };
    let image = input.image.as_ref().map_or_else(String::new, |image| {
        let directory = kernel::image_directory(input);
        format!("\n   And the root in one file, for nodes that take it into memory:\n\n   install -D -m 0600 {0} {directory}/{0}\n", image.name)
    });
    format!(
        r#"{title}

Everything here lies as on the disk of the head node {head_name} ({address} on {interface}).

1. Install what these files configure:

   apt-get install dnsmasq nfs-kernel-server syslog-ng-core chrony

2. Unpack the nodes' root, as root and with its owners, into an empty directory:

   mkdir -p {export}
   tar -C {export} --numeric-owner --xattrs --xattrs-include='*' -xpf root.tar

   Nodes that are up must be shut down before their root is replaced.
{image}
3. Copy etc/ and srv/ of this directory over the head's:

   cp -r --no-preserve=ownership etc srv /

   /etc/hosts is replaced as a whole: keep your own lines of it.
{loaders}
4. Give {interface} the address {address}/{length}, then start everything anew:

   sysctl --system
   systemctl enable --now syslog-ng
   systemctl restart dnsmasq nfs-server syslog-ng chrony

What lies where:

   etc/dnsmasq.d/imgbuild.conf           addresses, names, boot files, TFTP
   etc/hosts                             names of the head and its nodes
   etc/exports.d/imgbuild.exports        the nodes' root
   etc/nfs.conf.d/imgbuild.conf          the NFS server's size
   etc/syslog-ng/conf.d/imgbuild.conf    the nodes' logs, to /var/log/NODE/FACILITY
   etc/chrony/conf.d/imgbuild.conf       the nodes' time
   etc/sysctl.d/90-imgbuild.conf         limits of the head's kernel
   {tftp_shown}    what the nodes boot

No other DHCP server may answer on {interface}. The export is for a network whose machines you
trust: whoever can reach it reads the root as root.
"#,
        title = input.recipe.generated(),
        head_name = head.name,
        address = head.address,
        length = head.network.1,
        tftp_shown = format_args!("{:<34}", tftp.trim_start_matches('/')),
    )
}
