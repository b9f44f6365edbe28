//! What another generation means to each node, in words.

use std::collections::BTreeMap;

use crate::head::Cluster;
use crate::head::ClusterNode;

/// What changes for machines that start, as lines of text: first what is so for all of them, then node by node. The table
/// of nodes is the head's own files', and changes only where those are written, not where another menu is offered.
pub(super) fn changes(old: &Cluster, new: &Cluster, menus: &[String], with_table: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let what = [
        ("root", old.root != new.root),
        ("kernel", old.kernel != new.kernel),
        ("initramfs", old.initramfs != new.initramfs),
    ];
    let what: Vec<&str> = what.into_iter().filter_map(|(what, is_new)| is_new.then_some(what)).collect();
    if !what.is_empty() {
        lines.push(format!("all nodes: another {}", what.join(", another ")));
    }
    let mut before: BTreeMap<&str, &ClusterNode> =
        old.nodes.iter().map(|node| (node.node.name.as_str(), node)).collect();
    for node in &new.nodes {
        let ways = match before.remove(node.node.name.as_str()) {
            None if with_table => vec![format!("new, {} at {}", macs(node), node.node.address)],
            None => Vec::new(),
            Some(was) => {
                let mut ways = if with_table { table_changes(was, node) } else { Vec::new() };
                ways.extend(arguments(&was.arguments, &node.arguments, (old, new)));
                // Words of the boot loader that say nothing else.
                ways.extend(
                    (ways.is_empty() && node.macs().any(|mac| menus.contains(&mac))).then(|| "menu".to_owned()),
                );
                ways
            }
        };
        lines.extend((!ways.is_empty()).then(|| format!("{}: {}", node.node.name, ways.join("; "))));
    }
    let gone = before.values().filter(|_| with_table);
    lines.extend(
        gone.map(|node| format!("{}: no longer a node, {} at {}", node.node.name, macs(node), node.node.address)),
    );
    let strangers = arguments(&old.arguments, &new.arguments, (old, new));
    lines.extend(strangers.map(|change| format!("machines in no table: {change}")));
    let table = |cluster: &Cluster| -> Vec<_> {
        cluster.nodes.iter().map(|node| (node.node.name.clone(), macs(node), node.node.address)).collect()
    };
    if !with_table && table(old) != table(new) {
        lines.push("names, addresses and all other files of the head stay as they were published last".to_owned());
    }
    lines
}

/// What the DHCP server says of a node.
fn table_changes(was: &ClusterNode, is: &ClusterNode) -> Vec<String> {
    let table = [
        ("address", was.node.address.to_string(), is.node.address.to_string()),
        ("MAC", macs(was), macs(is)),
        ("names", was.node.aliases.join(","), is.node.aliases.join(",")),
    ];
    let change = |(what, was, is): (&str, String, String)| {
        (was != is).then(|| format!("{what} {} instead of {}", or_none(&is), or_none(&was)))
    };
    table.into_iter().filter_map(change).collect()
}

fn macs(node: &ClusterNode) -> String {
    node.macs().collect::<Vec<_>>().join(",")
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Kernel arguments that came and went; that they name another root is told already.
fn arguments(was: &[String], is: &[String], (old, new): (&Cluster, &Cluster)) -> Option<String> {
    let was: Vec<String> = was.iter().map(|argument| argument.replace(&old.root, &new.root)).collect();
    if was == is {
        return None;
    }
    let without = |all: &[String], others: &[String], sign: &str| -> Vec<String> {
        all.iter().filter(|argument| !others.contains(argument)).map(|argument| format!("{sign}{argument}")).collect()
    };
    let words = [without(&was, is, "-"), without(is, &was, "+")].concat();
    let words = if words.is_empty() { "in another order".to_owned() } else { words.join(" ") };
    Some(format!("kernel arguments {words}"))
}

/// The hardware addresses for which a menu says other words, by the entries of two generations.
pub(super) fn menus(
    (old, was): (&Cluster, &BTreeMap<String, String>),
    (new, is): (&Cluster, &BTreeMap<String, String>),
) -> Vec<String> {
    let translated = |text: &String| text.replace(&old.generation, &new.generation).replace(&old.root, &new.root);
    let differs = |(path, text): &(&String, &String)| was.get(*path).map(translated).as_ref() != Some(*text);
    let mac = |path: &String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.strip_prefix("01-").unwrap_or(name).replace('-', ":")
    };
    is.iter().filter(differs).map(|(path, _)| mac(path)).collect()
}
