//! `imgbuild lock`: chooses packages, and writes down which.

use super::args::Lock as Arguments;
use super::print;
use super::signals::Signals;
use super::words::Failure;
use super::world;
use crate::configure::Method;
use crate::pipeline;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::Lock;

/// Writes the lock beside the recipe, and prints its path.
pub(super) fn run(arguments: &Arguments, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = recipe::load(&arguments.recipe)?;
    let path = world::lock_path(&arguments.recipe, &recipe);
    if !arguments.update {
        // An existing lock stays as it is, unless moving it was asked for.
        if world::lock(common, &recipe, &path)?.is_some() {
            return print(&format!("{}\n", path.display()));
        }
    }
    let mirrors = world::mirrors(common, &recipe)?;
    let host = world::host(common, signals)?;
    let request = Request {
        recipe: &recipe,
        lock: None,
        mirrors: &mirrors,
        method: common.configure.map_or_else(Method::default, Into::into),
        expect: None,
    };
    let lock: Lock = pipeline::lock(&host, &request)?;
    lock.write(&path)?;
    print(&format!("{}\n", path.display()))
}
