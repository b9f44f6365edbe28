//! Which generations a head has, and which may go.
//!
//! One goes when nothing speaks for it: it is not on the menu and was not for a time of grace, it is not among the
//! newest, and nobody uses its root ([`used`](super::used)). Each reason is told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::failed;
use super::place::CLUSTERS;
use super::place::Place;
use super::place::TEXT_MAX;
use super::used;
use super::used::Uses;
use crate::deb::date;
use crate::error::Error;
use crate::head;
use crate::head::Cluster;
use crate::head::IMAGES;

const DAY: i64 = 24 * 60 * 60;
/// A generation that was on the menu so long ago, in seconds, may go: by then a node that began with it has its root.
pub const GRACE: i64 = 14 * DAY;
/// So long after it left the menu the log of a node that has no lease speaks for a generation.
const HINT: i64 = 90 * DAY;
/// When each generation was on the menu last, below the export: in a place that no node sees.
const OFFERED: &str = "offered.json";

/// A generation on a head's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its name.
    pub id: String,
    /// The root that it has.
    pub root: String,
    /// When it appeared, in seconds since 1970.
    pub published: i64,
    /// Booted when nobody chooses.
    pub is_now: bool,
    /// The other one of the menu.
    pub is_previous: bool,
    /// Nodes that have its root mounted, or whose log says that they have booted it last.
    pub nodes: Vec<String>,
}

/// The generations of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The newest first.
    pub generations: Vec<Generation>,
    /// Nodes of which it is not known what they run, and whatever else cannot be told.
    pub unknown: Vec<String>,
}

/// What to remove.
#[derive(Debug, Clone, Copy)]
pub struct Prune {
    /// So many of the newest stay in any case.
    pub keep: usize,
    /// So long, in seconds, one stays after it was on the menu; [`GRACE`].
    pub grace: i64,
    /// Whether to go on although it cannot be told of everybody what he uses.
    pub force: bool,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// What became of a generation or a root, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// `generation` or `root`.
    pub what: &'static str,
    /// Its name.
    pub id: String,
    /// Whether it is gone.
    pub removed: bool,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// What [`prune`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Of each generation, and of roots that no generation has any more.
    pub verdicts: Vec<Verdict>,
    /// As [`Listed::unknown`]; if there is anything, nothing was removed unless by force.
    pub unknown: Vec<String>,
}

/// The generations of a head, the newest first.
///
/// # Errors
/// There is no such cluster, or it cannot be read.
pub fn generations(root: &Path, name: Option<&str>, now: i64) -> Result<Listed, Error> {
    let place = Place::find(root, name)?;
    let found = Found::look(&place, now)?;
    let mut generations = found.generations;
    for generation in &mut generations {
        let mut nodes = found.uses.hints.get(&generation.id).cloned().unwrap_or_default();
        let of_root = found.uses.clients.get(&generation.root).into_iter().flatten();
        // Of several generations with one root a node's own word says which.
        let is_elsewhere =
            |node: &&String| found.uses.hints.iter().any(|(id, nodes)| *id != generation.id && nodes.contains(*node));
        nodes.extend(of_root.filter(|node| !is_elsewhere(node)).cloned());
        generation.nodes = nodes.into_iter().collect();
    }
    Ok(Listed { generations, unknown: found.uses.unknown })
}

/// Removes generations that nothing speaks for, and roots that no generation has any more and nobody uses.
///
/// # Errors
/// As [`generations`], or one cannot be removed.
pub fn prune(root: &Path, name: Option<&str>, options: &Prune) -> Result<Pruned, Error> {
    let place = Place::find(root, name)?;
    let _lock = place.lock()?;
    let found = Found::look(&place, options.now)?;
    let offered = offered(&place)?;
    let may_remove = found.uses.unknown.is_empty() || options.force;
    let (mut verdicts, mut roots) = (Vec::new(), BTreeSet::new());
    for (position, generation) in found.generations.iter().enumerate() {
        let last = *offered.get(&generation.id).unwrap_or(&generation.published);
        let mut reasons = found.reasons(generation, position, last, options);
        let removed = reasons.is_empty() && may_remove;
        if removed {
            remove(&place.on_disk(&place.boot(&generation.id)), &place.on_disk(&place.boots()))?;
            reasons.push(format!("on the menu until {}, and nobody is known to use it", date::iso(last)));
        } else {
            roots.insert(generation.root.clone());
            if reasons.is_empty() {
                reasons.push("it cannot be told who uses it".to_owned());
            }
        }
        verdicts.push(Verdict { what: "generation", id: generation.id.clone(), removed, reasons });
    }
    for root in found.roots.iter().filter(|root| !roots.contains(*root)) {
        let used: Vec<String> = found.uses.roots.get(root).into_iter().flatten().cloned().collect();
        let (removed, reasons) = match (used.is_empty(), may_remove) {
            (true, true) => (true, vec!["no generation has it, and nobody uses it".to_owned()]),
            (true, false) => (false, vec!["it cannot be told who uses it".to_owned()]),
            (false, _) => (false, used),
        };
        if removed {
            let exports = place.exports(root);
            place.root.remove(&exports).map_err(failed("remove", &place.on_disk(&exports)))?;
            remove(&place.on_disk(&place.root_of(root)), &place.on_disk(&place.export()))?;
        }
        verdicts.push(Verdict { what: "root", id: root.clone(), removed, reasons });
    }
    remove_menus(&place)?;
    remove_cards(&place)?;
    forget(&place)?;
    Ok(Pruned { verdicts, unknown: found.uses.unknown })
}

/// Writes down that what the menu offers is offered now.
pub(super) fn offering(place: &Place, now: i64) -> Result<(), Error> {
    let Some(menu) = place.offered()? else { return Ok(()) };
    let mut offered = offered(place)?;
    let there: BTreeSet<String> = place.generations_in(&place.boots())?.into_iter().collect();
    offered.retain(|id, _| there.contains(id));
    offered.extend([Some(menu.now), menu.previous].into_iter().flatten().map(|id| (id, now)));
    let text = serde_json::to_string_pretty(&offered).expect("names and numbers are text") + "\n";
    let path = format!("{}/{OFFERED}", place.export());
    place.root.replace(&path, text.as_bytes()).map_err(failed("write", &place.on_disk(&path)))
}

fn offered(place: &Place) -> Result<BTreeMap<String, i64>, Error> {
    let path = format!("{}/{OFFERED}", place.export());
    let on_disk = place.on_disk(&path);
    let text = place.root.read_if_any(&path, TEXT_MAX).map_err(failed("read", &on_disk))?;
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    serde_json::from_slice(&text)
        .map_err(|error| failed("read", &on_disk)(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// What is on a head.
struct Found {
    generations: Vec<Generation>,
    /// All roots, whether a generation has them or not.
    roots: Vec<String>,
    uses: Uses,
}

impl Found {
    fn look(place: &Place, now: i64) -> Result<Self, Error> {
        let (mut generations, mut records): (Vec<Generation>, Vec<Cluster>) = (Vec::new(), Vec::new());
        let menu = place.offered()?;
        for id in place.generations_in(&place.boots())? {
            let path = place.boot(&id);
            let status = place.root.status(&path).map_err(failed("look at", &place.on_disk(&path)))?;
            let Some(record) = place.record(&id)? else { continue };
            let is_now = menu.as_ref().is_some_and(|menu| menu.now == id);
            let is_previous = menu.as_ref().is_some_and(|menu| menu.previous.as_deref() == Some(&id));
            let (root, published) = (record.root.clone(), status.mtime);
            generations.push(Generation { id, root, published, is_now, is_previous, nodes: Vec::new() });
            records.push(record);
        }
        generations.sort_by(|one, other| (other.published, &other.id).cmp(&(one.published, &one.id)));
        let roots = place.generations_in(&place.roots())?;
        let uses = used::uses(place, &records, &roots, now);
        Ok(Self { generations, roots, uses })
    }

    /// What speaks for a generation.
    fn reasons(&self, generation: &Generation, position: usize, last: i64, options: &Prune) -> Vec<String> {
        let mut reasons = Vec::new();
        reasons.extend(generation.is_now.then(|| "nodes that start boot it".to_owned()));
        reasons.extend(generation.is_previous.then(|| "it is the previous one of the menu".to_owned()));
        reasons.extend((position < options.keep).then(|| format!("it is one of the newest {}", options.keep)));
        if last.saturating_add(options.grace) > options.now && !generation.is_now && !generation.is_previous {
            let until = date::iso(last.saturating_add(options.grace));
            reasons.push(format!("on the menu until {}: the time of grace ends at {until}", date::iso(last)));
        }
        reasons.extend(self.uses.roots.get(&generation.root).into_iter().flatten().cloned());
        for node in self.uses.hints.get(&generation.id).into_iter().flatten() {
            if self.uses.alive.contains(node) {
                reasons.push(format!("{node} has a lease, and its log says that it booted it last"));
            } else if last.saturating_add(HINT) > options.now {
                reasons.push(format!(
                    "the log of {node} says that it booted it last: a hint until {}",
                    date::iso(last.saturating_add(HINT))
                ));
            }
        }
        reasons
    }
}

/// Menus of generations that are gone.
fn remove_menus(place: &Place) -> Result<(), Error> {
    let menus = place.menus();
    let on_disk = place.on_disk(&menus);
    let Some(directory) = place.root.dir_if_any(&menus).map_err(failed("read", &on_disk))? else { return Ok(()) };
    let now = directory.target("menu").unwrap_or_default();
    let (cluster, boots) = (&place.cluster.name, place.boots());
    for name in directory.names().map_err(failed("read", &on_disk))? {
        let Some(name) = name.to_str().filter(|name| name.as_bytes() != now) else { continue };
        let Some(offered) = place.menu_in(name)?.and_then(|mut menu| menu.clusters.remove(cluster)) else { continue };
        let is_gone = |id: &String| place.root.status(format!("{boots}/{id}")).is_err();
        if [Some(offered.now), offered.previous].iter().flatten().any(is_gone) {
            remove(&on_disk.join(name), &on_disk)?;
        }
    }
    Ok(())
}

/// Links to directories of cards that no node has any more. They lead nowhere, and the menu is what decides.
fn remove_cards(place: &Place) -> Result<(), Error> {
    let tftp = place.tftp();
    let on_disk = place.on_disk(tftp);
    let Some(directory) = place.root.dir_if_any(tftp).map_err(failed("read", &on_disk))? else { return Ok(()) };
    for name in directory.names().map_err(failed("read", &on_disk))? {
        let Some(card) = name.to_str() else { continue };
        let leads = directory.target(card).is_ok_and(|target| target == head::link_of_card(card).as_bytes());
        if leads && fs::metadata(on_disk.join(card)).is_err() {
            directory.remove(card).map_err(failed("remove", &on_disk.join(card)))?;
        }
    }
    Ok(())
}

/// A cluster that its recipe has no more is forgotten when nothing of it is left.
fn forget(place: &Place) -> Result<(), Error> {
    let is_left = place.offered()?.is_some()
        || !place.generations_in(&place.boots())?.is_empty()
        || !place.generations_in(&place.roots())?.is_empty();
    if is_left {
        return Ok(());
    }
    let name = &place.cluster.name;
    for path in [format!("{IMAGES}/{name}"), format!("{CLUSTERS}/{name}.json")] {
        place.root.remove(&path).map_err(failed("remove", &place.on_disk(&path)))?;
    }
    Ok(())
}

/// Removes a directory, so that it is gone at once: what a crash leaves has the name of something unfinished, in a place
/// where no node writes, and goes with the next publication.
fn remove(path: &Path, workshop: &Path) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let gone = workshop.join(format!(".imgbuild-{name}"));
    match fs::remove_dir_all(&gone) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &gone)(error)),
        _ => {}
    }
    fs::rename(path, &gone).map_err(failed("remove", path))?;
    fs::remove_dir_all(&gone).map_err(failed("remove", &gone))
}
