//! Scripts from outside, and what becomes of each: for suites of other projects, which are no part of this one.
//!
//! `IMGBUILD_TEST_CASES` is a file of lines `{"id", "script", "files", "stdin"}`, whose texts are bytes written as Latin-1
//! characters. For each a line `{"id", "out", "status", "gaps", "panic", "stop"}` goes to `IMGBUILD_TEST_ANSWERS`, for
//! another program to compare with what the real tools say. `IMGBUILD_TEST_STATUS` is dpkg's list of packages of the
//! root where these were asked: tools of other releases say other things.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

/// Programs that scripts look for by name.
const PROGRAMS: [&str; 12] =
    ["mawk", "pwd", "printf", "echo", "cat", "ls", "rm", "sed", "sort", "test", "touch", "true"];

#[derive(Debug, serde::Deserialize)]
struct Case {
    id: String,
    script: String,
    files: BTreeMap<String, String>,
    stdin: String,
}

#[derive(Debug, serde::Serialize)]
struct Answer {
    id: String,
    out: String,
    status: i32,
    gaps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    panic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a byte as Latin-1")).collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn answer(case: &Case, status: &str) -> Answer {
    let mut tree = Tree::new();
    for directory in ["tmp", "work", "root", "etc", "dev", "usr/bin", "var/tmp", "var/lib/dpkg"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    tree.write("var/lib/dpkg/status", 0o644, status).expect("new");
    tree.write("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n").expect("new");
    tree.write("etc/group", 0o644, "root:x:0:\n").expect("new");
    for program in PROGRAMS {
        tree.write(format!("usr/bin/{program}"), 0o755, "").expect("new");
    }
    tree.symlink("usr/bin/awk", "mawk").expect("new");
    tree.symlink("bin", "usr/bin").expect("new");
    for (path, content) in &case.files {
        let path = [b"work/".as_slice(), &bytes(path)].concat();
        let parent = path.iter().rposition(|&byte| byte == b'/').unwrap_or(4);
        tree.make_directories(&path[..parent], 0o755).expect("in the work directory");
        tree.write(&path[..], 0o644, bytes(content)).expect("in a directory");
    }
    tree.write("tmp/.stdin", 0o644, bytes(&case.stdin)).expect("new");
    let mut world = machine(tree, "amd64", 1_795_869_296);
    let environment = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("HOME", "/root"), ("TMPDIR", "/tmp")];
    let script = [b"cd /work; exec </tmp/.stdin 2>/dev/null\n".as_slice(), &bytes(&case.script)].concat();
    world.tree().write("tmp/.script", 0o755, script.clone()).expect("new");
    let mut shell = Shell::new(&mut world, "/tmp/.script", &environment);
    let result = shell.run_script(&script, &[], &[]);
    let gaps = world.gaps.iter().map(|gap| format!("{}: {}", gap.command, gap.what)).collect();
    let (out, status, stop) = match result {
        Ok(outcome) => (text(&outcome.output), outcome.status, None),
        Err(limit) => (String::new(), -1, Some(format!("{limit:?}"))),
    };
    Answer { id: case.id.clone(), out, status, gaps, panic: None, stop }
}

#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its switches and says that it skips")]
fn answers_are_given() {
    let (Some(cases), Some(answers)) =
        (std::env::var_os("IMGBUILD_TEST_CASES"), std::env::var_os("IMGBUILD_TEST_ANSWERS"))
    else {
        eprintln!("skipped: answers_are_given (set IMGBUILD_TEST_CASES and IMGBUILD_TEST_ANSWERS to run it)");
        return;
    };
    let cases = std::fs::read_to_string(cases).expect("the cases are there");
    let status = std::env::var_os("IMGBUILD_TEST_STATUS");
    let status = status.map_or_else(String::new, |path| std::fs::read_to_string(path).expect("it is there"));
    let mut answers = std::fs::File::create(answers).expect("answers may be written");
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line).expect("a case");
        let answer = std::panic::catch_unwind(AssertUnwindSafe(|| answer(&case, &status))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            Answer {
                id: case.id.clone(),
                out: String::new(),
                status: -1,
                gaps: Vec::new(),
                panic: Some(words.unwrap_or_default()),
                stop: None,
            }
        });
        writeln!(answers, "{}", serde_json::to_string(&answer).expect("plain data")).expect("written");
    }
}

#[test]
fn a_case_is_followed() {
    let case = |script: &str| Case {
        id: "a".into(),
        script: script.into(),
        files: BTreeMap::from([("f".into(), "x\u{ff}\n".into())]),
        stdin: "in\n".into(),
    };
    let good = answer(&case("cat - f; exit 3"), "");
    assert_eq!((good.out.as_str(), good.status, good.gaps.len()), ("in\nx\u{ff}\n", 3, 0));
    assert_eq!(answer(&case("no-such-command"), "").gaps, ["no-such-command: unknown command"]);
}
