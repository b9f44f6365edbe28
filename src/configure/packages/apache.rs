//! Apache's switches: links from `*-enabled` to `*-available`, and marks of who set them. a2enmod(8).

use crate::tree::Inode;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("a2disconf", |call| switch(call, &CONFIGURATION, false)),
    ("a2dismod", |call| switch(call, &MODULE, false)),
    ("a2dissite", |call| switch(call, &SITE, false)),
    ("a2enconf", |call| switch(call, &CONFIGURATION, true)),
    ("a2enmod", |call| switch(call, &MODULE, true)),
    ("a2ensite", |call| switch(call, &SITE, true)),
];

/// A kind of thing that can be switched.
struct Kind {
    /// Its directories are `/etc/apache2/NAME-available` and `NAME-enabled`.
    directory: &'static str,
    /// Its marks lie in `/var/lib/apache2/NAME`.
    marks: &'static str,
    suffix: &'static str,
}

const MODULE: Kind = Kind { directory: "mods", marks: "module", suffix: "load" };
const CONFIGURATION: Kind = Kind { directory: "conf", marks: "conf", suffix: "conf" };
const SITE: Kind = Kind { directory: "sites", marks: "site", suffix: "conf" };

/// How deep modules may depend on each other: Debian's go two levels down.
const DEPTH: u32 = 16;

impl Kind {
    fn available(&self, name: &str, suffix: &str) -> String {
        format!("/etc/apache2/{}-available/{name}.{suffix}", self.directory)
    }

    fn enabled(&self, name: &str, suffix: &str) -> String {
        format!("/etc/apache2/{}-enabled/{name}.{suffix}", self.directory)
    }
}

fn switch(call: &mut Call<'_, '_>, kind: &Kind, enable: bool) -> Done {
    let long = [("quiet", b'q'), ("force", b'f'), ("maintmode", b'm'), ("purge", b'p')];
    let given = call.options("qfmp", &long)?;
    if given.operands.is_empty() || given.has(b'p') {
        return Err(Fault::gap("without a name, or with --purge"));
    }
    let by = if given.has(b'm') { "maint" } else { "admin" };
    let mut status = 0;
    for name in &given.operands {
        let name = show(name);
        if name.contains(['*', '?', '[', '/']) {
            return Err(Fault::gap(format!("the name `{name}`")));
        }
        let name = name.strip_suffix(&format!(".{}", kind.suffix)).unwrap_or(&name);
        let done = if enable { turn_on(call, kind, name, by, DEPTH)? } else { turn_off(call, kind, name, by)? };
        if !done {
            status = 1;
        }
    }
    Ok(status)
}

/// Links one thing, modules with what they depend on; whether it could be done.
fn turn_on(call: &mut Call<'_, '_>, kind: &Kind, name: &str, by: &str, depth: u32) -> Result<bool, Fault> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Fault::gap("modules depend on each other in a circle")) };
    let file = kind.available(name, kind.suffix);
    if call.look(file.as_bytes(), true).is_none() {
        call.shell.write(2, format!("ERROR: {name} does not exist!\n").as_bytes())?;
        return Ok(false);
    }
    if kind.suffix == MODULE.suffix {
        let text = show(&call.read(file.as_bytes())?);
        for needed in words_of(&text, "Depends") {
            if !turn_on(call, kind, needed, by, depth)? {
                return Ok(false);
            }
        }
        for other in words_of(&text, "Conflicts") {
            if call.look(kind.enabled(other, kind.suffix).as_bytes(), true).is_some() {
                call.shell.write(2, format!("ERROR: Module {other} is enabled\n").as_bytes())?;
                return Ok(false);
            }
        }
    }
    let mut changed = false;
    for suffix in suffixes(kind) {
        let (file, link) = (kind.available(name, suffix), kind.enabled(name, suffix));
        if call.look(file.as_bytes(), true).is_none() || call.look(link.as_bytes(), false).is_some() {
            continue;
        }
        let place = call.resolve(link.as_bytes(), false)?;
        let target = format!("../{}-available/{name}.{suffix}", kind.directory);
        call.create(&place, Inode::symlink(target))?;
        changed |= *suffix == kind.suffix;
    }
    if changed {
        mark(call, kind, "enabled", by, name)?;
    }
    Ok(true)
}

fn turn_off(call: &mut Call<'_, '_>, kind: &Kind, name: &str, by: &str) -> Result<bool, Fault> {
    let was_on = call.look(kind.enabled(name, kind.suffix).as_bytes(), false).is_some();
    if !was_on && call.look(kind.available(name, kind.suffix).as_bytes(), true).is_none() {
        call.shell.write(2, format!("ERROR: {name} does not exist!\n").as_bytes())?;
        return Ok(false);
    }
    for suffix in suffixes(kind) {
        let place = call.resolve(kind.enabled(name, suffix).as_bytes(), false)?;
        if call.tree().get(&place).is_some() {
            call.tree().remove(&place)?;
        }
    }
    if was_on {
        mark(call, kind, "disabled", by, name)?;
    }
    Ok(true)
}

/// A module may have a `.conf` beside its `.load`.
fn suffixes(kind: &Kind) -> &'static [&'static str] {
    if kind.suffix == MODULE.suffix { &["conf", "load"] } else { &["conf"] }
}

/// The words of `# Depends: …` among the comments at the beginning of a file.
fn words_of<'a>(text: &'a str, field: &str) -> impl Iterator<Item = &'a str> {
    let head = text.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let line = head.filter_map(|line| line.strip_prefix("# ")?.strip_prefix(field)?.strip_prefix(':')).next();
    line.unwrap_or_default().split_whitespace()
}

/// Remembers who switched it; an older mark goes.
fn mark(call: &mut Call<'_, '_>, kind: &Kind, what: &str, by: &str, name: &str) -> Result<(), Fault> {
    let base = format!("/var/lib/apache2/{}", kind.marks);
    let directory = format!("{base}/{what}_by_{by}");
    call.run(&[b"mkdir".to_vec(), b"-p".to_vec(), directory.clone().into_bytes()])?;
    let tree = call.tree();
    let Some((base, _)) = tree.lookup(&base) else { return Ok(()) };
    let old: Vec<TreePath> =
        tree.below(&base).filter(|(path, _)| path.name() == name.as_bytes()).map(|(path, _)| path.clone()).collect();
    for path in old {
        tree.remove(&path)?;
    }
    call.write(format!("{directory}/{name}").as_bytes(), 0o666, Vec::new())
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn a_module_brings_what_it_depends_on() {
        let mut tree = Tree::new();
        for directory in ["etc/apache2/mods-enabled", "etc/apache2/mods-available", "var/lib"] {
            tree.make_directories(directory, 0o755).expect("new");
        }
        for (name, text) in [
            ("authz_host.load", "# Depends: authz_core\nLoadModule authz_host_module x.so\n"),
            ("authz_core.load", "LoadModule authz_core_module x.so\n# Depends: none\n"),
            ("status.load", "LoadModule x y\n"),
            ("status.conf", "ExtendedStatus On\n"),
        ] {
            tree.write(format!("etc/apache2/mods-available/{name}"), 0o644, text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "a2enmod -m -q authz_host && a2enmod -q status && a2dismod -f status; a2enmod -q none";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 1);
        assert!(system.gaps.is_empty(), "{:?}", system.gaps);
        let tree = system.into_tree();
        let names: Vec<String> = tree
            .iter()
            .map(|(path, ..)| path.to_string())
            .filter(|path| path.contains("-enabled/") || path.contains("_by_"))
            .collect();
        assert_eq!(
            names,
            [
                "/etc/apache2/mods-enabled/authz_core.load",
                "/etc/apache2/mods-enabled/authz_host.load",
                "/var/lib/apache2/module/disabled_by_admin",
                "/var/lib/apache2/module/disabled_by_admin/status",
                "/var/lib/apache2/module/enabled_by_admin",
                "/var/lib/apache2/module/enabled_by_maint",
                "/var/lib/apache2/module/enabled_by_maint/authz_core",
                "/var/lib/apache2/module/enabled_by_maint/authz_host",
            ]
        );
    }
}
