//! Extended attributes: each different set once; inodes name a set by its number.

use std::collections::BTreeMap;
use std::io;

use super::metadata::Stream;
use super::pack::Packer;
use super::unsupported;
use crate::image::Error;
use crate::image::Xattrs as Policy;
use crate::image::no_place;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::Xattrs;

/// What a name may begin with, by number.
pub(super) const PREFIXES: [&[u8]; 3] = [b"user.", b"trusted.", b"security."];

/// A set: its names (number of the prefix, rest) with values.
type Set<'a> = Vec<(u16, &'a [u8], &'a [u8])>;

/// The sets of a tree, numbered in their order.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    sets: BTreeMap<Set<'a>, u32>,
}

impl<'a> Attributes<'a> {
    /// Gathers the sets.
    ///
    /// # Errors
    /// A name that squashfs has no number for, unless it may be left out.
    pub(super) fn new(tree: &'a Tree, policy: Policy) -> Result<Self, Error> {
        let mut sets = BTreeMap::new();
        for (path, _, inode) in tree.iter().filter(|(_, _, inode)| !inode.stat.xattrs.is_empty()) {
            let lost = inode.stat.xattrs.keys().find(|name| split(name).is_none());
            if let Some(name) = lost.filter(|_| policy == Policy::Refused) {
                return Err(unsupported(path, &no_place(name)));
            }
            if inode.stat.xattrs.values().any(|value| u32::try_from(value.len()).is_err()) {
                return Err(unsupported(path, "an extended attribute of 4 GiB"));
            }
            let set = set(&inode.stat.xattrs);
            if !set.is_empty() {
                sets.insert(set, 0);
            }
        }
        sets.values_mut().zip(0..).for_each(|(number, next)| *number = next);
        Ok(Self { sets })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.sets.len()).expect("fewer sets than inodes")
    }

    /// The number of an inode's set.
    pub(super) fn number(&self, inode: &Inode) -> Option<u32> {
        self.sets.get(&set(&inode.stat.xattrs)).copied()
    }

    /// The stream of names and values, and the record of each set.
    pub(super) fn encode(&self, packer: Packer) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let mut values = Stream::new(packer);
        let mut records = Vec::new();
        for set in self.sets.keys() {
            let (position, before) = (values.position(), values.length());
            for (prefix, name, value) in set {
                values.write(&prefix.to_le_bytes())?;
                values.write(&u16::try_from(name.len()).expect("it was checked").to_le_bytes())?;
                values.write(name)?;
                values.write(&u32::try_from(value.len()).expect("it was checked").to_le_bytes())?;
                values.write(value)?;
            }
            records.extend(position.reference().to_le_bytes());
            records.extend(u32::try_from(set.len()).expect("few names").to_le_bytes());
            let size = u32::try_from(values.length() - before).unwrap_or(u32::MAX);
            records.extend(size.to_le_bytes());
        }
        Ok((values.finish()?, records))
    }
}

/// Those of an inode's attributes that squashfs carries.
fn set(xattrs: &Xattrs) -> Set<'_> {
    let carried = xattrs.iter().filter_map(|(name, value)| Some((split(name)?, value.as_slice())));
    carried.map(|((prefix, rest), value)| (prefix, rest, value)).collect()
}

/// A name as the number of its prefix and the rest. Linux takes no name longer than 255 bytes.
fn split(name: &[u8]) -> Option<(u16, &[u8])> {
    let mut rests = PREFIXES.iter().zip(0..).filter_map(|(prefix, number)| Some((number, name.strip_prefix(*prefix)?)));
    rests.find(|(_, rest)| !rest.is_empty() && name.len() <= 255)
}
