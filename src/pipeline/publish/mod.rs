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
//! EXPORT/site/NODE/           what a node takes while it runs, see `site`
//! EXPORT/offered.json         when each generation was on the menu last
//! TFTP/NAME/GENERATION/       vmlinuz, initrd.img, generation.json, pxelinux/, grub/, ipxe/: its entries of menus
//! TFTP/imgbuild/menu-DIGEST/  the menu of all clusters, each with one or two generations: menu.json says which
//! TFTP/imgbuild/menu          → menu-DIGEST
//! TFTP/pxelinux.cfg, grub, ipxe.cfg → imgbuild/menu/…
//! /etc/imgbuild/NAME.json     what a cluster has left of itself: the files that all share are made of these
//! ```
//!
//! NAME is a recipe's, or `RECIPE.IMAGE` where it has several images: each of those is a cluster with generations of its
//! own. Several recipes go on one head when they describe it in the same way and share no name, card or address.
//!
//! What is there already counts as there when it is the same as in the output, not because it has the name. Nodes write
//! in `gen` and `state` (root is not squashed), so what is not whole yet lies beside those, and all that lies in them is
//! reached without links.
//!
//! * [`bundle`]: the head's files of an output. * [`clusters`]: what else the head has. * [`files`]: its own. * [`contents`]: what a directory shall have. * [`place`]: where all that
//!   lies. * [`site`]: what nodes take while they run. * [`changes`]: what changes, in words. * [`prune`]: which generations may go. * [`used`]: who says so.

mod bundle;
mod changes;
mod clusters;
mod contents;
mod files;
mod place;
mod prune;
mod site;
mod used;

use std::fs;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

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
use crate::recipe::RootMode;
use crate::tree;
use crate::tree::Tree;

use super::Output;
use super::output;
use bundle::Bundle;
use clusters::Clusters;
use contents::Contents;
use contents::Item;
use place::Place;

pub use crate::head::Offered;
pub use prune::GRACE;
pub use prune::Generation;
pub use prune::Listed;
pub use prune::Prune;
pub use prune::Pruned;
pub use prune::Verdict;
pub use prune::generations;
pub use prune::prune;
pub use site::SitePublished;
pub use site::site;

/// Forms of the root that a directory can be made of.
const TARS: [&str; 4] = ["root.tar", "root.tar.zst", "root.tar.gz", "root.tar.xz"];
/// Roots in one file.
const IMAGES: [&str; 2] = ["root.erofs", "root.squashfs"];
/// The longest tar that is read.
const TAR_MAX: u64 = 1 << 40;
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
    /// Whether machines in no table boot this from now on, also where another recipe was theirs.
    pub machines: bool,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// Ends it.
    pub cancel: Cancel,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { role, keys, keep_root, machines, now, cancel } = self;
        let keys: Vec<String> = keys.iter().map(|key| key.key_id()).collect();
        f.debug_struct("Options")
            .field("role", role)
            .field("keys", &keys)
            .field("keep_root", keep_root)
            .field("machines", machines)
            .field("now", now)
            .field("cancel", cancel)
            .finish()
    }
}

impl Options<'_> {
    /// For the only or first head, whoever has signed, to its end.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self { role: Role::Head, keys: &[], keep_root: false, machines: false, now, cancel: Cancel::default() }
    }
}

/// What publishing did to one image.
#[derive(Debug)]
#[non_exhaustive]
pub struct PublishedImage {
    /// What it is called on the head.
    pub cluster: String,
    /// What its nodes are offered now.
    pub offered: Offered,
    /// What is other than in the generation that was offered before, for all nodes and for each, in words.
    pub changes: Vec<String>,
    /// In which ways the root that was kept is not the output's.
    pub kept: Vec<String>,
}

/// What publishing did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Published {
    /// Each image of the output.
    pub images: Vec<PublishedImage>,
    /// The cluster whose menu machines get that are in no table, where it is none of these.
    pub machines: Option<String>,
    /// Files of the head's that are other than before, below its root: who reads them must be told.
    pub changed: Vec<String>,
    /// Files of the head's that others have written, and that were left alone.
    pub left: Vec<String>,
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
    let root = Arc::new(Dir::open(root).map_err(failed("open", root))?);
    let images: Vec<Image<'_>> = bundle.images.iter().map(|image| Image::of(image, &root, &options.cancel)).collect();
    let first = &images.first().expect("a bundle has an image").place;
    first.check_links()?;
    check_places(&images, &bundle, &Clusters::of_head(&root, &bundle)?)?;
    let _lock = first.lock()?;
    // Another recipe may have come until now; from here on none does.
    let clusters = Clusters::of_head(&root, &bundle)?;
    let kept: Vec<Vec<String>> =
        images.iter().map(|image| bring(&output, image, options.keep_root)).collect::<Result<_, _>>()?;
    options.cancel.check()?;
    // From here on it is done rather than cancelled: only this run can tell which files have changed.
    let output = output.cancelled_by(&Cancel::default());
    let places: Vec<Place> =
        images.into_iter().map(|image| Place { cancel: Cancel::default(), ..image.place }).collect();
    let (changed, left) = files::put(&output, &bundle, &clusters, &places[0])?;
    site::follow(&places[0].root, &clusters)?;
    let before = places[0].whole_menu()?;
    let mut menu = clusters.menu(&before, &bundle, options.machines);
    let mut images = Vec::new();
    for (place, kept) in places.iter().zip(kept) {
        let cluster = place.cluster.name.clone();
        let before = before.clusters.get(&cluster);
        let changes = changes_since(place, before, true)?;
        let offered = offer_of(place, before)?;
        menu.clusters.insert(cluster.clone(), offered.clone());
        images.push(PublishedImage { cluster, offered, changes, kept });
    }
    places.iter().try_for_each(|place| prune::offering(place, options.now))?;
    places[0].offer(&menu)?;
    places.iter().try_for_each(|place| prune::offering(place, options.now))?;
    let machines = images.iter().all(|image| image.cluster != menu.machines).then_some(menu.machines);
    Ok(Published { images, machines, changed, left })
}

/// Puts in place what an image is, beside all that is there. Returns how a root that is kept is another.
fn bring(output: &Output, Image { place, generation }: &Image<'_>, keep_root: bool) -> Result<Vec<String>, Error> {
    let kept = put_root(output, place, keep_root)?;
    for directory in [place.boots(), place.export()] {
        place.root.make_dir(&directory).map_err(failed("make", &place.on_disk(&directory)))?;
    }
    place.put(&place.boot(&place.cluster.generation), generation, Some(output))?;
    for node in &place.cluster.nodes {
        let state = place.state(&node.node.name);
        place.root.make_dir(&state).map_err(failed("make", &place.on_disk(&state)))?;
    }
    Ok(kept)
}

/// An image on its way to a head.
struct Image<'a> {
    place: Place,
    /// What lies in its generation's own directory.
    generation: &'a Contents,
}

impl<'a> Image<'a> {
    fn of((cluster, generation): &'a (Cluster, Contents), root: &Arc<Dir>, cancel: &Cancel) -> Self {
        let place = Place { root: Arc::clone(root), cluster: cluster.clone(), cancel: cancel.clone() };
        Self { place, generation }
    }
}

/// What nodes of an image are offered when it is published: what was published before stays the one to go back to,
/// also when the same is published again.
fn offer_of(place: &Place, before: Option<&Offered>) -> Result<Offered, Error> {
    let now = place.cluster.generation.clone();
    place.check_generation(&now)?;
    let previous = match before {
        Some(offered) if offered.now == now => offered.previous.clone(),
        offered => offered.map(|offered| offered.now.clone()),
    };
    // One that somebody has removed is not offered.
    let previous = match previous {
        Some(previous) => place.check_generation(&previous).is_ok().then_some(previous),
        None => None,
    };
    Ok(Offered { now, previous })
}

/// Offers the previous generation again, or another one, first; the one in use becomes the previous.
///
/// # Errors
/// There is none, or the disk; then the menu is as it was.
pub fn rollback(
    root: &Path,
    name: Option<&str>,
    to: Option<&str>,
    now_in_seconds: i64,
) -> Result<(Offered, Vec<String>), Error> {
    let mut place = Place::find(root, name)?;
    let _lock = place.lock()?;
    let mut menu = place.whole_menu()?;
    let name = place.cluster.name.clone();
    let before = menu.clusters.get(&name).cloned().ok_or(PublishError::NoPrevious)?;
    let now = match to {
        Some(to) => to.to_owned(),
        None => before.previous.clone().ok_or(PublishError::NoPrevious)?,
    };
    let previous = if now == before.now { before.previous.clone() } else { Some(before.now.clone()) };
    let offered = Offered { now, previous };
    for id in [Some(&offered.now), offered.previous.as_ref()].into_iter().flatten() {
        place.check_generation(id)?;
    }
    menu.clusters.insert(name, offered.clone());
    prune::offering(&place, now_in_seconds)?;
    place.offer(&menu)?;
    prune::offering(&place, now_in_seconds)?;
    if let Some(record) = place.record(&offered.now)? {
        place.cluster = Cluster { role: place.cluster.role, ..record };
    }
    let changes = changes_since(&place, Some(&before), false)?;
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
        let mut names: Vec<String> = node.names().cloned().collect();
        names.push(node.node.address.to_string());
        let state = place.state(&node.node.name);
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
fn check_places(images: &[Image<'_>], bundle: &Bundle, clusters: &Clusters) -> Result<(), Error> {
    let place = &images[0].place;
    let kinds = bundle.files.iter().chain(clusters.files.keys()).map(|path| (path, FileType::RegularFile));
    for (path, kind) in kinds.chain(bundle.links.keys().map(|path| (path, FileType::Symlink))) {
        let on_disk = place.on_disk(path);
        let status = place.root.status_if_any(path).map_err(failed("write", &on_disk))?;
        if status.is_some_and(|status| status.kind != kind) {
            return Err(PublishError::InTheWay(on_disk).into());
        }
    }
    // A root is made beside the others, where no node writes, and appears by a rename.
    let file_system = |path: &str| -> Result<Option<u64>, Error> {
        let status = place.root.status_if_any(path).map_err(failed("look at", &place.on_disk(path)))?;
        Ok(status.map(|status| status.inode.0))
    };
    for Image { place, .. } in images {
        let states = place.cluster.nodes.iter().map(|node| place.state(&node.node.name));
        for path in [place.roots(), place.boots()].into_iter().chain(states) {
            place.root.dir_if_any(&path).map_err(failed("write in", &place.on_disk(&path)))?;
        }
        match (file_system(&place.export())?, file_system(&place.roots())?) {
            (Some(export), Some(roots)) if export != roots => {
                let (roots, export) = (place.on_disk(&place.roots()), place.on_disk(&place.export()));
                return Err(PublishError::FileSystem { roots, export }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// What changes for nodes that start, beside what they were offered before.
fn changes_since(place: &Place, before: Option<&Offered>, with_table: bool) -> Result<Vec<String>, Error> {
    let Some(before) = before.filter(|offered| offered.now != place.cluster.generation) else { return Ok(Vec::new()) };
    let Some(old) = place.record(&before.now)? else { return Ok(Vec::new()) };
    let (was, is) = (place.entries(&old.generation)?.0, place.entries(&place.cluster.generation)?.0);
    let menus = changes::menus((&old, &was), (&place.cluster, &is));
    Ok(changes::changes(&old, &place.cluster, &menus, with_table))
}

/// Puts the root in place, if it is not there. Returns how one that is kept is another.
fn put_root(output: &Output, place: &Place, keep: bool) -> Result<Vec<String>, Error> {
    let below = place.cluster.image.as_ref().map_or_else(String::new, |image| format!("{image}/"));
    let records = || {
        let all = output.manifest().outputs.iter();
        all.filter_map(|record| Some((record.path().strip_prefix(&below)?, record)))
    };
    let images: Vec<_> = records().filter(|(name, _)| IMAGES.contains(name)).collect();
    let role = place.cluster.role;
    // If no node mounts one, all have it in one file.
    let mounts = [RootMode::Nfs, RootMode::Overlay].into_iter().any(|mode| place.cluster.has_root(mode));
    let is_directory = role.is_none() && mounts;
    if !is_directory && images.is_empty() {
        return Err(missing(output, &format!("it has neither `{below}root.erofs` nor `{below}root.squashfs`")));
    }
    if is_directory && form(output, &below).is_none() {
        return Err(missing(output, &format!("it has no `{below}root.tar`; add `tar` to the formats")));
    }
    let mut contents = Contents::default();
    for (name, record) in images.iter().copied().chain(records().filter(|(name, _)| *name == "tree.txt")) {
        let (sha256, size) = record.content().ok_or_else(|| output.wrong(record.path(), "is no file"))?;
        contents.0.insert(name.to_owned(), Item::Output(record.path().to_owned(), sha256, size));
    }
    let target = place.root_of(&place.cluster.root);
    let on_disk = place.on_disk(&target);
    let text = output.text(&format!("{below}tree.txt"))?;
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
    for directory in [place.export(), place.roots()] {
        place.root.make_dir(&directory).map_err(failed("make", &place.on_disk(&directory)))?;
    }
    let workshop = place.on_disk(&place.export());
    let root = is_directory.then(|| read_root(output, &below, &text, &workshop, &place.cancel)).transpose()?;
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

fn missing(output: &Output, reason: &str) -> Error {
    PublishError::Output { path: output.path().to_owned(), reason: reason.to_owned() }.into()
}

/// The output that the root's directory is made of, among those of an image.
fn form<'a>(output: &'a Output, below: &str) -> Option<&'a OutputRecord> {
    let is = |record: &&OutputRecord, names: &[&str]| {
        record.path().strip_prefix(below).is_some_and(|name| names.contains(&name))
    };
    let outputs = &output.manifest().outputs;
    let tar = outputs.iter().find(|record| is(record, &TARS));
    tar.or_else(|| outputs.iter().find(|record| matches!(record, OutputRecord::Tree { .. }) && is(record, &["root"])))
}

/// The root's tree, which is the one of the text; the bytes of its files are kept on the file system of `disk`.
fn read_root(output: &Output, below: &str, text: &str, disk: &Path, cancel: &Cancel) -> Result<Tree, Error> {
    let mut spool = Spool::new_in(disk).map_err(failed("write in", disk))?;
    let mut keep = |bytes: &mut dyn Read, _: u64| spool.keep(bytes);
    let record = form(output, below);
    let path = record.map_or("root", OutputRecord::path);
    let read = match output.root_directory(below)? {
        Some((directory, lines)) if matches!(record, Some(OutputRecord::Tree { .. })) => {
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

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| PublishError::Io { action, path, source }.into()
}
