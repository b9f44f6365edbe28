//! Catalogs of SGML: which file stands for a public name. update-catalog(8).

use super::package::Action::Remove;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("update-catalog", update_catalog)],
    leaves: &[(Remove, &["etc/sgml/*.old", "var/lib/sgml-base/supercatalog.old"], "states before the last change")],
    ..Package::of("sgml-base")
};

pub(super) fn keep_old(call: &mut Call<'_, '_>, path: &str) -> Result<(), Fault> {
    match call.run(&[b"mv".to_vec(), b"-f".to_vec(), path.into(), format!("{path}.old").into()])? {
        0 => Ok(()),
        _ => Err(Fault::failed(format!("cannot rename {path} to {path}.old"))),
    }
}

const SUPER: &str = "/var/lib/sgml-base/supercatalog";

/// `update-catalog [--quiet] --add|--remove CATALOG ENTRY`, with `--super ENTRY`, or `--update-super`.
fn update_catalog(call: &mut Call<'_, '_>) -> Done {
    let options = call.args.iter().take_while(|word| word.starts_with(b"--")).count();
    let (options, operands) = call.args.split_at(options);
    let mut verb: Option<&[u8]> = None;
    let (mut quiet, mut super_catalog) = (false, false);
    for option in options {
        match option.as_slice() {
            b"--quiet" => quiet = true,
            b"--super" => super_catalog = true,
            b"--add" | b"--remove" | b"--update-super" if verb.is_none() => verb = Some(option),
            _ => return Err(Fault::gap(format!("the option `{}`", show(option)))),
        }
    }
    let say = |call: &mut Call<'_, '_>, text: String| if quiet { Ok(()) } else { call.out(text) };
    match (verb, operands) {
        (Some(b"--update-super"), []) => {
            say(call, "Updating the super catalog...\n".into())?;
            write_super(call)?;
            Ok(0)
        }
        (Some(b"--add" | b"--remove"), [_]) if super_catalog => {
            call.out("update-catalog: Suppressing action on super catalog. Invoking trigger instead.\n")?;
            call.run(&[b"dpkg-trigger".to_vec(), b"/etc/sgml".to_vec()])
        }
        (Some(verb), [catalog, entry]) if !super_catalog => {
            let (catalog, name) = (show(catalog), show(entry));
            let add = verb == b"--add";
            let doing = if add { "Adding entry" } else { "Removing entry" };
            let where_to = if add { "to" } else { "from" };
            say(call, format!("{doing} {name} {where_to} catalog {catalog}...\n"))?;
            let mut lines = lines_without(call, &catalog, &name)?;
            if add {
                lines.push(format!("CATALOG {name}"));
            }
            if call.look(catalog.as_bytes(), true).is_some() {
                keep_old(call, &catalog)?;
            }
            call.write(catalog.as_bytes(), 0o666, (lines.join("\n") + "\n").into_bytes())?;
            Ok(0)
        }
        _ => Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    }
}

/// The lines of a catalog that do not hold the entry; of a template where there is no catalog.
fn lines_without(call: &mut Call<'_, '_>, catalog: &str, entry: &str) -> Result<Vec<String>, Fault> {
    if call.look(catalog.as_bytes(), true).is_none() {
        let text = show(&call.read(b"/usr/share/sgml-base/catalog.centralized")?);
        return Ok(text.lines().map(|line| line.replacen("CATALOG", catalog, 1)).collect());
    }
    // The entry is used as a regular expression, in which of a path's characters only `.` means another.
    if !entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte)) {
        return Err(Fault::gap(format!("the entry `{entry}`")));
    }
    let text = show(&call.read(catalog.as_bytes())?);
    call.shell.system.budget.read(text.len().saturating_mul(entry.len()))?;
    let fits = |part: &[u8]| part.iter().zip(entry.bytes()).all(|(byte, wanted)| wanted == b'.' || *byte == wanted);
    let holds = |line: &&str| line.as_bytes().windows(entry.len().max(1)).any(fits);
    Ok(text.lines().filter(|line| !holds(line)).map(str::to_owned).collect())
}

/// The catalog of all catalogs in `/etc/sgml`, less those that name one that is not there.
fn write_super(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let mut text = String::from(
        "--\n## This file is created by update-catalog with update-super.\n## Please see update-catalog(8) for how to \
         modify this file.\n--\n",
    );
    let tree = call.tree();
    let mut names = Vec::new();
    if let Some((directory, _)) = tree.lookup("/etc/sgml") {
        let all = tree.children(&directory).map(|(path, _)| show(path.name()));
        names.extend(all.filter(|name| name.ends_with(".cat") && name.len() > 4 && !name.starts_with('.')));
    }
    for name in names {
        let path = format!("/etc/sgml/{name}");
        if is_whole(call, &path)? {
            text.push_str(&format!("CATALOG {path}\n"));
        }
    }
    if call.look(SUPER.as_bytes(), true).is_some() {
        keep_old(call, SUPER)?;
    }
    call.write(SUPER.as_bytes(), 0o666, text.into_bytes())
}

/// Whether a catalog can be read, and the catalogs that it names are there (OASIS TR 9401).
fn is_whole(call: &mut Call<'_, '_>, catalog: &str) -> Result<bool, Fault> {
    if call.look(catalog.as_bytes(), true).is_none_or(|inode| inode.content().is_none()) {
        return Ok(false);
    }
    let text = show(&call.read(catalog.as_bytes())?);
    let mut base = catalog.rsplit_once('/').map_or(catalog, |(directory, _)| directory).to_owned();
    let mut rest = text.as_str();
    let mut before = String::new();
    while let Some(token) = next_token(&mut rest) {
        match std::mem::take(&mut before).as_str() {
            "base" => base = unquoted(token).to_owned(),
            "catalog" => {
                let token = unquoted(token);
                let path = if token.starts_with('/') { token.to_owned() } else { format!("{base}/{token}") };
                if call.look(path.as_bytes(), true).is_none_or(|inode| inode.content().is_none()) {
                    return Ok(false);
                }
            }
            _ => before = token.to_ascii_lowercase(),
        }
    }
    Ok(true)
}

/// The next word or literal of a catalog; blanks and comments between `--` are none.
fn next_token<'a>(rest: &mut &'a str) -> Option<&'a str> {
    loop {
        *rest = rest.trim_start();
        match rest.strip_prefix("--").and_then(|inside| inside.split_once("--")) {
            Some((_, behind)) => *rest = behind,
            None => break,
        }
    }
    let first = rest.chars().next()?;
    let quoted = if matches!(first, '"' | '\'') { rest[1..].find(first).map(|end| end + 2) } else { None };
    let end = quoted.or_else(|| rest.find(char::is_whitespace)).unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    *rest = behind;
    Some(token)
}

fn unquoted(token: &str) -> &str {
    let inside = |mark: char| token.strip_prefix(mark).and_then(|token| token.strip_suffix(mark));
    inside('"').or_else(|| inside('\'')).unwrap_or(token)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::shell::system::System;
    use crate::tree::Tree;

    fn run(files: &[(&str, &str)], script: &str) -> (i32, System) {
        let mut tree = Tree::new();
        for directory in ["etc/xml", "etc/sgml", "var/lib/xml-core", "var/lib/sgml-base"] {
            tree.make_directories(directory, 0o755).expect("new");
        }
        for (path, text) in files {
            tree.write(path, 0o644, *text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let status = outcome.expect("no limit is met").status;
        assert_eq!(system.gaps, []);
        (status, system)
    }

    fn text(system: &mut System, path: &str) -> Option<String> {
        let bytes = system.tree().read(path).expect("memory");
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    const XML_CORE: &[(&str, &str)] = &[
        ("usr/share/xml-core/catalog.header", "<catalog>\n"),
        ("usr/share/xml-core/catalog.footer", "</catalog>\n"),
        ("usr/share/xml/a/catalog.xml", ""),
    ];

    #[test]
    fn xml_catalogs_are_written_from_what_is_kept() {
        let script = "set -e\n\
            update-xmlcatalog --sort --add --type system --id http://b/ --package a --local /usr/share/xml/a/catalog.xml\n\
            update-xmlcatalog --sort --add --type public --id '-//A//DTD A//EN' --package a --local /usr/share/xml/a/catalog.xml\n\
            update-xmlcatalog --sort --add --type uri --id http://c --package a --root\n";
        let (status, mut system) = run(XML_CORE, script);
        assert_eq!(status, 0);
        let public = "delegatePublic publicIdStartString=\"-//A//DTD A//EN\"";
        let delegate = "delegateSystem systemIdStartString=\"http://b/\"";
        let local = "catalog=\"file:///usr/share/xml/a/catalog.xml\"";
        let both = format!("<catalog>\n<{public} {local}/>\n<{delegate} {local}/>\n</catalog>\n");
        assert_eq!(text(&mut system, "/etc/xml/a.xml"), Some(both));
        assert_eq!(
            text(&mut system, "/etc/xml/a.xml.old"),
            Some(format!("<catalog>\n<{delegate} {local}/>\n</catalog>\n"))
        );
        assert_eq!(
            text(&mut system, "/var/lib/xml-core/a"),
            Some(format!("<{public}><{local}>\n<{delegate}><{local}>\n"))
        );
        assert_eq!(
            text(&mut system, "/var/lib/xml-core/catalog").as_deref(),
            Some("<delegateURI uriStartString=\"http://c\"><catalog=\"file:///etc/xml/a.xml\">\n")
        );
    }

    #[test]
    fn xml_entries_go_and_contradictions_are_refused() {
        let add =
            "update-xmlcatalog --add --type uri --id http://c --local /etc/xml/l --file /usr/share/xml/a/catalog.xml";
        let other = "update-xmlcatalog --add --type uri --id http://c --local /etc/xml/l --file /etc/xml/l";
        let (status, mut system) = run(XML_CORE, &format!("{add} && {add} && ! {other} 2> /dev/null"));
        assert_eq!(status, 0);
        let kept = text(&mut system, "/var/lib/xml-core/_etc_xml_l");
        assert_eq!(kept.as_deref(), Some("<uri name=\"http://c\"><uri=\"/usr/share/xml/a/catalog.xml\">\n"));
        let gone = format!("{add} && update-xmlcatalog --del --type uri --id http://c --local /etc/xml/l");
        let (status, mut system) = run(XML_CORE, &gone);
        assert_eq!((status, text(&mut system, "/var/lib/xml-core/_etc_xml_l")), (0, None));
        assert_eq!(text(&mut system, "/etc/xml/l"), None);
        let (status, _) = run(XML_CORE, "update-xmlcatalog --add --type uri --id x --package p --root");
        assert_eq!(status, 1);
    }

    #[test]
    fn sgml_catalogs_are_added_to_and_gathered() {
        let files = [
            ("usr/share/sgml-base/catalog.centralized", "-- CATALOG --\n"),
            ("usr/share/sgml/a.cat", "PUBLIC \"x\" \"y\"\n"),
            ("etc/sgml/dead.cat", "-- a -- BASE '/nowhere' CATALOG gone.cat\n"),
        ];
        let script = "update-catalog --add /etc/sgml/a.cat /usr/share/sgml/a.cat\n\
                      update-catalog --quiet --add /etc/sgml/a.cat /usr/share/sgml/a.cat\n\
                      update-catalog --quiet --update-super; update-catalog --update-super";
        let (status, mut system) = run(&files, script);
        assert_eq!(status, 0);
        let wanted = "-- /etc/sgml/a.cat --\nCATALOG /usr/share/sgml/a.cat\n";
        assert_eq!(text(&mut system, "/etc/sgml/a.cat").as_deref(), Some(wanted));
        let all = text(&mut system, "/var/lib/sgml-base/supercatalog").expect("written");
        assert!(all.ends_with("--\nCATALOG /etc/sgml/a.cat\n"), "{all}");
        assert!(text(&mut system, "/var/lib/sgml-base/supercatalog.old").is_some());
    }
}
