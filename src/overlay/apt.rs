//! `/etc/apt/sources.list.d/debian.sources`: where a running node's apt has packages from (sources.list(5)).
//!
//! The suite and pockets that the image is made of, from Debian's public addresses: the mirror of a build is nobody
//! else's business, and a snapshot would never bring a correction. What the recipe's overlay or a package has put there
//! is enough; an archive with a keyring of one's own has an address that only the recipe's author knows.

use std::fmt::Write as _;

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Recipe;

const APT: &str = "/usr/bin/apt-get";
const LIST: &str = "/etc/apt/sources.list";
const DIRECTORY: &str = "/etc/apt/sources.list.d";
/// Where debian-archive-keyring has the keys, since trixie and before.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg"];

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe) -> Result<(), Error> {
    let debian = &recipe.debian;
    if !layer.exists(APT) || debian.signed_by.is_some() || layer.exists(LIST) || has_sources(layer) {
        return Ok(());
    }
    let keyring = KEYRINGS.into_iter().find(|path| layer.exists(path));
    let (main, security) = if debian.is_archived() {
        ("http://archive.debian.org/debian", "http://archive.debian.org/debian-security")
    } else {
        ("http://ftp.debian.org/debian", "http://security.debian.org/debian-security")
    };
    let (secure, others): (Vec<_>, Vec<_>) = debian.pockets.iter().partition(|pocket| *pocket == "security");
    let suites = |pockets: Vec<&String>| -> Vec<String> {
        pockets.into_iter().map(|pocket| debian.suite_of(Some(pocket))).collect()
    };
    let mut text = format!("# {}\n", recipe.generated());
    let all = [(main, [vec![debian.suite_of(None)], suites(others)].concat()), (security, suites(secure))];
    for (at, (address, suites)) in all.iter().filter(|(_, suites)| !suites.is_empty()).enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        let (suites, components) = (suites.join(" "), debian.components.join(" "));
        let _ = write!(text, "{gap}Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: {components}\n");
        if let Some(keyring) = keyring {
            let _ = writeln!(text, "Signed-By: {keyring}");
        }
    }
    layer.file(&format!("{DIRECTORY}/debian.sources"), 0o644, text)
}

/// Whether there are sources already.
fn has_sources(layer: &Layer<'_>) -> bool {
    let Some((directory, _)) = layer.tree.lookup(DIRECTORY) else { return false };
    let is_one = |name: &[u8]| name.ends_with(b".list") || name.ends_with(b".sources");
    layer.tree.children(&directory).any(|(path, _)| is_one(path.name()))
}
