//! What parent and child of a sandbox say to each other on the child's stdin and stdout: one kind byte, four
//! bytes of length (little endian), that many bytes.

use std::io;
use std::io::Read;
use std::io::Write;

use serde::Deserialize;
use serde::Serialize;

/// The longest payload; a longer one is an error, so that nobody can make the other side allocate.
const PAYLOAD_MAX: usize = 1 << 20;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Child: the user namespace is made, map its ids now.
    Unshared,
    /// Parent: the ids are mapped.
    Mapped,
    /// Parent: the payload is the [`Job`](super::Job); the root's tar stream follows bare.
    Job(Vec<u8>),
    /// Child: a piece of the resulting root's tar stream.
    Tree(Vec<u8>),
    /// Child: a piece of what the command said.
    Log(Vec<u8>),
    /// Child: the end, as a [`Verdict`].
    Done(Vec<u8>),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    Succeeded,
    /// The confinement could not be made; nothing was run.
    Unavailable(String),
    /// The command ended so.
    Failed(String),
    /// The command was stopped for this reason.
    Limit(String),
    /// The root could not be read or written.
    Io(String),
}

impl Frame {
    /// Writes this message.
    pub(super) fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        let (kind, payload): (u8, &[u8]) = match self {
            Self::Unshared => (b'U', &[]),
            Self::Mapped => (b'M', &[]),
            Self::Job(payload) => (b'J', payload),
            Self::Tree(payload) => (b'T', payload),
            Self::Log(payload) => (b'L', payload),
            Self::Done(payload) => (b'D', payload),
        };
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(payload.len() + 5);
        message.push(kind);
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(payload);
        writer.write_all(&message)?;
        writer.flush()
    }

    /// Reads the next message.
    pub(super) fn read(reader: &mut dyn Read) -> io::Result<Self> {
        let mut head = [0; 5];
        reader.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > PAYLOAD_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of the sandbox is too long"));
        }
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload)?;
        match kind {
            b'U' => Ok(Self::Unshared),
            b'M' => Ok(Self::Mapped),
            b'J' => Ok(Self::Job(payload)),
            b'T' => Ok(Self::Tree(payload)),
            b'L' => Ok(Self::Log(payload)),
            b'D' => Ok(Self::Done(payload)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a message of the sandbox")),
        }
    }
}

/// Sends what is written to it as frames of one kind.
pub(super) struct FrameWriter<'a> {
    pub(super) to: &'a mut dyn Write,
    pub(super) kind: fn(Vec<u8>) -> Frame,
}

impl Write for FrameWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PAYLOAD_MAX);
        (self.kind)(bytes[..count].to_vec()).write(self.to)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_lies_about_length_do_not() {
        let mut bytes = Vec::new();
        for frame in [Frame::Unshared, Frame::Log(b"x".to_vec()), Frame::Done(Vec::new())] {
            frame.write(&mut bytes).expect("memory takes it");
        }
        let mut reader = bytes.as_slice();
        assert_eq!(Frame::read(&mut reader).expect("first"), Frame::Unshared);
        assert_eq!(Frame::read(&mut reader).expect("second"), Frame::Log(b"x".to_vec()));
        assert_eq!(Frame::read(&mut reader).expect("third"), Frame::Done(Vec::new()));
        assert!(Frame::read(&mut reader).is_err());
        assert!(Frame::read(&mut &b"L\xff\xff\xff\xff"[..]).is_err());
        assert!(Frame::read(&mut &b"?\0\0\0\0"[..]).is_err());
    }
}
