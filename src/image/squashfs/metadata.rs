//! Streams of records, compressed in pieces of 8 KiB; records may cross from one piece to the next.

use std::io;

use super::pack::Packer;

/// Bytes of a piece before compression.
pub(super) const BLOCK: usize = 8192;
/// In the two bytes before a piece: it is stored as it is.
const STORED: u16 = 0x8000;

/// One piece with its header.
pub(super) fn block(packer: Packer, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let packed = packer.pack(bytes)?;
    let (mark, bytes) = packed.as_deref().map_or((STORED, bytes), |packed| (0, packed));
    let length = u16::try_from(bytes.len()).expect("at most a piece");
    Ok([&(length | mark).to_le_bytes(), bytes].concat())
}

/// Where a record begins: the piece, by its place in the finished stream, and the byte in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) block: u32,
    pub(super) offset: u16,
}

impl Position {
    /// As one number, as the superblock and the tables name it.
    pub(super) fn reference(self) -> u64 {
        u64::from(self.block) << 16 | u64::from(self.offset)
    }
}

/// A stream that is being written.
#[derive(Debug)]
pub(super) struct Stream {
    packer: Packer,
    packed: Vec<u8>,
    pending: Vec<u8>,
    /// All bytes so far, before compression.
    length: u64,
}

impl Stream {
    pub(super) const fn new(packer: Packer) -> Self {
        Self { packer, packed: Vec::new(), pending: Vec::new(), length: 0 }
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> Position {
        // Four gigabytes of compressed inodes are some 100 million files: more than the tree can number.
        let block = u32::try_from(self.packed.len()).expect("the stream stays below 4 GiB");
        Position { block, offset: u16::try_from(self.pending.len()).expect("less than a piece") }
    }

    /// The bytes so far, before compression.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == BLOCK {
                self.packed.extend(block(self.packer, &self.pending)?);
                self.pending.clear();
            }
        }
        Ok(())
    }

    /// The finished stream.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        if !self.pending.is_empty() {
            self.packed.extend(block(self.packer, &self.pending)?);
        }
        Ok(self.packed)
    }
}
