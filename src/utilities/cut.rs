//! cut(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Kept;
use super::buffer::Out;
use super::grep::records;
use super::options::Opt;
use crate::budget::Budget;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("cut", cut)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'd', "delimiter"),
    Opt::value(b'f', "fields"),
    Opt::value(b'c', "characters"),
    Opt::value(b'b', "bytes"),
    Opt::flag(b's', "only-delimited"),
    Opt::flag(1, "complement"),
    Opt::value(2, "output-delimiter"),
    Opt::flag(b'z', "zero-terminated"),
    Opt::harmless(b'n', "", "a character is a byte in the C locale"),
];

/// What is chosen, in order and without overlaps, counted from 1.
type Ranges = Kept<(usize, usize)>;

fn cut(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let budget = call.shell.system.budget.clone();
    let mut lists = given.all.iter().filter(|(letter, _)| b"fcb".contains(letter));
    let Some((letter, list)) = lists.next() else {
        return Err(Fault::failed("you must specify a list of bytes, characters, or fields"));
    };
    if lists.next().is_some() {
        return Err(Fault::failed("only one list may be specified"));
    }
    let fields = *letter == b'f';
    if !fields && given.has(b'd') {
        return Err(Fault::failed("an input delimiter may be specified only when operating on fields"));
    }
    if !fields && given.has(b's') {
        return Err(Fault::failed("suppressing non-delimited lines makes sense\n\tonly when operating on fields"));
    }
    let delimiter = match given.value(b'd') {
        None => b'\t',
        Some(b"") => 0,
        Some([byte, ..]) => *byte,
    };
    // Each one is looked at, and the last one counts.
    if given.values(b'd').any(|text| text.len() > 1) {
        return Err(Fault::failed("the delimiter must be a single character"));
    }
    let ranges = ranges(list, fields, given.has(1), &budget)?;
    let between: Option<Vec<u8>> =
        given.value(2).map(|text| if text.is_empty() { b"\0".to_vec() } else { text.to_vec() });
    let end = if given.has(b'z') { 0 } else { b'\n' };
    let cutter = Cutter {
        ranges,
        delimiter,
        between: between.unwrap_or_else(|| if fields { vec![delimiter] } else { Vec::new() }),
        only_delimited: given.has(b's'),
        end,
    };
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, _, text| {
            if fields && delimiter == end {
                return cutter.lines(call, out, text);
            }
            for line in records(text, end) {
                call.shell.system.budget.read(line.len())?;
                call.shell.system.budget.tried(4)?;
                if fields { cutter.fields(call, out, line)? } else { cutter.bytes(call, out, line)? }
            }
            Ok(())
        })
    })
}

struct Cutter {
    ranges: Ranges,
    delimiter: u8,
    between: Vec<u8>,
    only_delimited: bool,
    end: u8,
}

impl Cutter {
    fn bytes(&self, call: &mut Call<'_, '_>, out: &mut Out, line: &[u8]) -> Result<(), Fault> {
        for (index, (low, high)) in self.ranges.iter().enumerate() {
            call.shell.system.budget.tried(1)?;
            if *low > line.len() {
                break;
            }
            if index > 0 {
                out.put(call, &self.between)?;
            }
            out.put(call, &line[low - 1..(*high).min(line.len())])?;
        }
        out.put(call, &[self.end])
    }

    fn fields(&self, call: &mut Call<'_, '_>, out: &mut Out, line: &[u8]) -> Result<(), Fault> {
        if !line.contains(&self.delimiter) {
            return if self.only_delimited { Ok(()) } else { out.all(call, &[line, &[self.end]]) };
        }
        self.chosen(call, out, line.split(|&byte| byte == self.delimiter))?;
        out.put(call, &[self.end])
    }

    /// Where the delimiter is what ends lines, lines are the fields of the one line that there is.
    fn lines(&self, call: &mut Call<'_, '_>, out: &mut Out, text: &[u8]) -> Result<(), Fault> {
        let inner = text.strip_suffix(&[self.end]).unwrap_or(text);
        if text.is_empty() {
            return Ok(());
        }
        if !text.contains(&self.end) {
            return if self.only_delimited { Ok(()) } else { out.all(call, &[text, &[self.end]]) };
        }
        if self.only_delimited && !inner.contains(&self.end) && self.ranges.first().is_none_or(|(low, _)| *low > 1) {
            return Ok(());
        }
        call.shell.system.budget.read(text.len())?;
        self.chosen(call, out, inner.split(|&byte| byte == self.end))?;
        out.put(call, &[self.end])
    }

    fn chosen<'t>(
        &self,
        call: &mut Call<'_, '_>,
        out: &mut Out,
        fields: impl Iterator<Item = &'t [u8]>,
    ) -> Result<(), Fault> {
        let mut ranges = self.ranges.iter().copied();
        let Some((mut low, mut high)) = ranges.next() else { return Ok(()) };
        let mut first = true;
        for (index, field) in fields.enumerate() {
            call.shell.system.budget.tried(1)?;
            if index + 1 > high {
                let Some(next) = ranges.next() else { break };
                (low, high) = next;
            }
            if index + 1 >= low {
                if !std::mem::take(&mut first) {
                    out.put(call, &self.between)?;
                }
                out.put(call, field)?;
            }
        }
        Ok(())
    }
}

/// Reads a list: `1,3-5,-2,7-`.
pub(super) fn ranges(text: &[u8], fields: bool, complement: bool, budget: &Budget) -> Result<Ranges, Fault> {
    let number = |digits: &[u8], whole: &[u8]| -> Result<usize, Fault> {
        if !digits.iter().all(u8::is_ascii_digit) {
            let what = if fields { "field" } else { "byte/character" };
            return Err(Fault::failed(format!("invalid {what} value '{}'", super::show(whole))));
        }
        let value = digits.iter().try_fold(0usize, |sum, digit| {
            sum.checked_mul(10)?.checked_add(usize::from(digit - b'0')).filter(|sum| *sum < usize::MAX)
        });
        value.ok_or_else(|| Fault::failed(format!("field number '{}' is too large", super::show(digits))))
    };
    let zero = || {
        Fault::failed(if fields {
            "fields are numbered from 1"
        } else {
            "byte/character positions are numbered from 1"
        })
    };
    let mut all = Kept::new(budget)?;
    for part in text.split(|byte| matches!(byte, b',' | b' ' | b'\t')) {
        let (low, high) = match memchr::memchr(b'-', part) {
            None if part.is_empty() => return Err(zero()),
            None => {
                let place = number(part, part)?;
                (place, place)
            }
            Some(_) if part == b"-" => return Err(Fault::failed("invalid range with no endpoint: -")),
            Some(dash) => {
                let low = if dash == 0 { 1 } else { number(&part[..dash], part)? };
                let high = if dash + 1 == part.len() { usize::MAX } else { number(&part[dash + 1..], part)? };
                if low > 0 && high < low {
                    return Err(Fault::failed("invalid decreasing range"));
                }
                (low, high)
            }
        };
        if low == 0 {
            return Err(zero());
        }
        all.push((low, high))?;
    }
    budget.tried(all.len().saturating_mul(32))?;
    all.sort_unstable();
    let mut merged = Kept::new(budget)?;
    for &(low, high) in all.iter() {
        match merged.last_mut() {
            Some((_, end)) if low <= *end => *end = high.max(*end),
            _ => merged.push((low, high))?,
        }
    }
    if !complement {
        return Ok(merged);
    }
    let mut rest = Kept::new(budget)?;
    let mut next = 1;
    for &(low, high) in merged.iter() {
        if next < low {
            rest.push((next, low - 1))?;
        }
        next = high.saturating_add(1);
    }
    if next < usize::MAX {
        rest.push((next, usize::MAX))?;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let budget = Budget::default();
        let read =
            |text: &str, complement| ranges(text.as_bytes(), true, complement, &budget).map(|list| list.to_vec());
        let good = |text, complement| read(text, complement).expect(text);
        assert_eq!(good("1,3-5,4-6", false), [(1, 1), (3, 6)]);
        assert_eq!(good("2-3,4", false), [(2, 3), (4, 4)], "neighbours stay apart");
        assert_eq!(good("7-,-2", false), [(1, 2), (7, usize::MAX)]);
        assert_eq!(good("2,4-5", true), [(1, 1), (3, 3), (6, usize::MAX)]);
        assert_eq!(good("1-", true), []);
        for wrong in ["", "0", "1,,2", "-", "3-2", "x", "1-x", "99999999999999999999"] {
            assert!(read(wrong, false).is_err(), "{wrong}");
        }
    }
}
