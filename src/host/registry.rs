//! A registry of container images and of other artifacts, as the library sees one: blobs and manifests by digest and tag.

use std::fs::File;
use std::io::Read;

use crate::format::oci::Digest;
use crate::format::oci::ReferenceError;
use crate::host::TransportError;

/// One repository of a registry. What comes from it is checked by whoever asked.
pub trait Registry: Send + Sync {
    /// The bytes of a manifest by tag or digest, at most [`JSON_MAX`](crate::format::oci::JSON_MAX) of them; `None`: there
    /// is none.
    ///
    /// # Errors
    /// The registry cannot be asked, refuses, or answers with something else.
    fn manifest(&self, which: &str) -> Result<Option<Vec<u8>>, RegistryError>;

    /// Starts to fetch a blob. It may be longer, shorter or other than wanted.
    ///
    /// # Errors
    /// As [`Registry::manifest`], or there is none.
    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, RegistryError>;

    /// Whether a blob is there.
    ///
    /// # Errors
    /// As [`Registry::manifest`].
    fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError>;

    /// Gives a blob.
    ///
    /// # Errors
    /// As [`Registry::manifest`], or its bytes cannot be read.
    fn put_blob(&self, digest: &Digest, size: u64, bytes: Upload) -> Result<(), RegistryError>;

    /// Gives a manifest, to be called by a tag or its digest. `true`: the registry knows from it which one it is about, and
    /// lists it among its referrers.
    ///
    /// # Errors
    /// As [`Registry::manifest`].
    fn put_manifest(&self, which: &str, media_type: &str, bytes: &[u8]) -> Result<bool, RegistryError>;
}

/// The tag under which the referrers of a manifest are listed where the registry does not list them itself.
#[must_use]
pub fn fallback_tag(digest: &Digest) -> String {
    format!("sha256-{}", digest.0)
}

/// What is sent.
#[derive(Debug)]
pub enum Upload {
    /// A file, all of it.
    File(File),
    /// A few bytes.
    Bytes(Vec<u8>),
}

/// Why something is not in a registry, or not here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The text names nothing in a registry.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It could not be asked.
    #[error("cannot {action}")]
    Transport {
        /// Attempted, with what.
        action: String,
        /// Why.
        source: TransportError,
    },
    /// It does not want to.
    #[error("cannot {action}: the registry answers {status}{words}")]
    Refused {
        /// Attempted, with what.
        action: String,
        /// Of HTTP.
        status: u16,
        /// What it says, with a space in front.
        words: String,
    },
    /// Its answer is none that can be used.
    #[error("cannot {action}: {reason}")]
    Answer {
        /// Attempted, with what.
        action: String,
        /// What is wrong.
        reason: String,
    },
    /// Other bytes came than were asked for.
    #[error("`{what}` is not what its digest says: {found}")]
    Digest {
        /// Which.
        what: String,
        /// What came.
        found: String,
    },
    /// There is no such thing.
    #[error("the registry has no `{0}`")]
    Missing(String),
    /// What is to be pushed or pulled is nothing that can be.
    #[error("{0}")]
    Unfit(String),
    /// The logins cannot be used.
    #[error("cannot use the login for `{registry}`: {reason}")]
    Login {
        /// For which registry, or in which file.
        registry: String,
        /// Why not; no word of theirs is told.
        reason: String,
    },
}

impl RegistryError {
    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_retryable(),
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
