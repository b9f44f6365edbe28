//! Imports run one way: a module may use only what lies below it (the table of `lib.rs`).
//!
//! Every file under `src/` must belong to a module of [`LAYERS`], so a new module cannot escape.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The modules, lowest first. Modules of one group do not use each other; a stage is a group of its own.
const LAYERS: &[&[&str]] = &[
    &["cancel", "digest", "limits"],
    &["budget"],
    &["format"],
    &["tree", "deb"],
    &["kernel"],
    &["recipe"],
    &["shell"],
    &["utilities"],
    &["host"],
    &["archive"],
    &["solve"],
    &["fetch"],
    &["unpack"],
    &["configure"],
    &["modules"],
    &["overlay"],
    &["initramfs"],
    &["head"],
    &["lint"],
    &["boot"],
    &["image"],
    &["manifest"],
    &["compare"],
    &["report"],
    &["error"],
    &["pipeline"],
    &["cli"],
];

/// Stages name what earlier stages hand on; these are the only other modules each may name.
const STAGE_INPUTS: &[(&str, &[&str])] = &[
    ("archive", &[]),
    ("solve", &["archive"]),
    ("fetch", &["archive"]),
    ("unpack", &["fetch"]),
    ("configure", &["unpack"]),
    ("modules", &[]),
    ("overlay", &["configure"]),
    ("initramfs", &[]),
    ("head", &[]),
    ("lint", &["configure"]),
    ("boot", &["head"]),
    ("image", &[]),
    ("manifest", &["unpack", "configure"]),
    ("compare", &["manifest"]),
    ("report", &["manifest", "compare"]),
];

/// Fixtures may use everything below the stages, and nothing but tests uses them.
const TESTING: &str = "testing";

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|group| group.contains(&module))
}

#[expect(clippy::disallowed_methods, reason = "what is found is sorted")]
pub(crate) fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files that hold nothing but tests: `#[cfg(test)] mod name;`.
pub(crate) fn test_files(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a source file is text");
        let directory = if file.ends_with("mod.rs") || file.ends_with("lib.rs") {
            file.parent().expect("below src").to_owned()
        } else {
            file.with_extension("")
        };
        for part in text.split("#[cfg(test)]\n").skip(1) {
            let part = part.strip_prefix("pub(crate) ").unwrap_or(part);
            let Some(part) = part.strip_prefix("mod ") else { continue };
            if let Some((name, _)) = part.split_once(";\n").filter(|(name, _)| !name.contains(' ')) {
                found.extend([directory.join(name).with_extension("rs"), directory.join(name).join("mod.rs")]);
            }
        }
    }
    found
}

/// The modules named after `crate::` in the lines of a file that are neither comments nor its unit tests.
fn uses(text: &str) -> Vec<(usize, String)> {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for part in line.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.push((number + 1, name));
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let mut faults = Vec::new();
    let tests = test_files(&files);
    for file in files {
        let relative = file.strip_prefix(&root).expect("listed below src");
        let first = relative.iter().next().expect("a file has a name").to_string_lossy().replace(".rs", "");
        if ["lib", "main", TESTING].contains(&first.as_str()) || tests.contains(&file) {
            continue;
        }
        let Some(own) = layer(&first) else {
            faults.push(format!("{}: module `{first}` is not in the table of layers", relative.display()));
            continue;
        };
        let inputs = STAGE_INPUTS.iter().find(|(stage, _)| *stage == first).map(|(_, inputs)| *inputs);
        let text = fs::read_to_string(&file).expect("a source file is text");
        for (line, used) in uses(&text) {
            let place = format!("{}:{line}", relative.display());
            match layer(&used) {
                _ if used == first => {}
                _ if used.is_empty() => {
                    faults.push(format!("{place}: write one import per line, `use crate::module::…`"));
                }
                None if used.starts_with(|c: char| c.is_ascii_uppercase()) => {}
                None => faults.push(format!("{place}: `{used}` is not in the table of layers")),
                Some(other) if other >= own => faults.push(format!("{place}: `{first}` must not use `{used}`")),
                Some(_) if stage(&used) && inputs.is_some_and(|inputs| !inputs.contains(&used.as_str())) => {
                    faults.push(format!("{place}: stage `{first}` must not use stage `{used}`"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn stage(module: &str) -> bool {
    STAGE_INPUTS.iter().any(|(stage, _)| *stage == module)
}

/// Every crate that is used has its line in doc/dependencies.md, and no other has.
#[test]
fn every_dependency_is_justified() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    let mut used: Vec<&str> = Vec::new();
    let mut listed = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            listed = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| listed) {
            used.push(name);
        }
    }
    used.retain(|name| *name != "imgbuild");
    let text = fs::read_to_string(root.join("doc/dependencies.md")).expect("it is there");
    let mut justified: Vec<&str> =
        text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
    // What the program uses and tests too is listed once.
    used.sort_unstable();
    used.dedup();
    justified.sort_unstable();
    assert_eq!(used, justified);
}

/// doc/dependencies.md says how many crates each set of features is.
#[test]
#[expect(clippy::disallowed_methods, reason = "cargo knows what is compiled")]
fn crates_are_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("doc/dependencies.md")).expect("it is there");
    let table = text.split("\n| features | crates |\n").nth(1).expect("the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let mut told = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let features = cells[0].split(':').next().expect("a cell").replace("none", "");
        let mut command = std::process::Command::new(env!("CARGO"));
        command.current_dir(root).args(["tree", "--offline", "--locked", "-e", "no-dev", "--prefix", "none"]);
        command.args(["--target", "x86_64-unknown-linux-gnu", "--no-default-features", "--features", &features]);
        let done = command.output().expect("cargo is there");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8(done.stdout).expect("a text");
        let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(" (").next()).collect();
        assert_eq!(crates.len().to_string(), cells[1], "{features}");
        told += 1;
    }
    assert_eq!(told, 8);
}

/// `unsafe` is denied for the whole crate, and let in again in one file alone.
#[test]
fn unsafe_code_is_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    assert!(manifest.contains("\nunsafe_code = \"deny\"\n"));
    let mut files = Vec::new();
    for directory in ["src", "tests", "benches", "fuzz/targets"] {
        sources(&root.join(directory), &mut files);
    }
    let lets_in = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a source file is text");
        ["expect(unsafe", "allow(unsafe"].iter().any(|attribute| text.contains(&format!("#[{attribute}_code")))
    };
    let found: Vec<PathBuf> = files.into_iter().filter(lets_in).collect();
    assert_eq!(found, [root.join("src/host/sandbox/confine.rs")]);
}
