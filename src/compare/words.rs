//! A comparison in lines of text.

use std::collections::BTreeMap;
use std::fmt;

use super::Cause;
use super::Change;
use super::Comparison;
use super::FileChange;
use super::ImageChange;
use super::PackageChange;
use super::PathChange;
use super::ValueChange;
use super::files;

/// How many paths of one cause the words name; the data names all.
pub(super) const PATHS_TOLD: usize = 40;

impl fmt::Display for Comparison {
    /// What is known of the whole, the packages, the paths by cause, the files beside the root, and all of that of each
    /// image, in lines; nothing when nothing differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.iter().try_for_each(|change| writeln!(f, "{change}"))?;
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
        if !self.files.is_empty() {
            let word = if self.files.len() == 1 { "file" } else { "files" };
            writeln!(f, "\n{} {word} of the output beside its root", self.files.len())?;
            let lines = files::lines(&self.files);
            lines.iter().take(PATHS_TOLD).try_for_each(|line| writeln!(f, "  {line}"))?;
            if lines.len() > PATHS_TOLD {
                writeln!(f, "  … and {} more", lines.len() - PATHS_TOLD)?;
            }
        }
        self.images.iter().filter(|image| !image.is_same()).try_for_each(|image| write!(f, "{image}"))
    }
}

impl fmt::Display for ImageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            |name: &str| if name.is_empty() { "the image without a name".to_owned() } else { format!("image {name}") };
        match self {
            Self::Added { name } => writeln!(f, "+ {}", named(name)),
            Self::Removed { name } => writeln!(f, "- {}", named(name)),
            Self::Compared { name, comparison } => write!(f, "\n{}\n{comparison}", named(name)),
        }
    }
}

impl fmt::Display for ValueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {} {before} → {after}", self.name),
            (Some(before), None) => write!(f, "- {} {before}", self.name),
            (None, after) => write!(f, "+ {} {}", self.name, after.as_deref().unwrap_or_default()),
        }
    }
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        changed(f, &self.path, &self.changes)
    }
}

/// A path, and in which ways it differs.
fn changed(f: &mut fmt::Formatter<'_>, path: &str, changes: &[Change]) -> fmt::Result {
    match changes {
        [Change::Added] => write!(f, "+ {path}"),
        [Change::Removed] => write!(f, "- {path}"),
        changes => {
            write!(f, "~ {path}")?;
            changes.iter().try_for_each(|change| write!(f, "  {change}"))
        }
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
        changed(f, &self.path, &self.changes)
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
