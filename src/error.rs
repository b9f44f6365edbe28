//! Why a build did not end well: one variant per stage, and what a caller can do about it.
//!
//! The stage's own error says what was attempted on what; its sources say why. Messages and hints for people are
//! the command line's.

use std::io;
use std::path::PathBuf;

use crate::archive;
use crate::boot;
use crate::cancel;
use crate::cancel::Cancelled;
use crate::configure;
use crate::deb;
use crate::digest::Sha256;
use crate::fetch;
use crate::head;
use crate::host::OutputError;
use crate::host::StoreError;
use crate::host::registry::RegistryError;
use crate::image;
use crate::initramfs;
use crate::manifest;
use crate::modules;
use crate::overlay;
use crate::recipe;
use crate::solve;
use crate::tree;
use crate::unpack;

/// The request failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or the recipe is wrong.
pub(crate) const USAGE: u8 = 2;
/// A signature, a digest or an expectation does not hold.
pub(crate) const INTEGRITY: u8 = 3;

/// A build that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe is wrong.
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    /// The lock is wrong, or made for another recipe.
    #[error(transparent)]
    Lock(#[from] recipe::LockError),
    /// A file that the recipe names cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// As the recipe names it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write output `{}`", path.display())]
    Write {
        /// Relative to the output directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A .deb of the recipe's own, or of the lock, is none.
    #[error("cannot use `{}` as a package", path.display())]
    Local {
        /// As the recipe or the lock names it.
        path: PathBuf,
        /// Why.
        source: deb::file::Error,
    },
    /// The lock has a source that the recipe has not.
    #[error("the lock is of another recipe: it names source `{0}`, which the recipe does not have")]
    LockedSource(String),
    /// The lock is not what its recipe asks for.
    #[error("the lock is not what its recipe asks for: {0}")]
    LockMisfit(String),
    /// The lock does not follow from what was signed.
    #[error("the lock does not follow from what its archives signed: {0}")]
    LockBroken(String),
    /// Nothing proves the lock.
    #[error("the lock cannot be proved, for an index of its archives cannot be had")]
    Unproved(#[source] Box<archive::Error>),
    /// An account of the image has a number that none may have.
    #[error("the packages make accounts that no image may have: {0}")]
    Accounts(String),
    /// The lock has a source whose keys are not known without its recipe.
    #[error("source `{0}` of the lock is none of Debian's own: its keys are the recipe's to name")]
    Keyring(String),
    /// No archive has a package that boot loaders are taken from.
    #[error("cannot find package `{0}`, which has a boot loader for the head")]
    Loader(String),
    /// The root has no kernel to boot.
    #[error("the root has no `/boot/vmlinuz-{0}`, which its modules are for")]
    Kernel(String),
    /// The archives cannot be used.
    #[error(transparent)]
    Archive(Box<archive::Error>),
    /// There is no such set of packages.
    #[error(transparent)]
    Solve(#[from] solve::Error),
    /// There is no such set for what kernel modules are built with.
    #[error("cannot choose the packages that kernel modules are built with")]
    Builders(#[source] Box<solve::Error>),
    /// Kernel modules cannot be built.
    #[error(transparent)]
    Modules(Box<modules::Error>),
    /// The packages do not come.
    #[error(transparent)]
    Fetch(Box<fetch::Error>),
    /// The overlay cannot be put on.
    #[error(transparent)]
    Overlay(#[from] overlay::Error),
    /// The initramfs cannot be made.
    #[error(transparent)]
    Initramfs(#[from] initramfs::Error),
    /// The head's files cannot be made.
    #[error(transparent)]
    Head(#[from] head::Error),
    /// It does not boot.
    #[error(transparent)]
    Boot(Box<boot::Error>),
    /// It cannot be published.
    #[error(transparent)]
    Publish(Box<PublishError>),
    /// It cannot be brought to a registry, or from one.
    #[error(transparent)]
    Registry(Box<RegistryError>),
    /// The tree cannot be written in a format.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The packages cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] unpack::Error),
    /// The packages cannot be configured.
    #[error(transparent)]
    Configure(#[from] configure::Error),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An output is not what its manifest says, or not signed by who must have; each way is told, or counted.
    #[error("the output `{}` is not what its manifest says:\n  {}", path.display(), .wrong.join("\n  "))]
    Unverified {
        /// The output.
        path: PathBuf,
        /// In which ways.
        wrong: Vec<String>,
    },
    /// An output's manifest is none, or of another version of the program.
    #[error("cannot read `{}`", path.display())]
    Manifest {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: manifest::Error,
    },
    /// An image that somebody has is not what it looks like, or not one.
    #[error("cannot take `{}` for an image: {reason}", path.display())]
    Form {
        /// What was given.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another tree came out than the caller expects.
    #[error("the tree's digest is {found}, expected is {expected}; what was built is in `{}`", aside.display())]
    Unexpected {
        /// Wanted.
        expected: Sha256,
        /// What was built.
        found: Sha256,
        /// Where it lies: beside where it would have been.
        aside: PathBuf,
    },
    /// The reporter ended it.
    #[error("cancelled")]
    Cancelled,
}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        Self::Publish(Box::new(error))
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<boot::Error> for Error {
    fn from(error: boot::Error) -> Self {
        Self::Boot(Box::new(error))
    }
}

impl From<modules::Error> for Error {
    fn from(error: modules::Error) -> Self {
        Self::Modules(Box::new(error))
    }
}

impl From<fetch::Error> for Error {
    fn from(error: fetch::Error) -> Self {
        Self::Fetch(Box::new(error))
    }
}

impl Error {
    /// Whether a later try may succeed without anything being changed here.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_retryable(),
            Self::Fetch(error) => error.is_retryable(),
            Self::Unproved(error) => error.is_retryable(),
            Self::Registry(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether something is not what a trusted key signed, or what was expected of it.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_integrity(),
            Self::Fetch(error) => error.is_integrity(),
            Self::Publish(error) => matches!(**error, PublishError::Unsigned { .. }),
            Self::Registry(error) => matches!(**error, RegistryError::Digest { .. }),
            Self::Unverified { .. } | Self::Manifest { source: manifest::Error::Parse(_), .. } => true,
            Self::Unexpected { .. }
            | Self::Store(StoreError::Mismatch { .. })
            | Self::LockBroken(_)
            | Self::Unproved(_) => true,
            _ => false,
        }
    }

    /// The status with which a program ends that can do no more: 3 integrity, 2 the recipe, its lock or the place of
    /// the output, 1 anything else. One that a signal ended says so by its own status.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            error if error.is_integrity() => INTEGRITY,
            Self::Recipe(_)
            | Self::Lock(_)
            | Self::LockMisfit(_)
            | Self::LockedSource(_)
            | Self::Form { .. }
            | Self::Manifest { source: manifest::Error::Foreign(_), .. }
            | Self::Configure(configure::Error::Number { .. } | configure::Error::NoBase)
            | Self::Output(OutputError::Place { .. }) => USAGE,
            Self::Archive(error)
                if matches!(
                    **error,
                    archive::Error::Release { source: archive::ReleaseError::Component { .. }, .. }
                ) =>
            {
                USAGE
            }
            Self::Publish(error) if matches!(**error, PublishError::Site { .. }) => USAGE,
            Self::Modules(error) if error.is_of_recipe() => USAGE,
            Self::Registry(error)
                if matches!(
                    **error,
                    RegistryError::Reference(_) | RegistryError::Unfit(_) | RegistryError::Login { .. }
                ) =>
            {
                USAGE
            }
            _ => FAILED,
        }
    }

    /// Whether the reporter ended it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled | Self::Configure(configure::Error::Cancelled) => true,
            error => cancel::is_cancelled(error),
        }
    }
}

/// An error, and what was behind it, one after the other.
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// All of them in a line.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Why an output is not on a head, or not another one on its menu.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The output is none, or has no head.
    #[error("cannot publish `{}`: {reason}", path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// What is not there.
        reason: String,
    },
    /// Its root cannot be read.
    #[error("cannot read `{}`", path.display())]
    Root {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: tree::tar::Error,
    },
    /// What a head keeps of a cluster is nothing that imgbuild has written.
    #[error("cannot use `{}`: {reason}; move it away if nobody needs it", path.display())]
    Cluster {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The head has keys, and none of them has signed.
    #[error(
        "`{}` must be signed by a key in `{}`: {why}; build it with `--sign`, and the key's public half belongs there",
        path.display(), keys.display()
    )]
    Unsigned {
        /// The output.
        path: PathBuf,
        /// Where the head's keys lie.
        keys: PathBuf,
        /// What is wrong with the signature.
        why: String,
    },
    /// A file among the head's keys is no key.
    #[error("cannot use `{}`: {reason}; only public keys may be called `.pem` there", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A root on the head is not as in the output, and nodes may run from it.
    #[error(
        "`{}` is not as in the output, and nodes may run from it, so that it is not replaced: {}; `--keep-root` takes \
         it as it is, or remove it when no node runs from it",
        root.display(), .wrong.join("; ")
    )]
    Changed {
        /// Which.
        root: PathBuf,
        /// In which ways.
        wrong: Vec<String>,
    },
    /// Something that is no file lies where a file of the head's must be.
    #[error("`{}` is no regular file, and a file of the head's must be there: move it away first", .0.display())]
    InTheWay(PathBuf),
    /// Roots lie on a file system of their own.
    #[error(
        "`{}` is a file system of its own, and roots are made beside it, where no node writes: mount it at `{}`",
        roots.display(), export.display()
    )]
    FileSystem {
        /// Where roots lie.
        roots: PathBuf,
        /// The directory above.
        export: PathBuf,
    },
    /// The files of a recipe's site cannot be brought to a head.
    #[error("cannot publish the site of `{}`: {reason}", path.display())]
    Site {
        /// The recipe.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nodes would not come up, or would give something away.
    #[error("nodes must not boot this: {}", .0.join("; "))]
    Lint(Vec<String>),
    /// The head has no such cluster.
    #[error("`{}` is no head with {wanted}; it has {}", root.display(), if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    NoCluster {
        /// The head's root directory.
        root: PathBuf,
        /// Which was looked for.
        wanted: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There is no such generation.
    #[error("there is no generation `{0}` on this head that nodes could boot")]
    NoGeneration(String),
    /// The menu has none but the one in use.
    #[error("there is no previous generation to go back to")]
    NoPrevious,
    /// It is not known of these nodes what they run, and what else cannot be told.
    #[error("cannot tell which generations may go: it is not known who uses what: {}", .0.join("; "))]
    Unknown(Vec<String>),
    /// One of two heads is not the other.
    #[error("`{}` is the {role} already: publish with {} there", root.display(), if *.role == "standby" { "`--standby`" } else { "no `--standby`" })]
    OtherHead {
        /// The head's root directory.
        root: PathBuf,
        /// Which of the two it is.
        role: &'static str,
    },
    /// Another recipe is on the head, and both cannot be.
    #[error(
        "`{}` serves another recipe, which it cannot serve beside this one: {}; make both recipes say the same (by one \
         file in `extends`) and each name, card and address once, then publish both",
        root.display(), .wrong.join("; ")
    )]
    Clash {
        /// The head's root directory.
        root: PathBuf,
        /// What they cannot both have, with where either has it.
        wrong: Vec<String>,
    },
    /// Where a link must be, something else lies.
    #[error("`{}` is not imgbuild's link to the boot menu: move it away first", .0.display())]
    Occupied(PathBuf),
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// Attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
