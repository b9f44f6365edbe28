//! The lock: exactly which packages a recipe got, and the proof that they are Debian's.
//!
//! Holds digests and signed texts, never where bytes came from: the same lock gives the same bytes from any mirror.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::Recipe;
use crate::digest::Sha256;

/// What was chosen for a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Of the lock's form: 1.
    pub version: u32,
    /// For which recipe.
    pub recipe: LockedRecipe,
    /// `amd64`
    pub architecture: String,
    /// No time in the output is later, in seconds since 1970: the newest found in the packages.
    pub epoch: i64,
    /// User name → id, of the accounts that packages make; kept when packages are added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, u32>,
    /// Group name → id, likewise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, u32>,
    /// The packages of the root, by name and architecture.
    #[serde(rename = "package", default)]
    pub packages: Vec<LockedPackage>,
    /// The packages that only boot loaders for the head are taken from.
    #[serde(rename = "loader", default, skip_serializing_if = "Vec::is_empty")]
    pub loaders: Vec<LockedPackage>,
    /// The signed Releases that the packages follow from, in the order of the recipe's archives and pockets.
    #[serde(rename = "source", default)]
    pub sources: Vec<LockedSource>,
}

/// The recipe that a lock is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRecipe {
    /// Its name.
    pub name: String,
    /// [`Recipe::selection`].
    pub selection: Sha256,
}

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `amd64`, `all` …
    pub architecture: String,
    /// The name of its [`LockedSource`]; `None`: a .deb of the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Below the archive's base URL; for a .deb of the recipe's, as the recipe names it.
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// Of the .deb.
    pub sha256: Sha256,
}

/// One suite of one archive, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// Unique in the lock: `debian`, `debian-updates`, `debian-security`, and further archives by suite.
    pub name: String,
    /// `trixie-updates`
    pub suite: String,
    /// The Release's `Date`, seconds since 1970; keys are judged at this time.
    pub date: i64,
    /// Set when the Release was taken from a snapshot: that its `Valid-Until` was waived, and for which time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Path below the suite's directory → SHA-256 of the index file (as compressed there) that was read.
    pub indices: BTreeMap<String, Sha256>,
    /// SHA-256 of the signed text, InRelease or Release.
    pub release: Sha256,
    /// The signed text, as served: zstd, then base64.
    pub proof: String,
    /// Release.gpg, armored, where the signature is not in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Lock {
    /// Whether the recipe now asks for other packages than when the lock was made.
    #[must_use]
    pub fn is_stale(&self, recipe: &Recipe) -> bool {
        self.recipe.selection != recipe.selection
    }
}
