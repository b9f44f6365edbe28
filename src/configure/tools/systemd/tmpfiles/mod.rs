//! `systemd-tmpfiles`: makes, changes and removes what tmpfiles.d(5) files list.
//!
//! Lines for `/run`, `/proc`, `/sys` and `/dev` do nothing: what lies there lives no longer than a boot, and the
//! same lines are read again on each. So are lines that need what only a running machine has (its id, a credential).

mod acl;
mod act;
mod line;

use std::collections::BTreeMap;

use super::files::names;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::Given;
use crate::utilities::show;
use line::Item;
use line::Problem;

const LONG: &[(&str, u8)] = &[
    ("create", b'c'),
    ("remove", b'r'),
    ("boot", b'b'),
    ("prefix", b'p'),
    ("exclude-prefix", b'x'),
    ("root", b'R'),
    ("graceful", b'g'),
    ("no-pager", b'n'),
];

/// Where files lie, the strongest first.
const DIRECTORIES: [&str; 3] = ["/etc/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"];

/// Below these nothing is kept.
const VOLATILE: [&[u8]; 4] = [b"/run", b"/proc", b"/sys", b"/dev"];

/// Exit statuses of sysexits.h: a line that cannot be read, a file that cannot be made.
const DATA_ERROR: i32 = 65;
const CANNOT_CREATE: i32 = 73;

/// All items of one path, in the order in which they are applied.
type Items = Vec<Item>;

pub(super) fn tmpfiles(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("crbp:x:R:gnE", LONG)?;
    if given.values(b'R').any(|root| !matches!(root, b"/" | b"")) {
        return Err(Fault::gap("another root"));
    }
    if !given.has(b'c') && !given.has(b'r') {
        return Err(Fault::failed("You need to specify at least one of --clean, --create, or --remove."));
    }
    let mut status = 0;
    let mut work = Work::default();
    for (file, text) in texts(call, &given)? {
        for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
            match work.read(call, &given, line) {
                Ok(()) | Err(Problem::Skip) => {}
                Err(Problem::Invalid(why)) => {
                    call.err(&format!("{}:{}: {why}", show(&file), number + 1))?;
                    status = DATA_ERROR;
                }
                Err(Problem::Fault(fault)) => return Err(fault),
            }
        }
    }
    let failed = work.apply(call, &given)?;
    Ok(if status == 0 && failed { CANNOT_CREATE } else { status })
}

/// The files to read with their text: those named, or all.
fn texts(call: &mut Call<'_, '_>, given: &Given) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let mut found = Vec::new();
    if given.operands.is_empty() {
        let mut all = BTreeMap::new();
        for directory in DIRECTORIES {
            for name in names(call, directory.as_bytes()).into_iter().filter(|name| name.ends_with(b".conf")) {
                all.entry(name.clone()).or_insert([directory.as_bytes(), &name].join(&b'/'));
            }
        }
        for path in all.into_values() {
            let text = call.read(&path)?;
            found.push((path, text));
        }
    }
    for name in &given.operands {
        let path = if name.contains(&b'/') || name == b"-" {
            Some(name.clone())
        } else {
            let candidates = DIRECTORIES.iter().map(|directory| [directory.as_bytes(), name].join(&b'/'));
            candidates.into_iter().find(|path| call.look(path, true).is_some())
        };
        let missing = || Fault::failed(format!("Failed to open '{}': No such file or directory", show(name)));
        let path = path.ok_or_else(missing)?;
        let text = call.read(&path)?;
        found.push((path, text));
    }
    Ok(found)
}

/// What was read: paths that are one thing, and patterns. Both keep the order of their first line.
#[derive(Debug, Default)]
struct Work {
    paths: Vec<(Vec<u8>, Items)>,
    globs: Vec<(Vec<u8>, Items)>,
}

impl Work {
    fn read(&mut self, call: &mut Call<'_, '_>, given: &Given, text: &[u8]) -> Result<(), Problem> {
        let text = text.trim_ascii();
        if matches!(text.first(), None | Some(b'#')) {
            return Ok(());
        }
        let line = line::split(text)?;
        // Without --boot a line that is only for then is not looked at.
        if line.boot && !given.has(b'b') {
            return Ok(());
        }
        let path = line::path(call, &line)?;
        if !included(given, &path) {
            return Ok(());
        }
        let item = line::item(call, &line, &path)?;
        let list = if item.is_glob() { &mut self.globs } else { &mut self.paths };
        let index = list.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            list.push((path, Vec::new()));
            list.len() - 1
        });
        let items = &mut list[index].1;
        // The first line counts that says what a path is, unless a later one adds to it.
        if !item.force && items.iter().any(|known| known.owns() && item.owns()) {
            return Ok(());
        }
        items.push(item);
        items.sort_by_key(|item| (!item.owns(), item.kind));
        Ok(())
    }

    /// Removes, then makes; whether something failed.
    fn apply(self, call: &mut Call<'_, '_>, given: &Given) -> Result<bool, Fault> {
        let mut failed = false;
        if given.has(b'r') {
            for (path, items) in self.in_order(true) {
                for item in items {
                    let done = act::remove(call, path, item);
                    failed |= told(call, item, done)?;
                }
            }
        }
        if given.has(b'c') {
            for (path, items) in self.in_order(false) {
                for item in items {
                    let done = act::create(call, path, item);
                    failed |= told(call, item, done)?;
                }
            }
        }
        Ok(failed)
    }

    /// Paths before patterns, in both what lies above before what lies below; for removal the other way round.
    fn in_order(&self, reverse: bool) -> Vec<&(Vec<u8>, Items)> {
        let all: Vec<&(Vec<u8>, Items)> = self.paths.iter().chain(&self.globs).collect();
        let mut done = vec![false; all.len()];
        let mut order = Vec::new();
        for index in 0..all.len() {
            let mut chain: Vec<usize> =
                (0..all.len()).filter(|&other| is_above(&all[other].0, &all[index].0)).collect();
            chain.sort_by_key(|&other| all[other].0.len());
            for next in chain.into_iter().chain([index]) {
                if !std::mem::replace(&mut done[next], true) {
                    order.push(all[next]);
                }
            }
        }
        if reverse {
            order.reverse();
        }
        order
    }
}

/// Whether a path is a directory on the way to another.
fn is_above(path: &[u8], other: &[u8]) -> bool {
    other.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
        || (path == b"/" && other != path)
}

/// Whether lines of this path are to be followed.
fn included(given: &Given, path: &[u8]) -> bool {
    let below = |prefix: &[u8]| {
        let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
        path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(b"/"))
    };
    !VOLATILE.into_iter().any(below)
        && !given.values(b'x').any(below)
        && (!given.has(b'p') || given.values(b'p').any(below))
}

/// A failure is told and the work goes on; whether there was one.
fn told(call: &mut Call<'_, '_>, item: &Item, result: Result<(), Fault>) -> Result<bool, Fault> {
    match result {
        Ok(()) => Ok(false),
        Err(Fault::Failed(_, message)) => {
            call.err(&message)?;
            Ok(!item.may_fail)
        }
        Err(other) => Err(other),
    }
}
