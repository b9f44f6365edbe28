//! `imgbuild show`: what would be built, without building it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::args::Show;
use super::outside;
use super::print;
use super::print_json;
use super::signals::Signals;
use super::words::Failure;
use crate::configure::Outcome;
use crate::configure::PackageReport;
use crate::deb::Package;
use crate::format::shown::Shown;
use crate::format::shown::shown;
use crate::pipeline;
use crate::pipeline::Chosen;
use crate::pipeline::Request;
use crate::recipe;
use crate::recipe::Recipe;
use crate::recipe::nearest;
use crate::solve::Offer;

/// Prints packages and sizes, or why one is among them.
pub(super) fn run(arguments: &Show, signals: &Signals) -> Result<(), Failure> {
    let common = &arguments.common;
    let recipe = recipe::load(&arguments.recipe)?;
    // Reasons follow from relations, which a lock does not have.
    let lock = match &arguments.why {
        Some(_) => None,
        None => outside::lock(common, &recipe, &outside::lock_path(&arguments.recipe, &recipe)?)?,
    };
    let shown = shown_images(arguments, &recipe)?;
    let mirrors = outside::mirrors(&common.mirror, Some(&recipe))?;
    let host = outside::host(common, signals)?;
    let request = Request {
        lock: lock.as_ref(),
        trust_lock: common.trust_lock,
        archive: outside::archive_options(common),
        ..Request::new(&recipe, &mirrors)
    };
    if arguments.configure {
        let reports = pipeline::survey(&host, &request)?;
        return each(&shown, &recipe, &reports, |_, report| configuration(report, arguments.json));
    }
    let chosen = pipeline::choose(&host, &request)?;
    each(&shown, &recipe, &chosen, |recipe, chosen| match &arguments.why {
        Some(package) => why(chosen, package, arguments.json),
        None if arguments.json => packages_as_json(recipe, chosen),
        None => packages(chosen),
    })
}

/// The images of a recipe that are shown; none: it has one without a name.
fn shown_images(arguments: &Show, recipe: &Recipe) -> Result<Vec<String>, Failure> {
    let images: Vec<String> = recipe.images.iter().filter_map(|image| image.image.clone()).collect();
    match &arguments.image {
        Some(name) if images.contains(name) => Ok(vec![name.clone()]),
        Some(name) => {
            let known = if images.is_empty() { "none".to_owned() } else { images.join(", ") };
            let near = nearest(name, images.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Err(Failure::Usage(format!("the recipe has no image `{name}`, it has {known}{near}")))
        }
        None if arguments.json && images.len() > 1 => {
            Err(Failure::Usage(format!("JSON is of one image: add `--image` and one of {}", images.join(", "))))
        }
        None => Ok(images),
    }
}

/// Shows images, of several each with its name above.
fn each<T>(
    shown: &[String],
    recipe: &Recipe,
    images: &[T],
    mut show: impl FnMut(&Recipe, &T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (recipe, image) in recipe.each().iter().zip(images) {
        match &recipe.image {
            Some(name) if !shown.contains(name) => continue,
            Some(name) if shown.len() > 1 => print(&format!("image {name}\n"))?,
            _ => {}
        }
        show(recipe, image)?;
    }
    Ok(())
}

fn packages(chosen: &Chosen) -> Result<(), Failure> {
    let mut text = String::new();
    let width = chosen.packages.iter().map(|package| package.name.len()).max().unwrap_or(0);
    for package in &chosen.packages {
        let Package { name, version, architecture, size, .. } = package;
        writeln!(text, "{name:width$}  {architecture:8}  {:>11}  {version}", grouped(*size))
            .expect("writing to a String succeeds");
    }
    let download: u64 = chosen.packages.iter().map(|package| package.size).sum();
    let installed: u64 = chosen.packages.iter().map(|package| package.installed_size).sum();
    write!(text, "{} packages, {} bytes to download", chosen.packages.len(), grouped(download))
        .expect("writing to a String succeeds");
    if installed > 0 {
        write!(text, ", {} KiB installed", grouped(installed)).expect("writing to a String succeeds");
    }
    text.push('\n');
    if let Some(workshop) = &chosen.workshop {
        let download: u64 = workshop.packages.iter().map(|package| package.size).sum();
        writeln!(
            text,
            "kernel modules are built outside of it with {} packages, {} bytes to download",
            workshop.packages.len(),
            grouped(download)
        )
        .expect("writing to a String succeeds");
    }
    print(&text)
}

fn packages_as_json(recipe: &Recipe, chosen: &Chosen) -> Result<(), Failure> {
    let package = |package: &Package| {
        json!({
            "name": package.name,
            "version": package.version.as_str(),
            "architecture": package.architecture,
            "size": package.size,
            "installed-size": package.installed_size,
            "sha256": package.sha256,
            "source": package.archive.map(|position| chosen.sources[position].name.clone()),
        })
    };
    let all = json!({
        "recipe": recipe,
        "digest": recipe.digest,
        "packages": chosen.packages.iter().map(package).collect::<Vec<_>>(),
        "loaders": chosen.loaders.iter().map(package).collect::<Vec<_>>(),
        "builders": chosen.workshop.iter().flat_map(|workshop| &workshop.packages).map(package).collect::<Vec<_>>(),
    });
    print_json(&all)
}

/// One line per package, further lines for what it needs; then how many are configured in which way.
fn configuration(report: &[PackageReport], json: bool) -> Result<(), Failure> {
    if json {
        let package = |report: &PackageReport| json!({ "package": report.package, "outcome": report.outcome.word(), "notes": report.notes });
        return print_json(&json!(report.iter().map(package).collect::<Vec<_>>()));
    }
    let width = report.iter().map(|report| report.package.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for PackageReport { package, outcome, notes } in report {
        *counts.entry(*outcome).or_default() += 1;
        let word = outcome.word();
        match (outcome, notes.as_slice()) {
            (Outcome::NotCovered, notes) => {
                text.push_str(&format!("{package:width$}  {word}\n"));
                notes.iter().for_each(|note| text.push_str(&format!("    {}\n", Shown::new(note))));
            }
            (_, []) => text.push_str(&format!("{package:width$}  {word}\n")),
            (_, notes) => text.push_str(&format!("{package:width$}  {word}: {}\n", shown(&notes.join(", ")))),
        }
    }
    let counts: Vec<String> =
        counts.into_iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
    text.push_str(&format!("{} packages: {}\n", report.len(), counts.join(", ")));
    print(&text)
}

fn why(chosen: &Chosen, package: &str, json: bool) -> Result<(), Failure> {
    let find = |chosen: &Chosen| {
        let (index, solution) = chosen.solved.as_ref()?;
        let chain = solution.why(index, package)?;
        Some((chain, solution.offers(index, package)))
    };
    let (root, workshop) = (find(chosen), chosen.workshop.as_deref());
    let is_outside = root.is_none();
    let Some((chain, offers)) = root.or_else(|| workshop.and_then(find)) else {
        let all = chosen.packages.iter().chain(workshop.iter().flat_map(|workshop| &workshop.packages));
        let meant = nearest(package, all.map(|chosen| chosen.name.as_str()));
        let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
        return Err(Failure::Usage(format!("package `{package}` would not be installed{meant}")));
    };
    if json {
        return print_json(&json!({ "links": chain.links, "versions": offers, "outside": is_outside }));
    }
    let mut text = String::new();
    if is_outside {
        text.push_str("not in the image: kernel modules are built with it\n");
    }
    for (depth, link) in chain.links.iter().enumerate() {
        writeln!(text, "{:indent$}{}: {}", "", link.package, link.reason, indent = 2 * depth)
            .expect("writing to a String succeeds");
    }
    text.push_str(&versions(&offers));
    print(&text)
}

/// The versions that there are, and the rule that decided about each.
fn versions(offers: &[Offer]) -> String {
    let width = offers.iter().map(|offer| offer.version.len()).max().unwrap_or(0);
    let mut text = "versions, the preferred first:\n".to_owned();
    for Offer { version, archive, rule, chosen, .. } in offers {
        let mark = if *chosen { '*' } else { ' ' };
        let from = if archive.is_empty() { String::new() } else { format!("{archive}: ") };
        writeln!(text, "{mark} {version:width$}  {from}{rule}").expect("writing to a String succeeds");
    }
    // A rule may quote what a stanza says.
    text.chars().map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter }).collect()
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, wanted) in [(0, "0"), (999, "999"), (1000, "1 000"), (12_345_678, "12 345 678")] {
            assert_eq!(grouped(number), wanted);
        }
    }
}
