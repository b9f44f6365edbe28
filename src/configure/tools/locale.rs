//! Locales: which there are, and which is the system's. None is compiled here: C.UTF-8 is part of the C library, and
//! the package locales-all brings the others.

use std::collections::BTreeMap;

use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("iconv", iconv),
    ("locale", locale),
    ("localedef", localedef),
    ("update-locale", update_locale),
    ("validlocale", validlocale),
];

/// Where compiled locales lie, each a directory.
const COMPILED: &str = "usr/lib/locale";

/// What charsets are called of which a locale without one has none.
const ASCII: &str = "ANSI_X3.4-1968";

/// What `locale` says when the environment names a locale that is not there.
const REFUSAL: &str = "locale: Cannot set LC_CTYPE to default locale: No such file or directory\n\
                       locale: Cannot set LC_MESSAGES to default locale: No such file or directory\n\
                       locale: Cannot set LC_ALL to default locale: No such file or directory\n";

/// A locale's name as its directory has it: the charset without what is no letter or digit, in lower case.
fn normal(name: &str) -> String {
    let (language, rest) = name.split_once('.').unwrap_or((name, ""));
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, ""));
    let charset: String = charset.chars().filter(char::is_ascii_alphanumeric).collect();
    let dot = if charset.is_empty() { "" } else { "." };
    let at = if modifier.is_empty() { "" } else { "@" };
    format!("{language}{dot}{}{at}{modifier}", charset.to_ascii_lowercase())
}

/// Whether `setlocale` would take it.
fn is_available(call: &mut Call<'_, '_>, name: &str) -> bool {
    let normal = normal(name);
    matches!(name, "C" | "POSIX")
        || normal == "C.utf8"
        || !normal.contains('/')
            && call.look(format!("/{COMPILED}/{normal}").as_bytes(), true).is_some_and(|inode| inode.is_directory())
}

fn refuse_archive(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    match call.look(format!("/{COMPILED}/locale-archive").as_bytes(), true) {
        Some(_) => Err(Fault::gap("has to read the locale archive")),
        None => Ok(()),
    }
}

/// The locale's categories, as `locale` lists them.
const CATEGORIES: [&str; 12] = [
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
];

/// `locale`: the environment's settings; what follows from another variable is quoted.
fn settings(call: &Call<'_, '_>) -> String {
    let value = |name: &str| call.shell.variable(name.as_bytes()).map(show).unwrap_or_default();
    let (all, language) = (value("LC_ALL"), value("LANG"));
    let mut text = format!("LANG={language}\nLANGUAGE={}\n", value("LANGUAGE"));
    for name in CATEGORIES {
        let own = value(name);
        let implied =
            [all.as_str(), &language, "POSIX"].into_iter().find(|value| !value.is_empty()).unwrap_or_default();
        text += &match all.is_empty() && !own.is_empty() {
            true => format!("{name}={own}\n"),
            false => format!("{name}=\"{implied}\"\n"),
        };
    }
    text + &format!("LC_ALL={all}\n")
}

/// `iconv -f charset -t charset`: from UTF-8 to itself, or to ASCII what is ASCII.
fn iconv(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("f:t:c", &[("from-code", b'f'), ("to-code", b't')])?;
    let charset = |letter: u8| {
        let name = show(given.value(letter).unwrap_or_default()).to_ascii_uppercase();
        name.split("//").next().unwrap_or_default().to_owned()
    };
    // Without a name it is the locale's, and that is C.UTF-8 wherever packages are configured.
    let is_utf8 = |name: &str| matches!(name, "" | "UTF-8" | "UTF8");
    let (from, to) = (charset(b'f'), charset(b't'));
    let text = call.read_all(&given.operands)?;
    let same = is_utf8(&from) && (is_utf8(&to) && std::str::from_utf8(&text).is_ok() || to == ASCII && text.is_ascii());
    if !same {
        return Err(Fault::gap(format!("from `{from}` to `{to}`")));
    }
    call.out(text).map(|()| 0)
}

/// `locale`, `locale charmap`, `locale -a`
fn locale(call: &mut Call<'_, '_>) -> Done {
    refuse_archive(call)?;
    match call.args {
        [] => {
            let text = settings(call);
            call.out(text).map(|()| 0)
        }
        [what] if what == b"charmap" => {
            let set = |name: &&[u8]| call.shell.variable(name).filter(|value| !value.is_empty()).map(show);
            let name = [&b"LC_ALL"[..], b"LC_CTYPE", b"LANG"].iter().find_map(set).unwrap_or_else(|| "C".into());
            let charset = normal(&name).split_once('.').map(|(_, charset)| charset.to_owned());
            let charmap = match charset.as_deref() {
                _ if !is_available(call, &name) => {
                    call.shell.print_error(REFUSAL.as_bytes())?;
                    ASCII
                }
                Some("utf8") => "UTF-8",
                _ if matches!(name.as_str(), "C" | "POSIX") => ASCII,
                _ => return Err(Fault::gap(format!("the charset of the locale `{name}`"))),
            };
            call.out(format!("{charmap}\n")).map(|()| 0)
        }
        [what] if what == b"width" || what == b"height" => {
            let set = |name: &&[u8]| call.shell.variable(name).filter(|value| !value.is_empty()).map(show);
            let name = [&b"LC_ALL"[..], b"LC_PAPER", b"LANG"].iter().find_map(set).unwrap_or_else(|| "C".into());
            if !is_available(call, &name) {
                call.shell.print_error(REFUSAL.as_bytes())?;
            } else if !matches!(normal(&name).as_str(), "C" | "POSIX" | "C.utf8") {
                return Err(Fault::gap(format!("the paper of the locale `{name}`")));
            }
            // The paper of C is A4, in millimetres.
            call.out(if what == b"width" { "210\n" } else { "297\n" }).map(|()| 0)
        }
        [what] if what == b"-a" => {
            let mut names = vec!["C".to_owned(), "POSIX".to_owned()];
            if let Some((place, _)) = call.tree().lookup(COMPILED) {
                let children = call.tree().children(&place).filter(|(_, inode)| Inode::is_directory(inode));
                names.extend(children.map(|(path, _)| show(path.name())));
            }
            names.sort();
            call.out(names.join("\n") + "\n").map(|()| 0)
        }
        words => Err(Fault::gap(show(&words.join(&b' ')))),
    }
}

fn localedef(_: &mut Call<'_, '_>) -> Done {
    Err(Fault::gap("compiles a locale: use C.UTF-8, or install the package locales-all, which brings all of them"))
}

/// `update-locale [--reset] [--no-checks] [--locale-file=file] [name[=value]…]`
fn update_locale(call: &mut Call<'_, '_>) -> Done {
    let long = [("reset", b'r'), ("remove", b'd'), ("locale-file", b'f'), ("no-checks", b'n')];
    let given = call.options("f:", &long)?;
    let path = given.value(b'f').map_or_else(|| locale_file(call), |path| Ok(path.to_vec()))?;
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut lines: Vec<String> = Vec::new();
    match call.tree().read(&path)? {
        Some(text) => {
            for line in String::from_utf8_lossy(&text).lines() {
                let bare = line.trim_start();
                match bare.split_once('=').filter(|(name, _)| is_name(name)) {
                    Some((name, value)) => {
                        if bare.len() == line.len() && !given.has(b'r') {
                            values.insert(name.into(), value.into());
                        }
                        lines.push(format!("#{line}"));
                    }
                    None => lines.push(line.into()),
                }
            }
        }
        None => lines.push("#  File generated by update-locale".into()),
    }
    for word in &given.operands {
        let word = show(word);
        match word.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, value)) => drop(values.insert(name.into(), value.into())),
            None => drop(values.remove(&word)),
        }
    }
    for (name, value) in &values {
        let is_own = |line: &&mut String| {
            let rest = line.strip_prefix('#').map(str::trim_start).and_then(|rest| rest.strip_prefix(name.as_str()));
            rest.is_some_and(|rest| rest.starts_with('='))
        };
        match lines.iter_mut().find(is_own) {
            Some(line) => *line = format!("{name}={value}"),
            None => lines.push(format!("{name}={value}")),
        }
    }
    if !given.has(b'n') {
        refuse_archive(call)?;
        if !all_available(call, &values) {
            let settings: String = values.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            let said = format!("*** update-locale: Error: invalid locale settings: {settings}\n");
            call.shell.print_error(said.as_bytes())?;
            return Ok(255);
        }
        if let Some(warning) = misfit(&values) {
            call.out(warning)?;
            for line in lines.iter_mut().filter(|line| line.trim_start().starts_with("LANGUAGE=")) {
                line.insert(0, '#');
            }
        }
    }
    call.write(&path, 0o644, (lines.join("\n") + "\n").into_bytes())?;
    Ok(0)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The file that this release's program writes: releases differ, and the program says which.
fn locale_file(call: &mut Call<'_, '_>) -> Result<Vec<u8>, Fault> {
    let program = call.tree().read("usr/sbin/update-locale")?.unwrap_or_default();
    let known = ["/etc/locale.conf", "/etc/default/locale"];
    let named = known.iter().find(|path| memchr::memmem::find(&program, format!("\"{path}\"").as_bytes()).is_some());
    named.map(|path| path.as_bytes().to_vec()).ok_or_else(|| Fault::gap("the file of a release that is not known"))
}

fn bare(value: &str) -> String {
    value.replace(['"', '\''], "")
}

fn all_available(call: &mut Call<'_, '_>, values: &BTreeMap<String, String>) -> bool {
    let of_locale = values.iter().filter(|(name, _)| *name == "LANG" || name.starts_with("LC_"));
    of_locale.map(|(_, value)| bare(value)).all(|value| value.is_empty() || is_available(call, &value))
}

/// What is said of a `LANGUAGE` that does not fit the messages' locale.
fn misfit(values: &BTreeMap<String, String>) -> Option<String> {
    let language = values.get("LANGUAGE")?;
    let first = bare(language).split(['.', ':', '_']).next().unwrap_or_default().to_owned();
    let (name, messages) =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| Some((name, values.get(*name)?)))?;
    let messages = bare(messages);
    let plain = |name: &str| matches!(name, "C" | "POSIX");
    let fits = messages.starts_with(&first) || plain(&messages) || plain(&first);
    (!fits).then(|| {
        format!(
            "*** update-locale: Warning: LANGUAGE ({language}) is not compatible with {name} ({messages}). Disabling \
             it.\n"
        )
    })
}

/// `validlocale name`: whether there is such a locale; if not, its line for `/etc/locale.gen`.
fn validlocale(call: &mut Call<'_, '_>) -> Done {
    refuse_archive(call)?;
    let Some(name) = call.args.first().map(|name| show(name)) else {
        return call.out("Usage: validlocale <locale>\n").map(|()| 1);
    };
    if is_available(call, &name) {
        call.shell.print_error(format!("locale '{name}' valid and available\n").as_bytes())?;
        return Ok(0);
    }
    call.shell.print_error(format!("locale '{name}' not available\n").as_bytes())?;
    let (rest, modifier) = name.split_once('@').map_or((name.as_str(), ""), |(rest, _)| (rest, &name[rest.len()..]));
    let (language, charset) =
        rest.split_once('.').map_or((rest, None), |(language, charset)| (language, Some(charset)));
    let wanted = format!("{language}{modifier}");
    let (dot, charset) = match charset {
        Some(charset) => (format!(".{charset}"), charset.to_owned()),
        None => {
            let supported = call.read(b"/usr/share/i18n/SUPPORTED")?;
            let supported = show(&supported);
            let line = supported.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == wanted);
            let default = call.shell.variable(b"DEFAULTCHARSET").map_or_else(|| "ISO-8859-1".to_owned(), show);
            (String::new(), line.map_or(default, |(_, charset)| charset.trim().to_owned()))
        }
    };
    call.out(format!("{language}{dot}{modifier} {charset}\n")).map(|()| 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_directories() {
        let cases = [
            ("C.UTF-8", "C.utf8"),
            ("de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"),
            ("de_DE@euro", "de_DE@euro"),
            ("POSIX", "POSIX"),
        ];
        for (name, wanted) in cases {
            assert_eq!(normal(name), wanted);
        }
    }
}
