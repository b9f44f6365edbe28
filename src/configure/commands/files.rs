//! coreutils' programs that make, copy, move and remove: `cp`, `mv`, `rm`, `ln`, `mkdir`, `install`, `touch`, ….

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::permissions;
use super::show;
use crate::configure::world::reason;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("cp", cp),
    ("install", install),
    ("ln", ln),
    ("mkdir", mkdir),
    ("mktemp", mktemp),
    ("mv", mv),
    ("rm", rm),
    ("rmdir", rmdir),
    ("touch", touch),
    ("unlink", rm),
];

/// Where each operand goes: into a directory, or to the one name that is last.
fn destinations(call: &mut Call<'_, '_>, given: &Given, follow: bool) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let into = |directory: &[u8], source: &[u8]| {
        let trimmed =
            &source[..source.iter().rposition(|&byte| byte != b'/').map_or(1, |last| last + 1).min(source.len())];
        let name = trimmed.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        [directory.strip_suffix(b"/").unwrap_or(directory), name].join(&b'/')
    };
    let mut operands = given.operands.clone();
    if let Some(directory) = given.value(b't') {
        return Ok(operands
            .into_iter()
            .map(|source| (into(directory, &source), source))
            .map(|(to, from)| (from, to))
            .collect());
    }
    let Some(last) = operands.pop() else { return Err(Fault::failed("missing file operand")) };
    if operands.is_empty() {
        return Err(Fault::failed(format!("missing destination file operand after '{}'", show(&last))));
    }
    let directory =
        !given.has(b'T') && call.look(&last, follow || last.ends_with(b"/")).is_some_and(|inode| inode.is_directory());
    if !directory && operands.len() > 1 {
        return Err(Fault::failed(format!("target '{}' is not a directory", show(&last))));
    }
    let target = |source: Vec<u8>| {
        let to = if directory { into(&last, &source) } else { last.clone() };
        (source, to)
    };
    Ok(operands.into_iter().map(target).collect())
}

/// Runs over all operands, saying what fails and going on, as coreutils do.
fn each<T>(
    call: &mut Call<'_, '_>,
    items: Vec<T>,
    mut act: impl FnMut(&mut Call<'_, '_>, T) -> Result<(), Fault>,
) -> Done {
    let mut status = 0;
    for item in items {
        match act(call, item) {
            Ok(()) => {}
            Err(Fault::Failed(code, message)) => {
                call.err(&message)?;
                status = code;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(status)
}

// --- cp ------------------------------------------------------------------------------------------------------

const CP_LONG: &[(&str, u8)] = &[
    ("archive", b'a'),
    ("force", b'f'),
    ("no-clobber", b'n'),
    ("link", b'l'),
    ("dereference", b'L'),
    ("no-dereference", b'P'),
    ("recursive", b'R'),
    ("preserve", b'1'),
    ("no-preserve", b'2'),
    ("reflink", b'3'),
    ("remove-destination", b'4'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("update", b'u'),
    ("verbose", b'v'),
];

#[derive(Debug, Clone, Copy)]
struct Copy {
    recursive: bool,
    follow: bool,
    mode: bool,
    owner: bool,
    times: bool,
    xattrs: bool,
    replace: bool,
    keep: bool,
    update: bool,
    hard: bool,
}

fn cp(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("adfHlLnpPrRsTt:uvx1::2:3::4iZ", CP_LONG)?;
    if given.has(b's') || given.has(b'2') {
        return Err(Fault::gap("-s, --no-preserve"));
    }
    let archive = given.has(b'a');
    let recursive = archive || given.has(b'r') || given.has(b'R');
    let mut copy = Copy {
        recursive,
        follow: match given.last_of(b"LPad") {
            Some(letter) => letter == b'L',
            None => !recursive,
        },
        mode: archive || given.has(b'p'),
        owner: archive || given.has(b'p'),
        times: archive || given.has(b'p'),
        xattrs: archive,
        replace: given.has(b'4'),
        keep: given.has(b'n'),
        update: given.has(b'u'),
        hard: given.has(b'l'),
    };
    for list in given.values(b'1') {
        let list = if list.is_empty() { b"mode,ownership,timestamps".as_slice() } else { list };
        for name in list.split(|&byte| byte == b',') {
            match name {
                b"mode" => copy.mode = true,
                b"ownership" => copy.owner = true,
                b"timestamps" => copy.times = true,
                b"links" | b"context" => {}
                b"xattr" => copy.xattrs = true,
                b"all" => (copy.mode, copy.owner, copy.times, copy.xattrs) = (true, true, true, true),
                _ => return Err(Fault::gap(format!("--preserve={}", show(name)))),
            }
        }
    }
    let pairs = destinations(call, &given, true)?;
    each(call, pairs, |call, (from, to)| copy_one(call, &from, &to, copy))
}

fn copy_one(call: &mut Call<'_, '_>, from: &[u8], to: &[u8], copy: Copy) -> Result<(), Fault> {
    let missing = || Fault::failed(format!("cannot stat '{}': No such file or directory", show(from)));
    let source = call.look(from, copy.follow).ok_or_else(missing)?;
    if source.is_directory() && !copy.recursive {
        return Err(Fault::failed(format!("-r not specified; omitting directory '{}'", show(from))));
    }
    if matches!(source.kind, Kind::CharDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo) && !copy.recursive {
        let bytes = call.read(from)?;
        return call.write(to, 0o666, bytes);
    }
    let place = call.resolve(from, copy.follow)?;
    let target = call.resolve(to, copy.follow || source.is_directory())?;
    if place == target {
        return Err(Fault::failed(format!("'{}' and '{}' are the same file", show(from), show(to))));
    }
    if source.is_directory() && target.starts_with(&place) {
        return Err(Fault::failed(format!("cannot copy a directory, '{}', into itself, '{}'", show(from), show(to))));
    }
    let below: Vec<TreePath> = if source.is_directory() {
        call.tree().below(&place).map(|(path, _)| path.clone()).collect()
    } else {
        Vec::new()
    };
    put_copy(call, &place, &source, &target, copy)?;
    for path in below {
        let relative = path.as_bytes()[place.as_bytes().len()..].to_vec();
        let inode = call.tree().get(&path).cloned().ok_or_else(missing)?;
        let target = target.join(relative)?;
        put_copy(call, &path, &inode, &target, copy)?;
    }
    Ok(())
}

/// Copies one inode to a place, with the attributes asked for.
fn put_copy(
    call: &mut Call<'_, '_>,
    from: &TreePath,
    source: &Inode,
    target: &TreePath,
    copy: Copy,
) -> Result<(), Fault> {
    let umask = call.shell.state.umask;
    let old = call.tree().get(target).cloned();
    let refused = |error| Fault::failed(format!("cannot create '{target}': {}", reason(&error)));
    if let Some(old) = &old {
        if copy.keep || (copy.update && old.stat.mtime >= source.stat.mtime) {
            return Ok(());
        }
        if old.is_directory() != source.is_directory() {
            return Err(Fault::failed(format!("cannot overwrite '{target}' with another kind of file")));
        }
    }
    if copy.hard && !source.is_directory() {
        return call.tree().link(from, target.clone()).map_err(refused);
    }
    let kept = old.filter(|old| !copy.replace && (old.content().is_some() == source.content().is_some()));
    let mut inode =
        Inode { kind: source.kind.clone(), stat: crate::tree::Stat::new(source.stat.mode & 0o777 & !umask) };
    match kept {
        // An existing file is written into: it keeps what is not preserved from the source.
        Some(old) if matches!(old.kind, Kind::File(_) | Kind::Directory) => inode.stat = old.stat,
        _ => {}
    }
    if matches!(source.kind, Kind::Symlink(_)) {
        inode.stat.mode = 0o777;
    }
    let existing = call.tree().get(target).is_some();
    if !existing || !matches!(inode.kind, Kind::File(_) | Kind::Directory) || copy.replace {
        call.create(target, inode)?;
    } else {
        let clock = call.shell.world.clock;
        let tree = call.tree();
        let now = tree.get_mut(target).expect("it was just found");
        if !now.is_directory() {
            now.kind = inode.kind;
            now.stat.mtime = clock;
        }
    }
    let stat = &mut call.tree().get_mut(target).expect("it was just put there").stat;
    if copy.owner {
        (stat.uid, stat.gid) = (source.stat.uid, source.stat.gid);
    }
    if copy.mode {
        stat.mode = source.stat.mode;
    }
    if copy.times {
        stat.mtime = source.stat.mtime;
    }
    if copy.xattrs {
        stat.xattrs.clone_from(&source.stat.xattrs);
    }
    Ok(())
}

// --- mv, rm, ln ----------------------------------------------------------------------------------------------

const MV_LONG: &[(&str, u8)] = &[
    ("force", b'f'),
    ("no-clobber", b'n'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("verbose", b'v'),
    ("update", b'u'),
];

fn mv(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("fnTt:vuiZ", MV_LONG)?;
    let pairs = destinations(call, &given, true)?;
    let (keep, update) = (given.has(b'n'), given.has(b'u'));
    each(call, pairs, |call, (from, to)| {
        let Some(source) = call.look(&from, false) else {
            return Err(Fault::failed(format!("cannot stat '{}': No such file or directory", show(&from))));
        };
        let (place, target) = (call.resolve(&from, false)?, call.resolve(&to, false)?);
        let old = call.tree().get(&target).cloned();
        if old.as_ref().is_some_and(|old| keep || (update && old.stat.mtime >= source.stat.mtime)) {
            return Ok(());
        }
        if place == target {
            return Err(Fault::failed(format!("'{}' and '{}' are the same file", show(&from), show(&to))));
        }
        let refused =
            |error| Fault::failed(format!("cannot move '{}' to '{}': {}", show(&from), show(&to), reason(&error)));
        call.tree().rename(&place, &target).map_err(refused)
    })
}

fn rm(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("recursive", b'r'),
        ("force", b'f'),
        ("dir", b'd'),
        ("verbose", b'v'),
        ("one-file-system", b'x'),
        ("preserve-root", b'x'),
    ];
    let given = call.options("rRfdvxiI", &long)?;
    let recursive = given.has(b'r') || given.has(b'R');
    let (force, directory) = (given.has(b'f'), given.has(b'd'));
    if given.operands.is_empty() && !force {
        return Err(Fault::failed("missing operand"));
    }
    each(call, given.operands, |call, path| {
        let refused = |why: &str| Fault::failed(format!("cannot remove '{}': {why}", show(&path)));
        let absolute = call.absolute(&path);
        let place = match call.tree().resolve(&absolute, path.ends_with(b"/")) {
            Ok(place) if !path.is_empty() => place,
            Ok(_) | Err(_) if force => return Ok(()),
            Ok(_) => return Err(refused("No such file or directory")),
            Err(error) => return Err(refused(reason(&error))),
        };
        let last = path.rsplit(|&byte| byte == b'/').find(|name| !name.is_empty()).unwrap_or_default();
        if place.is_root() || last == b"." || last == b".." {
            return Err(refused("refusing to remove '.' or '..' or '/' directory"));
        }
        match call.tree().get(&place).map(Inode::is_directory) {
            None if force => {}
            None => return Err(refused("No such file or directory")),
            Some(true) if recursive => call.tree().remove_all(&place),
            Some(true) if !directory => return Err(refused("Is a directory")),
            Some(_) => call.tree().remove(&place).map_err(|error| refused(reason(&error)))?,
        }
        Ok(())
    })
}

const LN_LONG: &[(&str, u8)] = &[
    ("symbolic", b's'),
    ("force", b'f'),
    ("no-dereference", b'n'),
    ("relative", b'r'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("verbose", b'v'),
];

fn ln(call: &mut Call<'_, '_>) -> Done {
    let mut given = call.options("sfnrt:Tvb", LN_LONG)?;
    if given.has(b'b') {
        return Err(Fault::gap("-b"));
    }
    if given.operands.len() == 1 && !given.has(b't') {
        given.all.push((b't', b".".to_vec()));
    }
    let pairs = destinations(call, &given, !given.has(b'n'))?;
    let (symbolic, force, relative) = (given.has(b's'), given.has(b'f'), given.has(b'r'));
    each(call, pairs, |call, (from, to)| {
        let place = call.resolve(&to, false)?;
        let refused = |why: &str| Fault::failed(format!("failed to create link '{}': {why}", show(&to)));
        match call.tree().get(&place).map(Inode::is_directory) {
            None => {}
            Some(true) => return Err(refused("cannot overwrite directory")),
            Some(false) if !force => return Err(refused("File exists")),
            Some(false) => {}
        }
        if symbolic {
            let target = if relative { relative_target(call, &from, &place)? } else { from };
            return call.create(&place, Inode::symlink(target));
        }
        let source = call.resolve(&from, false)?;
        call.tree().link(&source, place.clone()).map_err(|error| refused(reason(&error)))
    })
}

fn relative_target(call: &mut Call<'_, '_>, from: &[u8], link: &TreePath) -> Result<Vec<u8>, Fault> {
    let target = call.resolve(from, true)?;
    Ok(relative_path(&target, &link.parent().unwrap_or_default()))
}

/// The way from a directory to a path.
pub(super) fn relative_path(target: &TreePath, directory: &TreePath) -> Vec<u8> {
    let (to, from): (Vec<_>, Vec<_>) = (target.components().collect(), directory.components().collect());
    let common = to.iter().zip(&from).take_while(|(to, from)| to == from).count();
    let names: Vec<&[u8]> =
        from[common..].iter().map(|_| b"..".as_slice()).chain(to[common..].iter().copied()).collect();
    if names.is_empty() { b".".to_vec() } else { names.join(&b'/') }
}

// --- mkdir, rmdir, touch, mktemp, install --------------------------------------------------------------------

fn mkdir(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("pm:vZ", &[("parents", b'p'), ("mode", b'm'), ("verbose", b'v')])?;
    let parents = given.has(b'p');
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
            make_parents(call, &path)?;
        }
        let shown = show(&path);
        let refused = |why: &str| Fault::failed(format!("cannot create directory '{shown}': {why}"));
        let absolute = call.absolute(&path);
        let place = call.tree().resolve(&absolute, true).map_err(|error| refused(reason(&error)))?;
        match call.tree().get(&place).map(Inode::is_directory) {
            Some(true) if parents => Ok(()),
            Some(_) => Err(refused("File exists")),
            None => call.create(&place, Inode::directory(mode)),
        }
    })
}

/// Makes the missing directories above a path, by the umask.
fn make_parents(call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
    let absolute = call.absolute(path);
    let mode = 0o777 & !call.shell.state.umask;
    let names: Vec<&[u8]> = absolute.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).collect();
    for count in 1..names.len() {
        let parent = [b"/", names[..count].join(&b'/').as_slice()].concat();
        let place = call.resolve(&parent, true)?;
        match call.tree().get(&place).map(Inode::is_directory) {
            Some(true) => {}
            Some(false) => {
                return Err(Fault::failed(format!("cannot create directory '{}': Not a directory", show(&parent))));
            }
            None => call.create(&place, Inode::directory(mode))?,
        }
    }
    Ok(())
}

fn rmdir(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("pv", &[("parents", b'p'), ("ignore-fail-on-non-empty", b'i'), ("verbose", b'v')])?;
    let (parents, ignore) = (given.has(b'p'), given.has(b'i'));
    each(call, given.operands, |call, path| {
        let mut path = path;
        loop {
            let place = call.resolve(&path, false)?;
            let refused = |why: &str| Fault::failed(format!("failed to remove '{}': {why}", show(&path)));
            match call.tree().get(&place).map(Inode::is_directory) {
                None => return Err(refused("No such file or directory")),
                Some(false) => return Err(refused("Not a directory")),
                Some(true) => {}
            }
            match call.tree().remove(&place) {
                Ok(()) => {}
                Err(crate::tree::Error::NotEmpty(_)) if ignore => return Ok(()),
                Err(error) => return Err(refused(reason(&error))),
            }
            let parent = path.iter().rposition(|&byte| byte == b'/').filter(|slash| *slash > 0);
            match parent {
                Some(slash) if parents => path.truncate(slash),
                _ => return Ok(()),
            }
        }
    })
}

fn touch(call: &mut Call<'_, '_>) -> Done {
    let long = [("no-create", b'c'), ("reference", b'r'), ("date", b'd'), ("no-dereference", b'h'), ("time", b'T')];
    let given = call.options("acmhr:d:t:T:", &long)?;
    let time = match (given.value(b'r'), given.value(b'd'), given.value(b't')) {
        (Some(path), ..) => {
            let missing =
                || Fault::failed(format!("failed to get attributes of '{}': No such file or directory", show(path)));
            call.look(path, true).ok_or_else(missing)?.stat.mtime
        }
        (_, Some(date), _) => super::clock::parse(date, call.shell.world.clock)?,
        (_, _, Some(_)) => return Err(Fault::gap("-t")),
        _ => call.shell.world.clock,
    };
    let (create, follow) = (!given.has(b'c'), !given.has(b'h'));
    each(call, given.operands, |call, path| {
        if path == b"/dev/null" {
            return Ok(());
        }
        let absolute = call.absolute(&path);
        let refused = |error| Fault::failed(format!("cannot touch '{}': {}", show(&path), reason(&error)));
        let place = match call.tree().resolve(&absolute, follow) {
            Ok(place) => place,
            Err(_) if !create => return Ok(()),
            Err(error) => return Err(refused(error)),
        };
        if call.tree().get(&place).is_none() {
            if !create {
                return Ok(());
            }
            let mode = 0o666 & !call.shell.state.umask;
            call.create(&place, Inode::file(mode, Vec::new()))?;
        }
        if let Some(inode) = call.tree().get_mut(&place) {
            inode.stat.mtime = time;
        }
        Ok(())
    })
}

/// The names are counted, not random: the same in every build.
fn mktemp(call: &mut Call<'_, '_>) -> Done {
    let long = [("directory", b'd'), ("dry-run", b'u'), ("quiet", b'q'), ("suffix", b's'), ("tmpdir", b'T')];
    // The short option must have a value, the long one may.
    let given = call.options("dup:qts:T::", &long)?;
    let template = given.operands.first().map_or(b"tmp.XXXXXXXXXX".to_vec(), Vec::clone);
    let temporary = call.shell.variable(b"TMPDIR").filter(|path| !path.is_empty()).unwrap_or(b"/tmp").to_vec();
    let inside = match given.last_of(b"pT").and_then(|letter| given.value(letter)) {
        Some(b"") => Some(temporary),
        Some(directory) => Some(directory.to_vec()),
        None if given.has(b't') || given.operands.is_empty() => Some(temporary),
        None => None,
    };
    let template = inside.map_or_else(|| template.clone(), |directory| [directory.as_slice(), &template].join(&b'/'));
    let end = template.iter().rposition(|&byte| byte == b'X').map_or(0, |last| last + 1);
    let length = template[..end].iter().rev().take_while(|&&byte| byte == b'X').count();
    if length < 3 {
        return Err(Fault::failed(format!("too few X's in template '{}'", show(&template))));
    }
    loop {
        let number = format!("{:0length$}", call.shell.world.fresh_number());
        let number = &number.as_bytes()[number.len() - length..];
        let path =
            [&template[..end - length], number, &template[end..], given.value(b's').unwrap_or_default()].concat();
        let place = call.resolve(&path, false)?;
        if call.tree().get(&place).is_some() {
            continue;
        }
        if !given.has(b'u') {
            let inode = if given.has(b'd') { Inode::directory(0o700) } else { Inode::file(0o600, Vec::new()) };
            call.create(&place, inode)?;
        }
        call.out([path.as_slice(), b"\n"].concat())?;
        return Ok(0);
    }
}

const INSTALL_LONG: &[(&str, u8)] = &[
    ("directory", b'd'),
    ("mode", b'm'),
    ("owner", b'o'),
    ("group", b'g'),
    ("preserve-timestamps", b'p'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("verbose", b'v'),
    ("compare", b'C'),
];

fn install(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("cdDm:o:g:pt:TvCZ", INSTALL_LONG)?;
    let mode = match given.value(b'm') {
        Some(text) => permissions::parse(text, 0, given.has(b'd'), 0)?,
        None => 0o755,
    };
    let owner = given.value(b'o').map(|name| permissions::user(call, name)).transpose()?;
    let group = given.value(b'g').map(|name| permissions::group(call, name)).transpose()?;
    let own = |stat: &mut crate::tree::Stat| {
        stat.mode = mode;
        stat.uid = owner.unwrap_or(stat.uid);
        stat.gid = group.unwrap_or(stat.gid);
    };
    if given.has(b'd') {
        return each(call, given.operands, |call, path| {
            // Parents are always made with 0755, whatever the umask.
            let umask = std::mem::replace(&mut call.shell.state.umask, 0o022);
            let made = make_parents(call, &path);
            call.shell.state.umask = umask;
            made?;
            let place = call.resolve(&path, true)?;
            if call.tree().get(&place).is_none() {
                call.create(&place, Inode::directory(mode))?;
            }
            match call.tree().get_mut(&place) {
                Some(inode) if inode.is_directory() => own(&mut inode.stat),
                _ => return Err(Fault::failed(format!("cannot create directory '{}': File exists", show(&path)))),
            }
            Ok(())
        });
    }
    if given.has(b'D') {
        match (given.value(b't'), given.operands.last().cloned()) {
            (Some(directory), _) => make_parents(call, &[directory, b"/x"].concat())?,
            (None, Some(last)) => make_parents(call, &last)?,
            (None, None) => {}
        }
    }
    let pairs = destinations(call, &given, true)?;
    let times = given.has(b'p');
    each(call, pairs, |call, (from, to)| {
        let source = match from.as_slice() {
            b"/dev/null" => Inode::file(0, Vec::new()),
            b"/dev/stdin" => Inode::file(0, call.input()?),
            _ => call
                .look(&from, true)
                .ok_or_else(|| Fault::failed(format!("cannot stat '{}': No such file or directory", show(&from))))?,
        };
        if source.content().is_none() {
            return Err(Fault::failed(format!("omitting directory '{}'", show(&from))));
        }
        let place = call.resolve(&to, false)?;
        call.create(&place, Inode { kind: source.kind, stat: crate::tree::Stat::new(mode) })?;
        if let Some(inode) = call.tree().get_mut(&place) {
            own(&mut inode.stat);
            if times {
                inode.stat.mtime = source.stat.mtime;
            }
        }
        Ok(())
    })
}
