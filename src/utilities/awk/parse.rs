//! Programs of awk → what they say.
//!
//! Operators of one rank are one node with a list, and no node nests deeper than [`DEPTH_MAX`]: a program of a million
//! sums is neither evaluated nor dropped by recursion.

use std::collections::BTreeMap;

use super::ast::Expression;
use super::ast::Function;
use super::ast::Name;
use super::ast::Pattern;
use super::ast::Program;
use super::ast::SPECIAL;
use super::ast::Statement;
use super::dialect::Dialect;
use super::dialect::syntax;
use super::lex::Lexer;
use super::lex::Token;
use super::lex::is_keyword;
use super::search::order_is_seen;
use super::search::visit;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::utilities::Fault;
use crate::utilities::buffer::Kept;

pub(super) const DEPTH_MAX: u32 = 100;

/// The functions that awk knows, with the fewest and the most arguments.
pub(super) const BUILTINS: [(&str, usize, usize); 23] = [
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
pub(super) enum Place {
    Rule,
    /// `BEGIN` or `END`: no `next`.
    Edge,
    Function,
}

pub(super) struct Parser {
    pub(super) tokens: Kept<Token>,
    pub(super) position: usize,
    pub(super) depth: u32,
    /// Inside the head of a `for`, where `in` is not an operator.
    pub(super) no_in: bool,
    /// Inside `print`, where `>` redirects.
    pub(super) no_greater: bool,
    pub(super) dialect: Dialect,
    pub(super) globals: BTreeMap<String, usize>,
    /// Own functions: number, and how many parameters when it is known.
    pub(super) functions: BTreeMap<String, (usize, Option<usize>)>,
    /// Parameters of the function being read.
    pub(super) locals: Vec<String>,
    pub(super) loops: u32,
    pub(super) place: Place,
    pub(super) budget: Budget,
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.position.min(self.tokens.len() - 1)]
    }

    pub(super) fn at(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    pub(super) fn skip(&mut self, mark: &str) -> bool {
        let found = self.at(mark);
        self.position += usize::from(found);
        found
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name == word)
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, mark: &'static str) -> Result<(), Fault> {
        if self.skip(mark) { Ok(()) } else { Err(syntax(&format!("a missing `{mark}`"))) }
    }

    pub(super) fn lines(&mut self) {
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

    pub(super) fn variable(&mut self, name: String) -> Result<Name, Fault> {
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

    pub(super) fn name(&mut self) -> Result<String, Fault> {
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

    pub(super) fn function(&mut self) -> Result<(usize, Function), Fault> {
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

    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Spent::Depth.into());
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    pub(super) fn statement(&mut self) -> Result<Statement, Fault> {
        self.nested(Self::any_statement)
    }

    pub(super) fn body(&mut self) -> Result<Box<Statement>, Fault> {
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

    pub(super) fn ended(&self) -> Result<(), Fault> {
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
