//! Changes to a recipe's text that leave everything else in it as its author wrote it, comments too.

use std::net::Ipv4Addr;

use toml_edit::Array;
use toml_edit::ArrayOfTables;
use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::Table;
use toml_edit::Value;

use super::problem::nearest;

/// The key whose list is changed.
const KEY: &str = "packages";

/// Why a text cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// Nodes are there and are written in another way.
    #[error("its nodes are no `[[node]]` tables")]
    NoTables,
    /// `packages` is there and is something else.
    #[error("`packages` is no list")]
    NoList,
    /// A package is asked for already.
    #[error("`packages` has `{0}` already")]
    There(String),
    /// A package is asked for already, and otherwise.
    #[error("`packages` has `{there}` already: remove that first to ask for `{asked}`")]
    Otherwise {
        /// As it stands in the list.
        there: String,
        /// As given.
        asked: String,
    },
    /// A package is asked for in two ways at once.
    #[error("`{first}` and `{second}` are of one package: ask for one of them")]
    Twice {
        /// As given first.
        first: String,
        /// As given then.
        second: String,
    },
    /// A package is asked for by an image of several.
    #[error("`packages` has no `{name}`: `[image.{image}]` has it, edit it there")]
    OfImage {
        /// As given.
        name: String,
        /// The image's name.
        image: String,
    },
    /// A package is not asked for.
    #[error("`packages` has no `{name}`{}", .meant.as_ref().map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)")))]
    Missing {
        /// As given.
        name: String,
        /// What was probably meant.
        meant: Option<String>,
    },
}

/// The text with these packages, written as in `packages`, at the end of that list.
///
/// # Errors
/// It is no TOML, has another `packages`, one of them is there already, in whatever version, or two are of one package and
/// not the same.
pub fn add_packages(text: &str, names: &[String]) -> Result<String, EditError> {
    let names = once(names);
    // Told before the list is looked at: the first of the two would be found there, where nobody wrote it.
    if let Some((first, second)) = names.iter().enumerate().find_map(|(at, second)| {
        let same = |first: &&&String| package_of(first) == package_of(second);
        names[..at].iter().find(same).map(|first| (first, second))
    }) {
        return Err(EditError::Twice { first: (*first).clone(), second: (*second).clone() });
    }
    changed(text, |list| names.iter().try_for_each(|name| push(list, name)))
}

/// The text without these packages.
///
/// # Errors
/// It is no TOML, has another `packages`, or one of them is not there.
pub fn remove_packages(text: &str, names: &[String]) -> Result<String, EditError> {
    let names = once(names);
    changed(text, |list| names.iter().try_for_each(|name| take(list, name))).map_err(|error| match error {
        EditError::Missing { name, meant } => match image_with(text, &name) {
            Some(image) => EditError::OfImage { name, image },
            None => EditError::Missing { name, meant },
        },
        error => error,
    })
}

/// The names as they were given, each only the first time.
fn once(names: &[String]) -> Vec<&String> {
    let first = |(at, name): &(usize, &String)| !names[..*at].contains(name);
    names.iter().enumerate().filter(first).map(|(_, name)| name).collect()
}

/// The image of several whose own list has a package.
fn image_with(text: &str, name: &str) -> Option<String> {
    let document: DocumentMut = text.parse().ok()?;
    let images = document.get("image")?.as_table_like()?;
    let has = |item: &Item| item.get(KEY).and_then(Item::as_array).is_some_and(|list| position(list, name).is_some());
    images.iter().find(|(_, item)| has(item)).map(|(image, _)| image.to_owned())
}

/// A text with the line ends that another one has.
fn as_lines_of(text: &str, changed: &str) -> String {
    let (all, long) = (text.matches('\n').count(), text.matches("\r\n").count());
    let changed = changed.replace("\r\n", "\n");
    if long * 2 > all { changed.replace('\n', "\r\n") } else { changed }
}

/// The text with a node more, behind its other nodes or else at its end.
///
/// # Errors
/// It is no TOML, or its nodes are written in another way than as tables.
pub fn add_node(text: &str, name: &str, mac: &str, address: Ipv4Addr) -> Result<String, EditError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| EditError::Syntax(error.message().to_owned()))?;
    let nodes = document.entry("node").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let nodes = nodes.as_array_of_tables_mut().ok_or(EditError::NoTables)?;
    let mut node = Table::new();
    for (key, value) in [("name", name), ("mac", mac), ("address", &address.to_string())] {
        node.insert(key, Item::Value(Value::from(value)));
    }
    node.decor_mut().set_prefix("\n");
    nodes.push(node);
    Ok(as_lines_of(text, &document.to_string()))
}

fn changed(text: &str, change: impl FnOnce(&mut Array) -> Result<(), EditError>) -> Result<String, EditError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| EditError::Syntax(error.message().to_owned()))?;
    let item = document.entry(KEY).or_insert_with(|| Item::Value(Value::Array(Array::new())));
    change(item.as_array_mut().ok_or(EditError::NoList)?)?;
    Ok(as_lines_of(text, &document.to_string()))
}

/// The package that an entry of `packages` is about, without version, release or architecture.
#[must_use]
pub fn package_of(entry: &str) -> &str {
    // A .deb of one's own is its path.
    if entry.starts_with('.') { entry } else { entry.split([':', '=', '/']).next().unwrap_or(entry) }
}

fn position(list: &Array, name: &str) -> Option<usize> {
    list.iter().position(|value| value.as_str().is_some_and(|entry| package_of(entry) == package_of(name)))
}

/// Adds an entry, on a line of its own where the others have one.
fn push(list: &mut Array, name: &str) -> Result<(), EditError> {
    if let Some(there) = position(list, name).and_then(|at| list.get(at)).and_then(Value::as_str) {
        let (there, asked) = (there.to_owned(), name.to_owned());
        return Err(if there == asked { EditError::There(there) } else { EditError::Otherwise { there, asked } });
    }
    let prefix = |value: &Value| value.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
    let last = list.iter().last().map(prefix);
    let Some((_, indent)) = last.as_deref().and_then(|prefix| prefix.rsplit_once('\n')) else {
        list.push(name);
        return Ok(());
    };
    // What follows the last entry, a comment for example, is its own.
    let own = end(list);
    let own = own.rsplit_once('\n').map_or(own.as_str(), |(own, _)| own);
    let mut value = Value::from(name);
    value.decor_mut().set_prefix(format!("{own}\n{indent}"));
    list.push_formatted(value);
    list.set_trailing_comma(true);
    list.set_trailing("\n");
    Ok(())
}

/// Takes what stands between the last entry and the end of the list, without the comma.
fn end(list: &mut Array) -> String {
    let trailing = list.trailing().as_str().unwrap_or_default().to_owned();
    list.set_trailing("");
    // Without a comma it is the entry's.
    let Some(last) = list.len().checked_sub(1).and_then(|last| list.get_mut(last)) else { return trailing };
    let own = last.decor().suffix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
    last.decor_mut().set_suffix("");
    own + &trailing
}

/// Removes an entry and the comment on its line.
fn take(list: &mut Array, name: &str) -> Result<(), EditError> {
    let Some(at) = position(list, name) else {
        let entries: Vec<String> =
            list.iter().filter_map(Value::as_str).map(|entry| package_of(entry).to_owned()).collect();
        let meant = nearest(package_of(name), entries.iter().map(String::as_str)).map(str::to_owned);
        return Err(EditError::Missing { name: name.to_owned(), meant });
    };
    let is_last = at + 1 == list.len();
    let after = if is_last { end(list) } else { String::new() };
    let removed = list.remove(at);
    // The lines before stand before the entry, and the end of its own line before the next one.
    let before = removed.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
    let joined = |after: &str| match (before.rsplit_once('\n'), after.split_once('\n')) {
        (Some((lines, _)), Some((_, rest))) => format!("{lines}\n{rest}"),
        _ => if at == 0 { before } else { after }.to_owned(),
    };
    match list.get_mut(at) {
        Some(next) => {
            let after = next.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
            next.decor_mut().set_prefix(joined(&after));
        }
        None if after.contains('\n') => {
            list.set_trailing_comma(!list.is_empty());
            list.set_trailing(joined(&after));
        }
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str, name: &str) -> String {
        let text = add_packages(text, &[name.to_owned()]).expect("it can be added");
        assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
        text
    }

    fn remove(text: &str, name: &str) -> String {
        let text = remove_packages(text, &[name.to_owned()]).expect("it can be removed");
        assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
        text
    }

    const LINES: &str = "# mine\nname = \"x\"\npackages = [\n    \"bash\", # a shell\n    # further\n    \"vim=2:9.*\",   # an editor\n]\n\n[debian]\nsuite = \"trixie\"\n";

    #[test]
    fn an_entry_gets_a_line_where_the_others_have_one() {
        let wanted = LINES.replace("# an editor\n", "# an editor\n    \"htop\",\n");
        assert_eq!(add(LINES, "htop"), wanted);
        assert_eq!(add("packages = [\"a\", \"b\"] # two\n", "c"), "packages = [\"a\", \"b\", \"c\"] # two\n");
        assert_eq!(add("packages = [\n  \"a\",\n  \"b\"\n]\n", "c"), "packages = [\n  \"a\",\n  \"b\",\n  \"c\",\n]\n");
        assert_eq!(add("packages = []\n", "c"), "packages = [\"c\"]\n");
    }

    #[test]
    fn a_recipe_without_the_list_gets_one_before_its_tables() {
        let text = add("name = \"x\"\n\n[debian]\nsuite = \"trixie\"\n", "c");
        assert_eq!(text, "name = \"x\"\npackages = [\"c\"]\n\n[debian]\nsuite = \"trixie\"\n");
    }

    #[test]
    fn lines_end_as_they_did() {
        let long = LINES.replace('\n', "\r\n");
        assert_eq!(add(&long, "htop"), add(LINES, "htop").replace('\n', "\r\n"));
        assert_eq!(remove(&long, "vim"), remove(LINES, "vim").replace('\n', "\r\n"));
        let twice = add_packages("packages = []\n", &["a".to_owned(), "a".to_owned()]);
        assert_eq!(twice.expect("once"), "packages = [\"a\"]\n");
        let twice = remove_packages("packages = [\"a\", \"b\"]\n", &["a".to_owned(), "a".to_owned()]);
        assert_eq!(twice.expect("once"), "packages = [\"b\"]\n");
    }

    #[test]
    fn an_entry_goes_with_its_line() {
        assert_eq!(remove(LINES, "vim"), LINES.replace("    \"vim=2:9.*\",   # an editor\n", ""));
        assert_eq!(remove(LINES, "bash"), LINES.replace("    \"bash\", # a shell\n", ""));
        assert_eq!(remove("packages = [\"a\", \"b\"]\n", "a"), "packages = [\"b\"]\n");
        assert_eq!(remove("packages = [\"a\", \"b\"]\n", "b"), "packages = [\"a\"]\n");
        assert_eq!(remove("packages = [\n  \"a\",\n  \"b\"\n]\n", "b"), "packages = [\n  \"a\",\n]\n");
        assert_eq!(remove("packages = [\n  \"a\", # one\n]\n", "a"), "packages = [\n]\n");
        for name in ["htop", "htop=3.*", "libc6:i386"] {
            assert_eq!(remove(&add(LINES, name), name), LINES);
        }
    }

    #[test]
    fn a_node_goes_behind_the_others() {
        let add =
            |text: &str| add_node(text, "n3", "02:00:00:00:00:03", Ipv4Addr::new(10, 0, 0, 3)).expect("it can be");
        let node = "\n[[node]]\nname = \"n3\"\nmac = \"02:00:00:00:00:03\"\naddress = \"10.0.0.3\"\n";
        let one = "name = \"x\" # mine\n\n[[node]] # first\nname = \"n1\"\nmac = \"y\"   # its card\n";
        let rest = "\n# what is written\n[output]\nformats = [\"tar\"]\n# end\n";
        assert_eq!(add(&format!("{one}{rest}")), format!("{one}{node}{rest}"));
        assert_eq!(
            add("name = \"x\"\n[debian]\nsuite = \"sid\"\n"),
            format!("name = \"x\"\n[debian]\nsuite = \"sid\"\n{node}")
        );
        let inline = add_node("node = [{ name = \"n1\" }]\n", "n3", "m", Ipv4Addr::LOCALHOST);
        assert_eq!(inline, Err(EditError::NoTables));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let one = |name: &str| vec![name.to_owned()];
        let error = |result: Result<String, EditError>| result.expect_err("it cannot").to_string();
        let other = "`packages` has `vim=2:9.*` already: remove that first to ask for `vim`";
        assert_eq!(error(add_packages(LINES, &one("vim"))), other);
        assert_eq!(error(add_packages(LINES, &one("bash"))), "`packages` has `bash` already");
        let both = ["htop".to_owned(), "htop=3.*".to_owned()];
        let twice = "`htop` and `htop=3.*` are of one package: ask for one of them";
        assert_eq!(error(add_packages(LINES, &both)), twice);
        let images = "packages = [\"a\"]\n[image.login]\npackages = [\"jq=1.*\"]\n";
        let of_image = "`packages` has no `jq`: `[image.login]` has it, edit it there";
        assert_eq!(error(remove_packages(images, &one("jq"))), of_image);
        assert_eq!(error(remove_packages(LINES, &one("bahs"))), "`packages` has no `bahs` (did you mean `bash`?)");
        assert_eq!(error(remove_packages(LINES, &one("nothing"))), "`packages` has no `nothing`");
        assert_eq!(error(add_packages("packages = 1\n", &one("vim"))), "`packages` is no list");
        assert!(add_packages("packages = [\n", &one("vim")).is_err());
    }
}
