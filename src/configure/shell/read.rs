//! `read` and `getopts`: the builtins that fill variables.

use super::Run;
use super::Shell;
use super::parse::is_name;
use super::stream;
use super::stream::StreamError;

/// `read [-r] [-p prompt] name…`
pub(super) fn read(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut raw, mut rest) = (false, arguments);
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"-r" => raw = true,
            b"-p" if !tail.is_empty() => {
                rest = &tail[1..];
                continue;
            }
            b"--" => {
                rest = tail;
                break;
            }
            [b'-', letter, ..] => {
                shell.gap(b"read", format!("unknown option `{}`", char::from(*letter)));
                return shell.usage(b"read: Illegal option");
            }
            _ => break,
        }
        rest = tail;
    }
    if rest.is_empty() {
        return shell.fatal(b"read: arg count");
    }
    if let Some(bad) = rest.iter().find(|name| !is_name(name)) {
        return shell.fatal(&[b"read: ", bad.as_slice(), b": bad variable name"].concat());
    }
    let (text, complete) = line(shell, raw)?;
    let ifs =
        shell.state.variables.get(&b"IFS"[..]).and_then(|ifs| ifs.value.clone()).unwrap_or_else(|| b" \t\n".to_vec());
    let values = distribute(&text, rest.len(), &ifs);
    for (name, value) in rest.iter().zip(values) {
        shell.assign(name, value)?;
    }
    Ok(i32::from(!complete))
}

/// A line, backslashes applied: bytes with whether they were quoted, and whether it ended in a newline.
fn line(shell: &mut Shell<'_>, raw: bool) -> Run<(Vec<(u8, bool)>, bool)> {
    let Some(descriptor) = shell.state.descriptors.get(&0).cloned() else { return Ok((Vec::new(), false)) };
    let mut text = Vec::new();
    loop {
        shell.step()?;
        let bytes = match stream::read_line(shell.world, &descriptor) {
            Ok(bytes) => bytes,
            Err(StreamError::Direction) => return Ok((text, false)),
            Err(StreamError::Spent(spent)) => return Err(spent.into()),
            Err(StreamError::Io(_)) => return Ok((text, false)),
        };
        let mut continued = false;
        let mut rest = bytes.as_slice();
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match byte {
                b'\n' => return Ok((text, true)),
                b'\\' if !raw => match rest {
                    [b'\n', ..] => {
                        continued = true;
                        break;
                    }
                    [next, tail @ ..] => {
                        text.push((*next, true));
                        rest = tail;
                    }
                    [] => {}
                },
                // As in every shell variable a NUL has no place.
                0 => {}
                byte => text.push((*byte, false)),
            }
        }
        if !continued {
            return Ok((text, false));
        }
    }
}

/// Splits a line into `count` values; the last one gets what is left.
fn distribute(text: &[(u8, bool)], count: usize, ifs: &[u8]) -> Vec<Vec<u8>> {
    let blank = |(byte, quoted): &(u8, bool)| !quoted && ifs.contains(byte) && matches!(byte, b' ' | b'\t' | b'\n');
    let separator = |(byte, quoted): &(u8, bool)| !quoted && ifs.contains(byte);
    let bytes = |marked: &[(u8, bool)]| marked.iter().map(|(byte, _)| *byte).collect::<Vec<u8>>();
    let skip = |rest: &mut &[(u8, bool)]| {
        while rest.first().is_some_and(blank) {
            *rest = &rest[1..];
        }
    };
    let mut values = Vec::new();
    let mut rest = text;
    skip(&mut rest);
    while values.len() + 1 < count {
        let length = rest.iter().position(separator).unwrap_or(rest.len());
        values.push(bytes(&rest[..length]));
        rest = &rest[length..];
        skip(&mut rest);
        if rest.first().is_some_and(|pair| separator(pair) && !blank(pair)) && length < text.len() {
            rest = &rest[1..];
            skip(&mut rest);
        }
    }
    let end = rest.iter().rposition(|pair| !blank(pair)).map_or(0, |last| last + 1);
    let mut last = &rest[..end];
    // One field with one separator behind it is that field alone.
    let first = last.iter().position(separator);
    if let Some(first) = first
        && first + 1 == last.len()
    {
        last = &last[..first];
    }
    values.push(bytes(last));
    values
}

/// `getopts letters name [argument…]`
pub(super) fn getopts(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let [letters, name, own @ ..] = arguments else {
        return shell.usage(b"getopts: usage: getopts optstring var [arg]");
    };
    let words = if own.is_empty() { shell.state.positional.clone() } else { own.to_vec() };
    let index =
        shell.variable(b"OPTIND").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(1usize);
    let index = index.max(1) - 1;
    let silent = letters.first() == Some(&b':');
    let at = shell.state.getopts.max(1);
    let word = words.get(index).map(Vec::as_slice).unwrap_or_default();
    if at == 1 && (word.len() < 2 || word[0] != b'-' || word == b"--") {
        let next = index + 1 + usize::from(word == b"--");
        finish(shell, name, b"?", None, next, 0)?;
        return Ok(1);
    }
    let letter = word.get(at).copied().unwrap_or(b'?');
    let (after, next) = if at + 1 < word.len() { (at + 1, index + 1) } else { (0, index + 2) };
    let place = (letter != b':').then(|| letters.iter().position(|&known| known == letter)).flatten();
    let Some(place) = place else {
        if !silent {
            shell.complain(&[b"Illegal option -", [letter].as_slice()].concat())?;
        }
        finish(shell, name, b"?", silent.then(|| vec![letter]), next, after)?;
        return Ok(0);
    };
    if letters.get(place + 1) != Some(&b':') {
        finish(shell, name, &[letter], Some(Vec::new()), next, after)?;
        return Ok(0);
    }
    let (value, next) = if at + 1 < word.len() {
        (Some(word[at + 1..].to_vec()), index + 2)
    } else {
        (words.get(index + 1).cloned(), index + 3)
    };
    match value {
        Some(value) => finish(shell, name, &[letter], Some(value), next, 0)?,
        None if silent => finish(shell, name, b":", Some(vec![letter]), next, 0)?,
        None => {
            shell.complain(&[b"No arg for -", [letter].as_slice(), b" option"].concat())?;
            finish(shell, name, b"?", None, next, 0)?;
        }
    }
    Ok(0)
}

fn finish(
    shell: &mut Shell<'_>,
    name: &[u8],
    value: &[u8],
    argument: Option<Vec<u8>>,
    index: usize,
    at: usize,
) -> Run<()> {
    shell.assign(name, value.to_vec())?;
    shell.assign(b"OPTIND", index.to_string().into_bytes())?;
    shell.state.getopts = at;
    match argument {
        Some(argument) => shell.assign(b"OPTARG", argument),
        None => {
            shell.state.variables.remove(&b"OPTARG"[..]);
            Ok(())
        }
    }
}
