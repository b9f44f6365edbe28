//! GSettings' schemas: `glib-compile-schemas` reads those of all packages, with the defaults that others override, and
//! makes the one file that programs read them from (glib-compile-schemas(1), GSettings in GIO's manual).
//!
//! What GIO makes of its modules with `gio-querymodules` is left out: without that index it opens each module itself.

use crate::configure::packages::package::Action::Remove;
use crate::configure::packages::package::Package;
use crate::format::ghash::Table;
use crate::format::gvariant;
use crate::format::gvariant::Value;
use crate::format::gvdb;
use crate::format::gvdb::Content;
use crate::format::gvdb::Item;
use crate::format::xml;
use crate::format::xml::Child;
use crate::format::xml::Element;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("gio-querymodules", |_| Ok(0)), ("glib-compile-schemas", compile)],
    libraries: &["/glib-2.0"],
    leaves: &[(
        Remove,
        &["usr/lib/*/gio/modules/giomodule.cache", "usr/lib/gio/modules/giomodule.cache"],
        "says what modules say of themselves; without it each is asked",
    )],
    ..Package::of("glib2.0")
};

const FILE: &str = "gschemas.compiled";

/// What is kept of a byte of XML while it is a tree.
const TREE: usize = 24;

/// Why a file, or a line of one, is not used.
type Refused<T> = Result<T, String>;

/// A schema.
#[derive(Debug, Default)]
struct Schema {
    path: Option<String>,
    domain: Option<String>,
    extends: Option<String>,
    list_of: Option<String>,
    keys: Table<Key>,
}

/// A key of a schema, or another schema below it.
#[derive(Debug, Clone)]
enum Key {
    Child(String),
    Value(Box<Setting>),
}

/// A key with its default.
#[derive(Debug, Clone, Default)]
struct Setting {
    kind: String,
    default: Option<Value>,
    unparsed: String,
    /// `m` for messages, `t` for time.
    translated: Option<u8>,
    context: Option<String>,
    /// The words that it may be, packed.
    words: Words,
    words_are: WordsAre,
    range: Option<(Value, Value)>,
    /// Defaults for one desktop each.
    desktops: Table<Value>,
}

/// Why a key has words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum WordsAre {
    #[default]
    Choices,
    Enumeration,
    Flags,
}

/// `glib-compile-schemas [--strict] [--targetdir=DIRECTORY] DIRECTORY`
fn compile(call: &mut Call<'_, '_>) -> Done {
    let long = [("targetdir", b't'), ("strict", b's'), ("allow-any-name", b'n'), ("dry-run", b'd')];
    let given = call.options("", &long)?;
    let [directory] = given.operands.as_slice() else {
        return Err(Fault::failed("You should give exactly one directory name"));
    };
    if given.has(b's') || given.has(b'd') {
        return Err(Fault::gap("--strict or --dry-run"));
    }
    let any_name = given.has(b'n');
    let target = [given.value(b't').unwrap_or(directory), b"/", FILE.as_bytes()].concat();
    let (mut files, overrides) = sources(call, directory)?;
    if files.is_empty() {
        call.run(&[b"rm".to_vec(), b"-f".to_vec(), target])?;
        return Ok(0);
    }
    // Enumerations come before who uses them.
    files.sort_by_key(|name| (!name.ends_with(b".enums.xml"), name.clone()));
    let mut all = Schemas::default();
    let mut held = call.shell.system.budget.nothing_held();
    for file in &files {
        let bytes = call.read(file)?;
        held.grow(bytes.len().saturating_mul(TREE))?;
        call.shell.system.budget.read(bytes.len().saturating_mul(TREE))?;
        let read =
            String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned()).and_then(|text| all.file(&text, any_name));
        // The real one says what is wrong with a file, and goes on without it. Its packages have been built with it,
        // so that it is rather we who do not understand.
        read.map_err(|why| Fault::gap(format!("cannot read {}: {why}", show(file))))?;
    }
    for file in &overrides {
        let bytes = call.read(file)?;
        held.grow(bytes.len().saturating_mul(TREE))?;
        call.shell.system.budget.read(bytes.len().saturating_mul(TREE))?;
        let complaints = all.override_defaults(&String::from_utf8_lossy(&bytes), &show(file));
        for why in complaints.map_err(|why| Fault::gap(format!("cannot read {}: {why}", show(file))))? {
            call.shell.print_error(format!("{why}\n").as_bytes())?;
        }
    }
    let bytes = gvdb::write(&all.table());
    call.shell.system.budget.made(bytes.len())?;
    call.write(&target, 0o666, bytes)?;
    Ok(0)
}

/// The schemas and the overrides of a directory, each by name.
fn sources(call: &mut Call<'_, '_>, directory: &[u8]) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), Fault> {
    let place = call.resolve(directory, true)?;
    let names: Vec<Vec<u8>> = call.tree().children(&place).map(|(path, _)| path.name().to_vec()).collect();
    let ending = |endings: &[&[u8]]| {
        let fitting = names.iter().filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
        fitting.map(|name| [directory, b"/", name.as_slice()].concat()).collect::<Vec<_>>()
    };
    Ok((ending(&[b".gschema.xml", b".enums.xml"]), ending(&[b".gschema.override"])))
}

/// All schemas, by id, and the enumerations that they use.
#[derive(Debug, Default)]
struct Schemas {
    schemas: Table<Schema>,
    enumerations: Table<Words>,
    flags: Table<Words>,
}

impl Schemas {
    fn file(&mut self, text: &str, any_name: bool) -> Refused<()> {
        let root = xml::parse(text).map_err(|error| error.to_string())?;
        if root.name != "schemalist" {
            return Err(format!("<{}> at the top", root.name));
        }
        let domain = root.attribute("gettext-domain");
        only(&root, &["gettext-domain"])?;
        for element in elements(&root)? {
            match element.name.as_str() {
                "schema" => self.schema(element, domain, any_name)?,
                "enum" | "flags" => self.words(element)?,
                other => return Err(format!("<{other}> in <schemalist>")),
            }
        }
        Ok(())
    }

    fn words(&mut self, element: &Element) -> Refused<()> {
        only(element, &["id"])?;
        let id = required(element, "id")?;
        let flags = element.name == "flags";
        let table = if flags { &mut self.flags } else { &mut self.enumerations };
        if table.get(id.as_bytes()).is_some() {
            return Err(format!("`{id}` is there already"));
        }
        let mut words = Words::default();
        for value in elements(element)? {
            only(value, &["nick", "value"])?;
            let (nick, number) = (required(value, "nick")?, required(value, "value")?);
            let parsed = gvariant::parse("x", number).ok().and_then(|value| value.number());
            let Some(gvariant::Number::Whole(parsed)) = parsed else { return Err(format!("the number `{number}`")) };
            let fits =
                if flags { u32::try_from(parsed).ok() } else { i32::try_from(parsed).ok().map(i32::cast_unsigned) };
            let fits = fits.filter(|_| value.name == "value" && nick.len() > 1);
            let number = fits.ok_or_else(|| format!("<{} nick=\"{nick}\" value=\"{number}\">", value.name))?;
            if words.find(nick, false).is_some() || words.has_number(number) || (flags && number.count_ones() > 1) {
                return Err(format!("the value of `{nick}`"));
            }
            // No flag is said by an empty list.
            if !(flags && number == 0) {
                words.add(nick, number, false)?;
            }
        }
        if words.0.is_empty() {
            return Err(format!("`{id}` has no value"));
        }
        table.insert(id.as_bytes(), words);
        Ok(())
    }

    fn schema(&mut self, element: &Element, domain: Option<&str>, any_name: bool) -> Refused<()> {
        only(element, &["id", "path", "gettext-domain", "extends", "list-of"])?;
        let id = required(element, "id")?.to_owned();
        let text = |name: &str| element.attribute(name).map(str::to_owned);
        let mut schema = Schema {
            path: text("path"),
            domain: text("gettext-domain").or_else(|| domain.map(str::to_owned)),
            extends: text("extends"),
            list_of: text("list-of"),
            keys: Table::default(),
        };
        if self.schemas.get(id.as_bytes()).is_some() {
            return Err(format!("the schema `{id}` is there already"));
        }
        if let Some(extends) = &schema.extends {
            let other = self.schemas.get(extends.as_bytes());
            let other =
                other.filter(|other| other.path.is_none()).ok_or_else(|| format!("`{id}` extends `{extends}`"))?;
            schema.list_of = schema.list_of.or_else(|| other.list_of.clone());
        }
        if schema.path.as_ref().is_some_and(|path| !path.starts_with('/') || !path.ends_with('/')) {
            return Err(format!("the path of `{id}`"));
        }
        for part in elements(element)? {
            let name = required(part, "name")?;
            let inserted = match part.name.as_str() {
                "child" => {
                    only(part, &["name", "schema"])?;
                    check_name(name, any_name)?;
                    (format!("{name}/"), Key::Child(required(part, "schema")?.to_owned()))
                }
                "key" => {
                    check_name(name, any_name)?;
                    (name.to_owned(), Key::Value(Box::new(self.key(part, schema.domain.as_deref())?)))
                }
                "override" => (name.to_owned(), Key::Value(Box::new(self.overridden(&schema, part, name)?))),
                other => return Err(format!("<{other}> in <schema>")),
            };
            if schema.keys.get(inserted.0.as_bytes()).is_some() {
                return Err(format!("`{name}` is twice in `{id}`"));
            }
            schema.keys.insert(inserted.0.as_bytes(), inserted.1);
        }
        self.schemas.insert(id.as_bytes(), schema);
        Ok(())
    }

    fn key(&self, element: &Element, domain: Option<&str>) -> Refused<Setting> {
        only(element, &["name", "type", "enum", "flags"])?;
        let of = |name: &str, table: &Table<Words>| {
            let id = element.attribute(name)?;
            Some(table.get(id.as_bytes()).cloned().ok_or_else(|| format!("the {name} `{id}`")))
        };
        let mut setting = Setting::default();
        match (element.attribute("type"), of("enum", &self.enumerations), of("flags", &self.flags)) {
            (Some(kind), None, None) if gvariant::is_type(kind) => setting.kind = kind.to_owned(),
            (None, Some(words), None) => {
                (setting.kind, setting.words, setting.words_are) = ("s".into(), words?, WordsAre::Enumeration);
            }
            (None, None, Some(words)) => {
                (setting.kind, setting.words, setting.words_are) = ("as".into(), words?, WordsAre::Flags);
            }
            _ => return Err("a key without one type".into()),
        }
        for part in elements(element)? {
            match part.name.as_str() {
                "default" => setting.set_default(part, domain)?,
                "summary" | "description" => {}
                "range" => setting.set_range(part)?,
                "choices" => {
                    let inner = setting.kind.trim_start_matches(['a', 'm']);
                    if setting.words_are != WordsAre::Choices || !setting.words.0.is_empty() || inner != "s" {
                        return Err("<choices> of a key that has none".into());
                    }
                    for choice in elements(part)? {
                        setting.words.add(required(choice, "value")?, 0, false)?;
                    }
                }
                "aliases" => {
                    for alias in elements(part)? {
                        let target = required(alias, "target")?;
                        let number = setting.words.find(target, false).ok_or_else(|| format!("the word `{target}`"))?;
                        let number = u32::try_from(number).map_err(|_| "too many words".to_owned())?;
                        setting.words.add(required(alias, "value")?, number, true)?;
                    }
                }
                other => return Err(format!("<{other}> in <key>")),
            }
        }
        setting.check(setting.default.as_ref().ok_or("a key without a default")?)?;
        Ok(setting)
    }

    /// A key of a schema that is extended, with another default.
    fn overridden(&self, schema: &Schema, element: &Element, name: &str) -> Refused<Setting> {
        only(element, &["name", "l10n", "context"])?;
        let mut next = schema.extends.clone();
        while let Some(extends) = next {
            let other = self.schemas.get(extends.as_bytes()).ok_or("a schema that is not there")?;
            if let Some(Key::Value(original)) = other.keys.get(name.as_bytes()) {
                let mut setting = Setting {
                    kind: original.kind.clone(),
                    words: original.words.clone(),
                    words_are: original.words_are,
                    range: original.range.clone(),
                    ..Setting::default()
                };
                setting.set_default(element, schema.domain.as_deref())?;
                setting.check(setting.default.as_ref().ok_or("a key without a default")?)?;
                return Ok(setting);
            }
            next = other.extends.clone();
        }
        Err(format!("no key `{name}` to override"))
    }

    /// Applies a file of overrides; returns what is wrong with single lines, which are left out.
    fn override_defaults(&mut self, text: &str, file: &str) -> Refused<Vec<String>> {
        let mut complaints = Vec::new();
        let mut group: Option<String> = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                group = Some(name.to_owned());
                continue;
            }
            let (key, value) = line.split_once('=').ok_or("a line without `=`")?;
            let (key, value) = (key.trim_end(), value.trim_start());
            let group = group.as_deref().ok_or("a line before the first group")?;
            let (id, desktop) = group.split_once(':').map_or((group, None), |(id, desktop)| (id, Some(desktop)));
            // Overrides for programs that are not installed are usual.
            let Some(schema) = self.schemas.get_mut(id.as_bytes()) else { continue };
            let Some(Key::Value(setting)) = schema.keys.get_mut(key.as_bytes()) else {
                complaints.push(format!(
                    "No such key “{key}” in schema “{group}” as specified in override file “{file}”; ignoring override \
                     for this key."
                ));
                continue;
            };
            if desktop.is_some() && setting.translated.is_some() {
                complaints.push(format!(
                    "Cannot provide per-desktop overrides for localized key “{key}” in schema “{group}” (override file \
                     “{file}”); ignoring override for this key."
                ));
                continue;
            }
            let parsed = gvariant::parse(&setting.kind, value).map_err(|error| format!("{key} = {value}: {error}"))?;
            if let Err(why) = setting.check(&parsed) {
                complaints
                    .push(format!("Override for key “{key}” in “{file}”: {why}; ignoring override for this key."));
                continue;
            }
            match desktop {
                Some(desktop) => setting.desktops.insert(desktop.as_bytes(), parsed),
                None => setting.default = Some(parsed),
            }
        }
        Ok(complaints)
    }

    /// The file's tables.
    fn table(&self) -> Table<Item> {
        let mut root = Table::default();
        root.insert(b"", Item::default());
        for (id, schema) in self.schemas.iter() {
            let content = Content::Table(schema.table());
            root.insert(id, Item { parent: Some(Vec::new()), content });
        }
        root
    }
}

impl Schema {
    fn table(&self) -> Table<Item> {
        let mut table = Table::default();
        table.insert(b"", Item::default());
        let mut translated = false;
        for (name, key) in self.keys.iter() {
            let value = match key {
                Key::Child(schema) => Value::string(schema),
                Key::Value(setting) => {
                    translated |= setting.translated.is_some();
                    setting.value()
                }
            };
            table.insert(name, Item { parent: Some(Vec::new()), content: Content::Value(value) });
        }
        let domain = self.domain.as_ref().filter(|_| translated);
        for (name, text) in [
            (".path", self.path.as_ref()),
            (".extends", self.extends.as_ref()),
            (".list-of", self.list_of.as_ref()),
            (".gettext-domain", domain),
        ] {
            if let Some(text) = text {
                table.insert(name.as_bytes(), Item { parent: None, content: Content::Value(Value::string(text)) });
            }
        }
        table
    }
}

impl Setting {
    fn set_default(&mut self, element: &Element, domain: Option<&str>) -> Refused<()> {
        self.translated = match element.attribute("l10n") {
            None => None,
            Some("messages") => Some(b'm'),
            Some("time") => Some(b't'),
            Some(other) => return Err(format!("l10n=\"{other}\"")),
        };
        self.context = element.attribute("context").map(str::to_owned);
        if self.translated.is_some() && domain.is_none() || self.translated.is_none() && self.context.is_some() {
            return Err("l10n without a domain, or a context without it".into());
        }
        let mut text = String::new();
        for child in &element.children {
            match child {
                Child::Text(part) => text.push_str(part),
                Child::Comment(_) => {}
                Child::Element(inner) => return Err(format!("<{}> in a default", inner.name)),
            }
        }
        self.default =
            Some(gvariant::parse(&self.kind, &text).map_err(|error| format!("the default `{text}`: {error}"))?);
        self.unparsed = text;
        Ok(())
    }

    fn set_range(&mut self, element: &Element) -> Refused<()> {
        only(element, &["min", "max"])?;
        let (least, most) = match self.kind.as_str() {
            "y" => ("0", "255"),
            "n" => ("-32768", "32767"),
            "q" => ("0", "65535"),
            "i" => ("-2147483648", "2147483647"),
            "u" => ("0", "4294967295"),
            "x" => ("-9223372036854775808", "9223372036854775807"),
            "t" => ("0", "18446744073709551615"),
            "d" => ("-inf", "inf"),
            other => return Err(format!("a range of the type `{other}`")),
        };
        let end = |name: &str, usual: &str| {
            let text = element.attribute(name).unwrap_or(usual);
            gvariant::parse(&self.kind, text).map_err(|error| format!("the range's `{text}`: {error}"))
        };
        self.range = Some((end("min", least)?, end("max", most)?));
        Ok(())
    }

    /// Whether it may have this value.
    fn check(&self, value: &Value) -> Refused<()> {
        if let Some((least, most)) = &self.range {
            let inside = least.number() <= value.number() && value.number() <= most.number();
            return if inside { Ok(()) } else { Err("a value outside of the range".into()) };
        }
        if self.words.0.is_empty() {
            return Ok(());
        }
        match value.texts().into_iter().find(|text| self.words.find(text, false).is_none()) {
            None => Ok(()),
            Some(text) => Err(format!("`{text}` is none of the words")),
        }
    }

    /// The tuple in which it is kept: the default, and what else there is to say, each behind its letter.
    fn value(&self) -> Value {
        let mut members: Vec<Value> = self.default.iter().cloned().collect();
        if let Some(category) = self.translated {
            let text = self.unparsed.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\u{b}');
            let text = self.context.as_ref().map_or_else(|| text.to_owned(), |context| format!("{context}\u{4}{text}"));
            let inner = Value::tuple(vec![Value::byte(category), Value::string(&text)]);
            members.push(Value::tuple(vec![Value::byte(b'l'), inner]));
        }
        if !self.words.0.is_empty() {
            let letter = match self.words_are {
                WordsAre::Choices => b'c',
                WordsAre::Enumeration => b'e',
                WordsAre::Flags => b'f',
            };
            members.push(Value::tuple(vec![Value::byte(letter), self.words.value()]));
        }
        if let Some((least, most)) = &self.range {
            let inner = Value::tuple(vec![least.clone(), most.clone()]);
            members.push(Value::tuple(vec![Value::byte(b'r'), inner]));
        }
        if !self.desktops.is_empty() {
            let entry = |(name, value): (&[u8], &Value)| Value {
                kind: "{sv}".into(),
                data: gvariant::Data::Many(vec![Value::string(&show(name)), value.clone().variant()]),
            };
            let entries = self.desktops.iter().map(entry).collect();
            members.push(Value::tuple(vec![Value::byte(b'd'), Value::array("a{sv}".into(), entries)]));
        }
        Value::tuple(members)
    }
}

/// Words with their numbers as GIO keeps them, in 32-bit units (gio/strinfo.c): the number, then the byte 0xff, or 0xfe
/// for an alias, whose number is the place of the word that it stands for; the word, and zeros up to a last 0xff.
#[derive(Debug, Clone, Default)]
struct Words(Vec<u8>);

impl Words {
    fn packed(word: &str, alias: bool) -> Refused<Vec<u8>> {
        let units = ((word.len() + 6) / 4).max(2);
        // Longer ones are not found.
        if units > 17 {
            return Err(format!("the long word `{word}`"));
        }
        let mut packed = vec![0; units * 4];
        packed[0] = if alias { 0xfe } else { 0xff };
        packed[1..=word.len()].copy_from_slice(word.as_bytes());
        packed[units * 4 - 1] = 0xff;
        Ok(packed)
    }

    /// The unit in which a word's number stands.
    fn find(&self, word: &str, alias: bool) -> Option<usize> {
        let packed = Self::packed(word, alias).ok()?;
        let rest = self.0.get(4..)?;
        (0..rest.len() / 4).find(|unit| rest[unit * 4..].starts_with(&packed))
    }

    fn has_number(&self, number: u32) -> bool {
        let units = self.0.len() / 4;
        let at = |unit: usize| {
            let here = &self.0[unit * 4..];
            here.starts_with(&number.to_le_bytes())
                && (unit == 0 || self.0[unit * 4 - 1] == 0xff)
                && here.get(4) == Some(&0xff)
        };
        (0..units).any(at)
    }

    fn add(&mut self, word: &str, number: u32, alias: bool) -> Refused<()> {
        if self.find(word, false).is_some() || self.find(word, true).is_some() {
            return Err(format!("the word `{word}` twice"));
        }
        self.0.extend_from_slice(&number.to_le_bytes());
        self.0.extend(Self::packed(word, alias)?);
        Ok(())
    }

    fn value(&self) -> Value {
        let unit = |bytes: &[u8]| Value { kind: "u".into(), data: gvariant::Data::Fixed(bytes.to_vec()) };
        Value::array("au".into(), self.0.chunks(4).map(unit).collect())
    }
}

/// The elements in an element that holds nothing else.
fn elements(parent: &Element) -> Refused<Vec<&Element>> {
    let mut found = Vec::new();
    for child in &parent.children {
        match child {
            // What has a prefix is for others.
            Child::Element(element) if !element.name.contains(':') => found.push(element),
            Child::Text(text) if !text.trim().is_empty() => return Err(format!("text in <{}>", parent.name)),
            _ => {}
        }
    }
    Ok(found)
}

/// Whether an element has no other attributes than these.
fn only(element: &Element, known: &[&str]) -> Refused<()> {
    let other = |(name, _): &&(String, String)| !name.contains(':') && !known.contains(&name.as_str());
    match element.attributes.iter().find(other) {
        None => Ok(()),
        Some((name, _)) => Err(format!("the attribute `{name}` of <{}>", element.name)),
    }
}

fn required<'e>(element: &'e Element, name: &str) -> Refused<&'e str> {
    element.attribute(name).ok_or_else(|| format!("<{}> without `{name}`", element.name))
}

/// Names of keys: small letters, digits, single hyphens within.
fn check_name(name: &str, any: bool) -> Refused<()> {
    let bytes = name.as_bytes();
    let letters = bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
    let shape = bytes.first().is_some_and(u8::is_ascii_lowercase) && !name.ends_with('-') && !name.contains("--");
    if !name.is_empty() && name.len() <= 1024 && (any || (letters && shape)) {
        Ok(())
    } else {
        Err(format!("the name `{name}`"))
    }
}

#[cfg(test)]
mod tests;
