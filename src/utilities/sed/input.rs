//! The lines of the files that sed is given, one after the other.

use super::manner::Manner;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::show;

/// What stdio reads of a pipe at a time.
const BLOCK: usize = 4096;

/// Reads lines.
pub(super) struct Input<'p> {
    paths: std::slice::Iter<'p, Vec<u8>>,
    /// Without operands it is standard input, once.
    standard: bool,
    manner: Manner,
    text: Option<Buffer>,
    position: usize,
    pub(super) name: Vec<u8>,
    pub(super) number: u64,
    /// 2 when a file could not be read.
    pub(super) status: i32,
    /// A new file has begun that is one for itself.
    pub(super) fresh: bool,
}

impl<'p> Input<'p> {
    pub(super) fn new(paths: &'p [Vec<u8>], manner: Manner) -> Self {
        Self {
            paths: paths.iter(),
            standard: paths.is_empty(),
            manner,
            text: None,
            position: 0,
            name: b"-".to_vec(),
            number: 0,
            status: 0,
            fresh: true,
        }
    }

    /// Whether there is another line, in this file or, unless each is for itself, in one that follows.
    fn has_more(&mut self, call: &mut Call<'_, '_>, cross: bool) -> Result<bool, Fault> {
        loop {
            if self.text.as_ref().is_some_and(|text| self.position < text.len()) {
                return Ok(true);
            }
            if self.text.is_some() && !cross {
                return Ok(false);
            }
            let Some(path) =
                (if std::mem::take(&mut self.standard) { Some(b"-".to_vec()) } else { self.paths.next().cloned() })
            else {
                return Ok(false);
            };
            self.open(call, path)?;
        }
    }

    fn open(&mut self, call: &mut Call<'_, '_>, path: Vec<u8>) -> Result<(), Fault> {
        self.finish(call)?;
        self.text = None;
        let bytes = match call.read(&path) {
            Ok(bytes) => bytes,
            Err(Fault::Failed(_, message)) if path == b"-" => {
                return Err(Fault::Failed(4, format!("read error on stdin{}", message.trim_start_matches('-'))));
            }
            Err(Fault::Failed(..)) if call.look(&path, true).is_some_and(|inode| inode.is_directory()) => {
                return Err(Fault::Failed(4, format!("read error on {}: Is a directory", show(&path))));
            }
            Err(Fault::Failed(_, message)) => {
                call.err(&format!("can't read {message}"))?;
                self.status = 2;
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        self.text = Some(Buffer::of(&call.shell.system.budget, bytes)?);
        self.position = 0;
        self.name = path;
        if self.manner.separate {
            self.number = 0;
            self.fresh = true;
        }
        Ok(())
    }

    /// Puts the next line into `line`; says whether there was one, and whether it had its end.
    pub(super) fn read(&mut self, call: &mut Call<'_, '_>, line: &mut Buffer) -> Result<Option<bool>, Fault> {
        if !self.has_more(call, true)? {
            return Ok(None);
        }
        let Some(text) = &self.text else { return Ok(None) };
        let rest = &text[self.position..];
        let (end, whole) = match memchr::memchr(self.manner.separator, rest) {
            Some(end) => (end, true),
            None => (rest.len(), false),
        };
        line.extend(&rest[..end])?;
        self.position += end + usize::from(whole);
        self.number += 1;
        Ok(Some(whole))
    }

    pub(super) fn is_last(&mut self, call: &mut Call<'_, '_>) -> Result<bool, Fault> {
        let cross = !self.manner.separate;
        Ok(!self.has_more(call, cross)?)
    }

    /// Leaves of standard input what was not read: of a file all of it, of a pipe what lies behind the block.
    pub(super) fn finish(&mut self, call: &Call<'_, '_>) -> Result<(), Fault> {
        let Some(text) = self.text.take() else { return Ok(()) };
        if self.name == b"-" && self.position < text.len() {
            let block = if self.manner.unbuffered { 1 } else { BLOCK };
            call.give_back(text.len(), self.position, block, true);
        }
        Ok(())
    }
}
