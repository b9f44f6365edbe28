//! The table of SECURITY.md: every numbered case is in it, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Cases are numbered from 1, without a gap up to here; later ones in blocks of ten.
const CASES: usize = 98;

/// What becomes of a build where there is nothing to refuse.
const OTHERWISE: [&str; 10] = [
    "accepted",
    "written",
    "no effect",
    "no error",
    "heals",
    "old output",
    "no output",
    "escaped",
    "named",
    "not published",
];

/// The rows: number, attack, answer, what becomes of a build, tests.
fn rows(text: &str) -> Vec<[String; 5]> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split(" | ").map(str::trim).collect();
        let first = *cells.first()?;
        if !first.starts_with(|letter: char| letter.is_ascii_digit()) {
            return None;
        }
        let cells: [&str; 5] = cells.try_into().unwrap_or_else(|_| panic!("five cells are wanted: {line}"));
        Some(cells.map(str::to_owned))
    };
    text.lines().filter_map(row).collect()
}

/// The files in which `a::b::test` may stand: of the tests, or beside the code.
fn places(module: &str) -> Vec<String> {
    let path = module.replace("::", "/");
    let code = path.strip_suffix("/tests").unwrap_or(&path);
    let of_code = ["", "/mod", "/tests"].map(|end| format!("src/{code}{end}.rs"));
    [vec![format!("tests/{path}.rs")], of_code.to_vec()].concat()
}

#[test]
fn every_case_has_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).expect("it is there");
    let rows = rows(&text);
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().expect("a number")).collect();
    assert_eq!(numbers[..CASES], (1..=CASES).collect::<Vec<_>>(), "each once, in order");
    assert!(numbers.is_sorted_by(|a, b| a < b), "each once, in order");
    let mut missing = BTreeSet::new();
    for [number, attack, answer, build, tests] in &rows {
        assert!(attack.len() > 10 && !answer.is_empty(), "case {number} is described");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "case {number} has a test");
        let mut is_refused = false;
        for name in named {
            let (module, test) = name.rsplit_once("::").unwrap_or_else(|| panic!("case {number}: {name}"));
            let code = places(module).into_iter().find_map(|place| {
                let code = fs::read_to_string(root.join(place)).ok()?;
                code.contains(&format!("fn {test}(")).then_some(code)
            });
            match code {
                Some(code) => is_refused |= refuses(&code, test, number),
                None => drop(missing.insert(format!("case {number}: {name}"))),
            }
        }
        assert!(build == "refused" || OTHERWISE.contains(&build.as_str()), "case {number}: `{build}` is no outcome");
        assert!(build != "refused" || is_refused, "case {number}: no test of it asserts class, code, output and store");
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// Whether this test asserts all four of a refused build, for an input that bears the number of the case.
fn refuses(code: &str, test: &str, number: &str) -> bool {
    let body = code.split_once(&format!("fn {test}(")).map_or("", |(_, rest)| rest);
    let body = body.split_once("\n}\n").map_or(body, |(body, _)| body);
    (body.contains("refused(") || body.contains("refused_by(")) && code.contains(&format!("\"{number} "))
}
