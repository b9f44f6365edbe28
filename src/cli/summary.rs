//! What a person is told when a build is done: which image it is, what is other than in the output before, and what
//! to do next.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use indicatif::HumanBytes;

use super::words::typed;
use crate::compare;
use crate::compare::PackageChange;
use crate::compare::Side;
use crate::digest::Sha256;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::pipeline::Built;
use crate::pipeline::MANIFEST;
use crate::pipeline::Output;
use crate::recipe::Recipe;

/// So many changed packages are named; `imgbuild compare` names all.
const CHANGES_TOLD: usize = 8;

/// The output that is about to be replaced, as far as its manifest tells.
pub(super) struct Before(Option<(Manifest, Side)>);

impl Before {
    /// What lies where the output will appear. That there is none, or none that can be read, is no error.
    pub(super) fn read(directory: &Path) -> Self {
        let manifest = Output::open(directory).ok().map(|output| output.manifest().clone());
        Self(manifest.map(|manifest| {
            let side = Side::of_manifest(&manifest);
            (manifest, side)
        }))
    }

    /// What is other now, in words.
    fn changes(&self, built: &Built) -> Option<String> {
        let (manifest, side) = self.0.as_ref()?;
        if manifest.tree == built.tree_digest {
            return Some(beside_the_root(&manifest.outputs, &built.outputs));
        }
        if !manifest.images.is_empty() || !built.images.is_empty() {
            let is_other = |(name, digest): &(&String, &Sha256)| manifest.images.get(*name) != Some(*digest);
            let others = built.images.iter().filter(is_other).map(|(name, _)| format!("image {name}"));
            let gone = manifest.images.keys().filter(|name| !built.images.contains_key(*name));
            let all: Vec<String> = others.chain(gone.map(|name| format!("-image {name}"))).collect();
            return Some(all.join(", "));
        }
        let compared = compare::compare(side, &Side::of_lock(&built.lock)).ok()?;
        if compared.packages.is_empty() {
            return Some("the same packages as before, another image".to_owned());
        }
        let told = compared.packages.iter().take(CHANGES_TOLD).map(told).collect::<Vec<_>>().join(", ");
        let more = compared.packages.len().saturating_sub(CHANGES_TOLD);
        Some(if more == 0 { told } else { format!("{told} and {more} more packages") })
    }
}

/// What is other where the root is the same: how many files, and where in the output they lie.
fn beside_the_root(before: &[OutputRecord], after: &[OutputRecord]) -> String {
    // What is about the others is named by no manifest, and among what was built.
    let is_other = |record: &&OutputRecord| ![MANIFEST, provenance::FILE].contains(&record.path());
    let changes = compare::changed_files(before, after.iter().filter(is_other));
    let places: BTreeSet<String> = changes
        .iter()
        .map(|change| change.path.split_once('/').map_or_else(|| change.path.clone(), |(place, _)| format!("{place}/")))
        .collect();
    let places: Vec<String> = places.into_iter().collect();
    match changes.len() {
        0 => "the same image as before".to_owned(),
        1 => format!("the same root; `{}` is another", changes[0].path),
        count => format!("the same root; {count} files beside it are others, in {}", places.join(", ")),
    }
}

/// A package that came, went, or has another version.
fn told(change: &PackageChange) -> String {
    match (&change.before, &change.after) {
        (None, Some(after)) => format!("+{} {after}", change.name),
        (Some(_), None) => format!("-{}", change.name),
        (before, after) => {
            let version = |version: &Option<String>| version.clone().unwrap_or_default();
            format!("{} {} → {}", change.name, version(before), version(after))
        }
    }
}

/// The last screen of a build.
pub(super) fn summary(directory: &Path, recipe: &Recipe, built: &Built, before: &Before, took: Duration) -> String {
    let bytes: u64 = built.outputs.iter().filter_map(|output| Some(output.content()?.1)).sum();
    let (packages, place) = (built.lock.all_packages().count(), directory.display());
    let (done, took) = (if built.kept { "kept" } else { "built" }, took.as_secs_f64());
    let mut text = format!("{done:8} {place}: {packages} packages, {} in {took:.1} s\n", HumanBytes(bytes));
    let mut line = |name: &str, words: &str| writeln!(text, "{name:8} {words}").expect("writing to a String succeeds");
    line("image", &built.tree_digest.to_string());
    for (name, digest) in &built.images {
        line("", &format!("{digest} {name}"));
    }
    if built.kept {
        line("changed", "nothing: `--check` reads it all, `--again` builds it all");
    } else if let Some(changes) = before.changes(built) {
        line("changed", &changes);
    }
    for (name, command) in next(directory, recipe.head.is_some()) {
        line(name, &command);
    }
    text
}

/// What to do with it, as it is typed in a shell.
fn next(directory: &Path, has_head: bool) -> Vec<(&'static str, String)> {
    let place = typed(directory);
    if has_head {
        return vec![
            ("next", format!("imgbuild boot {place}")),
            ("on head", format!("imgbuild publish {place} --to /")),
        ];
    }
    vec![("next", format!("imgbuild verify {place}"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_next_can_be_typed() {
        let told = |directory: &str, has_head| {
            let lines = next(Path::new(directory), has_head);
            lines.into_iter().map(|(_, command)| command).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(told("build/small", false), "imgbuild verify build/small");
        assert_eq!(told("build/a b", false), "imgbuild verify 'build/a b'");
        assert_eq!(told("$x", true), "imgbuild boot '$x'; imgbuild publish '$x' --to /");
    }

    #[test]
    fn what_is_other_beside_the_same_root() {
        let file = |path: &str, text: &str| OutputRecord::file(path, text.len() as u64, Sha256::of(text.as_bytes()));
        let before = [file("boot/initrd.img", "1"), file("head/etc/hosts", "1"), file("tree.txt", "1")];
        let after = |hosts| [file("boot/initrd.img", "2"), file("head/etc/hosts", hosts), file("tree.txt", "1")];
        let told = |after: &[OutputRecord]| beside_the_root(&before, &[after, &[file(MANIFEST, "m")]].concat());
        assert_eq!(told(&before), "the same image as before");
        assert_eq!(told(&after("1")), "the same root; `boot/initrd.img` is another");
        assert_eq!(told(&after("2")), "the same root; 2 files beside it are others, in boot/, head/");
    }

    #[test]
    fn changes_of_packages_in_words() {
        let change = |before: Option<&str>, after: Option<&str>| {
            let (name, architecture) = ("htop".to_owned(), "amd64".to_owned());
            let (before, after) = (before.map(str::to_owned), after.map(str::to_owned));
            told(&PackageChange { name, architecture, before, after, ..PackageChange::default() })
        };
        assert_eq!(change(None, Some("3.4")), "+htop 3.4");
        assert_eq!(change(Some("3.3"), None), "-htop");
        assert_eq!(change(Some("3.3"), Some("3.4")), "htop 3.3 → 3.4");
    }
}
