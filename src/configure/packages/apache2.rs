//! Apache's switches: links from `*-enabled` to `*-available`, and marks of who set them. a2enmod(8), a2query(1).

use super::package::Package;
use crate::tree::Inode;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("a2disconf", |call| switch(call, &CONFIGURATION, false)),
        ("a2dismod", |call| switch(call, &MODULE, false)),
        ("a2dissite", |call| switch(call, &SITE, false)),
        ("a2enconf", |call| switch(call, &CONFIGURATION, true)),
        ("a2enmod", |call| switch(call, &MODULE, true)),
        ("a2ensite", |call| switch(call, &SITE, true)),
        ("a2query", query),
        ("apache2", server),
    ],
    ..Package::of("apache2")
};

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
    // CGI by processes of a server of processes, by a daemon of its own of one of threads.
    let name = if kind.suffix == MODULE.suffix && name == "cgi" && is_threaded(call) { "cgid" } else { name };
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

/// Whether the engine that is on has threads, as `apache2ctl -V` says of each.
fn is_threaded(call: &mut Call<'_, '_>) -> bool {
    let mut is_on = |engine: &str| call.look(MODULE.enabled(engine, MODULE.suffix).as_bytes(), true).is_some();
    !is_on("mpm_prefork") && (is_on("mpm_worker") || is_on("mpm_event"))
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

/// `a2query [-q] [-m MODULE] [-s SITE] [-c CONFIGURATION] [-M] [-a] [-d]`: what is on, and by whom. a2query(1).
fn query(call: &mut Call<'_, '_>) -> Done {
    // A last option without a name asks for all.
    let words = match call.args.last().map(Vec::as_slice) {
        Some(b"-m" | b"-s" | b"-c") => [call.args, &[Vec::new()]].concat(),
        _ => call.args.to_vec(),
    };
    let given = Call { shell: &mut *call.shell, name: call.name, args: &words }.options("m:s:c:havMdq", &[])?;
    if !given.operands.is_empty() || given.has(b'h') || given.has(b'v') {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let say = |call: &mut Call<'_, '_>, text: String| if given.has(b'q') { Ok(()) } else { call.out(text) };
    let modules = enabled(call, &MODULE)?;
    let mut engines = modules.iter().filter_map(|name| name.strip_prefix("mpm_"));
    let engine = engines.next().unwrap_or("invalid").to_owned();
    if engines.next().is_some() {
        return Err(Fault::failed("There is more than one MPM loaded. Do not proceed due to undefined results"));
    }
    for (letter, kind) in [(b'm', &MODULE), (b's', &SITE), (b'c', &CONFIGURATION)] {
        let Some(name) = given.value(letter).map(show) else { continue };
        let name = name.strip_prefix("mod").unwrap_or(&name).replacen(".conf", "", 1).replacen(".load", "", 1);
        let names: Vec<String> = match name.as_str() {
            "" => enabled(call, kind)?,
            name => enabled(call, kind)?.into_iter().filter(|known| known == name).collect(),
        };
        for name in &names {
            let by = match by(call, kind, "enabled", name) {
                Some("maint") => "maintainer script",
                Some(_) => "site administrator",
                None => "unknown",
            };
            say(call, format!("{name} (enabled by {by})\n"))?;
        }
        if names.is_empty() {
            let (status, why) = match by(call, kind, "disabled", &name) {
                Some("maint") => (33, " (disabled by maintainer script)"),
                Some(_) => (32, " (disabled by site administrator)"),
                None => (1, ""),
            };
            if !given.has(b'q') {
                call.shell.print_error(format!("No {} matches {name}{why}\n", kind.marks).as_bytes())?;
            }
            return Ok(status);
        }
    }
    for (letter, setting) in [(b'a', "$API"), (b'd', "$MODULE_DIR")] {
        if given.has(letter) {
            // The program's own constants are what it says of a server that cannot be asked.
            let text = show(&call.read(b"/usr/sbin/a2query")?);
            let value =
                |line: &str| Some(line.strip_prefix("our ")?.strip_prefix(setting)?.split('"').nth(1)?.to_owned());
            let value = text.lines().find_map(value).ok_or_else(|| Fault::gap(format!("no {setting} in its text")))?;
            say(call, value + "\n")?;
        }
    }
    if given.has(b'M') {
        say(call, engine + "\n")?;
    }
    Ok(0)
}

/// Who switched something on or off: `maint` or `admin`.
fn by(call: &mut Call<'_, '_>, kind: &Kind, what: &str, name: &str) -> Option<&'static str> {
    let marked = |by: &&str| {
        let mark = format!("/var/lib/apache2/{}/{what}_by_{by}/{name}", kind.marks);
        call.look(mark.as_bytes(), true).is_some()
    };
    ["maint", "admin"].into_iter().find(marked)
}

/// The names of what is on.
fn enabled(call: &mut Call<'_, '_>, kind: &Kind) -> Result<Vec<String>, Fault> {
    let path = format!("/etc/apache2/{}-enabled", kind.directory);
    let tree = call.tree();
    let Some((directory, _)) = tree.lookup(&path) else {
        return Err(Fault::failed(format!("{path}: No such file or directory")));
    };
    let names = tree.children(&directory).map(|(path, _)| show(path.name()));
    Ok(names.filter_map(|name| Some(name.strip_suffix(kind.suffix)?.strip_suffix('.')?.to_owned())).collect())
}

/// `apache2 [-d DIRECTORY] -t`: whether the configuration can be read. It is asked before a reload, which no daemon
/// is there for; what packages' own scripts have put together from their own parts is not doubted.
fn server(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("d:t", &[])?;
    if !given.has(b't') || !given.operands.is_empty() {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    call.shell.print_error(b"Syntax OK\n")?;
    Ok(0)
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

    #[test]
    fn cgi_is_what_the_engine_has() {
        let run = |engine: &str| {
            let mut tree = Tree::new();
            tree.make_directories("etc/apache2/mods-enabled", 0o755).expect("new");
            tree.make_directories("var/lib", 0o755).expect("new");
            for name in ["cgi.load", "cgid.conf", "cgid.load", "mpm_event.load", "mpm_prefork.load"] {
                tree.write(format!("etc/apache2/mods-available/{name}"), 0o644, "").expect("new");
            }
            let mut system = machine(tree, "amd64", 0);
            let script = format!("a2enmod -q {engine} && a2enmod -m -q cgi");
            let outcome =
                Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
            assert_eq!((outcome.expect("no limit is met").status, &system.gaps), (0, &vec![]), "{engine}");
            let on = |path: &crate::tree::TreePath| path.as_bytes().starts_with(b"etc/apache2/mods-enabled/cgi");
            let tree = system.into_tree();
            tree.iter().filter(|(path, ..)| on(path)).map(|(path, ..)| path.to_string()).collect::<Vec<_>>()
        };
        let enabled = "/etc/apache2/mods-enabled";
        assert_eq!(run("mpm_event"), [format!("{enabled}/cgid.conf"), format!("{enabled}/cgid.load")]);
        assert_eq!(run("mpm_prefork"), [format!("{enabled}/cgi.load")]);
    }

    #[test]
    fn what_is_on_can_be_asked() {
        let mut tree = Tree::new();
        for path in ["mods-enabled/mpm_event.load", "mods-enabled/php8.4.load", "sites-enabled/x.conf"] {
            tree.write(format!("etc/apache2/{path}"), 0o644, "").expect("new");
        }
        tree.make_directories("etc/apache2/conf-enabled", 0o755).expect("new");
        tree.write("var/lib/apache2/module/enabled_by_maint/php8.4", 0o644, "").expect("new");
        tree.write("var/lib/apache2/conf/disabled_by_admin/a", 0o644, "").expect("new");
        let mut system = machine(tree, "amd64", 0);
        let script = "a2query -m php8.4; a2query -q -s x; echo $?; a2query -M; a2query -c a 2>&1; echo $?; a2query -m b \
                      2>&1; echo $?; apache2 -t";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let wanted = "php8.4 (enabled by maintainer script)\n0\nevent\nNo conf matches a (disabled by site \
                      administrator)\n32\nNo module matches b\n1\nSyntax OK\n";
        assert_eq!(String::from_utf8(outcome.expect("no limit is met").output).expect("text"), wanted);
        assert_eq!(system.gaps, []);
    }
}
