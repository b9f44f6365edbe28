//! Stage 10: a tree → bytes, in every output format.
//!
//! Each format carries the whole tree or refuses by name what it cannot carry; nothing is lost in silence. The
//! same tree gives the same bytes on every host and with any number of threads.

mod directory;
pub mod erofs;
mod newc;
pub mod squashfs;

mod layout;
mod parallel;

pub use directory::Owners;
pub use directory::read as read_directory;
pub use directory::write as write_directory;
pub use erofs::write as write_erofs;
pub use newc::Xattrs;
pub use newc::write as write_newc;
pub use squashfs::write as write_squashfs;

use std::io;
use std::io::Seek;
use std::io::Write;

use crate::cancel::Cancelled;
use crate::tree;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Why a tree could not be written in a format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} `{path}` in the output directory{}", hint(action, source))]
    Directory {
        /// Attempted.
        action: &'static str,
        /// On what.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// A directory that is read has more in it than was asked for.
    #[error("the directory has more than {0} paths")]
    TooMany(usize),
    /// A directory that is read has something in it that no image has, such as a socket.
    #[error("`{0}` is of a kind that no image has")]
    Kind(TreePath),
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
    /// A file's bytes could not be read.
    #[error("cannot read `{path}` of the tree")]
    Read {
        /// Which.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// The bytes could not be written.
    #[error("cannot write the {format} output")]
    Write {
        /// The format's name.
        format: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Somebody wanted it to end.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

/// Writes a tree as tar: GNU headers, numeric owners, pax headers for extended attributes.
///
/// # Errors
/// The stream, a file's bytes, or a time before 1970.
pub fn write_tar(tree: &Tree, output: impl Write) -> Result<(), Error> {
    tree::tar::write(tree, output).map_err(Error::Tar)
}

/// Where a file system goes: its superblock is known last.
trait Output: Write + Seek {}

impl<T: Write + Seek> Output for T {}

/// A device number as Linux encodes it in 32 bits (`new_encode_dev`): 12 bits for the major, 20 for the minor number.
fn device(major: u32, minor: u32) -> Option<u32> {
    (major < 1 << 12 && minor < 1 << 20).then_some((minor & 0xff) | major << 8 | (minor & !0xff) << 12)
}

/// Why an extended attribute is refused.
fn no_place(name: &[u8]) -> String {
    let name = tree::escape(name);
    format!("its extended attribute `{name}` has no place there (`lossy = [\"xattrs\"]` in `[output]` leaves it out)")
}

fn hint(action: &str, error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied && action == "read" {
        " (it has files of others: run this as root)"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        " (owners and devices need root; ask for the format `tar`, which needs no privilege)"
    } else {
        ""
    }
}

/// A tree with files of all sizes, something for every table of a file system.
#[cfg(test)]
fn sample() -> Tree {
    let mut tree = Tree::new();
    for number in 0..300 {
        let text = format!("{number}\n").repeat(number * 9);
        tree.write(format!("small/{number}"), 0o644, text).expect("new");
    }
    let large: Vec<u8> = (0..900_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
    tree.write("large", 0o755, large).expect("new");
    tree.get_mut(&TreePath::literal("large")).expect("there").stat.xattrs.insert(b"user.x".to_vec(), b"y".to_vec());
    tree
}
