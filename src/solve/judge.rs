//! The judge: whether packages that were chosen before are a set that a request leads to.
//!
//! A lock is such a set, and a file that anybody may have written. Nothing is searched here: which of several
//! versions, and which alternative, is the set's own to say. But it must hold together, hold what is wanted, and have
//! nothing in it without a reason.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::Error;
use super::Field;
use super::Label;
use super::Request;
use super::Solution;
use super::explain;
use super::policy::Rules;
use super::recommends;
use super::request;
use super::request::Cause;
use super::search::Steps;
use super::solution;
use super::supply::Scope;
use super::supply::Slot;
use super::supply::Supply;
use crate::archive::Index;
use crate::archive::PackageId;
use crate::cancel::Cancel;

/// Why a set of packages is not one that a request leads to. Packages are named with their versions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// Nothing in any archive fulfils a wish.
    #[error("{0}")]
    Wishes(Box<Error>),
    /// Nothing in the set fulfils a wish.
    #[error("nothing in it fulfils `{0}`, which is asked for")]
    Wish(String),
    /// A package of the base is not in it.
    #[error("`{package}` is {base}, and is not in it")]
    Base {
        /// Its name.
        package: String,
        /// `essential`, `of priority required` …
        base: &'static str,
    },
    /// A relation of a package is not fulfilled.
    #[error("`{package}` {} `{relation}`, which nothing in it is", explain::verb(*.field))]
    Needs {
        /// Which package.
        package: String,
        /// In which field.
        field: Field,
        /// As Debian writes it.
        relation: String,
    },
    /// Two packages of it keep each other away.
    #[error("`{package}` excludes `{other}`, which is in it")]
    Excludes {
        /// One.
        package: String,
        /// The other.
        other: String,
    },
    /// There can be one version of a package only.
    #[error("`{0}` and `{1}` cannot both be installed")]
    Twice(String, String),
    /// A version that may not be chosen.
    #[error("`{package}` may not be in it: {rule}")]
    Forbidden {
        /// Which package.
        package: String,
        /// Which rule forbids it.
        rule: String,
    },
    /// A package that nothing leads to.
    #[error("nothing that is asked for or needed leads to `{0}`, which is in it")]
    NoReason(String),
    /// A package that is recommended and fits.
    #[error("`{0}` is recommended and fits, and is not in it")]
    Recommended(String),
    /// The search for recommended packages was given up.
    #[error("it takes more than {steps} steps to tell what is recommended")]
    Limit {
        /// [`Request::steps`].
        steps: u64,
    },
}

impl Misfit {
    /// Whether the set is not what the request asks for, rather than not what its packages say of themselves.
    #[must_use]
    pub const fn is_of_request(&self) -> bool {
        matches!(self, Self::Wishes(_) | Self::Wish(_) | Self::Forbidden { .. })
    }
}

/// Judges a set of packages of an index by a request ([`Request::keep`] does not matter). Returns it with the reasons.
///
/// # Errors
/// The set is none that the request leads to.
pub fn judge(index: &Index, request: &Request, chosen: &BTreeSet<PackageId>) -> Result<Solution, Misfit> {
    let asked = request::asked(index, request);
    let rules = Rc::new(Rules::new(index, &request.pins, &asked));
    let wanted = request::wanted(index, request, &rules).map_err(|error| Misfit::Wishes(Box::new(error)))?;
    let pins = request::pins(index, request, &rules, &wanted);
    let supply = Supply::new(index, &request.architecture, &request.keep, rules, pins);
    if let Some(&id) = chosen.iter().find(|&&id| supply.is_forbidden(id)) {
        return Err(Misfit::Forbidden { package: label(&supply, id), rule: supply.rules.words(id) });
    }
    let supply = supply.scoped(Scope::Best(slots(&supply, chosen)?));
    for each in &wanted {
        if !each.candidates.iter().any(|id| chosen.contains(id)) {
            return Err(match &each.cause {
                Cause::Asked(wish) => Misfit::Wish(wish.clone()),
                Cause::Base(base, package) => Misfit::Base { package: package.clone(), base },
            });
        }
    }
    hold(&supply, chosen)?;
    let reached = solution::reach(&supply, &wanted, chosen, request.recommends);
    if let Some(&id) = chosen.iter().find(|id| !reached.contains_key(id)) {
        return Err(Misfit::NoReason(label(&supply, id)));
    }
    if request.recommends {
        let limit = |_| Misfit::Limit { steps: request.steps };
        let all = recommends::add(&supply, &wanted, chosen.clone(), &Steps::new(request.steps, &Cancel::default()))
            .map_err(limit)?;
        if let Some(&id) = all.difference(chosen).next() {
            return Err(Misfit::Recommended(label(&supply, id)));
        }
    }
    Ok(solution::walk(&supply, &wanted, chosen, request))
}

/// Judges only whether packages of an index fit together and need no others.
///
/// # Errors
/// They do not.
pub fn fit_together(index: &Index, architecture: &str, chosen: &BTreeSet<PackageId>) -> Result<(), Misfit> {
    let (kept, asked) = (BTreeSet::new(), BTreeSet::new());
    let rules = Rc::new(Rules::new(index, &[], &asked));
    let supply = Supply::new(index, architecture, &kept, rules, BTreeMap::new());
    hold(&supply.scoped(Scope::Best(slots(&supply, chosen)?)), chosen)
}

fn slots<'a>(supply: &Supply<'a>, chosen: &BTreeSet<PackageId>) -> Result<BTreeMap<Slot<'a>, PackageId>, Misfit> {
    let mut slots = BTreeMap::new();
    for &id in chosen {
        if let Some(other) = slots.insert(supply.slot(id), id) {
            return Err(Misfit::Twice(label(supply, other), label(supply, id)));
        }
    }
    Ok(slots)
}

fn label(supply: &Supply<'_>, id: PackageId) -> String {
    Label::of(supply, id).to_string()
}

fn hold(supply: &Supply<'_>, chosen: &BTreeSet<PackageId>) -> Result<(), Misfit> {
    for &id in chosen {
        let package = supply.index.package(id);
        for (field, relation) in solution::relations(package, false) {
            let fulfilled = supply.satisfies_itself(id, relation)
                || supply.satisfying(package, relation).iter().any(|other| chosen.contains(other));
            if !fulfilled {
                let (package, relation) = (label(supply, id), relation.to_string());
                return Err(Misfit::Needs { package, field, relation });
            }
        }
        if let Some(&other) = supply.exclusions(id).iter().find(|other| chosen.contains(other)) {
            return Err(Misfit::Excludes { package: label(supply, id), other: label(supply, other) });
        }
    }
    Ok(())
}
