//! `imgbuild init`: a recipe to start from.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::args::Init;
use super::print;
use super::words::Failure;

/// What is written: a recipe that builds as it is.
const STARTER: &str = include_str!("starter.toml");

/// Writes the recipe, never over another.
pub(super) fn run(arguments: &Init) -> Result<(), Failure> {
    let path = &arguments.recipe;
    let failed = |source| Failure::File { action: "write", path: path.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(STARTER.as_bytes()).map_err(failed)?;
    print(&format!("{}\n", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe;

    #[test]
    fn the_starter_is_a_recipe() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let path = directory.path().join("recipe.toml");
        std::fs::write(&path, STARTER).expect("written");
        let recipe = recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(recipe.nodes.len(), 2);
        // What is commented out is right too.
        let all: String =
            STARTER.lines().map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line))).collect();
        std::fs::write(&path, all).expect("written");
        recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
    }
}
