//! The lines of `--events json`: what a build tells, and how it ended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::words;
use super::words::Failure;
use crate::digest::Sha256;
use crate::error::INTEGRITY;
use crate::error::USAGE;
use crate::format::shown;
use crate::host::Event;
use crate::pipeline::Built;

/// The form of the lines. Readers take no notice of keys and events that they do not know: such may come without
/// another number.
const VERSION: u32 = 1;

/// One line.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "event")]
pub(super) struct Line<'a> {
    /// Of this form: 1.
    version: u32,
    /// Since the command began.
    seconds: f64,
    #[serde(flatten)]
    what: What<'a>,
}

/// What a line is about.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum What<'a> {
    Event(#[schemars(with = "Event<'static>")] &'a Event<'a>),
    End(End<'a>),
}

/// The last line of a command; of a build of several recipes the last one of each.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum End<'a> {
    /// All was done.
    Finished {
        /// Of several recipes this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        recipe: Option<Cow<'a, str>>,
        /// Of a build.
        #[serde(flatten)]
        build: Option<Output<'a>>,
    },
    /// It was not.
    Error {
        /// Of several recipes this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        recipe: Option<Cow<'a, str>>,
        /// `failed`, `usage`, `integrity`, `bug` or `interrupted`: the meaning of the exit code.
        kind: &'static str,
        /// Whether the same may do later, since a server or the network was at fault.
        retryable: bool,
        /// The command's status.
        exit_code: u8,
        /// What happened, and why.
        message: String,
        /// What to do about it, where that is known.
        help: Option<String>,
    },
}

/// What a build left.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output<'a> {
    /// Its directory.
    directory: Cow<'a, str>,
    /// The image's identity; of several that of all of them.
    tree: String,
    /// Of several images the identity of each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    images: BTreeMap<&'a str, String>,
    /// Whether it was there already, and stays.
    kept: bool,
    /// Its files.
    outputs: Vec<File<'a>>,
}

/// One file of an output.
#[derive(Serialize, JsonSchema)]
struct File<'a> {
    /// Below the directory.
    path: &'a str,
    /// Of its bytes.
    sha256: String,
    /// In bytes.
    size: u64,
}

/// When the command began; the first that asks sets it.
pub(super) fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now)
}

/// Tells an event.
pub(super) fn event(event: &Event<'_>) {
    tell(What::Event(event));
}

/// Tells that a command has done all; a build, what it left; one of several recipes, which.
pub(super) fn finished(recipe: Option<&Path>, build: Option<(&Path, &Built)>) {
    let digest = |digest: &Sha256| digest.to_string();
    let output = build.map(|(directory, built)| Output {
        directory: directory.to_string_lossy(),
        tree: digest(&built.tree_digest),
        images: built.images.iter().map(|(name, tree)| (name.as_str(), digest(tree))).collect(),
        kept: built.kept,
        outputs: built
            .outputs
            .iter()
            .filter_map(|record| {
                let (sha256, size) = record.content()?;
                Some(File { path: record.path(), sha256: digest(&sha256), size })
            })
            .collect(),
    });
    tell(What::End(End::Finished { recipe: recipe.map(Path::to_string_lossy), build: output }));
}

/// Tells that a command has failed, or of several recipes this one.
pub(super) fn failed(recipe: Option<&Path>, failure: &Failure, exit_code: u8) {
    let kind = match exit_code {
        USAGE => "usage",
        INTEGRITY => "integrity",
        words::BUG => "bug",
        code if code > words::SIGNAL => "interrupted",
        _ => "failed",
    };
    let retryable = matches!(failure, Failure::Library(error) if error.is_retryable());
    let (message, help) = (words::message(failure), words::hint(failure));
    let recipe = recipe.map(Path::to_string_lossy);
    tell(What::End(End::Error { recipe, kind, retryable, exit_code, message, help }));
}

/// One line in one write, so that lines of several threads do not mix.
fn tell(what: What<'_>) {
    let seconds = (begin().elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let line = serde_json::to_string(&Line { version: VERSION, seconds, what });
    let line = line.expect("an event has no value that JSON cannot hold");
    // Nobody can be told that nothing can be told.
    let _ = io::stderr().write_all(format!("{}\n", shown::json(&line)).as_bytes());
}
