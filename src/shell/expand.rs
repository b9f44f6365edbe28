//! Words → fields: parameters, commands, arithmetic, then splitting, pathnames, and quote removal (POSIX 2.6).

use std::ops::Deref;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::arithmetic;
use super::ast::Command;
use super::ast::DefaultKind;
use super::ast::Operation;
use super::ast::Parameter;
use super::ast::Part;
use super::ast::Subscript;
use super::ast::Target;
use super::ast::Word;
use super::parse::is_name;
use super::parse::split_assignment;
use super::pattern::Pattern;
use super::pattern::Style;
use super::stream;
use super::stream::Stream;
use super::value::Positional;
use super::value::Value;
use super::value::Words;
use crate::tree::TreePath;

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
    /// Between two of `"$@"`.
    Break,
}

/// A field being made, and which ranges of it were quoted.
#[derive(Debug, Default)]
struct Field {
    bytes: Vec<u8>,
    quoted: Vec<(usize, usize)>,
}

impl Field {
    fn extend(&mut self, bytes: &[u8], quoted: bool) {
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
    fn marked(&self) -> Vec<(u8, bool)> {
        let mut marked: Vec<(u8, bool)> = self.bytes.iter().map(|&byte| (byte, false)).collect();
        for &(start, end) in &self.quoted {
            marked[start..end].iter_mut().for_each(|(_, quoted)| *quoted = true);
        }
        marked
    }

    /// Whether a byte of it is one of these, and not quoted.
    fn has(&self, wanted: &[u8]) -> bool {
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
        let declares = words.first().is_some_and(plain);
        for word in words {
            if let [Part::Assign(assignment)] = word.0.as_slice() {
                self.compound_argument(assignment, declares, &mut fields)?;
                continue;
            }
            // What looks like an assignment to `export` is expanded as one.
            if declares && let Some((name, value)) = split_assignment(word) {
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
                Chunk::Break => all.extend(separator),
                Chunk::Present => {}
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
                Chunk::Break => all.extend(separator.map(|byte| (byte, true))),
                Chunk::Present => {}
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
                    // `"$@"` and `"${a[@]}"` of nothing are no field.
                    if chunks.len() > start || !is_list(inner) {
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
        self.state.substitution = Some(status);
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
            shell.run(command, false)
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
        self.state.substitution = Some(status);
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
            Err(error) => self.fatal(error.to_string().as_bytes()),
        }
    }

    // --- parameters ------------------------------------------------------------------------------------------

    /// The value of any parameter but `@` and `*`.
    pub(super) fn value(&mut self, name: &[u8]) -> Run<Option<Text<'static>>> {
        let short = |text: String| Some(Text::Short(text.into_bytes()));
        Ok(match name {
            b"#" => short(self.state.positional.len().to_string()),
            b"?" => short(self.state.status.to_string()),
            // Always the same, so that names made of it are the same in every build.
            b"$" => short("1000".to_owned()),
            b"!" => None,
            b"-" => Some(Text::Short(self.state.options.letters(self.state.dialect))),
            b"0" => Some(Text::Short(self.state.name.to_vec())),
            b"LINENO" => short(self.state.line.to_string()),
            _ if name[0].is_ascii_digit() => {
                let index = std::str::from_utf8(name).ok().and_then(|index| index.parse::<usize>().ok());
                let index = index.and_then(|index| index.checked_sub(1));
                let index = index.filter(|index| *index < self.state.positional.len());
                index.map(|index| Text::Positional(self.state.positional.clone(), index))
            }
            _ => match self.shared(name) {
                Some(value) => Some(Text::Kept(value)),
                None if self.is_bash() => self.provided(name)?.map(Text::Short),
                None => None,
            },
        })
    }

    fn parameter<'a>(&mut self, parameter: &'a Parameter, quoted: bool, chunks: &mut Vec<Chunk<'a>>) -> Run<()> {
        let which = match &parameter.subscript {
            None if matches!(parameter.name.as_slice(), b"@" | b"*") => Which::All(parameter.name == b"@"),
            None => Which::Plain,
            Some(Subscript::All(separate)) => Which::All(*separate),
            Some(Subscript::One(word)) => Which::One(self.text(&word.0, false)?),
        };
        if parameter.name == b"BASH_VERSINFO" && self.is_bash() {
            self.version()?;
        }
        let mut name = Text::Written(&parameter.name);
        let mut which = which;
        if parameter.indirect {
            match self.indirect(&name, &which)? {
                Some((target, subscript)) => (name, which) = (Text::Short(target), subscript),
                None => return Ok(()),
            }
        }
        let subject = Subject { name, which };
        self.operate(&subject, &parameter.operation, quoted, chunks)
    }

    /// What a variable's value names: `${!x}`.
    fn indirect(&mut self, name: &[u8], which: &Which) -> Run<Option<(Vec<u8>, Which)>> {
        let value = match which {
            Which::One(subscript) => self.element(name, subscript)?.map(|value| value.to_vec()),
            _ => self.value(name)?.map(|value| value.to_vec()),
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return match self.state.options.nounset {
                true => self.unbound(name),
                false => Ok(None),
            };
        };
        if value == b"@" || value == b"*" {
            return Ok(Some((value.clone(), Which::All(value == b"@"))));
        }
        if let [target @ .., b']'] = value.as_slice()
            && let Some(open) = memchr::memchr(b'[', target)
            && is_name(&target[..open])
        {
            let which = match &target[open + 1..] {
                b"@" => Which::All(true),
                b"*" => Which::All(false),
                subscript => Which::One(subscript.to_vec()),
            };
            return Ok(Some((target[..open].to_vec(), which)));
        }
        let special = matches!(value.as_slice(), [b'#' | b'?' | b'-' | b'$' | b'!'] | [b'0'..=b'9', ..]);
        if !is_name(&value) && !special {
            return self.fatal(&[value.as_slice(), b": invalid variable name"].concat());
        }
        Ok(Some((value, Which::Plain)))
    }

    fn operate<'a>(
        &mut self,
        subject: &Subject<'a>,
        operation: &'a Operation,
        quoted: bool,
        chunks: &mut Vec<Chunk<'a>>,
    ) -> Run<()> {
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        match (operation, &subject.which) {
            (Operation::Unknown, _) => {
                let bash = self.is_bash();
                let what =
                    if bash { "a parameter expansion" } else { "a parameter expansion that POSIX does not know" };
                self.gap(if bash { b"bash" } else { b"${}" }, what);
                self.fatal(b"Bad substitution")
            }
            (Operation::Default(kind, colon, word), _) => self.default(subject, *kind, *colon, word, quoted, chunks),
            (Operation::Names(separate), _) => {
                let begins = |name: &&[u8]| name.starts_with(&subject.name);
                let names: Vec<Vec<u8>> =
                    self.state.variables.iter().map(|(name, _)| name).filter(begins).map(<[u8]>::to_vec).collect();
                self.system.budget.tried(self.state.variables.len())?;
                self.list(names.into_iter().map(Text::Short).collect(), *separate, quoted, chunks)
            }
            (Operation::Subscripts, which) => {
                let names = self.entries(&subject.name)?.into_iter().map(|(name, _)| Text::Short(name)).collect();
                self.list(names, matches!(which, Which::All(true)), quoted, chunks)
            }
            (Operation::Length, Which::All(_)) => {
                let length = self.all(subject)?.len();
                chunks.push(Chunk::Text(Text::Short(length.to_string().into_bytes()), mark));
                Ok(())
            }
            // dash cuts what is joined.
            (Operation::Trim { .. }, Which::All(_)) if !self.is_bash() => {
                let joined = self.state.positional.join(&b' ');
                let value = self.modified(Text::Short(joined), operation)?;
                chunks.push(Chunk::Text(value, mark));
                Ok(())
            }
            (Operation::Slice(offset, length), Which::All(separate)) => {
                let all = self.slice_list(subject, offset, length.as_deref())?;
                self.list(all, *separate, quoted, chunks)
            }
            (_, Which::All(separate)) => {
                let mut all = self.all(subject)?;
                if !matches!(operation, Operation::Value) {
                    for value in &mut all {
                        *value = self.modified(value.clone(), operation)?;
                    }
                }
                self.list(all, *separate, quoted, chunks)
            }
            _ => {
                let value = self.needed(subject)?;
                let value = self.modified(value, operation)?;
                chunks.push(Chunk::Text(value, mark));
                Ok(())
            }
        }
    }

    /// The value of one parameter, if it has any.
    fn single(&mut self, subject: &Subject<'_>) -> Run<Option<Text<'static>>> {
        match &subject.which {
            Which::One(subscript) => Ok(self.element(&subject.name, subscript)?.map(Text::Kept)),
            _ => self.value(&subject.name),
        }
    }

    fn needed(&mut self, subject: &Subject<'_>) -> Run<Text<'static>> {
        match self.single(subject)? {
            Some(value) => Ok(value),
            None if self.state.options.nounset => match &subject.which {
                Which::One(subscript) => self.unbound(&[&*subject.name, b"[", subscript.as_slice(), b"]"].concat()),
                _ => self.unbound(&subject.name),
            },
            None => Ok(Text::Short(Vec::new())),
        }
    }

    /// All values of `$@`, or of an array.
    pub(super) fn all(&mut self, subject: &Subject<'_>) -> Run<Vec<Text<'static>>> {
        if matches!(&*subject.name, b"@" | b"*") {
            let words = &self.state.positional;
            self.system.budget.made(words.len() * 16)?;
            return Ok((0..words.len()).map(|index| Text::Positional(words.clone(), index)).collect());
        }
        Ok(self.entries(&subject.name)?.into_iter().map(|(_, value)| Text::Kept(value)).collect())
    }

    fn list(&self, values: Vec<Text<'static>>, separate: bool, quoted: bool, chunks: &mut Vec<Chunk<'_>>) -> Run<()> {
        self.spend(values.len() * 48)?;
        if quoted && !separate {
            let separators = self.separators();
            let length: usize = values.iter().map(|value| value.len() + 1).sum();
            self.spend(length)?;
            let _room = self.system.budget.hold(length)?;
            let mut joined = Vec::with_capacity(length);
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    joined.extend(separators.first());
                }
                joined.extend_from_slice(value);
            }
            drop(values);
            let joined = self.keep(joined)?;
            chunks.push(Chunk::Text(Text::Kept(joined), Mark::Quoted));
            return Ok(());
        }
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                chunks.push(Chunk::Break);
            }
            if quoted {
                chunks.push(Chunk::Present);
            }
            chunks.push(Chunk::Text(value, if quoted { Mark::Quoted } else { Mark::Split }));
        }
        Ok(())
    }

    fn default<'a>(
        &mut self,
        subject: &Subject<'a>,
        kind: DefaultKind,
        colon: bool,
        word: &'a Word,
        quoted: bool,
        chunks: &mut Vec<Chunk<'a>>,
    ) -> Run<()> {
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        let (all, value) = match &subject.which {
            Which::All(_) => (self.all(subject)?, None),
            _ => (Vec::new(), self.single(subject)?),
        };
        let set = match &subject.which {
            Which::All(_) if colon && all.len() == 1 => !all[0].is_empty(),
            Which::All(_) => !all.is_empty(),
            _ => value.as_ref().is_some_and(|value| !colon || !value.is_empty()),
        };
        match kind {
            DefaultKind::Alternative if set => self.parts(&word.0, quoted, !quoted, chunks),
            DefaultKind::Alternative => Ok(()),
            _ if set => match (&subject.which, value) {
                (Which::All(separate), _) => self.list(all, *separate, quoted, chunks),
                (_, value) => {
                    chunks.push(Chunk::Text(value.unwrap_or(Text::Short(Vec::new())), mark));
                    Ok(())
                }
            },
            DefaultKind::Use => self.parts(&word.0, quoted, !quoted, chunks),
            DefaultKind::Assign => {
                let name = subject.name.to_vec();
                if !is_name(&name) {
                    return self.fatal(&[name.as_slice(), b": bad variable name"].concat());
                }
                let value = self.text(&word.0, quoted)?;
                match &subject.which {
                    Which::One(subscript) => self.assign_element(&name, subscript, false, value)?,
                    _ => self.assign(&name, value)?,
                }
                let value = self.single(subject)?.unwrap_or(Text::Short(Vec::new()));
                chunks.push(Chunk::Text(value, mark));
                Ok(())
            }
            DefaultKind::Complain => {
                let mut message = self.text(&word.0, quoted)?;
                if word.0.is_empty() {
                    message = if colon { b"parameter not set or null".to_vec() } else { b"parameter not set".to_vec() };
                }
                self.complain(&[&subject.name, b": ".as_slice(), &message].concat())?;
                Err(Interrupt::Exit(if self.is_bash() { 1 } else { 2 }))
            }
        }
    }

    // --- splitting and pathnames -----------------------------------------------------------------------------

    fn split(&mut self, chunks: Vec<Chunk<'_>>, fields: &mut Words) -> Run<()> {
        let ifs = self.separators();
        let mut splitter = Splitter { ifs: &ifs, done: Vec::new(), field: None, after_blank: false };
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, Mark::Split) => {
                    for &byte in &*text {
                        splitter.byte(byte);
                        if !splitter.done.is_empty() {
                            self.found(&mut splitter, fields)?;
                        }
                    }
                }
                Chunk::Text(text, mark) => {
                    if !text.is_empty() {
                        splitter.after_blank = false;
                        splitter.field.get_or_insert_default().extend(&text, mark == Mark::Quoted);
                    }
                }
                Chunk::Present => {
                    splitter.after_blank = false;
                    splitter.field.get_or_insert_default();
                }
                Chunk::Break => splitter.end(),
            }
        }
        splitter.end();
        self.found(&mut splitter, fields)
    }

    fn found(&mut self, splitter: &mut Splitter<'_>, fields: &mut Words) -> Run<()> {
        for field in splitter.done.drain(..) {
            self.pathnames(field, fields)?;
        }
        Ok(())
    }

    fn pathnames(&mut self, field: Field, fields: &mut Words) -> Run<()> {
        let wild =
            field.has(b"*?") || (field.has(b"[") && field.has(b"]")) || (self.state.options.extglob && field.has(b"("));
        if !wild || self.state.options.noglob {
            return Ok(fields.push(&self.system.budget, field.bytes)?);
        }
        self.spend(field.bytes.len() * 4)?;
        let found = self.glob(&field)?;
        let options = &self.state.options;
        let wild = || Pattern::new(&field.marked(), self.style(), &self.system.budget).map(|pattern| pattern.is_wild());
        if !found.is_empty() {
            found.into_iter().try_for_each(|name| fields.push(&self.system.budget, name))?;
        } else if !(options.failglob || options.nullglob) || !wild()? {
            fields.push(&self.system.budget, field.bytes)?;
        } else if options.failglob {
            return self.fatal(&[b"no match: ", field.bytes.as_slice()].concat());
        }
        Ok(())
    }

    /// The paths of the tree that match, sorted.
    fn glob(&mut self, field: &Field) -> Run<Vec<Vec<u8>>> {
        let directory = self.state.directory.clone();
        let marked = field.marked();
        let (style, hidden) = (self.glob_style(), self.state.options.dotglob);
        let tree = self.system.tree();
        // Pairs of what is written so far and where it really lies.
        let start = if marked.first().is_some_and(|(byte, _)| *byte == b'/') { b"/".to_vec() } else { directory };
        let Ok(start) = tree.resolve(&start, true) else { return Ok(Vec::new()) };
        let mut found: Vec<(Vec<u8>, TreePath)> = vec![(Vec::new(), start)];
        let components: Vec<&[(u8, bool)]> = marked.split(|(byte, _)| *byte == b'/').collect();
        for (index, component) in components.iter().enumerate() {
            let mut next = Words::new(&self.system.budget)?;
            let mut places = Vec::new();
            let pattern = Pattern::new(component, style, &self.system.budget)?;
            let last = index + 1 == components.len();
            for (mut written, place) in found {
                if index > 0 {
                    written.push(b'/');
                }
                if component.is_empty() {
                    next.push(&self.system.budget, written)?;
                    places.push(place);
                    continue;
                }
                for name in self.matching(&place, component, &pattern, hidden)? {
                    let tree = self.system.tree();
                    let Ok(path) = tree.resolve([place.as_bytes(), &name].join(&b'/'), !last) else { continue };
                    if tree.get(&path).is_some_and(|inode| last || inode.is_directory()) {
                        next.push(&self.system.budget, [written.as_slice(), &name].concat())?;
                        places.push(path);
                    }
                }
            }
            // What is found is claimed again when it becomes fields.
            found = next.iter().cloned().zip(places).collect();
        }
        let mut names: Vec<Vec<u8>> = found.into_iter().map(|(written, _)| written).collect();
        names.sort();
        Ok(names)
    }

    /// The names of a directory that match one component of a pathname pattern.
    fn matching(
        &mut self,
        directory: &TreePath,
        component: &[(u8, bool)],
        pattern: &Pattern,
        hidden: bool,
    ) -> Run<Vec<Vec<u8>>> {
        self.step()?;
        if !pattern.is_wild() {
            let mut name = Vec::new();
            let mut rest = component;
            while let [(byte, quoted), tail @ ..] = rest {
                let escapes = *byte == b'\\' && !quoted && !tail.is_empty();
                rest = if escapes { &tail[1..] } else { tail };
                name.push(if escapes { tail[0].0 } else { *byte });
            }
            return Ok(vec![name]);
        }
        let budget = self.system.budget.clone();
        let tree = self.system.tree();
        let Ok(place) = tree.resolve(directory.as_bytes(), true) else { return Ok(Vec::new()) };
        let dotted = pattern.begins_with(b'.');
        let mut names = Vec::new();
        for (path, _) in tree.children(&place) {
            let name = path.name();
            budget.tried(16)?;
            if (name[0] != b'.' || dotted || hidden) && pattern.matches(name, &budget)? {
                budget.made(name.len() + 32)?;
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    const fn glob_style(&self) -> Style {
        let style = self.style();
        Style { fold: self.state.options.nocaseglob, ..style }
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
fn is_list(parts: &[Part]) -> bool {
    match parts {
        [Part::Parameter(parameter)] => {
            parameter.name == b"@" || matches!(parameter.subscript, Some(Subscript::All(true)))
        }
        _ => false,
    }
}

struct Splitter<'a> {
    ifs: &'a [u8],
    done: Vec<Field>,
    field: Option<Field>,
    /// A field ended at white space: one other separator may follow without making an empty field.
    after_blank: bool,
}

impl Splitter<'_> {
    fn end(&mut self) {
        self.done.extend(self.field.take());
        self.after_blank = false;
    }

    fn byte(&mut self, byte: u8) {
        if !self.ifs.contains(&byte) {
            self.after_blank = false;
            self.field.get_or_insert_default().bytes.push(byte);
        } else if matches!(byte, b' ' | b'\t' | b'\n') {
            if self.field.is_some() {
                self.end();
                self.after_blank = true;
            }
        } else if self.after_blank {
            self.after_blank = false;
        } else {
            self.field.get_or_insert_default();
            self.end();
        }
    }
}

/// The shell's variables as arithmetic sees them.
struct Changes<'a, 'w> {
    shell: &'a mut Shell<'w>,
    stopped: Option<Interrupt>,
}

impl Changes<'_, '_> {
    fn checked<T>(&mut self, result: Run<T>) -> Result<T, arithmetic::ArithmeticError> {
        result.map_err(|interrupt| {
            self.stopped = Some(interrupt);
            arithmetic::ArithmeticError("stopped".into())
        })
    }

    fn element(name: &[u8]) -> Option<(&[u8], &[u8])> {
        let open = memchr::memchr(b'[', name)?;
        Some((&name[..open], name[open + 1..].strip_suffix(b"]")?))
    }
}

impl arithmetic::Variables for Changes<'_, '_> {
    fn get(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>, arithmetic::ArithmeticError> {
        let value = match Self::element(name) {
            Some((name, subscript)) => {
                self.shell.element(name, subscript).map(|value| value.map(|value| value.to_vec()))
            }
            None => self.shell.value(name).map(|value| value.map(|value| value.to_vec())),
        };
        let value = match value {
            Ok(None) if self.shell.is_bash() && self.shell.state.options.nounset => self.shell.unbound(name),
            other => other,
        };
        self.checked(value)
    }

    fn set(&mut self, name: &[u8], value: i64) -> Result<(), arithmetic::ArithmeticError> {
        let value = value.to_string().into_bytes();
        let result = match Self::element(name) {
            Some((name, subscript)) => self.shell.assign_element(name, subscript, false, value),
            None => self.shell.assign(name, value),
        };
        self.checked(result)
    }
}
