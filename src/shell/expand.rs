//! Words → fields: parameters, commands, arithmetic, then splitting, pathnames, and quote removal (POSIX 2.6).

use std::ops::Deref;

use super::Run;
use super::Shell;
use super::arithmetic;
use super::ast::Command;
use super::ast::Operation;
use super::ast::Part;
use super::ast::Subscript;
use super::ast::Target;
use super::ast::Word;
use super::parameters::Changes;
use super::parse::split_assignment;
use super::path::behind_command;
use super::stream;
use super::stream::Stream;
use super::value::Positional;
use super::value::Value;
use super::value::Words;
use crate::format::glob::Pattern;
use crate::format::glob::Style;

/// What may still happen to expanded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Written in the script: a pattern, but one field.
    Plain,
    /// Quoted: itself.
    Quoted,
    /// The result of an expansion: split into fields, then a pattern.
    Split,
}

/// Bytes of an expansion, where they lie: what is large is not copied before it is clear what it becomes.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    /// In the script.
    Written(&'a [u8]),
    /// A variable's, or an output.
    Kept(Value),
    /// A positional parameter.
    Positional(Positional, usize),
    /// Something short.
    Short(Vec<u8>),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Written(bytes) => bytes,
            Self::Kept(value) => value,
            Self::Positional(words, index) => &words[*index],
            Self::Short(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
pub(super) enum Chunk<'a> {
    Text(Text<'a>, Mark),
    /// Quotes: the field exists even when it is empty.
    Present,
    /// The same, of a parameter of `"$@"`.
    Each,
    /// Between two of `"$@"`.
    Break,
    /// Between two of `$@` without quotes.
    Gap,
}

/// A field being made, and which ranges of it were quoted.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) bytes: Vec<u8>,
    pub(super) quoted: Vec<(usize, usize)>,
}

impl Field {
    pub(super) fn extend(&mut self, bytes: &[u8], quoted: bool) {
        if quoted && !bytes.is_empty() {
            let start = self.bytes.len();
            match self.quoted.last_mut() {
                Some((_, end)) if *end == start => *end += bytes.len(),
                _ => self.quoted.push((start, start + bytes.len())),
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Each byte with whether it was quoted.
    pub(super) fn marked(&self) -> Vec<(u8, bool)> {
        let mut marked: Vec<(u8, bool)> = self.bytes.iter().map(|&byte| (byte, false)).collect();
        for &(start, end) in &self.quoted {
            marked[start..end].iter_mut().for_each(|(_, quoted)| *quoted = true);
        }
        marked
    }

    /// Whether a byte of it is one of these, and not quoted.
    pub(super) fn has(&self, wanted: &[u8]) -> bool {
        let mut start = 0;
        self.quoted.iter().chain([&(self.bytes.len(), self.bytes.len())]).any(|&(from, to)| {
            let found = self.bytes[start..from].iter().any(|byte| wanted.contains(byte));
            start = to;
            found
        })
    }
}

/// Commands whose arguments that look like assignments are expanded as such.
fn declares(name: &[u8], bash: bool) -> bool {
    matches!(name, b"export" | b"readonly" | b"local") || (bash && matches!(name, b"declare" | b"typeset"))
}

impl Shell<'_> {
    /// All expansions: what a command's words become.
    pub(super) fn fields(&mut self, words: &[Word]) -> Run<Words> {
        let mut fields = Words::new(&self.system.budget)?;
        let bash = self.is_bash();
        let plain = |word: &Word| matches!(word.0.as_slice(), [Part::Plain(name)] if declares(name, bash));
        let mut is_declaration = words.first().is_some_and(plain);
        for word in words {
            // dash sees it when the words before are expanded, behind `command`, too.
            is_declaration |= !bash && matches!(behind_command(&fields), [name] if declares(name, false));
            if let [Part::Assign(assignment)] = word.0.as_slice() {
                self.compound_argument(assignment, is_declaration, &mut fields)?;
                continue;
            }
            // What looks like an assignment to `export` is expanded as one.
            if is_declaration && let Some((name, value)) = split_assignment(word) {
                let value = self.text(&value.0, false)?;
                fields.push(&self.system.budget, [name.as_slice(), &value].join(&b'='))?;
                continue;
            }
            match self.braces(word)? {
                Some(words) => words.iter().try_for_each(|word| self.word_fields(word, &mut fields))?,
                None => self.word_fields(word, &mut fields)?,
            }
        }
        Ok(fields)
    }

    fn word_fields(&mut self, word: &Word, fields: &mut Words) -> Run<()> {
        // Most words are plain text: no field splitting, and a pattern only with these bytes.
        if let [Part::Plain(text)] = word.0.as_slice()
            && !text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\' | b'('))
        {
            return Ok(fields.push(&self.system.budget, text.clone())?);
        }
        let mut chunks = Vec::new();
        self.parts(&word.0, false, false, &mut chunks)?;
        self.split(chunks, fields)
    }

    /// Expansion without splitting and pathnames: assignments, redirections, here-documents, `case`.
    pub(super) fn text(&mut self, parts: &[Part], quoted: bool) -> Run<Vec<u8>> {
        let (chunks, separator) = self.unsplit(parts, quoted)?;
        let length = chunks.iter().map(|chunk| if let Chunk::Text(text, _) = chunk { text.len() } else { 1 }).sum();
        let _room = self.system.budget.hold(length)?;
        let mut all = Vec::with_capacity(length);
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, _) => all.extend_from_slice(&text),
                Chunk::Break | Chunk::Gap => all.extend(separator),
                Chunk::Present | Chunk::Each => {}
            }
        }
        Ok(all)
    }

    /// A word as a pattern.
    pub(super) fn pattern(&mut self, word: &Word) -> Run<Pattern> {
        let style = self.style();
        self.styled_pattern(word, style)
    }

    pub(super) fn styled_pattern(&mut self, word: &Word, style: Style) -> Run<Pattern> {
        let marked = self.marked(&word.0)?;
        let _room = self.system.budget.hold(marked.len() * 2)?;
        Ok(Pattern::new(&marked, style, &self.system.budget)?)
    }

    /// What patterns mean here.
    pub(super) const fn style(&self) -> Style {
        let options = &self.state.options;
        Style { caret: self.is_bash(), groups: options.extglob, fold: options.nocasematch }
    }

    /// Each byte of an expansion with whether it was quoted.
    pub(super) fn marked(&mut self, parts: &[Part]) -> Run<Vec<(u8, bool)>> {
        let (chunks, separator) = self.unsplit(parts, false)?;
        let length: usize =
            chunks.iter().map(|chunk| if let Chunk::Text(text, _) = chunk { text.len() } else { 1 }).sum();
        let _room = self.system.budget.hold(length * 2)?;
        let mut all = Vec::with_capacity(length);
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, mark) => all.extend(text.iter().map(|&byte| (byte, mark == Mark::Quoted))),
                Chunk::Break | Chunk::Gap => all.extend(separator.map(|byte| (byte, true))),
                Chunk::Present | Chunk::Each => {}
            }
        }
        Ok(all)
    }

    /// Expands, and gives what joins the parts of `"$@"` where there is only one field.
    fn unsplit<'a>(&mut self, parts: &'a [Part], quoted: bool) -> Run<(Vec<Chunk<'a>>, Option<u8>)> {
        let mut chunks = Vec::new();
        self.parts(parts, quoted, false, &mut chunks)?;
        let separator = match self.variable(b"IFS") {
            // bash joins them by a blank here, whatever the separator is.
            _ if self.is_bash() => Some(b' '),
            Some(separators) => separators.first().copied(),
            None => Some(b' '),
        };
        Ok((chunks, separator))
    }

    // --- parts -----------------------------------------------------------------------------------------------

    /// Expands parts. `nested` is the word inside an unquoted `${x:-word}`, whose plain text is split too.
    pub(super) fn parts<'a>(
        &mut self,
        parts: &'a [Part],
        quoted: bool,
        nested: bool,
        chunks: &mut Vec<Chunk<'a>>,
    ) -> Run<()> {
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        for part in parts {
            let before = chunks.len();
            match part {
                Part::Plain(text) if !quoted && !nested => {
                    chunks.push(Chunk::Text(Text::Written(text), Mark::Plain));
                }
                Part::Plain(text) => chunks.push(Chunk::Text(Text::Written(text), mark)),
                Part::Quoted(text) => {
                    chunks.push(Chunk::Present);
                    chunks.push(Chunk::Text(Text::Written(text), Mark::Quoted));
                }
                Part::Double(inner) => {
                    let start = chunks.len();
                    self.parts(inner, true, false, chunks)?;
                    // `"$@"` and `"${a[@]}"` of nothing are no field, and of more they are fields already.
                    let listed = matches!(chunks[start..], [] | [Chunk::Each, ..]);
                    if !listed || !is_list(inner, self.is_bash()) {
                        chunks.push(Chunk::Present);
                    }
                }
                Part::Parameter(parameter) => self.parameter(parameter, quoted, chunks)?,
                Part::Command(command) => {
                    let output = self.substitute(command)?;
                    chunks.push(Chunk::Text(Text::Kept(output), mark));
                }
                Part::Arithmetic(inner) => {
                    let text = self.text(inner, true)?;
                    let value = self.arithmetic(&text)?;
                    chunks.push(Chunk::Text(Text::Short(value.to_string().into_bytes()), mark));
                }
                Part::Tilde(user) => {
                    let home = self.home(user);
                    chunks.push(Chunk::Text(Text::Short(home), Mark::Quoted));
                }
                Part::Process(command) => {
                    let path = self.process_substitution(command)?;
                    chunks.push(Chunk::Text(Text::Short(path), Mark::Quoted));
                }
                Part::Assign(assignment) => {
                    self.lacks(format!("the assignment to `{}` as an argument", crate::tree::escape(&assignment.name)));
                }
            }
            // What a field costs beside its bytes is what a short text costs.
            let cost = |chunk: &Chunk| if let Chunk::Text(text, _) = chunk { text.len() + 32 } else { 32 };
            let made = chunks[before..].iter().map(cost).sum();
            self.spend(made)?;
        }
        Ok(())
    }

    fn home(&mut self, user: &[u8]) -> Vec<u8> {
        let home = if user.is_empty() {
            self.variable(b"HOME").map(<[u8]>::to_vec)
        } else {
            let passwd = self.system.tree().read("/etc/passwd").ok().flatten().unwrap_or_default();
            // The next charge says so when nothing is left.
            let _ = self.system.budget.made(passwd.len());
            let entry =
                passwd.split(|&byte| byte == b'\n').find(|line| line.split(|&byte| byte == b':').next() == Some(user));
            entry.and_then(|line| line.split(|&byte| byte == b':').nth(5)).map(<[u8]>::to_vec)
        };
        home.unwrap_or_else(|| [b"~", user].concat())
    }

    fn substitute(&mut self, command: &Command) -> Run<Value> {
        self.step()?;
        if let Some(value) = self.file_substitution(command)? {
            return Ok(value);
        }
        let (output, status) = self.captured(command)?;
        self.substituted(status);
        let mut output = output;
        let bytes = output.bytes_mut();
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        bytes.retain(|&byte| byte != 0);
        Ok(output.into())
    }

    /// What a command writes to its standard output, and its status.
    fn captured(&mut self, command: &Command) -> Run<(super::value::Buffer, i32)> {
        let output = Stream::output().descriptor();
        let captured = std::rc::Rc::clone(&output);
        let status = self.subshell(|shell| {
            shell.state.descriptors.insert(1, output);
            // In bash `set -e` does not hold in a substitution, unless one asks for it.
            shell.state.options.errexit &= !shell.is_bash() || shell.state.options.inherit_errexit;
            // There it holds no more than where the substitution stands.
            let tested = shell.is_bash() && shell.state.options.inherit_errexit && shell.condition;
            shell.run(command, tested)
        })?;
        Ok((stream::take_output(&captured).unwrap_or_default(), status))
    }

    /// bash's `$(< file)`.
    fn file_substitution(&mut self, command: &Command) -> Run<Option<Value>> {
        let Command::Simple { assignments, words, redirects, .. } = command else { return Ok(None) };
        let [redirect] = redirects.as_slice() else { return Ok(None) };
        let reads = matches!(redirect.target, Target::Read(_) | Target::HereString(_)) && redirect.descriptor == 0;
        if !self.is_bash() || !reads || !words.is_empty() || !assignments.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let status = match self.redirect(redirects)? {
            Ok(saved) => {
                let descriptor = self.state.descriptors.get(&0).cloned();
                if let Some(Ok(all)) = descriptor.map(|descriptor| stream::read_all(self.system, &descriptor)) {
                    bytes = all;
                }
                self.restore(saved);
                0
            }
            Err(saved) => {
                self.restore(saved);
                1
            }
        };
        self.substituted(status);
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        bytes.retain(|&byte| byte != 0);
        self.keep(bytes).map(Some)
    }

    /// bash's `<(…)`: the path of a descriptor that has the output.
    fn process_substitution(&mut self, command: &Command) -> Run<Vec<u8>> {
        let (output, _) = self.captured(command)?;
        let number = (10..=63).rev().find(|number| !self.state.descriptors.contains_key(number)).unwrap_or(64);
        self.state.descriptors.insert(number, Stream::input(output.into()).descriptor());
        self.processes.push(number);
        Ok(format!("/dev/fd/{number}").into_bytes())
    }

    /// What a substitution ended with, which in bash the rest of the command can ask for.
    fn substituted(&mut self, status: i32) {
        self.state.substitution = Some(status);
        if self.is_bash() {
            self.state.status = status;
        }
    }

    /// The value of an arithmetic expression whose expansions are done.
    pub(super) fn arithmetic(&mut self, text: &[u8]) -> Run<i64> {
        self.system.budget.tried(text.len() * 4)?;
        let dialect = self.state.dialect;
        let mut variables = Changes { shell: self, stopped: None };
        let result = arithmetic::evaluate(text, dialect, &mut variables);
        if let Some(interrupt) = variables.stopped {
            return Err(interrupt);
        }
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                let text = error.to_string();
                if self.is_bash() && text.contains(arithmetic::TOO_DEEP) {
                    self.lacks("an expression that is nested so deeply");
                }
                self.fatal(text.as_bytes())
            }
        }
    }
}

/// What an expansion is about.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) name: Text<'a>,
    pub(super) which: Which,
}

/// How much of a parameter is meant.
#[derive(Debug)]
pub(super) enum Which {
    /// It, or its element 0.
    Plain,
    /// All; each a field of its own when it is quoted.
    All(bool),
    /// The element with this subscript.
    One(Vec<u8>),
}

/// Whether these parts are only `$@` or `${a[@]}`, in some form.
fn is_list(parts: &[Part], bash: bool) -> bool {
    match parts {
        [Part::Parameter(parameter)]
            if matches!(parameter.operation, Operation::Value)
                || (bash && !matches!(parameter.operation, Operation::Default(..))) =>
        {
            parameter.name == b"@" || matches!(parameter.subscript, Some(Subscript::All(true)))
        }
        _ => false,
    }
}
