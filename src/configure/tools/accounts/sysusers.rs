//! `systemd-sysusers` (its manual page; sysusers.d(5)): the lines of configuration, read.
//!
//! Accounts are made of them in [`allocate`](super::allocate). A line that is wrong ends the program before
//! anything is made, as in the real one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::allocate;
use super::files::parse;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// Where configuration lies, the most important first.
const DIRECTORIES: [&str; 4] =
    ["/etc/sysusers.d", "/run/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"];

/// A user or group that lines ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    /// The primary group of a user, by name.
    pub(super) group_name: Option<Vec<u8>>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// The gid was given with a user: the group must be there.
    pub(super) strict: bool,
    /// A file whose owner is to be the account.
    pub(super) path: Option<Vec<u8>>,
    pub(super) description: Vec<u8>,
    pub(super) home: Option<Vec<u8>>,
    pub(super) shell: Option<Vec<u8>>,
    /// `u!`: the account is expired, so nobody can log in with a key either.
    pub(super) locked: bool,
}

/// Items in the order of their lines, each name once.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) all: Vec<Item>,
    by_name: BTreeMap<Vec<u8>, usize>,
}

impl Items {
    pub(super) fn get(&self, name: &[u8]) -> Option<&Item> {
        self.by_name.get(name).map(|&index| &self.all[index])
    }

    /// The first line about a name counts.
    fn add(&mut self, item: Item) {
        if !self.by_name.contains_key(&item.name) {
            self.by_name.insert(item.name.clone(), self.all.len());
            self.all.push(item);
        }
    }

    fn add_name(&mut self, name: &[u8]) {
        self.add(Item { name: name.to_vec(), ..Item::default() });
    }
}

/// What all lines ask for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) users: Items,
    pub(super) groups: Items,
    /// Group and user who is to be a member of it, in the order of the lines.
    pub(super) members: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where numbers are taken from, if a line says so.
    pub(super) ranges: Vec<RangeInclusive<u32>>,
}

/// Lines of configuration.
#[derive(Debug, Clone)]
struct Source {
    path: Vec<u8>,
    /// Those of a file; what is empty or a comment is empty here.
    lines: Vec<Vec<u8>>,
}

impl Source {
    fn new(path: Vec<u8>, text: &[u8]) -> Self {
        let line = |line: &[u8]| match line.trim_ascii() {
            [b'#' | b';', ..] => Vec::new(),
            line => line.to_vec(),
        };
        Self { path, lines: text.split(|&byte| byte == b'\n').map(line).collect() }
    }
}

/// `systemd-sysusers [--replace=PATH] [--inline] [--no-pager] [FILE…]`
pub(super) fn sysusers(call: &mut Call<'_, '_>) -> Done {
    const REPLACE: u8 = 1;
    const INLINE: u8 = 2;
    const PAGER: u8 = 3;
    let long = [("replace", REPLACE), ("inline", INLINE), ("no-pager", PAGER)];
    let given = call.options("\x01:\x02\x03", &long)?;
    let mut plan = Plan::default();
    let specifiers = Specifiers::read(call)?;
    let own: Vec<Source> = if given.has(INLINE) {
        given.operands.iter().map(|line| Source { path: b"(argv)".to_vec(), lines: vec![line.clone()] }).collect()
    } else {
        given.operands.iter().map(|path| named(call, path)).collect::<Result<_, _>>()?
    };
    let sources = match (given.value(REPLACE), own.is_empty()) {
        (Some(path), _) => with_all(call, Some((path, own)))?,
        (None, true) => with_all(call, None)?,
        (None, false) => own,
    };
    for source in &sources {
        for (index, line) in source.lines.iter().enumerate() {
            call.shell.spend(line.len())?;
            let place = |fault| match fault {
                Fault::Failed(status, why) => {
                    Fault::Failed(status, format!("{}:{}: {why}", show(&source.path), index + 1))
                }
                other => other,
            };
            plan.line(line, &specifiers).map_err(place)?;
        }
    }
    plan.complete();
    allocate::allocate(call, &plan)
}

/// A file of configuration by its path, or by its name in one of the directories; `-` is standard input.
fn named(call: &mut Call<'_, '_>, path: &[u8]) -> Result<Source, Fault> {
    if path.contains(&b'/') || path == b"-" {
        return Ok(Source::new(path.to_vec(), &call.read(path)?));
    }
    let places = DIRECTORIES.map(|directory| [directory.as_bytes(), b"/", path].concat());
    let place = places.into_iter().find(|place| call.look(place, true).is_some());
    let place = place.ok_or_else(|| Fault::failed(format!("{}: No such file or directory", show(path))))?;
    let text = call.read(&place)?;
    Ok(Source::new(place, &text))
}

/// All files of the directories in the order of their names; of one name the most important, where an empty file or
/// `/dev/null` hides the others. The sources of `replace` stand in for the file at its path.
fn with_all(call: &mut Call<'_, '_>, replace: Option<(&[u8], Vec<Source>)>) -> Result<Vec<Source>, Fault> {
    let mut files: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for directory in DIRECTORIES {
        let Some((place, _)) = call.tree().lookup(directory) else { continue };
        let names = call.tree().children(&place).map(|(path, _)| path.name().to_vec());
        for name in names.filter(|name| name.ends_with(b".conf")).collect::<Vec<_>>() {
            files.entry(name.clone()).or_insert([directory.as_bytes(), b"/", &name].concat());
        }
    }
    let Some((path, sources)) = replace else {
        return files.into_values().map(|path| text_of(call, path)).collect();
    };
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
    let rank = |path: &[u8]| DIRECTORIES.iter().position(|directory| path.starts_with(directory.as_bytes()));
    let stands = files.get(&name).is_none_or(|other| rank(path) <= rank(other));
    if stands {
        files.insert(name.clone(), path.to_vec());
    }
    let mut all = Vec::new();
    for (found, place) in files {
        if stands && found == name {
            all.extend(sources.iter().cloned());
        } else {
            all.push(text_of(call, place)?);
        }
    }
    Ok(all)
}

fn text_of(call: &mut Call<'_, '_>, path: Vec<u8>) -> Result<Source, Fault> {
    // A link to a file that is not there, or to `/dev/null`, is like an empty file.
    let text = match call.look(&path, true) {
        Some(inode) if inode.content().is_some() => call.read(&path)?,
        _ => Vec::new(),
    };
    Ok(Source::new(path, &text))
}

impl Plan {
    fn line(&mut self, line: &[u8], specifiers: &Specifiers) -> Result<(), Fault> {
        if line.is_empty() {
            return Ok(());
        }
        let words = words(line).ok_or_else(|| Fault::failed("Unbalanced quoting"))?;
        let [kind, name, rest @ ..] = words.as_slice() else { return Err(Fault::failed("Syntax error.")) };
        if rest.len() > 4 {
            return Err(Fault::failed("Trailing garbage."));
        }
        let mut fields = rest.iter().map(|field| match field.as_slice() {
            b"" | b"-" => Ok(None),
            field => specifiers.fill(field).map(Some),
        });
        let mut next = || fields.next().unwrap_or(Ok(None));
        let (id, description, home, shell) = (next()?, next()?, next()?.map(simplified), next()?);
        let item = Item { description: description.unwrap_or_default(), home, shell, ..Item::default() };
        check_fields(&item)?;
        let alone = item == Item::default();
        let name = specifiers.fill(name)?;
        if kind != b"r" && !is_name(&name) {
            return Err(Fault::failed(format!("'{}' is not a valid user or group name.", show(&name))));
        }
        let item = Item { name, ..item };
        match (kind.as_slice(), id) {
            (b"u" | b"u!", id) => self.users.add(Item { locked: kind == b"u!", ..user(item, id)? }),
            (b"g", id) if alone => self.groups.add(group(item, id)?),
            (b"m", Some(group)) if alone && is_name(&group) => self.members.push((group, item.name)),
            (b"r", Some(range)) if alone && item.name == b"-" => self.ranges.push(span(&range)?),
            (b"g" | b"m" | b"r", _) => return Err(Fault::failed("a field is missing, or one too many")),
            _ => return Err(Fault::failed(format!("Unknown modifier '{}'.", show(kind)))),
        }
        Ok(())
    }

    /// A line `m` asks for its user and its group as well, group by group.
    fn complete(&mut self) {
        let mut ranks: BTreeMap<&[u8], usize> = BTreeMap::new();
        for (group, _) in &self.members {
            let next = ranks.len();
            ranks.entry(group).or_insert(next);
        }
        let mut by_group: Vec<(usize, &(Vec<u8>, Vec<u8>))> =
            self.members.iter().map(|member| (ranks[member.0.as_slice()], member)).collect();
        by_group.sort_by_key(|(rank, _)| *rank);
        for (_, (group, user)) in by_group {
            self.users.add_name(user);
            if self.users.get(group).is_none() {
                self.groups.add_name(group);
            }
        }
    }
}

/// The number of a line `u`: `-`, a uid, `uid:gid`, `uid:group`, or a path.
fn user(mut item: Item, id: Option<Vec<u8>>) -> Result<Item, Fault> {
    let Some(id) = id else { return Ok(item) };
    if id.starts_with(b"/") {
        item.path = Some(id);
        return Ok(item);
    }
    let (uid, group) = match memchr::memchr(b':', &id) {
        Some(colon) => (&id[..colon], Some(&id[colon + 1..])),
        None => (id.as_slice(), None),
    };
    match group.map(|group| (parse(group), group)) {
        Some((Some(gid), _)) => (item.gid, item.strict) = (Some(gid), true),
        Some((None, name)) if is_name(name) => item.group_name = Some(name.to_vec()),
        Some((None, name)) => return Err(Fault::failed(format!("Failed to parse GID: '{}'", show(name)))),
        None => {}
    }
    if uid != b"-" {
        let wrong = || Fault::failed(format!("Failed to parse UID: '{}'", show(uid)));
        item.uid = Some(parse(uid).ok_or_else(wrong)?);
    }
    Ok(item)
}

/// The number of a line `g`: a gid or a path.
fn group(mut item: Item, id: Option<Vec<u8>>) -> Result<Item, Fault> {
    match id {
        None => {}
        Some(path) if path.starts_with(b"/") => item.path = Some(path),
        Some(gid) => {
            let wrong = || Fault::failed(format!("Failed to parse GID: '{}'", show(&gid)));
            item.gid = Some(parse(&gid).ok_or_else(wrong)?);
        }
    }
    Ok(item)
}

/// Refuses what would be another field or line, and paths that are none.
fn check_fields(item: &Item) -> Result<(), Fault> {
    let odd = |text: &[u8]| text.iter().any(|byte| byte.is_ascii_control() || *byte == b':');
    if odd(&item.description) {
        return Err(Fault::failed(format!("'{}' is not a valid GECOS field.", show(&item.description))));
    }
    let mut paths = item.home.iter().chain(&item.shell);
    match paths.find(|path| odd(path) || !path.starts_with(b"/")) {
        Some(path) => Err(Fault::failed(format!("'{}' is not a valid home directory or shell.", show(path)))),
        None => Ok(()),
    }
}

fn span(text: &[u8]) -> Result<RangeInclusive<u32>, Fault> {
    let (low, high) = match memchr::memchr(b'-', text) {
        Some(dash) => (&text[..dash], &text[dash + 1..]),
        None => (text, text),
    };
    let range = parse(low).zip(parse(high)).filter(|(low, high)| low <= high);
    let (low, high) = range.ok_or_else(|| Fault::failed(format!("Invalid UID range {}.", show(text))))?;
    Ok(low..=high)
}

/// systemd's strict form of a name ("User/Group Name Syntax").
fn is_name(name: &[u8]) -> bool {
    let first = name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_');
    first && name.len() <= 31 && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
}

/// Words parted by blanks, with quotes and backslashes taken away; `None` when a quote is open at the end.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut words, mut word, mut quote): (Vec<Vec<u8>>, Option<Vec<u8>>, Option<u8>) = (Vec::new(), None, None);
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => word.get_or_insert_default().push(bytes.next()?),
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => {
                word.get_or_insert_default();
                quote = Some(byte);
            }
            (None, b' ' | b'\t') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// What `%` and a letter stand for: what the image knows of itself.
#[derive(Debug, Default)]
struct Specifiers(BTreeMap<u8, Vec<u8>>);

impl Specifiers {
    fn read(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        let mut release = BTreeMap::new();
        for path in [&b"/etc/os-release"[..], b"/usr/lib/os-release"] {
            if call.look(path, true).is_some() {
                let text = call.read(path)?;
                let pair = |line: &[u8]| {
                    let equals = memchr::memchr(b'=', line)?;
                    let value = words(&line[equals + 1..])?.join(&b' ');
                    Some((line[..equals].to_vec(), value))
                };
                release = text.split(|&byte| byte == b'\n').filter_map(pair).collect();
                break;
            }
        }
        let keys: [(u8, &[u8]); 6] = [
            (b'A', b"IMAGE_VERSION"),
            (b'B', b"BUILD_ID"),
            (b'M', b"IMAGE_ID"),
            (b'o', b"ID"),
            (b'w', b"VERSION_ID"),
            (b'W', b"VARIANT_ID"),
        ];
        let mut all: BTreeMap<u8, Vec<u8>> =
            keys.map(|(letter, key)| (letter, release.get(key).cloned().unwrap_or_default())).into();
        all.extend([(b'%', b"%".to_vec()), (b'T', b"/tmp".to_vec()), (b'V', b"/var/tmp".to_vec())]);
        Ok(Self(all))
    }

    fn fill(&self, text: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut filled = Vec::new();
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            match (byte, bytes.as_slice().first()) {
                (b'%', Some(letter)) => {
                    let gap = || Fault::gap(format!("specifier %{}", show(&[*letter])));
                    filled.extend(self.0.get(letter).ok_or_else(gap)?);
                    bytes.next();
                }
                _ => filled.push(*byte),
            }
        }
        Ok(filled)
    }
}

/// A path without slashes that say nothing, as systemd writes it.
fn simplified(path: Vec<u8>) -> Vec<u8> {
    if !path.starts_with(b"/") {
        return path;
    }
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|name| !matches!(name, [] | [b'.'])).collect();
    [b"/", names.join(&b'/').as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, Fault> {
        let mut plan = Plan::default();
        let specifiers = Specifiers([(b'%', b"%".to_vec()), (b'o', b"debian".to_vec())].into());
        text.lines().try_for_each(|line| plan.line(line.as_bytes(), &specifiers))?;
        plan.complete();
        Ok(plan)
    }

    #[test]
    fn lines_are_read() {
        let text = "u! a 10:20 \"The \\\"a\\\" of %o\" //a/./ /bin/a\nu b -:adm\nu c /var/c\ng d 5\nm e f\nm e a\nr - 500-600\nu a - Other";
        let plan = plan(text).expect("all is well");
        let a = plan.users.get(b"a").expect("there");
        assert_eq!((a.uid, a.gid, a.strict, a.locked), (Some(10), Some(20), true, true));
        assert_eq!(a.description, b"The \"a\" of debian");
        assert_eq!((a.home.as_deref(), a.shell.as_deref()), (Some(&b"/a"[..]), Some(&b"/bin/a"[..])));
        assert_eq!(plan.users.get(b"b").and_then(|b| b.group_name.as_deref()), Some(&b"adm"[..]));
        assert_eq!(plan.users.get(b"c").and_then(|c| c.path.as_deref()), Some(&b"/var/c"[..]));
        let names = |items: &Items| items.all.iter().map(|item| show(&item.name)).collect::<Vec<_>>().join(" ");
        assert_eq!((names(&plan.users), names(&plan.groups)), ("a b c e".into(), "d f".into()));
        assert_eq!(plan.members.len(), 2);
        assert_eq!(plan.ranges, [500..=600]);
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "u",
            "x a",
            "u 1a",
            "u a b",
            "u a 1:2:3",
            "g a - words",
            "m a",
            "m a -",
            "r - 9-8",
            "r a 1-2",
            "u a \"open",
            "u a - b c d e",
            "g a 4294967295",
        ] {
            assert!(matches!(plan(line), Err(Fault::Failed(..))), "{line}");
        }
        assert!(matches!(plan("u a - %H"), Err(Fault::Gap(_))));
    }
}
