//! What a file descriptor leads to. Pipelines are buffers, so nothing ever waits.

use std::cell::RefCell;
use std::rc::Rc;

use crate::budget::Spent;
use crate::configure::commands::debconf;
use crate::configure::world::World;
use crate::tree::InodeId;

/// One open file description, shared by the descriptors that were duplicated from one another.
#[derive(Debug)]
pub enum Stream {
    /// `/dev/null`.
    Null,
    /// A pipe or here-document being read.
    Input {
        /// All of it.
        bytes: Vec<u8>,
        /// How much was read.
        position: usize,
    },
    /// A pipe or a captured output being written.
    Output(Vec<u8>),
    /// debconf's frontend: what is written asks it, what is read are its answers.
    Debconf,
    /// A file of the tree.
    File {
        /// Which.
        id: InodeId,
        /// Where the next byte is read or written.
        position: usize,
        /// Whether writing goes to the end.
        append: bool,
        /// Whether it may be written.
        writable: bool,
    },
}

/// A descriptor's open file description.
pub type Descriptor = Rc<RefCell<Stream>>;

/// A stream that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Open for the other direction only.
    #[error("Bad file descriptor")]
    Direction,
    /// The budget is spent, or this is more than a script may write.
    #[error(transparent)]
    Spent(#[from] Spent),
    /// The tree's file could not be read.
    #[error("Input/output error")]
    Io(#[from] std::io::Error),
}

impl Stream {
    /// A descriptor for this stream.
    #[must_use]
    pub fn descriptor(self) -> Descriptor {
        Rc::new(RefCell::new(self))
    }

    /// A stream that yields these bytes.
    #[must_use]
    pub const fn input(bytes: Vec<u8>) -> Self {
        Self::Input { bytes, position: 0 }
    }
}

/// Reads all that is left.
///
/// # Errors
/// Not open for reading, or the tree's file cannot be read.
pub fn read_all(world: &mut World, descriptor: &Descriptor) -> Result<Vec<u8>, StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(Vec::new()),
        Stream::Output(_) => Err(StreamError::Direction),
        Stream::Debconf => Ok(debconf::speak(world, true)),
        Stream::Input { bytes, position } => {
            let rest = bytes[*position..].to_vec();
            *position = bytes.len();
            Ok(rest)
        }
        Stream::File { id, position, .. } => {
            let bytes = world.file_bytes(*id).transpose()?.unwrap_or_default();
            world.budget.read(bytes.len())?;
            let rest = bytes.get(*position..).unwrap_or_default().to_vec();
            *position += rest.len();
            Ok(rest)
        }
    }
}

/// Reads up to and with the next newline; empty at the end.
///
/// # Errors
/// As [`read_all`].
pub fn read_line(world: &mut World, descriptor: &Descriptor) -> Result<Vec<u8>, StreamError> {
    let line_of = |rest: &[u8]| rest[..memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)].to_vec();
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(Vec::new()),
        Stream::Output(_) => Err(StreamError::Direction),
        Stream::Debconf => Ok(debconf::speak(world, false)),
        Stream::Input { bytes, position } => {
            let line = line_of(&bytes[*position..]);
            *position += line.len();
            Ok(line)
        }
        Stream::File { id, position, .. } => {
            let bytes = world.file_bytes(*id).transpose()?.unwrap_or_default();
            // Copied whole, but only looked at as far as the line goes.
            world.budget.read(bytes.len() / 16)?;
            let line = line_of(bytes.get(*position..).unwrap_or_default());
            *position += line.len();
            Ok(line)
        }
    }
}

/// Writes.
///
/// # Errors
/// Not open for writing, or over the limit.
pub fn write(world: &mut World, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(()),
        Stream::Input { .. } | Stream::File { writable: false, .. } => Err(StreamError::Direction),
        Stream::Debconf => debconf::listen(world, bytes),
        Stream::Output(output) => {
            if output.len() + bytes.len() > world.limits.bytes {
                return Err(Spent::Output.into());
            }
            output.extend_from_slice(bytes);
            Ok(())
        }
        Stream::File { id, position, append, .. } => {
            *position = world.write_file(*id, (!*append).then_some(*position), bytes)?;
            Ok(())
        }
    }
}
