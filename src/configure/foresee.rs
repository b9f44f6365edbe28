//! Diversions that a preinst makes, before the files of its package come.
//!
//! dpkg runs a preinst before it unpacks the package, so a diversion of another package's file leaves the name free
//! for the package's own (Policy 3.9 and its appendix on diversions). Here all is unpacked before the first script; so
//! a preinst that names `dpkg-divert` is followed on a copy first, and what it diverts is laid down. When it runs
//! later, in either way, its diversions are there already, and dpkg-divert(1) leaves them alone.

use super::Error;
use super::Options;
use super::native;
use crate::host::Host;
use crate::recipe::Treatment;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack;
use crate::unpack::Installed;

/// dpkg's list: three lines each, the path, where it leads, and whose.
const DIVERSIONS: &str = "var/lib/dpkg/diversions";

/// Lays the diversions of `next` into the tree that has `installed`. A preinst that cannot be followed gives none: it
/// is named when its turn comes.
///
/// # Errors
/// The tree refuses it, or it was cancelled.
pub fn divert(
    host: &Host,
    tree: &mut Tree,
    installed: &[Installed],
    next: &Installed,
    options: &Options,
) -> Result<(), Error> {
    let skipped = options.packages.get(&next.name) == Some(&Treatment::Skip);
    let names = |text: &[u8], word: &[u8]| memchr::memmem::find(text, word).is_some();
    let Some(text) = next.member("preinst").filter(|text| !skipped && names(text, b"dpkg-divert")) else {
        return Ok(());
    };
    // All that is known of a thousand packages is only written for who asks.
    let asks = [&b"dpkg "[..], b"dpkg-query", b"debconf", b"/var/lib/dpkg"].into_iter().any(|word| names(text, word));
    let others = if asks { installed } else { &[] };
    let mut known: Vec<Installed> = others.iter().chain([next]).cloned().collect();
    known.iter_mut().for_each(|package| drop(package.members.remove("md5sums")));
    let mut copy = tree.clone();
    unpack::remember(&mut copy, &known, &options.architecture).map_err(Error::Remember)?;
    let Some(after) = native::preinst(host, copy, &known, next, options)? else { return Ok(()) };
    let before = diversions(tree)?;
    let new: Vec<[Vec<u8>; 3]> = diversions(&after)?.into_iter().filter(|one| !before.contains(one)).collect();
    if new.is_empty() {
        return Ok(());
    }
    for [from, to, _] in &new {
        // `--rename` moved what was there.
        let place = |tree: &Tree, path: &Vec<u8>| tree.resolve(path, false).ok();
        if let (Some(from), Some(to)) = (place(tree, from), place(tree, to))
            && is_moved(tree, &after, &from, &to)
        {
            tree.rename(&from, &to).map_err(Error::Tree)?;
        }
    }
    let mut text = tree.read(DIVERSIONS).map_err(Error::Tree)?.unwrap_or_default();
    for line in new.iter().flatten() {
        text.extend(line);
        text.push(b'\n');
    }
    tree.make_directories("var/lib/dpkg", 0o755).map_err(Error::Tree)?;
    tree.write(DIVERSIONS, 0o644, text).map(drop).map_err(Error::Tree)
}

fn is_moved(before: &Tree, after: &Tree, from: &TreePath, to: &TreePath) -> bool {
    before.get(from).is_some() && before.get(to).is_none() && after.get(from).is_none() && after.get(to).is_some()
}

fn diversions(tree: &Tree) -> Result<Vec<[Vec<u8>; 3]>, Error> {
    let text = tree.read(DIVERSIONS).map_err(Error::Tree)?.unwrap_or_default();
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    Ok(lines.chunks_exact(3).map(|lines| [lines[0].to_vec(), lines[1].to_vec(), lines[2].to_vec()]).collect())
}
