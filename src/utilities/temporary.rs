//! mktemp(1). The names are counted, not random: the same in every build. One that goes straight to the script's own
//! output is a gap, for it would be another one each time.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use crate::tree::Inode;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("mktemp", mktemp)];

/// What stands for the Xs.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// So many names are tried before there is none: what three Xs have, as in glibc.
const TRIES: u64 = 62 * 62 * 62;

fn mktemp(call: &mut Call<'_, '_>) -> Done {
    let long = [("directory", b'd'), ("dry-run", b'u'), ("quiet", b'q'), ("suffix", b's'), ("tmpdir", b'T')];
    let given = call.options("dup:qts:T::", &long)?;
    match made(call, &given) {
        // Quiet is it about what could not be made, not about how it was called.
        Err(Fault::Failed(status, message)) if given.has(b'q') && message.starts_with(FAILED) => {
            drop(message);
            Ok(status)
        }
        other => other,
    }
}

const FAILED: &str = "failed to create";

fn made(call: &mut Call<'_, '_>, given: &super::Given) -> Done {
    if given.operands.len() > 1 {
        return Err(Fault::failed("too many templates"));
    }
    let (prefix, length, suffix) = template(call, given)?;
    let what = if given.has(b'd') { "directory" } else { "file" };
    let shown = show(&[prefix.as_slice(), &b"X".repeat(length), &suffix].concat());
    let names = 62u64.checked_pow(u32::try_from(length).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
    for _ in 0..TRIES {
        call.shell.system.budget.step()?;
        let mut number = call.shell.system.fresh_number() % names;
        let mut digits = vec![b'0'; length];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(number % 62).expect("below 62")];
            number /= 62;
        }
        let path = [prefix.as_slice(), &digits, &suffix].concat();
        let absolute = call.absolute(&path);
        let refused = |error| {
            let why = crate::shell::system::reason(&error);
            Fault::failed(format!("{FAILED} {what} via template '{shown}': {why}"))
        };
        let place = match call.tree().resolve(&absolute, false) {
            // Nothing is there where there is no directory either.
            Err(crate::tree::Error::NotFound(_)) if given.has(b'u') => None,
            place => Some(place.map_err(refused)?),
        };
        if place.as_ref().is_some_and(|place| call.tree().get(place).is_some()) {
            continue;
        }
        if let Some(place) = place.filter(|_| !given.has(b'u')) {
            let inode = if given.has(b'd') { Inode::directory(0o700) } else { Inode::file(0o600, Vec::new()) };
            call.create(&place, inode)?;
        }
        if call.shell.prints_to_people() {
            return Err(Fault::gap("a name that only the log says"));
        }
        call.out([path.as_slice(), b"\n"].concat())?;
        return Ok(0);
    }
    Err(Fault::failed(format!("{FAILED} {what} via template '{shown}': File exists")))
}

/// What stands before the Xs, how many they are, and what stands behind them.
fn template(call: &Call<'_, '_>, given: &super::Given) -> Result<(Vec<u8>, usize, Vec<u8>), Fault> {
    let operand = given.operands.first();
    let template = operand.map_or(b"tmp.XXXXXXXXXX".to_vec(), Clone::clone);
    let shown = show(&template);
    let (body, suffix) = match given.value(b's') {
        Some(_) if !template.ends_with(b"X") => {
            return Err(Fault::failed(format!("with --suffix, template '{shown}' must end in X")));
        }
        Some(suffix) => (template.as_slice(), suffix),
        None => template.split_at(template.iter().rposition(|&byte| byte == b'X').map_or(0, |last| last + 1)),
    };
    if suffix.contains(&b'/') {
        return Err(Fault::failed(format!("invalid suffix '{}', contains directory separator", show(suffix))));
    }
    let length = body.iter().rev().take_while(|&&byte| byte == b'X').count();
    if length < 3 {
        return Err(Fault::failed(format!("too few X's in template '{shown}'")));
    }
    let from_environment = || call.shell.variable(b"TMPDIR").filter(|path| !path.is_empty()).map(<[u8]>::to_vec);
    let named = given.last_of(b"pT").and_then(|letter| given.value(letter)).map(<[u8]>::to_vec);
    let named = match named {
        // `--tmpdir` without a directory is the environment's; so is `-p ''`.
        Some(directory) if directory.is_empty() => Some(from_environment().unwrap_or_else(|| b"/tmp".to_vec())),
        other => other,
    };
    let directory = if given.has(b't') {
        if template.contains(&b'/') {
            return Err(Fault::failed(format!("invalid template, '{shown}', contains directory separator")));
        }
        Some(from_environment().or(named).unwrap_or_else(|| b"/tmp".to_vec()))
    } else if operand.is_none() {
        Some(named.or_else(from_environment).unwrap_or_else(|| b"/tmp".to_vec()))
    } else {
        if named.is_some() && template.starts_with(b"/") {
            return Err(Fault::failed(format!("invalid template, '{shown}'; with --tmpdir, it may not be absolute")));
        }
        named
    };
    let before = &body[..body.len() - length];
    let prefix = match directory {
        Some(directory) => [directory.strip_suffix(b"/").unwrap_or(&directory), before].join(&b'/'),
        None => before.to_vec(),
    };
    Ok((prefix, length, suffix.to_vec()))
}
