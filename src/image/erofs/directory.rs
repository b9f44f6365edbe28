//! The blocks of a directory: in each, the entries by name, and then the names.
//!
//! Names are in bytewise order over all blocks, `.` and `..` among them, so a name is found by halving.

use super::BLOCK;
use crate::image::layout::Directory;
use crate::tree::InodeId;

/// Bytes of an entry without its name.
pub(super) const ENTRY: usize = 12;

/// The names of one block each, in order.
pub(super) fn blocks<'a>(directory: &Directory<'a>) -> Vec<Vec<(&'a [u8], InodeId)>> {
    let mut names = directory.entries.clone();
    for (dots, id) in [(&b"."[..], directory.id), (b"..", directory.parent)] {
        let place = names.partition_point(|(name, _)| *name < dots);
        names.insert(place, (dots, id));
    }
    let mut blocks = Vec::new();
    let (mut block, mut size) = (Vec::new(), 0);
    for (name, id) in names {
        if size + ENTRY + name.len() > BLOCK {
            blocks.push(std::mem::take(&mut block));
            size = 0;
        }
        size += ENTRY + name.len();
        block.push((name, id));
    }
    blocks.push(block);
    blocks
}

/// The bytes of a block of names, without what is empty at its end.
pub(super) fn size(names: &[(&[u8], InodeId)]) -> usize {
    names.iter().map(|(name, _)| ENTRY + name.len()).sum()
}

/// A block of names as it is stored. `inode` tells the number and the kind of file of an inode.
pub(super) fn encode(names: &[(&[u8], InodeId)], inode: &dyn Fn(InodeId) -> (u64, u8)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK);
    let mut offset = names.len() * ENTRY;
    for (name, id) in names {
        let (number, kind) = inode(*id);
        bytes.extend(number.to_le_bytes());
        bytes.extend(u16::try_from(offset).expect("less than a block").to_le_bytes());
        bytes.extend([kind, 0]);
        offset += name.len();
    }
    names.iter().for_each(|(name, _)| bytes.extend(*name));
    bytes
}
