//! `imgbuild build`, and a recipe alone.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::io::IsTerminal as _;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use super::args::Build;
use super::events;
use super::outside;
use super::print;
use super::signals::Signals;
use super::summary::Before;
use super::summary::summary;
use super::tell;
use super::words;
use super::words::Failure;
use crate::host::Event;
use crate::host::Host;
use crate::host::Signer;
use crate::host::output;
use crate::host::signing::KEY_MAX;
use crate::host::signing::SigningKey;
use crate::pipeline;
use crate::pipeline::Keep;
use crate::pipeline::Look;
use crate::pipeline::Mirrors;
use crate::pipeline::Request;
use crate::pipeline::Shared;
use crate::recipe;
use crate::recipe::Lock;
use crate::recipe::Recipe;

/// A recipe, and all that can be known before it is built.
struct Plan<'a> {
    path: &'a Path,
    recipe: Recipe,
    lock: Option<Lock>,
    mirrors: Mirrors,
    directory: PathBuf,
}

/// Builds. Tells people which image it is, and programs digest and path of each output.
pub(super) fn run(arguments: &Build, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let plans = plans(arguments)?;
    let host = outside::host(common, signals)?;
    let signer = arguments.sign.as_deref().map(signing_key).transpose()?;
    // Where it cannot be told which program this is, everything is built.
    let program = outside::program(host.store.as_ref());
    let after = match (arguments.again, arguments.check) {
        (true, _) => Look::Nothing,
        (false, true) => Look::Inside,
        (false, false) => Look::Outside,
    };
    let shared = Shared::default();
    let request = |plan| {
        let Plan { recipe, lock, mirrors, .. }: &Plan<'_> = plan;
        Request {
            keep: program.as_deref().map(|program| Keep { program, after }),
            lock: lock.as_ref(),
            trust_lock: common.trust_lock,
            archive: outside::archive_options(common),
            method: arguments.configure.method(),
            expect: arguments.expect,
            signer: signer.as_ref().map(|key| key as &dyn Signer),
            shared: Some(&shared),
            ..Request::new(recipe, mirrors)
        }
    };
    if let [only] = plans.as_slice() {
        return build(arguments, &host, only, &Request { shared: None, ..request(only) }, None);
    }
    let (mut code, mut failed) = (0, Vec::new());
    for plan in &plans {
        host.reporter.event(&Event::RecipeStarted { recipe: &plan.path.to_string_lossy() });
        match build(arguments, &host, plan, &request(plan), Some(plan.path)) {
            Ok(()) => {}
            // Nobody waits for the others then.
            Err(failure) if signals.number() != 0 || failure.is_closed_pipe() => return Err(failure),
            Err(failure) => {
                tell(Some(plan.path), &failure, common.events.is_some());
                code = code.max(words::exit_code(&failure));
                failed.push(plan.path.to_owned());
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Several { code, failed, all: plans.len() }) }
}

/// Looks at all recipes: what is wrong with one is known before another is built.
fn plans(arguments: &Build) -> Result<Vec<Plan<'_>>, Failure> {
    let common = &arguments.common;
    if let (number @ 2.., Some(option)) = (arguments.recipes.len(), of_one(arguments)) {
        let words =
            format!("`{option}` is for one recipe, and there are {number}: build each with its own, one by one");
        return Err(Failure::Usage(words));
    }
    let mut plans: Vec<Plan<'_>> = Vec::new();
    for path in &arguments.recipes {
        let recipe = recipe::load(path)?;
        let directory = arguments.output.clone().unwrap_or_else(|| Path::new("build").join(&recipe.name));
        if let Some(other) = plans.iter().find(|plan| plan.directory == directory) {
            let (one, other, directory) = (path.display(), other.path.display(), directory.display());
            let words = format!("`{other}` and `{one}` would both become `{directory}`: give each a `name` of its own");
            return Err(Failure::Usage(words));
        }
        let lock = outside::lock(common, &recipe, &outside::lock_path(path, &recipe)?)?;
        let mirrors = outside::mirrors(&common.mirror, Some(&recipe))?;
        // Known at once, so it need not be said after an hour.
        output::check_place(&directory)?;
        plans.push(Plan { path, recipe, lock, mirrors, directory });
    }
    Ok(plans)
}

/// An option that was given and has no meaning for several recipes.
fn of_one(arguments: &Build) -> Option<&'static str> {
    if arguments.output.is_some() {
        return Some("--output");
    }
    arguments.expect.map(|_| "--expect")
}

/// Builds one recipe and says what it made. `one`: its name, if it is one of several.
fn build(
    arguments: &Build,
    host: &Host,
    plan: &Plan<'_>,
    request: &Request<'_>,
    one: Option<&Path>,
) -> Result<(), Failure> {
    let (common, Plan { recipe, directory, .. }) = (&arguments.common, plan);
    let (before, start) = (Before::read(directory), Instant::now());
    let built = pipeline::build(host, request, directory)?;
    if !built.kept {
        outside::bound_cache(common, host.reporter.as_ref())?;
    }
    if common.events.is_some() {
        events::finished(one, Some((directory, &built)));
    }
    let is_seen = io::stdout().is_terminal();
    if is_seen && !common.quiet && common.events.is_none() {
        print(&summary(directory, recipe, &built, &before, start.elapsed()))?;
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
