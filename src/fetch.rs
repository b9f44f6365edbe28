//! The chosen .debs, checked, in the store.

use crate::deb::Package;
use crate::host::StoredBlob;

/// A .deb in the store: what the index says of it, and its bytes, which are what the index says.
#[derive(Debug, Clone)]
pub struct Deb {
    /// From the verified index (or from the control file of a local .deb).
    pub package: Package,
    /// The whole .deb.
    pub blob: StoredBlob,
}
