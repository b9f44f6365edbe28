//! Redirections: what a descriptor leads to for the time of a command (POSIX 2.7).

use std::rc::Rc;

use super::Run;
use super::Shell;
use super::ast::Redirect;
use super::ast::Target;
use super::ast::Word;
use super::stream::Descriptor;
use super::stream::Stream;
use crate::tree::Inode;
use crate::tree::Kind;

/// What descriptors were before, to be put back.
pub(super) type Saved = Vec<(u32, Option<Descriptor>)>;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Truncate,
    Clobber,
    Append,
    ReadWrite,
}

impl Shell<'_> {
    /// Makes all redirections, in order. `Ok(Err(saved))`: one failed and said so.
    pub(super) fn redirect(&mut self, redirects: &[Redirect]) -> Run<Result<Saved, Saved>> {
        let mut saved = Saved::new();
        for redirect in redirects {
            let stream = match &redirect.target {
                Target::HereDocument(text) => {
                    let parts = text.get().map_or(&[][..], Vec::as_slice);
                    let text = match self.text(parts, true) {
                        // An error in the text is one of the redirection, for dash.
                        Err(super::Interrupt::Exit(_)) if !self.is_bash() => return Ok(Err(saved)),
                        text => text?,
                    };
                    Ok(Some(Stream::input(self.keep(text)?).descriptor()))
                }
                Target::HereString(word) => {
                    let mut text = self.text(&word.0, false)?;
                    text.push(b'\n');
                    Ok(Some(Stream::input(self.keep(text)?).descriptor()))
                }
                Target::Both(word, append) => {
                    let access = if *append { Access::Append } else { Access::Truncate };
                    let opened = self.open(word, access)?;
                    if let Ok(Some(stream)) = &opened {
                        saved.push((2, self.state.descriptors.insert(2, Rc::clone(stream))));
                    }
                    opened
                }
                Target::Duplicate(word) if self.is_bash() => match self.one_word(word)? {
                    Err(message) => Err(message),
                    Ok(name) if name == b"-" || is_number(&name) || is_moved(&name) => self.duplicate(&name),
                    // `1>& file` is `&> file`.
                    Ok(name) if redirect.descriptor == 1 => {
                        let opened = self.open_path(&name, Access::Truncate);
                        if let Ok(Some(stream)) = &opened {
                            saved.push((2, self.state.descriptors.insert(2, Rc::clone(stream))));
                        }
                        opened
                    }
                    Ok(name) => Err([name.as_slice(), b": ambiguous redirect"].concat()),
                },
                Target::Duplicate(word) => {
                    let word = self.text(&word.0, false)?;
                    if !self.is_bash() && !matches!(word.as_slice(), b"-" | [b'0'..=b'9']) {
                        self.complain(b"Syntax error: Bad fd number")?;
                        return Err(super::Interrupt::Exit(2));
                    }
                    // In dash it is nothing to make a descriptor what it is, even one that is closed.
                    let number = redirect.descriptor;
                    match self.is_bash() || word != number.to_string().as_bytes() {
                        true => self.duplicate(&word),
                        false => Ok(self.state.descriptors.get(&number).cloned()),
                    }
                }
                Target::Read(word) => self.open(word, Access::Read)?,
                Target::Write(word) => self.open(word, Access::Truncate)?,
                Target::Clobber(word) => self.open(word, Access::Clobber)?,
                Target::Append(word) => self.open(word, Access::Append)?,
                Target::ReadWrite(word) => self.open(word, Access::ReadWrite)?,
            };
            match stream {
                Ok(stream) => {
                    let number = redirect.descriptor;
                    let before = match stream {
                        Some(stream) => self.state.descriptors.insert(number, stream),
                        None => self.state.descriptors.remove(&number),
                    };
                    saved.push((number, before));
                }
                Err(message) => {
                    self.complain(&message)?;
                    return Ok(Err(saved));
                }
            }
        }
        Ok(Ok(saved))
    }

    /// Puts descriptors back, the last change first.
    pub(super) fn restore(&mut self, saved: Saved) {
        for (number, before) in saved.into_iter().rev() {
            match before {
                Some(stream) => self.state.descriptors.insert(number, stream),
                None => self.state.descriptors.remove(&number),
            };
        }
    }

    fn duplicate(&mut self, word: &[u8]) -> Result<Option<Descriptor>, Vec<u8>> {
        if word == b"-" {
            return Ok(None);
        }
        if self.is_bash() && word.ends_with(b"-") {
            self.lacks("moving a descriptor, `>&n-`");
        }
        let number = word.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
        match number.flatten().and_then(|number| self.state.descriptors.get(&number)) {
            Some(stream) => Ok(Some(Rc::clone(stream))),
            None => Err([word, b": Bad file descriptor"].concat()),
        }
    }

    fn open(&mut self, word: &Word, access: Access) -> Run<Result<Option<Descriptor>, Vec<u8>>> {
        Ok(match self.one_word(word)? {
            Ok(name) => self.open_path(&name, access),
            Err(message) => Err(message),
        })
    }

    /// What stands behind a redirection: bash splits it, looks for files, and wants one word.
    fn one_word(&mut self, word: &Word) -> Run<Result<Vec<u8>, Vec<u8>>> {
        if !self.is_bash() {
            return self.text(&word.0, false).map(Ok);
        }
        let fields = self.fields(std::slice::from_ref(word))?;
        Ok(match &*fields {
            [name] => Ok(name.clone()),
            _ => Err(b"ambiguous redirect".to_vec()),
        })
    }

    fn open_path(&mut self, name: &[u8], access: Access) -> Result<Option<Descriptor>, Vec<u8>> {
        let refused = |what: &str| {
            let verb: &[u8] = if access == Access::Read { b"cannot open " } else { b"cannot create " };
            [verb, name, b": ", what.as_bytes()].concat()
        };
        match name {
            b"/dev/stdin" | b"/dev/fd/0" => return self.duplicate(b"0"),
            b"/dev/stdout" | b"/dev/fd/1" => return self.duplicate(b"1"),
            b"/dev/stderr" | b"/dev/fd/2" => return self.duplicate(b"2"),
            b"" => return Err(refused("Directory nonexistent")),
            _ if name.starts_with(b"/dev/fd/") => return self.duplicate(&name[8..]),
            // No terminal, no consoles: what is written there is nobody's.
            b"/dev/tty" | b"/dev/console" => return Err(refused("No such device or address")),
            _ => {}
        }
        let path = self.absolute(name);
        if self.system.is_null(&path) {
            return Ok(Some(Stream::Null.descriptor()));
        }
        match self.system.machine(&path) {
            Some(Ok(bytes)) if access == Access::Read => {
                let bytes = self.keep(bytes).map_err(|_| refused("Cannot allocate memory"))?;
                return Ok(Some(Stream::input(bytes).descriptor()));
            }
            Some(answer) => {
                let what = answer.err().unwrap_or_else(|| format!("writes to {}", crate::tree::escape(name)));
                self.gap(b"redirection", what);
                return Err(refused("No such device or address"));
            }
            None => {}
        }
        let (umask, clock, noclobber) = (self.state.umask, self.system.clock, self.state.options.noclobber);
        let (missing, wanted) = match access {
            Access::Read => ("No such file", 4),
            _ => ("Directory nonexistent", 2),
        };
        let place = self.system.tree().resolve(&path, true).map_err(|_| refused(missing))?;
        let permitted = self.system.may(&place, wanted);
        match self.system.tree().get(&place).map(|inode| &inode.kind) {
            Some(Kind::File(_)) if access == Access::Truncate && noclobber => return Err(refused("File exists")),
            Some(_) if !permitted => return Err(refused("Permission denied")),
            Some(Kind::File(_)) => {}
            Some(Kind::Directory) if access == Access::Read => {}
            Some(Kind::Directory) => return Err(refused("Is a directory")),
            Some(_) => {
                self.gap(b"redirection", format!("opens the device or pipe {}", crate::tree::escape(name)));
                return Err(refused("No such device or address"));
            }
            None if access == Access::Read => return Err(refused("No such file")),
            None => {
                let mut inode = Inode::file(0o666 & !umask, Vec::new());
                inode.stat.mtime = clock;
                self.system.own(&place, &mut inode).map_err(refused)?;
                // A claim that is too much ends the budget: the next charge says so.
                let _ = self.system.make_room(&place);
                self.system.tree().insert(place.clone(), inode).map_err(|_| refused(missing))?;
            }
        }
        let id = self.system.tree().id(&place).ok_or_else(|| refused(missing))?;
        let file = self.system.open_file(id);
        if matches!(access, Access::Truncate | Access::Clobber) {
            self.system.truncate(&file);
        }
        let writable = access != Access::Read;
        Ok(Some(Stream::File { file, position: 0, append: access == Access::Append, writable }.descriptor()))
    }

    /// A path as this process means it.
    #[must_use]
    pub fn absolute(&self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            return path.to_vec();
        }
        let directory = self.state.directory.as_slice();
        [directory.strip_suffix(b"/").unwrap_or(directory), path].join(&b'/')
    }
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// `n-`: the descriptor is moved.
fn is_moved(word: &[u8]) -> bool {
    word.strip_suffix(b"-").is_some_and(is_number)
}
