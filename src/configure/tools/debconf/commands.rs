//! The programs of debconf that scripts call by name.

use std::collections::BTreeSet;

use super::database::Database;
use super::database::escape;
use super::database::is_space;
use super::frontend::DUMMY;
use super::frontend::ESCAPE_USAGE;
use super::frontend::Frontend;
use super::frontend::State;
use super::frontend::begin;
use super::frontend::end;
use super::frontend::load_file;
use super::frontend::open;
use super::frontend::refuse_second;
use super::frontend::talk;
use crate::budget::Spent;
use crate::shell::Interrupt;
use crate::shell::stream::Peer;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// `debconf [-o owner] program argument…`
pub(super) fn debconf(call: &mut Call<'_, '_>) -> Done {
    let long = [("owner", b'o'), ("frontend", b'f'), ("priority", b'p'), ("terse", b't')];
    let given = call.options("+o:f:p:", &long)?;
    if given.has(b'f') || given.has(b'p') {
        return Err(Fault::gap("another frontend or priority"));
    }
    if given.operands.is_empty() {
        return Err(Fault::failed("no command specified"));
    }
    let owner = given.value(b'o').unwrap_or(b"unknown").to_vec();
    talk(call, &owner, &given.operands)
}

/// `debconf-communicate [owner]`: lines of the protocol from standard input.
pub(super) fn communicate(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[])?;
    let owner = given.operands.first().map_or(&b"unknown"[..], Vec::as_slice).to_vec();
    let input = call.input()?;
    begin(call.shell, &owner)?;
    let (mut status, mut output) = (127, Vec::new());
    for line in input.split_inclusive(|&byte| byte == b'\n') {
        let line = [line.strip_suffix(b"\n").unwrap_or(line), b"\n"].concat();
        Frontend.listen(call.shell.system, &line).map_err(|_| Interrupt::Limit(Spent::Output))?;
        let reply = Frontend.speak(call.shell.system, true);
        let code = reply.iter().take_while(|byte| byte.is_ascii_digit());
        status = code.fold(0, |status, digit| status * 10 + i32::from(digit - b'0'));
        output.extend(reply);
    }
    end(call.shell.system)?;
    call.out(output)?;
    Ok(status)
}

pub(super) fn escape_text(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("eu", &[("escape", b'e'), ("unescape", b'u')])?;
    if given.has(b'e') == given.has(b'u') {
        call.shell.print_error(ESCAPE_USAGE.as_bytes())?;
        return Ok(1);
    }
    let input = call.read_all(&given.operands)?;
    if given.has(b'e') {
        return call.out(escape(&input)).map(|()| 0);
    }
    let mut out = Vec::new();
    let mut rest = input.iter().copied();
    while let Some(byte) = rest.next() {
        match (byte, rest.clone().next()) {
            (b'\\', Some(escaped)) if escaped != b'\n' => {
                out.push(if escaped == b'n' { b'\n' } else { escaped });
                rest.next();
            }
            _ => out.push(byte),
        }
    }
    call.out(out).map(|()| 0)
}

/// `debconf-loadtemplate owner file…`
pub(super) fn load_template(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[])?;
    let [owner, files @ ..] = given.operands.as_slice() else { return Err(Fault::failed("without an owner")) };
    open(call.shell.system)?;
    for file in files {
        if call.look(file, true).is_none() {
            return Err(Fault::Failed(2, format!("{}: No such file or directory", show(file))));
        }
        load_file(call, file, owner)?;
    }
    Ok(0)
}

/// `debconf-show package…`, sorted.
pub(super) fn show_questions(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[("listowners", b'l')])?;
    open(call.shell.system)?;
    let Some(database) = &call.shell.system.kept::<State>().database else { return Ok(1) };
    let mut text = Vec::new();
    if given.has(b'l') {
        let questions = database.questions();
        let owners = questions.iter().filter_map(|name| database.question(name)).flat_map(|item| item.owners.iter());
        let owners: BTreeSet<&Vec<u8>> = owners.collect();
        owners.into_iter().for_each(|owner| text.extend([owner.as_slice(), b"\n"].concat()));
    } else if given.operands.is_empty() {
        return Err(Fault::failed("without a package"));
    }
    for name in database.questions() {
        for _ in given
            .operands
            .iter()
            .filter(|package| database.question(&name).is_some_and(|item| item.owners.contains(*package)))
        {
            let value = match database.text(&name, b"type", true).as_slice() {
                b"password" => b"(password omitted)".to_vec(),
                _ => database.value(&name),
            };
            let mark: &[u8] = if database.flag(&name, b"seen") == b"true" { b"* " } else { b"  " };
            let blank: &[u8] = if value.is_empty() { b"" } else { b" " };
            text.extend([mark, &name, b":", blank, &value, b"\n"].concat());
        }
    }
    call.out(text).map(|()| 0)
}

/// `debconf-set-selections [-cuv] [file…]`
pub(super) fn set_selections(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("cuv", &[("checkonly", b'c'), ("unseen", b'u'), ("verbose", b'v')])?;
    let text = call.read_all(&given.operands)?;
    refuse_second(call.shell.system)?;
    open(call.shell.system)?;
    let Some(database) = &mut call.shell.system.kept::<State>().database else { return Ok(1) };
    let mut trial = Database::default();
    let database = if given.has(b'c') { &mut trial } else { database };
    let said = answer(database, &text, !given.has(b'u'));
    database.settle();
    let failed = said.iter().any(|line| line.starts_with("error"));
    for line in said {
        call.shell.print_error(format!("{line}\n").as_bytes())?;
    }
    Ok(i32::from(failed))
}

/// Sets answers from lines `owner question type answer`; returns what debconf-set-selections(1) says to them.
pub(super) fn answer(database: &mut Database, text: &[u8], seen: bool) -> Vec<String> {
    const TYPES: [&[u8]; 8] =
        [b"boolean", b"multiselect", b"note", b"password", b"select", b"string", b"text", b"title"];
    let mut said = Vec::new();
    for (number, line) in joined_lines(text) {
        let mut rest = line.as_slice();
        let mut word = || {
            let start = rest.iter().position(|&byte| !is_space(byte))?;
            let end = rest[start..].iter().position(|&byte| is_space(byte)).map_or(rest.len(), |end| start + end);
            let word = &rest[start..end];
            rest = &rest[end..];
            Some(word)
        };
        let first = word();
        if first.is_none_or(|word| word.starts_with(b"#")) {
            continue;
        }
        let (Some(owner), Some(question), Some(kind)) = (first, word(), word()) else {
            said.push(format!("error: parse error on line {number}: '{}'", show(&line)));
            continue;
        };
        let value = rest.get(1..).unwrap_or_default();
        if kind == b"seen" {
            match database.question(question) {
                Some(_) => database.set_flag(question, b"seen", value),
                None => said.push(format!("error: Cannot find a question for {}", show(question))),
            }
        } else if !TYPES.contains(&kind) {
            said.push(format!("warning: Unknown type {}, skipping line {number}", show(kind)));
        } else {
            set_answer(database, [owner, question, kind, value], seen, &mut said);
        }
    }
    said
}

fn set_answer(database: &mut Database, words: [&[u8]; 4], seen: bool, said: &mut Vec<String>) {
    let [owner, question, kind, value] = words;
    let known = database.templates.contains_key(question);
    if !known {
        database.new_template(question, owner, kind);
    }
    if let Some(item) = database.templates.get_mut(question) {
        if !known {
            item.fields.insert(b"description".to_vec(), b"Dummy template".to_vec());
            item.fields.insert(b"extended_description".to_vec(), DUMMY.into());
        }
        item.fields.insert(b"type".to_vec(), kind.to_vec());
    }
    if database.question(question).is_none() {
        said.push(format!("error: Cannot find a question for {}", show(question)));
        return;
    }
    database.add_owner(question, owner, kind);
    database.set_value(question, value);
    if seen {
        database.set_flag(question, b"seen", b"true");
    }
}

/// Lines with the number of their last part; a backslash at the end joins the next.
fn joined_lines(text: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut lines = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let mut whole = open.take().unwrap_or_default();
        whole.extend(line.strip_suffix(b"\r").unwrap_or(line));
        match whole.strip_suffix(b"\\") {
            Some(part) => open = Some(part.to_vec()),
            None => lines.push((index + 1, whole)),
        }
    }
    lines.extend(open.map(|mut last| {
        // At the end of the file it is only a backslash.
        last.push(b'\\');
        (0, last)
    }));
    lines
}
