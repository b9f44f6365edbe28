//! `read`, and bash's `mapfile`: the builtins that fill variables from a stream.

use super::Run;
use super::Shell;
use super::reader::is_name;
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
                shell.gap(b"read", format!("unknown option `{}`", letter.escape_ascii()));
                return shell.usage(b"read: Illegal option");
            }
            _ => break,
        }
        rest = tail;
    }
    if rest.is_empty() {
        return shell.usage(b"read: arg count");
    }
    if let Some(bad) = rest.iter().find(|name| !is_name(name)) {
        return shell.fatal(&[b"read: ", bad.as_slice(), b": bad variable name"].concat());
    }
    let source = Source { raw, ..Source::default() };
    let (text, complete) = line(shell, source)?;
    fill(shell, &text, rest)?;
    Ok(i32::from(!complete))
}

fn fill(shell: &mut Shell<'_>, text: &[(u8, bool)], names: &[Vec<u8>]) -> Run<()> {
    let separators = shell.separators();
    let values = distribute(text, names.len(), &separators);
    for (name, value) in names.iter().zip(values) {
        match memchr::memchr(b'[', name) {
            Some(open) => {
                let subscript = shell.read_subscript(&name[open + 1..name.len() - 1])?;
                shell.assign_element(&name[..open], &subscript, false, value)?;
            }
            None => shell.assign(name, value)?,
        }
    }
    Ok(())
}

/// Where a line comes from, and where it ends.
#[derive(Debug, Clone, Copy)]
struct Source {
    descriptor: u32,
    raw: bool,
    end: u8,
    /// At most so many bytes; with `exactly` the end does not count.
    count: Option<usize>,
    exactly: bool,
}

impl Default for Source {
    fn default() -> Self {
        Self { descriptor: 0, raw: false, end: b'\n', count: None, exactly: false }
    }
}

/// bash's `read [-r] [-a array] [-d end] [-n count] [-N count] [-p prompt] [-t time] [-u descriptor] [-s] [name…]`
pub(super) fn read_bash(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut source, mut array, mut rest) = (Source::default(), None, arguments);
    while let [first, tail @ ..] = rest
        && let [b'-', letters @ ..] = first.as_slice()
        && !letters.is_empty()
    {
        rest = tail;
        if letters == b"-" {
            break;
        }
        let mut letters = letters;
        while let [letter, others @ ..] = letters {
            letters = others;
            match letter {
                b'r' => source.raw = true,
                b's' | b'e' => {}
                b'a' | b'd' | b'n' | b'N' | b'p' | b't' | b'u' | b'i' => {
                    let value = match (others, rest) {
                        ([], [value, tail @ ..]) => {
                            rest = tail;
                            value.clone()
                        }
                        ([], []) => return shell.usage(b"read: option requires an argument"),
                        (others, _) => others.to_vec(),
                    };
                    letters = &[];
                    let number = std::str::from_utf8(&value).ok().and_then(|value| value.parse::<usize>().ok());
                    match letter {
                        b'a' => array = Some(value),
                        b'd' => source.end = value.first().copied().unwrap_or(0),
                        b'n' | b'N' => {
                            source.exactly = *letter == b'N';
                            source.count = number;
                        }
                        b'u' => source.descriptor = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
                        b't' if value == b"0" => shell.lacks("`read -t 0`"),
                        // Whatever is there is there at once.
                        _ => {}
                    }
                }
                other => {
                    shell.lacks(format!("`read -{}`", other.escape_ascii()));
                    return Ok(2);
                }
            }
        }
    }
    let is_place = |name: &Vec<u8>| {
        is_name(name) || (name.ends_with(b"]") && memchr::memchr(b'[', name).is_some_and(|open| is_name(&name[..open])))
    };
    if let Some(bad) = rest.iter().chain(&array).find(|name| !is_place(name)) {
        shell.complain(&[b"read: `", bad.as_slice(), b"': not a valid identifier"].concat())?;
        return Ok(1);
    }
    let (text, complete) = line(shell, source)?;
    let plain = |text: &[(u8, bool)]| text.iter().map(|(byte, _)| *byte).collect::<Vec<u8>>();
    match array {
        Some(name) => {
            let separators = shell.separators();
            let mut values = distribute(&text, text.len() + 1, &separators);
            // What follows the last field is nothing.
            while values.last().is_some_and(Vec::is_empty) {
                values.pop();
            }
            shell.fill_array(&name, 0, true, values)?;
        }
        None if rest.is_empty() => shell.assign(b"REPLY", plain(&text))?,
        None if source.exactly => {
            shell.assign(&rest[0], plain(&text))?;
            rest[1..].iter().try_for_each(|name| shell.assign(name, Vec::new()))?;
        }
        None => fill(shell, &text, rest)?,
    }
    Ok(i32::from(!complete))
}

/// bash's `mapfile [-t] [-d end] [-n count] [-O origin] [-s skip] [-u descriptor] [array]`
pub(super) fn mapfile(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut strip, mut end, mut most, mut origin, mut skip, mut descriptor) = (false, b'\n', 0, None, 0, 0);
    let mut rest = arguments;
    while let [first, tail @ ..] = rest
        && let [b'-', letter, value @ ..] = first.as_slice()
    {
        rest = tail;
        if *letter == b't' && value.is_empty() {
            strip = true;
            continue;
        }
        if *letter == b'-' {
            break;
        }
        let value = match (value, rest) {
            ([], [value, tail @ ..]) => {
                rest = tail;
                value.clone()
            }
            (value, _) => value.to_vec(),
        };
        let number = std::str::from_utf8(&value).ok().and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
        match letter {
            b'd' => end = value.first().copied().unwrap_or(0),
            b'n' => most = number,
            b'O' => origin = Some(number),
            b's' => skip = number,
            b'u' => descriptor = u32::try_from(number).unwrap_or(u32::MAX),
            other => {
                shell.lacks(format!("`mapfile -{}`", other.escape_ascii()));
                return Ok(2);
            }
        }
    }
    let name = rest.first().cloned().unwrap_or_else(|| b"MAPFILE".to_vec());
    let Some(descriptor) = shell.state.descriptors.get(&descriptor).cloned() else { return Ok(1) };
    let mut lines = Vec::new();
    let mut number = 0;
    let mut room = shell.system.budget.hold(0)?;
    loop {
        shell.step()?;
        if most > 0 && lines.len() >= most {
            break;
        }
        let mut line = match stream::read_until(shell.system, &descriptor, end) {
            Ok(line) => line,
            Err(StreamError::Spent(spent)) => return Err(spent.into()),
            // What cannot be read has no lines.
            Err(_) => break,
        };
        if line.is_empty() {
            break;
        }
        number += 1;
        if number <= skip {
            continue;
        }
        if strip && line.last() == Some(&end) {
            line.pop();
        }
        // No variable holds a NUL: it ends there.
        line.truncate(memchr::memchr(0, &line).unwrap_or(line.len()));
        room.grow(line.len() + 64)?;
        lines.push(line);
    }
    shell.fill_array(&name, origin.unwrap_or(0), origin.is_none(), lines)?;
    Ok(0)
}

impl Shell<'_> {
    /// Puts values into an array from a number on; what was there goes when it is `anew`.
    fn fill_array(&mut self, name: &[u8], from: usize, anew: bool, values: Vec<Vec<u8>>) -> Run<()> {
        if self.state.variables.get(name).is_some_and(|variable| variable.readonly) {
            return self.is_readonly(name);
        }
        if anew {
            self.change(name, super::Variable::clear)?;
        }
        self.array_mut(name, false)?;
        for (number, value) in (from..).zip(values) {
            self.assign_element(name, number.to_string().as_bytes(), false, value)?;
        }
        Ok(())
    }
}

/// A line, backslashes applied: bytes with whether they were quoted, and whether it came to its end.
fn line(shell: &mut Shell<'_>, source: Source) -> Run<(Vec<(u8, bool)>, bool)> {
    let Some(descriptor) = shell.state.descriptors.get(&source.descriptor).cloned() else {
        return Ok((Vec::new(), false));
    };
    let mut text = Vec::new();
    let end = (!source.exactly).then_some(source.end);
    loop {
        shell.step()?;
        let left = source.count.map_or(usize::MAX, |count| count.saturating_sub(text.len()));
        if left == 0 {
            return Ok((text, true));
        }
        let bytes = match stream::read_piece(shell.system, &descriptor, left, end) {
            Ok(bytes) => bytes,
            Err(StreamError::Spent(spent)) => return Err(spent.into()),
            Err(StreamError::Direction | StreamError::Directory | StreamError::Io(_)) => return Ok((text, false)),
        };
        let _room = shell.system.budget.hold(bytes.len() * 3)?;
        let mut continued = false;
        let mut rest = bytes.as_slice();
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match byte {
                byte if Some(*byte) == end => return Ok((text, true)),
                b'\\' if !source.raw => match rest {
                    [b'\n', ..] => {
                        continued = true;
                        rest = &rest[1..];
                    }
                    [next, tail @ ..] => {
                        text.push((*next, true));
                        rest = tail;
                    }
                    // The byte that it quotes is the next that is read.
                    [] if source.count.is_some() || source.end != b'\n' => {
                        let next = stream::read_piece(shell.system, &descriptor, 1, None);
                        text.extend(next.unwrap_or_default().first().map(|byte| (*byte, true)));
                        continued = true;
                    }
                    [] => {}
                },
                // As in every shell variable a NUL has no place.
                0 => {}
                byte => text.push((*byte, false)),
            }
        }
        if !continued && (source.count.is_none() || bytes.len() < left) {
            return Ok((text, false));
        }
        if !continued && text.len() >= source.count.unwrap_or(usize::MAX) {
            return Ok((text, true));
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
