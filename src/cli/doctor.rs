//! `imgbuild doctor`: whether the sandbox holds here.

use std::fmt::Write as _;

use super::print;
use super::words::Failure;

/// Tries each way out of the sandbox, and prints how it went.
#[cfg(feature = "sandbox")]
pub(super) fn run() -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|source| Failure::File {
        action: "find",
        path: "/proc/self/exe".into(),
        source,
    })?;
    let findings = crate::host::sandbox::Namespaces::new(program).examine().map_err(Failure::Sandbox)?;
    let mut text = String::new();
    for finding in &findings {
        let state = if finding.open.is_some() { "OPEN" } else { "held" };
        writeln!(text, "{state}  {}", finding.what).expect("writing to a String succeeds");
    }
    print(&text)?;
    let open = findings.into_iter().filter_map(|finding| Some(format!("{}: {}", finding.what, finding.open?)));
    let open: Vec<String> = open.collect();
    if open.is_empty() { Ok(()) } else { Err(Failure::Open(open)) }
}

/// There is none in this build of the program.
#[cfg(not(feature = "sandbox"))]
pub(super) fn run() -> Result<(), Failure> {
    Err(Failure::Usage("this build of the program has no sandbox".to_owned()))
}
