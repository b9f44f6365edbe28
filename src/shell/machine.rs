//! What only a machine that runs has: its devices, its random numbers, what its kernel says below /proc and /sys.
//!
//! An image has none of it, and what the builder's machine would say is nobody's business: opening one is a gap. A
//! script of a package whose secrets a node is known to make itself ([`System::draws`]) is handed a stand-in where
//! it draws random numbers: it goes on to its end, and whatever it made of them is taken out of the tree again.

use super::system::System;

/// Stands for what is drawn: every usual choice of characters leaves something of it, and it is found again.
pub(crate) const STAND_IN: &str = "ImgbuildStandIn0123456789";
/// The same as an id (RFC 9562): `Imgbui` is at its end.
pub(crate) const STAND_IN_ID: &str = "00000000-0000-4000-8000-496d67627569";
/// What the beginning of a stand-in looks like as it is, in base 64 and in hexadecimal.
const TRACES: [&[u8]; 3] = [b"Imgbuild", b"SW1nYnVp", b"496d67627569"];
/// As much of a stream without an end as any script has taken.
const STREAM: usize = 16 << 10;

/// Directories of the kernel that are empty until somebody at the machine has done something: an image's kernel, if there
/// were one, would have nothing there either.
const EMPTY: [&[u8]; 1] = [b"sys/class/iscsi_session"];

/// Something that a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// A stream of random bytes (random(4)).
    Random,
    /// A new random id with each look (random(4)).
    Id,
    /// Which drivers a kernel has taken (proc_modules(5), proc_devices(5)): none, where none runs. `lsmod` says the same.
    Drivers,
    /// Any other.
    Other,
}

/// The names that an absolute path goes through.
fn names_of(path: &[u8]) -> Vec<&[u8]> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
}

/// Which an absolute path names, whatever way it is written.
fn entry(path: &[u8]) -> Option<Entry> {
    let names = names_of(path);
    // A pattern that matched nothing is a word like another, and the name of nothing.
    if names.iter().any(|name| name.contains(&b'*')) {
        return None;
    }
    match names.as_slice() {
        [b"dev", b"random" | b"urandom" | b"hwrng"] => Some(Entry::Random),
        [b"proc", b"sys", b"kernel", b"random", b"uuid"] => Some(Entry::Id),
        [b"proc", b"devices" | b"modules"] => Some(Entry::Drivers),
        [b"dev" | b"proc" | b"sys", _, ..] => Some(Entry::Other),
        _ => None,
    }
}

/// Whether a text has a stand-in in it.
pub(crate) fn has_stand_in(text: &[u8]) -> bool {
    TRACES.iter().any(|trace| memchr::memmem::find(text, trace).is_some())
}

impl System {
    /// Whether an absolute path leads to `/dev/null`, whatever way it is written and by whatever link.
    pub(crate) fn is_null(&mut self, path: &[u8]) -> bool {
        let is = |path: &[u8]| names_of(path) == [b"dev", b"null".as_slice()];
        is(path) || self.tree().resolve(path, true).is_ok_and(|place| is(place.as_bytes()))
    }

    /// What is read at an absolute path that only a running machine has; `None` for every other path. The inner
    /// error says why there is no answer: a gap.
    pub(crate) fn machine(&mut self, path: &[u8]) -> Option<Result<Vec<u8>, String>> {
        // A link may lead there, and what a package or script has put there itself is a file like another.
        let place = self.tree().resolve(path, true).ok();
        if place.as_ref().is_some_and(|place| self.tree().get(place).is_some_and(|inode| inode.content().is_some())) {
            return None;
        }
        let real = place.map(|place| [b"/", place.as_bytes()].concat());
        let entry = entry(path).or_else(|| entry(&real?))?;
        let shown = crate::tree::escape(path);
        Some(match entry {
            Entry::Random | Entry::Id if !self.draws => Err(format!(
                "draws random numbers from {shown}, and what is made of them must be each machine's own: no first boot \
                 is known for this package"
            )),
            Entry::Random => {
                self.drew(path);
                Ok(STAND_IN.bytes().cycle().take(STREAM).collect())
            }
            Entry::Id => {
                self.drew(path);
                Ok(format!("{STAND_IN_ID}\n").into_bytes())
            }
            Entry::Drivers => Ok(Vec::new()),
            Entry::Other => Err(format!("opens {shown}, which a running machine has and an image has not")),
        })
    }

    /// Why there is no list of what is in a directory: a running machine has something there. `None` for every other.
    pub(crate) fn list_of(&mut self, path: &[u8]) -> Option<String> {
        let place = self.tree().resolve(path, true).ok();
        let real = place.map(|place| [b"/", place.as_bytes()].concat());
        let has = |path: &[u8]| {
            let names = names_of(path);
            matches!(names.first(), Some(&(b"proc" | b"sys"))) && !EMPTY.contains(&names.join(&b'/').as_slice())
        };
        let shown = || crate::tree::escape(&[b"/", names_of(path).join(&b'/').as_slice()].concat());
        (has(path) || real.is_some_and(|real| has(&real)))
            .then(|| format!("lists {}, which a running machine has and an image has not", shown()))
    }

    /// Notes what a package drew: each node makes it on its first boot.
    pub(crate) fn drew(&mut self, what: &[u8]) {
        self.drawn.insert((self.package.clone(), what.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_listed() {
        let mut tree = crate::tree::Tree::new();
        tree.make_directories("proc", 0o555).expect("new");
        tree.symlink("etc/net", "/sys/class/net").expect("new");
        tree.symlink("etc/proc", "/proc").expect("new");
        let mut system = System::new(tree, "amd64", 0);
        for path in ["/proc", "/proc/", "//etc/../sys/class", "/etc/proc", "/etc/proc/1"] {
            assert!(system.list_of(path.as_bytes()).is_some_and(|what| what.starts_with("lists /")), "{path}");
        }
        for path in ["/", "/etc", "/dev", "/process", "/srv/proc", "/sys/class/iscsi_session"] {
            assert_eq!(system.list_of(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn what_a_machine_has_is_known_however_it_is_written() {
        for (path, wanted) in [
            ("/dev/urandom", Some(Entry::Random)),
            ("//dev/./shm/../random", Some(Entry::Random)),
            ("/proc/sys/kernel/random/uuid", Some(Entry::Id)),
            ("/proc/sys/kernel/random/boot_id", Some(Entry::Other)),
            ("/sys/class/net/eth0/address", Some(Entry::Other)),
            ("/dev/sda", Some(Entry::Other)),
            ("/dev", None),
            ("/sys/class/iscsi_session/session*/state", None),
            ("/etc/dev/urandom", None),
        ] {
            assert_eq!(entry(path.as_bytes()), wanted, "{path}");
        }
    }

    #[test]
    fn a_stand_in_is_found_in_what_scripts_make_of_it() {
        assert!(has_stand_in(format!("a = \"{}\"", &STAND_IN[..12]).as_bytes()));
        // base64 of its first 24 bytes.
        assert!(has_stand_in(b"SW1nYnVpbGRTdGFuZEluMDEyMzQ1Njc4"));
        assert!(has_stand_in(STAND_IN_ID.as_bytes()));
        assert!(!has_stand_in(b"imgbuild"));
    }
}
