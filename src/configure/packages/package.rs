//! The shape of what is known of a source package.

use super::made::Made;
use super::own::Own;
use crate::utilities::Family;

/// A source package.
#[derive(Debug)]
pub(in crate::configure) struct Package {
    /// Its name in Debian.
    pub(in crate::configure) source: &'static str,
    /// Programs of its own that scripts call.
    pub(in crate::configure) commands: Family,
    /// Directories in which some of them lie that are on no path.
    pub(in crate::configure) directories: &'static [&'static str],
    /// The same below an architecture's directory, in `/usr/lib` or `/usr/libexec`.
    pub(in crate::configure) libraries: &'static [&'static str],
    /// What is each machine's own.
    pub(in crate::configure) own: &'static [Own],
    /// What only its programs make, of files that are there.
    pub(in crate::configure) made: &'static [Made],
    /// Binary packages that only the machine that they run on can configure, and why: they are left to its first boot.
    pub(in crate::configure) first_boot: &'static [(&'static str, &'static str)],
    /// What is taken out because two builds would not have it in common.
    pub(in crate::configure) leaves: &'static [Rule],
    /// Files that hold times, and how these are set to one.
    pub(in crate::configure) dated: &'static [(&'static str, Dated)],
    /// SHA-256 of a maintainer script in another language → what it does, in the shell's.
    pub(in crate::configure) scripts: &'static [(&'static str, &'static str)],
}

impl Package {
    /// One of which nothing is known, to be completed.
    pub(in crate::configure) const fn of(source: &'static str) -> Self {
        Self {
            source,
            commands: &[],
            directories: &[],
            libraries: &[],
            own: &[],
            made: &[],
            first_boot: &[],
            leaves: &[],
            dated: &[],
            scripts: &[],
        }
    }
}

/// The bytes of a file, with another time in them: seconds since 1970.
pub(in crate::configure) type Dated = fn(&[u8], i64) -> Vec<u8>;

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) enum Action {
    /// It goes, with everything below it.
    Remove,
    /// A directory stays, everything below it goes.
    Clear,
    /// Directories stay, every file below them goes.
    Strip,
    /// A file stays, without a byte in it.
    Empty,
    /// It goes where the program that makes it anew is in the tree; else it is what its package made it.
    RemoveBeside(&'static str),
}

/// What happens, to which paths ([`Paths`](crate::format::glob::Paths)), and why.
pub(in crate::configure) type Rule = (Action, &'static [&'static str], &'static str);
