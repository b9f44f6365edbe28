//! The files that all clusters of a head have in common: addresses and names, exports, servers and their sizes.
//!
//! They are made of what each cluster has left on the head of itself, so that whoever publishes one makes them for all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::digest::Sha256;
use crate::head::Cluster;
use crate::head::ClusterNode;
use crate::head::Role;
use crate::head::dhcp;
use crate::head::logging;
use crate::head::nfs;
use crate::head::pair;
use crate::head::tuning;
use crate::head::web;
use crate::recipe::Head;
use crate::recipe::Node;
use crate::recipe::RootMode;
use crate::recipe::Standby;
use crate::recipe::TftpServer;

/// A head as its clusters describe it.
pub(super) struct Shared<'a> {
    pub(super) head: &'a Head,
    pub(super) clusters: &'a [Cluster],
}

/// The files that clusters share, by path below the head's root. What the head itself is like is taken from the first of
/// them: all say the same, or [`clashes`] says what not.
///
/// # Panics
/// There is no cluster.
#[must_use]
pub fn shared(clusters: &[Cluster]) -> BTreeMap<String, String> {
    let head = &clusters.first().expect("somebody calls for a cluster's sake").head;
    let shared = Shared { head, clusters };
    let mut files = BTreeMap::new();
    let mut text = |path: &str, text: String| drop(files.insert(path.to_owned(), text));
    text("etc/dnsmasq.d/imgbuild.conf", dhcp::dnsmasq(&shared));
    if head.tftp_server == TftpServer::TftpdHpa {
        text(dhcp::TFTPD, dhcp::tftpd(&shared));
    }
    text("etc/hosts", shared.hosts());
    match &head.standby {
        None => text(nfs::EXPORTS, nfs::exports(&shared)),
        Some(standby) => pair::assemble(&mut text, &shared, standby),
    }
    text("etc/nfs.conf.d/imgbuild.conf", nfs::server(&shared));
    text("etc/syslog-ng/conf.d/imgbuild.conf", logging::syslog_ng(&shared));
    text("etc/chrony/conf.d/imgbuild.conf", tuning::chrony(&shared));
    text("etc/sysctl.d/90-imgbuild.conf", tuning::sysctl(&shared));
    if web::has_sources(&shared) {
        text(web::CACHE, web::cache(&shared));
    }
    if head.site_ca.is_some() {
        text(web::SITE, web::site(&shared));
        text(web::SITE_UNIT, web::site_unit(&shared));
    }
    for server in web::servers(&shared) {
        text(&server.path(), server.unit(&shared));
    }
    files
}

impl<'a> Shared<'a> {
    /// The first line of every file, behind a comment sign: who wrote it, from what. Without date and host, which
    /// would make builds differ.
    pub(super) fn generated(&self) -> String {
        let mut recipes: Vec<&str> = self.clusters.iter().map(|cluster| cluster.recipe.as_str()).collect();
        recipes.sort_unstable();
        recipes.dedup();
        crate::recipe::generated(&recipes.join(", "))
    }

    /// The nodes of all clusters.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &'a Node> {
        self.clusters.iter().flat_map(|cluster| &cluster.nodes).map(|node| &node.node)
    }

    /// The same with what the head has of each, and with its cluster.
    pub(super) fn nodes_of_clusters(&self) -> impl Iterator<Item = (&'a Cluster, &'a ClusterNode)> {
        self.clusters.iter().flat_map(|cluster| cluster.nodes.iter().map(move |node| (cluster, node)))
    }

    /// The hardware addresses of nodes that may be Raspberry Pis.
    pub(super) fn raspberry_pis(&self) -> impl Iterator<Item = String> {
        let clusters = self.clusters.iter().filter(|cluster| cluster.raspberry_pi);
        clusters.flat_map(|cluster| cluster.nodes.iter().flat_map(ClusterNode::macs))
    }

    /// The architectures that nodes have, each once.
    pub(super) fn architectures(&self) -> Vec<&'a str> {
        let mut all: Vec<&str> = self.clusters.iter().map(|cluster| cluster.architecture.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The cluster's domain.
    pub(super) fn domain(&self) -> Option<&'a String> {
        self.clusters.iter().find_map(|cluster| cluster.domain.as_ref())
    }

    pub(super) fn role(&self) -> Role {
        self.clusters.iter().find_map(|cluster| cluster.role).unwrap_or(Role::Head)
    }

    /// Whether a node of any cluster has this root; machines in no table have one as well.
    pub(super) fn has_root(&self, mode: RootMode) -> bool {
        self.clusters.iter().any(|cluster| cluster.has_root(mode))
    }

    /// The host name of the head that the files are for.
    pub(super) fn name(&self) -> &'a str {
        self.head.name_as(self.role())
    }

    /// Its interface on the cluster's network.
    pub(super) fn interface(&self) -> &'a str {
        self.head.interface_as(self.role())
    }

    /// The address that stays with it, and the other head's.
    pub(super) fn own_addresses(&self, standby: &Standby) -> (Ipv4Addr, Ipv4Addr) {
        own_addresses(self.role(), standby)
    }

    /// `/etc/hosts`
    fn hosts(&self) -> String {
        crate::recipe::hosts(&self.generated(), Some(self.head), self.nodes(), self.domain())
    }
}

impl Head {
    /// All networks whose machines boot from it, with the lengths of their prefixes; its own is the first.
    pub(super) fn all_networks(&self) -> impl Iterator<Item = (Ipv4Addr, u8)> {
        std::iter::once(self.network).chain(self.networks.iter().map(|network| network.network))
    }

    /// What one of the heads is called.
    pub(super) fn name_as(&self, role: Role) -> &str {
        match (role, &self.standby) {
            (Role::Standby, Some(standby)) => &standby.name,
            _ => &self.name,
        }
    }

    /// Where it keeps the roots of an image.
    pub(super) fn export_of(&self, image: Option<&str>) -> String {
        image.map_or_else(|| self.export.clone(), |image| format!("{}/{image}", self.export))
    }

    /// Its interface on the cluster's network.
    pub(super) fn interface_as(&self, role: Role) -> &str {
        match (role, &self.standby) {
            (Role::Standby, Some(standby)) => &standby.interface,
            _ => &self.interface,
        }
    }
}

/// The address that stays with a head, and the other head's.
pub(super) const fn own_addresses(role: Role, standby: &Standby) -> (Ipv4Addr, Ipv4Addr) {
    match role {
        Role::Head => (standby.head_own_address, standby.own_address),
        Role::Standby => (standby.own_address, standby.head_own_address),
    }
}

/// Why two clusters cannot be on one head, in words, each with where either says it: they describe the head otherwise,
/// or have a hardware address, a name or an address in common. `there` is on the head already.
#[must_use]
pub fn clashes(there: &Cluster, new: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    let both = |what: &str, there_has: String, new_has: String| {
        format!("{what}: {there_has} in `{}`, which is published there, and {new_has} in `{}`", there.name, new.name)
    };
    if there.name == new.name {
        wrong.push(both("name", format!("recipe {}", there.recipe), format!("recipe {}", new.recipe)));
    }
    for (key, there_has, new_has) in differences(there, new) {
        wrong.push(both(&key, there_has, new_has));
    }
    let mut taken: BTreeMap<String, &Node> = BTreeMap::new();
    let names = |node: &Node| -> Vec<String> {
        let names = [&node.name].into_iter().chain(&node.aliases).map(|name| format!("name {name}"));
        let macs = node.macs().map(|mac| format!("MAC {}", super::boot::mac(mac, ":")));
        let id = node.client_id.iter().map(|id| format!("client identifier {id}"));
        names.chain(macs).chain(id).chain([format!("address {}", node.address)]).collect()
    };
    for node in there.nodes.iter().map(|node| &node.node) {
        taken.extend(names(node).into_iter().map(|name| (name, node)));
    }
    for node in new.nodes.iter().map(|node| &node.node) {
        for name in names(node) {
            if let Some(other) = taken.get(&name) {
                wrong.push(both(&name, format!("node {}", other.name), format!("node {}", node.name)));
            }
        }
    }
    wrong
}

/// The keys by which two descriptions of a head differ, with either's value.
fn differences(there: &Cluster, new: &Cluster) -> Vec<(String, String, String)> {
    let of = |cluster: &Cluster| -> BTreeMap<String, serde_json::Value> {
        // Where the roots lie is each cluster's own; and certificates are too long for words.
        let site_ca = cluster.head.site_ca.as_ref().map(|pem| Sha256::of(pem.as_bytes()).to_string());
        let head = Head { export: String::new(), site_ca, ..cluster.head.clone() };
        let head = serde_json::to_value(head).expect("names and addresses are text");
        let head = head.as_object().expect("it has keys").clone();
        let mut keys: BTreeMap<_, _> = head.into_iter().map(|(key, value)| (format!("head.{key}"), value)).collect();
        keys.insert("diskless.domain".to_owned(), cluster.domain.clone().into());
        keys
    };
    let (mut there, new) = (of(there), of(new));
    let mut found = Vec::new();
    for (key, value) in new {
        let was = there.remove(&key).unwrap_or_default();
        if was != value {
            found.push((key.replace('_', "-"), was.to_string(), value.to_string()));
        }
    }
    found.extend(there.into_iter().map(|(key, was)| (key.replace('_', "-"), was.to_string(), "nothing".to_owned())));
    found
}
