//! What packages add to an initramfs: each known hook's work, done here in the order in which mkinitramfs runs them.
//!
//! Those for disks, encryption and the like are left out, and told. Any other that is not known is an error, for its part
//! would be missing; the recipe may name it in `skip-hooks` to go without.

use super::ETC;
use super::Error;
use super::Options;
use super::Report;
use super::Root;
use super::SHARE;
use super::busybox;
use super::choice::Choice;
use super::files::Files;
use crate::tree;

/// A hook's work.
type Work = fn(&mut Files<'_>, &mut Choice<'_>, &Options) -> Result<(), Error>;

/// The hooks that are known, sorted as their `prereqs` sort them. Those with `true` belong to every initramfs.
const HOOKS: [(&str, bool, Work); 9] = [
    // A root over the network is checked by its server.
    ("fsck", false, nothing),
    // Only with KEYMAP=y, which is refused where the settings are read.
    ("keymap", false, nothing),
    ("kmod", true, kmod),
    // Nodes without disks have no swap to resume from.
    ("resume", false, nothing),
    ("thermal", false, thermal),
    ("udev", true, udev),
    ("zz-busybox", true, commands),
    ("dmsetup", false, dmsetup),
    ("klibc-utils", true, klibc),
];

/// Hooks for what a root over the network or in memory does without, and why.
const UNNEEDED: [(&str, &[&str]); 4] = [
    (
        "the root is on no disk of the node's",
        &[
            "bcache",
            "btrfs",
            "dmraid",
            "fuse",
            "growroot",
            "iscsi",
            "iscsiuio",
            "jfs",
            "lvm2",
            "mdadm",
            "multipath",
            "nbd",
            "nbd-client",
            "ntfs_3g",
            "raspi-firmware-fsck",
            "reiserfsprogs",
            "sg3-utils",
            "thin-provisioning-tools",
            "xfs",
            "zfs",
            "zfsunlock",
        ],
    ),
    (
        "the root is not encrypted",
        &[
            "clevis",
            "cryptgnupg",
            "cryptgnupg-sc",
            "cryptkeyctl",
            "cryptopensc",
            "cryptpassdev",
            "cryptroot",
            "cryptroot-unlock",
            "dropbear",
            "mandos",
        ],
    ),
    ("nodes show their console instead of a splash screen", &["plymouth"]),
    (
        "the processor keeps the microcode of the node's firmware, which has updates of its own",
        &["amd64_microcode", "intel_microcode"],
    ),
];

/// Why a hook is left out by itself.
fn unneeded(hook: &str) -> Option<&'static str> {
    UNNEEDED.iter().find(|(_, hooks)| hooks.contains(&hook)).map(|(why, _)| *why)
}

/// Whether a boot script, by its path, is of a hook that is left out: it would ask for what is not there.
pub(super) fn is_left_out(script: &str, options: &Options) -> bool {
    let name = script.rsplit('/').next().unwrap_or(script);
    unneeded(name).is_some() || options.skip_hooks.contains(name)
}

/// Does the work of all hooks in the root.
pub(super) fn apply(
    files: &mut Files<'_>,
    choice: &mut Choice<'_>,
    options: &Options,
    report: &mut Report,
) -> Result<(), Error> {
    let mut present = files.names(&format!("/{SHARE}/hooks"), "*");
    present.extend(files.names(&format!("/{ETC}/hooks"), "*"));
    for hook in &present {
        let known = HOOKS.iter().any(|(name, ..)| name == hook);
        if options.skip_hooks.contains(hook) {
            report.skipped_hooks.push(hook.clone());
        } else if let Some(why) = unneeded(hook) {
            report.unneeded_hooks.push((hook.clone(), why.to_owned()));
        } else if !known {
            return Err(Error::UnknownHook { hook: hook.clone(), package: owner(files.root(), hook)? });
        }
    }
    for (name, needed, work) in HOOKS {
        if options.skip_hooks.contains(name) {
            continue;
        }
        if present.iter().any(|hook| hook == name) {
            work(files, choice, options)?;
            report.hooks.push(name.to_owned());
        } else if needed {
            files.lacks(match name {
                "kmod" => "/sbin/modprobe",
                "udev" => "/usr/lib/systemd/systemd-udevd",
                "zz-busybox" => "/usr/bin/busybox",
                _ => "/usr/lib/klibc",
            });
        }
    }
    Ok(())
}

/// The package that ships a hook, by the dpkg database.
fn owner(root: &Root<'_>, hook: &str) -> Result<String, Error> {
    let line = format!("/{SHARE}/hooks/{hook}");
    if root.lookup("var/lib/dpkg/info").is_none() {
        return Ok("(unknown)".into());
    }
    for path in root.names("var/lib/dpkg/info", "*.list") {
        let Some(package) = path.name().strip_suffix(b".list") else { continue };
        let list = root.read(path.as_bytes())?.unwrap_or_default();
        if String::from_utf8_lossy(&list).lines().any(|owned| owned == line) {
            return Ok(String::from_utf8_lossy(package).into_owned());
        }
    }
    Ok("(none)".into())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in a table of work that can fail")]
fn nothing(_: &mut Files<'_>, _: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    Ok(())
}

fn kmod(files: &mut Files<'_>, _: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    files.copy_executable("/usr/bin/kmod", None)?;
    // With the links as the package has them.
    for name in ["modprobe", "rmmod"] {
        if let Some(inode) = files.root().link(&format!("/usr/sbin/{name}"))
            && let tree::Kind::Symlink(target) = &inode.kind
        {
            let target = String::from_utf8_lossy(target).into_owned();
            files.link_as(&format!("/usr/sbin/{name}"), &target, inode.stat.mtime)?;
        }
    }
    files.copy_tree("/usr/lib/modprobe.d", "/usr/lib/modprobe.d", "*")
}

fn thermal(_: &mut Files<'_>, choice: &mut Choice<'_>, options: &Options) -> Result<(), Error> {
    if matches!(options.architecture.as_str(), "amd64" | "i386" | "ia64") {
        choice.word("fan");
        choice.word("thermal");
    }
    Ok(())
}

/// Rules that an initramfs gets, when they are there.
const UDEV_RULES: [&str; 10] = [
    "50-firmware.rules",
    "50-udev-default.rules",
    "60-block.rules",
    "60-persistent-storage.rules",
    "61-persistent-storage-android.rules",
    "71-seat.rules",
    "73-special-net-names.rules",
    "75-net-description.rules",
    "80-drivers.rules",
    "80-net-setup-link.rules",
];

fn udev(files: &mut Files<'_>, _: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    files.directory("/usr/lib/systemd")?;
    files.copy_executable("/usr/lib/systemd/systemd-udevd", Some("/usr/lib/systemd"))?;
    files.copy_executable("/usr/bin/udevadm", Some("/usr/bin"))?;
    // systemd 256 and later load libkmod only when they use it, which no header says.
    if files.root().read("/usr/share/initramfs-tools/hooks/udev")?.is_some_and(|hook| contains(&hook, b"libkmod.so")) {
        for directory in files.names("/usr/lib", "*") {
            for name in files.names(&format!("/usr/lib/{directory}"), "libkmod.so.*") {
                files.copy_executable(&format!("/usr/lib/{directory}/{name}"), None)?;
            }
        }
    }
    for path in ["/etc/udev/udev.conf", "/usr/lib/udev/hwdb.bin"] {
        let hook = files.root().read("/usr/share/initramfs-tools/hooks/udev")?.unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path);
        if files.root().lookup(path).is_some() && contains(&hook, name.as_bytes()) {
            files.copy_as(path, path)?;
        }
    }
    files.directory("/usr/lib/systemd/network")?;
    for directory in ["/usr/lib/systemd/network", "/etc/systemd/network"] {
        files.copy_tree(directory, "/usr/lib/systemd/network", "*.link*")?;
    }
    rules(files, &UDEV_RULES)?;
    for name in files.names("/etc/udev/rules.d", "*.rules") {
        if files.root().lookup(format!("/usr/lib/udev/rules.d/{name}")).is_none() {
            files.copy_as(&format!("/etc/udev/rules.d/{name}"), &format!("/usr/lib/udev/rules.d/{name}"))?;
        }
    }
    for program in ["ata_id", "scsi_id"] {
        files.copy_executable(&format!("/usr/lib/udev/{program}"), Some("/usr/lib/udev"))?;
    }
    files.copy_executable("/sbin/blkid", Some("/sbin"))
}

/// Rules of udev, the administrator's in place of the package's; those that are nowhere are left out.
fn rules(files: &mut Files<'_>, names: &[&str]) -> Result<(), Error> {
    files.directory("/usr/lib/udev/rules.d")?;
    for name in names {
        let places = ["/etc/udev/rules.d", "/usr/lib/udev/rules.d"].map(|directory| format!("{directory}/{name}"));
        if let Some(place) = places.iter().find(|place| files.root().lookup(place).is_some()) {
            files.copy_as(place, &format!("/usr/lib/udev/rules.d/{name}"))?;
        }
    }
    Ok(())
}

fn dmsetup(files: &mut Files<'_>, choice: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    let names = ["55-dm.rules", "60-persistent-storage-dm.rules", "95-dm-notify.rules"];
    for name in names {
        if ["/etc", "/usr/lib"].iter().all(|base| files.root().lookup(format!("{base}/udev/rules.d/{name}")).is_none())
        {
            files.lacks(&format!("/usr/lib/udev/rules.d/{name}"));
        }
    }
    rules(files, &names)?;
    files.copy_executable("/usr/sbin/dmsetup", None)?;
    choice.word("dm_mod");
    Ok(())
}

/// busybox under all its names that nothing else has taken.
fn commands(files: &mut Files<'_>, _: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    let Some((path, inode)) = files.root().lookup("/bin/busybox") else {
        files.lacks("/usr/bin/busybox");
        return Ok(());
    };
    let unclear = |reason| Error::Unclear { path: path.to_string(), reason };
    let content = inode.content().ok_or_else(|| unclear("it is no regular file".into()))?;
    let bytes = content.to_vec().map_err(|source| tree::Error::Read { path: path.clone(), source })?;
    let links = busybox::links(&bytes).map_err(unclear)?;
    files.copy_executable("/bin/busybox", Some("/bin/busybox"))?;
    for link in links {
        if !files.has(&format!("/{link}")) {
            files.link("/bin/busybox", &format!("/{link}"))?;
        }
    }
    Ok(())
}

/// klibc's tools that nothing else has taken, and the library they all use.
fn klibc(files: &mut Files<'_>, _: &mut Choice<'_>, _: &Options) -> Result<(), Error> {
    for name in files.names("/usr/lib/klibc/bin", "*") {
        if matches!(name.as_str(), "gzip" | "kinit" | "zcat") {
            continue;
        }
        if !files.has(&format!("/sbin/{name}")) && !files.has(&format!("/bin/{name}")) {
            files.copy_as(&format!("/usr/lib/klibc/bin/{name}"), &format!("/bin/{name}"))?;
        }
    }
    let libraries = files.names("/lib", "klibc-*.so");
    if libraries.is_empty() {
        files.lacks("/usr/lib/klibc");
    }
    for name in libraries {
        files.copy_as(&format!("/lib/{name}"), &format!("/lib/{name}"))?;
    }
    Ok(())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
