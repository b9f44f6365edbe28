//! `chmod`, `chown`, `chgrp`, and what others need of them: modes, users and groups by name.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::call::charge_below;
use super::show;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;
use crate::tree::TreePath;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("chgrp", chown), ("chmod", chmod), ("chown", chown)];

const LONG: &[(&str, u8)] = &[
    ("recursive", b'R'),
    ("changes", b'c'),
    ("silent", b'f'),
    ("quiet", b'f'),
    ("verbose", b'v'),
    ("no-dereference", b'h'),
    ("dereference", b'D'),
    ("reference", b'r'),
    ("from", b'F'),
    ("preserve-root", b'p'),
];

/// Applies an octal or symbolic mode to a mode.
///
/// # Errors
/// It is none.
pub(crate) fn parse(text: &[u8], mode: u32, directory: bool, umask: u32) -> Result<u32, Fault> {
    let wrong = || Fault::failed(format!("invalid mode: '{}'", show(text)));
    if text.iter().all(|byte| (b'0'..=b'7').contains(byte)) && !text.is_empty() {
        let octal = std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
        let octal = octal.filter(|octal| *octal <= 0o7777).ok_or_else(wrong)?;
        // A directory keeps its setuid and setgid bits unless five digits are given.
        let kept = if directory && text.len() < 5 { mode & 0o6000 } else { 0 };
        return Ok(octal | kept);
    }
    text.split(|&byte| byte == b',')
        .try_fold(mode, |mode, clause| clause_of(clause, mode, directory, umask).ok_or_else(wrong))
}

fn clause_of(clause: &[u8], mode: u32, directory: bool, umask: u32) -> Option<u32> {
    let length = clause.iter().take_while(|byte| b"ugoa".contains(byte)).count();
    let (who, mut rest) = clause.split_at(length);
    let masked = who.is_empty();
    let who: &[u8] = if masked { b"a" } else { who };
    let of = |letter: u8| match letter {
        b'u' => 0o4700,
        b'g' => 0o2070,
        b'o' => 0o1007,
        _ => 0o7777,
    };
    let affected = who.iter().fold(0, |bits, &letter| bits | of(letter));
    let mut mode = mode;
    if rest.is_empty() {
        return None;
    }
    while let [operator @ (b'+' | b'-' | b'='), tail @ ..] = rest {
        let length = tail.iter().take_while(|byte| !b"+-=".contains(byte)).count();
        let (letters, after) = tail.split_at(length);
        rest = after;
        let mut bits = 0;
        for letter in letters {
            bits |= match letter {
                b'r' => 0o444,
                b'w' => 0o222,
                b'x' => 0o111,
                b'X' if directory || mode & 0o111 != 0 => 0o111,
                b'X' => 0,
                b's' => 0o6000,
                b't' => 0o1000,
                b'u' => ((mode >> 6) & 7) * 0o111,
                b'g' => ((mode >> 3) & 7) * 0o111,
                b'o' => (mode & 7) * 0o111,
                _ => return None,
            };
        }
        // `u+s`, `g+s`: the sticky bit belongs to others or all, setuid to the user, setgid to the group.
        bits &= affected;
        if masked {
            bits &= !umask | 0o7000;
        }
        mode = match operator {
            b'+' => mode | bits,
            b'-' => mode & !bits,
            _ => {
                let kept = if directory { 0o6000 } else { 0 };
                (mode & (!affected | kept)) | bits
            }
        };
    }
    rest.is_empty().then_some(mode)
}

fn chmod(call: &mut Call<'_, '_>) -> Done {
    // A mode such as `-x` looks like an option.
    let is_mode = |word: &Vec<u8>| {
        word.len() > 1
            && word[0] == b'-'
            && word[1] != b'-'
            && word[1..].iter().all(|byte| b"rwxXstugoa,+-=".contains(byte))
    };
    let end = call.args.iter().position(|word| word == b"--").unwrap_or(call.args.len());
    let mode_word = call.args[..end].iter().position(is_mode);
    let rest: Vec<Vec<u8>> = call
        .args
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != mode_word)
        .map(|(_, word)| word.clone())
        .collect();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &rest }.options("Rcfvhr:", LONG)?;
    let mut operands = given.operands.clone();
    let reference = match given.value(b'r') {
        Some(path) => Some(format!("{:o}", found(call, path, true)?.1.stat.mode).into_bytes()),
        None => mode_word.map(|index| call.args[index].clone()),
    };
    if operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    let text = reference.unwrap_or_else(|| operands.remove(0));
    let umask = call.shell.state.umask;
    parse(&text, 0, false, umask)?;
    let told = given.last_of(b"cv");
    let mut status = 0;
    for path in operands {
        let (place, inode) = match found(call, &path, true) {
            Ok(found) => found,
            Err(fault) => {
                status = said(call, fault, given.has(b'f'))?;
                if told == Some(b'v') {
                    call.out(format!("'{}' could not be accessed\n", show(&path)))?;
                }
                continue;
            }
        };
        let mut all = vec![(place.clone(), inode)];
        if given.has(b'R') {
            charge_below(call, &place)?;
            all.extend(call.tree().below(&place).map(|(path, inode)| (path.clone(), inode.clone())));
        }
        for (below, mut inode) in all {
            if matches!(inode.kind, Kind::Symlink(_)) {
                if told.is_some() {
                    return Err(Fault::gap("-v and -c of links"));
                }
                continue;
            }
            let old = inode.clone();
            inode.stat.mode = parse(&text, inode.stat.mode, inode.is_directory(), umask)?;
            if let Some(there) = call.tree().get_mut(&below) {
                there.stat.mode = inode.stat.mode;
            }
            tell_mode(call, told, &named(&path, &place, &below), &old, &inode)?;
        }
    }
    Ok(status)
}

/// `-v` says of each file what became of its mode, `-c` of those where it changed.
fn tell_mode(call: &mut Call<'_, '_>, told: Option<u8>, name: &str, old: &Inode, new: &Inode) -> Result<(), Fault> {
    let shown = |inode: &Inode| format!("{:04o} ({})", inode.stat.mode, &symbolic(inode)[1..]);
    match told {
        Some(_) if old.stat.mode != new.stat.mode => {
            call.out(format!("mode of '{name}' changed from {} to {}\n", shown(old), shown(new)))
        }
        Some(b'v') => call.out(format!("mode of '{name}' retained as {}\n", shown(old))),
        _ => Ok(()),
    }
}

/// What is below an operand, by a name that begins with it.
fn named(operand: &[u8], place: &TreePath, below: &TreePath) -> String {
    let rest = below.as_bytes().strip_prefix(place.as_bytes()).unwrap_or_default();
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let slash: &[u8] = if rest.is_empty() || operand.ends_with(b"/") { b"" } else { b"/" };
    show(&[operand, slash, rest].concat())
}

fn found(call: &mut Call<'_, '_>, path: &[u8], follow: bool) -> Result<(TreePath, Inode), Fault> {
    let missing = || Fault::failed(format!("cannot access '{}': No such file or directory", show(path)));
    let inode = call.look(path, follow).ok_or_else(missing)?;
    Ok((call.resolve(path, follow)?, inode))
}

fn said(call: &mut Call<'_, '_>, fault: Fault, quiet: bool) -> Done {
    match fault {
        Fault::Failed(status, message) => {
            if !quiet {
                call.err(&message)?;
            }
            Ok(status)
        }
        other => Err(other),
    }
}

/// `chown` and `chgrp`.
fn chown(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("RcfvhHLPr:F:D", LONG)?;
    let mut operands = given.operands.clone();
    let told = given.last_of(b"cv");
    if told.is_some() && (given.has(b'r') || given.has(b'F')) {
        return Err(Fault::gap("-v and -c with --reference or --from"));
    }
    let mut typed = Vec::new();
    let (uid, gid) = if let Some(path) = given.value(b'r') {
        let stat = found(call, path, true)?.1.stat;
        (Some(stat.uid).filter(|_| call.name != b"chgrp"), Some(stat.gid))
    } else {
        if operands.len() < 2 {
            return Err(Fault::failed("missing operand"));
        }
        typed = operands.remove(0);
        if call.name == b"chgrp" { (None, Some(group(call, &typed)?)) } else { owner(call, &typed)? }
    };
    let wanted = Wanted { uid, gid, words: words(call, &typed, uid, gid), told };
    let from = given.value(b'F').map(|text| owner(call, text)).transpose()?.unwrap_or((None, None));
    let recursive = given.has(b'R');
    if recursive && given.has(b'L') {
        return Err(Fault::gap("-RL"));
    }
    let follow = !given.has(b'h') && !recursive;
    let mut status = 0;
    for path in operands {
        let place = match found(call, &path, follow) {
            Ok((place, _)) => place,
            Err(fault) => {
                status = said(call, fault, given.has(b'f'))?;
                wanted.tell_failure(call, &path)?;
                continue;
            }
        };
        let mut all = vec![place.clone()];
        if recursive {
            charge_below(call, &place)?;
            all.extend(call.tree().below(&place).map(|(path, _)| path.clone()));
        }
        for below in all {
            let Some(inode) = call.tree().get_mut(&below) else { continue };
            let stat = &inode.stat;
            let old = (stat.uid, stat.gid);
            if from.0.is_none_or(|uid| uid == stat.uid) && from.1.is_none_or(|gid| gid == stat.gid) {
                let directory = inode.is_directory();
                change_owner(&mut inode.stat, directory, uid, gid);
            }
            wanted.tell(call, &named(&path, &place, &below), old)?;
        }
    }
    Ok(status)
}

/// What chown is asked for, and how it tells of it.
struct Wanted {
    uid: Option<u32>,
    gid: Option<u32>,
    /// As it was typed.
    words: String,
    /// `-v` or `-c`.
    told: Option<u8>,
}

impl Wanted {
    const fn what(&self) -> &'static str {
        if self.uid.is_none() && self.gid.is_some() { "group" } else { "ownership" }
    }

    fn tell(&self, call: &mut Call<'_, '_>, name: &str, old: (u32, u32)) -> Result<(), Fault> {
        let changed = self.uid.is_some_and(|uid| uid != old.0) || self.gid.is_some_and(|gid| gid != old.1);
        let (what, words) = (self.what(), &self.words);
        match self.told {
            Some(_) if changed => {
                let user = self.uid.map(|_| name_of(call, "/etc/passwd", old.0, &old.0.to_string()));
                let group = self.gid.map(|_| name_of(call, "/etc/group", old.1, &old.1.to_string()));
                let old = [user, group].into_iter().flatten().collect::<Vec<_>>().join(":");
                call.out(format!("changed {what} of '{name}' from {old} to {words}\n"))
            }
            Some(b'v') if words.is_empty() => call.out(format!("{what} of '{name}' retained\n")),
            Some(b'v') => call.out(format!("{what} of '{name}' retained as {words}\n")),
            _ => Ok(()),
        }
    }

    fn tell_failure(&self, call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
        if self.told != Some(b'v') {
            return Ok(());
        }
        let to = if self.words.is_empty() { String::new() } else { format!(" to {}", self.words) };
        call.out(format!("failed to change {} of '{}'{to}\n", self.what(), show(path)))
    }
}

/// User and group as they were typed; of `user:` the group is the user's own.
fn words(call: &mut Call<'_, '_>, text: &[u8], uid: Option<u32>, gid: Option<u32>) -> String {
    match (uid, gid) {
        (None, None) => String::new(),
        (Some(_), None) => show(text.strip_suffix(b":").unwrap_or(text)),
        (None, Some(_)) => show(text.strip_prefix(b":").unwrap_or(text)),
        (Some(_), Some(gid)) => match text.strip_suffix(b":").or_else(|| text.strip_suffix(b".")) {
            Some(user) => format!("{}:{}", show(user), name_of(call, "/etc/group", gid, &gid.to_string())),
            None if text.contains(&b':') => show(text),
            None => show(text).replacen('.', ":", 1),
        },
    }
}

/// chown(2): a file's setuid bit, its setgid bit where the group may execute, and its capabilities go.
pub(crate) fn change_owner(stat: &mut Stat, directory: bool, uid: Option<u32>, gid: Option<u32>) {
    stat.uid = uid.unwrap_or(stat.uid);
    stat.gid = gid.unwrap_or(stat.gid);
    if !directory {
        stat.mode &= if stat.mode & 0o010 != 0 { !0o6000 } else { !0o4000 };
        stat.xattrs.remove(&b"security.capability"[..]);
    }
}

/// `user`, `user:group`, `:group`, `user:` (the user's own group); `.` separates as well.
fn owner(call: &mut Call<'_, '_>, text: &[u8]) -> Result<(Option<u32>, Option<u32>), Fault> {
    let split = memchr::memchr(b':', text);
    let dotted = || {
        memchr::memchr(b'.', text)
            .filter(|_| user(&mut Call { shell: &mut *call.shell, name: b"", args: &[] }, text).is_err())
    };
    let Some(place) = split.or_else(dotted) else { return Ok((Some(user(call, text)?), None)) };
    let (name, group_name) = (&text[..place], &text[place + 1..]);
    let uid = if name.is_empty() { None } else { Some(user(call, name)?) };
    let gid = if !group_name.is_empty() {
        Some(group(call, group_name)?)
    } else if let Some(uid) = uid {
        let own = entries(call, "/etc/passwd").into_iter().find(|entry| field(entry, 2) == Some(u64::from(uid)));
        own.and_then(|entry| field(&entry, 3)).and_then(|gid| u32::try_from(gid).ok())
    } else {
        None
    };
    Ok((uid, gid))
}

fn field(entry: &[u8], index: usize) -> Option<u64> {
    let text = entry.split(|&byte| byte == b':').nth(index)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The lines of passwd(5) or group(5).
pub(crate) fn entries(call: &mut Call<'_, '_>, path: &str) -> Vec<Vec<u8>> {
    let text = call.tree().read(path).ok().flatten().unwrap_or_default();
    // Who asks next is told when that was too much.
    let _ = call.shell.system.budget.read(text.len().saturating_mul(4));
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn number(call: &mut Call<'_, '_>, path: &str, name: &[u8]) -> Option<u32> {
    let known = entries(call, path).into_iter().find(|entry| entry.split(|&byte| byte == b':').next() == Some(name));
    let number = known.and_then(|entry| field(&entry, 2)).and_then(|number| u32::try_from(number).ok());
    number.or_else(|| std::str::from_utf8(name.strip_prefix(b"+").unwrap_or(name)).ok()?.parse().ok())
}

/// The uid of a name in the tree's passwd, or of a number.
///
/// # Errors
/// There is none.
pub(crate) fn user(call: &mut Call<'_, '_>, name: &[u8]) -> Result<u32, Fault> {
    number(call, "/etc/passwd", name).ok_or_else(|| Fault::failed(format!("invalid user: '{}'", show(name))))
}

/// The gid of a name in the tree's group, or of a number.
///
/// # Errors
/// There is none.
pub(crate) fn group(call: &mut Call<'_, '_>, name: &[u8]) -> Result<u32, Fault> {
    number(call, "/etc/group", name).ok_or_else(|| Fault::failed(format!("invalid group: '{}'", show(name))))
}

/// The name of an owner in a table of the tree, or the number.
pub(super) fn name_of(call: &mut Call<'_, '_>, table: &str, number: u32, unknown: &str) -> String {
    let wanted = number.to_string();
    let entry = entries(call, table)
        .into_iter()
        .find(|entry| entry.split(|&byte| byte == b':').nth(2) == Some(wanted.as_bytes()));
    entry.map_or_else(|| unknown.to_owned(), |entry| show(entry.split(|&byte| byte == b':').next().unwrap_or_default()))
}

/// A kind and a mode as ls(1) shows them.
pub(super) fn symbolic(inode: &Inode) -> String {
    let kind = match inode.kind {
        Kind::Directory => 'd',
        Kind::File(_) => '-',
        Kind::Symlink(_) => 'l',
        Kind::CharDevice { .. } => 'c',
        Kind::BlockDevice { .. } => 'b',
        Kind::Fifo => 'p',
    };
    let mode = inode.stat.mode;
    let mut text = String::from(kind);
    for (shift, special, set, clear) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        text.push(if mode >> shift & 4 != 0 { 'r' } else { '-' });
        text.push(if mode >> shift & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode >> shift & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => clear,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told() {
        let files = "printf 'root:x:0:0::/:/bin/sh\\ndaemon:x:1:1::/:/bin/sh\\n' >/etc/passwd
            printf 'root:x:0:\\ndaemon:x:1:\\n' >/etc/group; cd /tmp; : >f; mkdir d; : >d/g\n";
        for (script, output) in [
            ("chmod -v 600 f", "mode of 'f' changed from 0644 (rw-r--r--) to 0600 (rw-------)\n"),
            ("chmod -c 644 f; chmod -v u=rw f; chmod -vc 644 f", "mode of 'f' retained as 0644 (rw-r--r--)\n"),
            (
                "chmod -Rc 4755 d/",
                "mode of 'd/' changed from 0755 (rwxr-xr-x) to 4755 (rwsr-xr-x)\nmode of 'd/g' changed from 0644 (rw-r--r--) to 4755 (rwsr-xr-x)\n",
            ),
            ("chmod -fv 600 x || chmod -c 600 x", "'x' could not be accessed\n"),
            ("chown -v 0:0 f; chown -v : f", "ownership of 'f' retained as 0:0\nownership of 'f' retained\n"),
            ("chown -v daemon: f; chown -c daemon f", "changed ownership of 'f' from root:root to daemon:daemon\n"),
            (
                "chown -c 1 f; chgrp -v 1 f; chown -v :0 f",
                "changed ownership of 'f' from root to 1\nchanged group of 'f' from root to 1\nchanged group of 'f' from daemon to 0\n",
            ),
            (
                "chown -v root:root x || chgrp -v 0 f",
                "failed to change ownership of 'x' to root:root\ngroup of 'f' retained as 0\n",
            ),
            (
                "chown -Rv 77:77 d",
                "changed ownership of 'd' from root:root to 77:77\nchanged ownership of 'd/g' from root:root to 77:77\n",
            ),
        ] {
            let (found, _, gaps) = super::super::recorded::run(&format!("{files}{script}"));
            assert_eq!((found.as_str(), gaps.as_slice()), (output, &[][..]), "{script}");
        }
        super::super::recorded::lacks(&[
            ("chown -v --reference=/tmp /etc", "--reference"),
            ("ln -s a b; mkdir d; ln -s a d/b; chmod -Rv 600 d", "of links"),
        ]);
    }

    #[test]
    fn modes() {
        let cases = [
            ("644", 0o7777, false, 0o644),
            ("755", 0o2700, true, 0o2755),
            ("02755", 0, true, 0o2755),
            ("u+x", 0o644, false, 0o744),
            ("a+rX", 0o600, false, 0o644),
            ("a+rX", 0o700, true, 0o755),
            ("go-rwx", 0o777, false, 0o700),
            ("u=rw,g=r,o=", 0o777, false, 0o640),
            ("+x", 0o644, false, 0o755),
            ("u+s", 0o755, false, 0o4755),
            ("g+s", 0o755, true, 0o2755),
            ("+t", 0o777, true, 0o1777),
            ("g=u", 0o640, false, 0o660),
            ("=", 0o777, false, 0),
        ];
        for (text, mode, directory, wanted) in cases {
            let found = parse(text.as_bytes(), mode, directory, 0o022).expect(text);
            assert_eq!(found, wanted, "{text}: {found:o}");
        }
        assert!(
            parse(b"u+q", 0, false, 0).is_err()
                && parse(b"999", 0, false, 0).is_err()
                && parse(b"", 0, false, 0).is_err()
        );
    }
}
