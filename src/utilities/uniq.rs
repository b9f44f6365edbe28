//! uniq(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Buffer;
use super::grep::records;
use super::options::Opt;
use super::show;
use super::text::size;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("uniq", uniq)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'c', "count"),
    Opt::flag(b'd', "repeated"),
    Opt::flag(b'D', ""),
    Opt::attached(1, "all-repeated"),
    Opt::value(b'f', "skip-fields"),
    Opt::attached(2, "group"),
    Opt::flag(b'i', "ignore-case"),
    Opt::value(b's', "skip-chars"),
    Opt::flag(b'u', "unique"),
    Opt::value(b'w', "check-chars"),
    Opt::flag(b'z', "zero-terminated"),
];

/// What of a line counts.
struct Part {
    fields: usize,
    skip: usize,
    most: usize,
    ignore_case: bool,
}

impl Part {
    fn new(given: &Given) -> Result<Self, Fault> {
        // What is beyond all is all.
        let count = |letter, what: &str| {
            let digits = |text: &&[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            let count = |text| size(text, what).or(if digits(&text) { Ok(usize::MAX) } else { size(text, what) });
            given.value(letter).map(count).transpose()
        };
        Ok(Self {
            fields: count(b'f', "fields to skip")?.unwrap_or(0),
            skip: count(b's', "bytes to skip")?.unwrap_or(0),
            most: count(b'w', "bytes to compare")?.unwrap_or(usize::MAX),
            ignore_case: given.has(b'i'),
        })
    }

    fn of<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
        let mut rest = line;
        for _ in 0..self.fields {
            if rest.is_empty() {
                break;
            }
            rest = &rest[rest.iter().take_while(blank).count()..];
            rest = &rest[rest.iter().take_while(|byte| !blank(byte)).count()..];
        }
        let rest = &rest[self.skip.min(rest.len())..];
        &rest[..self.most.min(rest.len())]
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        if self.ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
    }
}

/// How groups are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    No,
    Before,
    Between,
    Behind,
    Both,
}

fn uniq(call: &mut Call<'_, '_>) -> Done {
    let given = given(call)?;
    if given.operands.len() > 2 {
        return Err(Fault::failed(format!("extra operand '{}'", show(&given.operands[2]))));
    }
    let part = Part::new(&given)?;
    let (apart, all) = groups(&given)?;
    if given.has(b'u') && all {
        return Err(Fault::gap("-u with all repeated lines"));
    }
    let end = if given.has(b'z') { 0 } else { b'\n' };
    let budget = call.shell.system.budget.clone();
    let text = call.text(given.operands.first().map_or(b"-", Vec::as_slice))?;
    let mut output = Buffer::new(&budget)?;
    let to_file = given.operands.get(1).filter(|path| *path != b"-");
    call.printing(|call, out| {
        let mut put = |call: &mut Call<'_, '_>, piece: &[u8]| match to_file {
            Some(_) => Ok(output.extend(piece)?),
            None => out.put(call, piece),
        };
        let mut begun = false;
        let mut lines = records(&text, end);
        let mut next = lines.next();
        while let Some(first) = next {
            let mut group = vec![first];
            let mut number = 1usize;
            let mut held = budget.hold(0)?;
            next = lines.next();
            while let Some(line) = next {
                budget.read(line.len().saturating_mul(4))?;
                budget.tried(2)?;
                if !part.same(first, line) {
                    break;
                }
                number += 1;
                if all {
                    held.grow(size_of::<&[u8]>() * 2)?;
                    group.push(line);
                }
                next = lines.next();
            }
            let repeated = repeated(&given);
            let shown = if given.has(b'u') { number == 1 && !repeated } else { number > 1 || !repeated };
            if !shown {
                continue;
            }
            if matches!(apart, Apart::Before | Apart::Both) || apart == Apart::Between && begun {
                put(call, &[end])?;
            }
            let head = if given.has(b'c') { format!("{number:7} ").into_bytes() } else { Vec::new() };
            for line in &group {
                for piece in [head.as_slice(), line, &[end]] {
                    put(call, piece)?;
                }
            }
            if apart == Apart::Behind {
                put(call, &[end])?;
            }
            begun = true;
        }
        if begun && apart == Apart::Both {
            put(call, &[end])?;
        }
        if let Some(path) = to_file {
            call.write(path, 0o666, output.into_bytes())?;
        }
        Ok(0)
    })
}

/// Options and operands. The old forms: `-N` is `-f N`, `+N` is `-s N`.
fn given(call: &mut Call<'_, '_>) -> Result<Given, Fault> {
    let is_old = |word: &Vec<u8>| matches!(word.as_slice(), [b'-' | b'+', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let end = call.args.iter().position(|word| word == b"--").unwrap_or(call.args.len());
    let old = |(place, word): (usize, &Vec<u8>)| match word[..] {
        [sign, ref digits @ ..] if place < end && is_old(word) => {
            [if sign == b'-' { b"-f" } else { b"-s" }, digits].concat()
        }
        _ => word.clone(),
    };
    let args: Vec<Vec<u8>> = call.args.iter().enumerate().map(old).collect();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    if call.args.iter().any(is_old) && given.all.iter().filter(|(letter, _)| b"fs".contains(letter)).count() > 1 {
        return Err(Fault::gap("several of `-f` and `-s`, one in the old form"));
    }
    Ok(given)
}

/// Only groups of more than one line.
fn repeated(given: &Given) -> bool {
    given.has(b'd') || given.has(b'D') || given.has(1)
}

/// How groups are told apart, and whether each line of one is shown.
fn groups(given: &Given) -> Result<(Apart, bool), Fault> {
    let wrong =
        |option: &str, text: &[u8]| Fault::failed(format!("invalid argument '{}' for '--{option}'", show(text)));
    let group = given.value(2).map(|text| match text {
        b"" | b"separate" => Ok(Apart::Between),
        b"prepend" => Ok(Apart::Before),
        b"append" => Ok(Apart::Behind),
        b"both" => Ok(Apart::Both),
        _ => Err(wrong("group", text)),
    });
    let last = given.all.iter().rev().find(|(letter, _)| matches!(letter, b'D' | 1));
    let repeated = last.map(|(_, text)| match text.as_slice() {
        b"" | b"none" => Ok(Apart::No),
        b"prepend" => Ok(Apart::Before),
        b"separate" => Ok(Apart::Between),
        _ => Err(wrong("all-repeated", text)),
    });
    let (group, repeated) = (group.transpose()?, repeated.transpose()?);
    if group.is_some() && [b'c', b'd', b'D', b'u', 1].iter().any(|&letter| given.has(letter)) {
        return Err(Fault::failed("--group is mutually exclusive with -c/-d/-D/-u"));
    }
    if repeated.is_some() && given.has(b'c') {
        return Err(Fault::failed("printing all duplicated lines and repeat counts is meaningless"));
    }
    Ok((group.or(repeated).unwrap_or(Apart::No), group.is_some() || repeated.is_some()))
}
