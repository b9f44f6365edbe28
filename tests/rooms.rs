//! The three rooms that follow scripts, from inside: `shell`, `utilities`, `configure`. Their arrows are drawn from the
//! imports of every file: none runs up, and no circle is wider than a pair of files.
//!
//! An import of something that a `mod.rs` only hands on (`pub use`) is an arrow to the file that has it. What is
//! reached through a method of a type is no arrow: that the type is imported is one already.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::layers::sources;
use crate::layers::test_files;

const ROOMS: [&str; 3] = ["shell", "utilities", "configure"];

/// More lines than this hold two ideas.
const LINES: usize = 600;

/// Where each part stands; a part that is not named stands with the files of `configure`. The longest name counts.
const RANKS: [(&str, usize); 12] = [
    ("shell/", 0),
    ("utilities/", 1),
    ("configure/tools/", 2),
    ("configure/failures.rs", 3),
    // What the stage is asked for and what it answers.
    ("configure/mod.rs", 3),
    ("configure/packages/", 4),
    ("configure/generators/", 4),
    ("configure/", 5),
    ("configure/native.rs", 6),
    ("configure/sandbox.rs", 6),
    ("configure/foresee.rs", 7),
    ("configure/stage.rs", 7),
];

/// Programs and packages of Debian that are one package's own business.
const NAMES: [&str; 26] = [
    "apache2",
    "bacula",
    "bind9",
    "chrony",
    "corosync",
    "dovecot",
    "emacs",
    "exim4",
    "freeradius",
    "gio-",
    "glib-",
    "mandb",
    "mariadb",
    "munge",
    "mysql",
    "nginx",
    "openssh",
    "pacemaker",
    "perl",
    "postfix",
    "postgresql",
    "python3",
    "rabbitmq",
    "snakeoil",
    "ssh-keygen",
    "sshd",
];

/// Where such names still stand outside `packages/`, and in how many texts of the program at most: this is owed.
const OWED_NAMES: [(&str, usize); 1] = [
    // adduser asks for Perl's modules, and so does what stands for it.
    ("configure/tools/accounts/", 3),
];

/// The code of a file: without comments, unit tests, and the places in `pub(in …)`.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = code.lines().map(|line| match line.find("//") {
        Some(start) if !line[..start].contains('"') => &line[..start],
        _ => line,
    });
    let mut out = String::new();
    for line in lines {
        let mut parts = line.split("pub(in ");
        out.push_str(parts.next().unwrap_or_default());
        parts.for_each(|part| out.extend(["pub(in)", part.split_once(')').map_or("", |(_, rest)| rest)]));
        out.push('\n');
    }
    out
}

struct House {
    /// File → code.
    files: BTreeMap<String, String>,
    /// Module → its file.
    modules: BTreeMap<Vec<String>, String>,
    /// Module and name → the path that it hands on under this name.
    handed_on: BTreeMap<(Vec<String>, String), String>,
}

fn module_of(file: &str) -> Vec<String> {
    let mut names: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// `pub use path;` → path.
fn handing_on(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = if rest.starts_with('(') { &rest[rest.find(')')? + 1..] } else { rest };
    rest.strip_prefix(" use ")?.strip_suffix(';')
}

/// The paths of two names and more that a piece of code has.
fn paths(code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c| !is_name(c)).map(|word| word.trim_matches(':'));
    words.filter(|word| word.contains("::") && !word.starts_with("std::")).map(str::to_owned).collect()
}

impl House {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        ROOMS.iter().for_each(|room| sources(&root.join(room), &mut found));
        found.sort();
        let tests = test_files(&found);
        let mut house = Self { files: BTreeMap::new(), modules: BTreeMap::new(), handed_on: BTreeMap::new() };
        for path in found.iter().filter(|path| !tests.contains(*path)) {
            let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
            let code = code(&fs::read_to_string(path).expect("a source file is text"));
            let module = module_of(&name);
            for path in code.lines().filter_map(handing_on) {
                let last = path.rsplit("::").next().unwrap_or(path);
                house.handed_on.insert((module.clone(), last.to_owned()), path.to_owned());
            }
            house.modules.insert(module, name.clone());
            house.files.insert(name, code);
        }
        house
    }

    /// The file in which that lies which a module names by a path; `None` when it is in no room.
    fn file_of(&self, module: &[String], path: &str, depth: u32) -> Option<&str> {
        let mut names = path.split("::").map(str::to_owned).peekable();
        let mut place = module.to_vec();
        match names.peek().map(String::as_str) {
            Some("crate") => place = names.by_ref().skip(1).collect(),
            Some("self") => drop(names.next()),
            _ => {
                while names.next_if(|name| name == "super").is_some() {
                    place.pop();
                }
            }
        }
        place.extend(names);
        for length in (1..=place.len()).rev() {
            let Some(file) = self.modules.get(&place[..length]) else { continue };
            let handed = place.get(length).and_then(|name| {
                let key = (place[..length].to_vec(), name.clone());
                self.handed_on.get(&key).filter(|_| depth < 4)
            });
            return handed.and_then(|path| self.file_of(&place[..length], path, depth + 1)).or(Some(file));
        }
        None
    }

    /// File → the files that it uses.
    fn arrows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut arrows = BTreeMap::new();
        for (file, code) in &self.files {
            let module = module_of(file);
            let own: String = code.lines().filter(|line| handing_on(line).is_none()).collect::<Vec<_>>().join("\n");
            let mut uses = BTreeSet::new();
            for path in paths(&own) {
                let first = path.split("::").next().unwrap_or_default();
                let mut child = module.clone();
                child.push(first.to_owned());
                // A path that begins with another name is a type's, or a module's that is imported.
                if matches!(first, "crate" | "self" | "super") || self.modules.contains_key(&child) {
                    uses.extend(self.file_of(&module, &path, 0).filter(|used| used != file));
                }
            }
            arrows.insert(file.as_str(), uses);
        }
        arrows
    }
}

fn rank(file: &str) -> usize {
    let names = RANKS.iter().filter(|(name, _)| file.starts_with(name));
    names.max_by_key(|(name, _)| name.len()).expect("every file is in a room").1
}

/// All that can be reached from a file.
fn reached<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for used in arrows.get(file).into_iter().flatten() {
            if found.insert(*used) {
                open.push(used);
            }
        }
    }
    found
}

#[test]
fn no_arrow_runs_up() {
    let house = House::new();
    let mut faults = Vec::new();
    let arrows = house.arrows();
    assert!(arrows["shell/execute.rs"].contains("shell/ast.rs"), "arrows are found");
    assert!(arrows["utilities/expr.rs"].contains("utilities/call.rs"), "through what is handed on");
    for (file, uses) in arrows {
        let up = |used: &&&str| rank(used) > rank(file);
        faults.extend(uses.iter().filter(up).map(|used| format!("{file} → {used}")));
    }
    assert!(faults.is_empty(), "these run up:\n{}", faults.join("\n"));
}

#[test]
fn no_circle_is_wider_than_a_pair() {
    let house = House::new();
    let arrows = house.arrows();
    let reach: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reached(&arrows, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, found) in &reach {
        let circle: BTreeSet<&str> = found.iter().copied().filter(|other| reach[other].contains(file)).collect();
        if circle.len() > 2 {
            circles.insert(circle);
        }
    }
    assert!(circles.is_empty(), "circles of files: {circles:#?}");
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    ROOMS.iter().for_each(|room| sources(&root.join(room), &mut found));
    let lines = |path: &Path| fs::read_to_string(path).expect("a source file is text").lines().count();
    found.retain(|path| lines(path) > LINES);
    assert!(found.is_empty(), "above {LINES} lines: {found:#?}");
}

/// The texts between quotes.
fn texts(code: &str) -> Vec<&str> {
    code.lines().flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

#[test]
fn only_one_room_knows_a_package_by_name() {
    let house = House::new();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, code) in &house.files {
        let owed = OWED_NAMES.iter().find(|(owed, _)| file.starts_with(owed)).map_or(file.as_str(), |(owed, _)| owed);
        let begins = |text: &str, at: usize| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let has = |text: &str, name: &str| text.match_indices(name).any(|(at, _)| begins(text, at));
        let named = |text: &&str| NAMES.iter().any(|name| has(text, name));
        if !file.starts_with("configure/packages/") {
            *found.entry(owed).or_default() += texts(code).into_iter().filter(named).count();
        }
    }
    let most = |file: &str| OWED_NAMES.iter().find(|(owed, _)| *owed == file).map_or(0, |(_, most)| *most);
    found.retain(|file, count| *count > most(file));
    assert!(found.is_empty(), "texts that name a package outside of packages/: {found:#?}");
}

/// What is known of single packages is counted: one file for each, and one table that lists them.
#[test]
#[expect(clippy::print_stderr, reason = "the count is what one looks for")]
fn every_package_has_a_file_and_a_line() {
    let house = House::new();
    let named =
        |code: &str| code.split_once("Package::of(\"").and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned()));
    let room = house.files.iter().filter(|(file, _)| file.starts_with("configure/packages/"));
    let sources: Vec<String> = room.clone().filter_map(|(_, code)| named(code)).collect();
    let once: BTreeSet<&String> = sources.iter().collect();
    assert_eq!(once.len(), sources.len(), "one file for each");
    let lines = house.files["configure/packages/mod.rs"].matches("::PACKAGE,").count();
    assert_eq!(lines, sources.len(), "each file is in the table");
    let total: usize = room.map(|(_, code)| code.lines().count()).sum();
    eprintln!("{lines} source packages are known by name, in {total} lines of code");
}
