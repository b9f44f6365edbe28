//! sed(1), GNU's: addresses, all of POSIX's commands, `-i`, `-E`, `-n`, `-s`, `-z`.
//!
//! [`parse`] makes instructions of a script, [`edit`] follows them on lines.

mod edit;
mod parse;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::regex::Syntax;

use edit::Editor;
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
    ("regexp-extended", b'E'),
    ("separate", b's'),
    ("null-data", b'z'),
    ("follow-symlinks", b'L'),
    ("unbuffered", b'u'),
    ("posix", b'p'),
];

fn sed(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ne:f:i::Erszup", LONG)?;
    let mut operands = given.operands.clone();
    let mut script = Vec::new();
    for (letter, value) in &given.all {
        let text = match letter {
            b'e' => value.clone(),
            b'f' => {
                let mut text = call.read(value)?;
                if text.last() == Some(&b'\n') {
                    text.pop();
                }
                text
            }
            _ => continue,
        };
        if !script.is_empty() {
            script.push(b'\n');
        }
        script.extend(text);
    }
    if !given.has(b'e') && !given.has(b'f') {
        if operands.is_empty() {
            return Err(Fault::failed("no script"));
        }
        script = operands.remove(0);
    }
    let syntax = if given.has(b'E') || given.has(b'r') { Syntax::Extended } else { Syntax::Basic };
    let mut reader = Reader { text: &script, position: 0, syntax, quiet: given.has(b'n') };
    let program = reader.program()?;
    let quiet = reader.quiet;
    let separator = if given.has(b'z') { 0 } else { b'\n' };
    if !given.has(b'i') {
        let mut inputs = Vec::new();
        let mut status = 0;
        if operands.is_empty() {
            inputs.push(call.input()?);
        }
        for path in &operands {
            match call.read(path) {
                Ok(bytes) => inputs.push(bytes),
                Err(Fault::Failed(_, message)) => {
                    call.err(&format!("can't read {message}"))?;
                    status = 2;
                }
                Err(other) => return Err(other),
            }
        }
        let groups = if given.has(b's') { inputs.into_iter().map(|input| vec![input]).collect() } else { vec![inputs] };
        for inputs in groups {
            let mut editor = Editor::new(&program, quiet, separator, inputs);
            let code = editor.run(call)?;
            call.out(&editor.output)?;
            if code != 0 {
                return Ok(code);
            }
        }
        return Ok(status);
    }
    in_place(call, &given, &program, quiet, separator, &operands)
}

fn in_place(
    call: &mut Call<'_, '_>,
    given: &Given,
    program: &[Instruction],
    quiet: bool,
    separator: u8,
    paths: &[Vec<u8>],
) -> Done {
    let mut status = 0;
    for path in paths {
        let bytes = match call.read(path) {
            Ok(bytes) => bytes,
            Err(Fault::Failed(_, message)) => {
                call.err(&format!("can't read {message}"))?;
                status = 4;
                continue;
            }
            Err(other) => return Err(other),
        };
        let mut editor = Editor::new(program, quiet, separator, vec![bytes.clone()]);
        let code = editor.run(call)?;
        // sed writes a new file and renames it: a link is replaced by a file, owner and mode are kept.
        let place = call.resolve(path, given.has(b'L'))?;
        let Some(inode) = call.look(path, true) else { continue };
        let (mut new, mut old) = (inode.clone(), inode);
        new.kind = crate::tree::Kind::File(crate::tree::Content::from_bytes(std::mem::take(&mut editor.output)));
        if let Some(suffix) = given.value(b'i').filter(|suffix| !suffix.is_empty()) {
            if suffix.contains(&b'*') {
                return Err(Fault::gap("-i with a pattern for the copy"));
            }
            let backup = call.resolve(&[path.as_slice(), suffix].concat(), false)?;
            old.kind = crate::tree::Kind::File(crate::tree::Content::from_bytes(bytes));
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
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(status)
}
