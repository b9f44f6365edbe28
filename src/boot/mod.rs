//! A build's head and nodes, booted on this machine: from power on to PXE, kernel, root and services, with the
//! `head/` files as they are.
//!
//! Stands after head. The head is a [`Lab`]; each node is a QEMU machine with the hardware address of the recipe's
//! table, so it asks for what the real one would ask for. NFS is served by nfs-ganesha from the bundle's exports,
//! since the kernel's own server cannot be had twice; all else runs from the very files that the head would have.
//!
//! Of two heads the first one is started alone, and has the address that nodes know; or both are, on one network, and
//! keepalived gives the address to one of them, as on real ones.

mod machine;
mod services;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::cancel::Cancel;
use crate::head;
use crate::head::Existing;
use crate::head::Machine;
use crate::head::Role;
use crate::head::SITE_BY_TLS;
use crate::host::lab;
use crate::host::lab::Answer;
use crate::host::lab::Follow;
use crate::host::lab::Lab;
use crate::host::lab::LabError;
use crate::host::lab::Probe;
use crate::host::lab::Setup;
use crate::host::lab::quote;
use crate::recipe::nearest;

use machine::Board;

pub use machine::Accelerator;
pub use machine::Firmware;

/// A text file of a head is no longer than this.
const TEXT_MAX: u64 = 4 << 20;

/// So long somebody who has other things to do waits for an answer.
const AT_ONCE: Duration = Duration::from_millis(300);

/// How to boot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Memory of each node, in MiB.
    pub memory: u32,
    /// What nodes start with.
    pub firmware: Firmware,
    /// Who executes their instructions.
    pub accelerator: Accelerator,
    /// Whether nodes can be asked: through systemd's credentials in their firmware's tables, so that nothing of the
    /// root or of the head's files is touched. Needs systemd 256 on the node.
    pub probe: bool,
    /// Whether the beginning of each packet on the nodes' network is kept beside the logs, in `packets.pcap0` to
    /// `3`: the last 64 MB of them, which is more than a boot has.
    pub capture: bool,
    /// Whether nodes start from the output's stick, by UEFI, and their network has no DHCP server.
    pub stick: bool,
    /// Whether the standby runs beside the head. Only root can start both.
    pub standby: bool,
    /// Whether waiting for the head shall end; asked until nodes are switched on.
    pub cancel: Cancel,
}

impl Default for Options {
    fn default() -> Self {
        // A gibibyte is enough for the example's database, and two of them for nobody's desk a burden.
        Self {
            memory: 1024,
            firmware: Firmware::Bios,
            accelerator: Accelerator::Emulated,
            probe: false,
            capture: false,
            stick: false,
            standby: false,
            cancel: Cancel::default(),
        }
    }
}

/// Why it does not boot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The head could not be started, or ended.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A file of the output cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output has no head to boot from.
    #[error("cannot boot from `{}`: {reason}", path.display())]
    NoHead {
        /// The output.
        path: PathBuf,
        /// What is not there.
        reason: String,
    },
    /// No such node.
    #[error("there is no node `{name}` in the head's table; it has {}{}", .known.join(", "), meant(name, known))]
    NoNode {
        /// As asked for.
        name: String,
        /// All that there are.
        known: Vec<String>,
    },
    /// No node can get there.
    #[error("there is no unit `{unit}` in the image{}", .meant.as_ref().map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    NoUnit {
        /// As asked for.
        unit: String,
        /// The one of the image's whose name is spelled most like it.
        meant: Option<String>,
    },
    /// A node is not where it was to be.
    #[error("node `{node}` {reason} before it reached `{unit}`")]
    NotReached {
        /// The node.
        node: String,
        /// The systemd unit.
        unit: String,
        /// What became of it instead.
        reason: String,
    },
    /// A service of the head's has ended that nodes cannot do without.
    #[error("the head's `{service}` has ended before `{node}` reached `{unit}`: see `{}`", log.display())]
    HeadEnded {
        /// As its log is called.
        service: String,
        /// A node that was not there yet.
        node: String,
        /// The systemd unit.
        unit: String,
        /// What it said.
        log: PathBuf,
    },
    /// A node does not answer.
    #[error("node `{node}` does not answer to `{command}`")]
    Ask {
        /// The node.
        node: String,
        /// What it was to do.
        command: String,
        /// Why.
        source: io::Error,
    },
}

/// A head that runs, and its nodes.
#[derive(Debug)]
pub struct Cluster {
    /// What it was built into.
    output: PathBuf,
    /// The head that the network belongs to: the standby, where there is one, since the other must be able to end.
    lab: Lab,
    /// The first of two.
    first: Option<Lab>,
    head: Existing,
    board: &'static Board,
    options: Options,
    /// Nodes that were switched on, by name.
    nodes: BTreeMap<String, Running>,
    /// The number of network ports in use.
    ports: usize,
    /// Whether nodes can have their files of the site.
    site: bool,
}

/// A node that was switched on.
#[derive(Debug)]
struct Running {
    console: Follow,
    probe: Option<Probe>,
    on: bool,
}

/// Whether a head with an NFS root, and nodes of an architecture, could be started here.
///
/// # Errors
/// There is no machine for the architecture, or something lacks: the error names the packages.
pub fn check(architecture: &str) -> Result<(), Error> {
    let unknown = || LabError::Refused(format!("there is no machine for nodes of {architecture}"));
    let board = machine::board(architecture).ok_or_else(unknown)?;
    let mut needs = board.needs(&Options::default());
    needs.extend(services::ALL_NEED);
    needs.extend(services::NFS_NEEDS);
    Ok(lab::check(&needs)?)
}

/// Whether KVM is worth a try for nodes of an architecture: [`kvm_works`] tries it with an output's own kernel.
#[must_use]
pub fn may_have_kvm(architecture: &str) -> bool {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    machine::board(architecture).is_some_and(|board| board.may_have_kvm(&cpuinfo))
}

/// Reads the head's files of an output, as [`Existing::read`] takes them.
///
/// # Errors
/// There are none, or one cannot be read.
pub fn read_head(output: &Path) -> Result<Existing, Error> {
    read(output, Role::Head)
}

fn read(output: &Path, role: Role) -> Result<Existing, Error> {
    let head = output.join(role.directory());
    let missing = |what: &str| Error::NoHead { path: output.to_owned(), reason: what.to_owned() };
    if !head.is_dir() {
        return Err(missing(match role {
            Role::Head => "it has no `head/`; name the output of a recipe with `[head]`",
            Role::Standby => "it has no `standby/`; name the output of a recipe with `[head.standby]`",
        }));
    }
    let files = lab::texts(&head, TEXT_MAX).map_err(|source| Error::Read { path: head.clone(), source })?;
    let existing = Existing::read(&files);
    if existing.machines.is_empty() {
        return Err(missing(
            "its `head/` has no table of nodes; build a recipe with `[[node]]` and a `[head]` whose `dhcp` is `full`",
        ));
    }
    if existing.address.is_none() || existing.interface.is_none() || existing.prefix.is_none() {
        return Err(missing("its `head/etc/dnsmasq.d` does not say where the head is"));
    }
    Ok(existing)
}

/// The node of that name or alias.
///
/// # Errors
/// There is none.
pub fn find<'a>(head: &'a Existing, name: &str) -> Result<&'a Machine, Error> {
    let found = head.machines.iter().find(|machine| machine.names.iter().any(|own| own == name));
    found.ok_or_else(|| Error::NoNode { name: name.to_owned(), known: names(head) })
}

/// The name that was probably meant.
fn meant(name: &str, known: &[String]) -> String {
    let meant = nearest(name, known.iter().map(String::as_str));
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// The nodes' names, in the order of the table.
#[must_use]
pub fn names(head: &Existing) -> Vec<String> {
    head.machines.iter().filter_map(|machine| machine.names.first().cloned()).collect()
}

/// The kernel argument that a node lacks to say on its serial line what it does; `None`: it has it.
///
/// # Errors
/// As [`Cluster::start`], for an output whose nodes no machine can be.
pub fn lacks_console(output: &Path, machine: &Machine) -> Result<Option<&'static str>, Error> {
    let console = board(output)?.console;
    Ok((!machine.arguments.iter().any(|argument| argument.starts_with(console))).then_some(console))
}

/// Whether an image of an output has a systemd unit, which nodes can be waited for to reach. Those that systemd makes of
/// something else while it runs, such as mounts, are taken as they are.
///
/// # Errors
/// No image has it, nor the template that it would be an instance of.
pub fn check_unit(output: &Path, unit: &str) -> Result<(), Error> {
    let images = manifest(output)?.images;
    let all = std::iter::once("tree.txt".to_owned()).chain(images.keys().map(|image| format!("{image}/tree.txt")));
    let trees: Vec<String> = all.filter_map(|path| text(output, &path)).collect();
    let names: BTreeSet<&str> = trees.iter().flat_map(|tree| tree.lines()).filter_map(unit_of).collect();
    let Some((name, kind)) = unit.rsplit_once('.') else { return Ok(()) };
    let template = name.split_once('@').map(|(before, _)| format!("{before}@.{kind}"));
    let is_there = names.contains(unit)
        || template.is_some_and(|template| names.contains(template.as_str()))
        // systemd-sysv-generator(8)
        || (kind == "service" && names.contains(name));
    if is_there || !UNITS_OF_FILES.contains(&kind) {
        return Ok(());
    }
    let meant = nearest(unit, names).map(str::to_owned);
    Err(Error::NoUnit { unit: unit.to_owned(), meant })
}

/// The kinds of units that are there only as files (systemd.unit(5)).
const UNITS_OF_FILES: [&str; 5] = ["path", "service", "socket", "target", "timer"];

/// Where they lie; suites before bookworm have the second as well.
const UNIT_DIRECTORIES: [&str; 4] =
    ["/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system", "/etc/init.d"];

/// The unit, or the init script, that a line of a tree's text is about.
fn unit_of(line: &str) -> Option<&str> {
    let (directory, name) = line.rsplit(' ').next()?.rsplit_once('/')?;
    UNIT_DIRECTORIES.contains(&directory).then_some(name)
}

/// Of all that an output's manifest says.
#[derive(Deserialize)]
struct Manifest {
    architecture: String,
    #[serde(default)]
    images: BTreeMap<String, serde_json::Value>,
}

fn manifest(output: &Path) -> Result<Manifest, Error> {
    let reason = "its `manifest.json` does not say the nodes' architecture".to_owned();
    let refused = Error::NoHead { path: output.to_owned(), reason };
    serde_json::from_str(&text(output, "manifest.json").unwrap_or_default()).map_err(|_| refused)
}

/// What an output's nodes are, by the architecture in its manifest.
fn board(output: &Path) -> Result<&'static Board, Error> {
    let refused = |reason: String| Error::NoHead { path: output.to_owned(), reason };
    let manifest = manifest(output)?;
    let known = || machine::architectures().join(", ");
    let unknown =
        || refused(format!("its nodes are {}, and there are machines for {}", manifest.architecture, known()));
    machine::board(&manifest.architecture).ok_or_else(unknown)
}

/// Whether nodes can run on the processor itself: not whether KVM is there, but whether this output's kernel reaches
/// its initramfs under it.
///
/// # Errors
/// The directory for the trial cannot be made, nodes are no machines that there are, or somebody wanted it to end.
pub fn kvm_works(output: &Path, place: &Path, cancel: &Cancel) -> Result<bool, Error> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !board(output)?.may_have_kvm(&cpuinfo) {
        return Ok(false);
    }
    fs::create_dir_all(place).map_err(|source| Error::Read { path: place.to_owned(), source })?;
    let images = manifest(output)?.images;
    // Of several images the first one's does as well.
    let boot = images.keys().next().map_or_else(|| output.to_owned(), |image| output.join(image)).join("boot");
    let words = machine::trial(&boot);
    let works = lab::says(&words, &place.join("kvm.out"), machine::TRIAL_SAYS, Duration::from_secs(30), cancel);
    cancel.check().map_err(LabError::from)?;
    Ok(works)
}

impl Cluster {
    /// Starts the head of an output in a directory of its own, where logs appear in `log/` and stay; with
    /// [`Options::standby`] those are the standby's, and the first head's are in `first/log/`.
    ///
    /// # Errors
    /// Something is not installed, not allowed, or not in the output; the error says what.
    pub fn start(output: &Path, place: &Path, options: &Options) -> Result<Self, Error> {
        let head = read_head(output)?;
        let board = board(output)?;
        lab::check(&board.needs(options))?;
        let (lab, first) = if options.standby {
            if !lab::is_root()? {
                return Err(LabError::Refused("two heads on one network are for root".to_owned()).into());
            }
            let standby = read(output, Role::Standby)?;
            let mut lab = start_head(output, place, &standby, Role::Standby, options, None)?;
            let mut first = start_head(output, &place.join("first"), &head, Role::Head, options, Some(&lab))?;
            // In this order: who has the address keeps it.
            services::keepalived(&mut first, &head, true)?;
            services::keepalived(&mut lab, &standby, false)?;
            (lab, Some(first))
        } else {
            (start_head(output, place, &head, Role::Head, options, None)?, None)
        };
        // By TLS it comes from who has the head's key, which is not in the output.
        let by_tls = output.join(Role::Head.directory()).join(SITE_BY_TLS).exists();
        let site = !by_tls && (head.exports.is_empty() || has_nfs(&head)?);
        let (output, options) = (output.to_owned(), options.clone());
        Ok(Self { output, lab, first, head, board, options, nodes: BTreeMap::new(), ports: 0, site })
    }

    /// Whether nodes can take what the head has for them while they run: files of `[[site]]`, and the names of all nodes.
    /// It comes by NFS, whose server only root can start, or by TLS, for which this head has no key; nodes boot without it,
    /// and so do not try (from systemd 256 on; older ones have a unit that fails).
    #[must_use]
    pub const fn has_site(&self) -> bool {
        self.site
    }

    /// Ends the first of two heads, as if its power had failed.
    ///
    /// # Errors
    /// The other one has ended.
    pub fn kill_head(&mut self) -> Result<(), Error> {
        let first = self.first.take();
        Ok(first.map_or(Ok(()), |first| self.lab.kill(first))?)
    }

    /// Where the head's and the nodes' logs lie.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.lab.directory().join("log")
    }

    /// The head, as its files say.
    #[must_use]
    pub const fn head(&self) -> &Existing {
        &self.head
    }

    /// Where a directory of the head's disks lies on this machine.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.lab.directory().join("disk")
    }

    /// Switches a node on.
    ///
    /// # Errors
    /// There is no such node, it is one of a VLAN, which this network has not, or QEMU does not start.
    pub fn power_on(&mut self, name: &str) -> Result<(), Error> {
        let options = self.options.clone();
        self.power_on_as(name, &options)
    }

    /// Switches a node on that is another machine than the others.
    ///
    /// # Errors
    /// As [`Self::power_on`], or its firmware is not installed.
    pub fn power_on_as(&mut self, name: &str, options: &Options) -> Result<(), Error> {
        let machine = find(&self.head, name)?.clone();
        self.power_on_machine(&machine, options)
    }

    /// Switches on a machine that this head's bundle need not know: one of another recipe that was published there.
    ///
    /// # Errors
    /// It has no name, or as [`Self::power_on_as`].
    pub fn power_on_machine(&mut self, machine: &Machine, options: &Options) -> Result<(), Error> {
        lab::check(&self.board.needs(options))?;
        if let Some(vlan) = machine.arguments.iter().find_map(|argument| argument.strip_prefix(head::VLAN)) {
            let reason = format!(
                "the network here has no VLANs, and these nodes boot by one (`{vlan}`); build the recipe with \
                 `interface` a card or a bond to try it"
            );
            return Err(LabError::Refused(reason).into());
        }
        let nobody = || Error::NoNode { name: machine.mac.clone(), known: names(&self.head) };
        let name = machine.names.first().ok_or_else(nobody)?.clone();
        let tap = format!("tap{}", self.ports);
        self.ports += 1;
        let (console, probe) = (format!("log/console-{name}"), format!("{name}.probe"));
        let stick = options.stick.then(|| services::stick(&self.output, machine)).transpose()?;
        let places = machine::Places {
            tap: &tap,
            console: &format!("/lab/{console}"),
            probe: &format!("/lab/{probe}"),
            stick: stick.as_deref(),
        };
        let words = self.board.command(options, machine, &places, self.site);
        let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
        self.lab
            .step(&format!("start node `{name}`"), &format!("machine {} {tap} {}", quote(&name), line.join(" ")))?;
        let mut running = Running { console: Follow::new(self.lab.directory().join(console)), probe: None, on: true };
        if options.probe {
            let path = self.lab.directory().join(probe);
            let connected = lab::patiently(Duration::from_secs(30), &options.cancel, || Probe::connect(&path));
            let failed = |source| Error::Ask { node: name.clone(), command: "its serial line".to_owned(), source };
            running.probe = Some(connected.map_err(failed)?);
        }
        self.nodes.insert(name, running);
        Ok(())
    }

    /// What the nodes have said on their consoles since this was asked last: node and line.
    pub fn lines(&mut self) -> Vec<(String, String)> {
        let mut said = Vec::new();
        for (name, node) in &mut self.nodes {
            said.extend(node.console.lines().into_iter().map(|line| (name.clone(), line)));
        }
        said
    }

    /// What ended since this was asked last: nodes that are off, and services of the head's that should not have.
    pub fn ended(&mut self) -> Vec<String> {
        let ended = self.lab.ended();
        for name in &ended {
            if let Some(node) = self.nodes.get_mut(name) {
                node.on = false;
            }
        }
        ended
    }

    /// Whether the head is up and one of the nodes that were switched on still is.
    pub fn is_up(&mut self) -> bool {
        self.lab.is_up() && self.nodes.values().any(|node| node.on)
    }

    /// Waits until a node can be asked.
    ///
    /// # Errors
    /// It cannot in time.
    pub fn wait(&mut self, node: &str, patience: Duration) -> Result<(), Error> {
        let command = "a first question".to_owned();
        let probe = self.probe(node, &command)?;
        probe.wait(patience).map_err(|source| Error::Ask { node: node.to_owned(), command, source })
    }

    /// Whether a unit of a node's is active by now; a node that does not answer at once has not got there.
    ///
    /// # Errors
    /// The node was not switched on with [`Options::probe`], or is off.
    pub fn has_reached(&mut self, node: &str, unit: &str) -> Result<bool, Error> {
        let command = format!("systemctl is-active --quiet {}", quote(unit));
        let late = |error: &io::Error| matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
        match self.probe(node, &command)?.ask_when_ready(&command, AT_ONCE) {
            Ok(answer) => Ok(answer.status == 0),
            Err(error) if late(&error) => Ok(false),
            Err(source) => Err(Error::Ask { node: node.to_owned(), command, source }),
        }
    }

    /// Runs a line of shell on a node, as root.
    ///
    /// # Errors
    /// The node was not switched on with [`Options::probe`], or does not answer in time.
    pub fn ask(&mut self, node: &str, command: &str, patience: Duration) -> Result<Answer, Error> {
        let probe = self.probe(node, command)?;
        let failed = |source| Error::Ask { node: node.to_owned(), command: command.to_owned(), source };
        probe.ask(command, patience).map_err(failed)
    }

    /// Does one line of shell on the head.
    ///
    /// # Errors
    /// It failed; the head has ended then.
    pub fn on_head(&mut self, line: &str) -> Result<(), Error> {
        Ok(self.lab.step("do what was asked", line)?)
    }

    fn probe(&mut self, node: &str, command: &str) -> Result<&mut Probe, Error> {
        let probe = self.nodes.get_mut(node).and_then(|node| node.probe.as_mut());
        let off = || io::Error::new(io::ErrorKind::NotConnected, "it was not switched on to be asked");
        probe.ok_or_else(|| Error::Ask { node: node.to_owned(), command: command.to_owned(), source: off() })
    }
}

/// Starts a head with its services, and puts in place what nodes fetch from it.
fn start_head(
    output: &Path,
    place: &Path,
    head: &Existing,
    role: Role,
    options: &Options,
    joins: Option<&Lab>,
) -> Result<Lab, Error> {
    let wanted = wanted(head);
    let nfs = has_nfs(head)?;
    let bundle = services::Bundle { output, role, head, nfs, answers: !options.stick };
    // Seen: in a user namespace the server starts, and every mount of a node's fails.
    if wanted.iter().any(services::Wanted::is_by_nfs) && !lab::is_root()? {
        let reason = "nfs-ganesha opens files by their handles, and only root may; run this as root, or give all \
                      nodes `root = \"ram\"`";
        return Err(LabError::Refused(reason.to_owned()).into());
    }
    lab::check(&bundle.needs(options.standby))?;
    if options.capture {
        lab::check(&[services::CAPTURES])?;
    }
    // An image lies beside its mount point, and a root that is published is made beside the others.
    let above = |directory: &str| {
        // What is each node's own lies with the roots: who publishes makes links between.
        let own = ["/state/", "/site/"].iter().find_map(|of| directory.rsplit_once(of).map(|(above, _)| above));
        own.or_else(|| directory.strip_suffix("/gen")).unwrap_or(directory).to_owned()
    };
    let disk = |export: &String| {
        let image = head.fsids.contains_key(export).then(|| export.rsplit_once('/')).flatten();
        image.map_or_else(|| above(export), |(beside, _)| beside.to_owned())
    };
    let web = bundle.served().into_iter().map(|(_, directory)| above(&directory));
    let disks: Vec<String> = head.exports.keys().map(disk).chain(web).collect();
    let disks: Vec<String> = outermost(&disks);
    let (address, prefix) = (head.address.expect("it was read"), head.prefix.expect("it was read"));
    // Alone it has the address that nodes know; of two, keepalived says who has it.
    let address = head.own_address.filter(|_| options.standby).unwrap_or(address);
    let interface = head.interface.as_deref().expect("it was read");
    let (bundle_name, cancel) = (role.directory(), options.cancel.clone());
    let setup = Setup { output, bundle: bundle_name, interface, joins, address, prefix, disks: &disks, cancel };
    let mut lab = Lab::start(place, &setup)?;
    // What is exported must be there; an image brings its own mount point.
    let own = head.exports.keys().filter(|export| !head.fsids.contains_key(*export));
    let own: Vec<String> = own.map(|export| quote(export)).collect();
    if !own.is_empty() {
        lab.step("make the directories that nodes mount", &format!("mkdir -p {}", own.join(" ")))?;
    }
    for wanted in &wanted {
        let line = bundle.put(wanted)?;
        lab.step(&format!("put {} in place", wanted.what()), &line)?;
    }
    // Of two heads the one that the network belongs to sees all of it.
    if options.capture && joins.is_none() {
        services::capture(&mut lab, interface)?;
    }
    bundle.start(&mut lab)?;
    Ok(lab)
}

/// What nodes take their roots from.
fn wanted(head: &Existing) -> BTreeSet<services::Wanted> {
    head.machines.iter().filter_map(services::wanted).collect()
}

/// Whether a head has an NFS server here: nodes in memory go on without what only root can serve them.
fn has_nfs(head: &Existing) -> Result<bool, Error> {
    let wants = || wanted(head).iter().any(services::Wanted::is_by_nfs);
    Ok(!head.exports.is_empty() && (lab::is_root()? || wants()))
}

/// Directories of which none lies in another.
fn outermost(directories: &[String]) -> Vec<String> {
    let inside = |directory: &String, other: &String| {
        directory.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let mut outer: Vec<String> = directories
        .iter()
        .filter(|directory| !directories.iter().any(|other| inside(directory, other)))
        .cloned()
        .collect();
    outer.sort();
    outer.dedup();
    outer
}

/// A text of the output's, when it is there.
fn text(output: &Path, path: &str) -> Option<String> {
    fs::read_to_string(output.join(path)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_machines_that_there_are() {
        let place = tempfile::tempdir().expect("the tests can write");
        let of = |manifest: &str| {
            fs::write(place.path().join("manifest.json"), manifest).expect("written");
            board(place.path()).map(|board| board.console).map_err(|error| error.to_string())
        };
        assert_eq!(of(r#"{"version":1,"architecture":"amd64"}"#), Ok("console=ttyS0"));
        assert_eq!(of(r#"{"version":1,"architecture":"arm64"}"#), Ok("console=ttyAMA0"));
        let error = of(r#"{"version":1,"architecture":"riscv64"}"#).expect_err("none is known");
        assert!(error.ends_with("its nodes are riscv64, and there are machines for amd64, i386, arm64"), "{error}");
        let error = of("{}").expect_err("it says nothing");
        assert!(error.ends_with("its `manifest.json` does not say the nodes' architecture"), "{error}");
    }
}
