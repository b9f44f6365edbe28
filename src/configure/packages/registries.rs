//! Small registries that packages enter themselves into: binfmt-support's formats of programs, libxml-sax-perl's
//! parsers, vim's help texts, update-inetd's services. update-binfmts(8), update-perl-sax-parsers(8), helpztags(1),
//! update-inetd(8).

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("helpztags", help_tags),
    ("update-binfmts", binary_formats),
    ("update-inetd", inetd),
    ("update-perl-sax-parsers", sax_parsers),
];

fn arguments(call: &Call<'_, '_>) -> Fault {
    Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))
}

// --- binfmt-support ---------------------------------------------------------------------------------------------

const FORMATS: &str = "/usr/share/binfmts";

/// `update-binfmts --import [NAME]`: each node's kernel is told of what is noted here when it starts.
fn binary_formats(call: &mut Call<'_, '_>) -> Done {
    let names = match call.args {
        [import] if import == b"--import" => {
            let tree = call.tree();
            let place = tree.lookup(FORMATS).map(|(place, _)| place);
            place.map_or_else(Vec::new, |place| tree.children(&place).map(|(path, _)| show(path.name())).collect())
        }
        [import, name] if import == b"--import" => vec![show(name)],
        _ => return Err(arguments(call)),
    };
    for name in names {
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
        call.tree().make_directories("/var/lib/binfmts", 0o755)?;
        let entry = format!("{package}\n{kind}\n{offset}\n{what}\n{mask}\n{interpreter}\n{detector}\n\n\n\n");
        call.write(format!("/var/lib/binfmts/{name}").as_bytes(), 0o666, entry.into_bytes())?;
    }
    Ok(0)
}

// --- libxml-sax-perl --------------------------------------------------------------------------------------------

/// What Debian's parsers can do, as they say themselves when they are loaded.
const PARSERS: &[(&str, &[&str])] = &[
    ("XML::LibXML::SAX", &["namespaces"]),
    ("XML::LibXML::SAX::Parser", &["namespaces"]),
    ("XML::SAX::Expat", &["external-general-entities", "external-parameter-entities", "namespaces"]),
    ("XML::SAX::PurePerl", &["namespaces"]),
];
const PARSERS_DIRECTORY: &str = "/var/lib/libxml-sax-perl/ParserDetails.d";

/// `update-perl-sax-parsers [--quiet] --add|--remove PARSER [--priority N]` and `--update`.
fn sax_parsers(call: &mut Call<'_, '_>) -> Done {
    let long = [("add", b'a'), ("remove", b'r'), ("update", b'u'), ("priority", b'p'), ("quiet", b'q')];
    let given = call.options("a:r:up:q", &long)?;
    let priority = given.value(b'p').map_or_else(|| "50".to_owned(), show);
    let path = |parser: &str| match priority.as_str() {
        "0" => format!("{PARSERS_DIRECTORY}/{parser}"),
        priority => format!("{PARSERS_DIRECTORY}/{priority}-{parser}"),
    };
    match (given.value(b'a').map(show), given.value(b'r').map(show), given.has(b'u')) {
        (Some(parser), None, false) => {
            let known = PARSERS.iter().find(|(name, _)| *name == parser);
            let (_, features) = known.ok_or_else(|| Fault::gap(format!("what the parser `{parser}` can do")))?;
            let lines: String =
                features.iter().map(|name| format!("http://xml.org/sax/features/{name} = 1\n")).collect();
            call.tree().make_directories(PARSERS_DIRECTORY, 0o755)?;
            call.write(path(&parser).as_bytes(), 0o666, format!("[{parser}]\n{lines}\n\n").into_bytes())?;
            Ok(0)
        }
        (None, Some(parser), false) => call.run(&[b"rm".to_vec(), b"-f".to_vec(), path(&parser).into_bytes()]),
        (None, None, true) => {
            let tree = call.tree();
            let place = tree.lookup(PARSERS_DIRECTORY).map(|(place, _)| place);
            let place = place.ok_or_else(|| Fault::failed(format!("Cannot access {PARSERS_DIRECTORY}")))?;
            let files: Vec<Vec<u8>> = tree.children(&place).map(|(path, _)| path.to_string().into_bytes()).collect();
            let text = call.read_all(&files)?;
            let made = format!("/tmp/sax-{:06}", call.shell.system.fresh_number()).into_bytes();
            call.write(&made, 0o666, text)?;
            let words = ["ucf", "--debconf-ok", "--sum-file", "/var/lib/libxml-sax-perl/ParserDetails.ini.md5sum"];
            let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            words.extend([made.clone(), b"/etc/perl/XML/SAX/ParserDetails.ini".to_vec()]);
            call.run(&words)?;
            call.run(&[b"rm".to_vec(), b"-f".to_vec(), made])
        }
        _ => Err(arguments(call)),
    }
}

// --- vim --------------------------------------------------------------------------------------------------------

/// `helpztags DIRECTORY…`: where in the help texts each `*tag*` stands.
fn help_tags(call: &mut Call<'_, '_>) -> Done {
    if call.args.is_empty() {
        return Err(Fault::failed("Error: no directories given. Check manpage for details."));
    }
    for directory in call.args {
        let Some((place, _)) = call.tree().lookup(directory) else { continue };
        call.out([b"Processing ", directory.as_slice(), b"\n"].concat())?;
        let names: Vec<String> = call.tree().children(&place).map(|(path, _)| show(path.name())).collect();
        let mut lists: BTreeMap<String, BTreeMap<Vec<u8>, String>> = BTreeMap::new();
        for name in names {
            let Some(suffix) = help_suffix(&name) else { continue };
            let mut text = call.read(&[directory, &b"/"[..], name.as_bytes()].concat())?;
            if name.ends_with(".gz") {
                let most = call.shell.system.bounds.bytes as u64;
                let mut whole = Vec::new();
                let read = flate2::read::MultiGzDecoder::new(text.as_slice()).take(most + 1).read_to_end(&mut whole);
                if read.is_err() || whole.len() as u64 > most {
                    return Err(Fault::gap(format!("cannot read {name}")));
                }
                text = whole;
            }
            call.shell.system.budget.read(text.len())?;
            for line in text.split(|&byte| byte == b'\n') {
                for word in line.split(|byte| byte.is_ascii_whitespace()) {
                    let tag = word.strip_prefix(b"*").and_then(|word| word.strip_suffix(b"*"));
                    if let Some(tag) = tag.filter(|tag| !tag.is_empty() && !tag.iter().any(|byte| b"*|".contains(byte)))
                    {
                        lists.entry(format!("tags{suffix}")).or_default().insert(tag.to_vec(), name.clone());
                    }
                }
            }
        }
        for (list, tags) in lists {
            let mut text = Vec::new();
            for (tag, name) in tags {
                let escaped = show(&tag).replace('\\', "\\\\").replace('/', "\\/");
                text.extend([&tag[..], b"\t", name.as_bytes(), b"\t/*", escaped.as_bytes(), b"*\n"].concat());
            }
            call.write(&[directory, &b"/"[..], list.as_bytes()].concat(), 0o666, text)?;
        }
    }
    Ok(0)
}

/// What the list of a help file is called by behind `tags`: nothing, or its language; `None` when it is no help file.
fn help_suffix(name: &str) -> Option<String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let (stem, ending) = name.strip_suffix(".gz").unwrap_or(name).rsplit_once('.')?;
    let language =
        ending.strip_suffix('x').filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()));
    match (plain && !stem.is_empty(), ending, language) {
        (true, "txt", _) => Some(String::new()),
        (true, _, Some(code)) => Some(format!("-{code}")),
        _ => None,
    }
}

// --- update-inetd -----------------------------------------------------------------------------------------------

const INETD: &[u8] = b"/etc/inetd.conf";
/// What an entry that packages have switched off begins with.
const OFF: &str = "#<off># ";

/// `update-inetd [--group G] --add ENTRY`, `--enable|--disable SERVICE[,…]`
fn inetd(call: &mut Call<'_, '_>) -> Done {
    let long =
        [("add", b'a'), ("enable", b'e'), ("disable", b'd'), ("group", b'g'), ("multi", b'm'), ("verbose", b'v')];
    let given = call.options("a:e:d:g:mv", &long)?;
    if !given.operands.is_empty() || given.all.iter().filter(|(letter, _)| b"aed".contains(letter)).count() != 1 {
        return Err(arguments(call));
    }
    if call.look(INETD, true).is_none() {
        call.err("cannot change a service, /etc/inetd.conf does not exist")?;
        return Ok(0);
    }
    let text = show(&call.read(INETD)?);
    let lines: Vec<&str> = text.lines().collect();
    let is = |line: &str, start: &str, service: &str| {
        let rest = line.strip_prefix(start).and_then(|rest| rest.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
    };
    let switched = |on: bool, service: &str| -> Vec<String> {
        let turn = |line: &&str| match on {
            true if is(line, OFF, service) => line[OFF.len()..].to_owned(),
            false if is(line, "", service) => format!("{OFF}{line}"),
            _ => (*line).to_owned(),
        };
        lines.iter().map(turn).collect()
    };
    let new: Vec<String> = if let Some(entry) = given.value(b'a') {
        let entry = show(entry).replace("\\t", "\t");
        let service = entry.split_whitespace().next().unwrap_or_default();
        if entry.starts_with('#') || service.is_empty() || service.len() == entry.len() {
            return Err(arguments(call));
        }
        if lines.iter().any(|line| is(line, OFF, service)) {
            switched(true, service)
        } else if let Some(line) = lines.iter().find(|line| is(line, "", service)) {
            if line.split_whitespace().ne(entry.split_whitespace()) {
                return Err(Fault::gap(format!("another entry for `{service}`")));
            }
            return Ok(0);
        } else if lines.iter().any(|line| line.strip_prefix('#').is_some_and(|line| is(line.trim_start(), "", service)))
        {
            // The administrator has switched it off.
            return Ok(0);
        } else {
            let group = format!("#:{}:", given.value(b'g').map_or_else(|| "OTHER".into(), show).to_uppercase());
            let start = lines.iter().position(|line| line.starts_with(&group));
            let blank = |line: &&str| !line.contains(|letter: char| letter.is_ascii_alphabetic() || letter == '#');
            let place = start.and_then(|start| Some(start + lines[start..].iter().position(blank)?));
            let mut new: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            new.insert(place.unwrap_or(new.len()), entry);
            new
        }
    } else {
        let on = given.has(b'e');
        let services = show(given.value(b'e').or_else(|| given.value(b'd')).unwrap_or_default());
        let [service] = services.split(',').collect::<Vec<_>>()[..] else { return Err(arguments(call)) };
        if !on && !given.has(b'm') && lines.iter().filter(|line| is(line, "", service)).count() > 1 {
            return Err(Fault::gap(format!("several entries for `{service}`")));
        }
        switched(on, service)
    };
    let new: String = new.iter().map(|line| format!("{line}\n")).collect();
    if new != text {
        call.write(INETD, 0o644, new.into_bytes())?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    fn after(files: &[(&str, &str)], script: &str, path: &str) -> String {
        let mut tree = Tree::new();
        tree.make_directories("tmp", 0o1777).expect("new");
        for (path, text) in files {
            tree.write(path, 0o644, *text).expect("new");
        }
        let mut world = machine(tree, "amd64", 0);
        let outcome = Shell::new(&mut world, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0, "{script}");
        assert_eq!(world.gaps, [], "{script}");
        let bytes = world.tree().read(path).expect("memory").unwrap_or_default();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn formats_are_noted() {
        let python = "package python3.13\ninterpreter /usr/bin/python3.13\nmagic \\xf3\\x0d\\x0d\\x0a\n";
        let noted =
            after(&[("usr/share/binfmts/python3.13", python)], "update-binfmts --import", "var/lib/binfmts/python3.13");
        assert_eq!(noted, "python3.13\nmagic\n0\n\\xf3\\x0d\\x0d\\x0a\n\n/usr/bin/python3.13\n\n\n\n\n");
    }

    #[test]
    fn parsers_are_noted() {
        let script = "update-perl-sax-parsers --add XML::SAX::PurePerl --priority 10";
        let noted = after(&[], script, "var/lib/libxml-sax-perl/ParserDetails.d/10-XML::SAX::PurePerl");
        assert_eq!(noted, "[XML::SAX::PurePerl]\nhttp://xml.org/sax/features/namespaces = 1\n\n\n");
    }

    #[test]
    fn tags_are_found() {
        let files = [("d/a.txt", "*one* x *t/w*\n\t*three*x *a|b*\n"), ("d/b.dex", "*eins*"), ("d/c.md", "*no*")];
        assert_eq!(after(&files, "helpztags /d", "d/tags"), "one\ta.txt\t/*one*\nt/w\ta.txt\t/*t\\/w*\n");
        assert_eq!(after(&files, "helpztags /d", "d/tags-de"), "eins\tb.dex\t/*eins*\n");
    }

    #[test]
    fn services_are_entered_and_switched() {
        let start =
            [("etc/inetd.conf", "#:BOOT: x\n#  y\n\n#:OTHER: z\n\n#<off># a\tstream tcp\n# b stream\nc stream tcp\n")];
        let script = "update-inetd --group boot --add 'tftp\\t\\tdgram udp'; update-inetd --add 'a stream tcp'; \
                      update-inetd --add 'b stream'; update-inetd --add 'c stream tcp'; update-inetd --disable c; \
                      update-inetd --add 'd stream'";
        let wanted = "#:BOOT: x\n#  y\ntftp\t\tdgram udp\n\n#:OTHER: z\nd stream\n\na\tstream tcp\n# b stream\n\
                      #<off># c stream tcp\n";
        assert_eq!(after(&start, script, "etc/inetd.conf"), wanted);
    }
}
