//! The small programs of coreutils that print and compare: `echo`, `cat`, `dirname`, `expr`, ….

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use crate::configure::shell::printf;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("basename", basename),
    ("cat", cat),
    ("dirname", dirname),
    ("echo", echo),
    ("false", |_| Ok(1)),
    ("printf", print),
    ("seq", seq),
    ("sleep", |_| Ok(0)),
    ("sync", |_| Ok(0)),
    ("test", test),
    ("[", test),
    ("true", |_| Ok(0)),
];

fn cat(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("u", &[])?;
    if given.operands.is_empty() {
        let input = call.input()?;
        call.out(input)?;
    }
    let mut status = 0;
    for path in &given.operands {
        match call.read(path) {
            Ok(bytes) => call.out(bytes)?,
            Err(Fault::Failed(_, message)) => {
                call.err(&message)?;
                status = 1;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(status)
}

/// coreutils' `echo`, which unlike dash's knows `-e` and leaves escapes alone without it.
fn echo(call: &mut Call<'_, '_>) -> Done {
    let (mut newline, mut escapes, mut rest) = (true, false, call.args);
    while let [first, tail @ ..] = rest
        && first.len() > 1
        && first[0] == b'-'
        && first[1..].iter().all(|letter| b"neE".contains(letter))
    {
        newline &= !first.contains(&b'n');
        escapes = first.iter().rfind(|letter| **letter != b'n').map_or(escapes, |letter| *letter == b'e');
        rest = tail;
    }
    let text = rest.join(&b' ');
    let (mut text, stopped) = if escapes { printf::unescape(&text, true) } else { (text, false) };
    if newline && !stopped {
        text.push(b'\n');
    }
    call.out(text)?;
    Ok(0)
}

fn print(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<Vec<u8>> = [b"printf".to_vec()].into_iter().chain(call.args.iter().cloned()).collect();
    Ok(call.shell.builtin(&words)?)
}

fn test(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<Vec<u8>> = [call.name.to_vec()].into_iter().chain(call.args.iter().cloned()).collect();
    Ok(call.shell.builtin(&words)?)
}

fn basename(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("+as:z", &[("multiple", b'a'), ("suffix", b's'), ("zero", b'z')])?;
    let many = given.has(b'a') || given.has(b's');
    let (names, suffix) = match (given.operands.as_slice(), many) {
        ([name], _) => (vec![name.clone()], given.value(b's')),
        ([name, suffix], false) => (vec![name.clone()], Some(suffix.as_slice())),
        (names @ [_, ..], true) => (names.to_vec(), given.value(b's')),
        _ => return Err(Fault::failed("wrong number of operands")),
    };
    let end: &[u8] = if given.has(b'z') { b"\0" } else { b"\n" };
    for name in names {
        let trimmed = trim_slashes(&name);
        let base = trimmed.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let base = if base.is_empty() && !trimmed.is_empty() { b"/" } else { base };
        let cut = suffix.and_then(|suffix| base.strip_suffix(suffix)).filter(|cut| !cut.is_empty());
        call.out([cut.unwrap_or(base), end].concat())?;
    }
    Ok(0)
}

/// Without trailing slashes, but for the root's.
fn trim_slashes(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte != b'/').map_or(name.len().min(1), |last| last + 1);
    &name[..end]
}

fn dirname(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("z", &[("zero", b'z')])?;
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    for name in &given.operands {
        let trimmed = trim_slashes(name);
        let parent = match trimmed.iter().rposition(|&byte| byte == b'/') {
            None => b".".as_slice(),
            Some(slash) => trim_slashes(&trimmed[..=slash]),
        };
        call.out([parent, if given.has(b'z') { b"\0" } else { b"\n" }].concat())?;
    }
    Ok(0)
}

fn seq(call: &mut Call<'_, '_>) -> Done {
    let (separator, words) = match call.args {
        [option, separator, rest @ ..] if option == b"-s" => (separator.clone(), rest),
        words => (b"\n".to_vec(), words),
    };
    let number = |word: &Vec<u8>| -> Result<i64, Fault> {
        let text = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
        text.ok_or_else(|| Fault::gap(format!("`{}` is not an integer", show(word))))
    };
    let numbers = words.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] if *step != 0 => (*first, *step, *last),
        _ => return Err(Fault::failed("wrong operands")),
    };
    let mut value = first;
    let mut lines: Vec<Vec<u8>> = Vec::new();
    while if step > 0 { value <= last } else { value >= last } {
        if lines.len() > 1_000_000 {
            return Err(Fault::gap("more than a million numbers"));
        }
        lines.push(value.to_string().into_bytes());
        value = value.saturating_add(step);
    }
    if !lines.is_empty() {
        call.out([lines.join(separator.as_slice()).as_slice(), b"\n"].concat())?;
    }
    Ok(0)
}
