//! dnsmasq: addresses, names, boot files, and TFTP (dnsmasq(8)).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::head::Role;
use crate::head::boot;
use crate::head::shared::Shared;
use crate::head::web;
use crate::recipe::BootMode;
use crate::recipe::DhcpMode;
use crate::recipe::NetworkOptions;
use crate::recipe::TftpServer;

/// `/etc/dnsmasq.d/imgbuild.conf`
pub(super) fn dnsmasq(shared: &Shared<'_>) -> String {
    let head = shared.head;
    let mut text = format!("# {}\n", shared.generated());
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String succeeds");

    for interface in interfaces(shared) {
        line(&format!("interface={interface}"));
    }
    // The interface may come up after dnsmasq does.
    line("bind-dynamic");
    if let Some(domain) = shared.domain() {
        line(&format!("domain={domain}\nlocal=/{domain}/\nexpand-hosts"));
    }
    match head.dhcp {
        DhcpMode::Full => {
            addresses(shared, &mut line);
            boot_files(shared, &mut line);
            raspberry_pis(shared, &mut line);
            line("\n# The nodes. Leases are for ever: what runs in the initramfs asks once and never renews.");
            for node in shared.nodes() {
                // With several of them dnsmasq takes the machine to have one cable in at a time.
                let macs = node.macs().map(|mac| boot::mac(mac, ":"));
                let ids: Vec<String> = macs.chain(node.client_id.iter().map(|id| format!("id:{id}"))).collect();
                line(&format!("dhcp-host={},{},{},infinite", ids.join(","), node.address, node.name));
            }
        }
        DhcpMode::Proxy => {
            proxy(shared, &mut line);
            raspberry_pis(shared, &mut line);
        }
        DhcpMode::None => {}
    }

    // dnsmasq's own limits are 50 transfers and 1000 leases: all nodes may be switched on at once, each with a
    // transfer that ends and one that begins.
    let nodes = shared.nodes().count();
    line("");
    if head.tftp_server == TftpServer::Dnsmasq {
        line(&format!("enable-tftp={}\ntftp-root={}", interfaces(shared).join(","), head.tftp));
        if shared.raspberry_pis().next().is_some() {
            // A directory of a card's own is the root of what it asks for, where there is one.
            line("tftp-unique-root=mac");
        }
        line(&format!("tftp-max={}", (2 * nodes).max(50)));
    }
    if head.dhcp == DhcpMode::Full {
        line(&format!("dhcp-lease-max={}", (2 * nodes).max(1000)));
    }
    text
}

/// The head's interfaces on networks that it serves.
fn interfaces<'a>(shared: &Shared<'a>) -> Vec<&'a str> {
    let further = shared.head.networks.iter().filter_map(|network| network.interface.as_deref());
    std::iter::once(shared.interface()).chain(further).collect()
}

/// Which addresses there are, and what machines are told of their network.
fn addresses(shared: &Shared<'_>, line: &mut dyn FnMut(&str)) {
    let head = shared.head;
    let mut options = head.options.clone();
    if head.standby.is_none() {
        line("dhcp-authoritative");
    } else {
        // Both heads answer, and a node takes either's word: what they say of it is the same. An authoritative server
        // would refuse what a machine asks of the other one.
        line("\n# The other head answers as well, from its own part of the range.");
        options.router.get_or_insert(head.address);
        if options.dns.is_empty() {
            options.dns.push(head.address);
        }
    }
    let networks = &head.networks;
    // What is told of one network must not be of the others.
    let tag = if networks.is_empty() { "" } else { "net" };
    let set = if networks.is_empty() { "" } else { "set:net," };
    let (from, to) = part(shared, head.range.unwrap_or((head.address, head.address)));
    let lease = &head.lease;
    line(&format!("dhcp-range={set}{from},{to},{},{lease}", netmask(head.network.1)));
    told(tag, &options, line);
    for network in networks {
        let (base, length) = network.network;
        let tag = format!("net-{}", network.name);
        let range = network.range.map_or_else(
            || format!("{base},static"),
            |range| {
                let (from, to) = part(shared, range);
                format!("{from},{to}")
            },
        );
        line(&format!("dhcp-range=set:{tag},{range},{},{lease}", netmask(length)));
        let mut options = network.options.clone();
        if options.dns.is_empty() {
            // By itself dnsmasq names the address that a relay asked it by, or none.
            options.dns.push(head.address);
        }
        told(&tag, &options, line);
    }
}

/// Options of one network.
fn told(tag: &str, options: &NetworkOptions, line: &mut dyn FnMut(&str)) {
    let tag = if tag.is_empty() { String::new() } else { format!("tag:{tag},") };
    let list = |all: &[Ipv4Addr]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let router: Vec<Ipv4Addr> = options.router.into_iter().collect();
    let addresses = [("router", &router), ("dns-server", &options.dns), ("ntp-server", &options.ntp)];
    for (name, all) in addresses.into_iter().filter(|(_, all)| !all.is_empty()) {
        line(&format!("dhcp-option={tag}option:{name},{}", list(all)));
    }
    if let Some(mtu) = options.mtu {
        line(&format!("dhcp-option={tag}option:mtu,{mtu}"));
    }
}

/// The kinds of firmware that nodes have.
pub(super) fn kinds(shared: &Shared<'_>) -> Vec<&'static boot::Firmware> {
    let mut kinds: Vec<&boot::Firmware> = shared.architectures().into_iter().flat_map(boot::firmware).collect();
    kinds.sort_by_key(|firmware| firmware.tag);
    kinds.dedup_by_key(|firmware| firmware.tag);
    kinds
}

/// What each kind of firmware boots. One that nothing here fits is told nothing: better no file than a wrong one.
fn boot_files(shared: &Shared<'_>, line: &mut dyn FnMut(&str)) {
    let (head, address) = (shared.head, shared.head.address);
    line("\n# What to boot, by the kind of firmware. A machine that is in no table below boots as well.");
    let kinds = kinds(shared);
    let ipxe = head.boot == BootMode::Ipxe && !kinds.is_empty();
    let by = format!("{},{address}", head.name);
    let url = |file: &str| format!("http://{address}:{}/{file}", web::BOOT_PORT);
    if ipxe {
        // Who asks for it with the option that is iPXE's own has it already: on its card, or by the lines below.
        line("dhcp-match=set:ipxe,175");
    }
    let not_ipxe = if ipxe { "tag:!ipxe," } else { "" };
    if kinds.iter().any(|firmware| firmware.is_bios()) {
        line("dhcp-match=set:arch,option:client-arch");
    }
    for firmware in kinds {
        let (tag, file) = (firmware.tag, firmware.boot_file(head.boot));
        for number in firmware.client_architectures {
            line(&format!("dhcp-match=set:{tag},option:client-arch,{number}"));
        }
        if ipxe {
            line(&format!("dhcp-boot=tag:{tag},tag:ipxe,{},{by}", url(boot::IPXE_SCRIPT)));
        }
        line(&format!("dhcp-boot=tag:{tag},{not_ipxe}{file},{by}"));
        if firmware.is_bios() {
            // Old ones do not say what they are.
            line(&format!("dhcp-boot=tag:!arch,{not_ipxe}{file},{by}"));
        }
        // The head has an HTTP server for boot files only where iPXE wants one.
        if let (true, Some((tag, number))) = (ipxe, firmware.http) {
            line(&format!("dhcp-match=set:{tag},option:client-arch,{number}"));
            line(&format!("dhcp-boot=tag:{tag},tag:ipxe,{},{by}", url(boot::IPXE_SCRIPT)));
            line(&format!("dhcp-boot=tag:{tag},{not_ipxe}{},{by}", url(file)));
            line(&format!("dhcp-option-force=tag:{tag},{not_ipxe}option:vendor-class,HTTPClient"));
        }
    }
}

/// What a Raspberry Pi's own loader waits for. It calls itself a machine with a BIOS; only the nodes of the table hear it.
fn raspberry_pis(shared: &Shared<'_>, line: &mut dyn FnMut(&str)) {
    let mut macs = shared.raspberry_pis().peekable();
    if macs.peek().is_none() {
        return;
    }
    line("\n# The word by which a Raspberry Pi boots from a server, and its files from its own directory.");
    for mac in macs {
        line(&format!("dhcp-mac=set:{RASPBERRY_PI},{mac}"));
    }
    line(&format!("pxe-service=tag:{RASPBERRY_PI},0,\"Raspberry Pi Boot\""));
}

/// The tag of nodes that may be Raspberry Pis.
const RASPBERRY_PI: &str = "raspberry-pi";

/// Beside another DHCP server: PXE clients hear from it what to boot, and nothing else (PXE 2.1, 2.2.3).
fn proxy(shared: &Shared<'_>, line: &mut dyn FnMut(&str)) {
    let (head, address) = (shared.head, shared.head.address);
    line("\n# Another server gives the addresses.");
    for (base, length) in head.all_networks() {
        line(&format!("dhcp-range={base},proxy,{}", netmask(length)));
    }
    line(
        "\n# What to boot, by the kind of firmware: one entry of a menu that nobody sees, so that it is taken at once.",
    );
    let ipxe = head.boot == BootMode::Ipxe;
    if ipxe {
        line("dhcp-match=set:ipxe,175");
    }
    for firmware in kinds(shared) {
        let (tag, file) = (firmware.tag, firmware.boot_file(head.boot));
        for number in firmware.client_architectures {
            // iPXE takes a file, and of menus only what has none.
            let not_ipxe = if ipxe { "tag:!ipxe," } else { "" };
            line(&format!("pxe-service={not_ipxe}{number},imgbuild,{file},{address}"));
            if ipxe {
                line(&format!("dhcp-match=set:{tag},option:client-arch,{number}"));
            }
        }
        if ipxe {
            let url = format!("http://{address}:{}/{}", web::BOOT_PORT, boot::IPXE_SCRIPT);
            line(&format!("dhcp-boot=tag:{tag},tag:ipxe,{url},{},{address}", head.name));
        }
    }
}

/// Where tftpd-hpa's service has its options, below the head's root.
pub(super) const TFTPD: &str = "etc/default/tftpd-hpa";

/// `/etc/default/tftpd-hpa`: as Debian's package writes it, with the directory (in.tftpd(8)).
pub(super) fn tftpd(shared: &Shared<'_>) -> String {
    format!(
        "# {}\nTFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"{}\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure\"\n",
        shared.generated(),
        shared.head.tftp
    )
}

/// The part of a range that this head gives addresses from: of two heads each has its half, since neither knows what the
/// other has given.
fn part(shared: &Shared<'_>, (from, to): (Ipv4Addr, Ipv4Addr)) -> (Ipv4Addr, Ipv4Addr) {
    if shared.head.standby.is_none() {
        return (from, to);
    }
    let middle = from.to_bits() + (to.to_bits() - from.to_bits()) / 2;
    match shared.role() {
        Role::Head => (from, Ipv4Addr::from_bits(middle)),
        Role::Standby => (Ipv4Addr::from_bits(middle + 1), to),
    }
}

fn netmask(length: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0))
}
