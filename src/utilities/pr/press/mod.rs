//! Pages, row by row: from which text each column reads, where it stops, and what a form feed does.

mod lines;

use super::layout::FOOT;
use super::layout::Layout;
use super::layout::Order;
use super::sheet::ANYWHERE;
use super::sheet::Sheet;
use crate::budget::Spent;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::buffer::Kept;
use crate::utilities::buffer::Out;

/// A text, and how much of it was read.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) bytes: Buffer,
    pub(super) at: usize,
    /// It is standard input.
    pub(super) standard: bool,
}

impl Text {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// Goes over the newline behind a form feed.
    fn feed(&mut self) {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'\n'));
    }
}

/// Whether there is more for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    /// A form feed ends the page, which is still to be printed.
    Feed,
    /// A form feed has ended the page.
    Held,
    Closed,
}

/// A column of the page.
#[derive(Debug)]
struct Column {
    text: usize,
    status: Status,
    /// The page before was full: a form feed right behind it makes no empty one.
    full: bool,
    /// Lines that this page still has.
    left: i64,
    /// Lines that are kept, the next one first.
    kept: i64,
    next: usize,
    start: i64,
    numbered: bool,
}

/// One run over one file, or over several side by side.
#[derive(Debug)]
pub(super) struct Press<'l> {
    layout: &'l Layout,
    texts: Vec<Text>,
    columns: Vec<Column>,
    /// Date and title of the header.
    title: Vec<Vec<u8>>,
    sheet: Sheet,
    /// Lines that are kept for columns that are filled downwards: where each ends, and its width.
    store: Buffer,
    lines: Kept<(usize, i64)>,
    page: u64,
    number: i64,
    /// Where in its column a line is.
    place: i64,
    /// Where the next text of a column begins.
    padding: i64,
    separators: i64,
    header_due: bool,
    feed_due: bool,
    only_feed: bool,
    /// Something was put into the row.
    inked: bool,
    empty: bool,
    align_empty: bool,
}

impl<'l> Press<'l> {
    /// Makes ready; `feed`: the file before owes a form feed.
    pub(super) fn new(
        call: &Call<'_, '_>,
        layout: &'l Layout,
        texts: Vec<Text>,
        sources: &[usize],
        title: Vec<Vec<u8>>,
        feed: bool,
    ) -> Result<Self, Fault> {
        let budget = &call.shell.system.budget;
        let count = usize::try_from(layout.columns).unwrap_or(usize::MAX);
        let columns = (0..count).map(|index| Column {
            text: *sources.get(index).or(sources.first()).unwrap_or(&0),
            status: Status::Open,
            full: false,
            left: 0,
            kept: 0,
            next: 0,
            start: 0,
            numbered: layout.numbers.is_some() && (layout.order != Order::Merged || index == 0),
        });
        Ok(Self {
            columns: columns.collect(),
            texts,
            title,
            sheet: Sheet::new(Buffer::new(budget)?, layout.tabify),
            store: Buffer::new(budget)?,
            lines: Kept::new(budget)?,
            page: 1,
            number: layout.numbers.map_or(0, |numbers| numbers.first),
            place: 0,
            padding: 0,
            separators: 0,
            header_due: false,
            feed_due: feed,
            only_feed: false,
            inked: false,
            empty: true,
            align_empty: false,
            layout,
        })
    }

    pub(super) const fn owes_a_feed(&self) -> bool {
        self.feed_due
    }

    /// Leaves of standard input what was not read.
    pub(super) fn close(&self, call: &Call<'_, '_>) {
        for text in self.texts.iter().filter(|text| text.standard) {
            call.give_back(text.bytes.len(), text.at, 4096, true);
        }
    }

    fn down(&self) -> bool {
        self.layout.order == Order::Down
    }

    fn merged(&self) -> bool {
        self.layout.order == Order::Merged
    }

    fn separator_width(&self) -> i64 {
        i64::try_from(self.layout.separator.len()).unwrap_or(i64::MAX)
    }

    /// Prints all pages.
    pub(super) fn run(&mut self, call: &mut Call<'_, '_>, out: &mut Out) -> Result<(), Fault> {
        let first = self.layout.pages.0;
        for number in 1..first {
            self.skip_page()?;
            if !self.columns.iter().any(|column| column.status == Status::Open) {
                return call.err(&format!("starting page number {first} exceeds page count {number}"));
            }
        }
        self.page = first;
        self.place_columns();
        while self.print_page(call, out)? {}
        Ok(())
    }

    /// Where columns begin, with what separates them from those before.
    fn place_columns(&mut self) {
        let layout = self.layout;
        let separator = self.separator_width();
        let number = layout.numbers.filter(|_| self.merged()).map_or(0, |numbers| numbers.width());
        let mut next = if layout.cut { layout.margin + layout.column + number } else { ANYWHERE };
        let mut at = layout.margin + separator;
        for column in &mut self.columns {
            column.start = at;
            if layout.cut {
                at = next + separator;
                next = at + layout.column;
            } else {
                at = ANYWHERE;
            }
        }
    }

    /// Whether there is something for this page.
    fn is_ready(&self) -> bool {
        self.columns.iter().any(|column| match column.status {
            Status::Open | Status::Feed => true,
            _ => self.down() && column.kept > 0 && column.left > 0,
        })
    }

    /// One page; whether there may be another.
    fn print_page(&mut self, call: &mut Call<'_, '_>, out: &mut Out) -> Result<bool, Fault> {
        let layout = self.layout;
        if self.down() {
            self.fill(call)?;
        }
        for column in &mut self.columns {
            column.left = match layout.order {
                Order::Down => column.kept,
                _ if column.status == Status::Open => layout.rows,
                _ => 0,
            };
        }
        if !self.is_ready() {
            return Ok(false);
        }
        self.header_due |= layout.extremities;
        let mut printed = false;
        let mut rows = layout.rows * if layout.double { 2 } else { 1 };
        while rows > 0 && self.is_ready() {
            call.shell.system.budget.read(self.columns.len())?;
            self.row()?;
            printed |= self.inked;
            if self.inked {
                self.sheet.lines(1)?;
                rows -= 1;
            }
            if !self.is_ready() && !layout.extremities {
                break;
            }
            if layout.double && printed {
                self.sheet.lines(1)?;
                rows -= 1;
            }
            self.flush(call, out)?;
        }
        if rows == 0 {
            for column in self.columns.iter_mut().filter(|column| column.status == Status::Open) {
                column.full = true;
            }
        }
        if printed && layout.extremities {
            match layout.feeds {
                true => self.sheet.ink.push(b'\x0c')?,
                false => self.sheet.lines(rows + FOOT)?,
            }
        } else if layout.keep_feeds && self.feed_due {
            self.sheet.ink.push(b'\x0c')?;
            self.feed_due = false;
        }
        self.flush(call, out)?;
        self.page = self.page.checked_add(1).ok_or_else(|| Fault::failed("page number overflow"))?;
        self.go_on();
        Ok(self.page <= layout.pages.1)
    }

    fn flush(&mut self, call: &mut Call<'_, '_>, out: &mut Out) -> Result<(), Fault> {
        out.put(call, &self.sheet.ink)?;
        self.sheet.ink.clear();
        Ok(())
    }

    /// What a form feed has stopped goes on.
    fn go_on(&mut self) {
        for column in self.columns.iter_mut().filter(|column| column.status == Status::Held) {
            column.status = Status::Open;
        }
    }

    /// One row of the page.
    fn row(&mut self) -> Result<(), Fault> {
        self.sheet.begin();
        self.separators = 0;
        (self.inked, self.align_empty, self.empty) = (false, false, true);
        for index in 0..self.columns.len() {
            self.place = 0;
            let Column { left, status, start, .. } = self.columns[index];
            if left > 0 || status == Status::Feed {
                self.only_feed = false;
                self.padding = start;
                if self.down() {
                    self.print_kept(index)?;
                } else {
                    self.read_line(index)?;
                }
                self.columns[index].left -= 1;
                if self.columns[index].left <= 0 && !self.is_ready() {
                    break;
                }
                let status = self.columns[index].status;
                let ended = status == Status::Closed || status == Status::Held && self.only_feed;
                match self.merged() && status != Status::Open {
                    true if self.empty => self.align_empty = true,
                    true if ended => self.align(index)?,
                    _ => {}
                }
            } else if self.merged() {
                match self.empty {
                    true => self.align_empty = true,
                    false => self.align(index)?,
                }
            }
            self.separators += i64::from(self.layout.separated);
        }
        Ok(())
    }

    /// Goes to where a column's text begins, over what separates it.
    fn enter(&mut self) -> Result<(), Spent> {
        if self.padding > self.separator_width() {
            self.sheet.pad(self.padding - self.separator_width())?;
            self.padding = ANYWHERE;
        }
        if self.layout.separated {
            self.sheet.separator(&self.layout.separator, &mut self.separators)?;
        }
        Ok(())
    }

    /// Goes over a column that has nothing any more beside others that have.
    fn align(&mut self, index: usize) -> Result<(), Fault> {
        self.padding = self.columns[index].start;
        self.enter()?;
        if self.columns[index].numbered { self.put_number() } else { Ok(()) }
    }

    /// Keeps the lines of one page, and shares them out between the columns.
    fn fill(&mut self, call: &Call<'_, '_>) -> Result<(), Fault> {
        self.store.clear();
        self.lines.truncate(0);
        for column in &mut self.columns {
            column.kept = 0;
        }
        'page: for index in 0..self.columns.len() {
            for _ in 0..self.layout.rows {
                if self.columns[index].status != Status::Open {
                    break 'page;
                }
                call.shell.system.budget.step()?;
                let before = self.store.len();
                self.place = 0;
                self.read_line(index)?;
                if self.columns[index].status == Status::Open || self.store.len() != before {
                    // For how long a page goes on is known before the lines are shared out: a column that ends
                    // while it has none is over.
                    self.columns[index].kept += 1;
                    self.lines.push((self.store.len(), self.place))?;
                }
            }
        }
        let (total, columns) = (self.lines.len(), self.columns.len());
        let mut next = 0;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let count = total / columns + usize::from(index < total % columns);
            column.kept = i64::try_from(count).unwrap_or(i64::MAX);
            column.next = next;
            next += count;
        }
        Ok(())
    }

    /// Prints a line that was kept.
    fn print_kept(&mut self, index: usize) -> Result<(), Fault> {
        let line = self.columns[index].next;
        self.columns[index].next += 1;
        self.inked = true;
        self.head()?;
        if self.columns[index].status == Status::Feed {
            for column in &mut self.columns {
                column.status = Status::Held;
            }
            if self.columns[0].left <= 0 {
                self.inked = self.layout.extremities;
                return Ok(());
            }
        }
        self.enter()?;
        let Some(&(end, width)) = self.lines.get(line) else { return Ok(()) };
        let start = line.checked_sub(1).and_then(|before| self.lines.get(before)).map_or(0, |(end, _)| *end);
        for at in start..end {
            self.sheet.letter(self.store[at])?;
        }
        if self.sheet.blanks == 0 {
            let start = self.columns[index].start;
            let first = start - self.separator_width() == self.layout.margin;
            self.sheet.position = start + width - if first { self.separator_width() } else { 0 };
        }
        Ok(())
    }

    /// Prints the header if this page still lacks it.
    fn head(&mut self) -> Result<(), Fault> {
        if !self.header_due {
            return Ok(());
        }
        let [date, text] = self.title.as_slice() else { return Ok(()) };
        self.sheet.position = 0;
        self.sheet.pad(self.layout.margin)?;
        self.sheet.settle()?;
        let page = format!("Page {}", self.page);
        let width = |text: &[u8]| text.iter().filter(|byte| !byte.is_ascii_control()).count();
        let used = width(date) + width(text) + page.len();
        let room = (self.layout.width - i64::try_from(used).unwrap_or(i64::MAX)).max(0);
        let ink = &mut self.sheet.ink;
        let blanks = |count: i64| usize::try_from(count).unwrap_or(0);
        ink.extend(b"\n\n")?;
        ink.repeat(b' ', blanks(self.layout.margin))?;
        ink.extend(date)?;
        ink.repeat(b' ', blanks(room / 2).max(1))?;
        ink.extend(text)?;
        ink.repeat(b' ', blanks(room - room / 2).max(1))?;
        ink.extend(page.as_bytes())?;
        ink.extend(b"\n\n\n")?;
        self.header_due = false;
        self.sheet.position = 0;
        Ok(())
    }
}
