//! GVDB: GLib's file of tables that map strings to values, lists and further tables (gvdb/gvdb-format.h). Byte for byte
//! as GLib's own writer makes it.

use super::ghash::Table;
use super::ghash::string_hash;
use super::gvariant::Value;

const HEADER: usize = 24;
const SIGNATURE: &[u8; 8] = b"GVariant";
/// Bytes of an entry.
const ITEM: usize = 24;
/// In place of a parent.
const NONE: u32 = u32::MAX;
/// `BLOOM_SHIFT` 5 and no words, as the writer has it.
const BLOOM: u32 = 5 << 27;

/// An entry of a table.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// The entry whose list it is in: its name is a beginning of this one's.
    pub parent: Option<Vec<u8>>,
    /// What it holds.
    pub content: Content,
}

/// What an entry holds.
#[derive(Debug, Clone, Default)]
pub enum Content {
    /// A list of those that name it as their parent; nothing when there are none.
    #[default]
    List,
    /// A value.
    Value(Value),
    /// A further table.
    Table(Table<Item>),
}

/// The file of a table.
#[must_use]
pub fn write(table: &Table<Item>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    let (start, end) = add_table(&mut bytes, table);
    bytes[..8].copy_from_slice(SIGNATURE);
    put(&mut bytes, 16, start);
    put(&mut bytes, 20, end);
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// A place in the file; nothing that is made here comes near four GiB.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Room for so many bytes, and where it is.
fn room(bytes: &mut Vec<u8>, alignment: usize, size: usize) -> usize {
    let start = bytes.len().next_multiple_of(alignment);
    bytes.resize(start + size, 0);
    start
}

fn add_table(bytes: &mut Vec<u8>, table: &Table<Item>) -> (u32, u32) {
    let count = table.len();
    let mut buckets: Vec<Vec<(&[u8], &Item)>> = vec![Vec::new(); count];
    for (key, item) in table.iter() {
        buckets[string_hash(key) as usize % count].insert(0, (key, item));
    }
    let order: Vec<(&[u8], &Item)> = buckets.iter().flatten().copied().collect();
    let mut places = Table::default();
    for (place, (key, _)) in order.iter().enumerate() {
        places.insert(key, offset(place));
    }
    let place = |key: &[u8]| places.get(key).copied().unwrap_or(NONE);
    let start = room(bytes, 4, 8 + 4 * count + ITEM * count);
    put(bytes, start, BLOOM);
    put(bytes, start + 4, offset(count));
    let mut first = 0;
    for (bucket, items) in buckets.iter().enumerate() {
        put(bytes, start + 8 + 4 * bucket, offset(first));
        first += items.len();
    }
    let end = start + 8 + 4 * count + ITEM * count;
    for (number, (key, item)) in order.iter().enumerate() {
        let at = start + 8 + 4 * count + ITEM * number;
        put(bytes, at, string_hash(key));
        put(bytes, at + 4, item.parent.as_deref().map_or(NONE, place));
        let name = &key[item.parent.as_ref().map_or(0, Vec::len)..];
        let text = room(bytes, 1, name.len());
        bytes[text..].copy_from_slice(name);
        put(bytes, at + 8, offset(text));
        let size = u16::try_from(name.len()).unwrap_or(u16::MAX);
        bytes[at + 12..at + 14].copy_from_slice(&size.to_le_bytes());
        let (kind, from, to) = match &item.content {
            Content::Value(value) => {
                let value = value.clone().variant().bytes();
                let from = room(bytes, 8, value.len());
                bytes[from..].copy_from_slice(&value);
                (b'v', offset(from), offset(bytes.len()))
            }
            Content::Table(inner) => {
                let (from, to) = add_table(bytes, inner);
                (b'H', from, to)
            }
            Content::List => {
                let mut children: Vec<&[u8]> = order
                    .iter()
                    .filter(|(_, child)| child.parent.as_deref() == Some(key))
                    .map(|(key, _)| *key)
                    .collect();
                if children.is_empty() {
                    continue;
                }
                children.sort_unstable();
                let from = room(bytes, 4, 4 * children.len());
                for (number, child) in children.iter().enumerate() {
                    put(bytes, from + 4 * number, place(child));
                }
                (b'L', offset(from), offset(from + 4 * children.len()))
            }
        };
        bytes[at + 14] = kind;
        put(bytes, at + 16, from);
        put(bytes, at + 20, to);
    }
    (offset(start), offset(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written() {
        let mut table = Table::default();
        table.insert(b"", Item::default());
        table.insert(b"a", Item { parent: Some(Vec::new()), content: Content::Value(Value::string("x")) });
        let bytes = write(&table);
        assert_eq!(&bytes[..8], SIGNATURE);
        // The root table: two buckets, two items; the value is a variant, aligned.
        assert_eq!(u32::from_le_bytes(bytes[28..32].try_into().expect("four")), 2);
        assert!(bytes.windows(4).any(|part| part == b"x\0\0s"));
        assert_eq!(bytes.len() % 4, 0);
    }
}
