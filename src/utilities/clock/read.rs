//! Moments as people write them: what date(1) reads after `-d`.

use jiff::civil::Date;
use jiff::civil::Time;

use self::Token::Blank;
use self::Token::Mark;
use self::Token::Number;
use self::Token::Word;
use super::format::MONTHS;
use super::format::WEEKDAYS;
use crate::deb::date::civil;
use crate::deb::date::seconds as seconds_of;
use crate::utilities::Fault;
use crate::utilities::show;

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
            tokens.push(Number(rest[..length].to_owned()));
            length
        } else if first.is_ascii_alphabetic() {
            let length = run(|letter| letter.is_ascii_alphabetic());
            tokens.push(Word(rest[..length].to_owned()));
            length
        } else if first.is_ascii_whitespace() {
            let length = run(|letter| letter.is_ascii_whitespace());
            tokens.push(Blank);
            length
        } else {
            if !":-+/.,".contains(first) {
                return None;
            }
            tokens.push(Mark(first));
            1
        };
        rest = &rest[length..];
    }
    Some(tokens)
}

impl Moment {
    /// Reads one thing; says of how many tokens, `None` when it is nothing known.
    fn read(&mut self, tokens: &[Token]) -> Option<usize> {
        if let Some((date, used)) = date(tokens) {
            return self.date.replace(date).is_none().then_some(used);
        }
        match tokens {
            [Blank | Mark(','), ..] => Some(1),
            [Number(hour), Mark(':'), Number(_), ..] if hour.len() <= 2 => self.clock(tokens),
            [Word(name), Blank, Number(_), Blank, Number(_), Mark(':'), ..] if month_of(name).is_some() => {
                self.as_printed(tokens)
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
            [Number(digits), ..] if digits.len() == 8 => {
                let date = (number(&digits[..4])?, number(&digits[4..6])?, number(&digits[6..])?);
                self.date.replace(date).is_none().then_some(1)
            }
            [Word(word), rest @ ..] => self.word(word, rest),
            _ => None,
        }
    }

    /// `12:00`, `12:00:00`, and a zone behind it.
    fn clock(&mut self, tokens: &[Token]) -> Option<usize> {
        let [Number(hour), Mark(':'), Number(minute), rest @ ..] = tokens else { return None };
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

    /// date(1)'s own form behind the weekday, `Nov 28 12:00:00 UTC 2026`: the year comes last.
    fn as_printed(&mut self, tokens: &[Token]) -> Option<usize> {
        let [Word(name), Blank, Number(day), Blank, Number(hour), Mark(':'), Number(minute), rest @ ..] = tokens else {
            return None;
        };
        let [Mark(':'), Number(second), Blank, Word(zone), Blank, Number(year), ..] = rest else { return None };
        if !matches!(zone.as_str(), "utc" | "gmt") || year.len() != 4 {
            return None;
        }
        let before = self.date.replace((number(year)?, month_of(name)?, number(day)?)).is_some();
        let again = self.clock.replace((number(hour)?, number(minute)?, number(second)?)).is_some();
        self.zone = Some(0);
        (!before && !again).then_some(13)
    }

    /// A word that is no month's, with what belongs to it.
    fn word(&mut self, word: &str, rest: &[Token]) -> Option<usize> {
        match word {
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
        }
    }

    /// A zone right behind a clock: `+01:00`, `+0100`, `+01`, `Z`.
    fn zone_behind(&mut self, tokens: &[Token]) -> Option<usize> {
        let blank = usize::from(matches!(tokens, [Blank, ..]));
        let [Mark(sign @ ('+' | '-')), Number(digits), rest @ ..] = &tokens[blank..] else {
            return Some(0);
        };
        let (hours, minutes, used) = match (digits.len(), rest) {
            (1 | 2, [Mark(':'), Number(minutes), ..]) => (digits.parse().ok()?, minutes.parse().ok()?, 4),
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
        let ago = matches!(rest, [Blank, Word(word), ..] if word == "ago");
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
    pub(super) fn time(&self, now: i64, empty: bool) -> Option<Option<i64>> {
        let Some(today) = civil(now) else { return Some(None) };
        let today = (i64::from(today.year()), i64::from(today.month()), i64::from(today.day()));
        let (year, month, day) = self.date.unwrap_or(today);
        if !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let Some(first) = first_of(year, month) else { return Some(None) };
        if day > i64::from(first.days_in_month()) {
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
        let Some(first) = first_of(months.div_euclid(12), months.rem_euclid(12) + 1) else { return Some(None) };
        let seconds = if keep { now.rem_euclid(86_400) } else { hour * 3600 + minute * 60 + second };
        // A day that the month does not have is one of the next.
        let days = seconds_of(first.to_datetime(Time::midnight())) / 86_400 + day - 1;
        // A weekday beside a date moves on to it. Weekdays count from Sunday, and 1970-01-01 was a Thursday.
        let weekday = usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0);
        if self.weekday.is_some_and(|wanted| wanted != weekday) {
            return Some(None);
        }
        let time = days.checked_mul(86_400)?.checked_add(seconds)?.checked_sub(self.zone.unwrap_or(0))?;
        Some(Some(time.checked_add(self.seconds)?))
    }
}

fn number(digits: &str) -> Option<i64> {
    digits.parse().ok()
}

/// Year, month and day at the beginning, as numbers or with a month's name, and of how many tokens they are.
fn date(tokens: &[Token]) -> Option<((i64, i64, i64), usize)> {
    let (year, month, day, used) = match tokens {
        // 2026-11-28, and a T before the clock.
        [Number(year), Mark('-'), Number(month), Mark('-'), Number(day), rest @ ..] if year.len() >= 3 => {
            let joined = matches!(rest, [Word(t), Number(_), Mark(':'), ..] if t == "t");
            (year, number(month)?, day, 5 + usize::from(joined))
        }
        [Number(month), Mark('/'), Number(day), Mark('/'), Number(year), ..] if year.len() == 4 => {
            (year, number(month)?, day, 5)
        }
        [Number(day), Blank, Word(name), Blank, Number(year), ..]
        | [Number(day), Mark('-'), Word(name), Mark('-'), Number(year), ..]
            if year.len() == 4 =>
        {
            (year, month_of(name)?, day, 5)
        }
        [Word(name), Blank, Number(day), Mark(','), Blank, Number(year), ..] if year.len() == 4 => {
            (year, month_of(name)?, day, 6)
        }
        [Word(name), Blank, Number(day), Blank, Number(year), rest @ ..]
            if year.len() == 4 && !matches!(rest, [Mark(':'), ..]) =>
        {
            (year, month_of(name)?, day, 5)
        }
        _ => return None,
    };
    Some(((number(year)?, month, number(day)?), used))
}

/// The number of a month's name, whole or of three letters.
fn month_of(name: &str) -> Option<i64> {
    let is = |month: &&str| {
        let month = month.to_ascii_lowercase();
        name == month || name == &month[..3] || (name == "sept" && month == "september")
    };
    MONTHS.iter().position(is).and_then(|place| i64::try_from(place).ok()).map(|place| place + 1)
}

/// The first day of a month.
fn first_of(year: i64, month: i64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()
}
