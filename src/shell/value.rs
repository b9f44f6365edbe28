//! Bytes that last, with the claim to their memory: values, words, and tables of what has a name.
//!
//! All of them are shared, not copied: a subshell is a copy of [`State`](super::State), and must not cost what its
//! variables hold. What is claimed here goes back when the last one that shares it is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;

/// What an allocation takes beside its bytes: its place in what points to it, and the allocator's own.
const OVERHEAD: usize = 64;

/// Bytes that do not change.
#[derive(Clone)]
pub struct Value(Rc<Buffer>);

impl Value {
    /// Keeps bytes.
    ///
    /// # Errors
    /// There is not so much memory left.
    pub fn new(budget: &Budget, mut bytes: Vec<u8>) -> Result<Self, Spent> {
        if bytes.capacity() > 2 * bytes.len() + OVERHEAD {
            bytes.shrink_to_fit();
        }
        let held = budget.hold(bytes.capacity() + OVERHEAD)?;
        Ok(Self(Rc::new(Buffer { bytes, held: Some(held) })))
    }
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl From<Buffer> for Value {
    fn from(buffer: Buffer) -> Self {
        Self(Rc::new(buffer))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self))
    }
}

/// Bytes that grow.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    held: Option<Held>,
}

impl Buffer {
    /// Appends.
    ///
    /// # Errors
    /// There is not so much memory left.
    pub fn extend(&mut self, budget: &Budget, more: &[u8]) -> Result<(), Spent> {
        if self.bytes.len() + more.len() > self.bytes.capacity() {
            // A vector that is full doubles; the claim comes before the memory.
            let grown = (self.bytes.capacity() * 2).max(self.bytes.len() + more.len()).max(OVERHEAD);
            match &mut self.held {
                Some(held) => held.resize(grown)?,
                None => self.held = Some(budget.hold(grown)?),
            }
            self.bytes.reserve_exact(grown - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Few bytes, without a claim.
    pub(super) fn fixed(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), held: None }
    }

    /// The bytes, and their claim no more.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// To change the bytes in place; they may not become more.
    pub(crate) const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Words: the fields of a command, positional parameters.
#[derive(Debug)]
pub struct Words {
    list: Vec<Vec<u8>>,
    held: Held,
}

impl Words {
    /// No words.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn new(budget: &Budget) -> Result<Self, Spent> {
        Ok(Self { list: Vec::new(), held: budget.hold(0)? })
    }

    /// A copy of words.
    ///
    /// # Errors
    /// There is not so much memory left.
    pub fn copy(budget: &Budget, words: &[Vec<u8>]) -> Result<Self, Spent> {
        let bytes = words.iter().map(|word| word.len() + OVERHEAD).sum();
        budget.made(bytes)?;
        Ok(Self { held: budget.hold(bytes)?, list: words.to_vec() })
    }

    /// Appends a word; it costs its bytes.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn push(&mut self, budget: &Budget, word: Vec<u8>) -> Result<(), Spent> {
        budget.made(word.len() + 16)?;
        self.held.grow(word.capacity() + OVERHEAD)?;
        self.list.push(word);
        Ok(())
    }
}

impl Deref for Words {
    type Target = [Vec<u8>];

    fn deref(&self) -> &[Vec<u8>] {
        &self.list
    }
}

/// `$1`, `$2`, …: shared, and `shift` moves only their beginning.
#[derive(Debug, Clone, Default)]
pub struct Positional {
    words: Option<Rc<Words>>,
    from: usize,
}

impl Positional {
    /// Drops so many from the front, if there are so many.
    pub(super) fn shift(&mut self, count: usize) -> bool {
        let enough = count <= self.len();
        self.from += if enough { count } else { 0 };
        enough
    }
}

impl From<Words> for Positional {
    fn from(words: Words) -> Self {
        Self { words: Some(Rc::new(words)), from: 0 }
    }
}

impl Deref for Positional {
    type Target = [Vec<u8>];

    fn deref(&self) -> &[Vec<u8>] {
        self.words.as_ref().map_or(&[], |words| &words[self.from..])
    }
}

/// Things by name. A copy shares them until one of both is changed.
#[derive(Debug, Clone)]
pub struct Table<V>(Rc<Entries<V>>);

#[derive(Debug)]
struct Entries<V> {
    map: BTreeMap<Rc<[u8]>, V>,
    /// What the table takes; values have claims of their own.
    held: Option<Held>,
}

/// What an entry takes, with its name.
const ENTRY: usize = 128;

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Rc::new(Entries { map: BTreeMap::new(), held: None }))
    }
}

impl<V: Clone> Table<V> {
    /// What has this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&V> {
        self.0.map.get(name)
    }

    /// Whether something has this name.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.0.map.contains_key(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.0.map.iter().map(|(name, value)| (&**name, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// To change it: for its own sake it is copied now, if it is shared.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn own(&mut self, budget: &Budget) -> Result<&mut BTreeMap<Rc<[u8]>, V>, Spent> {
        if Rc::get_mut(&mut self.0).is_none() {
            budget.made(self.len() * ENTRY / 4)?;
            let held = Some(budget.hold(self.len() * ENTRY)?);
            self.0 = Rc::new(Entries { map: self.0.map.clone(), held });
        }
        let entries = Rc::get_mut(&mut self.0).expect("it is nobody else's now");
        let wanted = (entries.map.len() + 1) * ENTRY;
        match &mut entries.held {
            Some(held) => held.resize(wanted)?,
            None => entries.held = Some(budget.hold(wanted)?),
        }
        Ok(&mut entries.map)
    }

    /// Puts one under a name.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn insert(&mut self, budget: &Budget, name: &[u8], value: V) -> Result<Option<V>, Spent> {
        budget.read(name.len())?;
        Ok(self.own(budget)?.insert(name.into(), value))
    }

    /// Takes one away.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn remove(&mut self, budget: &Budget, name: &[u8]) -> Result<Option<V>, Spent> {
        if self.contains(name) { Ok(self.own(budget)?.remove(name)) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_claimed_once_and_goes_back() {
        let budget = Budget::default();
        let value = Value::new(&budget, vec![0; 1 << 20]).expect("there is enough");
        let copies: Vec<Value> = (0..100).map(|_| value.clone()).collect();
        assert!(budget.most_held() < 2 << 20);
        drop((value, copies));
        let _other = Value::new(&budget, vec![0; 1 << 20]).expect("there is enough");
        assert!(budget.most_held() < 2 << 20);
    }

    #[test]
    fn a_table_is_copied_when_it_is_changed() {
        let budget = Budget::default();
        let mut table = Table::default();
        for number in 0..1000u32 {
            table.insert(&budget, &number.to_le_bytes(), number).expect("there is enough");
        }
        let before = budget.steps();
        let mut copy = table.clone();
        assert_eq!(budget.steps(), before);
        copy.remove(&budget, &1u32.to_le_bytes()).expect("there is enough");
        assert!(budget.steps() > before + 1000, "each entry was copied");
        assert_eq!((table.len(), copy.len()), (1000, 999));
    }
}
