//! Shell patterns (POSIX 2.14): `*`, `?`, bracket expressions, on bytes as in the C locale.

/// One element of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Star,
    Any,
    Byte(u8),
    Set(Box<[bool; 256]>),
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Element>);

impl Pattern {
    /// Compiles bytes, each with whether it was quoted: a quoted byte is only itself.
    #[must_use]
    pub fn new(marked: &[(u8, bool)]) -> Self {
        let mut elements = Vec::new();
        let mut rest = marked;
        while let [(byte, quoted), tail @ ..] = rest {
            rest = tail;
            elements.push(match (byte, quoted) {
                (b'*', false) => Element::Star,
                (b'?', false) => Element::Any,
                (b'[', false) => match bracket(tail) {
                    Some((set, after)) => {
                        rest = after;
                        Element::Set(set)
                    }
                    None => Element::Byte(b'['),
                },
                // A backslash that came out of an expansion still quotes what follows it.
                (b'\\', false) if !tail.is_empty() => {
                    rest = &tail[1..];
                    Element::Byte(tail[0].0)
                }
                (&byte, _) => Element::Byte(byte),
            });
        }
        Self(elements)
    }

    /// Compiles an unquoted text, as `find -name` and `case` on plain words have it.
    #[must_use]
    pub fn plain(text: &[u8]) -> Self {
        Self::new(&text.iter().map(|&byte| (byte, false)).collect::<Vec<_>>())
    }

    /// Whether it has anything but plain bytes.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        self.0.iter().any(|element| !matches!(element, Element::Byte(_)))
    }

    /// Whether its first element is this very byte.
    #[must_use]
    pub fn begins_with(&self, byte: u8) -> bool {
        self.0.first() == Some(&Element::Byte(byte))
    }

    /// Whether it matches the whole text. Goes back only to the last star, so the time is at most the product
    /// of both lengths.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut element, mut position) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.0.get(element) {
                Some(Element::Star) => {
                    star = Some((element, position));
                    element += 1;
                    continue;
                }
                Some(single) if text.get(position).is_some_and(|&byte| single.accepts(byte)) => {
                    element += 1;
                    position += 1;
                    continue;
                }
                None if position == text.len() => return true,
                _ => {}
            }
            match star {
                Some((at, from)) if from < text.len() => {
                    star = Some((at, from + 1));
                    element = at + 1;
                    position = from + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Element {
    fn accepts(&self, byte: u8) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Byte(own) => *own == byte,
            Self::Set(set) => set[usize::from(byte)],
        }
    }
}

type Marked<'a> = &'a [(u8, bool)];

/// Reads a bracket expression behind its `[`; `None` when it is none and the `[` is a plain byte.
fn bracket(text: Marked<'_>) -> Option<(Box<[bool; 256]>, Marked<'_>)> {
    let mut set = Box::new([false; 256]);
    let negated = matches!(text.first(), Some((b'!' | b'^', false)));
    let mut rest = &text[usize::from(negated)..];
    let mut first = true;
    loop {
        let (&(byte, quoted), tail) = rest.split_first()?;
        match (byte, quoted) {
            (b']', false) if !first => {
                rest = tail;
                break;
            }
            (b'/', _) => return None,
            (b'[', false) if tail.first() == Some(&(b':', false)) => {
                let end = tail[1..].windows(2).position(|pair| pair[0].0 == b':' && pair[1].0 == b']');
                let name: Option<Vec<u8>> = end.map(|end| tail[1..=end].iter().map(|pair| pair.0).collect());
                if let (Some(name), Some(end)) = (name, end) {
                    let class = class(&name)?;
                    (0..=255u8).filter(|&byte| class(byte)).for_each(|byte| set[usize::from(byte)] = true);
                    rest = &tail[end + 3..];
                } else {
                    set[usize::from(byte)] = true;
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
                (low..=high).for_each(|byte| set[usize::from(byte)] = true);
            }
        }
        first = false;
    }
    if negated {
        set.iter_mut().for_each(|bit| *bit = !*bit);
    }
    Some((set, rest))
}

fn one(text: Marked<'_>) -> Option<(u8, Marked<'_>)> {
    match text {
        [(b'\\', false), (byte, _), rest @ ..] | [(byte, _), rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

/// The bytes of a POSIX character class in the C locale.
#[must_use]
pub fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_dash_does() {
        let cases: [(&str, &str, bool); 19] = [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*.d*", "x.dd", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("[[:digit:]]*", "1a", true),
            ("[[:digit:]]*", "a1", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a-]", "-", true),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("[0-9][0-9]", "12", true),
            ("/*", "/etc/x", true),
        ];
        for (pattern, text, wanted) in cases {
            assert_eq!(Pattern::plain(pattern.as_bytes()).matches(text.as_bytes()), wanted, "{pattern} on {text}");
        }
        assert!(!Pattern::new(&[(b'*', true)]).matches(b"a"));
    }

    #[test]
    fn stars_do_not_explode() {
        let pattern = Pattern::plain("*a".repeat(200).as_bytes());
        assert!(!pattern.matches("b".repeat(20_000).as_bytes()));
    }
}
