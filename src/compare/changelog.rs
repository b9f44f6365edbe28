//! What a package's changelog says between two versions.
//!
//! Format: deb-changelog(5): an entry begins with `source (version) distributions; …` and ends with the line of who wrote
//! it, ` -- Name <address>  date`.

use crate::deb::Version;

/// More lines of one package than people read.
const LINES_MAX: usize = 400;

/// The entries above version `before` up to `after`, newest first, each as it is written; none when a version is none,
/// or the changelog names neither.
#[must_use]
pub fn between(text: &str, before: &str, after: &str) -> Vec<String> {
    let (Ok(before), Ok(after)) = (before.parse::<Version>(), after.parse::<Version>()) else { return Vec::new() };
    let (mut entries, mut lines, mut wanted) = (Vec::new(), 0, false);
    for line in text.lines() {
        if let Some(version) = heading(line) {
            if version <= before || lines > LINES_MAX {
                break;
            }
            wanted = version <= after;
            if wanted {
                entries.push(String::new());
            }
        }
        if let Some(entry) = entries.last_mut().filter(|_| wanted) {
            lines += 1;
            entry.push_str(line);
            entry.push('\n');
        }
    }
    entries.iter().map(|entry| entry.trim_end().to_owned()).collect()
}

/// The version of a line that begins an entry.
fn heading(line: &str) -> Option<Version> {
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    line.split_once(" (")?.1.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
bash (5.3-1) unstable; urgency=medium

  * New (1) release.

 -- A <a@example.org>  Mon, 01 Sep 2025 10:00:00 +0200

bash (5.2.37-2) unstable; urgency=low

  * Mend.

 -- A <a@example.org>  Mon, 04 Aug 2025 10:00:00 +0200

bash (5.2.37-1) unstable; urgency=low

  * First.
";

    #[test]
    fn entries_between_two_versions() {
        let found = between(TEXT, "5.2.37-1", "5.3-1");
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("bash (5.3-1)") && found[0].ends_with("+0200"));
        assert!(found[1].contains("  * Mend."));
        assert_eq!(between(TEXT, "5.2.37-1", "5.2.37-2").len(), 1);
        assert_eq!(between(TEXT, "5.3-1", "5.3-1"), Vec::<String>::new());
        // Going back says nothing: the older image has no words on what is not in it.
        assert_eq!(between(TEXT, "5.3-1", "5.2.37-1"), Vec::<String>::new());
        assert_eq!(between(TEXT, "", "5.3-1"), Vec::<String>::new());
    }
}
