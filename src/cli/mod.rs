//! The command line: arguments in, a request to the library, words and exit codes out.
//!
//! The only room that reads arguments, environment, clock and terminal. Data goes to standard output, words to
//! standard error.
//!
//! * [`args`]: what can be typed. * [`outside`]: the host, with cache and mirrors. * [`terminal`]: bars, lines and
//!   events. * [`words`]: errors → words, hints, exit codes. * One file per command.

mod args;
mod boot;
mod build;
mod cache;
mod compare;
mod doctor;
mod edit;
mod events;
mod generate;
mod init;
mod limits;
mod lock;
mod nodes;
mod publish;
mod registry;
mod report;
mod settings;
mod show;
mod signals;
mod summary;
mod terminal;
mod verify;
mod words;
mod outside;

use std::ffi::OsString;
use std::io;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use args::Arguments;
use args::Command;
use signals::Signals;
use words::Failure;

use crate::format::shown;
use crate::recipe;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    crate::host::names::look_up_alone();
    events::begin();
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output; clap knows which is which.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            // It repeats what was typed, and who calls this program may have it from anywhere.
            let is_harmless =
                |word: OsString| shown::shown(word.as_encoded_bytes()).as_bytes() == word.as_encoded_bytes();
            let _ = match std::env::args_os().all(is_harmless) {
                true => error.print(),
                false => write!(io::stderr(), "{}", shown::lines(&error.render().to_string())),
            };
            return ExitCode::from(words::USAGE);
        }
    };
    let command = arguments.command;
    let signals = Signals::install();
    let json = command.common().is_some_and(|common| common.events.is_some());
    let done = catch_unwind(AssertUnwindSafe(|| run(&command, &signals)));
    let failure = match done {
        Ok(Ok(())) => {
            // A build has said it itself, with what it left.
            if json && !matches!(command, Command::Build(_)) {
                events::finished(None, None);
            }
            return ExitCode::SUCCESS;
        }
        // What a signal has cut short may fail in any way.
        Ok(Err(_)) if signals.number() != 0 => Failure::Interrupted(signals.number()),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Bug,
    };
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    let code = words::exit_code(&failure);
    // What each of several recipes has come to is told already.
    let is_told = matches!(failure, Failure::Different) || (json && matches!(failure, Failure::Several { .. }));
    if !is_told {
        tell(None, &failure, json);
    }
    ExitCode::from(code)
}

/// The last words of a command, or of what it did with one of several recipes.
fn tell(recipe: Option<&Path>, failure: &Failure, json: bool) {
    if json {
        events::failed(recipe, failure, words::exit_code(failure));
    } else {
        // Nobody can be told that nobody can be told.
        let _ = writeln!(io::stderr(), "{}", words::describe(recipe, failure));
    }
}

fn run(command: &Command, signals: &Signals) -> Result<(), Failure> {
    match command {
        Command::Build(arguments) => build::run(arguments, signals),
        Command::Lock(arguments) => lock::run(arguments, signals),
        Command::Show(arguments) => show::run(arguments, signals),
        Command::Add(arguments) => edit::run(arguments, signals, recipe::add_packages),
        Command::Remove(arguments) => edit::run(arguments, signals, recipe::remove_packages),
        Command::Compare(arguments) => compare::run(arguments, signals),
        Command::Report(arguments) => report::run(arguments, signals),
        Command::Verify(arguments) => verify::run(arguments, signals),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Boot(arguments) => boot::run(arguments, signals),
        Command::Publish(arguments) => publish::publish(arguments, signals),
        Command::Push(arguments) => registry::push(arguments, signals),
        Command::Pull(arguments) => registry::pull(arguments, signals),
        Command::Rollback(arguments) => publish::rollback(arguments),
        Command::Generations(arguments) => publish::generations(arguments),
        Command::KnownHosts(arguments) => publish::known_hosts(arguments),
        Command::Nodes(arguments) => nodes::run(arguments),
        Command::Adopt(arguments) => nodes::adopt(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Schema(arguments) => generate::schema(arguments),
        Command::Completions(arguments) => generate::completions(arguments),
        Command::Man(arguments) => generate::man(arguments),
        Command::Cache(arguments) => cache::run(arguments),
    }
}

/// Prints a text for people, in which names and words from outside may be.
fn print(text: &str) -> Result<(), Failure> {
    output(&shown::lines(text))
}

/// Prints a value for programs.
fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    output(&shown::json(&format!("{value:#}\n")))
}

/// Writes a text to standard output as it is.
fn output(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Failure::Stdout)
}
