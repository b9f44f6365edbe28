//! The head and its nodes: each by itself, and whether they can live on one network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::Head;
use super::Node;
use super::grammar;
use super::meaning::Checker;
use super::raw;
use super::raw::Text;

/// `[head]`
pub(super) fn head(checker: &mut Checker<'_>, raw: &raw::Head, recipe: &str) -> Option<Head> {
    let name = checker.get("head.name", &raw.name, grammar::host_name);
    let aliases = checker.list("head.aliases", &raw.aliases, grammar::alias);
    let address = checker.get("head.address", &raw.address, grammar::address);
    let interface = checker.get("head.interface", &raw.interface, grammar::interface);
    let network = checker.get("head.network", &raw.network, grammar::network);
    let range = checker.list("head.range", &raw.range, grammar::address);
    let export = format!("/srv/imgbuild/{recipe}");
    let export = checker.get_or("head.export", raw.export.as_ref(), &export, directory);
    let tftp = checker.get_or("head.tftp", raw.tftp.as_ref(), "/srv/tftp", directory);
    let lease = checker.get_or("head.lease", raw.lease.as_ref(), "12h", grammar::lease);
    let range = range?;
    Some(Head {
        name: name?,
        aliases: aliases?,
        address: address?,
        interface: interface?,
        network: network?,
        range: (*range.first()?, *range.get(1)?),
        export: export?,
        tftp: tftp?,
        lease: lease?,
    })
}

/// A directory of the head's own: not its root.
fn directory(text: &str) -> Result<String, grammar::Wrong> {
    match grammar::absolute_path(text)?.as_str() {
        "/" => Err("this is the head's own root".to_owned()),
        path => Ok(path.to_owned()),
    }
}

/// `[[node]]`
pub(super) fn node(checker: &mut Checker<'_>, raw: &raw::Node) -> Option<Node> {
    let name = checker.get("node.name", &raw.name, grammar::host_name);
    let aliases = checker.list("node.aliases", &raw.aliases, grammar::alias);
    let mac = checker.get("node.mac", &raw.mac, grammar::mac);
    let address = checker.get("node.address", &raw.address, grammar::address);
    let services = checker.list("node.services", &raw.services, grammar::service);
    let arguments = checker.list("node.kernel-arguments", &raw.kernel_arguments, grammar::kernel_argument);
    let mut services = services?;
    services.sort_unstable();
    services.dedup();
    Some(Node {
        name: name?,
        aliases: aliases?,
        mac: mac?,
        address: address?,
        services,
        root: raw.root,
        kernel_arguments: arguments?,
    })
}

/// Whether all of them fit each other. Values that are wrong by themselves are left out: they were told.
pub(super) fn check(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    match (&raw.head, &raw.diskless, raw.node.first()) {
        (Some(head), None, _) => {
            checker.report(head, "`[head]` boots diskless nodes, and there is no `[diskless]`".to_owned(), None);
        }
        (None, _, Some(node)) => {
            checker.report(node, "a `[[node]]` needs a `[head]` to boot from".to_owned(), None);
        }
        _ => {}
    }
    unique_names(checker, raw);
    let mut macs = Unique::default();
    for node in &raw.node {
        if let Ok(mac) = grammar::mac(&node.value.mac.value) {
            macs.add(checker, mac, &node.value.mac, "hardware address");
        }
    }
    let mut addresses = Unique::default();
    let all = raw.head.iter().map(|head| &head.value.address).chain(raw.node.iter().map(|node| &node.value.address));
    for text in all {
        if let Ok(address) = grammar::address(&text.value) {
            addresses.add(checker, address, text, "address");
        }
    }
    network(checker, raw);
}

fn unique_names(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let mut names = Unique::default();
    let head = raw.head.iter().flat_map(|head| std::iter::once(&head.value.name).chain(&head.value.aliases));
    let nodes = raw.node.iter().flat_map(|node| std::iter::once(&node.value.name).chain(&node.value.aliases));
    for text in head.chain(nodes) {
        names.add(checker, text.value.clone(), text, "name");
    }
}

/// Whether the addresses lie in the head's network, and its range is one.
fn network(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let Some(head) = raw.head.as_ref().map(|head| &head.value) else { return };
    let Ok((base, length)) = grammar::network(&head.network.value) else { return };
    let place = checker.sources.place(head.network.span.start);
    let first = base.to_bits();
    let last = first | !grammar::mask(length);
    let mut inside = |text: &Text, key: &str| -> Option<u32> {
        let bits = grammar::address(&text.value).ok()?.to_bits();
        let message = match bits {
            bits if !(first..=last).contains(&bits) => format!("is outside of the network `{base}/{length}` ({place})"),
            bits if bits == first => "is the address of the network itself".to_owned(),
            bits if bits == last => "is the network's broadcast address".to_owned(),
            _ => return Some(bits),
        };
        checker.report(text, format!("`{key}` {}: it {message}", text.value), None);
        None
    };
    let address = inside(&head.address, "head.address");
    for node in &raw.node {
        inside(&node.value.address, "node.address");
    }
    let [low, high] = head.range.as_slice() else { return };
    let (Some(from), Some(to)) = (inside(low, "head.range"), inside(high, "head.range")) else { return };
    if from > to {
        checker.report(high, "`head.range` ends before it begins".to_owned(), None);
    } else if address.is_some_and(|address| (from..=to).contains(&address)) {
        let address = address.map(Ipv4Addr::from_bits).unwrap_or(base);
        checker.report(low, format!("`head.range` has the head's own address {address} in it"), None);
    }
}

/// Values of which each may be there once.
struct Unique<T>(BTreeMap<T, Range<usize>>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Unique<T> {
    fn add(&mut self, checker: &mut Checker<'_>, value: T, text: &Text, what: &str) {
        if let Some(first) = self.0.get(&value) {
            let place = checker.sources.place(first.start);
            checker.report(text, format!("the {what} `{}` is taken already, at {place}", text.value), None);
        } else {
            self.0.insert(value, text.span.clone());
        }
    }
}
