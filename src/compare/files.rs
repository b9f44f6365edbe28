//! The files of two outputs by what their manifests say of them.
//!
//! An output has more than a root: what nodes load before they have one, and the files of the head. What follows from
//! the root, from its packages or from the other files is only told where nothing else says that it is another.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use super::Change;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;

/// A path of an output, outside of the root, that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Below the output directory: on the second side, or on the first if it is only there.
    pub path: String,
    /// In which ways.
    pub changes: Vec<Change>,
}

/// Which paths of two outputs differ, and how.
#[must_use]
pub fn changed<'a>(
    before: impl IntoIterator<Item = &'a OutputRecord>,
    after: impl IntoIterator<Item = &'a OutputRecord>,
) -> Vec<FileChange> {
    let (before, after): (Vec<_>, Vec<_>) = (before.into_iter().collect(), after.into_iter().collect());
    // A generation's files have other names in each, and are the same files to people.
    let found = named(&before, place).zip(named(&after, place)).map(|(before, after)| differing(&before, &after));
    // Names that are other, and nothing else, are something that differs.
    found.filter(|found| !found.is_empty()).unwrap_or_else(|| {
        let named = |records: &[&'a OutputRecord]| records.iter().map(|it| (it.path().to_owned(), *it)).collect();
        differing(&named(&before), &named(&after))
    })
}

/// Whether it is about all other files.
pub(super) fn is_own(path: &str) -> bool {
    path == "manifest.json" || path == provenance::FILE
}

/// Leaves out what follows from what is told already: of the root, of packages, of values of the whole.
pub(super) fn beside(mut changes: Vec<FileChange>, (root, packages, values): (bool, bool, bool)) -> Vec<FileChange> {
    let is_other = |change: &FileChange| !matches!(change.changes.as_slice(), [Change::Added | Change::Removed]);
    changes.retain(|change| {
        let path = change.path.as_str();
        match path {
            // Its blobs are named after their bytes.
            _ if path.starts_with("root.oci/") => !root,
            _ if !is_other(change) => true,
            "tree.txt" => !root,
            _ if path.starts_with("root.") => !root,
            _ if path.starts_with("sbom.") => !(root || packages || values),
            _ if path.ends_with(".lock") && !path.contains('/') => !(packages || values),
            _ => true,
        }
    });
    let is_told = root || packages || values || changes.iter().any(|change| !is_own(&change.path));
    changes.retain(|change| !(is_told && is_own(&change.path) && is_other(change)));
    changes
}

/// So many files of one generation are told one by one.
const FEW: usize = 3;

/// Each file in a line, and many of one generation or menu as one: they are a few lines for each node, three times over.
pub(super) fn lines(files: &[FileChange]) -> Vec<String> {
    let of = |file: &FileChange| -> Option<String> {
        let plain = place(&file.path);
        let depth = plain.split('/').zip(file.path.split('/')).position(|(plain, real)| plain != real)?;
        Some(file.path.split('/').take(depth + 1).collect::<Vec<_>>().join("/"))
    };
    let mut lines = Vec::new();
    for group in files.chunk_by(|one, other| of(one).is_some() && of(one) == of(other)) {
        match of(&group[0]) {
            Some(directory) if group.len() > FEW => lines.push(format!("~ {directory}/  {} files", group.len())),
            _ => lines.extend(group.iter().map(ToString::to_string)),
        }
    }
    lines
}

/// A path without the digests of generations and of menus in it.
fn place(path: &str) -> String {
    let is_digest = |text: &str| text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let part = |part: &str| match part.strip_prefix("menu-").unwrap_or(part) {
        digest if is_digest(digest) => part.replace(digest, "*"),
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Records by what `name` makes of their paths; `None` where two would have one name.
fn named<'a>(records: &[&'a OutputRecord], name: fn(&str) -> String) -> Option<BTreeMap<String, &'a OutputRecord>> {
    let named: BTreeMap<String, &OutputRecord> = records.iter().map(|it| (name(it.path()), *it)).collect();
    (named.len() == records.len()).then_some(named)
}

fn differing(before: &BTreeMap<String, &OutputRecord>, after: &BTreeMap<String, &OutputRecord>) -> Vec<FileChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| {
        let (before, after) = (before.get(name), after.get(name));
        let path = after.or(before)?.path().to_owned();
        let changes = match (before, after) {
            (Some(before), Some(after)) => differences(before, after),
            (Some(_), None) => vec![Change::Removed],
            (None, _) => vec![Change::Added],
        };
        (!changes.is_empty()).then_some(FileChange { path, changes })
    };
    names.into_iter().filter_map(change).collect()
}

fn differences(before: &OutputRecord, after: &OutputRecord) -> Vec<Change> {
    let changed = |(what, before, after): (&'static str, String, String)| {
        (before != after).then_some(Change::Changed { what, before, after })
    };
    let octal = |mode: &u32| format!("{mode:04o}");
    let fields = match (before, after) {
        (OutputRecord::Directory { mode, .. }, OutputRecord::Directory { mode: other, .. }) => {
            vec![("mode", octal(mode), octal(other))]
        }
        (
            OutputRecord::File { mode, size, sha256, .. },
            OutputRecord::File { mode: m, size: s, sha256: digest, .. },
        ) => {
            vec![
                ("mode", octal(mode), octal(m)),
                ("size", size.to_string(), s.to_string()),
                ("content", sha256.to_string(), digest.to_string()),
            ]
        }
        (OutputRecord::Link { target, .. }, OutputRecord::Link { target: other, .. }) => {
            vec![("target", place(target), place(other))]
        }
        (before, after) => vec![("type", kind(before).to_owned(), kind(after).to_owned())],
    };
    fields.into_iter().filter_map(changed).collect()
}

const fn kind(record: &OutputRecord) -> &'static str {
    match record {
        OutputRecord::File { .. } => "file",
        OutputRecord::Link { .. } => "symbolic link",
        OutputRecord::Directory { .. } | OutputRecord::Tree { .. } => "directory",
    }
}
