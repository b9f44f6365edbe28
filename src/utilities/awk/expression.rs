//! The grammar of awk's expressions, lowest binding first, as POSIX has it; what mawk and gawk do with what it leaves open.

use super::ast::Expression;
use super::ast::How;
use super::ast::Output;
use super::ast::Source;
use super::dialect::Dialect;
use super::dialect::syntax;
use super::lex::Token;
use super::lex::is_keyword;
use super::parse::BUILTINS;
use super::parse::DEPTH_MAX;
use super::parse::Parser;
use crate::budget::Spent;
use crate::utilities::Fault;

impl Parser {
    pub(super) fn print_list(&mut self) -> Result<(Vec<Expression>, Option<Output>), Fault> {
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

    pub(super) fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, Fault> {
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

    pub(super) fn expression(&mut self) -> Result<Expression, Fault> {
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

    pub(super) fn any(&mut self) -> Result<Expression, Fault> {
        self.operators("||", Self::all, Expression::Any)
    }

    pub(super) fn all(&mut self) -> Result<Expression, Fault> {
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

    pub(super) fn sum(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("+", b'+'), ("-", b'-')], Self::product)
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("*", b'*'), ("/", b'/'), ("%", b'%')], Self::unary)
    }

    pub(super) fn chain(
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
