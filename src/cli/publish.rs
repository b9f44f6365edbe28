//! `imgbuild publish`, `rollback` and `generations`: what a head's nodes boot.

use std::fmt::Write as _;

use serde_json::json;

use super::args::Generations;
use super::args::OnHead;
use super::args::Publish;
use super::args::Rollback;
use super::print;
use super::print_json;
use super::registry;
use super::signals::Signals;
use super::verify;
use super::words::Failure;
use crate::deb::date;
use crate::error::PublishError;
use crate::head::Role;
use crate::host::now;
use crate::pipeline::publish;
use crate::pipeline::publish::Generation;
use crate::pipeline::publish::Offered;
use crate::pipeline::publish::Options;
use crate::pipeline::publish::Prune;
use crate::pipeline::publish::PublishedImage;
use crate::pipeline::publish::Verdict;

/// Puts an output on a head.
pub(super) fn publish(arguments: &Publish, signals: &Signals) -> Result<(), Failure> {
    if arguments.site {
        return site(arguments);
    }
    let role = if arguments.standby { Role::Standby } else { Role::Head };
    let keys = verify::keys(&arguments.key)?;
    let keys = verify::verifiers(&keys);
    let (keep_root, machines, now, cancel) = (arguments.keep_root, arguments.unknown_machines, now(), signals.cancel());
    let options = Options { role, keys: &keys, keep_root, machines, now, cancel };
    let fetched = registry::fetched(&arguments.directory, &arguments.registry, signals)?;
    let directory = fetched.as_ref().map_or(&arguments.directory, |(_, directory)| directory);
    let done = publish::publish(directory, &arguments.to, &options);
    let done = done.map_err(|error| registry::as_asked(error, directory, &arguments.directory))?;
    if arguments.json {
        let image = |PublishedImage { cluster, offered: Offered { now, previous }, changes, kept, .. }: &_| json!({ "cluster": cluster, "now": now, "previous": previous, "changes": changes, "kept": kept });
        let changed = |path: &String| json!({ "path": path, "do": what_to_do(path) });
        return print_json(&json!({
            "images": done.images.iter().map(image).collect::<Vec<_>>(),
            "unknown-machines": done.machines,
            "changed": done.changed.iter().map(changed).collect::<Vec<_>>(),
            "left": done.left,
        }));
    }
    let mut text = String::new();
    for image in &done.images {
        if done.images.len() > 1 {
            writeln!(text, "image {}", image.cluster).expect("writing to a String succeeds");
        }
        text.push_str(&offered(&image.offered, &image.changes));
        for how in &image.kept {
            writeln!(text, "kept the root as it is: {how}").expect("writing to a String succeeds");
        }
    }
    if let Some(cluster) = &done.machines {
        writeln!(text, "machines in no table go on with {cluster}: `--unknown-machines` gives them this")
            .expect("writing to a String succeeds");
    }
    for path in &done.changed {
        writeln!(text, "changed {path}: {}", what_to_do(path)).expect("writing to a String succeeds");
    }
    for path in &done.left {
        writeln!(text, "left {path}: it is not imgbuild's; add the lines of the output's {}/{path}", role.directory())
            .expect("writing to a String succeeds");
    }
    print(&text)
}

/// Puts the files of a recipe's site on a head.
fn site(arguments: &Publish) -> Result<(), Failure> {
    let done = publish::site(&arguments.directory, &arguments.to)?;
    if arguments.json {
        let change = |(what, nodes): &(String, Vec<String>)| json!({ "what": what, "nodes": nodes });
        return print_json(&json!({
            "changes": done.changes.iter().map(change).collect::<Vec<_>>(),
            "unpublished": done.unpublished,
        }));
    }
    let mut text = String::new();
    for (what, nodes) in &done.changes {
        writeln!(text, "{what}: {}", some(nodes)).expect("writing to a String succeeds");
    }
    if !done.unpublished.is_empty() {
        writeln!(text, "not on the head yet: {}; publish an output with them", some(&done.unpublished))
            .expect("writing to a String succeeds");
    }
    if text.is_empty() {
        text.push_str("nothing has changed\n");
    }
    print(&text)
}

/// Names of nodes, as many as a line has room for.
fn some(nodes: &[String]) -> String {
    match nodes {
        [first, second, third, _, ..] => format!("{first}, {second}, {third} … ({} nodes)", nodes.len()),
        few => few.join(", "),
    }
}

/// Offers another generation first.
pub(super) fn rollback(arguments: &Rollback) -> Result<(), Failure> {
    let head = &arguments.head;
    let (menu, changes) = publish::rollback(&head.to, head.cluster.as_deref(), arguments.generation.as_deref(), now())?;
    if arguments.form.json {
        let (now, previous) = (&menu.now, &menu.previous);
        return print_json(&json!({ "now": now, "previous": previous, "changes": changes }));
    }
    print(&offered(&menu, &changes))
}

/// Lists generations, or removes those that nobody needs.
pub(super) fn generations(arguments: &Generations) -> Result<(), Failure> {
    let (root, name) = (&arguments.head.to, arguments.head.cluster.as_deref());
    if arguments.prune {
        return prune(arguments);
    }
    let found = publish::generations(root, name, now())?;
    if arguments.form.json {
        let generation = |Generation { id, root, published, is_now, is_previous, nodes, .. }: &_| {
            json!({
                "id": id, "root": root, "published": published, "now": is_now, "previous": is_previous, "nodes": nodes
            })
        };
        let generations: Vec<_> = found.generations.iter().map(generation).collect();
        return print_json(&json!({ "generations": generations, "unknown": found.unknown }));
    }
    let mut text = String::new();
    for generation in found.generations {
        let menu = match (generation.is_now, generation.is_previous) {
            (true, _) => "now",
            (_, true) => "previous",
            _ => "-",
        };
        let nodes = if generation.nodes.is_empty() { "-".to_owned() } else { generation.nodes.join(",") };
        writeln!(text, "{} {} {menu} {nodes}", generation.id, date::iso(generation.published))
            .expect("writing to a String succeeds");
    }
    for unknown in &found.unknown {
        writeln!(text, "not known of {unknown}").expect("writing to a String succeeds");
    }
    print(&text)
}

fn prune(arguments: &Generations) -> Result<(), Failure> {
    let (root, name) = (&arguments.head.to, arguments.head.cluster.as_deref());
    let grace = i64::from(arguments.grace) * 24 * 60 * 60;
    let options = Prune { keep: arguments.keep, grace, force: arguments.force, now: now() };
    let done = publish::prune(root, name, &options)?;
    if arguments.form.json {
        let verdict = |Verdict { what, id, removed, reasons, .. }: &_| json!({ "what": what, "id": id, "removed": removed, "reasons": reasons });
        let verdicts: Vec<_> = done.verdicts.iter().map(verdict).collect();
        print_json(&json!({ "verdicts": verdicts, "unknown": done.unknown }))?;
    } else {
        let mut text = String::new();
        for verdict in &done.verdicts {
            let done = if verdict.removed { "removed" } else { "kept" };
            writeln!(text, "{done} {} {}: {}", verdict.what, verdict.id, verdict.reasons.join("; "))
                .expect("writing to a String succeeds");
        }
        print(&text)?;
    }
    if done.unknown.is_empty() || arguments.force {
        Ok(())
    } else {
        Err(Failure::Library(PublishError::Unknown(done.unknown).into()))
    }
}

/// Prints what ssh clients believe.
pub(super) fn known_hosts(arguments: &OnHead) -> Result<(), Failure> {
    print(&publish::known_hosts(&arguments.to, arguments.cluster.as_deref())?)
}

/// What nodes that start get, and what is other for them than before.
fn offered(offered: &Offered, changes: &[String]) -> String {
    let previous = offered.previous.as_ref().map_or(String::new(), |id| format!("previous {id}\n"));
    let changes: String = changes.iter().map(|change| format!("  {change}\n")).collect();
    format!("now {}\n{changes}{previous}", offered.now)
}

/// Who reads a file of the head's.
fn what_to_do(path: &str) -> &'static str {
    match path.trim_start_matches("etc/").split('/').next().unwrap_or_default() {
        "exports.d" if path.starts_with("etc/exports.d/imgbuild-") => "systemctl start imgbuild-roots, exportfs -ra",
        "keepalived" => "systemctl restart keepalived",
        "default" => "systemctl restart tftpd-hpa",
        "dnsmasq.d" | "hosts" => "systemctl restart dnsmasq",
        "exports.d" => "exportfs -ra",
        "nfs.conf.d" => "systemctl restart nfs-server when nodes can wait",
        "syslog-ng" => "systemctl restart syslog-ng",
        "chrony" => "systemctl restart chrony",
        "sysctl.d" => "sysctl --system",
        "systemd" => "systemctl daemon-reload, systemctl enable --now the unit",
        _ => "nothing to do",
    }
}
