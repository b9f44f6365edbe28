//! The order in which dpkg is asked to configure: essential packages with all they need before the rest.
//!
//! dpkg follows dependencies by itself, but maintainer scripts use what essential packages bring without declaring
//! it (Policy 3.8), and on a fresh system these are not configured either: awk is an alternative that is not set.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::deb::Package;
use crate::deb::PackageError;
use crate::deb::Stanza;
use crate::deb::Version;
use crate::unpack::Installed;

/// The positions of `packages` in the order to configure them: each after what it depends on, where no circle
/// prevents that.
pub(super) fn in_sequence(packages: &[&Installed]) -> Result<Vec<usize>, PackageError> {
    let described: Vec<Package> = packages.iter().map(|package| describe(package)).collect::<Result<_, _>>()?;
    let mut graph =
        Graph { providers: BTreeMap::new(), packages: &described, seen: BTreeSet::new(), order: Vec::new() };
    for (position, package) in described.iter().enumerate() {
        graph.providers.entry(&package.name).or_default().push((position, Some(&package.version)));
        for provide in &package.provides {
            graph.providers.entry(&provide.name).or_default().push((position, provide.version.as_ref()));
        }
    }
    let essential = (0..described.len()).filter(|&position| described[position].essential);
    for position in essential.chain(0..described.len()) {
        graph.visit(position);
    }
    Ok(graph.order)
}

fn describe(package: &Installed) -> Result<Package, PackageError> {
    let malformed =
        |reason: String| PackageError { package: package.name.clone(), reason: format!("its control file: {reason}") };
    let stanza = Stanza::accepted(package.control.as_bytes()).map_err(|source| malformed(source.to_string()))?;
    Package::from_control(&stanza, 0, package.sha256)
}

struct Graph<'a> {
    packages: &'a [Package],
    /// Real and virtual names → who has them, and under which version.
    providers: BTreeMap<&'a str, Vec<(usize, Option<&'a Version>)>>,
    seen: BTreeSet<usize>,
    order: Vec<usize>,
}

impl Graph<'_> {
    /// Puts what a package needs, then itself, into the order; a circle is entered where it is met first.
    fn visit(&mut self, position: usize) {
        if !self.seen.insert(position) {
            return;
        }
        let package = &self.packages[position];
        for relation in package.pre_depends.iter().chain(&package.depends) {
            let satisfied = relation.0.iter().find_map(|atom| {
                let fits = |version: Option<&Version>| match &atom.constraint {
                    None => true,
                    Some((operator, wanted)) => version.is_some_and(|version| operator.holds(version, wanted)),
                };
                let all = self.providers.get(atom.name.as_str())?;
                let fitting: Vec<usize> = all.iter().filter(|(_, version)| fits(*version)).map(|(at, _)| *at).collect();
                (!fitting.is_empty()).then_some(fitting)
            });
            satisfied.unwrap_or_default().into_iter().for_each(|needed| self.visit(needed));
        }
        self.order.push(position);
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
        let order = in_sequence(&packages.iter().collect::<Vec<_>>()).expect("well formed");
        let names: Vec<&str> = order.iter().map(|&position| packages[position].name.as_str()).collect();
        assert_eq!(names, ["mawk", "circle", "base", "lib", "app"]);
    }
}
