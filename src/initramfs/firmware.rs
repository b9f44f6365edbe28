//! Firmware that the chosen modules, and code inside the kernel, may ask for.

use std::collections::BTreeSet;

use super::Error;
use super::files::Files;
use crate::format::glob::fits;
use crate::kernel::Modules;

/// As the kernel's own firmware loader searches, and with the compressions it takes.
const COMPRESSIONS: [&str; 3] = ["", ".zst", ".xz"];

/// Copies what the root has; returns what it does not have, with the module that names it.
pub(super) fn copy(
    files: &mut Files<'_>,
    modules: &Modules,
    chosen: &BTreeSet<usize>,
    version: &str,
) -> Result<Vec<(String, String)>, Error> {
    let in_kernel = |source| Error::Kernel { version: version.to_owned(), source };
    let own = chosen.iter().map(|&position| &modules.as_slice()[position]);
    let own = own.flat_map(|module| module.firmware.iter().map(|file| (module.name.clone(), file.clone())));
    let mut wanted: BTreeSet<(String, String)> = own.collect();
    wanted.extend(modules.builtin_firmware().map_err(in_kernel)?);
    let directories = [
        format!("/lib/firmware/updates/{version}"),
        "/lib/firmware/updates".to_owned(),
        format!("/lib/firmware/{version}"),
        "/lib/firmware".to_owned(),
    ];
    let mut missing = Vec::new();
    for (module, file) in wanted {
        let mut found = false;
        for directory in &directories {
            for path in paths(files, directory, &file) {
                files.copy(&path)?;
                found = true;
            }
        }
        if !found {
            missing.push((module, file));
        }
    }
    Ok(missing)
}

/// The files of the root that a name or pattern means, each in its first compression.
fn paths(files: &Files<'_>, directory: &str, file: &str) -> Vec<String> {
    if files.root().lookup(directory).is_none() {
        return Vec::new();
    }
    let is_file = |path: &String| files.root().lookup(path).is_some_and(|(_, inode)| inode.content().is_some());
    let path = format!("{directory}/{file}");
    let exact = COMPRESSIONS.iter().map(|suffix| format!("{path}{suffix}")).find(is_file);
    if exact.is_some() || !file.contains(['*', '?', '[']) {
        return exact.into_iter().collect();
    }
    let Some((at, inside)) = files.root().below(directory) else { return Vec::new() };
    let base = at.to_string();
    let inside = inside.filter(|(_, inode)| !inode.is_directory());
    let names = inside.map(|(path, _)| path.to_string()[base.len() + 1..].to_owned());
    // A star does not reach over a slash, as in glob(7).
    let depth = file.matches('/').count();
    let fits = |name: &String| {
        let plain = COMPRESSIONS[1..].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        name.matches('/').count() == depth
            && [name.as_str(), plain].iter().any(|text| fits(file.as_bytes(), text.as_bytes()))
    };
    names.filter(fits).map(|name| format!("{directory}/{name}")).collect()
}
