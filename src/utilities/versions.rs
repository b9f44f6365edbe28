//! The order of versions in names, as coreutils' `sort -V` and `ls -v` have it.

use std::cmp::Ordering;

/// Compares two names: by what stands before suffixes like `.tar.gz`, and then by all.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    // Nothing, then `.`, then `..`, then what begins with a dot.
    let rank = |name: &[u8]| match name {
        b"" => 0,
        b"." => 1,
        b".." => 2,
        [b'.', ..] => 3,
        _ => 4,
    };
    let order = rank(a).cmp(&rank(b));
    if order.is_ne() || rank(a) < 3 {
        return order;
    }
    let (a_stem, b_stem) = (stem(a), stem(b));
    let order = segments(a_stem, b_stem);
    if order.is_ne() || (a_stem.len() == a.len() && b_stem.len() == b.len()) { order } else { segments(a, b) }
}

/// A name without its suffixes: dots with letters, digits or tildes behind, a letter or tilde first.
fn stem(name: &[u8]) -> &[u8] {
    let mut end = name.len();
    let mut from = name.len();
    // From behind: each part must begin with a letter or a tilde.
    while let Some(dot) = name[..from].iter().rposition(|&byte| byte == b'.') {
        let part = &name[dot + 1..from];
        let begins = part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'~');
        if !begins || !part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'~') {
            break;
        }
        (from, end) = (dot, dot);
    }
    &name[..end]
}

/// Digits by their number, what lies between by bytes: `~` before the end, letters before all others.
fn segments(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let rank = |text: &[u8]| match text.first() {
        None => -1,
        Some(b'0'..=b'9') => 0,
        Some(b'~') => -2,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    let is_text = |text: &[u8]| text.first().is_some_and(|byte| !byte.is_ascii_digit());
    while !a.is_empty() || !b.is_empty() {
        while is_text(a) || is_text(b) {
            let order = rank(a).cmp(&rank(b));
            if order.is_ne() {
                return order;
            }
            (a, b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
        }
        let (left, right) = (number(&mut a), number(&mut b));
        let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// The digits that a text begins with, without zeros before them.
fn number<'t>(text: &mut &'t [u8]) -> &'t [u8] {
    let zeros = text.iter().take_while(|byte| **byte == b'0').count();
    let digits = text[zeros..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let found = &text[zeros..zeros + digits];
    *text = &text[zeros + digits..];
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_as_ls_does() {
        let names: [&str; 17] = [
            "",
            ".",
            "..",
            ".A",
            ".0",
            ".9",
            "0",
            "1~",
            "1",
            "a",
            "a.txt",
            "a1",
            "a2.txt",
            "a10.txt",
            "b-1.tar.gz",
            "b-1.2.tar.gz",
            "b.1",
        ];
        for (index, a) in names.iter().enumerate() {
            for (other, b) in names.iter().enumerate() {
                let wanted = index.cmp(&other);
                assert_eq!(compare(a.as_bytes(), b.as_bytes()), wanted, "{a} {b}");
            }
        }
    }
}
