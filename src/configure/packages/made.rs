//! The shape of what only a program of a package makes, of files that are there: byte code, hashes, formats, databases
//! of what is installed. It is the same on every machine, and no secret; but nobody else can make it.

/// What a program makes of files that are there.
#[derive(Debug)]
pub(in crate::configure) struct Made {
    /// The binary package whose scripts have it made.
    pub(in crate::configure) package: &'static str,
    /// In words.
    pub(in crate::configure) what: &'static str,
    /// Patterns of paths: where none is there, there is nothing to make.
    pub(in crate::configure) from: &'static [&'static str],
    /// Commands of the shell that make it, as root, under `set -e`.
    pub(in crate::configure) make: &'static str,
    /// Units that start when it is made.
    pub(in crate::configure) units: &'static [&'static str],
    /// Patterns of paths that are in no image, unless a package has brought them.
    pub(in crate::configure) gone: &'static [&'static str],
    /// Patterns of files that are there without a byte in them.
    pub(in crate::configure) emptied: &'static [&'static str],
}
