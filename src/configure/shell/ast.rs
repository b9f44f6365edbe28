//! What a script says, apart from what it does: the tree that [`parse`](super::parse) makes and
//! [`execute`](super::execute) walks. Every command knows its line.
//!
//! Text: POSIX.1-2024, Shell Command Language, 2.10 (the grammar).

use std::cell::OnceCell;
use std::rc::Rc;

/// One complete command, or a list of them.
#[derive(Debug)]
pub enum Command {
    /// Assignments, words and redirections.
    Simple {
        /// Where it begins.
        line: u32,
        /// `name=word` in front.
        assignments: Vec<(Vec<u8>, Word)>,
        /// Name and arguments.
        words: Vec<Word>,
        /// In the order written.
        redirects: Vec<Redirect>,
    },
    /// `a | b | c`, at least two.
    Pipeline(Vec<Self>),
    /// `! pipeline`.
    Not(Box<Self>),
    /// `a && b || c`: of equal rank, from left to right.
    AndOr(Box<Self>, Vec<(Connector, Self)>),
    /// `a; b`.
    Sequence(Vec<Self>),
    /// `a &`.
    Background(u32, Box<Self>),
    /// `( list )`.
    Subshell(Box<Self>),
    /// `if`, with its `elif`s as further pairs of condition and list, and `else`.
    If(Vec<(Self, Self)>, Option<Box<Self>>),
    /// `for name in words; do list; done`; without `in` over `"$@"`.
    For {
        /// Where it begins.
        line: u32,
        /// The variable.
        name: Vec<u8>,
        /// `None` without `in`.
        words: Option<Vec<Word>>,
        /// The body.
        body: Box<Self>,
    },
    /// `while` (true) or `until` (false).
    Loop(bool, Box<Self>, Box<Self>),
    /// `case word in pattern | pattern) list ;; esac`.
    Case {
        /// Where it begins.
        line: u32,
        /// What is matched.
        word: Word,
        /// Patterns, and what to do.
        arms: Vec<(Vec<Word>, Self)>,
    },
    /// `name() command`.
    Function(Vec<u8>, Rc<Self>),
    /// A compound command with redirections.
    Redirected(u32, Box<Self>, Vec<Redirect>),
}

/// What joins two commands of an and-or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// A word before expansion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word(pub Vec<Part>);

/// A piece of a word.
#[derive(Debug, Clone)]
pub enum Part {
    /// Bytes without quotes: patterns and, inside `${x:-…}`, subject to splitting.
    Plain(Vec<u8>),
    /// Bytes in single quotes or behind a backslash: themselves.
    Quoted(Vec<u8>),
    /// `"…"`.
    Double(Vec<Self>),
    /// `$x`, `${x…}`.
    Parameter(Box<Parameter>),
    /// `$(…)` or `` `…` ``.
    Command(Rc<Command>),
    /// `$((…))`, before its own expansion.
    Arithmetic(Vec<Self>),
    /// `~` or `~user` where a tilde counts.
    Tilde(Vec<u8>),
}

impl PartialEq for Part {
    /// Command substitutions are never equal: nothing compares them.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b))
            | (Self::Quoted(a), Self::Quoted(b))
            | (Self::Tilde(a), Self::Tilde(b)) => a == b,
            (Self::Double(a), Self::Double(b)) | (Self::Arithmetic(a), Self::Arithmetic(b)) => a == b,
            _ => false,
        }
    }
}

/// A parameter expansion.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// A name, a number, or one of `@*#?-$!`.
    pub name: Vec<u8>,
    /// What to do with its value.
    pub operation: Operation,
}

/// What a parameter expansion does.
#[derive(Debug, Clone)]
pub enum Operation {
    /// `${x}`.
    Value,
    /// `${#x}`.
    Length,
    /// `${x-w}` `${x=w}` `${x?w}` `${x+w}`; the flag is the colon.
    Default(DefaultKind, bool, Word),
    /// `${x%w}` `${x%%w}` `${x#w}` `${x##w}`.
    Trim {
        /// `%` rather than `#`.
        suffix: bool,
        /// Doubled.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// What POSIX does not know (`${x//a/b}`): an error when it is reached, as in dash.
    Unknown,
}

/// The four ways to treat a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultKind {
    /// `-`
    Use,
    /// `=`
    Assign,
    /// `?`
    Complain,
    /// `+`
    Alternative,
}

/// One redirection.
#[derive(Debug)]
pub struct Redirect {
    /// The descriptor that it changes.
    pub descriptor: u32,
    /// How.
    pub target: Target,
}

/// What a descriptor becomes.
#[derive(Debug)]
pub enum Target {
    /// `<`
    Read(Word),
    /// `>`
    Write(Word),
    /// `>|`
    Clobber(Word),
    /// `>>`
    Append(Word),
    /// `<>`
    ReadWrite(Word),
    /// `<&` or `>&`: a number or `-`.
    Duplicate(Word),
    /// `<<` and `<<-`, its text filled in when the line is read on.
    HereDocument(Rc<OnceCell<Vec<Part>>>),
}
