//! update-inetd(8): services of inetd.conf(5).

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("update-inetd", inetd)], ..Package::of("update-inetd") };

const INETD: &[u8] = b"/etc/inetd.conf";
/// What an entry that packages have switched off begins with.
const OFF: &str = "#<off># ";

/// `update-inetd [--group G] --add ENTRY`, `--enable|--disable SERVICE[,…]`, and of what is not there `--remove REGEX` and
/// whatever has a `--pattern`
fn inetd(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("add", b'a'),
        ("enable", b'e'),
        ("disable", b'd'),
        ("group", b'g'),
        ("multi", b'm'),
        ("pattern", b'p'),
        ("remove", b'r'),
        ("verbose", b'v'),
    ];
    let given = call.options("+aedg:mp:rv", &long)?;
    let modes = given.all.iter().filter(|(letter, _)| b"aedr".contains(letter)).count();
    let ([argument], 1) = (given.operands.as_slice(), modes) else {
        return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
    };
    if call.look(INETD, true).is_none() {
        call.err("cannot change a service, /etc/inetd.conf does not exist")?;
        return Ok(0);
    }
    let text = show(&call.read(INETD)?);
    let lines: Vec<&str> = text.lines().collect();
    let is = |line: &str, start: &str, service: &str| {
        let rest = line.strip_prefix(start).and_then(|rest| rest.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
    };
    // Of several lines of a service, those that fit: where there is none of it, no matter.
    if given.has(b'p') && lines.iter().any(|line| is(line, "", &show(argument)) || is(line, OFF, &show(argument))) {
        return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
    }
    let switched = |on: bool, service: &str| -> Vec<String> {
        let turn = |line: &&str| match on {
            true if is(line, OFF, service) => line[OFF.len()..].to_owned(),
            false if is(line, "", service) => format!("{OFF}{line}"),
            _ => (*line).to_owned(),
        };
        lines.iter().map(turn).collect()
    };
    if given.has(b'r') {
        let pattern = show(argument);
        // An expression of a line's beginning: what it begins with, as it stands, is in every line that it fits.
        let service: String = pattern
            .trim_start_matches('^')
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        let fits = |line: &&str| line.strip_prefix(OFF).unwrap_or(line).starts_with(&service);
        return match service.is_empty() || lines.iter().any(fits) {
            true => Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
            false => Ok(0),
        };
    }
    let new: Vec<String> = if given.has(b'a') {
        let entry = show(argument).replace("\\t", "\t");
        let bare = entry.strip_prefix(OFF).unwrap_or_else(|| {
            // One that an administrator is to switch on.
            entry
                .strip_prefix('#')
                .filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphabetic()))
                .unwrap_or(&entry)
        });
        let service = bare.split_whitespace().next().unwrap_or_default();
        let is_known = entry.starts_with(OFF) && lines.iter().any(|line| is(line, OFF, service));
        if bare.starts_with('#') || service.is_empty() || service.len() == bare.len() || is_known {
            return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
        }
        if entry.starts_with(OFF) {
            // Nothing else is looked for.
            added(&lines, given.value(b'g'), entry.clone())
        } else if lines.iter().any(|line| is(line, OFF, service)) {
            switched(true, service)
        } else if let Some(line) = lines.iter().find(|line| is(line, "", service)) {
            if line.split_whitespace().ne(bare.split_whitespace()) {
                return Err(Fault::gap(format!("another entry for `{service}`")));
            }
            return Ok(0);
        } else if lines.iter().any(|line| line.strip_prefix('#').is_some_and(|line| is(line.trim_start(), "", service)))
        {
            // The administrator has switched it off.
            return Ok(0);
        } else {
            added(&lines, given.value(b'g'), entry.clone())
        }
    } else {
        let on = given.has(b'e');
        let services = show(argument);
        let [service] = services.split(',').collect::<Vec<_>>()[..] else {
            return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
        };
        if !on && !given.has(b'm') && lines.iter().filter(|line| is(line, "", service)).count() > 1 {
            return Err(Fault::gap(format!("several entries for `{service}`")));
        }
        switched(on, service)
    };
    let new: String = new.iter().map(|line| format!("{line}\n")).collect();
    if new != text {
        call.write(INETD, 0o644, new.into_bytes())?;
    }
    Ok(0)
}

/// The lines with an entry at the end of its group, or of all.
fn added(lines: &[&str], group: Option<&[u8]>, entry: String) -> Vec<String> {
    let group = format!("#:{}:", group.map_or_else(|| "OTHER".into(), show).to_uppercase());
    let start = lines.iter().position(|line| line.starts_with(&group));
    let blank = |line: &&str| !line.contains(|letter: char| letter.is_ascii_alphabetic() || letter == '#');
    let place = start.and_then(|start| Some(start + lines[start..].iter().position(blank)?));
    let mut new: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    new.insert(place.unwrap_or(new.len()), entry);
    new
}
