//! A package's `templates` file (debconf-devel(7), "The templates file") → items of the database.

use std::collections::BTreeMap;

use super::database::Database;
use super::database::is_space;

/// One template: field → value; the long part of a field is `extended_` and its name.
type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

/// A field while it is read.
#[derive(Debug, Default)]
struct Field {
    name: Vec<u8>,
    value: Vec<u8>,
    extended: Vec<u8>,
}

/// Puts all templates of a file into the database, as `owner`'s.
///
/// # Errors
/// What the file has wrong, in debconf's words. What came before it is in the database.
pub(super) fn load(database: &mut Database, text: &[u8], file: &str, owner: &[u8]) -> Result<(), String> {
    for (index, stanza) in stanzas(text).into_iter().enumerate() {
        let mut fields = parse(stanza, index + 1, file)?;
        let missing = || format!("Template #{} in {file} does not contain a 'Template:' line", index + 1);
        let name = fields.remove(&b"template"[..]).filter(|name| !name.is_empty()).ok_or_else(missing)?;
        let kind =
            fields.get(&b"type"[..]).filter(|kind| !kind.is_empty()).ok_or("no template type specified")?.clone();
        database.new_template(&name, owner, &kind);
        if let Some(item) = database.templates.get_mut(&name) {
            item.fields = fields;
        }
    }
    Ok(())
}

/// What lies between empty lines; two newlines end a stanza, a third belongs to the next.
fn stanzas(text: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |end| end + 2);
        all.push(&rest[..end]);
        rest = &rest[end..];
    }
    all
}

fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
    &text[..end]
}

/// `Field: value`, where the name may hold a language and an encoding.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_@.".contains(byte);
    let colon = line.iter().position(|byte| !is_name(byte))?;
    let value = line[colon..].strip_prefix(b":")?;
    let value = value.split_first().filter(|(byte, _)| is_space(**byte)).map_or(value, |(_, rest)| rest);
    Some((&line[..colon], trim_end(value)))
}

fn parse(stanza: &[u8], number: usize, file: &str) -> Result<Fields, String> {
    let mut fields = Fields::new();
    // What comes before the first field belongs to none.
    let mut last = Field::default();
    let mut save = |Field { name, value, extended }: Field| {
        if name.is_empty() {
            return Ok(());
        }
        let shown = [&name, &value].map(|text| String::from_utf8_lossy(text).into_owned());
        let end = extended.iter().rposition(|&byte| byte != b'\n').map_or(0, |last| last + 1);
        if end > 0 {
            fields.insert([b"extended_", name.as_slice()].concat(), extended[..end].to_vec());
        }
        match fields.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(format!(
                "Template #{number} in {file} has a duplicate field \"{}\" with new value \"{}\". Probably two \
                 templates are not properly separated by a lone newline.",
                shown[0], shown[1]
            )),
        }
    };
    let lines = stanza.split(|&byte| byte == b'\n').skip_while(|line| line.is_empty());
    let mut lines: Vec<&[u8]> = lines.collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    for line in lines {
        if let Some((name, value)) = field(line) {
            let next = Field { name: name.to_ascii_lowercase(), value: value.to_vec(), extended: Vec::new() };
            save(std::mem::replace(&mut last, next))?;
            continue;
        }
        match line.split_first() {
            Some((first, rest)) if is_space(*first) => continue_text(&mut last.extended, rest),
            _ => return Err(near(line, number, file)),
        }
    }
    save(last)?;
    Ok(fields)
}

fn near(line: &[u8], number: usize, file: &str) -> String {
    format!("Template parse error near `{}', in stanza #{number} of {file}", String::from_utf8_lossy(line))
}

/// Adds a continuation line: `.` is an empty line, what is further indented keeps its line, the rest flows.
fn continue_text(extended: &mut Vec<u8>, line: &[u8]) {
    let fresh = extended.last().is_none_or(|byte| matches!(byte, b'\n' | b' '));
    if line == b"." {
        extended.extend(b"\n\n");
    } else if line.first().is_some_and(|&byte| is_space(byte)) {
        extended.extend(if fresh { &b""[..] } else { b"\n" });
        extended.extend(trim_end(line));
        extended.push(b'\n');
    } else {
        extended.extend(if fresh { &b""[..] } else { b" " });
        extended.extend(trim_end(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_become_items() {
        let text = "Template: a/b\nType: select\nChoices: one, two\nChoices-de.UTF-8: eins, zwei\nDefault: two\n\
                    Description: Which?\n Long\n text.\n .\n   kept\n more\n\nTemplate: a/c\nType: note\nDescription: N\n";
        let mut database = Database::default();
        load(&mut database, text.as_bytes(), "f", b"p").expect("well formed");
        let fields = &database.templates[&b"a/b"[..]].fields;
        assert_eq!(fields[&b"choices-de.utf-8"[..]], b"eins, zwei");
        assert_eq!(fields[&b"extended_description"[..]], b"Long text.\n\n  kept\nmore");
        assert_eq!(database.value(b"a/b"), b"two");
        assert!(database.question(b"a/c").is_some());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("Template: a\nType: note\nTemplate: b\n", "duplicate field"),
            ("Type: note\n", "does not contain"),
            ("Template: a\nType: note\n\n\n\n\nTemplate: b\nType: note\n", "#2 in f does not contain"),
            ("Template: a\nType: note\n#x\n", "parse error near `#x'"),
            (" x\n", "does not contain"),
            ("Template: a\n", "no template type"),
        ];
        for (text, wanted) in cases {
            let said = load(&mut Database::default(), text.as_bytes(), "f", b"p").expect_err(text);
            assert!(said.contains(wanted), "{text:?}: {said}");
        }
    }
}
