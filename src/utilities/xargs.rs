//! xargs(1), GNU's: words become the operands of commands.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Buffer;
use super::buffer::Kept;
use super::grep::records;
use super::options::Opt;
use super::show;
use crate::budget::Budget;
use crate::budget::Held;
use crate::shell::printf::Escapes;
use crate::shell::printf::escapes;
use crate::shell::stream::Stream;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("xargs", xargs)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'0', "null"),
    Opt::value(b'a', "arg-file"),
    Opt::value(b'd', "delimiter"),
    Opt::value(b'E', ""),
    Opt::value(b'I', ""),
    Opt::value(b'L', ""),
    Opt::value(b'n', "max-args"),
    Opt::flag(b'r', "no-run-if-empty"),
    Opt::value(b's', "max-chars"),
    Opt::flag(b't', "verbose"),
    Opt::harmless(b'x', "exit", "a line that is too long is an error in any case"),
    Opt::harmless_value(b'P', "max-procs", "one runs after the other, which is one of the orders"),
];

/// So many bytes a command line has at most, as GNU's.
const LINE_MAX: usize = 128 << 10;

/// What is read, with the line where each word stands.
struct Items {
    words: Kept<(Vec<u8>, usize)>,
    held: Held,
    /// What is wrong behind them.
    wrong: Option<Fault>,
}

impl Items {
    fn push(&mut self, word: Vec<u8>, line: usize) -> Result<(), Fault> {
        self.held.grow(word.len() + 16)?;
        Ok(self.words.push((word, line))?)
    }
}

fn xargs(call: &mut Call<'_, '_>) -> Done {
    let given = call.given_first(OPTIONS)?;
    let count = |letter| given.value(letter).map(parse_count).transpose();
    let (per_line, per_run) = (count(b'L')?, count(b'n')?);
    // The last of -I, -L and -n counts.
    let (mark, per_line, per_run) = match given.last_of(b"ILn") {
        Some(b'I') => (given.value(b'I'), None, None),
        Some(b'L') => (None, per_line, None),
        _ => (None, None, per_run),
    };
    let mut runs = Runs {
        command: if given.operands.is_empty() { vec![b"echo".to_vec()] } else { given.operands.clone() },
        most: count(b's')?.unwrap_or(LINE_MAX).min(LINE_MAX),
        per_line: per_line.unwrap_or(usize::MAX),
        per_run: per_run.unwrap_or(usize::MAX),
        even_none: !given.has(b'r'),
        verbose: given.has(b't'),
        status: 0,
    };
    let items = items(call, &given, mark.is_some())?;
    // What is run reads nothing of what is read here.
    let own_input = !given.has(b'a');
    let before = match own_input {
        true => call.shell.state.descriptors.insert(0, Stream::Null.descriptor()),
        false => None,
    };
    let done = match mark {
        Some(mark) => runs.each(call, mark, &items),
        None => runs.together(call, &items),
    };
    if own_input {
        match before {
            Some(stream) => call.shell.state.descriptors.insert(0, stream),
            None => call.shell.state.descriptors.remove(&0),
        };
    }
    done?;
    match items.wrong {
        Some(fault) => Err(fault),
        None => Ok(runs.status),
    }
}

/// What the commands are given.
fn items(call: &mut Call<'_, '_>, given: &Given, whole_lines: bool) -> Result<Items, Fault> {
    let input = call.text(given.value(b'a').unwrap_or(b"-"))?;
    let delimiter = match given.value(b'd') {
        Some(text) => Some(delimiter(text)?),
        None => given.has(b'0').then_some(0),
    };
    let budget = &call.shell.system.budget;
    let mut items = Items { words: Kept::new(budget)?, held: budget.hold(0)?, wrong: None };
    match delimiter {
        Some(delimiter) => {
            for (line, word) in records(&input, delimiter).enumerate() {
                items.push(word.to_vec(), line)?;
            }
        }
        None => {
            budget.read(input.len().saturating_mul(4))?;
            let end = given.value(b'E').filter(|end| !end.is_empty());
            Words { word: None, line: 0, end, items: &mut items }.read(&input, whole_lines)?;
        }
    }
    Ok(items)
}

/// The commands that are run.
struct Runs {
    command: Vec<Vec<u8>>,
    /// So many bytes a command line has at most.
    most: usize,
    /// So many lines, and so many words, one command takes.
    per_line: usize,
    per_run: usize,
    /// Without any word it is run once.
    even_none: bool,
    verbose: bool,
    status: i32,
}

impl Runs {
    /// One for each word, in the place of a mark.
    fn each(&mut self, call: &mut Call<'_, '_>, mark: &[u8], items: &Items) -> Result<(), Fault> {
        let budget = call.shell.system.budget.clone();
        for (word, _) in items.words.iter() {
            let words =
                self.command.iter().map(|part| replaced(part, mark, word, &budget)).collect::<Result<Vec<_>, _>>()?;
            if words.iter().map(|word| word.len() + 1).sum::<usize>() > self.most {
                return Err(Fault::failed("argument line too long"));
            }
            if !self.run(call, &words)? {
                break;
            }
        }
        Ok(())
    }

    /// One for as many words as it may have.
    fn together(&mut self, call: &mut Call<'_, '_>, items: &Items) -> Result<(), Fault> {
        let command_size: usize = self.command.iter().map(|word| word.len() + 1).sum();
        if command_size > self.most {
            return Err(Fault::failed("cannot fit single argument within argument list size limit"));
        }
        let mut from = 0;
        while from < items.words.len() {
            let (mut to, mut size) = (from, command_size);
            while let Some((word, line)) = items.words.get(to) {
                let full = to - from >= self.per_run || line - items.words[from].1 >= self.per_line;
                if full || size + word.len() + 1 > self.most {
                    break;
                }
                size += word.len() + 1;
                to += 1;
            }
            if to == from {
                return Err(Fault::failed("argument line too long"));
            }
            // What stands before an unmatched quote is only run when its line is full.
            if to == items.words.len() && items.wrong.is_some() && to - from < self.per_run {
                return Ok(());
            }
            call.shell.system.budget.made(size)?;
            let gathered = items.words[from..to].iter().map(|(word, _)| word);
            let words: Vec<Vec<u8>> = self.command.iter().chain(gathered).cloned().collect();
            if !self.run(call, &words)? {
                return Ok(());
            }
            from = to;
        }
        if items.words.is_empty() && items.wrong.is_none() && self.even_none {
            let words = self.command.clone();
            self.run(call, &words)?;
        }
        Ok(())
    }

    /// Runs one; `false`: it was the last.
    fn run(&mut self, call: &mut Call<'_, '_>, words: &[Vec<u8>]) -> Result<bool, Fault> {
        // A program's argument ends at a zero byte.
        let cut = |word: &Vec<u8>| memchr::memchr(0, word).map_or_else(|| word.clone(), |end| word[..end].to_vec());
        let ended: Vec<Vec<u8>>;
        let words = if words.iter().any(|word| word.contains(&0)) {
            ended = words.iter().map(cut).collect();
            &ended
        } else {
            words
        };
        if self.verbose {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./,:@%+=".contains(byte);
            if words.iter().any(|word| word.is_empty() || !word.iter().all(plain)) {
                return Err(Fault::gap("-t with words that are quoted"));
            }
            call.shell.print_error(&[words.join(&b' ').as_slice(), b"\n"].concat())?;
        }
        match call.run(words)? {
            0 => {}
            255 => {
                let name = show(&words[0]);
                call.err(&format!("{name}: exited with status 255; aborting"))?;
                self.status = 124;
                return Ok(false);
            }
            code @ (126 | 127) => {
                self.status = code;
                return Ok(false);
            }
            _ => self.status = 123,
        }
        Ok(true)
    }
}

/// One byte, or an escape of one.
fn delimiter(text: &[u8]) -> Result<u8, Fault> {
    match text {
        [byte] => Ok(*byte),
        [b'\\', ..] => match escapes(text, Escapes::DashFormat).0.as_slice() {
            [byte] => Ok(*byte),
            _ => Err(Fault::gap(format!("the delimiter `{}`", show(text)))),
        },
        _ => Err(Fault::failed(format!(
            "Invalid input delimiter specification {}: the delimiter must be either a single character or an escape sequence starting with \\.",
            show(text)
        ))),
    }
}

fn parse_count(text: &[u8]) -> Result<usize, Fault> {
    let count = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| Fault::failed(format!("invalid number '{}'", show(text))))
}

/// A word with every mark replaced.
fn replaced(text: &[u8], mark: &[u8], by: &[u8], budget: &Budget) -> Result<Vec<u8>, Fault> {
    let mut made = Buffer::new(budget)?;
    let mut rest = text;
    budget.read(text.len())?;
    while !mark.is_empty()
        && let Some(place) = memchr::memmem::find(rest, mark)
    {
        made.extend(&rest[..place])?;
        made.extend(by)?;
        rest = &rest[place + mark.len()..];
    }
    made.extend(rest)?;
    Ok(made.into_bytes())
}

/// Words as `xargs` reads them: blanks separate, quotes and backslashes protect; or lines without the blanks that they
/// begin with. What is wrong is kept for when the words before it are used.
struct Words<'i> {
    /// What is read of the next.
    word: Option<Vec<u8>>,
    line: usize,
    /// The word behind which nothing counts.
    end: Option<&'i [u8]>,
    items: &'i mut Items,
}

impl Words<'_> {
    fn read(mut self, input: &[u8], whole_lines: bool) -> Result<(), Fault> {
        let mut quote = None;
        let mut blank_before = false;
        let mut bytes = input.iter().copied();
        while let Some(byte) = bytes.next() {
            match (quote, byte) {
                (Some(mark), _) if byte == mark => quote = None,
                (Some(_), b'\n') => break,
                (None, b'\'' | b'"') => {
                    quote = Some(byte);
                    self.word.get_or_insert_default();
                }
                (None, b'\\') => self.word.get_or_insert_default().extend(bytes.next()),
                (None, 0) => return Err(Fault::gap("a NUL byte without -0")),
                (None, b'\n') => {
                    if !self.finish()? {
                        return Ok(());
                    }
                    // A line that ends with a blank goes on in the next.
                    let some = self.items.words.last().is_some_and(|(_, last)| *last == self.line);
                    self.line += usize::from(some && (!blank_before || whole_lines));
                }
                // Before a word every blank is none.
                (None, byte) if self.word.is_none() && (byte.is_ascii_whitespace() || byte == 11) => {}
                (None, b' ' | b'\t') if !whole_lines => {
                    if !self.finish()? {
                        return Ok(());
                    }
                }
                _ => self.word.get_or_insert_default().push(byte),
            }
            blank_before = matches!(byte, b' ' | b'\t');
        }
        if let Some(mark) = quote {
            let kind = if mark == b'"' { "double" } else { "single" };
            self.items.wrong = Some(Fault::failed(format!(
                "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
            )));
            return Ok(());
        }
        self.finish().map(drop)
    }

    /// Keeps the word, if one was begun; `false`: it is the one behind which nothing counts.
    fn finish(&mut self) -> Result<bool, Fault> {
        let Some(word) = self.word.take() else { return Ok(true) };
        if Some(word.as_slice()) == self.end {
            return Ok(false);
        }
        self.items.push(word, self.line)?;
        Ok(true)
    }
}
