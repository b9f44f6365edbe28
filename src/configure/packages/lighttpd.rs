//! lighttpd: links to the modules that are available, lighty-enable-mod(1).

use std::collections::BTreeMap;

use super::package::Package;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("lighty-enable-mod", lighttpd)], ..Package::of("lighttpd") };

const LIGHTTPD: &str = "/etc/lighttpd";

/// `lighty-enable-mod NAME…`: each with what it depends on.
fn lighttpd(call: &mut Call<'_, '_>) -> Done {
    if call.args.is_empty() {
        return Err(Fault::gap("without a name"));
    }
    let available = modules(call, "available");
    let mut enabled = modules(call, "enabled");
    let mut todo: Vec<String> = call.args.iter().map(|name| show(name)).collect();
    let mut status = 0;
    let mut next = 0;
    while let Some(name) = todo.get(next).cloned() {
        next += 1;
        let Some(file) = available.get(&name) else {
            call.out(format!("Ignoring unknown module: {name}\n"))?;
            status = 2;
            continue;
        };
        let link = format!("{LIGHTTPD}/conf-enabled/{file}");
        if call.look(link.as_bytes(), true).is_some() {
            call.out("already enabled\n")?;
            status = 2;
            continue;
        }
        let text = show(&call.read(format!("{LIGHTTPD}/conf-available/{file}").as_bytes())?);
        for other in listed(&text, "depends") {
            if enabled.contains_key(&other) {
                continue;
            }
            if !available.contains_key(&other) {
                call.out(format!("Unresolved dependency: {other}\n"))?;
                return Ok(1);
            }
            call.out(format!("Met dependency: {other}\n"))?;
            if !todo.contains(&other) {
                todo.push(other);
            }
        }
        if let Some(other) = listed(&text, "conflicts").find(|other| enabled.contains_key(other)) {
            call.out(format!("Conflicting dependencies: {name} conflicts with {other}\n"))?;
            return Ok(1);
        }
        let place = call.resolve(link.as_bytes(), false)?;
        call.create(&place, Inode::symlink(format!("../conf-available/{file}")))?;
        call.out(format!("Enabling {name}: ok\n"))?;
        enabled.insert(name, file.clone());
    }
    Ok(status)
}

/// Modules by name, each with its file `NN-NAME.conf`.
fn modules(call: &mut Call<'_, '_>, which: &str) -> BTreeMap<String, String> {
    let tree = call.tree();
    let Some((place, _)) = tree.lookup(format!("{LIGHTTPD}/conf-{which}")) else { return BTreeMap::new() };
    let files = tree.children(&place).map(|(path, _)| show(path.name()));
    let named = files.filter_map(|file| {
        let (number, name) = file.strip_suffix(".conf")?.split_once('-')?;
        let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        numbered.then(|| (name.to_owned(), file.clone()))
    });
    named.collect()
}

/// The names of a line `# -*- depends: a, b -*-`.
fn listed(text: &str, what: &str) -> impl Iterator<Item = String> {
    let start = format!("# -*- {what}: ");
    let lists = text.lines().filter_map(|line| line.split_once(&start)?.1.split_once(" -*-").map(|(list, _)| list));
    lists.flat_map(|list| list.split(',').map(|name| name.trim().to_owned())).collect::<Vec<_>>().into_iter()
}
