//! Scripts as they are: what the real dash and bash take (`-n`) and what this crate's reader takes, file by file.
//!
//! The files are those of this machine; `IMGBUILD_TEST_SCRIPTS_IN` names other directories, with `:` between, such as
//! unpacked packages.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::budget::Budget;
use imgbuild::shell::Dialect;
use imgbuild::shell::reader::Manner;
use imgbuild::shell::reader::Parser;
use imgbuild::shell::value::Table;

use crate::switched_on;

/// Where Debian has its scripts.
const PLACES: &str = "/usr/bin:/usr/sbin:/usr/lib:/usr/libexec:/usr/share:/etc:/var/lib/dpkg/info";

/// Scripts are read for so long only: nothing of a kilobyte or of a hundred takes a shell longer.
const SIZE_MAX: u64 = 1 << 20;

/// Whether all commands of a script are of the grammar.
fn ours(script: &[u8], dialect: Dialect) -> Result<(), String> {
    let manner = Manner { dialect, ..Manner::default() };
    let budget = Budget::default();
    let mut parser = Parser::new(script, 1, manner, &budget).map_err(|spent| spent.to_string())?;
    loop {
        match parser.next(&Table::default(), manner) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The same of the real shell, which executes nothing.
#[expect(clippy::disallowed_methods, reason = "the real shell is the oracle")]
fn theirs(path: &Path, program: &str) -> Result<(), String> {
    let mut command = Command::new("timeout");
    let output = command.args(["10", program, "-n"]).arg(path).env_clear().env("PATH", "/usr/bin:/bin").output();
    let output = output.expect("the shell is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Shell scripts below a directory, by their first line. A link is not followed, a file is named once.
#[expect(clippy::disallowed_methods, reason = "the order is that of the set")]
fn scripts(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => scripts(&path, found),
            Ok(metadata) if metadata.is_file() && metadata.len() <= SIZE_MAX && is_script(&path) => {
                found.insert(path);
            }
            _ => {}
        }
    }
}

fn is_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(64).read_to_end(&mut head));
    let Some(words) = read.ok().and_then(|_| head.strip_prefix(b"#!")) else { return false };
    let line = words.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let mut program = words.next().unwrap_or_default();
    if program.ends_with(b"/env") {
        program = words.next().unwrap_or_default();
    }
    let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    [&b"sh"[..], b"bash", b"dash"].contains(&name)
}

/// Every script is read by both grammars, whichever its first line names: more is seen so.
#[test]
#[expect(clippy::print_stderr, reason = "how many were read is what one runs it for")]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn scripts_are_taken_as_the_real_shells_take_them() {
    if !switched_on("IMGBUILD_TEST_PEERS", "scripts_are_taken_as_the_real_shells_take_them") {
        return;
    }
    let places = std::env::var_os("IMGBUILD_TEST_SCRIPTS_IN").unwrap_or_else(|| PLACES.into());
    let mut found = BTreeSet::new();
    for place in places.as_bytes().split(|&byte| byte == b':') {
        scripts(Path::new(std::ffi::OsStr::from_bytes(place)), &mut found);
    }
    let (mut different, mut taken, mut refused, mut gaps) = (Vec::new(), 0, 0, 0);
    for path in &found {
        let Ok(text) = std::fs::read(path) else { continue };
        for (dialect, program) in [(Dialect::Dash, "dash"), (Dialect::Bash, "bash")] {
            let (found, wanted) = (ours(&text, dialect), theirs(path, program));
            // A construct that is named is an answer, and a gap where it is met.
            if found.as_ref().is_err_and(|error| error.contains("is not followed")) {
                gaps += 1;
                continue;
            }
            *(if wanted.is_ok() { &mut taken } else { &mut refused }) += 1;
            if found.is_ok() != wanted.is_ok() {
                different.push(format!("{}: {program} {wanted:?}, ours {found:?}", path.display()));
            }
        }
    }
    let (count, otherwise) = (found.len(), different.len());
    eprintln!("{count} scripts: {taken} taken, {refused} refused, {gaps} with a gap, {otherwise} otherwise here");
    assert!(taken > 100, "not one in ten machines has so few scripts");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
