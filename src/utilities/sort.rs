//! sort(1), coreutils'. Bytes are compared as in the C locale.

use std::cmp::Ordering;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Buffer;
use super::buffer::Kept;
use super::options::Opt;
use super::show;
use crate::budget::Budget;
use crate::utilities::versions;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("sort", sort)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'b', "ignore-leading-blanks"),
    Opt::flag(b'd', "dictionary-order"),
    Opt::flag(b'f', "ignore-case"),
    Opt::flag(b'g', "general-numeric-sort"),
    Opt::flag(b'h', "human-numeric-sort"),
    Opt::flag(b'i', "ignore-nonprinting"),
    Opt::flag(b'M', "month-sort"),
    Opt::flag(b'n', "numeric-sort"),
    Opt::flag(b'r', "reverse"),
    Opt::flag(b'V', "version-sort"),
    Opt::flag(b'c', ""),
    Opt::attached(1, "check"),
    Opt::flag(b'C', ""),
    Opt::value(b'k', "key"),
    Opt::flag(b'm', "merge"),
    Opt::value(b'o', "output"),
    Opt::flag(b's', "stable"),
    Opt::value(b't', "field-separator"),
    Opt::flag(b'u', "unique"),
    Opt::flag(b'z', "zero-terminated"),
    Opt::harmless_value(b'S', "buffer-size", "all is sorted in memory"),
    Opt::harmless_value(b'T', "temporary-directory", "all is sorted in memory"),
];

/// Letters that say how a key is compared.
const ORDERS: &[u8] = b"bdfghiMnrV";

#[derive(Debug, Clone, Default)]
struct Key {
    /// Fields and bytes to pass over before it begins.
    from: (usize, usize),
    /// The field, counted from 1, and the byte in it where it ends; byte 0 is the field's end.
    to: Option<(usize, usize)>,
    skip_before: bool,
    skip_behind: bool,
    order: Order,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Order {
    letters: Vec<u8>,
    /// Whether ronna and quetta are known as suffixes: since coreutils 9.2.
    ronna: bool,
}

impl Order {
    fn has(&self, letter: u8) -> bool {
        self.letters.contains(&letter)
    }

    /// The one way to compare, and what is left out before.
    fn way(&self) -> Result<u8, Fault> {
        let mut ways = b"ghMnV".iter().copied().filter(|letter| self.has(*letter));
        let way = ways.next();
        let more = ways.next().or_else(|| {
            way.filter(|way| *way != b'V' || self.has(b'n')).and_then(|_| b"di".iter().copied().find(|l| self.has(*l)))
        });
        match (way, more) {
            (Some(way), Some(more)) => {
                let both = format!("{}{}", char::from(more), char::from(way));
                Err(Fault::Failed(2, format!("options '-{both}' are incompatible")))
            }
            (Some(b'V'), None) if b"fdi".iter().any(|letter| self.has(*letter)) => {
                Err(Fault::gap("versions compared with other letters left out or made one"))
            }
            (way, _) => Ok(way.unwrap_or(0)),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

fn sort(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let budget = call.shell.system.budget.clone();
    let end = if given.has(b'z') { 0 } else { b'\n' };
    let mut keys = keys(&given)?;
    let ronna = call.release()?.is_since((9, 2));
    keys.iter_mut().for_each(|key| key.order.ronna = ronna);
    let separator = the_separator(&given)?;
    let check = check(&given)?;
    let standard = [b"-".to_vec()];
    let paths = if given.operands.is_empty() { &standard[..] } else { given.operands.as_slice() };
    let (text, ends) = read_all(call, paths, end)?;
    let mut table = Table::new(&text, end, &keys, separator, &budget)?;
    let rule = Rule {
        text: &text,
        keys: &keys,
        spans: &table.spans,
        reverse: given.has(b'r'),
        plain: given.has(b's') || given.has(b'u'),
    };
    if let Some(silent) = check {
        return disorder(call, &table, &rule, given.has(b'u'), (!silent).then_some(&paths[0]));
    }
    let rounds = table.lines.len().checked_ilog2().map_or(1, |rounds| rounds as usize + 1);
    table.charge(rounds)?;
    // What the sort itself needs beside the table.
    let _room = budget.hold(table.lines.len() * size_of::<Line>() / 2)?;
    if given.has(b'm') {
        table.lines = merged(&table, &ends, &rule)?;
    } else {
        table.lines.sort_by(|a, b| rule.order(a, b));
    }
    let unique = given.has(b'u');
    match given.value(b'o') {
        Some(path) => {
            let mut output = Buffer::new(&budget)?;
            let mut before: Option<&Line> = None;
            for line in table.lines.iter() {
                if !(unique && before.is_some_and(|before| rule.by_keys(before, line).is_eq())) {
                    output.extend(line.of(&text))?;
                    output.push(end)?;
                    before = Some(line);
                }
            }
            match call.write(path, 0o666, output.into_bytes()) {
                Err(Fault::Failed(_, message)) => Err(Fault::Failed(2, format!("open failed: {message}"))),
                other => other.map(|()| 0),
            }
        }
        None => call.printing(|call, out| {
            let mut before: Option<&Line> = None;
            for line in table.lines.iter() {
                if !(unique && before.is_some_and(|before| rule.by_keys(before, line).is_eq())) {
                    out.all(call, &[line.of(&text), &[end]])?;
                    before = Some(line);
                }
            }
            Ok(0)
        }),
    }
}

/// The byte that separates fields, when one was said.
fn the_separator(given: &Given) -> Result<Option<u8>, Fault> {
    let mut separators = given.values(b't').map(separator).collect::<Result<Vec<_>, _>>()?;
    separators.dedup();
    match separators.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(Fault::Failed(2, "incompatible tabs".into())),
    }
}

/// Whether it is only looked whether lines are in order, and nothing said then.
fn check(given: &Given) -> Result<Option<bool>, Fault> {
    let refused = |words: String| Err(Fault::Failed(2, words));
    let check = given.has(b'C') || given.has(b'c') || given.has(1);
    let how = given.value(1).unwrap_or_default();
    let silent = given.has(b'C') || matches!(how, b"quiet" | b"silent");
    if !silent && !matches!(how, b"" | b"diagnose-first") {
        return refused(format!("invalid argument '{}' for '--check'", show(how)));
    }
    if check && given.operands.len() > 1 {
        return refused(format!("extra operand '{}' not allowed with -c", show(&given.operands[1])));
    }
    if given.values(b'o').any(|path| Some(path) != given.value(b'o')) {
        return refused("multiple output files specified".into());
    }
    let quiet = |(letter, text): &(u8, Vec<u8>)| match letter {
        b'c' => Some(false),
        b'C' => Some(true),
        1 => Some(matches!(text.as_slice(), b"quiet" | b"silent")),
        _ => None,
    };
    let checks: Vec<bool> = given.all.iter().filter_map(quiet).collect();
    if checks.contains(&true) && checks.contains(&false) {
        return refused("options '-cC' are incompatible".into());
    }
    if check && given.has(b'o') {
        return refused(format!("options '-{}o' are incompatible", if silent { 'C' } else { 'c' }));
    }
    Ok(check.then_some(silent))
}

/// All texts one behind the other, each with an end, and where each ends.
fn read_all(call: &mut Call<'_, '_>, paths: &[Vec<u8>], end: u8) -> Result<(Buffer, Kept<usize>), Fault> {
    let budget = call.shell.system.budget.clone();
    let (mut text, mut ends) = (Buffer::new(&budget)?, Kept::new(&budget)?);
    for path in paths {
        let part = call.text(path).map_err(|fault| match fault {
            Fault::Failed(_, message) => Fault::Failed(2, format!("cannot read: {message}")),
            other => other,
        })?;
        text.extend(&part)?;
        if text.last().is_some_and(|&last| last != end) {
            text.push(end)?;
        }
        ends.push(text.len())?;
    }
    Ok((text, ends))
}

/// Whether lines are in order, as a status; the first one that is not is told of with a file's name.
fn disorder(call: &mut Call<'_, '_>, table: &Table, rule: &Rule<'_>, strict: bool, name: Option<&Vec<u8>>) -> Done {
    table.charge(1)?;
    let wrong = table.lines.windows(2).position(|pair| {
        let order = rule.order(&pair[0], &pair[1]);
        order.is_gt() || (strict && order.is_eq())
    });
    let Some(wrong) = wrong else { return Ok(0) };
    if let Some(name) = name {
        let line = show(table.lines[wrong + 1].of(rule.text));
        call.err(&format!("{}:{}: disorder: {line}", show(name), wrong + 2))?;
    }
    Ok(1)
}

/// The lines of several texts in one order, each text taken for sorted: always the least of those that come next.
fn merged(table: &Table, ends: &[usize], rule: &Rule<'_>) -> Result<Kept<Line>, Fault> {
    let budget = &table.budget;
    budget.tried(table.lines.len().saturating_mul(ends.len()).saturating_mul(4))?;
    let mut next = Kept::new(budget)?;
    let mut from = 0;
    for &end in ends {
        let to = table.lines.partition_point(|line| (line.from as usize) < end);
        next.push((from, to))?;
        from = to;
    }
    let mut made = Kept::new(budget)?;
    loop {
        let open = next.iter().enumerate().filter(|(_, (from, to))| from < to);
        let least = open.min_by(|(_, (a, _)), (_, (b, _))| rule.order(&table.lines[*a], &table.lines[*b]));
        let Some(least) = least.map(|(index, _)| index) else { return Ok(made) };
        made.push(table.lines[next[least].0])?;
        next[least].0 += 1;
    }
}

fn separator(text: &[u8]) -> Result<u8, Fault> {
    match text {
        b"\\0" => Ok(0),
        [byte] => Ok(*byte),
        [] => Err(Fault::Failed(2, "empty tab".into())),
        _ => Err(Fault::Failed(2, format!("multi-character tab '{}'", show(text)))),
    }
}

/// The keys, or the whole line by what is said of all.
fn keys(given: &Given) -> Result<Vec<Key>, Fault> {
    let global: Vec<u8> = ORDERS.iter().copied().filter(|&letter| given.has(letter)).collect();
    let mut keys = given.values(b'k').map(key).collect::<Result<Vec<_>, _>>()?;
    let inherits = |key: &Key| key.order.letters.is_empty() && !key.skip_before && !key.skip_behind;
    for key in keys.iter_mut().filter(|key| inherits(key)) {
        let blanks = global.contains(&b'b');
        (key.order.letters, key.skip_before, key.skip_behind) = (global.clone(), blanks, blanks);
    }
    if keys.is_empty() && global.iter().any(|letter| *letter != b'r') {
        let order = Order { letters: global.clone(), ..Order::default() };
        keys.push(Key { skip_before: global.contains(&b'b'), order, ..Key::default() });
    }
    for key in &keys {
        key.order.way()?;
    }
    Ok(keys)
}

/// `F[.C][ORDERS][,F[.C][ORDERS]]`
fn key(text: &[u8]) -> Result<Key, Fault> {
    let wrong = |what: &str| Fault::Failed(2, format!("{what}: invalid field specification '{}'", show(text)));
    let position = |text: &[u8]| -> Result<(usize, Option<usize>, Vec<u8>), Fault> {
        let number = |text: &[u8]| {
            let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let value = text[..length]
                .iter()
                .fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
            ((length > 0).then_some(value), length)
        };
        let (field, length) = number(text);
        let field = field.ok_or_else(|| wrong("invalid number at field start"))?;
        if field == 0 {
            return Err(wrong("field number is zero"));
        }
        let mut rest = &text[length..];
        let mut byte = None;
        if let [b'.', tail @ ..] = rest {
            let (value, length) = number(tail);
            byte = Some(value.ok_or_else(|| wrong("invalid number after '.'"))?);
            rest = &tail[length..];
        }
        Ok((field, byte, rest.to_vec()))
    };
    let mut parts = text.splitn(2, |&byte| byte == b',');
    let (field, byte, mut letters) = position(parts.next().unwrap_or_default())?;
    if byte == Some(0) {
        return Err(wrong("character offset is zero"));
    }
    let mut key = Key { from: (field - 1, byte.unwrap_or(1) - 1), ..Key::default() };
    key.skip_before = letters.contains(&b'b');
    if let Some(end) = parts.next() {
        let (field, byte, more) = position(end)?;
        key.to = Some((field, byte.unwrap_or(0)));
        key.skip_behind = more.contains(&b'b');
        letters.extend(more);
    }
    if letters.contains(&b'R') {
        return Err(Fault::gap("a random order"));
    }
    if letters.iter().any(|letter| !ORDERS.contains(letter)) {
        return Err(wrong("stray character in field spec"));
    }
    letters.retain(|letter| *letter != b'b');
    key.order = Order { letters, ..Order::default() };
    Ok(key)
}

/// A line's place in the text, and its number.
#[derive(Debug, Clone, Copy)]
struct Line {
    from: u32,
    to: u32,
    number: u32,
}

impl Line {
    fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.from as usize..self.to as usize]
    }
}

/// All lines, and for each where its keys lie.
struct Table {
    lines: Kept<Line>,
    spans: Kept<(u32, u32)>,
    keys: usize,
    bytes: usize,
    budget: Budget,
}

impl Table {
    fn new(text: &[u8], end: u8, keys: &[Key], separator: Option<u8>, budget: &Budget) -> Result<Self, Fault> {
        let small = |place: usize| u32::try_from(place).map_err(|_| Fault::gap("more than 4 GiB to sort"));
        let (mut lines, mut spans) = (Kept::new(budget)?, Kept::new(budget)?);
        budget.read(text.len())?;
        let mut from = 0;
        for to in memchr::memchr_iter(end, text) {
            lines.push(Line { from: small(from)?, to: small(to)?, number: small(lines.len())? })?;
            for key in keys {
                budget.read((to - from).saturating_mul(4))?;
                let (begin, finish) = span(&text[from..to], key, separator);
                spans.push((small(from + begin)?, small(from + finish)?))?;
            }
            from = to + 1;
        }
        Ok(Self { lines, spans, keys: keys.len(), bytes: text.len(), budget: budget.clone() })
    }

    /// In each round every line is compared with one other, as far as the shorter goes.
    fn charge(&self, rounds: usize) -> Result<(), Fault> {
        let ways = self.keys + 1;
        self.budget.read(self.bytes.saturating_mul(rounds).saturating_mul(ways * 2))?;
        Ok(self.budget.tried(self.lines.len().saturating_mul(rounds).saturating_mul(ways * 2))?)
    }
}

/// Where in a line a key lies.
fn span(line: &[u8], key: &Key, separator: Option<u8>) -> (usize, usize) {
    let blanks = |place: usize| place + line[place..].iter().take_while(|byte| is_blank(**byte)).count();
    let field = |place: usize| {
        let place = blanks(place);
        place + line[place..].iter().take_while(|byte| !is_blank(**byte)).count()
    };
    let next = |place: usize, separator: u8| memchr::memchr(separator, &line[place..]).map(|found| place + found);
    let mut from = 0;
    for _ in 0..key.from.0 {
        if from >= line.len() {
            break;
        }
        from = match separator {
            Some(separator) => next(from, separator).map_or(line.len(), |place| place + 1),
            None => field(from),
        };
    }
    if key.skip_before {
        from = blanks(from);
    }
    from = from.saturating_add(key.from.1).min(line.len());
    let Some((fields, bytes)) = key.to else { return (from, line.len()) };
    let mut to = 0;
    let fields = if bytes == 0 { fields } else { fields - 1 };
    for index in 0..fields {
        if to >= line.len() {
            break;
        }
        to = match separator {
            Some(separator) => match next(to, separator) {
                Some(place) => place + usize::from(index + 1 < fields || bytes > 0),
                None => line.len(),
            },
            None => field(to),
        };
    }
    if bytes > 0 {
        if key.skip_behind {
            to = blanks(to);
        }
        to = to.saturating_add(bytes).min(line.len());
    }
    (from, to.max(from))
}

/// How lines are ordered.
struct Rule<'a> {
    text: &'a [u8],
    keys: &'a [Key],
    spans: &'a [(u32, u32)],
    reverse: bool,
    /// What is equal by its keys is equal.
    plain: bool,
}

impl Rule<'_> {
    fn by_keys(&self, a: &Line, b: &Line) -> Ordering {
        for (index, key) in self.keys.iter().enumerate() {
            let part = |line: &Line| {
                let (from, to) = self.spans[line.number as usize * self.keys.len() + index];
                &self.text[from as usize..to as usize]
            };
            let order = compare(part(a), part(b), &key.order);
            if order.is_ne() {
                return if key.order.has(b'r') { order.reverse() } else { order };
            }
        }
        if self.keys.is_empty() { self.whole(a, b) } else { Ordering::Equal }
    }

    fn whole(&self, a: &Line, b: &Line) -> Ordering {
        let order = a.of(self.text).cmp(b.of(self.text));
        if self.reverse { order.reverse() } else { order }
    }

    fn order(&self, a: &Line, b: &Line) -> Ordering {
        match self.by_keys(a, b) {
            Ordering::Equal if !self.plain => self.whole(a, b),
            order => order,
        }
    }
}

fn compare(a: &[u8], b: &[u8], order: &Order) -> Ordering {
    match order.way().unwrap_or(0) {
        b'n' => numbers(a, b),
        b'g' => general(a, b),
        b'h' => human(a, order).cmp(&human(b, order)).then_with(|| numbers(a, b)),
        b'M' => month(a).cmp(&month(b)),
        b'V' => versions::compare(a, b),
        _ if !order.has(b'f') && !order.has(b'd') && !order.has(b'i') => a.cmp(b),
        _ => {
            let (dictionary, printing, fold) = (order.has(b'd'), order.has(b'i'), order.has(b'f'));
            let counts = move |byte: &&u8| {
                (!dictionary || matches!(byte, b' ' | b'\t' | b'\n') || byte.is_ascii_alphanumeric())
                    && (dictionary || !printing || matches!(byte, b' '..=b'~'))
            };
            let letter = move |byte: &u8| if fold { byte.to_ascii_uppercase() } else { *byte };
            a.iter().filter(counts).map(letter).cmp(b.iter().filter(counts).map(letter))
        }
    }
}

/// Whether a number is below zero, its digits before the point, and those behind.
fn digits(text: &[u8]) -> (bool, &[u8], &[u8]) {
    let text = &text[text.iter().take_while(|byte| is_blank(**byte)).count()..];
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |text| (true, text));
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(length);
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let fraction = rest.strip_prefix(b".").unwrap_or_default();
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length = fraction[..length].iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let (whole, fraction) = (&whole[zeros..], &fraction[..length]);
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}

/// By the number that each begins with, however long.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let ((negative, a_whole, a_fraction), (b_negative, b_whole, b_fraction)) = (digits(a), digits(b));
    if negative != b_negative {
        return if negative { Ordering::Less } else { Ordering::Greater };
    }
    let order =
        a_whole.len().cmp(&b_whole.len()).then_with(|| a_whole.cmp(b_whole)).then_with(|| a_fraction.cmp(b_fraction));
    if negative { order.reverse() } else { order }
}

/// As strtold(3) reads it: what is no number comes first, then what is not a number.
fn general(a: &[u8], b: &[u8]) -> Ordering {
    let value = |text: &[u8]| {
        let text = text.trim_ascii_start();
        let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
        let rest = &text[sign..];
        let named = |name: &[u8]| rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name);
        if named(b"nan") {
            return (1, f64::NAN);
        }
        if named(b"0x") && rest.get(2).is_some_and(u8::is_ascii_hexdigit) {
            let digits = rest[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let number = rest[2..2 + digits]
                .iter()
                .fold(0.0, |sum, &digit| sum * 16.0 + f64::from(char::from(digit).to_digit(16).unwrap_or(0)));
            return (2, if text.first() == Some(&b'-') { -number } else { number });
        }
        let length = if named(b"inf") { 3 } else { super::awk::number_length(rest) };
        let number = std::str::from_utf8(&text[..sign + length]).ok().filter(|_| length > 0);
        number.and_then(|text| text.parse().ok()).map_or((0, 0.0), |number: f64| (2, number))
    };
    let ((a_rank, a), (b_rank, b)) = (value(a), value(b));
    a_rank.cmp(&b_rank).then_with(|| a.partial_cmp(&b).unwrap_or(Ordering::Equal))
}

/// The sign and the suffix of a number like `2K`: what is larger by its suffix is larger. With `f` small letters are
/// suffixes, too.
fn human(text: &[u8], order: &Order) -> i32 {
    let (negative, whole, fraction) = digits(text);
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.get(length) == Some(&b'.') {
        length += 1 + text[length + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    let letter = text.get(length).map(|letter| if order.has(b'f') { letter.to_ascii_uppercase() } else { *letter });
    let suffixes: &[u8] = if order.ronna { b"KMGTPEZYRQ" } else { b"KMGTPEZY" };
    let place = letter.and_then(|letter| suffixes.iter().position(|known| *known == letter));
    let rank = match (place, letter) {
        (None, Some(b'k')) => 1,
        (place, _) => place.and_then(|place| i32::try_from(place + 1).ok()).unwrap_or(0),
    };
    match (whole.is_empty() && fraction.is_empty(), negative) {
        (true, _) => 0,
        (_, true) => -rank,
        (_, false) => rank,
    }
}

fn month(text: &[u8]) -> usize {
    const MONTHS: [&[u8; 3]; 12] =
        [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];
    let text = &text[text.iter().take_while(|byte| is_blank(**byte)).count()..];
    let is = |name: &&[u8; 3]| text.len() >= 3 && text[..3].eq_ignore_ascii_case(&name[..]);
    MONTHS.iter().position(is).map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests;
