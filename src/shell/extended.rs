//! What only bash's grammar has (bash(1), Compound Commands, Arrays): `[[ ]]`, `(( ))`, `for (( ; ; ))`, `function`,
//! `time`, and assignments to arrays.

use super::ast::Assigned;
use super::ast::Assignment;
use super::ast::Command;
use super::ast::Condition;
use super::ast::Element;
use super::ast::Operation;
use super::ast::Part;
use super::ast::Place;
use super::ast::Redirect;
use super::ast::Target;
use super::ast::Word;
use super::reader::Parser;
use super::reader::SyntaxError;
use super::reader::Token;
use super::reader::is_name;
use super::reader::plain;
use super::tilde;
use super::tilde::assigned;
use super::word::Context;

/// `a |& b` is `a 2>&1 | b`.
pub(super) fn with_errors(command: Command) -> Command {
    let to_output = Redirect { descriptor: 2, target: Target::Duplicate(Word(vec![Part::Plain(b"1".to_vec())])) };
    match command {
        Command::Simple { line, assignments, words, mut redirects } => {
            redirects.push(to_output);
            Command::Simple { line, assignments, words, redirects }
        }
        other => Command::Redirected(0, Box::new(other), vec![to_output]),
    }
}

/// The length of the backslashes with newlines that a text begins with, which join lines.
fn continuations(text: &[u8]) -> usize {
    text.chunks_exact(2).take_while(|pair| pair == b"\\\n").count() * 2
}

impl Parser {
    /// `time [-p] pipeline`
    pub(super) fn time(&mut self) -> Result<Command, SyntaxError> {
        self.take()?;
        let portable = matches!(self.peek()?, Token::Word(word) if plain(word) == Some(b"-p"));
        if portable {
            self.take()?;
        }
        let ends = matches!(self.peek()?, Token::Newline | Token::End | Token::Operator(";" | "&" | ")"));
        let inner = if ends { Command::Sequence(Vec::new()) } else { self.nested(Self::pipeline)? };
        Ok(Command::Time(portable, Box::new(inner)))
    }

    /// `function name [()] command`, behind its first word.
    pub(super) fn function_clause(&mut self) -> Result<Command, SyntaxError> {
        let word = self.expect_word()?;
        let Some(name) = plain(&word).map(<[u8]>::to_vec) else {
            return Err(self.error("syntax error: bad function name"));
        };
        if self.skip_operator("(")? {
            self.expect_operator(")")?;
        }
        self.newlines()?;
        self.function_body(name)
    }

    /// `(( expression ))`; `None`, and nothing is read, when it is a subshell in a subshell.
    pub(super) fn arithmetic_command(&mut self) -> Result<Option<Vec<Part>>, SyntaxError> {
        if self.source.get(self.position) != Some(&b'(') {
            return Ok(None);
        }
        // What is inside has commands of its own, before which the bracket that was looked at must not stand.
        let (position, line, ahead) = (self.position, self.line, self.ahead.take());
        self.position += 1;
        let expression = self.parts(Context::Arithmetic);
        match expression {
            Ok(expression) if self.source[self.position..].starts_with(b"))") => {
                self.position += 2;
                Ok(Some(expression))
            }
            Err(error) if error.spent.is_some() => Err(error),
            _ => {
                (self.position, self.line, self.ahead) = (position, line, ahead);
                Ok(None)
            }
        }
    }

    /// `(( first; condition; next ))` of a `for`.
    pub(super) fn arithmetic_clauses(&mut self) -> Result<Option<Box<[Vec<Part>; 3]>>, SyntaxError> {
        if self.source.get(self.position) != Some(&b'(') {
            return Ok(None);
        }
        self.position += 1;
        self.ahead = None;
        let mut clauses = <[Vec<Part>; 3]>::default();
        for (index, clause) in clauses.iter_mut().enumerate() {
            *clause = self.parts(Context::Clause)?;
            let end: &[u8] = if index < 2 { b";" } else { b"))" };
            if !self.source[self.position..].starts_with(end) {
                return Err(self.error("syntax error: arithmetic expression required"));
            }
            self.position += end.len();
        }
        Ok(Some(Box::new(clauses)))
    }

    // --- ${…} ------------------------------------------------------------------------------------------------

    /// The operations that only bash has; `None` when it is none of them.
    pub(super) fn bash_operation(&mut self, context: Context) -> Result<Option<Operation>, SyntaxError> {
        let rest = &self.source[self.position..];
        Ok(Some(match rest {
            [b':', b'-' | b'=' | b'?' | b'+', ..] => return Ok(None),
            [b':', ..] => {
                self.position += 1;
                let offset = self.parts(Context::Offset)?;
                let mut length = None;
                if self.byte() == Some(b':') {
                    self.position += 1;
                    length = Some(self.parts(Context::Offset)?);
                }
                Operation::Slice(offset, length)
            }
            [b'/', mark, ..] => {
                let (place, skipped) = match mark {
                    b'/' => (Place::Each, 2),
                    b'#' => (Place::Start, 2),
                    b'%' => (Place::End, 2),
                    _ => (Place::First, 1),
                };
                self.position += skipped;
                let mut pattern = self.parts(Context::Replaced)?;
                // A slash that comes first is one of the pattern's.
                if pattern.is_empty() && self.byte() == Some(b'/') && matches!(place, Place::First | Place::Each) {
                    pattern.push(Part::Plain(b"/".to_vec()));
                    self.position += 1;
                    pattern.extend(self.parts(Context::Replaced)?);
                }
                tilde::leading(&mut pattern);
                let mut text = Vec::new();
                if self.byte() == Some(b'/') {
                    self.position += 1;
                    text = self.parts(Context::Braced)?;
                    if context.is_unquoted() {
                        tilde::leading(&mut text);
                    }
                }
                Operation::Replace { place, pattern: Word(pattern), text: Word(text) }
            }
            [how @ (b'^' | b',' | b'~'), behind, ..] => {
                let (how, all) = (*how, how == behind);
                self.position += 1 + usize::from(all);
                Operation::Case { how, all, pattern: Word(self.parts(Context::Braced)?) }
            }
            [b'@', letter, b'}', ..] => {
                let letter = *letter;
                self.position += 2;
                Operation::Transform(letter)
            }
            _ => return Ok(None),
        }))
    }

    /// Single quotes in `"${x-…}"`: to bash they stay, no brace between them ends anything, and there must be two.
    pub(super) fn kept_quotes(&mut self) -> Result<Part, SyntaxError> {
        let rest = &self.source[self.position..];
        let text = match memchr::memchr(b'\'', rest) {
            Some(length) if !rest[..length].contains(&b'"') => rest[..length].to_vec(),
            _ => return Err(self.error("a single quote in `${…}` inside of double quotes")),
        };
        let mut inner = self.sub_parser(&text, self.line)?;
        let mut parts = inner.parts(Context::Double)?;
        self.adopt(inner)?;
        self.line += u32::try_from(memchr::memchr_iter(b'\n', &text).count()).unwrap_or(0);
        self.position += text.len() + 1;
        parts.insert(0, Part::Plain(b"'".to_vec()));
        parts.push(Part::Plain(b"'".to_vec()));
        Ok(Part::Double(parts))
    }

    // --- [[ ]] -----------------------------------------------------------------------------------------------

    /// What stands in `[[ ]]`, behind its `[[`, with the `]]`.
    pub(super) fn condition(&mut self) -> Result<Condition, SyntaxError> {
        let condition = self.either()?;
        let word = self.expect_word()?;
        if plain(&word) == Some(b"]]") {
            Ok(condition)
        } else {
            Err(self.error("syntax error in conditional expression"))
        }
    }

    fn either(&mut self) -> Result<Condition, SyntaxError> {
        self.nested(|parser| {
            let left = parser.both()?;
            if !parser.skip_operator("||")? {
                return Ok(left);
            }
            parser.newlines()?;
            let right = parser.either()?;
            Ok(Condition::Or(Box::new(left), Box::new(right)))
        })
    }

    fn both(&mut self) -> Result<Condition, SyntaxError> {
        self.nested(|parser| {
            let left = parser.primary()?;
            if !parser.skip_operator("&&")? {
                return Ok(left);
            }
            parser.newlines()?;
            let right = parser.both()?;
            Ok(Condition::And(Box::new(left), Box::new(right)))
        })
    }

    fn primary(&mut self) -> Result<Condition, SyntaxError> {
        self.newlines()?;
        if self.skip_operator("(")? {
            let inner = self.either()?;
            self.newlines()?;
            self.expect_operator(")")?;
            self.newlines()?;
            return Ok(inner);
        }
        let word = self.expect_word()?;
        if plain(&word) == Some(b"!") {
            return Ok(Condition::Not(Box::new(self.nested(Self::primary)?)));
        }
        if plain(&word) == Some(b"]]") {
            return Err(self.error("syntax error in conditional expression"));
        }
        let is_unary = plain(&word).is_some_and(super::conditional::is_unary);
        if is_unary {
            // Whatever comes next is what it asks about.
            let operator = plain(&word).expect("it was looked at").to_vec();
            let operand = self.expect_word()?;
            if plain(&operand) == Some(b"]]") {
                return Err(self.error("syntax error in conditional expression"));
            }
            self.newlines()?;
            return Ok(Condition::Unary(operator, operand));
        }
        let next = match self.peek()? {
            Token::Word(next) => plain(next).map_or_else(|| b"?".to_vec(), <[u8]>::to_vec),
            Token::Operator(operator @ ("<" | ">")) => operator.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        if super::conditional::is_binary(&next) {
            self.take()?;
            self.blanks();
            let context = match next.as_slice() {
                b"=" | b"==" | b"!=" => Context::Pattern,
                b"=~" => Context::Regex,
                _ => Context::Word,
            };
            let mut right = self.parts(context)?;
            tilde::leading(&mut right);
            self.pay(0)?;
            if right.is_empty() {
                return Err(self.error("syntax error in conditional expression"));
            }
            self.newlines()?;
            return Ok(Condition::Binary(word, next, Word(right)));
        }
        self.newlines()?;
        Ok(Condition::Word(word))
    }

    // --- assignments -----------------------------------------------------------------------------------------

    /// A word, or an assignment that only bash has: `a=(…)`, `a[i]=…`, `a+=…`.
    pub(super) fn bash_word(&mut self) -> Result<Word, SyntaxError> {
        let rest = &self.source[self.position..];
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if is_name(&rest[..name]) {
            let head = rest[..name].to_vec();
            match &rest[name..] {
                [b'[', ..] => return self.element_or_word(head),
                [b'+', b'=', ..] => return self.assignment(head, None, 2, true),
                [b'=', behind @ ..] if behind[continuations(behind)..].starts_with(b"(") => {
                    return self.assignment(head, None, 1, false);
                }
                _ => {}
            }
        }
        if rest.first() == Some(&b'{')
            && let Some(close) = memchr::memchr(b'}', &rest[..rest.len().min(80)])
            && is_name(&rest[1..close])
            && matches!(rest.get(close + 1), Some(b'<' | b'>'))
        {
            return Err(self.error("a descriptor by the name of a variable, `{name}>`, is not followed"));
        }
        self.word()
    }

    /// `name[subscript]=…`, unless it is a plain word with brackets.
    fn element_or_word(&mut self, name: Vec<u8>) -> Result<Word, SyntaxError> {
        let (position, line) = (self.position, self.line);
        self.position += name.len() + 1;
        let subscript = match self.parts(Context::Subscript) {
            Err(error) if error.spent.is_some() => return Err(error),
            other => other.ok(),
        };
        let append = match (&self.source[self.position..], subscript) {
            ([b']', b'=', ..], Some(subscript)) => Some((subscript, false)),
            ([b']', b'+', b'=', ..], Some(subscript)) => Some((subscript, true)),
            _ => None,
        };
        match append {
            Some((subscript, append)) => {
                let behind = self.position + 1;
                self.position = behind - name.len();
                self.assignment(name, Some(Word(subscript)), if append { 2 } else { 1 }, append)
            }
            None => {
                (self.position, self.line) = (position, line);
                self.word()
            }
        }
    }

    /// The value behind a name and `=` or `+=`, which have this length.
    fn assignment(
        &mut self,
        name: Vec<u8>,
        subscript: Option<Word>,
        equals: usize,
        append: bool,
    ) -> Result<Word, SyntaxError> {
        self.position += name.len() + equals;
        let joined = continuations(&self.source[self.position..]);
        self.position += joined;
        self.line += u32::try_from(joined / 2).unwrap_or(0);
        let value = if self.source.get(self.position) == Some(&b'(') {
            self.position += 1;
            Assigned::Array(self.nested(Self::elements)?)
        } else {
            Assigned::Text(self.assigned_word()?)
        };
        Ok(Word(vec![Part::Assign(Box::new(Assignment { name, subscript, append, value }))]))
    }

    fn assigned_word(&mut self) -> Result<Word, SyntaxError> {
        Ok(Word(assigned(&self.parts(Context::Word)?)))
    }

    fn elements(&mut self) -> Result<Vec<Element>, SyntaxError> {
        let mut elements = Vec::new();
        loop {
            self.blanks();
            match self.source.get(self.position) {
                Some(b'\n') => {
                    self.position += 1;
                    self.line += 1;
                }
                Some(b')') => {
                    self.position += 1;
                    return Ok(elements);
                }
                Some(b'[') => elements.push(self.subscripted()?),
                Some(_) => {
                    let word = self.word()?;
                    elements.push(Element { subscript: None, append: false, word });
                }
                None => return Err(self.error("syntax error: unterminated `(`")),
            }
            self.pay(0)?;
        }
    }

    /// `[subscript]=word` in a compound value, or a word that begins with a bracket.
    fn subscripted(&mut self) -> Result<Element, SyntaxError> {
        let (position, line) = (self.position, self.line);
        self.position += 1;
        let subscript = self.parts(Context::Subscript)?;
        let append = self.source[self.position..].starts_with(b"]+=");
        if append || self.source[self.position..].starts_with(b"]=") {
            self.position += if append { 3 } else { 2 };
            let word = self.assigned_word()?;
            return Ok(Element { subscript: Some(Word(subscript)), append, word });
        }
        (self.position, self.line) = (position, line);
        Ok(Element { subscript: None, append: false, word: self.word()? })
    }
}
