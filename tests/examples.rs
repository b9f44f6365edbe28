//! The examples do what they say. `cargo test` builds them; `cargo test --test main` alone does not, and says so.

use std::path::Path;
use std::process::Command;

#[test]
#[expect(clippy::disallowed_methods, reason = "the programs are what is tested")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn examples_run() {
    let own = std::env::current_exe().expect("this program has a path");
    let examples = own.parent().and_then(Path::parent).expect("cargo's directories").join("examples");
    for (name, wanted) in [
        ("in_memory", "of 1 packages: "),
        ("squashfs", "5 paths: "),
        ("cancelled", "cancelled: nothing is left"),
        ("release", "signed by "),
    ] {
        let program = examples.join(name);
        if !program.exists() {
            eprintln!("skipped: example {name} (plain `cargo test` builds it)");
            continue;
        }
        let output = Command::new(&program).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains(wanted), "{name}: {said}{failed}");
    }
}
