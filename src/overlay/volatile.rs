//! What lives in memory: the journal, and the directories that a tmpfs hides.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::overlay::Error;
use crate::overlay::accounts::Accounts;
use crate::overlay::layer::Layer;
use crate::recipe::Recipe;
use crate::tree::Inode;
use crate::tree::TreePath;
use crate::tree::escape;

/// Where the kernel keeps access control lists (acl(5)).
const LISTS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, mounts: &[TreePath]) -> Result<(), Error> {
    let journal = format!(
        "# {}\n# Logs go to the head; what is kept here is for looking at a node that is up.\n\
         [Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n",
        recipe.generated()
    );
    layer.file("/etc/systemd/journald.conf.d/50-imgbuild.conf", 0o644, journal)?;
    let packaged = packaged_lines(layer)?;
    let lines = tmpfiles(layer, &recipe.generated(), mounts, &packaged.directories)?;
    forget_lists(layer, mounts, &packaged.lists);
    layer.file("/etc/tmpfiles.d/imgbuild.conf", 0o644, lines)?;
    stamp(layer)
}

/// Without these, systemd takes the image for one that was just updated, and every node at once runs ldconfig and
/// the like on the shared root (systemd-update-done.service(8)).
fn stamp(layer: &mut Layer<'_>) -> Result<(), Error> {
    let text = format!(
        "# This file was created by systemd-update-done. The timestamp below is the\n\
         # modification time of /usr/ for which the most recent updates of /etc/ and\n\
         # /var/ have been applied. See man:systemd-update-done.service(8) for details.\n\
         TIMESTAMP_NSEC={}000000000\n",
        layer.time()
    );
    layer.file("/etc/.updated", 0o644, text.clone())?;
    layer.file("/var/.updated", 0o644, text)
}

/// Access control lists that a node never sees: those below a mount point which tmpfiles.d(5) sets at every boot on
/// what it finds there. systemd's of /var/log/journal is one, and squashfs has no place for it. All others stay.
fn forget_lists(layer: &mut Layer<'_>, mounts: &[TreePath], packaged: &BTreeSet<String>) {
    let hidden = mounts.iter().flat_map(|mount| layer.tree.below(mount));
    let set_again: Vec<TreePath> =
        hidden.map(|(path, _)| path).filter(|path| packaged.contains(&path.to_string())).cloned().collect();
    for path in set_again {
        let inode = layer.tree.get_mut(&path).expect("it was just listed");
        LISTS.iter().for_each(|name| drop(inode.stat.xattrs.remove(*name)));
    }
}

/// tmpfiles.d(5) lines that make again what packages have put below a mount point.
fn tmpfiles(
    layer: &Layer<'_>,
    generated: &str,
    mounts: &[TreePath],
    packaged: &BTreeSet<String>,
) -> Result<String, Error> {
    let accounts = Accounts::read(layer)?;
    let mut text = format!("# {generated}\n# Directories of packages that a tmpfs hides.\n");
    let hidden: BTreeSet<&TreePath> = mounts
        .iter()
        .flat_map(|mount| layer.tree.below(mount))
        .filter(|(path, inode)| inode.is_directory() && !mounts.contains(path))
        .map(|(path, _)| path)
        .collect();
    for path in hidden {
        let line = line(path, layer.tree.get(path).expect("it was just listed"), &accounts);
        // systemd's own lines say the same with more care (journal, private); twice is a warning at each boot.
        if !packaged.contains(&path.to_string()) {
            text.push_str(&line);
        }
    }
    Ok(text)
}

fn line(path: &TreePath, inode: &Inode, accounts: &Accounts) -> String {
    let mut line = String::new();
    let stat = &inode.stat;
    // `%` begins a specifier.
    let path = escape(path.as_bytes()).replace('%', "%%");
    let (user, group) = (accounts.user_name(stat.uid), accounts.group_name(stat.gid));
    writeln!(line, "d /{path} {:04o} {user} {group} -", stat.mode).expect("writing to a String succeeds");
    line
}

/// Paths that packages' tmpfiles.d has lines for.
#[derive(Default)]
struct Packaged {
    /// Those that make a directory.
    directories: BTreeSet<String>,
    /// Those that set an access control list.
    lists: BTreeSet<String>,
}

fn packaged_lines(layer: &Layer<'_>) -> Result<Packaged, Error> {
    let mut packaged = Packaged::default();
    for directory in ["/usr/lib/tmpfiles.d", "/etc/tmpfiles.d"] {
        let Ok(directory) = layer.tree.resolve(directory, true) else { continue };
        let files: Vec<String> = layer.tree.children(&directory).map(|(path, _)| path.to_string()).collect();
        for file in files {
            for line in layer.text(&file)?.lines() {
                let mut words = line.split_whitespace();
                let (Some(kind), Some(path)) = (words.next(), words.next()) else { continue };
                let path = path.trim_end_matches('/').to_owned();
                match kind.as_bytes()[0] {
                    b'd' | b'D' | b'v' | b'q' | b'Q' => drop(packaged.directories.insert(path)),
                    b'a' | b'A' => drop(packaged.lists.insert(path)),
                    _ => {}
                }
            }
        }
    }
    Ok(packaged)
}
