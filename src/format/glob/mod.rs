//! Patterns, for whoever has them (POSIX 2.14, fnmatch(3), glob(7)): `*`, `?`, bracket expressions, on bytes as in the C
//! locale; bash's groups (`extglob`); and [`Paths`], where `**` stands for any names. A pattern walks over the set of all places that it can have reached, so no pattern goes back, and the
//! time is at most the product of both lengths, but for `!(…)`, which is that once for each place.

mod compile;
mod paths;

use crate::budget::Budget;
use crate::budget::Held;
use crate::budget::Spent;
use compile::compile;
use compile::has;

pub(crate) use compile::class;
pub use paths::Paths;

/// Groups inside groups. Nobody writes more than two.
const DEPTH_MAX: u32 = 50;

/// What differs between those who have patterns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// `[^a]` is `[!a]`: bash and GNU's fnmatch(3). In dash `^` is a letter.
    pub caret: bool,
    /// `?(a|b)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`: bash's `extglob`.
    pub groups: bool,
    /// Letters of either case: bash's `nocasematch`.
    pub fold: bool,
}

/// Whether a pattern without groups matches a whole short text, as fnmatch(3) does without flags.
#[must_use]
pub fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let wild = pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(pattern.len());
    let (plain, pattern) = pattern.split_at(wild);
    // Most texts are no match from their first bytes on.
    text.strip_prefix(plain)
        .is_some_and(|rest| if pattern.is_empty() { rest.is_empty() } else { Pattern::plain(pattern).fits(rest) })
}

/// One element of a pattern.
#[derive(Debug, Clone)]
enum Element {
    Star,
    Any,
    Bytes(Vec<u8>),
    Set([u64; 4]),
    /// Which of `?*+@!`, and the alternatives.
    Group(u8, Vec<Vec<Self>>),
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    elements: Vec<Element>,
    /// None for what is short.
    _held: Option<Held>,
}

impl Pattern {
    /// Compiles bytes, each with whether it was quoted: a quoted byte is only itself.
    ///
    /// # Errors
    /// The budget is spent, or groups are nested too deeply.
    pub fn new(marked: &[(u8, bool)], style: Style, budget: &Budget) -> Result<Self, Spent> {
        budget.made(marked.len())?;
        let held = if marked.len() > 1024 { Some(budget.hold(marked.len() * size_of::<Element>())?) } else { None };
        let (elements, _) = compile(marked, style, 0)?;
        Ok(Self { elements, _held: held })
    }

    /// Compiles an unquoted text, as fnmatch(3) has it.
    #[must_use]
    pub fn plain(text: &[u8]) -> Self {
        let marked: Vec<(u8, bool)> = text.iter().map(|&byte| (byte, false)).collect();
        let style = Style { caret: true, ..Style::default() };
        let (elements, _) = compile(&marked, style, 0).expect("without groups nothing is nested");
        Self { elements, _held: None }
    }

    /// Whether it has anything but plain bytes.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        self.elements.iter().any(|element| !matches!(element, Element::Bytes(_)))
    }

    /// Whether its first element is this very byte.
    #[must_use]
    pub fn begins_with(&self, byte: u8) -> bool {
        matches!(self.elements.first(), Some(Element::Bytes(bytes)) if bytes.first() == Some(&byte))
    }

    /// Whether it matches the whole text.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn matches(&self, text: &[u8], budget: &Budget) -> Result<bool, Spent> {
        if self.elements.iter().any(|element| matches!(element, Element::Group(..))) {
            let ends = walk(&self.elements, text, Places::one(text.len(), 0), budget)?;
            return Ok(ends.has(text.len()));
        }
        self.matches_simply(text, Some(budget))
    }

    /// As [`Pattern::matches`], for a pattern without groups and a short name, of a unit or a package: nothing is
    /// charged.
    #[must_use]
    pub fn fits(&self, name: &[u8]) -> bool {
        self.matches_simply(name, None) == Ok(true)
    }

    /// Without groups only the last star counts, and no set of places is needed.
    fn matches_simply(&self, text: &[u8], budget: Option<&Budget>) -> Result<bool, Spent> {
        let (mut element, mut position) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        let mut work = 0;
        let result = loop {
            work += 1;
            if work == 4096 {
                budget.map_or(Ok(()), |budget| budget.tried(work))?;
                work = 0;
            }
            match self.elements.get(element) {
                Some(Element::Star) => {
                    star = Some((element, position));
                    element += 1;
                    continue;
                }
                Some(single) => {
                    let (length, cost) = single.length(&text[position..]);
                    work = (work + cost / 16).min(4095);
                    budget.map_or(Ok(()), |budget| budget.read(cost))?;
                    if let Some(length) = length {
                        element += 1;
                        position += length;
                        continue;
                    }
                }
                None if position == text.len() => break true,
                None => {}
            }
            match star {
                Some((at, from)) if from < text.len() => {
                    star = Some((at, from + 1));
                    element = at + 1;
                    position = from + 1;
                }
                _ => break false,
            }
        };
        budget.map_or(Ok(()), |budget| budget.tried(work))?;
        Ok(result)
    }

    /// What is left of a text when the shortest or longest beginning that matches is cut off; or the end.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn trim(&self, text: &[u8], suffix: bool, longest: bool, budget: &Budget) -> Result<Vec<u8>, Spent> {
        budget.made(text.len())?;
        let _room = budget.hold(text.len() * 2)?;
        let ends = if suffix {
            let backwards: Vec<u8> = text.iter().rev().copied().collect();
            walk(&reversed(&self.elements), &backwards, Places::one(text.len(), 0), budget)?
        } else {
            walk(&self.elements, text, Places::one(text.len(), 0), budget)?
        };
        let cut = if longest { ends.last() } else { ends.first() }.unwrap_or(0);
        Ok(if suffix { text[..text.len() - cut].to_vec() } else { text[cut..].to_vec() })
    }

    /// Where the longest match that begins at `from` ends.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn longest(&self, text: &[u8], from: usize, budget: &Budget) -> Result<Option<usize>, Spent> {
        let mut position = from;
        for element in &self.elements {
            match element {
                Element::Star | Element::Group(..) => {
                    let rest = &text[from..];
                    let ends = walk(&self.elements, rest, Places::one(rest.len(), 0), budget)?;
                    return Ok(ends.last().map(|end| from + end));
                }
                single => {
                    let (length, cost) = single.length(&text[position..]);
                    budget.tried(1 + cost / 8)?;
                    let Some(length) = length else { return Ok(None) };
                    position += length;
                }
            }
        }
        Ok(Some(position))
    }

    /// The first place from `from` on where the longest match that begins there is, and where it ends.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn find(&self, text: &[u8], from: usize, budget: &Budget) -> Result<Option<(usize, usize)>, Spent> {
        let mut start = from;
        while start <= text.len() {
            if let Some(Element::Bytes(bytes)) = self.elements.first() {
                let found = memchr::memmem::find(&text[start..], bytes);
                budget.read(found.unwrap_or(text.len() - start))?;
                let Some(skipped) = found else { return Ok(None) };
                start += skipped;
            }
            if let Some(end) = self.longest(text, start, budget)? {
                return Ok(Some((start, end)));
            }
            start += 1;
        }
        Ok(None)
    }
}

impl Element {
    /// How much of the text's beginning it takes, if it takes it; and how many bytes were looked at.
    fn length(&self, text: &[u8]) -> (Option<usize>, usize) {
        match (self, text) {
            (Self::Bytes(bytes), _) => {
                let same = bytes.iter().zip(text).take_while(|(own, other)| own == other).count();
                ((same == bytes.len()).then_some(same), same)
            }
            (Self::Any, [_, ..]) => (Some(1), 1),
            (Self::Set(set), [byte, ..]) if has(set, *byte) => (Some(1), 1),
            _ => (None, 1),
        }
    }
}

/// Places of a text, its end among them.
#[derive(Debug, Clone)]
struct Places {
    bits: Vec<u64>,
    end: usize,
}

impl Places {
    fn none(end: usize) -> Self {
        Self { bits: vec![0; end / 64 + 1], end }
    }

    fn one(end: usize, place: usize) -> Self {
        let mut places = Self::none(end);
        places.add(place);
        places
    }

    fn add(&mut self, place: usize) {
        self.bits[place / 64] |= 1 << (place % 64);
    }

    fn has(&self, place: usize) -> bool {
        self.bits[place / 64] >> (place % 64) & 1 == 1
    }

    fn first(&self) -> Option<usize> {
        let word = self.bits.iter().position(|&word| word != 0)?;
        Some(word * 64 + self.bits[word].trailing_zeros() as usize)
    }

    fn last(&self) -> Option<usize> {
        let word = self.bits.iter().rposition(|&word| word != 0)?;
        Some(word * 64 + 63 - self.bits[word].leading_zeros() as usize)
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.bits.iter().enumerate().flat_map(|(index, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }

    /// Adds those of another; whether any was new.
    fn join(&mut self, other: &Self) -> bool {
        let mut new = false;
        for (own, other) in self.bits.iter_mut().zip(&other.bits) {
            new |= other & !*own != 0;
            *own |= other;
        }
        new
    }

    /// All from the first one on.
    fn onwards(mut self) -> Self {
        let first = self.first().unwrap_or(self.end + 1);
        (first..=self.end).for_each(|place| self.add(place));
        self
    }
}

/// Where a sequence of elements can end that begins at one of these places.
fn walk(elements: &[Element], text: &[u8], mut places: Places, budget: &Budget) -> Result<Places, Spent> {
    for element in elements {
        budget.read(text.len() + 64)?;
        places = match element {
            Element::Star => places.onwards(),
            Element::Group(kind, alternatives) => group(*kind, alternatives, text, places, budget)?,
            single => {
                let mut next = Places::none(text.len());
                let mut work = 0;
                for place in places.iter() {
                    let (length, cost) = single.length(&text[place..]);
                    work += 1 + cost / 16;
                    if let Some(length) = length {
                        next.add(place + length);
                    }
                    if work >= 4096 {
                        budget.tried(work)?;
                        work = 0;
                    }
                }
                budget.tried(work)?;
                next
            }
        };
        if places.first().is_none() {
            break;
        }
    }
    Ok(places)
}

fn group(kind: u8, alternatives: &[Vec<Element>], text: &[u8], from: Places, budget: &Budget) -> Result<Places, Spent> {
    let once = |from: &Places| {
        let mut all = Places::none(text.len());
        for alternative in alternatives {
            all.join(&walk(alternative, text, from.clone(), budget)?);
        }
        Ok::<_, Spent>(all)
    };
    match kind {
        b'@' => once(&from),
        b'?' => {
            let mut all = once(&from)?;
            all.join(&from);
            Ok(all)
        }
        b'!' => {
            let mut all = Places::none(text.len());
            for place in from.iter() {
                budget.made(text.len() / 8)?;
                let matched = once(&Places::one(text.len(), place))?;
                (place..=text.len()).filter(|&end| !matched.has(end)).for_each(|end| all.add(end));
            }
            Ok(all)
        }
        _ => {
            let mut all = if kind == b'*' { from.clone() } else { Places::none(text.len()) };
            let mut next = once(&from)?;
            while all.join(&next) {
                next = once(&next)?;
            }
            Ok(all)
        }
    }
}

fn reversed(elements: &[Element]) -> Vec<Element> {
    let reverse = |element: &Element| match element {
        Element::Bytes(bytes) => Element::Bytes(bytes.iter().rev().copied().collect()),
        Element::Group(kind, alternatives) => {
            Element::Group(*kind, alternatives.iter().map(|alternative| reversed(alternative)).collect())
        }
        other => other.clone(),
    };
    elements.iter().rev().map(reverse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styled(pattern: &str, style: Style) -> Pattern {
        let marked: Vec<(u8, bool)> = pattern.bytes().map(|byte| (byte, false)).collect();
        Pattern::new(&marked, style, &Budget::default()).expect("short")
    }

    #[test]
    fn matches_as_fnmatch_does() {
        let cases: &[(&str, &str, bool)] = &[
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*.d*", "x.dd", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            ("[/]x", "/x", true),
            ("[[:digit:]]*", "1a", true),
            ("[[:digit:]]*", "a1", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a-]", "-", true),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("[0-9][0-9]", "12", true),
            ("/*", "/etc/x", true),
            ("slurm", "slurmd", false),
            ("pci:v*d[0-9A]?", "pci:v12d9x", true),
            ("pci:v*d[!0-9]?", "pci:v12d9x", false),
            ("l?b*x*", "libaxbxc", true),
            ("*-dev", "libfoo-dev-bin", false),
            ("**a**", "bab", true),
            ("/a?c", "/a/c", true),
            ("/[", "/[", true),
        ];
        let budget = Budget::default();
        for &(pattern, text, wanted) in cases {
            let matched = Pattern::plain(pattern.as_bytes()).matches(text.as_bytes(), &budget);
            assert_eq!(matched, Ok(wanted), "{pattern} on {text}");
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), wanted, "{pattern} on {text}");
        }
        let dash = styled("[^a]", Style::default());
        assert_eq!((dash.matches(b"^", &budget), dash.matches(b"b", &budget)), (Ok(true), Ok(false)));
        let quoted = Pattern::new(&[(b'*', true)], Style::default(), &budget).expect("short");
        assert_eq!(quoted.matches(b"a", &budget), Ok(false));
    }

    #[test]
    fn groups_match_as_in_bash() {
        let style = Style { caret: true, groups: true, fold: false };
        let cases: [(&str, &str, bool); 16] = [
            ("@(a|b)c", "bc", true),
            ("@(a|b)c", "abc", false),
            ("?(a)b", "b", true),
            ("*(ab|c)", "abcab", true),
            ("*(ab|c)", "abca", false),
            ("+(a)", "", false),
            ("+(a)", "aaa", true),
            ("!(a)", "b", true),
            ("!(a)", "a", false),
            ("!(a)", "", true),
            ("!(*.txt)", "a.c", true),
            ("!(*.txt)", "a.txt", false),
            ("a!(b)c", "abc", false),
            ("a!(b)c", "axc", true),
            ("@(a@(b|c)|d)x", "acx", true),
            ("@(a", "@(a", true),
        ];
        let budget = Budget::default();
        for (pattern, text, wanted) in cases {
            assert_eq!(styled(pattern, style).matches(text.as_bytes(), &budget), Ok(wanted), "{pattern} on {text}");
        }
        let fold = styled("[a-c]x", Style { fold: true, ..style });
        assert_eq!(fold.matches(b"BX", &budget), Ok(true));
    }

    #[test]
    fn trims_and_finds() {
        let budget = Budget::default();
        let trim = |pattern: &str, suffix, longest| {
            let trimmed = styled(pattern, Style::default()).trim(b"abcabc", suffix, longest, &budget);
            String::from_utf8(trimmed.expect("short")).expect("text")
        };
        assert_eq!(trim("*b", false, false), "cabc");
        assert_eq!(trim("*b", false, true), "c");
        assert_eq!(trim("b*", true, false), "abca");
        assert_eq!(trim("b*", true, true), "a");
        assert_eq!(trim("x", true, true), "abcabc");
        let star = styled("b*b", Style::default());
        assert_eq!(star.find(b"abcabc", 0, &budget), Ok(Some((1, 5))));
        assert_eq!(star.find(b"abcabc", 2, &budget), Ok(None));
    }

    #[test]
    fn work_is_charged_and_stays_in_proportion() {
        let budget = Budget::default();
        let text = "b".repeat(1 << 20);
        assert_eq!(Pattern::plain("*a".repeat(200).as_bytes()).matches(text.as_bytes(), &budget), Ok(false));
        let trimmed = styled("*b*b", Style::default()).trim(text.as_bytes(), true, true, &budget);
        assert_eq!(trimmed.map(|text| text.len()), Ok(0));
        assert!((100_000..1_000_000).contains(&budget.steps()), "{}", budget.steps());
        let mut limits = crate::limits::Limits::DEFAULT;
        limits.script_steps = 100_000;
        let budget = Budget::new(&limits, || false);
        let hard = styled("*!(a|b)*!(c)z", Style { groups: true, ..Style::default() });
        assert_eq!(hard.matches(&text.as_bytes()[..1 << 16], &budget), Err(Spent::Steps));
    }
}
