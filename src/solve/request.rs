//! What is wanted: wishes and the base, turned into packages that fulfil them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use super::Error;
use super::Label;
use super::Unknown;
use super::explain;
use super::policy::Rules;
use super::supply::Slot;
use super::supply::Supply;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::Atom;
use crate::deb::Priority;
use crate::deb::Version;
use crate::format::glob;
use crate::limits::Limits;
use crate::recipe::Base;
use crate::recipe::Pin;

/// What the solver is asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The image's architecture.
    pub architecture: String,
    /// What the user asks for, in any order.
    pub wishes: Vec<Wish>,
    /// What is below it.
    pub base: Base,
    /// Whether Recommends are installed where they fit.
    pub recommends: bool,
    /// The recipe's pins, in its order.
    pub pins: Vec<Pin>,
    /// Versions that stay although there are higher ones: those of a lock of which only a part moves.
    pub keep: BTreeSet<PackageId>,
    /// Steps of search before it is given up.
    pub steps: u64,
}

impl Request {
    /// Asks for the required packages of an architecture and nothing else.
    #[must_use]
    pub fn new(architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            wishes: Vec::new(),
            base: Base::Required,
            recommends: false,
            pins: Vec::new(),
            keep: BTreeSet::new(),
            steps: Limits::DEFAULT.steps,
        }
    }
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Wish {
    /// `name[:architecture][=version]` or `name[:architecture]/release`, a real or virtual package; in the version `*`
    /// matches anything.
    Named {
        /// The name.
        name: String,
        /// When not the image's.
        architecture: Option<String>,
        /// A version or a glob of versions.
        version: Option<String>,
        /// The suite, codename or pocket that it is to come from.
        release: Option<String>,
    },
    /// A .deb of the user's own, added to the index before.
    Local(PackageId),
}

/// Why something is wanted. Wishes come before the base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The wish as it was written.
    Asked(String),
    /// A package of the base: its name, and the kind of base it is of.
    Base(&'static str, String),
}

/// Something wanted and what fulfils it, the preferred first.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) cause: Cause,
    pub(super) candidates: Vec<PackageId>,
    /// Whether it leaves only some versions of its package.
    pins: bool,
}

impl Wanted {
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self.cause, Cause::Asked(_))
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Named { name, architecture, version, release } = self else {
            return f.write_str("a .deb of one's own");
        };
        f.write_str(name)?;
        architecture.iter().try_for_each(|architecture| write!(f, ":{architecture}"))?;
        version.iter().try_for_each(|version| write!(f, "={version}"))?;
        release.iter().try_for_each(|release| write!(f, "/{release}"))
    }
}

/// A text that is no wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no package: `NAME[:ARCHITECTURE][=VERSION]` or `NAME[:ARCHITECTURE]/RELEASE`", .0.escape_debug())]
pub struct WishError(String);

impl FromStr for Wish {
    type Err = WishError;

    /// What [`Wish::Named`] is written as; as apt-get(8) takes it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || WishError(text.to_owned());
        let is_word = |text: &str, more: &[u8]| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            !text.is_empty() && text.bytes().all(is_letter)
        };
        let (rest, version, release) = match text.find(['=', '/']) {
            Some(at) if text[at..].starts_with('=') => (&text[..at], Some(&text[at + 1..]), None),
            Some(at) => (&text[..at], None, Some(&text[at + 1..])),
            None => (text, None, None),
        };
        let (name, architecture) = rest.split_once(':').map_or((rest, None), |(name, other)| (name, Some(other)));
        let is_name = name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_name
            || !is_word(name, b"+-.")
            || !architecture.is_none_or(|word| is_word(word, b"-"))
            || !version.is_none_or(|word| is_word(word, b"+-.:~*"))
            || !release.is_none_or(|word| is_word(word, b"-._"))
        {
            return Err(wrong());
        }
        let owned = |word: Option<&str>| word.map(str::to_owned);
        let (architecture, version, release) = (owned(architecture), owned(version), owned(release));
        Ok(Self::Named { name: name.to_owned(), architecture, version, release })
    }
}

/// The names that wishes ask for.
pub(super) fn asked(index: &Index, request: &Request) -> BTreeSet<String> {
    let name = |wish: &Wish| match wish {
        Wish::Named { name, .. } => name.clone(),
        Wish::Local(id) => index.package(*id).name.clone(),
    };
    request.wishes.iter().map(name).collect()
}

/// Everything that is wanted, sorted by cause.
pub(super) fn wanted(index: &Index, request: &Request, rules: &Rc<Rules<'_>>) -> Result<Vec<Wanted>, Error> {
    let supply = Supply::unlimited(index, &request.architecture, &request.keep, Rc::clone(rules));
    let mut wanted = Vec::new();
    let mut unknown = Vec::new();
    for wish in &request.wishes {
        match wish {
            Wish::Local(id) => wanted.push(local(&supply, *id)?),
            Wish::Named { name, architecture, version, release } => {
                let narrow = Narrow { version: version.as_deref(), release: release.as_deref() };
                match named(&supply, name, architecture.as_deref(), narrow) {
                    candidates if candidates.is_empty() => unknown.push(unanswered(&supply, wish, name)),
                    candidates => wanted.push(Wanted {
                        cause: Cause::Asked(wish.to_string()),
                        candidates,
                        pins: narrow.is_some(),
                    }),
                }
            }
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Unknown(unknown));
    }
    // What the base is does not depend on which versions are kept: else it would change with the lock.
    let none = BTreeSet::new();
    wanted.extend(base(&Supply::unlimited(index, &request.architecture, &none, Rc::clone(rules)), request.base));
    wanted.sort_by(|a, b| a.cause.cmp(&b.cause));
    wanted.dedup_by(|a, b| a.cause == b.cause && a.candidates == b.candidates);
    Ok(wanted)
}

/// The versions that wishes leave of each package.
pub(super) fn pins<'a>(
    index: &'a Index,
    request: &'a Request,
    rules: &Rc<Rules<'a>>,
    wanted: &[Wanted],
) -> BTreeMap<Slot<'a>, BTreeSet<PackageId>> {
    let supply = Supply::unlimited(index, &request.architecture, &request.keep, Rc::clone(rules));
    let mut pins: BTreeMap<Slot<'a>, BTreeSet<PackageId>> = BTreeMap::new();
    for each in wanted.iter().filter(|each| each.pins) {
        let Some(&first) = each.candidates.first() else { continue };
        let allowed = BTreeSet::from_iter(each.candidates.iter().copied());
        let pin = pins.entry(supply.slot(first)).or_insert_with(|| allowed.clone());
        pin.retain(|id| allowed.contains(id));
    }
    pins
}

fn local(supply: &Supply<'_>, id: PackageId) -> Result<Wanted, Error> {
    let package = supply.index.package(id);
    if supply.architecture(package) != supply.native() {
        return Err(Error::Architecture {
            package: Label::of(supply, id),
            architecture: package.architecture.clone(),
            native: supply.native().to_owned(),
        });
    }
    let cause = Cause::Asked(format!("{}={} (a .deb of one's own)", package.name, package.version));
    Ok(Wanted { cause, candidates: vec![id], pins: true })
}

/// What a wish says besides the name.
#[derive(Clone, Copy)]
struct Narrow<'a> {
    version: Option<&'a str>,
    release: Option<&'a str>,
}

impl Narrow<'_> {
    const fn is_some(self) -> bool {
        self.version.is_some() || self.release.is_some()
    }

    fn fits(self, supply: &Supply<'_>, id: PackageId) -> bool {
        let origin = supply.index.origin(id);
        self.version.is_none_or(|wanted| version_fits(wanted, &supply.index.package(id).version))
            && self.release.is_none_or(|release| origin.is_some_and(|origin| origin.is_called(release)))
    }
}

/// The packages of a name that fit, or if there is no such package, the providers of the name.
fn named(supply: &Supply<'_>, name: &str, architecture: Option<&str>, narrow: Narrow<'_>) -> Vec<PackageId> {
    let architecture = match architecture {
        None | Some("all") => supply.native(),
        Some(architecture) => architecture,
    };
    let real: Vec<PackageId> =
        supply.candidates(name).iter().copied().filter(|&id| supply.slot(id).1 == architecture).collect();
    let possible = |id: &PackageId| supply.rules.standing(*id).is_possible();
    if real.is_empty() && !narrow.is_some() {
        let atom = Atom { name: name.to_owned(), architecture: None, constraint: None };
        return supply.satisfying_atom(architecture, &atom).into_iter().filter(possible).collect();
    }
    // Who asks for a version or a release has asked for what a pin forbids.
    real.into_iter().filter(|id| narrow.fits(supply, *id) && (narrow.is_some() || possible(id))).collect()
}

/// A glob is matched with the text; a version with the value, so that `1.0` finds `1.0-0`.
fn version_fits(wanted: &str, version: &Version) -> bool {
    if wanted.contains('*') {
        glob::fits(wanted.as_bytes(), version.as_str().as_bytes())
    } else {
        wanted.parse::<Version>().is_ok_and(|wanted| wanted == *version)
    }
}

fn unanswered(supply: &Supply<'_>, wish: &Wish, name: &str) -> Unknown {
    let existing: Vec<Label> = supply.candidates(name).iter().map(|&id| Label::of(supply, id)).collect();
    let mut notes = explain::notes(supply, name);
    let strange = existing.is_empty() && notes.is_empty();
    let nearest = if strange { explain::nearest(supply.index, name) } else { Vec::new() };
    let release = match wish {
        Wish::Named { release: Some(release), .. } if !strange => explain::no_release(supply.index, release),
        _ => None,
    };
    notes.extend(release);
    Unknown { wish: wish.to_string(), name: name.to_owned(), existing, notes, nearest, component: None }
}

/// The base, as debootstrap and mmdebstrap understand it: a package is of it by its preferred version of Debian's.
fn base(supply: &Supply<'_>, base: Base) -> Vec<Wanted> {
    let least = match base {
        Base::Nothing => return Vec::new(),
        Base::Essential => None,
        Base::Required => Some(Priority::Required),
        Base::Important => Some(Priority::Important),
    };
    let names: BTreeSet<&str> = supply.index.base().iter().map(|&id| supply.index.package(id).name.as_str()).collect();
    let wanted = |name: &str| {
        let native = |id: &PackageId| supply.slot(*id).1 == supply.native();
        let possible = |id: &PackageId| supply.rules.standing(*id).is_possible();
        let mut candidates: Vec<PackageId> = supply.candidates(name).iter().copied().filter(native).collect();
        candidates.retain(possible);
        let debians = |id: &&PackageId| supply.index.origin(**id).is_none_or(|origin| origin.base);
        let package = supply.index.package(*candidates.iter().find(debians)?);
        let kind = match package.priority {
            _ if package.essential => "essential",
            priority if least.is_none_or(|least| priority > least) => return None,
            Priority::Required => "of priority required",
            _ => "of priority important",
        };
        Some(Wanted { cause: Cause::Base(kind, name.to_owned()), candidates, pins: false })
    };
    names.into_iter().filter_map(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_as_they_are_written() {
        for text in
            ["bash", "libc6:i386", "bash=5.2.15-2+b2", "bash=5.*", "linux-image-amd64/bookworm-backports", "g++"]
        {
            assert_eq!(text.parse::<Wish>().map(|wish| wish.to_string()), Ok(text.to_owned()));
        }
        for bad in ["", "b", "-x", "a b", "bash=", "bash/", "bash:", "bash=1/x", "bash;x", "b\u{1b}", "bash=1 2"] {
            assert!(bad.parse::<Wish>().is_err(), "{bad}");
        }
    }
}
