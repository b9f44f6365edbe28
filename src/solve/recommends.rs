//! Recommends: added to a solution where they fit, never at the cost of what is needed.

use std::collections::BTreeSet;

use super::request::Wanted;
use super::search;
use super::search::Failure;
use super::search::Root;
use super::search::Steps;
use super::solution;
use super::supply::Supply;
use crate::archive::PackageId;

/// Adds to `chosen` what its packages recommend, and what that recommends, until nothing more fits.
pub(super) fn add(
    supply: &Supply<'_>,
    wanted: &[Wanted],
    mut chosen: BTreeSet<PackageId>,
    steps: &Steps,
) -> Result<BTreeSet<PackageId>, Failure> {
    let mut tried = BTreeSet::new();
    loop {
        let reached = solution::reach(supply, wanted, &chosen, true);
        chosen = reached.keys().copied().collect();
        let groups = unsatisfied(supply, &solution::by_distance(&reached), &chosen, &mut tried);
        if groups.is_empty() {
            return Ok(chosen);
        }
        chosen = accept(supply, chosen, &groups, steps)?;
    }
}

/// The groups not tried yet, each as the packages that would satisfy it and that no chosen package keeps away. (A
/// search would find that too, but with all others of its half; large desktops have dozens of such groups.)
fn unsatisfied(
    supply: &Supply<'_>,
    reached: &[PackageId],
    chosen: &BTreeSet<PackageId>,
    tried: &mut BTreeSet<PackageId>,
) -> Vec<Root> {
    let excluded: BTreeSet<PackageId> = chosen.iter().flat_map(|&id| supply.exclusions(id)).collect();
    let fits = |id: &PackageId| {
        !excluded.contains(id) && supply.exclusions(*id).iter().all(|excluded| !chosen.contains(excluded))
    };
    let mut groups = Vec::new();
    for &id in reached {
        if !tried.insert(id) {
            continue;
        }
        let package = supply.index.package(id);
        for relation in &package.recommends {
            let mut candidates = supply.satisfying(package, relation);
            let satisfied = candidates.iter().any(|candidate| chosen.contains(candidate));
            if !satisfied && !supply.satisfies_itself(id, relation) {
                // What Debian's packages only recommend brings nothing in from an archive that nobody asked.
                let of_debian = !supply.rules.is_from_further(package);
                candidates.retain(|id| fits(id) && !(of_debian && supply.rules.is_stranger(*id)));
                groups.extend((!candidates.is_empty()).then_some(candidates));
            }
        }
    }
    groups
}

/// Takes all groups if they fit together, else the first half and of the second what still fits.
fn accept(
    supply: &Supply<'_>,
    chosen: BTreeSet<PackageId>,
    groups: &[Root],
    steps: &Steps,
) -> Result<BTreeSet<PackageId>, Failure> {
    let roots: Vec<Root> = chosen.iter().map(|&id| vec![id]).chain(groups.iter().cloned()).collect();
    match search::search(supply, &roots, steps) {
        Ok(more) => Ok(more),
        Err(Failure::Limit) => Err(Failure::Limit),
        Err(Failure::Unsolvable(_)) if groups.len() == 1 => Ok(chosen),
        Err(Failure::Unsolvable(_)) => {
            let (first, second) = groups.split_at(groups.len() / 2);
            let chosen = accept(supply, chosen, first, steps)?;
            accept(supply, chosen, second, steps)
        }
    }
}
