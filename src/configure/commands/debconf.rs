//! debconf: questions, answers, and the commands of its shell library (debconf-devel(7)).

use super::Command;
use crate::configure::shell::Run;
use crate::configure::shell::Shell;

/// What debconf knows.
#[derive(Debug, Default)]
pub struct State {}

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[];

/// What reading `/usr/share/debconf/confmodule` does here: the commands it would define are commands of ours.
pub(super) fn confmodule(_: &mut Shell<'_>) -> Run<i32> {
    Ok(0)
}
