//! What a call of find(1) asks for.

use crate::format::glob::Pattern;
use crate::tree::TreePath;
use crate::utilities::Fault;
use crate::utilities::regex::Regex;
use crate::utilities::show;

#[derive(Debug)]
pub(super) enum Expression {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    True(bool),
    Name(Pattern, bool),
    Path(Pattern, bool),
    Regex(Regex),
    Type(Vec<u8>),
    /// As `Type`, of what a link leads to; with `-L` of the link itself.
    BehindType(Vec<u8>),
    Links(Pattern),
    Empty,
    Permissions(u8, u32),
    User(u32),
    Group(u32),
    NoUser,
    NoGroup,
    Newer(i64),
    Size(Ordering, u64, u64),
    /// Seconds that count as one, and the time that it is counted back from.
    Age(Ordering, i64, i64, i64),
    Same(Option<crate::tree::InodeId>),
    Executable,
    Print(&'static [u8]),
    Format(Vec<u8>),
    Prune,
    Delete,
    Quit,
    Execute(Vec<Vec<u8>>, Execute),
    List,
}

/// When and where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Execute {
    Each,
    /// Once, with all that was found.
    Gathered,
    /// In the directory that holds what was found.
    Inside,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ordering {
    More,
    Less,
    Exactly,
}

impl Ordering {
    pub(super) const fn holds(self, value: i64, wanted: i64) -> bool {
        match self {
            Self::More => value > wanted,
            Self::Less => value < wanted,
            Self::Exactly => value == wanted,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) lowest: usize,
    pub(super) deepest: Option<usize>,
    pub(super) depth_first: bool,
    pub(super) follow: bool,
    pub(super) follow_operands: bool,
    /// Arguments gathered for `-exec … +`.
    pub(super) gathered: Vec<Vec<u8>>,
    /// The directories that are being walked, for links that lead back into one of them.
    pub(super) above: Vec<TreePath>,
    pub(super) status: i32,
    pub(super) quit: bool,
}

pub(super) fn wrong(word: &[u8]) -> Fault {
    Fault::gap(format!("`{}`", show(word)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Walk,
    Prune,
}
