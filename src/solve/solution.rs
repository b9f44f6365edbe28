//! The answer: the packages, and for each the shortest way that leads to it from what was asked.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::rc::Rc;

use super::Field;
use super::Request;
use super::policy::Offer;
use super::policy::Rules;
use super::request::Cause;
use super::request::Wanted;
use super::supply::Supply;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::Package;
use crate::deb::Relation;
use crate::recipe::Pin;

/// The packages to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Sorted by name, then architecture.
    pub packages: Vec<Selected>,
    pub(super) architecture: String,
    /// By which versions were preferred.
    pub(super) pins: Vec<Pin>,
    pub(super) asked: BTreeSet<String>,
}

/// A package of the solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Which.
    pub id: PackageId,
    /// What leads to it.
    pub why: Why,
}

/// Why a package is in the solution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The wish, as written.
    Asked(String),
    /// It is of the base: `essential`, `of priority required` or `of priority important`.
    Base(&'static str),
    /// Another package needs it.
    Needed {
        /// The other package.
        by: PackageId,
        /// In which field.
        field: Field,
        /// The relation, as Debian writes it.
        relation: String,
    },
}

impl Solution {
    /// The solution that is a whole index, for packages that were chosen before.
    #[must_use]
    pub fn all(index: &Index, architecture: &str) -> Self {
        let why = || Why::Asked("locked".to_owned());
        let mut packages: Vec<Selected> = index.ids().map(|id| Selected { id, why: why() }).collect();
        packages.sort_by_key(|selected| {
            let package = index.package(selected.id);
            (package.name.clone(), package.architecture.clone())
        });
        Self { packages, architecture: architecture.to_owned(), pins: Vec::new(), asked: BTreeSet::new() }
    }

    /// All versions of a package of the solution, `name` or `name:architecture`, and which rule decided about each; the
    /// preferred first. The index is the one solved with.
    #[must_use]
    pub fn offers(&self, index: &Index, name: &str) -> Vec<Offer> {
        let (name, architecture) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
        let rules = Rc::new(Rules::new(index, &self.pins, &self.asked));
        let kept = BTreeSet::new();
        let supply = Supply::unlimited(index, &self.architecture, &kept, Rc::clone(&rules));
        let mut ids = supply.candidates(name).to_vec();
        ids.extend(index.named(name).iter().filter(|id| index.fault(**id).is_some()));
        ids.retain(|&id| supply.slot(id).1 == architecture.unwrap_or(&self.architecture));
        let is_chosen = |id| self.packages.iter().any(|selected| selected.id == id);
        ids.into_iter().map(|id| Offer::of(&rules, id, is_chosen(id))).collect()
    }

    /// The packages without their reasons, in the same order.
    pub fn ids(&self) -> impl Iterator<Item = PackageId> + '_ {
        self.packages.iter().map(|selected| selected.id)
    }
}

/// The place of a reached package in the walk, and why it was reached.
pub(super) type Reached = BTreeMap<PackageId, (usize, Why)>;

/// The solution made of those of `chosen` that something leads to.
pub(super) fn walk(
    supply: &Supply<'_>,
    wanted: &[Wanted],
    chosen: &BTreeSet<PackageId>,
    request: &Request,
) -> Solution {
    let reached = reach(supply, wanted, chosen, request.recommends);
    let mut packages: Vec<Selected> = reached.into_iter().map(|(id, (_, why))| Selected { id, why }).collect();
    packages.sort_by_key(|selected| supply.slot(selected.id));
    let asked = super::request::asked(supply.index, request);
    Solution { packages, architecture: supply.native().to_owned(), pins: request.pins.clone(), asked }
}

/// The reached packages, nearest to the wishes first.
pub(super) fn by_distance(reached: &Reached) -> Vec<PackageId> {
    let mut ids: Vec<PackageId> = reached.keys().copied().collect();
    ids.sort_by_key(|id| reached[id].0);
    ids
}

/// Walks from what is wanted along the first alternative of each relation that is in `chosen`. A search may leave a
/// package in its answer that an abandoned choice had needed; nothing leads to it, so it is not reached.
pub(super) fn reach(supply: &Supply<'_>, wanted: &[Wanted], chosen: &BTreeSet<PackageId>, recommends: bool) -> Reached {
    let mut walk = Walk { chosen, reached: Reached::new(), queue: VecDeque::new() };
    for each in wanted {
        walk.visit(&each.candidates, || match &each.cause {
            Cause::Asked(wish) => Why::Asked(wish.clone()),
            Cause::Base(kind, _) => Why::Base(kind),
        });
    }
    while let Some(id) = walk.queue.pop_front() {
        for (field, relation) in relations(supply.index.package(id), recommends) {
            if !supply.satisfies_itself(id, relation) {
                let satisfying = supply.satisfying(supply.index.package(id), relation);
                walk.visit(&satisfying, || Why::Needed { by: id, field, relation: relation.to_string() });
            }
        }
    }
    walk.reached
}

struct Walk<'a> {
    chosen: &'a BTreeSet<PackageId>,
    reached: Reached,
    queue: VecDeque<PackageId>,
}

impl Walk<'_> {
    fn visit(&mut self, candidates: &[PackageId], why: impl FnOnce() -> Why) {
        let Some(&first) = candidates.iter().find(|id| self.chosen.contains(id)) else { return };
        let place = self.reached.len();
        if let std::collections::btree_map::Entry::Vacant(new) = self.reached.entry(first) {
            new.insert((place, why()));
            self.queue.push_back(first);
        }
    }
}

/// The relations that bring in other packages.
pub(super) fn relations(package: &Package, recommends: bool) -> impl Iterator<Item = (Field, &Relation)> {
    let in_field = |field, relations| std::iter::repeat(field).zip(relations);
    let recommended: &[Relation] = if recommends { &package.recommends } else { &[] };
    in_field(Field::PreDepends, package.pre_depends.as_slice())
        .chain(in_field(Field::Depends, package.depends.as_slice()))
        .chain(in_field(Field::Recommends, recommended))
}
