//! Stage 10: a tree → bytes, in every output format.
//!
//! Each format carries the whole tree or refuses by name what it cannot carry; nothing is lost in silence. The
//! same tree gives the same bytes on every host and with any number of threads.

mod directory;
mod newc;

pub use directory::Owners;
pub use directory::write as write_directory;
pub use newc::Xattrs;
pub use newc::write as write_newc;

use std::io;
use std::io::Write;

use crate::tree;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Why a tree could not be written in a format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} `{path}` in the output directory{}", hint(source))]
    Directory {
        /// Attempted.
        action: &'static str,
        /// On what.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// The format has no place for it.
    #[error("`{path}` cannot be written as {format}: {reason}")]
    Unsupported {
        /// The format's name.
        format: &'static str,
        /// What.
        path: TreePath,
        /// Which property.
        reason: String,
    },
    /// The tree is not one that tar can hold, or the stream failed.
    #[error("cannot write the tar output")]
    Tar(#[source] tree::tar::Error),
    /// The bytes could not be written.
    #[error("cannot write the {format} output")]
    Write {
        /// The format's name.
        format: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Writes a tree as tar: GNU headers, numeric owners, pax headers for extended attributes.
///
/// # Errors
/// The stream, a file's bytes, or a time before 1970.
pub fn write_tar(tree: &Tree, output: impl Write) -> Result<(), Error> {
    tree::tar::write(tree, output).map_err(Error::Tar)
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        " (owners and devices need root; ask for the format `tar`, which needs no privilege)"
    } else {
        ""
    }
}
