//! Which versions may be chosen, and which is preferred: `apt_preferences(5)` on an empty system, and who may replace
//! what is Debian's.
//!
//! The version with the highest priority is preferred, of those the highest version. A priority is the recipe's pin, or
//! what the archive's Release asks for, or 500. A pin that names packages counts before one that names none: of the
//! first kind the first that matches, of the other the highest. Priorities below 0 forbid a version; those from 1 to
//! 499 leave it where there is no other, or where it is asked for by version or release.
//!
//! apt trusts all archives alike. Here one that is not Debian's has nothing to say about the base, and its packages are
//! taken in place of Debian's only when the recipe says so: by the package's name, or by that archive's `packages`.

use std::collections::BTreeSet;
use std::fmt;

use crate::archive::Index;
use crate::archive::Origin;
use crate::archive::PackageId;
use crate::deb::Package;
use crate::deb::Priority;
use crate::format::glob;
use crate::recipe::Pin;

/// Of a version that nothing is said about.
const DEFAULT: i32 = 500;
/// Of a Release that is `NotAutomatic`.
const NOT_AUTOMATIC: i32 = 1;
/// Of one that is `ButAutomaticUpgrades` besides.
const BUT_AUTOMATIC_UPGRADES: i32 = 100;

/// What decided about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A .deb of the user's own.
    Own,
    /// The recipe's pin at this position.
    Pin(usize),
    /// The Release says `NotAutomatic`.
    NotAutomatic,
    /// The Release says `NotAutomatic` and `ButAutomaticUpgrades`.
    ButAutomaticUpgrades,
    /// A further archive's version of a package of Debian's base that nobody has asked for.
    Base,
    /// The same of another package of Debian's.
    Stranger,
    /// Nothing in particular.
    Default,
}

/// How a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) priority: i32,
    pub(super) rule: Rule,
}

impl Standing {
    /// Whether it may be chosen at all, unless it is asked for itself.
    pub(super) const fn is_possible(self) -> bool {
        self.priority >= 0 && !matches!(self.rule, Rule::Base)
    }

    /// Whether it may be chosen in place of the preferred version, where there is no solution with that.
    pub(super) const fn is_automatic(self) -> bool {
        self.priority >= DEFAULT && self.is_possible()
    }
}

/// The rules of one request.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    index: &'a Index,
    pins: &'a [Pin],
    /// Names that the recipe asks for.
    asked: &'a BTreeSet<String>,
    /// Names of Debian's base; empty where there is no archive but Debian's.
    base: BTreeSet<&'a str>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(index: &'a Index, pins: &'a [Pin], asked: &'a BTreeSet<String>) -> Self {
        let strangers = index.origins().iter().any(|origin| !origin.base);
        let names = index.base().iter().filter(|_| strangers);
        Self { index, pins, asked, base: names.map(|&id| index.package(id).name.as_str()).collect() }
    }

    pub(super) fn standing(&self, id: PackageId) -> Standing {
        let package = self.index.package(id);
        if package.archive.is_none() {
            return Standing { priority: i32::MAX, rule: Rule::Own };
        }
        let origin = self.index.origin(id);
        let pinned = self.pinned(id, origin);
        if self.is_stranger(id)
            && !pinned.is_some_and(|at| names_packages(&self.pins[at]) && self.pins[at].priority > 0)
        {
            let name = package.name.as_str();
            let of_debian = || self.index.named(name).iter().any(|&other| !self.is_further(other));
            let priority = pinned.map_or(DEFAULT, |at| self.pins[at].priority);
            if self.base.contains(name) {
                return Standing { priority, rule: Rule::Base };
            } else if of_debian() && priority >= 0 {
                return Standing { priority, rule: Rule::Stranger };
            }
        }
        if let Some(at) = pinned {
            return Standing { priority: self.pins[at].priority, rule: Rule::Pin(at) };
        }
        let (priority, rule) = match origin {
            Some(origin) if origin.not_automatic && origin.but_automatic_upgrades => {
                (BUT_AUTOMATIC_UPGRADES, Rule::ButAutomaticUpgrades)
            }
            Some(origin) if origin.not_automatic => (NOT_AUTOMATIC, Rule::NotAutomatic),
            _ => (DEFAULT, Rule::Default),
        };
        Standing { priority, rule }
    }

    /// Whether a package is of a further archive, and the recipe does not say that it may replace Debian's.
    pub(super) fn is_stranger(&self, id: PackageId) -> bool {
        let listed = self.index.origin(id).is_some_and(|origin| origin.listed);
        self.is_further(id) && !listed && !self.asked.contains(&self.index.package(id).name)
    }

    /// Whether a package is of an archive that is not Debian's.
    pub(super) fn is_from_further(&self, package: &Package) -> bool {
        let origin = package.archive.and_then(|archive| self.index.origins().get(archive));
        origin.is_some_and(|origin| !origin.base)
    }

    fn is_further(&self, id: PackageId) -> bool {
        self.index.origin(id).is_some_and(|origin| !origin.base)
    }

    /// Its `Priority`; one from a further archive does not make a package more important than another.
    pub(super) fn importance(&self, id: PackageId) -> Priority {
        let priority = self.index.package(id).priority;
        if self.is_further(id) { priority.max(Priority::Optional) } else { priority }
    }

    /// The pin that decides about a version.
    fn pinned(&self, id: PackageId, origin: Option<&Origin>) -> Option<usize> {
        let fits = |at: &usize| fits(&self.pins[*at], self.index, id, origin);
        let (specific, general): (Vec<usize>, Vec<usize>) =
            (0..self.pins.len()).filter(fits).partition(|&at| names_packages(&self.pins[at]));
        let highest = general.into_iter().rev().max_by_key(|&at| self.pins[at].priority);
        specific.first().copied().or(highest)
    }

    /// Why a version is not chosen though it fits; `None`: it may be.
    pub(super) fn hindrance(&self, id: PackageId) -> Option<String> {
        if let Some(fault) = self.index.fault(id) {
            return Some(format!("its stanza {} cannot be used: {fault}", self.place(id)));
        }
        let standing = self.standing(id);
        (!standing.is_automatic() || standing.rule == Rule::Stranger).then(|| self.words(id))
    }

    /// The archive, as in "in archive `x`".
    fn place(&self, id: PackageId) -> String {
        self.index.origin(id).map_or_else(String::new, |origin| format!("in archive `{}`", origin.name))
    }

    /// What decided about a version, in words that follow its name.
    pub(super) fn words(&self, id: PackageId) -> String {
        let Standing { priority, rule } = self.standing(id);
        match rule {
            Rule::Own => "a .deb of one's own".to_owned(),
            Rule::Pin(at) => format!("priority {priority}: pin {} of the recipe ({})", at + 1, Shown(&self.pins[at])),
            Rule::NotAutomatic => format!("priority {priority}: its Release says `NotAutomatic`"),
            Rule::ButAutomaticUpgrades => {
                format!("priority {priority}: its Release says `NotAutomatic` and `ButAutomaticUpgrades`")
            }
            Rule::Base => {
                "a further archive replaces nothing of Debian's base, unless `packages` of the recipe or of that \
                 archive names it"
                    .to_owned()
            }
            Rule::Stranger => {
                "a further archive comes after Debian, unless `packages` of the recipe or of that archive names it"
                    .to_owned()
            }
            Rule::Default => format!("priority {priority}"),
        }
    }
}

/// Whether a pin is one of apt's "specific form".
fn names_packages(pin: &Pin) -> bool {
    !pin.packages.is_empty() && pin.packages.iter().all(|glob| glob != "*")
}

fn fits(pin: &Pin, index: &Index, id: PackageId, origin: Option<&Origin>) -> bool {
    let package = index.package(id);
    let glob = |glob: &String, text: &str| glob::fits(glob.as_bytes(), text.as_bytes());
    let named = pin.packages.is_empty() || pin.packages.iter().any(|name| glob(name, &package.name));
    let pocket =
        pin.pocket.as_ref().is_none_or(|pocket| origin.and_then(|origin| origin.pocket.as_ref()) == Some(pocket));
    let archive = pin.archive.as_ref().is_none_or(|archive| {
        origin.is_some_and(|origin| match archive.as_str() {
            "debian" => origin.base,
            url => origin.name.strip_prefix(url).is_some_and(|suite| suite.starts_with(' ')),
        })
    });
    named && pocket && archive && pin.version.as_ref().is_none_or(|version| glob(version, package.version.as_str()))
}

/// A pin as the recipe has it, without its priority.
struct Shown<'a>(&'a Pin);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages = (!self.0.packages.is_empty()).then(|| self.0.packages.join(" "));
        let keys = [
            ("packages", packages.as_ref()),
            ("archive", self.0.archive.as_ref()),
            ("pocket", self.0.pocket.as_ref()),
            ("version", self.0.version.as_ref()),
        ];
        let said = keys.into_iter().filter_map(|(key, value)| Some(format!("{key} {}", value?)));
        f.write_str(&said.collect::<Vec<_>>().join(", "))
    }
}

/// A version that there is of a package, and what decided about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// The version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// The name of the archive that has it; empty for a .deb of the user's own.
    pub archive: String,
    /// apt's number.
    pub priority: i32,
    /// The rule that gave it, in words.
    pub rule: String,
    /// Whether it is the one in the solution.
    pub chosen: bool,
}

impl Offer {
    pub(super) fn of(rules: &Rules<'_>, id: PackageId, chosen: bool) -> Self {
        let package = rules.index.package(id);
        Self {
            version: package.version.to_string(),
            architecture: package.architecture.clone(),
            archive: rules.index.origin(id).map_or_else(String::new, |origin| origin.name.clone()),
            priority: rules.standing(id).priority,
            rule: rules.index.fault(id).map_or_else(|| rules.words(id), |fault| format!("cannot be used: {fault}")),
            chosen,
        }
    }
}
