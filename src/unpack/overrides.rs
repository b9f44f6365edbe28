//! What the administrator, or an earlier package's preinst, has laid down in the tree against packages' own
//! words: `dpkg-divert` and `dpkg-statoverride`, read from the database files in the tree.

use std::collections::BTreeMap;

use super::Error;
use crate::tree::Tree;
use crate::tree::TreePath;

const DIVERSIONS: &str = "var/lib/dpkg/diversions";
const STATOVERRIDE: &str = "var/lib/dpkg/statoverride";

/// All diversions and statoverrides of a tree, by absolute path.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    by_original: BTreeMap<Vec<u8>, Diversion>,
    /// Divert-to name → the original.
    by_diverted: BTreeMap<Vec<u8>, Vec<u8>>,
    stats: BTreeMap<Vec<u8>, StatOverride>,
}

/// One diversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diversion {
    /// Where other packages' file goes.
    pub(super) to: Vec<u8>,
    /// Whose file keeps the name; `None`: nobody's (a local diversion).
    pub(super) package: Option<String>,
}

/// Owner and mode that win over a package's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatOverride {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl Overrides {
    /// Reads what the tree has now; files that are not there say nothing.
    pub(super) fn read(tree: &Tree) -> Result<Self, Error> {
        let mut overrides = Self::default();
        let lines = lines_of(tree, DIVERSIONS)?;
        if lines.len() % 3 != 0 {
            return Err(malformed(DIVERSIONS, "an entry has three lines"));
        }
        for entry in lines.chunks_exact(3) {
            let [original, to, package] = entry else { continue };
            let package =
                String::from_utf8(package.clone()).map_err(|_| malformed(DIVERSIONS, "not a package name"))?;
            let package = (package != ":").then_some(package);
            check_absolute(DIVERSIONS, original)?;
            check_absolute(DIVERSIONS, to)?;
            overrides.by_diverted.insert(to.clone(), original.clone());
            overrides.by_original.insert(original.clone(), Diversion { to: to.clone(), package });
        }
        let lines = lines_of(tree, STATOVERRIDE)?;
        if !lines.is_empty() {
            let users = accounts(tree, "etc/passwd")?;
            let groups = accounts(tree, "etc/group")?;
            for line in lines {
                let (path, stat) = parse_statoverride(&line, &users, &groups)?;
                overrides.stats.insert(path, stat);
            }
        }
        Ok(overrides)
    }

    /// The diversion of this path.
    pub(super) fn diversion(&self, path: &[u8]) -> Option<&Diversion> {
        self.by_original.get(path)
    }

    /// All diversions: original and diverted name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.by_original.iter().map(|(original, diversion)| (original.as_slice(), diversion.to.as_slice()))
    }

    /// The original whose diverted file lies at this path.
    pub(super) fn diverted_here(&self, path: &[u8]) -> Option<&[u8]> {
        self.by_diverted.get(path).map(Vec::as_slice)
    }

    /// The statoverride of this path.
    pub(super) fn stat(&self, path: &[u8]) -> Option<StatOverride> {
        self.stats.get(path).copied()
    }
}

fn malformed(file: &'static str, reason: &'static str) -> Error {
    Error::Database { file, reason: reason.to_owned() }
}

fn check_absolute(file: &'static str, path: &[u8]) -> Result<(), Error> {
    if path.first() == Some(&b'/') && TreePath::new(path).is_ok() {
        return Ok(());
    }
    Err(malformed(file, "not an absolute path inside the tree"))
}

fn lines_of(tree: &Tree, path: &str) -> Result<Vec<Vec<u8>>, Error> {
    let bytes = tree.read(path).map_err(Error::Tree)?.unwrap_or_default();
    Ok(bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Name → number of passwd(5) or group(5), which agree in their first and third field.
fn accounts(tree: &Tree, path: &str) -> Result<BTreeMap<Vec<u8>, u32>, Error> {
    let parse = |line: &Vec<u8>| {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next()?.to_vec();
        let number = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
        Some((name, number))
    };
    Ok(lines_of(tree, path)?.iter().filter_map(parse).collect())
}

/// `user group mode path`; a user or group may be `#number`.
fn parse_statoverride(
    line: &[u8],
    users: &BTreeMap<Vec<u8>, u32>,
    groups: &BTreeMap<Vec<u8>, u32>,
) -> Result<(Vec<u8>, StatOverride), Error> {
    let mut words = line.splitn(4, |&byte| byte == b' ');
    let mut next = || words.next().ok_or_else(|| malformed(STATOVERRIDE, "a line has four words"));
    let (user, group, mode, path) = (next()?, next()?, next()?, next()?);
    let number = |name: &[u8], known: &BTreeMap<Vec<u8>, u32>| match name.strip_prefix(b"#") {
        Some(digits) => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
        None => known.get(name).copied(),
    };
    let uid = number(user, users).ok_or_else(|| malformed(STATOVERRIDE, "an unknown user"))?;
    let gid = number(group, groups).ok_or_else(|| malformed(STATOVERRIDE, "an unknown group"))?;
    let mode = std::str::from_utf8(mode)
        .ok()
        .and_then(|mode| u32::from_str_radix(mode, 8).ok())
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| malformed(STATOVERRIDE, "not an octal mode"))?;
    check_absolute(STATOVERRIDE, path)?;
    Ok((path.to_vec(), StatOverride { uid, gid, mode }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_from_the_tree() {
        let mut tree = Tree::new();
        tree.write("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\nmail:x:8:8::/:/bin/sh\n").expect("new");
        tree.write("etc/group", 0o644, "mail:x:8:\n").expect("new");
        tree.write(DIVERSIONS, 0o644, "/lib32\n/.lib32\nbase-files\n/a\n/a.real\n:\n").expect("new");
        tree.write(STATOVERRIDE, 0o644, "mail #44 4755 /usr/bin/a b\n").expect("new");
        let overrides = Overrides::read(&tree).expect("well formed");
        assert_eq!(overrides.diversion(b"/a"), Some(&Diversion { to: b"/a.real".to_vec(), package: None }));
        assert_eq!(overrides.diverted_here(b"/.lib32"), Some(&b"/lib32"[..]));
        assert_eq!(overrides.stat(b"/usr/bin/a b"), Some(StatOverride { uid: 8, gid: 44, mode: 0o4755 }));
    }

    #[test]
    fn case_67_tricks_in_the_database_are_errors() {
        for text in ["/a\n/b\n", "/a\n/usr/../../b\n:\n", "a\n/b\n:\n"] {
            let mut tree = Tree::new();
            tree.write(DIVERSIONS, 0o644, text).expect("new");
            assert!(Overrides::read(&tree).is_err(), "{text:?}");
        }
        for text in ["root root 9 /a\n", "root root 0644\n", "nobody root 0644 /a\n", "#0 #0 0644 /../a\n"] {
            let mut tree = Tree::new();
            tree.write(STATOVERRIDE, 0o644, text).expect("new");
            assert!(Overrides::read(&tree).is_err(), "{text:?}");
        }
    }
}
