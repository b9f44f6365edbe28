//! Kernel modules that a distribution has as sources (DKMS): built in a system of their own, put into the image.
//!
//! That system has the kernel's headers and a compiler, and is made of the same archives as the image. It goes into the
//! sandbox, where dkms(8) builds what its packages bring. Of what comes back the modules alone are taken, so that
//! nothing else of a compiler's work reaches a node: they are decompressed, signed if there is a key, and put into
//! `updates/dkms` of their kernel, where depmod's rules prefer them.
//!
//! A module is left as it is, not compressed: forms of an image that count every byte compress it themselves, kmod of
//! every suite loads it, and its bytes do not depend on a compressor.

#[cfg(feature = "sign")]
mod der;
mod driver;
#[cfg(feature = "sign")]
mod signing;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;

#[cfg(feature = "sign")]
pub use signing::KeyError;
#[cfg(feature = "sign")]
pub use signing::ModuleKey;

use crate::host::Host;
use crate::host::RunError;
use crate::host::SandboxError;
use crate::kernel;
use crate::kernel::Kmod;
use crate::tree;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Where packages have their sources, each in a directory of its own with a `dkms.conf`.
const SOURCES: &str = "usr/src";
/// Where dkms keeps what it has built: `NAME/VERSION/KERNEL/ARCHITECTURE/module/FILE`.
const BUILT: &str = "var/lib/dkms";
/// Where they go, below their kernel's directory.
const UPDATES: &str = "updates/dkms";

/// Why there are no modules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The image has no kernel that they could be for.
    #[error(
        "the recipe builds kernel modules, and the image has no kernel: `packages` names none, such as `linux-image-amd64`"
    )]
    NoKernel,
    /// The package comes into the image itself.
    #[error(
        "`{package}` is to be built outside of the image, and something brings it in, with its compiler: {reason}; leave \
         that out, and name in `packages` what nodes need of it"
    )]
    InImage {
        /// Which.
        package: String,
        /// Why it is there, in words.
        reason: String,
    },
    /// Nothing is remembered, and nothing can be built.
    #[error("kernel modules cannot be built here: {reason}")]
    Unavailable {
        /// What lacks.
        reason: String,
    },
    /// The package has no sources of modules.
    #[error("`{0}` has no `/usr/src/*/dkms.conf`: it is no package with sources of kernel modules")]
    NoSources(String),
    /// The system to build in cannot be used.
    #[error("cannot use the system that kernel modules are built in")]
    Tree(#[from] tree::Error),
    /// dkms did not build them.
    #[error("cannot build kernel modules")]
    Run(#[source] RunError),
    /// What dkms has left is none.
    #[error("cannot read `{path}`, which was built as a kernel module")]
    Read {
        /// Where it lies in the system that it was built in.
        path: TreePath,
        /// Why.
        source: io::Error,
    },
    /// A module lies under a name that none has, or belongs to sources of no package.
    #[error("`{0}` was built as a kernel module, and has no name or no sources of one")]
    Name(TreePath),
    /// Two packages have built one file.
    #[error("two packages have built `{file}` for kernel `{kernel}`: `{one}` and `{other}`")]
    Twice {
        /// The file's name.
        file: String,
        /// For which kernel.
        kernel: String,
        /// One of them.
        one: String,
        /// And the other.
        other: String,
    },
    /// A package has built none for a kernel.
    #[error("`{package}` has built no module for kernel `{kernel}`")]
    Nothing {
        /// Which.
        package: String,
        /// For which.
        kernel: String,
    },
    /// The key cannot be read.
    #[error("cannot read the key of `[module-signing]`")]
    Key(#[source] io::Error),
    /// Key or certificate is none, or not one that modules are signed with.
    #[cfg(feature = "sign")]
    #[error("cannot sign kernel modules")]
    Sign(#[source] KeyError),
    /// The library cannot sign.
    #[cfg(not(feature = "sign"))]
    #[error("cannot sign kernel modules: the library was built without the feature `sign`")]
    Unsigned,
    /// The kernel's indices cannot be made with them.
    #[error("cannot make the indices of kernel `{version}` with the modules that were built")]
    Kernel {
        /// Which.
        version: String,
        /// Why.
        source: kernel::Error,
    },
}

impl Error {
    /// Whether the recipe is to be changed.
    #[must_use]
    pub const fn is_of_recipe(&self) -> bool {
        matches!(self, Self::NoKernel | Self::InImage { .. } | Self::NoSources(_))
    }
}

/// A module, not compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The version of the kernel that it is for.
    pub kernel: String,
    /// `v4l2loopback.ko`
    pub file: String,
    /// What dkms calls the sources.
    pub module: String,
    /// Their version.
    pub version: String,
    /// The package that they are from.
    pub package: String,
    /// Its bytes, without a signature.
    pub content: Content,
}

/// What to build, and in what.
#[derive(Debug)]
pub struct Job<'a> {
    /// A system with dkms, a compiler, and sources in `/usr/src`.
    pub system: &'a Tree,
    /// The packages that must build something for each kernel.
    pub packages: &'a BTreeSet<String>,
    /// Versions of the kernels; the system has the headers of each.
    pub kernels: &'a [String],
    /// No time in it is later.
    pub epoch: i64,
}

/// Builds the modules of all sources of a system. `package` tells whose a path is. In the order of kernels and files.
///
/// # Errors
/// A package has no sources, the sandbox cannot be had, or dkms does not build them.
pub fn build(host: &Host, job: &Job<'_>, package: &dyn Fn(&TreePath) -> Option<String>) -> Result<Vec<Built>, Error> {
    let sources = sources(job.system, package);
    for wanted in job.packages {
        if !sources.values().any(|owner| owner == wanted) {
            return Err(Error::NoSources(wanted.clone()));
        }
    }
    let wanted = sources.iter().filter(|(_, owner)| job.packages.contains(*owner)).map(|(source, _)| source.as_str());
    let left = driver::run(host, job, &wanted.collect::<Vec<_>>())?;
    let built = taken(host, &left, job, &sources)?;
    for wanted in job.packages {
        for kernel in job.kernels {
            if !built.iter().any(|module| module.package == *wanted && module.kernel == *kernel) {
                return Err(Error::Nothing { package: wanted.clone(), kernel: kernel.clone() });
            }
        }
    }
    Ok(built)
}

/// Directory below `/usr/src` → the package whose sources it has.
fn sources(system: &Tree, package: &dyn Fn(&TreePath) -> Option<String>) -> BTreeMap<String, String> {
    let place = TreePath::literal(SOURCES);
    let directories = system.children(&place).filter(|(_, inode)| inode.is_directory());
    let source = |path: &TreePath| {
        let name = std::str::from_utf8(path.name()).ok().filter(|name| is_word(name))?;
        let configuration = path.join("dkms.conf").ok()?;
        system.get(&configuration)?;
        Some((name.to_owned(), package(&configuration)?))
    };
    directories.filter_map(|(path, _)| source(path)).collect()
}

/// The modules among what the sandbox gave back. Whoever built them may have left anything.
fn taken(host: &Host, left: &Tree, job: &Job<'_>, sources: &BTreeMap<String, String>) -> Result<Vec<Built>, Error> {
    let mut built: BTreeMap<(String, String), Built> = BTreeMap::new();
    for (path, inode) in left.below(&TreePath::literal(BUILT)) {
        let parts: Option<Vec<&str>> = path.components().skip(3).map(|part| std::str::from_utf8(part).ok()).collect();
        let Some([module, version, kernel, _, "module", file]) = parts.as_deref() else { continue };
        let Kind::File(content) = &inode.kind else { continue };
        if !job.kernels.iter().any(|known| known == kernel) {
            continue;
        }
        // dkms leaves lists of symbols there as well.
        let Some(name) = kernel::plain_name(file) else { continue };
        if ![module, version, file].into_iter().all(|word| is_word(word)) {
            return Err(Error::Name(path.clone()));
        }
        let bytes = kernel::plain(file, content, &host.limits);
        let bytes = bytes.map_err(|source| Error::Read { path: path.clone(), source })?;
        let source = left.get(&TreePath::literal(&format!("{BUILT}/{module}/{version}/source")));
        let source = source.and_then(|inode| match &inode.kind {
            Kind::Symlink(target) => std::str::from_utf8(target).ok()?.strip_prefix("/usr/src/"),
            _ => None,
        });
        let package =
            source.and_then(|source| sources.get(source)).cloned().ok_or_else(|| Error::Name(path.clone()))?;
        let one = Built {
            kernel: (*kernel).to_owned(),
            file: name.to_owned(),
            module: (*module).to_owned(),
            version: (*version).to_owned(),
            package,
            content: Content::from_bytes(bytes),
        };
        let key = (one.kernel.clone(), one.file.clone());
        if let Some(other) = built.get(&key) {
            let (kernel, file) = key;
            return Err(Error::Twice { file, kernel, one: other.package.clone(), other: one.package });
        }
        built.insert(key, one);
    }
    Ok(built.into_values().collect())
}

/// Names of dkms's, of files and of versions: nothing that a path or a terminal takes for more.
fn is_word(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~:-".contains(&byte);
    !text.starts_with('.') && !text.is_empty() && text.bytes().all(is_known)
}

/// Puts modules into an image, and makes the indices of their kernels anew. Returns where each lies.
///
/// # Errors
/// The image has no such kernel, or a module is none.
pub fn install(host: &Host, tree: &mut Tree, modules: &[Built], epoch: i64) -> Result<Vec<TreePath>, Error> {
    let mut paths = Vec::new();
    for module in modules {
        let failed = |source| Error::Kernel { version: module.kernel.clone(), source };
        let directory = kernel::directory(tree, &module.kernel).map_err(failed)?;
        let directory = directory.join(UPDATES).map_err(tree::Error::from)?;
        let directory = tree.make_directories(directory.as_bytes(), 0o755)?;
        let mut inode = Inode::file(0o644, Vec::new());
        inode.kind = Kind::File(module.content.clone());
        inode.stat.mtime = epoch;
        let path = directory.join(&module.file).map_err(tree::Error::from)?;
        tree.insert(path.clone(), inode)?;
        paths.push(path);
    }
    let Some(kmod) = Kmod::of(tree) else { return Ok(paths) };
    let kernels: BTreeSet<&String> = modules.iter().map(|module| &module.kernel).collect();
    for version in kernels {
        let indexed = host.kernel_modules(tree, version);
        let written = indexed.and_then(|modules| modules.write_indices(tree, kmod, epoch));
        written.map_err(|source| Error::Kernel { version: version.clone(), source })?;
    }
    Ok(paths)
}

/// Why nothing can be built here; `None`: it can. What runs is of this architecture.
#[must_use]
pub fn obstacle(host: &Host, architecture: &str) -> Option<String> {
    let own = std::env::consts::ARCH;
    let own = driver::ARCHITECTURES.iter().find(|(name, _)| *name == own).map_or(own, |(_, debian)| *debian);
    if own != architecture {
        return Some(format!("they are for {architecture}, and their compiler runs on this machine, which is {own}"));
    }
    match driver::attempt(host) {
        Err(SandboxError::Unavailable(reason)) => Some(reason),
        _ => None,
    }
}
