//! What dpkg's database says of each package: the `Status:` field of `/var/lib/dpkg/status` (dpkg(1)).

use std::collections::BTreeSet;

use super::Error;
use crate::deb::kept;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;

/// From here on the chosen packages are unpacked and all others installed.
pub(super) fn set_unpacked(tree: &mut Tree, chosen: &[&Installed]) -> Result<(), Error> {
    let unpacked: BTreeSet<(&str, &str)> =
        chosen.iter().map(|package| (package.name.as_str(), package.architecture.as_str())).collect();
    let path = TreePath::literal("var/lib/dpkg/status");
    let text = tree.read(path.as_bytes()).map_err(Error::Tree)?.unwrap_or_default();
    let mut new = String::new();
    for stanza in kept(&text) {
        let stanza = stanza.map_err(Error::Status)?;
        let key = (stanza.get("Package").unwrap_or_default(), stanza.get("Architecture").unwrap_or_default());
        let state = if unpacked.contains(&key) { "unpacked" } else { "installed" };
        for line in stanza.text().lines() {
            match line.starts_with("Status: ") {
                true => new.push_str(&format!("Status: install ok {state}")),
                false => new.push_str(line),
            }
            new.push('\n');
        }
        new.push('\n');
    }
    tree.write(path.as_bytes(), 0o644, new).map(drop).map_err(Error::Tree)
}
