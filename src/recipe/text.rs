//! From files to one document: reads a recipe and what it extends, and adds them up.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use serde_spanned::Spanned;
use toml::de::DeArray;
use toml::de::DeFloat;
use toml::de::DeInteger;
use toml::de::DeTable;
use toml::de::DeValue;

use super::Error;
use super::file;
use super::problem::Sources;

/// The most files a recipe may be made of.
const FILES_MAX: usize = 32;
/// The longest file.
const SIZE_MAX: u64 = 1 << 20;
/// Lists of a fixed length, which are one value: two of them are not appended.
const WHOLE: [&str; 2] = ["head.range", "network.range"];

/// A value that borrows from no text, its positions those of [`Sources`].
pub(super) type Value = DeValue<'static>;
/// A table of such values.
pub(super) type Table = DeTable<'static>;

/// Reads the recipe at `path` and all that it extends into one document. Whatever is wrong is in `sources`.
pub(super) fn read(path: &Path, sources: &mut Sources) -> Result<Table, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let text = read_text(path).map_err(failed)?;
    let real = fs::canonicalize(path).map_err(failed)?;
    let root = real.parent().map(Path::to_owned).unwrap_or_default();
    let mut reader = Reader { sources, root, done: BTreeSet::new(), open: Vec::new() };
    Ok(reader.file(path, real, text))
}

/// As [`read`], of a text that is in no file, as if it were one called `recipe.toml` in `directory`.
pub(super) fn of(text: &str, directory: &Path, sources: &mut Sources) -> Result<Table, Error> {
    let failed = |source| Error::Read { path: directory.to_owned(), source };
    let root = fs::canonicalize(directory).map_err(failed)?;
    if text.len() as u64 > SIZE_MAX {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "a recipe of more than 1 MiB")));
    }
    let (path, real) = (Path::new("recipe.toml"), root.join("recipe.toml"));
    let mut reader = Reader { sources, root, done: BTreeSet::new(), open: Vec::new() };
    Ok(reader.file(path, real, Ok(text.replace("\r\n", "\n"))))
}

/// As [`read`], of another text in place of the one that the file has.
#[cfg(feature = "cli")]
pub(super) fn instead(path: &Path, text: &str, sources: &mut Sources) -> Result<Table, Error> {
    let real = fs::canonicalize(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let root = real.parent().map(Path::to_owned).unwrap_or_default();
    let mut reader = Reader { sources, root, done: BTreeSet::new(), open: Vec::new() };
    Ok(reader.file(path, real, Ok(text.replace("\r\n", "\n"))))
}

/// The file that `name`, written in the recipe's directory `root` or below, names. It must lie below `root` when all
/// symbolic links are followed: a recipe is whole by itself, and a foreign one cannot take the builder's own files.
pub(super) fn locate(root: &Path, from: &Path, name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    if name.is_empty() || name.contains('\0') || path.is_absolute() {
        return Err(format!("`{}` is no path below the recipe's directory", name.escape_debug()));
    }
    let real =
        fs::canonicalize(from.join(path)).map_err(|error| format!("cannot find `{}`: {error}", name.escape_debug()))?;
    if !real.starts_with(root) {
        return Err(format!("`{}` leads out of the recipe's directory", name.escape_debug()));
    }
    Ok(real)
}

struct Reader<'a> {
    sources: &'a mut Sources,
    root: PathBuf,
    /// Files that are in the document already.
    done: BTreeSet<PathBuf>,
    /// Files whose `extends` is being followed.
    open: Vec<PathBuf>,
}

impl Reader<'_> {
    /// One file with what it extends. `path` is for messages, `real` is what it is.
    fn file(&mut self, path: &Path, real: PathBuf, text: Result<String, (usize, String)>) -> Table {
        let directory = real.parent().map(Path::to_owned).unwrap_or_default();
        let text = match text {
            Ok(text) => text,
            Err((good, text)) => {
                let base = self.sources.add(path, &directory, text);
                self.sources.report(&(base + good..base + good), "this is not UTF-8 text", None);
                return Table::new();
            }
        };
        let base = self.sources.add(path, &directory, text);
        let (document, errors) = DeTable::parse_recoverable(self.sources.text(base));
        let mut table = rebuild_table(document.get_ref(), base);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.sources.report(&(base + span.start..base + span.end), error.message(), None);
        }
        self.done.insert(real.clone());
        self.open.push(real);
        let mut whole = Table::new();
        if let Some(names) = extended(&table) {
            table.remove("extends");
            for (name, span) in names {
                let below = self.extend(path, &directory, &name, &span);
                add_table(self.sources, &mut whole, below, "", "");
            }
        }
        self.open.pop();
        add_table(self.sources, &mut whole, table, "", "");
        whole
    }

    fn extend(&mut self, path: &Path, directory: &Path, name: &str, span: &Range<usize>) -> Table {
        let shown = path.parent().unwrap_or(Path::new("")).join(name);
        let found = locate(&self.root, directory, name).and_then(|real| {
            if self.open.contains(&real) {
                return Err(format!("`{name}` extends itself, by way of {}", self.way(&real)));
            }
            if self.done.contains(&real) {
                return Ok(None);
            }
            if self.done.len() >= FILES_MAX {
                return Err(format!("more than {FILES_MAX} files make this recipe"));
            }
            let text = read_text(&real).map_err(|error| format!("cannot read `{name}`: {error}"))?;
            Ok(Some((real, text)))
        });
        match found {
            Ok(Some((real, text))) => self.file(&shown, real, text),
            Ok(None) => Table::new(),
            Err(message) => {
                self.sources.report(span, message, None);
                Table::new()
            }
        }
    }

    /// The files from `real` to the one that is being read, by name.
    fn way(&self, real: &Path) -> String {
        let from = self.open.iter().position(|open| open == real).unwrap_or(0);
        let names =
            self.open[from..].iter().map(|path| format!("`{}`", path.file_name().unwrap_or_default().display()));
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Adds `more` to `whole`: tables are joined, lists appended, and anything else must be the same in both. `path` is that
/// of the tables, and `written` stands before it where `more` is written.
pub(super) fn add_table(sources: &mut Sources, whole: &mut Table, more: Table, path: &str, written: &str) {
    for (key, value) in more {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        match whole.get_mut(key.get_ref().as_ref()) {
            Some(old) => add_value(sources, old, value, &path, written),
            None => drop(whole.insert(key, value)),
        }
    }
}

fn add_value(sources: &mut Sources, old: &mut Spanned<Value>, new: Spanned<Value>, path: &str, written: &str) {
    if same(old.get_ref(), new.get_ref()) {
        return;
    }
    let (old_start, new_span) = (old.span().start, new.span());
    match (old.get_mut(), new.into_inner()) {
        (DeValue::Table(whole), DeValue::Table(more)) => add_table(sources, whole, more, path, written),
        (DeValue::Array(whole), DeValue::Array(more)) if !WHOLE.contains(&path) => {
            for value in more {
                if !whole.iter().any(|old| same(old.get_ref(), value.get_ref())) {
                    whole.push(value);
                }
            }
        }
        _ => {
            let place = sources.place(old_start);
            let help = if written.is_empty() {
                "what a recipe extends is added to, never replaced: set the key in one of the two"
            } else {
                "what an image is made of is added to, never replaced: set the key in each image, and not above them"
            };
            sources.report(&new_span, format!("`{written}{path}` has another value at {place}"), Some(help.into()));
        }
    }
}

/// The names in `extends`. `None` when it is absent or no list of strings; then the types say what it should be.
fn extended(table: &Table) -> Option<Vec<(String, Range<usize>)>> {
    let list = table.get("extends")?.get_ref().as_array()?;
    list.iter().map(|value| Some((value.get_ref().as_str()?.to_owned(), value.span()))).collect()
}

/// The text of a file; or, where it is not UTF-8, how much of it is, and its text with replacements.
pub(super) fn read_text(path: &Path) -> io::Result<Result<String, (usize, String)>> {
    let file = file::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a recipe of more than 1 MiB"));
    }
    // An editor's line ends are spelling, not meaning: they must not reach a multi-line `content`.
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(text.replace("\r\n", "\n")),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            Err((good, String::from_utf8_lossy(error.as_bytes()).into_owned()))
        }
    })
}

/// The value with its own strings, and positions that begin at `base`.
fn rebuild(value: &Spanned<DeValue<'_>>, base: usize) -> Spanned<Value> {
    let span = value.span();
    let inner = match value.get_ref() {
        DeValue::Array(items) => {
            let mut array = DeArray::new();
            items.iter().for_each(|item| array.push(rebuild(item, base)));
            DeValue::Array(array)
        }
        DeValue::Table(table) => DeValue::Table(rebuild_table(table, base)),
        DeValue::String(text) => DeValue::String(text.to_string().into()),
        DeValue::Boolean(value) => DeValue::Boolean(*value),
        DeValue::Datetime(value) => DeValue::Datetime(*value),
        // The library has no number without a text to borrow from; its value is read at its place (`Sources::number`).
        DeValue::Integer(_) => DeValue::Integer(DeInteger::default()),
        // No key takes one, so which one it is does not matter: the types will refuse it.
        DeValue::Float(_) => DeValue::Float(DeFloat::default()),
    };
    Spanned::new(base + span.start..base + span.end, inner)
}

fn rebuild_table(table: &DeTable<'_>, base: usize) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let span = key.span();
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        let key = Spanned::new(base + span.start..base + span.end, key.to_string().into());
        (key, rebuild(value, base))
    };
    table.iter().map(entry).collect()
}

/// Whether two values mean the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (DeValue::String(a), DeValue::String(b)) => a == b,
        (DeValue::Boolean(a), DeValue::Boolean(b)) => a == b,
        (DeValue::Array(a), DeValue::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a.get_ref(), b.get_ref()))
        }
        (DeValue::Table(a), DeValue::Table(b)) => {
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((name_a, a), (name_b, b))| {
                    name_a.get_ref() == name_b.get_ref() && same(a.get_ref(), b.get_ref())
                })
        }
        // No key takes a number or a date; the types will say so.
        _ => false,
    }
}
