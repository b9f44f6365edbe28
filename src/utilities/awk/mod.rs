//! awk(1): POSIX's language, as mawk and gawk have it, whichever the root has. What they do not agree in is done as the
//! one does that is there, or is a gap.
//!
//! [`lex`] and [`parse`] make a program of a text, [`run`] follows it, [`functions`] are those that awk knows,
//! [`io`] its files and commands.

mod dialect;
mod ast;
mod evaluate;
mod expression;
mod fields;
mod format;
mod functions;
mod io;
mod lex;
mod parse;
mod run;
mod search;
mod values;
mod variables;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Opt;
pub(super) use crate::shell::printf::number_length;
use dialect::Dialect;
use run::Machine;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("awk", awk), ("gawk", awk), ("mawk", awk), ("nawk", awk)];

/// The options.
pub(super) const OPTIONS: &[Opt] =
    &[Opt::value(b'F', "field-separator"), Opt::value(b'v', "assign"), Opt::value(b'f', "file")];

fn awk(call: &mut Call<'_, '_>) -> Done {
    let given = call.given_first(OPTIONS)?;
    let dialect = Dialect::of(call);
    let budget = call.shell.system.budget.clone();
    let mut operands = given.operands.as_slice();
    let mut text = Buffer::new(&budget)?;
    for path in given.values(b'f') {
        let part = call.text(path).map_err(|fault| match fault {
            Fault::Failed(_, message) => Fault::Failed(2, message),
            other => other,
        })?;
        text.extend(&part)?;
        text.push(b'\n')?;
    }
    if !given.has(b'f') {
        let Some((first, rest)) = operands.split_first() else {
            return Err(Fault::Failed(2, "no program text".into()));
        };
        text.extend(first)?;
        operands = rest;
    }
    // What is made of a program takes up to some hundred times its bytes: `1 1 1 …`.
    let _room = budget.hold(text.len().saturating_mul(96))?;
    let program = parse::parse(&text, dialect, &budget)?;
    let mut machine = Machine::new(call, &program, dialect, operands)?;
    if let Some(separator) = given.value(b'F') {
        let separator = match separator {
            b"t" if dialect != Dialect::Mawk => return Err(Fault::gap("-Ft, which is a tab only to some awks")),
            separator => lex::escapes(separator, dialect)?,
        };
        machine.set_special("FS", &separator)?;
    }
    for assignment in given.values(b'v') {
        machine.assign_argument(assignment)?;
    }
    let done = machine.run();
    machine.finish(done)
}

#[cfg(test)]
mod tests;
