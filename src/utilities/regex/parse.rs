//! A pattern → a tree. No text nests deeper than [`DEPTH_MAX`], or the tree could not be walked or dropped.

use super::Flags;
use super::Syntax;
use crate::budget::Spent;
use crate::format::escape;
use crate::format::glob::class;
use crate::utilities::Fault;
use crate::utilities::show;

/// Groups and repetitions inside each other; real expressions have three.
const DEPTH_MAX: u32 = 200;
/// Atoms of an expression: no real one has a thousand.
const ATOMS_MAX: usize = 100_000;
/// `RE_DUP_MAX`
const REPEAT_MAX: usize = 32_767;

/// What takes one place of a text, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    Byte(u8),
    Any,
    Set(Box<[bool; 256]>),
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    Word(Boundary),
    Reference(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    Start,
    End,
    Either,
    Neither,
    NoneBefore,
    NoneAfter,
}

#[derive(Debug)]
pub(super) enum Node {
    Atom(Atom),
    Group(usize, Box<Self>),
    Sequence(Vec<Self>),
    Either(Vec<Self>),
    Repeat(Box<Self>, usize, Option<usize>),
}

impl Node {
    /// Whether something repeated begins with what may be missing and is repeated itself, and has more of that behind:
    /// `(a*bc*)*`.
    pub(super) fn repeats_repetitions(&self) -> bool {
        match self {
            Self::Atom(_) => false,
            Self::Group(_, inner) => inner.repeats_repetitions(),
            Self::Sequence(parts) | Self::Either(parts) => parts.iter().any(Self::repeats_repetitions),
            Self::Repeat(inner, _, most) => {
                let again = most.is_none_or(|most| most > 1);
                (again && inner.may_begin_with_none() && inner.repetitions() > 1) || inner.repeats_repetitions()
            }
        }
    }

    fn may_begin_with_none(&self) -> bool {
        match self {
            Self::Atom(_) => false,
            Self::Group(_, inner) => inner.may_begin_with_none(),
            Self::Sequence(parts) => parts.first().is_some_and(Self::may_begin_with_none),
            Self::Either(parts) => parts.iter().any(Self::may_begin_with_none),
            Self::Repeat(inner, least, most) => (*least == 0 && most.is_none()) || inner.may_begin_with_none(),
        }
    }

    fn repetitions(&self) -> usize {
        match self {
            Self::Atom(_) => 0,
            Self::Group(_, inner) => inner.repetitions(),
            Self::Sequence(parts) | Self::Either(parts) => parts.iter().map(Self::repetitions).sum(),
            Self::Repeat(inner, _, most) => usize::from(most.is_none()) + inner.repetitions(),
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    pub(super) groups: usize,
    pub(super) references: bool,
}

/// Reads a pattern.
///
/// # Errors
/// It is none; the words and the status are those of the tool.
pub(super) fn parse(pattern: &[u8], syntax: Syntax, flags: Flags) -> Result<Parsed, Fault> {
    let mut reader = Reader {
        pattern,
        position: 0,
        syntax,
        flags,
        groups: 0,
        closed: 0,
        depth: 0,
        atoms: 0,
        references: false,
        repeating: 0,
        referred: 0,
    };
    let node = reader.either()?;
    if reader.position < pattern.len() {
        return Err(reader.error("Unmatched ) or \\)"));
    }
    if reader.repeating & reader.referred != 0 {
        // Which round it refers to glibc decides in ways of its own.
        return Err(Fault::gap("a back-reference to a group that is repeated"));
    }
    Ok(Parsed { node, groups: reader.groups, references: reader.references })
}

struct Reader<'a> {
    pattern: &'a [u8],
    position: usize,
    syntax: Syntax,
    flags: Flags,
    groups: usize,
    /// Groups that have ended, a bit each up to the ninth: only these can be referred to.
    closed: u16,
    depth: u32,
    atoms: usize,
    references: bool,
    /// Groups inside a repetition, and groups that are referred to, a bit each.
    repeating: u16,
    referred: u16,
}

impl Reader<'_> {
    /// regcomp(3)'s words. awk's programs are looked at whole, so that what is wrong with one is a gap.
    fn error(&self, what: &str) -> Fault {
        match self.syntax {
            Syntax::Awk => Fault::gap(format!("the regular expression `{}`: {what}", show(self.pattern))),
            Syntax::Grep | Syntax::Egrep => Fault::Failed(2, what.into()),
            Syntax::Basic | Syntax::Extended => Fault::failed(what),
        }
    }

    fn rest(&self) -> &[u8] {
        &self.pattern[self.position..]
    }

    fn extended(&self) -> bool {
        self.syntax.is_extended()
    }

    fn at(&self, basic: &[u8], extended: &[u8]) -> bool {
        self.rest().starts_with(if self.extended() { extended } else { basic })
    }

    fn skip(&mut self, basic: &[u8], extended: &[u8]) -> bool {
        let found = self.at(basic, extended);
        if found {
            self.position += if self.extended() { extended.len() } else { basic.len() };
        }
        found
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Spent::Depth.into()) } else { Ok(()) }
    }

    fn either(&mut self) -> Result<Node, Fault> {
        self.deeper()?;
        let mut nodes = vec![self.sequence()?];
        while self.skip(b"\\|", b"|") {
            self.count()?;
            nodes.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) })
    }

    /// Whether a group ends here: in a pattern of grep's a parenthesis that closes none is a plain byte.
    fn closes(&self) -> bool {
        self.at(b"\\)", b")") && (self.depth > 1 || self.syntax != Syntax::Egrep)
    }

    fn sequence(&mut self) -> Result<Node, Fault> {
        let mut nodes = Vec::new();
        while !self.rest().is_empty() && !self.at(b"\\|", b"|") && !self.closes() {
            let first = nodes.iter().all(|node| matches!(node, Node::Atom(Atom::LineStart)));
            let begin = nodes.is_empty();
            let groups = self.groups;
            let Some(node) = self.atom(begin, first)? else { continue };
            let anchor = matches!(node, Node::Atom(Atom::LineStart)) && !self.extended();
            let node = if anchor { node } else { self.repeated(node, groups)? };
            nodes.push(node);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Sequence(nodes) })
    }

    /// The operators behind an atom. `a**` is `a*`: what repeats as often as it likes does not nest.
    fn repeated(&mut self, mut node: Node, groups: usize) -> Result<Node, Fault> {
        let mut nested = 0;
        let mut repeated = false;
        loop {
            let start = self.position;
            let mut wide = true;
            let (low, high) = if self.skip(b"*", b"*") {
                (0, None)
            } else if self.skip(b"\\+", b"+") {
                wide = false;
                (1, None)
            } else if self.skip(b"\\?", b"?") {
                wide = false;
                (0, Some(1))
            } else if self.skip(b"\\{", b"{") {
                match self.interval()? {
                    Some(interval) => interval,
                    None => {
                        self.position = start;
                        break;
                    }
                }
            } else {
                break;
            };
            if repeated && wide && self.syntax == Syntax::Basic {
                return Err(self.error("Invalid preceding regular expression"));
            }
            repeated = true;
            if high != Some(1) {
                (groups + 1..=self.groups).filter(|group| *group <= 9).for_each(|group| self.repeating |= 1 << group);
            }
            let simple = |low: usize, high: Option<usize>| low <= 1 && (high.is_none() || (low, high) == (0, Some(1)));
            node = match node {
                Node::Repeat(inner, before, most) if simple(before, most) && simple(low, high) => {
                    let most = if most.is_none() || high.is_none() { None } else { Some(1) };
                    Node::Repeat(inner, before * low, most)
                }
                node => {
                    nested += 1;
                    if nested > DEPTH_MAX {
                        return Err(Spent::Depth.into());
                    }
                    Node::Repeat(Box::new(node), low, high)
                }
            };
        }
        Ok(node)
    }

    /// What stands in braces; `None` where a brace is a plain byte after all.
    fn interval(&mut self) -> Result<Option<(usize, Option<usize>)>, Fault> {
        let plain = matches!(self.syntax, Syntax::Egrep | Syntax::Awk);
        let wrong = |reader: &Self, what: &str| if plain { Ok(None) } else { Err(reader.error(what)) };
        let low = self.number();
        let comma = self.rest().first() == Some(&b',');
        self.position += usize::from(comma);
        let high = if comma { self.number() } else { low };
        if !self.skip(b"\\}", b"}") {
            let what = if self.rest().is_empty() { "Unmatched \\{" } else { "Invalid content of \\{\\}" };
            return wrong(self, what);
        }
        if !comma && low.is_none() {
            return wrong(self, "Invalid content of \\{\\}");
        }
        if self.syntax == Syntax::Awk {
            // gawk repeats, and so does mawk since 2020; that of bookworm takes the brace as it is.
            return Err(self.error("`{` means a repetition only to some awks"));
        }
        if high.is_some_and(|high| high < low.unwrap_or(0)) {
            return Err(self.error("Invalid content of \\{\\}"));
        }
        if low.into_iter().chain(high).any(|number| number > REPEAT_MAX) {
            return Err(self.error("Regular expression too big"));
        }
        Ok(Some((low.unwrap_or(0), high)))
    }

    fn number(&mut self) -> Option<usize> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = &self.pattern[self.position..self.position + length];
        self.position += length;
        let value = digits
            .iter()
            .fold(0usize, |value, digit| value.saturating_mul(10).saturating_add(usize::from(digit - b'0')));
        (length > 0).then_some(value)
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.atoms += 1;
        if self.atoms > ATOMS_MAX { Err(Fault::gap("a regular expression that is too large")) } else { Ok(()) }
    }

    /// One atom. `begin`: nothing stands before it; `first`: at most a `^`. `None`: an operator that grep passes over.
    fn atom(&mut self, begin: bool, first: bool) -> Result<Option<Node>, Fault> {
        self.count()?;
        let byte = self.pattern[self.position];
        self.position += 1;
        let extended = self.extended();
        let atom = match byte {
            b'.' => Atom::Any,
            b'[' => Atom::Set(self.bracket()?),
            b'\\' => return self.escape(first).map(Some),
            b'*' if first && !extended => Atom::Byte(b'*'),
            b'*' | b'+' | b'?' if first && extended => match self.syntax {
                Syntax::Egrep => return Ok(None),
                _ => return Err(self.error("Invalid preceding regular expression")),
            },
            b'{' if first && extended => {
                let start = self.position;
                match (self.syntax, self.interval()?) {
                    (Syntax::Egrep, Some(_)) => return Ok(None),
                    (Syntax::Egrep | Syntax::Awk, _) => {
                        self.position = start;
                        Atom::Byte(b'{')
                    }
                    _ => return Err(self.error("Invalid preceding regular expression")),
                }
            }
            b'^' if extended || begin => Atom::LineStart,
            b'$' if extended || self.ends_here() => Atom::LineEnd,
            b'(' if extended => return self.group().map(Some),
            byte => Atom::Byte(byte),
        };
        Ok(Some(Node::Atom(atom)))
    }

    fn ends_here(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with(b"\\)") || self.rest().starts_with(b"\\|")
    }

    fn group(&mut self) -> Result<Node, Fault> {
        self.groups += 1;
        let group = self.groups;
        let inner = self.either()?;
        if !self.skip(b"\\)", b")") {
            return Err(self.error("Unmatched ( or \\("));
        }
        if group <= 9 {
            self.closed |= 1 << group;
        }
        Ok(Node::Group(group, Box::new(inner)))
    }

    fn escape(&mut self, first: bool) -> Result<Node, Fault> {
        let Some(&letter) = self.rest().first() else { return Err(self.error("Trailing backslash")) };
        self.position += 1;
        if self.syntax == Syntax::Awk {
            return self.awk_escape(letter).map(Node::Atom);
        }
        let extended = self.extended();
        Ok(Node::Atom(match letter {
            b'(' if !extended => return self.group(),
            b'{' if !extended && first => match self.syntax.is_lenient() {
                true => return Err(Fault::gap("`\\{` at the beginning of a regular expression")),
                false => return Err(self.error("Invalid preceding regular expression")),
            },
            b'+' | b'?' if !extended && first => Atom::Byte(letter),
            b'1'..=b'9' => {
                let group = usize::from(letter - b'0');
                if self.closed & (1 << group) == 0 {
                    return Err(self.error("Invalid back reference"));
                }
                self.references = true;
                self.referred |= 1 << group;
                Atom::Reference(group)
            }
            b'<' => Atom::Word(Boundary::Start),
            b'>' => Atom::Word(Boundary::End),
            b'b' => Atom::Word(Boundary::Either),
            b'B' => Atom::Word(Boundary::Neither),
            b'`' => Atom::TextStart,
            b'\'' => Atom::TextEnd,
            b'w' | b'W' => Atom::Set(set(|byte| byte.is_ascii_alphanumeric() || byte == b'_', letter == b'w')),
            b's' | b'S' => Atom::Set(set(|byte| byte.is_ascii_whitespace() || byte == 11, letter == b's')),
            byte => Atom::Byte(byte),
        }))
    }

    /// awk's escapes, where mawk and gawk agree.
    fn awk_escape(&mut self, letter: u8) -> Result<Atom, Fault> {
        Ok(match letter {
            b'0'..=b'7' => {
                let digits = &self.pattern[self.position - 1..];
                let length = digits.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
                let value = digits[..length].iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                self.position += length - 1;
                Atom::Byte(value.to_le_bytes()[0])
            }
            b'<' | b'>' | b'y' | b'B' | b'w' | b'W' | b's' | b'S' | b'`' | b'\'' | b'8' | b'9' | b'x' => {
                return Err(self.error("an escape that only some awks know"));
            }
            letter => Atom::Byte(escape::letter(letter).unwrap_or(letter)),
        })
    }

    fn bracket(&mut self) -> Result<Box<[bool; 256]>, Fault> {
        let mut set = Box::new([false; 256]);
        let negated = self.rest().first() == Some(&b'^');
        self.position += usize::from(negated);
        let mut first = true;
        loop {
            if !first && self.rest().first() == Some(&b']') {
                self.position += 1;
                break;
            }
            first = false;
            if let Some(name) = self.named(b':')? {
                let accepts = class(name).ok_or_else(|| self.error("Invalid character class name"))?;
                (0..=255u8).filter(|&byte| accepts(byte)).for_each(|byte| set[usize::from(byte)] = true);
                continue;
            }
            let low = self.member()?;
            let range = self.rest().first() == Some(&b'-') && self.rest().get(1).is_some_and(|&byte| byte != b']');
            if !range {
                set[usize::from(low)] = true;
                continue;
            }
            self.position += 1;
            let high = self.member()?;
            if low > high {
                return Err(self.error("Invalid range end"));
            }
            (low..=high).for_each(|byte| set[usize::from(byte)] = true);
        }
        if self.flags.ignore_case {
            for letter in b'a'..=b'z' {
                let (lower, upper) = (usize::from(letter), usize::from(letter.to_ascii_uppercase()));
                let either = set[lower] || set[upper];
                (set[lower], set[upper]) = (either, either);
            }
        }
        if negated {
            set.iter_mut().for_each(|bit| *bit = !*bit);
            if let Some(newline) = self.flags.multiline {
                set[usize::from(newline)] = false;
            }
        }
        Ok(set)
    }

    /// What stands between `[:` and `:]`, or the like.
    fn named(&mut self, mark: u8) -> Result<Option<&[u8]>, Fault> {
        if !self.rest().starts_with(&[b'[', mark]) {
            return Ok(None);
        }
        let start = self.position + 2;
        let name = &self.pattern[start..];
        let Some(end) = memchr::memmem::find(name, &[mark, b']']) else { return Err(self.unmatched()) };
        self.position = start + end + 2;
        Ok(Some(&self.pattern[start..start + end]))
    }

    fn unmatched(&self) -> Fault {
        self.error(if self.syntax.is_lenient() {
            "Unmatched [, [^, [:, [., or [="
        } else {
            "unterminated address regex"
        })
    }

    /// One byte of a bracket: in the C locale a collating symbol and an equivalence class are the byte itself.
    fn member(&mut self) -> Result<u8, Fault> {
        for mark in [b'.', b'='] {
            if let Some(name) = self.named(mark)? {
                let [byte] = name else { return Err(self.error("Invalid collation character")) };
                return Ok(*byte);
            }
        }
        let Some(&byte) = self.rest().first() else { return Err(self.unmatched()) };
        self.position += 1;
        if self.syntax == Syntax::Awk && byte == b'\\' {
            let Some(&letter) = self.rest().first() else { return Err(self.unmatched()) };
            self.position += 1;
            return match self.awk_escape(letter)? {
                Atom::Byte(byte) => Ok(byte),
                _ => Err(self.error("an escape in a bracket")),
            };
        }
        Ok(byte)
    }
}

fn set(accepts: fn(u8) -> bool, wanted: bool) -> Box<[bool; 256]> {
    let mut set = Box::new([false; 256]);
    (0..=255u8).for_each(|byte| set[usize::from(byte)] = accepts(byte) == wanted);
    set
}
