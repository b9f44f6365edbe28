//! Lines, byte by byte: what of each comes into its column, and where a page or a text is over.

use super::Press;
use super::Status;
use crate::budget::Spent;
use crate::utilities::Fault;
use crate::utilities::pr::layout::Controls;

/// What one byte of a text becomes.
struct Clump {
    bytes: [u8; 4],
    length: usize,
    /// This many blanks instead.
    blanks: i64,
}

/// How the beginning of a line comes out.
enum Begun {
    /// All was read that there is of it.
    Done,
    /// More than there is room for.
    TooMuch,
    Text(Clump),
}

impl Press<'_> {
    /// Puts a byte of a line to where lines of this page go.
    fn put(&mut self, byte: u8) -> Result<(), Spent> {
        if self.down() { self.store.push(byte) } else { self.sheet.letter(byte) }
    }

    fn put_clump(&mut self, clump: &Clump) -> Result<(), Spent> {
        for &byte in &clump.bytes[..clump.length] {
            self.put(byte)?;
        }
        for _ in 0..clump.blanks {
            self.put(b' ')?;
        }
        Ok(())
    }

    /// Puts the number of a line; of one that is too long its end.
    pub(super) fn put_number(&mut self) -> Result<(), Fault> {
        let Some(numbers) = self.layout.numbers else { return Ok(()) };
        if self.number > i64::from(i32::MAX) {
            return Err(Fault::gap("a line number beyond 2147483647"));
        }
        let digits = usize::try_from(numbers.digits).unwrap_or(0);
        let number = format!("{:>digits$}", self.number);
        self.number += 1;
        for byte in number.bytes().skip(number.len() - digits) {
            self.put(byte)?;
        }
        if self.layout.columns > 1 && numbers.separator == b'\t' {
            for _ in numbers.digits..numbers.width() {
                self.put(b' ')?;
            }
        } else {
            self.put(numbers.separator)?;
            if self.layout.columns == 1 && numbers.separator == b'\t' {
                self.sheet.tabbed();
            }
        }
        if self.layout.cut && !self.merged() {
            self.place += numbers.width();
        }
        Ok(())
    }

    /// Reads a line into its column, and over what there is no room for.
    pub(super) fn read_line(&mut self, index: usize) -> Result<(), Fault> {
        let mut clump = match self.begin_line(index)? {
            Begun::Done => return Ok(()),
            Begun::TooMuch => return self.read_rest(index),
            Begun::Text(clump) => clump,
        };
        loop {
            self.put_clump(&clump)?;
            let before = self.place;
            match self.texts[self.columns[index].text].next() {
                Some(b'\n') => return Ok(()),
                Some(b'\x0c') => return self.feed(index),
                None => {
                    self.end(index);
                    return Ok(());
                }
                Some(byte) => clump = self.clump(byte),
            }
            if self.layout.cut && self.place > self.layout.column {
                self.place = before;
                return self.read_rest(index);
            }
        }
    }

    /// Reads the first byte of a line, and prints what stands before it.
    fn begin_line(&mut self, index: usize) -> Result<Begun, Fault> {
        let text = &mut self.texts[self.columns[index].text];
        let mut byte = text.next();
        if byte == Some(b'\x0c') && self.columns[index].full {
            byte = text.next();
            if byte == Some(b'\n') {
                byte = text.next();
            }
        }
        self.columns[index].full = false;
        let before = self.place;
        let clump = match byte {
            Some(b'\x0c') => {
                self.texts[self.columns[index].text].feed();
                self.only_feed = true;
                if self.header_due && !self.down() {
                    self.inked = true;
                    self.head()?;
                } else if self.layout.keep_feeds {
                    self.feed_due = true;
                }
                self.hold(index);
                return Ok(Begun::Done);
            }
            None => {
                self.end(index);
                return Ok(Begun::Done);
            }
            Some(b'\n') => None,
            Some(byte) => Some(self.clump(byte)),
        };
        if self.layout.cut && self.place > self.layout.column {
            self.place = before;
            return Ok(Begun::TooMuch);
        }
        if !self.down() {
            self.inked = true;
            self.head()?;
            if self.merged() && self.align_empty {
                self.align_columns(index)?;
            }
            self.enter()?;
        }
        if self.columns[index].numbered {
            self.put_number()?;
        }
        self.empty = false;
        Ok(clump.map_or(Begun::Done, Begun::Text))
    }

    /// Goes over the columns before the first one of a row that has something.
    fn align_columns(&mut self, index: usize) -> Result<(), Fault> {
        let before = usize::try_from(std::mem::take(&mut self.separators)).unwrap_or(0);
        for empty in 0..before {
            self.align(empty)?;
            self.separators += 1;
        }
        self.padding = self.columns[index].start;
        self.sheet.blanks = if self.layout.cut { self.layout.column } else { 0 };
        self.align_empty = false;
        Ok(())
    }

    /// Reads over the rest of a line.
    fn read_rest(&mut self, index: usize) -> Result<(), Fault> {
        loop {
            match self.texts[self.columns[index].text].next() {
                Some(b'\n') => return Ok(()),
                Some(b'\x0c') => return self.feed(index),
                None => {
                    self.end(index);
                    return Ok(());
                }
                Some(_) => {}
            }
        }
    }

    /// A form feed behind something.
    fn feed(&mut self, index: usize) -> Result<(), Fault> {
        self.texts[self.columns[index].text].feed();
        self.feed_due |= self.layout.keep_feeds;
        self.hold(index);
        Ok(())
    }

    /// The page is over for a column, and for those that read the same text.
    fn hold(&mut self, index: usize) {
        let status = if self.down() { Status::Feed } else { Status::Held };
        if self.merged() {
            self.columns[index].status = status;
        } else {
            for column in &mut self.columns {
                column.status = status;
            }
        }
        self.columns[index].left = 0;
    }

    /// The text is over for a column, and for those that read the same text.
    fn end(&mut self, index: usize) {
        if self.merged() {
            self.columns[index].status = Status::Closed;
            self.columns[index].left = 0;
            return;
        }
        for column in &mut self.columns {
            column.status = Status::Closed;
            if column.kept == 0 {
                column.left = 0;
            }
        }
    }

    /// What a byte becomes; moves on in the column.
    fn clump(&mut self, byte: u8) -> Clump {
        let layout = self.layout;
        let mut clump = Clump { bytes: [byte, 0, 0, 0], length: 1, blanks: 0 };
        let octal = [b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)];
        let mut width = 1;
        match byte {
            _ if byte == layout.tab.byte || byte == b'\t' => {
                let tab = if byte == layout.tab.byte { layout.tab.width } else { 8 };
                width = tab - self.place % tab;
                if layout.expand {
                    (clump.length, clump.blanks) = (0, width);
                }
            }
            b' '..=b'~' => {}
            _ if layout.controls == Controls::Octal || layout.controls == Controls::Caret && byte >= 0x80 => {
                (clump.bytes, clump.length, width) = (octal, 4, 4);
            }
            _ if layout.controls == Controls::Caret => {
                (clump.bytes, clump.length, width) = ([b'^', byte ^ 0x40, 0, 0], 2, 2);
            }
            8 => width = -1,
            _ => width = 0,
        }
        if width < 0 && self.place == 0 {
            clump.length = 0;
        }
        self.place = (self.place + width).max(0);
        clump
    }

    /// Goes over a page.
    pub(super) fn skip_page(&mut self) -> Result<(), Fault> {
        for row in 1..=self.layout.rows {
            let mut open = false;
            for index in 0..self.columns.len() {
                if self.columns[index].status == Status::Open {
                    open = true;
                    self.skip_line(index, row == self.layout.rows);
                }
            }
            if !open {
                break;
            }
        }
        for column in self.columns.iter_mut().filter(|column| column.status == Status::Feed) {
            column.status = Status::Held;
        }
        self.go_on();
        Ok(())
    }

    /// Goes over a line of a page that is not printed.
    fn skip_line(&mut self, index: usize, last: bool) {
        let text = self.columns[index].text;
        let mut byte = self.texts[text].next();
        if byte == Some(b'\x0c') && self.columns[index].full {
            byte = self.texts[text].next();
            if byte == Some(b'\n') {
                byte = self.texts[text].next();
            }
        }
        self.columns[index].full = last;
        let only_feed = byte == Some(b'\x0c');
        while byte != Some(b'\n') {
            match byte {
                Some(b'\x0c') => {
                    if last {
                        let merged = self.merged();
                        for (at, column) in self.columns.iter_mut().enumerate() {
                            column.full &= merged && at != index;
                        }
                    }
                    self.texts[text].feed();
                    self.hold(index);
                    break;
                }
                None => {
                    self.end(index);
                    break;
                }
                Some(_) => byte = self.texts[text].next(),
            }
        }
        let counts = self.layout.numbers.is_some_and(|numbers| numbers.counts);
        if counts && !only_feed && (!self.merged() || index == 0) {
            self.number += 1;
        }
    }
}
