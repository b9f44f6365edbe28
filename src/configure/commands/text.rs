//! coreutils' programs on lines: `sort`, `uniq`, `head`, `tail`, `cut`, `tr`, `wc`, `tee`, `cmp`, `diff`, sums.
//! Bytes are compared as in the C locale.

use std::cmp::Ordering;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::grep::lines;
use super::show;
use crate::configure::shell::pattern::class;
use crate::configure::shell::printf::unescape;
use crate::digest::Sha256;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("cmp", compare),
    ("cut", cut),
    ("diff", compare),
    ("head", head),
    ("md5sum", sum),
    ("rev", rev),
    ("sha1sum", sum),
    ("sha256sum", sum),
    ("sha512sum", sum),
    ("sort", sort),
    ("tac", tac),
    ("tail", tail),
    ("tee", tee),
    ("tr", tr),
    ("uniq", uniq),
    ("wc", wc),
];

/// A count in an option.
///
/// # Errors
/// It is none.
pub(super) fn number(text: &[u8]) -> Result<usize, Fault> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Fault::gap(format!("`{}` is not a plain number", show(text))))
}

fn join(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}

fn rev(call: &mut Call<'_, '_>) -> Done {
    let text = call.read_all(call.args)?;
    let lines: Vec<Vec<u8>> = lines(&text).map(|line| line.iter().rev().copied().collect()).collect();
    call.out(join(&lines.iter().map(Vec::as_slice).collect::<Vec<_>>()))?;
    Ok(0)
}

fn tac(call: &mut Call<'_, '_>) -> Done {
    let text = call.read_all(call.args)?;
    let mut all: Vec<&[u8]> = lines(&text).collect();
    all.reverse();
    call.out(join(&all))?;
    Ok(0)
}

// --- sort, uniq ----------------------------------------------------------------------------------------------

const SORT_LONG: &[(&str, u8)] = &[
    ("unique", b'u'),
    ("reverse", b'r'),
    ("numeric-sort", b'n'),
    ("key", b'k'),
    ("field-separator", b't'),
    ("version-sort", b'V'),
    ("ignore-case", b'f'),
    ("zero-terminated", b'z'),
    ("output", b'o'),
    ("stable", b's'),
    ("check", b'c'),
    ("ignore-leading-blanks", b'b'),
];

#[derive(Debug, Clone, Default)]
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    flags: Vec<u8>,
}

fn sort(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("urnk:t:Vfzo:scbhT:", SORT_LONG)?;
    if given.has(b'h') {
        return Err(Fault::gap("-h"));
    }
    let end = if given.has(b'z') { 0 } else { b'\n' };
    let mut text = call.read_all(&given.operands)?;
    if text.last().is_some_and(|&last| last != end) {
        text.push(end);
    }
    let global: Vec<u8> = b"rnVfb".iter().copied().filter(|&letter| given.has(letter)).collect();
    let mut keys = given.values(b'k').map(key).collect::<Result<Vec<_>, _>>()?;
    for key in &mut keys {
        if key.flags.is_empty() {
            key.flags.clone_from(&global);
        }
    }
    let separator =
        given.value(b't').map(|text| if text == b"\\0" { 0 } else { text.first().copied().unwrap_or(b'\t') });
    let whole = Key { flags: global.clone(), ..Key::default() };
    let by_keys = |a: &&[u8], b: &&[u8]| {
        if keys.is_empty() {
            return order(a, b, &whole.flags);
        }
        keys.iter()
            .map(|key| order(part(a, key, separator), part(b, key, separator), &key.flags))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    let last = |a: &&[u8], b: &&[u8]| if global.contains(&b'r') { b.cmp(a) } else { a.cmp(b) };
    let full = |a: &&[u8], b: &&[u8]| match by_keys(a, b) {
        Ordering::Equal if !given.has(b's') && !given.has(b'u') => last(a, b),
        order => order,
    };
    let mut all: Vec<&[u8]> = text.split(|&byte| byte == end).collect();
    all.pop();
    if given.has(b'c') {
        let sorted = all.windows(2).all(|pair| full(&pair[0], &pair[1]).is_le());
        return Ok(i32::from(!sorted));
    }
    all.sort_by(full);
    if given.has(b'u') {
        all.dedup_by(|b, a| by_keys(a, b).is_eq());
    }
    let output: Vec<u8> = all.iter().flat_map(|line| line.iter().copied().chain([end])).collect();
    match given.value(b'o') {
        Some(path) => call.write(path, 0o666, output)?,
        None => call.out(output)?,
    }
    Ok(0)
}

fn key(text: &[u8]) -> Result<Key, Fault> {
    let wrong = || Fault::gap(format!("key `{}`", show(text)));
    let position = |text: &[u8]| -> Result<((usize, usize), Vec<u8>), Fault> {
        let length = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let (numbers, flags) = text.split_at(length);
        let mut numbers = numbers.split(|&byte| byte == b'.').map(number);
        let field = numbers.next().ok_or_else(wrong)??;
        let character = numbers.next().transpose()?.unwrap_or(0);
        if flags.iter().any(|flag| !b"rnVfb".contains(flag)) {
            return Err(wrong());
        }
        Ok(((field, character), flags.to_vec()))
    };
    let mut parts = text.splitn(2, |&byte| byte == b',');
    let (from, mut flags) = position(parts.next().unwrap_or_default())?;
    let mut to = None;
    if let Some(end) = parts.next() {
        let (place, more) = position(end)?;
        to = Some(place);
        flags.extend(more);
    }
    Ok(Key { from, to, flags })
}

/// The bytes of a line that a key names.
fn part<'l>(line: &'l [u8], key: &Key, separator: Option<u8>) -> &'l [u8] {
    let starts = field_starts(line, separator);
    let begin = |field: usize| starts.get(field.saturating_sub(1)).copied().unwrap_or(line.len());
    let finish = |field: usize| match (starts.get(field), separator) {
        (Some(&next), Some(_)) => next - 1,
        (Some(&next), None) => next,
        (None, _) => line.len(),
    };
    let skip = |place: usize| place + line[place..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut from = begin(key.from.0);
    if key.flags.contains(&b'b') {
        from = skip(from);
    }
    from = (from + key.from.1.saturating_sub(1)).min(line.len());
    let to = match key.to {
        None => line.len(),
        Some((field, 0)) => finish(field),
        Some((field, character)) => (begin(field) + character).min(line.len()),
    };
    &line[from..to.max(from)]
}

fn field_starts(line: &[u8], separator: Option<u8>) -> Vec<usize> {
    let mut starts = vec![0];
    for (index, pair) in line.windows(2).enumerate() {
        let begins = match separator {
            Some(separator) => pair[0] == separator,
            // Without a separator a field begins with the blanks before it.
            None => !pair[0].is_ascii_whitespace() && pair[1].is_ascii_whitespace(),
        };
        if begins {
            starts.push(index + 1);
        }
    }
    if separator.is_some() && line.last() == separator.as_ref() {
        starts.push(line.len());
    }
    starts
}

fn order(a: &[u8], b: &[u8], flags: &[u8]) -> Ordering {
    let (a, b) = if flags.contains(&b'b') { (a.trim_ascii_start(), b.trim_ascii_start()) } else { (a, b) };
    let order = if flags.contains(&b'n') {
        leading_number(a).total_cmp(&leading_number(b))
    } else if flags.contains(&b'V') {
        version_order(a, b)
    } else if flags.contains(&b'f') {
        a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase())
    } else {
        a.cmp(b)
    };
    if flags.contains(&b'r') { order.reverse() } else { order }
}

fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(text.first() == Some(&b'-'));
    let length = text[sign..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    std::str::from_utf8(&text[..sign + length]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// Version sort: runs of digits as numbers, in what lies between letters before other bytes, `~` before all.
fn version_order(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let rank = |byte: Option<&u8>| match byte {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let whole = a.cmp(b);
    while !a.is_empty() || !b.is_empty() {
        while rank(a.first()) != 0 || rank(b.first()) != 0 {
            let order = rank(a.first()).cmp(&rank(b.first()));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[1..], &b[1..]);
        }
        let number = |text: &mut &[u8]| {
            let zeros = text.iter().take_while(|byte| **byte == b'0').count();
            let digits = text[zeros..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = text[zeros..zeros + digits].to_vec();
            *text = &text[zeros + digits..];
            number
        };
        let (left, right) = (number(&mut a), number(&mut b));
        let order = left.len().cmp(&right.len()).then_with(|| left.cmp(&right));
        if order.is_ne() {
            return order;
        }
    }
    whole
}

fn uniq(call: &mut Call<'_, '_>) -> Done {
    let given =
        call.options("cdui", &[("count", b'c'), ("repeated", b'd'), ("unique", b'u'), ("ignore-case", b'i')])?;
    let text = match given.operands.first() {
        Some(path) => call.read(path)?,
        None => call.input()?,
    };
    if given.operands.len() > 1 {
        return Err(Fault::gap("an output file"));
    }
    let same = |a: &[u8], b: &[u8]| if given.has(b'i') { a.eq_ignore_ascii_case(b) } else { a == b };
    let mut groups: Vec<(&[u8], usize)> = Vec::new();
    for line in lines(&text) {
        match groups.last_mut() {
            Some((last, count)) if same(last, line) => *count += 1,
            _ => groups.push((line, 1)),
        }
    }
    for (line, count) in groups {
        if (given.has(b'd') && count < 2) || (given.has(b'u') && count > 1) {
            continue;
        }
        let head = if given.has(b'c') { format!("{count:7} ").into_bytes() } else { Vec::new() };
        call.out([head.as_slice(), line, b"\n"].concat())?;
    }
    Ok(0)
}

// --- head, tail, cut, wc, tee --------------------------------------------------------------------------------

/// The old form `-5`, made `-n5`.
fn modern(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut()
        && first.len() > 1
        && first[0] == b'-'
        && first[1..].iter().all(u8::is_ascii_digit)
    {
        *first = [b"-n", &first[1..]].concat();
    }
    args
}

fn ends(call: &mut Call<'_, '_>, act: fn(&[u8], &[u8], bool) -> Result<Vec<u8>, Fault>) -> Done {
    let args = modern(call.args);
    let long = [("lines", b'n'), ("bytes", b'c'), ("quiet", b'q'), ("silent", b'q')];
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.options("n:c:q", &long)?;
    if given.operands.len() > 1 && !given.has(b'q') {
        return Err(Fault::gap("several files"));
    }
    let (count, bytes) = match (given.value(b'c'), given.value(b'n')) {
        (Some(count), _) => (count, true),
        (None, count) => (count.unwrap_or(b"10"), false),
    };
    let inputs = if given.operands.is_empty() { vec![b"-".to_vec()] } else { given.operands.clone() };
    for path in inputs {
        let text = call.read(&path)?;
        call.out(act(&text, count, bytes)?)?;
    }
    Ok(0)
}

/// Where each line ends, with its newline.
fn line_ends(text: &[u8]) -> Vec<usize> {
    let mut ends: Vec<usize> = memchr::memchr_iter(b'\n', text).map(|place| place + 1).collect();
    if ends.last().copied().unwrap_or(0) < text.len() {
        ends.push(text.len());
    }
    ends
}

fn head(call: &mut Call<'_, '_>) -> Done {
    ends(call, |text, count, bytes| {
        let (count, but) = match count.strip_prefix(b"-") {
            Some(count) => (number(count)?, true),
            None => (number(count)?, false),
        };
        let cuts = if bytes { (1..=text.len()).collect() } else { line_ends(text) };
        let keep = if but { cuts.len().saturating_sub(count) } else { count.min(cuts.len()) };
        Ok(text[..keep.checked_sub(1).map_or(0, |last| cuts[last])].to_vec())
    })
}

fn tail(call: &mut Call<'_, '_>) -> Done {
    ends(call, |text, count, bytes| {
        let cuts = if bytes { (1..=text.len()).collect() } else { line_ends(text) };
        let skip = match count.strip_prefix(b"+") {
            Some(first) => number(first)?.saturating_sub(1),
            None => cuts.len().saturating_sub(number(count.strip_prefix(b"-").unwrap_or(count))?),
        };
        let skip = skip.min(cuts.len());
        Ok(text[skip.checked_sub(1).map_or(0, |last| cuts[last])..].to_vec())
    })
}

fn cut(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("delimiter", b'd'),
        ("fields", b'f'),
        ("characters", b'c'),
        ("bytes", b'b'),
        ("only-delimited", b's'),
        ("complement", b'1'),
        ("output-delimiter", b'2'),
    ];
    let given = call.options("d:f:c:b:s12:", &long)?;
    let Some(letter) = given.last_of(b"fcb") else { return Err(Fault::failed("you must specify a list")) };
    let ranges = ranges(given.value(letter).unwrap_or_default())?;
    let chosen = |index: usize| ranges.iter().any(|(low, high)| (*low..=*high).contains(&index)) != given.has(b'1');
    let delimiter = given.value(b'd').and_then(|text| text.first().copied()).unwrap_or(b'\t');
    let between = given.value(b'2').map_or_else(|| vec![delimiter], <[u8]>::to_vec);
    let text = call.read_all(&given.operands)?;
    for line in lines(&text) {
        let kept = if letter != b'f' {
            line.iter().enumerate().filter(|(index, _)| chosen(index + 1)).map(|(_, byte)| *byte).collect()
        } else if line.contains(&delimiter) {
            let fields = line.split(|&byte| byte == delimiter).enumerate();
            fields
                .filter(|(index, _)| chosen(index + 1))
                .map(|(_, field)| field)
                .collect::<Vec<_>>()
                .join(between.as_slice())
        } else if given.has(b's') {
            continue;
        } else {
            line.to_vec()
        };
        call.out([kept.as_slice(), b"\n"].concat())?;
    }
    Ok(0)
}

fn ranges(text: &[u8]) -> Result<Vec<(usize, usize)>, Fault> {
    let one = |part: &[u8]| match memchr::memchr(b'-', part) {
        None => number(part).map(|place| (place, place)),
        Some(dash) => {
            let low = if dash == 0 { 1 } else { number(&part[..dash])? };
            let high = if dash + 1 == part.len() { usize::MAX } else { number(&part[dash + 1..])? };
            Ok((low, high))
        }
    };
    text.split(|byte| matches!(byte, b',' | b' ')).map(one).collect()
}

fn wc(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("lwcm", &[("lines", b'l'), ("words", b'w'), ("bytes", b'c'), ("chars", b'm')])?;
    if given.operands.len() > 1 {
        return Err(Fault::gap("several files"));
    }
    let text = call.read_all(&given.operands)?;
    let counts = [
        (b'l', memchr::memchr_iter(b'\n', &text).count()),
        (b'w', text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count()),
        (b'c', text.len()),
    ];
    let letters: &[u8] = if given.all.is_empty() {
        b"lwc"
    } else {
        &given.all.iter().map(|(letter, _)| if *letter == b'm' { b'c' } else { *letter }).collect::<Vec<_>>()
    };
    let chosen: Vec<usize> =
        counts.iter().filter(|(letter, _)| letters.contains(letter)).map(|(_, count)| *count).collect();
    let width = if chosen.len() == 1 {
        1
    } else if given.operands.is_empty() {
        7
    } else {
        text.len().to_string().len()
    };
    let mut line = chosen.iter().map(|count| format!("{count:width$}")).collect::<Vec<_>>().join(" ");
    if let Some(name) = given.operands.first() {
        line = format!("{line} {}", show(name));
    }
    call.out(line + "\n")?;
    Ok(0)
}

fn tee(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ai", &[("append", b'a')])?;
    let input = call.input()?;
    for path in &given.operands {
        let mut bytes = if given.has(b'a') { call.read(path).unwrap_or_default() } else { Vec::new() };
        bytes.extend_from_slice(&input);
        call.write(path, 0o666, bytes)?;
    }
    call.out(input)?;
    Ok(0)
}

// --- tr ------------------------------------------------------------------------------------------------------

fn tr(call: &mut Call<'_, '_>) -> Done {
    let long = [("delete", b'd'), ("squeeze-repeats", b's'), ("complement", b'c'), ("truncate-set1", b't')];
    let given = call.options("+dscCt", &long)?;
    let (delete, squeeze) = (given.has(b'd'), given.has(b's'));
    let [first, rest @ ..] = given.operands.as_slice() else { return Err(Fault::failed("missing operand")) };
    let mut from = set(first)?;
    if given.has(b'c') || given.has(b'C') {
        from = (0..=255u8).filter(|byte| !from.contains(byte)).collect();
    }
    let second = rest.first().map(|text| set(text)).transpose()?;
    let mut table: [u8; 256] = std::array::from_fn(|byte| byte.to_le_bytes()[0]);
    if let Some(to) = second.as_ref().filter(|_| !delete) {
        let Some(&last) = to.last() else {
            return Err(Fault::failed("when not truncating set1, string2 must be non-empty"));
        };
        for (index, &byte) in from.iter().enumerate() {
            table[usize::from(byte)] = to.get(index).copied().unwrap_or(last);
        }
    } else if !delete && !squeeze {
        return Err(Fault::failed("missing operand: two strings must be given when translating"));
    }
    let squeezed = second.as_ref().unwrap_or(&from).clone();
    let mut output: Vec<u8> = Vec::new();
    for byte in call.input()? {
        if delete && from.contains(&byte) {
            continue;
        }
        let byte = table[usize::from(byte)];
        if squeeze && output.last() == Some(&byte) && squeezed.contains(&byte) {
            continue;
        }
        output.push(byte);
    }
    call.out(output)?;
    Ok(0)
}

/// The bytes of one of `tr`'s sets, in order.
fn set(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        if let Some(name) =
            rest.strip_prefix(b"[:").and_then(|rest| memchr::memmem::find(rest, b":]").map(|end| &rest[..end]))
        {
            let accepts = class(name).ok_or_else(|| Fault::failed("invalid character class"))?;
            bytes.extend((0..=255u8).filter(|&byte| accepts(byte)));
            rest = &rest[name.len() + 4..];
            continue;
        }
        if rest.starts_with(b"[=") || (rest.len() > 3 && rest[0] == b'[' && rest[2] == b'*') {
            return Err(Fault::gap(format!("set `{}`", show(text))));
        }
        let (low, after) = one(*byte, tail);
        rest = after;
        match rest {
            [b'-', next, tail @ ..] => {
                let (high, after) = one(*next, tail);
                if high < low {
                    return Err(Fault::failed("range-endpoints are in reverse collating sequence order"));
                }
                bytes.extend(low..=high);
                rest = after;
            }
            _ => bytes.push(low),
        }
    }
    Ok(bytes)
}

fn one(byte: u8, rest: &[u8]) -> (u8, &[u8]) {
    if byte != b'\\' || rest.is_empty() {
        return (byte, rest);
    }
    let digits = rest.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
    let length = digits.max(1);
    let text = [b"\\", &rest[..length]].concat();
    let value = unescape(&text, false).0;
    (if value.len() == 1 { value[0] } else { rest[0] }, &rest[length..])
}

// --- cmp, diff, sums -----------------------------------------------------------------------------------------

fn compare(call: &mut Call<'_, '_>) -> Done {
    let long = [("silent", b's'), ("quiet", b's'), ("brief", b'q'), ("unified", b'u'), ("text", b'a')];
    let given = call.options("sqbBwNaru", &long)?;
    let [left, right, ..] = given.operands.as_slice() else { return Err(Fault::Failed(2, "missing operand".into())) };
    if [b'b', b'B', b'w', b'r'].iter().any(|&letter| given.has(letter)) {
        return Err(Fault::gap("comparing with -b, -B, -w or -r"));
    }
    let mut read = |path: &[u8]| match call.read(path) {
        Err(Fault::Failed(_, message)) => Err(Fault::Failed(2, message)),
        other => other,
    };
    let (left_bytes, right_bytes) = (read(left)?, read(right)?);
    if left_bytes == right_bytes {
        return Ok(0);
    }
    let diff = call.name == b"diff";
    if diff && given.has(b'q') {
        call.out(format!("Files {} and {} differ\n", show(left), show(right)))?;
    } else if !given.has(b's') && !call.is_silent() {
        return Err(Fault::gap("the text of a difference"));
    }
    Ok(1)
}

impl Call<'_, '_> {
    /// Whether nobody will see what is written to standard output.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        use crate::configure::shell::stream::Stream;
        self.shell.state.descriptors.get(&1).is_none_or(|stream| matches!(&*stream.borrow(), Stream::Null))
    }
}

fn digest(name: &[u8], bytes: &[u8]) -> Result<String, Fault> {
    match name {
        b"md5sum" => crate::digest::md5_of_reader(&mut &*bytes).map_err(|_| Fault::failed("read error")),
        b"sha256sum" => Ok(Sha256::of(bytes).to_string()),
        _ => Err(Fault::gap("this digest")),
    }
}

fn sum(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("check", b'c'),
        ("status", b's'),
        ("quiet", b'q'),
        ("binary", b'b'),
        ("text", b't'),
        ("ignore-missing", b'i'),
    ];
    let given = call.options("cbtsqi", &long)?;
    if given.has(b'c') {
        return check(call, &given);
    }
    let inputs = if given.operands.is_empty() { vec![b"-".to_vec()] } else { given.operands.clone() };
    let mut status = 0;
    for path in inputs {
        let bytes = match call.read(&path) {
            Ok(bytes) => bytes,
            Err(Fault::Failed(code, message)) => {
                call.err(&message)?;
                status = code;
                continue;
            }
            Err(other) => return Err(other),
        };
        let digest = digest(call.name, &bytes)?;
        call.out([digest.as_bytes(), if given.has(b'b') { b" *" } else { b"  " }, &path, b"\n"].concat())?;
    }
    Ok(status)
}

fn check(call: &mut Call<'_, '_>, given: &Given) -> Done {
    let list = call.read_all(&given.operands)?;
    let (mut status, mut looked_at) = (0, 0);
    for line in lines(&list) {
        let Some(space) = memchr::memchr(b' ', line).filter(|space| line.len() > space + 2) else { continue };
        let path = &line[space + 2..];
        if given.has(b'i') && call.look(path, true).is_none() {
            continue;
        }
        looked_at += 1;
        let good = match call.read(path) {
            Ok(bytes) => digest(call.name, &bytes)?.as_bytes() == &line[..space],
            Err(Fault::Failed(..)) => false,
            Err(other) => return Err(other),
        };
        status |= i32::from(!good);
        let quiet = given.has(b's') || (good && given.has(b'q'));
        if !quiet {
            let verdict: &[u8] = if good { b": OK\n" } else { b": FAILED\n" };
            call.out([path, verdict].concat())?;
        }
    }
    if looked_at == 0 && given.has(b'i') {
        return Err(Fault::failed("no file was verified"));
    }
    Ok(status)
}
