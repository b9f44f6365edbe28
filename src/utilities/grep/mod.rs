//! grep(1), GNU's, with `egrep` and `fgrep`.

mod matcher;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Kept;
use super::buffer::Out;
use super::options::Opt;
use super::show;
use super::text::number;
use crate::tree::Kind;
use matcher::Matcher;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("egrep", grep), ("fgrep", grep), ("grep", grep), ("zgrep", grep)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'E', "extended-regexp"),
    Opt::flag(b'F', "fixed-strings"),
    Opt::flag(b'G', "basic-regexp"),
    Opt::flag(b'P', ""),
    Opt::flag(b'i', "ignore-case"),
    Opt::flag(b'y', ""),
    Opt::flag(b'v', "invert-match"),
    Opt::flag(b'w', "word-regexp"),
    Opt::flag(b'x', "line-regexp"),
    Opt::flag(b'c', "count"),
    Opt::flag(b'l', "files-with-matches"),
    Opt::flag(b'L', "files-without-match"),
    Opt::value(b'm', "max-count"),
    Opt::flag(b'o', "only-matching"),
    Opt::flag(b'q', "quiet silent"),
    Opt::flag(b's', "no-messages"),
    Opt::flag(b'n', "line-number"),
    Opt::flag(b'b', "byte-offset"),
    Opt::flag(b'H', "with-filename"),
    Opt::flag(b'h', "no-filename"),
    Opt::flag(b'r', "recursive"),
    Opt::flag(b'R', "dereference-recursive"),
    Opt::flag(b'a', "text"),
    Opt::flag(b'z', "null-data"),
    Opt::flag(b'Z', "null"),
    Opt::value(b'e', "regexp"),
    Opt::value(b'f', "file"),
    Opt::value(b'A', "after-context"),
    Opt::value(b'B', "before-context"),
    Opt::value(b'C', "context"),
    Opt::value(1, "label"),
    Opt::attached(2, "color colour"),
    Opt::harmless(b'u', "line-buffered", "nobody reads while it writes"),
    Opt::harmless(b'U', "binary", "bytes are bytes"),
];

/// How lines are shown.
struct Manner {
    matcher: Matcher,
    most: usize,
    before: usize,
    after: usize,
    /// Context was asked for: groups of lines are told apart.
    apart: bool,
    named: bool,
    end: u8,
}

/// What grep reads of a pipe at a time.
const BLOCK: usize = 96 << 10;

fn grep(call: &mut Call<'_, '_>) -> Done {
    let args = modern(call.args);
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    if given.value(2).is_some_and(|when| !matches!(when, b"never" | b"auto" | b"")) {
        return Err(Fault::gap("--color"));
    }
    let budget = call.shell.system.budget.clone();
    let (patterns, operands) = patterns(call, &given)?;
    let count =
        |letter: u8| given.value(letter).or(given.value(b'C').filter(|_| letter != b'm')).map(number).transpose();
    let recursive = given.has(b'r') || given.has(b'R');
    let paths = paths(call, &given, operands, recursive)?;
    // One file is one file, however it was asked for.
    let walked = recursive && !matches!(operands, [path] if call.look(path, true).is_some_and(|it| !it.is_directory()));
    let manner = Manner {
        matcher: Matcher::new(call.name, &given, &patterns, &budget)?,
        most: count(b'm')?.unwrap_or(usize::MAX),
        before: count(b'B')?.unwrap_or(0),
        after: count(b'A')?.unwrap_or(0),
        apart: [b'A', b'B', b'C'].iter().any(|&letter| given.has(letter)),
        named: given.last_of(b"Hh").map_or(paths.len() > 1 || walked, |letter| letter == b'H'),
        end: if given.has(b'z') { 0 } else { b'\n' },
    };
    // What can select no line at all is not looked for, and no file is opened: no lines are wanted, or those that
    // lack what every line has. A list of no patterns has the lines that lack nothing.
    let lists = given.last_of(b"lL");
    let inverted = given.has(b'v') != patterns.is_empty();
    let bounded = !patterns.is_empty() && (given.has(b'w') || given.has(b'x'));
    let nothing = inverted && !bounded && patterns.iter().all(Vec::is_empty);
    if (manner.most == 0 || nothing) && (lists != Some(b'L') || given.has(b'q')) {
        return Ok(1);
    }
    // What is found would be found again.
    let shows_lines = !given.has(b'q') && !given.has(b'c') && lists.is_none() && manner.most > 1;
    let output = call.written_file().map(|(output, _)| output);
    call.printing(|call, out| {
        let (mut begun, mut status) = (false, 1);
        for path in &paths {
            if shows_lines && output.is_some() && call.read_file(path).map(|(input, ..)| input) == output {
                let name = if path == b"-" { "(standard input)".into() } else { show(path) };
                call.err(&format!("{name}: input file is also the output"))?;
                status = 2;
                continue;
            }
            let text = match call.text(path) {
                Ok(text) => text,
                Err(Fault::Failed(_, message)) => {
                    if !given.has(b's') {
                        call.err(&message)?;
                    }
                    status = if status == 0 && given.has(b'q') { 0 } else { 2 };
                    continue;
                }
                Err(other) => return Err(other),
            };
            if one(call, out, &given, &manner, path, &text, &mut begun)? {
                status = if status == 2 { 2 } else { 0 };
                if given.has(b'q') {
                    return Ok(0);
                }
            }
        }
        Ok(status)
    })
}

/// The patterns, and the operands behind them.
fn patterns<'g>(call: &mut Call<'_, '_>, given: &'g Given) -> Result<(Kept<Vec<u8>>, &'g [Vec<u8>]), Fault> {
    let mut patterns = Kept::new(&call.shell.system.budget)?;
    for text in given.values(b'e') {
        add_patterns(text, &mut patterns)?;
    }
    for path in given.values(b'f') {
        let text = call.text(path).map_err(trouble)?;
        if !text.is_empty() {
            add_patterns(text.strip_suffix(b"\n").unwrap_or(&text), &mut patterns)?;
        }
    }
    if given.has(b'e') || given.has(b'f') {
        return Ok((patterns, &given.operands));
    }
    let Some((first, rest)) = given.operands.split_first() else { return Err(Fault::Failed(2, "no pattern".into())) };
    add_patterns(first, &mut patterns)?;
    Ok((patterns, rest))
}

/// The files that are read.
fn paths(call: &mut Call<'_, '_>, given: &Given, operands: &[Vec<u8>], recursive: bool) -> Result<Vec<Vec<u8>>, Fault> {
    if !recursive {
        return Ok(if operands.is_empty() { vec![b"-".to_vec()] } else { operands.to_vec() });
    }
    let mut paths = Vec::new();
    for path in operands {
        walk(call, given, path, &mut paths)?;
    }
    if operands.is_empty() {
        walk(call, given, b".", &mut paths)?;
        paths.iter_mut().for_each(|path| drop(path.drain(..2.min(path.len()))));
    }
    Ok(paths)
}

fn trouble(fault: Fault) -> Fault {
    match fault {
        Fault::Failed(_, message) => Fault::Failed(2, message),
        other => other,
    }
}

/// `-5` is `-C 5`.
fn modern(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut args = args.to_vec();
    for arg in args.iter_mut().take_while(|arg| *arg != b"--") {
        let digits = arg.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (letters, number) = arg.split_at(arg.len() - digits);
        // Digits behind letters that take no value are the same.
        let flags = |letter: &u8| OPTIONS.iter().any(|option| option.is_flag(*letter));
        if digits > 0 && letters.first() == Some(&b'-') && letters[1..].iter().all(flags) {
            *arg = [letters, b"C", number].concat();
        }
    }
    args
}

fn add_patterns(text: &[u8], patterns: &mut Kept<Vec<u8>>) -> Result<(), Fault> {
    for pattern in text.split(|&byte| byte == b'\n') {
        patterns.push(pattern.to_vec())?;
    }
    Ok(())
}

/// Names the files below a directory.
fn walk(call: &mut Call<'_, '_>, given: &Given, path: &[u8], paths: &mut Vec<Vec<u8>>) -> Result<(), Fault> {
    call.can_list(path)?;
    let Ok(place) = call.resolve(path, true) else {
        paths.push(path.to_vec());
        return Ok(());
    };
    let budget = call.shell.system.budget.clone();
    let tree = call.tree();
    if !tree.get(&place).is_some_and(crate::tree::Inode::is_directory) {
        paths.push(path.to_vec());
        return Ok(());
    }
    let prefix = place.as_bytes().len();
    for (below, inode) in tree.below(&place) {
        budget.step()?;
        match inode.kind {
            Kind::File(_) => {}
            Kind::Symlink(_) if given.has(b'R') => return Err(Fault::gap("a link in what -R goes through")),
            _ => continue,
        }
        let below = below.as_bytes().get(prefix..).unwrap_or_default();
        let below = below.strip_prefix(b"/").unwrap_or(below);
        budget.made(path.len() + below.len())?;
        paths.push([path.strip_suffix(b"/").unwrap_or(path), below].join(&b'/'));
    }
    Ok(())
}

/// The lines of a text without their newlines; a last line may lack its.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    records(text, b'\n')
}

/// The same with another byte at the end of each.
pub(super) fn records(text: &[u8], end: u8) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(&[end]).map_or((text, text.is_empty()), |text| (text, false));
    text.0.split(move |&byte| byte == end).skip(usize::from(text.1))
}

/// What is shown of one file.
struct Shown<'a> {
    given: &'a Given,
    manner: &'a Manner,
    name: &'a [u8],
    /// What stands between a name and what follows: `-Z` ends it.
    text: &'a [u8],
    /// Behind the last line that was shown.
    done: usize,
}

impl Shown<'_> {
    fn head(&self, mark: u8, line: usize, offset: usize) -> Vec<u8> {
        let mut head = Vec::new();
        if self.manner.named {
            head.extend_from_slice(self.name);
            head.push(if self.given.has(b'Z') { 0 } else { mark });
        }
        if self.given.has(b'n') {
            head.extend(format!("{line}").into_bytes());
            head.push(mark);
        }
        if self.given.has(b'b') {
            head.extend(format!("{offset}").into_bytes());
            head.push(mark);
        }
        head
    }

    fn line(
        &self,
        call: &mut Call<'_, '_>,
        out: &mut Out,
        mark: u8,
        number: usize,
        span: (usize, usize),
    ) -> Result<(), Fault> {
        let head = self.head(mark, number, span.0);
        out.all(call, &[&head, &self.text[span.0..span.1], &[self.manner.end]])
    }

    /// Where the lines before a place begin that nobody has seen yet, up to the number asked for.
    fn context_start(&self, start: usize) -> usize {
        let (mut place, mut left) = (start, self.manner.before);
        while left > 0 && place > self.done {
            place = memchr::memrchr(self.manner.end, &self.text[..place - 1]).map_or(0, |end| end + 1).max(self.done);
            left -= 1;
        }
        place
    }

    /// Shows the lines from a place on before another, whose number this is.
    fn context(
        &self,
        call: &mut Call<'_, '_>,
        out: &mut Out,
        number: usize,
        mut from: usize,
        start: usize,
    ) -> Result<(), Fault> {
        let between = &self.text[from..start];
        call.shell.system.budget.read(between.len())?;
        let mut number = number - memchr::memchr_iter(self.manner.end, between).count();
        while from < start && !self.given.has(b'o') {
            let end = memchr::memchr(self.manner.end, &self.text[from..]).map_or(start, |end| from + end);
            self.line(call, out, b'-', number, (from, end))?;
            number += 1;
            from = end + 1;
        }
        Ok(())
    }
}

fn one(
    call: &mut Call<'_, '_>,
    out: &mut Out,
    given: &Given,
    manner: &Manner,
    path: &[u8],
    text: &[u8],
    begun: &mut bool,
) -> Result<bool, Fault> {
    let Manner { matcher, most, after, end: end_byte, .. } = manner;
    let standard = path == b"-";
    let name = if standard { given.value(1).unwrap_or(b"(standard input)") } else { path };
    if call.name == b"zgrep" && text.starts_with(&[0x1f, 0x8b]) {
        return Err(Fault::gap("a compressed file"));
    }
    let quiet = given.has(b'q') || given.has(b'l') || given.has(b'L');
    let silent = quiet || given.has(b'c');
    let binary = !given.has(b'a') && *end_byte != 0 && memchr::memchr(0, text).is_some();
    let zapped = if binary { Some(zapped(call, text, *end_byte)?) } else { None };
    let text = zapped.as_deref().unwrap_or(text);
    let mut shown = Shown { given, manner, name, text, done: 0 };
    let (mut count, mut trailing, mut start, mut number) = (0usize, 0usize, 0usize, 0usize);
    let mut used = text.len();
    while start < text.len() {
        let end = memchr::memchr(*end_byte, &text[start..]).map_or(text.len(), |end| start + end);
        let line = &text[start..end];
        number += 1;
        call.shell.system.budget.read(line.len())?;
        if *end_byte == 0 && matcher.anchored && line.contains(&b'\n') {
            return Err(Fault::gap("-z with anchors and lines"));
        }
        let selected = count < *most && matcher.selects(line)?;
        let next = (end + 1).min(text.len());
        if selected {
            count += 1;
            if binary && !silent {
                out.flush(call)?;
                call.err(&format!("{}: binary file matches", show(name)))?;
                *begun = true;
                return Ok(true);
            }
            if !silent {
                let from = shown.context_start(start);
                if manner.apart && *begun && (shown.done == 0 || from > shown.done) {
                    out.put(call, b"--\n")?;
                }
                *begun = true;
                shown.context(call, out, number, from, start)?;
                if given.has(b'o') {
                    pieces(call, out, &shown, number, (start, end))?;
                } else {
                    shown.line(call, out, b':', number, (start, end))?;
                }
                shown.done = next;
            }
            trailing = *after;
            if quiet {
                break;
            }
            if count == *most {
                used = next;
                if trailing == 0 || silent {
                    break;
                }
            }
        } else if trailing > 0 && !silent {
            trailing -= 1;
            if !given.has(b'o') {
                shown.line(call, out, b'-', number, (start, end))?;
            }
            shown.done = next;
        }
        if count == *most && trailing == 0 {
            break;
        }
        start = next;
    }
    if standard {
        call.give_back(text.len(), used, BLOCK, true);
    }
    report(call, out, given, manner, name, count)?;
    Ok(count > 0)
}

/// A binary text, of which each zero byte ends a line.
fn zapped(call: &Call<'_, '_>, text: &[u8], end: u8) -> Result<Vec<u8>, Fault> {
    if memchr::memchr(0, text).is_some_and(|place| place >= 1 << 15) {
        return Err(Fault::gap("zero bytes far behind the beginning"));
    }
    call.shell.system.budget.made(text.len())?;
    Ok(text.iter().map(|&byte| if byte == 0 { end } else { byte }).collect())
}

/// Says of a file how many lines were selected, or that some were or none.
fn report(
    call: &mut Call<'_, '_>,
    out: &mut Out,
    given: &Given,
    manner: &Manner,
    name: &[u8],
    count: usize,
) -> Result<(), Fault> {
    if given.has(b'q') {
    } else if given.has(b'l') || given.has(b'L') {
        if (count > 0) == (given.last_of(b"lL") == Some(b'l')) {
            out.all(call, &[name, if given.has(b'Z') { b"\0" } else { b"\n" }])?;
        }
    } else if given.has(b'c') {
        if manner.named {
            out.all(call, &[name, if given.has(b'Z') { b"\0" } else { b":" }])?;
        }
        out.put(call, format!("{count}\n").as_bytes())?;
    }
    Ok(())
}

/// `-o`: what matched, each on a line of its own.
fn pieces(
    call: &mut Call<'_, '_>,
    out: &mut Out,
    shown: &Shown<'_>,
    number: usize,
    span: (usize, usize),
) -> Result<(), Fault> {
    let matcher = &shown.manner.matcher;
    let line = &shown.text[span.0..span.1];
    let mut from = 0;
    while !matcher.inverted
        && let Some((begin, end)) = matcher.find(line, from)?
    {
        if end > begin {
            shown.line(call, out, b':', number, (span.0 + begin, span.0 + end))?;
        }
        from = end.max(begin + 1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;
    use super::super::show;
    use super::*;

    #[test]
    fn what_it_writes_is_not_searched() {
        says(&[
            ("echo a >f; grep a f >>f; echo $?; cat f", "2\na\n", 0),
            ("echo a >f; grep -v b <f >f; echo $?; cat f", "2\n", 0),
            ("echo a >f; cp f g; grep -o a g f >>f; echo $?; cat f", "2\na\ng:a\n", 0),
            ("echo a >f; mkdir d; mv f d; cp d/f d/g; grep -rs a d >>d/f; echo $?; cat d/f", "2\na\nd/g:a\n", 0),
            ("echo a >f; grep -q a f >>f; echo $?; grep -l a f >>f; echo $?; cat f", "0\n0\na\nf\n", 0),
            ("echo a >f; grep -c a f >>f; grep -m1 a f >>f; cat f", "a\n1\na\n", 0),
        ]);
    }

    #[test]
    fn lines_with_and_without_their_ends() {
        let all = |text: &'static str| lines(text.as_bytes()).map(show).collect::<Vec<_>>();
        assert_eq!(all(""), Vec::<String>::new());
        assert_eq!(all("\n"), [""]);
        assert_eq!(all("a\n\nb"), ["a", "", "b"]);
    }

    #[test]
    fn what_selects_no_line_is_not_looked_for() {
        says(&[
            ("printf 'a\\n' > t; grep -vc '' t; grep -vL '' t; grep -cxv '' t; grep -v '' nosuch", "t\n1\n", 1),
            (
                "printf 'a\\n' > t; : > e; grep -c -f e t; grep -cv -f e t; grep -vc -e '' -e a t; grep -m0 -L a t",
                "1\n0\nt\n",
                1,
            ),
            ("printf 'a\\n' > t; printf 'a\\0\\n' > z; grep -A1 a z t", "--\nt:a\n", 0),
        ]);
    }
}
