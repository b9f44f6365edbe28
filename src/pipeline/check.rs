//! An output beside its manifest.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::digest::Sha256;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::tree::TreePath;

/// Every file of the manifest, and that there is no other: what is not as it says, in words.
///
/// # Errors
/// A file cannot be read.
pub fn check(directory: &Path, manifest: &Manifest) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    for record in &manifest.outputs {
        if let Some(reason) = difference(directory, record)? {
            wrong.push(format!("`{}` {reason}", record.path.escape_debug()));
        }
    }
    let tree = manifest.outputs.iter().find(|record| record.path == "tree.txt");
    if tree.is_none_or(|record| record.sha256 != manifest.tree) {
        wrong.push("`tree.txt` is not of the manifest's tree".to_owned());
    }
    let known: BTreeSet<&str> = manifest.outputs.iter().filter_map(|record| record.path.split('/').next()).collect();
    for name in names(directory)? {
        if name != "manifest.json" && name != provenance::FILE && !known.contains(name.as_str()) {
            wrong.push(format!("`{}` is not in the manifest", name.escape_debug()));
        }
    }
    Ok(wrong)
}

/// How a file is not what the manifest says.
fn difference(directory: &Path, record: &OutputRecord) -> Result<Option<&'static str>, Error> {
    // The manifest may be anybody's: it does not choose which files of this machine are read.
    let Ok(path) = TreePath::new(&record.path) else { return Ok(Some("is no path in an output")) };
    let path = directory.join(String::from_utf8_lossy(path.as_bytes()).as_ref());
    let metadata = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some("is missing")),
        metadata => metadata.map_err(failed(&path))?,
    };
    if !metadata.is_file() {
        return Ok(Some("is no regular file"));
    }
    let found = File::open(&path).and_then(|mut file| Sha256::of_reader(&mut file)).map_err(failed(&path))?;
    Ok((found != (record.sha256, record.size)).then_some("has other bytes"))
}

/// The names in a directory, sorted.
#[expect(clippy::disallowed_methods, reason = "sorted here")]
fn names(directory: &Path) -> Result<BTreeSet<String>, Error> {
    let entries = fs::read_dir(directory).map_err(failed(directory))?;
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(failed(directory))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path, source }
}
