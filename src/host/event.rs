//! What a build tells while it runs, and how it is cancelled.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// One thing that happened. `Display` is a line for a log; serialised, it is a line of `--events json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event<'a> {
    /// A stage begins: `index`, `solve`, `download`, `unpack`, `configure`, `overlay`, `initramfs`, `head`, `write`.
    StageStarted {
        /// Its name.
        stage: &'a str,
        /// How many units (bytes or packages) it will count, when known.
        total: Option<u64>,
    },
    /// A stage got further.
    StageProgress {
        /// Its name.
        stage: &'a str,
        /// Units done since the last such event.
        done: u64,
    },
    /// A stage ended well.
    StageFinished {
        /// Its name.
        stage: &'a str,
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
            Self::StageStarted { stage, .. } => write!(f, "{stage} …"),
            Self::StageProgress { stage, done } => write!(f, "{stage}: +{done}"),
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
