//! Where things lie on a head, and the one link that decides what nodes boot.
//!
//! All of it is reached from a handle of the head's root directory and through no link: names come out of an output, and
//! nodes write in some of the directories.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::FileType;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::contents::Contents;
use super::contents::Item;
use super::failed;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;
use crate::head::Cluster;
use crate::head::MENU;
use crate::head::MENUS;
use crate::head::Menu;
use crate::head::Offered;
use crate::head::RECORD;
use crate::host::Dir;
use crate::host::Staging;

/// Directories of the TFTP server's that lead to the menu.
pub(super) const LINKS: [&str; 3] = ["pxelinux.cfg", "grub", "ipxe.cfg"];
/// Where a generation's entries of menus lie, as texts.
const ENTRIES: [&str; 3] = ["pxelinux", "grub", "ipxe"];
/// Where a head says what clusters it has.
pub(super) const CLUSTERS: &str = "etc/imgbuild";
/// A text of a head's is no longer.
pub(super) const TEXT_MAX: u64 = 4 << 20;

/// A cluster on a head's disk.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) root: Arc<Dir>,
    pub(super) cluster: Cluster,
    pub(super) cancel: Cancel,
}

impl Place {
    /// The cluster of that name on a head, or the only one there.
    pub(super) fn find(root: &Path, name: Option<&str>) -> Result<Self, Error> {
        let root = Dir::open(root).map_err(failed("open", root))?;
        let mut found = clusters(&root)?;
        let known: Vec<String> = found.iter().map(|cluster| cluster.name.clone()).collect();
        found.retain(|cluster| name.is_none_or(|name| cluster.name == name));
        let wanted = name.map_or("one published cluster".to_owned(), |name| format!("cluster `{name}`"));
        match (found.pop(), found.is_empty()) {
            (Some(cluster), true) => Ok(Self { root: Arc::new(root), cluster, cancel: Cancel::default() }),
            _ => Err(PublishError::NoCluster { root: root.path().to_owned(), wanted, known }.into()),
        }
    }

    /// Everything of the cluster that nodes mount lies below, and nodes write in directories of it.
    pub(super) fn export(&self) -> String {
        self.cluster.export().trim_start_matches('/').to_owned()
    }

    pub(super) fn tftp(&self) -> &str {
        self.cluster.head.tftp.trim_start_matches('/')
    }

    /// The directory of all roots.
    pub(super) fn roots(&self) -> String {
        self.cluster.roots().trim_start_matches('/').to_owned()
    }

    /// One root.
    pub(super) fn root_of(&self, id: &str) -> String {
        format!("{}/{id}", self.roots())
    }

    /// What is a node's own.
    pub(super) fn state(&self, node: &str) -> String {
        format!("{}/state/{node}", self.cluster.head.export.trim_start_matches('/'))
    }

    /// What nodes take while they run.
    pub(super) fn site(&self) -> String {
        format!("{}/site", self.cluster.head.export.trim_start_matches('/'))
    }

    /// The directory of all generations' kernels, and of the menu.
    pub(super) fn boots(&self) -> String {
        format!("{}/{}", self.tftp(), self.cluster.name)
    }

    pub(super) fn boot(&self, id: &str) -> String {
        format!("{}/{id}", self.boots())
    }

    /// Where the export of one root is written down, when each has its own.
    pub(super) fn exports(&self, root: &str) -> String {
        format!("etc/exports.d/imgbuild-{root}.exports")
    }

    /// A path of the head's as this machine knows it: for messages, and for what nobody else writes in.
    pub(super) fn on_disk(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Keeps another publisher out of the head as long as the file lives. It waits a moment: a process that was just being started
    /// still has the handle of a publisher that is done.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let menus = self.menus();
        let directory = self.on_disk(&menus);
        let made = self.root.make_dir(&menus).and_then(|menus| menus.lock_handle());
        let file = made.map_err(failed("open", &directory))?;
        let lock = || rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        let mut locked = lock();
        for _ in 0..100 {
            if locked != Err(Errno::WOULDBLOCK) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            locked = lock();
        }
        locked.map_err(|errno| failed("lock (does another imgbuild publish here?)", &directory)(errno.into()))?;
        Ok(file)
    }

    /// Where the menus of all clusters lie.
    pub(super) fn menus(&self) -> String {
        format!("{}/{MENUS}", self.tftp())
    }

    /// What nodes of all clusters are offered; nothing yet is an empty menu.
    pub(super) fn whole_menu(&self) -> Result<Menu, Error> {
        let menus = self.menus();
        let Some(directory) =
            self.root.target(format!("{menus}/menu")).ok().and_then(|name| String::from_utf8(name).ok())
        else {
            return Ok(Menu::default());
        };
        Ok(self.menu_in(&directory)?.unwrap_or_default())
    }

    /// What a menu offers; `None`: there is none of this name.
    pub(super) fn menu_in(&self, directory: &str) -> Result<Option<Menu>, Error> {
        if !directory.strip_prefix("menu-").is_some_and(head::is_generation) {
            return Ok(None);
        }
        let path = format!("{}/{directory}/{MENU}", self.menus());
        let on_disk = self.on_disk(&path);
        let text = self.root.read_if_any(&path, TEXT_MAX).map_err(failed("read", &on_disk))?;
        let wrong = |reason| PublishError::Cluster { path: on_disk.clone(), reason };
        Ok(text.map(|text| Menu::parse(&String::from_utf8_lossy(&text)).map_err(wrong)).transpose()?)
    }

    /// What nodes of this cluster are offered; `None`: nothing yet.
    pub(super) fn offered(&self) -> Result<Option<Offered>, Error> {
        Ok(self.whole_menu()?.clusters.remove(&self.cluster.name))
    }

    /// What a generation on this head has; `None`: there is no such one.
    pub(super) fn record(&self, id: &str) -> Result<Option<Cluster>, Error> {
        if !head::is_generation(id) {
            return Ok(None);
        }
        let path = format!("{}/{RECORD}", self.boot(id));
        let on_disk = self.on_disk(&path);
        let Some(text) = self.root.read_if_any(&path, TEXT_MAX).map_err(failed("read", &on_disk))? else {
            return Ok(None);
        };
        let cluster = parse(&on_disk, &text)?;
        if cluster.generation == id && cluster.name == self.cluster.name { Ok(Some(cluster)) } else { Ok(None) }
    }

    /// The names of generations in a directory, sorted; none when there is no such directory.
    pub(super) fn generations_in(&self, path: &str) -> Result<Vec<String>, Error> {
        let on_disk = self.on_disk(path);
        let found = self.root.dir_if_any(path).and_then(|directory| match directory {
            Some(directory) => directory.names(),
            None => Ok(Vec::new()),
        });
        let names = found.map_err(failed("read", &on_disk))?;
        Ok(names
            .iter()
            .filter_map(|name| name.to_str())
            .filter(|name| head::is_generation(name))
            .map(str::to_owned)
            .collect())
    }

    /// Whether the TFTP directory is free for the links to the menu.
    pub(super) fn check_links(&self) -> Result<(), Error> {
        let nodes = self.cluster.nodes.iter().filter(|_| self.cluster.raspberry_pi);
        let cards = nodes.flat_map(|node| node.macs()).map(|mac| mac.replace(':', "-"));
        let cards = cards.map(|card| (head::link_of_card(&card), card));
        for (target, name) in LINKS.map(|name| (link(name), name.to_owned())).into_iter().chain(cards) {
            let path = format!("{}/{name}", self.tftp());
            let on_disk = self.on_disk(&path);
            let Some(status) = self.root.status_if_any(&path).map_err(failed("look at", &on_disk))? else { continue };
            let leads = (status.kind == FileType::Symlink).then(|| self.root.target(&path));
            if !leads.is_some_and(|leads| leads.is_ok_and(|leads| leads == target.as_bytes())) {
                return Err(PublishError::Occupied(on_disk).into());
            }
        }
        Ok(())
    }

    /// Puts what a directory shall have in its place by one rename, unless it is there already.
    pub(super) fn put(&self, path: &str, contents: &Contents, output: Option<&super::Output>) -> Result<(), Error> {
        let on_disk = self.on_disk(path);
        let there = self.root.dir_if_any(path).ok().flatten();
        // What cannot be compared is not the same.
        if there.is_some_and(|there| contents.difference(&there, &[], &self.cancel).is_ok_and(|how| how.is_none())) {
            return Ok(());
        }
        let parent = on_disk.parent().expect("it is below the head's root");
        let staging = Staging::replacing(&on_disk, parent)?.cancelled_by(&self.cancel);
        contents.write(output, staging.path())?;
        Ok(staging.publish()?)
    }

    /// Offers a menu to the nodes of all clusters: what comes before the last rename nobody sees.
    pub(super) fn offer(&self, menu: &Menu) -> Result<(), Error> {
        let (menus, directory) = (self.menus(), menu.directory());
        let contents = self.menu_contents(menu)?;
        self.put(&format!("{menus}/{directory}"), &contents, None)?;
        let has = |name: &&str| contents.0.keys().any(|path| path.starts_with(&format!("{name}/")));
        let cards = contents.0.keys().filter_map(|path| head::card_of(path));
        let cards = cards.map(|card| (card, head::link_of_card(card)));
        for (name, target) in LINKS.into_iter().filter(has).map(|name| (name, link(name))).chain(cards) {
            let path = format!("{}/{name}", self.tftp());
            let on_disk = self.on_disk(&path);
            if self.root.status_if_any(&path).map_err(failed("look at", &on_disk))?.is_none() {
                self.root.link(target, &path).map_err(failed("make", &on_disk))?;
            }
        }
        let menus = self.root.dir(&menus).map_err(failed("open", &self.on_disk(&menus)))?;
        menus.link(&directory, "menu").map_err(failed("publish", &menus.path().join("menu")))
    }

    /// Whether nodes of this cluster can boot a generation.
    pub(super) fn check_generation(&self, id: &str) -> Result<(), Error> {
        let record = self.record(id)?.ok_or_else(|| PublishError::NoGeneration(id.to_owned()))?;
        let root = self.root_of(&record.root);
        match self.root.dir_if_any(&root).map_err(failed("open", &self.on_disk(&root)))? {
            Some(_) => Ok(()),
            None => Err(PublishError::NoGeneration(id.to_owned()).into()),
        }
    }

    fn menu_contents(&self, menu: &Menu) -> Result<Contents, Error> {
        let (mut clusters, mut links) = (Vec::new(), Vec::new());
        for (name, offered) in &menu.clusters {
            let (entries, names) = self.entries_of(name, &offered.now)?;
            let old =
                offered.previous.as_ref().map(|id| Ok::<_, Error>((id, self.entries_of(name, id)?.0))).transpose()?;
            clusters.push((name, &offered.now, entries, old));
            links.extend(names);
        }
        let recipes: Vec<&str> = menu.clusters.keys().map(String::as_str).collect();
        let generated = format!("Generated by imgbuild from recipe {}.", recipes.join(", "));
        let clusters = clusters.iter().map(|(name, now, entries, old)| {
            let old = old.as_ref().map(|(id, entries)| (id.as_str(), entries));
            (name.as_str(), (now.as_str(), entries), old)
        });
        let menus = head::menus(&generated, clusters, &menu.machines);
        let mut contents: BTreeMap<String, Item> =
            menus.into_iter().map(|(path, file)| (path, Item::from(file))).collect();
        contents.extend(links.into_iter().map(|(name, target)| (format!("pxelinux.cfg/{name}"), Item::Link(target))));
        contents.insert(MENU.to_owned(), Item::Text(menu.to_json()));
        Ok(Contents(contents))
    }

    /// The entries of a generation of this cluster, and the nodes' names as links to them.
    pub(super) fn entries(&self, id: &str) -> Result<(BTreeMap<String, String>, Vec<(String, String)>), Error> {
        self.entries_of(&self.cluster.name, id)
    }

    /// A generation's entries of menus, and the nodes' names as links to them.
    fn entries_of(&self, cluster: &str, id: &str) -> Result<(BTreeMap<String, String>, Vec<(String, String)>), Error> {
        let (mut entries, mut names) = (BTreeMap::new(), Vec::new());
        for loader in ENTRIES {
            let place = format!("{}/{cluster}/{id}/{loader}", self.tftp());
            let on_disk = self.on_disk(&place);
            let Some(directory) = self.root.dir_if_any(&place).map_err(failed("read", &on_disk))? else { continue };
            for name in directory.names().map_err(failed("read", &on_disk))? {
                let Some(name) = name.to_str() else { continue };
                let path = on_disk.join(name);
                if directory.status(name).map_err(failed("read", &path))?.kind == FileType::Symlink {
                    let target = directory.target(name).map_err(failed("read", &path))?;
                    names.push((name.to_owned(), String::from_utf8_lossy(&target).into_owned()));
                } else {
                    let bytes =
                        directory.read_if_any(name, TEXT_MAX).map_err(failed("read", &path))?.unwrap_or_default();
                    entries.insert(format!("{loader}/{name}"), String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
        let place = format!("{}/{cluster}/{id}/{}", self.tftp(), head::RASPBERRY_PI_DIRECTORY);
        let on_disk = self.on_disk(&place);
        let Some(directory) = self.root.dir_if_any(&place).map_err(failed("read", &on_disk))? else {
            return Ok((entries, names));
        };
        for name in directory.names().map_err(failed("read", &on_disk))? {
            let Some(path) = name.to_str().map(|name| format!("{}/{name}", head::RASPBERRY_PI_DIRECTORY)) else {
                continue;
            };
            if let Some(card) = head::card_of(&path) {
                let arguments = format!("{card}/{}", head::RASPBERRY_PI_ARGUMENTS);
                let read = directory.read_if_any(&arguments, TEXT_MAX);
                let bytes = read.map_err(failed("read", &on_disk.join(&arguments)))?.unwrap_or_default();
                entries.insert(path, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        Ok((entries, names))
    }
}

/// What a boot loader's directory leads to.
fn link(name: &str) -> String {
    format!("{MENUS}/menu/{name}")
}

/// The clusters that a head knows of, by name.
pub(super) fn clusters(root: &Dir) -> Result<Vec<Cluster>, Error> {
    let place = root.path().join(CLUSTERS);
    let Some(directory) = root.dir_if_any(CLUSTERS).map_err(failed("read", &place))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in directory.names().map_err(failed("read", &place))? {
        let path = place.join(&name);
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = directory.read_if_any(&name, TEXT_MAX).map_err(failed("read", &path))?.unwrap_or_default();
            found.push(parse(&path, &text)?);
        }
    }
    Ok(found)
}

fn parse(path: &Path, text: &[u8]) -> Result<Cluster, Error> {
    let wrong = |reason| PublishError::Cluster { path: path.to_owned(), reason };
    Ok(Cluster::parse(&String::from_utf8_lossy(text)).map_err(wrong)?)
}
