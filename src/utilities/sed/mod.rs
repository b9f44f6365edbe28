//! sed(1), GNU's: all addresses and commands but `e`, and `-E`, `-i`, `-l`, `-n`, `-s`, `-u`, `-z`.
//!
//! [`parse`] makes instructions of a script, [`edit`] follows them on lines that [`input`] reads, [`output`] keeps what
//! they write.

mod manner;
mod edit;
mod input;
mod output;
mod parse;
mod substitute;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Buffer;
use super::regex::Syntax;
use super::show;
use crate::tree::Kind;

use edit::Editor;
use input::Input;
use manner::Manner;
use output::Output;
use parse::Instruction;
use parse::Reader;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("sed", sed)];

const LONG: &[(&str, u8)] = &[
    ("quiet", b'n'),
    ("silent", b'n'),
    ("expression", b'e'),
    ("file", b'f'),
    ("in-place", b'i'),
    ("line-length", b'l'),
    ("regexp-extended", b'E'),
    ("separate", b's'),
    ("null-data", b'z'),
    ("zero-terminated", b'z'),
    ("follow-symlinks", b'L'),
    ("unbuffered", b'u'),
    // Bytes are bytes here.
    ("binary", b'b'),
];

fn sed(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ne:f:i::l:Erszub", LONG)?;
    let mut operands = given.operands.as_slice();
    let budget = call.shell.system.budget.clone();
    let mut script = Buffer::new(&budget)?;
    let mut scripts = 0;
    for (letter, value) in &given.all {
        let text = match letter {
            b'e' => value.clone(),
            b'f' => call.read(value).map_err(|fault| match prefixed("couldn't open file ", fault) {
                Fault::Failed(_, message) => Fault::Failed(4, message),
                other => other,
            })?,
            _ => continue,
        };
        if script.last().is_some_and(|last| *last != b'\n') {
            script.push(b'\n')?;
        }
        script.extend(&text)?;
        scripts += 1;
    }
    if scripts == 0 {
        let Some((first, rest)) = operands.split_first() else {
            return Err(Fault::failed("no script specified"));
        };
        script.extend(first)?;
        operands = rest;
    }
    // An instruction takes up to some hundred bytes, and at least two of the script.
    let _room = budget.hold(script.len().saturating_mul(64))?;
    let syntax = if given.has(b'E') || given.has(b'r') { Syntax::Extended } else { Syntax::Basic };
    let separator = if given.has(b'z') { 0 } else { b'\n' };
    let mut reader = Reader::new(&script, syntax, separator, &budget);
    let mut program = Vec::new();
    let read = reader.program(&mut program);
    let width = given.value(b'l').map_or(Ok(70), super::text::number)?;
    let manner = Manner {
        quiet: given.has(b'n') || reader.quiet,
        separator,
        separate: given.has(b's') || given.has(b'i'),
        width,
        unbuffered: given.has(b'u'),
    };
    let mut output = Output::new(&budget)?;
    // A file is opened as soon as it is read of, also where a mistake follows.
    if !matches!(read, Err(Fault::Gap(_) | Fault::Interrupt(_))) {
        output.begin_files(call, &program)?;
    }
    read?;
    if given.has(b'i') && operands.is_empty() {
        return Err(Fault::failed("no input files"));
    }
    if given.has(b'i') {
        return in_place(call, &given, &program, manner, output, operands);
    }
    let input = Input::new(operands, manner);
    let mut editor = Editor::new(&program, manner, input, output, &budget)?;
    let done = editor.run(call);
    // What was written before an error stays written.
    editor.output.finish(call)?;
    editor.input.finish(call)?;
    let code = done?;
    Ok(if code == 0 { editor.input.status } else { code })
}

fn prefixed(what: &str, fault: Fault) -> Fault {
    match fault {
        Fault::Failed(status, message) => Fault::Failed(status, format!("{what}{message}")),
        other => other,
    }
}

fn in_place(
    call: &mut Call<'_, '_>,
    given: &Given,
    program: &[Instruction],
    manner: Manner,
    mut output: Output,
    paths: &[Vec<u8>],
) -> Done {
    let budget = call.shell.system.budget.clone();
    let mut status = 0;
    for path in paths {
        let Some(old) = call.look(path, true) else {
            call.err(&format!("can't read {}: No such file or directory", show(path)))?;
            status = 2.max(status);
            continue;
        };
        if !matches!(old.kind, Kind::File(_)) {
            call.err(&format!("couldn't edit {}: not a regular file", show(path)))?;
            status = 4;
            continue;
        }
        output.divert()?;
        let input = Input::new(std::slice::from_ref(path), manner);
        let mut editor = Editor::new(program, manner, input, output, &budget)?;
        let done = editor.run(call);
        output = editor.output;
        let code = done?;
        let made = output.diverted()?;
        replace(call, given, path, old, made)?;
        if editor.quit {
            output.finish(call)?;
            return Ok(code);
        }
    }
    output.finish(call)?;
    Ok(status)
}

/// sed writes a new file and renames it: a link is replaced by a file, owner and mode are kept.
fn replace(
    call: &mut Call<'_, '_>,
    given: &Given,
    path: &[u8],
    old: crate::tree::Inode,
    made: Vec<u8>,
) -> Result<(), Fault> {
    let place = call.resolve(path, given.has(b'L'))?;
    let mut new = old.clone();
    new.kind = Kind::File(crate::tree::Content::from_bytes(made));
    if let Some(suffix) = given.value(b'i').filter(|suffix| !suffix.is_empty()) {
        let backup = call.resolve(&backup_name(path, suffix), false)?;
        let time = old.stat.mtime;
        call.create(&backup, old)?;
        if let Some(inode) = call.tree().get_mut(&backup) {
            inode.stat.mtime = time;
        }
    }
    let group = new.stat.gid;
    call.create(&place, new)?;
    if let Some(inode) = call.tree().get_mut(&place) {
        inode.stat.gid = group;
    }
    Ok(())
}

/// A suffix behind the name, or in place of each `*` the name; with a slash it names another directory.
fn backup_name(path: &[u8], suffix: &[u8]) -> Vec<u8> {
    let base = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (directory, name) = path.split_at(base);
    let made = if suffix.contains(&b'*') {
        suffix.split(|&byte| byte == b'*').collect::<Vec<_>>().join(name)
    } else {
        [name, suffix].concat()
    };
    if made.contains(&b'/') { made } else { [directory, &made].concat() }
}

#[cfg(test)]
mod tests;
