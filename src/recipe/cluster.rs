//! The head and its nodes: each by itself, and whether they can live on one network.

use std::collections::BTreeMap;
use std::ops::Range;

use super::DhcpMode;
use super::Format;
use super::Head;
use super::Node;
use super::RootMode;
use super::Standby;
use super::grammar;
use super::meaning::Checker;
use super::networks;
use super::problem::nearest;
use super::raw;
use super::raw::At;
use super::raw::Text;

/// `[head]`
pub(super) fn head(checker: &mut Checker<'_>, at: &At<raw::Head>, recipe: &str) -> Option<Head> {
    let raw = &at.value;
    let name = checker.get("head.name", &raw.name, grammar::host_name);
    let aliases = checker.list("head.aliases", &raw.aliases, grammar::alias);
    let address = checker.get("head.address", &raw.address, grammar::address);
    let interface = checker.get("head.interface", &raw.interface, grammar::interface);
    let network = checker.get("head.network", &raw.network, grammar::network);
    let dhcp = raw.dhcp.as_ref().map(|mode| mode.value).unwrap_or_default();
    let range = networks::range(checker, "head.range", raw.range.as_deref());
    match (dhcp, &raw.range) {
        (DhcpMode::Full, None) => checker.report(at, "`head.range` is missing".to_owned(), None),
        (DhcpMode::Proxy | DhcpMode::None, Some(range)) => {
            let message = "`head.range` is of no use: another DHCP server gives addresses".to_owned();
            range.first().into_iter().for_each(|text| checker.report(text, message.clone(), None));
        }
        _ => {}
    }
    let options = networks::options(checker, "head", raw.router.as_ref(), (&raw.dns, &raw.ntp, raw.mtu.as_ref()));
    let export = format!("/srv/imgbuild/{recipe}");
    let export = checker.get_or("head.export", raw.export.as_ref(), &export, grammar::head_directory);
    let tftp = checker.get_or("head.tftp", raw.tftp.as_ref(), "/srv/tftp", grammar::head_directory);
    let lease = checker.get_or("head.lease", raw.lease.as_ref(), "12h", grammar::lease);
    let site_ca = raw.site_ca.as_ref().map(|text| authority(checker, text));
    let standby = raw.standby.as_ref().map(|standby| self::standby(checker, &standby.value, raw));
    Some(Head {
        name: name?,
        aliases: aliases?,
        address: address?,
        interface: interface?,
        network: network?,
        dhcp,
        range: range?,
        options: options?,
        networks: Vec::new(),
        export: export?,
        tftp: tftp?,
        tftp_server: raw.tftp_server.unwrap_or_default(),
        lease: lease?,
        boot: raw.boot.unwrap_or_default(),
        site_ca: site_ca.map_or(Some(None), |text| text.map(Some))?,
        standby: standby.map_or(Some(None), |standby| standby.map(Some))?,
    })
}

/// The longest file of certificates.
const AUTHORITY_MAX: u64 = 64 << 10;

/// `head.site-ca`: certificates and nothing else, since every node and whoever has the image can read it.
fn authority(checker: &mut Checker<'_>, text: &Text) -> Option<String> {
    let file = checker.file("head.site-ca", text)?;
    let bytes = (file.content.size() <= AUTHORITY_MAX).then(|| file.content.to_vec().ok()).flatten();
    let pem =
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| "it is no text, or too long".to_owned());
    let pem = pem.and_then(|pem| grammar::certificates(&pem));
    if let Err(wrong) = &pem {
        let message = format!("`{}` is no file of certificates", text.value.escape_debug());
        checker.report(text, message, Some(wrong.clone()));
    }
    pem.ok()
}

/// `[head.standby]`
fn standby(checker: &mut Checker<'_>, raw: &raw::Standby, head: &raw::Head) -> Option<Standby> {
    let name = checker.get("head.standby.name", &raw.name, grammar::host_name);
    let aliases = checker.list("head.standby.aliases", &raw.aliases, grammar::alias);
    let own_address = checker.get("head.standby.own-address", &raw.own_address, grammar::address);
    let interface = raw.interface.as_ref().unwrap_or(&head.interface);
    let interface = checker.get("head.standby.interface", interface, grammar::interface);
    let head_own_address = checker.option("head.own-address", head.own_address.as_ref(), grammar::address);
    Some(Standby {
        name: name?,
        aliases: aliases?,
        own_address: own_address?,
        interface: interface?,
        head_own_address: head_own_address??,
    })
}

/// `[[node]]`
pub(super) fn node(checker: &mut Checker<'_>, raw: &raw::Node) -> Option<Node> {
    let name = checker.get("node.name", &raw.name, grammar::host_name);
    let aliases = checker.list("node.aliases", &raw.aliases, grammar::alias);
    let macs = checker.list("node.mac", &raw.mac.0, grammar::mac);
    let client_id = checker.option("node.client-id", raw.client_id.as_ref(), grammar::client_id);
    let tags = tags(checker, &raw.tags);
    let address = checker.get("node.address", &raw.address, grammar::address);
    let services = checker.list("node.services", &raw.services, grammar::service);
    let arguments = checker.list("node.kernel-arguments", &raw.kernel_arguments, grammar::kernel_argument);
    let images = checker.images.to_vec();
    let image = checker.option("node.image", raw.image.as_ref(), |text| {
        if images.iter().any(|image| image == text) {
            return Ok(text.to_owned());
        }
        Err(match nearest(text, images.iter().map(String::as_str)) {
            Some(near) => format!("there is no such `[image.…]`; did you mean \"{near}\"?"),
            None if images.is_empty() => "the recipe has no `[image.…]`".to_owned(),
            None => format!("there is no such `[image.…]`; known here: {}", images.join(", ")),
        })
    });
    let mut services = services?;
    services.sort_unstable();
    services.dedup();
    let (mac, further_macs) = macs?.split_first().map(|(mac, further)| (*mac, further.to_vec()))?;
    Some(Node {
        name: name?,
        aliases: aliases?,
        mac,
        further_macs,
        client_id: client_id?,
        address: address?,
        services,
        root: raw.root.as_ref().map(|root| root.value),
        kernel_arguments: arguments?,
        image: image?.or_else(|| images.into_iter().next()),
        tags: tags?,
    })
}

fn tags(checker: &mut Checker<'_>, raw: &BTreeMap<Text, Text>) -> Option<BTreeMap<String, String>> {
    let read = raw.iter().map(|(name, value)| {
        let name = checker.get("node.tags", name, grammar::tag);
        Some((name, checker.get("node.tags", value, grammar::tag_value)))
    });
    let read: Vec<_> = read.collect();
    read.into_iter().map(|pair| pair.and_then(|(name, value)| Some((name?, value?)))).collect()
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
        (None, _, None) => {
            if let Some(site) = raw.site.first() {
                let message = "nodes take a `[[site]]` from a `[head]`, and there is none".to_owned();
                checker.report(&site.value.path, message, None);
            }
            if let Some(network) = raw.network.first() {
                checker.report(network, "a `[[network]]` is one of a `[head]`, and there is none".to_owned(), None);
            }
        }
        _ => {}
    }
    unique_names(checker, raw);
    let mut macs = Unique::default();
    let mut ids = Unique::default();
    for node in &raw.node {
        for text in &node.value.mac.0 {
            if let Ok(mac) = grammar::mac(&text.value) {
                macs.add(checker, mac, text, "hardware address");
            }
        }
        if let Some(text) = &node.value.client_id
            && let Ok(id) = grammar::client_id(&text.value)
        {
            ids.add(checker, id, text, "client identifier");
        }
    }
    let mut addresses = Unique::default();
    let heads = raw.head.iter().flat_map(|head| std::iter::once(&head.value.address).chain(own_addresses(&head.value)));
    let routers = raw.network.iter().map(|network| &network.value.router);
    for text in heads.chain(routers).chain(raw.node.iter().map(|node| &node.value.address)) {
        if let Ok(address) = grammar::address(&text.value) {
            addresses.add(checker, address, text, "address");
        }
    }
    pair(checker, raw);
    check_sources(checker, raw);
}

/// The addresses that stay with a head.
pub(super) fn own_addresses(head: &raw::Head) -> impl Iterator<Item = &Text> {
    let standby = head.standby.iter().map(|standby| &standby.value.own_address);
    head.own_address.iter().chain(standby)
}

/// Whether two heads that share nothing can serve these nodes.
fn pair(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let Some(head) = &raw.head else { return };
    let Some(standby) = &head.value.standby else {
        if let Some(own) = &head.value.own_address {
            let message = "`head.own-address` is for a head whose `address` moves, and there is no `[head.standby]`";
            checker.report(own, message.to_owned(), None);
        }
        return;
    };
    if head.value.own_address.is_none() {
        let help = "`head.address` moves to the standby; give the head one that stays".to_owned();
        checker.report(head, "`head.own-address` is missing".to_owned(), Some(help));
    }
    if let Some([only, last]) = head.value.range.as_deref()
        && only.value == last.value
    {
        let message = "`head.range` has one address, and each of the two heads needs its own part of it".to_owned();
        checker.report(last, message, None);
    }
    let Some(diskless) = &raw.diskless else { return };
    let roots = raw.node.iter().filter(|node| is_own(checker, &node.value));
    let roots: Vec<_> = roots.filter_map(|node| node.value.root.as_ref()).chain(&diskless.value.root).collect();
    let roots = roots.into_iter();
    let shared = |root: &&At<RootMode>| root.value == RootMode::Nfs;
    let wrong = "with `[head.standby]` no node can have the root `nfs`, which is written to on one head alone";
    let help = || Some("write \"overlay\" or \"ram\"".to_owned());
    for root in roots.clone().filter(shared) {
        checker.report(root, wrong.to_owned(), help());
    }
    if diskless.value.root.is_none() {
        checker.report(diskless, wrong.to_owned(), Some("write root = \"overlay\" or \"ram\"".to_owned()));
    }
    let has_erofs = raw.output.formats.iter().flatten().any(|format| *format == Format::Erofs);
    if roots.clone().any(|root| root.value == RootMode::Overlay) && !has_erofs {
        let message = "the root `overlay` of two heads is one erofs image on both: a directory has other file handles \
                       on each"
            .to_owned();
        checker.report(standby, message, Some("add \"erofs\" to the formats of `[output]`".to_owned()));
    }
}

/// Whether there shall be a stick, which only some architectures' firmware boots.
pub(super) fn stick(checker: &mut Checker<'_>, raw: &raw::Recipe) -> bool {
    let Some(at) = raw.output.stick.as_ref().filter(|at| at.value) else { return false };
    let architecture = raw.debian.value.architecture.as_ref().map_or("amd64", |text| text.value.as_str());
    if raw.head.is_none() {
        let message = "`output.stick` boots nodes whose root is on a `[head]`, and there is none".to_owned();
        checker.report(at, message, None);
    } else if !STICKS.contains(&architecture) {
        let message = format!("`output.stick` boots by UEFI, and Debian has no signed loader for {architecture}");
        let help = format!("it has one for {}; leave `stick` out and boot from the network", STICKS.join(" and "));
        checker.report(at, message, Some(help));
    }
    true
}

/// The architectures that Debian has a signed shim and GRUB for, as they boot from a disk.
const STICKS: [&str; 2] = ["amd64", "arm64"];

/// The most servers that have an image: each is an argument of a kernel that takes 2 KiB of them.
const SOURCES_MAX: usize = 16;

/// Further servers that have an image.
pub(super) fn sources(checker: &mut Checker<'_>, raw: &[Text]) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for text in raw {
        all.extend(checker.get("diskless.sources", text, grammar::sources)?);
        if all.len() > SOURCES_MAX {
            checker.report(text, format!("these are more than {SOURCES_MAX} servers"), None);
            return None;
        }
    }
    Some(all)
}

/// Sources are of roots in one file with a digest.
fn check_sources(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let Some((diskless, first)) = raw.diskless.as_ref().and_then(|at| Some((at, at.value.sources.first()?))) else {
        return;
    };
    let own = raw.node.iter().filter(|node| is_own(checker, &node.value));
    let mut roots = own.filter_map(|node| node.value.root.as_ref()).chain(&diskless.value.root);
    if !roots.any(|root| root.value == RootMode::Ram) {
        let message = "only a root in one file can come from any server, by its digest, and no node here has one";
        checker.report(first, message.to_owned(), Some("write root = \"ram\", or drop `sources`".to_owned()));
    }
}

/// Whether a node boots the image that is looked at.
fn is_own(checker: &Checker<'_>, node: &raw::Node) -> bool {
    let image = node.image.as_ref().map(|image| &image.value).or_else(|| checker.images.first());
    checker.image.is_none() || checker.image.as_ref() == image
}

fn unique_names(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let mut names = Unique::default();
    let head = raw.head.iter().flat_map(|head| std::iter::once(&head.value.name).chain(&head.value.aliases));
    let standby = raw.head.iter().filter_map(|head| head.value.standby.as_ref());
    let standby = standby.flat_map(|standby| std::iter::once(&standby.value.name).chain(&standby.value.aliases));
    let nodes = raw.node.iter().flat_map(|node| std::iter::once(&node.value.name).chain(&node.value.aliases));
    for text in head.chain(standby).chain(nodes) {
        names.add(checker, text.value.clone(), text, "name");
    }
}

/// Values of which each may be there once.
pub(super) struct Unique<T>(BTreeMap<T, Range<usize>>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Unique<T> {
    pub(super) fn add(&mut self, checker: &mut Checker<'_>, value: T, text: &Text, what: &str) {
        if let Some(first) = self.0.get(&value) {
            let place = checker.sources.place(first.start);
            checker.report(text, format!("the {what} `{}` is taken already, at {place}", text.value), None);
        } else {
            self.0.insert(value, text.span.clone());
        }
    }
}
