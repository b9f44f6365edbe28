//! Publishing: an output brought to a head's disk, beside what nodes run from, and offered to those that start.
//!
//! A generation is all that a boot depends on, and is never changed once it is there: nodes that have booted from it go
//! on, since a file that vanishes under a network root is an error there until the next boot. Its root is big and lies
//! by itself, so that generations which differ in a kernel argument share it. What nodes start with is a menu, which one
//! rename of a link replaces as a whole; until then nothing has changed for them, and at every moment a crash leaves the
//! old menu or the new one.
//!
//! ```text
//! EXPORT/gen/ROOT/            root/ if nodes mount it (of two heads for a mount), root.erofs …, tree.txt
//! EXPORT/state/NODE/          what is a node's own: made once, and never touched again
//! EXPORT/offered.json         when each generation was on the menu last
//! TFTP/NAME/GENERATION/       vmlinuz, initrd.img, generation.json, pxelinux/, grub/, ipxe/: its entries of menus
//! TFTP/NAME/menu-A-B/         the menu of generation A, with B as the previous one
//! TFTP/NAME/menu              → menu-A-B
//! TFTP/pxelinux.cfg, grub, ipxe.cfg → NAME/menu/…
//! ```
//!
//! What is there already counts as there when it is the same as in the output, not because it has the name. Nodes write
//! in `gen` and `state` (root is not squashed), so what is not whole yet lies beside those, and all that lies in them is
//! reached without links.
//!
//! * [`bundle`]: the head's files of an output. * [`contents`]: what a directory shall have. * [`place`]: where all that
//!   lies. * [`changes`]: what changes, in words. * [`prune`]: which generations may go. * [`used`]: who says so.

mod bundle;
mod changes;
mod contents;
mod place;
mod prune;
mod used;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FileType;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::error::PublishError;
use crate::format::compress;
use crate::head::Cluster;
use crate::head::Role;
use crate::host::Dir;
use crate::host::Spool;
use crate::host::Staging;
use crate::host::Verifier;
use crate::image;
use crate::image::Owners;
use crate::lint;
use crate::manifest::OutputRecord;
use crate::tree;
use crate::tree::Tree;

use super::Output;
use super::output;
use bundle::Bundle;
use contents::Contents;
use contents::Item;
use place::Place;

pub use place::Menu;
pub use prune::GRACE;
pub use prune::Generation;
pub use prune::Listed;
pub use prune::Prune;
pub use prune::Pruned;
pub use prune::Verdict;
pub use prune::generations;
pub use prune::prune;

/// Forms of the root that a directory can be made of.
const TARS: [&str; 4] = ["root.tar", "root.tar.zst", "root.tar.gz", "root.tar.xz"];
/// Roots in one file.
const IMAGES: [&str; 2] = ["root.erofs", "root.squashfs"];
/// The longest tar that is read.
const TAR_MAX: u64 = 1 << 40;
/// The longest file of a head's own that is compared.
const FILE_MAX: u64 = 64 << 20;
/// The files of the head's that others write as well.
const OTHERS: [&str; 2] = ["etc/hosts", "etc/keepalived/keepalived.conf"];
/// Whose signatures count on a head.
const KEYS: &str = "etc/imgbuild/keys";

/// How to publish.
#[derive(Clone)]
pub struct Options<'a> {
    /// Which of a cluster's heads it is for.
    pub role: Role,
    /// The output must be signed by one of these; none: by nobody, but for what the head's own keys demand.
    pub keys: &'a [&'a dyn Verifier],
    /// Whether a root that is on the head already, and is not as in the output, is taken as it is.
    pub keep_root: bool,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// Ends it.
    pub cancel: Cancel,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { role, keys, keep_root, now, cancel } = self;
        let keys: Vec<String> = keys.iter().map(|key| key.key_id()).collect();
        f.debug_struct("Options")
            .field("role", role)
            .field("keys", &keys)
            .field("keep_root", keep_root)
            .field("now", now)
            .field("cancel", cancel)
            .finish()
    }
}

impl Options<'_> {
    /// For the only or first head, whoever has signed, to its end.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self { role: Role::Head, keys: &[], keep_root: false, now, cancel: Cancel::default() }
    }
}

/// What publishing did.
#[derive(Debug)]
pub struct Published {
    /// What nodes are offered now.
    pub menu: Menu,
    /// What is other than in the generation that was offered before, for all nodes and for each, in words.
    pub changes: Vec<String>,
    /// Files of the head's that are other than before, below its root: who reads them must be told.
    pub changed: Vec<String>,
    /// Files of the head's that others have written, and that were left alone.
    pub left: Vec<String>,
    /// In which ways the root that was kept is not the output's.
    pub kept: Vec<String>,
}

/// Brings an output to a head, or to its standby, and makes it the first of the menu.
///
/// # Errors
/// The output is not what its manifest says, is not signed by who must have, has no such head, is on the wrong one,
/// nodes must not boot it, the disk, or it was cancelled; then the menu is as it was. What can be known before is said
/// before anything is written.
pub fn publish(output: &Path, root: &Path, options: &Options<'_>) -> Result<Published, Error> {
    super::cancellable(&options.cancel, || publish_all(output, root, options))
}

fn publish_all(output: &Path, root: &Path, options: &Options<'_>) -> Result<Published, Error> {
    let output = Output::verified(output, options.keys, &options.cancel)?;
    let bundle = Bundle::read(&output, options.role)?;
    let wrong = findings(&output, &bundle);
    if !wrong.is_empty() {
        return Err(PublishError::Lint(wrong).into());
    }
    check_heads_keys(&output, root)?;
    fs::create_dir_all(root).map_err(failed("make", root))?;
    let root = Dir::open(root).map_err(failed("open", root))?;
    let mut place = Place { root, cluster: bundle.cluster.clone(), cancel: options.cancel.clone() };
    place.check_links()?;
    place.check_role()?;
    check_places(&place, &bundle)?;
    let _lock = place.lock()?;
    let kept = put_root(&output, &bundle, &place, options.keep_root)?;
    let id = &place.cluster.generation;
    for directory in [place.boots(), format!("{}/state", place.export())] {
        place.root.make_dir(&directory).map_err(failed("make", &place.on_disk(&directory)))?;
    }
    place.put(&place.boot(id), &bundle.generation, Some(&output))?;
    for node in &place.cluster.nodes {
        let state = place.state(&node.name);
        place.root.make_dir(&state).map_err(failed("make", &place.on_disk(&state)))?;
    }
    options.cancel.check()?;
    // From here on it is done rather than cancelled: only this run can tell which files have changed.
    let output = output.cancelled_by(&Cancel::default());
    place.cancel = Cancel::default();
    let (changed, left) = put_files(&output, &bundle, &place)?;
    // What was published before stays the one to go back to when the same is published again.
    let before = place.menu();
    let changes = changes_since(&place, before.as_ref(), true)?;
    let previous = match before {
        Some(menu) if menu.now == *id => menu.previous,
        menu => menu.map(|menu| menu.now),
    };
    // One that somebody has removed is not offered.
    let previous = match previous {
        Some(previous) => place.record(&previous)?.map(|_| previous),
        None => None,
    };
    prune::offering(&place, options.now)?;
    let menu = place.offer(id, previous.as_deref())?;
    prune::offering(&place, options.now)?;
    Ok(Published { menu, changes, changed, left, kept })
}

/// Offers the previous generation again, or another one, first; the one in use becomes the previous.
///
/// # Errors
/// There is none, or the disk; then the menu is as it was.
pub fn rollback(root: &Path, name: Option<&str>, to: Option<&str>, now: i64) -> Result<(Menu, Vec<String>), Error> {
    let mut place = Place::find(root, name)?;
    let _lock = place.lock()?;
    let menu = place.menu().ok_or(PublishError::NoPrevious)?;
    let to = match to {
        Some(to) => to.to_owned(),
        None => menu.previous.clone().ok_or(PublishError::NoPrevious)?,
    };
    let previous = if to == menu.now { menu.previous.clone() } else { Some(menu.now.clone()) };
    prune::offering(&place, now)?;
    let offered = place.offer(&to, previous.as_deref())?;
    prune::offering(&place, now)?;
    if let Some(record) = place.record(&to)? {
        place.cluster = Cluster { role: place.cluster.role, ..record };
    }
    let changes = changes_since(&place, Some(&menu), false)?;
    Ok((offered, changes))
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
        let state = place.state(&node.name);
        let on_disk = place.on_disk(&state);
        // The node writes there: it is not followed anywhere else, and only what is a key goes on.
        let state = place.root.dir_if_any(&state).map_err(failed("read", &on_disk))?;
        let Some(directory) = state.and_then(|state| state.dir("ssh").ok()) else { continue };
        for file in directory.names().map_err(failed("read", &on_disk))? {
            if !file.to_string_lossy().ends_with(".pub") {
                continue;
            }
            let Ok(Some(key)) = directory.read_if_any(&file, place::TEXT_MAX) else { continue };
            let key = String::from_utf8_lossy(&key);
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

/// Why nodes must not boot it: what the build has found in the root, and what there is to say of the menu.
fn findings(output: &Output, bundle: &Bundle) -> Vec<String> {
    output.manifest().findings.iter().cloned().chain(lint::menu(&bundle.texts)).collect()
}

/// The keys that a head has make a signature by one of them obligatory there.
fn check_heads_keys(output: &Output, root: &Path) -> Result<(), Error> {
    let keys = heads_keys(root)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&dyn Verifier> = keys.iter().map(AsRef::as_ref).collect();
    match output.check_signature(&keys)? {
        None => Ok(()),
        Some(why) => Err(PublishError::Unsigned { path: output.path().to_owned(), keys: root.join(KEYS), why }.into()),
    }
}

/// The public keys of a head, `*.pem`.
fn heads_keys(root: &Path) -> Result<Vec<Box<dyn Verifier>>, Error> {
    let place = root.join(KEYS);
    let directory = match Dir::open(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        root => root.and_then(|root| root.dir_if_any(KEYS)).map_err(failed("read", &place))?,
    };
    let Some(directory) = directory else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    for name in directory.names().map_err(failed("read", &place))? {
        let path = place.join(&name);
        if path.extension().is_some_and(|extension| extension == "pem") {
            let text =
                directory.read_if_any(&name, place::TEXT_MAX).map_err(failed("read", &path))?.unwrap_or_default();
            keys.push(key(&path, &String::from_utf8_lossy(&text))?);
        }
    }
    Ok(keys)
}

#[cfg(feature = "sign")]
fn key(path: &Path, text: &str) -> Result<Box<dyn Verifier>, Error> {
    let key = crate::host::signing::VerifyingKey::from_pem(text);
    let key = key.map_err(|error| PublishError::Key { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Box::new(key))
}

#[cfg(not(feature = "sign"))]
fn key(path: &Path, _: &str) -> Result<Box<dyn Verifier>, Error> {
    let reason = "this build of the program checks no signatures".to_owned();
    Err(PublishError::Key { path: path.to_owned(), reason }.into())
}

/// Whether all that will be written can be, and nothing else lies there; before anything is.
fn check_places(place: &Place, bundle: &Bundle) -> Result<(), Error> {
    for path in &bundle.files {
        let on_disk = place.on_disk(path);
        let status = place.root.status_if_any(path).map_err(failed("write", &on_disk))?;
        if status.is_some_and(|status| status.kind != FileType::RegularFile) {
            return Err(PublishError::InTheWay(on_disk).into());
        }
    }
    let states = place.cluster.nodes.iter().map(|node| place.state(&node.name));
    for path in [place.roots(), place.boots()].into_iter().chain(states) {
        place.root.dir_if_any(&path).map_err(failed("write in", &place.on_disk(&path)))?;
    }
    // A root is made beside the others, where no node writes, and appears by a rename.
    let file_system = |path: &str| -> Result<Option<u64>, Error> {
        let status = place.root.status_if_any(path).map_err(failed("look at", &place.on_disk(path)))?;
        Ok(status.map(|status| status.inode.0))
    };
    match (file_system(place.export())?, file_system(&place.roots())?) {
        (Some(export), Some(roots)) if export != roots => {
            let (roots, export) = (place.on_disk(&place.roots()), place.on_disk(place.export()));
            Err(PublishError::FileSystem { roots, export }.into())
        }
        _ => Ok(()),
    }
}

/// What changes for nodes that start, beside what they were offered before.
fn changes_since(place: &Place, before: Option<&Menu>, with_table: bool) -> Result<Vec<String>, Error> {
    let Some(before) = before.filter(|menu| menu.now != place.cluster.generation) else { return Ok(Vec::new()) };
    let Some(old) = place.record(&before.now)? else { return Ok(Vec::new()) };
    let (was, is) = (place.entries(&old.generation)?.0, place.entries(&place.cluster.generation)?.0);
    let menus = changes::menus((&old, &was), (&place.cluster, &is));
    Ok(changes::changes(&old, &place.cluster, &menus, with_table))
}

/// Puts the root in place, if it is not there. Returns how one that is kept is another.
fn put_root(output: &Output, bundle: &Bundle, place: &Place, keep: bool) -> Result<Vec<String>, Error> {
    let images: Vec<&OutputRecord> =
        output.manifest().outputs.iter().filter(|record| IMAGES.contains(&record.path())).collect();
    let role = place.cluster.role;
    let is_directory = role.is_none() && is_exported(&bundle.texts, &place.cluster);
    if !is_directory && images.is_empty() {
        return Err(missing(output, "it has neither `root.erofs` nor `root.squashfs`"));
    }
    if is_directory && form(output).is_none() {
        return Err(missing(output, "it has no `root.tar`; add `tar` to the formats"));
    }
    let mut contents = Contents::default();
    let files =
        images.iter().copied().chain(output.manifest().outputs.iter().filter(|record| record.path() == "tree.txt"));
    for record in files {
        let (sha256, size) = record.content().ok_or_else(|| output.wrong(record.path(), "is no file"))?;
        contents.0.insert(record.path().to_owned(), Item::Output(record.path().to_owned(), sha256, size));
    }
    let target = place.root_of(&place.cluster.root);
    let on_disk = place.on_disk(&target);
    let text = output.text("tree.txt")?;
    // Two heads mount the image there: files of a directory have other handles on each.
    let directory = if is_directory { Directory::Root(&text) } else { Directory::of_pair(role.is_some()) };
    let wrong = root_difference(place, &target, &contents, &directory)?;
    match wrong {
        Some(wrong) if wrong.is_empty() => return Ok(wrong),
        Some(wrong) if keep => return Ok(wrong),
        // Nodes may run from what was offered to them, and nothing is changed under them.
        Some(wrong) if was_offered(place)? => return Err(PublishError::Changed { root: on_disk, wrong }.into()),
        _ => {}
    }
    for directory in [place.export().to_owned(), place.roots()] {
        place.root.make_dir(&directory).map_err(failed("make", &place.on_disk(&directory)))?;
    }
    let workshop = place.on_disk(place.export());
    let root = is_directory.then(|| read_root(output, &text, &workshop, &place.cancel)).transpose()?;
    let staging = Staging::replacing(&on_disk, &workshop)?.cancelled_by(&place.cancel);
    contents.write(Some(output), staging.path())?;
    let directory = staging.path().join("root");
    if is_directory || role.is_some() {
        fs::create_dir(&directory).map_err(failed("make", &directory))?;
    }
    if let Some(root) = root {
        image::write_directory(&root, &directory, Owners::Kept, &place.cancel)?;
    }
    staging.publish()?;
    Ok(Vec::new())
}

/// What the directory `root` of a root is.
enum Directory<'a> {
    /// What nodes mount: as in this text.
    Root(&'a str),
    /// Where an image is mounted.
    MountPoint,
    /// None: all nodes have the root in memory.
    None,
}

impl Directory<'_> {
    const fn of_pair(is_pair: bool) -> Self {
        if is_pair { Self::MountPoint } else { Self::None }
    }
}

/// How a root on the head is another than in the output; `None`: there is none.
fn root_difference(
    place: &Place,
    path: &str,
    contents: &Contents,
    directory: &Directory<'_>,
) -> Result<Option<Vec<String>>, Error> {
    let on_disk = place.on_disk(path);
    let there = match place.root.dir_if_any(path) {
        Ok(None) => return Ok(None),
        Ok(Some(there)) => there,
        // Something else lies there, which is none that was ever offered.
        Err(error) => return Ok(Some(vec![error.to_string()])),
    };
    let mut wrong: Vec<String> =
        contents.difference(&there, &["root"], &place.cancel).map_err(failed("read", &on_disk))?.into_iter().collect();
    let root = there.status_if_any("root").map_err(failed("look at", &on_disk))?;
    let is_directory = root.is_some_and(|status| status.kind == FileType::Directory);
    match directory {
        Directory::None if root.is_some() => wrong.push("`root` is there".to_owned()),
        Directory::None => {}
        _ if !is_directory => wrong.push("`root` is no directory".to_owned()),
        Directory::MountPoint => {
            let is_mounted = root.map(|root| root.inode.0) != there.status("").ok().map(|status| status.inode.0);
            let is_empty =
                there.dir("root").and_then(|root| root.names()).map_err(failed("read", &on_disk))?.is_empty();
            wrong.extend((!is_mounted && !is_empty).then(|| "`root` is not empty".to_owned()));
        }
        Directory::Root(text) => {
            let root = there.dir("root").map_err(failed("read", &on_disk))?;
            let mut different = output::Wrong::default();
            for (path, how) in output::tree_differences(&root, text, &place.cancel)? {
                different.say_of(&format!("root{path}"), &how);
            }
            wrong.extend(different.told());
        }
    }
    Ok(Some(wrong))
}

/// Whether a generation with this root is on the head.
fn was_offered(place: &Place) -> Result<bool, Error> {
    for id in place.generations_in(&place.boots())? {
        if place.record(&id)?.is_some_and(|record| record.root == place.cluster.root) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a node mounts a root over NFS: if none does, all have it in one file.
fn is_exported(head: &BTreeMap<String, String>, cluster: &Cluster) -> bool {
    let exports = head.iter().filter(|(path, _)| path.starts_with("etc/exports.d/"));
    let generations = format!("{}/gen ", cluster.export);
    exports.flat_map(|(_, text)| text.lines()).any(|line| line.starts_with(&generations))
}

fn missing(output: &Output, reason: &str) -> Error {
    PublishError::Output { path: output.path().to_owned(), reason: reason.to_owned() }.into()
}

/// The output that the root's directory is made of.
fn form(output: &Output) -> Option<&OutputRecord> {
    let outputs = &output.manifest().outputs;
    let tar = outputs.iter().find(|record| TARS.contains(&record.path()));
    tar.or_else(|| outputs.iter().find(|record| matches!(record, OutputRecord::Tree { .. })))
}

/// The root's tree, which is the one of the text; the bytes of its files are kept on the file system of `disk`.
fn read_root(output: &Output, text: &str, disk: &Path, cancel: &Cancel) -> Result<Tree, Error> {
    let mut spool = Spool::new_in(disk).map_err(failed("write in", disk))?;
    let mut keep = |bytes: &mut dyn Read, _: u64| spool.keep(bytes);
    let path = form(output).map_or("root", OutputRecord::path);
    let read = match output.root_directory()? {
        Some((directory, lines)) if !TARS.contains(&path) => {
            image::read_directory(&directory, lines, &mut keep, cancel)?
        }
        _ => output.through(path, |bytes| {
            let on_disk = || output.path().join(path);
            let mut input = BufReader::with_capacity(1 << 20, bytes);
            let start = io::BufRead::fill_buf(&mut input).map_err(failed("read", &on_disk()))?;
            let kind = compress::sniff(start);
            let input = compress::decoder(kind, input, compress::Allowance::new(TAR_MAX))
                .map_err(failed("read", &on_disk()))?;
            let root = |source| PublishError::Root { path: on_disk(), source };
            Ok(tree::tar::read(cancel.reader(input), &mut keep).map_err(root)?)
        })?,
    };
    spool.finish().map_err(failed("write in", disk))?;
    match output::differences(text, &read).first() {
        None => Ok(read),
        Some((below, how)) => Err(output.wrong(&format!("{path}{below}"), how)),
    }
}

/// The head's own files, and the boot loaders. Those that are as they shall be are not touched.
fn put_files(output: &Output, bundle: &Bundle, place: &Place) -> Result<(Vec<String>, Vec<String>), Error> {
    let (mut changed, mut left) = (Vec::new(), Vec::new());
    for path in &bundle.files {
        let bytes = output.read(&bundle.in_output(path))?;
        let on_disk: PathBuf = place.on_disk(path);
        let status = place.root.status_if_any(path).map_err(failed("look at", &on_disk))?;
        // A long file is none of ours.
        let there = match status {
            Some(status) if status.size <= FILE_MAX => {
                place.root.read_if_any(path, FILE_MAX).map_err(failed("read", &on_disk))?
            }
            _ => None,
        };
        let is_readable = status.is_some_and(|status| status.mode & 0o444 == 0o444);
        if there.as_ref() == Some(&bytes) && is_readable {
            continue;
        }
        let ours = |text: &[u8]| text.starts_with(b"# Generated by imgbuild from recipe ");
        if OTHERS.contains(&path.as_str()) && status.is_some() && !there.is_some_and(|text| ours(&text)) {
            left.push(path.clone());
            continue;
        }
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        let put = place.root.make_dir(parent).and_then(|_| place.root.replace(path, &bytes));
        put.map_err(failed("write", &on_disk))?;
        changed.push(path.clone());
    }
    Ok((changed, left))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| PublishError::Io { action, path, source }.into()
}
