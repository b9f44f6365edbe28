//! debconf: questions, their answers, and the programs that scripts talk with about them.
//!
//! Nothing is asked here: it is the noninteractive frontend, and answers are defaults or the recipe's. A script
//! that reads `/usr/share/debconf/confmodule` does what it would do anywhere: that library of the package is
//! interpreted, and ends in `exec /usr/share/debconf/frontend`. The [`frontend`](mod@frontend) loads the package's
//! templates, follows its `config` script and then the script itself from its start, with a
//! [`Peer`](crate::shell::stream::Stream::Peer) as standard input and output: what is written there are [`session`]'s
//! questions, what is read its answers.
//!
//! [`database`] is kept in memory from the first use on; [`save`] puts it into the tree.

mod answers;
mod commands;
mod database;
mod frontend;
mod session;
mod template;

use crate::utilities::Command;
use commands::communicate;
use commands::debconf;
use commands::escape_text;
use commands::load_template;
use commands::set_selections;
use commands::show_questions;
use frontend::frontend;

pub use answers::Unasked;
pub(in crate::configure) use answers::preseed;
pub(in crate::configure) use answers::selections;
pub(in crate::configure) use answers::unasked;
pub use frontend::State;
pub(in crate::configure) use frontend::record;
pub use frontend::save;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("debconf", debconf),
    ("debconf-communicate", communicate),
    ("debconf-escape", escape_text),
    ("debconf-loadtemplate", load_template),
    ("debconf-set-selections", set_selections),
    ("debconf-show", show_questions),
    // Questions are asked when their package is configured, and never again.
    ("dpkg-preconfigure", |_| Ok(0)),
    ("frontend", frontend),
];

#[cfg(test)]
mod tests;
