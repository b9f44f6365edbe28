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
    /// The bytes could not be written.
    #[error("cannot write the {format} output")]
    Write {
        /// The format's name.
        format: &'static str,
        /// Why.
        source: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        " (owners and devices need root; ask for the format `tar`, which needs no privilege)"
    } else {
        ""
    }
}
