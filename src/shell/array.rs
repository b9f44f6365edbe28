//! The elements of one of bash's arrays: by number, with holes, or by name.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::Value;
use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;

/// What an element takes beside its value.
pub(super) const ELEMENT: usize = 96;

/// bash keeps names in so many lists, and walks them in order; with twice as many names it makes more of them.
pub(super) const LISTS: u32 = 1024;

/// The elements of one variable.
#[derive(Debug)]
pub(super) struct Array {
    elements: Elements,
    /// It was declared, and never given a value.
    pub(super) bare: bool,
    held: Held,
}

#[derive(Debug, Clone)]
pub(super) enum Elements {
    Indexed(BTreeMap<u64, Value>),
    /// With when each came: of two in one list the newer is first.
    Named(BTreeMap<Vec<u8>, (u64, Value)>, u64),
}

impl Array {
    pub(super) fn new(budget: &Budget, associative: bool) -> Result<Self, Spent> {
        let elements =
            if associative { Elements::Named(BTreeMap::new(), 0) } else { Elements::Indexed(BTreeMap::new()) };
        Ok(Self { elements, bare: false, held: budget.hold(ELEMENT)? })
    }

    /// To change it: it is copied now, if it is shared.
    pub(super) fn own<'a>(array: &'a mut Rc<Self>, budget: &Budget) -> Result<&'a mut Self, Spent> {
        if Rc::get_mut(array).is_none() {
            let size = array.len() * ELEMENT;
            budget.made(size / 4)?;
            *array = Rc::new(Self { elements: array.elements.clone(), bare: array.bare, held: budget.hold(size)? });
        }
        Ok(Rc::get_mut(array).expect("it is nobody else's now"))
    }

    pub(super) const fn is_associative(&self) -> bool {
        matches!(self.elements, Elements::Named(..))
    }

    pub(super) fn len(&self) -> usize {
        match &self.elements {
            Elements::Indexed(elements) => elements.len(),
            Elements::Named(elements, _) => elements.len(),
        }
    }

    /// The element at a subscript: a number in decimal, or a name.
    pub(super) fn get(&self, subscript: &[u8]) -> Option<&Value> {
        match &self.elements {
            Elements::Indexed(elements) => elements.get(&number(subscript)?),
            Elements::Named(elements, _) => elements.get(subscript).map(|(_, value)| value),
        }
    }

    pub(super) fn set(&mut self, budget: &Budget, subscript: &[u8], value: Value) -> Result<(), Spent> {
        budget.made(subscript.len() + 16)?;
        self.bare = false;
        match &mut self.elements {
            Elements::Indexed(elements) => {
                elements.insert(number(subscript).expect("subscripts are numbers here"), value);
            }
            Elements::Named(elements, next) => match elements.get_mut(subscript) {
                Some((_, old)) => *old = value,
                None => {
                    *next += 1;
                    self.held.grow(subscript.len())?;
                    elements.insert(subscript.to_vec(), (*next, value));
                }
            },
        }
        self.held.resize(self.len() * ELEMENT)
    }

    pub(super) fn remove(&mut self, subscript: &[u8]) {
        match &mut self.elements {
            Elements::Indexed(elements) => drop(number(subscript).and_then(|number| elements.remove(&number))),
            Elements::Named(elements, _) => drop(elements.remove(subscript)),
        }
    }

    pub(super) fn clear(&mut self) {
        self.bare = false;
        match &mut self.elements {
            Elements::Indexed(elements) => elements.clear(),
            Elements::Named(elements, _) => elements.clear(),
        }
    }

    /// The number behind the last one.
    pub(super) fn end(&self) -> u64 {
        match &self.elements {
            Elements::Indexed(elements) => elements.last_key_value().map_or(0, |(last, _)| last.saturating_add(1)),
            Elements::Named(..) => 0,
        }
    }

    /// Subscripts and values in bash's order.
    pub(super) fn entries(&self) -> Vec<(Vec<u8>, Value)> {
        match &self.elements {
            Elements::Indexed(elements) => {
                elements.iter().map(|(number, value)| (number.to_string().into_bytes(), value.clone())).collect()
            }
            Elements::Named(elements, _) => {
                let list = |name: &[u8]| hash(name) % LISTS;
                let mut all: Vec<_> = elements.iter().collect();
                all.sort_by_key(|(name, (when, _))| (list(name), u64::MAX - when));
                all.into_iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect()
            }
        }
    }

    /// Whether the order in which bash would list them is known.
    pub(super) fn has_order(&self) -> bool {
        !self.is_associative() || self.len() < 2 * LISTS as usize
    }
}

/// How bash spreads names over its lists: FNV-1.
pub(super) fn hash(name: &[u8]) -> u32 {
    name.iter().fold(2_166_136_261, |hash: u32, byte| {
        hash.wrapping_mul(16_777_619) ^ i32::from(byte.cast_signed()).cast_unsigned()
    })
}

pub(super) fn number(subscript: &[u8]) -> Option<u64> {
    std::str::from_utf8(subscript).ok()?.parse().ok()
}

/// A compound value on its way to a variable: subscripts are texts, what they mean depends on the variable.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) name: Vec<u8>,
    pub(super) append: bool,
    pub(super) elements: Vec<(Option<Vec<u8>>, bool, Value)>,
}
