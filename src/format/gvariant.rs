//! GVariant: GLib's values, read from their text form and written in their binary one, little endian (GLib's
//! documentation, "GVariant Format Strings", "GVariant Text Format", and the "GVariant Specification" of the binary
//! form).

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

// --- text form --------------------------------------------------------------------------------------------------

/// What a text says, before it is known which type is meant.
#[derive(Debug, Clone)]
struct Node {
    at: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Bool(bool),
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Node>),
    Tuple(Vec<Node>),
    Dictionary(Vec<(Node, Node)>),
    /// `{key, value}`
    Entry(Box<(Node, Node)>),
    Nothing,
    Just(Box<Node>),
    Variant(Box<Node>),
    Typed(String, Box<Node>),
}

/// Reads a value of a type, which must be one ([`is_type`]).
///
/// # Errors
/// [`Error`].
pub fn parse(kind: &str, text: &str) -> Result<Value, Error> {
    let mut parser = Parser { text: text.as_bytes(), at: 0 };
    let node = parser.value(DEPTH)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.wrong("something follows the value"));
    }
    node.into_value(kind)
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn wrong(&self, what: &str) -> Error {
        Error { at: self.at, what: what.into() }
    }

    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(self.wrong(&format!("`{}` expected", char::from(byte)))) }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Error> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.wrong("values lie too deep inside each other"))?;
        let first = self.peek();
        let at = self.at;
        let what = match first {
            Some(b'[') => {
                self.at += 1;
                What::Array(self.list(b']', depth)?)
            }
            Some(b'(') => {
                self.at += 1;
                What::Tuple(self.tuple(depth)?)
            }
            Some(b'{') => {
                self.at += 1;
                self.dictionary(depth)?
            }
            Some(b'<') => {
                self.at += 1;
                let inner = self.value(depth)?;
                self.expect(b'>')?;
                What::Variant(Box::new(inner))
            }
            Some(b'\'' | b'"') => What::Text(self.string()?),
            Some(b'b') if matches!(self.text.get(self.at + 1), Some(b'\'' | b'"')) => {
                self.at += 1;
                What::Bytes(self.bytes()?)
            }
            Some(b'@') => {
                self.at += 1;
                let length = type_length(&self.text[self.at..], DEPTH).ok_or_else(|| self.wrong("no type"))?;
                let kind = String::from_utf8_lossy(&self.text[self.at..self.at + length]).into_owned();
                self.at += length;
                What::Typed(kind, Box::new(self.value(depth)?))
            }
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => What::Number(self.word()),
            Some(byte) if byte.is_ascii_alphabetic() => self.keyword(depth)?,
            _ => return Err(self.wrong("a value expected")),
        };
        Ok(Node { at, what })
    }

    fn list(&mut self, end: u8, depth: usize) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        if self.take(end) {
            return Ok(nodes);
        }
        loop {
            nodes.push(self.value(depth)?);
            if self.take(end) {
                return Ok(nodes);
            }
            self.expect(b',')?;
        }
    }

    /// A tuple of one ends in a comma.
    fn tuple(&mut self, depth: usize) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        if self.take(b')') {
            return Ok(nodes);
        }
        nodes.push(self.value(depth)?);
        self.expect(b',')?;
        if self.take(b')') {
            return Ok(nodes);
        }
        nodes.extend(self.list(b')', depth)?);
        Ok(nodes)
    }

    fn dictionary(&mut self, depth: usize) -> Result<What, Error> {
        if self.take(b'}') {
            return Ok(What::Dictionary(Vec::new()));
        }
        let key = self.value(depth)?;
        if self.take(b',') {
            let value = self.value(depth)?;
            self.expect(b'}')?;
            return Ok(What::Entry(Box::new((key, value))));
        }
        self.expect(b':')?;
        let mut entries = vec![(key, self.value(depth)?)];
        while !self.take(b'}') {
            self.expect(b',')?;
            let key = self.value(depth)?;
            self.expect(b':')?;
            entries.push((key, self.value(depth)?));
        }
        Ok(What::Dictionary(entries))
    }

    fn word(&mut self) -> String {
        let start = self.at;
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-+.".contains(byte);
        while self.text.get(self.at).is_some_and(part) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn keyword(&mut self, depth: usize) -> Result<What, Error> {
        let word = self.word();
        let kind = match word.as_str() {
            "true" => return Ok(What::Bool(true)),
            "false" => return Ok(What::Bool(false)),
            "inf" | "nan" => return Ok(What::Number(word)),
            "nothing" => return Ok(What::Nothing),
            "just" => return Ok(What::Just(Box::new(self.value(depth)?))),
            "boolean" => "b",
            "byte" => "y",
            "int16" => "n",
            "uint16" => "q",
            "int32" => "i",
            "handle" => "h",
            "uint32" => "u",
            "int64" => "x",
            "uint64" => "t",
            "double" => "d",
            "string" => "s",
            "objectpath" => "o",
            "signature" => "g",
            _ => return Err(self.wrong(&format!("the word `{word}`"))),
        };
        Ok(What::Typed(kind.into(), Box::new(self.value(depth)?)))
    }

    fn string(&mut self) -> Result<String, Error> {
        let quote = self.text[self.at];
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else { return Err(self.wrong("the string has no end")) };
            self.at += 1;
            match byte {
                _ if byte == quote => break,
                b'\\' => {
                    let Some(&letter) = self.text.get(self.at) else { return Err(self.wrong("the string has no end")) };
                    self.at += 1;
                    match letter {
                        b'u' | b'U' => {
                            let character = self.character(if letter == b'u' { 4 } else { 8 })?;
                            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                        b'\n' => {}
                        _ => bytes.push(control(letter)),
                    }
                }
                _ => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.wrong("the string is not UTF-8"))
    }

    fn character(&mut self, digits: usize) -> Result<char, Error> {
        let text = self.text.get(self.at..self.at + digits).and_then(|text| std::str::from_utf8(text).ok());
        let number = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = number.and_then(|text| u32::from_str_radix(text, 16).ok()).filter(|number| *number > 0);
        let character = number.and_then(char::from_u32).ok_or_else(|| self.wrong("no character of Unicode"))?;
        self.at += digits;
        Ok(character)
    }

    /// A string of bytes: escapes are octal.
    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let quote = self.text[self.at];
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else { return Err(self.wrong("the string has no end")) };
            self.at += 1;
            match byte {
                _ if byte == quote => break,
                b'\\' => {
                    let octal =
                        self.text[self.at..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                    if octal > 0 {
                        let digits = &self.text[self.at..self.at + octal];
                        let value = digits.iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                        bytes.push((value & 0xff) as u8);
                        self.at += octal;
                    } else if let Some(&letter) = self.text.get(self.at) {
                        bytes.push(control(letter));
                        self.at += 1;
                    }
                }
                _ => bytes.push(byte),
            }
        }
        bytes.push(0);
        Ok(bytes)
    }
}

/// What a letter after a backslash stands for.
const fn control(letter: u8) -> u8 {
    match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        other => other,
    }
}

impl Node {
    fn wrong(&self, kind: &str) -> Error {
        Error { at: self.at, what: format!("no value of the type `{kind}`") }
    }

    /// The value of this type that it stands for.
    fn into_value(self, kind: &str) -> Result<Value, Error> {
        let wrong = self.wrong(kind);
        let data = match (kind.as_bytes()[0], self.what) {
            (_, What::Typed(own, inner)) => {
                if own != kind {
                    // A value stands for a maybe of it.
                    let inside = kind.strip_prefix('m').ok_or(wrong)?;
                    let node = Self { at: self.at, what: What::Typed(own, inner) };
                    Data::Many(vec![node.into_value(inside)?])
                } else {
                    return inner.into_value(kind);
                }
            }
            (b'm', What::Nothing) => Data::Many(Vec::new()),
            (b'm', What::Just(inner)) => Data::Many(vec![inner.into_value(&kind[1..])?]),
            (b'm', what) => Data::Many(vec![Self { at: self.at, what }.into_value(&kind[1..])?]),
            (b'b', What::Bool(value)) => Data::Fixed(vec![u8::from(value)]),
            (b'd', What::Number(text)) => Data::Fixed(real(&text).ok_or(wrong)?.to_le_bytes().to_vec()),
            (letter, What::Number(text)) => Data::Fixed(whole(letter, &text).ok_or(wrong)?),
            (b's', What::Text(text)) => Data::Text(text),
            (b'o', What::Text(text)) if is_object_path(&text) => Data::Text(text),
            (b'g', What::Text(text)) if is_signature(&text) => Data::Text(text),
            (b'a', What::Bytes(bytes)) if kind == "ay" => Data::Many(bytes.into_iter().map(Value::byte).collect()),
            (b'a', What::Array(nodes)) => {
                Data::Many(nodes.into_iter().map(|node| node.into_value(&kind[1..])).collect::<Result<_, _>>()?)
            }
            (b'a', What::Dictionary(entries)) if kind.as_bytes()[1] == b'{' => {
                let entry = |(key, value)| entry(&kind[1..], key, value);
                Data::Many(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
            (b'{', What::Entry(both)) => return entry(kind, both.0, both.1),
            (b'(', What::Tuple(nodes)) => {
                let kinds = members(kind);
                if kinds.len() != nodes.len() {
                    return Err(wrong);
                }
                let member = |(node, kind): (Self, &&str)| node.into_value(kind);
                Data::Many(nodes.into_iter().zip(&kinds).map(member).collect::<Result<_, _>>()?)
            }
            (b'v', What::Variant(inner)) => {
                let kind = inner.natural()?;
                Data::Variant(Box::new(inner.into_value(&kind)?))
            }
            _ => return Err(wrong),
        };
        Ok(Value { kind: kind.into(), data })
    }

    /// The type that it has by itself.
    fn natural(&self) -> Result<String, Error> {
        let unknown = || Error { at: self.at, what: "its type cannot be told".into() };
        Ok(match &self.what {
            What::Bool(_) => "b".into(),
            What::Number(text) => {
                let hexadecimal = text.trim_start_matches(['-', '+']).starts_with("0x");
                let real =
                    !hexadecimal && text.contains(['.', 'e', 'E']) || text.contains("inf") || text.contains("nan");
                if real { "d".into() } else { "i".into() }
            }
            What::Text(_) => "s".into(),
            What::Bytes(_) => "ay".into(),
            What::Array(nodes) => format!("a{}", common(nodes.iter()).ok_or_else(unknown)?),
            What::Tuple(nodes) => {
                let kinds = nodes.iter().map(Self::natural).collect::<Result<String, _>>()?;
                format!("({kinds})")
            }
            What::Dictionary(entries) => {
                let key = common(entries.iter().map(|(key, _)| key)).ok_or_else(unknown)?;
                let value = common(entries.iter().map(|(_, value)| value)).ok_or_else(unknown)?;
                format!("a{{{key}{value}}}")
            }
            What::Entry(both) => format!("{{{}{}}}", both.0.natural()?, both.1.natural()?),
            What::Nothing => return Err(unknown()),
            What::Just(inner) => format!("m{}", inner.natural()?),
            What::Variant(_) => "v".into(),
            What::Typed(kind, _) => kind.clone(),
        })
    }
}

/// The type that all have, numbers without a fraction as those with one beside them.
fn common<'n>(nodes: impl Iterator<Item = &'n Node>) -> Option<String> {
    let mut kinds = nodes.map(|node| node.natural().ok());
    let mut found = kinds.next()??;
    for kind in kinds {
        let kind = kind?;
        match (found.as_str(), kind.as_str()) {
            (a, b) if a == b => {}
            ("i", "d") => found = kind,
            ("d", "i") => {}
            _ => return None,
        }
    }
    Some(found)
}

fn entry(kind: &str, key: Node, value: Node) -> Result<Value, Error> {
    let kinds = members(kind);
    let members = vec![key.into_value(kinds[0])?, value.into_value(kinds[1])?];
    Ok(Value { kind: kind.into(), data: Data::Many(members) })
}

fn real(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits {
        "inf" | "nan" => digits.parse::<f64>().ok()?,
        _ if digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') => {
            match digits.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok()? as f64,
                None => digits.parse::<f64>().ok()?,
            }
        }
        _ => return None,
    };
    Some(sign * value)
}

/// The bytes of a number without a fraction, when the type has it.
fn whole(letter: u8, text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(&digits[1..], 8),
        None => digits.parse::<u64>(),
    };
    let value = i128::from(value.ok()?) * if negative { -1 } else { 1 };
    match letter {
        b'y' => u8::try_from(value).ok().map(|value| vec![value]),
        b'n' => i16::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        b'q' => u16::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        b'i' | b'h' => i32::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        b'u' => u32::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        b'x' => i64::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        b't' => u64::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        _ => None,
    }
}

/// D-Bus' object paths.
fn is_object_path(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text == "/" || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

/// D-Bus' signatures: complete types one after the other.
fn is_signature(text: &str) -> bool {
    is_type(&format!("({text})")) && !text.contains('m')
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
