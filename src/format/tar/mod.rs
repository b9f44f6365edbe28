//! tar archives, entry by entry: read strictly, written in one canonical way.
//!
//! The crate `tar` knows the fields of the 512-byte headers; framing and numbers are here, because what a .deb may
//! hold is far less than what a tar archive may: dpkg knows v7, ustar and GNU long names, and refuses every pax
//! header. Refusing them, sparse files and unknown types too takes away the whole class of attacks that make two
//! readers see two archives. Formats: POSIX.1-2017 pax(1), and the GNU tar manual, "Basic Tar Format".
//!
//! * [`Reader`]: `read.rs`. * [`Writer`]: `write.rs`.

mod read;
mod write;

use std::collections::BTreeMap;
use std::io;

pub use read::Reader;
pub use read::begins;
pub use write::Writer;

/// Archives are made of blocks of this many bytes.
const BLOCK: usize = 512;
/// The longest body of an extension header: a path, or all extended attributes of one file.
const EXTENSION_MAX: u64 = crate::limits::Limits::DEFAULT.name;

/// Which archives are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// What dpkg accepts: v7, ustar, GNU long names and links.
    Deb,
    /// And pax headers, as [`Writer`] and GNU tar write them for extended attributes and long values.
    Pax,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntryKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// One entry without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As stored: `./etc/motd`, `./etc/`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The low twelve bits of the mode.
    pub mode: u32,
    /// Owner, by number.
    pub uid: u32,
    /// Group, by number.
    pub gid: u32,
    /// Bytes that follow; 0 for everything but a file.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Target of a link, as stored.
    pub link: Vec<u8>,
    /// Major and minor number of a device: of 12 and 20 bits, as Linux has them.
    pub device: (u32, u32),
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// An archive that is not accepted, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The underlying stream.
    #[error("cannot read or write the tar stream")]
    Io(#[from] io::Error),
    /// The archive breaks a rule.
    #[error("tar entry {entry}: {reason}")]
    Invalid {
        /// Counted from 1; an extension header counts as an entry.
        entry: u64,
        /// Which rule.
        reason: String,
    },
}

/// The bytes that fill up the last block of a body.
const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// Whether Linux has devices of these numbers (`linux/kdev_t.h`); a header has seven octal digits for each.
const fn is_device((major, minor): (u32, u32)) -> bool {
    major < 1 << 12 && minor < 1 << 20
}

#[cfg(test)]
mod tests;
