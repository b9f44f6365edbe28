//! The solver: from wishes to the exact set of packages, with a reason for each, or the reasons why there is none.
//!
//! Gets the verified [`Index`] and gives what is fetched. The meaning of relations is Policy 7's
//! (<https://www.debian.org/doc/debian-policy/ch-relationships.html>). Among the sets that fulfil them, these rules
//! choose, and nothing else does; neither the order of wishes nor that of the index:
//!
//! 1. Versions of a package: a .deb of the user's own, a version to keep, the highest priority (`policy`), the
//!    highest version, the first archive. A wish with a version or a release leaves those that match it. Other versions
//!    are used only when there is no solution with the preferred one of each package, and then for as few packages as
//!    the search finds.
//! 2. Alternatives (`a | b`): the first that can be installed, unless another is there anyway because something
//!    more directly asked for needs it.
//! 3. A name that several packages satisfy: the package of that name, then providers; the same architecture, then
//!    the native one; then the more important priority; then the name. For Debian's packages, Debian's come first.
//! 4. Recommends, when asked for: those that fit beside what is needed without them, nearest to the wishes first.
//! 5. What no wish, base package or relation leads to is not in the set.

mod explain;
mod judge;
mod order;
mod policy;
mod recommends;
mod request;
mod search;
mod solution;
mod supply;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

pub use explain::Chain;
pub use explain::Contradiction;
pub use explain::Label;
pub use explain::Link;
pub use explain::Reason;
pub use judge::Misfit;
pub use judge::fit_together;
pub use judge::judge;
pub use order::order;
pub use policy::Offer;
pub use request::Request;
pub use request::Wish;
pub use request::WishError;
pub use solution::Selected;
pub use solution::Solution;
pub use solution::Why;

use crate::archive::Index;
use crate::archive::PackageId;
use crate::cancel::Cancel;
use crate::cancel::Cancelled;
use policy::Rules;
use request::Wanted;
use search::Failure;
use search::Root;
use search::Steps;
use supply::Scope;
use supply::Slot;
use supply::Supply;

/// A field that relates packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "Policy 7 names them")]
pub enum Field {
    PreDepends,
    Depends,
    Recommends,
    Conflicts,
    Breaks,
    /// Not a relation: two packages of one name that `Multi-Arch` keeps apart.
    MultiArch,
}

/// Why there is no solution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Wishes that no package of any archive answers.
    #[error("cannot find {}", explain::unknown(.0))]
    Unknown(Vec<Unknown>),
    /// A .deb of the user's own for another machine.
    #[error("cannot install `{package}`: it is for {architecture}, the image for {native}")]
    Architecture {
        /// Name and version.
        package: Label,
        /// Its own.
        architecture: String,
        /// The image's.
        native: String,
    },
    /// The relations exclude each other.
    #[error("cannot install what is asked for: {0}")]
    Unsolvable(Contradiction),
    /// Packages that each need another of them before their own unpacking.
    #[error("cannot install {}: each needs the next before its unpacking, in a circle", explain::list(.0))]
    Circle(Vec<Label>),
    /// The search was given up.
    #[error(
        "cannot find a solution within {steps} steps of search (limit `steps`): ask for fewer packages, or name versions"
    )]
    Limit {
        /// [`Request::steps`].
        steps: u64,
    },
    /// Somebody wanted it to end.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

/// A wish that nothing answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unknown {
    /// As it was asked for.
    pub wish: String,
    /// The name in it.
    pub name: String,
    /// The versions that exist, when only the version is unknown.
    pub existing: Vec<Label>,
    /// What stands in the way of versions that exist: stanzas that describe no package, rules that forbid one.
    pub notes: Vec<String>,
    /// Names that are spelled alike, when the name is unknown.
    pub nearest: Vec<String>,
    /// The component of the archive that has it, when it is one that the recipe does not use. Filled in by who can look.
    pub component: Option<String>,
}

/// Finds the packages to install.
///
/// # Errors
/// A wish is unknown, the relations contradict each other, or the search takes more than [`Request::steps`].
pub fn solve(index: &Index, request: &Request) -> Result<Solution, Error> {
    solve_unless(index, request, &Cancel::default())
}

/// As [`solve`], unless it is cancelled.
///
/// # Errors
/// As [`solve`], or it was cancelled.
pub fn solve_unless(index: &Index, request: &Request, cancel: &Cancel) -> Result<Solution, Error> {
    let solution = search_all(index, request, cancel);
    // A search that was cut short is one without an end.
    if matches!(solution, Err(Error::Limit { .. })) {
        cancel.check()?;
    }
    solution
}

fn search_all(index: &Index, request: &Request, cancel: &Cancel) -> Result<Solution, Error> {
    let asked = request::asked(index, request);
    let rules = Rc::new(Rules::new(index, &request.pins, &asked));
    let wanted = request::wanted(index, request, &rules)?;
    let pins = request::pins(index, request, &rules, &wanted);
    let supply = Supply::new(index, &request.architecture, &request.keep, rules, pins);
    let roots: Vec<Root> = wanted.iter().map(|each| each.candidates.clone()).collect();
    let steps = Steps::new(request.steps, cancel);
    let limit = || Error::Limit { steps: request.steps };
    let (supply, mut chosen) = match find(&supply, &roots, &steps) {
        Ok(found) => found,
        Err(Failure::Limit) => return Err(excluded(&supply, request, &wanted, &steps).unwrap_or_else(limit)),
        Err(Failure::Unsolvable(_)) => return Err(contradiction(&supply, request, &wanted, &steps)),
    };
    if request.recommends {
        chosen = recommends::add(&supply, &wanted, chosen, &steps).map_err(|_| limit())?;
    }
    let solution = solution::walk(&supply, &wanted, &chosen, request);
    order::check(&supply, &solution)?;
    Ok(solution)
}

/// The version of a package that would be chosen if nothing spoke against it, for the image's architecture.
#[must_use]
pub fn preferred(index: &Index, request: &Request, name: &str) -> Option<PackageId> {
    let asked = request::asked(index, request);
    let rules = Rc::new(Rules::new(index, &request.pins, &asked));
    let supply = Supply::new(index, &request.architecture, &request.keep, rules, BTreeMap::new());
    let candidates = supply.candidates(name);
    candidates.iter().copied().find(|&id| supply.slot(id).1 == request.architecture)
}

/// Searches with the preferred version of each package; only if that fails with all. What the second search could
/// not keep at the preferred version is then given to a third, like the first: so one old package does not change
/// what is chosen elsewhere.
fn find<'a>(supply: &Supply<'a>, roots: &[Root], steps: &Steps) -> Result<(Supply<'a>, BTreeSet<PackageId>), Failure> {
    let best = supply.scoped(Scope::Best(BTreeMap::new()));
    match search::search(&best, roots, steps) {
        Ok(chosen) => return Ok((best, chosen)),
        Err(Failure::Limit) => return Err(Failure::Limit),
        Err(Failure::Unsolvable(_)) => {}
    }
    let found = search::search(&supply.scoped(Scope::All), roots, steps)?;
    let given: BTreeMap<Slot<'a>, PackageId> = found.iter().map(|&id| (supply.slot(id), id)).collect();
    let given = given.into_iter().filter(|(_, id)| best.rank(*id).is_none()).collect();
    let refined = supply.scoped(Scope::Best(given));
    let chosen = search::search(&refined, roots, steps)?;
    Ok((refined, chosen))
}

/// The reasons, for as few of the wishes as contradict each other.
fn contradiction(supply: &Supply<'_>, request: &Request, wanted: &[Wanted], steps: &Steps) -> Error {
    let asked: Vec<&Wanted> = wanted.iter().filter(|each| each.is_asked()).collect();
    let all: Vec<&Wanted> = wanted.iter().collect();
    let every = supply.scoped(Scope::All);
    let reasons = reasons(&every, asked, steps).or_else(|| reasons(&every, all, steps));
    reasons.or_else(|| excluded(supply, request, wanted, steps)).unwrap_or(Error::Limit { steps: request.steps })
}

/// How many sets of wishes are looked at for a contradiction, and the least number of steps that each is given: two
/// packages with what they need beside the base.
const LIKELY: usize = 1000;
const SHARE: u64 = 500;

/// What can be said where the search for all wishes was given up: whether some of the user's own exclude each other. As
/// many steps again are spent on that, half of them on pairs and on each wish alone.
fn excluded(supply: &Supply<'_>, request: &Request, wanted: &[Wanted], steps: &Steps) -> Option<Error> {
    let asked: Vec<&Wanted> = wanted.iter().filter(|each| each.is_asked()).collect();
    let supply = supply.scoped(Scope::All);
    let away: BTreeMap<PackageId, BTreeSet<PackageId>> = asked
        .iter()
        .flat_map(|each| &each.candidates)
        .map(|&id| (id, supply.exclusions(id).into_iter().collect()))
        .collect();
    // Each candidate of one excludes each of the other, by its own relations.
    let excludes = |a: &PackageId, b: &PackageId| away[a].contains(b) || away[b].contains(a);
    let apart = |a: &Wanted, b: &Wanted| a.candidates.iter().all(|a| b.candidates.iter().all(|b| excludes(a, b)));
    let pairs = asked.iter().enumerate().flat_map(|(at, &a)| asked[at + 1..].iter().map(move |&b| (a, b)));
    let (near, far): (Vec<_>, Vec<_>) = pairs.partition(|&(a, b)| apart(a, b));
    let alone = asked.iter().map(|&each| vec![each]);
    let pair = |(a, b)| vec![a, b];
    let likely = near.into_iter().map(pair).chain(alone).chain(far.into_iter().map(pair));
    let likely: Vec<Vec<&Wanted>> = likely.take(LIKELY).collect();
    let share = (request.steps / 2 / (likely.len() as u64 + 1)).max(SHARE);
    for few in likely {
        if let Some(error) = reasons(&supply, few, &steps.others(share)) {
            return Some(error);
        }
    }
    reasons(&supply, asked, &steps.others(request.steps / 2))
}

/// Why these wishes cannot be fulfilled together, by as few of them as cannot; `None`: they can, or it takes too long
/// to know.
fn reasons(supply: &Supply<'_>, mut culprits: Vec<&Wanted>, steps: &Steps) -> Option<Error> {
    let mut facts = None;
    let mut contradict = |wishes: &[&Wanted]| {
        let roots: Vec<Root> = wishes.iter().map(|each| each.candidates.clone()).collect();
        match search::search(supply, &roots, steps) {
            Err(Failure::Unsolvable(found)) => {
                facts = Some(found);
                true
            }
            _ => false,
        }
    };
    if !contradict(&culprits) {
        return None;
    }
    let mut position = 0;
    while position < culprits.len() {
        let mut fewer = culprits.clone();
        fewer.remove(position);
        if contradict(&fewer) {
            culprits = fewer;
        } else {
            position += 1;
        }
    }
    // The last search must be of the culprits, for the facts name wishes by position.
    if !contradict(&culprits) {
        return None;
    }
    Some(Error::Unsolvable(explain::contradiction(supply, &culprits, &facts.unwrap_or_default())))
}
