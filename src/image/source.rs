//! The bytes of an image that is read: anybody's, so every place in it is looked at before it is used.

use std::io;
use std::io::Read;

use crate::cancel::Cancel;
use crate::limits::Limits;
use crate::tree::Blob;

/// What a reader of images may take, and who may end it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The most bytes that all files of the image may have together. A few hundred bytes can say that a file is
    /// nothing but a hole of any size.
    pub bytes: u64,
    /// The most paths.
    pub paths: usize,
    /// What a decoder may use.
    pub limits: Limits,
    /// Asked before each piece of a file.
    pub cancel: Cancel,
}

impl Reading {
    /// What an image of `size` bytes may hold within these limits, as for a compressed stream of that size.
    #[must_use]
    pub fn within(limits: &Limits, size: u64, cancel: &Cancel) -> Self {
        let bytes = size.saturating_mul(limits.ratio).max(limits.small);
        Self { bytes, paths: PATHS_MAX, limits: *limits, cancel: cancel.clone() }
    }
}

/// More paths than any root has, as for a tar.
const PATHS_MAX: usize = 4_000_000;

/// An image of known size.
pub(super) struct Source<'a> {
    pub(super) blob: &'a dyn Blob,
    pub(super) size: u64,
}

impl Source<'_> {
    /// The bytes at a place, all of them.
    pub(super) fn bytes(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        if at.checked_add(count as u64).is_none_or(|end| end > self.size) {
            return Err(wrong("it ends before what it says that it has"));
        }
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.blob.read_at(&mut bytes[filled..], at + filled as u64)? {
                0 => return Err(wrong("it ends before what it says that it has")),
                more => filled += more,
            }
        }
        Ok(bytes)
    }
}

/// An image that is not what its format says.
pub(super) fn wrong(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

/// Numbers out of a record, least significant byte first.
pub(super) trait Numbers {
    /// The two bytes there.
    fn u16(&self, at: usize) -> u16;
    /// The four bytes there.
    fn u32(&self, at: usize) -> u32;
    /// The eight bytes there.
    fn u64(&self, at: usize) -> u64;
}

/// Of a record that is known to be long enough.
impl Numbers for [u8] {
    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self[at], self[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) | u32::from(self.u16(at + 2)) << 16
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from(self.u32(at)) | u64::from(self.u32(at + 4)) << 32
    }
}

/// A device number as [`super::device`] writes it.
pub(super) const fn device(number: u32) -> (u32, u32) {
    (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xf_ff00)
}

/// How many more bytes the files of an image may have.
pub(super) struct Left(pub(super) u64);

impl Left {
    /// Takes a file's size before its bytes are read.
    pub(super) fn take(&mut self, size: u64) -> io::Result<()> {
        let left = self.0.checked_sub(size);
        self.0 = left.ok_or_else(|| {
            let text = "its files have far more bytes than an image of its size holds (limits `ratio` and `small`)";
            io::Error::new(io::ErrorKind::FileTooLarge, text)
        })?;
        Ok(())
    }
}

/// A file in pieces, as the format stores it.
pub(super) struct Pieces<'a, F> {
    next: F,
    piece: Vec<u8>,
    at: usize,
    left: u64,
    cancel: &'a Cancel,
}

impl<'a, F: FnMut() -> io::Result<Vec<u8>>> Pieces<'a, F> {
    /// Of a file of `size` bytes; `next` tells each piece, none of which is empty.
    pub(super) const fn new(size: u64, cancel: &'a Cancel, next: F) -> Self {
        Self { next, piece: Vec::new(), at: 0, left: size, cancel }
    }
}

impl<F: FnMut() -> io::Result<Vec<u8>>> Read for Pieces<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        if self.at == self.piece.len() {
            self.cancel.check().map_err(io::Error::other)?;
            (self.piece, self.at) = ((self.next)()?, 0);
            if self.piece.is_empty() {
                return Err(wrong("a file has fewer bytes than its inode says"));
            }
        }
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        self.left -= count as u64;
        Ok(count)
    }
}
