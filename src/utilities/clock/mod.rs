//! date(1): the system's clock stands still at the source date epoch, in UTC.

mod format;
mod read;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::options::Opt;
use super::show;

pub(super) use format::format;
pub(crate) use read::parse;

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

/// Times are shown in UTC, which is the only zone there is.
pub(super) fn universal(call: &Call<'_, '_>) -> Result<(), Fault> {
    let zone = call.shell.environment().find(|(name, _)| *name == b"TZ").map(|(_, zone)| zone);
    let names: [&[u8]; 7] = [b"UTC", b"UTC0", b"UTC-0", b"Etc/UTC", b":UTC", b":Etc/UTC", b"Universal"];
    if zone.is_some_and(|zone| !names.contains(&zone)) { Err(Fault::gap("another time zone")) } else { Ok(()) }
}

fn date(call: &mut Call<'_, '_>) -> Done {
    let args = call.without_debug();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    let now = call.shell.system.clock;
    if !given.has(b'u') {
        universal(call)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_date_is_not_followed_where_it_is_heard() {
        let quiet = ("date --debug -u -d 2026-11-28 +%F; numfmt --debug --to=iec 2048", "2026-11-28\n2.0K\n", 0);
        super::super::recorded::says(&[quiet]);
        super::super::recorded::lacks(&[("date --debug -d 2026-11-28 2>&1", "option `--debug`")]);
    }

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
        assert!(parse(b"next thursday", 0).is_err() && format(b"%Q", 0).is_err() && format(b"%Y", i64::MAX).is_err());
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
        for time in [i64::MIN, -377_705_116_801, 253_402_300_800, i64::MAX] {
            assert!(matches!(format(b"%c %j %V %U", time), Err(Fault::Gap(_))), "{time}");
        }
        let ends = [-377_705_116_800, 253_402_300_799].map(|time| format(b"%F %j %u", time).expect("known"));
        assert_eq!(ends.map(|text| show(&text)), ["-9999-01-01 001 1", "9999-12-31 365 5"]);
    }
}
