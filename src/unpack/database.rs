//! The dpkg database of a fresh system, byte for byte as dpkg 1.22 writes it.
//!
//! `status`: stanzas by name, fields in dpkg's order, relations in its spelling (`lib/dpkg/dump.c`);
//! `info/`: the packages' control members, `.list` and, where a package has none, `.md5sums`;
//! `triggers/`: who is interested in what. deb-triggers(5), dpkg(1).

use std::collections::BTreeMap;

use super::Conffile;
use super::Error;
use super::Installed;
use crate::deb::Stanza;
use crate::deb::Version;
use crate::deb::format_relations;
use crate::deb::parse_relations;
use crate::tree::Tree;
use crate::tree::escape;

/// Where the database lies.
const ADMIN: &str = "var/lib/dpkg";

/// How dpkg writes a field that it knows; the others follow as they stand.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    /// Written only when it is `yes`.
    Boolean,
    /// The five known names in lower case.
    Priority,
    MultiArch,
    Version,
    Relations,
    Status,
    Conffiles,
    /// Never in `status`.
    Dropped,
}

/// The fields that dpkg knows, in the order it writes them.
const FIELDS: [(&str, Form); 27] = [
    ("Package", Form::Text),
    ("Essential", Form::Boolean),
    ("Protected", Form::Boolean),
    ("Status", Form::Status),
    ("Priority", Form::Priority),
    ("Section", Form::Text),
    ("Installed-Size", Form::Text),
    ("Origin", Form::Text),
    ("Maintainer", Form::Text),
    ("Bugs", Form::Text),
    ("Architecture", Form::Text),
    ("Multi-Arch", Form::MultiArch),
    ("Source", Form::Text),
    ("Version", Form::Version),
    ("Replaces", Form::Relations),
    ("Provides", Form::Relations),
    ("Depends", Form::Relations),
    ("Pre-Depends", Form::Relations),
    ("Recommends", Form::Relations),
    ("Suggests", Form::Relations),
    ("Breaks", Form::Relations),
    ("Conflicts", Form::Relations),
    ("Enhances", Form::Relations),
    ("Conffiles", Form::Conffiles),
    ("Filename", Form::Dropped),
    ("Size", Form::Dropped),
    ("Description", Form::Text),
];

/// Writes the whole database for packages that are unpacked and not yet configured.
///
/// Conffiles already lie under their final names, so `status` already has their digests: that is what a
/// configured package has, and `dpkg --configure` leaves an entry alone whose `.dpkg-new` is absent.
pub(super) fn write(tree: &mut Tree, packages: &[Installed], md5sums: &[String], native: &str) -> Result<(), Error> {
    for directory in ["alternatives", "info", "parts", "triggers", "updates"] {
        tree.make_directories(format!("{ADMIN}/{directory}"), 0o755).map_err(Error::Tree)?;
    }
    put(tree, "status", status(packages)?)?;
    put(tree, "info/format", "1\n")?;
    for (package, computed) in packages.iter().zip(md5sums) {
        write_info(tree, package, computed)?;
    }
    for (name, text) in triggers(packages) {
        put(tree, &format!("triggers/{name}"), text)?;
    }
    if packages.iter().any(|package| package.architecture != native && package.architecture != "all") {
        put(tree, "arch", architectures(packages, native))?;
    }
    Ok(())
}

fn put(tree: &mut Tree, name: &str, bytes: impl Into<Vec<u8>>) -> Result<(), Error> {
    tree.write(format!("{ADMIN}/{name}"), 0o644, bytes).map(drop).map_err(Error::Tree)
}

fn write_info(tree: &mut Tree, package: &Installed, md5sums: &str) -> Result<(), Error> {
    let name = package.info_name();
    let mut list = package.files.join(&b'\n');
    if !list.is_empty() {
        list.push(b'\n');
    }
    put(tree, &format!("info/{name}.list"), list)?;
    for (member, (mode, bytes)) in &package.members {
        let path = format!("{ADMIN}/info/{name}.{member}");
        tree.write(path, *mode & 0o7777, bytes.as_slice()).map_err(Error::Tree)?;
    }
    if !package.members.contains_key("md5sums") && !md5sums.is_empty() {
        put(tree, &format!("info/{name}.md5sums"), md5sums)?;
    }
    Ok(())
}

/// The native architecture first, then the foreign ones.
fn architectures(packages: &[Installed], native: &str) -> String {
    let mut names: Vec<&str> = packages.iter().map(|package| package.architecture.as_str()).collect();
    names.retain(|&name| name != native && name != "all");
    names.sort_unstable();
    names.dedup();
    names.insert(0, native);
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// The `status` file.
fn status(packages: &[Installed]) -> Result<String, Error> {
    let mut sorted: Vec<&Installed> = packages.iter().collect();
    sorted.sort_by_key(|package| (&package.name, &package.architecture));
    let mut text = String::new();
    for package in sorted {
        text.push_str(&status_stanza(package)?);
        text.push('\n');
    }
    Ok(text)
}

fn status_stanza(package: &Installed) -> Result<String, Error> {
    let error = |reason: String| Error::Control { package: package.name.clone(), reason };
    let stanza = Stanza::accepted(package.control.as_bytes()).map_err(|source| error(source.to_string()))?;
    let mut text = String::new();
    for (name, form) in FIELDS {
        let value = match form {
            Form::Status => Some("install ok unpacked".into()),
            Form::Conffiles => conffiles(&package.conffiles),
            _ => match stanza.get(name).map(str::trim_end).filter(|value| !value.is_empty()) {
                Some(value) => spell(value, form).map_err(error)?,
                None => None,
            },
        };
        if let Some(value) = value {
            push_field(&mut text, name, &value);
        }
    }
    push_unknown_fields(&mut text, &stanza);
    Ok(text)
}

fn push_field(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(if value.starts_with('\n') && name == "Conffiles" { ":" } else { ": " });
    text.push_str(value);
    text.push('\n');
}

fn push_unknown_fields(text: &mut String, stanza: &Stanza<'_>) {
    for field in stanza.fields() {
        let known = FIELDS.iter().any(|(name, _)| name.eq_ignore_ascii_case(field.name));
        let value = field.value.trim_end();
        if !known && !value.is_empty() {
            push_field(text, field.name, value);
        }
    }
}

/// A field's value as dpkg writes it; `None`: not at all.
fn spell(value: &str, form: Form) -> Result<Option<String>, String> {
    Ok(match form {
        Form::Text => Some(value.to_owned()),
        Form::Boolean => value.eq_ignore_ascii_case("yes").then(|| "yes".into()),
        Form::MultiArch => (!value.eq_ignore_ascii_case("no")).then(|| value.to_ascii_lowercase()),
        Form::Version => {
            let version: Version = value.parse().map_err(|error| format!("{error}"))?;
            Some(version.normalized().into_owned())
        }
        Form::Priority => {
            let lower = value.to_ascii_lowercase();
            let known = ["required", "important", "standard", "optional", "extra"].contains(&lower.as_str());
            Some(if known { lower } else { value.to_owned() })
        }
        Form::Relations => {
            let relations = parse_relations(value).map_err(|error| error.to_string())?;
            Some(format_relations(&relations)).filter(|text| !text.is_empty())
        }
        Form::Status | Form::Conffiles | Form::Dropped => None,
    })
}

fn conffiles(conffiles: &[Conffile]) -> Option<String> {
    let line = |conffile: &Conffile| {
        let digest = conffile.md5.as_deref().unwrap_or("newconffile");
        let mark = if conffile.remove_on_upgrade { " remove-on-upgrade" } else { "" };
        format!("\n {} {digest}{mark}", String::from_utf8_lossy(&conffile.path))
    };
    (!conffiles.is_empty()).then(|| conffiles.iter().map(line).collect())
}

/// `triggers/File` (paths) and `triggers/NAME`, each sorted: dpkg's own order is that of its queue.
fn triggers(packages: &[Installed]) -> BTreeMap<String, Vec<u8>> {
    let mut paths: Vec<String> = Vec::new();
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        let text = String::from_utf8_lossy(package.member("triggers").unwrap_or_default());
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(directive), Some(name)) = (words.next(), words.next()) else { continue };
            let mark = match directive {
                "interest" | "interest-await" => "",
                "interest-noawait" => "/noawait",
                _ => continue,
            };
            let who = format!("{}{mark}", package.info_name());
            if name.starts_with('/') {
                paths.push(format!("{name} {who}\n"));
            } else if is_trigger_name(name) {
                named.entry(name.to_owned()).or_default().push(format!("{who}\n"));
            }
        }
    }
    paths.sort();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::from([("Unincorp".into(), Vec::new())]);
    if !paths.is_empty() {
        files.insert("File".into(), paths.concat().into());
    }
    for (name, mut lines) in named {
        lines.sort();
        files.insert(name, lines.concat().into());
    }
    files
}

/// What dpkg says of `triggers` when it unpacks a package: a directive that it does not know, or one without a name, may
/// be of a later form and mean anything (deb-triggers(5)).
pub(super) fn check_triggers(text: &[u8]) -> Result<(), String> {
    const DIRECTIVES: [&str; 6] =
        ["interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait"];
    for line in String::from_utf8_lossy(text).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(directive) = words.next() else { continue };
        let shown = escape(directive.as_bytes());
        if !DIRECTIVES.contains(&directive) {
            return Err(format!("`triggers` has the directive `{shown}`, which dpkg does not know"));
        }
        if words.next().is_none() {
            return Err(format!("`triggers` has the directive `{shown}` without a name"));
        }
    }
    Ok(())
}

/// Names of triggers become file names: lower case, as deb-triggers(5) has them, so none hits `File` or `Lock`.
fn is_trigger_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
}

/// Reads `conffiles`: an absolute path per line, or `remove-on-upgrade PATH`.
pub(super) fn parse_conffiles(text: &[u8]) -> Result<Vec<Conffile>, String> {
    let mut conffiles: Vec<Conffile> = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        let (remove_on_upgrade, path) = match line.strip_prefix(b"remove-on-upgrade ") {
            Some(path) => (true, path.trim_ascii_start()),
            None => (false, line),
        };
        let inside = crate::tree::TreePath::new(path).is_ok_and(|inside| !inside.is_root());
        if path.first() != Some(&b'/') || !inside {
            return Err(format!("conffile `{}` is not an absolute path inside the tree", escape(path)));
        }
        // One that is named twice is in dpkg's database twice.
        conffiles.push(Conffile { path: path.to_vec(), md5: None, remove_on_upgrade });
    }
    Ok(conffiles)
}
