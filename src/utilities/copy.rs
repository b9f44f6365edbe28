//! cp(1), coreutils'.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::files::Made;
use super::files::back_up;
use super::files::backup_or_keep;
use super::files::destinations;
use super::files::each;
use super::files::last_name;
use super::files::place_of;
use super::files::without_slashes;
use super::permissions;
use super::show;
use crate::shell::system::reason;
use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::TreePath;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("cp", cp)];

/// Directories inside each other that one call copies; links followed by `-L` can make a tree without an end.
const DEPTH_MAX: usize = 200;

const CP_LONG: &[(&str, u8)] = &[
    ("archive", b'a'),
    ("backup", b'b'),
    ("force", b'f'),
    ("interactive", b'i'),
    ("no-clobber", b'n'),
    ("link", b'l'),
    ("dereference", b'L'),
    ("no-dereference", b'P'),
    ("recursive", b'R'),
    ("preserve", b'1'),
    ("no-preserve", b'2'),
    // There is one way to copy here, and it shares bytes anyway.
    ("reflink", b'3'),
    ("remove-destination", b'4'),
    ("one-file-system", b'x'),
    ("target-directory", b't'),
    ("no-target-directory", b'T'),
    ("update", b'u'),
    ("verbose", b'v'),
];

/// Which links are followed to what they name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    Never,
    Operands,
    Always,
}

#[derive(Debug, Clone, Copy)]
struct Copy {
    recursive: bool,
    follow: Follow,
    mode: bool,
    /// `--no-preserve=mode`: as if the source had every permission.
    no_mode: bool,
    owner: bool,
    times: bool,
    links: bool,
    xattrs: bool,
    replace: bool,
    keep: bool,
    ask: bool,
    force: bool,
    update: bool,
    hard: bool,
    backup: bool,
    verbose: bool,
}

impl Copy {
    fn new(given: &Given) -> Result<Self, Fault> {
        let archive = given.has(b'a');
        let recursive = archive || given.has(b'r') || given.has(b'R');
        let mut copy = Self {
            recursive,
            follow: match given.last_of(b"LPHad") {
                Some(b'L') => Follow::Always,
                Some(b'H') => Follow::Operands,
                Some(_) => Follow::Never,
                None if recursive => Follow::Never,
                None => Follow::Always,
            },
            mode: false,
            no_mode: false,
            owner: false,
            times: false,
            links: false,
            xattrs: false,
            replace: given.has(b'4'),
            keep: given.last_of(b"fin") == Some(b'n'),
            ask: given.last_of(b"fin") == Some(b'i'),
            force: given.has(b'f'),
            update: given.has(b'u'),
            hard: given.has(b'l'),
            backup: given.has(b'b'),
            verbose: given.has(b'v'),
        };
        for (letter, list) in &given.all {
            match letter {
                b'a' | b'p' => {
                    (copy.mode, copy.owner, copy.times) = (true, true, true);
                    (copy.links, copy.xattrs) = (copy.links || *letter == b'a', copy.xattrs || *letter == b'a');
                }
                b'd' => copy.links = true,
                b'1' if list.is_empty() => copy.set(b"mode,ownership,timestamps", true)?,
                b'1' => copy.set(list, true)?,
                b'2' => copy.set(list, false)?,
                _ => {}
            }
        }
        Ok(copy)
    }

    /// `--preserve=LIST` and `--no-preserve=LIST`.
    fn set(&mut self, list: &[u8], value: bool) -> Result<(), Fault> {
        for name in list.split(|&byte| byte == b',') {
            match name {
                b"mode" => (self.mode, self.no_mode) = (value, !value),
                b"ownership" => self.owner = value,
                b"timestamps" => self.times = value,
                b"links" => self.links = value,
                b"xattr" => self.xattrs = value,
                // No security module is in an image.
                b"context" => {}
                b"all" => {
                    (self.mode, self.owner, self.times, self.links, self.xattrs) = (value, value, value, value, value);
                    self.no_mode = !value;
                }
                _ => return Err(Fault::failed(format!("invalid argument '{}' for '--preserve'", show(name)))),
            }
        }
        Ok(())
    }
}

/// One call of `cp`: what it has copied, so that hard links stay such and nothing of it is overwritten.
#[derive(Debug)]
struct Copying {
    copy: Copy,
    made: Made,
    copied: BTreeMap<InodeId, TreePath>,
    /// The operands that are no directories, by name and by what they are.
    operands: BTreeSet<(Vec<u8>, Option<InodeId>)>,
    /// Those that are, and where each was copied to.
    directories: BTreeSet<(Option<InodeId>, TreePath)>,
    /// The directories that this call has made: they are not copied into themselves.
    new: BTreeSet<InodeId>,
    /// What `-v` says of the backup that was just made.
    backup: String,
    /// What went wrong below a directory, and was said.
    status: i32,
}

fn cp(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("abdfHilLnpPrRTt:uvx1::2:3::4Z", CP_LONG)?;
    backup_or_keep(&given)?;
    let mut copying = Copying {
        copy: Copy::new(&given)?,
        made: Made::default(),
        copied: BTreeMap::new(),
        operands: BTreeSet::new(),
        directories: BTreeSet::new(),
        new: BTreeSet::new(),
        backup: String::new(),
        status: 0,
    };
    let pairs = destinations(call, &given, true)?;
    let status = each(call, pairs, |call, (from, to)| copying.operand(call, &from, &to))?;
    Ok(status.max(copying.status))
}

impl Copying {
    fn operand(&mut self, call: &mut Call<'_, '_>, from: &[u8], to: &[u8]) -> Result<(), Fault> {
        let follow = self.copy.follow != Follow::Never || from.ends_with(b"/");
        let missing = || Fault::failed(format!("cannot stat '{}': No such file or directory", show(from)));
        let Some(source) = call.look(from, follow) else {
            let absolute = call.absolute(from);
            let bytes = call.shell.system.machine(&absolute).ok_or_else(missing)?.map_err(Fault::Gap)?;
            return call.write(to, 0o666, bytes);
        };
        if source.is_directory() && !self.copy.recursive {
            return Err(Fault::failed(format!("-r not specified; omitting directory '{}'", show(from))));
        }
        if matches!(source.kind, Kind::CharDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo)
            && !self.copy.recursive
        {
            let bytes = call.read(from)?;
            return call.write(to, 0o666, bytes);
        }
        if source.is_directory() && last_name(from) == b".." {
            return Err(Fault::gap("copies a directory by the name `..`"));
        }
        let place = call.resolve(from, follow)?;
        let named = (from.to_vec(), call.tree().id(&place));
        if !source.is_directory() && !self.copy.backup && !self.operands.insert(named) {
            return call.err(&format!("warning: source file '{}' specified more than once", show(from)));
        }
        let refused = |error| Fault::failed(format!("cannot create '{}': {}", show(to), reason(&error)));
        let target = if source.is_directory() {
            let absolute = call.absolute(without_slashes(to).0);
            call.tree().resolve(&absolute, false)
        } else {
            place_of(call, to)
        };
        let target = target.map_err(refused)?;
        if source.is_directory() && !self.directories.insert((call.tree().id(&place), target.clone())) {
            return call.err(&format!("warning: source directory '{}' specified more than once", show(from)));
        }
        self.one(call, &place, from, &target, to, 0)
    }

    /// Copies one thing, and what is below it, to a place. `from` and `to` are for words.
    fn one(
        &mut self,
        call: &mut Call<'_, '_>,
        place: &TreePath,
        from: &[u8],
        target: &TreePath,
        to: &[u8],
        depth: usize,
    ) -> Result<(), Fault> {
        call.shell.system.budget.step()?;
        if depth > DEPTH_MAX {
            return Err(Fault::gap("copies a tree that is too deep"));
        }
        let Some(source) = call.tree().get(place).cloned() else { return Ok(()) };
        if call.tree().id(place).is_some_and(|id| self.new.contains(&id)) {
            let (from, to) = (show(from), show(to));
            // What the real program has copied before it says so depends on the order in which directories are read.
            return Err(Fault::gap(format!("copies a directory, '{from}', into itself, '{to}'")));
        }
        let target = self.written(call, place, &source, target, (from, to))?;
        let Some(target) = target else { return Ok(()) };
        if source.is_directory() {
            return self.directory(call, place, from, &source, &target, to, depth);
        }
        let id = call.tree().id(place).expect("it was just found");
        if let Some(first) = self.copied.get(&id).filter(|_| self.copy.links)
            && call.tree().get(first).is_some()
        {
            let first = first.clone();
            call.tree().link(&first, target)?;
            return Ok(());
        }
        self.file(call, place, &source, &target)?;
        self.copied.insert(id, target);
        let backup = std::mem::take(&mut self.backup);
        if self.copy.verbose {
            call.out(format!("'{}' -> '{}'{backup}\n", show(from), show(to)))?;
        }
        Ok(())
    }

    /// Where it is really written to: through a link to a file, in the place of anything else. `None`: it stays.
    fn written(
        &mut self,
        call: &mut Call<'_, '_>,
        place: &TreePath,
        source: &Inode,
        named: &TreePath,
        (from, to): (&[u8], &[u8]),
    ) -> Result<Option<TreePath>, Fault> {
        let (target, old) = self.behind(call, source, named, to)?;
        let Some(old) = old else {
            self.made.note(&target, from, to)?;
            return Ok(Some(target));
        };
        if self.is_itself(call, (place, from), source, (&target, to), &old)? {
            return Ok(None);
        }
        match (old.is_directory(), source.is_directory()) {
            (true, true) => Ok(Some(target)),
            (true, false) => {
                let (to, from) = (show(to), show(from));
                Err(Fault::failed(format!("cannot overwrite directory '{to}' with non-directory '{from}'")))
            }
            (false, true) => {
                let (to, from) = (show(to), show(from));
                Err(Fault::failed(format!("cannot overwrite non-directory '{to}' with directory '{from}'")))
            }
            (false, false) => self.over(call, source, named, target, &old, (from, to)),
        }
    }

    /// The place that a name stands for, and what is there: a file's content goes through a link.
    fn behind(
        &self,
        call: &mut Call<'_, '_>,
        source: &Inode,
        named: &TreePath,
        to: &[u8],
    ) -> Result<(TreePath, Option<Inode>), Fault> {
        let there = call.tree().get(named).cloned();
        let through = source.content().is_some() && !self.copy.hard && !self.copy.backup && !self.copy.replace;
        if !through || !matches!(there, Some(Inode { kind: Kind::Symlink(_), .. })) {
            return Ok((named.clone(), there));
        }
        let refused = |error| Fault::failed(format!("cannot create '{}': {}", show(to), reason(&error)));
        let behind = call.tree().resolve([b"/", named.as_bytes()].concat(), true).map_err(refused)?;
        match call.tree().get(&behind).cloned() {
            Some(old) => Ok((behind, Some(old))),
            None => Err(Fault::failed(format!("not writing through dangling symlink '{}'", show(to)))),
        }
    }

    /// Whether what is there is the file itself, and may stay: where it may not, that is an error.
    fn is_itself(
        &self,
        call: &mut Call<'_, '_>,
        (place, from): (&TreePath, &[u8]),
        source: &Inode,
        (target, to): (&TreePath, &[u8]),
        old: &Inode,
    ) -> Result<bool, Fault> {
        let copy = self.copy;
        let tree = call.tree();
        let error = || Err(Fault::failed(format!("'{}' and '{}' are the same file", show(from), show(to))));
        // A link that is copied as such is still the file that it leads to.
        let leads = matches!(source.kind, Kind::Symlink(_)) && !matches!(old.kind, Kind::Symlink(_));
        let behind = leads.then(|| tree.lookup([b"/", place.as_bytes()].concat()).map(|(behind, _)| behind)).flatten();
        if behind.is_some_and(|behind| tree.id(&behind) == tree.id(target)) {
            if copy.hard || copy.backup || copy.replace {
                return Err(Fault::gap(format!("puts the link {} in the place of what it leads to", show(from))));
            }
            return error();
        }
        let own = call.resolve(from, false)?;
        let tree = call.tree();
        // A link that is to be replaced by what it leads to.
        if own == *target && place != target {
            if copy.replace || (copy.hard && copy.force) {
                return Err(Fault::gap(format!("removes the link {} before it is followed", show(from))));
            }
            let backed_up = copy.backup && !copy.hard;
            return if backed_up && !(copy.force && from == to) { error() } else { Ok(false) };
        }
        if tree.id(place) != tree.id(target) {
            return Ok(false);
        }
        let other_name = place != target;
        if copy.backup && copy.force && from == to {
            return Err(Fault::gap(format!("a backup of {} that is copied over itself", show(to))));
        }
        if copy.hard && !other_name && !copy.backup && !copy.replace {
            return Ok(true);
        }
        if copy.backup && other_name && from == to {
            return Err(Fault::gap(format!("a backup of the link {} that is copied over itself", show(to))));
        }
        if other_name && (copy.hard || copy.replace || copy.backup) {
            return Ok(false);
        }
        if copy.keep { Ok(true) } else { error() }
    }

    /// In the place of a file. `None`: that one stays.
    fn over(
        &mut self,
        call: &mut Call<'_, '_>,
        source: &Inode,
        named: &TreePath,
        target: TreePath,
        old: &Inode,
        (from, to): (&[u8], &[u8]),
    ) -> Result<Option<TreePath>, Fault> {
        let copy = self.copy;
        if copy.ask {
            return Err(Fault::gap("-i: asks before it overwrites"));
        }
        if copy.keep || (copy.update && old.stat.mtime >= source.stat.mtime) {
            return Ok(None);
        }
        self.made.note(&target, from, to)?;
        if copy.backup {
            self.backup = back_up(call, &target, to)?;
        }
        let id = call.tree().id(&target);
        let linked = copy.links && id.is_some_and(|id| call.tree().links(id) > 1);
        if id.is_some() && (copy.replace || linked || source.content().is_none() || (copy.hard && copy.force)) {
            // The name itself goes, also where it is a link to what was looked at.
            call.tree().remove(named)?;
            return Ok(Some(named.clone()));
        }
        Ok(Some(target))
    }

    #[expect(clippy::too_many_arguments, reason = "two places, each with its name for words")]
    fn directory(
        &mut self,
        call: &mut Call<'_, '_>,
        place: &TreePath,
        from: &[u8],
        source: &Inode,
        target: &TreePath,
        to: &[u8],
        depth: usize,
    ) -> Result<(), Fault> {
        let new = call.tree().get(target).is_none();
        if new {
            let mode = if self.copy.no_mode { 0o777 } else { source.stat.mode & 0o1777 };
            let mode = mode & !call.shell.state.umask;
            call.create(target, Inode::directory(mode))?;
            self.new.extend(call.tree().id(target));
            if self.copy.verbose {
                call.out(format!("'{}' -> '{}'\n", show(from), show(to)))?;
            }
        }
        call.can_list(from)?;
        let names: Vec<Vec<u8>> = call.tree().children(place).map(|(path, _)| path.name().to_vec()).collect();
        // In which order a directory is read is not known here.
        if self.copy.verbose && names.len() > 1 {
            return Err(Fault::gap("-v: in which order a directory's entries are copied"));
        }
        for name in names {
            let below = place.join(&name)?;
            let is_link = matches!(call.tree().get(&below), Some(Inode { kind: Kind::Symlink(_), .. }));
            let (from, to) = ([from, &name].join(&b'/'), [to, &name].join(&b'/'));
            let below = if is_link && self.copy.follow == Follow::Always {
                let absolute = [b"/", below.as_bytes()].concat();
                match call.tree().lookup(&absolute) {
                    Some((behind, _)) => behind,
                    None => {
                        call.err(&format!("cannot stat '{}': No such file or directory", show(&from)))?;
                        self.status = 1;
                        continue;
                    }
                }
            } else {
                below
            };
            match self.one(call, &below, &from, &target.join(&name)?, &to, depth + 1) {
                Err(Fault::Failed(status, message)) => {
                    call.err(&message)?;
                    self.status = status;
                }
                other => other?,
            }
        }
        self.attributes(call, source, target, new)
    }

    /// Puts one file, link or device at a place that is free, or that is a file to write into.
    fn file(&self, call: &mut Call<'_, '_>, place: &TreePath, source: &Inode, target: &TreePath) -> Result<(), Fault> {
        let refused = |error| Fault::failed(format!("cannot create '{target}': {}", reason(&error)));
        if self.copy.hard {
            let tree = call.tree();
            let same = tree.id(place) == tree.id(target);
            return match call.tree().get(target) {
                Some(_) if same => Ok(()),
                Some(_) => Err(refused_exists(target)),
                None => call.tree().link(place, target.clone()).map_err(refused),
            };
        }
        if source.content().is_some() && !call.shell.system.may(place, 4) {
            return Err(Fault::failed(format!("cannot open '{place}' for reading: Permission denied")));
        }
        let clock = call.shell.system.clock;
        if let Some(there) = call.tree().get_mut(target) {
            // An existing file is written into: it keeps what is not preserved from the source.
            there.kind = source.kind.clone();
            there.stat.mtime = clock;
            return self.attributes(call, source, target, false);
        }
        let mode = match source.kind {
            Kind::Symlink(_) => 0o777,
            _ if self.copy.no_mode => 0o666 & !call.shell.state.umask,
            _ => source.stat.mode & 0o777 & !call.shell.state.umask,
        };
        call.create(target, Inode { kind: source.kind.clone(), stat: Stat::new(mode) })?;
        self.attributes(call, source, target, true)
    }

    fn attributes(&self, call: &mut Call<'_, '_>, source: &Inode, target: &TreePath, new: bool) -> Result<(), Fault> {
        let copy = self.copy;
        let Some(inode) = call.tree().get(target) else { return Ok(()) };
        let special = inode.stat.mode & 0o7000;
        // Old releases set an access control list, which is made of the other bits alone; new ones the mode.
        let keeps = copy.mode
            && special != 0
            && source.stat.mode & 0o7000 == 0
            && !call.release()?.since((9, 2), "which of setuid, setgid and sticky bits a copy keeps,")?;
        let Some(inode) = call.tree().get_mut(target) else { return Ok(()) };
        let directory = inode.is_directory();
        // Whom it belongs to already it is not given to again, which would cost it those bits.
        if copy.owner && (inode.stat.uid, inode.stat.gid) != (source.stat.uid, source.stat.gid) {
            permissions::change_owner(&mut inode.stat, directory, Some(source.stat.uid), Some(source.stat.gid));
        }
        if copy.mode && (new || !matches!(inode.kind, Kind::Symlink(_))) {
            inode.stat.mode = source.stat.mode | if keeps { inode.stat.mode & 0o7000 } else { 0 };
        }
        if copy.times {
            inode.stat.mtime = source.stat.mtime;
        }
        if copy.xattrs {
            inode.stat.xattrs.clone_from(&source.stat.xattrs);
        }
        Ok(())
    }
}

fn refused_exists(target: &TreePath) -> Fault {
    Fault::failed(format!("cannot create hard link '{target}': File exists"))
}

#[cfg(test)]
mod tests;
