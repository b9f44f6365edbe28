//! Words: quotes, `$`, backquotes, and where each ends.

use std::rc::Rc;

use super::ast::DefaultKind;
use super::ast::Operation;
use super::ast::Parameter;
use super::ast::Part;
use super::ast::Word;
use super::parse::Parser;
use super::parse::SyntaxError;

/// Where a run of parts stands, which decides what quotes mean and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// A word of a command.
    Word,
    /// The word in `${x:-word}` outside quotes, and every pattern in `${x%pattern}`.
    Braced,
    /// The word in `"${x:-word}"`.
    BracedDouble,
    /// `"…"`.
    Double,
    /// A here-document.
    Here,
    /// `$((…))`.
    Arithmetic,
}

impl Context {
    const fn is_unquoted(self) -> bool {
        matches!(self, Self::Word | Self::Braced)
    }

    /// Whether a backslash before `byte` quotes it.
    const fn escapes(self, byte: u8) -> bool {
        match byte {
            b'$' | b'`' | b'\\' | b'\n' => true,
            b'"' => !matches!(self, Self::Here),
            b'}' => matches!(self, Self::BracedDouble | Self::Braced | Self::Word),
            _ => self.is_unquoted(),
        }
    }
}

impl Parser {
    pub(super) fn word(&mut self) -> Result<Word, SyntaxError> {
        let start = self.position;
        let mut parts = self.parts(Context::Word)?;
        if self.position == start {
            return Err(self.error("syntax error: bad word"));
        }
        leading_tilde(&mut parts);
        Ok(Word(parts))
    }

    /// The parts of a here-document, which is the whole source.
    pub(super) fn here_parts(&mut self) -> Result<Vec<Part>, SyntaxError> {
        self.parts(Context::Here)
    }

    fn byte(&self) -> Option<u8> {
        self.source.get(self.position).copied()
    }

    fn parts(&mut self, context: Context) -> Result<Vec<Part>, SyntaxError> {
        self.nested(|parser| {
            let (mut parts, mut text, mut open) = (Vec::new(), Vec::new(), 0u32);
            while let Some(byte) = parser.byte() {
                if parser.at_end(context, byte, &mut open) {
                    break;
                }
                let part = parser.part(context, byte)?;
                match part {
                    Piece::Byte(byte) => text.push(byte),
                    Piece::Nothing => {}
                    Piece::Part(part) => {
                        flush(&mut text, &mut parts);
                        parts.push(part);
                    }
                }
            }
            flush(&mut text, &mut parts);
            Ok(parts)
        })
    }

    fn at_end(&self, context: Context, byte: u8, open: &mut u32) -> bool {
        match context {
            Context::Word => matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'),
            Context::Braced | Context::BracedDouble => byte == b'}',
            Context::Double => byte == b'"',
            Context::Here => false,
            Context::Arithmetic => match byte {
                b'(' => {
                    *open += 1;
                    false
                }
                b')' if *open > 0 => {
                    *open -= 1;
                    false
                }
                b')' if self.source.get(self.position + 1) == Some(&b')') => true,
                // A lone one is a plain byte, and the expression an error when it is reached, as in dash.
                _ => false,
            },
        }
    }

    fn part(&mut self, context: Context, byte: u8) -> Result<Piece, SyntaxError> {
        self.position += 1;
        match byte {
            b'\n' => {
                self.line += 1;
                Ok(Piece::Byte(byte))
            }
            b'\\' => Ok(self.backslash(context)),
            b'\'' if context.is_unquoted() => self.single_quotes(),
            b'"' if matches!(context, Context::Word | Context::Braced | Context::BracedDouble) => {
                let inner = self.parts(Context::Double)?;
                self.close(b'"', "unterminated quoted string")?;
                Ok(Piece::Part(Part::Double(inner)))
            }
            b'"' if context == Context::Arithmetic => Ok(Piece::Nothing),
            b'$' => self.dollar(context),
            b'`' => self.backquotes(context),
            _ => Ok(Piece::Byte(byte)),
        }
    }

    fn close(&mut self, byte: u8, message: &str) -> Result<(), SyntaxError> {
        if self.byte() != Some(byte) {
            return Err(self.error(format!("syntax error: {message}")));
        }
        self.position += 1;
        Ok(())
    }

    fn backslash(&mut self, context: Context) -> Piece {
        match self.byte() {
            Some(b'\n') => {
                self.position += 1;
                self.line += 1;
                Piece::Nothing
            }
            Some(byte) if context.escapes(byte) => {
                self.position += 1;
                Piece::Part(Part::Quoted(vec![byte]))
            }
            _ => Piece::Part(Part::Quoted(vec![b'\\'])),
        }
    }

    fn single_quotes(&mut self) -> Result<Piece, SyntaxError> {
        let rest = &self.source[self.position..];
        let Some(length) = memchr::memchr(b'\'', rest) else {
            return Err(self.error("syntax error: unterminated quoted string"));
        };
        let text = rest[..length].to_vec();
        self.line += u32::try_from(text.iter().filter(|&&byte| byte == b'\n').count()).unwrap_or(0);
        self.position += length + 1;
        Ok(Piece::Part(Part::Quoted(text)))
    }

    fn dollar(&mut self, context: Context) -> Result<Piece, SyntaxError> {
        let rest = &self.source[self.position..];
        let part = match rest {
            // As dash: `$((` always begins arithmetic.
            [b'(', b'(', ..] => {
                self.position += 2;
                let inner = self.parts(Context::Arithmetic)?;
                self.close(b')', "missing `))`")?;
                self.close(b')', "missing `))`")?;
                Part::Arithmetic(inner)
            }
            [b'(', ..] => {
                self.position += 1;
                let list = self.nested(Self::optional_list)?;
                self.close_substitution()?;
                Part::Command(Rc::new(list))
            }
            [b'{', ..] => {
                self.position += 1;
                Part::Parameter(Box::new(self.braced(context)?))
            }
            _ => match parameter_name(rest, false) {
                0 => return Ok(Piece::Byte(b'$')),
                length => {
                    let name = rest[..length].to_vec();
                    self.position += length;
                    Part::Parameter(Box::new(Parameter { name, operation: Operation::Value }))
                }
            },
        };
        Ok(Piece::Part(part))
    }

    fn braced(&mut self, context: Context) -> Result<Parameter, SyntaxError> {
        let rest = &self.source[self.position..];
        if rest.first() == Some(&b'#') {
            let length = parameter_name(&rest[1..], true);
            if length > 0 && rest.get(1 + length) == Some(&b'}') {
                let name = rest[1..=length].to_vec();
                self.position += length + 2;
                return Ok(Parameter { name, operation: Operation::Length });
            }
        }
        let length = parameter_name(rest, true);
        let name = rest[..length].to_vec();
        self.position += length;
        let operation = if length == 0 { self.unknown()? } else { self.operation(context)? };
        self.close(b'}', "missing `}`")?;
        Ok(Parameter { name, operation })
    }

    fn operation(&mut self, context: Context) -> Result<Operation, SyntaxError> {
        let rest = &self.source[self.position..];
        let colon = rest.first() == Some(&b':');
        let kind = match rest.get(usize::from(colon)) {
            Some(b'}') if !colon => return Ok(Operation::Value),
            Some(b'-') => DefaultKind::Use,
            Some(b'=') => DefaultKind::Assign,
            Some(b'?') => DefaultKind::Complain,
            Some(b'+') => DefaultKind::Alternative,
            Some(&mark @ (b'%' | b'#')) if !colon => {
                let longest = rest.get(1) == Some(&mark);
                self.position += 1 + usize::from(longest);
                let mut parts = self.parts(Context::Braced)?;
                leading_tilde(&mut parts);
                return Ok(Operation::Trim { suffix: mark == b'%', longest, pattern: Word(parts) });
            }
            _ => return self.unknown(),
        };
        self.position += 1 + usize::from(colon);
        let mut parts = self.parts(if context.is_unquoted() { Context::Braced } else { Context::BracedDouble })?;
        if context.is_unquoted() {
            leading_tilde(&mut parts);
        }
        Ok(Operation::Default(kind, colon, Word(parts)))
    }

    fn unknown(&mut self) -> Result<Operation, SyntaxError> {
        self.parts(Context::Braced)?;
        Ok(Operation::Unknown)
    }

    fn backquotes(&mut self, context: Context) -> Result<Piece, SyntaxError> {
        let line = self.line;
        let mut text = Vec::new();
        loop {
            let Some(byte) = self.byte() else {
                return Err(self.error("syntax error: EOF in backquote substitution"));
            };
            self.position += 1;
            match byte {
                b'`' => break,
                b'\\' => match self.byte() {
                    Some(next @ (b'$' | b'`' | b'\\')) => {
                        self.position += 1;
                        text.push(next);
                    }
                    Some(b'"') if matches!(context, Context::Double | Context::BracedDouble) => {
                        self.position += 1;
                        text.push(b'"');
                    }
                    _ => text.push(b'\\'),
                },
                _ => {
                    self.line += u32::from(byte == b'\n');
                    text.push(byte);
                }
            }
        }
        let mut inner = self.sub_parser(&text, line);
        Ok(Piece::Part(Part::Command(Rc::new(inner.nested(Self::all)?))))
    }
}

enum Piece {
    Byte(u8),
    Part(Part),
    Nothing,
}

fn flush(text: &mut Vec<u8>, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Plain(std::mem::take(text)));
    }
}

/// The length of the parameter's name that `text` begins with; several digits count only in braces.
fn parameter_name(text: &[u8], braced: bool) -> usize {
    match text.first() {
        Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => 1,
        Some(byte) if byte.is_ascii_digit() => {
            if braced {
                text.iter().take_while(|byte| byte.is_ascii_digit()).count()
            } else {
                1
            }
        }
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
            text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
        }
        _ => 0,
    }
}

/// Makes `~` or `~user` at the beginning of a word a part of its own.
fn leading_tilde(parts: &mut Vec<Part>) {
    let last = parts.len() == 1;
    let Some(Part::Plain(text)) = parts.first() else { return };
    if text.first() != Some(&b'~') {
        return;
    }
    let length = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
    if length == text.len() && !last {
        return;
    }
    let (user, rest) = (text[1..length].to_vec(), text[length..].to_vec());
    parts[0] = Part::Tilde(user);
    if !rest.is_empty() {
        parts.insert(1, Part::Plain(rest));
    }
}

/// The parts of an assignment's leading text: tildes count at its beginning and after each colon.
pub(super) fn assignment_tildes(text: &[u8], last: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    let count = text.split(|&byte| byte == b':').count();
    for (index, piece) in text.split(|&byte| byte == b':').enumerate() {
        if index > 0 {
            parts.push(Part::Plain(b":".to_vec()));
        }
        let mut inner = vec![Part::Plain(piece.to_vec())];
        if last || index + 1 < count || piece.contains(&b'/') {
            leading_tilde(&mut inner);
        }
        parts.append(&mut inner);
    }
    parts
}
