//! The NFS server: the generations of the nodes' root. What two heads export is in `pair`.

use std::fmt::Write as _;

use crate::head::Input;
use crate::recipe::Node;
use crate::recipe::RootMode;

/// knfsd's threads: one for each node that may wait, within what the package has and what helps (nfsd(8)).
const THREADS: std::ops::RangeInclusive<usize> = 16..=256;

/// `/etc/exports.d/imgbuild.exports`
pub(super) fn exports(input: &Input<'_>) -> String {
    let (network, length) = input.head.network;
    let mut text = format!("# {}\n", input.recipe.generated());
    // `sync`, where the Howto had `async`: what a node was told is on the disk is there after the head's crash. And
    // root stays root, else no node could write into its own /etc and /var, or read its own /etc/shadow.
    let mut export = |directory: &str, access: &str| {
        writeln!(text, "{directory} {network}/{length}({access},sync,no_subtree_check,no_root_squash)")
            .expect("writing to a String succeeds");
    };
    // All generations by one line: a new one changes nothing here, and no line that a node lives on is ever removed.
    let generations = format!("{}/gen", input.head.export);
    if input.has_root(RootMode::Nfs) {
        export(&generations, "rw");
    } else if input.has_root(RootMode::Overlay) {
        export(&generations, "ro");
    }
    text.push_str(&states(input));
    text
}

/// What is a node's own goes to its address alone.
pub(super) fn states(input: &Input<'_>) -> String {
    let is_kept = |node: &&Node| input.recipe.root_mode(Some(node), input.diskless) != RootMode::Ram;
    let line = |node: &Node| {
        let (export, options) = (&input.head.export, "rw,sync,no_subtree_check,no_root_squash");
        format!("{export}/state/{} {}({options})\n", node.name, node.address)
    };
    input.recipe.nodes.iter().filter(is_kept).map(line).collect()
}

/// `/etc/nfs.conf.d/imgbuild.conf`
pub(super) fn server(input: &Input<'_>) -> String {
    let threads = input.recipe.nodes.len().clamp(*THREADS.start(), *THREADS.end());
    format!(
        "# {}\n[nfsd]\n# One for each node that may wait.\nthreads={threads}\n\
         # The initramfs mounts a shared root by version 3.\nvers3=y\n",
        input.recipe.generated()
    )
}
