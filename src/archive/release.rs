//! Release files: which indices an archive has, by digest, and for how long that is true.
//!
//! Stricter than apt on purpose: apt takes doubled fields, two digests for one path, and a missing or unreadable
//! Date with a warning at most. <https://wiki.debian.org/DebianRepository/Format>.

use std::collections::BTreeMap;

use crate::deb::ControlError;
use crate::deb::Stanza;
use crate::deb::date;
use crate::digest::Sha256;
use crate::limits::Limits;

/// Seconds by which a Release may be from the future (apt's `Acquire::Max-FutureTime`).
const FUTURE_MAX: i64 = 10;

/// One file below a suite's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Its digest.
    pub sha256: Sha256,
    /// Its size.
    pub size: u64,
}

/// A Release file's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Suite`
    pub suite: Option<String>,
    /// `Codename`
    pub codename: Option<String>,
    /// `Date`, in seconds since 1970.
    pub date: i64,
    /// `Valid-Until`, likewise.
    pub valid_until: Option<i64>,
    /// `Architectures`
    pub architectures: Vec<String>,
    /// `Acquire-By-Hash: yes`
    pub by_hash: bool,
    /// `No-Support-for-Architecture-all: Packages`: the machine's own indices hold the `all` packages too.
    pub all_is_included: bool,
    files: BTreeMap<String, ReleaseFile>,
}

/// Why a Release file does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Not control data.
    #[error("it is no control data")]
    Syntax(#[source] ControlError),
    /// A field is missing or cannot be read.
    #[error("field {field}: {reason}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There are no SHA-256 sums.
    #[error("it has no SHA256 field: digests that are still safe are wanted")]
    NoStrongHash,
    /// One path with two digests.
    #[error("it gives `{0}` two different digests")]
    Conflict(String),
    /// Of another suite than was asked for.
    #[error("it is for suite `{suite}`, codename `{codename}`; asked for was `{wanted}`")]
    SuiteMismatch {
        /// Asked for.
        wanted: String,
        /// Named in it.
        suite: String,
        /// Named in it.
        codename: String,
    },
    /// `Valid-Until` has passed.
    #[error("it expired on {}; today is {}: the mirror is out of date, or the clock is wrong", date::day(*.until), date::day(*.now))]
    Stale {
        /// Its `Valid-Until`.
        until: i64,
        /// The host's clock.
        now: i64,
    },
    /// From the future.
    #[error("it is dated {} and the clock says {}: is the clock right?", date::format(*.date), date::format(*.now))]
    Future {
        /// Its `Date`.
        date: i64,
        /// The host's clock.
        now: i64,
    },
    /// Older than one already seen.
    #[error("it is of {}, but one of {} was seen before: the mirror is behind, or replays an old state", date::format(*.date), date::format(*.seen))]
    Rollback {
        /// Its `Date`.
        date: i64,
        /// The newest `Date` seen.
        seen: i64,
    },
    /// No such index in it.
    #[error("it lists no `{0}` in a form that can be read")]
    Missing(String),
}

impl Release {
    /// Reads the text of a Release file.
    ///
    /// # Errors
    /// It is malformed or contradicts itself.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseError> {
        Self::parse_within(text, &Limits::DEFAULT)
    }

    /// As [`Release::parse`], within other limits of lines, stanzas and fields.
    ///
    /// # Errors
    /// As [`Release::parse`].
    pub fn parse_within(text: &[u8], limits: &Limits) -> Result<Self, ReleaseError> {
        let stanza = Stanza::parse_within(text, limits).map_err(ReleaseError::Syntax)?;
        let word = |field| stanza.get(field).map(str::to_owned);
        let words = |field| {
            stanza.get(field).map_or_else(Vec::new, |value| value.split_whitespace().map(str::to_owned).collect())
        };
        Ok(Self {
            suite: word("Suite"),
            codename: word("Codename"),
            date: date_field(&stanza, "Date")?
                .ok_or_else(|| ReleaseError::Field { field: "Date", reason: "it is missing".into() })?,
            valid_until: date_field(&stanza, "Valid-Until")?,
            architectures: words("Architectures"),
            by_hash: stanza.get("Acquire-By-Hash") == Some("yes"),
            all_is_included: stanza.get("No-Support-for-Architecture-all") == Some("Packages"),
            files: files(stanza.get("SHA256").ok_or(ReleaseError::NoStrongHash)?)?,
        })
    }

    /// The file at this path below the suite's directory.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<ReleaseFile> {
        self.files.get(path).copied()
    }

    /// Whether it is the suite asked for, by its name or its codename.
    ///
    /// # Errors
    /// It is another's.
    pub fn check_suite(&self, wanted: &str) -> Result<(), ReleaseError> {
        let is = |name: &Option<String>| name.as_deref() == Some(wanted);
        if is(&self.suite) || is(&self.codename) {
            return Ok(());
        }
        let shown = |name: &Option<String>| name.clone().unwrap_or_default().chars().take(100).collect();
        let (suite, codename) = (shown(&self.suite), shown(&self.codename));
        Err(ReleaseError::SuiteMismatch { wanted: wanted.to_owned(), suite, codename })
    }

    /// Whether it is neither from the future nor expired.
    ///
    /// # Errors
    /// It is.
    pub fn check_time(&self, now: i64) -> Result<(), ReleaseError> {
        if self.date > now.saturating_add(FUTURE_MAX) {
            return Err(ReleaseError::Future { date: self.date, now });
        }
        match self.valid_until {
            Some(until) if until < now => Err(ReleaseError::Stale { until, now }),
            _ => Ok(()),
        }
    }
}

/// The `Date` of a text that is not verified yet: only ever good for judging the keys that must then verify it.
pub(super) fn unverified_date(text: &[u8], limits: &Limits) -> Option<i64> {
    let stanza = Stanza::parse_within(text, limits).ok()?;
    date_field(&stanza, "Date").ok()?
}

fn date_field(stanza: &Stanza<'_>, field: &'static str) -> Result<Option<i64>, ReleaseError> {
    let Some(value) = stanza.get(field) else { return Ok(None) };
    let reason = || format!("`{}` is no date", value.chars().take(100).collect::<String>());
    date::parse(value).map(Some).ok_or_else(|| ReleaseError::Field { field, reason: reason() })
}

/// The lines `digest size path` of a SHA256 field.
fn files(value: &str) -> Result<BTreeMap<String, ReleaseFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for line in value.lines().filter(|line| !line.trim().is_empty()) {
        let bad = |reason: String| ReleaseError::Field { field: "SHA256", reason };
        let shown = || line.chars().take(200).collect::<String>();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [digest, size, path] = words[..] else {
            return Err(bad(format!("`{}` is not a digest, a size and a path", shown())));
        };
        let sha256 = digest.parse().map_err(|error| bad(format!("{error}")))?;
        // `+1` would parse as a number.
        let plain = size.bytes().all(|byte| byte.is_ascii_digit());
        let size =
            plain.then(|| size.parse().ok()).flatten().ok_or_else(|| bad(format!("`{}` has no size", shown())))?;
        let file = ReleaseFile { sha256, size };
        match files.insert(path.to_owned(), file) {
            Some(other) if other != file => return Err(ReleaseError::Conflict(path.to_owned())),
            _ => {}
        }
    }
    Ok(files)
}
