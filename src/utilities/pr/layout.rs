//! What pages look like.

/// Lines of a header, and of a footer.
pub(super) const HEAD: i64 = 5;
pub(super) const FOOT: i64 = 5;

/// How what stands in columns is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// One column.
    Single,
    /// Down the first column, then down the next, as even as can be.
    Down,
    /// From column to column along each row.
    Across,
    /// Each column has its own file.
    Merged,
}

/// A byte that moves to the next multiple of a width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tab {
    pub(super) byte: u8,
    pub(super) width: i64,
}

/// Numbers before lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) separator: u8,
    pub(super) digits: i64,
    pub(super) first: i64,
    /// Lines of pages that are left out count.
    pub(super) counts: bool,
}

impl Numbers {
    /// A number with what separates it from the line: a tab goes to where it would from the first column.
    pub(super) const fn width(&self) -> i64 {
        self.digits + if self.separator == b'\t' { 8 - self.digits % 8 } else { 1 }
    }
}

/// How bytes are shown that have no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controls {
    AsIs,
    /// `^A`, and octal from 0200 on.
    Caret,
    Octal,
}

/// What pages look like.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) order: Order,
    pub(super) columns: i64,
    pub(super) pages: (u64, u64),
    /// Lines of text on a page.
    pub(super) rows: i64,
    pub(super) double: bool,
    /// Headers and footers.
    pub(super) extremities: bool,
    pub(super) keep_feeds: bool,
    /// Pages end with a form feed instead of empty lines.
    pub(super) feeds: bool,
    pub(super) width: i64,
    pub(super) margin: i64,
    /// So wide is a column; lines end there where they are cut.
    pub(super) column: i64,
    pub(super) cut: bool,
    pub(super) separator: Vec<u8>,
    pub(super) separated: bool,
    pub(super) numbers: Option<Numbers>,
    pub(super) tab: Tab,
    pub(super) expand: bool,
    /// Blanks become these where there are enough.
    pub(super) tabify: Option<Tab>,
    pub(super) controls: Controls,
}

/// The one of terminals.
pub(super) const TAB: Tab = Tab { byte: b'\t', width: 8 };
