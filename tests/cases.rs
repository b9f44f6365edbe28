//! The table of SECURITY.md: every numbered case is in it, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Cases are numbered from 1.
const CASES: usize = 79;

/// The rows: number, attack, answer, tests.
fn rows(text: &str) -> Vec<[String; 4]> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split(" | ").map(str::trim).collect();
        let first = *cells.first()?;
        if !first.starts_with(|letter: char| letter.is_ascii_digit()) {
            return None;
        }
        let cells: [&str; 4] = cells.try_into().unwrap_or_else(|_| panic!("four cells are wanted: {line}"));
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
    assert_eq!(numbers, (1..=CASES).collect::<Vec<_>>(), "each once, in order");
    let mut missing = BTreeSet::new();
    for [number, attack, answer, tests] in &rows {
        assert!(attack.len() > 10 && !answer.is_empty(), "case {number} is described");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "case {number} has a test");
        for name in named {
            let (module, test) = name.rsplit_once("::").unwrap_or_else(|| panic!("case {number}: {name}"));
            let wanted = format!("fn {test}(");
            let is_there =
                |place: String| fs::read_to_string(root.join(place)).is_ok_and(|code| code.contains(&wanted));
            if !places(module).into_iter().any(is_there) {
                missing.insert(format!("case {number}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}
