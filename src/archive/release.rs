//! Release files: which indices an archive has, by digest, and for how long that is true.
//!
//! Stricter than apt on purpose: apt takes doubled fields, two digests for one path, and a missing or unreadable
//! Date with a warning at most. <https://wiki.debian.org/DebianRepository/Format>.

use std::collections::BTreeMap;

use crate::deb::ControlError;
use crate::deb::Stanza;
use crate::deb::date;
use crate::digest::Digest;
use crate::limits::Limits;

/// Seconds by which a Release may be from the future (apt's `Acquire::Max-FutureTime`).
const FUTURE_MAX: i64 = 10;

/// One file below a suite's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
}

/// A Release file's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Label`
    pub label: Option<String>,
    /// `Suite`
    pub suite: Option<String>,
    /// `Codename`
    pub codename: Option<String>,
    /// `Date`, in seconds since 1970. Where it has none and need not have one, when it was signed.
    pub date: i64,
    /// `Valid-Until`, likewise.
    pub valid_until: Option<i64>,
    /// `Architectures`
    pub architectures: Vec<String>,
    /// `Components`, without the `updates/` that old security archives have before each.
    pub components: Vec<String>,
    /// `NotAutomatic: yes`: nothing of it is chosen where there is another (`apt_preferences(5)`).
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`, which only says something beside `NotAutomatic`.
    pub but_automatic_upgrades: bool,
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
    /// There are neither SHA-256 nor SHA-512 sums.
    #[error("it has no SHA256 or SHA512 field: digests that are still safe are wanted")]
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
    /// It is for other architectures.
    #[error("it is for {}, not for {wanted}", .found.join(", "))]
    Architecture {
        /// Asked for.
        wanted: String,
        /// Its `Architectures`.
        found: Vec<String>,
    },
    /// It has other components.
    #[error("it has no component `{}`: it has {}", .wanted.escape_debug(), .found.join(", "))]
    Component {
        /// Asked for.
        wanted: String,
        /// Its `Components`.
        found: Vec<String>,
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
        Self::read(text, limits, None, false)
    }

    /// The same; without a `Date` that can be read it is of the time `undated`, and if it is `endless` its
    /// `Valid-Until` may be anything.
    pub(super) fn read(
        text: &[u8],
        limits: &Limits,
        undated: Option<i64>,
        endless: bool,
    ) -> Result<Self, ReleaseError> {
        let stanza = Stanza::parse_within(text, limits).map_err(ReleaseError::Syntax)?;
        let word = |field| stanza.get(field).map(str::to_owned);
        let is = |field, value: &str| stanza.get(field) == Some(value);
        let words = |field| -> Vec<String> {
            stanza.get(field).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let date = date_field(&stanza, "Date")
            .and_then(|date| date.ok_or_else(|| ReleaseError::Field { field: "Date", reason: "it is missing".into() }));
        let valid_until = match date_field(&stanza, "Valid-Until") {
            Err(_) if endless => None,
            other => other?,
        };
        // Where both are there they say the same; an empty one says nothing.
        let mut sums: Vec<_> =
            ["SHA256", "SHA512"].into_iter().filter_map(|field| Some((field, stanza.get(field)?))).collect();
        sums.sort_by_key(|(_, sums)| sums.trim().is_empty());
        let (field, sums) = *sums.first().ok_or(ReleaseError::NoStrongHash)?;
        let plain = |component: String| component.strip_prefix("updates/").map_or(component.clone(), str::to_owned);
        Ok(Self {
            label: word("Label"),
            suite: word("Suite"),
            codename: word("Codename"),
            date: date.or_else(|error| undated.ok_or(error))?,
            valid_until,
            architectures: words("Architectures"),
            components: words("Components").into_iter().map(plain).collect(),
            not_automatic: is("NotAutomatic", "yes"),
            but_automatic_upgrades: is("ButAutomaticUpgrades", "yes"),
            by_hash: is("Acquire-By-Hash", "yes"),
            all_is_included: is("No-Support-for-Architecture-all", "Packages"),
            files: files(field, sums)?,
        })
    }

    /// The file at this path below the suite's directory.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<ReleaseFile> {
        self.files.get(path).copied()
    }

    /// The paths that it names, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether it is the suite asked for, by its name or its codename. A flat repository is asked for by its
    /// directory (`./`), and of no suite. The security archive of buster and before had its suites at `buster/updates`,
    /// with a Release that names the suite alone; its label tells it from the suite's own.
    ///
    /// # Errors
    /// It is another's.
    pub fn check_suite(&self, wanted: &str) -> Result<(), ReleaseError> {
        let is = |wanted: &str| [&self.suite, &self.codename].iter().any(|name| name.as_deref() == Some(wanted));
        let security = || self.label.as_deref() == Some("Debian-Security");
        let old_security = |suite: &str| is(suite) && security();
        if wanted.ends_with('/') || is(wanted) || wanted.strip_suffix("/updates").is_some_and(old_security) {
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

/// The lines `digest size path` of a field of sums.
fn files(field: &'static str, value: &str) -> Result<BTreeMap<String, ReleaseFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for line in value.lines().filter(|line| !line.trim().is_empty()) {
        let bad = |reason: String| ReleaseError::Field { field, reason };
        let shown = || line.chars().take(200).collect::<String>();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [digest, size, path] = words[..] else {
            return Err(bad(format!("`{}` is not a digest, a size and a path", shown())));
        };
        let digest = match field {
            "SHA256" => digest.parse().map(Digest::Sha256),
            _ => digest.parse().map(Digest::Sha512),
        };
        let digest = digest.map_err(|error| bad(format!("{error}")))?;
        // `+1` would parse as a number.
        let plain = size.bytes().all(|byte| byte.is_ascii_digit());
        let size =
            plain.then(|| size.parse().ok()).flatten().ok_or_else(|| bad(format!("`{}` has no size", shown())))?;
        let file = ReleaseFile { digest, size };
        match files.insert(path.to_owned(), file) {
            Some(other) if other != file => return Err(ReleaseError::Conflict(path.to_owned())),
            _ => {}
        }
    }
    Ok(files)
}
