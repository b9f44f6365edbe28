//! Who uses which root: what the NFS server, the kernel's mounts and the DHCP server say of it, and what logs hint at.
//!
//! Only the servers of the head are believed. A log is written by whoever reaches the syslog port: it can give a reason
//! to keep a generation, one for each node, and never one to remove any.
//!
//! * NFS version 3: `rmtab`, the server's own table of mounts (exports(5)); nodes that lost power stay in it.
//! * NFS version 4: `/proc/fs/nfsd/clients/N/info` and `states`, which name the files that each client has open.
//! * Either: `/proc/net/rpc/nfsd.export/content`, the exports that were asked for of late.
//! * Mounts of the head's own: `/proc/self/mountinfo` (proc(5)), and the files behind loop devices.
//! * dnsmasq's leases: which nodes may be alive.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FileType;

use super::place::Place;
use crate::head::Cluster;
use crate::head::ClusterNode;
use crate::host::Dir;
use crate::tree::escape;

/// So much of a log's end is read; a boot writes some hundred kilobytes.
const LOG_MAX: u64 = 64 << 20;
/// The longest table of the kernel's or of a server's that is read.
const TABLE_MAX: u64 = 64 << 20;
/// Where nfs-ganesha says that it runs.
const GANESHA: [&str; 3] = ["run/ganesha.pid", "run/ganesha/ganesha.pid", "var/run/ganesha.pid"];

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Root → why it is in use, as far as the head itself knows.
    pub(super) roots: BTreeMap<String, BTreeSet<String>>,
    /// Root → nodes, or addresses, that have it mounted.
    pub(super) clients: BTreeMap<String, BTreeSet<String>>,
    /// Generation → nodes whose last boot was from it, by their logs.
    pub(super) hints: BTreeMap<String, BTreeSet<String>>,
    /// Nodes that the DHCP server gives an address to.
    pub(super) alive: BTreeSet<String>,
    /// Why it cannot be told who uses what.
    pub(super) unknown: Vec<String>,
}

/// Looks at everything that says who uses the generations with these records and these roots.
pub(super) fn uses(place: &Place, records: &[Cluster], roots: &[String], now: i64) -> Uses {
    let mut uses = Uses::default();
    let has_rmtab = mounts_by_clients(place, roots, &mut uses);
    let has_clients = open_files(place, roots, &mut uses);
    exports_in_use(place, roots, &mut uses);
    mounts(place, roots, &mut uses);
    if GANESHA.iter().any(|path| place.on_disk(path).exists()) {
        uses.unknown.push("nfs-ganesha serves roots here and does not say to whom".to_owned());
    }
    let leases = leases(place, now);
    uses.alive = leases.clone().unwrap_or_default();
    for node in &place.cluster.nodes {
        hint(place, node, records, &mut uses);
        let node = &node.node;
        let may_live = leases.as_ref().is_none_or(|leases| leases.contains(&node.name));
        let is_seen = uses.clients.values().any(|clients| clients.contains(&node.name));
        if may_live && !is_seen && !would_be_seen(&node.name, records, has_rmtab, has_clients) {
            uses.unknown.push(node.name.clone());
        }
    }
    uses
}

/// Whether the NFS server knew it if a node had a root mounted: with no table there, nothing follows from it.
fn would_be_seen(name: &str, records: &[Cluster], has_rmtab: bool, has_clients: bool) -> bool {
    let of_node = records.iter().flat_map(|record| record.nodes.iter().filter(|node| node.node.name == name));
    of_node.flat_map(|node| &node.arguments).all(|argument| {
        let is_shared = argument.starts_with("nfsroot=") && !has_rmtab;
        let is_overlay = argument.starts_with("imgbuild.root=nfs:") && !has_clients;
        !is_shared && !is_overlay
    })
}

/// A client as people call it, and whether it is a node.
fn client(place: &Place, address: &str) -> String {
    let is_it =
        |node: &&ClusterNode| node.node.address.to_string() == address || node.names().any(|name| name == address);
    let domain = address.split('.').next().unwrap_or(address);
    let node = place.cluster.nodes.iter().find(is_it);
    let node = node.or_else(|| place.cluster.nodes.iter().find(|node| node.node.name == domain));
    node.map_or_else(|| escape(address.as_bytes()), |node| node.node.name.clone())
}

/// The root that a path of the head's lies in.
fn root_of<'a>(place: &Place, roots: &'a [String], path: &str) -> Option<&'a String> {
    let below = path.strip_prefix(&format!("{}/", place.cluster.roots()))?;
    let id = below.split('/').next()?;
    roots.iter().find(|root| *root == id)
}

fn mounts_by_clients(place: &Place, roots: &[String], uses: &mut Uses) -> bool {
    let Ok(Some(table)) = place.root.read_if_any("var/lib/nfs/rmtab", TABLE_MAX) else { return false };
    for line in String::from_utf8_lossy(&table).lines() {
        // An address of version 6 has colons of its own.
        let Some((address, path)) = line.split_once(":/") else { continue };
        let path = format!("/{}", path.rsplit_once(':').map_or(path, |(path, _)| path));
        if let Some(root) = root_of(place, roots, &path) {
            let client = client(place, address);
            uses.roots.entry(root.clone()).or_default().insert(format!("{client} has mounted it (rmtab)"));
            uses.clients.entry(root.clone()).or_default().insert(client);
        }
    }
    true
}

/// The files that clients of version 4 have open.
fn open_files(place: &Place, roots: &[String], uses: &mut Uses) -> bool {
    let path = place.on_disk("proc/fs/nfsd/clients");
    let Ok(directory) = Dir::open(&path) else { return false };
    let Ok(names) = directory.names() else { return false };
    let mut numbers: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for name in names {
        let read = |file: &str| {
            let bytes = directory.read_if_any(Path::new(&name).join(file), TABLE_MAX);
            bytes.ok().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        };
        let (info, states) = (read("info"), read("states"));
        let address =
            quoted(&info, "address: ").and_then(|address| address.rsplit_once(':')).map_or("?", |(host, _)| host);
        let client = client(place, address.trim_matches(['[', ']']));
        let open: BTreeSet<u64> = states.lines().filter_map(inode).collect();
        if open.is_empty() {
            uses.unknown.push(format!("{client}, which is a client of NFS version 4 and has no file open"));
        }
        for file in open {
            numbers.entry(file).or_default().insert(client.clone());
        }
    }
    for root in roots {
        for client in open_in(place, root, &numbers) {
            uses.roots
                .entry(root.clone())
                .or_default()
                .insert(format!("{client} has files of it open (NFS version 4)"));
            uses.clients.entry(root.clone()).or_default().insert(client);
        }
    }
    true
}

/// The clients that have files of a root open, by the numbers of its inodes. Those of another file system may be the same,
/// and then one stays that could go; the device that the server names is not everywhere the one that stat(2) does.
fn open_in(place: &Place, root: &str, numbers: &BTreeMap<u64, BTreeSet<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Ok(Some(directory)) = place.root.dir_if_any(format!("{}/root", place.root_of(root))) else { return found };
    let Ok(own) = directory.status("") else { return found };
    if numbers.is_empty() {
        return found;
    }
    let mut todo = vec![PathBuf::new()];
    while let Some(parent) = todo.pop() {
        let Ok(here) = directory.dir(&parent) else { continue };
        for name in here.names().unwrap_or_default() {
            let Ok(status) = here.status(&name) else { continue };
            found.extend(numbers.get(&status.inode.1).into_iter().flatten().cloned());
            if status.kind == FileType::Directory {
                todo.push(parent.join(&name));
            }
        }
    }
    found.extend(numbers.get(&own.inode.1).into_iter().flatten().cloned());
    found
}

/// `superblock: "fd:00:1234"`: the device's numbers, and the inode's.
fn inode(line: &str) -> Option<u64> {
    quoted(line, "superblock: ")?.rsplit(':').next()?.parse().ok()
}

/// The quoted text after a key.
fn quoted<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.strip_prefix('"')?.split('"').next()
}

fn exports_in_use(place: &Place, roots: &[String], uses: &mut Uses) {
    let table = kernels(&place.on_disk("proc/net/rpc/nfsd.export/content"));
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let path = line.split_whitespace().next().unwrap_or_default();
        if let Some(root) = root_of(place, roots, path) {
            uses.roots.entry(root.clone()).or_default().insert("clients have asked for its export".to_owned());
        }
    }
}

/// Mounts of the head's own, and loop devices; also of this machine, when its root is not the head's.
fn mounts(place: &Place, roots: &[String], uses: &mut Uses) {
    let here = fs::canonicalize(place.root.path()).unwrap_or_else(|_| place.root.path().to_owned());
    let mut systems = vec![(here.clone(), PathBuf::from("/"))];
    if here != Path::new("/") {
        systems.push((PathBuf::from("/"), here));
    }
    for (system, prefix) in systems {
        let place_of = |path: &str| {
            let below = Path::new(path).strip_prefix(&prefix).ok()?;
            root_of(place, roots, &format!("/{}", below.display())).cloned()
        };
        for line in kernels(&system.join("proc/self/mountinfo")).lines() {
            let Some(point) = line.split(' ').nth(4) else { continue };
            if let Some(root) = place_of(&unescaped(point)) {
                let (point, exports) = (escape(point.as_bytes()), place.on_disk(&place.exports(&root)));
                let how = if exports.exists() {
                    format!("rm {}; exportfs -ra; umount {point}", exports.display())
                } else {
                    format!("umount {point}")
                };
                let reason = format!("it is mounted on `{point}`: `{how}` lets it go");
                uses.roots.entry(root).or_default().insert(reason);
            }
        }
        let block = system.join("sys/block");
        let loops = Dir::open(&block).and_then(|block| block.names()).unwrap_or_default();
        for name in loops.iter().filter(|name| name.to_string_lossy().starts_with("loop")) {
            let file = kernels(&block.join(name).join("loop/backing_file"));
            if let Some(root) = place_of(file.trim_end()) {
                let device = format!("/dev/{}", name.to_string_lossy());
                uses.roots.entry(root).or_default().insert(format!("its image is behind {device}"));
            }
        }
    }
}

/// The nodes that have a lease which has not run out; `None`: the DHCP server does not say.
fn leases(place: &Place, now: i64) -> Option<BTreeSet<String>> {
    let table = place.root.read_if_any("var/lib/misc/dnsmasq.leases", TABLE_MAX).ok().flatten()?;
    let table = String::from_utf8_lossy(&table);
    let live = table.lines().filter_map(|line| {
        let mut words = line.split(' ');
        // Of a lease for ever the end is 0.
        let (end, mac, address) = (words.next()?.parse::<i64>().ok()?, words.next()?, words.next()?);
        let is_it = |node: &&ClusterNode| node.macs().any(|own| own == mac) || node.node.address.to_string() == address;
        let node = place.cluster.nodes.iter().find(is_it)?;
        (end == 0 || end > now).then(|| node.node.name.clone())
    });
    Some(live.collect())
}

/// What a node's log says that it booted last: one generation, whatever stands in it.
fn hint(place: &Place, node: &ClusterNode, records: &[Cluster], uses: &mut Uses) {
    // The day's log, else the one before it was rotated.
    let logs = ["kern", "kern.1"].map(|name| format!("var/log/{}/{name}", node.node.name));
    let last = logs.iter().find_map(|path| last_boot(&tail(&place.root, path), records));
    if let Some(id) = last {
        uses.hints.entry(id).or_default().insert(node.node.name.clone());
    }
}

/// The generation in the last command line of a kernel; iPXE leaves nothing but the root in it.
fn last_boot(log: &str, records: &[Cluster]) -> Option<String> {
    let line = log.lines().rev().find(|line| line.contains("ommand line: "))?;
    let names = |id: &String| line.contains(&format!("/{id}/"));
    let found = records.iter().find(|record| names(&record.generation));
    found.or_else(|| records.iter().find(|record| names(&record.root))).map(|record| record.generation.clone())
}

/// The end of a text, which need not be there.
fn tail(root: &Dir, path: &str) -> String {
    let read = || {
        let mut file = root.file(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_MAX)))?;
        let mut bytes = Vec::new();
        file.take(LOG_MAX).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// A text of the kernel's own, by links of its own; nothing when there is none.
fn kernels(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(TABLE_MAX).read_to_end(&mut bytes));
    read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

/// A path as the kernel writes it in tables: blanks and the like as three octal digits.
fn unescaped(text: &str) -> String {
    let (mut path, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        path.push_str(before);
        let byte = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.map_or('\\', char::from));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    path + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel() {
        let line = "- 0x01: { type: open, access: r-, deny: --, superblock: \"fd:0a:13649\", filename: \"bin/sh\" }";
        assert_eq!(inode(line), Some(13649));
        assert_eq!(inode("- 0x01: { type: open }"), None);
        assert_eq!(unescaped(r"/a\040b\134c\"), r"/a b\c\");
        assert_eq!(quoted("clientid: 0x1\naddress: \"10.0.0.1:871\"\n", "address: "), Some("10.0.0.1:871"));
    }
}
