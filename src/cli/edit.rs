//! `imgbuild add` and `remove`: packages of a recipe, in its text and in its lock.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use tempfile::NamedTempFile;

use super::args::Edit;
use super::outside;
use super::outside::written;
use super::signals::Signals;
use super::terminal::line_to_stderr;
use super::words::Failure;
use crate::format::shown::shown;
use crate::format::shown::without_place;
use crate::pipeline;
use crate::pipeline::Moved;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::EditError;
use crate::recipe::Lock;
use crate::recipe::LockedPackage;
use crate::recipe::Recipe;

/// Changes the recipe's text and chooses its packages; only when there is a choice do recipe and lock change. In the
/// lock moves what must, and where there is none, none is made.
pub(super) fn run(
    arguments: &Edit,
    signals: &Signals,
    edit: fn(&str, &[String]) -> Result<String, EditError>,
) -> Result<(), Failure> {
    let common = &arguments.common;
    let path = &arguments.recipe.clone().map_or_else(only_recipe, Ok)?;
    let old = recipe::load(path)?;
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let text = edit(&text, &arguments.packages)
        .map_err(|error| Failure::Usage(format!("cannot change `{}`: {error}", path.display())))?;
    let (recipe, new) = rewritten(path, &text)?;
    let lock_path = outside::lock_path(path, &old)?;
    if common.locked {
        outside::lock(common, &old, &lock_path)?;
    }
    let lock = Lock::read(&lock_path)?;
    let mirrors = outside::mirrors(&common.mirror, Some(&recipe))?;
    let names: Vec<String> = arguments.packages.iter().map(|entry| recipe::package_of(entry).to_owned()).collect();
    let request = Request {
        moved: lock.as_ref().map(|lock| Moved { lock, packages: &names }),
        archive: outside::archive_options(common),
        ..Request::new(&recipe, &mirrors)
    };
    let host = outside::host(common, signals)?;
    let Some(old) = &lock else {
        // Whether there is a choice: nothing is fetched for it.
        pipeline::choose(&host, &request)?;
        new.replace(path)?;
        return written(common, &[path]);
    };
    let chosen = pipeline::lock(&host, &request)?;
    new.replace(path)?;
    chosen.write(&lock_path)?;
    // The result is files.
    if !common.quiet && common.events.is_none() {
        moves(old, &chosen).iter().for_each(|line| line_to_stderr(&shown(line)));
    }
    written(common, &[path, &lock_path])
}

/// Which packages came, went or moved between two locks, a line each, of several images with its name; nothing where none
/// did.
fn moves(old: &Lock, new: &Lock) -> Vec<String> {
    let of = |lock: &Lock| -> BTreeMap<(String, String), String> {
        let own = [lock.architecture.as_str(), "all"];
        let name = |package: &LockedPackage| match own.contains(&package.architecture.as_str()) {
            true => package.name.clone(),
            false => format!("{}:{}", package.name, package.architecture),
        };
        let whole = lock.packages.iter().chain(&lock.builders).map(|package| (String::new(), package));
        let of_images = lock.images.iter().flat_map(|image| {
            let all = image.packages.iter().chain(&image.builders);
            all.map(|package| (format!("image {}: ", image.name), package))
        });
        let all = whole.chain(of_images);
        all.map(|(image, package)| ((image, name(package)), package.version.clone())).collect()
    };
    let (old, new) = (of(old), of(new));
    let names: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    let line = |key: &&(String, String)| {
        let (image, name) = key;
        match (old.get(*key), new.get(*key)) {
            (None, Some(version)) => Some(format!("{image}+ {name} {version}")),
            (Some(version), None) => Some(format!("{image}- {name} {version}")),
            (Some(was), Some(is)) if was != is => Some(format!("{image}  {name} {was} -> {is}")),
            _ => None,
        }
    };
    names.iter().filter_map(line).collect()
}

/// A recipe's text that takes the place of the one that is there.
pub(super) struct New {
    file: NamedTempFile,
    /// Where the recipe really lies: a link to it stays one.
    real: PathBuf,
}

impl New {
    /// Puts it in its place. `path`: by which the recipe is known.
    pub(super) fn replace(self, path: &Path) -> Result<(), Failure> {
        self.file.persist(self.real).map(drop).map_err(|error| failed("replace", path)(error.error))
    }
}

/// A recipe with another text: what it means, and the text, written beside the recipe.
pub(super) fn rewritten(path: &Path, text: &str) -> Result<(Recipe, New), Failure> {
    let recipe = recipe::with_text(path, text)?;
    let real = fs::canonicalize(path).map_err(failed("read", path))?;
    let parent = real.parent().unwrap_or(Path::new("/"));
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode();
    let mut builder = tempfile::Builder::new();
    let new = builder.prefix(".imgbuild-recipe-").suffix(".toml").permissions(fs::Permissions::from_mode(mode));
    let mut new = new.tempfile_in(parent).map_err(without_place).map_err(failed("write beside", path))?;
    let written = new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all());
    written.map_err(without_place).map_err(failed("write beside", path))?;
    Ok((recipe, New { file: new, real }))
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::File { action, path, source }
}

/// The recipe that is meant where none is named.
fn only_recipe() -> Result<PathBuf, Failure> {
    let mut found = outside::files_in(Path::new("."), "toml")?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(Failure::Usage("there is no recipe here: name it with `--recipe FILE`".to_owned())),
        _ => Err(Failure::Usage("there are several recipes here: name one with `--recipe FILE`".to_owned())),
    }
}
