//! What awk reads and writes: records of files, files, and commands at the other end of a pipe.

use std::collections::BTreeMap;

use super::ast;
use super::ast::How;
use super::ast::Name;
use super::dialect::Dialect;
use super::run::Machine;
use super::run::special;
use super::values::Text;
use crate::budget::Budget;
use crate::budget::Spent;
use crate::shell::Death;
use crate::shell::Interpreter;
use crate::shell::Origin;
use crate::shell::reader::is_name;
use crate::shell::stream;
use crate::shell::stream::Stream;
use crate::shell::value::Value;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::show;

/// What stdio reads at a time.
const BLOCK: usize = 4096;

/// Where `getline` reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    File,
    Command,
}

/// A text that is read record by record.
struct Reader {
    text: Buffer,
    position: usize,
}

/// Something that is written until it is closed.
struct Sink {
    text: Buffer,
    how: How,
    /// In which order they were opened.
    number: usize,
}

/// Everything that is open.
pub(super) struct Files {
    /// The file that records come from.
    main: Option<Reader>,
    /// It is standard input.
    standard: bool,
    /// The next argument to look at.
    argument: usize,
    /// A file was among the arguments.
    named: bool,
    over: bool,
    readers: BTreeMap<(Source, Vec<u8>), Reader>,
    sinks: BTreeMap<Vec<u8>, Sink>,
    opened: usize,
    out: Buffer,
}

impl Files {
    pub(super) fn new(budget: &Budget) -> Result<Self, Spent> {
        Ok(Self {
            main: None,
            standard: false,
            argument: 1,
            named: false,
            over: false,
            readers: BTreeMap::new(),
            sinks: BTreeMap::new(),
            opened: 0,
            out: Buffer::new(budget)?,
        })
    }
}

/// Where the record at a place ends, and where the next begins.
enum Cut {
    At(usize, usize),
    /// What is left is the last.
    Rest,
}

impl<'c> Machine<'c, '_, '_> {
    /// The next record of the input.
    pub(super) fn read_main(&mut self) -> Result<Option<Text>, Fault> {
        loop {
            self.budget.step()?;
            if let Some(mut reader) = self.files.main.take() {
                let record = self.record_of(&mut reader)?;
                self.files.main = Some(reader);
                if let Some(record) = record {
                    return Ok(Some(record));
                }
            }
            if !self.next_file()? {
                return Ok(None);
            }
        }
    }

    /// Goes on to the next file among the arguments.
    fn next_file(&mut self) -> Result<bool, Fault> {
        self.leave_main();
        loop {
            if self.files.over {
                return Ok(false);
            }
            let count = self.value(Name::Global(special("ARGC")))?.number(self.dialect)?;
            if (self.files.argument as f64) >= count {
                self.files.over = true;
                if self.files.named {
                    return Ok(false);
                }
                self.open_main(b"-")?;
                return Ok(true);
            }
            let key = self.files.argument.to_string();
            self.files.argument += 1;
            let array = self.array(Name::Global(special("ARGV")))?;
            let value = array.borrow().map.get(key.as_bytes()).cloned();
            let word = match value {
                Some(value) => self.text(&value)?,
                None => continue,
            };
            if word.is_empty() {
                continue;
            }
            if memchr::memchr(b'=', &word).is_some_and(|equals| is_name(&word[..equals])) {
                self.assign_argument(&word)?;
                continue;
            }
            self.files.named = true;
            match self.open_main(&word) {
                Ok(()) => return Ok(true),
                // gawk says so and goes on with the next; mawk ends.
                Err(Fault::Failed(_, message)) if self.dialect != Dialect::Gawk => {
                    return match self.dialect {
                        Dialect::Mawk => Err(Fault::Failed(2, format!("cannot open {message}"))),
                        _ => Err(Fault::gap("a file that is not there, which awks take differently")),
                    };
                }
                Err(Fault::Failed(_, message)) => {
                    self.call.err(&format!("warning: {message}"))?;
                    return Err(Fault::gap("a file that is not there"));
                }
                Err(other) => return Err(other),
            }
        }
    }

    fn open_main(&mut self, path: &[u8]) -> Result<(), Fault> {
        let text = self.call.text(path)?;
        self.files.standard = path == b"-";
        self.files.main = Some(Reader { text, position: 0 });
        self.set_number("FNR", 0.0);
        if path != b"-" || self.files.named {
            self.set_special("FILENAME", path)?;
        }
        Ok(())
    }

    pub(super) fn skip_file(&mut self) -> Result<(), Fault> {
        if let Some(reader) = &mut self.files.main {
            reader.position = reader.text.len();
        }
        Ok(())
    }

    /// Leaves of standard input what lies behind the blocks that were read.
    fn leave_main(&mut self) {
        if let Some(reader) = self.files.main.take()
            && self.files.standard
        {
            self.call.give_back(reader.text.len(), reader.position, BLOCK, false);
        }
    }

    /// A record of a file or of what a command writes: `None` when it cannot be read, `Some(None)` at the end.
    pub(super) fn read_other(&mut self, source: Source, name: &[u8]) -> Result<Option<Option<Text>>, Fault> {
        let key = (source, name.to_vec());
        let mut reader = match self.files.readers.remove(&key) {
            Some(reader) => reader,
            None => {
                let text = match source {
                    Source::Command => {
                        let bytes = self.output_of(name)?;
                        Buffer::of(&self.budget, bytes)?
                    }
                    Source::File => match self.call.text(name) {
                        Ok(text) => text,
                        Err(Fault::Failed(..)) => return Ok(None),
                        Err(other) => return Err(other),
                    },
                };
                self.budget.step()?;
                Reader { text, position: 0 }
            }
        };
        let record = self.record_of(&mut reader)?;
        self.files.readers.insert(key, reader);
        Ok(Some(record))
    }

    fn record_of(&mut self, reader: &mut Reader) -> Result<Option<Text>, Fault> {
        let separator = self.special_text("RS")?;
        if separator.is_empty() {
            // Paragraphs: newlines before the first are nothing.
            let skipped = reader.text[reader.position..].iter().take_while(|byte| **byte == b'\n').count();
            reader.position += skipped;
        }
        let rest = &reader.text[reader.position..];
        if rest.is_empty() {
            return Ok(None);
        }
        let cut = match &*separator {
            [] => match memchr::memmem::find(rest, b"\n\n") {
                Some(end) => {
                    let more = rest[end..].iter().take_while(|byte| **byte == b'\n').count();
                    Cut::At(end, end + more)
                }
                None => match rest.strip_suffix(b"\n") {
                    Some(inner) => Cut::At(inner.len(), rest.len()),
                    None => Cut::Rest,
                },
            },
            [byte] => memchr::memchr(*byte, rest).map_or(Cut::Rest, |end| Cut::At(end, end + 1)),
            pattern => {
                let regex = self.regex(pattern)?;
                let found = regex.find(rest, 0)?.and_then(|groups| groups[0]).filter(|(begin, end)| begin < end);
                found.map_or(Cut::Rest, |(begin, end)| Cut::At(begin, end))
            }
        };
        let (end, next) = match cut {
            Cut::At(end, next) => (end, next),
            Cut::Rest => (rest.len(), rest.len()),
        };
        self.budget.read(next)?;
        let record = Text::new(&rest[..end], &self.budget)?;
        reader.position += next;
        Ok(Some(record))
    }

    // --- writing ---------------------------------------------------------------------------------------------

    #[inline(never)]
    pub(super) fn put(&mut self, text: &[u8], output: Option<&'c ast::Output>) -> Result<(), Fault> {
        let Some(output) = output else { return self.write(text) };
        let value = self.evaluate(&output.path)?;
        let path = self.text(&value)?;
        match &*path {
            b"" => Err(Fault::Failed(2, "an empty name to write to".into())),
            b"/dev/stdout" | b"-" if output.how != How::Pipe => self.write(text),
            b"/dev/stderr" if output.how != How::Pipe => {
                self.call.shell.print_error(text)?;
                Ok(())
            }
            path => {
                if !self.files.sinks.contains_key(path) {
                    if output.how == How::Pipe {
                        self.flush()?;
                    }
                    self.open_sink(path, output.how)?;
                }
                let sink = self.files.sinks.get_mut(path).ok_or_else(|| Fault::gap("a file that is gone"))?;
                Ok(sink.text.extend(text)?)
            }
        }
    }

    fn open_sink(&mut self, path: &[u8], how: How) -> Result<(), Fault> {
        let mut text = Buffer::new(&self.budget)?;
        if how != How::Pipe {
            if how == How::Append && self.call.look(path, true).is_some() {
                let before = self.call.text(path)?;
                text.extend(&before)?;
            } else {
                self.call.write(path, 0o666, Vec::new()).map_err(|fault| match fault {
                    Fault::Failed(_, message) => Fault::Failed(2, message),
                    other => other,
                })?;
            }
        }
        self.files.opened += 1;
        let number = self.files.opened;
        self.files.sinks.insert(path.to_vec(), Sink { text, how, number });
        Ok(())
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.files.out.extend(text)?;
        if self.files.out.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        if !self.files.out.is_empty() {
            self.call.out(&*self.files.out)?;
            self.files.out.clear();
        }
        Ok(())
    }

    /// Closes what has a name; -1 when nothing has.
    pub(super) fn close(&mut self, name: &[u8]) -> Result<i32, Fault> {
        let mut status = -1;
        for source in [Source::File, Source::Command] {
            if self.files.readers.remove(&(source, name.to_vec())).is_some() {
                status = 0;
            }
        }
        if let Some(sink) = self.files.sinks.remove(name) {
            status = self.close_sink(name, sink)?;
        }
        Ok(status)
    }

    fn close_sink(&mut self, name: &[u8], sink: Sink) -> Result<i32, Fault> {
        match sink.how {
            How::Write | How::Append => {
                self.call.write(name, 0o666, sink.text.into_bytes())?;
                Ok(0)
            }
            How::Pipe => {
                self.flush()?;
                let text = Value::new(&self.call.shell.system.budget, sink.text.into_bytes())?;
                let input = Stream::input(text).descriptor();
                let before = self.call.shell.state.descriptors.insert(0, input);
                let done = self.call.shell.run_process(name, b"sh", &[], &Interpreter::default(), Origin::Words);
                match before {
                    Some(stream) => self.call.shell.state.descriptors.insert(0, stream),
                    None => self.call.shell.state.descriptors.remove(&0),
                };
                Ok(done?)
            }
        }
    }

    /// Closes everything, in the order in which it was opened.
    pub(super) fn close_all(&mut self) -> Result<(), Fault> {
        self.leave_main();
        let done = self.flush();
        let mut sinks: Vec<(Vec<u8>, Sink)> = std::mem::take(&mut self.files.sinks).into_iter().collect();
        sinks.sort_by_key(|(_, sink)| sink.number);
        done?;
        for (name, sink) in sinks {
            self.close_sink(&name, sink)?;
        }
        Ok(())
    }

    /// Runs a command and gives its status.
    pub(super) fn system(&mut self, command: &[u8]) -> Result<i32, Fault> {
        self.flush()?;
        self.call.shell.death = Death::None;
        let status = self.call.shell.run_process(command, b"sh", &[], &Interpreter::default(), Origin::Words)?;
        match self.call.shell.death {
            Death::Own(signal) => Ok(256 + signal),
            // The shell may have become that process.
            Death::Inside if status > 128 => Err(Fault::gap("`system` of a command in which a signal ended a process")),
            Death::None | Death::Inside => Ok(status),
        }
    }

    /// Runs a command and gives what it writes.
    fn output_of(&mut self, command: &[u8]) -> Result<Vec<u8>, Fault> {
        self.flush()?;
        let stream = Stream::output().descriptor();
        let before = self.call.shell.state.descriptors.insert(1, std::rc::Rc::clone(&stream));
        let done = self.call.shell.run_process(command, b"sh", &[], &Interpreter::default(), Origin::Words);
        match before {
            Some(stream) => self.call.shell.state.descriptors.insert(1, stream),
            None => self.call.shell.state.descriptors.remove(&1),
        };
        done?;
        let written = stream::take_output(&stream).map(crate::shell::value::Buffer::into_bytes);
        written.ok_or_else(|| Fault::gap(format!("what `{}` writes", show(command))))
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}
