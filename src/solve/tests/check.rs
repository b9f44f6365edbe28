//! An independent reading of the rules: says of any set of packages what is wrong with it.

use super::super::Request;
use super::super::Solution;
use super::super::Wish;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::deb::ArchQualifier;
use crate::deb::Atom;
use crate::deb::MultiArch;
use crate::deb::Operator;
use crate::deb::Package;
use crate::deb::Version;

pub(super) fn violations(index: &Index, request: &Request, solution: &Solution) -> Vec<String> {
    let ids: Vec<PackageId> = solution.ids().collect();
    let mut wrong = of_set(index, &ids);
    wrong.extend(request.wishes.iter().filter(|wish| !fulfilled(index, wish, &ids)).map(|wish| format!("{wish:?}")));
    wrong
}

pub(super) fn fulfilled(index: &Index, wish: &Wish, ids: &[PackageId]) -> bool {
    match wish {
        Wish::Local(id) => ids.contains(id),
        Wish::Named { name, architecture, version, .. } => {
            let wanted = architecture.as_deref().unwrap_or("amd64");
            let is_real = |package: &Package| package.name == *name && machine(package) == wanted;
            let prefix = version.as_deref().map(|version| version.trim_end_matches('*'));
            let only_virtual = !index.named(name).iter().any(|&id| is_real(index.package(id)));
            ids.iter().map(|&id| index.package(id)).any(|package| {
                let answers = package.name == *name || package.provides.iter().any(|provide| provide.name == *name);
                let fits = machine(package) == wanted || package.multi_arch == MultiArch::Foreign;
                is_real(package) && prefix.is_none_or(|prefix| package.version.as_str().starts_with(prefix))
                    || only_virtual && answers && fits
            })
        }
    }
}

/// The relations of a set that do not hold.
pub(super) fn of_set(index: &Index, ids: &[PackageId]) -> Vec<String> {
    let all: Vec<&Package> = ids.iter().map(|&id| index.package(id)).collect();
    let mut wrong = Vec::new();
    for (position, package) in all.iter().enumerate() {
        let shown = format!("{}:{} {}", package.name, package.architecture, package.version);
        for relation in package.pre_depends.iter().chain(&package.depends) {
            if !relation.0.iter().any(|atom| all.iter().any(|other| satisfies(package, atom, other))) {
                wrong.push(format!("{shown} needs {relation}"));
            }
        }
        for atom in package.conflicts.iter().chain(&package.breaks).flat_map(|relation| &relation.0) {
            let others = all.iter().filter(|other| other.name != package.name && excludes(atom, other));
            wrong.extend(others.map(|other| format!("{shown} excludes {}", other.name)));
        }
        for other in &all[position + 1..] {
            let beside = machine(package) != machine(other)
                && package.version == other.version
                && package.multi_arch == MultiArch::Same
                && other.multi_arch == MultiArch::Same;
            if package.name == other.name && !beside {
                wrong.push(format!("{shown} is there twice"));
            }
        }
    }
    wrong
}

fn machine(package: &Package) -> &str {
    match package.architecture.as_str() {
        "all" => "amd64",
        machine => machine,
    }
}

fn holds(constraint: Option<&(Operator, Version)>, version: Option<&Version>) -> bool {
    match (constraint, version) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((operator, bound)), Some(version)) => match operator {
            Operator::Earlier => version < bound,
            Operator::EarlierEqual => version <= bound,
            Operator::Equal => version == bound,
            Operator::LaterEqual => version >= bound,
            Operator::Later => version > bound,
        },
    }
}

fn satisfies(package: &Package, atom: &Atom, other: &Package) -> bool {
    let machine_fits = match &atom.architecture {
        None => machine(package) == machine(other) || other.multi_arch == MultiArch::Foreign,
        Some(ArchQualifier::Any) => other.multi_arch == MultiArch::Allowed,
        Some(ArchQualifier::Native) => machine(other) == "amd64",
        Some(ArchQualifier::Arch(wanted)) => machine(other) == wanted,
    };
    machine_fits && named(atom, other)
}

fn excludes(atom: &Atom, other: &Package) -> bool {
    let machine_fits = match &atom.architecture {
        Some(ArchQualifier::Arch(wanted)) => machine(other) == wanted,
        Some(ArchQualifier::Native) => machine(other) == "amd64",
        _ => true,
    };
    machine_fits && named(atom, other)
}

fn named(atom: &Atom, other: &Package) -> bool {
    let constraint = atom.constraint.as_ref();
    let provided = other.provides.iter().filter(|provide| provide.name == atom.name);
    other.name == atom.name && holds(constraint, Some(&other.version))
        || provided.map(|provide| provide.version.as_ref()).any(|version| holds(constraint, version))
}
