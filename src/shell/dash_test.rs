//! How dash reads the words of `test`. A word that looks like an operator is one or not by what follows it, and the end
//! of the words is an expression that is false.

use super::Shell;
use super::test::Wrong;
use super::test::binary;
use super::test::is_unary;
use super::test::unary;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Behind the last word.
    End,
    /// A plain word.
    Operand,
    Unary,
    Binary,
    Not,
    And,
    Or,
    Open,
    Close,
}

fn operator(word: &[u8]) -> Option<Token> {
    Some(match word {
        b"=" | b"!=" | b"<" | b">" | b"-eq" | b"-ne" | b"-lt" | b"-le" | b"-gt" | b"-ge" | b"-nt" | b"-ot" | b"-ef" => {
            Token::Binary
        }
        b"!" => Token::Not,
        b"-a" => Token::And,
        b"-o" => Token::Or,
        b"(" => Token::Open,
        b")" => Token::Close,
        word if is_unary(word) => Token::Unary,
        _ => return None,
    })
}

/// The value of an expression.
pub(super) fn evaluate(shell: &mut Shell<'_>, words: &[&[u8]]) -> Result<bool, Wrong> {
    let mut words = words;
    let mut negated = false;
    // Three words with an operator in the middle are a comparison, whatever they are. `!` and parentheses around few
    // words are taken off first.
    let token = loop {
        break match words {
            [] => return Ok(negated),
            [_, middle, _] if operator(middle) == Some(Token::Binary) => Some(Token::Operand),
            [b"(", inner @ .., b")"] if matches!(inner.len(), 1 | 2) => {
                words = inner;
                None
            }
            [b"!", rest @ ..] if matches!(rest.len(), 2 | 3) => {
                (words, negated) = (rest, !negated);
                continue;
            }
            _ => None,
        };
    };
    let mut reader = Reader { shell, words, place: 0, depth: 0 };
    let token = token.unwrap_or_else(|| reader.token(0));
    let value = reader.or(token)?;
    match words.get(reader.place) {
        Some(word) if reader.place + 1 < words.len() => Err([word, b": unexpected operator".as_slice()].concat()),
        _ => Ok(value != negated),
    }
}

/// Stands at a word whose token was read.
struct Reader<'a, 'w> {
    shell: &'a mut Shell<'w>,
    words: &'a [&'a [u8]],
    place: usize,
    depth: u32,
}

impl<'a> Reader<'a, '_> {
    fn word(&self, ahead: usize) -> Option<&'a [u8]> {
        self.words.get(self.place + ahead).copied()
    }

    fn token(&self, ahead: usize) -> Token {
        let Some(word) = self.word(ahead) else { return Token::End };
        let (next, behind) = (self.word(ahead + 1), self.word(ahead + 2));
        match operator(word) {
            // Before nothing, or before a comparison, it is what is compared or looked at.
            Some(Token::Unary) => match (next, behind) {
                (None, _) => Token::Operand,
                (Some(next), Some(_)) if operator(next) == Some(Token::Binary) => Token::Operand,
                _ => Token::Unary,
            },
            Some(Token::Open) if next.is_none() => Token::Operand,
            Some(token) => token,
            None => Token::Operand,
        }
    }

    fn or(&mut self, mut token: Token) -> Result<bool, Wrong> {
        let mut value = false;
        loop {
            value |= self.and(token)?;
            if self.token(1) != Token::Or {
                return Ok(value);
            }
            self.place += 2;
            token = self.token(0);
        }
    }

    fn and(&mut self, mut token: Token) -> Result<bool, Wrong> {
        let mut value = true;
        loop {
            value &= self.not(token)?;
            if self.token(1) != Token::And {
                return Ok(value);
            }
            self.place += 2;
            token = self.token(0);
        }
    }

    fn not(&mut self, mut token: Token) -> Result<bool, Wrong> {
        let mut negated = false;
        while token == Token::Not {
            negated = !negated;
            token = self.token(1);
            self.place += usize::from(token != Token::End);
        }
        Ok(self.primary(token)? != negated)
    }

    fn primary(&mut self, token: Token) -> Result<bool, Wrong> {
        let Some(word) = self.word(0).filter(|_| token != Token::End) else { return Ok(false) };
        if token == Token::Open {
            self.place += 1;
            let first = self.token(0);
            if first == Token::Close {
                return Ok(false);
            }
            self.depth += 1;
            if self.depth > 64 {
                self.shell.gap(b"test", "so many parentheses inside each other");
                return Err(b"nested too deeply".to_vec());
            }
            let value = self.or(first)?;
            self.depth -= 1;
            self.place += 1;
            return if self.token(0) == Token::Close { Ok(value) } else { Err(b"closing paren expected".to_vec()) };
        }
        if token == Token::Unary {
            self.place += 1;
            let operand = self.word(0).ok_or_else(|| [word, b": argument expected"].concat())?;
            return unary(self.shell, word, operand);
        }
        if self.token(1) == Token::Binary {
            let operator = self.word(1).unwrap_or_default();
            let right = self.word(2).ok_or_else(|| [operator, b": argument expected"].concat())?;
            self.place += 2;
            return binary(self.shell, word, operator, right);
        }
        Ok(!word.is_empty())
    }
}
