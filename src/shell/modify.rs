//! What an expansion makes of a parameter's value: its length, a part of it, another text.

use super::Run;
use super::Shell;
use super::ast::Operation;
use super::ast::Part;
use super::ast::Place;
use super::ast::Word;
use super::expand::Subject;
use super::expand::Text;
use crate::format::glob::Style;

impl Shell<'_> {
    /// A value after an operation.
    pub(super) fn modified<'a>(&mut self, value: Text<'a>, operation: &Operation) -> Run<Text<'a>> {
        match operation {
            Operation::Length => {
                let length = if self.has_characters(&value) { characters(&value).count() } else { value.len() };
                self.system.budget.read(value.len())?;
                Ok(Text::Short(length.to_string().into_bytes()))
            }
            Operation::Trim { suffix, longest, pattern } => {
                let style = Style { fold: false, ..self.style() };
                let pattern = self.styled_pattern(pattern, style)?;
                let trimmed = pattern.trim(&value, *suffix, *longest, &self.system.budget)?;
                Ok(Text::Kept(self.keep(trimmed)?))
            }
            Operation::Slice(offset, length) => self.slice(&value, offset, length.as_deref()),
            Operation::Replace { place, pattern, text } => self.replace(&value, *place, pattern, text),
            Operation::Case { how, all, pattern } => self.change_case(&value, *how, *all, pattern),
            Operation::Transform(letter) => self.transform(&value, *letter),
            _ => Ok(value),
        }
    }

    /// Whether bash counts characters here, not bytes: the locale has UTF-8, and the value needs it.
    pub(super) fn has_characters(&self, value: &[u8]) -> bool {
        self.is_bash() && !value.is_ascii() && self.has_utf8()
    }

    /// Whether the locale has UTF-8.
    pub(super) fn has_utf8(&self) -> bool {
        let locale = [&b"LC_ALL"[..], b"LC_CTYPE", b"LANG"].into_iter().find_map(|name| {
            let value = self.variable(name)?;
            (!value.is_empty()).then(|| value.to_ascii_uppercase())
        });
        let locale = locale.unwrap_or_default();
        locale.ends_with(b"UTF-8") || locale.ends_with(b"UTF8")
    }

    // --- a part ----------------------------------------------------------------------------------------------

    fn bounds(
        &mut self,
        offset: &[Part],
        length: Option<&[Part]>,
        size: usize,
        end: i64,
    ) -> Run<Option<(i64, Option<i64>)>> {
        let text = self.text(offset, true)?;
        let mut offset = self.arithmetic(&text)?;
        if offset < 0 {
            offset = offset.saturating_add(end);
        }
        let length = match length {
            Some(length) => {
                let text = self.text(length, true)?;
                Some(self.arithmetic(&text)?)
            }
            None => None,
        };
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok((0..=size.max(end)).contains(&offset).then_some((offset, length)))
    }

    fn slice<'a>(&mut self, value: &[u8], offset: &[Part], length: Option<&[Part]>) -> Run<Text<'a>> {
        self.spend(value.len())?;
        // Where each character begins, and the end.
        let places: Option<Vec<usize>> = self
            .has_characters(value)
            .then(|| characters(value).map(|(place, _)| place).chain([value.len()]).collect());
        let size = places.as_ref().map_or(value.len(), |places| places.len() - 1);
        let end = i64::try_from(size).unwrap_or(i64::MAX);
        let Some((from, length)) = self.bounds(offset, length, size, end)? else { return Ok(Text::Short(Vec::new())) };
        let to = match length {
            None => end,
            Some(length @ ..0) => {
                let to = end + length;
                if to < from {
                    let text = format!("{length}: substring expression < 0");
                    return self.fatal(text.as_bytes());
                }
                to
            }
            Some(length) => from.saturating_add(length).min(end),
        };
        let place = |index: i64| {
            let index = usize::try_from(index).unwrap_or(0);
            places.as_ref().map_or(index, |places| places[index])
        };
        let part = value[place(from.min(end))..place(to)].to_vec();
        Ok(Text::Kept(self.keep(part)?))
    }

    /// `${@:offset:length}` and `${a[@]:offset:length}`.
    pub(super) fn slice_list(
        &mut self,
        subject: &Subject<'_>,
        offset: &[Part],
        length: Option<&[Part]>,
    ) -> Run<Vec<Text<'static>>> {
        let positional = matches!(&*subject.name, b"@" | b"*");
        let mut all: Vec<(i64, Text<'static>)> = Vec::new();
        if positional {
            all.push((0, Text::Short(self.state.name.to_vec())));
            let values = self.all(subject)?;
            all.extend((1..).zip(values));
        } else {
            for (index, (subscript, value)) in (0..).zip(self.entries(&subject.name)?) {
                let number = std::str::from_utf8(&subscript).ok().and_then(|text| text.parse().ok());
                all.push((number.unwrap_or(index), Text::Kept(value)));
            }
        }
        let end = all.last().map_or(0, |(last, _)| last + 1);
        let Some((from, length)) = self.bounds(offset, length, all.len(), end)? else { return Ok(Vec::new()) };
        let count = match length {
            None => usize::MAX,
            Some(length @ ..0) => {
                return self.fatal(format!("{length}: substring expression < 0").as_bytes());
            }
            Some(length) => usize::try_from(length).unwrap_or(usize::MAX),
        };
        let chosen = all.into_iter().filter(|(number, _)| *number >= from).take(count);
        Ok(chosen.map(|(_, value)| value).collect())
    }

    // --- another text ----------------------------------------------------------------------------------------

    fn replace<'a>(&mut self, value: &[u8], place: Place, pattern: &Word, text: &Word) -> Run<Text<'a>> {
        let marked = self.marked(&pattern.0)?;
        let bracket = |with: &[(u8, bool)]| matches!(with, [(b'[', false), (b'!' | b'^', false), (b']', false), ..]);
        if (0..marked.len()).any(|place| bracket(&marked[place..])) {
            self.lacks("`[^]…]` in the pattern of a replacement");
        }
        let pattern = self.pattern(pattern)?;
        let text = Replacement::new(&self.marked(&text.0)?, self.version_number()? >= (5, 2));
        let mut out = super::value::Buffer::default();
        let budget = self.system.budget.clone();
        match place {
            Place::Start | Place::End if value.is_empty() && !pattern.matches(value, &budget)? => {}
            Place::Start => match pattern.longest(value, 0, &budget)? {
                Some(end) => {
                    text.put(&mut out, &value[..end], &budget)?;
                    out.extend(&budget, &value[end..])?;
                }
                None => out.extend(&budget, value)?,
            },
            Place::End => {
                let rest = pattern.trim(value, true, true, &budget)?;
                out.extend(&budget, &rest)?;
                if rest.len() < value.len() || pattern.matches(b"", &budget)? {
                    text.put(&mut out, &value[rest.len()..], &budget)?;
                }
            }
            Place::First | Place::Each => {
                let mut from = 0;
                while let Some((start, end)) = pattern.find(value, from, &budget)? {
                    // What is empty is not replaced.
                    if end == start {
                        if start >= value.len() {
                            break;
                        }
                        out.extend(&budget, &value[from..=start])?;
                        from = start + 1;
                        continue;
                    }
                    out.extend(&budget, &value[from..start])?;
                    text.put(&mut out, &value[start..end], &budget)?;
                    from = end;
                    if place == Place::First {
                        break;
                    }
                    budget.step()?;
                }
                out.extend(&budget, &value[from..])?;
            }
        }
        Ok(Text::Kept(out.into()))
    }

    fn change_case<'a>(&mut self, value: &[u8], how: u8, all: bool, pattern: &Word) -> Run<Text<'a>> {
        if self.has_characters(value) {
            self.lacks("the case of letters that are not ASCII");
        }
        let every = pattern.0.is_empty();
        let pattern = self.pattern(pattern)?;
        self.spend(value.len())?;
        let mut changed = value.to_vec();
        let count = if all { changed.len() } else { changed.len().min(1) };
        for byte in &mut changed[..count] {
            if every || pattern.matches(&[*byte], &self.system.budget)? {
                *byte = match how {
                    b'^' => byte.to_ascii_uppercase(),
                    b',' => byte.to_ascii_lowercase(),
                    _ if byte.is_ascii_uppercase() => byte.to_ascii_lowercase(),
                    _ => byte.to_ascii_uppercase(),
                };
            }
        }
        Ok(Text::Kept(self.keep(changed)?))
    }

    fn transform<'a>(&mut self, value: &[u8], letter: u8) -> Run<Text<'a>> {
        self.spend(value.len())?;
        let changed = match letter {
            b'Q' => match super::quote::quoted(value) {
                Some(text) => text,
                None => {
                    self.lacks("`${…@Q}` of what cannot be printed");
                    Vec::new()
                }
            },
            b'E' => super::quote::ansi(value, super::quote::Escapes::Quotes, !self.has_utf8()).0,
            b'U' => value.to_ascii_uppercase(),
            b'L' => value.to_ascii_lowercase(),
            b'u' => {
                let mut changed = value.to_vec();
                changed.iter_mut().take(1).for_each(|byte| *byte = byte.to_ascii_uppercase());
                changed
            }
            other => {
                self.lacks(format!("`${{…@{}}}`", char::from(other).escape_default()));
                return self.fatal(b"bad substitution");
            }
        };
        Ok(Text::Kept(self.keep(changed)?))
    }
}

/// What a match is replaced by: since bash 5.2 an `&` that is not quoted is the match.
struct Replacement(Vec<Option<Vec<u8>>>);

impl Replacement {
    fn new(marked: &[(u8, bool)], has_match: bool) -> Self {
        let mut parts = vec![Some(Vec::new())];
        let mut rest = marked;
        while let [(byte, quoted), tail @ ..] = rest {
            rest = tail;
            let mut byte = *byte;
            if has_match && !quoted && byte == b'&' {
                parts.extend([None, Some(Vec::new())]);
                continue;
            }
            // A backslash that came out of an expansion quotes the `&`.
            if has_match && !quoted && byte == b'\\' && matches!(tail.first(), Some((b'&' | b'\\', _))) {
                byte = tail[0].0;
                rest = &tail[1..];
            }
            parts.last_mut().and_then(Option::as_mut).expect("the last one is text").push(byte);
        }
        Self(parts)
    }

    fn put(
        &self,
        out: &mut super::value::Buffer,
        matched: &[u8],
        budget: &crate::budget::Budget,
    ) -> Result<(), crate::budget::Spent> {
        for part in &self.0 {
            let bytes = part.as_deref().unwrap_or(matched);
            budget.made(bytes.len())?;
            out.extend(budget, bytes)?;
        }
        Ok(())
    }
}

/// Where each character of a text begins, and its length; a byte that is none is one.
fn characters(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let first = *text.get(place)?;
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let whole = text.get(place..place + length).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
        let length = if whole { length } else { 1 };
        place += length;
        Some((place - length, length))
    })
}
