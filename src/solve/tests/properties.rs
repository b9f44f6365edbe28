//! Random small worlds: the solver finds a set exactly when one exists, and always the same.

use proptest::prelude::*;

use super::check;
use super::index;
use super::labels;
use super::request;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::solve::Error;
use crate::solve::judge;
use crate::solve::order;
use crate::solve::solve;

/// One atom over a few names, so that most relations meet something.
fn atom() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec!["a", "b", "c", "d", "e", "v", "w"]);
    let qualifiers = prop::sample::select(vec!["", "", "", "", ":any", ":i386", ":amd64"]);
    let bounds = prop::sample::select(vec!["", "", "", " (= 1)", " (= 2)", " (>= 2)", " (<< 2)", " (>> 1)", " (<= 1)"]);
    (names, qualifiers, bounds).prop_map(|(name, qualifier, bound)| format!("{name}{qualifier}{bound}"))
}

fn line() -> impl Strategy<Value = String> {
    let relation = prop::collection::vec(atom(), 1..3).prop_map(|atoms| atoms.join(" | "));
    let depends = prop::collection::vec(relation, 0..3).prop_map(|relations| relations.join(", "));
    let excludes = || prop::collection::vec(atom(), 0..2).prop_map(|atoms| atoms.join(", "));
    let recommends = prop::collection::vec(atom(), 0..2).prop_map(|atoms| atoms.join(", "));
    let provides = prop::sample::select(vec!["", "", "v", "w (= 1)", "v (= 2), w", "a (= 1)"]);
    let kinds = prop::sample::select(vec!["", "", "; same", "; foreign", "; allowed", "; essential", "; required"]);
    let machine = prop::sample::select(vec!["amd64", "amd64", "amd64", "i386", "all"]);
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let head = (name, 1..3_u8, machine, kinds, provides);
    (head, depends, excludes(), excludes(), recommends).prop_map(
        |((name, version, machine, kind, provides), depends, conflicts, breaks, recommends)| {
            format!(
                "{name} {version}; arch: {machine}{kind}; depends: {depends}; conflicts: {conflicts}; \
                 breaks: {breaks}; provides: {provides}; recommends: {recommends}"
            )
        },
    )
}

fn supply() -> impl Strategy<Value = Vec<String>> {
    // Two packages of one slot and version would be two answers to one question.
    let slot = |line: &String| line.replace("arch: all", "arch: amd64").split("; ").take(2).collect::<String>();
    let distinct = move |mut lines: Vec<String>| {
        lines.sort_by_key(slot);
        lines.dedup_by_key(|line| slot(line));
        lines
    };
    prop::collection::vec(line(), 1..11).prop_map(distinct)
}

/// Whether any set of packages fulfils the wishes and contains the base, by trying all.
fn exists(index: &Index, wishes: &str) -> bool {
    let ids: Vec<PackageId> = index.ids().collect();
    let request = request(wishes);
    let base: Vec<&str> = base(index);
    (0..1_u32 << ids.len()).any(|mask| {
        let set: Vec<PackageId> =
            ids.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, &id)| id).collect();
        let has = |name: &&str| {
            set.iter()
                .map(|&id| index.package(id))
                .any(|package| package.name == *name && package.architecture != "i386")
        };
        base.iter().all(has)
            && request.wishes.iter().all(|wish| check::fulfilled(index, wish, &set))
            && check::of_set(index, &set).is_empty()
    })
}

/// The names whose highest version is essential or required.
fn base(index: &Index) -> Vec<&str> {
    let mut base = Vec::new();
    for name in index.names() {
        let natives = index.named(name).iter().map(|&id| index.package(id)).filter(|each| each.architecture != "i386");
        let best = natives.max_by(|a, b| a.version.cmp(&b.version));
        if best.is_some_and(|best| best.essential || best.priority == crate::deb::Priority::Required) {
            base.push(name);
        }
    }
    base
}

fn answer(index: &Index, wishes: &str, recommends: bool) -> Result<String, Error> {
    let request = crate::solve::Request { recommends, ..request(wishes) };
    let solution = solve(index, &request)?;
    assert_eq!(check::violations(index, &request, &solution), Vec::<String>::new());
    let judged = judge(index, &request, &solution.ids().collect());
    assert_eq!(judged.unwrap_or_else(|error| panic!("what was found is refused: {error}")), solution);
    let ordered: std::collections::BTreeSet<PackageId> = order(index, &solution)?.into_iter().collect();
    assert_eq!(ordered, solution.ids().collect(), "each package has one place in the order");
    for id in solution.ids() {
        let package = index.package(id);
        let name = format!("{}:{}", package.name, package.architecture);
        assert!(solution.why(index, &name).is_some(), "{name} is there without a reason");
    }
    Ok(labels(index, &solution))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_set_is_found_exactly_when_one_exists(supply in supply(), wishes in prop::sample::select(vec!["a", "a b", "b v", "c d"])) {
        let index = index(&supply.join("\n"));
        match answer(&index, wishes, false) {
            Ok(_) => prop_assert!(exists(&index, wishes)),
            Err(Error::Unknown(_)) => {}
            Err(Error::Unsolvable(contradiction)) => {
                prop_assert!(!exists(&index, wishes), "{contradiction}");
                prop_assert!(!contradiction.reasons.is_empty());
            }
            // The relations hold, and dpkg could not unpack in any order.
            Err(Error::Circle(circle)) => prop_assert!(circle.len() > 1, "{circle:?}"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(supply in supply().prop_flat_map(|supply| (Just(supply.clone()), Just(supply).prop_shuffle()))) {
        let (first, second) = supply;
        let (first, second) = (index(&first.join("\n")), index(&second.join("\n")));
        for recommends in [false, true] {
            let one = answer(&first, "a b v", recommends);
            // What is unknown is told in the order in which it was asked for.
            if !matches!(one, Err(Error::Unknown(_))) {
                let other = answer(&second, "v b a", recommends).map_err(|error| error.to_string());
                prop_assert_eq!(one.map_err(|error| error.to_string()), other);
            }
        }
    }
}
