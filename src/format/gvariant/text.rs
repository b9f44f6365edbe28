//! The text form of values (GLib's documentation, "GVariant Text Format").

use super::DEPTH;
use super::Data;
use super::Error;
use super::Value;
use super::is_type;
use super::members;
use super::type_length;
use crate::format::escape;

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
                        _ => bytes.push(escape::letter(letter).unwrap_or(letter)),
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
                        bytes.push(escape::letter(letter).unwrap_or(letter));
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
