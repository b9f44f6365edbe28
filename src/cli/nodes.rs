//! `imgbuild nodes` and `adopt`: the table of nodes, what is known of them on the head, and a line more in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use super::args::Adopt;
use super::args::Nodes;
use super::edit;
use super::print;
use super::print_json;
use super::words::Failure;
use crate::deb::date;
use crate::head::Lease;
use crate::head::leases;
use crate::host::Dir;
use crate::host::now;
use crate::pipeline::publish;
use crate::recipe;
use crate::recipe::Node;
use crate::recipe::Recipe;
use crate::recipe::RootMode;

/// The longest file of leases.
const LEASES_MAX: u64 = 64 << 20;

/// What a head knows of its nodes.
#[derive(Default)]
struct Seen {
    leases: Vec<Lease>,
    /// Node → when its last line came to the head's logs.
    logs: BTreeMap<String, i64>,
    /// Node → the generation that it runs.
    generations: BTreeMap<String, String>,
}

impl Seen {
    /// Looks at a head's disk; what is not there is not known.
    fn look(root: &Path, recipe: &Recipe) -> Result<Self, Failure> {
        let failed = |source| Failure::File { action: "open", path: root.to_owned(), source };
        let head = Dir::open(root).map_err(failed)?;
        let text = head.read_if_any("var/lib/misc/dnsmasq.leases", LEASES_MAX).ok().flatten().unwrap_or_default();
        let mut seen = Self { leases: leases(&String::from_utf8_lossy(&text)), ..Self::default() };
        for node in &recipe.nodes {
            let Ok(Some(logs)) = head.dir_if_any(format!("var/log/{}", node.name)) else { continue };
            let times = logs.names().unwrap_or_default();
            let last = times.iter().filter_map(|name| logs.status(name).ok()).map(|status| status.mtime).max();
            seen.logs.extend(last.map(|last| (node.name.clone(), last)));
        }
        for cluster in recipe.each().iter().map(Recipe::cluster) {
            // A head without a published cluster has none to tell of.
            let found = publish::generations(root, Some(&cluster), now());
            for generation in found.map(|found| found.generations).unwrap_or_default() {
                seen.generations.extend(generation.nodes.into_iter().map(|node| (node, generation.id.clone())));
            }
        }
        Ok(seen)
    }

    fn lease(&self, node: &Node) -> Option<&Lease> {
        let macs: BTreeSet<String> = node.macs().map(shown).collect();
        self.leases.iter().find(|lease| macs.contains(&lease.mac))
    }

    /// Leases of machines that are no node's.
    fn strangers(&self, recipe: &Recipe) -> Vec<&Lease> {
        let known: BTreeSet<String> = recipe.nodes.iter().flat_map(Node::macs).map(shown).collect();
        let addresses: BTreeSet<Ipv4Addr> = recipe.nodes.iter().map(|node| node.address).collect();
        let is_strange = |lease: &&Lease| !known.contains(&lease.mac) && !addresses.contains(&lease.address);
        self.leases.iter().filter(is_strange).collect()
    }
}

/// Prints the table.
pub(super) fn run(arguments: &Nodes) -> Result<(), Failure> {
    let recipe = recipe::load(&arguments.recipe)?;
    let seen = Seen::look(&arguments.head, &recipe)?;
    if arguments.json {
        return print_json(&document(&recipe, &seen));
    }
    print(&table(&recipe, &seen))
}

fn shown(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// How its root is mounted, as a recipe says it.
fn root(recipe: &Recipe, node: &Node) -> &'static str {
    match recipe.diskless.as_ref().map(|diskless| recipe.root_mode(Some(node), diskless)) {
        Some(RootMode::Nfs) => "nfs",
        Some(RootMode::Overlay) => "overlay",
        Some(RootMode::Ram) => "ram",
        None => "-",
    }
}

/// A line for each node, columns below each other, then one for each machine that is none.
fn table(recipe: &Recipe, seen: &Seen) -> String {
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let mut rows = vec![["NAME", "ADDRESS", "MAC", "ROOT", "SERVICES", "TAGS", "RUNS", "SEEN"].map(str::to_owned)];
    for node in &recipe.nodes {
        let tags: Vec<String> =
            node.tags.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "_"))).collect();
        let last = seen.logs.get(&node.name).map(|last| date::iso(*last));
        let last = last.or_else(|| seen.lease(node).map(|_| "has its address".to_owned()));
        rows.push([
            [std::slice::from_ref(&node.name), &node.aliases].concat().join(","),
            node.address.to_string(),
            node.macs().map(shown).collect::<Vec<_>>().join(","),
            node.image.iter().map(String::as_str).chain([root(recipe, node)]).collect::<Vec<_>>().join("/"),
            or_none(node.services.join(",")),
            or_none(tags.join(",")),
            or_none(seen.generations.get(&node.name).cloned().unwrap_or_default()),
            or_none(last.unwrap_or_default()),
        ]);
    }
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(text, "{}", cells.join("  ").trim_end()).expect("writing to a String succeeds");
    }
    for lease in seen.strangers(recipe) {
        let name = lease.name.as_deref().unwrap_or("-");
        writeln!(text, "no node: {} at {}, calls itself {name}", lease.mac, lease.address)
            .expect("writing to a String succeeds");
    }
    text
}

fn document(recipe: &Recipe, seen: &Seen) -> Value {
    let node = |node: &Node| {
        json!({
            "name": node.name,
            "aliases": node.aliases,
            "address": node.address,
            "macs": node.macs().map(shown).collect::<Vec<_>>(),
            "client-id": node.client_id,
            "image": node.image,
            "root": root(recipe, node),
            "services": node.services,
            "tags": node.tags,
            "generation": seen.generations.get(&node.name),
            "has-lease": seen.lease(node).is_some(),
            "last-seen": seen.logs.get(&node.name).map(|last| date::iso(*last)),
        })
    };
    let stranger = |lease: &&Lease| {
        json!({
            "mac": lease.mac,
            "address": lease.address,
            "name": lease.name,
            "lease-ends": lease.end.map(date::iso),
        })
    };
    json!({
        "nodes": recipe.nodes.iter().map(node).collect::<Vec<_>>(),
        "strangers": seen.strangers(recipe).iter().map(stranger).collect::<Vec<_>>(),
    })
}

/// Writes a node more into a recipe.
pub(super) fn adopt(arguments: &Adopt) -> Result<(), Failure> {
    let path = &arguments.recipe;
    let recipe = recipe::load(path)?;
    let refused = |why: String| Failure::Usage(format!("cannot adopt {}: {why}", shown(arguments.mac)));
    if recipe.head.is_none() {
        return Err(refused(format!("`{}` has no `[head]`", path.display())));
    }
    if let Some(node) = recipe.nodes.iter().find(|node| node.macs().any(|mac| mac == arguments.mac)) {
        return Err(refused(format!("it is a card of the node `{}` already", node.name)));
    }
    let address = match arguments.address {
        Some(address) => address,
        None => recipe.free_address().ok_or_else(|| refused("its network has no free address".to_owned()))?,
    };
    let text = fs::read_to_string(path).map_err(edit::failed("read", path))?;
    let text = recipe::add_node(&text, &arguments.name, &shown(arguments.mac), address)
        .map_err(|error| Failure::Usage(format!("cannot change `{}`: {error}", path.display())))?;
    // In its place only when it is a recipe.
    let (_, new) = edit::rewritten(path, &text)?;
    new.replace(path)?;
    print(&format!("{} {} {address}\n", arguments.name, shown(arguments.mac)))
}
