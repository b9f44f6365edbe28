//! An existing head as the tables of a recipe.
//!
//! Every value that is written is one of the recipe's grammar, and no two of them meet: what is not is left out, and said
//! in a comment with the line that it comes from.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::json;

use crate::head::Existing;
use crate::recipe::grammar;

/// Words of a kernel's command line that say where the root is, and that imgbuild writes itself.
const OWN: [&str; 14] = [
    "root",
    "nfsroot",
    "ip",
    "BOOTIF",
    "boot",
    "panic",
    "net.ifnames",
    "imgbuild.node",
    "imgbuild.root",
    "imgbuild.opts",
    "imgbuild.sha256",
    "imgbuild.source",
    "rw",
    "ro",
];

/// Services as old init scripts are called, as Debian's units are called now, and the package that has them.
const SERVICES: [(&str, &str, &str); 5] = [
    ("mysql", "mariadb", "mariadb-server"),
    ("mariadb", "mariadb", "mariadb-server"),
    ("apache2", "apache2", "apache2"),
    ("postgresql", "postgresql", "postgresql"),
    ("slurmctld", "slurmctld", "slurmctld"),
];

/// Sizes of what a root of old had in memory without one.
const SIZES: [(&str, &str); 4] = [("/tmp", "25%"), ("/var/tmp", "10%"), ("/var/log", "64M"), ("/media", "1M")];

/// What a recipe takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// `[diskless]`, `[head]` and each `[[node]]`, as text; above them in comments what is not taken over.
    pub tables: String,
    /// Packages that services of nodes come from.
    pub packages: Vec<String>,
}

/// A node as it will be written.
struct Node {
    name: String,
    aliases: Vec<String>,
    macs: Vec<String>,
    client_id: Option<String>,
    address: Ipv4Addr,
    arguments: Vec<String>,
}

/// The network, as it is known or guessed.
struct Network {
    address: Ipv4Addr,
    prefix: u8,
    is_guessed: bool,
}

impl Network {
    fn base(&self) -> u32 {
        self.address.to_bits() & grammar::mask(self.prefix)
    }

    fn last(&self) -> u32 {
        self.base() | !grammar::mask(self.prefix)
    }

    /// Whether a machine may have it.
    fn has(&self, address: Ipv4Addr) -> bool {
        self.base() < address.to_bits() && address.to_bits() < self.last()
    }
}

impl Existing {
    /// The head as tables of a recipe.
    ///
    /// # Errors
    /// Nothing says where the head is on its network.
    pub fn to_recipe(&self) -> Result<Imported, String> {
        let mut said = Said(Vec::new());
        self.unread.iter().for_each(|line| said.not(line, ""));
        self.notes.iter().for_each(|note| said.0.push(escaped(note)));
        let network = self.network()?;
        let range = self.usable_range(&network, &mut said);
        let mut taken = BTreeSet::new();
        let names = names(&self.names, "head", &mut taken, &mut said);
        let (name, aliases) =
            names.split_first().map(|(name, aliases)| (name.clone(), aliases.to_vec())).unwrap_or_default();
        let nodes = self.nodes(&network, &mut taken, &mut said);
        let common = self.further(&self.arguments, &mut said);

        let (mut text, mut packages) = (String::new(), Vec::new());
        let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String succeeds");
        let services = services(&self.services, &nodes, &mut packages, &mut said);
        let mut tables = String::new();
        {
            let mut line = |line: &str| writeln!(tables, "{line}").expect("writing to a String succeeds");
            self.diskless(&common, &mut said, &mut line);
            self.head((&name, &aliases), &network, range, &mut said, &mut line);
            for node in &nodes {
                self.node(node, &common, services.get(&node.name), &mut said, &mut line);
            }
        }
        for (export, writes) in &self.exports {
            let how = if *writes { "read-write" } else { "read-only" };
            said.0.push(format!("The head exports {} {how}: its line stays as it is.", escaped(export)));
        }
        said.0.iter().for_each(|words| line(&format!("# {words}")));
        text.push_str(&tables);
        Ok(Imported { tables: text, packages })
    }

    fn network(&self) -> Result<Network, String> {
        let by_loader = self.arguments.iter().chain(self.machines.iter().flat_map(|machine| &machine.arguments));
        let by_loader =
            by_loader.filter_map(|word| word.strip_prefix("nfsroot=")?.split(':').next()?.parse().ok()).next();
        let in_range = |address: &&(String, Ipv4Addr)| {
            let prefix = self.prefix.unwrap_or(24);
            let of = |address: Ipv4Addr| address.to_bits() & grammar::mask(prefix);
            self.range.is_some_and(|(from, _)| of(from) == of(address.1))
        };
        let address = self.address.or(by_loader).or_else(|| self.own.iter().find(in_range).map(|own| own.1));
        let address = address.ok_or_else(|| {
            "no file says the head's address on the nodes' network (`dhcp-boot` or `next-server`, `nfsroot=`, \
             etc/network/interfaces): add it there, or begin with a recipe of your own"
                .to_owned()
        })?;
        // dnsmasq takes the netmask of its interface, which is not in its files.
        let (prefix, is_guessed) = match self.prefix {
            Some(prefix) if (8..=30).contains(&prefix) => (prefix, false),
            _ => (24, true),
        };
        let network = Network { address, prefix, is_guessed };
        if !network.has(address) {
            return Err(format!("the head's address {address} is none of a machine in a network of {prefix} bits"));
        }
        Ok(network)
    }

    /// The range without what a recipe refuses in one.
    fn usable_range(&self, network: &Network, said: &mut Said) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let (from, to) = self.range.unwrap_or((network.address, network.address));
        let (mut low, mut high) = (from.to_bits().max(network.base() + 1), to.to_bits().min(network.last() - 1));
        let own = network.address.to_bits();
        if (low..=high).contains(&own) {
            // The longer part of it.
            if own - low > high - own {
                high = own - 1;
            } else {
                low = own + 1;
            };
        }
        if low > high {
            // The highest address that nobody has.
            let used: BTreeSet<u32> = self
                .machines
                .iter()
                .filter_map(|machine| machine.address)
                .map(Ipv4Addr::to_bits)
                .chain([own])
                .collect();
            low = (network.base() + 1..network.last()).rev().find(|address| !used.contains(address))?;
            high = low;
        }
        let range = (Ipv4Addr::from_bits(low), Ipv4Addr::from_bits(high));
        if self.range != Some(range) {
            let was = self.range.map_or("none".to_owned(), |(from, to)| format!("{from} to {to}"));
            said.0.push(format!("The range of addresses for strangers was {was}; it is {} to {}.", range.0, range.1));
        }
        Some(range)
    }

    fn nodes(&self, network: &Network, taken: &mut BTreeSet<String>, said: &mut Said) -> Vec<Node> {
        let (mut addresses, mut macs, mut ids) = (BTreeSet::from([network.address]), BTreeSet::new(), BTreeSet::new());
        let mut nodes = Vec::new();
        for machine in &self.machines {
            let Some(address) = machine.address else {
                said.not(&machine.place, "no file has an address for it");
                continue;
            };
            if !network.has(address) || addresses.contains(&address) {
                let why =
                    if network.has(address) { "another machine has its address" } else { "it is in another network" };
                said.not(&machine.place, why);
                continue;
            }
            let mut own = Vec::new();
            for text in machine.macs() {
                match grammar::mac(text) {
                    Ok(mac) if macs.insert(mac) => own.push(text.to_owned()),
                    Ok(_) => said.not(&machine.place, &format!("another machine has {}", escaped(text))),
                    Err(why) => said.not(&machine.place, &format!("{}: {why}", escaped(text))),
                }
            }
            if own.is_empty() {
                said.not(&machine.place, "there is no hardware address for it");
                continue;
            }
            addresses.insert(address);
            let client_id = machine.client_id.as_ref().and_then(|id| match grammar::client_id(id) {
                Ok(id) if ids.insert(id.clone()) => Some(id),
                _ => {
                    said.not(&machine.place, &format!("the identifier {}", escaped(id)));
                    None
                }
            });
            let number = address.octets().map(|octet| octet.to_string()).join("-");
            let names = names(&machine.names, &format!("node-{number}"), taken, said);
            let (name, aliases) =
                names.split_first().map(|(name, rest)| (name.clone(), rest.to_vec())).unwrap_or_default();
            nodes.push(Node { name, aliases, macs: own, client_id, address, arguments: machine.arguments.clone() });
        }
        nodes
    }

    fn diskless(&self, common: &[String], said: &mut Said, line: &mut dyn FnMut(&str)) {
        line(&format!("\n[diskless]\nroot = {}", json!(mode(&self.arguments))));
        let known = self.boot_interface.as_ref().filter(|name| grammar::boot_interface(name).is_ok());
        let interface = known.map_or("eth0", String::as_str);
        line(&format!("interface = {:<28} # the one that nodes boot from", json!(interface).to_string()));
        if let Some(other) = self.boot_interface.as_ref().filter(|name| *name != interface) {
            said.not(&format!("interface {other}"), "nodes cannot boot from it");
        }
        let tmpfs: BTreeMap<String, String> =
            self.tmpfs.iter().filter_map(|(point, size)| in_memory(point, size.as_deref(), said)).collect();
        let usual: BTreeMap<String, String> =
            SIZES.iter().map(|(point, size)| ((*point).to_owned(), (*size).to_owned())).collect();
        if !self.tmpfs.is_empty() && tmpfs != usual {
            let pairs: Vec<String> =
                tmpfs.iter().map(|(point, size)| format!("{} = {}", json!(point), json!(size))).collect();
            line(&format!("tmpfs = {{ {} }}", pairs.join(", ")));
        }
        if let Some(domain) = &self.domain {
            match grammar::domain(domain) {
                Ok(domain) => line(&format!("domain = {}", json!(domain))),
                Err(why) => said.not(&format!("domain {domain}"), &why),
            }
        }
        if !common.is_empty() {
            line(&format!("kernel-arguments = {}", list(common)));
        }
    }

    fn head(
        &self,
        (name, aliases): (&String, &Vec<String>),
        network: &Network,
        range: Option<(Ipv4Addr, Ipv4Addr)>,
        said: &mut Said,
        line: &mut dyn FnMut(&str),
    ) {
        line(&format!("\n[head]\nname = {}", json!(name)));
        if !aliases.is_empty() {
            line(&format!("aliases = {}", list(aliases)));
        }
        line(&format!("address = \"{}\"", network.address));
        let by_address = self.own.iter().find(|(_, address)| *address == network.address).map(|(name, _)| name);
        match self.interface.as_ref().or(by_address).filter(|name| grammar::interface(name).is_ok()) {
            Some(interface) => line(&format!("interface = {}", json!(interface))),
            None => line("interface = \"eth1\"    # no file says which: put in the one on the nodes' network"),
        }
        let guessed = if network.is_guessed { "    # guessed" } else { "" };
        line(&format!("network = \"{}/{}\"{guessed}", Ipv4Addr::from_bits(network.base()), network.prefix));
        if let Some((from, to)) = range {
            line(&format!("range = [\"{from}\", \"{to}\"]"));
        }
        if let Some(lease) = &self.lease {
            match grammar::lease(lease) {
                Ok(lease) => line(&format!("lease = {}", json!(lease))),
                Err(why) => said.not(&format!("lease {lease}"), &why),
            }
        }
        let options = &self.options;
        match options.router {
            Some(router) if network.has(router) => line(&format!("router = \"{router}\"")),
            Some(router) => said.not(&format!("router {router}"), "it is in another network"),
            None => {}
        }
        for (key, all) in [("dns", &options.dns), ("ntp", &options.ntp)] {
            if !all.is_empty() {
                line(&format!("{key} = {}", list(&all.iter().map(ToString::to_string).collect::<Vec<_>>())));
            }
        }
        match options.mtu {
            Some(mtu) if grammar::mtu(Some(mtu.into())).is_ok() => line(&format!("mtu = {mtu}")),
            Some(mtu) => said.not(&format!("mtu {mtu}"), "no packet is so short"),
            None => {}
        }
        if let Some(tftp) = &self.tftp {
            match grammar::head_directory(tftp) {
                Ok(tftp) => line(&format!("tftp = {}", json!(tftp))),
                Err(why) => said.not(&format!("TFTP directory {tftp}"), &why),
            }
        }
        if self.has_tftpd {
            line("tftp-server = \"tftpd-hpa\"");
        }
    }

    fn node(
        &self,
        node: &Node,
        common: &[String],
        services: Option<&BTreeSet<String>>,
        said: &mut Said,
        line: &mut dyn FnMut(&str),
    ) {
        line(&format!("\n[[node]]\nname = {}", json!(node.name)));
        if !node.aliases.is_empty() {
            line(&format!("aliases = {}", list(&node.aliases)));
        }
        match node.macs.as_slice() {
            [only] => line(&format!("mac = {}", json!(only))),
            several => line(&format!("mac = {}", list(several))),
        }
        if let Some(id) = &node.client_id {
            line(&format!("client-id = {}", json!(id)));
        }
        line(&format!("address = \"{}\"", node.address));
        if let Some(services) = services {
            line(&format!("services = {}", list(&services.iter().cloned().collect::<Vec<_>>())));
        }
        let own = mode(&node.arguments);
        if own != mode(&self.arguments) {
            line(&format!("root = {}", json!(own)));
        }
        let mut further = self.further(&node.arguments, said);
        further.retain(|argument| !common.contains(argument));
        if !further.is_empty() {
            line(&format!("kernel-arguments = {}", list(&further)));
        }
    }

    /// What else a command line says.
    fn further(&self, arguments: &[String], said: &mut Said) -> Vec<String> {
        let own = |argument: &&String| OWN.contains(&argument.split('=').next().unwrap_or(argument));
        let mut further: Vec<String> = Vec::new();
        for argument in arguments.iter().filter(|argument| !own(argument)) {
            if argument.starts_with("imgbuild.") {
                said.not(&format!("kernel argument {argument}"), "it is imgbuild's own, and follows from the recipe");
                continue;
            }
            match grammar::kernel_argument(argument) {
                Ok(argument) => further.push(argument),
                Err(why) => said.not(&format!("kernel argument {argument}"), &why),
            }
        }
        further
    }
}

/// Words for people, each once.
struct Said(Vec<String>);

impl Said {
    fn not(&mut self, what: &str, why: &str) {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let words = format!("Not taken over from {}{why}", escaped(what));
        if !self.0.contains(&words) {
            self.0.push(words);
        }
    }
}

/// For a comment, of one line, that no terminal obeys.
fn escaped(text: &str) -> String {
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// The names that a recipe can have, a host name first; `otherwise` when there is none.
fn names(all: &[String], otherwise: &str, taken: &mut BTreeSet<String>, said: &mut Said) -> Vec<String> {
    let lower: Vec<String> = all.iter().map(|name| name.to_ascii_lowercase()).collect();
    let mut good: Vec<String> = Vec::new();
    for name in &lower {
        match grammar::alias(name) {
            Ok(name) if taken.contains(&name) => said.not(&format!("name {name}"), "another machine has it"),
            Ok(name) => {
                taken.insert(name.clone());
                good.push(name);
            }
            Err(why) => said.not(&format!("name {name}"), &why),
        }
    }
    match good.iter().position(|name| !name.contains('.')) {
        Some(at) => good[..=at].rotate_right(1),
        None => {
            // Of a name with its domain the first word, or else one that is made up.
            let short = good.first().and_then(|name| name.split('.').next()).unwrap_or(otherwise).to_owned();
            let candidates =
                [short, otherwise.to_owned()].into_iter().chain((2..).map(|number| format!("{otherwise}-{number}")));
            let free = candidates.filter(|name| grammar::host_name(name).is_ok()).find(|name| !taken.contains(name));
            let name = free.unwrap_or_else(|| otherwise.to_owned());
            taken.insert(name.clone());
            good.insert(0, name);
        }
    }
    good
}

/// Node → services that run there alone, as units of Debian's; what has none that is known is said.
fn services(
    all: &[(String, String)],
    nodes: &[Node],
    packages: &mut Vec<String>,
    said: &mut Said,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (script, name) in all {
        let node = nodes.iter().find(|node| node.name == *name || node.aliases.contains(name));
        let known = SERVICES.iter().find(|(old, ..)| old == script);
        let (Some(node), Some((_, unit, package))) = (node, known) else {
            let why = format!("add its package, and services = [{}] to the node", json!(script));
            said.not(&format!("service {script} on {name}"), &why);
            continue;
        };
        services.entry(node.name.clone()).or_default().insert((*unit).to_owned());
        if !packages.iter().any(|other| other == package) {
            packages.push((*package).to_owned());
        }
    }
    services
}

/// A mount point in memory, and its size.
fn in_memory(point: &str, size: Option<&str>, said: &mut Said) -> Option<(String, String)> {
    let usual = SIZES.iter().find(|(known, _)| *known == point).map_or("10%", |(_, size)| size);
    let wanted = size.unwrap_or(usual);
    // What is written in bytes, or in units that a recipe has not, has the usual size.
    let size = grammar::tmpfs_size(wanted).unwrap_or_else(|_| usual.to_owned());
    if !size.eq_ignore_ascii_case(wanted) {
        said.not(&format!("size {wanted} of {point}"), &format!("it has {size}"));
    }
    match grammar::mount_point(point) {
        Ok(point) => Some((point, size)),
        Err(why) => {
            said.not(&format!("fstab's {point}"), &why);
            None
        }
    }
}

/// A list as TOML has it; its strings are those of JSON.
fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| json!(word).to_string()).collect::<Vec<_>>().join(", "))
}

/// How a root is mounted by a command line.
fn mode(arguments: &[String]) -> &'static str {
    let root = arguments.iter().find_map(|argument| argument.strip_prefix("imgbuild.root="));
    match root {
        Some(root) if root.starts_with("ram:") => "ram",
        Some(_) => "overlay",
        None => "nfs",
    }
}
