//! fmt(1), coreutils': paragraphs filled anew. Where lines end is what costs least of all ways there are: lines that
//! are near to the goal and alike, that end with sentences, and that leave no word alone (Knuth and Plass, "Breaking
//! paragraphs into lines", with fmt's own prices).

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::buffer::Kept;
use super::buffer::Out;
use super::options::Given;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("fmt", fmt)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'c', "crown-margin"),
    Opt::value(b'g', "goal"),
    Opt::value(b'p', "prefix"),
    Opt::flag(b's', "split-only"),
    Opt::flag(b't', "tagged-paragraph"),
    Opt::flag(b'u', "uniform-spacing"),
    Opt::value(b'w', "width"),
];

/// So many bytes and words of a paragraph are looked at together; of a longer one the beginning is written first.
const BYTES: usize = 5000;
const WORDS: usize = 998;

/// The second line's indent of a paragraph with a tag that has none.
const TAGGED: i64 = 3;

/// Prices grow with the square.
const fn square(amount: i64) -> i64 {
    amount * amount
}

/// The price of a line that is so many columns too narrow or too wide.
const fn short(columns: i64) -> i64 {
    square(columns * 10)
}

const LINE: i64 = square(70);
const NO_BREAK: i64 = square(600);
const SENTENCE: i64 = square(50);
const PARENTHESIS: i64 = square(40);
const PUNCTUATION: i64 = square(40);
/// What a line nearer to the end is worth where a long paragraph is cut.
const LATER: i64 = square(3);

/// What is done with lines after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Plain,
    Crown,
    Tagged,
    /// Lines are only made shorter.
    Split,
}

/// A word of a paragraph.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    start: usize,
    length: i64,
    /// Columns behind it.
    space: i64,
    opens: bool,
    /// It ends with a mark; a sentence may end with it; a sentence does.
    marked: bool,
    period: bool,
    ends: bool,
    /// The cheapest: the word with which the next line begins, how wide this line is, and what all from here on costs.
    next: usize,
    width: i64,
    cost: i64,
}

/// One file's formatter.
#[derive(Debug)]
struct Filler<'t> {
    text: &'t [u8],
    at: usize,
    manner: Manner,
    uniform: bool,
    /// A line is narrower than this, and as wide as that if it can be.
    width: i64,
    goal: i64,
    /// The prefix without blanks at its ends, those before it, and its width with those behind it.
    prefix: &'t [u8],
    before: i64,
    full: i64,
    /// The byte behind what was read, and its column; where the prefix of that line begins.
    byte: Option<u8>,
    column: i64,
    indent: i64,
    /// The paragraph's own: where its prefix, its first line and the others begin.
    prefix_indent: i64,
    first: i64,
    other: i64,
    /// Tabs were read, so tabs are written.
    tabs: bool,
    /// The width of the line that was written last, of this paragraph.
    last: i64,
    words: Kept<Word>,
    letters: Buffer,
    ink: Buffer,
    written: i64,
}

fn number(text: &[u8], most: i64) -> Result<i64, Fault> {
    let wrong = || Fault::failed(format!("invalid width: '{}'", show(text)));
    let digits =
        std::str::from_utf8(text).ok().map(|text| text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']));
    let number = digits.filter(|digits| !digits.starts_with('-')).and_then(|digits| digits.parse::<i64>().ok());
    number.filter(|number| (0..=most).contains(number)).ok_or_else(wrong)
}

/// Width and goal.
fn measures(given: &Given) -> Result<(i64, i64), Fault> {
    let most = i64::try_from(BYTES / 2).unwrap_or(0);
    let width = given.value(b'w').map(|text| number(text, most)).transpose()?;
    let goal = given.value(b'g').map(|text| number(text, width.unwrap_or(75))).transpose()?;
    let width = width.or(goal.map(|goal| goal + 10)).unwrap_or(75);
    // 7 of 100 columns are left free on both sides, and half a column for rounding.
    Ok((width, goal.unwrap_or(width * 187 / 200)))
}

fn fmt(call: &mut Call<'_, '_>) -> Done {
    let mut args = call.args.to_vec();
    if let Some(first) = args.first_mut()
        && let [b'-', b'0'..=b'9', ..] = first.as_slice()
    {
        *first = [b"-w", &first[1..]].concat();
    }
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    let (width, goal) = measures(&given)?;
    let prefix = given.value(b'p').unwrap_or_default();
    let before = prefix.iter().take_while(|byte| **byte == b' ').count();
    let full = prefix.len() - before;
    let end = prefix.iter().rposition(|byte| *byte != b' ').map_or(before, |last| last + 1);
    let prefix = &prefix[before..end];
    // From 9.10 on a line may be as wide as is said.
    let wider = i64::from(call.release()?.is_since((9, 10)));
    let manner = match () {
        () if given.has(b's') => Manner::Split,
        () if given.has(b'c') => Manner::Crown,
        () if given.has(b't') => Manner::Tagged,
        () => Manner::Plain,
    };
    let size = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, _, text| {
            let budget = call.shell.system.budget.clone();
            let filler = Filler {
                text,
                at: 0,
                manner,
                uniform: given.has(b'u'),
                width: width + wider,
                goal,
                prefix,
                before: size(before),
                full: size(full),
                byte: None,
                column: 0,
                indent: 0,
                prefix_indent: 0,
                first: 0,
                other: 0,
                tabs: false,
                last: 0,
                words: Kept::new(&budget)?,
                letters: Buffer::new(&budget)?,
                ink: Buffer::new(&budget)?,
                written: 0,
            };
            filler.run(call, out)
        })
    })
}

impl Filler<'_> {
    fn run(mut self, call: &mut Call<'_, '_>, out: &mut Out) -> Result<(), Fault> {
        self.next();
        self.read_prefix();
        while self.read_paragraph(call)? {
            self.choose(call)?;
            self.write(self.words.len())?;
            out.put(call, &self.ink)?;
            self.ink.clear();
        }
        out.put(call, &self.ink)
    }

    fn next(&mut self) {
        self.byte = self.text.get(self.at).copied();
        self.at += 1;
    }

    const fn at_end(&self) -> bool {
        matches!(self.byte, None | Some(b'\n'))
    }

    /// Reads over blanks.
    fn read_blanks(&mut self) {
        loop {
            match self.byte {
                Some(b' ') => self.column += 1,
                Some(b'\t') => {
                    self.tabs = true;
                    self.column = (self.column / 8 + 1) * 8;
                }
                _ => return,
            }
            self.next();
        }
    }

    /// Reads what a line begins with, from its first byte on: blanks, and the prefix if it has it.
    fn read_prefix(&mut self) {
        self.column = 0;
        self.read_blanks();
        if self.prefix.is_empty() {
            self.indent = self.before.min(self.column);
            return;
        }
        self.indent = self.column;
        for &byte in self.prefix {
            if self.byte != Some(byte) {
                return;
            }
            self.column += 1;
            self.next();
        }
        self.read_blanks();
    }

    /// Whether a line that has begun is one of the paragraph.
    fn is_same(&self) -> bool {
        self.indent == self.prefix_indent && self.column >= self.indent + self.full && !self.at_end()
    }

    /// Reads a paragraph, and copies what stands before it and is none; whether there is one.
    fn read_paragraph(&mut self, call: &Call<'_, '_>) -> Result<bool, Fault> {
        self.last = 0;
        while self.at_end() || self.indent < self.before || self.column < self.indent + self.full {
            self.copy_line()?;
            if self.byte.is_none() {
                return Ok(false);
            }
            self.ink.push(b'\n')?;
            self.next();
            self.read_prefix();
        }
        self.prefix_indent = self.indent;
        self.first = self.column;
        self.words.truncate(0);
        self.letters.clear();
        self.read_line(call)?;
        self.find_other(self.is_same());
        let goes_on = match self.manner {
            Manner::Split => false,
            Manner::Crown => self.is_same(),
            Manner::Tagged => self.is_same() && self.column != self.first,
            Manner::Plain => self.is_same() && self.column == self.other,
        };
        if goes_on {
            self.read_line(call)?;
            while self.is_same() && self.column == self.other {
                self.read_line(call)?;
            }
        }
        if let Some(last) = self.words.last_mut() {
            (last.period, last.ends) = (true, true);
        }
        Ok(true)
    }

    /// Where the lines after the first begin.
    fn find_other(&mut self, same: bool) {
        self.other = match self.manner {
            Manner::Crown if same => self.column,
            Manner::Plain | Manner::Split | Manner::Crown => self.first,
            Manner::Tagged if same && self.column != self.first => self.column,
            Manner::Tagged if self.other == self.first => {
                if self.first == 0 {
                    TAGGED
                } else {
                    0
                }
            }
            Manner::Tagged => self.other,
        };
    }

    /// Copies the rest of a line that is no part of a paragraph.
    fn copy_line(&mut self) -> Result<(), Fault> {
        self.written = 0;
        if self.column > self.indent || !self.at_end() {
            self.blanks(self.indent)?;
            let shown = usize::try_from(self.column - self.written).unwrap_or(0).min(self.prefix.len());
            self.ink.extend(&self.prefix[..shown])?;
            self.written += i64::try_from(shown).unwrap_or(0);
            if !self.at_end() {
                self.blanks(self.column - self.written)?;
            }
            let length = i64::try_from(self.prefix.len()).unwrap_or(0);
            if self.byte.is_none() && self.column >= self.indent + length {
                self.ink.push(b'\n')?;
            }
        }
        while let Some(byte) = self.byte.filter(|byte| *byte != b'\n') {
            self.ink.push(byte)?;
            self.next();
        }
        Ok(())
    }

    /// Reads the words of a line, and what the next one begins with.
    fn read_line(&mut self, call: &Call<'_, '_>) -> Result<(), Fault> {
        while {
            let mut word = self.read_word(call)?;
            self.column += word.length;
            let before = self.column;
            self.read_blanks();
            word.space = self.column - before;
            word.ends = self.byte.is_none() || word.period && (self.byte == Some(b'\n') || word.space > 1);
            if self.at_end() || self.uniform {
                word.space = if word.ends { 2 } else { 1 };
            }
            if self.words.len() == WORDS {
                self.find_other(true);
                word.start -= self.write_some(call)?;
            }
            self.words.push(word)?;
            !self.at_end()
        } {}
        self.next();
        self.read_prefix();
        Ok(())
    }

    /// Reads a word, whatever byte it begins with.
    fn read_word(&mut self, call: &Call<'_, '_>) -> Result<Word, Fault> {
        let mut start = self.letters.len();
        while let Some(byte) = self.byte {
            if self.letters.len() > start && matches!(byte, b' ' | 9..=13) {
                break;
            }
            if self.letters.len() == BYTES {
                self.find_other(true);
                // Of a word that is longer than all the room, what was read is written, and counts no more.
                start = start.saturating_sub(self.write_some(call)?);
            }
            self.letters.push(byte)?;
            self.next();
        }
        let word = &self.letters[start..];
        let length = i64::try_from(word.len()).unwrap_or(i64::MAX);
        let (opens, last) = (word.first().copied(), word.last().copied());
        let bare = word.iter().rposition(|byte| !b")]'\"".contains(byte)).unwrap_or(0);
        Ok(Word {
            start,
            length,
            opens: opens.is_some_and(|byte| b"(['`\"".contains(&byte)),
            marked: last.is_some_and(|byte| byte.is_ascii_punctuation()),
            period: word.get(bare).is_some_and(|byte| b".?!".contains(byte)),
            ..Word::default()
        })
    }

    /// Writes the beginning of a paragraph for which there is no more room; how many bytes of its text are gone.
    fn write_some(&mut self, call: &Call<'_, '_>) -> Result<usize, Fault> {
        let count = self.words.len();
        if count == 0 {
            self.ink.extend(&self.letters)?;
            let gone = self.letters.len();
            self.letters.clear();
            return Ok(gone);
        }
        self.choose(call)?;
        let (mut split, mut best) = (count, i64::MAX);
        let mut word = self.words[0].next;
        while word < count {
            let Word { next, cost, .. } = self.words[word];
            let line = cost - self.words.get(next).map_or(0, |next| next.cost);
            if line < best {
                (split, best) = (word, line);
            }
            best = best.saturating_add(LATER);
            word = next;
        }
        self.write(split)?;
        let rest = self.words[split.min(count)..].to_vec();
        let last = self.words[count - 1];
        let behind = last.start + usize::try_from(last.length).unwrap_or(0);
        let gone = rest.first().map_or(behind, |word| word.start);
        let letters = self.letters[gone..].to_vec();
        self.letters.set(&letters)?;
        self.words.truncate(0);
        for word in rest {
            self.words.push(Word { start: word.start - gone, ..word })?;
        }
        Ok(gone)
    }

    /// Finds the cheapest lines, from the last word back to the first.
    fn choose(&mut self, call: &Call<'_, '_>) -> Result<(), Fault> {
        let count = self.words.len();
        for start in (0..count).rev() {
            let mut width = if start == 0 { self.first } else { self.other } + self.words[start].length;
            let (mut best, mut next) = (i64::MAX, start + 1);
            loop {
                let behind = self.words.get(next).map_or(0, |word| word.cost);
                let mut cost = self.line_cost(next, width) + behind;
                if start == 0 && self.last > 0 {
                    cost += short(width - self.last) / 2;
                }
                if cost < best {
                    best = cost;
                    (self.words[start].next, self.words[start].width) = (next, width);
                }
                let Some(word) = self.words.get(next) else { break };
                width += self.words[next - 1].space + word.length;
                if width >= self.width {
                    break;
                }
                next += 1;
            }
            call.shell.system.budget.read(next - start)?;
            self.words[start].cost = best + self.base_cost(start);
        }
        Ok(())
    }

    /// What a line costs that is so wide, and behind which a word begins the next.
    fn line_cost(&self, next: usize, width: i64) -> i64 {
        let Some(word) = self.words.get(next) else { return 0 };
        let ragged = if word.next < self.words.len() { short(width - word.width) / 2 } else { 0 };
        short(self.goal - width) + ragged
    }

    /// What it costs to begin a line with a word.
    fn base_cost(&self, index: usize) -> i64 {
        let mut cost = LINE;
        let word = self.words[index];
        if let Some(before) = index.checked_sub(1).map(|before| self.words[before]) {
            let widow = index.checked_sub(2).is_some_and(|before| self.words[before].ends);
            cost += match () {
                () if before.period && before.ends => -SENTENCE,
                () if before.period => NO_BREAK,
                () if before.marked => -PUNCTUATION,
                () if widow => square(200) / (before.length + 2),
                () => 0,
            };
        }
        match () {
            () if word.opens => cost - PARENTHESIS,
            () if word.ends => cost + square(150) / (word.length + 2),
            () => cost,
        }
    }

    /// Writes the lines before a word.
    fn write(&mut self, end: usize) -> Result<(), Fault> {
        let mut start = 0;
        let mut indent = self.first;
        while start < end {
            let next = self.words[start].next;
            self.written = 0;
            self.blanks(self.prefix_indent)?;
            self.ink.extend(self.prefix)?;
            self.written += i64::try_from(self.prefix.len()).unwrap_or(0);
            self.blanks(indent - self.written)?;
            for index in start..next {
                let word = self.words[index];
                let from = word.start;
                self.ink.extend(&self.letters[from..from + usize::try_from(word.length).unwrap_or(0)])?;
                self.written += word.length;
                if index + 1 < next {
                    self.blanks(word.space)?;
                }
            }
            self.last = self.written;
            self.ink.push(b'\n')?;
            (start, indent) = (next, self.other);
        }
        Ok(())
    }

    /// Writes blanks, as tabs where tabs were read and one would be more than a space.
    fn blanks(&mut self, count: i64) -> Result<(), Fault> {
        let goal = self.written + count;
        let tabbed = goal / 8 * 8;
        if self.tabs && self.written + 1 < tabbed {
            while self.written < tabbed {
                self.ink.push(b'\t')?;
                self.written = (self.written / 8 + 1) * 8;
            }
        }
        while self.written < goal {
            self.ink.push(b' ')?;
            self.written += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn paragraphs_are_filled() {
        says(&[
            ("printf 'one two three\\nfour five\\n\\nsix\\n' | fmt -w 12", "one two\nthree\nfour five\n\nsix\n", 0),
            (
                "printf 'The first. The second is a longer one.  And a third?\\nEnd.\\n' | fmt -w 30",
                "The first. The second is a\nlonger one.  And a third?\nEnd.\n",
                0,
            ),
            (
                "printf '> quoted text of words\\n> more. And\\n>\\nnot\\n' | fmt -p '>' -w 16",
                "> quoted text\n> of words\n> more. And\n>\nnot\n",
                0,
            ),
            (
                "printf '  first line of it\\nand the second\\nand third\\n' | fmt -c -w 20",
                "  first line of\nit and the second\nand third\n",
                0,
            ),
            (
                "printf 'tag  first line of words\\n     second one\\n' | fmt -t -w 20",
                "tag  first line\n     of words\n     second one\n",
                0,
            ),
            ("printf 'a   b  c.\\nd\\n' | fmt -u", "a b c.  d\n", 0),
            ("printf 'a b c d e f g h\\ni j\\n' | fmt -s -w 8", "a b c d\ne f g h\ni j\n", 0),
            ("printf '\\tone two three four\\n\\tfive\\n' | fmt -w 20", "\tone two\n\tthree\n\tfour five\n", 0),
            ("printf 'no newline' | fmt", "no newline\n", 0),
            (
                "seq 40 | fmt -30",
                "1 2 3 4 5 6 7 8 9 10 11 12 13\n14 15 16 17 18 19 20 21 22 23\n24 25 26 27 28 29 30 31 32 33\n34 35 36 37 38 39 40\n",
                0,
            ),
            ("seq 2000 | fmt | cksum", "1272980138 8893\n", 0),
            ("printf %6000s x | tr ' ' y | fmt | cksum", "1590855406 6001\n", 0),
            ("printf 'a b\\n' | fmt -g 5 -w 4", "", 1),
            ("fmt -w 2501 /dev/null", "", 1),
            ("fmt -w x /dev/null", "", 1),
            ("fmt nosuch", "", 1),
        ]);
    }
}
