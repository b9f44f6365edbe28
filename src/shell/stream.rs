//! What a file descriptor leads to. Pipelines are buffers, so nothing ever waits.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::system::OpenFile;
use super::system::System;
use super::value::Buffer;
use super::value::Value;
use crate::budget::Spent;

/// Somebody at the other end who answers: what is written asks it, what is read are its answers.
pub trait Peer: fmt::Debug {
    /// Takes what is written.
    ///
    /// # Errors
    /// More than it takes.
    fn listen(&self, system: &mut System, bytes: &[u8]) -> Result<(), StreamError>;

    /// Gives what it has answered: up to a newline, or all of it.
    fn speak(&self, system: &mut System, whole: bool) -> Vec<u8>;
}

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
    /// Somebody who answers: debconf's frontend.
    Peer(&'static dyn Peer),
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
    /// It is a directory's.
    #[error("Is a directory")]
    Directory,
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
pub fn read_all(system: &mut System, descriptor: &Descriptor) -> Result<Vec<u8>, StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(Vec::new()),
        Stream::Output(_) => Err(StreamError::Direction),
        Stream::Peer(peer) => Ok(peer.speak(system, true)),
        Stream::Input { bytes, position } => {
            let rest = &bytes[*position..];
            system.budget.made(rest.len())?;
            let rest = rest.to_vec();
            *position = bytes.len();
            Ok(rest)
        }
        Stream::File { file, position, .. } => {
            let rest = system.read_file(file, *position, usize::MAX, None)?;
            *position += rest.len();
            Ok(rest)
        }
    }
}

/// Reads up to and with the next `end`; empty at the end.
///
/// # Errors
/// As [`read_all`].
pub fn read_until(system: &mut System, descriptor: &Descriptor, end: u8) -> Result<Vec<u8>, StreamError> {
    read_piece(system, descriptor, usize::MAX, Some(end))
}

/// Reads up to and with the next `end`, but no more than `count` bytes.
///
/// # Errors
/// As [`read_all`].
pub fn read_piece(
    system: &mut System,
    descriptor: &Descriptor,
    count: usize,
    end: Option<u8>,
) -> Result<Vec<u8>, StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(Vec::new()),
        Stream::Output(_) => Err(StreamError::Direction),
        Stream::Peer(peer) => Ok(peer.speak(system, false)),
        Stream::Input { bytes, position } => {
            let rest = &bytes[*position..];
            let rest = &rest[..rest.len().min(count)];
            let found = end.and_then(|end| memchr::memchr(end, rest));
            let piece = rest[..found.map_or(rest.len(), |place| place + 1)].to_vec();
            system.budget.made(piece.len())?;
            *position += piece.len();
            Ok(piece)
        }
        Stream::File { file, position, .. } => {
            let piece = system.read_file(file, *position, count, end)?;
            *position += piece.len();
            Ok(piece)
        }
    }
}

/// Writes.
///
/// # Errors
/// Not open for writing, or over the limit.
pub fn write(system: &mut System, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), StreamError> {
    match &mut *descriptor.borrow_mut() {
        Stream::Null => Ok(()),
        Stream::Input { .. } | Stream::File { writable: false, .. } => Err(StreamError::Direction),
        Stream::Peer(peer) => peer.listen(system, bytes),
        Stream::Output(output) => {
            if output.len() + bytes.len() > system.bounds.bytes {
                return Err(Spent::Output.into());
            }
            output.extend(&system.budget, bytes)?;
            Ok(())
        }
        Stream::File { file, position, append, .. } => {
            *position = system.write_file(file, (!*append).then_some(*position), bytes)?;
            Ok(())
        }
    }
}
