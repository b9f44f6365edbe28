//! The shared MIME database: `update-mime-database` reads the types that all packages declare, and writes what programs
//! look into: lists of patterns and of magic, a file for each type, and all of it in `mime.cache`
//! (update-mime-database(1), and freedesktop.org's "Shared MIME-info Database").
//!
//! [`types`] reads, [`lists`] writes texts, [`cache`] the binary file. Several are in the order of GLib's hash tables.

mod cache;
mod lists;
mod types;

use super::plugins::upstream_version;
use crate::configure::packages::package::Package;
use crate::format::xml;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;
use types::Database;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-mime-database", update)], ..Package::of("shared-mime-info") };

/// What is kept of a byte of XML while it is a tree.
const TREE: usize = 24;

/// Directories of types that are looked through for types which are no more.
const MEDIA: [&str; 17] = [
    "all",
    "uri",
    "print",
    "text",
    "application",
    "image",
    "audio",
    "inode",
    "video",
    "message",
    "model",
    "multipart",
    "x-content",
    "x-epoc",
    "x-scheme-handler",
    "font",
    "chemical",
];

/// `update-mime-database [-V] [-n] DIRECTORY`
fn update(call: &mut Call<'_, '_>) -> Done {
    // -V says more, and what -n would find up to date is made the same once more.
    let given = call.options("Vn", &[])?;
    let [directory] = given.operands.as_slice() else { return Err(Fault::failed("without a directory")) };
    let mut directory = show(directory);
    while directory.len() > 1 && directory.ends_with('/') {
        directory.pop();
    }
    let version = upstream_version(call, &["shared-mime-info"])?;
    let mut held = call.shell.system.budget.nothing_held();
    let mut database = Database::default();
    for file in sources(call, &format!("{directory}/packages"))? {
        let bytes = call.read(file.as_bytes())?;
        held.grow(bytes.len().saturating_mul(TREE))?;
        call.shell.system.budget.read(bytes.len().saturating_mul(TREE))?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::gap(format!("{file} is not UTF-8")))?;
        let root = xml::parse(&text).map_err(|error| Fault::gap(format!("cannot read {file}: {error}")))?;
        let complaints = database.add(&root).map_err(|why| Fault::gap(format!("cannot read {file}: {why}")))?;
        for complaint in complaints {
            call.shell.print_error(format!("{complaint} (in {file}).\n").as_bytes())?;
        }
    }
    database.sort();
    remove_old(call, &directory, &database)?;
    let mut files = lists::type_files(&database);
    files.extend(lists::all(&database));
    files.push(("mime.cache".into(), cache::write(&database).map_err(Fault::gap)?));
    files.push(("version".into(), format!("{version}\n").into_bytes()));
    for (name, bytes) in files {
        call.shell.system.budget.made(bytes.len())?;
        let path = format!("{directory}/{name}");
        if let Some((parent, _)) = name.rsplit_once('/') {
            call.run(&[b"mkdir".to_vec(), b"-p".to_vec(), format!("{directory}/{parent}").into_bytes()])?;
        }
        call.write(path.as_bytes(), 0o666, bytes)?;
    }
    Ok(0)
}

/// The files of a `packages` directory by name; what the administrator overrides comes last.
fn sources(call: &mut Call<'_, '_>, directory: &str) -> Result<Vec<String>, Fault> {
    let tree = call.tree();
    let Some((place, _)) = tree.lookup(directory) else {
        return Err(Fault::failed(format!("Directory '{directory}' does not exist!")));
    };
    let names = tree.children(&place).map(|(path, _)| show(path.name()));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".xml") && name.len() > 4).collect();
    names.sort_by_key(|name| (name == "Override.xml", name.clone()));
    Ok(names.into_iter().map(|name| format!("{directory}/{name}")).collect())
}

/// Removes the files of types that no package has any more.
fn remove_old(call: &mut Call<'_, '_>, directory: &str, database: &Database) -> Result<(), Fault> {
    for media in MEDIA {
        let tree = call.tree();
        let Some((place, _)) = tree.lookup(format!("{directory}/{media}")) else { continue };
        let old = |name: &str| {
            let kind = name.strip_suffix(".xml").map(|name| format!("{media}/{name}"));
            kind.is_some_and(|kind| database.types.get(kind.as_bytes()).is_none())
        };
        let children = tree.children(&place).filter(|(path, _)| old(&show(path.name())));
        let gone: Vec<_> = children.map(|(path, _)| path.clone()).collect();
        gone.iter().try_for_each(|path| tree.remove(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
