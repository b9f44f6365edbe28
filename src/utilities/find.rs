//! find(1): tests, operators and actions as scripts use them.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::files::without_slashes;
use super::permissions;
use super::programs::replace_all;
use super::regex::Regex;
use super::regex::Syntax;
use super::show;
use crate::shell::pattern::Pattern;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("find", find)];

#[derive(Debug)]
enum Expression {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    True(bool),
    Name(Pattern, bool),
    Path(Pattern, bool),
    Regex(Regex),
    Type(Vec<u8>),
    /// As `Type`, of what a link leads to; with `-L` of the link itself.
    BehindType(Vec<u8>),
    Links(Pattern),
    Empty,
    Permissions(u8, u32),
    User(u32),
    Group(u32),
    NoUser,
    NoGroup,
    Newer(i64),
    Size(Ordering, u64, u64),
    /// Seconds that count as one, and the time that it is counted back from.
    Age(Ordering, i64, i64, i64),
    Same(Option<crate::tree::InodeId>),
    Executable,
    Print(&'static [u8]),
    Format(Vec<u8>),
    Prune,
    Delete,
    Quit,
    Execute(Vec<Vec<u8>>, Execute),
    List,
}

/// When and where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Execute {
    Each,
    /// Once, with all that was found.
    Gathered,
    /// In the directory that holds what was found.
    Inside,
}

#[derive(Debug, Clone, Copy)]
enum Ordering {
    More,
    Less,
    Exactly,
}

impl Ordering {
    const fn holds(self, value: i64, wanted: i64) -> bool {
        match self {
            Self::More => value > wanted,
            Self::Less => value < wanted,
            Self::Exactly => value == wanted,
        }
    }
}

#[derive(Debug, Default)]
struct Walk {
    lowest: usize,
    deepest: Option<usize>,
    depth_first: bool,
    follow: bool,
    follow_operands: bool,
    /// Arguments gathered for `-exec … +`.
    gathered: Vec<Vec<u8>>,
    /// The directories that are being walked, for links that lead back into one of them.
    above: Vec<TreePath>,
    status: i32,
    quit: bool,
}

/// Directories inside each other; links followed by `-L` can make more than any tree has.
const DEPTH_MAX: usize = 1024;

fn find(call: &mut Call<'_, '_>) -> Done {
    let mut walk = Walk::default();
    let mut rest = call.args;
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"-L" => walk.follow = true,
            b"-P" => walk.follow = false,
            b"-H" => walk.follow_operands = true,
            _ => break,
        }
        rest = tail;
    }
    let begins = |word: &Vec<u8>| word.len() > 1 && word[0] == b'-' || matches!(word.as_slice(), b"(" | b"!");
    let count = rest.iter().position(begins).unwrap_or(rest.len());
    let (roots, words) = rest.split_at(count);
    let roots = if roots.is_empty() { vec![b".".to_vec()] } else { roots.to_vec() };
    let mut parser = Parser { words, position: 0, acts: false, depth: 0, syntax: None, day_start: false };
    let expression = if words.is_empty() { Expression::True(true) } else { parser.or(call, &mut walk)? };
    if parser.position < words.len() {
        return Err(wrong(&words[parser.position]));
    }
    if parser.words.iter().any(|word| word == b"-delete")
        && parser.words.iter().any(|word| word == b"-prune")
        && !parser.words.iter().any(|word| matches!(word.as_slice(), b"-depth" | b"-d"))
    {
        return Err(Fault::failed("The -delete action automatically turns on -depth, but -prune does nothing then"));
    }
    let expression = if parser.acts { expression } else { Expression::And(vec![expression, Expression::Print(b"\n")]) };
    for root in roots {
        let follow = walk.follow || walk.follow_operands || root.ends_with(b"/");
        let Some(inode) = call.look(&root, follow).or_else(|| call.look(&root, false)) else {
            call.err(&format!("'{}': No such file or directory", show(&root)))?;
            walk.status = 1;
            continue;
        };
        let own = call.resolve(&root, root.ends_with(b"/"))?;
        let absolute = call.absolute(&root);
        let place = match call.tree().resolve(&absolute, follow) {
            Err(crate::tree::Error::Loop(_)) => {
                in_a_circle(call, &mut walk, &root)?;
                continue;
            }
            place => place.ok().filter(|place| call.tree().get(place).is_some()),
        };
        let found =
            Found { path: &root, place: &place.unwrap_or_else(|| own.clone()), own: &own, inode: &inode, depth: 0 };
        visit(call, &expression, &mut walk, &found)?;
        if walk.quit {
            break;
        }
    }
    finish(call, &expression, &mut walk)?;
    Ok(walk.status)
}

fn wrong(word: &[u8]) -> Fault {
    Fault::gap(format!("`{}`", show(word)))
}

struct Parser<'a> {
    words: &'a [Vec<u8>],
    position: usize,
    acts: bool,
    depth: u32,
    /// `-regextype`; Emacs' when there is none.
    syntax: Option<Syntax>,
    /// `-daystart`: days are counted from the end of this one.
    day_start: bool,
}

impl Parser<'_> {
    fn skip(&mut self, names: &[&[u8]]) -> bool {
        let found = self.words.get(self.position).is_some_and(|word| names.contains(&word.as_slice()));
        self.position += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Vec<u8>, Fault> {
        let option = self.words[self.position - 1].clone();
        let value = self.words.get(self.position).cloned();
        self.position += 1;
        value.ok_or_else(|| Fault::failed(format!("missing argument to `{}'", show(&option))))
    }

    fn number(&mut self) -> Result<usize, Fault> {
        let text = self.value()?;
        super::text::number(&text)
    }

    fn or(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let mut parts = vec![self.and(call, walk)?];
        while self.skip(&[b"-o", b"-or"]) {
            parts.push(self.and(call, walk)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn and(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let mut parts = vec![self.not(call, walk)?];
        loop {
            let stated = self.skip(&[b"-a", b"-and"]);
            let ends = self
                .words
                .get(self.position)
                .is_none_or(|word| matches!(word.as_slice(), b")" | b"-o" | b"-or" | b","));
            if ends && !stated {
                return Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) });
            }
            parts.push(self.not(call, walk)?);
        }
    }

    fn not(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        self.depth += 1;
        call.shell.system.budget.step()?;
        if self.depth > 100 {
            return Err(Fault::gap("an expression nested too deeply"));
        }
        let expression = if self.skip(&[b"!", b"-not"]) {
            Expression::Not(Box::new(self.not(call, walk)?))
        } else if self.skip(&[b"("]) {
            let inner = self.or(call, walk)?;
            if !self.skip(&[b")"]) {
                return Err(Fault::failed("missing `)'"));
            }
            inner
        } else {
            self.primary(call, walk)?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn primary(&mut self, call: &mut Call<'_, '_>, walk: &mut Walk) -> Result<Expression, Fault> {
        let Some(word) = self.words.get(self.position).cloned() else {
            return Err(Fault::failed("expected an expression"));
        };
        self.position += 1;
        let own = |names: &[u8]| Pattern::plain(names);
        let expression = match word.as_slice() {
            b"-maxdepth" => {
                walk.deepest = Some(self.number()?);
                Expression::True(true)
            }
            b"-mindepth" => {
                walk.lowest = self.number()?;
                Expression::True(true)
            }
            b"-depth" | b"-d" => {
                walk.depth_first = true;
                Expression::True(true)
            }
            b"-follow" => {
                walk.follow = true;
                Expression::True(true)
            }
            b"-daystart" => {
                self.day_start = true;
                Expression::True(true)
            }
            b"-regextype" => {
                self.syntax = Some(match self.value()?.as_slice() {
                    b"posix-basic" | b"grep" | b"ed" | b"sed" => Syntax::Basic,
                    b"posix-extended" | b"egrep" | b"posix-egrep" => Syntax::Extended,
                    other => return Err(Fault::gap(format!("-regextype {}", show(other)))),
                });
                Expression::True(true)
            }
            // One file system holds it all.
            b"-xdev" | b"-mount" | b"-noleaf" | b"-ignore_readdir_race" | b"-true" | b"-nowarn" => {
                Expression::True(true)
            }
            b"-false" => Expression::True(false),
            b"-name" => Expression::Name(own(&self.value()?), false),
            b"-iname" => Expression::Name(own(&self.value()?.to_ascii_lowercase()), true),
            b"-path" | b"-wholename" => Expression::Path(own(&self.value()?), false),
            b"-ipath" | b"-iwholename" => Expression::Path(own(&self.value()?.to_ascii_lowercase()), true),
            b"-lname" => Expression::Links(own(&self.value()?)),
            b"-regex" => self.regex(call, false)?,
            b"-iregex" => self.regex(call, true)?,
            b"-type" => Expression::Type(self.types()?),
            b"-xtype" => Expression::BehindType(self.types()?),
            b"-empty" => Expression::Empty,
            b"-executable" => Expression::Executable,
            b"-readable" | b"-writable" => Expression::True(true),
            b"-perm" => self.permissions()?,
            b"-user" => Expression::User(permissions::user(call, &self.value()?)?),
            b"-group" => Expression::Group(permissions::group(call, &self.value()?)?),
            b"-uid" => Expression::User(u32::try_from(self.number()?).unwrap_or(u32::MAX)),
            b"-gid" => Expression::Group(u32::try_from(self.number()?).unwrap_or(u32::MAX)),
            b"-nouser" => Expression::NoUser,
            b"-nogroup" => Expression::NoGroup,
            b"-newer" => {
                let path = self.value()?;
                let missing = || Fault::failed(format!("'{}': No such file or directory", show(&path)));
                Expression::Newer(call.look(&path, true).ok_or_else(missing)?.stat.mtime)
            }
            b"-samefile" => {
                let path = self.value()?;
                let place = call.resolve(&path, false)?;
                Expression::Same(call.tree().id(&place))
            }
            b"-size" => self.size()?,
            b"-mtime" | b"-ctime" | b"-atime" => self.age(call, 86_400)?,
            b"-mmin" | b"-cmin" | b"-amin" => self.age(call, 60)?,
            b"-print" => Expression::Print(b"\n"),
            b"-print0" => Expression::Print(b"\0"),
            b"-printf" => Expression::Format(self.value()?),
            b"-ls" => Expression::List,
            b"-prune" => Expression::Prune,
            b"-quit" => Expression::Quit,
            b"-delete" => {
                walk.depth_first = true;
                Expression::Delete
            }
            b"-exec" => self.execute(false)?,
            b"-execdir" => self.execute(true)?,
            _ => return Err(wrong(&word)),
        };
        let acts = matches!(
            expression,
            Expression::Print(_)
                | Expression::Format(_)
                | Expression::Delete
                | Expression::Execute(..)
                | Expression::List
        );
        self.acts |= acts;
        Ok(expression)
    }

    fn permissions(&mut self) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (kind, mode) = match text.first() {
            Some(&kind @ (b'-' | b'/' | b'+')) => (kind, &text[1..]),
            _ => (b'=', text.as_slice()),
        };
        Ok(Expression::Permissions(kind, permissions::parse(mode, 0, false, 0)?))
    }

    fn size(&mut self) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (unit, number) = match text.split_last() {
            Some((b'c', number)) => (1, number),
            Some((b'w', number)) => (2, number),
            Some((b'k', number)) => (1 << 10, number),
            Some((b'M', number)) => (1 << 20, number),
            Some((b'G', number)) => (1 << 30, number),
            Some((b'b', number)) => (512, number),
            _ => (512, text.as_slice()),
        };
        let (ordering, count) = ordered(number)?;
        Ok(Expression::Size(ordering, u64::try_from(count).unwrap_or(0), unit))
    }

    /// The letters of `-type`.
    fn types(&mut self) -> Result<Vec<u8>, Fault> {
        let text = self.value()?;
        let letters: Vec<u8> = text.split(|&byte| byte == b',').flatten().copied().collect();
        let good =
            text.split(|&byte| byte == b',').all(|part| matches!(part, [letter] if b"bcdpflsD".contains(letter)));
        if good { Ok(letters) } else { Err(Fault::failed(format!("Unknown argument to -type: {}", show(&text)))) }
    }

    /// An expression for the whole path.
    fn regex(&mut self, call: &Call<'_, '_>, ignore_case: bool) -> Result<Expression, Fault> {
        let text = self.value()?;
        let (open, text, close, syntax): (&[u8], _, &[u8], _) = match self.syntax {
            Some(Syntax::Basic) => (b"^\\(", text, b"\\)$", Syntax::Basic),
            Some(_) => (b"^(", text, b")$", Syntax::Extended),
            None => (b"^\\(", from_emacs(&text)?, b"\\)$", Syntax::Basic),
        };
        Ok(Expression::Regex(Regex::new(
            &[open, &text, close].concat(),
            syntax,
            ignore_case,
            &call.shell.system.budget,
        )?))
    }

    fn age(&mut self, call: &Call<'_, '_>, unit: i64) -> Result<Expression, Fault> {
        let (ordering, count) = ordered(&self.value()?)?;
        let now = call.shell.system.clock;
        let end_of_day = || now.div_euclid(86_400).saturating_add(1).saturating_mul(86_400);
        Ok(Expression::Age(ordering, count, unit, if self.day_start { end_of_day() } else { now }))
    }

    fn execute(&mut self, inside: bool) -> Result<Expression, Fault> {
        let start = self.position;
        let ends = |index: usize, word: &Vec<u8>| {
            word == b";" || (word == b"+" && index > start && self.words[index - 1] == b"{}")
        };
        let end = (start..self.words.len()).find(|&index| ends(index, &self.words[index]));
        let Some(end) = end.filter(|end| *end > start) else {
            return Err(Fault::failed("missing argument to `-exec'"));
        };
        let gather = self.words[end] == b"+";
        self.position = end + 1;
        let how = match (inside, gather) {
            (true, true) => return Err(Fault::gap("-execdir … +")),
            (true, false) => Execute::Inside,
            (false, true) => Execute::Gathered,
            (false, false) => Execute::Each,
        };
        Ok(Expression::Execute(self.words[start..end - usize::from(gather)].to_vec(), how))
    }
}

/// A regular expression of Emacs, which is find's own syntax, as a basic one: `+` and `?` repeat, and there are
/// neither intervals nor named classes (regex(3) of glibc, `RE_SYNTAX_EMACS`).
fn from_emacs(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut basic = Vec::new();
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'\\' => {
                let Some((next, tail)) = tail.split_first() else { return Err(Fault::failed("Trailing backslash")) };
                rest = tail;
                match next {
                    b'+' | b'?' | b'{' | b'}' => basic.push(*next),
                    next => basic.extend([b'\\', *next]),
                }
            }
            b'+' | b'?' if !basic.is_empty() => basic.extend([b'\\', *byte]),
            b'[' => {
                // A bracket ends at the first `]` that is not its first character.
                let start = usize::from(tail.first() == Some(&b'^'));
                let first = start + usize::from(tail.get(start) == Some(&b']'));
                let end = tail.get(first..).and_then(|inner| memchr::memchr(b']', inner)).map(|end| first + end + 1);
                let Some(end) = end else { return Err(Fault::failed("Unmatched [, [^, [:, [., or [=")) };
                let inner = &tail[..end];
                if inner.windows(2).any(|pair| matches!(pair, b"[:" | b"[." | b"[=")) {
                    return Err(Fault::gap("-regex with a named class, which Emacs' syntax does not have"));
                }
                basic.push(b'[');
                basic.extend(inner);
                rest = &tail[end..];
            }
            byte => basic.push(*byte),
        }
    }
    Ok(basic)
}

fn ordered(text: &[u8]) -> Result<(Ordering, i64), Fault> {
    let (ordering, digits) = match text.split_first() {
        Some((b'+', digits)) => (Ordering::More, digits),
        Some((b'-', digits)) => (Ordering::Less, digits),
        _ => (Ordering::Exactly, text),
    };
    Ok((ordering, i64::try_from(super::text::number(digits)?).unwrap_or(i64::MAX)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    Walk,
    Prune,
}

fn visit(call: &mut Call<'_, '_>, expression: &Expression, walk: &mut Walk, found: &Found<'_>) -> Result<(), Fault> {
    call.shell.system.budget.step()?;
    let Found { path, place, depth, .. } = *found;
    if depth > DEPTH_MAX {
        return Err(Fault::gap("a tree that is too deep"));
    }
    if walk.follow && found.inode.is_directory() && walk.above.contains(place) {
        call.err(&format!("File system loop detected; '{}' is part of the same file system loop", show(path)))?;
        walk.status = 1;
        return Ok(());
    }
    let mut below = Below::Walk;
    if !walk.depth_first && depth >= walk.lowest {
        evaluate(call, expression, walk, found, &mut below)?;
    }
    let deeper = walk.deepest.is_none_or(|deepest| depth < deepest);
    if found.inode.is_directory() && below == Below::Walk && !walk.quit && deeper {
        walk.above.push(place.clone());
        let names: Vec<Vec<u8>> = call.tree().children(place).map(|(child, _)| child.name().to_vec()).collect();
        for name in names {
            let path = if path.ends_with(b"/") { [path, &name].concat() } else { [path, &name].join(&b'/') };
            let own = place.join(&name)?;
            let behind =
                if walk.follow { call.tree().resolve([b"/", own.as_bytes()].concat(), true) } else { Ok(own.clone()) };
            if matches!(behind, Err(crate::tree::Error::Loop(_))) {
                in_a_circle(call, walk, &path)?;
                continue;
            }
            let place = behind.ok().filter(|behind| call.tree().get(behind).is_some()).unwrap_or_else(|| own.clone());
            let Some(inode) = call.tree().get(&place).cloned() else { continue };
            visit(
                call,
                expression,
                walk,
                &Found { path: &path, place: &place, own: &own, inode: &inode, depth: depth + 1 },
            )?;
            if walk.quit {
                break;
            }
        }
        walk.above.pop();
    }
    if walk.depth_first && depth >= walk.lowest && !walk.quit {
        evaluate(call, expression, walk, found, &mut below)?;
    }
    Ok(())
}

/// Says that a link leads to itself.
fn in_a_circle(call: &mut Call<'_, '_>, walk: &mut Walk, path: &[u8]) -> Result<(), Fault> {
    walk.status = 1;
    call.err(&format!("'{}': Too many levels of symbolic links", show(path)))
}

struct Found<'a> {
    path: &'a [u8],
    /// Where it lies; of a link that is followed, what it leads to.
    place: &'a TreePath,
    /// Where its name is.
    own: &'a TreePath,
    inode: &'a Inode,
    depth: usize,
}

impl Found<'_> {
    fn name(&self) -> &[u8] {
        let (trimmed, _) = without_slashes(self.path);
        trimmed.rsplit(|&byte| byte == b'/').next().filter(|name| !name.is_empty()).unwrap_or(trimmed)
    }

    /// The last name, with the slash that was typed behind it.
    fn last(&self) -> Vec<u8> {
        let slash: &[u8] = if self.path.len() > 1 && self.path.ends_with(b"/") { b"/" } else { b"" };
        [self.name(), slash].concat()
    }

    const fn letter(inode: &Inode) -> u8 {
        match inode.kind {
            Kind::Directory => b'd',
            Kind::File(_) => b'f',
            Kind::Symlink(_) => b'l',
            Kind::CharDevice { .. } => b'c',
            Kind::BlockDevice { .. } => b'b',
            Kind::Fifo => b'p',
        }
    }

    fn size(&self) -> u64 {
        match &self.inode.kind {
            Kind::File(content) => content.size(),
            Kind::Symlink(target) => target.len() as u64,
            _ => 4096,
        }
    }
}

fn evaluate(
    call: &mut Call<'_, '_>,
    expression: &Expression,
    walk: &mut Walk,
    found: &Found<'_>,
    below: &mut Below,
) -> Result<bool, Fault> {
    let stat = &found.inode.stat;
    let budget = call.shell.system.budget.clone();
    Ok(match expression {
        Expression::And(parts) => {
            for part in parts {
                if !evaluate(call, part, walk, found, below)? || walk.quit {
                    return Ok(false);
                }
            }
            true
        }
        Expression::Or(parts) => {
            for part in parts {
                if evaluate(call, part, walk, found, below)? || walk.quit {
                    return Ok(true);
                }
            }
            false
        }
        Expression::Not(inner) => !evaluate(call, inner, walk, found, below)?,
        Expression::True(value) => *value,
        Expression::Name(pattern, false) => pattern.matches(found.name(), &budget)?,
        Expression::Name(pattern, true) => pattern.matches(&found.name().to_ascii_lowercase(), &budget)?,
        Expression::Path(pattern, false) => pattern.matches(found.path, &budget)?,
        Expression::Path(pattern, true) => pattern.matches(&found.path.to_ascii_lowercase(), &budget)?,
        Expression::Regex(regex) => regex.is_match(found.path)?,
        Expression::Type(letters) => letters.contains(&Found::letter(found.inode)),
        Expression::BehindType(letters) => {
            let followed = walk.follow || (walk.follow_operands && found.depth == 0);
            let absolute = [b"/", found.own.as_bytes()].concat();
            let other = if followed { Ok(found.own.clone()) } else { call.tree().resolve(absolute, true) };
            if matches!(other, Err(crate::tree::Error::Loop(_))) {
                in_a_circle(call, walk, found.path)?;
                return Ok(false);
            }
            let other = other.ok().filter(|other| call.tree().get(other).is_some());
            let inode = call.tree().get(&other.unwrap_or_else(|| found.own.clone())).cloned();
            inode.is_some_and(|inode| letters.contains(&Found::letter(&inode)))
        }
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
            let text = formatted(format, found)?;
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
        // Nobody can remove the directory that he is in by that name.
        Expression::Delete if found.path == b"." => true,
        Expression::Delete => {
            let is_link = found.own != found.place && found.inode.is_directory();
            let removed = if is_link {
                Err(crate::tree::Error::NotDirectory(found.own.clone()))
            } else {
                call.tree().remove(found.own)
            };
            if let Err(error) = &removed {
                let why = crate::shell::system::reason(error);
                call.err(&format!("cannot delete '{}': {why}", show(found.path)))?;
                walk.status = 1;
            }
            removed.is_ok()
        }
        Expression::Execute(_, Execute::Gathered) => {
            call.shell.system.budget.made(found.path.len() + 32)?;
            walk.gathered.push(found.path.to_vec());
            true
        }
        Expression::Execute(words, Execute::Each) => {
            let words: Vec<Vec<u8>> = words.iter().map(|word| replace_all(word, b"{}", found.path)).collect();
            call.run(&words)? == 0
        }
        Expression::Execute(words, Execute::Inside) => {
            let name = [b"./", found.last().as_slice()].concat();
            let words: Vec<Vec<u8>> = words.iter().map(|word| replace_all(word, b"{}", &name)).collect();
            let parent = if found.path == b"." { found.own.clone() } else { found.own.parent().unwrap_or_default() };
            let inside = [b"/", parent.as_bytes()].concat();
            let before = std::mem::replace(&mut call.shell.state.directory, inside);
            let status = call.run(&words);
            call.shell.state.directory = before;
            status? == 0
        }
    })
}

fn known(call: &mut Call<'_, '_>, table: &str, number: u32) -> bool {
    let number = number.to_string();
    permissions::entries(call, table)
        .iter()
        .any(|entry| entry.split(|&byte| byte == b':').nth(2) == Some(number.as_bytes()))
}

fn formatted(format: &[u8], found: &Found<'_>) -> Result<Vec<u8>, Fault> {
    let (format, _) = crate::shell::printf::unescape(format, false);
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

/// Runs what `-exec … +` gathered.
fn finish(call: &mut Call<'_, '_>, expression: &Expression, walk: &mut Walk) -> Result<(), Fault> {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => {
            for part in parts {
                finish(call, part, walk)?;
            }
        }
        Expression::Not(inner) => finish(call, inner, walk)?,
        Expression::Execute(words, Execute::Gathered) if !walk.gathered.is_empty() => {
            let words = [words.as_slice(), &std::mem::take(&mut walk.gathered)].concat();
            if call.run(&words)? != 0 {
                walk.status = 1;
            }
        }
        _ => {}
    }
    Ok(())
}
