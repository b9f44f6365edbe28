//! csplit(1), coreutils': a text in pieces that its lines divide.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::buffer::Kept;
use super::options::Opt;
use super::regex::Regex;
use super::regex::Syntax;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("csplit", csplit)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'b', "suffix-format"),
    Opt::flag(b'z', "elide-empty-files"),
    Opt::value(b'f', "prefix"),
    Opt::flag(b'k', "keep-files"),
    Opt::value(b'n', "digits"),
    Opt::flag(b's', "quiet silent"),
    Opt::flag(1, "suppress-matched"),
];

/// Where to cut.
#[derive(Debug)]
enum At {
    /// Before this line, and each time that many further.
    Line(u64),
    /// So many lines behind one that matches; or what stands before is passed over.
    Match { expression: Regex, offset: i64, passed: bool },
}

/// A pattern, and how often it counts again; `None`: as long as it can.
#[derive(Debug)]
struct Pattern {
    text: Vec<u8>,
    at: At,
    again: Option<u64>,
}

/// How the pieces are called.
struct Names {
    prefix: Vec<u8>,
    before: Vec<u8>,
    behind: Vec<u8>,
    width: usize,
    zeros: bool,
    kind: u8,
}

impl Names {
    fn of(&self, number: u64) -> Vec<u8> {
        let digits = match self.kind {
            b'o' => format!("{number:o}"),
            b'x' => format!("{number:x}"),
            b'X' => format!("{number:X}"),
            _ => number.to_string(),
        };
        let pad = if self.zeros { "0" } else { " " }.repeat(self.width.saturating_sub(digits.len()));
        [self.prefix.as_slice(), &self.before, pad.as_bytes(), digits.as_bytes(), &self.behind].concat()
    }
}

/// The work in progress.
struct Work<'t> {
    lines: Kept<&'t [u8]>,
    /// How many lines are in pieces, or passed over.
    taken: usize,
    /// How many lines have been looked at.
    seen: usize,
    piece: Option<Buffer>,
    made: Vec<Vec<u8>>,
    names: Names,
    quiet: bool,
    elide: bool,
    suppress: bool,
}

/// How it goes on behind a pattern.
enum Next {
    On,
    /// All is done.
    End,
}

fn csplit(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let digits = match given.value(b'n') {
        None => 2,
        Some(text) => {
            let number = std::str::from_utf8(text).ok().filter(|_| text.iter().all(u8::is_ascii_digit));
            let number = number.and_then(|text| text.parse::<usize>().ok()).filter(|&number| number < 4096);
            number.ok_or_else(|| Fault::failed(format!("invalid number: '{}'", show(text))))?
        }
    };
    let names = names(given.value(b'f').unwrap_or(b"xx"), given.value(b'b'), digits)?;
    let (path, patterns) = match given.operands.as_slice() {
        [] => return Err(Fault::failed("missing operand")),
        [path] => return Err(Fault::failed(format!("missing operand after '{}'", show(path)))),
        [path, patterns @ ..] => (path, read(call, patterns)?),
    };
    let text = call.text(path).map_err(|fault| match fault {
        Fault::Failed(status, message) => Fault::Failed(status, format!("cannot open {message}")),
        other => other,
    })?;
    if text.is_empty() {
        return Err(Fault::gap("a text of nothing, of which versions make other files"));
    }
    let mut lines = Kept::new(&call.shell.system.budget)?;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        lines.push(line)?;
    }
    let mut work = Work {
        lines,
        taken: 0,
        seen: 0,
        piece: None,
        made: Vec::new(),
        names,
        quiet: given.has(b's'),
        elide: given.has(b'z'),
        suppress: given.has(1),
    };
    match work.all(call, &patterns) {
        Err(Fault::Failed(status, message)) => {
            // What is told comes before the count of the last piece; and then nothing stays.
            call.err(&message)?;
            work.close(call)?;
            if !given.has(b'k') {
                for name in work.made.iter().rev() {
                    let place = call.resolve(name, false)?;
                    call.tree().remove(&place)?;
                }
            }
            Ok(status)
        }
        other => other,
    }
}

fn names(prefix: &[u8], format: Option<&[u8]>, digits: usize) -> Result<Names, Fault> {
    let mut names = Names {
        prefix: prefix.to_vec(),
        before: Vec::new(),
        behind: Vec::new(),
        width: digits,
        zeros: true,
        kind: b'd',
    };
    let Some(format) = format else { return Ok(names) };
    let missing = || Fault::failed("missing % conversion specification in suffix");
    let start = memchr::memchr(b'%', format).ok_or_else(missing)?;
    let rest = &format[start + 1..];
    let zeros = rest.first() == Some(&b'0');
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let width = std::str::from_utf8(&rest[..length])
        .ok()
        .and_then(|text| if text.is_empty() { Some(0) } else { text.parse().ok() });
    match rest.get(length) {
        Some(kind @ (b'd' | b'i' | b'u' | b'o' | b'x' | b'X')) => names.kind = *kind,
        Some(b'%' | b'.' | b'-' | b'+' | b' ' | b'#' | b'\'') => return Err(Fault::gap("such a format of suffixes")),
        None => return Err(Fault::failed("missing conversion specifier in suffix")),
        Some(other) => {
            let other = show(&[*other]);
            return Err(Fault::failed(format!("invalid conversion specifier in suffix: {other}")));
        }
    }
    names.before = format[..start].to_vec();
    names.behind = rest[length + 1..].to_vec();
    if names.behind.contains(&b'%') {
        return Err(Fault::gap("such a format of suffixes"));
    }
    names.zeros = zeros;
    names.width = width.filter(|&width| width < 4096).ok_or_else(|| Fault::gap("so wide a suffix"))?;
    Ok(names)
}

/// Reads the patterns.
fn read(call: &mut Call<'_, '_>, words: &[Vec<u8>]) -> Result<Vec<Pattern>, Fault> {
    let (mut patterns, mut last) = (Vec::new(), 0);
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let shown = show(word);
        let at = match word.first() {
            Some(delimiter @ (b'/' | b'%')) => matched(call, word, *delimiter)?,
            _ => {
                let number = number(word).ok_or_else(|| Fault::failed(format!("'{shown}': invalid pattern")))?;
                if number == 0 {
                    return Err(Fault::failed(format!("{shown}: line number must be greater than zero")));
                }
                if number < last {
                    let than = format!("is smaller than preceding line number, {last}");
                    return Err(Fault::failed(format!("line number '{shown}' {than}")));
                }
                if number == last {
                    call.err(&format!("warning: line number '{shown}' is the same as preceding line number"))?;
                }
                last = number;
                At::Line(number)
            }
        };
        let mut again = Some(0);
        if let Some([b'{', inner @ ..]) = rest.peek().map(|word| word.as_slice()) {
            let shown = rest.next().map(|word| show(word)).unwrap_or_default();
            let Some(inner) = inner.strip_suffix(b"}") else {
                return Err(Fault::failed(format!("{shown}: '}}' is required in repeat count")));
            };
            let wrong = || Fault::failed(format!("'{shown}': integer required between '{{' and '}}'"));
            again = if inner == b"*" { None } else { Some(number(inner).ok_or_else(wrong)?) };
        }
        patterns.push(Pattern { text: word.clone(), at, again });
    }
    Ok(patterns)
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

fn matched(call: &Call<'_, '_>, word: &[u8], delimiter: u8) -> Result<At, Fault> {
    let shown = show(word);
    let end = memchr::memrchr(delimiter, &word[1..]).map(|end| end + 1);
    let missing = || Fault::failed(format!("{shown}: closing delimiter '{}' missing", char::from(delimiter)));
    let end = end.ok_or_else(missing)?;
    let expression = &word[1..end];
    let behind = &word[end + 1..];
    let (negative, digits) = match behind {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let offset = match digits {
        [] if behind.is_empty() => Some(0),
        digits => number(digits).and_then(|number| i64::try_from(number).ok()),
    };
    let offset = offset.ok_or_else(|| Fault::failed(format!("'{shown}': integer expected after delimiter")))?;
    let expression = Regex::new(expression, Syntax::Basic, false, &call.shell.system.budget)?;
    Ok(At::Match { expression, offset: if negative { -offset } else { offset }, passed: delimiter == b'%' })
}

impl Work<'_> {
    fn all(&mut self, call: &mut Call<'_, '_>, patterns: &[Pattern]) -> Done {
        for pattern in patterns {
            let mut round = 0;
            while pattern.again.is_none_or(|again| round <= again) {
                call.shell.system.budget.step()?;
                let next = match &pattern.at {
                    At::Line(number) => self.before_line(call, pattern, *number, round)?,
                    At::Match { expression, offset, passed } => {
                        self.before_match(call, pattern, expression, (*offset, *passed), round)?
                    }
                };
                if matches!(next, Next::End) {
                    return Ok(0);
                }
                round += 1;
            }
        }
        self.open(call)?;
        self.rest()?;
        self.close(call)?;
        Ok(0)
    }

    fn open(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        let number = u64::try_from(self.made.len()).expect("a count");
        let name = self.names.of(number);
        call.write(&name, 0o666, Vec::new())?;
        self.made.push(name);
        self.piece = Some(Buffer::new(&call.shell.system.budget)?);
        Ok(())
    }

    /// Ends the piece that is being written, and says how large it is.
    fn close(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        let Some(piece) = self.piece.take() else { return Ok(()) };
        if piece.is_empty() && self.elide {
            let name = self.made.pop().expect("it was made when the piece was begun");
            let place = call.resolve(&name, false)?;
            call.tree().remove(&place)?;
            return Ok(());
        }
        let length = piece.len();
        let name = self.made.last().expect("it was made when the piece was begun").clone();
        call.write(&name, 0o666, piece.into_bytes())?;
        if !self.quiet {
            call.out(format!("{length}\n"))?;
        }
        Ok(())
    }

    /// Puts the next line into the piece, if one is written; whether there was one.
    fn take(&mut self, kept: bool) -> Result<bool, Fault> {
        let Some(line) = self.lines.get(self.taken) else { return Ok(false) };
        if let Some(piece) = &mut self.piece
            && kept
        {
            piece.extend(line)?;
        }
        self.taken += 1;
        self.seen = self.seen.max(self.taken);
        Ok(true)
    }

    fn rest(&mut self) -> Result<(), Fault> {
        while self.take(true)? {}
        Ok(())
    }

    /// Whether there is no line behind the one that was looked at last.
    fn is_at_end(&self) -> bool {
        self.taken.max(self.seen) >= self.lines.len()
    }

    fn before_line(
        &mut self,
        call: &mut Call<'_, '_>,
        pattern: &Pattern,
        number: u64,
        round: u64,
    ) -> Result<Next, Fault> {
        let outside = || failed(pattern, "line number out of range", round);
        let number = round.checked_add(1).and_then(|times| number.checked_mul(times)).ok_or_else(outside)?;
        self.open(call)?;
        if self.is_at_end() {
            // What of the empty piece is left, and said, is a matter of how it came to the end.
            return Err(Fault::gap("a line number where the text has ended"));
        }
        while u64::try_from(self.taken + 1).is_ok_and(|next| next < number) {
            if !self.take(true)? {
                return Err(outside());
            }
        }
        self.close(call)?;
        if self.suppress {
            self.take(false)?;
        } else if self.is_at_end() {
            return Err(outside());
        }
        Ok(Next::On)
    }

    fn before_match(
        &mut self,
        call: &mut Call<'_, '_>,
        pattern: &Pattern,
        expression: &Regex,
        (offset, passed): (i64, bool),
        round: u64,
    ) -> Result<Next, Fault> {
        if !passed {
            self.open(call)?;
        }
        loop {
            self.seen += 1;
            // A line that has been taken is not looked at again.
            let line = if self.seen > self.taken { self.lines.get(self.seen - 1).copied() } else { None };
            let Some(line) = line else {
                if !passed {
                    self.rest()?;
                }
                if pattern.again.is_none() {
                    self.close(call)?;
                    return Ok(Next::End);
                }
                return Err(failed(pattern, "match not found", round));
            };
            call.shell.system.budget.read(line.len())?;
            if expression.is_match(line.strip_suffix(b"\n").unwrap_or(line))? {
                break;
            }
            if offset >= 0 {
                self.take(!passed)?;
            }
        }
        let matched = i64::try_from(self.seen).expect("a count");
        let outside = || failed(pattern, "line number out of range", round);
        let cut = matched.checked_add(offset).and_then(|cut| usize::try_from(cut).ok()).ok_or_else(outside)?;
        if cut <= self.taken {
            return Err(outside());
        }
        while self.taken + 1 < cut {
            if !self.take(!passed)? {
                return Err(outside());
            }
        }
        if !passed {
            self.close(call)?;
        }
        if offset > 0 {
            self.seen = cut;
        }
        if self.suppress {
            self.take(false)?;
        }
        Ok(Next::On)
    }
}

fn failed(pattern: &Pattern, what: &str, round: u64) -> Fault {
    let text = show(&pattern.text);
    let round = if round > 0 { format!(" on repetition {round}") } else { String::new() };
    Fault::failed(format!("'{text}': {what}{round}"))
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn texts_are_cut_at_their_lines() {
        let show = "echo $?; for f in xx*; do [ -f $f ] && echo \"$f $(tr '\\n' , <$f)\"; done; true";
        let cases = [
            ("csplit f 4", "6\n8\n0\nxx00 1,2,3,\nxx01 4,5,6,7,\n"),
            ("csplit -s f /3/ /5/", "0\nxx00 1,2,\nxx01 3,4,\nxx02 5,6,7,\n"),
            ("csplit f /3/-1 /4/", "2\n4\n8\n0\nxx00 1,\nxx01 2,3,\nxx02 4,5,6,7,\n"),
            ("csplit -s f %3% 5", "0\nxx00 3,4,\nxx01 5,6,7,\n"),
            ("csplit -s f 2 '{2}'", "0\nxx00 1,\nxx01 2,3,\nxx02 4,5,\nxx03 6,7,\n"),
            ("csplit -s f '/[36]/' '{*}'", "0\nxx00 1,2,\nxx01 3,4,5,\nxx02 6,7,\n"),
            ("csplit -s --suppress-matched f 4 6", "0\nxx00 1,2,3,\nxx01 5,\nxx02 7,\n"),
            ("csplit f 2 '{*}'", "2\n4\n4\n4\n1\n"),
            ("csplit f 9", "14\n1\n"),
            ("csplit -k f 9", "14\n1\nxx00 1,2,3,4,5,6,7,\n"),
            ("csplit f /x/", "14\n1\n"),
            ("csplit -z f 1 3", "4\n10\n0\nxx00 1,2,\nxx01 3,4,5,6,7,\n"),
            ("csplit -s -n1 f /2/+1", "0\nxx0 1,2,\nxx1 3,4,5,6,7,\n"),
            ("csplit -s -f xxp -b %x f 2", "0\nxxp0 1,\nxxp1 2,3,4,5,6,7,\n"),
            ("csplit f 3 2", "1\n"),
            ("csplit f 0", "1\n"),
            ("csplit f x", "1\n"),
            ("csplit f '/3/x'", "1\n"),
            ("csplit f", "1\n"),
            ("csplit nosuch 1", "1\n"),
        ];
        for (script, output) in cases {
            says(&[(&format!("seq 7 >f; {script}; {show}"), output, 0)]);
        }
        lacks(&[("csplit /dev/null 1", "nothing"), ("seq 3 | csplit -b %-3d - 2", "format")]);
    }
}
