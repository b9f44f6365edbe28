//! `imgbuild verify`: an output against its manifest, its signature, and a second build in another world; a lock
//! against what was signed.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::args::Verify;
use super::build::key_text;
use super::outside;
use super::print;
use super::print_json;
use super::signals::Signals;
use super::words::Failure;
use crate::archive::Proof;
use crate::deb::date;
use crate::error::Error;
use crate::error::told;
use crate::format::shown;
use crate::host::ContentOnly;
use crate::host::Verifier;
use crate::host::signing::KeyError;
use crate::host::signing::VerifyingKey;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::pipeline;
use crate::pipeline::Output;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::Lock;
use crate::recipe::LockError;
use crate::recipe::Recipe;

/// So much later the second build believes to be: certificates, keys and Releases have expired by then.
const LATER: i64 = 400 * 24 * 60 * 60;

/// Says what is not as the manifest says, or as the lock's archives have signed.
pub(super) fn run(arguments: &Verify, signals: &Signals) -> Result<(), Failure> {
    let Some(directory) = &arguments.directory else {
        let path = arguments.lock.as_deref().expect("the parser wants one of both");
        return lock(arguments, path, signals);
    };
    let keys = keys(arguments.key.as_slice())?;
    let recipe = arguments.rebuild.as_deref().map(recipe::load).transpose()?;
    let verified = || -> Result<Output, Failure> {
        let output = Output::verified(directory, &verifiers(&keys), &signals.cancel())?;
        if let Some(recipe) = &recipe {
            rebuild(arguments, directory, recipe, &output, signals)?;
        }
        Ok(output)
    };
    let output = match verified() {
        Ok(output) => output,
        Err(Failure::Library(error)) if arguments.json && error.is_integrity() => {
            print_json(&damaged(directory, &error))?;
            return Err(error.into());
        }
        Err(failure) => return Err(failure),
    };
    let manifest = output.manifest();
    if arguments.json {
        let mut document = about(manifest);
        document["wrong"] = json!([]);
        document["signed"] = json!(arguments.key.is_some());
        document["rebuilt"] = json!(arguments.rebuild.is_some());
        return print_json(&document);
    }
    let mut text = format!("{}\ntree {}\n", counted(&manifest.outputs), manifest.tree);
    if let Some(words) = &manifest.unproved {
        writeln!(text, "lock {}", words.escape_debug()).expect("writing to a String succeeds");
    }
    if arguments.key.is_some() {
        writeln!(text, "signed by that key").expect("writing to a String succeeds");
    }
    if arguments.rebuild.is_some() {
        writeln!(text, "built again: the same bytes").expect("writing to a String succeeds");
    }
    print(&text)
}

/// What programs are told of an output.
fn about(manifest: &Manifest) -> Value {
    json!({
        "files": manifest.outputs.iter().filter(|record| record.content().is_some()).count(),
        "tree": manifest.tree.to_string(),
        "images": manifest.images,
        "unproved": manifest.unproved,
    })
}

/// The same of one that is not as its manifest says; of its signature and a second build nothing is known then.
fn damaged(directory: &Path, error: &Error) -> Value {
    let manifest = Output::open(directory).ok().map(|output| about(output.manifest()));
    let mut document = manifest.unwrap_or_else(|| json!({ "files": 0, "tree": null, "images": {}, "unproved": null }));
    document["wrong"] = match error {
        Error::Unverified { wrong, .. } => json!(wrong),
        _ => json!([told(error)]),
    };
    document["signed"] = json!(false);
    document["rebuilt"] = json!(false);
    document
}

/// What was looked at.
fn counted(outputs: &[OutputRecord]) -> String {
    let files = outputs.iter().filter(|record| record.content().is_some()).count();
    let tree = outputs.iter().find(|record| matches!(record, OutputRecord::Tree { .. }));
    let tree = tree.map_or_else(String::new, |tree| format!(" and `{}`", tree.path()));
    format!("{files} files{tree} as in the manifest")
}

/// The public keys that files hold.
pub(super) fn keys(paths: &[impl AsRef<Path>]) -> Result<Vec<VerifyingKey>, Failure> {
    let key = |path: &Path| {
        let wrong = |error: KeyError| Failure::Usage(format!("`{}`: {error}", path.display()));
        VerifyingKey::from_pem(&key_text(path)?).map_err(wrong)
    };
    paths.iter().map(|path| key(path.as_ref())).collect()
}

/// The same as the library takes them.
pub(super) fn verifiers(keys: &[VerifyingKey]) -> Vec<&dyn Verifier> {
    keys.iter().map(|key| key as &dyn Verifier).collect()
}

/// Proves a lock, and prints what was proved.
fn lock(arguments: &Verify, path: &Path, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = arguments.recipe.as_deref().map(recipe::load).transpose()?;
    let lock = match (Lock::read(path)?, &recipe) {
        (None, _) => return Err(LockError::Missing { path: path.to_owned() }.into()),
        (Some(lock), Some(recipe)) if lock.is_stale(recipe) => return Err(lock.stale(path, recipe).into()),
        (Some(lock), _) => lock,
    };
    let mirrors = outside::mirrors(&common.mirror, recipe.as_ref())?;
    let proved = pipeline::prove(&outside::host(common, signals)?, recipe.as_ref(), &mirrors, &lock)?;
    if arguments.json {
        let source = |proof: &Proof| {
            let date = date::format(proof.date);
            json!({ "name": proof.name, "suite": proof.suite, "date": date, "signers": proof.signers })
        };
        return print_json(&json!({
            "sources": proved.sources.iter().map(source).collect::<Vec<_>>(),
            "packages": proved.packages,
            "own": proved.own,
            "debs": proved.debs,
        }));
    }
    let mut text = String::new();
    for proof in &proved.sources {
        let (date, signers) = (date::format(proof.date), proof.signers.join(", "));
        let shown: String = format!("{}: {} of {date}, signed by {signers}", proof.name, proof.suite);
        writeln!(text, "{}", shown.escape_debug()).expect("writing to a String succeeds");
    }
    let own = match proved.own {
        0 => String::new(),
        number => format!("; {number} of the recipe's own, for which nobody has signed"),
    };
    writeln!(text, "{} packages follow from what was signed{own}", proved.packages).expect("writing succeeds");
    writeln!(text, "{} of their .debs are in the cache, and are these", proved.debs).expect("writing succeeds");
    print(&text)
}

/// Builds again from the output's own lock, later, with other threads and in another place, and compares.
fn rebuild(
    arguments: &Verify,
    directory: &Path,
    recipe: &Recipe,
    output: &Output,
    signals: &Signals,
) -> Result<(), Failure> {
    let manifest = output.manifest();
    let name = format!("{}.lock", manifest.name);
    let lock = Lock::parse(&output.text(&name)?, &directory.join(&name))?;
    let mirrors = outside::mirrors(&arguments.common.mirror, Some(recipe))?;
    let mut host = outside::host(&arguments.common, signals)?;
    // Nothing that an earlier build has remembered, or that somebody has put there, may speak for this one.
    host.store = Arc::new(ContentOnly(host.store));
    host.now += LATER;
    host.jobs = if host.jobs == 1 { 3 } else { 1 };
    let request = Request {
        lock: Some(&lock),
        trust_lock: arguments.common.trust_lock,
        archive: outside::archive_options(&arguments.common),
        method: arguments.configure.method(),
        ..Request::new(recipe, &mirrors)
    };
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = tempfile::Builder::new()
        .prefix(".imgbuild-rebuild-")
        .tempdir_in(parent)
        .map_err(shown::without_place)
        .map_err(|source| Failure::File { action: "write in", path: parent.to_owned(), source })?;
    let again = place.path().join("again");
    pipeline::build(&host, &request, &again)?;
    let mut wrong = pipeline::check_directory(&again, manifest, &signals.cancel())?;
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.iter_mut().for_each(|wrong| wrong.push_str(", when it is built again"));
    Err(Error::Unverified { path: directory.to_owned(), wrong }.into())
}
