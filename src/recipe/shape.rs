//! Checks a document against the types of [`raw`](super::raw): keys and kinds of values, all problems at once.
//!
//! The types are looked at through their JSON schema, so there is one description for parser, editors and this.

use std::ops::Range;

use serde_json::Value as Json;
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::problem::Sources;
use super::problem::nearest;
use super::text::Table;
use super::text::Value;

/// Checks a whole document. Unknown keys are taken out, so that the rest can still be looked at.
///
/// Returns whether the document, without them, is of the types' shape.
pub(super) fn check(schema: &Json, document: &mut Table, sources: &mut Sources) -> bool {
    let mut shape = Shape { root: schema, sources, good: true };
    shape.table(schema, document, &(0..0), "");
    shape.good
}

struct Shape<'a> {
    root: &'a Json,
    sources: &'a mut Sources,
    good: bool,
}

impl<'a> Shape<'a> {
    fn value(&mut self, schema: &'a Json, value: &mut Spanned<Value>, path: &str) {
        let span = value.span();
        let choices = self.choices(schema);
        let kind = kind(value.get_ref());
        let fitting: Vec<&Json> = choices.iter().copied().filter(|choice| type_of(choice) == Some(kind)).collect();
        let Some(first) = fitting.first() else {
            let wanted: Vec<&str> = choices.iter().filter_map(|choice| type_of(choice)).map(named).collect();
            let quotes = wanted.contains(&"a string") && kind != "array" && kind != "object";
            let help = quotes.then(|| "write it in quotes".to_owned());
            return self.bad(&span, format!("`{path}` is {}, not {}", named(kind), one_of(&wanted)), help);
        };
        match value.get_mut() {
            DeValue::String(text) => self.word(&choices, text, &span, path),
            DeValue::Array(items) => {
                let number = items.len() as u64;
                let limit = |name: &str| first.get(name).and_then(Json::as_u64);
                if limit("minItems").is_some_and(|min| number < min)
                    || limit("maxItems").is_some_and(|max| number > max)
                {
                    let wanted = limit("minItems").unwrap_or(0);
                    self.bad(&span, format!("`{path}` has {wanted} elements, not {number}"), None);
                }
                if let Some(element) = first.get("items") {
                    items.iter_mut().for_each(|item| self.value(element, item, path));
                }
            }
            DeValue::Table(table) => self.table(first, table, &span, path),
            _ => {}
        }
    }

    /// A string: any, unless all that fits are words of a list.
    fn word(&mut self, choices: &[&'a Json], text: &str, span: &Range<usize>, path: &str) {
        let mut words = Vec::new();
        for choice in choices.iter().filter(|choice| type_of(choice) == Some("string")) {
            match (choice.get("const"), choice.get("enum").and_then(Json::as_array)) {
                (Some(word), _) => words.extend(word.as_str()),
                (None, Some(list)) => words.extend(list.iter().filter_map(Json::as_str)),
                (None, None) => return,
            }
        }
        if !words.contains(&text) {
            let help = nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
            let quoted = words.iter().map(|word| format!("\"{word}\""));
            let kinds = choices.iter().filter_map(|choice| type_of(choice)).filter(|kind| *kind != "string");
            let wanted: Vec<String> = quoted.chain(kinds.map(|kind| named(kind).to_owned())).collect();
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            self.bad(span, format!("`{path}` is {text:?}, not {}", one_of(&wanted)), help);
        }
    }

    fn table(&mut self, schema: &'a Json, table: &mut Table, span: &Range<usize>, path: &str) {
        let known = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|schema| schema.is_object());
        let mut unknown = Vec::new();
        for (key, value) in table.iter_mut() {
            let name = key.get_ref().as_ref();
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match known.and_then(|known| known.get(name)).or(others) {
                Some(schema) => self.value(schema, value, &below),
                None => unknown.push((name.to_owned(), key.span(), below)),
            }
        }
        let names = || known.iter().flat_map(|known| known.keys()).map(String::as_str);
        for (name, span, below) in unknown {
            let message = format!("unknown key `{}`", below.escape_debug());
            let help = match nearest(&name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", names().collect::<Vec<_>>().join(", ")),
            };
            self.sources.report(&span, message, Some(help));
            table.remove(name.as_str());
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if !table.contains_key(name) {
                let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                self.bad(span, format!("`{below}` is missing"), None);
            }
        }
    }

    /// The schemas of which one must fit: references, options and alternatives resolved.
    fn choices(&self, schema: &'a Json) -> Vec<&'a Json> {
        if let Some(name) = schema.get("$ref").and_then(Json::as_str).and_then(|name| name.strip_prefix("#/$defs/")) {
            return self.root["$defs"].get(name).map(|schema| self.choices(schema)).unwrap_or_default();
        }
        let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
        match alternatives {
            Some(list) => list.iter().flat_map(|schema| self.choices(schema)).collect(),
            None => vec![schema],
        }
    }

    fn bad(&mut self, span: &Range<usize>, message: String, help: Option<String>) {
        self.good = false;
        self.sources.report(span, message, help);
    }
}

/// The type that a schema wants; `null`, which stands for absence, is not counted.
fn type_of(schema: &Json) -> Option<&str> {
    match schema.get("type")? {
        Json::String(name) => Some(name.as_str()).filter(|name| *name != "null"),
        Json::Array(names) => names.iter().filter_map(Json::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

/// The JSON schema's name for what a value is.
fn kind(value: &Value) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn named(kind: &str) -> &'static str {
    match kind {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "date" => "a date",
        "array" => "a list",
        _ => "a table",
    }
}

/// `a`, `a or b`, `one of a, b, c`, each once.
fn one_of(words: &[&str]) -> String {
    let mut words = words.to_vec();
    words.dedup();
    match words.as_slice() {
        [] => "possible here".to_owned(),
        [only] => (*only).to_owned(),
        [a, b] => format!("{a} or {b}"),
        words => format!("one of {}", words.join(", ")),
    }
}
