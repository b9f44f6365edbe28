//! What two builds of one lock would not have in common is taken out here: secrets, traces of the build, caches
//! that hold inode numbers, orders that are accidents, times.
//!
//! One table for what goes ([`RULES`]), one for what is put in order ([`TEXTS`]), each line with its reason;
//! then the times of the whole tree. What is not named here is expected to be the same anyway: the tests that
//! build twice, and compare with mmdebstrap, say so.

use super::Error;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// It goes, with everything below it.
    Remove,
    /// A directory stays, everything below it goes.
    Clear,
    /// Directories stay, every file below them goes.
    Strip,
    /// A file stays, without a byte in it.
    Empty,
}

use Action::Clear;
use Action::Empty;
use Action::Remove;
use Action::Strip;

/// Path patterns (`*` within one name, `**` for any names), what happens, and why.
const RULES: &[(Action, &[&str], &str)] = &[
    // --- secrets, and what tells one machine from another: made on each node's first boot ----------------------
    (Remove, &["etc/ssh/ssh_host_*"], "a host key that every node has is no host key, and the image is no safe"),
    (Empty, &["etc/machine-id"], "one id per machine; empty means: not yet given"),
    (Remove, &["var/lib/dbus/machine-id"], "a copy of the machine id, where dbus did not make it a link"),
    (Remove, &["var/lib/systemd/random-seed", "var/lib/urandom/random-seed"], "a known seed is none"),
    (Remove, &["var/lib/systemd/credential.secret"], "encrypts a machine's credentials"),
    (Remove, &["etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem"], "a private key"),
    (Remove, &["etc/munge/munge.key"], "the cluster's key; comes from its key store"),
    (Remove, &["etc/iscsi/initiatorname.iscsi"], "one name per machine"),
    (Remove, &["etc/nvme/hostid", "etc/nvme/hostnqn"], "one name per machine"),
    (Clear, &["var/lib/mysql"], "a data directory has random ids and 145 MB; made on the first boot"),
    (Clear, &["var/lib/postgresql"], "a cluster has a random id; made on the first boot"),
    (Clear, &["etc/postgresql"], "a cluster's configuration is made with it, and names its directories"),
    // --- traces of the build ------------------------------------------------------------------------------------
    (Clear, &["run", "tmp", "var/tmp"], "hold what lives no longer than a boot"),
    (
        Remove,
        &[
            "var/log/alternatives.log",
            "var/log/apt/*",
            "var/log/bootstrap.log",
            "var/log/dpkg.log",
            "var/log/fontconfig.log",
            "var/log/journal/*",
            "var/log/postgresql/*",
        ],
        "say when the image was built",
    ),
    (
        Remove,
        &["var/log/wtmp.db", "var/lib/lastlog/lastlog2.db*", "etc/fake-hwclock.data"],
        "databases of who logged in when, and the time of the build as a clock: made when needed",
    ),
    (Empty, &["var/log/btmp", "var/log/faillog", "var/log/lastlog", "var/log/wtmp"], "nobody has logged in yet"),
    (Clear, &["var/backups"], "copies of what changed during the build"),
    (Remove, &["root/.bash_history", "root/.wget-hsts", "root/.rnd"], "traces of a session"),
    // --- history and locks --------------------------------------------------------------------------------------
    (
        Remove,
        &["etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-"],
        "the state before the last change: depends on what changed last",
    ),
    (Remove, &["etc/.pwd.lock", "etc/.updated", "var/.updated"], "a lock, or a time stamp"),
    (
        Remove,
        &[
            "etc/sgml/*.old",
            "etc/xml/*.old",
            "var/cache/debconf/*-old",
            "var/lib/dpkg/*-old",
            "var/lib/sgml-base/supercatalog.old",
            "var/lib/ucf/*.[0-9]",
        ],
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
    (Clear, &["var/cache/man"], "mandb's index holds times; a timer makes it anew"),
    (Remove, &["var/cache/fontconfig/*"], "holds times and random names"),
    (
        Remove,
        &[
            "usr/lib/*/gio/modules/giomodule.cache",
            "usr/lib/*/gtk-4.0/4.0.0/*/giomodule.cache",
            "usr/lib/gio/modules/giomodule.cache",
        ],
        "says what modules say of themselves; without it each is asked",
    ),
    (Remove, &["usr/share/info/dir", "usr/share/info/dir.old"], "info's list of documents; update-info-dir makes it"),
    (Remove, &["usr/share/fonts/X11/*/fonts.dir"], "an X server of today has its own fonts; update-fonts-dir makes it"),
    (
        Remove,
        &["usr/share/icons/*/icon-theme.cache"],
        "counts only while it is newer than what it lists; GTK reads that",
    ),
    (Remove, &["**/__pycache__"], "byte code holds its source's time, and differs from run to run"),
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
    remove_links_to_snakeoil(tree)?;
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in &paths {
        for (patterns, order, _) in TEXTS {
            if patterns.iter().any(|pattern| matches(pattern, path)) {
                rewrite(tree, path, *order)?;
            }
        }
    }
    let day = epoch.div_euclid(86_400).to_string();
    rewrite(tree, &TreePath::literal(SHADOW), |text| set_last_change(text, &day))?;
    set_times(tree, &paths, epoch);
    Ok(())
}

fn apply_rules(tree: &mut Tree) -> Result<(), Error> {
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        for (action, patterns, _) in RULES {
            if !patterns.iter().any(|pattern| matches(pattern, &path)) {
                continue;
            }
            match (action, tree.get(&path).map(|inode| &inode.kind)) {
                (Remove, Some(_)) => tree.remove_all(&path),
                (Clear, Some(Kind::Directory)) => tree.clear(&path),
                (Strip, Some(kind)) if *kind != Kind::Directory => tree.remove_all(&path),
                (Empty, Some(Kind::File(_))) => rewrite(tree, &path, |_| Vec::new())?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// The certificate went; the links that OpenSSL finds it by would lead nowhere.
fn remove_links_to_snakeoil(tree: &mut Tree) -> Result<(), Error> {
    let certificates = TreePath::literal("etc/ssl/certs");
    let dead: Vec<TreePath> = tree
        .children(&certificates)
        .filter(|(_, inode)| matches!(&inode.kind, Kind::Symlink(target) if target.ends_with(b"ssl-cert-snakeoil.pem")))
        .map(|(path, _)| path.clone())
        .collect();
    dead.iter().try_for_each(|path| tree.remove(path)).map_err(Error::Tree)
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

/// Whether a path fits a pattern: `**` stands for any number of names, `*` and `[0-9]` for part of one.
fn matches(pattern: &str, path: &TreePath) -> bool {
    let pattern: Vec<&[u8]> = pattern.split('/').map(str::as_bytes).collect();
    let path: Vec<&[u8]> = path.components().collect();
    matches_names(&pattern, &path)
}

fn matches_names(pattern: &[&[u8]], names: &[&[u8]]) -> bool {
    match (pattern, names) {
        ([], []) => true,
        ([b"**", rest @ ..], _) => (0..=names.len()).any(|skip| matches_names(rest, &names[skip..])),
        ([first, rest @ ..], [name, names @ ..]) => matches_name(first, name) && matches_names(rest, names),
        _ => false,
    }
}

fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| matches_name(rest, &name[skip..])),
        ([b'[', b'0', b'-', b'9', b']', rest @ ..], [digit, name @ ..]) => {
            digit.is_ascii_digit() && matches_name(rest, name)
        }
        ([byte, rest @ ..], [first, name @ ..]) => byte == first && matches_name(rest, name),
        _ => false,
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
    fn secrets_and_traces_go() {
        let mut tree = Tree::new();
        let gone = [
            "etc/ssh/ssh_host_rsa_key",
            "etc/ssh/ssh_host_rsa_key.pub",
            "var/lib/systemd/random-seed",
            "var/log/apt/history.log",
            "var/log/dpkg.log",
            "etc/passwd-",
            "var/lib/dpkg/status-old",
            "var/lib/ucf/hashfile.0",
            "var/cache/man/de/index.db",
            "var/cache/man/cat1/x",
            "usr/lib/python3/dist-packages/a/__pycache__/b.cpython-313.pyc",
            "var/lib/mysql/ibdata1",
            "run/lock/x",
        ];
        let kept =
            ["etc/ssh/ssh_config", "var/lib/ucf/hashfile", "var/log/syslog", "usr/lib/python3/dist-packages/a/b.py"];
        for name in gone.iter().chain(&kept) {
            tree.write(name, 0o644, "x").expect("new");
        }
        tree.write("etc/ssl/certs/ssl-cert-snakeoil.pem", 0o644, "x").expect("new");
        tree.symlink("etc/ssl/certs/abcdef01.0", "ssl-cert-snakeoil.pem").expect("new");
        normalize(&mut tree, EPOCH).expect("memory reads");
        for name in gone {
            assert!(tree.get(&path(name)).is_none(), "{name}");
        }
        for name in kept.iter().chain(&["var/lib/mysql", "run", "var/log/apt"]) {
            assert!(tree.get(&path(name)).is_some(), "{name}");
        }
        assert_eq!(tree.children(&path("etc/ssl/certs")).count(), 0);
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
        for (_, patterns, why) in RULES {
            assert!(!why.is_empty());
            for pattern in *patterns {
                let name = pattern.replace("**", "a/b").replace("[0-9]", "7").replace('*', "x");
                assert!(matches(pattern, &path(&name)), "{pattern}");
            }
        }
    }
}
