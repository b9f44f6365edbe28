//! `umask`: the mask of modes, in digits and in words.

use super::Run;
use super::Shell;
use super::builtins::is_option;

pub(super) fn umask(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut words, mut again, mut rest) = (false, false, arguments);
    let bash = shell.is_bash();
    if !bash && let Some(first) = rest.first().filter(|first| first.starts_with(b"-") && *first != b"-S") {
        return shell.usage(&[b"umask: Illegal option ", first.as_slice()].concat());
    }
    while let [first, tail @ ..] = rest
        && let [b'-', letters @ ..] = first.as_slice()
        && !letters.is_empty()
        && letters.iter().all(|letter| *letter == b'S' || (bash && *letter == b'p'))
    {
        words |= letters.contains(&b'S');
        again |= letters.contains(&b'p');
        rest = tail;
    }
    let mask = shell.state.umask;
    let Some(text) = rest.first() else {
        let start = match (again, words) {
            (false, _) => "",
            (true, false) => "umask ",
            (true, true) => "umask -S ",
        };
        let shown = if words { in_words(mask) } else { format!("{mask:04o}") };
        return shell.print(format!("{start}{shown}\n").as_bytes());
    };
    // To bash what begins with a hyphen is an option, and a number has four digits at most.
    if bash && is_option(text) {
        return shell.usage(b"umask: invalid option");
    }
    let new = match octal(text).filter(|mask| !bash || *mask <= 0o7777) {
        Some(mask) => Some(mask),
        None if bash => symbolic(text, mask),
        None => dash_symbolic(text, mask),
    };
    let Some(mask) = new else {
        shell.complain(&[b"umask: Illegal mode: ", text.as_slice()].concat())?;
        return Ok(if bash { 1 } else { 2 });
    };
    shell.state.umask = mask & 0o777;
    if words && shell.is_bash() { shell.print(format!("{}\n", in_words(mask)).as_bytes()) } else { Ok(0) }
}

/// What a mask leaves, as `umask -S` has it.
fn in_words(mask: u32) -> String {
    let who = |name: char, shift: u32| {
        let bits = !mask >> shift;
        let letter = |bit: u32, letter: &str| if bits & bit != 0 { letter.to_owned() } else { String::new() };
        format!("{name}={}{}{}", letter(4, "r"), letter(2, "w"), letter(1, "x"))
    };
    format!("{},{},{}", who('u', 6), who('g', 3), who('o', 0))
}

fn octal(text: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'))?, 8).ok()
}

/// The same in dash: several operations a clause, `X`, `s`, and who else's bits, as they were before; a comma may be
/// the last.
fn dash_symbolic(text: &[u8], mask: u32) -> Option<u32> {
    let before = !mask & 0o777;
    let mut allowed = before;
    let text = text.strip_suffix(b",").filter(|text| !text.is_empty()).unwrap_or(text);
    for clause in text.split(|&byte| byte == b',') {
        let (who, mut rest) = clause.split_at(clause.iter().take_while(|byte| b"ugoa".contains(byte)).count());
        let of = |letter: u8| match letter {
            b'u' => 0o700,
            b'g' => 0o070,
            b'o' => 0o007,
            _ => 0o777,
        };
        let who = if who.is_empty() { 0o777 } else { who.iter().fold(0, |all, letter| all | of(*letter)) };
        if rest.is_empty() && !text.is_empty() {
            return None;
        }
        while let [operator @ (b'=' | b'+' | b'-'), behind @ ..] = rest {
            let length = behind.iter().take_while(|byte| b"rwxXsugo".contains(byte)).count();
            let bits = behind[..length].iter().fold(0, |bits, letter| {
                bits | match letter {
                    b'r' => 0o444,
                    b'w' => 0o222,
                    b'x' => 0o111,
                    b'X' if before & 0o111 != 0 => 0o111,
                    b'u' => (before >> 6) * 0o111,
                    b'g' => ((before >> 3) & 7) * 0o111,
                    b'o' => (before & 7) * 0o111,
                    _ => 0,
                }
            });
            allowed = match operator {
                b'=' => (allowed & !who) | (bits & who),
                b'+' => allowed | (bits & who),
                _ => allowed & !(bits & who),
            };
            rest = &behind[length..];
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(!allowed & 0o777)
}

/// A mask of `u=rwx,g+w,…`: what is allowed, not what is taken away.
fn symbolic(text: &[u8], mask: u32) -> Option<u32> {
    let mut allowed = !mask & 0o777;
    for clause in text.split(|&byte| byte == b',') {
        let place = clause.iter().position(|byte| matches!(byte, b'=' | b'+' | b'-'))?;
        let who = match &clause[..place] {
            b"" => 0o777,
            letters => letters.iter().try_fold(0, |who, letter| {
                Some(
                    who | match letter {
                        b'u' => 0o700,
                        b'g' => 0o070,
                        b'o' => 0o007,
                        b'a' => 0o777,
                        _ => return None,
                    },
                )
            })?,
        };
        let bits = clause[place + 1..].iter().try_fold(0, |bits, letter| {
            Some(
                bits | match letter {
                    b'r' => 0o444,
                    b'w' => 0o222,
                    b'x' => 0o111,
                    _ => return None,
                },
            )
        })?;
        allowed = match clause[place] {
            b'=' => (allowed & !who) | (bits & who),
            b'+' => allowed | (bits & who),
            _ => allowed & !(bits & who),
        };
    }
    Some(!allowed & 0o777)
}
