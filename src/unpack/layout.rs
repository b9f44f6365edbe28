//! The links of a merged /usr, for suites whose base-files does not bring them (bookworm and before).
//!
//! debootstrap and mmdebstrap make them before anything is unpacked, so that what packages ship below `/bin` or
//! `/lib` lands in `/usr`: usrmerge-style conversion of a system that is there already is not needed.

use crate::tree::Error;
use crate::tree::Inode;
use crate::tree::Tree;

/// The directories that every architecture has merged.
const COMMON: [&str; 3] = ["bin", "lib", "sbin"];

/// Architecture → its further library directories: where its ABI puts the dynamic loader, and multilib.
const MULTILIB: &[(&str, &[&str])] = &[
    ("amd64", &["lib32", "lib64", "libx32"]),
    ("i386", &["lib64", "libx32"]),
    ("loong64", &["lib64"]),
    ("mips64el", &["lib32", "lib64", "libo32"]),
    ("mipsel", &["lib32", "lib64"]),
    ("ppc64", &["lib32", "lib64"]),
    ("ppc64el", &["lib64"]),
    ("s390x", &["lib32"]),
    ("sparc64", &["lib32", "lib64"]),
    ("x32", &["lib32", "lib64", "libx32"]),
];

/// Makes `/bin` → `usr/bin` and its like, and the directories they lead to.
pub(super) fn merge_usr(tree: &mut Tree, architecture: &str) -> Result<(), Error> {
    let further = MULTILIB.iter().find(|(name, _)| *name == architecture).map(|(_, names)| *names).unwrap_or_default();
    for name in COMMON.iter().chain(further) {
        let target = format!("usr/{name}");
        tree.make_directories(&target, 0o755)?;
        tree.put(name, Inode::symlink(target))?;
    }
    Ok(())
}
