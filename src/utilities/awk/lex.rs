//! Programs of awk → tokens.

use super::dialect::Dialect;
use super::dialect::syntax;
use super::parse::BUILTINS;
use crate::format::escape;
use crate::shell::printf::number_length;
use crate::utilities::Fault;
use crate::utilities::buffer::Kept;

use crate::budget::Budget;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(Vec<u8>),
    Regex(Vec<u8>),
    Name(String),
    /// A name right before `(`.
    Function(String),
    Mark(&'static str),
    Newline,
    End,
}

const MARKS: [&str; 42] = [
    "**=", "&&", "||", "==", "!=", "<=", ">=", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "**", "++", "--", "!~", "|&",
    "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "|", "?", ":", "~", "$", "=",
];

/// Words after which a `/` begins an expression.
const KEYWORDS: [&str; 20] = [
    "BEGIN", "END", "break", "continue", "delete", "do", "else", "exit", "for", "func", "function", "getline", "if",
    "in", "next", "nextfile", "print", "printf", "return", "while",
];

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

pub(super) struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    /// Whether what was read last ends a value, so that `/` divides.
    value: bool,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self { text, position: 0, value: false, dialect }
    }

    pub(super) fn all(mut self, budget: &Budget) -> Result<Kept<Token>, Fault> {
        let mut tokens = Kept::new(budget)?;
        loop {
            budget.tried(4)?;
            let token = self.token()?;
            self.value = match &token {
                Token::Number(_) | Token::Text(_) | Token::Regex(_) => true,
                Token::Name(name) => !is_keyword(name),
                token => matches!(token, Token::Mark(")" | "]" | "$" | "++" | "--")),
            };
            let end = token == Token::End;
            tokens.push(token)?;
            if end {
                return Ok(tokens);
            }
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        loop {
            match &self.text[self.position..] {
                [b' ' | b'\t' | b'\r', ..] => self.position += 1,
                [b'\\', b'\n', ..] => self.position += 2,
                [b'\\', b'\r', b'\n', ..] => self.position += 3,
                [b'#', rest @ ..] => self.position += 1 + rest.iter().take_while(|&&byte| byte != b'\n').count(),
                _ => break,
            }
        }
        let rest = &self.text[self.position..];
        let Some(&first) = rest.first() else { return Ok(Token::End) };
        match first {
            b'\n' => {
                self.position += 1;
                Ok(Token::Newline)
            }
            b'"' => self.quoted().map(Token::Text),
            b'/' if !self.value => self.regex().map(Token::Regex),
            b'0'..=b'9' | b'.' => {
                let length = number_length(rest);
                if length == 0 || rest.starts_with(b"0x") || rest.starts_with(b"0X") {
                    return Err(syntax("a number that only some awks know"));
                }
                let digits = &rest[..length];
                // gawk takes 010 for eight.
                if self.dialect != Dialect::Mawk
                    && length > 1
                    && digits[0] == b'0'
                    && digits.iter().all(u8::is_ascii_digit)
                {
                    return Err(syntax("a number that begins with a zero"));
                }
                let number = std::str::from_utf8(digits).unwrap_or("0").parse().map_err(|_| syntax("a number"))?;
                self.position += length;
                Ok(Token::Number(number))
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let name = String::from_utf8_lossy(&rest[..length]).into_owned();
                self.position += length;
                // awk's own functions may stand apart from what they are given (POSIX, "Lexical Conventions").
                let own = BUILTINS.iter().any(|(builtin, ..)| *builtin == name);
                let apart = rest[length..].iter().take_while(|byte| own && b" \t".contains(byte)).count();
                let calls = rest.get(length + apart) == Some(&b'(') && !is_keyword(&name);
                if calls {
                    self.position += apart;
                }
                Ok(if calls { Token::Function(name) } else { Token::Name(name) })
            }
            _ => {
                let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark.as_bytes()));
                let mark = mark.ok_or_else(|| syntax(&format!("`{}`", char::from(first))))?;
                self.position += mark.len();
                Ok(Token::Mark(mark))
            }
        }
    }

    /// An expression between slashes; those in a bracket count neither in mawk nor in gawk as the end.
    fn regex(&mut self) -> Result<Vec<u8>, Fault> {
        self.position += 1;
        let mut text = Vec::new();
        let mut bracket = None;
        loop {
            let byte = self.text.get(self.position).copied().filter(|&byte| byte != b'\n');
            let byte = byte.ok_or_else(|| syntax("an unterminated regular expression"))?;
            self.position += 1;
            match byte {
                b'/' if bracket.is_none() => return Ok(text),
                b'/' => return Err(syntax("a slash in a bracket")),
                b'\\' => {
                    let next = self.text.get(self.position).copied().ok_or_else(|| syntax("a backslash at the end"))?;
                    self.position += 1;
                    match next {
                        b'\n' => {}
                        b'/' => text.push(b'/'),
                        b'"' => text.push(b'"'),
                        next => text.extend([b'\\', next]),
                    }
                }
                b'[' if bracket.is_none() => {
                    bracket = Some(text.len() + 1);
                    text.push(byte);
                    if self.text.get(self.position) == Some(&b'^') {
                        text.push(b'^');
                        self.position += 1;
                        bracket = Some(text.len());
                    }
                }
                b'[' if self.text.get(self.position) == Some(&b':') => {
                    let rest = &self.text[self.position..];
                    let end = memchr::memmem::find(rest, b":]").ok_or_else(|| syntax("an unterminated class"))?;
                    text.push(byte);
                    text.extend_from_slice(&rest[..end + 2]);
                    self.position += end + 2;
                }
                b']' if bracket.is_some_and(|start| text.len() > start) => {
                    bracket = None;
                    text.push(byte);
                }
                byte => text.push(byte),
            }
        }
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        self.position += 1;
        let start = self.position;
        loop {
            let byte = self.text.get(self.position).copied().filter(|&byte| byte != b'\n');
            let byte = byte.ok_or_else(|| syntax("an unterminated string"))?;
            self.position += 1;
            match byte {
                b'"' => return escapes(&self.text[start..self.position - 1], self.dialect),
                b'\\' => self.position += 1,
                _ => {}
            }
        }
    }
}

/// Replaces the escapes of a string. What is none is itself in gawk, and keeps its backslash in mawk.
pub(super) fn escapes(text: &[u8], dialect: Dialect) -> Result<Vec<u8>, Fault> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            made.push(*byte);
            continue;
        }
        let Some((&letter, tail)) = rest.split_first() else {
            made.push(b'\\');
            break;
        };
        rest = tail;
        if let Some(byte) = escape::letter(letter) {
            made.push(byte);
            continue;
        }
        match letter {
            b'\n' => {}
            b'"' | b'\\' => made.push(letter),
            b'0'..=b'7' => {
                let digits = &text[text.len() - rest.len() - 1..];
                let length = digits.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
                let value = digits[..length].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                made.push(value.to_le_bytes()[0]);
                rest = &digits[length..];
            }
            b'x' => {
                // mawk and gawk: one or two digits.
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let value: Vec<u32> = rest.iter().take(2).map_while(digit).collect();
                if value.is_empty() {
                    return Err(syntax("`\\x` without digits"));
                }
                made.push(value.iter().fold(0, |value, digit| value * 16 + digit).to_le_bytes()[0]);
                rest = &rest[value.len()..];
            }
            letter => match dialect {
                Dialect::Mawk => made.extend([b'\\', letter]),
                Dialect::Gawk => made.push(letter),
                Dialect::Unknown => {
                    return Err(syntax(&format!(
                        "`\\{}` in a string, which awks read differently",
                        char::from(letter)
                    )));
                }
            },
        }
    }
    Ok(made)
}
