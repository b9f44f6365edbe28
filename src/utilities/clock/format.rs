//! Moments written by a pattern.

use super::calendar::MONTHS;
use super::calendar::WEEKDAYS;
use super::calendar::date_of;
use super::calendar::days;
use crate::utilities::Fault;

/// How a directive is shown.
#[derive(Debug, Default)]
struct Manner {
    /// `-`, `_`, `0`: what fills up.
    fill: Option<u8>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
}

impl Manner {
    /// A number that is filled up to a width.
    pub(super) fn number(&self, value: i64, width: usize, fill: u8) -> String {
        let width = self.width.unwrap_or(width);
        match self.fill.unwrap_or(fill) {
            b'-' => value.to_string(),
            b'_' => format!("{value:width$}"),
            _ if value < 0 => format!("-{:0>1$}", value.unsigned_abs(), width.saturating_sub(1)),
            _ => format!("{value:0>width$}"),
        }
    }

    /// A text, with blanks before it up to a width.
    pub(super) fn text(&self, text: &str) -> String {
        let text = if self.upper || self.swap { text.to_ascii_uppercase() } else { text.to_owned() };
        let width = self.width.unwrap_or(0);
        match self.fill {
            Some(b'0') => format!("{text:0>width$}"),
            Some(b'-') => text,
            _ => format!("{text:>width$}"),
        }
    }
}

/// A time taken apart.
struct Parts {
    time: i64,
    day: i64,
    year: i64,
    month: usize,
    of_month: i64,
    of_year: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize,
}

impl Parts {
    fn of(time: i64) -> Self {
        let (day, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
        let (year, month, of_month) = date_of(day);
        let weekday = usize::try_from(day.rem_euclid(7)).unwrap_or(0);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self { time, day, year, month, of_month, of_year: day - days(year, 1, 1), hour, minute, second, weekday }
    }

    /// Days since Sunday.
    fn since_sunday(&self) -> i64 {
        (self.day + 4).rem_euclid(7)
    }

    /// ISO 8601's year and week: that of the Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.day - (self.day + 3).rem_euclid(7) + 3;
        let (year, _, _) = date_of(thursday);
        (year, (thursday - days(year, 1, 1)) / 7 + 1)
    }
}

/// A time in a format of date(1), in UTC and English.
///
/// # Errors
/// [`Fault::Gap`] for a directive that is not known.
pub(in crate::utilities) fn format(pattern: &[u8], time: i64) -> Result<Vec<u8>, Fault> {
    let parts = Parts::of(time);
    let mut out = Vec::new();
    let mut rest = pattern;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let mut manner = Manner::default();
        let mut used = 0;
        for byte in rest {
            match byte {
                b'-' | b'_' | b'0' => manner.fill = Some(*byte),
                b'^' => manner.upper = true,
                b'#' => manner.swap = true,
                _ => break,
            }
            used += 1;
        }
        let digits = rest[used..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            let width = std::str::from_utf8(&rest[used..used + digits]).ok().and_then(|width| width.parse().ok());
            manner.width = Some(width.filter(|width| *width <= 1000).ok_or_else(|| Fault::gap("so wide a date"))?);
        }
        used += digits;
        let colons = rest[used..].iter().take_while(|byte| **byte == b':').count();
        used += colons;
        let letter = rest.get(used).copied();
        rest = rest.get(used + 1..).unwrap_or_default();
        let text = directive(&parts, &manner, letter, colons)?;
        out.extend(text.into_bytes());
    }
    Ok(out)
}

fn directive(parts: &Parts, manner: &Manner, letter: Option<u8>, colons: usize) -> Result<String, Fault> {
    let Parts { time, year, month, of_month, of_year, hour, minute, second, .. } = *parts;
    let (weekday, name) = (WEEKDAYS[parts.weekday], MONTHS[month - 1]);
    let month = i64::try_from(month).unwrap_or(1);
    let twelve = (hour + 11).rem_euclid(12) + 1;
    let (iso_year, iso_week) = parts.iso_week();
    let two = |value: i64| manner.number(value, 2, b'0');
    let whole = |pattern: &[u8]| -> Result<String, Fault> {
        Ok(manner.text(&String::from_utf8_lossy(&format(pattern, time)?)))
    };
    let gap = || Fault::gap(format!("format %{}", letter.map_or(' ', char::from)));
    if colons > 0 && letter != Some(b'z') {
        return Err(gap());
    }
    Ok(match letter {
        Some(b'Y') => manner.number(year, if (0..=9999).contains(&year) { 4 } else { 1 }, b'0'),
        Some(b'C') => two(year.div_euclid(100)),
        Some(b'y') => two(year.rem_euclid(100)),
        Some(b'G') => manner.number(iso_year, 4, b'0'),
        Some(b'g') => two(iso_year.rem_euclid(100)),
        Some(b'V') => two(iso_week),
        Some(b'U') => two((of_year + 7 - parts.since_sunday()) / 7),
        Some(b'W') => two((of_year + 7 - (parts.since_sunday() + 6) % 7) / 7),
        Some(b'm') => two(month),
        Some(b'q') => manner.number((month + 2) / 3, 1, b'0'),
        Some(b'd') => two(of_month),
        Some(b'e') => manner.number(of_month, 2, b'_'),
        Some(b'H') => two(hour),
        Some(b'I') => two(twelve),
        Some(b'k') => manner.number(hour, 2, b'_'),
        Some(b'l') => manner.number(twelve, 2, b'_'),
        Some(b'M') => two(minute),
        Some(b'S') => two(second),
        Some(b's') => manner.number(time, 1, b'0'),
        Some(b'j') => manner.number(of_year + 1, 3, b'0'),
        Some(b'F') => whole(b"%Y-%m-%d")?,
        Some(b'T' | b'X') => whole(b"%H:%M:%S")?,
        Some(b'R') => whole(b"%H:%M")?,
        Some(b'r') => whole(b"%I:%M:%S %p")?,
        Some(b'D' | b'x') => whole(b"%m/%d/%y")?,
        Some(b'c') => whole(b"%a %b %e %H:%M:%S %Y")?,
        // Parts of a second: a width is how many digits.
        Some(b'N') if manner.fill.is_none() => "0".repeat(manner.width.unwrap_or(9)),
        Some(b'z') if manner.fill.is_none() && manner.width.is_none() && colons <= 3 => {
            ["+0000", "+00:00", "+00:00:00", "+00"][colons].to_owned()
        }
        Some(b'Z') => manner.text("UTC"),
        Some(b'a') => manner.text(&weekday[..3]),
        Some(b'A') => manner.text(weekday),
        Some(b'b' | b'h') => manner.text(&name[..3]),
        Some(b'B') => manner.text(name),
        Some(b'p') => manner.text(if hour < 12 { "AM" } else { "PM" }),
        Some(b'P') => manner.text(if hour < 12 { "am" } else { "pm" }),
        Some(b'u') => manner.number((parts.since_sunday() + 6) % 7 + 1, 1, b'0'),
        Some(b'w') => manner.number(parts.since_sunday(), 1, b'0'),
        Some(b'n') => "\n".to_owned(),
        Some(b't') => "\t".to_owned(),
        Some(b'%') => "%".to_owned(),
        _ => return Err(gap()),
    })
}
