//! .debs → [`Tree`], by the rules of dpkg(1), with the dpkg database as dpkg writes it.
//!
//! Every package is decoded once, in parallel, into the store; then all are merged into the tree one after the
//! other, because dpkg's rules (who came first, who replaces whom, what a link points at) depend on the order.
//! Nothing of a package is executed here: the caller's `before` is told when a package is about to appear.
//!
//! * `package`: one .deb. * `layout`: what lies there before all. * `overrides`:
//!   diversions and statoverrides. * `filter`: what stays out. * `merge`: the rules. * `database`: what dpkg knows.
//! * `withheld`: files that wait for their preinst.

mod database;
mod filter;
mod layout;
mod merge;
mod overrides;
mod package;
mod withheld;

use std::collections::BTreeMap;

use crate::cancel::Cancelled;
use crate::deb::MultiArch;
use crate::deb::Version;
use crate::digest::Sha256;
use crate::fetch::Deb;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::in_parallel;
use crate::tree::Kind;
use crate::tree::Tree;
use filter::Filter;
use merge::Merge;
use package::Member;
use package::MemberKind;
use package::Unpacked;

pub use withheld::Withheld;

/// Unpacked packages: the tree they made, and what dpkg would remember of each.
#[derive(Debug, Clone)]
pub struct Root {
    /// The files, the dpkg database (`/var/lib/dpkg`) among them.
    pub tree: Tree,
    /// The packages in the order they were unpacked, which is an order they can be configured in.
    pub packages: Vec<Installed>,
    /// The newest time of all members of the packages, those that `exclude` keeps out among them; seconds since 1970.
    pub newest: i64,
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
    /// The .deb is damaged, or not of a form that is accepted.
    #[error("cannot read the .deb of package `{package}`")]
    Deb {
        /// Its name.
        package: String,
        /// Why.
        source: crate::deb::file::Error,
    },
    /// Its data is damaged, or not of a form that is accepted.
    #[error("cannot read the data of package `{package}`")]
    Tar {
        /// Its name.
        package: String,
        /// Why.
        source: crate::format::tar::Error,
    },
    /// Its bytes could not be decoded or read back.
    #[error("cannot read the files of package `{package}`")]
    Read {
        /// Its name.
        package: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its files could not be kept.
    #[error("cannot keep the files of package `{package}` in the store")]
    Store {
        /// Its name.
        package: String,
        /// Why.
        source: StoreError,
    },
    /// Its control files contradict the index, or themselves.
    #[error("the control files of package `{package}` are not acceptable: {reason}")]
    Control {
        /// Its name.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// A member that may not be there: hostile, or another package's.
    #[error("cannot unpack `{path}` of package `{package}`: {reason}")]
    Clash {
        /// Its name.
        package: String,
        /// As in the package, escaped.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The tree has no place for a member.
    #[error("cannot unpack `{path}` of package `{package}`")]
    Place {
        /// Its name.
        package: String,
        /// As in the package, escaped.
        path: String,
        /// Why.
        source: crate::tree::Error,
    },
    /// dpkg would remove a package of the set again.
    #[error("package `{by}` replaces every file of package `{package}`: take `{package}` out of the recipe")]
    Disappears {
        /// Which has nothing left.
        package: String,
        /// Which has it all.
        by: String,
    },
    /// A database file in the tree is not of its form.
    #[error("`/{file}` is malformed: {reason}")]
    Database {
        /// Its path.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The tree refuses an edit.
    #[error("cannot lay out the root tree")]
    Tree(#[source] crate::tree::Error),
    /// The reporter said so.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
}

impl Error {
    /// Whether a package was not what it has to be, rather than the host at fault.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Deb { .. } | Self::Tar { .. } | Self::Control { .. })
    }
}

/// The stage's name in events; its unit is packages.
const STAGE: Stage = Stage::Unpack;

/// Unpacks `debs` into an empty tree, in the order given: that in which they can be configured.
///
/// # Errors
/// A package that is damaged, hostile, or that clashes with another.
pub fn unpack(host: &Host, debs: &[Deb], options: &Options, before: &mut Before<'_>) -> Result<Root, Error> {
    host.reporter.event(&Event::StageStarted { stage: STAGE, total: Some(debs.len() as u64) });
    let cancel = host.cancel();
    let unpacked = read_all(host, debs)?;
    let newest = unpacked.iter().flat_map(|each| &each.members).map(|member| member.stat.mtime).max().unwrap_or(0);
    let filter = Filter::new(&options.exclude, &options.include);
    let mut merge = Merge::new(Tree::new(), filter);
    if !unpacked.iter().any(ships_merged_usr) {
        layout::merge_usr(&mut merge.tree, &options.architecture).map_err(Error::Tree)?;
    }
    for (deb, next) in debs.iter().zip(unpacked) {
        cancel.check()?;
        before(&mut merge.tree, &merge.packages, &next.installed)
            .map_err(|source| Error::Before { package: next.installed.name.clone(), source })?;
        merge.add(&deb.package, next)?;
    }
    let Merge { mut tree, packages, md5sums, .. } = merge;
    database::write(&mut tree, &packages, &md5sums, &options.architecture)?;
    host.reporter.event(&Event::StageFinished { stage: STAGE });
    Ok(Root { tree, packages, newest })
}

/// Writes dpkg's database for packages that are in a tree so far, as the next one's preinst finds it. Their `md5sums` are
/// those that they bring.
///
/// # Errors
/// What a package says of itself does not go into it.
pub fn remember(tree: &mut Tree, packages: &[Installed], architecture: &str) -> Result<(), Error> {
    database::write(tree, packages, &vec![String::new(); packages.len()], architecture)
}

/// Where a store has the bytes of a package's files: a blob, and where in it each begins, by digest.
#[derive(Debug)]
pub struct Stored {
    /// The digest of the blob.
    pub blob: Sha256,
    /// The digest of a regular file, and where its bytes begin.
    pub files: Vec<(Sha256, u64)>,
}

/// Where a store has the files of a .deb, if it was unpacked before.
///
/// # Errors
/// The store cannot be read.
pub fn stored(store: &dyn Store, deb: &Sha256) -> Result<Option<Stored>, StoreError> {
    let record = package::remembered(store, deb)?;
    Ok(record.map(|record| Stored { blob: record.blob, files: record.files().collect() }))
}

/// The blob alone of [`stored`].
#[cfg(feature = "cli")]
pub(crate) fn stored_blob(store: &dyn Store, deb: &Sha256) -> Result<Option<Sha256>, StoreError> {
    package::remembered_blob(store, deb)
}

/// Whether a package brings the links of a merged /usr, as base-files does since trixie.
fn ships_merged_usr(unpacked: &Unpacked) -> bool {
    let is_link = |member: &Member| matches!(member.kind, MemberKind::Inode(Kind::Symlink(_)));
    unpacked.members.iter().any(|member| member.path == b"/bin" && is_link(member))
}

/// Reads all packages, the largest first so that no thread is left alone with one at the end, and those last that another
/// build is decoding.
fn read_all(host: &Host, debs: &[Deb]) -> Result<Vec<Unpacked>, Error> {
    let mut largest_first: Vec<usize> = (0..debs.len()).collect();
    largest_first.sort_by_key(|&position| std::cmp::Reverse(debs[position].blob.size));
    let cancel = host.cancel();
    let read = |patient: bool, position: usize| {
        let read = |()| package::unpack(host, &debs[position], patient).transpose();
        let unpacked = cancel.check().map_or_else(|error| Some(Err(error.into())), read)?;
        host.reporter.event(&Event::StageProgress { stage: STAGE, done: 1 });
        Some(unpacked)
    };
    let mut results: Vec<Option<Result<Unpacked, Error>>> = debs.iter().map(|_| None).collect();
    for patient in [false, true] {
        largest_first.retain(|&position| results[position].is_none());
        let read = in_parallel(host.jobs, &largest_first, |&position| read(patient, position));
        largest_first.iter().zip(read).for_each(|(&position, read)| results[position] = read);
    }
    results.into_iter().map(|read| read.expect("who is patient reads all")).collect()
}
