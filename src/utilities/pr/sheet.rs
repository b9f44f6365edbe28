//! What one line of a page comes to: blanks are kept back until something follows, and may become tabs.

use super::layout::Tab;
use crate::budget::Spent;
use crate::utilities::buffer::Buffer;

/// Where something is put that may be at any place.
pub(super) const ANYWHERE: i64 = 0;

/// The line that is being written.
#[derive(Debug)]
pub(super) struct Sheet {
    /// What is to be written.
    pub(super) ink: Buffer,
    tabify: Option<Tab>,
    /// The column behind what was put here, and blanks that are owed behind it.
    pub(super) position: i64,
    pub(super) blanks: i64,
}

impl Sheet {
    pub(super) const fn new(ink: Buffer, tabify: Option<Tab>) -> Self {
        Self { ink, tabify, position: 0, blanks: 0 }
    }

    /// Begins a line.
    pub(super) const fn begin(&mut self) {
        (self.position, self.blanks) = (0, 0);
    }

    fn times(&mut self, byte: u8, times: i64) -> Result<(), Spent> {
        self.ink.repeat(byte, usize::try_from(times).unwrap_or(0))
    }

    /// Empty lines.
    pub(super) fn lines(&mut self, count: i64) -> Result<(), Spent> {
        self.times(b'\n', count)
    }

    /// Moves on to a column.
    pub(super) fn pad(&mut self, to: i64) -> Result<(), Spent> {
        if self.tabify.is_some() {
            self.blanks = to - self.position;
            return Ok(());
        }
        self.times(b' ', to - self.position)?;
        self.position = to;
        Ok(())
    }

    /// Writes the blanks that are owed, as tabs where these fill two columns or more.
    pub(super) fn settle(&mut self) -> Result<(), Spent> {
        let goal = self.position + self.blanks;
        let mut at = self.position;
        if let Some(tab) = self.tabify {
            while goal - at > 1 {
                let next = at + tab.width - at % tab.width;
                if next > goal {
                    break;
                }
                self.ink.push(tab.byte)?;
                at = next;
            }
        }
        self.times(b' ', goal - at)?;
        (self.position, self.blanks) = (goal, 0);
        Ok(())
    }

    /// Writes the blanks that are owed, if there are.
    fn settle_any(&mut self) -> Result<(), Spent> {
        if self.blanks > 0 { self.settle() } else { Ok(()) }
    }

    /// Writes what separates two columns, whose blanks may become tabs with others.
    pub(super) fn separator(&mut self, text: &[u8], separators: &mut i64) -> Result<(), Spent> {
        if *separators > 0 {
            for &byte in text {
                if byte == b' ' {
                    self.blanks += 1;
                } else {
                    self.settle_any()?;
                    self.ink.push(byte)?;
                    self.position += 1;
                }
            }
            *separators = 0;
        }
        self.settle_any()
    }

    /// Writes one byte of a text.
    pub(super) fn letter(&mut self, byte: u8) -> Result<(), Spent> {
        if self.tabify.is_some() {
            if byte == b' ' {
                self.blanks += 1;
                return Ok(());
            }
            self.settle_any()?;
            match byte {
                b' '..=b'~' => self.position += 1,
                8 => self.position -= 1,
                _ => {}
            }
        }
        self.ink.push(byte)
    }

    /// What a tab does of which only the byte was written.
    pub(super) fn tabbed(&mut self) {
        let width = self.tabify.map_or(8, |tab| tab.width);
        self.position += width - self.position % width;
    }
}
