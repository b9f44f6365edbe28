//! The recipe: what the user asks for, as parsed and checked values; and its lock: what was chosen for it.
//!
//! Defaults are already applied, every value is in grammar and every file that the recipe names is read, so no later
//! stage looks at text or at the recipe's directory again.

mod cluster;
#[cfg(feature = "cli")]
mod edit;
mod expand;
mod file;
pub(crate) mod grammar;
mod hosts;
mod identity;
mod images;
mod inventory;
mod link;
mod lock;
mod machines;
mod meaning;
mod modules;
mod networks;
mod nodes;
mod overlay;
mod problem;
mod raw;
mod reference;
mod shape;
mod site;
mod text;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

#[cfg(feature = "cli")]
pub use edit::EditError;
#[cfg(feature = "cli")]
pub use edit::add_node;
#[cfg(feature = "cli")]
pub use edit::add_packages;
#[cfg(feature = "cli")]
pub use edit::package_of;
#[cfg(feature = "cli")]
pub use edit::remove_packages;
pub use file::LocalFile;
pub use link::Bond;
pub use link::BondMode;
pub use lock::Lock;
pub use lock::LockError;
pub use lock::LockedImage;
pub use lock::LockedPackage;
pub use lock::LockedRecipe;
pub use lock::LockedSource;
pub(crate) use lock::check_ids;
pub use machines::BootMode;
pub use machines::DhcpMode;
pub use machines::Head;
pub use machines::Network;
pub use machines::NetworkOptions;
pub use machines::Node;
pub use machines::Standby;
pub use machines::TftpServer;
pub(crate) use meaning::POCKETS;
pub use modules::ModuleSigning;
pub(crate) use nodes::NODE_ARGUMENT;
pub(crate) use nodes::SERVICE_ARGUMENT;
pub(crate) use nodes::generated;
pub(crate) use nodes::hosts;
pub use problem::Error;
pub use problem::Problem;
pub(crate) use problem::nearest;
pub(crate) use site::HOSTS;
pub(crate) use site::SITE_PORT;
pub use site::SiteEntry;
pub use site::load_with_site;

use crate::digest::Sha256;
use crate::format::compress::Compression;
use crate::tree::Inode;
use crate::tree::TreePath;

/// Reads the recipe at `path`, with all that it extends and all files that it names.
///
/// Those must lie below the recipe's directory when all symbolic links are followed: a recipe is whole by itself, and
/// somebody else's cannot take files of the builder's.
///
/// # Errors
/// A file cannot be read, or the recipe is wrong: then all that is wrong, each with its place.
pub fn load(path: &Path) -> Result<Recipe, Error> {
    meaning::load(path, false)
}

/// Reads a recipe from a text, as [`load`] does from a file; what it names lies below `directory`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, directory: &Path) -> Result<Recipe, Error> {
    meaning::parse(text, directory)
}

/// The recipe at `path` as it would be with another text.
#[cfg(feature = "cli")]
pub(crate) fn with_text(path: &Path, text: &str) -> Result<Recipe, Error> {
    meaning::with_text(path, text)
}

/// A mirror's base URL as recipes may have it, without a slash at its end.
///
/// # Errors
/// It is none: why, in words.
pub fn check_mirror(url: &str) -> Result<String, String> {
    grammar::url(url)
}

/// A recipe's name as recipes may have it.
///
/// # Errors
/// It is none: why, in words.
pub fn check_name(name: &str) -> Result<String, String> {
    grammar::recipe_name(name)
}

/// A public key of ssh as recipes may have it.
///
/// # Errors
/// It is none: why, in words.
pub fn check_ssh_key(line: &str) -> Result<String, String> {
    grammar::ssh_key(line)
}

/// The JSON schema of recipes, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::Recipe).into()
}

/// The reference of every key, in Markdown.
#[must_use]
pub fn reference() -> String {
    reference::markdown(&schema())
}

/// A whole recipe, `extends` resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// Names the outputs: `[a-z0-9][a-z0-9.-]*`.
    pub name: String,
    /// Which of the recipe's images it is; `None`: the recipe has one and no name for it, or it is the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The images of a recipe that has several, in its order, each as if the recipe were for it alone; then what stands
    /// here is the first of them. None: the recipe is for one, which has no name.
    #[serde(skip)]
    pub images: Vec<Self>,
    /// Where the recipe's file lies, all symbolic links followed.
    #[serde(skip)]
    pub directory: PathBuf,
    /// SHA-256 of the recipe's whole meaning, not of its spelling.
    #[serde(skip)]
    pub digest: Sha256,
    /// SHA-256 of the part that decides which packages are chosen: a lock made for another is stale. A changed
    /// overlay or node does not make a lock stale.
    #[serde(skip)]
    pub selection: Sha256,
    /// The packages asked for.
    pub packages: Vec<PackageRequest>,
    /// Debian's own archive.
    pub debian: Debian,
    /// Which versions are preferred, in the recipe's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// Further archives, in order; number 1 and up in [`Package::archive`](crate::deb::Package::archive).
    pub archives: Vec<Archive>,
    /// What is installed and left out.
    pub install: Install,
    /// Own files, in order.
    pub overlay: Vec<OverlayEntry>,
    /// Files that nodes take from the head: they are no part of any image, and of no digest.
    #[serde(skip)]
    pub site: Vec<SiteEntry>,
    /// How scripts are treated.
    pub configure: Configure,
    /// Packages whose kernel modules are built outside of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kernel_modules: Vec<PackageRequest>,
    /// What they are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_signing: Option<ModuleSigning>,
    /// Who may log in.
    #[serde(skip_serializing_if = "Access::is_none")]
    pub access: Access,
    /// The diskless node; `None`: a plain root.
    pub diskless: Option<Diskless>,
    /// The head node; needs nodes and `diskless` to be of use.
    pub head: Option<Head>,
    /// The nodes, in the recipe's order.
    pub nodes: Vec<Node>,
    /// The initramfs; made when the root has a kernel and `diskless` is given.
    pub initramfs: Initramfs,
    /// Output formats of the root tree, at least one.
    pub formats: Vec<Format>,
    /// Format → what may be lost on purpose in it (`xattrs`).
    pub lossy: Vec<String>,
    /// Whether there is a disk that machines boot from instead of the network.
    #[serde(skip_serializing_if = "is_false")]
    pub stick: bool,
    /// Who gives the image to others, for bills of materials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
}

// A recipe that does not ask for something is the recipe that it always was.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Recipe {
    /// Its images, each as if the recipe were for it alone: itself, where it is.
    #[must_use]
    pub fn each(&self) -> &[Self] {
        if self.images.is_empty() { std::slice::from_ref(self) } else { &self.images }
    }

    /// The recipe of these images; of one without a name it is that one.
    fn of_images(images: Vec<Self>) -> Option<Self> {
        let mut whole = images.first()?.clone();
        if whole.image.take().is_none() {
            return Some(whole);
        }
        whole.digest = identity::of_images(&images, |image| image.digest);
        whole.selection = identity::of_images(&images, |image| image.selection);
        whole.images = images;
        Some(whole)
    }
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PackageRequest {
    /// A package of an archive by name, `name[:arch][=version]` or `name[:arch]/release`; in the version `*` matches
    /// anything.
    Named {
        /// Package name.
        name: String,
        /// `:arch`
        architecture: Option<String>,
        /// Version or glob.
        version: Option<String>,
        /// Suite, codename or pocket that it is to come from.
        #[serde(skip_serializing_if = "Option::is_none")]
        release: Option<String>,
    },
    /// A .deb of one's own.
    Local(LocalFile),
}

/// The package with a Raspberry Pi's own loader: a recipe with a head that names it has such nodes.
pub(crate) const RASPBERRY_PI: &str = "raspi-firmware";

impl PackageRequest {
    /// The package's name; a .deb of one's own says its name itself.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named { name, .. } => Some(name),
            Self::Local(_) => None,
        }
    }
}

/// `[debian]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Debian {
    /// `trixie`
    pub suite: String,
    /// `amd64`
    pub architecture: String,
    /// `main` …
    pub components: Vec<String>,
    /// `updates`, `security`, `backports`; default the first two, as far as the suite has them.
    pub pockets: Vec<String>,
    /// From the recipe; the command line and environment may give another.
    pub mirror: Option<String>,
    /// `20261101T000000Z`: every pocket from the snapshot archive of that time.
    pub snapshot: Option<String>,
    /// A keyring of one's own in place of the shipped ones.
    pub signed_by: Option<LocalFile>,
}

/// The codenames up to buster, whose security archive had a layout of its own.
const OLD: [&str; 10] =
    ["potato", "woody", "sarge", "etch", "lenny", "squeeze", "wheezy", "jessie", "stretch", "buster"];

impl Debian {
    /// What the suite of a pocket is called; without one it is Debian's itself.
    #[must_use]
    pub fn suite_of(&self, pocket: Option<&str>) -> String {
        match pocket {
            None => self.suite.clone(),
            Some("security") if self.is_archived() => format!("{}/updates", self.suite),
            Some(pocket) => format!("{}-{pocket}", self.suite),
        }
    }

    /// Whether the suite has left Debian's mirrors for the archive of old releases.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        OLD.contains(&self.suite.as_str())
    }
}

/// `[[archive]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Archive {
    /// Base URL.
    pub url: String,
    /// Suite or codename.
    pub suite: String,
    /// Components.
    pub components: Vec<String>,
    /// Keyring that alone counts for this archive.
    pub signed_by: LocalFile,
    /// When not empty, only these packages (names or globs) may come from here.
    pub packages: Vec<String>,
    /// Checks that its Release is let off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allowance>,
}

/// A check that a further archive's Release is let off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Allowance {
    /// Its suite and codename are missing, or others than asked for.
    SuiteMismatch,
    /// Its date is missing or cannot be read; when it was signed counts instead.
    NoDate,
    /// It has expired.
    Expired,
}

/// `[[pin]]`: the priority of versions, as `apt_preferences(5)` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// Names or globs; none: all packages.
    pub packages: Vec<String>,
    /// URL of a further archive, or `debian`.
    pub archive: Option<String>,
    /// Pocket of Debian's: `backports`.
    pub pocket: Option<String>,
    /// A glob of versions.
    pub version: Option<String>,
    /// Below 0: never; above 0: the highest is preferred. Never 0.
    pub priority: i32,
}

/// `[install]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Install {
    /// What lies below the packages asked for.
    pub base: Base,
    /// Whether Recommends are installed.
    pub recommends: bool,
    /// path-exclude globs, in order with `include`: all excludes, then all includes.
    pub exclude: Vec<String>,
    /// path-include globs.
    pub include: Vec<String>,
}

/// `base =`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Base {
    /// The packages asked for and what they depend on, and not even what Debian takes for granted in every system. Scripts
    /// are followed all the same, and one that wants what is not there fails the build: `base-files` and `base-passwd`
    /// have the directories and accounts that most want. The sandbox, which runs scripts, is refused.
    Nothing,
    /// Essential packages only.
    Essential,
    /// And Priority: required (the default).
    Required,
    /// And Priority: important.
    Important,
}

/// `[[overlay]]`: one file, directory tree, link or removal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverlayEntry {
    /// Where in the root.
    #[serde(serialize_with = "identity::path")]
    pub path: TreePath,
    /// What.
    pub kind: OverlayKind,
    /// Mode; files 0644, directories 0755 unless the recipe says else.
    pub mode: Option<u32>,
    /// Owner: number or a name of the image.
    pub user: Option<String>,
    /// Group: number or a name of the image.
    pub group: Option<String>,
}

/// What an overlay entry puts in place.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OverlayKind {
    /// Bytes of the recipe.
    #[serde(serialize_with = "identity::bytes")]
    Content(Vec<u8>),
    /// A file or directory beside the recipe, as it was when the recipe was loaded: paths relative to the entry's,
    /// the root path itself first, parents before what is in them. Owned by root; 0755 or, for files that nobody
    /// may execute, 0644: the builder's umask and user are not in it.
    #[serde(serialize_with = "identity::files")]
    Source(Vec<(TreePath, Inode)>),
    /// A symbolic link.
    Symlink(String),
    /// An empty directory.
    Directory,
    /// The path is removed, with what is below.
    Remove,
}

/// `[configure]`
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Configure {
    /// Package → how its scripts are treated, where not the default.
    pub packages: BTreeMap<String, Treatment>,
    /// What becomes of others that cannot be followed.
    #[serde(skip_serializing_if = "Otherwise::is_error")]
    pub otherwise: Otherwise,
    /// debconf answers: question → value.
    pub debconf: BTreeMap<String, String>,
}

impl Configure {
    /// Whether scripts may run in the sandbox because the recipe says so.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.otherwise == Otherwise::Sandbox || self.packages.values().any(|way| *way == Treatment::Sandbox)
    }
}

/// `otherwise =`: what becomes of a package whose scripts cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Otherwise {
    /// The build fails, and names it.
    #[default]
    Error,
    /// Its scripts run in the sandbox.
    Sandbox,
    /// Its scripts run on the node's first boot.
    FirstBoot,
}

impl Otherwise {
    // A recipe that does not say it is the recipe that it always was.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_error(&self) -> bool {
        *self == Self::Error
    }

    /// The treatment that it is; `None`: an error.
    #[must_use]
    pub const fn treatment(self) -> Option<Treatment> {
        match self {
            Self::Error => None,
            Self::Sandbox => Some(Treatment::Sandbox),
            Self::FirstBoot => Some(Treatment::FirstBoot),
        }
    }
}

/// How one package's scripts are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Treatment {
    /// Run in the sandbox.
    Sandbox,
    /// Run on the node's first boot.
    FirstBoot,
    /// Not run.
    Skip,
}

/// `[access]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Public keys of ssh, as lines of authorized_keys without options, with which root may log in.
    pub ssh_keys: Vec<String>,
}

impl Access {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// `[diskless]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diskless {
    /// How the root is mounted.
    pub root: RootMode,
    /// The boot interface's name; never brought up by the node's own network configuration.
    pub interface: String,
    /// What it is made of, when it is a bond or a VLAN of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<Bond>,
    /// Mount point → size, as tmpfs writes it (`25%`, `64M`).
    pub tmpfs: BTreeMap<String, String>,
    /// Further HTTP servers that have the images of roots in memory, without a slash at their ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Where logs go; `None`: to the head, where there is one and the root has syslog-ng.
    pub syslog: Option<String>,
    /// DNS servers for resolv.conf; default the head.
    pub nameservers: Vec<Ipv4Addr>,
    /// Domain of the cluster.
    pub domain: Option<String>,
    /// Further kernel arguments.
    pub kernel_arguments: Vec<String>,
}

/// `root =`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum RootMode {
    /// One shared read-write root over NFSv3: the classic.
    Nfs,
    /// Read-only root with a tmpfs over it.
    Overlay,
    /// An image fetched into memory.
    Ram,
}

/// `[initramfs]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Initramfs {
    /// Which modules.
    pub modules: Modules,
    /// How it is compressed.
    pub compression: Compression,
    /// Hooks of packages that are left out, by file name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_hooks: Vec<String>,
}

/// `modules =`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// What mkinitramfs takes for `MODULES=netboot`, and what our root modes need.
    Netboot,
    /// These names or globs (of names or paths below the kernel's directory), with their dependencies.
    List(Vec<String>),
}

/// An output format of the root tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum Format {
    /// `root.tar`
    Tar,
    /// `root.tar.zst`
    #[serde(rename = "tar.zst")]
    TarZst,
    /// `root.tar.xz`
    #[serde(rename = "tar.xz")]
    TarXz,
    /// `root.tar.gz`
    #[serde(rename = "tar.gz")]
    TarGz,
    /// `root/`
    Directory,
    /// `root.cpio`
    Newc,
    /// `root.squashfs`, compressed with zstd. Squashfs has no place for POSIX ACLs.
    Squashfs,
    /// `root.erofs`, compressed with LZ4, which the kernels of bookworm and trixie read. Its NFS file handles are the
    /// same on every head.
    Erofs,
    /// `root.oci/`, a container image as a layout of the OCI's: layers by packages, so that an update moves few of them,
    /// compressed with gzip.
    Oci,
}

impl Format {
    /// What a root in this format is called among the outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "root.tar",
            Self::TarZst => "root.tar.zst",
            Self::TarXz => "root.tar.xz",
            Self::TarGz => "root.tar.gz",
            Self::Directory => "root",
            Self::Newc => "root.cpio",
            Self::Squashfs => "root.squashfs",
            Self::Erofs => "root.erofs",
            Self::Oci => "root.oci",
        }
    }
}

#[cfg(test)]
mod tests;
