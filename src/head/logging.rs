//! syslog-ng on the head: one directory per node, one file per facility.

use crate::head::shared::Shared;

/// `/etc/syslog-ng/conf.d/imgbuild.conf`, which the package's own file includes; without a version line of its own
/// it is read by syslog-ng 3 and 4 alike.
pub(super) fn syslog_ng(shared: &Shared<'_>) -> String {
    let address = shared.head.address;
    let generated = shared.generated();
    // The Howto's `keep_hostname(yes)` believes the name in a message: any node could write into another's directory,
    // or into `../`. Here the name is that of the sender's address in /etc/hosts; of an unknown sender,
    // its address. The cache must be on for that file to be read at all, and Debian's own options turn it off.
    format!(
        r#"# {generated}
options {{ dns-cache-hosts("/etc/hosts"); }};
source s_nodes {{
    network(
        ip("{address}") transport("udp") port(514) so-rcvbuf(16777216)
        keep-hostname(no) use-dns(persist_only) dns-cache(yes) use-fqdn(no) chain-hostnames(no)
    );
}};
destination d_nodes {{ file("/var/log/$HOST/$FACILITY" create-dirs(yes)); }};
log {{ source(s_nodes); destination(d_nodes); }};
"#
    )
}
