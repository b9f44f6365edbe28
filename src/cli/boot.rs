//! `imgbuild boot`: an output's head and nodes on this machine, with their consoles.

use std::thread;
use std::time::Duration;

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

/// Starts them, and shows what they say until all are off or a signal comes.
pub(super) fn run(arguments: &Boot, signals: &Signals) -> Result<(), Failure> {
    let firmware = if arguments.uefi { Firmware::Uefi } else { Firmware::Bios };
    let mut options = Options { memory: arguments.memory, firmware, capture: arguments.capture, ..Options::default() };
    options.cancel = signals.cancel();
    // What it runs as root is what the manifest says, or nothing.
    Output::verified(&arguments.directory, &[], &options.cancel)?;
    let head = boot::read_head(&arguments.directory)?;
    let mut nodes = arguments.node.clone();
    if nodes.is_empty() {
        nodes.extend(boot::names(&head).into_iter().take(1));
    }
    let place = arguments.logs.clone().unwrap_or_else(|| {
        let mut name = arguments.directory.file_name().unwrap_or_default().to_owned();
        name.push(".boot");
        arguments.directory.with_file_name(name)
    });
    for name in &nodes {
        if let Some(console) = boot::lacks_console(&arguments.directory, boot::find(&head, name)?)? {
            print(&format!("head: {name} will be silent: give it the kernel argument `{console}` in the recipe\n"))?;
        }
    }
    if options.firmware == Firmware::Bios && boot::kvm_works(&arguments.directory, &place, &options.cancel)? {
        options.accelerator = Accelerator::Kvm;
    }
    print("head: starting; the nodes' root is put in place\n")?;
    let mut cluster = Cluster::start(&arguments.directory, &place, &options)?;
    print(&format!("head: up; logs are in {}\n", cluster.logs().display()))?;
    for name in &nodes {
        cluster.power_on(name)?;
        print(&format!("head: {name} is switched on\n"))?;
    }
    watch(&mut cluster, signals)?;
    print(&format!("head: off; logs are in {}\n", cluster.logs().display()))
}

fn watch(cluster: &mut Cluster, signals: &Signals) -> Result<(), Failure> {
    loop {
        // Asked first: what was said before the end is still shown.
        let goes_on = cluster.is_up() && signals.number() == 0;
        for (node, line) in cluster.lines() {
            print(&format!("{node}: {line}\n"))?;
        }
        for name in cluster.ended() {
            print(&format!("head: {name} has ended\n"))?;
        }
        if !goes_on {
            return Ok(());
        }
        thread::sleep(TICK);
    }
}
