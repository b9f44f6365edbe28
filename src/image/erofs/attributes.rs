//! Extended attributes: those that several inodes have lie in an area of their own, the others behind their inode.

use std::collections::BTreeMap;

use super::unsupported;
use crate::image::Error;
use crate::image::Xattrs as Policy;
use crate::image::no_place;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::Xattrs;

/// What a name may begin with, by number. The names of ACLs are whole.
pub(super) const PREFIXES: [(u8, &[u8]); 3] = [(1, b"user."), (4, b"trusted."), (6, b"security.")];
pub(super) const NAMES: [(u8, &[u8]); 2] = [(2, b"system.posix_acl_access"), (3, b"system.posix_acl_default")];
/// Attributes are counted in units of four bytes.
pub(super) const UNIT: usize = 4;
/// The bytes before an inode's attributes, the first three units.
pub(super) const HEADER: usize = 12;
/// The most shared attributes of one inode: they are counted with a byte.
const SHARED_MAX: usize = u8::MAX as usize;

/// The attributes of a tree.
#[derive(Debug)]
pub(super) struct Attributes {
    /// The shared entries, each with its place in the area in units.
    places: BTreeMap<Vec<u8>, u32>,
    area: Vec<u8>,
}

impl Attributes {
    /// Gathers what several inodes have.
    ///
    /// # Errors
    /// An attribute that erofs has no place for, unless it may be left out.
    pub(super) fn new(tree: &Tree, policy: Policy) -> Result<Self, Error> {
        let mut counts: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for (path, id, inode) in tree.iter().filter(|(_, _, inode)| !inode.stat.xattrs.is_empty()) {
            let lost = inode.stat.xattrs.iter().find(|(name, value)| entry(name, value).is_none());
            if let Some((name, _)) = lost.filter(|_| policy == Policy::Refused) {
                return Err(unsupported(path, &no_place(name)));
            }
            if seen.insert(id) {
                entries(&inode.stat.xattrs).for_each(|entry| *counts.entry(entry).or_default() += 1);
            }
        }
        let (mut places, mut area) = (BTreeMap::new(), Vec::new());
        for (entry, _) in counts.into_iter().filter(|(_, count)| *count > 1) {
            let Ok(place) = u32::try_from(area.len() / UNIT) else { break };
            area.extend(&entry);
            places.insert(entry, place);
        }
        let attributes = Self { places, area };
        for (path, _, inode) in tree.iter() {
            if u16::try_from(attributes.body(inode).len() / UNIT).is_err() {
                return Err(unsupported(path, "its extended attributes are too large together"));
            }
        }
        Ok(attributes)
    }

    /// The area of shared entries.
    pub(super) fn shared(&self) -> &[u8] {
        &self.area
    }

    /// What stands behind an inode: a header, the places of its shared entries, and its own entries.
    pub(super) fn body(&self, inode: &Inode) -> Vec<u8> {
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        for entry in entries(&inode.stat.xattrs) {
            match self.places.get(&entry).filter(|_| shared.len() < SHARED_MAX * UNIT) {
                Some(place) => shared.extend(place.to_le_bytes()),
                None => own.extend(entry),
            }
        }
        if shared.is_empty() && own.is_empty() {
            return Vec::new();
        }
        let mut body = vec![0; HEADER];
        body[UNIT] = u8::try_from(shared.len() / UNIT).expect("it was bounded");
        [body, shared, own].concat()
    }
}

/// The number of units as an inode tells it: all of the header is one.
pub(super) fn units(body: &[u8]) -> u16 {
    if body.is_empty() { 0 } else { u16::try_from((body.len() - HEADER) / UNIT + 1).expect("it was checked") }
}

fn entries(xattrs: &Xattrs) -> impl Iterator<Item = Vec<u8>> {
    xattrs.iter().filter_map(|(name, value)| entry(name, value))
}

/// One attribute as it is stored; `None` when it cannot be.
fn entry(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let whole = NAMES.iter().filter(|(_, whole)| *whole == name).map(|(number, _)| (*number, &b""[..]));
    let begun = PREFIXES.iter().filter_map(|(number, prefix)| Some((*number, name.strip_prefix(*prefix)?)));
    let (number, rest) = whole.chain(begun.filter(|(_, rest)| !rest.is_empty())).next()?;
    let (length, size) = (u8::try_from(rest.len()).ok()?, u16::try_from(value.len()).ok()?);
    let mut entry = vec![length, number];
    entry.extend(size.to_le_bytes());
    entry.extend(rest);
    entry.extend(value);
    entry.resize(entry.len().next_multiple_of(UNIT), 0);
    Some(entry)
}
