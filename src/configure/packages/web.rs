//! Switches of lighttpd and icinga2: links to what is available. lighty-enable-mod(1), icinga2(8).

use std::collections::BTreeMap;

use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("icinga2", icinga2), ("lighty-enable-mod", lighttpd)];

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

/// `icinga2 feature enable NAME…`
fn icinga2(call: &mut Call<'_, '_>) -> Done {
    let [feature, enable, names @ ..] = call.args else { return Err(Fault::gap(show(&call.args.join(&b' ')))) };
    if feature != b"feature" || enable != b"enable" {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    for name in names {
        let name = show(name);
        if call.look(format!("/etc/icinga2/features-available/{name}.conf").as_bytes(), true).is_none() {
            call.err(&format!("Cannot enable feature '{name}'. Source file does not exist."))?;
            return Ok(1);
        }
        let place = call.resolve(format!("/etc/icinga2/features-enabled/{name}.conf").as_bytes(), false)?;
        if call.tree().get(&place).is_some() {
            call.out(format!("warning/cli: Feature '{name}' already enabled.\n"))?;
            continue;
        }
        call.create(&place, Inode::symlink(format!("../features-available/{name}.conf")))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Kind;
    use crate::tree::Tree;

    #[test]
    fn what_is_available_is_linked() {
        let mut tree = Tree::new();
        for (path, text) in [
            ("etc/lighttpd/conf-available/10-a.conf", "# -*- depends: b -*-\n"),
            ("etc/lighttpd/conf-available/05-b.conf", ""),
            ("etc/lighttpd/conf-available/90-c.conf", "# -*- conflicts: a -*-\n"),
            ("etc/icinga2/features-available/checker.conf", ""),
        ] {
            tree.write(path, 0o644, text).expect("new");
        }
        for directory in ["etc/lighttpd/conf-enabled", "etc/icinga2/features-enabled"] {
            tree.make_directories(directory, 0o755).expect("new");
        }
        let mut world = machine(tree, "amd64", 0);
        let script = "lighty-enable-mod a; echo $?; lighty-enable-mod c > /dev/null; echo $?; lighty-enable-mod none; \
                      echo $?; icinga2 feature enable checker && ! icinga2 feature enable other 2> /dev/null";
        let outcome = Shell::new(&mut world, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let outcome = outcome.expect("no limit is met");
        let said = "Met dependency: b\nEnabling a: ok\nEnabling b: ok\n0\n1\nIgnoring unknown module: none\n2\n";
        assert_eq!((String::from_utf8(outcome.output).expect("text").as_str(), outcome.status), (said, 0));
        assert_eq!(world.gaps, []);
        for (link, target) in [
            ("/etc/lighttpd/conf-enabled/05-b.conf", "../conf-available/05-b.conf"),
            ("/etc/icinga2/features-enabled/checker.conf", "../features-available/checker.conf"),
        ] {
            let place = world.tree().resolve(link, false).expect("there");
            let kind = world.tree().get(&place).expect("there").kind.clone();
            assert_eq!(kind, Kind::Symlink(target.into()), "{link}");
        }
    }
}
