//! date(1): the world's clock stands still at the source date epoch, in UTC.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("date", date)];

fn date(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("date", b'd'),
        ("utc", b'u'),
        ("universal", b'u'),
        ("reference", b'r'),
        ("rfc-email", b'R'),
        ("iso-8601", b'I'),
    ];
    let given = call.options("d:ur:RI::", &long)?;
    let now = call.shell.world.clock;
    let time = match (given.value(b'd'), given.value(b'r')) {
        (Some(text), _) => parse(text, now)?,
        (None, Some(path)) => {
            let missing = || Fault::failed(format!("{}: No such file or directory", show(path)));
            call.look(path, true).ok_or_else(missing)?.stat.mtime
        }
        (None, None) => now,
    };
    let plain: &[u8] = if given.has(b'R') {
        b"%a, %d %b %Y %H:%M:%S +0000"
    } else if given.has(b'I') {
        b"%Y-%m-%d"
    } else {
        b"%a %b %e %H:%M:%S UTC %Y"
    };
    let pattern = match given.operands.as_slice() {
        [] => plain,
        [only] if only.first() == Some(&b'+') => &only[1..],
        _ => return Err(Fault::gap("setting the clock")),
    };
    let line = format(pattern, time)?;
    call.out([line.as_slice(), b"\n"].concat())?;
    Ok(0)
}

/// The time that a text for `-d` names: `@seconds`, `now`, or a date of numbers.
///
/// # Errors
/// [`Fault::Gap`] for the many other forms of GNU's.
pub(super) fn parse(text: &[u8], now: i64) -> Result<i64, Fault> {
    let gap = || Fault::gap(format!("the date `{}`", show(text)));
    let text = std::str::from_utf8(text).map_err(|_| gap())?.trim();
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().map_err(|_| gap());
    }
    if text == "now" || text.is_empty() {
        return Ok(now);
    }
    if let Some(seconds) = of_words(text) {
        return Ok(seconds);
    }
    let numbers: Vec<&str> =
        text.trim_end_matches("UTC").trim_end_matches('Z').trim().split(['-', ':', ' ', 'T']).collect();
    let numbers =
        numbers.iter().map(|number| number.parse::<i64>()).collect::<Result<Vec<_>, _>>().map_err(|_| gap())?;
    let (year, month, day, clock) = match numbers.as_slice() {
        [year, month, day] => (*year, *month, *day, 0),
        [year, month, day, hour, minute] => (*year, *month, *day, hour * 3600 + minute * 60),
        [year, month, day, hour, minute, second] => (*year, *month, *day, hour * 3600 + minute * 60 + second),
        _ => return Err(gap()),
    };
    Ok(days(year, month, day) * 86_400 + clock)
}

/// What `date` itself prints by default: `Fri Nov 20 17:06:56 UTC 2026`.
fn of_words(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, month, day, clock, "UTC", year] = words.as_slice() else { return None };
    let month = i64::try_from(MONTHS.iter().position(|name| name == month)?).ok()? + 1;
    let clock: Vec<i64> = clock.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hour, minute, second] = clock.as_slice() else { return None };
    Some(days(year.parse().ok()?, month, day.parse().ok()?) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting years from March.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(day: i64) -> (i64, usize, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), usize::try_from(month).unwrap_or(1), day)
}

const MONTHS: [&str; 12] = [
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
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// A time in a format of date(1), in UTC and English.
///
/// # Errors
/// [`Fault::Gap`] for a directive that is not known.
pub(super) fn format(pattern: &[u8], time: i64) -> Result<Vec<u8>, Fault> {
    let (day, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    let (year, month, of_month) = date_of(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let weekday = WEEKDAYS[usize::try_from(day.rem_euclid(7)).unwrap_or(0)];
    let name = MONTHS[month - 1];
    let mut out = Vec::new();
    let mut rest = pattern.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut letter = rest.next();
        let plain = letter == Some(b'-');
        if plain {
            letter = rest.next();
        }
        let two = |value: i64| if plain { value.to_string() } else { format!("{value:02}") };
        let text = match letter {
            Some(b'Y') => year.to_string(),
            Some(b'y') => two(year.rem_euclid(100)),
            Some(b'm') => two(i64::try_from(month).unwrap_or(1)),
            Some(b'd') => two(of_month),
            Some(b'e') => format!("{of_month:2}"),
            Some(b'H') => two(hour),
            Some(b'M') => two(minute),
            Some(b'S') => two(second),
            Some(b's') => time.to_string(),
            Some(b'j') => format!("{:03}", day - days(year, 1, 1) + 1),
            Some(b'F') => format!("{year}-{month:02}-{of_month:02}"),
            Some(b'T') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some(b'R') => format!("{hour:02}:{minute:02}"),
            Some(b'D') => format!("{month:02}/{of_month:02}/{:02}", year.rem_euclid(100)),
            Some(b'N') => "000000000".to_owned(),
            Some(b'z') => "+0000".to_owned(),
            Some(b'Z') => "UTC".to_owned(),
            Some(b'a') => weekday[..3].to_owned(),
            Some(b'A') => weekday.to_owned(),
            Some(b'b' | b'h') => name[..3].to_owned(),
            Some(b'B') => name.to_owned(),
            Some(b'u') => ((day + 3).rem_euclid(7) + 1).to_string(),
            Some(b'w') => (day + 4).rem_euclid(7).to_string(),
            Some(b'n') => "\n".to_owned(),
            Some(b't') => "\t".to_owned(),
            Some(b'%') => "%".to_owned(),
            other => return Err(Fault::gap(format!("format %{}", other.map_or(' ', char::from)))),
        };
        out.extend(text.into_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for (time, wanted) in [
            (0, "Thu 1970-01-01 00:00:00 001"),
            (951_782_400, "Tue 2000-02-29 00:00:00 060"),
            (1_757_635_199, "Thu 2025-09-11 23:59:59 254"),
            (4_102_444_799, "Thu 2099-12-31 23:59:59 365"),
        ] {
            assert_eq!(format(b"%a %F %T %j", time).expect("known"), wanted.as_bytes());
            assert_eq!(parse(&wanted.as_bytes()[4..23], 0).expect("a date"), time);
        }
        assert!(parse(b"next thursday", 0).is_err() && format(b"%Q", 0).is_err());
    }
}
