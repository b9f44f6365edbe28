//! Two heads that share nothing: the address that nodes know is on one of them, and moves when that one dies.
//!
//! keepalived moves it (VRRP, RFC 9568; keepalived.conf(5)). What nodes mount is the same image on both, exported by
//! the same path with the same fsid: so a file handle of one head means the same file on the other, and nodes go on.

use crate::digest::Sha256;
use crate::head::Error;
use crate::head::Files;
use crate::head::Input;
use crate::head::Role;
use crate::head::nfs;
use crate::recipe::RootMode;
use crate::recipe::Standby;

/// Services may wait for nodes on an address that is the other head's now.
pub(super) const SYSCTL: &str =
    "# Services wait on the address that moves, also where it is not yet.\nnet.ipv4.ip_nonlocal_bind = 1\n";
/// The image that nodes mount.
pub(super) const IMAGE: &str = "root.erofs";

pub(super) fn assemble(files: &mut Files, input: &Input<'_>, standby: &Standby) -> Result<(), Error> {
    files.text("/etc/keepalived/keepalived.conf", &keepalived(input, standby))?;
    if input.has_root(RootMode::Overlay) {
        files.text(&format!("/{}", exports_path(input)), &exports(input))?;
        files.text("/etc/systemd/system/imgbuild-roots.service", &roots(input))?;
        // A copy of each node's ssh host keys, which the node itself leaves on both heads.
        let states = format!("# {}\n{}", input.recipe.generated(), nfs::states(input));
        files.text("/etc/exports.d/imgbuild.exports", &states)?;
    }
    Ok(())
}

/// `/etc/keepalived/keepalived.conf`, which Debian's package leaves to the administrator.
fn keepalived(input: &Input<'_>, standby: &Standby) -> String {
    let (own, other) = input.own_addresses(standby);
    let (address, length) = (input.head.address, input.head.network.1);
    let priority = match input.role {
        Role::Head => 150,
        Role::Standby => 100,
    };
    // The number tells apart what shares a network; a network address ends in 0, and that is no number.
    let number = address.octets()[3].max(1);
    let (check, track) = if input.has_root(RootMode::Overlay) {
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
        input.recipe.generated(),
        input.name(),
        input.interface(),
    )
}

/// Where the export of this root is written down.
pub(super) fn exports_path(input: &Input<'_>) -> String {
    format!("etc/exports.d/imgbuild-{}.exports", input.root)
}

/// `/etc/exports.d/imgbuild-ROOT.exports`: one file for each, since each has an fsid of its own, and none is
/// changed when another comes.
fn exports(input: &Input<'_>) -> String {
    let (network, length) = input.head.network;
    // `mountpoint`: never the empty directory below the image.
    format!(
        "# {}\n{}/root {network}/{length}(ro,sync,no_subtree_check,no_root_squash,mountpoint,fsid={})\n",
        input.recipe.generated(),
        input.root_directory(),
        fsid(&input.root)
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
fn roots(input: &Input<'_>) -> String {
    let export = &input.head.export;
    // `$$` and `%%` are how systemd.service(5) writes `$` and `%`.
    format!(
        "# {}\n[Unit]\nDescription=Mount the nodes' roots\nRequiresMountsFor={export}\nBefore=nfs-server.service\n\n\
         [Service]\nType=oneshot\n\
         ExecStart=/bin/sh -euc 'for image in {export}/gen/*/{IMAGE}; do root=$${{image%%.*}}; \
         [ ! -d $$root ] || [ -n \"$$(ls -A $$root)\" ] || mount -t erofs -o loop,ro,nosuid,nodev $$image $$root; done'\n\n\
         [Install]\nWantedBy=multi-user.target nfs-server.service\n",
        input.recipe.generated()
    )
}
