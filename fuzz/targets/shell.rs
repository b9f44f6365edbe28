//! Invariants under test: whatever stands in a script of dash or bash, following it ends within its limits, does the same twice, and
//! leaves a tree that can be written; a path of the tree is never outside it.
#![no_main]

use imgbuild::budget::Budget;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Dialect;
use imgbuild::shell::Outcome;
use imgbuild::shell::Run;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use imgbuild::tree::parse_dump;
use libfuzzer_sys::fuzz_target;

const COMMANDS: [&str; 16] = [
    "awk", "cat", "chmod", "cut", "expr", "find", "grep", "ln", "mkdir", "printf", "rm", "sed", "sort", "tr", "wc",
    "xargs",
];

fn follow(script: &[u8]) -> (Run<Outcome>, String) {
    let mut tree = Tree::new();
    tree.write("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n").expect("new");
    tree.make_directories("tmp", 0o1777).expect("new");
    for command in COMMANDS {
        tree.write(format!("usr/bin/{command}"), 0o755, "").expect("new");
    }
    let mut world = machine(tree, "amd64", 1000);
    (world.bounds.bytes, world.bounds.depth) = (1 << 20, 20);
    let mut limits = Limits::default();
    (limits.script_steps, limits.script_memory) = (20_000, 64 << 20);
    world.spend_from(Budget::new(&limits, || false));
    let dialect = if script.starts_with(b"#!/bin/bash") { Dialect::Bash } else { Dialect::Dash };
    let outcome = Shell::new(&mut world, "sh", &[("PATH", "/usr/bin")]).speak(dialect).run_script(script, &[], &[]);
    (outcome, dump(world.tree()))
}

/// On a stack as large as the one that scripts are really followed on.
fn on_a_thread(script: &[u8]) -> (Run<Outcome>, String) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, || follow(script));
        thread.expect("a thread").join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fuzz_target!(|input: &[u8]| {
    let first = on_a_thread(input);
    assert_eq!(first, on_a_thread(input));
    assert!(parse_dump(&first.1).is_ok(), "{}", first.1);
});
