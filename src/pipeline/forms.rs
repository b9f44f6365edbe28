//! An image in whatever form somebody has it → a side of a comparison.
//!
//! | form | how it is known | what is known of it |
//! |---|---|---|
//! | an output | a directory with `manifest.json`, which must be as that says | all |
//! | a manifest, a lock, a tree's text | `*.json`, `*.lock`, `*.txt` | what it says |
//! | an OCI layout | a directory with `oci-layout` | tree, and packages by dpkg's database in it |
//! | any other directory | | the same |
//! | squashfs, erofs, newc, tar, the last two compressed or not | their first bytes | the same |

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::Output;
use super::layers;
use crate::cancel::Cancel;
use crate::compare;
use crate::compare::Comparison;
use crate::compare::Facts;
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
use crate::manifest::provenance;
use crate::recipe::Lock;
use crate::tree::Content;
use crate::tree::Keep;
use crate::tree::Tree;

/// The longest text that is read: the tree of some million files.
const TEXT_MAX: u64 = 1 << 30;
/// The longest file of a tree that is looked into: dpkg's database, a changelog.
const FILE_MAX: u64 = 16 << 20;
/// dpkg's database.
const STATUS: &str = "var/lib/dpkg/status";
/// Where erofs has its superblock.
const EROFS: usize = 1024;

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

/// What it was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Output,
    Manifest,
    Lock,
    Text,
    Directory,
    Oci,
    Tar,
    Newc,
    Squashfs,
    Erofs,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Manifest => "manifest",
            Self::Lock => "lock",
            Self::Text => "tree",
            Self::Directory => "directory",
            Self::Oci => "oci",
            Self::Tar => "tar",
            Self::Newc => "newc",
            Self::Squashfs => "squashfs",
            Self::Erofs => "erofs",
        }
    }

    /// Whether the files of its tree can be read.
    const fn has_files(self) -> bool {
        !matches!(self, Self::Output | Self::Manifest | Self::Lock | Self::Text)
    }
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
                Side::of_lock(&Lock::read(path)?.ok_or_else(|| failed(path)(io::ErrorKind::NotFound.into()))?)
            }
            Kind::Text => Side::of_output(&text(path)?, None).map_err(unreadable(path))?,
            _ => form.image()?,
        };
        Ok(form)
    }

    /// What lies there, of which nothing is read yet.
    fn of(path: &Path, limits: &Limits, cancel: &Cancel) -> Result<Self, Error> {
        let kind = kind(path, limits).map_err(failed(path))?;
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
        let images: Vec<String> =
            output.manifest().images.keys().map(|image| format!("`{}`", self.path.join(image).display())).collect();
        if !images.is_empty() {
            return Err(unreadable(&self.path)(format!(
                "it has several images: take one of them, {}",
                images.join(", ")
            )));
        }
        let manifest = Some(output.manifest());
        let mut side = Side::of_output(&output.text("tree.txt")?, manifest).map_err(unreadable(&self.path))?;
        let told = self.path.join(provenance::FILE);
        if let Some(build) = side.build.as_mut().filter(|_| told.exists()) {
            (build.builder, build.recipe) = provenance::builder_and_recipe(&text(&told)?).unzip();
        }
        Ok(side)
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
            Kind::Oci => layers::read(path, &self.limits, &self.cancel, keep).map_err(unreadable(path)),
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

/// What lies at a path, by its name where it is a text of ours, and else by its bytes.
fn kind(path: &Path, limits: &Limits) -> io::Result<Kind> {
    if path.is_dir() {
        let has = |name: &str| path.join(name).is_file();
        return Ok(match () {
            () if has(super::output::MANIFEST) => Kind::Output,
            () if has("oci-layout") => Kind::Oci,
            () => Kind::Directory,
        });
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("lock") => return Ok(Kind::Lock),
        Some("txt") => return Ok(Kind::Text),
        Some("json") => return Ok(Kind::Manifest),
        _ => {}
    }
    let mut head = Vec::new();
    File::open(path)?.take(EROFS as u64 + 4).read_to_end(&mut head)?;
    if head.starts_with(b"hsqs") {
        return Ok(Kind::Squashfs);
    }
    if head.get(EROFS..) == Some(&[0xe2, 0xe1, 0xf5, 0xe0]) {
        return Ok(Kind::Erofs);
    }
    let mut start = Vec::new();
    let input = layers::decoded(File::open(path)?, limits)?;
    // What cannot be decoded is refused by the reader of tar, in its words.
    let _ = input.take(6).read_to_end(&mut start);
    Ok(if start.starts_with(b"07070") { Kind::Newc } else { Kind::Tar })
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

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path: path.clone(), source }
}

fn unreadable<E: ToString>(path: &Path) -> impl Fn(E) -> Error {
    let path = path.to_owned();
    move |error| Error::Form { path: path.clone(), reason: error.to_string() }
}
