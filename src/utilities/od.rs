//! od(1), coreutils': bytes as numbers and characters.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::buffer::Out;
use super::options::Opt;
use super::show;
use super::text::size;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("od", od)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'A', "address-radix"),
    Opt::value(b'j', "skip-bytes"),
    Opt::value(b'N', "read-bytes"),
    Opt::value(b't', "format"),
    Opt::flag(b'v', "output-duplicates"),
    Opt::attached(b'w', "width"),
    Opt::value(1, "endian"),
    Opt::flag(b'a', ""),
    Opt::flag(b'b', ""),
    Opt::flag(b'c', ""),
    Opt::flag(b'd', ""),
    Opt::flag(b'i', ""),
    Opt::flag(b'l', ""),
    Opt::flag(b'o', ""),
    Opt::flag(b's', ""),
    Opt::flag(b'x', ""),
];

/// How one line of a block is written.
#[derive(Debug, Clone, Copy)]
struct Format {
    kind: Kind,
    size: usize,
    /// The printable characters behind the line.
    text: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Named,
    Character,
    Signed,
    Unsigned,
    Octal,
    Hexadecimal,
}

impl Format {
    /// How wide the largest value is.
    fn width(self) -> usize {
        let bits = self.size * 8;
        match self.kind {
            Kind::Named | Kind::Character => 3,
            Kind::Octal => bits.div_ceil(3),
            Kind::Hexadecimal => bits / 4,
            Kind::Unsigned => [3, 5, 10, 20][self.size.ilog2() as usize],
            Kind::Signed => [4, 6, 11, 20][self.size.ilog2() as usize],
        }
    }

    fn value(self, bytes: &[u8], big: bool) -> String {
        let number = bytes.iter().enumerate().fold(0u64, |sum, (index, &byte)| {
            let place = if big { bytes.len() - 1 - index } else { index };
            sum | (u64::from(byte) << (8 * place))
        });
        match self.kind {
            Kind::Named => named(bytes[0] & 0x7f),
            Kind::Character => character(bytes[0]),
            Kind::Octal => format!("{number:0width$o}", width = self.width()),
            Kind::Hexadecimal => format!("{number:0width$x}", width = self.width()),
            Kind::Unsigned => number.to_string(),
            Kind::Signed => {
                let unused = 64 - 8 * bytes.len();
                ((number << unused).cast_signed() >> unused).to_string()
            }
        }
    }
}

fn named(byte: u8) -> String {
    const NAMES: [&str; 33] = [
        "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so", "si", "dle",
        "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us", "sp",
    ];
    match NAMES.get(usize::from(byte)) {
        Some(name) => (*name).to_owned(),
        None if byte == 127 => "del".to_owned(),
        None => char::from(byte).to_string(),
    }
}

fn character(byte: u8) -> String {
    match byte {
        0 => "\\0".to_owned(),
        7 => "\\a".to_owned(),
        8 => "\\b".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        11 => "\\v".to_owned(),
        12 => "\\f".to_owned(),
        b'\r' => "\\r".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("{other:03o}"),
    }
}

/// The formats of a `-t` value: letters, each with a size.
fn formats(text: &[u8], all: &mut Vec<Format>) -> Result<(), Fault> {
    let invalid = || Fault::failed(format!("invalid type string '{}'", show(text)));
    let mut rest = text;
    if rest.is_empty() {
        return Err(invalid());
    }
    while let [letter, tail @ ..] = rest {
        rest = tail;
        let kind = match letter {
            b'a' => Kind::Named,
            b'c' => Kind::Character,
            b'd' => Kind::Signed,
            b'u' => Kind::Unsigned,
            b'o' => Kind::Octal,
            b'x' => Kind::Hexadecimal,
            b'f' => return Err(Fault::gap("floating point")),
            _ => return Err(invalid()),
        };
        let mut size = 1;
        if !matches!(kind, Kind::Named | Kind::Character) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            size = match rest.first() {
                Some(b'C') => 1,
                Some(b'S') => 2,
                Some(b'I') => 4,
                Some(b'L') => 8,
                _ if digits > 0 => match &rest[..digits] {
                    b"1" => 1,
                    b"2" => 2,
                    b"4" => 4,
                    b"8" => 8,
                    _ => return Err(invalid()),
                },
                _ => 4,
            };
            let letter = usize::from(matches!(rest.first(), Some(b'C' | b'S' | b'I' | b'L')));
            rest = &rest[digits.max(letter)..];
        }
        let shown = rest.first() == Some(&b'z');
        rest = &rest[usize::from(shown)..];
        all.push(Format { kind, size, text: shown });
    }
    Ok(())
}

/// The formats that the options name, in their order.
fn asked(given: &super::Given) -> Result<Vec<Format>, Fault> {
    let mut all = Vec::new();
    for (letter, value) in &given.all {
        let text: &[u8] = match letter {
            b't' => value,
            b'a' => b"a",
            b'b' => b"o1",
            b'c' => b"c",
            b'd' => b"u2",
            b'i' => b"dI",
            b'l' => b"dL",
            b'o' => b"o2",
            b's' => b"d2",
            b'x' => b"x2",
            _ => continue,
        };
        formats(text, &mut all)?;
    }
    if all.is_empty() {
        formats(b"o2", &mut all)?;
    }
    Ok(all)
}

/// Where a block is written: its lines, and the address before them.
struct Writer {
    formats: Vec<Format>,
    /// How wide a whole line is: the same for all formats, so that their values stand below each other.
    room: usize,
    width: usize,
    radix: u8,
    big: bool,
}

impl Writer {
    fn address(&self, offset: usize) -> String {
        match self.radix {
            b'd' => format!("{offset:07}"),
            b'o' => format!("{offset:07o}"),
            b'x' => format!("{offset:06x}"),
            _ => String::new(),
        }
    }

    fn block(&self, call: &mut Call<'_, '_>, out: &mut Out, offset: usize, bytes: &[u8]) -> Result<(), Fault> {
        for (index, format) in self.formats.iter().enumerate() {
            let address = self.address(offset);
            let lead = if index == 0 { address } else { " ".repeat(address.len()) };
            let mut line = lead.into_bytes();
            let (values, all) = (bytes.len().div_ceil(format.size), self.width / format.size);
            // What the widest format needs more is shared out among the values, from the right.
            let pad = self.room - (format.width() + 1) * all;
            let mut left = pad;
            for (number, value) in bytes.chunks(format.size).enumerate() {
                let mut whole = value.to_vec();
                whole.resize(format.size, 0);
                let text = format.value(&whole, self.big);
                let next = pad * (all - 1 - number) / all;
                let blanks = (format.width() + 1 + left - next).saturating_sub(text.len());
                line.resize(line.len() + blanks, b' ');
                line.extend(text.as_bytes());
                left = next;
            }
            if format.text {
                let blank = all - values;
                let missing = blank * (format.width() + 1) + pad * blank / all;
                line.resize(line.len() + missing, b' ');
                line.extend(b"  >");
                line.extend(bytes.iter().map(|byte| if matches!(byte, b' '..=b'~') { *byte } else { b'.' }));
                line.push(b'<');
            }
            line.push(b'\n');
            out.put(call, &line)?;
        }
        Ok(())
    }
}

/// A count in octal, decimal or hexadecimal as C has it, with a suffix.
fn count(text: &[u8], option: char) -> Result<usize, Fault> {
    if text.len() > 1 && text[0] == b'0' {
        let digits = text.strip_prefix(b"0x").or(text.strip_prefix(b"0X"));
        let (digits, radix) = digits.map_or((text, 8), |digits| (digits, 16));
        let number = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, radix).ok());
        return number.ok_or_else(|| Fault::gap(format!("the count `{}`", show(text))));
    }
    size(text, "bytes").map_err(|_| Fault::failed(format!("invalid -{option} argument '{}'", show(text))))
}

/// All files one behind the other, but no more of them than it takes up to `end`; `None` where none could be read.
fn joined(call: &mut Call<'_, '_>, paths: &[Vec<u8>], end: usize) -> Result<(Option<Buffer>, i32), Fault> {
    let standard = [b"-".to_vec()];
    let paths = if paths.is_empty() { &standard[..] } else { paths };
    let mut all: Option<Buffer> = None;
    let mut status = 0;
    for path in paths {
        if all.as_ref().is_some_and(|all| all.len() >= end) {
            break;
        }
        match call.text(path) {
            Ok(text) => match &mut all {
                Some(all) => all.extend(&text)?,
                None => all = Some(text),
            },
            Err(Fault::Failed(_, message)) => {
                call.err(&message)?;
                status = 1;
            }
            Err(other) => return Err(other),
        }
    }
    Ok((all, status))
}

fn od(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let formats = asked(&given)?;
    let radix = match given.value(b'A') {
        None => b'o',
        Some([letter @ (b'd' | b'o' | b'x' | b'n'), ..]) => *letter,
        Some(other) => {
            return Err(Fault::failed(format!(
                "invalid output address radix '{}'; it must be one character from [doxn]",
                show(other)
            )));
        }
    };
    let short = given.all.iter().all(|(letter, _)| b"abcdilosx".contains(letter));
    if short && given.operands.iter().any(|word| word.first() == Some(&b'+')) {
        return Err(Fault::gap("an offset as operand"));
    }
    let big = match given.value(1) {
        None => call.shell.system.uname.machine == "s390x",
        Some(text) if !text.is_empty() && b"little".starts_with(text) => false,
        Some(text) if !text.is_empty() && b"big".starts_with(text) => true,
        Some(text) => return Err(Fault::failed(format!("invalid argument '{}' for '--endian'", show(text)))),
    };
    let skip = given.value(b'j').map_or(Ok(0), |text| count(text, 'j'))?;
    let limit = given.value(b'N').map(|text| count(text, 'N')).transpose()?;
    let unit = formats.iter().map(|format| format.size).max().unwrap_or(1);
    let width = match given.value(b'w') {
        None => 16,
        Some(b"") => 32,
        Some(text) => count(text, 'w')?,
    };
    if width == 0 || width % unit != 0 || width > 1 << 16 {
        return Err(Fault::gap(format!("the width {width}")));
    }
    let end = limit.map_or(usize::MAX, |limit| skip.saturating_add(limit));
    let (text, status) = joined(call, &given.operands, end)?;
    let Some(text) = text else { return Ok(status) };
    if skip > text.len() {
        return Err(Fault::failed("cannot skip past end of combined input"));
    }
    let end = end.min(text.len());
    let widest = formats.iter().map(|format| (format.width() + 1) * (width / format.size)).max().unwrap_or(0);
    let writer = Writer { room: widest, formats, width, radix, big };
    call.printing(|call, out| {
        let mut before: Option<&[u8]> = None;
        let (mut offset, mut starred) = (skip, false);
        for bytes in text[skip..end].chunks(width) {
            call.shell.system.budget.read(bytes.len().saturating_mul(32))?;
            if !given.has(b'v') && before == Some(bytes) && bytes.len() == width {
                if !starred {
                    out.put(call, b"*\n")?;
                    starred = true;
                }
            } else {
                starred = false;
                writer.block(call, out, offset, bytes)?;
            }
            before = Some(bytes);
            offset += bytes.len();
        }
        if radix != b'n' {
            out.all(call, &[writer.address(offset).as_bytes(), b"\n"])?;
        }
        Ok(status)
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn bytes_are_shown() {
        says(&[
            ("printf 'abc\\n' | od", "0000000 061141 005143\n0000004\n", 0),
            ("printf 'abc\\n' | od -An -tx1", " 61 62 63 0a\n", 0),
            ("printf 'abc\\n' | od -c", "0000000   a   b   c  \\n\n0000004\n", 0),
            ("printf 'a \\n' | od -a -Ad", "0000000   a  sp  nl\n0000003\n", 0),
            ("printf '\\377\\001' | od -An -td1 -tu1", "   -1    1\n  255    1\n", 0),
            ("printf '\\001\\002' | od -An -tx2 --endian=big", " 0102\n", 0),
            ("printf 'abcdef' | od -An -tx1 -j2 -N3", " 63 64 65\n", 0),
            ("printf 'ab' | od -An -tx1z -w4", " 61 62        >ab<\n", 0),
            ("printf 'aaaaaaaa' | od -An -tx1 -w2", " 61 61\n*\n", 0),
            ("printf 'aaaa' | od -An -v -tx1 -w2", " 61 61\n 61 61\n", 0),
            ("od </dev/null", "0000000\n", 0),
            ("od -t y </dev/null", "", 1),
            ("od -A z </dev/null", "", 1),
        ]);
    }
}
