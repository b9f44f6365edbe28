//! The one reader of outputs: what a build has left, opened by its manifest alone.
//!
//! The manifest names every path, so an output is a closed set. [`Output::check`] finds whatever is not as it says; and
//! what is read later is hashed as it is read, so that nobody uses other bytes than those that were checked.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use crate::cancel::Cancel;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::host::Dir;
use crate::host::Verifier;
use crate::image;
use crate::manifest::FILE_MODE;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::tree;
use crate::tree::Content;
use crate::tree::Entry;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::tree::escape;

/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The tree's text.
const TREE: &str = "tree.txt";
/// The longest manifest, and the longest text, that is read: both are about as long as the tree has paths.
pub(super) const TEXT_MAX: u64 = 128 << 20;
/// So many differences are told; of the rest the number is.
const TOLD: usize = 50;
/// So many paths more than wanted are read of a directory before it is given up.
const EXTRA_PATHS: usize = 1000;

/// An output that is open.
#[derive(Debug)]
pub struct Output {
    directory: Dir,
    manifest: Manifest,
    /// Path → which of the manifest's records.
    paths: BTreeMap<String, usize>,
    /// Digest of the manifest's own file.
    own: Sha256,
    cancel: Cancel,
}

impl Output {
    /// Opens an output by its manifest. Nothing else of it is looked at yet.
    ///
    /// # Errors
    /// There is no manifest, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = Dir::open(path).map_err(failed(path))?;
        let place = path.join(MANIFEST);
        let status = directory.status(MANIFEST).map_err(failed(&place))?;
        if status.kind != FileType::RegularFile {
            return Err(unverified(path, vec![format!("`{MANIFEST}` is no regular file")]));
        }
        let bytes = directory.read_if_any(MANIFEST, TEXT_MAX).map_err(failed(&place))?.unwrap_or_default();
        let own = Sha256::of(&bytes);
        let text = String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        let text = text.map_err(|error| unverified(path, vec![format!("`{MANIFEST}` is no text: {error}")]))?;
        let manifest = Manifest::parse(&text).map_err(|source| Error::Manifest { path: place, source })?;
        let outputs = manifest.outputs.iter().enumerate();
        let paths = outputs.map(|(position, record)| (record.path().to_owned(), position)).collect();
        Ok(Self { directory, manifest, paths, own, cancel: Cancel::default() })
    }

    /// Ends whatever reads much of it when this says so.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Opens an output that is as its manifest says, and signed by one of the keys if there are any.
    ///
    /// # Errors
    /// It is not, with all the ways in which it is not; it cannot be read, or it was cancelled.
    pub fn verified(path: &Path, keys: &[&dyn Verifier], cancel: &Cancel) -> Result<Self, Error> {
        let output = Self::open(path)?.cancelled_by(cancel);
        let mut wrong = output.check()?;
        if wrong.is_empty() && !keys.is_empty() {
            wrong.extend(output.check_signature(keys)?);
        }
        if wrong.is_empty() { Ok(output) } else { Err(unverified(path, wrong)) }
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it lies, as it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory itself.
    pub(super) const fn directory(&self) -> &Dir {
        &self.directory
    }

    /// The digest of a file that vouches for the others, and that no manifest names: the manifest, as it was when it was
    /// opened, or the provenance.
    pub(super) fn own_digest(&self, name: &str) -> Result<Option<Sha256>, Error> {
        if name == MANIFEST {
            return Ok(Some(self.own));
        }
        let bytes = self.directory.read_if_any(name, provenance::SIZE_MAX).map_err(failed(&self.path().join(name)))?;
        Ok(bytes.map(|bytes| Sha256::of(&bytes)))
    }

    /// Every way in which the output is not what its manifest says, in words: paths that lack or are not in it, and
    /// kinds, modes, owners where they are kept, targets and bytes that are others. The first of them, and a count.
    ///
    /// # Errors
    /// Something cannot be read, or it was cancelled.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        check(&self.directory, &self.manifest, &self.cancel)
    }

    /// Why the provenance beside the manifest does not count, if so: one of the keys must have signed it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn check_signature(&self, keys: &[&dyn Verifier]) -> Result<Option<String>, Error> {
        let name = provenance::FILE;
        let path = self.path().join(name);
        let bytes = self.directory.read_if_any(name, provenance::SIZE_MAX).map_err(failed(&path))?;
        let Some(bytes) = bytes else { return Ok(Some(format!("it has no `{name}`"))) };
        let text = String::from_utf8_lossy(&bytes);
        let checked = provenance::check_provenance(&text, &self.manifest, self.own, keys);
        Ok(checked.err().map(|error| format!("`{name}` does not count: {error}")))
    }

    /// Whether the manifest has a path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.record(path).is_some()
    }

    fn record(&self, path: &str) -> Option<&OutputRecord> {
        self.paths.get(path).map(|position| &self.manifest.outputs[*position])
    }

    /// The whole of a file that the manifest names.
    ///
    /// # Errors
    /// It names none, the bytes are others, they cannot be read, or it was cancelled.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let size = self.record(path).and_then(OutputRecord::content).map_or(0, |(_, size)| size);
        if size > TEXT_MAX {
            return Err(self.wrong(path, &format!("has {size} bytes, which is too long to be kept in memory")));
        }
        self.copy(path, &mut bytes)?;
        Ok(bytes)
    }

    /// The whole of a text.
    ///
    /// # Errors
    /// As [`Output::read`], or it is not UTF-8.
    pub fn text(&self, path: &str) -> Result<String, Error> {
        String::from_utf8(self.read(path)?).map_err(|_| self.wrong(path, "is no text"))
    }

    /// Copies a file that the manifest names. When this fails, what was written is not to be used.
    ///
    /// # Errors
    /// As [`Output::read`], or the bytes cannot be written.
    pub fn copy(&self, path: &str, to: &mut dyn Write) -> Result<(), Error> {
        self.through(path, |reader| {
            let copied = io::copy(reader, to);
            copied.map(drop).map_err(|source| Error::Write { path: path.into(), source })
        })
    }

    /// Lets a file's bytes be used, and says afterwards whether they were those of the manifest: what was made of them
    /// is not to be used when they were not.
    pub(super) fn through<T>(
        &self,
        path: &str,
        work: impl FnOnce(&mut (dyn Read + Send)) -> Result<T, Error>,
    ) -> Result<T, Error> {
        super::cancellable(&self.cancel, || self.hashed(path, work))
    }

    fn hashed<T>(&self, path: &str, work: impl FnOnce(&mut (dyn Read + Send)) -> Result<T, Error>) -> Result<T, Error> {
        let wanted = self.record(path).and_then(OutputRecord::content);
        let wanted = wanted.ok_or_else(|| self.wrong(path, "is no file of the manifest"))?;
        let on_disk = self.path().join(path);
        let file = self.directory.file(path).map_err(failed(&on_disk))?;
        // One byte more than wanted tells that there are more.
        let inner = self.cancel.reader(file.take(wanted.1.saturating_add(1)));
        let mut reader = HashReader { inner, hash: HashWriter::new(io::sink()) };
        let done = work(&mut reader);
        // A reader of an archive may stop before the end of the file.
        let rest = io::copy(&mut reader, &mut io::sink()).map_err(failed(&on_disk));
        let (sha256, size, _) = reader.hash.finish();
        rest?;
        if (sha256, size) == wanted { done } else { Err(self.wrong(path, "has other bytes")) }
    }

    /// The directory of a root, to be read by [`image::read_directory`], of the image whose outputs lie `below`.
    /// With it, how many paths it shall have.
    pub(super) fn root_directory(&self, below: &str) -> Result<Option<(Dir, usize)>, Error> {
        let is_it = |path: &str| path.strip_prefix(below) == Some("root");
        let mut trees = self.manifest.outputs.iter().filter(|record| matches!(record, OutputRecord::Tree { .. }));
        let Some(record) = trees.find(|record| is_it(record.path())) else { return Ok(None) };
        let path = record.path();
        let directory = self.directory.dir(path).map_err(failed(&self.path().join(path)))?;
        Ok(Some((directory, self.text(&format!("{below}{TREE}"))?.lines().count())))
    }

    pub(super) fn wrong(&self, path: &str, how: &str) -> Error {
        unverified(self.path(), vec![format!("`{}` {how}", path.escape_debug())])
    }
}

/// Another directory beside a manifest: as [`Output::check`].
///
/// # Errors
/// Something cannot be read, or it was cancelled.
pub fn check_directory(directory: &Path, manifest: &Manifest, cancel: &Cancel) -> Result<Vec<String>, Error> {
    check(&Dir::open(directory).map_err(failed(directory))?, manifest, cancel)
}

fn check(directory: &Dir, manifest: &Manifest, cancel: &Cancel) -> Result<Vec<String>, Error> {
    super::cancellable(cancel, || check_all(directory, manifest, cancel))
}

fn check_all(directory: &Dir, manifest: &Manifest, cancel: &Cancel) -> Result<Vec<String>, Error> {
    let mut checking = Checking { directory, missing: BTreeMap::new(), wrong: Wrong::default(), cancel };
    for record in &manifest.outputs {
        let path = record.path();
        let is_one = TreePath::new(path).is_ok_and(|good| !good.is_root() && good.as_bytes() == path.as_bytes());
        if !is_one || [MANIFEST, provenance::FILE].contains(&path) {
            checking.wrong.say(path.as_bytes(), "is no path in an output");
        } else if checking.missing.insert(path, record).is_some() {
            checking.wrong.say(path.as_bytes(), "is in the manifest twice");
        }
    }
    let tree = manifest.outputs.iter().find(|record| record.path() == TREE).and_then(OutputRecord::content);
    if tree.is_none_or(|(sha256, _)| sha256 != manifest.tree) {
        checking.wrong.say(TREE.as_bytes(), "is not of the manifest's tree");
    }
    let mut todo = vec![String::new()];
    while let Some(parent) = todo.pop() {
        let on_disk = directory.path().join(&parent);
        // From the top each time: as many handles as a path is deep could be more than there are.
        let here = directory.dir(&parent).map_err(failed(&on_disk))?;
        for name in here.names().map_err(failed(&on_disk))? {
            cancel.check()?;
            let path = Path::new(&parent).join(&name);
            if checking.entry(&here, &name, &path).map_err(failed(&directory.path().join(&path)))? {
                todo.extend(path.to_str().map(str::to_owned));
            }
        }
    }
    let trees = checking.trees();
    let Checking { missing, mut wrong, .. } = checking;
    for path in missing.keys() {
        wrong.say(path.as_bytes(), "is missing");
    }
    for path in trees {
        check_tree(directory, path, manifest, &mut wrong, cancel)?;
    }
    Ok(wrong.told())
}

/// What lies in a directory, beside what shall.
struct Checking<'a> {
    directory: &'a Dir,
    /// What was not met yet.
    missing: BTreeMap<&'a str, &'a OutputRecord>,
    wrong: Wrong,
    cancel: &'a Cancel,
}

impl<'a> Checking<'a> {
    /// Looks at one name; `true`: it is a directory to be gone through.
    fn entry(&mut self, here: &Dir, name: &std::ffi::OsStr, path: &Path) -> io::Result<bool> {
        use std::os::unix::ffi::OsStrExt as _;
        let shown = path.as_os_str().as_bytes();
        let status = here.status(name)?;
        let record = path.to_str().and_then(|path| self.missing.get(path).copied());
        let own = [MANIFEST, provenance::FILE].into_iter().find(|own| path == Path::new(own));
        let (kind, mode) = match (record, own) {
            (None, None) => {
                self.wrong.say(shown, "is not in the manifest");
                return Ok(false);
            }
            // Its owners, modes and all the rest are looked at by its own text.
            (Some(OutputRecord::Tree { .. }), _) if status.kind == FileType::Directory => return Ok(false),
            (Some(OutputRecord::Tree { .. }), _) => (FileType::Directory, None),
            (Some(OutputRecord::Directory { mode, .. }), _) => (FileType::Directory, Some(*mode)),
            (Some(OutputRecord::File { mode, .. }), _) => (FileType::RegularFile, Some(*mode)),
            (Some(OutputRecord::Link { .. }), _) => (FileType::Symlink, None),
            (None, Some(_)) => (FileType::RegularFile, Some(FILE_MODE)),
        };
        if let Some(record) = record {
            self.missing.remove(record.path());
        }
        if status.kind != kind {
            let wanted = match kind {
                FileType::Directory => "is no directory",
                FileType::Symlink => "is no link",
                _ => "is no regular file",
            };
            self.wrong.say(shown, wanted);
            self.forget_below(path);
            return Ok(false);
        }
        if let Some(mode) = mode.filter(|mode| *mode != status.mode) {
            self.wrong.say(shown, &format!("has mode {:04o}, not {mode:04o}", status.mode));
            // It may not even be readable now.
            if kind == FileType::Directory && here.dir(name).is_err() {
                self.forget_below(path);
                return Ok(false);
            }
        } else if let Some(how) =
            record.map(|record| difference(here, name, record, self.cancel)).transpose()?.flatten()
        {
            self.wrong.say(shown, &how);
        }
        Ok(kind == FileType::Directory)
    }

    /// What is below something that is no directory, or cannot be looked into, is not told again.
    fn forget_below(&mut self, path: &Path) {
        let Some(prefix) = path.to_str().map(|path| format!("{path}/")) else { return };
        let below = self.missing.range(prefix.as_str()..).map(|(path, _)| *path);
        let below: Vec<&str> = below.take_while(|path| path.starts_with(&prefix)).collect();
        for path in below {
            self.missing.remove(path);
        }
    }

    /// Directories of roots that are there.
    fn trees(&mut self) -> Vec<&'a str> {
        let mut found = Vec::new();
        self.missing.retain(|path, record| {
            let is_there = matches!(record, OutputRecord::Tree { .. })
                && self.directory.status(path).is_ok_and(|status| status.kind == FileType::Directory);
            found.extend(is_there.then_some(*path));
            !is_there
        });
        found
    }
}

/// How the content of a file, or a link's, is another one.
fn difference(
    here: &Dir,
    name: &std::ffi::OsStr,
    record: &OutputRecord,
    cancel: &Cancel,
) -> io::Result<Option<String>> {
    match record {
        OutputRecord::File { size, sha256, .. } => {
            let file = here.file(name)?;
            let found = file.metadata()?.len();
            if found != *size {
                return Ok(Some(format!("has {found} bytes, not {size}")));
            }
            // No more than that is read, should it grow.
            let is_same = Sha256::of_reader(&mut cancel.reader(file.take(size.saturating_add(1))))? == (*sha256, *size);
            Ok((!is_same).then(|| "has other bytes".to_owned()))
        }
        OutputRecord::Link { target, .. } => {
            let found = here.target(name)?;
            Ok((found != target.as_bytes())
                .then(|| format!("leads to `{}`, not `{}`", escape(&found), escape(target.as_bytes()))))
        }
        OutputRecord::Directory { .. } | OutputRecord::Tree { .. } => Ok(None),
    }
}

/// The directory of a root beside its text, which the manifest vouches for.
fn check_tree(
    directory: &Dir,
    path: &str,
    manifest: &Manifest,
    wrong: &mut Wrong,
    cancel: &Cancel,
) -> Result<(), Error> {
    // Of several images each has its text beside its root.
    let tree = path.rsplit_once('/').map_or_else(|| TREE.to_owned(), |(image, _)| format!("{image}/{TREE}"));
    let text = directory.read_if_any(&tree, TEXT_MAX).ok().flatten();
    let wanted = manifest.outputs.iter().find(|record| record.path() == tree).and_then(OutputRecord::content);
    let is_wanted = |text: &Vec<u8>| wanted.is_some_and(|(sha256, _)| Sha256::of(text) == sha256);
    let text = text.filter(is_wanted).and_then(|text| String::from_utf8(text).ok());
    // Another one, or none, was told of already.
    let Some(text) = text else { return Ok(()) };
    let here = directory.dir(path).map_err(failed(&directory.path().join(path)))?;
    for (path_in_it, how) in tree_differences(&here, &text, cancel)? {
        wrong.say_of(&format!("{}{path_in_it}", escape(path.as_bytes())), &how);
    }
    Ok(())
}

/// How a directory is not the one that a tree's text is of: path, and in which way.
pub(super) fn tree_differences(directory: &Dir, text: &str, cancel: &Cancel) -> Result<Vec<(String, String)>, Error> {
    let lines = text.lines().count();
    // Only what a file is matters here, so its bytes are counted and dropped.
    let mut keep = |bytes: &mut dyn Read, _: u64| {
        let (sha256, size) = Sha256::of_reader(bytes)?;
        Ok(Content::from_blob(Arc::new(Vec::new()), 0, size, sha256))
    };
    match image::read_directory(directory, lines.saturating_add(EXTRA_PATHS), &mut keep, cancel) {
        Ok(found) => Ok(differences(text, &found)),
        Err(error @ image::Error::TooMany(_)) => Ok(vec![("/".to_owned(), error.to_string())]),
        Err(image::Error::Kind(path)) => Ok(vec![(path.to_string(), "is not in the manifest".to_owned())]),
        Err(image::Error::Directory { path, source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            unreadable(directory, text, path, source)
        }
        Err(error) => Err(error.into()),
    }
}

/// What nobody can read because it has another mode than it shall is a difference, and else an error.
fn unreadable(directory: &Dir, text: &str, path: TreePath, source: io::Error) -> Result<Vec<(String, String)>, Error> {
    let found = directory.status(String::from_utf8_lossy(path.as_bytes()).as_ref());
    let shown = path.to_string();
    let wanted = tree::parse_dump(text).unwrap_or_default().into_iter().find(|entry| entry.path == shown);
    match (found.map(|status| format!("{:04o}", status.mode)), wanted) {
        (Ok(found), Some(wanted)) if found != wanted.mode => {
            Ok(vec![(shown, format!("has mode {found}, not {}", wanted.mode))])
        }
        _ => Err(image::Error::Directory { action: "read", path, source }.into()),
    }
}

/// How a tree is not the one that a text is of.
pub(super) fn differences(text: &str, found: &Tree) -> Vec<(String, String)> {
    let dump = tree::dump(found);
    if dump == text {
        return Vec::new();
    }
    let entries = |text: &str| -> BTreeMap<String, Entry> {
        let entries = tree::parse_dump(text).unwrap_or_default();
        entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect()
    };
    let (wanted, mut found) = (entries(text), entries(&dump));
    let mut different = Vec::new();
    for (path, wanted) in wanted {
        match found.remove(&path) {
            None => different.push((path, "is missing".to_owned())),
            Some(found) if found != wanted => different.push((path, entry_difference(&wanted, &found))),
            Some(_) => {}
        }
    }
    different.extend(found.into_keys().map(|path| (path, "is not in the manifest".to_owned())));
    if different.is_empty() {
        different.push(("/".to_owned(), format!("is not as `{TREE}` says")));
    }
    different
}

fn entry_difference(wanted: &Entry, found: &Entry) -> String {
    let attributes =
        [wanted, found].map(|entry| if entry.xattrs.is_empty() { "none".to_owned() } else { entry.xattrs.join(" ") });
    let kinds = [wanted, found].map(|entry| entry.kind.to_string());
    let fields = [
        ("kind", &kinds[0], &kinds[1]),
        ("mode", &wanted.mode, &found.mode),
        ("owner", &wanted.owner, &found.owner),
        ("size", &wanted.size, &found.size),
        ("content", &wanted.what, &found.what),
        ("time", &wanted.mtime, &found.mtime),
        ("attributes", &attributes[0], &attributes[1]),
    ];
    let first = fields.into_iter().find(|(_, wanted, found)| wanted != found);
    first.map_or_else(String::new, |(what, wanted, found)| format!("has {what} {found}, not {wanted}"))
}

/// Differences that are told, as many as anybody reads.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    told: Vec<String>,
    more: usize,
}

impl Wrong {
    pub(super) fn say(&mut self, path: &[u8], how: &str) {
        self.say_of(&escape(path), how);
    }

    /// The same of a path that is escaped already, as those of a tree's text are.
    pub(super) fn say_of(&mut self, path: &str, how: &str) {
        if self.told.len() < TOLD {
            self.told.push(format!("`{path}` {how}"));
        } else {
            self.more += 1;
        }
    }

    pub(super) fn told(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        self.told
    }
}

/// A reader that hashes what goes through it.
struct HashReader<R> {
    inner: R,
    hash: HashWriter<io::Sink>,
}

impl<R: Read> Read for HashReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.write_all(&buffer[..read])?;
        Ok(read)
    }
}

fn unverified(path: &Path, wrong: Vec<String>) -> Error {
    Error::Unverified { path: path.to_owned(), wrong }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path, source }
}
