//! `inventory =`: nodes in a table of their own, as spreadsheets and asset databases write them (RFC 4180).
//!
//! The first line names the columns as the keys of a `[[node]]` are called. Each further line becomes one, with the
//! place of each cell, so that what is wrong is said as of the recipe itself.

use std::ops::Range;
use std::path::Path;

use csv_core::ReadFieldResult;
use csv_core::ReaderBuilder;
use serde_json::Value as Json;
use serde_spanned::Spanned;
use toml::de::DeArray;
use toml::de::DeTable;
use toml::de::DeValue;

use super::hosts;
use super::problem::Sources;
use super::problem::nearest;
use super::text;
use super::text::Table;
use super::text::Value;

/// What stands before the name of a tag in a column's name.
const TAG: &str = "tags.";

/// Adds the lines of a recipe's inventory to its nodes. Whatever is wrong is in `sources`.
pub(super) fn add(schema: &Json, root: &Path, document: &mut Table, sources: &mut Sources) {
    let Some((name, span)) = document.get("inventory").and_then(|value| {
        // A value of another kind is told by the types.
        Some((value.get_ref().as_str()?.to_owned(), value.span()))
    }) else {
        return;
    };
    let from = sources.directory(span.start).to_owned();
    let read = text::locate(root, &from, &name)
        .and_then(|real| Ok((text::read_text(&real).map_err(|error| format!("cannot read `{name}`: {error}"))?, real)));
    let (text, real) = match read {
        Ok((Ok(text), real)) => (text, real),
        Ok((Err(_), _)) => return sources.report(&span, format!("`{name}` is not UTF-8 text"), None),
        Err(message) => return sources.report(&span, message, None),
    };
    let directory = real.parent().map(Path::to_owned).unwrap_or_default();
    let base = sources.add(Path::new(&name), &directory, text);
    let records = records(sources.text(base), base);
    let nodes = nodes(schema, &records, base, sources);
    let list = document
        .entry(Spanned::new(span.clone(), "node".into()))
        .or_insert_with(|| Spanned::new(span, DeValue::Array(DeArray::new())));
    if let DeValue::Array(list) = list.get_mut() {
        nodes.into_iter().for_each(|node| list.push(node));
    }
}

/// A cell's text, without blanks around, and its place.
type Cell = (String, Range<usize>);

/// The cells of each line that has any. Lines that begin with `#` have none.
fn records(text: &str, base: usize) -> Vec<Vec<Cell>> {
    let mut reader = ReaderBuilder::new().comment(Some(b'#')).build();
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let offset = text.len() - bytes.len();
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let (mut at, mut start, mut cell, mut buffer) = (0, None, Vec::new(), [0; 1024]);
    loop {
        let first = *start.get_or_insert_with(|| if record.is_empty() { first_cell(bytes, at) } else { at });
        let (result, read, written) = reader.read_field(&bytes[at..], &mut buffer);
        at += read;
        cell.extend_from_slice(&buffer[..written]);
        match result {
            ReadFieldResult::InputEmpty if at < bytes.len() || read > 0 => {}
            // The end of the text is told by an empty rest.
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            ReadFieldResult::Field { record_end } => {
                let text = String::from_utf8_lossy(&cell).trim().to_owned();
                // The comma or the end of the line that was read with it is not its own.
                let end = if at > first && matches!(bytes[at - 1], b',' | b'\n' | b'\r') { at - 1 } else { at };
                record.push((text, base + offset + first..base + offset + end.max(first)));
                (start, cell) = (None, Vec::new());
                if record_end {
                    records.push(std::mem::take(&mut record));
                }
            }
            ReadFieldResult::End => return records,
        }
    }
}

/// Where the first cell of a line begins: ends of lines and comments before it are passed over.
fn first_cell(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'\r' | b'\n') => at += 1,
            Some(b'#') => at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at),
            _ => return at,
        }
    }
}

/// The lines as tables of nodes.
fn nodes(schema: &Json, records: &[Vec<Cell>], base: usize, sources: &mut Sources) -> Vec<Spanned<Value>> {
    let Some((header, lines)) = records.split_first() else {
        sources.report(&(base..base), "an inventory begins with a line that names its columns", None);
        return Vec::new();
    };
    let known = schema["$defs"]["node"]["properties"].as_object();
    let is_list = |name: &str| known.and_then(|known| known.get(name)).is_some_and(takes_lists);
    let mut good = true;
    for (at, (name, span)) in header.iter().enumerate() {
        let is_known = name.strip_prefix(TAG).map_or_else(
            || known.is_some_and(|known| name != "tags" && known.contains_key(name)),
            |tag| !tag.is_empty(),
        );
        let twice = header[..at].iter().any(|(other, _)| other == name);
        if !is_known {
            let names = || known.into_iter().flat_map(|known| known.keys()).map(String::as_str);
            let near = nearest(name, names()).map(|near| format!("did you mean `{near}`?"));
            let all = || names().map(|name| if name == "tags" { "tags.NAME" } else { name }).collect::<Vec<_>>();
            let help = near.unwrap_or_else(|| format!("columns are, with commas between: {}", all().join(", ")));
            sources.report(span, format!("unknown column `{}`", name.escape_debug()), Some(help));
        } else if twice {
            sources.report(span, format!("the column `{name}` is there twice"), None);
        }
        good &= is_known && !twice;
    }
    if lines.len() > hosts::MAX {
        sources.report(&(base..base), format!("an inventory of more than {} lines", hosts::MAX), None);
        good = false;
    }
    if !good {
        return Vec::new();
    }
    let mut nodes = Vec::new();
    for line in lines {
        let span = line.first().map_or(base, |(_, span)| span.start)..line.last().map_or(base, |(_, span)| span.end);
        if line.len() != header.len() {
            let message = format!("this line has {} cells, and the first one {}", line.len(), header.len());
            sources.report(&span, message, None);
            continue;
        }
        let (mut node, mut tags) = (Table::new(), DeTable::new());
        for ((name, column), (text, span)) in header.iter().zip(line).filter(|(_, (text, _))| !text.is_empty()) {
            let string = |text: &str| Spanned::new(span.clone(), DeValue::String(text.to_owned().into()));
            let key = |name: &str| Spanned::new(column.clone(), name.to_owned().into());
            if let Some(tag) = name.strip_prefix(TAG) {
                tags.insert(key(tag), string(text));
            } else if is_list(name) {
                let mut list = DeArray::new();
                text.split_whitespace().for_each(|word| list.push(string(word)));
                node.insert(key(name), Spanned::new(span.clone(), DeValue::Array(list)));
            } else {
                node.insert(key(name), string(text));
            }
        }
        if !tags.is_empty() {
            node.insert(Spanned::new(span.clone(), "tags".into()), Spanned::new(span.clone(), DeValue::Table(tags)));
        }
        nodes.push(Spanned::new(span, DeValue::Table(node)));
    }
    nodes
}

/// Whether a key may be a list; then a cell has its elements with blanks between.
fn takes_lists(schema: &Json) -> bool {
    let is = |schema: &Json| match &schema["type"] {
        Json::String(name) => name == "array",
        Json::Array(names) => names.iter().any(|name| name == "array"),
        _ => false,
    };
    is(schema) || ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()).flatten().any(is)
}
