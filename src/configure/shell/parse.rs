//! Bytes → commands, one complete command at a time, as dash reads them: a syntax error counts only when it is
//! reached, and an alias holds from the next command on.
//!
//! Words are in [`word`](super::word); this file is the grammar. Nesting is bounded, so no script can exhaust
//! the stack.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::ast::Command;
use super::ast::Connector;
use super::ast::Part;
use super::ast::Redirect;
use super::ast::Target;
use super::ast::Word;

/// Deepest nesting of commands, substitutions and expansions. Real scripts stay below 20.
const DEPTH_MAX: u32 = 120;

/// A script that is not a shell script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// Aliases by name.
pub type Aliases = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Number(u32),
    Newline,
    End,
}

/// Reads one script.
#[derive(Debug)]
pub struct Parser {
    pub(super) source: Vec<u8>,
    pub(super) position: usize,
    pub(super) line: u32,
    pub(super) depth: u32,
    ahead: Option<Token>,
    ahead_line: u32,
    here: Vec<PendingHere>,
    aliases: Aliases,
    /// Aliases whose text is being read, with the end of that text counted from the end of the source.
    expanding: Vec<(Vec<u8>, usize)>,
}

#[derive(Debug)]
struct PendingHere {
    delimiter: Vec<u8>,
    quoted: bool,
    strip_tabs: bool,
    text: Rc<OnceCell<Vec<Part>>>,
}

const OPERATORS: [&str; 17] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "(", ")"];

const RESERVED: [&[u8]; 16] = [
    b"!", b"{", b"}", b"case", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"for", b"if", b"in", b"then",
    b"until", b"while",
];

impl Parser {
    /// A reader of `source` whose first line has the number `line`.
    #[must_use]
    pub fn new(source: &[u8], line: u32) -> Self {
        Self {
            source: source.to_vec(),
            position: 0,
            line,
            depth: 0,
            ahead: None,
            ahead_line: line,
            here: Vec::new(),
            aliases: Aliases::new(),
            expanding: Vec::new(),
        }
    }

    /// The next complete command (up to a newline); `None` at the end.
    ///
    /// # Errors
    /// It is not POSIX shell.
    pub fn next(&mut self, aliases: &Aliases) -> Result<Option<Command>, SyntaxError> {
        self.aliases.clone_from(aliases);
        self.newlines()?;
        if *self.peek()? == Token::End {
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
    /// It is not POSIX shell.
    pub fn all(&mut self) -> Result<Command, SyntaxError> {
        let list = self.optional_list()?;
        match self.take()? {
            Token::End => Ok(list),
            token => Err(self.unexpected(&token)),
        }
    }

    /// A parser of a text inside this one: same depth, same aliases.
    pub(super) fn sub_parser(&self, text: &[u8], line: u32) -> Self {
        let mut inner = Self::new(text, line);
        inner.depth = self.depth;
        inner.aliases.clone_from(&self.aliases);
        inner
    }

    pub(super) fn close_substitution(&mut self) -> Result<(), SyntaxError> {
        self.expect_operator(")")
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.line, message: message.into() }
    }

    fn unexpected(&self, token: &Token) -> SyntaxError {
        let what = match token {
            Token::Word(word) => plain(word).map_or_else(|| "word".into(), crate::tree::escape),
            Token::Operator(operator) => (*operator).to_owned(),
            Token::Number(number) => number.to_string(),
            Token::Newline => "newline".into(),
            Token::End => "end of file".into(),
        };
        SyntaxError { line: self.ahead_line, message: format!("syntax error: `{what}` unexpected") }
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

    // --- tokens ----------------------------------------------------------------------------------------------

    fn peek(&mut self) -> Result<&Token, SyntaxError> {
        if self.ahead.is_none() {
            let token = self.token()?;
            self.ahead = Some(token);
        }
        Ok(self.ahead.as_ref().expect("it was just filled"))
    }

    fn take(&mut self) -> Result<Token, SyntaxError> {
        self.peek()?;
        Ok(self.ahead.take().expect("it was just filled"))
    }

    fn token(&mut self) -> Result<Token, SyntaxError> {
        self.blanks();
        self.ahead_line = self.line;
        let rest = &self.source[self.position..];
        let Some(&first) = rest.first() else {
            self.here_documents()?;
            return Ok(Token::End);
        };
        if first == b'\n' {
            self.position += 1;
            self.line += 1;
            self.here_documents()?;
            return Ok(Token::Newline);
        }
        if let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator.as_bytes())) {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=3).contains(&digits) && matches!(rest.get(digits), Some(b'<' | b'>')) {
            let number = rest[..digits].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
            self.position += digits;
            return Ok(Token::Number(number));
        }
        let line = self.line;
        let word = self.word();
        self.ahead_line = line;
        word.map(Token::Word)
    }

    fn blanks(&mut self) {
        loop {
            match &self.source[self.position..] {
                [b' ' | b'\t', ..] => self.position += 1,
                [b'\\', b'\n', ..] => {
                    self.position += 2;
                    self.line += 1;
                }
                [b'#', rest @ ..] => self.position += 1 + rest.iter().take_while(|&&byte| byte != b'\n').count(),
                _ => return,
            }
        }
    }

    fn here_documents(&mut self) -> Result<(), SyntaxError> {
        for pending in std::mem::take(&mut self.here) {
            let text = self.here_text(&pending);
            let line = self.line;
            let parts = if pending.quoted {
                vec![Part::Quoted(text)]
            } else {
                let lines = u32::try_from(text.iter().filter(|&&byte| byte == b'\n').count()).unwrap_or(u32::MAX);
                self.sub_parser(&text, line.saturating_sub(lines + 1)).here_parts()?
            };
            pending.text.set(parts).expect("each here-document is read once");
        }
        Ok(())
    }

    /// The lines up to the delimiter. Without one the text ends with the script, as in dash.
    fn here_text(&mut self, pending: &PendingHere) -> Vec<u8> {
        let mut text = Vec::new();
        let mut continued = false;
        while self.position < self.source.len() {
            let rest = &self.source[self.position..];
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let mut line = &rest[..length];
            self.position = (self.position + length + 1).min(self.source.len());
            self.line += 1;
            if pending.strip_tabs {
                let tabs = line.iter().take_while(|&&byte| byte == b'\t').count();
                line = &line[tabs..];
            }
            if line == pending.delimiter && !continued {
                break;
            }
            // A backslash before the newline joins lines in an unquoted text, so the next line is no delimiter.
            continued = !pending.quoted && line.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1;
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text
    }

    // --- grammar ---------------------------------------------------------------------------------------------

    fn newlines(&mut self) -> Result<(), SyntaxError> {
        while *self.peek()? == Token::Newline {
            self.take()?;
        }
        Ok(())
    }

    fn at_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        Ok(matches!(self.peek()?, Token::Operator(found) if *found == operator))
    }

    fn skip_operator(&mut self, operator: &str) -> Result<bool, SyntaxError> {
        let found = self.at_operator(operator)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn reserved(&mut self) -> Result<Option<&'static [u8]>, SyntaxError> {
        let Token::Word(word) = self.peek()? else { return Ok(None) };
        let Some(text) = plain(word) else { return Ok(None) };
        Ok(RESERVED.into_iter().find(|&reserved| reserved == text))
    }

    fn at_reserved(&mut self, word: &[u8]) -> Result<bool, SyntaxError> {
        Ok(self.reserved()? == Some(word))
    }

    fn skip_reserved(&mut self, word: &[u8]) -> Result<bool, SyntaxError> {
        self.expand_alias()?;
        let found = self.at_reserved(word)?;
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn expect_reserved(&mut self, word: &[u8]) -> Result<(), SyntaxError> {
        if self.skip_reserved(word)? {
            return Ok(());
        }
        let token = self.take()?;
        Err(self.unexpected(&token))
    }

    /// A list; over several lines when `lines`.
    fn list(&mut self, lines: bool) -> Result<Command, SyntaxError> {
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
        if matches!(self.peek()?, Token::End | Token::Newline | Token::Operator(")" | ";;")) {
            return Ok(true);
        }
        let ends: [&[u8]; 8] = [b"}", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"then"];
        Ok(self.reserved()?.is_some_and(|word| ends.contains(&word)))
    }

    /// A list inside a compound command: at least one command.
    fn compound_list(&mut self) -> Result<Command, SyntaxError> {
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
        let mut commands = Vec::new();
        loop {
            match self.list(true)? {
                Command::Sequence(more) if more.is_empty() => break,
                list => commands.push(list),
            }
            self.newlines()?;
        }
        Ok(if commands.len() == 1 { commands.remove(0) } else { Command::Sequence(commands) })
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

    fn pipeline(&mut self) -> Result<Command, SyntaxError> {
        let mut negated = false;
        while self.skip_reserved(b"!")? {
            negated = !negated;
            if !negated {
                return Err(self.error("syntax error: `!` unexpected"));
            }
        }
        let first = self.command()?;
        let mut commands = vec![first];
        while self.skip_operator("|")? {
            self.newlines()?;
            commands.push(self.command()?);
        }
        let command = if commands.len() == 1 { commands.remove(0) } else { Command::Pipeline(commands) };
        Ok(if negated { Command::Not(Box::new(command)) } else { command })
    }

    fn command(&mut self) -> Result<Command, SyntaxError> {
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

    fn compound(&mut self) -> Result<Option<Command>, SyntaxError> {
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
            _ => {
                let token = self.take()?;
                return Err(self.unexpected(&token));
            }
        };
        Ok(Some(command))
    }

    fn expect_operator(&mut self, operator: &str) -> Result<(), SyntaxError> {
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

    fn do_group(&mut self) -> Result<Command, SyntaxError> {
        self.expect_reserved(b"do")?;
        let body = self.compound_list()?;
        self.expect_reserved(b"done")?;
        Ok(body)
    }

    fn for_clause(&mut self, line: u32) -> Result<Command, SyntaxError> {
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
        Ok(Command::For { line, name, words, body: Box::new(self.do_group()?) })
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
            arms.push((patterns, self.optional_list()?));
            self.newlines()?;
            if !self.skip_operator(";;")? {
                break;
            }
        }
        self.expect_reserved(b"esac")?;
        Ok(Command::Case { line, word, arms })
    }

    fn expect_word(&mut self) -> Result<Word, SyntaxError> {
        match self.take()? {
            Token::Word(word) => Ok(word),
            token => Err(self.unexpected(&token)),
        }
    }

    fn simple(&mut self) -> Result<Command, SyntaxError> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        self.peek()?;
        let line = self.ahead_line;
        loop {
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty() {
                self.expand_alias()?;
            }
            if !matches!(self.peek()?, Token::Word(_)) {
                break;
            }
            let word = self.expect_word()?;
            match split_assignment(&word) {
                Some(assignment) if words.is_empty() => assignments.push(assignment),
                _ => words.push(word),
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

    fn function(&mut self, name: &Word) -> Result<Command, SyntaxError> {
        let Some(name) = plain(name).filter(|name| is_name(name) || name.iter().all(|byte| is_function_byte(*byte)))
        else {
            return Err(self.error("syntax error: bad function name"));
        };
        let name = name.to_vec();
        self.expect_operator("(")?;
        self.expect_operator(")")?;
        self.newlines()?;
        let body = self.command()?;
        Ok(Command::Function(name, Rc::new(body)))
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
        if !operator.starts_with(['<', '>']) {
            return Ok(None);
        }
        self.take()?;
        let word = self.expect_word()?;
        let target = match operator {
            "<" => Target::Read(word),
            ">" => Target::Write(word),
            ">|" => Target::Clobber(word),
            ">>" => Target::Append(word),
            "<>" => Target::ReadWrite(word),
            "<&" | ">&" => Target::Duplicate(word),
            _ => self.here_document(&word, operator == "<<-")?,
        };
        let descriptor = number.unwrap_or(u32::from(operator.starts_with('>')));
        Ok(Some(Redirect { descriptor, target }))
    }

    fn here_document(&mut self, word: &Word, strip_tabs: bool) -> Result<Target, SyntaxError> {
        let mut delimiter = Vec::new();
        let quoted = word.0.iter().any(|part| !matches!(part, Part::Plain(_)));
        flatten(&word.0, &mut delimiter).ok_or_else(|| self.error("here-document delimiter with an expansion"))?;
        let text = Rc::new(OnceCell::new());
        self.here.push(PendingHere { delimiter, quoted, strip_tabs, text: Rc::clone(&text) });
        Ok(Target::HereDocument(text))
    }

    /// Replaces an alias at a command's beginning by its text, unless that text is being read.
    fn expand_alias(&mut self) -> Result<(), SyntaxError> {
        if self.aliases.is_empty() {
            return Ok(());
        }
        while let Token::Word(word) = self.peek()? {
            let Some(name) = plain(word).map(<[u8]>::to_vec) else { return Ok(()) };
            let left = self.source.len() - self.position;
            self.expanding.retain(|(_, end)| *end < left);
            let known = self.aliases.get(&name).filter(|_| !self.expanding.iter().any(|(alias, _)| *alias == name));
            let Some(text) = known.cloned() else { return Ok(()) };
            self.expanding.push((name, left));
            self.source.splice(self.position..self.position, text.into_iter().chain([b' ']));
            self.ahead = None;
        }
        Ok(())
    }
}

/// The text of a word that is one piece without quotes: what can be a reserved word, a name or an alias.
fn plain(word: &Word) -> Option<&[u8]> {
    match word.0.as_slice() {
        [Part::Plain(text)] => Some(text),
        _ => None,
    }
}

fn flatten(parts: &[Part], text: &mut Vec<u8>) -> Option<()> {
    for part in parts {
        match part {
            Part::Plain(bytes) | Part::Quoted(bytes) | Part::Tilde(bytes) => text.extend_from_slice(bytes),
            Part::Double(parts) => flatten(parts, text)?,
            _ => return None,
        }
    }
    Some(())
}

/// Whether this is a variable's name.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Beyond POSIX's names dash takes any plain word as a function's name; scripts use `-`, `.` and `:`.
const fn is_function_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'+')
}

/// `name=rest` → the name and the rest as a word.
pub(super) fn split_assignment(word: &Word) -> Option<(Vec<u8>, Word)> {
    let Some(Part::Plain(first)) = word.0.first() else { return None };
    let equals = memchr::memchr(b'=', first)?;
    let name = first[..equals].to_vec();
    if !is_name(&name) {
        return None;
    }
    let mut parts = super::word::assignment_tildes(&first[equals + 1..], word.0.len() == 1);
    parts.extend_from_slice(&word.0[1..]);
    Some((name, Word(parts)))
}
