//! Words: quotes, `$`, backquotes, and where each ends.

use std::rc::Rc;

use super::ast::Command;
use super::ast::DefaultKind;
use super::ast::Operation;
use super::ast::Parameter;
use super::ast::Part;
use super::ast::Subscript;
use super::ast::Word;
use super::reader::Parser;
use super::reader::SyntaxError;
use super::reader::is_name;
use super::tilde;

/// Where a run of parts stands, which decides what quotes mean and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
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
    /// bash's `$[…]`.
    Bracketed,
    /// One of the three of bash's `for ((…;…;…))`.
    Clause,
    /// The numbers of `${x:offset:length}`.
    Offset,
    /// The pattern of `${x/pattern/text}`.
    Replaced,
    /// `name[…]`.
    Subscript,
    /// Right of `==` in `[[ ]]`.
    Pattern,
    /// Right of `=~` in `[[ ]]`.
    Regex,
}

impl Context {
    pub(super) const fn is_unquoted(self) -> bool {
        matches!(self, Self::Word | Self::Braced | Self::Replaced | Self::Subscript | Self::Pattern | Self::Regex)
    }

    const fn is_arithmetic(self) -> bool {
        matches!(self, Self::Arithmetic | Self::Bracketed | Self::Clause | Self::Offset)
    }

    /// Whether a backslash before `byte` quotes it.
    const fn escapes(self, byte: u8) -> bool {
        match byte {
            b'$' | b'`' | b'\\' | b'\n' => true,
            b'"' => !matches!(self, Self::Here),
            b'}' => matches!(self, Self::BracedDouble) || self.is_unquoted(),
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
        tilde::leading(&mut parts);
        Ok(Word(parts))
    }

    /// The parts of a here-document, which is the whole source.
    pub(super) fn here_parts(&mut self) -> Result<Vec<Part>, SyntaxError> {
        self.parts(Context::Here)
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.source.get(self.position).copied()
    }

    pub(super) fn parts(&mut self, context: Context) -> Result<Vec<Part>, SyntaxError> {
        self.nested(|parser| {
            let (mut parts, mut text, mut open) = (Vec::new(), Vec::new(), 0u32);
            while let Some(byte) = parser.byte() {
                if parser.opens_group(context, byte) {
                    text.extend([byte, b'(']);
                    parser.position += 2;
                    open += 1;
                    continue;
                }
                if parser.at_end(context, byte, &mut open) {
                    break;
                }
                let part = parser.part(context, byte)?;
                match part {
                    Piece::Byte(byte) => text.push(byte),
                    Piece::Nothing => {}
                    Piece::Part(part) => {
                        parser.pay(0)?;
                        flush(&mut text, &mut parts);
                        parts.push(part);
                    }
                }
            }
            flush(&mut text, &mut parts);
            Ok(parts)
        })
    }

    /// Whether one of bash's pattern groups begins: everything in it belongs to the word.
    fn opens_group(&self, context: Context, byte: u8) -> bool {
        let here = match context {
            Context::Word => self.manner.groups,
            Context::Pattern => true,
            _ => false,
        };
        here && matches!(byte, b'?' | b'*' | b'+' | b'@' | b'!') && self.source.get(self.position + 1) == Some(&b'(')
    }

    fn at_end(&self, context: Context, byte: u8, open: &mut u32) -> bool {
        let next = self.source.get(self.position + 1).copied();
        match context {
            Context::Word | Context::Pattern | Context::Regex if *open > 0 => {
                *open += u32::from(byte == b'(');
                *open -= u32::from(byte == b')');
                false
            }
            Context::Word if matches!(byte, b'<' | b'>') => !(self.is_bash() && next == Some(b'(')),
            Context::Word => matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')'),
            Context::Pattern => matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b')'),
            Context::Regex => match byte {
                b'(' => {
                    *open += 1;
                    false
                }
                b'|' => next == Some(b'|'),
                _ => matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b')'),
            },
            Context::Braced | Context::BracedDouble => byte == b'}',
            Context::Replaced => matches!(byte, b'}' | b'/'),
            Context::Double => byte == b'"',
            Context::Here => false,
            Context::Subscript | Context::Bracketed => {
                let ends = byte == b']' && *open == 0;
                *open += u32::from(byte == b'[');
                *open -= u32::from(byte == b']' && !ends);
                ends
            }
            Context::Arithmetic | Context::Clause | Context::Offset => match byte {
                b'(' => {
                    *open += 1;
                    false
                }
                b')' if *open > 0 => {
                    *open -= 1;
                    false
                }
                b';' => context == Context::Clause,
                b':' | b'}' => context == Context::Offset && *open == 0,
                // In dash a lone one is a plain byte, and the expression an error when it is reached. bash ends at it,
                // and takes the whole for a subshell in another one.
                b')' => context != Context::Offset && (self.is_bash() || next == Some(b')')),
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
            b'\'' if context == Context::BracedDouble && self.is_bash() => Ok(Piece::Part(self.kept_quotes()?)),
            b'<' | b'>' if context == Context::Word && self.is_bash() && self.byte() == Some(b'(') => {
                self.process(byte)
            }
            b'"' if context.is_unquoted() || context == Context::BracedDouble => {
                let inner = self.parts(Context::Double)?;
                self.close(b'"', "unterminated quoted string")?;
                Ok(Piece::Part(Part::Double(inner)))
            }
            // To dash it is a byte like any other, with which no expression goes on.
            b'"' if context.is_arithmetic() && self.is_bash() => Ok(Piece::Nothing),
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
        // A line goes on behind a backslash, here too.
        while self.source[self.position..].starts_with(b"\\\n") {
            self.position += 2;
            self.line += 1;
        }
        let rest = &self.source[self.position..];
        let part = match rest {
            // As dash: `$((` always begins arithmetic. In bash it can be a subshell in a substitution.
            [b'(', b'(', ..] => match self.arithmetic()? {
                Some(inner) => Part::Arithmetic(inner),
                None => self.substitution()?,
            },
            [b'(', ..] => self.substitution()?,
            [b'\'', ..] if self.is_bash() && context.is_unquoted() => return self.ansi_quotes(),
            [b'"', ..] if self.is_bash() && context.is_unquoted() => return Ok(Piece::Nothing),
            [b'\'' | b'"', ..] if self.is_bash() && context.is_arithmetic() => {
                return Err(self.error("a dollar before quotes in an expression"));
            }
            // The old way to write `$((…))`, which bash(1) no longer tells.
            [b'[', ..] if self.is_bash() => {
                self.position += 1;
                let inner = self.parts(Context::Bracketed)?;
                self.close(b']', "unterminated `$[`")?;
                Part::Arithmetic(inner)
            }
            [b'{', ..] => {
                self.position += 1;
                Part::Parameter(Box::new(self.braced(context)?))
            }
            _ => match parameter_name(rest, false) {
                0 => return Ok(Piece::Byte(b'$')),
                length => {
                    let name = rest[..length].to_vec();
                    let goes_on = rest[length..].strip_prefix(b"\\\n").and_then(<[u8]>::first);
                    if is_name(&name) && goes_on.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                        return Err(self.error("a name that goes on in the next line"));
                    }
                    self.position += length;
                    let operation = Operation::Value;
                    Part::Parameter(Box::new(Parameter {
                        name,
                        subscript: None,
                        indirect: false,
                        braced: false,
                        operation,
                    }))
                }
            },
        };
        Ok(Piece::Part(part))
    }

    /// `$((…))`, behind its `$`; `None`, and nothing is read, when bash takes it for a substitution.
    fn arithmetic(&mut self) -> Result<Option<Vec<Part>>, SyntaxError> {
        let (position, line) = (self.position, self.line);
        self.position += 2;
        let inner = self.parts(Context::Arithmetic);
        let closed = self.source[self.position..].starts_with(b"))");
        if self.is_bash() && !closed && inner.as_ref().err().is_none_or(|error| error.spent.is_none()) {
            (self.position, self.line) = (position, line);
            return Ok(None);
        }
        let inner = inner?;
        self.close(b')', "missing `))`")?;
        self.close(b')', "missing `))`")?;
        Ok(Some(inner))
    }

    fn substitution(&mut self) -> Result<Part, SyntaxError> {
        self.position += 1;
        // The lines of the substitution are its own: a here-document that was begun before it follows behind all.
        let outer = std::mem::take(&mut self.here);
        let list = self.nested(Self::optional_list)?;
        self.close_substitution()?;
        if !outer.is_empty() {
            if !self.here.is_empty() {
                return Err(
                    self.error("two here-documents that follow, one of them a substitution's, are not told apart")
                );
            }
            self.here = outer;
        }
        Ok(Part::Command(Rc::new(list)))
    }

    /// bash's `<(…)`, behind its first byte.
    fn process(&mut self, direction: u8) -> Result<Piece, SyntaxError> {
        if direction == b'>' {
            return Err(self.error("`>(…)` is not followed: what it reads would have to run at the same time"));
        }
        match self.substitution()? {
            Part::Command(list) => Ok(Piece::Part(Part::Process(list))),
            _ => unreachable!("a substitution is a command"),
        }
    }

    /// bash's `$'…'`, behind its `$`.
    fn ansi_quotes(&mut self) -> Result<Piece, SyntaxError> {
        let start = self.position + 1;
        let mut end = start;
        loop {
            match self.source.get(end) {
                Some(b'\'') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.error("syntax error: unterminated quoted string")),
            }
        }
        let text = self.source[start..end].to_vec();
        self.line += u32::try_from(memchr::memchr_iter(b'\n', &text).count()).unwrap_or(0);
        self.position = end + 1;
        Ok(Piece::Part(Part::Quoted(super::quote::ansi(&text, super::quote::Escapes::Quotes, self.manner.narrow).0)))
    }

    fn braced(&mut self, context: Context) -> Result<Parameter, SyntaxError> {
        let name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_');
        let begun = &self.source[self.position..];
        let begun = begun.strip_prefix(b"#").unwrap_or(begun);
        let length = begun.iter().take_while(name).count();
        if begun[length..].starts_with(b"\\\n") {
            return Err(self.error("a name in `${` that goes on in the next line"));
        }
        let rest = &self.source[self.position..];
        let mut indirect = false;
        if rest.first() == Some(&b'#') {
            let length = parameter_name(&rest[1..], true);
            let behind = rest.get(1 + length);
            if length > 0 && (behind == Some(&b'}') || (behind == Some(&b'[') && self.is_bash())) {
                let name = rest[1..=length].to_vec();
                self.position += length + 1;
                let subscript = self.subscript(&name)?;
                self.close(b'}', "missing `}`")?;
                return Ok(Parameter { name, subscript, indirect, braced: true, operation: Operation::Length });
            }
        } else if rest.first() == Some(&b'!') && self.is_bash() && parameter_name(&rest[1..], true) > 0 {
            indirect = true;
            self.position += 1;
        }
        let rest = &self.source[self.position..];
        let length = parameter_name(rest, true);
        let name = rest[..length].to_vec();
        self.position += length;
        let subscript = self.subscript(&name)?;
        let rest = &self.source[self.position..];
        let operation = match (rest, &subscript) {
            (_, _) if length == 0 => self.unknown()?,
            ([mark @ (b'*' | b'@'), b'}', ..], None) if indirect && is_name(&name) => {
                let separate = *mark == b'@';
                indirect = false;
                self.position += 1;
                Operation::Names(separate)
            }
            ([b'}', ..], Some(Subscript::All(_))) if indirect => {
                indirect = false;
                Operation::Subscripts
            }
            _ => self.operation(context)?,
        };
        self.close(b'}', "missing `}`")?;
        Ok(Parameter { name, subscript, indirect, braced: true, operation })
    }

    /// bash's `[…]` behind a name.
    fn subscript(&mut self, name: &[u8]) -> Result<Option<Subscript>, SyntaxError> {
        if !self.is_bash() || self.byte() != Some(b'[') || !is_name(name) {
            return Ok(None);
        }
        self.position += 1;
        let subscript = match &self.source[self.position..] {
            [mark @ (b'@' | b'*'), b']', ..] => {
                let separate = *mark == b'@';
                self.position += 1;
                Subscript::All(separate)
            }
            _ => Subscript::One(Word(self.parts(Context::Subscript)?)),
        };
        self.close(b']', "missing `]`")?;
        Ok(Some(subscript))
    }

    fn operation(&mut self, context: Context) -> Result<Operation, SyntaxError> {
        if self.is_bash()
            && let Some(operation) = self.bash_operation(context)?
        {
            return Ok(operation);
        }
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
                tilde::leading(&mut parts);
                return Ok(Operation::Trim { suffix: mark == b'%', longest, pattern: Word(parts) });
            }
            _ => return self.unknown(),
        };
        self.position += 1 + usize::from(colon);
        let mut parts = self.parts(if context.is_unquoted() { Context::Braced } else { Context::BracedDouble })?;
        if context.is_unquoted() {
            tilde::leading(&mut parts);
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
                    Some(b'"') if matches!(context, Context::Double | Context::BracedDouble | Context::Here) => {
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
        let mut inner = self.sub_parser(&text, line)?;
        let list = match inner.nested(Self::all) {
            // bash reads the text when it comes to it, and so says only then what is wrong.
            Err(error) if self.is_bash() && error.spent.is_none() => Command::Simple {
                line,
                assignments: Vec::new(),
                words: vec![Word(vec![Part::Plain(b"eval".to_vec())]), Word(vec![Part::Quoted(text)])],
                redirects: Vec::new(),
            },
            list => list?,
        };
        self.adopt(inner)?;
        Ok(Piece::Part(Part::Command(Rc::new(list))))
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
