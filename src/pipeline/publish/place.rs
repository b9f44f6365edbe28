//! Where things lie on a head, and the one link that decides what nodes boot.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FlockOperation;

use super::failed;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;
use crate::head::Cluster;
use crate::host::Staging;

/// Directories of the TFTP server's that lead to the menu.
const LINKS: [&str; 3] = ["pxelinux.cfg", "grub", "ipxe.cfg"];
/// A text of a head's is no longer.
const TEXT_MAX: u64 = 4 << 20;

/// The generations that nodes are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// The one that is booted when nobody chooses.
    pub now: String,
    /// The one before it.
    pub previous: Option<String>,
}

/// A cluster on a head's disk.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) cluster: Cluster,
}

impl Place {
    pub(super) fn new(root: &Path, cluster: Cluster) -> Self {
        Self { root: root.to_owned(), cluster }
    }

    /// The cluster of that name on a head, or the only one there.
    pub(super) fn find(root: &Path, name: Option<&str>) -> Result<Self, Error> {
        let mut found = clusters(root)?;
        let known: Vec<String> = found.iter().map(|cluster| cluster.name.clone()).collect();
        found.retain(|cluster| name.is_none_or(|name| cluster.name == name));
        let wanted = name.map_or("one published cluster".to_owned(), |name| format!("cluster `{name}`"));
        match (found.pop(), found.is_empty()) {
            (Some(cluster), true) => Ok(Self::new(root, cluster)),
            _ => Err(PublishError::NoCluster { root: root.to_owned(), wanted, known }.into()),
        }
    }

    fn below_root(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The directory of all generations' roots.
    pub(super) fn generations(&self) -> PathBuf {
        self.below_root(&self.cluster.export).join("gen")
    }

    pub(super) fn generation(&self, id: &str) -> PathBuf {
        self.generations().join(id)
    }

    /// What is a node's own.
    pub(super) fn state(&self, node: &str) -> PathBuf {
        self.below_root(&self.cluster.export).join("state").join(node)
    }

    /// The directory of all generations' kernels, and of the menu.
    pub(super) fn boots(&self) -> PathBuf {
        self.below_root(&self.cluster.tftp).join(&self.cluster.name)
    }

    pub(super) fn boot(&self, id: &str) -> PathBuf {
        self.boots().join(id)
    }

    /// Keeps another publisher out as long as the file lives.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let directory = self.generations();
        fs::create_dir_all(&directory).map_err(failed("make", &directory))?;
        let file = File::open(&directory).map_err(failed("open", &directory))?;
        let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        locked.map_err(|errno| failed("lock (does another imgbuild publish here?)", &directory)(errno.into()))?;
        Ok(file)
    }

    /// What nodes are offered; `None`: nothing yet.
    pub(super) fn menu(&self) -> Option<Menu> {
        let target = fs::read_link(self.boots().join("menu")).ok()?;
        let mut ids = target.to_str()?.strip_prefix("menu-")?.split('-');
        let now = ids.next().filter(|id| head::is_generation(id))?.to_owned();
        Some(Menu { now, previous: ids.next().filter(|id| head::is_generation(id)).map(str::to_owned) })
    }

    /// Whether the TFTP directory is free for the links to the menu.
    pub(super) fn check_links(&self) -> Result<(), Error> {
        for name in LINKS {
            let path = self.below_root(&self.cluster.tftp).join(name);
            let is_ours = |metadata: &fs::Metadata| {
                let target = fs::read_link(&path).unwrap_or_default();
                metadata.is_symlink() && target == Path::new(&format!("{}/menu/{name}", self.cluster.name))
            };
            if fs::symlink_metadata(&path).is_ok_and(|metadata| !is_ours(&metadata)) {
                return Err(PublishError::Occupied(path).into());
            }
        }
        Ok(())
    }

    /// Whether the head is not already the other one of two.
    pub(super) fn check_role(&self) -> Result<(), Error> {
        let (name, role) = (&self.cluster.name, self.cluster.role);
        let there = clusters(&self.root)?.into_iter().find(|cluster| cluster.name == *name);
        match there.and_then(|cluster| cluster.role) {
            Some(other) if role.is_some_and(|role| role != other) => {
                Err(PublishError::OtherHead { root: self.root.clone(), role: other.directory() }.into())
            }
            _ => Ok(()),
        }
    }

    /// Where the export of one generation is written down, when each has its own.
    pub(super) fn exports(&self, id: &str) -> PathBuf {
        self.root.join(format!("etc/exports.d/imgbuild-{id}.exports"))
    }

    /// Offers a generation first and another one second: what comes before the last rename nobody sees.
    pub(super) fn offer(&self, now: &str, previous: Option<&str>) -> Result<Menu, Error> {
        let known = |id: &str| head::is_generation(id) && self.boot(id).is_dir() && self.generation(id).is_dir();
        for id in [Some(now), previous].into_iter().flatten() {
            if !known(id) {
                return Err(PublishError::NoGeneration(id.to_owned()).into());
            }
        }
        let name = previous.map_or_else(|| format!("menu-{now}"), |previous| format!("menu-{now}-{previous}"));
        let directory = self.boots().join(&name);
        // It follows from the generations in its name, and they never change.
        if !directory.exists() {
            let staging = Staging::new(&directory)?;
            self.write_menu(staging.path(), now, previous)?;
            staging.publish()?;
        }
        let tftp = self.below_root(&self.cluster.tftp);
        for link in LINKS.into_iter().filter(|link| directory.join(link).is_dir()) {
            let path = tftp.join(link);
            if fs::symlink_metadata(&path).is_err() {
                let target = format!("{}/menu/{link}", self.cluster.name);
                std::os::unix::fs::symlink(target, &path).map_err(failed("make", &path))?;
            }
        }
        synchronise(&tftp)?;
        let (link, new) = (self.boots().join("menu"), self.boots().join(".imgbuild-menu"));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &new)(error)),
            _ => {}
        }
        std::os::unix::fs::symlink(&name, &new).map_err(failed("make", &new))?;
        fs::rename(&new, &link).map_err(failed("publish", &link))?;
        synchronise(&self.boots())?;
        Ok(Menu { now: now.to_owned(), previous: previous.map(str::to_owned) })
    }

    fn write_menu(&self, directory: &Path, now: &str, previous: Option<&str>) -> Result<(), Error> {
        let (entries, names) = self.entries(now)?;
        let old = previous.map(|id| Ok::<_, Error>((id, self.entries(id)?.0))).transpose()?;
        let old = old.as_ref().map(|(id, entries)| (*id, entries));
        let generated = format!("Generated by imgbuild from recipe {}.", self.cluster.name);
        for (path, text) in head::menus(&generated, (now, &entries), old) {
            replace(&directory.join(path), text.as_bytes())?;
        }
        for (name, target) in names {
            let path = directory.join("pxelinux.cfg").join(name);
            std::os::unix::fs::symlink(target, &path).map_err(failed("make", &path))?;
        }
        Ok(())
    }

    /// A generation's entries of menus, and the nodes' names as links to them.
    fn entries(&self, id: &str) -> Result<(BTreeMap<String, String>, Vec<(String, PathBuf)>), Error> {
        let boot = self.boot(id);
        let (mut entries, mut names) = (BTreeMap::new(), Vec::new());
        for path in files(&boot, true)?.into_iter().filter(|path| path.contains('/')) {
            let on_disk = boot.join(&path);
            match (fs::read_link(&on_disk), path.strip_prefix("pxelinux/")) {
                (Ok(target), Some(name)) => names.push((name.to_owned(), target)),
                _ => {
                    let text = fs::read_to_string(&on_disk).map_err(failed("read", &on_disk))?;
                    entries.insert(path, text);
                }
            }
        }
        Ok((entries, names))
    }
}

/// The clusters that a head knows of, by name.
pub(super) fn clusters(root: &Path) -> Result<Vec<Cluster>, Error> {
    let directory = root.join("etc/imgbuild");
    let mut found = Vec::new();
    for name in files(&directory, false)?.into_iter().filter(|name| name.ends_with(".json")) {
        let path = directory.join(name);
        let text = super::text(&path)?;
        let wrong = |error: serde_json::Error| failed("read", &path)(io::Error::new(io::ErrorKind::InvalidData, error));
        found.push(serde_json::from_str(&text).map_err(wrong)?);
    }
    Ok(found)
}

/// The text files of a bundle, by path.
pub(super) fn texts(directory: &Path) -> Result<BTreeMap<String, String>, Error> {
    crate::host::lab::texts(directory, TEXT_MAX).map_err(failed("read", directory))
}

/// Files and links below a directory, by path and sorted; none when there is no such directory.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
pub(super) fn files(directory: &Path, deep: bool) -> Result<Vec<String>, Error> {
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(next) = left.pop() {
        let path = directory.join(&next);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && next.as_os_str().is_empty() => continue,
            entries => entries.map_err(failed("read", &path))?,
        };
        for entry in entries {
            let entry = entry.map_err(failed("read", &path))?;
            let (name, kind) = (next.join(entry.file_name()), entry.file_type().map_err(failed("read", &path))?);
            if kind.is_dir() {
                left.extend(deep.then_some(name));
            } else if kind.is_file() || deep {
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Puts a file that everybody may read in place, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = path.parent().expect("it is a file below a directory");
    fs::create_dir_all(parent).map_err(failed("make", parent))?;
    let put = || {
        let permissions = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new().prefix(".imgbuild-").permissions(permissions).tempfile_in(parent)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    put().map_err(failed("write", path))?;
    synchronise(parent)
}

fn synchronise(directory: &Path) -> Result<(), Error> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("synchronise", directory))
}
