//! Finds a place for each inode, so that little is lost at the ends of blocks.
//!
//! What stands behind an inode and is read at once must not cross from one block to the next. So an inode of up to a
//! block goes where the least room is left behind it; a larger one begins a block.

use std::collections::BTreeMap;

use super::BLOCK;
use super::SLOT;

/// The metadata area while it is divided.
#[derive(Debug)]
pub(super) struct Places {
    /// Bytes left at the end of blocks → the places where these begin, the first last.
    free: BTreeMap<usize, Vec<u64>>,
    /// The first byte after the area.
    end: u64,
}

impl Places {
    /// An area whose first slot stays empty: programs take a file whose number is 0 for deleted.
    pub(super) fn new() -> Self {
        Self { free: BTreeMap::from([(BLOCK - SLOT, vec![SLOT as u64])]), end: BLOCK as u64 }
    }

    /// Takes the best place for `size` bytes; returns where it is in the area.
    pub(super) fn take(&mut self, size: usize) -> u64 {
        let size = size.next_multiple_of(SLOT);
        let (left, place) = if let Some(entry) = self.free.range_mut(size..).next() {
            let place = entry.1.pop().expect("a list that is empty is removed");
            let left = *entry.0;
            if entry.1.is_empty() {
                self.free.remove(&left);
            }
            (left - size, place)
        } else {
            let place = self.end;
            let whole = size.next_multiple_of(BLOCK);
            self.end += whole as u64;
            (whole - size, place)
        };
        if left > 0 {
            self.free.entry(left).or_default().push(place + size as u64);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_small_things_stay_in_one_block() {
        let mut places = Places::new();
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for number in 0..2000_usize {
            let size = 64 + number * 7919 % if number % 50 == 0 { 20_000 } else { 4000 };
            let place = places.take(size);
            assert!(place.is_multiple_of(SLOT as u64));
            let fits = place % BLOCK as u64 + size as u64 <= BLOCK as u64;
            assert!(fits || (size > BLOCK && place.is_multiple_of(BLOCK as u64)), "{size} at {place}");
            taken.push((place, place + size as u64));
        }
        taken.sort_unstable();
        assert!(taken[0].0 > 0 && taken.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        let used: u64 = taken.iter().map(|(from, to)| to - from).sum();
        assert!(places.end < used + used / 10, "{} for {used}", places.end);
    }
}
