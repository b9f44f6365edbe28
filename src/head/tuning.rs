//! The head's clock, and its kernel's limits, sized by the number of nodes.

use crate::head::pair;
use crate::head::shared::Shared;

/// `/etc/chrony/conf.d/imgbuild.conf`: the nodes' time is the head's, also when the head has no other source.
pub(super) fn chrony(shared: &Shared<'_>) -> String {
    let networks = shared.head.all_networks();
    let allow: String = networks.map(|(network, length)| format!("allow {network}/{length}\n")).collect();
    let local = shared.head.standby.as_ref().map_or_else(
        || "local stratum 10\n".to_owned(),
        // Without another source the two agree on which of them is right: the time must not jump when nodes come over.
        |standby| format!("server {} iburst\nlocal stratum 10 orphan\n", shared.own_addresses(standby).1),
    );
    format!("# {}\n{allow}{local}", shared.generated())
}

/// `/etc/sysctl.d/90-imgbuild.conf`
pub(super) fn sysctl(shared: &Shared<'_>) -> String {
    // The kernel forgets neighbours it is talking to above the third limit, 1024 by default.
    let nodes = shared.nodes().count();
    let keep = (2 * nodes).max(1024);
    // Of dnsmasq's socket, which asks for no size of its own: a packet of each node takes some 2 KiB in the kernel, and
    // what it has no room for the node asks again for after seconds.
    let waiting = (2560 * nodes).max(212_992);
    let moves = if shared.head.standby.is_some() { pair::SYSCTL } else { "" };
    format!(
        "# {}\n# Neighbours: at least two per node.\nnet.ipv4.neigh.default.gc_thresh1 = {keep}\n\
         net.ipv4.neigh.default.gc_thresh2 = {}\nnet.ipv4.neigh.default.gc_thresh3 = {}\n\
         # The syslog socket's buffer: all nodes talk at once when they boot.\nnet.core.rmem_max = 33554432\n\
         # And the DHCP server's.\nnet.core.rmem_default = {waiting}\n{moves}",
        shared.generated(),
        2 * keep,
        4 * keep
    )
}
