//! A script while it is read: its bytes, the token ahead, and how deep the reader is.

use super::Dialect;
use super::ast::Part;
use super::ast::Word;
use super::value::Table;
use super::value::Value;
use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;
use std::cell::OnceCell;
use std::rc::Rc;

/// Deepest nesting of commands, substitutions and expansions. Real scripts stay below 20.
const DEPTH_MAX: u32 = 120;

/// A script that cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// Nothing is wrong with it: the budget is spent.
    pub spent: Option<Spent>,
}

impl From<Spent> for SyntaxError {
    fn from(spent: Spent) -> Self {
        Self { line: 0, message: spent.to_string(), spent: Some(spent) }
    }
}

/// Whose grammar it is, and what of it is switched on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// The shell.
    pub dialect: Dialect,
    /// bash's `extglob`.
    pub groups: bool,
    /// The locale has no letters but ASCII's: bash's `\u` makes none.
    pub narrow: bool,
}

/// Reads one script.
#[derive(Debug)]
pub struct Parser {
    pub(super) source: Vec<u8>,
    pub(super) position: usize,
    pub(super) line: u32,
    pub(super) depth: u32,
    pub(super) ahead: Option<Token>,
    pub(super) ahead_line: u32,
    pub(super) here: Vec<PendingHere>,
    pub(super) aliases: Table<Value>,
    /// Aliases whose text is being read, with the end of that text counted from the end of the source.
    pub(super) expanding: Vec<(Vec<u8>, usize)>,
    pub(super) manner: Manner,
    pub(super) budget: Budget,
    /// What the source and the commands that were made of it take.
    pub(super) held: Held,
    _source: Held,
}

impl Parser {
    /// A reader of `source` whose first line has the number `line`.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn new(source: &[u8], line: u32, manner: Manner, budget: &Budget) -> Result<Self, Spent> {
        budget.made(source.len())?;
        Ok(Self {
            _source: budget.hold(source.len())?,
            held: budget.hold(0)?,
            source: source.to_vec(),
            position: 0,
            line,
            depth: 0,
            ahead: None,
            ahead_line: line,
            here: Vec::new(),
            aliases: Table::default(),
            expanding: Vec::new(),
            manner,
            budget: budget.clone(),
        })
    }
}

impl Parser {
    /// A parser of a text inside this one: same depth, same aliases.
    pub(super) fn sub_parser(&self, text: &[u8], line: u32) -> Result<Self, SyntaxError> {
        let mut inner = Self::new(text, line, self.manner, &self.budget)?;
        inner.depth = self.depth;
        inner.aliases.clone_from(&self.aliases);
        Ok(inner)
    }

    /// Takes over the claim of a parser inside this one.
    pub(super) fn adopt(&mut self, inner: Self) -> Result<(), SyntaxError> {
        let bytes = inner.held.bytes();
        drop(inner);
        Ok(self.held.grow(bytes)?)
    }
}

impl Parser {
    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.line, message: message.into(), spent: None }
    }

    pub(super) fn unexpected(&self, token: &Token) -> SyntaxError {
        let what = match token {
            Token::Word(word) => plain(word).map_or_else(|| "word".into(), crate::tree::escape),
            Token::Operator(operator) => (*operator).to_owned(),
            Token::Number(number) => number.to_string(),
            Token::Newline => "newline".into(),
            Token::End => "end of file".into(),
        };
        let message = format!("syntax error: `{what}` unexpected");
        SyntaxError { line: self.ahead_line, message, spent: None }
    }

    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("nested too deeply"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// The text of a word that is one piece without quotes: what can be a reserved word, a name or an alias.
pub(super) fn plain(word: &Word) -> Option<&[u8]> {
    match word.0.as_slice() {
        [Part::Plain(text)] => Some(text),
        _ => None,
    }
}

/// Whether this is a variable's name.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[derive(Debug, Clone)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Number(u32),
    Newline,
    End,
}

/// A here-document whose text comes behind the line.
#[derive(Debug)]
pub(super) struct PendingHere {
    pub(super) delimiter: Vec<u8>,
    pub(super) quoted: bool,
    pub(super) strip_tabs: bool,
    pub(super) text: Rc<OnceCell<Vec<Part>>>,
}
