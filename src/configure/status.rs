//! `/var/lib/dpkg/status` of a tree, whole.

use super::Error;
use super::tools::dpkg::database::Database;
use crate::tree::Tree;
use crate::tree::TreePath;

pub(super) fn path() -> TreePath {
    TreePath::literal("var/lib/dpkg/status")
}

/// An empty database where a tree has none.
pub(super) fn read(tree: &Tree) -> Result<Database, Error> {
    let text = tree.read(path().as_bytes()).map_err(Error::Tree)?.unwrap_or_default();
    Database::parse(&text).map_err(Error::Status)
}

pub(super) fn write(tree: &mut Tree, database: &Database) -> Result<(), Error> {
    tree.write(path().as_bytes(), 0o644, database.text()).map(drop).map_err(Error::Tree)
}
