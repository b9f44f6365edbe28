//! The order in which packages are unpacked and configured: what a package needs comes before it.
//!
//! dpkg's order on an empty system differs in one thing: a few packages come first whatever the relations say,
//! because scripts use what they bring without saying so (Policy 3.8 lets them rely on essential packages).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::Error;
use super::Label;
use super::Solution;
use super::policy::Rules;
use super::supply::Supply;
use crate::archive::Index;
use crate::archive::PackageId;

/// Come first, in this order: accounts, the directories, awk, the C library, dpkg, a shell and perl, debconf.
/// `gcc-base` stands for `gcc-14-base` and its kin, which carry only the directory of libgcc's documentation.
const FIRST: [&str; 11] = [
    "base-passwd",
    "base-files",
    "mawk",
    "gcc-base",
    "libgcc-s1",
    "libc6",
    "libcrypt1",
    "dpkg",
    "perl-base",
    "dash",
    "debconf",
];

/// Returns the packages of a solution in an order in which each comes after what its Pre-Depends and Depends name;
/// where Depends go in a circle, Pre-Depends count more. The order follows from names and relations alone.
///
/// # Errors
/// [`Error::Circle`]: Pre-Depends that go in a circle, which dpkg could not unpack in any order.
pub fn order(index: &Index, solution: &Solution) -> Result<Vec<PackageId>, Error> {
    let (kept, asked) = (BTreeSet::new(), BTreeSet::new());
    let rules = Rc::new(Rules::new(index, &[], &asked));
    let supply = Supply::unlimited(index, &solution.architecture, &kept, rules);
    let mut sorted: Vec<PackageId> = solution.ids().collect();
    sorted.sort_by_key(|&id| (first_place(&index.package(id).name), supply.slot(id)));
    let graph = Graph::new(&supply, &sorted);
    let mut done = BTreeSet::new();
    for (place, &id) in sorted.iter().enumerate() {
        if first_place(&index.package(id).name) < FIRST.len() {
            done.insert(place);
        }
    }
    let mut order: Vec<usize> = done.iter().copied().collect();
    for circle in graph.circles(&done) {
        graph.break_circle(circle, &mut done, &mut order);
    }
    let order: Vec<PackageId> = order.into_iter().map(|place| sorted[place]).collect();
    pre_depends(&supply, &order)?;
    Ok(order)
}

/// Whether the packages of a solution can be unpacked in any order at all.
pub(super) fn check(supply: &Supply<'_>, solution: &Solution) -> Result<(), Error> {
    pre_depends(supply, &solution.ids().collect::<Vec<_>>())
}

/// Looks for a circle of Pre-Depends: packages are taken as soon as of each relation one that satisfies it was taken. What
/// comes first whatever the relations say is taken at once.
fn pre_depends(supply: &Supply<'_>, packages: &[PackageId]) -> Result<(), Error> {
    let chosen: BTreeSet<PackageId> = packages.iter().copied().collect();
    let is_first = |id: PackageId| first_place(&supply.index.package(id).name) < FIRST.len();
    // Of each relation, those of the chosen that satisfy it: one of them is enough.
    let mut open: BTreeMap<PackageId, Vec<Vec<PackageId>>> = BTreeMap::new();
    // Package → the packages that wait for it, with the place of the relation.
    let mut wakes: BTreeMap<PackageId, Vec<(PackageId, usize)>> = BTreeMap::new();
    for &id in packages.iter().filter(|id| !is_first(**id)) {
        let package = supply.index.package(id);
        let relations = package.pre_depends.iter().filter(|relation| !supply.satisfies_itself(id, relation));
        let of = |relation| supply.satisfying(package, relation).into_iter().filter(|id| chosen.contains(id)).collect();
        let needs: Vec<Vec<PackageId>> = relations.map(of).filter(|any: &Vec<_>| !any.is_empty()).collect();
        for (place, any) in needs.iter().enumerate() {
            any.iter().for_each(|needed| wakes.entry(*needed).or_default().push((id, place)));
        }
        if !needs.is_empty() {
            open.insert(id, needs);
        }
    }
    let mut ready: Vec<PackageId> = packages.iter().copied().filter(|id| !open.contains_key(id)).collect();
    while let Some(done) = ready.pop() {
        for (id, place) in wakes.remove(&done).unwrap_or_default() {
            let Some(needs) = open.get_mut(&id) else { continue };
            needs[place].clear();
            if needs.iter().all(Vec::is_empty) {
                open.remove(&id);
                ready.push(id);
            }
        }
    }
    // Each that is left needs another that is left, so that going on from any of them comes back to one.
    let Some(first) = open.keys().copied().min_by_key(|&id| Label::of(supply, id)) else { return Ok(()) };
    let mut path = vec![first];
    while let Some(next) = open[&path[path.len() - 1]].iter().find_map(|any| any.first()) {
        if let Some(start) = path.iter().position(|id| id == next) {
            path.drain(..start);
            break;
        }
        path.push(*next);
    }
    let mut circle: Vec<Label> = path.into_iter().map(|id| Label::of(supply, id)).collect();
    let least = (0..circle.len()).min_by_key(|&at| &circle[at]).unwrap_or(0);
    circle.rotate_left(least);
    Err(Error::Circle(circle))
}

fn first_place(name: &str) -> usize {
    let is_gcc_base = |name: &str| {
        let version = name.strip_prefix("gcc-").and_then(|rest| rest.strip_suffix("-base"));
        version.is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let name = if is_gcc_base(name) { "gcc-base" } else { name };
    FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len())
}

/// What each package needs, by place in the sorted list.
struct Graph {
    pre_depends: Vec<BTreeSet<usize>>,
    depends: Vec<BTreeSet<usize>>,
}

impl Graph {
    fn new(supply: &Supply<'_>, sorted: &[PackageId]) -> Self {
        let places: BTreeMap<PackageId, usize> = sorted.iter().enumerate().map(|(place, &id)| (id, place)).collect();
        let needs = |id: PackageId, relations: &[crate::deb::Relation]| {
            let package = supply.index.package(id);
            let chosen = |relation| supply.satisfying(package, relation).iter().find_map(|id| places.get(id).copied());
            let needed = relations.iter().filter(|relation| !supply.satisfies_itself(id, relation)).filter_map(chosen);
            needed.collect::<BTreeSet<usize>>()
        };
        Self {
            pre_depends: sorted.iter().map(|&id| needs(id, &supply.index.package(id).pre_depends)).collect(),
            depends: sorted.iter().map(|&id| needs(id, &supply.index.package(id).depends)).collect(),
        }
    }

    fn needs(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        self.pre_depends[place].union(&self.depends[place]).copied()
    }

    /// The strongly connected sets of what is not done, each after those it needs; of two that could come next the
    /// one whose first package sorts first.
    fn circles(&self, done: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
        let open = |place: &usize| !done.contains(place);
        let circles = circles_of(self.depends.len(), |place| self.needs(place).filter(open).collect());
        let mut circle_of = vec![0; self.depends.len()];
        for (number, circle) in circles.iter().enumerate() {
            circle.iter().for_each(|&place| circle_of[place] = number);
        }
        let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); circles.len()];
        let mut wakes: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); circles.len()];
        for (place, &number) in circle_of.iter().enumerate().filter(|(place, _)| open(place)) {
            for needed in self.needs(place).filter(open).map(|needed| circle_of[needed]) {
                if needed != number {
                    waits[number].insert(needed);
                    wakes[needed].insert(number);
                }
            }
        }
        let first = |number: usize| circles[number].first().copied();
        let is_open = |number: &usize| first(*number).is_some_and(|place| open(&place));
        let mut ready: BTreeSet<(Option<usize>, usize)> = (0..circles.len())
            .filter(|number| is_open(number) && waits[*number].is_empty())
            .map(|number| (first(number), number))
            .collect();
        let mut sorted = Vec::new();
        while let Some((_, number)) = ready.pop_first() {
            sorted.push(circles[number].clone());
            for &woken in &wakes[number] {
                waits[woken].remove(&number);
                if waits[woken].is_empty() {
                    ready.insert((first(woken), woken));
                }
            }
        }
        sorted
    }

    /// Takes, of those whose Pre-Depends are done, the one with the fewest open Depends, then the first by name. A
    /// circle of Pre-Depends, which Policy forbids, is broken where the fewest are open.
    fn break_circle(&self, mut circle: BTreeSet<usize>, done: &mut BTreeSet<usize>, order: &mut Vec<usize>) {
        loop {
            let open = |needs: &BTreeSet<usize>| needs.intersection(&circle).count();
            let next = circle
                .iter()
                .copied()
                .min_by_key(|&place| (open(&self.pre_depends[place]), open(&self.depends[place]), place));
            let Some(next) = next else { return };
            circle.remove(&next);
            done.insert(next);
            order.push(next);
        }
    }
}

/// The strongly connected sets of a graph of `count` places (Tarjan's algorithm, without recursion, for a chain of
/// relations can be as long as the archive).
fn circles_of(count: usize, edges: impl Fn(usize) -> Vec<usize>) -> Vec<BTreeSet<usize>> {
    let mut found = vec![None; count];
    let mut low = vec![0; count];
    let mut open = vec![false; count];
    let mut stack = Vec::new();
    let mut circles = Vec::new();
    let mut counter = 0;
    for start in 0..count {
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        if found[start].is_none() {
            path.push((start, edges(start)));
        }
        while let Some((place, rest)) = path.last_mut() {
            let place = *place;
            if found[place].is_none() {
                found[place] = Some(counter);
                low[place] = counter;
                counter += 1;
                open[place] = true;
                stack.push(place);
            }
            if let Some(next) = rest.pop() {
                match found[next] {
                    None => path.push((next, edges(next))),
                    Some(number) if open[next] => low[place] = low[place].min(number),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[place]);
            }
            if found[place] == Some(low[place]) {
                let from = stack.iter().rposition(|&each| each == place).unwrap_or(0);
                let circle: BTreeSet<usize> = stack.split_off(from).into_iter().collect();
                circle.iter().for_each(|&each| open[each] = false);
                circles.push(circle);
            }
        }
    }
    circles
}
