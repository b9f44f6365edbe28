//! What a process has of its own.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ast::Function;
use super::stream::Descriptor;
use super::switches::Options;
use super::terms::Dialect;
use super::terms::Origin;
use super::value::Positional;
use super::value::Table;
use super::value::Value;
use super::variable::Variable;

/// One function call, or a file that bash reads in.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The function; `source` for a file.
    pub(super) function: Rc<[u8]>,
    /// The file in which it stands.
    pub(super) file: Rc<[u8]>,
    /// Where it was called.
    pub(super) line: u32,
    /// What `local` hides. A file has no variables of its own.
    pub(super) hidden: Option<Table<Option<Variable>>>,
}

impl Frame {
    /// Whether the function has a variable of its own by this name.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        self.hidden.as_ref().is_some_and(|hidden| hidden.contains(name))
    }
}

/// A variable that a command was given for its time.
#[derive(Debug, Clone)]
pub(super) struct Temporary {
    pub(super) name: Rc<[u8]>,
    /// How many frames there were.
    pub(super) depth: usize,
    /// What it was before.
    pub(super) before: Option<Variable>,
    /// It is not there any more: `unset` took it away, or `local` has made it a function's own.
    pub(super) gone: bool,
}

/// A function, and the file in which it stands.
#[derive(Debug, Clone)]
pub(super) struct Defined {
    pub(super) function: Rc<Function>,
    pub(super) file: Rc<[u8]>,
}

/// What a process has of its own. A subshell works on a copy.
#[derive(Debug, Clone)]
pub struct State {
    /// Variables by name.
    pub variables: Table<Variable>,
    pub(super) jobs: super::jobs::Jobs,
    /// `$1`, `$2`, …
    pub positional: Positional,
    /// `$0`.
    pub name: Rc<[u8]>,
    /// `set`'s options, and `shopt`'s.
    pub options: Options,
    /// The current directory, absolute.
    pub directory: Vec<u8>,
    /// Bits that new files do not get.
    pub umask: u32,
    /// Open descriptors.
    pub descriptors: BTreeMap<u32, Descriptor>,
    pub(super) dialect: Dialect,
    pub(super) functions: Table<Defined>,
    pub(super) aliases: Table<Value>,
    pub(super) traps: Table<Value>,
    /// The traps of the shell that this is a subshell of: bash's `trap` shows them until it sets one.
    pub(super) inherited: Table<Value>,
    /// Variables that commands which run were given for their time.
    pub(super) temporaries: Vec<Temporary>,
    pub(super) frames: Vec<Rc<Frame>>,
    pub(super) origin: Origin,
    /// An error has ended the last function: bash's `FUNCNAME` is left to be seen.
    pub(super) abandoned: bool,
    /// `$?`
    pub(super) status: i32,
    /// bash's `PIPESTATUS`.
    pub(super) statuses: Rc<[i32]>,
    /// bash's `$_`.
    pub(super) last: Option<Value>,
    /// bash's `pushd`: the directories below the current one.
    pub(super) directories: Rc<Vec<Vec<u8>>>,
    pub(super) line: u32,
    /// The file being read, when it is not the script itself.
    pub(super) source: Option<Rc<str>>,
    pub(super) loops: u32,
    pub(super) substitution: Option<i32>,
    pub(super) getopts: Place,
    /// How many subshells this one is inside of.
    pub(super) subshells: u32,
    /// `$$`: a number that is the same in every build.
    pub(super) process: u32,
    /// `exec` puts another program into this process.
    pub(super) replaced: bool,
    /// A trap's action runs: what `exit` without a number gives.
    pub(super) trapped: Option<i32>,
}

/// Where `getopts` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The word that comes next, counted from 1.
    pub(super) next: usize,
    /// How much of the word before it was read; 0 when it is done.
    pub(super) offset: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { next: 1, offset: 0 }
    }
}
