//! The grammar of compound commands.

use super::ast::Arm;
use super::ast::Command;
use super::ast::Then;
use super::ast::Word;
use super::reader::Parser;
use super::reader::SyntaxError;
use super::reader::Token;
use super::reader::is_name;
use super::reader::plain;

impl Parser {
    pub(super) fn compound(&mut self) -> Result<Option<Command>, SyntaxError> {
        if self.at_operator("(")? && self.is_bash() {
            let line = self.ahead_line;
            if let Some(expression) = self.arithmetic_command()? {
                return Ok(Some(Command::Arithmetic(line, expression)));
            }
        }
        if self.skip_operator("(")? {
            let body = self.compound_list()?;
            self.expect_operator(")")?;
            return Ok(Some(Command::Subshell(Box::new(body))));
        }
        let Some(word) = self.reserved()? else { return Ok(None) };
        let line = self.ahead_line;
        let command = match word {
            b"{" => {
                self.take()?;
                let body = self.compound_list()?;
                self.expect_reserved(b"}")?;
                // One more level, so that redirections and `set -e` treat it as one command.
                Command::Sequence(vec![body])
            }
            b"if" => {
                self.take()?;
                self.if_clause()?
            }
            b"for" => {
                self.take()?;
                self.for_clause(line)?
            }
            b"while" | b"until" => {
                self.take()?;
                let condition = self.compound_list()?;
                Command::Loop(word == b"while", Box::new(condition), Box::new(self.do_group()?))
            }
            b"case" => {
                self.take()?;
                self.case_clause(line)?
            }
            b"[[" => {
                self.take()?;
                Command::Conditional(line, self.condition()?)
            }
            b"function" => {
                self.take()?;
                self.function_clause()?
            }
            b"select" | b"coproc" => {
                let word = String::from_utf8_lossy(word).into_owned();
                return Err(self.error(format!("`{word}` is not followed")));
            }
            _ => {
                let token = self.take()?;
                return Err(self.unexpected(&token));
            }
        };
        Ok(Some(command))
    }

    pub(super) fn expect_operator(&mut self, operator: &str) -> Result<(), SyntaxError> {
        if self.skip_operator(operator)? {
            return Ok(());
        }
        let token = self.take()?;
        Err(self.unexpected(&token))
    }

    fn if_clause(&mut self) -> Result<Command, SyntaxError> {
        let mut arms = Vec::new();
        loop {
            let condition = self.compound_list()?;
            self.expect_reserved(b"then")?;
            arms.push((condition, self.compound_list()?));
            if self.skip_reserved(b"elif")? {
                continue;
            }
            let otherwise = if self.skip_reserved(b"else")? { Some(Box::new(self.compound_list()?)) } else { None };
            self.expect_reserved(b"fi")?;
            return Ok(Command::If(arms, otherwise));
        }
    }

    pub(super) fn do_group(&mut self) -> Result<Command, SyntaxError> {
        self.expect_reserved(b"do")?;
        let body = self.compound_list()?;
        self.expect_reserved(b"done")?;
        Ok(body)
    }

    fn for_clause(&mut self, line: u32) -> Result<Command, SyntaxError> {
        if self.is_bash()
            && self.at_operator("(")?
            && let Some(clauses) = self.arithmetic_clauses()?
        {
            if !self.skip_operator(";")? {
                self.newlines()?;
            }
            self.newlines()?;
            return Ok(Command::ArithmeticFor { line, clauses, body: Box::new(self.for_body()?) });
        }
        let name = match self.take()? {
            Token::Word(word) if plain(&word).is_some_and(is_name) => plain(&word).expect("just looked").to_vec(),
            _ => return Err(self.error("syntax error: bad for loop variable")),
        };
        self.newlines()?;
        let mut words = None;
        if self.at_reserved(b"in")? {
            self.take()?;
            let mut list = Vec::new();
            while matches!(self.peek()?, Token::Word(_)) {
                let Token::Word(word) = self.take()? else { unreachable!("it was just looked at") };
                list.push(word);
            }
            words = Some(list);
            if !matches!(self.peek()?, Token::Newline | Token::Operator(";")) {
                let token = self.take()?;
                return Err(self.unexpected(&token));
            }
            self.take()?;
        } else {
            self.skip_operator(";")?;
        }
        self.newlines()?;
        Ok(Command::For { line, name, words, body: Box::new(self.for_body()?) })
    }

    /// `do list done`; in bash `{ list }` as well.
    fn for_body(&mut self) -> Result<Command, SyntaxError> {
        if !self.is_bash() || !self.skip_reserved(b"{")? {
            return self.do_group();
        }
        let body = self.compound_list()?;
        self.expect_reserved(b"}")?;
        Ok(body)
    }

    fn case_clause(&mut self, line: u32) -> Result<Command, SyntaxError> {
        let word = self.expect_word()?;
        self.newlines()?;
        if !self.at_reserved(b"in")? {
            let token = self.take()?;
            return Err(self.unexpected(&token));
        }
        self.take()?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.at_reserved(b"esac")? {
                break;
            }
            self.skip_operator("(")?;
            let mut patterns = vec![self.expect_word()?];
            while self.skip_operator("|")? {
                patterns.push(self.expect_word()?);
            }
            self.expect_operator(")")?;
            let body = self.optional_list()?;
            self.newlines()?;
            let then = match self.peek()? {
                Token::Operator(";;") => Some(Then::Leave),
                Token::Operator(";&") => Some(Then::Fall),
                Token::Operator(";;&") => Some(Then::Match),
                _ => None,
            };
            arms.push(Arm { patterns, body, then: then.unwrap_or(Then::Leave) });
            if then.is_none() {
                break;
            }
            self.take()?;
        }
        self.expect_reserved(b"esac")?;
        Ok(Command::Case { line, word, arms })
    }

    pub(super) fn expect_word(&mut self) -> Result<Word, SyntaxError> {
        match self.take()? {
            Token::Word(word) => Ok(word),
            token => Err(self.unexpected(&token)),
        }
    }
}
