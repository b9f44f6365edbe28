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
        // Which of `-w` and `-W` was last; whether a `-s` has come behind the last `-S`.
        let (mut old_width, mut old_separator, mut in_digits) = (None, false, false);
        for (letter, value) in &given.all {
            if letter.is_ascii_digit() {
                if !in_digits {
                    digits.clear();
                }
                digits.push(*letter);
                in_digits = true;
                continue;
            }
            in_digits = false;
            match *letter {
                COLUMNS => {
                    asked.columns = Some(number(value, 1, "number of columns")?);
                    digits.clear();
                }
                PAGES => {
                    let wrong = || Fault::failed(format!("invalid page range '{}'", show(value)));
                    asked.pages = pages(value)?.ok_or_else(wrong)?;
                }
                b'e' => {
                    let (byte, width) = asked.tab.map_or((b'\t', 8), |tab| (tab.byte, tab.width));
                    let (byte, width) = byte_and_number(value, *letter, (byte, width))?;
                    asked.tab = Some(Tab { byte, width });
                }
                b'i' => {
                    let (byte, width) = asked.tabify.map_or((b'\t', 8), |tab| (tab.byte, tab.width));
                    let (byte, width) = byte_and_number(value, *letter, (byte, width))?;
                    asked.tabify = Some(Tab { byte, width });
                }
                b'n' => asked.numbers = Some(byte_and_number(value, *letter, asked.numbers.unwrap_or((b'\t', 5)))?),
                b'N' => asked.first_number = Some(number(value, i64::from(i32::MIN), "starting line number")?),
                b'l' => asked.length = number(value, 1, "number of lines")?,
                b'o' => asked.margin = number(value, 0, "line offset")?,
                b's' => {
                    old_separator = true;
                    if !asked.separated && !value.is_empty() {
                        asked.separator.clone_from(value);
                    }
                }
                b'S' => {
                    (old_separator, asked.separated) = (false, true);
                    asked.separator.clone_from(value);
                }
                b'w' => {
                    old_width = Some(true);
                    let width = number(value, 1, "number of characters")?;
                    if !asked.cut {
                        asked.width = width;
                    }
                }
                b'W' => {
                    (old_width, asked.cut) = (Some(false), true);
                    asked.width = number(value, 1, "number of characters")?;
                }
                _ => {}
            }
        }
        if !digits.is_empty() {
            asked.columns = Some(number(digits, 1, "number of columns")?);
        }
        let in_columns = asked.merge || asked.columns.is_some();
        match old_width {
            Some(true) if in_columns => {
                asked.cut = true;
                asked.separated |= old_separator;
            }
            Some(true) => asked.join = true,
            _ if asked.separated || !old_separator || !in_columns => {}
            _ if asked.cut => asked.separated = true,
            _ => {
                asked.join = true;
                asked.separated = !asked.separator.is_empty();
            }
        }
        Ok(asked)
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
    let mut files = given.operands.clone();
    // The first operand that is one before `--` says which pages are wanted.
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
    if asked.merge && asked.columns.is_some() {
        return Err(Fault::failed("cannot specify number of columns when printing in parallel"));
    }
    if asked.merge && asked.across {
        return Err(Fault::failed("cannot specify both printing across and printing in parallel"));
    }
    call.printing(|call, out| {
        let mut status = 0;
        let standard = [b"-".to_vec()];
        let none = files.is_empty();
        let named: Vec<&[Vec<u8>]> = match files.as_slice() {
            [] => vec![&standard],
            all if asked.merge => vec![all],
            all => all.chunks(1).collect(),
        };
        let mut feed = false;
        for names in named {
            let layout = asked.layout(if none { 0 } else { names.len() })?;
            let mut texts = Vec::new();
            let mut sources = Vec::new();
            for name in names {
                // All that read standard input read on where another one stopped.
                let known = texts.iter().position(|text: &Text| text.standard && name == b"-");
                match known.map_or_else(|| open(call, name), |_| Ok(None)) {
                    Ok(Some(text)) => {
                        sources.push(texts.len());
                        texts.push(text);
                    }
                    Ok(None) => sources.extend(known),
                    Err(Fault::Failed(_, message)) => {
                        if !given.has(b'r') {
                            call.err(&message)?;
                        }
                        status = 1;
                    }
                    Err(other) => return Err(other),
                }
            }
            if sources.is_empty() {
                continue;
            }
            let layout = if layout.order == Order::Merged && sources.len() < names.len() {
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

/// A file's text, or standard input's.
fn open(call: &mut Call<'_, '_>, name: &[u8]) -> Result<Option<Text>, Fault> {
    if name == b"-" {
        return Ok(Some(Text { bytes: call.text(name)?, at: 0, standard: true }));
    }
    match call.text(name) {
        Err(Fault::Failed(_, message)) if message.ends_with("Is a directory") => {
            Err(Fault::gap("a directory as a text"))
        }
        text => Ok(Some(Text { bytes: text?, at: 0, standard: false })),
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
