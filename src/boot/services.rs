//! The head's services, from the bundle's files, and what nodes fetch from them.

use std::fmt::Write as _;
use std::path::Path;

use super::Error;
use super::text;
use crate::head::Existing;
use crate::head::Machine;
use crate::host::lab::Lab;
use crate::host::lab::Need;
use crate::host::lab::quote;

/// The unit that serves images over HTTP, when the bundle has it.
const WEB: &str = "imgbuild-http";
/// The one that serves what iPXE boots.
const WEB_BOOT: &str = "imgbuild-boot";
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

/// The line of shell that puts it there.
pub(super) fn put(wanted: &Wanted, output: &Path) -> Result<String, Error> {
    let missing = |what: String| Error::NoHead { path: output.to_owned(), reason: what };
    match wanted {
        Wanted::Root(place) => {
            let place = quote(place);
            let make = format!("mkdir -p {place}");
            if output.join("root").is_dir() {
                return Ok(format!("{make}; cp -a /output/root/. {place}/"));
            }
            let tar = TARS.iter().find(|tar| output.join(tar).is_file());
            let tar =
                tar.ok_or_else(|| missing("it has no `root.tar`; add `tar` to the recipe's formats".to_owned()))?;
            Ok(format!("{make}; tar -C {place} --numeric-owner --xattrs --xattrs-include='*' -xpf /output/{tar}"))
        }
        Wanted::Image(place) => copy(place.clone(), output),
        Wanted::Page(page) => {
            let root = web_root(output).ok_or_else(|| missing("its head has no web server for images".to_owned()))?;
            copy(format!("{root}{page}"), output)
        }
    }
}

fn copy(place: String, output: &Path) -> Result<String, Error> {
    let (directory, name) = place.rsplit_once('/').unwrap_or(("", &place));
    if !output.join(name).is_file() {
        let reason = format!("it has no `{name}`, which its nodes take into memory");
        return Err(Error::NoHead { path: output.to_owned(), reason });
    }
    let (directory, name) = (quote(directory), quote(name));
    Ok(format!("mkdir -p {directory}; cp --reflink=auto /output/{name} {directory}/"))
}

/// The web server's directory, from its unit.
pub(super) fn web_root(output: &Path) -> Option<String> {
    let command = web_command(output, WEB)?;
    let mut words = command.split_whitespace();
    words.find(|word| *word == "-h")?;
    words.next().map(str::to_owned)
}

fn web_command(output: &Path, unit: &str) -> Option<String> {
    let unit = format!("head/etc/systemd/system/{unit}.service");
    text(output, &unit)?.lines().find_map(|line| line.strip_prefix("ExecStart=")).map(str::to_owned)
}

/// What the head needs on this machine.
pub(super) fn needs(head: &Existing, output: &Path) -> Vec<Need> {
    let mut needs =
        vec![Need { file: "dnsmasq", package: "dnsmasq-base" }, Need { file: "syslog-ng", package: "syslog-ng-core" }];
    if !head.exports.is_empty() {
        needs.push(Need { file: "rpcbind", package: "rpcbind" });
        needs.push(Need { file: "ganesha.nfsd", package: "nfs-ganesha" });
        needs.push(Need { file: "/usr/share/doc/nfs-ganesha-vfs", package: "nfs-ganesha-vfs" });
    }
    if [WEB, WEB_BOOT].iter().any(|unit| web_command(output, unit).is_some()) {
        needs.push(Need { file: "busybox", package: "busybox" });
    }
    needs
}

/// Starts them, each with the file that the bundle has for it.
pub(super) fn start(lab: &mut Lab, head: &Existing, output: &Path) -> Result<(), Error> {
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
    lab.step(
        "start dnsmasq",
        "start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --conf-dir=/etc/dnsmasq.d,*.conf --user=root \
         --pid-file=/run/dnsmasq.pid --log-facility=/var/log/dnsmasq.log --log-dhcp",
    )?;
    for (name, unit) in [("web", WEB), ("web-boot", WEB_BOOT)] {
        if let Some(command) = web_command(output, unit) {
            lab.step("start the web server", &format!("start {name} {command}"))?;
        }
    }
    if !head.exports.is_empty() {
        lab.step("start rpcbind", "start rpcbind rpcbind -f -w")?;
        let config = quote(&ganesha(head));
        lab.step("write ganesha's configuration", &format!("printf %s {config} >/run/ganesha.conf"))?;
        lab.step("wait for rpcbind", "until [ -S /run/rpcbind.sock ]; do sleep 0.2; done")?;
        lab.step(
            "start nfs-ganesha",
            "start nfs ganesha.nfsd -F -f /run/ganesha.conf -L /var/log/ganesha.log -p /run/ganesha.pid",
        )?;
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
        write!(
            text,
            " EXPORT {{ Export_Id = {}; Path = \"{directory}\"; Pseudo = \"{directory}\"; Access_Type = {access}; \
             Squash = No_Root_Squash; SecType = sys; FSAL {{ Name = VFS; }} }}",
            number + 1
        )
        .expect("writing to a String succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
