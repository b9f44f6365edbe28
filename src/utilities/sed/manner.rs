//! How one call of sed works, as its options say.

/// How a script is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) quiet: bool,
    /// What ends a line.
    pub(super) separator: u8,
    /// Every file for itself.
    pub(super) separate: bool,
    /// Of `l`.
    pub(super) width: usize,
    pub(super) unbuffered: bool,
}
