//! dpkg's programs, as scripts call them: questions about packages and versions, diversions, statoverrides,
//! triggers. dpkg(1), dpkg-query(1), dpkg-divert(1), dpkg-statoverride(1), dpkg-trigger(1),
//! dpkg-maintscript-helper(1). The database is the tree's own `/var/lib/dpkg`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::deb::Stanza;
use crate::deb::Version;
use crate::deb::kept;
use crate::format::glob::Pattern;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("dpkg", dpkg),
    ("dpkg-divert", divert),
    ("dpkg-maintscript-helper", maintscript_helper),
    ("dpkg-query", dpkg_query),
    ("dpkg-statoverride", statoverride),
    ("dpkg-trigger", trigger),
];

const STATUS: &[u8] = b"/var/lib/dpkg/status";
const DIVERSIONS: &[u8] = b"/var/lib/dpkg/diversions";
const STATOVERRIDE: &[u8] = b"/var/lib/dpkg/statoverride";

fn words<'a>(call: &Call<'a, '_>) -> Vec<&'a [u8]> {
    call.args.iter().map(Vec::as_slice).collect()
}

fn not_known(args: &[&[u8]]) -> Done {
    Err(Fault::gap(format!("the arguments `{}`", show(&args.join(&b' ')))))
}

fn dpkg(call: &mut Call<'_, '_>) -> Done {
    match words(call).as_slice() {
        [b"--compare-versions", a, operator, b] | [b"--compare-versions", b"--", a, operator, b] => {
            compare_versions(a, operator, b)
        }
        [b"--print-architecture"] => {
            let line = format!("{}\n", call.shell.system.architecture);
            call.out(line).map(|()| 0)
        }
        // An image has one architecture.
        [b"--print-foreign-architectures"] => Ok(0),
        [feature] if feature.starts_with(b"--assert-") => Ok(0),
        [b"--validate-version", version] => Ok(i32::from(parse(version).is_none())),
        [b"-s" | b"--status", packages @ ..] => status(call, packages),
        [b"-L" | b"--listfiles", packages @ ..] => list_files(call, packages),
        [b"-l" | b"--list", packages @ ..] => list(call, packages),
        [b"-S" | b"--search", patterns @ ..] => search(call, patterns),
        args => not_known(args),
    }
}

fn parse(version: &[u8]) -> Option<Version> {
    std::str::from_utf8(version).ok()?.trim().parse().ok()
}

/// The status is the answer. With `lt`, `le` … an empty version is earlier than any; with `lt-nl` … later.
fn compare_versions(a: &[u8], operator: &[u8], b: &[u8]) -> Done {
    let (relation, empty_is_later) = match operator.strip_suffix(b"-nl") {
        Some(relation) => (relation, true),
        None => (operator, false),
    };
    let side = |text: &[u8]| match text {
        b"" | b"<unknown>" => Ok(None),
        _ => parse(text)
            .map(Some)
            .ok_or_else(|| Fault::Failed(2, format!("error: version '{}' has bad syntax", show(text)))),
    };
    let order = match (side(a)?, side(b)?) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => std::cmp::Ordering::Equal,
        (None, Some(_)) if empty_is_later => std::cmp::Ordering::Greater,
        (Some(_), None) if !empty_is_later => std::cmp::Ordering::Greater,
        _ => std::cmp::Ordering::Less,
    };
    let holds = match relation {
        b"lt" | b"<<" => order.is_lt(),
        b"le" | b"<=" | b"<" => order.is_le(),
        b"eq" | b"=" => order.is_eq(),
        b"ne" => order.is_ne(),
        b"ge" | b">=" | b">" => order.is_ge(),
        b"gt" | b">>" => order.is_gt(),
        _ => return Err(Fault::gap(format!("the relation `{}`", show(operator)))),
    };
    Ok(i32::from(!holds))
}

/// The packages of the status file by name (with or without architecture) or glob; each with its stanza.
fn installed(call: &mut Call<'_, '_>) -> Result<String, Fault> {
    let text = call.read(STATUS)?;
    String::from_utf8(text).map_err(|_| Fault::Failed(2, "error: the status file is not UTF-8".into()))
}

fn find<'a>(status: &'a str, pattern: &[u8]) -> Result<Vec<Stanza<'a>>, Fault> {
    let (name, architecture) = match memchr::memchr(b':', pattern) {
        Some(colon) => (&pattern[..colon], Some(&pattern[colon + 1..])),
        None => (pattern, None),
    };
    let (name, architecture) = (Pattern::plain(name), architecture.map(Pattern::plain));
    let mut found = Vec::new();
    for stanza in kept(status.as_bytes()) {
        let stanza = stanza.map_err(|error| Fault::Failed(2, format!("error: the status file: {error}")))?;
        let same = |field, wanted: &Pattern| stanza.get(field).is_some_and(|value| wanted.fits(value.as_bytes()));
        let any = pattern.ends_with(b":any");
        let fits = architecture.as_ref().is_none_or(|wanted| any || same("Architecture", wanted));
        if same("Package", &name) && fits {
            found.push(stanza);
        }
    }
    Ok(found)
}

fn status(call: &mut Call<'_, '_>, packages: &[&[u8]]) -> Done {
    let text = installed(call)?;
    let mut code = 0;
    for package in packages {
        let found = find(&text, package)?;
        if found.is_empty() {
            call.err(&format!("package '{}' is not installed and no information is available", show(package)))?;
            code = 1;
        }
        for stanza in found {
            let fields: String =
                stanza.fields().iter().map(|field| format!("{}: {}\n", field.name, field.value)).collect();
            call.out(format!("{fields}\n"))?;
        }
    }
    Ok(code)
}

fn info_file(stanza: &Stanza<'_>, suffix: &str) -> String {
    let name = stanza.get("Package").unwrap_or_default();
    match (stanza.get("Multi-Arch"), stanza.get("Architecture")) {
        (Some("same"), Some(architecture)) => format!("/var/lib/dpkg/info/{name}:{architecture}.{suffix}"),
        _ => format!("/var/lib/dpkg/info/{name}.{suffix}"),
    }
}

fn list_files(call: &mut Call<'_, '_>, packages: &[&[u8]]) -> Done {
    let text = installed(call)?;
    let mut code = 0;
    for package in packages {
        match find(&text, package)?.first() {
            Some(stanza) => {
                let files = call.read(info_file(stanza, "list").as_bytes())?;
                call.out(files)?;
            }
            None => {
                call.err(&format!("package '{}' is not installed", show(package)))?;
                code = 1;
            }
        }
    }
    Ok(code)
}

/// `dpkg -l NAME`: only the status is looked at by scripts, and the lines that begin with `ii`.
fn list(call: &mut Call<'_, '_>, packages: &[&[u8]]) -> Done {
    let text = installed(call)?;
    let mut code = 0;
    for package in packages {
        let found = find(&text, package)?;
        if found.is_empty() {
            call.err(&format!("no packages found matching {}", show(package)))?;
            code = 1;
        }
        for stanza in found {
            let field = |name| stanza.get(name).unwrap_or_default();
            let state = abbreviation(field("Status"));
            let line = format!("{state} {} {} {}\n", field("Package"), field("Version"), field("Architecture"));
            call.out(line)?;
        }
    }
    Ok(code)
}

/// `ii ` and the like, as `db:Status-Abbrev` has it.
fn abbreviation(status: &str) -> &'static str {
    match status {
        "install ok installed" => "ii ",
        "install ok half-configured" => "iF ",
        "install ok triggers-awaited" => "iW ",
        "install ok triggers-pending" => "it ",
        _ => "iU ",
    }
}

/// dpkg-query(1), `--search`: a pattern without wildcards and without a slash in front is looked for anywhere in a
/// path. A line names all packages that have the path.
fn search(call: &mut Call<'_, '_>, patterns: &[&[u8]]) -> Done {
    let text = installed(call)?;
    let budget = call.shell.system.budget.clone();
    // Where the budget is spent nothing matches, and the next charge says so.
    let fits = |pattern: &Pattern, path: &[u8]| pattern.matches(path, &budget) == Ok(true);
    let mut code = 0;
    for pattern in patterns {
        let trimmed = if pattern.len() > 1 { pattern.strip_suffix(b"/").unwrap_or(pattern) } else { pattern };
        let wild = trimmed.iter().any(|byte| b"*[?\\".contains(byte));
        let whole = if wild || trimmed.starts_with(b"/") { trimmed.to_vec() } else { [b"*", trimmed, b"*"].concat() };
        let whole = Pattern::plain(&whole);
        if !diversions(call)?.is_empty() && diversions(call)?.iter().any(|one| fits(&whole, &one.from)) {
            return Err(Fault::gap("--search of a path that is diverted"));
        }
        let mut owners: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
        for stanza in kept(text.as_bytes()).flatten() {
            let files = call.read(info_file(&stanza, "list").as_bytes())?;
            call.shell.system.budget.made(files.len())?;
            let name = stanza.get("Package").unwrap_or_default();
            let name = match (stanza.get("Multi-Arch"), stanza.get("Architecture")) {
                (Some("same"), Some(architecture)) => format!("{name}:{architecture}"),
                _ => name.to_owned(),
            };
            for file in files.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && fits(&whole, line)) {
                owners.entry(file.to_vec()).or_default().push(name.clone());
            }
        }
        if owners.is_empty() {
            call.err(&format!("no path found matching pattern {}", show(pattern)))?;
            code = 1;
        }
        for (file, names) in owners {
            call.out([names.join(", ").as_bytes(), b": ", &file, b"\n"].concat())?;
        }
    }
    Ok(code)
}

fn dpkg_query(call: &mut Call<'_, '_>) -> Done {
    let args = words(call);
    match args.as_slice() {
        [b"-s" | b"--status", packages @ ..] => return status(call, packages),
        [b"-L" | b"--listfiles", packages @ ..] => return list_files(call, packages),
        [b"-l" | b"--list", packages @ ..] => return list(call, packages),
        [b"-S" | b"--search", patterns @ ..] => return search(call, patterns),
        [b"-c" | b"--control-path", package, file] => {
            let text = installed(call)?;
            let Some(stanza) = find(&text, package)?.into_iter().next() else { return Ok(1) };
            let path = info_file(&stanza, &show(file));
            if call.look(path.as_bytes(), true).is_some() {
                call.out(format!("{path}\n"))?;
            }
            return Ok(0);
        }
        _ => {}
    }
    let given = call.options("Wf:", &[("show", b'W'), ("showformat", b'f')])?;
    if !given.has(b'W') {
        return not_known(&args);
    }
    let format = given.value(b'f').unwrap_or(b"${binary:Package}\t${Version}\n").to_vec();
    let text = installed(call)?;
    let mut code = 0;
    let all = vec![b"*".to_vec()];
    for pattern in if given.operands.is_empty() { &all } else { &given.operands } {
        let found = find(&text, pattern)?;
        if found.is_empty() {
            call.err(&format!("no packages found matching {}", show(pattern)))?;
            code = 1;
        }
        for stanza in found {
            let line = formatted(&format, &stanza)?;
            call.out(line)?;
        }
    }
    Ok(code)
}

/// `${Field}` and the escapes `\n`, `\t`, `\\` of a `--showformat`.
fn formatted(format: &[u8], stanza: &Stanza<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [letter, more @ ..]) => {
                out.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = more;
            }
            (b'$', [b'{', more @ ..]) => {
                let end = memchr::memchr(b'}', more).ok_or_else(|| Fault::gap("an open `${` in the format"))?;
                let name = show(&more[..end]);
                if name.contains(';') {
                    return Err(Fault::gap(format!("the padded field `{name}`")));
                }
                out.extend(field(&name, stanza)?.into_bytes());
                rest = &more[end + 1..];
            }
            _ => out.push(byte),
        }
    }
    Ok(out)
}

fn field(name: &str, stanza: &Stanza<'_>) -> Result<String, Fault> {
    let get = |name| stanza.get(name).unwrap_or_default();
    let status: Vec<&str> = get("Status").split(' ').collect();
    Ok(match name {
        "binary:Package" if get("Multi-Arch") == "same" => format!("{}:{}", get("Package"), get("Architecture")),
        "binary:Package" => get("Package").to_owned(),
        "source:Package" => {
            get("Source").split(' ').next().filter(|name| !name.is_empty()).unwrap_or(get("Package")).to_owned()
        }
        "db:Status-Abbrev" => abbreviation(get("Status")).to_owned(),
        "db:Status-Status" => status.get(2).copied().unwrap_or_default().to_owned(),
        "db:Status-Want" => status.first().copied().unwrap_or_default().to_owned(),
        "db:Status-Eflag" => status.get(1).copied().unwrap_or_default().to_owned(),
        name if name.contains(':') => return Err(Fault::gap(format!("the field `{name}`"))),
        name => get(name).to_owned(),
    })
}

/// Nothing of dpkg's is left behind an upgrade in a first installation: every action of the helper waits for a
/// version to upgrade from, which is the last argument of `preinst` and `postinst` then.
fn maintscript_helper(call: &mut Call<'_, '_>) -> Done {
    let args = words(call);
    match args.as_slice() {
        [b"supports", _] => Ok(0),
        [b"rm_conffile" | b"mv_conffile" | b"symlink_to_dir" | b"dir_to_symlink", rest @ ..] => {
            let end = rest.iter().position(|word| *word == b"--");
            let script = end.map(|end| &rest[end + 1..]);
            match script {
                Some([b"install"] | [b"configure"] | [b"install" | b"configure", b""] | [b"triggered", ..]) => Ok(0),
                _ => not_known(&args),
            }
        }
        _ => not_known(&args),
    }
}

/// Triggers that scripts activated by name.
#[derive(Debug, Clone, Default)]
pub(in crate::configure) struct Activated(pub(in crate::configure) BTreeSet<Vec<u8>>);

/// `dpkg-trigger NAME`: the script of the package that is interested runs at the end.
fn trigger(call: &mut Call<'_, '_>) -> Done {
    let mut names = Vec::new();
    for word in words(call) {
        match word {
            b"--check-supported" => return Ok(0),
            b"--no-await" | b"--await" => {}
            word if word.starts_with(b"--by-package=") => {}
            word if word.starts_with(b"-") => return not_known(&[word]),
            word => names.push(word.to_vec()),
        }
    }
    call.shell.system.kept::<Activated>().0.extend(names);
    Ok(0)
}

/// One diversion: three lines of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Diversion {
    from: Vec<u8>,
    to: Vec<u8>,
    /// The package, or `:` for a local one.
    by: Vec<u8>,
}

fn diversions(call: &mut Call<'_, '_>) -> Result<Vec<Diversion>, Fault> {
    if call.look(DIVERSIONS, true).is_none() {
        return Ok(Vec::new());
    }
    let text = call.read(DIVERSIONS)?;
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    let diversion = |three: &[&[u8]]| match three {
        [from, to, by] => Ok(Diversion { from: from.to_vec(), to: to.to_vec(), by: by.to_vec() }),
        _ => Err(Fault::Failed(2, "error: the diversions database is cut".into())),
    };
    lines.chunks(3).map(diversion).collect()
}

fn write_diversions(call: &mut Call<'_, '_>, all: &[Diversion]) -> Result<(), Fault> {
    let lines: Vec<u8> =
        all.iter().flat_map(|one| [&one.from, &b"\n"[..], &one.to, b"\n", &one.by, b"\n"].concat()).collect();
    call.write(DIVERSIONS, 0o644, lines)
}

fn divert(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("package", b'p'),
        ("local", b'l'),
        ("divert", b'd'),
        ("rename", b'r'),
        ("no-rename", b'n'),
        ("add", b'a'),
        ("remove", b'R'),
        ("list", b'L'),
        ("truename", b't'),
        ("listpackage", b'P'),
        ("quiet", b'q'),
    ];
    let given = call.options("p:ld:rnaRLtPq", &long)?;
    let mut all = diversions(call)?;
    let file = given.operands.first().cloned();
    match (given.last_of(b"aRLtP").unwrap_or(b'a'), file) {
        (b'L', pattern) => {
            let pattern = Pattern::plain(&pattern.unwrap_or_else(|| b"*".to_vec()));
            let budget = call.shell.system.budget.clone();
            let fits = |path: &&Vec<u8>| pattern.matches(path, &budget) == Ok(true);
            for one in all.iter().filter(|one| [&one.from, &one.to].iter().any(fits)) {
                let by =
                    if one.by == b":" { "local diversion".into() } else { format!("diversion by {}", show(&one.by)) };
                call.out(format!("{by} of {} to {}\n", show(&one.from), show(&one.to)))?;
            }
            Ok(0)
        }
        (b't', Some(file)) => {
            let to = all.iter().find(|one| one.from == file).map_or(file, |one| one.to.clone());
            call.out([to.as_slice(), b"\n"].concat()).map(|()| 0)
        }
        (b'P', Some(file)) => {
            if let Some(one) = all.iter().find(|one| one.from == file) {
                let by = if one.by == b":" { b"LOCAL" } else { one.by.as_slice() };
                call.out([by, b"\n"].concat())?;
            }
            Ok(0)
        }
        (b'a', Some(from)) => {
            let to = given.value(b'd').map_or_else(|| [from.as_slice(), b".distrib"].concat(), <[u8]>::to_vec);
            let by = if given.has(b'l') { None } else { given.value(b'p').map(<[u8]>::to_vec) };
            let by = by.or_else(|| {
                (!given.has(b'l'))
                    .then(|| call.shell.variable(b"DPKG_MAINTSCRIPT_PACKAGE").map(<[u8]>::to_vec))
                    .flatten()
            });
            let new = Diversion { from, to, by: by.unwrap_or_else(|| b":".to_vec()) };
            if all.contains(&new) {
                return Ok(0);
            }
            if all.iter().any(|one| one.from == new.from || one.to == new.to) {
                return Err(Fault::Failed(2, format!("error: '{}' clashes with another diversion", show(&new.from))));
            }
            if given.has(b'r') && !owns(call, &new.by, &new.from)? {
                rename(call, &new.from, &new.to)?;
            }
            all.push(new);
            write_diversions(call, &all).map(|()| 0)
        }
        (b'R', Some(from)) => {
            let Some(at) = all.iter().position(|one| one.from == from) else { return Ok(0) };
            let old = all.remove(at);
            if given.has(b'r') {
                rename(call, &old.to, &old.from)?;
            }
            write_diversions(call, &all).map(|()| 0)
        }
        (_, None) => not_known(&words(call)),
        (_, Some(file)) => not_known(&[&file]),
    }
}

/// Whether a package brings a file itself: then its diversion is of the others' files, and its own stays in place.
fn owns(call: &mut Call<'_, '_>, package: &[u8], path: &[u8]) -> Result<bool, Fault> {
    let text = installed(call)?;
    for stanza in find(&text, package)? {
        let list = info_file(&stanza, "list");
        if call.look(list.as_bytes(), true).is_some()
            && call.read(list.as_bytes())?.split(|&byte| byte == b'\n').any(|line| line == path)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves a file that is there; what is in the way stays, as with dpkg, where it is an error.
fn rename(call: &mut Call<'_, '_>, from: &[u8], to: &[u8]) -> Result<(), Fault> {
    let Ok(source) = call.resolve(from, false) else { return Ok(()) };
    if call.tree().get(&source).is_none() {
        return Ok(());
    }
    let target = call.resolve(to, false)?;
    if call.tree().get(&target).is_some() {
        let message = format!("error: rename involves overwriting '{}' with different file", show(to));
        return Err(Fault::Failed(2, message));
    }
    Ok(call.tree().rename(&source, &target)?)
}

/// `dpkg-statoverride`: owner and mode that unpacking keeps.
fn statoverride(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("add", b'a'),
        ("remove", b'r'),
        ("list", b'l'),
        ("update", b'u'),
        ("quiet", b'q'),
        ("force", b'f'),
        ("force-all", b'f'),
        ("force-statoverride-add", b'f'),
        ("force-statoverride-remove", b'f'),
    ];
    let given = call.options("arluqf", &long)?;
    let text = if call.look(STATOVERRIDE, true).is_some() { call.read(STATOVERRIDE)? } else { Vec::new() };
    let mut lines: Vec<Vec<u8>> =
        text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    let path_of = |line: &[u8]| line.splitn(4, |&byte| byte == b' ').nth(3).unwrap_or_default().to_vec();
    match (given.last_of(b"arl"), given.operands.as_slice()) {
        (Some(b'l'), paths) => {
            let pattern = Pattern::plain(paths.first().map_or(b"*", Vec::as_slice));
            let budget = &call.shell.system.budget;
            lines.retain(|line| pattern.matches(&path_of(line), budget) == Ok(true));
            for line in &lines {
                call.out([line.as_slice(), b"\n"].concat())?;
            }
            Ok(i32::from(lines.is_empty()))
        }
        (Some(b'r'), [path]) => {
            let before = lines.len();
            lines.retain(|line| path_of(line) != *path);
            if lines.len() == before {
                return if given.has(b'f') { Ok(0) } else { Ok(2) };
            }
            write_statoverride(call, &lines)
        }
        (Some(b'a'), [user, group, mode, path]) => {
            if lines.iter().any(|line| path_of(line) == *path) {
                if !given.has(b'f') {
                    let message = format!("error: an override for '{}' already exists; aborting", show(path));
                    return Err(Fault::Failed(3, message));
                }
                lines.retain(|line| path_of(line) != *path);
            }
            let octal = std::str::from_utf8(mode).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
            let octal = octal.ok_or_else(|| Fault::Failed(2, format!("error: invalid mode '{}'", show(mode))))?;
            lines.push([user, &b" "[..], group, b" ", format!("{octal:o}").as_bytes(), b" ", path].concat());
            write_statoverride(call, &lines)?;
            if given.has(b'u') && call.look(path, false).is_some() {
                let owner = [user.as_slice(), b":", group].concat();
                for command in
                    [vec![b"chown".to_vec(), owner, path.clone()], vec![b"chmod".to_vec(), mode.clone(), path.clone()]]
                {
                    if call.run(&command)? != 0 {
                        return Ok(2);
                    }
                }
            }
            Ok(0)
        }
        _ => not_known(&words(call)),
    }
}

fn write_statoverride(call: &mut Call<'_, '_>, lines: &[Vec<u8>]) -> Done {
    let text: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
    call.write(STATOVERRIDE, 0o644, text).map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_dpkg_says() {
        let holds = |a: &str, operator: &str, b: &str| {
            compare_versions(a.as_bytes(), operator.as_bytes(), b.as_bytes()).ok() == Some(0)
        };
        assert!(holds("1.0", "lt", "1.0-1") && holds("2", "ge", "2-0") && holds("1~rc", "<<", "1"));
        assert!(holds("", "lt", "1") && holds("", "gt-nl", "1") && holds("", "eq", "") && holds("1", "gt", ""));
        assert!(!holds("1", "lt", "1") && compare_versions(b"1", b"like", b"1").is_err());
        assert!(compare_versions(b"not a version", b"lt", b"1").is_err());
    }

    #[test]
    fn formats_are_filled() {
        let stanza =
            Stanza::parse(b"Package: libc6\nArchitecture: amd64\nMulti-Arch: same\nStatus: install ok unpacked\n");
        let stanza = stanza.expect("well formed");
        let text = formatted(b"${binary:Package}\\t${db:Status-Abbrev}${db:Status-Status}\\n", &stanza);
        assert_eq!(text.expect("known fields"), b"libc6:amd64\tiU unpacked\n");
        assert!(formatted(b"${Package;-20}", &stanza).is_err());
    }

    #[test]
    fn globs() {
        let status = "Package: linux-image-amd64\nArchitecture: amd64\n\nPackage: libc6\nArchitecture: amd64\n";
        let names = |pattern: &str| find(status, pattern.as_bytes()).expect("well formed").len();
        let cases = [("linux-*-amd64", 1), ("*", 2), ("lib?6", 1), ("l[i]b*:any", 1), ("libc6:i386", 0), ("lib", 0)];
        for (pattern, wanted) in cases {
            assert_eq!(names(pattern), wanted, "{pattern}");
        }
        // Stars do not multiply: each is gone back to once.
        let many = "*a".repeat(2_000) + "b";
        assert_eq!(names(&many), 0);
    }
}
