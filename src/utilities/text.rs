//! coreutils' small programs on lines: `head`, `tail`, `tac`, `rev`, `tee`, `wc`. Bytes are compared as in the C
//! locale.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Out;
use super::options::Opt;
use super::show;
use crate::shell::stream::Stream;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("head", head), ("rev", rev), ("tac", tac), ("tail", tail), ("tee", tee), ("wc", wc)];

/// A count in an option.
///
/// # Errors
/// It is none.
pub(super) fn number(text: &[u8]) -> Result<usize, Fault> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Fault::gap(format!("`{}` is not a plain number", show(text))))
}

/// A count as strtoumax(3) reads it: blanks and a sign may stand before its digits.
pub(super) fn unsigned(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
    let digits = text[blanks..].strip_prefix(b"+").unwrap_or(&text[blanks..]);
    if digits.first().is_some_and(u8::is_ascii_digit) { digits } else { text }
}

/// A count with a suffix: `b` 512, `K` 1024, `kB` 1000, `M`, `MB` and so on. A suffix alone is that of one.
///
///
/// # Errors
/// It is none, or too large; the words are the program's, status 1.
pub(super) fn size(text: &[u8], what: &str) -> Result<usize, Fault> {
    let large =
        || Fault::failed(format!("invalid number of {what}: '{}': Value too large for defined data type", show(text)));
    any_size(text, what)?.ok_or_else(large)
}

/// The same; `None` is larger than all that can be.
fn any_size(text: &[u8], what: &str) -> Result<Option<usize>, Fault> {
    let wrong = || Fault::failed(format!("invalid number of {what}: '{}'", show(text)));
    let plain = unsigned(text);
    let length = plain.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, suffix) = plain.split_at(length);
    let factor = match suffix {
        b"" => Some(1),
        b"b" => Some(512),
        [letter, rest @ ..] => {
            let power = match letter {
                b'k' | b'K' => 1,
                b'm' | b'M' => 2,
                b'G' => 3,
                b'T' => 4,
                b'P' => 5,
                b'E' => 6,
                b'Z' => 7,
                b'Y' => 8,
                _ => return Err(wrong()),
            };
            match rest {
                b"" | b"iB" => 1024usize.checked_pow(power),
                b"B" => 1000usize.checked_pow(power),
                _ => return Err(wrong()),
            }
        }
    };
    if text.is_empty() {
        return Err(wrong());
    }
    let digits = if digits.is_empty() { b"1" } else { digits };
    let value =
        digits.iter().try_fold(0usize, |sum, digit| sum.checked_mul(10)?.checked_add(usize::from(digit - b'0')));
    // Nothing of anything is nothing.
    Ok(if value == Some(0) { value } else { value.and_then(|value| value.checked_mul(factor?)) })
}

impl Call<'_, '_> {
    /// Goes through the named files, or standard input without names; a file that cannot be read is said so, and makes
    /// the status 1.
    pub(super) fn each_file(
        &mut self,
        paths: &[Vec<u8>],
        mut work: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), Fault>,
    ) -> Done {
        let standard = [b"-".to_vec()];
        let paths = if paths.is_empty() { &standard[..] } else { paths };
        let mut status = 0;
        for path in paths {
            match self.text(path) {
                Ok(text) => work(self, path, &text)?,
                Err(Fault::Failed(_, message)) => {
                    let message = self.unopened(path, message);
                    self.err(&message)?;
                    status = 1;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(status)
    }

    /// How the program says that a file cannot be read, of `path: why`.
    fn unopened(&self, path: &[u8], message: String) -> String {
        let path = show(path);
        let why = message.strip_prefix(&*path).and_then(|rest| rest.strip_prefix(": "));
        match (self.name, why) {
            (b"tac", Some(why)) => format!("failed to open '{path}' for reading: {why}"),
            (b"head" | b"tail", Some(why)) => format!("cannot open '{path}' for reading: {why}"),
            (b"rev", Some(why)) => format!("cannot open {path}: {why}"),
            _ => message,
        }
    }

    /// How large the file is that standard input is; `None` when it is none.
    fn input_size(&self) -> Option<usize> {
        let descriptor = self.shell.state.descriptors.get(&0)?;
        let Stream::File { file, .. } = &*descriptor.borrow() else { return None };
        Some(self.shell.system.file_size(file))
    }
}

fn rev(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(&[])?;
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, _, text| {
            if text.contains(&0) {
                return Err(Fault::gap("a text with zero bytes"));
            }
            for line in text.split_inclusive(|&byte| byte == b'\n') {
                let (line, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |line| (line, b"\n"));
                let turned: Vec<u8> = line.iter().rev().copied().collect();
                out.all(call, &[&turned, end])?;
            }
            Ok(())
        })
    })
}

pub(super) const TAC: &[Opt] = &[Opt::flag(b'b', "before"), Opt::flag(b'r', "regex"), Opt::value(b's', "separator")];

fn tac(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(TAC)?;
    let separator = match given.value(b's') {
        None => b"\n".as_slice(),
        Some(b"") if given.has(b'r') => return Err(Fault::failed("separator cannot be empty")),
        Some(b"") => b"\0",
        Some(text) => text,
    };
    if given.has(b'r') && separator.iter().any(|byte| b"\\.*[]^$".contains(byte)) {
        return Err(Fault::gap("an expression as separator"));
    }
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, _, text| {
            let (mut end, mut search) = (text.len(), text.len());
            while let Some(place) = memchr::memmem::rfind(&text[..search], separator) {
                call.shell.system.budget.read(search - place)?;
                let cut = if given.has(b'b') { place } else { place + separator.len() };
                if cut < end {
                    out.put(call, &text[cut..end])?;
                    end = cut;
                }
                search = place;
            }
            out.put(call, &text[..end])
        })
    })
}

// --- head, tail ----------------------------------------------------------------------------------------------

pub(super) const HEAD: &[Opt] = &[
    Opt::value(b'n', "lines"),
    Opt::value(b'c', "bytes"),
    Opt::flag(b'q', "quiet silent"),
    Opt::flag(b'v', "verbose"),
    Opt::flag(b'z', "zero-terminated"),
];

/// What stdio reads of a pipe at a time.
const BLOCK: usize = 8192;

/// The old form `-5`, made `-n5`; of tail `+5` too.
fn modern(args: &[Vec<u8>], plus: bool) -> Vec<Vec<u8>> {
    let mut args = args.to_vec();
    // tail's own: a unit behind the number, which may be missing.
    if plus
        && let Some([sign @ (b'-' | b'+'), digits @ .., unit @ (b'b' | b'c' | b'l')]) = args.first().map(Vec::as_slice)
        && digits.iter().all(u8::is_ascii_digit)
        && (!digits.is_empty() || *sign == b'+')
    {
        let number: &[u8] = if digits.is_empty() { b"10" } else { digits };
        let sign: &[u8] = if *sign == b'+' { b"+" } else { b"" };
        let option: &[u8] = if *unit == b'l' { b"-n" } else { b"-c" };
        args[0] = [option, sign, number, if *unit == b'b' { b"b" } else { b"" }].concat();
        return args;
    }
    if let Some(first) = args.first_mut()
        && first.len() > 1
        && (first[0] == b'-' || (plus && first[0] == b'+'))
        && first[1..].iter().all(u8::is_ascii_digit)
    {
        *first = if first[0] == b'-' { [b"-n", &first[1..]].concat() } else { [b"-n", first.as_slice()].concat() };
    }
    args
}

/// Whether the old form of `tail` counts: alone, or before one file.
fn old_form_counts(args: &[Vec<u8>]) -> bool {
    match args {
        [_] => true,
        [_, file] => !matches!(file.as_slice(), [b'-', _, ..]),
        [_, second, rest @ ..] => second == b"--" && rest.len() <= 2,
        [] => false,
    }
}

/// What `head` and `tail` have in common.
struct Ends {
    sign: Option<u8>,
    count: usize,
    bytes: bool,
    end: u8,
}

fn ends(
    call: &mut Call<'_, '_>,
    act: fn(&mut Call<'_, '_>, &mut Out, &Ends, &[u8], &[u8]) -> Result<(), Fault>,
) -> Done {
    let tail = call.name == b"tail";
    let args = if tail && !old_form_counts(call.args) { call.args.to_vec() } else { modern(call.args, tail) };
    if tail && let Some([b'-', b'0'..=b'9', ..]) = args.first().map(Vec::as_slice) {
        let number = args[0][1..].iter().all(u8::is_ascii_digit);
        return Err(match number {
            true => Fault::failed("option used in invalid context -- a number"),
            false => Fault::gap(format!("the old form `{}`", show(&args[0]))),
        });
    }
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(HEAD)?;
    let last = given.last_of(b"nc").unwrap_or(b'n');
    let count = given.value(last).unwrap_or(b"10");
    let (sign, digits) = match count.split_first() {
        Some((sign @ (b'-' | b'+'), digits)) => (Some(*sign), digits),
        _ => (None, count),
    };
    let what = if last == b'c' { "bytes" } else { "lines" };
    let count = match any_size(digits, what)? {
        Some(count) => count,
        None if call.release()?.since((9, 6), "a count beyond all that can be")? => usize::MAX,
        None => size(digits, what)?,
    };
    let ends = Ends { sign, count, bytes: last == b'c', end: if given.has(b'z') { 0 } else { b'\n' } };
    // Nothing of the end is nothing: no file is even opened.
    let nothing = if sign == Some(b'+') { usize::MAX } else { 0 };
    if tail && count == nothing {
        return Ok(0);
    }
    let named = match given.last_of(b"qv") {
        Some(letter) => letter == b'v',
        None => given.operands.len() > 1,
    };
    call.printing(|call, out| {
        let mut first = true;
        call.each_file(&given.operands, |call, path, text| {
            if named {
                let shown = if path == b"-" { b"standard input" } else { path };
                let before: &[u8] = if first { b"==> " } else { b"\n==> " };
                out.all(call, &[before, shown, b" <==\n"])?;
                first = false;
            }
            act(call, out, &ends, path, text)
        })
    })
}

/// Where the first `count` lines end.
fn lines_end(text: &[u8], count: usize, end: u8) -> usize {
    match count.checked_sub(1) {
        None => 0,
        Some(last) => memchr::memchr_iter(end, text).nth(last).map_or(text.len(), |place| place + 1),
    }
}

/// Where the last `count` lines begin.
fn last_lines(text: &[u8], count: usize, end: u8) -> usize {
    if count == 0 {
        return text.len();
    }
    let inner = text.strip_suffix(&[end]).unwrap_or(text);
    memchr::memrchr_iter(end, inner).nth(count - 1).map_or(0, |place| place + 1)
}

fn head(call: &mut Call<'_, '_>) -> Done {
    ends(call, |call, out, ends, path, text| {
        let (count, but) = (ends.count, ends.sign == Some(b'-'));
        let keep = match (ends.bytes, but) {
            (true, false) => count.min(text.len()),
            (true, true) => text.len().saturating_sub(count),
            (false, false) => lines_end(text, count, ends.end),
            (false, true) => last_lines(text, count, ends.end),
        };
        if path == b"-" {
            // What all but the end is asked of is read to the end, but the place in a file is put back.
            let block = match (but, ends.bytes) {
                (true, _) => usize::MAX,
                (_, true) => 1,
                _ => BLOCK,
            };
            call.give_back(text.len(), keep, block, true);
        }
        out.put(call, &text[..keep])
    })
}

fn tail(call: &mut Call<'_, '_>) -> Done {
    ends(call, |call, out, ends, _, text| {
        let skip = ends.count.saturating_sub(1);
        let skip = match (ends.sign, ends.bytes) {
            (Some(b'+'), true) => skip.min(text.len()),
            (Some(b'+'), false) => lines_end(text, skip, ends.end),
            (_, true) => text.len().saturating_sub(ends.count),
            (_, false) => last_lines(text, ends.count, ends.end),
        };
        out.put(call, &text[skip..])
    })
}

// --- wc, tee -------------------------------------------------------------------------------------------------

pub(super) const WC: &[Opt] = &[
    Opt::flag(b'l', "lines"),
    Opt::flag(b'w', "words"),
    Opt::flag(b'm', "chars"),
    Opt::flag(b'c', "bytes"),
    Opt::flag(b'L', "max-line-length"),
];

/// Lines, words, characters, bytes, and the width of the widest line.
fn counted(text: &[u8]) -> Result<[usize; 5], Fault> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 11;
    let words = text.split(is_space).filter(|word| !word.is_empty());
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let (mut count, mut width, mut widest) = (0, 0usize, 0);
    for word in words {
        count += 1;
        if !word.iter().any(printable) {
            // Words for coreutils since 9.5, and none for those before.
            return Err(Fault::gap("words of bytes that are no ASCII"));
        }
    }
    for byte in text {
        match byte {
            b'\n' | b'\r' | 12 => width = 0,
            b'\t' => width += 8 - width % 8,
            byte => width += usize::from(printable(byte)),
        }
        widest = widest.max(width);
    }
    Ok([memchr::memchr_iter(b'\n', text).count(), count, text.len(), text.len(), widest])
}

fn wc(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(WC)?;
    let chosen = |letter: u8| if given.all.is_empty() { b"lwc".contains(&letter) } else { given.has(letter) };
    let columns: Vec<usize> = (0..5).filter(|index| chosen(b"lwmcL"[*index])).collect();
    // As wide as the sizes of all files together need; seven at least when one has none that is known before.
    let (mut sum, mut known) = (0u64, 1);
    for path in &given.operands {
        match (path.as_slice(), call.look(path, true)) {
            (b"-", _) => match call.input_size() {
                Some(size) => sum += size as u64,
                None => known = 7,
            },
            (_, Some(inode)) => match inode.content() {
                Some(content) => sum = sum.saturating_add(content.size()),
                None => known = 7,
            },
            (_, None) => {}
        }
    }
    if given.operands.is_empty() {
        match call.input_size() {
            Some(size) => sum = size as u64,
            None => known = 7,
        }
    }
    let single = columns.len() == 1 && given.operands.len() <= 1;
    let width = if single { 1 } else { sum.to_string().len().max(known) };
    let shown = |counts: &[usize; 5], name: &[u8]| {
        let numbers: Vec<String> = columns.iter().map(|&index| format!("{:width$}", counts[index])).collect();
        let name = if name.is_empty() { Vec::new() } else { [b" ", name].concat() };
        [numbers.join(" ").as_bytes(), &name, b"\n"].concat()
    };
    let mut total = [0usize; 5];
    call.printing(|call, out| {
        let status = call.each_file(&given.operands, |call, path, text| {
            call.shell.system.budget.read(text.len().saturating_mul(8))?;
            let counts = counted(text)?;
            for (index, (total, count)) in total.iter_mut().zip(counts).enumerate() {
                *total = if index == 4 { (*total).max(count) } else { total.saturating_add(count) };
            }
            let name = if given.operands.is_empty() { b"" } else { path };
            out.put(call, &shown(&counts, name))
        })?;
        if given.operands.len() > 1 {
            out.put(call, &shown(&total, b"total"))?;
        }
        Ok(status)
    })
}

pub(super) const TEE: &[Opt] = &[
    Opt::flag(b'a', "append"),
    Opt::harmless(b'i', "ignore-interrupts", "nobody interrupts"),
    Opt::harmless(b'p', "", "no pipe breaks"),
];

fn tee(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(TEE)?;
    let append = given.has(b'a');
    let source = call.read_file(b"-").map(|(source, ..)| source);
    let (mut status, mut open) = (0, Vec::new());
    // All are opened before anything is read.
    for path in &given.operands {
        let there = call.read_file(path).map(|(file, ..)| file);
        if append && there.is_some() && there == source {
            return Err(Fault::gap("-a to the file that is read, without an end"));
        }
        let opened = if append && there.is_some() { Ok(()) } else { call.write(path, 0o666, Vec::new()) };
        match opened {
            Ok(()) => open.push(path),
            Err(Fault::Failed(_, message)) => {
                call.err(&message)?;
                status = 1;
            }
            Err(other) => return Err(other),
        }
    }
    let input = call.text(b"-")?;
    call.out(&*input)?;
    for path in open {
        let mut bytes = if append && call.read_file(path).is_some() { call.read(path)? } else { Vec::new() };
        call.shell.system.budget.made(bytes.len() + input.len())?;
        bytes.extend_from_slice(&input);
        call.write(path, 0o666, bytes)?;
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::super::grep::records;
    use super::*;

    #[test]
    fn tee_opens_before_it_reads() {
        super::super::recorded::says(&[
            ("echo a >f; tee f <f; echo $?; cat f", "0\n", 0),
            ("echo a >f; echo b | tee -a f g; cat f g", "b\na\nb\nb\n", 0),
            ("echo b | tee nowhere/f g; echo $?; cat g", "b\n1\nb\n", 0),
        ]);
        super::super::recorded::lacks(&[("echo a >f; tee -a f <f", "without an end")]);
    }

    #[test]
    fn sizes_have_suffixes() {
        let cases: [(&str, Option<usize>); 8] = [
            ("5", Some(5)),
            ("2b", Some(1024)),
            ("1K", Some(1024)),
            ("1kB", Some(1000)),
            ("3M", Some(3 << 20)),
            ("99999999999999999999", None),
            ("x", None),
            ("1X", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(size(text.as_bytes(), "lines").ok(), wanted, "{text}");
        }
    }

    #[test]
    fn a_count_may_be_beyond_all_that_can_be() {
        let script = |command: &str| format!("printf 'a\\nb\\n' >f; {command} f; echo $?");
        for (command, output) in [
            ("tail -n 99999999999999999999", "a\nb\n"),
            ("tail -c 1Y", "a\nb\n"),
            ("tail -n +99999999999999999999 nosuch", ""),
            ("head -c 99999999999999999999", "a\nb\n"),
            ("head -n -1Z", ""),
        ] {
            let new = format!("{output}0\n");
            super::super::recorded::releases_say(&[
                ("9.1-1", &script(command), "1\n", 0),
                ("9.7-3", &script(command), &new, 0),
            ]);
        }
    }

    #[test]
    fn ends_of_texts() {
        let text = b"a\nb\nc";
        assert_eq!([0, 1, 2, 3, 9].map(|count| lines_end(text, count, b'\n')), [0, 2, 4, 5, 5]);
        assert_eq!([0, 1, 2, 3, 9].map(|count| last_lines(text, count, b'\n')), [5, 4, 2, 0, 0]);
        assert_eq!(last_lines(b"a\n", 1, b'\n'), 0);
        assert_eq!(records(b"a\0b", 0).count(), 2);
    }
}
