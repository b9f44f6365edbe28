//! What must hold before a node may boot the initramfs; each rule comes from a boot that failed somewhere.

use std::collections::BTreeSet;

use super::Error;
use super::Kind;
use super::Options;
use super::Report;
use super::Root;
use super::Tree;
use super::libraries;

/// What `init` and the scripts of the root modes call, in `/bin` or `/sbin`.
const COMMANDS: [&str; 12] = [
    "cat",
    "ipconfig",
    "mkdir",
    "modprobe",
    "mount",
    "nfsmount",
    "run-init",
    "sh",
    "sha256sum",
    "sleep",
    "udevadm",
    "wget",
];
/// What else must be there.
const FILES: [&str; 4] = ["/scripts/functions", "/scripts/imgbuild", "/scripts/nfs", "/usr/lib/systemd/systemd-udevd"];
/// What libtirpc reads; without it `mount.nfs` says "Protocol not supported" for ever.
const MOUNT_NFS_NEEDS: [&str; 2] = ["/etc/netconfig", "/etc/protocols"];

/// Checks the finished tree; errors by name, and warnings into the report.
pub(super) fn check(
    root: &Root<'_>,
    tree: &Tree,
    version: &str,
    options: &Options,
    report: &mut Report,
) -> Result<(), Error> {
    let mut faults = Vec::new();
    let executable = |path: &str| {
        tree.lookup(path).is_some_and(|(_, inode)| inode.content().is_some() && inode.stat.mode & 0o111 == 0o111)
    };
    if tree.iter().next().is_none_or(|(_, _, inode)| inode.stat.mode != 0o755) {
        faults.push("its root is not 0755".to_owned());
    }
    if !executable("/init") {
        faults.push("`/init` is not there or not executable".to_owned());
    }
    // Those of the script that makes a VLAN or a bond.
    let of_links = ["ip", "tr"].into_iter().filter(|_| !options.links.is_empty());
    for name in COMMANDS.into_iter().chain(of_links) {
        if !["/bin", "/sbin"].iter().any(|directory| executable(&format!("{directory}/{name}"))) {
            faults.push(format!("there is no `{name}`"));
        }
    }
    faults.extend(FILES.iter().filter(|path| tree.lookup(path).is_none()).map(|path| format!("`{path}` is not there")));
    if tree.lookup("/sbin/mount.nfs").is_some() {
        let lacking = MOUNT_NFS_NEEDS.iter().filter(|path| tree.lookup(path).is_none());
        faults.extend(lacking.map(|path| format!("`mount.nfs` is there without `{path}`, which it needs")));
    }
    programs(tree, options, &mut faults)?;
    network(tree, version, &mut faults);
    if root.lookup("/sbin/mount.nfs").is_none() {
        report
            .warnings
            .push("the root has no `/sbin/mount.nfs` (package `nfs-common`): nodes cannot mount more over NFS".into());
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Lint(faults)) }
}

/// Every program finds its interpreter and libraries inside, and nothing names the place where it was built.
fn programs(tree: &Tree, options: &Options, faults: &mut Vec<String>) -> Result<(), Error> {
    let inside = Root::new(tree);
    let mut resolver = libraries::Resolver::new(&inside, &options.architecture)?;
    let mut seen = BTreeSet::new();
    for (path, id, inode) in tree.iter() {
        let Kind::File(_) = &inode.kind else { continue };
        let is_program = inode.stat.mode & 0o111 != 0 || path.name().windows(3).any(|part| part == b".so");
        if path.as_bytes().starts_with(b"usr/lib/modules/") || !is_program || !seen.insert(id) {
            continue;
        }
        let needed = resolver.closure(&path.to_string())?;
        faults.extend(needed.missing.iter().map(|library| format!("`{path}` does not find `{library}`")));
        let loaders = needed.found.iter().filter(|found| tree.lookup(found).is_none());
        faults.extend(loaders.map(|loader| format!("`{path}` does not find its loader `{loader}`")));
    }
    Ok(())
}

/// A node without a driver for any card cannot ask for an address.
fn network(tree: &Tree, version: &str, faults: &mut Vec<String>) {
    let Some((directory, _)) = tree.lookup(format!("/lib/modules/{version}")) else {
        faults.push(format!("there are no modules of kernel `{version}`"));
        return;
    };
    let is_driver = |path: &[u8]| {
        ["/drivers/net/ethernet/", "/drivers/net/virtio_net"]
            .iter()
            .any(|part| memchr::memmem::find(path, part.as_bytes()).is_some())
    };
    let builtin = tree.read([directory.as_bytes(), b"/modules.builtin"].concat()).ok().flatten().unwrap_or_default();
    if !tree.below(&directory).any(|(path, inode)| inode.content().is_some() && is_driver(path.as_bytes()))
        && !is_driver(&builtin)
    {
        faults.push("there is no driver for a network card: list one in `modules`".to_owned());
    }
}

/// Whether klibc's `nfsmount`, which mounts the root in the mode `nfs`, takes these options.
///
/// It speaks NFSv2 and v3 only, retries 180 times what it does not understand, and then gives up without a word that
/// helps.
///
/// # Errors
/// The first option it does not take, in words.
pub fn check_nfsroot_options(options: &str) -> Result<(), String> {
    const FLAGS: [&str; 22] = [
        "ac",
        "acl",
        "broken_suid",
        "cto",
        "hard",
        "intr",
        "lock",
        "noac",
        "noacl",
        "nocto",
        "nointr",
        "nolock",
        "noposix",
        "posix",
        "ro",
        "rw",
        "soft",
        "tcp",
        "udp",
        "v2",
        "v3",
        "",
    ];
    const VALUES: [&str; 11] = [
        "acdirmax", "acdirmin", "acregmax", "acregmin", "nfsvers", "port", "retrans", "rsize", "timeo", "vers", "wsize",
    ];
    for option in options.split(',') {
        let good = match option.split_once('=') {
            Some(("vers" | "nfsvers", version)) => matches!(version, "2" | "3"),
            Some((name, value)) => VALUES.contains(&name) && value.parse::<u32>().is_ok(),
            None => FLAGS.contains(&option),
        };
        if !good {
            return Err(format!(
                "`nfsmount` of the initramfs does not take `{option}`; use root = \"overlay\" for NFSv4 and further options"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nfsmount_takes_little() {
        for good in ["", "nfsvers=3,tcp", "vers=3,nolock,rsize=1048576,hard"] {
            assert_eq!(check_nfsroot_options(good), Ok(()), "{good}");
        }
        for bad in ["vers=4", "nfsvers=4.2", "proto=tcp", "noatime", "rsize=big"] {
            assert!(check_nfsroot_options(bad).is_err(), "{bad}");
        }
    }
}
