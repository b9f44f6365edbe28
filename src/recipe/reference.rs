//! The users' reference of recipes, written from the types like the schema.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// How a part of the recipe is headed, and the name of its type; in the order in which recipes are written.
const PARTS: [(&str, &str); 19] = [
    ("`[debian]`", "debian"),
    ("`[[archive]]`", "archive"),
    ("`[[pin]]`", "pin"),
    ("`[install]`", "install"),
    ("`[[overlay]]`", "overlay"),
    ("`[[site]]`", "site"),
    ("`[configure]`", "configure"),
    ("`[[kernel-module]]`", "kernel-module"),
    ("`[module-signing]`", "module-signing"),
    ("`[access]`", "access"),
    ("`[diskless]`", "diskless"),
    ("`[diskless.bond]`", "bond"),
    ("`[head]`", "head"),
    ("`[head.standby]`", "standby"),
    ("`[[network]]`", "network"),
    ("`[[node]]`", "node"),
    ("`[initramfs]`", "initramfs"),
    ("`[output]`", "output"),
    ("`[image.NAME]`", "image"),
];

/// Markdown of every key.
pub(super) fn markdown(schema: &Json) -> String {
    let mut text = String::from(
        "# The recipe\n\n\
         Written by `imgbuild schema --markdown`; `imgbuild schema` prints the same for editors, `imgbuild init` a \
         recipe to start from.\n\n\
         A recipe is [TOML](https://toml.io). An unknown key, a wrong type or a value that cannot be is an error with \
         its line and column. Files that it names are relative to the file that names them and lie below the recipe's \
         directory, symbolic links followed.\n\n## Top level\n",
    );
    keys(&mut text, schema);
    for (heading, name) in PARTS {
        if let Some(part) = schema["$defs"].get(name) {
            write!(text, "\n## {heading}\n\n{}\n", described(part)).expect("writing to a String succeeds");
            keys(&mut text, part);
        }
    }
    text
}

/// One line per key, with a line for each word that it may be.
fn keys(text: &mut String, table: &Json) {
    text.push('\n');
    let required: Vec<&str> = table["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for (name, key) in table["properties"].as_object().into_iter().flatten() {
        let must = if required.contains(&name.as_str()) { ", required" } else { "" };
        writeln!(text, "* **`{name}`** ({}{must}): {}", kind(key), described(key))
            .expect("writing to a String succeeds");
        for choice in words(key) {
            let word = choice["const"].as_str().unwrap_or_default();
            writeln!(text, "  * `{word}`: {}", described(choice)).expect("writing to a String succeeds");
        }
    }
}

fn described(schema: &Json) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// What a key takes, in words.
fn kind(schema: &Json) -> String {
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        if choices.iter().all(|choice| choice.get("const").is_some()) {
            return "a word".to_owned();
        }
        let mut kinds: Vec<String> = choices.iter().filter(|choice| choice["type"] != "null").map(kind).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Json::String(name) => vec![name],
        Json::Array(names) => names.iter().filter_map(Json::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    };
    match names.first() {
        Some(&"string") => "text".to_owned(),
        Some(&"integer") => "number".to_owned(),
        Some(&"boolean") => "`true` or `false`".to_owned(),
        Some(&"array") if schema["items"].get("$ref").is_some() => "tables".to_owned(),
        Some(&"array") => format!("list of {}", if words(&schema["items"]).is_empty() { "text" } else { "words" }),
        _ => "table".to_owned(),
    }
}

/// The words that a key, an element of its list or a value of its table may be.
fn words(schema: &Json) -> Vec<&Json> {
    if schema.get("const").is_some() {
        return vec![schema];
    }
    let below = ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    let inner = ["items", "additionalProperties"].iter().filter_map(|name| schema.get(*name));
    below.chain(inner).flat_map(words).collect()
}
