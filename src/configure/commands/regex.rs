//! POSIX regular expressions on bytes, basic and extended, with GNU's additions (`\+`, `\?`, `\|`, `\<`, `\>`,
//! `\b`, `\w`, `\s`) and back-references.
//!
//! A matcher of our own, because neither a translation to another syntax nor another crate has the rule that the
//! longest of the leftmost matches counts. It walks a small program backtracking, and remembers which state it
//! has tried at which byte, so the time is at most program × text; only with back-references, where that memory
//! is not valid, a budget of steps ends it. Groups are those of the first way that reaches the longest match,
//! which can differ from POSIX's rule for groups of an alternation; scripts do not depend on it.

use super::Fault;
use crate::configure::shell::pattern::class;

/// A compiled expression.
#[derive(Debug, Clone)]
pub(super) struct Regex {
    program: Vec<Step>,
    groups: usize,
    references: bool,
    ignore_case: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Byte(u8),
    Any,
    Set(Box<[bool; 256]>),
    /// Try the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    LineStart,
    LineEnd,
    Word(Boundary),
    Reference(usize),
    Match,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boundary {
    Start,
    End,
    Either,
    Neither,
    NoneBefore,
    NoneAfter,
}

/// Where the groups of a match lie; 0 is the whole.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

/// The two syntaxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `grep`, `sed`, `expr`.
    Basic,
    /// `grep -E`, `sed -E`, `awk`.
    Extended,
}

/// A program longer than this comes from no real expression, but from `\{1000\}` in `\{1000\}`.
const PROGRAM_MAX: usize = 20_000;
const DEPTH_MAX: u32 = 100;
const STEPS_MAX: usize = 500_000;
/// Steps times places of a text that one search may look at, each a byte of memory. Scripts' own stay below a million.
const LOOKED_AT_MAX: usize = 128 << 20;

#[derive(Debug, Clone)]
enum Node {
    Step(Step),
    Group(usize, Box<Self>),
    Sequence(Vec<Self>),
    Either(Vec<Self>),
    Repeat(Box<Self>, usize, Option<usize>),
}

impl Regex {
    /// Compiles.
    ///
    /// # Errors
    /// It is no expression of the syntax.
    pub(super) fn new(pattern: &[u8], syntax: Syntax, ignore_case: bool) -> Result<Self, Fault> {
        let mut reader = Reader {
            pattern,
            position: 0,
            extended: syntax == Syntax::Extended,
            groups: 0,
            depth: 0,
            references: false,
            ignore_case,
        };
        let node = reader.either()?;
        if reader.position < pattern.len() {
            return Err(reader.error("unmatched parenthesis"));
        }
        let mut program = Vec::new();
        emit(&node, &mut program)?;
        program.push(Step::Match);
        Ok(Self { program, groups: reader.groups + 1, references: reader.references, ignore_case })
    }

    /// The same, where no letter, digit or underscore stands before or after the match: `grep -w`.
    pub(super) fn whole_word(mut self) -> Self {
        let shifted = |step: Step| match step {
            Step::Split(first, second) => Step::Split(first + 1, second + 1),
            Step::Jump(target) => Step::Jump(target + 1),
            other => other,
        };
        let inner = self.program.into_iter().take_while(|step| !matches!(step, Step::Match)).map(shifted);
        self.program = std::iter::once(Step::Word(Boundary::NoneBefore)).chain(inner).collect();
        self.program.extend([Step::Word(Boundary::NoneAfter), Step::Match]);
        self
    }

    /// Whether it matches anywhere.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn is_match(&self, text: &[u8]) -> Result<bool, Fault> {
        Ok(self.find(text, 0)?.is_some())
    }

    /// The leftmost longest match at or behind `from`.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Result<Option<Groups>, Fault> {
        let looked_at = self.program.len().saturating_mul(text.len() + 1);
        if !self.references && looked_at > LOOKED_AT_MAX {
            return Err(Fault::gap("a regular expression over so long a line"));
        }
        let mut visited = if self.references { Vec::new() } else { vec![false; looked_at] };
        let mut steps = 0;
        // An expression that begins with a byte is tried only where that byte is.
        let first = match self.program.iter().find(|step| !matches!(step, Step::Save(_))) {
            Some(Step::Byte(byte)) if !self.ignore_case => Some(*byte),
            _ => None,
        };
        let mut start = from;
        while start <= text.len() {
            if let Some(byte) = first {
                match memchr::memchr(byte, &text[start..]) {
                    Some(place) => start += place,
                    None => return Ok(None),
                }
            }
            if let Some(groups) = self.at(text, start, &mut visited, &mut steps)? {
                return Ok(Some(groups));
            }
            start += 1;
        }
        Ok(None)
    }

    fn at(&self, text: &[u8], start: usize, visited: &mut [bool], steps: &mut usize) -> Result<Option<Groups>, Fault> {
        let mut best: Option<(usize, Vec<usize>)> = None;
        let mut stack = vec![(0, start, vec![usize::MAX; self.groups * 2])];
        while let Some((mut step, mut position, mut saves)) = stack.pop() {
            loop {
                *steps += 1;
                if self.references && *steps > STEPS_MAX {
                    return Err(Fault::gap("a regular expression with back-references that takes too long"));
                }
                if !self.references {
                    let seen = &mut visited[step * (text.len() + 1) + position];
                    if *seen {
                        break;
                    }
                    *seen = true;
                }
                match &self.program[step] {
                    Step::Match => {
                        if best.as_ref().is_none_or(|(end, _)| position > *end) {
                            best = Some((position, saves));
                        }
                        break;
                    }
                    Step::Split(first, second) => {
                        stack.push((*second, position, saves.clone()));
                        step = *first;
                    }
                    Step::Jump(target) => step = *target,
                    Step::Save(slot) => {
                        saves[*slot] = position;
                        step += 1;
                    }
                    other => match self.consume(other, text, position, &saves) {
                        Some(length) => {
                            position += length;
                            step += 1;
                        }
                        None => break,
                    },
                }
            }
        }
        let Some((end, saves)) = best else { return Ok(None) };
        let mut groups = vec![Some((start, end))];
        groups.extend((1..self.groups).map(|group| {
            let (from, to) = (saves[group * 2], saves[group * 2 + 1]);
            (from != usize::MAX && to != usize::MAX).then_some((from, to))
        }));
        Ok(Some(groups))
    }

    fn consume(&self, step: &Step, text: &[u8], position: usize, saves: &[usize]) -> Option<usize> {
        let byte = text.get(position).copied();
        let word = |place: Option<&u8>| place.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let matched = match step {
            Step::Byte(own) => {
                byte.is_some_and(|byte| byte == *own || (self.ignore_case && byte.eq_ignore_ascii_case(own)))
            }
            Step::Any => byte.is_some(),
            Step::Set(set) => byte.is_some_and(|byte| set[usize::from(byte)]),
            Step::LineStart => return (position == 0).then_some(0),
            Step::LineEnd => return (position == text.len()).then_some(0),
            Step::Word(boundary) => {
                let before = position > 0 && word(text.get(position - 1));
                let after = word(text.get(position));
                let holds = match boundary {
                    Boundary::Start => !before && after,
                    Boundary::End => before && !after,
                    Boundary::Either => before != after,
                    Boundary::Neither => before == after,
                    Boundary::NoneBefore => !before,
                    Boundary::NoneAfter => !after,
                };
                return holds.then_some(0);
            }
            Step::Reference(group) => {
                let (from, to) = (saves[group * 2], saves[group * 2 + 1]);
                if from == usize::MAX || to == usize::MAX {
                    return None;
                }
                return text[position..].starts_with(&text[from..to]).then_some(to - from);
            }
            Step::Split(..) | Step::Jump(_) | Step::Save(_) | Step::Match => false,
        };
        matched.then_some(1)
    }
}

fn emit(node: &Node, program: &mut Vec<Step>) -> Result<(), Fault> {
    if program.len() > PROGRAM_MAX {
        return Err(Fault::gap("a regular expression that is too large"));
    }
    match node {
        Node::Step(step) => program.push(step.clone()),
        Node::Group(group, inner) => {
            program.push(Step::Save(group * 2));
            emit(inner, program)?;
            program.push(Step::Save(group * 2 + 1));
        }
        Node::Sequence(nodes) => nodes.iter().try_for_each(|node| emit(node, program))?,
        Node::Either(nodes) => {
            let mut jumps = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                let split = program.len();
                let last = index + 1 == nodes.len();
                if !last {
                    program.push(Step::Split(split + 1, 0));
                }
                emit(node, program)?;
                if !last {
                    jumps.push(program.len());
                    program.push(Step::Jump(0));
                    program[split] = Step::Split(split + 1, program.len());
                }
            }
            let end = program.len();
            jumps.into_iter().for_each(|jump| program[jump] = Step::Jump(end));
        }
        Node::Repeat(inner, low, high) => {
            for _ in 0..*low {
                emit(inner, program)?;
            }
            match high {
                None => {
                    let split = program.len();
                    program.push(Step::Split(split + 1, 0));
                    emit(inner, program)?;
                    program.push(Step::Jump(split));
                    program[split] = Step::Split(split + 1, program.len());
                }
                Some(high) => {
                    let mut splits = Vec::new();
                    for _ in *low..*high {
                        splits.push(program.len());
                        program.push(Step::Split(program.len() + 1, 0));
                        emit(inner, program)?;
                    }
                    let end = program.len();
                    splits.into_iter().for_each(|split| program[split] = Step::Split(split + 1, end));
                }
            }
        }
    }
    Ok(())
}

struct Reader<'a> {
    pattern: &'a [u8],
    position: usize,
    extended: bool,
    groups: usize,
    depth: u32,
    references: bool,
    ignore_case: bool,
}

impl Reader<'_> {
    fn error(&self, what: &str) -> Fault {
        Fault::Failed(2, format!("{what} in regular expression `{}`", super::show(self.pattern)))
    }

    fn rest(&self) -> &[u8] {
        &self.pattern[self.position..]
    }

    fn at(&self, basic: &[u8], extended: &[u8]) -> bool {
        self.rest().starts_with(if self.extended { extended } else { basic })
    }

    fn skip(&mut self, basic: &[u8], extended: &[u8]) -> bool {
        let found = self.at(basic, extended);
        if found {
            self.position += if self.extended { extended.len() } else { basic.len() };
        }
        found
    }

    fn either(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("too deep nesting"));
        }
        let mut nodes = vec![self.sequence()?];
        while self.skip(b"\\|", b"|") {
            nodes.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) })
    }

    fn sequence(&mut self) -> Result<Node, Fault> {
        let mut nodes = Vec::new();
        while !self.rest().is_empty() && !self.at(b"\\|", b"|") {
            if self.at(b"\\)", b")") && self.depth > 1 {
                break;
            }
            let first = nodes.is_empty();
            let node = self.atom(first)?;
            let anchor = matches!(node, Node::Step(Step::LineStart)) && !self.extended;
            let node = if anchor { node } else { self.repeated(node)? };
            nodes.push(node);
        }
        Ok(Node::Sequence(nodes))
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, Fault> {
        loop {
            let (low, high) = if self.skip(b"*", b"*") {
                (0, None)
            } else if self.skip(b"\\+", b"+") {
                (1, None)
            } else if self.skip(b"\\?", b"?") {
                (0, Some(1))
            } else if self.at(b"\\{", b"{") && (!self.extended || self.rest().get(1).is_some_and(u8::is_ascii_digit)) {
                self.position += if self.extended { 1 } else { 2 };
                self.interval()?
            } else {
                return Ok(node);
            };
            node = Node::Repeat(Box::new(node), low, high);
        }
    }

    fn interval(&mut self) -> Result<(usize, Option<usize>), Fault> {
        let low = self.number();
        let high = if self.rest().first() == Some(&b',') {
            self.position += 1;
            self.number()
        } else {
            low
        };
        if !self.skip(b"\\}", b"}")
            || high.is_some_and(|high| high < low.unwrap_or(0) || high > 32_767)
            || low.is_some_and(|low| low > 32_767)
        {
            return Err(self.error("bad interval"));
        }
        Ok((low.unwrap_or(0), high))
    }

    fn number(&mut self) -> Option<usize> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count().min(6);
        let text = std::str::from_utf8(&self.rest()[..length]).ok()?;
        let number = text.parse().ok();
        self.position += length;
        number
    }

    fn atom(&mut self, first: bool) -> Result<Node, Fault> {
        let byte = self.pattern[self.position];
        self.position += 1;
        let step = match byte {
            b'.' => Step::Any,
            b'[' => Step::Set(self.bracket()?),
            b'\\' => return self.escape(),
            b'*' if first => Step::Byte(b'*'),
            b'^' if self.extended || first => Step::LineStart,
            b'$' if self.extended || self.ends_here() => Step::LineEnd,
            b'(' if self.extended => return self.group(),
            b'+' | b'?' if self.extended && first => return Err(self.error("repetition of nothing")),
            byte => Step::Byte(byte),
        };
        Ok(Node::Step(step))
    }

    fn ends_here(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with(b"\\)") || self.rest().starts_with(b"\\|")
    }

    fn group(&mut self) -> Result<Node, Fault> {
        self.groups += 1;
        let group = self.groups;
        let inner = self.either()?;
        if !self.skip(b"\\)", b")") {
            return Err(self.error("unmatched parenthesis"));
        }
        Ok(Node::Group(group, Box::new(inner)))
    }

    fn escape(&mut self) -> Result<Node, Fault> {
        let Some(&letter) = self.rest().first() else { return Err(self.error("trailing backslash")) };
        self.position += 1;
        let set = |accepts: fn(u8) -> bool, wanted: bool| {
            let mut set = Box::new([false; 256]);
            (0..=255u8).for_each(|byte| set[usize::from(byte)] = accepts(byte) == wanted);
            Step::Set(set)
        };
        let word: fn(u8) -> bool = |byte| byte.is_ascii_alphanumeric() || byte == b'_';
        let space: fn(u8) -> bool = |byte| byte.is_ascii_whitespace() || byte == 11;
        Ok(Node::Step(match letter {
            b'(' if !self.extended => return self.group(),
            b'1'..=b'9' => {
                let group = usize::from(letter - b'0');
                if group > self.groups {
                    return Err(self.error("invalid back reference"));
                }
                self.references = true;
                Step::Reference(group)
            }
            b'<' => Step::Word(Boundary::Start),
            b'>' => Step::Word(Boundary::End),
            b'b' => Step::Word(Boundary::Either),
            b'B' => Step::Word(Boundary::Neither),
            b'`' => Step::LineStart,
            b'\'' => Step::LineEnd,
            b'w' | b'W' => set(word, letter == b'w'),
            b's' | b'S' => set(space, letter == b's'),
            b'n' => Step::Byte(b'\n'),
            b't' => Step::Byte(b'\t'),
            b'r' => Step::Byte(b'\r'),
            b'f' => Step::Byte(12),
            b'v' => Step::Byte(11),
            byte if byte.is_ascii_alphanumeric() => {
                return Err(Fault::gap(format!("`\\{}` in a regular expression", char::from(byte))));
            }
            byte => Step::Byte(byte),
        }))
    }

    fn bracket(&mut self) -> Result<Box<[bool; 256]>, Fault> {
        let mut set = Box::new([false; 256]);
        let negated = self.rest().first() == Some(&b'^');
        self.position += usize::from(negated);
        let mut first = true;
        loop {
            let unterminated = self.error("unmatched [");
            let rest = self.rest();
            match rest {
                [] => return Err(unterminated),
                [b']', ..] if !first => {
                    self.position += 1;
                    break;
                }
                [b'[', b':', name @ ..] => {
                    let end = memchr::memmem::find(name, b":]").ok_or(unterminated)?;
                    let accepts = class(&name[..end]).ok_or_else(|| self.error("unknown character class"))?;
                    (0..=255u8).filter(|&byte| accepts(byte)).for_each(|byte| set[usize::from(byte)] = true);
                    self.position += end + 4;
                }
                [b'[', b'.' | b'=', ..] => return Err(Fault::gap("a collating symbol in a regular expression")),
                [low, b'-', high, ..] if *high != b']' => {
                    let (low, high) = (*low, *high);
                    if low > high {
                        return Err(self.error("invalid range end"));
                    }
                    (low..=high).for_each(|byte| set[usize::from(byte)] = true);
                    self.position += 3;
                }
                [byte, ..] => {
                    set[usize::from(*byte)] = true;
                    self.position += 1;
                }
            }
            first = false;
        }
        if self.ignore_case {
            for letter in b'a'..=b'z' {
                let (lower, upper) = (usize::from(letter), usize::from(letter.to_ascii_uppercase()));
                let either = set[lower] || set[upper];
                (set[lower], set[upper]) = (either, either);
            }
        }
        if negated {
            set.iter_mut().for_each(|bit| *bit = !*bit);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, syntax: Syntax, text: &str) -> Option<Vec<String>> {
        let regex = Regex::new(pattern.as_bytes(), syntax, false).expect(pattern);
        let groups = regex.find(text.as_bytes(), 0).expect("within the budget")?;
        Some(
            groups
                .iter()
                .map(|group| group.map_or(String::from("-"), |(from, to)| text[from..to].to_owned()))
                .collect(),
        )
    }

    #[test]
    fn leftmost_and_longest() {
        let cases: [(&str, Syntax, &str, Option<&[&str]>); 20] = [
            ("a|ab", Syntax::Extended, "xab", Some(&["ab"])),
            ("(a|ab)(c|bcd)?", Syntax::Extended, "abcd", Some(&["abcd", "a", "bcd"])),
            ("a*", Syntax::Basic, "baa", Some(&[""])),
            ("ba*", Syntax::Basic, "baa", Some(&["baa"])),
            ("^\\([^:]*\\):x", Syntax::Basic, "root:x:0", Some(&["root:x", "root"])),
            ("\\(.\\)\\1", Syntax::Basic, "abccd", Some(&["cc", "c"])),
            ("a\\+b\\?", Syntax::Basic, "aab", Some(&["aab"])),
            ("x\\{2,3\\}", Syntax::Basic, "xxxx", Some(&["xxx"])),
            ("x{2}", Syntax::Extended, "xxxx", Some(&["xx"])),
            ("[[:space:]]*#", Syntax::Basic, "  # c", Some(&["  #"])),
            ("[]x]", Syntax::Basic, "]", Some(&["]"])),
            ("[^a-c]", Syntax::Basic, "abcd", Some(&["d"])),
            ("a$", Syntax::Basic, "ba", Some(&["a"])),
            ("a$b", Syntax::Basic, "a$b", Some(&["a$b"])),
            ("*a", Syntax::Basic, "*a", Some(&["*a"])),
            ("\\<foo\\>", Syntax::Basic, "foobar foo", Some(&["foo"])),
            ("(ab)*", Syntax::Extended, "ababa", Some(&["abab", "ab"])),
            ("^$", Syntax::Basic, "", Some(&[""])),
            ("a.c", Syntax::Basic, "ac", None),
            ("\\.so\\(\\.[0-9]\\)*$", Syntax::Basic, "a.so.1", Some(&[".so.1", ".1"])),
        ];
        for (pattern, syntax, text, wanted) in cases {
            let wanted = wanted.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
            assert_eq!(find(pattern, syntax, text), wanted, "{pattern} on {text}");
        }
    }

    #[test]
    fn nothing_explodes() {
        let text = "a".repeat(2000);
        assert_eq!(find("(a*)*b", Syntax::Extended, &text), None);
        assert!(Regex::new("(((a{99}){99}){99}){99}".as_bytes(), Syntax::Extended, false).is_err());
        assert!(Regex::new("(".repeat(500).as_bytes(), Syntax::Extended, false).is_err());
        let regex = Regex::new(b"\\(a*\\)*\\1b", Syntax::Basic, false).expect("an expression");
        assert!(regex.find(text.as_bytes(), 0).is_err());
    }
}
