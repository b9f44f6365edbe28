//! dpkg's programs, as scripts call them: questions about packages and versions, diversions, statoverrides,
//! triggers. dpkg(1), dpkg-query(1), dpkg-divert(1), dpkg-statoverride(1), dpkg-trigger(1),
//! dpkg-maintscript-helper(1). The database is the tree's own `/var/lib/dpkg`.

pub(in crate::configure) mod database;
mod query;
mod selection;

use std::collections::BTreeSet;

use crate::deb::Version;
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
    ("dpkg-query", query::query),
    ("dpkg-statoverride", statoverride),
    ("dpkg-trigger", trigger),
];

const ARCHITECTURES: &[u8] = b"/var/lib/dpkg/arch";
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
        // dpkg's list has its own architecture first, where it has any (dpkg(1), `--add-architecture`).
        [b"--print-foreign-architectures"] => {
            let known = if call.look(ARCHITECTURES, true).is_some() { call.read(ARCHITECTURES)? } else { Vec::new() };
            let foreign: Vec<&[u8]> = known.split_inclusive(|&byte| byte == b'\n').skip(1).collect();
            call.out(foreign.concat()).map(|()| 0)
        }
        [feature] if feature.starts_with(b"--assert-") => Ok(0),
        [b"--validate-version", version] => Ok(i32::from(parse(version).is_none())),
        args if args.iter().any(|word| query::is_action(word)) => {
            query::query(&mut Call { shell: &mut *call.shell, name: b"dpkg-query", args: call.args })
        }
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
            // What a package brings itself stays in place: the diversion is of the others' files.
            if given.has(b'r') && !query::brings(call, &new.by, &new.from)? {
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
}
