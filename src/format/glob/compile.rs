//! Patterns are read.

use super::DEPTH_MAX;
use super::Element;
use super::Style;
use crate::budget::Spent;

type Marked<'a> = &'a [(u8, bool)];

/// Compiles up to the end, inside a group up to the `|` or `)` that ends the alternative; gives what is left.
pub(super) fn compile(marked: Marked<'_>, style: Style, depth: u32) -> Result<(Vec<Element>, Marked<'_>), Spent> {
    if depth > DEPTH_MAX {
        return Err(Spent::Depth);
    }
    let mut elements = Vec::new();
    let mut rest = marked;
    while let [(byte, quoted), tail @ ..] = rest {
        if depth > 0 && !quoted && matches!(byte, b'|' | b')') {
            break;
        }
        if style.groups
            && !quoted
            && matches!(byte, b'?' | b'*' | b'+' | b'@' | b'!')
            && tail.first() == Some(&(b'(', false))
            && let Some((alternatives, after)) = alternatives(&tail[1..], style, depth)?
        {
            elements.push(Element::Group(*byte, alternatives));
            rest = after;
            continue;
        }
        rest = tail;
        let letter = match (byte, quoted) {
            (b'*', false) => {
                // Two stars are one.
                if !matches!(elements.last(), Some(Element::Star)) {
                    elements.push(Element::Star);
                }
                continue;
            }
            (b'?', false) => {
                elements.push(Element::Any);
                continue;
            }
            (b'[', false) => match bracket(tail, style) {
                Some((set, after)) => {
                    rest = after;
                    elements.push(Element::Set(set));
                    continue;
                }
                None => b'[',
            },
            // A backslash that came out of an expansion still quotes what follows it.
            (b'\\', false) if !tail.is_empty() => {
                rest = &tail[1..];
                tail[0].0
            }
            (&byte, _) => byte,
        };
        if style.fold && letter.is_ascii_alphabetic() {
            let mut set = [0; 4];
            add(&mut set, letter.to_ascii_lowercase());
            add(&mut set, letter.to_ascii_uppercase());
            elements.push(Element::Set(set));
        } else if let Some(Element::Bytes(bytes)) = elements.last_mut() {
            bytes.push(letter);
        } else {
            elements.push(Element::Bytes(vec![letter]));
        }
    }
    Ok((elements, rest))
}

/// The alternatives behind a `(`; `None` when it is not closed and means nothing.
pub(super) fn alternatives(
    marked: Marked<'_>,
    style: Style,
    depth: u32,
) -> Result<Option<(Vec<Vec<Element>>, Marked<'_>)>, Spent> {
    let (mut all, mut rest) = (Vec::new(), marked);
    loop {
        let (elements, after) = compile(rest, style, depth + 1)?;
        all.push(elements);
        match after {
            [(b'|', false), more @ ..] => rest = more,
            [(b')', false), more @ ..] => return Ok(Some((all, more))),
            _ => return Ok(None),
        }
    }
}

pub(super) fn add(set: &mut [u64; 4], byte: u8) {
    set[usize::from(byte / 64)] |= 1 << (byte % 64);
}

pub(super) fn has(set: &[u64; 4], byte: u8) -> bool {
    set[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
}

/// Reads a bracket expression behind its `[`; `None` when it is none and the `[` is a plain byte.
fn bracket(text: Marked<'_>, style: Style) -> Option<([u64; 4], Marked<'_>)> {
    let (mut set, mut classes) = ([0; 4], [0u64; 4]);
    let negated = match text.first()? {
        (b'!', false) => true,
        (b'^', false) => style.caret,
        _ => false,
    };
    let mut rest = &text[usize::from(negated)..];
    let mut first = true;
    loop {
        let (&(byte, quoted), tail) = rest.split_first()?;
        match (byte, quoted) {
            (b']', false) if !first => {
                rest = tail;
                break;
            }
            (b'[', false) if tail.first() == Some(&(b':', false)) => {
                // No class has a longer name.
                let name = tail[1..].iter().take(16).position(|pair| pair.0 == b':');
                let name = name.filter(|&end| tail.get(end + 2).is_some_and(|pair| pair.0 == b']'));
                if let Some(end) = name {
                    let name: Vec<u8> = tail[1..=end].iter().map(|pair| pair.0).collect();
                    let class = class(&name)?;
                    (0..=255u8).filter(|&byte| class(byte)).for_each(|byte| add(&mut classes, byte));
                    rest = &tail[end + 3..];
                } else {
                    add(&mut set, byte);
                    rest = tail;
                }
            }
            _ => {
                let (low, after) = one(rest)?;
                rest = after;
                let mut high = low;
                if let [(b'-', false), (end, end_quoted), ..] = rest
                    && (*end != b']' || *end_quoted)
                {
                    let (end, after) = one(&rest[1..])?;
                    high = end;
                    rest = after;
                }
                (low..=high).for_each(|byte| add(&mut set, byte));
            }
        }
        first = false;
    }
    if style.fold {
        let both = |byte: &u8| has(&set, byte.to_ascii_lowercase()) || has(&set, byte.to_ascii_uppercase());
        let more: Vec<u8> = (0..=255u8).filter(|byte| byte.is_ascii_alphabetic() && both(byte)).collect();
        more.into_iter().for_each(|byte| add(&mut set, byte));
    }
    // A class stays one of its case.
    set.iter_mut().zip(classes).for_each(|(bits, more)| *bits |= more);
    if negated {
        set.iter_mut().for_each(|bits| *bits = !*bits);
    }
    Some((set, rest))
}

pub(super) fn one(text: Marked<'_>) -> Option<(u8, Marked<'_>)> {
    match text {
        [(b'\\', false), (byte, _), rest @ ..] | [(byte, _), rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

/// The bytes of a POSIX character class in the C locale.
#[must_use]
pub(crate) fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
    Some(match name {
        b"alpha" => |byte| byte.is_ascii_alphabetic(),
        b"digit" => |byte| byte.is_ascii_digit(),
        b"alnum" => |byte| byte.is_ascii_alphanumeric(),
        b"upper" => |byte| byte.is_ascii_uppercase(),
        b"lower" => |byte| byte.is_ascii_lowercase(),
        b"space" => |byte| byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => |byte| byte == b' ' || byte == b'\t',
        b"punct" => |byte| byte.is_ascii_punctuation(),
        b"print" => |byte| (0x20..0x7f).contains(&byte),
        b"graph" => |byte| byte.is_ascii_graphic(),
        b"cntrl" => |byte| byte.is_ascii_control(),
        b"xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
