//! What is each node's own: keys, passwords, names and ids that packages' scripts make on the machine they run on.
//! None of it is in an image, whichever way packages are configured, nor an empty place for it: [`rows`] lists it all.
//! A declaration (`packages::own`) says of each package what its scripts make, and how a node
//! makes the same: `/usr/lib/imgbuild/own` does it there, before the services that need it, and where it fails these
//! do not start.
//!
//! Where nodes share one root the files lie in what the head keeps for each node, and links lead there; else they are
//! put in place. What is there already stays: an `[[overlay]]` entry of the recipe, and what an earlier boot made.

mod table;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Error;
use super::Options;
use super::packages;
use super::packages::own::Blank;
use super::packages::own::File;
use super::packages::own::Kindred;
use super::packages::own::Own;
use super::packages::own::Text;
use crate::recipe::Treatment;
use crate::shell::machine;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;

pub use table::Leaving;
pub use table::Row;
pub use table::rows;

/// The program, as far as it is the same in all images.
const PROGRAM: &str = include_str!("../node/own");
/// Where it lies.
const PROGRAM_PATH: &str = "usr/lib/imgbuild/own";
/// Configuration files with blanks for passwords, below the paths where they belong.
const TEMPLATES: &str = "usr/lib/imgbuild/templates";
/// Where stand-ins of scripts are looked for: packages' files elsewhere have not been written by scripts.
const WRITTEN: [&str; 6] = ["etc", "home", "opt", "root", "srv", "var"];
/// A larger file is no configuration.
const SCANNED_MAX: u64 = 1 << 20;

impl Kindred {
    const ALL: [Self; 2] = [Self::Names, Self::Secrets];

    const fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Secrets => "secrets",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Names => include_str!("../node/imgbuild-names.service"),
            Self::Secrets => include_str!("../node/imgbuild-secrets.service"),
        }
    }

    /// The target that it is wanted by.
    const fn target(self) -> &'static str {
        match self {
            Self::Names => "sysinit.target",
            Self::Secrets => "multi-user.target",
        }
    }
}

/// Whether a node is known to make what the scripts of a package draw.
pub(super) fn is_declared(package: &str) -> bool {
    packages::own().any(|own| own.package == package)
}

/// Takes out of a configured tree what each node makes for itself, and puts there what makes it.
///
/// # Errors
/// A configuration file has no place where its password was expected, or what a script drew has gone to a place
/// that no declaration names.
pub(super) fn leave_to_nodes(tree: &mut Tree, packages: &[Installed], options: &Options) -> Result<(), Error> {
    let ran = |name: &str| {
        let treated = matches!(options.packages.get(name), Some(Treatment::Skip | Treatment::FirstBoot));
        !treated && packages.iter().any(|package| package.name == name)
    };
    take_out(tree)?;
    let own: Vec<&Own> = packages::own().filter(|own| ran(own.package)).collect();
    if own.is_empty() {
        return Ok(());
    }
    let mut texts = BTreeSet::new();
    for one in &own {
        for file in one.files.iter().filter(|file| file.held) {
            hold(tree, file, one.kind).map_err(Error::Tree)?;
        }
        for text in one.texts {
            if blank(tree, text)? {
                texts.insert(text.path);
            }
        }
    }
    if let Some(path) = stand_in(tree).map_err(Error::Tree)? {
        return Err(Error::Drawn(path));
    }
    put(tree, &own, &texts).map_err(Error::Tree)
}

/// Takes out all that is listed, whichever packages there are, and the links that lead to it from beside it: OpenSSL
/// finds certificates by such.
fn take_out(tree: &mut Tree) -> Result<(), Error> {
    for row in rows() {
        for path in row.places(tree) {
            match row.leaving {
                Leaving::Gone => {
                    remove_links(tree, &path);
                    tree.remove_all(&path);
                }
                Leaving::Cleared if tree.get(&path).is_some_and(Inode::is_directory) => tree.clear(&path),
                Leaving::Emptied => {
                    if let Some(kind @ Kind::File(_)) = tree.get_mut(&path).map(|inode| &mut inode.kind) {
                        *kind = Kind::File(tree::Content::from_bytes(Vec::new()));
                    }
                }
                Leaving::Cleared | Leaving::Blanked => {}
            }
        }
    }
    Ok(())
}

fn remove_links(tree: &mut Tree, path: &TreePath) {
    let Some(directory) = path.parent() else { return };
    let leads = |inode: &Inode| matches!(&inode.kind, Kind::Symlink(target) if target.rsplit(|&byte| byte == b'/').next() == Some(path.name()));
    let links: Vec<TreePath> =
        tree.children(&directory).filter(|(_, inode)| leads(inode)).map(|(path, _)| path.clone()).collect();
    links.iter().for_each(|link| tree.remove_all(link));
}

/// A link that leads nowhere yet holds the place of a file.
fn hold(tree: &mut Tree, file: &File, kind: Kindred) -> Result<(), tree::Error> {
    tree.put(file.path, Inode::symlink(format!("/run/imgbuild/{}{}", kind.word(), file.path))).map(drop)
}

/// Moves a configuration file to the templates with blanks in it, and forgets what ucf(1) keeps of it. Whether there
/// is such a file.
fn blank(tree: &mut Tree, text: &Text) -> Result<bool, Error> {
    let lost = || Error::NoPlace { path: TreePath::literal(text.path.trim_start_matches('/')) };
    let Some((place, inode)) = tree.lookup(text.path) else { return Ok(false) };
    let (stat, Kind::File(content)) = (inode.stat.clone(), &inode.kind) else { return Err(lost()) };
    let read = content.to_vec();
    let bytes = read.map_err(|source| Error::Tree(tree::Error::Read { path: place.clone(), source }))?;
    let bytes = with_blanks(&bytes, text.blanks).ok_or_else(lost)?;
    let mut template = Inode::file(stat.mode, bytes);
    template.stat.uid = stat.uid;
    template.stat.gid = stat.gid;
    tree.remove_all(&place);
    let path = format!("{TEMPLATES}{}", text.path);
    tree.make_directories(path.rsplit_once('/').map_or("", |(directory, _)| directory), 0o755).map_err(Error::Tree)?;
    tree.put(path, template).map_err(Error::Tree)?;
    forget_in_ucf(tree, text.path).map_err(Error::Tree)?;
    Ok(true)
}

/// The text with a mark in each blank; `None` when one is not found.
fn with_blanks(text: &[u8], blanks: &[Blank]) -> Option<Vec<u8>> {
    let mut from: BTreeMap<&str, usize> = BTreeMap::new();
    let mut places: Vec<(usize, usize, &str)> = Vec::new();
    for blank in blanks {
        let start = from.get(blank.before).copied().unwrap_or(0);
        let start = start + memchr::memmem::find(&text[start..], blank.before.as_bytes())? + blank.before.len();
        let end = start + memchr::memmem::find(&text[start..], blank.after.as_bytes())?;
        // A word is on one line.
        if text[start..end].contains(&b'\n') {
            return None;
        }
        from.insert(blank.before, end);
        places.push((start, end, blank.word));
    }
    places.sort_unstable();
    let (mut made, mut done) = (Vec::new(), 0);
    for (start, end, word) in places {
        made.extend_from_slice(text.get(done..start)?);
        made.extend_from_slice(format!("@imgbuild:{word}@").as_bytes());
        done = end;
    }
    made.extend_from_slice(&text[done..]);
    Some(made)
}

/// ucf keeps a copy of what a package's script brought, and its digest.
fn forget_in_ucf(tree: &mut Tree, path: &str) -> Result<(), tree::Error> {
    tree.remove_all(&TreePath::new(format!("var/lib/ucf/cache/{}", path.replace('/', ":")))?);
    let registry = "var/lib/ucf/hashfile";
    let Some(text) = tree.read(registry)? else { return Ok(()) };
    let others = text.split_inclusive(|&byte| byte == b'\n').filter(|line| {
        let named = line.trim_ascii_end().split(|&byte| byte == b' ').next_back();
        named != Some(path.as_bytes())
    });
    let others: Vec<u8> = others.collect::<Vec<_>>().concat();
    if others != text
        && let Some((place, _)) = tree.lookup(registry)
        && let Some(inode) = tree.get_mut(&place)
    {
        inode.kind = Kind::File(tree::Content::from_bytes(others));
    }
    Ok(())
}

/// A file in which something drawn is left.
fn stand_in(tree: &Tree) -> Result<Option<TreePath>, tree::Error> {
    for (path, _, inode) in tree.iter() {
        let written = path.components().next().is_some_and(|first| WRITTEN.iter().any(|top| top.as_bytes() == first));
        let Some(content) = inode.content().filter(|content| written && content.size() <= SCANNED_MAX) else {
            continue;
        };
        let text = content.to_vec().map_err(|source| tree::Error::Read { path: path.clone(), source })?;
        if machine::has_stand_in(&text) {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}

/// The program, and a unit for each of its parts where there is systemd.
fn put(tree: &mut Tree, own: &[&Own], texts: &BTreeSet<&str>) -> Result<(), tree::Error> {
    let parts: Vec<(Kindred, String)> = Kindred::ALL
        .into_iter()
        .map(|kind| (kind, part(own, kind, texts)))
        .filter(|(_, part)| !part.is_empty())
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let mut program = String::from(PROGRAM);
    for (kind, text) in &parts {
        let _ = writeln!(program, "\n{}() {{\n{text}}}", kind.word());
    }
    program.push_str("\n\"$kind\"\nexit \"$failed\"\n");
    tree.make_directories("usr/lib/imgbuild", 0o755)?;
    tree.make_directories("var/lib/imgbuild", 0o755)?;
    tree.write(PROGRAM_PATH, 0o755, program)?;
    if tree.lookup("/usr/lib/systemd/systemd").or_else(|| tree.lookup("/lib/systemd/systemd")).is_none() {
        return Ok(());
    }
    for (kind, _) in parts {
        let wanted = own.iter().filter(|one| one.kind == kind).flat_map(|one| one.units.iter().copied());
        let units: BTreeSet<&str> = wanted.filter(|unit| is_there(tree, unit)).collect();
        let name = format!("imgbuild-{}.service", kind.word());
        let path = format!("etc/systemd/system/{name}");
        let before: String = units.iter().map(|unit| format!("Before={unit}\n")).collect();
        tree.make_directories("etc/systemd/system", 0o755)?;
        tree.write(&path, 0o644, kind.unit().replace("@BEFORE@\n", &before))?;
        let pulling = units.iter().map(|unit| format!("{unit}.requires"));
        for directory in pulling.chain([format!("{}.wants", kind.target())]) {
            let directory = tree.make_directories(format!("etc/systemd/system/{directory}"), 0o755)?;
            tree.put([directory.as_bytes(), b"/", name.as_bytes()].concat(), Inode::symlink(format!("/{path}")))?;
        }
    }
    Ok(())
}

/// Whether the system has a unit, or an init script that systemd makes one of.
fn is_there(tree: &Tree, unit: &str) -> bool {
    let script = unit.trim_end_matches(".service");
    let places = ["usr/lib/systemd/system", "lib/systemd/system", "etc/systemd/system"];
    places.iter().any(|place| tree.lookup(format!("{place}/{unit}")).is_some())
        || tree.lookup(format!("etc/init.d/{script}")).is_some()
}

/// One part of the program: words first, then what they stand in, then files in the order of their declaration.
fn part(own: &[&Own], kind: Kindred, texts: &BTreeSet<&str>) -> String {
    let own: Vec<&&Own> = own.iter().filter(|one| one.kind == kind).collect();
    let mut lines = Vec::new();
    let mut functions = String::new();
    let mut function = |command: &str| {
        let number = functions.matches("() {").count() + 1;
        let name = format!("make_{}_{number}", kind.word());
        let _ = writeln!(functions, "    {name}() {{ {command}; }}");
        name
    };
    let mut named = BTreeSet::new();
    for word in own.iter().flat_map(|one| one.words) {
        if named.insert(word.name) {
            let name = function(word.make);
            lines.push(format!("    word {} {name}", word.name));
        }
    }
    for text in own.iter().flat_map(|one| one.texts).filter(|text| texts.contains(text.path)) {
        let words: BTreeSet<&str> = text.blanks.iter().map(|blank| blank.word).collect();
        let words = words.into_iter().collect::<Vec<_>>().join(" ");
        if named.insert(text.path) {
            lines.push(format!("    make {} - - fill {words}", text.path));
        }
    }
    for file in own.iter().flat_map(|one| one.files) {
        if named.insert(file.path) {
            let name = function(file.make);
            lines.push(format!("    make {} {} {:04o} {name}", file.path, file.owner, file.mode));
        }
    }
    if lines.is_empty() { String::new() } else { format!("{functions}{}\n", lines.join("\n")) }
}

#[cfg(test)]
mod tests;
