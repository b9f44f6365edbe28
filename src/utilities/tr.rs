//! tr(1), coreutils', in the C locale.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Kept;
use super::options::Opt;
use super::show;
use crate::budget::Budget;
use crate::format::escape;
use crate::format::glob::class;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("tr", tr)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'd', "delete"),
    Opt::flag(b's', "squeeze-repeats"),
    Opt::flag(b'c', "complement"),
    Opt::flag(b'C', ""),
    Opt::flag(b't', "truncate-set1"),
];

/// A part of a set as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Range(u8, u8),
    Class(Vec<u8>),
    /// `[=x=]`
    Equal(u8),
    /// `[x*n]`; `None`: as often as it takes.
    Repeat(u8, Option<usize>),
}

fn tr(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let budget = call.shell.system.budget.clone();
    let (delete, squeeze) = (given.has(b'd'), given.has(b's'));
    let complement = given.has(b'c') || given.has(b'C');
    let (first, second) = operands(&given, delete, squeeze)?;
    let from_parts = parts(first, &budget)?;
    if from_parts.iter().any(|part| matches!(part, Part::Repeat(_, None))) {
        return Err(Fault::failed("the [c*] repeat construct may not appear in string1"));
    }
    let mut from = flat(&from_parts, 0, &budget)?;
    if complement {
        let plain = from;
        from = Kept::new(&budget)?;
        for byte in (0..=255u8).filter(|byte| !plain.contains(byte)) {
            from.push(byte)?;
        }
    }
    let to_parts = second.map(|text| parts(text, &budget)).transpose()?;
    let translate = second.is_some() && !delete;
    let mut table: [u8; 256] = std::array::from_fn(|byte| byte.to_le_bytes()[0]);
    let mut squeezed = from.to_vec();
    if let Some(to_parts) = &to_parts {
        if translate {
            if to_parts.iter().any(|part| matches!(part, Part::Equal(_))) {
                return Err(Fault::failed("[=c=] expressions may not appear in string2 when translating"));
            }
            check_classes(&from_parts, to_parts, complement, given.has(b't'))?;
        } else if to_parts.iter().any(|part| matches!(part, Part::Repeat(_, None))) {
            return Err(Fault::failed("the [c*] construct may appear in string2 only when translating"));
        }
        let to = flat(to_parts, from.len(), &budget)?;
        if translate {
            let whole = from.len();
            if given.has(b't') {
                from.truncate(to.len());
            }
            let Some(&last) = to.last().or(from.is_empty().then_some(&0)) else {
                return Err(Fault::failed("when not truncating set1, string2 must be non-empty"));
            };
            let classes = from_parts.iter().any(|part| matches!(part, Part::Class(_)));
            // What is there more than once is one, and what is missing at the end is the last again, unless all that
            // is missing is cut.
            let fits = if given.has(b't') { to.len() == whole } else { to.len() <= whole };
            if complement && classes && (!fits || to.iter().any(|&byte| byte != last)) {
                let what = "when translating with complemented character classes,\n\
                            string2 must map all characters in the domain to one";
                return Err(Fault::failed(what));
            }
            for (index, &byte) in from.iter().enumerate() {
                table[usize::from(byte)] = to.get(index).copied().unwrap_or(last);
            }
            squeezed = from.iter().map(|&byte| table[usize::from(byte)]).chain(to.iter().copied()).collect();
        } else {
            squeezed = to.to_vec();
        }
    }
    let member = |bytes: &[u8]| {
        let mut set = [false; 256];
        bytes.iter().for_each(|&byte| set[usize::from(byte)] = true);
        set
    };
    let (deleted, squeezed) = (member(if delete { &from } else { b"" }), member(if squeeze { &squeezed } else { b"" }));
    let mut input = call.text(b"-")?;
    budget.made(input.len())?;
    let (mut length, mut last) = (0, None);
    for place in 0..input.len() {
        let byte = input[place];
        if deleted[usize::from(byte)] {
            continue;
        }
        let byte = table[usize::from(byte)];
        if last == Some(byte) && squeezed[usize::from(byte)] {
            continue;
        }
        last = Some(byte);
        input[length] = byte;
        length += 1;
    }
    call.out(&input[..length])?;
    Ok(0)
}

/// The one set or the two.
fn operands(given: &Given, delete: bool, squeeze: bool) -> Result<(&[u8], Option<&[u8]>), Fault> {
    match (given.operands.as_slice(), delete, squeeze) {
        ([], _, _) => Err(Fault::failed("missing operand")),
        ([first], true, false) | ([first], false, true) => Ok((first, None)),
        ([first, second], false, _) | ([first, second], true, true) => Ok((first, Some(second))),
        ([first], _, _) if delete => {
            let shown = show(first);
            Err(Fault::failed(format!(
                "missing operand after '{shown}'\nTwo strings must be given when both deleting and squeezing repeats."
            )))
        }
        ([first], _, _) => {
            let shown = show(first);
            Err(Fault::failed(format!("missing operand after '{shown}'\nTwo strings must be given when translating.")))
        }
        ([_, extra], ..) | ([_, _, extra, ..], ..) => Err(Fault::failed(format!("extra operand '{}'", show(extra)))),
    }
}

/// Classes may be translated only from one case to the other, each opposite the other's.
fn check_classes(from: &[Part], to: &[Part], complement: bool, truncate: bool) -> Result<(), Fault> {
    let named = |part: &Part| if let Part::Class(name) = part { Some(name.clone()) } else { None };
    if to.iter().filter_map(named).all(|name| matches!(name.as_slice(), b"upper" | b"lower")) {
        let place = |parts: &[Part]| {
            let mut place = 0;
            let mut places = Vec::new();
            for part in parts {
                if named(part).is_some_and(|name| matches!(name.as_slice(), b"upper" | b"lower")) {
                    places.push(place);
                }
                place += width(part);
            }
            places
        };
        let (from, to) = (place(from), place(to));
        if (complement && truncate) || to.iter().all(|place| from.contains(place)) && (to.is_empty() || !complement) {
            return Ok(());
        }
        return Err(Fault::failed("misaligned [:upper:] and/or [:lower:] construct"));
    }
    let what = "when translating, the only character classes that may appear in\nstring2 are 'upper' and 'lower'";
    Err(Fault::failed(what))
}

fn width(part: &Part) -> usize {
    match part {
        Part::Range(low, high) => usize::from(high - low) + 1,
        Part::Equal(_) => 1,
        Part::Class(name) => class(name).map_or(0, |accepts| (0..=255u8).filter(|&byte| accepts(byte)).count()),
        Part::Repeat(_, count) => count.unwrap_or(0),
    }
}

/// The bytes of a set in order; `[x*]` fills up to a length.
fn flat(parts: &[Part], length: usize, budget: &Budget) -> Result<Kept<u8>, Fault> {
    let fixed: usize = parts.iter().map(width).fold(0, usize::saturating_add);
    let mut bytes = Kept::new(budget)?;
    for part in parts {
        match part {
            Part::Range(low, high) => {
                for byte in *low..=*high {
                    bytes.push(byte)?;
                }
            }
            Part::Equal(byte) => bytes.push(*byte)?,
            Part::Class(name) => {
                let accepts = class(name).ok_or_else(|| Fault::failed("invalid character class"))?;
                for byte in (0..=255u8).filter(|&byte| accepts(byte)) {
                    bytes.push(byte)?;
                }
            }
            Part::Repeat(byte, count) => bytes.repeat(*byte, count.unwrap_or_else(|| length.saturating_sub(fixed)))?,
        }
    }
    Ok(bytes)
}

/// Reads a set.
fn parts(text: &[u8], budget: &Budget) -> Result<Kept<Part>, Fault> {
    // Escapes first: a byte that was escaped is no operator.
    let mut bytes: Kept<(u8, bool)> = Kept::new(budget)?;
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let (byte, escaped, length) = if *byte == b'\\' { escape(tail) } else { (*byte, false, 0) };
        bytes.push((byte, escaped))?;
        rest = &tail[length..];
    }
    let plain = |place: usize, wanted: u8| bytes.get(place) == Some(&(wanted, false));
    let mut parts = Kept::new(budget)?;
    let mut at = 0;
    while at < bytes.len() {
        budget.tried(1)?;
        if plain(at, b'[') && (plain(at + 1, b':') || plain(at + 1, b'=')) {
            let mark = bytes[at + 1].0;
            let end =
                (at + 2..bytes.len().saturating_sub(1)).find(|&place| plain(place, mark) && plain(place + 1, b']'));
            if let Some(end) = end {
                let name: Vec<u8> = bytes[at + 2..end].iter().map(|(byte, _)| *byte).collect();
                match (mark, name.as_slice()) {
                    (b':', b"") => return Err(Fault::failed("missing character class name '[::]'")),
                    (b':', name) if class(name).is_some() => parts.push(Part::Class(name.to_vec()))?,
                    (b':', name) => {
                        return Err(Fault::failed(format!("invalid character class '{}'", show(name))));
                    }
                    (_, b"") => return Err(Fault::failed("missing equivalence class character '[==]'")),
                    (_, [byte]) => parts.push(Part::Equal(*byte))?,
                    (_, name) => {
                        let shown = show(name);
                        let what = format!("{shown}: equivalence class operand must be a single character");
                        return Err(Fault::failed(what));
                    }
                }
                at = end + 2;
                continue;
            }
        }
        if plain(at, b'[') && plain(at + 2, b'*') {
            let digits: Vec<u8> = bytes[at + 3..]
                .iter()
                .take_while(|(byte, escaped)| byte.is_ascii_digit() && !escaped)
                .map(|(byte, _)| *byte)
                .collect();
            if plain(at + 3 + digits.len(), b']') {
                let base = if digits.first() == Some(&b'0') { 8 } else { 10 };
                let value = digits.iter().try_fold(0usize, |sum, digit| {
                    let digit = usize::from(digit - b'0');
                    if digit < base { sum.checked_mul(base)?.checked_add(digit) } else { None }
                });
                let shown = show(&digits);
                let value =
                    value.ok_or_else(|| Fault::failed(format!("invalid repeat count '{shown}' in [c*n] construct")))?;
                parts.push(Part::Repeat(bytes[at + 1].0, (value > 0).then_some(value)))?;
                at += 4 + digits.len();
                continue;
            }
        }
        let low = bytes[at].0;
        if plain(at + 1, b'-')
            && let Some(&(high, _)) = bytes.get(at + 2)
        {
            if high < low {
                let range = show(&[low, b'-', high]);
                let what = format!("range-endpoints of '{range}' are in reverse collating sequence order");
                return Err(Fault::failed(what));
            }
            parts.push(Part::Range(low, high))?;
            at += 3;
            continue;
        }
        parts.push(Part::Range(low, low))?;
        at += 1;
    }
    Ok(parts)
}

/// What stands behind a backslash: the byte, whether it was one of the escapes, and how much of the text it takes.
fn escape(rest: &[u8]) -> (u8, bool, usize) {
    let Some(&letter) = rest.first() else { return (b'\\', false, 0) };
    match letter {
        b'0'..=b'7' => {
            let digits: Vec<u32> = rest.iter().take(3).map_while(|byte| char::from(*byte).to_digit(8)).collect();
            let value = |digits: &[u32]| digits.iter().fold(0, |sum, digit| sum * 8 + digit);
            // What would be more than a byte ends a digit earlier.
            let length = if value(&digits) > 255 { 2 } else { digits.len() };
            (value(&digits[..length]).to_le_bytes()[0], true, length)
        }
        letter => (escape::letter(letter).unwrap_or(letter), true, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read() {
        let budget = Budget::default();
        let read = |text: &str| {
            parts(text.as_bytes(), &budget).and_then(|parts| flat(&parts, 5, &budget)).map(|bytes| show(&bytes))
        };
        let good = |text: &str| read(text).expect(text);
        assert_eq!(good("a-e"), "abcde");
        assert_eq!(good("a\\-e"), "a-e");
        assert_eq!(good("-a"), "-a");
        assert_eq!(good("a-"), "a-");
        assert_eq!(good("[:digit:]"), "0123456789");
        assert_eq!(good("[=a=]b"), "ab");
        assert_eq!(good("[x*3]y"), "xxxy");
        assert_eq!(good("[x*]yz"), "xxxyz");
        assert_eq!(good("\\101\\n\\\\"), "A\n\\");
        assert_eq!(good("[a]"), "[a]");
        for wrong in ["z-a", "[:foo:]", "[=ab=]", "[::]", "[x*9z]x-a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn complements_of_classes_go_to_one_byte() {
        super::super::recorded::says(&[
            ("printf abc1 | tr -ct '' '[:lower:]'", "abc1", 0),
            ("printf abc1 | tr -ct x '[:lower:]'", "abc1", 0),
            ("printf abc1 | tr -ct '[:upper:]' x", "", 1),
            ("printf abC1 | tr -c '[:upper:]' x", "xxCx", 0),
            ("printf abc1 | tr -c x '[:lower:]'", "", 1),
        ]);
    }
}
