//! Lists of host names and addresses as Slurm writes them: `n[001-400]`, `r[1-2]n[01-16]`, `login,gpu[1-4]`.
//!
//! A bracket has numbers and ranges with commas between; a first number with zeros in front says how wide all of its
//! range are written. Of several brackets the last one counts fastest (slurm.conf(5), `NodeName`).

use std::net::Ipv4Addr;

use super::grammar::Wrong;

/// The most machines that a list, and a recipe, may have: more than one head can boot.
pub(super) const MAX: usize = 16_384;

/// Whether a text means more than itself.
pub(super) fn is_list(text: &str) -> bool {
    text.contains(['[', ']', ','])
}

/// The texts that a list stands for, in its order.
pub(super) fn names(text: &str) -> Result<Vec<String>, Wrong> {
    let mut all = Vec::new();
    for item in split(text, ',')? {
        let mut names = vec![String::new()];
        for part in parts(item)? {
            let choices = match part {
                Part::Plain(text) => vec![text.to_owned()],
                Part::Numbers(list) => list.into_iter().map(|(number, width)| format!("{number:0width$}")).collect(),
            };
            bounded(names.len().saturating_mul(choices.len()))?;
            names = names.iter().flat_map(|name| choices.iter().map(move |choice| format!("{name}{choice}"))).collect();
        }
        all.extend(names);
        bounded(all.len())?;
    }
    Ok(all)
}

/// The addresses that a list stands for: `10.0.1.[1-400]`. The last number counts on over 255 into the one before it,
/// so that the 256th is `10.0.2.0`; the others are below 256.
pub(super) fn addresses(text: &str) -> Result<Vec<Ipv4Addr>, Wrong> {
    let mut all = Vec::new();
    for item in split(text, ',')? {
        let octets = split(item, '.')?;
        if octets.len() != 4 {
            return Err("an address is written as 192.168.1.10, and several as 192.168.1.[10-99]".to_owned());
        }
        let mut bases = vec![0_u32];
        for (place, octet) in octets.into_iter().enumerate() {
            let numbers = octet_numbers(octet)?;
            bounded(bases.len().saturating_mul(numbers.len()))?;
            let mut next = Vec::with_capacity(bases.len() * numbers.len());
            for base in &bases {
                for number in &numbers {
                    if place < 3 && *number > 255 {
                        return Err(format!(
                            "{number} is above 255; only the last number counts on into the one before"
                        ));
                    }
                    let sum = base.checked_mul(256).and_then(|base| base.checked_add(*number));
                    next.push(sum.ok_or_else(|| "it goes on beyond 255.255.255.255".to_owned())?);
                }
            }
            bases = next;
        }
        all.extend(bases.into_iter().map(Ipv4Addr::from_bits));
        bounded(all.len())?;
    }
    Ok(all)
}

fn octet_numbers(octet: &str) -> Result<Vec<u32>, Wrong> {
    let wrong = || format!("`{}` is no number, and no bracket with numbers", octet.escape_debug());
    match parts(octet)?.as_slice() {
        [Part::Plain(text)] => {
            let number = text.parse::<u8>().ok().filter(|number| number.to_string() == *text);
            Ok(vec![number.ok_or_else(wrong)?.into()])
        }
        [Part::Numbers(list)] => Ok(list.iter().map(|(number, _)| *number).collect()),
        _ => Err(wrong()),
    }
}

fn bounded(number: usize) -> Result<(), Wrong> {
    if number > MAX {
        return Err(format!("it stands for more than {MAX} machines"));
    }
    Ok(())
}

/// A piece of a name.
enum Part<'a> {
    Plain(&'a str),
    /// Numbers, each with the width it is written in.
    Numbers(Vec<(u32, usize)>),
}

/// Splits at a sign that stands in no bracket.
fn split(text: &str, sign: char) -> Result<Vec<&str>, Wrong> {
    let (mut pieces, mut start, mut open) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' if open => return Err("a bracket in a bracket".to_owned()),
            '[' => open = true,
            ']' if !open => return Err("a `]` without its `[`".to_owned()),
            ']' => open = false,
            letter if letter == sign && !open => {
                pieces.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    if open {
        return Err("a `[` without its `]`".to_owned());
    }
    pieces.push(&text[start..]);
    if pieces.iter().any(|piece| piece.is_empty()) {
        return Err(format!("nothing stands before or after a `{sign}`"));
    }
    Ok(pieces)
}

/// The pieces of one item, whose brackets are known to match.
fn parts(item: &str) -> Result<Vec<Part<'_>>, Wrong> {
    let (mut parts, mut rest) = (Vec::new(), item);
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').ok_or_else(|| "a `[` without its `]`".to_owned())?;
        if !before.is_empty() {
            parts.push(Part::Plain(before));
        }
        parts.push(Part::Numbers(numbers(inside)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Plain(rest));
    }
    Ok(parts)
}

/// What stands in a bracket: `1-9`, `001-400`, `1,3,7-9`.
fn numbers(inside: &str) -> Result<Vec<(u32, usize)>, Wrong> {
    let number = |text: &str| -> Result<u32, Wrong> {
        let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        let wrong = || format!("`{}` in a bracket is no number of up to nine digits", text.escape_debug());
        text.parse().ok().filter(|_| digits).ok_or_else(wrong)
    };
    let mut all = Vec::new();
    for range in inside.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (low, high) = (number(from)?, number(to)?);
        if high < low {
            return Err(format!("`{range}` ends before it begins"));
        }
        bounded(all.len().saturating_add((high - low) as usize).saturating_add(1))?;
        let width = if from.starts_with('0') { from.len() } else { 1 };
        all.extend((low..=high).map(|number| (number, width)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_slurm() {
        for (list, wanted) in [
            ("n1", "n1"),
            ("n[1-3]", "n1 n2 n3"),
            ("n[08-11]", "n08 n09 n10 n11"),
            ("n[098-101,7]x", "n098x n099x n100x n101x n7x"),
            ("r[1-2]n[01-02]", "r1n01 r1n02 r2n01 r2n02"),
            ("login,gpu[1-2]", "login gpu1 gpu2"),
            ("n[0-0]", "n0"),
        ] {
            assert_eq!(names(list).map(|names| names.join(" ")), Ok(wanted.to_owned()), "{list}");
        }
    }

    #[test]
    fn addresses_carry_from_the_last_number_alone() {
        let shown =
            |list: &str| addresses(list).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        for (list, wanted) in [
            ("10.0.1.7", "10.0.1.7"),
            ("10.0.1.[254-257]", "10.0.1.254 10.0.1.255 10.0.2.0 10.0.2.1"),
            ("10.0.[1-2].[09,11]", "10.0.1.9 10.0.1.11 10.0.2.9 10.0.2.11"),
            ("10.0.0.1,10.0.0.9", "10.0.0.1 10.0.0.9"),
        ] {
            assert_eq!(shown(list), Ok(wanted.to_owned()), "{list}");
        }
        for list in
            ["10.0.[255-256].1", "255.255.255.[255-256]", "10.0.1", "10.0.0.01", "10.0.0.x", "10.0.0.1[2-3]", "10..0.1"]
        {
            assert!(shown(list).is_err(), "{list}");
        }
    }

    #[test]
    fn what_is_no_list_is_said() {
        for list in [
            "n[",
            "n]",
            "n[]",
            "n[1-]",
            "n[-1]",
            "n[2-1]",
            "n[[1]]",
            "n[a-b]",
            "n[1]]",
            ",n",
            "n,",
            "n[1,]",
            "",
            "n[1-99999]",
            "n[1-1000]x[1-1000]",
            "n[1-1000000000]",
            "n[+1-2]",
        ] {
            assert!(names(list).is_err(), "{list}");
        }
        assert_eq!(names("n[1-16384]").map(|names| names.len()), Ok(MAX));
    }
}
