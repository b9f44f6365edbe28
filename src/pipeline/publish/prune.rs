//! Which generations a head has, who may still use them, and which may go.
//!
//! A node tells what it has booted by itself: the first lines of its kernel, in the head's log of it, have the
//! command line, and that names the generation. The NFS server's table of mounts (rmtab, exports(5)) tells more of it
//! for version 3, and keeps what nodes that lost power never took back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::failed;
use super::place::Place;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;

/// So much of a log's end is read; a boot writes some hundred kilobytes.
const LOG_MAX: u64 = 64 << 20;

/// A generation on a head's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its name.
    pub id: String,
    /// When it appeared, in seconds since 1970.
    pub published: u64,
    /// Booted when nobody chooses.
    pub is_now: bool,
    /// The other one of the menu.
    pub is_previous: bool,
    /// Nodes that have booted it last, as far as the head's logs and NFS server know.
    pub nodes: Vec<String>,
}

/// The generations of a head, the newest first, and the nodes of which it is not known what they run.
///
/// # Errors
/// There is no such cluster, or it cannot be read.
pub fn generations(root: &Path, name: Option<&str>) -> Result<(Vec<Generation>, Vec<String>), Error> {
    listed(&Place::find(root, name)?)
}

/// Removes generations that no node uses, but for the newest `keep`, the one in use and the previous one. Returns
/// what was removed, and the nodes of which it is not known what they run: if there are any, nothing is removed,
/// unless it is known otherwise that they may be neglected.
///
/// # Errors
/// As [`generations`], or one cannot be removed.
pub fn prune(root: &Path, name: Option<&str>, keep: usize, neglect: bool) -> Result<(Vec<String>, Vec<String>), Error> {
    let place = Place::find(root, name)?;
    let _lock = place.lock()?;
    let (generations, unknown) = listed(&place)?;
    let mut removed = Vec::new();
    if !unknown.is_empty() && !neglect {
        return Ok((removed, unknown));
    }
    for generation in generations.iter().skip(keep) {
        if generation.is_now || generation.is_previous || !generation.nodes.is_empty() {
            continue;
        }
        let exports = place.exports(&generation.id);
        let root = place.generation(&generation.id).join("root");
        if is_mounted(&root) {
            return Err(PublishError::Mounted { root, exports }.into());
        }
        match fs::remove_file(&exports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &exports)(error)),
            _ => {}
        }
        // First what it is booted by, so that nobody begins with it now. The names are those of unfinished outputs:
        // what a crash leaves of them goes with the next publication.
        for (path, gone) in [
            (place.boot(&generation.id), place.boots().join(format!(".imgbuild-{}", generation.id))),
            (place.generation(&generation.id), place.generations().join(format!(".imgbuild-{}", generation.id))),
        ] {
            if path.exists() {
                fs::rename(&path, &gone).map_err(failed("remove", &path))?;
                fs::remove_dir_all(&gone).map_err(failed("remove", &gone))?;
            }
        }
        removed.push(generation.id.clone());
    }
    Ok((removed, unknown))
}

/// Whether a directory lies on another file system than the one that it is in.
fn is_mounted(directory: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let parent = directory.parent().and_then(device);
    device(directory).is_some_and(|device| Some(device) != parent)
}

#[expect(clippy::disallowed_methods, reason = "sorted here")]
fn listed(place: &Place) -> Result<(Vec<Generation>, Vec<String>), Error> {
    let directory = place.generations();
    let mut found = Vec::new();
    let menu = place.menu();
    for entry in fs::read_dir(&directory).map_err(failed("read", &directory))? {
        let entry = entry.map_err(failed("read", &directory))?;
        let id = entry.file_name().to_string_lossy().into_owned();
        if !head::is_generation(&id) {
            continue;
        }
        let modified =
            entry.metadata().and_then(|metadata| metadata.modified()).map_err(failed("read", &entry.path()))?;
        let published = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_now = menu.as_ref().is_some_and(|menu| menu.now == id);
        let is_previous = menu.as_ref().is_some_and(|menu| menu.previous.as_deref() == Some(&id));
        found.push(Generation { id, published, is_now, is_previous, nodes: Vec::new() });
    }
    found.sort_by(|one, other| (other.published, &other.id).cmp(&(one.published, &one.id)));
    let (used, unknown) = used(place, &found);
    for generation in &mut found {
        generation.nodes = used.get(&generation.id).into_iter().flatten().cloned().collect();
    }
    Ok((found, unknown))
}

/// Generation → nodes, and the nodes that nothing is known of.
fn used(place: &Place, generations: &[Generation]) -> (BTreeMap<String, BTreeSet<String>>, Vec<String>) {
    let (mut used, mut unknown): (BTreeMap<String, BTreeSet<String>>, _) = (BTreeMap::new(), Vec::new());
    for node in &place.cluster.nodes {
        let node = &node.name;
        let directory = place.root.join("var/log").join(node);
        // The day's log, else the one before it was rotated.
        let last = ["kern", "kern.1"].iter().find_map(|name| last_boot(&tail(&directory.join(name)), generations));
        match last {
            Some(id) => drop(used.entry(id).or_default().insert(node.clone())),
            None => unknown.push(node.clone()),
        }
    }
    let mounts = tail(&place.root.join("var/lib/nfs/rmtab"));
    for line in mounts.lines() {
        let Some((client, path)) = line.split_once(':') else { continue };
        if let Some(generation) = generations.iter().find(|one| path.contains(&format!("/gen/{}/", one.id))) {
            used.entry(generation.id.clone()).or_default().insert(client.to_owned());
        }
    }
    (used, unknown)
}

/// The generation in the last command line of a kernel.
fn last_boot(log: &str, generations: &[Generation]) -> Option<String> {
    let line = log.lines().rev().find(|line| line.contains("ommand line: "))?;
    generations.iter().find(|one| line.contains(&format!("/{}/", one.id))).map(|one| one.id.clone())
}

/// The end of a text, which need not be there.
fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_MAX)))?;
        let mut bytes = Vec::new();
        file.take(LOG_MAX).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
