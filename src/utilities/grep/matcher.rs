//! Patterns of grep, and where a line has one of them.

use crate::budget::Budget;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::buffer::Kept;
use crate::utilities::pcre::is_of_both;
use crate::utilities::regex::Groups;
use crate::utilities::regex::Regex;
use crate::utilities::regex::Syntax;

/// What is looked for.
pub(super) struct Matcher {
    expressions: Kept<Regex>,
    fixed: Kept<Vec<u8>>,
    budget: Budget,
    ignore_case: bool,
    whole_line: bool,
    whole_word: bool,
    pub(super) inverted: bool,
    /// An expression has an anchor, which with `-z` counts at inner lines too.
    pub(super) anchored: bool,
}

impl Matcher {
    pub(super) fn new(name: &[u8], given: &Given, patterns: &[Vec<u8>], budget: &Budget) -> Result<Self, Fault> {
        let syntax = match given.last_of(b"EFGP") {
            Some(letter) => letter,
            None if name == b"egrep" => b'E',
            None if name == b"fgrep" => b'F',
            None => b'G',
        };
        let ignore_case = given.has(b'i') || given.has(b'y');
        let mut matcher = Self {
            expressions: Kept::new(budget)?,
            fixed: Kept::new(budget)?,
            budget: budget.clone(),
            ignore_case,
            whole_line: given.has(b'x'),
            whole_word: given.has(b'w') && !given.has(b'x'),
            inverted: given.has(b'v'),
            anchored: patterns.iter().any(|pattern| pattern.contains(&b'^') || pattern.contains(&b'$')),
        };
        if syntax != b'F' && patterns.len() > 1 && patterns.iter().any(|pattern| ends_in_backslash(pattern)) {
            return Err(Fault::gap("a backslash at the end of one of several expressions"));
        }
        for pattern in patterns {
            if syntax != b'F' && has_bare_class(pattern) {
                let words = "character class syntax is [[:space:]], not [:space:]";
                return Err(Fault::Failed(2, words.into()));
            }
            match syntax {
                b'F' => {
                    let pattern = if ignore_case { pattern.to_ascii_lowercase() } else { pattern.clone() };
                    matcher.fixed.push(pattern)?;
                }
                letter => {
                    let syntax = if letter == b'G' { Syntax::Grep } else { Syntax::Egrep };
                    if letter == b'P' && (given.has(b'o') || matcher.whole_word || !is_of_both(pattern)) {
                        return Err(Fault::gap("-P, where it is no expression of `-E`"));
                    }
                    let expression = match matcher.whole_word {
                        true => Regex::word(pattern, syntax, ignore_case, budget)?,
                        false => Regex::new(pattern, syntax, ignore_case, budget)?,
                    };
                    matcher.expressions.push(expression)?;
                }
            }
        }
        Ok(matcher)
    }

    pub(super) fn selects(&self, line: &[u8]) -> Result<bool, Fault> {
        Ok(self.find(line, 0)?.is_some() != self.inverted)
    }

    /// The first place that matches as asked for.
    pub(super) fn find(&self, line: &[u8], from: usize) -> Result<Option<(usize, usize)>, Fault> {
        let mut start = from;
        while start <= line.len() {
            self.budget.step()?;
            let Some((begin, end)) = self.anywhere(line, start)? else { return Ok(None) };
            let word = |place: usize| line.get(place).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            let bounded = !(self.whole_word && ((begin > 0 && word(begin - 1)) || word(end)));
            if bounded && (!self.whole_line || (begin == 0 && end == line.len())) {
                return Ok(Some((begin, end)));
            }
            if self.whole_line {
                return Ok(None);
            }
            start = begin + 1;
        }
        Ok(None)
    }

    fn anywhere(&self, line: &[u8], from: usize) -> Result<Option<(usize, usize)>, Fault> {
        let mut best: Option<(usize, usize)> = None;
        let mut consider = |found: (usize, usize)| {
            if best.is_none_or(|best| (found.0, usize::MAX - found.1) < (best.0, usize::MAX - best.1)) {
                best = Some(found);
            }
        };
        let lower = if self.ignore_case && !self.fixed.is_empty() {
            self.budget.made(line.len())?;
            line.to_ascii_lowercase()
        } else {
            Vec::new()
        };
        let text = if self.ignore_case { lower.as_slice() } else { line };
        for fixed in self.fixed.iter() {
            self.budget.tried(1)?;
            // A whole line is looked for as such, or a shorter place would hide it.
            let place = if self.whole_line {
                (from == 0 && text == fixed.as_slice()).then_some(0)
            } else {
                self.budget.read(text.len() - from)?;
                memchr::memmem::find(&text[from..], fixed).map(|place| place + from)
            };
            if let Some(place) = place {
                consider((place, place + fixed.len()));
            }
        }
        for expression in self.expressions.iter() {
            if let Some(groups) = expression.find(line, from)? {
                consider(whole(&groups));
            }
        }
        Ok(best)
    }
}

fn ends_in_backslash(pattern: &[u8]) -> bool {
    pattern.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// Whether an expression has `[:…:]` outside of brackets.
fn has_bare_class(pattern: &[u8]) -> bool {
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 2,
            b'[' => {
                let start = at + 1;
                let mut end = start + usize::from(pattern.get(start) == Some(&b'^'));
                end += usize::from(pattern.get(end) == Some(&b']'));
                while end < pattern.len() && pattern[end] != b']' {
                    let class = matches!(pattern[end..], [b'[', b':' | b'=' | b'.', ..]);
                    let closed = class.then(|| {
                        let close = [pattern[end + 1], b']'];
                        memchr::memmem::find(&pattern[end + 2..], &close)
                    });
                    end += closed.flatten().map_or(1, |length| length + 4);
                }
                let inner = pattern.get(start..end).unwrap_or_default();
                if end < pattern.len() && inner.len() > 1 && inner.starts_with(b":") && inner.ends_with(b":") {
                    return true;
                }
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    false
}

fn whole(groups: &Groups) -> (usize, usize) {
    groups.first().copied().flatten().unwrap_or_default()
}
