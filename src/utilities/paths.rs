//! coreutils' programs that look at paths: `readlink`, `realpath`, `stat`, `ls`, `pwd`, `du`, `df`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::files::relative_path;
use super::permissions::name_of;
use super::permissions::symbolic;
use super::show;
use crate::format::escape;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("df", df), ("du", du), ("ls", ls), ("pwd", pwd), ("readlink", readlink), ("realpath", realpath), ("stat", stat)];

/// How much of a path must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    All,
    Parents,
    Nothing,
}

/// The path without links; `None` when too little of it exists.
fn canonical(call: &mut Call<'_, '_>, path: &[u8], existing: Existing) -> Option<TreePath> {
    if path.is_empty() {
        return None;
    }
    let absolute = call.absolute(path);
    let tree = call.tree();
    match tree.resolve(&absolute, true) {
        Ok(place) if existing != Existing::All || tree.get(&place).is_some() => Some(place),
        Ok(_) => None,
        Err(_) if existing != Existing::Nothing => None,
        Err(_) => {
            // What is missing stays as written.
            let mut place = TreePath::root();
            for name in absolute.split(|&byte| byte == b'/') {
                place = match name {
                    b"" | b"." => continue,
                    b".." => place.parent().unwrap_or_default(),
                    name => {
                        let next = [b"/", place.as_bytes(), b"/", name].concat();
                        tree.resolve(&next, true).ok().or_else(|| place.join(name).ok())?
                    }
                };
            }
            Some(place)
        }
    }
}

fn readlink(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("canonicalize", b'f'),
        ("canonicalize-existing", b'e'),
        ("canonicalize-missing", b'm'),
        ("no-newline", b'n'),
        ("quiet", b'q'),
        ("silent", b'q'),
        ("verbose", b'v'),
        ("zero", b'z'),
    ];
    let given = call.options("femnqsvz", &long)?;
    let existing = given.last_of(b"fem").map(|letter| match letter {
        b'e' => Existing::All,
        b'f' => Existing::Parents,
        _ => Existing::Nothing,
    });
    let end: &[u8] = match given.last_of(b"nz") {
        Some(b'n') if given.operands.len() < 2 => b"",
        Some(b'z') => b"\0",
        _ => b"\n",
    };
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    let mut status = 0;
    for path in &given.operands {
        let target = match existing {
            Some(existing) => canonical(call, path, existing).map(|place| [b"/", place.as_bytes()].concat()),
            None => match call.look(path, false).map(|inode| inode.kind) {
                Some(Kind::Symlink(target)) => Some(target),
                _ => None,
            },
        };
        match target {
            Some(target) => call.out([target.as_slice(), end].concat())?,
            None => {
                status = 1;
                if given.last_of(b"qsv") == Some(b'v') {
                    let why = match (existing, call.look(path, false)) {
                        (None, Some(_)) => "Invalid argument",
                        (None, None) => "No such file or directory",
                        _ => return Err(Fault::gap("-v of a path that cannot be resolved")),
                    };
                    call.err(&format!("{}: {why}", show(path)))?;
                }
            }
        }
    }
    Ok(status)
}

/// The path from the root with the links that it has; `None` when it must exist and does not. What is above it is not asked,
/// but where it leads back (gnulib's `canonicalize_filename_mode`).
fn plain(call: &mut Call<'_, '_>, path: &[u8], existing: Existing) -> Result<Option<TreePath>, Fault> {
    if path.is_empty() {
        return Ok(None);
    }
    let leads_back = path.split(|&byte| byte == b'/').any(|name| name == b"..");
    if leads_back || path.ends_with(b"/.") || path.ends_with(b"/") && path.len() > 1 {
        return Err(Fault::gap(format!("`realpath -s {}`", show(path))));
    }
    let absolute = call.absolute(path);
    let names = absolute.split(|&byte| byte == b'/').filter(|name| !matches!(name, [] | [b'.']));
    let Some(place) = names.into_iter().try_fold(TreePath::root(), |place, name| place.join(name).ok()) else {
        return Ok(None);
    };
    let is_there = place.is_root() || call.look(&absolute, true).is_some();
    Ok((is_there || existing != Existing::All).then_some(place))
}

fn realpath(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("canonicalize-existing", b'e'),
        ("canonicalize-missing", b'm'),
        ("no-symlinks", b's'),
        ("strip", b's'),
        ("quiet", b'q'),
        ("relative-to", b'r'),
        ("zero", b'z'),
    ];
    let given = call.options("emsqzr:", &long)?;
    let existing = match given.last_of(b"em") {
        Some(b'e') => Existing::All,
        Some(_) => Existing::Nothing,
        None => Existing::Parents,
    };
    let missing = |path: &[u8]| Fault::failed(format!("{}: No such file or directory", show(path)));
    let base = match given.value(b'r') {
        Some(_) if given.has(b's') => return Err(Fault::gap("`realpath -s --relative-to`")),
        Some(path) => Some(canonical(call, path, existing).ok_or_else(|| missing(path))?),
        None => None,
    };
    let mut status = 0;
    for path in &given.operands {
        let found = if given.has(b's') { plain(call, path, existing)? } else { canonical(call, path, existing) };
        match found {
            Some(place) => {
                let text = match &base {
                    Some(base) => relative_path(&place, base),
                    None => [b"/", place.as_bytes()].concat(),
                };
                call.out([text.as_slice(), if given.has(b'z') { b"\0" } else { b"\n" }].concat())?;
            }
            None => {
                if !given.has(b'q') {
                    call.err(&format!("{}: No such file or directory", show(path)))?;
                }
                status = 1;
            }
        }
    }
    Ok(status)
}

fn pwd(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("LP", &[("logical", b'L'), ("physical", b'P')])?;
    let directory = call.shell.state.directory.clone();
    let text = match canonical(call, &directory, Existing::All) {
        Some(place) if !given.has(b'L') => [b"/", place.as_bytes()].concat(),
        _ => directory,
    };
    call.out([text.as_slice(), b"\n"].concat())?;
    Ok(0)
}

fn size(inode: &Inode) -> u64 {
    match &inode.kind {
        Kind::File(content) => content.size(),
        Kind::Symlink(target) => target.len() as u64,
        _ => 4096,
    }
}

/// The escapes of `--printf`.
fn stat_escapes(format: &[u8]) -> Result<Vec<u8>, Fault> {
    let (mut made, mut rest) = (Vec::with_capacity(format.len()), format);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            made.push(*byte);
            continue;
        }
        let Some((letter, tail)) = rest.split_first() else {
            made.push(b'\\');
            break;
        };
        let number = |digits: &[u8], base: u32| {
            digits.iter().fold(0u32, |sum, &digit| sum * base + char::from(digit).to_digit(base).unwrap_or(0))
        };
        let digits = |from: &[u8], base: u32, most: usize| {
            from.iter().take(most).take_while(|digit| char::from(**digit).is_digit(base)).count()
        };
        rest = tail;
        if let Some(byte) = escape::letter(*letter) {
            made.push(byte);
            continue;
        }
        made.push(match letter {
            b'e' => 27,
            b'"' | b'\\' => *letter,
            b'0'..=b'7' => {
                let length = 1 + digits(tail, 8, 2);
                let from = format.len() - tail.len() - 1;
                rest = &tail[length - 1..];
                number(&format[from..from + length], 8).to_le_bytes()[0]
            }
            b'x' => match digits(tail, 16, 2) {
                0 => b'x',
                length => {
                    rest = &tail[length..];
                    number(&tail[..length], 16).to_le_bytes()[0]
                }
            },
            letter => return Err(Fault::gap(format!("the escape `\\{}`", letter.escape_ascii()))),
        });
    }
    Ok(made)
}

fn stat(call: &mut Call<'_, '_>) -> Done {
    let long = [("format", b'c'), ("printf", b'p'), ("dereference", b'L'), ("terse", b't')];
    let given = call.options("c:p:L", &long)?;
    let (format, end) = match (given.value(b'p'), given.value(b'c')) {
        (Some(format), _) => (stat_escapes(format)?, ""),
        (None, Some(format)) => (format.to_vec(), "\n"),
        (None, None) => return Err(Fault::gap("without a format")),
    };
    let mut status = 0;
    for path in &given.operands {
        let Some(inode) = call.look(path, given.has(b'L')) else {
            call.err(&format!("cannot statx '{}': No such file or directory", show(path)))?;
            status = 1;
            continue;
        };
        let mut line = Vec::new();
        let mut rest = format.iter().copied();
        while let Some(byte) = rest.next() {
            if byte != b'%' {
                line.push(byte);
                continue;
            }
            let text = match rest.next() {
                Some(b'a') => format!("{:o}", inode.stat.mode),
                Some(b'A') => symbolic(&inode),
                Some(b'u') => inode.stat.uid.to_string(),
                Some(b'g') => inode.stat.gid.to_string(),
                Some(b'U') => name_of(call, "/etc/passwd", inode.stat.uid, "UNKNOWN"),
                Some(b'G') => name_of(call, "/etc/group", inode.stat.gid, "UNKNOWN"),
                Some(b'n') => show(path),
                Some(b's') => size(&inode).to_string(),
                Some(b'X' | b'Y' | b'Z') => inode.stat.mtime.to_string(),
                Some(b'F') => kind_name(&inode).to_owned(),
                Some(b'h') => links(call, path).to_string(),
                Some(b'%') => "%".to_owned(),
                // Every path is of one file system.
                Some(b'd') => "1".to_owned(),
                Some(b'i') => inode_number(call, path, given.has(b'L')).to_string(),
                Some(letter) => return Err(Fault::gap(format!("format %{}", char::from(letter)))),
                None => "%".to_owned(),
            };
            line.extend(text.into_bytes());
        }
        line.extend(end.as_bytes());
        call.out(line)?;
    }
    Ok(status)
}

fn kind_name(inode: &Inode) -> &'static str {
    match &inode.kind {
        Kind::Directory => "directory",
        Kind::File(content) if content.size() == 0 => "regular empty file",
        Kind::File(_) => "regular file",
        Kind::Symlink(_) => "symbolic link",
        Kind::CharDevice { .. } => "character special file",
        Kind::BlockDevice { .. } => "block special file",
        Kind::Fifo => "fifo",
    }
}

fn links(call: &mut Call<'_, '_>, path: &[u8]) -> u32 {
    let Ok(place) = call.resolve(path, false) else { return 1 };
    let tree = call.tree();
    match (tree.id(&place), tree.get(&place).is_some_and(Inode::is_directory)) {
        (Some(_), true) => {
            2 + u32::try_from(tree.children(&place).filter(|(_, inode)| inode.is_directory()).count()).unwrap_or(0)
        }
        (Some(id), false) => tree.links(id),
        _ => 1,
    }
}

fn ls(call: &mut Call<'_, '_>) -> Done {
    const COLOR: u8 = 1;
    let long = [
        ("all", b'a'),
        ("almost-all", b'A'),
        ("color", COLOR),
        ("dereference", b'L'),
        ("directory", b'd'),
        ("reverse", b'r'),
    ];
    // Nothing here is a terminal: -1 is what is done anyway.
    let given = call.options("1aAdlrLtnqv\u{1}::", &long)?;
    let colourless: [&[u8]; 6] = [b"never", b"no", b"none", b"auto", b"tty", b"if-tty"];
    if let Some(when) = given.value(COLOR).filter(|when| !colourless.contains(when)) {
        return Err(Fault::gap(format!("option `--color={}`", show(when))));
    }
    let operands = if given.operands.is_empty() { vec![b".".to_vec()] } else { given.operands.clone() };
    let (mut files, mut directories, mut status) = (Vec::new(), Vec::new(), 0);
    for path in operands {
        let follow = given.has(b'L') || !(given.has(b'd') || given.has(b'l'));
        match call.look(&path, follow).or_else(|| call.look(&path, false)) {
            None => {
                if !given.has(b'd') {
                    call.can_list(&path)?;
                }
                call.err(&format!("cannot access '{}': No such file or directory", show(&path)))?;
                status = 2;
            }
            Some(inode) if inode.is_directory() && !given.has(b'd') => {
                call.can_list(&path)?;
                directories.push(path);
            }
            Some(inode) => files.push((path.clone(), path, inode)),
        }
    }
    sort_entries(&given, &mut files);
    let named = directories.len() + usize::from(!files.is_empty()) > 1;
    print_entries(call, &given, &files)?;
    for (index, path) in directories.iter().enumerate() {
        if named {
            let gap = if index > 0 || !files.is_empty() { "\n" } else { "" };
            call.out([gap.as_bytes(), path, b":\n"].concat())?;
        }
        let place = call.resolve(path, true)?;
        let count = call.tree().children(&place).count();
        call.shell.system.budget.made(count.saturating_mul(64))?;
        let tree = call.tree();
        let hidden = |name: &[u8]| name.starts_with(b".") && !given.has(b'a') && !given.has(b'A');
        let children = tree.children(&place).filter(|(child, _)| !hidden(child.name()));
        let mut entries: Vec<_> = children
            .map(|(child, inode)| (child.name().to_vec(), [path.as_slice(), child.name()].join(&b'/'), inode.clone()))
            .collect();
        if given.has(b'a') {
            let own = tree.get(&place).cloned().unwrap_or_else(|| Inode::directory(0o755));
            entries.extend([b".".as_slice(), b".."].map(|name| (name.to_vec(), path.clone(), own.clone())));
        }
        sort_entries(&given, &mut entries);
        if given.has(b'l') || given.has(b'n') {
            let total: u64 = entries.iter().map(|(.., inode)| blocks(inode)).sum();
            call.out(format!("total {total}\n"))?;
        }
        print_entries(call, &given, &entries)?;
    }
    Ok(status)
}

type Entry = (Vec<u8>, Vec<u8>, Inode);

fn sort_entries(given: &super::Given, entries: &mut [Entry]) {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    if given.has(b'v') {
        entries.sort_by(|a, b| super::versions::compare(&a.0, &b.0));
    }
    if given.has(b't') {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.2.stat.mtime));
    }
    if given.has(b'r') {
        entries.reverse();
    }
}

/// Kilobytes on a disk with blocks of 4 KiB, as ext4's and tmpfs' are.
fn blocks(inode: &Inode) -> u64 {
    match &inode.kind {
        Kind::File(content) => content.size().div_ceil(4096).saturating_mul(4),
        Kind::Directory => 4,
        _ => 0,
    }
}

/// Half a year as ls(1) has it: what is older, or in the future, is shown with its year and no time.
const RECENT: i64 = 31_556_952 / 2;

/// A name as it is shown: with `-q` each byte that cannot be printed is a question mark.
fn shown_name(given: &super::Given, name: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| if !given.has(b'q') || matches!(byte, b' '..=b'~') { *byte } else { b'?' };
    name.iter().map(plain).collect()
}

fn print_entries(call: &mut Call<'_, '_>, given: &super::Given, entries: &[Entry]) -> Result<(), Fault> {
    if !given.has(b'l') && !given.has(b'n') {
        let text: Vec<u8> = entries.iter().flat_map(|(name, ..)| [&*shown_name(given, name), b"\n"].concat()).collect();
        return call.out(text);
    }
    let now = call.shell.system.clock;
    let mut lines = Vec::new();
    for (name, path, inode) in entries {
        call.shell.system.budget.step()?;
        let (mut user, mut group) = (inode.stat.uid.to_string(), inode.stat.gid.to_string());
        if !given.has(b'n') {
            user = name_of(call, "/etc/passwd", inode.stat.uid, &user);
            group = name_of(call, "/etc/group", inode.stat.gid, &group);
        }
        let age = now.saturating_sub(inode.stat.mtime);
        let form: &[u8] = if (0..RECENT).contains(&age) { b"%b %e %H:%M" } else { b"%b %e  %Y" };
        let date = super::clock::format(form, inode.stat.mtime)?;
        let size = match inode.kind {
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => format!("{major}, {minor}"),
            _ => size(inode).to_string(),
        };
        let mut end = [b" ", date.as_slice(), b" ", &shown_name(given, name)].concat();
        if let Kind::Symlink(target) = &inode.kind {
            end.extend([b" -> ", target.as_slice()].concat());
        }
        end.push(b'\n');
        lines.push(([links(call, path).to_string(), user, group, size], symbolic(inode), end));
    }
    let widths: [usize; 4] =
        std::array::from_fn(|column| lines.iter().map(|(columns, ..)| columns[column].len()).max().unwrap_or(0));
    for ([links, user, group, size], mode, end) in lines {
        let [first, second, third, fourth] = widths;
        let head = format!("{mode} {links:>first$} {user:<second$} {group:<third$} {size:>fourth$}");
        call.out([head.as_bytes(), &end].concat())?;
    }
    Ok(())
}

/// `du -b` of files: how much room anything else takes is a matter of the file system.
fn du(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("skbcxh", &[("summarize", b's'), ("bytes", b'b')])?;
    let mut status = 0;
    for path in &given.operands {
        match call.look(path, false) {
            None => {
                call.err(&format!("cannot access '{}': No such file or directory", show(path)))?;
                status = 1;
            }
            Some(inode) if given.has(b'b') && !given.has(b'h') && !given.has(b'c') && inode.content().is_some() => {
                call.out([format!("{}\t", size(&inode)).as_bytes(), path, b"\n"].concat())?;
            }
            Some(_) => return Err(Fault::gap("how much room something takes on a disk")),
        }
    }
    if given.operands.is_empty() { Err(Fault::gap("how much room something takes on a disk")) } else { Ok(status) }
}

/// Names of one file have one number, as scripts that compare them expect; which one says nothing.
fn inode_number(call: &mut Call<'_, '_>, path: &[u8], follow: bool) -> u32 {
    let Ok(place) = call.resolve(path, follow) else { return 0 };
    call.tree().id(&place).map_or(0, |id| id.number())
}

/// A disk that has room for everything: how much the builder has is none of a script's business.
fn df(call: &mut Call<'_, '_>) -> Done {
    const FIELDS: [(&str, &str, &str); 6] = [
        ("source", "Filesystem", "rootfs"),
        ("size", "1K-blocks", "104857600"),
        ("used", "Used", "4194304"),
        ("avail", "Avail", "100663296"),
        ("pcent", "Use%", "5%"),
        ("target", "Mounted on", "/"),
    ];
    let long = [("portability", b'P'), ("local", b'l'), ("inodes", b'i'), ("output", b'o')];
    let given = call.options("Pklmo:", &long)?;
    if given.has(b'm') {
        return Err(Fault::gap("-m"));
    }
    let Some(fields) = given.value(b'o').map(show) else {
        let line = "rootfs           104857600  4194304 100663296       5% /\n";
        let head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
        call.out(format!("{head}{}", line.repeat(given.operands.len().max(1))))?;
        return Ok(0);
    };
    let mut chosen = Vec::new();
    for name in fields.split(',') {
        let field = FIELDS.iter().find(|(known, ..)| *known == name);
        chosen.push(field.ok_or_else(|| Fault::gap(format!("the field `{name}`")))?);
    }
    let head: Vec<&str> = chosen.iter().map(|(_, head, _)| *head).collect();
    let line: Vec<&str> = chosen.iter().map(|(.., value)| *value).collect();
    let lines = format!("{}\n", line.join(" ")).repeat(given.operands.len().max(1));
    call.out(format!("{}\n{lines}", head.join(" ")))?;
    Ok(0)
}
