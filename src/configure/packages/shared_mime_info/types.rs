//! What packages declare of types.

use std::rc::Rc;

use crate::format::ghash::Table;
use crate::format::xml::Child;
use crate::format::xml::Element;

/// The namespace of what is understood.
pub(super) const NAMESPACE: &str = "http://www.freedesktop.org/standards/shared-mime-info";
/// In place of a pattern, of bytes: forget those that other directories have for the type.
const NO_GLOBS: &str = "__NOGLOBS__";
const NO_MAGIC: &[u8] = b"__NOMAGIC__";

/// All types, as declared by all files.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// Type → the elements that its own file has.
    pub(super) types: Table<Vec<Element>>,
    /// `URI LOCAL-NAME` → type.
    pub(super) namespaces: Table<Rc<str>>,
    /// Pattern → who has it.
    pub(super) globs: Table<Vec<Glob>>,
    pub(super) magic: Vec<Magic<Match>>,
    pub(super) tree_magic: Vec<Magic<TreeMatch>>,
    /// Type → what it is a kind of.
    pub(super) subclasses: Table<Vec<String>>,
    /// Other name → type.
    pub(super) aliases: Table<Rc<str>>,
    pub(super) icons: Table<String>,
    pub(super) generic_icons: Table<String>,
}

/// A pattern of names.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    pub(super) weight: i32,
    pub(super) pattern: String,
    pub(super) kind: Rc<str>,
    pub(super) none: bool,
    pub(super) case_sensitive: bool,
}

/// How a type is told by bytes, or by the files of a volume.
#[derive(Debug, Clone)]
pub(super) struct Magic<M> {
    pub(super) priority: i32,
    pub(super) kind: Rc<str>,
    pub(super) none: bool,
    pub(super) matches: Vec<M>,
}

/// Bytes at a place; one of those below must match as well.
#[derive(Debug, Clone, Default)]
pub(super) struct Match {
    pub(super) start: i64,
    pub(super) length: i32,
    pub(super) word: u8,
    pub(super) data: Vec<u8>,
    pub(super) mask: Option<Vec<u8>>,
    pub(super) matches: Vec<Self>,
}

/// A file of a volume.
#[derive(Debug, Clone)]
pub(super) struct TreeMatch {
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) match_case: bool,
    pub(super) executable: bool,
    pub(super) non_empty: bool,
    pub(super) mime: Option<String>,
    pub(super) matches: Vec<Self>,
}

/// Why an element is not used.
type Refused<T> = Result<T, String>;

impl Database {
    /// Adds a file; returns what is wrong with single types.
    pub(super) fn add(&mut self, root: &Element) -> Refused<Vec<String>> {
        if root.name != "mime-info" || !is_known(root) {
            return Err(format!("<{}> is not <mime-info>", root.name));
        }
        let mut complaints = Vec::new();
        for element in root.elements() {
            let name = element.attribute("type").unwrap_or_default();
            let done = match (element.name.as_str(), name.split_once('/')) {
                ("mime-type", Some((_, sub))) if is_known(element) && !sub.contains('/') => {
                    self.add_type(name, element)?
                }
                ("mime-type", _) if is_known(element) => Err(format!("Invalid MIME-type '{name}'")),
                _ => Err("Excepted <mime-type>, but got wrong name or namespace".into()),
            };
            complaints.extend(done.err().map(|why| format!("Error in type '{name}': {why}")));
        }
        Ok(complaints)
    }

    /// Puts magic in its order.
    pub(super) fn sort(&mut self) {
        let split = |kind: &str| kind.split_once('/').map(|(media, sub)| (media.to_owned(), sub.to_owned()));
        self.magic.sort_by(|a, b| match a.none || b.none {
            true => b.none.cmp(&a.none),
            false => b.priority.cmp(&a.priority).then_with(|| split(&a.kind).cmp(&split(&b.kind))),
        });
        self.tree_magic.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| split(&a.kind).cmp(&split(&b.kind))));
    }

    /// Reads a type's elements up to one that is wrong. The outer error: it cannot be written here.
    fn add_type(&mut self, name: &str, element: &Element) -> Refused<Refused<()>> {
        if self.types.get(name.as_bytes()).is_none() {
            self.types.insert(name.as_bytes(), Vec::new());
        }
        let kind: Rc<str> = name.into();
        for field in element.elements() {
            if !is_known(field) {
                return Err(format!("<{}> of another namespace", field.name));
            }
            match self.add_field(&kind, field) {
                Ok(false) => {}
                Ok(true) => self.keep(name, field)?,
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(Ok(()))
    }

    /// Keeps an element for the type's own file, in place of an older comment of its language.
    fn keep(&mut self, name: &str, field: &Element) -> Refused<()> {
        let odd = |(name, _): &&(String, String)| name.contains(':') && name != "xml:lang";
        if let Some((attribute, _)) = field.attributes.iter().find(odd) {
            return Err(format!("the attribute `{attribute}`"));
        }
        let kept = self.types.get_mut(name.as_bytes()).ok_or("a type that is not there")?;
        if field.name == "comment" {
            let language = field.attribute("xml:lang");
            let same = |old: &Element| old.name == "comment" && old.attribute("xml:lang") == language;
            if let Some(place) = kept.iter().position(same) {
                kept.remove(place);
            }
        }
        kept.push(field.clone());
        Ok(())
    }

    /// Takes note of an element; whether it belongs into the type's own file, too.
    fn add_field(&mut self, kind: &Rc<str>, field: &Element) -> Refused<bool> {
        match field.name.as_str() {
            "comment" | "acronym" | "expanded-acronym" => Ok(true),
            "glob" => self.add_glob(kind, field),
            "glob-deleteall" => {
                self.push_glob(Glob {
                    weight: 0,
                    pattern: NO_GLOBS.into(),
                    kind: Rc::clone(kind),
                    none: true,
                    case_sensitive: false,
                });
                Ok(true)
            }
            "magic" => {
                let priority = percentage(field, "priority").ok_or("Bad priority (-1) in <magic> element")?;
                let matches = matches_of(field).map_err(|why| format!("Error in <match> element: {why}"))?;
                if matches.is_empty() {
                    return Err("Incomplete <magic> element".into());
                }
                self.magic.push(Magic { priority, kind: Rc::clone(kind), none: false, matches });
                Ok(false)
            }
            "magic-deleteall" => {
                let matches = vec![Match { length: 1, word: 1, data: NO_MAGIC.to_vec(), ..Match::default() }];
                self.magic.push(Magic { priority: 0, kind: Rc::clone(kind), none: true, matches });
                Ok(false)
            }
            "treemagic" => {
                let priority = percentage(field, "priority").ok_or("Bad priority (-1) in <treemagic> element")?;
                let matches = tree_matches_of(field).map_err(|why| format!("Error in <treematch> element: {why}"))?;
                self.tree_magic.push(Magic { priority, kind: Rc::clone(kind), none: false, matches });
                Ok(false)
            }
            name @ ("alias" | "sub-class-of") => {
                let other = field.attribute("type").filter(|other| other.contains('/'));
                let other = other.ok_or_else(|| format!("Incorrect or missing 'type' attribute in <{name}>"))?;
                if name == "alias" {
                    self.aliases.insert(other.as_bytes(), Rc::clone(kind));
                } else if let Some(parents) = self.subclasses.get_mut(kind.as_bytes()) {
                    parents.push(other.to_owned());
                } else {
                    self.subclasses.insert(kind.as_bytes(), vec![other.to_owned()]);
                }
                Ok(true)
            }
            "root-XML" => {
                let part = |name: &str| field.attribute(name).ok_or_else(|| format!("Missing '{name}' attribute'"));
                let (uri, local) = (part("namespaceURI")?, part("localName")?);
                if (uri.is_empty() && local.is_empty()) || [uri, local].iter().any(|part| part.contains([' ', '\n'])) {
                    return Err("namespaceURI and localName cannot both be empty, or contain spaces or newlines".into());
                }
                self.namespaces.insert(format!("{uri} {local}").as_bytes(), Rc::clone(kind));
                Ok(false)
            }
            name @ ("icon" | "generic-icon") => {
                let Some(icon) = field.attribute("name") else { return Ok(false) };
                let table = if name == "icon" { &mut self.icons } else { &mut self.generic_icons };
                table.insert(kind.as_bytes(), icon.to_owned());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn add_glob(&mut self, kind: &Rc<str>, field: &Element) -> Refused<bool> {
        let weight = percentage(field, "weight");
        let case_sensitive = field.attribute("case-sensitive") == Some("true");
        let pattern = field.attribute("pattern").filter(|pattern| !pattern.is_empty());
        let pattern = pattern.ok_or("Missing 'pattern' attribute in <glob> element")?;
        let pattern = if case_sensitive { pattern.to_owned() } else { pattern.to_ascii_lowercase() };
        let glob = Glob { weight: weight.unwrap_or(-1), pattern, kind: Rc::clone(kind), none: false, case_sensitive };
        self.push_glob(glob);
        weight.map(|_| true).ok_or_else(|| "Bad weight (-1) in <glob> element".into())
    }

    fn push_glob(&mut self, glob: Glob) {
        match self.globs.get_mut(glob.pattern.as_bytes()) {
            Some(list) => list.push(glob),
            None => self.globs.insert(glob.pattern.clone().as_bytes(), vec![glob]),
        }
    }
}

fn is_known(element: &Element) -> bool {
    element.namespace.as_deref() == Some(NAMESPACE) && !element.name.contains(':')
}

/// A number up to 100, 50 when there is none; `None` for another.
fn percentage(element: &Element, name: &str) -> Option<i32> {
    match element.attribute(name) {
        None => Some(50),
        Some(text) => text.trim_start().parse().ok().filter(|number| (0..=100).contains(number)),
    }
}

/// The children that say how to match; text and comments do not count.
fn children<'e>(parent: &'e Element, name: &str) -> Refused<Vec<&'e Element>> {
    let mut found = Vec::new();
    for child in &parent.children {
        let Child::Element(child) = child else { continue };
        if !is_known(child) {
            return Err("Element found with non-freedesktop.org namespace".into());
        }
        if child.name != name {
            return Err(format!("Expected <{name}> element, but found <{}> instead", child.name));
        }
        found.push(child);
    }
    Ok(found)
}

fn matches_of(parent: &Element) -> Refused<Vec<Match>> {
    let one = |element: &Element| {
        let (start, length) = offset(element.attribute("offset").unwrap_or_default())?;
        let kind = element.attribute("type").ok_or("Missing 'type' attribute in <match>")?;
        let word = match kind {
            "host16" => 2,
            "host32" => 4,
            "big16" | "big32" | "little16" | "little32" | "string" | "byte" => 1,
            _ => return Err(format!("Unknown magic type '{kind}'")),
        };
        let value = element.attribute("value").filter(|value| !value.is_empty()).ok_or("No value specified")?;
        let mask = element.attribute("mask");
        let (data, mask) = match kind {
            "string" => {
                let data = unescaped(value.as_bytes());
                let mask = mask.map(|mask| string_mask(mask, data.len())).transpose()?;
                (data, mask)
            }
            _ => {
                let size = if kind == "byte" { 1 } else { if kind.ends_with("16") { 2 } else { 4 } };
                // Host order is that of the file, which is the big one.
                let big = !kind.starts_with('l') && kind != "byte";
                (number(value, size, big)?, mask.map(|mask| number(mask, size, big)).transpose()?)
            }
        };
        Ok(Match { start, length, word, data, mask, matches: matches_of(element)? })
    };
    children(parent, "match")?.into_iter().map(one).collect()
}

/// `START` or `START:END`.
fn offset(text: &str) -> Refused<(i64, i32)> {
    let invalid = || "Invalid offset".to_owned();
    let (start, end) = text.split_once(':').map_or((text, None), |(start, end)| (start, Some(end)));
    let start: i64 = start.trim_start().parse().map_err(|_| invalid())?;
    let length = match end.map(str::parse::<i32>) {
        None => 1,
        Some(Ok(end)) if start >= 0 && i64::from(end) >= start => {
            i32::try_from(i64::from(end) - start + 1).map_err(|_| invalid())?
        }
        Some(_) => return Err(invalid()),
    };
    Ok((start, length))
}

/// A number as C writes it, in so many bytes.
fn number(text: &str, size: usize, big: bool) -> Refused<Vec<u8>> {
    let trimmed = text.trim_start();
    let (negative, digits) = trimmed.strip_prefix('-').map_or((false, trimmed), |digits| (true, digits));
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(&digits[1..], 8),
        None => digits.parse(),
    };
    let value = value.map_err(|_| "Value is not a number".to_owned())?;
    let value = if negative { value.wrapping_neg() } else { value };
    if size < 4 && value >> (8 * size) != 0 {
        return Err(format!("Number out-of-range ({value:x} should fit in {size} bytes)"));
    }
    let bytes = value.to_be_bytes();
    let mut bytes = bytes[8 - size..].to_vec();
    if !big {
        bytes.reverse();
    }
    Ok(bytes)
}

/// A string with C's escapes, of which a number may be short.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&letter) = text.get(at) else { break };
        at += 1;
        out.push(match letter {
            b'n' => b'\n',
            b'r' => b'\r',
            b'b' => 8,
            b't' => b'\t',
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'7' => {
                let mut value = u32::from(letter - b'0');
                for _ in 0..2 {
                    let Some(digit) = text.get(at).filter(|digit| (b'0'..=b'7').contains(*digit)) else { break };
                    value = value << 3 | u32::from(digit - b'0');
                    at += 1;
                }
                (value & 0xff) as u8
            }
            b'x' => {
                let mut value = None;
                for _ in 0..2 {
                    let Some(digit) = text.get(at).and_then(|digit| char::from(*digit).to_digit(16)) else { break };
                    value = Some(value.unwrap_or(0) << 4 | digit);
                    at += 1;
                }
                value.map_or(b'x', |value| (value & 0xff) as u8)
            }
            other => other,
        });
    }
    out
}

/// `0x` and the nibbles, of which the last may be missing.
fn string_mask(text: &str, length: usize) -> Refused<Vec<u8>> {
    let digits = text.strip_prefix("0x").ok_or("String masks must be in base 16 (starting with 0x)")?;
    if digits.len() > length * 2 {
        return Err("Mask is longer than value".into());
    }
    let mut mask = vec![0; length];
    for (place, digit) in digits.chars().enumerate() {
        let nibble = digit.to_digit(16).ok_or_else(|| format!("'{digit}' is not a valid hex digit"))?;
        let nibble = (nibble & 0xf) as u8;
        mask[place / 2] |= if place % 2 == 1 { nibble } else { nibble << 4 };
    }
    Ok(mask)
}

fn tree_matches_of(parent: &Element) -> Refused<Vec<TreeMatch>> {
    let one = |element: &Element| {
        let is = |name: &str| element.attribute(name) == Some("true");
        Ok(TreeMatch {
            path: element.attribute("path").ok_or("Missing 'path' attribute in <treematch>")?.to_owned(),
            kind: match element.attribute("type") {
                None => "any",
                Some("file") => "file",
                Some("directory") => "directory",
                Some("link") => "link",
                Some(_) => return Err("Invalid 'type' attribute in <treematch>".into()),
            },
            match_case: is("match-case"),
            executable: is("executable"),
            non_empty: is("non-empty"),
            mime: element.attribute("mimetype").map(str::to_owned),
            matches: tree_matches_of(element)?,
        })
    };
    children(parent, "treematch")?.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cs() {
        assert_eq!(unescaped(br"a\n\101\x41\xg\1z\\\q"), b"a\nAA\x78g\x01z\\q");
        assert_eq!(number("0x0102", 2, true), Ok(vec![1, 2]));
        assert_eq!(number("0102", 4, false), Ok(vec![0x42, 0, 0, 0]));
        assert!(number("256", 1, false).is_err() && number("x", 2, true).is_err());
        assert_eq!(string_mask("0xff0", 2), Ok(vec![0xff, 0]));
        assert!(string_mask("ff", 1).is_err() && string_mask("0xffff", 1).is_err());
        assert_eq!(offset("4:10"), Ok((4, 7)));
        assert!(offset("9:4").is_err() && offset("").is_err() && offset("1x").is_err());
    }
}
