//! A directory that shall have certain files and links and no others: what a generation and a menu are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::FileType;

use super::failed;
use crate::cancel::Cancel;
use crate::digest::Sha256;
use crate::error::Error;
use crate::head::MenuFile;
use crate::host::Dir;
use crate::manifest::DIRECTORY_MODE;
use crate::manifest::FILE_MODE;
use crate::pipeline::Output;

/// A file or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A file with these bytes.
    Text(String),
    /// A file of an output: its path there, and what the manifest says of it.
    Output(String, Sha256, u64),
    /// A link to this.
    Link(String),
}

impl From<MenuFile> for Item {
    fn from(file: MenuFile) -> Self {
        match file {
            MenuFile::Text(text) => Self::Text(text),
            MenuFile::Link(target) => Self::Link(target),
        }
    }
}

/// What a directory shall have, by path below it; its directories follow from the paths.
#[derive(Debug, Default)]
pub(super) struct Contents(pub(super) BTreeMap<String, Item>);

impl Contents {
    /// How a directory is not so, in words; but for what lies below these of its names. One way is enough.
    pub(super) fn difference(&self, directory: &Dir, but: &[&str], cancel: &Cancel) -> io::Result<Option<String>> {
        let mut missing: BTreeMap<&str, Option<&Item>> =
            self.0.iter().map(|(path, item)| (&**path, Some(item))).collect();
        missing.extend(self.directories().into_iter().map(|path| (path, None)));
        let mut todo = vec![String::new()];
        while let Some(parent) = todo.pop() {
            let here = directory.dir(&parent)?;
            for name in here.names()? {
                let path = Path::new(&parent).join(&name);
                let shown = path.to_string_lossy().into_owned();
                if but.contains(&&*shown) {
                    continue;
                }
                let status = here.status(&name)?;
                let found = path.to_str().and_then(|path| missing.remove(path));
                let is_same = match (found, status.kind) {
                    (Some(None), FileType::Directory) => {
                        todo.push(shown.clone());
                        status.mode == DIRECTORY_MODE
                    }
                    (Some(Some(Item::Link(target))), FileType::Symlink) => here.target(&name)? == target.as_bytes(),
                    (Some(Some(item)), FileType::RegularFile) => {
                        let wanted = match item {
                            Item::Text(text) => (Sha256::of(text.as_bytes()), text.len() as u64),
                            Item::Output(_, sha256, size) => (*sha256, *size),
                            Item::Link(_) => return Ok(Some(format!("`{}` is another", shown.escape_debug()))),
                        };
                        let mut file = cancel.reader(here.file(&name)?.take(wanted.1.saturating_add(1)));
                        status.mode == FILE_MODE && status.size == wanted.1 && Sha256::of_reader(&mut file)? == wanted
                    }
                    _ => false,
                };
                if !is_same {
                    return Ok(Some(format!("`{}` is another", shown.escape_debug())));
                }
            }
        }
        Ok(missing.keys().next().map(|path| format!("`{path}` is missing")))
    }

    /// Writes all of it into an empty directory, with modes that do not depend on anybody's umask.
    ///
    /// # Errors
    /// The disk, or a file of the output is not as its manifest says.
    pub(super) fn write(&self, output: Option<&Output>, directory: &Path) -> Result<(), Error> {
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        mode(directory, DIRECTORY_MODE).map_err(failed("make", directory))?;
        for path in self.directories() {
            let path = directory.join(path);
            fs::create_dir(&path).and_then(|()| mode(&path, DIRECTORY_MODE)).map_err(failed("make", &path))?;
        }
        for (path, item) in &self.0 {
            let path = directory.join(path);
            match item {
                Item::Link(target) => std::os::unix::fs::symlink(target, &path).map_err(failed("make", &path))?,
                Item::Text(text) => {
                    let mut file = File::create_new(&path).map_err(failed("write", &path))?;
                    file.write_all(text.as_bytes()).map_err(failed("write", &path))?;
                }
                Item::Output(from, ..) => {
                    let mut file = File::create_new(&path).map_err(failed("write", &path))?;
                    output.expect("only what comes out of an output has such files").copy(from, &mut file)?;
                }
            }
            if !matches!(item, Item::Link(_)) {
                mode(&path, FILE_MODE).map_err(failed("write", &path))?;
            }
        }
        Ok(())
    }

    /// The directories that the paths lie in, each after the one that it is in.
    fn directories(&self) -> BTreeSet<&str> {
        let above = |path: &'_ String| -> Vec<usize> { path.match_indices('/').map(|(at, _)| at).collect() };
        self.0.keys().flat_map(|path| above(path).into_iter().map(|at| &path[..at])).collect()
    }
}
