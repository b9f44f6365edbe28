//! What nodes take from the head while they run, brought to where each of them alone can reach it: `head::site` says where.
//!
//! All nodes' versions are brought to the disk before the first link is changed, so that a node has an old version or a
//! new one whenever this ends. What is the same for many is on the disk once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::clusters::Clusters;
use super::failed;
use super::place;
use super::place::Place;
use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;
use crate::head::Cluster;
use crate::head::SITE_INDEX as INDEX;
use crate::head::SITE_NOW as NOW;
use crate::head::SiteFiles;
use crate::host::Dir;
use crate::host::fault::Faulty;
use crate::host::fault::at;
use crate::recipe;
use crate::recipe::HOSTS;
use crate::recipe::RootMode;

/// What is being made.
const NEW: &str = ".new";

/// What publishing a site did.
#[derive(Debug)]
#[non_exhaustive]
pub struct SitePublished {
    /// What is other than before, in words, and for which nodes.
    pub changes: Vec<(String, Vec<String>)>,
    /// Nodes of the recipe that the head does not know: they get theirs when an output with them is published.
    pub unpublished: Vec<String>,
}

/// Brings the files of a recipe's `[[site]]` to the head that its output was published on. Nodes take them by themselves.
///
/// # Errors
/// The recipe, one of its files or templates is wrong, the head has no output of it, a node cannot take a file, or the
/// disk; then every node still has what it had.
pub fn site(path: &Path, root: &Path) -> Result<SitePublished, Error> {
    let recipe = recipe::load_with_site(path)?;
    let refused = |reason: String| Error::from(PublishError::Site { path: path.to_owned(), reason });
    let Some(head) = &recipe.head else { return Err(refused("it has no `[head]`".to_owned())) };
    let files = SiteFiles::of_recipe(&recipe).map_err(|error| refused(error.to_string()))?;
    let root = Arc::new(Dir::open(root).map_err(failed("open", root))?);
    let places = places(&root, &recipe.name)?;
    if let Some(other) = places.iter().find(|place| place.cluster.head.export != head.export) {
        let export = &other.cluster.head.export;
        return Err(refused(format!("its head has the export `{export}`; publish an output of it first")));
    }
    check_shared_roots(&places, &files).map_err(refused)?;
    let _lock = places[0].lock()?;
    // Another recipe may have come until now.
    let clusters = place::clusters(&root)?;
    let own = || clusters.iter().filter(|cluster| cluster.recipe == recipe.name);
    let published: BTreeSet<&String> = own().flat_map(|cluster| &cluster.nodes).map(|node| &node.node.name).collect();
    let mut wanted = files;
    for node in &published {
        wanted.entry((*node).clone()).or_default();
    }
    let hosts = hosts(&head::shared(&clusters));
    wanted.values_mut().for_each(|files| files.put_hosts(&hosts));
    let unpublished = recipe.nodes.iter().map(|node| &node.name).filter(|name| !published.contains(name));
    let unpublished = unpublished.cloned().collect();
    Ok(SitePublished { changes: put(&places[0], wanted, false)?, unpublished })
}

/// Gives the nodes of all clusters the names that there are now, beside what they have; nodes that are gone have nothing
/// any more.
pub(super) fn follow(root: &Arc<Dir>, clusters: &Clusters) -> Result<(), Error> {
    let hosts = hosts(&clusters.files);
    let mut by_export: BTreeMap<&str, Vec<&Cluster>> = BTreeMap::new();
    clusters.all.iter().for_each(|cluster| by_export.entry(&cluster.head.export).or_default().push(cluster));
    for clusters in by_export.values() {
        let place = Place { root: Arc::clone(root), cluster: clusters[0].clone(), cancel: Cancel::default() };
        let site = directory(&place)?;
        let mut wanted = BTreeMap::new();
        for node in clusters.iter().flat_map(|cluster| &cluster.nodes) {
            let mut files = offered(&site, &node.node.name)?.map(|(_, files)| files).unwrap_or_default();
            files.put_hosts(&hosts);
            wanted.insert(node.node.name.clone(), files);
        }
        put(&place, wanted, true)?;
    }
    Ok(())
}

fn hosts(files: &BTreeMap<String, String>) -> Arc<[u8]> {
    files.get(HOSTS.trim_start_matches('/')).map(|text| text.as_bytes().into()).unwrap_or_default()
}

/// Where the clusters of a recipe lie on a head.
fn places(root: &Arc<Dir>, recipe: &str) -> Result<Vec<Place>, Error> {
    let found = place::clusters(root)?;
    let known: Vec<String> = found.iter().map(|cluster| cluster.name.clone()).collect();
    let own = found.into_iter().filter(|cluster| cluster.recipe == recipe);
    let places: Vec<Place> =
        own.map(|cluster| Place { root: Arc::clone(root), cluster, cancel: Cancel::default() }).collect();
    if places.is_empty() {
        let wanted = format!("an output of recipe `{recipe}`");
        return Err(PublishError::NoCluster { root: root.path().to_owned(), wanted, known }.into());
    }
    Ok(places)
}

/// Whether nodes that write to one root can take their own files: each takes the place of one that the root has.
fn check_shared_roots(places: &[Place], files: &BTreeMap<String, SiteFiles>) -> Result<(), String> {
    for place in places {
        let shared = place.cluster.nodes.iter().filter(|node| node.root == RootMode::Nfs);
        let Ok(Some(root)) = place.root.dir_if_any(format!("{}/root", place.root_of(&place.cluster.root))) else {
            continue;
        };
        for (node, files) in shared.filter_map(|node| Some((&node.node.name, files.get(&node.node.name)?))) {
            let is_there = |path: &&String| {
                let status = root.status_if_any(path.trim_start_matches('/')).ok().flatten();
                status.is_some_and(|status| status.kind == rustix::fs::FileType::RegularFile)
            };
            if let Some(path) = files.0.keys().find(|path| !is_there(path)) {
                return Err(format!(
                    "node `{node}` cannot take `{path}`: its root is other nodes' as well, and has no file there for \
                     this one to take the place of; put an empty one into the image by `[[overlay]]`, or give the node \
                     `root = \"overlay\"`"
                ));
            }
        }
    }
    Ok(())
}

/// The directory of all nodes' files; nobody but root reads them on the head itself.
fn directory(place: &Place) -> Result<PathBuf, Error> {
    let site = place.site();
    let on_disk = place.on_disk(&site);
    // From here on nobody writes but who publishes: nodes mount it read-only.
    place.root.make_dir(&site).map_err(failed("make", &on_disk))?;
    fs::set_permissions(&on_disk, Permissions::from_mode(0o700)).map_err(failed("make", &on_disk))?;
    Ok(on_disk)
}

/// The version that a node gets, and what is in it; `None`: none yet, or nothing that could be used.
fn offered(site: &Path, node: &str) -> Result<Option<(String, SiteFiles)>, Error> {
    let directory = site.join(node);
    let Ok(version) = fs::read_link(directory.join(NOW)) else { return Ok(None) };
    let Some(version) = version.to_str().filter(|version| head::is_generation(version)) else { return Ok(None) };
    let index = match fs::read_to_string(directory.join(version).join(INDEX)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        index => index.map_err(failed("read", &directory))?,
    };
    Ok((SiteFiles::version(&index) == version)
        .then(|| SiteFiles::parse(&index))
        .flatten()
        .map(|files| (version.to_owned(), files)))
}

/// Gives nodes these files; with `only`, those alone: what is there of others is removed. Returns what is other than
/// before.
fn put(place: &Place, wanted: BTreeMap<String, SiteFiles>, only: bool) -> Result<Vec<(String, Vec<String>)>, Error> {
    let site = directory(place)?;
    let mut shop = Shop::open(&site)?;
    let (mut all, mut new, mut changes) = (Vec::new(), Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for (node, files) in &wanted {
        let index = files.index();
        let version = SiteFiles::version(&index);
        let before = offered(&site, node)?;
        let directory = site.join(node);
        all.push((directory.clone(), version.clone()));
        if before.as_ref().is_some_and(|(before, _)| *before == version)
            && shop.is_whole(&directory.join(&version), files)
        {
            continue;
        }
        make_private(&directory)?;
        shop.make(&directory, before.as_ref().map(|(version, _)| version.as_str()), &version, (files, &index))?;
        let words = words(&before.map(|(_, files)| files).unwrap_or_default(), files);
        changes.entry(words).or_default().push(node.clone());
        new.push((directory, version));
    }
    // Thousands of files one by one would take longer than all at once.
    let handle = File::open(&site).map_err(failed("open", &site))?;
    let synced = at("synchronise").and_then(|()| rustix::fs::syncfs(&handle).map_err(io::Error::from));
    synced.map_err(failed("synchronise", &site))?;
    for (directory, version) in &new {
        let link = directory.join(NEW);
        let linked = remove(&link).and_then(|()| at("link")).and_then(|()| std::os::unix::fs::symlink(version, &link));
        linked.and_then(|()| rename(&link, &directory.join(NOW))).map_err(failed("publish", directory))?;
    }
    // What was withdrawn does not stay behind, also where the last time did not come so far.
    for (directory, version) in &all {
        for name in names(directory)?.into_iter().filter(|name| name != NOW && name != version) {
            remove(&directory.join(name)).map_err(failed("remove", directory))?;
        }
    }
    shop.close()?;
    if only {
        for name in names(&site)?.into_iter().filter(|name| !wanted.contains_key(name)) {
            let gone = site.join(name);
            remove(&gone).map_err(failed("remove", &gone))?;
        }
    }
    at("synchronise").and_then(|()| handle.sync_all()).map_err(failed("synchronise", &site))?;
    Ok(changes.into_iter().collect())
}

/// How a node's files are other than before.
fn words(before: &SiteFiles, after: &SiteFiles) -> String {
    let mut words = Vec::new();
    for (path, file) in &after.0 {
        match before.0.get(path) {
            None => words.push(format!("new {path}")),
            Some(was) if (was.sha256, &was.attributes) != (file.sha256, &file.attributes) => {
                words.push(format!("changed {path}"));
            }
            Some(_) => {}
        }
    }
    let gone = before.0.keys().filter(|path| !after.0.contains_key(*path));
    words.extend(gone.map(|path| format!("withdrawn {path}")));
    if words.is_empty() { "whole again".to_owned() } else { words.join(", ") }
}

/// Where files are written once, whoever gets them.
struct Shop {
    directory: PathBuf,
    /// Files that were looked at: their inodes, and what is in them.
    known: BTreeMap<(u64, u64), Sha256>,
}

impl Shop {
    fn open(site: &Path) -> Result<Self, Error> {
        let directory = site.join(NEW);
        remove(&directory).map_err(failed("remove", &directory))?;
        make_private(&directory)?;
        Ok(Self { directory, known: BTreeMap::new() })
    }

    fn close(self) -> Result<(), Error> {
        remove(&self.directory).map_err(failed("remove", &self.directory))
    }

    /// Whether a version has all that it shall have.
    fn is_whole(&mut self, version: &Path, files: &SiteFiles) -> bool {
        files.digests().iter().all(|sha256| self.holds(&version.join(sha256.to_string()), sha256).unwrap_or(false))
    }

    fn holds(&mut self, path: &Path, sha256: &Sha256) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let inode = (metadata.dev(), metadata.ino());
        if let Some(known) = self.known.get(&inode) {
            return Ok(known == sha256);
        }
        let (found, _) = Sha256::of_reader(&mut file)?;
        self.known.insert(inode, found);
        Ok(found == *sha256)
    }

    /// Makes a version of a node's, of which nothing can be seen before it is whole.
    fn make(
        &self,
        node: &Path,
        before: Option<&str>,
        version: &str,
        (files, index): (&SiteFiles, &str),
    ) -> Result<(), Error> {
        let (unfinished, finished) = (node.join(format!(".{version}")), node.join(version));
        remove(&unfinished).map_err(failed("remove", &unfinished))?;
        make_private(&unfinished)?;
        for file in files.0.values() {
            let name = file.sha256.to_string();
            let target = unfinished.join(&name);
            if target.exists() {
                continue;
            }
            let source = match (&file.bytes, before) {
                (Some(bytes), _) => self.write(&name, bytes)?,
                (None, Some(before)) => node.join(before).join(&name),
                (None, None) => return Err(failed("read", &target)(io::ErrorKind::NotFound.into())),
            };
            at("link").and_then(|()| fs::hard_link(&source, &target)).map_err(failed("write", &target))?;
        }
        write(&unfinished.join(INDEX), index.as_bytes())?;
        remove(&finished).map_err(failed("remove", &finished))?;
        rename(&unfinished, &finished).map_err(failed("write", &finished))
    }

    /// A file that the links are made of, written when the first is wanted.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.directory.join(name);
        if !path.exists() {
            write(&path, bytes)?;
        }
        Ok(path)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let open = at("make").and_then(|()| File::options().write(true).create_new(true).mode(0o600).open(path));
    open.and_then(|file| Faulty(file).write_all(bytes)).map_err(failed("write", path))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    at("rename")?;
    fs::rename(from, to)
}

fn make_private(path: &Path) -> Result<(), Error> {
    let made = at("make").and_then(|()| DirBuilder::new().mode(0o700).recursive(true).create(path));
    made.map_err(failed("make", path))
}

fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let names = Dir::open(directory).and_then(|directory| directory.names()).map_err(failed("read", directory))?;
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
}

/// Removes whatever lies there, if anything does.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => at("remove").and_then(|()| fs::remove_dir_all(path)),
        Ok(_) => at("remove").and_then(|()| fs::remove_file(path)),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
