//! grep(1), with `egrep` and `fgrep`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::regex::Groups;
use super::regex::Regex;
use super::regex::Syntax;
use crate::tree::Kind;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("egrep", grep), ("fgrep", grep), ("grep", grep), ("zgrep", grep)];

const LONG: &[(&str, u8)] = &[
    ("extended-regexp", b'E'),
    ("fixed-strings", b'F'),
    ("basic-regexp", b'G'),
    ("ignore-case", b'i'),
    ("invert-match", b'v'),
    ("word-regexp", b'w'),
    ("line-regexp", b'x'),
    ("count", b'c'),
    ("files-with-matches", b'l'),
    ("files-without-match", b'L'),
    ("max-count", b'm'),
    ("only-matching", b'o'),
    ("quiet", b'q'),
    ("silent", b'q'),
    ("no-messages", b's'),
    ("line-number", b'n'),
    ("with-filename", b'H'),
    ("no-filename", b'h'),
    ("recursive", b'r'),
    ("text", b'a'),
    ("regexp", b'e'),
    ("file", b'f'),
    ("after-context", b'A'),
];

fn grep(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("EFGiyvwxclLm:oqsnHhrRae:f:A:", LONG)?;
    let mut operands = given.operands.as_slice();
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    for text in given.values(b'e') {
        patterns.extend(text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
    }
    for path in given.values(b'f') {
        let text = call.read(path)?;
        patterns.extend(lines(&text).map(<[u8]>::to_vec));
    }
    if !given.has(b'e') && !given.has(b'f') {
        let Some((first, rest)) = operands.split_first() else { return Err(Fault::Failed(2, "no pattern".into())) };
        patterns.extend(first.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
        operands = rest;
    }
    let matcher = Matcher::new(call, &given, &patterns)?;
    let recursive = given.has(b'r') || given.has(b'R');
    let (mut paths, mut status) = (Vec::new(), 1);
    for path in operands {
        if recursive { walk(call, path, &mut paths)? } else { paths.push(path.clone()) }
    }
    if operands.is_empty() {
        paths.push(b"-".to_vec());
    }
    let named = given.has(b'H') || (!given.has(b'h') && (paths.len() > 1 || recursive));
    for path in &paths {
        let text = match call.read(path) {
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
        let found = one(call, &given, &matcher, path, &text, named)?;
        if found {
            status = if status == 2 { 2 } else { 0 };
            if given.has(b'q') {
                return Ok(0);
            }
        }
    }
    Ok(status)
}

fn walk(call: &mut Call<'_, '_>, path: &[u8], paths: &mut Vec<Vec<u8>>) -> Result<(), Fault> {
    let place = call.resolve(path, true)?;
    let tree = call.tree();
    if !tree.get(&place).is_some_and(crate::tree::Inode::is_directory) {
        paths.push(path.to_vec());
        return Ok(());
    }
    let prefix = place.as_bytes().len();
    let below = tree.below(&place).filter(|(_, inode)| matches!(inode.kind, Kind::File(_)));
    paths.extend(
        below.map(|(below, _)| [path.strip_suffix(b"/").unwrap_or(path), &below.as_bytes()[prefix..]].concat()),
    );
    Ok(())
}

/// The lines of a text without their newlines; a last line may lack its.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").map_or((text, text.is_empty()), |text| (text, false));
    text.0.split(|&byte| byte == b'\n').skip(usize::from(text.1))
}

/// What is looked for.
struct Matcher {
    expressions: Vec<Regex>,
    fixed: Vec<Vec<u8>>,
    ignore_case: bool,
    whole_line: bool,
    whole_word: bool,
    inverted: bool,
}

impl Matcher {
    fn new(call: &Call<'_, '_>, given: &Given, patterns: &[Vec<u8>]) -> Result<Self, Fault> {
        let syntax = match given.last_of(b"EFG") {
            Some(letter) => letter,
            None if call.name == b"egrep" => b'E',
            None if call.name == b"fgrep" => b'F',
            None => b'G',
        };
        let ignore_case = given.has(b'i') || given.has(b'y');
        let mut matcher = Self {
            expressions: Vec::new(),
            fixed: Vec::new(),
            ignore_case,
            whole_line: given.has(b'x'),
            whole_word: given.has(b'w'),
            inverted: given.has(b'v'),
        };
        for pattern in patterns {
            match syntax {
                b'F' => matcher.fixed.push(if ignore_case { pattern.to_ascii_lowercase() } else { pattern.clone() }),
                letter => {
                    let syntax = if letter == b'E' { Syntax::Extended } else { Syntax::Basic };
                    let expression = Regex::new(pattern, syntax, ignore_case)?;
                    matcher.expressions.push(if matcher.whole_word { expression.whole_word() } else { expression });
                }
            }
        }
        Ok(matcher)
    }

    fn selects(&self, line: &[u8]) -> Result<bool, Fault> {
        Ok(self.find(line, 0)?.is_some() != self.inverted)
    }

    /// The first place that matches as asked for.
    fn find(&self, line: &[u8], from: usize) -> Result<Option<(usize, usize)>, Fault> {
        let mut start = from;
        while start <= line.len() {
            let Some((begin, end)) = self.anywhere(line, start)? else { return Ok(None) };
            let word = |place: usize| line.get(place).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            let bounded = !(self.whole_word && ((begin > 0 && word(begin - 1)) || word(end)));
            if bounded && (!self.whole_line || (begin == 0 && end == line.len())) {
                return Ok(Some((begin, end)));
            }
            start = begin + 1;
        }
        Ok(None)
    }

    fn anywhere(&self, line: &[u8], from: usize) -> Result<Option<(usize, usize)>, Fault> {
        let mut best: Option<(usize, usize)> = None;
        let mut consider = |found: (usize, usize)| {
            if best.is_none_or(|best| (found.0, usize::MAX - found.1) < (best.0, usize::MAX - best.1)) {
                best = Some(found);
            }
        };
        let lower = if self.ignore_case && !self.fixed.is_empty() { line.to_ascii_lowercase() } else { Vec::new() };
        let text = if self.ignore_case { lower.as_slice() } else { line };
        for fixed in &self.fixed {
            // A whole line is looked for as such, or a shorter place would hide it.
            let place = if self.whole_line {
                (from == 0 && text == fixed.as_slice()).then_some(0)
            } else {
                memchr::memmem::find(&text[from..], fixed).map(|place| place + from)
            };
            if let Some(place) = place {
                consider((place, place + fixed.len()));
            }
        }
        for expression in &self.expressions {
            if let Some(groups) = expression.find(line, from)? {
                consider(whole(&groups));
            }
        }
        Ok(best)
    }
}

fn whole(groups: &Groups) -> (usize, usize) {
    groups.first().copied().flatten().unwrap_or_default()
}

fn one(
    call: &mut Call<'_, '_>,
    given: &Given,
    matcher: &Matcher,
    path: &[u8],
    text: &[u8],
    named: bool,
) -> Result<bool, Fault> {
    let shown: &[u8] = if path == b"-" { b"(standard input)" } else { path };
    let most = given.value(b'm').map_or(Ok(usize::MAX), super::text::number)?;
    let after = given.value(b'A').map_or(Ok(0), super::text::number)?;
    let quiet = given.has(b'q') || given.has(b'c') || given.has(b'l') || given.has(b'L');
    let (mut count, mut trailing) = (0usize, 0usize);
    for (index, line) in lines(text).enumerate() {
        if count >= most && trailing == 0 {
            break;
        }
        let selected = count < most && matcher.selects(line)?;
        count += usize::from(selected);
        if quiet || (!selected && trailing == 0) {
            continue;
        }
        let mark = if selected { b":" } else { b"-" };
        trailing = if selected { after } else { trailing - 1 };
        let mut head = Vec::new();
        if named {
            head.extend([shown, mark].concat());
        }
        if given.has(b'n') {
            head.extend(format!("{}", index + 1).into_bytes());
            head.extend(mark);
        }
        if !given.has(b'o') {
            call.out([&head, line, b"\n"].concat())?;
            continue;
        }
        let mut from = 0;
        while selected
            && !matcher.inverted
            && let Some((begin, end)) = matcher.find(line, from)?
        {
            if end > begin {
                call.out([&head, &line[begin..end], b"\n"].concat())?;
            }
            from = end.max(begin + 1);
        }
    }
    if given.has(b'q') {
    } else if given.has(b'l') || given.has(b'L') {
        if (count > 0) == given.has(b'l') {
            call.out([shown, b"\n"].concat())?;
        }
    } else if given.has(b'c') {
        let head = if named { [shown, b":"].concat() } else { Vec::new() };
        call.out([head, format!("{count}\n").into_bytes()].concat())?;
    }
    Ok(count > 0)
}
