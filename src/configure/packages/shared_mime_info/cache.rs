//! `mime.cache`, version 1.2: the database to be mapped into memory, numbers in the big order. Offsets count from the
//! beginning; texts stand once each, first of all.

use super::types::Database;
use super::types::Glob;
use super::types::Magic;
use super::types::Match;
use crate::format::ghash::Table;

const HEADER: usize = 44;
const ENTRY: usize = 12;
const MAGIC: usize = 16;
const MATCH: usize = 32;
const CASE_SENSITIVE: u32 = 0x100;

/// The file, and where its texts are.
struct Cache {
    bytes: Vec<u8>,
    texts: Table<u32>,
}

/// Writes the cache.
///
/// # Errors
/// What is not understood.
pub(super) fn write(database: &Database) -> Result<Vec<u8>, String> {
    let mut cache = Cache { bytes: vec![0; HEADER], texts: Table::default() };
    cache.collect(database)?;
    let mut offsets = Vec::new();
    let mut section = |cache: &mut Cache, write: &dyn Fn(&mut Cache) -> Result<(), String>| {
        offsets.push(cache.bytes.len());
        write(cache)
    };
    section(&mut cache, &|cache| cache.pairs(database.aliases.iter().map(|(key, kind)| (key, kind.as_bytes()))))?;
    section(&mut cache, &|cache| cache.parents(database))?;
    section(&mut cache, &|cache| cache.globs(database, Shape::Literal))?;
    section(&mut cache, &|cache| cache.suffixes(database))?;
    section(&mut cache, &|cache| cache.globs(database, Shape::Full))?;
    section(&mut cache, &|cache| cache.magic(&database.magic))?;
    section(&mut cache, &|cache| cache.namespaces(database))?;
    section(&mut cache, &|cache| cache.pairs(database.icons.iter().map(|(key, icon)| (key, icon.as_bytes()))))?;
    section(&mut cache, &|cache| cache.pairs(database.generic_icons.iter().map(|(key, icon)| (key, icon.as_bytes()))))?;
    section(&mut cache, &|cache| {
        cache.number(database.types.len());
        // The real one looks the types up with a newline behind them, and finds none.
        cache.bytes.resize(cache.bytes.len() + 4 * database.types.len(), 0);
        Ok(())
    })?;
    let mut header = vec![0, 1, 0, 2];
    offsets.iter().for_each(|offset| header.extend_from_slice(&word(*offset)));
    cache.bytes[..HEADER].copy_from_slice(&header);
    Ok(cache.bytes)
}

/// A number of the file; nothing here comes near four GiB.
fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

/// What a pattern is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Literal,
    /// `*` and an ending.
    Suffix,
    Full,
}

impl Shape {
    fn of(pattern: &[u8]) -> Self {
        let ending = pattern.strip_prefix(b"*");
        match ending.unwrap_or(pattern).iter().any(|byte| b"\\[?*".contains(byte)) {
            true => Self::Full,
            false if ending.is_some() => Self::Suffix,
            false => Self::Literal,
        }
    }
}

impl Cache {
    fn number(&mut self, number: usize) {
        self.bytes.extend_from_slice(&word(number));
    }

    fn text(&mut self, text: &[u8]) {
        let offset = self.texts.get(text).copied().unwrap_or_default();
        self.bytes.extend_from_slice(&offset.to_be_bytes());
    }

    /// Gathers all texts, and writes them in their table's order.
    fn collect(&mut self, database: &Database) -> Result<(), String> {
        let mut add = |text: &[u8]| {
            if self.texts.get(text).is_none() {
                self.texts.insert(text, 0);
            }
        };
        for (alias, kind) in database.aliases.iter() {
            add(alias);
            add(kind.as_bytes());
        }
        for (kind, parents) in database.subclasses.iter() {
            add(kind);
            parents.iter().for_each(|parent| add(parent.as_bytes()));
        }
        for (pattern, globs) in database.globs.iter() {
            if Shape::of(pattern) != Shape::Suffix {
                add(pattern);
            }
            globs.iter().for_each(|glob| add(glob.kind.as_bytes()));
        }
        database.magic.iter().for_each(|magic| add(magic.kind.as_bytes()));
        for (name, kind) in database.namespaces.iter() {
            add(kind.as_bytes());
            let (uri, local) = parts(name);
            add(uri);
            add(local);
        }
        for (kind, icon) in database.generic_icons.iter().chain(database.icons.iter()) {
            add(kind);
            add(icon.as_bytes());
        }
        let order: Vec<Vec<u8>> = self.texts.iter().map(|(text, _)| text.to_vec()).collect();
        for text in order {
            if text.contains(&0) {
                return Err("a text with a zero in it".into());
            }
            let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
            self.texts.insert(&text, offset);
            self.bytes.extend_from_slice(&text);
            self.bytes.resize((self.bytes.len() + 1).next_multiple_of(4), 0);
        }
        Ok(())
    }

    /// A list of two texts each.
    fn pairs<'d>(&mut self, entries: impl Iterator<Item = (&'d [u8], &'d [u8])>) -> Result<(), String> {
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable();
        self.number(entries.len());
        for (key, value) in entries {
            self.text(key);
            self.text(value);
        }
        Ok(())
    }

    fn parents(&mut self, database: &Database) -> Result<(), String> {
        let mut entries: Vec<_> = database.subclasses.iter().collect();
        entries.sort_unstable();
        self.number(entries.len());
        let mut offset = self.bytes.len() + 8 * entries.len();
        for (kind, parents) in &entries {
            self.text(kind);
            self.number(offset);
            offset += 4 + 4 * parents.len();
        }
        for (_, parents) in &entries {
            self.number(parents.len());
            parents.iter().for_each(|parent| self.text(parent.as_bytes()));
        }
        Ok(())
    }

    fn globs(&mut self, database: &Database, shape: Shape) -> Result<(), String> {
        let mut entries: Vec<_> = database.globs.iter().filter(|(pattern, _)| Shape::of(pattern) == shape).collect();
        entries.sort_by_key(|(pattern, _)| *pattern);
        let globs: Vec<&Glob> = entries.iter().flat_map(|(_, globs)| globs.iter()).collect();
        self.number(globs.len());
        for glob in globs {
            self.text(glob.pattern.as_bytes());
            self.text(glob.kind.as_bytes());
            self.bytes.extend_from_slice(&weight(glob).to_be_bytes());
        }
        Ok(())
    }

    fn namespaces(&mut self, database: &Database) -> Result<(), String> {
        let mut entries: Vec<_> = database.namespaces.iter().collect();
        entries.sort_unstable();
        self.number(entries.len());
        for (name, kind) in entries {
            let (uri, local) = parts(name);
            self.text(uri);
            self.text(local);
            self.text(kind.as_bytes());
        }
        Ok(())
    }

    /// Endings, from the last character on, as a tree of which each level stands together.
    fn suffixes(&mut self, database: &Database) -> Result<(), String> {
        let mut root = Suffix::default();
        for (pattern, globs) in database.globs.iter().filter(|(pattern, _)| Shape::of(pattern) == Shape::Suffix) {
            let ending = std::str::from_utf8(&pattern[1..]).map_err(|_| "a pattern that is not UTF-8")?;
            if ending.is_empty() {
                return Err("a pattern that fits every name".into());
            }
            globs.iter().for_each(|glob| root.insert(ending.chars().rev(), glob));
        }
        self.number(root.children.len());
        self.number(self.bytes.len() + 4);
        let mut level: Vec<&Suffix> = root.children.iter().collect();
        while !level.is_empty() {
            let mut below = self.bytes.len() + ENTRY * level.len();
            for entry in &level {
                self.number(entry.character as usize);
                match &entry.kind {
                    Some((kind, weight)) => {
                        self.text(kind.as_bytes());
                        self.bytes.extend_from_slice(&weight.to_be_bytes());
                    }
                    None => {
                        self.number(entry.children.len());
                        self.number(below);
                    }
                }
                below += ENTRY * entry.children.len();
            }
            level = level.iter().flat_map(|entry| entry.children.iter()).collect();
        }
        Ok(())
    }

    fn magic(&mut self, all: &[Magic<Match>]) -> Result<(), String> {
        // Siblings stand together: who has some knows the place of the first.
        let mut flat: Vec<(&Match, usize)> = Vec::new();
        let firsts: Vec<usize> = all.iter().map(|magic| flatten(&magic.matches, &mut flat)).collect();
        let extent = |one: &Match| one.data.len() as i64 + one.start + i64::from(one.length);
        let most = flat.iter().map(|(one, _)| extent(one)).max().unwrap_or(0);
        self.number(all.len());
        self.number(usize::try_from(most).unwrap_or(0));
        self.number(self.bytes.len() + 4);
        let matches = self.bytes.len() + MAGIC * all.len();
        for (magic, first) in all.iter().zip(firsts) {
            self.number(usize::try_from(magic.priority).unwrap_or(0));
            self.text(magic.kind.as_bytes());
            self.number(magic.matches.len());
            self.number(matches + MATCH * first);
        }
        let mut data = matches + MATCH * flat.len();
        for (one, first) in &flat {
            self.bytes.extend_from_slice(&(one.start as u32).to_be_bytes());
            self.number(usize::try_from(one.length).unwrap_or(0));
            self.number(one.word.into());
            self.number(one.data.len());
            self.number(data);
            data = (data + one.data.len()).next_multiple_of(4);
            let mask = one.mask.as_ref().map_or(0, |_| data);
            self.number(mask);
            if one.mask.is_some() {
                data = (data + one.data.len()).next_multiple_of(4);
            }
            self.number(one.matches.len());
            self.number(if one.matches.is_empty() { 0 } else { matches + MATCH * first });
        }
        for (one, _) in &flat {
            for bytes in [Some(&one.data), one.mask.as_ref()].into_iter().flatten() {
                self.bytes.extend_from_slice(bytes);
                self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
            }
        }
        Ok(())
    }
}

/// Adds siblings, and then what is below each; returns the place of the first.
fn flatten<'d>(siblings: &'d [Match], flat: &mut Vec<(&'d Match, usize)>) -> usize {
    let first = flat.len();
    flat.extend(siblings.iter().map(|one| (one, 0)));
    for (place, one) in siblings.iter().enumerate() {
        flat[first + place].1 = flatten(&one.matches, flat);
    }
    first
}

fn weight(glob: &Glob) -> u32 {
    let weight = u32::try_from(glob.weight & 0xff).unwrap_or(0);
    weight | if glob.case_sensitive { CASE_SENSITIVE } else { 0 }
}

/// The two parts of a name of XML.
fn parts(name: &[u8]) -> (&[u8], &[u8]) {
    let space = memchr::memchr(b' ', name).unwrap_or(name.len());
    (&name[..space], name.get(space + 1..).unwrap_or_default())
}

/// A character of endings, or a type that ends there.
#[derive(Debug, Default)]
struct Suffix {
    character: u32,
    kind: Option<(std::rc::Rc<str>, u32)>,
    children: Vec<Self>,
}

impl Suffix {
    fn insert(&mut self, mut ending: impl Iterator<Item = char>, glob: &Glob) {
        let Some(character) = ending.next() else {
            // Types come first, in the order in which they are declared; of one type the greater weight counts.
            let types = self.children.iter().take_while(|child| child.character == 0).count();
            let known = self.children[..types].iter_mut().filter_map(|child| child.kind.as_mut());
            if let Some((_, old)) = known.into_iter().find(|(kind, _)| *kind == glob.kind) {
                let flags = *old & CASE_SENSITIVE;
                *old = flags | (*old & 0xff).max(weight(glob) & 0xff);
                return;
            }
            let kind = Some((std::rc::Rc::clone(&glob.kind), weight(glob)));
            self.children.insert(types, Self { character: 0, kind, children: Vec::new() });
            return;
        };
        let character = u32::from(character);
        let place = self.children.iter().position(|child| child.character >= character).unwrap_or(self.children.len());
        if self.children.get(place).is_none_or(|child| child.character != character) {
            self.children.insert(place, Self { character, kind: None, children: Vec::new() });
        }
        self.children[place].insert(ending, glob);
    }
}
