//! Formats of programs that packages enter: update-binfmts(8).

use std::collections::BTreeMap;

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-binfmts", binary_formats)], ..Package::of("binfmt-support") };

const FORMATS: &str = "/usr/share/binfmts";
/// Where formats are noted, each by its name.
const KNOWN: &str = "/var/lib/binfmts";

/// `update-binfmts [--package PACKAGE] --import [NAME]`: each node's kernel is told of what is noted here when it starts.
/// A file says itself which package it is of, so the option has no word in this.
fn binary_formats(call: &mut Call<'_, '_>) -> Done {
    let rest = match call.args {
        [option, _, rest @ ..] if option == b"--package" => rest,
        all => all,
    };
    let names = match rest {
        [import] if import == b"--import" => {
            let tree = call.tree();
            let place = tree.lookup(FORMATS).map(|(place, _)| place);
            place.map_or_else(Vec::new, |place| tree.children(&place).map(|(path, _)| show(path.name())).collect())
        }
        [import, name] if import == b"--import" && !name.contains(&b'/') => vec![show(name)],
        _ => return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    };
    let mut status = 0;
    for name in names {
        if call.tree().lookup(format!("{FORMATS}/{name}")).is_none() {
            call.err(&format!("warning: couldn't find information about '{name}' to import"))?;
            status = 1;
            continue;
        }
        let text = show(&call.read(format!("{FORMATS}/{name}").as_bytes())?);
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        for line in text.lines() {
            let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if !["package", "interpreter", "magic", "extension", "offset", "mask", "detector"].contains(&key) {
                return Err(Fault::gap(format!("`{key}` of the format {name}")));
            }
            fields.insert(key, value.trim_start());
        }
        let field = |key: &str| fields.get(key).copied();
        let (Some(package), Some(interpreter)) = (field("package"), field("interpreter")) else {
            call.err(&format!("warning: {FORMATS}/{name}: required 'package' or 'interpreter' line missing"))?;
            continue;
        };
        let (kind, what) = match (field("magic"), field("extension")) {
            (Some(magic), None) => ("magic", magic),
            (None, Some(extension)) => ("extension", extension),
            _ => return Err(Fault::gap(format!("the kind of the format {name}"))),
        };
        let (offset, mask) = (field("offset").unwrap_or("0"), field("mask").unwrap_or_default());
        let detector = field("detector").unwrap_or_default();
        // The first package that has a format keeps it.
        let noted = format!("{KNOWN}/{name}");
        if call.tree().lookup(noted.as_str()).is_some() {
            let before = show(&call.read(noted.as_bytes())?);
            let other = before.lines().next().unwrap_or_default();
            if other != package {
                call.err(&format!(
                    "warning: current package is {package}, but binary format already installed by {other}"
                ))?;
                continue;
            }
        }
        call.tree().make_directories(KNOWN, 0o755)?;
        let entry = format!("{package}\n{kind}\n{offset}\n{what}\n{mask}\n{interpreter}\n{detector}\n\n\n\n");
        call.write(noted.as_bytes(), 0o666, entry.into_bytes())?;
    }
    Ok(status)
}
