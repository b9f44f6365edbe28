//! expand(1) and unexpand(1), coreutils': tabs and blanks.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("expand", expand), ("unexpand", unexpand)];

/// `expand`'s options.
pub(super) const EXPAND: &[Opt] = &[Opt::flag(b'i', "initial"), Opt::value(b't', "tabs")];

/// `unexpand`'s options.
pub(super) const UNEXPAND: &[Opt] = &[Opt::flag(b'a', "all"), Opt::flag(1, "first-only"), Opt::value(b't', "tabs")];

/// Where tabs stop.
#[derive(Debug, Default)]
struct Stops {
    list: Vec<usize>,
    /// `/N`: behind the last one at each multiple.
    each: Option<usize>,
    /// `+N`: behind the last one so far apart.
    apart: Option<usize>,
}

impl Stops {
    /// Reads one list.
    fn read(&mut self, list: &[u8]) -> Result<(), Fault> {
        let (mut number, mut prefix) = (None::<usize>, None);
        let add = |stops: &mut Self, number: Option<usize>, prefix: Option<u8>| -> Result<(), Fault> {
            let Some(number) = number else { return Ok(()) };
            let (place, sign) = match prefix {
                None => {
                    stops.list.push(number);
                    return Ok(());
                }
                Some(b'/') => (&mut stops.each, '/'),
                Some(_) => (&mut stops.apart, '+'),
            };
            if place.is_some() {
                return Err(Fault::failed(format!("'{sign}' specifier only allowed with the last value")));
            }
            *place = Some(number);
            Ok(())
        };
        for (index, &byte) in list.iter().enumerate() {
            match byte {
                b',' | b' ' | b'\t' => {
                    add(self, number, prefix)?;
                    number = None;
                }
                b'/' | b'+' => {
                    if number.is_some() {
                        let rest = show(&list[index..]);
                        let sign = char::from(byte);
                        return Err(Fault::failed(format!("'{sign}' specifier not at start of number: '{rest}'")));
                    }
                    prefix = Some(byte);
                }
                b'0'..=b'9' => {
                    let more = number.unwrap_or(0).checked_mul(10);
                    let more = more.and_then(|more| more.checked_add(usize::from(byte - b'0')));
                    number = Some(more.ok_or_else(|| Fault::failed("tab stop is too large"))?);
                }
                _ => {
                    let rest = show(&list[index..]);
                    return Err(Fault::failed(format!("tab size contains invalid character(s): '{rest}'")));
                }
            }
        }
        add(self, number, prefix)
    }

    /// Looks at them as a whole.
    fn checked(mut self) -> Result<Self, Fault> {
        let mut before = 0;
        for &stop in &self.list {
            if stop == 0 {
                return Err(Fault::failed("tab size cannot be 0"));
            }
            if stop <= before {
                return Err(Fault::failed("tab sizes must be ascending"));
            }
            before = stop;
        }
        if self.each.is_some() && self.apart.is_some() {
            return Err(Fault::failed("'/' specifier is mutually exclusive with '+'"));
        }
        self.each = self.each.filter(|&each| each > 0);
        self.apart = self.apart.filter(|&apart| apart > 0);
        match (self.list.as_slice(), self.each, self.apart) {
            ([], None, None) => self.each = Some(8),
            ([], None, apart) => self.each = apart,
            (&[one], None, None) => {
                self.each = Some(one);
                self.list.clear();
            }
            _ => {}
        }
        Ok(self)
    }

    /// The stop behind a column; `None` behind the last one.
    fn behind(&self, column: usize) -> Option<usize> {
        let place = self.list.partition_point(|&stop| stop <= column);
        if let Some(stop) = self.list.get(place) {
            return Some(*stop);
        }
        match (self.each, self.apart) {
            (Some(each), _) => column.checked_add(each - column % each),
            (_, Some(apart)) => column.checked_add(apart - (column - self.list.last().copied().unwrap_or(0)) % apart),
            _ => None,
        }
    }
}

/// The old form `-3,5`, and the arguments without it.
fn old(args: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let is_old = |word: &Vec<u8>| matches!(word.as_slice(), [b'-', b'0'..=b'9', ..]);
    let end = args.iter().position(|word| word == b"--").unwrap_or(args.len());
    let (lists, rest): (Vec<_>, Vec<_>) = args[..end].iter().cloned().partition(is_old);
    (lists, rest.into_iter().chain(args[end..].iter().cloned()).collect())
}

fn stops(given: &super::Given, old: &[Vec<u8>]) -> Result<Stops, Fault> {
    if !old.is_empty() && (given.has(b't') || old.len() > 1) {
        return Err(Fault::gap("several lists of tabs, one of the old form"));
    }
    let mut stops = Stops::default();
    for list in old.iter().map(|word| &word[1..]).chain(given.values(b't')) {
        stops.read(list)?;
    }
    stops.checked()
}

fn expand(call: &mut Call<'_, '_>) -> Done {
    let (lists, args) = old(call.args);
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(EXPAND)?;
    let stops = stops(&given, &lists)?;
    let initial = given.has(b'i');
    call.printing(|call, out| {
        // A line may go on in the next file.
        let (mut column, mut converts) = (0usize, true);
        call.each_file(&given.operands, |call, _, text| {
            for byte in text {
                call.shell.system.budget.read(16)?;
                if *byte == b'\n' {
                    (column, converts) = (0, true);
                    out.put(call, b"\n")?;
                    continue;
                }
                if converts {
                    match byte {
                        b'\t' => {
                            let next = stops.behind(column).unwrap_or(column + 1);
                            for _ in column..next {
                                out.put(call, b" ")?;
                            }
                            column = next;
                            continue;
                        }
                        8 => column = column.saturating_sub(1),
                        _ => column += 1,
                    }
                    converts = !initial || *byte == b' ';
                }
                out.put(call, &[*byte])?;
            }
            Ok(())
        })
    })
}

/// Where a line is, as `unexpand` goes along it.
struct Blanks {
    converts: bool,
    column: usize,
    /// Blanks that may become a tab.
    pending: Vec<u8>,
    one_before_stop: bool,
    after_blank: bool,
}

impl Blanks {
    const fn new() -> Self {
        Self { converts: true, column: 0, pending: Vec::new(), one_before_stop: false, after_blank: true }
    }

    /// Takes a byte; what is to be written.
    fn take(&mut self, mut byte: u8, stops: &Stops, whole: bool) -> Vec<u8> {
        if !self.converts {
            return vec![byte];
        }
        let blank = matches!(byte, b' ' | b'\t');
        if blank {
            match stops.behind(self.column) {
                None => self.converts = false,
                Some(next) if byte == b'\t' => {
                    self.column = next;
                    if let Some(first) = self.pending.first_mut() {
                        *first = b'\t';
                    }
                    self.pending.truncate(usize::from(self.one_before_stop));
                }
                Some(next) => {
                    self.column += 1;
                    if !(self.after_blank && self.column == next) {
                        self.one_before_stop |= self.column == next;
                        self.pending.push(byte);
                        self.after_blank = true;
                        return Vec::new();
                    }
                    byte = b'\t';
                    if let Some(first) = self.pending.first_mut() {
                        *first = b'\t';
                    }
                    self.pending.truncate(usize::from(self.one_before_stop));
                }
            }
        } else if byte == 8 {
            self.column = self.column.saturating_sub(1);
        } else {
            self.column += 1;
        }
        let mut made = self.flush();
        self.after_blank = blank;
        self.converts &= whole || blank;
        made.push(byte);
        made
    }

    fn flush(&mut self) -> Vec<u8> {
        let mut made = std::mem::take(&mut self.pending);
        if made.len() > 1 && self.one_before_stop {
            made[0] = b'\t';
        }
        self.one_before_stop = false;
        made
    }
}

fn unexpand(call: &mut Call<'_, '_>) -> Done {
    let (lists, args) = old(call.args);
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(UNEXPAND)?;
    let stops = stops(&given, &lists)?;
    let whole = (given.has(b'a') || given.has(b't')) && !given.has(1);
    call.printing(|call, out| {
        let mut blanks = Blanks::new();
        let status = call.each_file(&given.operands, |call, _, text| {
            for &byte in text {
                call.shell.system.budget.read(16)?;
                let made = blanks.take(byte, &stops, whole);
                out.put(call, &made)?;
                if byte == b'\n' {
                    blanks = Blanks::new();
                }
            }
            Ok(())
        })?;
        out.put(call, &blanks.flush())?;
        Ok(status)
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn tabs_become_blanks() {
        says(&[
            ("printf 'a\\tb\\n\\tc' | expand", "a       b\n        c", 0),
            ("printf 'a\\tb\\tc\\n' | expand -t3", "a  b  c\n", 0),
            ("printf '\\ta\\tb\\tc\\td\\n' | expand -t 2,5", "  a  b c d\n", 0),
            ("printf '\\ta\\tb\\tc\\n' | expand -t 2,/4", "  a b   c\n", 0),
            ("printf '\\ta\\tb\\tc\\n' | expand -t 2,+4", "  a   b   c\n", 0),
            ("printf ' \\ta\\tb\\n' | expand -i", "        a\tb\n", 0),
            ("printf 'ab\\b\\tc\\n' | expand -4", "ab\u{8}   c\n", 0),
            ("expand -t 0 </dev/null", "", 1),
            ("expand -t 3,2 </dev/null", "", 1),
            ("expand -t x </dev/null", "", 1),
            ("expand -t 3/2 </dev/null", "", 1),
        ]);
    }

    #[test]
    fn blanks_become_tabs() {
        says(&[
            ("printf '        a       b\\n' | unexpand", "\ta       b\n", 0),
            ("printf '        a       b\\n' | unexpand -a", "\ta\tb\n", 0),
            ("printf 'a  b c   d\\n' | unexpand -t3", "a\tb c\td\n", 0),
            ("printf 'ab c\\n' | unexpand -t3", "ab c\n", 0),
            ("printf 'ab  c\\n' | unexpand -t3", "ab\t c\n", 0),
            ("printf '  \\ta\\n' | unexpand", "\ta\n", 0),
            ("printf '    a    b' | unexpand --first-only -t4", "\ta    b", 0),
            ("printf '   ' | unexpand -a", "   ", 0),
        ]);
    }
}
