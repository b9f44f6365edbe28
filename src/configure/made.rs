//! What only programs of the packages make of files that are there (`packages::made`): whichever way packages are
//! configured, the image has none of it, and `/usr/lib/imgbuild/made` makes it on a node, once for each root.
//!
//! A package that the recipe itself runs in the sandbox has it in the image.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Error;
use super::Options;
use super::packages;
use super::packages::made::Made;
use crate::format::glob::Paths;
use crate::tree;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;

/// The program, with places for what an image has to make.
const PROGRAM: &str = include_str!("node/made");
const PROGRAM_PATH: &str = "usr/lib/imgbuild/made";
const UNIT: &str = include_str!("node/imgbuild-made.service");
const UNIT_NAME: &str = "imgbuild-made.service";

/// All that is known, by source package.
fn all() -> impl Iterator<Item = (&'static str, &'static Made)> {
    packages::ALL.iter().flat_map(|package| package.made.iter().map(|made| (package.source, made)))
}

/// Takes out of a configured tree what its nodes make, and puts there what makes it.
///
/// # Errors
/// The tree refuses an edit.
pub(super) fn leave_to_nodes(tree: &mut Tree, packages: &[Installed], options: &Options) -> Result<(), Error> {
    let is_left = |made: &Made| {
        packages.iter().any(|package| package.name == made.package) && !options.packages.contains_key(made.package)
    };
    let left: Vec<&Made> = all().map(|(_, made)| made).filter(|made| is_left(made)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let patterns = |of: fn(&Made) -> &'static [&'static str]| -> Vec<Vec<Paths>> {
        left.iter().map(|made| of(made).iter().map(|pattern| Paths::new(pattern)).collect()).collect()
    };
    let (from, gone, emptied) = (patterns(|made| made.from), patterns(|made| made.gone), patterns(|made| made.emptied));
    let mut wanted = vec![false; left.len()];
    let (mut leaving, mut emptying) = (BTreeSet::new(), Vec::new());
    for (path, ..) in tree.iter() {
        let names: Vec<&[u8]> = path.components().collect();
        let fit = |patterns: &[Paths]| patterns.iter().any(|pattern| pattern.fit(&names));
        for (at, wanted) in wanted.iter_mut().enumerate() {
            *wanted |= fit(&from[at]);
            if fit(&emptied[at]) {
                emptying.push(path.clone());
            } else if fit(&gone[at]) {
                leaving.insert(path.clone());
            }
        }
    }
    for path in packages.iter().flat_map(|package| &package.files) {
        if let Ok(path) = TreePath::new(path) {
            leaving.remove(&path);
        }
    }
    // A directory comes before what is below it.
    for path in leaving.iter().rev() {
        if !tree.get(path).is_some_and(|inode| inode.is_directory()) || tree.children(path).next().is_none() {
            tree.remove_all(path);
        }
    }
    for path in emptying {
        if let Some(kind @ Kind::File(_)) = tree.get_mut(&path).map(|inode| &mut inode.kind) {
            *kind = Kind::File(Content::from_bytes(Vec::new()));
        }
    }
    let left: Vec<&Made> = left.into_iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(made, _)| made).collect();
    put(tree, &left).map_err(Error::Tree)
}

/// The program, and the unit that calls it where there is systemd.
fn put(tree: &mut Tree, left: &[&Made]) -> Result<(), tree::Error> {
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = left.iter().map(|made| made.package).collect();
    let mut cases = String::new();
    for made in left {
        let _ = writeln!(cases, "    {})\n        # {}\n        {}\n        ;;", made.package, made.what, made.make);
    }
    let program = PROGRAM.replace("@NAMES@", &names.join(" ")).replace("@CASES@\n", &cases);
    tree.make_directories("usr/lib/imgbuild", 0o755)?;
    tree.write(PROGRAM_PATH, 0o755, program)?;
    if tree.lookup("/usr/lib/systemd/systemd").or_else(|| tree.lookup("/lib/systemd/systemd")).is_none() {
        return Ok(());
    }
    let units: BTreeSet<&str> = left.iter().flat_map(|made| made.units.iter().copied()).collect();
    let before: String = units.iter().map(|unit| format!("Before={unit}\n")).collect();
    let wants = tree.make_directories("etc/systemd/system/multi-user.target.wants", 0o755)?;
    let unit = format!("etc/systemd/system/{UNIT_NAME}");
    tree.write(&unit, 0o644, UNIT.replace("@BEFORE@\n", &before))?;
    tree.symlink([wants.as_bytes(), b"/", UNIT_NAME.as_bytes()].concat(), format!("/{unit}")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_whole() {
        let mut declared = BTreeSet::new();
        for (_, made) in all() {
            assert!(declared.insert(made.package), "{} twice", made.package);
            assert!(!made.from.is_empty() && !made.gone.is_empty() && !made.what.is_empty(), "{}", made.package);
            assert!(made.units.iter().all(|unit| unit.ends_with(".service")), "{}", made.package);
            for pattern in made.from.iter().chain(made.gone).chain(made.emptied) {
                assert!(!pattern.starts_with(['/', '*']), "{}: `{pattern}` is everywhere", made.package);
            }
        }
    }

    /// doc/configure.md shows what is declared.
    #[test]
    fn the_documents_table_is_this_one() {
        let paths = |made: &Made| -> String {
            let all: Vec<String> = made.gone.iter().chain(made.emptied).map(|path| format!("`/{path}`")).collect();
            all.join(", ")
        };
        let wanted: Vec<String> =
            all().map(|(source, made)| format!("| {source} | {} | {} |", made.what, paths(made))).collect();
        let text = include_str!("../../doc/configure.md");
        let table = text.split("| package | what a node makes | where |\n|---|---|---|\n").nth(1).expect("the table");
        let found: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
        assert_eq!(found, wanted, "the table of doc/configure.md is to be:\n{}", wanted.join("\n"));
    }
}
