//! dnsmasq: addresses, names, boot files, and TFTP (dnsmasq(8)).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::head::Role;
use crate::head::boot;
use crate::head::shared::Shared;
use crate::head::web;
use crate::recipe::BootMode;
use crate::recipe::TftpServer;

/// `/etc/dnsmasq.d/imgbuild.conf`
pub(super) fn dnsmasq(shared: &Shared<'_>) -> String {
    let head = shared.head;
    let mut text = format!("# {}\n", shared.generated());
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String succeeds");

    line(&format!("interface={}", shared.interface()));
    // The interface may come up after dnsmasq does.
    line("bind-dynamic");
    if let Some(domain) = shared.domain() {
        line(&format!("domain={domain}\nlocal=/{domain}/\nexpand-hosts"));
    }
    if head.standby.is_none() {
        line("dhcp-authoritative");
    } else {
        // Both heads answer, and a node takes either's word: what they say of it is the same. An authoritative server
        // would refuse what a machine asks of the other one.
        line("\n# The other head answers as well, from its own part of the range.");
        line(&format!("dhcp-option=option:router,{0}\ndhcp-option=option:dns-server,{0}", head.address));
    }
    let (from, to) = range(shared);
    line(&format!("dhcp-range={from},{to},{},{}", netmask(head.network.1), head.lease));

    line("\n# What to boot, by the kind of firmware. A machine that is in no table below boots as well.");
    let ipxe = head.boot == BootMode::Ipxe;
    if ipxe {
        // Who asks for it with the option that is iPXE's own has it already: on its card, or by the lines below.
        line("dhcp-match=set:ipxe,175");
        let (address, port, script) = (head.address, web::BOOT_PORT, boot::IPXE_SCRIPT);
        line(&format!("dhcp-boot=tag:ipxe,http://{address}:{port}/{script},{},{address}", head.name));
    }
    let mut kinds: Vec<&boot::Firmware> = shared.architectures().into_iter().flat_map(boot::firmware).collect();
    kinds.sort_by_key(|firmware| firmware.tag);
    kinds.dedup_by_key(|firmware| firmware.tag);
    for firmware in kinds {
        let mut tag = firmware.tag.map(|tag| format!("tag:{tag},")).unwrap_or_default();
        // The untagged line comes after every tagged one in any case.
        if ipxe && !tag.is_empty() {
            tag.push_str("tag:!ipxe,");
        }
        for number in firmware.client_architectures {
            line(&format!("dhcp-match=set:{},option:client-arch,{number}", firmware.tag.unwrap_or_default()));
        }
        line(&format!("dhcp-boot={tag}{},{},{}", firmware.boot_file(head.boot), head.name, head.address));
    }

    line("\n# The nodes. Leases are for ever: what runs in the initramfs asks once and never renews.");
    for node in shared.nodes() {
        line(&format!("dhcp-host={},{},{},infinite", boot::mac(node, ":"), node.address, node.name));
    }

    // dnsmasq's own limits are 50 transfers and 1000 leases: all nodes may be switched on at once, each with a
    // transfer that ends and one that begins.
    let nodes = shared.nodes().count();
    line("");
    if head.tftp_server == TftpServer::Dnsmasq {
        line(&format!("enable-tftp={}\ntftp-root={}", shared.interface(), head.tftp));
        line(&format!("tftp-max={}", (2 * nodes).max(50)));
    }
    line(&format!("dhcp-lease-max={}", (2 * nodes).max(1000)));
    text
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

/// The addresses that this head gives to machines in no table: of two heads each has its half, since neither knows
/// what the other has given.
fn range(shared: &Shared<'_>) -> (Ipv4Addr, Ipv4Addr) {
    let (from, to) = shared.head.range;
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
