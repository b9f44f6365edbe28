//! A binary package as an archive's index or a .deb's control file describes it.

use super::Relations;
use super::Version;
use crate::digest::Sha256;

/// One binary package version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `Package`
    pub name: String,
    /// `Version`
    pub version: Version,
    /// `Architecture`: `all` or a machine's.
    pub architecture: String,
    /// `Multi-Arch`
    pub multi_arch: MultiArch,
    /// `Essential: yes`
    pub essential: bool,
    /// `Priority`; `optional` when absent.
    pub priority: Priority,
    /// `Source` name; the package's own when absent.
    pub source: String,
    /// `Source` version; the package's own when absent.
    pub source_version: Version,
    /// `Installed-Size` in KiB; 0 when absent.
    pub installed_size: u64,
    /// `Pre-Depends`
    pub pre_depends: Relations,
    /// `Depends`
    pub depends: Relations,
    /// `Recommends`
    pub recommends: Relations,
    /// `Conflicts`
    pub conflicts: Relations,
    /// `Breaks`
    pub breaks: Relations,
    /// `Replaces`
    pub replaces: Relations,
    /// `Provides`
    pub provides: Vec<Provide>,
    /// `Filename` below the archive's base URL; empty for a local .deb.
    pub filename: String,
    /// `Size` of the .deb in bytes.
    pub size: u64,
    /// `SHA256` of the .deb.
    pub sha256: Sha256,
    /// Which archive it is from: the position in the list of sources given to `archive::open`. `None`: a local .deb.
    pub archive: Option<usize>,
}

/// One entry of `Provides`: a name, with a version when it is versioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provide {
    /// The virtual (or real) name.
    pub name: String,
    /// `(= version)`
    pub version: Option<Version>,
    /// A qualifier after the name, as in `python3:any`; rare.
    pub architecture: Option<String>,
}

/// `Multi-Arch`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiArch {
    /// The field is absent or `no`.
    #[default]
    No,
    /// `same`
    Same,
    /// `foreign`
    Foreign,
    /// `allowed`
    Allowed,
}

/// `Priority`, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Policy 2.5 names them")]
pub enum Priority {
    Required,
    Important,
    Standard,
    Optional,
    Extra,
}

/// A stanza that describes no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("package `{package}`: {reason}")]
pub struct PackageError {
    /// Its name, as far as it is known.
    pub package: String,
    /// Which field, and what is wrong with it.
    pub reason: String,
}
