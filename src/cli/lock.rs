//! `imgbuild lock`: chooses packages, and writes down which.

use std::path::Path;

use super::args::Lock as Arguments;
use super::outside;
use super::signals::Signals;
use super::words::Failure;
use crate::pipeline;
use crate::pipeline::Moved;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::Lock;
use crate::recipe::Recipe;
use crate::recipe::nearest;

/// Writes the lock beside the recipe, and prints its path.
pub(super) fn run(arguments: &Arguments, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = recipe::load(&arguments.recipe)?;
    let path = outside::lock_path(&arguments.recipe, &recipe)?;
    let packages = arguments.update.as_deref();
    let Some(packages) = packages else {
        // An existing lock stays as it is, unless moving it was asked for.
        if outside::lock(common, &recipe, &path)?.is_some() {
            return outside::written(common, &[&path]);
        }
        return write(arguments, signals, &recipe, &path, None);
    };
    let old = Lock::read(&path)?;
    // One that the recipe asks for since then comes into the lock with what it needs.
    let asked = |name: &str| {
        recipe
            .each()
            .iter()
            .flat_map(|image| image.packages.iter().chain(&image.kernel_modules))
            .any(|package| package.name() == Some(name))
    };
    let is_known = |name: &str| old.as_ref().is_some_and(|lock| lock.has(name)) || asked(name);
    if let Some(name) = packages.iter().find(|name| !is_known(name)) {
        let names = old
            .iter()
            .flat_map(|lock| lock.all_packages().chain(lock.all_builders()).map(|package| package.name.as_str()));
        let meant = nearest(name, names).map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
        let (lock, recipe) = (path.display(), arguments.recipe.display());
        return Err(Failure::Usage(format!("package `{name}` is in neither `{lock}` nor `{recipe}`{meant}")));
    }
    write(arguments, signals, &recipe, &path, old.as_ref().map(|lock| Moved { lock, packages }))
}

fn write(
    arguments: &Arguments,
    signals: &Signals,
    recipe: &Recipe,
    path: &Path,
    moved: Option<Moved<'_>>,
) -> Result<(), Failure> {
    let common = &arguments.common;
    let mirrors = outside::mirrors(&common.mirror, Some(recipe))?;
    let host = outside::host(common, signals)?;
    let request = Request {
        moved,
        archive: outside::archive_options(common),
        method: arguments.configure.method(),
        ..Request::new(recipe, &mirrors)
    };
    let lock: Lock = pipeline::lock(&host, &request)?;
    lock.write(path)?;
    outside::written(common, &[path])
}
