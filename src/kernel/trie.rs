//! kmod's binary index: a Patricia trie over ASCII keys in one block, written big-endian.
//!
//! A file is magic, version, and the offset of the root. A node is, in this order and each part only when its flag
//! stands in the high bits of the offset that leads to it: the prefix all its keys share, NUL; the first and last
//! byte that children have, and an offset for each byte between; the number of values, and for each its priority
//! and text, NUL. Which nodes stand first is the one thing that changed between versions: [`Layout`].

use super::Error;

const MAGIC: u32 = 0xB007_F457;
const VERSION: u32 = 0x0002_0001;
const HAS_PREFIX: u32 = 0x8000_0000;
const HAS_VALUES: u32 = 0x4000_0000;
const HAS_CHILDREN: u32 = 0x2000_0000;
const OFFSET: u32 = 0x0FFF_FFFF;
/// kmod's buffers for keys are `PATH_MAX`, and the depth of the trie is at most a key's length.
const KEY_MAX: usize = 4095;

/// Where a node stands among those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Before them, as kmod 34 writes.
    NodeFirst,
    /// After them, as kmod wrote until then.
    ChildrenFirst,
}

/// The entries of an index, to be collected in the order of `depmod`.
#[derive(Debug, Default)]
pub(super) struct Trie {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    priority: u32,
    value: String,
}

impl Trie {
    /// Adds a value to a key. A key may have many values, also equal ones.
    pub(super) fn insert(&mut self, key: String, priority: usize, value: &str) -> Result<(), Error> {
        if !key.is_ascii() || !value.is_ascii() || key.len() > KEY_MAX || key.contains('\0') {
            return Err(Error::Key(key));
        }
        let priority = u32::try_from(priority).map_err(|_| Error::Key(key.clone()))?;
        self.entries.push(Entry { key, priority, value: value.to_owned() });
        Ok(())
    }

    /// The bytes of the index file.
    pub(super) fn into_bytes(mut self, layout: Layout) -> Vec<u8> {
        // Of values with one priority the one that came last stands first.
        self.entries.reverse();
        self.entries.sort_by(|a, b| (&a.key, a.priority).cmp(&(&b.key, b.priority)));
        let mut out = Vec::with_capacity(self.entries.len() * 64);
        out.extend(MAGIC.to_be_bytes());
        out.extend(VERSION.to_be_bytes());
        out.extend([0; 4]);
        let root = write_node(&mut out, layout, &self.entries, 0, 0);
        out[8..12].copy_from_slice(&root.to_be_bytes());
        out
    }
}

/// Writes the node for `entries`, which are sorted and share their first `depth + prefix` bytes, and all below it.
/// Returns its offset with its flags.
fn write_node(out: &mut Vec<u8>, layout: Layout, entries: &[Entry], depth: usize, prefix: usize) -> u32 {
    let end = depth + prefix;
    let (own, below) = entries.split_at(entries.partition_point(|entry| entry.key.len() == end));
    let byte = |entry: &Entry| entry.key.as_bytes()[end];
    let first = below.first().map_or(0, byte);
    let mut offsets = vec![0; below.last().map_or(0, |last| usize::from(byte(last) - first) + 1)];
    let write_children = |out: &mut Vec<u8>, offsets: &mut [u32]| {
        for children in below.chunk_by(|a, b| byte(a) == byte(b)) {
            let shared = shared_prefix(children, end + 1);
            offsets[usize::from(byte(&children[0]) - first)] = write_node(out, layout, children, end + 1, shared);
        }
    };
    if layout == Layout::ChildrenFirst {
        write_children(out, &mut offsets);
    }
    let start = u32::try_from(out.len()).unwrap_or(u32::MAX) & OFFSET;
    let mut flags = 0;
    if prefix > 0 {
        flags |= HAS_PREFIX;
        out.extend(&entries[0].key.as_bytes()[depth..end]);
        out.push(0);
    }
    let table = out.len() + 2;
    if let Some(last) = below.last() {
        flags |= HAS_CHILDREN;
        out.extend([first, byte(last)]);
        out.extend(offsets.iter().flat_map(|offset| offset.to_be_bytes()));
    }
    if !own.is_empty() {
        flags |= HAS_VALUES;
        out.extend(u32::try_from(own.len()).expect("priorities fit in 32 bits, so do counts").to_be_bytes());
        for entry in own {
            out.extend(entry.priority.to_be_bytes());
            out.extend(entry.value.as_bytes());
            out.push(0);
        }
    }
    if layout == Layout::NodeFirst {
        write_children(out, &mut offsets);
        let table = table.min(out.len());
        for (slot, offset) in out[table..].chunks_exact_mut(4).zip(&offsets) {
            slot.copy_from_slice(&offset.to_be_bytes());
        }
    }
    start | flags
}

/// How many bytes from `depth` on all keys have in common: those of the first and the last, as they are sorted.
fn shared_prefix(entries: &[Entry], depth: usize) -> usize {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return 0 };
    let (first, last) = (&first.key.as_bytes()[depth..], &last.key.as_bytes()[depth..]);
    first.iter().zip(last).take_while(|(a, b)| a == b).count()
}
