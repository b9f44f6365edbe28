//! Vectors whose memory is claimed from a budget: texts, tables of lines, stacks.

use std::fmt;
use std::ops::Deref;
use std::ops::DerefMut;

use super::Budget;
use super::Held;
use super::Spent;

/// A vector whose room is claimed before it is taken, and given back with it. Charges what is put in as made.
pub(crate) struct Kept<T> {
    items: Vec<T>,
    held: Held,
    budget: Budget,
}

/// Bytes that are kept.
pub(crate) type Buffer = Kept<u8>;

impl<T> Kept<T> {
    /// An empty one.
    pub(crate) fn new(budget: &Budget) -> Result<Self, Spent> {
        Self::of(budget, Vec::new())
    }

    /// What is there already, claimed from now on.
    pub(crate) fn of(budget: &Budget, items: Vec<T>) -> Result<Self, Spent> {
        let held = budget.hold(items.capacity() * size_of::<T>())?;
        Ok(Self { items, held, budget: budget.clone() })
    }

    /// Room for so many more.
    fn reserve(&mut self, more: usize) -> Result<(), Spent> {
        let wanted = self.items.len().saturating_add(more);
        if wanted > self.items.capacity() {
            let wanted = wanted.max(self.items.capacity().saturating_mul(2)).max(16);
            self.held.resize(wanted.saturating_mul(size_of::<T>()))?;
            self.items.reserve_exact(wanted - self.items.len());
        }
        self.budget.made(more.saturating_mul(size_of::<T>()))
    }

    /// Puts one behind.
    pub(crate) fn push(&mut self, item: T) -> Result<(), Spent> {
        self.reserve(1)?;
        self.items.push(item);
        Ok(())
    }

    /// Takes the last one.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.items.pop()
    }

    /// Leaves so many.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.items.truncate(length);
    }
}

impl Kept<u8> {
    /// An empty one with the same budget.
    pub(crate) fn beside(&self) -> Result<Self, Spent> {
        Self::new(&self.budget)
    }

    /// Puts bytes behind.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), Spent> {
        self.reserve(bytes.len())?;
        self.items.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts a byte behind so many times.
    pub(crate) fn repeat(&mut self, byte: u8, times: usize) -> Result<(), Spent> {
        self.reserve(times)?;
        self.items.resize(self.items.len() + times, byte);
        Ok(())
    }

    /// Without its contents, but with its room.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    /// These bytes in place of all.
    pub(crate) fn set(&mut self, bytes: &[u8]) -> Result<(), Spent> {
        self.items.clear();
        self.extend(bytes)
    }

    /// The bytes, for somebody else to claim.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.items
    }
}

impl<T> Deref for Kept<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn room_is_claimed_and_given_back() {
        let mut limits = Limits::DEFAULT;
        limits.script_memory = 1000;
        let budget = Budget::new(&limits, || false);
        let mut numbers: Kept<u64> = Kept::new(&budget).expect("nothing yet");
        let taken = (0..200).take_while(|&number| numbers.push(number).is_ok()).count();
        assert_eq!((taken, numbers.len()), (64, 64), "doubled up to 512 bytes; 1,024 are too many");
        assert_eq!(budget.most_held(), 512);
        drop(numbers);
        budget.renew();
        let mut text = Buffer::new(&budget).expect("the room is back");
        text.extend(&[b'a'; 900]).expect("there is room");
        assert!(text.repeat(b'a', 900).is_err());
        assert_eq!(text.len(), 900);
    }
}
