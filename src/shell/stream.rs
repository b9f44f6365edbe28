//! What a file descriptor leads to. Pipelines are buffers, so nothing ever waits.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::Buffer;
use super::value::Value;
use crate::budget::Spent;
use crate::configure::commands::debconf;
use crate::configure::world::OpenFile;
use crate::configure::world::World;

/// One open file description, shared by the descriptors that were duplicated from one another.
#[derive(Debug)]
pub enum Stream {
    /// `/dev/null`.
    Null,
    /// A pipe or here-document being read.
    Input {
        /// All of it.
        bytes: Value,
        /// How much was read.
        position: usize,
    },
    /// A pipe or a captured output being written.
    Output(Buffer),
    /// debconf's frontend: what is written asks it, what is read are its answers.
    Debconf,
    /// A file of the tree.
    File {
        /// Which: it stays, whatever becomes of its names.
        file: OpenFile,
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
    pub const fn input(bytes: Value) -> Self {
        Self::Input { bytes, position: 0 }
    }

    /// A stream that keeps what is written.
    #[must_use]
    pub fn output() -> Self {
        Self::Output(Buffer::default())
    }
}

/// What was captured, of a stream that captures.
#[must_use]
pub fn take_output(descriptor: &Descriptor) -> Option<Buffer> {
    match &mut *descriptor.borrow_mut() {
        Stream::Output(buffer) => Some(std::mem::take(buffer)),
        _ => None,
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
            let rest = &bytes[*position..];
            world.budget.made(rest.len())?;
            let rest = rest.to_vec();
            *position = bytes.len();
            Ok(rest)
        }
        Stream::File { file, position, .. } => {
            let rest = world.read_file(file, *position, usize::MAX, None)?;
            *position += rest.len();
            Ok(rest)
        }
    }
}

/// Reads up to and with the next `end`; empty at the end.
///
/// # Errors
/// As [`read_all`].
pub fn read_until(world: &mut World, descriptor: &Descriptor, end: u8) -> Result<Vec<u8>, StreamError> {
    read_piece(world, descriptor, usize::MAX, Some(end))
}

/// Reads up to and with the next `end`, but no more than `count` bytes.
///
/// # Errors
/// As [`read_all`].
pub fn read_piece(
    world: &mut World,
    descriptor: &Descriptor,
    count: usize,
    end: Option<u8>,
) -> Result<Vec<u8>, StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(Vec::new()),
        Stream::Output(_) => Err(StreamError::Direction),
        Stream::Debconf => Ok(debconf::speak(world, false)),
        Stream::Input { bytes, position } => {
            let rest = &bytes[*position..];
            let rest = &rest[..rest.len().min(count)];
            let found = end.and_then(|end| memchr::memchr(end, rest));
            let piece = rest[..found.map_or(rest.len(), |place| place + 1)].to_vec();
            world.budget.made(piece.len())?;
            *position += piece.len();
            Ok(piece)
        }
        Stream::File { file, position, .. } => {
            let piece = world.read_file(file, *position, count, end)?;
            *position += piece.len();
            Ok(piece)
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
            output.extend(&world.budget, bytes)?;
            Ok(())
        }
        Stream::File { file, position, append, .. } => {
            *position = world.write_file(file, (!*append).then_some(*position), bytes)?;
            Ok(())
        }
    }
}
