//! The programs that are installed beside the shell, which knows none by itself.

use std::fmt;

use super::Run;
use super::Shell;
use super::system::System;

/// Programs, as a shell sees them.
pub trait Userland: fmt::Debug {
    /// Runs a command that is no function or builtin, found as a shell finds it. What it is not is a [`Gap`](super::system::Gap).
    ///
    /// # Errors
    /// What stops the whole script.
    fn run(&self, shell: &mut Shell<'_>, words: &[Vec<u8>]) -> Run<i32>;

    /// Whether a program is followed when it is called by this name or path.
    fn knows(&self, path: &[u8]) -> bool;

    /// Matches a text against an extended regular expression, as the C library does for bash's `=~`: what each group
    /// matched, the whole first. The inner error: it is none.
    ///
    /// # Errors
    /// What stops the whole script.
    fn matches(
        &self,
        shell: &mut Shell<'_>,
        expression: &[u8],
        text: &[u8],
        ignore_case: bool,
    ) -> Run<Result<Option<Vec<Vec<u8>>>, String>>;
}

/// What is kept with a system.
#[derive(Debug, Default)]
struct Installed(Option<&'static dyn Userland>);

impl System {
    /// Puts programs beside the shells of this system. Without any, every command is one that is not found.
    pub fn install(&mut self, userland: &'static dyn Userland) {
        self.kept::<Installed>().0 = Some(userland);
    }
}

impl Shell<'_> {
    /// Runs a program of the system beside this one.
    ///
    /// # Errors
    /// What stops the whole script.
    pub fn program(&mut self, words: &[Vec<u8>]) -> Run<i32> {
        let Some(userland) = self.system.kept::<Installed>().0 else {
            let name = words.first().map_or(&b""[..], Vec::as_slice);
            self.gap(name, "unknown command");
            return Ok(127);
        };
        userland.run(self, words)
    }

    /// Whether a program is followed when it is called by this name or path.
    pub fn knows(&mut self, path: &[u8]) -> bool {
        self.system.kept::<Installed>().0.is_some_and(|userland| userland.knows(path))
    }

    /// Matches a text against an extended regular expression: see [`Userland::matches`].
    pub(super) fn matched(
        &mut self,
        expression: &[u8],
        text: &[u8],
        ignore_case: bool,
    ) -> Run<Result<Option<Vec<Vec<u8>>>, String>> {
        match self.system.kept::<Installed>().0 {
            Some(userland) => userland.matches(self, expression, text, ignore_case),
            None => {
                self.gap(b"=~", "no C library");
                Ok(Ok(None))
            }
        }
    }
}
