//! What several builds of one call have in common beside the host and its store.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::archive;
use crate::archive::Index;
use crate::archive::Proof;
use crate::archive::Source;
use crate::error::Error;

/// Of so many different sets of archives the indices stay in memory, those of Debian about 100 MB each.
const INDICES_MAX: usize = 2;

/// Indices that one build has read and the next ones take: all of them see the archives in the same state, and read it
/// once.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Vec<(Wanted, Arc<Index>)>>);

/// What decides an index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) sources: Vec<Source>,
    /// Those of a lock; else whatever is newest, judged so.
    pub(super) state: Result<Vec<Proof>, archive::Options>,
}

impl Shared {
    /// The index that is wanted: known, or opened now.
    pub(super) fn index(
        &self,
        wanted: Wanted,
        open: impl FnOnce() -> Result<Index, Error>,
    ) -> Result<Arc<Index>, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = known.iter().find(|(of, _)| *of == wanted) {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(open()?);
        if known.len() == INDICES_MAX {
            known.remove(0);
        }
        known.push((wanted, Arc::clone(&index)));
        Ok(index)
    }
}
