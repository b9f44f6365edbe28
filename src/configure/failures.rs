//! What keeps packages from being configured, in words, and the lines of a recipe that go on.

use std::collections::BTreeSet;
use std::fmt;

use crate::format::shown::shown;
use crate::shell::system::Gap;

/// What kept packages from being configured: all of it, not the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// Scripts that ended with another status than 0.
    pub scripts: Vec<Failure>,
    /// What scripts need and the model lacks.
    pub gaps: Vec<Gap>,
    /// Whether the system need not have Debian's essential packages ([`Options::baseless`](super::Options::baseless)).
    pub baseless: bool,
}

/// A script that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The package.
    pub package: String,
    /// Which of its scripts.
    pub script: &'static str,
    /// The line that ran last.
    pub line: u32,
    /// Exit status, or the limit that it met, in words.
    pub how: String,
    /// The last lines of its output.
    pub said: String,
}

impl Failures {
    /// Whether all went well.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scripts.is_empty() && self.gaps.is_empty()
    }

    /// What to do, with the lines of a recipe that go on without following these scripts.
    #[must_use]
    pub fn way_on(&self) -> String {
        let packages =
            self.gaps.iter().map(|gap| &gap.package).chain(self.scripts.iter().map(|failure| &failure.package));
        let names: BTreeSet<&str> =
            packages.map(|name| name.split_once(':').map_or(name.as_str(), |(name, _)| name)).collect();
        let treated = |how: &str| {
            let pairs: Vec<String> = names.iter().map(|name| format!("{} = \"{how}\"", shown(name))).collect();
            format!("[configure]\npackages = {{ {} }}", pairs.join(", "))
        };
        if self.baseless {
            return format!(
                "With `base = \"nothing\"` none can run in the sandbox. What lacks may be a file of a package to ask for \
                 in `packages`, such as `base-files` or `base-passwd`; `base = \"essential\"` in [install] has all that \
                 scripts take for granted; or the recipe goes on without them:\n{}   # or \"first-boot\", where the image \
                 has systemd and dpkg",
                treated("skip")
            );
        }
        format!(
            "The recipe can go on with (or the build with `--configure sandbox`):\n{}   # or \"first-boot\", or \"skip\"; \
             for all such packages: otherwise = \"sandbox\"",
            treated("sandbox")
        )
    }

    /// What is wrong with one package, by the name of its info files, in words.
    #[must_use]
    pub fn of(&self, package: &str) -> Vec<String> {
        let gaps = self.gaps.iter().filter(|gap| gap.package == package).map(Gap::to_string);
        let scripts = self.scripts.iter().filter(|failure| failure.package == package).map(Failure::to_string);
        gaps.chain(scripts).collect()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.gaps.iter().map(Gap::to_string).chain(self.scripts.iter().map(Failure::to_string));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, script, line, how, said } = self;
        write!(f, "{package}: {script}, line {line}: {how}{}{said}", if said.is_empty() { "" } else { ": " })
    }
}
