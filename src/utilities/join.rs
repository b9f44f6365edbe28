//! join(1), coreutils'.

use std::cmp::Ordering;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Out;
use super::comm::Order;
use super::comm::two;
use super::grep::records;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("join", join)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'a', ""),
    Opt::value(b'e', ""),
    Opt::flag(b'i', "ignore-case"),
    Opt::value(b'j', ""),
    Opt::value(b'o', ""),
    Opt::value(b't', ""),
    Opt::value(b'v', ""),
    Opt::value(b'1', ""),
    Opt::value(b'2', ""),
    Opt::flag(1, "check-order"),
    Opt::flag(2, "nocheck-order"),
    Opt::flag(3, "header"),
    Opt::flag(b'z', "zero-terminated"),
];

/// A line in its fields.
#[derive(Debug, Default, Clone)]
struct Line<'t> {
    whole: &'t [u8],
    fields: Vec<&'t [u8]>,
}

/// A field of the output: a file's, counted from 0, or the one that was joined by.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Joined,
    Of(usize, usize),
}

struct Joiner {
    fields: [usize; 2],
    ignore_case: bool,
    /// What is between fields: a byte, blanks, or nothing at all.
    separator: Option<u8>,
    filler: Vec<u8>,
    format: Vec<Shown>,
    /// `-o auto`: how many fields each file's first line has.
    counts: Option<[usize; 2]>,
    unpaired: [bool; 2],
    paired: bool,
    end: u8,
    order: Order,
}

/// One file, as far as it is read.
struct Side<'t> {
    lines: Box<dyn Iterator<Item = &'t [u8]> + 't>,
    number: usize,
    path: &'t [u8],
    read: u64,
    last: Option<Line<'t>>,
    warned: bool,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

fn split(line: &[u8], separator: Option<u8>) -> Vec<&[u8]> {
    if line.is_empty() {
        return Vec::new();
    }
    match separator {
        Some(b'\n') => vec![line],
        Some(byte) => line.split(|&other| other == byte).collect(),
        None => {
            let Some(start) = line.iter().position(|&byte| !is_blank(byte)) else { return Vec::new() };
            let (mut fields, mut rest) = (Vec::new(), &line[start..]);
            loop {
                let end = rest.iter().position(|&byte| is_blank(byte)).unwrap_or(rest.len());
                fields.push(&rest[..end]);
                if end == rest.len() {
                    return fields;
                }
                let next = rest[end..].iter().position(|&byte| !is_blank(byte));
                match next {
                    Some(next) => rest = &rest[end + next..],
                    // Blanks at the end are before a field that is empty.
                    None => {
                        fields.push(&[]);
                        return fields;
                    }
                }
            }
        }
    }
}

impl Joiner {
    fn given(given: &Given) -> Result<Self, Fault> {
        let mut joined = [None; 2];
        for (letter, value) in &given.all {
            let sides: &[usize] = match letter {
                b'1' => &[0],
                b'2' => &[1],
                b'j' => &[0, 1],
                _ => continue,
            };
            let number = field_number(value)?;
            for &side in sides {
                if joined[side].is_some_and(|before| before != number) {
                    return Err(Fault::failed("incompatible join fields"));
                }
                joined[side] = Some(number);
            }
        }
        let mut unpaired = [false; 2];
        for (_, value) in given.all.iter().filter(|(letter, _)| b"av".contains(letter)) {
            match value.as_slice() {
                b"1" => unpaired[0] = true,
                b"2" => unpaired[1] = true,
                other => return Err(Fault::failed(format!("invalid field number: '{}'", show(other)))),
            }
        }
        let separator = match given.value(b't') {
            None => None,
            Some(b"") => Some(b'\n'),
            Some(b"\\0") => Some(0),
            Some([byte]) => Some(*byte),
            Some(other) => return Err(Fault::failed(format!("multi-character tab '{}'", show(other)))),
        };
        let mut fillers: Vec<&[u8]> = given.values(b'e').collect();
        fillers.dedup();
        if fillers.len() > 1 {
            return Err(Fault::failed("conflicting empty-field replacement strings"));
        }
        let mut tabs: Vec<&[u8]> = given.values(b't').collect();
        tabs.dedup();
        if tabs.len() > 1 {
            return Err(Fault::failed("incompatible tabs"));
        }
        let (mut format, mut auto) = (Vec::new(), false);
        for list in given.values(b'o') {
            if list == b"auto" {
                auto = true;
                continue;
            }
            for word in list.split(|byte| matches!(byte, b',' | b' ' | b'\t')) {
                format.push(shown(word)?);
            }
        }
        Ok(Self {
            fields: joined.map(|field| field.unwrap_or(0)),
            ignore_case: given.has(b'i'),
            separator,
            filler: given.value(b'e').unwrap_or_default().to_vec(),
            format,
            counts: auto.then_some([0; 2]),
            unpaired,
            paired: !given.has(b'v'),
            end: if given.has(b'z') { 0 } else { b'\n' },
            order: Order::given(given, [1, 2]),
        })
    }

    fn compare(&self, one: &Line<'_>, two: &Line<'_>, fields: [usize; 2]) -> Ordering {
        let key = |line: &Line<'_>, field: usize| -> Vec<u8> {
            let key = line.fields.get(field).copied().unwrap_or_default();
            if self.ignore_case { key.to_ascii_uppercase() } else { key.to_vec() }
        };
        key(one, fields[0]).cmp(&key(two, fields[1]))
    }

    /// The next line of a file, which should not be before the one before it.
    fn next<'t>(&self, call: &mut Call<'_, '_>, side: &mut Side<'t>, seen: bool) -> Result<Option<Line<'t>>, Fault> {
        let Some(text) = side.lines.next() else { return Ok(None) };
        call.shell.system.budget.read(text.len())?;
        let line = Line { whole: text, fields: split(text, self.separator) };
        call.shell.system.budget.made(line.fields.len().saturating_mul(16))?;
        side.read += 1;
        let checks = self.order == Order::Checked || (self.order == Order::Warned && seen);
        if let Some(before) = &side.last
            && checks
            && !side.warned
            && self.compare(before, &line, [self.fields[side.number]; 2]) == Ordering::Greater
        {
            let words = format!("{}:{}: is not sorted: {}", show(side.path), side.read, show(line.whole));
            if self.order == Order::Checked {
                return Err(Fault::failed(words));
            }
            call.err(&words)?;
            side.warned = true;
        }
        side.last = Some(line.clone());
        Ok(Some(line))
    }

    fn field(
        &self,
        call: &mut Call<'_, '_>,
        out: &mut Out,
        line: Option<&Line<'_>>,
        index: usize,
    ) -> Result<(), Fault> {
        let field = line.and_then(|line| line.fields.get(index)).copied().unwrap_or_default();
        out.put(call, if field.is_empty() { &self.filler } else { field })
    }

    /// One line of the output, of two lines or of one.
    fn print(&self, call: &mut Call<'_, '_>, out: &mut Out, pair: [Option<&Line<'_>>; 2]) -> Result<(), Fault> {
        let between = [self.separator.unwrap_or(b' ')];
        let own = usize::from(pair[0].is_none());
        if !self.format.is_empty() {
            for (index, shown) in self.format.iter().enumerate() {
                if index > 0 {
                    out.put(call, &between)?;
                }
                match *shown {
                    Shown::Joined => self.field(call, out, pair[own], self.fields[own])?,
                    Shown::Of(side, field) => self.field(call, out, pair[side], field)?,
                }
            }
            return out.put(call, &[self.end]);
        }
        self.field(call, out, pair[own], self.fields[own])?;
        for side in [0, 1] {
            let count = match self.counts {
                Some(counts) => counts[side],
                None => pair[side].map_or(0, |line| line.fields.len()),
            };
            for index in (0..count).filter(|&index| index != self.fields[side]) {
                out.put(call, &between)?;
                self.field(call, out, pair[side], index)?;
            }
        }
        out.put(call, &[self.end])
    }
}

fn field_number(text: &[u8]) -> Result<usize, Fault> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok());
    match number {
        Some(number) if number > 0 && text[0].is_ascii_digit() => Ok(number - 1),
        _ if !text.is_empty() && text.iter().all(u8::is_ascii_digit) && text.iter().any(|&digit| digit != b'0') => {
            Ok(usize::MAX)
        }
        _ => Err(Fault::failed(format!("invalid field number: '{}'", show(text)))),
    }
}

fn shown(word: &[u8]) -> Result<Shown, Fault> {
    match word {
        b"0" => Ok(Shown::Joined),
        [side @ (b'1' | b'2'), b'.', number @ ..] => Ok(Shown::Of(usize::from(side - b'1'), field_number(number)?)),
        _ => Err(Fault::failed(format!("invalid field specifier: '{}'", show(word)))),
    }
}

fn join(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let is_spec = |word: &Vec<u8>| matches!(word.as_slice(), b"0" | [b'1' | b'2', b'.', ..]);
    if given.operands.len() > 2 && given.has(b'o') && given.operands.iter().any(is_spec) {
        return Err(Fault::gap("`-o` with several words"));
    }
    let mut joiner = Joiner::given(&given)?;
    let paths = two(&given.operands)?;
    if paths == [b"-", b"-"] {
        return Err(Fault::failed("both files cannot be standard input"));
    }
    let texts = [call.text(paths[0])?, call.text(paths[1])?];
    let mut sides = [0, 1].map(|number| Side {
        lines: Box::new(records(&texts[number], joiner.end)),
        number,
        path: paths[number],
        read: 0,
        last: None,
        warned: false,
    });
    call.printing(|call, out| {
        let mut seen = false;
        let mut now = [None, None];
        for side in [0, 1] {
            now[side] = joiner.next(call, &mut sides[side], seen)?;
        }
        if joiner.counts.is_some() {
            let count = |line: &Option<Line<'_>>| line.as_ref().map_or(0, |line| line.fields.len());
            joiner.counts = Some([count(&now[0]), count(&now[1])]);
        }
        if given.has(3) && (now[0].is_some() || now[1].is_some()) {
            let blank = Line::default();
            let head = |line: &Option<Line<'_>>| line.is_none();
            let (first, second) = (head(&now[0]), head(&now[1]));
            let line = |index: usize, missing: bool| if missing { None } else { now[index].as_ref() };
            let pair = [line(0, first), line(1, second)];
            let pair = if pair[0].is_none() && pair[1].is_none() { [Some(&blank), None] } else { pair };
            joiner.print(call, out, pair)?;
            for side in [0, 1] {
                sides[side].last = None;
                if now[side].is_some() {
                    now[side] = joiner.next(call, &mut sides[side], seen)?;
                }
            }
        }
        while let [Some(one), Some(two)] = &now {
            let order = joiner.compare(one, two, joiner.fields);
            if order != Ordering::Equal {
                let side = usize::from(order == Ordering::Greater);
                if joiner.unpaired[side] {
                    let pair = if side == 0 { [Some(one), None] } else { [None, Some(two)] };
                    joiner.print(call, out, pair)?;
                }
                now[side] = joiner.next(call, &mut sides[side], seen)?;
                seen = true;
                continue;
            }
            pairs(call, out, &joiner, &mut sides, &mut now, seen)?;
        }
        for side in [0, 1] {
            while let Some(line) = now[side].take() {
                if joiner.unpaired[side] {
                    joiner.print(call, out, if side == 0 { [Some(&line), None] } else { [None, Some(&line)] })?;
                }
                if joiner.order == Order::Unchecked && !joiner.unpaired[side] {
                    break;
                }
                now[side] = joiner.next(call, &mut sides[side], seen)?;
            }
        }
        if sides.iter().any(|side| side.warned) {
            return Err(Fault::failed("input is not in sorted order"));
        }
        Ok(0)
    })
}

/// All lines of both files that have the same field as the first ones, each with each.
fn pairs<'t>(
    call: &mut Call<'_, '_>,
    out: &mut Out,
    joiner: &Joiner,
    sides: &mut [Side<'t>; 2],
    now: &mut [Option<Line<'t>>; 2],
    seen: bool,
) -> Result<(), Fault> {
    let mut groups: [Vec<Line<'t>>; 2] = [Vec::new(), Vec::new()];
    let mut held = call.shell.system.budget.hold(0)?;
    let firsts = [now[0].clone().unwrap_or_default(), now[1].clone().unwrap_or_default()];
    for side in [0, 1] {
        while let Some(line) = now[side].take() {
            let (one, two) = if side == 0 { (&line, &firsts[1]) } else { (&firsts[0], &line) };
            if joiner.compare(one, two, joiner.fields) != Ordering::Equal {
                now[side] = Some(line);
                break;
            }
            held.grow(line.fields.len().saturating_mul(16).saturating_add(64))?;
            groups[side].push(line);
            now[side] = joiner.next(call, &mut sides[side], seen)?;
        }
    }
    if joiner.paired {
        for one in &groups[0] {
            for two in &groups[1] {
                call.shell.system.budget.step()?;
                joiner.print(call, out, [Some(one), Some(two)])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;
    use super::*;

    #[test]
    fn lines_are_split() {
        let fields = |text: &'static str, separator| split(text.as_bytes(), separator).len();
        assert_eq!(fields("  a b ", None), 3);
        assert_eq!(fields("   ", None), 0);
        assert_eq!(fields(":a::", Some(b':')), 4);
        assert_eq!(fields("a b", Some(b'\n')), 1);
    }

    #[test]
    fn lines_are_joined() {
        let files =
            "printf '1 a\\n2 b\\n4 d\\n' > a; printf '1 x y\\n1 z\\n3 w\\n4\\n' > b; printf '2:b\\n1:a\\n' > u; ";
        let cases = [
            ("join a b", "1 a x y\n1 a z\n4 d\n", 0),
            ("join -a1 a b", "1 a x y\n1 a z\n2 b\n4 d\n", 0),
            ("join -v2 a b", "3 w\n", 0),
            ("join -a1 -a2 -e- -o 0,1.2,2.2 a b", "1 a x\n1 a z\n2 b -\n3 - w\n4 d -\n", 0),
            ("join -a1 -a2 -e- -o auto a b", "1 a x y\n1 a z -\n2 b - -\n3 - w -\n4 d - -\n", 0),
            ("join -1 2 -2 1 a b", "", 0),
            ("join -t: u u", "2:b:b\n1:a:a\n", 0),
            ("join -t: --check-order u u", "", 1),
            ("join --header a b", "1 a x y\n4 d\n", 0),
            ("printf 'A x\\n' | join -i - a", "", 0),
            ("join -o 3.1 a b", "", 1),
            ("join -1 0 a b", "", 1),
            ("join -t xy a b", "", 1),
            ("join a", "", 1),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{files}{script}"), output, status)]);
        }
    }
}
