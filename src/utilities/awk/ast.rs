//! What an awk program says, apart from what it does.

use std::rc::Rc;

/// Where a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Global(usize),
    Local(usize),
}

#[derive(Debug)]
pub(super) enum Expression {
    Number(f64),
    Text(Vec<u8>),
    Regex(Rc<[u8]>),
    Variable(Name),
    Element(Name, Vec<Self>),
    Field(Box<Self>),
    Assign(Box<Self>, Option<u8>, Box<Self>),
    /// Before (true) or behind the value, by one up or down.
    Step(Box<Self>, bool, f64),
    /// `+`, `-`, `*`, `/`, `%` from the left.
    Chain(Box<Self>, Vec<(u8, Self)>),
    Power(Box<Self>, Box<Self>),
    Compare(&'static str, Box<Self>, Box<Self>),
    /// Each with whether it shall match.
    Match(Box<Self>, Vec<(bool, Self)>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Unary(u8, Box<Self>),
    Choose(Box<Self>, Box<Self>, Box<Self>),
    Concatenate(Vec<Self>),
    In(Vec<Self>, Name),
    Call(&'static str, Vec<Self>),
    Own(usize, Vec<Self>),
    Getline(Option<Box<Self>>, Source),
    Group(Box<Self>),
}

/// Where `getline` reads.
#[derive(Debug)]
pub(super) enum Source {
    Main,
    File(Box<Expression>),
    Command(Box<Expression>),
}

#[derive(Debug)]
pub(super) enum Statement {
    Expression(Expression),
    Print(Vec<Expression>, Option<Output>),
    Format(Vec<Expression>, Option<Output>),
    If(Expression, Box<Self>, Option<Box<Self>>),
    /// Condition, body, step; the condition comes first unless it is a `do`.
    Loop {
        condition: Option<Expression>,
        body: Box<Self>,
        step: Option<Box<Self>>,
        first: bool,
    },
    /// Key, array, body, and whether the order of the keys can be seen.
    ForIn(Name, Name, Box<Self>, bool),
    Block(Vec<Self>),
    Next,
    NextFile,
    Exit(Option<Expression>),
    Break,
    Continue,
    Delete(Name, Vec<Expression>),
    Return(Option<Expression>),
}

#[derive(Debug)]
pub(super) struct Output {
    pub(super) how: How,
    pub(super) path: Expression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Write,
    Append,
    Pipe,
}

#[derive(Debug)]
pub(super) enum Pattern {
    Begin,
    End,
    Always,
    When(Expression),
    Range(Expression, Expression),
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: usize,
    /// Which of them are arrays.
    pub(super) arrays: Vec<bool>,
    pub(super) body: Statement,
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) rules: Vec<(Pattern, Option<Statement>)>,
    pub(super) functions: Vec<Function>,
    /// The names of the globals, by their numbers.
    pub(super) globals: Vec<String>,
}

/// The variables that awk knows, by their numbers.
pub(super) const SPECIAL: [&str; 17] = [
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "CONVFMT", "OFMT", "FILENAME", "RSTART", "RLENGTH",
    "ENVIRON", "ARGC", "ARGV", "RT",
];
