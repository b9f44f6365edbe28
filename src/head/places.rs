//! What a head's files can be, as a closed list: whoever puts a bundle in place puts nothing else anywhere.

use crate::head::RECORD;
use crate::head::boot;
use crate::head::cluster::Cluster;
use crate::head::raspberry;
use crate::head::web;
use crate::recipe::grammar;

/// What a path of a head's files is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Words for people, which no program reads.
    Readme,
    /// A file of the head's own, which lies there as in the bundle.
    Config,
    /// The link by which the web server finds the roots of a cluster.
    Images,
    /// A boot loader, in the TFTP directory itself.
    Loader,
    /// A file of the generation, by its path below the generation's directory.
    Generation(String),
    /// Of the menu: who publishes makes one that has earlier generations as well.
    Menu,
}

/// The head's own files that are called the same on every head.
const CONFIGS: [&str; 15] = [
    "etc/chrony/conf.d/imgbuild.conf",
    "etc/default/tftpd-hpa",
    "etc/dnsmasq.d/imgbuild.conf",
    "etc/exports.d/imgbuild.exports",
    "etc/hosts",
    "etc/imgbuild/cache-nginx.conf",
    "etc/imgbuild/site-nginx.conf",
    "etc/keepalived/keepalived.conf",
    "etc/nfs.conf.d/imgbuild.conf",
    "etc/sysctl.d/90-imgbuild.conf",
    "etc/syslog-ng/conf.d/imgbuild.conf",
    "etc/systemd/system/imgbuild-boot.service",
    "etc/systemd/system/imgbuild-http.service",
    "etc/systemd/system/imgbuild-roots.service",
    "etc/systemd/system/imgbuild-site.service",
];

/// What a path of a bundle is for; `None`: [`assemble`](super::assemble) makes no such file for this cluster.
#[must_use]
pub fn place(cluster: &Cluster, path: &str) -> Option<Place> {
    let Cluster { name, generation, root, .. } = cluster;
    if path == "README" {
        return Some(Place::Readme);
    }
    let own = [format!("etc/imgbuild/{name}.json"), format!("etc/exports.d/imgbuild-{root}.exports")];
    if CONFIGS.contains(&path) || own.iter().any(|own| own == path) {
        return Some(Place::Config);
    }
    if path.strip_prefix(web::IMAGES).and_then(|rest| rest.strip_prefix('/')) == Some(name) {
        return Some(Place::Images);
    }
    let path = path.strip_prefix(cluster.head.tftp.trim_start_matches('/'))?.strip_prefix('/')?;
    if boot::is_loader(path) {
        return Some(Place::Loader);
    }
    if let Some(rest) = path.strip_prefix(&format!("{name}/{generation}/")) {
        return is_of_generation(rest).then(|| Place::Generation(rest.to_owned()));
    }
    let is_menu = ["pxelinux.cfg", "grub", "ipxe.cfg"].contains(&path)
        || boot::is_card(path)
        || path.strip_prefix(boot::MENUS).is_some_and(|rest| rest == "/menu" || rest.starts_with("/menu-"));
    is_menu.then_some(Place::Menu)
}

/// Whether a generation has such a file.
fn is_of_generation(path: &str) -> bool {
    match path.split_once('/') {
        None => ["vmlinuz", "initrd.img", RECORD].contains(&path),
        Some(("pxelinux", name)) => is_entry(name) || grammar::alias(name).is_ok(),
        Some(("grub" | "ipxe", name)) => is_entry(name),
        Some((raspberry::DIRECTORY, path)) => raspberry::is_of_generation(path),
        _ => false,
    }
}

/// Whether a loader may ask for a machine's entry by this name.
fn is_entry(name: &str) -> bool {
    name == "default" || name.strip_prefix("01-").is_some_and(boot::is_card)
}
