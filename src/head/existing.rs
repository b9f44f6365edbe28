//! A head's files read back: what is on a head that was set up by hand, or in a bundle that imgbuild has written.
//!
//! dnsmasq.conf as dnsmasq(8) describes it, /etc/hosts as hosts(5), exports(5), and pxelinux.cfg as Syslinux does.
//! What is not understood is kept as text, so that a caller can say what it leaves out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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
    /// What NFS knows some of them by, whichever head they are on.
    pub fsids: BTreeMap<String, String>,
    /// The address that stays with it while `address` moves between two heads.
    pub own_address: Option<Ipv4Addr>,
    /// The kernel's arguments for machines in no table.
    pub arguments: Vec<String>,
    /// Lines that say something which is not kept here, as `FILE: LINE`.
    pub unread: Vec<String>,
}

/// One node of an existing head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// Its names; the first is the host name.
    pub names: Vec<String>,
    /// Its hardware address, in lower case with colons.
    pub mac: String,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// The kernel's arguments for it, from its own file or from `default`.
    pub arguments: Vec<String>,
}

impl Existing {
    /// Reads the texts of a head's files, by path on the head: `etc/dnsmasq.conf`, `etc/dnsmasq.d/…`, `etc/hosts`,
    /// `etc/exports`, `etc/exports.d/….exports`, `etc/keepalived/keepalived.conf`, `etc/default/tftpd-hpa`,
    /// `…/pxelinux.cfg/…` and `…/grub/nodes/…`; others are left alone.
    #[must_use]
    pub fn read(files: &BTreeMap<String, String>) -> Self {
        let mut head = Self::default();
        let (mut loaders, mut grub, mut tftpd) = (BTreeMap::new(), BTreeMap::new(), None);
        for (path, text) in files {
            if path == "etc/dnsmasq.conf" || path.starts_with("etc/dnsmasq.d/") {
                head.dnsmasq(path, text);
            } else if path == "etc/exports" || path.starts_with("etc/exports.d/") {
                head.exports(text);
            } else if path == "etc/default/tftpd-hpa" {
                tftpd = shell_value(text, "TFTP_DIRECTORY");
            } else if path == "etc/keepalived/keepalived.conf" {
                head.keepalived(path, text);
            } else if let Some((_, name)) = path.split_once("pxelinux.cfg/") {
                loaders.insert(name.to_owned(), arguments(text));
            } else if let Some((_, name)) = path.split_once("grub/nodes/") {
                grub.insert(loader_name(name), grub_arguments(text));
            }
        }
        if let Some(text) = files.get("etc/hosts") {
            head.hosts(text);
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
        head
    }

    fn dnsmasq(&mut self, path: &str, text: &str) {
        for line in text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim()) {
            let (key, value) = line.split_once('=').map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            // Tags choose among lines; for the table they are not of interest.
            let words = value.split(',').map(str::trim).filter(|word| !is_tag(word));
            match key {
                "" => {}
                _ if line.starts_with('#') => {}
                "interface" => self.interface = Some(value.to_owned()),
                "domain" => self.domain = words.map(str::to_owned).next(),
                "tftp-root" => self.tftp = words.map(str::to_owned).next(),
                "dhcp-range" => self.range(words),
                "dhcp-boot" => self.boot(words),
                "dhcp-host" => self.host(words),
                "bind-dynamic" | "bind-interfaces" | "dhcp-authoritative" | "dhcp-match" | "enable-tftp" => {}
                "dhcp-lease-max" | "tftp-max" | "expand-hosts" | "local" | "log-dhcp" => {}
                _ => self.unread.push(format!("{path}: {line}")),
            }
        }
    }

    fn range<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        let mut addresses = Vec::new();
        for word in words {
            match word.parse::<Ipv4Addr>() {
                Ok(address) => addresses.push(address),
                Err(_) if is_lease(word) => self.lease = Some(word.to_owned()),
                Err(_) => {}
            }
        }
        if let [from, to, rest @ ..] = addresses.as_slice() {
            self.range = Some((*from, *to));
            // A third one is the netmask: ones and then zeros.
            let ones = rest.first().map(|mask| mask.to_bits().leading_ones());
            self.prefix = ones.and_then(|ones| u8::try_from(ones).ok()).or(self.prefix);
        }
    }

    /// `dhcp-boot=FILE,NAME,ADDRESS`
    fn boot<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        let words: Vec<&str> = words.collect();
        if let Some(address) = words.get(2).and_then(|word| word.parse().ok()) {
            self.address.get_or_insert(address);
        }
        if let (true, Some(name)) = (self.names.is_empty(), words.get(1).filter(|name| !name.is_empty())) {
            self.names.push((*name).to_owned());
        }
    }

    /// `dhcp-host=MAC,ADDRESS,NAME,LEASE`, in any order; one without a hardware address is of no use here.
    fn host<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        let mut machine = Machine::default();
        for word in words {
            if let Some(mac) = mac(word) {
                machine.mac = mac;
            } else if let Ok(address) = word.parse() {
                machine.address = Some(address);
            } else if !is_lease(word) && word != "ignore" && !word.starts_with("id:") {
                machine.names.push(word.to_owned());
            }
        }
        if !machine.mac.is_empty() {
            self.machines.push(machine);
        }
    }

    /// Names of the addresses that are known, or addresses of the names that are.
    fn hosts(&mut self, text: &str) {
        for line in text.lines() {
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
                None => continue,
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
            let options = words.filter_map(|client| Some(client.split_once('(')?.1.trim_end_matches(')')));
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

/// What pxelinux calls the file that GRUB calls `MAC.cfg`.
fn loader_name(name: &str) -> String {
    let name = name.strip_suffix(".cfg").unwrap_or(name);
    if name == "default" { name.to_owned() } else { format!("01-{}", name.replace(':', "-")) }
}

fn is_tag(word: &str) -> bool {
    ["tag:", "set:", "net:"].iter().any(|prefix| word.starts_with(prefix))
}

/// A time of dnsmasq's: `45m`, `12h`, `infinite`.
fn is_lease(word: &str) -> bool {
    let digits = word.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    word == "infinite" || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A hardware address in lower case; dnsmasq lets the type of the network stand in front of it, and no `*` in ours.
fn mac(word: &str) -> Option<String> {
    let word = word.strip_prefix("01-").unwrap_or(word);
    let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = word.split(':').collect();
    (parts.len() == 6 && parts.iter().all(|part| is_byte(part))).then(|| word.to_ascii_lowercase())
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
        assert_eq!(head.unread, ["etc/dnsmasq.conf: log-queries"]);
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
