//! dpkg's `--path-exclude` and `--path-include`: which members of a package stay out of the tree.
//!
//! The last pattern that matches decides. An excluded directory or symbolic link is kept when an include pattern
//! may bring back something below it: the pattern's part before its first wildcard is a prefix of the path
//! (dpkg's own rule, which errs on the side of keeping).

use crate::format::glob::Pattern;

/// Patterns in the order they apply.
#[derive(Debug, Default)]
pub(super) struct Filter {
    patterns: Vec<(Pattern, Verdict)>,
    /// What each pattern that includes has before its first wildcard.
    passages: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Exclude,
    Include,
}

impl Filter {
    /// All of `exclude`, then all of `include`.
    pub(super) fn new(exclude: &[String], include: &[String]) -> Self {
        let with = |patterns: &[String], verdict| -> Vec<(Pattern, Verdict)> {
            patterns.iter().map(|pattern| (Pattern::plain(pattern.as_bytes()), verdict)).collect()
        };
        let mut patterns = with(exclude, Verdict::Exclude);
        patterns.extend(with(include, Verdict::Include));
        let fixed = |pattern: &String| {
            let fixed = pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default();
            fixed.trim_end_matches('/').as_bytes().to_vec()
        };
        Self { patterns, passages: include.iter().map(fixed).collect() }
    }

    /// Whether the member at this absolute path stays out. `passage`: it is a directory or symbolic link, and
    /// so may lead to something that is included.
    pub(super) fn leaves_out(&self, path: &[u8], passage: bool) -> bool {
        let last = self.patterns.iter().rev().find(|(pattern, _)| pattern.fits(path));
        let excluded = last.is_some_and(|(_, verdict)| *verdict == Verdict::Exclude);
        excluded && !(passage && self.may_lead_to_included(path))
    }

    fn may_lead_to_included(&self, path: &[u8]) -> bool {
        self.passages.iter().any(|fixed| path.starts_with(fixed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
