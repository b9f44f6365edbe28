//! Why a build did not end well: one variant per stage, and what a caller can do about it.
//!
//! The stage's own error says what was attempted on what; its sources say why. Messages and hints for people are
//! the command line's.

use crate::configure;
use crate::digest::Sha256;
use crate::host::OutputError;
use crate::host::StoreError;
use crate::recipe;
use crate::unpack;

/// A build that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe is wrong.
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    /// The lock is wrong, or made for another recipe.
    #[error(transparent)]
    Lock(#[from] recipe::LockError),
    /// The packages cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] unpack::Error),
    /// The packages cannot be configured.
    #[error(transparent)]
    Configure(#[from] configure::Error),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another tree came out than the caller expects.
    #[error("the tree's digest is {found}, expected is {expected}")]
    Unexpected {
        /// Wanted.
        expected: Sha256,
        /// What was built.
        found: Sha256,
    },
    /// The reporter ended it.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether a later try may succeed without anything being changed here.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether something is not what a trusted key signed, or what was expected of it.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Unexpected { .. } | Self::Store(StoreError::Mismatch { .. }))
    }

    /// Whether the reporter ended it.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}
