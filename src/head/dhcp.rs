//! dnsmasq: addresses, names, boot files, and TFTP (dnsmasq(8)).

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::head::Input;
use crate::head::boot;

/// `/etc/dnsmasq.d/imgbuild.conf`
pub(super) fn dnsmasq(input: &Input<'_>) -> String {
    let head = input.head;
    let mut text = format!("# {}\n", input.recipe.generated());
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String succeeds");

    line(&format!("interface={}", head.interface));
    // The interface may come up after dnsmasq does.
    line("bind-dynamic");
    if let Some(domain) = &input.diskless.domain {
        line(&format!("domain={domain}\nlocal=/{domain}/\nexpand-hosts"));
    }
    line("dhcp-authoritative");
    let (from, to) = head.range;
    line(&format!("dhcp-range={from},{to},{},{}", netmask(head.network.1), head.lease));

    line("\n# What to boot, by the kind of firmware. A machine that is in no table below boots as well.");
    for firmware in boot::firmware(&input.recipe.debian.architecture) {
        let tag = firmware.tag.map(|tag| format!("tag:{tag},")).unwrap_or_default();
        for number in firmware.client_architectures {
            line(&format!("dhcp-match=set:{},option:client-arch,{number}", firmware.tag.unwrap_or_default()));
        }
        line(&format!("dhcp-boot={tag}{},{},{}", firmware.boot_file, head.name, head.address));
    }

    line("\n# The nodes. Leases are for ever: what runs in the initramfs asks once and never renews.");
    for node in &input.recipe.nodes {
        line(&format!("dhcp-host={},{},{},infinite", boot::mac(node, ":"), node.address, node.name));
    }

    line(&format!("\nenable-tftp={}\ntftp-root={}", head.interface, head.tftp));
    // dnsmasq's own limits are 50 transfers and 1000 leases: all nodes may be switched on at once, each with a
    // transfer that ends and one that begins.
    let nodes = input.recipe.nodes.len();
    line(&format!("tftp-max={}", (2 * nodes).max(50)));
    line(&format!("dhcp-lease-max={}", (2 * nodes).max(1000)));
    text
}

fn netmask(length: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0))
}
