//! Bytes → commands, one complete command at a time, as dash reads them: a syntax error counts only when it is
//! reached, and an alias holds from the next command on.
//!
//! Tokens are in [`token`](super::token), words in [`word`](super::word), what only bash has in
//! [`extended`](super::extended); this file is the grammar. Nesting is bounded, so no script can exhaust the stack,
//! neither when it is read nor when what was read is dropped; and what is read is charged and claims its memory.

use std::rc::Rc;

use super::ast::Assigned;
use super::ast::Assignment;
use super::ast::Command;
use super::ast::Connector;
use super::ast::Function;
use super::ast::Part;
use super::ast::Redirect;
use super::ast::Target;
use super::ast::Word;
use super::reader::Manner;
use super::reader::Parser;
use super::reader::SyntaxError;
use super::reader::Token;
use super::reader::is_name;
use super::reader::plain;
use super::value::Table;
use super::value::Value;

const RESERVED: [&[u8]; 16] = [
    b"!", b"{", b"}", b"case", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"for", b"if", b"in", b"then",
    b"until", b"while",
];

/// Those that only bash has.
const OF_BASH: [&[u8]; 5] = [b"[[", b"coproc", b"function", b"select", b"time"];

impl Parser {
    /// The next complete command (up to a newline); `None` at the end. Its memory is claimed until the next call.
    ///
    /// # Errors
    /// It is not of the shell's grammar.
    pub fn next(&mut self, aliases: &Table<Value>, manner: Manner) -> Result<Option<Command>, SyntaxError> {
        self.aliases.clone_from(aliases);
        self.manner = manner;
        self.held.resize(0)?;
        self.newlines()?;
        if matches!(self.peek()?, Token::End) {
            return Ok(None);
        }
        let list = self.list(false)?;
        match self.take()? {
            Token::Newline | Token::End => Ok(Some(list)),
            token => Err(self.unexpected(&token)),
        }
    }

    /// A whole text as one list, up to its end.
    ///
    /// # Errors
    /// It is not of the shell's grammar.
    pub fn all(&mut self) -> Result<Command, SyntaxError> {
        let list = self.optional_list()?;
        match self.take()? {
            Token::End => Ok(list),
            token => Err(self.unexpected(&token)),
        }
    }

    pub(super) fn close_substitution(&mut self) -> Result<(), SyntaxError> {
        self.expect_operator(")")
    }

    // --- grammar ---------------------------------------------------------------------------------------------

    pub(super) fn newlines(&mut self) -> Result<(), SyntaxError> {
        while matches!(self.peek()?, Token::Newline) {
            self.take()?;
        }
        Ok(())
    }

    pub(super) fn at_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        Ok(matches!(self.peek()?, Token::Operator(found) if *found == operator))
    }

    pub(super) fn skip_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        let found = self.at_operator(operator)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    pub(super) fn reserved(&mut self) -> Result<Option<&'static [u8]>, SyntaxError> {
        let bash = self.is_bash();
        let Token::Word(word) = self.peek()? else { return Ok(None) };
        let Some(text) = plain(word) else { return Ok(None) };
        let own = if bash { &OF_BASH[..] } else { &[] };
        Ok(RESERVED.iter().chain(own).find(|&&reserved| reserved == text).copied())
    }

    pub(super) fn at_reserved(&mut self, word: &[u8]) -> Result<bool, SyntaxError> {
        Ok(self.reserved()? == Some(word))
    }

    pub(super) fn skip_reserved(&mut self, word: &[u8]) -> Result<bool, SyntaxError> {
        self.expand_alias()?;
        let found = self.at_reserved(word)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    pub(super) fn expect_reserved(&mut self, word: &[u8]) -> Result<(), SyntaxError> {
        if self.skip_reserved(word)? {
            return Ok(());
        }
        let token = self.take()?;
        Err(self.unexpected(&token))
    }

    /// A list; over several lines when `lines`.
    pub(super) fn list(&mut self, lines: bool) -> Result<Command, SyntaxError> {
        self.nested(|parser| {
            let mut commands = Vec::new();
            loop {
                if lines {
                    parser.newlines()?;
                }
                if parser.ends_list()? {
                    break;
                }
                let command = parser.and_or()?;
                let line = parser.ahead_line;
                match parser.peek()? {
                    Token::Operator(";") => {
                        parser.take()?;
                        commands.push(command);
                    }
                    Token::Operator("&") => {
                        parser.take()?;
                        commands.push(Command::Background(line, Box::new(command)));
                    }
                    Token::Newline if lines => commands.push(command),
                    _ => {
                        commands.push(command);
                        break;
                    }
                }
            }
            Ok(if commands.len() == 1 { commands.remove(0) } else { Command::Sequence(commands) })
        })
    }

    fn ends_list(&mut self) -> Result<bool, SyntaxError> {
        self.expand_alias()?;
        if matches!(self.peek()?, Token::End | Token::Newline | Token::Operator(")" | ";;" | ";&" | ";;&")) {
            return Ok(true);
        }
        let ends: [&[u8]; 8] = [b"}", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"then"];
        Ok(self.reserved()?.is_some_and(|word| ends.contains(&word)))
    }

    /// A list inside a compound command: at least one command.
    pub(super) fn compound_list(&mut self) -> Result<Command, SyntaxError> {
        match self.list(true)? {
            Command::Sequence(commands) if commands.is_empty() => {
                let token = self.take()?;
                Err(self.unexpected(&token))
            }
            list => Ok(list),
        }
    }

    /// A list that may be empty: in `$( )`, a `case` arm, or a whole text.
    pub(super) fn optional_list(&mut self) -> Result<Command, SyntaxError> {
        self.list(true)
    }

    fn and_or(&mut self) -> Result<Command, SyntaxError> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let connector = match self.peek()? {
                Token::Operator("&&") => Connector::And,
                Token::Operator("||") => Connector::Or,
                _ => break,
            };
            self.take()?;
            self.newlines()?;
            rest.push((connector, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Command::AndOr(Box::new(first), rest) })
    }

    pub(super) fn pipeline(&mut self) -> Result<Command, SyntaxError> {
        if self.at_reserved(b"time")? {
            return self.time();
        }
        let mut negated = false;
        while self.skip_reserved(b"!")? {
            negated = !negated;
            if !negated && !self.is_bash() {
                return Err(self.error("syntax error: `!` unexpected"));
            }
        }
        let first = self.command()?;
        let mut commands = vec![first];
        loop {
            if self.skip_operator("|&")? {
                let command = commands.pop().expect("there is one");
                commands.push(super::extended::with_errors(command));
            } else if !self.skip_operator("|")? {
                break;
            }
            self.newlines()?;
            commands.push(self.command()?);
        }
        let command = if commands.len() == 1 { commands.remove(0) } else { Command::Pipeline(commands) };
        Ok(if negated { Command::Not(Box::new(command)) } else { command })
    }

    pub(super) fn command(&mut self) -> Result<Command, SyntaxError> {
        self.expand_alias()?;
        self.nested(|parser| {
            let line = parser.ahead_line;
            let Some(compound) = parser.compound()? else { return parser.simple() };
            if matches!(compound, Command::Function(..)) {
                return Ok(compound);
            }
            let mut redirects = Vec::new();
            while let Some(redirect) = parser.redirect()? {
                redirects.push(redirect);
            }
            Ok(if redirects.is_empty() { compound } else { Command::Redirected(line, Box::new(compound), redirects) })
        })
    }

    fn simple(&mut self) -> Result<Command, SyntaxError> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        self.peek()?;
        let line = self.ahead_line;
        let mut follows = false;
        loop {
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty() || follows {
                self.expand_alias()?;
            }
            if !matches!(self.peek()?, Token::Word(_)) {
                break;
            }
            let word = self.expect_word()?;
            // That is seen before the next word is.
            follows = self.follows_alias();
            match word.0.as_slice() {
                [Part::Assign(assignment)] if words.is_empty() => assignments.push((**assignment).clone()),
                _ => match split_assignment(&word).filter(|_| words.is_empty()) {
                    Some((name, word)) => {
                        let value = Assigned::Text(word);
                        assignments.push(Assignment { name, subscript: None, append: false, value });
                    }
                    None if self.is_bash() => words.push(with_tildes(word)),
                    None => words.push(word),
                },
            }
            let lone = words.len() == 1 && assignments.is_empty() && redirects.is_empty();
            if lone && self.at_operator("(")? {
                return self.function(&words[0]);
            }
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            let token = self.take()?;
            return Err(self.unexpected(&token));
        }
        Ok(Command::Simple { line, assignments, words, redirects })
    }

    pub(super) fn function(&mut self, name: &Word) -> Result<Command, SyntaxError> {
        // bash takes any plain word; dash a name that is none of POSIX's special builtins.
        let bash = self.is_bash();
        let Some(name) = plain(name).filter(|name| bash || (is_name(name) && super::names::special(name).is_none()))
        else {
            return Err(self.error("syntax error: bad function name"));
        };
        let name = name.to_vec();
        self.expect_operator("(")?;
        self.expect_operator(")")?;
        self.newlines()?;
        self.function_body(name)
    }

    /// A function outlives what it is read with: its part of the claim goes with it.
    pub(super) fn function_body(&mut self, name: Vec<u8>) -> Result<Command, SyntaxError> {
        let before = self.held.bytes();
        let body = self.command()?;
        if self.is_bash() && matches!(body, Command::Simple { .. } | Command::Function(..)) {
            return Err(self.error("syntax error: a function is a compound command"));
        }
        let own = self.held.bytes().saturating_sub(before) + 256;
        self.held.resize(before)?;
        let held = self.budget.hold(own)?;
        Ok(Command::Function(name, Rc::new(Function { body, _held: held })))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, SyntaxError> {
        let number = match self.peek()? {
            Token::Number(number) => Some(*number),
            _ => None,
        };
        if number.is_some() {
            self.take()?;
        }
        let Token::Operator(operator) = *self.peek()? else { return Ok(None) };
        if !operator.starts_with(['<', '>']) && !operator.starts_with("&>") {
            return Ok(None);
        }
        self.take()?;
        // In bash `2>&1>/dev/null` are two redirections.
        let duplicates = self.is_bash() && matches!(operator, "<&" | ">&");
        let word = match self.peek()? {
            Token::Number(number) if duplicates => {
                let digits = number.to_string().into_bytes();
                self.take()?;
                Word(vec![Part::Plain(digits)])
            }
            _ => self.expect_word()?,
        };
        let target = match operator {
            "<" => Target::Read(word),
            ">" => Target::Write(word),
            ">|" => Target::Clobber(word),
            ">>" => Target::Append(word),
            "<>" => Target::ReadWrite(word),
            "<<<" => Target::HereString(word),
            "&>" | "&>>" => Target::Both(word, operator == "&>>"),
            // `>& file`, without a number in front, is `&> file`.
            ">&" if number.is_none() && self.is_bash() && !is_descriptor(&word) => Target::Both(word, false),
            "<&" | ">&" => Target::Duplicate(word),
            _ => self.here_document(&word, operator == "<<-")?,
        };
        let descriptor = number.unwrap_or(u32::from(!operator.starts_with('<')));
        Ok(Some(Redirect { descriptor, target }))
    }
}

/// In bash a tilde counts in an argument that looks like an assignment, too.
fn with_tildes(word: Word) -> Word {
    let tilde = matches!(word.0.first(), Some(Part::Plain(text)) if text.contains(&b'~'));
    match split_assignment(&word).filter(|_| tilde) {
        Some((mut name, value)) => {
            name.push(b'=');
            Word([vec![Part::Plain(name)], value.0].concat())
        }
        None => word,
    }
}

/// Whether what follows `>&` can be nothing but a descriptor: it is not text, or a number.
fn is_descriptor(word: &Word) -> bool {
    match word.0.as_slice() {
        [Part::Plain(text)] => {
            let digits = text.strip_suffix(b"-").unwrap_or(text);
            digits.iter().all(u8::is_ascii_digit)
        }
        parts => !parts.iter().any(|part| matches!(part, Part::Plain(text) if text.contains(&b'/'))),
    }
}

/// `name=rest` → the name and the rest as a word.
pub(super) fn split_assignment(word: &Word) -> Option<(Vec<u8>, Word)> {
    let Some(Part::Plain(first)) = word.0.first() else { return None };
    let equals = memchr::memchr(b'=', first)?;
    let name = first[..equals].to_vec();
    if !is_name(&name) {
        return None;
    }
    let rest = [vec![Part::Plain(first[equals + 1..].to_vec())], word.0[1..].to_vec()].concat();
    Some((name, Word(super::tilde::assigned(&rest))))
}
