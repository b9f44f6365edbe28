//! `imgbuild schema`, `completions` and `man`: what follows from the types.

use clap::CommandFactory as _;

use super::args::Arguments;
use super::args::Completions;
use super::args::Man;
use super::args::Schema;
use super::events;
use super::output;
use super::words::Failure;
use crate::recipe;

/// The JSON schema of recipes, or their reference.
pub(super) fn schema(arguments: &Schema) -> Result<(), Failure> {
    if arguments.events {
        return output(&format!("{:#}\n", schemars::schema_for!(events::Line<'_>).as_value()));
    }
    if arguments.markdown {
        return output(&recipe::reference());
    }
    output(&format!("{:#}\n", recipe::schema()))
}

/// A shell's completions.
pub(super) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "imgbuild", &mut text);
    output(&String::from_utf8_lossy(&text))
}

/// The manual page; one file for each command where there is a directory for them.
pub(super) fn man(arguments: &Man) -> Result<(), Failure> {
    let Some(directory) = &arguments.to else {
        let mut text = Vec::new();
        clap_mangen::Man::new(Arguments::command()).render(&mut text).map_err(Failure::Stdout)?;
        return output(&String::from_utf8_lossy(&text));
    };
    let failed = |source| Failure::File { action: "write the manual in", path: directory.clone(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), directory).map_err(failed)
}
