//! The head's clock, and its kernel's limits, sized by the number of nodes.

use crate::head::Input;
use crate::head::pair;

/// `/etc/chrony/conf.d/imgbuild.conf`: the nodes' time is the head's, also when the head has no other source.
pub(super) fn chrony(input: &Input<'_>) -> String {
    let (network, length) = input.head.network;
    let local = input.head.standby.as_ref().map_or_else(
        || "local stratum 10\n".to_owned(),
        // Without another source the two agree on which of them is right: the time must not jump when nodes come over.
        |standby| format!("server {} iburst\nlocal stratum 10 orphan\n", input.own_addresses(standby).1),
    );
    format!("# {}\nallow {network}/{length}\n{local}", input.recipe.generated())
}

/// `/etc/sysctl.d/90-imgbuild.conf`
pub(super) fn sysctl(input: &Input<'_>) -> String {
    // The kernel forgets neighbours it is talking to above the third limit, 1024 by default.
    let nodes = input.recipe.nodes.len();
    let keep = (2 * nodes).max(1024);
    let moves = if input.head.standby.is_some() { pair::SYSCTL } else { "" };
    format!(
        "# {}\n# Neighbours: at least two per node.\nnet.ipv4.neigh.default.gc_thresh1 = {keep}\n\
         net.ipv4.neigh.default.gc_thresh2 = {}\nnet.ipv4.neigh.default.gc_thresh3 = {}\n\
         # The syslog socket's buffer: all nodes talk at once when they boot.\nnet.core.rmem_max = 33554432\n{moves}",
        input.recipe.generated(),
        2 * keep,
        4 * keep
    )
}
