//! GVariant: GLib's values, read from their text form (`text`) and written in their binary one, little endian (GLib's
//! documentation, "GVariant Format Strings" and "GVariant Specification").

mod text;

pub use text::parse;

/// Values inside each other, as GLib allows in its text form.
const DEPTH: usize = 64;

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {what}")]
pub struct Error {
    /// Where.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its type string.
    pub kind: String,
    /// What it holds.
    pub data: Data,
}

/// What a value holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// A number of fixed size, or a boolean: its bytes.
    Fixed(Vec<u8>),
    /// `s`, `o`, `g`.
    Text(String),
    /// The members of an array, a tuple or a dictionary entry; of a maybe none or one.
    Many(Vec<Value>),
    /// `v`.
    Variant(Box<Value>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self { kind: "s".into(), data: Data::Text(text.into()) }
    }

    /// A byte.
    #[must_use]
    pub fn byte(byte: u8) -> Self {
        Self { kind: "y".into(), data: Data::Fixed(vec![byte]) }
    }

    /// A tuple.
    #[must_use]
    pub fn tuple(members: Vec<Self>) -> Self {
        let kinds: String = members.iter().map(|member| member.kind.as_str()).collect();
        Self { kind: format!("({kinds})"), data: Data::Many(members) }
    }

    /// An array of the type `kind`.
    #[must_use]
    pub const fn array(kind: String, members: Vec<Self>) -> Self {
        Self { kind, data: Data::Many(members) }
    }

    /// A variant.
    #[must_use]
    pub fn variant(self) -> Self {
        Self { kind: "v".into(), data: Data::Variant(Box::new(self)) }
    }

    /// All strings in it, if it is a string or an array or maybe of such.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match &self.data {
            Data::Text(text) => vec![text],
            Data::Many(members) => members.iter().flat_map(Self::texts).collect(),
            _ => Vec::new(),
        }
    }

    /// As a number, to compare with another of its type.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        let Data::Fixed(bytes) = &self.data else { return None };
        let unsigned = bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        Some(match self.kind.as_bytes() {
            b"n" => Number::Whole(i128::from(unsigned as i16)),
            b"i" | b"h" => Number::Whole(i128::from(unsigned as i32)),
            b"x" => Number::Whole(i128::from(unsigned.cast_signed())),
            b"d" => Number::Real(f64::from_bits(unsigned)),
            _ => Number::Whole(i128::from(unsigned)),
        })
    }

    /// Its binary form, which begins at a multiple of its alignment.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match &self.data {
            Data::Fixed(bytes) => bytes.clone(),
            Data::Text(text) => [text.as_bytes(), b"\0"].concat(),
            Data::Variant(inner) => [inner.bytes().as_slice(), b"\0", inner.kind.as_bytes()].concat(),
            Data::Many(members) => match self.kind.as_bytes()[0] {
                b'm' => match members.first() {
                    None => Vec::new(),
                    Some(inner) if fixed_size(&inner.kind).is_some() => inner.bytes(),
                    Some(inner) => [inner.bytes().as_slice(), b"\0"].concat(),
                },
                b'a' => array_bytes(&self.kind[1..], members),
                _ => tuple_bytes(members),
            },
        }
    }
}

/// A number of any of the types.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Number {
    /// Without a fraction.
    Whole(i128),
    /// `d`.
    Real(f64),
}

// --- binary form ------------------------------------------------------------------------------------------------

fn array_bytes(element: &str, members: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for member in members {
        pad(&mut bytes, alignment(element));
        bytes.extend(member.bytes());
        ends.push(bytes.len());
    }
    if fixed_size(element).is_none() {
        add_offsets(&mut bytes, &ends);
    }
    bytes
}

fn tuple_bytes(members: &[Value]) -> Vec<u8> {
    // The type without members is one byte long, so that arrays of it have a length.
    if members.is_empty() {
        return vec![0];
    }
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (position, member) in members.iter().enumerate() {
        pad(&mut bytes, alignment(&member.kind));
        bytes.extend(member.bytes());
        if fixed_size(&member.kind).is_none() && position + 1 < members.len() {
            ends.push(bytes.len());
        }
    }
    if members.iter().all(|member| fixed_size(&member.kind).is_some()) {
        let most = members.iter().map(|member| alignment(&member.kind)).max().unwrap_or(1);
        pad(&mut bytes, most);
    }
    ends.reverse();
    add_offsets(&mut bytes, &ends);
    bytes
}

/// Appends where members end, each number as wide as the whole needs.
fn add_offsets(bytes: &mut Vec<u8>, ends: &[usize]) {
    let fits = |width: usize, most: usize| bytes.len().saturating_add(width.saturating_mul(ends.len())) <= most;
    let width = match () {
        () if fits(1, 0xff) => 1,
        () if fits(2, 0xffff) => 2,
        () if fits(4, 0xffff_ffff) => 4,
        () => 8,
    };
    for end in ends {
        bytes.extend_from_slice(&(*end as u64).to_le_bytes()[..width]);
    }
}

fn pad(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

/// The alignment of a type.
fn alignment(kind: &str) -> usize {
    match kind.as_bytes().first() {
        Some(b'n' | b'q') => 2,
        Some(b'i' | b'u' | b'h') => 4,
        Some(b'x' | b't' | b'd' | b'v') => 8,
        Some(b'a' | b'm') => alignment(&kind[1..]),
        Some(b'(' | b'{') => members(kind).iter().map(|member| alignment(member)).max().unwrap_or(1),
        _ => 1,
    }
}

/// The size of all values of a type, when they have one.
fn fixed_size(kind: &str) -> Option<usize> {
    match kind.as_bytes().first()? {
        b'b' | b'y' => Some(1),
        b'n' | b'q' => Some(2),
        b'i' | b'u' | b'h' => Some(4),
        b'x' | b't' | b'd' => Some(8),
        b'(' | b'{' => {
            let members = members(kind);
            let sized = |size: usize, member: &&str| {
                fixed_size(member).map(|own| size.next_multiple_of(alignment(member)) + own)
            };
            let size = members.iter().try_fold(0, sized)?;
            Some(if members.is_empty() { 1 } else { size.next_multiple_of(alignment(kind)) })
        }
        _ => None,
    }
}

// --- types ------------------------------------------------------------------------------------------------------

/// Whether a text is one complete type.
#[must_use]
pub fn is_type(text: &str) -> bool {
    type_length(text.as_bytes(), DEPTH) == Some(text.len())
}

/// How long the type is with which a text begins.
fn type_length(text: &[u8], depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    match text.first()? {
        b'b' | b'y' | b'n' | b'q' | b'i' | b'u' | b'h' | b'x' | b't' | b'd' | b's' | b'o' | b'g' | b'v' => Some(1),
        b'a' | b'm' => Some(1 + type_length(&text[1..], depth)?),
        b'(' => {
            let mut length = 1;
            while *text.get(length)? != b')' {
                length += type_length(&text[length..], depth)?;
            }
            Some(length + 1)
        }
        b'{' => {
            let key = text.get(1).filter(|key| b"bynqiuhxtdsog".contains(key)).map(|_| 2)?;
            let end = key + type_length(&text[key..], depth)?;
            (*text.get(end)? == b'}').then_some(end + 1)
        }
        _ => None,
    }
}

/// The types of a tuple's or dictionary entry's members.
fn members(kind: &str) -> Vec<&str> {
    let mut rest = kind.get(1..kind.len().saturating_sub(1)).unwrap_or_default();
    let mut members = Vec::new();
    while let Some(length) = type_length(rest.as_bytes(), DEPTH) {
        let (member, behind) = rest.split_at(length);
        members.push(member);
        rest = behind;
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: &str, text: &str) -> Vec<u8> {
        parse(kind, text).unwrap_or_else(|error| panic!("{kind} {text}: {error}")).bytes()
    }

    /// The examples of the specification of the binary form, and what GLib itself gives.
    #[test]
    fn values_are_written() {
        let cases: &[(&str, &str, &[u8])] = &[
            ("s", "'hello world'", b"hello world\0"),
            ("ms", "'hello world'", b"hello world\0\0"),
            ("ms", "nothing", b""),
            ("ab", "[true, false, false, true, true]", &[1, 0, 0, 1, 1]),
            ("(si)", "('foo', -1)", b"foo\0\xff\xff\xff\xff\x04"),
            (
                "a(si)",
                "[('hi', -2), ('bye', -1)]",
                b"hi\0\0\xfe\xff\xff\xff\x03\0\0\0bye\0\xff\xff\xff\xff\x04\x09\x15",
            ),
            ("as", "['i', 'can', 'has', 'strings?']", b"i\0can\0has\0strings?\0\x02\x06\x0a\x13"),
            ("(yas)", "(0x70, ['a', \"b\"])", b"pa\0b\0\x02\x04"),
            ("(iy)", "(96, 112)", &[0x60, 0, 0, 0, 0x70, 0, 0, 0]),
            ("a(iy)", "[(96, 112)]", &[0x60, 0, 0, 0, 0x70, 0, 0, 0]),
            (
                "a{sv}",
                "{'a': <1>, 'b': <[1.5, 2]>}",
                b"a\0\0\0\0\0\0\0\x01\0\0\0\0i\x02\0b\0\0\0\0\0\0\0\0\0\0\0\0\0\xf8?\0\0\0\0\0\0\0@\0ad\x02\x0f\x2c",
            ),
            ("as", "@as []", b""),
            ("()", "()", b"\0"),
            ("d", "1", b"\0\0\0\0\0\0\xf0?"),
            ("u", "uint32 010", b"\x08\0\0\0"),
            ("ay", "b'a\\001'", b"a\x01\0"),
            ("s", "\"it's \\u00e4\\n\"", "it's ä\n\0".as_bytes()),
            ("mi", "@mi 3", b"\x03\0\0\0"),
            ("v", "<'x'>", b"x\0\0s"),
        ];
        for (kind, text, wanted) in cases {
            assert_eq!(&bytes(kind, text), wanted, "{kind} {text}");
        }
    }

    #[test]
    fn long_values_have_wide_offsets() {
        let text = format!("['{}', 'b']", "a".repeat(300));
        let made = bytes("as", &text);
        assert_eq!(made[made.len() - 4..], [0x2d, 1, 0x2f, 1]);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let deep = "[".repeat(100_000);
        for (kind, text) in [
            ("i", "'a'"),
            ("y", "256"),
            ("i", "1 2"),
            ("s", "'a"),
            ("as", "['a' 'b']"),
            ("(s)", "('a')"),
            ("v", "<[]>"),
            ("o", "'a'"),
            ("s", "\\"),
            ("a{si}", "{'a'}"),
            ("i", "i"),
            ("ai", &deep),
            ("s", ""),
            ("u", "-1"),
            ("d", "e"),
        ] {
            assert!(parse(kind, text).is_err(), "{kind} {}", &text[..text.len().min(20)]);
        }
        for kind in ["", "a", "(", "{vs}", "(s", "z", "ss"] {
            assert!(!is_type(kind), "{kind}");
        }
        assert!(is_type("a{s(mvaay)}"));
    }
}
