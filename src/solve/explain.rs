//! Reasons, as words and as data: why there is no solution, and why a package is in one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use super::Field;
use super::Solution;
use super::Unknown;
use super::Why;
use super::request::Cause;
use super::request::Wanted;
use super::search::Fact;
use super::supply::Supply;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::Package;
use crate::deb::Relation;
use crate::recipe;

/// How many packages of a list, and how many reasons, words tell; data tells all.
const TOLD: usize = 6;
const REASONS_TOLD: usize = 12;

/// A package in an explanation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, when it is not the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

impl Label {
    pub(super) fn of(supply: &Supply<'_>, id: PackageId) -> Self {
        Self::new(supply.index.package(id), supply.native())
    }

    fn new(package: &Package, native: &str) -> Self {
        let foreign = package.architecture != "all" && package.architecture != native;
        Self {
            name: package.name.clone(),
            version: package.version.to_string(),
            architecture: foreign.then(|| package.architecture.clone()),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.architecture.iter().try_for_each(|architecture| write!(f, ":{architecture}"))?;
        write!(f, " {}", self.version)
    }
}

/// Why no set of packages fulfils a request: reasons that exclude each other, from the wishes down.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Contradiction {
    /// In the order in which one leads to the next.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Something is asked for.
    Asked {
        /// The wish.
        wish: String,
        /// What fulfils it.
        candidates: Vec<Label>,
    },
    /// Something is of the base.
    Base {
        /// `essential`, `of priority required`, `of priority important`
        base: &'static str,
        /// Its versions.
        candidates: Vec<Label>,
    },
    /// A package needs one of others.
    Needs {
        /// Which.
        package: Label,
        /// In which field.
        field: Field,
        /// As Debian writes it.
        relation: String,
        /// What satisfies it.
        candidates: Vec<Label>,
    },
    /// A package needs what does not exist.
    Lacks {
        /// Which.
        package: Label,
        /// In which field.
        field: Field,
        /// As Debian writes it.
        relation: String,
        /// Packages of that name that do not fit.
        existing: Vec<Label>,
        /// What stands in the way of some of them.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// A package keeps another away.
    Excludes {
        /// Which.
        package: Label,
        /// `Conflicts`, `Breaks` or `Multi-Arch`.
        field: Field,
        /// As Debian writes it; empty for `Multi-Arch`.
        relation: String,
        /// The other.
        other: Label,
    },
    /// There can be one version of a package only.
    OneVersion {
        /// One.
        package: Label,
        /// Another.
        other: Label,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, reason) in self.reasons.iter().take(REASONS_TOLD).enumerate() {
            write!(f, "{}{reason}", if position == 0 { "" } else { "; " })?;
        }
        match self.reasons.len().saturating_sub(REASONS_TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more reasons"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { wish, candidates } if candidates.len() == 1 && candidates[0].name == *wish => {
                write!(f, "`{wish}` is asked for")
            }
            Self::Asked { wish, candidates } => write!(f, "`{wish}` is asked for ({})", choice(candidates)),
            Self::Base { base, candidates } => write!(f, "{} is {base}", choice(candidates)),
            Self::Needs { package, field, relation, candidates } => {
                write!(f, "`{package}` {} `{relation}` ({})", verb(*field), choice(candidates))
            }
            Self::Lacks { package, field, relation, existing, notes } => {
                write!(f, "`{package}` {} `{relation}`, but ", verb(*field))?;
                match existing.as_slice() {
                    [] if notes.is_empty() => f.write_str("there is no such package")?,
                    [] => f.write_str("there is none that can be used")?,
                    [one] => write!(f, "only `{one}` exists")?,
                    many => write!(f, "only {} exist", list(many))?,
                }
                if notes.is_empty() { Ok(()) } else { write!(f, " ({})", told(notes)) }
            }
            Self::Excludes { package, field: Field::MultiArch, other, .. } => {
                write!(f, "`{package}` and `{other}` are not `Multi-Arch: same` in one version")
            }
            Self::Excludes { package, field, relation, other } => {
                write!(f, "`{package}` {} `{relation}`, which `{other}` is", verb(*field))
            }
            Self::OneVersion { package, other } => write!(f, "`{package}` and `{other}` cannot both be installed"),
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.wish)?;
        if let Some(component) = &self.component {
            return write!(f, " (it is in `{component}`: add that to `components`)");
        }
        match (self.existing.as_slice(), self.notes.as_slice(), self.nearest.as_slice()) {
            ([], [], []) => Ok(()),
            ([], [], nearest) => write!(f, " (did you mean {}?)", quoted(nearest, " or ")),
            ([], notes, _) => write!(f, " ({})", told(notes)),
            (existing, [], _) => write!(f, " (there is {})", list(existing)),
            (existing, notes, _) => write!(f, " (there is {}; {})", list(existing), told(notes)),
        }
    }
}

/// Some of the notes.
fn told(notes: &[String]) -> String {
    let more = if notes.len() > TOLD { format!("; and {} more", notes.len() - TOLD) } else { String::new() };
    notes[..notes.len().min(TOLD)].join("; ") + &more
}

/// What stands in the way of packages of this name.
pub(super) fn notes(supply: &Supply<'_>, name: &str) -> Vec<String> {
    let archive = |position: usize| match supply.index.origins().get(position) {
        Some(origin) => format!(" in archive `{}`", origin.name),
        None => String::new(),
    };
    let defects = supply.index.defects().iter().filter(|defect| defect.name == name);
    let defects = defects.map(|defect| {
        format!("the stanza of `{name}`{} describes no package: {}", archive(defect.archive), defect.reason)
    });
    let hindered = supply.index.named(name).iter().filter_map(|&id| {
        let hindrance = supply.rules.hindrance(id)?;
        Some(format!("`{}`: {hindrance}", Label::of(supply, id)))
    });
    let mut notes: Vec<String> = defects.chain(hindered).collect();
    notes.sort();
    notes.dedup();
    notes
}

/// That no archive is called as a release is that was asked for.
pub(super) fn no_release(index: &Index, release: &str) -> Option<String> {
    let origins = index.origins();
    if origins.is_empty() || origins.iter().any(|origin| origin.is_called(release)) {
        return None;
    }
    let names = origins.iter().flat_map(|origin| origin.names.iter().chain([&origin.suite])).map(String::as_str);
    let unused = || {
        let pocket = unused_pocket(index, release)?;
        Some(format!("; is the pocket `{pocket}` meant? It is none of `pockets` in `[debian]`"))
    };
    let meant = recipe::nearest(release, names).map(|meant| format!("; did you mean `{meant}`?"));
    let meant = meant.or_else(unused).unwrap_or_default();
    let suites: BTreeSet<&str> = origins.iter().map(|origin| origin.suite.as_str()).collect();
    let suites: Vec<&str> = suites.into_iter().collect();
    Some(format!("no archive of the recipe is called `{release}`, there are {}{meant}", list(&suites)))
}

/// The pocket of Debian's that a release is probably of, where the recipe does not use it: no archive is called so.
fn unused_pocket(index: &Index, release: &str) -> Option<&'static str> {
    let of_debian = || index.origins().iter().filter(|origin| origin.base);
    let suites = of_debian().flat_map(|origin| origin.names.iter().chain([&origin.suite]));
    let mut words = suites.filter_map(|suite| release.strip_prefix(suite.as_str())?.strip_prefix('-'));
    let pocket = words.find_map(|word| recipe::nearest(word, recipe::POCKETS));
    let pocket = pocket.or_else(|| recipe::nearest(release, recipe::POCKETS))?;
    of_debian().all(|origin| origin.pocket.as_deref() != Some(pocket)).then_some(pocket)
}

pub(super) const fn verb(field: Field) -> &'static str {
    match field {
        Field::PreDepends => "needs before its unpacking",
        Field::Depends => "needs",
        Field::Recommends => "recommends",
        Field::Conflicts => "conflicts with",
        Field::Breaks => "breaks",
        Field::MultiArch => "excludes",
    }
}

/// `a`, `b`, `c` and 7 more
/// Wishes that nothing answers, each with its own hint.
pub(super) fn unknown(wishes: &[Unknown]) -> String {
    let words: Vec<String> = wishes.iter().take(TOLD).map(Unknown::to_string).collect();
    let more = if wishes.len() > TOLD { format!(" and {} more", wishes.len() - TOLD) } else { String::new() };
    words.join(", ") + &more
}

pub(super) fn list(items: &[impl fmt::Display]) -> String {
    quoted(items, ", ")
}

fn choice(items: &[Label]) -> String {
    quoted(items, " or ")
}

fn quoted(items: &[impl fmt::Display], between: &str) -> String {
    let mut text = String::new();
    for (position, item) in items.iter().take(TOLD).enumerate() {
        text.push_str(if position == 0 { "" } else { between });
        text.push_str(&format!("`{item}`"));
    }
    if items.len() > TOLD {
        text.push_str(&format!(" and {} more", items.len() - TOLD));
    }
    text
}

/// A relation by its field and position, and what satisfies it.
type Need<'a> = (Field, usize, &'a BTreeSet<PackageId>);

/// Puts facts in order: each wish, what it leads to, and at the end what excludes each other.
pub(super) fn contradiction(supply: &Supply<'_>, wanted: &[&Wanted], facts: &BTreeSet<Fact>) -> Contradiction {
    let mut reasons = Vec::new();
    let mut queue: Vec<PackageId> = Vec::new();
    let mut needs: BTreeMap<PackageId, Vec<Need<'_>>> = BTreeMap::new();
    let mut exclusions = Vec::new();
    for fact in facts {
        match fact {
            Fact::Wanted { root, candidates } => {
                reasons.extend(wanted.get(*root).map(|each| wish(supply, each, candidates)));
                queue.extend(by_label(supply, candidates));
            }
            Fact::Needed { by, field, position, candidates } => {
                needs.entry(*by).or_default().push((*field, *position, candidates));
            }
            Fact::Excluded { by, field, position, other } => {
                exclusions.push(exclusion(supply, *by, *field, *position, *other));
            }
            Fact::OneOf(a, b) => {
                let (a, b) = (Label::of(supply, *a), Label::of(supply, *b));
                let (package, other) = if a <= b { (a, b) } else { (b, a) };
                exclusions.push(Reason::OneVersion { package, other });
            }
        }
    }
    let mut at = 0;
    while let Some(&id) = queue.get(at) {
        at += 1;
        for (field, position, candidates) in needs.remove(&id).into_iter().flatten() {
            reasons.push(need(supply, id, field, position, candidates));
            queue.extend(by_label(supply, candidates));
        }
    }
    exclusions.sort_by_cached_key(ToString::to_string);
    reasons.append(&mut exclusions);
    reasons.dedup();
    Contradiction { reasons }
}

/// Sorted by what is shown, for ids follow the order of the index.
fn by_label(supply: &Supply<'_>, ids: &BTreeSet<PackageId>) -> Vec<PackageId> {
    let mut ids: Vec<PackageId> = ids.iter().copied().collect();
    ids.sort_by_cached_key(|&id| Label::of(supply, id));
    ids
}

fn labels<'i>(supply: &Supply<'_>, ids: impl IntoIterator<Item = &'i PackageId>) -> Vec<Label> {
    let labels: BTreeSet<Label> = ids.into_iter().map(|&id| Label::of(supply, id)).collect();
    labels.into_iter().collect()
}

fn wish(supply: &Supply<'_>, wanted: &Wanted, candidates: &BTreeSet<PackageId>) -> Reason {
    let candidates = labels(supply, candidates);
    match &wanted.cause {
        Cause::Asked(wish) => Reason::Asked { wish: wish.clone(), candidates },
        Cause::Base(base, _) => Reason::Base { base, candidates },
    }
}

fn need(supply: &Supply<'_>, id: PackageId, field: Field, position: usize, candidates: &BTreeSet<PackageId>) -> Reason {
    let package = Label::of(supply, id);
    let relation = relation(supply.index.package(id), field, position);
    let text = relation.map(ToString::to_string).unwrap_or_default();
    if !candidates.is_empty() {
        return Reason::Needs { package, field, relation: text, candidates: labels(supply, candidates) };
    }
    let (mut existing, mut hindrances) = (BTreeSet::new(), Vec::new());
    for atom in relation.iter().flat_map(|relation| &relation.0) {
        let usable = supply.index.named(&atom.name).iter().filter(|id| supply.index.fault(**id).is_none());
        existing.extend(usable);
        existing.extend(supply.index.providing(&atom.name));
        hindrances.extend(notes(supply, &atom.name));
    }
    Reason::Lacks { package, field, relation: text, existing: labels(supply, &existing), notes: hindrances }
}

fn exclusion(supply: &Supply<'_>, by: PackageId, field: Field, position: usize, other: PackageId) -> Reason {
    let relation = relation(supply.index.package(by), field, position);
    let relation = relation.map(ToString::to_string).unwrap_or_default();
    Reason::Excludes { package: Label::of(supply, by), field, relation, other: Label::of(supply, other) }
}

fn relation(package: &Package, field: Field, position: usize) -> Option<&Relation> {
    let relations = match field {
        Field::PreDepends => &package.pre_depends,
        Field::Depends => &package.depends,
        Field::Recommends => &package.recommends,
        Field::Conflicts => &package.conflicts,
        Field::Breaks => &package.breaks,
        Field::MultiArch => return None,
    };
    relations.get(position)
}

/// The way from a wish to a package of the solution.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Chain {
    /// The wish or base package first, the package asked about last.
    pub links: Vec<Link>,
}

/// A package of a [`Chain`], and how one comes to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Link {
    /// The package.
    pub package: Label,
    /// `None`: it is the beginning.
    pub field: Option<Field>,
    /// The relation of the package before it that leads to it; of the beginning, the wish or the kind of base.
    pub reason: String,
}

impl Why {
    /// The reason in words: "`apt` needs `libc6 (>= 2.36)`". The index is the one solved with.
    #[must_use]
    pub fn words(&self, index: &Index) -> String {
        match self {
            Self::Asked(wish) => format!("`{wish}` is asked for"),
            Self::Base(kind) => format!("it is {kind}"),
            Self::Needed { by, field, relation } => {
                format!("`{}` {} `{relation}`", index.package(*by).name, verb(*field))
            }
        }
    }
}

impl Solution {
    /// The shortest way from what was asked to a package, by `name` or `name:architecture`. `None`: it is not in
    /// the solution. The index is the one solved with.
    #[must_use]
    pub fn why(&self, index: &Index, name: &str) -> Option<Chain> {
        let (name, architecture) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
        let is_wanted = |id: PackageId| {
            let package = index.package(id);
            package.name == name && architecture.is_none_or(|architecture| package.architecture == architecture)
        };
        let mut at = self.packages.iter().find(|selected| is_wanted(selected.id))?;
        let mut links = Vec::new();
        loop {
            let package = Label::new(index.package(at.id), &self.architecture);
            match &at.why {
                Why::Asked(_) | Why::Base(_) => {
                    links.push(Link { package, field: None, reason: at.why.words(index) });
                    break;
                }
                Why::Needed { by, field, relation } => {
                    links.push(Link { package, field: Some(*field), reason: relation.clone() });
                    at = self.packages.iter().find(|selected| selected.id == *by)?;
                }
            }
        }
        links.reverse();
        Some(Chain { links })
    }
}

impl fmt::Display for Chain {
    /// A line for each link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, link) in self.links.iter().enumerate() {
            match link.field {
                None => write!(f, "`{}`: {}", link.package, link.reason)?,
                Some(field) => {
                    write!(
                        f,
                        "{:indent$}{} `{}`: `{}`",
                        "",
                        verb(field),
                        link.reason,
                        link.package,
                        indent = position * 2
                    )?;
                }
            }
            if position + 1 < self.links.len() {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// The names that are spelled most alike, at most three.
pub(super) fn nearest(index: &Index, name: &str) -> Vec<String> {
    // One wrong letter in four, and never so many that short names are like every other.
    let allowed = (name.len() / 4).min(3);
    let mut near: Vec<(usize, &str)> =
        index.names().filter_map(|other| Some((distance(name, other, allowed)?, other))).collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// The number of letters added, left out, replaced or swapped with their neighbour (Damerau and Levenshtein), if it
/// is not more than `allowed`.
fn distance(a: &str, b: &str, allowed: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > allowed {
        return None;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(a[i] != b[j]);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|&distance| distance <= allowed)
}
