//! `imgbuild compare`: what differs between two images in any form, and why.

use std::io;
use std::io::Write as _;

use super::args::Compare;
use super::limits;
use super::output;
use super::print;
use super::print_json;
use super::signals::Signals;
use super::words::Failure;
use crate::compare;
use crate::format::shown;
use crate::pipeline::Form;

/// Prints what differs; nothing when nothing does.
pub(super) fn run(arguments: &Compare, signals: &Signals) -> Result<(), Failure> {
    let (cancel, limits) = (signals.cancel(), limits::of(&arguments.limit)?);
    let open = |path| Form::open(path, &limits, &cancel);
    let (before, after) = (open(&arguments.before)?, open(&arguments.after)?);
    let mut found = compare::compare(before.side(), after.side()).map_err(|error| Failure::Usage(error.to_string()))?;
    let names = (arguments.before.display().to_string(), arguments.after.display().to_string());
    let names = (names.0.as_str(), names.1.as_str());
    // For terminals what differs is enough.
    if arguments.json || arguments.markdown || arguments.html {
        after.tell_changes(&mut found)?;
    }
    cancel.check()?;
    match () {
        () if arguments.json => print_json(&serde_json::json!(found))?,
        () if arguments.markdown => output(&shown::lines(&found.to_markdown(names)))?,
        () if arguments.html => output(&shown::lines(&found.to_html(names)))?,
        () => {
            print(&found.to_string())?;
            // What differs is on standard output alone, and nothing there means that nothing does.
            if let Some(caveat) = found.caveat() {
                let _ = writeln!(io::stderr(), "imgbuild: {caveat}");
            }
        }
    }
    if found.is_same() { Ok(()) } else { Err(Failure::Different) }
}
