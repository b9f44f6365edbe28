//! Dates as Debian's Release files write them (RFC 5322 in UTC), and as seconds since 1970.

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY: i64 = 24 * 3600;

/// Parses `Sat, 12 Sep 2026 07:55:41 UTC`. Only UTC (also written `GMT`, `Z`, `+0000`), only years 1970 to 9999.
///
/// The name of the day is not compared with the date: archives that get it wrong exist, and nothing hangs on it.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next()?.strip_suffix(',')?;
    DAYS.contains(&name).then_some(())?;
    let day = number(words.next()?, 1..=2)?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|&name| name == month)?;
    let year = number(words.next()?, 4..=4)?;
    let time = words.next()?;
    let zone = words.next()?;
    if words.next().is_some() || !["UTC", "GMT", "Z", "+0000"].contains(&zone) || year < 1970 {
        return None;
    }
    let mut parts = time.split(':').map(|part| number(part, 1..=2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let month = i64::try_from(month).ok()? + 1;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    Some(days_since_1970(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// `2026-09-12`, for messages.
#[must_use]
pub fn day(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-09-12T07:55:41Z` (RFC 3339).
#[must_use]
pub fn iso(seconds: i64) -> String {
    let second = seconds.rem_euclid(DAY);
    format!("{}T{:02}:{:02}:{:02}Z", day(seconds), second / 3600, second / 60 % 60, second % 60)
}

/// `20260912T075541Z`, as the snapshot archive names its moments.
#[must_use]
pub fn timestamp(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// `Sat, 12 Sep 2026 07:55:41 UTC`: what [`parse`] reads.
#[must_use]
pub fn format(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY);
    let (year, month, day) = civil(days);
    let second = seconds.rem_euclid(DAY);
    // 1970-01-01 was a Thursday.
    let name = DAYS[usize::try_from((days + 3).rem_euclid(7)).expect("0 to 6")];
    let month = MONTHS[usize::try_from(month - 1).expect("0 to 11")];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} UTC")
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    let next = if month == 12 { days_since_1970(year + 1, 1, 1) } else { days_since_1970(year, month + 1, 1) };
    next - days_since_1970(year, month, 1)
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The reverse of [`days_since_1970`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // From `date -ud '…' +%s`.
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", 0),
            ("Sat, 12 Sep 2026 07:55:41 UTC", 1_789_199_741),
            ("Thu, 29 Feb 2024 23:59:59 UTC", 1_709_251_199),
            ("Fri, 31 Dec 9999 23:59:59 UTC", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
            assert_eq!(format(seconds), text);
        }
        assert_eq!(parse("Sat,  2 Sep 2026 7:05:41 +0000"), parse("Sat, 02 Sep 2026 07:05:41 GMT"));
        assert_eq!(day(1_789_199_741), "2026-09-12");
        assert_eq!(timestamp(1_789_199_741), "20260912T075541Z");
    }

    #[test]
    fn every_day_goes_there_and_back() {
        for days in (0..2_932_896).step_by(13) {
            assert_eq!(parse(&format(days * DAY + 1)), Some(days * DAY + 1), "day {days}");
        }
    }

    /// Case 19.
    #[test]
    fn what_is_no_date() {
        for bad in [
            "",
            "yesterday",
            "Sat, 12 Sep 2026 07:55:41",
            "Sat, 12 Sep 2026 07:55:41 CET",
            "Sat, 12 Sep 2026 07:55:41 +0200",
            "Sat, 12 Sep 2026 07:55 UTC",
            "Sat, 12 Sep 2026 24:00:00 UTC",
            "Sat, 31 Sep 2026 07:55:41 UTC",
            "Sat, 29 Feb 2026 07:55:41 UTC",
            "Sat, 12 Sep 99999 07:55:41 UTC",
            "Sat, 12 Sep 1969 07:55:41 UTC",
            "Sat, -1 Sep 2026 07:55:41 UTC",
            "Sat, 12 Sep +026 07:55:41 UTC",
            "Sat, 12 Sep 2026 07:55:41 UTC x",
            "2026-09-12T07:55:41Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
