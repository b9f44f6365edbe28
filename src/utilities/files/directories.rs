//! mkdir(1) and rmdir(1).

use super::each;
use super::last_name;
use super::without_slashes;
use crate::shell::system::reason;
use crate::tree;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::permissions;
use crate::utilities::show;

pub(super) fn mkdir(call: &mut Call<'_, '_>) -> Done {
    // No version has any other letter.
    let first = call.args.first().and_then(|word| word.strip_prefix(b"-")).and_then(<[u8]>::first);
    if let Some(letter) = first.filter(|letter| letter.is_ascii_alphanumeric() && !b"pmvZ".contains(letter)) {
        let letter = char::from(*letter);
        return Err(Fault::failed(format!("invalid option -- '{letter}'\nTry 'mkdir --help' for more information.")));
    }
    let given = call.options("pm:vZ", &[("parents", b'p'), ("mode", b'm'), ("verbose", b'v')])?;
    let (parents, verbose) = (given.has(b'p'), given.has(b'v'));
    let umask = call.shell.state.umask;
    let mode = match given.value(b'm') {
        Some(text) => permissions::parse(text, 0o777, true, umask)?,
        None => 0o777 & !umask,
    };
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    each(call, given.operands, |call, path| {
        if parents {
            make_parents(call, &path, verbose)?;
        }
        let shown = show(&path);
        let refused = |why: &str| Fault::failed(format!("cannot create directory '{shown}': {why}"));
        if path.is_empty() {
            return Err(refused("No such file or directory"));
        }
        let absolute = call.absolute(&path);
        // mkdir(2) does not follow a link in the last place, whatever stands behind it.
        let place =
            call.tree().resolve(without_slashes(&absolute).0, false).map_err(|error| refused(reason(&error)))?;
        if call.tree().get(&place).is_none() {
            call.create(&place, Inode::directory(mode))?;
            return said_made(call, verbose, &path);
        }
        let is_directory = call.tree().lookup(&absolute).is_some_and(|(_, inode)| inode.is_directory());
        if parents && is_directory { Ok(()) } else { Err(refused("File exists")) }
    })
}

fn said_made(call: &mut Call<'_, '_>, verbose: bool, path: &[u8]) -> Result<(), Fault> {
    if !verbose {
        return Ok(());
    }
    let did = if call.name == b"install" { "creating" } else { "created" };
    call.out(format!("{}: {did} directory '{}'\n", show(call.name), show(path)))
}

/// Makes the missing directories above a path, by the umask, but so that more can be made in them.
pub(in crate::utilities) fn make_parents(call: &mut Call<'_, '_>, path: &[u8], verbose: bool) -> Result<(), Fault> {
    let mode = (0o777 & !call.shell.state.umask) | 0o300;
    let ends: Vec<usize> = (1..path.len()).filter(|&at| path[at] == b'/' && path[at - 1] != b'/').collect();
    let last = without_slashes(path).0.len();
    for end in ends.into_iter().filter(|end| *end < last) {
        call.shell.system.budget.step()?;
        let parent = &path[..end];
        let refused = |why: &str| Fault::failed(format!("cannot create directory '{}': {why}", show(parent)));
        let absolute = call.absolute(parent);
        let place = call.tree().resolve(&absolute, false).map_err(|error| refused(reason(&error)))?;
        if call.tree().get(&place).is_none() {
            call.create(&place, Inode::directory(mode))?;
            said_made(call, verbose, parent)?;
            continue;
        }
        match call.tree().lookup(&absolute).map(|(_, inode)| inode.is_directory()) {
            Some(true) => {}
            Some(false) => return Err(refused("Not a directory")),
            None => return Err(refused("File exists")),
        }
    }
    Ok(())
}

pub(super) fn rmdir(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("pv", &[("parents", b'p'), ("ignore-fail-on-non-empty", b'i'), ("verbose", b'v')])?;
    let (parents, ignore) = (given.has(b'p'), given.has(b'i'));
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    let verbose = given.has(b'v');
    each(call, given.operands, |call, path| {
        let mut path = path;
        loop {
            if verbose {
                call.out(format!("rmdir: removing directory, '{}'\n", show(&path)))?;
            }
            let refused = |why: &str| Fault::failed(format!("failed to remove '{}': {why}", show(&path)));
            let absolute = call.absolute(&path);
            let place =
                call.tree().resolve(without_slashes(&absolute).0, false).map_err(|error| refused(reason(&error)))?;
            match call.tree().get(&place).map(Inode::is_directory) {
                None => return Err(refused("No such file or directory")),
                Some(false) => return Err(refused("Not a directory")),
                Some(true) if last_name(&path) == b"." => return Err(refused("Invalid argument")),
                Some(true) => {}
            }
            match call.tree().remove(&place) {
                Ok(()) => {}
                Err(tree::Error::NotEmpty(_)) if ignore => return Ok(()),
                Err(error) => return Err(refused(reason(&error))),
            }
            let kept = without_slashes(&path).0.len();
            path.truncate(kept);
            match path.iter().rposition(|&byte| byte == b'/') {
                Some(0) if parents => {
                    return Err(Fault::failed("failed to remove directory '/': Device or resource busy"));
                }
                Some(slash) if parents => {
                    path.truncate(slash);
                    let kept = without_slashes(&path).0.len();
                    path.truncate(kept);
                }
                _ => return Ok(()),
            }
        }
    })
}
