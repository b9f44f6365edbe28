//! The images of a recipe: each is what the top level says, with one table of its own added to it.
//!
//! It is added as a recipe is to what it extends: tables are joined, lists appended, and a key has one value. So each
//! image is a whole document, and everything behind this knows documents of one image alone.

use serde_spanned::Spanned;
use toml::de::DeValue;

use super::grammar;
use super::problem::Sources;
use super::problem::nearest;
use super::text::Table;
use super::text::Value;
use super::text::add_table;

/// Takes the tables of images out of a document, and returns each with its document, in the recipe's order; none: the
/// document is that of the only one, which has no name.
pub(super) fn split(document: &mut Table, sources: &mut Sources) -> Vec<(String, Table)> {
    let Some(DeValue::Table(tables)) = document.remove("image").map(Spanned::into_inner) else { return Vec::new() };
    let mut tables: Vec<(Spanned<_>, Spanned<Value>)> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    let names: Vec<String> = tables.iter().map(|(name, _)| name.get_ref().to_string()).collect();
    for ((key, _), name) in tables.iter().zip(&names) {
        if let Err(wrong) = grammar::image_name(name) {
            sources.report(&key.span(), format!("an image cannot be called `{}`", name.escape_debug()), Some(wrong));
        }
    }
    let tables: Vec<(String, Table)> =
        names.iter().cloned().zip(tables.into_iter().map(|(_, table)| own(table))).collect();
    let mut images = Vec::new();
    for (name, _) in &tables {
        let mut whole = document.clone();
        for (above, table) in way(name, &tables, sources) {
            let mut table = table.clone();
            table.remove("extends");
            add_table(sources, &mut whole, table, "", &format!("image.{above}."));
        }
        images.push((name.clone(), whole));
    }
    images
}

fn own(table: Spanned<Value>) -> Table {
    match table.into_inner() {
        DeValue::Table(table) => table,
        _ => Table::new(),
    }
}

/// The images that one is made of: the one that all others extend first, itself last.
fn way<'a>(name: &'a str, tables: &'a [(String, Table)], sources: &mut Sources) -> Vec<(&'a str, &'a Table)> {
    let mut way: Vec<(&str, &Table)> = Vec::new();
    let mut next = tables.iter().find(|(known, _)| known == name);
    while let Some((name, table)) = next {
        way.push((name, table));
        let Some(wanted) = table.get("extends") else { break };
        let Some(text) = wanted.get_ref().as_str() else { break };
        next = tables.iter().find(|(known, _)| known == text);
        if next.is_none() {
            let help = nearest(text, tables.iter().map(|(name, _)| name.as_str()))
                .map(|near| format!("did you mean \"{near}\"?"));
            sources.report(&wanted.span(), format!("there is no `[image.{}]`", text.escape_debug()), help);
        }
        if way.iter().any(|(known, _)| *known == text) {
            sources.report(&wanted.span(), format!("image `{text}` extends itself"), None);
            break;
        }
    }
    way.reverse();
    way
}
