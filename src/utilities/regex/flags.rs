//! Which syntax an expression has, and how it is read.

/// The syntaxes, with what each tool makes of odd expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// regcomp(3)'s basic: `sed`, `expr`.
    Basic,
    /// regcomp(3)'s extended: `sed -E`, `[[ =~ ]]`.
    Extended,
    /// `grep`.
    Grep,
    /// `grep -E`.
    Egrep,
    /// `awk`: extended, with escapes in brackets.
    Awk,
}

impl Syntax {
    /// Whether `(`, `|`, `+` count without a backslash.
    pub(super) const fn is_extended(self) -> bool {
        !matches!(self, Self::Basic | Self::Grep)
    }

    /// Whether an operator in an odd place is taken in some way, and not an error.
    pub(super) const fn is_lenient(self) -> bool {
        matches!(self, Self::Grep | Self::Egrep)
    }
}

/// How an expression is read and matched.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags {
    /// Upper and lower case are one.
    pub(crate) ignore_case: bool,
    /// `^` and `$` match at every line, which this byte ends, and `.` does not match it.
    pub(crate) multiline: Option<u8>,
}
