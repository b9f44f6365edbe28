//! dpkg's `--path-exclude` and `--path-include`: which members of a package stay out of the tree.
//!
//! The last pattern that matches decides. An excluded directory or symbolic link is kept when an include pattern
//! may bring back something below it: the pattern's part before its first wildcard is a prefix of the path
//! (dpkg's own rule, which errs on the side of keeping).

/// Patterns in the order they apply.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    patterns: Vec<(Vec<u8>, Verdict)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Exclude,
    Include,
}

impl Filter {
    /// All of `exclude`, then all of `include`.
    pub(super) fn new(exclude: &[String], include: &[String]) -> Self {
        let with = |patterns: &[String], verdict| -> Vec<(Vec<u8>, Verdict)> {
            patterns.iter().map(|pattern| (pattern.as_bytes().to_vec(), verdict)).collect()
        };
        let mut patterns = with(exclude, Verdict::Exclude);
        patterns.extend(with(include, Verdict::Include));
        Self { patterns }
    }

    /// Whether the member at this absolute path stays out. `passage`: it is a directory or symbolic link, and
    /// so may lead to something that is included.
    pub(super) fn leaves_out(&self, path: &[u8], passage: bool) -> bool {
        let last = self.patterns.iter().rev().find(|(pattern, _)| matches(pattern, path));
        let excluded = last.is_some_and(|(_, verdict)| *verdict == Verdict::Exclude);
        excluded && !(passage && self.may_lead_to_included(path))
    }

    fn may_lead_to_included(&self, path: &[u8]) -> bool {
        self.patterns.iter().filter(|(_, verdict)| *verdict == Verdict::Include).any(|(pattern, _)| {
            let end = pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(pattern.len());
            let fixed = &pattern[..end];
            let slashes = fixed.iter().rev().take_while(|&&byte| byte == b'/').count();
            path.starts_with(&fixed[..fixed.len() - slashes])
        })
    }
}

/// `fnmatch(3)` without flags, on bytes: `*` and `?` match slashes and leading dots too.
///
/// Greedy with one point of return (the last `*`), so no pattern takes more than the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at + 1, position));
            at += 1;
        } else if let Some(length) = match_one(&pattern[at..], text[position]) {
            at += length;
            position += 1;
        } else if let Some((after_star, start)) = retry {
            retry = Some((after_star, start + 1));
            (at, position) = (after_star, start + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the first item of a pattern; the item's length when it fits.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (escaped == byte).then_some(2),
        [b'[', ..] => match match_set(pattern, byte) {
            Some((fits, length)) => fits.then_some(length),
            // A bracket that is never closed stands for itself.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (literal == byte).then_some(1),
    }
}

/// Matches a byte against `[…]`; `None` when the bracket is not closed.
fn match_set(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut fits = false;
    loop {
        let low = match *pattern.get(at)? {
            b']' if at > first => return Some((fits != negated, at + 1)),
            b'\\' => {
                at += 1;
                *pattern.get(at)?
            }
            low => low,
        };
        at += 1;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && !matches!(pattern.get(at + 1), None | Some(b']')) {
            high = pattern[at + 1];
            at += 2;
        }
        fits |= (low..=high).contains(&byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_fnmatch() {
        for (pattern, text, wanted) in [
            ("/usr/share/doc/*", "/usr/share/doc/a/b", true),
            ("/usr/share/doc/*", "/usr/share/doc", false),
            ("/usr/*/copyright", "/usr/share/doc/a/copyright", true),
            ("*/.x", "/a/.x", true),
            ("/a?c", "/a/c", true),
            ("/[a-c]x", "/bx", true),
            ("/[!a-c]x", "/bx", false),
            ("/[]x]", "/]", true),
            ("/[", "/[", true),
            ("/\\*", "/*", true),
            ("/\\*", "/a", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn the_last_match_wins_and_passages_stay() {
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = Filter::new(&strings(&["/usr/share/doc/*"]), &strings(&["/usr/share/doc/*/copyright"]));
        assert!(filter.leaves_out(b"/usr/share/doc/a/changelog.gz", false));
        assert!(!filter.leaves_out(b"/usr/share/doc/a/copyright", false));
        assert!(!filter.leaves_out(b"/usr/share/doc/a", true), "a copyright may come below");
        assert!(!filter.leaves_out(b"/usr/bin/x", false));
        let without = Filter::new(&strings(&["/usr/share/doc/*"]), &[]);
        assert!(without.leaves_out(b"/usr/share/doc/a", true));
    }
}
