//! A kernel's modules as values: what they export, need and answer to, and the index files made of that.
//!
//! Stands below the stages: `configure` writes the indices of the root (in place of `depmod`), `initramfs` chooses
//! modules and writes the indices of its choice. The reader is kmod; the formats are kmod's, and the files are byte
//! for byte those of its `depmod` (`modules.dep(5)`). Where versions of kmod differ, [`Kmod`] says which is meant.
//!
//! * [`Modules`]: all modules of one kernel, in order, linked. * [`index`]: the index files.

mod index;
mod module;
mod order;
mod record;
mod trie;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

pub use module::Module;

use crate::cancel::Cancel;
use crate::cancel::Cancelled;
use crate::deb::Version;
use crate::format::glob;
use crate::limits::Limits;
use crate::tree;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Where kernels keep their modules; with merged `/usr` both are one.
pub(crate) const DIRECTORIES: [&str; 2] = ["usr/lib/modules", "lib/modules"];

/// Why a kernel's modules could not be read or indexed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The version has no directory.
    #[error("there is no kernel `{0}` in the tree: `/usr/lib/modules/{0}` is missing")]
    NoKernel(String),
    /// A file's bytes could not be had, or do not decompress.
    #[error("cannot read kernel module `{path}`")]
    Read {
        /// Which.
        path: TreePath,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are no kernel module.
    #[error("`{path}` is not a usable kernel module: {reason}")]
    Malformed {
        /// Which.
        path: TreePath,
        /// What is wrong with it.
        reason: String,
    },
    /// Modules that need each other cannot be loaded; `depmod` refuses them, too.
    #[error("kernel modules need each other in a cycle: {}", .0.join(", "))]
    Cycle(Vec<String>),
    /// An index key that the format cannot hold.
    #[error("cannot index `{0}`: only ASCII names of at most 4095 bytes can be indexed")]
    Key(String),
    /// The tree refused a look or an edit.
    #[error("cannot use the kernel's directory")]
    Tree(#[from] tree::Error),
    /// Somebody wanted it to end.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

/// Which kmod will read the indices; they differ a little between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kmod(u32);

impl Kmod {
    /// Of the upstream version's first number: 30 in bookworm, 34 in trixie.
    #[must_use]
    pub const fn new(major: u32) -> Self {
        Self(major)
    }

    /// The kmod that is installed in a tree, by its dpkg database; `None` without one.
    #[must_use]
    pub fn of(tree: &Tree) -> Option<Self> {
        let status = tree.read("var/lib/dpkg/status").ok()??;
        let status = String::from_utf8_lossy(&status);
        let stanza = status.split("\n\n").find(|stanza| stanza.lines().any(|line| line == "Package: kmod"))?;
        let version = stanza.lines().find_map(|line| line.strip_prefix("Version: "))?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Self)
    }

    /// kmod 33 brought weak dependencies and their file.
    const fn has_weakdep(self) -> bool {
        self.0 >= 33
    }

    const fn layout(self) -> trie::Layout {
        if self.0 >= 34 { trie::Layout::NodeFirst } else { trie::Layout::ChildrenFirst }
    }
}

/// The kernel versions that have a module directory in the tree, in bytewise order.
#[must_use]
pub fn versions(tree: &Tree) -> Vec<String> {
    let mut found = BTreeSet::new();
    for directory in DIRECTORIES {
        let Some((path, _)) = tree.lookup(directory) else { continue };
        let names = tree.children(&path).filter(|(_, inode)| inode.is_directory()).map(|(path, _)| path.name());
        found.extend(names.filter_map(|name| String::from_utf8(name.to_vec()).ok()));
    }
    found.into_iter().collect()
}

/// The newest of [`versions`], compared as Debian compares versions.
#[must_use]
pub fn newest(tree: &Tree) -> Option<String> {
    versions(tree).into_iter().max_by_key(|version| (version.parse::<Version>().ok(), version.clone()))
}

/// The kernel itself, as it is booted: `/boot/vmlinuz-VERSION`, or `vmlinux-VERSION` where Debian does not compress it
/// (riscv64, ppc64el). `None` when the tree has only its modules.
#[must_use]
pub fn image<'t>(tree: &'t Tree, version: &str) -> Option<&'t Content> {
    let mut names = ["vmlinuz", "vmlinux"].into_iter();
    names.find_map(|name| tree.lookup(format!("/boot/{name}-{version}"))?.1.content())
}

/// What a module that is a file of this name is called when it is not compressed; `None`: no module has such a name.
#[must_use]
pub fn plain_name(file: &str) -> Option<&str> {
    module::name_of(file).map(|_| module::uncompressed(file))
}

/// The bytes of a module that is a file of this name, not compressed.
///
/// # Errors
/// They cannot be read, or do not decompress within the limits.
pub fn plain(file: &str, content: &Content, limits: &Limits) -> std::io::Result<Vec<u8>> {
    module::decompress(file, content, limits)
}

/// The kernel's directory, links followed.
///
/// # Errors
/// The tree has none.
pub fn directory(tree: &Tree, version: &str) -> Result<TreePath, Error> {
    let found = DIRECTORIES.iter().find_map(|base| tree.lookup(format!("{base}/{version}")));
    let found = found.filter(|(_, inode)| inode.is_directory()).map(|(path, _)| path);
    found.ok_or_else(|| Error::NoKernel(version.to_owned()))
}

/// The modules of one kernel in the order of `depmod`, each linked to those it needs.
#[derive(Debug, Clone)]
pub struct Modules {
    directory: TreePath,
    modules: Vec<Module>,
    /// Direct needs by symbols, as positions; in the order in which the files name them.
    needs: Vec<Vec<usize>>,
    /// Place in the topological order, users first.
    rank: Vec<usize>,
    names: BTreeMap<String, usize>,
    /// The exported symbols with the position of their owner.
    symbols: BTreeMap<String, usize>,
    builtin: Option<Content>,
    builtin_info: Option<Content>,
}

impl Modules {
    /// Reads every module of a kernel, with `jobs` threads.
    ///
    /// # Errors
    /// No such kernel, an unreadable or malformed module, or a cycle.
    pub fn read(tree: &Tree, version: &str, jobs: usize) -> Result<Self, Error> {
        let bounds = (&Limits::DEFAULT, &Cancel::default());
        Self::read_remembered(tree, version, jobs, bounds, &|_| None, &|_, _| ())
    }

    /// As [`Modules::read`], without decoding again what is known: `recall` yields a record by its key, `keep` is
    /// given a new one. A record that is lost, damaged or of another version of the program is made anew.
    ///
    /// # Errors
    /// As [`Modules::read`], or it was cancelled.
    pub fn read_remembered(
        tree: &Tree,
        version: &str,
        jobs: usize,
        bounds: (&Limits, &Cancel),
        recall: &dyn Fn(&str) -> Option<Vec<u8>>,
        keep: &dyn Fn(&str, &[u8]),
    ) -> Result<Self, Error> {
        let directory = directory(tree, version)?;
        let files = order::sorted(tree, &directory)?;
        let key = record::key(&files);
        let modules = match recall(&key).and_then(|bytes| record::read(&bytes, &files)) {
            Some(modules) => modules,
            None => {
                let modules = read_all(&directory, &files, jobs, bounds)?;
                keep(&key, &record::write(&modules));
                modules
            }
        };
        let file = |name: &str| tree.lookup([directory.as_bytes(), b"/", name.as_bytes()].concat());
        let content = |name: &str| file(name).and_then(|(_, inode)| inode.content().cloned());
        Self::link(directory.clone(), modules, content("modules.builtin"), content("modules.builtin.modinfo"))
    }

    /// The same kernel with only some of its modules; order and links are those `depmod` would find for them.
    ///
    /// # Errors
    /// A cycle, which the whole kernel would have had, too.
    pub fn subset(&self, keep: &BTreeSet<usize>) -> Result<Self, Error> {
        let modules = keep.iter().filter_map(|&position| self.modules.get(position)).cloned().collect();
        Self::link(self.directory.clone(), modules, self.builtin.clone(), self.builtin_info.clone())
    }

    fn link(
        directory: TreePath,
        modules: Vec<Module>,
        builtin: Option<Content>,
        builtin_info: Option<Content>,
    ) -> Result<Self, Error> {
        let mut symbols = BTreeMap::new();
        for (owner, module) in modules.iter().enumerate() {
            // Of two modules that export one name, the later is the one found.
            symbols.extend(module.exports.iter().map(|name| (name.clone(), owner)));
        }
        let needs = modules.iter().map(|module| direct_needs(module, &symbols)).collect::<Vec<_>>();
        let rank = order::topological(&needs).map_err(|cycle| {
            Error::Cycle(cycle.into_iter().map(|position| modules[position].name.clone()).collect())
        })?;
        let names = modules.iter().enumerate().map(|(position, module)| (module.name.clone(), position)).collect();
        Ok(Self { directory, modules, needs, rank, names, symbols, builtin, builtin_info })
    }

    /// The kernel's directory in the tree: `usr/lib/modules/VERSION`.
    #[must_use]
    pub const fn directory(&self) -> &TreePath {
        &self.directory
    }

    /// The modules; other functions speak of them by their position here.
    #[must_use]
    pub fn as_slice(&self) -> &[Module] {
        &self.modules
    }

    /// The module of this name; dashes and underscores are the same.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<usize> {
        self.names.get(&module::normalize(name)).copied()
    }

    /// What `modprobe` would load for a word: the module of this name, else those with a matching alias.
    #[must_use]
    pub fn find(&self, word: &str) -> Vec<usize> {
        if let Some(position) = self.named(word) {
            return vec![position];
        }
        let Ok(word) = index::normalize_alias(word) else { return Vec::new() };
        let answers = |module: &Module| {
            let mut aliases = module.aliases.iter().filter_map(|alias| index::normalize_alias(alias).ok());
            aliases.any(|alias| glob::fits(alias.as_bytes(), word.as_bytes()))
        };
        (0..self.modules.len()).filter(|&position| answers(&self.modules[position])).collect()
    }

    /// Everything that must be loaded before a module, in the order of `modules.dep`: what needs something stands
    /// before it.
    #[must_use]
    pub fn dependencies(&self, position: usize) -> Vec<usize> {
        let mut found = BTreeSet::new();
        let mut todo = self.needs[position].clone();
        while let Some(next) = todo.pop() {
            if found.insert(next) {
                todo.extend(&self.needs[next]);
            }
        }
        let mut found: Vec<usize> = found.into_iter().collect();
        found.sort_by_key(|&position| self.rank[position]);
        found
    }

    /// Names of modules that are part of the kernel itself.
    ///
    /// # Errors
    /// `modules.builtin` cannot be read.
    pub fn builtin(&self) -> Result<BTreeSet<String>, Error> {
        index::builtin_names(self)
    }

    /// Firmware that code inside the kernel asks for: module, file.
    ///
    /// # Errors
    /// `modules.builtin.modinfo` cannot be read.
    pub fn builtin_firmware(&self) -> Result<Vec<(String, String)>, Error> {
        let records = index::builtin_records(self)?;
        Ok(records.into_iter().filter(|(_, key, _)| key == "firmware").map(|(name, _, value)| (name, value)).collect())
    }

    /// Writes the index files into the kernel's directory of a tree, as `depmod` does.
    ///
    /// # Errors
    /// As [`Modules::indices`], or the tree refuses a file.
    pub fn write_indices(&self, tree: &mut Tree, kmod: Kmod, mtime: i64) -> Result<(), Error> {
        for (name, bytes) in self.indices(kmod)? {
            let mut inode = Inode::file(0o644, bytes);
            inode.stat.mtime = mtime;
            tree.put([self.directory.as_bytes(), b"/", name.as_bytes()].concat(), inode)?;
        }
        Ok(())
    }

    /// The index files by name, as `depmod` of this kmod writes them.
    ///
    /// # Errors
    /// A name that the format cannot hold, or an unreadable `modules.builtin*`.
    pub fn indices(&self, kmod: Kmod) -> Result<BTreeMap<&'static str, Vec<u8>>, Error> {
        index::files(self, kmod)
    }
}

fn direct_needs(module: &Module, symbols: &BTreeMap<String, usize>) -> Vec<usize> {
    let mut needs = Vec::new();
    for symbol in &module.needs {
        // On powerpc a function's entry point is its name with a dot before it.
        let symbol = symbol.strip_prefix('.').unwrap_or(symbol);
        if let Some(&owner) = symbols.get(symbol)
            && !needs.contains(&owner)
        {
            needs.push(owner);
        }
    }
    needs
}

/// Reads all files; the result is in their order, whoever was ready first.
fn read_all(
    directory: &TreePath,
    files: &[(String, Content)],
    jobs: usize,
    (limits, cancel): (&Limits, &Cancel),
) -> Result<Vec<Module>, Error> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, files.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((path, content)) = files.get(index) else { break };
                    let module = cancel
                        .check()
                        .map_err(Error::from)
                        .and_then(|()| module::read(directory, path, content, limits));
                    results.lock().expect("no thread panics holding it").insert(index, module);
                }
            });
        }
    });
    results.into_inner().expect("all threads ended well").into_values().collect()
}

/// The content of a regular file that a directory entry leads to.
fn content_at(tree: &Tree, path: &TreePath) -> Option<Content> {
    match &tree.lookup(path.as_bytes())?.1.kind {
        Kind::File(content) => Some(content.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
