//! Two roots side by side: every path that differs stands in a list, with its reason.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use imgbuild::tree::parse_dump;

/// Lines `glob  reason`; in a glob `*` matches anything. A reason that starts with `order:` allows the same lines
/// in another order, and nothing more.
struct Allowed(Vec<Reason>);

struct Reason {
    glob: String,
    only_order: bool,
}

impl Allowed {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let parse = |line: &str| {
            let (glob, reason) = line.split_once("  ").unwrap_or_else(|| panic!("a reason is missing: {line}"));
            assert!(reason.trim().len() > 10, "a reason is a sentence: {line}");
            Reason { glob: glob.to_owned(), only_order: reason.trim().starts_with("order:") }
        };
        Self(lines.map(parse).collect())
    }

    fn position(&self, path: &str) -> Option<usize> {
        self.0.iter().position(|reason| fits(reason.glob.as_bytes(), path.as_bytes()))
    }
}

fn fits(glob: &[u8], text: &[u8]) -> bool {
    match glob {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
        [byte, rest @ ..] => text.first() == Some(byte) && fits(rest, &text[1..]),
    }
}

/// Path → what it is, without its time.
fn described(tree: &Tree) -> BTreeMap<String, String> {
    let entries = parse_dump(&dump(tree)).expect("our own text");
    let describe = |entry: imgbuild::tree::Entry| {
        let words = format!("{} {} {} {} {}", entry.kind, entry.mode, entry.owner, entry.what, entry.xattrs.join(" "));
        (entry.path, words)
    };
    entries.into_iter().map(describe).collect()
}

fn sorted_lines(tree: &Tree, path: &str) -> Vec<String> {
    let mut lines: Vec<String> = text(tree, path).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn is_reordered(ours: &Tree, theirs: &Tree, path: &str) -> bool {
    sorted_lines(ours, path) == sorted_lines(theirs, path)
}

/// Lines that only one of both has.
fn lines_apart(ours: &Tree, theirs: &Tree, path: &str) -> String {
    let (ours, theirs) = (sorted_lines(ours, path), sorted_lines(theirs, path));
    let mine = ours.iter().filter(|line| !theirs.contains(line)).map(|line| format!("    ours:   {line}\n"));
    let other = theirs.iter().filter(|line| !ours.contains(line)).map(|line| format!("    theirs: {line}\n"));
    mine.chain(other).take(40).collect()
}

/// Every difference stands in the list, and every line of the list is needed.
pub(crate) fn assert_only_allowed(ours: &Tree, theirs: &Tree, allowed: &str) {
    let allowed = Allowed::read(allowed);
    let (described_ours, described_theirs) = (described(ours), described(theirs));
    let mut used = vec![false; allowed.0.len()];
    let mut unexplained = Vec::new();
    let paths: BTreeSet<&String> = described_ours.keys().chain(described_theirs.keys()).collect();
    for path in paths {
        let (mine, other) = (described_ours.get(path), described_theirs.get(path));
        if mine == other {
            continue;
        }
        match allowed.position(path) {
            Some(position) if allowed.0[position].only_order && !is_reordered(ours, theirs, path) => {
                unexplained.push(format!("{path}: more than the order differs\n{}", lines_apart(ours, theirs, path)));
            }
            Some(position) => used[position] = true,
            None => unexplained.push(format!("{path}\n    ours:   {mine:?}\n    theirs: {other:?}")),
        }
    }
    let idle: Vec<&str> =
        allowed.0.iter().zip(used).filter(|(_, used)| !used).map(|(reason, _)| reason.glob.as_str()).collect();
    assert!(unexplained.is_empty(), "{} differences without a reason:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(idle.is_empty(), "reasons for what does not differ: {idle:?}");
}

/// A file of a tree as text; empty when it is not there.
pub(crate) fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.read(path).expect("readable").unwrap_or_default()).expect("text")
}
