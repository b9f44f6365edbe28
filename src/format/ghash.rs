//! Tables that are walked in the order of GLib's `GHashTable` with strings for keys: files that GLib's programs write
//! hold things in that order, and the order follows from the keys and how they came (glib/ghash.c).

/// Slots by the power of two that a table has; a key's first place is its hash modulo this prime.
const PRIMES: [u32; 32] = [
    1,
    2,
    3,
    7,
    13,
    31,
    61,
    127,
    251,
    509,
    1021,
    2039,
    4093,
    8191,
    16381,
    32749,
    65521,
    131_071,
    262_139,
    524_287,
    1_048_573,
    2_097_143,
    4_194_301,
    8_388_593,
    16_777_213,
    33_554_393,
    67_108_859,
    134_217_689,
    268_435_399,
    536_870_909,
    1_073_741_789,
    2_147_483_647,
];
/// A table has at least eight slots.
const LEAST: usize = 3;
/// Values in place of a hash.
const UNUSED: u32 = 0;
const GONE: u32 = 1;

/// A table.
#[derive(Debug, Clone)]
pub struct Table<V> {
    hashes: Vec<u32>,
    nodes: Vec<Option<(Vec<u8>, V)>>,
    power: usize,
    used: usize,
    /// Used, or freed and not yet swept.
    occupied: usize,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        let slots = 1 << LEAST;
        Self {
            hashes: vec![UNUSED; slots],
            nodes: std::iter::repeat_with(|| None).take(slots).collect(),
            power: LEAST,
            used: 0,
            occupied: 0,
        }
    }
}

impl<V> Table<V> {
    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.used
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        let (slot, there, _) = self.find(key);
        self.nodes[slot].as_ref().filter(|_| there).map(|(_, value)| value)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let (slot, there, _) = self.find(key);
        self.nodes[slot].as_mut().filter(|_| there).map(|(_, value)| value)
    }

    /// Gives a key a value. One that is there keeps its place.
    pub fn insert(&mut self, key: &[u8], value: V) {
        let (slot, there, hash) = self.find(key);
        self.nodes[slot] = Some((key.to_vec(), value));
        if there {
            return;
        }
        let fresh = std::mem::replace(&mut self.hashes[slot], hash) == UNUSED;
        self.used += 1;
        if fresh {
            self.occupied += 1;
            self.fit();
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (slot, there, _) = self.find(key);
        if !there {
            return None;
        }
        self.hashes[slot] = GONE;
        let gone = self.nodes[slot].take();
        self.used -= 1;
        self.fit();
        gone.map(|(_, value)| value)
    }

    /// All entries, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.nodes.iter().flatten().map(|(key, value)| (key.as_slice(), value))
    }

    /// The slot of a key or for it, whether it is there, and its hash.
    fn find(&self, key: &[u8]) -> (usize, bool, u32) {
        let hash = match string_hash(key) {
            UNUSED | GONE => 2,
            hash => hash,
        };
        let mut slot = self.first(hash);
        let mut free = None;
        let mut step = 0;
        while self.hashes[slot] != UNUSED {
            if self.hashes[slot] == hash && self.nodes[slot].as_ref().is_some_and(|(known, _)| known == key) {
                return (slot, true, hash);
            }
            if self.hashes[slot] == GONE && free.is_none() {
                free = Some(slot);
            }
            step += 1;
            slot = (slot + step) & (self.hashes.len() - 1);
        }
        (free.unwrap_or(slot), false, hash)
    }

    fn first(&self, hash: u32) -> usize {
        (hash.wrapping_mul(11) % PRIMES[self.power]) as usize
    }

    /// Grows, shrinks or sweeps when it is time.
    fn fit(&mut self) {
        let slots = self.hashes.len();
        let sparse = slots > self.used * 4 && slots > 1 << LEAST;
        if sparse || slots <= self.occupied + self.occupied / 16 {
            self.resize();
        }
    }

    fn resize(&mut self) {
        let before = self.hashes.len();
        // 1.333 times as many, cut off.
        let wanted = self.used * 1333 / 1000;
        self.power = LEAST.max((usize::BITS - wanted.leading_zeros()) as usize);
        let slots = 1 << self.power;
        if slots > before {
            self.hashes.resize(slots, UNUSED);
            self.nodes.resize_with(slots, || None);
        }
        let mut placed = vec![false; slots.max(before)];
        for from in 0..before {
            let mut hash = self.hashes[from];
            if placed[from] && hash > GONE {
                continue;
            }
            self.hashes[from] = UNUSED;
            if hash <= GONE {
                continue;
            }
            let mut carried = self.nodes[from].take();
            loop {
                let mut slot = self.first(hash);
                let mut step = 0;
                while placed[slot] {
                    step += 1;
                    slot = (slot + step) & (slots - 1);
                }
                placed[slot] = true;
                let other = std::mem::replace(&mut self.hashes[slot], hash);
                std::mem::swap(&mut self.nodes[slot], &mut carried);
                if other <= GONE {
                    break;
                }
                hash = other;
            }
        }
        self.hashes.truncate(slots);
        self.nodes.truncate(slots);
        self.occupied = self.used;
    }
}

/// `g_str_hash`, and GVDB's hash: bytes count as signed.
#[must_use]
pub fn string_hash(key: &[u8]) -> u32 {
    let add = |hash: u32, byte: &u8| hash.wrapping_mul(33).wrapping_add(i32::from(byte.cast_signed()).cast_unsigned());
    key.iter().fold(5381, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_and_go() {
        let mut table = Table::default();
        let key = |number: u32| format!("key-{number}").into_bytes();
        for number in 0..1000 {
            table.insert(&key(number), number);
        }
        for number in (0..1000).step_by(3) {
            assert_eq!(table.remove(&key(number)), Some(number));
        }
        assert_eq!(table.len(), 666);
        for number in 0..1000 {
            assert_eq!(table.get(&key(number)).copied(), (number % 3 != 0).then_some(number));
        }
        table.insert(&key(1), 5);
        assert_eq!((table.len(), table.get(&key(1))), (666, Some(&5)));
        assert_eq!(table.iter().count(), 666);
    }

    /// What GLib 2.74 itself gives.
    #[test]
    fn the_order_is_glibs() {
        let mut table = Table::default();
        for name in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] {
            table.insert(name.as_bytes(), ());
        }
        let order: Vec<_> = table.iter().map(|(key, ())| String::from_utf8_lossy(key).into_owned()).collect();
        assert_eq!(order.join(" "), "one two nine three six seven four eight five ten");
    }
}
