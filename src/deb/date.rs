//! Dates as Debian's Release files write them (RFC 5322 in UTC), and as seconds since 1970.

use jiff::SignedDuration;
use jiff::civil::DateTime;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The date and time in UTC; `None` outside of the years -9999 to 9999.
#[must_use]
pub(crate) fn civil(seconds: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// The reverse of [`civil`].
#[must_use]
pub(crate) fn seconds(civil: DateTime) -> i64 {
    civil.duration_since(EPOCH).as_secs()
}

/// As [`civil`], and outside of those years the nearest time in them.
fn nearest(seconds: i64) -> DateTime {
    civil(seconds).unwrap_or(if seconds < 0 { DateTime::MIN } else { DateTime::MAX })
}

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
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let month = i8::try_from(month + 1).ok()?;
    let midnight = DateTime::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?, 0, 0, 0, 0).ok()?;
    Some(seconds(midnight) + hour * 3600 + minute * 60 + second)
}

/// `2026-09-12`, for messages.
#[must_use]
pub fn day(seconds: i64) -> String {
    nearest(seconds).strftime("%Y-%m-%d").to_string()
}

/// `2026-09-12T07:55:41Z` (RFC 3339).
#[must_use]
pub fn iso(seconds: i64) -> String {
    nearest(seconds).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `20260912T075541Z`, as the snapshot archive names its moments.
#[must_use]
pub fn timestamp(seconds: i64) -> String {
    nearest(seconds).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `Sat, 12 Sep 2026 07:55:41 UTC`: what [`parse`] reads.
#[must_use]
pub fn format(seconds: i64) -> String {
    nearest(seconds).strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
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
        assert_eq!(iso(1_789_199_741), "2026-09-12T07:55:41Z");
        assert_eq!((day(i64::MAX), iso(i64::MIN)), ("9999-12-31".into(), "-9999-01-01T00:00:00Z".into()));
        assert_eq!(parse("Sat, 12 Sep 2026 07:55:60 UTC"), Some(1_789_199_760), "a leap second");
        assert_eq!(timestamp(1_789_199_741), "20260912T075541Z");
    }

    #[test]
    fn every_day_goes_there_and_back() {
        for days in (0..2_932_896).step_by(13) {
            let seconds = days * 86_400 + 1;
            assert_eq!(parse(&format(seconds)), Some(seconds), "day {days}");
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
