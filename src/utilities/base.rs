//! base64(1), base32(1) and basenc(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("base32", base), ("base64", base), ("basenc", base)];

/// What all three take.
pub(super) const OPTIONS: &[Opt] =
    &[Opt::flag(b'd', "decode"), Opt::flag(b'i', "ignore-garbage"), Opt::value(b'w', "wrap")];

/// basenc's own: which code it is.
pub(super) const BASENC: &[Opt] = &[
    Opt::flag(b'd', "decode"),
    Opt::flag(b'i', "ignore-garbage"),
    Opt::value(b'w', "wrap"),
    Opt::flag(1, "base64"),
    Opt::flag(2, "base64url"),
    Opt::flag(3, "base32"),
    Opt::flag(4, "base32hex"),
    Opt::flag(5, "base16"),
    Opt::flag(6, "base2msbf"),
    Opt::flag(7, "base2lsbf"),
    Opt::flag(8, "z85"),
];

/// A code of so many bits in a letter. Where groups are padded, `stages` says behind how many letters a byte is whole.
struct Code {
    alphabet: &'static [u8],
    bits: u32,
    stages: &'static [usize],
    /// The bits of a byte come the other way round.
    reversed: bool,
}

const Z85: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// The codes in the order of basenc's options, from 1 on; z85 is none of them.
static CODES: [Code; 7] = [
    Code {
        alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        bits: 6,
        stages: &[2, 3, 4],
        reversed: false,
    },
    Code {
        alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        bits: 6,
        stages: &[2, 3, 4],
        reversed: false,
    },
    Code { alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, stages: &[2, 4, 5, 7, 8], reversed: false },
    Code { alphabet: b"0123456789ABCDEFGHIJKLMNOPQRSTUV", bits: 5, stages: &[2, 4, 5, 7, 8], reversed: false },
    Code { alphabet: b"0123456789ABCDEF", bits: 4, stages: &[], reversed: false },
    Code { alphabet: b"01", bits: 1, stages: &[], reversed: false },
    Code { alphabet: b"01", bits: 1, stages: &[], reversed: true },
];

impl Code {
    fn value(&self, letter: u8) -> Option<u32> {
        self.alphabet.iter().position(|&known| known == letter).and_then(|place| u32::try_from(place).ok())
    }

    fn encode(&self, text: &[u8], made: &mut Buffer) -> Result<(), Fault> {
        let (mut kept, mut bits, start) = (0u32, 0, made.len());
        for &byte in text {
            kept = (kept << 8) | u32::from(if self.reversed { byte.reverse_bits() } else { byte });
            bits += 8;
            while bits >= self.bits {
                bits -= self.bits;
                made.push(self.alphabet[(kept >> bits) as usize & (self.alphabet.len() - 1)])?;
            }
        }
        if bits > 0 {
            made.push(self.alphabet[(kept << (self.bits - bits)) as usize & (self.alphabet.len() - 1)])?;
        }
        if let Some(group) = self.stages.last() {
            let letters = made.len() - start;
            made.repeat(b'=', letters.next_multiple_of(*group) - letters)?;
        }
        Ok(())
    }

    /// Whether all could be decoded; what could is written before.
    fn decode(&self, letters: impl Iterator<Item = u8>, made: &mut Buffer) -> Result<bool, Fault> {
        if let Some(&length) = self.stages.last() {
            let mut group = Vec::with_capacity(length);
            for letter in letters {
                group.push(letter);
                if group.len() == length {
                    if !self.group(&group, made)? {
                        return Ok(false);
                    }
                    group.clear();
                }
            }
            return match group.len() {
                0 => Ok(true),
                // What there is of a group counts or not, by coreutils' version.
                _ if group.len() >= 2 && group[..2].iter().all(|&letter| self.value(letter).is_some()) => {
                    Err(Fault::gap("the end of the input without its padding, which only some versions take"))
                }
                _ => Ok(false),
            };
        }
        let (mut kept, mut bits) = (0u32, 0);
        for letter in letters {
            let Some(value) = self.value(letter) else { return Ok(false) };
            kept = ((kept << self.bits) | value) & 0xff;
            bits += self.bits;
            if bits == 8 {
                let byte = u8::try_from(kept).unwrap_or_default();
                made.push(if self.reversed { byte.reverse_bits() } else { byte })?;
                bits = 0;
            }
        }
        Ok(bits == 0)
    }

    /// One whole group of letters and padding.
    fn group(&self, group: &[u8], made: &mut Buffer) -> Result<bool, Fault> {
        let (mut kept, mut bits, mut from) = (0u64, 0, 0);
        for &end in self.stages {
            if from > 0 && group[from] == b'=' {
                let padded = group[from..].iter().all(|&letter| letter == b'=');
                if padded && kept & ((1 << bits) - 1) != 0 {
                    return Err(Fault::gap("bits behind the end that are not 0, which only some versions take"));
                }
                return Ok(padded);
            }
            for &letter in &group[from..end] {
                let Some(value) = self.value(letter) else { return Ok(false) };
                kept = (kept << self.bits) | u64::from(value);
                bits += self.bits;
            }
            bits -= 8;
            made.push(u8::try_from((kept >> bits) & 0xff).unwrap_or_default())?;
            from = end;
        }
        Ok(true)
    }
}

/// So many bytes are decoded at a time.
const BLOCK: usize = 4096;

fn encode_z85(text: &[u8], made: &mut Buffer) -> Result<bool, Fault> {
    let (groups, rest) = text.as_chunks::<4>();
    for group in groups {
        let mut number = u32::from_be_bytes(*group);
        let mut letters = [0; 5];
        for letter in letters.iter_mut().rev() {
            *letter = Z85[(number % 85) as usize];
            number /= 85;
        }
        made.extend(&letters)?;
    }
    Ok(rest.is_empty())
}

fn decode_z85(letters: impl Iterator<Item = u8>, made: &mut Buffer) -> Result<bool, Fault> {
    let (mut number, mut count) = (0u64, 0);
    for letter in letters {
        let Some(value) = Z85.iter().position(|&known| known == letter) else { return Ok(false) };
        number = number * 85 + value as u64;
        count += 1;
        if count == 5 {
            let Ok(whole) = u32::try_from(number) else { return Ok(false) };
            made.extend(&whole.to_be_bytes())?;
            (number, count) = (0, 0);
        }
    }
    Ok(count == 0)
}

/// How many letters are in a line; 0 for no end of it.
fn wrap(text: &[u8]) -> Result<usize, Fault> {
    let wrong = || Fault::failed(format!("invalid wrap size: '{}'", show(text)));
    let digits = text.trim_ascii_start();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    // More than any text has is no end of it either.
    Ok(std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

fn base(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(if call.name == b"basenc" { BASENC } else { OPTIONS })?;
    let wrap = given.value(b'w').map_or(Ok(76), wrap)?;
    let code = match call.name {
        b"base64" => 1,
        b"base32" => 3,
        _ => given.last_of(&[1, 2, 3, 4, 5, 6, 7, 8]).ok_or_else(|| Fault::failed("missing encoding type"))?,
    };
    let code = CODES.get(usize::from(code) - 1);
    let path = match given.operands.as_slice() {
        [] => b"-".as_slice(),
        [path] => path,
        [_, extra, ..] => return Err(Fault::failed(format!("extra operand '{}'", show(extra)))),
    };
    let text = call.text(path)?;
    // A letter is looked up among up to 85.
    call.shell.system.budget.read(text.len().saturating_mul(8))?;
    let mut made = Buffer::new(&call.shell.system.budget)?;
    if given.has(b'd') {
        let padded = code.is_some_and(|code| !code.stages.is_empty());
        let known = |letter: u8| match code {
            Some(code) => code.value(letter).is_some() || (letter == b'=' && padded),
            None => Z85.contains(&letter),
        };
        let garbage = given.has(b'i');
        if garbage && !padded && code.is_some() && text.contains(&b'=') {
            return Err(Fault::gap("`=` in a code without padding"));
        }
        let foreign = code.is_some_and(|code| std::ptr::eq(code, &CODES[1]) && !garbage);
        if let Some(place) = memchr::memchr2(b'+', b'/', &text).filter(|_| foreign) {
            // They are looked for in each block before anything of it is decoded.
            return match place < BLOCK {
                true => Err(Fault::failed("invalid input")),
                false => Err(Fault::gap("invalid input in base64url")),
            };
        }
        // A small hexadecimal digit is as good as a large one since coreutils 9.5.
        let small = |byte: &u8| byte.is_ascii_lowercase() && byte.is_ascii_hexdigit();
        let hexadecimal = code.is_some_and(|code| code.bits == 4) && text.iter().any(small);
        let capital = hexadecimal && call.release()?.since((9, 5), "small hexadecimal digits")?;
        let letters = text.iter().map(|byte| if capital { byte.to_ascii_uppercase() } else { *byte });
        let letters = letters.filter(|&byte| if garbage { known(byte) } else { byte != b'\n' });
        let whole = match code {
            Some(code) => code.decode(letters, &mut made)?,
            None => decode_z85(letters, &mut made)?,
        };
        if !whole && code.is_some_and(|code| std::ptr::eq(code, &CODES[3])) {
            return Err(Fault::gap("invalid input in base32hex"));
        }
        call.out(&*made)?;
        return if whole { Ok(0) } else { Err(Fault::failed("invalid input")) };
    }
    let whole = match code {
        Some(code) => {
            code.encode(&text, &mut made)?;
            true
        }
        None => encode_z85(&text, &mut made)?,
    };
    if !whole {
        // Blocks of so many bytes are written before what is behind them is looked at.
        if text.len() > 30 << 10 {
            return Err(Fault::gap("a text of that length in z85"));
        }
        return Err(Fault::failed("invalid input (length must be multiple of 4 characters)"));
    }
    call.printing(|call, out| {
        if wrap == 0 {
            out.put(call, &made)?;
        } else {
            for (index, line) in made.chunks(wrap).enumerate() {
                out.all(call, &[if index > 0 { b"\n" } else { b"" }, line])?;
            }
        }
        if wrap > 0 && !made.is_empty() {
            out.put(call, b"\n")?;
        }
        Ok(0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::releases_say;
    use super::super::recorded::says;

    #[test]
    fn texts_are_encoded() {
        says(&[
            ("printf abc | base64", "YWJj\n", 0),
            ("printf a | base64", "YQ==\n", 0),
            ("printf abcdef | base64 -w5", "YWJjZ\nGVm\n", 0),
            ("printf abcdef | base64 -w 0", "YWJjZGVm", 0),
            ("base64 </dev/null", "", 0),
            ("printf abcdefg | base32", "MFRGGZDFMZTQ====\n", 0),
            ("printf '\\001\\377' | basenc --base16", "01FF\n", 0),
            ("printf '\\003' | basenc --base2lsbf", "11000000\n", 0),
            ("printf '\\003' | basenc --base2msbf", "00000011\n", 0),
            ("printf '\\373\\377' | basenc --base64url", "-_8=\n", 0),
            ("printf abc | basenc --base32hex", "C5H66===\n", 0),
            ("printf '\\206\\117\\322\\157\\265\\131\\367\\133' | basenc --z85", "HelloWorld\n", 0),
            ("printf abc | basenc --z85", "", 1),
            ("base64 -w x </dev/null", "", 1),
            ("base64 a b", "", 1),
        ]);
    }

    #[test]
    fn texts_are_decoded() {
        says(&[
            ("printf YWJj | base64 -d", "abc", 0),
            ("printf 'YW\\nJj\\n' | base64 -d", "abc", 0),
            ("printf 'YQ==YQ==' | base64 -d", "aa", 0),
            ("printf 'YW Jj' | base64 -d", "a", 1),
            ("printf 'YW Jj' | base64 -di", "abc", 0),
            ("printf 'YWJj!' | base64 -d", "abc", 1),
            ("printf MFRGGZDFMZTQ==== | base32 --decode", "abcdefg", 0),
            ("printf HelloWorld | basenc --z85 -d | od -An -tx1", " 86 4f d2 6f b5 59 f7 5b\n", 0),
            ("printf '%%nSc1' | basenc --z85 -d", "", 1),
            ("printf 4142 | basenc --base16 -d", "AB", 0),
            ("printf 414 | basenc --base16 -d", "A", 1),
            ("printf 11000000 | basenc --base2lsbf -d | od -An -tu1", "   3\n", 0),
        ]);
    }

    #[test]
    fn letters_of_another_code_are_looked_for_first() {
        says(&[("printf '\\373\\377' | base64 | basenc -d --base64url", "", 1)]);
    }

    #[test]
    fn small_hexadecimal_digits_are_newer() {
        releases_say(&[
            ("9.1-1", "printf 4f6B | basenc --base16 -d", "", 1),
            ("9.7-3", "printf 4f6B | basenc --base16 -d", "Ok", 0),
            ("9.1-1", "printf 4xf6B | basenc --base16 -di", "F", 1),
            ("9.7-3", "printf 4xf6b | basenc --base16 -di", "Ok", 0),
        ]);
    }
}
