//! numfmt(1), coreutils': numbers with units.

mod format;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Out;
use super::call::Release;
use super::cut;
use super::grep::records;
use super::long::Long;
use super::options::Opt;
use super::show;
use format::Format;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("numfmt", numfmt)];

/// The options. `--debug` is left out where it is heard: what it warns of differs between versions.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'd', "delimiter"),
    Opt::value(1, "field"),
    Opt::value(2, "format"),
    Opt::value(3, "from"),
    Opt::value(4, "from-unit"),
    Opt::flag(5, "grouping"),
    Opt::attached(6, "header"),
    Opt::value(7, "invalid"),
    Opt::value(11, "padding"),
    Opt::value(12, "round"),
    Opt::value(14, "suffix"),
    Opt::value(15, "to"),
    Opt::value(16, "to-unit"),
    Opt::flag(b'z', "zero-terminated"),
];

/// Units, in the order of their powers; the last two came later.
const UNITS: &[u8; 10] = b"KMGTPEZYRQ";
/// How many units are known, and how many digits a number has at most: up to which unit, in old releases and in new ones.
const KNOWN: [(usize, usize, char); 2] = [(8, 27, 'Y'), (10, 33, 'Q')];
/// So many digits are shown at most where no unit is.
const DIGITS: usize = 18;
/// What is padded further than this is no table any more.
const WIDEST: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    None,
    Auto,
    Si,
    Iec,
    IecI,
}

impl Scale {
    const fn base(self) -> u64 {
        if matches!(self, Self::Iec | Self::IecI) { 1024 } else { 1000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Up,
    Down,
    FromZero,
    TowardsZero,
    Nearest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Abort,
    Fail,
    Warn,
    Ignore,
}

/// What one call does with each number.
struct Converter {
    fields: Vec<(usize, usize)>,
    /// `None`: blanks.
    release: Release,
    delimiter: Option<u8>,
    from: Scale,
    to: Scale,
    from_unit: u64,
    to_unit: u64,
    round: Round,
    invalid: Invalid,
    suffix: Option<Vec<u8>>,
    format: Format,
    /// As wide as it was.
    keeps_width: bool,
    end: u8,
}

/// What a number that is none is.
enum Wrong {
    Number(String),
    Fault(Fault),
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A number that was read: whether it is below zero, and how many digits it had behind its point.
struct Read {
    negative: bool,
    value: Long,
    places: usize,
}

fn numfmt(call: &mut Call<'_, '_>) -> Done {
    let args = call.without_debug();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    let header = last(&given, 6, |text| match text {
        b"" => Ok(1),
        text => plain(text)
            .filter(|&number| number > 0)
            .ok_or_else(|| Fault::failed(format!("invalid header value '{}'", show(text)))),
    })?;
    let header = header.unwrap_or(0);
    let converter = Converter::new(call, &given)?;
    call.printing(|call, out| {
        let mut good = true;
        if given.operands.is_empty() {
            let text = call.text(b"-")?;
            let whole = text.ends_with(&[converter.end]);
            let mut lines = records(&text, converter.end).enumerate().peekable();
            while let Some((index, line)) = lines.next() {
                call.shell.system.budget.read(line.len())?;
                let end: &[u8] = if whole || lines.peek().is_some() { &[converter.end] } else { b"" };
                if u64::try_from(index).is_ok_and(|index| index < header) {
                    out.put(call, line)?;
                } else {
                    if line.contains(&0) {
                        return Err(Fault::gap("a line with zero bytes"));
                    }
                    good &= converter.line(call, out, line)?;
                }
                out.put(call, end)?;
            }
        }
        for line in &given.operands {
            good &= converter.line(call, out, line)?;
            out.put(call, &[converter.end])?;
        }
        let quiet = matches!(converter.invalid, Invalid::Warn | Invalid::Ignore);
        Ok(if good || quiet { 0 } else { 2 })
    })
}

/// A number of nothing but digits.
fn plain(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

/// The last value of an option. Each one is read, and may be wrong.
fn last<T>(given: &Given, letter: u8, read: impl Fn(&[u8]) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    given.values(letter).try_fold(None, |_, text| read(text).map(Some))
}

/// One of several words, of which the beginning is enough when no other begins so.
fn choice<T: Copy>(text: &[u8], option: &str, all: &[(&str, T)]) -> Result<T, Fault> {
    let exact = all.iter().find(|(name, _)| name.as_bytes() == text);
    let mut begun = all.iter().filter(|(name, _)| name.as_bytes().starts_with(text));
    match (exact, begun.next(), begun.next()) {
        (Some((_, value)), ..) | (None, Some((_, value)), None) => Ok(*value),
        (None, Some(_), Some(_)) => Err(Fault::failed(format!("ambiguous argument '{}' for '--{option}'", show(text)))),
        _ => Err(Fault::failed(format!("invalid argument '{}' for '--{option}'", show(text)))),
    }
}

/// The size of a unit: `512`, `K` 1000, `Ki` 1024.
fn unit(text: &[u8], release: Release) -> Result<u64, Fault> {
    let wrong = || Fault::failed(format!("invalid unit size: '{}'", show(text)));
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, letters) = text.split_at(length);
    let number = if digits.is_empty() && !letters.is_empty() { Some(1) } else { plain(digits) };
    let (letter, base) = match letters {
        [] => return number.filter(|&number| number > 0).ok_or_else(wrong),
        [letter] => (letter, 1000u64),
        [letter, b'i'] => (letter, 1024),
        _ => return Err(wrong()),
    };
    if *letter == b'k' && release.since((9, 5), "the unit `k`")? {
        return Err(Fault::gap("`k` as a size of units"));
    }
    let power = UNITS.iter().position(|unit| unit == letter).ok_or_else(wrong)? + 1;
    let factor = u32::try_from(power).ok().and_then(|power| base.checked_pow(power));
    let size = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.filter(|&size| size > 0).ok_or_else(wrong)
}

impl Converter {
    fn new(call: &mut Call<'_, '_>, given: &Given) -> Result<Self, Fault> {
        let release = call.release()?;
        let scales = [
            ("none", Scale::None),
            ("si", Scale::Si),
            ("iec", Scale::Iec),
            ("iec-i", Scale::IecI),
            ("auto", Scale::Auto),
        ];
        let rounds = [
            ("up", Round::Up),
            ("down", Round::Down),
            ("from-zero", Round::FromZero),
            ("towards-zero", Round::TowardsZero),
            ("nearest", Round::Nearest),
        ];
        let ways =
            [("abort", Invalid::Abort), ("fail", Invalid::Fail), ("warn", Invalid::Warn), ("ignore", Invalid::Ignore)];
        let from = last(given, 3, |text| choice(text, "from", &scales))?.unwrap_or(Scale::None);
        let to = last(given, 15, |text| choice(text, "to", &scales[..4]))?.unwrap_or(Scale::None);
        let unit = |letter| Ok::<_, Fault>(last(given, letter, |text| unit(text, release))?.unwrap_or(1));
        let (from_unit, to_unit) = (unit(4)?, unit(16)?);
        let round = last(given, 12, |text| choice(text, "round", &rounds))?.unwrap_or(Round::FromZero);
        let invalid = last(given, 7, |text| choice(text, "invalid", &ways))?.unwrap_or(Invalid::Abort);
        let delimiter = last(given, b'd', |text| match text {
            [] => Ok(0),
            [byte] => Ok(*byte),
            _ => Err(Fault::failed("the delimiter must be a single character")),
        })?;
        let mut lists = given.values(1);
        let fields = match lists.next() {
            None => vec![(1, 1)],
            // A dash alone is all of them, besides others too.
            Some(list) if list.split(|&byte| b", \t".contains(&byte)).any(|part| part == b"-") => {
                let list: Vec<u8> = list
                    .split(|&byte| byte == b',')
                    .map(|part| if part == b"-" { b"1-" } else { part })
                    .collect::<Vec<_>>()
                    .join(&b',');
                cut::ranges(&list, true, false, &call.shell.system.budget)?.to_vec()
            }
            Some(list) => cut::ranges(list, true, false, &call.shell.system.budget)?.to_vec(),
        };
        if lists.next().is_some() {
            return Err(Fault::failed("multiple field specifications"));
        }
        let padding = last(given, 11, |text| {
            let (left, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
            let width = plain(digits).filter(|&width| width > 0 && i64::try_from(width).is_ok());
            let width = width.ok_or_else(|| Fault::failed(format!("invalid padding value '{}'", show(text))))?;
            let width = usize::try_from(width).ok().filter(|&width| width < WIDEST);
            Ok((width.ok_or_else(|| Fault::gap("so wide a padding"))?, left))
        })?;
        let mut format = Format::default();
        if let Some(text) = given.value(2) {
            if given.has(5) {
                return Err(Fault::failed("--grouping cannot be combined with --format"));
            }
            format = Format::read(text)?;
        }
        if format.width == 0 {
            (format.width, format.left) = padding.unwrap_or_default();
        }
        if to != Scale::None && (given.has(5) || given.value(2).is_some_and(|text| text.contains(&b'\''))) {
            return Err(Fault::failed("grouping cannot be combined with --to"));
        }
        Ok(Self {
            release,
            fields,
            delimiter,
            from,
            to,
            from_unit,
            to_unit,
            round,
            invalid,
            suffix: given.value(14).map(<[u8]>::to_vec),
            keeps_width: format.width == 0 && delimiter.is_none(),
            format,
            end: if given.has(b'z') { 0 } else { b'\n' },
        })
    }

    /// Writes a line without its end; whether all its numbers were some.
    fn line(&self, call: &mut Call<'_, '_>, out: &mut Out, line: &[u8]) -> Result<bool, Fault> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
        let (mut rest, mut number, mut good) = (line, 1, true);
        loop {
            let length = match self.delimiter {
                Some(delimiter) => memchr::memchr(delimiter, rest).unwrap_or(rest.len()),
                None => {
                    let lead = rest.iter().take_while(|byte| blank(byte)).count();
                    lead + rest[lead..].iter().take_while(|byte| !blank(byte)).count()
                }
            };
            good &= self.field(call, out, &rest[..length], number)?;
            if length == rest.len() {
                return Ok(good);
            }
            out.put(call, &[self.delimiter.unwrap_or(b' ')])?;
            rest = &rest[length + 1..];
            number += 1;
        }
    }

    fn field(&self, call: &mut Call<'_, '_>, out: &mut Out, text: &[u8], number: usize) -> Result<bool, Fault> {
        call.shell.system.budget.tried(8)?;
        if !self.fields.iter().any(|(low, high)| (*low..=*high).contains(&number)) {
            out.put(call, text)?;
            return Ok(true);
        }
        let text = match &self.suffix {
            Some(suffix) if text.len() > suffix.len() => text.strip_suffix(suffix.as_slice()).unwrap_or(text),
            _ => text,
        };
        match self.converted(call, text, number) {
            Ok(shown) => {
                out.all(call, &[&self.format.before, &shown, &self.format.behind])?;
                Ok(true)
            }
            Err(Wrong::Fault(fault)) => Err(fault),
            Err(Wrong::Number(message)) => {
                if self.invalid == Invalid::Abort {
                    return Err(Fault::Failed(2, message));
                }
                if self.invalid != Invalid::Ignore {
                    out.flush(call)?;
                    call.err(&message)?;
                }
                out.put(call, text)?;
                Ok(false)
            }
        }
    }

    fn converted(&self, call: &Call<'_, '_>, text: &[u8], number: usize) -> Result<Vec<u8>, Wrong> {
        let lead = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let (mut read, left) = human(&text[lead..], self.from, self.release)?;
        if !left.is_empty() {
            let (shown, left) = (show(&text[lead..]), show(left));
            return Err(Wrong::Number(format!("invalid suffix in input '{shown}': '{left}'")));
        }
        if self.from_unit != 1 || self.to_unit != 1 {
            read.value = read.value.times(Long::of(self.from_unit)).over(Long::of(self.to_unit));
        }
        let (mut shown, rounded) = self.shown(&read)?;
        let machine = &call.shell.system.uname.machine;
        if rounded && machine != "x86_64" {
            return Err(Fault::gap(format!("a number that {machine} rounds in its own way")).into());
        }
        shown.extend(self.suffix.iter().flatten());
        if shown.len() > 127 {
            return Err(Fault::gap("so long a number").into());
        }
        let width = match self.keeps_width {
            true if lead > 0 || number > 1 => text.len(),
            true => 0,
            false => self.format.width,
        };
        let pad = vec![b' '; width.saturating_sub(shown.len())];
        Ok(if self.format.left { [shown, pad].concat() } else { [pad, shown].concat() })
    }

    /// A number without padding, and whether it had to be rounded to what a `long double` holds.
    fn shown(&self, read: &Read) -> Result<(Vec<u8>, bool), Wrong> {
        let places = self.format.places.unwrap_or(read.places);
        let (_, digits) = scaled(read.value, 10);
        if self.to == Scale::None && digits + places > DIGITS {
            let shown = if places > 0 {
                format!("value/precision too large to be printed: '{}/{places}'", read.value.shown(0))
            } else {
                format!("value too large to be printed: '{}'", read.value.shown(0))
            };
            return Err(Wrong::Number(format!("{shown} (consider using --to)")));
        }
        let (known, most, unit) = known(self.release, digits + 1)?;
        if digits >= most {
            let shown = read.value.shown(0);
            let what = format!("value too large to be printed: '{shown}' (cannot handle values > 999{unit})");
            return Err(Wrong::Number(what));
        }
        let mut unit = Vec::new();
        let (negative, value, places) = if self.to == Scale::None {
            let factor = Long::power(10, u32::try_from(places).expect("at most 18"));
            let (negative, value) = self.rounded(read.negative, read.value.times(factor))?;
            (negative, value.over(factor), places)
        } else {
            let base = self.to.base();
            let (value, mut power) = scaled(read.value, base);
            let most = match self.format.places {
                Some(places) => places.min(power * 3),
                None => usize::from(value.is_below(10)),
            };
            let factor = Long::power(10, u32::try_from(most).expect("at most 27"));
            let (negative, value) = self.rounded(read.negative, value.times(factor))?;
            let mut value = value.over(factor);
            if !value.is_below(base) {
                value = value.over(Long::of(base));
                power += 1;
            }
            match power {
                0 => {}
                1 if self.to == Scale::Si => {
                    unit.push(if self.release.since((9, 5), "the unit kilo, K or k,")? { b'k' } else { b'K' });
                }
                _ => unit.extend(UNITS.get(power - 1)),
            }
            if power > known {
                return Err(Fault::gap("a number that is rounded to more than all units").into());
            }
            if power > 0 && self.to == Scale::IecI {
                unit.push(b'i');
            }
            let point = !value.is_zero() && value.is_below(10) && power > 0;
            (negative, value, self.format.places.unwrap_or(usize::from(point)))
        };
        let sign = if negative { "-" } else { "" };
        // All of it had to fit into 128 bytes; how much later releases take differs.
        if places.max(self.format.zeros) > 120 {
            return Err(Fault::gap("so many digits").into());
        }
        let number = value.shown(places);
        let zeros = "0".repeat(self.format.zeros.saturating_sub(sign.len() + number.len()));
        let shown = [sign.as_bytes(), zeros.as_bytes(), number.as_bytes(), &unit].concat();
        Ok((shown, value.rounded))
    }

    /// Rounds to a whole number; zero has no sign.
    fn rounded(&self, negative: bool, value: Long) -> Result<(bool, Long), Fault> {
        let large = || Fault::gap("a number so large with so many digits");
        let (whole, more) = value.whole().filter(|(whole, _)| *whole <= 10u64.pow(19)).ok_or_else(large)?;
        let up = match self.round {
            Round::Up => more && !negative,
            Round::Down => more && negative,
            Round::FromZero => more,
            Round::TowardsZero => false,
            Round::Nearest => {
                let half = value.plus(Long::of(1).over(Long::of(2))).whole();
                more && half.is_some_and(|(above, _)| above > whole)
            }
        };
        let mut rounded = Long::of(whole + u64::from(up));
        rounded.rounded = value.rounded;
        Ok((negative && !rounded.is_zero(), rounded))
    }
}

/// How many units there are, and the first number of digits that is too many for them. A number that all releases
/// have room for is the same in each.
fn known(release: Release, digits: usize) -> Result<(usize, usize, char), Fault> {
    let few = digits <= KNOWN[0].1;
    let new = few || release.since((9, 2), "a number beyond 999Y")?;
    Ok(KNOWN[usize::from(new)])
}

/// Divides by a base until what is left is below it; how often.
fn scaled(mut value: Long, base: u64) -> (Long, usize) {
    let mut power = 0;
    while !value.is_below(base) {
        value = value.over(Long::of(base));
        power += 1;
    }
    (value, power)
}

/// The digits that a text begins with, how many they are, and what follows.
fn digits<'t>(text: &'t [u8], whole: &[u8], release: Release) -> Result<(Long, usize, &'t [u8]), Wrong> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (mut value, mut counted) = (Long::of(0), 0usize);
    for digit in &text[..length] {
        counted += usize::from(counted > 0 || *digit != b'0');
        if counted > known(release, counted)?.1 {
            return Err(Wrong::Number(format!("value too large to be converted: '{}'", show(whole))));
        }
        value = value.times(Long::of(10)).plus(Long::of(u64::from(digit - b'0')));
    }
    Ok((value, length, &text[length..]))
}

/// Reads a number with its unit; what follows is left.
fn human(text: &[u8], from: Scale, release: Release) -> Result<(Read, &[u8]), Wrong> {
    let wrong = |what: &str| Wrong::Number(format!("{what}: '{}'", show(text)));
    let (negative, rest) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let (mut value, length, mut rest) = digits(rest, text, release)?;
    if length == 0 && rest.first() != Some(&b'.') {
        return Err(wrong("invalid number"));
    }
    let mut places = 0;
    if let Some(behind) = rest.strip_prefix(b".") {
        let (fraction, length, left) = digits(behind, text, release)?;
        if length == 0 && left.first() != Some(&b'.') {
            return Err(wrong("invalid number"));
        }
        let factor = Long::power(10, u32::try_from(length).unwrap_or(u32::MAX).min(4000));
        (value, places, rest) = (value.plus(fraction.over(factor)), length, left);
    }
    let mut read = Read { negative, value, places };
    let mut base = from.base();
    let mut power = 0;
    let mut bare = true;
    if !rest.is_empty() {
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        rest = &rest[blanks..];
        let letter = match rest.split_first() {
            None if from == Scale::None => return Err(forbidden(text)),
            None => return Err(Fault::gap("blanks behind a number, behind which some versions read on").into()),
            Some((letter, tail)) => {
                rest = tail;
                letter
            }
        };
        let place = match letter {
            b'k' if from == Scale::None || release.since((9, 5), "the unit `k`")? => Some(0),
            b'R' | b'Q' if from != Scale::None && !release.since((9, 2), "the units R and Q")? => None,
            _ => UNITS.iter().position(|unit| unit == letter),
        };
        let place = place.ok_or_else(|| wrong("invalid suffix in input"))?;
        if from == Scale::None {
            return Err(forbidden(text));
        }
        power = u32::try_from(place + 1).expect("at most 8");
        if from == Scale::Auto
            && let Some(tail) = rest.strip_prefix(b"i")
        {
            (base, rest) = (1024, tail);
        }
        read.places = 0;
        bare = false;
    }
    if from == Scale::IecI {
        match rest.strip_prefix(b"i") {
            Some(tail) => rest = tail,
            None if bare && release.since((9, 6), "a number without a unit")? => {}
            None => {
                let shown = show(text);
                return Err(Wrong::Number(format!("missing 'i' suffix in input: '{shown}' (e.g Ki/Mi/Gi)")));
            }
        }
    }
    read.value = read.value.times(Long::power(base, power));
    Ok((read, rest))
}

fn forbidden(text: &[u8]) -> Wrong {
    Wrong::Number(format!("rejecting suffix in input: '{}' (consider using --from)", show(text)))
}

#[cfg(test)]
mod tests;
