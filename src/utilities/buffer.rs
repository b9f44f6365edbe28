//! What a command keeps of its data, and how it writes.

use super::Call;
use super::Done;
use super::Fault;
pub(super) use crate::budget::kept::Buffer;
pub(super) use crate::budget::kept::Kept;

/// So much a program keeps of its output before it writes it, as stdio does.
const BLOCK: usize = 4096;

/// Standard output, written in blocks: what goes to standard error meanwhile comes first, as with the real programs.
#[derive(Debug)]
pub(super) struct Out(Buffer);

impl Out {
    /// Writes.
    pub(super) fn put(&mut self, call: &mut Call<'_, '_>, bytes: &[u8]) -> Result<(), Fault> {
        self.0.extend(bytes)?;
        if self.0.len() >= BLOCK { self.flush(call) } else { Ok(()) }
    }

    /// Writes several pieces.
    pub(super) fn all(&mut self, call: &mut Call<'_, '_>, pieces: &[&[u8]]) -> Result<(), Fault> {
        for piece in pieces {
            self.0.extend(piece)?;
        }
        if self.0.len() >= BLOCK { self.flush(call) } else { Ok(()) }
    }

    /// Hands on what is kept.
    pub(super) fn flush(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        if !self.0.is_empty() {
            call.out(&*self.0)?;
            self.0.clear();
        }
        Ok(())
    }
}

impl Call<'_, '_> {
    /// Gives a command its standard output; what it wrote is written however it ends.
    pub(super) fn printing(&mut self, work: impl FnOnce(&mut Self, &mut Out) -> Done) -> Done {
        let mut out = Out(Buffer::new(&self.shell.system.budget)?);
        let done = work(self, &mut out);
        out.flush(self)?;
        done
    }
}
