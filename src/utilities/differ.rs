//! `cmp` and `diff`, diffutils': whether files are the same.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::buffer::Buffer;
use super::options::Opt;
use super::show;
use super::text::size;
use crate::budget::Budget;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("cmp", cmp), ("diff", diff)];

fn trouble(fault: Fault) -> Fault {
    match fault {
        Fault::Failed(_, message) => Fault::Failed(2, message),
        other => other,
    }
}

pub(super) const CMP: &[Opt] = &[
    Opt::flag(b's', "quiet silent"),
    Opt::flag(b'l', "verbose"),
    Opt::value(b'n', "bytes"),
    Opt::value(b'i', "ignore-initial"),
];

fn cmp(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(CMP)?;
    let standard = b"-".to_vec();
    let (left, right, skips) = match given.operands.as_slice() {
        [left] => (left, &standard, &[][..]),
        [left, right, skips @ ..] if skips.len() <= 2 => (left, right, skips),
        _ => return Err(Fault::Failed(2, "missing operand".into())),
    };
    let count = |text: &[u8]| size(text, "bytes").map_err(trouble);
    let mut skip = [0, 0];
    if let Some(text) = given.value(b'i') {
        let mut parts = text.splitn(2, |&byte| byte == b':');
        skip[0] = count(parts.next().unwrap_or_default())?;
        skip[1] = parts.next().map_or(Ok(skip[0]), count)?;
    }
    for (skip, text) in skip.iter_mut().zip(skips) {
        *skip = count(text)?;
    }
    let most = given.value(b'n').map_or(Ok(usize::MAX), count)?;
    if left == right && skip[0] == skip[1] && (left == b"-" || call.look(left, true).is_some()) {
        return Ok(0);
    }
    // Silent is it about a file that is not there, too.
    let missing = |call: &mut Call<'_, '_>, path: &[u8]| path != b"-" && call.look(path, true).is_none();
    if given.has(b's') && (missing(call, left) || missing(call, right)) {
        return Ok(2);
    }
    let (a, b) = (call.text(left).map_err(trouble)?, call.text(right).map_err(trouble)?);
    let cut = |text: &Buffer, skip: usize| (skip.min(text.len()), skip.saturating_add(most).min(text.len()));
    let ((a_from, a_to), (b_from, b_to)) = (cut(&a, skip[0]), cut(&b, skip[1]));
    let (a, b) = (&a[a_from..a_to], &b[b_from..b_to]);
    call.shell.system.budget.read(a.len() + b.len())?;
    let mut places = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b).map(|(place, _)| place);
    if given.has(b'l') && !given.has(b's') {
        // As wide as the size of the smaller file needs; a pipe's is not known.
        let known = [(left, a.len()), (right, b.len())].into_iter().filter(|(path, _)| path.as_slice() != b"-");
        let size = known.map(|(_, size)| size).min().unwrap_or(a.len().min(b.len()));
        let width = size.min(most).to_string().len();
        let mut found = false;
        call.printing(|call, out| {
            for place in places {
                found = true;
                out.put(call, format!("{:width$} {:3o} {:3o}\n", place + 1, a[place], b[place]).as_bytes())?;
            }
            Ok(0)
        })?;
        if found && a.len() == b.len() {
            return Ok(1);
        }
    } else if let Some(place) = places.next() {
        if !given.has(b's') {
            let line = memchr::memchr_iter(b'\n', &a[..place]).count() + 1;
            let text = format!("{} {} differ: char {}, line {line}\n", show(left), show(right), place + 1);
            call.out(text)?;
        }
        return Ok(1);
    }
    if a.len() == b.len() {
        return Ok(0);
    }
    if !given.has(b's') {
        let (short, name) = if a.len() < b.len() { (a, left) } else { (b, right) };
        let newlines = memchr::memchr_iter(b'\n', short).count();
        let name = show(name);
        let text = match (short.last(), given.has(b'l')) {
            (None, _) => format!("EOF on {name} which is empty"),
            (_, true) => format!("EOF on {name} after byte {}", short.len()),
            (Some(b'\n'), _) => format!("EOF on {name} after byte {}, line {newlines}", short.len()),
            (Some(_), _) => format!("EOF on {name} after byte {}, in line {}", short.len(), newlines + 1),
        };
        call.err(&text)?;
    }
    Ok(1)
}

pub(super) const DIFF: &[Opt] = &[
    Opt::flag(b'q', "brief"),
    Opt::flag(b's', "report-identical-files"),
    Opt::flag(b'N', "new-file"),
    Opt::flag(b'b', "ignore-space-change"),
    Opt::flag(b'w', "ignore-all-space"),
    Opt::flag(b'i', "ignore-case"),
    Opt::flag(1, "strip-trailing-cr"),
    // How differences are shown, which they are not.
    Opt::harmless(b'a', "text", "what is shown of a difference is a gap"),
    Opt::harmless(b'u', "", "what is shown of a difference is a gap"),
    Opt::harmless(b'c', "", "what is shown of a difference is a gap"),
    Opt::harmless(b'p', "show-c-function", "what is shown of a difference is a gap"),
    Opt::harmless_value(b'U', "unified", "what is shown of a difference is a gap"),
];

fn diff(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(DIFF)?;
    let [left, right] = given.operands.as_slice() else {
        return Err(Fault::Failed(2, "missing operand".into()));
    };
    let is_directory =
        |call: &mut Call<'_, '_>, path: &[u8]| call.look(path, true).is_some_and(|inode| inode.is_directory());
    let (mut left, mut right) = (left.clone(), right.clone());
    match (is_directory(call, &left), is_directory(call, &right)) {
        (true, true) => return Err(Fault::gap("two directories")),
        (true, false) => left = inside(&left, &right),
        (false, true) => right = inside(&right, &left),
        (false, false) => {}
    }
    if left == right && call.look(&left, true).is_some() {
        if given.has(b's') {
            call.out(format!("Files {} and {} are identical\n", show(&left), show(&right)))?;
        }
        return Ok(0);
    }
    let mut missing = 0;
    let mut read = |call: &mut Call<'_, '_>, path: &[u8]| -> Result<Buffer, Fault> {
        if given.has(b'N') && path != b"-" && call.look(path, true).is_none() {
            missing += 1;
            return Ok(Buffer::new(&call.shell.system.budget)?);
        }
        call.text(path).map_err(trouble)
    };
    let (a, b) = match (read(call, &left), read(call, &right)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(Fault::Failed(code, first)), Err(Fault::Failed(_, second))) => {
            call.err(&first)?;
            return Err(Fault::Failed(code, second));
        }
        (Err(fault), _) | (_, Err(fault)) => return Err(fault),
    };
    if missing == 2 {
        call.err(&format!("{}: No such file or directory", show(&left)))?;
        return Err(Fault::Failed(2, format!("{}: No such file or directory", show(&right))));
    }
    let budget = call.shell.system.budget.clone();
    let same = *a == *b || *plain(&a, &given, &budget)? == *plain(&b, &given, &budget)?;
    if same {
        if given.has(b's') {
            call.out(format!("Files {} and {} are identical\n", show(&left), show(&right)))?;
        }
        return Ok(0);
    }
    if given.has(b'q') {
        call.out(format!("Files {} and {} differ\n", show(&left), show(&right)))?;
    } else if !call.shell.is_silent() {
        return Err(Fault::gap("the text of a difference"));
    }
    Ok(1)
}

/// A file's name in a directory.
fn inside(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    [directory.strip_suffix(b"/").unwrap_or(directory), name].join(&b'/')
}

/// A text without what is not to count.
fn plain(text: &[u8], given: &Given, budget: &Budget) -> Result<Buffer, Fault> {
    let mut made = Buffer::new(budget)?;
    let blank = |byte: u8| byte != b'\n' && (byte.is_ascii_whitespace() || byte == 11);
    let (all, change) = (given.has(b'w'), given.has(b'b'));
    for (place, &byte) in text.iter().enumerate() {
        let next = text.get(place + 1).copied();
        if given.has(1) && byte == b'\r' && next == Some(b'\n') {
            continue;
        }
        if (all || change) && blank(byte) {
            // A run of blanks is one, and at the end of a line none.
            if all || next.is_some_and(blank) || matches!(next, None | Some(b'\n')) {
                continue;
            }
            made.push(b' ')?;
            continue;
        }
        made.push(if given.has(b'i') { byte.to_ascii_lowercase() } else { byte })?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn a_file_differs_from_itself_further_on() {
        says(&[("echo ab >f; cmp -i 0:1 f f", "f f differ: char 1, line 1\n", 1), ("echo ab >f; cmp -i 1 f f", "", 0)]);
    }
}
