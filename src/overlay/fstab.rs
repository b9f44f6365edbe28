//! `/etc/fstab`: sized tmpfs for what nodes write, and no line that breaks today.

use std::fmt::Write as _;

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Diskless;
use crate::recipe::Recipe;
use crate::tree::Stat;
use crate::tree::TreePath;
use crate::tree::escape;

/// What a booting node writes below /var/lib, each its own: in a shared root it must not meet the others' there.
/// Seen in boots: two syslog-ng on one persist file, two rpc.statd on one list of monitored hosts. Not the whole of
/// /var/lib/systemd, where packaging keeps what is enabled.
const STATE: &[&str] = &[
    "/var/lib/chrony",
    "/var/lib/dhcp",
    "/var/lib/nfs",
    "/var/lib/private",
    "/var/lib/syslog-ng",
    "/var/lib/systemd/linger",
    "/var/lib/systemd/timers",
    "/var/lib/wtmpdb",
];

/// Enough for what is kept there; a node never loses its memory to a state file.
const STATE_SIZE: &str = "16M";

/// systemd mounts these itself and drops or twists what fstab says about them.
const API: &[&str] = &["/dev", "/proc", "/run", "/sys"];

const HEAD: &str = "\
# No line for /: the initramfs has mounted it, and systemd-remount-fs would ask for it again.
# No lines for /var/run and /var/lock: they are links into /run, which is memory already.
";

/// Writes the file; returns the mount points as they lie in the tree.
pub(super) fn apply(
    layer: &mut Layer<'_>,
    recipe: &Recipe,
    diskless: &Diskless,
    shared: bool,
) -> Result<Vec<TreePath>, Error> {
    let mut text = format!("# {}\n{HEAD}", recipe.generated());
    let mut points = Vec::new();
    let asked = diskless.tmpfs.iter().map(|(path, size)| (path.as_str(), size.as_str()));
    for (path, size) in asked {
        mount(layer, path, size, &mut points, &mut text)?;
    }
    let state: Vec<&str> = STATE.iter().copied().filter(|path| shared && wanted(layer, path)).collect();
    if !state.is_empty() {
        text.push_str("# State of one node that would lie in the root of all.\n");
    }
    for path in state {
        mount(layer, path, STATE_SIZE, &mut points, &mut text)?;
    }
    layer.file("/etc/fstab", 0o644, text)?;
    Ok(points)
}

/// Whether the image has the program that writes there: packages ship the directory, systemd makes its own.
fn wanted(layer: &Layer<'_>, path: &str) -> bool {
    layer.exists(path) || path.starts_with("/var/lib/systemd/")
}

fn mount(
    layer: &mut Layer<'_>,
    path: &str,
    size: &str,
    points: &mut Vec<TreePath>,
    text: &mut String,
) -> Result<(), Error> {
    let refuse = |reason| Err(Error::MountPoint { path: path.to_owned(), reason });
    layer.directory(path, 0o755)?;
    let Some((point, inode)) = layer.tree.lookup(path) else { return refuse("the recipe removes it") };
    if point.is_root() {
        return refuse("it is the root");
    }
    if API.iter().any(|api| point.starts_with(&TreePath::literal(api))) {
        return refuse("it lies in a file system that systemd mounts itself");
    }
    if points.contains(&point) {
        return Ok(());
    }
    let options = options(&inode.stat, path);
    // fstab(5): white space in a field is written in octal.
    let field = escape(point.as_bytes()).replace("\\x20", "\\040");
    writeln!(text, "tmpfs /{field} tmpfs {options},size={size} 0 0").expect("writing to a String succeeds");
    points.push(point);
    Ok(())
}

/// The mounted directory looks as the one it hides.
fn options(stat: &Stat, path: &str) -> String {
    let mut options = format!("mode={:04o},nosuid,nodev", stat.mode);
    // Programs are built and run in /tmp; logs are not run.
    if path == "/var/log" {
        options.push_str(",noexec");
    }
    if stat.uid != 0 {
        write!(options, ",uid={}", stat.uid).expect("writing to a String succeeds");
    }
    if stat.gid != 0 {
        write!(options, ",gid={}", stat.gid).expect("writing to a String succeeds");
    }
    options
}
