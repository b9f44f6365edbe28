//! Programs of awk → what they say.
//!
//! Operators of one rank are one node with a list, and no node nests deeper than [`DEPTH_MAX`]: a program of a million
//! sums is neither evaluated nor dropped by recursion.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Dialect;
use super::lex::Lexer;
use super::lex::Token;
use super::lex::is_keyword;
use super::syntax;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::utilities::Fault;
use crate::utilities::buffer::Kept;

const DEPTH_MAX: u32 = 100;

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

/// The functions that awk knows, with the fewest and the most arguments.
const BUILTINS: [(&str, usize, usize); 23] = [
    ("atan2", 2, 2),
    ("close", 1, 1),
    ("cos", 1, 1),
    ("exp", 1, 1),
    ("fflush", 0, 1),
    ("gsub", 2, 3),
    ("index", 2, 2),
    ("int", 1, 1),
    ("length", 0, 1),
    ("log", 1, 1),
    ("match", 2, 2),
    ("sin", 1, 1),
    ("split", 2, 3),
    ("sprintf", 1, usize::MAX),
    ("sqrt", 1, 1),
    ("sub", 2, 3),
    ("substr", 2, 3),
    ("system", 1, 1),
    ("tolower", 1, 1),
    ("toupper", 1, 1),
    // Known to all, and never the same.
    ("rand", usize::MAX, 0),
    ("srand", usize::MAX, 0),
    ("systime", usize::MAX, 0),
];

/// Reads a program.
///
/// # Errors
/// It is none, or uses what is not written.
pub(super) fn parse(text: &[u8], dialect: Dialect, budget: &Budget) -> Result<Program, Fault> {
    let tokens = Lexer::new(text, dialect).all(budget)?;
    let mut parser = Parser {
        tokens,
        position: 0,
        depth: 0,
        no_in: false,
        no_greater: false,
        dialect,
        globals: SPECIAL.iter().enumerate().map(|(index, name)| ((*name).to_owned(), index)).collect(),
        functions: BTreeMap::new(),
        locals: Vec::new(),
        loops: 0,
        place: Place::Rule,
        budget: budget.clone(),
    };
    parser.program()
}

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Rule,
    /// `BEGIN` or `END`: no `next`.
    Edge,
    Function,
}

struct Parser {
    tokens: Kept<Token>,
    position: usize,
    depth: u32,
    /// Inside the head of a `for`, where `in` is not an operator.
    no_in: bool,
    /// Inside `print`, where `>` redirects.
    no_greater: bool,
    dialect: Dialect,
    globals: BTreeMap<String, usize>,
    /// Own functions: number, and how many parameters when it is known.
    functions: BTreeMap<String, (usize, Option<usize>)>,
    /// Parameters of the function being read.
    locals: Vec<String>,
    loops: u32,
    place: Place,
    budget: Budget,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.position.min(self.tokens.len() - 1)]
    }

    fn at(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    fn skip(&mut self, mark: &str) -> bool {
        let found = self.at(mark);
        self.position += usize::from(found);
        found
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name == word)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), Fault> {
        if self.skip(mark) { Ok(()) } else { Err(syntax(&format!("a missing `{mark}`"))) }
    }

    fn lines(&mut self) {
        while *self.peek() == Token::Newline {
            self.position += 1;
        }
    }

    /// Newlines and semicolons between statements.
    fn breaks(&mut self) {
        while *self.peek() == Token::Newline || self.at(";") {
            self.position += 1;
        }
    }

    fn variable(&mut self, name: String) -> Result<Name, Fault> {
        if let Some(local) = self.locals.iter().position(|local| *local == name) {
            return Ok(Name::Local(local));
        }
        let builtin = BUILTINS.iter().any(|(builtin, ..)| *builtin == name);
        if is_keyword(&name) || builtin || self.functions.contains_key(&name) {
            return Err(syntax(&format!("`{name}` where a variable is needed")));
        }
        if name == "RT" && self.dialect != Dialect::Gawk {
            return Err(syntax("RT, which is only gawk's"));
        }
        let gawk = [
            "BINMODE",
            "ERRNO",
            "FIELDWIDTHS",
            "FPAT",
            "IGNORECASE",
            "PROCINFO",
            "SYMTAB",
            "FUNCTAB",
            "TEXTDOMAIN",
            "LINT",
        ];
        if gawk.contains(&name.as_str()) {
            return Err(syntax(&format!("{name}, which is only gawk's")));
        }
        let next = self.globals.len();
        Ok(Name::Global(*self.globals.entry(name).or_insert(next)))
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().clone() {
            Token::Name(name) if !is_keyword(&name) => {
                self.position += 1;
                Ok(name)
            }
            _ => Err(syntax("a missing name")),
        }
    }

    fn program(&mut self) -> Result<Program, Fault> {
        let (mut rules, mut functions) = (Vec::new(), BTreeMap::new());
        self.lines();
        loop {
            if *self.peek() == Token::End {
                break;
            }
            if self.at_word("function") || self.at_word("func") {
                if self.word("func") && self.dialect != Dialect::Gawk {
                    return Err(syntax("`func`, which is only gawk's"));
                }
                self.word("function");
                let (number, function) = self.function()?;
                if functions.insert(number, function).is_some() {
                    return Err(syntax("a function twice"));
                }
            } else {
                rules.push(self.rule()?);
            }
            self.budget.step()?;
            self.breaks();
        }
        let defined = functions.len();
        if let Some((name, _)) = self.functions.iter().find(|(_, (number, _))| !functions.contains_key(number)) {
            return Err(Fault::gap(format!("function {name}")));
        }
        let mut functions: Vec<Function> = functions.into_values().collect();
        debug_assert_eq!(functions.len(), defined);
        find_arrays(&mut functions, &self.budget)?;
        let mut globals = vec![String::new(); self.globals.len()];
        for (name, index) in &self.globals {
            globals[*index].clone_from(name);
        }
        Ok(Program { rules, functions, globals })
    }

    fn rule(&mut self) -> Result<(Pattern, Option<Statement>), Fault> {
        let edge = self.at_word("BEGIN") || self.at_word("END");
        self.place = if edge { Place::Edge } else { Place::Rule };
        let pattern = if self.word("BEGIN") {
            Pattern::Begin
        } else if self.word("END") {
            Pattern::End
        } else if self.at("{") {
            Pattern::Always
        } else {
            let first = self.expression()?;
            if self.skip(",") {
                self.lines();
                Pattern::Range(first, self.expression()?)
            } else {
                Pattern::When(first)
            }
        };
        if self.at("{") {
            return Ok((pattern, Some(self.block()?)));
        }
        if edge {
            return Err(syntax("BEGIN or END without an action"));
        }
        if !matches!(self.peek(), Token::Newline | Token::End) && !self.at(";") {
            return Err(syntax("what does not belong together"));
        }
        Ok((pattern, None))
    }

    fn function(&mut self) -> Result<(usize, Function), Fault> {
        let name = match self.peek().clone() {
            Token::Function(name) | Token::Name(name) if !is_keyword(&name) => name,
            _ => return Err(syntax("a missing name")),
        };
        self.position += 1;
        if BUILTINS.iter().any(|(builtin, ..)| *builtin == name) || self.globals.contains_key(&name) {
            return Err(syntax(&format!("a function of the name `{name}`")));
        }
        let next = self.functions.len();
        let number = self.functions.entry(name.clone()).or_insert((next, None)).0;
        self.expect("(")?;
        let mut parameters = Vec::new();
        self.lines();
        while !self.at(")") {
            let parameter = self.name()?;
            if parameters.contains(&parameter) || SPECIAL.contains(&parameter.as_str()) || parameter == name {
                return Err(syntax(&format!("a parameter `{parameter}`")));
            }
            parameters.push(parameter);
            self.lines();
            if !self.at(")") {
                self.expect(",")?;
                self.lines();
                if self.at(")") {
                    return Err(syntax("a comma behind the last parameter"));
                }
            }
        }
        self.expect(")")?;
        self.lines();
        let count = parameters.len();
        self.functions.insert(name, (number, Some(count)));
        self.locals = parameters;
        self.place = Place::Function;
        let body = self.block()?;
        self.locals = Vec::new();
        Ok((number, Function { parameters: count, arrays: vec![false; count], body }))
    }

    fn block(&mut self) -> Result<Statement, Fault> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            self.budget.step()?;
            self.breaks();
            if self.skip("}") {
                return Ok(Statement::Block(statements));
            }
            statements.push(self.statement()?);
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Spent::Depth.into());
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self) -> Result<Statement, Fault> {
        self.nested(Self::any_statement)
    }

    fn body(&mut self) -> Result<Box<Statement>, Fault> {
        self.lines();
        if self.skip(";") {
            return Ok(Box::new(Statement::Block(Vec::new())));
        }
        self.statement().map(Box::new)
    }

    fn loop_body(&mut self) -> Result<Box<Statement>, Fault> {
        self.loops += 1;
        let body = self.body();
        self.loops -= 1;
        body
    }

    fn any_statement(&mut self) -> Result<Statement, Fault> {
        if self.at("{") {
            return self.block();
        }
        if self.word("if") {
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            let yes = self.body()?;
            let before = self.position;
            self.breaks();
            if self.word("else") {
                return Ok(Statement::If(condition, yes, Some(self.body()?)));
            }
            self.position = before;
            return Ok(Statement::If(condition, yes, None));
        }
        if self.word("while") {
            self.expect("(")?;
            let condition = Some(self.expression()?);
            self.expect(")")?;
            return Ok(Statement::Loop { condition, body: self.loop_body()?, step: None, first: true });
        }
        if self.word("do") {
            let body = self.loop_body()?;
            self.breaks();
            if !self.word("while") {
                return Err(syntax("a `do` without `while`"));
            }
            self.expect("(")?;
            let condition = Some(self.expression()?);
            self.expect(")")?;
            self.ended()?;
            return Ok(Statement::Loop { condition, body, step: None, first: false });
        }
        if self.word("for") {
            return self.for_statement();
        }
        let simple = self.simple()?;
        self.ended()?;
        Ok(simple)
    }

    fn ended(&self) -> Result<(), Fault> {
        if matches!(self.peek(), Token::Newline | Token::End) || self.at(";") || self.at("}") {
            return Ok(());
        }
        Err(syntax("what does not belong together"))
    }

    fn for_statement(&mut self) -> Result<Statement, Fault> {
        self.expect("(")?;
        if let [Token::Name(key), Token::Name(word), Token::Name(array), Token::Mark(")"), ..] =
            &self.tokens[self.position..]
            && word == "in"
        {
            let (key, array) = (key.clone(), array.clone());
            self.position += 4;
            // In which order an environment has its names depends on who made it: nobody can rely on one.
            let has_an_order = array != "ENVIRON";
            let (key, array) = (self.variable(key)?, self.variable(array)?);
            let body = self.loop_body()?;
            let seen = has_an_order && order_is_seen(&body, key);
            return Ok(Statement::ForIn(key, array, body, seen));
        }
        let start = if self.at(";") { None } else { Some(self.simple()?) };
        self.expect(";")?;
        self.lines();
        let condition = if self.at(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.lines();
        let step = if self.at(")") { None } else { Some(Box::new(self.simple()?)) };
        self.expect(")")?;
        let whole = Statement::Loop { condition, body: self.loop_body()?, step, first: true };
        Ok(Statement::Block(start.into_iter().chain([whole]).collect()))
    }

    fn simple(&mut self) -> Result<Statement, Fault> {
        let ends =
            |parser: &Self| matches!(parser.peek(), Token::Newline | Token::End) || parser.at(";") || parser.at("}");
        let Token::Name(word) = self.peek().clone() else { return self.expression().map(Statement::Expression) };
        if !is_keyword(&word) || word == "getline" {
            return self.expression().map(Statement::Expression);
        }
        self.position += 1;
        Ok(match word.as_str() {
            "print" => {
                let (list, output) = self.print_list()?;
                Statement::Print(list, output)
            }
            "printf" => {
                let (list, output) = self.print_list()?;
                if list.is_empty() {
                    return Err(syntax("`printf` without a format"));
                }
                Statement::Format(list, output)
            }
            "next" | "nextfile" if self.place == Place::Edge => {
                return Err(syntax(&format!("`{word}` in BEGIN or END")));
            }
            "next" => Statement::Next,
            "nextfile" => Statement::NextFile,
            "break" | "continue" if self.loops == 0 => return Err(syntax(&format!("`{word}` outside a loop"))),
            "break" => Statement::Break,
            "continue" => Statement::Continue,
            "exit" => Statement::Exit(if ends(self) { None } else { Some(self.expression()?) }),
            "return" if self.place != Place::Function => return Err(syntax("`return` outside a function")),
            "return" => Statement::Return(if ends(self) { None } else { Some(self.expression()?) }),
            "delete" => {
                let name = self.name()?;
                let name = self.variable(name)?;
                let index = if self.skip("[") { self.list("]")? } else { Vec::new() };
                Statement::Delete(name, index)
            }
            _ => return Err(syntax(&format!("`{word}` where a statement is needed"))),
        })
    }

    fn print_list(&mut self) -> Result<(Vec<Expression>, Option<Output>), Fault> {
        let before = std::mem::replace(&mut self.no_greater, true);
        let mut list = Vec::new();
        let ended = |parser: &Self| {
            matches!(parser.peek(), Token::Newline | Token::End)
                || [";", "}", ">", ">>", "|"].iter().any(|mark| parser.at(mark))
        };
        // `print (a, b)` is a list, `print (a) b` an expression.
        if self.at("(") {
            let start = self.position;
            self.position += 1;
            self.no_greater = false;
            let grouped = self.list(")")?;
            self.no_greater = true;
            if ended(self) && !grouped.is_empty() {
                list = grouped;
            } else {
                self.position = start;
            }
        }
        while list.is_empty() && !ended(self) {
            loop {
                list.push(self.expression()?);
                if !self.skip(",") {
                    break;
                }
                self.lines();
            }
        }
        self.no_greater = before;
        let how = [(">", How::Write), (">>", How::Append), ("|", How::Pipe)];
        let Some((mark, how)) = how.into_iter().find(|(mark, _)| self.at(mark)) else { return Ok((list, None)) };
        self.skip(mark);
        let path = self.nested(Self::postfix)?;
        if self.begins_value() && !self.at("-") {
            return Err(syntax("a concatenated name to write to, which awks read differently"));
        }
        Ok((list, Some(Output { how, path })))
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, Fault> {
        let mut list = Vec::new();
        self.lines();
        if self.skip(end) {
            return Ok(list);
        }
        loop {
            list.push(self.expression()?);
            self.lines();
            if self.skip(end) {
                return Ok(list);
            }
            self.expect(",")?;
            self.lines();
        }
    }

    fn expression(&mut self) -> Result<Expression, Fault> {
        self.nested(Self::assignment)
    }

    fn assignment(&mut self) -> Result<Expression, Fault> {
        let left = self.ternary()?;
        let operators = [
            ("=", None),
            ("+=", Some(b'+')),
            ("-=", Some(b'-')),
            ("*=", Some(b'*')),
            ("/=", Some(b'/')),
            ("%=", Some(b'%')),
            ("^=", Some(b'^')),
            ("**=", Some(b'^')),
        ];
        for (mark, operator) in operators {
            if self.at(mark) {
                if !is_place(&left) {
                    return Err(syntax("an assignment to a value"));
                }
                self.power_mark(mark)?;
                self.position += 1;
                self.lines();
                let right = self.expression()?;
                return Ok(Expression::Assign(Box::new(left), operator, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn power_mark(&self, mark: &str) -> Result<(), Fault> {
        if mark.starts_with("**") && self.dialect != Dialect::Gawk {
            return Err(syntax("`**`, which is only gawk's"));
        }
        Ok(())
    }

    fn ternary(&mut self) -> Result<Expression, Fault> {
        let condition = self.any()?;
        if !self.skip("?") {
            return Ok(condition);
        }
        self.lines();
        let yes = self.expression()?;
        self.lines();
        self.expect(":")?;
        self.lines();
        let no = self.expression()?;
        Ok(Expression::Choose(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    fn any(&mut self) -> Result<Expression, Fault> {
        self.operators("||", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        self.operators("&&", Self::member, Expression::All)
    }

    fn operators(
        &mut self,
        mark: &str,
        inner: fn(&mut Self) -> Result<Expression, Fault>,
        make: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, Fault> {
        let mut list = vec![inner(self)?];
        while self.skip(mark) {
            self.budget.step()?;
            self.lines();
            list.push(inner(self)?);
        }
        Ok(if list.len() == 1 { list.remove(0) } else { make(list) })
    }

    fn member(&mut self) -> Result<Expression, Fault> {
        let mut left = self.matching()?;
        let mut nested = 0;
        while !self.no_in && self.word("in") {
            nested += 1;
            if nested > DEPTH_MAX {
                return Err(Spent::Depth.into());
            }
            let array = self.name()?;
            let array = self.variable(array)?;
            left = Expression::In(vec![left], array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<Expression, Fault> {
        let left = self.comparison()?;
        let mut list = Vec::new();
        while self.at("~") || self.at("!~") {
            self.budget.step()?;
            let wanted = self.skip("~");
            if !wanted {
                self.skip("!~");
            }
            list.push((wanted, self.comparison()?));
        }
        Ok(if list.is_empty() { left } else { Expression::Match(Box::new(left), list) })
    }

    fn comparison(&mut self) -> Result<Expression, Fault> {
        let left = self.concatenation()?;
        let marks = ["<", "<=", "==", "!=", ">", ">="];
        let found =
            |parser: &Self| marks.into_iter().find(|mark| parser.at(mark) && !(*mark == ">" && parser.no_greater));
        let Some(mark) = found(self) else { return Ok(left) };
        self.position += 1;
        let right = self.concatenation()?;
        if found(self).is_some() {
            return Err(syntax("a comparison of a comparison"));
        }
        Ok(Expression::Compare(mark, Box::new(left), Box::new(right)))
    }

    fn concatenation(&mut self) -> Result<Expression, Fault> {
        let mut list = vec![self.sum()?];
        while self.begins_value() {
            self.budget.step()?;
            list.push(self.sum()?);
        }
        let mut joined = if list.len() == 1 { list.remove(0) } else { Expression::Concatenate(list) };
        let mut nested = 0;
        while self.at("|") && matches!(self.tokens.get(self.position + 1), Some(Token::Name(name)) if name == "getline")
        {
            nested += 1;
            if nested > DEPTH_MAX {
                return Err(Spent::Depth.into());
            }
            self.position += 2;
            let target = self.getline_target()?;
            joined = Expression::Getline(target, Source::Command(Box::new(joined)));
        }
        Ok(joined)
    }

    fn getline_target(&mut self) -> Result<Option<Box<Expression>>, Fault> {
        let begins = match self.peek() {
            Token::Name(name) => !is_keyword(name),
            Token::Mark(mark) => *mark == "$",
            _ => false,
        };
        if !begins {
            return Ok(None);
        }
        let target = self.nested(Self::primary)?;
        if is_place(&target) { Ok(Some(Box::new(target))) } else { Err(syntax("`getline` into a value")) }
    }

    fn begins_value(&self) -> bool {
        match self.peek() {
            Token::Name(name) => !is_keyword(name),
            Token::Number(_) | Token::Text(_) | Token::Function(_) => true,
            Token::Mark(mark) => matches!(*mark, "(" | "$" | "!" | "++" | "--"),
            _ => false,
        }
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("+", b'+'), ("-", b'-')], Self::product)
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("*", b'*'), ("/", b'/'), ("%", b'%')], Self::unary)
    }

    fn chain(
        &mut self,
        marks: &[(&'static str, u8)],
        inner: fn(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let first = inner(self)?;
        let mut list = Vec::new();
        while let Some((mark, operator)) = marks.iter().find(|(mark, _)| self.at(mark)) {
            self.budget.step()?;
            self.skip(mark);
            list.push((*operator, inner(self)?));
        }
        Ok(if list.is_empty() { first } else { Expression::Chain(Box::new(first), list) })
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        for (mark, letter) in [("!", b'!'), ("-", b'-'), ("+", b'+')] {
            if self.skip(mark) {
                let inner = self.nested(Self::unary)?;
                return Ok(Expression::Unary(letter, Box::new(inner)));
            }
        }
        let base = self.postfix()?;
        if self.at("^") || self.at("**") {
            if self.skip("**") {
                self.power_mark("**")?;
            } else {
                self.skip("^");
            }
            let power = self.nested(Self::unary)?;
            return Ok(Expression::Power(Box::new(base), Box::new(power)));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Result<Expression, Fault> {
        for (mark, by) in [("++", 1.0), ("--", -1.0)] {
            if self.skip(mark) {
                let target = self.nested(Self::primary)?;
                if !is_place(&target) {
                    return Err(syntax("a step of a value"));
                }
                return Ok(Expression::Step(Box::new(target), true, by));
            }
        }
        let value = self.primary()?;
        if is_place(&value) {
            for (mark, by) in [("++", 1.0), ("--", -1.0)] {
                if self.skip(mark) {
                    let named =
                        matches!(&value, Expression::Field(inner) if matches!(**inner, Expression::Variable(_)));
                    if named && self.dialect != Dialect::Gawk {
                        return Err(syntax("`$x++`, of which mawk steps the name and not the field"));
                    }
                    return Ok(Expression::Step(Box::new(value), false, by));
                }
            }
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let token = self.peek().clone();
        self.position += 1;
        match token {
            Token::Number(number) => Ok(Expression::Number(number)),
            Token::Text(text) => Ok(Expression::Text(text)),
            Token::Regex(text) => Ok(Expression::Regex(text.into())),
            Token::Name(name) if name == "getline" => {
                let target = self.getline_target()?;
                let source =
                    if self.skip("<") { Source::File(Box::new(self.nested(Self::postfix)?)) } else { Source::Main };
                Ok(Expression::Getline(target, source))
            }
            Token::Name(name) if name == "length" => Ok(Expression::Call("length", Vec::new())),
            Token::Name(name) => {
                let place = self.variable(name)?;
                if self.skip("[") {
                    let index = self.list("]")?;
                    if index.is_empty() {
                        return Err(syntax("an element without an index"));
                    }
                    return Ok(Expression::Element(place, index));
                }
                Ok(Expression::Variable(place))
            }
            Token::Function(name) => self.call(name),
            Token::Mark("$") => {
                let inner = self.nested(|parser| {
                    let sign = [("-", b'-'), ("+", b'+'), ("!", b'!')].into_iter().find(|(mark, _)| parser.at(mark));
                    match sign {
                        Some((mark, letter)) => {
                            parser.skip(mark);
                            Ok(Expression::Unary(letter, Box::new(parser.nested(Self::primary)?)))
                        }
                        None if parser.at("++") || parser.at("--") => parser.postfix(),
                        None => parser.primary(),
                    }
                })?;
                Ok(Expression::Field(Box::new(inner)))
            }
            Token::Mark("(") => {
                let before = (std::mem::take(&mut self.no_greater), std::mem::take(&mut self.no_in));
                let mut list = self.nested(|parser| parser.list(")"))?;
                (self.no_greater, self.no_in) = before;
                if list.len() == 1 {
                    return Ok(Expression::Group(Box::new(list.remove(0))));
                }
                if !list.is_empty() && self.word("in") {
                    let array = self.name()?;
                    return Ok(Expression::In(list, self.variable(array)?));
                }
                Err(syntax("a list where a value is needed"))
            }
            _ => Err(syntax("what is not known here")),
        }
    }

    fn call(&mut self, name: String) -> Result<Expression, Fault> {
        self.expect("(")?;
        let before = (std::mem::take(&mut self.no_greater), std::mem::take(&mut self.no_in));
        let list = self.nested(|parser| parser.list(")"))?;
        (self.no_greater, self.no_in) = before;
        if let Some((builtin, fewest, most)) = BUILTINS.iter().find(|(builtin, ..)| *builtin == name) {
            if *fewest == usize::MAX {
                return Err(Fault::gap(format!("function {name}")));
            }
            if !(*fewest..=*most).contains(&list.len()) {
                return Err(syntax(&format!("{} arguments of {name}", list.len())));
            }
            return Ok(Expression::Call(builtin, list));
        }
        let next = self.functions.len();
        let (number, count) = *self.functions.entry(name.clone()).or_insert((next, None));
        if count.is_some_and(|count| list.len() > count) {
            return Err(syntax(&format!("too many arguments of {name}")));
        }
        Ok(Expression::Own(number, list))
    }
}

const fn is_place(expression: &Expression) -> bool {
    matches!(expression, Expression::Variable(_) | Expression::Element(..) | Expression::Field(_))
}

/// What lies directly below an expression.
pub(super) fn below(expression: &Expression) -> Vec<&Expression> {
    use Expression as E;
    match expression {
        E::Number(_) | E::Text(_) | E::Regex(_) | E::Variable(_) => Vec::new(),
        E::Element(_, list) | E::All(list) | E::Any(list) | E::Concatenate(list) | E::In(list, _) => {
            list.iter().collect()
        }
        E::Call(_, list) | E::Own(_, list) => list.iter().collect(),
        E::Field(inner) | E::Step(inner, ..) | E::Unary(_, inner) | E::Group(inner) => vec![inner],
        E::Assign(left, _, right) | E::Power(left, right) | E::Compare(_, left, right) => vec![left, right],
        E::Chain(first, list) => std::iter::once(&**first).chain(list.iter().map(|(_, item)| item)).collect(),
        E::Match(first, list) => std::iter::once(&**first).chain(list.iter().map(|(_, item)| item)).collect(),
        E::Choose(condition, yes, no) => vec![condition, yes, no],
        E::Getline(target, source) => {
            let source = match source {
                Source::Main => None,
                Source::File(path) | Source::Command(path) => Some(&**path),
            };
            target.iter().map(|target| &**target).chain(source).collect()
        }
    }
}

/// Goes through all statements and expressions below a statement.
fn visit<'a>(
    statement: &'a Statement,
    statements: &mut impl FnMut(&'a Statement),
    expressions: &mut impl FnMut(&'a Expression),
) {
    statements(statement);
    let mut open: Vec<&Expression> = Vec::new();
    match statement {
        Statement::Expression(expression) => open.push(expression),
        Statement::Print(list, output) | Statement::Format(list, output) => {
            open.extend(list);
            open.extend(output.iter().map(|output| &output.path));
        }
        Statement::If(condition, yes, no) => {
            open.push(condition);
            visit(yes, statements, expressions);
            if let Some(no) = no {
                visit(no, statements, expressions);
            }
        }
        Statement::Loop { condition, body, step, .. } => {
            open.extend(condition);
            visit(body, statements, expressions);
            if let Some(step) = step {
                visit(step, statements, expressions);
            }
        }
        Statement::ForIn(_, _, body, _) => visit(body, statements, expressions),
        Statement::Block(list) => list.iter().for_each(|statement| visit(statement, statements, expressions)),
        Statement::Exit(value) | Statement::Return(value) => open.extend(value),
        Statement::Delete(_, index) => open.extend(index),
        Statement::Next | Statement::NextFile | Statement::Break | Statement::Continue => {}
    }
    while let Some(expression) = open.pop() {
        expressions(expression);
        open.extend(below(expression));
    }
}

/// Whether it can be seen in which order a body is followed for the keys of an array: mawk and gawk have each their
/// own. Sums, counts, and what is done to the element of the key itself cannot tell; neither can a search, which ends
/// at the element that it is for (where several are, awks differ among each other).
fn order_is_seen(body: &Statement, key: Name) -> bool {
    if is_search(body) {
        return false;
    }
    let mut seen = false;
    let mut told = false;
    visit(
        body,
        &mut |statement| {
            seen |= matches!(
                statement,
                Statement::Print(..)
                    | Statement::Format(..)
                    | Statement::Next
                    | Statement::NextFile
                    | Statement::Exit(_)
                    | Statement::Break
                    | Statement::Return(_)
            );
        },
        &mut |expression| {
            told |= match expression {
                Expression::Assign(target, operator, _) => match (&**target, operator) {
                    (Expression::Element(_, index), _) => {
                        !matches!(index.as_slice(), [Expression::Variable(name)] if *name == key)
                    }
                    (_, Some(b'+' | b'-')) => false,
                    _ => true,
                },
                Expression::Getline(..) | Expression::Own(..) => true,
                Expression::Call(name, _) => matches!(*name, "sub" | "gsub" | "split" | "system" | "close" | "match"),
                _ => false,
            };
        },
    );
    seen || told
}

/// Whether a body does what can be seen only where it ends the loop: `if (wanted) { print; break }`.
fn is_search(body: &Statement) -> bool {
    let ends = |list: &[Statement]| matches!(list.last(), Some(Statement::Break));
    let (mut ended, mut shown, mut shown_there) = (false, 0_usize, 0_usize);
    let is_shown = |statement: &Statement| {
        usize::from(!matches!(
            statement,
            Statement::Expression(_)
                | Statement::If(..)
                | Statement::Block(_)
                | Statement::Break
                | Statement::Continue
                | Statement::Print(_, None)
                | Statement::Format(_, None)
        )) * 2
            + usize::from(matches!(statement, Statement::Print(_, None) | Statement::Format(_, None)))
    };
    visit(
        body,
        &mut |statement| {
            shown += is_shown(statement);
            if let Statement::Block(list) = statement
                && ends(list)
            {
                ended = true;
                shown_there += list.iter().map(is_shown).sum::<usize>();
            }
        },
        &mut |_| {},
    );
    ended && shown == shown_there
}

/// Finds out which parameters are arrays: by what is done with them, and by whom they are given to.
fn find_arrays(functions: &mut [Function], budget: &Budget) -> Result<(), Fault> {
    loop {
        let known: Vec<Vec<bool>> = functions.iter().map(|function| function.arrays.clone()).collect();
        let mut changed = false;
        for function in functions.iter_mut() {
            budget.step()?;
            let mut arrays = function.arrays.clone();
            let mut work = 0usize;
            {
                let found = std::cell::RefCell::new(&mut arrays);
                let is_array = |name: &Name| {
                    if let Name::Local(index) = name {
                        found.borrow_mut()[*index] = true;
                    }
                };
                visit(
                    &function.body,
                    &mut |statement| match statement {
                        Statement::ForIn(_, array, _, _) | Statement::Delete(array, _) => is_array(array),
                        _ => {}
                    },
                    &mut |expression| {
                        work += 1;
                        match expression {
                            Expression::Element(array, _) | Expression::In(_, array) => is_array(array),
                            Expression::Call("split", list) => {
                                if let Some(Expression::Variable(array)) = list.get(1) {
                                    is_array(array);
                                }
                            }
                            Expression::Own(number, list) => {
                                for (index, argument) in list.iter().enumerate() {
                                    if let Expression::Variable(name) = argument
                                        && known.get(*number).and_then(|arrays| arrays.get(index)) == Some(&true)
                                    {
                                        is_array(name);
                                    }
                                }
                            }
                            _ => {}
                        }
                    },
                );
            }
            budget.tried(work)?;
            changed |= arrays != function.arrays;
            function.arrays = arrays;
        }
        if !changed {
            return Ok(());
        }
    }
}
