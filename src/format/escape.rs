//! The letters that stand for control characters behind a backslash, as in C. What else may stand there is the business
//! of each language.

/// The byte that `\a`, `\b`, `\f`, `\n`, `\r`, `\t` or `\v` stands for.
#[must_use]
pub const fn letter(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        _ => return None,
    })
}
