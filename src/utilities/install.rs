//! install(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::files::Made;
use super::files::back_up;
use super::files::destinations;
use super::files::each;
use super::files::make_parents;
use super::files::place_of;
use super::files::without_slashes;
use super::permissions;
use super::show;
use crate::shell::system::reason;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("install", install)];

const INSTALL_LONG: &[(&str, u8)] = &[
    ("backup", b'b'),
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

/// What is installed gets.
#[derive(Debug, Clone, Copy)]
struct Owned {
    mode: u32,
    /// As chmod does with few digits, a directory keeps its setuid and setgid bits.
    keeps_bits: bool,
    owner: Option<u32>,
    group: Option<u32>,
}

impl Owned {
    fn set(self, stat: &mut Stat) {
        stat.mode = self.mode;
        stat.uid = self.owner.unwrap_or(stat.uid);
        stat.gid = self.group.unwrap_or(stat.gid);
    }
}

fn install(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("bcdDm:o:g:pt:TvCZ", INSTALL_LONG)?;
    let directory = given.has(b'd');
    if given.has(b'C') && given.has(b'p') && !directory {
        return Err(Fault::failed("options --compare (-C) and --preserve-timestamps are mutually exclusive"));
    }
    let owned = Owned {
        mode: given.value(b'm').map_or(Ok(0o755), |text| permissions::parse(text, 0, directory, 0))?,
        keeps_bits: given.value(b'm').is_some_and(|text| text.len() < 5),
        owner: given.value(b'o').map(|name| permissions::user(call, name)).transpose()?,
        group: given.value(b'g').map(|name| permissions::group(call, name)).transpose()?,
    };
    if directory {
        return each(call, given.operands.clone(), |call, path| install_directory(call, &path, owned, given.has(b'v')));
    }
    if given.has(b'D') {
        match (given.value(b't'), given.operands.last().cloned()) {
            (Some(directory), _) => parents_by_0755(call, &[directory, b"/x"].concat(), given.has(b'v'))?,
            (None, Some(last)) => parents_by_0755(call, &last, given.has(b'v'))?,
            (None, None) => {}
        }
    }
    let pairs = destinations(call, &given, true)?;
    let mut made = Made::default();
    each(call, pairs, |call, (from, to)| install_file(call, &given, owned, &from, &to, &mut made))
}

/// Parents are always made with 0755, whatever the umask.
fn parents_by_0755(call: &mut Call<'_, '_>, path: &[u8], verbose: bool) -> Result<(), Fault> {
    let umask = std::mem::replace(&mut call.shell.state.umask, 0o022);
    let made = make_parents(call, path, verbose);
    call.shell.state.umask = umask;
    made
}

fn install_directory(call: &mut Call<'_, '_>, path: &[u8], owned: Owned, verbose: bool) -> Result<(), Fault> {
    parents_by_0755(call, path, verbose)?;
    let refused = |why: &str| Fault::failed(format!("cannot create directory '{}': {why}", show(path)));
    let absolute = call.absolute(path);
    let place = call.tree().resolve(without_slashes(&absolute).0, false).map_err(|error| refused(reason(&error)))?;
    if call.tree().get(&place).is_none() {
        call.create(&place, Inode::directory(owned.mode))?;
        if verbose {
            call.out(format!("install: creating directory '{}'\n", show(path)))?;
        }
    }
    let Some((place, _)) = call.tree().lookup(&absolute) else { return Err(refused("File exists")) };
    match call.tree().get_mut(&place) {
        Some(inode) if inode.is_directory() => {
            let kept = if owned.keeps_bits { inode.stat.mode & 0o6000 } else { 0 };
            owned.set(&mut inode.stat);
            inode.stat.mode |= kept;
        }
        _ => return Err(refused("File exists")),
    }
    Ok(())
}

/// Whether stat(2) says of a path, without slashes behind it, that there is no such file.
fn is_missing(call: &mut Call<'_, '_>, path: &[u8]) -> bool {
    let absolute = call.absolute(without_slashes(path).0);
    match call.tree().resolve(&absolute, false) {
        Ok(place) => call.tree().get(&place).is_none(),
        Err(error) => matches!(error, tree::Error::NotFound(_)),
    }
}

fn install_file(
    call: &mut Call<'_, '_>,
    given: &Given,
    owned: Owned,
    from: &[u8],
    to: &[u8],
    made: &mut Made,
) -> Result<(), Fault> {
    let source = match from {
        b"/dev/null" => Inode::file(0, Vec::new()),
        b"/dev/stdin" => {
            let bytes = call.input()?;
            Inode { kind: Kind::File(call.shell.system.content(bytes)?), stat: Stat::new(0) }
        }
        _ => match call.look(from, true) {
            Some(source) => source,
            None => {
                let missing = || Fault::failed(format!("cannot stat '{}': No such file or directory", show(from)));
                let absolute = call.absolute(from);
                let bytes = call.shell.system.machine(&absolute).ok_or_else(missing)?.map_err(Fault::Gap)?;
                Inode { kind: Kind::File(call.shell.system.content(bytes)?), stat: Stat::new(0) }
            }
        },
    };
    if source.is_directory() {
        return Err(Fault::failed(format!("omitting directory '{}'", show(from))));
    }
    if call.resolve(from, true).is_ok_and(|place| !call.shell.system.may(&place, 4)) {
        return Err(Fault::failed(format!("cannot open '{}' for reading: Permission denied", show(from))));
    }
    if source.content().is_none() {
        return Err(Fault::gap(format!("installs the device {}", show(from))));
    }
    let refused =
        |error: tree::Error| Fault::failed(format!("cannot create regular file '{}': {}", show(to), reason(&error)));
    let place = match place_of(call, to) {
        // It says what it does as soon as it knows that nothing is there.
        Err(error) if given.has(b'v') && is_missing(call, to) => {
            call.out(format!("'{}' -> '{}'\n", show(from), show(to)))?;
            return Err(refused(error));
        }
        place => place.map_err(refused)?,
    };
    if call.tree().get(&place).is_some_and(Inode::is_directory) {
        return Err(Fault::failed(format!("cannot overwrite directory '{}' with non-directory", show(to))));
    }
    let there = call.tree().id(&place);
    let named = |call: &mut Call<'_, '_>, follow| {
        let named = call.resolve(from, follow).ok();
        there.is_some() && named.is_some_and(|named| call.tree().id(&named) == there)
    };
    if !matches!(from, b"/dev/null" | b"/dev/stdin") && (named(call, true) || named(call, false)) {
        // The real one has unlinked it by then.
        return Err(Fault::gap(format!("installs {} over itself", show(from))));
    }
    made.note(&place, from, to)?;
    let same = given.has(b'C') && {
        let mut wanted = source.clone();
        wanted.stat = call.tree().get(&place).map(|there| there.stat.clone()).unwrap_or_default();
        owned.set(&mut wanted.stat);
        call.tree().get(&place).is_some_and(|there| there.kind == wanted.kind && there.stat == wanted.stat)
    };
    if same {
        return Ok(());
    }
    let backup = if given.has(b'b') { back_up(call, &place, to)? } else { String::new() };
    let replaced = call.tree().get(&place).is_some();
    call.create(&place, Inode { kind: source.kind, stat: Stat::new(owned.mode) })?;
    if let Some(inode) = call.tree().get_mut(&place) {
        owned.set(&mut inode.stat);
        if given.has(b'p') {
            inode.stat.mtime = source.stat.mtime;
        }
    }
    if given.has(b'v') {
        if replaced {
            call.out(format!("removed '{}'\n", show(to)))?;
        }
        call.out(format!("'{}' -> '{}'{backup}\n", show(from), show(to)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn it_says_what_it_does_where_nothing_is() {
        says(&[
            ("echo a >f; install -v f no/; echo $?", "'f' -> 'no/'\n1\n", 0),
            ("echo a >f; install -v f f/.; echo $?", "1\n", 0),
            ("echo a >f; install -v -m 600 f g; stat -c %a g", "'f' -> 'g'\n600\n", 0),
        ]);
    }
}
