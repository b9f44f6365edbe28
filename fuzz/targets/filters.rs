//! Invariants under test: programs of sed, awk, grep and expr end within their limits and do the same twice; every line
//! matches a pattern or it does not; printing what was read is what was read.
//!
//! An input is a letter for the program to run, the program's text, a NUL, and the text that it works on.
#![no_main]

use imgbuild::budget::Budget;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Outcome;
use imgbuild::shell::Run;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;
use libfuzzer_sys::fuzz_target;

/// Follows a script beside the two texts.
fn follow(script: &str, program: &[u8], text: &[u8]) -> Run<Outcome> {
    let mut tree = Tree::new();
    for command in ["awk", "cat", "expr", "grep", "sed"] {
        tree.write(format!("usr/bin/{command}"), 0o755, "").expect("new");
    }
    tree.write("tmp/p", 0o644, program).expect("new");
    tree.write("tmp/t", 0o644, text).expect("new");
    let mut world = machine(tree, "amd64", 1000);
    (world.bounds.bytes, world.bounds.depth) = (1 << 20, 20);
    let mut limits = Limits::default();
    (limits.script_steps, limits.script_memory) = (20_000, 64 << 20);
    world.spend_from(Budget::new(&limits, || false));
    let script = format!("cd /tmp; p=$(cat p; echo .); p=${{p%.}}; exec 2>/dev/null\n{script}\n");
    Shell::new(&mut world, "sh", &[("PATH", "/usr/bin")]).run_script(script.as_bytes(), &[], &[])
}

/// On a stack as large as the one that scripts are really followed on.
fn on_a_thread(script: &str, program: &[u8], text: &[u8]) -> Run<Outcome> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        let thread = thread.spawn_scoped(scope, || follow(script, program, text)).expect("a thread");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A count that a script printed; `None` when the program was refused or met a limit.
fn number(run: Run<Outcome>) -> Option<usize> {
    let outcome = run.ok().filter(|outcome| outcome.status < 2)?;
    String::from_utf8(outcome.output).ok()?.trim().parse().ok()
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else { return };
    let mut parts = rest.splitn(2, |byte| *byte == 0);
    let (program, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let script = match kind % 6 {
        0 => "sed -e \"$p\" t",
        1 => "sed -n -E -e \"$p\" t",
        2 => "awk \"$p\" t",
        3 => "grep -e \"$p\" t",
        4 => "grep -E -e \"$p\" t",
        _ => "expr \"$(cat t)\" : \"$p\"",
    };
    assert_eq!(on_a_thread(script, program, text), on_a_thread(script, program, text));
    let count = |script: &str| number(on_a_thread(script, program, text));
    if matches!(kind % 6, 3 | 4) && !program.contains(&b'\n') {
        let flags = if kind % 6 == 4 { "-E" } else { "" };
        let (yes, no) =
            (count(&format!("grep {flags} -c -e \"$p\" t")), count(&format!("grep {flags} -vc -e \"$p\" t")));
        if let (Some(yes), Some(no)) = (yes, no) {
            // In a text that is none, a NUL ends a line as well.
            let is_binary = text.contains(&0);
            let lines = text.split_inclusive(|byte| *byte == b'\n' || (is_binary && *byte == 0)).count();
            assert_eq!(yes + no, lines, "every line is one or the other");
        }
    }
    // Whatever the text is, it comes through; sed gives a last line its newline back only where it had one.
    if kind % 6 == 0 && text.len() < 2000 {
        let copied = on_a_thread("sed -n p t", program, text).expect("printing is within the limits");
        assert_eq!(copied.output, text);
    }
});
