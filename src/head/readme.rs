//! What to do with the head's files, in words.

use crate::head::Input;
use crate::head::boot;
use crate::head::web;

pub(super) fn readme(input: &Input<'_>) -> String {
    let (head, name) = (input.head, &input.recipe.name);
    let (tftp, interface) = (&head.tftp, &head.interface);
    let generation = input.generation_directory();
    let boot = input.boot_directory();
    let loaders = if boot::loaders(&input.recipe.debian.architecture).is_empty() {
        format!(
            "\nThere is no boot loader for {} among these files: give the nodes one that\n\
             loads {boot}/vmlinuz and initrd.img.\n",
            input.recipe.debian.architecture
        )
    } else {
        String::new()
    };
    let image = input.image.as_ref().map_or_else(String::new, |image| {
        format!(
            "   And the root in one file, for nodes that take it into memory; whoever can reach the\n   \
             web server reads it:\n\n   install -D -m 0644 {0} {generation}/{0}\n\n",
            image.name
        )
    });
    let states: Vec<String> =
        input.recipe.nodes.iter().map(|node| format!("{}/state/{}", head.export, node.name)).collect();
    let states = states.join(" \\\n      ");
    let web = web::unit(input).is_some();
    let (web_package, web_start) = if web {
        (" busybox", "   systemctl daemon-reload\n   systemctl enable --now imgbuild-http\n")
    } else {
        ("", "")
    };
    let web_file =
        if web { "   etc/systemd/system/imgbuild-http.service  the web server for roots in memory\n" } else { "" };
    format!(
        r#"{title}

Everything here lies as on the disk of the head node {head_name} ({address} on {interface}).
This is generation {id}.

On the head, `imgbuild publish DIR --to /` does steps 2 and 3, so that nodes which are up go on with
the generation they have and those that start get the new one. By hand:

1. Install what these files configure:

   apt-get install dnsmasq nfs-kernel-server syslog-ng-core chrony{web_package}

2. Unpack the nodes' root, as root and with its owners, into a directory of its own:

   mkdir -p {generation}/root
   tar -C {generation}/root --numeric-owner --xattrs --xattrs-include='*' -xpf root.tar

   And a directory for what is each node's own, such as its ssh host keys and its database:

   mkdir -p {states}

{image}3. Copy etc/ and srv/ of this directory over the head's:

   cp -r --no-preserve=ownership etc srv /

   /etc/hosts is replaced as a whole: keep your own lines of it.
{loaders}
4. Give {interface} the address {address}/{length}, then start everything anew:

   sysctl --system
   systemctl enable --now syslog-ng
   systemctl restart dnsmasq nfs-server syslog-ng chrony
{web_start}
What lies where:

   etc/dnsmasq.d/imgbuild.conf           addresses, names, boot files, TFTP
   etc/hosts                             names of the head and its nodes
   etc/exports.d/imgbuild.exports        the nodes' roots
   etc/nfs.conf.d/imgbuild.conf          the NFS server's size
   etc/syslog-ng/conf.d/imgbuild.conf    the nodes' logs, to /var/log/NODE/FACILITY
   etc/chrony/conf.d/imgbuild.conf       the nodes' time
   etc/sysctl.d/90-imgbuild.conf         limits of the head's kernel
   etc/imgbuild/{name}.json  for imgbuild: where generations lie
{web_file}   {tftp_shown}    what the nodes boot

A generation that nodes have booted from is never changed: files that vanish under a node are errors there
until it is started anew. A new root gets a new generation.

No other DHCP server may answer on {interface}. The export is for a network whose machines you
trust: whoever can reach it reads the root as root.
"#,
        title = input.recipe.generated(),
        head_name = head.name,
        address = head.address,
        id = input.generation,
        length = head.network.1,
        tftp_shown = format_args!("{:<34}", tftp.trim_start_matches('/')),
    )
}
