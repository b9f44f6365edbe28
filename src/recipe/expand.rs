//! From `[[node]]` tables that stand for many machines to one table for each, before the types are read.
//!
//! Every value keeps its place, so that what is wrong with the 300th machine is said where its list is written.

use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::DeArray;
use toml::de::DeValue;

use super::grammar::Wrong;
use super::hosts;
use super::problem::Sources;
use super::text::Table;
use super::text::Value;

/// Puts one table in place of each machine of the nodes. The document is of the types' shape.
pub(super) fn nodes(document: &mut Table, sources: &mut Sources) {
    let Some(DeValue::Array(nodes)) = document.get_mut("node").map(Spanned::get_mut) else { return };
    let mut all = DeArray::new();
    for node in std::mem::take(nodes) {
        let span = node.span();
        let DeValue::Table(table) = node.into_inner() else { continue };
        for machine in machines(table, sources) {
            all.push(Spanned::new(span.clone(), DeValue::Table(machine)));
        }
        if all.len() > hosts::MAX {
            sources.report(&span, format!("a recipe of more than {} nodes", hosts::MAX), None);
            break;
        }
    }
    *nodes = all;
}

/// The machines of one table; none when it does not fit itself, which is told.
fn machines(mut table: Table, sources: &mut Sources) -> Vec<Table> {
    let Some((name, name_span)) = string(&table, "name") else { return vec![table] };
    let lists = read("name", &name, &name_span, hosts::names, sources);
    let address = string(&table, "address");
    // A single one is for the grammar, whose words fit it better.
    let addresses = address.filter(|(text, _)| hosts::is_list(text)).map(|(text, span)| {
        let read = read("address", &text, &span, hosts::addresses, sources);
        (read.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>()), span)
    });
    let (Some(names), None | Some((Some(_), _))) = (lists, &addresses) else { return Vec::new() };
    let mut each = Each { number: names.len(), good: true, sources };
    let addresses = addresses.and_then(|(list, span)| Some(each.list("address", list?, &span)));
    if let (None, Some((text, span)), true) = (&addresses, string(&table, "address"), names.len() > 1) {
        each.list("address", vec![text], &span);
    }
    if let (Some((_, span)), true) = (string(&table, "client-id"), names.len() > 1) {
        each.wrong(&span, "`client-id` is one machine's".to_owned());
    }
    let macs = table.get("mac").map(|value| each.macs(value));
    let aliases = table.get("aliases").and_then(|value| value.get_ref().as_array()).map(|list| each.aliases(list));
    if !each.good {
        return Vec::new();
    }
    // Each machine gets its own of these, and a copy of the list of all would be as long as there are machines.
    for key in ["mac", "aliases"] {
        if let Some(all) = table.get_mut(key) {
            *all.get_mut() = DeValue::Array(DeArray::new());
        }
    }
    let mut machines = Vec::new();
    for (at, name) in names.into_iter().enumerate() {
        let mut machine = table.clone();
        let mut set = |key: &str, value: Value| {
            if let Some(old) = machine.get_mut(key) {
                *old.get_mut() = value;
            }
        };
        set("name", DeValue::String(name.into()));
        if let Some(address) = addresses.as_ref().and_then(|list| list.get(at)) {
            set("address", DeValue::String(address.clone().into()));
        }
        for (key, lists) in [("mac", &macs), ("aliases", &aliases)] {
            if let Some(list) = lists.as_ref().and_then(|lists| lists.get(at)) {
                set(key, DeValue::Array(list.iter().cloned().collect()));
            }
        }
        machines.push(machine);
    }
    machines
}

fn string(table: &Table, key: &str) -> Option<(String, Range<usize>)> {
    let value = table.get(key)?;
    Some((value.get_ref().as_str()?.to_owned(), value.span()))
}

fn read<T>(
    key: &str,
    text: &str,
    span: &Range<usize>,
    list: impl Fn(&str) -> Result<Vec<T>, Wrong>,
    sources: &mut Sources,
) -> Option<Vec<T>> {
    let list = list(text);
    if let Err(wrong) = &list {
        let shown: String = text.chars().take(80).collect();
        sources.report(span, format!("`{key}` is {shown:?}"), Some(wrong.clone()));
    }
    list.ok()
}

/// What each of a number of machines gets.
struct Each<'a> {
    number: usize,
    good: bool,
    sources: &'a mut Sources,
}

impl Each<'_> {
    fn wrong(&mut self, span: &Range<usize>, message: String) {
        let help = format!("`name` stands for {} nodes", self.number);
        self.sources.report(span, message, Some(help));
        self.good = false;
    }

    /// A list that has something for each.
    fn list<T>(&mut self, key: &str, list: Vec<T>, span: &Range<usize>) -> Vec<T> {
        if list.len() != self.number {
            let number = list.len();
            let noun = if number == 1 { "is for one node" } else { "is for several nodes" };
            let counted = if number > 1 { format!("{noun}: {number} of them") } else { noun.to_owned() };
            self.wrong(span, format!("`{key}` {counted}"));
        }
        list
    }

    /// The hardware addresses of each: of one machine all that are there, of several an element for each.
    fn macs(&mut self, value: &Spanned<Value>) -> Vec<Vec<Spanned<Value>>> {
        let elements: Vec<Spanned<Value>> = match value.get_ref() {
            DeValue::Array(list) => list.iter().cloned().collect(),
            _ => vec![value.clone()],
        };
        let cards = |element: Spanned<Value>| match element.get_ref() {
            DeValue::Array(list) => list.iter().cloned().collect(),
            _ => vec![element],
        };
        let mut lists: Vec<Vec<_>> = elements.into_iter().map(cards).collect();
        if self.number == 1 {
            lists = vec![lists.concat()];
        }
        if lists.iter().any(Vec::is_empty) {
            self.wrong(&value.span(), "`mac` has no address for a node".to_owned());
        }
        self.list("mac", lists, &value.span())
    }

    /// The further names of each: every alias stands for as many as there are machines.
    fn aliases(&mut self, list: &DeArray<'static>) -> Vec<Vec<Spanned<Value>>> {
        let mut all = vec![Vec::new(); self.number];
        for alias in list.iter() {
            let span = alias.span();
            let text = alias.get_ref().as_str().unwrap_or_default();
            let Some(names) = read("aliases", text, &span, hosts::names, self.sources) else {
                self.good = false;
                continue;
            };
            for (own, name) in all.iter_mut().zip(self.list("aliases", names, &span)) {
                own.push(Spanned::new(span.clone(), DeValue::String(name.into())));
            }
        }
        all
    }
}
