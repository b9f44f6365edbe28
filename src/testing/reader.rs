//! A reader as the world's worst ones: short reads, interruptions, and a failure where it is told.

use std::io;
use std::io::Read;

/// Yields the bytes of another reader in pieces of 1 to 8 bytes, now and then interrupted; the same for the same
/// seed. A parser that gives the same result as on the whole slice never trusts the length of a read.
#[derive(Debug, Clone)]
pub struct ShortReader<R> {
    inner: R,
    state: u32,
    left: Option<u64>,
}

impl<R: Read> ShortReader<R> {
    /// Cuts `inner` by `seed`.
    pub const fn new(inner: R, seed: u32) -> Self {
        Self { inner, state: seed, left: None }
    }

    /// Fails with `ConnectionReset` after this many bytes.
    #[must_use]
    pub const fn failing_after(mut self, bytes: u64) -> Self {
        self.left = Some(bytes);
        self
    }
}

impl<R: Read> Read for ShortReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let random = (self.state >> 16) as usize;
        if random.is_multiple_of(13) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut want = (random % 8 + 1).min(buffer.len());
        if let Some(left) = self.left {
            want = want.min(usize::try_from(left).unwrap_or(usize::MAX));
            if want == 0 && !buffer.is_empty() {
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the reader was told to fail here"));
            }
        }
        let count = self.inner.read(&mut buffer[..want])?;
        self.left = self.left.map(|left| left - count as u64);
        Ok(count)
    }
}
