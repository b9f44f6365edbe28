//! The networks that a head serves: each by itself, and whether every machine lies in one of them.

use std::net::Ipv4Addr;

use super::Network;
use super::NetworkOptions;
use super::cluster;
use super::cluster::Unique;
use super::grammar;
use super::meaning::Checker;
use super::raw;
use super::raw::At;
use super::raw::Text;

/// `[[network]]`
pub(super) fn network(checker: &mut Checker<'_>, raw: &raw::Network) -> Option<Network> {
    let name = checker.get("network.name", &raw.name, grammar::host_name);
    let network = checker.get("network.network", &raw.network, grammar::network);
    let interface = checker.option("network.interface", raw.interface.as_ref(), grammar::interface);
    let range = range(checker, "network.range", raw.range.as_deref());
    let options = options(checker, "network", Some(&raw.router), (&raw.dns, &raw.ntp, raw.mtu.as_ref()));
    Some(Network { name: name?, network: network?, interface: interface?, range: range?, options: options? })
}

/// First and last address; the outer `None` is a wrong one.
#[expect(clippy::option_option, reason = "wrong and absent are two things")]
pub(super) fn range(
    checker: &mut Checker<'_>,
    key: &str,
    raw: Option<&[Text]>,
) -> Option<Option<(Ipv4Addr, Ipv4Addr)>> {
    let Some(raw) = raw else { return Some(None) };
    let range = checker.list(key, raw, grammar::address)?;
    Some(Some((*range.first()?, *range.get(1)?)))
}

pub(super) fn options(
    checker: &mut Checker<'_>,
    table: &str,
    router: Option<&Text>,
    (dns, ntp, mtu): (&[Text], &[Text], Option<&At<i64>>),
) -> Option<NetworkOptions> {
    let router = checker.option(&format!("{table}.router"), router, grammar::address);
    let dns = checker.list(&format!("{table}.dns"), dns, grammar::address);
    let ntp = checker.list(&format!("{table}.ntp"), ntp, grammar::address);
    let mtu = mtu.map(|at| {
        let mtu = grammar::mtu(checker.sources.number(&at.span));
        if let Err(wrong) = &mtu {
            checker.report(at, format!("`{table}.mtu` is none"), Some(wrong.clone()));
        }
        mtu.ok()
    });
    Some(NetworkOptions { router: router?, dns: dns?, ntp: ntp?, mtu: mtu.map_or(Some(None), |mtu| mtu.map(Some))? })
}

/// A network as it is written.
struct Written<'a> {
    text: &'a Text,
    first: u32,
    last: u32,
}

impl<'a> Written<'a> {
    /// `None` when it is wrong by itself, which was told.
    fn new(text: &'a Text) -> Option<Self> {
        let (base, length) = grammar::network(&text.value).ok()?;
        let first = base.to_bits();
        Some(Self { text, first, last: first | !grammar::mask(length) })
    }

    /// An address that machines of it may have; anything else is told.
    fn inside(&self, checker: &mut Checker<'_>, text: &Text, key: &str) -> Option<u32> {
        let bits = grammar::address(&text.value).ok()?.to_bits();
        let message = if !(self.first..=self.last).contains(&bits) {
            let place = checker.sources.place(self.text.span.start);
            format!("is outside of the network `{}` ({place})", self.text.value)
        } else if bits == self.first {
            "is the address of the network itself".to_owned()
        } else if bits == self.last {
            "is the network's broadcast address".to_owned()
        } else {
            return Some(bits);
        };
        checker.report(text, format!("`{key}` {}: it {message}", text.value), None);
        None
    }

    /// Its range, which has none of these addresses.
    fn range(&self, checker: &mut Checker<'_>, range: Option<&[Text]>, key: &str, own: &[(u32, &str)]) {
        let Some([low, high]) = range else { return };
        let (Some(from), Some(to)) = (self.inside(checker, low, key), self.inside(checker, high, key)) else { return };
        if from > to {
            checker.report(high, format!("`{key}` ends before it begins"), None);
        }
        for (address, whose) in own.iter().filter(|(address, _)| (from..=to).contains(address)) {
            let address = Ipv4Addr::from_bits(*address);
            checker.report(low, format!("`{key}` has {whose} own address {address} in it"), None);
        }
    }
}

/// Whether the addresses lie in the networks, and the networks beside each other.
pub(super) fn check(checker: &mut Checker<'_>, raw: &raw::Recipe) {
    let Some(head) = raw.head.as_ref().map(|head| &head.value) else { return };
    let Some(main) = Written::new(&head.network) else { return };
    let mut heads = vec![main.inside(checker, &head.address, "head.address")];
    let own: Vec<&Text> = head.own_address.iter().collect();
    heads.extend(own.iter().map(|own| main.inside(checker, own, "head.own-address")));
    let standby = head.standby.iter().map(|standby| &standby.value.own_address);
    heads.extend(standby.map(|own| main.inside(checker, own, "head.standby.own-address")));
    debug_assert!(heads.len() == 1 + cluster::own_addresses(head).count(), "every address of a head is looked at");
    if let Some(router) = &head.router {
        main.inside(checker, router, "head.router");
    }
    let own: Vec<(u32, &str)> = heads.into_iter().flatten().map(|address| (address, "the head's")).collect();
    main.range(checker, head.range.as_deref(), "head.range", &own);

    let mut all = vec![main];
    let (mut names, mut interfaces) = (Unique::default(), Unique::default());
    for text in [&head.interface].into_iter().chain(raw.network.iter().filter_map(|at| at.value.interface.as_ref())) {
        interfaces.add(checker, text.value.clone(), text, "interface");
    }
    for at in &raw.network {
        let network = &at.value;
        names.add(checker, network.name.value.clone(), &network.name, "network");
        if let (Some(interface), Some(_)) = (&network.interface, &head.standby) {
            let help = Some("let a router relay DHCP to both heads, and leave `interface` out".to_owned());
            let message = "with `[head.standby]` the router of a network cannot be a head, which may die".to_owned();
            checker.report(interface, message, help);
        }
        let Some(own) = Written::new(&network.network) else { continue };
        if let Some(other) = all.iter().find(|other| other.first <= own.last && own.first <= other.last) {
            let place = checker.sources.place(other.text.span.start);
            let message = format!("`{}` and `{}` ({place}) share addresses", own.text.value, other.text.value);
            checker.report(&network.network, message, None);
        }
        let router = own.inside(checker, &network.router, "network.router");
        let router: Vec<(u32, &str)> = router.map(|router| (router, "the router's")).into_iter().collect();
        own.range(checker, network.range.as_deref(), "network.range", &router);
        all.push(own);
    }
    for node in &raw.node {
        let text = &node.value.address;
        let Ok(address) = grammar::address(&text.value) else { continue };
        let bits = address.to_bits();
        match all.iter().find(|network| (network.first..=network.last).contains(&bits)) {
            Some(network) => drop(network.inside(checker, text, "node.address")),
            None if all.len() > 1 => {
                checker.report(text, format!("`node.address` {address}: it lies in no network of the recipe"), None);
            }
            None => drop(all[0].inside(checker, text, "node.address")),
        }
    }
}
