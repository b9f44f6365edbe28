//! The lock: exactly which packages a recipe got, and the proof that they are Debian's.
//!
//! Holds digests and signed texts, never where bytes came from: the same lock gives the same bytes from any mirror.
//! Written to be read: one package is some lines of its own, so a moved package is a small difference, and the long
//! proofs come last.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::Serialize;

use super::PackageRequest;
use super::Problem;
use super::Recipe;
use super::grammar;
use super::problem::Sources;
use super::problem::nearest;
use crate::deb::Version;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::format::shown::without_place;

/// The end of the year 9999.
const LAST_DATE: i64 = 253_402_300_799;
/// The form that this program writes and reads.
const VERSION: u32 = 1;
/// The longest lock: some thousand packages and a proof for each of a dozen sources.
const SIZE_MAX: u64 = 64 << 20;
/// The longest signed text, as in `archive`.
const PROOF_MAX: usize = 16 << 20;
/// Of the proofs: an archive's Release is no longer by it than by the highest, which takes five times as long.
const ZSTD_LEVEL: i32 = 15;
/// Characters of base64 on a line.
const LINE: usize = 100;
/// What stands above every lock.
const PREAMBLE: &str =
    "# Made by `imgbuild lock`; keep it beside the recipe. Move it with `imgbuild lock RECIPE --update`.\n";

/// What was chosen for a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Of the lock's form: 1.
    pub version: u32,
    /// `amd64`
    pub architecture: String,
    /// No time in the output is later, in seconds since 1970: the newest found in the packages.
    pub epoch: i64,
    /// For which recipe.
    pub recipe: LockedRecipe,
    /// User name → id, of the accounts that packages make; kept when packages are added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, u32>,
    /// Group name → id, likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, u32>,
    /// The packages of the root, by name and architecture.
    #[serde(rename = "package", default)]
    pub packages: Vec<LockedPackage>,
    /// The packages that only boot loaders for the head are taken from, likewise.
    #[serde(rename = "loader", default, skip_serializing_if = "Vec::is_empty")]
    pub loaders: Vec<LockedPackage>,
    /// The packages of the system that kernel modules are built in, likewise.
    #[serde(rename = "builder", default, skip_serializing_if = "Vec::is_empty")]
    pub builders: Vec<LockedPackage>,
    /// What each of several images has in place of `users`, `groups`, `packages` and `builders`, in the recipe's order.
    #[serde(rename = "image", default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LockedImage>,
    /// The signed Releases that the packages follow from, in the order of the recipe's archives and pockets.
    #[serde(rename = "source", default)]
    pub sources: Vec<LockedSource>,
}

/// One of several images in a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    /// Its name.
    pub name: String,
    /// [`Recipe::selection`] of the image.
    pub selection: Sha256,
    /// As [`Lock::epoch`].
    pub epoch: i64,
    /// As [`Lock::users`]; who is in several images has one number in all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, u32>,
    /// As [`Lock::groups`], likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, u32>,
    /// As [`Lock::packages`].
    #[serde(rename = "package", default)]
    pub packages: Vec<LockedPackage>,
    /// As [`Lock::builders`].
    #[serde(rename = "builder", default, skip_serializing_if = "Vec::is_empty")]
    pub builders: Vec<LockedPackage>,
}

/// The recipe that a lock is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRecipe {
    /// Its name.
    pub name: String,
    /// [`Recipe::selection`].
    pub selection: Sha256,
}

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `amd64`, `all` …
    pub architecture: String,
    /// The name of its [`LockedSource`]; `None`: a .deb of the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Below the archive's base URL; for a .deb of the recipe's, as the recipe names it.
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// Of the .deb.
    pub sha256: Sha256,
    /// Why it was chosen, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// One suite of one archive, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// Unique in the lock.
    pub name: String,
    /// `trixie-updates`
    pub suite: String,
    /// The Release's `Date`, seconds since 1970; keys are judged at this time.
    pub date: i64,
    /// Whether it had expired, and was taken nevertheless because it is of the snapshot archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
    /// Fingerprints of the keys that signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// SHA-256 of the signed text, InRelease or Release.
    pub release: Sha256,
    /// The signed text: zstd, then base64.
    proof: String,
    /// Release.gpg, where the signature is not in the text: likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    /// Path below the suite's directory → digest of the index file (as compressed there) that was read: SHA-256, or
    /// SHA-512 where the Release has no other.
    pub indices: BTreeMap<String, Digest>,
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file system said no.
    #[error("cannot {action} lock `{}`", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not of a lock's form.
    #[error("{0}")]
    Syntax(Box<Problem>),
    /// It is of the form, and makes no sense.
    #[error("lock `{}` cannot be used: {reason}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It was made for another recipe, or for what the recipe was before.
    #[error("lock `{}` is stale: recipe `{recipe}` asks for {} than when it was made", path.display(), other(suite.as_deref()))]
    Stale {
        /// The lock.
        path: PathBuf,
        /// The recipe's name.
        recipe: String,
        /// Packages that the recipe asks for by name and that the lock has not, each with the locked one whose name is
        /// spelled most like it. Empty where the recipe differs in something else.
        lacks: Vec<(String, Option<String>)>,
        /// The suite that the recipe asks for and the lock has nothing of.
        suite: Option<String>,
    },
    /// There is none, and one is asked for.
    #[error("there is no lock `{}`", path.display())]
    Missing {
        /// Where it would lie.
        path: PathBuf,
    },
}

impl LockedSource {
    /// A source with its proof.
    #[must_use]
    pub fn new(name: &str, suite: &str, date: i64, text: &[u8], signature: Option<&[u8]>) -> Self {
        Self {
            name: name.to_owned(),
            suite: suite.to_owned(),
            date,
            waived: false,
            signers: Vec::new(),
            release: Sha256::of(text),
            proof: pack(text),
            signature: signature.map(pack),
            indices: BTreeMap::new(),
        }
    }

    /// The signed text, as served. `None`: it is damaged.
    #[must_use]
    pub fn text(&self) -> Option<Vec<u8>> {
        unpack(&self.proof).filter(|text| Sha256::of(text) == self.release)
    }

    /// The signature, where it is not in the text; the inner `None`: it is damaged.
    #[must_use]
    pub fn signature(&self) -> Option<Option<Vec<u8>>> {
        self.signature.as_deref().map(unpack)
    }
}

/// What a recipe asks for that has changed.
fn other(suite: Option<&str>) -> String {
    suite.map_or_else(|| "other packages".to_owned(), |suite| format!("another suite, `{suite}`,"))
}

impl Lock {
    /// An empty lock for a recipe.
    #[must_use]
    pub fn new(recipe: &Recipe) -> Self {
        Self {
            version: VERSION,
            architecture: recipe.debian.architecture.clone(),
            epoch: 0,
            recipe: LockedRecipe { name: recipe.name.clone(), selection: recipe.selection },
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            packages: Vec::new(),
            loaders: Vec::new(),
            builders: Vec::new(),
            images: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// The lock of a recipe with several images, from the lock of each.
    #[must_use]
    pub fn of_images(recipe: &Recipe, locks: Vec<Self>) -> Self {
        let mut whole = Self::new(recipe);
        for (image, lock) in recipe.images.iter().zip(locks) {
            whole.epoch = whole.epoch.max(lock.epoch);
            // All images are chosen from the same indices; one may have looked at more of them.
            for source in lock.sources {
                match whole.sources.iter_mut().find(|known| known.name == source.name) {
                    Some(known) => known.indices.extend(source.indices),
                    None => whole.sources.push(source),
                }
            }
            if whole.loaders.is_empty() {
                whole.loaders = lock.loaders;
            }
            whole.images.push(LockedImage {
                name: image.image.clone().unwrap_or_default(),
                selection: image.selection,
                epoch: lock.epoch,
                users: lock.users,
                groups: lock.groups,
                packages: lock.packages,
                builders: lock.builders,
            });
        }
        whole
    }

    /// The lock of each image, by its name, as if there were no other; of one without a name it is the lock itself.
    #[must_use]
    pub fn each(&self) -> Vec<(Option<&str>, Self)> {
        if self.images.is_empty() {
            return vec![(None, self.clone())];
        }
        let part = |image: &LockedImage| Self {
            epoch: image.epoch,
            recipe: LockedRecipe { name: self.recipe.name.clone(), selection: image.selection },
            users: image.users.clone(),
            groups: image.groups.clone(),
            packages: image.packages.clone(),
            builders: image.builders.clone(),
            images: Vec::new(),
            version: self.version,
            architecture: self.architecture.clone(),
            loaders: self.loaders.clone(),
            sources: self.sources.clone(),
        };
        self.images.iter().map(|image| (Some(image.name.as_str()), part(image))).collect()
    }

    /// The lock of one image of a recipe; `None`: it is in no lock yet.
    #[must_use]
    pub fn of(&self, image: &Recipe) -> Option<Self> {
        self.each().into_iter().find(|(name, _)| *name == image.image.as_deref()).map(|(_, lock)| lock)
    }

    /// The lock of the system that its kernel modules are built in, as if that were an image.
    #[must_use]
    pub fn of_builders(&self) -> Self {
        let (packages, sources) = (self.builders.clone(), self.sources.clone());
        let (architecture, recipe) = (self.architecture.clone(), self.recipe.clone());
        let (users, groups, loaders) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let (builders, images) = (Vec::new(), Vec::new());
        let (version, epoch) = (self.version, self.epoch);
        Self { version, architecture, epoch, recipe, users, groups, packages, loaders, builders, images, sources }
    }

    /// Whether the recipe now asks for other packages than when the lock was made.
    #[must_use]
    pub fn is_stale(&self, recipe: &Recipe) -> bool {
        self.recipe.selection != recipe.selection
    }

    /// The error of a lock that is [stale](Self::is_stale), and what of the recipe is not in it.
    #[must_use]
    pub fn stale(&self, path: &Path, recipe: &Recipe) -> LockError {
        let mut lacks = BTreeMap::new();
        for image in recipe.each() {
            // An image that is new is in no lock yet.
            let part = self.of(image);
            let locked = part.as_ref().unwrap_or(self);
            let wishes = image.packages.iter().chain(&image.kernel_modules).filter_map(PackageRequest::name);
            for name in wishes.filter(|name| !locked.has(name)) {
                let names = locked.all_packages().chain(locked.all_builders()).map(|package| package.name.as_str());
                lacks.insert(name.to_owned(), nearest(name, names).map(str::to_owned));
            }
        }
        let suite = &recipe.debian.suite;
        // Pockets are called after it: `trixie-updates`, `buster/updates`.
        let rest = |source: &LockedSource| source.suite.strip_prefix(suite.as_str()).map(str::to_owned);
        let is_of_it = |rest: String| rest.is_empty() || rest.starts_with(['-', '/']);
        let is_other = !self.sources.iter().filter_map(rest).any(is_of_it);
        LockError::Stale {
            path: path.to_owned(),
            recipe: recipe.name.clone(),
            lacks: lacks.into_iter().collect(),
            suite: is_other.then(|| suite.clone()),
        }
    }

    /// Whether a package of this name is in it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all_packages().chain(self.all_builders()).any(|package| package.name == name)
    }

    /// The packages of all images.
    pub fn all_packages(&self) -> impl Iterator<Item = &LockedPackage> {
        self.packages.iter().chain(self.images.iter().flat_map(|image| &image.packages))
    }

    /// The packages that the kernel modules of all images are built with.
    pub fn all_builders(&self) -> impl Iterator<Item = &LockedPackage> {
        self.builders.iter().chain(self.images.iter().flat_map(|image| &image.builders))
    }

    /// Reads a lock; `None` when there is none.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let failed = |source| LockError::Io { action: "read", path: path.to_owned(), source };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let mut text = String::new();
        file.take(SIZE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > SIZE_MAX {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        Self::parse(&text, path).map(Some)
    }

    /// Reads the text of a lock; `path` names it in messages.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LockError> {
        let lock: Self = toml::from_str(text).map_err(|error| {
            let mut sources = Sources::default();
            sources.add(path, Path::new(""), text.to_owned());
            let problem = sources.problem(&error.span().unwrap_or(0..0), error.message().to_owned(), None);
            LockError::Syntax(Box::new(problem))
        })?;
        match lock.check() {
            Ok(()) => Ok(lock),
            Err(reason) => Err(LockError::Invalid { path: path.to_owned(), reason }),
        }
    }

    /// Replaces the lock at `path` as a whole.
    ///
    /// # Errors
    /// The file system.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let failed = |source| LockError::Io { action: "write", path: path.to_owned(), source: without_place(source) };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .prefix(".imgbuild-lock-")
            .permissions(permissions)
            .tempfile_in(parent)
            .map_err(failed)?;
        file.write_all(self.to_text().as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// The lock as text, the same for the same lock.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = toml::to_string_pretty(self).expect("a lock has no value that TOML cannot hold");
        format!("{PREAMBLE}{text}")
    }

    /// Whether it makes sense, and holds nothing that could do harm further on.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("it is of form {}, and this imgbuild knows form {VERSION}", self.version));
        }
        grammar::architecture(&self.architecture)?;
        if !self.images.is_empty() {
            return self.check_images();
        }
        check_ids("user", &self.users)?;
        check_ids("group", &self.groups)?;
        let newest = self.sources.iter().map(|source| source.date).max().unwrap_or(i64::MAX);
        if !(0..=newest).contains(&self.epoch) {
            let reason = "is before 1970, or after the newest Release that it follows from";
            return Err(format!("its epoch, {}, {reason}", self.epoch));
        }
        let mut sources = BTreeSet::new();
        for source in &self.sources {
            if !sources.insert(source.name.as_str()) {
                return Err(format!("it has source `{}` twice", source.name.escape_debug()));
            }
            // Release files have years of four digits.
            if !(0..=LAST_DATE).contains(&source.date) {
                return Err(format!("the date of source `{}` is none", source.name.escape_debug()));
            }
            if source.text().is_none() || source.signature() == Some(None) {
                return Err(format!("the proof of source `{}` is damaged", source.name.escape_debug()));
            }
        }
        for packages in [&self.packages, &self.loaders, &self.builders] {
            let mut seen = BTreeSet::new();
            for package in packages {
                package.check(&sources).map_err(|wrong| {
                    format!("package `{}` {}: {wrong}", package.name.escape_debug(), package.version.escape_debug())
                })?;
                if !seen.insert((&package.name, &package.architecture)) {
                    return Err(format!("it has package `{}` twice", package.name));
                }
            }
        }
        Ok(())
    }
}

impl Lock {
    /// Whether each image makes sense by itself, and accounts have one number in all of them.
    fn check_images(&self) -> Result<(), String> {
        if !self.packages.is_empty() || !self.builders.is_empty() || !self.users.is_empty() || !self.groups.is_empty() {
            return Err("it has packages or accounts of no image".to_owned());
        }
        let (mut names, mut users, mut groups) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        for image in &self.images {
            let name = image.name.escape_debug();
            grammar::image_name(&image.name).map_err(|wrong| format!("image `{name}`: {wrong}"))?;
            if !names.insert(&image.name) {
                return Err(format!("it has image `{name}` twice"));
            }
            for (all, own) in [(&mut users, &image.users), (&mut groups, &image.groups)] {
                for (account, number) in own {
                    if all.insert(account, number).is_some_and(|other| other != number) {
                        return Err(format!("`{}` has two numbers in two images", account.escape_debug()));
                    }
                }
            }
        }
        for (name, part) in self.each() {
            part.check().map_err(|wrong| format!("image `{}`: {wrong}", name.unwrap_or_default().escape_debug()))?;
        }
        Ok(())
    }
}

impl LockedPackage {
    fn check(&self, sources: &BTreeSet<&str>) -> Result<(), String> {
        grammar::package_name(&self.name)?;
        self.version.parse::<Version>().map_err(|error| error.to_string())?;
        if self.architecture != "all" {
            grammar::architecture(&self.architecture)?;
        }
        if let Some(source) = self.source.as_deref().filter(|source| !sources.contains(source)) {
            return Err(format!("it has no source `{}`", source.escape_debug()));
        }
        if self.reason.len() > REASON_MAX || self.reason.chars().any(char::is_control) {
            return Err("its reason is no line of words".to_owned());
        }
        let parts = self.filename.split('/');
        if self.filename.is_empty()
            || self.filename.chars().any(char::is_control)
            || parts.clone().any(|part| part.is_empty() || part == "..")
        {
            return Err("its file name leads out of the archive".to_owned());
        }
        Ok(())
    }
}

/// Whether users or groups have numbers of their own, from the ranges of Policy 9.2.2, and nobody but root has root's.
///
/// # Errors
/// Which one has not, in words.
pub(crate) fn check_ids(kind: &str, numbers: &BTreeMap<String, u32>) -> Result<(), String> {
    let mut names: BTreeMap<u32, &str> = BTreeMap::new();
    for (name, &number) in numbers {
        let name = name.as_str();
        let refused = |reason: &str| {
            Err(format!("{kind} `{}` cannot have the number {number}: {}", name.escape_debug(), reason.escape_debug()))
        };
        if (name == "root") != (number == 0) {
            return refused("0 is root's, and root's is 0");
        }
        if matches!(number, 65_000..=65_533 | 65_535 | 4_294_967_294..) {
            return refused("Debian gives it to nobody");
        }
        if let Some(other) = names.insert(number, name) {
            return refused(&format!("`{other}` has it"));
        }
    }
    Ok(())
}

/// A relation with all its alternatives is far shorter.
const REASON_MAX: usize = 4096;

/// Compresses, and makes lines of it.
fn pack(bytes: &[u8]) -> String {
    let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL).expect("memory can be compressed");
    let mut text = String::from("\n");
    for line in BASE64.encode(packed).as_bytes().chunks(LINE) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text
}

fn unpack(text: &str) -> Option<Vec<u8>> {
    let packed = BASE64.decode(text.split_ascii_whitespace().collect::<String>()).ok()?;
    zstd::bulk::decompress(&packed, PROOF_MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let mut source = LockedSource::new("debian", "trixie", 1_757_635_200, b"signed text", None);
        source.indices.insert("main/binary-amd64/Packages.xz".into(), Sha256::of(b"index").into());
        let package = |name: &str, version: &str, source: Option<&str>| LockedPackage {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            source: source.map(str::to_owned),
            filename: format!("pool/main/{name}_{version}_amd64.deb"),
            size: 7,
            sha256: Sha256::of(name.as_bytes()),
            reason: "asked for".into(),
        };
        Lock {
            version: VERSION,
            architecture: "amd64".into(),
            epoch: 1_757_635_200,
            recipe: LockedRecipe { name: "compute".into(), selection: Sha256::of(b"selection") },
            users: BTreeMap::from([("sshd".into(), 100)]),
            groups: BTreeMap::new(),
            packages: vec![package("bash", "5.2.37-2", Some("debian")), package("own", "1", None)],
            loaders: vec![package("shim-signed", "1.47", Some("debian"))],
            builders: vec![package("zfs-dkms", "2.3.2-2", Some("debian"))],
            images: Vec::new(),
            sources: vec![source],
        }
    }

    #[test]
    fn a_lock_reads_back_and_is_written_the_same() {
        let text = lock().to_text();
        let back = Lock::parse(&text, Path::new("x.lock")).expect("our own text");
        assert_eq!(back, lock());
        assert_eq!(back.to_text(), text);
        assert_eq!(back.sources[0].text().as_deref(), Some(&b"signed text"[..]));
        assert!(text.find("[[package]]") < text.find("[[source]]"), "proofs come last");
    }

    #[test]
    fn a_lock_appears_whole() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let path = directory.path().join("compute.lock");
        assert_eq!(Lock::read(&path).expect("nothing is there"), None);
        for _ in 0..2 {
            lock().write(&path).expect("written");
            assert_eq!(Lock::read(&path).expect("readable"), Some(lock()));
        }
        assert!(lock().write(&directory.path().join("no/such")).is_err());
    }

    #[test]
    fn a_bad_lock_is_refused() {
        let text = lock().to_text();
        let cases = [
            ("version = 1", "version = 2", "it is of form 2"),
            ("amd64", "amd65", "it has `amd64`"),
            ("name = \"bash\"", "name = \"--force\"", "a package name is of"),
            ("5.2.37-2", "1/../../x", "is not a version"),
            ("pool/main/bash", "pool/../../bash", "leads out of the archive"),
            ("name = \"own\"", "name = \"bash\"", "`bash` twice"),
            ("source = \"debian\"", "source = \"other\"", "no source `other`"),
            ("epoch = ", "epcoh = ", "unknown field `epcoh`"),
            ("epoch = 1757635200", "epoch = 1757635201", "after the newest Release"),
            ("epoch = 1757635200", "epoch = -1", "before 1970"),
            ("epoch = 1757635200", "epoch = 9223372036854775807", "after the newest Release"),
            ("sshd = 100", "sshd = 0", "user `sshd` cannot have the number 0"),
            ("sshd = 100", "root = 100", "user `root` cannot have the number 100"),
            ("sshd = 100", "sshd = 65535", "Debian gives it to nobody"),
            ("sshd = 100", "sshd = 4294967295", "Debian gives it to nobody"),
            ("sshd = 100", "sshd = 100\nother = 100", "`other` has it"),
            ("KLUv", "KLUx", "the proof of source `debian` is damaged"),
        ];
        for (from, to, wanted) in cases {
            assert!(text.contains(from), "{from}");
            let error = Lock::parse(&text.replace(from, to), Path::new("x.lock")).expect_err(to).to_string();
            assert!(error.contains(wanted), "{to}: {error}");
        }
        let error = Lock::parse("version = 1\nversion = 1\n", Path::new("x.lock")).expect_err("doubled").to_string();
        assert!(error.starts_with("x.lock:2:1: "), "{error}");
    }
}
