//! What a call of find(1) says.

use super::expression::Execute;
use super::expression::Expression;
use super::expression::Ordering;
use super::expression::Walk;
use super::expression::wrong;
use crate::format::glob::Pattern;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::permissions;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;
use crate::utilities::show;

pub(super) struct Parser<'a> {
    pub(super) words: &'a [Vec<u8>],
    pub(super) position: usize,
    pub(super) acts: bool,
    pub(super) depth: u32,
    /// `-regextype`; Emacs' when there is none.
    pub(super) syntax: Option<Syntax>,
    /// `-daystart`: days are counted from the end of this one.
    pub(super) day_start: bool,
}

impl Parser<'_> {
    fn skip(&mut self, names: &[&[u8]]) -> bool {
        let found = self.words.get(self.position).is_some_and(|word| names.contains(&word.as_slice()));
        self.position += usize::from(found);
        found
    }

    pub(super) fn value(&mut self) -> Result<Vec<u8>, Fault> {
        let option = self.words[self.position - 1].clone();
        let value = self.words.get(self.position).cloned();
        self.position += 1;
        value.ok_or_else(|| Fault::failed(format!("missing argument to `{}'", show(&option))))
    }

    pub(super) fn number(&mut self) -> Result<usize, Fault> {
        let text = self.value()?;
        crate::utilities::text::number(&text)
    }

    pub(super) fn or(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let mut parts = vec![self.and(call, walk)?];
        while self.skip(&[b"-o", b"-or"]) {
            parts.push(self.and(call, walk)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn and(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let mut parts = vec![self.not(call, walk)?];
        loop {
            let stated = self.skip(&[b"-a", b"-and"]);
            let ends = self
                .words
                .get(self.position)
                .is_none_or(|word| matches!(word.as_slice(), b")" | b"-o" | b"-or" | b","));
            if ends && !stated {
                return Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) });
            }
            parts.push(self.not(call, walk)?);
        }
    }

    fn not(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        self.depth += 1;
        call.shell.system.budget.step()?;
        if self.depth > 100 {
            return Err(Fault::gap("an expression nested too deeply"));
        }
        let expression = if self.skip(&[b"!", b"-not"]) {
            Expression::Not(Box::new(self.not(call, walk)?))
        } else if self.skip(&[b"("]) {
            let inner = self.or(call, walk)?;
            if !self.skip(&[b")"]) {
                return Err(Fault::failed("missing `)'"));
            }
            inner
        } else {
            self.primary(call, walk)?
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// What holds for every file, and says how all of them are looked at; `false`: it is no such thing.
    fn setting(&mut self, word: &[u8], walk: &mut Walk) -> Result<bool, Fault> {
        match word {
            b"-maxdepth" => walk.deepest = Some(self.number()?),
            b"-mindepth" => walk.lowest = self.number()?,
            b"-depth" | b"-d" => walk.depth_first = true,
            b"-follow" => walk.follow = true,
            b"-daystart" => self.day_start = true,
            b"-regextype" => {
                self.syntax = Some(match self.value()?.as_slice() {
                    b"posix-basic" | b"grep" | b"ed" | b"sed" => Syntax::Basic,
                    b"posix-extended" | b"egrep" | b"posix-egrep" => Syntax::Extended,
                    other => return Err(Fault::gap(format!("-regextype {}", show(other)))),
                });
            }
            // One file system holds it all.
            b"-xdev" | b"-mount" | b"-noleaf" | b"-ignore_readdir_race" | b"-true" | b"-nowarn" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn primary(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let Some(word) = self.words.get(self.position).cloned() else {
            return Err(Fault::failed("expected an expression"));
        };
        self.position += 1;
        if self.setting(&word, walk)? {
            return Ok(Expression::True(true));
        }
        let own = |names: &[u8]| Pattern::plain(names);
        let expression = match word.as_slice() {
            b"-false" => Expression::True(false),
            b"-name" => Expression::Name(own(&self.value()?), false),
            b"-iname" => Expression::Name(own(&self.value()?.to_ascii_lowercase()), true),
            b"-path" | b"-wholename" => Expression::Path(own(&self.value()?), false),
            b"-ipath" | b"-iwholename" => Expression::Path(own(&self.value()?.to_ascii_lowercase()), true),
            b"-lname" => Expression::Links(own(&self.value()?)),
            b"-regex" => self.regex(call, false)?,
            b"-iregex" => self.regex(call, true)?,
            b"-type" => Expression::Type(self.types()?),
            b"-xtype" => Expression::BehindType(self.types()?),
            b"-empty" => Expression::Empty,
            b"-executable" => Expression::Executable,
            b"-readable" | b"-writable" => Expression::True(true),
            b"-perm" => self.permissions()?,
            b"-user" => Expression::User(permissions::user(call, &self.value()?)?),
            b"-group" => Expression::Group(permissions::group(call, &self.value()?)?),
            b"-uid" => Expression::User(u32::try_from(self.number()?).unwrap_or(u32::MAX)),
            b"-gid" => Expression::Group(u32::try_from(self.number()?).unwrap_or(u32::MAX)),
            b"-nouser" => Expression::NoUser,
            b"-nogroup" => Expression::NoGroup,
            b"-newer" => {
                let path = self.value()?;
                let missing = || Fault::failed(format!("'{}': No such file or directory", show(&path)));
                Expression::Newer(call.look(&path, true).ok_or_else(missing)?.stat.mtime)
            }
            b"-samefile" => {
                let path = self.value()?;
                let place = call.resolve(&path, false)?;
                Expression::Same(call.tree().id(&place))
            }
            b"-size" => self.size()?,
            b"-mtime" | b"-ctime" | b"-atime" => self.age(call, 86_400)?,
            b"-mmin" | b"-cmin" | b"-amin" => self.age(call, 60)?,
            b"-print" => Expression::Print(b"\n"),
            b"-print0" => Expression::Print(b"\0"),
            b"-printf" => Expression::Format(self.value()?),
            b"-ls" => Expression::List,
            b"-prune" => Expression::Prune,
            b"-quit" => Expression::Quit,
            b"-delete" => {
                walk.depth_first = true;
                Expression::Delete
            }
            b"-exec" => self.execute(false)?,
            b"-execdir" => self.execute(true)?,
            _ => return Err(wrong(&word)),
        };
        let acts = matches!(
            expression,
            Expression::Print(_)
                | Expression::Format(_)
                | Expression::Delete
                | Expression::Execute(..)
                | Expression::List
        );
        self.acts |= acts;
        Ok(expression)
    }

    pub(super) fn permissions(&mut self) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (kind, mode) = match text.first() {
            Some(&kind @ (b'-' | b'/' | b'+')) => (kind, &text[1..]),
            _ => (b'=', text.as_slice()),
        };
        Ok(Expression::Permissions(kind, permissions::parse(mode, 0, false, 0)?))
    }

    pub(super) fn size(&mut self) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (unit, number) = match text.split_last() {
            Some((b'c', number)) => (1, number),
            Some((b'w', number)) => (2, number),
            Some((b'k', number)) => (1 << 10, number),
            Some((b'M', number)) => (1 << 20, number),
            Some((b'G', number)) => (1 << 30, number),
            Some((b'b', number)) => (512, number),
            _ => (512, text.as_slice()),
        };
        let (ordering, count) = ordered(number)?;
        Ok(Expression::Size(ordering, u64::try_from(count).unwrap_or(0), unit))
    }

    /// The letters of `-type`.
    fn types(&mut self) -> Result<Vec<u8>, Fault> {
        let text = self.value()?;
        let letters: Vec<u8> = text.split(|&byte| byte == b',').flatten().copied().collect();
        let good =
            text.split(|&byte| byte == b',').all(|part| matches!(part, [letter] if b"bcdpflsD".contains(letter)));
        if good { Ok(letters) } else { Err(Fault::failed(format!("Unknown argument to -type: {}", show(&text)))) }
    }

    /// An expression for the whole path.
    pub(super) fn regex(&mut self, call: &Call<'_, '_>, ignore_case: bool) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (open, text, close, syntax): (&[u8], _, &[u8], _) = match self.syntax {
            Some(Syntax::Basic) => (b"^\\(", text, b"\\)$", Syntax::Basic),
            Some(_) => (b"^(", text, b")$", Syntax::Extended),
            None => (b"^\\(", from_emacs(&text)?, b"\\)$", Syntax::Basic),
        };
        Ok(Expression::Regex(Regex::new(
            &[open, &text, close].concat(),
            syntax,
            ignore_case,
            &call.shell.system.budget,
        )?))
    }

    fn age(&mut self, call: &Call<'_, '_>, unit: i64) -> Result<Expression, Fault> {
        let (ordering, count) = ordered(&self.value()?)?;
        let now = call.shell.system.clock;
        let end_of_day = || now.div_euclid(86_400).saturating_add(1).saturating_mul(86_400);
        Ok(Expression::Age(ordering, count, unit, if self.day_start { end_of_day() } else { now }))
    }

    fn execute(&mut self, inside: bool) -> Result<Expression, Fault> {
        let start = self.position;
        let ends = |index: usize, word: &Vec<u8>| {
            word == b";" || (word == b"+" && index > start && self.words[index - 1] == b"{}")
        };
        let end = (start..self.words.len()).find(|&index| ends(index, &self.words[index]));
        let Some(end) = end.filter(|end| *end > start) else {
            return Err(Fault::failed("missing argument to `-exec'"));
        };
        let gather = self.words[end] == b"+";
        self.position = end + 1;
        let how = match (inside, gather) {
            (true, true) => return Err(Fault::gap("-execdir … +")),
            (true, false) => Execute::Inside,
            (false, true) => Execute::Gathered,
            (false, false) => Execute::Each,
        };
        Ok(Expression::Execute(self.words[start..end - usize::from(gather)].to_vec(), how))
    }
}

/// A regular expression of Emacs, which is find's own syntax, as a basic one: `+` and `?` repeat, and there are
/// neither intervals nor named classes (regex(3) of glibc, `RE_SYNTAX_EMACS`).
fn from_emacs(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut basic = Vec::new();
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'\\' => {
                let Some((next, tail)) = tail.split_first() else { return Err(Fault::failed("Trailing backslash")) };
                rest = tail;
                match next {
                    b'+' | b'?' | b'{' | b'}' => basic.push(*next),
                    next => basic.extend([b'\\', *next]),
                }
            }
            b'+' | b'?' if !basic.is_empty() => basic.extend([b'\\', *byte]),
            b'[' => {
                // A bracket ends at the first `]` that is not its first character.
                let start = usize::from(tail.first() == Some(&b'^'));
                let first = start + usize::from(tail.get(start) == Some(&b']'));
                let end = tail.get(first..).and_then(|inner| memchr::memchr(b']', inner)).map(|end| first + end + 1);
                let Some(end) = end else { return Err(Fault::failed("Unmatched [, [^, [:, [., or [=")) };
                let inner = &tail[..end];
                if inner.windows(2).any(|pair| matches!(pair, b"[:" | b"[." | b"[=")) {
                    return Err(Fault::gap("-regex with a named class, which Emacs' syntax does not have"));
                }
                basic.push(b'[');
                basic.extend(inner);
                rest = &tail[end..];
            }
            byte => basic.push(*byte),
        }
    }
    Ok(basic)
}

fn ordered(text: &[u8]) -> Result<(Ordering, i64), Fault> {
    let (ordering, digits) = match text.split_first() {
        Some((b'+', digits)) => (Ordering::More, digits),
        Some((b'-', digits)) => (Ordering::Less, digits),
        _ => (Ordering::Exactly, text),
    };
    Ok((ordering, i64::try_from(crate::utilities::text::number(digits)?).unwrap_or(i64::MAX)))
}
