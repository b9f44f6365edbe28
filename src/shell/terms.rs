//! Whose rules are followed, and why a script stops.

use crate::budget::Spent;

/// Whose rules are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Debian's `/bin/sh`.
    #[default]
    Dash,
    /// bash(1), when it is called by that name.
    Bash,
}

impl Dialect {
    /// The program's name, as reports have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dash => "sh",
            Self::Bash => "bash",
        }
    }
}

/// Where the text of a script comes from. bash's `BASH_SOURCE` says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    #[default]
    File,
    /// `-c`.
    Words,
    /// Standard input.
    Input,
}

/// What a `#!` line that names a shell asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// Which shell.
    pub dialect: Dialect,
    /// Words with options of `set`.
    pub options: Vec<Vec<u8>>,
}

impl Interpreter {
    /// What the first line of a file asks for; `None` for another interpreter.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        let mut words = line.strip_prefix(b"#!")?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        // A name without a directory is not looked for.
        let mut program = words.next().filter(|program| program.starts_with(b"/"))?;
        if program == b"/usr/bin/env" || program == b"/bin/env" {
            program = words.next()?;
        }
        let dialect = match program.rsplit(|&byte| byte == b'/').next()? {
            b"sh" | b"dash" => Dialect::Dash,
            b"bash" => Dialect::Bash,
            _ => return None,
        };
        Some(Self { dialect, options: words.map(<[u8]>::to_vec).collect() })
    }
}

/// Why a script stops in the middle of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupt {
    /// `break n`.
    Break(u32),
    /// `continue n`.
    Continue(u32),
    /// `return` from a function or a sourced file.
    Return(i32),
    /// `exit`, `set -e`, or an error that ends the shell.
    Exit(i32),
    /// An error after which bash goes on with the next line.
    Discard,
    /// A signal whose default is the end.
    Signal(i32),
    /// The budget is spent: nothing may go on.
    Limit(Spent),
}

impl From<Spent> for Interrupt {
    fn from(spent: Spent) -> Self {
        Self::Limit(spent)
    }
}

/// The result of a step of a script.
pub type Run<T> = Result<T, Interrupt>;

/// How a process ended, for those programs to which a signal is not just a status above 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// By no signal.
    None,
    /// By one that it sent itself.
    Own(i32),
    /// By none, but a process that it ran was.
    Inside,
}
