//! An image in whatever form somebody has it → a side of a comparison.
//!
//! | form | how it is known | what is known of it |
//! |---|---|---|
//! | an output | a directory with `manifest.json`, which must be as that says | all |
//! | a manifest, a lock, a tree's text | `*.json`, `*.lock`, `*.txt` | what it says |
//! | an OCI layout, or a tar of one | `oci-layout` in it | tree, and packages by dpkg's database in it |
//! | any other directory | | the same |
//! | squashfs, erofs, newc, tar, the last two compressed or not | their first bytes | the same |
//!
//! An image is gone through several times, so it is a regular file or a directory.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::Output;
use super::kinds::Kind;
use super::kinds::kind;
use super::layers;
use super::layers::Layout;
use crate::cancel::Cancel;
use crate::compare;
use crate::compare::Comparison;
use crate::compare::Facts;
use crate::compare::ImageChange;
use crate::compare::Side;
use crate::compare::changelog;
use crate::deb;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::compress;
use crate::format::compress::Allowance;
use crate::host::Dir;
use crate::image;
use crate::image::Reading;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::recipe::Lock;
use crate::recipe::LockError;
use crate::tree::Content;
use crate::tree::Keep;
use crate::tree::Tree;

/// The longest text that is read: the tree of some million files.
const TEXT_MAX: u64 = 1 << 30;
/// The longest file of a tree that is looked into: dpkg's database, a changelog.
const FILE_MAX: u64 = 16 << 20;
/// dpkg's database.
const STATUS: &str = "var/lib/dpkg/status";

/// An image that is open to be compared.
#[derive(Debug)]
pub struct Form {
    path: PathBuf,
    kind: Kind,
    limits: Limits,
    cancel: Cancel,
    side: Side,
    /// Its tree, where it was read, with the digests of files and not their bytes.
    tree: Option<Tree>,
}

impl Form {
    /// Opens what lies at `path`, and reads all of it.
    ///
    /// # Errors
    /// It cannot be read, is not what it looks like, passes a limit, or it was cancelled.
    pub fn open(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Self, Error> {
        let mut form = Self::of(path, limits, cancel)?;
        form.side = match form.kind {
            Kind::Output => form.output()?,
            Kind::Manifest => Side::of_manifest(&manifest(path)?),
            Kind::Lock => {
                Side::of_lock(&Lock::read(path)?.ok_or_else(|| LockError::Missing { path: path.to_owned() })?)
            }
            Kind::Text => Side::of_output(&text(path)?, None).map_err(unreadable(path))?,
            _ => form.image()?,
        };
        Ok(form)
    }

    /// What lies there, of which nothing is read yet.
    fn of(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Self, Error> {
        let kind = kind(path, limits, cancel)?;
        let (path, limits, cancel) = (path.to_owned(), *limits, cancel.clone());
        Ok(Self { path, kind, limits, cancel, side: Side::default(), tree: None })
    }

    /// What is known of it.
    #[must_use]
    pub const fn side(&self) -> &Side {
        &self.side
    }

    fn output(&self) -> Result<Side, Error> {
        let output = Output::verified(&self.path, &[], &self.cancel)?;
        let manifest = output.manifest();
        if manifest.images.is_empty() {
            return self.side_of(&output, "");
        }
        let mut side = Side::of_manifest(manifest);
        side.form = Kind::Output.word();
        for name in manifest.images.keys() {
            side.images.insert(name.clone(), self.side_of(&output, &format!("{name}/"))?);
        }
        self.tell_own(&output, &mut side)?;
        Ok(side)
    }

    /// The image of an output whose files lie `below`, with a manifest beside them.
    fn side_of(&self, output: &Output, below: &str) -> Result<Side, Error> {
        let own;
        let manifest = if below.is_empty() {
            output.manifest()
        } else {
            let path = self.path.join(below).join(super::output::MANIFEST);
            let text = output.text(&format!("{below}{}", super::output::MANIFEST))?;
            own = Manifest::parse(&text).map_err(|source| Error::Manifest { path, source })?;
            &own
        };
        let tree = output.text(&format!("{below}tree.txt"))?;
        let mut side = Side::of_output(&tree, Some(manifest)).map_err(unreadable(&self.path))?;
        if below.is_empty() {
            self.tell_own(output, &mut side)?;
        }
        Ok(side)
    }

    /// Adds what is beside the manifest's own paths: itself, and the provenance with what that says of the build.
    fn tell_own(&self, output: &Output, side: &mut Side) -> Result<(), Error> {
        for name in [super::output::MANIFEST, provenance::FILE] {
            if let (Some(files), Some(sha256)) = (&mut side.files, output.own_digest(name)?) {
                let size = fs::metadata(self.path.join(name)).map_err(failed(&self.path.join(name)))?.len();
                files.insert(name.to_owned(), OutputRecord::file(name, size, sha256));
            }
        }
        let told = self.path.join(provenance::FILE);
        if told.exists() {
            let (builder, recipe) = provenance::builder_and_recipe(&text(&told)?).unzip();
            let builds = side.images.values_mut().filter_map(|image| image.build.as_mut());
            for build in builds.chain(side.build.as_mut()) {
                (build.builder, build.recipe) = (builder.clone(), recipe.clone());
            }
        }
        Ok(())
    }

    fn image(&mut self) -> Result<Side, Error> {
        let tree = self.tree.insert(self.digests()?);
        let mut side = Side::of_tree(tree, self.kind.word());
        if let Some(status) = self.files(&[STATUS.to_owned()])?.remove(STATUS) {
            side.packages = Some(packages(&status));
        }
        Ok(side)
    }

    /// The tree of an image. Only what a file is matters, so its bytes are counted and dropped.
    fn digests(&self) -> Result<Tree, Error> {
        self.read(&mut |bytes, _| {
            let (sha256, size) = Sha256::of_reader(bytes)?;
            Ok(Content::from_blob(Arc::new(Vec::new()), 0, size, sha256))
        })
    }

    /// Reads an image.
    fn read(&self, keep: &mut Keep<'_>) -> Result<Tree, Error> {
        let path = &self.path;
        super::cancellable(&self.cancel, || match self.kind {
            Kind::Directory => {
                let directory = Dir::open(path).map_err(failed(path))?;
                let paths = Reading::within(&self.limits, 0, &self.cancel).paths;
                Ok(image::read_directory(&directory, paths, keep, &self.cancel)?)
            }
            Kind::Oci | Kind::OciArchive => {
                let layout = if self.kind == Kind::Oci {
                    Layout::Directory(Dir::open(path).map_err(failed(path))?)
                } else {
                    Layout::Archive { path, limits: &self.limits, cancel: &self.cancel }
                };
                layers::read(&layout, &self.limits, &self.cancel, keep).map_err(unreadable(path))
            }
            Kind::Squashfs | Kind::Erofs => {
                let file = File::open(path).map_err(failed(path))?;
                let size = file.metadata().map_err(failed(path))?.len();
                let reading = Reading::within(&self.limits, size, &self.cancel);
                let read = if self.kind == Kind::Squashfs { image::read_squashfs } else { image::read_erofs };
                read(&file, size, &reading, keep).map_err(unreadable(path))
            }
            Kind::Newc => {
                let file = File::open(path).map_err(failed(path))?;
                let size = file.metadata().map_err(failed(path))?.len();
                let reading = Reading::within(&self.limits, size, &self.cancel);
                image::read_newc(BufReader::new(file), &reading, keep).map_err(unreadable(path))
            }
            _ => {
                let input =
                    layers::decoded(File::open(path).map_err(failed(path))?, &self.limits).map_err(failed(path))?;
                crate::tree::tar::read(self.cancel.reader(input), keep).map_err(unreadable(path))
            }
        })
    }

    /// The bytes of those of these paths that are files, by path. An output is asked for the image in it.
    fn files(&self, paths: &[String]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        if self.kind == Kind::Output {
            let Some(root) = root_of(&self.path) else { return Ok(BTreeMap::new()) };
            let mut root = Self::of(&root, &self.limits, &self.cancel)?;
            root.tree = Some(root.digests()?);
            return root.files(paths);
        }
        let Some(tree) = self.tree.as_ref().filter(|_| self.kind.has_files()) else { return Ok(BTreeMap::new()) };
        let mut wanted: BTreeMap<Sha256, Vec<&String>> = BTreeMap::new();
        for path in paths {
            let content = tree.lookup(path.as_bytes()).and_then(|(_, inode)| inode.content());
            if let Some(content) = content.filter(|content| content.size() <= FILE_MAX) {
                wanted.entry(*content.sha256()).or_default().push(path);
            }
        }
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        self.read(&mut |bytes, size| {
            let mut kept = Vec::new();
            if size <= FILE_MAX {
                bytes.read_to_end(&mut kept)?;
                if let Some(paths) = wanted.get(&Sha256::of(&kept)) {
                    paths.iter().for_each(|path| drop(found.insert((*path).clone(), kept.clone())));
                }
            } else {
                io::copy(bytes, &mut io::sink())?;
            }
            Ok(Content::from_bytes(Vec::new()))
        })?;
        Ok(found)
    }

    /// Adds to a comparison whose second side this is what the changelogs in it say of packages that are newer here.
    ///
    /// # Errors
    /// The image cannot be read again, or it was cancelled.
    pub fn tell_changes(&self, comparison: &mut Comparison) -> Result<(), Error> {
        for image in &mut comparison.images {
            if let (Kind::Output, ImageChange::Compared { name, comparison }) = (self.kind, image) {
                Self::of(&self.path.join(name), &self.limits, &self.cancel)?.tell_changes(comparison)?;
            }
        }
        let name = |package: &str| format!("usr/share/doc/{package}/changelog");
        let both = |package: &str| [format!("{}.Debian.gz", name(package)), format!("{}.gz", name(package))];
        let newer = comparison.packages.iter().filter(|change| change.before.is_some() && change.after.is_some());
        let paths: Vec<String> = newer.flat_map(|change| both(&change.name)).collect();
        let found = self.files(&paths)?;
        for change in &mut comparison.packages {
            let [debian, native] = both(&change.name);
            let Some(packed) = found.get(&debian).or_else(|| found.get(&native)) else { continue };
            let version = |source: &String, own: &Option<String>| {
                if source.is_empty() { own.clone().unwrap_or_default() } else { source.clone() }
            };
            let (before, after) =
                (version(&change.sources.0, &change.before), version(&change.sources.1, &change.after));
            let text = unpacked(packed, &self.limits).map_err(failed(&self.path))?;
            change.changelog = changelog::between(&text, &before, &after);
        }
        Ok(())
    }
}

/// The image of an output's root, whose files can be read; `None`: it has none.
fn root_of(output: &Path) -> Option<PathBuf> {
    let manifest = Output::open(output).ok()?;
    let mut names = manifest.manifest().outputs.iter().map(|record| record.path());
    let is_root = |name: &str| name == "root" || name.starts_with("root.");
    names.find(|name| is_root(name)).map(|name| output.join(name))
}

/// The packages that dpkg's database calls installed.
fn packages(status: &[u8]) -> BTreeMap<compare::PackageKey, Facts> {
    let mut packages = BTreeMap::new();
    for stanza in deb::kept(status).filter_map(Result::ok) {
        let get = |name: &str| stanza.get(name).unwrap_or_default().to_owned();
        if !get("Status").ends_with(" installed") {
            continue;
        }
        let version = get("Version");
        let source = get("Source");
        let source_version = source.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
        let facts = Facts {
            source_version: source_version.unwrap_or(&version).to_owned(),
            sha256: None,
            installed_size: get("Installed-Size").parse().ok(),
            version,
        };
        packages.insert((get("Package"), get("Architecture")), facts);
    }
    packages
}

fn unpacked(packed: &[u8], limits: &Limits) -> io::Result<String> {
    let allowance = Allowance::within("", FILE_MAX, limits);
    let mut bytes = Vec::new();
    compress::decoder(compress::sniff(packed), packed, allowance)?.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A manifest by itself.
fn manifest(path: &Path) -> Result<Manifest, Error> {
    Manifest::parse(&text(path)?).map_err(|source| Error::Manifest { path: path.to_owned(), source })
}

fn text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    File::open(path).map_err(failed(path))?.take(TEXT_MAX).read_to_string(&mut text).map_err(failed(path))?;
    Ok(text)
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path: path.clone(), source }
}

pub(super) fn unreadable<E: ToString>(path: &Path) -> impl Fn(E) -> Error {
    let path = path.to_owned();
    move |error| Error::Form { path: path.clone(), reason: error.to_string() }
}
