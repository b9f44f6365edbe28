//! An output that a build would write again, byte for byte, stays as it is.
//!
//! What decides an output is known as soon as its packages are chosen: they, what vouches for them, the recipe's
//! meaning, the accounts of a lock, the way to configure, the limits, who signs, and the program. Beside a digest of all
//! that the store remembers how each file of the output looked when it was written: number of the inode, size, mode,
//! owner and the time of its last change, which the kernel sets and nobody else can. While all of these are the same, no
//! byte needs to be read; otherwise the output is checked as `verify` checks it, and built again if anything is wrong.

use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FileType;
use serde::Deserialize;
use serde::Serialize;

use super::Built;
use super::Chosen;
use super::Keep;
use super::Look;
use super::Output;
use super::Request;
use super::output::MANIFEST;
use crate::archive::Proof;
use crate::archive::Source;
use crate::cancel::Cancel;
use crate::deb::Package;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::host::Dir;
use crate::host::Event;
use crate::host::Host;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::recipe::Lock;

/// The kind of the records of what was written.
const RECORD: &str = "kept-1";

/// What was written, and how it looked then.
#[derive(Serialize, Deserialize)]
struct Written {
    outputs: Vec<OutputRecord>,
    seen: Sha256,
}

/// The digest of everything that decides an output; `None` where none is to be kept, or nothing proves the packages.
pub(super) fn inputs(host: &Host, request: &Request<'_>, images: &[Chosen]) -> Option<Sha256> {
    let Keep { program, .. } = request.keep?;
    if images.iter().any(|chosen| chosen.unproved) {
        return None;
    }
    let package = |package: &Package| {
        (package.name.clone(), package.architecture.clone(), package.sha256, package.filename.clone(), package.archive)
    };
    let source = |source: &Source| (source.name.clone(), Sha256::of(&source.keyring));
    let proof = |proof: &Proof| {
        let signature = proof.signature.as_deref().map(Sha256::of);
        (Sha256::of(&proof.text), signature, proof.waived)
    };
    let image = |chosen: &Chosen| {
        let packages: Vec<_> = chosen.packages.iter().map(package).collect();
        let loaders: Vec<_> = chosen.loaders.iter().map(package).collect();
        let sources: Vec<_> = chosen.sources.iter().map(source).collect();
        let proofs: Vec<_> = chosen.proofs.iter().map(proof).collect();
        (packages, loaders, chosen.reasons.clone(), sources, proofs)
    };
    let images: Vec<_> = images.iter().map(image).collect();
    let lock = request.lock.map(Lock::to_text);
    let signer = request.signer.map(|signer| signer.key_id());
    let how = (format!("{:?}", request.method), format!("{:?}", host.limits), signer);
    let all = (program, request.recipe.digest, images, lock, how);
    Some(Sha256::of(&serde_json::to_vec(&all).expect("plain data has a JSON form")))
}

/// The output that was built from the same inputs, if it is still there and as it was.
pub(super) fn find(
    host: &Host,
    request: &Request<'_>,
    inputs: &Sha256,
    directory: &Path,
) -> Result<Option<Built>, Error> {
    let look = request.keep.map_or(Look::Nothing, |keep| keep.after);
    let (false, Ok(output)) = (look == Look::Nothing, Output::open(directory)) else { return Ok(None) };
    let output = output.cancelled_by(&host.cancel());
    let Some(written) = recall(host, inputs, output.directory())? else { return Ok(None) };
    let (tree_digest, images) = (output.manifest().tree, output.manifest().images.clone());
    if request.expect.is_some_and(|expected| expected != tree_digest) {
        return Ok(None);
    }
    let is_as_seen =
        look == Look::Outside && seen(output.directory(), &host.cancel()).is_ok_and(|seen| seen == written.seen);
    if !is_as_seen {
        let wrong = match strange(&output, &written)? {
            Some(own) => vec![own],
            None => output.check()?,
        };
        if let Some(first) = wrong.first() {
            let message = format!("`{}` is built again: {first}", directory.display());
            host.reporter.event(&Event::Warning { message: &message });
            return Ok(None);
        }
        remember(host, inputs, directory, &written.outputs)?;
    }
    host.reporter.event(&Event::OutputKept { path: &directory.to_string_lossy() });
    let name = format!("{}.lock", request.recipe.name);
    let lock = Lock::parse(&output.text(&name)?, &directory.join(&name))?;
    Ok(Some(Built { outputs: written.outputs, tree_digest, images, lock, kept: true }))
}

/// Notes what was built from these inputs. What cannot be looked at is not remembered.
pub(super) fn remember(host: &Host, inputs: &Sha256, directory: &Path, outputs: &[OutputRecord]) -> Result<(), Error> {
    let Ok(directory) = Dir::open(directory) else { return Ok(()) };
    let (Ok(key), Ok(seen)) = (key(inputs, &directory), seen(&directory, &host.cancel())) else { return Ok(()) };
    let written = Written { outputs: outputs.to_vec(), seen };
    let bytes = serde_json::to_vec(&written).expect("plain data has a JSON form");
    Ok(host.store.set_record(RECORD, &key, &bytes)?)
}

fn recall(host: &Host, inputs: &Sha256, directory: &Dir) -> Result<Option<Written>, Error> {
    let Ok(key) = key(inputs, directory) else { return Ok(None) };
    let bytes = host.store.record(RECORD, &key)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Several outputs of the same inputs are each remembered: a directory is told by its inode.
fn key(inputs: &Sha256, directory: &Dir) -> io::Result<String> {
    let (device, inode) = directory.status("")?.inode;
    Ok(Sha256::of(format!("{inputs} {device} {inode}").as_bytes()).to_string())
}

/// Which of the files that vouch for the others is not the one that was written.
fn strange(output: &Output, written: &Written) -> Result<Option<String>, Error> {
    for name in [MANIFEST, provenance::FILE] {
        let record = written.outputs.iter().find(|record| record.path() == name);
        let wanted = record.and_then(OutputRecord::content).map(|(sha256, _)| sha256);
        if output.own_digest(name)? != wanted {
            return Ok(Some(format!("`{name}` is not the one that was written")));
        }
    }
    Ok(None)
}

/// A digest of how everything below a directory looks from outside.
fn seen(directory: &Dir, cancel: &Cancel) -> io::Result<Sha256> {
    let mut hash = HashWriter::new(io::sink());
    let mut todo = vec![PathBuf::new()];
    while let Some(parent) = todo.pop() {
        let here = directory.dir(&parent)?;
        for name in here.names()? {
            cancel.check()?;
            let status = here.status(&name)?;
            let path = parent.join(&name);
            writeln!(hash, "{path:?} {status:?}")?;
            if status.kind == FileType::Directory {
                todo.push(path);
            }
        }
    }
    Ok(hash.finish().0)
}
