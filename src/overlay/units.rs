//! systemd's units in the image: finding, enabling, masking and extending them, as `systemctl` would (systemd.unit(5)).

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::tree::Kind;
use crate::tree::TreePath;

/// Where the administrator's units lie; ours are among them.
pub(super) const SYSTEM: &str = "/etc/systemd/system";
/// Where packages put theirs, in systemd's order of preference after [`SYSTEM`].
const PACKAGED: [&str; 2] = ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];

/// The real name of a unit: `mysql.service` is a link to `mariadb.service`. `None`: the image has no such unit.
pub(super) fn real_name(layer: &Layer<'_>, unit: &str) -> Option<String> {
    let (path, _) = find(layer, unit)?;
    let file = String::from_utf8_lossy(path.name()).into_owned();
    // An instance is made from its template, and keeps the name it was asked by.
    Some(if file.contains("@.") { unit.to_owned() } else { file })
}

/// The unit's file, links followed. A masked unit leads to /dev/null, which an image does not have: not there.
fn find(layer: &Layer<'_>, unit: &str) -> Option<(TreePath, String)> {
    let template = unit.split_once('@').and_then(|(stem, rest)| {
        let suffix = rest.rsplit_once('.')?.1;
        Some(format!("{stem}@.{suffix}"))
    });
    let names = [Some(unit.to_owned()), template];
    for name in names.into_iter().flatten() {
        for directory in [SYSTEM].into_iter().chain(PACKAGED) {
            let path = format!("{directory}/{name}");
            if let Some((real, inode)) = layer.tree.lookup(&path)
                && inode.content().is_some()
            {
                return Some((real, path));
            }
        }
    }
    None
}

/// All unit names of the image, sorted, without doubles.
pub(super) fn all(layer: &Layer<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for directory in [SYSTEM].into_iter().chain(PACKAGED) {
        if let Ok(directory) = layer.tree.resolve(directory, true) {
            let units = layer.tree.children(&directory).filter(|(_, inode)| !inode.is_directory());
            names.extend(units.map(|(path, _)| String::from_utf8_lossy(path.name()).into_owned()));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Links a unit where its `[Install]` section says; a unit without one stays as it is.
pub(super) fn enable(layer: &mut Layer<'_>, unit: &str) -> Result<(), Error> {
    let Some((_, path)) = find(layer, unit) else { return Ok(()) };
    let text = layer.text(&path)?;
    for (key, names) in install_section(&text) {
        for name in names.split_whitespace() {
            let link = match key {
                "WantedBy" => format!("{SYSTEM}/{name}.wants/{unit}"),
                "RequiredBy" => format!("{SYSTEM}/{name}.requires/{unit}"),
                "Alias" => format!("{SYSTEM}/{name}"),
                _ => continue,
            };
            layer.symlink(&link, &path)?;
        }
    }
    Ok(())
}

/// Whether something starts the unit: a link in a `.wants` or `.requires` directory.
pub(super) fn is_enabled(layer: &Layer<'_>, unit: &str) -> bool {
    let Ok(system) = layer.tree.resolve(SYSTEM, true) else { return false };
    layer.tree.below(&system).any(|(path, inode)| {
        let parent = path.parent().unwrap_or_default();
        let pulls = parent.name().ends_with(b".wants") || parent.name().ends_with(b".requires");
        pulls && path.name() == unit.as_bytes() && matches!(inode.kind, Kind::Symlink(_))
    })
}

/// The units that are started with `unit` because they lie in its `.requires` directory.
pub(super) fn required_by(layer: &Layer<'_>, unit: &str) -> Vec<String> {
    let Ok(directory) = layer.tree.resolve(format!("{SYSTEM}/{unit}.requires"), true) else { return Vec::new() };
    layer.tree.children(&directory).map(|(path, _)| String::from_utf8_lossy(path.name()).into_owned()).collect()
}

/// Makes a unit that the image has impossible to start.
pub(super) fn mask(layer: &mut Layer<'_>, unit: &str) -> Result<(), Error> {
    if find(layer, unit).is_none() {
        return Ok(());
    }
    layer.symlink(&format!("{SYSTEM}/{unit}"), "/dev/null")
}

/// Adds settings to a unit that the image has.
pub(super) fn extend(layer: &mut Layer<'_>, unit: &str, name: &str, text: &str) -> Result<(), Error> {
    if find(layer, unit).is_none() {
        return Ok(());
    }
    layer.file(&format!("{SYSTEM}/{unit}.d/{name}.conf"), 0o644, text)
}

/// The settings of the `[Install]` section, in order.
fn install_section(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == "[Install]";
        }
        let (key, value) = line.split_once('=')?;
        (inside && !line.starts_with(['#', ';'])).then(|| (key.trim(), value.trim()))
    })
}
