//! Which modules go in: those asked for, what they need, and what should be loaded with them.

use std::collections::BTreeSet;

use super::ETC;
use super::Error;
use super::Root;
use super::SHARE;
use super::files::Files;
use super::modprobe::Configuration;
use super::netboot;
use super::netboot::Step;
use crate::format::glob::fits;
use crate::kernel::Module;
use crate::kernel::Modules;
use crate::recipe;

/// What our root modes need at boot, whatever else is chosen: NFS of all versions, the network's packet socket for
/// DHCP, and what an overlay or an image in memory is made of.
const ROOT_MODES: [&str; 15] = [
    "af_packet",
    "auth_rpcgss",
    "dns_resolver",
    "erofs",
    "grace",
    "lockd",
    "loop",
    "nfs",
    "nfs_acl",
    "nfsv2",
    "nfsv3",
    "nfsv4",
    "overlay",
    "squashfs",
    "sunrpc",
];
/// Of those, what a kernel may lack and nodes still boot: NFSv2 is gone from newer kernels.
const OPTIONAL: [&str; 5] = ["auth_rpcgss", "dns_resolver", "erofs", "nfs_acl", "nfsv2"];

/// Modules while they are chosen.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    modules: &'a Modules,
    version: &'a str,
    configuration: Configuration,
    builtin: BTreeSet<String>,
    functions: String,
    chosen: BTreeSet<usize>,
    missing: Vec<String>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(root: &Root<'_>, modules: &'a Modules, version: &'a str) -> Result<Self, Error> {
        let in_kernel = |source| Error::Kernel { version: version.to_owned(), source };
        let functions = root.read(format!("{SHARE}/hook-functions"))?.unwrap_or_default();
        Ok(Self {
            modules,
            version,
            configuration: Configuration::read(root, modules)?,
            builtin: modules.builtin().map_err(in_kernel)?,
            functions: String::from_utf8_lossy(&functions).into_owned(),
            chosen: BTreeSet::new(),
            missing: Vec::new(),
        })
    }

    /// Modules that the root's own configuration lists; they are loaded at boot, too.
    pub(super) fn listed(&mut self, files: &mut Files<'_>) -> Result<(), Error> {
        let directory = format!("/{SHARE}/modules.d");
        let names = files.names(&directory, "*").into_iter().map(|name| format!("{directory}/{name}"));
        let mut lines = String::new();
        for path in [format!("/{ETC}/modules")].into_iter().chain(names) {
            let text = files.root().read(&path)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let Some((module, arguments)) = line.trim().split_once(char::is_whitespace).or(Some((line.trim(), "")))
                else {
                    continue;
                };
                if !module.is_empty() {
                    self.word(module);
                    lines.push_str(&format!("{module} {}\n", arguments.trim()));
                }
            }
        }
        if !lines.is_empty() {
            files.write("/conf/modules", 0o644, lines.into_bytes())?;
        }
        Ok(())
    }

    /// What the recipe asks for.
    pub(super) fn add(&mut self, wish: &recipe::Modules) -> Result<(), Error> {
        match wish {
            recipe::Modules::Netboot => {
                let unclear = |reason| Error::Unclear { path: format!("/{SHARE}/hook-functions"), reason };
                for step in netboot::steps(&self.functions).map_err(unclear)? {
                    self.step(&step);
                }
            }
            recipe::Modules::List(words) => {
                for word in words {
                    let before = self.chosen.len();
                    if !self.glob(word) && self.chosen.len() == before {
                        self.missing.push(word.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// What every root mode of ours needs, and the interface that the root comes by.
    pub(super) fn root_modes(&mut self, links: &[&'static str]) -> Result<(), Error> {
        let needed = ROOT_MODES.into_iter().chain(links.iter().copied());
        let lacking: Vec<&str> = needed.filter(|word| !self.word(word)).collect();
        self.missing.extend(lacking.into_iter().filter(|word| !OPTIONAL.contains(word)).map(str::to_owned));
        Ok(())
    }

    /// Adds what a word stands for, with all it needs, as `manual_add_modules` does. `false` when the kernel has no
    /// such module, neither as a file nor inside itself.
    pub(super) fn word(&mut self, word: &str) -> bool {
        if let Some(directory) = word.strip_prefix('=') {
            let found = self.below(directory);
            found.iter().for_each(|&position| self.take(position));
            return !found.is_empty();
        }
        let found = self.lookup(word);
        found.iter().for_each(|&position| self.take(position));
        !found.is_empty() || self.builtin.contains(&word.replace('-', "_"))
    }

    /// The modules to copy.
    pub(super) fn finish(mut self) -> Result<BTreeSet<usize>, Error> {
        if !self.missing.is_empty() {
            let text = |word: &String| format!("module `{word}` of kernel `{}`", self.version);
            return Err(Error::Missing(self.missing.iter().map(text).collect()));
        }
        let unclear = |reason| Error::Unclear { path: format!("/{SHARE}/hook-functions"), reason };
        // A root without initramfs-tools is found missing with the rest of it.
        if !self.functions.is_empty() {
            let hidden = netboot::hidden(&self.functions).map_err(unclear)?;
            let stem =
                |path: &str| path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or_default().to_owned();
            let mut names: BTreeSet<String> =
                self.chosen.iter().map(|&at| stem(&self.modules.as_slice()[at].path)).collect();
            names.extend(self.builtin.iter().cloned());
            for word in names.iter().filter_map(|name| hidden.get(name)).flatten() {
                self.word(word);
            }
        }
        Ok(self.chosen)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Words(words) => words.iter().for_each(|word| {
                self.word(word);
            }),
            Step::Directory { path, except } => {
                let inside = format!("{path}/");
                let excluded = |module: &Module| {
                    module
                        .path
                        .split('/')
                        .skip(path.split('/').count())
                        .any(|name| except.iter().any(|pattern| fits(pattern.as_bytes(), name.as_bytes())))
                };
                let names = self.modules.as_slice().iter();
                let names = names.filter(|module| module.path.starts_with(&inside) && !excluded(module));
                names.map(|module| module.name.clone()).collect::<Vec<_>>().iter().for_each(|name| {
                    self.word(name);
                });
            }
            Step::Filtered { words, symbols, without } => {
                let found: BTreeSet<usize> = words.iter().flat_map(|word| self.candidates(word)).collect();
                for position in found {
                    let module = &self.modules.as_slice()[position];
                    let path = format!("/lib/modules/{}/{}", self.version, module.path);
                    let needs = || module.needs.iter().any(|need| symbols.iter().any(|symbol| need.contains(symbol)));
                    if !without.iter().any(|part| path.contains(part)) && needs() {
                        self.take(position);
                    }
                }
            }
        }
    }

    fn candidates(&self, word: &str) -> Vec<usize> {
        word.strip_prefix('=').map_or_else(|| self.lookup(word), |directory| self.below(directory))
    }

    /// A name, or a pattern of names or of paths below the kernel's directory.
    fn glob(&mut self, word: &str) -> bool {
        if !word.contains(['*', '?', '[']) {
            return self.word(word);
        }
        let pattern = word.replace('-', "_");
        let hits = |module: &Module| match word.contains('/') {
            true => fits(word.as_bytes(), module.path.as_bytes()),
            false => fits(pattern.as_bytes(), module.name.as_bytes()),
        };
        let modules = self.modules.as_slice();
        let found: Vec<usize> = (0..modules.len()).filter(|&position| hits(&modules[position])).collect();
        found.iter().for_each(|&position| self.take(position));
        !found.is_empty()
    }

    fn below(&self, directory: &str) -> Vec<usize> {
        let directory = directory.trim_matches('/');
        let bases = ["kernel", "extra", "updates"].map(|base| format!("{base}/{directory}/"));
        let inside = |module: &Module| bases.iter().any(|base| module.path.starts_with(base));
        let modules = self.modules.as_slice();
        (0..modules.len()).filter(|&position| inside(&modules[position])).collect()
    }

    /// What `modprobe` would load for a word: by an `alias` line, by name, by the modules' own aliases.
    fn lookup(&self, word: &str) -> Vec<usize> {
        let aliased: Vec<usize> =
            self.configuration.aliased(word).into_iter().filter_map(|module| self.modules.named(module)).collect();
        if aliased.is_empty() { self.modules.find(word) } else { aliased }
    }

    fn take(&mut self, position: usize) {
        let mut todo = vec![position];
        while let Some(position) = todo.pop() {
            if self.chosen.insert(position) {
                todo.extend(self.modules.dependencies(position));
                let name = &self.modules.as_slice()[position].name;
                todo.extend(self.configuration.companions(name).flat_map(|word| self.lookup(word)));
            }
        }
    }
}
