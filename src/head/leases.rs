//! What dnsmasq has given to whom (its `--dhcp-leasefile`): `END MAC ADDRESS NAME CLIENT-ID` in each line.

use std::net::Ipv4Addr;

use crate::recipe::grammar;

/// An address that dnsmasq has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// When it ends, in seconds since 1970; `None`: never.
    pub end: Option<i64>,
    /// The card that asked, in lower case with colons.
    pub mac: String,
    /// The address.
    pub address: Ipv4Addr,
    /// What the machine calls itself, when that is a name; it may say what it likes.
    pub name: Option<String>,
}

/// The leases in a file of dnsmasq's, by address. Lines of another form are none, as those of IPv6.
#[must_use]
pub fn leases(text: &str) -> Vec<Lease> {
    let read = |line: &str| {
        let mut words = line.split(' ');
        let (end, mac, address) = (words.next()?.parse::<i64>().ok()?, words.next()?, words.next()?.parse().ok()?);
        let mac = grammar::mac(mac).ok()?.map(|byte| format!("{byte:02x}")).join(":");
        let name = words.next().and_then(|name| grammar::alias(&name.to_ascii_lowercase()).ok());
        Some(Lease { end: (end != 0).then_some(end), mac, address, name })
    };
    let mut leases: Vec<Lease> = text.lines().filter_map(read).collect();
    leases.sort_by_key(|lease| lease.address);
    leases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dnsmasq() {
        let text = "1795869296 02:00:00:00:00:0B 10.0.0.51 Laptop 01:02:00:00:00:00:0b\n0 02:00:00:00:00:0a 10.0.0.10 * *\n\
                    x\nduid 00:01\n1795869296 1 fd00::1 n *\n5 02:00:00:00:00:0c 10.0.0.52 \u{1b}[2J *\n";
        let shown: Vec<String> = leases(text)
            .iter()
            .map(|lease| format!("{:?} {} {} {:?}", lease.end, lease.mac, lease.address, lease.name))
            .collect();
        assert_eq!(
            shown,
            [
                "None 02:00:00:00:00:0a 10.0.0.10 None",
                "Some(1795869296) 02:00:00:00:00:0b 10.0.0.51 Some(\"laptop\")",
                "Some(5) 02:00:00:00:00:0c 10.0.0.52 None",
            ]
        );
    }
}
