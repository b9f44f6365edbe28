//! A head's files read back: what is on a head that was set up by hand, or in a bundle that imgbuild has written.
//!
//! dnsmasq.conf as dnsmasq(8) describes it, /etc/hosts as hosts(5), exports(5), and pxelinux.cfg as Syslinux does.
//! What is not understood is kept as text, so that a caller can say what it leaves out.

mod dhcpd;
mod dnsmasq;
mod root;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::recipe::NetworkOptions;

/// A head as its files describe it. Nothing is checked beyond its form: the recipe's grammar does that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Existing {
    /// The head's name and further names.
    pub names: Vec<String>,
    /// Its address on the cluster's network.
    pub address: Option<Ipv4Addr>,
    /// The interface that dnsmasq answers on.
    pub interface: Option<String>,
    /// The length of the network's prefix.
    pub prefix: Option<u8>,
    /// First and last address for machines in no table.
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Their lease, as dnsmasq writes it.
    pub lease: Option<String>,
    /// The cluster's DNS domain.
    pub domain: Option<String>,
    /// The TFTP directory.
    pub tftp: Option<String>,
    /// Whether tftpd-hpa serves it.
    pub has_tftpd: bool,
    /// The machines of the table, in dnsmasq's order.
    pub machines: Vec<Machine>,
    /// Directories that are exported, each once, with whether nodes may write there.
    pub exports: BTreeMap<String, bool>,
    /// Of those, to whom, in the words of exports(5).
    pub clients: BTreeMap<String, Vec<String>>,
    /// What NFS knows some of them by, whichever head they are on.
    pub fsids: BTreeMap<String, String>,
    /// The address that stays with it while `address` moves between two heads.
    pub own_address: Option<Ipv4Addr>,
    /// The kernel's arguments for machines in no table.
    pub arguments: Vec<String>,
    /// What DHCP tells of the network.
    pub options: NetworkOptions,
    /// Mount points of a root that nodes share which are in memory, with the size that is written.
    pub tmpfs: BTreeMap<String, Option<String>>,
    /// The interface that nodes boot from, as their root has it.
    pub boot_interface: Option<String>,
    /// Services that run on one node only, and which.
    pub services: Vec<(String, String)>,
    /// Lines that say something which is not kept here, as `FILE:LINE: TEXT`.
    pub unread: Vec<String>,
    /// What was read, and is said or done in another way, as `FILE: WORDS`.
    pub notes: Vec<String>,
    /// The head's interfaces with their addresses, as ifupdown has them.
    pub(in crate::head) own: Vec<(String, Ipv4Addr)>,
}

/// One node of an existing head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// Its names; the first is the host name.
    pub names: Vec<String>,
    /// The hardware address of its first card, in lower case with colons.
    pub mac: String,
    /// Those of its other cards.
    pub further_macs: Vec<String>,
    /// Its DHCP client identifier.
    pub client_id: Option<String>,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// The kernel's arguments for it, from its own file or from `default`.
    pub arguments: Vec<String>,
    /// Where it stands, as [`Existing::unread`] has it.
    pub place: String,
}

impl Machine {
    /// The hardware addresses of all its cards.
    pub fn macs(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.mac).chain(&self.further_macs).map(String::as_str)
    }
}

impl Existing {
    /// Reads the texts of a head's files, by path on the head: `etc/dnsmasq.conf`, `etc/dnsmasq.d/…`, `etc/hosts`,
    /// `etc/dhcp/dhcpd.conf`, `etc/exports`, `etc/exports.d/….exports`, `etc/keepalived/keepalived.conf`, `etc/default/tftpd-hpa`,
    /// `…/pxelinux.cfg/…` and `…/grub/nodes/…`; others are left alone.
    #[must_use]
    pub fn read(files: &BTreeMap<String, String>) -> Self {
        Self::read_with_links(files, &BTreeMap::new())
    }

    /// The same, with the targets of symbolic links in `…/pxelinux.cfg/`, by path: names that people gave to machines.
    #[must_use]
    pub fn read_with_links(files: &BTreeMap<String, String>, links: &BTreeMap<String, String>) -> Self {
        let mut head = Self::default();
        let (mut loaders, mut grub, mut tftpd) = (BTreeMap::new(), BTreeMap::new(), None);
        let named = Self::named(files);
        let of_dnsmasq = |key: &str| -> BTreeSet<String> {
            let texts = files.iter().filter(|(path, _)| is_dnsmasq(path)).map(|(_, text)| text);
            texts.flat_map(|text| dnsmasq::named(text, key)).collect()
        };
        let (included, with_hosts) = (of_dnsmasq("conf-file"), of_dnsmasq("dhcp-hostsfile"));
        let roots: Vec<String> =
            named.iter().filter_map(|path| Some(path.strip_suffix("etc/fstab")?.to_owned())).collect();
        for (path, text) in files {
            let in_root = roots.iter().find_map(|root| path.strip_prefix(root.as_str()));
            if is_dnsmasq(path) || included.contains(path) {
                dnsmasq::read(&mut head, path, text);
            } else if path == "etc/dhcp/dhcpd.conf" || path == "etc/dhcp3/dhcpd.conf" {
                dhcpd::read(&mut head, path, text);
            } else if path == "etc/exports" || path.starts_with("etc/exports.d/") {
                head.exports(text);
            } else if path == "etc/default/tftpd-hpa" {
                tftpd = shell_value(text, "TFTP_DIRECTORY").or(tftpd);
            } else if path.starts_with("etc/xinetd") && text.contains("in.tftpd") {
                tftpd = xinetd_directory(text).or(tftpd);
            } else if path == "etc/syslog-ng/syslog-ng.conf" {
                if text.contains("udp") {
                    let note = "its source of the nodes' logs stands in imgbuild's own file: take it out here";
                    head.notes.push(format!("{path}: {note}"));
                }
            } else if path == "etc/network/interfaces" {
                head.own_interfaces(text);
            } else if path == "etc/keepalived/keepalived.conf" {
                head.keepalived(path, text);
            } else if let Some((_, name)) = path.split_once("pxelinux.cfg/") {
                loaders.insert(name.to_owned(), arguments(text));
            } else if let Some((_, name)) = path.split_once("grub/nodes/") {
                grub.insert(loader_name(name), grub_arguments(text));
            } else if let Some(name) = in_root {
                root::read(&mut head, path, name, text);
            }
        }
        for path in with_hosts {
            match files.get(&path) {
                Some(text) => dnsmasq::hosts_file(&mut head, &path, text),
                None => head.unread.push(format!("{path}: dnsmasq has hosts there, and it cannot be read")),
            }
        }
        head.named_by_links(links);
        if let Some(text) = files.get("etc/hosts") {
            head.hosts("etc/hosts", text);
        }
        // Where dnsmasq serves TFTP, the other's file is only what its package left.
        if head.tftp.is_none() && tftpd.is_some() {
            (head.tftp, head.has_tftpd) = (tftpd, true);
        }
        // Machines without BIOS have GRUB's alone.
        for (name, arguments) in grub {
            loaders.entry(name).or_insert(arguments);
        }
        head.arguments = loaders.get("default").cloned().unwrap_or_default();
        for machine in &mut head.machines {
            let own = format!("01-{}", machine.mac.replace(':', "-"));
            machine.arguments = loaders.get(&own).unwrap_or(&head.arguments).clone();
        }
        let unknown = loaders.keys().filter_map(|name| mac(name.strip_prefix("01-")?.replace('-', ":").as_str()));
        for mac in unknown.collect::<Vec<_>>() {
            if !head.machines.iter().any(|machine| machine.macs().any(|own| own == mac)) {
                head.unread.push(format!("pxelinux.cfg/01-{}: no file has an address for it", mac.replace(':', "-")));
            }
        }
        head
    }

    /// Further files that these name, below the head's root: of dnsmasq's, and those of the roots that nodes mount. A path
    /// that ends in a slash is a directory.
    #[must_use]
    pub fn named(files: &BTreeMap<String, String>) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        let mut roots: Vec<String> = Vec::new();
        for (path, text) in files {
            if is_dnsmasq(path) {
                named.extend(["conf-file", "dhcp-hostsfile"].iter().flat_map(|key| dnsmasq::named(text, key)));
            } else if path.contains("pxelinux.cfg/") {
                let of =
                    |word: &str| Some(word.strip_prefix("nfsroot=")?.split(',').next()?.split_once(":/")?.1.to_owned());
                roots.extend(text.split_whitespace().filter_map(of));
            }
        }
        for root in roots {
            let root = root.trim_matches('/');
            let of_root =
                ["etc/fstab", "etc/network/interfaces", "bin/whereami", "etc/syslog-ng/syslog-ng.conf", "etc/init.d/"];
            named.extend(of_root.map(|name| format!("{root}/{name}")));
        }
        named.retain(|path| !path.is_empty() && path.split('/').all(|part| part != ".."));
        named.sort_unstable();
        named.dedup();
        named
    }

    /// The head's own interface, by the address that is known or else by the network of the range.
    fn own_interfaces(&mut self, text: &str) {
        let mut name = None;
        for line in text.lines() {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["iface", interface, "inet", ..] => name = Some((*interface).to_owned()),
                ["address", address] => {
                    let address = address.split('/').next().and_then(|address| address.parse::<Ipv4Addr>().ok());
                    if let (Some(name), Some(address)) = (&name, address) {
                        self.own.push((name.clone(), address));
                    }
                }
                _ => {}
            }
        }
    }

    /// Links are called as people call machines.
    fn named_by_links(&mut self, links: &BTreeMap<String, String>) {
        for (path, target) in links {
            let target = target.rsplit('/').next().unwrap_or(target);
            let (Some((_, name)), Some(mac)) = (
                path.split_once("pxelinux.cfg/"),
                target.strip_prefix("01-").and_then(|mac| self::mac(&mac.replace('-', ":"))),
            ) else {
                continue;
            };
            let machine = self.machines.iter_mut().find(|machine| machine.macs().any(|own| own == mac));
            if let Some(machine) = machine.filter(|machine| !machine.names.iter().any(|own| own == name)) {
                machine.names.push(name.to_owned());
            }
        }
    }

    /// Names of the addresses that are known, or addresses of the names that are.
    fn hosts(&mut self, path: &str, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<Ipv4Addr>().ok()) else { continue };
            let names: Vec<String> = words.map(str::to_owned).collect();
            let of = |known: &[String], at: Option<Ipv4Addr>| match at {
                Some(at) => at == address,
                None => known.iter().any(|name| names.contains(name)),
            };
            let machine = self.machines.iter_mut().find(|machine| of(&machine.names, machine.address));
            let (known, at) = match machine {
                Some(machine) => (&mut machine.names, &mut machine.address),
                None if of(&self.names, self.address) => (&mut self.names, &mut self.address),
                None => {
                    if !address.is_loopback() {
                        self.unread.push(format!("{path}:{number}: {}", line.trim()));
                    }
                    continue;
                }
            };
            *at = Some(address);
            names.into_iter().for_each(|name| {
                if !known.contains(&name) {
                    known.push(name);
                }
            });
        }
    }

    fn exports(&mut self, text: &str) {
        // A line may go on after a backslash.
        for line in text.replace("\\\n", " ").lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(directory) = words.next().filter(|directory| directory.starts_with('/')) else { continue };
            let words: Vec<&str> = words.collect();
            let clients = words.iter().map(|word| word.split('(').next().unwrap_or_default().to_owned());
            self.clients.entry(directory.to_owned()).or_default().extend(clients.filter(|client| !client.is_empty()));
            let options = words.iter().filter_map(|client| Some(client.split_once('(')?.1.trim_end_matches(')')));
            let options: Vec<&str> = options.flat_map(|options| options.split(',')).collect();
            *self.exports.entry(directory.to_owned()).or_default() |= options.contains(&"rw");
            if let Some(fsid) = options.iter().find_map(|option| option.strip_prefix("fsid=")) {
                self.fsids.insert(directory.to_owned(), fsid.to_owned());
            }
        }
    }

    /// A pair of heads is more than its words: it is told of, and not taken over.
    fn keepalived(&mut self, path: &str, text: &str) {
        for line in text.lines().map(str::trim) {
            let Some(address) = line.strip_prefix("unicast_src_ip ") else { continue };
            self.own_address = address.trim().parse().ok();
            self.unread.push(format!("{path}: {line}"));
        }
    }
}

/// The kernel's arguments in a file of pxelinux: those of the default label, `initrd=` left out.
fn arguments(text: &str) -> Vec<String> {
    let (mut default, mut label, mut found) = (None, None, BTreeMap::new());
    for line in text.lines() {
        let (key, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        match key.to_ascii_lowercase().as_str() {
            "default" => default = Some(value.trim()),
            "label" => label = Some(value.trim()),
            "append" => drop(found.insert(label, value)),
            _ => {}
        }
    }
    let append = found.get(&default).or_else(|| found.values().next());
    let words = append.map(|append| append.split_whitespace()).into_iter().flatten();
    words.filter(|word| !word.starts_with("initrd=")).map(str::to_owned).collect()
}

/// The kernel's arguments in a menu of GRUB that imgbuild has written: those of the first entry, `BOOTIF=` left out.
fn grub_arguments(text: &str) -> Vec<String> {
    let linux = text.lines().find_map(|line| line.trim_start().strip_prefix("linux "));
    let words = linux.into_iter().flat_map(str::split_whitespace).skip(1);
    words.filter(|word| !word.starts_with("BOOTIF=")).map(str::to_owned).collect()
}

/// What pxelinux calls a file of GRUB's, which was `MAC.cfg` with colons once.
fn loader_name(name: &str) -> String {
    let name = name.strip_suffix(".cfg").unwrap_or(name);
    if name.contains(':') { format!("01-{}", name.replace(':', "-")) } else { name.to_owned() }
}

/// A hardware address in lower case; dnsmasq lets the type of the network stand in front of it, and no `*` in ours.
fn mac(word: &str) -> Option<String> {
    let word = word.strip_prefix("01-").unwrap_or(word);
    let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = word.split(':').collect();
    (parts.len() == 6 && parts.iter().all(|part| is_byte(part))).then(|| word.to_ascii_lowercase())
}

fn is_dnsmasq(path: &str) -> bool {
    path == "etc/dnsmasq.conf" || path.starts_with("etc/dnsmasq.d/")
}

/// The directory in `server_args = -s DIRECTORY` of a file of xinetd's.
fn xinetd_directory(text: &str) -> Option<String> {
    let arguments = text.lines().find_map(|line| line.trim().strip_prefix("server_args")?.trim().strip_prefix('='))?;
    let directory = arguments.split_whitespace().find(|word| word.starts_with('/'))?;
    Some(directory.trim_end_matches('/').to_owned())
}

/// The value of a variable in a file that a shell reads, as those in `/etc/default`.
fn shell_value(text: &str, name: &str) -> Option<String> {
    let value =
        |line: &str| Some(line.trim().strip_prefix(name)?.strip_prefix('=')?.trim().trim_matches('"').to_owned());
    text.lines().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_heads() {
        let head = read(&[
            ("etc/exports.d/g.exports", "/srv/g/root 10.0.0.0/24(ro,mountpoint,fsid=1-2)\n/srv/h 10.0.0.0/24(ro)\n"),
            ("etc/keepalived/keepalived.conf", "vrrp_instance x {\n    unicast_src_ip 10.0.0.2\n}\n"),
        ]);
        assert_eq!(head.fsids, BTreeMap::from([("/srv/g/root".into(), "1-2".into())]));
        assert_eq!(head.exports.len(), 2);
        assert_eq!(head.own_address, Some(Ipv4Addr::new(10, 0, 0, 2)));
        assert_eq!(head.unread, ["etc/keepalived/keepalived.conf: unicast_src_ip 10.0.0.2"]);
    }

    fn read(files: &[(&str, &str)]) -> Existing {
        Existing::read(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn who_serves_the_boot_files() {
        let options = ("etc/default/tftpd-hpa", "TFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/boot\"\n");
        let head = read(&[options, ("etc/dnsmasq.conf", "interface=eth1\n")]);
        assert_eq!((head.tftp.as_deref(), head.has_tftpd), (Some("/srv/boot"), true));
        let head = read(&[options, ("etc/dnsmasq.conf", "enable-tftp\ntftp-root=/srv/tftp\n")]);
        assert_eq!((head.tftp.as_deref(), head.has_tftpd), (Some("/srv/tftp"), false));
    }

    #[test]
    fn a_head_set_up_by_hand() {
        let head = read(&[
            (
                "etc/dnsmasq.conf",
                "# classic\ninterface=eth1\ndhcp-range=192.168.1.50,192.168.1.150,255.255.255.0,12h\n\
                 dhcp-boot=pxelinux.0,headnode,192.168.1.1\nlog-queries\n\
                 dhcp-host=00:21:97:7D:AD:BF,dizzy,192.168.1.10\ndhcp-host=set:old,tumbler,00:21:97:7a:24:0f,45m\n",
            ),
            (
                "etc/hosts",
                "127.0.0.1 localhost\n192.168.1.1 headnode head # us\n192.168.1.10 dizzy db\n192.168.1.11 tumbler\n",
            ),
            ("etc/exports", "/srv/nfsroot 192.168.1.0/24(rw,async,\\\nno_root_squash)\n/home *(ro)\n"),
            (
                "srv/tftp/pxelinux.cfg/default",
                "default linux\nlabel other\n append x\nLABEL linux\n APPEND initrd=i root=/dev/nfs rw\n",
            ),
            ("srv/tftp/pxelinux.cfg/01-00-21-97-7d-ad-bf", "LABEL linux\nKERNEL k\nAPPEND ip=dhcp\n"),
        ]);
        assert_eq!(head.names, ["headnode", "head"]);
        assert_eq!((head.address, head.prefix), (Some(Ipv4Addr::new(192, 168, 1, 1)), Some(24)));
        assert_eq!((head.interface.as_deref(), head.lease.as_deref()), (Some("eth1"), Some("12h")));
        let [dizzy, tumbler] = head.machines.as_slice() else { panic!("{:?}", head.machines) };
        assert_eq!(
            (dizzy.mac.as_str(), dizzy.names.as_slice()),
            ("00:21:97:7d:ad:bf", &["dizzy".into(), "db".into()][..])
        );
        assert_eq!(dizzy.arguments, ["ip=dhcp"]);
        assert_eq!(tumbler.address, Some(Ipv4Addr::new(192, 168, 1, 11)));
        assert_eq!(tumbler.arguments, ["root=/dev/nfs", "rw"]);
        assert_eq!(head.exports, BTreeMap::from([("/home".into(), false), ("/srv/nfsroot".into(), true)]));
        assert_eq!(head.unread, ["etc/dnsmasq.conf:5: log-queries"]);
    }

    #[test]
    fn a_head_whose_nodes_have_no_bios() {
        let menu = "menuentry 'one' {\n  linux /n/1/vmlinuz root=/dev/nfs rw BOOTIF=01-$net_default_mac\n}\n\
                    menuentry 'two' {\n  linux /n/2/vmlinuz root=/dev/sda\n}\n";
        let table = "dhcp-host=00:21:97:7d:ad:bf,dizzy,192.168.1.10\ndhcp-host=00:21:97:7a:24:0f,tumbler\n";
        let head = read(&[
            ("etc/dnsmasq.d/imgbuild.conf", table),
            ("srv/tftp/n/menu-1/grub/nodes/00:21:97:7d:ad:bf.cfg", menu),
            ("srv/tftp/n/menu-1/grub/nodes/default.cfg", "  linux /n/1/vmlinuz quiet\n"),
        ]);
        let [dizzy, tumbler] = head.machines.as_slice() else { panic!("{:?}", head.machines) };
        assert_eq!(dizzy.arguments, ["root=/dev/nfs", "rw"]);
        assert_eq!(tumbler.arguments, ["quiet"]);
    }

    #[test]
    fn what_is_no_head_is_empty() {
        for text in ["", "\0\u{ff}=,,,\n=\n", "dhcp-host=\ndhcp-range=1\ndhcp-boot=,,\nlabel", "dhcp-host=,,,:::::,"] {
            let head = read(&[("etc/dnsmasq.conf", text), ("etc/hosts", text), ("etc/exports", text)]);
            assert!(head.machines.is_empty() && head.exports.is_empty(), "{text:?}");
        }
    }
}
