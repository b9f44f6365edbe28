//! An output that a build would write again, byte for byte, stays as it is.
//!
//! What decides an output is known as soon as its packages are chosen: they, what vouches for them, the recipe's
//! meaning, the accounts of a lock, the way to configure, the limits, who signs, and the program. Beside a digest of all
//! that the store remembers how each file of the output looked when it was written: number of the inode, size, mode,
//! owner and the time of its last change, which the kernel sets and nobody else can. While all of these are the same, no
//! byte needs to be read; otherwise the output is checked as `verify` checks it, and built again if anything is wrong.
//!
//! Where only a part would be another, the other parts are still the same: each root and each initramfs is known by what
//! decides it alone, and becomes a part of the new output by another name for the same file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

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
use crate::host::beneath::Status;
use crate::manifest::InitramfsRecord;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::recipe::Lock;
use crate::tree::Blob;
use crate::tree::Content;

/// The kind of the records of what was written.
const RECORD: &str = "kept-2";

/// What was written, and how it looked then.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    inputs: Sha256,
    outputs: Vec<OutputRecord>,
    seen: Sha256,
    parts: Parts,
}

/// The files of an output that cost much to write, by path.
pub(super) type Parts = BTreeMap<String, Part>;

/// Such a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    /// Digests of what decides it; any of them is enough.
    keys: Vec<Sha256>,
    /// What is known of it, if it is an initramfs.
    initramfs: Option<Made>,
    /// How it looked when it was written.
    seen: String,
}

impl Part {
    /// A file to be written; without keys it is not found again.
    pub(super) const fn new(keys: Vec<Sha256>, initramfs: Option<Made>) -> Self {
        Self { keys, initramfs, seen: String::new() }
    }

    /// What it is found by.
    pub(super) fn keys(&self) -> &[Sha256] {
        &self.keys
    }
}

/// What is known of an initramfs beside its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) record: InitramfsRecord,
    /// What the user should know of it.
    pub(super) told: Vec<String>,
}

/// The output before, for the parts that stay.
#[derive(Debug)]
pub(super) struct Previous {
    directory: Dir,
    written: Written,
    look: Look,
    cancel: Cancel,
    /// The files that were taken as they are, and how they looked then.
    taken: RefCell<BTreeMap<String, Status>>,
}

/// A file of the output before that would be written again as it is.
#[derive(Debug)]
pub(super) struct Same {
    pub(super) record: OutputRecord,
    pub(super) initramfs: Option<Made>,
    status: Status,
    file: File,
}

impl Previous {
    /// The output at a directory, if one is there that this user has written and a part of it may stay.
    pub(super) fn open(host: &Host, request: &Request<'_>, directory: &Path) -> Option<Self> {
        let look = request.keep.map_or(Look::Nothing, |keep| keep.after);
        let directory = Dir::open(directory).ok().filter(|_| look != Look::Nothing)?;
        let written = recall(host, &directory).ok().flatten()?;
        Some(Self { directory, written, look, cancel: host.cancel(), taken: RefCell::default() })
    }

    /// The file at `path`, if one of these keys is its own and it is as it was written.
    pub(super) fn same(&self, path: &str, keys: &[Sha256]) -> Option<Same> {
        let part = self.written.parts.get(path).filter(|part| part.keys.iter().any(|key| keys.contains(key)))?;
        self.as_written(path, part)
    }

    /// The bytes of the file at `path` with their digest, whatever decided it, if it is as it was written.
    pub(super) fn former(&self, path: &str) -> Option<(Arc<dyn Blob>, Sha256)> {
        let same = self.as_written(path, self.written.parts.get(path)?)?;
        let (sha256, _) = same.record.content()?;
        Some((Arc::new(same.file), sha256))
    }

    fn as_written(&self, path: &str, part: &Part) -> Option<Same> {
        let record = self.written.outputs.iter().find(|record| record.path() == path)?;
        let file = self.directory.file(path).ok()?;
        let status = self.directory.status(path).ok()?;
        let is_as_seen = format!("{status:?}") == part.seen;
        let is_same = is_as_seen && (self.look == Look::Outside || self.is_whole(&file, record));
        is_same.then(|| {
            self.taken.borrow_mut().insert(path.to_owned(), status);
            Same { record: record.clone(), initramfs: part.initramfs.clone(), status, file }
        })
    }

    /// A file that somebody has written to since it was taken.
    pub(super) fn written_to(&self) -> Option<String> {
        let taken = self.taken.borrow();
        let is_other = |path: &str, status: &Status| {
            self.directory.status(path).map_or(true, |now| now.content() != status.content())
        };
        taken.iter().find(|(path, status)| is_other(path, status)).map(|(path, _)| path.clone())
    }

    fn is_whole(&self, file: &File, record: &OutputRecord) -> bool {
        let hashed = Sha256::of_reader(&mut self.cancel.reader(file));
        hashed.ok() == record.content()
    }

    /// Gives the file this name as well; `false`: that cannot be, or another has taken its place meanwhile.
    pub(super) fn link(&self, same: &Same, to: &Path) -> bool {
        let from = self.directory.path().join(same.record.path());
        if std::fs::hard_link(from, to).is_err() {
            return false;
        }
        let is_it = std::fs::symlink_metadata(to).is_ok_and(|there| (there.dev(), there.ino()) == same.status.inode);
        if !is_it {
            // Should this fail, writing the file does, which must not be there.
            let _ = std::fs::remove_file(to);
        }
        is_it
    }
}

impl Same {
    /// Its bytes.
    pub(super) fn content(self) -> Option<Content> {
        let (sha256, size) = self.record.content()?;
        Some(Content::from_blob(Arc::new(self.file), 0, size, sha256))
    }
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
        let built =
            |workshop: &Chosen| (workshop.packages.iter().map(package).collect::<Vec<_>>(), workshop.reasons.clone());
        let workshop = chosen.workshop.as_deref().map(built);
        (packages, loaders, chosen.reasons.clone(), sources, proofs, workshop)
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
    let written = recall(host, output.directory())?.filter(|written| written.inputs == *inputs);
    let Some(written) = written else { return Ok(None) };
    let (tree_digest, images) = (output.manifest().tree, output.manifest().images.clone());
    if request.expect.is_some_and(|expected| expected != tree_digest) {
        return Ok(None);
    }
    let seen = Seen::of(output.directory(), &host.cancel());
    let is_as_seen = look == Look::Outside && seen.as_ref().is_ok_and(|seen| seen.all == written.seen);
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
        if let Ok(seen) = seen {
            remember(host, inputs, (output.directory(), &seen), (&written.outputs, written.parts.clone()))?;
        }
    }
    for message in written.parts.values().filter_map(|part| part.initramfs.as_ref()).flat_map(|made| &made.told) {
        host.reporter.event(&Event::Warning { message });
    }
    host.reporter.event(&Event::OutputKept { path: &directory.to_string_lossy() });
    let name = format!("{}.lock", request.recipe.name);
    let lock = Lock::parse(&output.text(&name)?, &directory.join(&name))?;
    Ok(Some(Built { outputs: written.outputs, tree_digest, images, lock, kept: true }))
}

/// Notes what was built from these inputs. `before`: how its files looked when they were known to be right; what cannot be
/// looked at, or was written to since, is not remembered.
pub(super) fn remember(
    host: &Host,
    inputs: &Sha256,
    (directory, before): (&Dir, &Seen),
    (outputs, mut parts): (&[OutputRecord], Parts),
) -> Result<(), Error> {
    let (Ok(key), Ok(seen)) = (key(directory), Seen::of(directory, &host.cancel())) else { return Ok(()) };
    if seen.content != before.content {
        return Ok(());
    }
    for (path, part) in &mut parts {
        let Ok(status) = directory.status(path) else { return Ok(()) };
        part.seen = format!("{status:?}");
    }
    let written = Written { inputs: *inputs, outputs: outputs.to_vec(), seen: seen.all, parts };
    let bytes = serde_json::to_vec(&written).expect("plain data has a JSON form");
    super::noted(host.reporter.as_ref(), &host.cancel(), host.store.set_record(RECORD, &key, &bytes))
}

fn recall(host: &Host, directory: &Dir) -> Result<Option<Written>, Error> {
    let Ok(key) = key(directory) else { return Ok(None) };
    let bytes = host.store.record(RECORD, &key)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// An output is a directory of its own, told by its inode.
fn key(directory: &Dir) -> io::Result<String> {
    let (device, inode) = directory.status("")?.inode;
    Ok(Sha256::of(format!("{device} {inode}").as_bytes()).to_string())
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

/// Digests of how everything below a directory looks from outside.
#[derive(Debug)]
pub(super) struct Seen {
    /// Of all that the file system says.
    all: Sha256,
    /// Of what is the same while files get and lose names, and nobody writes to them.
    content: Sha256,
}

impl Seen {
    pub(super) fn of(directory: &Dir, cancel: &Cancel) -> io::Result<Self> {
        let [mut all, mut content] = [(); 2].map(|()| HashWriter::new(io::sink()));
        let mut todo = vec![PathBuf::new()];
        while let Some(parent) = todo.pop() {
            let here = directory.dir(&parent)?;
            for name in here.names()? {
                cancel.check()?;
                let status = here.status(&name)?;
                let path = parent.join(&name);
                writeln!(all, "{path:?} {status:?}")?;
                writeln!(content, "{path:?} {:?}", status.content())?;
                if status.kind == FileType::Directory {
                    todo.push(path);
                }
            }
        }
        Ok(Self { all: all.finish().0, content: content.finish().0 })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::MemoryStore;
    use crate::host::OfflineTransport;

    const INPUTS: Sha256 = Sha256::from_bytes([7; 32]);

    fn output(place: &Path, name: &str, text: &str) -> Dir {
        fs::create_dir(place.join(name)).expect("ours");
        fs::write(place.join(name).join("root.tar"), text).expect("ours");
        Dir::open(&place.join(name)).expect("it is there")
    }

    fn is_remembered(between: impl FnOnce(&Path)) -> [bool; 2] {
        let place = tempfile::tempdir().expect("the tests can write");
        let host = Host::new(Arc::new(OfflineTransport), Arc::new(MemoryStore::new()));
        let (ours, theirs) = (output(place.path(), "ours", "one"), output(place.path(), "theirs", "two"));
        let seen = Seen::of(&ours, &Cancel::default()).expect("it can be read");
        between(place.path());
        remember(&host, &INPUTS, (&ours, &seen), (&[], Parts::new())).expect("memory");
        [ours, theirs].map(|directory| recall(&host, &directory).expect("memory").is_some())
    }

    #[test]
    fn what_is_remembered_is_of_the_output_that_was_written() {
        assert_eq!(is_remembered(|_| ()), [true, false]);
        // Another build has put its output in the place of ours.
        let swap = |place: &Path| {
            fs::rename(place.join("ours"), place.join("aside")).expect("ours");
            fs::rename(place.join("theirs"), place.join("ours")).expect("ours");
        };
        assert_eq!(is_remembered(swap), [true, false]);
        // Another name for a file says nothing of its bytes.
        let link = |place: &Path| fs::hard_link(place.join("ours/root.tar"), place.join("link")).expect("ours");
        assert_eq!(is_remembered(link), [true, false]);
    }

    #[test]
    fn what_was_written_to_since_is_not_remembered() {
        let write = |place: &Path| fs::write(place.join("ours/root.tar"), "ONE").expect("ours");
        assert_eq!(is_remembered(write), [false, false]);
        let more = |place: &Path| fs::write(place.join("ours/more"), "").expect("ours");
        assert_eq!(is_remembered(more), [false, false]);
    }
}
