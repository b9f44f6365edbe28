//! Programs of awk → what they say.

use super::super::Fault;

const DEPTH_MAX: u32 = 100;

#[derive(Debug, Clone)]
pub(super) enum Expression {
    Number(f64),
    Text(Vec<u8>),
    Regex(Vec<u8>),
    Variable(String),
    Element(String, Vec<Self>),
    Field(Box<Self>),
    Assign(Box<Self>, Option<&'static str>, Box<Self>),
    /// Before (true) or behind the value, by one up or down.
    Step(Box<Self>, bool, f64),
    Binary(&'static str, Box<Self>, Box<Self>),
    Unary(u8, Box<Self>),
    Choose(Box<Self>, Box<Self>, Box<Self>),
    Concatenate(Box<Self>, Box<Self>),
    In(Vec<Self>, String),
    Call(String, Vec<Self>),
}

#[derive(Debug, Clone)]
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
    ForIn(String, String, Box<Self>),
    Block(Vec<Self>),
    Next,
    Exit(Option<Expression>),
    Break,
    Continue,
    Delete(String, Vec<Expression>),
    Return(Option<Expression>),
}

#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) append: bool,
    pub(super) path: Expression,
}

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Begin,
    End,
    Always,
    When(Expression),
    Range(Expression, Expression),
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<String>,
    pub(super) body: Statement,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    pub(super) rules: Vec<(Pattern, Option<Statement>)>,
    pub(super) functions: Vec<Function>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
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

const MARKS: [&str; 41] = [
    "**=", "&&", "||", "==", "!=", "<=", ">=", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "**", "++", "--", "!~", "{",
    "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "|", "?", ":", "~", "$", "=",
];

struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    /// Whether what was read last ends a value, so that `/` divides.
    value: bool,
}

impl Lexer<'_> {
    fn all(mut self) -> Result<Vec<Token>, Fault> {
        let mut tokens = Vec::new();
        loop {
            let token = self.token()?;
            self.value = matches!(token, Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Regex(_))
                || matches!(token, Token::Mark(")" | "]" | "$" | "++" | "--"));
            let end = token == Token::End;
            tokens.push(token);
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
            b'"' => self.quoted(b'"').map(Token::Text),
            b'/' if !self.value => self.quoted(b'/').map(Token::Regex),
            b'0'..=b'9' | b'.' => {
                let length = number_length(rest);
                let text = std::str::from_utf8(&rest[..length]).unwrap_or("0");
                let number = text.parse().map_err(|_| syntax("number"))?;
                self.position += length;
                Ok(Token::Number(number))
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let name = String::from_utf8_lossy(&rest[..length]).into_owned();
                self.position += length;
                Ok(if rest.get(length) == Some(&b'(') { Token::Function(name) } else { Token::Name(name) })
            }
            _ => {
                let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark.as_bytes()));
                let mark = mark.ok_or_else(|| syntax(&format!("`{}`", char::from(first))))?;
                self.position += mark.len();
                Ok(Token::Mark(mark))
            }
        }
    }

    fn quoted(&mut self, end: u8) -> Result<Vec<u8>, Fault> {
        self.position += 1;
        let mut text = Vec::new();
        loop {
            let byte = self.text.get(self.position).copied().filter(|&byte| byte != b'\n');
            let byte = byte.ok_or_else(|| syntax("unterminated string"))?;
            self.position += 1;
            if byte == end {
                return Ok(text);
            }
            if byte != b'\\' {
                text.push(byte);
                continue;
            }
            let next = self.text.get(self.position).copied().ok_or_else(|| syntax("unterminated string"))?;
            self.position += 1;
            match next {
                b'/' => text.push(b'/'),
                _ if end == b'/' => text.extend([b'\\', next]),
                b'"' => text.push(b'"'),
                b'n' => text.push(b'\n'),
                b't' => text.push(b'\t'),
                b'r' => text.push(b'\r'),
                b'\\' => text.push(b'\\'),
                b'0'..=b'7' => {
                    let digits = &self.text[self.position - 1..];
                    let length = digits.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
                    let value = digits[..length].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                    text.push(value.to_le_bytes()[0]);
                    self.position += length - 1;
                }
                b'x' => {
                    // mawk and gawk: one or two digits; without any it is no escape.
                    let digit = |byte: &u8| char::from(*byte).to_digit(16);
                    let value: Vec<u32> = self.text[self.position..].iter().take(2).map_while(digit).collect();
                    match value.is_empty() {
                        true => text.extend(b"\\x"),
                        false => text.push(value.iter().fold(0, |value, digit| value * 16 + digit).to_le_bytes()[0]),
                    }
                    self.position += value.len();
                }
                _ => text.extend([b'\\', next]),
            }
        }
    }
}

/// The length of the decimal number that a text begins with.
pub(super) fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if text.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        let exponent = if length + 1 + sign <= text.len() { digits(length + 1 + sign) } else { 0 };
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

fn syntax(what: &str) -> Fault {
    Fault::gap(format!("a program with {what}"))
}

/// Reads a program.
///
/// # Errors
/// It is none, or uses what is not written.
pub(super) fn parse(text: &[u8]) -> Result<Program, Fault> {
    let tokens = Lexer { text, position: 0, value: false }.all()?;
    Parser { tokens, position: 0, depth: 0, no_in: false, no_greater: false }.program()
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: u32,
    /// Inside the head of a `for`, where `in` is not an operator.
    no_in: bool,
    /// Inside `print`, where `>` redirects.
    no_greater: bool,
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

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Name(name) | Token::Function(name) if name == word);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), Fault> {
        if self.skip(mark) { Ok(()) } else { Err(syntax(&format!("a missing `{mark}`"))) }
    }

    fn newlines(&mut self) {
        while *self.peek() == Token::Newline || self.at(";") {
            self.position += 1;
        }
    }

    fn lines(&mut self) {
        while *self.peek() == Token::Newline {
            self.position += 1;
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().clone() {
            Token::Name(name) | Token::Function(name) => {
                self.position += 1;
                Ok(name)
            }
            _ => Err(syntax("a missing name")),
        }
    }

    fn program(mut self) -> Result<Program, Fault> {
        let mut program = Program::default();
        loop {
            self.newlines();
            if *self.peek() == Token::End {
                return Ok(program);
            }
            if self.word("function") {
                program.functions.push(self.function()?);
                continue;
            }
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
            let body = if self.at("{") { Some(self.block()?) } else { None };
            program.rules.push((pattern, body));
        }
    }

    fn function(&mut self) -> Result<Function, Fault> {
        let name = self.name()?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.skip(")") {
            parameters.push(self.name()?);
            self.skip(",");
        }
        self.lines();
        Ok(Function { name, parameters, body: self.block()? })
    }

    fn block(&mut self) -> Result<Statement, Fault> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            self.newlines();
            if self.skip("}") {
                return Ok(Statement::Block(statements));
            }
            statements.push(self.statement()?);
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(syntax("too deep nesting"));
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
            self.newlines();
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
            return Ok(Statement::Loop { condition, body: self.body()?, step: None, first: true });
        }
        if self.word("do") {
            let body = self.body()?;
            self.newlines();
            if !self.word("while") {
                return Err(syntax("a `do` without `while`"));
            }
            self.expect("(")?;
            let condition = Some(self.expression()?);
            self.expect(")")?;
            return Ok(Statement::Loop { condition, body, step: None, first: false });
        }
        if self.word("for") {
            return self.for_statement();
        }
        let simple = self.simple()?;
        if !matches!(self.peek(), Token::Newline | Token::End) && !self.at(";") && !self.at("}") {
            return Err(syntax("what does not belong together"));
        }
        Ok(simple)
    }

    fn for_statement(&mut self) -> Result<Statement, Fault> {
        self.expect("(")?;
        if let [Token::Name(key), Token::Name(word), Token::Name(array), Token::Mark(")"), ..] =
            &self.tokens[self.position..]
            && word == "in"
        {
            let (key, array) = (key.clone(), array.clone());
            self.position += 4;
            return Ok(Statement::ForIn(key, array, self.body()?));
        }
        let start = if self.at(";") { None } else { Some(self.simple()?) };
        self.expect(";")?;
        self.lines();
        let condition = if self.at(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.lines();
        let step = if self.at(")") { None } else { Some(Box::new(self.simple()?)) };
        self.expect(")")?;
        let whole = Statement::Loop { condition, body: self.body()?, step, first: true };
        Ok(Statement::Block(start.into_iter().chain([whole]).collect()))
    }

    fn simple(&mut self) -> Result<Statement, Fault> {
        let ends =
            |parser: &Self| matches!(parser.peek(), Token::Newline | Token::End) || parser.at(";") || parser.at("}");
        if self.word("print") {
            let (list, output) = self.print_list()?;
            return Ok(Statement::Print(list, output));
        }
        if self.word("printf") {
            let (list, output) = self.print_list()?;
            return Ok(Statement::Format(list, output));
        }
        if self.word("next") {
            return Ok(Statement::Next);
        }
        if self.word("break") {
            return Ok(Statement::Break);
        }
        if self.word("continue") {
            return Ok(Statement::Continue);
        }
        if self.word("exit") {
            return Ok(Statement::Exit(if ends(self) { None } else { Some(self.expression()?) }));
        }
        if self.word("return") {
            return Ok(Statement::Return(if ends(self) { None } else { Some(self.expression()?) }));
        }
        if self.word("delete") {
            let name = self.name()?;
            let index = if self.skip("[") { self.list("]")? } else { Vec::new() };
            return Ok(Statement::Delete(name, index));
        }
        Ok(Statement::Expression(self.expression()?))
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
            if ended(self) {
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
        let append = self.at(">>");
        let output = if self.skip(">") || self.skip(">>") {
            Some(Output { append, path: self.level(8)? })
        } else if self.at("|") {
            return Err(Fault::gap("a pipe in a program"));
        } else {
            None
        };
        Ok((list, output))
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, Fault> {
        let mut list = Vec::new();
        self.lines();
        while !self.skip(end) {
            list.push(self.expression()?);
            self.lines();
            if !self.at(end) {
                self.expect(",")?;
                self.lines();
            }
        }
        Ok(list)
    }

    fn expression(&mut self) -> Result<Expression, Fault> {
        self.nested(Self::assignment)
    }

    fn assignment(&mut self) -> Result<Expression, Fault> {
        let left = self.ternary()?;
        let operators: [(&str, Option<&'static str>); 8] = [
            ("=", None),
            ("+=", Some("+")),
            ("-=", Some("-")),
            ("*=", Some("*")),
            ("/=", Some("/")),
            ("%=", Some("%")),
            ("^=", Some("^")),
            ("**=", Some("^")),
        ];
        for (mark, operator) in operators {
            if self.at(mark) {
                if !matches!(left, Expression::Variable(_) | Expression::Element(..) | Expression::Field(_)) {
                    return Err(syntax("an assignment to a value"));
                }
                self.position += 1;
                self.lines();
                let right = self.expression()?;
                return Ok(Expression::Assign(Box::new(left), operator, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn ternary(&mut self) -> Result<Expression, Fault> {
        let condition = self.level(0)?;
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

    /// Binary operators by rank: `||`, `&&`, `in`, `~`, comparison, concatenation, sums, products.
    fn level(&mut self, level: usize) -> Result<Expression, Fault> {
        const LEVELS: [&[&str]; 8] = [
            &["||"],
            &["&&"],
            &[],
            &["~", "!~"],
            &["<", "<=", "==", "!=", ">", ">="],
            &[],
            &["+", "-"],
            &["*", "/", "%"],
        ];
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.level(level + 1)?;
        loop {
            if level == 2 && !self.no_in && matches!(self.peek(), Token::Name(name) if name == "in") {
                self.position += 1;
                left = Expression::In(vec![left], self.name()?);
                continue;
            }
            if level == 5 && self.begins_value() {
                let right = self.level(level + 1)?;
                left = Expression::Concatenate(Box::new(left), Box::new(right));
                continue;
            }
            let found = LEVELS[level].iter().copied().find(|mark| self.at(mark) && !(*mark == ">" && self.no_greater));
            let Some(mark) = found else { return Ok(left) };
            self.position += 1;
            self.lines();
            let right = self.level(level + 1)?;
            left = Expression::Binary(mark, Box::new(left), Box::new(right));
        }
    }

    fn begins_value(&self) -> bool {
        match self.peek() {
            Token::Name(name) => name != "in",
            Token::Number(_) | Token::Text(_) | Token::Function(_) => true,
            Token::Mark(mark) => {
                matches!(*mark, "(" | "$" | "!" | "-" | "+" | "++" | "--") && !matches!(*mark, "-" | "+")
            }
            _ => false,
        }
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        for (mark, letter) in [("!", b'!'), ("-", b'-'), ("+", b'+')] {
            if self.skip(mark) {
                let inner = self.nested(Self::unary)?;
                return Ok(Expression::Unary(letter, Box::new(inner)));
            }
        }
        let base = self.postfix()?;
        if self.skip("^") || self.skip("**") {
            let power = self.nested(Self::unary)?;
            return Ok(Expression::Binary("^", Box::new(base), Box::new(power)));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Result<Expression, Fault> {
        for (mark, by) in [("++", 1.0), ("--", -1.0)] {
            if self.skip(mark) {
                let target = self.primary()?;
                return Ok(Expression::Step(Box::new(target), true, by));
            }
        }
        let value = self.primary()?;
        if matches!(value, Expression::Variable(_) | Expression::Element(..) | Expression::Field(_)) {
            for (mark, by) in [("++", 1.0), ("--", -1.0)] {
                if self.skip(mark) {
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
            Token::Regex(text) => Ok(Expression::Regex(text)),
            Token::Name(name) if name == "getline" => Err(Fault::gap("getline")),
            Token::Name(name) if name == "length" => Ok(Expression::Call(name, Vec::new())),
            Token::Name(name) if self.skip("[") => Ok(Expression::Element(name, self.list("]")?)),
            Token::Name(name) => Ok(Expression::Variable(name)),
            Token::Function(name) => {
                self.expect("(")?;
                let before = std::mem::take(&mut self.no_greater);
                let list = self.list(")")?;
                self.no_greater = before;
                Ok(Expression::Call(name, list))
            }
            Token::Mark("$") => {
                let inner =
                    self.nested(
                        |parser| if parser.at("++") || parser.at("--") { parser.postfix() } else { parser.primary() },
                    )?;
                Ok(Expression::Field(Box::new(inner)))
            }
            Token::Mark("-") => Ok(Expression::Unary(b'-', Box::new(self.nested(Self::primary)?))),
            Token::Mark("(") => {
                let before = (std::mem::take(&mut self.no_greater), std::mem::take(&mut self.no_in));
                let mut list = self.nested(|parser| parser.list(")"))?;
                (self.no_greater, self.no_in) = before;
                if list.len() == 1 {
                    // A group is a value of its own: `(a) = 1` is none of ours, `$(i)` is.
                    return Ok(list.remove(0));
                }
                if self.word("in") {
                    return Ok(Expression::In(list, self.name()?));
                }
                Err(syntax("a list where a value is needed"))
            }
            _ => Err(syntax("what is not known here")),
        }
    }
}
