//! Worlds are written as text, one package a line: `name version; field: value; …`.

mod check;
mod properties;

use super::*;
use crate::deb::MultiArch;
use crate::deb::Package;
use crate::deb::Priority;
use crate::deb::Provide;
use crate::deb::Version;
use crate::deb::parse_relations;
use crate::digest::Sha256;
use crate::recipe::Base;

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn package(line: &str) -> Package {
    let mut parts = line.split(';').map(str::trim);
    let (name, own_version) = parts.next().and_then(|first| first.split_once(' ')).expect("name and version");
    let mut package = Package {
        sha256: Sha256::of(line.as_bytes()),
        archive: Some(0),
        ..Package::bare(name, version(own_version), "amd64")
    };
    for part in parts {
        let (field, value) = part.split_once(':').unwrap_or((part, ""));
        set(&mut package, field, value.trim());
    }
    package
}

fn set(package: &mut Package, field: &str, value: &str) {
    let relations = || parse_relations(value).expect("relations");
    match field {
        "depends" => package.depends = relations(),
        "pre-depends" => package.pre_depends = relations(),
        "recommends" => package.recommends = relations(),
        "conflicts" => package.conflicts = relations(),
        "breaks" => package.breaks = relations(),
        "essential" => package.essential = true,
        "required" => package.priority = Priority::Required,
        "important" => package.priority = Priority::Important,
        "extra" => package.priority = Priority::Extra,
        "same" => package.multi_arch = MultiArch::Same,
        "foreign" => package.multi_arch = MultiArch::Foreign,
        "allowed" => package.multi_arch = MultiArch::Allowed,
        "arch" => package.architecture = value.to_owned(),
        "archive" => package.archive = Some(value.parse().expect("a number")),
        "local" => package.archive = None,
        "provides" => {
            for relation in relations() {
                let atom = relation.0.into_iter().next().expect("an atom");
                package.provides.push(Provide {
                    name: atom.name,
                    version: atom.constraint.map(|(_, version)| version),
                    architecture: atom.architecture.map(|qualifier| qualifier.to_string()),
                });
            }
        }
        _ => panic!("unknown field {field}"),
    }
}

fn index(text: &str) -> Index {
    Index::from_packages(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(package).collect())
}

fn wish(text: &str) -> Wish {
    let (name, version) = text.split_once('=').map_or((text, None), |(name, version)| (name, Some(version)));
    let (name, release) = name.split_once('/').map_or((name, None), |(name, release)| (name, Some(release)));
    let (name, architecture) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
    Wish::Named {
        name: name.to_owned(),
        architecture: architecture.map(str::to_owned),
        version: version.map(str::to_owned),
        release: release.map(str::to_owned),
    }
}

fn request(wishes: &str) -> Request {
    Request { wishes: wishes.split_whitespace().map(wish).collect(), ..Request::new("amd64") }
}

fn labels(index: &Index, solution: &Solution) -> String {
    let label = |id| {
        let package = index.package(id);
        let foreign = package.architecture != "all" && package.architecture != "amd64";
        let architecture = if foreign { format!(":{}", package.architecture) } else { String::new() };
        format!("{}{architecture} {}", package.name, package.version)
    };
    solution.ids().map(label).collect::<Vec<String>>().join(", ")
}

fn solved(index: &Index, request: &Request) -> String {
    match solve(index, request) {
        Ok(solution) => {
            assert_eq!(check::violations(index, request, &solution), Vec::<String>::new());
            // Who judges it later does not know what was kept.
            let later = Request { keep: BTreeSet::new(), ..request.clone() };
            assert_eq!(judge(index, &later, &solution.ids().collect()).expect("it was just found"), solution);
            labels(index, &solution)
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn case(supply: &str, wishes: &str, expected: &str) {
    assert_eq!(solved(&index(supply), &request(wishes)), expected);
}

#[test]
fn relations_bring_packages_in() {
    case("a 1; depends: b, c\n b 1; pre-depends: d\n c 1\n d 1\n e 1", "a", "a 1, b 1, c 1, d 1");
    case("a 1; depends: b (>= 2)\n b 1\n b 2\n b 3", "a", "a 1, b 3");
    case("a 1; depends: b (<< 3)\n b 1\n b 2\n b 3", "a", "a 1, b 2");
    case("a 1; depends: a, b\n b 1; depends: a", "a", "a 1, b 1");
    case("a 1; depends: v\n a 1; depends: v; provides: v\n", "a", "a 1");
}

#[test]
fn the_first_alternative_that_can_be_is_taken() {
    let supply = "a 1; depends: b | c\n b 1\n c 1\n";
    case(supply, "a", "a 1, b 1");
    case(supply, "a c", "a 1, c 1");
    case("a 1; depends: b | c\n b 1; depends: none\n c 1", "a", "a 1, c 1");
    case("a 1; depends: b | c; conflicts: d\n b 1; depends: d\n c 1\n d 1", "a", "a 1, c 1");
    case("a 1; depends: none | c\n c 1", "a", "a 1, c 1");
}

#[test]
fn virtual_packages() {
    let supply = "a 1; depends: v\n p 1; provides: v\n o 1; provides: v";
    case(supply, "a", "a 1, o 1");
    case(&format!("{supply}\n v 1"), "a", "a 1, v 1");
    case(&format!("{supply}\n z 1; important; provides: v"), "a z", "a 1, z 1");
    case("a 1; depends: v\n p 1; provides: v\n z 1; required; provides: v", "a", "a 1, z 1");
    case(supply, "v", "o 1");
    let versioned = "a 1; depends: v (>= 2)\n o 1; provides: v\n p 1; provides: v (= 1)\n q 1; provides: v (= 2)";
    case(versioned, "a", "a 1, q 1");
}

#[test]
fn conflicts_and_breaks() {
    case(
        "a 1\n b 1; conflicts: a",
        "a b",
        "cannot install what is asked for: `a` is asked for; `b` is asked for; \
          `b 1` conflicts with `a`, which `a 1` is",
    );
    case("a 1; breaks: b (<< 2)\n b 1\n b 2", "a b", "a 1, b 2");
    case("a 1; breaks: b (>> 1)\n b 1\n b 2", "a b", "a 1, b 1");
    case("a 1; conflicts: v; provides: v\n b 1", "a b", "a 1, b 1");
    let mailers = "a 1; conflicts: mta; provides: mta\n b 1; conflicts: mta; provides: mta\n c 1; depends: mta";
    case(mailers, "c b", "b 1, c 1");
    assert!(solve(&index(mailers), &request("a b")).is_err());
    // A versioned atom meets versioned Provides only.
    case("a 1; breaks: v (<< 2)\n b 1; provides: v", "a b", "a 1, b 1");
    case("a 1; breaks: v (<< 2)\n b 1; provides: v (= 2)", "a b", "a 1, b 1");
    assert!(solve(&index("a 1; breaks: v (<< 2)\n b 1; provides: v (= 1)"), &request("a b")).is_err());
}

#[test]
fn the_base_is_below() {
    let supply = "e 1; essential\n r 1; required\n i 1; important\n a 1\n f 1; essential; arch: i386\n all 1; essential; arch: all";
    let index = index(supply);
    let base = |base| solved(&index, &Request { base, ..request("a") });
    assert_eq!(base(Base::Nothing), "a 1");
    assert_eq!(base(Base::Essential), "a 1, all 1, e 1");
    assert_eq!(base(Base::Required), "a 1, all 1, e 1, r 1");
    assert_eq!(base(Base::Important), "a 1, all 1, e 1, i 1, r 1");
}

#[test]
fn architectures() {
    let supply = "a 1; depends: b\n b 1; arch: i386";
    assert!(solve(&index(supply), &request("a")).is_err());
    case("a 1; depends: b\n b 1; arch: i386; foreign", "a", "a 1, b:i386 1");
    case("a 1; depends: b\n b 1; foreign\n b 2; arch: i386; foreign", "a", "a 1, b 1");
    case("a 1; arch: i386; depends: b\n b 1\n b 1; arch: i386", "a:i386", "a:i386 1, b:i386 1");
    case("a 1; depends: b:any\n b 1; arch: i386; allowed", "a", "a 1, b:i386 1");
    assert!(solve(&index("a 1; depends: b:any\n b 1"), &request("a")).is_err());
    case("a 1; depends: b:i386\n b 1\n b 1; arch: i386", "a", "a 1, b:i386 1");
    case("a 1; arch: all; depends: b\n b 1\n b 2; arch: i386", "a", "a 1, b 1");
    let both = |fields: &str| format!("a 1; {fields}\n a 1; arch: i386; {fields}");
    case(&both("same"), "a a:i386", "a 1, a:i386 1");
    assert!(solve(&index(&both("foreign")), &request("a a:i386")).is_err());
    case("a 1; same\n a 2; same\n a 1; arch: i386; same", "a a:i386", "a 1, a:i386 1");
    // Conflicts without a qualifier reach every architecture.
    assert!(solve(&index("a 1; conflicts: b\n b 1; arch: i386"), &request("a b:i386")).is_err());
    case("a 1; conflicts: b:amd64\n b 1; arch: i386", "a b:i386", "a 1, b:i386 1");
}

#[test]
fn versions_and_archives() {
    let supply = "a 1:11.8.3\n a 1:11.8.10; archive: 1\n a 1:12.1; archive: 2\n l 1; local\n l 2";
    case(supply, "a", "a 1:12.1");
    case(supply, "a=1:11.8.*", "a 1:11.8.10");
    case(supply, "a=1:11.8.3", "a 1:11.8.3");
    case(supply, "l", "l 1");
    case(supply, "a=2*", "cannot find `a=2*` (there is `a 1:12.1`, `a 1:11.8.10`, `a 1:11.8.3`)");
    // A pin that pulls others down with it.
    let pulled = "a 1; depends: b (= 1)\n a 2; depends: b (= 2)\n b 1\n b 2\n c 1; depends: d | e\n d 1\n e 1";
    case(pulled, "a=1 c", "a 1, b 1, c 1, d 1");
    case(pulled, "a c", "a 2, b 2, c 1, d 1");
    let index = index(pulled);
    let old = index.named("a")[0];
    assert_eq!(solved(&index, &Request { keep: BTreeSet::from([old]), ..request("a") }), "a 1, b 1");
}

#[test]
fn a_local_package_is_asked_for_by_id() {
    let mut index = index("a 2; depends: b\n b 1");
    let id = index.add_local(package("a 1; depends: b"));
    let foreign = index.add_local(package("f 1; arch: arm64"));
    assert_eq!(solved(&index, &Request { wishes: vec![Wish::Local(id)], ..request("") }), "a 1, b 1");
    let refused = Request { wishes: vec![Wish::Local(foreign)], ..request("") };
    assert_eq!(solved(&index, &refused), "cannot install `f:arm64 1`: it is for arm64, the image for amd64");
}

#[test]
fn recommends_where_they_fit() {
    let supply = "a 1; recommends: b, c, none\n b 1; depends: d; recommends: f\n c 1; conflicts: a\n d 1\n f 1";
    case(supply, "a", "a 1");
    let with = |supply: &str, wishes| solved(&index(supply), &Request { recommends: true, ..request(wishes) });
    assert_eq!(with(supply, "a"), "a 1, b 1, d 1, f 1");
    // What is needed is chosen before what is recommended.
    assert_eq!(with("a 1; depends: x | y; recommends: z\n x 1\n y 1\n z 1; conflicts: x", "a"), "a 1, x 1");
    // Of two that exclude each other the first; the second's alternative.
    assert_eq!(with("a 1; recommends: x, y | w\n x 1; conflicts: y\n y 1\n w 1", "a"), "a 1, w 1, x 1");
}

/// Chosen before, and judged: what the solver would not have given in any order.
#[test]
fn a_set_that_was_chosen_before() {
    let supply =
        "a 1; depends: b | c; recommends: d\n b 1\n c 1\n d 1; depends: e\n e 1; conflicts: f\n f 1\n g 1\n b 2";
    let index = index(supply);
    let judged = |wishes: &str, recommends: bool, chosen: &str| {
        let is_chosen = |id: &PackageId| {
            let package = index.package(*id);
            chosen.split(", ").any(|label| label == format!("{} {}", package.name, package.version))
        };
        let chosen: BTreeSet<PackageId> = index.ids().filter(is_chosen).collect();
        let request = Request { recommends, ..request(wishes) };
        judge(&index, &request, &chosen).map_or_else(|error| error.to_string(), |solution| labels(&index, &solution))
    };
    for set in ["a 1, b 2", "a 1, b 1", "a 1, c 1"] {
        assert_eq!(judged("a", false, set), set);
    }
    assert_eq!(judged("a", true, "a 1, b 2, d 1, e 1"), "a 1, b 2, d 1, e 1");
    assert_eq!(judged("a f", true, "a 1, b 2, f 1"), "a 1, b 2, f 1", "what is recommended does not fit");
    for (wishes, recommends, set, wanted) in [
        ("a", false, "b 2", "nothing in it fulfils `a`, which is asked for"),
        ("a b=1", false, "a 1, b 2", "nothing in it fulfils `b=1`, which is asked for"),
        ("a none", false, "a 1, b 2", "cannot find `none`"),
        ("a", false, "a 1", "`a 1` needs `b | c`, which nothing in it is"),
        ("a", false, "a 1, b 1, b 2", "`b 1` and `b 2` cannot both be installed"),
        ("a", false, "a 1, b 2, c 1", "nothing that is asked for or needed leads to `c 1`, which is in it"),
        ("a", false, "a 1, b 2, g 1", "nothing that is asked for or needed leads to `g 1`, which is in it"),
        ("a e f", false, "a 1, b 2, e 1, f 1", "`e 1` excludes `f 1`, which is in it"),
        ("a", true, "a 1, b 2", "`d 1` is recommended and fits, and is not in it"),
        ("a", true, "a 1, b 2, d 1", "`d 1` needs `e`, which nothing in it is"),
    ] {
        assert_eq!(judged(wishes, recommends, set), wanted, "{wishes}: {set}");
    }
    let base = self::index("a 1\n z 1; essential: yes");
    let a: BTreeSet<PackageId> = base.named("a").iter().copied().collect();
    let request = Request { base: Base::Essential, ..request("a") };
    assert_eq!(judge(&base, &request, &a).expect_err("no base").to_string(), "`z` is essential, and is not in it");
}

#[test]
fn what_is_unknown_is_named_with_its_neighbours() {
    let supply = "openssh-server 1\n openssh-client 1\n mariadb-server 1";
    case(supply, "opensh-server", "cannot find `opensh-server` (did you mean `openssh-server`?)");
    case(
        supply,
        "mariadb-sevrer quite-else",
        "cannot find `mariadb-sevrer` (did you mean `mariadb-server`?), `quite-else`",
    );
}

#[test]
fn reasons_in_words() {
    let says = |supply: &str, wishes: &str, expected: &str| {
        case(supply, wishes, &format!("cannot install what is asked for: {expected}"));
    };
    says("a 1; depends: b (>= 2)\n b 1.0", "a", "`a` is asked for; `a 1` needs `b (>= 2)`, but only `b 1.0` exists");
    says("a 1; depends: b\n c 1", "a c", "`a` is asked for; `a 1` needs `b`, but there is no such package");
    says(
        "a 1; depends: b\n b 1; pre-depends: c (>= 2)\n c 1\n c 1.5",
        "a",
        "`a` is asked for; `a 1` needs `b` (`b 1`); \
         `b 1` needs before its unpacking `c (>= 2)`, but only `c 1`, `c 1.5` exist",
    );
    says(
        "e 1; essential; depends: x (= 1)\n x 1\n x 2\n a 1; depends: x (= 2)",
        "a",
        "`a` is asked for; `e 1` is essential; `a 1` needs `x (= 2)` (`x 2`); `e 1` needs `x (= 1)` (`x 1`); \
         `x 1` and `x 2` cannot both be installed",
    );
}

#[test]
fn why_is_a_chain() {
    let index = index("a 1; depends: b\n b 1; depends: v | w\n p 2; provides: v\n e 1; essential; depends: p");
    let solution = solve(&index, &request("a")).expect("solvable");
    let why = |name| solution.why(&index, name).map(|chain| chain.to_string());
    assert_eq!(why("a").as_deref(), Some("`a 1`: `a` is asked for"));
    assert_eq!(why("p").as_deref(), Some("`e 1`: it is essential\n  needs `p`: `p 2`"));
    assert_eq!(why("b").as_deref(), Some("`a 1`: `a` is asked for\n  needs `b`: `b 1`"));
    assert_eq!(why("x"), None);
    let chain = solution.why(&index, "b").expect("it is there");
    let json = serde_json::to_string(&chain).expect("plain data");
    assert!(json.contains(r#"{"package":{"name":"b","version":"1"},"field":"depends","reason":"b"}"#), "{json}");
}

#[test]
fn order_follows_relations() {
    let ordered = |supply: &str, wishes: &str| {
        let index = index(supply);
        let solution = solve(&index, &request(wishes)).expect("solvable");
        let names = order(&index, &solution).expect("an order").into_iter().map(|id| index.package(id).name.clone());
        names.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(ordered("a 1; depends: z\n z 1; pre-depends: m\n m 1\n b 1", "a b"), "b m z a");
    // In a circle the Pre-Depends are kept, then the fewest open Depends, then the name.
    assert_eq!(ordered("a 1; pre-depends: b\n b 1; depends: a, c\n c 1; depends: a", "a"), "c b a");
    assert_eq!(ordered("a 1; depends: b\n b 1; depends: a", "a"), "a b");
    let base = "base-passwd 1; essential; depends: libc6\n libc6 1; depends: libgcc-s1\n \
                libgcc-s1 1; depends: gcc-14-base\n gcc-14-base 1\n base-files 1; essential; pre-depends: mawk\n mawk 1\n \
                a 1; depends: libc6";
    assert_eq!(ordered(base, "a"), "base-passwd base-files mawk gcc-14-base libgcc-s1 libc6 a");
}

#[test]
fn pre_depends_in_a_circle_are_named() {
    case(
        "a 1; pre-depends: b\n b 1; pre-depends: c, d\n c 1; pre-depends: a\n d 1",
        "b",
        "cannot install `a 1`, `b 1`, `c 1`: each needs the next before its unpacking, in a circle",
    );
    // One that satisfies a relation from outside of the circle is enough.
    case("a 1; pre-depends: b | d\n b 1; pre-depends: a\n d 1", "a b d", "a 1, b 1, d 1");
    // dpkg breaks a circle that Depends close.
    case("a 1; pre-depends: b\n b 1; depends: a", "a", "a 1, b 1");
    let lines: Vec<String> = (0..3000).map(|i| format!("p{i} 1; pre-depends: p{}", i + 1)).collect();
    let chain = index(&(lines.join("\n") + "\n p3000 1"));
    assert!(order(&chain, &Solution::all(&chain, "amd64")).is_ok());
}

/// The search for everything is given up, and what the user can do something about is told nevertheless.
#[test]
fn the_limit_does_not_hide_wishes_that_exclude_each_other() {
    let mut lines: Vec<String> = (0..60).map(|i| format!("p{i} 1; depends: p{}", i + 1)).collect();
    lines.push("p60 1\n post 1; conflicts: mail\n exim 1; provides: mail\n needs-post 1; depends: post".to_owned());
    let index = index(&lines.join("\n"));
    let asked = |wishes: &str, steps| solved(&index, &Request { steps, ..request(wishes) });
    let said = "cannot install what is asked for: `exim` is asked for; `post` is asked for; \
                `post 1` conflicts with `mail`, which `exim 1` is";
    assert_eq!(asked("p0 exim post", 1_000_000), said);
    assert_eq!(asked("p0 exim post", 60), said);
    let deeper = asked("p0 exim needs-post", 400);
    assert!(deeper.contains("`needs-post 1` needs `post`") && !deeper.contains("p0"), "{deeper}");
    let all: Vec<String> = (0..60).map(|i| format!("p{i}")).collect();
    assert!(asked(&all.join(" "), 20).contains("20 steps"), "and where there is nothing to tell, the limit is");
}

#[test]
fn a_long_chain_is_no_deep_recursion() {
    let lines: Vec<String> = (0..3000).map(|i| format!("p{i} 1; depends: p{}", (i + 1) % 3000)).collect();
    let index = index(&lines.join("\n"));
    assert_eq!(order(&index, &Solution::all(&index, "amd64")).expect("an order").len(), 3000);
}

/// A 3-SAT of 200 variables at the threshold of hardness, as packages: a variable is a package with two versions, a
/// clause one with three alternatives.
#[test]
fn a_hard_world_ends() {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut lines: Vec<String> = (0..200).flat_map(|i| [format!("v{i} 1"), format!("v{i} 2")]).collect();
    let mut wishes = Vec::new();
    for clause in 0..852 {
        let literals: Vec<String> = (0..3).map(|_| format!("v{} (= {})", random(200), random(2) + 1)).collect();
        lines.push(format!("c{clause} 1; depends: {}", literals.join(" | ")));
        wishes.push(format!("c{clause}"));
    }
    let index = index(&lines.join("\n"));
    let request = Request { steps: 2_000, ..request(&wishes.join(" ")) };
    let result = solve(&index, &request);
    assert!(matches!(result, Err(Error::Limit { .. })), "{result:?}");
}
