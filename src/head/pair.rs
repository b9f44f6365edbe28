//! Two heads that share nothing: the address that nodes know is on one of them, and moves when that one dies.
//!
//! keepalived moves it (VRRP, RFC 9568; keepalived.conf(5)). What nodes mount is the same image on both, exported by
//! the same path with the same fsid: so a file handle of one head means the same file on the other, and nodes go on.

use crate::digest::Sha256;
use crate::head::Cluster;
use crate::head::Role;
use crate::head::nfs;
use crate::head::shared::Shared;
use crate::recipe::RootMode;
use crate::recipe::Standby;

/// Services may wait for nodes on an address that is the other head's now.
pub(super) const SYSCTL: &str =
    "# Services wait on the address that moves, also where it is not yet.\nnet.ipv4.ip_nonlocal_bind = 1\n";
/// The image that nodes mount.
pub(super) const IMAGE: &str = "root.erofs";

/// What two heads have that one has not, and what they have in another way.
pub(super) fn assemble(text: &mut impl FnMut(&str, String), shared: &Shared<'_>, standby: &Standby) {
    text("etc/keepalived/keepalived.conf", keepalived(shared, standby));
    if shared.has_root(RootMode::Overlay) {
        text("etc/systemd/system/imgbuild-roots.service", roots(shared));
    }
    // A copy of each node's ssh host keys, which the node itself leaves on both heads, and what it takes from either.
    text(nfs::EXPORTS, format!("# {}\n{}{}", shared.generated(), nfs::states(shared), nfs::sites(shared)));
}

/// `/etc/keepalived/keepalived.conf`, which Debian's package leaves to the administrator.
fn keepalived(shared: &Shared<'_>, standby: &Standby) -> String {
    let (own, other) = shared.own_addresses(standby);
    let (address, length) = (shared.head.address, shared.head.network.1);
    let priority = match shared.role() {
        Role::Head => 150,
        Role::Standby => 100,
    };
    // The number tells apart what shares a network; a network address ends in 0, and that is no number.
    let number = address.octets()[3].max(1);
    let (check, track) = if shared.has_root(RootMode::Overlay) {
        (
            "# Who serves no roots does not hold the address.\nvrrp_script nfs {\n    \
             script \"/usr/bin/rpcinfo -T tcp 127.0.0.1 nfs 4\"\n    interval 2\n    timeout 5\n    \
             fall 2\n    init_fail\n}\n\n",
            "    track_script {\n        nfs\n    }\n",
        )
    } else {
        ("", "")
    };
    format!(
        "# {}\n\
         global_defs {{\n    router_id {}\n    vrrp_version 3\n    enable_script_security\n    \
         script_user nobody nogroup\n}}\n\n{check}\
         vrrp_instance imgbuild {{\n    interface {}\n    virtual_router_id {number}\n    priority {priority}\n    \
         # A head that comes back waits: each move is a pause for the nodes.\n    state BACKUP\n    nopreempt\n    \
         # Three of these unheard, and the other one takes the address.\n    advert_int 1\n    \
         unicast_src_ip {own}\n    unicast_peer {{\n        {other}\n    }}\n    \
         virtual_ipaddress {{\n        {address}/{length}\n    }}\n{track}}}\n",
        shared.generated(),
        shared.name(),
        shared.interface(),
    )
}

/// Where the export of this root is written down.
pub(super) fn exports_path(root: &str) -> String {
    format!("etc/exports.d/imgbuild-{root}.exports")
}

/// `/etc/exports.d/imgbuild-ROOT.exports`: one file for each, since each has an fsid of its own, and none is
/// changed when another comes.
pub(super) fn exports(cluster: &Cluster) -> String {
    // `mountpoint`: never the empty directory below the image.
    let options = format!("(ro,sync,no_subtree_check,no_root_squash,mountpoint,fsid={})", fsid(&cluster.root));
    format!(
        "# {}\n{}/{}/root {}\n",
        crate::recipe::generated(&cluster.recipe),
        cluster.roots(),
        cluster.root,
        nfs::clients(&cluster.head, &options)
    )
}

/// What NFS knows a generation's root by, on both heads: a UUID (RFC 9562, version 8), as exports(5) takes it.
fn fsid(root: &str) -> String {
    let digest = Sha256::of(format!("imgbuild fsid 1\n{root}\n").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `/etc/systemd/system/imgbuild-roots.service`: mounts the image of each generation whose directory is empty, before
/// the NFS server looks, and again when it is started again.
fn roots(shared: &Shared<'_>) -> String {
    let exports: Vec<String> = shared.clusters.iter().map(Cluster::export).collect();
    let images: Vec<String> = exports.iter().map(|export| format!("{export}/gen/*/{IMAGE}")).collect();
    let (exports, images) = (exports.join(" "), images.join(" "));
    // `$$` and `%%` are how systemd.service(5) writes `$` and `%`.
    format!(
        "# {}\n[Unit]\nDescription=Mount the nodes' roots\nRequiresMountsFor={exports}\nBefore=nfs-server.service\n\n\
         [Service]\nType=oneshot\n\
         ExecStart=/bin/sh -euc 'for image in {images}; do root=$${{image%%.*}}; \
         [ ! -d $$root ] || [ -n \"$$(ls -A $$root)\" ] || mount -t erofs -o loop,ro,nosuid,nodev $$image $$root; done'\n\n\
         [Install]\nWantedBy=multi-user.target nfs-server.service\n",
        shared.generated()
    )
}
