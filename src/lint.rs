//! What must hold before nodes boot a root: looked at on the finished tree, whoever has put it together.
//!
//! Stands after head. Each finding is a sentence that names the path; none means that nothing is known to be wrong.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::configure::own;
use crate::kernel;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Where systemd looks for units, in its order of preference (systemd.unit(5)).
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];
/// Mount points that are there already when fstab is read, and why a line for them does harm.
const NEVER_MOUNTED: [(&str, &str); 4] = [
    ("/", "the initramfs has mounted it, and systemd would mount it again"),
    ("/run", "systemd has mounted it, and what is in it would be hidden"),
    ("/var/run", "it is a link to /run"),
    ("/var/lock", "it is a link to /run/lock"),
];

/// Looks at a root and at the text files of the head that it is for.
#[must_use]
pub fn check(tree: &Tree, head: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = root(tree);
    findings.extend(menu(head));
    findings
}

/// Looks at a root alone.
#[must_use]
pub fn root(root: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    init(root, &mut findings);
    kernels(root, &mut findings);
    programs(root, &mut findings);
    identity(root, &mut findings);
    let hidden = fstab(root, &mut findings);
    tmpfiles(root, &hidden, &mut findings);
    findings
}

fn is_program(root: &Tree, path: &str) -> bool {
    root.lookup(path).is_some_and(|(_, inode)| inode.content().is_some() && inode.stat.mode & 0o111 != 0)
}

fn text(root: &Tree, path: &str) -> String {
    let bytes = root.read(path).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn init(root: &Tree, findings: &mut Vec<String>) {
    if !is_program(root, "/sbin/init") {
        findings.push("`/sbin/init` is no program: install `systemd-sysv`".to_owned());
    }
}

/// Each kernel has modules, and the network root's are among them.
fn kernels(root: &Tree, findings: &mut Vec<String>) {
    let Some(version) = kernel::newest(root) else {
        findings.push("the root has no kernel".to_owned());
        return;
    };
    if kernel::image(root, &version).is_none() {
        findings.push(format!("`/lib/modules/{version}` has no kernel `/boot/vmlinuz-{version}`"));
    }
    if root.lookup(format!("/lib/modules/{version}/modules.dep")).is_none() {
        findings.push(format!("`/lib/modules/{version}/modules.dep` is missing: no module can be loaded by name"));
    }
}

/// What enabled units start is there.
fn programs(root: &Tree, findings: &mut Vec<String>) {
    for unit in enabled(root) {
        let Some(path) = UNITS.iter().map(|place| format!("{place}/{unit}")).find(|path| root.lookup(path).is_some())
        else {
            continue;
        };
        let text = text(root, &path);
        for line in text.lines().filter_map(|line| line.strip_prefix("ExecStart=")) {
            let program = line.split_whitespace().next().unwrap_or_default();
            // `-`, `@`, `:`, `+` and `!` say how it is started (systemd.service(5)).
            let bare = program.trim_start_matches(['-', '@', ':', '+', '!']);
            // What may fail, and names that are put together at run time, are not looked at.
            let known = bare.starts_with('/') && !bare.contains(['%', '$']) && !program.starts_with('-');
            let guarded = text.lines().any(|line| line.starts_with("Condition") && line.ends_with(&format!("={bare}")));
            if known && !guarded && !is_program(root, bare) {
                findings.push(format!("enabled unit `{unit}` starts `{bare}`, which is not there"));
            }
        }
    }
}

/// Units that something starts: those with a link in a `.wants` or `.requires` directory. Links to /dev/null mask.
fn enabled(root: &Tree) -> BTreeSet<String> {
    let mut units = BTreeSet::new();
    for place in UNITS {
        let Ok(place) = root.resolve(place, true) else { continue };
        for (path, inode) in root.below(&place) {
            let parent = path.parent().unwrap_or_default();
            let pulls = parent.name().ends_with(b".wants") || parent.name().ends_with(b".requires");
            if pulls && matches!(inode.kind, Kind::Symlink(_)) {
                units.insert(String::from_utf8_lossy(path.name()).into_owned());
            }
        }
    }
    let masked = |unit: &String| {
        let own = format!("{}/{unit}", UNITS[0]);
        root.resolve(&own, false)
            .ok()
            .and_then(|path| root.get(&path))
            .is_some_and(|inode| matches!(&inode.kind, Kind::Symlink(target) if target.as_slice() == b"/dev/null"))
    };
    units.retain(|unit| !masked(unit));
    units
}

/// Nothing of one machine's own is in the image.
fn identity(root: &Tree, findings: &mut Vec<String>) {
    // Where something makes a link of it, it is another path's.
    let is_file = |path: &TreePath| root.get(path).is_some_and(|inode| inode.content().is_some());
    let rows = own::rows().filter(|row| row.leaving == own::Leaving::Gone && !row.yields);
    for path in rows.flat_map(|row| row.places(root)).filter(is_file).collect::<BTreeSet<TreePath>>() {
        findings.push(format!("`{path}` would be the same on all nodes, and anybody's on their network"));
    }
    match root.lookup("/etc/machine-id") {
        Some((_, inode)) if inode.content().is_some_and(|content| content.size() == 0) => {}
        Some(_) => findings.push("`/etc/machine-id` is not empty: all nodes would have one id".to_owned()),
        None => findings.push("`/etc/machine-id` is missing: systemd takes each boot for the first".to_owned()),
    }
    if root.lookup("/etc/hostname").is_some_and(|(_, inode)| inode.content().is_some_and(|text| text.size() > 0)) {
        findings.push("`/etc/hostname` would name all nodes alike, whatever DHCP says".to_owned());
    }
}

/// Lines of fstab that break a boot. Returns the mount points that hide what is in the root.
fn fstab(root: &Tree, findings: &mut Vec<String>) -> Vec<TreePath> {
    let mut hidden = Vec::new();
    for line in text(root, "/etc/fstab").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [source, place, kind, ..] = words.as_slice() else { continue };
        if source.starts_with('#') || *kind == "swap" {
            continue;
        }
        if let Some((_, why)) = NEVER_MOUNTED.iter().find(|(never, _)| never == place) {
            findings.push(format!("`/etc/fstab` has a line for `{place}`: {why}"));
        }
        match root.resolve(place, true) {
            Ok(path) if root.get(&path).is_some_and(crate::tree::Inode::is_directory) => hidden.push(path),
            _ => findings.push(format!("`/etc/fstab` mounts on `{place}`, which is no directory of the root")),
        }
    }
    hidden
}

/// Directories that a mount hides are made again at boot (tmpfiles.d(5)).
fn tmpfiles(root: &Tree, hidden: &[TreePath], findings: &mut Vec<String>) {
    let mut made = BTreeSet::new();
    for directory in ["/usr/lib/tmpfiles.d", "/etc/tmpfiles.d"] {
        let Ok(directory) = root.resolve(directory, true) else { continue };
        let files: Vec<String> = root.children(&directory).map(|(path, _)| path.to_string()).collect();
        for file in files {
            for line in text(root, &file).lines() {
                let mut words = line.split_whitespace();
                if let (Some(kind), Some(path)) = (words.next(), words.next())
                    && kind.starts_with(['d', 'D', 'v', 'q', 'Q'])
                {
                    made.insert(path.trim_end_matches('/').to_owned());
                }
            }
        }
    }
    for mount in hidden {
        for (path, inode) in root.below(mount) {
            let shown = path.to_string();
            // Another mount point is a mount's business, and systemd makes it.
            if inode.is_directory() && !hidden.contains(path) && !made.contains(&shown) {
                findings.push(format!("a mount on `{mount}` hides `{shown}`, which no tmpfiles.d line makes again"));
            }
        }
    }
}

/// Looks at the text files of a head alone: whether it offers a kernel and initramfs.
#[must_use]
pub fn menu(head: &BTreeMap<String, String>) -> Option<String> {
    let entries = head.keys().any(|path| path.contains("/pxelinux/") || path.contains("/grub/"));
    (!entries).then(|| "the head's files have no boot menu".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Inode;

    fn sound() -> Tree {
        let mut tree = Tree::new();
        for (path, mode) in
            [("/sbin/init", 0o755), ("/boot/vmlinuz-6.1", 0o644), ("/usr/sbin/d", 0o755), ("/etc/machine-id", 0o444)]
        {
            tree.put(path, Inode::file(mode, "")).expect("new");
        }
        tree.put("/lib/modules/6.1/modules.dep", Inode::file(0o644, "")).expect("new");
        tree.put("/lib/modules/6.1/kernel/nfs.ko", Inode::file(0o644, "")).expect("new");
        tree.put("/usr/lib/systemd/system/d.service", Inode::file(0o644, "[Service]\nExecStart=/usr/sbin/d -x\n"))
            .expect("new");
        tree.symlink("/etc/systemd/system/multi-user.target.wants/d.service", "/usr/lib/systemd/system/d.service")
            .expect("new");
        tree.put("/var/log/d", Inode::directory(0o755)).expect("new");
        tree.put("/etc/fstab", Inode::file(0o644, "# x\ntmpfs /var/log tmpfs mode=0755 0 0\n")).expect("new");
        tree.put("/etc/tmpfiles.d/i.conf", Inode::file(0o644, "d /var/log/d 0755 root root -\n")).expect("new");
        tree
    }

    fn found(change: impl Fn(&mut Tree)) -> Vec<String> {
        let mut tree = sound();
        change(&mut tree);
        check(&tree, &BTreeMap::from([("srv/tftp/x/0/pxelinux/default".to_owned(), String::new())]))
    }

    #[test]
    fn a_sound_root_is_let_through() {
        assert_eq!(found(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn what_breaks_a_boot_is_named() {
        let write =
            |tree: &mut Tree, path: &str, text: &str| drop(tree.put(path, Inode::file(0o644, text)).expect("placed"));
        type Change<'a> = (&'a dyn Fn(&mut Tree), &'a str);
        let cases: &[Change<'_>] = &[
            (&|tree| tree.remove(&TreePath::literal("sbin/init")).expect("there"), "`/sbin/init` is no program"),
            (&|tree| tree.remove(&TreePath::literal("usr/sbin/d")).expect("there"), "starts `/usr/sbin/d`"),
            (&|tree| tree.remove_all(&TreePath::literal("lib/modules")), "no kernel"),
            (&|tree| write(tree, "/etc/ssh/ssh_host_rsa_key", "k"), "ssh_host_rsa_key"),
            (&|tree| write(tree, "/etc/ssh/ssh_host_dsa_key", "k"), "`/etc/ssh/ssh_host_dsa_key` would be the same"),
            (&|tree| write(tree, "/var/lib/dbus/machine-id", "k"), "`/var/lib/dbus/machine-id` would be"),
            (&|tree| write(tree, "/etc/machine-id", "1"), "all nodes would have one id"),
            (&|tree| write(tree, "/etc/hostname", "build-host"), "would name all nodes alike"),
            (&|tree| write(tree, "/etc/fstab", "/dev/nfs / nfs defaults 0 0"), "has a line for `/`"),
            (&|tree| write(tree, "/etc/fstab", "tmpfs /data tmpfs x 0 0"), "mounts on `/data`"),
            (&|tree| write(tree, "/etc/tmpfiles.d/i.conf", "# none"), "hides `/var/log/d`"),
        ];
        for (change, wanted) in cases {
            let findings = found(change);
            assert!(findings.iter().any(|finding| finding.contains(wanted)), "{wanted}: {findings:?}");
        }
        assert!(check(&sound(), &BTreeMap::new()).iter().any(|finding| finding.contains("no boot menu")));
    }
}
