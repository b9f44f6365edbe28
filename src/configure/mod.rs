//! A tree of unpacked files → an installed system.
//!
//! Two ways to one result: the packages' scripts are read and their effects made on the tree, nothing executed
//! ([`Method::Native`]), or the target's own dpkg runs them in a sandbox ([`Method::Sandbox`]). Afterwards
//! `normalize` takes out whatever a second build, another host or another day would have made otherwise.

#[cfg(feature = "testing")]
pub mod tools;
#[cfg(not(feature = "testing"))]
#[expect(unreachable_pub, reason = "reachable with the feature `testing`")]
mod tools;

mod environment;
mod failures;
mod first_boot;
mod foresee;
mod generators;
mod ids;
mod made;
mod native;
mod normalize;
pub mod own;
mod packages;
mod sandbox;
mod sequence;
mod stage;
mod status;
mod userland;

use std::collections::BTreeMap;

use crate::recipe::Otherwise;
use crate::recipe::Treatment;
use crate::tree;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;

pub use failures::Failure;
pub use failures::Failures;
pub use foresee::divert;
pub use stage::configure;
pub use stage::survey;
pub use tools::accounts::Ids;
#[cfg(feature = "testing")]
pub use userland::machine;

/// How packages are configured.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// The way.
    pub method: Method,
    /// Package → how its scripts are treated, where not the default: the recipe's.
    pub packages: BTreeMap<String, Treatment>,
    /// What becomes of others that cannot be followed: the recipe's.
    pub otherwise: Otherwise,
    /// debconf answers: question → value: the recipe's.
    pub debconf: BTreeMap<String, String>,
    /// The architecture of the system: dpkg's native one.
    pub architecture: String,
    /// The source date epoch: no time in the tree is newer.
    pub epoch: i64,
    /// Whether several nodes have the tree as one root that they write to.
    pub shared: bool,
    /// Whether it need not have Debian's essential packages (`base = "nothing"`), which scripts that run take for granted.
    pub baseless: bool,
    /// System users and groups that already have their number: the lock's.
    pub ids: Ids,
}

/// The two ways to configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// Scripts are interpreted; nothing is executed.
    #[default]
    Native,
    /// Scripts run in the host's sandbox.
    Sandbox,
}

/// An installed system.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Its files.
    pub tree: Tree,
    /// Its packages.
    pub packages: Vec<Installed>,
    /// What was done for each, in the order of `packages`.
    pub report: Vec<PackageReport>,
    /// All users and groups it has.
    pub ids: Ids,
}

/// What was done to configure one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageReport {
    /// Its name, with `:architecture` when it is `Multi-Arch: same`.
    pub package: String,
    /// In one word.
    pub outcome: Outcome,
    /// In further words: which generator ran, what is left for the first boot.
    pub notes: Vec<String>,
}

/// How a package came to be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// It has no scripts that run on a first installation.
    NoScripts,
    /// Its scripts were interpreted to their end.
    Covered,
    /// A part of their work was done by a generator of ours.
    Generator,
    /// A part or all of it happens on a node's first boot.
    FirstBoot,
    /// Its scripts ran in the sandbox.
    Sandboxed,
    /// They were skipped, as the recipe says.
    Skipped,
    /// They need what the native way does not know; only a survey says so, a build fails.
    NotCovered,
}

impl Outcome {
    /// As the manifest and `show --configure` have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoScripts => "no-scripts",
            Self::Covered => "covered",
            Self::Generator => "generator",
            Self::FirstBoot => "first-boot",
            Self::Sandboxed => "sandboxed",
            Self::Skipped => "skipped",
            Self::NotCovered => "not-covered",
        }
    }
}

/// A system that cannot be configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Scripts need what the model lacks, or fail.
    #[error("cannot configure packages without running their scripts:\n{0}\n{way_on}", way_on = .0.way_on())]
    Native(Failures),
    /// The reporter ended it.
    #[error("cancelled")]
    Cancelled,
    /// The system gives no thread to follow scripts in.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    /// The recipe answers what no package asks.
    #[error("[configure.debconf] answers what no package of this system asks:{}", list(.0))]
    Unasked(Vec<tools::debconf::Unasked>),
    /// The lock gives an account a number of another kind than its package does.
    #[error(
        "the lock gives {kind} `{}` the number {number}, and the packages {made}: a lock's numbers are of the same \
         kind, of daemons 100 to 999, and those that are fixed stay", .name.escape_debug()
    )]
    Number {
        /// `user` or `group`.
        kind: &'static str,
        /// Which.
        name: String,
        /// The lock's.
        number: u32,
        /// What it would be without the lock.
        made: u32,
    },
    /// Scripts are to run where what they take for granted need not be.
    #[error(
        "cannot run maintainer scripts in the sandbox with `base = \"nothing\"`: they take Debian's essential packages \
         for granted. Choose `base = \"essential\"` in [install], or have no script run"
    )]
    NoBase,
    /// The sandbox could not run it.
    #[error("cannot configure the packages in the sandbox")]
    Sandbox(#[source] crate::host::SandboxError),
    /// A maintainer script failed in the sandbox.
    #[error("dpkg cannot configure the packages ({how}); it said last:\n{said}")]
    Scripts {
        /// How it ended.
        how: String,
        /// The last lines.
        said: String,
    },
    /// What came back from the sandbox is no tree.
    #[error("cannot read the root that the sandbox made")]
    ReadBack(#[source] tree::tar::Error),
    /// A script left what no image may have.
    #[error("a maintainer script left {what} at `{path}`")]
    LeftBehind {
        /// Where.
        path: TreePath,
        /// What.
        what: &'static str,
    },
    /// What a script drew of random numbers lies where no node would replace it.
    #[error(
        "a script has put a password or key into `{0}`, where no first boot is known to make one: choose `first-boot` or \
         `skip` for its package in [configure]"
    )]
    Drawn(TreePath),
    /// A configuration file has another form than the one whose passwords are known.
    #[error(
        "cannot find the password in `{path}`, which must not be in an image: choose `first-boot` or `skip` for its \
         package in [configure]"
    )]
    NoPlace {
        /// Which file.
        path: TreePath,
    },
    /// A package is left to the first boot of a system that has none.
    #[error("cannot leave the configuration of {packages} to the first boot: the image has no {lacks}, which does it")]
    NoFirstBoot {
        /// Which packages.
        packages: String,
        /// `systemd` or `dpkg`.
        lacks: &'static str,
    },
    /// A package is left to the first boot of nodes that share one root.
    #[error(
        "cannot leave the configuration of {packages} to the first boot: nodes that share one root (`root = \"nfs\"`) would \
         all have the passwords and ids that the first of them makes. Choose {instead} for it in [configure], or \
         give the nodes `root = \"overlay\"` or `\"ram\"`"
    )]
    SharedFirstBoot {
        /// Which packages.
        packages: String,
        /// Treatments that are possible here, in words.
        instead: &'static str,
    },
    /// A package's control file is malformed.
    #[error("cannot order the packages")]
    Control(#[source] crate::deb::PackageError),
    /// `/var/lib/dpkg/status` is malformed.
    #[error("cannot read `/var/lib/dpkg/status`")]
    Status(#[source] crate::deb::ControlError),
    /// The modules of a kernel cannot be indexed.
    #[error("cannot index the modules of kernel {version}")]
    Kernel {
        /// Which.
        version: String,
        /// Why.
        source: crate::kernel::Error,
    },
    /// What a package brings cannot be told from what others do.
    #[error("cannot take out the files of packages whose preinst comes first")]
    Withhold(#[source] Box<crate::unpack::Error>),
    /// What its preinst left is in the way of a package's files.
    #[error("cannot unpack the files of package `{package}` after its preinst")]
    Lay {
        /// Its name.
        package: String,
        /// Why.
        source: Box<crate::unpack::Error>,
    },
    /// What is known of the packages so far cannot be written for a preinst.
    #[error("cannot write dpkg's database for a preinst")]
    Remember(#[source] crate::unpack::Error),
    /// The tree refuses an edit, or a file's bytes cannot be read.
    #[error("cannot change the root tree")]
    Tree(#[source] tree::Error),
}

fn list(unasked: &[tools::debconf::Unasked]) -> String {
    let line = |answer: &tools::debconf::Unasked| match &answer.nearest {
        Some(nearest) => format!("\n`{}` (did you mean `{nearest}`?)", answer.question),
        None => format!("\n`{}`", answer.question),
    };
    unasked.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
