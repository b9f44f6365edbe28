//! `imgbuild boot`: an output's head and nodes on this machine, with their consoles.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::args::Boot;
use super::print;
use super::signals::Signals;
use super::words::Failure;
use crate::boot;
use crate::boot::Accelerator;
use crate::boot::Cluster;
use crate::boot::Firmware;
use crate::boot::Options;
use crate::pipeline::Output;

/// How often the consoles are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How often nodes are asked how far they are.
const ASK: Duration = Duration::from_secs(1);

/// Starts them, and shows what they say until all are off, have got where they were to, or a signal comes.
pub(super) fn run(arguments: &Boot, signals: &Signals) -> Result<(), Failure> {
    let firmware = if arguments.uefi || arguments.stick { Firmware::Uefi } else { Firmware::Bios };
    let mut options = Options { memory: arguments.memory, firmware, capture: arguments.capture, ..Options::default() };
    options.stick = arguments.stick;
    (options.cancel, options.probe) = (signals.cancel(), arguments.until.is_some());
    // What it runs as root is what the manifest says, or nothing.
    Output::verified(&arguments.directory, &[], &options.cancel)?;
    let head = boot::read_head(&arguments.directory)?;
    arguments.until.iter().try_for_each(|unit| boot::check_unit(&arguments.directory, unit))?;
    let mut nodes = arguments.node.clone();
    if nodes.is_empty() {
        nodes.extend(boot::names(&head).into_iter().take(1));
    }
    let place = arguments.logs.clone().unwrap_or_else(|| {
        let mut name = arguments.directory.file_name().unwrap_or_default().to_owned();
        name.push(".boot");
        arguments.directory.with_file_name(name)
    });
    let mut goals = BTreeSet::new();
    for name in &nodes {
        let machine = boot::find(&head, name)?;
        goals.extend(machine.names.first().cloned());
        if let Some(console) = boot::lacks_console(&arguments.directory, machine)? {
            print(&format!("head: {name} will be silent: give it the kernel argument `{console}` in the recipe\n"))?;
        }
    }
    if options.firmware == Firmware::Bios && boot::kvm_works(&arguments.directory, &place, &options.cancel)? {
        options.accelerator = Accelerator::Kvm;
    }
    print("head: starting; the nodes' root is put in place\n")?;
    let mut cluster = Cluster::start(&arguments.directory, &place, &options)?;
    print(&format!("head: up; logs are in {}\n", cluster.logs().display()))?;
    if !cluster.has_site() {
        print(
            "head: without NFS, which takes root, or the key that TLS takes: nodes go without `[[site]]` and the names of \
             others\n",
        )?;
    }
    for name in &nodes {
        cluster.power_on(name)?;
        print(&format!("head: {name} is switched on\n"))?;
    }
    let goal = arguments.until.as_deref().map(|unit| Goal {
        unit,
        nodes: goals.clone(),
        left: goals,
        began: Instant::now(),
        asked: Instant::now(),
        patience: Duration::from_secs(arguments.timeout),
    });
    watch(&mut cluster, signals, goal)?;
    print(&format!("head: off; logs are in {}\n", cluster.logs().display()))
}

/// Where nodes are to get.
struct Goal<'a> {
    unit: &'a str,
    /// All that were switched on.
    nodes: BTreeSet<String>,
    /// Those that are not there yet.
    left: BTreeSet<String>,
    began: Instant,
    asked: Instant,
    patience: Duration,
}

impl Goal<'_> {
    /// Asks those that have not told that they are there, now and then; `true`: all are.
    fn is_reached(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        if self.asked.elapsed() < ASK {
            return Ok(false);
        }
        for name in self.left.clone() {
            if cluster.has_reached(&name, self.unit)? {
                let seconds = self.began.elapsed().as_secs();
                print(&format!("head: {name} has reached {} after {seconds} s\n", self.unit))?;
                self.left.remove(&name);
            }
        }
        self.asked = Instant::now();
        let late = self.left.first().filter(|_| self.began.elapsed() > self.patience);
        late.map_or(Ok(self.left.is_empty()), |name| Err(self.missed(name, "has taken longer than `--timeout`")))
    }

    /// Whether it can still be reached, when these nodes and services have ended. A node that is there already may go.
    fn check(&self, ended: &[String], logs: &Path) -> Result<(), Failure> {
        if let Some(name) = ended.iter().find(|name| self.left.contains(*name)) {
            return Err(self.missed(name, "went off"));
        }
        let service = ended.iter().find(|name| !self.nodes.contains(*name));
        let (Some(service), Some(node)) = (service, self.left.first()) else { return Ok(()) };
        let log = logs.join(format!("{service}.out"));
        let (service, node, unit) = (service.clone(), node.clone(), self.unit.to_owned());
        Err(boot::Error::HeadEnded { service, node, unit, log }.into())
    }

    fn missed(&self, node: &str, reason: &str) -> Failure {
        let (node, unit, reason) = (node.to_owned(), self.unit.to_owned(), reason.to_owned());
        boot::Error::NotReached { node, unit, reason }.into()
    }
}

fn watch(cluster: &mut Cluster, signals: &Signals, mut goal: Option<Goal<'_>>) -> Result<(), Failure> {
    loop {
        // Asked first: what was said before the end is still shown.
        let goes_on = cluster.is_up() && signals.number() == 0;
        for (node, line) in cluster.lines() {
            print(&format!("{node}: {line}\n"))?;
        }
        let ended = cluster.ended();
        for name in &ended {
            print(&format!("head: {name} has ended\n"))?;
        }
        if signals.number() != 0 {
            return Ok(());
        }
        if let Some(goal) = &mut goal {
            goal.check(&ended, &cluster.logs())?;
            if goal.is_reached(cluster)? {
                return Ok(());
            }
        }
        if !goes_on {
            let left = goal.as_ref().and_then(|goal| Some((goal, goal.left.first()?)));
            return left.map_or(Ok(()), |(goal, name)| Err(goal.missed(name, "lost its head")));
        }
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_reached_any_more_is_not_waited_for() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let mut goal = Goal {
            unit: "multi-user.target",
            nodes: names(&["dizzy", "tumbler"]),
            left: names(&["tumbler"]),
            began: Instant::now(),
            asked: Instant::now(),
            patience: Duration::from_secs(600),
        };
        let said = |goal: &Goal<'_>, ended: &[&str]| {
            let ended: Vec<String> = ended.iter().map(|name| (*name).to_owned()).collect();
            goal.check(&ended, Path::new("x.boot/log")).map_err(|failure| match failure {
                Failure::Library(error) => error.to_string(),
                other => format!("{other:?}"),
            })
        };
        assert_eq!(said(&goal, &[]), Ok(()));
        assert_eq!(said(&goal, &["dizzy"]), Ok(()), "it was there already");
        let off = "node `tumbler` went off before it reached `multi-user.target`";
        assert_eq!(said(&goal, &["tumbler", "nfs"]), Err(off.to_owned()));
        let ended = "the head's `nfs` has ended before `tumbler` reached `multi-user.target`: see `x.boot/log/nfs.out`";
        assert_eq!(said(&goal, &["nfs"]), Err(ended.to_owned()));
        goal.left.clear();
        assert_eq!(said(&goal, &["nfs"]), Ok(()), "nobody waits any more");
    }
}
