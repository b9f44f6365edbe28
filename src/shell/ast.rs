//! What a script says, apart from what it does: the tree that [`parse`](super::parse) makes and
//! [`execute`](super::execute) walks. Every command knows its line.
//!
//! Text: POSIX.1-2024, Shell Command Language, 2.10 (the grammar); bash(1), SHELL GRAMMAR, for what only bash has.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::budget::Held;

/// One complete command, or a list of them.
#[derive(Debug)]
pub enum Command {
    /// Assignments, words and redirections.
    Simple {
        /// Where it begins.
        line: u32,
        /// `name=word` in front.
        assignments: Vec<Assignment>,
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
        arms: Vec<Arm>,
    },
    /// `name() command`.
    Function(Vec<u8>, Rc<Function>),
    /// A compound command with redirections.
    Redirected(u32, Box<Self>, Vec<Redirect>),
    /// `(( expression ))`, of bash.
    Arithmetic(u32, Vec<Part>),
    /// `for (( first; condition; next ))`, of bash.
    ArithmeticFor {
        /// Where it begins.
        line: u32,
        /// The three expressions.
        clauses: Box<[Vec<Part>; 3]>,
        /// The body.
        body: Box<Self>,
    },
    /// `[[ condition ]]`, of bash.
    Conditional(u32, Condition),
    /// `time pipeline`, of bash; the flag is `-p`.
    Time(bool, Box<Self>),
}

/// A function's body, with the claim to its memory: it outlives the text that it was read from.
#[derive(Debug)]
pub struct Function {
    /// What it does.
    pub body: Command,
    /// What it takes.
    pub(super) _held: Held,
}

/// One arm of a `case`.
#[derive(Debug)]
pub struct Arm {
    /// Any of them.
    pub patterns: Vec<Word>,
    /// What to do.
    pub body: Command,
    /// What comes then.
    pub then: Then,
}

/// How an arm of a `case` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// `;;`
    Leave,
    /// `;&`, of bash: the next arm's body.
    Fall,
    /// `;;&`, of bash: the next arm that matches.
    Match,
}

/// What joins two commands of an and-or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// What stands in `[[ ]]`.
#[derive(Debug)]
pub enum Condition {
    /// A word that is not empty.
    Word(Word),
    /// `-f word`.
    Unary(Vec<u8>, Word),
    /// `word operator word`.
    Binary(Word, Vec<u8>, Word),
    /// `! condition`.
    Not(Box<Self>),
    /// `a && b`.
    And(Box<Self>, Box<Self>),
    /// `a || b`.
    Or(Box<Self>, Box<Self>),
}

/// `name=value`, and what bash has beside it.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub name: Vec<u8>,
    /// `name[subscript]=`
    pub subscript: Option<Word>,
    /// `+=`
    pub append: bool,
    /// Behind the `=`.
    pub value: Assigned,
}

/// What is assigned.
#[derive(Debug, Clone)]
pub enum Assigned {
    /// A word.
    Text(Word),
    /// `( … )`.
    Array(Vec<Element>),
}

/// One word of an array's value.
#[derive(Debug, Clone)]
pub struct Element {
    /// `[subscript]=`
    pub subscript: Option<Word>,
    /// `[subscript]+=`
    pub append: bool,
    /// The value; without a subscript it may become several.
    pub word: Word,
}

/// A word before expansion.
#[derive(Debug, Clone, Default)]
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
    /// `<(…)`, of bash.
    Process(Rc<Command>),
    /// An argument that only assigns: `declare a=(…)`, of bash.
    Assign(Box<Assignment>),
}

/// A parameter expansion.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// A name, a number, or one of `@*#?-$!`.
    pub name: Vec<u8>,
    /// `${name[…]}`, of bash.
    pub subscript: Option<Subscript>,
    /// `${!name}`, of bash: the value is the name.
    pub indirect: bool,
    /// `${name}` rather than `$name`.
    pub braced: bool,
    /// What to do with its value.
    pub operation: Operation,
}

/// Which elements of an array.
#[derive(Debug, Clone)]
pub enum Subscript {
    /// `@` (true) or `*`.
    All(bool),
    /// One.
    One(Word),
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
    /// `${x:offset:length}`, of bash.
    Slice(Vec<Part>, Option<Vec<Part>>),
    /// `${x/pattern/text}`, of bash.
    Replace {
        /// Where.
        place: Place,
        /// The pattern.
        pattern: Word,
        /// What comes there.
        text: Word,
    },
    /// `${x^^pattern}`, of bash.
    Case {
        /// `^`, `,` or `~`.
        how: u8,
        /// Doubled.
        all: bool,
        /// Which letters; without one all.
        pattern: Word,
    },
    /// `${x@Q}`, of bash.
    Transform(u8),
    /// `${!a[@]}`, of bash: the subscripts.
    Subscripts,
    /// `${!x@}` (true) or `${!x*}`, of bash: names that begin so.
    Names(bool),
    /// What POSIX does not know (`${x//a/b}`): an error when it is reached, as in dash.
    Unknown,
}

/// Where `${x/…}` replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/`: the first match.
    First,
    /// `//`: each.
    Each,
    /// `/#`: at the beginning.
    Start,
    /// `/%`: at the end.
    End,
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
    /// `<<<`, of bash.
    HereString(Word),
    /// `&>` and `&>>` (true), of bash: output and errors.
    Both(Word, bool),
}

/// A word in which nothing is expanded.
pub(super) fn literal(parts: &[Part]) -> Option<&[u8]> {
    match parts {
        [Part::Plain(text) | Part::Quoted(text)] => Some(text),
        [Part::Double(parts)] => literal(parts),
        _ => None,
    }
}
