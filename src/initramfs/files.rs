//! Copying out of the root as initramfs-tools' `copy_file` and `copy_exec` do: a link is kept as a link to the file's
//! real place, libraries come along, and everything lies in a merged `/usr`.

use std::collections::BTreeSet;

use super::Error;
use super::Inode;
use super::Options;
use super::Root;
use super::Tree;
use super::TreePath;
use super::libraries;
use crate::cancel::Cancel;
use crate::tree;
use crate::tree::Stat;

/// Which package has what every initramfs needs, to say what to add.
const PACKAGES: [(&str, &str); 8] = [
    ("/usr/bin/busybox", "busybox"),
    ("/bin/busybox", "busybox"),
    ("/usr/lib/klibc", "klibc-utils"),
    ("/usr/lib/systemd/systemd-udevd", "udev"),
    ("/lib/systemd/systemd-udevd", "udev"),
    ("/sbin/modprobe", "kmod"),
    ("/sbin/rmmod", "kmod"),
    ("/usr/share/initramfs-tools", "initramfs-tools-core"),
];

/// The initramfs while it is put together.
pub(super) struct Files<'a> {
    root: &'a Root<'a>,
    tree: Tree,
    epoch: i64,
    libraries: libraries::Resolver<'a>,
    missing: BTreeSet<String>,
    cancel: Cancel,
}

impl<'a> Files<'a> {
    pub(super) fn new(root: &'a Root<'a>, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            root,
            tree: Tree::new(),
            epoch: options.epoch,
            libraries: libraries::Resolver::new(root, &options.architecture)?,
            missing: BTreeSet::new(),
            cancel: options.cancel.clone(),
        })
    }

    /// The root that is copied from.
    pub(super) const fn root(&self) -> &'a Root<'a> {
        self.root
    }

    /// What is in the initramfs so far.
    pub(super) const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What was wanted and not found, in words.
    pub(super) const fn missing(&self) -> &BTreeSet<String> {
        &self.missing
    }

    /// Notes that something needed is not there; the build fails at the end with all of it.
    pub(super) fn lacks(&mut self, path: &str) {
        let package = PACKAGES.iter().find(|(prefix, _)| path.starts_with(prefix));
        let hint = package.map(|(_, package)| format!(" (package `{package}`)")).unwrap_or_default();
        self.missing.insert(format!("`{path}`{hint}"));
    }

    pub(super) fn finish(mut self) -> Tree {
        self.tree.get_mut(&TreePath::root()).expect("a tree has a root").stat.mtime = self.epoch;
        self.tree
    }

    /// The directories of a merged `/usr`, as the root has them, and the few others.
    pub(super) fn skeleton(&mut self, version: &str) -> Result<(), Error> {
        for name in ["bin", "lib*", "sbin"].iter().flat_map(|pattern| self.names("/", pattern)).collect::<Vec<_>>() {
            self.directory(&format!("/usr/{name}"))?;
            self.symlink(&format!("/{name}"), &format!("usr/{name}"))?;
        }
        for directory in ["/conf/conf.d", "/etc", "/run", "/scripts"] {
            self.directory(directory)?;
        }
        self.directory(&format!("/lib/modules/{version}"))
    }

    /// Makes a directory and its parents.
    pub(super) fn directory(&mut self, path: &str) -> Result<(), Error> {
        let before = self.tree.len();
        let made = self.tree.make_directories(path, 0o755)?;
        if self.tree.len() > before {
            self.stamp(&made);
        }
        Ok(())
    }

    /// Writes a file of our own.
    pub(super) fn write(&mut self, path: &str, mode: u32, bytes: Vec<u8>) -> Result<(), Error> {
        self.put(path, Inode::file(mode, bytes), self.epoch)
    }

    /// Makes a symbolic link of our own.
    pub(super) fn symlink(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.put(path, Inode::symlink(target), self.epoch)
    }

    /// Makes a symbolic link with the time of the root's.
    pub(super) fn link_as(&mut self, path: &str, target: &str, mtime: i64) -> Result<(), Error> {
        self.put(path, Inode::symlink(target), mtime)
    }

    /// Makes another name for a file that is in the initramfs.
    pub(super) fn link(&mut self, existing: &str, new: &str) -> Result<(), Error> {
        let (existing, new) = (self.tree.resolve(existing, true)?, self.tree.resolve(new, false)?);
        Ok(self.tree.link(&existing, new)?)
    }

    /// Whether something lies at a path of the initramfs.
    pub(super) fn has(&self, path: &str) -> bool {
        self.tree.lookup(path).is_some()
    }

    /// Names in a directory of the root that fit a pattern, in order; none when there is no such directory.
    pub(super) fn names(&self, directory: &str, pattern: &str) -> Vec<String> {
        let paths = self.root.names(directory, pattern).into_iter();
        paths.filter_map(|path| String::from_utf8(path.name().to_vec()).ok()).collect()
    }

    /// Copies a file to where it lies in the root.
    pub(super) fn copy(&mut self, source: &str) -> Result<(), Error> {
        self.copy_to(source, source)
    }

    /// Copies a file, links followed, to exactly this path; replaces what is there.
    pub(super) fn copy_as(&mut self, source: &str, target: &str) -> Result<(), Error> {
        match self.root.lookup(source) {
            Some((_, inode)) if inode.content().is_some() => {
                let mtime = inode.stat.mtime;
                let copy = Inode { kind: inode.kind.clone(), stat: Stat::new(inode.stat.mode) };
                self.put(target, copy, mtime)
            }
            _ => {
                self.lacks(source);
                Ok(())
            }
        }
    }

    /// Copies what in a directory has a name that fits a pattern, with what lies below it, links as links.
    pub(super) fn copy_tree(&mut self, source: &str, target: &str, pattern: &str) -> Result<(), Error> {
        for first in self.root.names(source, pattern) {
            let cut = first.as_bytes().len() - first.name().len();
            for (path, inode) in self.root.tree(first) {
                let relative = String::from_utf8_lossy(&path.as_bytes()[cut..]);
                let target = format!("{target}/{relative}");
                if inode.is_directory() && self.has(&target) {
                    continue;
                }
                let copy = Inode { kind: inode.kind.clone(), stat: Stat::new(inode.stat.mode) };
                self.put(&target, copy, inode.stat.mtime)?;
            }
        }
        Ok(())
    }

    /// Copies a program or library with all libraries it needs. `target` may name a directory.
    pub(super) fn copy_executable(&mut self, source: &str, target: Option<&str>) -> Result<(), Error> {
        if self.root.lookup(source).is_none_or(|(_, inode)| inode.content().is_none()) {
            self.lacks(source);
            return Ok(());
        }
        self.cancel.check()?;
        self.copy_to(source, target.unwrap_or(source))?;
        let needed = self.libraries.closure(source)?;
        for library in needed.missing {
            self.missing.insert(format!("library `{library}` of `{source}`"));
        }
        for library in needed.found {
            self.copy_to(&library, &library)?;
        }
        Ok(())
    }

    /// The heart of initramfs-tools' `copy_file`: `target` may name a directory; what is there already stays.
    pub(super) fn copy_to(&mut self, source: &str, target: &str) -> Result<(), Error> {
        let real = match self.root.lookup(source) {
            Some((path, inode)) if inode.content().is_some() => path,
            _ => {
                self.lacks(source);
                return Ok(());
            }
        };
        let mut target = merged(target);
        if target.ends_with('/') || self.tree.lookup(&target).is_some_and(|(_, inode)| inode.is_directory()) {
            let name = source.rsplit('/').next().unwrap_or(source);
            target = format!("{}/{name}", target.trim_end_matches('/'));
        }
        if self.has(&target) {
            return Ok(());
        }
        let real_path = merged(&String::from_utf8_lossy(&[b"/", real.as_bytes()].concat()));
        if real_path == merged(source) {
            return self.copy_as(source, &target);
        }
        if real_path != target {
            self.directory(target.rsplit_once('/').map_or("", |(parent, _)| parent))?;
            self.directory(real_path.rsplit_once('/').map_or("", |(parent, _)| parent))?;
            self.symlink(&target, &relative(&target, &real_path))?;
        }
        if self.tree.get(&TreePath::new(&real_path).map_err(tree::Error::from)?).is_none() {
            self.copy_as(&real_path, &real_path)?;
        }
        Ok(())
    }

    fn put(&mut self, path: &str, mut inode: Inode, mtime: i64) -> Result<(), Error> {
        self.cancel.check()?;
        if let Some(parent) = path.trim_end_matches('/').rfind('/') {
            self.directory(&path[..parent])?;
        }
        inode.stat.mtime = mtime.min(self.epoch);
        self.tree.put(path, inode)?;
        Ok(())
    }

    /// Gives a new directory, and parents made with it, their time.
    fn stamp(&mut self, path: &TreePath) {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            let Some(inode) = self.tree.get_mut(&here) else { break };
            inode.stat.mtime = self.epoch;
            path = here.parent();
        }
    }
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("paths", &self.tree.len()).finish_non_exhaustive()
    }
}

/// A path of a merged `/usr`: `/lib/x` is `/usr/lib/x`.
pub(super) fn merged(path: &str) -> String {
    let path = format!("/{}", path.trim_start_matches('/'));
    match path.starts_with("/bin/")
        || path.starts_with("/lib")
        || path.starts_with("/sbin/")
        || path == "/sbin"
        || path == "/bin"
    {
        true => format!("/usr{path}"),
        false => path,
    }
}

/// What a link at `from` must say to lead to `to`.
fn relative(from: &str, to: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.split('/').collect(), to.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.len() - shared - 1;
    let words = std::iter::repeat_n("..", up).chain(to[shared..].iter().copied());
    words.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_links_lead_there() {
        let cases = [
            ("/usr/lib64/ld.so.2", "/usr/lib/x/ld.so.2", "../lib/x/ld.so.2"),
            ("/usr/lib/a.so.1", "/usr/lib/a.so.1.2", "a.so.1.2"),
            ("/usr/sbin/modprobe", "/usr/bin/kmod", "../bin/kmod"),
        ];
        for (from, to, wanted) in cases {
            assert_eq!(relative(from, to), wanted);
        }
    }
}
