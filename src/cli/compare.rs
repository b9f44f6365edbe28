//! `imgbuild compare`: what differs between two outputs, trees, tars or locks, and why.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::args::Compare;
use super::print;
use super::print_json;
use super::signals::Signals;
use super::words::Failure;
use crate::cancel::Cancel;
use crate::compare;
use crate::compare::Side;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::compress;
use crate::manifest::Manifest;
use crate::pipeline::Output;
use crate::recipe::Lock;
use crate::tree;
use crate::tree::Content;

/// The longest text that is read: the tree of some million files.
const TEXT_MAX: u64 = 1 << 30;

/// The longest tar that is read.
const TAR_MAX: u64 = 1 << 40;

/// Prints what differs; nothing when nothing does.
pub(super) fn run(arguments: &Compare, signals: &Signals) -> Result<(), Failure> {
    let cancel = signals.cancel();
    let (before, after) = (side(&arguments.before, &cancel)?, side(&arguments.after, &cancel)?);
    cancel.check()?;
    let found = compare::compare(&before, &after).map_err(|error| Failure::Usage(error.to_string()))?;
    if arguments.json {
        print_json(&serde_json::json!(found))?;
    } else {
        print(&found.to_string())?;
    }
    if found.is_same() { Ok(()) } else { Err(Failure::Different) }
}

/// What `path` is: an output directory, a tree's text, a lock or a tar.
fn side(path: &Path, cancel: &Cancel) -> Result<Side, Failure> {
    if path.is_dir() {
        let output = Output::verified(path, &[], cancel)?;
        let images: Vec<String> =
            output.manifest().images.keys().map(|image| path.join(image).display().to_string()).collect();
        if !images.is_empty() {
            let (path, images) = (path.display(), images.join(", "));
            return Err(Failure::Usage(format!("`{path}` has several images: compare one of them, {images}")));
        }
        let side = Side::of_output(&output.text("tree.txt")?, Some(output.manifest()));
        return side.map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())));
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("lock") => match Lock::read(path)? {
            Some(lock) => Ok(Side::of_lock(&lock)),
            None => Err(read_failure(path)(io::ErrorKind::NotFound.into())),
        },
        Some("txt") => of_tree(path),
        Some("json") => Ok(Side::of_manifest(&manifest(path)?)),
        _ => of_tar(path, cancel),
    }
}

fn of_tree(path: &Path) -> Result<Side, Failure> {
    let text = text(path)?;
    Side::of_output(&text, None).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// A tar, compressed or not, by the tree in it.
fn of_tar(path: &Path, cancel: &Cancel) -> Result<Side, Failure> {
    let failed = read_failure(path);
    let wrong = |error: tree::tar::Error| Failure::Usage(format!("`{}` is no tar of a tree: {error}", path.display()));
    let mut input = BufReader::new(File::open(path).map_err(&failed)?);
    let start = io::BufRead::fill_buf(&mut input).map_err(&failed)?;
    let compression = compress::sniff(start);
    let input = compress::decoder(compression, input, compress::Allowance::new(TAR_MAX)).map_err(&failed)?;
    // Only what a file is matters here, so its bytes are counted and dropped.
    let mut keep = |bytes: &mut dyn Read, _: u64| {
        let (sha256, size) = Sha256::of_reader(bytes)?;
        Ok(Content::from_blob(Arc::new(Vec::new()), 0, size, sha256))
    };
    let tree = tree::tar::read(cancel.reader(input), &mut keep).map_err(wrong)?;
    Side::of_output(&tree::dump(&tree), None).map_err(|error| Failure::Usage(error.to_string()))
}

/// A manifest by itself.
pub(super) fn manifest(path: &Path) -> Result<Manifest, Failure> {
    Ok(Manifest::parse(&text(path)?).map_err(|source| Error::Manifest { path: path.to_owned(), source })?)
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = read_failure(path);
    let mut text = String::new();
    File::open(path).map_err(&failed)?.take(TEXT_MAX).read_to_string(&mut text).map_err(&failed)?;
    Ok(text)
}

/// The failure to read a file.
fn read_failure(path: &Path) -> impl Fn(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::File { action: "read", path: path.clone(), source }
}
