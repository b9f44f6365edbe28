//! Stage 10: a tree → bytes, in every output format; and every format → a tree, for who compares.
//!
//! Each format carries the whole tree or refuses by name what it cannot carry; nothing is lost in silence. The
//! same tree gives the same bytes on every host and with any number of threads.

mod directory;
mod disk;
pub mod erofs;
mod newc;
pub mod oci;
pub mod squashfs;

mod former;
mod layout;
mod parallel;
mod source;
mod walk;

pub use directory::Owners;
pub use directory::read as read_directory;
pub use directory::write as write_directory;
pub(crate) use directory::write_beside as write_directory_beside;
pub use disk::Disk;
pub use disk::write as write_disk;
pub use erofs::read as read_erofs;
pub use erofs::write as write_erofs;
pub use former::Former;
pub use newc::Xattrs;
pub use newc::read as read_newc;
pub use newc::write as write_newc;
pub use source::Reading;
pub use squashfs::read as read_squashfs;
pub use squashfs::write as write_squashfs;

use std::io;
use std::io::Seek;
use std::io::Write;

use crate::cancel::Cancelled;
use crate::tree;
use crate::tree::Layout;
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
    /// An image that is read is not what its format says, or has what is not read.
    #[error("cannot read the {format} image at `{path}`: {source}")]
    Image {
        /// The format's name.
        format: &'static str,
        /// Where in it.
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

/// Writes a tree as tar: GNU headers, numeric owners, pax headers for extended attributes. Returns where the files lie.
///
/// # Errors
/// The stream, a file's bytes, or a time before 1970.
pub fn write_tar(tree: &Tree, output: impl Write) -> Result<Layout, Error> {
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

/// A few of every kind, in an image of a few KiB.
#[cfg(test)]
fn small() -> Tree {
    use crate::tree::Inode;
    use crate::tree::Kind;
    use crate::tree::Stat;
    let mut tree = Tree::new();
    for number in 0..5 {
        tree.write(format!("small/{number}"), 0o644, format!("{number}\n").repeat(number * 900)).expect("new");
    }
    tree.write("large", 0o755, vec![7; 300_000]).expect("new");
    tree.symlink("bin", "usr/bin").expect("new");
    tree.put("null", Inode { kind: Kind::CharDevice { major: 1, minor: 3 }, stat: Stat::new(0o666) }).expect("new");
    tree.put("pipe", Inode { kind: Kind::Fifo, stat: Stat::new(0o666) }).expect("new");
    tree.link(&TreePath::literal("small/4"), TreePath::literal("linked")).expect("a file");
    for path in ["large", "small/3"] {
        let xattrs = &mut tree.get_mut(&TreePath::literal(path)).expect("there").stat.xattrs;
        xattrs.insert(b"user.x".to_vec(), b"y".repeat(99));
    }
    tree
}

/// A reader of images.
#[cfg(test)]
type Reader = fn(
    &dyn tree::Blob,
    u64,
    &Reading,
    &mut dyn FnMut(&mut dyn io::Read, u64) -> io::Result<tree::Content>,
) -> Result<Tree, Error>;

/// The tree of an image in memory.
#[cfg(test)]
fn back(read: Reader, image: Vec<u8>) -> Result<Tree, Error> {
    let size = image.len() as u64;
    let reading = Reading::within(&crate::limits::Limits::default(), size, &crate::cancel::Cancel::default());
    read(&image, size, &reading, &mut |bytes, _| {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept)?;
        Ok(tree::Content::from_bytes(kept))
    })
}

/// Reads an image with each of some thousand changes: bytes set, pieces cut off.
#[cfg(test)]
fn damaged(read: Reader, image: &[u8]) {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for round in 0..1500 {
        let mut image = image.to_vec();
        for _ in 0..=random(3) {
            // Superblocks and tables stand at both ends.
            let at = match random(3) {
                0 => random(1200.min(image.len())),
                1 => image.len() - 1 - random(4096.min(image.len())),
                _ => random(image.len()),
            };
            image[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        if round % 7 == 0 {
            image.truncate(random(image.len()));
        }
        let _ = back(read, image);
    }
}
