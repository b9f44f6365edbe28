//! What two builds of one lock would not have in common is taken out here: traces of the build, caches that hold inode
//! numbers, orders that are accidents, times. What is each machine's own has gone before ([`own`](super::own)).
//!
//! One table for what goes ([`RULES`]), one for what is put in order ([`TEXTS`]), each line with its reason;
//! then the times of the whole tree. What is not named here is expected to be the same anyway: the tests that
//! build twice, and compare with mmdebstrap, say so.

use super::Error;
use super::packages;
use super::packages::package::Action;
use super::packages::package::Action::Clear;
use super::packages::package::Action::Empty;
use super::packages::package::Action::Remove;
use super::packages::package::Action::RemoveBeside;
use super::packages::package::Action::Strip;
use super::packages::package::Rule;
use crate::format::glob::Paths;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// What goes, whichever packages there are; those that know more of it have rules of their own.
const RULES: &[Rule] = &[
    // --- traces of the build ------------------------------------------------------------------------------------
    (Clear, &["run", "tmp", "var/tmp"], "hold what lives no longer than a boot"),
    (
        Remove,
        &[
            "var/log/alternatives.log",
            "var/log/apt/*",
            "var/log/bootstrap.log",
            "var/log/dpkg.log",
            "var/log/journal/*",
        ],
        "say when the image was built",
    ),
    (Remove, &["var/log/wtmp.db", "var/lib/lastlog/lastlog2.db*"], "databases of who logged in when: made when needed"),
    (Empty, &["var/log/btmp", "var/log/faillog", "var/log/lastlog", "var/log/wtmp"], "nobody has logged in yet"),
    (Clear, &["var/backups"], "copies of what changed during the build"),
    (Remove, &["root/.bash_history", "root/.cache", "root/.rnd", "root/.wget-hsts"], "traces of a session"),
    // --- history and locks --------------------------------------------------------------------------------------
    (
        Remove,
        &["etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-"],
        "the state before the last change: depends on what changed last",
    ),
    (Remove, &["etc/.pwd.lock", "etc/.updated", "var/.updated"], "a lock, or a time stamp"),
    (
        Remove,
        &["var/cache/debconf/*-old", "var/lib/dpkg/*-old", "var/lib/ucf/*.[0-9]"],
        "states before the last change",
    ),
    (Remove, &["var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock"], "made when needed"),
    (Remove, &["var/lib/systemd/timers/*", "var/lib/systemd/timesync/clock"], "time stamps as files"),
    // --- caches that hold times, inode numbers, or what a mirror said ---------------------------------------------
    (Remove, &["var/cache/ldconfig/aux-cache"], "holds inode numbers and change times"),
    (Remove, &["var/cache/apt/*.bin", "var/cache/apt/archives/*.deb"], "holds times and paths of the build"),
    (Strip, &["var/lib/apt/lists/**"], "what a mirror said once; apt's package brings the directories"),
    (Remove, &["etc/apt/apt.conf.d/01autoremove-kernels"], "depends on the kernel that builds"),
    // --- indices that nodes do without ---------------------------------------------------------------------------
    (
        Remove,
        &["usr/lib/udev/hwdb.bin", "etc/udev/hwdb.bin"],
        "13 MB of names and quirks of desktop hardware; udev works without, and systemd-hwdb makes it",
    ),
    (Remove, &["var/lib/systemd/catalog/database"], "explanations for journalctl -x; --update-catalog makes it"),
];

/// Puts the text of a file in an order that no accident has a hand in.
type Order = fn(&[u8]) -> Vec<u8>;

/// Path patterns, how their text is put in order, and why.
const TEXTS: &[(&[&str], Order, &str)] = &[
    (&["var/lib/dpkg/status"], sort_stanzas, "dpkg's hash table is not the alphabet"),
    (&["var/cache/debconf/*.dat"], sort_stanzas, "the order of first use"),
    (&["var/lib/ucf/hashfile"], sort_lines, "the order in which packages were configured"),
    (&["var/lib/dpkg/triggers/*"], sort_lines, "the order of dpkg's queue"),
    (&["var/lib/dpkg/statoverride"], sort_lines, "the order of dpkg's hash table"),
    (&["var/lib/dpkg/diversions"], sort_diversions, "the order of dpkg's hash table"),
];

/// Files whose third field is the day of the last password change.
const SHADOW: &str = "etc/shadow";

/// Takes out of a configured tree what is accidental; `epoch` is the newest time that may be in it.
///
/// # Errors
/// A file's bytes cannot be read.
pub(super) fn normalize(tree: &mut Tree, epoch: i64) -> Result<(), Error> {
    apply_rules(tree)?;
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for (patterns, order, _) in TEXTS {
        let patterns = compiled(patterns);
        for path in paths.iter().filter(|path| any_fits(&patterns, path)) {
            rewrite(tree, path, *order)?;
        }
    }
    for (path, dated) in packages::ALL.iter().flat_map(|package| package.dated) {
        rewrite(tree, &TreePath::literal(path), |bytes| dated(bytes, epoch))?;
    }
    let day = epoch.div_euclid(86_400).to_string();
    rewrite(tree, &TreePath::literal(SHADOW), |text| set_last_change(text, &day))?;
    set_times(tree, &paths, epoch);
    Ok(())
}

fn apply_rules(tree: &mut Tree) -> Result<(), Error> {
    let rules: Vec<(Action, Vec<Paths>)> = rules().map(|(action, patterns, _)| (*action, compiled(patterns))).collect();
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        for (action, _) in rules.iter().filter(|(_, patterns)| any_fits(patterns, &path)) {
            match (action, tree.get(&path).map(|inode| &inode.kind)) {
                (Remove, Some(_)) => tree.remove_all(&path),
                (Clear, Some(Kind::Directory)) => tree.clear(&path),
                (Strip, Some(kind)) if *kind != Kind::Directory => tree.remove_all(&path),
                (RemoveBeside(program), Some(_)) if tree.get(&TreePath::literal(program)).is_some() => {
                    tree.remove_all(&path);
                }
                (Empty, Some(Kind::File(_))) => rewrite(tree, &path, |_| Vec::new())?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Those of this table and those of single packages.
fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().chain(packages::ALL.iter().flat_map(|package| package.leaves))
}

fn compiled(patterns: &[&str]) -> Vec<Paths> {
    patterns.iter().map(|pattern| Paths::new(pattern)).collect()
}

fn any_fits(patterns: &[Paths], path: &TreePath) -> bool {
    let names: Vec<&[u8]> = path.components().collect();
    patterns.iter().any(|pattern| pattern.fit(&names))
}

/// Replaces the bytes of the regular file at exactly this path, if there is one and they change.
fn rewrite(tree: &mut Tree, path: &TreePath, order: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<(), Error> {
    let Some(Kind::File(content)) = tree.get(path).map(|inode| &inode.kind) else { return Ok(()) };
    let read = content.to_vec();
    let old = read.map_err(|source| Error::Tree(crate::tree::Error::Read { path: path.clone(), source }))?;
    let new = order(&old);
    if new != old {
        tree.get_mut(path).expect("it was just read").kind = Kind::File(Content::from_bytes(new));
    }
    Ok(())
}

/// Nothing is newer than `epoch`. What has no time of a package (0) was made by the build, and a directory's time
/// only says when an entry last came or went: both are the epoch.
fn set_times(tree: &mut Tree, paths: &[TreePath], epoch: i64) {
    let alternatives = TreePath::literal("etc/alternatives");
    for path in paths {
        let Some(inode) = tree.get_mut(path) else { continue };
        // update-alternatives gives its links the time of their target, or of the build.
        let chosen = path.starts_with(&alternatives) && matches!(inode.kind, Kind::Symlink(_));
        let made_here = inode.stat.mtime <= 0 || inode.is_directory() || chosen;
        inode.stat.mtime = if made_here { epoch } else { inode.stat.mtime.min(epoch) };
    }
}

fn sort_lines(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// Stanzas are parted by empty lines. Their first field names them.
fn sort_stanzas(text: &[u8]) -> Vec<u8> {
    let mut stanzas: Vec<Vec<&[u8]>> = vec![Vec::new()];
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        stanzas.last_mut().expect("there is always one").push(line);
        if line == b"\n" {
            stanzas.push(Vec::new());
        }
    }
    stanzas.retain(|stanza| !stanza.is_empty());
    stanzas.sort_by_key(|stanza| (stanza[0], field(stanza, b"Architecture: ")));
    stanzas.concat().concat()
}

fn field<'a>(stanza: &[&'a [u8]], name: &[u8]) -> Option<&'a [u8]> {
    stanza.iter().find_map(|line| line.strip_prefix(name))
}

/// An entry is three lines.
fn sort_diversions(text: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let mut entries: Vec<&[&[u8]]> = lines.chunks(3).collect();
    entries.sort_unstable();
    entries.concat().concat()
}

/// Where an account has a day of its last password change, it is this one.
fn set_last_change(text: &[u8], day: &str) -> Vec<u8> {
    let line = |line: &[u8]| {
        let mut fields: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
        if fields.len() > 2 && !fields[2].is_empty() {
            fields[2] = day.as_bytes();
        }
        fields.join(&b':')
    };
    text.split(|&byte| byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: i64 = 1_757_635_200;

    fn path(name: &str) -> TreePath {
        TreePath::literal(name)
    }

    #[test]
    fn traces_go() {
        let mut tree = Tree::new();
        let gone = [
            "var/log/apt/history.log",
            "var/log/dpkg.log",
            "etc/passwd-",
            "var/lib/dpkg/status-old",
            "var/lib/ucf/hashfile.0",
            "var/cache/man/de/index.db",
            "var/cache/man/cat1/x",
            "usr/lib/python3/dist-packages/a/__pycache__/b.cpython-313.pyc",
            "run/lock/x",
        ];
        let kept =
            ["etc/ssh/ssh_config", "var/lib/ucf/hashfile", "var/log/syslog", "usr/lib/python3/dist-packages/a/b.py"];
        for name in gone.iter().chain(&kept) {
            tree.write(name, 0o644, "x").expect("new");
        }
        normalize(&mut tree, EPOCH).expect("memory reads");
        for name in gone {
            assert!(tree.get(&path(name)).is_none(), "{name}");
        }
        for name in kept.iter().chain(&["run", "var/log/apt"]) {
            assert!(tree.get(&path(name)).is_some(), "{name}");
        }
    }

    /// base-files' first page of info, which install-info makes anew where it is.
    #[test]
    fn what_nothing_makes_anew_stays() {
        for (program, stays) in [("usr/bin/install-info", false), ("usr/bin/info", true)] {
            let mut tree = Tree::new();
            for name in ["usr/share/info/dir", program] {
                tree.write(name, 0o644, "x").expect("new");
            }
            normalize(&mut tree, EPOCH).expect("memory reads");
            assert_eq!(tree.get(&path("usr/share/info/dir")).is_some(), stays, "{program}");
        }
    }

    #[test]
    fn times_end_at_the_epoch() {
        let mut tree = Tree::new();
        for (name, mtime) in [("made", 0), ("old", 5), ("new", EPOCH + 9)] {
            tree.write(name, 0o644, "").expect("new");
            tree.get_mut(&path(name)).expect("there").stat.mtime = mtime;
        }
        normalize(&mut tree, EPOCH).expect("memory reads");
        let mtime = |name: &str| tree.get(&path(name)).expect("there").stat.mtime;
        assert_eq!((mtime("made"), mtime("old"), mtime("new"), mtime("")), (EPOCH, 5, EPOCH, EPOCH));
    }

    #[test]
    fn texts_are_put_in_order() {
        assert_eq!(sort_lines(b"b\na\n"), b"a\nb\n");
        assert_eq!(sort_stanzas(b"Name: b\nX: 1\n\nName: a\n\n"), b"Name: a\n\nName: b\nX: 1\n\n");
        let twice = b"Package: a\nArchitecture: i386\n\nPackage: a\nArchitecture: amd64\n\n";
        assert_eq!(sort_stanzas(twice), b"Package: a\nArchitecture: amd64\n\nPackage: a\nArchitecture: i386\n\n");
        assert_eq!(sort_diversions(b"/b\n/c\n:\n/a\n/d\np\n"), b"/a\n/d\np\n/b\n/c\n:\n");
        assert_eq!(
            set_last_change(b"root:*:20000:0:99999:7:::\nx:!::::::\n", "1"),
            b"root:*:1:0:99999:7:::\nx:!::::::\n"
        );
    }

    #[test]
    fn every_pattern_can_match() {
        for (_, patterns, why) in rules() {
            assert!(!why.is_empty());
            for pattern in *patterns {
                let name = pattern.replace("**", "a/b").replace("[0-9]", "7").replace('*', "x");
                assert!(any_fits(&compiled(&[pattern]), &path(&name)), "{pattern}");
            }
        }
    }
}
