//! pr(1), coreutils': texts on pages, in columns. Options and files are here; pages are printed in [`press`].

mod layout;
mod press;
mod sheet;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::call::Release;
use super::clock;
use super::options::Given;
use super::options::Opt;
use super::show;
use layout::Controls;
use layout::FOOT;
use layout::HEAD;
use layout::Layout;
use layout::Numbers;
use layout::Order;
use layout::TAB;
use layout::Tab;
use press::Press;
use press::Text;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("pr", pr)];

/// More columns than this, or a wider number or tab, are no page.
const WIDE: i64 = 1 << 12;

const ACROSS: u8 = b'a';
const COLUMNS: u8 = 1;
const PAGES: u8 = 2;

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'0', ""),
    Opt::flag(b'1', ""),
    Opt::flag(b'2', ""),
    Opt::flag(b'3', ""),
    Opt::flag(b'4', ""),
    Opt::flag(b'5', ""),
    Opt::flag(b'6', ""),
    Opt::flag(b'7', ""),
    Opt::flag(b'8', ""),
    Opt::flag(b'9', ""),
    Opt::value(COLUMNS, "columns"),
    Opt::value(PAGES, "pages"),
    Opt::flag(ACROSS, "across"),
    Opt::harmless(b'b', "", "columns are balanced anyway"),
    Opt::flag(b'c', "show-control-chars"),
    Opt::flag(b'd', "double-space"),
    Opt::value(b'D', "date-format"),
    Opt::attached(b'e', "expand-tabs"),
    Opt::flag(b'F', "form-feed"),
    Opt::flag(b'f', ""),
    Opt::value(b'h', "header"),
    Opt::attached(b'i', "output-tabs"),
    Opt::flag(b'J', "join-lines"),
    Opt::value(b'l', "length"),
    Opt::flag(b'm', "merge"),
    Opt::attached(b'n', "number-lines"),
    Opt::value(b'N', "first-line-number"),
    Opt::value(b'o', "indent"),
    Opt::flag(b'r', "no-file-warnings"),
    Opt::attached(b's', "separator"),
    Opt::attached(b'S', "sep-string"),
    Opt::flag(b't', "omit-header"),
    Opt::flag(b'T', "omit-pagination"),
    Opt::flag(b'v', "show-nonprinting"),
    Opt::value(b'w', "width"),
    Opt::value(b'W', "page-width"),
];

/// What the options say, before it is known how many files there are.
#[derive(Debug)]
struct Asked {
    release: Release,
    columns: Option<i64>,
    pages: (u64, u64),
    merge: bool,
    across: bool,
    double: bool,
    extremities: bool,
    keep_feeds: bool,
    feeds: bool,
    join: bool,
    cut: bool,
    length: i64,
    width: i64,
    margin: i64,
    separator: Vec<u8>,
    separated: bool,
    numbers: Option<(u8, i64)>,
    first_number: Option<i64>,
    tab: Option<Tab>,
    tabify: Option<Tab>,
    controls: Controls,
}

/// A number as strtol(3) reads it, not below `least`.
fn number(text: &[u8], least: i64, what: &str) -> Result<i64, Fault> {
    let number = std::str::from_utf8(text).ok().and_then(|text| {
        let text = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\x0b');
        text.parse::<i64>().ok()
    });
    let fits = number.filter(|number| (least..=i64::from(i32::MAX)).contains(number));
    fits.ok_or_else(|| Fault::failed(format!("invalid {what}: '{}'", show(text))))
}

/// The value of `-e`, `-i` and `-n`: a byte that is no digit, then a number.
fn byte_and_number(text: &[u8], letter: u8, (byte, width): (u8, i64)) -> Result<(u8, i64), Fault> {
    let (byte, rest) = match text.split_first() {
        Some((first, rest)) if !first.is_ascii_digit() => (*first, rest),
        _ => (byte, text),
    };
    if rest.is_empty() {
        return Ok((byte, width));
    }
    let what = format!("'-{}' extra characters or invalid number in the argument", char::from(letter));
    Ok((byte, number(rest, 1, &what)?))
}

/// `FIRST` or `FIRST:LAST`; `None` for what is no range of pages, but may be a file's name.
fn pages(text: &[u8]) -> Result<Option<(u64, u64)>, Fault> {
    let wrong = || Fault::failed(format!("invalid + argument '{}'", show(text)));
    let leading = |text: &[u8]| -> Result<(u64, usize), Fault> {
        let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
        let sign = usize::from(text.get(blanks) == Some(&b'+'));
        let digits = text[blanks + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = blanks + sign + digits;
        let number = std::str::from_utf8(&text[blanks + sign..end]).ok().and_then(|digits| digits.parse().ok());
        Ok((number.ok_or_else(wrong)?, end))
    };
    let (first, end) = leading(text)?;
    match &text[end..] {
        _ if first == 0 => Ok(None),
        [] => Ok(Some((first, u64::MAX))),
        [b':', rest @ ..] => {
            let (last, end) = leading(rest)?;
            if end < rest.len() { Err(wrong()) } else { Ok((last >= first).then_some((first, last))) }
        }
        _ => Ok(None),
    }
}

/// What of `-s`, `-S`, `-w` and `-W` came, which mean other things together than alone.
#[derive(Debug, Default)]
struct Forms {
    /// `-w` was the last of both.
    width: bool,
    /// A `-s` came behind the last `-S`.
    separator: bool,
}

impl Asked {
    fn new(given: &Given, digits: &mut Vec<u8>, release: Release) -> Result<Self, Fault> {
        let mut asked = Self {
            release,
            columns: None,
            pages: (1, u64::MAX),
            merge: given.has(b'm'),
            across: given.has(ACROSS),
            double: given.has(b'd'),
            extremities: given.last_of(b"tT").is_none(),
            keep_feeds: given.last_of(b"tT") == Some(b't'),
            feeds: given.last_of(b"Ff").is_some(),
            join: given.has(b'J'),
            cut: false,
            length: 66,
            width: 72,
            margin: 0,
            separator: Vec::new(),
            separated: false,
            numbers: None,
            first_number: None,
            tab: None,
            tabify: None,
            controls: match (given.has(b'v'), given.has(b'c')) {
                (true, _) => Controls::Octal,
                (_, true) => Controls::Caret,
                _ => Controls::AsIs,
            },
        };
        let (mut forms, mut in_digits) = (Forms::default(), false);
        for (letter, value) in &given.all {
            // Digits of the same number follow each other.
            let digit = letter.is_ascii_digit();
            if digit && !in_digits || *letter == COLUMNS {
                digits.clear();
            }
            in_digits = digit;
            match digit {
                true => digits.push(*letter),
                false => asked.read(*letter, value, &mut forms)?,
            }
        }
        if !digits.is_empty() {
            asked.columns = Some(number(digits, 1, "number of columns")?);
        }
        asked.settle(&forms);
        Ok(asked)
    }

    /// Reads an option with a value.
    fn read(&mut self, letter: u8, value: &[u8], forms: &mut Forms) -> Result<(), Fault> {
        let tab = |known: Option<Tab>| {
            let known = known.unwrap_or(TAB);
            let (byte, width) = byte_and_number(value, letter, (known.byte, known.width))?;
            Ok::<_, Fault>(Some(Tab { byte, width }))
        };
        match letter {
            COLUMNS => self.columns = Some(number(value, 1, "number of columns")?),
            PAGES => {
                let wrong = || Fault::failed(format!("invalid page range '{}'", show(value)));
                self.pages = pages(value)?.ok_or_else(wrong)?;
            }
            b'e' => self.tab = tab(self.tab)?,
            b'i' => self.tabify = tab(self.tabify)?,
            b'n' => self.numbers = Some(byte_and_number(value, letter, self.numbers.unwrap_or((b'\t', 5)))?),
            b'N' => self.first_number = Some(number(value, i64::from(i32::MIN), "starting line number")?),
            b'l' => self.length = number(value, 1, "number of lines")?,
            b'o' => self.margin = number(value, 0, "line offset")?,
            b's' => {
                forms.separator = true;
                if !self.separated && !value.is_empty() {
                    self.separator = value.to_vec();
                }
            }
            b'S' => {
                (forms.separator, self.separated) = (false, true);
                self.separator = value.to_vec();
            }
            b'w' => {
                forms.width = true;
                let width = number(value, 1, "number of characters")?;
                self.width = if self.cut { self.width } else { width };
            }
            b'W' => {
                (forms.width, self.cut) = (false, true);
                self.width = number(value, 1, "number of characters")?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The forms of other systems: `-w` counts for columns alone, and `-s` joins them.
    fn settle(&mut self, forms: &Forms) {
        let in_columns = self.merge || self.columns.is_some();
        match forms.width {
            true if in_columns => {
                self.cut = true;
                self.separated |= forms.separator;
            }
            true => self.join = true,
            false if self.separated || !forms.separator || !in_columns => {}
            false if self.cut => self.separated = true,
            false => {
                self.join = true;
                self.separated = !self.separator.is_empty();
            }
        }
    }

    /// What pages look like with so many files.
    fn layout(&self, files: usize) -> Result<Layout, Fault> {
        let files = i64::try_from(files).unwrap_or(i64::MAX);
        let merge = self.merge && files > 0;
        let columns = if merge { files } else { self.columns.unwrap_or(1) };
        let order = match columns {
            _ if merge => Order::Merged,
            1 => Order::Single,
            _ if self.across => Order::Across,
            _ => Order::Down,
        };
        let text = self.length - HEAD - FOOT;
        let extremities = self.extremities && text > 0;
        let rows = if extremities { text } else { self.length };
        if self.double && rows == 1 && !self.release.since((9, 4), "two lines where a page has one")? {
            return Err(Fault::gap("two lines where a page has one, which is printed without end"));
        }
        let (mut separator, mut separated) = (self.separator.clone(), self.separated);
        let several = columns > 1;
        if several && !separated {
            (separator, separated) = (if self.join { b"\t".to_vec() } else { b" ".to_vec() }, true);
        } else if several && !self.join && separator == b"\t" {
            separator = b" ".to_vec();
        }
        let numbers = self.numbers.map(|(separator, digits)| Numbers {
            separator,
            digits,
            first: self.first_number.unwrap_or(1),
            counts: self.first_number.is_none(),
        });
        if numbers.is_some_and(|numbers| numbers.digits > WIDE) || self.tab.is_some_and(|tab| tab.width > WIDE) {
            return Err(Fault::gap("so wide a number or tab"));
        }
        let taken = if merge { numbers.map_or(0, |numbers| numbers.width()) } else { 0 };
        let between = (columns - 1).saturating_mul(i64::try_from(separator.len()).unwrap_or(i64::MAX));
        let column = (self.width - taken).saturating_sub(between).max(0) / columns;
        if column < 1 {
            return Err(Fault::failed("page width too narrow"));
        }
        if columns > WIDE {
            return Err(Fault::gap("so many columns"));
        }
        Ok(Layout {
            order,
            columns,
            pages: self.pages,
            rows: if self.double { (rows / 2).max(1) } else { rows },
            double: self.double,
            extremities,
            keep_feeds: self.keep_feeds || text <= 0,
            feeds: self.feeds,
            width: self.width,
            margin: self.margin,
            column,
            cut: (self.cut || several) && !self.join,
            expand: self.tab.is_some() || several && separator != b"\t",
            separator,
            separated,
            numbers,
            tab: self.tab.unwrap_or(TAB),
            tabify: if several { Some(self.tabify.unwrap_or(TAB)) } else { self.tabify },
            controls: self.controls,
        })
    }
}

fn pr(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let mut digits = Vec::new();
    let mut asked = Asked::new(&given, &mut digits, call.release()?)?;
    let in_one = |word: &Vec<u8>| word.windows(digits.len()).any(|part| part == digits);
    if !digits.is_empty() && !call.args.iter().any(in_one) {
        return Err(Fault::gap("a number of columns in several words"));
    }
    let files = files(call, &given, &mut asked)?;
    if asked.merge && asked.columns.is_some() {
        return Err(Fault::failed("cannot specify number of columns when printing in parallel"));
    }
    if asked.merge && asked.across {
        return Err(Fault::failed("cannot specify both printing across and printing in parallel"));
    }
    call.printing(|call, out| {
        let standard = [b"-".to_vec()];
        let (mut status, mut feed) = (0, false);
        let named: Vec<&[Vec<u8>]> = match files.as_slice() {
            [] => vec![&standard],
            all if asked.merge => vec![all],
            all => all.chunks(1).collect(),
        };
        for names in named {
            let layout = asked.layout(if files.is_empty() { 0 } else { names.len() })?;
            let (texts, sources) = open_all(call, names, given.has(b'r'))?;
            if sources.len() < names.len() {
                status = 1;
            }
            if sources.is_empty() {
                continue;
            }
            let layout = if layout.order == Order::Merged {
                Layout { columns: i64::try_from(sources.len()).unwrap_or(WIDE), ..layout }
            } else {
                layout
            };
            let title = if layout.extremities { title(call, &given, &layout, names)? } else { Vec::new() };
            let mut press = Press::new(call, &layout, texts, &sources, title, feed)?;
            press.run(call, out)?;
            feed = press.owes_a_feed();
            press.close(call);
        }
        Ok(status)
    })
}

/// The files. The first operand before `--` that can be a range of pages is one.
fn files(call: &mut Call<'_, '_>, given: &Given, asked: &mut Asked) -> Result<Vec<Vec<u8>>, Fault> {
    let mut files = given.operands.clone();
    let end = call.args.iter().position(|word| word == b"--");
    let before =
        end.map(|end| Call { shell: &mut *call.shell, name: call.name, args: &call.args[..end] }.given(OPTIONS));
    let before = before.and_then(Result::ok).map_or(files.len(), |given| given.operands.len());
    for index in 0..before.min(files.len()) {
        let Some(range) = files[index].strip_prefix(b"+") else { continue };
        if given.has(PAGES) {
            return Err(Fault::gap("`--pages` with an operand that begins with `+`"));
        }
        if let Some(range) = pages(range)? {
            asked.pages = range;
            files.remove(index);
            break;
        }
    }
    Ok(files)
}

/// The texts, and for each file that can be read which of them it is.
fn open_all(call: &mut Call<'_, '_>, names: &[Vec<u8>], quiet: bool) -> Result<(Vec<Text>, Vec<usize>), Fault> {
    let (mut texts, mut sources) = (Vec::new(), Vec::new());
    for name in names {
        // All that read standard input read on where another one stopped.
        if let Some(known) = texts.iter().position(|text: &Text| text.standard && name == b"-") {
            sources.push(known);
            continue;
        }
        match open(call, name) {
            Ok(text) => {
                sources.push(texts.len());
                texts.push(text);
            }
            Err(Fault::Failed(_, message)) if !quiet => call.err(&message)?,
            Err(Fault::Failed(..)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok((texts, sources))
}

/// A file's text, or standard input's.
fn open(call: &mut Call<'_, '_>, name: &[u8]) -> Result<Text, Fault> {
    if name == b"-" {
        return Ok(Text { bytes: call.text(name)?, at: 0, standard: true });
    }
    match call.text(name) {
        Err(Fault::Failed(_, message)) if message.ends_with("Is a directory") => {
            Err(Fault::gap("a directory as a text"))
        }
        text => Ok(Text { bytes: text?, at: 0, standard: false }),
    }
}

/// The header's date and its title, up to where `Page 1` stands: the parts and what room is between.
fn title(call: &mut Call<'_, '_>, given: &Given, layout: &Layout, names: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Fault> {
    clock::universal(call)?;
    let posix = call.shell.environment().any(|(name, _)| name == b"POSIXLY_CORRECT");
    let default: &[u8] = if posix { b"%b %e %H:%M %Y" } else { b"%Y-%m-%d %H:%M" };
    let file = names.first().filter(|name| layout.order != Order::Merged && *name != b"-");
    let time = file.and_then(|name| call.look(name, true)).map_or(call.shell.system.clock, |inode| inode.stat.mtime);
    let date = clock::format(given.value(b'D').unwrap_or(default), time)?;
    let text = given.value(b'h').map_or_else(|| file.cloned().unwrap_or_default(), <[u8]>::to_vec);
    if !date.is_ascii() || !text.is_ascii() {
        return Err(Fault::gap("a header whose width depends on the locale"));
    }
    Ok(vec![date, text])
}

#[cfg(test)]
mod tests;
