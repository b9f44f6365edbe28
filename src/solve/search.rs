//! The search: a set of packages that fulfils what is wanted, or the relations that make it impossible.
//!
//! Wraps the `resolvo` SAT solver (CDCL); none of its types leave this file. Its names are our slots, its version
//! sets are lists of packages of one slot, and its steps are counted, so that every search ends.

use std::any::Any;
use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use resolvo::Candidates;
use resolvo::Condition;
use resolvo::ConditionId;
use resolvo::ConditionalRequirement;
use resolvo::Dependencies;
use resolvo::DependencyProvider;
use resolvo::Interner;
use resolvo::KnownDependencies;
use resolvo::NameId;
use resolvo::Problem;
use resolvo::Requirement;
use resolvo::SolvableId;
use resolvo::Solver;
use resolvo::SolverCache;
use resolvo::StringId;
use resolvo::UnsolvableOrCancelled;
use resolvo::VersionSetId;
use resolvo::VersionSetUnionId;
use resolvo::conflict::ConflictCause;
use resolvo::conflict::ConflictEdge;
use resolvo::conflict::ConflictGraph;
use resolvo::conflict::ConflictNode;

use super::Field;
use super::supply::Slot;
use super::supply::Supply;
use crate::archive::PackageId;
use crate::cancel::Cancel;
use crate::deb::Relation;

/// One of these packages must be chosen, the first preferred.
pub(super) type Root = Vec<PackageId>;

/// Why there is no set.
#[derive(Debug)]
pub(super) enum Failure {
    /// These facts exclude each other.
    Unsolvable(BTreeSet<Fact>),
    /// The steps were used up, or it was cancelled.
    Limit,
}

/// What a search may cost. It is over when nothing is left, or when it was cancelled.
#[derive(Debug)]
pub(super) struct Steps {
    left: Cell<u64>,
    cancel: Cancel,
}

impl Steps {
    pub(super) fn new(steps: u64, cancel: &Cancel) -> Self {
        Self { left: Cell::new(steps), cancel: cancel.clone() }
    }

    /// So many other steps, cancelled by the same.
    pub(super) fn others(&self, steps: u64) -> Self {
        Self::new(steps, &self.cancel)
    }

    fn spend(&self, steps: usize) {
        self.left.set(self.left.get().saturating_sub(steps as u64));
    }

    fn is_over(&self) -> bool {
        self.left.get() == 0 || self.cancel.is_cancelled()
    }
}

/// A fact that has a part in a contradiction. Sorted: what is wanted, what is needed, what excludes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A root, by its position, and its candidates.
    Wanted { root: usize, candidates: BTreeSet<PackageId> },
    /// A relation, by field and position, and the candidates that satisfy it; perhaps none.
    Needed { by: PackageId, field: Field, position: usize, candidates: BTreeSet<PackageId> },
    /// An atom of Conflicts or Breaks by its field and position, and what it excludes.
    Excluded { by: PackageId, field: Field, position: usize, other: PackageId },
    /// Two packages that differ in version or architecture only.
    OneOf(PackageId, PackageId),
}

/// Finds a set that fulfils all `roots`; `steps` counts down.
pub(super) fn search(supply: &Supply<'_>, roots: &[Root], steps: &Steps) -> Result<BTreeSet<PackageId>, Failure> {
    let provider = Provider { supply, steps, tables: RefCell::default() };
    let requirements = roots.iter().enumerate().map(|(position, root)| {
        let requirement = provider.requirement(root);
        provider.tables.borrow_mut().root_notes.entry(key(requirement)).or_insert(position);
        ConditionalRequirement::from(requirement)
    });
    let requirements = requirements.collect();
    let mut solver = Solver::new(provider);
    match solver.solve(Problem::new().requirements(requirements)) {
        Ok(chosen) => {
            let tables = solver.provider().tables.borrow();
            Ok(chosen.into_iter().map(|solvable| tables.package(solvable)).collect())
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => Err(Failure::Limit),
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let graph = conflict.graph(&solver);
            Err(Failure::Unsolvable(solver.provider().facts(&graph)))
        }
    }
}

struct Provider<'w, 'a> {
    supply: &'w Supply<'a>,
    steps: &'w Steps,
    tables: RefCell<Tables<'a>>,
}

/// What ids stand for. They are given out in the order of need, which follows from the roots and the supply alone.
#[derive(Default)]
struct Tables<'a> {
    slots: Vec<Vec<SolvableId>>,
    slot_ids: BTreeMap<Slot<'a>, NameId>,
    /// The slot that has no candidates, for what nothing satisfies.
    empty: Option<NameId>,
    /// Package, slot, rank among its candidates.
    solvables: Vec<(PackageId, NameId, usize)>,
    solvable_ids: BTreeMap<PackageId, SolvableId>,
    sets: Vec<(NameId, BTreeSet<PackageId>)>,
    set_ids: BTreeMap<(u32, BTreeSet<PackageId>), VersionSetId>,
    unions: Vec<Vec<VersionSetId>>,
    union_ids: BTreeMap<Vec<VersionSetId>, VersionSetUnionId>,
    root_notes: BTreeMap<RequirementKey, usize>,
    needs: BTreeMap<(PackageId, RequirementKey), (Field, usize)>,
    exclusions: BTreeMap<(PackageId, VersionSetId), (Field, usize)>,
}

/// A requirement in a form that sorts.
type RequirementKey = (bool, u32);

fn key(requirement: Requirement) -> RequirementKey {
    match requirement {
        Requirement::Single(set) => (false, set.0),
        Requirement::Union(union) => (true, union.0),
    }
}

impl Tables<'_> {
    fn package(&self, solvable: SolvableId) -> PackageId {
        self.solvables[solvable.into_raw() as usize].0
    }

    fn new_slot(&mut self) -> NameId {
        self.slots.push(Vec::new());
        NameId::from_raw(u32_of(self.slots.len() - 1))
    }

    fn set(&mut self, slot: NameId, members: BTreeSet<PackageId>) -> VersionSetId {
        *self.set_ids.entry((slot.into_raw(), members)).or_insert_with_key(|(_, members)| {
            self.sets.push((slot, members.clone()));
            VersionSetId(u32_of(self.sets.len() - 1))
        })
    }

    fn union(&mut self, sets: Vec<VersionSetId>) -> VersionSetUnionId {
        *self.union_ids.entry(sets).or_insert_with_key(|sets| {
            self.unions.push(sets.clone());
            VersionSetUnionId(u32_of(self.unions.len() - 1))
        })
    }
}

fn u32_of(count: usize) -> u32 {
    u32::try_from(count).expect("relations are fewer than 2^32")
}

impl Provider<'_, '_> {
    fn spend(&self, steps: usize) {
        self.steps.spend(steps);
    }

    /// The name of the slot that a package is of, its candidates made known.
    fn slot(&self, id: PackageId) -> NameId {
        let slot = self.supply.slot(id);
        if let Some(&known) = self.tables.borrow().slot_ids.get(&slot) {
            return known;
        }
        let candidates = self.supply.candidates(slot.0);
        let mut tables = self.tables.borrow_mut();
        let name = tables.new_slot();
        tables.slot_ids.insert(slot, name);
        for (rank, &candidate) in candidates.iter().enumerate() {
            if self.supply.slot(candidate) == slot {
                let solvable = SolvableId::from_raw(u32_of(tables.solvables.len()));
                tables.solvables.push((candidate, name, rank));
                tables.solvable_ids.insert(candidate, solvable);
                tables.slots[name.into_raw() as usize].push(solvable);
            }
        }
        name
    }

    /// "One of these, the first preferred."
    fn requirement(&self, candidates: &[PackageId]) -> Requirement {
        self.spend(candidates.len());
        let mut groups: Vec<(NameId, BTreeSet<PackageId>)> = Vec::new();
        for &id in candidates {
            let slot = self.slot(id);
            match groups.last_mut() {
                Some((last, members)) if *last == slot => {
                    members.insert(id);
                }
                _ => groups.push((slot, BTreeSet::from([id]))),
            }
        }
        let mut tables = self.tables.borrow_mut();
        if groups.is_empty() {
            let empty = tables.empty.unwrap_or_else(|| tables.new_slot());
            tables.empty = Some(empty);
            return tables.set(empty, BTreeSet::new()).into();
        }
        let mut sets: Vec<VersionSetId> = groups.into_iter().map(|(slot, members)| tables.set(slot, members)).collect();
        match sets.pop() {
            Some(only) if sets.is_empty() => only.into(),
            Some(last) => {
                sets.push(last);
                tables.union(sets).into()
            }
            None => unreachable!("the groups are not empty"),
        }
    }

    fn needs(&self, id: PackageId) -> Vec<ConditionalRequirement> {
        let package = self.supply.index.package(id);
        let fields = [(Field::PreDepends, &package.pre_depends), (Field::Depends, &package.depends)];
        let mut needs = Vec::new();
        for (field, relations) in fields {
            for (position, relation) in relations.iter().enumerate() {
                if self.supply.satisfies_itself(id, relation) {
                    continue;
                }
                let requirement = self.requirement(&self.supply.satisfying(package, relation));
                // Who says the same twice needs it once; the first place is the one to tell of.
                if let Entry::Vacant(note) = self.tables.borrow_mut().needs.entry((id, key(requirement))) {
                    note.insert((field, position));
                    needs.push(requirement.into());
                }
            }
        }
        needs
    }

    fn exclusions(&self, id: PackageId) -> Vec<VersionSetId> {
        let package = self.supply.index.package(id);
        let mut exclusions = Vec::new();
        for (field, relations) in [(Field::Conflicts, &package.conflicts), (Field::Breaks, &package.breaks)] {
            for (position, Relation(atoms)) in relations.iter().enumerate() {
                for atom in atoms {
                    let excluded = self.supply.excluded(package, atom);
                    self.exclude(id, (field, position), &excluded, &mut exclusions);
                }
            }
        }
        self.exclude(id, (Field::MultiArch, 0), &self.supply.excluded_namesakes(id), &mut exclusions);
        exclusions
    }

    fn exclude(
        &self,
        by: PackageId,
        place: (Field, usize),
        excluded: &[PackageId],
        exclusions: &mut Vec<VersionSetId>,
    ) {
        self.spend(excluded.len());
        let slots: BTreeSet<NameId> = excluded.iter().map(|&id| self.slot(id)).collect();
        let mut tables = self.tables.borrow_mut();
        for slot in slots {
            let candidates = tables.slots[slot.into_raw() as usize].iter().map(|&solvable| tables.package(solvable));
            let allowed = candidates.filter(|id| !excluded.contains(id)).collect();
            let set = tables.set(slot, allowed);
            if let Entry::Vacant(note) = tables.exclusions.entry((by, set)) {
                note.insert(place);
                exclusions.push(set);
            }
        }
    }

    /// What the solver's own account of a contradiction says, in our terms.
    fn facts(&self, graph: &ConflictGraph) -> BTreeSet<Fact> {
        let tables = self.tables.borrow();
        let node = |index| match graph.graph.node_weight(index) {
            Some(ConflictNode::Solvable(solvable)) => Some(tables.package(*solvable)),
            _ => None,
        };
        let mut wanted: BTreeMap<usize, BTreeSet<PackageId>> = BTreeMap::new();
        let mut needed: BTreeMap<(PackageId, Field, usize), BTreeSet<PackageId>> = BTreeMap::new();
        let mut facts = BTreeSet::new();
        for edge in graph.graph.raw_edges() {
            let (from, to) = (node(edge.source()), node(edge.target()));
            match (&edge.weight, from, to) {
                (ConflictEdge::Requires(requirement), None, to) => {
                    let root = tables.root_notes.get(&key(*requirement)).copied().unwrap_or_default();
                    wanted.entry(root).or_default().extend(to);
                }
                (ConflictEdge::Requires(requirement), Some(by), to) => {
                    let (field, position) =
                        tables.needs.get(&(by, key(*requirement))).copied().unwrap_or((Field::Depends, 0));
                    needed.entry((by, field, position)).or_default().extend(to);
                }
                (ConflictEdge::Conflict(ConflictCause::Constrains(set)), Some(by), Some(other)) => {
                    let (field, position) =
                        tables.exclusions.get(&(by, *set)).copied().unwrap_or((Field::Conflicts, 0));
                    facts.insert(Fact::Excluded { by, field, position, other });
                }
                (ConflictEdge::Conflict(ConflictCause::ForbidMultipleInstances), Some(a), Some(b)) => {
                    facts.insert(Fact::OneOf(a.min(b), a.max(b)));
                }
                // No package is locked or excluded by itself, and the root excludes nothing.
                (ConflictEdge::Conflict(_), ..) => {}
            }
        }
        facts.extend(wanted.into_iter().map(|(root, candidates)| Fact::Wanted { root, candidates }));
        facts.extend(needed.into_iter().map(|((by, field, position), candidates)| Fact::Needed {
            by,
            field,
            position,
            candidates,
        }));
        facts
    }
}

impl Interner for Provider<'_, '_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl std::fmt::Display + '_ {
        solvable.into_raw()
    }

    fn display_name(&self, name: NameId) -> impl std::fmt::Display + '_ {
        name.into_raw()
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl std::fmt::Display + '_ {
        version_set.0
    }

    fn display_string(&self, string_id: StringId) -> impl std::fmt::Display + '_ {
        string_id.0
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        self.tables.borrow().sets[version_set.0 as usize].0
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        self.tables.borrow().solvables[solvable.into_raw() as usize].1
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.tables.borrow().unions[union.0 as usize].clone().into_iter()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("no requirement is conditional")
    }
}

impl DependencyProvider for Provider<'_, '_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let tables = self.tables.borrow();
        let members = &tables.sets[version_set.0 as usize].1;
        let wanted = |solvable: &SolvableId| members.contains(&tables.package(*solvable)) != inverse;
        candidates.iter().copied().filter(wanted).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let candidates = self.tables.borrow().slots[name.into_raw() as usize].clone();
        Some(Candidates { candidates, ..Candidates::default() })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let tables = self.tables.borrow();
        solvables.sort_by_key(|solvable| tables.solvables[solvable.into_raw() as usize].2);
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let id = self.tables.borrow().package(solvable);
        Dependencies::Known(KnownDependencies { requirements: self.needs(id), constrains: self.exclusions(id) })
    }

    /// Asked before each propagation and each question to this provider.
    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        self.spend(1);
        self.steps.is_over().then(|| Box::new(()) as Box<dyn Any>)
    }
}
