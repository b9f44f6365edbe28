//! The order in which dpkg unpacks and configures a new system, as its front ends ask it to.
//!
//! Essential packages, with all they need, are there before the first script runs, and are configured before the rest is
//! unpacked: scripts use what they bring without declaring it (Policy 3.8), and on a fresh system these are not
//! configured either: awk is an alternative that is not set. Of the rest each is unpacked when what its Pre-Depends name
//! is configured, and nothing else is configured before all are unpacked (Policy 7.2).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::deb::Atom;
use crate::deb::Package;
use crate::deb::PackageError;
use crate::deb::Relation;
use crate::deb::Stanza;
use crate::deb::Version;
use crate::unpack::Installed;

/// What is done with the package at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Its preinst runs, then its files come.
    Unpack(usize),
    /// Its postinst runs.
    Configure(usize),
}

/// The order for a set of packages.
#[derive(Debug)]
pub(super) struct Sequence {
    /// Each is unpacked once and configured once.
    pub(super) acts: Vec<Act>,
    /// Packages whose files are there before all else.
    pub(super) first: BTreeSet<usize>,
}

impl Sequence {
    /// The packages' preinsts that run before their files are there, by their names in `info/`.
    pub(super) fn waiting(&self, packages: &[&Installed]) -> BTreeSet<String> {
        let late = packages.iter().enumerate().filter(|(position, _)| !self.first.contains(position));
        late.filter(|(_, package)| package.member("preinst").is_some()).map(|(_, each)| each.info_name()).collect()
    }
}

/// The order to unpack and configure `packages` in, which are in one that they can be unpacked in: each is configured after
/// what it depends on, where no circle prevents that.
pub(super) fn in_sequence(packages: &[&Installed]) -> Result<Sequence, PackageError> {
    let described: Vec<Package> = packages.iter().map(|package| describe(package)).collect::<Result<_, _>>()?;
    let providers = providers(&described);
    let needs =
        |relations: &[Relation]| relations.iter().flat_map(|relation| satisfying(&providers, relation)).collect();
    let graph = Graph {
        pre_depends: described.iter().map(|package| needs(&package.pre_depends)).collect(),
        depends: described.iter().map(|package| needs(&package.depends)).collect(),
    };
    let essential = (0..described.len()).filter(|&position| described[position].essential);
    let mut plan = Plan { graph: &graph, unpacked: BTreeSet::new(), configured: BTreeSet::new(), acts: Vec::new() };
    let base = graph.order(essential, &plan.configured);
    let first: BTreeSet<usize> = base.iter().copied().collect();
    plan.unpacked.clone_from(&first);
    plan.acts.extend(first.iter().map(|&position| Act::Unpack(position)));
    plan.configure(&base);
    (0..described.len()).for_each(|position| plan.unpack(position));
    plan.configure(&graph.order(0..described.len(), &plan.configured));
    Ok(Sequence { acts: plan.acts, first })
}

/// Packages that need one which is left unconfigured, each with the name of that one: dpkg does not configure them before it
/// (Policy 7.2). What any other satisfies hinders nobody, nor are essential packages hindered.
pub(super) fn hindered<'a>(
    packages: &'a [Installed],
    left: &BTreeSet<&'a str>,
) -> Result<BTreeMap<&'a str, &'a str>, PackageError> {
    let described: Vec<Package> = packages.iter().map(describe).collect::<Result<_, _>>()?;
    let providers = providers(&described);
    let one_left = |relation: &Relation| {
        let fitting = relation.0.iter().flat_map(|atom| fitting(&providers, atom));
        let names: Vec<&str> = fitting.map(|at| packages[at].name.as_str()).collect();
        names.first().copied().filter(|_| names.iter().all(|name| left.contains(name)))
    };
    let cause = |(package, described): (&'a Installed, &Package)| {
        let mut needed = described.pre_depends.iter().chain(&described.depends);
        let cause = needed.find_map(one_left).filter(|cause| !described.essential && *cause != package.name)?;
        Some((package.name.as_str(), cause))
    };
    Ok(packages.iter().zip(&described).filter_map(cause).collect())
}

fn providers(described: &[Package]) -> Providers<'_> {
    let mut providers: Providers<'_> = BTreeMap::new();
    for (position, package) in described.iter().enumerate() {
        providers.entry(&package.name).or_default().push((position, Some(&package.version)));
        for provide in &package.provides {
            providers.entry(&provide.name).or_default().push((position, provide.version.as_ref()));
        }
    }
    providers
}

fn describe(package: &Installed) -> Result<Package, PackageError> {
    let malformed =
        |reason: String| PackageError { package: package.name.clone(), reason: format!("its control file: {reason}") };
    let stanza = Stanza::accepted(package.control.as_bytes()).map_err(|source| malformed(source.to_string()))?;
    Package::from_control(&stanza, 0, package.sha256)
}

/// Real and virtual names → who has them, and under which version.
type Providers<'a> = BTreeMap<&'a str, Vec<(usize, Option<&'a Version>)>>;

/// Those that satisfy the first alternative which any does.
fn satisfying(providers: &Providers<'_>, relation: &Relation) -> Vec<usize> {
    let mut alternatives = relation.0.iter().map(|atom| fitting(providers, atom));
    alternatives.find(|fitting| !fitting.is_empty()).unwrap_or_default()
}

/// Those that satisfy one alternative.
fn fitting(providers: &Providers<'_>, atom: &Atom) -> Vec<usize> {
    let fits = |version: Option<&Version>| match &atom.constraint {
        None => true,
        Some((operator, wanted)) => version.is_some_and(|version| operator.holds(version, wanted)),
    };
    let all = providers.get(atom.name.as_str()).into_iter().flatten();
    all.filter(|(_, version)| fits(*version)).map(|(at, _)| *at).collect()
}

/// What each package needs.
struct Graph {
    pre_depends: Vec<Vec<usize>>,
    depends: Vec<Vec<usize>>,
}

impl Graph {
    /// `wanted` and all they need but what is `done`, each after what it needs; a circle is entered where it is met
    /// first.
    fn order(&self, wanted: impl IntoIterator<Item = usize>, done: &BTreeSet<usize>) -> Vec<usize> {
        let mut seen = done.clone();
        let mut order = Vec::new();
        for start in wanted {
            let mut path = vec![(start, 0)];
            if !seen.insert(start) {
                continue;
            }
            while let Some((position, at)) = path.last_mut() {
                let (position, here) = (*position, *at);
                *at += 1;
                let needed = self.pre_depends[position].iter().chain(&self.depends[position]).nth(here);
                match needed {
                    Some(&next) if seen.insert(next) => path.push((next, 0)),
                    Some(_) => {}
                    None => {
                        order.push(position);
                        path.pop();
                    }
                }
            }
        }
        order
    }
}

/// The order as it comes about.
struct Plan<'a> {
    graph: &'a Graph,
    unpacked: BTreeSet<usize>,
    configured: BTreeSet<usize>,
    acts: Vec<Act>,
}

impl Plan<'_> {
    /// Unpacks a package after what its Pre-Depends name, which is configured and so unpacked with all that it depends
    /// on before. Who waits for itself in a circle goes on.
    fn unpack(&mut self, position: usize) {
        // Those that are on their way, each with what is to be configured before it is unpacked.
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let graph = self.graph;
        let begin = |plan: &mut Self, position: usize| {
            let new = plan.unpacked.insert(position);
            new.then(|| (position, graph.order(graph.pre_depends[position].iter().copied(), &plan.configured)))
        };
        path.extend(begin(self, position));
        while let Some((position, before)) = path.last() {
            let position = *position;
            // The order of unpacking is that of the positions.
            let next = before.iter().copied().filter(|needed| !self.unpacked.contains(needed)).min();
            if let Some(next) = next {
                path.extend(begin(self, next));
                continue;
            }
            let (_, before) = path.pop().expect("it was looked at");
            let before: Vec<usize> = before.into_iter().filter(|needed| *needed != position).collect();
            self.configure(&before);
            self.acts.push(Act::Unpack(position));
        }
    }

    fn configure(&mut self, order: &[usize]) {
        for &position in order {
            if self.configured.insert(position) {
                self.acts.push(Act::Configure(position));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deb::MultiArch;
    use crate::digest::Sha256;

    fn package(name: &str, fields: &str) -> Installed {
        Installed {
            name: name.into(),
            version: "1".parse().expect("a version"),
            architecture: "all".into(),
            multi_arch: MultiArch::No,
            control: format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: N\nDescription: d\n{fields}"),
            members: BTreeMap::new(),
            files: Vec::new(),
            conffiles: Vec::new(),
            sha256: Sha256::of(b""),
        }
    }

    #[test]
    fn what_everyone_uses_comes_first() {
        let packages = [
            package("app", "Depends: lib\n"),
            package("lib", ""),
            package("base", "Essential: yes\nPre-Depends: awk\nDepends: circle\n"),
            package("mawk", "Provides: awk\n"),
            package("circle", "Depends: base\n"),
        ];
        let configured: Vec<String> =
            acts(&packages).into_iter().filter_map(|act| act.strip_prefix("configure ").map(String::from)).collect();
        assert_eq!(configured, ["mawk", "circle", "base", "lib", "app"]);
    }

    fn acts(packages: &[Installed]) -> Vec<String> {
        let sequence = in_sequence(&packages.iter().collect::<Vec<_>>()).expect("well formed");
        let word = |act: Act| match act {
            Act::Unpack(position) => format!("unpack {}", packages[position].name),
            Act::Configure(position) => format!("configure {}", packages[position].name),
        };
        sequence.acts.into_iter().map(word).collect()
    }

    #[test]
    fn what_pre_depends_name_is_configured_before_the_unpacking() {
        let packages = [
            package("base", "Essential: yes\n"),
            package("lib", ""),
            package("other", ""),
            package("tool", "Depends: lib\n"),
            package("app", "Pre-Depends: tool\nDepends: other\n"),
        ];
        let wanted = "unpack base, configure base, unpack lib, unpack other, unpack tool, configure lib, configure tool, \
                      unpack app, configure other, configure app";
        assert_eq!(acts(&packages).join(", "), wanted);
        // What is to be configured early is unpacked early, and by its own Pre-Depends.
        let packages = [
            package("app", "Pre-Depends: tool\n"),
            package("tool", "Depends: plugin\n"),
            package("plugin", "Pre-Depends: lib\n"),
            package("lib", ""),
        ];
        let wanted = "unpack tool, unpack lib, configure lib, unpack plugin, configure plugin, configure tool, unpack app, \
                      configure app";
        assert_eq!(acts(&packages).join(", "), wanted);
    }

    #[test]
    fn circles_come_to_an_end() {
        let packages = [
            package("one", "Pre-Depends: two\n"),
            package("two", "Depends: one\n"),
            package("three", "Pre-Depends: three\n"),
        ];
        let wanted = "unpack two, configure two, unpack one, unpack three, configure one, configure three";
        assert_eq!(acts(&packages).join(", "), wanted);
    }
}
