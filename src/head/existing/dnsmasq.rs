//! What dnsmasq is told (dnsmasq(8)): its configuration, and files with hosts.

use std::net::Ipv4Addr;

use super::Existing;
use super::Machine;
use super::mac;

/// Lines that say nothing which a recipe does not say by itself.
const IMPLIED: [&str; 16] = [
    "bind-dynamic",
    "bind-interfaces",
    "conf-dir",
    "conf-file",
    "dhcp-authoritative",
    "dhcp-hostsfile",
    "dhcp-lease-max",
    "dhcp-match",
    "dhcp-option-force",
    "enable-tftp",
    "expand-hosts",
    "local",
    "log-dhcp",
    "pxe-service",
    "read-ethers",
    "tftp-max",
];

/// Reads a configuration file.
pub(super) fn read(head: &mut Existing, path: &str, text: &str) {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split(" #").next().unwrap_or(line).trim();
        let (key, value) = line.split_once('=').map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
        let place = || format!("{path}:{number}: {line}");
        // Tags choose among lines; for the table they are not of interest.
        let words = || value.split(',').map(str::trim).filter(|word| !is_tag(word)).map(str::to_owned);
        let taken = match key {
            "" => true,
            _ if line.starts_with('#') => true,
            "interface" => first(&mut head.interface, Some(value.to_owned())),
            "domain" => first(&mut head.domain, words().next()),
            "tftp-root" => first(&mut head.tftp, words().next()),
            "dhcp-range" => range(head, &words().collect::<Vec<_>>()),
            "dhcp-boot" => boot(head, &words().collect::<Vec<_>>()),
            "dhcp-host" => host(head, &words().collect::<Vec<_>>(), &place()),
            // One that is told to some machines only is no word of the network's.
            "dhcp-option" => value.split(',').count() == words().count() && option(head, &words().collect::<Vec<_>>()),
            key => IMPLIED.contains(&key),
        };
        if !taken {
            head.unread.push(place());
        }
    }
}

/// Reads a file with a `dhcp-host` in each line, without that word.
pub(super) fn hosts_file(head: &mut Existing, path: &str, text: &str) {
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let words: Vec<String> =
            line.split(',').map(str::trim).filter(|word| !is_tag(word)).map(str::to_owned).collect();
        let place = format!("{path}:{number}: {line}");
        if !line.is_empty() && !line.starts_with('#') && !host(head, &words, &place) {
            head.unread.push(place);
        }
    }
}

/// The files that a key of a configuration names, below the head's root.
pub(super) fn named(text: &str, key: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split(" #").next().unwrap_or(line).trim().split_once('='));
    let values = lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().trim_start_matches('/'));
    values.map(str::to_owned).collect()
}

/// Of what can be said once the first word counts; whether this was it.
fn first<T>(known: &mut Option<T>, value: Option<T>) -> bool {
    let is_new = known.is_none() && value.is_some();
    if is_new {
        *known = value;
    }
    is_new
}

fn range(head: &mut Existing, words: &[String]) -> bool {
    if head.range.is_some() || head.prefix.is_some() || words.iter().any(|word| word == "proxy") {
        return false;
    }
    let addresses: Vec<Ipv4Addr> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let is_static = words.iter().any(|word| word == "static");
    let mask = match (addresses.as_slice(), is_static) {
        ([from, to, rest @ ..], false) => {
            head.range = Some((*from, *to));
            rest.first()
        }
        ([_, rest @ ..], true) => rest.first(),
        _ => return false,
    };
    // Ones and then zeros.
    head.prefix = mask.and_then(|mask| u8::try_from(mask.to_bits().leading_ones()).ok());
    let lease = words.iter().skip(1).find(|word| word.parse::<Ipv4Addr>().is_err() && is_lease(word));
    head.lease = lease.cloned().or(head.lease.take());
    true
}

/// `dhcp-boot=FILE,NAME,ADDRESS`
fn boot(head: &mut Existing, words: &[String]) -> bool {
    if let Some(address) = words.get(2).and_then(|word| word.parse().ok()) {
        head.address.get_or_insert(address);
    }
    if let (true, Some(name)) = (head.names.is_empty(), words.get(1).filter(|name| !name.is_empty())) {
        head.names.push(name.clone());
    }
    true
}

/// `dhcp-option=NUMBER,VALUE…` or `option:NAME,VALUE…`
fn option(head: &mut Existing, words: &[String]) -> bool {
    let Some((code, values)) = words.split_first() else { return false };
    let addresses: Option<Vec<Ipv4Addr>> = values.iter().map(|value| value.parse().ok()).collect();
    let options = &mut head.options;
    match (code.strip_prefix("option:").unwrap_or(code), addresses) {
        ("3" | "router", Some(all)) if all.len() == 1 => options.router = all.first().copied(),
        ("6" | "dns-server", Some(all)) if !all.is_empty() => options.dns = all,
        ("42" | "ntp-server", Some(all)) if !all.is_empty() => options.ntp = all,
        ("26" | "mtu", _) => match values {
            [mtu] if mtu.parse::<u16>().is_ok() => options.mtu = mtu.parse().ok(),
            _ => return false,
        },
        _ => return false,
    }
    true
}

/// `dhcp-host=MAC,MAC,ADDRESS,NAME,LEASE`, in any order.
fn host(head: &mut Existing, words: &[String], place: &str) -> bool {
    let mut machine = Machine { place: place.to_owned(), ..Machine::default() };
    let mut macs = Vec::new();
    for word in words {
        if let Some(mac) = mac(word) {
            macs.push(mac);
        } else if let Some(id) = word.strip_prefix("id:") {
            // Six bytes are a hardware address, whatever the word before says: what clients send as their identifier
            // has the kind of network in front, and so is never this.
            match mac(id) {
                Some(mac) => {
                    head.notes.push(format!("{place}: read as a hardware address: clients send no such `id:`"));
                    macs.push(mac);
                }
                None => machine.client_id = Some(id.to_owned()),
            }
        } else if let Ok(address) = word.parse() {
            machine.address = Some(address);
        } else if word == "ignore" {
            return false;
        } else if !is_lease(word) && !word.is_empty() {
            machine.names.push(word.clone());
        }
    }
    if macs.is_empty() {
        return false;
    }
    machine.mac = macs.remove(0);
    machine.further_macs = macs;
    head.machines.push(machine);
    true
}

fn is_tag(word: &str) -> bool {
    ["tag:", "set:", "net:"].iter().any(|prefix| word.starts_with(prefix))
}

/// A time of dnsmasq's: `45m`, `12h`, `infinite`.
fn is_lease(word: &str) -> bool {
    let digits = word.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    word == "infinite" || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
