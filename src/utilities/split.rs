//! split(1), coreutils': a text in pieces of so many lines or bytes.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::options::Opt;
use super::show;
use super::text::size;
use super::text::unsigned;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("split", split)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'a', "suffix-length"),
    Opt::value(1, "additional-suffix"),
    Opt::value(b'b', "bytes"),
    Opt::value(b'C', "line-bytes"),
    Opt::flag(b'd', ""),
    Opt::attached(2, "numeric-suffixes"),
    Opt::flag(b'x', ""),
    Opt::attached(3, "hex-suffixes"),
    Opt::flag(b'e', "elide-empty-files"),
    Opt::value(b'l', "lines"),
    Opt::value(b'n', "number"),
    Opt::value(b't', "separator"),
    Opt::harmless(b'u', "unbuffered", "nobody reads a piece before all are written"),
    Opt::flag(4, "verbose"),
];

/// How the pieces come to be.
#[derive(Debug, Clone, Copy)]
enum Way {
    Lines(usize),
    Bytes(usize),
    /// Whole lines, as many as so many bytes hold.
    LineBytes(usize),
    /// So many pieces, and which one is wanted alone.
    Chunks(Unit, usize, Option<usize>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Lines,
    /// Lines, dealt out in turn.
    Turns,
}

/// The names of the pieces.
struct Names {
    prefix: Vec<u8>,
    behind: Vec<u8>,
    letters: &'static [u8],
    /// Places in `letters`.
    suffix: Vec<usize>,
    /// It grows when its first letter would be the last one.
    grows: bool,
    /// How many last letters stand before it since it has grown.
    lead: usize,
    started: bool,
}

impl Names {
    fn next(&mut self) -> Result<Vec<u8>, Fault> {
        if std::mem::replace(&mut self.started, true) {
            let last = self.letters.len() - 1;
            let mut place = self.suffix.len();
            loop {
                if place == 0 {
                    return Err(Fault::failed("output file suffixes exhausted"));
                }
                place -= 1;
                self.suffix[place] += 1;
                if place == 0 && self.grows && self.suffix[0] == last {
                    self.lead += 1;
                    self.suffix = vec![0; self.suffix.len() + 1];
                    break;
                }
                if self.suffix[place] <= last {
                    break;
                }
                self.suffix[place] = 0;
            }
        }
        let lead = self.letters.last().into_iter().copied().cycle().take(self.lead);
        let suffix = lead.chain(self.suffix.iter().map(|&place| self.letters[place]));
        Ok(self.prefix.iter().copied().chain(suffix).chain(self.behind.iter().copied()).collect())
    }
}

fn split(call: &mut Call<'_, '_>) -> Done {
    let args = modern(call.args)?;
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    if let Some(extra) = given.operands.get(2) {
        return Err(Fault::failed(format!("extra operand '{}'", show(extra))));
    }
    // It is one with which numbers begin, and not the one that is taken where none is given.
    if args.iter().any(|word| (word.starts_with(b"--h") || word.starts_with(b"--n")) && word.ends_with(b"s=")) {
        return Err(Fault::gap("a first suffix of nothing"));
    }
    let separator = separator(&given)?;
    let way = way(&given)?;
    let mut names = names(&given, way)?;
    let path = given.operands.first().map_or(b"-".as_slice(), Vec::as_slice);
    if let Way::Chunks(Unit::Bytes | Unit::Lines, ..) = way
        && (path == b"-" || path.starts_with(b"/dev/"))
    {
        return Err(Fault::gap("the size of standard input, which only some versions find out"));
    }
    let text = call.text(path).map_err(|fault| match fault {
        Fault::Failed(status, message) => Fault::Failed(status, format!("cannot open {message}")),
        other => other,
    })?;
    let own = call.resolve(path, true).ok().filter(|_| path != b"-");
    let (pieces, wanted) = match way {
        Way::Chunks(unit, count, wanted) => (chunks(call, &text, unit, count, separator)?, wanted),
        Way::Lines(_) | Way::Bytes(_) | Way::LineBytes(_) => (in_turn(call, &text, way, separator)?, None),
    };
    if let Some(wanted) = wanted {
        for piece in &pieces[wanted - 1] {
            call.out(piece)?;
        }
        return Ok(0);
    }
    for piece in pieces {
        if piece.iter().all(|part| part.is_empty()) && given.has(b'e') {
            continue;
        }
        let name = names.next()?;
        if given.has(4) {
            call.out([b"creating file '".as_slice(), &name, b"'\n"].concat())?;
        }
        if own.is_some() && call.resolve(&name, true).ok() == own {
            return Err(Fault::failed(format!("'{}' would overwrite input; aborting", show(&name))));
        }
        let length = piece.iter().map(|part| part.len()).sum();
        call.shell.system.budget.made(length)?;
        call.write(&name, 0o666, piece.concat())?;
    }
    Ok(0)
}

/// The old form `-5`, made `-l5`.
fn modern(args: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut all = Vec::new();
    for word in args {
        all.push(match word.as_slice() {
            [b'-', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                [b"-l", digits].concat()
            }
            [b'-', b'0'..=b'9', ..] => return Err(Fault::gap("a count of lines among other options")),
            _ => word.clone(),
        });
    }
    Ok(all)
}

fn separator(given: &Given) -> Result<u8, Fault> {
    let mut all = given.values(b't').map(|text| match text {
        [byte] => Ok(*byte),
        b"\\0" => Ok(0),
        b"" => Err(Fault::failed("empty record separator")),
        other => Err(Fault::failed(format!("multi-character separator '{}'", show(other)))),
    });
    let first = all.next().transpose()?.unwrap_or(b'\n');
    for other in all {
        if other? != first {
            return Err(Fault::failed("multiple separator characters specified"));
        }
    }
    Ok(first)
}

/// A number of only digits that is more than zero.
fn count(text: &[u8], what: &str) -> Result<usize, Fault> {
    let plain = unsigned(text);
    let digits = !plain.is_empty() && plain.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(plain).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    number.filter(|&number| number > 0).ok_or_else(|| Fault::failed(format!("invalid {what}: '{}'", show(text))))
}

fn way(given: &Given) -> Result<Way, Fault> {
    let mut ways = given.all.iter().filter(|(letter, _)| b"bCln".contains(letter));
    let Some((letter, text)) = ways.next() else { return Ok(Way::Lines(1000)) };
    let bytes =
        || size(text, "bytes").and_then(|bytes| if bytes == 0 { count(b"0", "number of bytes") } else { Ok(bytes) });
    let way = match letter {
        b'b' => Way::Bytes(bytes()?),
        b'C' => Way::LineBytes(bytes()?),
        b'l' => Way::Lines(count(text, "number of lines")?),
        _ => {
            let (unit, rest) = match text.as_slice() {
                [b'l', b'/', rest @ ..] => (Unit::Lines, rest),
                [b'r', b'/', rest @ ..] => (Unit::Turns, rest),
                rest => (Unit::Bytes, rest),
            };
            let (wanted, number) = match memchr::memchr(b'/', rest) {
                Some(slash) => (Some(&rest[..slash]), &rest[slash + 1..]),
                None => (None, rest),
            };
            let number = count(number, "number of chunks")?;
            // Nothing before the slash is all of them.
            let wanted = wanted.filter(|wanted| !wanted.is_empty());
            let wanted = wanted.map(|wanted| count(wanted, "chunk number")).transpose()?;
            if wanted.is_some_and(|wanted| wanted > number) {
                return Err(Fault::failed(format!("invalid chunk number: '{}'", wanted.unwrap_or_default())));
            }
            Way::Chunks(unit, number, wanted)
        }
    };
    if ways.next().is_some() {
        return Err(Fault::failed("cannot split in more than one way"));
    }
    Ok(way)
}

fn names(given: &Given, way: Way) -> Result<Names, Fault> {
    let behind = given.value(1).unwrap_or_default();
    if behind.contains(&b'/') {
        return Err(Fault::failed(format!("invalid suffix '{}', contains directory separator", show(behind))));
    }
    let kind = given.last_of(b"dx\x02\x03");
    let letters: &[u8] = match kind {
        None => b"abcdefghijklmnopqrstuvwxyz",
        Some(b'd' | 2) => b"0123456789",
        Some(_) => b"0123456789abcdef",
    };
    let mut starts = given.all.iter().filter(|(letter, text)| matches!(letter, 2 | 3) && !text.is_empty());
    let start = starts.next().map(|(_, text)| text.as_slice());
    if start.is_some() && given.all.iter().filter(|(letter, _)| b"dx\x02\x03".contains(letter)).count() > 1 {
        return Err(Fault::gap("several kinds of suffixes, one with a start"));
    }
    let mut first = Vec::new();
    if let Some(text) = start {
        for byte in text {
            let place = letters.iter().position(|letter| letter == byte);
            let kind = if letters.len() == 16 { "hexadecimal" } else { "numerical" };
            let wrong = || Fault::failed(format!("'{}': invalid start value for {kind} suffix", show(text)));
            first.push(place.ok_or_else(wrong)?);
        }
        let zeros = first.iter().take_while(|place| **place == 0).count().min(first.len() - 1);
        first.drain(..zeros);
    }
    let asked = match given.value(b'a') {
        None => None,
        Some(text) if text.iter().all(|byte| *byte == b'0') && !text.is_empty() => None,
        Some(text) => Some(count(text, "suffix length")?),
    };
    let needed = match way {
        Way::Chunks(_, number, _) => {
            if start.is_some() {
                return Err(Fault::gap("a start of the suffixes for a number of pieces"));
            }
            std::iter::successors(Some(number - 1), |left| Some(left / letters.len()).filter(|left| *left > 0)).count()
        }
        _ => 0,
    };
    let length = asked.unwrap_or(needed.max(2));
    if length < needed {
        return Err(Fault::failed(format!("the suffix length needs to be at least {needed}")));
    }
    if length > 4096 {
        return Err(Fault::gap("so long a suffix"));
    }
    if first.len() > length {
        let kind = if letters.len() == 16 { "hexadecimal" } else { "numerical" };
        return Err(Fault::failed(format!("{kind} suffix start value is too large for the suffix length")));
    }
    let mut suffix = vec![0; length - first.len()];
    suffix.append(&mut first);
    Ok(Names {
        prefix: given.operands.get(1).map_or(b"x".to_vec(), Clone::clone),
        behind: behind.to_vec(),
        letters,
        suffix,
        grows: asked.is_none() && start.is_none() && needed == 0,
        lead: 0,
        started: false,
    })
}

/// Pieces, each of several parts of the text.
type Pieces<'t> = Vec<Vec<&'t [u8]>>;

/// One piece after the other.
fn in_turn<'t>(call: &Call<'_, '_>, text: &'t [u8], way: Way, separator: u8) -> Result<Pieces<'t>, Fault> {
    let budget = &call.shell.system.budget;
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut ends = memchr::memchr_iter(separator, rest).map(|place| place + 1);
        let length = match way {
            Way::Lines(lines) => ends.nth(lines - 1).unwrap_or(rest.len()),
            Way::LineBytes(bytes) if bytes < rest.len() => ends.take_while(|end| *end <= bytes).last().unwrap_or(bytes),
            Way::Bytes(bytes) | Way::LineBytes(bytes) | Way::Chunks(_, bytes, _) => bytes.min(rest.len()),
        };
        budget.read(length)?;
        budget.tried(4)?;
        let (piece, behind) = rest.split_at(length);
        pieces.push(vec![piece]);
        rest = behind;
    }
    Ok(pieces)
}

/// So many pieces.
fn chunks<'t>(
    call: &Call<'_, '_>,
    text: &'t [u8],
    unit: Unit,
    count: usize,
    separator: u8,
) -> Result<Pieces<'t>, Fault> {
    let budget = &call.shell.system.budget;
    budget.made(count.saturating_mul(size_of::<Vec<&[u8]>>()))?;
    budget.tried(count)?;
    budget.read(text.len())?;
    let mut pieces = vec![Vec::new(); count];
    if unit != Unit::Turns && !text.len().is_multiple_of(count) {
        return Err(Fault::gap("pieces that are not of one size, which versions cut in other ways"));
    }
    let each = text.len() / count;
    let lines = text.split_inclusive(|&byte| byte == separator);
    match unit {
        Unit::Bytes => {
            for (index, piece) in pieces.iter_mut().enumerate() {
                piece.push(&text[index * each..(index + 1) * each]);
            }
        }
        Unit::Turns => {
            budget.made(memchr::memchr_iter(separator, text).count().saturating_mul(size_of::<&[u8]>()))?;
            for (index, line) in lines.enumerate() {
                pieces[index % count].push(line);
            }
        }
        // A line belongs to the piece in which it begins.
        Unit::Lines => {
            budget.made(memchr::memchr_iter(separator, text).count().saturating_mul(size_of::<&[u8]>()))?;
            let mut start = 0;
            for line in lines {
                pieces[(start / each).min(count - 1)].push(line);
                start += line.len();
            }
        }
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn texts_are_cut() {
        let show = "for f in ?a? ?0? x?; do [ -f $f ] && echo \"$f $(tr '\\n' , <$f)\"; done; true";
        let cases = [
            ("seq 5 | split -l 2", "xaa 1,2,\nxab 3,4,\nxac 5,\n", 0),
            ("printf abcde | split -b 2 - y", "yaa ab\nyab cd\nyac e\n", 0),
            ("printf 'abcdefghi\\nx\\nyy\\nz' | split -C 4", "xaa abcd\nxab efgh\nxac i,x,\nxad yy,z\n", 0),
            ("seq 5 | split -d -l 3", "x00 1,2,3,\nx01 4,5,\n", 0),
            ("seq 2 | split -2 --additional-suffix=b -a1", "xab 1,2,\n", 0),
            ("seq 5 | split -n r/2", "xaa 1,3,5,\nxab 2,4,\n", 0),
            ("seq 4 > f; split -n 2 f", "xaa 1,2,\nxab 3,4,\n", 0),
            ("printf 'abcde\\nf\\n' > f; split -n l/2 f", "xaa abcde,\nxab f,\n", 0),
            ("printf 'a:b:c' | split -t: -l 2", "xaa a:b:\nxab c\n", 0),
            ("split -l 1 /dev/null", "", 0),
            ("seq 2 | split -x -l 1 --verbose", "creating file 'x00'\ncreating file 'x01'\nx00 1,\nx01 2,\n", 0),
            ("seq 3 | split -l 1 --numeric-suffixes=8 -a1", "x8 1,\nx9 2,\n", 0),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{script}; {show}"), output, status)]);
        }
        says(&[
            (
                "seq 700 | split -l 1; ls | grep -c ^x; ls | grep ^x | tail -n1; ls | sed -n '/^xyz/p;/^xzaa/p'",
                "700\nxzabx\nxyz\nxzaaa\nxzaab\nxzaac\nxzaad\nxzaae\nxzaaf\nxzaag\nxzaah\nxzaai\nxzaaj\nxzaak\nxzaal\nxzaam\nxzaan\nxzaao\nxzaap\nxzaaq\nxzaar\nxzaas\nxzaat\nxzaau\nxzaav\nxzaaw\nxzaax\nxzaay\nxzaaz\n",
                0,
            ),
            ("seq 9 >f; split -n r/2/3 f; split -n 1/2 f", "2\n5\n8\n1\n2\n3\n4\n5", 0),
            ("seq 27 | split -a1 -l 1", "", 1),
            ("split -l 0", "", 1),
            ("split -l 1 -b 1", "", 1),
            ("seq 3 >xaa; split -l 1 xaa", "", 1),
            ("split nosuch", "", 1),
        ]);
        lacks(&[
            ("split --hex-suffixes= f", "first suffix"),
            ("seq 3 | split -n 2", "standard input"),
            ("printf abc >f; split -n 2 f", "not of one size"),
        ]);
    }

    #[test]
    fn sizes_are_read_as_the_c_library_does() {
        says(&[
            ("seq 700 | split -b k; ls x*; head -c k xaa | wc -c", "xaa\nxab\nxac\n1024\n", 0),
            (
                "seq 3 | head -n ' 2'; seq 3 | head -c +2; seq 4 | split -l ' +2'; ls x*; seq 500 | dd bs=k count=1 | wc -c",
                "1\n2\n1\nxaa\nxab\n1024\n",
                0,
            ),
        ]);
    }
}
