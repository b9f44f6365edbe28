//! What a store lets go: what was used longest ago, of blobs and records alike.
//!
//! Nothing waits for a build that runs meanwhile: it keeps what it has open, and what it does not find it makes again.

use std::collections::BTreeSet;

use super::DirStore;
use super::Place;
use crate::digest::Sha256;
use crate::host::StoreError;

/// Records that say what was seen, and not what was made of it: the newest Release of each archive, without which an
/// older one would count again. They are small, and never go.
const LASTING: [&str; 1] = ["newest"];

/// What a store may hold.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Bounds {
    /// Bytes in all.
    pub bytes: u64,
    /// What was not used since goes in any case; seconds since 1970.
    pub unused_since: Option<i64>,
    /// Blobs that stay in any case, and the records of them.
    pub keep: BTreeSet<Sha256>,
}

impl Bounds {
    /// Nothing goes.
    #[must_use]
    pub const fn none() -> Self {
        Self { bytes: u64::MAX, unused_since: None, keep: BTreeSet::new() }
    }
}

/// What [`DirStore::prune`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Blobs and records removed.
    pub files: u64,
    /// Bytes they had.
    pub freed: u64,
    /// Bytes that are left.
    pub kept: u64,
}

/// A blob or a record, ordered by its last use.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    used: (i64, i64),
    size: u64,
    place: usize,
    name: String,
}

impl DirStore {
    /// Removes what these bounds do not allow, the longest unused first, and what was put aside as damaged.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn prune(&self, bounds: &Bounds) -> Result<Pruned, StoreError> {
        self.damaged.clear()?;
        let (places, mut held) = self.held(bounds)?;
        held.sort();
        let mut pruned = Pruned { kept: held.iter().map(|(each, _)| each.size).sum(), ..Pruned::default() };
        for (each, stays) in held {
            let is_old = bounds.unused_since.is_some_and(|since| each.used.0 < since);
            if stays || (pruned.kept <= bounds.bytes && !is_old) {
                continue;
            }
            places[each.place].remove(&each.name)?;
            pruned.kept -= each.size;
            pruned.freed += each.size;
            pruned.files += 1;
        }
        Ok(pruned)
    }

    /// How many bytes the store has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        Ok(self.held(&Bounds::none())?.1.iter().map(|(each, _)| each.size).sum())
    }

    /// All that may go, in its places, and whether these bounds say that it stays.
    fn held(&self, bounds: &Bounds) -> Result<(Vec<Place>, Vec<(Held, bool)>), StoreError> {
        let (mut places, mut held) = (Vec::new(), Vec::new());
        for (parent, is_blobs) in [(self.sha256.as_ref(), true), (&self.records, false)] {
            for below in parent.names()?.into_iter().filter(|name| is_blobs || !LASTING.contains(&name.as_str())) {
                let Some(place) = parent.open(&below)? else { continue };
                let shard = if is_blobs { below.as_str() } else { "" };
                list(&place, places.len(), shard, bounds, &mut held)?;
                places.push(place);
            }
        }
        Ok((places, held))
    }
}

/// What lies in a directory of blobs, whose names begin with `shard`, or of records.
fn list(
    place: &Place,
    number: usize,
    shard: &str,
    bounds: &Bounds,
    held: &mut Vec<(Held, bool)>,
) -> Result<(), StoreError> {
    for name in place.names()? {
        // Another build may prune too.
        let Some(stat) = place.stat(&name) else { continue };
        // A record of a blob that stays, by which what was made of it is found, stays as well.
        let digest = format!("{shard}{name}").parse::<Sha256>().ok();
        let stays = digest.is_some_and(|digest| bounds.keep.contains(&digest));
        let used = (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default());
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        held.push((Held { used, size, place: number, name }, stays));
    }
    Ok(())
}
