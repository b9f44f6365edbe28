//! Expressions of PCRE, as far as they are POSIX's as well: `grep -P`.

/// Whether an expression of `-P` selects the same lines as one of `-E`: there are no escapes in it, nothing behind an
/// opening parenthesis or a repetition that PCRE has a meaning for, no classes, and no interval.
pub(super) fn is_of_both(pattern: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-=:,/'\"<>@#%&~!;.^$()|*+?".contains(&byte);
    let repeats = |byte: u8| b"*+?".contains(&byte);
    let opens = |byte: u8| b"(|".contains(&byte);
    pattern.iter().all(|&byte| plain(byte))
        && pattern.first().is_some_and(|&byte| !repeats(byte) && byte != b'|')
        && pattern.last().is_some_and(|&byte| !opens(byte))
        && pattern.windows(2).all(|pair| {
            let [first, second] = [pair[0], pair[1]];
            !(repeats(second) && (repeats(first) || opens(first) || b"^$".contains(&first)))
                && !(opens(first) && (second == b')' || second == b'|'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_both_kinds() {
        for both in ["(static|enabled)", "^a.*b$", "x+y?", "a", "(a(b)c)*"] {
            assert!(is_of_both(both.as_bytes()), "{both}");
        }
        for own in ["\\d", "(?i)a", "a*?", "a++", "*a", "(*a)", "[a]", "a{2}", "a|", "|a", "()", "(|a)", "^*", ""] {
            assert!(!is_of_both(own.as_bytes()), "{own}");
        }
    }
}
