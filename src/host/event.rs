//! What a build tells while it runs, and how it is cancelled.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// A part of the work. `Display` is its name in events, a word of lower-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// Releases and indices are fetched and read. Counts bytes that came.
    Index,
    /// Packages are chosen.
    Solve,
    /// Packages are fetched. Counts bytes, of the cache's too.
    Download,
    /// Packages are unpacked. Counts packages.
    Unpack,
    /// Packages are configured.
    Configure,
    /// Kernel modules are built from sources.
    Modules,
    /// The recipe's own files, and what a diskless node needs.
    Overlay,
    /// The initramfs is made.
    Initramfs,
    /// The head's files are made.
    Head,
    /// The disk is made that nodes boot from without a network.
    Stick,
    /// Images are written. Counts bytes.
    Write,
    /// What was made goes to the store that machines share.
    Share,
    /// An output goes to a registry. Counts bytes.
    Push,
    /// An output comes from a registry. Counts bytes.
    Pull,
}

impl Stage {
    /// Its name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Solve => "solve",
            Self::Download => "download",
            Self::Unpack => "unpack",
            Self::Configure => "configure",
            Self::Modules => "modules",
            Self::Overlay => "overlay",
            Self::Initramfs => "initramfs",
            Self::Head => "head",
            Self::Stick => "stick",
            Self::Write => "write",
            Self::Share => "share",
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that happened. `Display` is a line for a log; serialised, it is a line of `--events json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event<'a> {
    /// Of several recipes this one is built now, and all that follows is about it.
    RecipeStarted {
        /// Its file.
        recipe: &'a str,
    },
    /// A stage begins. One of several images, or one that is needed again, may begin a stage once more.
    StageStarted {
        /// Which.
        stage: Stage,
        /// How many units (bytes or packages) it will count, when known.
        total: Option<u64>,
    },
    /// A stage got further.
    StageProgress {
        /// Which.
        stage: Stage,
        /// Units done since the last such event.
        done: u64,
    },
    /// So much of what a stage has done was in the cache.
    Cached {
        /// Which.
        stage: Stage,
        /// Units, which an event of progress counts as well.
        done: u64,
    },
    /// A stage ended well.
    StageFinished {
        /// Which.
        stage: Stage,
    },
    /// Nothing has changed: the output stays as it is, and no other stage follows.
    OutputKept {
        /// Its directory.
        path: &'a str,
    },
    /// An attempt failed and another is made.
    Retry {
        /// What is fetched; never with a user or password.
        url: &'a str,
        /// What went wrong.
        reason: &'a str,
    },
    /// Something the user should know and that does not stop the build.
    Warning {
        /// In words.
        message: &'a str,
    },
    /// A line from a program in the sandbox, or from a maintainer script.
    Output {
        /// Which program or package.
        source: &'a str,
        /// The line, without control characters.
        line: &'a str,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecipeStarted { recipe } => write!(f, "recipe `{recipe}`"),
            Self::StageStarted { stage, .. } => write!(f, "{stage} …"),
            Self::StageProgress { stage, done } => write!(f, "{stage}: +{done}"),
            Self::Cached { stage, done } => write!(f, "{stage}: {done} were in the cache"),
            Self::StageFinished { stage } => write!(f, "{stage}: done"),
            Self::OutputKept { path } => write!(f, "nothing has changed: `{path}` stays"),
            Self::Retry { url, reason } => write!(f, "trying again: <{url}>: {reason}"),
            Self::Warning { message } => write!(f, "warning: {message}"),
            Self::Output { source, line } => write!(f, "{source}: {line}"),
        }
    }
}

/// Who is told, and who may cancel. Called from several threads.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event<'_>);

    /// Asked from several threads, many times a second, wherever data is read, written or worked on. The first `true`
    /// ends the work within a second as cancelled, and it has to stay `true` from then on.
    fn is_cancelled(&self) -> bool {
        false
    }
}

impl<F: Fn(&Event<'_>) + Send + Sync> Reporter for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}
