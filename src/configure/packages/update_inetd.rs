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

/// `update-inetd [--comment-chars C] [--group G] --add ENTRY`, `--enable|--disable SERVICE[,…]`, and of what is not there
/// `--remove REGEX` and whatever has a `--pattern`
fn inetd(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("add", b'a'),
        ("comment-chars", b'c'),
        ("enable", b'e'),
        ("disable", b'd'),
        ("group", b'g'),
        ("multi", b'm'),
        ("pattern", b'p'),
        ("remove", b'r'),
        ("verbose", b'v'),
    ];
    let given = call.options("+ac:edg:mp:rv", &long)?;
    let modes: Vec<u8> =
        given.all.iter().map(|(letter, _)| *letter).filter(|letter| b"aedr".contains(letter)).collect();
    let unknown = format!("the arguments `{}`", show(&call.args.join(&b' ')));
    let ([argument], [mode]) = (given.operands.as_slice(), modes.as_slice()) else {
        return Err(Fault::gap(unknown));
    };
    if call.look(INETD, true).is_none() {
        call.err("cannot change a service, /etc/inetd.conf does not exist")?;
        return Ok(0);
    }
    let off = given.value(b'c').map_or_else(|| OFF.to_owned(), show);
    // To the program they are an expression.
    if !off.starts_with('#') || !off.chars().all(|letter| letter.is_ascii_alphanumeric() || "#<>-_ ".contains(letter)) {
        return Err(Fault::gap(unknown));
    }
    let (text, argument) = (show(&call.read(INETD)?), show(argument));
    let file = File { lines: text.lines().collect(), off: &off, unknown };
    // Of several lines of a service, those that fit: where there is none of it, no matter.
    if given.has(b'p') && (file.has("", &argument) || file.has(&off, &argument)) {
        return Err(Fault::gap(file.unknown));
    }
    let new = match mode {
        b'r' => file.without(&argument),
        b'a' => file.with(&argument, given.value(b'g')),
        _ => file.turned(*mode == b'e', &argument, given.has(b'm')),
    };
    let new = new.map_err(Fault::gap)?;
    if new != file.lines {
        let text: String = new.iter().map(|line| format!("{line}\n")).collect();
        call.write(INETD, 0o644, text.into_bytes())?;
    }
    Ok(0)
}

/// The file, and what is said of arguments whose effect on it is not known.
struct File<'a> {
    lines: Vec<&'a str>,
    /// What an entry that is switched off begins with.
    off: &'a str,
    unknown: String,
}

/// Its lines after a change, or which kind of change is not known.
type Changed = Result<Vec<String>, String>;

impl File<'_> {
    fn same(&self) -> Vec<String> {
        self.lines.iter().map(|line| (*line).to_owned()).collect()
    }

    /// Whether a line is a service's, behind what stands before it.
    fn is(line: &str, start: &str, service: &str) -> bool {
        let rest = line.strip_prefix(start).and_then(|rest| rest.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }

    fn has(&self, start: &str, service: &str) -> bool {
        self.lines.iter().any(|line| Self::is(line, start, service))
    }

    /// With a service's lines on or off.
    fn switched(&self, on: bool, service: &str) -> Vec<String> {
        let turn = |line: &&str| match on {
            true if Self::is(line, self.off, service) => line[self.off.len()..].to_owned(),
            false if Self::is(line, "", service) => format!("{}{line}", self.off),
            _ => (*line).to_owned(),
        };
        self.lines.iter().map(turn).collect()
    }

    /// `--remove`
    fn without(&self, pattern: &str) -> Changed {
        // An expression of a line's beginning: what it begins with, as it stands, is in every line that it fits.
        let optional = pattern.strip_prefix('(').and_then(|pattern| pattern.split_once("|)")).map(|(_, rest)| rest);
        let letters = optional.unwrap_or(pattern).trim_start_matches('^').chars();
        let service: String = letters.take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
        let fits = |line: &&str| match optional {
            Some(_) => line.contains(&service),
            None => line.strip_prefix(self.off).unwrap_or(line).starts_with(&service),
        };
        let is_there = service.is_empty() || self.lines.iter().any(fits);
        if is_there { Err(self.unknown.clone()) } else { Ok(self.same()) }
    }

    /// `--add`
    fn with(&self, entry: &str, group: Option<&[u8]>) -> Changed {
        let entry = entry.replace("\\t", "\t");
        // With a `#`: one that an administrator is to switch on.
        let comment =
            entry.strip_prefix('#').filter(|rest| rest.starts_with(|first: char| first.is_ascii_alphabetic()));
        let bare = entry.strip_prefix(self.off).or(comment).unwrap_or(&entry);
        let service = bare.split_whitespace().next().unwrap_or_default();
        let is_known = entry.starts_with(self.off) && self.has(self.off, service);
        // A comment like no other: it is there already, or it is added.
        if bare.starts_with('#') && service.ends_with(|letter: char| letter.is_ascii_alphanumeric()) {
            let inner = &service[1..];
            let known = |line: &&str| line.contains(inner);
            return match self.lines.iter().any(known) {
                true => Err(self.unknown.clone()),
                false => Ok(added(&self.lines, group, entry)),
            };
        }
        if bare.starts_with('#') || service.is_empty() || service.len() == bare.len() || is_known {
            return Err(self.unknown.clone());
        }
        // Where it is off itself, nothing else is looked for.
        if !entry.starts_with(self.off) {
            if self.has(self.off, service) {
                return Ok(self.switched(true, service));
            }
            if let Some(line) = self.lines.iter().find(|line| Self::is(line, "", service)) {
                let is_same = line.split_whitespace().eq(bare.split_whitespace());
                return if is_same { Ok(self.same()) } else { Err(format!("another entry for `{service}`")) };
            }
            let is_off =
                |line: &&str| line.strip_prefix('#').is_some_and(|line| Self::is(line.trim_start(), "", service));
            if self.lines.iter().any(is_off) {
                // The administrator has switched it off.
                return Ok(self.same());
            }
        }
        Ok(added(&self.lines, group, entry))
    }

    /// `--enable` and `--disable`
    fn turned(&self, on: bool, services: &str, several: bool) -> Changed {
        if services.contains(',') {
            return Err(self.unknown.clone());
        }
        if !on && !several && self.lines.iter().filter(|line| Self::is(line, "", services)).count() > 1 {
            return Err(format!("several entries for `{services}`"));
        }
        Ok(self.switched(on, services))
    }
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
