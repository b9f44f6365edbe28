//! Moments written by a pattern.

use jiff::civil::DateTime;

use crate::deb::date::civil;
use crate::utilities::Fault;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

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

/// A time in a format of date(1), in UTC and English.
///
/// # Errors
/// [`Fault::Gap`] for a directive that is not known, and for years of five digits.
pub(in crate::utilities) fn format(pattern: &[u8], time: i64) -> Result<Vec<u8>, Fault> {
    let moment = civil(time).ok_or_else(|| Fault::gap("a year of five digits"))?;
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
        let text = directive(time, moment, &manner, letter, colons)?;
        out.extend(text.into_bytes());
    }
    Ok(out)
}

fn directive(time: i64, moment: DateTime, manner: &Manner, letter: Option<u8>, colons: usize) -> Result<String, Fault> {
    let (year, month, of_month) = (i64::from(moment.year()), i64::from(moment.month()), i64::from(moment.day()));
    let (hour, minute, second) = (i64::from(moment.hour()), i64::from(moment.minute()), i64::from(moment.second()));
    let since_sunday = i64::from(moment.weekday().to_sunday_zero_offset());
    let of_year = i64::from(moment.day_of_year()) - 1;
    let iso = moment.date().iso_week_date();
    let (iso_year, iso_week) = (i64::from(iso.year()), i64::from(iso.week()));
    let weekday = WEEKDAYS[usize::try_from(since_sunday).expect("0 to 6")];
    let name = MONTHS[usize::try_from(month - 1).expect("0 to 11")];
    let twelve = (hour + 11).rem_euclid(12) + 1;
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
        Some(b'U') => two((of_year + 7 - since_sunday) / 7),
        Some(b'W') => two((of_year + 7 - (since_sunday + 6) % 7) / 7),
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
        Some(b'u') => manner.number((since_sunday + 6) % 7 + 1, 1, b'0'),
        Some(b'w') => manner.number(since_sunday, 1, b'0'),
        Some(b'n') => "\n".to_owned(),
        Some(b't') => "\t".to_owned(),
        Some(b'%') => "%".to_owned(),
        _ => return Err(gap()),
    })
}
