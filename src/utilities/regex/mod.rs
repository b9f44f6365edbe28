//! POSIX regular expressions on bytes, basic and extended, with GNU's additions (`\+`, `\?`, `\|`, `\<`, `\>`,
//! `\b`, `\w`, `\s`) and back-references.
//!
//! A matcher of our own, because neither a translation to another syntax nor another crate has the rule that the
//! longest of the leftmost matches counts. [`parse`] makes a tree, [`compile`] a program of it, [`search`] follows all
//! ways at once, so that the time is at most program × text and the memory a few times the program. Only with
//! back-references ways are tried one after the other ([`backtrack`]). Groups are those of the first way that reaches
//! the longest match, as glibc's are. Everything is charged to the budget that the expression was made with.

mod flags;
mod backtrack;
mod compile;
mod parse;
mod search;

use std::cell::RefCell;
use std::rc::Rc;

use super::Fault;
use crate::budget::Budget;
use crate::budget::Held;

use compile::Program;

pub(crate) use flags::Flags;
pub(crate) use flags::Syntax;

/// Where the groups of a match lie; 0 is the whole.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

/// A compiled expression. A copy is the same one.
#[derive(Debug, Clone)]
pub(crate) struct Regex(Rc<Compiled>);

#[derive(Debug)]
struct Compiled {
    program: Program,
    scratch: RefCell<search::Scratch>,
    budget: Budget,
    _held: Held,
}

/// What a look at a text costs beside what is read of it: some ten nanoseconds.
const LOOK: usize = 8;

impl Regex {
    /// Compiles. What it and its matches cost is charged to `budget`.
    ///
    /// # Errors
    /// It is no expression of the syntax, or the budget is spent.
    pub(crate) fn new(pattern: &[u8], syntax: Syntax, ignore_case: bool, budget: &Budget) -> Result<Self, Fault> {
        Self::with(pattern, syntax, Flags { ignore_case, multiline: None }, budget)
    }

    /// The same with all flags.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub(crate) fn with(pattern: &[u8], syntax: Syntax, flags: Flags, budget: &Budget) -> Result<Self, Fault> {
        Self::make(pattern, syntax, flags, false, budget)
    }

    /// An expression before and behind whose match no letter, digit or underscore stands: `grep -w`.
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub(crate) fn word(pattern: &[u8], syntax: Syntax, ignore_case: bool, budget: &Budget) -> Result<Self, Fault> {
        Self::make(pattern, syntax, Flags { ignore_case, multiline: None }, true, budget)
    }

    fn make(pattern: &[u8], syntax: Syntax, flags: Flags, word: bool, budget: &Budget) -> Result<Self, Fault> {
        // The tree that is read takes some forty bytes for each of the pattern, for a moment.
        budget.made(pattern.len())?;
        let parsed = parse::parse(pattern, syntax, flags)?;
        let program = compile::compile(&parsed, flags, word)?;
        budget.made(size_of::<Compiled>() + program.bytes())?;
        let held = budget.hold(size_of::<Compiled>() + program.bytes())?;
        let compiled = Compiled { program, scratch: RefCell::default(), budget: budget.clone(), _held: held };
        Ok(Self(Rc::new(compiled)))
    }

    /// Whether it repeats what begins with a repetition: see [`parse::Node::repeats_repetitions`].
    ///
    /// # Errors
    /// As [`Regex::new`].
    pub(crate) fn repeats_repetitions(pattern: &[u8], syntax: Syntax) -> Result<bool, Fault> {
        Ok(parse::parse(pattern, syntax, Flags { ignore_case: false, multiline: None })?.node.repeats_repetitions())
    }

    /// How many groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.0.program.groups - 1
    }

    /// Whether it matches anywhere.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn is_match(&self, text: &[u8]) -> Result<bool, Fault> {
        Ok(self.look(text, 0, true)?.is_some())
    }

    /// The leftmost longest match at or behind `from`.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Result<Option<Groups>, Fault> {
        self.look(text, from, false)
    }

    /// The longest match that begins where the text does: `expr`.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn find_at_start(&self, text: &[u8]) -> Result<Option<Groups>, Fault> {
        Ok(self.find(text, 0)?.filter(|groups| groups[0].is_some_and(|(from, _)| from == 0)))
    }

    fn look(&self, text: &[u8], from: usize, any: bool) -> Result<Option<Groups>, Fault> {
        let Compiled { program, scratch, budget, .. } = &*self.0;
        budget.tried(LOOK)?;
        if from == 0 && !program.needed.is_empty() {
            budget.read(text.len())?;
            if memchr::memmem::find(text, &program.needed).is_none() {
                return Ok(None);
            }
        }
        let saves = if program.references {
            backtrack::find(program, text, from, budget)?
        } else {
            search::find(program, text, from, any, &mut scratch.borrow_mut(), budget)?
        };
        let Some(saves) = saves else { return Ok(None) };
        let set = |pair: &[usize]| (pair[0] != usize::MAX && pair[1] != usize::MAX).then_some((pair[0], pair[1]));
        Ok(Some(saves.chunks_exact(2).map(set).collect()))
    }
}

#[cfg(test)]
mod tests;
