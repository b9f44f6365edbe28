//! What ISC's dhcpd is told (dhcpd.conf(5)): one subnet, and its hosts.

use std::net::Ipv4Addr;

use super::Existing;
use super::Machine;
use super::mac;

/// Words of a statement, or of a block before its `{`; and where it begins.
struct Statement {
    line: usize,
    words: Vec<String>,
}

/// Reads a configuration file.
pub(super) fn read(head: &mut Existing, path: &str, text: &str) {
    // The blocks that are open: what each is of.
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut machine: Option<Machine> = None;
    for (statement, end) in statements(text) {
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        let place = format!("{path}:{}: {}", statement.line, words.join(" "));
        let taken = match (end, words.as_slice()) {
            ('{', ["host", name]) => {
                machine = Some(Machine { names: vec![(*name).to_owned()], place: place.clone(), ..Machine::default() });
                true
            }
            ('{', ["subnet", _, "netmask", mask]) => {
                let ones = mask.parse::<Ipv4Addr>().ok().map(|mask| mask.to_bits().leading_ones());
                let is_first = head.prefix.is_none();
                head.prefix = head.prefix.or(ones.and_then(|ones| u8::try_from(ones).ok()));
                is_first
            }
            ('{', ["group" | "shared-network", ..]) => true,
            ('}', []) => {
                if open.last().is_some_and(|words| words.first().is_some_and(|word| word == "host")) {
                    match machine.take() {
                        Some(machine) if !machine.mac.is_empty() => head.machines.push(machine),
                        Some(machine) => head.unread.push(format!("{}: no hardware address", machine.place)),
                        None => {}
                    }
                }
                true
            }
            (';', words) => match &mut machine {
                Some(machine) => of_host(machine, words),
                None => of_network(head, words),
            },
            _ => false,
        };
        match end {
            '{' => open.push(statement.words),
            '}' => drop(open.pop()),
            _ => {}
        }
        if !taken {
            head.unread.push(place);
        }
    }
}

fn of_host(machine: &mut Machine, words: &[&str]) -> bool {
    match words {
        ["hardware", "ethernet", text] => match mac(text) {
            Some(mac) => machine.mac = mac,
            None => return false,
        },
        ["fixed-address", text] => match text.parse() {
            Ok(address) => machine.address = Some(address),
            // A name, which /etc/hosts has.
            Err(_) => machine.names.push((*text).to_owned()),
        },
        ["option", "host-name", name] => machine.names.insert(0, (*name).to_owned()),
        _ => return false,
    }
    true
}

fn of_network(head: &mut Existing, words: &[&str]) -> bool {
    let addresses = |words: &[&str]| -> Option<Vec<Ipv4Addr>> { words.iter().map(|word| word.parse().ok()).collect() };
    match words {
        [] | ["authoritative"] | ["ddns-update-style" | "max-lease-time" | "filename", ..] => {}
        ["range", from, to] if head.range.is_none() => match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) => head.range = Some((from, to)),
            _ => return false,
        },
        ["default-lease-time", seconds] if seconds.parse::<u32>().is_ok() => head.lease = Some(format!("{seconds}s")),
        ["next-server", address] if address.parse::<Ipv4Addr>().is_ok() => {
            head.address = head.address.or_else(|| address.parse().ok());
        }
        ["option", "domain-name", name] => head.domain = head.domain.take().or_else(|| Some((*name).to_owned())),
        ["option", "subnet-mask" | "broadcast-address", _] => {}
        ["option", "routers", router] => match router.parse() {
            Ok(router) => head.options.router = Some(router),
            Err(_) => return false,
        },
        ["option", name @ ("domain-name-servers" | "ntp-servers"), rest @ ..] => match addresses(rest) {
            Some(all) if *name == "ntp-servers" => head.options.ntp = all,
            Some(all) => head.options.dns = all,
            None => return false,
        },
        ["option", "interface-mtu", mtu] if mtu.parse::<u16>().is_ok() => head.options.mtu = mtu.parse().ok(),
        _ => return false,
    }
    true
}

/// The statements, each with the sign that ends it: `;`, `{` or `}`. Commas are blanks.
fn statements(text: &str) -> Vec<(Statement, char)> {
    let mut found = Vec::new();
    let (mut words, mut word, mut line, mut begins) = (Vec::new(), String::new(), 1, 1);
    let (mut is_quoted, mut is_comment) = (false, false);
    for letter in text.chars() {
        let is_end = !is_quoted && !is_comment && matches!(letter, ';' | '{' | '}');
        let is_blank = !is_quoted && (letter.is_whitespace() || letter == ',');
        if is_comment {
            is_comment = letter != '\n';
        } else if letter == '"' {
            is_quoted = !is_quoted;
        } else if is_end || is_blank || (letter == '#' && !is_quoted) {
            is_comment = letter == '#';
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if is_end {
                found.push((Statement { line: begins, words: std::mem::take(&mut words) }, letter));
            }
        } else {
            if words.is_empty() && word.is_empty() {
                begins = line;
            }
            word.push(letter);
        }
        line += usize::from(letter == '\n');
    }
    words.extend((!word.is_empty()).then_some(word));
    if !words.is_empty() {
        found.push((Statement { line: begins, words }, '?'));
    }
    found
}
