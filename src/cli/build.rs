//! `imgbuild build`, and a recipe alone.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::io::IsTerminal as _;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use super::args::Build;
use super::events;
use super::outside;
use super::print;
use super::signals::Signals;
use super::summary::Before;
use super::summary::summary;
use super::words::Failure;
use crate::host::Signer;
use crate::host::output;
use crate::host::signing::KEY_MAX;
use crate::host::signing::SigningKey;
use crate::pipeline;
use crate::pipeline::Keep;
use crate::pipeline::Look;
use crate::pipeline::Request;
use crate::recipe;

/// Builds. Tells people which image it is, and programs digest and path of each output.
pub(super) fn run(arguments: &Build, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = recipe::load(&arguments.recipe)?;
    let lock = outside::lock(common, &recipe, &outside::lock_path(&arguments.recipe, &recipe))?;
    let mirrors = outside::mirrors(&common.mirror, Some(&recipe))?;
    let host = outside::host(common, signals)?;
    let directory = arguments.output.clone().unwrap_or_else(|| Path::new("build").join(&recipe.name));
    // Known at once, so it need not be said after an hour.
    output::check_place(&directory)?;
    let signer = arguments.sign.as_deref().map(signing_key).transpose()?;
    // Where it cannot be told which program this is, everything is built.
    let program = outside::program(host.store.as_ref());
    let after = match (arguments.again, arguments.check) {
        (true, _) => Look::Nothing,
        (false, true) => Look::Inside,
        (false, false) => Look::Outside,
    };
    let request = Request {
        keep: program.as_deref().map(|program| Keep { program, after }),
        lock: lock.as_ref(),
        trust_lock: common.trust_lock,
        archive: outside::archive_options(common),
        method: arguments.configure.method(),
        expect: arguments.expect,
        signer: signer.as_ref().map(|key| key as &dyn Signer),
        ..Request::new(&recipe, &mirrors)
    };
    let (before, start) = (Before::read(&directory), Instant::now());
    let built = pipeline::build(&host, &request, &directory)?;
    if !built.kept {
        outside::bound_cache(common, host.reporter.as_ref())?;
    }
    if common.events.is_some() {
        events::finished(Some((&directory, &built)));
    }
    let is_seen = io::stdout().is_terminal();
    if is_seen && !common.quiet && common.events.is_none() {
        print(&summary(&directory, &recipe, &built, &before, start.elapsed()))?;
    }
    if !arguments.print && (is_seen || common.quiet) {
        return Ok(());
    }
    let mut text = String::new();
    for output in &built.outputs {
        // As sha256sum(1) prints, so that it can check them.
        if let Some((sha256, _)) = output.content() {
            writeln!(text, "{sha256}  {}", directory.join(output.path()).display())
                .expect("writing to a String succeeds");
        }
    }
    print(&text)
}

/// The key that a file holds; whoever else can read it could sign as well.
fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let text = key_text(path)?;
    SigningKey::from_pem(&text).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// The text of a file with a key.
pub(super) fn key_text(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File { action: "read", path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(KEY_MAX).read_to_string(&mut text)).map_err(failed)?;
    Ok(text)
}
