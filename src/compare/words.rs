//! A comparison in lines of text.

use std::collections::BTreeMap;
use std::fmt;

use super::Cause;
use super::Change;
use super::Comparison;
use super::PackageChange;
use super::PathChange;

/// How many paths of one cause the words name; the data names all.
pub(super) const PATHS_TOLD: usize = 40;

impl fmt::Display for Comparison {
    /// The packages, then the paths by cause, in lines; nothing when nothing differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.packages {
            writeln!(f, "{change}")?;
        }
        let mut by_cause: BTreeMap<&Cause, Vec<&PathChange>> = BTreeMap::new();
        for change in &self.paths {
            by_cause.entry(&change.cause).or_default().push(change);
        }
        for (cause, changes) in by_cause {
            let paths = if changes.len() == 1 { "path" } else { "paths" };
            writeln!(f, "\n{} {paths}: {cause}", changes.len())?;
            changes.iter().take(PATHS_TOLD).try_for_each(|change| writeln!(f, "  {change}"))?;
            if changes.len() > PATHS_TOLD {
                writeln!(f, "  … and {} more", changes.len() - PATHS_TOLD)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, architecture, before, after, .. } = self;
        match (before, after) {
            (Some(before), Some(after)) if before == after => {
                write!(f, "~ {name}:{architecture} {before}, other bytes of the same version")
            }
            (Some(before), Some(after)) => write!(f, "~ {name}:{architecture} {before} → {after}"),
            (Some(before), None) => write!(f, "- {name}:{architecture} {before}"),
            (None, Some(after)) => write!(f, "+ {name}:{architecture} {after}"),
            (None, None) => write!(f, "  {name}:{architecture}"),
        }
    }
}

impl fmt::Display for PathChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.changes.as_slice() {
            [Change::Added] => write!(f, "+ {}", self.path),
            [Change::Removed] => write!(f, "- {}", self.path),
            changes => {
                write!(f, "~ {}", self.path)?;
                changes.iter().try_for_each(|change| write!(f, "  {change}"))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            // Digests tell people nothing; the data has them.
            Self::Changed { what: "content", .. } => f.write_str("content"),
            Self::Changed { what, before, after } => write!(f, "{what} {before} → {after}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package { name, before, after } => match (before, after) {
                (Some(before), Some(after)) if before == after => {
                    write!(f, "package {name}, whose .deb of the same version has other bytes")
                }
                (Some(before), Some(after)) => write!(f, "package {name} {before} → {after}"),
                (Some(_), None) => write!(f, "package {name}, which is gone"),
                _ => write!(f, "package {name}, which is new"),
            },
            Self::Packages { stage } => write!(f, "{stage}, which had other packages to work on"),
            Self::Overlay => f.write_str("the recipe's overlay and nodes"),
            Self::Epoch => f.write_str("the newest time that each image may have"),
            Self::Builder { before, after } => write!(f, "imgbuild {before} → {after}, with the same packages"),
            Self::Recipe => f.write_str("the recipes, which differ, with the same packages"),
            Self::Unexplained { part } => write!(f, "{part}, with the same input as far as is known"),
            Self::NotReproducible { part } => write!(f, "{part}, with the same packages and recipe: not reproducible"),
            Self::Unknown => f.write_str("unknown: no manifest on one side, or none that names them"),
        }
    }
}
