//! The shape of what is each machine's own: what maintainer scripts draw, and how a node makes the same; and what a
//! running system makes for itself.

/// What the scripts of a package make that is each machine's own.
#[derive(Debug)]
pub(in crate::configure) struct Own {
    /// The binary package whose scripts draw it; empty where none do.
    pub(in crate::configure) package: &'static str,
    /// Which part of the program makes it.
    pub(in crate::configure) kind: Kindred,
    /// Units that do not start without it.
    pub(in crate::configure) units: &'static [&'static str],
    /// What is drawn for configuration files.
    pub(in crate::configure) words: &'static [Word],
    /// Whole files.
    pub(in crate::configure) files: &'static [File],
    /// Configuration files in which words stand.
    pub(in crate::configure) texts: &'static [Text],
    /// What something else than the program makes.
    pub(in crate::configure) left: &'static [Left],
}

/// When and from what something is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::configure) enum Kindred {
    /// Of the machine's id, before the network, the same at each boot.
    Names,
    /// Drawn once and kept.
    Secrets,
}

/// A word that is drawn once and may stand in several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) struct Word {
    pub(in crate::configure) name: &'static str,
    /// A command that prints it.
    pub(in crate::configure) make: &'static str,
}

/// A file that is made whole.
#[derive(Debug)]
pub(in crate::configure) struct File {
    pub(in crate::configure) path: &'static str,
    /// `user:group`.
    pub(in crate::configure) owner: &'static str,
    pub(in crate::configure) mode: u32,
    /// A command that writes `"$new"`.
    pub(in crate::configure) make: &'static str,
    /// Whether a link holds the place from the beginning: systemd-tmpfiles would put something there otherwise.
    pub(in crate::configure) held: bool,
}

/// A configuration file with words in it. Owner and mode are what the script gave it.
#[derive(Debug)]
pub(in crate::configure) struct Text {
    pub(in crate::configure) path: &'static str,
    pub(in crate::configure) blanks: &'static [Blank],
}

/// Where a word stands: between two texts. Of several blanks with the same text before them each is for the next
/// place.
#[derive(Debug)]
pub(in crate::configure) struct Blank {
    pub(in crate::configure) before: &'static str,
    pub(in crate::configure) after: &'static str,
    pub(in crate::configure) word: &'static str,
}

/// A path that something else than the program makes.
#[derive(Debug)]
pub(in crate::configure) struct Left {
    /// `*` may stand for a part of its last name.
    pub(in crate::configure) path: &'static str,
    pub(in crate::configure) leaving: Leaving,
    pub(in crate::configure) why: &'static str,
    /// Who makes it.
    pub(in crate::configure) by: &'static str,
}

/// What an image has in the place of what is each machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Nothing.
    Gone,
    /// A file without a byte in it.
    Emptied,
    /// A directory without anything in it.
    Cleared,
    /// A template with marks where words are drawn.
    Blanked,
}

/// What makes nothing, to be completed.
pub(in crate::configure) const NOTHING: Own =
    Own { package: "", kind: Kindred::Secrets, units: &[], words: &[], files: &[], texts: &[], left: &[] };

pub(in crate::configure) const fn file(path: &'static str, owner: &'static str, mode: u32, make: &'static str) -> File {
    File { path, owner, mode, make, held: false }
}

pub(in crate::configure) const fn blank(before: &'static str, after: &'static str, word: &'static str) -> Blank {
    Blank { before, after, word }
}

pub(in crate::configure) const fn gone(path: &'static str, why: &'static str, by: &'static str) -> Left {
    Left { path, leaving: Leaving::Gone, why, by }
}

pub(in crate::configure) const fn emptied(path: &'static str, why: &'static str, by: &'static str) -> Left {
    Left { path, leaving: Leaving::Emptied, why, by }
}

pub(in crate::configure) const fn cleared(path: &'static str, why: &'static str, by: &'static str) -> Left {
    Left { path, leaving: Leaving::Cleared, why, by }
}
