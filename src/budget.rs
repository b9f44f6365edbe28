//! What following scripts may cost: steps, memory and time, and whether anybody wants it to end.
//!
//! Bytes from outside decide how much work there is, so every loop over data charges what it does, and nothing
//! else counts: a script that doubles a variable ends as soon as one that loops. Steps are the same on every
//! machine, so a script that is too expensive is refused everywhere; the deadline is the last wall behind them, for
//! what is slower here than it was measured. A [`Budget`] is a handle: copies spend from one purse, which stays
//! empty once it is. One thread spends; claims of memory may go anywhere, and outlive what they were made for.
//!
//! | | costs | because |
//! |---|---|---|
//! | [`Budget::step`] | 1 step | a command, a loop round, a call: some hundred nanoseconds |
//! | [`Budget::made`] | 1 step for 16 bytes | bytes that are new: copied, allocated, hashed later |
//! | [`Budget::read`] | 1 step for 256 bytes | bytes looked at, once and in order |
//! | [`Budget::tried`] | 1 step for 32 | comparisons, states of a match, entries passed: some nanoseconds each |

pub(crate) mod kept;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::limits;
use crate::limits::Limits;

/// Parts of a step: the finest that [`Budget::read`] charges.
const STEP: u64 = 256;
/// So much is spent before the clock is read and the reporter asked: about ten milliseconds of work.
const LOOK: u64 = 16_384 * STEP;

/// Why nothing more may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Spent {
    /// `script-steps`
    #[error("more work than a package's scripts may do (limit `script-steps`)")]
    Steps,
    /// `script-memory`
    #[error("more memory than the scripts of all packages may take (limit `script-memory`)")]
    Memory,
    /// `script-time`
    #[error("the scripts of all packages take too long (limit `script-time`)")]
    Time,
    /// `script-output`
    #[error("more output than a script may write (limit `script-output`)")]
    Output,
    /// `script-depth`
    #[error("calls, substitutions or patterns nested too deeply (limit `script-depth`)")]
    Depth,
    /// The reporter ended it.
    #[error("cancelled")]
    Cancelled,
}

/// A purse, by a handle to it.
#[derive(Clone)]
pub struct Budget(Rc<Purse>);

struct Purse {
    /// In parts of a step, since the last renewal.
    spent: Cell<u64>,
    limit: u64,
    /// Where `spent` is when the clock and the reporter are asked next.
    look: Cell<u64>,
    memory: Arc<Memory>,
    /// `None`: never.
    deadline: Option<Instant>,
    stop: Box<dyn Fn() -> bool>,
    /// What ended it: it stays ended.
    ended: Cell<Option<Spent>>,
}

/// What is taken of the memory, in bytes.
#[derive(Debug)]
struct Memory {
    held: AtomicU64,
    most: AtomicU64,
    limit: u64,
    /// Somebody asked for more than there is.
    refused: AtomicBool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(&Limits::DEFAULT, || false)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("steps", &self.steps()).field("memory", &self.0.memory).finish_non_exhaustive()
    }
}

impl Budget {
    /// A purse with what the limits allow, from now on. `stop` is asked some dozens of times a second.
    #[must_use]
    pub fn new(limits: &Limits, stop: impl Fn() -> bool + 'static) -> Self {
        let limit = limits.script_steps.saturating_mul(STEP);
        Self(Rc::new(Purse {
            spent: Cell::new(0),
            limit,
            look: Cell::new(next_look(0, limit)),
            memory: Arc::new(Memory {
                held: AtomicU64::new(0),
                most: AtomicU64::new(0),
                limit: limits.script_memory,
                refused: AtomicBool::new(false),
            }),
            deadline: Instant::now().checked_add(limits::seconds(limits.script_time)),
            stop: Box::new(stop),
            ended: Cell::new(None),
        }))
    }

    /// Fills up the steps, for the next script. Memory and time are those of all packages: what is still held stays
    /// held, and a purse whose time is over, or that was cancelled, stays empty.
    pub fn renew(&self) {
        let purse = &*self.0;
        purse.spent.set(0);
        purse.memory.refused.store(false, Ordering::Relaxed);
        if matches!(purse.ended.get(), Some(Spent::Steps | Spent::Memory)) {
            purse.ended.set(None);
        }
        purse.look.set(if purse.ended.get().is_some() { 0 } else { next_look(0, purse.limit) });
    }

    /// Charges a command, a loop round, a call.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn step(&self) -> Result<(), Spent> {
        self.charge(STEP)
    }

    /// Charges bytes that are made.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn made(&self, bytes: usize) -> Result<(), Spent> {
        self.charge((bytes as u64).saturating_mul(STEP / 16))
    }

    /// Charges bytes that are looked at.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn read(&self, bytes: usize) -> Result<(), Spent> {
        self.charge(bytes as u64)
    }

    /// Charges so many comparisons, states of a match, or entries passed.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn tried(&self, times: usize) -> Result<(), Spent> {
        self.charge((times as u64).saturating_mul(STEP / 32))
    }

    /// Whether anything is left; charges nothing.
    ///
    /// # Errors
    /// What there is no more of.
    pub fn check(&self) -> Result<(), Spent> {
        match self.0.ended.get() {
            Some(spent) => Err(spent),
            None if self.0.memory.refused.load(Ordering::Relaxed) => Err(self.end(Spent::Memory)),
            None => Ok(()),
        }
    }

    /// Takes memory until the claim is dropped. For what grows with data and lasts: variables, streams, open files,
    /// what is added to the tree, and tables that a command makes of its input.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn hold(&self, bytes: usize) -> Result<Held, Spent> {
        let mut held = self.nothing_held();
        held.grow(bytes)?;
        Ok(held)
    }

    /// A claim of nothing, to grow.
    #[must_use]
    pub fn nothing_held(&self) -> Held {
        Held { memory: Arc::clone(&self.0.memory), bytes: 0 }
    }

    /// Steps spent since the last renewal.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.spent.get() / STEP
    }

    /// The most memory that was held at once, in bytes.
    #[must_use]
    pub fn most_held(&self) -> u64 {
        self.0.memory.most.load(Ordering::Relaxed)
    }

    fn charge(&self, parts: u64) -> Result<(), Spent> {
        let purse = &*self.0;
        let spent = purse.spent.get().saturating_add(parts);
        purse.spent.set(spent);
        if spent < purse.look.get() {
            return Ok(());
        }
        self.look(spent)
    }

    /// The seldom way: the purse may be empty, the clock may have run out, somebody may want to stop.
    #[cold]
    fn look(&self, spent: u64) -> Result<(), Spent> {
        let purse = &*self.0;
        self.check()?;
        if spent > purse.limit {
            return Err(self.end(Spent::Steps));
        }
        if (purse.stop)() {
            return Err(self.end(Spent::Cancelled));
        }
        if purse.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(self.end(Spent::Time));
        }
        purse.look.set(next_look(spent, purse.limit));
        Ok(())
    }

    /// Empties the purse for good: whoever charges next is told the same.
    fn end(&self, why: Spent) -> Spent {
        self.0.ended.set(Some(why));
        self.0.look.set(0);
        why
    }
}

/// Where to look next. Just behind the limit is such a place, so that it is met to the step.
const fn next_look(spent: u64, limit: u64) -> u64 {
    let (next, end) = (spent.saturating_add(LOOK), limit.saturating_add(1));
    if next < end { next } else { end }
}

/// Memory that is taken, until this is dropped.
#[derive(Debug)]
pub struct Held {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Held {
    /// Takes more of it.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), Spent> {
        let memory = &*self.memory;
        let more = bytes as u64;
        let taken = memory.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(more).filter(|held| *held <= memory.limit)
        });
        match taken {
            Ok(before) => {
                memory.most.fetch_max(before + more, Ordering::Relaxed);
                self.bytes += more;
                Ok(())
            }
            Err(_) => {
                memory.refused.store(true, Ordering::Relaxed);
                Err(Spent::Memory)
            }
        }
    }

    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// Holds so many bytes from now on, more or fewer than before.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn resize(&mut self, bytes: usize) -> Result<(), Spent> {
        let wanted = bytes as u64;
        if wanted >= self.bytes {
            return self.grow(usize::try_from(wanted - self.bytes).unwrap_or(usize::MAX));
        }
        self.memory.held.fetch_sub(self.bytes - wanted, Ordering::Relaxed);
        self.bytes = wanted;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(change: impl FnOnce(&mut Limits)) -> Budget {
        let mut limits = Limits::DEFAULT;
        change(&mut limits);
        Budget::new(&limits, || false)
    }

    #[test]
    fn each_charge_has_its_price() {
        let budget = purse(|_| {});
        budget.step().expect("there is enough");
        assert_eq!(budget.steps(), 1);
        budget.made(16).expect("there is enough");
        budget.read(256).expect("there is enough");
        budget.tried(32).expect("there is enough");
        assert_eq!(budget.steps(), 4);
        budget.renew();
        assert_eq!(budget.steps(), 0);
    }

    #[test]
    fn the_limit_is_met_to_the_step_and_stays_met() {
        for limit in [1, 100, 16_384, 50_000] {
            let budget = purse(|limits| limits.script_steps = limit);
            for _ in 0..limit {
                assert_eq!(budget.step(), Ok(()));
            }
            let copy = budget.clone();
            assert_eq!(budget.step(), Err(Spent::Steps));
            assert_eq!((copy.read(0), copy.check()), (Err(Spent::Steps), Err(Spent::Steps)));
            budget.renew();
            assert_eq!((copy.step(), copy.check()), (Ok(()), Ok(())));
        }
        let budget = purse(|limits| limits.script_steps = 5);
        assert_eq!(budget.made(usize::MAX), Err(Spent::Steps));
    }

    #[test]
    fn memory_comes_back() {
        let budget = purse(|limits| limits.script_memory = 100);
        let mut first = budget.hold(60).expect("there is enough");
        let second = budget.hold(40).expect("there is enough");
        drop(second);
        first.resize(10).expect("that is less");
        first.resize(100).expect("there is enough");
        assert_eq!(budget.most_held(), 100);
        assert_eq!(first.grow(1), Err(Spent::Memory));
        drop(first);
        assert_eq!(budget.check(), Err(Spent::Memory), "who asked for too much is at an end");
        budget.renew();
        assert_eq!(budget.hold(100).map(drop), Ok(()));
    }

    #[test]
    fn it_ends_when_it_is_told_or_late() {
        let limits = Limits::DEFAULT;
        let stopped = Budget::new(&limits, || true);
        let rounds = (0..100_000).take_while(|_| stopped.step().is_ok()).count();
        assert_eq!(stopped.step(), Err(Spent::Cancelled));
        assert!(rounds < 20_000, "{rounds}");
        stopped.renew();
        assert_eq!(stopped.step(), Err(Spent::Cancelled));
        let late = purse(|limits| limits.script_time = 0);
        assert!((0..100_000).any(|_| late.step() == Err(Spent::Time)));
    }
}
