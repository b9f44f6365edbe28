//! Invariants under test: what following a script costs is what it was charged for. With a budget of so many steps and
//! bytes, no script takes longer than [`LONGEST`], or holds more memory than [`MOST`].
//!
//! An input is a script. Around it stand large variables, files, directories and links that lead back to themselves,
//! so that a few bytes can ask for much.
#![no_main]

use std::time::Duration;

use imgbuild::budget::Budget;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Shell;
use imgbuild::shell::system::System;
use imgbuild::tree::Tree;
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Steps of an input: a twentieth of what a package's scripts have.
const STEPS: u64 = 500_000;
/// Bytes that scripts may keep: an eighth.
const MEMORY_LIMIT: u64 = 32 << 20;
/// A twentieth of ten seconds, and as much again as the instrumented program is slower.
const LONGEST: Duration = Duration::from_secs(4);
/// What is kept, what tables and copies take beside it while a command runs, and the fixture.
const MOST: usize = 160 << 20;

const COMMANDS: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "chmod",
    "cmp",
    "comm",
    "cp",
    "cut",
    "date",
    "diff",
    "dirname",
    "env",
    "expr",
    "find",
    "fold",
    "grep",
    "head",
    "join",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mktemp",
    "mv",
    "nl",
    "od",
    "paste",
    "printf",
    "readlink",
    "rm",
    "sed",
    "seq",
    "sha256sum",
    "sort",
    "split",
    "stat",
    "tac",
    "tail",
    "tee",
    "touch",
    "tr",
    "uniq",
    "wc",
    "xargs",
];

/// `$b` has 64 KiB, `$B` a megabyte; so have the files of these names, `l` has 20,000 lines.
const BEFORE: &str = "cd /tmp; exec 2>/dev/null; b=$(cat b); B=$(cat B); b=$b B=$B\n";

fn world() -> System {
    let mut tree = Tree::new();
    tree.write("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n").expect("new");
    for command in COMMANDS {
        tree.write(format!("usr/bin/{command}"), 0o755, "").expect("new");
    }
    tree.write("tmp/b", 0o644, "ab".repeat(32 << 10)).expect("new");
    tree.write("tmp/B", 0o644, "a".repeat(1 << 20)).expect("new");
    tree.write("tmp/l", 0o644, "a b c\n".repeat(20_000)).expect("new");
    for number in 0..300 {
        tree.write(format!("tmp/many/{number}"), 0o644, "").expect("new");
    }
    for link in ["x", "y", "z"] {
        tree.symlink(format!("tmp/loops/{link}"), ".").expect("new");
    }
    machine(tree, "amd64", 1000)
}

/// Of this thread: what else the machine does is not the script's.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn follow(script: &[u8]) -> (Duration, u64) {
    let mut world = world();
    let mut limits = Limits::default();
    (limits.script_steps, limits.script_memory, limits.script_output) = (STEPS, MEMORY_LIMIT, 8 << 20);
    world.bounds = imgbuild::shell::system::Bounds::within(&limits);
    world.spend_from(Budget::new(&limits, || false));
    let start = processor_time();
    let whole = [BEFORE.as_bytes(), script].concat();
    let _ = Shell::new(&mut world, "sh", &[("PATH", "/usr/bin")]).run_script(&whole, &[], &[]);
    (processor_time().saturating_sub(start), world.budget.steps())
}

fuzz_target!(|script: &[u8]| {
    let before = PeakAlloc.current_usage();
    PeakAlloc.reset_peak_usage();
    let (took, steps) = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 20);
        let thread = thread.spawn_scoped(scope, || follow(script)).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert!(took < LONGEST, "{steps} steps took {took:?}");
    let most = PeakAlloc.peak_usage().saturating_sub(before);
    assert!(most < MOST, "{} MiB were held", most >> 20);
});
