//! `imgbuild report`: a page of HTML that shows what is in an output.

use std::fs::Permissions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::args::Report;
use super::limits;
use super::signals::Signals;
use super::words::Failure;
use crate::cancel::Cancel;
use crate::compare;
use crate::format::shown;
use crate::format::shown::without_place;
use crate::limits::Limits;
use crate::pipeline::Form;
use crate::pipeline::Output;
use crate::recipe::Lock;
use crate::report;

/// Writes the page.
pub(super) fn run(arguments: &Report, signals: &Signals) -> Result<(), Failure> {
    let (cancel, limits, path) = (signals.cancel(), limits::of(&arguments.limit)?, &arguments.directory);
    let form = of_one_image(path, &limits, &cancel)?;
    let before = arguments.before.as_ref().map(|before| of_one_image(before, &limits, &cancel)).transpose()?;
    let changes = before.map(|before| compare::compare(before.side(), form.side())).transpose();
    let changes = changes.map_err(|error| Failure::Usage(error.to_string()))?;
    let output = Output::open(path)?;
    let name = format!("{}.lock", output.manifest().name);
    // What is in one of several images' directories has no lock of its own.
    let lock = if output.has(&name) { Lock::read(&path.join(&name))? } else { None };
    let (users, groups) = lock.map(|lock| (lock.users, lock.groups)).unwrap_or_default();
    let page = report::page(&report::Input {
        manifest: output.manifest(),
        tree: form.side().tree.as_deref().unwrap_or_default(),
        users: &users,
        groups: &groups,
        licences: report::licences(&output.text("sbom.spdx.json")?),
        changes: changes.as_ref(),
    });
    cancel.check()?;
    match &arguments.output {
        Some(file) => write(file, &page).map_err(without_place).map_err(|source| Failure::File {
            action: "write",
            path: file.clone(),
            source,
        }),
        None => super::output(&shown::lines(&page)),
    }
}

/// A page is of one image.
fn of_one_image(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Form, Failure> {
    let form = Form::open(path, limits, cancel)?;
    let images: Vec<String> =
        form.side().images.keys().map(|name| format!("`{}`", path.join(name).display())).collect();
    if images.is_empty() {
        return Ok(form);
    }
    let (path, images) = (path.display(), images.join(", "));
    Err(Failure::Usage(format!("`{path}` has several images, and a report is of one: give one of {images}")))
}

/// Writes a file that appears as a whole.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".imgbuild-").permissions(mode).tempfile_in(parent)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
