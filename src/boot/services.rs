//! The head's services, from the bundle's files, and what nodes fetch from them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Error;
use crate::head;
use crate::head::Existing;
use crate::head::Machine;
use crate::head::Role;
use crate::head::SITE_INDEX;
use crate::head::SITE_NOW;
use crate::host::Dir;
use crate::host::lab::Lab;
use crate::host::lab::Need;
use crate::host::lab::quote;

/// The unit that serves images over HTTP, when the bundle has it.
const WEB: &str = "imgbuild-http.service";
/// The one that serves what iPXE boots.
const WEB_BOOT: &str = "imgbuild-boot.service";
/// The options of a TFTP server that is not dnsmasq.
const TFTPD: &str = "etc/default/tftpd-hpa";
/// The unit that mounts the images of roots, when the bundle has it.
const ROOTS: &str = "imgbuild-roots.service";
/// Forms of the root that a directory can be made of.
const TARS: [&str; 4] = ["root.tar", "root.tar.zst", "root.tar.gz", "root.tar.xz"];

/// Something that nodes fetch, and where on the head it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// The root as a directory.
    Root(String),
    /// The root as a file.
    Image(String),
    /// The root as a file, by its path below the web server's directory.
    Page(String),
}

impl Wanted {
    pub(super) const fn is_by_nfs(&self) -> bool {
        matches!(self, Self::Root(_) | Self::Image(_))
    }

    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Root(_) => "the nodes' root",
            Self::Image(_) | Self::Page(_) => "the nodes' image",
        }
    }
}

/// What a node's kernel is told to take its root from.
pub(super) fn wanted(machine: &Machine) -> Option<Wanted> {
    machine.arguments.iter().find_map(|argument| {
        let (key, value) = argument.split_once('=')?;
        let after = |prefix: &str| Some(value.strip_prefix(prefix)?.split_once(":/")?.1);
        match key {
            "nfsroot" => {
                let place = value.split_once(":/")?.1;
                Some(Wanted::Root(format!("/{}", place.split(',').next().unwrap_or(place))))
            }
            "imgbuild.root" if value.starts_with("nfs:") => Some(Wanted::Root(format!("/{}", after("nfs:")?))),
            "imgbuild.root" if value.starts_with("ram:nfs:") => Some(Wanted::Image(format!("/{}", after("ram:nfs:")?))),
            "imgbuild.root" => {
                let url = value.strip_prefix("ram:http://")?;
                Some(Wanted::Page(format!("/{}", url.split_once('/')?.1)))
            }
            _ => None,
        }
    })
}

/// What every head's services are.
pub(super) const ALL_NEED: [Need; 2] =
    [Need { file: "dnsmasq", package: "dnsmasq-base" }, Need { file: "syslog-ng", package: "syslog-ng-core" }];
/// What those are that export a root.
pub(super) const NFS_NEEDS: [Need; 3] = [
    Need { file: "rpcbind", package: "rpcbind" },
    Need { file: "ganesha.nfsd", package: "nfs-ganesha" },
    Need { file: "/usr/share/doc/nfs-ganesha-vfs", package: "nfs-ganesha-vfs" },
];

/// A head's files in an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bundle<'a> {
    pub(super) output: &'a Path,
    pub(super) role: Role,
    /// As they say.
    pub(super) head: &'a Existing,
    /// Whether an NFS server is started.
    pub(super) nfs: bool,
    /// Whether it answers DHCP and TFTP.
    pub(super) answers: bool,
}

/// The clusters that a head's files are for.
fn clusters(output: &Path, role: Role) -> Vec<head::Cluster> {
    let directory = Dir::open(&output.join(role.directory()).join("etc/imgbuild"));
    let names = directory.as_ref().ok().and_then(|directory| directory.names().ok()).unwrap_or_default();
    let texts = directory.iter().flat_map(|directory| {
        names.iter().filter_map(|name| directory.read_if_any(name, super::TEXT_MAX).ok().flatten())
    });
    let texts = texts.filter_map(|text| String::from_utf8(text).ok());
    texts.filter_map(|text| head::Cluster::parse(&text).ok()).collect()
}

/// Where the outputs of an image lie: `NAME/`, or nowhere else for one that has no name.
fn below(cluster: Option<head::Cluster>) -> String {
    cluster.and_then(|cluster| cluster.image).map_or_else(String::new, |image| format!("{image}/"))
}

/// The stick that is for a node, as the head sees it.
pub(super) fn stick(output: &Path, machine: &Machine) -> Result<String, Error> {
    let is_it = |cluster: &head::Cluster| {
        let mut nodes = cluster.nodes.iter();
        nodes.any(|node| machine.names.first() == Some(&node.node.name))
    };
    let stick = format!("{}boot/stick.img", below(clusters(output, Role::Head).into_iter().find(is_it)));
    if output.join(&stick).is_file() {
        return Ok(format!("/output/{stick}"));
    }
    let reason = format!("it has no `{stick}`; build it with `stick = true` in `[output]` of the recipe");
    Err(Error::NoHead { path: output.to_owned(), reason })
}

impl Bundle<'_> {
    /// The line of shell that puts something in place.
    pub(super) fn put(&self, wanted: &Wanted) -> Result<String, Error> {
        match wanted {
            Wanted::Root(place) => match self.command(ROOTS) {
                Some(mount) => self.put_image(place, &mount),
                None => self.put_directory(place),
            },
            Wanted::Image(place) => self.copy(place),
            Wanted::Page(page) => {
                // The first word of the path is a link to the cluster's roots.
                let (cluster, below) = page.trim_start_matches('/').split_once('/').unwrap_or((page, ""));
                let served = self.served();
                let place = served.iter().find(|(name, _)| name == cluster).map(|(_, place)| place);
                let missing = || self.missing(&format!("its head's web server has no images of `{cluster}`"));
                self.copy(&format!("{}/{below}", place.ok_or_else(missing)?))
            }
        }
    }

    fn put_directory(&self, place: &str) -> Result<String, Error> {
        let below = self.image_of(place);
        let place = quote(place);
        let make = format!("mkdir -p {place}");
        if self.output.join(&below).join("root").is_dir() {
            return Ok(format!("{make}; cp -a /output/{below}root/. {place}/"));
        }
        let tar = TARS.iter().find(|tar| self.output.join(&below).join(tar).is_file());
        let tar = tar
            .ok_or_else(|| self.missing(&format!("it has no `{below}root.tar`; add `tar` to the recipe's formats")))?;
        Ok(format!("{make}; tar -C {place} --numeric-owner --xattrs --xattrs-include='*' -xpf /output/{below}{tar}"))
    }

    /// The root as an image beside its mount point, mounted as the bundle's own unit does it.
    fn put_image(&self, place: &str, mount: &str) -> Result<String, Error> {
        let copy = self.copy(&format!("{place}.erofs"))?;
        // The head's /dev has few devices, and the kernel says which of these it takes.
        let devices = "[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237; number=0; \
                       while [ $number -lt 256 ]; do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; \
                       number=$((number + 1)); done";
        Ok(format!("{copy}; mkdir -p {}; {devices}; {mount}", quote(place)))
    }

    fn copy(&self, place: &str) -> Result<String, Error> {
        let (directory, name) = place.rsplit_once('/').unwrap_or(("", place));
        let name = format!("{}{name}", self.image_of(place));
        if !self.output.join(&name).is_file() {
            return Err(self.missing(&format!("it has no `{name}`, from which its nodes have their root")));
        }
        let (directory, name) = (quote(directory), quote(&name));
        Ok(format!("mkdir -p {directory}; cp --reflink=auto /output/{name} {directory}/"))
    }

    /// Where the outputs of the image lie whose root has this place on the head: `NAME/`, or nowhere else for one that
    /// has no name.
    fn image_of(&self, place: &str) -> String {
        let is_it = |cluster: &head::Cluster| place.starts_with(&format!("{}/", cluster.roots()));
        below(clusters(self.output, self.role).into_iter().find(is_it))
    }

    fn missing(&self, what: &str) -> Error {
        Error::NoHead { path: self.output.to_owned(), reason: what.to_owned() }
    }

    /// The clusters whose roots the web server has, and where those lie: by the links in its directory.
    pub(super) fn served(&self) -> Vec<(String, String)> {
        let Ok(links) = Dir::open(&self.output.join(self.role.directory()).join(head::IMAGES)) else {
            return Vec::new();
        };
        let names = links.names().unwrap_or_default().into_iter().filter_map(|name| name.into_string().ok());
        let served = names.filter_map(|name| {
            let place = String::from_utf8(links.target(&name).ok()?).ok()?;
            Some((name, place))
        });
        served.collect()
    }

    /// What a unit of the bundle's runs; `$` and `%` are written twice there (systemd.service(5)).
    fn command(&self, unit: &str) -> Option<String> {
        let path = self.output.join(self.role.directory()).join("etc/systemd/system").join(unit);
        let text = fs::read_to_string(path).ok()?;
        let command = text.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
        Some(command.replace("$$", "$").replace("%%", "%"))
    }

    /// Whether TFTP is tftpd-hpa's.
    fn has_tftpd(&self) -> bool {
        self.output.join(self.role.directory()).join(TFTPD).is_file()
    }

    /// What nodes take while they run: the names of all of them, as who publishes puts them there.
    fn put_site(&self, lab: &mut Lab) -> Result<(), Error> {
        let hosts = super::text(self.output, &format!("{}/etc/hosts", self.role.directory())).unwrap_or_default();
        let mut files = head::SiteFiles::default();
        files.put_hosts(&hosts.into_bytes().into());
        let (index, sums) = (files.index(), files.digests());
        let (Some(sum), version) = (sums.first(), head::SiteFiles::version(&index)) else { return Ok(()) };
        let own: Vec<String> = self.head.exports.keys().filter(|path| is_site(path)).map(|path| quote(path)).collect();
        if own.is_empty() {
            return Ok(());
        }
        let line = format!(
            "for site in {}; do [ ! -e $site/{SITE_NOW} ] || continue; mkdir -p $site/{version}; \
             cp /output/{}/etc/hosts $site/{version}/{sum}; printf %b {} >$site/{version}/{SITE_INDEX}; \
             ln -s {version} $site/{SITE_NOW}; done",
            own.join(" "),
            self.role.directory(),
            // A step is one line.
            quote(&index.replace('\n', "\\n").replace('\t', "\\t")),
        );
        Ok(lab.step("put the names of all nodes in place", &line)?)
    }

    /// What the head needs on this machine, as one of two or alone.
    pub(super) fn needs(&self, is_pair: bool) -> Vec<Need> {
        let mut needs = ALL_NEED.to_vec();
        if self.nfs {
            needs.extend(NFS_NEEDS);
        }
        if [WEB, WEB_BOOT].iter().any(|unit| self.command(unit).is_some()) {
            needs.push(Need { file: "busybox", package: "busybox" });
        }
        if is_pair {
            needs.push(Need { file: "keepalived", package: "keepalived" });
        }
        if self.has_tftpd() {
            needs.push(Need { file: "in.tftpd", package: "tftpd-hpa" });
        }
        needs
    }

    /// Starts the services, each with the file that the bundle has for it.
    pub(super) fn start(&self, lab: &mut Lab) -> Result<(), Error> {
        if self.head.own_address.is_some() {
            lab.step(
                "let services wait on an address that is not here",
                "sed -n 's/^net.ipv4.ip_nonlocal_bind = //p' /etc/sysctl.d/90-imgbuild.conf \
                 >/proc/sys/net/ipv4/ip_nonlocal_bind",
            )?;
        }
        // Debian's own syslog-ng.conf reads the kernel's log, which is this machine's; of it only the version is taken.
        lab.step(
            "write syslog-ng's configuration",
            "{ sed -n '/^@version/p' /etc/syslog-ng/syslog-ng.conf; printf '%s\\n' '@include \"scl.conf\"' \
             'source s_src { internal(); };' '@include \"/etc/syslog-ng/conf.d/*.conf\"'; } >/run/syslog-ng.conf",
        )?;
        lab.step(
            "start syslog-ng",
            "start syslog-ng syslog-ng -F --no-caps --cfgfile /run/syslog-ng.conf --pidfile /run/syslog-ng.pid \
             --control /run/syslog-ng.ctl --persist-file /run/syslog-ng.persist",
        )?;
        if self.answers {
            self.start_answering(lab)?;
        }
        for (name, unit) in [("web", WEB), ("web-boot", WEB_BOOT)] {
            if let Some(command) = self.command(unit) {
                lab.step("start the web server", &format!("start {name} {command}"))?;
            }
        }
        if self.nfs {
            self.put_site(lab)?;
            lab.step("start rpcbind", "start rpcbind rpcbind -f -w")?;
            let config = quote(&ganesha(self.head));
            lab.step("write ganesha's configuration", &format!("printf %s {config} >/run/ganesha.conf"))?;
            lab.step("wait for rpcbind", "until [ -S /run/rpcbind.sock ]; do sleep 0.2; done")?;
            lab.step(
                "start nfs-ganesha",
                "start nfs ganesha.nfsd -F -f /run/ganesha.conf -L /var/log/ganesha.log -p /run/ganesha.pid",
            )?;
        }
        Ok(())
    }

    /// What tells machines their addresses, and what to boot.
    fn start_answering(&self, lab: &mut Lab) -> Result<(), Error> {
        lab.step(
            "start dnsmasq",
            "start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --conf-dir=/etc/dnsmasq.d,*.conf \
             --user=root --pid-file=/run/dnsmasq.pid --log-facility=/var/log/dnsmasq.log --log-dhcp",
        )?;
        if self.has_tftpd() {
            // As its service does, but for the user, whom this machine need not have.
            lab.step(
                "start tftpd-hpa",
                &format!(
                    ". /{TFTPD}; start tftpd in.tftpd --foreground --user root --verbose --address $TFTP_ADDRESS \
                     $TFTP_OPTIONS $TFTP_DIRECTORY"
                ),
            )?;
        }
        Ok(())
    }
}

/// Starts what moves the address, and waits for the address where it shall be.
pub(super) fn keepalived(lab: &mut Lab, head: &Existing, takes: bool) -> Result<(), Error> {
    lab.step(
        "start keepalived",
        "start keepalived keepalived --dont-fork --log-console --log-detail --use-file /etc/keepalived/keepalived.conf \
         --pid /run/keepalived.pid --vrrp_pid /run/vrrp.pid",
    )?;
    if let (Some(address), true) = (head.address, takes) {
        let line = format!("until ip -o -4 address show | grep -qF ' {address}/'; do sleep 0.2; done");
        lab.step("wait for the address that nodes know", &line)?;
    }
    Ok(())
}

/// What packets are kept by.
pub(super) const CAPTURES: Need = Need { file: "tcpdump", package: "tcpdump" };

/// Keeps what goes over the head's interface: of each packet what tells of Ethernet to NFS, in a ring of files.
pub(super) fn capture(lab: &mut Lab, interface: &str) -> Result<(), Error> {
    // It would give up root, and may write nowhere then. The end comes without a warning: nothing stays in buffers.
    let command = "tcpdump -Z root -U -s 256 -C 16 -W 4 -w /var/log/packets.pcap -i";
    Ok(lab.step("start tcpdump", &format!("start tcpdump {command} {}", quote(interface)))?)
}

/// ganesha's configuration, in one line, for what the bundle exports (ganesha-export-config(8)).
fn ganesha(head: &Existing) -> String {
    // Without `Graceless` clients of version 4 would wait for 90 seconds after the start for others to come back;
    // names of owners would need a service that no node has in its initramfs.
    let mut text = "NFS_CORE_PARAM { mount_path_pseudo = true; Protocols = 3,4; } NFSV4 { Graceless = true; \
                    RecoveryBackend = fs; Only_Numeric_Owners = true; }"
        .to_owned();
    for (number, (directory, writes)) in head.exports.iter().enumerate() {
        let access = if *writes { "RW" } else { "RO" };
        let fsid = head.fsids.get(directory).and_then(|fsid| filesystem_id(fsid)).unwrap_or_default();
        // What is for one address is so here as well.
        let own = head.clients.get(directory).filter(|clients| clients.iter().all(|client| is_address(client)));
        let clients = own.filter(|own| !own.is_empty()).map_or_else(String::new, |own| {
            format!("CLIENT {{ Clients = {}; Access_Type = {access}; Squash = No_Root_Squash; }} ", own.join(", "))
        });
        let access = if clients.is_empty() { access } else { "None" };
        write!(
            text,
            " EXPORT {{ Export_Id = {}; Path = \"{directory}\"; Pseudo = \"{directory}\"; Access_Type = {access}; \
             {fsid}Squash = No_Root_Squash; SecType = sys; {clients}FSAL {{ Name = VFS; }} }}",
            number + 1
        )
        .expect("writing to a String succeeds");
    }
    text
}

/// Whether an export is of what a node takes while it runs.
fn is_site(export: &str) -> bool {
    export.rsplit_once('/').is_some_and(|(above, _)| above.ends_with("/site"))
}

/// Whether exports(5) means one machine.
fn is_address(client: &str) -> bool {
    client.parse::<std::net::Ipv4Addr>().is_ok()
}

/// An fsid that is a UUID, as ganesha takes it: two numbers of 64 bits.
fn filesystem_id(fsid: &str) -> Option<String> {
    let number = u128::from_str_radix(&fsid.replace('-', ""), 16).ok().filter(|_| fsid.len() == 36)?;
    Some(format!("Filesystem_Id = {}.{}; ", number >> 64, number & u128::from(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_two_numbers() {
        let fsid = filesystem_id("00000000-0000-0001-8000-00000000000a");
        assert_eq!(fsid.as_deref(), Some("Filesystem_Id = 1.9223372036854775818; "));
        assert_eq!(filesystem_id("root").or_else(|| filesystem_id("7")), None);
    }

    #[test]
    fn what_nodes_want_is_in_their_arguments() {
        for (arguments, wanted_is) in [
            (
                "root=/dev/nfs nfsroot=192.168.1.1:/srv/x/root,nfsvers=3,tcp rw",
                Some(Wanted::Root("/srv/x/root".into())),
            ),
            ("boot=imgbuild imgbuild.root=nfs:10.0.0.1:/a", Some(Wanted::Root("/a".into()))),
            ("imgbuild.root=ram:nfs:10.0.0.1:/a/root.erofs", Some(Wanted::Image("/a/root.erofs".into()))),
            ("imgbuild.root=ram:http://10.0.0.1:8067/g/root.erofs", Some(Wanted::Page("/g/root.erofs".into()))),
            ("imgbuild.root=ram:http://x imgbuild.root=", None),
            ("quiet nfsroot=auto", None),
        ] {
            let arguments_of = arguments.split(' ').map(str::to_owned).collect();
            let machine = Machine { arguments: arguments_of, ..Machine::default() };
            assert_eq!(wanted(&machine), wanted_is, "{arguments}");
        }
    }
}
