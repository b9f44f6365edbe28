//! What several targets need.

use std::io;
use std::io::Read;

/// Yields one byte at a time: a parser that trusts the length of a read gives itself away.
#[derive(Debug)]
pub struct OneByte<'a>(pub &'a [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(1);
        self.0.read(&mut buffer[..want])
    }
}
