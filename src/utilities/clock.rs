//! date(1): the system's clock stands still at the source date epoch, in UTC.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("date", date)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'd', "date"),
    Opt::value(b'r', "reference"),
    Opt::flag(b'u', "utc universal"),
    Opt::flag(b'R', "rfc-email"),
    Opt::attached(b'I', "iso-8601"),
    Opt::value(1, "rfc-3339"),
];

fn date(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let now = call.shell.system.clock;
    let zone = call.shell.environment().find(|(name, _)| *name == b"TZ").map(|(_, zone)| zone.to_vec());
    let universal: [&[u8]; 8] = [b"", b"UTC", b"UTC0", b"UTC-0", b"Etc/UTC", b":UTC", b":Etc/UTC", b"Universal"];
    if !given.has(b'u') && zone.is_some_and(|zone| !universal.contains(&zone.as_slice())) {
        return Err(Fault::gap("another time zone"));
    }
    let time = match (given.value(b'd'), given.value(b'r')) {
        (Some(_), Some(_)) => {
            return Err(Fault::failed("the options to specify dates for printing are mutually exclusive"));
        }
        (Some(text), None) => parse(text, now)?,
        (None, Some(path)) => {
            let missing = || Fault::failed(format!("{}: No such file or directory", show(path)));
            call.look(path, true).ok_or_else(missing)?.stat.mtime
        }
        (None, None) => now,
    };
    let mut forms: Vec<&[u8]> = Vec::new();
    for (letter, unit) in &given.all {
        match letter {
            b'R' => forms.push(b"%a, %d %b %Y %H:%M:%S +0000"),
            b'I' => forms.push(iso(unit, true)?),
            1 => forms.push(iso(unit, false)?),
            _ => {}
        }
    }
    match given.operands.as_slice() {
        [] => {}
        [only] if only.first() == Some(&b'+') => forms.push(&only[1..]),
        [only] if given.has(b'd') || given.has(b'r') => {
            let what = format!("the argument '{}' lacks a leading '+'", show(only));
            return Err(Fault::failed(what));
        }
        [_] => return Err(Fault::gap("setting the clock")),
        [_, extra, ..] => return Err(Fault::failed(format!("extra operand '{}'", show(extra)))),
    }
    if forms.len() > 1 {
        return Err(Fault::failed("multiple output formats specified"));
    }
    let pattern = forms.pop().unwrap_or(b"%a %b %e %H:%M:%S UTC %Y");
    let line = format(pattern, time)?;
    call.shell.spend(line.len())?;
    call.out([line.as_slice(), b"\n"].concat())?;
    Ok(0)
}

/// The format of `-I`, and with a blank of `--rfc-3339`.
fn iso(unit: &[u8], letter: bool) -> Result<&'static [u8], Fault> {
    let names: [&[u8]; 5] = [b"date", b"hours", b"minutes", b"seconds", b"ns"];
    // The beginning of a name will do.
    let unit = names.into_iter().find(|name| !unit.is_empty() && name.starts_with(unit)).unwrap_or(unit);
    Ok(match (unit, letter) {
        (b"" | b"date", true) | (b"date", false) => b"%Y-%m-%d",
        (b"hours", true) => b"%Y-%m-%dT%H+00:00",
        (b"minutes", true) => b"%Y-%m-%dT%H:%M+00:00",
        (b"seconds", true) => b"%Y-%m-%dT%H:%M:%S+00:00",
        (b"ns", true) => b"%Y-%m-%dT%H:%M:%S,%N+00:00",
        (b"seconds", false) => b"%Y-%m-%d %H:%M:%S+00:00",
        (b"ns", false) => b"%Y-%m-%d %H:%M:%S.%N+00:00",
        _ => return Err(Fault::failed(format!("invalid argument '{}'", show(unit)))),
    })
}

/// What a text for `-d` says, before it becomes a time.
#[derive(Debug, Default)]
struct Moment {
    date: Option<(i64, i64, i64)>,
    clock: Option<(i64, i64, i64)>,
    weekday: Option<usize>,
    /// Seconds east of Greenwich.
    zone: Option<i64>,
    months: i64,
    seconds: i64,
    /// Only days, months and the like were named: the clock of now stays.
    relative: bool,
}

/// The time that a text for `-d` names: `@seconds`, `now`, dates of numbers or with a month's name, clocks, zones by
/// their distance from UTC, and what is added to them.
///
/// # Errors
/// A date that does not exist, as date(1) says it; [`Fault::Gap`] for the many other forms of GNU's.
pub(crate) fn parse(text: &[u8], now: i64) -> Result<i64, Fault> {
    let gap = || Fault::gap(format!("the date `{}`", show(text)));
    let invalid = || Fault::failed(format!("invalid date '{}'", show(text)));
    let plain = std::str::from_utf8(text).ok().filter(|text| text.is_ascii() && text.len() < 200).ok_or_else(gap)?;
    let plain = plain.trim().to_ascii_lowercase();
    if let Some(seconds) = plain.strip_prefix('@') {
        return seconds.parse().map_err(|_| gap());
    }
    let mut moment = Moment::default();
    let tokens = tokens(&plain).ok_or_else(gap)?;
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let used = moment.read(rest).ok_or_else(gap)?;
        rest = &rest[used..];
    }
    moment.time(now, plain.is_empty()).ok_or_else(invalid)?.ok_or_else(gap)
}

/// A piece of a date: digits, letters, or one other byte.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number(String),
    Word(String),
    Mark(char),
    Blank,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |accepts: fn(char) -> bool| rest.find(|letter| !accepts(letter)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let length = run(|letter| letter.is_ascii_digit());
            tokens.push(Token::Number(rest[..length].to_owned()));
            length
        } else if first.is_ascii_alphabetic() {
            let length = run(|letter| letter.is_ascii_alphabetic());
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        } else if first.is_ascii_whitespace() {
            let length = run(|letter| letter.is_ascii_whitespace());
            tokens.push(Token::Blank);
            length
        } else {
            if !":-+/.,".contains(first) {
                return None;
            }
            tokens.push(Token::Mark(first));
            1
        };
        rest = &rest[length..];
    }
    Some(tokens)
}

impl Moment {
    /// Reads one thing; says of how many tokens, `None` when it is nothing known.
    fn read(&mut self, tokens: &[Token]) -> Option<usize> {
        use Token::Blank;
        use Token::Mark;
        use Token::Number;
        use Token::Word;
        let number = |text: &String| text.parse::<i64>().ok();
        match tokens {
            [Blank | Mark(','), ..] => Some(1),
            // 2026-11-28, and a T before the clock.
            [Number(year), Mark('-'), Number(month), Mark('-'), Number(day), rest @ ..] if year.len() >= 3 => {
                self.day(number(year)?, number(month)?, number(day)?)?;
                let joined = matches!(rest, [Word(t), Number(_), Mark(':'), ..] if t == "t");
                Some(5 + usize::from(joined))
            }
            [Number(month), Mark('/'), Number(day), Mark('/'), Number(year), ..] if year.len() == 4 => {
                self.day(number(year)?, number(month)?, number(day)?)?;
                Some(5)
            }
            [Number(hour), Mark(':'), Number(minute), rest @ ..] if hour.len() <= 2 => {
                let (mut second, mut used) = (0, 3);
                if let [Mark(':'), Number(seconds), ..] = rest {
                    second = number(seconds)?;
                    used = 5;
                    // Parts of a second fall away, unless somebody looks at them.
                    if let [_, _, Mark('.' | ','), Number(part), ..] = rest {
                        if !part.bytes().all(|digit| digit == b'0') {
                            return None;
                        }
                        used = 7;
                    }
                }
                if self.clock.replace((number(hour)?, number(minute)?, second)).is_some() {
                    return None;
                }
                self.zone_behind(&tokens[used..]).map(|zone| used + zone)
            }
            // 28 Nov 2026, Nov 28 2026, Nov 28
            [Number(day), Blank, Word(name), Blank, Number(year), ..]
                if month_of(name).is_some() && year.len() == 4 =>
            {
                self.day(number(year)?, month_of(name)?, number(day)?)?;
                Some(5)
            }
            [Number(day), Mark('-'), Word(name), Mark('-'), Number(year), ..]
                if month_of(name).is_some() && year.len() == 4 =>
            {
                self.day(number(year)?, month_of(name)?, number(day)?)?;
                Some(5)
            }
            [Word(name), Blank, Number(day), Mark(','), Blank, Number(year), ..]
                if month_of(name).is_some() && year.len() == 4 =>
            {
                self.day(number(year)?, month_of(name)?, number(day)?)?;
                Some(6)
            }
            [Word(name), Blank, Number(day), Blank, Number(year), rest @ ..]
                if month_of(name).is_some() && year.len() == 4 && !matches!(rest, [Mark(':'), ..]) =>
            {
                self.day(number(year)?, month_of(name)?, number(day)?)?;
                Some(5)
            }
            // date(1)'s own form: the year comes last.
            [
                Word(name),
                Blank,
                Number(day),
                Blank,
                Number(hour),
                Mark(':'),
                Number(minute),
                Mark(':'),
                Number(second),
                Blank,
                Word(zone),
                Blank,
                Number(year),
                ..,
            ] if month_of(name).is_some() && matches!(zone.as_str(), "utc" | "gmt") && year.len() == 4 => {
                self.day(number(year)?, month_of(name)?, number(day)?)?;
                self.zone = Some(0);
                let clock = (number(hour)?, number(minute)?, number(second)?);
                self.clock.replace(clock).is_none().then_some(13)
            }
            [Number(count), Blank, Word(unit), rest @ ..] => self.add(number(count)?, unit, rest).map(|used| 3 + used),
            [Number(count), Word(unit), rest @ ..] => self.add(number(count)?, unit, rest).map(|used| 2 + used),
            [Mark(sign @ ('+' | '-')), Number(count), rest @ ..] => {
                let count = number(count)?;
                let count = if *sign == '-' { count.checked_neg()? } else { count };
                let blank = usize::from(matches!(rest, [Blank, ..]));
                let [Word(unit), more @ ..] = &rest[blank..] else { return None };
                self.add(count, unit, more).map(|used| 3 + blank + used)
            }
            [Number(digits), ..] if digits.len() == 8 && self.date.is_none() => {
                self.day(
                    number(&digits[..4].to_owned())?,
                    number(&digits[4..6].to_owned())?,
                    number(&digits[6..].to_owned())?,
                )?;
                Some(1)
            }
            [Word(word), rest @ ..] => match word.as_str() {
                "utc" | "gmt" | "z" => self.zone.replace(0).is_none().then_some(1),
                "now" | "today" => {
                    self.relative = true;
                    Some(1)
                }
                "tomorrow" => self.add(1, "day", &[]).map(|_| 1),
                "yesterday" => self.add(-1, "day", &[]).map(|_| 1),
                "sec" | "second" | "min" | "minute" | "hour" | "day" | "week" | "month" | "year" => {
                    self.add(1, word, rest).map(|used| 1 + used)
                }
                "next" | "last" => {
                    let [Blank, Word(unit), ..] = rest else { return None };
                    self.add(if word == "next" { 1 } else { -1 }, unit, &[]).map(|_| 3)
                }
                name => {
                    let day = (name.len() >= 3)
                        .then(|| WEEKDAYS.iter().position(|day| day.to_ascii_lowercase().starts_with(name)))??;
                    self.weekday.replace(day).is_none().then_some(1)
                }
            },
            _ => None,
        }
    }

    fn day(&mut self, year: i64, month: i64, day: i64) -> Option<()> {
        self.date.replace((year, month, day)).is_none().then_some(())
    }

    /// A zone right behind a clock: `+01:00`, `+0100`, `+01`, `Z`.
    fn zone_behind(&mut self, tokens: &[Token]) -> Option<usize> {
        let blank = usize::from(matches!(tokens, [Token::Blank, ..]));
        let [Token::Mark(sign @ ('+' | '-')), Token::Number(digits), rest @ ..] = &tokens[blank..] else {
            return Some(0);
        };
        let (hours, minutes, used) = match (digits.len(), rest) {
            (1 | 2, [Token::Mark(':'), Token::Number(minutes), ..]) => (digits.parse().ok()?, minutes.parse().ok()?, 4),
            (1 | 2, _) => (digits.parse().ok()?, 0, 2),
            (4, _) => (digits[..2].parse().ok()?, digits[2..].parse().ok()?, 2),
            _ => return None,
        };
        let (hours, minutes): (i64, i64) = (hours, minutes);
        if hours > 24 || minutes > 59 {
            return None;
        }
        let east = hours * 3600 + minutes * 60;
        self.zone.replace(if *sign == '-' { -east } else { east }).is_none().then_some(blank + used)
    }

    /// Something to add; an `ago` behind it takes it away.
    fn add(&mut self, count: i64, unit: &str, rest: &[Token]) -> Option<usize> {
        let ago = matches!(rest, [Token::Blank, Token::Word(word), ..] if word == "ago");
        let count = if ago { count.checked_neg()? } else { count };
        let unit = if unit.len() > 3 { unit.strip_suffix('s').unwrap_or(unit) } else { unit };
        let seconds = match unit {
            "sec" | "second" => 1,
            "min" | "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 7 * 86_400,
            "fortnight" => 14 * 86_400,
            "month" => {
                self.months = self.months.checked_add(count)?;
                0
            }
            "year" => {
                self.months = self.months.checked_add(count.checked_mul(12)?)?;
                0
            }
            _ => return None,
        };
        self.seconds = self.seconds.checked_add(count.checked_mul(seconds)?)?;
        self.relative = true;
        Some(if ago { 2 } else { 0 })
    }

    /// The time; `None`: there is none such; `Some(None)`: what is not known how to compute.
    fn time(&self, now: i64, empty: bool) -> Option<Option<i64>> {
        let today = date_of(now.div_euclid(86_400));
        let (mut year, mut month, mut day) =
            self.date.unwrap_or((today.0, i64::try_from(today.1).unwrap_or(1), today.2));
        if !(1..=12).contains(&month) || day < 1 || day > length_of(year, month) {
            return None;
        }
        if self.date.is_none() && self.weekday.is_some() {
            return Some(None);
        }
        let keep = self.date.is_none() && self.clock.is_none() && self.relative && !empty;
        let (hour, minute, second) = self.clock.unwrap_or((0, 0, 0));
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
            return None;
        }
        let months = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(self.months)?;
        (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        // A day that the month does not have is one of the next.
        let beyond = day - 1;
        day = 1;
        if !(-100_000_000..100_000_000).contains(&year) {
            return None;
        }
        let seconds = if keep { now.rem_euclid(86_400) } else { hour * 3600 + minute * 60 + second };
        let days = days(year, month, day) + beyond;
        // A weekday beside a date moves on to it.
        let weekday = usize::try_from(days.rem_euclid(7)).unwrap_or(0);
        if self.weekday.is_some_and(|wanted| wanted != weekday) {
            return Some(None);
        }
        let time = days.checked_mul(86_400)?.checked_add(seconds)?.checked_sub(self.zone.unwrap_or(0))?;
        Some(Some(time.checked_add(self.seconds)?))
    }
}

/// The number of a month's name, whole or of three letters.
fn month_of(name: &str) -> Option<i64> {
    let is = |month: &&str| {
        let month = month.to_ascii_lowercase();
        name == month || name == &month[..3] || (name == "sept" && month == "september")
    };
    MONTHS.iter().position(is).and_then(|place| i64::try_from(place).ok()).map(|place| place + 1)
}

/// How many days a month has.
const fn length_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
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
    fn number(&self, value: i64, width: usize, fill: u8) -> String {
        let width = self.width.unwrap_or(width);
        match self.fill.unwrap_or(fill) {
            b'-' => value.to_string(),
            b'_' => format!("{value:width$}"),
            _ if value < 0 => format!("-{:0>1$}", value.unsigned_abs(), width.saturating_sub(1)),
            _ => format!("{value:0>width$}"),
        }
    }

    /// A text, with blanks before it up to a width.
    fn text(&self, text: &str) -> String {
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
pub(super) fn format(pattern: &[u8], time: i64) -> Result<Vec<u8>, Fault> {
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

    #[test]
    fn dates_are_read() {
        // 2026-11-28 12:34:56
        const NOW: i64 = 1_795_869_296;
        let cases = [
            ("", 1_795_824_000),
            ("now", NOW),
            ("@5", 5),
            ("2026-11-28", 1_795_824_000),
            ("2026-11-28T12:34:56Z", NOW),
            ("2026-11-28 13:34:56 +0100", NOW),
            ("2026-11-28 13:34:56+01:00", NOW),
            ("Sat Nov 28 12:34:56 UTC 2026", NOW),
            ("Sat, 28 Nov 2026 12:34:56 +0000", NOW),
            ("28 November 2026", 1_795_824_000),
            ("Nov 28, 2026", 1_795_824_000),
            ("11/28/2026 12:34", NOW - 56),
            ("20261128", 1_795_824_000),
            ("1 day ago", NOW - 86_400),
            ("tomorrow", NOW + 86_400),
            ("+2 hours", NOW + 7200),
            ("2026-01-31 1 month", 1_772_496_000),
            ("2024-02-29 +1 year", 1_740_787_200),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text.as_bytes(), NOW).ok(), Some(wanted), "{text}");
        }
        for text in ["2026-02-29", "2026-13-01", "2026-04-31", "2026-11-28 24:00", "2026-11-28 12:60", "11/31/2026"] {
            assert!(matches!(parse(text.as_bytes(), NOW), Err(Fault::Failed(1, _))), "{text}");
        }
        for text in [
            "2026-11-28 9223372036854775807:00",
            "monday",
            "9223372036854775807 weeks",
            "99999999999999999999",
            "9223372036854775807-01-01",
            "-9223372036854775808 sec",
            "Fri Nov 28 2026",
        ] {
            assert!(parse(text.as_bytes(), NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn directives_have_flags() {
        let shown = |pattern: &str| show(&format(pattern.as_bytes(), 1_757_635_199).expect(pattern));
        assert_eq!(shown("%-m %_m %m %3d %^a %10A|%-I %p %l"), "9  9 09 011 THU   Thursday|11 PM 11");
        assert_eq!(shown("%G-W%V-%u %U %W %j %3N %:z %C %q %e"), "2025-W37-4 36 36 254 000 +00:00 20 3 11");
        for time in [i64::MIN, i64::MAX] {
            assert!(!format(b"%c %j %V %U", time).expect("a year").is_empty());
        }
    }
}
