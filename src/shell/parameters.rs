//! Parameters: `$1`, `${name:-word}` and their kin.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::arithmetic;
use super::ast::DefaultKind;
use super::ast::Operation;
use super::ast::Parameter;
use super::ast::Subscript;
use super::ast::Word;
use super::expand::Chunk;
use super::expand::Mark;
use super::expand::Subject;
use super::expand::Text;
use super::expand::Which;
use super::reader::is_name;
use crate::format::glob::Pattern;

impl Shell<'_> {
    /// The value of any parameter but `@` and `*`.
    pub(super) fn value(&mut self, name: &[u8]) -> Run<Option<Text<'static>>> {
        let short = |text: String| Some(Text::Short(text.into_bytes()));
        Ok(match name {
            b"#" => short(self.state.positional.len().to_string()),
            b"?" => short(self.state.status.to_string()),
            b"$" => short(self.state.process.to_string()),
            b"!" => self.state.jobs.last.and_then(|process| short(process.to_string())),
            b"-" => Some(Text::Short(self.state.options.letters(self.state.dialect))),
            b"0" => Some(Text::Short(self.state.name.to_vec())),
            // Debian's dash is built without it.
            b"LINENO" if self.is_bash() => short(self.state.line.to_string()),
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

    pub(super) fn parameter<'a>(
        &mut self,
        parameter: &'a Parameter,
        quoted: bool,
        chunks: &mut Vec<Chunk<'a>>,
    ) -> Run<()> {
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
                Some((target, subscript)) => {
                    // To bash such a list is never empty, unless it has no elements.
                    if matches!((&subscript, &parameter.operation), (Which::All(_), Operation::Default(_, true, _))) {
                        self.lacks("`${!name:-word}` of a list");
                    }
                    (name, which) = (Text::Short(target), subscript);
                }
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
        let Some(value) = value else {
            return match self.state.options.nounset {
                true => self.unbound(name),
                false => self.reported(&[name, b": invalid indirect expansion"].concat()),
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
                subscript => Which::One(self.read_subscript(subscript)?),
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
                self.reported(b"Bad substitution")
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
            // To dash that is how long all are together.
            (Operation::Length, Which::All(_)) if !self.is_bash() => {
                let words = &self.state.positional;
                let separators = if self.separators().is_empty() { 0 } else { words.len().saturating_sub(1) };
                let length = words.iter().map(Vec::len).sum::<usize>() + separators;
                self.system.budget.tried(words.len())?;
                chunks.push(Chunk::Text(Text::Short(length.to_string().into_bytes()), mark));
                Ok(())
            }
            (Operation::Length, Which::All(_)) => {
                let length = self.all(subject)?.len();
                chunks.push(Chunk::Text(Text::Short(length.to_string().into_bytes()), mark));
                Ok(())
            }
            (Operation::Trim { suffix, longest, pattern }, Which::All(separate)) if !self.is_bash() => {
                let pattern = self.pattern(pattern)?;
                let parts = self.trim_all(&pattern, (*suffix, *longest), quoted, *separate)?;
                self.list(parts.into_iter().map(Text::Short).collect(), *separate, quoted, chunks)
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

    /// The positional parameters without what a pattern takes away in dash. `joined`: as one text. Otherwise dash has
    /// zero bytes between them, at which its patterns end: they match in the first, and only the shortest end is
    /// looked for in the last ones, too. Where nothing is split it has `IFS` there.
    fn trim_all(
        &mut self,
        pattern: &Pattern,
        (suffix, longest): (bool, bool),
        quoted: bool,
        separate: bool,
    ) -> Run<Vec<Vec<u8>>> {
        let budget = self.system.budget.clone();
        let separators = self.separators();
        let separator = separators.get(..1).unwrap_or_default();
        let mut words: Vec<Vec<u8>> = self.state.positional.to_vec();
        budget.made(words.iter().map(|word| word.len() + 32).sum())?;
        let one = pattern.trim(&words.join(separator), suffix, longest, &budget)?;
        if quoted && !separate || words.is_empty() {
            return Ok(if words.is_empty() { words } else { vec![one] });
        }
        let trim = |word: &[u8]| pattern.trim(word, suffix, longest, &budget);
        let takes_nothing = pattern.matches(b"", &budget)?;
        if suffix && !longest {
            for index in (0..words.len()).rev().filter(|_| !takes_nothing) {
                let rest = trim(&words[index])?;
                if rest.len() < words[index].len() {
                    words[index] = rest;
                    words.truncate(index + 1);
                    break;
                }
            }
        } else {
            let rest = trim(&words[0])?;
            let ends = if suffix {
                takes_nothing || rest.len() < words[0].len()
            } else {
                longest && pattern.matches(&words[0], &budget)?
            };
            words.truncate(if ends { 1 } else { words.len() });
            words[0] = rest;
        }
        // In quotes it has marks before some bytes, and is short of what lies behind the first zero then.
        let marked = quoted && self.state.positional.iter().flatten().any(|byte| b"!*?[=~:/-]\\".contains(byte));
        if words.join(separator) != one || marked && self.state.positional.len() > 1 {
            self.gap(b"${}", "a pattern that is cut from all parameters together");
        }
        Ok(words)
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
                chunks.push(if quoted { Chunk::Break } else { Chunk::Gap });
            }
            if quoted {
                chunks.push(Chunk::Each);
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
            // In dash they are always set, and null as one text.
            Which::All(_) if !self.is_bash() => {
                let empty = all.iter().all(|text| text.is_empty());
                if colon && empty && all.len() > 1 && self.separators().is_empty() {
                    self.gap(b"${}", "whether parameters are null that only `IFS` could hold apart");
                }
                !colon || !empty || (all.len() > 1 && !self.separators().is_empty())
            }
            Which::All(_) if colon && all.len() == 1 => !all[0].is_empty(),
            // Together they are empty where nothing is between them.
            Which::All(false) if colon && self.is_bash() => {
                all.iter().any(|value| !value.is_empty()) || all.len() > 1 && !self.separators().is_empty()
            }
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
                Err(Interrupt::Exit(self.unset_status()))
            }
        }
    }
}

/// The shell's variables as arithmetic sees them.
pub(super) struct Changes<'a, 'w> {
    pub(super) shell: &'a mut Shell<'w>,
    pub(super) stopped: Option<Interrupt>,
}

impl Changes<'_, '_> {
    fn checked<T>(&mut self, result: Run<T>) -> Result<T, arithmetic::ArithmeticError> {
        result.map_err(|interrupt| {
            self.stopped = Some(interrupt);
            arithmetic::ArithmeticError("stopped".into())
        })
    }

    /// A subscript without what quotes it; in one by number single quotes are none.
    fn subscript(&mut self, name: &[u8], text: &[u8]) -> Run<Vec<u8>> {
        let array = self.shell.state.variables.get(name).and_then(|variable| variable.array.as_ref());
        if text.contains(&b'\'') && !array.is_some_and(|array| array.is_associative()) {
            return Ok(text.to_vec());
        }
        self.shell.read_subscript(text)
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
                let value = self.subscript(name, subscript).and_then(|text| self.shell.element(name, &text));
                value.map(|value| value.map(|value| value.to_vec()))
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
            Some((name, subscript)) => {
                let text = self.subscript(name, subscript);
                text.and_then(|text| self.shell.assign_element(name, &text, false, value))
            }
            None => self.shell.assign(name, value),
        };
        self.checked(result)
    }
}
