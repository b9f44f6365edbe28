//! The small programs of coreutils that print and compare: `echo`, `cat`, `dirname`, `expr`, ….

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Opt;
use super::show;
use crate::shell::printf;
use crate::shell::printf::Directive;
use crate::shell::printf::Escapes;
use crate::shell::printf::Problem;
use crate::shell::printf::Tool;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("basename", basename),
    ("cat", cat),
    ("dirname", dirname),
    ("echo", echo),
    ("false", |_| Ok(1)),
    ("printf", print),
    ("seq", seq),
    ("sync", |_| Ok(0)),
    ("test", test),
    ("[", test),
    ("true", |_| Ok(0)),
];

/// The options of `cat`.
pub(super) const CAT: &[Opt] = &[
    Opt::flag(b'n', "number"),
    Opt::flag(b'b', "number-nonblank"),
    Opt::flag(b's', "squeeze-blank"),
    Opt::flag(b'E', "show-ends"),
    Opt::flag(b'T', "show-tabs"),
    Opt::harmless(b'u', "", "it never waits"),
];

fn cat(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(CAT)?;
    let standard = [b"-".to_vec()];
    let paths = if given.operands.is_empty() { &standard[..] } else { given.operands.as_slice() };
    let plain = given.all.is_empty();
    let numbered = given.has(b'n') || given.has(b'b');
    let (mut number, mut blanks, mut fresh) = (0u64, 0usize, true);
    let mut status = 0;
    for path in paths {
        if reads_what_it_writes(call, path)? {
            call.err(&format!("{}: input file is output file", show(path)))?;
            status = 1;
            continue;
        }
        let text = match call.text(path) {
            Ok(text) => text,
            Err(Fault::Failed(_, message)) => {
                call.err(&message)?;
                status = 1;
                continue;
            }
            Err(other) => return Err(other),
        };
        if plain {
            call.out(&*text)?;
            continue;
        }
        call.printing(|call, out| {
            for line in text.split_inclusive(|&byte| byte == b'\n') {
                let empty = fresh && line == b"\n";
                blanks = if empty { blanks + 1 } else { 0 };
                if given.has(b's') && blanks > 1 {
                    continue;
                }
                if numbered && fresh && !(given.has(b'b') && empty) {
                    number += 1;
                    out.put(call, format!("{number:6}\t").as_bytes())?;
                }
                let (line, ended) = line.strip_suffix(b"\n").map_or((line, false), |line| (line, true));
                for (index, part) in line.split(|&byte| byte == b'\t' && given.has(b'T')).enumerate() {
                    out.all(call, &[if index > 0 { b"^I" } else { b"" }, part])?;
                }
                fresh = ended;
                if ended {
                    out.put(call, if given.has(b'E') { b"$\n" } else { b"\n" })?;
                }
            }
            Ok(0)
        })?;
    }
    Ok(status)
}

/// Whether there is something to copy from a file to itself, which would never end. Newer releases let be what is
/// behind the place where the output goes on.
fn reads_what_it_writes(call: &mut Call<'_, '_>, path: &[u8]) -> Result<bool, Fault> {
    let (Some((output, to)), Some((input, size, from))) = (call.written_file(), call.read_file(path)) else {
        return Ok(false);
    };
    if output != input {
        return Ok(false);
    }
    let (older, newer) = (from < size, from < to.unwrap_or(size));
    if older == newer {
        return Ok(older);
    }
    let release = call.release()?;
    let what = "cat of a file into itself";
    match (release.since((9, 7), what)?, release.since((9, 2), what)?) {
        (true, _) => Ok(newer),
        (_, false) => Ok(older),
        _ => Err(Fault::gap(what)),
    }
}

/// coreutils' `echo`, which unlike dash's knows `-e` and leaves escapes alone without it.
fn echo(call: &mut Call<'_, '_>) -> Done {
    let (mut newline, mut escapes, mut rest) = (true, false, call.args);
    while let [first, tail @ ..] = rest
        && first.len() > 1
        && first[0] == b'-'
        && first[1..].iter().all(|letter| b"neE".contains(letter))
    {
        newline &= !first.contains(&b'n');
        escapes = first.iter().rfind(|letter| **letter != b'n').map_or(escapes, |letter| *letter == b'e');
        rest = tail;
    }
    let text = rest.join(&b' ');
    call.shell.spend(text.len())?;
    let (mut text, stopped) = if escapes { printf::escapes(&text, Escapes::Echo) } else { (text, false) };
    if newline && !stopped {
        text.push(b'\n');
    }
    call.out(text)?;
    Ok(0)
}

/// coreutils' `printf`.
fn print(call: &mut Call<'_, '_>) -> Done {
    let args = call.args.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(call.args);
    let Some((format, arguments)) = args.split_first() else { return Err(Fault::failed("missing operand")) };
    if matches!(format.as_slice(), b"--help" | b"--version") && arguments.is_empty() {
        return Err(Fault::gap(format!("option `{}`", show(format))));
    }
    let budget = call.shell.system.budget.clone();
    let printed = printf::format_all(format, arguments, Tool::Coreutils, &budget)?;
    let mut status = 0;
    for problem in &printed.problems {
        if let Problem::Directive(text) = problem
            && text.last().is_some_and(|letter| b"aAq".contains(letter))
        {
            return Err(Fault::gap(format!("directive `{}`", show(text))));
        }
        let (words, code) = problem.words(Tool::Coreutils);
        call.err(&show(&words))?;
        status = status.max(code);
    }
    call.out(&*printed.text)?;
    if let Some(excess) = printed.excess {
        call.err(&format!("warning: ignoring excess arguments, starting with '{}'", show(&excess)))?;
    }
    Ok(status)
}

fn test(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<Vec<u8>> = [call.name.to_vec()].into_iter().chain(call.args.iter().cloned()).collect();
    let before = std::mem::replace(&mut call.shell.tests_as_program, true);
    let result = call.shell.builtin(&words);
    call.shell.tests_as_program = before;
    Ok(result?)
}

fn basename(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("+as:z", &[("multiple", b'a'), ("suffix", b's'), ("zero", b'z')])?;
    let many = given.has(b'a') || given.has(b's');
    let (names, suffix) = match (given.operands.as_slice(), many) {
        ([name], _) => (vec![name.clone()], given.value(b's')),
        ([name, suffix], false) => (vec![name.clone()], Some(suffix.as_slice())),
        (names @ [_, ..], true) => (names.to_vec(), given.value(b's')),
        _ => return Err(Fault::failed("wrong number of operands")),
    };
    let end: &[u8] = if given.has(b'z') { b"\0" } else { b"\n" };
    for name in names {
        let trimmed = trim_slashes(&name);
        let base = trimmed.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let base = if base.is_empty() && !trimmed.is_empty() { b"/" } else { base };
        let cut = suffix.and_then(|suffix| base.strip_suffix(suffix)).filter(|cut| !cut.is_empty());
        call.out([cut.unwrap_or(base), end].concat())?;
    }
    Ok(0)
}

/// Without trailing slashes, but for the root's.
fn trim_slashes(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte != b'/').map_or(name.len().min(1), |last| last + 1);
    &name[..end]
}

fn dirname(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("z", &[("zero", b'z')])?;
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    for name in &given.operands {
        let trimmed = trim_slashes(name);
        let parent = match trimmed.iter().rposition(|&byte| byte == b'/') {
            None => b".".as_slice(),
            Some(slash) => trim_slashes(&trimmed[..=slash]),
        };
        call.out([parent, if given.has(b'z') { b"\0" } else { b"\n" }].concat())?;
    }
    Ok(0)
}

/// The options of `seq`. A number below zero is none of them.
pub(super) const SEQ: &[Opt] =
    &[Opt::value(b'f', "format"), Opt::value(b's', "separator"), Opt::flag(b'w', "equal-width")];

/// A decimal number, exactly: digits without a point, and how many of them stand behind it.
struct Decimal {
    value: i128,
    places: u32,
    /// How long it was as it was written.
    length: usize,
}

fn decimal(word: &[u8]) -> Result<Decimal, Fault> {
    let wrong = || Fault::failed(format!("invalid floating point argument: '{}'", show(word)));
    let beyond = || Fault::gap(format!("the number `{}`", show(word)));
    let text = word.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
    let special = digits.first().is_some_and(|byte| matches!(byte, b'i' | b'I' | b'n' | b'N'))
        || digits.starts_with(b"0x")
        || digits.starts_with(b"0X");
    if special {
        return Err(beyond());
    }
    let length = printf::number_length(digits);
    if length == 0 || length < digits.len() {
        return Err(wrong());
    }
    if digits.contains(&b'e') || digits.contains(&b'E') || digits.len() > 30 {
        return Err(beyond());
    }
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &b""[..]),
    };
    let value = whole.iter().chain(fraction).fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let places = u32::try_from(fraction.len()).map_err(|_| beyond())?;
    if negative && value == 0 {
        return Err(beyond());
    }
    // A zero before the point is meant where none is written.
    let length = text.len() + usize::from(whole.is_empty());
    Ok(Decimal { value: if negative { -value } else { value }, places, length })
}

fn seq(call: &mut Call<'_, '_>) -> Done {
    // A number may look like an option: from the first one on there are none.
    let is_number = |word: &Vec<u8>| word.len() > 1 && word[0] == b'-' && (word[1].is_ascii_digit() || word[1] == b'.');
    let mut args = call.args.to_vec();
    if let Some(place) = args.iter().position(is_number) {
        args.insert(place, b"--".to_vec());
    }
    let mut given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(SEQ)?;
    given.operands.retain(|word| word != b"--");
    let numbers = given.operands.iter().map(|word| decimal(word)).collect::<Result<Vec<_>, _>>()?;
    let one = || Decimal { value: 1, places: 0, length: 1 };
    let mut numbers = numbers.into_iter();
    let (first, step, last) = match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (None, ..) => return Err(Fault::failed("missing operand")),
        (Some(last), None, ..) => (one(), one(), last),
        (Some(first), Some(last), None, _) => (first, one(), last),
        (Some(first), Some(step), Some(last), None) => (first, step, last),
        _ => return Err(Fault::failed(format!("extra operand '{}'", show(&given.operands[3])))),
    };
    if step.value == 0 {
        return Err(Fault::failed(format!("invalid Zero increment value: '{}'", show(&given.operands[1]))));
    }
    let most = first.places.max(step.places).max(last.places);
    let scaled =
        |number: &Decimal| 10i128.checked_pow(most - number.places).and_then(|by| number.value.checked_mul(by));
    let (Some(mut value), Some(by), Some(end)) = (scaled(&first), scaled(&step), scaled(&last)) else {
        return Err(Fault::gap("numbers of so many digits"));
    };
    let places = first.places.max(step.places);
    let mut width = 0;
    if given.has(b'w') {
        // With the places that are printed instead of those that are written, and a point only where there are any.
        let size = |places: u32| places as usize + usize::from(places > 0);
        let length = |number: &Decimal| (number.length + size(places)).saturating_sub(size(number.places));
        width = length(&first).max(length(&last));
    }
    let format = given.value(b'f').map(seq_format).transpose()?;
    if format.is_some() && given.has(b'w') {
        return Err(Fault::failed("format string may not be specified when printing equal width strings"));
    }
    let separator = given.value(b's').unwrap_or(b"\n").to_vec();
    let budget = call.shell.system.budget.clone();
    call.printing(|call, out| {
        let mut begun = false;
        while if by > 0 { value <= end } else { value >= end } {
            budget.step()?;
            if begun {
                out.put(call, &separator)?;
            }
            begun = true;
            match &format {
                None => out.put(call, fixed(value, most, places, width).as_bytes())?,
                Some((before, directive, letter, after)) => {
                    let exact = fixed(value, most, most, 0);
                    if exact.len() > 15 {
                        return Err(Fault::gap("a format for numbers of so many digits"));
                    }
                    let mut text = Buffer::new(&budget)?;
                    text.extend(before)?;
                    directive.float(*letter, exact.parse().unwrap_or(0.0), &mut text)?;
                    text.extend(after)?;
                    out.put(call, &text)?;
                }
            }
            value = match value.checked_add(by) {
                Some(value) => value,
                None => break,
            };
        }
        if begun {
            out.put(call, b"\n")?;
        }
        Ok(0)
    })
}

/// A number of `scale` decimal places with `places` of them shown, and zeros before it up to a width.
fn fixed(value: i128, scale: u32, places: u32, width: usize) -> String {
    let unit = 10u128.pow(scale);
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    let fraction = match places {
        0 => String::new(),
        places => format!(".{:0>1$}", fraction / 10u128.pow(scale - places), places as usize),
    };
    let width = width.saturating_sub(sign.len() + fraction.len());
    format!("{sign}{whole:0>width$}{fraction}")
}

/// `-f`: one directive for a number of any kind, and what stands around it.
fn seq_format(format: &[u8]) -> Result<(Vec<u8>, Directive, u8, Vec<u8>), Fault> {
    let shown = show(format);
    let (mut before, mut rest) = (Vec::new(), format);
    loop {
        let percent =
            memchr::memchr(b'%', rest).ok_or_else(|| Fault::failed(format!("format '{shown}' has no % directive")))?;
        before.extend_from_slice(&rest[..percent]);
        rest = &rest[percent + 1..];
        if rest.first() != Some(&b'%') {
            break;
        }
        before.push(b'%');
        rest = &rest[1..];
    }
    let mut directive = Directive::default();
    // `'` groups digits, of which the C locale has no groups.
    while let [flag, tail @ ..] = rest
        && (*flag == b'\'' || directive.flag(*flag))
    {
        rest = tail;
    }
    let number = |rest: &mut &[u8]| -> Result<usize, Fault> {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = std::str::from_utf8(&rest[..length]).unwrap_or_default();
        *rest = &rest[length..];
        let value = if digits.is_empty() { Some(0) } else { digits.parse().ok() };
        value.filter(|value| *value < 1 << 31).ok_or_else(|| Fault::gap(format!("the format `{shown}`")))
    };
    directive.width = number(&mut rest)?;
    if rest.first() == Some(&b'.') {
        rest = &rest[1..];
        directive.precision = Some(number(&mut rest)?);
    }
    let Some((letter @ (b'e' | b'f' | b'g' | b'E' | b'F' | b'G'), tail)) = rest.split_first() else {
        return Err(match rest.first() {
            Some(b'a' | b'A' | b'L') => Fault::gap(format!("the format `{shown}`")),
            Some(letter) => Fault::failed(format!("format '{shown}' has unknown %{} directive", char::from(*letter))),
            None => Fault::failed(format!("format '{shown}' ends in %")),
        });
    };
    let (mut after, mut rest) = (Vec::new(), tail);
    while let Some(percent) = memchr::memchr(b'%', rest) {
        if rest.get(percent + 1) != Some(&b'%') {
            return Err(Fault::failed(format!("format '{shown}' has too many % directives")));
        }
        after.extend_from_slice(&rest[..=percent]);
        rest = &rest[percent + 2..];
    }
    after.extend_from_slice(rest);
    Ok((before, directive, *letter, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_not_copied_into_itself() {
        super::super::recorded::says(&[
            ("echo a >f; cat f >>f; echo $?; cat f", "1\na\n", 0),
            ("echo a >f; cat <f >>f; echo $?; cat f", "1\na\n", 0),
            ("echo a >f; cat >>f <>f; echo $?; cat f", "1\na\n", 0),
            ("echo a >f; ln f g; ln -s g l; cat -n l >>f; echo $?; cat f", "1\na\n", 0),
            ("echo a >f; echo b >g; cat g f g >>f; echo $?; cat f", "1\na\nb\nb\n", 0),
            ("echo a >f; { echo c; cat f; } >f; echo $?; cat f", "1\nc\n", 0),
            ("echo a >f; cat f >f; echo $?; cat f; cat f >>f", "0\n", 0),
            ("printf 'a\\nb\\n' >f; { read x; cat; } <f >>f; echo $?; cat f", "1\na\nb\n", 0),
        ]);
        super::super::recorded::lacks(&[("echo a >f; cat f 1<>f", "of a file into itself where no coreutils")]);
    }

    #[test]
    fn decimals_are_exact() {
        let shown = |text: &str, places| {
            let number = decimal(text.as_bytes()).expect(text);
            fixed(number.value, number.places, places, 0)
        };
        assert_eq!(shown("0.1", 1), "0.1");
        assert_eq!(shown("-1.50", 2), "-1.50");
        assert_eq!(shown(" +007", 0), "7");
        assert_eq!(fixed(-1, 0, 0, 3), "-01");
        for wrong in ["", "x", "1x", ".", "1e3", "0x1", "inf", "-0"] {
            assert!(decimal(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_program_takes_what_looks_like_an_operator_for_one() {
        super::super::recorded::says(&[
            ("/usr/bin/test a -o -5", "", 2),
            ("/usr/bin/test a -o -n", "", 2),
            ("/usr/bin/test a -o -55", "", 0),
            ("/usr/bin/test -5", "", 0),
            ("test a -o -5", "", 0),
        ]);
    }

    #[test]
    fn bash_ends_where_a_constant_is_changed() {
        let script = "readonly r=1; set -e; if r=2; then :; fi; echo x";
        super::super::recorded::says(&[
            (&format!("bash -c '{script}'; echo $?"), "1\n", 0),
            ("bash -c 'readonly r=1\nset -e\nread r <<< 2 || :\necho x'; echo $?", "1\n", 0),
        ]);
    }
}
