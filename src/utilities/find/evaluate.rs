//! Whether an expression holds for a file, and what it does with it.

use super::expression::Below;
use super::expression::Execute;
use super::expression::Expression;
use super::expression::Walk;
use crate::shell::printf;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::files::without_slashes;
use crate::utilities::permissions;
use crate::utilities::programs::replace_all;
use crate::utilities::show;

pub(super) struct Found<'a> {
    pub(super) path: &'a [u8],
    /// Where it lies; of a link that is followed, what it leads to.
    pub(super) place: &'a TreePath,
    /// Where its name is.
    pub(super) own: &'a TreePath,
    pub(super) inode: &'a Inode,
    pub(super) depth: usize,
}

impl Found<'_> {
    pub(super) fn name(&self) -> &[u8] {
        let (trimmed, _) = without_slashes(self.path);
        trimmed.rsplit(|&byte| byte == b'/').next().filter(|name| !name.is_empty()).unwrap_or(trimmed)
    }

    /// The last name, with the slash that was typed behind it.
    fn last(&self) -> Vec<u8> {
        let slash: &[u8] = if self.path.len() > 1 && self.path.ends_with(b"/") { b"/" } else { b"" };
        [self.name(), slash].concat()
    }

    pub(super) const fn letter(inode: &Inode) -> u8 {
        match inode.kind {
            Kind::Directory => b'd',
            Kind::File(_) => b'f',
            Kind::Symlink(_) => b'l',
            Kind::CharDevice { .. } => b'c',
            Kind::BlockDevice { .. } => b'b',
            Kind::Fifo => b'p',
        }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.inode.kind {
            Kind::File(content) => content.size(),
            Kind::Symlink(target) => target.len() as u64,
            _ => 4096,
        }
    }
}

pub(super) fn evaluate(
    call: &mut Call<'_, '_>,
    expression: &Expression,
    walk: &mut Walk,
    found: &Found<'_>,
    below: &mut Below,
) -> Result<bool, Fault> {
    let stat = &found.inode.stat;
    let budget = call.shell.system.budget.clone();
    Ok(match expression {
        Expression::And(parts) => !decided(call, parts, false, walk, found, below)?,
        Expression::Or(parts) => decided(call, parts, true, walk, found, below)?,
        Expression::Not(inner) => !evaluate(call, inner, walk, found, below)?,
        Expression::True(value) => *value,
        Expression::Name(pattern, false) => pattern.matches(found.name(), &budget)?,
        Expression::Name(pattern, true) => pattern.matches(&found.name().to_ascii_lowercase(), &budget)?,
        Expression::Path(pattern, false) => pattern.matches(found.path, &budget)?,
        Expression::Path(pattern, true) => pattern.matches(&found.path.to_ascii_lowercase(), &budget)?,
        Expression::Regex(regex) => regex.is_match(found.path)?,
        Expression::Type(letters) => letters.contains(&Found::letter(found.inode)),
        Expression::BehindType(letters) => behind_type(call, letters, walk, found)?,
        Expression::Links(pattern) => match &found.inode.kind {
            Kind::Symlink(target) => pattern.matches(target, &budget)?,
            _ => false,
        },
        Expression::Empty if found.inode.is_directory() => call.tree().children(found.place).next().is_none(),
        Expression::Empty => found.inode.content().is_some_and(|content| content.size() == 0),
        // access(2) asks about what a link leads to.
        Expression::Executable => {
            let behind = call.tree().lookup([b"/", found.own.as_bytes()].concat());
            behind.is_some_and(|(_, inode)| inode.is_directory() || inode.stat.mode & 0o111 != 0)
        }
        Expression::Permissions(b'-', mode) => stat.mode & mode == *mode,
        Expression::Permissions(b'=', mode) => stat.mode == *mode,
        Expression::Permissions(_, mode) => *mode == 0 || stat.mode & mode != 0,
        Expression::User(uid) => stat.uid == *uid,
        Expression::Group(gid) => stat.gid == *gid,
        Expression::NoUser => !known(call, "/etc/passwd", stat.uid),
        Expression::NoGroup => !known(call, "/etc/group", stat.gid),
        Expression::Newer(time) => stat.mtime > *time,
        Expression::Same(id) => id.is_some() && call.tree().id(found.place) == *id,
        Expression::Size(ordering, count, unit) => {
            let size = i64::try_from(found.size().div_ceil(*unit)).unwrap_or(i64::MAX);
            ordering.holds(size, i64::try_from(*count).unwrap_or(i64::MAX))
        }
        Expression::Age(ordering, count, unit, now) => {
            ordering.holds(now.saturating_sub(stat.mtime).div_euclid(*unit), *count)
        }
        Expression::Print(end) => {
            call.out([found.path, end].concat())?;
            true
        }
        Expression::Format(format) => {
            let text = formatted(call, format, found)?;
            call.out(text)?;
            true
        }
        Expression::List => return Err(Fault::gap("-ls")),
        Expression::Prune => {
            *below = Below::Prune;
            true
        }
        Expression::Quit => {
            walk.quit = true;
            true
        }
        Expression::Delete => delete(call, walk, found)?,
        Expression::Execute(words, how) => executed(call, words, how, walk, found)?,
    })
}

/// Whether a part of several decides it: the first that holds for `-o`, the first that does not for `-a`, or `-quit`.
fn decided(
    call: &mut Call<'_, '_>,
    parts: &[Expression],
    by: bool,
    walk: &mut Walk,
    found: &Found<'_>,
    below: &mut Below,
) -> Result<bool, Fault> {
    for part in parts {
        if evaluate(call, part, walk, found, below)? == by || walk.quit {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `-exec` and `-execdir`: now, or later with many files at once.
fn executed(
    call: &mut Call<'_, '_>,
    words: &[Vec<u8>],
    how: &Execute,
    walk: &mut Walk,
    found: &Found<'_>,
) -> Result<bool, Fault> {
    let with = |name: &[u8]| -> Vec<Vec<u8>> { words.iter().map(|word| replace_all(word, b"{}", name)).collect() };
    Ok(match how {
        Execute::Gathered => {
            call.shell.system.budget.made(found.path.len() + 32)?;
            walk.gathered.push(found.path.to_vec());
            true
        }
        Execute::Each => call.run(&with(found.path))? == 0,
        Execute::Inside => {
            let words = with(&[b"./", found.last().as_slice()].concat());
            let parent = if found.path == b"." { found.own.clone() } else { found.own.parent().unwrap_or_default() };
            let inside = [b"/", parent.as_bytes()].concat();
            let before = std::mem::replace(&mut call.shell.state.directory, inside);
            let status = call.run(&words);
            call.shell.state.directory = before;
            status? == 0
        }
    })
}

/// Whether what a link leads to, or the link itself where links are followed, is of a type.
fn behind_type(call: &mut Call<'_, '_>, letters: &[u8], walk: &mut Walk, found: &Found<'_>) -> Result<bool, Fault> {
    let followed = walk.follow || (walk.follow_operands && found.depth == 0);
    let absolute = [b"/", found.own.as_bytes()].concat();
    let other = if followed { Ok(found.own.clone()) } else { call.tree().resolve(absolute, true) };
    if matches!(other, Err(crate::tree::Error::Loop(_))) {
        in_a_circle(call, walk, found.path)?;
        return Ok(false);
    }
    let other = other.ok().filter(|other| call.tree().get(other).is_some());
    let inode = call.tree().get(&other.unwrap_or_else(|| found.own.clone())).cloned();
    Ok(inode.is_some_and(|inode| letters.contains(&Found::letter(&inode))))
}

/// Removes a file, or an empty directory; whether it is gone.
fn delete(call: &mut Call<'_, '_>, walk: &mut Walk, found: &Found<'_>) -> Result<bool, Fault> {
    // Nobody can remove the directory that he is in by that name.
    if found.path == b"." {
        return Ok(true);
    }
    if found.name() == b".." {
        return Err(Fault::gap("-delete of a directory by the name `..`"));
    }
    // By a name with a slash behind it the link itself stays out of sight.
    let (bare, slash) = without_slashes(found.path);
    let behind = slash && call.look(bare, false).is_some_and(|inode| matches!(inode.kind, Kind::Symlink(_)));
    let is_link = (found.own != found.place || behind) && found.inode.is_directory();
    let why = if found.name() == b"." {
        // Not even by a longer one that ends so.
        Some("Invalid argument")
    } else if is_link {
        Some("Not a directory")
    } else {
        call.tree().remove(found.own).err().map(|error| crate::shell::system::reason(&error))
    };
    if let Some(why) = why {
        call.err(&format!("cannot delete '{}': {why}", show(found.path)))?;
        walk.status = 1;
    }
    Ok(why.is_none())
}

fn known(call: &mut Call<'_, '_>, table: &str, number: u32) -> bool {
    let number = number.to_string();
    permissions::entries(call, table)
        .iter()
        .any(|entry| entry.split(|&byte| byte == b':').nth(2) == Some(number.as_bytes()))
}

fn formatted(call: &mut Call<'_, '_>, format: &[u8], found: &Found<'_>) -> Result<Vec<u8>, Fault> {
    let name = |call: &mut Call<'_, '_>, table, number: u32| {
        permissions::name_of(call, table, number, &number.to_string()).into_bytes()
    };
    if format.windows(2).any(|pair| pair == b"\\c") {
        return Err(Fault::gap("`\\c` in a format, which ends it"));
    }
    let (format, _) = printf::escapes(format, printf::Escapes::DashFormat);
    let mut out = Vec::new();
    let mut rest = format.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'p') => out.extend(found.path),
            Some(b'f') => out.extend(found.last()),
            Some(b'h') => {
                let cut = found.path.iter().rposition(|&byte| byte == b'/');
                out.extend(cut.map_or(b".".as_slice(), |cut| &found.path[..cut]));
            }
            Some(b'P') => {
                // The path below the starting point: as many components as the depth.
                let names: Vec<&[u8]> =
                    found.path.rsplitn(found.depth + 1, |&byte| byte == b'/').take(found.depth).collect();
                out.extend(names.into_iter().rev().collect::<Vec<_>>().join(&b'/'));
            }
            Some(b'm') => out.extend(format!("{:o}", found.inode.stat.mode).into_bytes()),
            Some(b's') => out.extend(found.size().to_string().into_bytes()),
            Some(b'y') => out.push(Found::letter(found.inode)),
            Some(b'u') => out.extend(name(call, "/etc/passwd", found.inode.stat.uid)),
            Some(b'g') => out.extend(name(call, "/etc/group", found.inode.stat.gid)),
            Some(b'U') => out.extend(found.inode.stat.uid.to_string().into_bytes()),
            Some(b'G') => out.extend(found.inode.stat.gid.to_string().into_bytes()),
            Some(b'l') => {
                if let Kind::Symlink(target) = &found.inode.kind {
                    out.extend(target);
                }
            }
            Some(b'd') => out.extend(found.depth.to_string().into_bytes()),
            Some(b'%') => out.push(b'%'),
            letter => return Err(Fault::gap(format!("-printf %{}", letter.map_or(' ', char::from)))),
        }
    }
    Ok(out)
}

/// Says that a link leads to itself.
pub(super) fn in_a_circle(call: &mut Call<'_, '_>, walk: &mut Walk, path: &[u8]) -> Result<(), Fault> {
    walk.status = 1;
    call.err(&format!("'{}': Too many levels of symbolic links", show(path)))
}

#[cfg(test)]
mod tests {
    use crate::utilities::recorded::says;

    #[test]
    fn no_directory_is_removed_as_the_one_it_is() {
        says(&[
            ("mkdir e; cd e; mkdir d; find ./ -delete; echo $?; ls", "1\n", 0),
            ("mkdir e; cd e; mkdir d; find . -delete; echo $?; ls", "0\n", 0),
            ("mkdir d; find d/. -delete; echo $?; ls -d d", "1\nd\n", 0),
            ("cd /tmp; mkdir d; : >d/f; ln -s d l; find -H l/ -delete; echo $?; ls . d", "1\n.:\nd\nl\n\nd:\n", 0),
            ("mkdir d; find d/ -delete; echo $?; ls -d d", "0\n", 2),
        ]);
    }
}
