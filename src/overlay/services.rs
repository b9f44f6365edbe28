//! Services that run on named nodes only: a drop-in that asks what the node has booted with, where the Howto edited init
//! scripts. So the image does not change with the nodes that name a service.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;
use crate::recipe::Recipe;
use crate::recipe::SERVICE_ARGUMENT;

/// At most this many units are named when one is not found.
const NEAR_MAX: usize = 3;

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe) -> Result<(), Error> {
    // Unit → what nodes call it.
    let mut names: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for node in recipe.own_nodes() {
        for service in &node.services {
            let unit = format!("{service}.service");
            let real = units::real_name(layer, &unit).ok_or_else(|| Error::NoSuchUnit {
                service: service.clone(),
                node: node.name.clone(),
                near: near(layer, &unit),
            })?;
            names.entry(real).or_default().insert(service);
        }
    }
    names.iter().try_for_each(|(unit, names)| restrict(layer, &recipe.generated(), unit, names))
}

fn restrict(layer: &mut Layer<'_>, generated: &str, unit: &str, names: &BTreeSet<&str>) -> Result<(), Error> {
    if !units::is_enabled(layer, unit) {
        units::enable(layer, unit)?;
    }
    // `|`: one of them is enough. A condition that is not met is no failure.
    let mut text = format!("# {generated}\n[Unit]\n");
    names.iter().for_each(|name| text.push_str(&format!("ConditionKernelCommandLine=|{SERVICE_ARGUMENT}{name}\n")));
    let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
    // What starts the service, or is started with it whether its own condition holds or not.
    let companions =
        [format!("{stem}.socket"), format!("{stem}.timer")].into_iter().chain(units::required_by(layer, unit));
    for unit in [unit.to_owned()].into_iter().chain(companions) {
        units::extend(layer, &unit, "50-imgbuild-host", &text)?;
    }
    Ok(())
}

/// Units of the same kind whose name holds the wanted one, is held by it, or begins like it.
fn near(layer: &Layer<'_>, unit: &str) -> Vec<String> {
    let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit, "service"));
    let start: String = stem.chars().take(3).collect();
    let rank = |name: &String| {
        let (other, other_kind) = name.rsplit_once('.')?;
        let rank = if other.contains(stem) || stem.contains(other) { 0 } else { 1 };
        (other_kind == kind && (rank == 0 || other.starts_with(&start)))
            .then(|| (rank, other.len().abs_diff(stem.len())))
    };
    let mut ranked: Vec<_> = units::all(layer).into_iter().filter_map(|name| Some((rank(&name)?, name))).collect();
    ranked.sort();
    ranked.into_iter().take(NEAR_MAX).map(|(_, name)| name).collect()
}
