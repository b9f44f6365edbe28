//! A fast look over a package index: where each stanza lies and what it is found by.
//!
//! A solution reads some hundred of an archive's 70,000 packages. So only the lines that packages are found by are
//! read of all; the rest is parsed, strictly, when a package is asked for.

use std::ops::Range;

use memchr::memchr;
use memchr::memmem;

/// One stanza, by offsets in its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) stanza: Range<u32>,
    pub(super) package: Range<u32>,
    pub(super) version: Range<u32>,
    pub(super) architecture: Range<u32>,
    /// With continuation lines; empty when there is none.
    pub(super) provides: Range<u32>,
    /// Essential, or of priority required or important.
    pub(super) base: bool,
    /// Why nothing can be found by it: a field of these is missing or doubled.
    pub(super) wrong: Option<&'static str>,
}

/// Splits a text between stanzas into about `count` ranges of equal size.
pub(super) fn split(text: &[u8], count: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let step = text.len() / count.max(1) + 1;
    while start < text.len() {
        let at = (start + step).min(text.len());
        let end = memmem::find(&text[at..], b"\n\n").map_or(text.len(), |gap| at + gap + 2);
        ranges.push(start..end);
        start = end;
    }
    ranges
}

/// Finds the stanzas of `range`, which begins and ends between stanzas. The text has less than 4 GiB.
pub(super) fn scan(text: &[u8], range: Range<usize>) -> Vec<Found> {
    let mut scanner = Scanner { text, found: Vec::new(), here: Found::default(), last: Last::Other };
    let mut at = range.start;
    while at < range.end {
        let end = memchr(b'\n', &text[at..range.end]).map_or(range.end, |end| at + end);
        if end == at {
            scanner.finish(at);
        } else {
            scanner.line(at, end);
        }
        at = end + 1;
    }
    scanner.finish(range.end);
    scanner.found
}

/// The field the last line belongs to.
enum Last {
    Provides,
    Other,
}

struct Scanner<'a> {
    text: &'a [u8],
    found: Vec<Found>,
    /// The stanza being read; its range is empty before its first line.
    here: Found,
    last: Last,
}

impl Scanner<'_> {
    fn line(&mut self, start: usize, end: usize) {
        let line = &self.text[start..end];
        if self.here.stanza.is_empty() {
            self.here.stanza = offsets(start, end);
        }
        self.here.stanza.end = offset(end);
        if matches!(line[0], b' ' | b'\t') {
            if matches!(self.last, Last::Provides) {
                self.here.provides.end = offset(end);
            }
            return;
        }
        self.last = Last::Other;
        let value = |name: &[u8]| line.strip_prefix(name).map(|value| (value, offsets(start + name.len(), end)));
        let here = &mut self.here;
        let wrong = &mut here.wrong;
        let mut once = |field: &mut Range<u32>, value: Range<u32>| {
            if field.start < field.end {
                *wrong = Some("a field is there twice");
            }
            *field = value;
        };
        match line[0] {
            b'P' => {
                if let Some((_, value)) = value(b"Package:") {
                    once(&mut here.package, value);
                } else if let Some((_, value)) = value(b"Provides:") {
                    self.last = Last::Provides;
                    once(&mut here.provides, value);
                } else if let Some((value, _)) = value(b"Priority:") {
                    here.base |= matches!(value.trim_ascii(), b"required" | b"important");
                }
            }
            b'V' => {
                if let Some((_, value)) = value(b"Version:") {
                    once(&mut here.version, value);
                }
            }
            b'A' => {
                if let Some((_, value)) = value(b"Architecture:") {
                    once(&mut here.architecture, value);
                }
            }
            b'E' => {
                if let Some((value, _)) = value(b"Essential:") {
                    here.base |= value.trim_ascii() == b"yes";
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: usize) {
        let mut here = std::mem::take(&mut self.here);
        self.last = Last::Other;
        if here.stanza.is_empty() {
            return;
        }
        here.stanza.end = offset(end.min(self.text.len()));
        let fields = [
            (&mut here.package, "it has no Package"),
            (&mut here.version, "it has no Version"),
            (&mut here.architecture, "it has no Architecture"),
        ];
        for (field, missing) in fields {
            *field = trimmed(self.text, field);
            if field.start == field.end {
                here.wrong = here.wrong.or(Some(missing));
            }
        }
        self.found.push(here);
    }
}

fn trimmed(text: &[u8], range: &Range<u32>) -> Range<u32> {
    let value = &text[range.start as usize..range.end as usize];
    let start = range.start + offset(value.len() - value.trim_ascii_start().len());
    start..(start + offset(value.trim_ascii().len()))
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("the caller has checked that the text has less than 4 GiB")
}

fn offsets(start: usize, end: usize) -> Range<u32> {
    offset(start)..offset(end)
}

/// The names in a `Provides` value, without their versions and qualifiers; what is malformed is left out here and
/// reported when the package is parsed.
pub(super) fn provided<'a>(text: &'a [u8], value: &Range<u32>) -> impl Iterator<Item = Range<u32>> + 'a {
    let start = value.start as usize;
    let value = &text[start..value.end as usize];
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < value.len() {
            let end = memchr(b',', &value[at..]).map_or(value.len(), |end| at + end);
            let entry = &value[at..end];
            let name = entry.trim_ascii_start();
            let begin = start + at + entry.len() - name.len();
            let length = name.iter().position(|byte| b" \t\n(:".contains(byte)).unwrap_or(name.len());
            at = end + 1;
            if length > 0 {
                return Some(offsets(begin, begin + length));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: a\nVersion: 1\nArchitecture: all\nProvides: x (= 1), y:any,\n z\nPriority: required\n\n\
                        \nPackage:b\nArchitecture:  amd64 \nVersion: 2\n";

    fn slice(range: &Range<u32>) -> &'static str {
        &TEXT[range.start as usize..range.end as usize]
    }

    #[test]
    fn stanzas_are_found() {
        let found = scan(TEXT.as_bytes(), 0..TEXT.len());
        assert_eq!(found.len(), 2);
        assert_eq!((slice(&found[0].package), slice(&found[0].version), found[0].base), ("a", "1", true));
        assert_eq!((slice(&found[1].package), slice(&found[1].architecture), found[1].base), ("b", "amd64", false));
        assert!(slice(&found[0].stanza).starts_with("Package: a") && slice(&found[0].stanza).ends_with("required\n"));
        let names: Vec<_> = provided(TEXT.as_bytes(), &found[0].provides).map(|name| slice(&name)).collect();
        assert_eq!(names, ["x", "y", "z"]);
        assert_eq!(provided(TEXT.as_bytes(), &found[1].provides).count(), 0);
    }

    #[test]
    fn any_split_finds_the_same() {
        let whole = scan(TEXT.as_bytes(), 0..TEXT.len());
        assert!(whole.iter().all(|found| found.wrong.is_none()));
        for count in 1..TEXT.len() {
            let ranges = split(TEXT.as_bytes(), count);
            let parts = ranges.into_iter().flat_map(|range| scan(TEXT.as_bytes(), range));
            assert_eq!(parts.collect::<Vec<_>>(), whole, "in {count}");
        }
    }

    proptest::proptest! {
        /// Whatever the text, every split finds the same, and what is found lies in the text and in its stanza.
        #[test]
        fn any_text_can_be_looked_at(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "Package: a\n", "Package:", "Version: 1\n", "Architecture: all\n", "Provides: b, c (= 1)\n", " d\n", "\n",
            "\n\n", ",", "(", " ", "x", "Priority: required\n", "Essential: yes\n", "\0",
        ]), 0..40), count in 1..9_usize) {
            let text = pieces.concat();
            let text = text.as_bytes();
            let whole = scan(text, 0..text.len());
            let parts: Vec<Found> = split(text, count).into_iter().flat_map(|range| scan(text, range)).collect();
            proptest::prop_assert_eq!(&whole, &parts);
            for found in whole {
                for field in [&found.package, &found.version, &found.architecture] {
                    let within = found.stanza.start <= field.start && field.end <= found.stanza.end;
                    proptest::prop_assert!(within || found.wrong.is_some());
                }
                for name in provided(text, &found.provides) {
                    proptest::prop_assert!(found.stanza.start <= name.start && name.end <= found.stanza.end);
                }
            }
        }
    }

    #[test]
    fn a_stanza_without_a_name_is_wrong_and_costs_itself_only() {
        for bad in
            ["Package: a\n", "Version: 1\n\nPackage: a\n", "Package:\nVersion: 1\nArchitecture: all\n", "\0", "x\n"]
        {
            let text = format!("{bad}\n\n{TEXT}");
            let found = scan(text.as_bytes(), 0..text.len());
            let good = found.iter().filter(|found| found.wrong.is_none()).count();
            assert!(found[0].wrong.is_some() && good == 2, "{bad:?}: {found:?}");
        }
        let doubled = "Package: a\nPackage: b\nVersion: 1\nArchitecture: all\n";
        assert!(scan(doubled.as_bytes(), 0..doubled.len())[0].wrong.is_some());
    }
}
