//! What may be chosen, and in which order of preference: the meaning of Debian's relations over an index.
//!
//! Policy 7, and dpkg's rules where Multi-Arch enters (<https://wiki.ubuntu.com/MultiarchSpec>). Everything the
//! solver knows about packages it asks here; the rules of preference are those written in [`super`].

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::policy::Rule;
use super::policy::Rules;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::ArchQualifier;
use crate::deb::Atom;
use crate::deb::MultiArch;
use crate::deb::Operator;
use crate::deb::Package;
use crate::deb::Provide;
use crate::deb::Relation;
use crate::deb::Version;

/// A place in the system that holds one package at most: a name for an architecture (`all` is the native one).
pub(super) type Slot<'a> = (&'a str, &'a str);

/// Which versions of a slot are candidates.
#[derive(Debug, Clone)]
pub(super) enum Scope<'a> {
    /// The preferred one only, or the one given here.
    Best(BTreeMap<Slot<'a>, PackageId>),
    /// The preferred one, and the others that may be chosen where that does not do.
    All,
    /// Every one, for looking at what there is.
    Unlimited,
}

/// The candidates of one search.
#[derive(Debug)]
pub(super) struct Supply<'a> {
    pub(super) index: &'a Index,
    native: &'a str,
    kept: &'a BTreeSet<PackageId>,
    /// Slots for which a wish allows some versions only.
    pins: BTreeMap<Slot<'a>, BTreeSet<PackageId>>,
    pub(super) rules: Rc<Rules<'a>>,
    /// Archives of whose versions one was asked for that would not have been preferred: what it needs may be theirs.
    opened: BTreeSet<Option<usize>>,
    scope: Scope<'a>,
    ranked: RefCell<BTreeMap<&'a str, Rc<[PackageId]>>>,
}

impl<'a> Supply<'a> {
    /// A supply of preferred versions; `pins` are those that wishes leave of a slot.
    pub(super) fn new(
        index: &'a Index,
        native: &'a str,
        kept: &'a BTreeSet<PackageId>,
        rules: Rc<Rules<'a>>,
        pins: BTreeMap<Slot<'a>, BTreeSet<PackageId>>,
    ) -> Self {
        let mut supply = Self::unlimited(index, native, kept, rules);
        supply.scope = Scope::Best(BTreeMap::new());
        let unusual = |ids: &&BTreeSet<PackageId>| ids.iter().all(|&id| !supply.rules.standing(id).is_automatic());
        let opened = pins.values().filter(unusual).flatten().map(|&id| index.package(id).archive);
        Self { opened: opened.collect(), pins, ..supply }
    }

    /// Every version is a candidate.
    pub(super) fn unlimited(
        index: &'a Index,
        native: &'a str,
        kept: &'a BTreeSet<PackageId>,
        rules: Rc<Rules<'a>>,
    ) -> Self {
        let (pins, opened) = (BTreeMap::new(), BTreeSet::new());
        Self { index, native, kept, pins, rules, opened, scope: Scope::Unlimited, ranked: RefCell::default() }
    }

    /// The same supply with other candidates.
    pub(super) fn scoped(&self, scope: Scope<'a>) -> Self {
        let (pins, rules, opened) = (self.pins.clone(), Rc::clone(&self.rules), self.opened.clone());
        Self { scope, pins, rules, opened, ranked: RefCell::default(), ..*self }
    }

    /// The machine architecture that a package's files are of.
    pub(super) fn architecture(&self, package: &'a Package) -> &'a str {
        if package.architecture == "all" { self.native } else { &package.architecture }
    }

    pub(super) const fn native(&self) -> &'a str {
        self.native
    }

    pub(super) fn slot(&self, id: PackageId) -> Slot<'a> {
        let package = self.index.package(id);
        (&package.name, self.architecture(package))
    }

    /// The candidates of a name, of all architectures, the preferred first.
    pub(super) fn candidates(&self, name: &str) -> Rc<[PackageId]> {
        if let Some(ranked) = self.ranked.borrow().get(name) {
            return Rc::clone(ranked);
        }
        let mut ids = self.index.named(name).to_vec();
        ids.retain(|&id| self.index.fault(id).is_none());
        ids.sort_by(|&a, &b| self.preference(a, b));
        match &self.scope {
            Scope::Best(given) => self.keep_best(&mut ids, given),
            Scope::All => self.keep_possible(&mut ids),
            Scope::Unlimited => {}
        }
        let ranked: Rc<[PackageId]> = ids.into();
        if let Some(&first) = ranked.first() {
            self.ranked.borrow_mut().insert(&self.index.package(first).name, Rc::clone(&ranked));
        }
        ranked
    }

    /// Leaves one version of each slot.
    fn keep_best(&self, ids: &mut Vec<PackageId>, given: &BTreeMap<Slot<'a>, PackageId>) {
        let mut taken = BTreeSet::new();
        ids.retain(|&id| {
            let slot = self.slot(id);
            let allowed = match given.get(&slot) {
                Some(&only) => only == id,
                None => self.is_possible(slot, id),
            };
            allowed && taken.insert(slot)
        });
    }

    /// Whether a version may be chosen: by its own standing, or where a wish leaves some versions, one of these.
    fn is_possible(&self, slot: Slot<'a>, id: PackageId) -> bool {
        match self.pins.get(&slot) {
            Some(pin) => pin.contains(&id),
            None => self.rules.standing(id).is_possible(),
        }
    }

    /// Whether a rule forbids a version that no wish asks for.
    pub(super) fn is_forbidden(&self, id: PackageId) -> bool {
        let asked = self.pins.get(&self.slot(id)).is_some_and(|pin| pin.contains(&id));
        !asked && !self.rules.standing(id).is_possible()
    }

    /// Leaves the preferred version of each slot, and those that may stand in for it.
    fn keep_possible(&self, ids: &mut Vec<PackageId>) {
        let mut taken = BTreeSet::new();
        ids.retain(|&id| {
            let slot = self.slot(id);
            let asked = self.pins.get(&slot).is_some_and(|pin| pin.contains(&id));
            let standing = self.rules.standing(id);
            let opened = || standing.is_possible() && self.opened.contains(&self.index.package(id).archive);
            let preferred = self.is_possible(slot, id) && taken.insert(slot);
            preferred || asked || standing.is_automatic() || opened()
        });
    }

    /// A .deb of the user's own, what is kept, who may not replace Debian's last, the highest priority, the highest
    /// version, the first archive. The digest decides between packages that differ in nothing else, so that the order of
    /// the index never matters.
    fn preference(&self, a: PackageId, b: PackageId) -> std::cmp::Ordering {
        let key = |id| {
            let package = self.index.package(id);
            let standing = self.rules.standing(id);
            let stranger = matches!(standing.rule, Rule::Base | Rule::Stranger);
            let first = (Reverse(package.archive.is_none()), !self.kept.contains(&id), stranger);
            (first, Reverse(standing.priority), Reverse(&package.version), package.archive)
        };
        let package = |id| self.index.package(id);
        key(a).cmp(&key(b)).then_with(|| {
            let (a, b) = (package(a), package(b));
            (&a.architecture, a.version.as_str(), a.sha256).cmp(&(&b.architecture, b.version.as_str(), b.sha256))
        })
    }

    /// The candidates that satisfy a relation of `from`, the preferred first.
    pub(super) fn satisfying(&self, from: &Package, relation: &Relation) -> Vec<PackageId> {
        let wanted = if from.architecture == "all" { self.native } else { &from.architecture };
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for atom in &relation.0 {
            for id in self.satisfying_atom(wanted, atom) {
                if seen.insert(id) {
                    found.push(id);
                }
            }
        }
        // What Debian's packages need is Debian's where it can be, under whatever name another archive offers itself.
        if !self.rules.is_from_further(from) {
            found.sort_by_key(|&id| self.rules.is_stranger(id));
        }
        found
    }

    /// The candidates that satisfy one alternative for a package of the `wanted` architecture: packages of the
    /// name itself, then providers.
    pub(super) fn satisfying_atom(&self, wanted: &str, atom: &Atom) -> Vec<PackageId> {
        let mut found: Vec<PackageId> = self.candidates(&atom.name).to_vec();
        found.retain(|&id| self.is_real(wanted, atom, id));
        found.sort_by_key(|&id| self.distance(wanted, id));
        let mut providers: Vec<PackageId> = self.index.providing(&atom.name).to_vec();
        providers.retain(|id| !found.contains(id) && self.provides(wanted, atom, *id) && self.rank(*id).is_some());
        providers.sort_by_cached_key(|&id| {
            let package = self.index.package(id);
            let stranger = self.rules.is_stranger(id);
            (stranger, self.distance(wanted, id), self.rules.importance(id), &package.name, self.rank(id))
        });
        found.extend(providers);
        found
    }

    /// The candidates that `from` excludes by one atom of Conflicts or Breaks. No package excludes its own name:
    /// a package may conflict with a virtual package that it provides, to be the only one.
    pub(super) fn excluded(&self, from: &Package, atom: &Atom) -> Vec<PackageId> {
        let applies = |id: &PackageId| {
            let package = self.index.package(*id);
            let matches =
                |provide: &Provide| provide.name == atom.name && version_matches(atom, provide.version.as_ref());
            let named = package.name == atom.name && version_matches(atom, Some(&package.version));
            package.name != from.name
                && self.is_in_reach(atom, package)
                && (named || package.provides.iter().any(matches))
        };
        let mut found: Vec<PackageId> = self.candidates(&atom.name).iter().copied().filter(applies).collect();
        let providing = self.index.providing(&atom.name).iter().copied();
        found.extend(providing.filter(|id| self.rank(*id).is_some() && applies(id)));
        found.sort_by_cached_key(|&id| (self.slot(id), self.rank(id)));
        found.dedup();
        found
    }

    /// The other candidates of the same name that cannot be beside `id`: other architectures, unless both are
    /// `Multi-Arch: same` in one version. (Other versions of the same slot exclude each other anyway.)
    pub(super) fn excluded_namesakes(&self, id: PackageId) -> Vec<PackageId> {
        let package = self.index.package(id);
        let own = self.architecture(package);
        let excluded = |&other: &PackageId| {
            let other = self.index.package(other);
            let same = [package, other].iter().all(|each| each.multi_arch == MultiArch::Same);
            self.architecture(other) != own && !(same && other.version == package.version)
        };
        self.candidates(&package.name).iter().copied().filter(excluded).collect()
    }

    /// Everything that a package excludes.
    pub(super) fn exclusions(&self, id: PackageId) -> Vec<PackageId> {
        let package = self.index.package(id);
        let atoms = package.conflicts.iter().chain(&package.breaks).flat_map(|relation| &relation.0);
        let mut excluded: Vec<PackageId> = atoms.flat_map(|atom| self.excluded(package, atom)).collect();
        excluded.extend(self.excluded_namesakes(id));
        excluded
    }

    /// Whether `from` satisfies the relation all by itself, so that nothing has to be chosen.
    pub(super) fn satisfies_itself(&self, from: PackageId, relation: &Relation) -> bool {
        let wanted = self.architecture(self.index.package(from));
        relation.0.iter().any(|atom| self.is_real(wanted, atom, from) || self.provides(wanted, atom, from))
    }

    fn is_real(&self, wanted: &str, atom: &Atom, id: PackageId) -> bool {
        let package = self.index.package(id);
        package.name == atom.name
            && version_matches(atom, Some(&package.version))
            && self.architecture_matches(wanted, atom, package)
    }

    fn provides(&self, wanted: &str, atom: &Atom, id: PackageId) -> bool {
        let package = self.index.package(id);
        package.provides.iter().any(|provide| {
            provide.name == atom.name
                && version_matches(atom, provide.version.as_ref())
                && self.provide_matches(wanted, atom, package, provide)
        })
    }

    fn architecture_matches(&self, wanted: &str, atom: &Atom, package: &Package) -> bool {
        let is = |architecture: &str| {
            package.architecture == architecture || package.architecture == "all" && architecture == self.native
        };
        match &atom.architecture {
            None => package.multi_arch == MultiArch::Foreign || is(wanted),
            Some(ArchQualifier::Any) => package.multi_arch == MultiArch::Allowed,
            Some(ArchQualifier::Native) => is(self.native),
            Some(ArchQualifier::Arch(architecture)) => is(architecture),
        }
    }

    /// A qualified name in Provides (`python3:any`) is provided for that architecture.
    fn provide_matches(&self, wanted: &str, atom: &Atom, package: &Package, provide: &Provide) -> bool {
        let Some(qualifier) = provide.architecture.as_deref() else {
            return self.architecture_matches(wanted, atom, package);
        };
        match &atom.architecture {
            None => qualifier == wanted || qualifier == "any" && self.architecture_matches(wanted, atom, package),
            Some(ArchQualifier::Any) => qualifier == "any" || package.multi_arch == MultiArch::Allowed,
            Some(ArchQualifier::Native) => qualifier == self.native,
            Some(ArchQualifier::Arch(architecture)) => qualifier == architecture,
        }
    }

    /// Conflicts and Breaks without a qualifier mean every architecture.
    fn is_in_reach(&self, atom: &Atom, package: &Package) -> bool {
        let is = |architecture: &str| {
            package.architecture == architecture || package.architecture == "all" && architecture == self.native
        };
        match &atom.architecture {
            None | Some(ArchQualifier::Any) => true,
            Some(ArchQualifier::Native) => is(self.native),
            Some(ArchQualifier::Arch(architecture)) => is(architecture),
        }
    }

    /// The same architecture is nearer than the native one, and that nearer than the others.
    fn distance(&self, wanted: &str, id: PackageId) -> (u8, &'a str) {
        match self.slot(id).1 {
            architecture if architecture == wanted => (0, ""),
            architecture if architecture == self.native => (1, ""),
            architecture => (2, architecture),
        }
    }

    /// The place among the candidates of its name; `None` when it is no candidate.
    pub(super) fn rank(&self, id: PackageId) -> Option<usize> {
        self.candidates(&self.index.package(id).name).iter().position(|&candidate| candidate == id)
    }
}

/// Whether a version fits an atom; without one, only an atom without a constraint.
pub(super) fn version_matches(atom: &Atom, version: Option<&Version>) -> bool {
    let Some((operator, bound)) = &atom.constraint else { return true };
    let Some(version) = version else { return false };
    match operator {
        Operator::Earlier => version < bound,
        Operator::EarlierEqual => version <= bound,
        Operator::Equal => version == bound,
        Operator::LaterEqual => version >= bound,
        Operator::Later => version > bound,
    }
}
