//! `imgbuild publish`, `rollback` and `generations`: what a head's nodes boot.

use std::fmt::Write as _;

use super::args::Generations;
use super::args::OnHead;
use super::args::Publish;
use super::args::Rollback;
use super::print;
use super::words::Failure;
use crate::deb::date;
use crate::error::PublishError;
use crate::head::Role;
use crate::pipeline::publish;
use crate::pipeline::publish::Menu;

/// Puts an output on a head.
pub(super) fn publish(arguments: &Publish) -> Result<(), Failure> {
    let role = if arguments.standby { Role::Standby } else { Role::Head };
    let done = publish::publish(&arguments.directory, &arguments.to, role)?;
    let mut text = offered(&done.menu);
    for path in &done.changed {
        writeln!(text, "changed {path}: {}", what_to_do(path)).expect("writing to a String succeeds");
    }
    for path in &done.left {
        writeln!(text, "left {path}: it is not imgbuild's; add the lines of the output's {}/{path}", role.directory())
            .expect("writing to a String succeeds");
    }
    print(&text)
}

/// Offers another generation first.
pub(super) fn rollback(arguments: &Rollback) -> Result<(), Failure> {
    let head = &arguments.head;
    let menu = publish::rollback(&head.to, head.cluster.as_deref(), arguments.generation.as_deref())?;
    print(&offered(&menu))
}

/// Lists generations, or removes those that nobody needs.
pub(super) fn generations(arguments: &Generations) -> Result<(), Failure> {
    let (root, name) = (&arguments.head.to, arguments.head.cluster.as_deref());
    if arguments.prune {
        let (removed, unknown) = publish::prune(root, name, arguments.keep, arguments.force)?;
        if !unknown.is_empty() && !arguments.force {
            return Err(Failure::Library(PublishError::Unknown(unknown).into()));
        }
        return print(&removed.iter().map(|id| format!("removed {id}\n")).collect::<String>());
    }
    let (found, unknown) = publish::generations(root, name)?;
    let mut text = String::new();
    for generation in found {
        let menu = match (generation.is_now, generation.is_previous) {
            (true, _) => "now",
            (_, true) => "previous",
            _ => "-",
        };
        let nodes = if generation.nodes.is_empty() { "-".to_owned() } else { generation.nodes.join(",") };
        writeln!(
            text,
            "{} {} {menu} {nodes}",
            generation.id,
            date::iso(i64::try_from(generation.published).unwrap_or(i64::MAX))
        )
        .expect("writing to a String succeeds");
    }
    if !unknown.is_empty() {
        writeln!(text, "not known of {}", unknown.join(", ")).expect("writing to a String succeeds");
    }
    print(&text)
}

/// Prints what ssh clients believe.
pub(super) fn known_hosts(arguments: &OnHead) -> Result<(), Failure> {
    print(&publish::known_hosts(&arguments.to, arguments.cluster.as_deref())?)
}

fn offered(menu: &Menu) -> String {
    let previous = menu.previous.as_ref().map_or(String::new(), |id| format!("previous {id}\n"));
    format!("now {}\n{previous}", menu.now)
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
