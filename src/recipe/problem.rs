//! What is wrong with a recipe, and where: file, line, column, the line itself and what to do.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use toml::de::DeValue;

use crate::format::shown::is_obeyed;

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe's file cannot be read.
    #[error("cannot read recipe `{}`", path.display())]
    Read {
        /// As given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says things that cannot be.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Invalid(Vec<Problem>),
}

/// One thing that is wrong. `Display` is several lines: place and message, the line with a caret, the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as named on the command line or in `extends`.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
    /// The line, fit for a terminal.
    snippet: String,
    /// How many characters the caret marks.
    width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, snippet, .. } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{}:{line}:{column}: {message}", file.display())?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {snippet}")?;
        write!(f, "{margin} | {}{}", " ".repeat(column - 1), "^".repeat(self.width))?;
        match &self.help {
            Some(help) => write!(f, "\n{margin} = help: {help}"),
            None => Ok(()),
        }
    }
}

/// So many problems of one place are told.
const SAME_PLACE: usize = 4;

/// One text.
#[derive(Debug)]
struct Source {
    /// As the user knows it.
    path: PathBuf,
    /// The real directory it lies in.
    directory: PathBuf,
    text: String,
    /// Where it begins among all.
    base: usize,
}

/// The texts of a recipe and of those it extends, laid end to end: a position in all names file, line and column.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
    end: usize,
    problems: Vec<(usize, Problem)>,
}

impl Sources {
    /// Adds a text; returns where it begins.
    pub(super) fn add(&mut self, path: &Path, directory: &Path, text: String) -> usize {
        let base = self.end;
        // One position lies between two texts, so that the end of one is not the beginning of the next.
        self.end += text.len() + 1;
        self.files.push(Source { path: path.to_owned(), directory: directory.to_owned(), text, base });
        base
    }

    /// The text that begins at `base`.
    pub(super) fn text(&self, base: usize) -> &str {
        &self.file(base).text
    }

    /// The directory of the file that a position lies in.
    pub(super) fn directory(&self, position: usize) -> &Path {
        &self.file(position).directory
    }

    /// The number that is written at a place; `None` when it has more than 64 bits.
    pub(super) fn number(&self, span: &Range<usize>) -> Option<i64> {
        let Source { text, base, .. } = self.file(span.start);
        let written = text.get(span.start.checked_sub(*base)?..span.end.checked_sub(*base)?)?;
        match DeValue::parse(written).ok()?.into_inner() {
            DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok(),
            _ => None,
        }
    }

    fn file(&self, position: usize) -> &Source {
        let index = self.files.partition_point(|file| file.base <= position).saturating_sub(1);
        self.files.get(index).expect("positions are of texts that were added")
    }

    /// Where a position lies, as `file:line:column`.
    pub(super) fn place(&self, position: usize) -> String {
        let problem = self.problem(&(position..position), String::new(), None);
        format!("{}:{}:{}", problem.file.display(), problem.line, problem.column)
    }

    /// Records a problem.
    pub(super) fn report(&mut self, span: &Range<usize>, message: impl Into<String>, help: Option<String>) {
        let problem = self.problem(span, message.into(), help);
        // A list of nodes is one place for hundreds of values.
        let here = self.problems.iter().filter(|(position, _)| *position == span.start);
        if here.clone().count() < SAME_PLACE && here.clone().all(|(_, other)| *other != problem) {
            self.problems.push((span.start, problem));
        }
    }

    /// Whether anything is wrong so far.
    pub(super) fn is_bad(&self) -> bool {
        !self.problems.is_empty()
    }

    /// What was wrong, in the order of the texts; those of the recipe itself, which was read first, lead.
    pub(super) fn into_error(mut self) -> Error {
        self.problems.sort_by_key(|(position, _)| *position);
        Error::Invalid(self.problems.into_iter().map(|(_, problem)| problem).collect())
    }

    pub(super) fn problem(&self, span: &Range<usize>, message: String, help: Option<String>) -> Problem {
        let Source { path, text, base, .. } = self.file(span.start);
        let start = floor(text, span.start - base);
        let end = floor(text, span.end.saturating_sub(*base)).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let column = text[line_start..start].chars().count() + 1;
        let marked = text[start..end].lines().next().unwrap_or_default().chars().count();
        Problem {
            file: path.clone(),
            line: text[..line_start].matches('\n').count() + 1,
            column,
            message,
            help,
            snippet: printable(line),
            width: marked.max(1),
        }
    }
}

/// The nearest boundary of a character at or before `position`.
fn floor(text: &str, position: usize) -> usize {
    (0..=position.min(text.len())).rev().find(|&position| text.is_char_boundary(position)).unwrap_or(0)
}

/// A line fit for a terminal, character by character: no control characters, and no password of a URL.
pub(super) fn printable(line: &str) -> String {
    let mut shown: Vec<char> = line
        .chars()
        .map(|letter| match letter {
            '\t' => ' ',
            letter if is_obeyed(letter) => '\u{fffd}',
            letter => letter,
        })
        .collect();
    let mut position = 0;
    while let Some(found) = shown[position..].windows(3).position(|window| window == [':', '/', '/']) {
        let start = position + found + 3;
        let length = shown[start..]
            .iter()
            .take_while(|letter| !matches!(letter, '/' | '"' | '\'' | ' '))
            .collect::<Vec<_>>()
            .iter()
            .rposition(|letter| **letter == '@')
            .unwrap_or(0);
        shown[start..start + length].fill('*');
        position = start;
    }
    shown.into_iter().collect()
}

/// The word of `known` that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let length = word.len().max(candidate.len());
            // A third of the letters may differ: `componets` is `components`, `colour` is nothing of ours. Of a short word
            // less than half, or every other would be like it.
            *distance <= 1 + length / 4 && 2 * distance < length.max(1)
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_a_word() {
        let known = ["compare", "completions", "main", "k8", "m", "rate", "trixie"];
        for (word, meant) in [
            ("comapre", Some("compare")),
            ("mian", Some("main")),
            ("rat", Some("rate")),
            ("trixi", Some("trixie")),
            ("main", Some("main")),
            ("k9", None),
            ("n", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
