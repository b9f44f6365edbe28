//! The index: every package that may be installed, found by name and by what it provides.
//!
//! The archive stage fills it with what a good signature vouches for; the solver reads it. Packages are parsed when
//! they are asked for. A stanza that describes no package costs itself only: it is no package of the index, but a
//! [`Defect`] that says why, for who asks for it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use memchr::memmem;

use crate::archive::Error;
use crate::archive::IndexError;
use crate::archive::Proof;
use crate::archive::Source;
use crate::archive::VerifiedRelease;
use crate::archive::scan;
use crate::archive::scan::Found;
use crate::deb::ControlError;
use crate::deb::Package;
use crate::deb::PackageError;
use crate::deb::Priority;
use crate::deb::Stanza;
use crate::deb::Version;
use crate::deb::stanzas_within;
use crate::format::glob;
use crate::host::in_parallel;
use crate::limits::Limits;

/// A package of an [`Index`]; means nothing to another index. Later packages compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageId(u32);

/// What is known of where packages are from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// The source's name.
    pub name: String,
    /// The suite asked for.
    pub suite: String,
    /// Further names of it: suite, codename and pocket.
    pub names: Vec<String>,
    /// The pocket of Debian's that it is.
    pub pocket: Option<String>,
    /// Whether it is Debian's own.
    pub base: bool,
    /// Whether the recipe lists what may come from here, so that it may replace Debian's.
    pub listed: bool,
    /// `NotAutomatic: yes`
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`
    pub but_automatic_upgrades: bool,
}

impl Origin {
    pub(super) fn of(source: &Source, verified: &VerifiedRelease) -> Self {
        let release = verified.release();
        let names = [&release.suite, &release.codename, &source.pocket].into_iter().flatten().cloned();
        Self {
            name: source.name.clone(),
            suite: source.suite.clone(),
            names: names.collect(),
            pocket: source.pocket.clone(),
            base: source.base,
            listed: !source.packages.is_empty(),
            not_automatic: release.not_automatic,
            but_automatic_upgrades: release.but_automatic_upgrades,
        }
    }

    /// Whether it is known by this name: that of its suite, codename or pocket.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.suite == name || self.names.iter().any(|known| known == name)
    }
}

/// A stanza that describes no package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Defect {
    /// The name it gives, as far as it can be shown; empty when it gives none.
    pub name: String,
    /// Position of its source.
    pub archive: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.reason),
            name => write!(f, "`{name}`: {}", self.reason),
        }
    }
}

/// The packages that may be installed.
#[derive(Default, Clone)]
pub struct Index {
    /// Verified indices; and the names of packages that are from none.
    texts: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    /// All packages by name, then in the order they were added.
    by_name: Vec<PackageId>,
    /// Provided names, sorted, each as often as there are packages that provide it.
    provided: Vec<Place>,
    /// The packages that provide them, at the same positions.
    providers: Vec<PackageId>,
    base: Vec<PackageId>,
    /// Of the sources, by their positions; none for packages that were given.
    origins: Vec<Origin>,
    defects: Vec<Defect>,
    proofs: Vec<Proof>,
    limits: Limits,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("packages", &self.entries.len()).finish_non_exhaustive()
    }
}

/// Bytes of one of the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    text: u32,
    range: Range<u32>,
}

/// One package.
#[derive(Debug, Clone)]
struct Entry {
    name: Place,
    version: Place,
    architecture: Place,
    stanza: Place,
    archive: usize,
    /// Parsed when it is first asked for; given packages are there from the beginning. With what is wrong, if anything
    /// is.
    package: OnceLock<Box<(Package, Option<String>)>>,
}

/// A text that is no index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It is no control data.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A stanza describes no package.
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// One verified index to be taken up.
pub(super) struct Part<'a> {
    /// Position of its source.
    pub(super) archive: usize,
    pub(super) source: &'a Source,
    /// Path below the suite's directory.
    pub(super) path: &'a str,
    pub(super) text: Vec<u8>,
}

impl Index {
    /// An index of these packages, in this order.
    #[must_use]
    pub fn from_packages(packages: Vec<Package>) -> Self {
        let mut index = Self::default();
        for package in packages {
            index.add(package);
        }
        index
    }

    /// An index of the text of a `Packages` file that somebody has already, and has checked as far as they wish: nobody
    /// vouches for it here. Its packages are of the first archive.
    ///
    /// # Errors
    /// The first stanza that describes no package, or is over a limit.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, TextError> {
        let package = |stanza: Result<Stanza<'_>, ControlError>| Ok(Package::from_index(&stanza?, 0)?);
        Ok(Self::from_packages(stanzas_within(text, limits).map(package).collect::<Result<_, TextError>>()?))
    }

    /// Adds a .deb of the user's own (its [`Package::archive`] is `None`).
    pub fn add_local(&mut self, package: Package) -> PackageId {
        self.add(Package { archive: None, ..package })
    }

    /// Returns a package. The id must be of this index.
    #[must_use]
    pub fn package(&self, id: PackageId) -> &Package {
        &self.parsed(id).0
    }

    /// Why a package cannot be chosen, if it cannot: its stanza has the fields that it is found by, and something else
    /// is wrong.
    #[must_use]
    pub fn fault(&self, id: PackageId) -> Option<&str> {
        self.parsed(id).1.as_deref()
    }

    fn parsed(&self, id: PackageId) -> &(Package, Option<String>) {
        let entry = self.entry(id);
        entry.package.get_or_init(|| Box::new(self.described(entry)))
    }

    /// Stanzas that describe no package and are left out.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// Where a package is from; `None` for one that was given, and one of the user's own.
    #[must_use]
    pub fn origin(&self, id: PackageId) -> Option<&Origin> {
        self.origins.get(self.entry(id).archive)
    }

    /// The sources, by position.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The stanza of a package as its archive has it; empty for one that is from no archive.
    #[must_use]
    pub fn stanza(&self, id: PackageId) -> Cow<'_, str> {
        readable(self.bytes(&self.entry(id).stanza))
    }

    /// The packages of this name, all versions and architectures, in the order they were added.
    #[must_use]
    pub fn named(&self, name: &str) -> &[PackageId] {
        let name = name.as_bytes();
        let start = self.by_name.partition_point(|&id| self.name(id) < name);
        let count = self.by_name[start..].partition_point(|&id| self.name(id) == name);
        &self.by_name[start..start + count]
    }

    /// The packages whose `Provides` has this name, in the order they were added.
    #[must_use]
    pub fn providing(&self, name: &str) -> &[PackageId] {
        let name = name.as_bytes();
        let start = self.provided.partition_point(|place| self.bytes(place) < name);
        let count = self.provided[start..].partition_point(|place| self.bytes(place) == name);
        &self.providers[start..start + count]
    }

    /// The packages that Debian's own archive calls essential or of priority required or important, in the order they
    /// were added.
    #[must_use]
    pub fn base(&self) -> &[PackageId] {
        &self.base
    }

    /// All packages, in the order they were added.
    pub fn ids(&self) -> impl Iterator<Item = PackageId> + '_ {
        (0..self.entries.len()).map(id)
    }

    /// The names of all packages, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut last: &[u8] = b"";
        let names = self.by_name.iter().map(|&id| self.name(id));
        let distinct = names.filter(move |&name| std::mem::replace(&mut last, name) != name);
        distinct.map(|name| std::str::from_utf8(name).unwrap_or_default())
    }

    /// What the archives signed for, one proof per source.
    #[must_use]
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    fn entry(&self, id: PackageId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    fn bytes(&self, place: &Place) -> &[u8] {
        &self.texts[place.text as usize][place.range.start as usize..place.range.end as usize]
    }

    fn name(&self, id: PackageId) -> &[u8] {
        self.bytes(&self.entry(id).name)
    }

    fn add(&mut self, package: Package) -> PackageId {
        let new = id(self.entries.len());
        let at = self.by_name.partition_point(|&other| self.name(other) <= package.name.as_bytes());
        self.by_name.insert(at, new);
        if package.essential || package.priority <= Priority::Important {
            self.base.push(new);
        }
        for provide in &package.provides {
            let name = provide.name.as_bytes();
            let end = self.provided.partition_point(|place| self.bytes(place) <= name);
            // A package may provide one name in several versions.
            if end == 0 || self.providers[end - 1] != new || self.bytes(&self.provided[end - 1]) != name {
                let place = self.keep(name);
                self.provided.insert(end, place);
                self.providers.insert(end, new);
            }
        }
        let entry = Entry {
            name: self.keep(package.name.as_bytes()),
            version: self.keep(package.version.as_str().as_bytes()),
            architecture: self.keep(package.architecture.as_bytes()),
            stanza: self.keep(b""),
            archive: package.archive.unwrap_or(usize::MAX),
            package: OnceLock::from(Box::new((package, None))),
        };
        self.entries.push(entry);
        new
    }

    fn keep(&mut self, bytes: &[u8]) -> Place {
        let text = u32::try_from(self.texts.len()).expect("fewer than 2^32 texts");
        self.texts.push(bytes.to_vec());
        let length = u32::try_from(bytes.len()).expect("a field of a package is short");
        Place { text, range: 0..length }
    }

    /// Parses an entry. Of what is wrong only name, version and architecture are left.
    fn described(&self, entry: &Entry) -> (Package, Option<String>) {
        let text = readable(self.bytes(&entry.stanza));
        let stanza = Stanza::parse_within(text.as_bytes(), &self.limits);
        let parsed = match &stanza {
            Ok(stanza) => Package::from_index(stanza, entry.archive).map_err(|error| error.reason),
            Err(error) => Err(error.to_string()),
        };
        let parsed = parsed.and_then(|package| match package.size {
            size if size > self.limits.deb => Err(format!("its .deb has {size} bytes, more than the limit `deb`")),
            _ => Ok(package),
        });
        match parsed {
            Ok(package) => (package, None),
            Err(reason) => (self.unusable(entry), Some(reason)),
        }
    }

    fn unusable(&self, entry: &Entry) -> Package {
        let text = |place| String::from_utf8_lossy(self.bytes(place)).into_owned();
        let version: Version = text(&entry.version).parse().expect("it was checked when the index was read");
        Package {
            priority: Priority::Extra,
            archive: Some(entry.archive),
            ..Package::bare(&text(&entry.name), version, &text(&entry.architecture))
        }
    }
}

/// Text as it is, or read as Latin-1 where it is not UTF-8: names of maintainers are, in old archives.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

fn id(position: usize) -> PackageId {
    PackageId(u32::try_from(position).expect("an index has less than 2^32 packages"))
}

// --- taking up verified indices --------------------------------------------------------------------------------

/// A stanza of one of the parts.
struct Stub {
    part: usize,
    found: Found,
}

impl Index {
    /// Takes up verified indices; earlier parts are preferred.
    pub(super) fn from_parts(
        mut parts: Vec<Part<'_>>,
        origins: Vec<Origin>,
        proofs: Vec<Proof>,
        jobs: usize,
        limits: &Limits,
    ) -> Result<Self, Error> {
        parts.iter_mut().for_each(Part::unify_lines);
        let (stubs, defects) = stubs(&parts, jobs, limits.packages)?;
        let order = sorted(stubs.len(), |at| parts[stubs[at].part].bytes(&stubs[at].found.package));
        let dropped = doubled(&parts, &stubs, &order, limits)?;
        let archives: Vec<usize> = parts.iter().map(|part| part.archive).collect();
        let mut index = Self { origins, defects, proofs, limits: *limits, ..Self::default() };
        index.texts = parts.into_iter().map(|part| part.text).collect();
        index.entries.reserve(stubs.len());
        let mut ids = Vec::with_capacity(stubs.len());
        for (Stub { part, found }, dropped) in stubs.into_iter().zip(&dropped) {
            ids.push(id(index.entries.len()));
            if !dropped {
                index.take_up(part, archives[part], found);
            }
        }
        index.by_name = order.into_iter().filter(|&at| !dropped[at]).map(|at| ids[at]).collect();
        index.sort_provided();
        Ok(index)
    }

    fn take_up(&mut self, part: usize, archive: usize, found: Found) {
        let text = u32::try_from(part).expect("fewer than 2^32 parts");
        let place = |range| Place { text, range };
        let new = id(self.entries.len());
        if found.base && self.origins.get(archive).is_none_or(|origin| origin.base) {
            self.base.push(new);
        }
        for name in scan::provided(&self.texts[part], &found.provides) {
            self.provided.push(place(name));
            self.providers.push(new);
        }
        self.entries.push(Entry {
            name: place(found.package),
            version: place(found.version),
            architecture: place(found.architecture),
            stanza: place(found.stanza),
            archive,
            package: OnceLock::new(),
        });
    }

    fn sort_provided(&mut self) {
        let order = sorted(self.provided.len(), |at| self.bytes(&self.provided[at]));
        let mut provided: Vec<Place> = Vec::with_capacity(order.len());
        let mut providers: Vec<PackageId> = Vec::with_capacity(order.len());
        for at in order {
            let (place, provider) = (&self.provided[at], self.providers[at]);
            // A package may provide one name in several versions.
            let repeated = providers.last() == Some(&provider)
                && provided.last().is_some_and(|last| self.bytes(last) == self.bytes(place));
            if !repeated {
                provided.push(place.clone());
                providers.push(provider);
            }
        }
        (self.provided, self.providers) = (provided, providers);
    }
}

/// The positions `0..count` sorted by name, equal names by position. Most comparisons are of eight bytes that lie
/// side by side, not of names all over the texts.
fn sorted<'a>(count: usize, name: impl Fn(usize) -> &'a [u8]) -> Vec<usize> {
    let start = |name: &[u8]| {
        let mut start = [0; 8];
        let length = name.len().min(8);
        start[..length].copy_from_slice(&name[..length]);
        u64::from_be_bytes(start)
    };
    let mut keys: Vec<(u64, usize)> = (0..count).map(|at| (start(name(at)), at)).collect();
    keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| name(a.1).cmp(name(b.1))).then(a.1.cmp(&b.1)));
    keys.into_iter().map(|(_, at)| at).collect()
}

/// The stanzas of all parts in order, as far as their sources let them through, and those that are none.
fn stubs(parts: &[Part<'_>], jobs: usize, max: u64) -> Result<(Vec<Stub>, Vec<Defect>), Error> {
    let mut chunks = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if u32::try_from(part.text.len()).is_err() {
            return Err(part.error(IndexError::Mismatch("it has more than 4 GiB".to_owned())));
        }
        chunks.extend(scan::split(&part.text, jobs).into_iter().map(|range| (number, range)));
    }
    let scanned = in_parallel(jobs, &chunks, |(number, range)| {
        let part = &parts[*number];
        let judged = scan::scan(&part.text, range.clone()).into_iter().map(|found| {
            let wrong = part.wrong(&found);
            (found, wrong)
        });
        judged.collect::<Vec<_>>()
    });
    let (mut stubs, mut defects) = (Vec::new(), Vec::new());
    for ((number, _), found) in chunks.iter().zip(scanned) {
        let part = &parts[*number];
        for (found, wrong) in found {
            match wrong {
                _ if !part.is_allowed(&found) => {}
                Some(reason) => defects.push(part.defect(&found, reason)),
                None if part.is_for_us(&found) => stubs.push(Stub { part: *number, found }),
                None => {}
            }
        }
        if (stubs.len() + defects.len()) as u64 > max {
            return Err(part.error(IndexError::Limit { limit: "packages", max }));
        }
    }
    Ok((stubs, defects))
}

/// Which stanzas repeat a package version that an earlier one has. Within one archive they must agree in digest;
/// of two archives the earlier wins, so that a later one cannot put its own file in place of another's.
///
/// `order` has the positions of the stubs sorted by name.
fn doubled(parts: &[Part<'_>], stubs: &[Stub], order: &[usize], limits: &Limits) -> Result<Vec<bool>, Error> {
    let name = |at: usize| parts[stubs[at].part].bytes(&stubs[at].found.package);
    let version = |at: usize| {
        let (part, found) = (&parts[stubs[at].part], &stubs[at].found);
        (part.bytes(&found.architecture), part.bytes(&found.version))
    };
    let mut dropped = vec![false; stubs.len()];
    for same_name in order.chunk_by(|&a, &b| name(a) == name(b)).filter(|names| names.len() > 1) {
        let mut versions = same_name.to_vec();
        // A stable sort: the earliest of equal versions stays first.
        versions.sort_by(|&a, &b| version(a).cmp(&version(b)));
        for equal in versions.chunk_by(|&a, &b| version(a) == version(b)) {
            for &other in &equal[1..] {
                dropped[other] = true;
                check_equal(parts, &stubs[equal[0]], &stubs[other], limits)?;
            }
        }
    }
    Ok(dropped)
}

fn check_equal(parts: &[Part<'_>], kept: &Stub, other: &Stub, limits: &Limits) -> Result<(), Error> {
    let digest = |stub: &Stub| {
        let text = readable(parts[stub.part].bytes(&stub.found.stanza));
        let stanza = Stanza::parse_within(text.as_bytes(), limits).ok()?;
        stanza.get("SHA256").or_else(|| stanza.get("SHA512")).map(str::to_owned)
    };
    if parts[kept.part].archive == parts[other.part].archive && digest(kept) != digest(other) {
        return Err(parts[other.part].conflict(&other.found));
    }
    Ok(())
}

impl Part<'_> {
    fn bytes(&self, range: &Range<u32>) -> &[u8] {
        &self.text[range.start as usize..range.end as usize]
    }

    fn text(&self, range: &Range<u32>) -> &str {
        std::str::from_utf8(self.bytes(range)).unwrap_or_default()
    }

    /// Lines that end in CR LF become lines.
    fn unify_lines(&mut self) {
        if memmem::find(&self.text, b"\r\n").is_some() {
            let lines: Vec<&[u8]> = self.text.split(|&byte| byte == b'\n').collect();
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
            self.text = lines.join(&b'\n');
        }
    }

    /// What is wrong with what packages are found by: then it is none.
    fn wrong(&self, found: &Found) -> Option<String> {
        if let Some(reason) = found.wrong {
            return Some(reason.to_owned());
        }
        let plain = |text: &str, more: &[u8]| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte);
            text.len() <= 200
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.bytes().all(allowed)
        };
        if !plain(self.text(&found.package), b"+-.") {
            return Some("its name is no package name".to_owned());
        }
        let architecture = self.text(&found.architecture);
        if !plain(architecture, b"-") {
            return Some(format!("its Architecture `{}` is no name of one", shown(architecture)));
        }
        self.text(&found.version).parse::<Version>().err().map(|error| format!("its Version is none: {error}"))
    }

    fn defect(&self, found: &Found, reason: String) -> Defect {
        Defect { name: shown(self.text(&found.package)), archive: self.archive, reason }
    }

    fn is_allowed(&self, found: &Found) -> bool {
        let globs = &self.source.packages;
        globs.is_empty() || globs.iter().any(|glob| glob::fits(glob.as_bytes(), self.bytes(&found.package)))
    }

    /// An index may hold packages of other architectures; that of a flat repository does.
    fn is_for_us(&self, found: &Found) -> bool {
        let (architecture, ours) = (self.text(&found.architecture), &self.source.architectures);
        ours.is_empty() || architecture == "all" || ours.iter().any(|name| name == architecture)
    }

    fn conflict(&self, found: &Found) -> Error {
        let package = format!("{}:{}", self.text(&found.package), self.text(&found.architecture));
        self.error(IndexError::Conflict { package, version: self.text(&found.version).to_owned() })
    }

    fn error(&self, source: IndexError) -> Error {
        Error::Index { archive: self.source.name.clone(), path: self.path.to_owned(), source }
    }
}

/// A word of an archive's as it may be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_is_by_name_then_position() {
        let names: [&[u8]; 7] = [b"libabcdefgh", b"b", b"libabcdefgg", b"a", b"libabcdefgh", b"", b"libabcde"];
        assert_eq!(sorted(names.len(), |at| names[at]), [5, 3, 1, 6, 2, 0, 4]);
    }

    #[test]
    fn a_text_is_an_index() {
        let stanza = |name: &str| {
            format!(
                "Package: {name}\nVersion: 1\nArchitecture: all\nFilename: {name}.deb\nSize: 1\nSHA256: {}\n\n",
                "0".repeat(64)
            )
        };
        let text = stanza("a") + &stanza("b");
        let index = Index::parse(text.as_bytes(), &Limits::DEFAULT).expect("an index");
        assert_eq!(index.named("b").len(), 1);
        assert_eq!(index.package(index.named("a")[0]).filename, "a.deb");
        let few = Limits { packages: 1, ..Limits::DEFAULT };
        assert!(matches!(Index::parse(text.as_bytes(), &few), Err(TextError::Control(_))));
        assert!(matches!(Index::parse(b"Package: a\n", &few), Err(TextError::Package(_))));
    }
}
