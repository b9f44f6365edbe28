//! How much of what comes from outside is taken: one struct, one table.
//!
//! All of Debian stays below the defaults, and none of them reaches an output: a limit turns a build into an error
//! that names it, never into another image. `imgbuild --limit NAME=VALUE` sets each; [`LIMITS`] is what its help, the
//! manual page and SECURITY.md are made of.

use std::fmt;
use std::time::Duration;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unit {
    Bytes,
    BytesPerSecond,
    Number,
    Seconds,
    Times,
}

/// One line of the table of limits.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The field's name.
    field: &'static str,
    /// What it limits.
    about: &'static str,
    /// In what.
    pub unit: Unit,
    /// What it is when nobody sets it.
    pub default: u64,
    value: fn(&mut Limits) -> &mut u64,
}

impl Limit {
    /// Its name on the command line: `control-files`.
    #[must_use]
    pub fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// What it limits, without a full stop.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.trim().trim_end_matches('.')
    }
}

impl fmt::Display for Limit {
    /// The default with its unit, as it can be typed: `128M`, `30 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: u64| {
            let units = [(30, "G"), (20, "M"), (10, "K")];
            let unit = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
            unit.map_or_else(|| bytes.to_string(), |(shift, letter)| format!("{}{letter}", bytes >> shift))
        };
        match self.unit {
            Unit::Bytes => f.write_str(&size(self.default)),
            Unit::BytesPerSecond => write!(f, "{}/s", size(self.default)),
            Unit::Number => write!(f, "{}", self.default),
            Unit::Seconds => write!(f, "{} s", self.default),
            Unit::Times => write!(f, "{} ×", self.default),
        }
    }
}

macro_rules! limits {
    ($(#[doc = $about:literal] $name:ident: $unit:ident = $default:expr;)*) => {
        /// How much of what comes from outside is taken. Times are in seconds, sizes in bytes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(#[doc = $about] pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        impl Limits {
            /// What all of Debian stays below.
            pub const DEFAULT: Self = Self { $($name: $default,)* };
        }

        /// Every limit, in the order in which a build meets them.
        pub const LIMITS: &[Limit] = &[$(Limit {
            field: stringify!($name),
            about: $about,
            unit: Unit::$unit,
            default: $default,
            value: |limits| &mut limits.$name,
        },)*];
    };
}

limits! {
    /// To a connection, TLS included.
    connect: Seconds = 10;
    /// From a request to the end of the answer's head.
    head: Seconds = 30;
    /// Without a byte of an answer.
    idle: Seconds = 30;
    /// Slower than this an answer may not be.
    rate: BytesPerSecond = 1 << 10;
    /// Over so long the rate is measured.
    window: Seconds = 60;
    /// For one answer in all.
    total: Seconds = 2 * 60 * 60;
    /// Redirects of one request.
    redirects: Number = 5;
    /// A Release, InRelease or Release.gpg; apt's limit, and Debian's are below 1 MiB.
    release: Bytes = 10_000_000;
    /// Signatures of a Release; Debian's have three.
    signatures: Number = 32;
    /// A keyring.
    keyring: Bytes = 4 << 20;
    /// An index as it comes and decompressed; Debian's largest has 60 MB.
    index: Bytes = 256 << 20;
    /// Packages of all indices; Debian's main has 70,000.
    packages: Number = 1_000_000;
    /// A line of control data; Debian's longest has 76 KB.
    line: Bytes = 1 << 20;
    /// A stanza of control data; Debian's longest has 76 KB.
    stanza: Bytes = 4 << 20;
    /// Fields of a stanza; Debian's have at most 35.
    fields: Number = 256;
    /// Steps of the solver; two large desktops take 16,000, naming which of 240 wishes exclude each other 3,000,000.
    steps: Number = 10_000_000;
    /// A .deb; Debian's largest has 3.1 GiB.
    deb: Bytes = 16 << 30;
    /// A `control.tar` unpacked; apt's limit.
    control: Bytes = 64 << 20;
    /// One control file; Debian's largest are md5sums of 5 MiB.
    control_file: Bytes = 16 << 20;
    /// Entries of a `control.tar`; a dozen are known.
    control_files: Number = 64;
    /// A `data.tar` unpacked, whatever Installed-Size says; Debian's largest is 16 GiB.
    data: Bytes = 64 << 30;
    /// A `data.tar` unpacked, by its Installed-Size, which counts blocks where tar has headers and padding.
    growth: Times = 8;
    /// What a `data.tar` may unpack to in any case, and any stream may yield before its ratio is looked at.
    small: Bytes = 256 << 20;
    /// Entries of a `data.tar`; Debian's largest packages have 60,000.
    entries: Number = 1_000_000;
    /// A long name in a tar archive.
    name: Bytes = 1 << 20;
    /// Memory of a decoder; `xz -9` takes 65 MiB.
    memory: Bytes = 128 << 20;
    /// Output of a decoder for each byte of input; real packages stay below 100, zeros in xz reach 6,800.
    ratio: Times = 1000;
    /// Steps of a package's scripts that are followed; real ones stay a hundred times below.
    script_steps: Number = 10_000_000;
    /// A file or stream that a followed script writes.
    script_output: Bytes = 64 << 20;
    /// Calls, sourced files and substitutions inside each other in a followed script.
    script_depth: Number = 200;
    /// Memory for what all followed scripts keep: variables, streams, open files, additions to the tree.
    script_memory: Bytes = 256 << 20;
    /// Following the scripts of all packages; 2,000 packages take 10 s.
    script_time: Seconds = 30 * 60;
    /// All scripts in the sandbox.
    scripts: Seconds = 2 * 60 * 60;
    /// Processes in the sandbox; configuring a system takes some dozens.
    processes: Number = 1024;
    /// Open files of a process in the sandbox.
    open_files: Number = 4096;
    /// A file in the sandbox.
    file: Bytes = 16 << 30;
    /// What scripts in the sandbox may say before the rest is thrown away.
    words: Bytes = 16 << 20;
}

impl Limits {
    /// Sets a limit by its name on the command line; `false` when there is none of that name.
    #[must_use]
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        let limit = LIMITS.iter().find(|limit| limit.name() == name);
        limit.map(|limit| *(limit.value)(self) = value).is_some()
    }
}

/// A limit of time.
#[must_use]
pub fn seconds(limit: u64) -> Duration {
    Duration::from_secs(limit.min(u64::from(u32::MAX)))
}

/// A limit of something in memory.
#[must_use]
pub fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_sets_its_limit_alone() {
        for (at, limit) in LIMITS.iter().enumerate() {
            let mut limits = Limits::default();
            assert_eq!(*(limit.value)(&mut limits), limit.default, "{}", limit.name());
            assert!(limits.set(&limit.name(), 77), "{}", limit.name());
            for (other, line) in LIMITS.iter().enumerate() {
                let wanted = if other == at { 77 } else { line.default };
                assert_eq!(*(line.value)(&mut limits), wanted, "{} and {}", limit.name(), line.name());
            }
        }
        assert!(!Limits::default().set("date", 1) && !Limits::default().set("control_file", 1));
    }

    /// The table of SECURITY.md is this table.
    #[test]
    fn every_limit_is_documented() {
        let text = include_str!("../SECURITY.md");
        for limit in LIMITS {
            let line = format!("| `{}` | {limit} | {} |\n", limit.name(), limit.about());
            assert!(text.contains(&line), "SECURITY.md has no line\n{line}");
        }
    }
}
