//! What sed writes: standard output or the edited file, and the files of `w`.

use std::collections::BTreeMap;

use super::parse::Action;
use super::parse::Instruction;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;

/// So much is kept before it is written.
const CHUNK: usize = 1 << 16;

/// One place to write to.
#[derive(Debug)]
pub(super) struct Sink {
    text: Buffer,
    /// The last line was one without an end: it gets one before anything follows.
    open: bool,
}

impl Sink {
    fn new(budget: &Budget) -> Result<Self, Spent> {
        Ok(Self { text: Buffer::new(budget)?, open: false })
    }

    fn close(&mut self, separator: u8) -> Result<(), Spent> {
        if std::mem::take(&mut self.open) {
            self.text.push(separator)?;
        }
        Ok(())
    }
}

/// Everything that is written.
#[derive(Debug)]
pub(super) struct Output {
    main: Sink,
    /// The edited file's, while one is edited.
    in_place: bool,
    /// `w /dev/stdout` has written a line without its end, which what else goes there does not know.
    standard_open: bool,
    files: BTreeMap<Vec<u8>, Sink>,
    budget: Budget,
}

impl Output {
    pub(super) fn new(budget: &Budget) -> Result<Self, Spent> {
        Ok(Self {
            main: Sink::new(budget)?,
            in_place: false,
            standard_open: false,
            files: BTreeMap::new(),
            budget: budget.clone(),
        })
    }

    /// Empties the files that a program writes, as it does whether or not it comes to write them.
    pub(super) fn begin_files(&mut self, call: &mut Call<'_, '_>, program: &[Instruction]) -> Result<(), Fault> {
        for instruction in program {
            let path = match &instruction.action {
                Action::Write(path) | Action::WriteFirst(path) => path,
                Action::Substitute(substitution) => match &substitution.file {
                    Some(path) => path,
                    None => continue,
                },
                _ => continue,
            };
            if matches!(path.as_slice(), b"/dev/stdout" | b"/dev/stderr") || self.files.contains_key(path) {
                continue;
            }
            match call.write(path, 0o666, Vec::new()) {
                Err(Fault::Failed(_, message)) => {
                    return Err(Fault::Failed(4, format!("couldn't open file {message}")));
                }
                other => other?,
            }
            self.files.insert(path.clone(), Sink::new(&self.budget)?);
        }
        Ok(())
    }

    /// Writes a line to standard output, or to the file of a `w`; one without its end when it was read so.
    pub(super) fn line(
        &mut self,
        call: &mut Call<'_, '_>,
        path: Option<&[u8]>,
        text: &[u8],
        whole: bool,
        separator: u8,
    ) -> Result<(), Fault> {
        if path == Some(b"/dev/stdout") && !self.in_place {
            if std::mem::take(&mut self.standard_open) {
                self.main.text.push(separator)?;
            }
            self.main.text.extend(text)?;
            if whole {
                self.main.text.push(separator)?;
            }
            self.standard_open = !whole;
            return self.relieve(call);
        }
        let sink = match path {
            Some(b"/dev/stdout") => return Err(Fault::gap("`w /dev/stdout` while a file is edited")),
            None => &mut self.main,
            Some(b"/dev/stderr") => {
                call.shell.print_error(&[text, b"\n"].concat())?;
                return Ok(());
            }
            Some(path) => match self.files.get_mut(path) {
                Some(sink) => sink,
                None => &mut self.main,
            },
        };
        sink.close(separator)?;
        sink.text.extend(text)?;
        if whole {
            sink.text.push(separator)?;
        }
        sink.open = !whole;
        self.relieve(call)
    }

    /// Writes a text as it is.
    pub(super) fn text(&mut self, call: &mut Call<'_, '_>, text: &[u8], separator: u8) -> Result<(), Fault> {
        self.main.close(separator)?;
        self.main.text.extend(text)?;
        self.relieve(call)
    }

    fn relieve(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        if !self.in_place && self.main.text.len() >= CHUNK {
            call.out(&*self.main.text)?;
            self.main.text.clear();
        }
        Ok(())
    }

    /// What follows is an edited file's.
    pub(super) fn divert(&mut self) -> Result<(), Spent> {
        self.in_place = true;
        self.main = Sink::new(&self.budget)?;
        Ok(())
    }

    /// The text of the edited file.
    pub(super) fn diverted(&mut self) -> Result<Vec<u8>, Spent> {
        self.in_place = false;
        let sink = std::mem::replace(&mut self.main, Sink::new(&self.budget)?);
        Ok(sink.text.into_bytes())
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        if !self.in_place && !self.main.text.is_empty() {
            call.out(&*self.main.text)?;
            self.main.text.clear();
        }
        for (path, sink) in std::mem::take(&mut self.files) {
            call.write(&path, 0o666, sink.text.into_bytes())?;
        }
        Ok(())
    }
}
