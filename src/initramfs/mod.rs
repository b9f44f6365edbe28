//! The small tree a diskless node's kernel starts in, assembled from the configured root; nothing is executed.
//!
//! It is what mkinitramfs (initramfs-tools 0.142 and 0.148) makes of the same root with `MODULES=netboot`: `init`,
//! its scripts and configuration, klibc's tools, busybox, udev, kmod, the libraries they need, and kernel modules
//! with their firmware. Added are the modules of all root modes and the boot script `scripts/imgbuild` for those that
//! initramfs-tools has no script for; `boot=` on the kernel's command line chooses.
//!
//! * [`files`]: copying with the root's links and libraries. * [`hooks`]: what packages add. * [`choice`]: which
//!   modules. * [`scripts`]: the order of boot scripts. * [`lint`]: what must hold before a node may boot it.

mod busybox;
mod choice;
mod files;
mod firmware;
mod hooks;
mod libraries;
mod lint;
mod modprobe;
mod netboot;
mod order;
mod root;
mod scripts;

use std::collections::BTreeSet;

use crate::cancel::Cancel;
use crate::cancel::Cancelled;
use crate::digest::Sha256;
use crate::host::Host;
use crate::kernel;
use crate::kernel::Kmod;
use crate::kernel::Modules;
use crate::recipe;
use crate::recipe::RootMode;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use files::Files;
pub use lint::check_nfsroot_options;
pub(crate) use root::Questions;
pub(crate) use root::Root;

/// Where initramfs-tools keeps what every image gets.
const SHARE: &str = "usr/share/initramfs-tools";
/// Where the administrator's part lies.
const ETC: &str = "etc/initramfs-tools";

/// How an initramfs is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Debian's name of the root's architecture.
    pub architecture: String,
    /// Which kernel; `None`: the newest in the root.
    pub kernel: Option<String>,
    /// Which modules besides those every root mode needs.
    pub modules: recipe::Modules,
    /// The root mode that is booted when the command line has no `boot=`.
    pub root: RootMode,
    /// SHA-256 and size of the image that nodes take into memory; no other is booted then, whatever the command line
    /// says.
    pub image: Option<(Sha256, u64)>,
    /// Kernel modules that make the interface which nodes boot by, of a VLAN or a bond; none: it is a card.
    pub links: Vec<&'static str>,
    /// Hooks of packages that are left out on purpose, by file name.
    pub skip_hooks: BTreeSet<String>,
    /// No file is newer than this.
    pub epoch: i64,
    /// Asked before each file and each step.
    pub cancel: Cancel,
}

impl Options {
    /// The stock: `MODULES=netboot`, `BOOT=nfs`, the newest kernel.
    #[must_use]
    pub fn new(architecture: &str, epoch: i64) -> Self {
        Self {
            architecture: architecture.to_owned(),
            kernel: None,
            modules: recipe::Modules::Netboot,
            root: RootMode::Nfs,
            image: None,
            links: Vec::new(),
            skip_hooks: BTreeSet::new(),
            epoch,
            cancel: Cancel::default(),
        }
    }

    fn version(&self, root: &Root<'_>) -> Result<String, Error> {
        self.kernel.clone().or_else(|| kernel::newest(root.kernels())).ok_or(Error::NoKernel)
    }
}

/// An initramfs.
#[derive(Debug, Clone)]
pub struct Initramfs {
    /// Its files: owned by root, none newer than the epoch.
    pub tree: Tree,
    /// What is in it and what is not.
    pub report: Report,
}

/// What was done, for the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The kernel's version.
    pub kernel: String,
    /// The kernel's modules that are in, by name.
    pub modules: Vec<String>,
    /// Firmware that modules may ask for and the root does not have: module, file.
    pub missing_firmware: Vec<(String, String)>,
    /// Hooks of packages whose work was done.
    pub hooks: Vec<String>,
    /// Hooks left out by the recipe.
    pub skipped_hooks: Vec<String>,
    /// Hooks left out because nodes do without: hook, why.
    pub unneeded_hooks: Vec<(String, String)>,
    /// What the user should know and that does not stop a build.
    pub warnings: Vec<String>,
}

impl Report {
    /// What the user should know, a line for each kind of thing.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let mut lines = self.warnings.clone();
        let mut reasons: Vec<&String> = self.unneeded_hooks.iter().map(|(_, why)| why).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let hooks = self.unneeded_hooks.iter().filter(|(_, why)| why == reason);
            let hooks: Vec<String> = hooks.map(|(hook, _)| format!("`{hook}`")).collect();
            lines.push(format!("the initramfs goes without {}: {reason}", hooks.join(", ")));
        }
        let mut drivers: Vec<&str> = self.missing_firmware.iter().map(|(module, _)| module.as_str()).collect();
        drivers.sort_unstable();
        drivers.dedup();
        if !drivers.is_empty() {
            let shown = drivers.iter().take(TOLD_DRIVERS).copied().collect::<Vec<_>>().join(", ");
            let more = drivers.len().saturating_sub(TOLD_DRIVERS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!(
                "the root has no firmware for {shown}{more}: nodes with such cards need packages such as \
                 `firmware-linux-nonfree`; the manifest names the files"
            ));
        }
        lines
    }
}

/// So many drivers are named in one line.
const TOLD_DRIVERS: usize = 8;

/// Why there is no initramfs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The root has no kernel at all.
    #[error("the root has no kernel: add a package such as `linux-image-amd64`")]
    NoKernel,
    /// The kernel's modules cannot be used.
    #[error("cannot use the modules of kernel `{version}`")]
    Kernel {
        /// Its version.
        version: String,
        /// Why.
        source: kernel::Error,
    },
    /// Everything that is needed and not there.
    #[error("the initramfs needs what the root does not have: {}", .0.join("; "))]
    Missing(Vec<String>),
    /// A package's hook that is not known here.
    #[error(
        "hook `{hook}` of package `{package}` is not known: its part of the initramfs would be missing; name it in `skip-hooks` of `[initramfs]` if the nodes can boot without"
    )]
    UnknownHook {
        /// File name.
        hook: String,
        /// Which package ships it.
        package: String,
    },
    /// A configuration that is not replicated.
    #[error("`{path}` sets `{setting}`, which is not supported here")]
    Setting {
        /// Which file.
        path: String,
        /// What it says.
        setting: String,
    },
    /// A file whose meaning cannot be told.
    #[error("cannot understand `{path}`: {reason}")]
    Unclear {
        /// Which.
        path: String,
        /// What is unclear.
        reason: String,
    },
    /// The result would not boot.
    #[error("the initramfs would not boot: {}", .0.join("; "))]
    Lint(Vec<String>),
    /// The tree refused a look or an edit.
    #[error("cannot put the initramfs together")]
    Tree(#[from] tree::Error),
    /// Somebody wanted it to end.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

/// Makes the initramfs of a configured root. What is read of the kernel's modules is kept in the host's store.
///
/// # Errors
/// The root lacks something, a hook or setting is not known, or the result would not boot.
pub fn assemble(host: &Host, root: &Tree, options: &Options) -> Result<Initramfs, Error> {
    assemble_asking(host, &Root::new(root), options)
}

/// As [`assemble`], of a root that notes what is asked.
pub(crate) fn assemble_asking(host: &Host, root: &Root<'_>, options: &Options) -> Result<Initramfs, Error> {
    let version = options.version(root)?;
    let modules = host.kernel_modules(root.kernels(), &version);
    let modules = modules.map_err(|source| Error::Kernel { version: version.clone(), source })?;
    let options = Options { cancel: host.cancel(), ..options.clone() };
    put_together(root, &modules, &version, &options)
}

/// As [`assemble`], with the modules of kernel `version` already read.
///
/// # Errors
/// As [`assemble`].
pub fn assemble_with(root: &Tree, modules: &Modules, version: &str, options: &Options) -> Result<Initramfs, Error> {
    put_together(&Root::new(root), modules, version, options)
}

fn put_together(root: &Root<'_>, modules: &Modules, version: &str, options: &Options) -> Result<Initramfs, Error> {
    let cancel = &options.cancel;
    let mut files = Files::new(root, options)?;
    let mut report = Report { kernel: version.to_owned(), ..Report::default() };
    let mut wanted = choice::Choice::new(root, modules, version)?;
    files.skeleton(version)?;
    scripts::configuration(&mut files, options)?;
    wanted.listed(&mut files)?;
    cancel.check()?;
    wanted.add(&options.modules)?;
    cancel.check()?;
    wanted.root_modes(&options.links)?;
    cancel.check()?;
    base(&mut files)?;
    hooks::apply(&mut files, &mut wanted, options, &mut report)?;
    scripts::copy(&mut files, options)?;
    order::write(&mut files)?;
    cancel.check()?;
    let chosen = wanted.finish()?;
    cancel.check()?;
    copy_modules(&mut files, modules, &chosen, version)?;
    report.missing_firmware = firmware::copy(&mut files, modules, &chosen, version)?;
    report.modules = chosen.iter().map(|&position| modules.as_slice()[position].name.clone()).collect();
    if !files.missing().is_empty() {
        return Err(Error::Missing(files.missing().iter().cloned().collect()));
    }
    let tree = files.finish();
    cancel.check()?;
    lint::check(root, &tree, version, options, &mut report)?;
    Ok(Initramfs { tree, report })
}

/// What mkinitramfs itself puts in, whatever the packages add.
fn base(files: &mut Files<'_>) -> Result<(), Error> {
    files.copy_as(&format!("/{SHARE}/init"), "/init")?;
    files.write("/etc/fstab", 0o644, Vec::new())?;
    files.symlink("/etc/mtab", "/proc/mounts")?;
    files.copy_executable("/sbin/modprobe", Some("/sbin"))?;
    files.copy_executable("/sbin/rmmod", Some("/sbin"))?;
    files.directory("/etc/modprobe.d")?;
    files.directory("/lib/modprobe.d")?;
    for directory in ["/etc/modprobe.d", "/lib/modprobe.d"] {
        for name in files.names(directory, "*.conf") {
            files.copy(&format!("{directory}/{name}"))?;
        }
    }
    files.copy_tree("/etc", "/etc", "ld.so.conf*")
}

/// The chosen modules with the indices that depmod would make for them alone.
fn copy_modules(
    files: &mut Files<'_>,
    modules: &Modules,
    chosen: &BTreeSet<usize>,
    version: &str,
) -> Result<(), Error> {
    let in_kernel = |source| Error::Kernel { version: version.to_owned(), source };
    let directory = format!("/lib/modules/{version}");
    for &position in chosen {
        files.copy(&format!("{directory}/{}", modules.as_slice()[position].path))?;
    }
    for name in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        if files.root().lookup(format!("{directory}/{name}")).is_some() {
            files.copy(&format!("{directory}/{name}"))?;
        }
    }
    // A root without kmod is found missing elsewhere; until then any layout will do.
    let kmod = files.root().kmod().unwrap_or(Kmod::new(34));
    let indices = modules.subset(chosen).and_then(|subset| subset.indices(kmod)).map_err(in_kernel)?;
    for (name, bytes) in indices {
        files.write(&format!("{directory}/{name}"), 0o644, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
