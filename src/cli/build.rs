//! `imgbuild build`, and a recipe alone.

use std::fmt::Write as _;
use std::path::Path;

use super::args::Build;
use super::print;
use super::signals::Signals;
use super::words::Failure;
use super::world;
use crate::host::output;
use crate::pipeline;
use crate::pipeline::Request;
use crate::recipe;

/// Builds, and prints digest and path of each output.
pub(super) fn run(arguments: &Build, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = recipe::load(&arguments.recipe)?;
    let lock = world::lock(common, &recipe, &world::lock_path(&arguments.recipe, &recipe))?;
    let mirrors = world::mirrors(common, &recipe)?;
    let host = world::host(common, signals)?;
    let directory = arguments.output.clone().unwrap_or_else(|| Path::new("build").join(&recipe.name));
    // Known at once, so it need not be said after an hour.
    output::check_place(&directory)?;
    let request = Request {
        recipe: &recipe,
        lock: lock.as_ref(),
        moved: None,
        mirrors: &mirrors,
        method: arguments.configure.method(),
        expect: arguments.expect,
    };
    let built = pipeline::build(&host, &request, &directory)?;
    let mut text = String::new();
    for output in &built.outputs {
        // As sha256sum(1) prints, so that it can check them.
        writeln!(text, "{}  {}", output.sha256, directory.join(&output.path).display())
            .expect("writing to a String succeeds");
    }
    print(&text)
}
