//! Bytes ⇄ records of the formats from outside; no file is opened here and nothing is trusted.

pub mod ar;
pub mod compress;
pub mod elf;
pub mod escape;
pub mod ghash;
pub mod glob;
pub mod gvariant;
pub mod gvdb;
pub mod newc;
pub mod oci;
pub mod shown;
pub mod signed;
pub mod tar;
pub mod xml;

use std::io;
use std::io::Read;

/// Bytes of one entry, of which `left` are still to come; an end before them is an error, not an end.
fn read_body(inner: &mut impl Read, left: &mut u64, buffer: &mut [u8], cut: &'static str) -> io::Result<usize> {
    let want = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    if want == 0 {
        return Ok(0);
    }
    let count = inner.read(&mut buffer[..want])?;
    if count == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut));
    }
    *left -= count as u64;
    Ok(count)
}
