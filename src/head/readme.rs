//! What to do with the head's files, in words.

use std::fmt::Write as _;

use crate::head::Cluster;
use crate::head::Input;
use crate::head::Role;
use crate::head::boot;
use crate::head::dhcp;
use crate::head::nfs;
use crate::head::pair;
use crate::head::shared::Shared;
use crate::head::shared::own_addresses;
use crate::head::web;
use crate::recipe::BootMode;
use crate::recipe::DhcpMode;
use crate::recipe::Format;
use crate::recipe::Head;
use crate::recipe::Node;
use crate::recipe::RootMode;
use crate::recipe::Standby;
use crate::recipe::TftpServer;

/// # Panics
/// There is no image.
pub(super) fn readme(images: &[Input<'_>], clusters: &[Cluster]) -> String {
    let input = images.first().expect("a recipe has an image");
    let (head, shared) = (input.head, Shared { head: input.head, clusters });
    let interface = shared.interface();
    let address = head.standby.as_ref().map_or(head.address, |standby| own_addresses(input.role, standby).0);
    let foreign = images.iter().filter(|input| boot::firmware(&input.recipe.debian.architecture).is_empty());
    let loaders = foreign.map(|input| {
        format!(
            "\nThere is no boot loader for {} among these files: give the nodes one that\n\
             loads {}/vmlinuz and initrd.img.\n",
            input.recipe.debian.architecture,
            input.boot_directory()
        )
    });
    let loaders: String = loaders.collect();
    let of_image =
        |input: &Input<'_>| input.recipe.image.as_ref().map_or_else(String::new, |name| format!(" of image {name}"));
    let generations = images.iter().map(|input| {
        format!("This is generation {}{}, with root {}.\n", input.generation, of_image(input), input.root)
    });
    let generations: String = generations.collect();
    let option = if input.role == Role::Standby { " --standby" } else { "" };
    let other = if head.standby.is_some() { "third" } else { "other" };
    format!(
        r#"{title}

Everything here lies as on the disk of the head node {head_name} ({address} on {interface}).
{generations}{pair}
On the head, `imgbuild publish DIR --to /{option}` does steps 2 and 3, so that nodes which are up go on with
the generation they have and those that start get the new one. By hand:

1. Install what these files configure:

   apt-get install {packages}

{root}3. Copy etc/ and srv/ of this directory over the head's:

   cp -r --no-preserve=ownership {directories} /

   /etc/hosts is replaced as a whole: keep your own lines of it.
{loaders}{tls}
4. Give {interface} the address {address}/{length}, then start everything anew:

{start}
What lies where:

{files}
A generation that nodes have booted from is never changed: files that vanish under a node are errors there
until it is started anew. Whatever is new makes a new generation; roots lie by themselves, and several may share
one.

{answers}
The export is for a network whose machines you
trust: whoever can reach it reads the root as root.
"#,
        title = input.recipe.generated(),
        tls = tls(head),
        answers = answers(&shared, other),
        head_name = shared.name(),
        pair = head.standby.as_ref().map_or_else(String::new, |standby| pair_of(input, standby)),
        packages = packages(&shared).join(" "),
        root = roots(images),
        length = head.network.1,
        start = start(&shared),
        files = files(&shared),
        directories = directories_of(head),
    )
}

/// What the head needs that is in no output.
fn tls(head: &Head) -> String {
    if head.site_ca.is_none() {
        return String::new();
    }
    format!(
        "\n   Nodes take their own files by TLS: put a certificate for the address {}, of an authority that\n   \
         is in the recipe's `site-ca`, to {}, and its key, for root alone, to\n   {}. What the package nginx starts by itself is not needed for that.\n",
        head.address,
        web::CERTIFICATE,
        web::KEY
    )
}

/// What the bundle has beside this file.
fn directories_of(head: &Head) -> String {
    let tftp = head.tftp.trim_start_matches('/').split('/').next().unwrap_or_default();
    if tftp == "etc" { tftp.to_owned() } else { format!("etc {tftp}") }
}

/// Who says what to machines that start, and which of them hear nothing.
fn answers(shared: &Shared<'_>, other: &str) -> String {
    let (head, interface, address) = (shared.head, shared.interface(), shared.head.address);
    let kinds = dhcp::kinds(shared);
    let http = head.boot == BootMode::Ipxe;
    let mut text = match head.dhcp {
        DhcpMode::Full => format!("No {other} DHCP server may answer on {interface}. "),
        DhcpMode::Proxy => format!(
            "The DHCP server of {interface} gives addresses, and must give each node the one that it has in\n\
             /etc/hosts; what to boot it must not say. "
        ),
        DhcpMode::None => {
            "The DHCP server of the nodes must give each the address that it has in /etc/hosts, and say what\n\
                           to boot. "
                .to_owned()
        }
    };
    if !kinds.is_empty() {
        text.push_str("By what firmware calls itself in DHCP option 93:\n\n");
    }
    let mut line =
        |number: &str, what: &str| writeln!(text, "   {number:<6} {what}").expect("writing to a String succeeds");
    for firmware in &kinds {
        let numbers: Vec<String> = firmware.client_architectures.iter().map(u16::to_string).collect();
        let old = if firmware.is_bios() { ", and machines that do not say" } else { "" };
        line(&numbers.join(", "), &format!("{} from {address} by TFTP{old}", firmware.boot_file(head.boot)));
        if let (Some((_, number)), true, DhcpMode::Full | DhcpMode::None) = (firmware.http, http, head.dhcp) {
            let url = format!("http://{address}:{}/{}", web::BOOT_PORT, firmware.boot_file(head.boot));
            line(&number.to_string(), &format!("{url} (UEFI HTTP boot), with option 60 `HTTPClient`"));
        }
    }
    if http {
        line(
            "iPXE",
            &format!("(option 175, of these machines) http://{address}:{}/{}", web::BOOT_PORT, boot::IPXE_SCRIPT),
        );
    }
    let boards = shared.raspberry_pis().next().is_some();
    if boards {
        let who = match head.dhcp {
            DhcpMode::Full | DhcpMode::Proxy => "This head says",
            DhcpMode::None => "The DHCP server must say",
        };
        writeln!(
            text,
            "\nRaspberry Pis of the table (4B, 400, CM4) boot by their own loader, once network boot is in the board's\n\
             boot order (`rpi-eeprom-config --edit`, a `2` in BOOT_ORDER). {who} `Raspberry Pi Boot` to them in\n\
             option 43, and dnsmasq serves each what lies in {tftp}/MAC. They must be in the table: others have no\n\
             files. They have no menu, so a rollback is what brings the previous generation back.",
            tftp = head.tftp
        )
        .expect("writing to a String succeeds");
    }
    if !kinds.is_empty() {
        let others = if boards { "" } else { " or a Raspberry Pi's own loader" };
        writeln!(
            text,
            "\nAll others, such as UEFI of 32 bits (6){others}, are told of no file and go on to their next device."
        )
        .expect("writing to a String succeeds");
    }
    for network in &head.networks {
        let (base, length) = network.network;
        let router = network.options.router.map_or_else(String::new, |router| router.to_string());
        let how = network.interface.as_ref().map_or_else(
            || format!("its router {router} relays DHCP to {address}; this head needs a route there"),
            |interface| format!("give {interface} the address {router}/{length}, which is its nodes' router"),
        );
        writeln!(text, "\nNetwork {} ({base}/{length}): {how}.", network.name).expect("writing to a String succeeds");
    }
    text
}

/// What one head must be told of the other.
fn pair_of(input: &Input<'_>, standby: &Standby) -> String {
    let (head, other) = match input.role {
        Role::Head => (&standby.name, standby.own_address),
        Role::Standby => (&input.head.name, standby.head_own_address),
    };
    format!(
        "\nIt is one of two: the other one is {head} ({other}). Nodes know them by the address {address}, which\n\
         keepalived gives to one of them; when that one dies it moves to the other within four seconds,\n\
         and nodes go on with open files. Nothing is shared: publish every generation on both, and\n\
         roll back on both. The logs of a node are on the head that had the address at the time.\n",
        address = input.head.address
    )
}

fn packages(shared: &Shared<'_>) -> Vec<&'static str> {
    let mut packages = vec!["dnsmasq", "nfs-kernel-server", "syslog-ng-core", "chrony"];
    packages.extend((shared.head.tftp_server == TftpServer::TftpdHpa).then_some("tftpd-hpa"));
    packages.extend((!web::servers(shared).is_empty()).then_some("busybox"));
    packages.extend(shared.head.site_ca.as_ref().map(|_| "nginx"));
    packages.extend(shared.head.standby.as_ref().map(|_| "keepalived"));
    packages
}

/// How nodes find their roots.
fn roots(images: &[Input<'_>]) -> String {
    images.iter().map(root).collect()
}

fn root(input: &Input<'_>) -> String {
    let is_mounted = input.has_root(RootMode::Nfs) || input.has_root(RootMode::Overlay);
    match (&input.head.standby, &input.image) {
        (Some(_), _) => images(input),
        (None, Some(image)) if !is_mounted => format!(
            "2. Put the nodes' root, which they take into memory, in place as one file; whoever can reach the\n   \
             web server reads it:\n\n   install -D -m 0644 {below}{0} {1}/{0}\n\n   \
             And a directory for what each node takes while it runs, which comes by NFS:\n\n   mkdir -p {own}\n\n",
            image.name,
            input.root_directory(),
            below = below(input),
            own = own_directories(input, &["site"]),
        ),
        (None, _) => directories(input),
    }
}

/// The root as a directory, with nodes' own ones beside it.
fn directories(input: &Input<'_>) -> String {
    let directory = input.root_directory();
    let image = input.image.as_ref().map_or_else(String::new, |image| {
        format!(
            "   And the root in one file, for nodes that take it into memory; whoever can reach the\n   \
             web server reads it:\n\n   install -D -m 0644 {below}{0} {directory}/{0}\n\n",
            image.name,
            below = below(input),
        )
    });
    let formats = &input.recipe.formats;
    let tar = [(Format::Tar, "tar"), (Format::TarZst, "tar.zst"), (Format::TarXz, "tar.xz"), (Format::TarGz, "tar.gz")];
    let tar = tar.into_iter().find(|(format, _)| formats.contains(format)).map(|(_, end)| end);
    let unpack = match tar {
        None if formats.contains(&Format::Directory) => format!("cp -a {}root/. {directory}/root/", below(input)),
        tar => format!(
            "tar -C {directory}/root --numeric-owner --xattrs --xattrs-include='*' -xpf {}root.{}",
            below(input),
            tar.unwrap_or("tar")
        ),
    };
    format!(
        "2. Unpack the nodes' root, as root and with its owners, into a directory of its own:\n\n   \
         mkdir -p {directory}/root\n   {unpack}\n\n   \
         And a directory for what is each node's own, such as its ssh host keys and its database:\n\n   \
         mkdir -p {}\n\n{image}",
        own_directories(input, &["state", "site"])
    )
}

/// The directories of all nodes, for a command's line.
fn own_directories(input: &Input<'_>, kinds: &[&str]) -> String {
    let export = &input.head.export;
    let of = |node: &Node| kinds.iter().map(|of| format!("{export}/{of}/{}", node.name)).collect::<Vec<_>>();
    input.recipe.own_nodes().flat_map(of).collect::<Vec<_>>().join(" \\\n      ")
}

/// The root as an image, the same on two heads.
fn images(input: &Input<'_>) -> String {
    let directory = input.root_directory();
    let image = input.image.as_ref().map_or(pair::IMAGE, |image| image.name.as_str());
    format!(
        "2. Put the nodes' root in place, as one file, and a directory that it will be mounted on; whoever can reach\n   \
         the head reads it:\n\n   install -D -m 0644 {below}{image} {directory}/{image}\n   mkdir {directory}/root\n\n",
        below = below(input),
    )
}

/// Where the outputs of an image lie.
fn below(input: &Input<'_>) -> String {
    input.recipe.image.as_ref().map_or_else(String::new, |image| format!("{image}/"))
}

fn start(shared: &Shared<'_>) -> String {
    let (is_pair, web) = (shared.head.standby.is_some(), web::servers(shared));
    let mut lines = vec!["sysctl --system"];
    if is_pair {
        lines.push("systemctl daemon-reload");
        // What is not mounted yet is not exported.
        lines.extend(shared.has_root(RootMode::Overlay).then_some("systemctl enable --now imgbuild-roots"));
    }
    lines.push("systemctl enable --now syslog-ng");
    lines.push("systemctl restart dnsmasq nfs-server syslog-ng chrony");
    // After dnsmasq, which may have had its port until now.
    lines.extend((shared.head.tftp_server == TftpServer::TftpdHpa).then_some("systemctl restart tftpd-hpa"));
    let by_tls = shared.head.site_ca.is_some();
    lines.extend((!is_pair && (by_tls || !web.is_empty())).then_some("systemctl daemon-reload"));
    lines.extend(web.iter().map(|server| server.start));
    if by_tls {
        lines.push("systemctl enable --now imgbuild-site");
        lines.push("systemctl reload imgbuild-site");
    }
    if is_pair {
        // The last: it takes the address when all that nodes want is there.
        lines.push("systemctl enable keepalived");
        lines.push("systemctl restart keepalived");
    }
    lines.iter().map(|line| format!("   {line}\n")).collect()
}

fn files(shared: &Shared<'_>) -> String {
    let mut files = match shared.head.tftp_server {
        TftpServer::Dnsmasq => vec![("etc/dnsmasq.d/imgbuild.conf".to_owned(), "addresses, names, boot files, TFTP")],
        TftpServer::TftpdHpa => vec![
            ("etc/dnsmasq.d/imgbuild.conf".to_owned(), "addresses, names, boot files"),
            (dhcp::TFTPD.to_owned(), "TFTP"),
        ],
    };
    files.push(("etc/hosts".to_owned(), "names of the head and its nodes"));
    if shared.head.standby.is_none() {
        files.push((nfs::EXPORTS.to_owned(), "the nodes' roots, and what is each node's own"));
    } else {
        files.push((nfs::EXPORTS.to_owned(), "what is each node's own"));
    }
    if shared.head.standby.is_some() && shared.has_root(RootMode::Overlay) {
        let mounted = shared.clusters.iter().filter(|cluster| cluster.has_root(RootMode::Overlay));
        files.extend(mounted.map(|cluster| (pair::exports_path(&cluster.root), "the nodes' root")));
        files.push(("etc/systemd/system/imgbuild-roots.service".to_owned(), "mounts the images of roots"));
    }
    files.push(("etc/nfs.conf.d/imgbuild.conf".to_owned(), "the NFS server's size"));
    files.push(("etc/syslog-ng/conf.d/imgbuild.conf".to_owned(), "the nodes' logs, to /var/log/NODE/FACILITY"));
    files.push(("etc/chrony/conf.d/imgbuild.conf".to_owned(), "the nodes' time"));
    files.push(("etc/sysctl.d/90-imgbuild.conf".to_owned(), "limits of the head's kernel"));
    if shared.head.standby.is_some() {
        files.push(("etc/keepalived/keepalived.conf".to_owned(), "the address that moves"));
    }
    let records = shared.clusters.iter().map(|cluster| format!("etc/imgbuild/{}.json", cluster.name));
    files.extend(records.map(|path| (path, "for imgbuild: where generations lie")));
    if web::has_sources(shared) {
        files.push((web::CACHE.to_owned(), "for nginx on other machines: caches of roots in memory"));
    }
    if shared.head.site_ca.is_some() {
        files.push((web::SITE.to_owned(), "the nodes' own files by TLS"));
        files.push((web::SITE_UNIT.to_owned(), "the server for them"));
    }
    for server in web::servers(shared) {
        files.push((server.path(), server.readme));
    }
    files.push((shared.head.tftp.trim_start_matches('/').to_owned(), "what the nodes boot"));
    let mut text = String::new();
    for (path, what) in files {
        writeln!(text, "   {path:<36}  {what}").expect("writing to a String succeeds");
    }
    text
}
