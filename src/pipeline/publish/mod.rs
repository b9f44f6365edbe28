//! Publishing: an output brought to a head's disk, beside what nodes run from, and offered to those that start.
//!
//! A generation is a directory that appears by one rename and is never changed afterwards: nodes that have booted
//! from it go on, since a file that vanishes under a network root is an error there until the next boot. What nodes
//! start with is a menu, which one rename of a link replaces as a whole; until then nothing has changed for them, and
//! at every moment a crash leaves the old menu or the new one.
//!
//! ```text
//! EXPORT/gen/GENERATION/      root/ if nodes mount it (of two heads for a mount), root.erofs …, manifest.json, tree.txt
//! EXPORT/state/NODE/          what is a node's own: made once, and never touched again
//! TFTP/NAME/GENERATION/       vmlinuz, initrd.img, pxelinux/, grub/, ipxe/: its entries of menus
//! TFTP/NAME/menu-A-B/         the menu of generation A, with B as the previous one
//! TFTP/NAME/menu              → menu-A-B
//! TFTP/pxelinux.cfg, grub, ipxe.cfg → NAME/menu/…
//! ```
//!
//! * [`place`]: where all that lies. * [`prune`]: which generations may go.

mod place;
mod prune;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::Error;
use crate::error::PublishError;
use crate::format::compress;
use crate::head::Cluster;
use crate::head::Role;
use crate::host::Spool;
use crate::host::Staging;
use crate::image;
use crate::image::Owners;
use crate::lint;
use crate::manifest::Manifest;
use crate::tree;
use crate::tree::Tree;

use place::Place;

pub use place::Menu;
pub use prune::Generation;
pub use prune::generations;
pub use prune::prune;

/// Forms of the root that a directory can be made of.
const TARS: [&str; 4] = ["root.tar", "root.tar.zst", "root.tar.gz", "root.tar.xz"];
/// Roots in one file.
const IMAGES: [&str; 2] = ["root.erofs", "root.squashfs"];
/// The longest tar, and the longest text, that is read.
const TAR_MAX: u64 = 1 << 40;
const TEXT_MAX: u64 = 1 << 30;
/// The files of the head's that others write as well.
const OTHERS: [&str; 2] = ["etc/hosts", "etc/keepalived/keepalived.conf"];

/// What publishing did.
#[derive(Debug)]
pub struct Published {
    /// What nodes are offered now.
    pub menu: Menu,
    /// Files of the head's that are other than before, below its root: who reads them must be told.
    pub changed: Vec<String>,
    /// Files of the head's that others have written, and that were left alone.
    pub left: Vec<String>,
}

/// Brings an output to a head, or to its standby, and makes it the first of the menu.
///
/// # Errors
/// The output is not whole, has no such head, is on the wrong one, nodes must not boot it, or the disk; then the menu
/// is as it was.
pub fn publish(output: &Path, root: &Path, role: Role) -> Result<Published, Error> {
    let path = output.join("manifest.json");
    let manifest = Manifest::parse(&text(&path)?).map_err(|source| PublishError::Manifest { path, source })?;
    let wrong = super::check(output, &manifest)?;
    if !wrong.is_empty() {
        return Err(PublishError::Unverified(wrong).into());
    }
    let place = Place::new(root, cluster(output, role)?);
    place.check_links()?;
    place.check_role()?;
    let id = place.cluster.generation.clone();
    let _lock = place.lock()?;
    let target = place.generation(&id);
    if !target.exists() {
        put_generation(output, &manifest, &place, &target)?;
    }
    let boot = place.boot(&id);
    if !boot.exists() {
        let from = output.join(role.directory()).join(boot.strip_prefix(root).unwrap_or(&boot));
        let staging = Staging::new(&boot)?;
        copy_directory(&from, staging.path())?;
        staging.publish()?;
    }
    for node in &place.cluster.nodes {
        let state = place.state(&node.name);
        fs::create_dir_all(&state).map_err(failed("make", &state))?;
    }
    let (changed, left) = put_files(&output.join(role.directory()), &place)?;
    // What was published before stays the one to go back to when the same is published again.
    let before = place.menu();
    let previous = match before {
        Some(menu) if menu.now == id => menu.previous,
        menu => menu.map(|menu| menu.now),
    };
    let menu = place.offer(&id, previous.as_deref())?;
    Ok(Published { menu, changed, left })
}

/// Offers the previous generation again, or another one, first; the one in use becomes the previous.
///
/// # Errors
/// There is none, or the disk; then the menu is as it was.
pub fn rollback(root: &Path, name: Option<&str>, to: Option<&str>) -> Result<Menu, Error> {
    let place = Place::find(root, name)?;
    let _lock = place.lock()?;
    let menu = place.menu().ok_or(PublishError::NoPrevious)?;
    let to = match to {
        Some(to) => to.to_owned(),
        None => menu.previous.clone().ok_or(PublishError::NoPrevious)?,
    };
    let previous = if to == menu.now { menu.previous } else { Some(menu.now) };
    place.offer(&to, previous.as_deref())
}

/// `ssh_known_hosts` (sshd(8)) of the nodes that have made their keys: those that the head keeps, none is asked.
///
/// # Errors
/// There is no such cluster, or a key cannot be read.
pub fn known_hosts(root: &Path, name: Option<&str>) -> Result<String, Error> {
    let place = Place::find(root, name)?;
    let mut text = String::new();
    for node in &place.cluster.nodes {
        let mut names = vec![node.name.clone()];
        names.extend(node.aliases.iter().cloned());
        names.push(node.address.to_string());
        let directory = place.state(&node.name).join("ssh");
        for file in place::files(&directory, false)?.iter().filter(|file| file.ends_with(".pub")) {
            let key = self::text(&directory.join(file))?;
            // A node writes this file: only what is a key goes on.
            let mut words = key.split_whitespace();
            if let (Some(kind), Some(key), Some(1)) = (words.next(), words.next(), Some(key.lines().count())) {
                let plain =
                    |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-@.".contains(&byte));
                if plain(kind) && plain(key) {
                    text.push_str(&format!("{} {kind} {key}\n", names.join(",")));
                }
            }
        }
    }
    Ok(text)
}

/// The cluster that an output is for.
fn cluster(output: &Path, role: Role) -> Result<Cluster, Error> {
    let found = place::clusters(&output.join(role.directory()))?;
    let reason = match role {
        Role::Head => "its recipe has no `[head]`",
        Role::Standby => "its recipe has no `[head.standby]`",
    };
    found.into_iter().next().ok_or_else(|| missing(output, reason))
}

fn put_generation(output: &Path, manifest: &Manifest, place: &Place, target: &Path) -> Result<(), Error> {
    let parent = target.parent().expect("it is below `gen`");
    fs::create_dir_all(parent).map_err(failed("make", parent))?;
    let role = place.cluster.role;
    let head = place::texts(&output.join(role.unwrap_or(Role::Head).directory()))?;
    let images: Vec<&str> = IMAGES.into_iter().filter(|name| output.join(name).exists()).collect();
    let is_directory = role.is_none() && is_exported(&head, &place.cluster);
    let root = is_directory.then(|| read_root(output, parent)).transpose()?;
    let wrong = match &root {
        Some(root) => lint::check(root, &head),
        None if images.is_empty() => return Err(missing(output, "it has neither `root.erofs` nor `root.squashfs`")),
        // What the build has found in the same tree.
        None => manifest.findings.iter().cloned().chain(lint::menu(&head)).collect(),
    };
    if !wrong.is_empty() {
        return Err(PublishError::Lint(wrong).into());
    }
    let staging = Staging::new(target)?;
    let directory = staging.path().join("root");
    // Two heads mount the image there: files of a directory have other handles on each.
    if is_directory || role.is_some() {
        fs::create_dir(&directory).map_err(failed("make", &directory))?;
    }
    if let Some(root) = root {
        image::write_directory(&root, &directory, Owners::Kept)?;
    }
    for name in images.into_iter().chain(["manifest.json", "tree.txt"]) {
        let to = staging.path().join(name);
        copy_file(&output.join(name), &to)?;
    }
    Ok(staging.publish()?)
}

/// Whether a node mounts a root over NFS: if none does, all have it in one file.
fn is_exported(head: &BTreeMap<String, String>, cluster: &Cluster) -> bool {
    let exports = head.iter().filter(|(path, _)| path.starts_with("etc/exports.d/"));
    let generations = format!("{}/gen ", cluster.export);
    exports.flat_map(|(_, text)| text.lines()).any(|line| line.starts_with(&generations))
}

fn missing(output: &Path, reason: &str) -> Error {
    PublishError::Output { path: output.to_owned(), reason: reason.to_owned() }.into()
}

/// The root's tree; the bytes of its files are kept on the file system of `disk`.
fn read_root(output: &Path, disk: &Path) -> Result<Tree, Error> {
    let path = TARS.iter().map(|name| output.join(name)).find(|path| path.is_file());
    let path = path.ok_or_else(|| missing(output, "it has no `root.tar`; add `tar` to the formats"))?;
    let mut input = BufReader::with_capacity(1 << 20, File::open(&path).map_err(failed("read", &path))?);
    let start = io::BufRead::fill_buf(&mut input).map_err(failed("read", &path))?;
    let kind = compress::sniff(start);
    let input = compress::decoder(kind, input, compress::Limits::new(TAR_MAX)).map_err(failed("read", &path))?;
    let mut spool = Spool::new_in(disk).map_err(failed("write in", disk))?;
    let mut keep = |bytes: &mut dyn Read, _: u64| spool.keep(bytes);
    let read = tree::tar::read(input, &mut keep).map_err(|source| PublishError::Root { path, source })?;
    spool.finish().map_err(failed("write in", disk))?;
    Ok(read)
}

/// The head's own files, and the boot loaders. Those that are as they shall be are not touched.
fn put_files(head: &Path, place: &Place) -> Result<(Vec<String>, Vec<String>), Error> {
    let (mut changed, mut left) = (Vec::new(), Vec::new());
    let tftp = place.cluster.tftp.trim_start_matches('/').to_owned();
    for directory in ["etc", tftp.as_str()] {
        // Loaders lie in the directory itself; what is below is of one generation or of the menu.
        let deep = directory == "etc";
        for path in place::files(&head.join(directory), deep)? {
            let name = format!("{directory}/{path}");
            let (from, to) = (head.join(&name), place.root.join(&name));
            let bytes = fs::read(&from).map_err(failed("read", &from))?;
            let there = fs::read(&to).ok();
            if there.as_ref() == Some(&bytes) {
                continue;
            }
            let ours = |text: &[u8]| text.starts_with(b"# Generated by imgbuild from recipe ");
            if OTHERS.contains(&name.as_str()) && there.is_some_and(|text| !ours(&text)) {
                left.push(name);
                continue;
            }
            place::replace(&to, &bytes)?;
            changed.push(name);
        }
    }
    Ok((changed, left))
}

/// Copies a directory of files and links.
fn copy_directory(from: &Path, to: &Path) -> Result<(), Error> {
    for path in place::files(from, true)? {
        let (from, to) = (from.join(&path), to.join(&path));
        let parent = to.parent().expect("it is below the directory");
        fs::create_dir_all(parent).map_err(failed("make", parent))?;
        let link = fs::read_link(&from).ok();
        match link {
            Some(target) => std::os::unix::fs::symlink(target, &to).map_err(failed("make", &to))?,
            None => copy_file(&from, &to)?,
        }
    }
    Ok(())
}

/// Copies a file that everybody may read: TFTP and HTTP serve no other.
fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(failed("copy", to))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o644)).map_err(failed("copy", to))
}

fn text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = File::open(path).map_err(failed("read", path))?;
    file.take(TEXT_MAX).read_to_string(&mut text).map_err(failed("read", path))?;
    Ok(text)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| PublishError::Io { action, path, source }.into()
}
