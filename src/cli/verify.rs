//! `imgbuild verify`: an output against its manifest, its signature, and a second build in another world; a lock
//! against what was signed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::args::Verify;
use super::build::key_text;
use super::compare::manifest;
use super::compare::read_failure;
use super::print;
use super::signals::Signals;
use super::words::Failure;
use super::world;
use crate::deb::date;
use crate::digest::Sha256;
use crate::host::signing::KeyError;
use crate::host::signing::VerifyingKey;
use crate::manifest::Manifest;
use crate::manifest::provenance;
use crate::pipeline;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::Lock;
use crate::recipe::LockError;

/// So much later the second build believes to be: certificates, keys and Releases have expired by then.
const LATER: i64 = 400 * 24 * 60 * 60;

/// Says what is not as the manifest says, or as the lock's archives have signed.
pub(super) fn run(arguments: &Verify, signals: &Signals) -> Result<(), Failure> {
    let Some(directory) = &arguments.directory else {
        let path = arguments.lock.as_deref().expect("the parser wants one of both");
        return lock(arguments, path, signals);
    };
    let manifest = manifest(&directory.join("manifest.json"))?;
    let mut wrong = pipeline::check(directory, &manifest)?;
    if let (true, Some(path)) = (wrong.is_empty(), &arguments.key) {
        wrong.extend(signature(directory, path, &manifest)?);
    }
    if let (true, Some(path)) = (wrong.is_empty(), &arguments.rebuild) {
        wrong = rebuild(arguments, directory, path, &manifest, signals)?;
    }
    if !wrong.is_empty() {
        return Err(Failure::Unverified(wrong));
    }
    let mut text = format!("{} files as in the manifest\ntree {}\n", manifest.outputs.len(), manifest.tree);
    if arguments.key.is_some() {
        writeln!(text, "signed by that key").expect("writing to a String succeeds");
    }
    if arguments.rebuild.is_some() {
        writeln!(text, "built again: the same bytes").expect("writing to a String succeeds");
    }
    print(&text)
}

/// Why the provenance beside the manifest does not count, if so.
fn signature(directory: &Path, key: &Path, manifest: &Manifest) -> Result<Option<String>, Failure> {
    let wrong_key = |error: KeyError| Failure::Usage(format!("`{}`: {error}", key.display()));
    let key = VerifyingKey::from_pem(&key_text(key)?).map_err(wrong_key)?;
    let path = directory.join(provenance::FILE);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(provenance::SIZE_MAX).read_to_string(&mut text)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Some(format!("it has no `{}`", provenance::FILE)));
        }
        read => read.map(drop).map_err(read_failure(&path))?,
    }
    let path = directory.join("manifest.json");
    let (own, _) = File::open(&path).and_then(|mut file| Sha256::of_reader(&mut file)).map_err(read_failure(&path))?;
    let checked = provenance::check_provenance(&text, manifest, own, |bytes, signature| key.verifies(bytes, signature));
    Ok(checked.err().map(|error| format!("`{}` does not count: {error}", provenance::FILE)))
}

/// Proves a lock, and prints what was proved.
fn lock(arguments: &Verify, path: &Path, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = arguments.recipe.as_deref().map(recipe::load).transpose()?;
    let lock = match (Lock::read(path)?, &recipe) {
        (None, _) => return Err(LockError::Missing { path: path.to_owned() }.into()),
        (Some(lock), Some(recipe)) if lock.is_stale(recipe) => {
            return Err(LockError::Stale { path: path.to_owned(), recipe: recipe.name.clone() }.into());
        }
        (Some(lock), _) => lock,
    };
    let mirrors = world::mirrors(common, recipe.as_ref())?;
    let proved = pipeline::prove(&world::host(common, signals)?, recipe.as_ref(), &mirrors, &lock)?;
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
    recipe_path: &Path,
    manifest: &Manifest,
    signals: &Signals,
) -> Result<Vec<String>, Failure> {
    let recipe = recipe::load(recipe_path)?;
    let lock_path = directory.join(format!("{}.lock", manifest.name));
    let lock = Lock::read(&lock_path)?;
    let mirrors = world::mirrors(&arguments.common, Some(&recipe))?;
    let mut host = world::host(&arguments.common, signals)?;
    host.now += LATER;
    host.jobs = if host.jobs == 1 { 3 } else { 1 };
    let request = Request {
        lock: lock.as_ref(),
        archive: world::archive_options(&arguments.common),
        method: arguments.configure.method(),
        ..Request::new(&recipe, &mirrors)
    };
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = tempfile::Builder::new()
        .prefix(".imgbuild-rebuild-")
        .tempdir_in(parent)
        .map_err(|source| Failure::File { action: "write in", path: parent.to_owned(), source })?;
    let again = place.path().join("again");
    pipeline::build(&host, &request, &again)?;
    let mut wrong = pipeline::check(&again, manifest)?;
    wrong.iter_mut().for_each(|wrong| wrong.push_str(", when it is built again"));
    Ok(wrong)
}
