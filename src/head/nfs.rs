//! The NFS server: the generations of the nodes' root. What two heads export is in `pair`.

use std::fmt::Write as _;

use crate::head::Cluster;
use crate::head::ClusterNode;
use crate::head::shared::Shared;
use crate::recipe::Head;
use crate::recipe::RootMode;

/// knfsd's threads: one for each node that may wait, within what the package has and what helps (nfsd(8)).
const THREADS: std::ops::RangeInclusive<usize> = 16..=256;

/// Where they are written down.
pub(super) const EXPORTS: &str = "etc/exports.d/imgbuild.exports";

/// `/etc/exports.d/imgbuild.exports`
pub(super) fn exports(shared: &Shared<'_>) -> String {
    let mut text = format!("# {}\n", shared.generated());
    // `sync`, where the Howto had `async`: what a node was told is on the disk is there after the head's crash. And
    // root stays root, else no node could write into its own /etc and /var, or read its own /etc/shadow.
    let mut export = |directory: &str, access: &str| {
        let options = format!("({access},sync,no_subtree_check,no_root_squash)");
        writeln!(text, "{directory} {}", clients(shared.head, &options)).expect("writing to a String succeeds");
    };
    // All generations by one line: a new one changes nothing here, and no line that a node lives on is ever removed.
    for cluster in shared.clusters {
        let generations = cluster.roots();
        if cluster.has_root(RootMode::Nfs) {
            export(&generations, "rw");
        } else if cluster.has_root(RootMode::Overlay) {
            export(&generations, "ro");
        }
    }
    text.push_str(&states(shared));
    text.push_str(&sites(shared));
    text
}

/// All networks, each with the same options, as a line of exports(5) has them.
pub(super) fn clients(head: &Head, options: &str) -> String {
    let clients = head.all_networks().map(|(network, length)| format!("{network}/{length}{options}"));
    clients.collect::<Vec<_>>().join(" ")
}

/// What is a node's own goes to its address alone.
pub(super) fn states(shared: &Shared<'_>) -> String {
    let kept = shared.nodes_of_clusters().filter(|(_, node)| node.root != RootMode::Ram);
    let line = |(cluster, node): (&Cluster, &ClusterNode)| {
        let (export, options) = (&cluster.head.export, "rw,sync,no_subtree_check,no_root_squash");
        format!("{export}/state/{} {}({options})\n", node.node.name, node.node.address)
    };
    kept.map(line).collect()
}

/// What a node takes while it runs, secrets among it, for its address alone, where it does not come by TLS. With `subtree_check` a handle that it makes up
/// for this export leads nowhere else on the file system. The exports of roots and states have none: it costs open files
/// that are renamed.
pub(super) fn sites(shared: &Shared<'_>) -> String {
    if shared.head.site_ca.is_some() {
        return String::new();
    }
    let line = |(cluster, node): (&Cluster, &ClusterNode)| {
        let (export, options) = (&cluster.head.export, "ro,sync,subtree_check,no_root_squash");
        format!("{export}/site/{} {}({options})\n", node.node.name, node.node.address)
    };
    shared.nodes_of_clusters().map(line).collect()
}

/// `/etc/nfs.conf.d/imgbuild.conf`
pub(super) fn server(shared: &Shared<'_>) -> String {
    let threads = shared.nodes().count().clamp(*THREADS.start(), *THREADS.end());
    format!(
        "# {}\n[nfsd]\n# One for each node that may wait.\nthreads={threads}\n\
         # The initramfs mounts a shared root by version 3.\nvers3=y\n",
        shared.generated()
    )
}
