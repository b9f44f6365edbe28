//! `imgbuild schema`, `completions` and `man`: what follows from the types.

use clap::CommandFactory as _;

use super::args::Arguments;
use super::args::Completions;
use super::args::Schema;
use super::output;
use super::words::Failure;
use crate::recipe;

/// The JSON schema of recipes, or their reference.
pub(super) fn schema(arguments: &Schema) -> Result<(), Failure> {
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

/// The manual page.
pub(super) fn man() -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut text).map_err(Failure::Stdout)?;
    output(&String::from_utf8_lossy(&text))
}
