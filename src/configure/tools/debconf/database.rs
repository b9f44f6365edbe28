//! debconf's database: questions and templates as items, and the files that they are kept in.
//!
//! Three files below `/var/cache/debconf` (debconf.conf(5), the configuration that the package brings):
//! `templates.dat` for templates, `config.dat` for questions and `passwords.dat`, which only root may read, for
//! questions of the type `password`. Each is a list of stanzas parted by empty lines.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::utilities::programs::replace_all;

/// The longest text with variables in it. The list of all locales has 20 KiB.
const TEXT_MAX: usize = 4 << 20;

/// A byte string.
type Bytes = Vec<u8>;

/// A question or a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    /// Packages that own a question; questions that own a template.
    pub(super) owners: BTreeSet<Bytes>,
    /// `value` and `template` of a question; `type`, `default`, `description-de.utf-8`, … of a template.
    pub(super) fields: BTreeMap<Bytes, Bytes>,
    /// `seen` and others. Only what is `true` survives the file.
    pub(super) flags: BTreeMap<Bytes, Bytes>,
    /// What `SUBST` set.
    pub(super) variables: BTreeMap<Bytes, Bytes>,
}

/// Items by name.
pub(super) type Items = BTreeMap<Bytes, Item>;

/// All that debconf knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Database {
    /// `config.dat`
    pub(super) config: Items,
    /// `passwords.dat`
    pub(super) passwords: Items,
    /// `templates.dat`
    pub(super) templates: Items,
}

impl Database {
    // --- questions ---------------------------------------------------------------------------------------------

    /// A question.
    pub(super) fn question(&self, name: &[u8]) -> Option<&Item> {
        self.config.get(name).or_else(|| self.passwords.get(name))
    }

    /// As [`Self::question`], to change it.
    pub(super) fn question_mut(&mut self, name: &[u8]) -> Option<&mut Item> {
        match self.config.get_mut(name) {
            Some(item) => Some(item),
            None => self.passwords.get_mut(name),
        }
    }

    /// The names of all questions.
    pub(super) fn questions(&self) -> BTreeSet<Bytes> {
        self.config.keys().chain(self.passwords.keys()).cloned().collect()
    }

    /// Gives a question an owner, and makes it when there is none: one of the type `password` where only root
    /// looks.
    pub(super) fn add_owner(&mut self, name: &[u8], owner: &[u8], kind: &[u8]) {
        let secret = memchr::memmem::find(&kind.to_ascii_lowercase(), b"password").is_some();
        let item = if self.config.contains_key(name) || !(secret || self.passwords.contains_key(name)) {
            self.config.entry(name.to_vec())
        } else {
            self.passwords.entry(name.to_vec())
        };
        item.or_default().owners.insert(owner.to_vec());
    }

    /// Makes a question that nobody has seen.
    pub(super) fn new_question(&mut self, name: &[u8], owner: &[u8], kind: &[u8]) {
        self.add_owner(name, owner, kind);
        self.set_flag(name, b"seen", b"false");
    }

    /// Takes an owner away; a question without one is gone, and so is its template when nobody else uses that.
    pub(super) fn remove_owner(&mut self, name: &[u8], owner: &[u8]) {
        let Some(item) = self.question_mut(name) else { return };
        item.owners.remove(owner);
        if !item.owners.is_empty() {
            return;
        }
        let template = item.fields.get(&b"template"[..]).cloned();
        self.config.remove(name);
        self.passwords.remove(name);
        if let Some(template) = template.filter(|template| !template.is_empty()) {
            self.release_template(&template, name);
        }
    }

    /// A flag's value; `false` when it was never set.
    pub(super) fn flag(&self, name: &[u8], flag: &[u8]) -> Bytes {
        self.question(name).and_then(|item| item.flags.get(flag).cloned()).unwrap_or_else(|| b"false".to_vec())
    }

    /// Sets a flag.
    pub(super) fn set_flag(&mut self, name: &[u8], flag: &[u8], value: &[u8]) {
        if let Some(item) = self.question_mut(name) {
            item.flags.insert(flag.to_vec(), value.to_vec());
        }
    }

    /// Sets the answer.
    pub(super) fn set_value(&mut self, name: &[u8], value: &[u8]) {
        if let Some(item) = self.question_mut(name) {
            item.fields.insert(b"value".to_vec(), value.to_vec());
        }
    }

    /// The answer, or the template's default.
    pub(super) fn value(&self, name: &[u8]) -> Bytes {
        let value = self.question(name).and_then(|item| item.fields.get(&b"value"[..]));
        value.cloned().unwrap_or_else(|| self.text(name, b"default", true))
    }

    /// The name of a question's template.
    pub(super) fn template_of(&self, name: &[u8]) -> Option<&[u8]> {
        self.question(name)?.fields.get(&b"template"[..]).map(Vec::as_slice)
    }

    /// Gives a question another template.
    pub(super) fn set_template(&mut self, name: &[u8], template: &[u8]) {
        let old = self.template_of(name).map(<[u8]>::to_vec);
        if old.as_deref() == Some(template) {
            return;
        }
        if let Some(old) = old.filter(|old| !old.is_empty()) {
            self.release_template(&old, name);
        }
        if let Some(item) = self.question_mut(name) {
            item.fields.insert(b"template".to_vec(), template.to_vec());
        }
        self.templates.entry(template.to_vec()).or_default().owners.insert(name.to_vec());
    }

    // --- templates ---------------------------------------------------------------------------------------------

    fn release_template(&mut self, template: &[u8], question: &[u8]) {
        if let Some(item) = self.templates.get_mut(template) {
            item.owners.remove(question);
            if item.owners.is_empty() {
                self.templates.remove(template);
            }
        }
    }

    /// Makes a template and the question of the same name, or gives the question another owner.
    pub(super) fn new_template(&mut self, template: &[u8], owner: &[u8], kind: &[u8]) {
        let known = self.templates.get(template).is_some_and(|item| !item.owners.is_empty());
        if self.question(template).is_some() {
            self.add_owner(template, owner, kind);
        } else {
            self.new_question(template, owner, kind);
            self.set_template(template, template);
        }
        if !known {
            let item = self.templates.entry(template.to_vec()).or_default();
            item.owners.insert(template.to_vec());
            item.fields.insert(b"type".to_vec(), kind.to_vec());
            return;
        }
        // What uses the template and is gone comes back.
        let users: Vec<Bytes> =
            self.templates.get(template).map(|item| item.owners.iter().cloned().collect()).unwrap_or_default();
        for user in users {
            if self.question(&user).is_none() {
                self.new_question(&user, owner, kind);
                self.set_template(&user, template);
            }
        }
    }

    /// A text of a template as a program in the locale C.UTF-8 sees it: `translated` prefers the field of the
    /// locale, otherwise the one that is the same for all (`choices-c`).
    pub(super) fn template_text(&self, template: &[u8], field: &[u8], translated: bool) -> Bytes {
        let Some(item) = self.templates.get(template) else { return Vec::new() };
        let dash = memchr::memchr(b'-', field);
        let suffixes: &[&[u8]] = match translated {
            true => &[b"-c.utf-8", b"-en"],
            false if field.to_ascii_lowercase().ends_with(b"-c") => &[],
            false => &[b"-c"],
        };
        let names = suffixes.iter().map(|suffix| [field, suffix].concat()).chain([field.to_vec()]);
        let plain = dash.map(|dash| field[..dash].to_vec());
        names.chain(plain).find_map(|name| item.fields.get(&name).cloned()).unwrap_or_default()
    }

    /// [`Self::template_text`] of a question's template, variables as they are.
    pub(super) fn text(&self, question: &[u8], field: &[u8], translated: bool) -> Bytes {
        self.template_of(question).map(|template| self.template_text(template, field, translated)).unwrap_or_default()
    }

    /// `${name}` in a text becomes what `SUBST` set for the question; `\${name}` loses its backslash. `None` when it
    /// gets longer than any text that people are asked to read.
    pub(super) fn expand(&self, question: &[u8], text: &[u8]) -> Option<Bytes> {
        let mut out = Vec::new();
        let mut rest = text;
        while let Some(start) = memchr::memmem::find(rest, b"${") {
            let name = &rest[start + 2..];
            let end = name.iter().position(|byte| matches!(byte, b'{' | b'}')).unwrap_or(name.len());
            if end == 0 || name.get(end) != Some(&b'}') {
                out.extend(&rest[..start + 2]);
                rest = name;
                continue;
            }
            let (before, name, after) = (&rest[..start], &name[..end], &name[end + 1..]);
            match before.strip_suffix(b"\\") {
                Some(before) => out.extend([before, b"${", name, b"}"].concat()),
                None => {
                    out.extend(before);
                    out.extend(self.question(question).and_then(|item| item.variables.get(name)).into_iter().flatten());
                }
            }
            rest = after;
            if out.len() > TEXT_MAX {
                return None;
            }
        }
        out.extend(rest);
        Some(out)
    }

    /// The choices of a question that are the same in all languages; `None` as [`Self::expand`].
    pub(super) fn choices(&self, question: &[u8]) -> Option<Vec<Bytes>> {
        Some(split_list(&self.expand(question, &self.text(question, b"choices", false))?))
    }

    // --- files -------------------------------------------------------------------------------------------------

    /// What writing the files and reading them again changes: `\n` written out becomes a newline, and flags that
    /// are not true are gone. debconf does it after every script.
    pub(super) fn settle(&mut self) {
        for item in self.config.values_mut().chain(self.passwords.values_mut()).chain(self.templates.values_mut()) {
            for value in item.fields.values_mut().chain(item.variables.values_mut()) {
                if memchr::memmem::find(value, b"\\n").is_some() {
                    *value = replace_all(value, b"\\n", b"\n");
                }
            }
            item.flags.retain(|_, value| value == b"true");
        }
    }
}

/// A list as choices and values of `multiselect` are written: comma and blanks part, `\,` and `\ ` are themselves.
fn split_list(text: &[u8]) -> Vec<Bytes> {
    let mut items = Vec::new();
    let mut item = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.first()) {
            (b'\\', Some(escaped @ (b',' | b' '))) => {
                item.push(*escaped);
                rest = &tail[1..];
            }
            (b',', Some(blank)) if is_space(*blank) => {
                items.push(std::mem::take(&mut item));
                rest = tail.trim_ascii_start();
            }
            _ => item.push(byte),
        }
    }
    if !item.is_empty() {
        items.push(item);
    }
    items
}

/// What separates words for debconf.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Reads a file of items. What is no stanza with a name is nothing.
pub(super) fn read(text: &[u8]) -> Items {
    let mut items = Items::new();
    let (mut name, mut item, mut variables) = (None, Item::default(), false);
    for line in text.split(|&byte| byte == b'\n').chain([&b""[..]]) {
        if line.is_empty() {
            let whole = std::mem::take(&mut item);
            if let Some(name) = name.take() {
                items.insert(name, whole);
            }
            variables = false;
            continue;
        }
        if variables && is_space(line[0]) {
            let line = line.trim_ascii_start();
            let (name, value) = match memchr::memchr(b'=', line) {
                Some(equals) => (&line[..equals], &line[equals + 1..]),
                None => (line, &b""[..]),
            };
            item.variables.insert(name.trim_ascii_end().to_vec(), unescape(skip_space(value)));
            continue;
        }
        variables = false;
        let (key, value) = match memchr::memchr(b':', line) {
            Some(colon) => (line[..colon].to_ascii_lowercase(), skip_space(&line[colon + 1..])),
            None => (line.to_ascii_lowercase(), &b""[..]),
        };
        match key.as_slice() {
            b"owners" => item.owners.extend(list(value)),
            b"flags" => item.flags.extend(list(value).map(|flag| (flag, b"true".to_vec()))),
            b"variables" => variables = true,
            b"name" => name = Some(value.to_vec()),
            b"" => {}
            _ => drop(item.fields.insert(key, unescape(value))),
        }
    }
    items
}

fn skip_space(text: &[u8]) -> &[u8] {
    match text.split_first() {
        Some((byte, rest)) if is_space(*byte) => rest,
        _ => text,
    }
}

fn list(text: &[u8]) -> impl Iterator<Item = Bytes> {
    split_list(text).into_iter()
}

fn unescape(text: &[u8]) -> Bytes {
    replace_all(text, b"\\n", b"\n")
}

/// The text of a file of items.
pub(super) fn write(items: &Items) -> Bytes {
    let mut text = Vec::new();
    for (name, item) in items {
        text.extend([b"Name: ", name.as_slice(), b"\n"].concat());
        for (field, value) in &item.fields {
            let mut field = field.clone();
            if let Some(first) = field.first_mut() {
                first.make_ascii_uppercase();
            }
            text.extend([field.as_slice(), b": ", &replace_all(value, b"\n", b"\\n"), b"\n"].concat());
        }
        let owners: Vec<&[u8]> = item.owners.iter().map(Vec::as_slice).collect();
        if !owners.is_empty() {
            text.extend([b"Owners: ", owners.join(&b", "[..]).as_slice(), b"\n"].concat());
        }
        let flags: Vec<&[u8]> =
            item.flags.iter().filter(|(_, value)| *value == b"true").map(|(flag, _)| flag.as_slice()).collect();
        if !flags.is_empty() {
            text.extend([b"Flags: ", flags.join(&b", "[..]).as_slice(), b"\n"].concat());
        }
        if !item.variables.is_empty() {
            text.extend(b"Variables:\n");
        }
        for (name, value) in &item.variables {
            text.extend([b" ", name.as_slice(), b" = ", &replace_all(value, b"\n", b"\\n"), b"\n"].concat());
        }
        text.push(b'\n');
    }
    text
}

/// `\` and newlines written out.
pub(super) fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "Name: a/b\nTemplate: a/b\nValue: one\\ntwo\nOwners: p, q\nFlags: seen\nVariables:\n X = y z\n\n\
                          Name: c\nTemplate: c\n\n";

    #[test]
    fn files_are_read_and_written_alike() {
        let items = read(CONFIG.as_bytes());
        assert_eq!(items[&b"a/b"[..]].fields[&b"value"[..]], b"one\ntwo");
        assert_eq!(items[&b"a/b"[..]].variables[&b"X"[..]], b"y z");
        assert_eq!(String::from_utf8(write(&items)).expect("text"), CONFIG);
    }

    #[test]
    fn a_question_goes_with_its_last_owner() {
        let mut database = Database::default();
        database.new_template(b"a/b", b"p", b"string");
        database.new_template(b"a/b", b"q", b"string");
        database.new_template(b"a/secret", b"p", b"password");
        assert!(database.passwords.contains_key(&b"a/secret"[..]));
        database.remove_owner(b"a/b", b"p");
        assert!(database.question(b"a/b").is_some());
        database.remove_owner(b"a/b", b"q");
        assert!(database.question(b"a/b").is_none() && !database.templates.contains_key(&b"a/b"[..]));
    }

    #[test]
    fn lists_and_variables() {
        assert_eq!(split_list(b"a b, c\\, d,  e,f"), [&b"a b"[..], b"c, d", b"e,f"]);
        let mut database = Database::default();
        database.new_template(b"q", b"p", b"select");
        database.question_mut(b"q").expect("new").variables.insert(b"x".to_vec(), b"1".to_vec());
        assert_eq!(database.expand(b"q", b"${x} \\${x} ${y}${ {z").expect("short"), b"1 ${x} ${ {z");
        database.question_mut(b"q").expect("new").variables.insert(b"x".to_vec(), vec![b'x'; 1 << 20]);
        assert_eq!(database.expand(b"q", &b"${x}".repeat(1 << 20)), None);
    }

    #[test]
    fn the_language_is_c() {
        let mut database = Database::default();
        database.new_template(b"q", b"p", b"select");
        let fields = &mut database.templates.get_mut(&b"q"[..]).expect("new").fields;
        for (name, value) in [("choices", "x"), ("choices-c", "c"), ("choices-en", "e"), ("default", "d")] {
            fields.insert(name.into(), value.into());
        }
        assert_eq!(database.template_text(b"q", b"choices", true), b"e");
        assert_eq!(database.template_text(b"q", b"choices", false), b"c");
        assert_eq!(database.template_text(b"q", b"choices-c", true), b"c");
        assert_eq!(database.template_text(b"q", b"default-de.utf-8", true), b"d");
    }
}
