//! What is wanted: wishes and the base, turned into packages that fulfil them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use super::Error;
use super::Label;
use super::Unknown;
use super::explain;
use super::world::Slot;
use super::world::World;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::Atom;
use crate::deb::Priority;
use crate::deb::Version;
use crate::limits::Limits;
use crate::recipe::Base;

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
            keep: BTreeSet::new(),
            steps: Limits::DEFAULT.steps,
        }
    }
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// `name[:architecture][=version]`, a real or virtual package; in the version `*` matches anything.
    Named {
        /// The name.
        name: String,
        /// When not the image's.
        architecture: Option<String>,
        /// A version or a glob of versions.
        version: Option<String>,
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
        let Self::Named { name, architecture, version } = self else { return f.write_str("a .deb of one's own") };
        f.write_str(name)?;
        architecture.iter().try_for_each(|architecture| write!(f, ":{architecture}"))?;
        version.iter().try_for_each(|version| write!(f, "={version}"))
    }
}

/// Everything that is wanted, sorted by cause.
pub(super) fn wanted(index: &Index, request: &Request) -> Result<Vec<Wanted>, Error> {
    let world = World::unlimited(index, &request.architecture, &request.keep);
    let mut wanted = Vec::new();
    let mut unknown = Vec::new();
    for wish in &request.wishes {
        match wish {
            Wish::Local(id) => wanted.push(local(&world, *id)?),
            Wish::Named { name, architecture, version } => {
                match named(&world, name, architecture.as_deref(), version.as_deref()) {
                    candidates if candidates.is_empty() => unknown.push(unanswered(&world, wish, name)),
                    candidates => wanted.push(Wanted {
                        cause: Cause::Asked(wish.to_string()),
                        candidates,
                        pins: version.is_some(),
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
    wanted.extend(base(&World::unlimited(index, &request.architecture, &none), request.base));
    wanted.sort_by(|a, b| a.cause.cmp(&b.cause));
    wanted.dedup_by(|a, b| a.cause == b.cause && a.candidates == b.candidates);
    Ok(wanted)
}

/// The versions that wishes leave of each package.
pub(super) fn pins<'a>(
    index: &'a Index,
    request: &'a Request,
    wanted: &[Wanted],
) -> BTreeMap<Slot<'a>, BTreeSet<PackageId>> {
    let world = World::unlimited(index, &request.architecture, &request.keep);
    let mut pins: BTreeMap<Slot<'a>, BTreeSet<PackageId>> = BTreeMap::new();
    for each in wanted.iter().filter(|each| each.pins) {
        let Some(&first) = each.candidates.first() else { continue };
        let allowed = BTreeSet::from_iter(each.candidates.iter().copied());
        let pin = pins.entry(world.slot(first)).or_insert_with(|| allowed.clone());
        pin.retain(|id| allowed.contains(id));
    }
    pins
}

fn local(world: &World<'_>, id: PackageId) -> Result<Wanted, Error> {
    let package = world.index.package(id);
    if world.architecture(package) != world.native() {
        return Err(Error::Architecture {
            package: Label::of(world, id),
            architecture: package.architecture.clone(),
            native: world.native().to_owned(),
        });
    }
    let cause = Cause::Asked(format!("{}={} (a .deb of one's own)", package.name, package.version));
    Ok(Wanted { cause, candidates: vec![id], pins: true })
}

/// The packages of a name that fit, or if there is no such package, the providers of the name.
fn named(world: &World<'_>, name: &str, architecture: Option<&str>, version: Option<&str>) -> Vec<PackageId> {
    let architecture = match architecture {
        None | Some("all") => world.native(),
        Some(architecture) => architecture,
    };
    let real: Vec<PackageId> =
        world.candidates(name).iter().copied().filter(|&id| world.slot(id).1 == architecture).collect();
    if real.is_empty() && version.is_none() {
        let atom = Atom { name: name.to_owned(), architecture: None, constraint: None };
        return world.satisfying_atom(architecture, &atom);
    }
    let fits = |id: &PackageId| version.is_none_or(|wanted| version_fits(wanted, &world.index.package(*id).version));
    real.into_iter().filter(fits).collect()
}

/// A glob is matched with the text; a version with the value, so that `1.0` finds `1.0-0`.
fn version_fits(wanted: &str, version: &Version) -> bool {
    if wanted.contains('*') {
        glob_matches(wanted.as_bytes(), version.as_str().as_bytes())
    } else {
        wanted.parse::<Version>().is_ok_and(|wanted| wanted == *version)
    }
}

/// `*` matches anything. Goes back to the last `*` only, which is enough, so the time is bounded.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text, mut star) = (0, 0, None);
    while in_text < text.len() {
        if glob.get(at) == Some(&b'*') {
            star = Some((at, in_text));
            at += 1;
        } else if glob.get(at) == Some(&text[in_text]) {
            at += 1;
            in_text += 1;
        } else if let Some((star_at, matched)) = star {
            star = Some((star_at, matched + 1));
            at = star_at + 1;
            in_text = matched + 1;
        } else {
            return false;
        }
    }
    glob[at..].iter().all(|&rest| rest == b'*')
}

fn unanswered(world: &World<'_>, wish: &Wish, name: &str) -> Unknown {
    let existing: Vec<Label> = world.candidates(name).iter().map(|&id| Label::of(world, id)).collect();
    let nearest = if existing.is_empty() { explain::nearest(world.index, name) } else { Vec::new() };
    Unknown { wish: wish.to_string(), existing, nearest }
}

/// The base, as debootstrap and mmdebstrap understand it: a package is of it by its preferred version.
fn base(world: &World<'_>, base: Base) -> Vec<Wanted> {
    let least = match base {
        Base::Essential => None,
        Base::Required => Some(Priority::Required),
        Base::Important => Some(Priority::Important),
    };
    let names: BTreeSet<&str> = world.index.base().iter().map(|&id| world.index.package(id).name.as_str()).collect();
    let wanted = |name: &str| {
        let native = |id: &PackageId| world.slot(*id).1 == world.native();
        let candidates: Vec<PackageId> = world.candidates(name).iter().copied().filter(native).collect();
        let package = world.index.package(*candidates.first()?);
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
