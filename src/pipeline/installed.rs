//! A system that the same packages have made before.
//!
//! What packages make of an empty tree is decided by them, by how they are unpacked and configured, the limits, and the
//! program. So the tree, its accounts and what is said of its packages are remembered under a digest of all that: another
//! file of the overlay or another node unpacks and configures nothing again. The bytes of the files lie in the store, those
//! of packages where they were unpacked, all others in one blob. Each is hashed when somebody wants it: who needs none reads none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::io::BufWriter;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde::Serialize;

use super::Chosen;
use super::Keep;
use super::Look;
use super::Request;
use crate::configure::Ids;
use crate::configure::Options;
use crate::deb::Package;
use crate::digest::Sha256;
use crate::error::Error;
use crate::host::Host;
use crate::host::Store;
use crate::manifest::Origin;
use crate::manifest::Origins;
use crate::manifest::PackageRecord;
use crate::tree;
use crate::tree::Blob;
use crate::tree::Content;
use crate::tree::Tree;
use crate::unpack;

/// The kind of the records of installed systems.
const RECORD: &str = "installed-1";

/// A root tree with its packages installed, and nothing else of a recipe.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) tree: Tree,
    pub(super) ids: Ids,
    pub(super) origins: Origins,
    pub(super) packages: Vec<PackageRecord>,
    /// The newest time inside the packages.
    pub(super) newest: i64,
    /// The source date epoch that it was configured for.
    pub(super) epoch: i64,
}

/// As the store has it; nothing that is already there is copied to be written.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    newest: i64,
    epoch: i64,
    users: Cow<'a, BTreeMap<String, u32>>,
    groups: Cow<'a, BTreeMap<String, u32>>,
    packages: Cow<'a, [PackageRecord]>,
    /// Its canonical text.
    tree: String,
    blobs: Vec<Sha256>,
    /// Of each regular file in the text: which of the blobs, and where in it.
    places: Vec<(usize, u64)>,
    /// Of each path.
    origins: Vec<Cow<'a, Origin>>,
}

/// Whether systems are recalled, and whether one that was had bytes that are no longer there: then all is to be done
/// once more without.
#[derive(Debug, Default)]
pub(super) struct Memory {
    is_off: bool,
    is_broken: Arc<AtomicBool>,
}

impl Memory {
    /// Does work with what is remembered, and once more without it where that is damaged.
    pub(super) fn with<T>(work: impl Fn(&Self) -> Result<T, Error>) -> Result<T, Error> {
        let memory = Self::default();
        match work(&memory) {
            Err(_) if memory.is_broken.load(Ordering::Relaxed) => work(&Self { is_off: true, ..Self::default() }),
            done => done,
        }
    }
}

/// The digest of everything that decides an installed system; `None` where none is remembered. `options` are without an
/// epoch, which follows from the packages.
pub(super) fn key(host: &Host, request: &Request<'_>, chosen: &Chosen, options: &Options) -> Option<Sha256> {
    let Keep { program, .. } = request.keep?;
    if chosen.unproved {
        return None;
    }
    let package = |(package, reason)| {
        let (package, reason): (&Package, &String) = (package, reason);
        let archive = chosen.archive(package);
        (&package.name, &package.architecture, package.sha256, &package.filename, archive, reason)
    };
    let packages: Vec<_> = chosen.packages.iter().zip(&chosen.reasons).map(package).collect();
    let install = &request.recipe.install;
    let how = (&install.exclude, &install.include, format!("{options:?}"), format!("{:?}", host.limits));
    let all = (program, packages, how);
    Some(Sha256::of(&serde_json::to_vec(&all).expect("plain data has a JSON form")))
}

/// Whether anything is. `--again` recalls nothing.
pub(super) fn is_recalled(request: &Request<'_>, memory: &Memory) -> bool {
    !memory.is_off && request.keep.is_some_and(|keep| keep.after != Look::Nothing)
}

/// The system of this key, if the store has it.
pub(super) fn recall(
    host: &Host,
    request: &Request<'_>,
    key: &Sha256,
    memory: &Memory,
) -> Result<Option<Installed>, Error> {
    if !is_recalled(request, memory) {
        return Ok(None);
    }
    let bytes = host.store.record(RECORD, &key.to_string())?;
    let json = bytes.and_then(|bytes| zstd::decode_all(bytes.as_slice()).ok());
    let record = json.and_then(|json| serde_json::from_slice::<Record<'_>>(&json).ok());
    // What this program cannot read is made again.
    Ok(record.and_then(|record| restored(host, record, memory)))
}

fn restored(host: &Host, record: Record<'_>, memory: &Memory) -> Option<Installed> {
    let later = |sha256: &Sha256| {
        let (store, is_broken) = (Arc::clone(&host.store), Arc::clone(&memory.is_broken));
        Arc::new(Later { store, sha256: *sha256, opened: OnceLock::new(), is_broken })
    };
    let blobs: Vec<Arc<Later>> = record.blobs.iter().map(later).collect();
    let mut places = record.places.into_iter();
    let tree = tree::restore(&record.tree, |sha256, size| {
        let (blob, offset) = places.next()?;
        let blob = Arc::clone(blobs.get(blob)?);
        let piece = Piece { blob, offset, size, sha256: *sha256, is_whole: OnceLock::new() };
        Some(Content::from_blob(Arc::new(piece), 0, size, *sha256))
    });
    let tree = tree.ok()?;
    Some(Installed {
        ids: Ids { users: record.users.into_owned(), groups: record.groups.into_owned() },
        origins: Origins::of_tree(&tree, record.origins.into_iter().map(Cow::into_owned).collect())?,
        packages: record.packages.into_owned(),
        newest: record.newest,
        epoch: record.epoch,
        tree,
    })
}

/// Remembers a system. What no package has as it is goes into the store.
pub(super) fn remember(host: &Host, key: &Sha256, installed: &Installed) -> Result<(), Error> {
    let (mut blobs, mut known) = (Vec::new(), BTreeMap::new());
    for package in &installed.packages {
        if let Some(stored) = unpack::stored(host.store.as_ref(), &package.sha256)? {
            known.extend(stored.files.into_iter().map(|(file, offset)| (file, (blobs.len(), offset))));
            blobs.push(stored.blob);
        }
    }
    let failed = |source| Error::Read { path: "the cache".into(), source };
    let mut made = host.cancel().writer(host.store.writer()?);
    let (mut size, mut places) = (0, Vec::new());
    for content in tree::contents(&installed.tree) {
        let place = *known.entry(*content.sha256()).or_insert((blobs.len(), size));
        if place == (blobs.len(), size) {
            io::copy(&mut content.reader(), &mut made).map_err(failed)?;
            size += content.size();
        }
        places.push(place);
    }
    drop(known);
    made.flush().map_err(failed)?;
    blobs.push(made.into_inner().commit(None)?.sha256);
    let record = Record {
        newest: installed.newest,
        epoch: installed.epoch,
        users: Cow::Borrowed(&installed.ids.users),
        groups: Cow::Borrowed(&installed.ids.groups),
        packages: Cow::Borrowed(&installed.packages),
        tree: tree::dump(&installed.tree),
        blobs,
        places,
        origins: installed.origins.in_order().map(Cow::Borrowed).collect(),
    };
    // A large system's is some 100 MB, and packs to some five.
    let mut packed = BufWriter::with_capacity(1 << 16, zstd::Encoder::new(Vec::new(), 1).map_err(failed)?);
    serde_json::to_writer(&mut packed, &record).map_err(|error| failed(error.into()))?;
    drop(record);
    let packed = packed.into_inner().map_err(|error| failed(error.into_error()))?.finish().map_err(failed)?;
    Ok(host.store.set_record(RECORD, &key.to_string(), &packed)?)
}

/// A blob of the store that is opened at its first use.
struct Later {
    store: Arc<dyn Store>,
    sha256: Sha256,
    opened: OnceLock<Option<Arc<dyn Blob>>>,
    is_broken: Arc<AtomicBool>,
}

impl Later {
    /// The blob, its bytes unverified.
    fn open(&self) -> io::Result<&Arc<dyn Blob>> {
        let open = || self.store.unverified(&self.sha256).ok().flatten().map(|stored| stored.blob);
        self.opened.get_or_init(open).as_ref().ok_or_else(|| self.lost())
    }

    fn lost(&self) -> io::Error {
        self.is_broken.store(true, Ordering::Relaxed);
        io::Error::new(io::ErrorKind::NotFound, format!("the cache has lost {}", self.sha256))
    }
}

/// A file in such a blob. It is hashed at its first use, and it alone: most builds read few of the files.
struct Piece {
    blob: Arc<Later>,
    offset: u64,
    size: u64,
    sha256: Sha256,
    is_whole: OnceLock<bool>,
}

impl Blob for Piece {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let blob = self.blob.open()?;
        let is_whole = || {
            let content = Content::from_blob(Arc::clone(blob), self.offset, self.size, self.sha256);
            Sha256::of_reader(&mut content.reader()).is_ok_and(|found| found == (self.sha256, self.size))
        };
        if !self.is_whole.get_or_init(is_whole) {
            return Err(self.blob.lost());
        }
        blob.read_at(buffer, self.offset + offset)
    }
}
